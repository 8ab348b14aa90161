//! A picture in units, over the pixels of tiny-skia.
use super::colour::Lab;
use super::geometry::Point;
use tiny_skia::{
    FillRule, GradientStop, LineCap, LineJoin, LinearGradient, Paint, Path, Pixmap, Point as Dot,
    RadialGradient, Rect, Shader, SpreadMode, Stroke, Transform,
};

/// A picture whose shorter side is two units long, with the origin in its middle and y down.
pub(super) struct Canvas {
    pixels: Pixmap,
    place: Transform,
    /// half the width and half the height in units
    pub half: Point,
}

/// What a shape is filled with.
pub(super) type Ink = Shader<'static>;

/// One colour, `alpha` opaque.
pub(super) fn plain(colour: Lab, alpha: f32) -> Ink {
    Shader::SolidColor(colour.ink(alpha))
}

fn stops(colours: &[(f32, Lab, f32)]) -> Vec<GradientStop> {
    colours
        .iter()
        .map(|&(at, colour, alpha)| GradientStop::new(at, colour.ink(alpha)))
        .collect()
}

fn dot(p: Point) -> Dot {
    Dot::from_xy(p[0], p[1])
}

/// A gradient from `from` to `to`, of (place, colour, opacity).
pub(super) fn linear(from: Point, to: Point, colours: &[(f32, Lab, f32)]) -> Ink {
    LinearGradient::new(
        dot(from),
        dot(to),
        stops(colours),
        SpreadMode::Pad,
        Transform::identity(),
    )
    .unwrap_or_else(|| last(colours))
}

/// A gradient from the centre outward, of (place, colour, opacity).
pub(super) fn radial(centre: Point, radius: f32, colours: &[(f32, Lab, f32)]) -> Ink {
    let (c, identity) = (dot(centre), Transform::identity());
    RadialGradient::new(c, 0.0, c, radius, stops(colours), SpreadMode::Pad, identity)
        .unwrap_or_else(|| last(colours))
}

fn last(colours: &[(f32, Lab, f32)]) -> Ink {
    colours
        .last()
        .map_or(Shader::SolidColor(tiny_skia::Color::TRANSPARENT), |c| {
            plain(c.1, c.2)
        })
}

impl Canvas {
    /// None when a side is 0 or the picture is too large to be held.
    pub(super) fn new(width: u32, height: u32) -> Option<Canvas> {
        let pixels = Pixmap::new(width, height)?;
        let (w, h) = (width as f32 / 2.0, height as f32 / 2.0);
        let scale = w.min(h);
        Some(Canvas {
            pixels,
            place: Transform::from_row(scale, 0.0, 0.0, scale, w, h),
            half: [w / scale, h / scale],
        })
    }

    /// Fills the whole picture.
    pub(super) fn flood(&mut self, ink: Ink) {
        let [w, h] = self.half;
        if let Some(all) = Rect::from_ltrb(-w, -h, w, h) {
            self.pixels.fill_rect(all, &paint(ink, false), self.place, None);
        }
    }

    /// Fills a shape; of one that could not be built, nothing is drawn.
    pub(super) fn fill(&mut self, path: Option<Path>, ink: Ink) {
        if let Some(path) = path {
            self.pixels
                .fill_path(&path, &paint(ink, true), FillRule::Winding, self.place, None);
        }
    }

    /// Draws a line of a width, with round ends.
    pub(super) fn line(&mut self, path: Option<Path>, width: f32, ink: Ink) {
        if let Some(path) = path {
            let stroke = Stroke {
                width,
                line_cap: LineCap::Round,
                line_join: LineJoin::Round,
                ..Stroke::default()
            };
            self.pixels
                .stroke_path(&path, &paint(ink, true), &stroke, self.place, None);
        }
    }

    /// The picture as rows of red, green and blue. It is opaque where it was flooded.
    pub(super) fn rgb(&self) -> Vec<u8> {
        self.pixels
            .data()
            .chunks_exact(4)
            .flat_map(|p| [p[0], p[1], p[2]])
            .collect()
    }
}

fn paint(shader: Ink, anti_alias: bool) -> Paint<'static> {
    Paint {
        shader,
        anti_alias,
        ..Paint::default()
    }
}

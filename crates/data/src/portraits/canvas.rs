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
    /// whether what is drawn is a map: each part in its own colour, without shades and shadows
    map: bool,
    part: Part,
}

/// What a shape is filled with.
#[derive(Clone)]
pub(super) struct Ink {
    shader: Shader<'static>,
    /// of its most opaque place
    opacity: f32,
}

/// One colour, `alpha` opaque.
pub(super) fn plain(colour: Lab, alpha: f32) -> Ink {
    Ink {
        shader: Shader::SolidColor(colour.ink(alpha)),
        opacity: alpha,
    }
}

/// The gradient, or its last colour where there is none.
fn graded(shader: Option<Shader<'static>>, colours: &[(f32, Lab, f32)]) -> Ink {
    let last = || {
        colours
            .last()
            .map_or(tiny_skia::Color::TRANSPARENT, |c| c.1.ink(c.2))
    };
    Ink {
        shader: shader.unwrap_or_else(|| Shader::SolidColor(last())),
        opacity: colours.iter().map(|c| c.2).fold(0.0, f32::max),
    }
}

/// What a shape belongs to, in a map of parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Background,
    Skin,
    Hair,
    Eyes,
    Mouth,
    Glasses,
    Headwear,
    Jewels,
    Clothing,
}

impl Part {
    /// Its colour in a map: as far apart as nine colours are.
    fn colour(self) -> tiny_skia::Color {
        let [r, g, b] = match self {
            Part::Background => [40, 40, 48],
            Part::Skin => [240, 190, 150],
            Part::Hair => [120, 70, 20],
            Part::Eyes => [40, 120, 255],
            Part::Mouth => [220, 30, 60],
            Part::Glasses => [0, 230, 230],
            Part::Headwear => [190, 60, 230],
            Part::Jewels => [255, 230, 0],
            Part::Clothing => [40, 170, 70],
        };
        tiny_skia::Color::from_rgba8(r, g, b, 255)
    }
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
    let (stops, identity) = (stops(colours), Transform::identity());
    graded(
        LinearGradient::new(dot(from), dot(to), stops, SpreadMode::Pad, identity),
        colours,
    )
}

/// A gradient from the centre outward, of (place, colour, opacity).
pub(super) fn radial(centre: Point, radius: f32, colours: &[(f32, Lab, f32)]) -> Ink {
    let (c, identity) = (dot(centre), Transform::identity());
    graded(
        RadialGradient::new(c, 0.0, c, radius, stops(colours), SpreadMode::Pad, identity),
        colours,
    )
}

impl Canvas {
    /// None when a side is 0 or the picture is too large to be held.
    pub(super) fn new(width: u32, height: u32, map: bool) -> Option<Canvas> {
        let pixels = Pixmap::new(width, height)?;
        let (w, h) = (width as f32 / 2.0, height as f32 / 2.0);
        let scale = w.min(h);
        Some(Canvas {
            pixels,
            place: Transform::from_row(scale, 0.0, 0.0, scale, w, h),
            half: [w / scale, h / scale],
            map,
            part: Part::Background,
        })
    }

    /// Draws what belongs to a part.
    pub(super) fn of(&mut self, part: Part, draw: impl FnOnce(&mut Canvas)) {
        let before = std::mem::replace(&mut self.part, part);
        draw(self);
        self.part = before;
    }

    /// What a shape is painted with: as it is, or in a map in its part's colour, where it hides what lies beneath it.
    fn paint(&self, ink: Ink, anti_alias: bool) -> Option<Paint<'static>> {
        /// What is less opaque is a shade of what lies beneath it.
        const HIDES: f32 = 0.5;
        let (shader, anti_alias) = match self.map {
            true if ink.opacity < HIDES => return None,
            true => (Shader::SolidColor(self.part.colour()), false),
            false => (ink.shader, anti_alias),
        };
        Some(Paint {
            shader,
            anti_alias,
            ..Paint::default()
        })
    }

    /// Fills the whole picture.
    pub(super) fn flood(&mut self, ink: Ink) {
        let [w, h] = self.half;
        if let (Some(all), Some(paint)) = (Rect::from_ltrb(-w, -h, w, h), self.paint(ink, false)) {
            self.pixels.fill_rect(all, &paint, self.place, None);
        }
    }

    /// Fills a shape; of one that could not be built, nothing is drawn.
    pub(super) fn fill(&mut self, path: Option<Path>, ink: Ink) {
        if let (Some(path), Some(paint)) = (path, self.paint(ink, true)) {
            self.pixels
                .fill_path(&path, &paint, FillRule::Winding, self.place, None);
        }
    }

    /// Draws a line of a width, with round ends.
    pub(super) fn line(&mut self, path: Option<Path>, width: f32, ink: Ink) {
        if let (Some(path), Some(paint)) = (path, self.paint(ink, true)) {
            let stroke = Stroke {
                width,
                line_cap: LineCap::Round,
                line_join: LineJoin::Round,
                ..Stroke::default()
            };
            self.pixels.stroke_path(&path, &paint, &stroke, self.place, None);
        }
    }

    /// The picture as rows of red, green, blue and alpha, the colours times alpha.
    pub(super) fn premultiplied(&self) -> Vec<u8> {
        self.pixels.data().to_vec()
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

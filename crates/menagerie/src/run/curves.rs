//! The numbers of metrics.jsonl as curves in one picture, a panel for each group of names (`loss/...`, `d/...`).
use crate::error::{Error, Result};
use crate::picture::save_rgb;
use plotters::prelude::*;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Once;

const COLOURS: [RGBColor; 6] = [
    RGBColor(31, 119, 180),
    RGBColor(214, 88, 39),
    RGBColor(44, 140, 80),
    RGBColor(140, 90, 170),
    RGBColor(120, 120, 120),
    RGBColor(190, 160, 20),
];

/// name -> (step, value), for every number that is not a count of time.
pub(super) fn series(lines: &[Map<String, Value>]) -> BTreeMap<String, Vec<(f64, f64)>> {
    let mut all: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    for line in lines {
        let step = super::step_of(line) as f64;
        for (name, value) in line {
            if let (false, Some(v)) = (
                ["step", "images", "seconds"].contains(&name.as_str()),
                value.as_f64(),
            ) {
                all.entry(name.clone()).or_default().push((step, v));
            }
        }
    }
    all
}

/// Some lines in a panel of their own.
pub(super) struct Panel {
    /// above it
    pub title: String,
    /// what lies across; may be empty
    pub across: &'static str,
    /// name and points of each line
    pub lines: Vec<(String, Vec<(f64, f64)>)>,
    /// whether the points are marked
    pub dots: bool,
}

/// Draws the curves; nothing is written while there are none.
pub fn draw_curves(lines: &[Map<String, Value>], path: &Path) -> Result<()> {
    let mut groups: BTreeMap<String, Vec<(String, Vec<(f64, f64)>)>> = BTreeMap::new();
    for (name, points) in series(lines) {
        let (group, member) = name.split_once('/').unwrap_or((&name, &name));
        groups
            .entry(group.to_string())
            .or_default()
            .push((member.to_string(), points));
    }
    if groups.is_empty() {
        return Ok(());
    }
    let panels: Vec<Panel> = groups
        .into_iter()
        .map(|(title, lines)| Panel {
            title,
            across: "",
            lines,
            dots: false,
        })
        .collect();
    draw_panels(&panels, path)
}

/// Draws one panel or more, two beside each other.
pub(super) fn draw_panels(panels: &[Panel], path: &Path) -> Result<()> {
    static FONT: Once = Once::new();
    FONT.call_once(|| {
        plotters::style::register_font("sans-serif", FontStyle::Normal, dejavu::sans::regular()).ok();
    });
    // Drawn into memory and written in one go: a reader never sees half a picture.
    let (columns, panel) = (panels.len().clamp(1, 2), (480, 300));
    let rows = panels.len().div_ceil(columns);
    let (width, height) = (panel.0 * columns as u32, panel.1 * rows as u32);
    let mut pixels = vec![255u8; (width * height * 3) as usize];
    {
        let root = BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
        let areas = root.split_evenly((rows, columns));
        for (panel, area) in panels.iter().zip(&areas) {
            draw_panel(panel, area).map_err(|e| {
                Error::run(
                    path,
                    format!("cannot draw {}: {e}", panel.title),
                    "report this as a bug",
                )
            })?;
        }
        root.present()
            .map_err(|e| Error::run(path, e.to_string(), "report this as a bug"))?;
    }
    save_rgb(path, width as usize, height as usize, &pixels)
}

type Area<'a> = DrawingArea<BitMapBackend<'a>, plotters::coord::Shift>;

fn draw_panel(panel: &Panel, area: &Area) -> std::result::Result<(), Box<dyn std::error::Error>> {
    area.fill(&WHITE)?;
    let all = || panel.lines.iter().flat_map(|(_, p)| p);
    let bounds = |f: &dyn Fn(&(f64, f64)) -> f64| {
        all()
            .map(f)
            .fold((f64::MAX, f64::MIN), |(a, b), v| (a.min(v), b.max(v)))
    };
    let (x0, x1) = bounds(&|p| p.0);
    let (y0, y1) = bounds(&|p| p.1);
    let pad = ((y1 - y0) * 0.05).max(1e-6 * y1.abs().max(1e-6));
    let x1 = if panel.dots && x1 > x0 {
        x1
    } else {
        x1.max(x0 + 1.0)
    };
    let mut chart = ChartBuilder::on(area)
        .caption(&panel.title, ("sans-serif", 16))
        .margin(8)
        .x_label_area_size(if panel.across.is_empty() { 24 } else { 36 })
        .y_label_area_size(52)
        .build_cartesian_2d(x0..x1, y0 - pad..y1 + pad)?;
    let mut mesh = chart.configure_mesh();
    mesh.light_line_style(RGBColor(240, 240, 240))
        .x_labels(6)
        .y_labels(6)
        .label_style(("sans-serif", 11));
    if !panel.across.is_empty() {
        mesh.x_desc(panel.across);
    }
    mesh.draw()?;
    for ((name, points), colour) in panel.lines.iter().zip(COLOURS.iter().cycle()) {
        let line = chart.draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(1)))?;
        line.label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 14, y)], colour.stroke_width(2)));
        if panel.dots {
            chart.draw_series(points.iter().map(|p| Circle::new(*p, 3, colour.filled())))?;
        }
    }
    chart
        .configure_series_labels()
        .background_style(WHITE.mix(0.8))
        .label_font(("sans-serif", 11))
        .draw()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_are_drawn_where_there_are_numbers() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("curves.png");
        draw_curves(&[], &path).unwrap();
        assert!(!path.exists());
        let line = |i: u64| -> Map<String, Value> {
            serde_json::from_str(&format!(
                "{{\"step\":{i},\"loss/g\":{},\"loss/d\":0.5,\"d/real\":0.5,\"diversity\":null}}",
                i * i
            ))
            .unwrap()
        };
        draw_curves(&(1..20).map(line).collect::<Vec<_>>(), &path).unwrap();
        let picture = image::open(&path).unwrap().to_rgb8();
        assert_eq!(picture.dimensions(), (960, 300));
        // both panels hold a line of the first colour
        for side in [0, 480] {
            assert!(
                (side..side + 480).any(|x| (0..300).any(|y| picture.get_pixel(x, y).0 == [31, 119, 180]))
            );
        }
    }
}

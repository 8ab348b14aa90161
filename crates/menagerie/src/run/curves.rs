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
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Panel {
    /// above it
    pub title: String,
    /// what lies across
    pub across: &'static str,
    /// name and points of each line
    pub lines: Vec<(String, Vec<(f64, f64)>)>,
    /// whether the points are marked
    pub dots: bool,
    /// least and most that the axis shows, where they are known beforehand
    pub bounds: Option<(f64, f64)>,
    /// a value that is marked across the panel
    pub level: Option<f64>,
}

/// Lines share an axis while the larger is at most so many times the smaller: above, one would be a flat line.
const ALIKE: f64 = 20.0;

/// The panels of a run: a group of names (`loss/...`) each, cut into several where its numbers are unlike.
pub(super) fn panels(lines: &[Map<String, Value>]) -> Vec<Panel> {
    let mut groups: BTreeMap<String, Vec<(String, Vec<(f64, f64)>)>> = BTreeMap::new();
    for (name, points) in series(lines) {
        let (group, member) = name.split_once('/').unwrap_or((&name, &name));
        groups
            .entry(group.to_string())
            .or_default()
            .push((member.to_string(), points));
    }
    let mut out = Vec::new();
    for (title, members) in groups {
        let panel = Panel {
            title,
            across: "step",
            lines: members,
            dots: false,
            bounds: None,
            level: None,
        };
        // Probabilities have their own words, and one half is where the discriminator cannot tell.
        if panel.title == "d"
            && panel
                .lines
                .iter()
                .all(|l| ["real", "fake"].contains(&l.0.as_str()))
        {
            out.push(Panel {
                title: "D(x) and D(G(z))".into(),
                lines: panel
                    .lines
                    .into_iter()
                    .rev()
                    .map(|(name, points)| (if name == "real" { "D(x)" } else { "D(G(z))" }.into(), points))
                    .collect(),
                bounds: Some((0.0, 1.0)),
                level: Some(0.5),
                ..panel
            });
            continue;
        }
        out.extend(alike(panel));
    }
    out
}

/// A panel for all lines of one magnitude, which is the median of their absolute values.
fn alike(panel: Panel) -> Vec<Panel> {
    let magnitude = |points: &[(f64, f64)]| {
        let mut all: Vec<f64> = points.iter().map(|p| p.1.abs()).collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied().unwrap_or(0.0)
    };
    let mut out: Vec<(Panel, f64)> = Vec::new();
    for (name, points) in &panel.lines {
        let own = magnitude(points);
        let fits = |other: f64| own.max(other) <= ALIKE * own.min(other) || own == other;
        match out.iter_mut().find(|(_, other)| fits(*other)) {
            Some((home, _)) => home.lines.push((name.clone(), points.clone())),
            None => {
                let lines = vec![(name.clone(), points.clone())];
                out.push((
                    Panel {
                        lines,
                        ..panel.clone()
                    },
                    own,
                ));
            }
        }
    }
    let several = out.len() > 1;
    for (home, _) in &mut out {
        if several && home.lines.len() == 1 {
            home.title = format!("{}/{}", home.title, home.lines[0].0);
        }
    }
    out.into_iter().map(|o| o.0).collect()
}

/// Draws the curves; nothing is written while there are none.
///
/// # Errors
/// [`Error::Io`] when the picture cannot be written.
pub fn draw_curves(lines: &[Map<String, Value>], path: &Path) -> Result<()> {
    let panels = panels(lines);
    match panels.is_empty() {
        true => Ok(()),
        false => draw_panels(&panels, path),
    }
}

/// Draws one panel or more, two beside each other.
pub(super) fn draw_panels(panels: &[Panel], path: &Path) -> Result<()> {
    static FONT: Once = Once::new();
    FONT.call_once(|| {
        plotters::style::register_font("sans-serif", FontStyle::Normal, dejavu::sans::regular()).ok();
    });
    // Drawn into memory and written in one go: a reader never sees half a picture.
    let (columns, panel) = (panels.len().clamp(1, 2), (560, 300));
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
type Drawn = std::result::Result<(), Box<dyn std::error::Error>>;

/// Letters of a name that a legend has room for, each at most so many pixels wide.
const LETTERS: usize = 24;
const LETTER: usize = 7;

/// The legend, beside the panel so that it hides nothing.
fn draw_legend(panel: &Panel, area: &Area) -> Drawn {
    for (i, ((name, _), colour)) in panel.lines.iter().zip(COLOURS.iter().cycle()).enumerate() {
        let y = 36 + 16 * i as i32;
        area.draw(&PathElement::new([(0, y), (14, y)], colour.stroke_width(2)))?;
        let end = match name.chars().count() > LETTERS {
            // The end of a path tells runs apart.
            true => format!(
                "…{}",
                name.chars()
                    .skip(name.chars().count() + 1 - LETTERS)
                    .collect::<String>()
            ),
            false => name.clone(),
        };
        area.draw(&Text::new(end, (20, y - 6), ("sans-serif", 11)))?;
    }
    Ok(())
}

fn draw_panel(panel: &Panel, area: &Area) -> Drawn {
    area.fill(&WHITE)?;
    let needs_legend = panel.lines.len() > 1 || panel.lines.iter().any(|l| !panel.title.ends_with(&l.0));
    let longest = panel.lines.iter().map(|l| l.0.chars().count()).max().unwrap_or(0);
    let beside = if needs_legend {
        28 + LETTER * longest.min(LETTERS)
    } else {
        8
    };
    let (width, _) = area.dim_in_pixel();
    let (area, legend) = area.split_horizontally(width as i32 - beside as i32);
    if needs_legend {
        draw_legend(panel, &legend)?;
    }
    let all = || panel.lines.iter().flat_map(|(_, p)| p);
    let bounds = |f: &dyn Fn(&(f64, f64)) -> f64| {
        all()
            .map(f)
            .fold((f64::MAX, f64::MIN), |(a, b), v| (a.min(v), b.max(v)))
    };
    let (x0, x1) = bounds(&|p| p.0);
    let (y0, y1) = panel.bounds.unwrap_or_else(|| bounds(&|p| p.1));
    let pad = ((y1 - y0) * 0.05).max(1e-6 * y1.abs().max(1e-6));
    let x1 = if panel.dots && x1 > x0 {
        x1
    } else {
        x1.max(x0 + 1.0)
    };
    let mut chart = ChartBuilder::on(&area)
        .caption(&panel.title, ("sans-serif", 16))
        .margin(8)
        // Half of the last number's width stands beyond the axis.
        .margin_right(28)
        .x_label_area_size(36)
        .y_label_area_size(52)
        .build_cartesian_2d(x0..x1, y0 - pad..y1 + pad)?;
    let mut mesh = chart.configure_mesh();
    mesh.light_line_style(RGBColor(240, 240, 240))
        .x_labels(6)
        .y_labels(6)
        .label_style(("sans-serif", 11))
        .x_desc(panel.across);
    mesh.draw()?;
    if let Some(level) = panel.level {
        let grey = RGBColor(150, 150, 150).stroke_width(1);
        chart.draw_series(DashedLineSeries::new([(x0, level), (x1, level)], 4, 4, grey))?;
    }
    for ((_, points), colour) in panel.lines.iter().zip(COLOURS.iter().cycle()) {
        chart.draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(1)))?;
        if panel.dots {
            chart.draw_series(points.iter().map(|p| Circle::new(*p, 3, colour.filled())))?;
        }
    }
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
        // Two losses of unlike size have an axis each.
        assert_eq!(picture.dimensions(), (1120, 600));
        let has_line = |x0: u32, y0: u32| {
            (x0..x0 + 560).any(|x| (y0..y0 + 300).any(|y| picture.get_pixel(x, y).0 == [31, 119, 180]))
        };
        assert!(has_line(0, 0) && has_line(560, 0) && has_line(0, 300) && !has_line(560, 300));
    }

    #[test]
    fn unlike_numbers_have_an_axis_each_and_probabilities_their_names() {
        let line: Map<String, Value> = serde_json::from_str(
            "{\"step\":3,\"d/fake\":0.25,\"d/real\":0.75,\"points/modes\":24,\"points/high-quality\":0.5,
              \"gradient/g\":2,\"gradient/d\":3,\"seconds\":9}",
        )
        .unwrap();
        let found = panels(&[line]);
        let titles: Vec<&str> = found.iter().map(|p| p.title.as_str()).collect();
        assert_eq!(
            titles,
            [
                "D(x) and D(G(z))",
                "gradient",
                "points/high-quality",
                "points/modes"
            ]
        );
        let names = |p: &Panel| p.lines.iter().map(|l| l.0.clone()).collect::<Vec<_>>();
        assert_eq!(names(&found[0]), ["D(x)", "D(G(z))"]);
        assert_eq!((found[0].level, found[0].bounds), (Some(0.5), Some((0.0, 1.0))));
        assert_eq!(names(&found[1]), ["d", "g"]);
    }
}

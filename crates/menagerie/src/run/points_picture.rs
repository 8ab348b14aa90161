//! Points of the plane over the density they should follow.
use crate::data::Density;
use crate::error::Result;
use crate::picture::Picture;
use std::path::Path;

/// Pixels of a side.
const SIDE: usize = 512;

/// Writes [`points_picture`] into a file.
///
/// # Errors
/// [`crate::Error::Io`] when the picture cannot be written.
pub fn draw_points(
    points: &[f32],
    features: usize,
    density: Option<&dyn Density>,
    path: &Path,
) -> Result<()> {
    points_picture(points, features, density).save(path)
}

/// Points (`x, y` one after the other; further coordinates are left out of `points` by the caller's choice of
/// 2-D data) as dots over the true density, where it is known.
pub fn points_picture(points: &[f32], features: usize, density: Option<&dyn Density>) -> Picture {
    let xy: Vec<[f64; 2]> = points
        .chunks_exact(features)
        .map(|p| [p[0] as f64, *p.get(1).unwrap_or(&0.0) as f64])
        .collect();
    let extent = extent(&xy, density);
    let at = |v: f64, axis: usize| (v - extent[axis][0]) / (extent[axis][1] - extent[axis][0]) * SIDE as f64;
    let mut pixels = vec![255u8; SIDE * SIDE * 3];
    if let Some(d) = density {
        let centre = |i: usize, axis: usize| {
            extent[axis][0] + (i as f64 + 0.5) / SIDE as f64 * (extent[axis][1] - extent[axis][0])
        };
        let heat: Vec<f64> = (0..SIDE * SIDE)
            .map(|i| d.log_density([centre(i % SIDE, 0), centre(SIDE - 1 - i / SIDE, 1)]))
            .collect();
        let top = heat.iter().copied().fold(f64::MIN, f64::max);
        for (p, h) in pixels.chunks_exact_mut(3).zip(heat) {
            // From white to a light blue over the eight nats below the densest pixel.
            let t = (1.0 - (top - h) / 8.0).clamp(0.0, 1.0);
            p.copy_from_slice(&[(255.0 - 120.0 * t) as u8, (255.0 - 75.0 * t) as u8, 255]);
        }
    }
    for p in &xy {
        let (x, y) = (at(p[0], 0), SIDE as f64 - at(p[1], 1));
        if !(x >= 1.0 && y >= 1.0 && x < SIDE as f64 - 1.0 && y < SIDE as f64 - 1.0) {
            continue;
        }
        // A dot of two by two, half transparent, so that crowds look darker.
        for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
            let i = ((y as usize + dy) * SIDE + x as usize + dx) * 3;
            for (c, ink) in pixels[i..i + 3].iter_mut().zip([200u16, 40, 20]) {
                *c = ((*c as u16 + ink) / 2) as u8;
            }
        }
    }
    Picture {
        bytes: pixels,
        ..Picture::new(SIDE, SIDE, 3)
    }
}

/// What to show of each axis: the modes with a margin, or the middle of the points.
fn extent(points: &[[f64; 2]], density: Option<&dyn Density>) -> [[f64; 2]; 2] {
    let drawn: Vec<[f64; 2]> = match density {
        Some(d) => {
            let mut rng = crate::random::Key::new(0).stream("extent").rng();
            (0..2000).map(|_| d.sample(&mut rng)).collect()
        }
        None => points
            .iter()
            .copied()
            .filter(|p| p[0].is_finite() && p[1].is_finite())
            .collect(),
    };
    [0, 1].map(|axis| {
        let mut v: Vec<f64> = drawn.iter().map(|p| p[axis]).collect();
        v.sort_by(f64::total_cmp);
        let at = |q: f64| v.get((q * v.len() as f64) as usize).copied().unwrap_or(0.0);
        let (low, high) = (at(0.002), at(0.998));
        let margin = ((high - low) * 0.2).max(1e-3);
        [low - margin, high + margin]
    })
}

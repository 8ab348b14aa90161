//! Shapes of voxels: furniture that is drawn from parameters, and the meshes of OBJ files filled.
mod furniture;
mod mesh;
mod obj;
mod pressed;

pub use mesh::obj_of;
pub use pressed::Press;

pub(super) use furniture::{Furniture, NAME, SIDE, TRAIN};
pub(super) use obj::{EXTENSIONS, Meshes};
pub(super) use pressed::Pressed;

use super::{DataInfo, Kind};
use crate::error::{Error, Result};

/// Sides of grids that are taken.
const SIDES: std::ops::RangeInclusive<usize> = 8..=128;

/// The side of a grid that `data.size` asks for: one number, for its depth, height and width.
///
/// # Errors
/// [`Error::Recipe`] for what is no cube, or none of 8 to 128 voxels.
fn side(size: Option<[usize; 2]>) -> Result<usize> {
    let [h, w] = size.unwrap_or([SIDE; 2]);
    if h != w {
        let problem = format!("a grid of voxels is as high as it is wide, and this is {h} x {w}");
        return Err(Error::recipe("data.size", problem, format!("give --size {h}")));
    }
    if !SIDES.contains(&h) {
        let problem = format!("grids of {h} voxels a side are not made");
        return Err(Error::recipe("data.size", problem, "give --size 8 to 128"));
    }
    Ok(h)
}

/// The description of so many grids.
fn describe(source: &str, side: usize, count: usize, labels: Vec<String>) -> DataInfo {
    DataInfo {
        source: source.into(),
        kind: Kind::Voxels,
        shape: vec![side, side, side, 1],
        count,
        range: (0.0, 255.0),
        labels,
        ..DataInfo::default()
    }
}

//! A folder of OBJ files, each a shape whose mesh is filled.
use super::mesh::filled;
use super::{describe, side};
use crate::error::{Error, Result};
use crate::listing::{self, Listing};
use crate::source::Source;
use crate::{DataInfo, Dataset, Item, Values, damage, split};
use rayon::prelude::*;
use std::io::Cursor;
use std::path::Path;

/// Endings of the files.
pub(crate) const EXTENSIONS: [&str; 1] = ["obj"];
/// Longest file that is read, in bytes.
const LONGEST: u64 = 256 << 20;

/// Shapes of OBJ files, voxelized when they are opened; sub-folders are labels.
pub(crate) struct Meshes {
    info: DataInfo,
    grids: Vec<Vec<bool>>,
    labels: Vec<Option<u32>>,
}

impl Meshes {
    /// Reads every file below a folder, or the one that it is.
    ///
    /// # Errors
    /// [`Error::Data`] when there are none, or more than `source.max_bad` are damaged; for a size that is no cube.
    pub(crate) fn open(
        root: &Path,
        source: &Source,
        size: Option<[usize; 2]>,
        warnings: &mut Vec<String>,
    ) -> Result<Meshes> {
        let side = side(size)?;
        let (root, listing) = match root.is_file() {
            true => {
                split::undivided(root, &source.split)?;
                (root.parent().unwrap_or(Path::new("")), listing::one(root))
            }
            false => (
                root,
                listing::files(root, &EXTENSIONS, "shapes", &source.split, warnings)?,
            ),
        };
        let Listing {
            mut entries,
            labels: names,
            missing: mut bad,
            ..
        } = listing;
        let total = entries.len() + bad.len();
        if source.limit > 0 {
            entries.truncate(source.limit);
        }
        let read = |path: &Path| -> std::result::Result<Vec<bool>, String> {
            triangles(path).map(|t| filled(&t, side))
        };
        let read: Vec<_> = entries.par_iter().map(|e| read(&root.join(&e.path))).collect();
        let (mut grids, mut labels) = (vec![], vec![]);
        for (entry, result) in entries.iter().zip(read) {
            match result {
                Ok(grid) => {
                    grids.push(grid);
                    labels.push(entry.label);
                }
                Err(problem) => bad.push(format!("{}: {problem}", root.join(&entry.path).display())),
            }
        }
        damage::bear(root, "shapes", &bad, total, source.max_bad)?;
        warnings.extend(bad);
        if grids.is_empty() {
            return Err(Error::data(
                root,
                "holds no shape",
                "give a folder of .obj files with faces",
            ));
        }
        Ok(Meshes {
            info: describe(&source.source, side, grids.len(), names),
            grids,
            labels,
        })
    }
}

/// The triangles of all objects in a file.
fn triangles(path: &Path) -> std::result::Result<Vec<[[f64; 3]; 3]>, String> {
    let unread = |e: std::io::Error| format!("cannot be read: {e}");
    let bytes = std::fs::metadata(path).map_err(unread)?.len();
    if bytes > LONGEST {
        return Err(format!("holds {bytes} bytes, more than a shape may have"));
    }
    let text = std::fs::read(path).map_err(unread)?;
    let options = tobj::LoadOptions {
        triangulate: true,
        ignore_points: true,
        ignore_lines: true,
        ..Default::default()
    };
    // Colours say nothing of the shape.
    let no_materials = |_: &Path| Ok((vec![], Default::default()));
    let (models, _) = tobj::load_obj_buf(&mut Cursor::new(text), &options, no_materials)
        .map_err(|e| format!("is no OBJ file: {e}"))?;
    let mut found = Vec::new();
    for model in models {
        let points = &model.mesh.positions;
        let corner = |i: &u32| -> Option<[f64; 3]> {
            let at = points.get(3 * *i as usize..3 * *i as usize + 3)?;
            let p: [f64; 3] = std::array::from_fn(|k| at[k] as f64);
            p.iter().all(|v| v.is_finite()).then_some(p)
        };
        for face in model.mesh.indices.chunks_exact(3) {
            let corners: Option<Vec<[f64; 3]>> = face.iter().map(corner).collect();
            let Some([a, b, c]) = corners.as_deref().and_then(|c| <[_; 3]>::try_from(c).ok()) else {
                return Err("has a face with a corner that is no point".into());
            };
            found.push([a, b, c]);
        }
    }
    match found.is_empty() {
        true => Err("has no faces".into()),
        false => Ok(found),
    }
}

impl Dataset for Meshes {
    fn info(&self) -> &DataInfo {
        &self.info
    }

    fn label(&self, index: usize) -> Option<u32> {
        self.labels[index]
    }

    fn get(&self, index: usize) -> Result<Item> {
        Ok(Item {
            values: Values::Bytes(
                self.grids[index]
                    .iter()
                    .map(|s| if *s { 255 } else { 0 })
                    .collect(),
            ),
            label: self.labels[index],
            attributes: vec![],
            caption: None,
        })
    }
}

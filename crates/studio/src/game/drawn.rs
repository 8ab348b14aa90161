//! Data that somebody drew: points of the plane, blurred a little.
use menagerie::data::{DataInfo, Dataset, Item, Values};
use menagerie::{Key, Result};

/// There is always another point.
const COUNT: usize = 100_000;
/// Standard deviation around each point, as a share of the data's reach.
const BLUR: f32 = 0.01;

/// See the module.
pub(super) struct Drawn {
    info: DataInfo,
    points: Vec<[f32; 2]>,
}

impl Drawn {
    /// In the place of data of that description. There is a point at least.
    pub(super) fn new(of: &DataInfo, points: Vec<[f32; 2]>) -> Drawn {
        let info = DataInfo {
            source: "drawn".into(),
            count: COUNT,
            labels: vec![],
            attributes: vec![],
            shares: vec![],
            captions: Default::default(),
            columns: vec![],
            ..of.clone()
        };
        Drawn { info, points }
    }
}

impl Dataset for Drawn {
    fn info(&self) -> &DataInfo {
        &self.info
    }

    fn get(&self, index: usize) -> Result<Item> {
        let mut rng = Key::new(0).stream("drawn").step(index as u64).rng();
        let reach = self.info.range.0.abs().max(self.info.range.1.abs());
        let at = self.points[rng.below(self.points.len())];
        let blurred = at.map(|v| v + BLUR * reach * rng.normal() as f32);
        Ok(Item {
            values: Values::Floats(blurred.to_vec()),
            label: None,
            attributes: vec![],
            caption: None,
        })
    }
}

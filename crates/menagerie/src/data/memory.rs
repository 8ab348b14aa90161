//! Data sets in memory, and data sets made of others: the first items, the prepared items, the kept items.
use super::resize::Preparation;
use super::{DataInfo, Dataset, Density, Item, Kind, Values};
use crate::error::Result;
use std::sync::{Arc, OnceLock};

/// Sets up to this size, decoded, stay in memory.
const CACHE_BYTES: usize = 512 << 20;

/// Items of one shape, one after the other.
pub(super) struct Stored {
    pub info: DataInfo,
    pub values: Values,
    /// empty when items have none
    pub labels: Vec<u32>,
}

impl Dataset for Stored {
    fn info(&self) -> &DataInfo {
        &self.info
    }
    fn get(&self, index: usize) -> Result<Item> {
        let n = self.info.numbers();
        let at = index * n..(index + 1) * n;
        let values = match &self.values {
            Values::Bytes(v) => Values::Bytes(v[at].to_vec()),
            Values::Floats(v) => Values::Floats(v[at].to_vec()),
        };
        Ok(Item { values, label: self.labels.get(index).copied(), attributes: vec![], caption: None })
    }
}

/// The first items of another set.
pub(super) struct First {
    info: DataInfo,
    base: Arc<dyn Dataset>,
}

impl First {
    /// The first `limit` items of `base`; all of them when it has no more, or `limit` is 0.
    pub fn limit(base: Arc<dyn Dataset>, limit: usize) -> Arc<dyn Dataset> {
        if limit == 0 || limit >= base.info().count {
            return base;
        }
        let info = DataInfo { count: limit, ..base.info().clone() };
        Arc::new(First { info, base })
    }
}

impl Dataset for First {
    fn info(&self) -> &DataInfo {
        &self.info
    }
    fn get(&self, index: usize) -> Result<Item> {
        self.base.get(index)
    }
    fn warnings(&self) -> Vec<String> {
        self.base.warnings()
    }
    fn density(&self) -> Option<&dyn Density> {
        self.base.density()
    }
}

/// Images of another set, with other channels or another size.
pub(super) struct Prepared {
    info: DataInfo,
    base: Arc<dyn Dataset>,
    preparation: Preparation,
}

impl Prepared {
    /// `base` with its images prepared; `base` itself when nothing is to be done.
    pub fn wrap(base: Arc<dyn Dataset>, preparation: Preparation) -> Result<Arc<dyn Dataset>> {
        let info = base.info();
        if info.kind == Kind::Points {
            return Ok(base);
        }
        let [h, w, c] = [info.shape[0], info.shape[1], info.shape[2]];
        // Four stored channels need not be colours, so that they are composited only where it was asked for.
        let channels = if preparation.channels == 0 { c } else { preparation.channels };
        if channels != c && !matches!(c, 1 | 3 | 4) {
            let fix = format!("leave --channels out to use all {c}");
            return Err(crate::Error::data(&info.source, format!("images of {c} channels cannot become {channels}"), fix));
        }
        let [th, tw] = preparation.size.unwrap_or([h, w]);
        if [th, tw, channels] == [h, w, c] {
            return Ok(base);
        }
        let info = DataInfo { shape: vec![th, tw, channels], ..info.clone() };
        let set = Arc::new(Prepared { info, base, preparation: Preparation { channels, ..preparation } });
        Ok(super::source::cached(set))
    }
}

impl Dataset for Prepared {
    fn info(&self) -> &DataInfo {
        &self.info
    }
    fn get(&self, index: usize) -> Result<Item> {
        let item = self.base.get(index)?;
        let s = &self.base.info().shape;
        Ok(Item { values: self.preparation.apply([s[0], s[1], s[2]], &item.values), ..item })
    }
    fn warnings(&self) -> Vec<String> {
        self.base.warnings()
    }
}

/// Another set whose items are kept once they have been asked for.
pub(super) struct Cached {
    base: Arc<dyn Dataset>,
    items: Vec<OnceLock<Item>>,
}

impl Cached {
    /// Whether all items, decoded, take little enough memory.
    pub fn fits(info: &DataInfo) -> bool {
        let number = if info.range == (0.0, 255.0) { 1 } else { 4 };
        info.count.saturating_mul(info.numbers().saturating_mul(number) + 128) <= CACHE_BYTES
    }
    /// Keeps the items of `base`.
    pub fn new(base: Arc<dyn Dataset>) -> Cached {
        let items = std::iter::repeat_with(OnceLock::new).take(base.info().count).collect();
        Cached { base, items }
    }
}

impl Dataset for Cached {
    fn info(&self) -> &DataInfo {
        self.base.info()
    }
    fn get(&self, index: usize) -> Result<Item> {
        if let Some(item) = self.items[index].get() {
            return Ok(item.clone());
        }
        let item = self.base.get(index)?;
        Ok(self.items[index].get_or_init(|| item).clone())
    }
    fn warnings(&self) -> Vec<String> {
        self.base.warnings()
    }
    fn density(&self) -> Option<&dyn Density> {
        self.base.density()
    }
}

//! Classes by their names in another numbering.
use super::memory::Part;
use super::{DataInfo, Dataset, Density, Item};
use crate::error::{Result, shown};
use crate::random::Key;
use std::sync::Arc;

/// A set whose classes have the numbers that another list of names gives them.
struct Renumbered {
    info: DataInfo,
    base: Arc<dyn Dataset>,
    /// of each of the base's classes
    numbers: Vec<Option<u32>>,
}

/// The items of a set with the numbers that `known` gives their classes' names: what a run was trained on decides, not
/// the place of a name in other data. Items of classes that are not known are left out; where none is known, all items
/// stay and count as without a class. Either is told. Sets or lists without classes stay as they are.
pub fn renumbered(base: Arc<dyn Dataset>, known: &[String], warnings: &mut Vec<String>) -> Arc<dyn Dataset> {
    let names = &base.info().labels;
    if known.is_empty() || names.is_empty() || known == &names[..] {
        return base;
    }
    let number = |name: &String| known.iter().position(|k| k == name).map(|i| i as u32);
    let numbers: Vec<Option<u32>> = names.iter().map(number).collect();
    let strange: Vec<usize> = (0..names.len()).filter(|&c| numbers[c].is_none()).collect();
    let none = strange.len() == names.len();
    let count = base.info().count;
    let is_strange = |i: usize| base.label(i).is_some_and(|l| numbers[l as usize].is_none());
    let kept: Vec<u32> = (0..count)
        .filter(|&i| none || !is_strange(i))
        .map(|i| i as u32)
        .collect();
    if !strange.is_empty() {
        let named: Vec<String> = strange
            .iter()
            .take(5)
            .map(|&c| format!("`{}`", shown(&names[c])))
            .collect();
        let more = if strange.len() > 5 { ", ..." } else { "" };
        let done = match none {
            true => format!("its {count} items count as without a class"),
            false => format!("{} items of them are left out", count - kept.len()),
        };
        warnings.push(format!(
            "{}: the run does not know the classes {}{more}: {done}",
            shown(&base.info().source),
            named.join(", ")
        ));
    }
    let info = DataInfo {
        labels: if none { vec![] } else { known.to_vec() },
        shares: vec![],
        captions: Default::default(),
        ..base.info().clone()
    };
    let all = kept.len() == count;
    let set = Arc::new(Renumbered { info, base, numbers });
    Part::of(set, (!all).then_some(kept), 0)
}

impl Dataset for Renumbered {
    fn info(&self) -> &DataInfo {
        &self.info
    }
    fn get(&self, index: usize) -> Result<Item> {
        let item = self.base.get(index)?;
        let label = item.label.and_then(|l| self.numbers[l as usize]);
        Ok(Item { label, ..item })
    }
    fn label(&self, index: usize) -> Option<u32> {
        self.base.label(index).and_then(|l| self.numbers[l as usize])
    }
    fn order(&self, key: Key) -> Option<Vec<u32>> {
        self.base.order(key)
    }
    fn reach(&self) -> u64 {
        self.base.reach()
    }
    fn soon(&self, index: usize) {
        self.base.soon(index)
    }
    fn warnings(&self) -> Vec<String> {
        self.base.warnings()
    }
    fn attributes_of(&self, values: &[f32]) -> Option<Vec<f32>> {
        self.base.attributes_of(values)
    }
    fn log_probability(&self, values: &[f32]) -> Option<f64> {
        self.base.log_probability(values)
    }
    fn density(&self) -> Option<&dyn Density> {
        self.base.density()
    }
}

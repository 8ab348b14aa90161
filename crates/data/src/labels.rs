//! A data set of which only some items keep their labels, as semi-supervised learning has it.
use super::memory::Part;
use super::{DataInfo, Dataset, Density, Item};
use crate::error::{Error, Result};
use crate::random::Key;
use std::sync::Arc;

/// The recipe's key, for messages.
const KEY: &str = "train.labels";

/// A data set with few labels: classes and their names are those of the whole set, items without a label have
/// `Item::label` = `None`.
pub struct FewLabels {
    /// every item; only the chosen ones have their label
    pub all: Arc<dyn Dataset>,
    base: Arc<dyn Dataset>,
    chosen: Vec<u32>,
}

impl FewLabels {
    /// Keeps `count` labels of `base`, the same number of every class (where `count` is no multiple of the classes, one
    /// more of some of them, which the key draws). Items are looked at in an order that the key draws, until there are
    /// enough of each class: few of them, when few labels are asked for.
    ///
    /// # Errors
    /// [`Error::Recipe`] that names `train.labels` when there are fewer labels than classes, or a class has not as many
    /// items as are to keep their label; those of [`Dataset::get`].
    pub fn choose(base: Arc<dyn Dataset>, count: usize, key: Key) -> Result<FewLabels> {
        let info = base.info();
        let classes = info.labels.len();
        if classes == 0 {
            let problem = format!("the items of {} have no labels to keep", info.source);
            return Err(Error::recipe(
                KEY,
                problem,
                "set it to 0, or give data with labels",
            ));
        }
        if count < classes {
            let problem = format!("{count} labels are fewer than the {classes} classes");
            return Err(Error::recipe(
                KEY,
                problem,
                format!("give {classes} or more, or 0 for all"),
            ));
        }
        if count > info.count {
            let problem = format!("{count} labels are more than the {} items", info.count);
            return Err(Error::recipe(
                KEY,
                problem,
                format!("give {} at most, or 0 for all", info.count),
            ));
        }
        let mut wanted = vec![count / classes; classes];
        for &class in &key.stream("one more").permutation(classes)[..count % classes] {
            wanted[class as usize] += 1;
        }
        let (mut found, mut chosen) = (vec![0; classes], Vec::with_capacity(count));
        for index in key.stream("items").permutation(info.count) {
            if chosen.len() == count {
                break;
            }
            // Some sets know a label only with the item.
            let label = match base.label(index as usize) {
                None => base.get(index as usize)?.label,
                known => known,
            };
            let Some(class) = label.map(|l| l as usize) else {
                continue;
            };
            if class < classes && found[class] < wanted[class] {
                found[class] += 1;
                chosen.push(index);
            }
        }
        if let Some(class) = (0..classes).find(|&c| found[c] < wanted[c]) {
            let problem = format!(
                "{count} labels would take {} items of class `{}`, which has {}",
                wanted[class], info.labels[class], found[class]
            );
            let fewest = (0..classes).map(|c| found[c]).min().unwrap_or(0);
            let fix = match fewest {
                0 => "set it to 0, or give items of every class".to_string(),
                n => format!("give {} at most, or 0 for all", n * classes),
            };
            return Err(Error::recipe(KEY, problem, fix));
        }
        chosen.sort_unstable();
        let all = Arc::new(Partly {
            base: base.clone(),
            chosen: chosen.clone(),
        });
        Ok(FewLabels { all, base, chosen })
    }

    /// Which items keep their label, in their order.
    pub fn chosen(&self) -> &[u32] {
        &self.chosen
    }

    /// The labelled items alone; each as often as it takes to have `at_least` items, so that a batch can be made of them.
    pub fn labelled(&self, at_least: usize) -> Arc<dyn Dataset> {
        let indices = self.chosen.repeat(at_least.div_ceil(self.chosen.len()).max(1));
        Part::of(self.base.clone(), Some(indices), 0)
    }
}

/// Another set, of which only some items have labels.
struct Partly {
    base: Arc<dyn Dataset>,
    /// in their order
    chosen: Vec<u32>,
}

impl Partly {
    fn keeps(&self, index: usize) -> bool {
        self.chosen.binary_search(&(index as u32)).is_ok()
    }
}

impl Dataset for Partly {
    fn info(&self) -> &DataInfo {
        self.base.info()
    }
    fn get(&self, index: usize) -> Result<Item> {
        let item = self.base.get(index)?;
        let label = item.label.filter(|_| self.keeps(index));
        Ok(Item { label, ..item })
    }
    fn label(&self, index: usize) -> Option<u32> {
        self.base.label(index).filter(|_| self.keeps(index))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Batch, Source};

    fn digits() -> Arc<dyn Dataset> {
        Source::parse("digits").open().unwrap().dataset
    }

    #[test]
    fn labels_are_balanced_drawn_by_the_key_and_the_rest_have_none() {
        let base = digits();
        let few = FewLabels::choose(base.clone(), 100, Key::new(3)).unwrap();
        assert_eq!(few.all.info(), base.info());
        let (mut seen, mut kept) = ([0; 10], Vec::new());
        for i in 0..base.info().count {
            let (with, without) = (base.get(i).unwrap(), few.all.get(i).unwrap());
            assert_eq!(with.values, without.values);
            if let Some(label) = without.label {
                assert_eq!(Some(label), with.label);
                seen[label as usize] += 1;
                kept.push(i as u32);
            }
        }
        assert_eq!(seen, [10; 10]);
        assert_eq!(kept, few.chosen());
        let chosen = |n, seed| {
            let few = FewLabels::choose(base.clone(), n, Key::new(seed)).unwrap();
            few.chosen().to_vec()
        };
        assert_eq!(chosen(100, 3), kept);
        assert_ne!(chosen(100, 4), kept);
        // 23 of 10 classes: two of each, three of three.
        let mut seen = [0; 10];
        for i in chosen(23, 1) {
            seen[base.get(i as usize).unwrap().label.unwrap() as usize] += 1;
        }
        assert_eq!(seen.iter().filter(|&&n| n == 3).count(), 3);
        assert_eq!(seen.iter().filter(|&&n| n == 2).count(), 7);
        // A batch in which one item has no label has none; the labelled items alone have theirs, and go round.
        let batch = Batch::of(&*few.all, &[few.chosen()[0], few.chosen()[0] + 1]).unwrap();
        assert_eq!(batch.labels, None);
        let round = few.labelled(250);
        assert_eq!(round.info().count, 300);
        let all: Vec<u32> = (0..300).collect();
        assert_eq!(Batch::of(&*round, &all).unwrap().labels.unwrap().len(), 300);
        assert_eq!(few.labelled(64).info().count, 100);
    }

    #[test]
    fn too_many_and_too_few_labels_are_refused_in_one_line() {
        let refused = |n| {
            let e = FewLabels::choose(digits(), n, Key::new(1))
                .err()
                .unwrap()
                .to_string();
            assert!(e.contains("train.labels") && !e.contains('\n'), "{e}");
            e
        };
        assert!(refused(9).contains("fewer than the 10 classes"));
        assert!(refused(1438).contains("more than the 1437 items"));
        // Of some class there are fewer than 143; what the message advises works.
        let e = refused(1437);
        assert!(e.contains("of class `"), "{e}");
        let advised = e.split("give ").nth(1).unwrap().split(' ').next().unwrap();
        FewLabels::choose(digits(), advised.parse().unwrap(), Key::new(1)).unwrap();
        let points = Source::parse("ring8").open().unwrap().dataset;
        let e = FewLabels::choose(points, 8, Key::new(1))
            .err()
            .unwrap()
            .to_string();
        assert!(e.contains("no labels to keep"), "{e}");
    }
}

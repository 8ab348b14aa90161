//! What an expert does in an environment, or chance, as rows of a table.
use super::{CHANCE, EXPERT, Environment, by_chance, environment, environments, shown_by_the_expert};
use crate::error::{Error, Result, nearest};
use crate::random::Key;
use crate::{Column, DataInfo, Dataset, Item, Role, Source, Values, mixed};
use std::sync::Mutex;

/// Steps that are shown of each episode: neighbours are much alike (Ho & Ermon 2016, section 6, show every twentieth).
const SHOWN: usize = 10;
/// Steps where no limit says otherwise, of a hundred episodes; there is always another.
pub(crate) const TRAIN: usize = 1000;
/// Episodes by which columns are described.
const DESCRIBED_BY: u64 = 20;

/// Step i is one of ten drawn of episode i / 10, of which the expert decides every action, or chance.
pub(crate) struct Demonstrations {
    info: DataInfo,
    environment: &'static dyn Environment,
    by_chance: bool,
    key: Key,
    /// the episode that was shown last, with its number
    last: Mutex<Option<(usize, Vec<Vec<f32>>)>>,
}

impl Demonstrations {
    /// The steps of a source `expert:NAME` or `chance:NAME`; none for another source.
    ///
    /// # Errors
    /// [`Error::Usage`] for an environment that there is not.
    pub(crate) fn named(source: &Source) -> Result<Option<Demonstrations>> {
        let of = |prefix: &str| source.source.strip_prefix(prefix);
        let (expert, chance) = (of(EXPERT), of(CHANCE));
        let Some(name) = expert.or(chance) else {
            return Ok(None);
        };
        let Some(environment) = environment(name) else {
            let problem = format!("there is no environment `{name}`");
            return Err(Error::usage(
                problem,
                nearest(name, environments().iter().map(|e| e.name())),
            ));
        };
        let count = if source.limit == 0 { TRAIN } else { source.limit };
        let mut shown = Demonstrations {
            info: mixed::info(source.source.clone(), vec![], count, &[]),
            environment,
            by_chance: chance.is_some(),
            // What columns are like does not depend on the seed.
            key: Key::new(0).stream(name).stream("description"),
            last: Mutex::new(None),
        };
        let rows: Vec<Vec<f32>> = (0..DESCRIBED_BY as usize)
            .flat_map(|e| shown.episode(e))
            .collect();
        let names = environment
            .state()
            .iter()
            .map(|n| (n.to_string(), vec![], Role::Feature));
        let actions = environment.actions().iter().map(|a| a.to_string()).collect();
        let action = ("action".to_string(), actions, Role::Outcome);
        let column = |(c, (name, classes, role)): (usize, (String, Vec<String>, Role))| {
            let mut column = Column {
                name,
                classes,
                role,
                ..Column::default()
            };
            mixed::describe(&mut column, rows.iter().map(|row| row[c]));
            column
        };
        let columns = names.chain([action]).enumerate().map(column).collect();
        shown.info = mixed::info(source.source.clone(), columns, count, &rows.concat());
        shown.key = Key::new(source.seed)
            .stream(name)
            .stream(if source.split == "test" { "test" } else { "train" });
        *shown.last.get_mut().unwrap_or_else(|e| e.into_inner()) = None;
        Ok(Some(shown))
    }

    /// The steps that are shown of an episode.
    fn episode(&self, number: usize) -> Vec<Vec<f32>> {
        let key = self.key.step(number as u64);
        let all = match self.by_chance {
            true => by_chance(self.environment, &[key]),
            false => shown_by_the_expert(self.environment, &[key]),
        };
        let mut rng = key.stream("shown").rng();
        let one = |_| {
            let episode = &all[0];
            let t = rng.below(episode.actions.len());
            let state = episode.states[t].iter().map(|v| *v as f32);
            state.chain([episode.actions[t] as f32]).collect()
        };
        (0..SHOWN).map(one).collect()
    }
}

impl Dataset for Demonstrations {
    fn info(&self) -> &DataInfo {
        &self.info
    }

    fn get(&self, index: usize) -> Result<Item> {
        let (number, step) = (index / SHOWN, index % SHOWN);
        let mut last = self.last.lock().unwrap_or_else(|e| e.into_inner());
        let steps = match &*last {
            Some((n, steps)) if *n == number => steps.clone(),
            _ => {
                let steps = self.episode(number);
                *last = Some((number, steps.clone()));
                steps
            }
        };
        Ok(Item {
            values: Values::Floats(steps[step].clone()),
            label: None,
            attributes: vec![],
            caption: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of chance: every action as often as another, in states from which the pole falls soon.
    #[test]
    fn chance_has_no_preference() {
        let set = Source::parse("chance:cart_pole").open().unwrap().dataset;
        let (mut right, mut tilted) = (0, 0);
        for i in 0..TRAIN {
            let Values::Floats(row) = set.get(i).unwrap().values else {
                panic!("numbers")
            };
            right += usize::from(row[4] == 1.0);
            tilted += usize::from(row[2].abs() > 0.05);
        }
        assert!(
            right.abs_diff(TRAIN / 2) < 80 && tilted > TRAIN / 5,
            "{right} {tilted}"
        );
    }

    #[test]
    fn what_is_shown_is_what_the_expert_does() {
        for e in environments() {
            let source = Source::parse(&format!("expert:{}", e.name()));
            let set = source.open().unwrap().dataset;
            let n = e.state().len();
            assert_eq!((set.info().count, set.info().columns.len()), (TRAIN, n + 1));
            let (mut actions, mut right) = (vec![0; e.actions().len()], 0);
            for i in (0..TRAIN).rev() {
                let Values::Floats(row) = set.get(i).unwrap().values else {
                    panic!("numbers")
                };
                let state: Vec<f64> = row[..n].iter().map(|v| f64::from(*v)).collect();
                actions[row[n] as usize] += 1;
                right += usize::from(e.expert(&state) == row[n] as usize);
            }
            assert!(actions.iter().all(|a| *a > 0), "{}: {actions:?}", e.name());
            // Rounded to 32 bits, a state on the edge may fall to the other side.
            assert!(right >= TRAIN - 2, "{}: {right}", e.name());
        }
        let e = Source::parse("expert:cartpole").open().err().unwrap().to_string();
        assert!(e.contains("cart_pole"), "{e}");
    }
}

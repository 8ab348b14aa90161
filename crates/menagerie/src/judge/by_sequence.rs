//! Metrics of sequences: of aligned families by columns and pairs of columns, of molecules by their grammar.
use super::by_capability::mean_and_error;
use super::metric::{Judge, Metric, Tell, Verdict, forgotten, members};
use super::subject::each_item;
use crate::data::{Batch, DataInfo, Dataset, Kind, likeliest};
use crate::error::{Error, Result};
use crate::metrics::sequences::{Family, PSEUDO, markov, pair_correlation};
use crate::metrics::smiles;
use crate::models::Capability;
use serde_json::{Map, Value, json};
use std::collections::HashSet;

/// Order of the Markov chain that stands beside a model of molecules.
const ORDER: usize = 4;

/// Figures of a metric with `Needs::Sequences`, and those of the data and of simpler models beside them.
///
/// # Errors
/// [`Error::Usage`] when samples and data are no sequences of one alphabet and length, or there are none.
pub(super) fn work_out(judge: &Judge, metric: &Metric, tell: Tell) -> Result<Vec<Verdict>> {
    let name = metric.name;
    let (info, data) = (judge.subject.info(), judge.data(name)?);
    let theirs = data.set.info();
    if info.kind != Kind::Sequence || theirs.kind != Kind::Sequence {
        let problem = format!("`{name}` judges sequences, but these are {}", info.kind.plural());
        return Err(Error::usage(problem, "choose other metrics"));
    }
    if (&info.shape, &info.alphabet) != (&theirs.shape, &theirs.alphabet) {
        return Err(Error::usage(
            format!(
                "`{name}`: samples are of {:?} and {} places, the data of {:?} and {}",
                info.alphabet, info.shape[0], theirs.alphabet, theirs.shape[0]
            ),
            "compare with sequences of the same alphabet and length",
        ));
    }
    let (mut samples, total) = (vec![], judge.subject.available(judge.count));
    judge.subject.each(total, None, judge.key, &mut |batch| {
        samples.extend(likeliest(&batch.values, info.shape[1]));
        tell("samples", samples.len() / info.shape[0], total);
        Ok(())
    })?;
    let held = of_set(data.set, judge.count)?;
    let training = match data.training {
        Some(set) => of_set(set, set.info().count)?,
        None => held.clone(),
    };
    if samples.is_empty() || held.is_empty() {
        return Err(Error::usage(
            format!("`{name}`: there are no sequences"),
            "give more with -n",
        ));
    }
    let mut definition = judge.definition(name)?;
    definition.insert("training_samples".into(), (training.len() / info.shape[0]).into());
    let sets = Sets {
        info,
        samples: &samples,
        held: &held,
        training: &training,
        judge,
    };
    match name {
        "profile" | "entropy" | "pairs" | "identity" => sets.of_family(name, definition),
        "validity" | "uniqueness" | "novelty" => sets.of_molecules(name, definition),
        name => Err(forgotten(name)),
    }
}

/// Samples whose latents climb are dear: so many at most.
const CLIMBING: usize = 200;

/// What is predicted of samples before and after their latents have climbed, and what is true of them where the data know; beside the
/// most that a training item has.
///
/// # Errors
/// [`Error::Usage`] of a model that raises nothing, and of data without numbers.
pub(super) fn maximized(judge: &Judge, metric: &Metric, tell: Tell) -> Result<Vec<Verdict>> {
    const GOAL: usize = 0;
    let (model, name) = judge.subject.model(metric.name)?;
    let raises = model
        .as_maximize()
        .ok_or_else(|| Capability::Maximize.missing(name))?;
    let reads = model
        .as_read_attributes()
        .ok_or_else(|| Capability::ReadAttributes.missing(name))?;
    let data = judge.data(metric.name)?;
    let training = data.training.unwrap_or(data.set);
    let goal = &raises.goals()[GOAL];
    let count = judge.count.min(CLIMBING);
    tell(metric.name, 0, count);
    let both = raises.maximize(GOAL, count, judge.key.stream("maximize"))?;
    let place = training.info().attributes.iter().position(|a| a == goal);
    let mut figures = vec![];
    for (samples, what) in both.into_iter().zip(["/before", ""]) {
        let batch = Batch {
            kind: samples.kind,
            shape: samples.shape,
            values: samples.values,
            labels: None,
            attributes: vec![],
            captions: None,
            indices: (0..count as u32).collect(),
        };
        let column = |all: Vec<f32>, n: usize, i: usize| -> Vec<f64> {
            all.into_iter().skip(i).step_by(n).map(f64::from).collect()
        };
        let predicted = column(reads.attributes(&batch)?, raises.goals().len(), GOAL);
        figures.push((what.to_string(), mean_and_error(&predicted)));
        if what.is_empty() {
            figures.push(("/best".into(), (largest(&predicted), None)));
        }
        let item = training.info().numbers();
        let truth: Option<Vec<Vec<f32>>> = batch
            .values
            .chunks_exact(item)
            .map(|v| training.attributes_of(v))
            .collect();
        if let (Some(truth), Some(place)) = (truth, place) {
            let truth: Vec<f64> = truth.iter().map(|t| t[place] as f64).collect();
            figures.push((format!("{what}/true"), mean_and_error(&truth)));
            if what.is_empty() {
                figures.push(("/true-best".into(), (largest(&truth), None)));
            }
        }
    }
    if let Some(place) = place {
        let mut most = f64::NEG_INFINITY;
        let width = training.info().attributes.len();
        each_item(training, training.info().count, &mut |batch| {
            let numbers = batch.attributes.iter().skip(place).step_by(width);
            most = numbers.fold(most, |m, v| m.max(*v as f64));
            Ok(())
        })?;
        figures.push(("/training".into(), (most, None)));
    }
    tell(metric.name, count, count);
    let mut definition = judge.definition(metric.name)?;
    definition.insert("samples".into(), count.into());
    definition.insert("goal".into(), goal.clone().into());
    let figures = figures
        .iter()
        .map(|(name, figure)| (&name[..], *figure))
        .collect();
    members(metric.name, &definition, figures)
}

fn largest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

/// Places in the alphabet of items of a set.
fn of_set(set: &dyn Dataset, count: usize) -> Result<Vec<u8>> {
    let (mut out, letters) = (vec![], set.info().shape[1]);
    each_item(set, count.min(set.info().count), &mut |batch| {
        out.extend(likeliest(&batch.values, letters));
        Ok(())
    })?;
    Ok(out)
}

/// What is compared.
struct Sets<'a> {
    info: &'a DataInfo,
    samples: &'a [u8],
    held: &'a [u8],
    training: &'a [u8],
    judge: &'a Judge<'a>,
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

impl<'a> Sets<'a> {
    fn family(&self, symbols: &'a [u8]) -> Family<'a> {
        Family {
            symbols,
            length: self.info.shape[0],
            letters: self.info.shape[1],
        }
    }

    fn of_family(&self, name: &str, mut definition: Map<String, Value>) -> Result<Vec<Verdict>> {
        let [samples, held, training] = [self.samples, self.held, self.training].map(|s| self.family(s));
        let apart = training.independent(self.judge.key.stream("independent columns"));
        let apart = Family {
            symbols: &apart,
            ..training
        };
        match name {
            "profile" => {
                definition.insert("pseudo_count".into(), json!(PSEUDO));
                let of = |f: &Family| mean_and_error(&f.log_odds(&training));
                members(name, &definition, vec![("", of(&samples)), ("/data", of(&held))])
            }
            "entropy" => {
                let truth = training.entropies();
                let of = |f: &Family| {
                    let off = f.entropies().into_iter().zip(&truth).map(|(a, b)| (a - b).abs());
                    (mean(&off.collect::<Vec<_>>()), None)
                };
                members(name, &definition, vec![("", of(&samples)), ("/data", of(&held))])
            }
            "pairs" => {
                let of = |f: &Family| {
                    let r = pair_correlation(f, &held).ok_or_else(|| {
                        let problem = "`pairs`: all samples are alike, so that no columns vary together";
                        Error::usage(problem, "train it further")
                    })?;
                    Ok((r, None))
                };
                let all = vec![
                    ("", of(&samples)?),
                    ("/data", of(&training)?),
                    ("/independent", of(&apart)?),
                ];
                members(name, &definition, all)
            }
            _ => {
                let own = samples.identities(&training);
                let copies: Vec<f64> = own.iter().map(|i| f64::from(*i == 1.0)).collect();
                let all = vec![
                    ("", mean_and_error(&own)),
                    ("/data", mean_and_error(&held.identities(&training))),
                    (
                        "/independent",
                        mean_and_error(&self.some(&apart, samples.count()).identities(&training)),
                    ),
                    ("/copies", mean_and_error(&copies)),
                ];
                members(name, &definition, all)
            }
        }
    }

    /// The first sequences.
    fn some<'b>(&self, f: &Family<'b>, count: usize) -> Family<'b> {
        Family {
            symbols: &f.symbols[..f.symbols.len().min(count * f.length)],
            ..*f
        }
    }

    /// Lines up to their end.
    fn lines(&self, symbols: &[u8]) -> Vec<String> {
        let (end, alphabet): (_, Vec<char>) = (self.info.end_symbol(), self.info.alphabet.chars().collect());
        let one = |s: &[u8]| {
            let letters = s.iter().take_while(|s| Some(**s) != end);
            letters.map(|s| alphabet[*s as usize]).collect()
        };
        symbols.chunks_exact(self.info.shape[0]).map(one).collect()
    }

    fn of_molecules(&self, name: &str, mut definition: Map<String, Value>) -> Result<Vec<Verdict>> {
        definition.insert(
            "checker".into(),
            "syntax, ring bonds, valences of the organic subset".into(),
        );
        definition.insert("markov_order".into(), ORDER.into());
        let count = self.samples.len() / self.info.shape[0];
        let key = self.judge.key.stream("markov");
        let chain = markov(&self.family(self.training), ORDER, count, key);
        let known: HashSet<String> = self.lines(self.training).into_iter().collect();
        let of = |symbols: &[u8]| -> Result<(f64, Option<f64>)> {
            let all = self.lines(symbols);
            let valid: Vec<&String> = all.iter().filter(|s| smiles::check(s).is_ok()).collect();
            let different: HashSet<&&String> = valid.iter().collect();
            let new = different.iter().filter(|s| !known.contains(***s)).count();
            let (part, whole) = match name {
                "validity" => (valid.len(), all.len()),
                "uniqueness" => (different.len(), valid.len()),
                _ => (new, different.len()),
            };
            if whole == 0 {
                let problem = format!("`{name}`: no sample is a molecule");
                return Err(Error::usage(
                    problem,
                    "train it further, or ask for `validity` alone",
                ));
            }
            let p = part as f64 / whole as f64;
            Ok((p, Some((p * (1.0 - p) / whole as f64).sqrt())))
        };
        let all = vec![
            ("", of(self.samples)?),
            ("/data", of(self.held)?),
            ("/markov", of(&chain)?),
        ];
        members(name, &definition, all)
    }
}

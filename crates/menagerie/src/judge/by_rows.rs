//! Metrics of the rows of tables of numbers and classes: distances of columns, what they are good for, and whether they are fair.
use super::metric::{Judge, Metric, Tell, Verdict, forgotten};
use super::subject::each_item;
use crate::data::{Column, DataInfo, Role};
use crate::error::{Error, Result};
use crate::metrics::fairness::{balanced_error, number_distance, risk_difference, share_distance};
use crate::metrics::logistic::Logistic;
use crate::metrics::{Features, Figure};
use serde_json::{Map, Value, json};

/// Weight of the squares of the classifier's coefficients, an item.
const LAMBDA: f64 = 1e-3;

/// Share of the rows below which a class is rare.
const RARE: f64 = 0.1;

/// Rows of a table.
struct Table<'a> {
    columns: &'a [Column],
    values: Vec<f32>,
}

impl<'a> Table<'a> {
    fn column(&self, c: usize) -> Vec<f32> {
        self.values
            .iter()
            .skip(c)
            .step_by(self.columns.len())
            .copied()
            .collect()
    }

    fn classes(&self, c: usize) -> Vec<u32> {
        self.column(c).iter().map(|v| *v as u32).collect()
    }

    fn rows(&self) -> usize {
        self.values.len() / self.columns.len()
    }

    /// Its first and its second half.
    fn halves(self) -> [Table<'a>; 2] {
        let (columns, at) = (self.columns, self.rows() / 2 * self.columns.len());
        let (a, b) = self.values.split_at(at);
        [a, b].map(|half| Table {
            columns,
            values: half.to_vec(),
        })
    }

    /// Columns as a classifier sees them, but for some: standardized numbers, ones among zeros, and the products of any two.
    fn seen(&self, without: &[usize]) -> (Vec<f32>, usize) {
        let mut out = Vec::new();
        for row in self.values.chunks_exact(self.columns.len()) {
            let mut seen = Vec::new();
            for (c, column) in self
                .columns
                .iter()
                .enumerate()
                .filter(|(c, _)| !without.contains(c))
            {
                match column.classes.len() {
                    0 => seen.push(((f64::from(row[c]) - column.mean) / column.deviation) as f32),
                    k => seen.extend((0..k).map(|i| f32::from(u8::from(row[c] as usize == i)))),
                }
            }
            let products = (0..seen.len()).flat_map(|i| (i..seen.len()).map(move |j| (i, j)));
            out.extend(
                seen.iter()
                    .copied()
                    .chain(products.map(|(i, j)| seen[i] * seen[j])),
            );
        }
        let width = out.len() / self.rows().max(1);
        (out, width)
    }
}

/// The class of column `of` in the rows of `test`, by a classifier that learned from `train`.
fn told(train: &Table, test: &Table, of: usize, without: &[usize]) -> Result<Vec<u32>> {
    let without = [without, &[of]].concat();
    let ((a, width), (b, _)) = (train.seen(&without), test.seen(&without));
    let classes = train.columns[of].classes.len();
    let learned = Logistic::fit(
        &Features::new(&a, width, "rows")?,
        &train.classes(of),
        classes,
        LAMBDA,
        None,
    )?;
    learned.predict(&Features::new(&b, width, "rows")?)
}

/// A definition and the figures that go by it.
struct Found {
    definition: Map<String, Value>,
    metric: &'static str,
    verdicts: Vec<Verdict>,
}

impl Found {
    fn add(&mut self, of: &str, figure: Figure) {
        self.verdicts.push(Verdict {
            metric: format!("{}{of}", self.metric),
            value: figure.value,
            error: figure.error,
            warning: figure.warning,
            definition: self.definition.clone(),
        });
    }
}

/// The column of that role.
fn role(info: &DataInfo, role: Role, metric: &Metric) -> Result<usize> {
    info.column_of(role).ok_or_else(|| {
        let (what, key) = match role {
            Role::Protected => ("protected", "data.protected"),
            _ => ("the outcome", "data.outcome"),
        };
        let problem = format!("`{}` asks which column is {what}, and none is", metric.name);
        Error::usage(problem, format!("train on a table with {key}"))
    })
}

fn too_few(metric: &Metric, of: &str) -> Error {
    let problem = format!("`{}` has too few rows of {of} to say anything", metric.name);
    Error::usage(problem, "give more with -n")
}

/// Figures of a metric with `Needs::Columns`, `Needs::Outcome` or `Needs::Groups`.
///
/// # Errors
/// [`Error::Usage`] for what is no table, or none with the columns that are asked for; those of the samples and the data.
pub(super) fn work_out(judge: &Judge, metric: &'static Metric, tell: Tell) -> Result<Vec<Verdict>> {
    let info = judge.subject.info();
    let columns = &info.columns;
    if columns.is_empty() {
        let problem = format!("`{}` is of tables of numbers and classes", metric.name);
        return Err(Error::usage(
            problem,
            "train fair_gan, or any model of points on a .csv with data.columns=mixed",
        ));
    }
    let data = judge.data(metric.name)?;
    if data.set.info().columns != *columns {
        let problem = format!("{} has other columns than the samples", data.set.info().source);
        return Err(Error::usage(
            problem,
            "give a table with the same columns, read in the same way",
        ));
    }
    let (mut samples, mut real) = (
        Table {
            columns,
            values: vec![],
        },
        Table {
            columns,
            values: vec![],
        },
    );
    let total = judge.subject.available(judge.count);
    judge.subject.each(total, None, judge.key, &mut |batch| {
        samples.values.extend(batch.values);
        tell("rows of samples", samples.rows(), total);
        Ok(())
    })?;
    each_item(data.set, judge.count, &mut |batch| {
        real.values.extend(batch.values);
        Ok(())
    })?;
    // Classes that were made of numbers may lie beyond those that there are.
    for (i, v) in samples.values.iter_mut().enumerate() {
        let k = columns[i % columns.len()].classes.len();
        if k > 0 {
            *v = v.round().clamp(0.0, k as f32 - 1.0);
        }
    }
    let mut found = Found {
        definition: judge.definition(metric.name)?,
        metric: metric.name,
        verdicts: vec![],
    };
    match metric.name {
        "column-distance" => distances(&mut found, &samples, &real, metric)?,
        "rare-classes" => seldom(&mut found, &samples, &real, metric)?,
        "risk-difference" => differences(&mut found, info, &samples, &real, metric)?,
        "protected-error" => hidden(&mut found, info, samples, real, metric)?,
        "table-utility" => utility(&mut found, info, judge, (&samples, &real), metric)?,
        _ => return Err(forgotten(metric.name)),
    }
    Ok(found.verdicts)
}

fn distances(found: &mut Found, samples: &Table, real: &Table, metric: &Metric) -> Result<()> {
    found.definition.insert(
        "distance".into(),
        json!("of classes total variation, of numbers Kolmogorov-Smirnov"),
    );
    let mut all = vec![];
    for (c, column) in samples.columns.iter().enumerate() {
        let (a, b) = (samples.column(c), real.column(c));
        let d = match column.classes.len() {
            0 => number_distance(&a, &b),
            k => share_distance(&a, &b, k),
        };
        all.push(d.ok_or_else(|| too_few(metric, "the samples or the data"))?);
    }
    found.add("", Figure::of(all.iter().sum::<f64>() / all.len() as f64));
    for (column, d) in samples.columns.iter().zip(all) {
        found.add(&format!("/{}", column.name), Figure::of(d));
    }
    Ok(())
}

/// How well classes that are seldom are kept: the mean over them of the smaller share of samples and data over the larger one.
fn seldom(found: &mut Found, samples: &Table, real: &Table, metric: &Metric) -> Result<()> {
    found.definition.insert("rare".into(), json!(RARE));
    let mut kept = vec![];
    for (c, column) in samples.columns.iter().enumerate() {
        let (a, b) = (samples.classes(c), real.classes(c));
        for class in 0..column.classes.len() as u32 {
            let share =
                |of: &[u32]| of.iter().filter(|k| **k == class).count() as f64 / of.len().max(1) as f64;
            let (s, d) = (share(&a), share(&b));
            if d > 0.0 && d < RARE {
                kept.push(s.min(d) / s.max(d));
            }
        }
    }
    if kept.is_empty() {
        let problem = format!("`{}`: no class has less than {RARE} of the rows", metric.name);
        return Err(Error::usage(problem, "leave it out"));
    }
    found.definition.insert("classes".into(), kept.len().into());
    found.add("", Figure::of(kept.iter().sum::<f64>() / kept.len() as f64));
    Ok(())
}

/// Names the columns, and the class of the outcome that counts: its last.
fn define(found: &mut Found, info: &DataInfo, protected: usize, outcome: usize) -> u32 {
    let of = &info.columns[outcome];
    let positive = of.classes.len().saturating_sub(1);
    found
        .definition
        .insert("protected".into(), json!(info.columns[protected].name));
    found.definition.insert(
        "outcome".into(),
        json!(format!("{} = {}", of.name, of.classes[positive])),
    );
    positive as u32
}

fn differences(
    found: &mut Found,
    info: &DataInfo,
    samples: &Table,
    real: &Table,
    metric: &Metric,
) -> Result<()> {
    let (s, y) = (
        role(info, Role::Protected, metric)?,
        role(info, Role::Outcome, metric)?,
    );
    let positive = define(found, info, s, y);
    for (of, table) in [("", samples), ("/data", real)] {
        let yes: Vec<bool> = table.classes(y).iter().map(|c| *c == positive).collect();
        let figure = risk_difference(&table.classes(s), &yes, info.columns[s].classes.len());
        found.add(of, figure.ok_or_else(|| too_few(metric, "every group"))?);
    }
    Ok(())
}

fn hidden(found: &mut Found, info: &DataInfo, samples: Table, real: Table, metric: &Metric) -> Result<()> {
    let s = role(info, Role::Protected, metric)?;
    found
        .definition
        .insert("protected".into(), json!(info.columns[s].name));
    found.definition.insert(
        "classifier".into(),
        json!("logistic, of columns and their products, on one half; the error is of the other"),
    );
    for (of, table) in [("", samples), ("/data", real)] {
        let [train, test] = table.halves();
        let told = told(&train, &test, s, &[])?;
        let figure = balanced_error(&test.classes(s), &told, info.columns[s].classes.len());
        found.add(of, figure.ok_or_else(|| too_few(metric, "every group"))?);
    }
    Ok(())
}

fn utility(
    found: &mut Found,
    info: &DataInfo,
    judge: &Judge,
    (samples, real): (&Table, &Table),
    metric: &Metric,
) -> Result<()> {
    let y = role(info, Role::Outcome, metric)?;
    let protected = info.column_of(Role::Protected);
    let without: Vec<usize> = protected.into_iter().collect();
    let classifier = "logistic, of columns and their products, without the protected column; learned from samples, tested on data";
    found.definition.insert("classifier".into(), json!(classifier));
    found
        .definition
        .insert("outcome".into(), json!(info.columns[y].name));
    let mut train = Table {
        columns: samples.columns,
        values: vec![],
    };
    if let Some(set) = judge.data(metric.name)?.training {
        each_item(set, samples.rows(), &mut |batch| {
            train.values.extend(batch.values);
            Ok(())
        })?;
    }
    let truth = real.classes(y);
    for (of, table) in [("", samples), ("/data", &train)] {
        if table.rows() == 0 {
            continue;
        }
        let told = told(table, real, y, &without)?;
        let right: Vec<f64> = told
            .iter()
            .zip(&truth)
            .map(|(a, b)| f64::from(u8::from(a == b)))
            .collect();
        found.add(of, Figure::mean(&right));
        if let Some(wrong) = balanced_error(&truth, &told, info.columns[y].classes.len()) {
            let value = 1.0 - wrong.value;
            found.add(&format!("/balanced{of}"), Figure { value, ..wrong });
        }
        if let Some(s) = protected {
            // Whether what the classifier says of real rows depends on their group.
            let positive = info.columns[y].classes.len().saturating_sub(1) as u32;
            let yes: Vec<bool> = told.iter().map(|c| *c == positive).collect();
            let figure = risk_difference(&real.classes(s), &yes, info.columns[s].classes.len());
            found.add(
                &format!("/risk-difference{of}"),
                figure.ok_or_else(|| too_few(metric, "every group"))?,
            );
        }
    }
    Ok(())
}

//! Rows of a table as the networks of CTGAN see them, and what they are asked to show.
use super::super::rows::gumbel_softmax;
use super::mixture::{MODES, Mixture};
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::Column;
use menagerie_data::random::{Draw, Key};

/// Deviations of a mode that a number lies within, mostly: 1 stands for so many.
const REACH: f64 = 4.0;
/// What is added to the logits of modes that there are not.
const CLOSED: f32 = -1e4;

/// Where a column stands: a number as its place within a mode, then which of [`MODES`] it is; a class as a one among zeros.
#[derive(Clone, Copy, Debug)]
struct Place {
    from: usize,
    /// from where on the condition names its classes
    asked: usize,
    classes: usize,
}

/// What a row is asked to show: a class of a column of classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// column of the table
    pub(super) column: usize,
    /// its class
    pub(super) class: usize,
}

/// A table's columns, and the modes of those of numbers.
pub(super) struct Coding {
    columns: Vec<Column>,
    places: Vec<Place>,
    /// none of columns of classes
    mixtures: Vec<Mixture>,
    width: usize,
    /// numbers of a condition
    pub(super) condition: usize,
}

impl Coding {
    /// With one mode a column, of its mean and deviation, until there are others.
    pub(super) fn new(columns: &[Column]) -> Coding {
        let (mut width, mut condition) = (0, 0);
        let place = |column: &Column| {
            let at = Place {
                from: width,
                asked: condition,
                classes: column.classes.len(),
            };
            width += if at.classes == 0 { 1 + MODES } else { at.classes };
            condition += at.classes;
            at
        };
        let places = columns.iter().map(place).collect();
        let mixture = |c: &Column| match c.classes.len() {
            0 => Mixture::fit([c.mean - c.deviation, c.mean + c.deviation].into_iter()),
            _ => Mixture::default(),
        };
        Coding {
            mixtures: columns.iter().map(mixture).collect(),
            columns: columns.to_vec(),
            places,
            width,
            condition,
        }
    }

    /// Numbers that networks see of a row.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Takes the modes of these rows.
    pub(super) fn fit(&mut self, rows: &[f32]) {
        let n = self.columns.len();
        for (c, mixture) in self.mixtures.iter_mut().enumerate() {
            if self.places[c].classes == 0 {
                *mixture = Mixture::fit(rows.iter().skip(c).step_by(n).map(|v| f64::from(*v)));
            }
        }
    }

    /// A row as networks see it: of a number a mode is drawn by its probability, and where it lies in it, (x - mean) / (4 deviations). What
    /// is missing is in the middle of no mode, or of no class.
    fn code(&self, row: &[f32], rng: &mut Draw, out: &mut [f32]) {
        for ((v, at), mixture) in row.iter().zip(&self.places).zip(&self.mixtures) {
            if v.is_nan() {
                continue;
            }
            if at.classes > 0 {
                out[at.from + (*v as usize).min(at.classes - 1)] = 1.0;
                continue;
            }
            let x = f64::from(*v);
            let p = mixture.probabilities(x);
            let k = rng.class(p.len(), &p);
            let mode = mixture.modes[k];
            out[at.from] = ((x - mode.mean) / (REACH * mode.deviation)).clamp(-1.0, 1.0) as f32;
            out[at.from + 1 + k] = 1.0;
        }
    }

    /// Whole rows of the table as networks see them, `[rows, width]`.
    pub(super) fn coded(&self, rows: &[f32], key: Key, device: &Device) -> Tensor<2> {
        let count = rows.len() / self.columns.len();
        let mut out = vec![0f32; count * self.width];
        let rows = rows.chunks_exact(self.columns.len());
        for (i, (row, out)) in rows.zip(out.chunks_exact_mut(self.width)).enumerate() {
            self.code(row, &mut key.step(i as u64).rng(), out);
        }
        Tensor::from_data(TensorData::new(out, [count, self.width]), device)
    }

    /// Rows of the table, of what networks see of them.
    pub(super) fn decoded(&self, seen: &[f32]) -> Vec<f32> {
        let largest = |v: &[f32]| (0..v.len()).fold(0, |best, i| if v[i] > v[best] { i } else { best });
        let value = |row: &[f32], c: usize| {
            let at = self.places[c];
            if at.classes > 0 {
                return largest(&row[at.from..at.from + at.classes]) as f32;
            }
            let modes = &self.mixtures[c].modes;
            let mode = modes[largest(&row[at.from + 1..at.from + 1 + modes.len()])];
            (mode.mean + REACH * mode.deviation * f64::from(row[at.from])) as f32
        };
        let row = |row| (0..self.columns.len()).map(move |c| value(row, c));
        seen.chunks_exact(self.width).flat_map(row).collect()
    }

    /// 0, and less than any logit where there is no such mode, `[1, width]`.
    pub(super) fn open(&self, device: &Device) -> Tensor<2> {
        let mut out = vec![0f32; self.width];
        for (at, mixture) in self
            .places
            .iter()
            .zip(&self.mixtures)
            .filter(|(at, _)| at.classes == 0)
        {
            out[at.from + 1 + mixture.modes.len()..at.from + 1 + MODES].fill(CLOSED);
        }
        Tensor::from_data(TensorData::new(out, [1, self.width]), device)
    }

    /// A network's answer `[rows, width]` as rows: places within (-1, 1), modes and classes drawn by uniform noise of the same shape.
    pub(super) fn drawn(&self, answer: &Tensor<2>, uniform: &Tensor<2>) -> Tensor<2> {
        let part = |t: &Tensor<2>, from, n| t.clone().narrow(1, from, n);
        let mut out = vec![];
        for at in &self.places {
            let (from, n) = match at.classes {
                0 => {
                    out.push(part(answer, at.from, 1).tanh());
                    (at.from + 1, MODES)
                }
                n => (at.from, n),
            };
            out.push(gumbel_softmax(part(answer, from, n), part(uniform, from, n)));
        }
        Tensor::cat(out, 1)
    }

    /// Conditions as networks are told them: a one for the class that is asked for, `[rows, condition]`.
    pub(super) fn told(&self, asked: &[Asked], device: &Device) -> Tensor<2> {
        let mut out = vec![0f32; asked.len() * self.condition];
        for (row, a) in out.chunks_exact_mut(self.condition.max(1)).zip(asked) {
            row[self.places[a.column].asked + a.class] = 1.0;
        }
        Tensor::from_data(TensorData::new(out, [asked.len(), self.condition]), device)
    }

    /// The mean over rows of -ln p of the class that each was asked for, by the answer's logits, `[1]`.
    pub(super) fn unanswered(&self, answer: &Tensor<2>, told: &Tensor<2>) -> Tensor<1> {
        let count = answer.dims()[0] as f64;
        let of_classes = self.places.iter().filter(|at| at.classes > 0);
        let part = |at: &Place| {
            let logits = answer.clone().narrow(1, at.from, at.classes);
            -(log_softmax(logits, 1) * told.clone().narrow(1, at.asked, at.classes)).sum()
        };
        let sum = of_classes.map(part).reduce(|a, b| a + b);
        sum.unwrap_or_else(|| answer.clone().sum() * 0.0) / count
    }

    fn of_classes(&self) -> Vec<usize> {
        (0..self.columns.len())
            .filter(|c| self.places[*c].classes > 0)
            .collect()
    }

    /// Rows of a table by what they show: of every column, of every class, which.
    pub(super) fn showing(&self, rows: &[f32]) -> Vec<Vec<Vec<u32>>> {
        let n = self.columns.len();
        let of = |c: usize| {
            let mut found = vec![vec![]; self.places[c].classes];
            for (i, v) in rows.iter().skip(c).step_by(n).enumerate() {
                if let Some(class) = found.get_mut(*v as usize).filter(|_| !v.is_nan()) {
                    class.push(i as u32);
                }
            }
            found
        };
        (0..n).map(of).collect()
    }

    /// Training by sampling (section 4.3): a column, all alike; one of its classes, by the logarithm of how many rows show it; one of these rows.
    /// Any row, and nothing asked, of a table without classes.
    pub(super) fn sampled(
        &self,
        showing: &[Vec<Vec<u32>>],
        rows: usize,
        rng: &mut Draw,
    ) -> (Option<Asked>, usize) {
        let columns = self.of_classes();
        if columns.is_empty() {
            return (None, rng.below(rows));
        }
        let column = columns[rng.below(columns.len())];
        let logs: Vec<f64> = showing[column].iter().map(|r| (r.len() as f64).ln_1p()).collect();
        let class = rng.class(logs.len(), &logs);
        match &showing[column][class][..] {
            [] => (Some(Asked { column, class }), rng.below(rows)),
            rows => (
                Some(Asked { column, class }),
                rows[rng.below(rows.len())] as usize,
            ),
        }
    }

    /// What a sample is asked for: a column, all alike; one of its classes, by its share of the data.
    pub(super) fn asked(&self, rng: &mut Draw) -> Option<Asked> {
        let columns = self.of_classes();
        if columns.is_empty() {
            return None;
        }
        let column = columns[rng.below(columns.len())];
        let of = &self.columns[column];
        let class = rng.class(of.classes.len(), &of.shares);
        Some(Asked { column, class })
    }

    /// The modes as text, a line a column.
    pub(super) fn written(&self) -> String {
        let lines: Vec<String> = self.mixtures.iter().map(Mixture::written).collect();
        lines.join("\n")
    }

    /// Takes up what [`Coding::written`] gave; whether it could.
    pub(super) fn read(&mut self, text: &str) -> bool {
        let lines: Vec<&str> = text.split('\n').collect();
        let one = |(line, at): (&&str, &Place)| match at.classes {
            0 => Mixture::read(line),
            _ => Some(Mixture::default()),
        };
        let found: Option<Vec<Mixture>> = lines.iter().zip(&self.places).map(one).collect();
        match found.filter(|f| f.len() == self.columns.len()) {
            Some(mixtures) => {
                self.mixtures = mixtures;
                true
            }
            None => false,
        }
    }
}

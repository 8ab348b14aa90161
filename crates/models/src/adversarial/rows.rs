//! Rows of tables of numbers and classes as networks see them: standardized numbers, and a one among zeros for a class.
use burn::module::Module;
use burn::tensor::activation::{log_softmax, softmax};
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::error::{Error, Result};
use menagerie_data::{Column, DataInfo, Kind, Role};
use menagerie_nn::{Activation, Init, Linear};

/// How soft a class that is drawn is while its network learns (Jang et al. 2017, arXiv:1611.01144; 0.2 as Xu et al. 2019,
/// arXiv:1907.00503, have it).
const TEMPERATURE: f64 = 0.2;

/// Some columns of a table, and where their numbers stand in what networks see.
#[derive(Clone, Debug)]
pub struct Rows {
    /// columns of the table in all
    table: usize,
    /// which of them are seen, from which number on
    seen: Vec<(usize, usize, Column)>,
    width: usize,
}

impl Rows {
    /// Of all columns but one.
    pub fn new(columns: &[Column], without: Option<usize>) -> Rows {
        let mut width = 0;
        let kept = columns.iter().enumerate().filter(|(c, _)| Some(*c) != without);
        let seen = kept.map(|(c, column)| {
            let from = width;
            width += column.classes.len().max(1);
            (c, from, column.clone())
        });
        Rows {
            seen: seen.collect(),
            table: columns.len(),
            width,
        }
    }

    /// Numbers that networks see of a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Whole rows of the table as networks see them, `[rows, width]`; a value that is missing as the mean, or as no class.
    pub fn encoded(&self, values: &[f32], device: &Device) -> Tensor<2> {
        let count = values.len() / self.table.max(1);
        let mut out = vec![0f32; count * self.width];
        for (row, out) in values
            .chunks_exact(self.table)
            .zip(out.chunks_exact_mut(self.width))
        {
            for (c, from, column) in &self.seen {
                let v = row[*c];
                match column.classes.len() {
                    _ if v.is_nan() => {}
                    0 => out[*from] = ((f64::from(v) - column.mean) / column.deviation) as f32,
                    k => out[from + (v as usize).min(k - 1)] = 1.0,
                }
            }
        }
        Tensor::from_data(TensorData::new(out, [count, self.width]), device)
    }

    /// Writes rows of what networks gave into rows of the table; the largest number of a column is its class.
    pub fn decode(&self, seen: &[f32], table: &mut [f32]) {
        for (row, out) in seen
            .chunks_exact(self.width)
            .zip(table.chunks_exact_mut(self.table))
        {
            for (c, from, column) in &self.seen {
                out[*c] = match column.classes.len() {
                    0 => (f64::from(row[*from]) * column.deviation + column.mean) as f32,
                    k => (1..k).fold(
                        0,
                        |best, i| if row[from + i] > row[from + best] { i } else { best },
                    ) as f32,
                };
            }
        }
    }

    fn spans(&self) -> impl Iterator<Item = (usize, usize)> {
        self.seen
            .iter()
            .map(|(_, from, column)| (*from, column.classes.len()))
    }

    /// A network's answer `[rows, width]` with numbers as they are and classes drawn of their logits by uniform noise of the same shape.
    pub fn drawn(&self, answer: Tensor<2>, uniform: Tensor<2>) -> Tensor<2> {
        let part = |(from, classes): (usize, usize)| match classes {
            0 => answer.clone().narrow(1, from, 1),
            k => gumbel_softmax(
                answer.clone().narrow(1, from, k),
                uniform.clone().narrow(1, from, k),
            ),
        };
        Tensor::cat(self.spans().map(part).collect(), 1)
    }

    /// How far an answer is from rows: squares of numbers and cross-entropies of classes, summed over columns, mean over rows, `[1]`.
    pub fn distance(&self, answer: Tensor<2>, rows: &Tensor<2>) -> Tensor<1> {
        let count = rows.dims()[0] as f64;
        let part = |(from, classes): (usize, usize)| {
            let n = classes.max(1);
            let (a, x) = (answer.clone().narrow(1, from, n), rows.clone().narrow(1, from, n));
            match classes {
                0 => (a - x).powi_scalar(2).sum(),
                _ => -(x * log_softmax(a, 1)).sum(),
            }
        };
        let sum = self.spans().map(part).reduce(|a, b| a + b);
        sum.unwrap_or_else(|| answer.clone().sum() * 0.0) / count
    }
}

/// Logits `[rows, classes]` and uniform noise of the same shape -> softmax((l - ln(-ln u)) / 0.2), whose largest is a draw of softmax(l).
pub fn gumbel_softmax(logits: Tensor<2>, uniform: Tensor<2>) -> Tensor<2> {
    let noise = uniform.clamp(1e-6, 1.0 - 1e-6).log().neg().log().neg();
    softmax((logits + noise) / TEMPERATURE, 1)
}

/// Refuses what is no table of numbers and classes.
///
/// # Errors
/// [`Error::Data`].
pub fn needs_columns(model: &str, info: &DataInfo) -> Result<()> {
    let problem = match info.kind {
        Kind::Points if !info.columns.is_empty() => return Ok(()),
        Kind::Points => format!(
            "{model} learns from tables of numbers and classes, and no column of these points has a name"
        ),
        kind => format!(
            "{model} learns from tables of numbers and classes, and these are {}",
            kind.plural()
        ),
    };
    Err(Error::data(
        &info.source,
        problem,
        "give a .csv with a header and data.columns=mixed, or `hiring`",
    ))
}

/// The column of that role.
///
/// # Errors
/// [`Error::Data`] where there is none, with the names that it may be one of.
pub fn needs_role(model: &str, info: &DataInfo, role: Role) -> Result<usize> {
    let (what, key) = match role {
        Role::Protected => ("protected", "data.protected"),
        _ => ("the outcome", "data.outcome"),
    };
    info.column_of(role).ok_or_else(|| {
        let of_classes = info.columns.iter().filter(|c| !c.classes.is_empty());
        let names: Vec<&str> = of_classes.map(|c| &c.name[..]).take(40).collect();
        let problem = format!("{model} has to know which column is {what}");
        Error::data(
            &info.source,
            problem,
            format!("set {key} to one of: {}", names.join(", ")),
        )
    })
}

/// Fully connected layers.
#[derive(Module, Debug)]
pub struct Layers {
    layers: Vec<Linear>,
}

impl Layers {
    /// From so many numbers to so many, by way of the others.
    pub fn new(sizes: &[usize], init: &Init) -> Layers {
        let layer = |(i, s): (usize, &[usize])| Linear::of([s[0], s[1]]).init(&init.at("layer").nth(i));
        Layers {
            layers: sizes.windows(2).enumerate().map(layer).collect(),
        }
    }

    /// Every layer, the first one first.
    pub fn all(&self) -> &[Linear] {
        &self.layers
    }

    /// `[rows, first]` -> `[rows, last]`, leaky rectifiers between.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let last = self.layers.len() - 1;
        self.layers.iter().enumerate().fold(x, |x, (i, layer)| {
            let activation = match i < last {
                true => Activation::LeakyRelu(0.2),
                false => Activation::Identity,
            };
            layer.forward(x, activation)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use menagerie_kernels::noise;
    use menagerie_nn::numbers;

    fn columns() -> Vec<Column> {
        let classes = |n: usize| (0..n).map(|i| i.to_string()).collect();
        let of = |name: &str, n: usize| Column {
            name: name.into(),
            classes: classes(n),
            mean: 10.0,
            deviation: 4.0,
            ..Column::default()
        };
        vec![of("a", 3), of("b", 0), of("c", 2)]
    }

    #[test]
    fn rows_come_back_from_what_networks_see() {
        let rows = Rows::new(&columns(), None);
        let table = [2.0, 14.0, 0.0, 0.0, 8.0, 1.0];
        let seen = numbers(rows.encoded(&table, &Device::flex()));
        assert_eq!(seen, [0., 0., 1., 1., 1., 0., 1., 0., 0., -0.5, 0., 1.]);
        let mut back = [0.0; 6];
        rows.decode(&seen, &mut back);
        assert_eq!(back, table);
        // Without a column its place stays as it is.
        let rows = Rows::new(&columns(), Some(0));
        let mut back = [7.0; 6];
        rows.decode(&numbers(rows.encoded(&table, &Device::flex())), &mut back);
        assert_eq!(back, [7.0, 14.0, 0.0, 7.0, 8.0, 1.0]);
    }

    /// The largest of what is drawn is of a class as often as its probability says.
    #[test]
    fn classes_are_drawn_by_their_probabilities() {
        let rows = Rows::new(&columns(), None);
        let n = 20_000;
        let p = [0.7f32, 0.2, 0.1];
        let row: Vec<f32> = p.iter().map(|p| p.ln()).chain([1.5, 0.0, 0.0]).collect();
        let answer = Tensor::<1>::from_floats(&row[..], &Device::flex())
            .reshape([1, 6])
            .expand([n, 6]);
        let uniform = noise::uniform(menagerie_data::Key::new(3).words(), [n, 6], &Device::flex());
        let drawn = numbers(rows.drawn(answer, uniform));
        let mut counts = [0.0; 3];
        for row in drawn.chunks_exact(6) {
            assert!((row[..3].iter().sum::<f32>() - 1.0).abs() < 1e-5 && row[3] == 1.5);
            let best = (0..3).max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap();
            counts[best] += 1.0 / n as f32;
        }
        for (share, p) in counts.iter().zip(p) {
            assert!(
                (share - p).abs() < 5.0 * (p * (1.0 - p) / n as f32).sqrt(),
                "{counts:?}"
            );
        }
    }
}

use super::space::{moments, rows};
use super::{Reader, Space, SpaceName, Trait};
use crate::error::{Error, Result, nearest};
use crate::metrics::{eigen, leading};
use crate::models::{LatentSpace, Samples};
use crate::nn::numbers;
use crate::random::Key;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A way through a space that changes something by its name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Direction {
    /// an attribute, or `1`, `2`, ... by importance
    pub name: String,
    /// of length one
    pub vector: Vec<f32>,
    /// the standard deviation of draws along it: what an amount of one moves by
    pub unit: f32,
}

/// Directions of a model's space, and where they are from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Directions {
    /// the model's name
    pub model: String,
    /// what the run was made of: directions of another run mean nothing
    pub run: String,
    /// of latents or of styles
    pub space: SpaceName,
    /// how they were found: `sefa`, `pca` or `attribute`
    pub method: String,
    /// the directions
    pub directions: Vec<Direction>,
}

impl Directions {
    /// Reads a file that [`Directions::save`] wrote.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::Data`] for a file that is none.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
        let wrong = |problem: String| {
            let fix = "make one with `menagerie directions RUN --out FILE`";
            Error::data(path.display().to_string(), problem, fix)
        };
        let read: Directions =
            serde_json::from_str(&text).map_err(|e| wrong(format!("it is no file of directions: {e}")))?;
        let fits = |d: &Direction| d.vector.iter().all(|v| v.is_finite()) && d.unit.is_finite();
        match read.directions.iter().find(|d| !fits(d)) {
            Some(d) => Err(wrong(format!(
                "direction `{}` holds numbers that are not finite",
                d.name
            ))),
            None => Ok(read),
        }
    }

    /// Writes them as JSON, whole or not at all.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_vec_pretty(self).unwrap_or_default();
        crate::files::write_atomically(path, &text)
    }

    /// Refuses directions of another run, or of another space than the model has.
    ///
    /// # Errors
    /// [`Error::Usage`].
    pub fn check(&self, run: &str, model: &str, space: Space) -> Result<()> {
        let width = |d: &Direction| d.vector.len() == space.width();
        if self.run == run && self.space == space.name() && self.directions.iter().all(width) {
            return Ok(());
        }
        Err(Error::usage(
            match self.model == model {
                true => "these are directions of another run".to_string(),
                false => format!(
                    "these are directions of a {}, and this run is a {model}",
                    self.model
                ),
            },
            "find this run's with `menagerie directions`",
        ))
    }

    /// One by its name.
    ///
    /// # Errors
    /// [`Error::Usage`] with the nearest name.
    pub fn named(&self, name: &str) -> Result<&Direction> {
        self.directions.iter().find(|d| d.name == name).ok_or_else(|| {
            let known = self.directions.iter().map(|d| d.name.as_str());
            Error::usage(format!("there is no direction `{name}`"), nearest(name, known))
        })
    }
}

impl Direction {
    /// Vectors `[count, width]` moved by `amount` of its units.
    pub fn moved(&self, vectors: Tensor<2>, amount: f32) -> Tensor<2> {
        let by: Vec<f32> = self.vector.iter().map(|v| v * self.unit * amount).collect();
        let by = rows(by, self.vector.len(), &vectors.device());
        vectors + by
    }

    /// Of a vector of any length, where draws have that covariance.
    fn of(name: impl Into<String>, vector: &[f64], covariance: &[f64]) -> Option<Self> {
        let length = vector.iter().map(|v| v * v).sum::<f64>().sqrt();
        if !(length > 0.0 && length.is_finite()) {
            return None;
        }
        let unit: Vec<f64> = vector.iter().map(|v| v / length).collect();
        let n = unit.len();
        let along = |i: usize| (0..n).map(|j| covariance[i * n + j] * unit[j]).sum::<f64>() * unit[i];
        Some(Direction {
            name: name.into(),
            unit: (0..n).map(along).sum::<f64>().max(0.0).sqrt() as f32,
            vector: unit.into_iter().map(|v| v as f32).collect(),
        })
    }
}

/// Draws from which moments of a space are taken.
const DRAWS: usize = 4096;

/// Directions by importance, by the way that a model of the kind allows, and that way's name: in closed form where a single layer reads its
/// vectors, else by principal components of so many draws.
///
/// # Errors
/// Those of the decoder.
pub fn by_importance(
    latents: &dyn LatentSpace,
    space: Space,
    count: usize,
    draws: usize,
    key: Key,
) -> Result<(&'static str, Vec<Direction>)> {
    match first_weights(latents, space) {
        None => Ok(("pca", principal(space, count, draws, key)?)),
        weights => Ok(("sefa", sefa(space, weights, count, key)?)),
    }
}

/// The weights by which a decoder reads vectors of a space, `[width, outputs]`, where a single layer does.
pub fn first_weights(latents: &dyn LatentSpace, space: Space) -> Option<Tensor<2>> {
    match space.styles() {
        Some(s) => Some(s.style_weights()),
        None => latents.first_weights(),
    }
}

/// The vectors that the first weights stretch most (Shen & Zhou 2021, arXiv:2007.06600, equation 5): eigenvectors of A A^T, A the
/// weights by which the decoder reads a vector.
///
/// # Errors
/// [`Error::Usage`] for a model whose latents no single layer reads.
pub fn sefa(space: Space, weights: Option<Tensor<2>>, count: usize, key: Key) -> Result<Vec<Direction>> {
    let Some(weights) = weights else {
        return Err(Error::usage(
            "no single layer of this model reads its latents, which the closed form needs",
            "use --method pca",
        ));
    };
    let [width, outputs] = weights.dims();
    let values = numbers(weights);
    let mut product = vec![0.0; width * width];
    for i in 0..width {
        for j in 0..=i {
            let (a, b) = (
                &values[i * outputs..][..outputs],
                &values[j * outputs..][..outputs],
            );
            let dot: f64 = a.iter().zip(b).map(|(a, b)| *a as f64 * *b as f64).sum();
            (product[i * width + j], product[j * width + i]) = (dot, dot);
        }
    }
    let (_, covariance) = moments(space.draw(DRAWS, key));
    let found = eigen(product, width).into_iter().take(count).enumerate();
    Ok(found
        .filter_map(|(i, (_, v))| Direction::of((i + 1).to_string(), &v, &covariance))
        .collect())
}

/// Principal components (Härkönen et al. 2020, arXiv:2004.02546, GANSpace): of styles themselves; of a space of latents, those of the
/// items, and for each the latents that move them most, by least squares (equation 3 there, with items in place of a layer's
/// activations).
///
/// # Errors
/// Those of the decoder.
pub fn principal(space: Space, count: usize, draws: usize, key: Key) -> Result<Vec<Direction>> {
    let vectors = space.draw(draws, key);
    let (mean, covariance) = moments(vectors.clone());
    let width = space.width();
    if space.name() == SpaceName::W {
        let found = eigen(covariance.clone(), width)
            .into_iter()
            .take(count)
            .enumerate();
        return Ok(found
            .filter_map(|(i, (_, v))| Direction::of((i + 1).to_string(), &v, &covariance))
            .collect());
    }
    let items = centred(space.decode(vectors.clone())?);
    let n = items.len() / draws;
    // Components by the products of items with each other, which are fewer than their numbers.
    let mut gram = vec![0.0; draws * draws];
    for i in 0..draws {
        for j in 0..=i {
            let (a, b) = (&items[i * n..][..n], &items[j * n..][..n]);
            let dot: f64 = a.iter().zip(b).map(|(a, b)| *a as f64 * *b as f64).sum();
            (gram[i * draws + j], gram[j * draws + i]) = (dot, dot);
        }
    }
    let values = numbers(vectors);
    let found = leading(&gram, draws, count).into_iter().enumerate();
    let direction = |(i, (_, coordinates)): (usize, (f64, Vec<f64>))| {
        let mut vector = vec![0.0; width];
        for (row, x) in values.chunks_exact(width).zip(&coordinates) {
            for ((v, z), m) in vector.iter_mut().zip(row).zip(&mean) {
                *v += x * (*z as f64 - m);
            }
        }
        Direction::of((i + 1).to_string(), &vector, &covariance)
    };
    Ok(found.filter_map(direction).collect())
}

/// Values of items, each less the mean over items.
fn centred(items: Samples) -> Vec<f32> {
    let count = items.shape[0].max(1);
    let n = items.values.len() / count;
    let mut mean = vec![0f64; n];
    for item in items.values.chunks_exact(n) {
        mean.iter_mut()
            .zip(item)
            .for_each(|(m, v)| *m += *v as f64 / count as f64);
    }
    let mut values = items.values;
    for item in values.chunks_exact_mut(n) {
        item.iter_mut().zip(&mean).for_each(|(v, m)| *v -= *m as f32);
    }
    values
}

/// The normals of the planes that part vectors by what their items show (Shen et al. 2020, arXiv:1907.10786, InterFaceGAN), by linear
/// least squares; less what they have in common with those of the traits that are to be held (section 2.4 there).
///
/// # Errors
/// Those of the decoder and the reader; [`Error::Usage`] for a trait that is the same in all draws.
pub fn of_traits(
    space: Space,
    reader: Reader,
    wanted: &[Trait],
    held: &[Trait],
    draws: usize,
    key: Key,
) -> Result<Vec<Direction>> {
    let vectors = space.draw(draws, key);
    let (mean, covariance) = moments(vectors.clone());
    let read = reader.read(&space.decode(vectors.clone())?)?;
    let (values, width) = (numbers(vectors), space.width());
    // Where vectors hardly vary, nothing can be learned of what they do.
    let axes = eigen(covariance.clone(), width);
    let least = axes.first().map_or(0.0, |a| a.0) * 1e-6;
    let normal = |of: &Trait| -> Result<Vec<f64>> {
        let amounts = reader.amounts(&read, of);
        let middle = amounts.iter().sum::<f64>() / draws as f64;
        let mut together = vec![0.0; width];
        for (row, a) in values.chunks_exact(width).zip(&amounts) {
            for ((t, v), m) in together.iter_mut().zip(row).zip(&mean) {
                *t += (a - middle) * (*v as f64 - m) / draws as f64;
            }
        }
        let mut out = vec![0.0; width];
        for (value, axis) in axes.iter().filter(|a| a.0 > least) {
            let along = axis.iter().zip(&together).map(|(a, t)| a * t).sum::<f64>() / value;
            out.iter_mut().zip(axis).for_each(|(o, a)| *o += along * a);
        }
        if out.iter().all(|v| *v == 0.0) {
            return Err(Error::usage(
                format!("`{}` is the same in all {draws} draws", of.name),
                "choose another, or give more --draws",
            ));
        }
        Ok(out)
    };
    let mut planes: Vec<Vec<f64>> = Vec::new();
    for of in held {
        planes.push(without(normal(of)?, &planes));
    }
    let mut found = Vec::new();
    for of in wanted {
        let vector = without(normal(of)?, &planes);
        let direction = Direction::of(of.name.clone(), &vector, &covariance);
        found.push(direction.ok_or_else(|| {
            let problem = format!("nothing of `{}` is left once the others are held", of.name);
            Error::usage(problem, "hold fewer")
        })?);
    }
    Ok(found)
}

/// A vector less its parts along others, which are at right angles to each other and not all of length one.
fn without(mut v: Vec<f64>, others: &[Vec<f64>]) -> Vec<f64> {
    for o in others {
        let square: f64 = o.iter().map(|x| x * x).sum();
        let along = v.iter().zip(o).map(|(a, b)| a * b).sum::<f64>() / square.max(1e-300);
        v.iter_mut().zip(o).for_each(|(a, b)| *a -= along * b);
    }
    v
}

/// How a reader's numbers follow a direction: draws are moved by amounts spread evenly over -2 to 2.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Followed {
    /// the direction
    pub direction: String,
    /// what was read
    pub attribute: String,
    /// correlation of what was read with the amount, within each draw's walk, -1 to 1
    pub correlation: f64,
    /// mean change over the whole range, in standard deviations of what is read of draws
    pub change: f64,
}

/// Steps of a walk by which a direction is measured.
const STEPS: usize = 5;

/// Everything that a reader reads while draws are moved along a direction, by the size of the correlation. Hues are left out.
///
/// # Errors
/// Those of the decoder and the reader.
pub fn follow(
    space: Space,
    reader: Reader,
    direction: &Direction,
    draws: usize,
    key: Key,
) -> Result<Vec<Followed>> {
    let start = space.draw(draws, key);
    let names = reader.names();
    let amounts: Vec<f32> = (0..STEPS).map(|i| -2.0 + i as f32).collect();
    let mut walks: Vec<Vec<f32>> = Vec::new();
    for a in &amounts {
        walks.push(reader.read(&space.decode(direction.moved(start.clone(), *a))?)?);
    }
    let usable = names
        .iter()
        .enumerate()
        .filter_map(|(c, n)| Some((c, reader.named(n).ok()?)));
    let mut found: Vec<Followed> = usable
        .map(|(_, of)| {
            let read: Vec<Vec<f64>> = walks.iter().map(|w| reader.amounts(w, &of)).collect();
            let middle = &read[STEPS / 2];
            let mean = middle.iter().sum::<f64>() / draws as f64;
            let spread = (middle.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / draws as f64).sqrt();
            let change = (0..draws).map(|i| read[STEPS - 1][i] - read[0][i]).sum::<f64>() / draws as f64;
            Followed {
                direction: direction.name.clone(),
                attribute: of.name.clone(),
                correlation: within(&read, &amounts, draws),
                change: if spread > 0.0 { change / spread } else { 0.0 },
            }
        })
        .collect();
    found.sort_by(|a, b| b.correlation.abs().total_cmp(&a.correlation.abs()));
    Ok(found)
}

/// The correlation of readings with amounts, each draw's own mean taken away first.
fn within(read: &[Vec<f64>], amounts: &[f32], draws: usize) -> f64 {
    let (mut xy, mut xx, mut yy) = (0.0, 0.0, 0.0);
    for i in 0..draws {
        let mean = read.iter().map(|r| r[i]).sum::<f64>() / read.len() as f64;
        for (r, a) in read.iter().zip(amounts) {
            let (x, y) = (*a as f64, r[i] - mean);
            (xy, xx, yy) = (xy + x * y, xx + x * x, yy + y * y);
        }
    }
    if yy > 0.0 { xy / (xx * yy).sqrt() } else { 0.0 }
}

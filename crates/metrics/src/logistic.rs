//! Multinomial logistic regression with a quadratic penalty, by L-BFGS (Nocedal & Wright 2006, algorithm 7.5).
//!
//! It minimizes f(W, b) = 1/n sum_i -ln softmax(W' x_i + b)_{y_i} + lambda/2 |W|^2, x standardized by the mean and the standard
//! deviation of each feature over the items that are learned from. f is convex, strictly so for lambda > 0 but for a shift
//! of b: the minimum does not depend on the way. (scikit-learn's C is 1 / (lambda n).)
use super::features::Features;
use menagerie_data::error::{Error, Result};
use menagerie_kernels::matrix::{Matrix, Place, product};

/// Iterations at most.
pub const ITERATIONS: usize = 300;
/// The largest derivative at which it stops.
pub const TOLERANCE: f64 = 1e-5;
/// Steps that are remembered.
const MEMORY: usize = 10;

/// What was learned.
#[derive(Clone, Debug)]
pub struct Logistic {
    /// `[features + 1, classes]`: W, and b in the last row, of standardized features
    pub parameters: Vec<f64>,
    /// f at the end
    pub objective: f64,
    /// whether the derivatives came below [`TOLERANCE`]
    pub converged: bool,
    mean: Vec<f64>,
    scale: Vec<f64>,
    classes: usize,
}

/// Standardized features and labels.
struct Problem<'a> {
    rows: Vec<f32>,
    labels: &'a [u32],
    width: usize,
    classes: usize,
    lambda: f64,
}

impl Problem<'_> {
    /// Scores `[items, classes]`.
    fn scores(&self, parameters: &[f64]) -> Vec<f32> {
        scores(&self.rows, self.width, parameters, self.classes)
    }

    /// f and its gradient.
    fn value(&self, parameters: &[f64]) -> (f64, Vec<f64>) {
        let (n, k) = (self.labels.len(), self.classes);
        let mut residual = self.scores(parameters);
        let mut loss = 0.0;
        let mut gradient = vec![0.0; parameters.len()];
        let bias = self.width * k;
        for (row, &label) in residual.chunks_exact_mut(k).zip(self.labels) {
            let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let exp: Vec<f64> = row.iter().map(|v| f64::from(v - most).exp()).collect();
            let sum: f64 = exp.iter().sum();
            loss += sum.ln() - f64::from(row[label as usize] - most);
            for (c, (r, e)) in row.iter_mut().zip(exp).enumerate() {
                let derivative = (e / sum - f64::from(u8::from(c == label as usize))) / n as f64;
                gradient[bias + c] += derivative;
                *r = derivative as f32;
            }
        }
        let mut of_weights = vec![0f32; bias];
        product(
            Matrix::new(&self.rows, n, self.width).transposed(),
            Matrix::new(&residual, n, k),
            &mut of_weights,
            k,
            Place::Set,
            true,
        );
        let mut square = 0.0;
        for (g, (of_loss, w)) in gradient
            .iter_mut()
            .zip(of_weights.iter().zip(&parameters[..bias]))
        {
            *g = f64::from(*of_loss) + self.lambda * w;
            square += w * w;
        }
        (loss / n as f64 + 0.5 * self.lambda * square, gradient)
    }
}

fn scores(rows: &[f32], width: usize, parameters: &[f64], classes: usize) -> Vec<f32> {
    let n = rows.len() / width;
    let (weights, bias) = parameters.split_at(width * classes);
    let weights: Vec<f32> = weights.iter().map(|w| *w as f32).collect();
    let mut out: Vec<f32> = (0..n).flat_map(|_| bias.iter().map(|b| *b as f32)).collect();
    product(
        Matrix::new(rows, n, width),
        Matrix::new(&weights, width, classes),
        &mut out,
        classes,
        Place::Add,
        true,
    );
    out
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// A step and the change of the gradient over it.
struct Step {
    moved: Vec<f64>,
    changed: Vec<f64>,
    rho: f64,
}

/// The way down that the last steps suggest: -H g (algorithm 7.4).
fn direction(gradient: &[f64], memory: &[Step]) -> Vec<f64> {
    let mut q: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let mut alphas = Vec::with_capacity(memory.len());
    for s in memory.iter().rev() {
        let alpha = s.rho * dot(&s.moved, &q);
        q.iter_mut().zip(&s.changed).for_each(|(q, y)| *q -= alpha * y);
        alphas.push(alpha);
    }
    let scale = match memory.last() {
        Some(s) => dot(&s.moved, &s.changed) / dot(&s.changed, &s.changed),
        None => 1.0 / dot(gradient, gradient).sqrt().max(1.0),
    };
    q.iter_mut().for_each(|q| *q *= scale);
    for (s, alpha) in memory.iter().zip(alphas.into_iter().rev()) {
        let beta = s.rho * dot(&s.changed, &q);
        q.iter_mut()
            .zip(&s.moved)
            .for_each(|(q, m)| *q += (alpha - beta) * m);
    }
    q
}

/// Minimizes from `start`: the place, f there, and whether the derivatives vanish.
fn minimize(problem: &Problem, start: Vec<f64>) -> (Vec<f64>, f64, bool) {
    let mut at = start;
    let (mut value, mut gradient) = problem.value(&at);
    let mut memory: Vec<Step> = Vec::new();
    for _ in 0..ITERATIONS {
        if gradient.iter().all(|g| g.abs() <= TOLERANCE) {
            return (at, value, true);
        }
        let way = direction(&gradient, &memory);
        let slope = dot(&way, &gradient);
        // Armijo's rule; f is convex, so that what is remembered stays positive definite without Wolfe's second rule.
        let mut length = 1.0;
        let next = loop {
            let there: Vec<f64> = at.iter().zip(&way).map(|(a, w)| a + length * w).collect();
            let (v, g) = problem.value(&there);
            if v <= value + 1e-4 * length * slope {
                break Some((there, v, g));
            }
            length *= 0.5;
            // Rounding: there is no lower place in single precision.
            if length < 1e-6 {
                break None;
            }
        };
        let Some((there, v, g)) = next else {
            break;
        };
        let moved: Vec<f64> = there.iter().zip(&at).map(|(a, b)| a - b).collect();
        let changed: Vec<f64> = g.iter().zip(&gradient).map(|(a, b)| a - b).collect();
        let curvature = dot(&moved, &changed);
        if curvature > 1e-12 * dot(&changed, &changed) {
            memory.push(Step {
                moved,
                changed,
                rho: 1.0 / curvature,
            });
            if memory.len() > MEMORY {
                memory.remove(0);
            }
        }
        (at, value, gradient) = (there, v, g);
    }
    let converged = gradient.iter().all(|g| g.abs() <= TOLERANCE);
    (at, value, converged)
}

impl Logistic {
    /// Learns the labels (below `classes`) of rows of features; from another's parameters where they are given.
    ///
    /// # Errors
    /// [`Error::Usage`] for labels that are not one a row, or are none of the classes.
    pub fn fit(
        rows: &Features,
        labels: &[u32],
        classes: usize,
        lambda: f64,
        from: Option<&Logistic>,
    ) -> Result<Logistic> {
        if labels.len() != rows.count() || labels.iter().any(|&l| l as usize >= classes) {
            let problem = format!(
                "{} labels of {} items are not of {classes} classes",
                labels.len(),
                rows.count()
            );
            return Err(Error::usage(problem, "give every item one of the classes"));
        }
        let (n, width) = (rows.count() as f64, rows.width());
        let (mut mean, mut square) = (vec![0.0; width], vec![0.0; width]);
        for i in 0..rows.count() {
            for (m, v) in mean.iter_mut().zip(rows.row(i)) {
                *m += f64::from(*v) / n;
            }
        }
        for i in 0..rows.count() {
            for ((s, v), m) in square.iter_mut().zip(rows.row(i)).zip(&mean) {
                *s += (f64::from(*v) - m).powi(2) / n;
            }
        }
        let scale = square.iter().map(|s| if *s > 0.0 { 1.0 / s.sqrt() } else { 0.0 });
        let mut out = Logistic {
            parameters: from.map_or_else(|| vec![0.0; (width + 1) * classes], |f| f.parameters.clone()),
            objective: 0.0,
            converged: false,
            mean,
            scale: scale.collect(),
            classes,
        };
        let problem = Problem {
            rows: out.standardized(rows),
            labels,
            width,
            classes,
            lambda,
        };
        let start = std::mem::take(&mut out.parameters);
        (out.parameters, out.objective, out.converged) = minimize(&problem, start);
        Ok(out)
    }

    fn standardized(&self, rows: &Features) -> Vec<f32> {
        let one = |(v, (m, s)): (&f32, (&f64, &f64))| ((f64::from(*v) - m) * s) as f32;
        let row = |r| rows.row(r).iter().zip(self.mean.iter().zip(&self.scale)).map(one);
        (0..rows.count()).flat_map(row).collect()
    }

    fn scored(&self, rows: &Features) -> Result<Vec<f32>> {
        super::features::same_width(rows.width(), self.mean.len())?;
        let seen = self.standardized(rows);
        Ok(scores(&seen, rows.width(), &self.parameters, self.classes))
    }

    /// The class of each row.
    ///
    /// # Errors
    /// [`Error::Usage`] for rows of another width.
    pub fn predict(&self, rows: &Features) -> Result<Vec<u32>> {
        let largest =
            |row: &[f32]| (0..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best }) as u32;
        Ok(self
            .scored(rows)?
            .chunks_exact(self.classes)
            .map(largest)
            .collect())
    }

    /// The probability of every class of each row, `[rows, classes]`.
    ///
    /// # Errors
    /// [`Error::Usage`] for rows of another width.
    pub fn probabilities(&self, rows: &Features) -> Result<Vec<f64>> {
        let softmax = |row: &[f32]| {
            let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let exp: Vec<f64> = row.iter().map(|v| f64::from(v - most).exp()).collect();
            let sum: f64 = exp.iter().sum();
            exp.into_iter().map(move |e| e / sum).collect::<Vec<f64>>()
        };
        Ok(self
            .scored(rows)?
            .chunks_exact(self.classes)
            .flat_map(softmax)
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_classes_of_one_feature_by_hand() {
        // x = -1, 1, half of each class as its label says, a quarter against: by symmetry W = (-w, w), b = 0, and
        // f = -3/4 ln s - 1/4 ln(1 - s) + lambda w^2 with s = 1 / (1 + exp(-2w)), whose derivative is 2 s - 3/2 + 2 lambda w.
        let rows = [-1f32, -1., -1., -1., 1., 1., 1., 1.];
        let labels = [0, 0, 0, 1, 1, 1, 1, 0];
        let rows = Features::new(&rows, 1, "rows").unwrap();
        for lambda in [0.0, 0.1, 2.0] {
            let found = Logistic::fit(&rows, &labels, 2, lambda, None).unwrap();
            let (mut low, mut high) = (0.0f64, 10.0f64);
            for _ in 0..100 {
                let w = (low + high) / 2.0;
                if 2.0 / (1.0 + (-2.0 * w).exp()) - 1.5 + 2.0 * lambda * w < 0.0 {
                    low = w;
                } else {
                    high = w;
                }
            }
            // Without a penalty, only the difference of the weights is determined.
            let half = (found.parameters[1] - found.parameters[0]) / 2.0;
            assert!(
                (half - low).abs() < 2e-5 && found.converged,
                "{lambda}: {half} {low}"
            );
            let s = 1.0 / (1.0 + (-2.0 * low).exp());
            let f = -0.75 * s.ln() - 0.25 * (1.0 - s).ln() + lambda * low * low;
            assert!((found.objective - f).abs() < 1e-6);
            assert_eq!(found.predict(&rows).unwrap(), [0, 0, 0, 0, 1, 1, 1, 1]);
            let p = found.probabilities(&rows).unwrap();
            assert!((p[0] - s).abs() < 1e-4 && (p[15] - s).abs() < 1e-4 && (p[0] + p[1] - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn labels_must_fit() {
        let rows = Features::new(&[1.0, 2.0, 3.0], 1, "rows").unwrap();
        assert!(Logistic::fit(&rows, &[0, 1], 2, 0.1, None).is_err());
        assert!(Logistic::fit(&rows, &[0, 1, 2], 2, 0.1, None).is_err());
        let constant = Features::new(&[1.0; 3], 1, "rows").unwrap();
        let found = Logistic::fit(&constant, &[0, 1, 1], 2, 0.1, None).unwrap();
        assert_eq!(found.predict(&constant).unwrap(), [1; 3]);
    }
}

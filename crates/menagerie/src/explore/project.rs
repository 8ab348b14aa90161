use super::Space;
use super::descent::Descent;
use super::space::{moments, rows, spread};
use crate::error::Result;
use crate::interrupt;
use crate::kernels::avg_pool2d;
use crate::models::{Decoder, Samples};
use crate::nn::numbers;
use crate::random::Key;
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_kernels::noise;

/// How items are projected.
#[derive(Clone, Copy, Debug)]
pub struct ProjectionSettings {
    /// updates of the vectors
    pub steps: usize,
    /// a style of its own for each place of the decoder (w+)
    pub every_place: bool,
    /// the largest learning rate, in standard deviations of draws
    pub rate: f64,
    /// of draws to begin with, and of noise
    pub key: Key,
}

impl Default for ProjectionSettings {
    fn default() -> Self {
        ProjectionSettings {
            steps: 300,
            every_place: false,
            rate: 0.1,
            key: Key::new(0),
        }
    }
}

/// Vectors whose items are closest to given ones.
#[derive(Clone, Debug)]
pub struct Projection {
    /// `[count, places, width]`, one place unless each has its own
    pub vectors: Vec<f32>,
    /// places of a vector
    pub places: usize,
    /// numbers of a place
    pub width: usize,
    /// the items of these vectors
    pub items: Samples,
    /// mean squared error a number of each item, where numbers span 2, of the first vectors and of the last
    pub errors: [Vec<f64>; 2],
}

/// Draws among which each item finds its start.
const STARTS: usize = 128;
/// Items that are projected at a time.
const TOGETHER: usize = 16;

/// Vectors of a space whose images are closest to these `[count, height, width, channel]` in [-1, 1], by descent (Karras et al. 2020,
/// arXiv:1912.04958, appendix D, with squared differences at three sizes in place of a network's features): the learning rate rises
/// over the first twentieth and falls over the last quarter, vectors are jittered by noise that fades out over three quarters.
/// `progress` is told the step and the mean loss.
///
/// # Errors
/// [`crate::Error::Usage`] for a model through whose decoder no gradient comes back.
pub fn project(
    space: Space,
    images: &Samples,
    settings: ProjectionSettings,
    progress: &mut dyn FnMut(usize, f64),
) -> Result<Projection> {
    project_from(space, images, None, settings, progress)
}

/// The same from vectors `[k, width]` that an encoder has found, where they are closer than the draws (the hybrid of Zhu et al. 2016, arXiv:1609.03552,
/// section 3.1).
///
/// # Errors
/// The same.
pub fn project_from(
    space: Space,
    images: &Samples,
    found: Option<Tensor<2>>,
    settings: ProjectionSettings,
    progress: &mut dyn FnMut(usize, f64),
) -> Result<Projection> {
    let (width, places) = (space.width(), space.styles().map_or(1, |s| s.places()));
    let own = if settings.every_place { places } else { 1 };
    let render = space.differentiable(own)?;
    let draws = space.draw(STARTS, settings.key.stream("starts"));
    let (mean, covariance) = moments(draws.clone());
    let task = Task {
        render,
        own,
        width,
        spread: spread(&covariance, width),
        mean: mean.into_iter().map(|m| m as f32).collect(),
        device: space.centre().device().autodiff(),

        settings,
    };
    let candidates = Tensor::cat([space.centre(), draws].into_iter().chain(found).collect(), 0);
    let made = space.decode(candidates.clone())?;
    let starts = nearest(images, &made, &numbers(candidates), width);
    let count = images.shape[0];
    let n: usize = images.shape[1..].iter().product();
    let mut vectors = Vec::with_capacity(count * own * width);
    for from in (0..count).step_by(TOGETHER) {
        let to = count.min(from + TOGETHER);
        let target = &images.values[from * n..to * n];
        let start = &starts[from * width..to * width];
        let mut report = |step, loss| progress(from * settings.steps / TOGETHER.max(1) + step, loss);
        vectors.extend(task.descend(target, &images.shape[1..], start, &mut report));
    }
    let plain = space.centre().device();
    let items = match space.styles() {
        Some(s) if own == places => {
            s.decode_styles(rows(vectors.clone(), width, &plain).reshape([count, places, width]))?
        }
        _ => space.decode(rows(vectors.clone(), width, &plain))?,
    };
    let first = space.decode(rows(starts, width, &plain))?;
    Ok(Projection {
        errors: [apart(images, &first), apart(images, &items)],
        vectors,
        places: own,
        width,
        items,
    })
}

struct Task {
    render: Decoder<2>,
    own: usize,
    width: usize,
    spread: f64,
    mean: Vec<f32>,
    /// with autodiff
    device: Device,
    settings: ProjectionSettings,
}

impl Task {
    /// Adam on the vectors of some items.
    fn descend(
        &self,
        target: &[f32],
        shape: &[usize],
        starts: &[f32],
        progress: &mut dyn FnMut(usize, f64),
    ) -> Vec<f32> {
        let device = self.device.clone();

        let count = starts.len() / self.width;
        let &[h, w, c] = shape else { return starts.to_vec() };
        let target = Tensor::<4>::from_data(TensorData::new(target.to_vec(), [count, h, w, c]), &device);
        let mut at: Vec<f32> = starts
            .chunks_exact(self.width)
            .flat_map(|row| row.repeat(self.own))
            .collect();
        let mut descent = Descent::new(at.len());
        let steps = self.settings.steps;
        for step in 0..steps {
            if interrupt::given_up() {
                break;
            }
            let t = step as f64 / steps as f64;
            let here = rows(at.clone(), self.width, &device).require_grad();
            let jitter = 0.05 * self.spread * (1.0 - t / 0.75).max(0.0).powi(2);
            let key = self.settings.key.stream("jitter").step(step as u64);
            let e: Tensor<2> = noise::normal(key.words(), here.dims(), &device);
            let image = (self.render)(here.clone() + e * jitter);
            let loss = at_three_sizes(image - target.clone()) + self.held(here.clone());
            progress(step + 1, numbers(loss.clone())[0] as f64 / count as f64);
            let Some(g) = here.grad(&loss.backward()) else {
                break;
            };
            let rate = self.settings.rate * self.spread * (t / 0.05).min(1.0) * fall(t);
            descent.step(&mut at, &numbers(g), rate);
        }
        at
    }

    /// What holds vectors where draws are: their distance from the mean draw; of one style a place, from each other.
    fn held(&self, at: Tensor<2>) -> Tensor<1> {
        let scale = 1e-4 / (self.width as f64 * self.spread * self.spread).max(1e-12);
        if self.own == 1 {
            let off = at.clone() - rows(self.mean.clone(), self.width, &at.device());
            return (off.clone() * off).sum() * scale;
        }
        let count = at.dims()[0] / self.own;
        let at = at.reshape([count, self.own, self.width]);
        let off = at.clone() - at.mean_dim(1);
        (off.clone() * off).sum() * (scale / self.own as f64)
    }
}

/// The learning rate's fall over the last quarter, along half a cosine.
fn fall(t: f64) -> f64 {
    let left = ((1.0 - t) / 0.25).min(1.0);
    0.5 - 0.5 * (left * std::f64::consts::PI).cos()
}

/// Mean squares of a difference at its size, at a half and at a quarter, added up and summed over items, `[1]`.
fn at_three_sizes(mut difference: Tensor<4>) -> Tensor<1> {
    let mean = |d: &Tensor<4>| {
        let [_, h, w, c] = d.dims();
        (d.clone() * d.clone()).sum() / (h * w * c) as f64
    };
    let mut sum = mean(&difference);
    for _ in 0..2 {
        let [_, h, w, _] = difference.dims();
        if h.min(w) < 4 {
            break;
        }
        difference = avg_pool2d(difference, [2, 2], [2, 2], [0, 0]);
        sum = sum + mean(&difference);
    }
    sum
}

/// For each image the candidate whose item is closest: `[count, width]`.
fn nearest(images: &Samples, made: &Samples, candidates: &[f32], width: usize) -> Vec<f32> {
    let n: usize = images.shape[1..].iter().product();
    let off = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f32>();
    let best = |image: &[f32]| {
        let all = made.values.chunks_exact(n).map(|m| off(image, m)).enumerate();
        all.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |b| b.0)
    };
    let each = images.values.chunks_exact(n).map(best);
    each.flat_map(|b| candidates[b * width..(b + 1) * width].to_vec())
        .collect()
}

/// Mean squared error a number of each item.
fn apart(a: &Samples, b: &Samples) -> Vec<f64> {
    let n: usize = a.shape[1..].iter().product();
    let one = |(a, b): (&[f32], &[f32])| {
        a.iter()
            .zip(b)
            .map(|(a, b)| ((a - b) as f64).powi(2))
            .sum::<f64>()
            / n as f64
    };
    a.values
        .chunks_exact(n)
        .zip(b.values.chunks_exact(n))
        .map(one)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Kind;
    use crate::explore::SpaceName;
    use crate::models::LatentSpace;
    use crate::recipe::Recipe;

    /// Images of 8x8 that are hyperbolic tangents of their latents' products with fixed waves.
    struct Waves;

    impl Waves {
        fn images(z: Tensor<2>) -> Tensor<4> {
            let [count, latent] = z.dims();
            let wave = |n: usize| ((n * n) as f32 * 0.37).sin();
            let waves: Vec<f32> = (0..latent * 64).map(wave).collect();
            let waves = Tensor::<2>::from_data(TensorData::new(waves, [latent, 64]), &z.device());
            z.matmul(waves).tanh().reshape([count, 8, 8, 1])
        }
    }

    impl LatentSpace for Waves {
        fn latent(&self) -> usize {
            6
        }
        fn prior(&self, count: usize, key: Key) -> Tensor<2> {
            noise::normal(key.words(), [count, 6], &Device::flex())
        }
        fn decode(&self, latents: Tensor<2>) -> Result<Samples> {
            Ok(Samples {
                kind: Kind::Image,
                shape: vec![latents.dims()[0], 8, 8, 1],
                values: numbers(Waves::images(latents)),
            })
        }
        fn differentiable(&self) -> Option<Decoder<2>> {
            Some(Box::new(Waves::images))
        }
    }

    fn found(latents: &dyn LatentSpace, space: SpaceName, every_place: bool) -> [f64; 2] {
        let target = latents.decode(latents.prior(3, Key::new(9))).unwrap();
        let settings = ProjectionSettings {
            steps: 120,
            every_place,
            ..ProjectionSettings::default()
        };
        let space = Space::of(latents, Some(space)).unwrap();
        let mut told = 0;
        let found = project(space, &target, settings, &mut |step, _| told = step).unwrap();
        assert_eq!(told, 120);
        assert_eq!(found.vectors.len(), 3 * found.places * found.width);
        found.errors.map(|e| e.iter().sum::<f64>())
    }

    /// Samples are found again, in latents and in styles: far closer than the closest draw is.
    #[test]
    fn samples_are_found_again() {
        let [first, last] = found(&Waves, SpaceName::Z, false);
        assert!(last < 0.02 * first, "{first} to {last}");
        let text = "[model]\nname = \"stylegan2\"\nwidth = 4\nlatent = 8\n[data]\nsource = \"digits\"\n";
        let recipe = Recipe::parse(text, "a test").unwrap();
        let digits = recipe.data().unwrap().open().unwrap().dataset;
        let model = recipe.build(digits.info(), &Device::flex(), Key::new(3)).unwrap();
        let latents = model.as_latent_space().unwrap();
        for every_place in [false, true] {
            let [first, last] = found(latents, SpaceName::W, every_place);
            assert!(last < 0.8 * first, "{every_place}: {first} to {last}");
        }
    }
}

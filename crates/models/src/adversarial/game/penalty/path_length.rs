//! How far an image moves with its style, held to the same everywhere, worked out by carrying a direction forward (see
//! [`menagerie_nn::Dual`]).
use super::super::super::networks::stylegan2::Generator;
use burn::module::Module;
use burn::tensor::{Gradients, Tensor};
use menagerie_data::random::Key;
use menagerie_kernels::noise;
use menagerie_nn::{Dual, collective, numbers};
use serde::{Deserialize, Serialize};

/// `[penalty.path_length]`: weight E (||J_w^T y|| - a)^2, with y an image of standard normal numbers over the root of the pixels,
/// and a the moving average of these lengths (Karras et al. 2020, arXiv:1912.04958, section 3.2, equation 4).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PathLength {
    /// the paper's gamma_pl
    pub weight: f64,
    /// how fast the average follows
    pub decay: f64,
    /// updates of the generator from one to the next; its weight grows as much (section 3.1)
    pub every: u64,
    /// the batch is divided by this
    pub shrink: usize,
}

impl Default for PathLength {
    fn default() -> Self {
        PathLength {
            weight: 2.0,
            decay: 0.01,
            every: 4,
            shrink: 2,
        }
    }
}

/// What it gives.
pub struct Lengths {
    /// of the generator's weights
    pub gradients: Gradients,
    /// the penalty itself
    pub value: f64,
    /// the mean length
    pub mean: f64,
    /// the average of the mean lengths so far
    pub average: f64,
}

impl PathLength {
    /// The penalty at images of these latents, and its gradients. `average` is that of the lengths so far.
    ///
    /// With g the gradient of <image, y> by the styles of an item (a row a place), its length is ||g|| over the root of the
    /// places. v = d penalty / d g counts as constant; the penalty's gradient by the weights, those of the mapping too, is that of
    /// the derivative of <image, y> along v.
    pub fn lengths(
        &self,
        network: &Generator,
        z: Tensor<2>,
        told: Option<&Tensor<2>>,
        average: f64,
        key: Key,
    ) -> Lengths {
        let inside = key.stream("noise");
        let styles = network.styles(z, told, key.stream("styles"));
        let frozen = network.clone().no_grad();
        let leaves: Vec<Tensor<2>> = styles.iter().map(|w| w.clone().detach().require_grad()).collect();
        let at: Vec<Dual<2>> = leaves.iter().cloned().map(Dual::from).collect();
        let image = frozen.synthesize(&at, Some(inside)).value;
        let dims @ [batch, h, w, _] = image.dims();
        let y: Tensor<4> = noise::normal(key.stream("direction").words(), dims, &image.device());
        let y = y / ((h * w) as f64).sqrt();
        let gradients = (image * y.clone()).sum().backward();
        let g: Vec<Tensor<2>> = leaves
            .iter()
            .map(|leaf| {
                leaf.grad(&gradients)
                    .unwrap_or_else(|| leaf.clone().inner().zeros_like())
            })
            .collect();
        let places = g.len() as f64;
        let squares = g
            .iter()
            .map(|g| (g.clone() * g.clone()).sum_dim(1))
            .reduce(|a, b| a + b);
        let squares = squares.map(numbers).unwrap_or_default();
        let lengths: Vec<f64> = squares.iter().map(|s| (*s as f64 / places).sqrt()).collect();
        let mean = lengths.iter().sum::<f64>() / batch as f64;
        let average = average + self.decay * (collective::mean_of(mean) - average);
        let off = |l: &f64| l - average;
        let value = self.weight * lengths.iter().map(|l| off(l).powi(2)).sum::<f64>() / batch as f64;
        // d value / d g = 2 weight (l - a) / batch * g / (l places)
        let factor = self.every as f64 * 2.0 * self.weight / batch as f64;
        let scales: Vec<f32> = lengths
            .iter()
            .map(|l| (factor * off(l) / (l.max(1e-12) * places)) as f32)
            .collect();
        let scales = Tensor::<1>::from_floats(&scales[..], &g[0].device()).reshape([batch, 1]);
        let directions = styles.into_iter().zip(g).map(|(w, g)| {
            let direction = Tensor::from_inner(g * scales.clone());
            Dual::along(w, direction, true)
        });
        let moved = network.synthesize(&directions.collect::<Vec<_>>(), Some(inside));
        let moved = moved.with(moved.value.clone(), moved.tangent.clone().map(|t| t * y));
        Lengths {
            gradients: moved.slope().backward(),
            value,
            mean,
            average,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::super::networks::{Told, stylegan2};
    use super::*;
    use burn::tensor::Device;
    use menagerie_nn::Init;

    fn network(device: &Device) -> Generator {
        let sizes = stylegan2::Sizes {
            latent: 5,
            width: 2,
            mapping: 2,
            ..stylegan2::Sizes::default()
        };
        Generator::new(
            &sizes,
            [8, 8, 3],
            Told::default(),
            &Init::new(Key::new(1), device),
        )
    }

    /// The gradient by a weight of the synthesis, and by one of the mapping, against differences of the penalty itself.
    #[test]
    fn gradients_are_those_of_the_penalty() {
        let device = Device::flex().autodiff();
        let penalty = PathLength {
            every: 1,
            ..PathLength::default()
        };
        let z: Tensor<2> = noise::normal(Key::new(2).words(), [4, 5], &device);
        let of = |g: &Generator| penalty.lengths(g, z.clone(), None, 0.3, Key::new(3));
        let g = network(&device);
        let at = of(&g);
        assert!(at.value > 0.0 && at.mean > 0.0);
        // The average follows the mean by a hundredth, so that it hardly changes the differences.
        let check = |name: &str, gradient: Vec<f32>, moved: &dyn Fn(usize, f32) -> Generator| {
            let biggest = (0..gradient.len())
                .max_by(|a, b| gradient[*a].abs().total_cmp(&gradient[*b].abs()))
                .unwrap();
            let h = 2e-3;
            let (up, down) = (of(&moved(biggest, h)).value, of(&moved(biggest, -h)).value);
            let want = (up - down) / (2.0 * h as f64);
            let got = gradient[biggest] as f64;
            assert!(
                (got - want).abs() < 0.05 * want.abs() + 1e-3,
                "{name}: {got} against {want}"
            );
        };
        let synthesis = numbers(g.weight_of_layer().grad(&at.gradients).expect("a gradient"));
        check("synthesis", synthesis, &|i, h| g.clone().with_layer_moved(i, h));
        let mapping = numbers(g.weight_of_mapping().grad(&at.gradients).expect("a gradient"));
        check("mapping", mapping, &|i, h| g.clone().with_mapping_moved(i, h));
    }
}

//! A class as a direction in the features of a discriminator, by a network that maps it there: what StyleGAN2's authors have where
//! they give it classes (Karras et al. 2020, arXiv:2006.06676, and its code).
//!
//! s(x, y) = (W f(x) + b)^T M(y) / sqrt(d), M(y) of d numbers: an embedding, normalized, and eight layers.
use super::stylegan2;
use burn::module::Module;
use burn::tensor::Tensor;
use menagerie_nn::{Activation, Dual, Init, Linear, pixel_norm};

/// Layers behind the embedding.
const LAYERS: usize = 8;

/// See the module.
#[derive(Module, Debug)]
pub struct Mapped {
    embed: Linear,
    mapping: Vec<Linear>,
}

impl Mapped {
    /// Of classes to directions of so many numbers.
    pub(super) fn new(classes: usize, numbers: usize, init: &Init) -> Self {
        Mapped {
            embed: Linear::of([classes, numbers])
                .equalized(1.0, 1.0)
                .init(&init.at("embed")),
            mapping: stylegan2::mapping(numbers, numbers, LAYERS, init),
        }
    }

    /// What is said along the direction of each item's class: `[batch, numbers]` and classes `[batch, classes]` -> `[batch, 1]`.
    /// Without a class, along the direction of none.
    pub(super) fn read(&self, said: Dual<2>, classes: Option<&Tensor<2>>) -> Dual<2> {
        let [batch, numbers] = said.value.dims();
        let none = || Tensor::zeros([batch, self.embed.weight.dims()[0]], &said.value.device());
        let y = classes.cloned().unwrap_or_else(none);
        let y = pixel_norm(self.embed.forward(y, Activation::Identity));
        let direction = stylegan2::mapped(&self.mapping, y) / (numbers as f64).sqrt();
        said.times(direction.into()).linear(|t| t.sum_dim(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};
    use menagerie_data::Key;
    use menagerie_nn::numbers;

    /// The same words are another score for another class, and the derivative along a direction is that of differences.
    #[test]
    fn a_class_decides_what_the_features_mean() {
        let device = Device::flex();
        let mapped = Mapped::new(3, 4, &Init::new(Key::new(1), &device));
        let of = |values: Vec<f32>, width: usize| {
            let rows = values.len() / width;
            Tensor::<2>::from_data(TensorData::new(values, [rows, width]), &device)
        };
        let said = of([0.5, -1.0, 2.0, 0.25].repeat(3), 4);
        let classes = of(vec![1., 0., 0., 0., 1., 0., 0., 0., 1.], 3);
        let scores = numbers(mapped.read(said.clone().into(), Some(&classes)).value);
        assert_eq!(scores.len(), 3);
        assert!(scores[0] != scores[1] && scores[1] != scores[2], "{scores:?}");
        let none = numbers(mapped.read(said.clone().into(), None).value);
        assert!(none[0] == none[1] && none[0] != scores[0]);
        // The score is linear in what is said.
        let along = of([1.0, 0.0, -1.0, 0.5].repeat(3), 4);
        let moved = mapped
            .read((said.clone() + along.clone()).into(), Some(&classes))
            .value;
        let tangent = mapped
            .read(Dual::along(said, along, true), Some(&classes))
            .tangent;
        for ((moved, before), by) in numbers(moved).iter().zip(&scores).zip(numbers(tangent.unwrap())) {
            assert!((moved - before - by).abs() < 1e-5, "{moved} {before} {by}");
        }
    }
}

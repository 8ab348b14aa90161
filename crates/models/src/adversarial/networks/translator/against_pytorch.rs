//! The networks of this folder and the discriminator of patches, beside PyTorch's from the same weights and images:
//! `crates/models/tests/fixtures/translators.py` made the fixture and says how.
use super::super::patch;
use super::{TranslatorSizes, resnet, unet};
use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::Key;
use menagerie_nn::{Init, Tensors, numbers};

const FIXTURE: &str = include_str!("../../../../tests/fixtures/translators.toml");
const SIDE: usize = 16;

fn wave(n: usize, phase: f64, amplitude: f64) -> Vec<f32> {
    (0..n)
        .map(|i| (amplitude * (0.37 * i as f64 + phase).sin()) as f32)
        .collect()
}

/// The k-th array by name is a wave of phase k.
fn waved<M: Module>(network: M) -> M {
    let mut t = Tensors::of(&network);
    for (k, (name, (_, values))) in t.arrays.iter_mut().enumerate() {
        let raised = if name.ends_with("gamma") { 1.0 } else { 0.0 };
        *values = wave(values.len(), k as f64, 0.3)
            .iter()
            .map(|v| v + raised)
            .collect();
    }
    t.into_network(network).unwrap()
}

fn compare(name: &str, forward: impl FnOnce(Tensor<4>) -> Tensor<4>) {
    let fixture: toml::Table = FIXTURE.parse().unwrap();
    let want = |array: &str| -> Vec<f64> {
        let values = fixture[name][array].as_array().unwrap();
        values.iter().map(|v| v.as_float().unwrap()).collect()
    };
    let device = Device::flex().autodiff();
    let shape = [2, SIDE, SIDE, 3];
    let x = TensorData::new(wave(shape.iter().product(), 0.5, 1.0), shape);
    let x = Tensor::<4>::from_data(x, &device).require_grad();
    let y = forward(x.clone());
    let slopes = TensorData::new(wave(y.shape().num_elements(), 1.0, 1.0), y.dims());
    let gradients = (y.clone() * Tensor::from_data(slopes, &device)).sum().backward();
    let gradient = x.grad(&gradients).unwrap();
    for (array, found) in [("y", numbers(y)), ("gradient", numbers(gradient))] {
        let want = want(array);
        let scale = want.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
        assert_eq!(found.len().div_ceil(7), want.len(), "{name} {array}");
        for (f, w) in found.iter().step_by(7).zip(&want) {
            assert!(
                (*f as f64 - w).abs() < 2e-5 * (1.0 + scale),
                "{name} {array}: {f} {w}"
            );
        }
    }
}

#[test]
fn networks_equal_those_of_pytorch() {
    let init = Init::new(Key::new(1), &Device::flex().autodiff());
    let unet = TranslatorSizes::Unet(unet::Sizes {
        width: 2,
        ..Default::default()
    });
    let unet = waved(unet.network([SIDE, SIDE, 3], 0, &init));
    compare("unet", |x| unet.forward(x, None));
    let resnet = TranslatorSizes::Resnet(resnet::Sizes {
        width: 2,
        blocks: 1,
        ..Default::default()
    });
    let resnet = waved(resnet.network([SIDE, SIDE, 3], 0, &init));
    compare("resnet", |x| resnet.forward(x, None));
    let sizes = patch::Sizes {
        width: 2,
        patch: 16,
        ..Default::default()
    };
    let patches = waved(patch::Trunk::new(&sizes, [SIDE, SIDE, 3], true, &init));
    compare("patch", |x| {
        let scores = patches.layers(x.into()).1.value;
        let [n, m] = scores.dims();
        scores.reshape([n, m.isqrt(), m.isqrt(), 1])
    });
}

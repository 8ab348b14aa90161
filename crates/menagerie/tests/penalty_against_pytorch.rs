//! Gradients of gradient penalties by the critic's weights, beside PyTorch's double backward in f64 on the same numbers.
//! `tests/fixtures/penalties.py` made the fixture and says how.
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Gradients, Tensor, TensorData};
use menagerie::data::Source;
use menagerie::models::adversarial::game::penalty::{Gradient, Penalized, ZeroCentred, gradient_penalty};
use menagerie::models::adversarial::networks::{CriticNetwork, Heads, Sizes, dcgan, resnet};
use menagerie::nn::{Init, Tensors};
use menagerie::{Device, Key};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const BATCH: usize = 3;

fn networks() -> Vec<(&'static str, Sizes)> {
    let dcgan = |norm| {
        Sizes::Dcgan(dcgan::Sizes {
            latent: 4,
            width: 4,
            norm,
            ..Default::default()
        })
    };
    let resnet = resnet::Sizes {
        latent: 4,
        width: 4,
        spectral_norm: false,
        ..Default::default()
    };
    vec![
        ("plain", dcgan(dcgan::Norm::None)),
        ("layer", dcgan(dcgan::Norm::Layer)),
        ("resnet", Sizes::Resnet(resnet)),
    ]
}

struct Collect<'a>(Vec<String>, &'a Gradients, BTreeMap<String, Vec<f32>>);

impl ModuleVisitor for Collect<'_> {
    fn visit_float<const D: usize>(&mut self, p: &Param<Tensor<D>>) {
        if let Some(g) = p.val().grad(self.1) {
            self.2.insert(self.0.join("."), menagerie::nn::numbers(g));
        }
    }
    fn enter_module(&mut self, name: &str, kind: &str) {
        if !kind.starts_with("Enum:") {
            self.0.push(name.into());
        }
    }
    fn exit_module(&mut self, _: &str, kind: &str) {
        if !kind.starts_with("Enum:") {
            self.0.pop();
        }
    }
}

fn gradients(network: &CriticNetwork, of: &Gradients) -> BTreeMap<String, Vec<f32>> {
    let mut collect = Collect(vec![], of, BTreeMap::new());
    network.visit(&mut collect);
    collect.2
}

fn penalties(network: &CriticNetwork, x: &Tensor<4>) -> [(&'static str, Penalized); 3] {
    let two = Gradient::default();
    let one = Gradient {
        sided: menagerie::models::adversarial::game::penalty::Sided::One,
        centre: 0.01,
        ..two
    };
    let r1 = ZeroCentred::default();
    let of = |phi: &dyn Fn(f64) -> (f64, f64)| gradient_penalty(network, x.clone(), None, 1.0, phi);
    [
        ("two", of(&|n| two.of_norm(n))),
        ("one", of(&|n| one.of_norm(n))),
        ("r1", of(&|n| r1.of_norm(n, 0))),
    ]
}

#[test]
fn gradients_of_penalties_are_those_of_a_double_backward() {
    let device = Device::flex().autodiff();
    let source = Source {
        size: vec![16],
        ..Source::parse("digits")
    };
    let info = source.open().unwrap().dataset.info().clone();
    let values: Vec<f32> = (0..BATCH * 256)
        .map(|i| ((i * 71 % 199) as f32) / 100.0 - 1.0)
        .collect();
    let x = || Tensor::<4>::from_data(TensorData::new(values.clone(), [BATCH, 16, 16, 1]), &device);
    let make = |sizes: &Sizes| {
        let gain = if matches!(sizes, Sizes::Resnet(_)) {
            1.0
        } else {
            6.0
        };
        let fresh = CriticNetwork::new(sizes, &info, Heads::default(), &Init::new(Key::new(5), &device));
        // Larger weights than the first ones, so that no part of the gradient is lost in rounding.
        let mut t = Tensors::of(&fresh);
        for (shape, numbers) in t.arrays.values_mut() {
            let factor = if shape.len() > 1 { gain } else { 1.0 };
            numbers.iter_mut().for_each(|v| *v *= factor);
        }
        t.into_network(fresh).unwrap()
    };
    if let Ok(path) = std::env::var("MENAGERIE_WRITE_PENALTIES") {
        let all: Map<String, Value> = networks()
            .iter()
            .map(|(name, sizes)| {
                let arrays = Tensors::of(&make(sizes)).arrays;
                let arrays: Map<String, Value> = arrays
                    .into_iter()
                    .map(|(n, (shape, v))| (n, json!({"shape": shape, "values": v})))
                    .collect();
                (name.to_string(), Value::Object(arrays))
            })
            .collect();
        std::fs::write(path, json!({"x": values, "networks": all}).to_string()).unwrap();
        return;
    }
    let want: Value = serde_json::from_str(include_str!("fixtures/penalties.json")).unwrap();
    for (name, sizes) in networks() {
        let network = make(&sizes);
        for (penalty, result) in penalties(&network, &x()) {
            let want = &want[name][penalty];
            let value = want["value"].as_f64().unwrap();
            assert!(
                (result.value - value).abs() < 1e-5 * value.abs(),
                "{name} {penalty}: {} {value}",
                result.value
            );
            let have = gradients(&network, &result.gradients);
            for (weight, numbers) in want["gradients"].as_object().unwrap() {
                let want: Vec<f64> = numbers
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|v| v.as_f64().unwrap())
                    .collect();
                let norm = want.iter().map(|v| v * v).sum::<f64>().sqrt();
                let have = have.get(weight).cloned().unwrap_or_else(|| vec![0.0; want.len()]);
                assert_eq!(have.len(), want.len(), "{name} {penalty} {weight}");
                let off = have
                    .iter()
                    .zip(&want)
                    .map(|(h, w)| (*h as f64 - w).powi(2))
                    .sum::<f64>()
                    .sqrt();
                assert!(
                    off <= 1e-5 * norm + 1e-9,
                    "{name} {penalty} {weight}: {off:e} of {norm:e}"
                );
            }
        }
    }
}

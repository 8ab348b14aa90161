//! Three updates of a small DCGAN lead to the weights that PyTorch gets from the same start, data and latents.
//! `tests/fixtures/dcgan_steps.py` made the fixture and says how.
use menagerie::data::{Loader, Source};
use menagerie::kernels::noise;
use menagerie::models::Model;
use menagerie::models::adversarial::Config;
use menagerie::models::adversarial::networks::{Sizes, dcgan};
use menagerie::nn::Tensors;
use menagerie::{Device, Key};
use serde_json::{Map, Value, json};

const STEPS: u64 = 3;
const BATCH: usize = 8;

fn arrays(t: &Tensors) -> Value {
    t.arrays
        .iter()
        .map(|(n, (shape, values))| (n.clone(), json!({"shape": shape, "values": values})))
        .collect::<Map<_, _>>()
        .into()
}

fn part(model: &dyn Model, name: &str) -> Tensors {
    model.save().into_iter().find(|(n, _)| n == name).unwrap().1()
}

#[test]
fn three_updates_equal_those_of_pytorch() {
    let device = Device::flex();
    let source = Source {
        size: vec![16],
        ..Source::parse("digits")
    };
    let data = source.open().unwrap().dataset;
    let sizes = dcgan::Sizes {
        latent: 8,
        width: 4,
        ..Default::default()
    };
    let config = Config::of(Sizes::Dcgan(sizes));
    let mut model = config
        .duel("dcgan", data.info(), &device.clone().autodiff(), Key::new(1))
        .unwrap();
    let mut loader = Loader::new(data, BATCH, Key::new(2), 0, 1).unwrap();
    let start = json!({"generator": arrays(&part(&model, "generator")), "discriminator": arrays(&part(&model, "discriminator"))});
    let mut steps = Vec::new();
    for s in 1..=STEPS {
        let key = Key::new(3).step(s);
        let batch = loader.next().unwrap();
        let z = noise::normal(key.step(0).stream("latents").words(), [BATCH, 8], &device).into_data();
        steps.push(json!({"x": batch.values, "z": z.as_slice::<f32>().unwrap()}));
        let report = model.step(&[batch], key, true).unwrap();
        steps.last_mut().unwrap()["losses"] =
            json!([report.get("loss/discriminator"), report.get("loss/generator")]);
    }
    if let Ok(path) = std::env::var("MENAGERIE_WRITE_DCGAN_STEPS") {
        std::fs::write(path, json!({"start": start, "steps": steps}).to_string()).unwrap();
        return;
    }
    let want: Value = serde_json::from_str(include_str!("fixtures/dcgan_steps.json")).unwrap();
    for (s, losses) in steps.iter().zip(want["losses"].as_array().unwrap()) {
        for (a, b) in s["losses"]
            .as_array()
            .unwrap()
            .iter()
            .zip(losses.as_array().unwrap())
        {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            assert!((a - b).abs() < 1e-4 * b.abs().max(1.0), "loss {a}, PyTorch's {b}");
        }
    }
    for network in ["generator", "discriminator"] {
        let have = part(&model, network);
        let want = want[network].as_object().unwrap();
        assert_eq!(have.arrays.len(), want.len());
        for (name, (_, values)) in &have.arrays {
            let want: Vec<f64> = want[name]
                .as_array()
                .unwrap()
                .iter()
                .map(|v| v.as_f64().unwrap())
                .collect();
            assert_eq!(values.len(), want.len(), "{network}.{name}");
            // Adam's first steps are nearly the sign of the gradient, so a rounding error in a tiny gradient can turn one
            // weight's step of 2e-4 around; all but a few must agree to a hundredth of a step.
            let off: Vec<f64> = values
                .iter()
                .zip(&want)
                .map(|(a, b)| (*a as f64 - b).abs())
                .collect();
            let far = off.iter().filter(|d| **d > 2e-6_f64.max(1e-5)).count();
            assert!(
                far * 100 <= values.len(),
                "{network}.{name}: {far} of {} differ, by up to {:e}",
                values.len(),
                off.iter().fold(0.0, |a: f64, b| a.max(*b))
            );
            assert!(
                off.iter().all(|d| *d < 2.0 * 2e-4 * STEPS as f64 + 1e-4),
                "{network}.{name}"
            );
        }
    }
}

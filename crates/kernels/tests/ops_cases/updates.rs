//! The optimizers' updates against torch.optim (fixtures/updates.py), and the tape.
use super::*;
use menagerie_kernels::optim::{self, AdamStep, RmsStep, SgdStep};
use menagerie_kernels::{Activation, Geometry, activation, batch_norm, conv2d, linear, softplus_mean};
use serde_json::Value;

fn numbers(v: &Value) -> Vec<f64> {
    v.as_array()
        .expect("a list")
        .iter()
        .map(|v| v.as_f64().expect("a number"))
        .collect()
}

/// A state of some tensors, the first one the parameter, moved on by a gradient; the count is from one.
type Update = Box<dyn Fn(Vec<Tensor<1>>, Tensor<1>, i32) -> Vec<Tensor<1>>>;

fn adam(lr: f64, b1: f64, b2: f64, eps: f32, decay: f64) -> Update {
    Box::new(move |mut s, g, t| {
        let (v, m, p) = (s.remove(2), s.remove(1), s.remove(0));
        let (rate, root) = (lr / (1.0 - b1.powi(t)), 1.0 / (1.0 - b2.powi(t)).sqrt());
        let step = AdamStep {
            rate: rate as f32,
            root: root as f32,
            b1: b1 as f32,
            b2: b2 as f32,
            eps,
            weight_decay: (lr * decay) as f32,
        };
        let (p, m, v) = optim::adam(p, g, m, v, step);
        vec![p, m, v]
    })
}

fn sgd(nesterov: bool) -> Update {
    Box::new(move |mut s, g, _| {
        let (m, p) = (s.remove(1), s.remove(0));
        let (p, m) = optim::sgd(
            p,
            g,
            m,
            SgdStep {
                lr: 0.125,
                momentum: 0.75,
                nesterov,
            },
        );
        vec![p, m]
    })
}

#[test]
fn updates_are_those_of_torch() {
    let fixture: Value = serde_json::from_str(include_str!("../fixtures/updates.json")).expect("json");
    let (start, d) = (numbers(&fixture["start"]), Device::flex());
    let tensor = |v: &[f64]| {
        Array {
            shape: vec![v.len()],
            values: v.to_vec(),
        }
        .tensor::<1>(&d)
    };
    let rms: Update = Box::new(|mut s, g, _| {
        let (v, p) = (s.remove(1), s.remove(0));
        let (p, v) = optim::rms_prop(
            p,
            g,
            v,
            RmsStep {
                lr: 0.03125,
                alpha: 0.875,
                eps: 1e-8,
            },
        );
        vec![p, v]
    });
    let rules: [(&str, usize, Update); 5] = [
        ("adam", 3, adam(0.0625, 0.5, 0.875, 1e-8, 0.0)),
        ("adamw", 3, adam(0.0625, 0.75, 0.984375, 1e-3, 0.25)),
        ("rms_prop", 2, rms),
        ("sgd", 2, sgd(false)),
        ("nesterov", 2, sgd(true)),
    ];
    for (name, states, update) in rules {
        // With and without another holder of the tensors, who must not see the update.
        for shared in [false, true] {
            let mut s: Vec<Tensor<1>> = (0..states)
                .map(|i| tensor(&start) * if i == 0 { 1.0 } else { 0.0 })
                .collect();
            for (t, g) in fixture["gradients"]
                .as_array()
                .expect("a list")
                .iter()
                .enumerate()
            {
                let holder = shared.then(|| s.clone());
                let before: Option<Vec<Vec<f32>>> = holder.as_ref().map(|h| h.iter().map(floats).collect());
                s = update(s, tensor(&numbers(g)), t as i32 + 1);
                let error = worst(&floats(&s[0]), &numbers(&fixture["rules"][name][t]), 0.0);
                assert!(error < 1e-6, "{name}, update {t}: off by {error:.2e}");
                assert_eq!(holder.map(|h| h.iter().map(floats).collect()), before);
            }
        }
    }
}

#[test]
fn average_moves_by_its_weight() {
    let mut rng = Numbers::new(41);
    for n in [1, 33, 70_000] {
        let (a, p) = (rng.array(&[n]), rng.array(&[n]));
        let d = Device::flex();
        let want: Vec<f64> = a
            .values
            .iter()
            .zip(&p.values)
            .map(|(a, p)| a + 0.125 * (p - a))
            .collect();
        assert!(
            worst(
                &floats(&optim::average(a.tensor::<1>(&d), p.tensor(&d), 0.125)),
                &want,
                0.0
            ) < 1e-7
        );
    }
}

#[test]
fn nothing_is_recorded_without_a_tracked_input() {
    let d = Device::flex().autodiff();
    let mut rng = Numbers::new(42);
    let (x, w) = (rng.array(&[2, 4, 4, 3]), rng.array(&[3, 3, 3, 5]));
    let plain = || {
        (
            x.tensor::<4>(&d),
            w.tensor::<4>(&d),
            Tensor::<1>::ones([5], &d),
            Tensor::<1>::zeros([5], &d),
        )
    };
    let (x, w, one, zero) = plain();
    let run = |x: Tensor<4>, w: Tensor<4>| {
        let y = conv2d(x, w, Some(zero.clone()), Geometry::new(1, 1), Activation::Tanh);
        let y = batch_norm(y, one.clone(), zero.clone(), 1e-5, Activation::Relu).0;
        let y = linear(y, Tensor::ones([5, 2], &d), None, Activation::Gelu);
        softplus_mean(activation(y, Activation::Silu), -1.0)
    };
    assert!(!run(x.clone(), w.clone()).is_tracked());
    // A tracked input through frozen weights: its gradient, and none of theirs.
    let x = x.require_grad();
    let grads = run(x.clone(), w.clone()).backward();
    assert!(x.grad(&grads).is_some() && w.grad(&grads).is_none());
}

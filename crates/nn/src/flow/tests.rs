//! One test over every layer: the inverse undoes, and the log-determinant is the numerical Jacobian's.
use super::*;
use crate::Init;
use burn::module::{ModuleMapper, Param};
use burn::tensor::{Device, TensorData};
use menagerie_data::random::Key;
use menagerie_kernels::noise;

/// Moves every trained number, so that layers which start as the identity do something.
struct Shake(Key, u64);
impl ModuleMapper for Shake {
    fn map_float<const D: usize>(&mut self, p: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if !p.is_require_grad() {
            return p;
        }
        self.1 += 1;
        let key = self.0.step(self.1);
        p.map(|t| t.clone() + noise::normal(key.words(), t.dims(), &t.device()) * 0.3)
    }
}

fn shaken<F: Module>(flow: F) -> F {
    flow.map(&mut Shake(Key::new(77), 0))
}

fn numbers(t: Tensor<4>) -> Vec<f64> {
    t.into_data()
        .as_slice::<f32>()
        .unwrap()
        .iter()
        .map(|&v| v as f64)
        .collect()
}

/// ln |det| by elimination with pivoting.
fn log_abs_det(mut m: Vec<Vec<f64>>) -> f64 {
    let n = m.len();
    let mut sum = 0.0;
    for k in 0..n {
        let p = (k..n)
            .max_by(|&a, &b| m[a][k].abs().total_cmp(&m[b][k].abs()))
            .unwrap();
        m.swap(k, p);
        sum += m[k][k].abs().ln();
        for i in k + 1..n {
            let f = m[i][k] / m[k][k];
            for j in k..n {
                m[i][j] -= f * m[k][j];
            }
        }
    }
    sum
}

/// ln |det dy/dx| at one item by central differences of a step `h`, column by column.
fn numerical(map: &dyn Fn(Tensor<4>) -> Tensor<4>, x: &[f64], shape: [usize; 3], h: f64) -> f64 {
    let n = x.len();
    let [a, b, c] = shape;
    // All moved inputs in one batch: up, down, up, down, ...
    let mut moved = Vec::with_capacity(2 * n * n);
    for j in 0..n {
        for sign in [1.0, -1.0] {
            moved.extend(
                x.iter()
                    .enumerate()
                    .map(|(i, v)| (v + if i == j { sign * h } else { 0.0 }) as f32),
            );
        }
    }
    let y = numbers(map(Tensor::from_data(
        TensorData::new(moved.clone(), [2 * n, a, b, c]),
        &Device::flex(),
    )));
    let column = |j: usize| {
        // The step that f32 really took.
        let step = moved[2 * j * n + j] as f64 - moved[(2 * j + 1) * n + j] as f64;
        (0..n)
            .map(|i| (y[2 * j * n + i] - y[(2 * j + 1) * n + i]) / step)
            .collect::<Vec<_>>()
    };
    log_abs_det((0..n).map(column).collect())
}

fn check<F: Flow>(name: &str, flow: &F, shape: [usize; 3], spread: [f64; 2]) {
    let [h, w, c] = shape;
    let x = noise::normal::<4>(Key::new(5).words(), [3, h, w, c], &Device::flex()) * spread[1] + spread[0];
    let (y, forward) = flow.forward(x.clone());
    let (back, backward) = flow.inverse(y.clone());
    let n = h * w * c;
    assert_eq!(y.shape().num_elements(), 3 * n, "{name}");
    assert_eq!(back.dims(), [3, h, w, c], "{name}");
    let size = numbers(x.clone()).iter().fold(1.0f64, |m, v| m.max(v.abs()));
    let off = numbers(back - x.clone())
        .iter()
        .fold(0.0f64, |m, v| m.max(v.abs()));
    assert!(off < 2e-5 * size, "{name}: the inverse is off by {off:.1e}");
    let value = |t: Tensor<1>| t.into_data().as_slice::<f32>().unwrap().to_vec();
    let (forward, backward) = (value(forward), value(backward));
    let inputs = numbers(x);
    for i in 0..3 {
        let (f, b) = (forward[i] as f64, backward[i] as f64);
        assert!(
            (f + b).abs() < 1e-3,
            "{name}: log-determinants {f} and {b} do not cancel"
        );
        let truth = numerical(
            &|x| flow.forward(x).0,
            &inputs[i * n..(i + 1) * n],
            shape,
            2e-3 * spread[1],
        );
        assert!(
            (f - truth).abs() < 5e-3 * (1.0 + truth.abs().sqrt()),
            "{name}: log-determinant {f}, numerically {truth}"
        );
    }
}

fn init(seed: usize, device: &Device) -> Init {
    Init::new(Key::new(seed as u64), device)
}

fn conditioner(kind: usize, channels: [usize; 2], device: &Device) -> Conditioner {
    let (at, hidden) = (init(kind, device), |width| Hidden { width, depth: 2 });
    match kind {
        0 => Conditioner::Mlp(Mlp::new(channels, hidden(6), &at)),
        1 => Conditioner::ConvNet(ConvNet::new(channels, 5, &at)),
        2 => Conditioner::ResNet(ResNet::new(channels, hidden(4), &at)),
        _ => Conditioner::DirectConv(DirectConv::new(channels, &at)),
    }
}

fn coupling(kind: usize, channels: usize, transform: Transform, swapped: bool, device: &Device) -> Coupling {
    let [passed, mapped] = Coupling::parts(channels, swapped);
    Coupling::new(
        conditioner(kind, [passed, mapped * transform.parameters()], device),
        transform,
        swapped,
    )
}

#[test]
fn inverses_undo_and_log_determinants_are_the_jacobians() {
    let d = Device::flex();
    let standard = [0.0, 1.0];
    check(
        "act_norm",
        &shaken(ActNorm::new(3, &init(0, &d))),
        [2, 2, 3],
        standard,
    );
    check(
        "scaling",
        &shaken(Scaling::new(5, &init(0, &d))),
        [1, 1, 5],
        standard,
    );
    for c in [1, 2, 5] {
        check(
            &format!("mix of {c}"),
            &shaken(Mix::new(c, &init(c, &d))),
            [2, 1, c],
            standard,
        );
    }
    check("squeeze", &Squeeze {}, [4, 2, 2], standard);
    for shape in [[1, 1, 2], [3, 3, 1], [2, 3, 2]] {
        check("interleaved", &Interleaved::new(shape), shape, standard);
    }
    check("levels", &Levels::new(0.0), [2, 2, 2], [128.0, 20.0]);
    check("levels with logit", &Levels::new(0.05), [2, 2, 2], [128.0, 20.0]);
    for transform in [Transform::Additive, Transform::Affine, Transform::Spline] {
        for (kind, c, swapped) in [
            (0, 2, false),
            (0, 5, true),
            (1, 4, false),
            (2, 3, true),
            (3, 3, false),
        ] {
            let shape = if kind == 0 { [1, 1, c] } else { [2, 3, c] };
            check(
                &format!("{transform:?} coupling {kind} of {c}"),
                &shaken(coupling(kind, c, transform, swapped, &d)),
                shape,
                standard,
            );
        }
    }
    for (odd, shape) in [(false, [3, 3, 1]), (true, [2, 3, 2])] {
        let network = conditioner(2, [shape[2], 2 * shape[2]], &d);
        check(
            "checkerboard",
            &shaken(Checkerboard::new(network, odd)),
            shape,
            standard,
        );
    }
}

/// Two levels with everything in them.
fn multiscale(device: &Device) -> Multiscale {
    let step = |c: usize, i: usize| {
        vec![
            Layer::from(ActNorm::new(c, &init(0, device))),
            Mix::new(c, &init(i, device)).into(),
            coupling(1, c, Transform::Affine, i % 2 == 1, device).into(),
        ]
    };
    let first = [vec![Layer::from(Squeeze {})], step(4, 0), step(4, 1)].concat();
    let second = [vec![Layer::from(Squeeze {})], step(8, 2)].concat();
    Multiscale::new(vec![
        (Chain::new(first), [2, 2, 4]),
        (Chain::new(second), [1, 1, 8]),
    ])
}

#[test]
fn combinators_keep_the_invariants() {
    let flow = shaken(multiscale(&Device::flex()));
    assert_eq!(flow.numbers(), 16);
    check("multiscale", &flow, [4, 4, 1], [0.0, 1.0]);
    let inverse = Inverse::new(Chain::new(vec![
        shaken(ActNorm::new(3, &init(0, &Device::flex()))).into(),
        Squeeze {}.into(),
    ]));
    let x = noise::normal::<4>(Key::new(5).words(), [3, 2, 1, 12], &Device::flex());
    let (y, log_det) = inverse.forward(x.clone());
    let (back, other) = inverse.inverse(y.clone());
    assert_eq!(y.dims(), [3, 4, 2, 3]);
    assert!(numbers(back - x).iter().all(|v| v.abs() < 1e-5));
    assert!((log_det + other).abs().max().into_scalar::<f32>() < 1e-4);
}

/// After the start every channel that leaves an ActNorm has mean 0 and variance 1 on that batch.
#[test]
fn the_start_normalizes() {
    let d = Device::flex();
    let mut norm = ActNorm::new(2, &init(0, &d));
    let x = noise::normal::<4>(Key::new(1).words(), [8, 5, 5, 2], &d) * 7.0 + 40.0;
    let y = numbers(norm.start(x.clone()));
    assert_eq!(y, numbers(norm.forward(x).0));
    for channel in 0..2 {
        let v: Vec<f64> = y.iter().skip(channel).step_by(2).copied().collect();
        let mean = v.iter().sum::<f64>() / v.len() as f64;
        let variance = v.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / v.len() as f64;
        assert!(
            mean.abs() < 1e-5 && (variance - 1.0).abs() < 1e-4,
            "{mean} {variance}"
        );
    }
    // A channel that does not vary is not divided by nothing.
    let flat = norm.start(Tensor::<4>::ones([2, 2, 2, 2], &d));
    assert!(numbers(flat).iter().all(|v| v.is_finite()));
}

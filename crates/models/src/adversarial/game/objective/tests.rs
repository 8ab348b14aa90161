use super::*;
use burn::tensor::{Device, TensorData};
use menagerie_nn::{number, numbers};

const DATA: [f32; 4] = [-3.0, -0.5, 0.25, 2.0];
const SAMPLES: [f32; 4] = [-1.5, 0.0, 0.75, 1.0];

fn scores(v: &[f32]) -> Tensor<2> {
    Tensor::from_data(TensorData::new(v.to_vec(), [v.len(), 1]), &Device::flex())
}

fn mean(v: &[f32], f: impl Fn(f64) -> f64) -> f64 {
    v.iter().map(|&s| f(s as f64)).sum::<f64>() / v.len() as f64
}

fn close(what: &str, a: f64, b: f64) {
    assert!((a - b).abs() < 1e-5 * (1.0 + b.abs()), "{what}: {a} {b}");
}

fn apart(o: &dyn Objective) -> &dyn Apart {
    match o.losses() {
        Losses::Apart(l) => l,
        Losses::Together(_) => panic!("compares"),
    }
}

fn check(o: &dyn Objective, d: impl Fn(f64) -> f64, s: impl Fn(f64) -> f64, g: impl Fn(f64) -> f64) {
    let l = apart(o);
    close("data", number(l.data(scores(&DATA))), mean(&DATA, d));
    close("samples", number(l.samples(scores(&SAMPLES))), mean(&SAMPLES, s));
    close(
        "generator",
        number(l.generator(scores(&SAMPLES))),
        mean(&SAMPLES, g),
    );
}

/// Every loss against its formula in f64.
#[test]
fn losses_are_those_of_the_papers() {
    let p = sigmoid;
    check(
        &Minimax,
        |s| -p(s).ln(),
        |s| -(1.0 - p(s)).ln(),
        |s| (1.0 - p(s)).ln(),
    );
    check(
        &NonSaturating,
        |s| -p(s).ln(),
        |s| -(1.0 - p(s)).ln(),
        |s| -p(s).ln(),
    );
    let ratio = |s: f64| ((1.0 - p(s)) / p(s)).ln();
    check(&LogRatio, |s| -p(s).ln(), |s| -(1.0 - p(s)).ln(), ratio);
    let boundary = |s: f64| 0.5 * (p(s).ln() - (1.0 - p(s)).ln()).powi(2);
    check(&BoundarySeeking, |s| -p(s).ln(), |s| -(1.0 - p(s)).ln(), boundary);
    let ls = LeastSquares {
        a: -1.0,
        b: 1.0,
        c: 0.0,
    };
    let half = |s: f64, t: f64| 0.5 * (s - t).powi(2);
    check(&ls, |s| half(s, 1.0), |s| half(s, -1.0), |s| half(s, 0.0));
    check(&Wasserstein, |s| -s, |s| s, |s| -s);
    check(&Hinge, |s| (1.0 - s).max(0.0), |s| (1.0 + s).max(0.0), |s| -s);
    check(&Energy { margin: 0.5 }, |s| -s, |s| (s + 0.5).max(0.0), |s| -s);
    let pearson = DensityRatio::default();
    check(
        &pearson,
        |s| -(s.exp() - 1.0),
        |s| 0.5 * (s.exp().powi(2) - 1.0),
        |s| -s,
    );
    let kl = DensityRatio {
        divergence: Ratio::KullbackLeibler,
        ..pearson
    };
    check(&kl, |s| -s, |s| s.exp(), |s| -s);
}

/// The outer function maps into the conjugate's domain, and f*(T) is the conjugate: sup over u of u T - f(u).
#[test]
fn conjugates_of_divergences() {
    for divergence in Divergence::ALL {
        for v in [-1.5f32, -0.3, 0.2, 0.9] {
            let t = number(divergence.output(scores(&[v])));
            let conjugate = number(divergence.conjugate(scores(&[v])));
            let best = (1..200_000)
                .map(|i| i as f64 * 1e-3)
                .map(|u| u * t - divergence.f(u))
                .fold(f64::MIN, f64::max);
            // Pearson's and reverse KL's suprema may lie at the border of u > 0.
            assert!(
                (best - conjugate).abs() < 3e-3,
                "{divergence:?} at {v}: {best} {conjugate}"
            );
        }
    }
}

/// For two known normal distributions the best score gives the divergence itself, which no other exceeds.
#[test]
fn the_bound_is_the_divergence() {
    let density = |x: f64, m: f64| (-0.5 * (x - m) * (x - m)).exp() / (std::f64::consts::TAU).sqrt();
    let grid: Vec<f64> = (-8000..8000).map(|i| i as f64 * 1e-3).collect();
    for divergence in Divergence::ALL {
        let exact: f64 = grid
            .iter()
            .map(|x| 1e-3 * density(*x, 0.0) * divergence.f(density(*x, 0.7) / density(*x, 0.0)))
            .sum();
        // log ratio; each divergence's own T* = f'(ratio) is g_f of a function of it, found by search here
        let bound = |v: &dyn Fn(f64) -> f64| {
            let values: Vec<f32> = grid.iter().map(|x| v(*x) as f32).collect();
            let (t, c) = (
                numbers(divergence.output(scores(&values))),
                numbers(divergence.conjugate(scores(&values))),
            );
            let sum = |w: &[f32], m: f64| {
                grid.iter()
                    .zip(w)
                    .map(|(x, w)| 1e-3 * density(*x, m) * *w as f64)
                    .sum::<f64>()
            };
            sum(&t, 0.7) - sum(&c, 0.0)
        };
        let best = |x: f64| {
            let log = 0.7 * x - 0.245;
            let u = log.exp();
            match divergence {
                Divergence::KullbackLeibler => 1.0 + log,
                Divergence::ReverseKl => log,
                Divergence::Pearson => 2.0 * (u - 1.0),
                Divergence::Neyman => 2.0 * log,
                Divergence::SquaredHellinger => 0.5 * log,
                Divergence::JensenShannon | Divergence::Gan => log,
            }
        };
        let reached = bound(&best);
        assert!(
            (reached - exact).abs() < 2e-3 * (1.0 + exact.abs()),
            "{divergence:?}: {reached} {exact}"
        );
        assert!(bound(&|x| 0.8 * best(x) + 0.1) < reached, "{divergence:?}");
    }
}

#[test]
fn relativistic_losses_compare() {
    let softplus = |x: f64| (1.0 + x.exp()).ln();
    let pairs: f64 = DATA
        .iter()
        .zip(&SAMPLES)
        .map(|(d, s)| softplus((s - d) as f64))
        .sum::<f64>()
        / 4.0;
    let l = Relativistic::default();
    close(
        "pairs",
        number(l.discriminator(scores(&DATA), scores(&SAMPLES))),
        pairs,
    );
    let back: f64 = DATA
        .iter()
        .zip(&SAMPLES)
        .map(|(d, s)| softplus((d - s) as f64))
        .sum::<f64>()
        / 4.0;
    close(
        "pairs, generator",
        number(l.generator(scores(&DATA), scores(&SAMPLES))),
        back,
    );
    let average = RelativisticAverage {
        flavour: Flavour::Hinge,
    };
    let (of_data, of_samples) = (mean(&DATA, |s| s), mean(&SAMPLES, |s| s));
    let want = mean(&DATA, |s| (1.0 - (s - of_samples)).max(0.0))
        + mean(&SAMPLES, |s| (1.0 - (of_data - s)).max(0.0));
    close(
        "averages",
        number(average.discriminator(scores(&DATA), scores(&SAMPLES))),
        want,
    );
}

/// Where the discriminator is sure, the minimax gradient is D(G(z)) and vanishes; the others' does not.
#[test]
fn only_the_minimax_gradient_vanishes() {
    let gradient = |o: &dyn Objective| {
        let device = Device::flex().autodiff();
        let s = Tensor::<2>::from_data([[-8.0f32]], &device).require_grad();
        let g = apart(o).generator(s.clone()).backward();
        numbers(s.grad(&g).expect("a gradient"))[0]
    };
    let d = 1.0 / (1.0 + 8f32.exp());
    assert!((gradient(&Minimax) + d).abs() < 1e-6);
    assert!((gradient(&NonSaturating) - (d - 1.0)).abs() < 1e-6);
    assert!(gradient(&LeastSquares::default()).abs() > 1.0 && gradient(&Hinge) == -1.0);
}

/// BEGAN's controller raises k while samples' errors are small beside data's, and forgets nothing in a checkpoint.
#[test]
fn the_controller_holds_the_proportion() {
    let mut o = Equilibrium {
        gamma: 0.5,
        step: 0.1,
        ..Equilibrium::default()
    };
    for _ in 0..3 {
        // errors 0.4 and 0.1: 0.5 * 0.4 - 0.1 = 0.1
        o.adapt(-0.4, -0.1);
    }
    close("k", o.state().unwrap(), 0.03);
    let mut again = Equilibrium {
        gamma: 0.5,
        step: 0.1,
        ..Equilibrium::default()
    };
    again.restore(o.state().unwrap());
    close("samples", number(again.samples(scores(&[-0.2]))), -0.2 * 0.03);
}

#[test]
fn support_vectors_are_counted() {
    assert_eq!(
        Hinge.watch(&[2.0, 0.5], &[-2.0, -0.5]),
        [("d/support-vectors", 0.5)]
    );
}

/// Slopes that are written out are the derivatives of the losses.
#[test]
fn slopes_are_derivatives() {
    let device = Device::flex().autodiff();
    let ls = LeastSquares {
        a: -1.0,
        b: 0.9,
        c: 0.0,
    };
    let all: [&dyn Objective; 5] = [&Minimax, &NonSaturating, &LogRatio, &BoundarySeeking, &ls];
    for o in all {
        let l = apart(o);
        for are_data in [true, false] {
            let at = Tensor::<2>::from_floats([DATA], &device)
                .transpose()
                .require_grad();
            let loss = if are_data {
                l.data(at.clone())
            } else {
                l.samples(at.clone())
            };
            let want = numbers(at.grad(&loss.backward()).unwrap() * DATA.len() as f64);
            let got = numbers(l.slopes(at, are_data).unwrap());
            for (got, want) in got.iter().zip(want) {
                close("slope", *got as f64, want as f64);
            }
        }
    }
    assert!(apart(&Hinge).slopes(scores(&DATA), true).is_none());
}

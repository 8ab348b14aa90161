use super::*;
use burn::tensor::{Device, TensorData};
use menagerie_nn::numbers;

fn ramp([b, h, w, c]: [usize; 4], device: &Device) -> Tensor<4> {
    let values: Vec<f32> = (0..b * h * w * c)
        .map(|i| ((i * 37 % 101) as f32) / 50.0 - 1.0)
        .collect();
    Tensor::from_data(TensorData::new(values, [b, h, w, c]), device)
}

/// A shift moves pixels, a flip turns rows round; what comes in from outside is grey.
#[test]
fn shifts_and_flips_move_pixels() {
    let device = Device::flex();
    let [b, h, w, c] = [6, 8, 16, 2];
    let x = ramp([b, h, w, c], &device);
    let before = numbers(x.clone());
    let after = numbers(shift_and_flip(x, 0.125, true, 1.0, Key::new(3)));
    let at = |v: &[f32], n: usize, y: isize, x: isize, k: usize| {
        let inside = (0..h as isize).contains(&y) && (0..w as isize).contains(&x);
        if inside {
            v[((n * h + y as usize) * w + x as usize) * c + k]
        } else {
            0.0
        }
    };
    let mut moved = 0;
    for n in 0..b {
        let is_it = |down: isize, right: isize, flip: bool| {
            (0..h as isize).all(|y| {
                (0..w as isize).all(|x| {
                    let from = x - right;
                    let inside = (0..w as isize).contains(&from);
                    let from = if !inside {
                        -1
                    } else if flip {
                        w as isize - 1 - from
                    } else {
                        from
                    };
                    (0..c).all(|k| at(&after, n, y, x, k) == at(&before, n, y - down, from, k))
                })
            })
        };
        let found: Vec<_> = (-1..=1)
            .flat_map(|down| (-2..=2).flat_map(move |right| [(down, right, false), (down, right, true)]))
            .filter(|(down, right, flip)| is_it(*down, *right, *flip))
            .collect();
        assert!(!found.is_empty(), "item {n} is no shift of what it was");
        moved += usize::from(!found.contains(&(0, 0, false)));
    }
    assert!(moved >= 3, "only {moved} of {b} moved");
}

/// With a probability of nothing, nothing happens.
#[test]
fn a_probability_of_nothing_changes_nothing() {
    let x = ramp([3, 8, 8, 3], &Device::flex());
    let all = Diff {
        flip: true,
        ..Diff::default()
    };
    let off: f32 = (numbers(all.apply(x.clone(), 0.0, Key::new(1)) - x))
        .iter()
        .map(|d| d.abs())
        .sum();
    assert!(off < 1e-3, "{off}");
}

/// A blur keeps what is even, and spreads a point as a Gaussian does.
#[test]
fn a_blur_is_a_gaussian() {
    let device = Device::flex();
    let even = blur::blurred(Tensor::ones([1, 9, 7, 1], &device) * 0.3, 1.5);
    assert!(numbers(even).iter().all(|v| (v - 0.3).abs() < 1e-5));
    let side = 21;
    let mut point = vec![0f32; side * side];
    point[10 * side + 10] = 1.0;
    let point = Tensor::from_data(TensorData::new(point, [1, side, side, 1]), &device);
    let spread = numbers(blur::blurred(point, 1.5));
    let (mut total, mut variance) = (0.0, 0.0);
    for (i, v) in spread.iter().enumerate() {
        let d = (i / side) as f64 - 10.0;
        total += *v as f64;
        variance += *v as f64 * d * d;
    }
    assert!(
        (total - 1.0).abs() < 1e-4 && (variance - 2.25).abs() < 0.05,
        "{total} {variance}"
    );
}

/// The generator learns through them: gradients by finite differences.
#[test]
fn every_change_is_differentiable() {
    let device = Device::flex().autodiff();
    let augment = Augment {
        noise: Some(Noise { std: 0.2, steps: 10 }),
        blur: Some(Blur { std: 1.0, steps: 10 }),
        diff: Some(Diff {
            flip: true,
            ..Diff::default()
        }),
        adaptive: Some(Adaptive::default()),
        pseudo: None,
    };
    let x = ramp([2, 6, 6, 3], &device);
    let weights = ramp([2, 6, 6, 3], &device).powf_scalar(2.0);
    let loss = |x: Tensor<4>| (augment.apply(x, 2, 0.7, Key::new(9)) * weights.clone()).sum();
    let at = x.clone().require_grad();
    let g = numbers(at.grad(&loss(at.clone()).backward()).expect("a gradient"));
    for i in [0, 17, 60, 150, 215] {
        let mut nudge = vec![0f32; 216];
        nudge[i] = 0.05;
        let nudge = Tensor::from_data(TensorData::new(nudge, [2, 6, 6, 3]), &device);
        let up = numbers(loss(x.clone() + nudge.clone()))[0];
        let down = numbers(loss(x.clone() - nudge))[0];
        let slope = (up - down) / 0.1;
        assert!(
            (slope - g[i]).abs() < 2e-3 * (1.0 + slope.abs()),
            "{i}: {slope} {}",
            g[i]
        );
    }
}

/// The probability rises while data are known by heart, and falls back when they are not.
#[test]
fn adaptation_follows_the_sign_of_scores() {
    let a = Adaptive {
        items: 1000,
        ..Adaptive::default()
    };
    let sure = (0..5).fold(AdaptiveState::default(), |s, _| a.follow(s, &[3.0; 100]));
    assert!((sure.probability - 0.5).abs() < 1e-9);
    let unsure = (0..9).fold(sure, |s, _| a.follow(s, &[[1.0f32; 50], [-1.0; 50]].concat()));
    assert_eq!(unsure.probability, 0.0);
}

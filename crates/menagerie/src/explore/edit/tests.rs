use super::*;
use crate::data::Kind;
use crate::explore::SpaceName;
use crate::models::{Decoder, LatentSpace};
use crate::random::Key;
use menagerie_kernels::noise;

/// Images of 8x8 with three channels: the first three numbers of a latent are the colour of the left half, the next three that of the right one.
struct Halves;

fn images(z: Tensor<2>) -> Tensor<4> {
    let n = z.dims()[0];
    let half = |from: usize| {
        z.clone()
            .narrow(1, from, 3)
            .tanh()
            .reshape([n, 1, 1, 3])
            .expand([n, 8, 4, 3])
    };
    Tensor::cat(vec![half(0), half(3)], 2)
}

impl LatentSpace for Halves {
    fn latent(&self) -> usize {
        6
    }
    fn prior(&self, count: usize, key: Key) -> Tensor<2> {
        noise::normal(key.words(), [count, 6], &Device::flex())
    }
    fn decode(&self, latents: Tensor<2>) -> Result<Samples> {
        Ok(Samples {
            kind: Kind::Image,
            shape: vec![latents.dims()[0], 8, 8, 3],
            values: numbers(images(latents)),
        })
    }
    fn differentiable(&self) -> Option<Decoder<2>> {
        Some(Box::new(images))
    }
}

fn edited(constraints: &[Constraint], stay: f64) -> Result<Edited> {
    let space = Space::of(&Halves, Some(SpaceName::Z)).unwrap();
    let settings = EditSettings {
        stay,
        ..EditSettings::default()
    };
    edit(space, &[0.1; 6], constraints, settings, &mut |_, _| {})
}

#[test]
fn what_is_painted_is_drawn_and_the_rest_stays() {
    let paint = Constraint::Paint {
        at: [0, 2, 3, 2],
        colour: vec![0.8, -0.5, 0.0],
    };
    let found = edited(std::slice::from_ref(&paint), 1e-4).unwrap();
    let [before, after] = found.errors[0];
    assert!(after < 1e-3 * before, "{before} {after}");
    assert_eq!((found.way.shape[0], found.vectors.len()), (8, 48));
    let last = &found.vectors[42..];
    assert!(
        (last[0].tanh() - 0.8).abs() < 0.03 && (last[1].tanh() + 0.5).abs() < 0.03,
        "{last:?}"
    );
    // Nothing asks the right half to move.
    assert!(last[3..].iter().all(|v| (v - 0.1).abs() < 1e-5), "{last:?}");
    // The dearer it is to leave the photo's latent, the less is done.
    let [_, held] = edited(std::slice::from_ref(&paint), 1.0).unwrap().errors[0];
    assert!(held > 10.0 * after && held < before, "{held}");
}

#[test]
fn lines_and_what_is_dragged() {
    let line = Constraint::Line {
        from: [4.0, 1.0],
        to: [4.0, 7.0],
    };
    let [before, after] = edited(&[line], 1e-4).unwrap().errors[0];
    // At first there is no step between the halves at all, so the error is the square of the whole one.
    assert!(
        (before - EDGE * EDGE).abs() < 1e-6 && after > 0.9 * before,
        "a flat image has no way to begin"
    );
    let space = Space::of(&Halves, Some(SpaceName::Z)).unwrap();
    let start = [0.3, 0.1, 0.2, -0.1, 0.1, 0.0];
    let settings = EditSettings {
        stay: 1e-4,
        ..EditSettings::default()
    };
    let line = Constraint::Line {
        from: [4.0, 1.0],
        to: [4.0, 7.0],
    };
    let found = edit(space, &start, &[line], settings, &mut |_, _| {}).unwrap();
    let [before, after] = found.errors[0];
    assert!(after < 0.01 * before, "{before} {after}");
    let drag = Constraint::Drag {
        at: [0, 0, 2, 2],
        by: [5, 3],
    };
    let found = edit(space, &start, &[drag], settings, &mut |_, _| {}).unwrap();
    let last = &found.vectors[found.vectors.len() - 6..];
    assert!((0..3).all(|c| (last[3 + c] - start[c]).abs() < 0.05), "{last:?}");
}

/// A constraint's gradient by finite differences.
#[test]
fn edges_have_the_gradient_of_finite_differences() {
    let device = Device::flex().autodiff();
    let wave = |i: usize| 0.4 * ((i * i) as f32 * 0.37).sin();
    let image: Vec<f32> = (0..8 * 8 * 3).map(wave).collect();
    let line = Constraint::Line {
        from: [1.0, 2.0],
        to: [7.0, 6.0],
    };
    let asked = line.asked([8, 8, 3], &[], &device);
    let of = |v: &[f32]| Tensor::<4>::from_data(TensorData::new(v.to_vec(), [1, 8, 8, 3]), &device);
    let at = of(&image).require_grad();
    let g = numbers(at.grad(&asked.missed(&at).backward()).unwrap());
    for i in [30, 75, 76, 100] {
        let moved = |h: f32| {
            let mut image = image.clone();
            image[i] += h;
            f64::from(numbers(asked.missed(&of(&image)))[0])
        };
        let slope = (moved(1e-2) - moved(-1e-2)) / 2e-2;
        assert!((slope - f64::from(g[i])).abs() < 2e-3, "{i}: {slope} {}", g[i]);
    }
}

#[test]
fn places_outside_are_refused() {
    for (bad, said) in [
        (
            Constraint::Paint {
                at: [6, 0, 3, 1],
                colour: vec![0.0; 3],
            },
            "8 pixels wide",
        ),
        (
            Constraint::Paint {
                at: [0, 0, 0, 1],
                colour: vec![0.0; 3],
            },
            "to paint",
        ),
        (
            Constraint::Paint {
                at: [0, 0, 1, 1],
                colour: vec![0.0],
            },
            "3 channels",
        ),
        (
            Constraint::Drag {
                at: [0, 0, 2, 2],
                by: [-1, 0],
            },
            "to drag",
        ),
        (
            Constraint::Line {
                from: [0.0, 0.0],
                to: [9.0, 0.0],
            },
            "a line",
        ),
    ] {
        let error = edited(&[bad], 0.0).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn colours_are_read() {
    assert_eq!(colour("#ff0080", 3).unwrap()[..2], [1.0, -1.0]);
    let grey = colour("#ff0000", 1).unwrap();
    assert!((grey[0] - (0.299 - 0.587 - 0.114)).abs() < 1e-6 && colour("#00ff00", 4).unwrap()[3] == 1.0);
    for bad in ["red", "#ff00", "#ff00zz", "", "#\u{e9}\u{e9}\u{e9}"] {
        assert!(
            colour(bad, 3).unwrap_err().to_string().contains("#rrggbb"),
            "{bad}"
        );
    }
}

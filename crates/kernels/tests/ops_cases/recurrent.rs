//! Recurrences.
use super::*;
use menagerie_kernels::{Scan, conv_lstm, default};

/// The default body itself against the recurrence written out in f64, then the kernel and the gradients against it.
#[test]
fn convolutional_lstm() {
    let mut rng = Numbers::new(61);
    // [items, steps, line, hidden, taps, before]; lines shorter than the kernel, one step, one position.
    for [b, t, s, n, k, before] in [
        [2, 3, 4, 2, 3, 1],
        [1, 1, 5, 3, 3, 1],
        [3, 5, 1, 4, 3, 1],
        [2, 6, 7, 16, 2, 1],
        [1, 4, 9, 5, 1, 0],
        [2, 3, 2, 3, 5, 2],
        [1, 3, 6, 9, 2, 0],
    ] {
        let inputs = vec![
            rng.array(&[b, t, s, 4 * n]),
            rng.array(&[k, n, 4 * n]).map(|v| 0.5 * v),
        ];
        let reference =
            move |t: &[FlexTensor]| default::conv_lstm::<B>(t[0].clone(), t[1].clone(), before, Scan::Rows).0;
        let want = by_hand(&inputs, [b, t, s, n, k, before]);
        let got = doubles(reference(&inputs.iter().map(Array::double).collect::<Vec<_>>()));
        assert!(
            got.iter().zip(&want).all(|(a, b)| (a - b).abs() < 1e-12),
            "the default body of {b} {t} {s} {n} {k} {before}"
        );
        let name = format!("conv_lstm {b} {t} {s} {n} {k} {before}");
        Case {
            name,
            inputs,
            tolerance: 2e-6,
            reference: &reference,
        }
        .check(&mut rng, |a, r| {
            let (u, w) = (leaf::<4>(&a[0]), leaf::<3>(&a[1]));
            let (y, grads) = back(conv_lstm(u.clone(), w.clone(), before, Scan::Rows), r);
            (y, vec![grad(&u, &grads), grad(&w, &grads)])
        });
    }
}

/// Diagonals: the default body against the recurrence written out in f64 over pixels, then the kernel against it. Images that
/// are wider than high, higher than wide, of one row, column or pixel.
#[test]
fn diagonal_lstm() {
    let mut rng = Numbers::new(62);
    for [b, h, w, n] in [
        [2, 3, 4, 2],
        [1, 5, 2, 3],
        [2, 1, 6, 4],
        [1, 6, 1, 2],
        [1, 1, 1, 5],
        [3, 9, 9, 16],
    ] {
        for scan in [Scan::Diagonals, Scan::MirroredDiagonals] {
            let inputs = vec![
                rng.array(&[b, h, w, 4 * n]),
                rng.array(&[2, n, 4 * n]).map(|v| 0.5 * v),
            ];
            let reference =
                move |t: &[FlexTensor]| default::conv_lstm::<B>(t[0].clone(), t[1].clone(), 1, scan).0;
            let want = by_pixels(&inputs, [b, h, w, n], scan == Scan::MirroredDiagonals);
            let got = doubles(reference(&inputs.iter().map(Array::double).collect::<Vec<_>>()));
            assert!(
                got.iter().zip(&want).all(|(a, b)| (a - b).abs() < 1e-12),
                "the default body of {b} {h} {w} {n} {scan:?}"
            );
            let name = format!("conv_lstm {b} {h} {w} {n} {scan:?}");
            Case {
                name,
                inputs,
                tolerance: 2e-6,
                reference: &reference,
            }
            .check(&mut rng, |a, r| {
                let (u, w) = (leaf::<4>(&a[0]), leaf::<3>(&a[1]));
                let (y, grads) = back(conv_lstm(u.clone(), w.clone(), 1, scan), r);
                (y, vec![grad(&u, &grads), grad(&w, &grads)])
            });
        }
    }
}

/// h of pixel (y, x) from those of the pixel above (the first tap) and the one to the left (the second; mirrored, to the right).
fn by_pixels(inputs: &[Array], [b, h, w, n]: [usize; 4], mirrored: bool) -> Vec<f64> {
    let (u, weight) = (&inputs[0].values, &inputs[1].values);
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let (mut out, mut c) = (vec![0.0; b * h * w * n], vec![0.0; b * h * w * n]);
    for (i, y, x) in (0..b).flat_map(|i| (0..h).flat_map(move |y| (0..w).map(move |x| (i, y, x)))) {
        let x = if mirrored { w - 1 - x } else { x };
        let at = |y: usize, x: usize| (i * h + y) * w + x;
        let beside = if mirrored {
            (x + 1 < w).then(|| at(y, x + 1))
        } else {
            x.checked_sub(1).map(|x| at(y, x))
        };
        let above = y.checked_sub(1).map(|y| at(y, x));
        for j in 0..n {
            let gate = |g: usize| {
                let seen = [above, beside]
                    .into_iter()
                    .enumerate()
                    .filter_map(|(tap, p)| Some((tap, p?)));
                let sum = |(tap, p): (usize, usize)| -> f64 {
                    (0..n)
                        .map(|m| out[p * n + m] * weight[(tap * n + m) * 4 * n + g * n + j])
                        .sum()
                };
                u[at(y, x) * 4 * n + g * n + j] + seen.map(sum).sum::<f64>()
            };
            let old = beside.map_or(0.0, |p| c[p * n + j]);
            let new = sigmoid(gate(1)) * old + sigmoid(gate(2)) * gate(3).tanh();
            let h = sigmoid(gate(0)) * new.tanh();
            (c[at(y, x) * n + j], out[at(y, x) * n + j]) = (new, h);
        }
    }
    out
}

fn by_hand(inputs: &[Array], [b, t, s, n, k, before]: [usize; 6]) -> Vec<f64> {
    let (u, w) = (&inputs[0].values, &inputs[1].values);
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let mut h = vec![0.0; b * t * s * n];
    let mut c = vec![0.0; b * t * s * n];
    let index = |i: usize, step: usize, p: usize, j: usize| ((i * t + step) * s + p) * n + j;
    for i in 0..b {
        for step in 0..t {
            for p in 0..s {
                for j in 0..n {
                    let gate = |g: usize| {
                        let mut sum = u[((i * t + step) * s + p) * 4 * n + g * n + j];
                        for tap in 0..k {
                            let from = p as isize + tap as isize - before as isize;
                            if step > 0 && (0..s as isize).contains(&from) {
                                sum += (0..n)
                                    .map(|m| {
                                        h[index(i, step - 1, from as usize, m)]
                                            * w[(tap * n + m) * 4 * n + g * n + j]
                                    })
                                    .sum::<f64>();
                            }
                        }
                        sum
                    };
                    let old = if step > 0 {
                        c[index(i, step - 1, p, j)]
                    } else {
                        0.0
                    };
                    let new = sigmoid(gate(1)) * old + sigmoid(gate(2)) * gate(3).tanh();
                    let out = sigmoid(gate(0)) * new.tanh();
                    c[index(i, step, p, j)] = new;
                    h[index(i, step, p, j)] = out;
                }
            }
        }
    }
    h
}

//! Recurrences.
use super::*;
use menagerie_kernels::{conv_lstm, default};

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
        let inputs = vec![rng.array(&[b, t, s, 4 * n]), rng.array(&[k, n, 4 * n]).map(|v| 0.5 * v)];
        let reference = move |t: &[FlexTensor]| default::conv_lstm::<B>(t[0].clone(), t[1].clone(), before).0;
        let want = by_hand(&inputs, [b, t, s, n, k, before]);
        let got = doubles(reference(&inputs.iter().map(Array::double).collect::<Vec<_>>()));
        assert!(got.iter().zip(&want).all(|(a, b)| (a - b).abs() < 1e-12), "the default body of {b} {t} {s} {n} {k} {before}");
        let name = format!("conv_lstm {b} {t} {s} {n} {k} {before}");
        Case { name, inputs, tolerance: 2e-6, reference: &reference }.check(&mut rng, |a, r| {
            let (u, w) = (leaf::<4>(&a[0]), leaf::<3>(&a[1]));
            let (y, grads) = back(conv_lstm(u.clone(), w.clone(), before), r);
            (y, vec![grad(&u, &grads), grad(&w, &grads)])
        });
    }
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
                                    .map(|m| h[index(i, step - 1, from as usize, m)] * w[(tap * n + m) * 4 * n + g * n + j])
                                    .sum::<f64>();
                            }
                        }
                        sum
                    };
                    let old = if step > 0 { c[index(i, step - 1, p, j)] } else { 0.0 };
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

//! The same bits on any number of threads.
use super::*;
use menagerie_kernels::optim::{self, AdamStep};
use menagerie_kernels::*;
use std::process::Command;

/// FNV-1a of the bits.
fn digest(hash: &mut u64, values: &[f32]) {
    for v in values {
        *hash = (*hash ^ v.to_bits() as u64).wrapping_mul(0x100_0000_01b3);
    }
}

fn record<const D: usize, const N: usize>(
    name: &str,
    y: Tensor<D>,
    leaves: [&dyn Fn(&burn::tensor::Gradients) -> Vec<f32>; N],
    rng: &mut Numbers,
) {
    let shape: Vec<usize> = y.dims().to_vec();
    let (out, grads) = back(y, &rng.array(&shape));
    let mut hash = 0xcbf2_9ce4_8422_2325;
    digest(&mut hash, &out);
    leaves.iter().for_each(|f| digest(&mut hash, &f(&grads)));
    println!("digest {name} {hash:016x}");
}

/// Prints a digest of each operation's results: what [`any_number_of_threads`] runs in child processes.
#[test]
#[ignore = "a part of any_number_of_threads"]
fn print_digests() {
    let mut rng = Numbers::new(51);
    for (i, (c, o, act)) in [
        (48, 80, Activation::LeakyRelu(0.2)),
        (3, 64, Activation::Tanh),
        (64, 5, Activation::Gelu),
    ]
    .into_iter()
    .enumerate()
    {
        let (x, w, b) = (
            leaf::<4>(&rng.array(&[8, 17, 16, c])),
            leaf::<4>(&rng.array(&[4, 4, c, o])),
            leaf::<1>(&rng.array(&[o])),
        );
        let y = conv2d(x.clone(), w.clone(), Some(b.clone()), Geometry::new(2, 1), act);
        record(
            &format!("conv2d {i}"),
            y,
            [&|g| grad(&x, g), &|g| grad(&w, g), &|g| grad(&b, g)],
            &mut rng,
        );
        let (x, b) = (leaf::<4>(&rng.array(&[8, 9, 8, o])), leaf::<1>(&rng.array(&[c])));
        let y = conv_transpose2d(
            x.clone(),
            w.clone(),
            Some(b.clone()),
            Geometry::new(2, 1),
            None,
            act,
        );
        record(
            &format!("conv_transpose2d {i}"),
            y,
            [&|g| grad(&x, g), &|g| grad(&w, g), &|g| grad(&b, g)],
            &mut rng,
        );
    }
    for (n, i, o) in [(64, 784, 512), (128, 100, 128), (64, 512, 1), (33, 20, 400)] {
        let (x, w, b) = (
            leaf::<2>(&rng.array(&[n, i])),
            leaf::<2>(&rng.array(&[i, o])),
            leaf::<1>(&rng.array(&[o])),
        );
        let y = linear(x.clone(), w.clone(), Some(b.clone()), Activation::LeakyRelu(0.2));
        record(
            &format!("linear {n} {i} {o}"),
            y,
            [&|g| grad(&x, g), &|g| grad(&w, g), &|g| grad(&b, g)],
            &mut rng,
        );
    }
    for c in [3, 40, 640] {
        let (x, s, t) = (
            leaf::<4>(&rng.array(&[4, 31, 17, c])),
            leaf::<1>(&rng.array(&[c])),
            leaf::<1>(&rng.array(&[c])),
        );
        let y = batch_norm(x.clone(), s.clone(), t.clone(), 1e-5, Activation::Relu).0;
        record(
            &format!("batch_norm {c}"),
            y,
            [&|g| grad(&x, g), &|g| grad(&s, g), &|g| grad(&t, g)],
            &mut rng,
        );
        let y = group_norm(x.clone(), 1, s.clone(), t.clone(), 1e-5, Activation::Silu);
        record(
            &format!("group_norm {c}"),
            y,
            [&|g| grad(&x, g), &|g| grad(&s, g), &|g| grad(&t, g)],
            &mut rng,
        );
        let y = layer_norm(x.clone(), s.clone(), t.clone(), 1e-5, Activation::Identity);
        record(
            &format!("layer_norm {c}"),
            y,
            [&|g| grad(&x, g), &|g| grad(&s, g), &|g| grad(&t, g)],
            &mut rng,
        );
        let y = softplus_mean(
            max_pool2d(
                resize_bilinear(x.clone(), [40, 23], false),
                [3, 3],
                [2, 2],
                [1, 1],
            ),
            1.0,
        );
        record(&format!("spatial {c}"), y, [&|g| grad(&x, g)], &mut rng);
    }
    for loss in [RowLoss::Bernoulli, RowLoss::Square] {
        let (x, t) = (
            leaf::<2>(&rng.array(&[150, 785])),
            rng.array(&[50, 785]).tensor(&Device::flex().autodiff()),
        );
        record(
            &format!("row_loss {loss:?}"),
            row_loss(x.clone(), t, loss),
            [&|g| grad(&x, g)],
            &mut rng,
        );
    }
    let (u, w) = (
        leaf::<4>(&rng.array(&[7, 6, 9, 40])),
        leaf::<3>(&rng.array(&[3, 10, 40])),
    );
    record(
        "conv_lstm",
        conv_lstm(u.clone(), w.clone(), 1, Scan::Rows),
        [&|g| grad(&u, g), &|g| grad(&w, g)],
        &mut rng,
    );
    let w = leaf::<3>(&rng.array(&[2, 10, 40]));
    record(
        "diagonals",
        conv_lstm(u.clone(), w.clone(), 1, Scan::Diagonals),
        [&|g| grad(&u, g), &|g| grad(&w, g)],
        &mut rng,
    );
    let d = Device::flex();
    let [p, g, m, v] = [1, 2, 3, 4].map(|k| noise::uniform::<1>([k; 8], [100_001], &d));
    let step = AdamStep {
        rate: 1e-3,
        root: 1.0,
        b1: 0.9,
        b2: 0.99,
        eps: 1e-8,
        weight_decay: 0.0,
    };
    let mut hash = 0;
    digest(&mut hash, &floats(&optim::adam(p, g, m, v, step).0));
    digest(&mut hash, &floats(&noise::normal::<1>([7; 8], [100_001], &d)));
    println!("digest adam and noise {hash:016x}");
}

#[test]
fn any_number_of_threads() {
    let digests = |threads: &str| {
        let child = Command::new(std::env::current_exe().expect("this test"))
            .args([
                "--ignored",
                "--exact",
                "--nocapture",
                "ops_cases::threads::print_digests",
            ])
            .env("MENAGERIE_THREADS", threads)
            .output()
            .expect("this test starts");
        let text = String::from_utf8_lossy(&child.stdout).into_owned();
        assert!(
            child.status.success(),
            "{text}{}",
            String::from_utf8_lossy(&child.stderr)
        );
        // The harness writes its own words onto the first line.
        text.lines()
            .filter_map(|l| l.find("digest ").map(|at| l[at..].to_string()))
            .collect::<Vec<_>>()
    };
    let one = digests("1");
    assert!(one.len() > 20, "{one:?}");
    for threads in ["2", "4"] {
        assert_eq!(digests(threads), one, "{threads} threads");
    }
}

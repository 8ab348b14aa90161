//! The mathematics of what draws and of what rewards it, against enumeration and finite differences.
use super::policy::{Action, CHOICES};
use super::*;
use menagerie_data::Source;
use menagerie_nn::number;

fn drawn<const D: usize>(shape: [usize; D], seed: u64) -> Tensor<D> {
    noise::normal(Key::new(seed).words(), shape, &Device::flex())
}

/// Probabilities of all actions sum up to 1, and the mean of the entropies along the way is that of the whole.
#[test]
fn an_action_is_drawn_choice_by_choice() {
    let policy = Policy::new([5, 2, 6], &Init::new(Key::new(1), &Device::flex()));
    let mut actions = vec![];
    for code in 0..2 * 2 * CHOICES * 2 {
        let [lift, rest] = [code % 2, code / 2];
        let [brush, rest] = [rest % CHOICES, rest / CHOICES];
        actions.push(Action([rest % 2, rest / 2, brush, lift]));
    }
    let rows = actions.len();
    let seen = drawn([1, 5], 2).expand([rows, 5]);
    let [log, entropy] = policy.told(seen.clone(), &Policy::chosen(&actions, 2, &Device::flex()));
    let list = |t: Tensor<2>| numbers(t).into_iter().map(f64::from).collect::<Vec<f64>>();
    let (log, entropy) = (list(log), list(entropy));
    assert!((log.iter().map(|l| l.exp()).sum::<f64>() - 1.0).abs() < 1e-5);
    let whole: f64 = log.iter().map(|l| -l.exp() * l).sum();
    let mean: f64 = log.iter().zip(&entropy).map(|(l, e)| l.exp() * e).sum();
    assert!((whole - mean).abs() < 1e-5, "{whole} {mean}");
    // Drawn as often as they should be.
    let n = 4000;
    let u: Vec<f64> = {
        let mut rng = Key::new(3).rng();
        (0..n * PARTS).map(|_| rng.uniform()).collect()
    };
    let all = policy.act(drawn([1, 5], 2).expand([n, 5]), Some(&u));
    for (action, log) in actions.iter().zip(&log) {
        let share = all.iter().filter(|a| *a == action).count() as f64 / n as f64;
        let p = log.exp();
        assert!(
            (share - p).abs() < 5.0 * (p * (1.0 - p) / n as f64).sqrt(),
            "{action:?}"
        );
    }
}

/// By differences of the score.
#[test]
fn the_gradient_is_that_of_the_score() {
    let critic = Critic::new(4, 8, &Init::new(Key::new(4), &Device::flex()));
    let x = drawn([3, 4], 5);
    let told = numbers(critic.gradients(x.clone()));
    let mut norms = [0.0; 3];
    for (i, told) in told.iter().enumerate() {
        let mut step = [0.0f32; 12];
        step[i] = 1e-3;
        let step = Tensor::<1>::from_floats(&step[..], &Device::flex()).reshape([3, 4]);
        let score = |x: Tensor<2>| numbers(critic.forward(x))[i / 4];
        let slope = (score(x.clone() + step.clone()) - score(x.clone() - step)) / 2e-3;
        assert!((slope - told).abs() < 2e-3, "{i}: {slope} {told}");
        norms[i / 4] += f64::from(told * told);
    }
    let want = norms.iter().map(|n| (n.sqrt() - 1.0).powi(2)).sum::<f64>() / 3.0;
    assert!((number(critic.penalty(x)) - want).abs() < 1e-4);
}

/// What strokes add is what the last canvas has over the blank one; of a target its distance counts, too.
#[test]
fn rewards_add_up_to_the_score() {
    let set = Source::parse("digits").open().unwrap().dataset;
    let mut config = Config::default();
    (config.model.width, config.strokes.count) = (8, 3);
    let model = config
        .build(set.info(), &Device::flex().autodiff(), Key::new(1))
        .unwrap();
    let batch = Batch::of(&*set, &[3, 5]).unwrap();
    let n = model.pixels();
    let plain = Device::flex();
    let latents = numbers(model.prior(2, Key::new(6)));
    let network = model.policy.for_use();
    let drawn = model.drawn(&network, &latents, &batch.values[..n], &plain);
    let rewards = model.rewards(&drawn, &batch.values[..n]);
    let score = |ink: &[f32]| {
        let rows = model.session.beside(&image(ink), &batch.values[..n], &plain);
        numbers(model.critic.for_use().forward(rows))
    };
    let (first, last) = (&drawn.canvases[0], &drawn.canvases[3]);
    let off = |ink: &[f32]| -> f32 {
        let pairs = ink.iter().zip(&batch.values[..n]);
        pairs.map(|(a, b)| (a - (b + 1.0) / 2.0).powi(2)).sum()
    };
    for i in 0..2 {
        let sum = rewards[i] + rewards[2 + i] + rewards[4 + i];
        let mut want = score(last)[i] - score(first)[i];
        if i == 0 {
            want -= off(&last[..n]) - off(&first[..n]);
        }
        assert!((sum - want).abs() < 1e-4, "{sum} {want}");
    }
    // Another key draws another drawing; the last stage is what is drawn.
    let stages = model.stages(model.prior(2, Key::new(6))).unwrap();
    assert_eq!(stages.len(), 3);
    let sample = model.sample(&SampleRequest::new(2, Key::new(6))).unwrap();
    assert_eq!(stages[2], sample);
    assert_ne!(sample, model.sample(&SampleRequest::new(2, Key::new(7))).unwrap());
}

/// After a few steps drawings are nearer to their targets than to those of others.
#[test]
fn it_learns_to_redraw() {
    let set = Source::parse("digits").open().unwrap().dataset;
    let mut config = Config::default();
    (config.model.width, config.strokes.count) = (32, 3);
    (config.strokes.redrawn, config.strokes.distance) = (1.0, 5.0);
    (config.strokes.grid, config.optimizer.generator.learning_rate) = (4, 3e-3);
    let mut model = config
        .build(set.info(), &Device::flex().autodiff(), Key::new(1))
        .unwrap();
    let mut told = vec![];
    for step in 0..60u64 {
        let indices: Vec<u32> = (0..32).map(|i| ((step * 32 + i) % 1000) as u32).collect();
        let batch = Batch::of(&*set, &indices).unwrap();
        let report = model.step(&[batch], Key::new(2).step(step), true).unwrap();
        told.push(report.get("distance").unwrap());
    }
    let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len() as f64;
    let (first, last) = (mean(&told[..10]), mean(&told[50..]));
    assert!(last < 0.85 * first, "{first} {last}");
}

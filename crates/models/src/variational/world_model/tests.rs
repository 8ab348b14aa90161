//! The mathematics of the world model against loops, and what it is for: to foretell better than that nothing changes.
use super::*;
use crate::adversarial::acting::one_hot;
use menagerie_data::Source;
use menagerie_data::environments::environment;
use menagerie_nn::numbers;
use network::cross_entropy;

fn drawn<const D: usize>(shape: [usize; D], seed: u64) -> Tensor<D> {
    noise::normal(Key::new(seed).words(), shape, &Device::flex())
}

/// -log of a mixture, number by number in f64.
#[test]
fn the_density_is_that_of_a_mixture() {
    let (rows, latent, components) = (4, 3, 2);
    let m = Dynamics::new(
        [latent, 2, 5, components],
        &Init::new(Key::new(1), &Device::flex()),
    );
    let (z, next) = (drawn([rows, latent], 2), drawn([rows, latent], 3));
    let action = one_hot([0, 1, 1, 0].into_iter(), 2, &Device::flex());
    let said = m.step(&z, action, m.start(rows, &Device::flex()));
    let [weights, means, logs] = [&said.weights, &said.means, &said.deviations].map(|t| numbers(t.clone()));
    let (density, mean) = (numbers(said.log_density(&next)), numbers(said.mean()));
    let next = numbers(next);
    for row in 0..rows {
        let mut all = 0.0;
        let mut middle = vec![0.0; latent];
        for k in 0..components {
            let weight = f64::from(weights[row * components + k]).exp();
            let mut p = weight;
            for i in 0..latent {
                let at = (row * components + k) * latent + i;
                let s = f64::from(logs[at]).exp();
                let off = (f64::from(next[row * latent + i]) - f64::from(means[at])) / s;
                p *= (-off * off / 2.0).exp() / (s * std::f64::consts::TAU.sqrt());
                middle[i] += weight * f64::from(means[at]);
            }
            all += p;
        }
        assert!(
            (all.ln() - f64::from(density[row])).abs() < 1e-4,
            "{} {}",
            all.ln(),
            density[row]
        );
        for (a, b) in middle.iter().zip(&mean[row * latent..]) {
            assert!((a - f64::from(*b)).abs() < 1e-5, "{a} {b}");
        }
    }
    let logits = drawn([rows, 1], 7) * 5.0;
    for target in [0.0, 1.0] {
        let loss = numbers(cross_entropy(logits.clone(), logits.zeros_like() + target));
        for (l, loss) in numbers(logits.clone()).into_iter().zip(loss) {
            let p = 1.0 / (1.0 + (-f64::from(l)).exp());
            let want = -(if target == 1.0 { p } else { 1.0 - p }).ln();
            assert!((want - f64::from(loss)).abs() < 1e-4, "{want} {loss}");
        }
    }
}

/// Step by step what the world itself gives; nothing is taken after the end.
#[test]
fn sequences_are_what_comes_of_their_actions() {
    let (e, device) = (environment("cart_pole").unwrap(), Device::flex());
    // The last one is about to fall.
    let starts = [vec![0.0; 4], vec![0.5, 0.1, -0.02, 0.3], vec![0.0, 0.0, 0.2, 2.0]];
    let starts: Vec<_> = starts.into_iter().map(|s| (s, Some(1))).collect();
    let tried = sequences(e, &starts, 6, Key::new(5));
    for (i, (start, _)) in starts.iter().enumerate() {
        let (mut state, mut ended) = (start.clone(), false);
        for t in 0..6 {
            let row = |x: Tensor<2>, n: usize| numbers(x)[i * n..][..n].to_vec();
            let action = row(tried.actions(t, 2, &device), 2)[1] as usize;
            assert!(t > 0 || action == 1);
            assert_eq!(row(tried.taken(t, &device), 1)[0] == 0.0, ended);
            if !ended {
                let (next, reward, over) = e.step(&state, action);
                assert_eq!(row(tried.rewards(t, &device), 1)[0], reward as f32);
                assert_eq!(row(tried.over(t, &device), 1)[0] == 1.0, over);
                (state, ended) = (next, over);
            }
            let seen = row(tried.states(t + 1, &device), 4);
            for ((seen, truth), extent) in seen.iter().zip(&state).zip(e.extent()) {
                assert!((f64::from(*seen) * extent - truth).abs() < 1e-5);
            }
        }
        assert_eq!(ended, i == 2);
    }
}

/// The losses of what comes of steps, by loops in f64: ends weigh as much as all other steps, and nothing counts after the end.
#[test]
fn outcomes_are_weighed_by_hand() {
    let (e, device) = (environment("cart_pole").unwrap(), Device::flex());
    let starts = [vec![0.0; 4], vec![0.0, 0.0, 0.2, 2.0], vec![2.39, 3.0, 0.0, 0.0]];
    let starts: Vec<_> = starts.into_iter().map(|s| (s, Some(1))).collect();
    let tried = sequences(e, &starts, 3, Key::new(4));
    let network = Outcome::new([2, 2, 5], &Init::new(Key::new(1), &device));
    let scale = Scale::of(e, 0.9);
    // A reward of 1 for each step.
    assert_eq!((scale.rewards, scale.discount), ([1.0, 1.0], 0.9));
    let step = |t: u64| Imagined {
        latent: drawn([3, 2], 10 + t),
        action: tried.actions(t as usize, 2, &device),
        next: drawn([3, 2], 20 + t),
    };
    let imagined: Vec<Imagined> = (0..3).map(step).collect();
    let said = losses(&network, &imagined, &tried, scale);
    let (mut reward, mut value, mut over, mut counts) = (0.0, 0.0, [0.0; 2], [0.0; 2]);
    for (t, i) in imagined.iter().enumerate() {
        let list = |x: Tensor<2>| numbers(x).into_iter().map(f64::from).collect::<Vec<f64>>();
        let [told, logits] = network.of_step(&i.latent, i.action.clone(), &i.next).map(list);
        let (now, later) = (
            list(network.value(i.latent.clone())),
            list(network.value(i.next.clone())),
        );
        let (ends, taken) = (list(tried.over(t, &device)), list(tried.taken(t, &device)));
        for row in (0..3).filter(|r| taken[*r] == 1.0) {
            reward += told[row] * told[row] / 2.0;
            // Values are told in tenths of (1 + 1) / (1 - 0.9).
            let target = (1.0 + 0.9 * (1.0 - ends[row]) * later[row] * 2.0) / 2.0;
            value += (now[row] - target) * (now[row] - target) / 2.0;
            let p = 1.0 / (1.0 + (-logits[row]).exp());
            let kind = usize::from(ends[row] == 0.0);
            over[kind] -= if kind == 0 { p.ln() } else { (1.0 - p).ln() };
            counts[kind] += 1.0;
        }
    }
    // The second falls at once and the third leaves at once.
    assert_eq!(counts, [2.0, 3.0]);
    let all = counts[0] + counts[1];
    let truth = [reward / all, (over[0] / 2.0 + over[1] / 3.0) / 2.0, value / all];
    let close = |(said, truth): (Tensor<1>, f64)| (number(said) - truth).abs() < 1e-4;
    assert!(
        [said.reward, said.over, said.value]
            .into_iter()
            .zip(truth)
            .all(close)
    );
}

/// The newest states stay, and come back from a file.
#[test]
fn the_oldest_is_forgotten() {
    let episode = |from: usize| Episode {
        states: (from..from + 4).map(|s| vec![s as f64; 2]).collect(),
        actions: vec![0; 3],
        ..Episode::default()
    };
    let mut memory = Memory::default();
    assert_eq!(memory.drawn(Key::new(1)), None);
    memory.take(&[episode(0), episode(10)], 4);
    let mut again = Memory::default();
    again.load(&memory.save(), 2).unwrap();
    assert_eq!(again.len(), 4);
    let seen: std::collections::BTreeSet<u64> = (0..200)
        .map(|i| again.drawn(Key::new(i)).unwrap()[0] as u64)
        .collect();
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [2, 10, 11, 12]);
    assert!(again.load(&memory.save(), 3).is_err());
}

/// After a few updates it foretells where the pole will be better than that it stays where it is, and when it falls.
#[test]
fn it_learns_what_comes() {
    let set = Source::parse("chance:cart_pole").open().unwrap().dataset;
    let mut config = Config::default();
    (config.model.width, config.model.units) = (32, 32);
    (config.world.length, config.world.every) = (5, 0);
    let mut model = config
        .build(set.info(), &Device::flex().autodiff(), Key::new(1))
        .unwrap();
    let mut last = StepReport::default();
    for step in 0..450u64 {
        let indices: Vec<u32> = (0..32).map(|i| ((step * 32 + i) % 1000) as u32).collect();
        let batch = Batch::of(&*set, &indices).unwrap();
        last = model.step(&[batch], Key::new(2).step(step), step == 449).unwrap();
    }
    let (off, still) = (last.get("error/5").unwrap(), last.get("still/5").unwrap());
    assert!(off < 0.5 * still, "{off} {still}");
    let told = TOLD.map(|name| last.get(name).unwrap());
    assert!(told.iter().all(|t| *t > 0.7), "{told:?}");
}

use super::*;

/// The rate grows in proportion to the step, then decays as if it had never been small.
#[test]
fn warms_up_and_decays() {
    let c = OptimizerConfig {
        learning_rate_decay: 0.5,
        warmup: 4,
        ..OptimizerConfig::adam(1.0)
    };
    let rates: Vec<f64> = (1..=5).map(|step| c.rate_at(step)).collect();
    assert_eq!(rates, [0.25, 0.25, 0.1875, 0.125, 0.0625]);
    assert_eq!(OptimizerConfig { warmup: 0, ..c }.rate_at(1), 1.0);
}

/// A table is a rule with its own keys: those of another are refused, and what is left out is the rule's default.
#[test]
fn a_rule_brings_its_own_keys() {
    let read = |text: &str| crate::settings::read::<OptimizerConfig>(&text.parse().unwrap(), "optimizer");
    let whole = read("rule = \"sgd\"\nlearning_rate = 1e-2").unwrap();
    assert_eq!(whole, OptimizerConfig::sgd(1e-2, 0.9));
    let table = crate::settings::write(&whole);
    assert!(table.contains_key("momentum") && !table.contains_key("beta1") && !table.contains_key("decay"));
    for config in [
        whole,
        OptimizerConfig::rms_prop(1e-3),
        OptimizerConfig::sghmc(1e-3, 500.0),
        OptimizerConfig::adam(1e-4).betas(0.0, 0.9).weight_decay(0.1),
    ] {
        assert_eq!(
            crate::settings::read::<OptimizerConfig>(&crate::settings::write(&config), "").unwrap(),
            config
        );
    }
    for (text, part) in [
        ("rule = \"adam\"\nmomentum = 0.9", "has no `momentum`"),
        ("rule = \"sgd\"\nbeta1 = 0.9", "has no `beta1`"),
        ("rule = \"adam\"\nfriction = 0.1", "has no `friction`"),
        ("rule = \"sghmc\"\nfriction = 0.0", "friction of 0"),
        ("rule = \"sghmc\"\nitems = -1.0", "items of -1"),
        ("beta1 = 1.0", "beta1 of 1"),
        ("epsilon = -1e-8", "epsilon"),
        ("clip_norm = nan", "clip_norm"),
        ("learning_rate = 0.0", "learning_rate"),
        ("learning_rate = inf", "learning_rate"),
        ("rule = \"adma\"", "did you mean `adam`?"),
        ("learning_rat = 1.0", "did you mean `optimizer.learning_rate`?"),
    ] {
        let told = read(text).unwrap_err().to_string();
        assert!(told.contains(part) && told.contains("optimizer"), "{told}");
    }
}

/// Weights drawn by Hamiltonian Monte Carlo have the posterior's mean and variance: of a square loss k (p - m)^2 / 2 with n items and a prior of
/// deviation s, the precision is n k + 1 / s^2 and the mean n k m over it. With one pace for all, and with paces by the gradients.
#[test]
fn hamiltonian_draws_are_of_the_posterior() {
    use menagerie_kernels::noise;
    const CHAINS: usize = 2000;
    let device = Device::flex();
    let (n, s) = (50.0, 0.4);
    for (decay, rate) in [(0.0, 0.01), (0.999, 0.01)] {
        let mut config = OptimizerConfig::sghmc(rate, n);
        if let Rule::Sghmc { decay: d, prior, .. } = &mut config.rule {
            (*d, *prior) = (decay, s);
        }
        // Two kinds of weights, a steep and a flat one, each of many chains beside each other; gradients are noisy, as a batch's are.
        let mut optimizer = Optimizer::new(config).salted(Key::new(3));
        let kinds = [(2.0, 1.0), (0.2, -0.5)];
        let mut p: Vec<Tensor<1>> = kinds.iter().map(|_| Tensor::zeros([CHAINS], &device)).collect();
        let mut seen = [[0.0f64; 3]; 2];
        for step in 0..3000u64 {
            optimizer.steps += 1;
            for (i, (k, m)) in kinds.into_iter().enumerate() {
                let e = noise::normal::<1>(Key::new(7).step(step).step(i as u64).words(), [CHAINS], &device);
                let gradient = (p[i].clone() - m) * k + e * 0.05;
                p[i] = optimizer.update(["steep", "flat"][i], p[i].clone(), gradient);
                if step >= 1000 && step % 50 == 0 {
                    for v in crate::numbers(p[i].clone()) {
                        let v = f64::from(v);
                        seen[i] = [seen[i][0] + 1.0, seen[i][1] + v, seen[i][2] + v * v];
                    }
                }
            }
        }
        for ((k, m), [count, sum, squares]) in kinds.into_iter().zip(seen) {
            let precision = n * k + 1.0 / (s * s);
            let (mean, variance) = (sum / count, squares / count - (sum / count).powi(2));
            let told = format!(
                "{decay} {k}: {mean} for {}, {variance} for {}",
                n * k * m / precision,
                1.0 / precision
            );
            assert!(
                (mean - n * k * m / precision).abs() < 0.1 / precision.sqrt(),
                "{told}"
            );
            assert!((variance * precision - 1.0).abs() < 0.15, "{told}");
        }
    }
    // A weight that the loss does not depend on stays within the prior, of deviation 1.
    let mut optimizer = Optimizer::new(OptimizerConfig::sghmc(2e-4, 1500.0)).salted(Key::new(5));
    let mut p = Tensor::<1>::zeros([200], &device);
    for _ in 0..1000 {
        optimizer.steps += 1;
        p = optimizer.update("idle", p, Tensor::zeros([200], &device));
    }
    let farthest = crate::numbers(p).iter().fold(0f32, |m, v| m.max(v.abs()));
    assert!(farthest > 1e-3 && farthest < 6.0, "{farthest}");
    // Saved and read, the noise is the same; without a salt of its own it is another's.
    let next = |o: &Optimizer| {
        let mut o = o.clone();
        o.steps += 1;
        crate::numbers(o.update("w", Tensor::zeros([4], &device), Tensor::zeros([4], &device)))
    };
    let one = Optimizer::new(OptimizerConfig::sghmc(1e-2, n)).salted(Key::new(3));
    let mut read = Optimizer::new(OptimizerConfig::sghmc(1e-2, n)).salted(Key::new(4));
    assert_ne!(next(&one), next(&read));
    read.load(&one.save(), &device).unwrap();
    assert_eq!(next(&one), next(&read));
}

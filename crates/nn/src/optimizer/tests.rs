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

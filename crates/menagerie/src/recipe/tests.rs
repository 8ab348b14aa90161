use super::*;

#[test]
fn every_embedded_recipe_resolves_and_survives_a_round_trip() {
    for (name, _) in embedded() {
        let r = Recipe::named(name).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(Recipe::parse(&r.to_toml(), name).unwrap(), r, "{name}");
    }
}

/// A table that was taken away stays away when the recipe is read again, and one that a model has not by default can be put in.
#[test]
fn tables_are_switched_on_and_off() {
    for (name, key) in [
        ("wgan_gp", "penalty.gradient"),
        ("biggan", "condition"),
        ("info_gan", "codes"),
    ] {
        let r = Recipe::named(name).unwrap().with(key, "false").unwrap();
        let again = Recipe::parse(&r.to_toml(), name).unwrap();
        assert_eq!(again, r, "{name} without {key}");
        assert_ne!(again, Recipe::named(name).unwrap());
    }
    let with = Recipe::named("dcgan").unwrap().with("condition", "{}").unwrap();
    assert!(with.to_toml().contains("[condition]"));
    assert_eq!(Recipe::parse(&with.to_toml(), "dcgan").unwrap(), with);
    let e = |key: &str| {
        Recipe::named("dcgan")
            .unwrap()
            .with(key, "{}")
            .unwrap_err()
            .to_string()
    };
    assert!(e("trian").contains("`train`"), "{}", e("trian"));
    assert!(e("conditoin").contains("condition"), "{}", e("conditoin"));
}

#[test]
fn unknown_names_come_with_the_nearest_known_one() {
    let message = |e: Result<Recipe>| e.unwrap_err().to_string();
    assert!(message(Recipe::named("dcgna")).contains("did you mean `dcgan`?"));
    let r = Recipe::named("dcgan").unwrap();
    let e = message(r.clone().with("model.widht", "32"));
    assert!(
        e.contains("model.widht") && e.contains("did you mean `model.width`?"),
        "{e}"
    );
    let e = message(r.clone().with("objective.rule", "minmax"));
    assert!(
        e.contains("objective") && e.contains("did you mean `minimax`?"),
        "{e}"
    );
    let e = message(r.clone().with("train.steps", "many"));
    assert!(e.contains("train.steps") && e.contains("whole number"), "{e}");
    let e = message(r.clone().with("train.batch", "-3"));
    assert!(e.contains("train.batch") && e.contains("negative"), "{e}");
    let e = message(r.with("train.keep", "0"));
    assert!(e.contains("train.keep"), "{e}");
}

#[test]
fn judging_while_training_is_checked_before_it_begins() {
    let r = Recipe::named("dcgan").unwrap();
    assert_eq!(r.evaluate().unwrap(), EvaluateConfig::default());
    let set = |key: &str, value: &str| r.clone().with(&format!("evaluate.{key}"), value);
    assert_eq!(
        set("metrics", "nll, iwae-5").unwrap().evaluate().unwrap().metrics,
        ["nll", "iwae-5"]
    );
    assert_eq!(
        set("metrics", "[\"nll\"]").unwrap().evaluate().unwrap().metrics,
        ["nll"]
    );
    let message = |e: Result<Recipe>| e.unwrap_err().to_string();
    let e = message(set("metrics", "nlll"));
    assert!(
        e.contains("evaluate.metrics") && e.contains("did you mean `nll`?"),
        "{e}"
    );
    assert!(message(set("best", "psrn")).contains("evaluate.best"));
    assert!(message(set("n", "1")).contains("evaluate.n"));
    assert!(message(set("evry", "1")).contains("did you mean `evaluate.every`?"));
}

/// A table of another kind keeps what both kinds have, takes its own defaults for the rest, and refuses the old kind's.
#[test]
fn a_table_of_another_kind_brings_its_own_keys() {
    let set = |pairs: &[(&str, &str)]| {
        let mut r = Recipe::named("dcgan").unwrap();
        let all: Vec<_> = pairs
            .iter()
            .map(|(k, v)| (k.to_string(), v.to_string()))
            .collect();
        r.set_all(&all).map(|()| r)
    };
    let r = set(&[("model.architecture", "mlp"), ("model.depth", "2")]).unwrap();
    let model = r.table["model"].as_table().unwrap();
    assert_eq!(
        (model["depth"].as_integer(), model["width"].as_integer()),
        (Some(2), Some(48))
    );
    assert!(!model.contains_key("norm") && model["name"].as_str() == Some("dcgan"));
    let r = set(&[("optimizer.generator.rule", "sgd")]).unwrap();
    let sgd = r.table["optimizer"]["generator"].as_table().unwrap();
    assert!(
        sgd["learning_rate"].as_float() == Some(2e-4) && !sgd.contains_key("beta1"),
        "{sgd}"
    );
    let e = set(&[
        ("optimizer.generator.rule", "sgd"),
        ("optimizer.generator.beta1", "0.5"),
    ]);
    assert!(e.unwrap_err().to_string().contains("has no `beta1`"));
    // Optional tables come with their defaults, and go.
    let mut r = set(&[("penalty.r1", "{}"), ("model.norm", "none")]).unwrap();
    assert_eq!(r.table["penalty"]["r1"]["weight"].as_float(), Some(10.0));
    r.set_all(&[("penalty.r1".into(), "false".into())]).unwrap();
    assert!(!r.table["penalty"].as_table().unwrap().contains_key("r1"));
    let e = set(&[("penalty.r1.wieght", "3"), ("model.norm", "none")])
        .unwrap_err()
        .to_string();
    assert!(e.contains("did you mean `penalty.r1.weight`?"), "{e}");
    let e = set(&[("penalty.r1", "{}")]).unwrap_err().to_string();
    assert!(
        e.contains("penalty.r1") && e.contains("model.norm"),
        "both keys are named: {e}"
    );
}

/// A recipe of 0.1: numbers of all rules, the objective by name, noise in the game.
#[test]
fn recipes_of_0_1_are_read() {
    let old = "version = \"0.1.0\"\n[model]\nname = \"gan\"\nlatent = 2\nwidth = 16\ndepth = 2\n[game]\nobjective = \"minimax\"\n\
               noise = 0.25\nnoise_steps = 70\n[optimizer.generator]\nrule = \"adam\"\nbeta1 = 0.5\nmomentum = 0.9\ndecay = 0.99\n";
    let r = Recipe::parse(old, "old").unwrap();
    assert_eq!(r.table["objective"]["rule"].as_str(), Some("minimax"));
    assert_eq!(r.table["augment"]["noise"]["steps"].as_integer(), Some(70));
    assert_eq!(Recipe::parse(&r.to_toml(), "new").unwrap(), r);
}

#[test]
fn values_convert_where_nothing_is_lost() {
    let r = Recipe::named("dcgan").unwrap();
    let r = r
        .with("data.size", "32x48")
        .unwrap()
        .with("optimizer.generator.learning_rate", "1")
        .unwrap();
    assert_eq!(r.data().unwrap().size, [32, 48]);
    assert!(r.to_toml().contains("learning_rate = 1.0"));
    // Two sides, and no number of base 16.
    let sides = r.with("data.size", "0x8").unwrap();
    assert_eq!(sides.data().unwrap().size, [0, 8]);
}

/// What a recipe has turned off may be turned off once more, as its own file says it; a word that is no table is still unknown.
#[test]
fn what_is_off_can_be_turned_off_again() {
    let recipe = Recipe::named("star_gan").unwrap();
    let same = recipe.clone().with("penalty.gradient", "false").unwrap();
    assert_eq!(same.to_toml(), recipe.to_toml());
    let on = same.with("penalty.gradient.weight", "5.0").unwrap();
    assert!(on.to_toml().contains("weight = 5.0"));
    assert!(on.with("penalty.gradent", "false").is_err());
}

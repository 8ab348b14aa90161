use super::*;
use crate::adversarial::game::augment::{Adaptive, Pseudo};
use crate::adversarial::game::penalty::{Gradient, PathLength, ZeroCentred};
use crate::adversarial::networks::{dcgan, mlp};
use crate::adversarial::{Variant, dcgan::Dcgan};

fn told(change: impl FnOnce(&mut Config)) -> String {
    let mut config = Dcgan::config();
    change(&mut config);
    config.check().expect_err("is refused").to_string()
}

/// Members of axes that do not go together: both keys are named, and what to do.
#[test]
fn clashes_name_both_keys() {
    let e = told(|c| c.penalty.r1 = Some(ZeroCentred::default()));
    assert!(
        e.contains("penalty.r1") && e.contains("model.norm") && e.contains("model.norm=none"),
        "{e}"
    );
    let e = told(|c| {
        c.model = Sizes::Dcgan(dcgan::Sizes {
            norm: dcgan::Norm::None,
            minibatch: 3,
            ..Default::default()
        });
        c.penalty.gradient = Some(Gradient::default());
    });
    assert!(
        e.contains("penalty.gradient") && e.contains("model.minibatch"),
        "{e}"
    );
    let e = told(|c| {
        c.objective = Rule::Wasserstein;
        c.augment.adaptive = Some(Adaptive::default());
    });
    assert!(e.contains("augment.adaptive") && e.contains("wasserstein"), "{e}");
    let e = told(|c| {
        c.objective = Rule::Hinge;
        c.game.smoothing = 0.1;
    });
    assert!(e.contains("game.smoothing") && e.contains("hinge"), "{e}");
    let e = told(|c| c.penalty.path_length = Some(PathLength::default()));
    assert!(
        e.contains("penalty.path_length") && e.contains("stylegan2"),
        "{e}"
    );
    let e = told(|c| {
        c.model = Sizes::Progan(Default::default());
        c.condition = Some(Condition {
            generator: IntoGenerator::BatchNorm,
            ..Condition::default()
        });
    });
    assert!(e.contains("condition.generator") && e.contains("progan"), "{e}");
    let e = told(|c| {
        c.objective = Rule::Categorical(Default::default());
        c.condition = Some(Condition {
            discriminator: IntoDiscriminator::Mapped,
            ..Condition::default()
        });
    });
    assert!(e.contains("mapped") && e.contains("categorical"), "{e}");
    let e = told(|c| c.game.pulling_away = 0.1);

    assert!(
        e.contains("game.pulling_away") && e.contains("objective.rule"),
        "{e}"
    );
    let e = told(|c| {
        c.semi_supervised = Some(SemiSupervised::default());
        c.condition = Some(Condition::default());
    });
    assert!(e.contains("semi_supervised") && e.contains("condition"), "{e}");
    let bits = |c: &mut Config| {
        c.objective = Rule::BoundarySeeking;
        c.game.bits = Some(Bits::default());
    };
    let e = told(|c| {
        bits(c);
        c.game.top_k = 0.5;
    });
    assert!(e.contains("game.bits") && e.contains("game.top_k"), "{e}");
    let e = told(|c| c.game.bits = Some(Bits::default()));
    assert!(e.contains("game.bits") && e.contains("non-saturating"), "{e}");
    let e = told(|c| {
        c.objective = Rule::Wasserstein;
        c.game.balance = Some(Balance::default());
    });
    assert!(e.contains("game.balance") && e.contains("wasserstein"), "{e}");
    let e = told(|c| {
        c.game.balance = Some(Balance::default());
        c.game.freeze = Some(Freeze::default());
    });
    assert!(e.contains("game.freeze") && e.contains("game.balance"), "{e}");
    let e = told(|c| c.game.freeze = Some(Freeze { below: 1.5 }));
    assert!(e.contains("game.freeze.below") && e.contains("1.5"), "{e}");
    let e = told(|c| {
        c.objective = Rule::Hinge;
        c.augment.pseudo = Some(Pseudo::default());
    });
    assert!(e.contains("augment.pseudo") && e.contains("hinge"), "{e}");
    let e = told(|c| c.objective = Rule::Classes);
    assert!(
        e.contains("condition.discriminator") && e.contains("classes"),
        "{e}"
    );
}

/// What a penalty may not go with for one network goes with another.
#[test]
fn other_networks_take_what_batch_norm_does_not() {
    let mut c = Dcgan::config();
    c.penalty.r1 = Some(ZeroCentred::default());
    for model in [
        Sizes::Mlp(mlp::Sizes::default()),
        Sizes::Dcgan(dcgan::Sizes {
            norm: dcgan::Norm::Layer,
            ..Default::default()
        }),
        Sizes::Dcgan(dcgan::Sizes {
            spectral_norm: true,
            ..Default::default()
        }),
    ] {
        Config { model, ..c.clone() }.check().unwrap();
    }
}

#[test]
fn numbers_out_of_range_are_refused() {
    let cases: [(&str, fn(&mut Config)); 5] = [
        ("game.discriminator_steps", |c| c.game.discriminator_steps = 0),
        ("game.smoothing", |c| c.game.smoothing = 0.7),
        ("game.top_k", |c| c.game.top_k = 0.0),
        ("model.average", |c| {
            c.model = Sizes::Mlp(mlp::Sizes {
                average: 1.0,
                ..Default::default()
            })
        }),
        ("penalty.r1.every", |c| {
            c.model = Sizes::Mlp(mlp::Sizes::default());
            c.penalty.r1 = Some(ZeroCentred {
                weight: 1.0,
                every: 0,
                ..ZeroCentred::default()
            });
        }),
    ];
    for (key, change) in cases {
        let e = told(change);
        assert!(e.contains(key), "{e}");
    }
}

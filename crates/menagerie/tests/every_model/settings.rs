//! Members of the adversarial axes that no model has by default: each learns, and its checkpoint gives all of it back.

/// What a test is called, the model, and the keys that choose the member.
pub(crate) type Setting = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

/// On the digits.
pub(crate) const SETTINGS: &[Setting] = &[
    ("lecam", "sngan", &[("penalty.lecam", "{}")]),
    ("consistency", "dcgan", &[("penalty.consistency", "{}")]),
    (
        "latent_consistency",
        "dcgan",
        &[("penalty.latent_consistency", "{}"), ("augment.diff", "{}")],
    ),
    ("orthogonal", "dcgan", &[("penalty.orthogonal", "{}")]),
    ("historical", "gan", &[("penalty.historical", "{}")]),
    (
        "top_k",
        "dcgan",
        &[("game.top_k", "0.5"), ("game.top_k_steps", "2")],
    ),
    ("latent_step", "dcgan", &[("game.latent_step", "0.9")]),
    ("unrolled", "dcgan", &[("game.unrolled.steps", "2")]),
    (
        "unrolled_through",
        "gan",
        &[("game.unrolled.steps", "2"), ("game.unrolled.through", "true")],
    ),
    ("virtual_batch", "dcgan", &[("model.virtual_batch", "4")]),
    ("standing", "dcgan", &[("game.standing", "2")]),
    ("reconstruction", "art_gan", &[("penalty.reconstruction", "{}")]),
    ("feature_matching", "dcgan", &[("game.feature_matching", "true")]),
    (
        "truncated_prior",
        "dcgan",
        &[("game.prior", "truncated"), ("game.fresh_latents", "true")],
    ),
    (
        "adaptive",
        "dcgan",
        &[
            ("augment.adaptive.items", "8"),
            ("augment.adaptive.target", "0.1"),
        ],
    ),
    (
        "pseudo",
        "dcgan",
        &[("augment.pseudo.items", "8"), ("augment.pseudo.target", "0.1")],
    ),
    (
        "attention",
        "dcgan",
        &[("model.attention", "4"), ("model.width", "8")],
    ),
    (
        "classes",
        "stylegan2",
        &[
            ("condition.discriminator", "projection"),
            ("model.noise", "false"),
        ],
    ),
    ("no_classes", "biggan", &[("condition", "false")]),
    ("deep", "biggan", &[("model.deep", "true")]),
    ("groups", "r3gan", &[("model.blocks", "1"), ("model.group", "2")]),
    ("balance", "dcgan", &[("game.balance", "{}")]),
    ("freeze", "dcgan", &[("game.freeze", "{}")]),
    ("bits", "bs_gan", &[("game.bits.draws", "3")]),
    (
        "falling_penalty",
        "r3gan",
        &[("penalty.r1.last", "0.1"), ("penalty.r1.steps", "3")],
    ),
    ("encoder", "ano_gan", &[("anomaly.encoder", "true")]),
    ("noise_inside", "gan", &[("model.noise", "0.3")]),
    (
        "twin_classes",
        "acgan",
        &[("condition.discriminator", "twin-classes")],
    ),
    (
        "discriminative_classes",
        "acgan",
        &[("condition.discriminator", "discriminative-classes")],
    ),
    ("contrast", "acgan", &[("condition.discriminator", "contrast")]),
    (
        "data_to_data",
        "acgan",
        &[("condition.discriminator", "data-to-data")],
    ),
    (
        "norms_hear_classes",
        "cgan",
        &[("condition.generator", "batch-norm")],
    ),
    (
        "learning_rates_fall",
        "dcgan",
        &[
            ("optimizer.generator.fall_from", "1"),
            ("optimizer.generator.fall_to", "100"),
        ],
    ),
];

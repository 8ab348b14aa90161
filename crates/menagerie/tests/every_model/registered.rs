//! What the registry says of a model.
use crate::subject::{Subject, device};
use menagerie::Key;
use menagerie::models::{Capability, Entry, registry};
use menagerie::recipe::Recipe;
use std::collections::BTreeSet;

pub(crate) fn names_are_unique() {
    let names: BTreeSet<&str> = registry().iter().map(|e| e.name).collect();
    assert_eq!(names.len(), registry().len());
}

pub(crate) fn no_field_is_empty(entry: &Entry) {
    let texts = [
        ("name", entry.name),
        ("family", entry.family),
        ("paper", entry.paper),
        ("recipe", entry.recipe),
    ];
    for (field, text) in texts {
        assert!(!text.trim().is_empty(), "{field}");
    }
    assert!(!entry.capabilities.is_empty(), "capabilities");
    assert!(!entry.data.is_empty(), "data");
    assert!(!entry.tiny.is_empty(), "tiny");
    assert!(!(entry.defaults)().is_empty(), "defaults");
    // The defaults pass the model's own check unchanged.
    assert_eq!((entry.check)(&(entry.defaults)()).unwrap(), (entry.defaults)());
    assert_eq!(Recipe::named(entry.recipe).unwrap().model_name(), entry.name);
}

/// Dotted keys of whole numbers in a table.
fn counts(table: &toml::Table, prefix: &str) -> Vec<String> {
    let one = |(key, value): (&String, &toml::Value)| match value {
        toml::Value::Table(t) => counts(t, &format!("{prefix}{key}.")),
        toml::Value::Integer(_) => vec![format!("{prefix}{key}")],
        _ => vec![],
    };
    table.iter().flat_map(one).collect()
}

/// Every count of a recipe set to 0, one at a time: it is refused, or the model is built and takes a step. It does not panic.
pub(crate) fn zeros_are_no_panic(subject: &Subject) {
    let recipe = subject.recipe();
    let mut own: toml::Table = recipe.to_toml().parse().unwrap();
    own.retain(|table, _| {
        let table: &str = table;
        !["data", "train", "evaluate"].contains(&table)
    });
    for key in counts(&own, "") {
        let Ok(changed) = recipe.clone().with(&key, "0") else {
            continue;
        };
        if let Ok(mut model) = changed.build(subject.info(), &device(), Key::new(0)) {
            let batches = vec![subject.batch(&[0, 1, 2, 3]); model.batches_per_step()];
            // Losses of so few items may be no numbers, which is told.
            drop(model.step(&batches, Key::new(1), false));
        }
    }
}

pub(crate) fn says_what_is_true(subject: &Subject) {
    let model = subject.build(0);
    for c in Capability::ALL {
        let listed = subject.entry.capabilities.contains(c);
        assert_eq!(listed, c.of(&*model), "{}", c.name());
    }
    assert!(model.labelled_batches() <= model.batches_per_step());
    for network in model.networks() {
        assert!(network.parameters > 0 && network.activations > 0, "{network:?}");
    }
}

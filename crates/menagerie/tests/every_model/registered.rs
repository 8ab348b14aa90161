//! What the registry says of a model.
use crate::subject::Subject;
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

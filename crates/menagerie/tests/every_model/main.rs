//! One harness, all models: a test for each entry of the registry, each source it is tested on, and each property that its
//! capabilities promise. What a model cannot do is left out before anything is trained.
//!
//! `MENAGERIE_TEST_MODELS=NAME,NAME` restricts it to some models, `MENAGERIE_TEST_DEVICE=wgpu` runs it on a GPU; the
//! arguments are those of any test program (a part of a test's name, `--list`, `--test-threads`).
mod acts;
mod answers;
mod exported;
mod learning;
mod mixtures;
mod registered;
mod settings;
mod subject;

use libtest_mimic::{Arguments, Trial};
use menagerie::models::{Capability, Entry, registry};
use std::sync::Arc;
use subject::Subject;

/// What models have in common: a name, what a model must be able to do for it, and the test.
struct Property {
    name: &'static str,
    needs: Option<Capability>,
    test: fn(&Subject),
}

const fn of_all(name: &'static str, test: fn(&Subject)) -> Property {
    let needs = None;
    Property { name, needs, test }
}

const fn of(capability: Capability, name: &'static str, test: fn(&Subject)) -> Property {
    let needs = Some(capability);
    Property { name, needs, test }
}

const PROPERTIES: &[Property] = &[
    of_all("the_registry_says_what_is_true", registered::says_what_is_true),
    of_all(
        "a_count_of_zero_is_refused_or_means_something",
        registered::zeros_are_no_panic,
    ),
    of_all(
        "steps_move_every_trainable_number",
        learning::steps_move_every_trainable_number,
    ),
    of_all(
        "a_checkpoint_gives_the_same_model_back",
        learning::a_checkpoint_gives_the_same_model_back,
    ),
    of_all(
        "interrupted_and_resumed_equals_never_interrupted",
        learning::interrupted_equals_never_interrupted,
    ),
    of_all(
        "leaves_of_a_batch_learn_the_same",
        learning::leaves_of_a_batch_learn_the_same,
    ),
    of_all("functions_are_graphs", exported::functions_are_graphs),
    of_all("functions_are_the_answers", exported::functions_are_the_answers),
    of_all("files_of_functions_are_whole", exported::files_are_whole),
    of(
        Capability::Sample,
        "samples_are_right_and_repeatable",
        answers::samples,
    ),
    of(
        Capability::Sample,
        "classes_are_mixed",
        mixtures::classes_are_mixed,
    ),
    of(
        Capability::LatentSpace,
        "decoders_accept_every_prior_sample",
        answers::latents,
    ),
    of(
        Capability::LogLikelihood,
        "likelihoods_belong_to_items",
        answers::likelihoods,
    ),
    of(
        Capability::EvidenceBound,
        "bounds_belong_to_items_and_rise_with_more_samples",
        answers::bounds,
    ),
    of(
        Capability::Encode,
        "encoders_give_what_decoders_take",
        answers::codes,
    ),
    of(
        Capability::Reconstruct,
        "reconstructions_have_the_items_shape",
        answers::reconstructions,
    ),
    of(
        Capability::Complete,
        "completions_keep_what_is_known",
        answers::completions,
    ),
    of(
        Capability::Predict,
        "predictions_belong_to_items",
        answers::predictions,
    ),
    of(
        Capability::Translate,
        "translations_have_the_images_size",
        answers::translations,
    ),
    of(
        Capability::Illustrate,
        "images_are_made_of_descriptions",
        answers::illustrations,
    ),
    of(
        Capability::Classify,
        "classifiers_give_probabilities",
        answers::classes,
    ),
    of(
        Capability::Attack,
        "attacks_stay_within_their_bound",
        answers::attacks,
    ),
    of(Capability::Defend, "defences_belong_to_items", answers::defences),
    of(Capability::Act, "actions_have_probabilities", acts::actions),
    of(
        Capability::Infer,
        "inferences_belong_to_items",
        answers::inferences,
    ),
    of(
        Capability::Anomaly,
        "anomalies_belong_to_items",
        answers::anomalies,
    ),
    of(Capability::Cluster, "groups_have_probabilities", answers::groups),
    of(
        Capability::Features,
        "features_have_their_width",
        answers::features,
    ),
    of(
        Capability::Maximize,
        "items_are_raised_repeatably",
        answers::maximized,
    ),
    of(
        Capability::ReadAttributes,
        "attributes_are_numbers_by_name",
        answers::attributes,
    ),
];

/// Every entry, or those that MENAGERIE_TEST_MODELS names.
fn chosen() -> Vec<&'static Entry> {
    let only = std::env::var("MENAGERIE_TEST_MODELS").unwrap_or_default();
    let named = |e: &Entry| only.is_empty() || only.split(',').any(|name| name == e.name);
    registry().iter().copied().filter(|e| named(e)).collect()
}

/// A test that passes unless it panics.
fn trial(name: String, test: impl FnOnce() + Send + 'static) -> Trial {
    Trial::test(name, move || {
        test();
        Ok(())
    })
}

fn main() {
    let mut trials = vec![
        trial("registry::names_are_unique".into(), registered::names_are_unique),
        trial(
            "a_damaged_checkpoint_is_passed_over".into(),
            learning::a_damaged_checkpoint_is_passed_over,
        ),
    ];
    trials.push(trial(
        "what_cannot_be_written_is_refused".into(),
        exported::what_cannot_be_written_is_refused,
    ));
    let mut all = Vec::new();
    for entry in chosen() {
        let name = format!("{}::no_field_is_empty", entry.name);
        trials.push(trial(name, || registered::no_field_is_empty(entry)));
        for source in entry.data {
            let subject = Arc::new(Subject::new(entry, source));
            all.push(subject.clone());
            let able = |p: &&Property| p.needs.is_none_or(|c| entry.capabilities.contains(&c));
            for property in PROPERTIES.iter().filter(able) {
                let (name, subject) = (
                    format!("{}::{source}::{}", entry.name, property.name),
                    subject.clone(),
                );
                trials.push(trial(name, move || (property.test)(&subject)));
            }
        }
    }
    for (name, model, settings) in settings::SETTINGS {
        let Some(entry) = chosen().into_iter().find(|e| e.name == *model) else {
            continue;
        };
        let subject = Arc::new(Subject::with(entry, "digits", settings));
        for property in PROPERTIES.iter().filter(|p| p.needs.is_none()).skip(1) {
            let (name, subject) = (
                format!("{model}::with_{name}::{}", property.name),
                subject.clone(),
            );
            trials.push(trial(name, move || (property.test)(&subject)));
        }
    }
    trials.push(trial("other_programs_agree".into(), move || {
        exported::other_programs_agree(&all);
    }));
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

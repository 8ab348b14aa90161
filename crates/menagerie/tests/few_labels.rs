//! Training with few labels, and counting mistakes.
use menagerie::data::Dataset;
use menagerie::judge::{Judge, Reference, subject::Subject};
use menagerie::recipe::Recipe;
use menagerie::run::{Checkpoint, Plan, Run, Trainer};
use menagerie::{Device, Key};
use serde_json::Map;
use std::path::Path;
use std::sync::atomic::AtomicBool;

fn recipe(model: &str, labels: &str) -> Recipe {
    let mut recipe = Recipe::named(model).unwrap();
    let settings = [
        ("data.source", "digits"),
        ("model.width", "8"),
        ("train.batch", "25"),
        ("train.checkpoint_every", "1000"),
        ("train.sample_every", "1000"),
        ("train.labels", labels),
    ];
    // Small digits, learned in few steps: no mirror images, and an average that does not hold the first weights.
    let own = [
        ("model.average", "0.9"),
        ("augment.shift", "0"),
        ("augment.flip", "false"),
        ("optimizer.learning_rate", "1e-2"),
    ];
    let own = own.iter().filter(|_| model == "classifier");
    let all = settings.iter().chain(own);
    let all: Vec<(String, String)> = all.map(|(k, v)| (k.to_string(), v.to_string())).collect();
    recipe.set_all(&all).unwrap();
    recipe
}

fn train(path: &Path, recipe: &Recipe, to: u64) {
    let device = Device::flex().autodiff();
    let mut trainer = match path.exists() {
        true => Trainer::resume(path, Some(to), &device).unwrap(),
        false => {
            let recipe = recipe.clone().with("train.steps", &to.to_string()).unwrap();
            Trainer::create(recipe, path, &device).unwrap()
        }
    };
    trainer.train(&AtomicBool::new(false), &mut |_| {}).unwrap();
}

/// Mistakes on the held-out digits, with their error, and the accuracy.
fn judged(path: &Path, data: &dyn Dataset) -> (f64, f64, f64) {
    let (model, _, _) = Run::open(path).unwrap().model(None, &Device::flex()).unwrap();
    let (info, definition) = (data.info().clone(), Map::new());
    let reference = Reference {
        set: data,
        definition: &definition,
        training: None,
        gathered: None,
    };
    let subject = Subject::Model {
        model: &*model,
        name: "classifier",
        info: &info,
    };
    let mut judge = Judge::new(subject, Some(reference), None, 10_000, Key::new(0));
    let mut figure = |name: &str| judge.work_out(name, &mut |_, _, _| {}).unwrap().remove(0);
    let (errors, accuracy) = (figure("test-errors"), figure("accuracy"));
    assert_eq!(errors.definition["items"], 360);
    (errors.value, errors.error.unwrap(), accuracy.value)
}

#[test]
fn a_classifier_learns_from_the_labelled_items_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let test = menagerie::data::Source {
        split: "test".into(),
        ..menagerie::data::Source::parse("digits")
    };
    let test = test.open().unwrap().dataset;
    train(&path("few"), &recipe("classifier", "20"), 150);
    train(&path("all"), &recipe("classifier", "0"), 150);
    let (few, error, accuracy) = judged(&path("few"), &*test);
    let (all, ..) = judged(&path("all"), &*test);
    assert!(few.fract() == 0.0 && (few / 360.0 + accuracy - 1.0).abs() < 1e-12);
    // The standard error of a count of n independent trials.
    let p = few / 360.0;
    assert!((error - (360.0 * p * (1.0 - p) * 360.0 / 359.0).sqrt()).abs() < 1e-9);
    // Two of each digit tell far less than all of them, and far more than none (324 mistakes).
    assert!(
        few > 2.0 * all && few < 220.0,
        "{few} with few labels, {all} with all"
    );
    // Interrupted and gone on with, it is the same.
    train(&path("halves"), &recipe("classifier", "20"), 70);
    train(&path("halves"), &recipe("classifier", "20"), 150);
    let files = |name| {
        let last = path(name).join("checkpoints/000150");
        Checkpoint::open(&last).unwrap().state.files
    };
    assert_eq!(files("halves"), files("few"));
}

#[test]
fn what_few_labels_cannot_be_is_refused_before_training() {
    let refused = |model: &str, labels: &str| {
        let e = Plan::of(&recipe(model, labels), &Device::flex().autodiff())
            .err()
            .unwrap()
            .to_string();
        assert!(e.contains("train.labels") && !e.contains('\n'), "{e}");
        e
    };
    assert!(refused("classifier", "9").contains("10 classes"));
    assert!(refused("classifier", "2000").contains("1437 items"));
    assert!(refused("dcgan", "100").contains("does not learn"));
    let plan = Plan::of(&recipe("classifier", "100"), &Device::flex().autodiff()).unwrap();
    assert_eq!((plan.steps_per_epoch, plan.data.count), (4.0, 1437));
}

#[test]
fn classes_are_found_by_their_names() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    train(&path, &recipe("classifier", "0"), 5);
    let (model, _, _) = Run::open(&path).unwrap().model(None, &Device::flex()).unwrap();
    let clothes = menagerie::data::Source {
        size: vec![8, 8],
        ..menagerie::data::Source::parse("fashion")
    };
    let clothes = clothes.open().unwrap().dataset;
    let (info, definition) = (clothes.info().clone(), Map::new());
    let reference = Reference {
        set: &*clothes,
        definition: &definition,
        training: None,
        gathered: None,
    };
    let subject = Subject::Model {
        model: &*model,
        name: "classifier",
        info: &info,
    };
    let mut judge = Judge::new(subject, Some(reference), None, 100, Key::new(0));
    let e = judge
        .work_out("test-errors", &mut |_, _, _| {})
        .unwrap_err()
        .to_string();
    assert!(e.contains("does not know the class `t-shirt`"), "{e}");
}

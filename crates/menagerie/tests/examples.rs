//! The examples of the library do what they say, in a few steps.
#[allow(dead_code)]
#[path = "../examples/train.rs"]
mod train;

#[test]
fn a_run_from_code_is_stopped_resumed_drawn_from_and_exported() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("run");
    train::run("digits", &folder, 4).unwrap();
    let log = std::fs::read_to_string(folder.join("log.txt")).unwrap();
    assert!(
        log.contains("from step 0 to 4") && log.contains("from step 2 to 4"),
        "{log}"
    );
    for file in [
        "drawn.png",
        "exported/model.json",
        "exported/model.safetensors",
        "checkpoints/000004",
    ] {
        assert!(folder.join(file).exists(), "{file}");
    }
}

#[allow(dead_code)]
#[path = "../examples/custom_gan.rs"]
mod custom_gan;

#[test]
fn an_objective_of_ones_own_has_a_run_folder_and_is_not_mistaken_for_the_recipes() {
    let dir = tempfile::tempdir().unwrap();
    let (whole, parts) = (dir.path().join("whole"), dir.path().join("parts"));
    custom_gan::run("ring8", &whole, 4).unwrap();
    custom_gan::run("ring8", &parts, 2).unwrap();
    custom_gan::run("ring8", &parts, 4).unwrap();
    let weights =
        |run: &std::path::Path| std::fs::read(run.join("checkpoints/000004/generator.safetensors")).unwrap();
    assert_eq!(weights(&whole), weights(&parts), "resumed exactly");
    // The recipe's objective takes other steps.
    let device = menagerie::Device::flex().autodiff();
    let recipe = menagerie::run::Run::open(&whole).unwrap().recipe().unwrap();
    let usual = dir.path().join("usual");
    let mut trainer = menagerie::run::Trainer::create(recipe, &usual, &device).unwrap();
    trainer.train(&Default::default(), &mut |_| {}).unwrap();
    assert_ne!(weights(&whole), weights(&usual));
    // Without the program nobody goes on, but everybody may look.
    let mut trainer = menagerie::run::Trainer::resume(&whole, Some(6), &device).unwrap();
    let e = trainer
        .train(&Default::default(), &mut |_| {})
        .unwrap_err()
        .to_string();
    assert!(e.contains("the least-squares objective"), "{e}");
    let run = menagerie::run::Run::open(&whole).unwrap();
    let (model, ..) = run.model(None, &menagerie::Device::flex()).unwrap();
    assert!(model.as_sample().is_some());
}

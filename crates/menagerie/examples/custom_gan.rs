//! A new objective without touching the library: least squares (Mao et al. 2017, arXiv:1611.04076).
//! Its run folder has everything that another one has. `cargo run --release -p menagerie --example custom_gan -- runs/mine`
use menagerie::data::DataInfo;
use menagerie::models::Model;
use menagerie::models::adversarial::{Apart, Config, Losses, Objective};
use menagerie::recipe::Recipe;
use menagerie::run::{Event, Trainer};
use menagerie::{Device, Key, Result, Tensor};
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// Real logits towards 1, fake ones towards 0; the generator wants its own at 1.
struct LeastSquares;

impl Objective for LeastSquares {
    fn losses(&self) -> Losses<'_> {
        Losses::Apart(self)
    }
}

impl Apart for LeastSquares {
    fn data(&self, scores: Tensor<2>) -> Tensor<1> {
        (scores - 1.0).powf_scalar(2.0).mean() * 0.5
    }
    fn samples(&self, scores: Tensor<2>) -> Tensor<1> {
        scores.powf_scalar(2.0).mean() * 0.5
    }
    fn generator(&self, scores: Tensor<2>) -> Tensor<1> {
        self.data(scores)
    }
}

/// Plays on `data` in a run folder: begun there, or gone on with.
pub(crate) fn run(data: &str, folder: &Path, steps: u64) -> Result<()> {
    let device = Device::flex().autodiff();
    // The recipe says everything else: networks, optimizers, data, pictures.
    let mut recipe = Recipe::named("gan-ring8")?;
    recipe.set_all(&[
        ("data.source".into(), format!("{data:?}")),
        ("model.width".into(), "64".into()),
        ("train.steps".into(), steps.to_string()),
    ])?;
    let trainer = match folder.exists() {
        true => Trainer::resume(folder, Some(steps), &device)?,
        false => Trainer::create(recipe, folder, &device)?,
    };
    let build = |recipe: &Recipe, info: &DataInfo, device: &Device, key: Key| -> Result<Box<dyn Model>> {
        let config: Config = recipe.config()?;
        let game = config.duel("gan", info, device, key)?;
        Ok(Box::new(game.with_objective(LeastSquares)))
    };
    let mut trainer = trainer.with_model("the least-squares objective", &device, build)?;
    let summary = trainer.train(&AtomicBool::new(false), &mut |event| {
        if let Event::Logged(line) = event {
            println!("{line:?}");
        }
    })?;
    println!(
        "{} steps; samples and curves in {}",
        summary.step,
        folder.display()
    );
    Ok(())
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let given = |i: usize, usual: &str| args.get(i).cloned().unwrap_or(usual.into());
    let steps = given(2, "5000").parse().unwrap_or(5000);
    run("ring8", Path::new(&given(1, "runs/least-squares")), steps)
}

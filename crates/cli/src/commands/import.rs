use super::DataArgs;
use crate::output;
use menagerie::Device;
use menagerie::error::{Error, Result};
use menagerie::import;
use menagerie::recipe::Recipe;
use menagerie::run::{Run, Trainer};
use std::path::PathBuf;

/// Arguments of `menagerie import`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
      menagerie import netG.pth netD.pth --data your/photos --set train.batch=32
  menagerie import G_ema.pth D.pth --data your/photos
  menagerie sample runs/dcgan-001 --out grid.png
  menagerie train --resume runs/dcgan-001 --steps 5000")]
pub(crate) struct Args {
    /// Files of weights that PyTorch or safetensors wrote, each a state dictionary of one network: netG.pth and netD.pth of
    /// PyTorch's DCGAN example, or those of G_ema and D of stylegan2-ada-pytorch
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Where to write the run [default: runs/NAME-NNN]
    #[arg(long, value_name = "RUN")]
    out: Option<PathBuf>,
    /// Set any key of the recipe, for training on
    #[arg(long, value_name = "key=value")]
    set: Vec<String>,
    #[command(flatten)]
    prepare: DataArgs,
}

/// Makes a run of weights.
pub(crate) fn run(args: Args) -> Result<()> {
    let found = import::read(&args.files)?;
    let mut recipe = Recipe::named(found.model)?;
    let mut settings = found.settings.clone();
    let assumed = args.prepare.data.is_none();
    if assumed {
        let source = if found.channels == 1 {
            "fashion"
        } else {
            "portraits"
        };
        settings.push(("data.source".into(), source.into()));
    }
    settings.extend(args.prepare.settings());
    for pair in &args.set {
        let (key, value) = pair.split_once('=').ok_or_else(|| {
            Error::usage(
                format!("--set {pair} has no value"),
                "write --set key=value, such as --set train.batch=16",
            )
        })?;
        settings.push((key.into(), value.into()));
    }
    recipe.set_all(&settings)?;
    let out = args.out.unwrap_or_else(|| Run::next_free(found.model));
    let trainer = Trainer::create_imported(recipe, &out, found, &Device::flex().autodiff())?;
    for line in trainer.warnings() {
        eprintln!("warning: {line}");
    }
    if assumed {
        eprintln!(
            "note: the weights do not say what they were trained on, and the recipe now says {}; --data SOURCE says it",
            trainer.data().source
        );
    }
    output::line(out.display());
    Ok(())
}

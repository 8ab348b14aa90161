use crate::output;
use menagerie::Device;
use menagerie::error::Result;
use menagerie::run::{At, Layout, Run, export};
use std::path::PathBuf;

/// Arguments of `menagerie export`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  menagerie export runs/dcgan-001 --out shipped
  menagerie export runs/dcgan-001 --out shipped-pytorch --layout pytorch")]
pub(crate) struct Args {
    /// A run folder
    run: PathBuf,
    /// Folder to write into
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// File format of the weights
    #[arg(long, value_name = "FORMAT", default_value = "safetensors", value_parser = ["safetensors"])]
    format: String,
    /// Order of the weights' axes: ours (channels last), or PyTorch's
    #[arg(long, value_enum, default_value_t = LayoutArg::ChannelsLast)]
    layout: LayoutArg,
    /// Which checkpoint: a step, `newest` or `best` (of those judged while training or by `evaluate --every`)
    #[arg(long, value_name = "STEP|best", default_value = "newest")]
    checkpoint: At,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum LayoutArg {
    ChannelsLast,
    Pytorch,
}

/// Writes the sampler's weights and their description.
pub(crate) fn run(args: Args) -> Result<()> {
    let run = Run::open(&args.run)?;
    let layout = match args.layout {
        LayoutArg::ChannelsLast => Layout::ChannelsLast,
        LayoutArg::Pytorch => Layout::PyTorch,
    };
    for file in export(&run, args.checkpoint, &args.out, layout, &Device::flex())? {
        output::line(file.display());
    }
    Ok(())
}

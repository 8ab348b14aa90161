use crate::output;
use menagerie::Device;
use menagerie::error::Result;
use menagerie::export::{Format, Layout, Options, export};
use menagerie::run::{At, Run};
use std::path::PathBuf;

/// Arguments of `menagerie export`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  menagerie export runs/dcgan-001 --out shipped
  menagerie sample shipped -n 16 --out drawn.png
  menagerie export runs/dcgan-001 --out shipped-onnx --format onnx --uint8
  menagerie export runs/dcgan-001 --out shipped-pytorch --format pytorch
  menagerie export runs/dcgan-001 --out page --format web")]
pub(crate) struct Args {
    /// A run folder
    run: PathBuf,
    /// Folder to write into
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Weights (`safetensors`), functions of the model as `onnx` or as Python for `pytorch`, or a page that draws (`web`)
    #[arg(long, value_name = "FORMAT", default_value = "safetensors")]
    format: Format,
    /// safetensors: the order of the weights' axes, ours (channels last) or PyTorch's
    #[arg(long, value_enum, default_value_t = LayoutArg::ChannelsLast)]
    layout: LayoutArg,
    /// onnx, pytorch: images of 8 bits instead of numbers in [-1, 1]
    #[arg(long)]
    uint8: bool,
    /// web: a folder of onnxruntime-web's npm package, whose files are copied beside the page
    #[arg(long, value_name = "DIR")]
    onnxruntime: Option<PathBuf>,
    /// Which checkpoint: a step, `newest` or `best` (of those judged while training or by `evaluate --every`)
    #[arg(long, value_name = "STEP|best", default_value = "newest")]
    checkpoint: At,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum LayoutArg {
    ChannelsLast,
    Pytorch,
}

/// Writes a model for other programs.
pub(crate) fn run(args: Args) -> Result<()> {
    let run = Run::open(&args.run)?;
    let options = Options {
        layout: match args.layout {
            LayoutArg::ChannelsLast => Layout::ChannelsLast,
            LayoutArg::Pytorch => Layout::PyTorch,
        },
        bytes: args.uint8,
        onnxruntime: args.onnxruntime,
        ..Options::new(args.format)
    };
    for file in export(&run, args.checkpoint, &args.out, &options, &Device::flex())? {
        output::line(file.display());
    }
    Ok(())
}

//! One file a command.
pub(crate) mod arithmetic;
pub(crate) mod compare;
pub(crate) mod complete;
pub(crate) mod completions;
pub(crate) mod data;
pub(crate) mod directions;

pub(crate) mod edit;
pub(crate) mod encode;
pub(crate) mod evaluate;
pub(crate) mod export;
pub(crate) mod hide;
pub(crate) mod import;
pub(crate) mod infer;

pub(crate) mod interpolate;
pub(crate) mod list;
mod moves;

pub(crate) mod play;
pub(crate) mod predict;
pub(crate) mod project;

pub(crate) mod reconstruct;
pub(crate) mod reveal;
pub(crate) mod sample;
pub(crate) mod score;
pub(crate) mod studio;
pub(crate) mod train;
pub(crate) mod translate;
pub(crate) mod traverse;

use clap::Args;
use menagerie::error::{Error, Result, nearest};
use menagerie::{Device, kernels};
use serde_json::json;

/// How data are named and prepared; the same flags wherever data are read.
#[derive(Args, Default)]
pub(crate) struct DataArgs {
    /// A known source (`menagerie data list`) or a path [default: the recipe's, the run's]
    #[arg(long, value_name = "SOURCE")]
    pub data: Option<String>,
    /// Read the path as this format [default: found out]
    #[arg(long, value_name = "FORMAT")]
    pub data_format: Option<String>,
    /// Resize images to S or HxW [default: as the recipe says, or as they are]
    #[arg(long, value_name = "S|HxW")]
    pub size: Option<String>,
    /// Channels of an image: 1, 3 or 4 [default: as they are]
    #[arg(long, value_name = "1|3|4")]
    pub channels: Option<usize>,
    /// Take N frames of each video (predict: add N); a folder is read as videos where this is given [default: as many as
    /// all have]
    #[arg(long, value_name = "N")]
    pub frames: Option<usize>,
    /// Cut sounds into windows of N samples [default: a second's]
    #[arg(long, value_name = "N")]
    pub length: Option<usize>,
    /// Resample sounds to HZ samples a second [default: the first file's rate]
    #[arg(long, value_name = "HZ")]
    pub rate: Option<usize>,
    /// Which part of the data, as its folders, lists or names say: train, test or all [default: train; evaluate: test, where
    /// there is one]
    #[arg(long)]
    pub split: Option<String>,
    /// Keep this share of the training items out of training, as the test split
    #[arg(long, value_name = "SHARE")]
    pub holdout: Option<f64>,
    /// Leave out the items of these classes, separated by commas
    #[arg(long, value_name = "CLASS,...", value_delimiter = ',')]
    pub without: Vec<String>,
    /// Take only the first N items [default: all]
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Share of damaged items that may be skipped [default: 0.01]
    #[arg(long, value_name = "SHARE")]
    pub max_bad: Option<f64>,
}

impl DataArgs {
    /// As settings of a recipe.
    pub(crate) fn settings(&self) -> Vec<(String, String)> {
        // Strings of JSON are strings of TOML, but for one character that only TOML escapes.
        let quoted = |s: &String| json!(s).to_string().replace('\u{7f}', "\\u007f");
        let given = [
            ("source", self.data.as_ref().map(quoted)),
            ("format", self.data_format.as_ref().map(quoted)),
            ("size", self.size.clone()),
            ("channels", self.channels.map(|v| v.to_string())),
            ("frames", self.frames.map(|v| v.to_string())),
            ("length", self.length.map(|v| v.to_string())),
            ("rate", self.rate.map(|v| v.to_string())),
            ("split", self.split.as_ref().map(quoted)),
            ("holdout", self.holdout.map(|v| format!("{v:?}"))),
            (
                "without",
                (!self.without.is_empty()).then(|| {
                    format!(
                        "[{}]",
                        self.without.iter().map(quoted).collect::<Vec<_>>().join(", ")
                    )
                }),
            ),
            ("limit", self.limit.map(|v| v.to_string())),
            ("max_bad", self.max_bad.map(|v| format!("{v:?}"))),
        ];
        given
            .into_iter()
            .filter_map(|(k, v)| v.map(|v| (format!("data.{k}"), v)))
            .collect()
    }
}

/// Threads beyond this many are a slip of the finger, or at least so many times the cores.
const MOST_THREADS: usize = 256;
const MOST_THREADS_A_CORE: usize = 4;

/// Where and on how many threads to compute.
#[derive(Args)]
pub(crate) struct ComputeArgs {
    /// Threads to compute with (default: all cores); results do not depend on it
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// Where to compute
    #[arg(long, value_name = "D", default_value = "cpu")]
    pub device: String,
}

impl ComputeArgs {
    /// Sets the threads and gives the device.
    pub(crate) fn device(&self) -> Result<Device> {
        let variable = std::env::var("MENAGERIE_THREADS")
            .ok()
            .and_then(|n| n.parse().ok());
        let (name, wanted) = match self.threads {
            Some(n) => ("--threads", Some(n)),
            None => ("MENAGERIE_THREADS =", variable),
        };
        let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
        let most = MOST_THREADS.max(MOST_THREADS_A_CORE * cores);
        match wanted {
            Some(0) if self.threads.is_some() => {
                return Err(Error::usage(
                    "--threads 0 cannot compute anything",
                    "give 1 or more",
                ));
            }
            Some(n) if n > most => {
                return Err(Error::usage(
                    format!("{name} {n} is too many"),
                    format!("give {most} at most; this machine has {cores} cores"),
                ));
            }
            _ => {}
        }
        if let Some(n) = self.threads {
            kernels::set_threads(n);
        }
        match self.device.as_str() {
            "cpu" | "flex" => Ok(Device::flex()),
            #[cfg(feature = "wgpu")]
            "wgpu" => Ok(Device::wgpu(Default::default())),
            #[cfg(feature = "cuda")]
            "cuda" => Ok(Device::cuda(Default::default())),
            known if ["wgpu", "cuda"].contains(&known) => Err(Error::usage(
                format!("this build has no device `{}`", self.device),
                format!("build it with `cargo build --release --features {}`", self.device),
            )),
            other => Err(Error::usage(
                format!("there is no device `{other}`"),
                nearest(other, ["cpu", "wgpu", "cuda"]),
            )),
        }
    }
}

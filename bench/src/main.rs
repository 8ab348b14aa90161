//! Benchmarks: the same work here and in PyTorch, in turn.
mod command;
mod conv_layers;
mod data;
mod dcgan;
mod dcgan_step;
mod elementwise;
mod faces;
mod gan_step;
mod glow;
mod layers;
mod metrics;
mod mlp;
mod overhead;
mod peer;
mod pixel_cnn;
mod stylegan2;
mod translation_step;
mod translation_train;
mod vae_conv;
mod video_ablation;
mod wavenet;

use std::process::ExitCode;

const USAGE: &str = "usage: menagerie-bench dcgan-step [ROUNDS] [BATCH] [bf16] | mlp-step [ROUNDS] | linear | elementwise
    | conv-layers [ROUNDS] [NAME] [BATCH] [PATH]
    | dcgan-28 [ROUNDS] | dcgan-64-model [ROUNDS] [bf16] | sample-64 [ROUNDS] | onnxruntime [ROUNDS] | glow [ROUNDS] | vae-mlp [ROUNDS]  | vae-conv [ROUNDS] | residual [ROUNDS]
    | stylegan2 [ROUNDS] [BATCH] | gan-step MODEL [ROUNDS] [BATCH] [compile] | translation-step MODEL [ROUNDS] [BATCH] [SIZE]
    | translation-train [STEPS] [SEED] [SIZE]
    | pixel-cnn-step [ROUNDS] | pixel-cnn-sample [ROUNDS] | memory [ROUNDS] | overhead [ROUNDS] | startup | data [FILES] [ROUNDS] | data SOURCE [STEPS]
    | fid [ROUNDS] | kid [ROUNDS] | prdc [ROUNDS]
    | video-ablation [STEPS] [CLASSIFIER_STEPS] | faces [MINUTES] [SIZE] [DIR] [NAME,...]
    | wavenet-sample [ROUNDS] | wavenet-step [ROUNDS] | sound-baseline DIR [LENGTH]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.split_first() {
        Some((name, rest)) if name == "dcgan-step" => dcgan_step::run(rest),
        Some((name, rest)) if name == "conv-layers" => conv_layers::run(rest),
        Some((name, rest)) if name == "data" => data::run(rest),
        Some((name, rest)) if name == "mlp-step" => mlp::run(rest),
        Some((name, _)) if name == "elementwise" => {
            elementwise::run();
            Ok(())
        }
        Some((name, _)) if name == "linear" => {
            mlp::linear_layers();
            Ok(())
        }
        Some((name, rest)) if name == "faces" => faces::run(rest).map_err(Into::into),
        Some((name, rest)) if name == "dcgan-28" => dcgan::step_28(rest),
        Some((name, rest)) if name == "dcgan-64-model" => dcgan::step_64(rest),
        Some((name, rest)) if name == "sample-64" => dcgan::sample_64(rest),
        Some((name, rest)) if name == "onnxruntime" => dcgan::onnxruntime(rest),
        Some((name, rest)) if name == "glow" => glow::step(rest),
        Some((name, rest)) if name == "vae-mlp" => layers::vae(rest),
        Some((name, rest)) if name == "vae-conv" => vae_conv::step(rest),
        Some((name, rest)) if name == "residual" => layers::residual(rest),
        Some((name, rest)) if name == "gan-step" => gan_step::run(rest),
        Some((name, rest)) if name == "translation-step" => translation_step::run(rest),
        Some((name, rest)) if name == "translation-train" => translation_train::run(rest),
        Some((name, rest)) if name == "stylegan2" => stylegan2::step(rest),
        Some((name, rest)) if name == "pixel-cnn-step" => pixel_cnn::step(rest),
        Some((name, rest)) if name == "pixel-cnn-sample" => pixel_cnn::sample(rest),
        Some((name, rest)) if name == "memory" => command::memory(rest),
        Some((name, rest)) if name == "overhead" => overhead::run(rest),
        Some((name, _)) if name == "startup" => command::startup(),
        Some((name, rest)) if matches!(&name[..], "fid" | "kid" | "prdc") => metrics::run(name, rest),
        Some((name, rest)) if name == "video-ablation" => video_ablation::run(rest).map_err(Into::into),
        Some((name, rest)) if name == "wavenet-sample" => wavenet::sample(rest),
        Some((name, rest)) if name == "wavenet-step" => wavenet::step(rest),
        Some((name, rest)) if name == "sound-baseline" => wavenet::baseline(rest),
        _ => Err(USAGE.into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}

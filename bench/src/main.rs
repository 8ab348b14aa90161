//! Benchmarks: the same work here and in PyTorch, in turn.
mod conv_layers;
mod data;
mod dcgan_step;
mod elementwise;
mod mlp;
mod peer;

use std::process::ExitCode;

const USAGE: &str = "usage: menagerie-bench BENCHMARK, which is one of
  dcgan-step [ROUNDS] [BATCH] [bf16]
  conv-layers [ROUNDS] [NAME] [BATCH] [PATH]
  mlp-step [ROUNDS]
  linear
  elementwise
  data [FILES] [ROUNDS]";

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

//! Benchmarks: the same work here and in PyTorch, in turn.
mod dcgan_step;
mod peer;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.split_first() {
        Some((name, rest)) if name == "dcgan-step" => dcgan_step::run(rest),
        _ => Err("usage: menagerie-bench dcgan-step [ROUNDS] [BATCH] [bf16]".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}

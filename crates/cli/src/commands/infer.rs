use crate::items::{GivenArgs, able, make_parent, pick, written};
use menagerie::Key;
use menagerie::data::{Column, table_text};
use menagerie::error::{Error, Result};
use menagerie::files;
use menagerie::limits::affordable;
use menagerie::models::Capability;
use std::path::PathBuf;

/// Arguments of `menagerie infer`.
#[derive(clap::Args)]
#[command(
    after_help = "The table has a row a draw: which observation it is of, and the parameters.

Examples:
  menagerie infer runs/life_gan-001 --split test -n 20 --out posterior.csv
  menagerie infer runs/life_gan-001 --data simulator:gaussian --draws 500"
)]
pub(crate) struct Args {
    #[command(flatten)]
    given: GivenArgs,
    /// The first N observations of the data
    #[arg(short, value_name = "N", default_value_t = 8)]
    n: usize,
    /// Draws of the parameters of each
    #[arg(long, value_name = "K", default_value_t = 100)]
    draws: usize,
    /// The same seed gives the same draws
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// A table (.csv)
    #[arg(long, value_name = "FILE.csv", default_value = "posterior.csv")]
    out: PathBuf,
}

/// Draws the parameters under which a simulator may have given what was seen.
pub(crate) fn run(args: Args) -> Result<()> {
    if args.n == 0 || args.draws == 0 {
        return Err(Error::usage(
            "nothing is asked for",
            "give -n and --draws of 1 or more",
        ));
    }
    if args
        .out
        .extension()
        .is_none_or(|e| !e.eq_ignore_ascii_case("csv"))
    {
        let problem = format!("--out {} is no table", args.out.display());
        return Err(Error::usage(problem, "end it in .csv"));
    }
    let trained = args.given.model()?;
    let model = able(trained.model.as_infer(), Capability::Infer, &trained.name)?;
    let dataset = args.given.items(&trained)?;
    let n = args.n.min(dataset.info().count);
    let parameters = model.parameters();
    let width = parameters.len() + 1;
    affordable(
        &format!("{n} times {} draws", args.draws),
        &[2, n, args.draws, width],
        "ask for fewer",
    )?;
    let batch = pick(&*dataset, &(0..n).collect::<Vec<_>>())?;
    let draws = model.infer(&batch, args.draws, Key::new(args.seed).stream("infer"))?;
    let all = &trained.info().columns;
    let first = Column {
        name: "observation".into(),
        ..Column::default()
    };
    let named = |p: &usize| all.get(*p).cloned().unwrap_or_default();
    let columns: Vec<Column> = [first].into_iter().chain(parameters.iter().map(named)).collect();
    let mut rows = Vec::with_capacity(n * args.draws * width);
    for (i, row) in draws.chunks_exact(parameters.len().max(1)).enumerate() {
        rows.push((i / args.draws) as f32);
        rows.extend(row);
    }
    make_parent(&args.out)?;
    files::write_atomically(&args.out, table_text(&columns, width, &rows).as_bytes())?;
    written(
        format_args!(
            "{} draws of the parameters of each of {n} observations",
            args.draws
        ),
        &args.out,
    );
    Ok(())
}

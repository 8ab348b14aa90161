use crate::items::{GivenArgs, Trained, able, each, make_parent};
use crate::output;
use menagerie::Key;
use menagerie::data::Batch;
use menagerie::error::{Error, Result};
use menagerie::models::{Anomaly, Capability};
use serde_json::json;
use std::fmt::Write;
use std::path::PathBuf;

/// Arguments of `menagerie score`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  menagerie score runs/real_nvp-001 --split test
  menagerie score runs/vae-001 --data digits --split test --samples 50
  menagerie score runs/ano_gan-001 --split test -n 20 --out anomalies.csv
  menagerie score runs/pixel_cnn-001 --data your/photos --channels 1 --out scores.csv")]
pub(crate) struct Args {
    #[command(flatten)]
    given: GivenArgs,
    /// Score the first N items
    #[arg(short, value_name = "N", default_value_t = 0, hide_default_value = true)]
    n: usize,
    /// Importance samples of a bound: 1 is the evidence lower bound
    #[arg(long, value_name = "K", default_value_t = 1)]
    samples: usize,
    /// The same seed gives the same figures (dequantization, binarization and the bound's draws)
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// Write item,nats,bits_per_dim of every item; of anomaly scores item,anomaly
    #[arg(long, value_name = "FILE.csv")]
    out: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// How unusual items are, by a model that says so.
fn anomalies(args: &Args, trained: &Trained, model: &dyn Anomaly) -> Result<()> {
    let key = Key::new(args.seed).stream("score");
    let dataset = args.given.items(trained)?;
    let mut scores = Vec::new();
    let count = each(&*dataset, args.n, |batch| {
        scores.extend(model.anomaly(&batch, key)?);
        Ok(())
    })?;
    let mean = scores.iter().sum::<f64>() / count as f64;
    if let Some(out) = &args.out {
        let rows = scores.iter().enumerate().map(|(i, s)| format!("{i},{s:.6}\n"));
        let text: String = std::iter::once("item,anomaly\n".to_string())
            .chain(rows)
            .collect();
        make_parent(out)?;
        menagerie::files::write_atomically(out, text.as_bytes())?;
    }
    if args.json {
        output::json(&json!({"count": count, "mean_anomaly": mean}));
        return Ok(());
    }
    let highest = (0..scores.len()).max_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    output::line(format_args!(
        "{count} items: mean anomaly score {mean:.4}, the highest {:.4} of item {}",
        highest.map_or(f64::NAN, |i| scores[i]),
        highest.unwrap_or(0)
    ));
    if let Some(out) = &args.out {
        output::line(format_args!("every item in {}", out.display()));
    }
    Ok(())
}

/// Log-likelihood of items, or its bound; of a model that says so, how unusual they are.
pub(crate) fn run(args: Args) -> Result<()> {
    if args.samples == 0 {
        return Err(Error::usage(
            "--samples 0 gives no bound",
            "give 1 for the evidence lower bound, or a number such as 50",
        ));
    }
    let trained = args.given.model()?;
    if let Some(model) = trained.model.as_anomaly() {
        return anomalies(&args, &trained, model);
    }
    let key = Key::new(args.seed).stream("score");
    type Score<'a> = Box<dyn Fn(&Batch) -> Result<Vec<f64>> + 'a>;
    let (bound, dimensions, error, score): (String, usize, f64, Score) = match (
        trained.model.as_log_likelihood(),
        trained.model.as_evidence_bound(),
    ) {
        // Where the normalizer was estimated the likelihood is no more than that.
        (Some(l), _) => (
            if l.common_error() > 0.0 { "ais" } else { "exact" }.into(),
            l.dimensions(),
            l.common_error(),
            Box::new(move |b| l.log_likelihood(b, key)),
        ),
        (None, bound) => {
            let e = able(bound, Capability::LogLikelihood, &trained.name)?;
            let name = if args.samples == 1 {
                "elbo".to_string()
            } else {
                format!("iwae-{}", args.samples)
            };
            (
                name,
                e.dimensions(),
                e.common_error(),
                Box::new(move |b| e.evidence_bound(b, args.samples, key)),
            )
        }
    };
    let dataset = args.given.items(&trained)?;
    let mut nats = Vec::new();
    let count = each(&*dataset, args.n, |batch| {
        nats.extend(score(&batch)?);
        Ok(())
    })?;
    let bits = |nats: f64| -nats / dimensions as f64 / std::f64::consts::LN_2;
    let mean = nats.iter().sum::<f64>() / count as f64;
    if let Some(out) = &args.out {
        let mut text = String::from("item,nats,bits_per_dim\n");
        for (i, n) in nats.iter().enumerate() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{i},{n:.6},{:.6}", bits(*n));
        }
        make_parent(out)?;
        menagerie::files::write_atomically(out, text.as_bytes())?;
    }
    if args.json {
        let mut object =
            json!({"count": count, "mean_nats": mean, "bits_per_dim": bits(mean), "bound": bound});
        if error > 0.0 {
            object["normalizer_error"] = error.into();
        }
        output::json(&object);
        return Ok(());
    }
    let what = match &*bound {
        "exact" => "log-likelihood".to_string(),
        "ais" => "log-likelihood by an estimated normalizer".to_string(),
        bound => format!("bound of the log-likelihood ({bound})"),
    };
    if error > 0.0 {
        let text =
            format!("standard error of the normalizer's logarithm, the same for every item: {error:.3} nats");
        eprintln!("note: {text}");
    }

    output::line(format_args!(
        "{count} items: mean {what} {mean:.3} nats, {:.4} bits per dimension",
        bits(mean)
    ));
    if let Some(out) = &args.out {
        output::line(format_args!("every item in {}", out.display()));
    }
    Ok(())
}

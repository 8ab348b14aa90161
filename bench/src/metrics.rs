//! Metrics of features beside the Python packages.
//!
//! ```text
//! menagerie-bench fid [ROUNDS]     10,000 x 2,048 features a side, from features to the distance; torch-fidelity
//! menagerie-bench kid [ROUNDS]     the same features, 100 subsets of 1,000; torch-fidelity
//! menagerie-bench prdc [ROUNDS]    10,000 x 512 a side, k = 5 for all four figures; prdc
//! ```
use crate::peer::{Peer, compare};
use menagerie::kernels::noise;
use menagerie::metrics::features::Features;
use menagerie::metrics::fid::fid;
use menagerie::metrics::kid::{SUBSET_SIZE, SUBSETS, kid};
use menagerie::metrics::moments::Statistics;
use menagerie::metrics::prdc::prdc;
use menagerie::{Key, kernels::threads};
use std::error::Error;

const ITEMS: usize = 10_000;

/// Normal features with spreads from 0.5 to 1.5 over the columns; those of the second side are shifted.
fn side(width: usize, seed: u32) -> Vec<f32> {
    let mut x = vec![0f32; ITEMS * width];
    noise::fill_normal([seed; 8], &mut x);
    for row in x.chunks_exact_mut(width) {
        row.iter_mut()
            .enumerate()
            .for_each(|(j, v)| *v = *v * (0.5 + j as f32 / width as f32) + 0.05 * seed as f32);
    }
    x
}

/// One of the three rows. Arguments: rounds (5).
pub(crate) fn run(name: &str, arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let rounds = arguments.first().map_or(Ok(5), |v| v.parse())?;
    let width = if name == "prdc" { 512 } else { 2048 };
    let (x, y) = (side(width, 1), side(width, 2));
    let (a, b) = (
        Features::new(&x, width, "samples")?,
        Features::new(&y, width, "data")?,
    );
    let mut last = String::new();
    let ours = || -> menagerie::Result<String> {
        Ok(match name {
            "fid" => format!("{:?}", fid(&Statistics::of(&a)?, &Statistics::of(&b)?)?),
            "kid" => format!("{:?}", kid(&a, &b, SUBSETS, SUBSET_SIZE, Key::new(0))?),
            _ => format!("{:?}", prdc(a, b, 5, 5)?),
        })
    };
    let peer = Peer::python(
        "metrics.py",
        &[
            name.into(),
            ITEMS.to_string(),
            width.to_string(),
            threads().to_string(),
        ],
    )?;
    compare(
        &format!("{name} of {ITEMS} x {width}"),
        rounds,
        1,
        || last = ours().unwrap_or_else(|e| e.to_string()),
        peer,
    )?;
    eprintln!("{last}");
    if name == "fid" {
        let start = std::time::Instant::now();
        let both = (Statistics::of(&a)?, Statistics::of(&b)?);
        let gathered = start.elapsed();
        fid(&both.0, &both.1)?;
        eprintln!(
            "statistics of both sides {gathered:.2?}, distance {:.2?}",
            start.elapsed() - gathered
        );
    }
    Ok(())
}

use crate::data::Batch;
use crate::data::portraits::{Attributes, Meaning};
use crate::error::Result;
use crate::models::{LatentSpace, ReadAttributes};
use crate::random::Key;
use burn::tensor::{Tensor, TensorData};

/// What moving a latent dimension changes of what can be read off the items.
#[derive(Clone, Debug, PartialEq)]
pub struct Effects {
    /// the dimensions moved
    pub dims: Vec<usize>,
    /// the attributes read
    pub attributes: Vec<String>,
    /// `[dims, attributes]`: for an amount, the mean change over its whole range (of an attribute that is none of a portrait's,
    /// over twice its standard deviation among items from the prior); for a choice, the share of items in which it changes; for
    /// a hue, the mean turn over 180 degrees
    pub changes: Vec<f64>,
}

impl Effects {
    /// A dimension's changes, by its place in `dims`, largest first: (attribute, change).
    pub fn of(&self, place: usize) -> Vec<(usize, f64)> {
        let n = self.attributes.len();
        let mut all: Vec<(usize, f64)> = self.changes[place * n..(place + 1) * n]
            .iter()
            .copied()
            .enumerate()
            .collect();
        all.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
        all
    }
}

/// Draws `draws` latents from the prior, moves each of `dims` (all below the latent's size) from one end of `range` to the
/// other with the rest held, and has both items read.
///
/// # Errors
/// Those of [`LatentSpace::decode`] and [`ReadAttributes::attributes`], such as items of another size than the reader's.
pub fn effects(
    space: &dyn LatentSpace,
    reader: &dyn ReadAttributes,
    dims: &[usize],
    range: [f32; 2],
    draws: usize,
    key: Key,
) -> Result<Effects> {
    let prior = space.prior(draws, key);
    let (device, latent, n) = (prior.device(), space.latent(), reader.names().len());
    let prior = crate::nn::numbers(prior);
    let read = |latents: Vec<f32>| -> Result<Vec<f32>> {
        let items = space.decode(Tensor::from_data(
            TensorData::new(latents, [draws, latent]),
            &device,
        ))?;
        let indices = (0..draws as u32).collect();
        let (labels, captions, attributes) = (None, None, vec![]);
        reader.attributes(&Batch {
            kind: items.kind,
            shape: items.shape,
            values: items.values,
            labels,
            captions,
            attributes,
            indices,
        })
    };
    let usual = read(prior.clone())?;
    let moved = |dim: usize, to: f32| {
        let mut z = prior.clone();
        z.iter_mut().skip(dim).step_by(latent).for_each(|v| *v = to);
        read(z)
    };
    let mut changes = Vec::with_capacity(dims.len() * n);
    for &dim in dims {
        let [from, to] = [moved(dim, range[0])?, moved(dim, range[1])?];
        for (a, name) in reader.names().iter().enumerate() {
            let column = |all: &[f32]| {
                all.iter()
                    .skip(a)
                    .step_by(n)
                    .map(|&v| v as f64)
                    .collect::<Vec<_>>()
            };
            changes.push(change(
                meaning(name),
                &column(&usual),
                &column(&from),
                &column(&to),
            ));
        }
    }
    Ok(Effects {
        dims: dims.to_vec(),
        attributes: reader.names().to_vec(),
        changes,
    })
}

/// Of an attribute that is none of a portrait's: an amount.
fn meaning(name: &str) -> Option<Meaning> {
    Attributes::NAMES.iter().position(|n| *n == name).map(Meaning::of)
}

fn change(meaning: Option<Meaning>, usual: &[f64], from: &[f64], to: &[f64]) -> f64 {
    let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / usual.len().max(1) as f64;
    let pairs = from.iter().zip(to);
    match meaning {
        Some(Meaning::Choice(_)) => mean(&mut pairs.map(|(a, b)| f64::from(a != b))),
        Some(Meaning::Hue) => mean(
            &mut pairs
                .map(|(a, b)| (a - b).to_radians().cos().clamp(-1.0, 1.0).acos() / std::f64::consts::PI),
        ),
        // What is read badly is read as its mean: against its own spread, its noise would look large.
        Some(Meaning::Amount { low, high }) => mean(&mut pairs.map(|(a, b)| b - a)) / (high - low) as f64,
        None => {
            let middle = mean(&mut usual.iter().copied());
            let deviation = mean(&mut usual.iter().map(|v| (v - middle).powi(2))).sqrt();
            // An attribute that never changes is not moved by anything.
            if deviation > 0.0 {
                mean(&mut pairs.map(|(a, b)| b - a)) / (2.0 * deviation)
            } else {
                0.0
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Kind;
    use crate::models::Samples;
    use burn::tensor::Device;
    use menagerie_kernels::noise;

    /// Items that are their latents, of three numbers.
    struct Plain;
    impl LatentSpace for Plain {
        fn latent(&self) -> usize {
            3
        }
        fn prior(&self, count: usize, key: Key) -> Tensor<2> {
            noise::normal(key.words(), [count, 3], &Device::flex())
        }
        fn decode(&self, latents: Tensor<2>) -> Result<Samples> {
            let shape = latents.dims().to_vec();
            Ok(Samples {
                kind: Kind::Points,
                shape,
                values: latents.into_data().try_into_vec().unwrap(),
            })
        }
    }

    /// Reads a yaw of ten times the first number less the second (and the same under no known name), glasses where the second is positive, and a hue of twenty
    /// degrees a unit of the third.
    struct Reader(Vec<String>);
    impl ReadAttributes for Reader {
        fn attributes(&self, batch: &Batch) -> Result<Vec<f32>> {
            Ok(batch
                .values
                .chunks(3)
                .flat_map(|z| {
                    let yaw = 10.0 * z[0] - z[1];
                    [yaw, f32::from(z[1] > 0.0), (20.0 * z[2]).rem_euclid(360.0), yaw]
                })
                .collect())
        }
        fn names(&self) -> &[String] {
            &self.0
        }
    }

    #[test]
    fn each_dimension_moves_what_is_made_of_it() {
        let names = ["yaw", "glasses", "hair_hue", "turn"].map(String::from);
        let seen = names.iter().map(|n| meaning(n)).collect::<Vec<_>>();
        assert!(
            matches!(
                seen[..],
                [
                    Some(Meaning::Amount { .. }),
                    Some(Meaning::Choice(_)),
                    Some(Meaning::Hue),
                    None
                ]
            ),
            "{seen:?}"
        );
        let e = effects(
            &Plain,
            &Reader(names.to_vec()),
            &[0, 1, 2],
            [-2.0, 2.0],
            4000,
            Key::new(1),
        )
        .unwrap();
        // The yaw has a range of 90 degrees and a variance of 100 + 1; a move of 4 changes it by 40, or by -4; the hue turns by 80.
        let s = 2.0 * 101f64.sqrt();
        let want = [
            [40.0 / 90.0, 0.0, 0.0, 40.0 / s],
            [-4.0 / 90.0, 1.0, 0.0, -4.0 / s],
            [0.0, 0.0, 80.0 / 180.0, 0.0],
        ];
        for (got, want) in e.changes.iter().zip(want.as_flattened()) {
            assert!((got - want).abs() < 0.05, "{:?}", e.changes);
        }
        assert_eq!((e.of(1)[0].0, e.of(0)[0].0, e.of(2)[0].0), (1, 3, 2));
    }
}

//! Images as vectors of black and white, which the units of a Boltzmann machine are.
use crate::{Holds, Port, Samples, of_shape};
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Kind};
use menagerie_kernels::noise;
use menagerie_nn::levels::Binarization;

/// What visible units stand for.
#[derive(Clone, Debug)]
pub(super) struct Visible {
    name: &'static str,
    shape: Vec<usize>,
    binarization: Binarization,
}

impl Visible {
    /// For images of that description.
    ///
    /// # Errors
    /// [`Error::Data`] for items that are no images.
    pub(super) fn new(name: &'static str, info: &DataInfo, binarization: Binarization) -> Result<Visible> {
        match info.kind {
            Kind::Image => Ok(Visible {
                name,
                shape: info.shape.clone(),
                binarization,
            }),
            kind => Err(Error::data(
                &info.source,
                format!(
                    "{name} has units that are black or white, but these are {}",
                    kind.plural()
                ),
                "give images",
            )),
        }
    }

    /// How many units.
    pub(super) fn units(&self) -> usize {
        self.shape.iter().product()
    }

    /// An item, as an exported function takes it.
    pub(super) fn port(&self) -> Port {
        let meaning = "an image, channels last: black (-1) or white (1)";
        Port::of("item", &self.shape, Holds::Steps(2), meaning)
    }

    /// Items as 0 and 1, `[batch, units]`; grey is drawn for item `i` of the data set from `key.step(i)`, or cut at the
    /// half without a key.
    ///
    /// # Errors
    /// [`Error::Usage`] when the batch has another shape.
    pub(super) fn of(&self, batch: &Batch, key: Option<Key>) -> Result<Vec<f32>> {
        of_shape(batch, &self.shape, self.name)?;
        Ok(match key {
            Some(key) => self.binarization.of(batch, key),
            None => Binarization::Threshold.of(batch, Key::new(0)),
        })
    }

    /// The same as a tensor.
    ///
    /// # Errors
    /// As [`Visible::of`].
    pub(super) fn tensor(&self, batch: &Batch, key: Option<Key>, device: &Device) -> Result<Tensor<2>> {
        let values = self.of(batch, key)?;
        Ok(rows(values, self.units(), device))
    }

    /// Units in [0, 1], `[count, units]`, as images in [-1, 1].
    pub(super) fn images(&self, units: &[f32]) -> Samples {
        Samples {
            kind: Kind::Image,
            shape: [&[units.len() / self.units()], &self.shape[..]].concat(),
            values: units.iter().map(|v| 2.0 * v - 1.0).collect(),
        }
    }

    /// A mask of positions as one of units.
    ///
    /// # Errors
    /// [`Error::Usage`] for one of another size.
    pub(super) fn known(&self, known: &[bool]) -> Result<Vec<bool>> {
        let channels = self.shape.last().copied().unwrap_or(1);
        if known.len() * channels != self.units() {
            return Err(Error::usage(
                format!(
                    "the mask has {} positions, an image {}",
                    known.len(),
                    self.units() / channels
                ),
                "give one entry a pixel, row by row",
            ));
        }
        let each = known.iter().flat_map(|&k| std::iter::repeat_n(k, channels));
        Ok(each.collect())
    }
}

/// `[n, width]` of numbers row by row.
pub(super) fn rows(values: Vec<f32>, width: usize, device: &Device) -> Tensor<2> {
    let n = values.len() / width.max(1);
    Tensor::from_data(TensorData::new(values, [n, width]), device)
}

/// 0 or 1 by logits.
pub(super) fn on(logits: Tensor<2>, key: Key) -> Tensor<2> {
    let u = noise::uniform(key.words(), logits.dims(), &logits.device());
    u.lower(sigmoid(logits)).float()
}

/// Known units take their values.
pub(super) fn hold(state: &mut [f32], item: &[f32], known: &[bool]) {
    for ((s, v), k) in state.iter_mut().zip(item).zip(known) {
        if *k {
            *s = *v;
        }
    }
}

/// Refuses numbers of units, chains, sweeps that cannot be: each with its key and the least that it may be.
///
/// # Errors
/// [`Error::Recipe`] with the key.
pub(super) fn in_bounds(all: &[(&str, usize, usize)]) -> Result<()> {
    const MOST: usize = 1 << 20;
    match all
        .iter()
        .find(|(_, value, least)| !(*least..=MOST).contains(value))
    {
        Some((key, value, least)) => Err(Error::recipe(
            *key,
            format!("{value} cannot be"),
            format!("give {least} to {MOST}"),
        )),
        None => Ok(()),
    }
}

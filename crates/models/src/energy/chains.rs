//! Markov chains that go on from update to update, and are part of a checkpoint.
use crate::Part;
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_kernels::noise;
use menagerie_nn::Tensors;

/// States of chains, row by row.
#[derive(Clone, Debug)]
pub(super) struct Chains {
    width: usize,
    /// `[chains, width]`
    pub(super) states: Vec<f32>,
}

/// The file in a checkpoint, and the array in it.
const NAME: &str = "chains";

impl Chains {
    /// Chains whose units are on or off by a fair coin.
    pub(super) fn coins(count: usize, width: usize, key: Key) -> Chains {
        let mut chains = Chains::uniform(count, width, key);
        chains.states.iter_mut().for_each(|v| *v = f32::from(*v < 0.0));
        chains
    }

    /// Chains whose numbers are uniform in [-1, 1).
    pub(super) fn uniform(count: usize, width: usize, key: Key) -> Chains {
        let mut states = vec![0.0; count * width];
        noise::fill_uniform(key.words(), &mut states);
        states.iter_mut().for_each(|v| *v = 2.0 * *v - 1.0);
        Chains { width, states }
    }

    /// How many.
    pub(super) fn count(&self) -> usize {
        self.states.len() / self.width.max(1)
    }

    /// Where so many new chains begin: row i where one of these is, which `key.step(i)` says.
    pub(super) fn begin(&self, count: usize, key: Key) -> Vec<f32> {
        let one = |i: usize| {
            let chain = key.step(i as u64).rng().below(self.count());
            self.states[chain * self.width..][..self.width].iter().copied()
        };
        (0..count).flat_map(one).collect()
    }

    /// For a checkpoint.
    pub(super) fn save(&self) -> (String, Part<'_>) {
        let part = || {
            let shape = vec![self.count(), self.width];
            let mut t = Tensors::default();
            t.arrays.insert(NAME.into(), (shape, self.states.clone()));
            t
        };
        (NAME.into(), Box::new(part))
    }

    /// Takes up what `save` gave.
    ///
    /// # Errors
    /// Those of reading; [`Error::Data`] for chains of another size.
    pub(super) fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>) -> Result<()> {
        let t = read(NAME)?;
        match t.arrays.get(NAME) {
            Some((_, values)) if values.len() == self.states.len() => {
                self.states.clone_from(values);
                Ok(())
            }
            _ => Err(Error::data(
                format!("tensor {NAME}"),
                format!("does not hold {} units of chains", self.states.len()),
                "the checkpoint belongs to another recipe or is damaged",
            )),
        }
    }
}

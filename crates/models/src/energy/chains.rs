//! Markov chains that go on from update to update, and are part of a checkpoint.
use crate::Part;
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
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
    pub(super) fn new(count: usize, width: usize, key: Key) -> Chains {
        let mut states = vec![0.0; count * width];
        menagerie_kernels::noise::fill_uniform(key.words(), &mut states);
        states.iter_mut().for_each(|v| *v = f32::from(*v < 0.5));
        Chains { width, states }
    }

    /// For a checkpoint.
    pub(super) fn save(&self) -> (String, Part<'_>) {
        let part = || {
            let shape = vec![self.states.len() / self.width.max(1), self.width];
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

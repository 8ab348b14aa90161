//! What is tried in the world itself: sequences from given states, and the states that own episodes came to.
use crate::adversarial::acting::one_hot;
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::environments::{Environment, Episode};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_nn::Tensors;

/// Sequences of one length: what was done, and what came of it. After the end of an episode its last state is repeated.
pub(super) struct Sequences {
    /// how many, steps of each, and numbers of a state
    shape: [usize; 3],
    /// over how far they go, `[sequences, steps + 1, numbers]`
    states: Vec<f32>,
    actions: Vec<usize>,
    rewards: Vec<f32>,
    over: Vec<f32>,
    /// 1 for steps that were taken, 0 after the end
    taken: Vec<f32>,
}

/// Sequences from these states, of actions by chance: each sequence prefers one action, how much is drawn, too, so that there are some that
/// push on and some that dither. The first action may be given.
pub(super) fn sequences(
    environment: &dyn Environment,
    starts: &[(Vec<f64>, Option<usize>)],
    length: usize,
    key: Key,
) -> Sequences {
    let (n, extent) = (environment.state().len(), environment.extent());
    let mut all = Sequences {
        shape: [starts.len(), length, n],
        states: vec![],
        actions: vec![],
        rewards: vec![],
        over: vec![],
        taken: vec![],
    };
    let scaled = |s: &[f64]| -> Vec<f32> { s.iter().zip(extent).map(|(v, e)| (v / e) as f32).collect() };
    for (i, (start, first)) in starts.iter().enumerate() {
        let mut rng = key.step(i as u64).rng();
        let (preferred, bias) = (rng.below(environment.actions().len()), rng.uniform());
        let (mut state, mut ended) = (start.clone(), false);
        all.states.extend(scaled(&state));
        for t in 0..length {
            let drawn = match rng.chance(bias) {
                true => preferred,
                false => rng.below(environment.actions().len()),
            };
            let action = first.filter(|_| t == 0).unwrap_or(drawn);
            let (next, reward, over) = match ended {
                true => (state.clone(), 0.0, false),
                false => environment.step(&state, action),
            };
            all.actions.push(action);
            all.rewards.push(reward as f32);
            all.over.push(f32::from(u8::from(over)));
            all.taken.push(f32::from(u8::from(!ended)));
            ended |= over;
            state = next;
            all.states.extend(scaled(&state));
        }
    }
    all
}

impl Sequences {
    fn column(&self, values: &[f32], t: usize, device: &Device) -> Tensor<2> {
        let [count, length, _] = self.shape;
        let at: Vec<f32> = values.iter().skip(t).step_by(length).copied().collect();
        Tensor::from_data(TensorData::new(at, [count, 1]), device)
    }

    /// Steps of each.
    pub(super) fn length(&self) -> usize {
        self.shape[1]
    }

    /// All states, `[sequences (steps + 1), numbers]`.
    pub(super) fn every_state(&self, device: &Device) -> Tensor<2> {
        let [count, length, n] = self.shape;
        Tensor::from_data(
            TensorData::new(self.states.clone(), [count * (length + 1), n]),
            device,
        )
    }

    /// The states before step t, `[sequences, numbers]`.
    pub(super) fn states(&self, t: usize, device: &Device) -> Tensor<2> {
        let [count, length, n] = self.shape;
        let rows = self.states.chunks_exact(n).skip(t).step_by(length + 1);
        Tensor::from_data(
            TensorData::new(rows.flatten().copied().collect::<Vec<f32>>(), [count, n]),
            device,
        )
    }

    /// What was done in step t, as ones among zeros.
    pub(super) fn actions(&self, t: usize, choices: usize, device: &Device) -> Tensor<2> {
        let [_, length, _] = self.shape;
        let at = self.actions.iter().skip(t).step_by(length).copied();
        one_hot(at, choices, device)
    }

    /// The rewards of step t, `[sequences, 1]`.
    pub(super) fn rewards(&self, t: usize, device: &Device) -> Tensor<2> {
        self.column(&self.rewards, t, device)
    }

    /// Whether the episode was over with step t.
    pub(super) fn over(&self, t: usize, device: &Device) -> Tensor<2> {
        self.column(&self.over, t, device)
    }

    /// Whether step t was taken.
    pub(super) fn taken(&self, t: usize, device: &Device) -> Tensor<2> {
        self.column(&self.taken, t, device)
    }
}

/// States that own episodes came to, the newest ones.
#[derive(Default)]
pub(super) struct Memory {
    states: Vec<Vec<f32>>,
}

impl Memory {
    /// Takes in those of episodes, all but the ends, and forgets the oldest beyond `most`.
    pub(super) fn take(&mut self, all: &[Episode], most: usize) {
        for episode in all {
            let acted = &episode.states[..episode.actions.len()];
            self.states.extend(
                acted
                    .iter()
                    .map(|s| s.iter().map(|v| *v as f32).collect::<Vec<f32>>()),
            );
        }
        let beyond = self.states.len().saturating_sub(most);
        self.states.drain(..beyond);
    }

    /// One that the key draws, where there are any.
    pub(super) fn drawn(&self, key: Key) -> Option<Vec<f64>> {
        if self.states.is_empty() {
            return None;
        }
        let state = &self.states[key.rng().below(self.states.len())];
        Some(state.iter().map(|v| f64::from(*v)).collect())
    }

    /// How many.
    pub(super) fn len(&self) -> usize {
        self.states.len()
    }

    pub(super) fn save(&self) -> Tensors {
        let mut t = Tensors::of_note("states", self.len().to_string());
        if let Some(first) = self.states.first() {
            let shape = vec![self.len(), first.len()];
            t.arrays.insert("states".into(), (shape, self.states.concat()));
        }
        t
    }

    /// Takes up what `save` gave, of states of so many numbers.
    ///
    /// # Errors
    /// [`Error::Data`] for states of others.
    pub(super) fn load(&mut self, from: &Tensors, numbers: usize) -> Result<()> {
        self.states = match from.arrays.get("states") {
            None => vec![],
            Some((shape, values)) if shape.get(1) == Some(&numbers) => {
                values.chunks_exact(numbers).map(<[f32]>::to_vec).collect()
            }
            Some((shape, _)) => {
                let problem = format!("states of {shape:?} are no states of {numbers} numbers");
                return Err(Error::data("memory", problem, "train it anew"));
            }
        };
        Ok(())
    }
}

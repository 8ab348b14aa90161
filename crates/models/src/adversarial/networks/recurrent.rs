//! Networks of music as notes (Mogren 2016, C-RNN-GAN, arXiv:1611.09904, section 3): a recurrent generator, whose cell is given at every
//! note a part of the latent and the note before, and a discriminator that reads a piece in both directions.
use super::Told;
use burn::module::{Module, Param};
use burn::tensor::{Tensor, TensorData};
use menagerie_data::error::{Error, Result};
use menagerie_data::{DataInfo, Kind};
use menagerie_nn::{Activation, Dual, Init, Linear, Lstm, LstmState};
use serde::{Deserialize, Serialize};

/// `[model]`: the networks' sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// dimensions of a latent, which are shared out evenly among the notes
    pub latent: usize,
    /// numbers that a layer carries from note to note (paper: 350)
    pub width: usize,
    /// layers of each network (paper: 2)
    pub layers: usize,
    /// decay of the generator's moving average; 0 for none
    pub average: f64,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            latent: 256,
            width: 350,
            layers: 2,
            average: 0.0,
        }
    }
}

/// Where the numbers of a note usually lie, and how far they spread: beats, semitones, loudness, beats.
const USUAL: [[f32; 4]; 2] = [[0.8, 65.0, 0.6, 0.8], [0.5, 8.0, 0.15, 0.5]];

impl Sizes {
    /// Refuses what is no music, and latents that cannot be shared out.
    ///
    /// # Errors
    /// [`Error::Data`] or [`Error::Recipe`].
    pub(super) fn fits(&self, model: &str, info: &DataInfo) -> Result<()> {
        let (Kind::Notes, &[notes, _]) = (info.kind, &info.shape[..]) else {
            let problem = format!("{model} draws music, but these are {}", info.kind.plural());
            let fix = "choose `melodies`, or a folder of .mid files";
            return Err(Error::data(&info.source, problem, fix));
        };
        if !self.latent.is_multiple_of(notes) {
            let problem = format!("{} numbers cannot be shared out among {notes} notes", self.latent);
            let fix = format!("give a multiple, such as {}", 8 * notes);
            return Err(Error::recipe("model.latent", problem, fix));
        }
        Ok(())
    }
}

/// Latent, note by note -> cells, which see the note before -> notes.
#[derive(Module, Debug)]
pub struct Generator {
    layers: Vec<Lstm>,
    out: Linear,
    usual: Usual,
    notes: usize,
}

/// Brings notes to numbers around 0 of spread one, and back.
#[derive(Module, Debug)]
struct Usual {
    fixed_centre: Param<Tensor<2>>,
    fixed_spread: Param<Tensor<2>>,
}

impl Usual {
    fn new(init: &Init) -> Usual {
        let [fixed_centre, fixed_spread] = USUAL.map(|row| {
            let row = TensorData::new(row.to_vec(), [1, row.len()]);
            Param::from_tensor(Tensor::from_data(row, init.device())).set_require_grad(false)
        });
        Usual {
            fixed_centre,
            fixed_spread,
        }
    }

    /// `[rows, 4]`.
    fn inwards(&self, notes: Tensor<2>) -> Tensor<2> {
        (notes - self.fixed_centre.val()) / self.fixed_spread.val()
    }

    fn outwards(&self, numbers: Tensor<2>) -> Tensor<2> {
        numbers * self.fixed_spread.val() + self.fixed_centre.val()
    }
}

/// Layers of cells, the first of which sees so many numbers, those above as many as a layer below gives.
fn stack(s: &Sizes, inputs: usize, below: usize, init: &Init) -> Vec<Lstm> {
    let layer = |i: usize| {
        let from = if i == 0 { inputs } else { below };
        Lstm::new([from, s.width], &init.nth(i))
    };
    (0..s.layers).map(layer).collect()
}

impl Generator {
    /// For `[1, notes, numbers]`; what is told is given to every note.
    pub(super) fn new(s: &Sizes, [_, notes, numbers]: [usize; 3], told: Told, init: &Init) -> Self {
        let own = (s.latent / notes.max(1)).max(1) + told.joined + told.norms;
        Generator {
            layers: stack(s, own + numbers, s.width, &init.at("layers")),
            out: Linear::of([s.width, numbers]).init(&init.at("out")),
            usual: Usual::new(init),
            notes,
        }
    }

    /// See [`super::GeneratorNetwork::forward`].
    pub fn forward(&self, z: Tensor<2>, told: Option<&Tensor<2>>) -> Tensor<4> {
        let ([batch, latent], device) = (z.dims(), z.device());
        let each = latent / self.notes;
        let zeros = |l: &Lstm| LstmState::zeros(batch, l.units(), &device);
        let mut states: Vec<LstmState> = self.layers.iter().map(zeros).collect();
        let mut last = Tensor::zeros([batch, self.out.weight.dims()[1]], &device);
        let mut notes = Vec::with_capacity(self.notes);
        for i in 0..self.notes {
            let mut inputs = vec![z.clone().narrow(1, i * each, each), last];
            inputs.extend(told.cloned());
            let mut x = Tensor::cat(inputs, 1);
            for (layer, state) in self.layers.iter().zip(&mut states) {
                *state = layer.step(x, state.clone());
                x = state.hidden.clone();
            }
            last = self.out.forward(x, Activation::Identity);
            notes.push(self.usual.outwards(last.clone()));
        }
        let numbers = last.dims()[1];
        Tensor::cat(notes, 1).reshape([batch, 1, self.notes, numbers])
    }
}

/// Notes -> layers in both directions -> the mean over all notes.
#[derive(Module, Debug)]
pub struct Trunk {
    forwards: Vec<Lstm>,
    backwards: Vec<Lstm>,
    usual: Usual,
}

impl Trunk {
    pub(super) fn new(s: &Sizes, [_, _, numbers]: [usize; 3], init: &Init) -> Self {
        Trunk {
            forwards: stack(s, numbers, 2 * s.width, &init.at("forwards")),
            backwards: stack(s, numbers, 2 * s.width, &init.at("backwards")),
            usual: Usual::new(init),
        }
    }

    /// See [`super::TrunkNetwork::layers`]. A head that reads off the mean over notes is the mean of what it says of each, as the paper
    /// has it. A direction is not carried along: no penalty of gradients goes with these networks.
    pub fn layers(&self, x: Dual<4>) -> (Vec<Dual<4>>, Dual<2>) {
        let [batch, rows, notes, numbers] = x.value.dims();
        let (count, x) = (batch * rows, x.value);
        let usual = self.usual.inwards(x.reshape([count * notes, numbers]));
        let mut x = usual.reshape([count, notes, numbers]);
        let mut seen = vec![];
        for (forwards, backwards) in self.forwards.iter().zip(&self.backwards) {
            x = Tensor::cat(
                vec![forwards.forward(x.clone(), false), backwards.forward(x, true)],
                2,
            );
            let [_, _, units] = x.dims();
            seen.push(Dual::from(x.clone().reshape([batch, rows, notes, units])));
        }
        let [_, _, units] = x.dims();
        (seen, x.mean_dim(1).reshape([batch, rows * units]).into())
    }

    /// See [`super::TrunkNetwork::features`].
    pub fn features(&self) -> usize {
        self.forwards.last().map_or(0, |l| 2 * l.units())
    }

    pub(super) fn head(&self, outputs: usize, init: &Init) -> Linear {
        Linear::of([self.features(), outputs]).init(&init.at("score"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use menagerie_data::Key;
    use menagerie_nn::{number, numbers};

    const NOTES: usize = 6;

    fn sizes() -> Sizes {
        Sizes {
            latent: 2 * NOTES,
            width: 5,
            layers: 2,
            average: 0.0,
        }
    }

    /// A note is made of the latents up to its own, and through the notes before of theirs, not of those that come.
    #[test]
    fn a_note_follows_from_those_before() {
        let init = Init::new(Key::new(1), &Device::flex());
        let g = Generator::new(&sizes(), [1, NOTES, 4], Told::default(), &init);
        let made = |changed: usize| {
            let z: Vec<f32> = (0..2 * NOTES)
                .map(|i| if i == changed { 2.0 } else { 0.1 })
                .collect();
            numbers(g.forward(
                Tensor::<1>::from_floats(&z[..], &Device::flex()).reshape([1, 2 * NOTES]),
                None,
            ))
        };
        let usual = made(2 * NOTES);
        for note in 0..NOTES {
            let other = made(2 * note + 1);
            let same = |i: usize| usual[4 * i..4 * i + 4] == other[4 * i..4 * i + 4];
            assert!(
                (0..NOTES).all(|i| same(i) == (i < note)),
                "{note}: {usual:?} {other:?}"
            );
        }
    }

    /// Every note is seen with those on either side: what the discriminator makes of any note depends on all of them.
    #[test]
    fn pieces_are_read_both_ways() {
        let device = Device::flex().autodiff();
        let d = Trunk::new(&sizes(), [1, NOTES, 4], &Init::new(Key::new(2), &device));
        let piece: Vec<f32> = (0..NOTES)
            .flat_map(|i| [1.0, 60.0 + i as f32, 0.5, 1.0])
            .collect();
        let x = Tensor::<1>::from_floats(&piece[..], &device)
            .reshape([1, 1, NOTES, 4])
            .require_grad();
        let (seen, features) = d.layers(x.clone().into());
        assert_eq!(features.value.dims(), [1, d.features()]);
        let middle = seen[1].value.clone().narrow(2, NOTES / 2, 1).sum();
        let g = x.grad(&middle.backward()).expect("a gradient");
        for note in 0..NOTES {
            assert!(
                number(g.clone().narrow(2, note, 1).abs().sum()) > 0.0,
                "note {note}"
            );
        }
    }
}

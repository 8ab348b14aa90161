//! Networks of videos. Frames lie below each other, `[batch, frames * height, width, channel]`, as everything of the family is an
//! image to its game.
//!
//! Two generators: a recurrent one, whose frames share a content and follow a path of motions (Tulyakov et al. 2018, MoCoGAN,
//! arXiv:1707.04993), and one of convolutions over time, a foreground before a background that stands still (Vondrick et al. 2016,
//! VGAN, arXiv:1609.02612, equation 4). One discriminator of whole videos by convolutions over time, and beside it, as MoCoGAN has
//! it, one of single frames; each has scores of its own.
use super::conv3d::{Fall, Rise, STD};
use super::{Told, dcgan};
use burn::module::Module;
use burn::tensor::Tensor;
use menagerie_data::error::{Error, Result};
use menagerie_data::{DataInfo, Kind};
use menagerie_nn::{Activation, Dual, Init, Linear, activation, activations};
use serde::{Deserialize, Serialize};

/// `[model]`: the networks' sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// `recurrent`, or `convolution` for a foreground before a still background
    pub dynamics: Dynamics,
    /// dimensions of a latent: of `recurrent`, `motion` numbers for each frame, and the others say what stays the same
    pub latent: usize,
    /// numbers of a frame's motion, and of the noise that moves it on (paper: 10)
    pub motion: usize,
    /// channels at half a frame's size; they double with every halving, up to eight times as many
    pub width: usize,
    /// whether frames are judged one by one, too
    pub judge_frames: bool,
    /// decay of the generator's moving average; 0 for none
    pub average: f64,
}

/// How frames follow each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dynamics {
    /// a content that stays, and motions that a recurrent network makes of noise
    #[default]
    Recurrent,
    /// all at once: a foreground made by convolutions over time, in front of one still background
    Convolution,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            dynamics: Dynamics::Recurrent,
            latent: 150,
            motion: 10,
            width: 32,
            judge_frames: true,
            average: 0.0,
        }
    }
}

/// `[frames, height, width, channel]` of videos.
pub(super) fn shape(info: &DataInfo) -> [usize; 4] {
    match info.shape[..] {
        [t, h, w, c] => [t, h, w, c],
        _ => [1, 1, 1, info.shape.iter().product()],
    }
}

impl Sizes {
    /// Refuses what is no video, and latents without a content.
    ///
    /// # Errors
    /// [`Error::Data`] or [`Error::Recipe`].
    pub(super) fn fits(&self, model: &str, info: &DataInfo) -> Result<()> {
        if info.kind != Kind::Video {
            let problem = format!("{model} draws videos, but these are {}", info.kind.plural());
            let fix = "choose a source of videos, such as portraits with data.frames, or a folder of clips";
            return Err(Error::data(&info.source, problem, fix));
        }
        let [t, h, w, _] = shape(info);
        if h.min(w) < 8 {
            let problem = format!("frames of {h}x{w} are too small for strided convolutions");
            return Err(Error::data(
                &info.source,
                problem,
                "enlarge them with --size 8 or more",
            ));
        }
        let moving = t.saturating_mul(self.motion);
        if self.dynamics == Dynamics::Recurrent && self.latent <= moving {
            let problem = format!(
                "{t} frames take {} numbers of motion each, and of {} none is left for what stays",
                self.motion, self.latent
            );
            let fix = format!("give {} or more, or a smaller model.motion", moving + 1);
            return Err(Error::recipe("model.latent", problem, fix));
        }
        Ok(())
    }

    fn of_frames(&self, latent: usize) -> dcgan::Sizes {
        dcgan::Sizes {
            latent,
            width: self.width,
            ..dcgan::Sizes::default()
        }
    }
}

/// See the module.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)] // each variant is the network of its name
pub enum Generator {
    /// MoCoGAN's
    Recurrent(Recurrent),
    /// VGAN's
    Streams(Streams),
}

impl Generator {
    pub(super) fn new(s: &Sizes, shape: [usize; 4], init: &Init) -> Self {
        match s.dynamics {
            Dynamics::Recurrent => Generator::Recurrent(Recurrent::new(s, shape, init)),
            Dynamics::Convolution => Generator::Streams(Streams::new(s, shape, init)),
        }
    }

    /// See [`super::GeneratorNetwork::forward`].
    pub fn forward(&self, z: Tensor<2>) -> Tensor<4> {
        match self {
            Generator::Recurrent(g) => g.forward(z),
            Generator::Streams(g) => g.forward(z),
        }
    }

    /// How much of a video the foreground covers, the mean over all pixels, shape `[1]`, where there is one (equation 4's m(z)).
    pub fn covered(&self, z: Tensor<2>) -> Option<Tensor<1>> {
        match self {
            Generator::Recurrent(_) => None,
            Generator::Streams(g) => Some(g.foreground(z).1.mean()),
        }
    }
}

/// A content, and a path of motions: frame t is made of both.
#[derive(Module, Debug)]
pub struct Recurrent {
    gates: Linear,
    candidate: Linear,
    frame: dcgan::Generator,
    frames: usize,
    motion: usize,
}

impl Recurrent {
    fn new(s: &Sizes, [frames, h, w, c]: [usize; 4], init: &Init) -> Self {
        let m = s.motion;
        let content = s.latent - frames * m;
        Recurrent {
            gates: Linear::of([2 * m, 2 * m]).init(&init.at("gates")),
            candidate: Linear::of([2 * m, m]).init(&init.at("candidate")),
            frame: dcgan::Generator::new(
                &s.of_frames(content + m),
                [h, w, c],
                Told::default(),
                &init.at("frame"),
            ),
            frames,
            motion: m,
        }
    }

    /// A gated recurrent unit (Cho et al. 2014, arXiv:1406.1078): h' = (1 - u) h + u tanh(W [e, r h]), (u, r) = s(V [e, h]).
    fn moved(&self, e: Tensor<2>, h: Tensor<2>) -> Tensor<2> {
        let both = Tensor::cat(vec![e.clone(), h.clone()], 1);
        let gates = activation(
            self.gates.forward(both, Activation::Identity),
            Activation::Sigmoid,
        );
        let [update, reset] = [0, 1].map(|i| gates.clone().narrow(1, i * self.motion, self.motion));
        let both = Tensor::cat(vec![e, reset * h.clone()], 1);
        let new = activation(
            self.candidate.forward(both, Activation::Identity),
            Activation::Tanh,
        );
        activations::keep(h.clone() + update * (new - h))
    }

    fn forward(&self, z: Tensor<2>) -> Tensor<4> {
        let [batch, latent] = z.dims();
        let (t, m) = (self.frames, self.motion);
        let content = z.clone().narrow(1, 0, latent - t * m);
        let noise = |i: usize| z.clone().narrow(1, latent - (t - i) * m, m);
        let mut motion = noise(0) * 0.0;
        let mut frames = Vec::with_capacity(t);
        for i in 0..t {
            motion = self.moved(noise(i), motion);
            frames.push(Tensor::cat(vec![content.clone(), motion.clone()], 1));
        }
        // [batch, frames * numbers], which is a row a frame.
        let rows = Tensor::cat(frames, 1).reshape([batch * t, latent - t * m + m]);
        let made = self.frame.forward(rows, None);
        let [_, h, w, c] = made.dims();
        made.reshape([batch, t * h, w, c])
    }
}

/// m(z) f(z) + (1 - m(z)) b(z): a foreground and its mask by convolutions over time, and one background for all frames.
#[derive(Module, Debug)]
pub struct Streams {
    foreground: Rise,
    background: dcgan::Generator,
    frames: usize,
}

impl Streams {
    fn new(s: &Sizes, [t, h, w, c]: [usize; 4], init: &Init) -> Self {
        let background = s.of_frames(s.latent);
        Streams {
            // The colours, and how much of them is seen.
            foreground: Rise::new(s.latent, s.width, [t, h, w, c + 1], &init.at("foreground")),
            background: dcgan::Generator::new(
                &background,
                [h, w, c],
                Told::default(),
                &init.at("background"),
            ),
            frames: t,
        }
    }

    /// The foreground, and its mask of one channel, `[batch, frames * height, width, channel]`.
    fn foreground(&self, z: Tensor<2>) -> (Tensor<4>, Tensor<4>) {
        let all = self.foreground.forward(z);
        let colours = all.dims()[3] - 1;
        let made = activation(all.clone().narrow(3, 0, colours), Activation::Tanh);
        (made, activation(all.narrow(3, colours, 1), Activation::Sigmoid))
    }

    fn forward(&self, z: Tensor<2>) -> Tensor<4> {
        let behind = self.background.forward(z.clone(), None);
        let behind = Tensor::cat(vec![behind; self.frames], 1);
        let (made, mask) = self.foreground(z);
        activations::keep(behind.clone() + mask * (made - behind))
    }
}

/// Whole videos by convolutions over time, and single frames: the scores of both.
#[derive(Module, Debug)]
pub struct Trunk {
    whole: Fall,
    score: Linear,
    frame: Option<dcgan::Trunk>,
    frame_score: Option<Linear>,
    frames: usize,
}

impl Trunk {
    pub(super) fn new(s: &Sizes, [t, h, w, c]: [usize; 4], init: &Init) -> Self {
        let score = |units: usize, name: &str| Linear::of([units, 1]).weights(STD).init(&init.at(name));
        let frame = s
            .judge_frames
            .then(|| dcgan::Trunk::new(&s.of_frames(1), [h, w, c], &init.at("frame")));
        let whole = Fall::new(s.width, [t, h, w, c], true, &init.at("whole"));
        Trunk {
            score: score(whole.features(), "score"),
            whole,
            frame_score: frame.as_ref().map(|f| score(f.features(), "frame score")),
            frame,
            frames: t,
        }
    }

    /// What each layer sees, and the scores `[batch, scores]`: of the video alone, or of every frame and as often of the video, so
    /// that both weigh the same.
    pub fn layers(&self, x: Dual<4>) -> (Vec<Dual<4>>, Dual<2>) {
        let (seen, features) = self.whole.layers(x.clone());
        let score = self.score.dual(features, Activation::Identity);
        let (Some(frame), Some(head)) = (&self.frame, &self.frame_score) else {
            return (seen, score);
        };
        let t = self.frames;
        let (_, features) = frame.layers(x.linear(|x| {
            let [batch, rows, w, c] = x.dims();
            x.reshape([batch * t, rows / t, w, c])
        }));
        let frames = head.dual(features, Activation::Identity);
        let frames = frames.linear(|s| {
            let [rows, _] = s.dims();
            s.reshape([rows / t, t])
        });
        let often = score.linear(|s| Tensor::cat(vec![s; t], 1));
        (seen, frames.cat(often, 1))
    }

    /// Scores of a video.
    pub fn features(&self) -> usize {
        if self.frame.is_some() { 2 * self.frames } else { 1 }
    }

    pub(super) fn head(&self, outputs: usize, init: &Init) -> Linear {
        let of = Linear::of([self.features(), outputs]).weights(STD);
        of.init(&init.at("logit"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use menagerie_data::Key;
    use menagerie_nn::numbers;

    fn sizes(dynamics: Dynamics, latent: usize) -> Sizes {
        Sizes {
            dynamics,
            latent,
            motion: 2,
            width: 2,
            ..Sizes::default()
        }
    }

    /// In use, where an item is not normalized by the others of its batch.
    fn generator(dynamics: Dynamics, shape: [usize; 4]) -> Generator {
        let s = sizes(dynamics, 4 + 2 * shape[0]);
        let device = Device::flex().autodiff();
        Generator::new(&s, shape, &Init::new(Key::new(1), &device)).valid()
    }

    /// Odd sizes too: what is made has the data's shape, and is judged.
    #[test]
    fn any_size_and_any_number_of_frames() {
        for shape @ [t, h, w, c] in [[1, 8, 8, 1], [5, 9, 13, 3], [8, 16, 16, 1], [10, 8, 12, 2]] {
            for dynamics in [Dynamics::Recurrent, Dynamics::Convolution] {
                let z = Tensor::ones([3, 4 + 2 * t], &Device::flex());
                let x = generator(dynamics, shape).forward(z);
                assert_eq!(x.dims(), [3, t * h, w, c]);
                for judge_frames in [true, false] {
                    let s = Sizes {
                        judge_frames,
                        ..sizes(dynamics, 4)
                    };
                    let d = Trunk::new(&s, shape, &Init::new(Key::new(2), &Device::flex()));
                    let scores = d.layers(x.clone().into()).1.value;
                    assert_eq!(scores.dims(), [3, d.features()]);
                }
            }
        }
    }

    /// A frame is made of the content and of the motions up to it, not of those that come.
    #[test]
    fn motions_follow_each_other() {
        let (t, side) = (4, 8);
        let Generator::Recurrent(g) = generator(Dynamics::Recurrent, [t, side, side, 1]) else {
            unreachable!("asked for");
        };
        let z = |changed: usize| {
            let mut z = vec![0.3; 4 + 2 * t];
            z[changed] = -1.0;
            Tensor::<1>::from_floats(&z[..], &Device::flex()).reshape([1, 4 + 2 * t])
        };
        let usual = numbers(g.forward(z(4)));
        let differ = |changed: usize| -> Vec<bool> {
            let other = numbers(g.forward(z(changed)));
            let pairs = usual.chunks(side * side).zip(other.chunks(side * side));
            pairs.map(|(a, b)| a != b).collect()
        };
        // Both differ in the first motion; the third says nothing of the first two frames.
        let of_third = {
            let mut both = vec![0.3; 4 + 2 * t];
            (both[4], both[8]) = (-1.0, -1.0);
            let both = Tensor::<1>::from_floats(&both[..], &Device::flex()).reshape([1, 4 + 2 * t]);
            let other = numbers(g.forward(both));
            let pairs = usual.chunks(side * side).zip(other.chunks(side * side));
            pairs.map(|(a, b)| a != b).collect::<Vec<_>>()
        };
        assert_eq!(of_third, [false, false, true, true]);
        assert_eq!(differ(0), [true; 4]);
    }
}

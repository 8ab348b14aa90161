//! What a model may be able to do: a trait for each thing that its mathematics gives it.
use crate::attack::Method;
use burn::tensor::Tensor;
use menagerie_data::environments::Environment;
use menagerie_data::error::Result;

use menagerie_data::random::Key;
use menagerie_data::{Batch, Kind};
use serde::{Deserialize, Serialize};

pub use crate::autoregressive::Factors;

/// What to draw.
#[derive(Clone, Copy, Debug)]
pub struct SampleRequest {
    /// how many
    pub count: usize,
    /// sample i is a function of the key and i
    pub key: Key,
    /// the class to draw from, for conditional models
    pub label: Option<u32>,
    /// scales the latents towards their mean; 1 is the prior as trained
    pub truncation: f64,
    /// steps of a sequence, from models that can go on beyond what they were trained on; as trained where `None`
    pub length: Option<usize>,
    /// logits are divided by this, or a flow's latents multiplied: below 1 for more typical, less varied samples; 1 is the
    /// distribution as trained
    pub temperature: f64,
}

impl SampleRequest {
    /// `count` samples of the whole distribution.
    pub fn new(count: usize, key: Key) -> Self {
        SampleRequest {
            count,
            key,
            label: None,
            truncation: 1.0,
            temperature: 1.0,
            length: None,
        }
    }
}

/// Items that a model made, in the data's own terms.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    /// images in [-1, 1], or points
    pub kind: Kind,
    /// `[count, ...item shape]`
    pub shape: Vec<usize>,
    /// row-major
    pub values: Vec<f32>,
}

/// Draws new items.
pub trait Sample {
    /// Draws `request.count` items; the same for the same key, and a prefix of a longer draw.
    ///
    /// # Errors
    /// [`menagerie_data::Error::Usage`] when the request names a class and the model has none.
    fn sample(&self, request: &SampleRequest) -> Result<Samples>;
}

/// A latent space with a prior.
pub trait LatentSpace {
    /// Dimensions of a latent.
    fn latent(&self) -> usize;
    /// Dimensions that stand together for a choice: in a draw one of them is one and the others are zero.
    fn choices(&self) -> Vec<std::ops::Range<usize>> {
        vec![]
    }
    /// Draws from the prior, `[count, latent]`; row i is a function of the key and i.
    fn prior(&self, count: usize, key: Key) -> Tensor<2>;
    /// Latents `[count, latent]` -> items `[count, ...]` in the data's own terms.
    fn decode(&self, latents: Tensor<2>) -> Result<Samples>;
    /// The same, truncated as [`Sample::sample`] truncates: `psi` 1 is as trained, 0 the mean.
    ///
    /// # Errors
    /// Those of [`LatentSpace::decode`].
    fn decode_truncated(&self, latents: Tensor<2>, psi: f64) -> Result<Samples> {
        self.decode(latents * psi)
    }
    /// What is drawn on the way, from the first stage to the last, which is the item itself; images of early stages may be smaller.
    /// Nothing where items are drawn at once.
    ///
    /// # Errors
    /// Those of [`LatentSpace::decode`].
    fn stages(&self, _latents: Tensor<2>) -> Result<Vec<Samples>> {
        Ok(vec![])
    }
    /// What the first layer makes of a latent: its weights, `[latent, outputs]`, where there is one such layer.
    fn first_weights(&self) -> Option<Tensor<2>> {
        None
    }
    /// A decoder through which gradients come back.
    fn differentiable(&self) -> Option<Decoder<2>> {
        None
    }
    /// Where latents are mapped to styles first: the space of these.
    fn as_styles(&self) -> Option<&dyn Styles> {
        None
    }
}

/// A latent space under classes: what a latent is decoded to depends on a class, and on any mixture of classes as well.
pub trait ClassMixtures {
    /// Dimensions of a latent.
    fn latent(&self) -> usize;
    /// Names of the classes.
    fn classes(&self) -> &[String];
    /// Latents `[count, latent]` and classes `[count, classes]`, a one among zeros, as [`Sample::sample`] draws them by this key where no
    /// class is asked for; row i is a function of the key and i.
    fn prior(&self, count: usize, key: Key) -> [Tensor<2>; 2];
    /// Latents `[count, latent]` and shares of classes `[count, classes]` -> items `[count, ...]` in the data's own terms. A class alone has
    /// the share 1; between classes the generator hears the mean of what it hears of each.
    ///
    /// # Errors
    /// [`menagerie_data::Error::Usage`] for latents or shares of another size.
    fn decode(&self, latents: Tensor<2>, shares: Tensor<2>) -> Result<Samples> {
        self.decode_truncated(latents, shares, 1.0)
    }
    /// The same, truncated as [`Sample::sample`] truncates: `psi` 1 is as trained, 0 the mean.
    ///
    /// # Errors
    /// Those of [`ClassMixtures::decode`].
    fn decode_truncated(&self, latents: Tensor<2>, shares: Tensor<2>, psi: f64) -> Result<Samples>;
    /// Where latents are mapped to styles first: the space of these, whose `style_of` takes latents with the shares of classes behind
    /// them, `[count, latent + classes]`. It is styles that are truncated then.
    fn as_styles(&self) -> Option<&dyn Styles> {
        None
    }
    /// What the first layer makes of a latent, whatever its class: its weights, `[latent, outputs]`, where there is one such layer.
    fn first_weights(&self) -> Option<Tensor<2>> {
        None
    }
}

/// Latents (or styles) on a device with autodiff -> images `[count, height, width, channel]` in [-1, 1].
pub type Decoder<const D: usize> = Box<dyn Fn(Tensor<D>) -> Tensor<4>>;

/// A space of styles behind that of latents, of which every place in the decoder may take one of its own (Karras et al. 2019,
/// arXiv:1812.04948: W, and W+).
pub trait Styles {
    /// Numbers of a style.
    fn style(&self) -> usize;
    /// Places in the decoder that take a style, from coarse to fine.
    fn places(&self) -> usize;
    /// Latents `[count, latent]` -> styles `[count, style]`.
    fn style_of(&self, latents: Tensor<2>) -> Tensor<2>;
    /// The mean style, `[1, style]`.
    fn centre(&self) -> Tensor<2>;
    /// What all places make of a style: the weights that read it, `[style, outputs]`.
    fn style_weights(&self) -> Tensor<2>;
    /// Styles `[count, places, style]` -> items in the data's own terms.
    ///
    /// # Errors
    /// [`menagerie_data::Error::Usage`] for styles of another shape.
    fn decode_styles(&self, styles: Tensor<3>) -> Result<Samples>;
    /// A decoder of styles through which gradients come back.
    fn differentiable_styles(&self) -> Decoder<3>;
}

/// A tractable likelihood: autoregressive models and flows.
pub trait LogLikelihood {
    /// ln p(x) of every item of a batch, in nats: a probability for discrete data, a density for continuous ones, of the
    /// data in their own units (8-bit images: a density over [0, 256)). What is drawn on the way (dequantization,
    /// dynamic binarization) is drawn for item `i` of the data set from `key.step(i)`: an item's figure does not depend
    /// on its batch.
    ///
    /// # Errors
    /// [`menagerie_data::Error::Usage`] when the batch does not have the shape the model was built for.
    fn log_likelihood(&self, batch: &Batch, key: Key) -> Result<Vec<f64>>;
    /// Numbers of an item that are modelled: bits per dimension are nats over ln 2 and over this.
    fn dimensions(&self) -> usize;
    /// Standard error that the figures of all items share, in nats, where a normalizer had to be estimated.
    fn common_error(&self) -> f64 {
        0.0
    }
}

/// A lower bound of the likelihood, by importance weights: variational autoencoders.
pub trait EvidenceBound {
    /// With K = `samples`: E log (1/K) sum_k p(x, z_k) / q(z_k | x) of every item, in nats (Burda et al. 2016, equation 8);
    /// K = 1 is the evidence lower bound. Units and keys as for [`LogLikelihood::log_likelihood`].
    ///
    /// # Errors
    /// [`menagerie_data::Error::Usage`] when the batch does not have the shape the model was built for.
    fn evidence_bound(&self, batch: &Batch, samples: usize, key: Key) -> Result<Vec<f64>>;
    /// Numbers of an item that are modelled.
    fn dimensions(&self) -> usize;
    /// Standard error that the figures of all items share, in nats, where a normalizer had to be estimated.
    fn common_error(&self) -> f64 {
        0.0
    }
}

/// The way from an item to its latent: the mean of q(z | x), or a flow's inverse.
pub trait Encode {
    /// `[batch, latent]`, as [`LatentSpace::decode`] takes them.
    ///
    /// # Errors
    /// [`menagerie_data::Error::Usage`] when the batch does not have the shape the model was built for.
    fn encode(&self, batch: &Batch) -> Result<Tensor<2>>;
    /// So many draws of q(z | x) for each item, `[batch, draws, latent]`, where the encoder draws; what is drawn for item `i` of the data
    /// set is drawn from `key.step(i)`.
    ///
    /// # Errors
    /// Those of [`Encode::encode`].
    fn draw(&self, _batch: &Batch, _draws: usize, _key: Key) -> Result<Option<Tensor<3>>> {
        Ok(None)
    }
}

/// An item, and what came back.
#[derive(Clone, Debug)]
pub struct Reconstruction {
    /// what the model was shown, where that is not the item itself: corrupted, or binarized
    pub shown: Option<Samples>,
    /// what it gave back
    pub output: Samples,
}

/// Gives back an item through what the model keeps of it.
pub trait Reconstruct {
    /// One output an item. What is drawn on the way is drawn for item `i` from `key.step(i)`.
    ///
    /// # Errors
    /// [`menagerie_data::Error::Usage`] when the batch does not have the shape the model was built for.
    fn reconstruct(&self, batch: &Batch, key: Key) -> Result<Reconstruction>;
}

/// Fills in what is missing of an item.
pub trait Complete {
    /// Draws what is unknown given what is known. `known` has one entry a position (row by row for an image, all channels of
    /// a pixel together); known positions come back as they were, in the model's own levels.
    ///
    /// # Errors
    /// [`menagerie_data::Error::Usage`] when the batch or the mask does not have the shape the model was built for.
    fn complete(&self, batch: &Batch, known: &[bool], key: Key) -> Result<Samples>;
    /// Whether numbers of a batch that are none (NaN) count as unknown, too.
    fn takes_missing(&self) -> bool {
        false
    }
}

/// Goes on from a condition: later frames from earlier ones, colour from grey.
pub trait Predict {
    /// Frames of a video that are the least it goes on from; 0 where the condition is no video.
    fn context(&self) -> usize {
        0
    }
    /// What is given of the items of a batch, as it can be shown: a grey image, the left one of a pair, the first frames; `None`
    /// where it cannot, as a class.
    ///
    /// # Errors
    /// Those of [`Predict::predict`].
    fn condition(&self, _batch: &Batch) -> Result<Option<Samples>> {
        Ok(None)
    }
    /// One draw an item, given its condition; what is drawn for item `i` of the data set is drawn from `key.step(i)`. For video the first frames of the batch's items are the condition and
    /// `frames` are added, which alone are given back; other models take no `frames` (0).
    ///
    /// # Errors
    /// [`menagerie_data::Error::Usage`] when the batch does not have the shape the model was built for, or fewer frames than it needs.
    fn predict(&self, batch: &Batch, frames: usize, key: Key) -> Result<Samples>;
    /// Whether it draws: two answers to a condition differ.
    fn draws(&self) -> bool {
        true
    }
    /// The answer that it gives where nothing is drawn, one an item, of models of sentences; `None` of others.
    ///
    /// # Errors
    /// Those of [`Predict::predict`].
    fn likeliest(&self, _batch: &Batch) -> Result<Option<Samples>> {
        Ok(None)
    }
}

/// Which way an image is translated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    /// from the first side (the left image of a pair) to the second
    #[default]
    #[serde(rename = "a2b")]
    AToB,
    /// from the second side to the first
    #[serde(rename = "b2a")]
    BToA,
}

impl Direction {
    /// Both.
    pub const ALL: [Direction; 2] = [Direction::AToB, Direction::BToA];

    /// Its name on the command line and in recipes.
    pub fn name(self) -> &'static str {
        match self {
            Direction::AToB => "a2b",
            Direction::BToA => "b2a",
        }
    }

    /// The side that images come from: 0 or 1.
    pub fn from(self) -> usize {
        self as usize
    }

    /// The side that they are translated to.
    pub fn to(self) -> usize {
        1 - self.from()
    }

    /// The way back.
    pub fn back(self) -> Direction {
        Direction::ALL[self.to()]
    }
}

impl std::str::FromStr for Direction {
    type Err = menagerie_data::Error;

    fn from_str(text: &str) -> Result<Direction> {
        let found = Direction::ALL.into_iter().find(|d| d.name() == text);
        found.ok_or_else(|| {
            menagerie_data::Error::usage(
                format!("there is no direction `{text}`"),
                "give a2b, from the first side to the second, or b2a",
            )
        })
    }
}

/// What images are to become.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wish<'a> {
    /// of models of two sides: which way
    pub direction: Direction,
    /// of models of domains: what an image is to show, and how much of it (0 none, 1 as the domain has it)
    pub to: &'a [(String, f32)],
    /// of models of styles: an image of the side asked for, alone in its batch and of any size, whose style images are to have;
    /// a style is drawn for each where there is none
    pub reference: Option<&'a Batch>,
}

impl Wish<'_> {
    /// The other side.
    pub fn side(direction: Direction) -> Self {
        Wish {
            direction,
            ..Wish::default()
        }
    }
}

/// Turns images of one domain into images of another.
pub trait Translate {
    /// The directions that it has learned, the usual one first; none of a model of domains.
    fn directions(&self) -> &[Direction];
    /// Names of the domains of a model of these; none of a model of two sides.
    fn domains(&self) -> &[String] {
        &[]
    }
    /// Whether it draws: two translations of an image differ.
    fn draws(&self) -> bool {
        false
    }
    /// Whether translations take the style of a reference.
    fn takes_reference(&self) -> bool {
        false
    }
    /// Channels of an image, of either side.
    fn channels(&self) -> usize;
    /// Height and width of images, of models that know one size alone.
    fn size(&self) -> Option<[usize; 2]> {
        None
    }
    /// Images `[batch, height, width, channel]`, of any size or that one, as what is wished, of the same size. What is drawn for item `i` of
    /// the data set is drawn from `key.step(i)`.
    ///
    /// # Errors
    /// [`menagerie_data::Error::Usage`] for a direction that was not learned, a domain or a kind of wish that it does not know,
    /// for what are no images with these channels, and for a reference that is none or is not one.
    fn translate(&self, images: &Batch, wish: &Wish, key: Key) -> Result<Samples>;
}

/// Makes images of descriptions.
pub trait Illustrate {
    /// Every word that it has met.
    fn words(&self) -> &[String];
    /// Words of a text that it has not met, which it passes over.
    fn unknown(&self, text: &str) -> Vec<String> {
        let known = |w: &String| self.words().binary_search(w).is_ok();
        menagerie_data::words_of(text).filter(|w| !known(w)).collect()
    }
    /// An image of each text; what is drawn for the i-th is drawn from `key.step(i)`.
    ///
    /// # Errors
    /// [`menagerie_data::Error::Usage`] for a text of which it knows no word.
    fn illustrate(&self, texts: &[String], key: Key) -> Result<Samples>;
    /// How well each text fits the image of the same place in a batch; more is better, one with another.
    ///
    /// # Errors
    /// The same, and [`menagerie_data::Error::Usage`] for images of another size.
    fn fits(&self, images: &Batch, texts: &[String]) -> Result<Vec<f32>>;
    /// How close each image lies to each text, by encoders of both, `[images, texts]`.
    ///
    /// # Errors
    /// The same.
    fn closeness(&self, images: &Batch, texts: &[String]) -> Result<Vec<f32>>;
}

/// Tells the class of an item.
pub trait Classify {
    /// Logarithms of class probabilities, `[batch, classes]`.
    ///
    /// # Errors
    /// [`menagerie_data::Error::Usage`] when the batch does not have the shape the model was built for.
    fn log_probabilities(&self, batch: &Batch) -> Result<Vec<f32>>;
    /// Names of the classes.
    fn classes(&self) -> &[String];
}

/// Says at which parameters a simulator may have been run, given what it gave.
pub trait Infer {
    /// Which columns of a row are parameters.
    fn parameters(&self) -> &[usize];
    /// So many draws of the parameters for each row of a batch, whose own parameters are not looked at: `[rows, draws, parameters]`, in the
    /// simulator's units. What is drawn for item `i` of the data set is drawn from `key.step(i)`.
    ///
    /// # Errors
    /// [`menagerie_data::Error::Usage`] when the batch does not have the shape the model was built for.
    fn infer(&self, batch: &Batch, draws: usize, key: Key) -> Result<Vec<f32>>;
}

/// Acts in an environment.
pub trait Act {
    /// Where it acts.
    fn environment(&self) -> &'static dyn Environment;
    /// The probabilities of the actions in these states, `[states, actions]`.
    fn act(&self, states: &[&[f64]]) -> Vec<f32>;
}

/// Changes images, within a bound, so that a classifier is misled.
pub trait Attack {
    /// The largest change of a pixel, of pixels in [0, 1].
    fn epsilon(&self) -> f64;
    /// The ways in which it can, its own first.
    fn methods(&self) -> &[Method];
    /// Images changed so that they are not taken for their classes (those of the batch, or what the classifier takes them for). What
    /// is drawn for item `i` of the data set is drawn from `key.step(i)`.
    ///
    /// # Errors
    /// [`menagerie_data::Error::Usage`] when the batch does not have the shape the model was built for.
    fn attack(&self, batch: &Batch, method: Method, key: Key) -> Result<Samples>;
}

/// Takes out of images what misleads a classifier.
pub trait Defend {
    /// Images without it.
    ///
    /// # Errors
    /// [`menagerie_data::Error::Usage`] when the batch does not have the shape the model was built for.
    fn defend(&self, batch: &Batch) -> Result<Samples>;
}

/// Says how unusual an item is.
pub trait Anomaly {
    /// A score of every item of a batch: the larger, the less it is like what was learned from. What is drawn on the way for item
    /// `i` of the data set is drawn from `key.step(i)`.
    ///
    /// # Errors
    /// [`menagerie_data::Error::Usage`] when the batch does not have the shape the model was built for.
    fn anomaly(&self, batch: &Batch, key: Key) -> Result<Vec<f64>>;
}

/// Sorts items into groups that nobody has named.
pub trait Cluster {
    /// Logarithms of the groups' probabilities, `[batch, groups]`.
    ///
    /// # Errors
    /// [`menagerie_data::Error::Usage`] when the batch does not have the shape the model was built for.
    fn group_log_probabilities(&self, batch: &Batch) -> Result<Vec<f32>>;
    /// How many groups.
    fn groups(&self) -> usize;
}

/// Reads off an item the attributes it was made from.
pub trait ReadAttributes {
    /// `[batch, attributes]`, row by row, in the units of the data's own attributes; choices are whole numbers.
    ///
    /// # Errors
    /// [`menagerie_data::Error::Usage`] when the batch does not have the shape the model was built for.
    fn attributes(&self, batch: &Batch) -> Result<Vec<f32>>;
    /// Names of the attributes.
    fn names(&self) -> &[String];
}

/// Makes items of which a number, as a network of its own predicts it, is high.
pub trait Maximize {
    /// Names of the numbers that it can raise.
    fn goals(&self) -> &[String];
    /// `count` items as they are drawn, and what becomes of them when their latents climb to where number `goal` is predicted to be
    /// higher; of sequences at every place the likeliest letter. Pair i is a function of the key and i.
    ///
    /// # Errors
    /// [`menagerie_data::Error::Usage`] for a goal past the end.
    fn maximize(&self, goal: usize, count: usize, key: Key) -> Result<[Samples; 2]>;
}

/// Turns items into features for another use: a metric, a classifier.
pub trait Features {
    /// `[batch, features]`, row by row.
    ///
    /// # Errors
    /// [`menagerie_data::Error::Usage`] when the batch does not have the shape the model was built for.
    fn features(&self, batch: &Batch) -> Result<Vec<f32>>;
    /// Features of an item.
    fn width(&self) -> usize;
    /// Features of every layer, from the first to the last: the layer's name, which is the same for every batch, and
    /// `[batch, its features]` row by row. Outputs of convolutions come through [`pooled`]. A model that does not say
    /// more has one layer, `features`.
    ///
    /// # Errors
    /// Those of [`Features::features`].
    fn layers(&self, batch: &Batch) -> Result<Vec<(String, Vec<f32>)>> {
        Ok(vec![("features".into(), self.features(batch)?)])
    }
}

/// Side of what [`pooled`] leaves of a layer.
pub const POOLED: usize = 4;

/// The output of a convolution `[batch, height, width, channel]` as features: the largest value in each of 4 x 4 boxes that
/// cover the image, flattened to `[batch, 16 channels]`, as Radford et al. 2016 (arXiv:1511.06434, section 5.1) take them
/// from a discriminator. A side of under 4 stays as it is. Box i of a side of n runs from floor(i n / 4) to
/// ceil((i + 1) n / 4).
pub fn pooled(x: Tensor<4>) -> Vec<f32> {
    let [n, h, w, c] = x.dims();
    let values: Vec<f32> = x.into_data().iter::<f32>().collect();
    let (rows, columns) = (h.min(POOLED), w.min(POOLED));
    let range = |i: usize, parts: usize, side: usize| i * side / parts..((i + 1) * side).div_ceil(parts);
    let mut out = vec![f32::NEG_INFINITY; n * rows * columns * c];
    let images = values.chunks_exact((h * w * c).max(1));
    for (image, out) in images.zip(out.chunks_exact_mut((rows * columns * c).max(1))) {
        for (cell, out) in out.chunks_exact_mut(c).enumerate() {
            for y in range(cell / columns, rows, h) {
                for x in range(cell % columns, columns, w) {
                    let pixel = &image[(y * w + x) * c..][..c];
                    out.iter_mut().zip(pixel).for_each(|(o, v)| *o = o.max(*v));
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};

    #[test]
    fn a_layer_is_pooled_to_four_by_four() {
        let pool = |shape: [usize; 4]| {
            let n = shape.iter().product::<usize>();
            let values: Vec<f32> = (0..n).map(|i| i as f32).collect();
            pooled(Tensor::from_data(TensorData::new(values, shape), &Device::flex()))
        };
        // 8 x 8 of one channel: the last of each 2 x 2 box.
        let want: Vec<f32> = (0..16).map(|i| (i / 4 * 16 + 8 + i % 4 * 2 + 1) as f32).collect();
        assert_eq!(pool([1, 8, 8, 1]), want);
        // 6 wide: boxes 0-1, 1-2, 3-4, 4-5, which overlap, so that none is empty and every pixel is in one.
        assert_eq!(pool([1, 1, 6, 2]), [2., 3., 4., 5., 8., 9., 10., 11.]);
        assert_eq!(pool([2, 2, 2, 1]), [0., 1., 2., 3., 4., 5., 6., 7.]);
        // A maximum of negative numbers is not 0.
        let x = Tensor::<4>::full([1, 5, 5, 3], -2.0, &Device::flex());
        assert_eq!(pooled(x), [-2.0; 48]);
    }
}

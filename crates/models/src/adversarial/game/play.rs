//! A play says who is in the cast and what a step does; what it can answer, it hands out as small traits.
use super::super::networks::translator::Drawn;
use super::critic::{Critic, Seen};
use super::monitor::Observation;
use super::stage::Stage;
use super::two_player::TwoPlayer;
use crate::attack::Method;
use crate::model::no_target;
use crate::{Decoder, Direction, Holds, NetworkInfo, Part, Port, Purpose, Styles};
use burn::tensor::{Device, Tensor};
use menagerie_data::Batch;
use menagerie_data::error::Result;
use menagerie_data::random::Key;
use menagerie_kernels::noise;
use menagerie_nn::Tensors;
use std::ops::Range;

/// What a step showed.
#[derive(Clone, Debug, Default)]
pub struct Round {
    /// losses and other numbers by name; those beside the losses only when they were asked for
    pub scalars: Vec<(&'static str, f64)>,
    /// what the monitor looks at, when it was asked for
    pub observation: Option<Observation>,
}

impl Round {
    /// Of losses by name, what the critic's update showed, the norm of the generator's gradient, and how spread out it is what
    /// was made, where that was asked for.
    pub fn of(
        mut scalars: Vec<(&'static str, f64)>,
        critic: &Critic,
        seen: Seen,
        gradient: f64,
        spread: Option<f64>,
    ) -> Round {
        let observation = spread.map(|spread| {
            let o = Observation::new(critic.objective(), &seen, gradient, spread);
            scalars.extend(o.scalars());
            scalars.extend(seen.scalars);
            o
        });
        Round { scalars, observation }
    }
}

/// A way of playing. [`Game`](super::Game) makes a model of it.
pub trait Play: Send {
    /// Where it is played.
    fn stage(&self) -> &Stage;
    /// Who plays.
    fn networks(&self) -> Vec<NetworkInfo>;
    /// Batches that a step takes.
    fn batches_per_step(&self) -> usize {
        1
    }
    /// How many of these, the last ones, hold items with labels alone.
    fn labelled_batches(&self) -> usize {
        0
    }
    /// Updates done.
    fn updates(&self) -> u64;
    /// One step.
    ///
    /// # Errors
    /// [`menagerie_data::Error::Training`] when a loss is no longer finite.
    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<Round>;
    /// Everything that the next step or a sample depends on, as named files.
    fn save(&self) -> Vec<(String, Part<'_>)>;
    /// Takes up what `save` gave.
    ///
    /// # Errors
    /// Those of reading, and files of other networks.
    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()>;
    /// Whether it has scores of single items.
    fn scores_items(&self) -> bool {
        false
    }
    /// Scores of items `[batch, height, width, channel]`, without autodiff, of these classes where it hears them.
    fn scores(&self, _: Tensor<4>, _: Option<&[u32]>) -> Option<Vec<f32>> {
        None
    }
    /// Can be played turn by turn.
    fn two_player(&mut self) -> Option<&mut dyn TwoPlayer> {
        None
    }
    /// Draws items.
    fn draws(&self) -> Option<&dyn Draws> {
        None
    }
    /// Finds latents of items.
    fn inverts(&self) -> Option<&dyn Inverts> {
        None
    }
    /// Tells classes of items.
    fn tells(&self) -> Option<&dyn Tells> {
        None
    }
    /// Sorts items into groups.
    fn sorts(&self) -> Option<&dyn Sorts> {
        None
    }
    /// Turns images of one domain into such of another.
    fn translates(&self) -> Option<&dyn Translates> {
        None
    }
    /// Fills in what is hidden of images.
    fn completes(&self) -> Option<&dyn Completes> {
        None
    }
    /// Gives items back from what is left of them.
    fn restores(&self) -> Option<&dyn Restores> {
        None
    }
    /// Makes images of descriptions.
    fn illustrates(&self) -> Option<&dyn Illustrates> {
        None
    }
    /// Takes the network that it plays against from a run's checkpoint.
    ///
    /// # Errors
    /// Those of reading; [`menagerie_data::Error::Usage`] where it plays against none.
    fn take_target(&mut self, _: &dyn Fn(&str) -> Result<Tensors>) -> Result<()> {
        Err(no_target(self.stage().model))
    }
    /// Changes items so that a classifier is misled.
    fn attacks(&self) -> Option<&dyn Attacks> {
        None
    }
    /// Takes such changes out of items.
    fn defends(&self) -> Option<&dyn Defends> {
        None
    }
    /// Says how unusual items are.
    fn detects(&self) -> Option<&dyn Detects> {
        None
    }
    /// Raises a predicted number of items.
    fn raises(&self) -> Option<&dyn Raises> {
        None
    }
    /// Has features of items, layer by layer.
    fn sees(&self) -> Option<&dyn Sees> {
        None
    }
}

/// Draws items from latents.
pub trait Draws {
    /// Dimensions of a latent.
    fn latent(&self) -> usize;
    /// Dimensions that stand together for a choice, see [`crate::LatentSpace::choices`].
    fn choices(&self) -> Vec<Range<usize>> {
        vec![]
    }
    /// Latents from the prior, `[count, latent]`; row i is a function of the key and i.
    fn prior(&self, count: usize, key: Key) -> Tensor<2>;
    /// Whether items are drawn by class.
    fn by_class(&self) -> bool {
        false
    }
    /// What goes into a draw, as another program gives it: the parts of a latent in their order, then `class`.
    fn inputs(&self) -> Vec<Port>;
    /// Latents, and classes as rows with a one where items are drawn by class -> items `[count, height, width, channel]`, without
    /// autodiff, on the latents' device.
    fn draw(&self, latents: Tensor<2>, classes: Option<Tensor<2>>) -> Tensor<4>;
    /// The same with what is truncated best drawn towards its mean: `psi` 1 is as trained, 0 the mean.
    fn draw_truncated(&self, latents: Tensor<2>, classes: Option<Tensor<2>>, psi: f64) -> Tensor<4> {
        self.draw(latents * psi, classes)
    }
    /// What is drawn on the way from latents `[count, latent]`, from the first stage to the last, which is the item itself; nothing
    /// where items are drawn at once.
    fn stages(&self, _: Tensor<2>) -> Vec<Tensor<4>> {
        vec![]
    }
    /// What the first layer makes of a latent: its weights, `[latent, outputs]`.
    fn first_weights(&self) -> Option<Tensor<2>> {
        None
    }
    /// A decoder of latents through which gradients come back.
    fn differentiable(&self) -> Option<Decoder<2>> {
        None
    }
    /// The space of styles behind that of latents; of models that draw by class, behind latents with the shares of classes behind them.
    fn styles(&self) -> Option<&dyn Styles> {
        None
    }
}

/// Finds latents of items.
pub trait Inverts {
    /// Items `[batch, height, width, channel]` -> latents `[batch, latent]`, without autodiff.
    fn invert(&self, items: Tensor<4>) -> Tensor<2>;
    /// Whether an item is given back from its latent: not where the latent tells only a part of it.
    fn gives_back(&self) -> bool {
        true
    }
}

/// Tells classes of items.
pub trait Tells {
    /// Items -> logits `[batch, classes]`, without autodiff.
    fn class_scores(&self, items: Tensor<4>) -> Tensor<2>;
}

/// Sorts items into groups.
pub trait Sorts {
    /// Items -> logits `[batch, groups]`, without autodiff.
    fn group_scores(&self, items: Tensor<4>) -> Tensor<2>;
    /// How many groups.
    fn groups(&self) -> usize;
}

/// What images are to become, as networks take it.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// of two sides: which way
    pub direction: Direction,
    /// of domains: which, and how much of it
    pub domains: Vec<(usize, f32)>,
    /// of styles: the one that all are to have, `[1, numbers]`
    pub style: Option<Tensor<2>>,
}

/// Turns images of one domain into such of another.
pub trait Translates {
    /// The directions that it learns, the usual one first; none of domains.
    fn directions(&self) -> &[Direction] {
        &[]
    }
    /// Names of the domains, where there are such instead of sides.
    fn domains(&self) -> &[String] {
        &[]
    }
    /// Height and width of the images, where they can be of no other size.
    fn size(&self) -> Option<[usize; 2]> {
        None
    }
    /// Where an image may become any of many, a style says which.
    fn styled(&self) -> Option<&dyn Styled> {
        None
    }
    /// Whether something is drawn.
    fn draws(&self) -> bool {
        self.styled().is_some()
    }
    /// Images `[batch, height, width, channel]` of any size, and what is drawn on the way -> images of the same size, without
    /// autodiff, on the images' device. Of styles: in the one that is wanted, or in those that are drawn.
    fn turn(&self, images: Tensor<4>, wanted: &Wanted, drawn: Drawn<'_>) -> Tensor<4> {
        match self.styled() {
            Some(styled) => styled.turn(images, wanted, drawn),
            None => images,
        }
    }
    /// Of domains: the same, told of each image how much of every domain it is to show, `[batch, domains]`.
    fn turn_told(&self, images: Tensor<4>, _: Tensor<2>) -> Tensor<4> {
        images
    }
}

/// Fills in what is hidden of images.
pub trait Completes {
    /// Images `[batch, height, width, channel]`, and 1 where they are known, else 0, `[batch, height, width, 1]`; with what is
    /// drawn on the way -> images, without autodiff, on the images' device.
    fn fill(&self, images: Tensor<4>, known: Tensor<4>, drawn: Drawn<'_>) -> Tensor<4>;
}

/// Gives items back from what is left of them.
pub trait Restores {
    /// What is left of items `[batch, height, width, channel]`; what is drawn of an item is drawn from its key.
    fn left(&self, items: Tensor<4>, keys: &[Key]) -> Tensor<4>;
    /// Items of what is left of them, without autodiff, on the same device.
    fn restored(&self, left: Tensor<4>) -> Tensor<4>;
}

/// Translations that are told a style beside the image: a few numbers that say which of all answers is meant.
pub trait Styled {
    /// Numbers of a style.
    fn numbers(&self) -> usize;
    /// Styles of images of the side that a direction leads to, `[batch, numbers]`, without autodiff, on the images' device.
    fn style_of(&self, images: Tensor<4>, direction: Direction) -> Tensor<2>;
    /// Images in these styles, without autodiff, on the images' device.
    fn turn_in(&self, images: Tensor<4>, styles: Tensor<2>, direction: Direction) -> Tensor<4>;
    /// Styles of these keys, `[keys, numbers]`: standard normal.
    fn drawn(&self, keys: &[Key], _: Direction, device: &Device) -> Tensor<2> {
        normal_by(keys, self.numbers(), device)
    }
    /// A style as another program gives it.
    fn port(&self) -> Port {
        let meaning = "a style, standard normal where none is taken from an image";
        Port::of("style", &[self.numbers()], Holds::Normal, meaning)
    }
    /// Images in the style that is wanted, or in those that are drawn.
    fn turn(&self, images: Tensor<4>, wanted: &Wanted, drawn: Drawn<'_>) -> Tensor<4> {
        let (n, direction) = (images.dims()[0], wanted.direction);
        let styles = match (&wanted.style, drawn) {
            (Some(style), _) => style.clone().expand([n, self.numbers()]),
            (None, Drawn::By(keys)) => self.drawn(keys, direction, &images.device()),
            (None, _) => Tensor::zeros([n, self.numbers()], &images.device()),
        };
        self.turn_in(images, styles, direction)
    }
}

/// Standard normal numbers, a row a key.
pub fn normal_by(keys: &[Key], numbers: usize, device: &Device) -> Tensor<2> {
    let one = |key: &Key| noise::normal::<2>(key.stream("style").words(), [1, numbers], device);
    Tensor::cat(keys.iter().map(one).collect(), 0)
}

/// Makes images of descriptions.
pub trait Illustrates {
    /// Every word that it knows, in order.
    fn words(&self) -> &[String];
    /// Texts as rows of numbers `[texts, numbers]`, without autodiff.
    fn read(&self, texts: &[String]) -> Tensor<2>;
    /// Latents of these keys, `[keys, latent]`.
    fn latents(&self, keys: &[Key]) -> Tensor<2>;
    /// A latent, and a text as it is read, as other programs give them.
    fn inputs(&self) -> Vec<Port>;
    /// Images of latents and texts that were read, without autodiff, on the latents' device.
    fn draw(&self, latents: Tensor<2>, read: Tensor<2>) -> Tensor<4>;
    /// What the critic says of images and the texts of the same places.
    fn fits(&self, images: Tensor<4>, read: Tensor<2>) -> Vec<f32>;
    /// Cosines of images and texts, `[images, texts]`, by their encoders.
    fn closeness(&self, images: Tensor<4>, read: Tensor<2>) -> Tensor<2>;
}

/// Changes items so that a classifier is misled.
pub trait Attacks {
    /// The largest change of a number, of pixels in [0, 1].
    fn epsilon(&self) -> f64;
    /// Ways in which it can.
    fn methods(&self) -> &[Method];
    /// Items `[batch, height, width, channel]`, without autodiff, within the bound, away from these classes, or from those that the
    /// classifier takes them for; what is drawn for an item is drawn from its key.
    fn attacked(&self, items: Tensor<4>, labels: Option<&[u32]>, method: Method, keys: &[Key]) -> Tensor<4>;
}

/// Takes such changes out of items.
pub trait Defends {
    /// Items without them, without autodiff, on the items' device.
    fn defended(&self, items: Tensor<4>) -> Tensor<4>;
}

/// Says how unusual items are.
pub trait Detects {
    /// A score of each of items `[batch, height, width, channel]`, without autodiff, the larger the more unusual; what is drawn for
    /// an item is drawn from its key.
    fn unusual(&self, items: Tensor<4>, keys: &[Key]) -> Vec<f64>;
}

/// Raises a predicted number of items.
pub trait Raises {
    /// Names of the numbers.
    fn goals(&self) -> &[String];
    /// The numbers of items `[batch, height, width, channel]`, `[batch, numbers]`, without autodiff, on the items' device.
    fn predicted(&self, items: Tensor<4>) -> Tensor<2>;
    /// Latents `[batch, latent]` from which these climb to where number `goal` is higher, without autodiff.
    fn raised(&self, latents: Tensor<2>, goal: usize) -> Tensor<2>;
}

/// Has features of items.
pub trait Sees {
    /// What each layer makes of items: `[batch, height, width, channel]` each, without autodiff.
    fn layers(&self, items: Tensor<4>) -> Vec<Tensor<4>>;
}

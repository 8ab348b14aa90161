//! A play that turns images into images, as a model that can be asked.
use super::super::networks::translator::Drawn;
use super::play::Wanted;
use super::{Game, Play, Translates};
use crate::{Direction, Samples, Translate, Wish};
use burn::tensor::{Tensor, TensorData};
use menagerie_data::error::{Error, Result, nearest};
use menagerie_data::limits::affordable;
use menagerie_data::random::Key;
use menagerie_data::{Batch, Kind};
use menagerie_nn::numbers;

/// Pixels that pass through the network at a time: bounds memory whatever the number and size of images.
const PIXELS: usize = 1 << 18;
/// Floats that a pixel takes on its way, at most: those of the first layer's channels, in and out.
const FLOATS: usize = 1 << 8;

impl<P: Play> Translate for Game<P> {
    fn directions(&self) -> &[Direction] {
        self.play.translates().map_or(&[], |t| t.directions())
    }

    fn domains(&self) -> &[String] {
        self.play.translates().map_or(&[], |t| t.domains())
    }

    fn draws(&self) -> bool {
        self.play.translates().is_some_and(|t| t.draws())
    }

    fn takes_reference(&self) -> bool {
        self.play.translates().is_some_and(|t| t.styled().is_some())
    }

    fn channels(&self) -> usize {
        let stage = self.play.stage();
        let sides = if stage.kind.has_sides() { 2 } else { 1 };
        stage.shape.last().map_or(0, |c| c / sides)
    }

    fn size(&self) -> Option<[usize; 2]> {
        self.play.translates().and_then(|t| t.size())
    }

    fn translate(&self, images: &Batch, wish: &Wish, key: Key) -> Result<Samples> {
        let play = self.play.translates().ok_or_else(|| {
            let problem = format!("{} does not translate", self.play.stage().model);
            Error::usage(problem, "see `menagerie list --can translate`")
        })?;
        let wanted = self.wanted(play, wish)?;
        let [n, h, w, c] = self.given(images)?;
        let at_once = (PIXELS / (h * w)).clamp(1, n.max(1));
        let mut values = Vec::with_capacity(images.values.len());
        let items = images.values.chunks(at_once * h * w * c);
        for (items, indices) in items.zip(images.indices.chunks(at_once)) {
            let data = TensorData::new(items.to_vec(), [indices.len(), h, w, c]);
            let x: Tensor<4> = Tensor::from_data(data, &self.play.stage().plain());
            let keys: Vec<Key> = indices.iter().map(|&i| key.step(i as u64)).collect();
            values.extend(numbers(play.turn(x, &wanted, Drawn::By(&keys))));
        }
        Ok(Samples {
            kind: Kind::Image,
            shape: images.shape.clone(),
            values,
        })
    }
}

impl<P: Play> Game<P> {
    /// The axes of images that can be translated.
    fn given(&self, images: &Batch) -> Result<[usize; 4]> {
        let (model, channels) = (self.play.stage().model, self.channels());
        let (&[n, h, w, c], Kind::Image) = (&images.shape[..], images.kind) else {
            let problem = format!(
                "{model} translates images, and these are {}",
                images.kind.plural()
            );
            return Err(Error::usage(problem, "give images of one side"));
        };
        if c != channels || h == 0 || w == 0 {
            return Err(Error::usage(
                format!("{model} was trained on images of {channels} channels, but these are {h}x{w}x{c}"),
                format!("bring them to that by --channels {channels}"),
            ));
        }
        if let Some([height, width]) = Translate::size(self).filter(|size| *size != [h, w]) {
            return Err(Error::usage(
                format!("{model} turns images of {height}x{width} alone, and these are {h}x{w}"),
                format!("bring them to that by --size {height}x{width}"),
            ));
        }
        affordable(
            &format!("an image of {h}x{w} pixels on its way"),
            &[h, w, FLOATS],
            "make it smaller with --size, or translate it piece by piece with --tile",
        )?;
        Ok([n, h, w, c])
    }

    /// What is wished, where the play can do it.
    fn wanted(&self, play: &dyn Translates, wish: &Wish) -> Result<Wanted> {
        let model = self.play.stage().model;
        let (directions, domains) = (play.directions(), play.domains());
        if domains.is_empty() && !directions.contains(&wish.direction) {
            let known: Vec<&str> = directions.iter().map(|d| d.name()).collect();
            return Err(Error::usage(
                format!(
                    "this {model} was not trained to translate {}",
                    wish.direction.name()
                ),
                format!("it knows {}", known.join(", ")),
            ));
        }
        if domains.is_empty() && !wish.to.is_empty() {
            let problem = format!("{model} translates between two sides, and knows no domains by name");
            return Err(Error::usage(
                problem,
                "leave --to out and give --direction a2b or b2a",
            ));
        }
        if !domains.is_empty() && wish.to.is_empty() {
            return Err(Error::usage(
                format!("nothing says what {model} is to turn images into"),
                format!("give --to with one of {}", domains.join(", ")),
            ));
        }
        let domain = |(name, amount): &(String, f32)| {
            let found = domains.iter().position(|d| d == name).ok_or_else(|| {
                let fix = nearest(name, domains.iter().map(String::as_str));
                Error::usage(format!("this run knows no domain `{name}`"), fix)
            });
            match (found, amount.is_finite()) {
                (Ok(i), true) => Ok((i, *amount)),
                (Ok(_), false) => Err(Error::usage(
                    format!("{amount} is no amount of {name}"),
                    "give 0 to 1",
                )),
                (Err(e), _) => Err(e),
            }
        };
        Ok(Wanted {
            direction: wish.direction,
            domains: wish.to.iter().map(domain).collect::<Result<_>>()?,
            style: match wish.reference {
                Some(reference) => Some(self.style(play, reference, wish.direction)?),
                None => None,
            },
        })
    }

    /// The style of a reference.
    fn style(&self, play: &dyn Translates, reference: &Batch, direction: Direction) -> Result<Tensor<2>> {
        let model = self.play.stage().model;
        let Some(styled) = play.styled() else {
            return Err(Error::usage(
                format!("{model} has one answer for each image, or draws it, and takes no reference"),
                "leave --reference out",
            ));
        };
        let [n, h, w, c] = self.given(reference)?;
        if n != 1 {
            return Err(Error::usage(
                format!("{n} images cannot all be the reference"),
                "give one of them",
            ));
        }
        let data = TensorData::new(reference.values.clone(), [1, h, w, c]);
        Ok(styled.style_of(Tensor::from_data(data, &self.play.stage().plain()), direction))
    }
}

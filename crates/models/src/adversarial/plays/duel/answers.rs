//! What the game of two can answer: draws, latents, gradients through the generator, styles, classes, groups, features.
use super::super::super::game::bits::Bits;
use super::super::super::game::codes::Codes;
use super::super::super::game::{Draws, Inverts, Sees, Sorts, Tells};
use super::{Duel, latents, port_of};
use crate::{Decoder, Holds, Port, Samples, Styles};
use burn::module::Module;
use burn::tensor::Tensor;
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_nn::{Dual, numbers, on_tape};
use std::ops::Range;

/// Items that pass through the generator at a time: bounds memory whatever the number asked for.
const CHUNK: usize = 64;

impl Duel {
    /// A decoder of latents through which gradients come back.
    pub(super) fn decoder(&self) -> Decoder<2> {
        let network = on_tape(self.standing());
        let (latent, codes) = (self.latent, self.codes.clone());
        Box::new(move |latents| {
            let told = codes
                .as_ref()
                .map(|c| latents.clone().narrow(1, latent, c.numbers()));
            network.forward(latents.narrow(1, 0, latent), told.as_ref())
        })
    }
}

/// Styles `[count, places, style]`, one tensor a place.
fn by_place(styles: &Tensor<3>) -> Vec<Dual<2>> {
    let [count, places, style] = styles.dims();
    let at = |i| styles.clone().narrow(1, i, 1).reshape([count, style]);
    (0..places).map(|i| Dual::from(at(i))).collect()
}

impl Styles for Duel {
    fn style(&self) -> usize {
        self.generator().styled().map_or(0, |g| g.style())
    }
    fn places(&self) -> usize {
        self.generator().styled().map_or(0, |g| g.places())
    }

    fn style_of(&self, latents: Tensor<2>) -> Tensor<2> {
        let (own, classes) = (Draws::latent(self), latents.dims()[1]);
        let shares =
            (self.by_class() && classes > own).then(|| latents.clone().narrow(1, own, classes - own));
        let (z, told) = self.heard(latents.clone().narrow(1, 0, own), shares);
        let network = self.generator.on(self.standing(), &latents.device());
        network.styled().map_or(latents, |g| g.style_of(z, told.as_ref()))
    }

    fn centre(&self) -> Tensor<2> {
        let network = self.standing();
        let none = || Tensor::zeros([1, 0], &self.stage.plain());
        network
            .styled()
            .map_or_else(none, |g| g.centre().reshape([1, g.style()]))
    }

    fn style_weights(&self) -> Tensor<2> {
        let network = self.standing();
        let none = || Tensor::zeros([0, 0], &self.stage.plain());
        network.styled().map_or_else(none, |g| g.style_weights())
    }

    fn decode_styles(&self, styles: Tensor<3>) -> Result<Samples> {
        let [count, places, style] = styles.dims();
        let network = self.standing();
        let Some(g) = network
            .styled()
            .filter(|g| (g.places(), g.style()) == (places, style))
        else {
            let problem = format!(
                "{} has no styles of {places} places and {style} numbers",
                self.stage.model
            );
            return Err(Error::usage(problem, "check the file of styles"));
        };
        let mut values = Vec::with_capacity(count * self.stage.numbers());
        for from in (0..count).step_by(CHUNK) {
            let some = styles.clone().narrow(0, from, CHUNK.min(count - from));
            values.extend(numbers(g.synthesize(&by_place(&some), None).value));
        }
        Ok(self.stage.samples(count, values))
    }

    fn differentiable_styles(&self) -> Decoder<3> {
        let network = on_tape(self.standing());
        Box::new(move |styles| match network.styled() {
            Some(g) => g.synthesize(&by_place(&styles), None).value,
            None => Tensor::zeros([0, 0, 0, 0], &styles.device()),
        })
    }
}

impl Tells for Duel {
    fn class_scores(&self, items: Tensor<4>) -> Tensor<2> {
        self.critic.answer(items).class_logits()
    }
}

/// By the first categorical code, or by the classes of a discriminator that has made them up.
impl Sorts for Duel {
    fn group_scores(&self, items: Tensor<4>) -> Tensor<2> {
        let verdict = self.critic.answer(items);
        match verdict.codes {
            Some(codes) => codes.narrow(1, 0, self.groups),
            None => verdict.score.value,
        }
    }
    fn groups(&self) -> usize {
        self.groups
    }
}

/// The codes that are read off an item; the rest of its latent, which nothing tells, is zero.
impl Inverts for Duel {
    fn gives_back(&self) -> bool {
        false
    }

    fn invert(&self, items: Tensor<4>) -> Tensor<2> {
        let rest = Tensor::zeros([items.dims()[0], self.latent], &items.device());
        let read = self.critic.answer(items).codes.zip(self.codes.as_ref());
        let codes = read.map(|(read, codes)| codes.told(read));
        Tensor::cat([Some(rest), codes].into_iter().flatten().collect(), 1)
    }
}

impl Draws for Duel {
    /// Codes stand behind the latent proper, so that a walk can move them too.
    fn latent(&self) -> usize {
        self.latent + self.codes.as_ref().map_or(0, Codes::numbers)
    }

    fn choices(&self) -> Vec<Range<usize>> {
        let categories = self.codes.iter().flat_map(|c| &c.categories);
        let after = categories.scan(self.latent, |at, choices| {
            let from = *at;
            *at += choices;
            Some(from..*at)
        });
        after.collect()
    }

    fn prior(&self, count: usize, key: Key) -> Tensor<2> {
        let device = self.stage.plain();
        let z = latents(
            self.game.prior,
            count,
            self.latent,
            key.stream("latents"),
            &device,
        );
        match &self.codes {
            Some(c) => Tensor::cat(vec![z, c.draw(count, key.stream("codes"), &device)], 1),
            None => z,
        }
    }

    fn by_class(&self) -> bool {
        self.hears()
    }

    fn inputs(&self) -> Vec<Port> {
        let mut inputs = vec![port_of(self.game.prior, self.latent)];
        if let Some(c) = &self.codes {
            let meaning = format!(
                "categories {:?} as ones among zeros, then numbers in [-1, 1)",
                c.categories
            );
            inputs.push(Port::of("codes", &[c.numbers()], Holds::Symmetric, meaning));
        }
        if self.by_class() {
            inputs.push(self.stage.class_port());
        }
        inputs
    }

    fn draw(&self, latents: Tensor<2>, classes: Option<Tensor<2>>) -> Tensor<4> {
        let network = self.generator.on(self.standing(), &latents.device());
        let (z, told) = self.heard(latents, classes);
        let items = network.forward(z, told.as_ref());
        match self.bits {
            Some(_) => Bits::likeliest(items),
            None => items,
        }
    }

    fn first_weights(&self) -> Option<Tensor<2>> {
        let weights = self.standing().first_weights()?;
        Some(weights.narrow(0, 0, Draws::latent(self)))
    }
    fn differentiable(&self) -> Option<Decoder<2>> {
        (!self.by_class() && self.bits.is_none()).then(|| self.decoder())
    }
    fn styles(&self) -> Option<&dyn Styles> {
        self.generator().styled().is_some().then_some(self as &dyn Styles)
    }

    /// Where latents are mapped to styles, those are drawn towards their mean, for all that maps latents forgets their length.
    fn draw_truncated(&self, latents: Tensor<2>, classes: Option<Tensor<2>>, psi: f64) -> Tensor<4> {
        let network = self.standing();
        let Some(styled) = network.styled() else {
            return self.draw(latents * psi, classes);
        };
        let (z, told) = self.heard(latents, classes);
        let w = styled.style_of(z, told.as_ref());
        let centre = styled.centre().reshape([1, styled.style()]);
        styled.of_style(centre.clone() + (w - centre) * psi)
    }
}

impl Sees for Duel {
    fn layers(&self, items: Tensor<4>) -> Vec<Tensor<4>> {
        self.critic.network().valid().layers(items)
    }
}

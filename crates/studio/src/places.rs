//! Where samples lie: a latent, and behind it, of models that draw by class, the share of each class. A page moves both alike. Of models
//! that map latents to styles, a place may also be a style for each layer, told by its length.
use crate::draw::rows;
use crate::http::Refusal;
use crate::shelf::Open;
use menagerie::explore::{Crossing, Walk, breed, breed_layers, mix, walk};
use menagerie::models::{Capability, ClassMixtures, LatentSpace, Model, Samples, Styles};
use menagerie::nn::numbers;
use menagerie::{Key, Tensor, burn};

/// How children come of their parents.
#[derive(Clone, Copy)]
pub(crate) enum Crossed {
    /// within latents
    Latents(Crossing),
    /// each layer's style from one parent
    Layers,
}

/// See the module.
#[derive(Clone, Copy)]
pub(crate) enum Places<'a> {
    Latents(&'a dyn LatentSpace),
    Mixtures(&'a dyn ClassMixtures),
}

impl<'a> Places<'a> {
    /// Those of a model, if it has any.
    pub(crate) fn of(model: &'a dyn Model) -> Option<Places<'a>> {
        let latents = model.as_latent_space().map(Places::Latents);
        latents.or_else(|| model.as_class_mixtures().map(Places::Mixtures))
    }

    /// Those of a model that is open.
    ///
    /// # Errors
    /// Where it has none.
    pub(crate) fn of_open(open: &Open, model: &'a dyn Model) -> Result<Places<'a>, Refusal> {
        Ok(Places::of(model).ok_or_else(|| Capability::LatentSpace.missing(&open.name))?)
    }

    /// Numbers of a latent.
    pub(crate) fn latent(self) -> usize {
        match self {
            Places::Latents(space) => space.latent(),
            Places::Mixtures(space) => space.latent(),
        }
    }

    /// Names of the classes that have shares.
    pub(crate) fn names(self) -> &'a [String] {
        match self {
            Places::Latents(_) => &[],
            Places::Mixtures(space) => space.classes(),
        }
    }

    /// How many of them there are.
    fn classes(self) -> usize {
        self.names().len()
    }

    /// Numbers of a place.
    pub(crate) fn numbers(self) -> usize {
        self.latent() + self.classes()
    }

    /// Places as `menagerie sample` draws them by that key.
    pub(crate) fn prior(self, count: usize, key: Key) -> Tensor<2> {
        match self {
            Places::Latents(space) => space.prior(count, key),
            Places::Mixtures(space) => Tensor::cat(space.prior(count, key).to_vec(), 1),
        }
    }

    /// The styles that layers take of their own, and how many numbers all of a place have together.
    pub(crate) fn layers(self) -> Option<(&'a dyn Styles, usize)> {
        let styles = self.styles()?;
        let numbers = styles.places() * styles.style();
        (numbers != self.numbers()).then_some((styles, numbers))
    }

    /// Styles that latents are mapped to: it is those that truncation draws towards their mean.
    pub(crate) fn styles(self) -> Option<&'a dyn Styles> {
        match self {
            Places::Latents(space) => space.as_styles(),
            Places::Mixtures(space) => space.as_styles(),
        }
    }

    /// Places that were sent, as rows; where some are styles of layers, all are.
    pub(crate) fn rows(self, sent: &[Vec<f32>]) -> Result<Tensor<2>, Refusal> {
        let Some((_, all)) = self
            .layers()
            .filter(|(_, all)| sent.iter().any(|z| z.len() == *all))
        else {
            return rows(sent, self.numbers());
        };
        let row = |z: &Vec<f32>| match z.len() == all {
            true => rows(std::slice::from_ref(z), all),
            false => Ok(self.layered(rows(std::slice::from_ref(z), self.numbers())?)),
        };
        Ok(Tensor::cat(
            sent.iter().map(row).collect::<Result<_, Refusal>>()?,
            0,
        ))
    }

    /// Styles of layers, of latents where they are that.
    fn layered(self, places: Tensor<2>) -> Tensor<2> {
        let ([count, numbers], Some((styles, all))) = (places.dims(), self.layers()) else {
            return places;
        };
        match numbers == all {
            true => places,
            false => styles
                .style_of(places)
                .repeat_dim(1, styles.places())
                .reshape([count, all]),
        }
    }

    /// Items of places, `[count, numbers]`, truncated as `menagerie sample` truncates.
    pub(crate) fn decode(self, places: Tensor<2>, psi: f64) -> menagerie::Result<Samples> {
        let [count, numbers] = places.dims();
        match (self, self.layers()) {
            (_, Some((styles, all))) if all == numbers => {
                let centre = styles.centre().reshape([1, 1, styles.style()]);
                let w = places.reshape([count, styles.places(), styles.style()]);
                styles.decode_styles(match psi == 1.0 {
                    true => w,
                    false => centre.clone() + (w - centre) * psi,
                })
            }
            (Places::Latents(space), _) if psi == 1.0 => space.decode(places),
            (Places::Latents(space), _) => space.decode_truncated(places, psi),
            (Places::Mixtures(space), _) => {
                let [latents, shares] = self.apart(places);
                space.decode_truncated(latents, whole(shares), psi)
            }
        }
    }

    /// Children of places, or the strangers themselves where there are no parents; see [`breed`], [`breed_layers`] and [`mix`].
    ///
    /// # Errors
    /// For layers of a model without.
    pub(crate) fn children(
        self,
        parents: Option<Tensor<2>>,
        strangers: Tensor<2>,
        crossed: Crossed,
        mutation: f64,
        key: Key,
    ) -> Result<Tensor<2>, Refusal> {
        let layers = self.layers();
        let is_layered = |p: &Tensor<2>| layers.is_some_and(|(_, all)| p.dims()[1] == all);
        if matches!(crossed, Crossed::Layers) && layers.is_none() {
            let problem = "this model has no layers that take styles of their own; cross by genes or blend";
            return Err(Refusal::new(400, problem));
        }
        let Some(parents) = parents else {
            return Ok(strangers);
        };
        if matches!(crossed, Crossed::Layers) || is_layered(&parents) {
            let (parents, strangers) = (self.layered(parents), self.layered(strangers));
            let count = layers.map_or(1, |(styles, _)| styles.places());
            return Ok(match crossed {
                Crossed::Latents(Crossing::Blend) => mix(parents, strangers, mutation, key),
                _ => breed_layers(parents, strangers, count, mutation, key),
            });
        }
        let Crossed::Latents(crossing) = crossed else {
            return Ok(strangers);
        };
        if self.classes() == 0 {
            return Ok(breed(parents, strangers, crossing, mutation, key));
        }
        let ([latents, shares], [others, of_others]) = (self.apart(parents), self.apart(strangers));
        let latents = breed(latents, others, crossing, mutation, key);
        let shares = mix(whole(shares), of_others, mutation, key.stream("classes"));
        Ok(Tensor::cat(vec![latents, shares], 1))
    }

    /// The ways from each row to the same row of others: of latents as asked for, of shares straight.
    pub(crate) fn walk(self, from: Tensor<2>, to: Tensor<2>, steps: usize, mode: Walk) -> Tensor<2> {
        if self.classes() == 0 {
            return walk(from, to, steps, mode);
        }
        let ([a, b], [c, d]) = (self.apart(from), self.apart(to));
        let shares = walk(whole(b), whole(d), steps, Walk::Linear);
        Tensor::cat(vec![walk(a, c, steps, mode), shares], 1)
    }

    fn apart(self, places: Tensor<2>) -> [Tensor<2>; 2] {
        let latent = self.latent();
        [
            places.clone().narrow(1, 0, latent),
            places.narrow(1, latent, self.classes()),
        ]
    }
}

/// Shares that sum to one: none is less than nothing, and where there are none, all are even.
fn whole(shares: Tensor<2>) -> Tensor<2> {
    let (device, dims) = (shares.device(), shares.dims());
    let mut values = numbers(shares);
    for row in values.chunks_exact_mut(dims[1].max(1)) {
        row.iter_mut().for_each(|s| *s = s.max(0.0));
        let total: f32 = row.iter().sum();
        let even = 1.0 / dims[1] as f32;
        // A class that is alone keeps its one to the last bit.
        row.iter_mut()
            .for_each(|s| *s = if total > 1e-6 { *s / total } else { even });
    }
    Tensor::from_data(burn::tensor::TensorData::new(values, dims), &device)
}

#[cfg(test)]
mod tests {
    use super::*;
    use menagerie::Device;

    #[test]
    fn shares_are_made_whole() {
        let rows = [[1.0, 0.0], [3.0, 1.0], [-1.0, 2.0], [0.0, 0.0], [-1.0, -1.0]];
        let shares = Tensor::from_data(rows, &Device::flex());
        let want = [1.0, 0.0, 0.75, 0.25, 0.0, 1.0, 0.5, 0.5, 0.5, 0.5];
        assert_eq!(numbers(whole(shares)), want);
    }
}

//! Where samples lie: a latent, and behind it, of models that draw by class, the share of each class. A page moves both alike.
use crate::http::Refusal;
use crate::shelf::Open;
use menagerie::explore::{Crossing, Walk, breed, mix, walk};
use menagerie::models::{Capability, ClassMixtures, LatentSpace, Model, Samples};
use menagerie::nn::numbers;
use menagerie::{Key, Tensor, burn};

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

    /// Items of places, `[count, numbers]`.
    pub(crate) fn decode(self, places: Tensor<2>) -> menagerie::Result<Samples> {
        match self {
            Places::Latents(space) => space.decode(places),
            Places::Mixtures(space) => {
                let [latents, shares] = self.apart(places);
                space.decode(latents, whole(shares))
            }
        }
    }

    /// Children of places, or the strangers themselves where there are no parents; see [`breed`] and [`mix`].
    pub(crate) fn children(
        self,
        parents: Option<Tensor<2>>,
        strangers: Tensor<2>,
        crossing: Crossing,
        mutation: f64,
        key: Key,
    ) -> Tensor<2> {
        let Some(parents) = parents else { return strangers };
        if self.classes() == 0 {
            return breed(parents, strangers, crossing, mutation, key);
        }
        let ([latents, shares], [others, of_others]) = (self.apart(parents), self.apart(strangers));
        let latents = breed(latents, others, crossing, mutation, key);
        let shares = mix(whole(shares), of_others, mutation, key.stream("classes"));
        Tensor::cat(vec![latents, shares], 1)
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

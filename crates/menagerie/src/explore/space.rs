use crate::error::{Error, Result};
use crate::models::{Decoder, LatentSpace, Samples, Styles};
use crate::nn::numbers;
use crate::random::Key;
use burn::tensor::{Device, Tensor, TensorData};

/// In which numbers of a model one moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SpaceName {
    /// latents of the prior
    Z,
    /// styles, where latents are mapped to styles first
    W,
}

/// A space of vectors that a model decodes: of its latents, or of its styles.
#[derive(Clone, Copy)]
pub struct Space<'a> {
    latents: &'a dyn LatentSpace,
    styles: Option<&'a dyn Styles>,
}

impl<'a> Space<'a> {
    /// The one that a model is best explored in: that of styles where there is one, or the one asked for.
    ///
    /// # Errors
    /// [`Error::Usage`] for styles of a model without.
    pub fn of(latents: &'a dyn LatentSpace, asked: Option<SpaceName>) -> Result<Self> {
        let styles = latents.as_styles();
        match (asked, styles) {
            (Some(SpaceName::W), None) => Err(Error::usage(
                "this model has no space of styles, w",
                "leave the space out, or train stylegan2",
            )),
            (Some(SpaceName::Z), _) => Ok(Space {
                latents,
                styles: None,
            }),
            _ => Ok(Space { latents, styles }),
        }
    }

    /// Its name.
    pub fn name(&self) -> SpaceName {
        match self.styles {
            Some(_) => SpaceName::W,
            None => SpaceName::Z,
        }
    }

    /// The styles, where it is their space.
    pub fn styles(&self) -> Option<&'a dyn Styles> {
        self.styles
    }

    /// Numbers of a vector.
    pub fn width(&self) -> usize {
        self.styles.map_or(self.latents.latent(), |s| s.style())
    }

    /// Draws, `[count, width]`; row i is a function of the key and i.
    pub fn draw(&self, count: usize, key: Key) -> Tensor<2> {
        self.at(self.latents.prior(count, key))
    }

    /// The vectors of these latents.
    pub fn at(&self, latents: Tensor<2>) -> Tensor<2> {
        match self.styles {
            Some(s) => s.style_of(latents),
            None => latents,
        }
    }

    /// The middle of the space, `[1, width]`: the mean style, or a latent of zeros.
    pub fn centre(&self) -> Tensor<2> {
        match self.styles {
            Some(s) => s.centre(),
            None => self.latents.prior(1, Key::new(0)).zeros_like(),
        }
    }

    /// The standard deviation of draws, the mean over their numbers, by 128 of them.
    pub fn spread(&self) -> f64 {
        let (_, covariance) = moments(self.draw(128, Key::new(0).stream("spread")));
        spread(&covariance, self.width())
    }

    /// A decoder through which gradients come back: of `own` vectors an item `[count own, width]`, one, or one for each place that takes a style.
    ///
    /// # Errors
    /// [`Error::Usage`] for a model that has none.
    pub fn differentiable(&self, own: usize) -> Result<Decoder<2>> {
        let width = self.width();
        let Some(s) = self.styles else {
            return self.latents.differentiable().ok_or_else(|| {
                Error::usage(
                    "no gradient comes back through this model's decoder",
                    "a model with an encoder gives latents by `menagerie encode`",
                )
            });
        };
        let (places, decode) = (s.places(), s.differentiable_styles());
        Ok(Box::new(move |v: Tensor<2>| {
            let count = v.dims()[0] / own;
            decode(v.reshape([count, own, width]).expand([count, places, width]))
        }))
    }

    /// The items of vectors `[count, width]`.
    ///
    /// # Errors
    /// Those of the model's decoder.
    pub fn decode(&self, vectors: Tensor<2>) -> Result<Samples> {
        let Some(s) = self.styles else {
            return self.latents.decode(vectors);
        };
        let [count, width] = vectors.dims();
        s.decode_styles(
            vectors
                .reshape([count, 1, width])
                .expand([count, s.places(), width]),
        )
    }
}

/// Rows of numbers as a tensor `[rows, width]`.
pub fn rows(values: Vec<f32>, width: usize, device: &Device) -> Tensor<2> {
    let n = values.len() / width.max(1);
    Tensor::from_data(TensorData::new(values, [n, width]), device)
}

/// The root of the mean variance, of covariances `[width, width]`.
pub(super) fn spread(covariance: &[f64], width: usize) -> f64 {
    let variances = covariance.iter().step_by(width + 1);
    (variances.sum::<f64>() / width as f64).sqrt()
}

/// Means and covariances of rows `[count, width]`.
pub(super) fn moments(vectors: Tensor<2>) -> (Vec<f64>, Vec<f64>) {
    let [count, width] = vectors.dims();
    let values = numbers(vectors);
    let mut mean = vec![0.0; width];
    for row in values.chunks_exact(width) {
        mean.iter_mut()
            .zip(row)
            .for_each(|(m, v)| *m += *v as f64 / count as f64);
    }
    let mut covariance = vec![0.0; width * width];
    for row in values.chunks_exact(width) {
        let off: Vec<f64> = row.iter().zip(&mean).map(|(v, m)| *v as f64 - m).collect();
        for (i, a) in off.iter().enumerate() {
            let line = &mut covariance[i * width..(i + 1) * width];
            line.iter_mut()
                .zip(&off)
                .for_each(|(c, b)| *c += a * b / count as f64);
        }
    }
    (mean, covariance)
}

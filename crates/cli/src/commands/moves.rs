//! Samples whose latents are moved along directions, or whose styles are mixed.
use super::sample::key;
use crate::items::{Trained, Within};
use menagerie::error::{Error, Result};
use menagerie::explore::Space;
use menagerie::models::{LatentSpace, Samples, Styles};
use menagerie::{Key, Tensor};
use std::path::PathBuf;

/// What is done to the latents of samples.
#[derive(clap::Args)]
pub(crate) struct Moves {
    /// A file of `menagerie directions`, for --move
    #[arg(long, value_name = "FILE", requires = "moves")]
    directions: Option<PathBuf>,
    /// Move every sample along a direction by so many standard deviations; may be given several times
    #[arg(long = "move", value_name = "NAME=AMOUNT", requires = "directions")]
    moves: Vec<String>,
    /// Mix styles (models with styles): the samples of these seeds, to a column each ...
    #[arg(long, value_name = "S,T,..", value_delimiter = ',', conflicts_with_all = ["moves", "seed", "seeds", "n", "label"])]
    style_from: Vec<u64>,
    /// ... with the coarse styles (pose, shape) of these seeds, to a row each,
    #[arg(long, value_name = "S,T,..", value_delimiter = ',', requires = "style_from", conflicts_with_all = ["middle", "fine"])]
    coarse: Vec<u64>,
    /// ... or the middle ones (features),
    #[arg(
        long,
        value_name = "S,T,..",
        value_delimiter = ',',
        requires = "style_from",
        conflicts_with = "fine"
    )]
    middle: Vec<u64>,
    /// ... or the fine ones (colours)
    #[arg(long, value_name = "S,T,..", value_delimiter = ',', requires = "style_from")]
    fine: Vec<u64>,
}

impl Moves {
    /// Whether anything is.
    pub(crate) fn asked(&self) -> bool {
        !self.moves.is_empty() || !self.style_from.is_empty()
    }

    /// The samples, and the columns of their picture where they have an order.
    ///
    /// # Errors
    /// [`Error::Usage`] for directions that the file does not have, amounts that are none, and models without latents or styles.
    pub(crate) fn draw(
        &self,
        trained: &Trained,
        keys: &[(usize, Key)],
        truncation: f64,
        class: Option<u32>,
    ) -> Result<(Samples, Option<usize>)> {
        if !self.style_from.is_empty() {
            return self.mixed(trained.latents()?, truncation);
        }
        let within = trained.latents_within(class)?;
        if class.is_none() && matches!(within, Within::Class(_)) {
            let problem = format!("`{}` draws by class, and --move moves items of one", trained.name);
            return Err(Error::usage(problem, "give --label NAME, too"));
        }
        let Some(file) = &self.directions else {
            return Err(Error::usage(
                "--move needs --directions",
                "give the file that names them",
            ));
        };
        let known = super::directions::read(file, trained)?;
        let space = Space::of(&*within, Some(known.space))?;
        let drawn = keys.iter().map(|(count, key)| space.draw(*count, *key));
        let mut vectors = Tensor::cat(drawn.collect(), 0);
        // Of styles that are told classes the decoder knows the mean.
        let by_decoder = trained
            .model
            .as_class_mixtures()
            .is_some_and(|m| m.as_styles().is_some());
        if !by_decoder {
            vectors = shortened(vectors, space.centre(), truncation);
        }
        for text in &self.moves {
            let amount = text.split_once('=').and_then(|(name, a)| {
                let a: f32 = a.parse().ok()?;
                a.is_finite().then_some((name, a))
            });
            let Some((name, amount)) = amount else {
                let problem = format!("--move {text} names no direction and amount");
                return Err(Error::usage(problem, "write it as NAME=AMOUNT, such as smile=2"));
            };
            vectors = known.named(name)?.moved(vectors, amount);
        }
        let samples = match by_decoder {
            true => within.decode_truncated(vectors, truncation),
            false => space.decode(vectors),
        };
        Ok((samples?, None))
    }

    /// A table of samples: above, those that are changed; to the left, those whose styles come in.
    fn mixed(&self, latents: &dyn LatentSpace, truncation: f64) -> Result<(Samples, Option<usize>)> {
        let Some(styles) = latents.as_styles() else {
            return Err(Error::usage(
                "this model has no styles to mix",
                "train stylegan2; other models have `menagerie interpolate`",
            ));
        };
        let third = |i: usize| (styles.places() * i).div_ceil(3);
        let (from, places) = match (&self.coarse[..], &self.middle[..], &self.fine[..]) {
            (s @ [_, ..], _, _) => (s, third(0)..third(1)),
            (_, s @ [_, ..], _) => (s, third(1)..third(2)),
            (_, _, s @ [_, ..]) => (s, third(2)..third(3)),
            _ => {
                let fix = "give --coarse, --middle or --fine with seeds";
                return Err(Error::usage(
                    "--style-from says into what, but not whose styles come in",
                    fix,
                ));
            }
        };
        let of = |seed: &u64| {
            let w = styles.style_of(latents.prior(1, key(*seed)));
            shortened(w, styles.centre(), truncation)
        };
        let above: Vec<Tensor<2>> = self.style_from.iter().map(of).collect();
        // The corner above left holds the mean style.
        let mut rows = vec![whole(styles, styles.centre())];
        rows.extend(above.iter().map(|w| whole(styles, w.clone())));
        for seed in from {
            let other = of(seed);
            rows.push(whole(styles, other.clone()));
            for w in &above {
                let at = |p: usize| {
                    if places.contains(&p) {
                        other.clone()
                    } else {
                        w.clone()
                    }
                };
                let all: Vec<Tensor<3>> = (0..styles.places())
                    .map(|p| at(p).reshape([1, 1, styles.style()]))
                    .collect();
                rows.push(Tensor::cat(all, 1));
            }
        }
        let samples = styles.decode_styles(Tensor::cat(rows, 0))?;
        Ok((samples, Some(above.len() + 1)))
    }
}

/// The same style in every place, `[1, places, style]`.
fn whole(styles: &dyn Styles, w: Tensor<2>) -> Tensor<3> {
    w.reshape([1, 1, styles.style()])
        .expand([1, styles.places(), styles.style()])
}

/// Vectors drawn towards the centre.
fn shortened(vectors: Tensor<2>, centre: Tensor<2>, truncation: f64) -> Tensor<2> {
    match truncation == 1.0 {
        true => vectors,
        false => centre.clone() + (vectors - centre) * truncation,
    }
}

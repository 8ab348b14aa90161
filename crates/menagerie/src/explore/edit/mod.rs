//! A photo edited along what a generator can draw.
//!
//! Zhu, Kraehenbuehl, Shechtman, Efros (2016), Generative Visual Manipulation on the Natural Image Manifold, arXiv:1609.03552 (iGAN).
//!
//! z* = argmin_z  sum_g |f_g(G(z)) - v_g|^2  +  lambda_s |z - z0|^2                                        (equation 5)
//!
//! z0 is the latent of the photo, a constraint g says what is asked of a place: its colour, an edge along a line, or that it shows what another place
//! showed. The way from z0 to z* is a row of images; how these move and change colour is done to the photo itself ([`transfer`]).
mod transfer;

pub use transfer::{Transferred, transfer};

use super::descent::Descent;
use super::space::{Space, rows};
use super::walk::{Walk, walk};
use crate::error::{Error, Result};
use crate::interrupt;
use crate::models::Samples;
use crate::nn::numbers;
use burn::tensor::{Device, Tensor, TensorData};

/// What is asked of a place of the image, in its pixels.
#[derive(Clone, Debug, PartialEq)]
pub enum Constraint {
    /// the colour of a rectangle
    Paint {
        /// left, top, width, height
        at: [usize; 4],
        /// a value in [-1, 1] for each channel
        colour: Vec<f32>,
    },
    /// an edge along a line: brightness changes across it
    Line {
        /// x, y of one end
        from: [f64; 2],
        /// of the other
        to: [f64; 2],
    },
    /// a rectangle shows what another one showed
    Drag {
        /// left, top, width, height of what is moved
        at: [usize; 4],
        /// to the right and down, in pixels
        by: [i64; 2],
    },
}

/// How latents are searched for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EditSettings {
    /// updates of the latent
    pub steps: usize,
    /// the learning rate, in standard deviations of draws
    pub rate: f64,
    /// what it costs to leave the photo's latent (lambda_s), for the mean square of its numbers in standard deviations of draws
    pub stay: f64,
    /// images on the way, the ends among them
    pub frames: usize,
}

impl Default for EditSettings {
    fn default() -> Self {
        EditSettings {
            steps: 150,
            rate: 0.05,
            stay: 0.02,
            frames: 8,
        }
    }
}

/// A latent that has been edited.
#[derive(Clone, Debug)]
pub struct Edited {
    /// the vectors on the way, `[frames, width]`; the first is the photo's
    pub vectors: Vec<f32>,
    /// their images
    pub way: Samples,
    /// how far from satisfied each constraint was, and is
    pub errors: Vec<[f64; 2]>,
}

/// A colour `#rrggbb` as so many channels in [-1, 1]; one channel is its brightness (ITU-R BT.601), a fourth one is opaque.
///
/// # Errors
/// [`Error::Usage`] for what is no colour.
pub fn colour(text: &str, channels: usize) -> Result<Vec<f32>> {
    let digits = text.strip_prefix('#').filter(|d| d.len() == 6 && d.is_ascii());
    let byte = |i: usize| u8::from_str_radix(digits?.get(2 * i..2 * i + 2)?, 16).ok();
    let all: Option<Vec<f32>> = (0..3)
        .map(|i| byte(i).map(|b| f32::from(b) / 127.5 - 1.0))
        .collect();
    let rgb = all.ok_or_else(|| {
        let problem = format!("`{text}` is no colour");
        Error::usage(problem, "write one as #rrggbb, such as #20a040")
    })?;
    Ok(match channels {
        1 => vec![0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]],
        c => rgb.into_iter().chain([1.0]).take(c).collect(),
    })
}

/// The step of brightness across a line that counts as an edge, of values that span 2.
const EDGE: f64 = 0.5;

/// A constraint as arrays: the places that it looks at, and what should stand there.
enum Asked {
    /// mask and target, `[1, h, w, c]`, and how many numbers the mask lets through
    Values([Tensor<4>; 2], f64),
    /// components across the line of the unit step, for each pixel, `[1, h, w, 1]` each, and pixels of the line
    Edge([Tensor<4>; 2], f64),
}

impl Constraint {
    /// Refuses places that lie outside the image, and colours of other channels.
    fn check(&self, [h, w, c]: [usize; 3]) -> Result<()> {
        let outside = |what: &str| {
            let problem = format!("{what} is not within the image, which is {w} pixels wide and {h} high");
            Err(Error::usage(
                problem,
                "give places in the pixels of the run's images",
            ))
        };
        let within = |[x, y, width, height]: [usize; 4]| {
            let fits = |from: usize, n: usize, all: usize| n > 0 && from < all && n <= all - from;
            fits(x, width, w) && fits(y, height, h)
        };
        match self {
            Constraint::Paint { colour, .. } if colour.len() != c => Err(Error::usage(
                format!(
                    "a colour has {} numbers, and these images {c} channels",
                    colour.len()
                ),
                "give a value for each channel",
            )),
            Constraint::Paint { at, .. } if !within(*at) => outside("a rectangle to paint"),
            Constraint::Line { from, to } => {
                let inside =
                    |[x, y]: [f64; 2]| (0.0..=w as f64).contains(&x) && (0.0..=h as f64).contains(&y);
                match inside(*from) && inside(*to) && (from[0] - to[0]).hypot(from[1] - to[1]) >= 1.0 {
                    true => Ok(()),
                    false => outside("a line of a pixel or more"),
                }
            }
            Constraint::Drag {
                at: [x, y, width, height],
                by,
            } => {
                let to = [*x as i64 + by[0], *y as i64 + by[1]];
                let there = to.map(|v| usize::try_from(v).unwrap_or(usize::MAX));
                match within([*x, *y, *width, *height]) && within([there[0], there[1], *width, *height]) {
                    true => Ok(()),
                    false => outside("a rectangle to drag, or where it goes,"),
                }
            }
            Constraint::Paint { .. } => Ok(()),
        }
    }

    /// What it asks of images of that shape, the photo's being `start`.
    fn asked(&self, [h, w, c]: [usize; 3], start: &[f32], device: &Device) -> Asked {
        let mut mask = vec![0f32; h * w * c];
        let mut target = vec![0f32; h * w * c];
        let tensor = |v: Vec<f32>, c| Tensor::<4>::from_data(TensorData::new(v, [1, h, w, c]), device);
        let mut put = |x: usize, y: usize, of: &dyn Fn(usize) -> f32| {
            for k in 0..c {
                let i = (y * w + x) * c + k;
                (mask[i], target[i]) = (1.0, of(k));
            }
        };
        match self {
            Constraint::Paint {
                at: [x, y, width, height],
                colour,
            } => {
                (*y..y + height).for_each(|y| (*x..x + width).for_each(|x| put(x, y, &|k| colour[k])));
            }
            Constraint::Drag {
                at: [x, y, width, height],
                by,
            } => {
                for (v, u) in (*y..y + height).flat_map(|v| (*x..x + width).map(move |u| (v, u))) {
                    let to = [u as i64 + by[0], v as i64 + by[1]].map(|p| p as usize);
                    put(to[0], to[1], &|k| start[(v * w + u) * c + k]);
                }
            }
            Constraint::Line { from, to } => {
                let along = [to[0] - from[0], to[1] - from[1]];
                let length = along[0].hypot(along[1]);
                let normal = [-along[1] / length, along[0] / length];
                let (mut across, mut count) = ([vec![0f32; h * w], vec![0f32; h * w]], 0.0);
                for i in 0..h * w {
                    let at = [(i % w) as f64 + 0.5 - from[0], (i / w) as f64 + 0.5 - from[1]];
                    let t = (at[0] * along[0] + at[1] * along[1]) / length;
                    let off = at[0] * normal[0] + at[1] * normal[1];
                    if (0.0..=length).contains(&t) && off.abs() <= 0.71 {
                        (across[0][i], across[1][i]) = (normal[0] as f32, normal[1] as f32);
                        count += 1.0;
                    }
                }
                return Asked::Edge(across.map(|v| tensor(v, 1)), f64::max(count, 1.0));
            }
        }
        let count = mask.iter().sum::<f32>() as f64;
        Asked::Values([tensor(mask, c), tensor(target, c)], count.max(1.0))
    }
}

/// Half the difference of the neighbours of every pixel, to the right and down, of the mean of its channels: `[batch, h, w, 1]` each; the
/// image's edge is its own neighbour.
fn gradients(image: &Tensor<4>) -> [Tensor<4>; 2] {
    let [_, h, w, _] = image.dims();
    let grey = image.clone().mean_dim(3);
    let moved = |axis: usize, n: usize| {
        let last = grey.clone().narrow(axis, n - 1, 1);
        let first = grey.clone().narrow(axis, 0, 1);
        let next = Tensor::cat(vec![grey.clone().narrow(axis, 1, n - 1), last], axis);
        let before = Tensor::cat(vec![first, grey.clone().narrow(axis, 0, n - 1)], axis);
        (next - before) * 0.5
    };
    [moved(2, w), moved(1, h)]
}

impl Asked {
    /// How far an image is from it, `[1]`: mean squares; of an edge, of what is missing of the step across it.
    fn missed(&self, image: &Tensor<4>) -> Tensor<1> {
        match self {
            Asked::Values([mask, target], count) => {
                let off = (image.clone() - target.clone()) * mask.clone();
                (off.clone() * off).sum() / *count
            }
            Asked::Edge([x, y], count) => {
                let [dx, dy] = gradients(image);
                let across = dx * x.clone() + dy * y.clone();
                let here = x.clone() * x.clone() + y.clone() * y.clone();
                let missing = (across.abs().neg() + EDGE).clamp_min(0.0) * here;
                (missing.clone() * missing).sum() / *count
            }
        }
    }
}

/// Moves the vector of a photo to where its image satisfies the constraints. `start` is a vector of the space. `progress` is told the step and the loss.
///
/// # Errors
/// [`Error::Usage`] for a model that makes no images or through whose decoder no gradient comes back, and for constraints outside the image.
pub fn edit(
    space: Space,
    start: &[f32],
    constraints: &[Constraint],
    settings: EditSettings,
    progress: &mut dyn FnMut(usize, f64),
) -> Result<Edited> {
    let (width, plain) = (space.width(), space.centre().device());
    let device = plain.clone().autodiff();
    let first = space.decode(rows(start.to_vec(), width, &plain))?;
    let &[1, h, w, c] = &first.shape[..] else {
        let problem = format!("images are edited, and these are {}", first.kind.plural());
        return Err(Error::usage(problem, "take a run of images"));
    };
    constraints.iter().try_for_each(|g| g.check([h, w, c]))?;
    let asked: Vec<Asked> = constraints
        .iter()
        .map(|g| g.asked([h, w, c], &first.values, &device))
        .collect();
    let render = space.differentiable(1)?;
    let spread = space.spread();
    let origin = rows(start.to_vec(), width, &device);
    let (mut at, mut descent) = (start.to_vec(), Descent::new(width));
    for step in 0..settings.steps {
        interrupt::check()?;
        let here = rows(at.clone(), width, &device).require_grad();
        let image = render(here.clone());
        let off = (here.clone() - origin.clone()) / spread;
        let stay = (off.clone() * off).mean() * settings.stay;
        let loss = asked.iter().map(|a| a.missed(&image)).fold(stay, |a, b| a + b);
        progress(step + 1, f64::from(numbers(loss.clone())[0]));
        let Some(g) = here.grad(&loss.backward()) else {
            break;
        };
        descent.step(&mut at, &numbers(g), settings.rate * spread);
    }
    let ends = [start, &at].map(|v| rows(v.to_vec(), width, &plain));
    let way = walk(
        ends[0].clone(),
        ends[1].clone(),
        settings.frames.max(2),
        Walk::Linear,
    );
    let images = space.decode(way.clone())?;
    let n = h * w * c;
    let missed = |image: &[f32], a: &Asked| {
        let image = Tensor::<4>::from_data(TensorData::new(image.to_vec(), [1, h, w, c]), &device);
        f64::from(numbers(a.missed(&image))[0])
    };
    let last = &images.values[images.values.len() - n..];
    let errors = asked
        .iter()
        .map(|a| [&images.values[..n], last].map(|i| missed(i, a)));
    Ok(Edited {
        errors: errors.collect(),
        vectors: numbers(way),
        way: images,
    })
}

#[cfg(test)]
mod tests;

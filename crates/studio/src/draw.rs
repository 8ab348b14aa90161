//! What a model makes, as a browser shows it.
use crate::http::{Refusal, Response};
use crate::places::Places;
use crate::shelf::Open;
use menagerie::data::{DataInfo, Kind, midi, wav};
use menagerie::models::{Capability, Model, SampleRequest, Samples};
use menagerie::nn::numbers;
use menagerie::picture::{self, Picture};
use menagerie::run::{notes_picture, points_picture, sequences_picture, shapes_picture_from};
use menagerie::{Device, Key, Tensor, burn, interrupt};
use serde_json::{Value, json};
use std::sync::MutexGuard;

/// Items of one request.
pub(crate) const MOST: usize = 64;
/// Numbers of all items of one request.
const NUMBERS: usize = 1 << 24;
/// Points in a picture of points.
const POINTS: usize = 2000;

/// What is asked of a sample; each as `menagerie sample` understands it.
pub(crate) struct Wanted {
    pub seed: u64,
    pub label: Option<String>,
    pub truncation: f64,
}

impl Open {
    /// The model, for one thread.
    pub(crate) fn model(&self) -> Result<MutexGuard<'_, Box<dyn Model>>, Refusal> {
        let lost = |_| Refusal::new(500, "the model failed in the middle of something; try again");
        self.model.lock().map_err(lost)
    }

    /// Refuses more than a request may have made.
    pub(crate) fn affordable(&self, count: usize) -> Result<(), Refusal> {
        let numbers = self.info.numbers().saturating_mul(count);
        match count <= MOST && numbers <= NUMBERS {
            true => Ok(()),
            false => Err(Refusal::new(
                400,
                format!("{count} items are more than one request may draw; ask for fewer"),
            )),
        }
    }

    /// The index of a class by its name.
    pub(crate) fn class(&self, label: &str) -> Result<u32, Refusal> {
        let known = &self.info.labels;
        let found = known.iter().position(|k| k == label).ok_or_else(|| {
            let fix = match known.is_empty() {
                true => "its data have no classes".into(),
                false => menagerie::error::nearest(label, known.iter().map(String::as_str)),
            };
            Refusal::new(400, format!("the run has no class `{label}`; {fix}"))
        })?;
        match self.info.shares.get(found) == Some(&0.0) {
            true => Err(Refusal::new(
                400,
                format!("the run has seen no item of class `{label}` in training"),
            )),
            false => Ok(found as u32),
        }
    }

    /// Draws as `menagerie sample --seed` does: one item, or many points.
    pub(crate) fn sample(&self, wanted: &Wanted) -> Result<Samples, Refusal> {
        truncates(wanted.truncation)?;
        let count = if self.info.kind == Kind::Points { POINTS } else { 1 };
        let request = SampleRequest {
            label: wanted.label.as_deref().map(|l| self.class(l)).transpose()?,
            truncation: wanted.truncation,
            ..SampleRequest::new(count, Key::new(wanted.seed).stream("sample"))
        };
        let model = self.model()?;
        let sampler = model
            .as_sample()
            .ok_or_else(|| Capability::Sample.missing(&self.name))?;
        Ok(sampler.sample(&request)?)
    }

    /// Whether it draws by class.
    pub(crate) fn draws_by_class(&self) -> Result<bool, Refusal> {
        if self.info.labels.is_empty() {
            return Ok(false);
        }
        let model = self.model()?;
        if model.as_class_mixtures().is_some() || model.as_latent_space().is_some() {
            return Ok(model.as_class_mixtures().is_some());
        }
        let Some(sampler) = model.as_sample() else {
            return Ok(false);
        };
        // It says so by refusing or not; asked once.
        if let Some(known) = self.by_class.get() {
            return Ok(*known);
        }
        let label = self.info.shares.iter().position(|s| *s > 0.0).unwrap_or(0);
        let request = SampleRequest {
            label: Some(label as u32),
            ..SampleRequest::new(1, Key::new(0))
        };
        let draws = sampler.sample(&request).is_ok();
        // A draw that was given up on its way says nothing.
        interrupt::check()?;
        Ok(*self.by_class.get_or_init(|| draws))
    }

    /// Items of places, row by row, truncated so far; 1 is as trained.
    pub(crate) fn decode(&self, latents: &[Vec<f32>], truncation: f64) -> Result<Samples, Refusal> {
        self.affordable(latents.len())?;
        let model = self.model()?;
        let places = Places::of_open(self, &**model)?;
        Ok(places.decode(places.rows(latents)?, truncation)?)
    }
}

/// A truncation, if it is one.
pub(crate) fn truncates(by: f64) -> Result<f64, Refusal> {
    match by.is_finite() && by >= 0.0 {
        true => Ok(by),
        false => Err(Refusal::new(
            400,
            "a truncation is 0 or more; 1 is the prior as trained",
        )),
    }
}

/// Rows of numbers as latents.
pub(crate) fn rows(latents: &[Vec<f32>], latent: usize) -> Result<Tensor<2>, Refusal> {
    if let Some(bad) = latents.iter().find(|z| z.len() != latent) {
        return Err(Refusal::new(
            400,
            format!("a latent has {latent} numbers, not {}", bad.len()),
        ));
    }
    if latents.is_empty() {
        return Err(Refusal::new(400, "no latents were given"));
    }
    let data = burn::tensor::TensorData::new(latents.concat(), [latents.len(), latent]);
    Ok(Tensor::from_data(data, &Device::flex()))
}

/// Rows of a tensor.
pub(crate) fn table(t: Tensor<2>) -> Value {
    let width = t.dims()[1];
    numbers(t).chunks(width.max(1)).map(list).collect()
}

/// Numbers by the fewest digits that give them back.
pub(crate) fn list(row: &[f32]) -> Value {
    let shortest = |v: &f32| v.to_string().parse::<f64>().map_or(Value::Null, |v| json!(v));
    row.iter().map(shortest).collect()
}

/// Frames of one size after each other, as a canvas takes them: `[count, height, width, RGBA]`.
pub(crate) fn frames(samples: &Samples) -> Result<Response, Refusal> {
    frames_of(std::slice::from_ref(samples))
}

/// Images one after the other as an animation (GIF).
pub(crate) fn film(samples: &Samples) -> Result<Response, Refusal> {
    let (Kind::Image, &[count, h, w, c]) = (samples.kind, &samples.shape[..]) else {
        let problem = format!("{} are no frames of a film", samples.kind.plural());
        return Err(Refusal::new(400, problem));
    };
    let film = picture::animation(&samples.values, [1, count, h, w, c], 1)?;
    Ok(Response::new("image/gif", film))
}

/// The same of several draws, whose items have one size; smaller ones are laid into the upper left corner.
pub(crate) fn frames_of(samples: &[Samples]) -> Result<Response, Refusal> {
    turned(samples, None)
}

/// The same; shapes are seen from so many radians to the left of their front.
pub(crate) fn turned(samples: &[Samples], turn: Option<f64>) -> Result<Response, Refusal> {
    let all: Result<Vec<Vec<Picture>>, Refusal> = samples.iter().map(|s| pictures(s, turn)).collect();
    let pictures: Vec<Picture> = all?.into_iter().flatten().collect();
    let width = pictures.iter().map(|p| p.width).max().unwrap_or(0);
    let height = pictures.iter().map(|p| p.height).max().unwrap_or(0);
    let mut bytes = Vec::with_capacity(pictures.len() * width * height * 4);
    for p in &pictures {
        for row in p.bytes.chunks_exact((p.width * p.channels).max(1)) {
            for pixel in row.chunks_exact(p.channels) {
                let alpha = if p.channels == 4 { pixel[3] } else { 255 };
                bytes.extend([pixel[0], pixel[1], pixel[2], alpha]);
            }
            bytes.resize(bytes.len() + 4 * (width - p.width), 0);
        }
        bytes.resize(bytes.len() + 4 * width * (height - p.height), 0);
    }
    Ok(Response::new("application/octet-stream", bytes)
        .with("X-Count", pictures.len().to_string())
        .with("X-Width", width.to_string())
        .with("X-Height", height.to_string()))
}

/// A picture of each item: pairs beside each other, the frames of a video in a row; of points one for all.
fn pictures(samples: &Samples, turn: Option<f64>) -> Result<Vec<Picture>, Refusal> {
    let each = samples.values.len() / samples.shape[0].max(1);
    let items = samples.values.chunks_exact(each.max(1));
    Ok(match (samples.kind, &samples.shape[1..]) {
        (Kind::Image, &[h, w, c]) => items.map(|v| picture::image(v, [h, w, c])).collect(),
        (Kind::Pair | Kind::Unpaired, &[h, w, c]) => {
            let beside = |v: &[f32]| {
                let halves = picture::halves(v, c);
                let n = w * c / 2;
                let rows = (0..h).flat_map(|y| [&halves[y * n..][..n], &halves[(h + y) * n..][..n]].concat());
                picture::image(&rows.collect::<Vec<_>>(), [h, 2 * w, c / 2])
            };
            items.map(beside).collect()
        }
        (Kind::Video, &[t, h, w, c]) => {
            let strip = |v: &[f32]| {
                let n = w * c;
                let rows =
                    (0..h).flat_map(|y| (0..t).flat_map(move |i| v[(i * h + y) * n..][..n].iter().copied()));
                picture::image(&rows.collect::<Vec<_>>(), [h, t * w, c])
            };
            items.map(strip).collect()
        }
        (Kind::Voxels, &[d, h, w, c]) => items
            .map(|v| shapes_picture_from(v, [1, d, h, w, c], None, turn))
            .collect(),
        (Kind::Sequence, &[l, s]) => items.map(|v| sequences_picture(v, [1, l, s])).collect(),
        (Kind::Notes, &[l, c]) => items.map(|v| notes_picture(v, [1, l, c])).collect(),
        (Kind::Points, &[features]) => vec![points_picture(&samples.values, features, None)],
        (kind, _) => {
            let problem = format!("{} are no pictures", kind.plural());
            return Err(Refusal::new(400, problem));
        }
    })
}

/// One sample as a file: the bytes that `menagerie sample -n 1 --out DIR/` writes; of music as a picture, or as MIDI.
pub(crate) fn file(samples: &Samples, info: &DataInfo, as_midi: bool) -> Result<Response, Refusal> {
    Ok(match (samples.kind, &samples.shape[1..]) {
        (Kind::Audio, &[t, c]) => Response::new("audio/wav", wav(&samples.values[..t * c], info.rate, c)?),
        (Kind::Video, &[t, h, w, c]) => Response::new(
            "image/gif",
            picture::animation(&samples.values[..t * h * w * c], [1, t, h, w, c], 1)?,
        ),
        (Kind::Notes, &[l, c]) if as_midi => Response::new("audio/midi", midi(&samples.values[..l * c])?),
        (kind, _) if as_midi => {
            let problem = format!("{} are no music", kind.plural());
            return Err(Refusal::new(400, problem));
        }
        (_, shape) => {
            let picture = pictures(samples, None)?
                .into_iter()
                .next()
                .ok_or_else(|| Refusal::missing("sample"))?;
            let is_grey = samples.kind == Kind::Image && shape.last() == Some(&1);
            let picture = if is_grey { picture.grey() } else { picture };
            Response::new("image/png", picture.png()?)
        }
    })
}

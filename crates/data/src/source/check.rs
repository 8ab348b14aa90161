//! What a source's fields may be.
use super::Source;
use super::format::FORMATS;
use crate::error::{Error, Result, nearest};
use crate::resize::{Alpha, Filter, Preparation};
use crate::{audio, sequence, video};

impl Source {
    /// The checked fields that say how images are prepared.
    pub(crate) fn check(&self) -> Result<Preparation> {
        let size = match self.size[..] {
            [] => None,
            [side] => Some([side, side]),
            [height, width] => Some([height, width]),
            _ => {
                return Err(Error::recipe(
                    "data.size",
                    format!("{:?} is not a size", self.size),
                    "give [side] or [height, width]",
                ));
            }
        };
        if size.is_some_and(|[h, w]| h == 0 || w == 0 || h.saturating_mul(w) > 1 << 24) {
            return Err(Error::recipe(
                "data.size",
                format!("{:?} cannot be used", self.size),
                "sides are at least 1, and 4096 x 4096 at most",
            ));
        }
        if ![0, 1, 3, 4].contains(&self.channels) {
            let problem = format!("{} is not a number of channels", self.channels);
            return Err(Error::recipe(
                "data.channels",
                problem,
                "use 1 (grey), 3 (RGB), 4 (RGBA) or 0 (as they are)",
            ));
        }
        if self.length > 1 << 24 {
            let problem = format!("items of {} samples are too long", self.length);
            return Err(Error::recipe("data.length", problem, "use 16,777,216 at most"));
        }
        if self.rate != 0 && !(1000..=384_000).contains(&self.rate) {
            return Err(Error::recipe(
                "data.rate",
                format!("{} Hz cannot be used", self.rate),
                "use 1000 to 384000, or 0 for the data's own",
            ));
        }
        video::check_frames(self.frames)?;
        one_of("data.overload", &self.overload, &audio::Overload::NAMES)?;
        one_of("data.split", &self.split, &["train", "test", "all"])?;
        one_of("data.format", &self.format, &FORMATS)?;
        one_of("data.aligned", &self.aligned, &["auto", "yes", "no"])?;
        sequence::check(&self.alphabet)?;
        one_of("data.missing", &self.missing, &["skip", "keep"])?;
        one_of("data.columns", &self.columns, &["numbers", "mixed"])?;
        if !(0.0..=1.0).contains(&self.max_bad) {
            return Err(Error::recipe(
                "data.max_bad",
                format!("{} is not a share", self.max_bad),
                "give a number from 0 to 1",
            ));
        }
        if !(0.0..1.0).contains(&self.holdout) {
            let problem = format!("{} is not a share that can be held out", self.holdout);
            return Err(Error::recipe(
                "data.holdout",
                problem,
                "give a number from 0 to below 1",
            ));
        }
        let alpha = match one_of("data.alpha", &self.alpha, &["white", "black", "keep"])? {
            _ if self.channels == 4 => Alpha::Keep,
            "white" => Alpha::Over(255.0),
            "black" => Alpha::Over(0.0),
            _ => Alpha::Keep,
        };
        let filter = match one_of(
            "data.filter",
            &self.filter,
            &["area", "nearest", "bilinear", "lanczos"],
        )? {
            "area" => Filter::Area,
            "nearest" => Filter::Nearest,
            "bilinear" => Filter::Bilinear,
            _ => Filter::Lanczos,
        };
        Ok(Preparation {
            size,
            channels: self.channels,
            filter,
            crop: self.crop,
            alpha,
        })
    }
}

/// `value` when it is one of `values`.
fn one_of<'a>(key: &str, value: &'a str, values: &[&str]) -> Result<&'a str> {
    if values.contains(&value) {
        return Ok(value);
    }
    Err(Error::recipe(
        key,
        format!("`{value}` is not one of {}", values.join(", ")),
        nearest(value, values.iter().copied()),
    ))
}

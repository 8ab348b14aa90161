//! A play that makes images of descriptions, as a model that can be asked.
use super::{CHUNK, Game, Illustrates, Play};
use crate::{Illustrate, Samples};
use burn::tensor::Tensor;
use menagerie_data::Batch;
use menagerie_data::error::{Error, Result, nearest};
use menagerie_data::random::Key;
use menagerie_nn::numbers;

impl<P: Play> Game<P> {
    /// The play, and texts as it reads them.
    fn read(&self, texts: &[String]) -> Result<(&dyn Illustrates, Tensor<2>)> {
        let model = self.play.stage().model;
        let play = self.play.illustrates().ok_or_else(|| {
            let problem = format!("{model} makes no images of descriptions");
            Error::usage(problem, "see `menagerie list --can text-to-image`")
        })?;
        for text in texts {
            let unknown = self.unknown(text);
            let words = menagerie_data::words_of(text).count();
            if unknown.len() < words {
                continue;
            }
            let fix = match unknown.first() {
                Some(word) => nearest(word, play.words().iter().map(String::as_str)),
                None => "describe an image in a few words".into(),
            };
            return Err(Error::usage(
                format!(
                    "this {model} knows no word of `{}`",
                    menagerie_data::error::shown(text)
                ),
                fix,
            ));
        }
        Ok((play, play.read(texts)))
    }
}

impl<P: Play> Illustrate for Game<P> {
    fn words(&self) -> &[String] {
        self.play.illustrates().map_or(&[], |i| i.words())
    }

    fn illustrate(&self, texts: &[String], key: Key) -> Result<Samples> {
        let mut values = Vec::new();
        for (k, texts) in texts.chunks(CHUNK).enumerate() {
            let (play, read) = self.read(texts)?;
            let first = (k * CHUNK) as u64;
            let keys: Vec<Key> = (0..texts.len() as u64).map(|i| key.step(first + i)).collect();
            values.extend(numbers(play.draw(play.latents(&keys), read)));
        }
        Ok(self.play.stage().samples(texts.len(), values))
    }

    fn fits(&self, images: &Batch, texts: &[String]) -> Result<Vec<f32>> {
        let (items, (play, read)) = (self.items(images)?, self.read(texts)?);
        if images.shape[0] != texts.len() {
            return Err(Error::usage(
                "images and texts differ in number",
                "give a text to each",
            ));
        }
        Ok(play.fits(items, read))
    }

    fn closeness(&self, images: &Batch, texts: &[String]) -> Result<Vec<f32>> {
        let (items, (play, read)) = (self.items(images)?, self.read(texts)?);
        Ok(numbers(play.closeness(items, read)))
    }
}

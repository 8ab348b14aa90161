//! A message hidden in what a conditional generator draws: its pieces are the classes that are asked for, and the receiver reads them
//! with the discriminator's classifier.
//!
//! Liu, Zhang, Liu, Zhang, Ke (2017), Coverless Information Hiding Based on Generative Adversarial Networks, arXiv:1712.06951. No image is
//! changed, so that nothing can be found in one that was not there; what is hidden is which images were drawn, in their order.
use crate::data::{Batch, Kind};
use crate::error::{Error, Result};
use crate::models::{Classify, Sample, SampleRequest, Samples};
use crate::random::Key;
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageReader};
use std::io::Cursor;

/// Bits that an item of one of so many classes carries: the whole part of their logarithm, and eight at most, so that the number of items tells
/// the length of the message.
pub fn bits_per_item(classes: usize) -> usize {
    classes.checked_ilog2().unwrap_or(0).min(8) as usize
}

/// The classes that say a message, the first `2^bits` of them standing for the numbers that so many bits make.
pub fn to_classes(message: &[u8], bits: usize) -> Vec<u32> {
    let all: Vec<u8> = message
        .iter()
        .flat_map(|b| (0..8).map(move |i| b >> (7 - i) & 1))
        .collect();
    let number = |piece: &[u8]| {
        let padded = piece.iter().chain(std::iter::repeat(&0)).take(bits);
        padded.fold(0, |n, b| n << 1 | u32::from(*b))
    };
    all.chunks(bits.max(1)).map(number).collect()
}

/// The message that these classes say; what is left of a byte is no part of it.
pub fn of_classes(classes: &[u32], bits: usize) -> Vec<u8> {
    let all: Vec<u8> = classes
        .iter()
        .flat_map(|c| (0..bits).map(move |i| (c >> (bits - 1 - i) & 1) as u8))
        .collect();
    all.chunks_exact(8)
        .map(|byte| byte.iter().fold(0, |n, b| n << 1 | b))
        .collect()
}

/// Share of the bits of a message that another has wrong; bits that it lacks are wrong.
pub fn bit_error(message: &[u8], read: &[u8]) -> f64 {
    let wrong = |(i, b): (usize, &u8)| read.get(i).map_or(8, |r| (b ^ r).count_ones());
    let sum: u32 = message.iter().enumerate().map(wrong).sum();
    f64::from(sum) / (8 * message.len()).max(1) as f64
}

/// What happens to images between sender and receiver; all of them come out of it with 8 bits a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Channel {
    /// nothing else
    Clean,
    /// they are written as JPEG of that quality, 1 to 100, and read again
    Jpeg(u8),
    /// Gaussian noise of that deviation, of pixels in [0, 1]
    Noise(f64),
}

impl Channel {
    /// Its name in figures.
    pub fn name(self) -> String {
        match self {
            Channel::Clean => "clean".into(),
            Channel::Jpeg(quality) => format!("jpeg-{quality}"),
            Channel::Noise(deviation) => format!("noise-{deviation}"),
        }
    }

    /// Images as they come out of it; the noise of image i is drawn from `key.step(i)`.
    ///
    /// # Errors
    /// [`Error::Usage`] for what JPEG does not hold: other than one or three channels, or sides beyond 65,535.
    pub fn pass(self, images: &Samples, key: Key) -> Result<Samples> {
        let &[n, h, w, c] = &images.shape[..] else {
            return Err(Error::usage("only images are sent", "take a model of images"));
        };
        let bytes = |v: &f32| ((v * 0.5 + 0.5).clamp(0.0, 1.0) * 255.0).round() as u8;
        let mut values = Vec::with_capacity(images.values.len());
        for (i, item) in images.values.chunks_exact((h * w * c).max(1)).enumerate().take(n) {
            let item: Vec<u8> = match self {
                Channel::Clean => item.iter().map(bytes).collect(),
                Channel::Jpeg(quality) => {
                    jpeg(&item.iter().map(bytes).collect::<Vec<u8>>(), [h, w, c], quality)?
                }
                Channel::Noise(deviation) => {
                    let mut rng = key.step(i as u64).rng();
                    item.iter()
                        .map(|v| bytes(&(v + (2.0 * deviation * rng.normal()) as f32)))
                        .collect()
                }
            };
            values.extend(item.iter().map(|b| f32::from(*b) / 127.5 - 1.0));
        }
        Ok(Samples {
            values,
            ..images.clone()
        })
    }
}

/// An image through a JPEG file.
fn jpeg(bytes: &[u8], [h, w, c]: [usize; 3], quality: u8) -> Result<Vec<u8>> {
    let failed = |e: image::ImageError| {
        Error::usage(
            format!("an image cannot be written as JPEG: {e}"),
            "take smaller images",
        )
    };
    let colour = match c {
        1 => ExtendedColorType::L8,
        3 => ExtendedColorType::Rgb8,
        _ => {
            let problem = format!("JPEG holds images of 1 or 3 channels, not of {c}");
            return Err(Error::usage(problem, "take a model of such images"));
        }
    };
    let mut file = Vec::new();
    JpegEncoder::new_with_quality(&mut file, quality.clamp(1, 100))
        .encode(bytes, w as u32, h as u32, colour)
        .map_err(failed)?;
    let reader = ImageReader::new(Cursor::new(file)).with_guessed_format();
    let read = reader.map_err(|e| failed(e.into()))?.decode().map_err(failed)?;
    Ok(if c == 1 {
        read.into_luma8().into_raw()
    } else {
        read.into_rgb8().into_raw()
    })
}

/// A model that draws by class, and tells classes.
#[derive(Clone, Copy)]
pub struct Pair<'a> {
    /// draws
    pub sender: &'a dyn Sample,
    /// reads
    pub receiver: &'a dyn Classify,
}

fn batch(images: &Samples) -> Batch {
    Batch {
        kind: images.kind,
        shape: images.shape.clone(),
        values: images.values.clone(),
        labels: None,
        attributes: vec![],
        captions: None,
        indices: (0..images.shape[0] as u32).collect(),
    }
}

impl Pair<'_> {
    /// Bits that an image carries.
    ///
    /// # Errors
    /// [`Error::Usage`] for fewer than two classes.
    pub fn bits(&self) -> Result<usize> {
        match bits_per_item(self.receiver.classes().len()) {
            0 => Err(Error::usage(
                "a model of one class can say nothing by it",
                "train on data with two classes or more",
            )),
            bits => Ok(bits),
        }
    }

    /// An image for each piece of a message, in order. Of up to `tries` draws of a piece the first is taken that the receiver reads right (the
    /// sender has the receiver's classifier, too); the last where there is none.
    ///
    /// # Errors
    /// [`Error::Usage`] for an empty message, and a model that draws no images of a class.
    pub fn hide(&self, message: &[u8], tries: usize, key: Key) -> Result<Samples> {
        if message.is_empty() {
            return Err(Error::usage("there is no message", "give one of a byte or more"));
        }
        let classes = to_classes(message, self.bits()?);
        let mut out: Option<Samples> = None;
        let mut open: Vec<usize> = (0..classes.len()).collect();
        for round in 0..tries.max(1) {
            let drawn = self.drawn(&classes, &open, key.step(round as u64))?;
            let n = drawn.values.len() / open.len().max(1);
            let all = out.get_or_insert_with(|| Samples {
                shape: [&[classes.len()], &drawn.shape[1..]].concat(),
                values: vec![0.0; classes.len() * n],
                kind: drawn.kind,
            });
            for (place, image) in open.iter().zip(drawn.values.chunks_exact(n.max(1))) {
                all.values[place * n..(place + 1) * n].copy_from_slice(image);
            }
            let read = self.classes_of(&Channel::Clean.pass(&drawn, key)?)?;
            let right = open
                .iter()
                .zip(read)
                .filter(|(place, read)| classes[**place] != *read);
            open = right.map(|(place, _)| *place).collect();
            if open.is_empty() {
                break;
            }
        }
        out.ok_or_else(|| Error::usage("nothing was drawn", "report this as a bug"))
    }

    /// An image of the class of each of these places, class by class.
    fn drawn(&self, classes: &[u32], places: &[usize], key: Key) -> Result<Samples> {
        let mut out: Option<Samples> = None;
        let most = classes.iter().copied().max().unwrap_or(0);
        for class in 0..=most {
            let mine: Vec<usize> = (0..places.len())
                .filter(|i| classes[places[*i]] == class)
                .collect();
            if mine.is_empty() {
                continue;
            }
            let request = SampleRequest {
                label: Some(class),
                ..SampleRequest::new(mine.len(), key.stream("class").step(u64::from(class)))
            };
            let some = self.sender.sample(&request)?;
            if some.kind != Kind::Image {
                return Err(Error::usage("only images are sent", "take a model of images"));
            }
            let n = some.values.len() / mine.len();
            let all = out.get_or_insert_with(|| Samples {
                shape: [&[places.len()], &some.shape[1..]].concat(),
                values: vec![0.0; places.len() * n],
                kind: some.kind,
            });
            for (i, image) in mine.iter().zip(some.values.chunks_exact(n.max(1))) {
                all.values[i * n..(i + 1) * n].copy_from_slice(image);
            }
        }
        out.ok_or_else(|| Error::usage("nothing was drawn", "report this as a bug"))
    }

    /// The class that each image is read as, of those that pieces of a message have.
    fn classes_of(&self, images: &Samples) -> Result<Vec<u32>> {
        let (all, used) = (self.receiver.classes().len(), 1 << self.bits()?);
        let found = self.receiver.log_probabilities(&batch(images))?;
        let likeliest =
            |row: &[f32]| (1..used).fold(0, |best, i| if row[i] > row[best] { i } else { best }) as u32;
        Ok(found.chunks_exact(all).map(likeliest).collect())
    }

    /// The message that images say.
    ///
    /// # Errors
    /// [`Error::Usage`] for images of another size than the model's.
    pub fn reveal(&self, images: &Samples) -> Result<Vec<u8>> {
        Ok(of_classes(&self.classes_of(images)?, self.bits()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_become_classes_and_come_back() {
        assert_eq!(bits_per_item(10), 3);
        assert_eq!(
            (bits_per_item(1), bits_per_item(0), bits_per_item(1000)),
            (0, 0, 8)
        );
        // 0xA5 0x01 = 101 001 010 000 000 1(00)
        assert_eq!(to_classes(&[0xa5, 0x01], 3), [5, 1, 2, 0, 0, 4]);
        for bits in 1..=8 {
            for length in 1..20 {
                let message: Vec<u8> = (0..length).map(|i| (i * 37 + 11) as u8).collect();
                assert_eq!(
                    of_classes(&to_classes(&message, bits), bits),
                    message,
                    "{bits} bits, {length} bytes"
                );
            }
        }
        assert_eq!(bit_error(&[0xff, 0x00], &[0xfe, 0x00]), 1.0 / 16.0);
        assert_eq!(bit_error(&[0xff, 0x00], &[0xff]), 0.5);
    }

    /// A sender whose images are as bright as their class says, but for some, and a receiver that goes by their brightness.
    struct Toy(Vec<String>);

    impl Sample for Toy {
        fn sample(&self, request: &SampleRequest) -> Result<Samples> {
            let class = request.label.unwrap() as f32;
            let one = |i: usize| {
                let mut rng = request.key.step(i as u64).rng();
                let astray = if rng.uniform() < 0.3 { 1.0 } else { 0.0 };
                vec![(class + astray) / 4.0 - 0.9; 64]
            };
            Ok(Samples {
                kind: Kind::Image,
                shape: vec![request.count, 8, 8, 1],
                values: (0..request.count).flat_map(one).collect(),
            })
        }
    }

    impl Classify for Toy {
        fn log_probabilities(&self, batch: &Batch) -> Result<Vec<f32>> {
            let score =
                |image: &[f32], c: usize| -(image.iter().sum::<f32>() / 64.0 - c as f32 / 4.0 + 0.9).powi(2);
            Ok(batch
                .values
                .chunks_exact(64)
                .flat_map(|i| (0..4).map(|c| score(i, c)).collect::<Vec<_>>())
                .collect())
        }
        fn classes(&self) -> &[String] {
            &self.0
        }
    }

    #[test]
    fn what_the_receiver_misreads_is_drawn_again() {
        let toy = Toy((0..4).map(|i| i.to_string()).collect());
        let pair = Pair {
            sender: &toy,
            receiver: &toy,
        };
        let message: Vec<u8> = (0..40).collect();
        let error = |tries: usize, channel: Channel| {
            let images = pair.hide(&message, tries, Key::new(1)).unwrap();
            assert_eq!(images.shape, [160, 8, 8, 1]);
            bit_error(
                &message,
                &pair.reveal(&channel.pass(&images, Key::new(2)).unwrap()).unwrap(),
            )
        };
        assert!(error(1, Channel::Clean) > 0.1);
        for channel in [Channel::Clean, Channel::Jpeg(50), Channel::Noise(0.1)] {
            assert!(error(30, channel) < 0.02, "{channel:?}");
        }
        assert!(
            error(30, Channel::Noise(3.0)) > 0.1,
            "a channel that is too bad is"
        );
        assert!(pair.hide(&[], 1, Key::new(1)).is_err());
    }
}

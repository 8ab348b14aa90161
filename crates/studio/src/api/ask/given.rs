//! The item that a question is about.
use super::super::{Studio, number};
use crate::http::{Refusal, Request};
use crate::shelf::Open;
use menagerie::data::{Batch, Kind, Pixels};
use menagerie::models::{Direction, Model, Samples};
use menagerie::run::Run;

/// What a browser sent.
pub(super) enum Sent {
    /// the number of an item of the run's data
    Index(u32),
    /// a picture, what of it is known, and the class it is said to have
    Picture {
        pixels: Pixels,
        known: Option<Vec<bool>>,
        label: Option<String>,
    },
}

/// A picture comes as its pixels, four bytes each (RGBA), row by row, and after them, where something is hidden, a byte a pixel: 0 for
/// what is hidden. Its size is in the query.
pub(super) fn sent(request: &Request) -> Result<Sent, Refusal> {
    if request.method == "GET" {
        return Ok(Sent::Index(number(request, "index", 0)?));
    }
    // No page of another site can send this unasked.
    if request.header("content-type") != Some("application/octet-stream") {
        return Err(Refusal::new(400, "send application/octet-stream"));
    }
    let [height, width] = [
        number(request, "height", 0usize)?,
        number(request, "width", 0usize)?,
    ];
    let count = height.saturating_mul(width);
    let [plain, masked] = [4, 5].map(|bytes| count.checked_mul(bytes) == Some(request.body.len()));
    if count == 0 || !(plain || masked) {
        let problem = format!(
            "{} bytes are no {height}x{width} pixels of four bytes each, and one more each where some are hidden",
            request.body.len()
        );
        return Err(Refusal::new(400, problem));
    }
    let (bytes, mask) = request.body.split_at(4 * count);
    Ok(Sent::Picture {
        pixels: Pixels {
            height,
            width,
            channels: 4,
            bytes: bytes.to_vec(),
        },
        known: masked.then(|| mask.iter().map(|&m| m > 0).collect()),
        label: request.query("label").filter(|l| !l.is_empty()).map(String::from),
    })
}

/// The item.
pub(super) struct Given {
    /// it alone
    pub batch: Batch,
    /// of a pair, from which side to which
    pub direction: Option<Direction>,
    /// the other side of a pair
    pub truth: Option<Samples>,
    /// what is not hidden of a picture that was sent
    pub known: Option<Vec<bool>>,
}

fn samples(batch: &Batch) -> Samples {
    Samples {
        kind: batch.kind,
        shape: batch.shape.clone(),
        values: batch.values.clone(),
    }
}

impl Given {
    /// `direction` of a model that translates.
    pub(super) fn of(
        studio: &Studio,
        run: &Run,
        open: &Open,
        model: &dyn Model,
        sent: Sent,
        direction: Option<Direction>,
    ) -> Result<Given, Refusal> {
        match sent {
            Sent::Index(index) => Given::own(studio, run, open, index, direction),
            Sent::Picture { pixels, known, label } => {
                let label = label.as_deref().map(|l| open.class(l)).transpose()?;
                let batch = picture(open, model, &pixels, label)?;
                Ok(Given {
                    batch,
                    direction,
                    truth: None,
                    known,
                })
            }
        }
    }

    fn own(
        studio: &Studio,
        run: &Run,
        open: &Open,
        index: u32,
        direction: Option<Direction>,
    ) -> Result<Given, Refusal> {
        let set = studio.sets.get(run, &open.info)?;
        let count = set.info().count;
        let within = |i: usize, of: usize| match i < of {
            true => Ok(()),
            false => Err(Refusal::new(
                400,
                format!("item {i} was asked for, but there are {of}"),
            )),
        };
        let Some(way) = direction.filter(|_| set.info().kind.has_sides()) else {
            within(index as usize, count)?;
            let batch = Batch::of(&*set, &[index])?;
            return Ok(Given {
                batch,
                direction,
                truth: None,
                known: None,
            });
        };
        within(index as usize, set.side_counts()[way.from()])?;
        let of_side = |side: usize| -> Result<Option<Batch>, Refusal> {
            let side = menagerie::data::Side::of(&*set, side);
            Ok(side.map(|s| Batch::of(&s, &[index])).transpose()?)
        };
        let batch = of_side(way.from())?.ok_or_else(|| Refusal::missing("such side"))?;
        let truth = match set.info().kind {
            Kind::Pair => of_side(way.to())?.as_ref().map(samples),
            _ => None,
        };
        Ok(Given {
            batch,
            direction,
            truth,
            known: None,
        })
    }

    pub(super) fn item(&self) -> Samples {
        samples(&self.batch)
    }

    /// The item with what is not known at mid-grey, or empty.
    pub(super) fn hidden(&self, known: &[bool]) -> Samples {
        let mut item = self.item();
        let nothing = item.kind.hidden();
        let each = (item.values.len() / known.len().max(1)).max(1);
        let positions = item.values.chunks_mut(each).zip(known);
        positions.filter(|(_, k)| !**k).for_each(|(v, _)| v.fill(nothing));
        item
    }

    /// The first frames of a video and how many follow, of what is no video all of it and none.
    pub(super) fn cut(&self, context: usize) -> (Batch, usize) {
        let mut given = self.batch.clone();
        let all = given.shape[1];
        if context == 0 || given.kind != Kind::Video || context >= all {
            return (given, 0);
        }
        given.values.truncate(given.values.len() / all * context);
        given.shape[1] = context;
        (given, all - context)
    }

    /// What follows those frames, or what a prediction is of.
    pub(super) fn future(&self, context: usize) -> Samples {
        let mut item = match self.batch.kind {
            Kind::Pair => samples(&self.batch.side(1)),
            _ => self.item(),
        };
        let all = item.shape[1];
        if item.kind == Kind::Video && (1..all).contains(&context) {
            item.values.drain(..item.values.len() / all * context);
            item.shape[1] = all - context;
        }
        item
    }
}

/// Channels of pictures that a model takes, and their size where it knows one alone; `None` where it takes none.
pub(super) fn taken(open: &Open, model: &dyn Model) -> Option<(usize, Option<[usize; 2]>)> {
    match (model.as_translate(), &open.info.shape[..], open.info.kind) {
        (Some(t), ..) => Some((t.channels(), t.size())),
        (None, &[h, w, c], Kind::Image) => Some((c, Some([h, w]))),
        _ => None,
    }
}

/// A picture as the model takes them.
fn picture(open: &Open, model: &dyn Model, pixels: &Pixels, label: Option<u32>) -> Result<Batch, Refusal> {
    let (channels, size) = taken(open, model).ok_or_else(|| {
        let problem = format!("`{}` takes no pictures; choose an item of its data", open.name);
        Refusal::new(400, problem)
    })?;
    if let Some([h, w]) = size.filter(|s| *s != [pixels.height, pixels.width]) {
        return Err(Refusal::new(
            400,
            format!("`{}` takes pictures of {h}x{w}", open.name),
        ));
    }
    Ok(Batch {
        kind: Kind::Image,
        shape: vec![1, pixels.height, pixels.width, channels],
        values: pixels.scaled(channels),
        labels: label.map(|l| vec![l]),
        attributes: vec![],
        captions: None,
        indices: vec![0],
    })
}

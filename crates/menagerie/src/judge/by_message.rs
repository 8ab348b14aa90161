//! The metric of messages that are hidden in which classes are drawn.
use super::metric::{Judge, Metric, Tell, Verdict};
use crate::error::{Error, Result};
use crate::hiding::{Channel, Pair, bit_error};
use crate::models::Capability;
use serde_json::json;

/// Images at most.
const IMAGES: usize = 2000;
/// Draws of an image until the receiver reads it right, for `/checked`.
const TRIES: usize = 16;
const CHANNELS: [Channel; 6] = [
    Channel::Clean,
    Channel::Jpeg(90),
    Channel::Jpeg(75),
    Channel::Jpeg(50),
    Channel::Noise(0.05),
    Channel::Noise(0.1),
];

/// Figures of `bit-error`: of what is drawn once, and (`/checked`) of what the sender draws again where it is read wrong.
///
/// # Errors
/// [`Error::Usage`] of a model that does not draw images by class and tell classes.
pub(super) fn work_out(judge: &Judge, metric: &Metric, tell: Tell) -> Result<Vec<Verdict>> {
    let (model, name) = judge.subject.model(metric.name)?;
    let missing = |c: Capability| c.missing(name);
    let pair = Pair {
        sender: model.as_sample().ok_or_else(|| missing(Capability::Sample))?,
        receiver: model.as_classify().ok_or_else(|| missing(Capability::Classify))?,
    };
    if !judge.subject.is_conditional() {
        let problem = format!("`{name}` does not draw from a class, so it can say nothing by it");
        return Err(Error::usage(problem, "train hiding_gan"));
    }
    let bits = pair.bits()?;
    let bytes = (judge.count.min(IMAGES) * bits / 8).max(1);
    let mut rng = judge.key.stream("message").rng();
    let message: Vec<u8> = (0..bytes).map(|_| rng.below(256) as u8).collect();
    let mut out = vec![];
    for (tries, checked) in [(1, ""), (TRIES, "/checked")] {
        let images = pair.hide(&message, tries, judge.key.stream("hide"))?;
        for (i, channel) in CHANNELS.into_iter().enumerate() {
            tell(metric.name, i, CHANNELS.len());
            let sent = channel.pass(&images, judge.key.stream("channel"))?;
            let value = bit_error(&message, &pair.reveal(&sent)?);
            let name = match channel {
                Channel::Clean => String::new(),
                other => format!("/{}", other.name()),
            };
            let definition = json!({"bits_per_image": bits, "images": images.shape[0], "tries": tries,
                "channel": channel.name(), "message": "drawn bytes"});
            out.push(Verdict {
                metric: format!("{}{checked}{name}", metric.name),
                value,
                error: Some((value * (1.0 - value) / (8 * bytes) as f64).sqrt()),
                warning: None,
                definition: definition.as_object().cloned().unwrap_or_default(),
            });
        }
    }
    Ok(out)
}

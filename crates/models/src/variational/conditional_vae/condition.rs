//! What a conditional model is given, and what it answers with: labels, grey images, frames, left images of pairs.
use crate::{SampleRequest, Samples, of_shape};
use burn::tensor::Tensor;
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Kind};
use serde::{Deserialize, Serialize};

/// What is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// what the data have
    Auto,
    /// a class
    Label,
    /// a colour image's grey
    Grey,
    /// the frames before
    Frames,
    /// the left image of a pair
    Pair,
}

/// A condition and the data it is made of. Conditions and targets are both images `[height, width, ..]`: a class is a plane
/// of ones among planes of zeros, frames lie one behind the other in the channels, the latest last.
#[derive(Clone, Debug)]
pub(super) struct Task {
    condition: Condition,
    context: usize,
    info: DataInfo,
}

/// Weights of red, green and blue in grey (ITU-R BT.601).
const LUMA: [f32; 3] = [0.299, 0.587, 0.114];

impl Task {
    /// For data of that description.
    ///
    /// # Errors
    /// [`Error::Recipe`] when the data have no such condition.
    pub(super) fn new(condition: Condition, context: usize, info: &DataInfo) -> Result<Task> {
        let colours = info.shape.last().copied().unwrap_or(0);
        let found = match (condition, info.kind) {
            (Condition::Auto | Condition::Frames, Kind::Video) => Condition::Frames,
            (Condition::Auto | Condition::Pair, Kind::Pair) => Condition::Pair,
            (Condition::Auto | Condition::Grey, Kind::Image) if colours == 3 => Condition::Grey,
            (Condition::Auto | Condition::Label, Kind::Image) if !info.labels.is_empty() => Condition::Label,
            _ => {
                let has = if info.labels.is_empty() {
                    "without labels"
                } else {
                    "with labels"
                };
                let problem = format!(
                    "`{}` holds {} of {colours} channels {has}, which do not give this condition",
                    info.source,
                    info.kind.plural()
                );
                let fix = "use \"label\" with labelled images, \"grey\" with --channels 3, \"frames\" with videos, \"pair\" with pairs";
                return Err(Error::recipe("model.condition", problem, fix));
            }
        };
        if found == Condition::Frames && context >= info.shape[0] {
            let problem = format!(
                "{context} frames and the next are more than the {} of a video",
                info.shape[0]
            );
            return Err(Error::recipe(
                "model.context",
                problem,
                "give fewer, or longer videos with --frames",
            ));
        }
        Ok(Task {
            condition: found,
            context,
            info: info.clone(),
        })
    }

    /// What is given; never `Auto`.
    pub(super) fn condition(&self) -> Condition {
        self.condition
    }
    /// Frames that are given.
    pub(super) fn context(&self) -> usize {
        self.context
    }
    /// The kind of the data.
    pub(super) fn kind(&self) -> Kind {
        self.info.kind
    }
    /// The shape of an item of the data.
    pub(super) fn item_shape(&self) -> &[usize] {
        &self.info.shape
    }

    /// `[height, width, channels]` of an answer.
    pub(super) fn target_shape(&self) -> [usize; 3] {
        let s = &self.info.shape;
        match self.condition {
            Condition::Frames => [s[1], s[2], s[3]],
            Condition::Pair => [s[0], s[1], s[2] / 2],
            _ => [s[0], s[1], s[2]],
        }
    }

    /// `[height, width, channels]` of what is given.
    pub(super) fn condition_shape(&self) -> [usize; 3] {
        let [h, w, c] = self.target_shape();
        let channels = match self.condition {
            Condition::Label => self.info.labels.len(),
            Condition::Grey => 1,
            Condition::Frames => c * self.context,
            _ => c,
        };
        [h, w, channels]
    }

    /// The description of answers as a data set of their own.
    pub(super) fn target_info(&self) -> DataInfo {
        DataInfo {
            kind: Kind::Image,
            shape: self.target_shape().to_vec(),
            ..self.info.clone()
        }
    }

    /// Answers that make a whole item.
    pub(super) fn answers(&self) -> usize {
        if self.condition == Condition::Frames {
            self.info.shape[0] - self.context
        } else {
            1
        }
    }

    /// Conditions `[batch, ..]` and the answers to them. Of a video, the moment that is predicted is drawn for item `i` from
    /// `key.step(i)`.
    ///
    /// # Errors
    /// [`Error::Data`] when labels are the condition and an item has none.
    pub(super) fn split(&self, batch: &Batch, key: Key) -> Result<(Vec<f32>, Batch)> {
        let mut target = Batch {
            kind: Kind::Image,
            shape: [&batch.shape[..1], &self.target_shape()].concat(),
            ..batch.clone()
        };
        let conditions = match self.condition {
            Condition::Frames => {
                let n: usize = self.target_shape().iter().product();
                let (mut conditions, each) = (Vec::new(), self.info.shape[0] * n);
                target.values = Vec::with_capacity(batch.indices.len() * n);
                for (video, &i) in batch.values.chunks_exact(each).zip(&batch.indices) {
                    let from = key.step(i as u64).rng().below(self.info.shape[0] - self.context);
                    conditions.extend(self.stacked(&video[from * n..(from + self.context) * n]));
                    target
                        .values
                        .extend_from_slice(&video[(from + self.context) * n..][..n]);
                }
                conditions
            }
            Condition::Pair => {
                let c = self.info.shape[2] / 2;
                target.values = batch
                    .values
                    .chunks_exact(2 * c)
                    .flat_map(|p| p[c..].to_vec())
                    .collect();
                self.given(batch, "")?
            }
            _ => self.given(batch, "")?,
        };
        Ok((conditions, target))
    }

    /// The conditions of a batch; of videos, the first frames.
    ///
    /// # Errors
    /// [`Error::Usage`] for items of another shape, or too few frames, and [`Error::Data`] for items without labels.
    pub(super) fn given(&self, batch: &Batch, model: &str) -> Result<Vec<f32>> {
        if self.condition != Condition::Frames {
            of_shape(batch, &self.info.shape, model)?;
        }
        match self.condition {
            Condition::Label => {
                let Some(labels) = &batch.labels else {
                    return Err(Error::data(
                        &self.info.source,
                        "an item has no label",
                        "give labelled data",
                    ));
                };
                Ok(labels.iter().flat_map(|&l| self.planes(l as usize)).collect())
            }
            Condition::Grey => Ok(batch
                .values
                .chunks_exact(3)
                .map(|p| p.iter().zip(LUMA).map(|(v, l)| v * l).sum())
                .collect()),
            Condition::Pair => {
                let c = self.info.shape[2] / 2;
                Ok(batch
                    .values
                    .chunks_exact(2 * c)
                    .flat_map(|p| p[..c].to_vec())
                    .collect())
            }
            _ => {
                let frame = &self.info.shape[1..];
                if batch.shape.len() != 5 || &batch.shape[2..] != frame || batch.shape[1] < self.context {
                    let text = |s: &[usize]| s.iter().map(usize::to_string).collect::<Vec<_>>().join("x");
                    let problem = format!(
                        "{model} predicts from {} frames of {}, but these are {}",
                        self.context,
                        text(frame),
                        text(batch.shape.get(1..).unwrap_or_default())
                    );
                    return Err(Error::usage(
                        problem,
                        "give videos of that size and of enough --frames",
                    ));
                }
                let n: usize = frame.iter().product();
                Ok(batch
                    .values
                    .chunks_exact(batch.shape[1] * n)
                    .flat_map(|v| self.stacked(&v[..self.context * n]))
                    .collect())
            }
        }
    }

    /// Frames one after the other -> one behind the other.
    fn stacked(&self, frames: &[f32]) -> Vec<f32> {
        let [h, w, c] = self.target_shape();
        let pixel = |p: usize| {
            (0..self.context).flat_map(move |t| frames[(t * h * w + p) * c..][..c].iter().copied())
        };
        (0..h * w).flat_map(pixel).collect()
    }

    /// Puts a new frame behind those of a condition, of which the first goes.
    pub(super) fn push(&self, condition: &mut [f32], frame: &[f32]) {
        if self.condition != Condition::Frames {
            return;
        }
        let c = self.target_shape()[2];
        for (old, new) in condition
            .chunks_exact_mut(c * self.context)
            .zip(frame.chunks_exact(c))
        {
            old.rotate_left(c);
            old[c * (self.context - 1)..].copy_from_slice(new);
        }
    }

    /// Planes of a class.
    fn planes(&self, label: usize) -> Vec<f32> {
        let [h, w, c] = self.condition_shape();
        let one: Vec<f32> = (0..c).map(|i| f32::from(i == label)).collect();
        one.repeat(h * w)
    }

    /// Conditions of a request: the class it names, or drawn ones, for sample `i` from the key and `i`.
    ///
    /// # Errors
    /// [`Error::Usage`] for an unknown class.
    pub(super) fn labels(&self, request: &SampleRequest, model: &str) -> Result<Vec<f32>> {
        let classes = self.info.labels.len();
        if let Some(l) = request.label.filter(|&l| l as usize >= classes) {
            return Err(Error::usage(
                format!("{model} knows {classes} classes, so there is no class {l}"),
                "they count from 0",
            ));
        }
        let shares = &self.info.shares;
        let drawn = |i: usize| {
            request
                .key
                .stream("labels")
                .step(i as u64)
                .rng()
                .class(classes, shares)
        };
        Ok((0..request.count)
            .flat_map(|i| self.planes(request.label.map_or_else(|| drawn(i), |l| l as usize)))
            .collect())
    }

    /// What is said of an answer, beyond what it has in common with the condition: the grey in each colour, the latest frame.
    pub(super) fn with_base(&self, said: Tensor<4>, condition: Tensor<4>) -> Tensor<4> {
        let c = self.target_shape()[2];
        match self.condition {
            Condition::Grey => said + condition,
            Condition::Frames => said + condition.narrow(3, c * (self.context - 1), c),
            _ => said,
        }
    }

    /// Conditions as a picture shows them.
    pub(super) fn shown(&self, conditions: Vec<f32>) -> Samples {
        let [h, w, c] = self.condition_shape();
        let count = conditions.len() / (h * w * c);
        match self.condition {
            Condition::Frames => {
                let shape = [&[count, self.context], &self.target_shape()[..]].concat();
                let values = conditions
                    .chunks_exact(h * w * c)
                    .flat_map(|v| self.unstacked(v))
                    .collect();
                Samples {
                    kind: Kind::Video,
                    shape,
                    values,
                }
            }
            _ => Samples {
                kind: Kind::Image,
                shape: vec![count, h, w, c],
                values: conditions,
            },
        }
    }

    /// Frames one behind the other -> one after the other.
    fn unstacked(&self, condition: &[f32]) -> Vec<f32> {
        let c = self.target_shape()[2];
        let frame = |t: usize| {
            condition
                .chunks_exact(c * self.context)
                .flat_map(move |p| p[t * c..(t + 1) * c].iter().copied())
        };
        (0..self.context).flat_map(frame).collect()
    }

    /// Whole items of conditions and the answers to them.
    pub(super) fn join(&self, conditions: &[f32], answers: &[f32]) -> Vec<f32> {
        let each: usize = self.condition_shape().iter().product();
        let n = self.target_shape().iter().product::<usize>() * self.answers();
        match self.condition {
            Condition::Frames => {
                let both = conditions.chunks_exact(each).zip(answers.chunks_exact(n));
                both.flat_map(|(c, a)| [self.unstacked(c), a.to_vec()].concat())
                    .collect()
            }
            Condition::Pair => {
                let c = self.info.shape[2] / 2;
                conditions
                    .chunks_exact(c)
                    .zip(answers.chunks_exact(c))
                    .flat_map(|(a, b)| [a, b].concat())
                    .collect()
            }
            _ => answers.to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(kind: Kind, shape: &[usize], labels: &[&str]) -> DataInfo {
        let labels = labels.iter().map(|l| l.to_string()).collect();
        DataInfo {
            source: "test".into(),
            kind,
            shape: shape.to_vec(),
            count: 9,
            range: (0.0, 255.0),
            labels,
            ..DataInfo::default()
        }
    }

    fn batch(kind: Kind, shape: &[usize], values: Vec<f32>) -> Batch {
        let indices = (0..shape[0] as u32).collect();
        Batch {
            kind,
            shape: shape.to_vec(),
            values,
            labels: Some(vec![1; shape[0]]),
            attributes: vec![],
            captions: None,
            indices,
        }
    }

    #[test]
    fn frames_stack_move_on_and_come_apart() {
        let task = Task::new(Condition::Auto, 2, &info(Kind::Video, &[4, 1, 2, 1], &[])).unwrap();
        assert_eq!(
            (task.condition(), task.condition_shape(), task.answers()),
            (Condition::Frames, [1, 2, 2], 2)
        );
        let video = batch(
            Kind::Video,
            &[1, 4, 1, 2, 1],
            vec![0.0, 1.0, 10.0, 11.0, 20.0, 21.0, 30.0, 31.0],
        );
        let mut given = task.given(&video, "m").unwrap();
        assert_eq!(given, [0.0, 10.0, 1.0, 11.0]);
        assert_eq!(
            task.join(&given, &[7.0; 4]),
            [0.0, 1.0, 10.0, 11.0, 7.0, 7.0, 7.0, 7.0]
        );
        task.push(&mut given, &[20.0, 21.0]);
        assert_eq!(given, [10.0, 20.0, 11.0, 21.0]);
        assert_eq!(task.shown(given).values, [10.0, 11.0, 20.0, 21.0]);
        // The moment is drawn, and the target is the frame after the condition.
        let mut seen = std::collections::BTreeSet::new();
        for s in 0..40 {
            let (c, target) = task.split(&video, Key::new(s)).unwrap();
            assert_eq!(target.shape, [1, 1, 2, 1]);
            assert_eq!((c[1] - c[0], target.values[0] - c[1]), (10.0, 10.0));
            seen.insert(c[0] as i32);
        }
        assert_eq!(seen, [0, 10].into());
        let short = batch(Kind::Video, &[1, 1, 1, 2, 1], vec![0.0, 1.0]);
        assert!(
            task.given(&short, "m")
                .unwrap_err()
                .to_string()
                .contains("predicts from 2 frames")
        );
        assert!(
            Task::new(Condition::Frames, 4, &info(Kind::Video, &[4, 1, 2, 1], &[]))
                .unwrap_err()
                .to_string()
                .contains("model.context")
        );
    }

    #[test]
    fn pairs_grey_and_labels() {
        let task = Task::new(Condition::Auto, 1, &info(Kind::Pair, &[1, 2, 2], &[])).unwrap();
        let (c, target) = task
            .split(
                &batch(Kind::Pair, &[1, 1, 2, 2], vec![1.0, 2.0, 3.0, 4.0]),
                Key::new(0),
            )
            .unwrap();
        assert_eq!((&c[..], &target.values[..]), (&[1.0, 3.0][..], &[2.0, 4.0][..]));
        assert_eq!(task.join(&c, &target.values), [1.0, 2.0, 3.0, 4.0]);
        let task = Task::new(Condition::Auto, 1, &info(Kind::Image, &[1, 1, 3], &["a", "b"])).unwrap();
        let (c, target) = task
            .split(
                &batch(Kind::Image, &[1, 1, 1, 3], vec![1.0, 0.0, -1.0]),
                Key::new(0),
            )
            .unwrap();
        assert!((c[0] - 0.185).abs() < 1e-6 && target.values == [1.0, 0.0, -1.0]);
        let task = Task::new(Condition::Label, 1, &info(Kind::Image, &[1, 2, 3], &["a", "b"])).unwrap();
        assert_eq!(
            task.given(&batch(Kind::Image, &[1, 1, 2, 3], vec![0.0; 6]), "m")
                .unwrap(),
            [0.0, 1.0, 0.0, 1.0]
        );
        let e = Task::new(Condition::Grey, 1, &info(Kind::Image, &[1, 2, 1], &["a"]))
            .unwrap_err()
            .to_string();
        assert!(e.contains("model.condition") && e.contains("1 channels"), "{e}");
    }
}

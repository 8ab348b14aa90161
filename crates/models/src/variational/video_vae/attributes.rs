//! Holistic attributes of videos: what holds for all frames, as numbers that networks take.
use crate::{SampleRequest, unconditional};
use burn::tensor::activation::log_softmax;
use burn::tensor::{Tensor, TensorData};
use menagerie_data::error::{Error, Result, nearest};
use menagerie_data::{Batch, DataInfo};
use menagerie_kernels::bce_with_logits;
use menagerie_nn::{Tensors, collective};
use serde::{Deserialize, Serialize};

/// `[attributes]`: which, and how much reading them counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AttributesConfig {
    /// `label`, and names of the data's attributes, of which it counts whether they are above a half; none: the label, where
    /// the data have one
    pub names: Vec<String>,
    /// weight of the cross-entropy of reading them, in nats a video
    pub weight: f64,
}

impl Default for AttributesConfig {
    fn default() -> Self {
        AttributesConfig {
            names: vec![],
            weight: 10.0,
        }
    }
}

impl AttributesConfig {
    /// Refuses a weight that is none.
    ///
    /// # Errors
    /// [`Error::Recipe`].
    pub fn check(&self) -> Result<()> {
        if self.weight.is_finite() && self.weight >= 0.0 {
            return Ok(());
        }
        Err(Error::recipe(
            "attributes.weight",
            format!("{} is not a weight", self.weight),
            "give 0 or more",
        ))
    }
}

/// The attributes in force: a row is one number a class (one is 1), then a number an attribute (0 or 1).
#[derive(Clone, Debug)]
pub(super) struct Attributes {
    /// 0 where the label is none of them
    classes: usize,
    /// indices into the data's attributes
    bits: Vec<usize>,
    /// numbers an item of the data has in its batch's attributes
    all: usize,
    weight: f64,
    source: String,
    /// rows of videos that were trained on, for samples
    seen: Vec<f32>,
}

/// Rows that are kept for samples.
const KEPT: usize = 256;

impl Attributes {
    /// Those of a configuration, for data of that description; none where the latent has no structure.
    ///
    /// # Errors
    /// [`Error::Recipe`] for an attribute that the data have not.
    pub(super) fn new(config: &AttributesConfig, structured: bool, info: &DataInfo) -> Result<Attributes> {
        let mut found = Attributes {
            classes: 0,
            bits: vec![],
            all: info.attributes.len(),
            weight: config.weight,
            source: info.source.clone(),
            seen: vec![],
        };
        if !structured {
            return Ok(found);
        }
        if config.names.is_empty() {
            found.classes = info.labels.len();
        }
        for name in &config.names {
            match info.attributes.iter().position(|a| a == name) {
                _ if name == "label" && !info.labels.is_empty() => found.classes = info.labels.len(),
                Some(i) => found.bits.push(i),
                None => {
                    let known = ["label"]
                        .into_iter()
                        .chain(info.attributes.iter().map(String::as_str));
                    let problem = format!("`{}` has no `{name}`", info.source);
                    return Err(Error::recipe("attributes.names", problem, nearest(name, known)));
                }
            }
        }
        Ok(found)
    }

    /// Numbers of a row.
    pub(super) fn width(&self) -> usize {
        self.classes + self.bits.len()
    }
    /// How much reading them counts.
    pub(super) fn weight(&self) -> f64 {
        self.weight
    }

    /// Row `n` of a batch, as far as it is given.
    fn given(&self, batch: &Batch, n: usize) -> (Option<u32>, Option<Vec<f32>>) {
        let label = batch
            .labels
            .as_ref()
            .map(|l| l[n])
            .filter(|&l| (l as usize) < self.classes);
        let own = batch
            .attributes
            .get(n * self.all..(n + 1) * self.all)
            .filter(|a| !a.is_empty());
        (
            label,
            own.map(|a| self.bits.iter().map(|&i| f32::from(a[i] > 0.5)).collect()),
        )
    }

    /// Rows of a batch, `[batch, width]`.
    ///
    /// # Errors
    /// [`Error::Data`] when one is missing.
    pub(super) fn of(&self, batch: &Batch) -> Result<Vec<f32>> {
        let mut rows = Vec::with_capacity(batch.shape[0] * self.width());
        for n in 0..batch.shape[0] {
            let (label, bits) = self.given(batch, n);
            if (self.classes > 0 && label.is_none()) || (!self.bits.is_empty() && bits.is_none()) {
                return Err(Error::data(
                    &self.source,
                    "a video lacks some of the attributes",
                    "give labelled videos, or set model.structured = false",
                ));
            }
            rows.extend((0..self.classes).map(|c| f32::from(label == Some(c as u32))));
            rows.extend(bits.unwrap_or_default());
        }
        Ok(rows)
    }

    /// Rows of a batch: what it gives, and where it does not, the likeliest by the logits that were read.
    pub(super) fn completed(&self, batch: &Batch, read: &[f32]) -> Vec<f32> {
        let mut rows = Vec::with_capacity(read.len());
        for (n, logits) in read.chunks_exact(self.width().max(1)).enumerate() {
            let (label, bits) = self.given(batch, n);
            let (by_class, by_bit) = logits.split_at(self.classes);
            let likeliest = (0..self.classes)
                .max_by(|&a, &b| by_class[a].total_cmp(&by_class[b]))
                .unwrap_or(0);
            let class = label.map_or(likeliest, |l| l as usize);
            rows.extend((0..self.classes).map(|c| f32::from(c == class)));
            rows.extend(bits.unwrap_or_else(|| by_bit.iter().map(|&l| f32::from(l > 0.0)).collect()));
        }
        rows
    }

    /// The mean over a batch of - log p(attributes), in nats, shape `[1]`: of the class among all, and of each attribute for
    /// itself.
    pub(super) fn cross_entropy(&self, logits: Tensor<2>, rows: &[f32]) -> Tensor<1> {
        let (n, width, device) = (logits.dims()[0], self.width(), logits.device());
        let rows = Tensor::<2>::from_data(TensorData::new(rows.to_vec(), [n, width]), &device);
        let mut parts = Vec::new();
        if self.classes > 0 {
            let log = log_softmax(logits.clone().narrow(1, 0, self.classes), 1);
            parts.push(-(log * rows.clone().narrow(1, 0, self.classes)).sum() / n as f64);
        }
        if !self.bits.is_empty() {
            let cut = |t: Tensor<2>| t.narrow(1, self.classes, self.bits.len());
            parts.push(bce_with_logits(cut(logits), cut(rows)) * self.bits.len() as f64);
        }
        parts
            .into_iter()
            .reduce(|a, b| a + b)
            .unwrap_or_else(|| Tensor::zeros([1], &device))
    }

    /// Keeps rows that were trained on, up to a number.
    pub(super) fn remember(&mut self, rows: &[f32]) {
        let room = KEPT * self.width() - self.seen.len();
        let rows = collective::gather(rows.to_vec());
        self.seen.extend_from_slice(&rows[..room.min(rows.len())]);
    }

    /// Rows for samples: drawn from those that are kept, of the class asked for; sample `i` from the key and `i`.
    ///
    /// # Errors
    /// [`Error::Usage`] for a class there is not.
    pub(super) fn drawn(&self, request: &SampleRequest, model: &str) -> Result<Vec<f32>> {
        if self.classes == 0 {
            unconditional(request, model)?;
        }
        if let Some(l) = request.label.filter(|&l| l as usize >= self.classes) {
            return Err(Error::usage(
                format!("{model} knows {} classes, so there is no class {l}", self.classes),
                "they count from 0",
            ));
        }
        let width = self.width();
        let of_class = |row: &&[f32]| request.label.is_none_or(|l| row[l as usize] == 1.0);
        let kept: Vec<&[f32]> = self.seen.chunks_exact(width.max(1)).filter(of_class).collect();
        let mut rows = Vec::with_capacity(request.count * width);
        for i in 0..request.count {
            let rng = &mut request.key.stream("attributes").step(i as u64).rng();
            if !kept.is_empty() {
                rows.extend_from_slice(kept[rng.below(kept.len())]);
                continue;
            }
            let class = request
                .label
                .map_or_else(|| rng.below(self.classes.max(1)), |l| l as usize);
            rows.extend((0..self.classes).map(|c| f32::from(c == class)));
            rows.extend(self.bits.iter().map(|_| f32::from(rng.chance(0.5))));
        }
        Ok(rows)
    }

    /// What samples depend on.
    pub(super) fn save(&self) -> Tensors {
        let mut t = Tensors::default();
        t.arrays
            .insert("seen".into(), (vec![self.seen.len()], self.seen.clone()));
        t
    }

    /// Takes up what `save` gave.
    ///
    /// # Errors
    /// [`Error::Data`] when it is of other attributes.
    pub(super) fn load(&mut self, from: Tensors) -> Result<()> {
        let seen = from.arrays.get("seen").map(|(_, values)| values.clone());
        let fits = |v: &Vec<f32>| {
            v.len() <= KEPT * self.width() && (v.is_empty() || v.len().is_multiple_of(self.width()))
        };
        match seen.filter(fits) {
            Some(seen) => {
                self.seen = seen;
                Ok(())
            }
            None => Err(Error::data(
                "attributes",
                "are not this recipe's",
                "the checkpoint belongs to another recipe or is damaged",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use menagerie_data::Kind;
    use menagerie_data::random::Key;

    fn info() -> DataInfo {
        let text = |t: &[&str]| t.iter().map(|s| s.to_string()).collect();
        DataInfo {
            source: "test".into(),
            kind: Kind::Video,
            shape: vec![1, 1, 1, 1],
            count: 9,
            range: (0.0, 255.0),
            labels: text(&["a", "b", "c"]),
            attributes: text(&["x", "y"]),
            ..DataInfo::default()
        }
    }

    fn batch(labels: Option<Vec<u32>>, attributes: Vec<f32>) -> Batch {
        Batch {
            kind: Kind::Video,
            shape: vec![2, 1, 1, 1, 1],
            values: vec![0.0; 2],
            labels,
            attributes,
            captions: None,
            indices: vec![0, 1],
        }
    }

    fn both() -> Attributes {
        let config = AttributesConfig {
            names: vec!["label".into(), "y".into()],
            weight: 1.0,
        };
        Attributes::new(&config, true, &info()).unwrap()
    }

    #[test]
    fn rows_are_classes_and_bits() {
        let a = both();
        let whole = batch(Some(vec![2, 0]), vec![0.9, 0.2, 0.1, 0.7]);
        assert_eq!(a.of(&whole).unwrap(), [0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0]);
        // In part: the label is given, the attribute is read; then the other way round; then nothing.
        let read = [0.1, 0.3, 0.2, 4.0, 0.9, 0.3, 0.2, -4.0];
        assert_eq!(
            a.completed(&batch(Some(vec![2, 0]), vec![]), &read),
            [0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0]
        );
        assert_eq!(
            a.completed(&batch(None, vec![0.9, 0.2, 0.1, 0.7]), &read),
            [0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0]
        );
        assert_eq!(
            a.completed(&batch(None, vec![]), &read),
            [0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0]
        );
        assert!(
            a.of(&batch(None, vec![]))
                .unwrap_err()
                .to_string()
                .contains("lacks some of the attributes")
        );
        let wrong = AttributesConfig {
            names: vec!["labell".into()],
            weight: 1.0,
        };
        assert!(
            Attributes::new(&wrong, true, &info())
                .unwrap_err()
                .to_string()
                .contains("did you mean `label`?")
        );
        assert_eq!(
            Attributes::new(&AttributesConfig::default(), true, &info())
                .unwrap()
                .width(),
            3
        );
        assert_eq!(
            Attributes::new(&AttributesConfig::default(), false, &info())
                .unwrap()
                .width(),
            0
        );
    }

    #[test]
    fn cross_entropy_by_hand() {
        let logits = Tensor::from_floats([[0.0, 0.0, 0.0, 1.0], [2.0, 0.0, -1.0, 0.0]], &Device::flex());
        let rows = [0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0];
        let got = both()
            .cross_entropy(logits, &rows)
            .into_data()
            .as_slice::<f32>()
            .unwrap()[0] as f64;
        let class = (3f64.ln() + ((2f64).exp() + 1.0 + (-1f64).exp()).ln() - 2.0) / 2.0;
        let bit = ((1.0 + 1f64.exp()).ln() + 2f64.ln()) / 2.0;
        assert!((got - class - bit).abs() < 1e-5, "{got} {}", class + bit);
    }

    #[test]
    fn samples_have_attributes_that_were_seen() {
        let mut a = both();
        let request = |label| SampleRequest {
            label,
            ..SampleRequest::new(20, Key::new(1))
        };
        assert_eq!(
            a.drawn(&request(Some(1)), "m")
                .unwrap()
                .chunks(4)
                .filter(|r| r[1] == 1.0)
                .count(),
            20
        );
        a.remember(&[1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0]);
        for row in a.drawn(&request(None), "m").unwrap().chunks(4) {
            assert!(row == [1.0, 0.0, 0.0, 1.0] || row == [0.0, 0.0, 1.0, 0.0]);
        }
        assert!(a.drawn(&request(Some(3)), "m").is_err());
        for _ in 0..300 {
            a.remember(&[1.0, 0.0, 0.0, 1.0]);
        }
        assert_eq!(a.seen.len(), KEPT * 4);
        let mut b = both();
        b.load(a.save()).unwrap();
        assert_eq!(b.seen, a.seen);
    }
}

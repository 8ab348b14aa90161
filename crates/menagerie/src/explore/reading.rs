use crate::data::Batch;
use crate::data::Trait;
use crate::error::Result;
use crate::models::{Capability, Classify, Model, ReadAttributes, Samples};

/// A model that says what items show: their attributes, or their class.
#[derive(Clone, Copy)]
pub enum Reader<'a> {
    /// numbers for attributes
    Attributes(&'a dyn ReadAttributes),
    /// a probability for each class
    Classes(&'a dyn Classify),
}

impl<'a> Reader<'a> {
    /// What that model reads.
    ///
    /// # Errors
    /// [`crate::error::Error::Usage`] where it reads neither attributes nor classes.
    pub fn of(model: &'a dyn Model, name: &str) -> Result<Self> {
        match (model.as_read_attributes(), model.as_classify()) {
            (Some(r), _) => Ok(Reader::Attributes(r)),
            (None, Some(c)) => Ok(Reader::Classes(c)),
            _ => Err(Capability::ReadAttributes.missing(name)),
        }
    }

    /// The names it knows.
    pub fn names(&self) -> &'a [String] {
        match self {
            Reader::Attributes(r) => r.names(),
            Reader::Classes(c) => c.classes(),
        }
    }

    /// A trait by its name: a class, or as [`Trait::of_attributes`] has it.
    ///
    /// # Errors
    /// [`crate::error::Error::Usage`] for a name that the reader does not know.
    pub fn named(&self, name: &str) -> Result<Trait> {
        match self {
            Reader::Attributes(r) => Trait::of_attributes(r.names(), name),
            Reader::Classes(c) => Trait::of_classes(c.classes(), name),
        }
    }

    /// All numbers that it reads, `[count, names]`.
    ///
    /// # Errors
    /// Those of the reader, such as items of another size than its own.
    pub fn read(&self, items: &Samples) -> Result<Vec<f32>> {
        let batch = Batch {
            kind: items.kind,
            shape: items.shape.clone(),
            values: items.values.clone(),
            labels: None,
            captions: None,
            attributes: vec![],
            indices: (0..items.shape[0] as u32).collect(),
        };
        match self {
            Reader::Attributes(r) => r.attributes(&batch),
            Reader::Classes(c) => c.log_probabilities(&batch),
        }
    }

    /// How much of a trait each item shows, of all numbers read.
    pub fn amounts(&self, read: &[f32], of: &Trait) -> Vec<f64> {
        let each = read.chunks_exact(self.names().len().max(1));
        each.map(|row| of.amount(row)).collect()
    }

    /// Whether each item shows a trait, of all numbers read.
    pub fn shown(&self, read: &[f32], of: &Trait) -> Vec<bool> {
        let each = read.chunks_exact(self.names().len().max(1));
        each.map(|row| of.shows(row)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Two(Vec<String>);
    impl ReadAttributes for Two {
        fn attributes(&self, batch: &Batch) -> Result<Vec<f32>> {
            Ok(batch.values.clone())
        }
        fn names(&self) -> &[String] {
            &self.0
        }
    }

    #[test]
    fn traits_by_their_names() {
        let two = Two(["presentation", "glasses", "hair_hue"].map(String::from).to_vec());
        let reader = Reader::Attributes(&two);
        // Three faces: a man without glasses, a woman with round ones, a man with sunglasses.
        let read = [0.1, 0.0, 5.0, 0.9, 2.0, 5.0, 0.3, 4.0, 5.0];
        let shown = |name: &str| reader.shown(&read, &reader.named(name).unwrap());
        assert_eq!(shown("man"), [true, false, true]);
        assert_eq!(shown("woman"), [false, true, false]);
        assert_eq!(shown("glasses"), [false, true, true]);
        assert_eq!(shown("no-glasses"), [true, false, false]);
        assert_eq!(shown("glasses=4"), [false, false, true]);
        let amounts = reader.amounts(&read, &reader.named("presentation").unwrap());
        assert!((amounts[1] - 0.9).abs() < 1e-6, "{amounts:?}");
        for (bad, says) in [
            ("glases", "glasses"),
            ("no-man", "no attribute"),
            ("hair_hue", "angle"),
        ] {
            let e = reader.named(bad).unwrap_err().to_string();
            assert!(e.contains(says), "{e}");
        }
    }
}

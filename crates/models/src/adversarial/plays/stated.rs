//! Attributes that images state of themselves, as networks are told them: each an amount from 0 to 1.
use super::super::game::Stage;
use burn::tensor::{Tensor, TensorData};
use menagerie_data::error::{Error, Result, nearest};
use menagerie_data::{Amount, Batch, DataInfo};

/// See the module.
pub(super) struct Stated {
    /// what they are called, in the order of the numbers
    pub(super) names: Vec<String>,
    amounts: Vec<Amount>,
    attributes: usize,
}

impl Stated {
    /// The attributes of these names; `key` is the recipe's for them.
    ///
    /// # Errors
    /// [`Error::Recipe`] for names that the data do not know, or that are none.
    pub(super) fn new(
        model: &'static str,
        info: &DataInfo,
        wanted: &[String],
        key: &'static str,
    ) -> Result<Stated> {
        if wanted.is_empty() {
            let problem = format!("{model} is told attributes, and none are named");
            let fix = "name some, such as skin";
            return Err(Error::recipe(key, problem, fix));
        }
        let one = |name: &String| {
            Amount::of_attributes(&info.attributes, name).map_err(|_| {
                let fix = match info.attributes.is_empty() {
                    true => "take data with attributes, such as portraits".into(),
                    false => nearest(name, info.attributes.iter().map(String::as_str)),
                };
                let problem = format!("{} does not say `{name}` of its images", info.source);
                Error::recipe(key, problem, fix)
            })
        };
        Ok(Stated {
            names: wanted.to_vec(),
            amounts: wanted.iter().map(one).collect::<Result<_>>()?,
            attributes: info.attributes.len(),
        })
    }

    /// What each item of a batch states, `[batch, names]`, in [0, 1].
    ///
    /// # Errors
    /// [`Error::Data`] where an item does not say.
    pub(super) fn of(&self, stage: &Stage, batch: &Batch) -> Result<Tensor<2>> {
        let n = batch.shape[0];
        if batch.attributes.len() != n * self.attributes {
            let problem = format!(
                "some items have no attributes, and {} learns from them",
                stage.model
            );
            return Err(Error::data(
                "the training data",
                problem,
                "give every item all of them",
            ));
        }
        let rows = batch.attributes.chunks_exact(self.attributes.max(1));
        let values: Vec<f32> = rows
            .flat_map(|row| self.amounts.iter().map(|a| a.of(row)))
            .collect();
        let data = TensorData::new(values, [n, self.names.len()]);
        Ok(Tensor::from_data(data, &stage.device))
    }

    /// Numbers that networks hear of them: two of an angle.
    pub(super) fn numbers(&self) -> usize {
        self.amounts.iter().map(|a| 1 + usize::from(a.is_angle())).sum()
    }

    /// Amounts `[batch, names]` as networks hear them, `[batch, numbers]`, in [-1, 1]: of an angle cosine and sine.
    pub(super) fn heard(&self, amounts: Tensor<2>) -> Tensor<2> {
        const WHOLE: f64 = 2.0 * std::f64::consts::PI;
        let one = |(i, of): (usize, &Amount)| {
            let amount = amounts.clone().narrow(1, i, 1);
            match of.is_angle() {
                true => {
                    let angle = amount * WHOLE;
                    Tensor::cat(vec![angle.clone().cos(), angle.sin()], 1)
                }
                false => amount * 2.0 - 1.0,
            }
        };
        Tensor::cat(self.amounts.iter().enumerate().map(one).collect(), 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use menagerie_data::Kind;
    use menagerie_data::portraits::Attributes;
    use menagerie_nn::numbers;

    /// Amounts come in [0, 1] and are heard in [-1, 1], an angle by its cosine and sine, so that 0 and 360 degrees are one.
    #[test]
    fn amounts_as_they_are_heard_by_hand() {
        let info = DataInfo {
            source: "test".into(),
            kind: Kind::Image,
            shape: vec![8, 8, 3],
            count: 2,
            range: (0.0, 255.0),
            attributes: Attributes::NAMES.iter().map(|n| n.to_string()).collect(),
            ..DataInfo::default()
        };
        let wanted = ["yaw", "hair_hue"].map(String::from);
        let stated = Stated::new("test", &info, &wanted, "attributes").unwrap();
        let face = |yaw: f32, hair_hue: f32| Attributes {
            yaw,
            hair_hue,
            ..Attributes::default()
        };
        let batch = Batch {
            kind: Kind::Image,
            shape: vec![2, 8, 8, 3],
            values: vec![0.0; 2 * 192],
            labels: None,
            attributes: [face(45.0, 90.0).to_vec(), face(-22.5, 360.0).to_vec()].concat(),
            captions: None,
            indices: vec![0, 1],
        };
        let stage = Stage::new("test", &info, &Device::flex());
        let amounts = stated.of(&stage, &batch).unwrap();
        assert_eq!(numbers(amounts.clone()), [1.0, 0.25, 0.25, 0.0]);
        assert_eq!(stated.numbers(), 3);
        let heard = numbers(stated.heard(amounts));
        let want = [1.0, 0.0, 1.0, -0.5, 1.0, 0.0];
        assert!(
            heard.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-6),
            "{heard:?}"
        );
        let none = Batch {
            attributes: vec![],
            ..batch
        };
        assert!(stated.of(&stage, &none).is_err());
        assert!(Stated::new("test", &info, &[], "attributes").is_err());
    }
}

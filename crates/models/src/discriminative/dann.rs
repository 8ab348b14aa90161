//! DANN: a classifier of images that nobody has labelled, from labelled ones of another domain.
//!
//! Ganin, Ustinova, Ajakan, Germain, Larochelle, Laviolette, Marchand, Lempitsky (2015), Domain-Adversarial Training of Neural
//! Networks, arXiv:1505.07818.
//!
//! E(f, y, d) = sum_(i of the first domain) L_y(G_y(G_f(x_i)), y_i) - lambda sum_i L_d(G_d(G_f(x_i)), d_i)      (equation 9)
//!
//! G_f is the saddle's player that makes features: it helps to tell classes and hinders telling domains. A layer that is the
//! identity forward and -lambda times the gradient backward (section 4.1, R(x) = x, dR/dx = -lambda I) makes one descent of it.
use super::classifier::{self, ClassifierNetwork, best, cross_entropy, images};
use crate::{
    Capability, Classify, Entry, Features, Function, Holds, Model, NetworkInfo, Part, Port, Purpose,
    Registered, StepReport, as_image_shape, function, of_shape, one_side,
};
use burn::module::Module;
use burn::tensor::activation::{log_sigmoid, log_softmax};
use burn::tensor::{Device, Tensor};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Kind};
use menagerie_nn::{Activation, Init, Learner, Linear, OptimizerConfig, Tensors, number, numbers};
use serde::{Deserialize, Serialize};

/// Everything of a recipe that is this model's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[model]`: the classifier's network
    pub model: classifier::Sizes,
    /// `[adaptation]`
    pub adaptation: Adaptation,
    /// `[optimizer]`
    pub optimizer: OptimizerConfig,
}

/// `[adaptation]`: how features come to be those of both domains.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Adaptation {
    /// lambda, in the end; 0 for the classifier of the first domain alone, which never sees the second
    pub weight: f64,
    /// updates over which it rises, as 2 / (1 + exp(-10 p)) - 1 of the share p that is done (section 5.2)
    pub steps: u64,
    /// units of the network that tells the domains
    pub units: usize,
}

impl Default for Adaptation {
    fn default() -> Self {
        Adaptation {
            weight: 1.0,
            steps: 1000,
            units: 100,
        }
    }
}

impl Adaptation {
    /// lambda after so many updates.
    fn lambda(&self, updates: u64) -> f64 {
        let p = (updates as f64 / self.steps.max(1) as f64).min(1.0);
        self.weight * (2.0 / (1.0 + (-10.0 * p).exp()) - 1.0)
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            model: classifier::Sizes::default(),
            adaptation: Adaptation::default(),
            optimizer: OptimizerConfig::adam(1e-3).weight_decay(1e-3),
        }
    }
}

/// The classifier, and what tells the domains by its features.
#[derive(Module, Debug)]
pub struct DannNetwork {
    classifier: ClassifierNetwork,
    domain: Option<(Linear, Linear)>,
}

/// The identity, whose gradient is turned round and scaled.
fn reversed(x: Tensor<2>, lambda: f64) -> Tensor<2> {
    x.clone().detach() * (1.0 + lambda) - x * lambda
}

impl DannNetwork {
    /// Logits of being of the second domain, `[batch, 1]`.
    fn domains(&self, features: Tensor<2>) -> Option<Tensor<2>> {
        let (hidden, score) = self.domain.as_ref()?;
        Some(score.forward(hidden.forward(features, Activation::Relu), Activation::Identity))
    }
}

/// The classifier in training.
pub struct Dann {
    learner: Learner<DannNetwork>,
    adaptation: Adaptation,
    /// an image of either side
    shape: [usize; 3],
    classes: Vec<String>,
}

impl Config {
    /// Fresh networks for unpaired images of two domains, of which the first has classes.
    ///
    /// # Errors
    /// For other data.
    pub fn build(&self, info: &DataInfo, device: &Device, key: Key) -> Result<Dann> {
        const FIX: &str = "give two sources as A::B, labelled images first: digits::your/mnist";
        if info.kind != Kind::Unpaired {
            let problem = format!(
                "dann learns from images of two sides, and these are {}",
                info.kind.plural()
            );
            return Err(Error::data(&info.source, problem, FIX));
        }
        if info.labels.len() < 2 {
            return Err(Error::data(
                &info.source,
                "its first side has no classes to learn",
                FIX,
            ));
        }
        info.every_label("dann")?;
        let one_side = one_side(info);
        let shape = as_image_shape(&one_side);

        let init = Init::new(key, device);
        let classifier = self.model.network(&one_side, &init.at("classifier"))?;
        let (features, units) = (classifier.features(), self.adaptation.units);
        let domain = (self.adaptation.weight > 0.0).then(|| {
            let at = init.at("domain");
            (
                Linear::of([features, units]).init(&at.at("hidden")),
                Linear::of([units, 1]).init(&at.at("score")),
            )
        });
        let network = DannNetwork { classifier, domain };
        Ok(Dann {
            learner: Learner::new("dann", network, self.optimizer, self.model.average, device)?,
            adaptation: self.adaptation,
            shape,
            classes: info.labels.clone(),
        })
    }
}

impl Dann {
    /// Images of one side, or the first ones of both.
    fn input(&self, batch: &Batch) -> Result<Tensor<4>> {
        let [h, w, c] = self.shape;
        let of_first;
        let given = match batch.shape[1..] == [h, w, 2 * c] {
            true => {
                of_first = batch.side(0);
                &of_first
            }
            false => batch,
        };
        of_shape(given, &self.shape, "dann")?;
        Ok(images(
            given.values.clone(),
            &given.shape,
            &self.learner.plain_device(),
        ))
    }
}

impl Model for Dann {
    fn networks(&self) -> Vec<NetworkInfo> {
        let [h, w, c] = self.shape;
        let x = Tensor::zeros([1, h, w, c], &self.learner.plain_device());
        vec![self.learner.info(|n| {
            let features = n.classifier.features_of(x);
            (n.domains(features.clone()), n.classifier.logits_of(features))
        })]
    }

    fn step(&mut self, batches: &[Batch], _: Key, watch: bool) -> Result<StepReport> {
        let batch = &batches[0];
        let labels = batch.labels.as_deref().ok_or_else(|| Error::Training {
            step: self.learner.updates() + 1,
            problem: "an item has no label".into(),
            fix: "give every image of the first side a class".into(),
        })?;
        let device = self.learner.device().clone();
        let side = |i: usize| {
            let side = batch.side(i);
            images(side.values, &side.shape, &device)
        };
        let (n, lambda) = (labels.len(), self.adaptation.lambda(self.learner.updates()));
        let network = self.learner.network();
        // What is told apart goes through the network together, so that its norms do not tell it.
        let x = match network.domain {
            Some(_) => Tensor::cat(vec![side(0), side(1)], 0),
            None => side(0),
        };
        let features = network.classifier.features_of(x);
        let logits = network.classifier.logits_of(features.clone().narrow(0, 0, n));
        let mut report = StepReport::default();
        if watch {
            let found = numbers(logits.clone());
            let right = best(&found, self.classes.len())
                .zip(labels)
                .filter(|(a, b)| a == *b);
            report
                .scalars
                .push(("accuracy/train", right.count() as f64 / n as f64));
        }
        let of_classes = cross_entropy(logits, labels);
        report
            .scalars
            .push(("loss/cross-entropy", number(of_classes.clone())));
        let mut loss = of_classes;
        if let Some(scores) = network.domains(reversed(features, lambda)) {
            let (first, second) = (scores.clone().narrow(0, 0, n), scores.narrow(0, n, n));
            let of_domains = -(log_sigmoid(-first).mean() + log_sigmoid(second).mean()) / 2.0;
            report.scalars.push(("loss/domain", number(of_domains.clone())));
            report.scalars.push(("domain/lambda", lambda));
            loss = loss + of_domains;
        }
        let descent = self.learner.descend(loss, watch)?;
        report
            .scalars
            .extend(descent.gradient.map(|g| ("gradient/dann", g)));
        Ok(report)
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        self.learner.save()
    }
    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.learner.load(read, purpose)
    }

    fn functions(&self) -> Vec<Function<'_>> {
        let meaning = format!(
            "logarithms of the classes' probabilities: {}",
            self.classes.join(", ")
        );
        let image = Port::of(
            "item",
            &self.shape,
            Holds::Image,
            "an image of either side, channels last, in [-1, 1]",
        );
        let classes = Port::of(
            "log_probabilities",
            &[self.classes.len()],
            Holds::Numbers,
            meaning,
        );
        vec![Function::new(
            "classify",
            "the class of an image",
            vec![image],
            vec![classes],
            move |x| {
                let network = self.learner.for_use_on(&x[0].device());
                vec![log_softmax(
                    network.classifier.forward(function::images(&x[0], self.shape)),
                    1,
                )]
            },
        )]
    }

    fn as_classify(&self) -> Option<&dyn Classify> {
        Some(self)
    }
    fn as_features(&self) -> Option<&dyn Features> {
        Some(self)
    }
}

impl Classify for Dann {
    fn log_probabilities(&self, batch: &Batch) -> Result<Vec<f32>> {
        let x = self.input(batch)?;
        Ok(numbers(log_softmax(
            self.learner.for_use().classifier.forward(x),
            1,
        )))
    }
    fn classes(&self) -> &[String] {
        &self.classes
    }
}

impl Features for Dann {
    fn features(&self, batch: &Batch) -> Result<Vec<f32>> {
        let x = self.input(batch)?;
        Ok(numbers(self.learner.for_use().classifier.features_of(x)))
    }
    fn width(&self) -> usize {
        self.learner.network().classifier.features()
    }
}

impl Registered for Config {
    type Config = Config;
    fn defaults() -> Config {
        Config::default()
    }
    fn check(config: &Config) -> Result<()> {
        let a = config.adaptation;
        if !(a.weight.is_finite() && a.weight >= 0.0) {
            let problem = format!("{} is not a weight", a.weight);
            return Err(Error::recipe(
                "adaptation.weight",
                problem,
                "give 1, or 0 for the first side alone",
            ));
        }
        match a.units {
            1..=65536 => Ok(()),
            n => Err(Error::recipe(
                "adaptation.units",
                format!("{n} units make no layer"),
                "give 1 to 65536",
            )),
        }
    }
    fn build(config: Config, info: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.build(info, device, key)?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "dann",
    family: super::FAMILY,
    capabilities: &[Capability::Classify, Capability::Features],
    paper: "Ganin et al. 2015, Domain-Adversarial Training of Neural Networks, arXiv:1505.07818",
    recipe: "dann",
    data: &["digits::fashion"],
    tiny: &[
        ("model.width", "4"),
        ("adaptation.units", "8"),
        ("data.size", "8"),
        ("data.limit", "60"),
    ],
    ..Entry::of::<Config>()
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discriminative::TrunkKind;

    fn info() -> DataInfo {
        DataInfo {
            source: "test".into(),
            kind: Kind::Unpaired,
            shape: vec![8, 8, 2],
            count: 100,
            range: (0.0, 255.0),
            labels: vec!["across".into(), "along".into()],
            shares: vec![0.5, 0.5],
            ..DataInfo::default()
        }
    }

    /// Stripes along one axis or the other. Of the first domain they come with a bright or a dark ground that gives the class
    /// away; of the second, with a bright one alone: who looks at it is wrong about half of them.
    fn stripes(class: usize, second: bool, rng: &mut menagerie_data::random::Draw) -> Vec<f32> {
        let phase = rng.between(0.0, 6.0);
        let ground = if class == 0 || second { 0.25 } else { -0.25 };
        (0..64)
            .map(|i| (ground + 0.5 * (1.3 * [i % 8, i / 8][class] as f64 + phase).sin()) as f32)
            .collect()
    }

    fn batch(count: usize, key: Key) -> (Batch, Vec<u32>) {
        let mut rng = key.rng();
        let (mut values, mut labels, mut hidden) = (vec![], vec![], vec![]);
        for _ in 0..count {
            let (a, b) = (rng.below(2), rng.below(2));
            let (first, second) = (stripes(a, false, &mut rng), stripes(b, true, &mut rng));
            values.extend(first.iter().zip(&second).flat_map(|(a, b)| [*a, *b]));
            labels.push(a as u32);
            hidden.push(b as u32);
        }
        let batch = Batch {
            kind: Kind::Unpaired,
            shape: vec![count, 8, 8, 2],
            values,
            labels: Some(labels),
            attributes: vec![],
            captions: None,
            indices: (0..count as u32).collect(),
        };
        (batch, hidden)
    }

    /// Accuracy on the first domain and on the second, whose labels were never given.
    fn accuracies(weight: f64) -> [f64; 2] {
        let config = Config {
            model: classifier::Sizes {
                network: TrunkKind::Lenet,
                width: 4,
                average: 0.9,
                ..Default::default()
            },
            adaptation: Adaptation {
                weight,
                steps: 100,
                units: 16,
            },
            optimizer: OptimizerConfig::adam(2e-3),
        };
        let mut model = config
            .build(&info(), &Device::flex().autodiff(), Key::new(1))
            .unwrap();
        for step in 0..250 {
            let key = Key::new(2).step(step);
            model.step(&[batch(32, key).0], key, false).unwrap();
        }
        let (both, hidden) = batch(200, Key::new(9));
        let labels = [both.labels.clone().unwrap(), hidden];
        [0, 1].map(|side| {
            let logs = model.log_probabilities(&both.side(side)).unwrap();
            let right = best(&logs, 2).zip(&labels[side]).filter(|(a, b)| a == *b);
            right.count() as f64 / 200.0
        })
    }

    /// Features that do not tell the domains carry classes over: the second domain is told better than by the first alone.
    #[test]
    fn classes_are_carried_over() {
        let (alone, adapted) = (accuracies(0.0), accuracies(1.0));
        assert!(alone[0] > 0.95 && adapted[0] > 0.9, "{alone:?} {adapted:?}");
        assert!(adapted[1] > alone[1] + 0.1, "{alone:?} {adapted:?}");
    }

    /// Forward nothing happens; backward the gradient is turned round and scaled.
    #[test]
    fn a_gradient_is_reversed() {
        let x = Tensor::<2>::from_floats([[1.0, -2.0]], &Device::flex().autodiff()).require_grad();
        let y = reversed(x.clone(), 0.5);
        assert_eq!(numbers(y.clone()), [1.0, -2.0]);
        let g = x.grad(&(y.clone() * y).sum().backward()).unwrap();
        assert_eq!(numbers(g), [-1.0, 2.0]);
        let a = Adaptation::default();
        assert_eq!((a.lambda(0), a.lambda(5000)), (0.0, a.lambda(1000)));
        assert!((a.lambda(1000) - 0.99991).abs() < 1e-5);
    }

    #[test]
    fn other_data_are_told_what_is_missing() {
        let e = |info: DataInfo| {
            let built = Config::default().build(&info, &Device::flex(), Key::new(1));
            built.err().unwrap().to_string()
        };
        let said = e(DataInfo {
            kind: Kind::Image,
            ..info()
        });
        assert!(said.contains("two sides") && said.contains("A::B"), "{said}");
        let said = e(DataInfo {
            labels: vec![],
            shares: vec![],
            ..info()
        });
        assert!(said.contains("first side has no classes"), "{said}");
    }
}

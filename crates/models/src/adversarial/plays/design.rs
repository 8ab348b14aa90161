//! The game of two on sequences, beside a network that reads numbers off them; and latents that climb to where the numbers are high
//! (Killoran et al. 2017, arXiv:1712.06148, section 3.2: activation maximization through the generator).
use super::super::config::Config;
use super::super::game::{Draws, Game, Moment, Play, Raises, Round, Sees, Stage, TwoPlayer, critic};
use super::descent::descend;
use super::duel::Duel;
use crate::discriminative::sequence_reader::{self, ReaderNetwork, squared_error};
use crate::{NetworkInfo, Part, Purpose};
use burn::tensor::{Device, Tensor};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo};
use menagerie_nn::{Init, Learner, OptimizerConfig, Tensors, number, on_tape};
use serde::{Deserialize, Serialize};

/// `[target]`: the predictor, whose numbers are to be high.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PredictorSettings {
    /// a run of `sequence-reader`, whose network is taken as it is; empty for one that learns on the same batches
    pub run: String,
    /// names of its numbers; of a run, that run's; empty for those of the data
    pub goals: Vec<String>,
    /// `[target.model]`: its network; of a run, that run's
    pub model: sequence_reader::Sizes,
    /// `[target.optimizer]`: of one that learns
    pub optimizer: OptimizerConfig,
}

impl Default for PredictorSettings {
    fn default() -> Self {
        PredictorSettings {
            run: String::new(),
            goals: vec![],
            model: sequence_reader::Sizes::default(),
            optimizer: sequence_reader::Config::default().optimizer,
        }
    }
}

/// `[ascent]`: how latents climb.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ascent {
    /// updates of a latent
    pub steps: usize,
    /// Adam's learning rate for these
    pub rate: f64,
}

impl Default for Ascent {
    fn default() -> Self {
        Ascent {
            steps: 300,
            rate: 0.05,
        }
    }
}

impl Ascent {
    /// Refuses what is out of range.
    ///
    /// # Errors
    /// [`Error::Recipe`] with the key.
    pub fn check(&self) -> Result<()> {
        if self.steps > 100_000 {
            let problem = format!("{} is out of range", self.steps);
            return Err(Error::recipe(
                "ascent.steps",
                problem,
                "give 100000 at most, such as 300",
            ));
        }
        if !(self.rate.is_finite() && self.rate > 0.0) {
            let problem = format!("{} is no learning rate", self.rate);
            return Err(Error::recipe("ascent.rate", problem, "give one such as 0.05"));
        }
        Ok(())
    }
}

/// See the module.
pub struct Designer {
    duel: Duel,
    predictor: Learner<ReaderNetwork>,
    goals: Vec<String>,
    learns: bool,
    ascent: Ascent,
}

/// The predictor's name in checkpoints.
const NAME: &str = "target";

impl Config {
    /// Fresh networks for data of that description, the game of two between them, and the predictor.
    ///
    /// # Errors
    /// For settings that clash and data that the networks cannot take.
    pub fn designer(
        &self,
        target: PredictorSettings,
        ascent: Ascent,
        model: &'static str,
        info: &DataInfo,
        device: &Device,
        key: Key,
    ) -> Result<Game<Designer>> {
        ascent.check()?;
        self.model.check(model, info)?;
        if self.game.bits.is_some() {
            let problem = "no gradient comes back to a latent through samples that are black or white";
            return Err(Error::recipe("game.bits", problem, "leave it out"));
        }
        let learns = target.run.is_empty();
        let goals = match learns || target.goals.is_empty() {
            true => info.attributes.clone(),
            false => target.goals,
        };
        if goals.is_empty() {
            let problem = format!("{model} learns what to raise from numbers, and these sequences have none");
            let fix =
                "write one into every header (`>name activity=0.7`), or give --target RUN of sequence-reader";
            return Err(Error::data(&info.source, problem, fix));
        }
        let init = Init::new(key.stream(NAME), device);
        let network = target.model.network(info, goals.len(), &init)?;
        let predictor = Learner::new(NAME, network, target.optimizer, target.model.average, device)?;
        let duel = self.duel(model, info, device, key)?;
        Ok(duel.map(|duel| Designer {
            duel,
            predictor,
            goals,
            learns,
            ascent,
        }))
    }
}

impl Raises for Designer {
    fn goals(&self) -> &[String] {
        &self.goals
    }

    fn predicted(&self, items: Tensor<4>) -> Tensor<2> {
        self.predictor.for_use_on(&items.device()).forward(items)
    }

    /// z + Adam's step along the gradient of the predicted number, so many times; each latent climbs by itself.
    fn raised(&self, latents: Tensor<2>, goal: usize) -> Tensor<2> {
        let decode = self.duel.differentiable().expect("refused when it was built");
        let predictor = on_tape(self.predictor.for_use());
        let how = (self.ascent.steps, self.ascent.rate);
        descend(latents, how, |z| {
            -predictor.forward(decode(z)).narrow(1, goal, 1).sum()
        })
    }
}

impl Play for Designer {
    fn stage(&self) -> &Stage {
        self.duel.stage()
    }
    fn updates(&self) -> u64 {
        self.duel.updates()
    }
    fn batches_per_step(&self) -> usize {
        self.duel.batches_per_step()
    }

    fn networks(&self) -> Vec<NetworkInfo> {
        let [h, w, c] = self.stage().image_shape();
        let x = Tensor::zeros([1, h, w, c], &self.stage().plain());
        let mut all = self.duel.networks();
        all.push(self.predictor.info(|p| p.forward(x.clone())));
        all
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<Round> {
        let updates = self.updates();
        let mut round = self.duel.step(batches, key, watch)?;
        if let Some(batch) = batches.last().filter(|_| self.learns) {
            let read = self.predictor.network().forward(self.duel.stage().items(batch));
            let loss = squared_error(read, &batch.attributes, updates + 1)?;
            let value = number(loss.clone());
            critic::finite("the predictor's loss", value, Moment { updates, key, watch })?;
            self.predictor.update(&mut [loss.backward()], false);
            round.scalars.push(("loss/predictor", value));
        }
        Ok(round)
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.duel.save();
        parts.extend(self.predictor.save());
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        if purpose != Purpose::Sample {
            self.predictor.load(read, purpose)?;
        }
        self.duel.load(read, purpose)
    }

    fn take_target(&mut self, read: &dyn Fn(&str) -> Result<Tensors>) -> Result<()> {
        if self.learns {
            let problem = "a network was given for a predictor that learns";
            return Err(Error::recipe(
                "target.run",
                problem,
                "name the run that it is from",
            ));
        }
        let of_reader = |name: &str| read(&name.replace(NAME, "reader"));
        self.predictor.load(&of_reader, Purpose::Use)
    }

    fn scores_items(&self) -> bool {
        self.duel.scores_items()
    }
    fn scores(&self, items: Tensor<4>, classes: Option<&[u32]>) -> Option<Vec<f32>> {
        self.duel.scores(items, classes)
    }
    fn two_player(&mut self) -> Option<&mut dyn TwoPlayer> {
        None
    }
    fn draws(&self) -> Option<&dyn Draws> {
        Some(&self.duel)
    }
    fn sees(&self) -> Option<&dyn Sees> {
        Some(&self.duel)
    }
    fn raises(&self) -> Option<&dyn Raises> {
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::dna_gan::DnaGan;
    use super::super::super::networks::{Sizes, sequence};
    use super::*;
    use crate::Registered;
    use menagerie_data::Source;

    /// Latents climb to sequences of which the predictor says more, and a step more of them goes on from there.
    #[test]
    fn latents_climb_the_predictor() {
        let source = Source {
            limit: 200,
            ..Source::parse("dna")
        };
        let set = source.open().unwrap().dataset;
        let mut config = DnaGan::defaults();
        config.model = Sizes::Sequence(sequence::Sizes {
            width: 8,
            blocks: 1,
            latent: 8,
            ..Default::default()
        });
        config.game.discriminator_steps = 1;
        config.ascent.steps = 40;
        // An average that forgets slowly would still be the network of the first step.
        config.target.model.average = 0.9;
        config.target.optimizer.learning_rate = 3e-3;
        let device = Device::flex().autodiff();
        let mut model = DnaGan::build(config, set.info(), &device, Key::new(1)).unwrap();
        for step in 0..30 {
            let items: Vec<u32> = (0..16).map(|i| (step * 16 + i) % 200).collect();
            let batch = Batch::of(&*set, &items).unwrap();
            model
                .step(&[batch], Key::new(2).step(step as u64), false)
                .unwrap();
        }
        let [before, after] = model.as_maximize().unwrap().maximize(0, 12, Key::new(3)).unwrap();
        let read = |s: &crate::Samples| {
            let batch = Batch {
                kind: s.kind,
                shape: s.shape.clone(),
                values: s.values.clone(),
                labels: None,
                attributes: vec![],
                captions: None,
                indices: (0..s.shape[0] as u32).collect(),
            };
            let all = model.as_read_attributes().unwrap().attributes(&batch).unwrap();
            all.iter().sum::<f32>() / all.len() as f32
        };
        assert!(
            read(&after) > read(&before) + 0.01,
            "{} {}",
            read(&before),
            read(&after)
        );
        // What is given back are letters: at every place a one among zeros.
        assert!(after.values.iter().all(|v| *v == 0.0 || *v == 1.0));
        assert_eq!(after.values.iter().sum::<f32>(), 12.0 * 40.0);
    }

    #[test]
    fn sequences_without_numbers_are_refused() {
        let set = Source::parse("proteins").open().unwrap().dataset;
        let device = Device::flex().autodiff();
        let e = DnaGan::build(DnaGan::defaults(), set.info(), &device, Key::new(1));
        let e = e.err().expect("is refused").to_string();
        assert!(e.contains("proteins") && e.contains("activity=0.7"), "{e}");
    }
}

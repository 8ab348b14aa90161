//! The Bayesian GAN: generators and discriminators drawn from the posterior of their weights, classes told by the mean over them.
//!
//! Saatchi, Wilson (2017), Bayesian GAN, arXiv:1705.09558; Tran, Ranganath, Blei (2017), Hierarchical Implicit Models and Likelihood-Free
//! Variational Inference, arXiv:1702.08896.
//!
//! The play is `plays/posterior.rs`, the sampler the optimizer's rule `sghmc`; otherwise it is `sgan`, beside which it is to be seen.
use super::Optimizers;
use super::Variant;
use super::dcgan::Dcgan;
use super::ensemble::Ensemble;
use super::plays::posterior::Posterior;
use crate::{Entry, Model, Registered};
use burn::tensor::Device;
use menagerie_data::DataInfo;
use menagerie_data::error::Result;
use menagerie_data::random::Key;
use menagerie_nn::OptimizerConfig;

/// See the module.
pub struct BayesianGan;

impl Registered for BayesianGan {
    type Config = Ensemble<Posterior>;
    fn defaults() -> Self::Config {
        let optimizer = Optimizers::both(OptimizerConfig::sghmc(2e-4, 1500.0));
        Ensemble {
            optimizer,
            ..Ensemble::of(Dcgan::config(), Posterior::default())
        }
    }
    fn check(config: &Self::Config) -> Result<()> {
        config.check_posterior("bayesian_gan")
    }
    fn build(config: Self::Config, data: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.sampled("bayesian_gan", data, device, key)?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "bayesian_gan",
    family: super::FAMILY,
    capabilities: super::SEMI_SUPERVISED,
    paper: "Saatchi & Wilson 2017, Bayesian GAN, arXiv:1705.09558",
    recipe: "bayesian_gan",
    data: &["digits"],
    tiny: &[
        ("model.width", "4"),
        ("model.latent", "8"),
        ("data.size", "8"),
        ("model.average", "0.9"),
        ("ensemble.from", "1"),
        ("ensemble.every", "1"),
        ("ensemble.kept", "2"),
    ],
    ..Entry::of::<BayesianGan>()
};

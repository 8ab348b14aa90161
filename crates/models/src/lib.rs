//! Every model, a folder a family, a file a model. A model reads no files, prints nothing and parses no arguments.
pub mod adversarial;
pub mod attack;
pub mod autoregressive;
mod capability;
pub mod discriminative;
pub mod energy;

pub mod flow;
pub mod function;
mod model;
mod registry;
pub mod variational;

pub use adversarial::game::{Player, TwoPlayer};
pub use capability::{
    Act, Anomaly, Attack, ClassMixtures, Classify, Cluster, Complete, Decoder, Defend, Direction, Encode,
    EvidenceBound, Factors, Features, Illustrate, Infer, LatentSpace, LogLikelihood, Maximize, POOLED,
    Predict, ReadAttributes, Reconstruct, Reconstruction, Sample, SampleRequest, Samples, Styles, Translate,
    Wish, pooled,
};
pub use function::{Function, Holds, Port};
pub use menagerie_nn::{NetworkInfo, Part, Purpose};
pub use model::{Capability, Model, Privacy, StepReport, Trouble, one_side};
pub use registry::{Entry, build, entry, registry};

pub(crate) use model::{as_image_shape, of_shape, unconditional, untempered};
pub(crate) use registry::Registered;

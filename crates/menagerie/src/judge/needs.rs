//! What metrics ask for.
use super::by_anomaly;
use crate::data::Kind;
use crate::models::{Capability, Model};

/// What a metric asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// a model with that capability
    Capability(Capability),
    /// a model that says how unusual items are, gives them back or has a likelihood of them, and data with classes that it has
    /// not learned from
    Unusual,
    /// a model that gives items back, or one that translates and pairs to compare with
    Back,
    /// a model that translates, and pairs to compare with
    Truth,
    /// a model that translates, data of two sides, and an extractor
    Sides,
    /// a model that translates, data with what it changes, and an extractor that reads attributes or tells classes
    Reader,
    /// a model that makes images of descriptions, portraits with theirs, and an extractor that reads attributes
    Described,
    /// images, data to compare them with, and an extractor
    Features,
    /// images with classes, data with classes to compare them with, and an extractor
    LabelledFeatures,
    /// images, and an extractor that tells classes
    Classes,
    /// videos, and an extractor that tells the classes of their frames
    Frames,
    /// a model with a latent space that makes images, and an extractor
    Path,
    /// images and data to compare them with
    Images,
    /// images with classes, and data with classes to compare them with
    LabelledImages,
    /// points, and data to compare them with
    Points,
    /// points, and data of a known density
    Density,
    /// sequences, and data to compare them with
    Sequences,
    /// shapes of voxels, and data to compare them with
    Shapes,
    /// a model that says what becomes of a shape, and shapes at rest and pressed
    Deformation,
    /// music, and data to compare it with
    Notes,
    /// sequences, and data whose grammar is known
    Grammar,
    /// a model that answers a sentence by another, and pairs of sentences
    Answers,
    /// samples, and data that know what attributes any item truly has
    Rule,
    /// images with classes, and data whose classes are places with coordinates
    Places,
    /// rows of a table of numbers and classes, and data to compare them with
    Columns,
    /// the same with a column that is the outcome
    Outcome,
    /// the same with a protected column, too
    Groups,
    /// a model that bounds what it tells of an item
    Privacy,
    /// a model that draws images by class and tells classes
    Message,
}

impl Needs {
    /// What that is, in words.
    pub fn words(self) -> String {
        match self {
            Needs::Capability(c) => format!("a model with the capability `{}`", c.name()),
            Needs::Unusual => "a model with the capability `anomaly`, `reconstruct` or a likelihood; a class left out of training".into(),
            Needs::Back => "a model with the capability `reconstruct`, or `translate` and pairs".into(),
            Needs::Truth => "a model with the capability `translate`, pairs".into(),
            Needs::Sides => "a model with the capability `translate`, data of two sides, an extractor".into(),
            Needs::Reader => "a model with the capability `translate`, data, --reader RUN".into(),
            Needs::Described => "a model with the capability `text-to-image`, portraits, --reader RUN".into(),
            Needs::Features => "images, data, an extractor".into(),
            Needs::LabelledFeatures => "images and data with classes, an extractor".into(),
            Needs::Classes => "images, an extractor that classifies".into(),
            Needs::Frames => "videos, an extractor that classifies frames".into(),
            Needs::Path => "a model with a latent space, an extractor".into(),
            Needs::Images => "images, data".into(),
            Needs::LabelledImages => "images and data with classes".into(),
            Needs::Points => "points, data".into(),
            Needs::Density => "points, data of a known density".into(),
            Needs::Sequences => "sequences, data".into(),
            Needs::Shapes => "shapes, data".into(),
            Needs::Deformation => "a model with the capability `predict`, shapes at rest and pressed (shapes:pressed)".into(),
            Needs::Notes => "music, data".into(),
            Needs::Grammar => "sequences, data whose grammar is known (brackets)".into(),
            Needs::Answers => "a model with the capability `predict`, pairs of sentences (translation, dialogue)".into(),
            Needs::Rule => "samples, data whose attributes follow from an item (dna, jets, showers)".into(),
            Needs::Places => "images with classes, data whose attributes `x` and `y` say where each was measured (wifi)".into(),
            Needs::Columns => "rows of a table of numbers and classes, data".into(),
            Needs::Outcome => "the same with an outcome (data.outcome)".into(),
            Needs::Message => "a model that draws images by class, with the capability `classify`".into(),
            Needs::Privacy => "a model that counts its privacy: dp_gan".into(),
            Needs::Groups => "the same with a protected column (data.protected)".into(),
        }
    }

    /// Whether an extractor is asked for.
    pub fn extractor(self) -> bool {
        matches!(
            self,
            Needs::Features
                | Needs::LabelledFeatures
                | Needs::Classes
                | Needs::Frames
                | Needs::Path
                | Needs::Sides
                | Needs::Reader
                | Needs::Described
        )
    }

    /// The capability without which no model has it, and that this one lacks.
    pub fn missing(self, model: &dyn Model) -> Option<Capability> {
        let needed = match self {
            Needs::Capability(c) => c,
            Needs::Truth | Needs::Sides | Needs::Reader => Capability::Translate,
            Needs::Described => Capability::Illustrate,
            Needs::Answers | Needs::Deformation => Capability::Predict,
            Needs::Unusual if by_anomaly::WAYS.iter().any(|w| w.of(model)) => return None,
            Needs::Unusual => Capability::Anomaly,
            Needs::Back if Capability::Translate.of(model) => return None,
            Needs::Back => Capability::Reconstruct,
            _ => return None,
        };
        (!needed.of(model)).then_some(needed)
    }

    /// Whether features of all of the data are asked for (see `Reference::gathered`).
    pub fn reference_features(self) -> bool {
        self == Needs::Features
    }

    /// Whether it can be had of a model of those capabilities whose data are of that kind, where the kind is known.
    pub fn suits(self, capabilities: &[Capability], kind: Option<Kind>) -> bool {
        let draws = |of: Kind| capabilities.contains(&Capability::Sample) && kind.is_none_or(|k| k == of);
        match self {
            Needs::Capability(c) => capabilities.contains(&c),
            Needs::Truth => {
                capabilities.contains(&Capability::Translate) && kind.is_none_or(|k| k == Kind::Pair)
            }
            Needs::Sides | Needs::Reader => capabilities.contains(&Capability::Translate),
            Needs::Described => capabilities.contains(&Capability::Illustrate),
            Needs::Unusual => by_anomaly::WAYS.iter().any(|w| capabilities.contains(w)),
            Needs::Back => {
                capabilities.contains(&Capability::Reconstruct) || Needs::Truth.suits(capabilities, kind)
            }
            Needs::Path => capabilities.contains(&Capability::LatentSpace) && draws(Kind::Image),
            Needs::Frames => draws(Kind::Video),
            Needs::Sequences | Needs::Grammar => draws(Kind::Sequence),
            Needs::Answers => {
                capabilities.contains(&Capability::Predict) && kind.is_none_or(|k| k == Kind::Sequence)
            }
            Needs::Shapes => draws(Kind::Voxels),
            Needs::Deformation => {
                capabilities.contains(&Capability::Predict) && kind.is_none_or(|k| k == Kind::Voxels)
            }
            Needs::Notes => draws(Kind::Notes),

            Needs::Rule | Needs::Privacy => capabilities.contains(&Capability::Sample),
            Needs::Message => capabilities.contains(&Capability::Classify) && draws(Kind::Image),
            Needs::Points | Needs::Density | Needs::Columns | Needs::Outcome | Needs::Groups => {
                draws(Kind::Points)
            }
            _ => draws(Kind::Image),
        }
    }
}

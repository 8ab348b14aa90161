//! Where samples come from, and how they become batches; with what everything stands on: errors, random keys, limits,
//! pictures. Nothing here knows of networks.
//!
//! A [`Source`] names a data set and says how to prepare it; opened, it is a [`Dataset`] of items by index; a
//! [`Loader`] makes an endless stream of [`Batch`]es of it. Reading fails as [`crate::Error::Data`], which names the
//! file and says how to mend it.
mod amounts;
mod animated;
mod arrays;
mod audio;
mod bundle;
mod celeba;
mod changed;
mod cifar;
mod claims;
mod classes;
mod composites;
mod corners;
mod curves;
mod damage;
mod dataset;
mod domains;
mod drawn_table;
mod dsprites;
mod embedded;
pub mod environments;
pub mod error;

pub mod files;
mod folder;
mod hiring;
mod idx;
mod image_file;
mod image_set;
pub mod interrupt;
mod jaws;
mod jets;
mod known;
mod labels;
pub mod limits;
mod listing;
mod lists;
mod loader;
mod memory;
mod metadata;
mod mixed;
mod notes;
mod npy;
mod npz;
mod pack;
mod pairs;
pub mod picture;
mod pictures;
mod points;
pub mod portraits;
mod precision;
pub mod random;
mod renumbered;
mod resize;
mod sequence;
mod shapes;

mod shards;
pub mod showers;
mod shrunk;
mod simulators;
mod source;
mod split;
mod stacked;
mod stats;
mod table;
mod traits;
mod unpaired;
mod video;
mod walk;
mod wifi;
mod write_npy;
#[doc(hidden)]
pub mod zip;

pub use amounts::Amount;
pub use arrays::Arrays;
pub use audio::{wav, write_wav};
pub use dataset::{Captions, Column, DataInfo, Dataset, Density, Item, Kind, Role, Values, words_of};
pub use domains::trait_of_sides;
pub use error::{Error, Result};
pub use image_file::{Pixels, read_image};
pub use known::{SourceInfo, known_sources, point_sets};
pub use labels::FewLabels;
pub use loader::{Batch, Loader, Order};
pub use mixed::{recoded, table_text};
pub use notes::{Tone, midi, tones};
pub use pack::{Packed, PackedPart, pack};
pub use pictures::{Picture, Pictures};
pub use random::Key;
pub use renumbered::renumbered;
pub use sequence::{entailment, likeliest, sentences};
pub use shapes::{Press, obj_of};
pub use simulators::{Simulator, simulator, simulators};
pub use source::{Opened, Source};
pub use stats::{Damaged, Duplicates, LabelCount, PartStats, SizeCount, Stats, stats};
pub use traits::Trait;
pub use unpaired::Side;
pub use write_npy::write_npy;

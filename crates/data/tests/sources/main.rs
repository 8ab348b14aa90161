//! Data from disk as others write them, whole and damaged, and what a source makes of them.
mod arrays;
mod audio;
mod beside;
#[cfg(feature = "cloud")]
mod cloud;
mod fields;
mod folders;
mod idx;
mod lists;
mod metadata;
mod names;
mod people;
mod sequences;
mod shards;
mod sides;
mod splits;
mod spreadsheets;
mod stats;
mod support;
mod tables;
mod videos;

//! The command as a user meets it.
mod advice;
mod asked;
mod basics;
mod best;
mod browsed;
mod compare;
mod drawn;
mod evaluate;
mod judged;
mod kinds;
mod latents;
mod likelihood;
mod runs;
mod shipping;
mod spread;
mod studio;
#[path = "../support/mod.rs"]
mod support;
mod translate;

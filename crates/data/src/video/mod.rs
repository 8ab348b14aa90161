//! Videos: `[time, height, width, channel]`, drawn by the program, made of still images, or read from disk.
mod diagrams;
mod disk;
mod moving;
mod portraits;
mod turning;

pub(super) use diagrams::{
    ANSWERS, Diagrams, NAME as DIAGRAMS, SHOWN, SIDE as SIDE_OF_DIAGRAMS, TRAIN as OF_DIAGRAMS,
};
pub(super) use disk::Videos;
pub(super) use moving::Moving;
pub(super) use portraits::MovingPortraits;
pub(super) use turning::{TURNING, TurningPortraits};

use crate::error::{Error, Result};

/// Most frames that a video may have.
const MOST_FRAMES: usize = 4096;
/// Most numbers that a video may have.
const MOST_NUMBERS: usize = 1 << 28;

/// Refuses a number of frames that no video has.
///
/// # Errors
/// [`Error::Recipe`] naming `data.frames`.
pub(super) fn check_frames(frames: usize) -> Result<()> {
    if frames <= MOST_FRAMES {
        return Ok(());
    }
    Err(Error::recipe(
        "data.frames",
        format!("{frames} frames are more than a video may have"),
        format!("give 1 to {MOST_FRAMES}"),
    ))
}

/// Refuses videos whose numbers would not fit.
///
/// # Errors
/// [`Error::Recipe`] naming `data.frames`.
fn check_size(frames: usize, [h, w, c]: [usize; 3]) -> Result<()> {
    let numbers = [frames, h, w, c].iter().fold(1usize, |n, &s| n.saturating_mul(s));
    if numbers <= MOST_NUMBERS {
        return Ok(());
    }
    let problem = format!("{frames} frames of {h}x{w}x{c} are {numbers} numbers a video");
    Err(Error::recipe(
        "data.frames",
        problem,
        format!("use fewer --frames or a smaller --size: {MOST_NUMBERS} numbers at most"),
    ))
}

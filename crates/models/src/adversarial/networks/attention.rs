//! Where self-attention stands in a pyramid of grids.
use menagerie_nn::{Init, SelfAttention};

/// The place in `sizes` (the image first, then ever smaller grids) of the largest grid below the image whose sides are at most
/// `side`; `None` for a side of 0, and where no grid is that small.
pub(super) fn place(sizes: &[[usize; 2]], side: usize) -> Option<usize> {
    (1..sizes.len()).find(|&i| sizes[i].iter().all(|&s| s <= side))
}

/// Attention at that place, of the channels there.
pub(super) fn at(
    place: Option<usize>,
    channels: impl Fn(usize) -> usize,
    spectral: bool,
    init: &Init,
) -> Option<SelfAttention> {
    place.map(|i| SelfAttention::new(channels(i), spectral, &init.at("attention")))
}

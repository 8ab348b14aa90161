//! How many numbers a network keeps for its backward pass, counted by its layers.
use burn::tensor::Tensor;
use std::cell::Cell;

thread_local!(static KEPT: Cell<Option<usize>> = const { Cell::new(None) });

/// Numbers that the layers keep for the backward pass while `pass` runs: give it one item, and they are an item's.
pub fn counted<T>(pass: impl FnOnce() -> T) -> usize {
    let outer = KEPT.replace(Some(0));
    pass();
    KEPT.replace(outer).unwrap_or(0)
}

/// A layer keeps this tensor; whoever writes a layer of operations says so with each result that the backward pass needs.
pub fn keep<const D: usize>(t: &Tensor<D>) {
    if let Some(n) = KEPT.get() {
        KEPT.set(Some(n + t.shape().num_elements()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn only_what_is_kept_meanwhile_counts() {
        let t = Tensor::<2>::zeros([2, 3], &Device::flex());
        keep(&t);
        assert_eq!(counted(|| (keep(&t), counted(|| keep(&t)), keep(&t))), 12);
        assert_eq!(counted(|| ()), 0);
    }
}

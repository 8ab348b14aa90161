//! How many numbers a network keeps for its backward pass, counted by its layers.
use crate::Activation;
use burn::tensor::Tensor;
use std::cell::Cell;

thread_local!(static KEPT: Cell<Option<usize>> = const { Cell::new(None) });

/// Numbers that the layers keep for the backward pass while `pass` runs: give it one item, and they are an item's.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use menagerie_data::random::Key;
/// use menagerie_nn::{Activation, Init, Linear, activations};
///
/// let init = Init::new(Key::new(1), &Device::flex());
/// let (a, b) = (Linear::of([4, 100]).init(&init.at("a")), Linear::of([100, 2]).init(&init.at("b")));
/// let item = Tensor::<2>::zeros([1, 4], init.device());
/// let kept = activations::counted(|| b.forward(a.forward(item, Activation::Relu), Activation::Identity));
/// assert_eq!(kept, 102);
/// ```
pub fn counted<T>(pass: impl FnOnce() -> T) -> usize {
    let outer = KEPT.replace(Some(0));
    pass();
    KEPT.replace(outer).unwrap_or(0)
}

/// What is kept while `pass` runs does not count.
pub fn uncounted<T>(pass: impl FnOnce() -> T) -> T {
    let outer = KEPT.replace(None);
    let result = pass();
    KEPT.set(outer);
    result
}

/// Says that a layer keeps this tensor for its backward pass, and gives it back. Layers of this crate say so themselves;
/// whoever builds on operations of tensors says it of each result.
pub fn keep<const D: usize>(t: Tensor<D>) -> Tensor<D> {
    if let Some(n) = KEPT.get() {
        KEPT.set(Some(n + t.shape().num_elements()));
    }
    t
}

/// An activation by itself, element by element.
pub fn activation<const D: usize>(x: Tensor<D>, act: Activation) -> Tensor<D> {
    keep(menagerie_kernels::activation(x, act))
}

/// Items that can pass at a time so that their layers hold no more than 2^24 floats (64 MiB), or one; `pass` is that of one
/// item.
pub fn items_at_a_time<T>(pass: impl FnOnce() -> T) -> usize {
    ((1 << 24) / counted(pass).max(1)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn only_what_is_kept_meanwhile_counts() {
        let t = Tensor::<2>::zeros([2, 3], &Device::flex());
        let kept = || drop(keep(t.clone()));
        kept();
        assert_eq!(counted(|| (kept(), counted(kept), kept())), 12);
        assert_eq!(items_at_a_time(kept), (1 << 24) / 6);
        assert_eq!(counted(|| ()), 0);
        assert_eq!(counted(|| (kept(), uncounted(kept))), 6);
    }
}

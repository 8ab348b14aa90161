//! Working memory that a thread keeps between calls: large fresh allocations cost page faults.
use crate::block::Block;
use std::cell::RefCell;

/// A pointer that may cross threads. Whoever dereferences it shows that no two threads touch the
/// same element at once.
pub(crate) struct Ptr<T>(pub *mut T);
impl<T> Clone for Ptr<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Ptr<T> {}
// SAFETY: a pointer by itself does nothing; every dereference has its own argument.
unsafe impl<T> Send for Ptr<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Ptr<T> {}
impl<T> Ptr<T> {
    /// The pointer (a method, so that closures capture the whole wrapper and stay `Sync`).
    pub(crate) fn get(self) -> *mut T {
        self.0
    }
}
impl Ptr<f32> {
    pub(crate) fn read(slice: &[f32]) -> Self {
        Ptr(slice.as_ptr().cast_mut())
    }
}

/// What a piece of working memory is for; pieces of one thread that are in use together differ.
#[derive(Clone, Copy)]
pub(crate) enum Slot {
    /// A rearranged copy of an input.
    Input,
    /// Packed or transformed weights, or sums over them.
    Weights,
    /// Transformed tiles shared by all threads.
    Tiles,
    /// One task's own.
    Task,
    /// A second rearranged copy.
    Output,
    /// One group's operands.
    Group,
}
const SLOTS: usize = 6;

thread_local!(static KEPT: RefCell<[Option<Block>; SLOTS]> = const { RefCell::new([const { None }; SLOTS]) });

/// Calls `f` with `len` floats, aligned to 64 bytes, of unspecified (but initialized) content.
/// Using a slot inside its own use is allowed: the inner one gets fresh memory.
pub(crate) fn with_scratch<R>(slot: Slot, len: usize, f: impl FnOnce(&mut [f32]) -> R) -> R {
    let kept = KEPT.with(|kept| kept.borrow_mut()[slot as usize].take());
    let bytes = len * size_of::<f32>();
    // A block that is too small is given back before a larger one is asked for.
    let block = kept
        .filter(|b| b.capacity() >= bytes)
        .unwrap_or_else(|| Block::new(bytes.next_multiple_of(4096)));
    // SAFETY: the block has at least `bytes` initialized bytes, aligned for floats, and is owned here.
    let result = f(unsafe { std::slice::from_raw_parts_mut(block.start().cast(), len) });
    KEPT.with(|kept| kept.borrow_mut()[slot as usize] = Some(block));
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scratch_is_aligned_kept_and_nests() {
        let first = with_scratch(Slot::Task, 100, |a| {
            a.fill(1.0);
            with_scratch(Slot::Task, 50, |b| b.fill(2.0));
            assert!(a.iter().all(|&v| v == 1.0));
            assert_eq!(a.as_ptr() as usize % 64, 0);
            a.len()
        });
        assert_eq!(first, 100);
    }
}

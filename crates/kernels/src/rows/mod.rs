//! Threaded, vectorized loops over channels-last tensors: everything of a training step that is not
//! a product.
pub(crate) mod simd;

/// A pointer that may cross threads. Whoever dereferences it shows that no two threads touch the
/// same element at once.
#[derive(Clone, Copy)]
pub(crate) struct Ptr(*mut f32);
// SAFETY: a pointer by itself does nothing; every dereference has its own argument.
unsafe impl Send for Ptr {}
// SAFETY: as above.
unsafe impl Sync for Ptr {}

impl Ptr {
    pub fn new(slice: &mut [f32]) -> Ptr {
        Ptr(slice.as_mut_ptr())
    }

    /// Elements `range` of the slice.
    ///
    /// # Safety
    /// The range lies in the slice, which outlives 'a, and no other access overlaps it meanwhile.
    pub unsafe fn part<'a>(self, range: std::ops::Range<usize>) -> &'a mut [f32] {
        // SAFETY: the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(range.start), range.len()) }
    }
}

//! Large allocations, on huge pages where the system has them.
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};

/// Blocks of at least this size are aligned to it, and the system is asked for huge pages.
const HUGE: usize = 2 << 20;

/// An allocation of `capacity` initialized bytes, owned.
pub(crate) struct Block {
    start: *mut u8,
    capacity: usize,
}
// SAFETY: the block is owned, like a Box; the pointer is not shared.
unsafe impl Send for Block {}
// SAFETY: shared references give no access to the content without a Buffer's own borrow.
unsafe impl Sync for Block {}

impl Block {
    fn layout(capacity: usize) -> Layout {
        let align = if capacity >= HUGE { HUGE } else { 64 };
        Layout::from_size_align(capacity, align).expect("a buffer larger than the address space")
    }

    /// `capacity` bytes of zeros; at least one.
    pub(crate) fn new(capacity: usize) -> Block {
        let capacity = capacity.max(1);
        let layout = Self::layout(capacity);
        // SAFETY: the capacity is not zero.
        let start = unsafe { alloc(layout) };
        if start.is_null() {
            handle_alloc_error(layout);
        }
        #[cfg(target_os = "linux")]
        if capacity >= HUGE {
            // SAFETY: advice about memory that was just allocated; a refusal changes nothing.
            unsafe { libc::madvise(start.cast(), capacity, libc::MADV_HUGEPAGE) };
        }
        // Zeroed after the advice, as the first touch decides the size of the pages.
        // SAFETY: the allocation has `capacity` bytes.
        unsafe { start.write_bytes(0, capacity) };
        Block { start, capacity }
    }

    /// Its first byte, aligned to 64 bytes.
    pub(crate) fn start(&self) -> *mut u8 {
        self.start
    }

    /// Its bytes.
    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this very layout, and freed only here.
        unsafe { dealloc(self.start, Self::layout(self.capacity)) }
    }
}

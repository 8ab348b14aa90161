//! Recycled buffers of f32: fresh memory costs page faults, so freed blocks are kept, up to a cap.
use crate::block::Block;
use burn_std::{AccessError, AccessPolicy, AllocationController, AllocationProperty};
use std::collections::BTreeMap;
use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// Capacities are multiples of this, so that nearly equal sizes share blocks.
const GRAIN: usize = 64 << 10;

/// Free blocks by capacity, each with the time of its return.
struct Free {
    blocks: BTreeMap<usize, Vec<(u64, Block)>>,
    bytes: usize,
    clock: u64,
    /// Bytes in buffers now, and at most so far.
    live: usize,
    most: usize,
}
static FREE: Mutex<Free> = Mutex::new(Free {
    blocks: BTreeMap::new(),
    bytes: 0,
    clock: 0,
    live: 0,
    most: 0,
});

fn free() -> MutexGuard<'static, Free> {
    FREE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Bytes kept at most, where the environment says so: `MENAGERIE_CACHE_MB`.
fn cap() -> Option<usize> {
    static CAP: OnceLock<Option<usize>> = OnceLock::new();
    *CAP.get_or_init(|| {
        std::env::var("MENAGERIE_CACHE_MB")
            .ok()?
            .parse()
            .ok()
            .map(|mb: usize| mb.saturating_mul(1 << 20))
    })
}

/// Bytes kept at most otherwise, beside what lets buffers and free blocks together reach the most that buffers alone have
/// held: a step that needs as much as the last one then finds it here, and no more memory is taken than it was anyway.
const KEPT: usize = 256 << 20;

/// Gives the free blocks back to the system: for rare moments that need memory of another kind.
pub fn release() {
    let mut free = free();
    free.bytes = 0;
    let blocks = std::mem::take(&mut free.blocks);
    drop(free);
    drop(blocks); // after the lock
}

/// Floats that come from the recycled blocks, and go back to them when dropped. Their content is
/// whatever was there before, or zero.
pub struct Buffer {
    /// None only while being dropped.
    block: Option<Block>,
    start: *mut f32,
    len: usize,
}
// SAFETY: `start` points into `block`, which the buffer owns.
unsafe impl Send for Buffer {}
// SAFETY: shared access only reads.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// `len` floats of unspecified (but initialized) content, aligned to 64 bytes.
    pub fn new(len: usize) -> Buffer {
        let capacity = len
            .checked_mul(4)
            .expect("a buffer larger than the address space")
            .next_multiple_of(GRAIN)
            .max(GRAIN);
        let block = free().take(capacity);
        let block = block.unwrap_or_else(|| Block::new(capacity));
        free().lend(block.capacity());
        Buffer {
            start: block.start().cast(),
            block: Some(block),
            len,
        }
    }

    /// A copy of `values`.
    pub fn copied(values: &[f32]) -> Buffer {
        let mut buffer = Buffer::new(values.len());
        buffer.copy_from_slice(values);
        buffer
    }

    /// `len` zeros.
    pub fn zeros(len: usize) -> Buffer {
        let mut buffer = Buffer::new(len);
        buffer.fill(0.0);
        buffer
    }
}

impl Free {
    /// The smallest block of at least `capacity`, unless that wastes more than a quarter.
    fn take(&mut self, capacity: usize) -> Option<Block> {
        let (_, list) = self
            .blocks
            .range_mut(capacity..=capacity + capacity / 4)
            .find(|(_, list)| !list.is_empty())?;
        let (_, block) = list.pop()?;
        self.bytes -= block.capacity();
        Some(block)
    }

    /// Counts a block that becomes a buffer.
    fn lend(&mut self, capacity: usize) {
        self.live += capacity;
        self.most = self.most.max(self.live);
    }

    /// Counts a block that is a buffer no more; gives how many bytes may be kept now.
    fn returned(&mut self, capacity: usize) -> usize {
        self.live -= capacity;
        cap().unwrap_or(KEPT.max(self.most - self.live))
    }

    /// Keeps a block; returns those (the longest unused) that no longer fit under the cap.
    fn keep(&mut self, block: Block, cap: usize) -> Vec<Block> {
        self.clock += 1;
        self.bytes += block.capacity();
        self.blocks
            .entry(block.capacity())
            .or_default()
            .push((self.clock, block));
        let mut out = Vec::new();
        while self.bytes > cap {
            // Each list is in order of return, so its first is its oldest.
            let oldest = self
                .blocks
                .iter()
                .filter_map(|(c, l)| l.first().map(|b| (b.0, *c)))
                .min();
            let Some(list) = oldest.and_then(|(_, c)| self.blocks.get_mut(&c)) else {
                break;
            };
            let (_, block) = list.remove(0);
            self.bytes -= block.capacity();
            out.push(block);
        }
        out
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(block) = self.block.take() {
            let mut free = free();
            let cap = free.returned(block.capacity());
            let surplus = free.keep(block, cap);
            drop(free);
            drop(surplus); // after the lock
        }
    }
}

impl Deref for Buffer {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        // SAFETY: the block has at least 4 * len initialized bytes, aligned to 64, owned by self.
        unsafe { std::slice::from_raw_parts(self.start, self.len) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as in `deref`, and `self` is borrowed for writing.
        unsafe { std::slice::from_raw_parts_mut(self.start, self.len) }
    }
}

/// Lets a Burn tensor own the buffer; the block is recycled when the tensor is dropped.
impl AllocationController for Buffer {
    fn alloc_align(&self) -> usize {
        4
    }

    fn property(&self) -> AllocationProperty {
        AllocationProperty::Other
    }

    unsafe fn memory_mut(&mut self, _: AccessPolicy) -> Result<&mut [MaybeUninit<u8>], AccessError> {
        // SAFETY: 4 * len initialized bytes that `self`, borrowed for writing, owns.
        Ok(unsafe { std::slice::from_raw_parts_mut(self.start.cast(), self.len * 4) })
    }

    fn memory(&self, _: AccessPolicy) -> Result<&[MaybeUninit<u8>], AccessError> {
        // SAFETY: 4 * len initialized bytes that `self` owns.
        Ok(unsafe { std::slice::from_raw_parts(self.start.cast(), self.len * 4) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_aligned_and_as_long_as_asked() {
        let mut b = Buffer::zeros(1000);
        assert_eq!((b.len(), b.as_ptr() as usize % 64), (1000, 0));
        assert!(b.iter().all(|&v| v == 0.0));
        b[999] = 3.0;
        assert_eq!(Buffer::copied(&b)[999], 3.0);
        assert!(Buffer::new(0).is_empty());
    }

    #[test]
    fn free_blocks_fit_and_the_oldest_go_first() {
        let mut free = Free {
            blocks: BTreeMap::new(),
            bytes: 0,
            clock: 0,
            live: 0,
            most: 0,
        };
        for capacity in [4 * GRAIN, 2 * GRAIN, 8 * GRAIN] {
            assert!(free.keep(Block::new(capacity), 14 * GRAIN).is_empty());
        }
        let out = free.keep(Block::new(GRAIN), 14 * GRAIN);
        assert_eq!(out.iter().map(Block::capacity).collect::<Vec<_>>(), [4 * GRAIN]);
        // a block more than a quarter too large is not given
        assert!(free.take(5 * GRAIN).is_none());
        assert_eq!(free.take(7 * GRAIN).map(|b| b.capacity()), Some(8 * GRAIN));
        assert_eq!(free.bytes, 3 * GRAIN);
    }
}

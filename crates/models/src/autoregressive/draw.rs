//! Drawing number by number: each is computed once, from what was kept of those before it.
use super::discrete::Discrete;
use menagerie_data::interrupt::Watch;
use menagerie_data::random::Key;
use menagerie_kernels::{noise, pool::par_for};
use std::sync::OnceLock;

/// Weights taken out of a network once, ready to compute items number by number.
pub trait Walker: Sync {
    /// Begins with `items` items. `order` is one of the network's orders, `sequence` the numbers in the order in which they
    /// come, `labels` the items' classes (empty where the network has none).
    fn start<'a>(
        &'a self,
        items: usize,
        order: usize,
        sequence: &'a [u32],
        labels: &[u32],
    ) -> Box<dyn Walk + 'a>;
}

/// Some items on their way. Calls of `logits` and `put` take turns.
pub trait Walk {
    /// Logits of the next number, `[items, outputs]`. What an item gets depends on that item alone, to the bit.
    fn logits(&mut self, out: &mut [f32]);
    /// Says what the number is, an item, and goes on to the next.
    fn put(&mut self, levels: &[u32]);
}

/// What is drawn.
#[derive(Clone, Copy)]
pub struct Drawing<'a> {
    /// how logits become levels
    pub discrete: Discrete,
    /// one of the network's orders
    pub order: usize,
    /// the numbers in that order
    pub sequence: &'a [u32],
    /// a key an item
    pub keys: &'a [Key],
    /// a class an item, or none
    pub labels: &'a [u32],
    /// what logits are divided by
    pub temperature: f64,
    /// levels `[items, numbers]`, and which of an item's numbers are known
    pub known: Option<(&'a [u32], &'a [bool])>,
}

/// Items that are walked together by one thread: as many as share a pass through the weights.
const TILE: usize = 8;

impl Drawing<'_> {
    /// Levels `[items, numbers]`. An item is a function of its key, its class and what is known of it.
    pub fn draw(&self, walker: &dyn Walker) -> Vec<u32> {
        let tiles: Vec<OnceLock<Vec<u32>>> = (0..self.keys.len().div_ceil(TILE))
            .map(|_| OnceLock::new())
            .collect();
        let watch = Watch::here();
        par_for(tiles.len(), &|t| {
            let range = t * TILE..(t * TILE + TILE).min(self.keys.len());
            // Each index comes once, so the place is free.
            let _ = tiles[t].set(self.tile(walker, range, &watch));
        });
        tiles
            .into_iter()
            .filter_map(OnceLock::into_inner)
            .flatten()
            .collect()
    }

    fn tile(&self, walker: &dyn Walker, range: std::ops::Range<usize>, watch: &Watch) -> Vec<u32> {
        let (n, items, k) = (self.sequence.len(), range.len(), self.discrete.outputs());
        let mut uniform = vec![0.0; items * n];
        uniform
            .chunks_exact_mut(n)
            .zip(&self.keys[range.clone()])
            .for_each(|(u, key)| noise::fill_uniform(key.words(), u));
        let labels = if self.labels.is_empty() {
            &[]
        } else {
            &self.labels[range.clone()]
        };
        let mut walk = walker.start(items, self.order, self.sequence, labels);
        let (mut out, mut logits, mut levels) = (vec![0; items * n], vec![0.0; items * k], vec![0; items]);
        for &number in self.sequence {
            if watch.is_given_up() {
                break;
            }
            let number = number as usize;
            walk.logits(&mut logits);
            for (i, level) in levels.iter_mut().enumerate() {
                *level = match self.known {
                    Some((given, known)) if known[number] => given[(range.start + i) * n + number],
                    _ => self.discrete.draw(
                        &logits[i * k..(i + 1) * k],
                        self.temperature,
                        uniform[i * n + number],
                    ),
                };
                out[i * n + number] = *level;
            }
            walk.put(&levels);
        }
        out
    }
}

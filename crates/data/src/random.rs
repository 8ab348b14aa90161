//! Random keys instead of a hidden generator.
//!
//! A [`Key`] names a stream of random numbers. Keys are derived from keys (`key.step(3).stream("noise")`),
//! so that every draw is a function of the seed and of its place in the program alone: the same on any
//! number of threads, after any interruption.
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A counter-based key: 256 bits that seed ChaCha with 12 rounds (Bernstein 2008; rounds as in Rust's StdRng).
///
/// ```
/// use menagerie_data::random::Key;
///
/// let step = Key::new(7).stream("train").step(12);
/// // Drawing does not change a key: the same place in the program, the same numbers.
/// assert_eq!(step.stream("noise").rng().normal(), step.stream("noise").rng().normal());
/// assert_ne!(step.stream("noise"), step.stream("latents"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key([u32; 8]);

impl Key {
    /// The root key of a seed.
    pub fn new(seed: u64) -> Key {
        Key([
            seed as u32,
            (seed >> 32) as u32,
            0x6d65_6e61,
            0x6765_7269,
            0,
            0,
            0,
            0,
        ])
    }

    /// A key of its own for training step `n` (or item, image, epoch: any counter).
    pub fn step(self, n: u64) -> Key {
        self.derive(n, 0)
    }

    /// A key of its own for a named use.
    pub fn stream(self, name: &str) -> Key {
        // FNV-1a; names are few and chosen by us, collisions would show in tests/every_model.rs.
        let h = name.bytes().fold(0xcbf2_9ce4_8422_2325u64, |h, b| {
            (h ^ b as u64).wrapping_mul(0x100_0000_01b3)
        });
        self.derive(h, 1)
    }

    /// A block of this key's own stream, at a place that only `n` and the kind of derivation decide.
    fn derive(self, n: u64, kind: u64) -> Key {
        let mut rng = ChaCha12Rng::from_seed(self.bytes());
        rng.set_stream(n);
        // Each derivation takes one block (16 words) of its own; draws by `rng` use stream 2^64 - 1.
        rng.set_word_pos(16 * (1 + kind) as u128);
        Key(std::array::from_fn(|_| rng.next_u32()))
    }

    fn bytes(self) -> [u8; 32] {
        let mut b = [0; 32];
        for (b, w) in b.chunks_exact_mut(4).zip(self.0) {
            b.copy_from_slice(&w.to_le_bytes());
        }
        b
    }

    /// The 256 bits, for the vectorized noise of the kernels.
    pub fn words(self) -> [u32; 8] {
        self.0
    }

    /// A generator over this key's stream, for small draws.
    pub fn rng(self) -> Draw {
        let mut rng = ChaCha12Rng::from_seed(self.bytes());
        rng.set_stream(u64::MAX);
        Draw(rng)
    }

    /// A random order of `0..n` (Fisher-Yates).
    pub fn permutation(self, n: usize) -> Vec<u32> {
        let mut rng = self.rng();
        let mut order: Vec<u32> = (0..n as u32).collect();
        for i in (1..n).rev() {
            order.swap(i, rng.below(i + 1));
        }
        order
    }
}

/// Numbers drawn one after the other from a key's stream.
pub struct Draw(ChaCha12Rng);

impl Draw {
    /// Uniform over all 64-bit words.
    pub fn word(&mut self) -> u64 {
        self.0.next_u64()
    }
    /// Uniform in [0, 1), 53 bits.
    pub fn uniform(&mut self) -> f64 {
        (self.word() >> 11) as f64 / (1u64 << 53) as f64
    }
    /// Uniform in [low, high).
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }
    /// Uniform in `0..n` without bias (Lemire 2019).
    pub fn below(&mut self, n: usize) -> usize {
        debug_assert!(n > 0);
        let n = n as u64;
        loop {
            let m = self.word() as u128 * n as u128;
            if m as u64 >= n.wrapping_neg() % n {
                return (m >> 64) as usize;
            }
        }
    }
    /// One of `n` classes, as often as its share of the data; all equally often where their shares are not known
    /// (`shares` has not `n` of them, or they sum to nothing).
    pub fn class(&mut self, n: usize, shares: &[f64]) -> usize {
        let total: f64 = shares.iter().sum();
        let known = shares.len() == n && total > 0.0;
        if !known || shares.iter().all(|s| *s == shares[0]) {
            return self.below(n);
        }
        let mut left = self.uniform() * total;
        let passed = shares.iter().position(|s| {
            left -= s;
            left < 0.0
        });
        // Rounding may leave a hair beyond the last class that there is.
        passed
            .or_else(|| shares.iter().rposition(|s| *s > 0.0))
            .unwrap_or(0)
    }
    /// Standard normal (Box and Muller 1958).
    pub fn normal(&mut self) -> f64 {
        let (u, v) = (1.0 - self.uniform(), self.uniform());
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }
    /// True with probability `p`.
    pub fn chance(&mut self, p: f64) -> bool {
        self.uniform() < p
    }
}

/// Seeds in recipes: TOML has no whole numbers beyond 2^63 - 1, so larger ones are written as text.
/// For `#[serde(with = "seeds")]` at a `u64`.
pub mod seeds {
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;

    /// As a number where TOML can hold it.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(seed: &u64, to: S) -> Result<S::Ok, S::Error> {
        match i64::try_from(*seed) {
            Ok(number) => to.serialize_i64(number),
            Err(_) => to.serialize_str(&seed.to_string()),
        }
    }

    /// From either.
    ///
    /// # Errors
    /// For what is no whole number from 0 to 2^64 - 1.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u64),
            Text(String),
        }
        let wrong = |_| D::Error::custom("a seed is a whole number from 0 to 2^64 - 1");
        match Written::deserialize(from).map_err(|e| wrong(e.to_string()))? {
            Written::Number(n) => Ok(n),
            Written::Text(text) => text.parse().map_err(|_| wrong(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_come_as_often_as_their_shares() {
        let count = |shares: &[f64]| {
            let mut seen = [0i32; 3];
            let mut draw = Key::new(1).rng();
            (0..4000).for_each(|_| seen[draw.class(3, shares)] += 1);
            seen
        };
        // Standard deviations are below 32. A third of the items may have no label: the others' shares decide.
        for shares in [[0.8, 0.0, 0.2], [0.4, 0.0, 0.1]] {
            let seen = count(&shares);
            assert!(seen[0].abs_diff(3200) < 130 && seen[1] == 0, "{seen:?}");
        }
        // Equal shares, and unknown ones, draw what they always drew.
        let mut plain = Key::new(1).rng();
        let mut seen = [0i32; 3];
        (0..4000).for_each(|_| seen[plain.below(3)] += 1);
        for shares in [&[1.0 / 3.0; 3][..], &[], &[0.0; 3], &[0.5, 0.5]] {
            assert_eq!(count(shares), seen);
        }
    }

    #[test]
    fn keys_are_a_function_of_their_path() {
        let k = Key::new(7);
        assert_eq!(k.step(3).stream("noise"), Key::new(7).step(3).stream("noise"));
        let all = [
            k,
            Key::new(8),
            k.step(0),
            k.step(1),
            k.stream("a"),
            k.stream("b"),
            k.step(0).stream("a"),
            k.stream("a").step(0),
        ];
        for (i, a) in all.iter().enumerate() {
            assert!(all[i + 1..].iter().all(|b| a != b));
        }
    }

    #[test]
    fn a_permutation_holds_every_index_once() {
        let mut p = Key::new(1).permutation(1000);
        assert_ne!(p[..10], (0..10).collect::<Vec<u32>>()[..]);
        p.sort();
        assert!(p.iter().enumerate().all(|(i, &v)| i as u32 == v));
    }

    #[test]
    fn moments_of_the_draws() {
        let mut r = Key::new(2).rng();
        let n = 100_000;
        let (mut m, mut v, mut u) = (0.0, 0.0, [0usize; 7]);
        for _ in 0..n {
            let x = r.normal();
            m += x / n as f64;
            v += x * x / n as f64;
            u[r.below(7)] += 1;
        }
        assert!(m.abs() < 0.015 && (v - 1.0).abs() < 0.02, "{m} {v}");
        assert!(
            u.iter().all(|&c| (c as f64 - n as f64 / 7.0).abs() < 600.0),
            "{u:?}"
        );
    }
}

//! Random shapes and numbers, and comparisons with the f64 reference.
#![allow(dead_code)]
use menagerie_kernels::conv::{self, Epilogue, Pass, Path, Shape};
use menagerie_kernels::reference;

/// A small seeded generator (xorshift).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 11
    }
    /// From `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.next() as usize % (high - low + 1)
    }
    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.next() as usize % from.len()]
    }
    /// In \[-1, 1).
    pub(crate) fn floats(&mut self, n: usize) -> Vec<f32> {
        (0..n)
            .map(|_| (self.next() >> 29) as f32 / (1u64 << 23) as f32 - 1.0)
            .collect()
    }
}

/// Operands of all three passes.
pub(crate) struct Case {
    pub s: Shape,
    pub x: Vec<f32>,
    pub w: Vec<f32>,
    pub gy: Vec<f32>,
}

pub(crate) const PASSES: [Pass; 3] = [Pass::Forward, Pass::Input, Pass::Weight];

impl Case {
    pub(crate) fn new(s: Shape, seed: u64) -> Case {
        let mut r = Random::new(seed);
        Case {
            s,
            x: r.floats(s.x_len()),
            w: r.floats(s.w_len()),
            gy: r.floats(s.y_len()),
        }
    }

    /// The pass by a path, into memory full of NaN, so that nothing is left unwritten.
    pub(crate) fn run(&self, pass: Pass, path: Path, e: Epilogue) -> Vec<f32> {
        let s = &self.s;
        let new = |n: usize| vec![f32::NAN; n];
        match pass {
            Pass::Forward => {
                let mut y = new(s.y_len());
                conv::forward_by(path, s, &self.x, &self.w, &mut y, e);
                y
            }
            Pass::Input => {
                let mut gx = new(s.x_len());
                conv::input_gradient_by(path, s, &self.gy, &self.w, &mut gx, e);
                gx
            }
            Pass::Weight => {
                let mut gw = new(s.w_len());
                conv::weight_gradient_by(path, s, &self.x, &self.gy, &mut gw);
                gw
            }
        }
    }

    pub(crate) fn truth(&self, pass: Pass) -> Vec<f64> {
        match pass {
            Pass::Forward => reference::forward(&self.s, &self.x, &self.w),
            Pass::Input => reference::input_gradient(&self.s, &self.gy, &self.w),
            Pass::Weight => reference::weight_gradient(&self.s, &self.x, &self.gy),
        }
    }

    /// For each result, the sum of the absolute values of its terms.
    pub(crate) fn magnitude(&self, pass: Pass) -> Vec<f64> {
        let abs = |v: &[f32]| v.iter().map(|v| v.abs()).collect();
        Case {
            s: self.s,
            x: abs(&self.x),
            w: abs(&self.w),
            gy: abs(&self.gy),
        }
        .truth(pass)
    }

    /// Terms of a result's sum, at most.
    pub(crate) fn terms(&self, pass: Pass) -> usize {
        let s = &self.s;
        let taps = s.kernel[0] * s.kernel[1];
        match pass {
            Pass::Forward => taps * s.in_channels / s.groups,
            Pass::Input => taps * s.out_channels / s.groups,
            Pass::Weight => s.batch * s.output[0] * s.output[1],
        }
    }

    /// Checks a direct result against the bound that holds for a sum of n products in any order:
    /// |error| <= n u sum |a b| (Higham, Accuracy and Stability of Numerical Algorithms, 3.1), with
    /// u = 2^-24 and room for the epilogue.
    pub(crate) fn check_direct(&self, pass: Pass, got: &[f32], truth: &[f64]) {
        let unit = (self.terms(pass) + 4) as f64 * 2f64.powi(-24);
        for (i, ((&v, &t), m)) in got.iter().zip(truth).zip(self.magnitude(pass)).enumerate() {
            let error = (f64::from(v) - t).abs();
            assert!(
                error <= unit * m,
                "{pass:?} of {:?}: element {i} is {v} for {t}",
                self.s
            );
        }
    }
}

/// Root of the mean squared error, relative to that of the truth; infinite if anything is not finite.
pub(crate) fn error(got: &[f32], truth: &[f64]) -> f64 {
    if got.len() != truth.len() || got.iter().any(|v| !v.is_finite()) {
        return f64::INFINITY;
    }
    let squares = |v: &mut dyn Iterator<Item = f64>| v.map(|v| v * v).sum::<f64>();
    let wrong = squares(&mut got.iter().zip(truth).map(|(&v, t)| f64::from(v) - t));
    (wrong / squares(&mut truth.iter().copied()).max(1e-300)).sqrt()
}

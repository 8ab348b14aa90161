//! Sound at another rate.
use std::f64::consts::PI;
use std::sync::LazyLock;

/// Zero crossings of the sinc on each side.
const CROSSINGS: f64 = 24.0;
/// Of the Kaiser window: about 90 dB between what passes and what does not.
const BETA: f64 = 9.0;
/// The cutoff as a share of the lower rate's half: the filter falls to nothing between there and the half.
const ROLL_OFF: f64 = 0.92;

/// Numbers that the taps of all fractions may be; beyond, they are interpolated in a table of the kernel.
const MOST_TAPS: usize = 1 << 18;
/// Points of that table between two zero crossings: a line between neighbours is less than 1e-6 off.
const FINE: usize = 2048;

/// The kernel from its middle outwards, [`FINE`] points a crossing: the same for all pairs of rates.
static KERNEL: LazyLock<Vec<f64>> = LazyLock::new(|| {
    let at = |i: usize| kernel(i as f64 / FINE as f64, 1.0, CROSSINGS);
    (0..=CROSSINGS as usize * FINE).map(at).collect()
});

/// Band-limited interpolation with a Kaiser-windowed sinc (Smith 1984, "A flexible sampling-rate conversion method"):
/// `y(t) = sum_k x[k] h(t - k)`, with the lower of both rates deciding the band.
pub(super) struct Resampler {
    /// output n lies at input `n * step / phases`
    step: usize,
    /// fractions of an input step at which outputs lie
    phases: usize,
    /// taps of each fraction; none where they would be too many
    filters: Vec<Vec<f32>>,
    /// share of the inputs' band that passes
    cutoff: f64,
    /// taps before the input at or before the output
    before: usize,
}

impl Resampler {
    /// From one rate to another, both at least 1 Hz.
    pub(super) fn new(from: u32, to: u32) -> Resampler {
        let d = divisor(from, to);
        let (step, phases) = ((from / d) as usize, (to / d) as usize);
        let cutoff = ROLL_OFF * (to as f64 / from as f64).min(1.0);
        let reach = CROSSINGS / cutoff;
        let before = reach.ceil() as usize;
        let filter = |phase: usize| {
            let at = phase as f64 / phases as f64;
            let taps: Vec<f64> = (0..2 * before + 1)
                .map(|k| kernel(k as f64 - before as f64 - at, cutoff, reach))
                .collect();
            // A constant stays what it is.
            let sum: f64 = taps.iter().sum();
            taps.iter().map(|t| (t / sum) as f32).collect()
        };
        let few = phases.saturating_mul(2 * before + 1) <= MOST_TAPS;
        Resampler {
            step,
            phases,
            filters: if few {
                (0..phases).map(filter).collect()
            } else {
                vec![]
            },
            cutoff,
            before,
        }
    }

    /// The taps of a fraction, from the table of the kernel.
    fn interpolated(&self, phase: usize) -> Vec<f32> {
        let at = phase as f64 / self.phases as f64;
        let table: &[f64] = &KERNEL;
        let value = |k: usize| {
            let place = ((k as f64 - self.before as f64 - at) * self.cutoff).abs() * FINE as f64;
            let (i, t) = (place as usize, place.fract());
            match table.get(i..i + 2) {
                Some(beside) => beside[0] * (1.0 - t) + beside[1] * t,
                None => 0.0,
            }
        };
        let taps: Vec<f64> = (0..2 * self.before + 1).map(value).collect();
        let sum: f64 = taps.iter().sum();
        taps.iter().map(|t| (t / sum) as f32).collect()
    }

    /// The same sound at the other rate; beyond its ends it counts as silent.
    pub(super) fn apply(&self, x: &[f32]) -> Vec<f32> {
        let phases = self.phases;
        let count = (x.len() * phases).div_ceil(self.step);
        let output = |n: usize| {
            let (at, phase) = (n * self.step / phases, n * self.step % phases);
            let drawn;
            let taps = match self.filters.get(phase) {
                Some(taps) => taps,
                None => {
                    drawn = self.interpolated(phase);
                    &drawn
                }
            };
            // Tap j stands over input at + j - before.
            let low = self.before.saturating_sub(at);
            let high = taps.len().min(x.len() + self.before - at);
            let part = &x[at + low - self.before..at + high - self.before];
            let sum: f64 = part
                .iter()
                .zip(&taps[low..high])
                .map(|(x, t)| *x as f64 * *t as f64)
                .sum();
            (sum as f32).clamp(-1.0, 1.0)
        };
        (0..count).map(output).collect()
    }
}

fn kernel(t: f64, cutoff: f64, reach: f64) -> f64 {
    if t.abs() >= reach {
        return 0.0;
    }
    let x = PI * cutoff * t;
    let sinc = if x == 0.0 { 1.0 } else { x.sin() / x };
    sinc * bessel(BETA * (1.0 - (t / reach).powi(2)).sqrt()) / bessel(BETA)
}

/// The modified Bessel function I0 by its series.
fn bessel(x: f64) -> f64 {
    let (mut term, mut sum, mut k) = (1.0, 1.0, 1.0);
    while term > 1e-17 * sum {
        term *= (x / (2.0 * k)).powi(2);
        sum += term;
        k += 1.0;
    }
    sum
}

fn divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(hz: f64, rate: u32, n: usize) -> Vec<f32> {
        (0..n)
            .map(|i| (0.8 * (2.0 * PI * hz * i as f64 / rate as f64).sin()) as f32)
            .collect()
    }

    /// A tone below the new band is the tone sampled anew; one above it is gone.
    #[test]
    fn tones_in_the_band_stay_and_others_go() {
        for (from, to) in [
            (44_100, 8000),
            (8000, 44_100),
            (16_000, 8000),
            (8000, 11_025),
            (22_050, 8000),
            // No common divisor: the kernel is interpolated.
            (44_101, 8000),
            (8000, 44_101),
        ] {
            let r = Resampler::new(from, to);
            let got = r.apply(&sine(1000.0, from, from as usize / 4));
            let want = sine(1000.0, to, got.len());
            assert!(got.len().abs_diff(to as usize / 4) <= 1);
            let inside = got.len() / 10..got.len() * 9 / 10;
            let worst = got[inside.clone()]
                .iter()
                .zip(&want[inside])
                .map(|(a, b)| (a - b).abs())
                .fold(0f32, f32::max);
            assert!(worst < 1e-3, "{from} to {to}: {worst}");
        }
        let got = Resampler::new(44_100, 8000).apply(&sine(6000.0, 44_100, 20_000));
        let inside = got.len() / 10..got.len() * 9 / 10;
        assert!(got[inside].iter().all(|v| v.abs() < 1e-3), "6 kHz is beyond 4");
    }

    /// A table for all rates gives what each rate's own taps would.
    #[test]
    fn taps_from_the_table_are_those_of_the_kernel() {
        for (from, to) in [(383_987, 8000), (1009, 383_987), (44_101, 8000)] {
            let r = Resampler::new(from, to);
            assert!(r.filters.is_empty());
            let reach = CROSSINGS / r.cutoff;
            for phase in [0, 1, r.phases / 3, r.phases - 1] {
                let at = phase as f64 / r.phases as f64;
                let exact: Vec<f64> = (0..2 * r.before + 1)
                    .map(|k| kernel(k as f64 - r.before as f64 - at, r.cutoff, reach))
                    .collect();
                let sum: f64 = exact.iter().sum();
                let taps = r.interpolated(phase);
                let worst = taps.iter().zip(&exact).map(|(a, b)| (*a as f64 - b / sum).abs());
                assert!(worst.fold(0.0, f64::max) < 1e-6, "{from} to {to}, {phase}");
            }
        }
    }

    #[test]
    fn few_samples_and_constants() {
        for n in [1, 2, 7] {
            assert_eq!(Resampler::new(8000, 16_000).apply(&vec![0.5; n]).len(), 2 * n);
            assert_eq!(
                Resampler::new(16_000, 8000).apply(&vec![0.5; n]).len(),
                n.div_ceil(2)
            );
        }
        let flat = Resampler::new(48_000, 8000).apply(&[0.25; 9000]);
        assert!(flat[500..1000].iter().all(|v| (v - 0.25).abs() < 1e-6));
    }
}

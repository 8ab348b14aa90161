//! Sound at another rate.
use std::f64::consts::PI;
use std::sync::LazyLock;

/// Zero crossings of the sinc on each side.
const CROSSINGS: f64 = 24.0;
/// Of the Kaiser window: about 90 dB between what passes and what does not.
const BETA: f64 = 9.0;
/// The cutoff as a share of the lower rate's half: the filter falls to nothing between there and the half.
const ROLL_OFF: f64 = 0.92;

/// Numbers that the taps of all fractions may be; beyond, they are interpolated between those of fewer fractions.
const MOST_TAPS: usize = 1 << 18;
/// Fractions, and points of a table of the kernel, between two zero crossings: a line between neighbours is less than 3e-7
/// off in either.
const FINE: usize = 4096;
/// Products that are added beside each other.
const LANES: usize = 8;

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
    /// taps of each fraction, or of so many that those between are interpolated
    filters: Vec<Vec<f32>>,
    /// how many these are, where they are not one of each fraction
    rows: Option<usize>,
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
        let filter = |at: f64, value: &dyn Fn(f64) -> f64| -> Vec<f32> {
            let taps: Vec<f64> = (0..2 * before + 1)
                .map(|k| value(k as f64 - before as f64 - at))
                .collect();
            // A constant stays what it is.
            let sum: f64 = taps.iter().sum();
            taps.iter().map(|t| (t / sum) as f32).collect()
        };
        let few = phases.saturating_mul(2 * before + 1) <= MOST_TAPS;
        let rows = (!few).then_some((FINE as f64 * cutoff).ceil() as usize);
        let filters = match rows {
            None => (0..phases)
                .map(|p| filter(p as f64 / phases as f64, &|t| kernel(t, cutoff, reach)))
                .collect(),
            Some(rows) => (0..=rows)
                .map(|p| filter(p as f64 / rows as f64, &|t| tabled(t * cutoff)))
                .collect(),
        };
        Resampler {
            step,
            phases,
            filters,
            rows,
            before,
        }
    }

    /// Which filter is that of a fraction, and how far it is on the way to the next.
    fn filter_of(&self, phase: usize) -> (usize, f64) {
        match self.rows {
            None => (phase, 0.0),
            Some(rows) => {
                let place = (phase * rows) as f64 / self.phases as f64;
                (place as usize, place.fract())
            }
        }
    }

    /// The same sound at the other rate; beyond its ends it counts as silent.
    pub(super) fn apply(&self, x: &[f32]) -> Vec<f32> {
        let phases = self.phases;
        let count = (x.len() * phases).div_ceil(self.step);
        let taps = 2 * self.before + 1;
        let output = |n: usize| {
            let (at, phase) = (n * self.step / phases, n * self.step % phases);
            // Tap j stands over input at + j - before.
            let low = self.before.saturating_sub(at);
            let high = taps.min(x.len() + self.before - at);
            let part = &x[at + low - self.before..at + high - self.before];
            let (row, t) = self.filter_of(phase);
            let taps = &self.filters[row][low..high];
            let sum = match self.rows {
                None => part.iter().zip(taps).map(|(x, t)| *x as f64 * *t as f64).sum(),
                Some(_) => {
                    let [a, b] = products(part, taps, &self.filters[row + 1][low..high]);
                    a * (1.0 - t) + b * t
                }
            };
            (sum as f32).clamp(-1.0, 1.0)
        };
        (0..count).map(output).collect()
    }
}

/// The sums of the products of samples with two filters, of one length all. Several are added beside each other, which the
/// processor does at once.
fn products(x: &[f32], a: &[f32], b: &[f32]) -> [f64; 2] {
    let mut sums = [[0f64; LANES]; 2];
    let (xs, rest) = x.as_chunks::<LANES>();
    let (first, first_rest) = a.as_chunks::<LANES>();
    let (second, second_rest) = b.as_chunks::<LANES>();
    for ((x, a), b) in xs.iter().zip(first).zip(second) {
        for k in 0..LANES {
            sums[0][k] += x[k] as f64 * a[k] as f64;
            sums[1][k] += x[k] as f64 * b[k] as f64;
        }
    }
    let rests = |taps: &[f32]| -> f64 { rest.iter().zip(taps).map(|(x, t)| *x as f64 * *t as f64).sum() };
    let [one, two] = sums.map(|s| s.iter().sum::<f64>());
    [one + rests(first_rest), two + rests(second_rest)]
}

/// The kernel at so many crossings from its middle, from the table.
fn tabled(crossings: f64) -> f64 {
    let place = crossings.abs() * FINE as f64;
    let (i, t) = (place as usize, place.fract());
    match KERNEL.get(i..i + 2) {
        Some(beside) => beside[0] * (1.0 - t) + beside[1] * t,
        None => 0.0,
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

    /// Between the taps of a few fractions lie what each fraction's own taps would be.
    #[test]
    fn taps_from_the_table_are_those_of_the_kernel() {
        for (from, to) in [(383_987, 8000), (1009, 383_987), (44_101, 8000)] {
            let r = Resampler::new(from, to);
            assert!(r.rows.is_some());
            let cutoff = ROLL_OFF * (to as f64 / from as f64).min(1.0);
            let reach = CROSSINGS / cutoff;
            for phase in [0, 1, r.phases / 3, r.phases - 1] {
                let at = phase as f64 / r.phases as f64;
                let exact: Vec<f64> = (0..2 * r.before + 1)
                    .map(|k| kernel(k as f64 - r.before as f64 - at, cutoff, reach))
                    .collect();
                let sum: f64 = exact.iter().sum();
                let (row, t) = r.filter_of(phase);
                let taps = r.filters[row].iter().zip(&r.filters[row + 1]);
                let taps = taps.map(|(a, b)| *a as f64 * (1.0 - t) + *b as f64 * t);
                let worst = taps.zip(&exact).map(|(a, b)| (a - b / sum).abs());
                assert!(worst.fold(0.0, f64::max) < 1e-6, "{from} to {to}, {phase}");
            }
        }
    }

    /// What is kept of a pair of rates is bounded, whatever the rates.
    #[test]
    fn tables_are_small() {
        for (from, to) in [
            (384_000, 1000),
            (383_987, 1000),
            (383_987, 383_986),
            (1000, 383_987),
            (1009, 8000),
            (44_100, 48_000),
        ] {
            let r = Resampler::new(from, to);
            let taps: usize = r.filters.iter().map(Vec::len).sum();
            assert!(taps <= MOST_TAPS, "{from} to {to}: {taps}");
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

//! Pictures of jets that are drawn: what a detector sees of the spray of particles that a quark, or the two of a decaying W, leave. What
//! its momentum and mass are follows from the pixels alone.
use super::{DataInfo, Dataset, Item, Kind, Values};
use crate::error::Result;
use crate::random::{Draw, Key};
use std::f64::consts::TAU;

/// What it is called.
pub(super) const NAME: &str = "jets";
/// Pixels of a side.
pub(super) const SIDE: usize = 20;
/// Jets where no limit says otherwise; there is always another.
pub(super) const TRAIN: usize = 4000;

/// What the labels say.
const LABELS: [&str; 2] = ["one-prong", "two-prong"];
/// What the attributes say; momentum and mass in GeV, and the share of pixels that are hit.
const ATTRIBUTES: [&str; 3] = ["pt", "mass", "occupied"];
/// Pseudorapidity, or azimuth, of a pixel.
const PIXEL: f64 = 0.1;
/// GeV of a pixel whose value is 1.
const FULL: f64 = 300.0;
/// GeV below which a pixel counts as not hit.
const LEAST: f64 = 0.5;
/// Mass in GeV of what decays into two prongs.
const MASS: f64 = 80.4;

/// Jet i has a transverse momentum of 220 to 280 GeV. Of one prong: 12 to 20 particles, whose shares of it are those of exponential
/// draws, around the middle at distances that are exponential with a mean of 0.08. Of two: the momentum is divided z to 1 - z, z
/// uniform in [0.3, 0.7], between prongs at the distance m / (pt sqrt(z (1 - z))) that a decay of mass m = 80.4 GeV has, on a line that
/// is turned by up to 0.3 from the vertical, as jets are turned before they are looked at; each prong half as wide.
/// A pixel is the root of its momentum over 300 GeV, so that soft ones show.
pub(super) struct Jets {
    info: DataInfo,
    key: Key,
}

/// Transverse momentum, mass, and share of pixels hit, of momenta in GeV row by row: pt = sum p_i and, particles being light and close,
/// m^2 = sum_{i<j} p_i p_j R_ij^2.
fn observed(momenta: &[f64]) -> [f64; 3] {
    let hit: Vec<(usize, f64)> = momenta
        .iter()
        .copied()
        .enumerate()
        .filter(|(_, p)| *p >= LEAST)
        .collect();
    let pt: f64 = hit.iter().map(|(_, p)| p).sum();
    let apart = |a: usize, b: usize| {
        let along = |of: fn(usize) -> usize| (of(a) as f64 - of(b) as f64) * PIXEL;
        along(|i| i / SIDE).powi(2) + along(|i| i % SIDE).powi(2)
    };
    let mut square = 0.0;
    for (k, (i, p)) in hit.iter().enumerate() {
        square += hit[..k].iter().map(|(j, q)| p * q * apart(*i, *j)).sum::<f64>();
    }
    [pt, square.sqrt(), hit.len() as f64 / momenta.len() as f64]
}

/// Particles of a prong at a place (pixels from the middle of the picture).
fn prong(momenta: &mut [f64], pt: f64, [x, y]: [f64; 2], width: f64, rng: &mut Draw) {
    let shares: Vec<f64> = (0..12 + rng.below(9))
        .map(|_| -(1.0 - rng.uniform()).ln())
        .collect();
    let sum: f64 = shares.iter().sum();
    for share in shares {
        let (far, angle) = (-width * (1.0 - rng.uniform()).ln() / PIXEL, rng.uniform() * TAU);
        let place = |middle: f64, off: f64| (SIDE as f64 / 2.0 + middle + off).floor();
        let (column, row) = (place(x, far * angle.cos()), place(y, far * angle.sin()));
        let within = 0.0..SIDE as f64;
        if within.contains(&column) && within.contains(&row) {
            momenta[row as usize * SIDE + column as usize] += pt * share / sum;
        }
    }
}

impl Jets {
    /// The test split is another stream of jets.
    pub(crate) fn new(seed: u64, split: &str, limit: usize) -> Jets {
        let info = DataInfo {
            source: NAME.to_string(),
            kind: Kind::Image,
            shape: vec![SIDE, SIDE, 1],
            count: if limit == 0 { TRAIN } else { limit },
            range: (0.0, 1.0),
            labels: LABELS.map(String::from).to_vec(),
            attributes: ATTRIBUTES.map(String::from).to_vec(),
            ..DataInfo::default()
        };
        let key = Key::new(seed)
            .stream(NAME)
            .stream(if split == "test" { "test" } else { "train" });
        Jets { info, key }
    }

    /// The label of a jet and its momenta in GeV.
    fn drawn(&self, index: usize) -> (u32, Vec<f64>) {
        let mut rng = self.key.step(index as u64).rng();
        let two = rng.chance(0.5);
        let pt = rng.between(220.0, 280.0);
        let mut momenta = vec![0.0; SIDE * SIDE];
        if two {
            let (z, turn) = (rng.between(0.3, 0.7), rng.between(-0.3, 0.3));
            let apart = MASS / (pt * (z * (1.0 - z)).sqrt()) / PIXEL;
            // The centre of momentum lies in the middle.
            for (share, far) in [(z, (1.0 - z) * apart), (1.0 - z, -z * apart)] {
                let at = [far * turn.sin(), far * turn.cos()];
                prong(&mut momenta, pt * share, at, 0.04, &mut rng);
            }
        } else {
            prong(&mut momenta, pt, [0.0; 2], 0.08, &mut rng);
        }
        momenta
            .iter_mut()
            .for_each(|p| *p = if *p < LEAST { 0.0 } else { p.min(FULL) });
        (u32::from(two), momenta)
    }
}

impl Dataset for Jets {
    fn info(&self) -> &DataInfo {
        &self.info
    }
    fn get(&self, index: usize) -> Result<Item> {
        let (label, momenta) = self.drawn(index);
        Ok(Item {
            values: Values::Floats(momenta.iter().map(|p| (p / FULL).sqrt() as f32).collect()),
            label: Some(label),
            attributes: observed(&momenta).map(|v| v as f32).to_vec(),
            caption: None,
        })
    }
    fn label(&self, index: usize) -> Option<u32> {
        Some(u32::from(self.key.step(index as u64).rng().chance(0.5)))
    }
    /// Of pixels in [-1, 1].
    fn attributes_of(&self, values: &[f32]) -> Option<Vec<f32>> {
        if values.len() != SIDE * SIDE {
            return None;
        }
        let momentum = |v: &f32| (*v as f64 * 0.5 + 0.5).clamp(0.0, 1.0).powi(2) * FULL;
        let momenta: Vec<f64> = values.iter().map(momentum).collect();
        Some(observed(&momenta).map(|v| v as f32).to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_particles_have_the_mass_that_is_worked_out_by_hand() {
        let mut momenta = vec![0.0; SIDE * SIDE];
        (momenta[0], momenta[5]) = (100.0, 50.0);
        let [pt, mass, occupied] = observed(&momenta);
        // m^2 = 100 * 50 * 0.5^2
        assert!((pt - 150.0).abs() < 1e-9 && (mass - 1250f64.sqrt()).abs() < 1e-9);
        assert!((occupied - 2.0 / 400.0).abs() < 1e-12);
    }

    #[test]
    fn jets_of_two_prongs_have_the_mass_of_what_decays() {
        let set = Jets::new(1, "train", 800);
        let (mut masses, mut light) = (vec![], vec![]);
        for i in 0..800 {
            let item = set.get(i).unwrap();
            assert_eq!(item.label, set.label(i));
            let [pt, mass, occupied] = item.attributes[..] else {
                panic!("three")
            };
            assert!((200.0..281.0).contains(&pt) && occupied < 0.1, "{pt} {occupied}");
            match item.label {
                Some(1) => masses.push(mass),
                _ => light.push(mass),
            }
            let Values::Floats(v) = item.values else {
                panic!("floats")
            };
            let shown: Vec<f32> = v.iter().map(|v| v * 2.0 - 1.0).collect();
            let again = set.attributes_of(&shown).unwrap();
            assert!((again[0] - pt).abs() < 0.1 && (again[1] - mass).abs() < 0.1);
        }
        let mean = |v: &[f32]| v.iter().sum::<f32>() / v.len() as f32;
        // The prongs' own widths add to it.
        assert!((80.0..92.0).contains(&mean(&masses)), "{}", mean(&masses));
        assert!(mean(&light) < 45.0, "{}", mean(&light));
    }
}

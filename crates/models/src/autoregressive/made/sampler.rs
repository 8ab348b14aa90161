//! The sampler: a unit is computed once, when the last number that it sees has come.
use super::super::affine::numbers;
use super::super::discrete::Discrete;
use super::super::draw::{Walk, Walker};
use super::{Degrees, MadeNetwork};
use menagerie_kernels::dense::Packed;

/// For each place, by layer: the units that are complete once that place is known, and their masked weights.
type Ordered = Vec<Vec<(Vec<u32>, Packed)>>;

fn ordered(degrees: &Degrees, weights: &[Vec<f32>]) -> Ordered {
    let d = degrees.sequence.len();
    let mut places: Ordered = (0..d).map(|_| Vec::new()).collect();
    for (l, w) in weights.iter().enumerate() {
        let mut units = vec![Vec::new(); d];
        degrees.places[l]
            .iter()
            .enumerate()
            .for_each(|(u, &p)| units[p as usize].push(u as u32));
        let columns = w.len() / degrees.places[l].len();
        let k = columns / degrees.places[l + 1].len();
        for (place, units) in places.iter_mut().zip(units) {
            let row = |u: usize| {
                (0..columns).map(move |j| {
                    if degrees.open(l, u, j / k) {
                        w[u * columns + j]
                    } else {
                        0.0
                    }
                })
            };
            let rows: Vec<f32> = units.iter().flat_map(|&u| row(u as usize)).collect();
            let packed = Packed::new(&rows, columns, units.len(), 0..columns);
            place.push((units, packed));
        }
    }
    places
}

/// Weights by order.
pub(super) struct Sampler {
    orders: Vec<Ordered>,
    biases: Vec<Vec<f32>>,
    discrete: Discrete,
}

impl Sampler {
    /// Takes the weights out of a network.
    pub(super) fn of(network: &MadeNetwork) -> Sampler {
        let weights: Vec<Vec<f32>> = network.layers.iter().map(|l| numbers(&l.weight)).collect();
        let orders = network.degrees.iter().map(|d| ordered(d, &weights)).collect();
        let biases = network
            .layers
            .iter()
            .map(|l| l.bias.as_ref().map(numbers).unwrap_or_default())
            .collect();
        Sampler {
            orders,
            biases,
            discrete: network.grid.discrete,
        }
    }
}

/// By layer the sums so far, `[items, units]`: each unit is added to those it reaches when it is complete, once.
struct Running<'a> {
    weights: &'a Sampler,
    places: &'a Ordered,
    sequence: &'a [u32],
    at: usize,
    sums: Vec<Vec<f32>>,
}

impl Walker for Sampler {
    fn start<'a>(&'a self, items: usize, order: usize, sequence: &'a [u32], _: &[u32]) -> Box<dyn Walk + 'a> {
        let sums = self.biases.iter().map(|b| b.repeat(items)).collect();
        Box::new(Running {
            weights: self,
            places: &self.orders[order],
            sequence,
            at: 0,
            sums,
        })
    }
}

impl Walk for Running<'_> {
    fn logits(&mut self, out: &mut [f32]) {
        let (k, i) = (self.weights.discrete.outputs(), self.sequence[self.at] as usize);
        let (Some(sums), Some(bias)) = (self.sums.last(), self.weights.biases.last()) else {
            return;
        };
        for (out, sums) in out.chunks_exact_mut(k).zip(sums.chunks_exact(bias.len())) {
            out.copy_from_slice(&sums[i * k..(i + 1) * k]);
        }
    }

    fn put(&mut self, levels: &[u32]) {
        let items = levels.len();
        for (l, (units, packed)) in self.places[self.at].iter().enumerate() {
            let n = units.len();
            let x: Vec<f32> = match l {
                0 => levels.iter().map(|&v| self.weights.discrete.input(v)).collect(),
                _ => {
                    let width = self.weights.biases[l - 1].len();
                    let sums = &self.sums[l - 1];
                    (0..items)
                        .flat_map(|i| units.iter().map(move |&u| sums[i * width + u as usize].max(0.0)))
                        .collect()
                }
            };
            packed.accumulate(items, (&x, n), (&mut self.sums[l], self.weights.biases[l].len()));
        }
        self.at += 1;
    }
}

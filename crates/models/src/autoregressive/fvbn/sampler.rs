//! The sampler: the logits of all later numbers are running sums.
use super::super::affine::numbers;
use super::super::discrete::Discrete;
use super::super::draw::{Walk, Walker};
use super::FvbnNetwork;
use menagerie_kernels::dense::Packed;

/// Rows of the triangle, and biases.
pub(super) struct Sampler {
    rows: Vec<Packed>,
    bias: Vec<f32>,
    outputs: usize,
    discrete: Discrete,
}

impl Sampler {
    /// Takes the weights out of a network.
    pub(super) fn of(network: &FvbnNetwork) -> Sampler {
        let [d, _, k] = network.weight.dims();
        let weight = numbers(&network.weight);
        // Of row j, only what comes after number j.
        let rows = (0..d)
            .map(|j| Packed::new(&weight[j * d * k..(j + 1) * d * k], d * k, 1, (j + 1) * k..d * k))
            .collect();
        Sampler {
            rows,
            bias: numbers(&network.bias),
            outputs: k,
            discrete: network.grid.discrete,
        }
    }
}

/// Running logits of all numbers that are still to come, `[items, numbers, outputs]`.
struct Running<'a> {
    weights: &'a Sampler,
    sums: Vec<f32>,
    at: usize,
}

impl Walker for Sampler {
    fn start<'a>(&'a self, items: usize, _: usize, _: &'a [u32], _: &[u32]) -> Box<dyn Walk + 'a> {
        Box::new(Running {
            weights: self,
            sums: self.bias.repeat(items),
            at: 0,
        })
    }
}

impl Walk for Running<'_> {
    fn logits(&mut self, out: &mut [f32]) {
        let (k, n) = (self.weights.outputs, self.weights.bias.len());
        for (out, sums) in out.chunks_exact_mut(k).zip(self.sums.chunks_exact(n)) {
            out.copy_from_slice(&sums[self.at * k..(self.at + 1) * k]);
        }
    }

    fn put(&mut self, levels: &[u32]) {
        let x: Vec<f32> = levels.iter().map(|&l| self.weights.discrete.input(l)).collect();
        let (k, n) = (self.weights.outputs, self.weights.bias.len());
        let from = (self.at + 1) * k;
        if from < n {
            self.weights.rows[self.at].accumulate(x.len(), (&x, 1), (&mut self.sums[from..], n));
        }
        self.at += 1;
    }
}

//! The sampler: one running sum, to which each number is added as it comes.
use super::super::discrete::Discrete;
use super::super::draw::{Walk, Walker};
use super::NadeNetwork;
use menagerie_kernels::dense::Packed;
use menagerie_kernels::nade::Hidden;

/// The weights, a number at a time.
pub(super) struct Sampler {
    input: Vec<Packed>,
    marks: Option<Vec<Packed>>,
    hidden: Vec<f32>,
    output: Vec<Packed>,
    bias: Vec<f32>,
    act: Hidden,
    discrete: Discrete,
}

impl Sampler {
    /// Takes the weights out of a network.
    pub(super) fn of(network: &NadeNetwork) -> Sampler {
        let p = network.plain();
        let (d, h, k) = (
            network.grid.numbers(),
            p.hidden.len(),
            network.grid.discrete.outputs(),
        );
        let rows = |w: &[f32]| {
            (0..d)
                .map(|i| Packed::new(&w[i * h..(i + 1) * h], h, 1, 0..h))
                .collect::<Vec<_>>()
        };
        let output = (0..d)
            .map(|i| {
                let v = &p.output[i * k * h..(i + 1) * k * h];
                let turned: Vec<f32> = (0..h * k).map(|at| v[at % k * h + at / k]).collect();
                Packed::new(&turned, k, h, 0..k)
            })
            .collect();
        let (input, marks) = (rows(&p.input), p.marks.as_ref().map(|m| rows(m)));
        Sampler {
            input,
            marks,
            hidden: p.hidden,
            output,
            bias: p.bias,
            act: network.act,
            discrete: network.grid.discrete,
        }
    }
}

/// The running sums, `[items, hidden]`.
struct Running<'a> {
    weights: &'a Sampler,
    sequence: &'a [u32],
    at: usize,
    sums: Vec<f32>,
}

impl Walker for Sampler {
    fn start<'a>(&'a self, items: usize, _: usize, sequence: &'a [u32], _: &[u32]) -> Box<dyn Walk + 'a> {
        Box::new(Running {
            weights: self,
            sequence,
            at: 0,
            sums: self.hidden.repeat(items),
        })
    }
}

impl Walk for Running<'_> {
    fn logits(&mut self, out: &mut [f32]) {
        let w = self.weights;
        let (i, k, h) = (
            self.sequence[self.at] as usize,
            w.discrete.outputs(),
            w.hidden.len(),
        );
        let hidden: Vec<f32> = match w.act {
            Hidden::Relu => self.sums.iter().map(|a| a.max(0.0)).collect(),
            Hidden::Sigmoid => self.sums.iter().map(|a| 1.0 / (1.0 + (-a).exp())).collect(),
        };
        out.chunks_exact_mut(k)
            .for_each(|out| out.copy_from_slice(&w.bias[i * k..(i + 1) * k]));
        w.output[i].accumulate(out.len() / k, (&hidden, h), (out, k));
    }

    fn put(&mut self, levels: &[u32]) {
        let w = self.weights;
        let (i, h) = (self.sequence[self.at] as usize, w.hidden.len());
        let x: Vec<f32> = levels.iter().map(|&l| w.discrete.input(l)).collect();
        w.input[i].accumulate(x.len(), (&x, 1), (&mut self.sums, h));
        if let Some(marks) = &w.marks {
            marks[i].accumulate(x.len(), (&vec![1.0; x.len()], 1), (&mut self.sums, h));
        }
        self.at += 1;
    }
}

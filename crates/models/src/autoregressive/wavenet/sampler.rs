//! The sampler: one code after the other, each layer computed once, the past kept in rings.
use super::super::affine::{Affine, beside, numbers};
use super::network::WaveNetwork;
use menagerie_kernels::dense::gate;

/// The network's weights, laid out for single steps.
pub(super) struct Steps {
    width: usize,
    levels: usize,
    /// `[2 (levels + 1), width]`
    input: Vec<f32>,
    layers: Vec<StepLayer>,
    hidden: Affine,
    output: Affine,
}

struct StepLayer {
    dilation: usize,
    /// (earlier, now) `[2 width]` -> (filter, gate) `[2 width]`
    gates: Affine,
    /// `[classes, 2 width]`
    condition: Vec<f32>,
    /// z `[width]` -> (residual, skip), the last layer's to skip alone
    out: Affine,
}

impl Steps {
    /// Packs a network that is off the tape.
    pub(super) fn new(network: &WaveNetwork) -> Steps {
        let [rows, width] = network.input.dims();
        let layers = network.layers.iter().map(|l| {
            let gates = beside(&numbers(&l.filter), width, &numbers(&l.gate), width);
            let bias = [numbers(&l.filter_bias), numbers(&l.gate_bias)].concat();
            let out = match &l.residual {
                Some(r) => {
                    let skip = l.skip.weight.dims()[1];
                    let bias = [&r.bias, &l.skip.bias]
                        .map(|b| b.as_ref().map(numbers).unwrap_or_default())
                        .concat();
                    Affine::new(
                        &beside(&numbers(&r.weight), width, &numbers(&l.skip.weight), skip),
                        &bias,
                    )
                }
                None => Affine::of(&l.skip),
            };
            let condition = l.condition.as_ref().map(numbers).unwrap_or_default();
            StepLayer {
                dilation: l.dilation,
                gates: Affine::new(&gates, &bias),
                condition,
                out,
            }
        });
        Steps {
            width,
            levels: rows / 2 - 1,
            input: numbers(&network.input),
            layers: layers.collect(),
            hidden: Affine::of(&network.hidden),
            output: Affine::of(&network.output),
        }
    }

    /// Some sequences at their beginning, each of a class where there is a condition.
    pub(super) fn begin(&self, rows: usize, labels: Option<&[u32]>) -> Streams<'_> {
        let zeros = |n: usize| vec![0.0; rows * n];
        Streams {
            steps: self,
            rows,
            labels: labels.map(<[u32]>::to_vec).unwrap_or_default(),
            time: 0,
            before: vec![[self.levels, 2 * self.levels + 1]; rows],
            rings: self
                .layers
                .iter()
                .map(|l| zeros(l.dilation * self.width))
                .collect(),
            x: zeros(self.width),
            pair: zeros(2 * self.width),
            u: zeros(2 * self.width),
            z: zeros(self.width),
            out: zeros(self.width + self.hidden.inputs()),
            skip: zeros(self.hidden.inputs()),
            hidden: zeros(self.hidden.outputs()),
            logits: zeros(self.output.outputs()),
        }
    }
}

/// Sequences that are being made, side by side.
pub(super) struct Streams<'a> {
    steps: &'a Steps,
    rows: usize,
    labels: Vec<u32>,
    time: usize,
    /// rows of `input` for the two codes before
    before: Vec<[usize; 2]>,
    /// of every layer the last `dilation` inputs, `[dilation, rows, width]`; input t lies at t modulo dilation
    rings: Vec<Vec<f32>>,
    x: Vec<f32>,
    pair: Vec<f32>,
    u: Vec<f32>,
    z: Vec<f32>,
    out: Vec<f32>,
    skip: Vec<f32>,
    hidden: Vec<f32>,
    logits: Vec<f32>,
}

impl Streams<'_> {
    /// Logits `[rows, outputs]` of the next code of every sequence.
    pub(super) fn logits(&mut self) -> &[f32] {
        let (s, w) = (self.steps, self.steps.width);
        for (x, [one, two]) in self.x.chunks_exact_mut(w).zip(&self.before) {
            let (one, two) = (&s.input[one * w..][..w], &s.input[two * w..][..w]);
            x.iter_mut()
                .zip(one.iter().zip(two))
                .for_each(|(x, (a, b))| *x = a + b);
        }
        self.skip.fill(0.0);
        for i in 0..s.layers.len() {
            self.layer(i);
        }
        self.skip.iter_mut().for_each(|v| *v = v.max(0.0));
        s.hidden.apply(&self.skip, &mut self.hidden);
        self.hidden.iter_mut().for_each(|v| *v = v.max(0.0));
        s.output.apply(&self.hidden, &mut self.logits);
        &self.logits
    }

    fn layer(&mut self, i: usize) {
        let (layer, w) = (&self.steps.layers[i], self.steps.width);
        let slot = self.rows * w;
        let ring = &mut self.rings[i][self.time % layer.dilation * slot..][..slot];
        for ((pair, earlier), now) in self
            .pair
            .chunks_exact_mut(2 * w)
            .zip(ring.chunks_exact(w))
            .zip(self.x.chunks_exact(w))
        {
            pair[..w].copy_from_slice(earlier);
            pair[w..].copy_from_slice(now);
        }
        ring.copy_from_slice(&self.x);
        layer.gates.apply(&self.pair, &mut self.u);
        for (u, &label) in self.u.chunks_exact_mut(2 * w).zip(&self.labels) {
            u.iter_mut()
                .zip(&layer.condition[label as usize * 2 * w..])
                .for_each(|(u, v)| *u += v);
        }
        for (u, z) in self.u.chunks_exact(2 * w).zip(self.z.chunks_exact_mut(w)) {
            gate(&u[..w], &u[w..], z);
        }
        let (n, k) = (layer.out.outputs(), self.steps.hidden.inputs());
        let out = &mut self.out[..self.rows * n];
        layer.out.apply(&self.z, out);
        for ((out, x), skip) in out
            .chunks_exact(n)
            .zip(self.x.chunks_exact_mut(w))
            .zip(self.skip.chunks_exact_mut(k))
        {
            let (residual, more) = out.split_at(n - k);
            x.iter_mut().zip(residual).for_each(|(x, r)| *x += r);
            skip.iter_mut().zip(more).for_each(|(s, m)| *s += m);
        }
    }

    /// Goes on by a code of every sequence.
    pub(super) fn advance(&mut self, codes: &[u32]) {
        for (before, &code) in self.before.iter_mut().zip(codes) {
            // Row c of the first tap is one step before; two steps before it is row levels + 1 + c.
            *before = [code as usize, before[0] + self.steps.levels + 1];
        }
        self.time += 1;
    }
}

//! The sampler: each pixel's LSTM states are computed once and kept.
use super::super::affine::{Affine, numbers};
use super::super::conditionals::Grid;
use super::super::draw::{Walk, Walker};
use super::network::{KERNEL, Lstm, PixelRnnNetwork, mask_b};
use super::{Direction, over};
use menagerie_kernels::lstm::cell;
use menagerie_nn::Linear;

/// The weights, masked and packed for single pixels.
pub(super) struct Sampler {
    grid: Grid,
    direction: Direction,
    width: usize,
    first: Affine,
    layers: Vec<LayerWeights>,
    hidden: Affine,
    output: Affine,
}

struct LayerWeights {
    /// by LSTM: what its gates see, `[taps 2 width + taps width]` -> `[4 width]`
    gates: Vec<Affine>,
    up: Affine,
}

impl Sampler {
    pub(super) fn new(network: &PixelRnnNetwork) -> Self {
        let grid = *super::super::conditionals::Conditionals::grid(network);
        let c = grid.channels;
        let one_by_one = |l: &Linear| {
            let [i, o] = l.weight.dims();
            let bias = l.bias.as_ref().map(numbers).unwrap_or_else(|| vec![0.0; o]);
            Affine::new(&over(&numbers(&l.weight), &mask_b(i, o, 1, c)), &bias)
        };
        let gates = |l: &Lstm| {
            let [taps, i, o] = l.input.dims();
            let mask = [vec![1.0; (taps - 1) * i * o], mask_b(i, o / 4, 4, c)].concat();
            Affine::new(
                &[over(&numbers(&l.input), &mask), numbers(&l.state)].concat(),
                &numbers(&l.bias),
            )
        };
        Sampler {
            grid,
            direction: network.direction(),
            width: network.first_bias.dims()[0] / 2,
            first: Affine::new(&network.masked_first(), &numbers(&network.first_bias)),
            layers: network
                .layers
                .iter()
                .map(|l| LayerWeights {
                    gates: l.lstms.iter().map(gates).collect(),
                    up: one_by_one(&l.up),
                })
                .collect(),
            hidden: one_by_one(&network.hidden),
            output: one_by_one(&network.output),
        }
    }
}

impl Walker for Sampler {
    fn start<'a>(&'a self, items: usize, _: usize, _: &'a [u32], _: &[u32]) -> Box<dyn Walk + 'a> {
        let Grid {
            height,
            width,
            channels,
            ..
        } = self.grid;
        let map = |n: usize| Map {
            width,
            n,
            items,
            values: vec![0.0; height * width * items * n],
        };
        let w = self.width;
        let lstm = || [map(w), map(w)];
        Box::new(Pixels {
            weights: self,
            items,
            at: 0,
            image: map(channels),
            x: (0..=self.layers.len()).map(|_| map(2 * w)).collect(),
            states: self
                .layers
                .iter()
                .map(|l| l.gates.iter().map(|_| lstm()).collect())
                .collect(),
        })
    }
}

/// Rows of n numbers an item, by pixel: `[height, width, items, n]`.
struct Map {
    width: usize,
    n: usize,
    items: usize,
    values: Vec<f32>,
}

impl Map {
    fn range(&self, i: usize, j: usize) -> std::ops::Range<usize> {
        let size = self.items * self.n;
        let from = (i * self.width + j) * size;
        from..from + size
    }
    /// A pixel's rows, or nothing where there is no such pixel.
    fn get(&self, i: isize, j: isize) -> Option<&[f32]> {
        let inside = i >= 0 && (0..self.width as isize).contains(&j);
        inside
            .then(|| self.values.get(self.range(i as usize, j as usize)))
            .flatten()
    }
    fn set(&mut self, i: usize, j: usize, from: &[f32]) {
        let range = self.range(i, j);
        self.values[range].copy_from_slice(from);
    }
}

/// Rows side by side, zeros for pixels that there are not.
fn gather(items: usize, parts: &[(Option<&[f32]>, usize)]) -> Vec<f32> {
    let mut out = Vec::with_capacity(items * parts.iter().map(|p| p.1).sum::<usize>());
    for r in 0..items {
        for (part, n) in parts {
            match part {
                Some(p) => out.extend_from_slice(&p[r * n..(r + 1) * n]),
                None => out.resize(out.len() + n, 0.0),
            }
        }
    }
    out
}

/// Some images on their way.
struct Pixels<'a> {
    weights: &'a Sampler,
    items: usize,
    /// the next number
    at: usize,
    image: Map,
    /// inputs of each layer, and of the head
    x: Vec<Map>,
    /// (h, c) by layer and LSTM
    states: Vec<Vec<[Map; 2]>>,
}

impl Pixels<'_> {
    /// One step of an LSTM at a pixel: `ahead` is where its row comes from, -1 the left, 1 the right.
    fn step(&mut self, layer: usize, lstm: usize, i: usize, j: usize, ahead: isize) -> Vec<f32> {
        let w = self.weights.width;
        let (y, x) = (i as isize, j as isize);
        let (input, [h, c]) = (&self.x[layer], &self.states[layer][lstm]);
        let (seen, old) = match self.weights.direction {
            Direction::RowLstm => {
                let above = [-1, 0, 1].map(|d| (h.get(y - 1, x + d), w));
                let inputs = [(input.get(y, x - 1), 2 * w), (input.get(y, x), 2 * w)];
                (
                    gather(self.items, &[&inputs[..], &above[..]].concat()),
                    c.get(y - 1, x),
                )
            }
            Direction::DiagonalBilstm => {
                let parts = [
                    (input.get(y, x), 2 * w),
                    (h.get(y - 1, x), w),
                    (h.get(y, x + ahead), w),
                ];
                (gather(self.items, &parts), c.get(y, x + ahead))
            }
        };
        let mut gates = vec![0.0; self.items * 4 * w];
        self.weights.layers[layer].gates[lstm].apply(&seen, &mut gates);
        let mut c = old.map_or_else(|| vec![0.0; self.items * w], <[f32]>::to_vec);
        let mut h = vec![0.0; self.items * w];
        cell(&gates, &mut c, &mut h, w);
        self.states[layer][lstm][0].set(i, j, &h);
        self.states[layer][lstm][1].set(i, j, &c);
        h
    }

    /// All that a pixel knows before its logits.
    fn pixel(&mut self, i: usize, j: usize) -> Vec<f32> {
        let (weights, items) = (self.weights, self.items);
        let [kh, kw] = KERNEL;
        let offsets = (0..kh).flat_map(|y| (0..kw).map(move |x| (y, x)));
        let (y, x, c) = (i as isize, j as isize, self.image.n);
        let patch: Vec<_> = offsets
            .map(|(ky, kx)| {
                (
                    self.image.get(
                        y + ky as isize + 1 - kh as isize,
                        x + kx as isize - (kw / 2) as isize,
                    ),
                    c,
                )
            })
            .collect();
        let mut now = vec![0.0; items * weights.first.outputs()];
        weights.first.apply(&gather(items, &patch), &mut now);
        let mut more = now.clone();
        for layer in 0..weights.layers.len() {
            self.x[layer].set(i, j, &now);
            let mut h = self.step(layer, 0, i, j, -1);
            if let Some([right, _]) = self.states[layer].get(1)
                && let Some(above) = right.get(y - 1, x)
            {
                h.iter_mut().zip(above).for_each(|(h, r)| *h += r);
            }
            weights.layers[layer].up.apply(&h, &mut more);
            now.iter_mut().zip(&more).for_each(|(x, m)| *x += m);
        }
        now
    }

    /// The LSTMs from the right over a row that is complete.
    fn finish_row(&mut self, i: usize) {
        for layer in 0..self.weights.layers.len() {
            if self.states[layer].len() > 1 {
                (0..self.weights.grid.width)
                    .rev()
                    .for_each(|j| drop(self.step(layer, 1, i, j, 1)));
            }
        }
    }
}

impl Walk for Pixels<'_> {
    fn logits(&mut self, out: &mut [f32]) {
        let Grid {
            width,
            channels,
            discrete,
            ..
        } = self.weights.grid;
        let (pixel, channel) = (self.at / channels, self.at % channels);
        let (i, j) = (pixel / width, pixel % width);
        if j == 0 && channel == 0 && i > 0 {
            self.finish_row(i - 1);
        }
        // Anew for each channel: a group's features see the channels before it.
        let mut x = self.pixel(i, j);
        x.iter_mut().for_each(|v| *v = v.max(0.0));
        let (w, k) = (self.weights, discrete.outputs());
        let (mut hidden, mut all) = (
            vec![0.0; self.items * w.hidden.outputs()],
            vec![0.0; self.items * w.output.outputs()],
        );
        w.hidden.apply(&x, &mut hidden);
        hidden.iter_mut().for_each(|v| *v = v.max(0.0));
        w.output.apply(&hidden, &mut all);
        for (out, all) in out.chunks_exact_mut(k).zip(all.chunks_exact(k * channels)) {
            out.copy_from_slice(&all[channel * k..(channel + 1) * k]);
        }
    }

    fn put(&mut self, levels: &[u32]) {
        let Grid {
            width,
            channels,
            discrete,
            ..
        } = self.weights.grid;
        let (pixel, channel) = (self.at / channels, self.at % channels);
        let range = self.image.range(pixel / width, pixel % width);
        for (row, &level) in self.image.values[range].chunks_exact_mut(channels).zip(levels) {
            row[channel] = discrete.input(level);
        }
        self.at += 1;
    }
}

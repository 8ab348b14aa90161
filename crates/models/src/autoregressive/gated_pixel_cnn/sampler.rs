//! The sampler: both stacks pixel by pixel, the vertical one a row ahead.
use super::super::affine::numbers;
use super::super::conditionals::Grid;
use super::super::draw::{Walk, Walker};
use super::super::pixels::{Kept, Layer, rectify, relu};
use super::{Gated, GatedNetwork};
use menagerie_kernels::dense;

/// A layer's weights, pixel by pixel.
struct LayerWeights {
    vertical: Layer,
    link: Layer,
    row: Layer,
    residual: Option<Layer>,
    skip: Layer,
    /// V, `[classes, 4 p]`
    class: Vec<f32>,
}

impl LayerWeights {
    fn new(layer: &Gated) -> LayerWeights {
        let [rows, kernel, ..] = layer.vertical.dims();
        let reach = (kernel / 2) as isize;
        let offsets = (0..rows * kernel)
            .map(|t| ((t / kernel) as isize - reach, (t % kernel) as isize - reach))
            .collect();
        let n = layer.vertical_bias.dims()[0];
        let whole = || std::iter::once(0..n).collect::<Vec<_>>();
        let link_bias = layer.link.bias.as_ref().map(numbers).unwrap_or_default();
        LayerWeights {
            vertical: Layer::open(
                offsets,
                &numbers(&layer.vertical),
                numbers(&layer.vertical_bias),
                whole(),
            ),
            link: Layer::open(vec![(0, 0)], &numbers(&layer.link.weight), link_bias, whole()),
            row: Layer::new(&layer.row),
            residual: layer.residual.as_ref().map(Layer::new),
            skip: Layer::new(&layer.skip),
            class: layer.class.as_ref().map(numbers).unwrap_or_default(),
        }
    }

    /// V of the classes of some items, `[items, 2 p]`, for the stack whose part begins at `from`.
    fn by_class(&self, labels: &[u32], from: usize) -> Vec<f32> {
        let n = self.vertical.outputs();
        labels
            .iter()
            .flat_map(|&l| self.class[l as usize * 2 * n + from..][..n].iter().copied())
            .collect()
    }
}

/// The weights, pixel by pixel.
pub(super) struct Sampler {
    /// what a level is shown as, `[levels, numbers]`
    shown: Vec<f32>,
    layers: Vec<LayerWeights>,
    head: Layer,
    logits: Layer,
    grid: Grid,
}

impl Sampler {
    /// Takes the weights out of a network.
    pub(super) fn of(network: &GatedNetwork) -> Sampler {
        let d = network.grid.discrete;
        Sampler {
            shown: network
                .embedding
                .as_ref()
                .map_or_else(|| (0..d.levels as u32).map(|l| d.input(l)).collect(), numbers),
            layers: network.layers.iter().map(LayerWeights::new).collect(),
            head: Layer::new(&network.head),
            logits: Layer::new(&network.logits),
            grid: network.grid,
        }
    }
}

/// What is kept of a layer.
struct LayerState {
    /// vertical and horizontal features of every pixel, `[items, p]` each
    vertical: Kept,
    horizontal: Kept,
    /// what comes through the link, of the present row, `[width][items, 2 p]`
    linked: Vec<Vec<f32>>,
    /// the horizontal stack before and after the gate, at the present pixel
    row: Vec<f32>,
    gated: Vec<f32>,
    /// V c of both stacks, `[items, 2 p]`; empty without classes
    class: [Vec<f32>; 2],
}

struct Running<'a> {
    weights: &'a Sampler,
    at: usize,
    image: Kept,
    layers: Vec<LayerState>,
    sum: Vec<f32>,
    positive: Vec<f32>,
    head: Vec<f32>,
    logits: Vec<f32>,
    scratch: Vec<f32>,
}

impl Walker for Sampler {
    fn start<'a>(&'a self, items: usize, _: usize, _: &'a [u32], labels: &[u32]) -> Box<dyn Walk + 'a> {
        let zeros = |layer: &Layer| vec![0.0; items * layer.outputs()];
        let state = |l: &LayerWeights| {
            let p = l.skip.outputs();
            LayerState {
                vertical: Kept::new(&self.grid, items, p),
                horizontal: Kept::new(&self.grid, items, p),
                linked: (0..self.grid.width).map(|_| zeros(&l.link)).collect(),
                row: zeros(&l.row),
                gated: zeros(&l.skip),
                class: [0, 2 * p].map(|from| l.by_class(labels, from)),
            }
        };
        Box::new(Running {
            weights: self,
            at: 0,
            image: Kept::new(
                &self.grid,
                items,
                self.grid.channels * self.shown.len() / self.grid.discrete.levels,
            ),
            layers: self.layers.iter().map(state).collect(),
            sum: zeros(&self.layers[0].skip),
            positive: zeros(&self.layers[0].skip),
            head: zeros(&self.head),
            logits: zeros(&self.logits),
            scratch: Vec::new(),
        })
    }
}

impl Running<'_> {
    /// The vertical stack of a whole row, which waits for nothing in it.
    fn vertical(&mut self, y: usize) {
        let width = self.weights.grid.width;
        for (l, weights) in self.weights.layers.iter().enumerate() {
            let n = weights.vertical.outputs();
            let mut before = vec![0.0; self.layers[l].row.len()];
            for x in 0..width {
                let pixel = y * width + x;
                let source = if l == 0 {
                    &self.image
                } else {
                    &self.layers[l - 1].vertical
                };
                weights
                    .vertical
                    .around(0, source, pixel, &mut self.scratch, &mut before);
                let state = &mut self.layers[l];
                weights.link.at(0, &before, &mut state.linked[x], false);
                before.iter_mut().zip(&state.class[0]).for_each(|(v, c)| *v += c);
                for (row, out) in before
                    .chunks_exact(n)
                    .zip(state.vertical.pixel(pixel).chunks_exact_mut(n / 2))
                {
                    dense::gate(&row[..n / 2], &row[n / 2..], out);
                }
            }
        }
    }

    /// One group of colours of the horizontal stack at a pixel.
    fn horizontal(&mut self, pixel: usize, group: usize) {
        for (l, weights) in self.weights.layers.iter().enumerate() {
            let (n, columns) = (weights.row.outputs(), weights.row.columns(group));
            let (before, rest) = self.layers.split_at_mut(l);
            let state = &mut rest[0];
            let source = before.last().map_or(&self.image, |s| &s.horizontal);
            weights
                .row
                .around(group, source, pixel, &mut self.scratch, &mut state.row);
            let linked = &state.linked[pixel % self.weights.grid.width];
            let half = columns.len() / 2;
            for (i, (row, out)) in state
                .row
                .chunks_exact_mut(n)
                .zip(state.gated.chunks_exact_mut(n / 2))
                .enumerate()
            {
                for c in columns.clone() {
                    row[c] += linked[i * n + c];
                    row[c] += state.class[1].get(i * n + c).unwrap_or(&0.0);
                }
                let (a, b) = row[columns.clone()].split_at(half);
                dense::gate(a, b, &mut out[columns.start / 2..columns.end / 2]);
            }
            if let Some(residual) = &weights.residual {
                let h = state.horizontal.pixel(pixel);
                if let Some(before) = before.last_mut() {
                    let own = columns.start / 2..columns.end / 2;
                    for (h, was) in h
                        .chunks_exact_mut(n / 2)
                        .zip(before.horizontal.pixel(pixel).chunks_exact(n / 2))
                    {
                        h[own.clone()].copy_from_slice(&was[own.clone()]);
                    }
                }
                residual.at(group, &state.gated, h, l > 0);
            }
            weights.skip.at(group, &state.gated, &mut self.sum, l > 0);
        }
    }
}

impl Walk for Running<'_> {
    fn logits(&mut self, out: &mut [f32]) {
        let (w, g) = (self.weights, &self.weights.grid);
        let (pixel, group) = (self.at / g.channels, self.at % g.channels);
        if self.at.is_multiple_of(g.width * g.channels) {
            self.vertical(pixel / g.width);
        }
        self.horizontal(pixel, group);
        let (p, k) = (w.layers[0].skip.outputs(), g.discrete.outputs());
        relu(&self.sum, &mut self.positive, p, w.layers[0].skip.columns(group));
        w.head.at(group, &self.positive, &mut self.head, false);
        rectify(&mut self.head, w.head.outputs(), w.head.columns(group));
        w.logits.at(group, &self.head, &mut self.logits, false);
        for (out, logits) in out
            .chunks_exact_mut(k)
            .zip(self.logits.chunks_exact(w.logits.outputs()))
        {
            out.copy_from_slice(&logits[group * k..(group + 1) * k]);
        }
    }

    fn put(&mut self, levels: &[u32]) {
        let g = &self.weights.grid;
        let (pixel, channel) = (self.at / g.channels, self.at % g.channels);
        let shown = &self.weights.shown;
        let n = shown.len() / g.discrete.levels;
        for (row, &level) in self
            .image
            .pixel(pixel)
            .chunks_exact_mut(g.channels * n)
            .zip(levels)
        {
            row[channel * n..][..n].copy_from_slice(&shown[level as usize * n..][..n]);
        }
        self.at += 1;
    }
}

//! The sampler: the features inside each block are computed once a pixel and kept for those below and to the right.
use super::super::conditionals::Grid;
use super::super::draw::{Walk, Walker};
use super::super::pixels::{Kept, Layer, rectify, relu};
use super::PixelCnnNetwork;

/// The weights, pixel by pixel.
pub(super) struct Sampler {
    input: Layer,
    blocks: Vec<[Layer; 3]>,
    head: Layer,
    logits: Layer,
    grid: Grid,
}

impl Sampler {
    /// Takes the weights out of a network.
    pub(super) fn of(network: &PixelCnnNetwork) -> Sampler {
        Sampler {
            input: Layer::new(&network.input),
            blocks: network
                .blocks
                .iter()
                .map(|b| [&b.down, &b.spatial, &b.up].map(Layer::new))
                .collect(),
            head: Layer::new(&network.head),
            logits: Layer::new(&network.logits),
            grid: network.grid,
        }
    }
}

/// What is kept: the image and the features inside each block for every pixel, all else for the present one.
struct Running<'a> {
    weights: &'a Sampler,
    at: usize,
    image: Kept,
    inside: Vec<Kept>,
    h: Vec<f32>,
    positive: Vec<Vec<f32>>,
    spatial: Vec<Vec<f32>>,
    head: Vec<f32>,
    logits: Vec<f32>,
    scratch: Vec<f32>,
}

impl Walker for Sampler {
    fn start<'a>(&'a self, items: usize, _: usize, _: &'a [u32], _: &[u32]) -> Box<dyn Walk + 'a> {
        let zeros = |layer: &Layer| vec![0.0; items * layer.outputs()];
        Box::new(Running {
            weights: self,
            at: 0,
            image: Kept::new(&self.grid, items, self.grid.channels),
            inside: self
                .blocks
                .iter()
                .map(|b| Kept::new(&self.grid, items, b[0].outputs()))
                .collect(),
            h: zeros(&self.input),
            positive: (0..self.blocks.len() + 1).map(|_| zeros(&self.input)).collect(),
            spatial: self.blocks.iter().map(|b| zeros(&b[1])).collect(),
            head: zeros(&self.head),
            logits: zeros(&self.logits),
            scratch: Vec::new(),
        })
    }
}

impl Walk for Running<'_> {
    fn logits(&mut self, out: &mut [f32]) {
        let (w, g) = (self.weights, &self.weights.grid);
        // Features of a colour wait for the colours before it; those of earlier groups are there already.
        let (pixel, group) = (self.at / g.channels, self.at % g.channels);
        let (width, k) = (w.input.outputs(), g.discrete.outputs());
        w.input
            .around(group, &self.image, pixel, &mut self.scratch, &mut self.h);
        let own = w.input.columns(group);
        for (l, [down, spatial, up]) in w.blocks.iter().enumerate() {
            relu(&self.h, &mut self.positive[l], width, own.clone());
            let inside = self.inside[l].pixel(pixel);
            down.at(group, &self.positive[l], inside, false);
            rectify(inside, down.outputs(), down.columns(group));
            let middle = &mut self.spatial[l];
            spatial.around(group, &self.inside[l], pixel, &mut self.scratch, middle);
            rectify(middle, spatial.outputs(), spatial.columns(group));
            up.at(group, middle, &mut self.h, true);
        }
        let positive = &mut self.positive[w.blocks.len()];
        relu(&self.h, positive, width, own);
        w.head.at(group, positive, &mut self.head, false);
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
        for (row, &level) in self.image.pixel(pixel).chunks_exact_mut(g.channels).zip(levels) {
            row[channel] = g.discrete.input(level);
        }
        self.at += 1;
    }
}

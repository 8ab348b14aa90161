//! Masked convolutions pixel by pixel: a position is computed once, from activations kept of its neighbours.
use super::conditionals::Grid;
use menagerie_kernels::dense::Packed;
use menagerie_nn::MaskedConv2d;
use std::ops::Range;

/// A masked convolution's weights, by group of outputs.
pub(super) struct Layer {
    offsets: Vec<(isize, isize)>,
    groups: Vec<(Packed, Range<usize>)>,
    bias: Vec<f32>,
}

impl Layer {
    /// Taken out of the network's layer.
    pub(super) fn new(conv: &MaskedConv2d) -> Layer {
        let m = conv.matrix();
        let outputs = m.bias.len();
        let groups = m.groups.iter().map(|(rows, columns)| {
            (
                Packed::new(&m.weight, outputs, *rows, columns.clone()),
                columns.clone(),
            )
        });
        Layer {
            groups: groups.collect(),
            offsets: m.offsets,
            bias: m.bias,
        }
    }

    /// Any other kernel, `[offsets * in, out]`: its groups of outputs see all of every pixel.
    pub(super) fn open(
        offsets: Vec<(isize, isize)>,
        weight: &[f32],
        bias: Vec<f32>,
        groups: Vec<Range<usize>>,
    ) -> Layer {
        let outputs = bias.len();
        let rows = weight.len() / outputs;
        let pack = |columns: Range<usize>| (Packed::new(weight, outputs, rows, columns.clone()), columns);
        Layer {
            groups: groups.into_iter().map(pack).collect(),
            offsets,
            bias,
        }
    }

    /// Channels of its result.
    pub(super) fn outputs(&self) -> usize {
        self.bias.len()
    }

    /// The channels of group `g` of its result.
    pub(super) fn columns(&self, g: usize) -> Range<usize> {
        self.groups[g].1.clone()
    }

    /// Group `g` of the result at one pixel, `[items, outputs]`, from the pixel's own features x `[items, inputs]`: for a
    /// kernel of one pixel. With `add`, it is added to what is there.
    pub(super) fn at(&self, g: usize, x: &[f32], out: &mut [f32], add: bool) {
        let (packed, columns) = &self.groups[g];
        let n = self.outputs();
        let items = out.len() / n;
        for row in out.chunks_exact_mut(n) {
            let bias = &self.bias[columns.clone()];
            match add {
                true => row[columns.clone()]
                    .iter_mut()
                    .zip(bias)
                    .for_each(|(o, b)| *o += b),
                false => row[columns.clone()].copy_from_slice(bias),
            }
        }
        let stride = x.len() / items;
        packed.accumulate(items, (x, stride), (&mut out[columns.start..], n));
    }

    /// The same for any kernel, from what is kept of the pixels; `scratch` is working memory.
    pub(super) fn around(
        &self,
        g: usize,
        kept: &Kept,
        pixel: usize,
        scratch: &mut Vec<f32>,
        out: &mut [f32],
    ) {
        kept.gather(&self.offsets, pixel, scratch);
        if scratch.is_empty() {
            // A kernel without weights: the bias alone.
            let (_, columns) = &self.groups[g];
            out.chunks_exact_mut(self.outputs())
                .for_each(|row| row[columns.clone()].copy_from_slice(&self.bias[columns.clone()]));
            return;
        }
        self.at(g, scratch, out, false);
    }
}

/// Features of every pixel so far, `[pixels, items, channels]`.
pub(super) struct Kept {
    values: Vec<f32>,
    size: [usize; 2],
    items: usize,
    channels: usize,
}

impl Kept {
    /// Zeros.
    pub(super) fn new(grid: &Grid, items: usize, channels: usize) -> Kept {
        let size = [grid.height, grid.width];
        Kept {
            values: vec![0.0; size[0] * size[1] * items * channels],
            size,
            items,
            channels,
        }
    }

    /// The features of one pixel, `[items, channels]`.
    pub(super) fn pixel(&mut self, pixel: usize) -> &mut [f32] {
        let n = self.items * self.channels;
        &mut self.values[pixel * n..(pixel + 1) * n]
    }

    /// The features at some offsets from a pixel, `[items, offsets, channels]`; zeros outside of the image.
    fn gather(&self, offsets: &[(isize, isize)], pixel: usize, out: &mut Vec<f32>) {
        let [h, w] = self.size.map(|v| v as isize);
        let (y, x) = ((pixel / self.size[1]) as isize, (pixel % self.size[1]) as isize);
        let c = self.channels;
        out.clear();
        out.resize(self.items * offsets.len() * c, 0.0);
        for (t, (dy, dx)) in offsets.iter().enumerate() {
            let (sy, sx) = (y + dy, x + dx);
            if sy < 0 || sx < 0 || sy >= h || sx >= w {
                continue;
            }
            let from = (sy * w + sx) as usize * self.items * c;
            for i in 0..self.items {
                out[(i * offsets.len() + t) * c..][..c].copy_from_slice(&self.values[from + i * c..][..c]);
            }
        }
    }
}

/// max(x, 0) of some channels of `[items, channels]`.
pub(super) fn relu(x: &[f32], out: &mut [f32], channels: usize, columns: Range<usize>) {
    for (x, out) in x.chunks_exact(channels).zip(out.chunks_exact_mut(channels)) {
        x[columns.clone()]
            .iter()
            .zip(&mut out[columns.clone()])
            .for_each(|(x, o)| *o = x.max(0.0));
    }
}

/// max(x, 0) of some channels, in place.
pub(super) fn rectify(x: &mut [f32], channels: usize, columns: Range<usize>) {
    for row in x.chunks_exact_mut(channels) {
        row[columns.clone()].iter_mut().for_each(|v| *v = v.max(0.0));
    }
}

//! Layers on slices, a few rows at a time: what samplers are made of.
use burn::module::Param;
use burn::tensor::Tensor;
use menagerie_kernels::dense::Packed;
use menagerie_nn::Linear;

/// x W + b with the weights packed once. A row's result depends on that row alone, to the bit.
pub(super) struct Affine {
    packed: Packed,
    bias: Vec<f32>,
}

impl Affine {
    /// `weight` is `[inputs, outputs]`, as many outputs as `bias` has.
    pub(super) fn new(weight: &[f32], bias: &[f32]) -> Self {
        let outputs = bias.len();
        Affine {
            packed: Packed::new(weight, outputs, weight.len() / outputs.max(1), 0..outputs),
            bias: bias.to_vec(),
        }
    }

    /// A layer's.
    pub(super) fn of(layer: &Linear) -> Self {
        let bias = layer
            .bias
            .as_ref()
            .map_or_else(|| vec![0.0; layer.weight.dims()[1]], numbers);
        Affine::new(&numbers(&layer.weight), &bias)
    }

    /// Numbers of a row that goes in.
    pub(super) fn inputs(&self) -> usize {
        self.packed.inputs()
    }
    /// Numbers of a row that comes out.
    pub(super) fn outputs(&self) -> usize {
        self.packed.outputs()
    }

    /// y = x W + b for every row of y `[rows, outputs]`.
    pub(super) fn apply(&self, x: &[f32], y: &mut [f32]) {
        let (n, m) = (self.packed.inputs(), self.packed.outputs());
        y.chunks_exact_mut(m).for_each(|y| y.copy_from_slice(&self.bias));
        self.packed.accumulate(y.len() / m, (x, n), (y, m));
    }
}

/// The numbers of a parameter.
pub(super) fn numbers<const D: usize>(p: &Param<Tensor<D>>) -> Vec<f32> {
    menagerie_nn::numbers(p.val())
}

/// Matrices of as many rows side by side: rows of a, then of b.
pub(super) fn beside(a: &[f32], a_width: usize, b: &[f32], b_width: usize) -> Vec<f32> {
    a.chunks_exact(a_width)
        .zip(b.chunks_exact(b_width))
        .flat_map(|(a, b)| [a, b].concat())
        .collect()
}

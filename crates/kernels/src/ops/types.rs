//! What the operations are parameterized by.

/// A pointwise function that an operation applies to its result.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    /// x
    Identity,
    /// max(x, 0)
    Relu,
    /// x where positive, else the slope times x (Maas et al. 2013)
    LeakyRelu(f32),
    /// Hyperbolic tangent
    Tanh,
    /// 1 / (1 + exp(-x))
    Sigmoid,
    /// x sigmoid(x) (Hendrycks and Gimpel 2016, Elfwing et al. 2017)
    Silu,
    /// x Phi(x) with the exact normal distribution function (Hendrycks and Gimpel 2016)
    Gelu,
    /// log(1 + exp(x))
    Softplus,
}

impl Activation {
    /// Whether the derivative is a function of the output, so that a backward pass need not keep the input.
    pub fn slope_from_output(self) -> bool {
        match self {
            Activation::Silu | Activation::Gelu => false,
            // A negative slope maps both signs to positive outputs.
            Activation::LeakyRelu(slope) => slope >= 0.0,
            _ => true,
        }
    }
}

/// A function of a tensor's numbers that the host works out; it gives as many.
pub type HostFunction = fn(Vec<f32>) -> Vec<f32>;

/// Geometry of a 2-D convolution. A transposed convolution is described by the convolution whose
/// transpose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Steps between neighbouring outputs: vertical, horizontal.
    pub stride: [usize; 2],
    /// Zeros around the input: top and bottom, left and right.
    pub padding: [usize; 2],
    /// Distance between neighbouring weights.
    pub dilation: [usize; 2],
    /// Input and output channels fall into this many groups that do not see each other.
    pub groups: usize,
}

impl Geometry {
    /// Square stride and padding, no dilation, one group.
    pub fn new(stride: usize, padding: usize) -> Self {
        Geometry {
            stride: [stride; 2],
            padding: [padding; 2],
            dilation: [1; 2],
            groups: 1,
        }
    }
    /// The same with another stride.
    pub fn with_stride(self, stride: [usize; 2]) -> Self {
        Geometry { stride, ..self }
    }
    /// The same with other padding.
    pub fn with_padding(self, padding: [usize; 2]) -> Self {
        Geometry { padding, ..self }
    }
    /// The same with another dilation.
    pub fn with_dilation(self, dilation: [usize; 2]) -> Self {
        Geometry { dilation, ..self }
    }
    /// The same with another number of groups.
    pub fn with_groups(self, groups: usize) -> Self {
        Geometry { groups, ..self }
    }
    /// Height and width of the output for an input and a kernel of these sizes; `None` if the
    /// kernel is larger than the padded input or the geometry is not valid.
    pub fn output_size(&self, size: [usize; 2], kernel: [usize; 2]) -> Option<[usize; 2]> {
        let axis = |i: usize| {
            let span = self.dilation[i] * kernel[i].checked_sub(1)? + 1;
            Some(
                (size[i] + 2 * self.padding[i])
                    .checked_sub(span)?
                    .checked_div(self.stride[i])?
                    + 1,
            )
        };
        Some([axis(0)?, axis(1)?])
    }
    /// Smallest height and width of an input whose output has this size: (O - 1) s + d (K - 1) + 1 - 2 p.
    pub fn input_size(&self, output: [usize; 2], kernel: [usize; 2]) -> Option<[usize; 2]> {
        let axis = |i: usize| {
            let span = self.dilation[i] * kernel[i].checked_sub(1)? + 1;
            (output[i].checked_sub(1)? * self.stride[i] + span).checked_sub(2 * self.padding[i])
        };
        Some([axis(0)?, axis(1)?])
    }
}

/// A trilinear form sum(y * product(x, w)) whose three faces - the product, and its gradients by x
/// and by w - each are differentiated by the other two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// x `[B,H,W,IC]`, w `[KH,KW,IC/groups,OC]`, y `[B,OH,OW,OC]`
    Conv {
        /// Stride, padding, dilation, groups.
        geometry: Geometry,
        /// Height and width of x.
        size: [usize; 2],
        /// Height and width of w.
        kernel: [usize; 2],
        /// Height and width of y: those of the geometry, or less, where the bottom or the right is not wanted.
        output: [usize; 2],
        /// Whether it is computed as suits this batch best, while weights are learned; otherwise what becomes of an item is the
        /// same, to the last bit, however many others come with it.
        by_batch: bool,
    },
    /// x `[N,IN]`, w `[IN,OUT]`, y `[N,OUT]`
    Linear,
}

impl Form {
    /// The form of an operation that gradients will go through, or not: those who learn take the fastest way for their batch.
    pub(crate) fn learned(self, tracked: bool) -> Form {
        match self {
            Form::Conv {
                geometry,
                size,
                kernel,
                output,
                by_batch,
            } => Form::Conv {
                geometry,
                size,
                kernel,
                output,
                by_batch: by_batch || tracked,
            },
            Form::Linear => Form::Linear,
        }
    }
}

/// A separable linear map of height and width, a channel at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resample {
    /// Height and width before.
    pub from: [usize; 2],
    /// Height and width after.
    pub to: [usize; 2],
    /// How outputs are made of inputs.
    pub filter: Filter,
}

/// How a [`Resample`] makes an output of inputs; the conventions are PyTorch's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Input floor(i * from / to).
    Nearest,
    /// Linear interpolation between the two nearest inputs.
    Bilinear {
        /// Whether the centres of the corner pixels coincide, rather than the images' edges.
        align_corners: bool,
    },
    /// Mean of a window, padding counted as zeros.
    Average(Window),
    /// The binomial filter [1, 3, 3, 1] / 8 along each axis, padding counted as zeros.
    Binomial {
        /// Steps between neighbouring outputs.
        stride: usize,
        /// Zeros before the first input; the outputs say how many follow the last.
        padding: usize,
    },
}

/// A pooling window; each field is vertical, horizontal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Size of the window.
    pub kernel: [usize; 2],
    /// Steps between neighbouring windows.
    pub stride: [usize; 2],
    /// Border around the input.
    pub padding: [usize; 2],
}

impl Window {
    /// Height and width of the output; `None` if the window is larger than the padded input, is
    /// empty, or could lie in the border alone.
    pub fn output_size(&self, size: [usize; 2]) -> Option<[usize; 2]> {
        let axis = |i: usize| {
            if self.padding[i] >= self.kernel[i] {
                return None;
            }
            Some(
                (size[i] + 2 * self.padding[i])
                    .checked_sub(self.kernel[i])?
                    .checked_div(self.stride[i])?
                    + 1,
            )
        };
        Some([axis(0)?, axis(1)?])
    }
}

impl Resample {
    /// The inputs and weights of every output along an axis (0: height, 1: width).
    pub fn taps(&self, axis: usize) -> Vec<Vec<(usize, f32)>> {
        let (from, to) = (self.from[axis], self.to[axis]);
        (0..to).map(|i| self.filter.taps(axis, from, to, i)).collect()
    }
}

impl Filter {
    fn taps(self, axis: usize, from: usize, to: usize, i: usize) -> Vec<(usize, f32)> {
        match self {
            Filter::Nearest => vec![(i * from / to, 1.0)],
            Filter::Bilinear { align_corners } => {
                let at = match align_corners {
                    true if to > 1 => i as f64 * (from - 1) as f64 / (to - 1) as f64,
                    true => 0.0,
                    false => ((i as f64 + 0.5) * from as f64 / to as f64 - 0.5).max(0.0),
                };
                let low = (at as usize).min(from - 1);
                let weight = (at - low as f64) as f32;
                if weight == 0.0 || low + 1 == from {
                    return vec![(low, 1.0)];
                }
                vec![(low, 1.0 - weight), (low + 1, weight)]
            }
            Filter::Average(w) => {
                let start = i * w.stride[axis];
                let inside = (start..start + w.kernel[axis]).filter_map(|j| j.checked_sub(w.padding[axis]));
                inside
                    .filter(|&j| j < from)
                    .map(|j| (j, 1.0 / w.kernel[axis] as f32))
                    .collect()
            }
            Filter::Binomial { stride, padding } => {
                let inside = [0.125, 0.375, 0.375, 0.125]
                    .into_iter()
                    .enumerate()
                    .filter_map(|(k, weight)| Some(((i * stride + k).checked_sub(padding)?, weight)));
                inside.filter(|&(j, _)| j < from).collect()
            }
        }
    }
}

/// The order in which a recurrence passes over an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scan {
    /// Row by row; a line's positions are the columns.
    Rows,
    /// Diagonal by diagonal from the upper left: line d has the pixels (i, d - i), its positions are the rows i (van den Oord et
    /// al. 2016a, figure 3).
    Diagonals,
    /// The same of the image mirrored left to right.
    MirroredDiagonals,
}

/// A loss summed over each row of a matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowLoss {
    /// softplus(x) - t x: the negative logarithm of a Bernoulli's probability of t, with logits x
    Bernoulli,
    /// (x - t)^2
    Square,
}

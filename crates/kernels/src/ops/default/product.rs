//! Convolutions and matrix products.
use super::{activation, activation_gradient, broadcast, sum_rows};
use crate::ops::{Activation, Form, Geometry};
use burn::backend::{Backend, TensorMetadata, tensor::FloatTensor};
use burn::tensor::Shape;
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions};

type F<B> = FloatTensor<B>;
const TO_NCHW: [usize; 4] = [0, 3, 1, 2];
const TO_NHWC: [usize; 4] = [0, 2, 3, 1];
const TO_OIHW: [usize; 4] = [3, 2, 0, 1];
const TO_HWIO: [usize; 4] = [2, 3, 1, 0];

fn options(g: Geometry) -> ConvOptions<2> {
    ConvOptions::new(g.stride, g.padding, g.dilation, g.groups)
}

/// y with zeros where its bottom and right were cut off.
fn uncut<B: Backend>(y: F<B>, g: Geometry, size: [usize; 2], kernel: [usize; 2]) -> F<B> {
    let [b, h, w, c] = y.shape().dims();
    let [oh, ow] = g
        .output_size(size, kernel)
        .expect("checked when the form was made");
    let zeros = |shape: [usize; 4]| B::float_zeros(Shape::new(shape), &y.device(), y.dtype().into());
    let (below, right) = (zeros([b, oh - h, w, c]), zeros([b, oh, ow - w, c]));
    let y = if oh > h {
        B::float_cat(vec![y, below], 1)
    } else {
        y
    };
    if ow > w {
        B::float_cat(vec![y, right], 2)
    } else {
        y
    }
}

/// See [`Ops::product`](crate::Ops::product).
pub fn product<B: Backend>(x: F<B>, w: F<B>, form: Form) -> F<B> {
    match form {
        Form::Conv {
            geometry,
            output: [oh, ow],
            ..
        } => {
            let (x, w) = (B::float_permute(x, &TO_NCHW), B::float_permute(w, &TO_OIHW));
            let y = B::float_permute(B::conv2d(x, w, None, options(geometry)), &TO_NHWC);
            let [b, h, width, c] = y.shape().dims();
            match [h, width] == [oh, ow] {
                true => y,
                false => B::float_slice(y, &[(0..b).into(), (0..oh).into(), (0..ow).into(), (0..c).into()]),
            }
        }
        Form::Linear => B::float_matmul(x, w),
    }
}

/// See [`Ops::product_input_gradient`](crate::Ops::product_input_gradient).
pub fn product_input_gradient<B: Backend>(y: F<B>, w: F<B>, form: Form) -> F<B> {
    match form {
        Form::Conv {
            geometry: g,
            size,
            kernel,
            ..
        } => {
            let y = uncut::<B>(y, g, size, kernel);
            let out = [y.shape()[1], y.shape()[2]];
            // What the convolution's stride left over at the bottom and the right.
            let rest = [0, 1].map(|i| {
                let reached = (out[i] - 1) * g.stride[i] + g.dilation[i] * (kernel[i] - 1) + 1;
                (size[i] + 2 * g.padding[i]).saturating_sub(reached)
            });
            let options = ConvTransposeOptions::new(g.stride, g.padding, rest, g.dilation, g.groups);
            let (y, w) = (B::float_permute(y, &TO_NCHW), B::float_permute(w, &TO_OIHW));
            B::float_permute(B::conv_transpose2d(y, w, None, options), &TO_NHWC)
        }
        Form::Linear => B::float_matmul(y, B::float_transpose(w)),
    }
}

/// See [`Ops::product_weight_gradient`](crate::Ops::product_weight_gradient).
pub fn product_weight_gradient<B: Backend>(x: F<B>, y: F<B>, form: Form) -> F<B> {
    match form {
        Form::Conv {
            geometry,
            kernel,
            size,
            ..
        } => {
            let y = uncut::<B>(y, geometry, size, kernel);
            let (ic, oc) = (x.shape()[3] / geometry.groups, y.shape()[3]);
            let shape = Shape::new([oc, ic, kernel[0], kernel[1]]);
            let like = B::float_zeros(shape, &x.device(), x.dtype().into());
            let (x, y) = (B::float_permute(x, &TO_NCHW), B::float_permute(y, &TO_NCHW));
            B::float_permute(B::conv2d_weight_backward(x, like, y, options(geometry)), &TO_HWIO)
        }
        Form::Linear => B::float_matmul(B::float_transpose(x), y),
    }
}

/// act(x + bias) over the last axis.
pub fn bias_act<B: Backend>(x: F<B>, bias: F<B>, act: Activation) -> F<B> {
    let rank = x.shape().num_dims();
    activation::<B>(B::float_add(x, broadcast::<B>(bias, rank)), act)
}

/// See [`Ops::bias_act_gradient`](crate::Ops::bias_act_gradient).
pub fn bias_act_gradient<B: Backend>(g: F<B>, y: F<B>, act: Activation) -> (F<B>, F<B>) {
    let channels = y.shape()[y.shape().num_dims() - 1];
    let g = activation_gradient::<B>(g, y, act);
    (g.clone(), sum_rows::<B>(g, channels))
}

/// See [`Ops::bias_gradient`](crate::Ops::bias_gradient).
pub fn bias_gradient<B: Backend>(g: F<B>) -> F<B> {
    let channels = g.shape()[g.shape().num_dims() - 1];
    sum_rows::<B>(g, channels)
}

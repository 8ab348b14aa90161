//! Convolutions and linear layers.
use super::*;
use burn::backend::{TensorMetadata, ops::FloatTensorOps};
use menagerie_kernels::{
    Activation, Form, Geometry, conv_transpose2d, conv2d, conv2d_reaching, conv2d_weight_gradient, default,
    linear,
};

const ACTS: [Activation; 5] = [
    Activation::Identity,
    Activation::LeakyRelu(0.2),
    Activation::Relu,
    Activation::Tanh,
    Activation::Gelu,
];
const TOLERANCE: f64 = 4e-6;

struct Sizes {
    x: [usize; 4],
    w: [usize; 4],
    y: [usize; 4],
    g: Geometry,
    form: Form,
}

fn sizes(rng: &mut Numbers, i: usize) -> Sizes {
    loop {
        let groups = if i % 5 == 4 { rng.size(3) } else { 1 };
        let (ic, oc) = (rng.size(9), rng.size(9) * groups);
        let kernel = [rng.size(5), rng.size(5)];
        let g = Geometry::new(1, 0)
            .with_stride([rng.size(3), rng.size(3)])
            .with_padding([rng.below(3), rng.below(3)]);
        let g = g.with_groups(groups).with_dilation(if i % 7 == 6 {
            [rng.size(2), rng.size(2)]
        } else {
            [1, 1]
        });
        let size = [rng.size(9), rng.size(9)];
        let batch = rng.size(3);
        if let Some([oh, ow]) = g.output_size(size, kernel) {
            let form = Form::Conv {
                geometry: g,
                size,
                kernel,
                output: [oh, ow],
                by_batch: rng.size(2) == 1,
            };
            let x = [batch, size[0], size[1], ic * groups];
            return Sizes {
                x,
                w: [kernel[0], kernel[1], ic, oc],
                y: [batch, oh, ow, oc],
                g,
                form,
            };
        }
    }
}

#[test]
fn convolution_with_bias_and_activation() {
    let mut rng = Numbers::new(1);
    for i in 0..40 {
        let (s, act) = (sizes(&mut rng, i), ACTS[i % ACTS.len()]);
        let inputs = vec![rng.array(&s.x), rng.array(&s.w), rng.array(&[s.y[3]])];
        let name = format!("conv2d {:?} {:?} {:?} {act:?}", s.x, s.w, s.g);
        let reference = |t: &[FlexTensor]| {
            default::bias_act::<B>(
                default::product::<B>(t[0].clone(), t[1].clone(), s.form),
                t[2].clone(),
                act,
            )
        };
        Case {
            name,
            inputs,
            tolerance: TOLERANCE,
            reference: &reference,
        }
        .check(&mut rng, |a, r| {
            let (x, w, b) = (leaf::<4>(&a[0]), leaf::<4>(&a[1]), leaf::<1>(&a[2]));
            let (y, grads) = back(conv2d(x.clone(), w.clone(), Some(b.clone()), s.g, act), r);
            (y, vec![grad(&x, &grads), grad(&w, &grads), grad(&b, &grads)])
        });
    }
}

/// Kernels that end above, or left of, the output: against a kernel filled up with zeros to a whole odd square.
#[test]
fn convolution_that_reaches_back() {
    let mut rng = Numbers::new(7);
    for (i, (kernel, reach)) in [
        ([1, 3], [1, 1]),
        ([1, 2], [0, 1]),
        ([1, 1], [0, 1]),
        ([2, 3], [1, 1]),
        ([3, 7], [3, 3]),
    ]
    .into_iter()
    .enumerate()
    {
        let act = ACTS[i];
        let (x, w) = (
            [2, 5, 6, 3 + 9 * (i % 2)],
            [kernel[0], kernel[1], 3 + 9 * (i % 2), 4],
        );
        let size = [5, 6];
        let g = Geometry::new(1, 0).with_padding(reach);
        let full = Form::Conv {
            geometry: g,
            size,
            kernel,
            output: g.output_size(size, kernel).unwrap(),
            by_batch: false,
        };
        let inputs = vec![rng.array(&x), rng.array(&w), rng.array(&[4])];
        let reference = |t: &[FlexTensor]| {
            let y = default::product::<B>(t[0].clone(), t[1].clone(), full);
            let y = B::float_slice(y, &[(0..2).into(), (0..5).into(), (0..6).into(), (0..4).into()]);
            default::bias_act::<B>(y, t[2].clone(), act)
        };
        let name = format!("conv2d_reaching {kernel:?} {reach:?} {act:?}");
        Case {
            name,
            inputs,
            tolerance: TOLERANCE,
            reference: &reference,
        }
        .check(&mut rng, |a, r| {
            let (x, w, b) = (leaf::<4>(&a[0]), leaf::<4>(&a[1]), leaf::<1>(&a[2]));
            let (y, grads) = back(
                conv2d_reaching(x.clone(), w.clone(), Some(b.clone()), reach, act),
                r,
            );
            (y, vec![grad(&x, &grads), grad(&w, &grads), grad(&b, &grads)])
        });
        // The bodies for other backends cut alike.
        let cut = Form::Conv {
            geometry: g,
            size,
            kernel,
            output: size,
            by_batch: false,
        };
        let t: Vec<FlexTensor> = [rng.array(&x), rng.array(&w), rng.array(&[2, 5, 6, 4])]
            .iter()
            .map(Array::double)
            .collect();
        let y = default::product::<B>(t[0].clone(), t[1].clone(), cut);
        assert_eq!(y.shape().dims::<4>(), [2, 5, 6, 4]);
        let dot =
            |a: FlexTensor, b: FlexTensor| B::float_sum(B::float_mul(a, b)).as_slice::<f64>().unwrap()[0];
        let by = [
            dot(y, t[2].clone()),
            dot(
                default::product_input_gradient::<B>(t[2].clone(), t[1].clone(), cut),
                t[0].clone(),
            ),
            dot(
                default::product_weight_gradient::<B>(t[0].clone(), t[2].clone(), cut),
                t[1].clone(),
            ),
        ];
        assert!(
            by.iter().all(|v| (v - by[0]).abs() < 1e-9),
            "three faces of one form: {by:?}"
        );
    }
}

#[test]
fn transposed_convolution_with_bias_and_activation() {
    let mut rng = Numbers::new(2);
    for i in 0..40 {
        let (s, act) = (sizes(&mut rng, i), ACTS[i % ACTS.len()]);
        let inputs = vec![rng.array(&s.y), rng.array(&s.w), rng.array(&[s.x[3]])];
        let name = format!("conv_transpose2d {:?} {:?} {:?} {act:?}", s.y, s.w, s.g);
        let reference = |t: &[FlexTensor]| {
            default::bias_act::<B>(
                default::product_input_gradient::<B>(t[0].clone(), t[1].clone(), s.form),
                t[2].clone(),
                act,
            )
        };
        Case {
            name,
            inputs,
            tolerance: TOLERANCE,
            reference: &reference,
        }
        .check(&mut rng, |a, r| {
            let (y, w, b) = (leaf::<4>(&a[0]), leaf::<4>(&a[1]), leaf::<1>(&a[2]));
            let x = conv_transpose2d(
                y.clone(),
                w.clone(),
                Some(b.clone()),
                s.g,
                Some([s.x[1], s.x[2]]),
                act,
            );
            let (x, grads) = back(x, r);
            (x, vec![grad(&y, &grads), grad(&w, &grads), grad(&b, &grads)])
        });
    }
}

#[test]
fn weight_gradient_is_differentiable_too() {
    let mut rng = Numbers::new(3);
    for i in 0..20 {
        let s = sizes(&mut rng, i);
        let inputs = vec![rng.array(&s.x), rng.array(&s.y)];
        let name = format!("conv2d_weight_gradient {:?} {:?} {:?}", s.x, s.w, s.g);
        let reference =
            |t: &[FlexTensor]| default::product_weight_gradient::<B>(t[0].clone(), t[1].clone(), s.form);
        Case {
            name,
            inputs,
            tolerance: TOLERANCE,
            reference: &reference,
        }
        .check(&mut rng, |a, r| {
            let (x, y) = (leaf::<4>(&a[0]), leaf::<4>(&a[1]));
            let (w, grads) = back(
                conv2d_weight_gradient(x.clone(), y.clone(), s.g, [s.w[0], s.w[1]]),
                r,
            );
            (w, vec![grad(&x, &grads), grad(&y, &grads)])
        });
    }
}

#[test]
fn linear_with_bias_and_activation() {
    let mut rng = Numbers::new(4);
    for (i, [n, inputs, outputs]) in [[1, 1, 1], [3, 7, 5], [64, 33, 17], [2, 100, 1], [5, 16, 130]]
        .into_iter()
        .enumerate()
    {
        let act = ACTS[i % ACTS.len()];
        let arrays = vec![
            rng.array(&[n, inputs]),
            rng.array(&[inputs, outputs]),
            rng.array(&[outputs]),
        ];
        let name = format!("linear {n} {inputs} {outputs} {act:?}");
        let reference = |t: &[FlexTensor]| {
            default::bias_act::<B>(
                default::product::<B>(t[0].clone(), t[1].clone(), Form::Linear),
                t[2].clone(),
                act,
            )
        };
        Case {
            name,
            inputs: arrays,
            tolerance: TOLERANCE,
            reference: &reference,
        }
        .check(&mut rng, |a, r| {
            let (x, w, b) = (leaf::<2>(&a[0]), leaf::<2>(&a[1]), leaf::<1>(&a[2]));
            let (y, grads) = back(linear(x.clone(), w.clone(), Some(b.clone()), act), r);
            (y, vec![grad(&x, &grads), grad(&w, &grads), grad(&b, &grads)])
        });
    }
}

//! The harness: an operation as a function of tensors (f32, the kernels, differentiated by the tape) and
//! as a function of Flex primitives (f64, the default bodies, differentiated by central differences).
mod activations;
mod norms;
mod products;
mod recurrent;
mod spatial;
mod threads;
mod updates;

use burn::backend::Flex;
use burn::prelude::*;
use burn::tensor::{DType, TensorData};
use burn_flex::FlexTensor;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Seeded numbers, roughly normal: sums of four uniform ones.
pub(crate) struct Numbers(ChaCha8Rng);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Self {
        Numbers(ChaCha8Rng::seed_from_u64(seed))
    }
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.0.next_u32() as f64 + 0.5) / 4294967296.0
    }
    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.uniform() * n as f64) as usize
    }
    /// 1..=n
    pub(crate) fn size(&mut self, n: usize) -> usize {
        1 + self.below(n)
    }
    /// An f32 number, in f64.
    pub(crate) fn normal(&mut self) -> f64 {
        let sum: f64 = (0..4).map(|_| self.uniform() - 0.5).sum();
        (sum * 1.7) as f32 as f64
    }
    pub(crate) fn array(&mut self, shape: &[usize]) -> Array {
        Array {
            shape: shape.to_vec(),
            values: (0..shape.iter().product()).map(|_| self.normal()).collect(),
        }
    }
}

/// Values in f64 that f32 can hold.
#[derive(Clone, Debug)]
pub(crate) struct Array {
    pub shape: Vec<usize>,
    pub values: Vec<f64>,
}

impl Array {
    pub(crate) fn double(&self) -> FlexTensor {
        FlexTensor::from_data(TensorData::new(self.values.clone(), self.shape.clone()))
    }
    pub(crate) fn tensor<const D: usize>(&self, device: &Device) -> Tensor<D> {
        let values: Vec<f32> = self.values.iter().map(|&v| v as f32).collect();
        Tensor::from_data(TensorData::new(values, self.shape.clone()), device)
    }
    pub(crate) fn map(mut self, f: impl Fn(f64) -> f64) -> Self {
        self.values.iter_mut().for_each(|v| *v = f(*v) as f32 as f64);
        self
    }
}

pub(crate) fn doubles(t: FlexTensor) -> Vec<f64> {
    let t = t.to_contiguous();
    assert_eq!(t.dtype(), DType::F64);
    t.as_slice::<f64>().expect("contiguous").to_vec()
}

pub(crate) fn floats<const D: usize>(t: &Tensor<D>) -> Vec<f32> {
    t.to_data().try_into_vec::<f32>().expect("f32")
}

/// Largest difference over the largest reference value (or over `floor`, if that is larger).
pub(crate) fn worst(got: &[f32], want: &[f64], floor: f64) -> f64 {
    assert_eq!(got.len(), want.len());
    assert!(got.iter().all(|v| v.is_finite()), "not finite: {got:?}");
    let scale = want.iter().fold(floor, |m, v| m.max(v.abs()));
    got.iter()
        .zip(want)
        .map(|(g, w)| (*g as f64 - w).abs())
        .fold(0.0, f64::max)
        / scale
}

/// Gradients of sum(weights * f(inputs)) by central differences, at most `limit` elements of an input.
pub(crate) fn differences(
    inputs: &[Array],
    weights: &[f64],
    f: &dyn Fn(&[FlexTensor]) -> FlexTensor,
    at: &[Vec<usize>],
) -> Vec<Vec<f64>> {
    let value = |inputs: &[Array]| {
        let tensors: Vec<FlexTensor> = inputs.iter().map(Array::double).collect();
        doubles(f(&tensors))
            .iter()
            .zip(weights)
            .map(|(y, w)| y * w)
            .sum::<f64>()
    };
    let h = 1e-6;
    at.iter()
        .enumerate()
        .map(|(i, elements)| {
            elements
                .iter()
                .map(|&e| {
                    let mut moved = inputs.to_vec();
                    moved[i].values[e] += h;
                    let up = value(&moved);
                    moved[i].values[e] -= 2.0 * h;
                    (up - value(&moved)) / (2.0 * h)
                })
                .collect()
        })
        .collect()
}

/// Elements of each input to differentiate by: all of a few, a seeded choice of many.
pub(crate) fn choose(inputs: &[Array], rng: &mut Numbers) -> Vec<Vec<usize>> {
    let pick = |a: &Array, rng: &mut Numbers| match a.values.len() {
        n if n <= 12 => (0..n).collect(),
        n => (0..12).map(|_| rng.below(n)).collect::<Vec<_>>(),
    };
    inputs.iter().map(|a| pick(a, rng)).collect()
}

pub(crate) struct Case<'a> {
    pub name: String,
    pub inputs: Vec<Array>,
    /// Allowed error, relative to the largest value.
    pub tolerance: f64,
    pub reference: &'a dyn Fn(&[FlexTensor]) -> FlexTensor,
}

impl Case<'_> {
    /// Compares the output and the gradients of every input. `run` gets the output's weights, and gives
    /// the output and the gradients.
    pub(crate) fn check(
        self,
        rng: &mut Numbers,
        run: impl Fn(&[Array], &Array) -> (Vec<f32>, Vec<Vec<f32>>),
    ) {
        let tensors: Vec<FlexTensor> = self.inputs.iter().map(Array::double).collect();
        let out = (self.reference)(&tensors);
        let shape: Vec<usize> = out.layout().shape().to_vec();
        let want = doubles(out);
        let weights = rng.array(&shape);
        let (got, gradients) = run(&self.inputs, &weights);
        let error = worst(&got, &want, 1e-3);
        assert!(
            error <= self.tolerance,
            "{}: output off by {error:.2e}",
            self.name
        );
        let at = choose(&self.inputs, rng);
        let want = differences(&self.inputs, &weights.values, self.reference, &at);
        assert_eq!(gradients.len(), self.inputs.len());
        for (i, (g, w)) in gradients.iter().zip(&want).enumerate() {
            let picked: Vec<f32> = at[i].iter().map(|&e| g[e]).collect();
            // Errors are relative to the gradient's largest element, of which only some are at hand.
            let scale = g.iter().fold(1e-2f64, |m, v| m.max(v.abs() as f64));
            let error = worst(&picked, w, scale);
            assert!(
                error <= 4.0 * self.tolerance,
                "{}: gradient {i} off by {error:.2e}",
                self.name
            );
        }
    }
}

/// A tracked tensor.
pub(crate) fn leaf<const D: usize>(a: &Array) -> Tensor<D> {
    a.tensor(&Device::flex().autodiff()).require_grad()
}

/// Output, then the gradients of sum(weights * y) that `read` takes from the tape.
pub(crate) fn back<const D: usize>(y: Tensor<D>, weights: &Array) -> (Vec<f32>, burn::tensor::Gradients) {
    let out = floats(&y.clone().inner());
    let grads = (y * weights.tensor(&Device::flex().autodiff())).sum().backward();
    (out, grads)
}

pub(crate) fn grad<const D: usize>(x: &Tensor<D>, grads: &burn::tensor::Gradients) -> Vec<f32> {
    floats(&x.grad(grads).expect("a tracked leaf has a gradient"))
}

/// The default body's backend.
pub(crate) type B = Flex;

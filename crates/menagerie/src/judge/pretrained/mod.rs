//! Networks that others have trained, read from PyTorch's state dictionaries: what they make of images.
//!
//! Batch norm is folded into the convolution before it, so that a layer is one call.
mod efficientnet;
mod imagenet;
pub mod inception;
mod resnet;

pub use imagenet::ImageNet;
pub use inception::Inception;

use super::bicubic;
use super::extractor::{Extracted, Resize};
use crate::error::{Error, Result};
use crate::nn::{Tensors, numbers};
use crate::processes;

use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_kernels::{Activation, Geometry, conv2d, resize_bilinear};

/// Images in a forward pass: bounds the memory it takes.
const AT_ONCE: usize = 16;

/// A network with features and classes.
pub trait Pretrained {
    /// Features of an image.
    fn width(&self) -> usize;

    /// Classes that it tells apart.
    fn classes(&self) -> usize;

    /// Side of the images that it was trained on.
    fn side(&self) -> usize;

    /// Images `[images, side, side, 3]` in [-1, 1] -> features `[images, width]`.
    fn features(&self, images: Tensor<4>) -> Tensor<2>;

    /// Features -> logits `[images, classes]`.
    fn logits(&self, features: Tensor<2>) -> Tensor<2>;

    /// Features and class probabilities of images `[images, height, width, 3]` in [-1, 1].
    ///
    /// # Errors
    /// [`Error::Usage`] without a resize, for images of another size than its own.
    fn extract(&self, images: &Tensor<4>, resize: Resize) -> Result<Extracted> {
        let ([n, h, w, _], side) = (images.dims(), self.side());
        if resize == Resize::None && [h, w] != [side, side] {
            return Err(Error::usage(
                format!("it takes images of {side}x{side}, but these are {h}x{w}"),
                "leave --resize out, or give --resize bilinear or clean",
            ));
        }
        let mut out = Extracted {
            width: self.width(),
            classes: self.classes(),
            ..Extracted::default()
        };
        let found = processes::parts(n.div_ceil(AT_ONCE), &mut |i| {
            let from = i * AT_ONCE;
            let x = images.clone().narrow(0, from, AT_ONCE.min(n - from));
            let x = match resize {
                Resize::None => x,
                Resize::Bilinear => resize_bilinear(x, [side, side], false),
                Resize::Clean => bicubic::resize(x, [side, side]),
            };
            let features = self.features(x);

            let logits = self.logits(features.clone());
            let (mut all, classes) = (numbers(features), numbers(log_softmax(logits, 1)));
            all.extend(classes);
            Ok(all)
        })?;
        for part in found {
            let rows = part.len() / (self.width() + self.classes());
            let (features, classes) = part.split_at(rows * self.width());
            out.features.extend(features);
            out.log_probabilities.extend(classes);
        }
        Ok(out)
    }
}

/// A convolution with its batch norm in it, and what follows.
struct Layer {
    weight: Tensor<4>,
    bias: Tensor<1>,
    geometry: Geometry,
    activation: Activation,
}

impl Layer {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let (weight, bias) = (self.weight.clone(), Some(self.bias.clone()));
        conv2d(x, weight, bias, self.geometry, self.activation)
    }
}

/// Where a layer stands in a state dictionary, and how it is laid out.
struct Spec<'a> {
    conv: &'a str,
    norm: &'a str,
    /// inputs and outputs
    channels: [usize; 2],
    /// height and width
    kernel: [usize; 2],
    stride: usize,
    padding: [usize; 2],
    groups: usize,
    /// zeros above and to the left of the kernel: with a stride, what TensorFlow's padding amounts to
    lead: usize,
    activation: Activation,
}

/// Takes layers out of a state dictionary by their names.
struct Reader<'a> {
    from: &'a mut Tensors,
    device: &'a Device,
    /// what is added to the variance
    epsilon: f64,
    what: &'a str,
    fix: &'a str,
}

impl Reader<'_> {
    fn wrong(&self, problem: String) -> Error {
        Error::data(self.what, problem, self.fix)
    }

    /// The axes of an array.
    fn shape(&self, name: &str) -> Result<Vec<usize>> {
        let found = self.from.arrays.get(name).map(|(shape, _)| shape.clone());
        found.ok_or_else(|| self.wrong(format!("`{name}` is missing")))
    }

    fn has(&self, name: &str) -> bool {
        self.from.arrays.contains_key(name)
    }

    fn take(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let found = self.shape(name)?;
        if found != shape || found.contains(&0) {
            return Err(self.wrong(format!(
                "`{name}` has the shape {found:?} where {shape:?} is expected"
            )));
        }
        Ok(self.from.arrays.remove(name).map_or(vec![], |(_, values)| values))
    }

    fn layer(&mut self, s: &Spec) -> Result<Layer> {
        let ([inputs, outputs], [kh, kw]) = (s.channels, s.kernel);
        if !inputs.is_multiple_of(s.groups) || !outputs.is_multiple_of(s.groups) {
            let problem = format!(
                "`{}` has {inputs} and {outputs} channels, which do not fall into {} groups",
                s.conv, s.groups
            );
            return Err(self.wrong(problem));
        }
        let inputs = inputs / s.groups;
        let weight = self.take(&format!("{}.weight", s.conv), &[outputs, inputs, kh, kw])?;
        let mut norm = |part: &str| self.take(&format!("{}.{part}", s.norm), &[outputs]);
        let (gamma, beta, mean, variance) = (
            norm("weight")?,
            norm("bias")?,
            norm("running_mean")?,
            norm("running_var")?,
        );
        let scale: Vec<f64> = gamma
            .iter()
            .zip(&variance)
            .map(|(&g, &v)| g as f64 / (v as f64 + self.epsilon).sqrt())
            .collect();
        let bias: Vec<f32> = (0..outputs)
            .map(|o| (beta[o] as f64 - mean[o] as f64 * scale[o]) as f32)
            .collect();
        // [out, in, kh, kw] -> [lead + kh, lead + kw, in, out]
        let [height, width] = [kh, kw].map(|k| k + s.lead);
        let mut turned = vec![0.0f32; height * width * inputs * outputs];
        for (o, w) in weight.chunks_exact(inputs * kh * kw).enumerate() {
            for (i, w) in w.chunks_exact(kh * kw).enumerate() {
                w.iter().enumerate().for_each(|(k, &w)| {
                    let at = (k / kw + s.lead) * width + k % kw + s.lead;
                    turned[(at * inputs + i) * outputs + o] = (w as f64 * scale[o]) as f32
                });
            }
        }
        let mut geometry = Geometry::new(s.stride, 0);
        (geometry.padding, geometry.groups) = (s.padding, s.groups);
        let shape = [height, width, inputs, outputs];
        Ok(Layer {
            weight: Tensor::from_data(TensorData::new(turned, shape), self.device),
            bias: Tensor::from_data(TensorData::new(bias, [outputs]), self.device),
            geometry,
            activation: s.activation,
        })
    }

    /// A fully connected layer `[outputs, inputs]` -> `[inputs, outputs]`.
    fn linear(&mut self, name: &str, [inputs, outputs]: [usize; 2]) -> Result<Tensor<2>> {
        let weight = self.take(name, &[outputs, inputs])?;
        let weight = Tensor::<2>::from_data(TensorData::new(weight, [outputs, inputs]), self.device);
        Ok(weight.transpose())
    }
}

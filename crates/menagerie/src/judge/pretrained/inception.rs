//! The Inception network of the FID reference: that of 2015-12-05, as pytorch-fid has it.
//!
//! Szegedy et al. (2015), Rethinking the Inception Architecture for Computer Vision, arXiv:1512.00567; Heusel et al. 2017,
//! arXiv:1706.08500. It differs from torchvision's: batch norm has an epsilon of 1e-3, average pooling does not count the
//! padding, and the last block pools by the maximum.
use super::{Layer, Pretrained, Reader, Spec};
use crate::error::Result;
use crate::nn::Tensors;
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_kernels::{Activation, avg_pool2d, max_pool2d};

/// Side of the images that the network was trained on.
const SIDE: usize = 299;
/// Features of an image.
const WIDTH: usize = 2048;
/// Outputs of the last layer.
const CLASSES: usize = 1008;

/// Layers by this network's names: `NAME.conv` and `NAME.bn`.
impl Reader<'_> {
    /// `[inputs, outputs]` channels, kernel `[height, width]`.
    fn named(
        &mut self,
        name: &str,
        channels: [usize; 2],
        kernel: [usize; 2],
        stride: usize,
        padding: [usize; 2],
    ) -> Result<Layer> {
        self.layer(&Spec {
            conv: &format!("{name}.conv"),
            norm: &format!("{name}.bn"),
            channels,
            kernel,
            stride,
            padding,
            groups: 1,
            lead: 0,
            activation: Activation::Relu,
        })
    }

    fn point(&mut self, name: &str, channels: [usize; 2]) -> Result<Layer> {
        self.named(name, channels, [1, 1], 1, [0, 0])
    }

    /// Layers one after the other: (name, outputs, kernel); padded so that the size stays.
    fn chain(
        &mut self,
        block: &str,
        mut inputs: usize,
        parts: &[(&str, usize, [usize; 2])],
    ) -> Result<Vec<Layer>> {
        let one = |&(name, outputs, kernel): &(&str, usize, [usize; 2])| {
            let padding = [kernel[0] / 2, kernel[1] / 2];
            let layer = self.named(&format!("{block}.{name}"), [inputs, outputs], kernel, 1, padding);
            inputs = outputs;
            layer
        };
        parts.iter().map(one).collect()
    }

    fn strided(&mut self, name: &str, channels: [usize; 2]) -> Result<Layer> {
        self.named(name, channels, [3, 3], 2, [0, 0])
    }
}

fn run(layers: &[Layer], x: Tensor<4>) -> Tensor<4> {
    layers.iter().fold(x, |x, l| l.forward(x))
}

/// How the pooling branch of a block pools.
#[derive(Clone, Copy)]
enum Pool {
    /// the mean of what lies inside the image
    Average,
    /// the maximum
    Max,
    /// the maximum with stride 2, without a layer after it
    Halve,
}

/// A block: branches side by side, a pooling branch last. A branch is a chain, and may end in a fork of two layers.
struct Block {
    branches: Vec<(Vec<Layer>, Vec<Layer>)>,
    pool: Pool,
    after: Option<Layer>,
}

impl Block {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let mut parts = Vec::new();
        for (chain, fork) in &self.branches {
            let y = run(chain, x.clone());
            match fork.is_empty() {
                true => parts.push(y),
                false => parts.extend(fork.iter().map(|l| l.forward(y.clone()))),
            }
        }
        let pooled = match self.pool {
            Pool::Average => mean_inside(x),
            Pool::Max => max_pool2d(x, [3, 3], [1, 1], [1, 1]),
            Pool::Halve => max_pool2d(x, [3, 3], [2, 2], [0, 0]),
        };
        parts.push(match &self.after {
            Some(layer) => layer.forward(pooled),
            None => pooled,
        });
        Tensor::cat(parts, 3)
    }
}

/// 3x3 means in which the padding does not count.
fn mean_inside(x: Tensor<4>) -> Tensor<4> {
    let [_, h, w, _] = x.dims();
    let inside = |i: usize, n: usize| (i + 2).min(n) - i.saturating_sub(1);
    let factors: Vec<f32> = (0..h * w)
        .map(|p| 9.0 / (inside(p / w, h) * inside(p % w, w)) as f32)
        .collect();
    let factors = Tensor::<4>::from_data(TensorData::new(factors, [1, h, w, 1]), &x.device());
    avg_pool2d(x, [3, 3], [1, 1], [1, 1]) * factors
}

/// The whole network.
pub struct Inception {
    /// up to the first pooling, and up to the second
    stem: [Vec<Layer>; 2],
    blocks: Vec<Block>,
    /// `[2048, 1008]`, without its bias, as the Inception score uses it
    logits: Tensor<2>,
}

impl Inception {
    /// From a state dictionary with PyTorch's names and axes.
    ///
    /// # Errors
    /// [`Error::Data`](crate::error::Error::Data) when an array is missing or of another shape.
    pub fn from_state(mut state: Tensors, device: &Device) -> Result<Inception> {
        let r = &mut Reader {
            from: &mut state,
            device,
            epsilon: 1e-3,
            what: "the Inception weights",
            fix: "give pt_inception-2015-12-05-6726825d.pth",
        };
        let stem = [
            vec![
                r.strided("Conv2d_1a_3x3", [3, 32])?,
                r.named("Conv2d_2a_3x3", [32, 32], [3, 3], 1, [0, 0])?,
                r.named("Conv2d_2b_3x3", [32, 64], [3, 3], 1, [1, 1])?,
            ],
            vec![
                r.point("Conv2d_3b_1x1", [64, 80])?,
                r.named("Conv2d_4a_3x3", [80, 192], [3, 3], 1, [0, 0])?,
            ],
        ];
        let mut blocks = Vec::new();
        for (name, inputs, pooled) in [
            ("Mixed_5b", 192, 32),
            ("Mixed_5c", 256, 64),
            ("Mixed_5d", 288, 64),
        ] {
            blocks.push(block_a(r, name, inputs, pooled)?);
        }
        blocks.push(block_b(r)?);
        for (name, middle) in [
            ("Mixed_6b", 128),
            ("Mixed_6c", 160),
            ("Mixed_6d", 160),
            ("Mixed_6e", 192),
        ] {
            blocks.push(block_c(r, name, middle)?);
        }
        blocks.push(block_d(r)?);
        blocks.push(block_e(r, "Mixed_7b", 1280, Pool::Average)?);
        blocks.push(block_e(r, "Mixed_7c", 2048, Pool::Max)?);
        let logits = r.linear("fc.weight", [WIDTH, CLASSES])?;
        Ok(Inception { stem, blocks, logits })
    }
}

impl Pretrained for Inception {
    fn width(&self) -> usize {
        WIDTH
    }

    fn classes(&self) -> usize {
        CLASSES
    }

    fn side(&self) -> usize {
        SIDE
    }

    fn features(&self, images: Tensor<4>) -> Tensor<2> {
        let halve = |x| max_pool2d(x, [3, 3], [2, 2], [0, 0]);
        let x = halve(run(&self.stem[0], images));
        let x = halve(run(&self.stem[1], x));
        let x = self.blocks.iter().fold(x, |x, b| b.forward(x));
        let [_, h, w, _] = x.dims();
        avg_pool2d(x, [h, w], [1, 1], [0, 0]).flatten(1, 3)
    }

    fn logits(&self, features: Tensor<2>) -> Tensor<2> {
        features.matmul(self.logits.clone())
    }
}

fn block_a(r: &mut Reader, name: &str, inputs: usize, pooled: usize) -> Result<Block> {
    let branches = vec![
        (r.chain(name, inputs, &[("branch1x1", 64, [1, 1])])?, vec![]),
        (
            r.chain(
                name,
                inputs,
                &[("branch5x5_1", 48, [1, 1]), ("branch5x5_2", 64, [5, 5])],
            )?,
            vec![],
        ),
        (
            r.chain(
                name,
                inputs,
                &[
                    ("branch3x3dbl_1", 64, [1, 1]),
                    ("branch3x3dbl_2", 96, [3, 3]),
                    ("branch3x3dbl_3", 96, [3, 3]),
                ],
            )?,
            vec![],
        ),
    ];
    Ok(Block {
        branches,
        pool: Pool::Average,
        after: Some(r.point(&format!("{name}.branch_pool"), [inputs, pooled])?),
    })
}

fn block_b(r: &mut Reader) -> Result<Block> {
    let name = "Mixed_6a";
    let mut double = r.chain(
        name,
        288,
        &[("branch3x3dbl_1", 64, [1, 1]), ("branch3x3dbl_2", 96, [3, 3])],
    )?;
    double.push(r.strided("Mixed_6a.branch3x3dbl_3", [96, 96])?);
    Ok(Block {
        branches: vec![
            (vec![r.strided("Mixed_6a.branch3x3", [288, 384])?], vec![]),
            (double, vec![]),
        ],
        pool: Pool::Halve,
        after: None,
    })
}

fn block_c(r: &mut Reader, name: &str, middle: usize) -> Result<Block> {
    let (flat, tall) = ([1, 7], [7, 1]);
    let single = [
        ("branch7x7_1", middle, [1, 1]),
        ("branch7x7_2", middle, flat),
        ("branch7x7_3", 192, tall),
    ];
    let double = [
        ("branch7x7dbl_1", middle, [1, 1]),
        ("branch7x7dbl_2", middle, tall),
        ("branch7x7dbl_3", middle, flat),
        ("branch7x7dbl_4", middle, tall),
        ("branch7x7dbl_5", 192, flat),
    ];
    let branches = vec![
        (r.chain(name, 768, &[("branch1x1", 192, [1, 1])])?, vec![]),
        (r.chain(name, 768, &single)?, vec![]),
        (r.chain(name, 768, &double)?, vec![]),
    ];
    Ok(Block {
        branches,
        pool: Pool::Average,
        after: Some(r.point(&format!("{name}.branch_pool"), [768, 192])?),
    })
}

fn block_d(r: &mut Reader) -> Result<Block> {
    let name = "Mixed_7a";
    let mut single = r.chain(name, 768, &[("branch3x3_1", 192, [1, 1])])?;
    single.push(r.strided("Mixed_7a.branch3x3_2", [192, 320])?);
    let seven = [
        ("branch7x7x3_1", 192, [1, 1]),
        ("branch7x7x3_2", 192, [1, 7]),
        ("branch7x7x3_3", 192, [7, 1]),
    ];
    let mut seven = r.chain(name, 768, &seven)?;
    seven.push(r.strided("Mixed_7a.branch7x7x3_4", [192, 192])?);
    Ok(Block {
        branches: vec![(single, vec![]), (seven, vec![])],
        pool: Pool::Halve,
        after: None,
    })
}

fn block_e(r: &mut Reader, name: &str, inputs: usize, pool: Pool) -> Result<Block> {
    let mut fork = |stem: &str| -> Result<Vec<Layer>> {
        let ends = [("a", [1, 3], [0, 1]), ("b", [3, 1], [1, 0])];
        ends.into_iter()
            .map(|(end, kernel, padding)| {
                r.named(&format!("{name}.{stem}{end}"), [384, 384], kernel, 1, padding)
            })
            .collect()
    };
    let (single, double) = (fork("branch3x3_2")?, fork("branch3x3dbl_3")?);
    let branches = vec![
        (r.chain(name, inputs, &[("branch1x1", 320, [1, 1])])?, vec![]),
        (r.chain(name, inputs, &[("branch3x3_1", 384, [1, 1])])?, single),
        (
            r.chain(
                name,
                inputs,
                &[("branch3x3dbl_1", 448, [1, 1]), ("branch3x3dbl_2", 384, [3, 3])],
            )?,
            double,
        ),
    ];
    Ok(Block {
        branches,
        pool,
        after: Some(r.point(&format!("{name}.branch_pool"), [inputs, 192])?),
    })
}

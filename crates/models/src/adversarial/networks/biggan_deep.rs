//! BigGAN-deep's networks (Brock et al. 2019, arXiv:1809.11096, appendix B, figure 16): twice two bottlenecks where BigGAN has two convolutions,
//! so four times as deep, with fewer weights. All of the latent, beside the embedding of the class, is told to every norm; channels are dropped
//! on the way up, and joined on the way down, so that what goes around a block is never multiplied away.
use super::biggan::{Sizes, channels};
use super::resnet::{conv1, conv3, pool, summed};
use super::{Told, attention};
use burn::module::Module;
use burn::tensor::Tensor;
use menagerie_kernels::resize_nearest;
use menagerie_nn::pyramid::sizes;
use menagerie_nn::{Activation, BatchNorm, Conv2d, Dual, Init, Linear, Modulation, SelfAttention, Weights};

/// How much narrower a block is inside.
const BOTTLENECK: usize = 4;

fn inside(width: usize) -> usize {
    (width / BOTTLENECK).max(1)
}

/// Four times norm, ReLU, convolution, of which the outer two are of one pixel; beside it the first channels of the input. Both are
/// enlarged where the block enlarges.
#[derive(Module, Debug)]
struct Up {
    norms: Vec<BatchNorm>,
    modulations: Vec<Modulation>,
    convs: Vec<Conv2d>,
}

impl Up {
    fn new([inputs, outputs]: [usize; 2], told: usize, init: &Init) -> Self {
        let inside = inside(inputs);
        let at = |i: usize| if i == 0 { inputs } else { inside };
        let conv = |i: usize| {
            let init = init.at("conv").nth(i);
            match i {
                0 => conv1([inputs, inside], true, &init),
                3 => conv1([inside, outputs], true, &init),
                _ => conv3([inside, inside], true, &init),
            }
        };
        Up {
            norms: (0..4)
                .map(|i| BatchNorm::of(at(i)).init(&init.at("norm").nth(i)))
                .collect(),
            modulations: (0..4)
                .map(|i| Modulation::new(told, at(i), &init.at("modulation").nth(i)))
                .collect(),
            convs: (0..4).map(conv).collect(),
        }
    }

    fn forward(&self, x: Tensor<4>, size: [usize; 2], told: &Tensor<2>) -> Tensor<4> {
        let [batch, h, w, inputs] = x.dims();
        let outputs = self.convs[3].weight.dims()[3].min(inputs);
        let enlarged = |t: Tensor<4>| {
            if [h, w] == size {
                t
            } else {
                resize_nearest(t, size)
            }
        };
        let around = enlarged(x.clone().slice([0..batch, 0..h, 0..w, 0..outputs]));
        let through = (0..4).fold(x, |x, i| {
            let x = self.norms[i].forward(x, Activation::Identity);
            let x = self.modulations[i].forward(x, told.clone(), Activation::Relu);
            // Before the first convolution that looks around.
            let x = if i == 1 { enlarged(x) } else { x };
            self.convs[i].forward(x, Activation::Identity)
        });
        around + through
    }
}

/// Latent and class -> smallest grid -> two blocks at each size, the second of which doubles it -> image.
#[derive(Module, Debug)]
pub struct Generator {
    embedding: Option<Linear>,
    project: Linear,
    blocks: Vec<Up>,
    norm: BatchNorm,
    out: Conv2d,
    attention: Option<SelfAttention>,
    #[module(skip)]
    sizes: Vec<[usize; 2]>,
    #[module(skip)]
    attends: Option<usize>,
}

impl Generator {
    pub(super) fn new(s: &Sizes, [h, w, colours]: [usize; 3], told: Told, init: &Init) -> Self {
        let sizes = sizes([h, w]);
        let halvings = sizes.len() - 1;
        let ([h, w], classes) = (sizes[halvings], told.joined + told.norms);
        let told = s.latent + if classes > 0 { s.embedding } else { 0 };
        let at = |i: usize| channels(s.width, i);
        let attends = attention::place(&sizes, s.attention);
        let block = |i: usize| {
            let grid = halvings - i / 2;
            let ends = [at(grid), at(grid - i % 2)];
            Up::new(ends, told, &init.at("block").nth(i))
        };
        Generator {
            embedding: (classes > 0).then(|| {
                let of = Linear::of([classes, s.embedding]).weights(Weights::Normal(1.0));
                of.no_bias().init(&init.at("embedding"))
            }),
            project: Linear::of([told, h * w * at(halvings)])
                .weights(Weights::Glorot(1.0))
                .spectral_if(true)
                .init(&init.at("project")),
            blocks: (0..2 * halvings).map(block).collect(),
            norm: BatchNorm::of(at(0)).init(&init.at("norm")),
            out: Conv2d::of([at(0), colours])
                .padding(1)
                .weights(Weights::Glorot(1.0))
                .bias()
                .spectral_if(true)
                .init(&init.at("out")),
            attention: attention::at(attends, at, true, init),
            sizes,
            attends,
        }
    }

    /// See [`super::GeneratorNetwork::forward`].
    pub fn forward(&self, z: Tensor<2>, told: Option<&Tensor<2>>) -> Tensor<4> {
        let class = self.embedding.as_ref().zip(told);
        let told = match class {
            Some((e, t)) => Tensor::cat(vec![z, e.forward(t.clone(), Activation::Identity)], 1),
            None => z,
        };
        let n = self.sizes.len() - 1;
        let ([h, w], batch) = (self.sizes[n], told.dims()[0]);
        let x = self.project.forward(told.clone(), Activation::Identity);
        let width = x.dims()[1] / (h * w);
        let x = x.reshape([batch, h, w, width]);
        let x = self.blocks.iter().enumerate().fold(x, |x, (i, block)| {
            let grid = n - i / 2;
            let x = match &self.attention {
                Some(a) if i % 2 == 0 && self.attends == Some(grid) => a.forward(x),
                _ => x,
            };
            block.forward(x, self.sizes[grid - i % 2], &told)
        });
        self.out
            .forward(self.norm.forward(x, Activation::Relu), Activation::Tanh)
    }
}

/// Four times ReLU, convolution, pooled before the last of them where the block halves; beside it the input, pooled, with what a
/// convolution of one pixel makes of it as further channels.
#[derive(Module, Debug)]
struct Down {
    convs: Vec<Conv2d>,
    joined: Option<Conv2d>,
    pooled: bool,
}

impl Down {
    fn new([inputs, outputs]: [usize; 2], pooled: bool, init: &Init) -> Self {
        let inside = inside(outputs);
        let conv = |i: usize| {
            let init = init.at("conv").nth(i);
            match i {
                0 => conv1([inputs, inside], true, &init),
                3 => conv1([inside, outputs], true, &init),
                _ => conv3([inside, inside], true, &init),
            }
        };
        Down {
            convs: (0..4).map(conv).collect(),
            joined: (outputs > inputs).then(|| conv1([inputs, outputs - inputs], true, &init.at("joined"))),
            pooled,
        }
    }

    fn dual(&self, x: Dual<4>) -> Dual<4> {
        let through = (0..4).fold(x.clone(), |h, i| {
            let h = h.activation(Activation::Relu);
            let h = if i == 3 && self.pooled { pool(h) } else { h };
            self.convs[i].dual(h, Activation::Identity)
        });
        let around = if self.pooled { pool(x) } else { x };
        let around = match &self.joined {
            Some(conv) => {
                let more = conv.dual(around.clone(), Activation::Identity);
                around.cat(more, 3)
            }
            None => around,
        };
        around.plus(through)
    }
}

/// Image -> two blocks at each size, the first of which halves it -> features summed over the last grid.
#[derive(Module, Debug)]
pub struct Trunk {
    first: Conv2d,
    blocks: Vec<Down>,
    attention: Option<SelfAttention>,
    #[module(skip)]
    attends: Option<usize>,
    width: usize,
}

impl Trunk {
    pub(super) fn new(s: &Sizes, [h, w, colours]: [usize; 3], init: &Init) -> Self {
        let grids = sizes([h, w]);
        let halvings = grids.len() - 1;
        let at = |i: usize| channels(s.width, i);
        let attends = attention::place(&grids, s.attention);
        let block = |i: usize| {
            let (grid, halves) = (i / 2, i.is_multiple_of(2));
            let inputs = if halves { at(grid) } else { at(grid + 1) };
            Down::new([inputs, at(grid + 1)], halves, &init.at("block").nth(i))
        };
        Trunk {
            first: conv3([colours, at(0)], true, &init.at("first")),
            blocks: (0..2 * halvings).map(block).collect(),
            attention: attention::at(attends, at, true, init),
            attends,
            width: at(halvings),
        }
    }

    /// See [`super::TrunkNetwork::layers`].
    pub fn layers(&self, x: Dual<4>) -> (Vec<Dual<4>>, Dual<2>) {
        let mut seen = Vec::new();
        let x = self.first.dual(x, Activation::Identity);
        let x = self.blocks.iter().enumerate().fold(x, |x, (i, block)| {
            let x = block.dual(x);
            let x = match &self.attention {
                Some(a) if i % 2 == 1 && self.attends == Some(i / 2 + 1) => a.dual(x),
                _ => x,
            };
            seen.push(x.clone());
            x
        });
        (seen, summed(x))
    }

    /// See [`super::TrunkNetwork::features`].
    pub fn features(&self) -> usize {
        self.width
    }

    pub(super) fn smooth(&self) -> bool {
        self.attention.is_some()
    }

    pub(super) fn head(&self, outputs: usize, init: &Init) -> Linear {
        let of = Linear::of([self.width, outputs]).weights(Weights::Glorot(1.0));
        of.spectral_if(true).init(&init.at("score"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::module::Param;
    use burn::tensor::Device;
    use menagerie_data::Key;
    use menagerie_kernels::noise;
    use menagerie_nn::numbers;

    fn sizes_of(width: usize) -> Sizes {
        Sizes {
            latent: 6,
            width,
            embedding: 3,
            attention: 8,
            deep: true,
            ..Sizes::default()
        }
    }

    fn init(seed: u64) -> Init {
        Init::new(Key::new(seed), &Device::flex())
    }

    #[test]
    fn any_size_with_and_without_classes() {
        for ((h, w, c), classes) in [
            ((8, 8, 1), 0),
            ((28, 28, 1), 4),
            ((21, 34, 3), 2),
            ((64, 32, 4), 0),
        ] {
            let told = Told {
                joined: 0,
                norms: classes,
            };
            let g = Generator::new(&sizes_of(2), [h, w, c], told, &init(1));
            let d = Trunk::new(&sizes_of(2), [h, w, c], &init(2));
            let z = noise::normal(Key::new(3).words(), [2, 6], &Device::flex());
            let told = (classes > 0).then(|| Tensor::ones([2, classes], &Device::flex()));
            let x = g.forward(z, told.as_ref());
            assert_eq!(x.dims(), [2, h, w, c]);
            assert_eq!(d.layers(x.into()).1.value.dims(), [2, d.features()]);
        }
    }

    /// With blocks that give nothing, a generator's block hands on its first channels, a discriminator's all of its input in front.
    #[test]
    fn what_goes_around_a_block_is_kept() {
        let nothing = |channels| {
            Conv2d::of(channels)
                .kernel(1)
                .weights(Weights::Zero)
                .init(&init(7))
        };
        let x: Tensor<4> = noise::normal(Key::new(4).words(), [1, 4, 4, 8], &Device::flex());
        let told = Tensor::zeros([1, 6], &Device::flex());
        let mut up = Up::new([8, 4], 6, &init(5));
        up.convs[3] = nothing([2, 4]);
        let y = up.forward(x.clone(), [8, 8], &told);
        let first = resize_nearest(x.clone().narrow(3, 0, 4), [8, 8]);
        assert_eq!(numbers(y), numbers(first));
        let mut down = Down::new([8, 12], true, &init(6));
        down.convs[3] = nothing([3, 12]);
        let y = down.dual(x.clone().into()).value;
        assert_eq!(y.dims(), [1, 2, 2, 12]);
        assert_eq!(numbers(y.narrow(3, 0, 8)), numbers(pool(x.into()).value));
    }

    /// Every number of the latent is told to every block: with the projection taken out, each still moves the image.
    #[test]
    fn all_of_the_latent_reaches_the_norms() {
        let mut g = Generator::new(&sizes_of(4), [16, 16, 1], Told::default(), &init(1));
        let shape = g.project.weight.dims();
        let bias = g.project.bias.as_ref().map(|b| b.val().dims());
        g.project.weight = Param::from_tensor(Tensor::zeros(shape, &Device::flex()));
        if let Some(shape) = bias {
            // A grid that is not one number all over, or norms would make nothing of it.
            let bias = noise::normal(Key::new(9).words(), shape, &Device::flex());
            g.project.bias = Some(Param::from_tensor(bias));
        }
        let z: Tensor<2> = noise::normal(Key::new(3).words(), [2, 6], &Device::flex());
        let at = |z: Tensor<2>| numbers(g.clone().valid().forward(z, None));
        let plain = at(z.clone());
        for i in 0..6 {
            let moved: Vec<f32> = (0..12).map(|n| if n % 6 == i { 3.0 } else { 0.0 }).collect();
            let moved = Tensor::from_data(burn::tensor::TensorData::new(moved, [2, 6]), &Device::flex());
            assert_ne!(at(z.clone() + moved), plain, "number {i}");
        }
    }
}

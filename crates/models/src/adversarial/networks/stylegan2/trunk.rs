//! The discriminator (Karras et al. 2020, section 4.1 and figure 7): residual, plain, or one that looks at the image at every size.
use super::{GAIN, LEAKY, Sizes};
use burn::module::Module;
use menagerie_kernels::blur2d;
use menagerie_nn::pyramid::sizes;
use menagerie_nn::{Activation, Conv2d, Dual, Init, Linear, minibatch_deviation};

/// Convolution, convolution to half the size; beside them the input, halved.
#[derive(Module, Debug)]
struct Down {
    same: Conv2d,
    down: Conv2d,
    shortcut: Option<Conv2d>,
}

impl Down {
    fn new([inputs, outputs]: [usize; 2], residual: bool, init: &Init) -> Self {
        // The sum of the two ways is multiplied by 1 / sqrt 2, which both ways do by themselves.
        Down {
            same: Conv2d::of([inputs, inputs])
                .padding(1)
                .bias()
                .equalized(GAIN)
                .init(&init.at("same")),
            down: Conv2d::of([inputs, outputs])
                .stride(2)
                .bias()
                .equalized(if residual { 1.0 } else { GAIN })
                .init(&init.at("down")),
            shortcut: residual.then(|| {
                let of = Conv2d::of([inputs, outputs]).kernel(1).equalized(1.0 / GAIN);
                of.init(&init.at("shortcut"))
            }),
        }
    }

    fn dual(&self, x: Dual<4>) -> Dual<4> {
        let y = self.same.dual(x.clone(), LEAKY).linear(|t| blur2d(t, 1, 2));
        let y = self.down.dual(y, LEAKY);
        match &self.shortcut {
            Some(shortcut) => y.plus(shortcut.dual(x.linear(|t| blur2d(t, 2, 1)), Activation::Identity)),
            None => y,
        }
    }
}

/// Image -> blocks -> how much the items of a group differ -> features.
#[derive(Module, Debug)]
pub struct Trunk {
    colours: Conv2d,
    /// how the image is looked at again behind each block, where it is
    looks: Vec<Conv2d>,
    blocks: Vec<Down>,
    last: Conv2d,
    features: Linear,
}

impl Trunk {
    pub(in super::super) fn new(s: &Sizes, [h, w, colours]: [usize; 3], init: &Init) -> Self {
        let sizes = sizes([h, w]);
        let halvings = sizes.len() - 1;
        let at = |i: usize| s.channels(i);
        let ([h, w], top) = (sizes[halvings], at(halvings));
        let look = |i: usize, init: &Init| {
            let of = Conv2d::of([colours, at(i)]).kernel(1).bias();
            of.equalized(GAIN).init(init)
        };
        let again = if s.every_size { 1..halvings + 1 } else { 0..0 };
        Trunk {
            colours: look(0, &init.at("colours")),
            looks: again.map(|i| look(i, &init.at("look").nth(i))).collect(),
            blocks: (0..halvings)
                .map(|i| Down::new([at(i), at(i + 1)], s.residual, &init.at("block").nth(i)))
                .collect(),
            last: Conv2d::of([top + 1, top])
                .padding(1)
                .bias()
                .equalized(GAIN)
                .init(&init.at("last")),
            features: Linear::of([h * w * top, top])
                .equalized(GAIN, 1.0)
                .init(&init.at("features")),
        }
    }

    /// See [`super::super::TrunkNetwork::layers`].
    pub fn layers(&self, x: Dual<4>) -> (Vec<Dual<4>>, Dual<2>) {
        let mut seen = Vec::new();
        let mut image = x.clone();
        let mut x = self.colours.dual(x, LEAKY);
        for (i, block) in self.blocks.iter().enumerate() {
            x = block.dual(x);
            if let Some(look) = self.looks.get(i) {
                image = image.linear(|t| blur2d(t, 2, 1));
                x = x.plus(look.dual(image.clone(), LEAKY));
            }
            seen.push(x.clone());
        }
        // What follows depends on the other items of the batch, and is no feature of one.
        let x = self.last.dual(minibatch_deviation(x), LEAKY);
        let flat = x.linear(|t| t.flatten::<2>(1, 3));
        (seen, self.features.dual(flat, LEAKY))
    }

    /// See [`super::super::TrunkNetwork::features`].
    pub fn features(&self) -> usize {
        self.features.weight.dims()[1]
    }

    pub(in super::super) fn head(&self, outputs: usize, init: &Init) -> Linear {
        let of = Linear::of([self.features(), outputs]).equalized(1.0, 1.0);
        of.init(&init.at("score"))
    }
}

//! Flows made of flows.
use super::{Flow, Layer, zeros_like_items};
use burn::module::Module;
use burn::tensor::Tensor;

/// One layer after the other; log-determinants add up.
#[derive(Module, Debug)]
pub struct Chain {
    layers: Vec<Layer>,
}

impl Chain {
    /// Layers in the order that data pass them.
    pub fn new(layers: Vec<Layer>) -> Self {
        Chain { layers }
    }
}

impl Flow for Chain {
    fn forward(&self, x: Tensor<4>) -> (Tensor<4>, Tensor<1>) {
        let none = zeros_like_items(&x);
        self.layers.iter().fold((x, none), |(x, sum), layer| {
            let (y, log_det) = layer.forward(x);
            (y, sum + log_det)
        })
    }

    fn inverse(&self, y: Tensor<4>) -> (Tensor<4>, Tensor<1>) {
        let none = zeros_like_items(&y);
        self.layers.iter().rev().fold((y, none), |(y, sum), layer| {
            let (x, log_det) = layer.inverse(y);
            (x, sum + log_det)
        })
    }

    fn start(&mut self, x: Tensor<4>) -> Tensor<4> {
        self.layers.iter_mut().fold(x, |x, layer| layer.start(x))
    }
}

/// The flow the other way round.
#[derive(Module, Debug)]
pub struct Inverse<F: Module> {
    flow: F,
}

impl<F: Flow + Module> Inverse<F> {
    /// Of that flow.
    pub fn new(flow: F) -> Self {
        Inverse { flow }
    }
}

impl<F: Flow + Module> Flow for Inverse<F> {
    fn forward(&self, x: Tensor<4>) -> (Tensor<4>, Tensor<1>) {
        self.flow.inverse(x)
    }
    fn inverse(&self, y: Tensor<4>) -> (Tensor<4>, Tensor<1>) {
        self.flow.forward(y)
    }
}

/// Levels one after the other; after each but the last the second half of the channels leaves as latents (Dinh et al.
/// 2017, section 3.6), so that coarse structure is worked on longest. The result is `[batch, 1, 1, numbers of an item]`:
/// what left first comes first.
#[derive(Module, Debug)]
pub struct Multiscale {
    levels: Vec<Chain>,
    /// `[height, width, channel]` at the end of each level, before its half leaves
    #[module(skip)]
    shapes: Vec<[usize; 3]>,
}

impl Multiscale {
    /// Levels, each with the shape `[height, width, channel]` that it ends with.
    pub fn new(levels: Vec<(Chain, [usize; 3])>) -> Self {
        let (levels, shapes) = levels.into_iter().unzip();
        Multiscale { levels, shapes }
    }

    /// Numbers of an item.
    pub fn numbers(&self) -> usize {
        (0..self.shapes.len()).map(|i| self.leaving(i)).sum()
    }

    /// Channels that go on after level `i`.
    fn kept(&self, i: usize) -> usize {
        if i + 1 == self.shapes.len() {
            0
        } else {
            self.shapes[i][2].div_ceil(2)
        }
    }

    /// Numbers that leave after level `i`.
    fn leaving(&self, i: usize) -> usize {
        let [h, w, c] = self.shapes[i];
        h * w * (c - self.kept(i))
    }

    /// Takes the latents of level `i` off and gives what goes on.
    fn split(&self, i: usize, x: Tensor<4>, latents: &mut Vec<Tensor<4>>) -> Tensor<4> {
        let [b, _, _, c] = x.dims();
        let kept = self.kept(i);
        let leaves = if kept == 0 {
            x.clone()
        } else {
            x.clone().narrow(3, kept, c - kept)
        };
        latents.push(leaves.reshape([b, 1, 1, self.leaving(i)]));
        if kept == 0 { x } else { x.narrow(3, 0, kept) }
    }
}

impl Flow for Multiscale {
    fn forward(&self, mut x: Tensor<4>) -> (Tensor<4>, Tensor<1>) {
        let mut sum = zeros_like_items(&x);
        let mut latents = Vec::new();
        for (i, level) in self.levels.iter().enumerate() {
            let (y, log_det) = level.forward(x);
            sum = sum + log_det;
            x = self.split(i, y, &mut latents);
        }
        (Tensor::cat(latents, 3), sum)
    }

    fn inverse(&self, y: Tensor<4>) -> (Tensor<4>, Tensor<1>) {
        let batch = y.dims()[0];
        let mut sum = zeros_like_items(&y);
        let mut end = y.dims()[3];
        let mut x: Option<Tensor<4>> = None;
        for (i, level) in self.levels.iter().enumerate().rev() {
            let n = self.leaving(i);
            end -= n;
            let [h, w, c] = self.shapes[i];
            let own = y
                .clone()
                .narrow(3, end, n)
                .reshape([batch, h, w, c - self.kept(i)]);
            let whole = match x.take() {
                Some(kept) => Tensor::cat(vec![kept, own], 3),
                None => own,
            };
            let (before, log_det) = level.inverse(whole);
            sum = sum + log_det;
            x = Some(before);
        }
        (x.unwrap_or(y), sum)
    }

    fn start(&mut self, mut x: Tensor<4>) -> Tensor<4> {
        let mut latents = Vec::new();
        for i in 0..self.levels.len() {
            let y = self.levels[i].start(x);
            x = self.split(i, y, &mut latents);
        }
        Tensor::cat(latents, 3)
    }
}

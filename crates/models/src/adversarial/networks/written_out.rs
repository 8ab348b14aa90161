//! A fully connected discriminator whose gradient is written out as operations on the tape. Burn differentiates once; what is
//! written out can be differentiated, and so can updates by it.
use burn::tensor::Tensor;
use menagerie_kernels::{activation_slope, linear};
use menagerie_nn::{Activation, Ahead};
use std::collections::BTreeMap;

/// A layer: its name in the network, and how many numbers come in and go out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dense {
    /// `trunk.hidden.0`, ..., `score`
    pub name: String,
    /// `[inputs, outputs]`
    pub sizes: [usize; 2],
    /// whether something is added
    pub biased: bool,
}

/// Layers of which all but the last end in the activation.
#[derive(Clone, Debug)]
pub struct WrittenOut {
    layers: Vec<Dense>,
    activation: Activation,
}

impl WrittenOut {
    /// Of these layers, from the item to the score; of the activation, the slope must be told by the output.
    pub fn new(layers: Vec<Dense>, activation: Activation) -> Self {
        WrittenOut { layers, activation }
    }

    /// Items `[batch, height, width, channel]` by these weights -> what each layer is given, and the scores `[batch, outputs]`.
    pub fn forward(&self, weights: &Ahead, items: Tensor<4>) -> (Vec<Tensor<2>>, Tensor<2>) {
        let last = self.layers.len() - 1;
        let mut given = Vec::with_capacity(last + 1);
        let mut x = items.flatten::<2>(1, 3);
        for (i, layer) in self.layers.iter().enumerate() {
            let bias = layer
                .biased
                .then(|| weights.get(&format!("{}.bias", layer.name), [layer.sizes[1]]));
            let act = if i == last {
                Activation::Identity
            } else {
                self.activation
            };
            given.push(x.clone());
            x = linear(x, self.weight(weights, layer), bias, act);
        }
        (given, x)
    }

    /// The gradient of a loss by all weights, flat, from its gradient by the scores: back-propagation, each of whose products is
    /// itself on the tape. With h_i what layer i is given and d_i the gradient by what comes out of it before the activation,
    /// dW_i = h_i' d_i and d_(i-1) = (d_i W_i') * f'(h_i).
    pub fn gradient(
        &self,
        weights: &Ahead,
        given: &[Tensor<2>],
        by_scores: Tensor<2>,
    ) -> BTreeMap<String, Tensor<1>> {
        let mut found = BTreeMap::new();
        let mut by_output = by_scores;
        for (i, (layer, x)) in self.layers.iter().zip(given).enumerate().rev() {
            let [inputs, outputs] = layer.sizes;
            let by_weight = x.clone().transpose().matmul(by_output.clone());
            found.insert(
                format!("{}.weight", layer.name),
                by_weight.reshape([inputs * outputs]),
            );
            if layer.biased {
                let by_bias = by_output.clone().sum_dim(0).reshape([outputs]);
                found.insert(format!("{}.bias", layer.name), by_bias);
            }
            if i > 0 {
                let by_input = by_output.matmul(self.weight(weights, layer).transpose());
                by_output = activation_slope(by_input, x.clone().detach(), self.activation);
            }
        }
        found
    }

    fn weight(&self, weights: &Ahead, layer: &Dense) -> Tensor<2> {
        weights.get(&format!("{}.weight", layer.name), layer.sizes)
    }
}

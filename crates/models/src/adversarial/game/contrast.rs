//! Losses by which a discriminator keeps embeddings of one class together and of others apart, data against data: heads of
//! conditional GANs that compare items with each other instead of with classes alone.
use burn::tensor::Tensor;
use burn::tensor::activation::relu;

/// Softens similarities, which lie in [-1, 1].
const TEMPERATURE: f64 = 0.5;
/// Similarity to their class that is enough; what is left of it for items of other classes (Kang et al. 2021, section 3.3).
const ENOUGH: f64 = 0.98;

/// Rows of length one.
pub fn unit(x: Tensor<2>) -> Tensor<2> {
    let length = ((x.clone() * x.clone()).sum_dim(1) + 1e-12).sqrt();
    x / length
}

/// Which pairs of a batch have one class, `[batch, batch]`, an item with itself left out.
fn pairs(y: &Tensor<2>) -> (Tensor<2>, Tensor<2>) {
    let n = y.dims()[0];
    let same = y.clone().matmul(y.clone().transpose());
    let itself = Tensor::<2>::eye(n, &y.device());
    (same.clone() - itself, -same + 1.0)
}

/// Conditional contrastive loss (Kang & Park 2020, arXiv:2006.12681, ContraGAN, equation 8): of embeddings e and the embeddings
/// c of their classes, both `[batch, dimensions]` with rows of length one, and classes y `[batch, classes]`:
/// the mean of -log (exp(e_i c_i / t) + sum of exp(e_i e_k / t) over k of the class of i) / (the same over all k but i).
pub fn conditional(e: Tensor<2>, c: Tensor<2>, y: &Tensor<2>) -> Tensor<1> {
    let (same, other) = pairs(y);
    let to_class = ((e.clone() * c).sum_dim(1) / TEMPERATURE).exp();
    let to_others = (e.clone().matmul(e.transpose()) / TEMPERATURE).exp();
    let near = to_class + (to_others.clone() * same).sum_dim(1);
    let far = (to_others * other).sum_dim(1);
    ((near.clone() + far).log() - near.log()).mean()
}

/// Data-to-data cross-entropy (Kang et al. 2021, arXiv:2111.01118, ReACGAN, equation 9): an item against its class, and against
/// the items of other classes; pairs that are told apart well enough cost nothing more.
pub fn data_to_data(e: Tensor<2>, c: Tensor<2>, y: &Tensor<2>) -> Tensor<1> {
    let (_, other) = pairs(y);
    // min(0, s - enough), max(0, s - what is left)
    let to_class = -relu(-((e.clone() * c).sum_dim(1)) + ENOUGH) / TEMPERATURE;
    let to_others = relu(e.clone().matmul(e.transpose()) - (1.0 - ENOUGH)) / TEMPERATURE;
    let far = (to_others.exp() * other).sum_dim(1);
    ((to_class.clone().exp() + far).log() - to_class).mean()
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};
    use menagerie_nn::{number, numbers};

    fn of<const N: usize>(values: [[f32; 2]; N]) -> Tensor<2> {
        Tensor::from_data(TensorData::new(values.concat(), [N, 2]), &Device::flex())
    }

    /// Three items of two classes, summed by hand in f64.
    #[test]
    fn as_the_equations_have_it() {
        let e = [[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]];
        let c = [[0.8, 0.6], [0.8, 0.6], [-0.6, 0.8]];
        let y = of([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]);
        let class = [0, 0, 1];
        let dot = |a: [f32; 2], b: [f32; 2]| (a[0] * b[0] + a[1] * b[1]) as f64;
        let (mut contrast, mut entropy) = (0.0, 0.0);
        for i in 0..3 {
            let others = (0..3).filter(|&k| k != i);
            let to = |k: usize| (dot(e[i], e[k]) / TEMPERATURE).exp();
            let own = (dot(e[i], c[i]) / TEMPERATURE).exp();
            let near: f64 = own
                + others
                    .clone()
                    .filter(|&k| class[k] == class[i])
                    .map(to)
                    .sum::<f64>();
            let all: f64 = own + others.clone().map(to).sum::<f64>();
            contrast -= (near / all).ln() / 3.0;
            let positive = ((dot(e[i], c[i]) - ENOUGH).min(0.0) / TEMPERATURE).exp();
            let far = others
                .filter(|&k| class[k] != class[i])
                .map(|k| ((dot(e[i], e[k]) - 1.0 + ENOUGH).max(0.0) / TEMPERATURE).exp());
            entropy -= (positive / (positive + far.sum::<f64>())).ln() / 3.0;
        }
        assert!((number(conditional(of(e), of(c), &y)) - contrast).abs() < 1e-5);
        assert!((number(data_to_data(of(e), of(c), &y)) - entropy).abs() < 1e-5);
    }

    #[test]
    fn rows_of_length_one() {
        let u = numbers(unit(of([[3.0, 4.0], [0.0, -2.0]])));
        assert!(
            u.iter()
                .zip([0.6, 0.8, 0.0, -1.0])
                .all(|(a, b)| (a - b).abs() < 1e-6),
            "{u:?}"
        );
    }
}

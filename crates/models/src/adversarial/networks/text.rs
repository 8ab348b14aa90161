//! An encoder of texts: words, convolutions over them, and the largest of what each finds anywhere in the text: the word-CNN of
//! Reed et al. (2016, arXiv:1605.05395, section 4.2) without its recurrent end, in the manner of Kim (2014, arXiv:1408.5882).
use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, TensorData};
use menagerie_data::words_of;
use menagerie_nn::{Activation, Init, Linear, Weights};

/// Words of a text that are read, at most.
const LONGEST: usize = 96;
/// In place of words: nothing, and a word that was never met.
const NOTHING: usize = 0;
const UNKNOWN: usize = 1;

/// See the module.
#[derive(Module, Debug)]
pub struct TextNetwork {
    /// `[words + 2, width]`, read by number
    embedding: Linear,
    first: Linear,
    second: Linear,
    last: Linear,
}

impl TextNetwork {
    /// Of so many words, `width` numbers a word, `outputs` numbers a text.
    pub fn new(words: usize, width: usize, outputs: usize, init: &Init) -> Self {
        let of = |from: usize, to: usize, name: &str| {
            let of = Linear::of([from, to]).weights(Weights::He(1.0));
            of.init(&init.at(name))
        };
        TextNetwork {
            embedding: Linear::of([words + 2, width])
                .weights(Weights::Normal(1.0))
                .no_bias()
                .init(&init.at("embedding")),
            first: of(3 * width, 2 * width, "first"),
            second: of(6 * width, 2 * width, "second"),
            last: of(4 * width, outputs, "last"),
        }
    }

    /// Words by number `[texts, places]` -> `[texts, outputs]`.
    pub fn forward(&self, words: Tensor<2, Int>) -> Tensor<2> {
        let [n, places] = words.dims();
        let there = words.clone().not_equal_elem(NOTHING as i64).float();
        let there = there.reshape([n, places, 1]);
        let table = self.embedding.weight.val();
        let width = table.dims()[1];
        let x = table.select(0, words.reshape([n * places]));
        let x = x.reshape([n, places, width]) * there.clone();
        let x = threes(&self.first, x) * there.clone();
        let once = x.clone().max_dim(1);
        let x = threes(&self.second, x) * there;
        // Nothing is below zero behind a ReLU, so that places without a word are never the largest.
        let found = Tensor::cat(vec![once, x.max_dim(1)], 2);
        self.last.forward(found.flatten::<2>(1, 2), Activation::Identity)
    }
}

/// A layer of each place and its two neighbours.
fn threes(layer: &Linear, x: Tensor<3>) -> Tensor<3> {
    let [n, places, width] = x.dims();
    let nothing = || Tensor::zeros([n, 1, width], &x.device());
    let padded = Tensor::cat(vec![nothing(), x.clone(), nothing()], 1);
    let of = |from: usize| padded.clone().narrow(1, from, places);
    let x = Tensor::cat(vec![of(0), of(1), of(2)], 2).reshape([n * places, 3 * width]);
    let y = layer.forward(x, Activation::Relu);
    let outputs = y.dims()[1];
    y.reshape([n, places, outputs])
}

/// Texts as numbers of their words, `[texts, places]`; `words` are in order.
pub fn numbered(texts: &[String], words: &[String], device: &Device) -> Tensor<2, Int> {
    let number = |w: String| words.binary_search(&w).map_or(UNKNOWN, |i| i + 2) as i32;
    let rows: Vec<Vec<i32>> = texts
        .iter()
        .map(|t| words_of(t).take(LONGEST).map(number).collect())
        .collect();
    let places = rows.iter().map(Vec::len).max().unwrap_or(0).max(1);
    let row = |r: Vec<i32>| {
        let rest = places - r.len();
        r.into_iter().chain(std::iter::repeat_n(NOTHING as i32, rest))
    };
    let values: Vec<i32> = rows.into_iter().flat_map(row).collect();
    Tensor::from_data(TensorData::new(values, [texts.len(), places]), device)
}

#[cfg(test)]
mod tests {
    use super::*;
    use menagerie_data::Key;
    use menagerie_nn::numbers;

    /// The order of words is heard, what stands behind a text is not; a word that was never met is like any other such.
    #[test]
    fn a_text_is_itself_beside_any_other() {
        let words: Vec<String> = ["a", "blue", "coat", "hat", "red"].map(String::from).to_vec();
        let network = TextNetwork::new(words.len(), 6, 4, &Init::new(Key::new(1), &Device::flex()));
        let read = |texts: &[&str]| {
            let texts: Vec<String> = texts.iter().map(|t| t.to_string()).collect();
            numbers(network.forward(numbered(&texts, &words, &Device::flex())))
        };
        let alone = read(&["a blue hat"]);
        let beside = read(&["A blue, hat!", "a red coat, a blue hat, a red coat", "a hat blue"]);
        for (a, b) in alone.iter().zip(&beside) {
            assert!((a - b).abs() < 1e-5);
        }
        assert_ne!(beside[..4], beside[8..]);
        assert_eq!(read(&["a green hat"]), read(&["a violet hat"]));
        assert_eq!(read(&[""]).len(), 4);
    }
}

//! A network of convolutions that makes a sentence one vector.
use super::super::letters::Plan;
use super::super::networks::text::TextNetwork;
use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, TensorData};
use menagerie_nn::Init;

/// Convolutions over words, and the largest of what each finds.
#[derive(Module, Debug)]
pub(crate) struct SentenceReader {
    network: TextNetwork,
}

impl SentenceReader {
    /// Of so many symbols, with so many numbers a word and a sentence.
    pub(crate) fn new([symbols, width, outputs]: [usize; 3], init: &Init) -> Self {
        SentenceReader {
            network: TextNetwork::new(symbols, width, outputs, init),
        }
    }

    /// Sentences one after the other -> `[sentences, outputs]`.
    pub(crate) fn forward(&self, plan: &Plan, sentences: &[u8], device: &Device) -> Tensor<2> {
        // Behind a sentence there is nothing, which has a number of its own; so have words that were never met, of which there are none.
        const WORDS: i32 = 2;
        let numbers = plan.chosen(sentences);
        let numbers = numbers.iter().zip(sentences);
        let numbers: Vec<i32> = numbers
            .map(|(c, w)| *c as i32 * (i32::from(*w) + WORDS))
            .collect();
        let shape = [sentences.len() / plan.length.max(1), plan.length];
        self.network.forward(Tensor::<2, Int>::from_data(
            TensorData::new(numbers, shape),
            device,
        ))
    }
}

use crate::{Activation, Init, Linear, activation, activations};
use burn::module::Module;
use burn::tensor::{Device, Tensor};

/// A long short-term memory, a step at a time (Hochreiter & Schmidhuber 1997; forget gates of Gers et al. 2000).
#[derive(Module, Debug)]
pub struct LstmCell {
    /// `[inputs + units, 4 units]`: input gate, forget gate, candidate, output gate
    pub gates: Linear,
    units: usize,
}

/// What an [`LstmCell`] carries from step to step.
#[derive(Clone, Debug)]
pub struct LstmState {
    /// h, `[batch, units]`
    pub hidden: Tensor<2>,
    /// c, `[batch, units]`
    pub memory: Tensor<2>,
}

impl LstmState {
    /// Nothing seen yet.
    pub fn zeros(batch: usize, units: usize, device: &Device) -> Self {
        LstmState {
            hidden: Tensor::zeros([batch, units], device),
            memory: Tensor::zeros([batch, units], device),
        }
    }
}

impl LstmCell {
    /// From `inputs` numbers a step to a memory of `units`; weights uniform in ±1/sqrt(inputs + units).
    pub fn new([inputs, units]: [usize; 2], init: &Init) -> Self {
        LstmCell {
            gates: Linear::of([inputs + units, 4 * units]).init(init),
            units,
        }
    }

    /// Numbers it carries.
    pub fn units(&self) -> usize {
        self.units
    }

    /// c' = f c + i g, h' = o tanh(c') with (i, f, g, o) = (s, s, tanh, s)([x, h] W + b) and s the sigmoid; one is added to
    /// the forget gate's argument, so that a fresh memory keeps what it has (Jozefowicz et al. 2015).
    pub fn forward(&self, x: Tensor<2>, state: LstmState) -> LstmState {
        let all = self
            .gates
            .forward(Tensor::cat(vec![x, state.hidden], 1), Activation::Identity);
        let part = |i: usize| all.clone().narrow(1, i * self.units, self.units);
        let sigmoid = |t: Tensor<2>| activation(t, Activation::Sigmoid);
        let kept = sigmoid(part(1) + 1.0) * state.memory;
        let memory = activations::keep(kept + sigmoid(part(0)) * activation(part(2), Activation::Tanh));
        let hidden = sigmoid(part(3)) * activation(memory.clone(), Activation::Tanh);
        LstmState { hidden, memory }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use menagerie_data::random::Key;

    /// Three steps against the equations, number by number in f64.
    #[test]
    fn steps_are_the_equations() {
        let device = Device::flex();
        let (inputs, units, batch) = (3, 2, 2);
        let cell = LstmCell::new([inputs, units], &Init::new(Key::new(5), &device));
        let floats = |t: Tensor<2>| {
            t.into_data()
                .as_slice::<f32>()
                .unwrap()
                .iter()
                .map(|&v| v as f64)
                .collect::<Vec<f64>>()
        };
        let (w, b) = (
            floats(cell.gates.weight.val()),
            floats(cell.gates.bias.as_ref().unwrap().val().reshape([1, 4 * units])),
        );
        let mut state = LstmState::zeros(batch, units, &device);
        let (mut h, mut c) = (vec![0.0; batch * units], vec![0.0; batch * units]);
        let sigmoid = |v: f64| 1.0 / (1.0 + (-v).exp());
        for t in 0..3 {
            let x: Vec<f64> = (0..batch * inputs).map(|i| ((i + 7 * t) as f64).sin()).collect();
            let values: Vec<f32> = x.iter().map(|&v| v as f32).collect();
            state = cell.forward(
                Tensor::<1>::from_floats(&values[..], &device).reshape([batch, inputs]),
                state,
            );
            let old = h.clone();
            for n in 0..batch {
                let gate = |k: usize| {
                    let x = (0..inputs)
                        .map(|i| x[n * inputs + i] * w[i * 4 * units + k])
                        .sum::<f64>();
                    x + (0..units)
                        .map(|i| old[n * units + i] * w[(inputs + i) * 4 * units + k])
                        .sum::<f64>()
                        + b[k]
                };
                for u in 0..units {
                    let kept = sigmoid(gate(units + u) + 1.0) * c[n * units + u];
                    c[n * units + u] = kept + sigmoid(gate(u)) * gate(2 * units + u).tanh();
                    h[n * units + u] = sigmoid(gate(3 * units + u)) * c[n * units + u].tanh();
                }
            }
        }
        let near = |a: Vec<f64>, b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5);
        assert!(near(floats(state.hidden), &h) && near(floats(state.memory), &c));
    }
}

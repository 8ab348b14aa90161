use crate::{Activation, Init, Linear, Weights, activation, activations};
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use menagerie_kernels::{Scan, conv_lstm};

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

/// A long short-term memory over whole sequences at once, by one operation; of the equations of [`LstmCell`].
#[derive(Module, Debug)]
pub struct Lstm {
    /// `[inputs, 4 units]`: output gate, forget gate, input gate, candidate
    pub input: Linear,
    /// `[1, units, 4 units]`
    pub state: Param<Tensor<3>>,
}

impl Lstm {
    /// From `inputs` numbers a step to a memory of `units`; weights uniform in ±1/sqrt(inputs + units).
    pub fn new([inputs, units]: [usize; 2], init: &Init) -> Self {
        let fan = [inputs + units, 4 * units];
        let mut input = Linear::of([inputs, 4 * units]).init(&init.at("input"));
        input.weight = Weights::Fan.draw([inputs, 4 * units], fan, &init.at("weight"));
        Lstm {
            input,
            state: Weights::Fan.draw([1, units, 4 * units], fan, &init.at("state")),
        }
    }

    /// Numbers it carries.
    pub fn units(&self) -> usize {
        self.state.dims()[1]
    }

    /// What the gates get from the inputs: `[rows, inputs]` -> `[rows, 4 units]`; one is added to the forget gate's.
    fn gates(&self, x: Tensor<2>) -> Tensor<2> {
        let (units, device) = (self.units(), x.device());
        let rest = Tensor::zeros([1, 2 * units], &device);
        let one = Tensor::ones([1, units], &device);
        let kept = Tensor::cat(vec![rest.clone().narrow(1, 0, units), one, rest], 1);
        self.input.forward(x, Activation::Identity) + kept
    }

    /// Sequences `[batch, time, inputs]` -> h of every step, `[batch, time, units]`; from the last step to the first where
    /// `backwards` says so.
    pub fn forward(&self, x: Tensor<3>, backwards: bool) -> Tensor<3> {
        let [batch, time, inputs] = x.dims();
        let turned = |x: Tensor<3>| if backwards { x.flip([1]) } else { x };
        let gates = self.gates(turned(x).reshape([batch * time, inputs]));
        let gates = activations::keep(gates).reshape([batch, time, 1, 4 * self.units()]);
        let hidden = activations::keep(conv_lstm(gates, self.state.val(), 0, Scan::Rows));
        turned(hidden.reshape([batch, time, self.units()]))
    }

    /// One step, `[batch, inputs]`.
    pub fn step(&self, x: Tensor<2>, state: LstmState) -> LstmState {
        let [_, units, gates] = self.state.dims();
        let all = self.gates(x) + state.hidden.matmul(self.state.val().reshape([units, gates]));
        let part = |i: usize| all.clone().narrow(1, i * units, units);
        let sigmoid = |t: Tensor<2>| activation(t, Activation::Sigmoid);
        let made = sigmoid(part(2)) * activation(part(3), Activation::Tanh);
        let memory = activations::keep(sigmoid(part(1)) * state.memory + made);
        let hidden = sigmoid(part(0)) * activation(memory.clone(), Activation::Tanh);
        LstmState { hidden, memory }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A whole sequence at once is its steps one after the other, either way, and each step is the equations of a cell.
    #[test]
    fn sequences_are_their_steps() {
        let device = Device::flex();
        let (batch, time, inputs, units) = (3, 4, 2, 5);
        let lstm = Lstm::new([inputs, units], &Init::new(Key::new(3), &device));
        let x: Vec<f32> = (0..batch * time * inputs).map(|i| (i as f32).sin()).collect();
        let x = Tensor::<1>::from_floats(&x[..], &device).reshape([batch, time, inputs]);
        // The same weights in the order of a cell's gates.
        let order = [2, 1, 3, 0];
        let moved = |w: Tensor<2>| {
            let part = |k: &usize| w.clone().narrow(1, k * units, units);
            Tensor::cat(order.iter().map(part).collect(), 1)
        };
        let mut cell = LstmCell::new([inputs, units], &Init::new(Key::new(4), &device));
        let state = lstm.state.val().reshape([units, 4 * units]);
        let both = vec![moved(lstm.input.weight.val()), moved(state)];
        cell.gates.weight = Param::from_tensor(Tensor::cat(both, 0));
        let bias = lstm.input.bias.as_ref().unwrap().val().reshape([1, 4 * units]);
        cell.gates.bias = Some(Param::from_tensor(moved(bias).reshape([4 * units])));
        for backwards in [false, true] {
            let all = lstm.forward(x.clone(), backwards);
            let [mut a, mut b] = [0; 2].map(|_| LstmState::zeros(batch, units, &device));
            for t in 0..time {
                let t = if backwards { time - 1 - t } else { t };
                let now = x.clone().narrow(1, t, 1).reshape([batch, inputs]);
                (a, b) = (lstm.step(now.clone(), a), cell.forward(now, b));
                let off = all.clone().narrow(1, t, 1).reshape([batch, units]) - a.hidden.clone();
                let apart = a.hidden.clone() - b.hidden.clone();
                assert!(crate::number(off.abs().max()) < 1e-5, "step {t}");
                assert!(crate::number(apart.abs().max()) < 1e-5, "step {t}");
            }
        }
    }
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

//! What other programs can have of a world model.
use super::WorldModel;
use super::network::probability;
use crate::{Function, Holds, Port};
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_nn::LstmState;

impl WorldModel {
    /// All of it.
    pub(super) fn exported(&self) -> Vec<Function<'_>> {
        vec![self.encoding(), self.decoding(), self.imagining()]
    }

    fn state_port(&self) -> Port {
        let e = self.environment;
        let meaning = format!("a state of {}: {}", e.name(), e.state().join(", "));
        Port::of("state", &[e.state().len()], Holds::Numbers, meaning)
    }

    fn latent_port(&self, name: &'static str) -> Port {
        Port::of(name, &[self.latent], Holds::Numbers, "what is seen of a state")
    }

    /// How far each number of a state goes, `[1, numbers]`.
    fn extent(&self, device: &Device) -> Tensor<2> {
        let extent: Vec<f32> = self.environment.extent().iter().map(|v| *v as f32).collect();
        let n = extent.len();
        Tensor::from_data(TensorData::new(extent, [1, n]), device)
    }

    fn encoding(&self) -> Function<'_> {
        let ports = (vec![self.state_port()], vec![self.latent_port("latent")]);
        Function::new("see", "the latent of a state", ports.0, ports.1, |x| {
            let device = x[0].device();
            let states = x[0].clone() / self.extent(&device);
            vec![self.vision.for_use_on(&device).mean(states)]
        })
    }

    fn decoding(&self) -> Function<'_> {
        let ports = (vec![self.latent_port("latent")], vec![self.state_port()]);
        Function::new("show", "the state of a latent", ports.0, ports.1, |x| {
            let device = x[0].device();
            vec![self.vision.for_use_on(&device).decode(x[0].clone()) * self.extent(&device)]
        })
    }

    fn imagining(&self) -> Function<'_> {
        let units = self.dynamics.network().units();
        let carried = |name: &'static str| Port::of(name, &[units], Holds::Numbers, "zeros at first");
        let one = |name: &'static str, meaning: &str| Port::of(name, &[1], Holds::Numbers, meaning);
        let meaning = format!("a one among zeros: {}", self.environment.actions().join(", "));
        let inputs = vec![
            self.latent_port("latent"),
            Port::of("action", &[self.choices()], Holds::OneHot, meaning),
            carried("hidden"),
            carried("memory"),
        ];
        let outputs = vec![
            self.latent_port("next"),
            one("reward", "the reward that is foretold"),
            one(
                "over",
                "the probability that the episode is over, were ends as frequent as other steps",
            ),
            carried("next_hidden"),
            carried("next_memory"),
        ];
        let about = "what comes of an action, by the model";
        Function::new("imagine", about, inputs, outputs, |x| {
            let m = self.dynamics.for_use_on(&x[0].device());
            let state = LstmState {
                hidden: x[2].clone(),
                memory: x[3].clone(),
            };
            let foretold = m.step(&x[0], x[1].clone(), state);
            let next = foretold.mean();
            let outcome = self.outcome.for_use_on(&x[0].device());
            let [reward, over] = outcome.of_step(&x[0], x[1].clone(), &next);
            vec![
                next,
                self.scale.reward(reward),
                probability(over),
                foretold.state.hidden,
                foretold.state.memory,
            ]
        })
    }
}

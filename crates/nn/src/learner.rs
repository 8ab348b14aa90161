//! One network that descends one loss: what most models outside the adversarial family are made of.
use super::ahead::{Ahead, Flat};
use super::average::flat;
use super::tensors::Path;
use super::{Average, Optimizer, OptimizerConfig, Tensors};
use crate::init::plain;
use crate::{NetworkInfo, Part, Purpose, named};
use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Gradients, Tensor};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;

/// A network, its optimizer and, if asked for, the moving average of its weights.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use menagerie_data::Key;
/// use menagerie_nn::{Activation, Init, Learner, Linear, OptimizerConfig};
///
/// let device = Device::flex().autodiff();
/// let network = Linear::of([2, 1]).init(&Init::new(Key::new(1), &device));
/// let mut learner = Learner::new("line", network, OptimizerConfig::adam(0.05), 0.0, &device)?;
/// let x = Tensor::<2>::from_floats([[0.0, 1.0], [1.0, 0.0]], &device);
/// let mut losses = Vec::new();
/// for _ in 0..50 {
///     let y = learner.network().forward(x.clone(), Activation::Identity);
///     losses.push(learner.descend((y - 1.0).powi_scalar(2).mean(), false)?.loss);
/// }
/// assert!(losses[49] < losses[0] / 10.0);
/// # Ok::<(), menagerie_data::Error>(())
/// ```
pub struct Learner<M: Module> {
    name: &'static str,
    // An Option because an update takes the network and gives it back; it is always there between updates.
    network: Option<M>,
    average: Option<Average<M>>,
    optimizer: Optimizer,
    updates: u64,
    device: Device,
}

/// A learner as it stood.
pub struct Kept<M: Module> {
    network: M,
    /// running statistics are shared by all clones of a network, and so kept beside it
    buffers: Flat,
    optimizer: Optimizer,
    updates: u64,
    average: Option<Average<M>>,
}

/// What one update showed.
#[derive(Clone, Copy, Debug)]
pub struct Descent {
    /// the loss before the update
    pub loss: f64,
    /// the norm of its gradient, where it was asked for
    pub gradient: Option<f64>,
}

impl<M: Module + 'static> Learner<M> {
    /// `name` is the network's name in checkpoints; `average` is the decay of the moving average, 0 for none.
    ///
    /// # Errors
    /// [`Error::Recipe`] when `average` is no decay.
    pub fn new(
        name: &'static str,
        network: M,
        optimizer: OptimizerConfig,
        average: f64,
        device: &Device,
    ) -> Result<Self> {
        if !(0.0..1.0).contains(&average) {
            return Err(Error::recipe(
                "model.average",
                format!("{average} is not a decay"),
                "give 0 for none, or a number such as 0.999",
            ));
        }
        Ok(Learner {
            name,
            average: (average > 0.0).then(|| Average::new(&network, average)),
            network: Some(network),
            optimizer: Optimizer::new(optimizer),
            updates: 0,
            device: device.clone(),
        })
    }

    /// The same with noise of its own, where its optimizer draws.
    pub fn salted(self, key: Key) -> Self {
        Learner {
            optimizer: self.optimizer.salted(key),
            ..self
        }
    }

    /// The same by another name in checkpoints.
    pub fn called(self, name: &'static str) -> Self {
        Learner { name, ..self }
    }

    /// The network as it is being trained.
    pub fn network(&self) -> &M {
        self.network.as_ref().expect("present between updates")
    }

    /// The network to use: the average if there is one; without autodiff, in evaluation mode.
    pub fn for_use(&self) -> M {
        match &self.average {
            Some(a) => a.network().clone(),
            None => self.network().valid(),
        }
    }

    /// The same on the device of whoever asks.
    pub fn for_use_on(&self, device: &Device) -> M {
        self.on(self.for_use(), device)
    }

    /// A network that is made of the one to use, on the device of whoever asks.
    pub fn on(&self, network: M, device: &Device) -> M {
        match *device == self.plain_device() && !named::is_recording() {
            true => network,
            false => named::on_device(network, self.name, device),
        }
    }

    /// Replaces the network, for starts that depend on data.
    pub fn set_network(&mut self, network: M) {
        if let Some(a) = &mut self.average {
            a.set(network.valid());
        }
        self.network = Some(network);
    }

    /// Changes the network beyond its updates: cuts its weights, say.
    pub fn change(&mut self, change: impl FnOnce(M) -> M) {
        self.network = self.network.take().map(change);
    }

    /// As it stands, to be put back after updates that are tried out; until then it has no average.
    pub fn keep(&mut self) -> Kept<M> {
        Kept {
            network: self.network().clone(),
            buffers: flat(self.network()),
            optimizer: self.optimizer.clone(),
            updates: self.updates,
            average: self.average.take(),
        }
    }

    /// Takes back all that was done since then.
    pub fn put_back(&mut self, kept: Kept<M>) {
        let mut buffers = Buffers {
            path: Path::default(),
            from: kept.buffers,
        };
        self.network = Some(kept.network.map(&mut buffers));
        self.optimizer = kept.optimizer;
        self.updates = kept.updates;
        self.average = kept.average;
    }

    /// The optimizer's next updates of the network's parameters, on the tape. The network has no buffers.
    pub fn ahead(&self) -> Ahead {
        self.optimizer.ahead(flat(self.network()), &self.device)
    }

    /// Updates done.
    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// The step size of its updates.
    pub fn learning_rate(&self) -> f64 {
        self.optimizer.learning_rate()
    }

    /// Goes on with another step size; moments stay.
    pub fn set_learning_rate(&mut self, rate: f64) {
        self.optimizer.set_learning_rate(rate);
    }

    /// The device it trains on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The device it answers on: the same without autodiff.
    pub fn plain_device(&self) -> Device {
        plain(&self.device)
    }

    /// One update down the gradient of `loss` (shape `[1]`).
    ///
    /// # Errors
    /// [`Error::Training`] when the loss is not finite; the network is left as it was.
    pub fn descend(&mut self, loss: Tensor<1>, watch: bool) -> Result<Descent> {
        let value = loss
            .clone()
            .into_data()
            .as_slice::<f32>()
            .map_or(f64::NAN, |v| v[0] as f64);
        if !value.is_finite() {
            return Err(Error::Training {
                step: self.updates + 1,
                problem: format!("the loss is no longer finite ({value})"),
                fix: "lower optimizer.learning_rate, or set optimizer.clip_norm = 1".into(),
            });
        }
        let gradient = self.update(&mut [loss.backward()], watch);
        Ok(Descent {
            loss: value,
            gradient,
        })
    }

    /// One update by the sum of some gradients, for networks that share a loss with others; gives the sum's norm, where it
    /// was asked for.
    pub fn update(&mut self, gradients: &mut [Gradients], watch: bool) -> Option<f64> {
        let network = self.network.take().expect("present between updates");
        let (network, gradient) = self.optimizer.step(network, gradients, watch);
        if let Some(a) = &mut self.average {
            a.update(&network, self.updates);
        }
        self.network = Some(network);
        self.updates += 1;
        if watch { gradient } else { None }
    }

    /// Its line for `Model::networks`: `pass` is the forward pass of a training step on one item. It gets the network
    /// without autodiff, and must put its input on such a device.
    pub fn info<T>(&self, pass: impl FnOnce(&M) -> T) -> NetworkInfo {
        NetworkInfo::of(self.name, self.network(), pass)
    }

    /// Files of a checkpoint: the network, its optimizer, its average.
    pub fn save(&self) -> Vec<(String, Part<'_>)> {
        let network = || {
            let mut t = Tensors::of(self.network());
            t.notes.insert("updates".into(), self.updates.to_string());
            t
        };
        let mut parts: Vec<(String, Part)> = vec![
            (self.name.into(), Box::new(network)),
            (
                format!("optimizer_{}", self.name),
                Box::new(|| self.optimizer.save()),
            ),
        ];
        if let Some(a) = &self.average {
            parts.push((
                format!("{}_average", self.name),
                Box::new(|| Tensors::of(a.network())),
            ));
        }
        parts
    }

    /// Takes up what `save` gave.
    ///
    /// # Errors
    /// Those of `read`; [`Error::Data`] when an array is missing or has another shape.
    pub fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        if let Some(a) = &mut self.average {
            let network = read(&format!("{}_average", self.name))?.into_network(a.network().clone())?;
            a.set(network);
        }
        if purpose == Purpose::Train || self.average.is_none() {
            let from = read(self.name)?;
            self.updates = from
                .notes
                .get("updates")
                .and_then(|s| s.parse().ok())
                .unwrap_or(0);
            self.network = Some(from.into_network(self.network().clone())?);
        }
        if purpose == Purpose::Train {
            self.optimizer
                .load(&read(&format!("optimizer_{}", self.name))?, &self.device)?;
        }
        Ok(())
    }
}

/// Puts values back into what is no parameter.
struct Buffers {
    path: Path,
    from: Flat,
}
impl ModuleMapper for Buffers {
    fn map_float<const D: usize>(&mut self, p: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let old = self.from.remove(&self.path.name());
        let Some(old) = old.filter(|_| !p.is_require_grad()) else {
            return p;
        };
        p.map(|t| {
            let old = old.reshape(t.dims());
            if t.is_autodiff() {
                Tensor::from_inner(old)
            } else {
                old
            }
        })
    }
    fn enter_module(&mut self, name: &str, kind: &str) {
        self.path.enter(name, kind);
    }
    fn exit_module(&mut self, _: &str, kind: &str) {
        self.path.exit(kind);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Activation, BatchNorm, Init, Linear};
    use menagerie_data::Key;

    #[derive(Module, Debug)]
    struct Normed {
        linear: Linear,
        norm: BatchNorm,
    }

    /// Weights, statistics, moments and the average are what they were, and learning goes on as if nothing had been tried.
    #[test]
    fn what_was_tried_out_leaves_no_trace() {
        let device = Device::flex().autodiff();
        let init = Init::new(Key::new(1), &device);
        let new = || {
            let network = Normed {
                linear: Linear::of([2, 3]).init(&init),
                norm: BatchNorm::of(3).init(&init),
            };
            Learner::new("normed", network, OptimizerConfig::adam(0.05), 0.9, &device).unwrap()
        };
        let x = Tensor::<2>::from_floats([[0.3, 1.0], [1.1, -0.4], [0.2, 0.1]], &device);
        let step = |l: &mut Learner<Normed>| {
            let n = l.network().clone();
            let h = n.linear.forward(x.clone(), Activation::Identity);
            let y = n.norm.forward(h, Activation::Tanh);
            drop(n);
            l.descend((y - x.clone().narrow(1, 0, 1)).powi_scalar(2).mean(), false)
                .unwrap();
        };
        let state = |l: &Learner<Normed>| -> Vec<(String, Tensors)> {
            l.save().into_iter().map(|(name, part)| (name, part())).collect()
        };
        let (mut straight, mut tried) = (new(), new());
        step(&mut straight);
        step(&mut tried);
        let kept = tried.keep();
        (0..3).for_each(|_| step(&mut tried));
        assert_ne!(Tensors::of(straight.network()), Tensors::of(tried.network()));
        tried.put_back(kept);
        assert_eq!(state(&straight), state(&tried));
        step(&mut straight);
        step(&mut tried);
        assert_eq!(state(&straight), state(&tried));
    }
}

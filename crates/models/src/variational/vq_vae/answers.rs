//! What a VQ-VAE can be asked: samples, codes, reconstructions, features and the bound.
use super::VqVae;
use crate::{
    Encode, EvidenceBound, Features, LogLikelihood, Reconstruct, Reconstruction, Sample, SampleRequest,
    Samples,
};
use burn::tensor::{Tensor, TensorData};
use menagerie_data::Batch;
use menagerie_data::error::Result;
use menagerie_data::random::Key;
use menagerie_nn::levels;

impl Sample for VqVae {
    /// Means of p(x | z) for codes from the prior, which heeds the temperature and, if it was told classes, the class.
    fn sample(&self, request: &SampleRequest) -> Result<Samples> {
        let drawn = self.prior.sample(request)?;
        let codes: Vec<u32> = drawn
            .values
            .iter()
            .map(|&v| levels::level(v, self.codebook.size))
            .collect();
        Ok(self.images(&self.autoencoder.for_use(), &codes))
    }
}

impl Encode for VqVae {
    /// The codes, `[batch, rows * columns]`, as whole numbers.
    fn encode(&self, batch: &Batch) -> Result<Tensor<2>> {
        let x = self.observed(batch, None)?;
        let codes: Vec<f32> = self
            .codes(&self.autoencoder.for_use(), &x)
            .iter()
            .map(|&c| c as f32)
            .collect();
        let items = batch.shape[0];
        let places = codes.len() / items.max(1);
        Ok(Tensor::from_data(
            TensorData::new(codes, [items, places]),
            &x.device(),
        ))
    }
}

impl Reconstruct for VqVae {
    /// The mean of p(x | z) at the item's codes.
    fn reconstruct(&self, batch: &Batch, key: Key) -> Result<Reconstruction> {
        let x = self.observed(batch, Some(key))?;
        let network = self.autoencoder.for_use();
        let output = self.images(&network, &self.codes(&network, &x));
        Ok(Reconstruction {
            shown: self.likelihood.binarizes().then(|| self.likelihood.shown(x)),
            output,
        })
    }
}

impl Features for VqVae {
    /// The vectors of the item's codes, place by place.
    fn features(&self, batch: &Batch) -> Result<Vec<f32>> {
        let x = self.observed(batch, None)?;
        let network = self.autoencoder.for_use();
        let vectors = network.codebook.look_up(&self.codes(&network, &x));
        Ok(menagerie_nn::numbers(vectors))
    }

    fn width(&self) -> usize {
        let network = self.autoencoder.network();
        network.grid().iter().product::<usize>() * network.codebook.vectors.dims()[1]
    }
}

impl EvidenceBound for VqVae {
    /// log p(x | z_q(x)) + log p(codes); given the class, if the prior was told classes. All draws would be the same one, so
    /// their number does not matter.
    fn evidence_bound(&self, batch: &Batch, _: usize, key: Key) -> Result<Vec<f64>> {
        let x = self.observed(batch, Some(key))?;
        let network = self.autoencoder.for_use();
        let codes = self.codes(&network, &x);
        let mut bound = self.prior.log_likelihood(&self.grids(batch, &codes), key)?;
        self.decoded(&network, &codes, |from, said| {
            let part = x.clone().narrow(0, from, said.dims()[0]);
            let log = menagerie_nn::numbers(self.likelihood.log_probability(said, part));
            bound[from..]
                .iter_mut()
                .zip(log)
                .for_each(|(b, l)| *b += l as f64);
        });
        Ok(bound)
    }

    fn dimensions(&self) -> usize {
        self.likelihood.info().numbers()
    }
}

use super::*;

const DEVIATION: f64 = 0.15;

/// x = z^2 + 0.15 e, z standard normal: given x, z lies about the root of x or about its negative, one as likely as the other.
fn squares(rows: usize, key: Key) -> Tensor<2> {
    let mut rng = key.rng();
    let one = |_: usize| {
        let z = rng.normal();
        (z * z + DEVIATION * rng.normal()) as f32
    };
    let values: Vec<f32> = (0..rows).map(one).collect();
    Tensor::from_data(TensorData::new(values, [rows, 1]), &Device::flex().autodiff())
}

fn known(_: &Layers, z: Tensor<2>, x: &Tensor<2>) -> Tensor<2> {
    ((x.clone() - z.powi_scalar(2)) / DEVIATION).powi_scalar(2) * -0.5
}

fn info() -> DataInfo {
    DataInfo {
        source: "test".into(),
        kind: Kind::Points,
        shape: vec![1],
        count: 100,
        range: (-1.0, 1.0),
        labels: vec![],
        attributes: vec![],
        rate: 0,
        shares: vec![],
        captions: Default::default(),
        columns: vec![],
    }
}

fn at(x: f32) -> Batch {
    Batch {
        kind: Kind::Points,
        shape: vec![1, 1],
        values: vec![x],
        labels: None,
        attributes: vec![],
        captions: None,
        indices: vec![0],
    }
}

/// A posterior of two modes is learned as one: draws lie about either root, and none between. A normal distribution, the best that a usual
/// variational autoencoder has for it, lies about one of them alone (its share of the other side is 0) or between.
#[test]
fn a_posterior_of_two_modes_has_two() {
    let mut config = Config::default();
    config.model = Sizes {
        latent: 1,
        width: 48,
        average: 0.98,
        deviation: DEVIATION,
    };
    config.posterior = Settings {
        noise: 4,
        contrast: 16,
        discriminator_steps: 2,
    };
    config.optimizer.generator = OptimizerConfig::adam(1e-3);
    config.optimizer.discriminator = OptimizerConfig::adam(3e-3).betas(0.5, 0.999);
    let mut model = config
        .build(&info(), &Device::flex().autodiff(), Key::new(1))
        .unwrap();
    for step in 0..1500u64 {
        let key = Key::new(2).step(step);
        model
            .step_by(squares(64, key.stream("data")), key, false, &known)
            .unwrap();
    }
    for x in [1.0f32, 2.0] {
        let draws = model.posterior(&at(x), 1000, Key::new(3)).unwrap();
        let right = draws.iter().filter(|z| **z > 0.0).count() as f64 / 1000.0;
        let between = draws.iter().filter(|z| z.abs() < 0.5 * x.sqrt()).count() as f64 / 1000.0;
        let off = draws
            .iter()
            .map(|z| f64::from((z.abs() - x.sqrt()).abs()))
            .sum::<f64>()
            / 1000.0;
        assert!((0.15..0.85).contains(&right), "{x}: {right} to the right of 0");
        assert!(
            between < 0.15 && off < 0.25,
            "{x}: {between} between the modes, {off} from them"
        );
    }
}

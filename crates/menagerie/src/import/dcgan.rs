//! The DCGAN of PyTorch's examples (github.com/pytorch/examples/tree/main/dcgan): one sequence of layers a network, which are
//! known by their place in it.
use super::{Arrays, DISCRIMINATOR, GENERATOR, Imported, Part, kernel_last};
use crate::error::Result;
use crate::export::permuted;
use std::collections::BTreeMap;

type Array = (Vec<usize>, Vec<f32>);

/// Convolutions with their biases, and norms between them, in their order.
struct Sequence {
    convs: Vec<(Array, Option<Vec<f32>>)>,
    /// gamma, beta, mean, variance
    norms: Vec<[Vec<f32>; 4]>,
}

fn sequence(arrays: &mut Arrays) -> Result<Sequence> {
    let mut places: Vec<usize> = arrays
        .left
        .keys()
        .filter_map(|n| n.strip_prefix("main.")?.split('.').next()?.parse().ok())
        .collect();
    places.sort_unstable();
    places.dedup();
    let (mut convs, mut norms) = (Vec::new(), Vec::new());
    for place in places {
        let name = |part: &str| format!("main.{place}.{part}");
        if arrays.has(&name("running_mean")) {
            let mut one = |part: &str| arrays.vector(&name(part));
            norms.push([
                one("weight")?,
                one("bias")?,
                one("running_mean")?,
                one("running_var")?,
            ]);
        } else {
            let weight = arrays.take(&name("weight"), 4)?;
            let bias = arrays.has(&name("bias")).then(|| arrays.vector(&name("bias")));
            convs.push((weight, bias.transpose()?));
        }
    }
    if convs.len() < 3 {
        return Err(arrays.wrong("is a sequence of fewer layers than a DCGAN has".into()));
    }
    Ok(Sequence { convs, norms })
}

fn put_norms(part: &mut Part, prefix: &str, norms: Vec<[Vec<f32>; 4]>) {
    for (i, norm) in norms.into_iter().enumerate() {
        for (name, values) in ["gamma", "beta", "mean", "variance"].into_iter().zip(norm) {
            part.vector(format!("{prefix}norms.{i}.{name}"), values);
        }
    }
}

/// The generator, whose first layer makes 4x4 pixels of a latent; each further one doubles them.
pub(super) fn generator(arrays: &mut Arrays) -> Result<Imported> {
    let Sequence { convs, norms } = sequence(arrays)?;
    let mut part = Part::default();
    let ups = convs.len() - 1;
    let (first, _) = &convs[0];
    let [latent, height, width] = [first.0[0], first.0[2], first.0[3]];
    if [height, width] != [4, 4] {
        return Err(arrays.wrong(format!(
            "begins with {height}x{width} pixels, where a DCGAN begins with 4x4"
        )));
    }
    // [latent, channel, 4, 4] -> [latent, 4 4 channel]
    let (_, values) = permuted(&first.0, &first.1, &[0, 2, 3, 1]);
    part.put("project.weight", (vec![latent, values.len() / latent], values));
    let (inputs, colours) = (convs[ups].0.0[0], convs[ups].0.0[1]);
    for (i, (weight, bias)) in convs.into_iter().skip(1).enumerate() {
        part.put(format!("ups.{i}.weight"), kernel_last(&weight));
        match bias {
            None if i + 1 == ups => part.vector(format!("ups.{i}.bias"), vec![0.0; colours]),
            None => {}
            Some(bias) => part.vector(format!("ups.{i}.bias"), bias),
        }
    }
    put_norms(&mut part, "", norms);
    let settings = [
        ("model.latent", latent.to_string()),
        ("model.width", inputs.to_string()),
        ("data.size", format!("[{}]", 4 << ups)),
        ("data.channels", colours.to_string()),
    ];
    Ok(Imported {
        model: "dcgan",
        settings: settings.map(|(k, v)| (k.to_string(), v)).to_vec(),
        channels: colours,
        classes: 0,
        parts: BTreeMap::from([(GENERATOR.to_string(), part.0)]),
        origin: String::new(),
    })
}

/// The discriminator, whose last layer looks at all that is left of the image.
pub(super) fn discriminator(arrays: &mut Arrays) -> Result<Imported> {
    let Sequence { mut convs, norms } = sequence(arrays)?;
    let mut part = Part::default();
    let colours = convs[0].0.0[1];
    if let Some((weight, bias)) = convs.pop() {
        let (shape, values) = kernel_last(&weight);
        let outputs = shape[3];
        part.put("score.weight", (vec![values.len() / outputs, outputs], values));
        part.vector("score.bias", bias.unwrap_or(vec![0.0; outputs]));
    }
    for (i, (weight, bias)) in convs.into_iter().enumerate() {
        let outputs = weight.0[0];
        part.put(format!("trunk.downs.{i}.weight"), kernel_last(&weight));
        match bias {
            None if i == 0 => part.vector("trunk.downs.0.bias", vec![0.0; outputs]),
            None => {}
            Some(bias) => part.vector(format!("trunk.downs.{i}.bias"), bias),
        }
    }
    put_norms(&mut part, "trunk.", norms);
    Ok(Imported {
        model: "dcgan",
        settings: vec![],
        channels: colours,
        classes: 0,
        parts: BTreeMap::from([(DISCRIMINATOR.to_string(), part.0)]),
        origin: String::new(),
    })
}

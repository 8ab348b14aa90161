//! The networks of stylegan2-ada-pytorch (github.com/NVlabs/stylegan2-ada-pytorch), with classes or without, from the state
//! dictionaries of the generator's moving average and of the discriminator: in a Python that can open the pickle,
//!
//! ```text
//! network = pickle.load(open("network.pkl", "rb"))
//! torch.save(network["G_ema"].state_dict(), "G_ema.pth")
//! torch.save(network["D"].state_dict(), "D.pth")
//! ```
use super::{Arrays, DISCRIMINATOR, GENERATOR, Imported, Part, kernel_last};
use crate::error::Result;
use crate::export::permuted;
use std::collections::BTreeMap;

/// A fully connected layer: `[out, in]` -> `[in, out]`; `less` is taken from the bias.
fn linear(arrays: &mut Arrays, part: &mut Part, [from, to]: [&str; 2], less: f32) -> Result<[usize; 2]> {
    let (shape, values) = arrays.take(&format!("{from}.weight"), 2)?;
    part.put(format!("{to}.weight"), permuted(&shape, &values, &[1, 0]));
    let bias = arrays.vector(&format!("{from}.bias"))?;
    part.vector(format!("{to}.bias"), bias.into_iter().map(|b| b - less).collect());
    Ok([shape[1], shape[0]])
}

/// A modulated convolution with its bias; the authors' layer that doubles the size turns its kernel round.
fn modulated(
    arrays: &mut Arrays,
    part: &mut Part,
    [from, to]: [&str; 2],
    turned: bool,
) -> Result<[usize; 2]> {
    let (shape, mut values) = arrays.take(&format!("{from}.weight"), 4)?;
    if turned {
        let one = shape[2] * shape[3];
        values.chunks_exact_mut(one).for_each(<[f32]>::reverse);
    }
    let channels = [shape[1], shape[0]];
    part.put(format!("{to}.conv.weight"), kernel_last(&(shape, values)));
    part.vector(format!("{to}.bias"), arrays.vector(&format!("{from}.bias"))?);
    // Here a style says how much a scale differs from one.
    let style = [&format!("{from}.affine")[..], &format!("{to}.conv.style")];
    linear(arrays, part, style, 1.0)?;
    arrays.skip(&format!("{from}.resample_filter"));
    Ok(channels)
}

/// The noise of a layer, as samples have it; whether there is any.
fn noise(arrays: &mut Arrays, part: &mut Part, [from, to]: [&str; 2]) -> Result<bool> {
    if !arrays.has(&format!("{from}.noise_const")) {
        return Ok(false);
    }
    let (shape, values) = arrays.take(&format!("{from}.noise_const"), 2)?;
    part.put(
        format!("{to}.noise.fixed_noise"),
        (vec![1, shape[0], shape[1], 1], values),
    );
    let strength = arrays.take(&format!("{from}.noise_strength"), 0)?.1;
    part.vector(format!("{to}.noise.strength"), strength);
    Ok(true)
}

/// The embedding of classes and the layers of a mapping network, by the names of both here: classes (0 without an embedding),
/// layers, and the numbers that the first of them takes beside the embedding, and that the last gives.
fn mapping(
    arrays: &mut Arrays,
    part: &mut Part,
    [embed, layers]: [&str; 2],
) -> Result<(usize, usize, [usize; 2])> {
    let [classes, embedded] = match arrays.has("mapping.embed.weight") {
        true => linear(arrays, part, ["mapping.embed", embed], 0.0)?,
        false => [0, 0],
    };
    let (mut count, mut units) = (0, [0, 0]);
    while arrays.has(&format!("mapping.fc{count}.weight")) {
        let names = [&format!("mapping.fc{count}")[..], &format!("{layers}.{count}")];
        let here = linear(arrays, part, names, 0.0)?;
        units = [
            if count == 0 {
                here[0].saturating_sub(embedded)
            } else {
                units[0]
            },
            here[1],
        ];
        count += 1;
    }
    Ok((classes, count, units))
}

/// What a recipe says of the classes that networks are told; nothing where they are told none.
fn told(classes: usize) -> Vec<(&'static str, String)> {
    match classes {
        0 => vec![],
        _ => vec![
            ("condition.generator", "concatenate".into()),
            ("condition.discriminator", "mapped".into()),
        ],
    }
}

/// Mapping and synthesis.
pub(super) fn generator(arrays: &mut Arrays) -> Result<Imported> {
    let mut part = Part::default();
    let (classes, mapping, style) = mapping(arrays, &mut part, ["told", "mapping"])?;
    if style[0] != style[1] {
        let problem = format!(
            "takes {} latents and has {} numbers in a style",
            style[0], style[1]
        );
        return Err(arrays.wrong(format!("{problem}, where both must be as many")));
    }
    part.vector("centre", arrays.vector("mapping.w_avg")?);
    let (shape, values) = arrays.take("synthesis.b4.const", 3)?;
    let (shape, values) = permuted(&shape, &values, &[1, 2, 0]);
    let mut most = shape[2];
    part.put("constant", ([vec![1], shape].concat(), values));
    let (mut place, mut size, mut level) = (0, 4, 0);
    let (mut width, mut colours, mut noisy) = (0, 0, false);
    while arrays.has(&format!("synthesis.b{size}.conv1.weight")) {
        let block = format!("synthesis.b{size}");
        for (conv, doubles) in [("conv0", true), ("conv1", false)] {
            if level == 0 && doubles {
                continue;
            }
            let names = [&format!("{block}.{conv}")[..], &format!("layers.{place}")];
            width = modulated(arrays, &mut part, names, doubles)?[1];
            noisy |= noise(arrays, &mut part, names)?;
            place += 1;
        }
        most = most.max(width);
        let names = [&format!("{block}.torgb")[..], &format!("colours.{level}")];
        colours = modulated(arrays, &mut part, names, false)?[1];
        arrays.skip(&format!("{block}.resample_filter"));
        (size, level) = (2 * size, level + 1);
    }
    let mut settings = vec![
        ("model.latent", style[0].to_string()),
        ("model.mapping", mapping.to_string()),
        ("model.width", width.to_string()),
        ("model.most", most.to_string()),
        ("model.noise", noisy.to_string()),
        ("model.edges", "zero".to_string()),
        ("data.size", format!("[{}]", size / 2)),
        ("data.channels", colours.to_string()),
    ];
    settings.extend(told(classes));
    Ok(Imported {
        model: "stylegan2",
        settings: settings.into_iter().map(|(k, v)| (k.to_string(), v)).collect(),
        channels: colours,
        classes,
        parts: BTreeMap::from([(GENERATOR.to_string(), part.0)]),
        origin: String::new(),
    })
}

/// A convolution with its bias, where it has one; its channels, inputs first.
fn convolution(arrays: &mut Arrays, part: &mut Part, [from, to]: [&str; 2]) -> Result<[usize; 2]> {
    let weight = arrays.take(&format!("{from}.weight"), 4)?;
    let channels = [weight.0[1], weight.0[0]];
    part.put(format!("{to}.weight"), kernel_last(&weight));
    if arrays.has(&format!("{from}.bias")) {
        part.vector(format!("{to}.bias"), arrays.vector(&format!("{from}.bias"))?);
    }
    arrays.skip(&format!("{from}.resample_filter"));
    Ok(channels)
}

/// The discriminator: blocks from the image's size down to 8x8, what follows at 4x4, and, with classes, the network that maps
/// them to directions of the features.
pub(super) fn discriminator(arrays: &mut Arrays) -> Result<Imported> {
    let mut part = Part::default();
    let there = |size: &usize| arrays.has(&format!("b{size}.conv0.weight"));
    let sizes: Vec<usize> = (3..=13).rev().map(|n| 1 << n).filter(there).collect();
    let Some(largest) = sizes.first().copied() else {
        return Err(arrays.wrong("has no block of layers above 4x4".into()));
    };
    // Their three architectures: `resnet`, `skip`, `orig`.
    let every_size = arrays.has("b4.fromrgb.weight");
    let residual = arrays.has(&format!("b{largest}.skip.weight"));
    let first = [&format!("b{largest}.fromrgb")[..], "trunk.colours"];
    let colours = convolution(arrays, &mut part, first)?[0];
    for (i, size) in sizes.iter().enumerate() {
        let ways = [("conv0", "same"), ("conv1", "down"), ("skip", "shortcut")];
        for (from, to) in &ways[..if residual { 3 } else { 2 }] {
            let names = [&format!("b{size}.{from}")[..], &format!("trunk.blocks.{i}.{to}")];
            convolution(arrays, &mut part, names)?;
        }
        arrays.skip(&format!("b{size}.resample_filter"));
        if every_size {
            let names = [&format!("b{}.fromrgb", size / 2)[..], &format!("trunk.looks.{i}")];
            convolution(arrays, &mut part, names)?;
        }
    }
    let [_, top] = convolution(arrays, &mut part, ["b4.conv", "trunk.last"])?;
    features(arrays, &mut part, top)?;
    linear(arrays, &mut part, ["b4.out", "score"], 0.0)?;
    let (classes, ..) = mapping(arrays, &mut part, ["mapped.embed", "mapped.mapping"])?;
    Ok(Imported {
        model: "stylegan2",
        settings: vec![
            ("model.residual".to_string(), residual.to_string()),
            ("model.every_size".to_string(), every_size.to_string()),
        ],
        channels: colours,
        classes,
        parts: BTreeMap::from([(DISCRIMINATOR.to_string(), part.0)]),
        origin: String::new(),
    })
}

/// The layer that reads all pixels of 4x4: `[out, channel 4 4]` -> `[4 4 channel, out]`.
fn features(arrays: &mut Arrays, part: &mut Part, channels: usize) -> Result<()> {
    let (shape, values) = arrays.take("b4.fc.weight", 2)?;
    let [outputs, inputs] = [shape[0], shape[1]];
    if inputs != 16 * channels {
        return Err(arrays.wrong(format!(
            "`b4.fc.weight` reads {inputs} numbers, where 4x4 pixels of {channels} channels are {}",
            16 * channels
        )));
    }
    let (_, values) = permuted(&[outputs, channels, 4, 4], &values, &[2, 3, 1, 0]);
    part.put("trunk.features.weight", (vec![inputs, outputs], values));
    part.vector("trunk.features.bias", arrays.vector("b4.fc.bias")?);
    Ok(())
}

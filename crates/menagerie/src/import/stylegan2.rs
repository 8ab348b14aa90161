//! The generator of stylegan2-ada-pytorch (github.com/NVlabs/stylegan2-ada-pytorch), from the state dictionary of its moving
//! average: in a Python that can open the pickle,
//!
//! ```text
//! torch.save(pickle.load(open("network.pkl", "rb"))["G_ema"].state_dict(), "G_ema.pth")
//! ```
use super::{Arrays, GENERATOR, Imported, Part, kernel_last};
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

/// Mapping and synthesis.
pub(super) fn generator(arrays: &mut Arrays) -> Result<Imported> {
    if arrays.has("mapping.embed.weight") {
        return Err(arrays.wrong("is of a generator that is told a class".into()));
    }
    let mut part = Part::default();
    let mut style = [0, 0];
    let mut mapping = 0;
    while arrays.has(&format!("mapping.fc{mapping}.weight")) {
        let names = [&format!("mapping.fc{mapping}")[..], &format!("mapping.{mapping}")];
        let here = linear(arrays, &mut part, names, 0.0)?;
        style = [if mapping == 0 { here[0] } else { style[0] }, here[1]];
        mapping += 1;
    }
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
    let settings = [
        ("model.latent", style[0].to_string()),
        ("model.mapping", mapping.to_string()),
        ("model.width", width.to_string()),
        ("model.most", most.to_string()),
        ("model.noise", noisy.to_string()),
        ("model.edges", "zero".to_string()),
        ("data.size", format!("[{}]", size / 2)),
        ("data.channels", colours.to_string()),
    ];
    Ok(Imported {
        model: "stylegan2",
        settings: settings.map(|(k, v)| (k.to_string(), v)).to_vec(),
        channels: colours,
        parts: BTreeMap::from([(GENERATOR.to_string(), part.0)]),
        origin: String::new(),
    })
}

//! What policies have in common: the world that they act in and how they see it, to act by probabilities, and how much better what was done
//! has turned out than was foretold.
use super::rows::needs_columns;
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::DataInfo;
use menagerie_data::environments::{Environment, Episode, environment, environments, episodes};
use menagerie_data::error::{Error, Result, nearest};
use menagerie_data::random::Key;

/// The environment that a recipe's key names, or, for `auto`, the one whose steps the data are by their source: `SOURCE:NAME`, of these sources.
///
/// # Errors
/// [`Error::Recipe`] for a name that there is not; [`Error::Data`] for data that are no steps in it.
pub(crate) fn world(
    model: &str,
    (key, name): (&'static str, &str),
    sources: &[&str],
    info: &DataInfo,
) -> Result<&'static dyn Environment> {
    needs_columns(model, info)?;
    let of_source = || {
        let all = info.source.split_once(':').filter(|(s, _)| sources.contains(s));
        all.map_or("", |(_, name)| name)
    };
    let name = if name == "auto" { of_source() } else { name };
    let names = || environments().iter().map(|e| e.name());
    let Some(found) = environment(name) else {
        let (problem, fix) = match name {
            "" => (
                format!("{} does not say in which environment its steps are", info.source),
                format!("set it to one of {}", names().collect::<Vec<_>>().join(", ")),
            ),
            name => (
                format!("there is no environment `{name}`"),
                nearest(name, names()),
            ),
        };
        return Err(Error::recipe(key, problem, fix));
    };
    let (n, actions) = (found.state().len(), found.actions());
    let fits = info.columns.len() == n + 1
        && info.columns[..n].iter().all(|c| c.classes.is_empty())
        && info.columns[n].classes == actions;
    if !fits {
        let problem = format!("these rows are no steps in `{}`", found.name());
        let columns = found.state().join(", ");
        let known: Vec<String> = sources
            .iter()
            .map(|s| format!("`{s}:{}`", found.name()))
            .collect();
        let fix = format!(
            "give the columns {columns} and last an action of {}, or {}",
            actions.join(", "),
            known.join(" or ")
        );
        return Err(Error::data(&info.source, problem, fix));
    }
    Ok(found)
}

/// States as networks see them, `[states, numbers]`: each number over how far it goes.
pub(crate) fn seen<'a>(
    environment: &dyn Environment,
    states: impl Iterator<Item = &'a [f64]>,
    device: &Device,
) -> Tensor<2> {
    let extent = environment.extent();
    let scaled = |s: &'a [f64]| s.iter().zip(extent).map(|(v, e)| (v / e) as f32);
    let values: Vec<f32> = states.flat_map(scaled).collect();
    let rows = values.len() / extent.len();
    Tensor::from_data(TensorData::new(values, [rows, extent.len()]), device)
}

/// Each of some choices as a one among zeros, `[rows, choices]`.
pub(crate) fn one_hot(chosen: impl Iterator<Item = usize>, choices: usize, device: &Device) -> Tensor<2> {
    let one = |i: usize| (0..choices).map(move |k| f32::from(u8::from(i == k)));
    let values: Vec<f32> = chosen.flat_map(one).collect();
    let rows = values.len() / choices;
    Tensor::from_data(TensorData::new(values, [rows, choices]), device)
}

/// So many episodes in which what is done is drawn by the probabilities that `act` gives, `[states, actions]`.
pub(crate) fn played(
    environment: &dyn Environment,
    count: usize,
    key: Key,
    mut act: impl FnMut(&[&[f64]]) -> Vec<f32>,
) -> Vec<Episode> {
    let keys: Vec<Key> = (0..count as u64).map(|i| key.step(i)).collect();
    let choices = environment.actions().len();
    let mut time = 0;
    episodes(environment, &keys, |going, states| {
        let p = act(states);
        time += 1;
        let draw = |(i, p): (&usize, &[f32])| {
            let mut rng = keys[*i].stream("action").step(time).rng();
            pick(p, rng.uniform())
        };
        going.iter().zip(p.chunks_exact(choices)).map(draw).collect()
    })
}

/// The entry whose share of [0, 1) a number lies in.
pub(crate) fn pick(p: &[f32], u: f64) -> usize {
    let mut sum = 0.0;
    let found = p.iter().position(|p| {
        sum += f64::from(*p);
        u < sum
    });
    found.unwrap_or(p.len() - 1)
}

/// Generalized advantages of the steps of one course (Schulman et al. 2015, arXiv:1506.02438, equation 16):
///
/// A_t = sum_k (discount trace)^k delta_{t + k},   delta_t = r_t + discount V_{t + 1} - V_t
///
/// `rewards` has a number for each step; `values` one more: of the state before each, and of the last one, 0 where nothing follows it.
pub(super) fn advantages(rewards: &[f32], values: &[f32], discount: f64, trace: f64) -> Vec<f32> {
    let (mut later, mut all) = (0.0, vec![0.0; rewards.len()]);
    for t in (0..rewards.len()).rev() {
        let value = |t: usize| f64::from(values[t]);
        let surprise = f64::from(rewards[t]) + discount * value(t + 1) - value(t);
        later = surprise + discount * trace * later;
        all[t] = later as f32;
    }
    all
}

/// Numbers less their mean, over their deviation.
pub(crate) fn evened(values: &[f32]) -> Vec<f32> {
    let n = values.len().max(1) as f64;
    let mean = values.iter().map(|a| f64::from(*a)).sum::<f64>() / n;
    let square = values.iter().map(|a| (f64::from(*a) - mean).powi(2));
    let deviation = (square.sum::<f64>() / n).sqrt().max(1e-6);
    let even = |a: &f32| ((f64::from(*a) - mean) / deviation) as f32;
    values.iter().map(even).collect()
}

/// -E min(r A, clip(r, 1 - e, 1 + e) A), r being the probability of what was done over what it was, and A how much better it turned out than
/// was foretold, `[rows, 1]` each (Schulman et al. 2017, Proximal Policy Optimization Algorithms, arXiv:1707.06347, equation 7).
pub(crate) fn clipped(ratio: Tensor<2>, gain: Tensor<2>, clip: f64) -> Tensor<1> {
    let near = ratio.clone().clamp(1.0 - clip, 1.0 + clip);
    -(ratio * gain.clone()).min_pair(near * gain).mean()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_picked_by_their_shares() {
        let p = [0.2, 0.5, 0.3];
        assert_eq!(
            [0.0, 0.19, 0.21, 0.69, 0.71, 0.9999999].map(|u| pick(&p, u)),
            [0, 0, 1, 1, 2, 2]
        );
    }

    /// By the sums themselves, term by term.
    #[test]
    fn advantages_are_sums_of_surprises() {
        let (r, v, g, l) = ([1.0f32, -2.0, 0.5, 3.0], [0.3f32, -0.1, 0.7, 0.2, 0.4], 0.9, 0.8);
        let all = advantages(&r, &v, g, l);
        for t in 0..4 {
            let surprise = |k: usize| f64::from(r[k]) + g * f64::from(v[k + 1]) - f64::from(v[k]);
            let sum: f64 = (t..4).map(|k| (g * l).powi((k - t) as i32) * surprise(k)).sum();
            assert!((f64::from(all[t]) - sum).abs() < 1e-6);
        }
    }
}

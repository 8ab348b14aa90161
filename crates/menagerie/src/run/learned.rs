//! The extractor `learned`: what a denoising autoencoder that learned from the data compared with, without labels, keeps of an
//! image. It is trained once for a set and kept beside the statistics of data.
use super::checkpoint::{Checkpoint, State, steps};
use super::evaluation::{Cache, fingerprint};
use crate::data::{DataInfo, Dataset, Kind, Loader};
use crate::error::{Error, Result};
use crate::judge::Tell;
use crate::judge::extractor::{Extractor, sha256, shrunk};
use crate::models::{Part, Purpose};
use crate::nn::Tensors;
use crate::random::Key;
use crate::recipe::Recipe;
use burn::tensor::Device;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// The recipe, but for its data. A change of it is another extractor.
const RECIPE: &str = r#"
[model]
name = "denoising_autoencoder"
latent = 256
hidden = [400]
average = 0.99

[corruption]
kind = "masking"
amount = 0.5

[train]
steps = 1000
batch = 100
"#;

/// Times that an item of a small set is seen at most.
const EPOCHS: u64 = 50;

/// Longest side of the images it looks at; longer ones are shrunk by a whole number.
const LONGEST: usize = 64;

/// The network for a set of images, and what is to be said where it cannot be kept. `stamp` tells when the files changed.
///
/// # Errors
/// [`Error::Usage`] for what are not images; those of the data and of training.
pub(super) fn learned(
    set: &Arc<dyn Dataset>,
    stamp: &str,
    cache: Option<&Cache>,
    device: &Device,
    tell: Tell,
) -> Result<(Extractor, Option<String>)> {
    let info = set.info();
    if info.kind != Kind::Image {
        return Err(Error::usage(
            format!(
                "`learned` learns from images, and these are {}",
                info.kind.plural()
            ),
            "choose other metrics",
        ));
    }
    let times = info.shape[..2]
        .iter()
        .max()
        .map_or(1, |side| side.div_ceil(LONGEST));
    let seen = DataInfo {
        shape: vec![info.shape[0] / times, info.shape[1] / times, info.shape[2]],
        labels: vec![],
        attributes: vec![],
        shares: vec![],
        captions: Default::default(),
        columns: vec![],
        ..info.clone()
    };
    let recipe = Recipe::parse(RECIPE, "the recipe of `learned`")?;
    let decides = [
        RECIPE.to_string(),
        format!("{:?} {} {}", info.shape, info.count, fingerprint(&**set)?),
        stamp.to_string(),
        env!("CARGO_PKG_VERSION").to_string(),
    ];
    let kept = cache.map(|c| c.place(&format!("learned-{}", &sha256(&decides)[..24])));
    let (mut note, found) = (None, kept.as_deref().and_then(|folder| read(folder).ok()));
    let parts = match found {
        Some(parts) => parts,
        None => {
            let parts = train(&recipe, set, &seen, times, device, tell)?;
            let written = match kept {
                Some(folder) => keep(&folder, &recipe, &seen, &parts),
                None => Err(Error::usage("there is no folder for it", "give --cache DIR")),
            };
            note = written
                .err()
                .map(|e| format!("what was learned from the data is not kept: {e}"));
            parts
        }
    };
    let mut model = recipe.build(&seen, device, Key::new(0))?;
    let missing = |name: &str| Error::usage(format!("`learned` has no part `{name}`"), "empty the cache");
    model.load(
        &|name| parts.get(name).cloned().ok_or_else(|| missing(name)),
        Purpose::Use,
    )?;
    let numbers = parts.values().flat_map(|t| t.arrays.values()).map(|(_, v)| v);
    let hash = sha256(numbers.map(|v| v.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>()));
    Ok((Extractor::of_learned(hash, model, times, device), note))
}

/// What is not for training alone, by name.
type Parts = BTreeMap<String, Tensors>;

fn train(
    recipe: &Recipe,
    set: &Arc<dyn Dataset>,
    seen: &DataInfo,
    times: usize,
    device: &Device,
    tell: Tell,
) -> Result<Parts> {
    let config = recipe.train()?;
    let device = match device.is_autodiff() {
        true => device.clone(),
        false => device.clone().autodiff(),
    };
    let key = Key::new(config.seed);
    let mut model = recipe.build(seen, &device, key.stream("init"))?;
    let batch = config.batch.min(set.info().count);
    let mut loader = Loader::new(set.clone(), batch, key.stream("data"), 0, 1)?;
    let steps = config.steps.min(EPOCHS * set.info().count.div_ceil(batch) as u64);
    for step in 1..=steps {
        tell(
            "learning features of the data, once",
            step as usize,
            steps as usize,
        );
        let batch = shrunk(&loader.next()?, times);
        model.step(&[batch], key.stream("train").step(step), false)?;
    }
    let parts = model.save().into_iter();
    Ok(parts
        .filter(|(name, _)| !name.starts_with("optimizer"))
        .map(|(name, part)| (name, part()))
        .collect())
}

/// Writes them where another process may be doing the same: whole, or not at all.
fn keep(folder: &Path, recipe: &Recipe, seen: &DataInfo, parts: &Parts) -> Result<()> {
    let beside = folder.with_extension(format!("{}.part", std::process::id()));
    std::fs::create_dir_all(&beside).map_err(Error::io("create", &beside))?;
    let state = State {
        version: env!("CARGO_PKG_VERSION").into(),
        step: recipe.train()?.steps,
        images: 0,
        seconds: 0.0,
        cursor: 0,
        data: seen.clone(),
        fingerprint: String::new(),
        recipe: recipe.to_toml(),
        files: BTreeMap::new(),
    };
    let all = parts.iter().map(|(name, tensors)| {
        let part: Part = Box::new(|| tensors.clone());
        (name.clone(), part)
    });
    let written = Checkpoint::write(&beside, state, all.collect()).and_then(|_| {
        match std::fs::rename(&beside, folder) {
            // Somebody else was faster, or what lies there is damaged and goes.
            Err(_) if folder.exists() => {
                std::fs::remove_dir_all(folder).map_err(Error::io("remove", folder))?;
                std::fs::rename(&beside, folder).map_err(Error::io("rename", &beside))
            }
            other => other.map_err(Error::io("rename", &beside)),
        }
    });
    if written.is_err() {
        std::fs::remove_dir_all(&beside).ok();
    }
    written
}

/// What was kept; damage of any kind is an error, and it is learned anew.
fn read(folder: &Path) -> Result<Parts> {
    let steps = steps(folder)?;
    let newest = steps
        .last()
        .ok_or_else(|| Error::run(folder, "is empty", "remove it"))?;
    let checkpoint = Checkpoint::open(&folder.join(format!("{newest:06}")))?;
    let names = checkpoint
        .state
        .files
        .keys()
        .map(|f| f.trim_end_matches(".safetensors"));
    names
        .map(|name| Ok((name.to_string(), checkpoint.part(name)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Source;

    fn digits() -> Arc<dyn Dataset> {
        let source = Source {
            limit: 64,
            ..Source::parse("digits")
        };
        source.open().unwrap().dataset
    }

    #[test]
    fn it_is_learned_once_and_the_same_each_time() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(Some(dir.path().join("cache"))).unwrap();
        let device = Device::flex();
        let set = digits();
        let mut steps = 0;
        let mut get = |stamp: &str, cache: Option<&Cache>| {
            let (extractor, note) = learned(&set, stamp, cache, &device, &mut |_, _, _| steps += 1).unwrap();
            (
                extractor.definition()["extractor_sha256"].clone(),
                note,
                std::mem::take(&mut steps),
            )
        };
        let (first, note, taken) = get("a", Some(&cache));
        assert_eq!((note, taken), (None, 50));
        assert_eq!(get("a", Some(&cache)), (first.clone(), None, 0));
        // Damage is no answer: it is learned anew.
        let folder = std::fs::read_dir(dir.path().join("cache"))
            .unwrap()
            .next()
            .unwrap()
            .unwrap();
        std::fs::write(folder.path().join("001000/state.json"), "{").unwrap();
        assert_eq!(get("a", Some(&cache)), (first.clone(), None, 50));
        // Files that changed are other data.
        assert_eq!(get("b", Some(&cache)).2, 50);
        assert_eq!(std::fs::read_dir(dir.path().join("cache")).unwrap().count(), 2);
        // Without a place it serves all the same, and says so.
        let (hash, note, _) = get("a", None);
        assert_eq!(hash, first);
        assert!(note.unwrap().contains("--cache DIR"));
    }

    #[test]
    fn points_have_no_features() {
        let set = Source::parse("ring8").open().unwrap().dataset;
        let e = learned(&set, "", None, &Device::flex(), &mut |_, _, _| {})
            .err()
            .unwrap();
        assert!(e.to_string().contains("these are points"), "{e}");
    }
}

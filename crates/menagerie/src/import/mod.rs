//! Weights that other programs have trained, as a run of this one: to draw from, to judge, to explore, to train on.
//!
//! | known by its names | becomes |
//! |---|---|
//! | the DCGAN of PyTorch's examples (`netG.pth`, and `netD.pth` if given) | `dcgan` |
//! | the generator of stylegan2-ada-pytorch, and its discriminator if given, as state dictionaries | `stylegan2` |
//!
//! Classifiers and the Inception network need no run: they are extractors by their file (`imagenet:FILE`, `inception:FILE`).
mod dcgan;
mod stylegan2;

use crate::error::{Error, Result};
use crate::nn::{Tensors, read_torch};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What was found in files of weights.
#[derive(Clone, Debug)]
pub struct Imported {
    /// the registered model that has such networks
    pub model: &'static str,
    /// keys of its recipe that the arrays decide
    pub settings: Vec<(String, String)>,
    /// colours of an image
    pub channels: usize,
    /// classes that its networks are told; 0 for none
    pub classes: usize,
    /// arrays of the model's networks, by the names of their parts
    pub parts: BTreeMap<String, Tensors>,
    /// the files' names
    pub origin: String,
}

/// Reads weights from files that PyTorch or safetensors wrote, each a state dictionary of one network.
///
/// # Errors
/// Those of the files; [`Error::Data`] when they hold no network that is known, or arrays that do not belong to it, which are
/// named.
pub fn read(files: &[PathBuf]) -> Result<Imported> {
    let mut found: Option<Imported> = None;
    for file in files {
        let mut arrays = Arrays::read(file)?;
        let is = |name: &str| arrays.has(name);
        if is("mapping.fc0.weight") && is("synthesis.b4.const") {
            join(&mut found, stylegan2::generator(&mut arrays)?, file)?;
        } else if is("b4.out.weight") && is("b4.fc.weight") {
            join(&mut found, stylegan2::discriminator(&mut arrays)?, file)?;
        } else if is("main.0.weight") && is("main.1.running_mean") {
            join(&mut found, dcgan::generator(&mut arrays)?, file)?;
        } else if is("main.0.weight") {
            join(&mut found, dcgan::discriminator(&mut arrays)?, file)?;
        } else {
            return Err(arrays.wrong("holds no network that is known".into()));
        }
        arrays.are_used_up()?;
    }
    let all = found.ok_or_else(|| Error::usage("no file is named", "give one or more files of weights"))?;
    match all.parts.contains_key(GENERATOR) {
        true => Ok(all),
        false => Err(Error::usage(
            format!("{} holds a discriminator alone", all.origin),
            "give the generator's file, too",
        )),
    }
}

const GENERATOR: &str = "generator";
const DISCRIMINATOR: &str = "discriminator";

/// Puts what another file holds beside what was found before.
fn join(found: &mut Option<Imported>, more: Imported, file: &Path) -> Result<()> {
    let name = file
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let Some(all) = found else {
        *found = Some(Imported { origin: name, ..more });
        return Ok(());
    };
    let problem = if all.model != more.model || all.channels != more.channels {
        Some(format!("does not belong to {}", all.origin))
    } else if all.classes != more.classes {
        let (here, there) = (more.classes, all.classes);
        Some(format!(
            "is told {here} classes, where {} is told {there}",
            all.origin
        ))
    } else if more.parts.keys().any(|part| all.parts.contains_key(part)) {
        Some(format!("holds the same network as {}", all.origin))
    } else {
        None
    };
    if let Some(problem) = problem {
        return Err(Error::data(file, problem, "give each network of one model once"));
    }
    all.parts.extend(more.parts);
    all.settings.extend(more.settings);
    all.origin = format!("{}, {name}", all.origin);
    Ok(())
}

/// Arrays of a state dictionary, taken out one by one.
struct Arrays {
    file: PathBuf,
    left: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
}

impl Arrays {
    fn read(file: &Path) -> Result<Arrays> {
        let safe = file
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("safetensors"));
        let tensors = match safe {
            true => Tensors::from_bytes(&crate::files::read(file)?)?,
            false => read_torch(file)?,
        };
        // What wraps a network puts its own name before all others.
        let bare = |name: String| {
            let name = name.strip_prefix("module.").unwrap_or(&name);
            let inner = ["G_ema.", "D."].iter().find_map(|p| name.strip_prefix(p));
            inner.unwrap_or(name).to_string()
        };
        Ok(Arrays {
            file: file.into(),
            left: tensors.arrays.into_iter().map(|(n, a)| (bare(n), a)).collect(),
        })
    }

    fn wrong(&self, problem: String) -> Error {
        Error::data(
            &self.file,
            problem,
            "give netG.pth and netD.pth of PyTorch's DCGAN example, or the state dictionaries of G_ema and D of stylegan2-ada-pytorch",
        )
    }

    fn has(&self, name: &str) -> bool {
        self.left.contains_key(name)
    }

    fn shape(&self, name: &str) -> Result<Vec<usize>> {
        let found = self.left.get(name).map(|(shape, _)| shape.clone());
        found.ok_or_else(|| self.wrong(format!("`{name}` is missing")))
    }

    /// An array of so many axes.
    fn take(&mut self, name: &str, axes: usize) -> Result<(Vec<usize>, Vec<f32>)> {
        let shape = self.shape(name)?;
        if shape.len() != axes || shape.contains(&0) {
            return Err(self.wrong(format!(
                "`{name}` has the shape {shape:?} where {axes} axes are expected"
            )));
        }
        Ok(self.left.remove(name).unwrap_or_default())
    }

    /// An array of one axis.
    fn vector(&mut self, name: &str) -> Result<Vec<f32>> {
        Ok(self.take(name, 1)?.1)
    }

    /// Leaves out what carries nothing.
    fn skip(&mut self, name: &str) {
        self.left.remove(name);
    }

    /// Refuses arrays that belong to no layer, naming them.
    fn are_used_up(&self) -> Result<()> {
        if self.left.is_empty() {
            return Ok(());
        }
        Err(self.wrong(format!(
            "{} of its arrays belong to no layer of that network: {}",
            self.left.len(),
            some(self.left.keys().map(String::as_str))
        )))
    }
}

/// The first of some names.
pub(crate) fn some<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const MOST: usize = 6;
    let names: Vec<String> = names.map(|n| format!("`{n}`")).collect();
    let more = if names.len() > MOST { ", ..." } else { "" };
    format!("{}{more}", names[..names.len().min(MOST)].join(", "))
}

/// Arrays of a network in the making.
#[derive(Default)]
struct Part(Tensors);

impl Part {
    fn put(&mut self, name: impl Into<String>, (shape, values): (Vec<usize>, Vec<f32>)) {
        self.0.arrays.insert(name.into(), (shape, values));
    }

    fn vector(&mut self, name: impl Into<String>, values: Vec<f32>) {
        self.put(name, (vec![values.len()], values));
    }
}

/// `[out, in, height, width]` or, transposed, `[in, out, height, width]` -> `[height, width, ..]`, the last two turned round.
fn kernel_last(array: &(Vec<usize>, Vec<f32>)) -> (Vec<usize>, Vec<f32>) {
    crate::export::permuted(&array.0, &array.1, &[2, 3, 1, 0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::Model;
    use crate::models::adversarial::networks::{CriticNetwork, Heads, Sizes, stylegan2};
    use crate::nn::{Init, numbers};
    use crate::random::Key;
    use crate::recipe::Recipe;
    use crate::run::{At, Run, Trainer};
    use burn::tensor::{Device, Tensor, TensorData};
    use serde_json::Value;

    fn fixture(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/fixtures")
            .join(name)
    }

    /// What PyTorch made with the same weights: imported.py.
    fn theirs() -> Value {
        serde_json::from_str(&std::fs::read_to_string(fixture("imported.json")).unwrap()).unwrap()
    }

    fn list(v: &Value) -> Vec<f32> {
        serde_json::from_value(v.clone()).unwrap()
    }

    fn latents(of: &Value) -> Tensor<2> {
        let all = list(&of["latents"]);
        let shape = [2, all.len() / 2];
        Tensor::from_data(TensorData::new(all, shape), &Device::flex())
    }

    /// Every seventh number is theirs.
    fn agrees(ours: &[f32], theirs: &Value, within: f32) {
        let theirs = list(theirs);
        assert_eq!(ours.len().div_ceil(7), theirs.len());
        let apart = ours.iter().step_by(7).zip(&theirs).map(|(a, b)| (a - b).abs());
        let apart = apart.fold(0f32, f32::max);
        assert!(apart < within, "{apart}");
        assert!(theirs.iter().any(|v| v.abs() > 0.3));
    }

    fn begun(files: &[&str], dir: &Path, more: &[(&str, &str)]) -> Result<Run> {
        let found = read(&files.iter().map(|f| fixture(f)).collect::<Vec<_>>())?;
        let mut recipe = Recipe::named(found.model)?;
        let own = [("data.source", "portraits"), ("data.limit", "64")];
        let more = own
            .iter()
            .chain(more)
            .map(|(k, v)| (k.to_string(), v.to_string()));
        recipe.set_all(&[found.settings.clone(), more.collect()].concat())?;
        Trainer::create_imported(recipe, dir, found, &Device::flex().autodiff())?;
        Run::open(dir)
    }

    fn drawn(model: &dyn Model, latents: Tensor<2>) -> Vec<f32> {
        model.as_latent_space().unwrap().decode(latents).unwrap().values
    }

    /// Generator and discriminator of PyTorch's example give what they give there, and go on learning here.
    #[test]
    fn dcgan_of_pytorchs_example() {
        let (want, dir) = (&theirs()["dcgan"], tempfile::tempdir().unwrap());
        let path = dir.path().join("run");
        let run = begun(
            &["netG.pth", "netD.pth"],
            &path,
            &[("train.steps", "1"), ("train.batch", "4")],
        )
        .unwrap();
        let (model, checkpoint, _) = run.model(None, &Device::flex()).unwrap();
        assert_eq!(checkpoint.state.step, 0);
        let images = drawn(&*model, latents(want));
        agrees(&images, &want["images"], 1e-5);
        // What comes before the last layer, and the last layer of it.
        let [height, width, colours] = checkpoint.state.data.shape[..] else {
            panic!("images")
        };
        let batch = crate::data::Batch {
            kind: crate::data::Kind::Image,
            shape: vec![2, height, width, colours],
            values: images,
            labels: None,
            attributes: vec![],
            captions: None,
            indices: vec![0, 1],
        };
        let features = model.as_features().unwrap();
        let hidden = features.layers(&batch).unwrap().pop().unwrap().1;
        agrees(&hidden, &want["hidden"], 1e-4);
        let state = checkpoint.part("discriminator").unwrap();
        let weight: Tensor<2> = state.get("score.weight", [256, 1], &Device::flex()).unwrap();
        let hidden = Tensor::<1>::from_floats(&hidden[..], &Device::flex()).reshape([2, 256]);
        let scores = numbers(hidden.matmul(weight));
        for (ours, theirs) in scores.iter().zip(list(&want["scores"])) {
            assert!((ours - theirs).abs() < 1e-3, "{ours} {theirs}");
        }
        let mut trainer = Trainer::resume(&path, None, &Device::flex().autodiff()).unwrap();
        trainer.train(&false.into(), &mut |_| {}).unwrap();
        assert_eq!(trainer.step(), 1);
        let origin = std::fs::read_to_string(path.join("recipe.toml")).unwrap();
        assert!(origin.contains("netG.pth, netD.pth"), "{origin}");
    }

    /// What the imported discriminator says of images, of these classes.
    fn scores(run: &Run, images: Vec<f32>, classes: Option<Tensor<2>>) -> Vec<f32> {
        let device = Device::flex();
        let (checkpoint, recipe) = (
            run.checkpoint(At::Newest).unwrap().0.unwrap(),
            run.recipe().unwrap(),
        );
        let sizes: stylegan2::Sizes = {
            let table: toml::Table = recipe.to_toml().parse().unwrap();
            let mut model = table["model"].as_table().unwrap().clone();
            ["name", "architecture"]
                .iter()
                .for_each(|k| drop(model.remove(*k)));
            model.try_into().unwrap()
        };
        let info = &checkpoint.state.data;
        let heads = Heads {
            mapped: classes.as_ref().map_or(0, |c| c.dims()[1]),
            ..Heads::default()
        };
        let init = Init::new(Key::new(1), &device);
        let fresh = CriticNetwork::new(&Sizes::Stylegan2(sizes), info, heads, &init);
        let network = checkpoint
            .part(DISCRIMINATOR)
            .unwrap()
            .into_network(fresh)
            .unwrap();
        let shape = [2, info.shape[0], info.shape[1], info.shape[2]];
        let images: Tensor<4> = Tensor::from_data(TensorData::new(images, shape), &device);
        numbers(network.judge(images.into(), classes.as_ref(), None).score.value)
    }

    fn close(ours: &[f32], theirs: &Value, within: f32) {
        let theirs = list(theirs);
        assert_eq!(ours.len(), theirs.len());
        let apart = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs());
        assert!(apart.fold(0f32, f32::max) < within, "{ours:?} {theirs:?}");
    }

    /// Networks that are told a class make and say the same of each, truncated towards the mean of all classes, too; and they go
    /// on learning.
    #[test]
    fn stylegan2_with_classes() {
        let (want, dir) = (&theirs()["classes"], tempfile::tempdir().unwrap());
        let path = dir.path().join("run");
        let set = dir.path().join("three");
        for (i, class) in ["x", "y", "z"].iter().cycle().take(12).enumerate() {
            let picture = crate::picture::image(&[i as f32 / 12.0; 768], [16, 16, 3]);
            std::fs::create_dir_all(set.join(class)).unwrap();
            picture.save(&set.join(class).join(format!("{i}.png"))).unwrap();
        }
        let more = [
            ("data.source", &format!("{:?}", set.display().to_string())[..]),
            ("train.steps", "1"),
            ("train.batch", "4"),
            ("penalty.r1.every", "1"),
            ("penalty.path_length.every", "1"),
        ];
        let files = ["G_classes.pth", "D_classes.pth"];
        let run = begun(&files, &path, &more).unwrap();
        let (model, ..) = run.model(None, &Device::flex()).unwrap();
        let functions = model.functions();
        let sample = functions.iter().find(|f| f.name == "sample").unwrap();
        let classes = Tensor::from_floats([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]], &Device::flex());
        let inputs = [latents(want), classes.clone()];
        let images = numbers(sample.call(&inputs).unwrap().remove(0));
        agrees(&images, &want["images"], 2e-5);
        let mixtures = model.as_class_mixtures().unwrap();
        for (psi, name) in [(1.0, "images"), (0.5, "truncated"), (0.0, "mean")] {
            let drawn = mixtures.decode_truncated(latents(want), classes.clone(), psi);
            agrees(&drawn.unwrap().values, &want[name], 2e-5);
        }
        close(&scores(&run, images, Some(classes)), &want["scores"], 1e-4);
        let mut trainer = Trainer::resume(&path, None, &Device::flex().autodiff()).unwrap();
        trainer.train(&false.into(), &mut |_| {}).unwrap();
        assert_eq!(trainer.step(), 1);
        // Data of another number of classes, and networks that do not belong together.
        let why = |files: &[&str], more: &[(&str, &str)]| {
            let e = begun(files, &dir.path().join("no"), more)
                .err()
                .unwrap()
                .to_string();
            assert!(!e.contains('\n') && !dir.path().join("no").exists(), "{e}");
            e
        };
        let e = why(&files, &[("data.source", "fashion"), ("data.channels", "3")]);
        assert!(
            e.contains("3 classes") && e.contains("fashion") && e.contains("10"),
            "{e}"
        );
        let e = why(&["G_classes.pth", "D.pth"], &more);
        assert!(e.contains("told 0 classes") && e.contains("told 3"), "{e}");
        assert!(why(&["D_classes.pth"], &[]).contains("holds a discriminator alone"));
    }

    /// StyleGAN2's generator makes the same images, truncated ones too, to their edges; its discriminator says the same of them.
    #[test]
    fn stylegan2_of_its_authors() {
        let (want, dir) = (&theirs()["stylegan2"], tempfile::tempdir().unwrap());
        let run = begun(&["G_ema.pth", "D.pth"], &dir.path().join("run"), &[]).unwrap();
        let (model, ..) = run.model(None, &Device::flex()).unwrap();
        let images = drawn(&*model, latents(want));
        close(&scores(&run, images.clone(), None), &want["scores"], 1e-4);
        // The discriminator of their architecture `skip`.
        let run = begun(&["G_ema.pth", "D_skip.pth"], &dir.path().join("skip"), &[]).unwrap();
        close(&scores(&run, images, None), &want["scores_of_skip"], 1e-4);
        assert!(run.recipe().unwrap().to_toml().contains("every_size = true"));
        agrees(&drawn(&*model, latents(want)), &want["images"], 2e-5);
        let space = model.as_latent_space().unwrap().as_styles().unwrap();
        let (w, centre) = (space.style_of(latents(want)), space.centre());
        let w = centre.clone() + (w - centre) * 0.5;
        let places = space.places();
        let [batch, style] = w.dims();
        let w = w.reshape([batch, 1, style]).expand([batch, places, style]);
        agrees(&space.decode_styles(w).unwrap().values, &want["truncated"], 2e-5);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let d = dir.path();
        let why = |files: &[&str], more: &[(&str, &str)]| {
            let e = begun(files, &d.join("run"), more).err().unwrap().to_string();
            assert!(!e.contains('\n') && !d.join("run").exists(), "{e}");
            e
        };
        assert!(why(&["netD.pth"], &[]).contains("netD.pth holds a discriminator alone"));
        assert!(why(&["netG.pth", "netG.pth"], &[]).contains("the same network as netG.pth"));
        assert!(why(&["netG.pth", "G_ema.pth"], &[]).contains("does not belong to netG.pth"));
        assert!(why(&["state.pth"], &[]).contains("no network that is known"));
        let e = why(&["netG.pth"], &[("model.width", "4")]);
        assert!(
            e.contains("in another shape") && e.contains("`norms.0.beta`"),
            "{e}"
        );
        let mut more = read_torch(&fixture("netG.pth")).unwrap();
        more.arrays.insert("other.weight".into(), (vec![1], vec![0.0]));
        let file = d.join("more.safetensors");
        more.write(&file).unwrap();
        let e = read(std::slice::from_ref(&file)).unwrap_err().to_string();
        assert!(
            e.contains("belong to no layer") && e.contains("`other.weight`"),
            "{e}"
        );
        more.arrays.remove("other.weight");
        more.arrays.remove("main.4.running_var");
        more.write(&file).unwrap();
        let e = read(&[file]).unwrap_err().to_string();
        assert!(e.contains("`main.4.running_var` is missing"), "{e}");
    }

    #[test]
    fn names_are_listed_but_not_by_the_hundred() {
        let names: Vec<String> = (0..9).map(|i| format!("w{i}")).collect();
        let all = some(names.iter().map(String::as_str));
        assert!(
            all.starts_with("`w0`, `w1`") && all.ends_with("`w5`, ..."),
            "{all}"
        );
        assert_eq!(some(["a"].into_iter()), "`a`");
    }
}

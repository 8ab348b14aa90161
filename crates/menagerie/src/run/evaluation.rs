//! What evaluation reads and writes: extractors by name, reference statistics in a cache.
use super::Run;
use crate::data::{Arrays, Dataset, Source};
use crate::error::{Error, Result, nearest};
use crate::judge::extractor::{Extractor, Resize, sha256};
use crate::judge::gather::Gathered;
use crate::judge::pretrained::{ImageNet, Inception};
use crate::nn::read_torch;
use burn::tensor::Device;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// The weights of the FID reference, as pytorch-fid publishes them.
const INCEPTION: &str = "pt_inception-2015-12-05-6726825d.pth";
/// Their SHA-256 begins with the digits in their name, as PyTorch's hub checks them.
const INCEPTION_SHA256: &str = "6726825d";

/// An extractor by its name: `classifier:RUN` or `features:RUN` of a model that gives features, `inception:FILE` (`inception`
/// alone looks for the file where reference statistics are kept), `imagenet:FILE` (a classifier of natural images in PyTorch's
/// weights, see [`ImageNet`]), `random:SEED` or `pixels`.
///
/// # Errors
/// [`Error::Usage`] for an unknown name or a resize that the extractor does not have; those of the run or the file;
/// [`Error::Data`] when the Inception weights are others than the reference's.
pub fn open_extractor(text: &str, resize: Option<&str>, device: &Device) -> Result<Extractor> {
    let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
    let resize = resize.map(Resize::named).transpose()?;
    if !["inception", "imagenet"].contains(&kind) && resize.is_some_and(|r| r != Resize::None) {
        return Err(Error::usage(
            format!("`{kind}` takes images as they are"),
            "leave --resize out, or bring the images to a size with --size",
        ));
    }
    let missing = |what: &str| {
        Error::usage(
            format!("`{text}` does not say which {what}"),
            format!("write {kind}:{}", what.to_uppercase()),
        )
    };
    match kind {
        "pixels" => Ok(Extractor::pixels()),
        "random" => {
            let seed = if rest.is_empty() { Ok(0) } else { rest.parse() };
            Ok(Extractor::random(seed.map_err(|_| missing("seed"))?, device))
        }
        "classifier" | "features" if rest.is_empty() => Err(missing("run")),
        "classifier" | "features" => {
            let run = Run::open(Path::new(rest))?;
            let name = run.recipe()?.model_name().to_string();
            let (model, checkpoint, _) = run.model(None, device)?;
            // Optimizers do not change what it answers.
            let files = checkpoint
                .state
                .files
                .iter()
                .filter(|(n, _)| !n.starts_with("optimizer"));
            let mut parts = Vec::new();
            for (file, _) in files {
                let path = checkpoint.path.join(file);
                parts.push(std::fs::read(&path).map_err(Error::io("read", path))?);
            }
            Extractor::of_model(name, sha256(parts), model, device)
        }
        "inception" => {
            let kept = Cache::at(None).map(|c| c.folder.join(INCEPTION));
            let path = match (rest, kept) {
                ("", Some(kept)) if kept.is_file() => kept,
                ("", kept) => {
                    let place = kept.map_or(String::new(), |k| format!(" as {}", k.display()));
                    let fix = format!(
                        "keep {INCEPTION} of github.com/mseitzer/pytorch-fid/releases{place}, or write inception:FILE"
                    );
                    return Err(Error::usage("the weights of `inception` are not there", fix));
                }
                _ => PathBuf::from(rest),
            };
            let path = path.as_path();
            let hash = sha256([std::fs::read(path).map_err(Error::io("read", path))?]);
            if !hash.starts_with(INCEPTION_SHA256) {
                let problem = format!(
                    "is not the network of the FID reference: its SHA-256 is {}..., not {INCEPTION_SHA256}...",
                    &hash[..8]
                );
                return Err(Error::data(
                    path,
                    problem,
                    format!("give {INCEPTION} of github.com/mseitzer/pytorch-fid/releases"),
                ));
            }
            let network = Inception::from_state(read_torch(path)?, device)?;
            Ok(Extractor::of_pretrained(
                "inception-2015-12-05".into(),
                hash,
                Box::new(network),
                resize.unwrap_or(Resize::Bilinear),
                device,
            ))
        }
        "imagenet" if rest.is_empty() => Err(missing("file")),
        "imagenet" => {
            let path = Path::new(rest);
            let hash = sha256([std::fs::read(path).map_err(Error::io("read", path))?]);
            let network = ImageNet::from_state(read_torch(path)?, rest, device)?;
            Ok(Extractor::of_pretrained(
                network.name(),
                hash,
                Box::new(network),
                resize.unwrap_or(Resize::Clean),
                device,
            ))
        }
        other => Err(Error::usage(
            format!("there is no extractor `{other}`"),
            nearest(
                other,
                [
                    "classifier",
                    "features",
                    "learned",
                    "inception",
                    "imagenet",
                    "random",
                    "pixels",
                ],
            ),
        )),
    }
}

/// What a figure has to say about its data: source, split, shape, preparation, and a fingerprint of some items.
///
/// # Errors
/// Those of the data.
pub fn data_definition(source: &Source, set: &dyn Dataset) -> Result<Map<String, Value>> {
    let info = set.info();
    let name = Path::new(&source.source)
        .file_name()
        .map_or(source.source.clone(), |n| n.to_string_lossy().into_owned());
    let mut out = Map::new();
    out.insert("source".into(), name.into());
    out.insert("split".into(), source.split.as_str().into());
    out.insert("shape".into(), json!(info.shape));
    out.insert("items".into(), info.count.into());
    out.insert("fingerprint".into(), fingerprint(set)?.into());
    Ok(out)
}

/// A checksum of sixteen items spread over a set: it tells sets apart that share a name and a size.
///
/// # Errors
/// Those of the items.
pub fn fingerprint(set: &dyn Dataset) -> Result<String> {
    let info = set.info();
    let mut bytes = Vec::new();
    for k in 0..16.min(info.count) {
        let mut values = Vec::new();
        set.get(k * (info.count - 1) / 15.min(info.count.max(2) - 1))?
            .values
            .extend(info.kind, &mut values);
        values.iter().for_each(|v| bytes.extend(v.to_le_bytes()));
    }
    Ok(sha256([bytes])[..16].into())
}

/// Gathered statistics of reference data, kept in a folder for the next evaluation.
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// In that folder, or `$XDG_CACHE_HOME/menagerie`, or `~/.cache/menagerie`; none where there is no home.
    pub fn at(folder: Option<PathBuf>) -> Option<Cache> {
        let variable = |name: &str| {
            std::env::var_os(name)
                .filter(|v| !v.is_empty())
                .map(PathBuf::from)
        };
        let home = || {
            variable("XDG_CACHE_HOME")
                .or_else(|| variable("HOME").map(|h| h.join(".cache")))
                .map(|c| c.join("menagerie"))
        };
        folder.or_else(home).map(|folder| Cache { folder })
    }

    /// Where something of that name is kept.
    pub(super) fn place(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn path(&self, definition: &Value) -> PathBuf {
        self.folder.join(format!(
            "reference-{}.npz",
            &sha256([definition.to_string()])[..24]
        ))
    }

    /// What was gathered by exactly this definition; a file that is damaged is as good as none.
    pub fn read(&self, definition: &Value) -> Option<Gathered> {
        let (gathered, found) = read_reference(&self.path(definition)).ok()?;
        (found.as_ref() == Some(definition)).then_some(gathered)
    }

    /// Keeps it.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be written.
    pub fn write(&self, definition: &Value, gathered: &Gathered) -> Result<()> {
        std::fs::create_dir_all(&self.folder).map_err(Error::io("create", &self.folder))?;
        write_reference(&self.path(definition), definition, gathered, true)
    }
}

/// What decides reference statistics: the data, how many items, the extractor.
pub fn reference_definition(data: &Map<String, Value>, extractor: &Extractor, count: usize) -> Value {
    // Items are those of `evaluate::subject::chosen`.
    json!({"data": data, "samples": count, "chosen": "by a fixed draw", "extractor": extractor.definition()})
}

/// Writes statistics as pytorch-fid has them (`mu`, `sigma`), with their definition; with `features`, also what metrics of
/// pairs need.
///
/// # Errors
/// [`Error::Io`] when it cannot be written.
pub fn write_reference(path: &Path, definition: &Value, g: &Gathered, features: bool) -> Result<()> {
    let mut out = Arrays::default();
    out.arrays.insert("mu".into(), (vec![g.width], g.mean.clone()));
    out.arrays
        .insert("sigma".into(), (vec![g.width, g.width], g.covariance.clone()));
    if features {
        let wide = |v: &[f32]| v.iter().map(|&x| x as f64).collect::<Vec<f64>>();
        out.arrays.insert("count".into(), (vec![1], vec![g.count as f64]));
        out.arrays.insert(
            "features".into(),
            (
                vec![g.features.len() / g.width.max(1), g.width],
                wide(&g.features),
            ),
        );
    }
    out.notes.insert("definition.json".into(), definition.to_string());
    out.write(path)
}

/// Statistics that were written here or by pytorch-fid, and their definition where they have one.
///
/// # Errors
/// [`Error::Data`] when the file holds no such statistics.
pub fn read_reference(path: &Path) -> Result<(Gathered, Option<Value>)> {
    let Arrays { mut arrays, notes } = Arrays::read(path)?;
    let wrong = |problem: &str| {
        Error::data(
            path,
            problem,
            "give a file of pytorch-fid, or one that --export-reference wrote",
        )
    };
    let (shape, mean) = arrays.remove("mu").ok_or_else(|| wrong("holds no array `mu`"))?;
    let (square, covariance) = arrays
        .remove("sigma")
        .ok_or_else(|| wrong("holds no array `sigma`"))?;
    let &[width] = &shape[..] else {
        return Err(wrong("has a `mu` that is not a vector"));
    };
    if square != [width, width] || width == 0 {
        return Err(wrong("has a `sigma` that does not fit its `mu`"));
    }
    if mean.iter().chain(&covariance).any(|v| !v.is_finite()) {
        return Err(wrong("has statistics that are not finite"));
    }
    let definition: Option<Value> = notes
        .get("definition.json")
        .and_then(|t| serde_json::from_str(t).ok());
    let counted = arrays
        .get("count")
        .and_then(|(_, v)| v.first())
        .map(|v| *v as usize);
    let count = counted
        .or_else(|| definition.as_ref()?.get("samples")?.as_u64().map(|n| n as usize))
        .unwrap_or(0);
    let features = match arrays.remove("features") {
        Some((s, v)) if s.get(1) == Some(&width) => v.iter().map(|&x| x as f32).collect(),
        _ => vec![],
    };
    Ok((
        Gathered {
            count,
            width,
            mean,
            covariance,
            features,
            ..Gathered::default()
        },
        definition,
    ))
}

/// Statistics from a file that the user names.
///
/// # Errors
/// [`Error::Data`] when they were made with another extractor.
pub fn import_reference(path: &Path, extractor: &Extractor) -> Result<Gathered> {
    let (mut gathered, definition) = read_reference(path)?;
    let made = definition
        .as_ref()
        .and_then(|d| d.get("extractor"))
        .and_then(Value::as_object);
    if let Some(made) = made
        && *made != extractor.definition()
    {
        let say = |m: &Map<String, Value>| {
            let text = |k: &str| {
                m.get(k)
                    .and_then(Value::as_str)
                    .unwrap_or("?")
                    .chars()
                    .take(20)
                    .collect::<String>()
            };
            format!(
                "{} ({:.8}), resize {}",
                text("extractor"),
                text("extractor_sha256"),
                text("resize")
            )
        };
        let problem = format!(
            "was made with {}, the figure asked for uses {}",
            say(made),
            say(&extractor.definition())
        );
        return Err(Error::data(
            path,
            problem,
            "give the same extractor and resize, or make the reference again",
        ));
    }
    // pytorch-fid's files say nothing: their content has to do.
    let said = definition
        .as_ref()
        .and_then(|d| d.get("data"))
        .and_then(Value::as_object)
        .cloned();
    gathered.made_of = Some(match said {
        Some(data) => data,
        None => {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let numbers = gathered
                .mean
                .iter()
                .chain(&gathered.covariance)
                .flat_map(|v| v.to_le_bytes())
                .collect::<Vec<u8>>();
            Map::from_iter([
                ("file".to_string(), name.into()),
                ("fingerprint".to_string(), sha256([numbers])[..16].into()),
            ])
        }
    });
    Ok(gathered)
}

//! Items on their way between a run and files: what a command is given, and what it writes.
use crate::commands::{ComputeArgs, DataArgs};
use crate::output;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use menagerie::data::{
    Batch, DataInfo, Dataset, Kind, Opened, midi, obj_of, renumbered, table_text, wav, write_wav,
};
use menagerie::error::{Error, Result};
use menagerie::explore::UnderClasses;
use menagerie::files;
use menagerie::models::{Capability, LatentSpace, Model, Samples};
use menagerie::picture;
use menagerie::run::evaluator::unheld;
use menagerie::run::{At, Checkpoint, Run, draw_samples, shapes_picture};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Items that a model takes at a time, whatever the number given.
const BATCH: usize = 64;

/// A run that is to answer about items; the same arguments for every such command.
#[derive(clap::Args)]
pub(crate) struct GivenArgs {
    /// A run folder
    pub run: PathBuf,
    /// Which checkpoint: a step, `newest` or `best` (of those judged while training or by `evaluate --every`)
    #[arg(long, value_name = "STEP|best", default_value = "newest")]
    pub checkpoint: At,
    #[command(flatten)]
    pub prepare: DataArgs,
    #[command(flatten)]
    pub compute: ComputeArgs,
}

/// A trained model.
pub(crate) struct Trained {
    /// the run it is from
    pub run: Run,
    /// its registered name
    pub name: String,
    /// the model, ready for use
    pub model: Box<dyn Model>,
    /// where it was read from
    pub checkpoint: Checkpoint,
}

impl Trained {
    /// Its latent space, or an error that names the models with one.
    pub(crate) fn latents(&self) -> Result<&dyn LatentSpace> {
        able(self.model.as_latent_space(), Capability::LatentSpace, &self.name)
    }

    /// The same; of a model that draws by class, within that class, or the commonest of its training.
    pub(crate) fn latents_within(&self, class: Option<u32>) -> Result<Within<'_>> {
        let mixtures = self.model.as_class_mixtures().map(|m| match class {
            Some(class) => UnderClasses::of(m, class as usize),
            None => UnderClasses::of_the_commonest(m, &self.info().shares),
        });
        match (self.model.as_latent_space(), mixtures) {
            (None, Some(under)) => Ok(Within::Class(under)),
            (_, None) if class.is_some() => Err(Error::usage(
                format!("`{}` does not draw from a class", self.name),
                "leave --label out",
            )),
            _ => self.latents().map(Within::All),
        }
    }

    /// What it was trained on.
    pub(crate) fn info(&self) -> &DataInfo {
        &self.checkpoint.state.data
    }
}

/// A latent space, or what is left of it within a class.
pub(crate) enum Within<'a> {
    All(&'a dyn LatentSpace),
    Class(UnderClasses<'a>),
}

impl<'a> std::ops::Deref for Within<'a> {
    type Target = dyn LatentSpace + 'a;

    fn deref(&self) -> &Self::Target {
        match self {
            Within::All(space) => *space,
            Within::Class(under) => under,
        }
    }
}

/// What the model can do, or an error that names those that can.
pub(crate) fn able<T>(can: Option<T>, capability: Capability, name: &str) -> Result<T> {
    can.ok_or_else(|| capability.missing(name))
}

impl GivenArgs {
    /// The run's model; what was passed over is said on standard error.
    pub(crate) fn model(&self) -> Result<Trained> {
        let device = self.compute.device()?;
        let run = Run::open(&self.run)?;
        let name = run.recipe()?.model_name().to_string();
        let (model, checkpoint, warnings) = run.model(self.checkpoint, &device)?;
        for w in warnings {
            eprintln!("warning: {w}");
        }
        Ok(Trained {
            run,
            name,
            model,
            checkpoint,
        })
    }

    /// The items, prepared as the run's recipe prepares its own and as the flags say; without `--data`, the run's own.
    ///
    /// # Errors
    /// When they cannot be opened or have another shape than the run's.
    pub(crate) fn items(&self, trained: &Trained) -> Result<Arc<dyn Dataset>> {
        self.items_of(trained, false)
    }

    /// As [`GivenArgs::items`]; videos may have any number of frames where `any_length` says so.
    ///
    /// # Errors
    /// The same.
    pub(crate) fn items_of(&self, trained: &Trained, any_length: bool) -> Result<Arc<dyn Dataset>> {
        let mut recipe = trained.run.recipe()?;
        let learned = recipe.data()?;
        if self.prepare.data.is_some() || self.prepare.split.is_some() {
            // Classes that were left out of training are there to be asked about.
            recipe.set_all(&[("data.without".to_string(), "[]".to_string())])?;
        }
        if self.prepare.data.is_some() {
            // A limit or split that was chosen for the training data says nothing about others.
            let usual = [
                ("data.limit", "0"),
                ("data.split", "\"train\""),
                ("data.holdout", "0"),
                ("data.array", "\"\""),
                ("data.format", "\"auto\""),
            ];
            recipe.set_all(&usual.map(|(k, v)| (k.to_string(), v.to_string())))?;
        }
        let own = trained.info();
        if own.kind == Kind::Audio {
            // Windows and rate of the run, whatever the recipe found out from its own data.
            let windows = [
                ("data.rate", own.rate.to_string()),
                ("data.length", own.shape[0].to_string()),
            ];
            recipe.set_all(&windows.map(|(k, v)| (k.to_string(), v)))?;
        }
        recipe.set_all(&self.prepare.settings())?;
        let source = recipe.data()?.of_letters(own);
        let Opened {
            dataset,
            mut warnings,
        } = source.open()?;
        warnings.extend(learned.has_learned(&source).map(|why| unheld(&source, &why)));
        let dataset = renumbered(dataset, &own.labels, &mut warnings);
        for w in &warnings {
            eprintln!("warning: {w}");
        }
        let info = dataset.info();
        // The first axis of a video is time.
        let from = usize::from(any_length && own.kind == Kind::Video);
        if info.kind != own.kind || info.shape[from..] != own.shape[from..] {
            let said = |i: &DataInfo| {
                format!(
                    "{} of {}",
                    i.kind.plural(),
                    i.shape.iter().map(usize::to_string).collect::<Vec<_>>().join("x")
                )
            };
            let fix = match info.kind == own.kind && info.kind == Kind::Image {
                true => format!(
                    "bring them to that shape with --size {}x{} --channels {}",
                    own.shape[0], own.shape[1], own.shape[2]
                ),
                false => "give data of that kind".to_string(),
            };
            return Err(Error::data(
                &info.source,
                format!("holds {}, but the run was trained on {}", said(info), said(own)),
                fix,
            ));
        }
        Ok(dataset)
    }
}

/// Some items of a set by number.
///
/// # Errors
/// [`Error::Usage`] for a number past the end.
pub(crate) fn pick(dataset: &dyn Dataset, wanted: &[usize]) -> Result<Batch> {
    let count = dataset.info().count;
    if let Some(bad) = wanted.iter().find(|&&i| i >= count) {
        return Err(Error::usage(
            format!("item {bad} was asked for, but there are {count}"),
            format!("items count from 0 to {}", count - 1),
        ));
    }
    Batch::of(dataset, &wanted.iter().map(|&i| i as u32).collect::<Vec<_>>())
}

/// A bar on a terminal.
pub(crate) fn bar(length: u64) -> ProgressBar {
    let target = if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(Some(length), target);
    bar.set_style(
        ProgressStyle::with_template("{pos}/{len} {wide_bar} {eta} left")
            .unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    bar
}

/// The first `limit` items (0: all), a batch at a time; a bar on a terminal.
pub(crate) fn each(
    dataset: &dyn Dataset,
    limit: usize,
    mut f: impl FnMut(Batch) -> Result<()>,
) -> Result<usize> {
    let count = if limit == 0 {
        dataset.info().count
    } else {
        limit.min(dataset.info().count)
    };
    let bar = bar(count as u64);

    for from in (0..count).step_by(BATCH) {
        let to = count.min(from + BATCH);
        f(Batch::of(dataset, &(from as u32..to as u32).collect::<Vec<_>>())?)?;
        bar.set_position(to as u64);
    }
    bar.finish_and_clear();
    for w in dataset.warnings() {
        eprintln!("warning: {w}");
    }
    Ok(count)
}

/// Samples in the terms of a batch.
pub(crate) fn as_batch(samples: &Samples) -> Batch {
    Batch {
        kind: samples.kind,
        shape: samples.shape.clone(),
        values: samples.values.clone(),
        labels: None,
        attributes: vec![],
        captions: None,
        indices: (0..samples.shape[0] as u32).collect(),
    }
}

/// A batch in the terms of samples.
pub(crate) fn as_samples(batch: &Batch) -> Samples {
    Samples {
        kind: batch.kind,
        shape: batch.shape.clone(),
        values: batch.values.clone(),
    }
}

/// Lays out images in rows of `columns` and writes them as a picture; `.npy` holds them in the same order.
///
/// # Errors
/// [`Error::Usage`] for a picture of items that are not images.
pub(crate) fn write_rows(samples: &Samples, columns: usize, out: &Path) -> Result<()> {
    match (&samples.shape[..], out.extension().and_then(|e| e.to_str())) {
        (&[n, h, w, c], Some("png")) => {
            make_parent(out)?;
            picture::grid(&samples.values, [n, h, w, c], columns).save(out)
        }
        (&[n, d, h, w, c], Some("png")) if samples.kind == Kind::Voxels => {
            make_parent(out)?;
            shapes_picture(&samples.values, [n, d, h, w, c], Some(columns)).save(out)
        }
        _ => write(samples, out),
    }
}

/// Rows of equal length after each other, item by item: `[a0, b0, c0, a1, b1, c1, ...]` of `[a, b, c]`.
pub(crate) fn interleave(parts: &[&Samples]) -> Samples {
    let first = parts[0];
    let n: usize = first.shape[1..].iter().product();
    let mut values = Vec::with_capacity(parts.len() * first.values.len());
    for i in 0..first.shape[0] {
        parts
            .iter()
            .for_each(|p| values.extend_from_slice(&p.values[i * n..(i + 1) * n]));
    }
    Samples {
        kind: first.kind,
        shape: [&[parts.len() * first.shape[0]], &first.shape[1..]].concat(),
        values,
    }
}

/// Refuses to write among a run's own files, which other commands rely on.
pub(crate) fn beside_runs(out: &Path) -> Result<()> {
    const OWN: [&str; 3] = ["checkpoints", "samples", "events"];
    let within = out.ancestors().find(|a| {
        let own = a.file_name().is_some_and(|n| OWN.iter().any(|own| n == *own));
        own && a.with_file_name("recipe.toml").is_file() && a.with_file_name("checkpoints").is_dir()
    });
    match within {
        None => Ok(()),
        Some(folder) => Err(Error::usage(
            format!("--out {} lies among a run's own files", out.display()),
            format!(
                "give another place, such as {}",
                folder.with_file_name("out").display()
            ),
        )),
    }
}

/// Makes the folder that a file is to lie in.
pub(crate) fn make_parent(out: &Path) -> Result<()> {
    beside_runs(out)?;
    match out.parent().filter(|p| !p.as_os_str().is_empty()) {
        Some(parent) => std::fs::create_dir_all(parent).map_err(Error::io("create", parent)),
        None => Ok(()),
    }
}

/// Says where a result is.
pub(crate) fn written(what: impl std::fmt::Display, out: &Path) {
    output::line(format_args!("{what} in {}", out.display()));
}

/// Writes items: a picture (.png), a folder of pictures (DIR/), or an array (.npy).
///
/// # Errors
/// [`Error::Usage`] when the name ends in none of these, or for a folder of points.
pub(crate) fn write(samples: &Samples, out: &Path) -> Result<()> {
    let named_folder = out.to_string_lossy().ends_with(['/', '\\']) || out.is_dir();
    if !named_folder {
        make_parent(out)?;
    }
    match out.extension().and_then(|e| e.to_str()) {
        _ if named_folder => folder(samples, out),
        Some("npy") => picture::write_npy(out, &samples.shape, &unit_range(samples)),
        Some("png") => draw_samples(samples, None, out).map(drop),
        Some("gif") if samples.kind == Kind::Video => draw_samples(samples, None, out).map(drop),
        Some("obj") if samples.kind == Kind::Voxels => mesh(samples, out),
        Some("mid" | "midi") if samples.kind == Kind::Notes => piece(samples, out),

        _ => Err(Error::usage(
            format!("--out {} does not end in a known kind of file", out.display()),
            "end it in .png, .npy (of sounds also .wav, of music .mid, of videos .gif, of shapes .obj, of sequences .fasta or .txt), or / for a folder of files",
        )),
    }
}

/// What is said of shapes at rest and pressed where meshes are asked for.
fn several_channels(channels: usize) -> Error {
    let problem = format!("a mesh is of one shape, and each of these items holds {channels}");
    Error::usage(problem, "give --out FILE.png or FILE.npy")
}

/// Writes the surface of one shape.
fn mesh(samples: &Samples, out: &Path) -> Result<()> {
    match samples.shape[..] {
        [1, d, h, w, 1] if d == h && h == w => {
            files::write_atomically(out, obj_of(&samples.values, d).as_bytes())
        }
        [_, _, _, _, c] if c > 1 => Err(several_channels(c)),
        _ => Err(Error::usage(
            format!(
                "--out {} holds one shape, and there are {}",
                out.display(),
                samples.shape[0]
            ),
            format!("give --out {}/ for a file each", out.with_extension("").display()),
        )),
    }
}

/// Writes one piece of music.
fn piece(samples: &Samples, out: &Path) -> Result<()> {
    match samples.shape[0] {
        1 => files::write_atomically(out, &midi(&samples.values)?),
        n => Err(Error::usage(
            format!(
                "--out {} holds one piece of music, and there are {n}",
                out.display()
            ),
            format!("give --out {}/ for a file each", out.with_extension("").display()),
        )),
    }
}

/// Writes samples as a grid whose cells carry their numbers.
///
/// # Errors
/// [`Error::Usage`] for what is no grid of images.
pub(crate) fn write_numbered(samples: &Samples, out: &Path) -> Result<()> {
    match samples.shape[..] {
        [n, h, w, c] if samples.kind == Kind::Image && out.extension().is_some_and(|e| e == "png") => {
            let columns = (n as f64).sqrt().ceil() as usize;
            picture::numbered_grid(&samples.values, [n, h, w, c], columns).save(out)
        }
        _ => Err(Error::usage(
            "--numbers is for images in a grid",
            "leave it out, or give a .png to --out",
        )),
    }
}

/// Writes items of a run's kind: as [`write()`] does, a sound as a WAV file (.wav) or several as a folder of them (DIR/), sequences as
/// letters (.fasta, .txt), and rows as a table (.csv), with a header where columns have names.
///
/// # Errors
/// Those of [`write()`]; [`Error::Usage`] for a .wav file of several items or of one that is no sound.
pub(crate) fn write_of(info: &DataInfo, samples: &Samples, out: &Path) -> Result<()> {
    let named_folder = out.to_string_lossy().ends_with(['/', '\\']) || out.is_dir();
    match (samples.kind, &samples.shape[..]) {
        (Kind::Audio, &[n, t, c]) if named_folder => {
            let sounds: Vec<&[f32]> = samples.values.chunks_exact((t * c).max(1)).collect();
            numbered(out, n, "wav", |i| wav(sounds[i], info.rate, c))
        }
        (Kind::Audio, &[1, _, c]) if is_wav(out) => {
            make_parent(out)?;
            write_wav(out, &samples.values, info.rate, c)
        }
        (Kind::Audio, &[n, ..]) if is_wav(out) => Err(Error::usage(
            format!("--out {} holds one sound, and there are {n}", out.display()),
            format!("give --out {}/ for a file each", out.with_extension("").display()),
        )),
        (Kind::Sequence, _) if is_letters(out) => {
            make_parent(out)?;
            files::write_atomically(out, lines(info, samples, out).as_bytes())
        }
        (kind, _) if is_letters(out) => Err(Error::usage(
            format!(
                "--out {} is for sequences, and these samples are {}",
                out.display(),
                kind.plural()
            ),
            "end it in .png, .npy, or / for a folder of pictures",
        )),
        _ if is_wav(out) => Err(Error::usage(
            format!(
                "--out {} is for sounds, and these samples are {}",
                out.display(),
                samples.kind.plural()
            ),
            "end it in .png, .npy, or / for a folder of pictures",
        )),
        (Kind::Points, &[_, n]) if is_table(out) => {
            make_parent(out)?;
            files::write_atomically(out, table_text(&info.columns, n, &samples.values).as_bytes())
        }
        _ if is_table(out) => Err(Error::usage(
            format!(
                "--out {} is for rows of a table, and these samples are {}",
                out.display(),
                samples.kind.plural()
            ),
            "end it in .png, .npy, or / for a folder of pictures",
        )),
        _ => write(samples, out),
    }
}

/// How files of letters end.
const LETTERS: [&str; 5] = ["fasta", "fa", "txt", "smi", "smiles"];

/// Whether a file is named as one of sequences.
fn is_letters(out: &Path) -> bool {
    let end = out
        .extension()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase();
    LETTERS.contains(&&end[..])
}

/// Sequences as letters, one a line; in FASTA with a header each.
fn lines(info: &DataInfo, samples: &Samples, out: &Path) -> String {
    let fasta = out
        .extension()
        .is_some_and(|e| e.to_string_lossy().to_lowercase().starts_with("fa"));
    let one = |(i, letters): (usize, String)| match fasta {
        true => format!(">sample_{i}\n{letters}\n"),
        false => letters + "\n",
    };
    info.letters(&samples.values)
        .into_iter()
        .enumerate()
        .map(one)
        .collect()
}

/// Whether a file is named as a table.
fn is_table(out: &Path) -> bool {
    out.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv"))
}

/// Whether a file is named as a sound.
pub(crate) fn is_wav(out: &Path) -> bool {
    out.extension().is_some_and(|e| e.eq_ignore_ascii_case("wav"))
}

/// Writes a folder of files `00000.END`, `00001.END`, ..., all or none; those of an earlier, longer draw go.
fn numbered(out: &Path, count: usize, end: &str, one: impl Fn(usize) -> Result<Vec<u8>>) -> Result<()> {
    beside_runs(out)?;
    let width = count.to_string().len().max(5);
    files::write_folder(out, count, |i| Ok((format!("{i:0width$}.{end}"), one(i)?))).map(drop)
}

/// Images in [0, 1] as `.npy` files have them; points as they are.
fn unit_range(samples: &Samples) -> Vec<f32> {
    match samples.kind {
        Kind::Image | Kind::Video | Kind::Pair | Kind::Unpaired | Kind::Voxels => samples
            .values
            .iter()
            .map(|v| (v * 0.5 + 0.5).clamp(0.0, 1.0))
            .collect(),
        _ => samples.values.clone(),
    }
}

fn folder(samples: &Samples, out: &Path) -> Result<()> {
    let n = samples.shape[0];
    let each = (samples.values.len() / n.max(1)).max(1);
    let one = |i: usize| &samples.values[i * each..][..each];
    match (samples.kind, &samples.shape[1..]) {
        (Kind::Video, &[t, h, w, c]) => {
            numbered(out, n, "gif", |i| picture::animation(one(i), [1, t, h, w, c], 1))
        }
        (Kind::Image, &[h, w, c]) => numbered(out, n, "png", |i| {
            let picture = picture::image(one(i), [h, w, c]);
            // As the data have it, so that samples can be compared with them.
            if c == 1 { picture.grey() } else { picture }.png()
        }),
        (Kind::Notes, _) => numbered(out, n, "mid", |i| midi(one(i))),
        (Kind::Voxels, &[d, _, _, 1]) => numbered(out, n, "obj", |i| Ok(obj_of(one(i), d).into_bytes())),
        (Kind::Voxels, &[.., c]) => Err(several_channels(c)),
        (kind, _) => Err(Error::usage(
            format!("a folder holds pictures, and these samples are {}", kind.plural()),
            "give --out FILE.npy or FILE.png",
        )),
    }
}

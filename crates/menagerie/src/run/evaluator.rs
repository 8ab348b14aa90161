//! Judging in one place, for the command and for training: the data that are compared with, the extractor, statistics of
//! the data from a file, the cache or gathered, and then any number of subjects.
use super::evaluation::{
    Cache, data_definition, import_reference, open_extractor, reference_definition, write_reference,
};
use super::learned::learned;
use super::{At, Run};
use crate::data::{DataInfo, Dataset, Item, Kind, Opened, Source, recoded, renumbered};
use crate::error::{Error, Result};
use crate::judge::extractor::Extractor;
use crate::judge::gather::Gathered;
use crate::judge::subject::Subject;
use crate::judge::{Judge, Metric, Needs, Reference, Tell, Verdict, gather, metric};
use crate::models::Model;
use crate::random::Key;
use crate::recipe::Recipe;
use burn::tensor::Device;
use serde_json::{Map, Value};
use std::path::PathBuf;
use std::sync::Arc;

/// How to judge.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// metrics by name; none for those that suit
    pub metrics: Vec<String>,
    /// samples to draw, and items of the data to compare with
    pub count: usize,
    /// what gives features; None for `learned` where images of one's own have no classes, else for `random:0`
    pub extractor: Option<String>,
    /// how images are brought to the extractor's size
    pub resize: Option<String>,
    /// a file of statistics to compare with, instead of the data's own
    pub reference: Option<PathBuf>,
    /// where the data's statistics are written
    pub export_reference: Option<PathBuf>,
    /// where statistics are kept for the next time; None for the user's cache
    pub cache: Option<PathBuf>,
    /// a run that attacks, for `defended-accuracy`
    pub attacker: Option<PathBuf>,
    /// a run that turns images into their layouts, for `layout-agreement`
    pub segmenter: Option<PathBuf>,
    /// what `attribute-flips` looks at; none for what the data's sides differ in
    pub traits: Vec<String>,
    /// the same seed gives the same figures
    pub seed: u64,
}

/// Data to compare with, and how they are named in definitions.
pub struct Compared {
    source: Source,
    set: Arc<dyn Dataset>,
    training: Option<Arc<dyn Dataset>>,
    definition: Map<String, Value>,
    /// when and how large the files are, so that statistics of files that have changed are not taken for theirs
    stamp: String,
}

/// Ready to judge.
pub struct Evaluator {
    settings: Settings,
    names: Vec<String>,
    data: Option<Compared>,
    extractor: Option<Extractor>,
    untrained: Option<Box<dyn Model>>,
    attacker: Other,
    segmenter: Other,
    gathered: Option<Gathered>,
    notes: Vec<String>,
}

/// Another model that is asked, and its name.
type Other = Option<(Box<dyn Model>, String)>;

fn asked_too(other: &Other) -> Option<(&dyn Model, &str)> {
    other.as_ref().map(|(model, name)| (&**model, &name[..]))
}

impl Compared {
    /// Opens data for what has that description, and gives what is to be said of damaged items: the given split; without
    /// one the test split, or the training items where there is none.
    ///
    /// # Errors
    /// Those of the data; [`Error::Data`] when they are of another kind or shape.
    pub fn open(source: &Source, split: Option<&str>, info: &DataInfo) -> Result<(Compared, Vec<String>)> {
        let source = source.clone().of_letters(info);
        let of = |split: &str| Source {
            split: split.into(),
            ..source.clone()
        };
        let (source, opened) = match split {
            Some(split) => (of(split), of(split).open()?),
            None => match of("test").open() {
                Err(Error::Split { .. }) => match of("train").open() {
                    Err(Error::Split { .. }) => (of("all"), of("all").open()?),
                    opened => (of("train"), opened?),
                },
                opened => (of("test"), opened?),
            },
        };
        let Opened {
            dataset,
            mut warnings,
        } = opened;
        let set = renumbered(dataset, &info.labels, &mut warnings);
        let set = recoded(set, &info.columns, &mut warnings)?;
        let theirs = set.info();
        // Pairs are two sides, too.
        let same = theirs.kind == info.kind || (info.kind == Kind::Unpaired && theirs.kind == Kind::Pair);
        if !same || theirs.shape != info.shape {
            let size = |i: &DataInfo| i.shape.iter().map(usize::to_string).collect::<Vec<_>>().join("x");
            let say = |i: &DataInfo| format!("{} of {}", i.kind.plural(), size(i));
            let fix = match theirs.kind == Kind::Image && info.kind == Kind::Image {
                true => format!(
                    "bring them together with --size {}x{} --channels {}",
                    info.shape[0],
                    info.shape[1],
                    // Colour becomes grey without a loss where all its channels are the same.
                    info.shape[2].min(theirs.shape[2])
                ),
                false => "compare with data of the same kind".into(),
            };
            return Err(Error::data(
                &source.source,
                format!("holds {}, what is judged {}", say(theirs), say(info)),
                fix,
            ));
        }
        let training = if source.split == "test" {
            let opened = of("train").open().ok();
            let set = opened.map(|o| renumbered(o.dataset, &info.labels, &mut vec![]));
            set.map(|s| recoded(s, &info.columns, &mut vec![])).transpose()?
        } else {
            None
        };
        let data = Compared {
            definition: data_definition(&source, &*set)?,
            stamp: stamp(&source.source),
            source,
            set,
            training,
        };
        Ok((data, warnings))
    }

    /// Says where the items were not held out from a training on `own`. Figures of such are not those of others: their
    /// definition has `learned`.
    pub fn beside(&mut self, own: &Source) -> Option<String> {
        let why = own.has_learned(&self.source)?;
        self.definition.insert("learned".into(), true.into());
        Some(unheld(&self.source, &why))
    }

    /// No items, where a file has their statistics.
    fn nothing(info: &DataInfo) -> Compared {
        let info = DataInfo {
            count: 0,
            source: "nothing".into(),
            ..info.clone()
        };
        Compared {
            source: Source::default(),
            set: Arc::new(Nothing(info)),
            training: None,
            definition: Map::new(),
            stamp: String::new(),
        }
    }

    /// Whether they are images from files of which none has a class: photos of one's own.
    fn are_own_without_classes(&self) -> bool {
        let info = self.set.info();
        info.kind == Kind::Image && info.count > 0 && info.labels.is_empty() && !self.stamp.is_empty()
    }

    /// The extractor that learns from their training items, or from them where there are no others.
    fn learned(
        &self,
        settings: &Settings,
        device: &Device,
        tell: Tell,
        notes: &mut Vec<String>,
    ) -> Result<Extractor> {
        if settings.resize.as_deref().is_some_and(|r| r != "none") {
            return Err(Error::usage(
                "`learned` takes images as they are",
                "leave --resize out, or bring the images to a size with --size",
            ));
        }
        let set = self.training.as_ref().unwrap_or(&self.set);
        let cache = Cache::at(settings.cache.clone());
        let (extractor, note) = learned(set, &self.stamp, cache.as_ref(), device, tell)?;
        notes.extend(note);
        Ok(extractor)
    }

    /// Items there are to compare with.
    pub fn count(&self) -> usize {
        self.set.info().count
    }

    /// The data a run was trained on: its training data's limit, and the classes left out of them, say nothing about held-out items. (Of painted faces
    /// there are as many as are asked for.)
    pub fn of_run(source: Source) -> Source {
        if source.source == "portraits" {
            source
        } else {
            Source {
                limit: 0,
                without: vec![],
                ..source
            }
        }
    }
}

/// What is said of items that are called a test split and were not held out.
pub fn unheld(asked: &Source, why: &str) -> String {
    format!(
        "{}: the run was not trained without these items: {why}; figures of held-out items take a run that held them out",
        asked.source
    )
}

struct Nothing(DataInfo);

impl Dataset for Nothing {
    fn info(&self) -> &DataInfo {
        &self.0
    }

    fn get(&self, index: usize) -> Result<Item> {
        Err(Error::usage(
            format!("there is no item {index}: statistics alone were given"),
            "give --data SOURCE",
        ))
    }
}

/// Number, bytes and latest change of the files at a path; nothing for data that are built in.
fn stamp(source: &str) -> String {
    let (mut files, mut bytes, mut latest) = (0u64, 0u64, 0u128);
    let mut open = vec![PathBuf::from(source)];
    while let Some(path) = open.pop() {
        let Ok(meta) = std::fs::metadata(&path) else {
            continue;
        };
        if meta.is_dir() {
            open.extend(
                std::fs::read_dir(&path)
                    .into_iter()
                    .flatten()
                    .flatten()
                    .map(|e| e.path()),
            );
            continue;
        }
        let changed = meta
            .modified()
            .ok()
            .and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
        (files, bytes) = (files + 1, bytes + meta.len());
        latest = latest.max(changed.map_or(0, |d| d.as_nanos()));
    }
    if files == 0 {
        String::new()
    } else {
        format!("{files} files, {bytes} bytes, {latest}")
    }
}

impl Evaluator {
    /// Opens the extractor and brings the data's statistics, where a metric needs them. `subject` is what will be judged,
    /// or something like it.
    ///
    /// # Errors
    /// [`Error::Usage`] when no metric suits the subject, or one that is named does not; those of the extractor, the data
    /// and the file of statistics.
    pub fn new(
        settings: Settings,
        subject: Subject,
        data: Option<Compared>,
        device: &Device,
        tell: Tell,
    ) -> Result<Evaluator> {
        if settings.count == 0 {
            return Err(Error::usage(
                "0 samples leave nothing to judge",
                "give thousands if you can",
            ));
        }
        let named: Vec<&Metric> = settings
            .metrics
            .iter()
            .map(|m| metric(m).map(|m| m.0))
            .collect::<Result<_>>()?;
        if let Subject::Model { model, name, .. } = subject {
            let missing = named.iter().find_map(|m| m.needs.missing(model));
            if let Some(capability) = missing {
                return Err(capability.missing(name));
            }
        }
        let draws = match subject {
            Subject::Model { model, .. } => model.as_sample().is_some(),
            Subject::Items(_) => true,
        };
        let wanted = settings.export_reference.is_some()
            || if named.is_empty() {
                // Of videos only a classifier of frames tells anything.
                let kind = subject.info().kind;
                draws && (kind == Kind::Image || kind == Kind::Video && settings.extractor.is_some())
            } else {
                // A supervised network stands beside others where one is given.
                let beside = |m: &&Metric| m.name == "linear-probe" && settings.extractor.is_some();
                named.iter().any(|m| m.needs.extractor() || beside(m))
            };
        // A file of statistics is enough for metrics that ask for no more.
        let alone = settings.reference.is_some() && data.is_none();
        if let Some(m) = named
            .iter()
            .find(|m| alone && !m.needs.reference_features() && !matches!(m.needs, Needs::Capability(_)))
        {
            return Err(Error::usage(
                format!("`{}` compares with data, not with statistics of data", m.name),
                "give --data SOURCE",
            ));
        }
        let data = if alone {
            Some(Compared::nothing(subject.info()))
        } else {
            data
        };
        let mut settings = settings;
        if alone && named.is_empty() {
            settings.metrics = vec!["fid".into()];
        }
        let mut notes = Vec::new();
        let extractor = match (wanted, settings.extractor.as_deref(), &data) {
            (false, ..) => None,
            (_, Some("learned"), Some(data)) if !alone => {
                Some(data.learned(&settings, device, tell, &mut notes)?)
            }
            (_, Some("learned"), _) => {
                let problem = "`learned` learns from data, and none were given";
                return Err(Error::usage(problem, "give --data SOURCE"));
            }
            (_, None, Some(data)) if data.are_own_without_classes() => {
                Some(data.learned(&settings, device, tell, &mut notes)?)
            }
            (_, named, _) => Some(open_extractor(
                named.unwrap_or("random:0"),
                settings.resize.as_deref(),
                device,
            )?),
        };
        let compared = settings.export_reference.is_some()
            || named.is_empty() && subject.info().kind == Kind::Image
            || named.iter().any(|m| m.needs.reference_features());
        let mut out = Evaluator {
            settings,
            names: vec![],
            data,
            extractor,
            untrained: None,
            attacker: None,
            segmenter: None,
            gathered: None,
            notes,
        };
        if let (Some(extractor), Some(data), true) = (&out.extractor, &out.data, compared) {
            let (gathered, note) = out.reference(extractor, data, tell)?;
            out.gathered = Some(gathered);
            out.notes.extend(note);
        }
        out.names = match out.settings.metrics.is_empty() {
            true => out
                .judging(subject)
                .usual()
                .into_iter()
                .map(String::from)
                .collect(),
            false => out.settings.metrics.clone(),
        };
        if out.names.is_empty() {
            let problem = match subject {
                Subject::Items(_) if out.data.is_none() => {
                    "samples are compared with data, and none were given"
                }
                _ => "no metric suits what is judged",
            };
            return Err(Error::usage(
                problem,
                "give --data SOURCE, and --metrics of `menagerie evaluate --list`",
            ));
        }
        Ok(out)
    }

    /// Statistics of the data: imported, from the cache, or gathered now; and what is to be said of it.
    fn reference(
        &self,
        extractor: &Extractor,
        data: &Compared,
        tell: Tell,
    ) -> Result<(Gathered, Option<String>)> {
        let settings = &self.settings;
        if let Some(path) = &settings.reference {
            return Ok((import_reference(path, extractor)?, None));
        }
        let count = settings.count.min(data.set.info().count);
        let definition = reference_definition(&data.definition, extractor, count);
        let mut kept_as = definition.clone();
        kept_as["stamp"] = data.stamp.as_str().into();
        let cache = Cache::at(settings.cache.clone());
        let mut note = None;
        let gathered = match cache.as_ref().and_then(|c| c.read(&kept_as)) {
            Some(g) => g,
            None => {
                let g = gather(&*data.set, extractor, count, tell)?;
                if let Some(Err(e)) = cache.map(|c| c.write(&kept_as, &g)) {
                    note = Some(format!("the statistics of the data are not kept: {e}"));
                }
                g
            }
        };
        if let Some(path) = &settings.export_reference {
            write_reference(path, &definition, &gathered, false)?;
        }
        Ok((gathered, note))
    }

    fn judging<'a>(&'a self, subject: Subject<'a>) -> Judge<'a> {
        let reference = self.data.as_ref().map(|d| Reference {
            set: &*d.set,
            definition: &d.definition,
            training: d.training.as_deref(),
            gathered: self.gathered.as_ref(),
        });
        let key = Key::new(self.settings.seed).stream("evaluate");
        let mut judge = Judge::new(
            subject,
            reference,
            self.extractor.as_ref(),
            self.settings.count,
            key,
        );
        judge.untrained = self.untrained.as_deref();
        judge.traits = &self.settings.traits;
        judge.attacker = asked_too(&self.attacker);
        judge.segmenter = asked_too(&self.segmenter);
        judge
    }

    /// Keeps the run's networks as they were before they learned, where a metric shows them beside, and opens other runs that are asked.
    ///
    /// # Errors
    /// Those of building the model.
    pub fn beside(mut self, recipe: &Recipe, info: &DataInfo, device: &Device) -> Result<Evaluator> {
        let beside = |n: &String| {
            n == "linear-probe"
                || n == "identification"
                || metric(n).is_ok_and(|(m, _)| m.needs == Needs::Notes)
        };
        if self.names.iter().any(beside) {
            let key = Key::new(recipe.train()?.seed).stream("init");
            self.untrained = Some(recipe.build(info, device, key)?);
        }
        let opened = |path: &Option<PathBuf>| -> Result<Other> {
            let Some(path) = path else {
                return Ok(None);
            };
            let run = Run::open(path)?;
            let name = run.recipe()?.model_name().to_string();
            Ok(Some((run.model(At::Newest, device)?.0, name)))
        };
        self.attacker = opened(&self.settings.attacker)?;
        self.segmenter = opened(&self.settings.segmenter)?;
        Ok(self)
    }

    /// The metrics that are worked out.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// What is to be said of the preparation.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The extractor that was taken because none was named: `random:0` or `learned`.
    pub fn taken(&self) -> Option<&str> {
        let extractor = self.extractor.as_ref()?;
        self.settings.extractor.is_none().then(|| extractor.name())
    }

    /// Works out every metric for a subject. The same model gives the same figures.
    ///
    /// # Errors
    /// Those of the metrics.
    pub fn judge(&self, subject: Subject, tell: Tell) -> Result<Vec<Verdict>> {
        let mut judge = self.judging(subject);
        let mut verdicts = Vec::new();
        for name in &self.names {
            verdicts.extend(judge.work_out(name, tell)?);
        }
        Ok(verdicts)
    }
}

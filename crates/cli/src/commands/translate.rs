use crate::items::{GivenArgs, Trained, able, make_parent, written};
use crate::output;
use menagerie::data::{Batch, Dataset, Kind, Pictures, Side};
use menagerie::error::{Error, Result};
use menagerie::explore::in_tiles;
use menagerie::limits::affordable;
use menagerie::models::{Capability, Direction, Translate, Wish};
use menagerie::{Key, files, picture};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Arguments of `menagerie translate`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  menagerie translate runs/pix2pix-001 --out faces.png
  menagerie translate runs/cycle_gan-001 --data your/photos --direction b2a --out translated/
  menagerie translate runs/star_gan-001 --to glasses --to woman=0 --out faces.png
  menagerie translate runs/cycle_gan-001 --data your/photos --tile 128 --out translated/
  menagerie translate runs/pix2pix-001 -n 8 --samples 4 --out several.png
  menagerie translate runs/bicycle_gan-001 -n 8 --samples 4 --out many.png
  menagerie translate runs/bicycle_gan-001 --reference your/photos/07.png --out alike.png")]
pub(crate) struct Args {
    #[command(flatten)]
    given: GivenArgs,
    /// From the first side to the second (a2b) or back (b2a) [default: what the run has learned, a2b of both]
    #[arg(long, value_name = "a2b|b2a")]
    direction: Option<Direction>,
    /// Of models of many domains: what images are to show, and how much of it (0 to 1; NAME alone is 1, NAME=0 takes it away)
    /// [default: a column for each domain of the run]
    #[arg(long, value_name = "NAME[=AMOUNT]", value_parser = domain)]
    to: Vec<(String, f32)>,
    /// Translate images that are larger in overlapping pieces of so many pixels, faded into each other
    #[arg(long, value_name = "SIZE")]
    tile: Option<usize>,
    /// Of models of styles: an image whose style all are to have [default: a style is drawn for each]
    #[arg(long, value_name = "FILE")]
    reference: Option<PathBuf>,
    /// Translations of each image, of models that draw
    #[arg(long, value_name = "K", default_value_t = 1)]
    samples: usize,
    /// How many images [default: 8 for a picture, else all]
    #[arg(short, value_name = "N")]
    n: Option<usize>,
    /// The same seed gives the same draws
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// A picture (.png) with a row an image: what was given, its translations, and what they should be where that is known; a
    /// folder (DIR/) of translations by the names of the images, each in its own size; or an array (.npy)
    #[arg(long, value_name = "FILE", default_value = "translation.png")]
    out: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Where images come from.
enum Given {
    /// files, each in its own size
    Files(Pictures),
    /// items of a set, with the other image of each where they are pairs
    Set(Arc<dyn Dataset>),
}

/// An image to translate.
struct Image {
    /// without an ending
    name: String,
    /// the name of its class, where it has one
    label: Option<String>,

    /// `[1, height, width, channel]`
    given: Batch,
    /// what it should become, where that is known
    truth: Option<Vec<f32>>,
}

/// What an image became.
struct Translated {
    image: Image,
    draws: Vec<Vec<f32>>,
}

/// Translates images.
pub(crate) fn run(args: Args) -> Result<()> {
    if args.samples == 0 || args.n == Some(0) {
        return Err(Error::usage(
            "0 images or translations leave nothing to write",
            "give -n and --samples 1 or more",
        ));
    }
    let folder = args.out.to_string_lossy().ends_with(['/', '\\']) || args.out.is_dir();
    let end = args.out.extension().and_then(|e| e.to_str());
    if !folder && !matches!(end, Some("png" | "npy")) {
        return Err(Error::usage(
            format!(
                "--out {} does not end in a known kind of file",
                args.out.display()
            ),
            "end it in .png, .npy, or / for a folder of pictures",
        ));
    }
    let trained = args.given.model()?;
    let model = able(trained.model.as_translate(), Capability::Translate, &trained.name)?;
    let direction = match (args.direction, model.directions()) {
        (Some(_), []) => {
            return Err(Error::usage(
                format!("`{}` has no two sides", trained.name),
                format!("give --to with one of {}", model.domains().join(", ")),
            ));
        }
        (Some(d), _) => d,
        (None, sides) => sides.first().copied().unwrap_or_default(),
    };
    if args.samples > 1 && !model.draws() {
        return Err(Error::usage(
            format!(
                "`{}` draws nothing: all translations of an image are the same",
                trained.name
            ),
            "leave --samples out",
        ));
    }
    if args.samples > 1 && args.reference.is_some() {
        return Err(Error::usage(
            "--reference says which style all are to have, and --samples asks for several",
            "leave one of the two out",
        ));
    }
    let reference = match &args.reference {
        Some(path) => Some(reference(path, &trained, model)?),
        None => None,
    };
    let wishes = wishes(&args, model);
    let columns = wishes.len() * args.samples;
    let given = given(&args, &trained, model, direction, folder)?;
    let there = given.count(direction);
    let count = match (args.n, folder || end == Some("npy")) {
        (Some(n), _) => n.min(there),
        (None, true) => there,
        (None, false) => there.min(8),
    };
    let key = Key::new(args.seed).stream("translate");
    let turned = |i: usize| -> Result<Translated> {
        let image = given.image(i, direction)?;
        let draw = |k: usize| {
            let wish = Wish {
                direction,
                to: &wishes[k / args.samples],
                reference: reference.as_ref(),
            };
            let key = key.step((k % args.samples) as u64);
            let [h, w] = [1, 2].map(|a| image.given.shape[a]);
            match args.tile {
                Some(tile) if tile < h.max(w) => in_tiles(model, &image.given, &wish, key, tile),
                _ => Ok(model.translate(&image.given, &wish, key)?.values),
            }
        };
        let draws = (0..columns).map(draw).collect::<Result<_>>()?;
        Ok(Translated { image, draws })
    };
    if folder {
        write_files(&args.out, count, columns, given.has_labels(), turned)?;
    } else {
        write_one(&args.out, count, turned)?;
    }
    if args.json {
        let to: Vec<String> = wishes.iter().map(|w| words(w)).collect();
        output::json(
            &json!({"count": count, "direction": direction.name(), "to": to, "samples": args.samples, "out": args.out}),
        );
    } else {
        let how = match model.domains() {
            [] => direction.name().to_string(),
            _ => wishes.iter().map(|w| words(w)).collect::<Vec<_>>().join("; "),
        };
        written(format_args!("{count} images, {how}"), &args.out);
    }
    Ok(())
}

/// `NAME` or `NAME=AMOUNT`.
fn domain(text: &str) -> std::result::Result<(String, f32), String> {
    let Some((name, amount)) = text.rsplit_once('=') else {
        return Ok((text.into(), 1.0));
    };
    match amount.parse::<f32>() {
        Ok(amount) if (0.0..=1.0).contains(&amount) => Ok((name.into(), amount)),
        _ => Err(format!("`{amount}` is no amount; give 0 to 1")),
    }
}

/// What is asked for, a column each: all of `--to` together, or each of the run's domains alone.
fn wishes(args: &Args, model: &dyn Translate) -> Vec<Vec<(String, f32)>> {
    match (args.to.is_empty(), model.domains()) {
        (true, [_, ..]) => model.domains().iter().map(|d| vec![(d.clone(), 1.0)]).collect(),
        _ => vec![args.to.clone()],
    }
}

/// A wish in words.
fn words(wish: &[(String, f32)]) -> String {
    let one = |(name, amount): &(String, f32)| match *amount {
        1.0 => name.clone(),
        amount => format!("{name}={amount}"),
    };
    wish.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// The image whose style is wanted, brought to the size of the run's own.
fn reference(path: &Path, trained: &Trained, model: &dyn Translate) -> Result<Batch> {
    if !model.takes_reference() {
        return Err(Error::usage(
            format!(
                "`{}` takes no reference: nothing in it tells a style",
                trained.name
            ),
            "leave --reference out",
        ));
    }
    let own = trained.run.recipe()?.data()?;
    let source = menagerie::data::Source {
        source: path.display().to_string(),
        split: "all".into(),
        limit: 0,
        ..own
    };
    let found = match path.is_file() {
        true => Pictures::open(&source, model.channels(), &mut Vec::new())?,
        false => None,
    };
    let found = found.ok_or_else(|| {
        Error::usage(
            format!("{} is no image file", path.display()),
            "give --reference one image of the side asked for",
        )
    })?;
    let file = found.get(0)?;
    let [h, w, c] = file.shape;
    Ok(Batch {
        kind: Kind::Image,
        shape: vec![1, h, w, c],
        values: file.values,
        labels: None,
        attributes: vec![],
        captions: None,
        indices: vec![0],
    })
}

/// Opens what is to be translated: files in their own sizes, or a set prepared as the run's own data.
fn given(
    args: &Args,
    trained: &Trained,
    model: &dyn Translate,
    direction: Direction,
    folder: bool,
) -> Result<Given> {
    let mut recipe = trained.run.recipe()?;
    if args.given.prepare.data.is_some() {
        let usual = [
            ("data.limit", "0"),
            ("data.split", "\"all\""),
            ("data.holdout", "0"),
            ("data.array", "\"\""),
            ("data.format", "\"auto\""),
        ];
        recipe.set_all(&usual.map(|(k, v)| (k.to_string(), v.to_string())))?;
    }
    recipe.set_all(&args.given.prepare.settings())?;
    let mut source = recipe.data()?;
    let own = args.given.prepare.data.is_none();
    let lies = Path::new(&source.source).exists() || source.source.contains("::");
    if !own && lies && args.given.prepare.size.is_none() {
        // Files keep their sizes unless another is asked for.
        source.size = vec![];
    }
    let whole = !own && lies && source.side(direction.from()).is_ok();
    if args.given.prepare.split.is_none() && !whole {
        // Images that it has not seen, where there are such.
        source.split = "test".into();
        if source.open().is_err() {
            source.split = "train".into();
        }
    }
    // A picture shows what a pair's other image is; files are read one by one, in their own sizes and by their names.
    let pairs = || !folder && source.open().is_ok_and(|o| o.dataset.info().kind == Kind::Pair);
    let mut warnings = Vec::new();
    let files = match lies && (!own || folder) && !pairs() {
        true => {
            let side = source.side(direction.from())?.unwrap_or(source.clone());
            Pictures::open(&side, model.channels(), &mut warnings)?
        }
        false => None,
    };
    let given = match files {
        Some(files) => Given::Files(files),
        None => {
            let opened = source.open()?;
            warnings.extend(opened.warnings);
            Given::Set(opened.dataset)
        }
    };
    warnings.iter().for_each(|w| eprintln!("warning: {w}"));
    Ok(given)
}

impl Given {
    /// Images of the side that is given.
    fn count(&self, direction: Direction) -> usize {
        match self {
            Given::Files(files) => files.len(),
            Given::Set(set) if set.info().kind.has_sides() => set.side_counts()[direction.from()],
            Given::Set(set) => set.info().count,
        }
    }

    /// Whether images have classes, which are written beside their translations.
    fn has_labels(&self) -> bool {
        match self {
            Given::Files(files) => files.has_labels(),
            Given::Set(set) => !set.info().labels.is_empty(),
        }
    }

    fn image(&self, i: usize, direction: Direction) -> Result<Image> {
        match self {
            Given::Files(files) => {
                let file = files.get(i)?;
                let [h, w, c] = file.shape;
                Ok(Image {
                    name: file.path.with_extension("").to_string_lossy().into_owned(),
                    label: file.label,
                    given: Batch {
                        kind: Kind::Image,
                        shape: vec![1, h, w, c],
                        values: file.values,
                        labels: None,
                        attributes: vec![],
                        captions: None,
                        indices: vec![i as u32],
                    },
                    truth: None,
                })
            }
            Given::Set(set) => {
                let name = format!("{i:05}");
                let one = |set: &dyn Dataset| Batch::of(set, &[i as u32]);
                let item = one(&**set)?;
                // Of sides without pairs, the class is the first one's.
                let of_both = set.info().kind != Kind::Unpaired || direction.from() == 0;
                let class = item.labels.as_ref().and_then(|l| l.first()).filter(|_| of_both);
                let label = class.and_then(|&c| set.info().labels.get(c as usize).cloned());
                let Some(side) = Side::of(&**set, direction.from()) else {
                    return Ok(Image {
                        name,
                        label,
                        given: item,
                        truth: None,
                    });
                };
                let truth = match set.info().kind {
                    Kind::Pair => Some(item.side(direction.to()).values),
                    _ => None,
                };
                Ok(Image {
                    name,
                    label,
                    given: one(&side)?,
                    truth,
                })
            }
        }
    }
}

/// A file an image by its name, `NAME-2.png` being its second translation; with `labels`, metadata.csv says the class of each.
fn write_files(
    out: &Path,
    count: usize,
    samples: usize,
    labels: bool,

    turned: impl Fn(usize) -> Result<Translated>,
) -> Result<()> {
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    let mut now: Option<(usize, Translated)> = None;
    let mut table = String::from("file_name,label\n");
    files::write_folder(out, count * samples + usize::from(labels), |k| {
        if k == count * samples {
            return Ok(("metadata.csv".into(), std::mem::take(&mut table).into_bytes()));
        }

        let (i, draw) = (k / samples, k % samples);
        if now.as_ref().is_none_or(|(at, _)| *at != i) {
            now = Some((i, turned(i)?));
        }
        let Some((_, t)) = &now else {
            return Err(Error::usage("nothing was translated", "report this as a bug"));
        };
        // A folder is flat: `cats/1.png` becomes `cats-1.png`.
        let stem = t.image.name.replace(['/', '\\'], "-");
        let name = match draw {
            0 => format!("{stem}.png"),
            _ => format!("{stem}-{}.png", draw + 1),
        };
        if let Some(other) = taken.insert(name.clone(), i) {
            return Err(Error::usage(
                format!(
                    "images {} and {} would both be written to {name}",
                    other + 1,
                    i + 1
                ),
                "translate the folders that they lie in one by one",
            ));
        }
        let label = t.image.label.as_deref().unwrap_or_default();
        table += &format!("{},{}\n", files::csv_field(&name), files::csv_field(label));
        let [h, w, c] = [1, 2, 3].map(|a| t.image.given.shape[a]);
        let picture = picture::image(&t.draws[draw], [h, w, c]);
        let picture = if c == 1 { picture.grey() } else { picture };
        Ok((name, picture.png()?))
    })
    .map(drop)
}

/// A row an image in one picture, or the translations alone in one array; all must have one size.
fn write_one(out: &Path, count: usize, turned: impl Fn(usize) -> Result<Translated>) -> Result<()> {
    let array = out.extension().is_some_and(|e| e == "npy");
    let (mut values, mut shape, mut columns) = (Vec::new(), None::<Vec<usize>>, 0);
    for i in 0..count {
        let t = turned(i)?;
        let size = t.image.given.shape[1..].to_vec();
        match &shape {
            None => {
                let n: usize = size.iter().product();
                affordable(
                    &format!("{count} images"),
                    &[count, t.draws.len() + 2, n],
                    "ask for fewer with -n",
                )?;
                shape = Some(size);
            }
            Some(first) if *first != size => {
                let text = |s: &[usize]| format!("{}x{}", s[0], s[1]);
                return Err(Error::usage(
                    format!(
                        "images differ in size: the first is {}, {} is {}",
                        text(first),
                        t.image.name,
                        text(&size)
                    ),
                    "give --out DIR/ for a file each, or one --size to all",
                ));
            }
            Some(_) => {}
        }
        columns = t.draws.len();
        if !array {
            values.extend_from_slice(&t.image.given.values);
        }
        t.draws.iter().for_each(|d| values.extend_from_slice(d));
        if let (Some(truth), false) = (&t.image.truth, array) {
            values.extend_from_slice(truth);
            columns += 1;
        }
    }
    let Some(shape) = shape else {
        return Err(Error::usage("there are no images", "give --data with some"));
    };
    make_parent(out)?;
    if array {
        let unit: Vec<f32> = values.iter().map(|v| (v * 0.5 + 0.5).clamp(0.0, 1.0)).collect();
        let draws = if columns == 1 { vec![] } else { vec![columns] };
        return picture::write_npy(out, &[&[count], &draws[..], &shape[..]].concat(), &unit);
    }
    let columns = columns + 1;
    picture::grid(&values, [count * columns, shape[0], shape[1], shape[2]], columns).save(out)
}

use crate::items::{GivenArgs, Trained, as_batch, bar, make_parent, pick, write_rows, written};
use crate::output;
use menagerie::data::{Kind, read_image};
use menagerie::error::{Error, Result};
use menagerie::explore::{
    Constraint, EditSettings, Edited, ProjectionSettings, Space, colour, edit, project_from, transfer,
};
use menagerie::models::Samples;
use menagerie::nn::numbers;
use menagerie::{Key, picture};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Arguments of `menagerie edit`.
#[derive(clap::Args)]
#[command(
    after_help = "Places are in pixels of the run's images, from the upper left. The picture has the images on the way, from the beginning to the edit; with --image
or --item the photo stands before them, and the edited photo behind.

Examples:
  menagerie edit runs/dcgan-001 --seed 3 --paint 4,4,8,4,#ffffff --out brighter.png
  menagerie edit runs/dcgan-001 --item 5 --line 4,12,12,12 --drag 4,2,6,4,3,0 --out moved.png
  menagerie edit runs/igan-001 --image your/photos/07.png --paint 0,0,6,3,#203080 --photo edited.png"
)]
pub(crate) struct Args {
    #[command(flatten)]
    given: GivenArgs,
    /// Edit this photo; it is cut to the aspect of the run's images
    #[arg(long, value_name = "FILE", conflicts_with = "item")]
    image: Option<PathBuf>,
    /// Edit this item of the data, by number
    #[arg(long, value_name = "I")]
    item: Option<usize>,
    /// Edit the sample of this seed, where neither is given; draws to begin with come from it, too
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// A rectangle that is to have a colour
    #[arg(long, value_name = "X,Y,W,H,#RRGGBB")]
    paint: Vec<String>,
    /// A line along which there is to be an edge
    #[arg(long, value_name = "X,Y,X,Y")]
    line: Vec<String>,
    /// A rectangle whose content is to be moved to the right and down
    #[arg(long, value_name = "X,Y,W,H,DX,DY", allow_hyphen_values = true)]
    drag: Vec<String>,
    /// Updates of the latent
    #[arg(long, value_name = "N", default_value_t = 150)]
    steps: usize,
    /// The learning rate, in standard deviations of draws
    #[arg(long, value_name = "R", default_value_t = 0.05)]
    learning_rate: f64,
    /// What it costs to leave the latent that it began with
    #[arg(long, value_name = "W", default_value_t = 0.02)]
    stay: f64,
    /// Images on the way
    #[arg(long, value_name = "N", default_value_t = 8)]
    way: usize,
    /// Updates that look for the latent of a photo
    #[arg(long, value_name = "N", default_value_t = 300)]
    project_steps: usize,
    /// A picture (.png) of the way, or its images (.npy, DIR/)
    #[arg(long, value_name = "grid.png", default_value = "edited.png")]
    out: PathBuf,
    /// The edited photo, as large as it was read
    #[arg(long, value_name = "FILE.png")]
    photo: Option<PathBuf>,
    /// Print figures as JSON
    #[arg(long)]
    json: bool,
}

/// A photo, a whole number of times as large as the run's images.
struct Photo {
    values: Vec<f32>,
    size: [usize; 2],
    /// at the size of the images
    small: Vec<f32>,
}

/// As many times as large as the run's images a photo is edited, at most.
const MOST_TIMES: usize = 16;

/// The numbers of a flag, of which there have to be so many; the text behind them where there is one.
fn parts<const N: usize>(flag: &str, text: &str, words: usize) -> Result<([i64; N], Vec<String>)> {
    let all: Vec<&str> = text.split(',').map(str::trim).collect();
    let found: Option<Vec<i64>> = all.iter().take(N).map(|v| v.parse().ok()).collect();
    match found.and_then(|v| <[i64; N]>::try_from(v).ok()) {
        Some(v) if all.len() == N + words => Ok((v, all[N..].iter().map(|s| s.to_string()).collect())),
        _ => Err(Error::usage(
            format!("{flag} {text} is not what it takes"),
            format!(
                "see `menagerie edit --help`: {N} whole numbers{}",
                ["", " and a colour such as #20a040"][words]
            ),
        )),
    }
}

/// A place, which is not negative.
fn places<const N: usize>(flag: &str, v: &[i64]) -> Result<[usize; N]> {
    let all: Option<Vec<usize>> = v.iter().map(|v| usize::try_from(*v).ok()).collect();
    all.and_then(|v| v.try_into().ok()).ok_or_else(|| {
        let problem = format!("{flag} names a place outside the image");
        Error::usage(problem, "places count from 0 in the upper left corner")
    })
}

impl Args {
    fn constraints(&self, channels: usize) -> Result<Vec<Constraint>> {
        let mut all = vec![];
        for text in &self.paint {
            let (v, words) = parts::<4>("--paint", text, 1)?;
            all.push(Constraint::Paint {
                at: places("--paint", &v)?,
                colour: colour(&words[0], channels)?,
            });
        }
        for text in &self.line {
            let (v, _) = parts::<4>("--line", text, 0)?;
            let [a, b, c, d] = v.map(|v| v as f64);
            all.push(Constraint::Line {
                from: [a, b],
                to: [c, d],
            });
        }
        for text in &self.drag {
            let (v, _) = parts::<6>("--drag", text, 0)?;
            all.push(Constraint::Drag {
                at: places("--drag", &v[..4])?,
                by: [v[4], v[5]],
            });
        }
        match all.is_empty() {
            true => Err(Error::usage(
                "nothing is to be edited",
                "give --paint, --line or --drag",
            )),
            false => Ok(all),
        }
    }

    /// What is edited, where it is no sample.
    fn photo(&self, trained: &Trained, [h, w, c]: [usize; 3]) -> Result<Option<Photo>> {
        if let Some(item) = self.item {
            let dataset = self.given.items(trained)?;
            let values = pick(&*dataset, &[item])?.values;
            return Ok(Some(Photo {
                small: values.clone(),
                values,
                size: [h, w],
            }));
        }
        let Some(path) = &self.image else {
            return Ok(None);
        };
        let pixels = read_image(path)?;
        let times = (pixels.height / h).min(pixels.width / w).clamp(1, MOST_TIMES);
        let size = [times * h, times * w];
        Ok(Some(Photo {
            small: pixels.clone().prepared([h, w], c),
            values: pixels.prepared(size, c),
            size,
        }))
    }

    fn check(&self) -> Result<()> {
        let positive = |v: f64| v.is_finite() && v > 0.0;
        if self.steps == 0 || self.project_steps == 0 || !positive(self.learning_rate) {
            let fix = "give --steps and --project-steps of 1 or more, and --learning-rate above 0";
            return Err(Error::usage("nothing would be edited", fix));
        }
        if !(self.stay.is_finite() && self.stay >= 0.0 && (2..=256).contains(&self.way)) {
            return Err(Error::usage(
                format!("--stay {} --way {} is out of range", self.stay, self.way),
                "give --stay of 0 or more, and 2 to 256 images on the way",
            ));
        }
        if self.photo.is_some() && self.image.is_none() && self.item.is_none() {
            return Err(Error::usage(
                "--photo is the edited photo, and there is none",
                "give --image or --item",
            ));
        }
        match &self.photo {
            Some(path) if path.extension().is_none_or(|e| e != "png") => Err(Error::usage(
                format!("--photo {} does not end in .png", path.display()),
                "end it in .png",
            )),
            _ => Ok(()),
        }
    }

    /// The vector that it begins with.
    fn start(
        &self,
        trained: &Trained,
        space: Space,
        photo: &Option<Photo>,
        shape: [usize; 3],
    ) -> Result<Vec<f32>> {
        let Some(photo) = photo else {
            return Ok(numbers(space.draw(1, Key::new(self.seed).stream("sample"))));
        };
        let items = Samples {
            kind: Kind::Image,
            shape: [&[1], &shape[..]].concat(),
            values: photo.small.clone(),
        };
        let settings = ProjectionSettings {
            steps: self.project_steps,
            key: Key::new(self.seed).stream("project"),
            ..ProjectionSettings::default()
        };
        let encoded = trained
            .model
            .as_encode()
            .map(|e| e.encode(&as_batch(&items)))
            .transpose()?;
        let bar = bar(self.project_steps as u64);
        let tell = &mut |step: usize, _| bar.set_position(step as u64);
        let found = project_from(space, &items, encoded.map(|z| space.at(z)), settings, tell)?;
        bar.finish_and_clear();
        Ok(found.vectors)
    }
}

/// The photo before the way, and behind it the photo after.
fn laid_out(way: &Samples, photo: &Option<Photo>, edited: &Option<Vec<f32>>) -> Samples {
    let (Some(photo), Some(edited)) = (photo, edited) else {
        return way.clone();
    };
    let [h, w] = [way.shape[1], way.shape[2]];
    let (times, c) = (photo.size[0] / h, way.shape[3]);
    let pixel = |i: usize| {
        let (y, x, k) = (i / (w * c) * times, i / c % w * times, i % c);
        let block = (0..times).flat_map(|v| (0..times).map(move |u| (v, u)));
        let of = |(v, u)| edited[((y + v) * photo.size[1] + x + u) * c + k];
        block.map(of).sum::<f32>() / (times * times) as f32
    };
    let small: Vec<f32> = (0..h * w * c).map(pixel).collect();
    Samples {
        shape: vec![way.shape[0] + 2, h, w, c],
        values: [&photo.small[..], &way.values, &small].concat(),
        ..way.clone()
    }
}

fn told(args: &Args, found: &Edited, scores: Option<Vec<f32>>, out: &Path) {
    let ends = scores.map(|s| [s[0], s[s.len() - 1]]);
    if args.json {
        output::json(&json!({"errors": found.errors, "scores": ends}));
        return;
    }
    let names = [
        ("--paint", &args.paint),
        ("--line", &args.line),
        ("--drag", &args.drag),
    ];
    let all = names
        .iter()
        .flat_map(|(flag, of)| of.iter().map(move |v| format!("{flag} {v}")));
    for (name, [before, after]) in all.zip(&found.errors) {
        output::line(format_args!("{name}: {before:.4}, {after:.4} after the edit"));
    }
    if let Some([before, after]) = ends {
        output::line(format_args!(
            "the discriminator's score: {before:.3}, {after:.3} after the edit"
        ));
    }
    written(format_args!("{} images", found.way.shape[0]), out);
}

/// Edits a photo, or a sample, along what the run can draw.
pub(crate) fn run(args: Args) -> Result<()> {
    args.check()?;
    let mut trained = args.given.model()?;
    let &[h, w, c] = &trained.info().shape[..] else {
        let problem = format!(
            "images are edited, but this run makes {}",
            trained.info().kind.plural()
        );
        return Err(Error::usage(problem, "take a run of images"));
    };
    let constraints = args.constraints(c)?;
    let space = Space::of(trained.latents()?, None)?;
    let photo = args.photo(&trained, [h, w, c])?;
    let start = args.start(&trained, space, &photo, [h, w, c])?;
    let settings = EditSettings {
        steps: args.steps,
        rate: args.learning_rate,
        stay: args.stay,
        frames: args.way,
    };
    let bar = bar(args.steps as u64);
    let found = edit(space, &start, &constraints, settings, &mut |step, _| {
        bar.set_position(step as u64)
    })?;
    bar.finish_and_clear();
    let edited = photo
        .as_ref()
        .map(|p| transfer(&found.way, &p.values, p.size).photo);
    let laid = laid_out(&found.way, &photo, &edited);
    write_rows(&laid, laid.shape[0], &args.out)?;
    if let (Some(path), Some(photo), Some(edited)) = (&args.photo, &photo, &edited) {
        make_parent(path)?;
        picture::image(edited, [photo.size[0], photo.size[1], c]).save(path)?;
    }
    let scores = trained
        .model
        .as_two_player()
        .map(|play| play.judge(&found.way.values))
        .transpose()?;
    told(&args, &found, scores, &args.out);
    Ok(())
}

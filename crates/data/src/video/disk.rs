//! Videos from disk: folders of frames, and animated GIF files.
use super::{MOST_NUMBERS, check_size};
use crate::error::{Error, Result};
use crate::image_file::{self, EXTENSIONS};
use crate::resize::Preparation;
use crate::source::Source;
use crate::walk::{self, of_split, parts, walk};
use crate::{DataInfo, Dataset, Item, Kind, Values, damage};
use image::AnimationDecoder;
use image::codecs::gif::GifDecoder;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;
use std::path::{Path, PathBuf};

/// One video: its frames in order, or one animation.
#[derive(Clone, Debug)]
struct Entry {
    name: PathBuf,
    frames: Frames,
    class: Option<String>,
}

#[derive(Clone, Debug)]
enum Frames {
    Files(Vec<PathBuf>),
    Gif(PathBuf),
}

/// What opening found of a video: its frames, and height, width and channels of one.
struct Found {
    frames: usize,
    shape: [usize; 3],
}

/// Videos below a folder: each folder that holds images is one, and each GIF file.
pub(crate) struct Videos {
    info: DataInfo,
    root: PathBuf,
    entries: Vec<Entry>,
    labels: Vec<Option<u32>>,
    preparation: Preparation,
}

impl Videos {
    /// Lists and checks them; `source.frames` are taken of each, or as many as the shortest has if that is 0.
    ///
    /// # Errors
    /// [`Error::Data`] when there are none, frames differ in size and no size is asked for, or more than `source.max_bad`
    /// of the videos are damaged or have fewer frames than asked.
    pub(crate) fn open(
        root: &Path,
        source: &Source,
        preparation: Preparation,
        warnings: &mut Vec<String>,
    ) -> Result<Videos> {
        let (entries, names, mut bad) = list(root, &source.split, warnings)?;
        let total = entries.len() + bad.len();
        let checked: Vec<Result<Found, Refusal>> = entries
            .par_iter()
            .map(|e| check(root, e, preparation.size.is_some()))
            .collect();
        let mut good = Vec::new();
        for (entry, result) in entries.into_iter().zip(checked) {
            let place = root.join(&entry.name);
            match result {
                Ok(found) if found.frames < source.frames => {
                    bad.push(format!(
                        "{}: has {} frames where {} were asked for",
                        place.display(),
                        found.frames,
                        source.frames
                    ));
                }
                Ok(found) => good.push((entry, found)),
                Err(Refusal::Damaged(problem)) => bad.push(format!("{}: {problem}", place.display())),
                Err(Refusal::Mixed(problem)) => {
                    return Err(Error::data(
                        place,
                        problem,
                        "give one size to all, such as --size 64",
                    ));
                }
            }
        }
        damage::bear(root, "videos", &bad, total, source.max_bad)?;
        warnings.extend(bad);
        if source.limit > 0 {
            good.truncate(source.limit);
        }
        let shortest = good.iter().map(|(_, f)| f.frames).min().unwrap_or(0);
        let longest = good.iter().map(|(_, f)| f.frames).max().unwrap_or(0);
        let frames = if source.frames == 0 {
            shortest
        } else {
            source.frames
        };
        if source.frames == 0 && longest > shortest {
            warnings.push(format!(
                "{}: videos have {shortest} to {longest} frames; the first {shortest} of each are taken",
                root.display()
            ));
        }
        let [h, w, c] = common_shape(root, &good, preparation)?;
        check_size(frames, [h, w, c])?;
        let label = |e: &Entry| names.binary_search(e.class.as_ref()?).ok().map(|i| i as u32);
        let info = DataInfo {
            source: source.source.clone(),
            kind: Kind::Video,
            shape: vec![frames, h, w, c],
            count: good.len(),
            range: (0.0, 255.0),
            labels: names.clone(),
            ..DataInfo::default()
        };
        let labels = good.iter().map(|(e, _)| label(e)).collect();
        let entries = good.into_iter().map(|(e, _)| e).collect();
        let preparation = Preparation {
            size: Some([h, w]),
            channels: c,
            ..preparation
        };
        Ok(Videos {
            info,
            root: root.to_path_buf(),
            entries,
            labels,
            preparation,
        })
    }
}

impl Dataset for Videos {
    fn info(&self) -> &DataInfo {
        &self.info
    }

    fn label(&self, index: usize) -> Option<u32> {
        self.labels[index]
    }

    fn get(&self, index: usize) -> Result<Item> {
        let entry = &self.entries[index];
        let wanted = self.info.shape[0];
        let mut values = Vec::with_capacity(self.info.numbers());
        let mut take = |shape: [usize; 3], frame: Vec<u8>| {
            if let Values::Bytes(v) = self.preparation.apply(shape, &Values::Bytes(frame)) {
                values.extend(v);
            }
        };
        match &entry.frames {
            Frames::Files(files) => {
                for file in &files[..wanted.min(files.len())] {
                    let p = image_file::read_image(self.root.join(file))?;
                    take([p.height, p.width, p.channels], p.bytes);
                }
            }
            Frames::Gif(file) => {
                let path = self.root.join(file);
                let bytes = std::fs::read(&path).map_err(Error::io("read", &path))?;
                gif(&bytes, wanted, &mut take)
                    .map_err(|e| Error::data(&path, e, "mend or remove the file"))?;
            }
        }
        if values.len() != self.info.numbers() {
            let place = self.root.join(&entry.name);
            return Err(Error::data(
                place,
                format!("no longer has {wanted} frames"),
                "leave the files alone while they are used",
            ));
        }
        Ok(Item {
            values: Values::Bytes(values),
            label: self.labels[index],
            attributes: vec![],
            caption: None,
        })
    }
}

/// The videos of a split, in the order of their names; the names of the classes of all splits; links that lead nowhere.
fn list(
    root: &Path,
    split: &str,
    warnings: &mut Vec<String>,
) -> Result<(Vec<Entry>, Vec<String>, Vec<String>)> {
    let walked = walk(root, &EXTENSIONS, "images")?;
    walked.say_unused(root, &[], warnings);
    let all = parts(&walked.paths);
    let everything = videos(&all);
    let classes: BTreeSet<&String> = everything.iter().filter_map(|e| e.class.as_ref()).collect();
    let labelled = classes.len() > 1 && everything.iter().all(|e| e.class.is_some());
    let names = match labelled {
        true => classes.into_iter().cloned().collect(),
        false => vec![],
    };
    let found = of_split(root, all, split, warnings)?;
    Ok((videos(&found), names, walked.broken))
}

/// Files as videos, in the order of their names.
fn videos(found: &[walk::Found]) -> Vec<Entry> {
    let mut videos: BTreeMap<PathBuf, Entry> = BTreeMap::new();
    let class = |within: &Path, depth: usize| {
        let parts: Vec<_> = within.components().collect();
        (parts.len() > depth).then(|| parts[0].as_os_str().to_string_lossy().into_owned())
    };
    for walk::Found { path, within, .. } in found {
        let path = path.clone();
        if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gif")) {
            videos.insert(
                path.clone(),
                Entry {
                    name: path.clone(),
                    class: class(within, 1),
                    frames: Frames::Gif(path),
                },
            );
            continue;
        }
        let name = path.parent().unwrap_or(Path::new("")).to_path_buf();
        let entry = Entry {
            name: name.clone(),
            class: class(within, 2),
            frames: Frames::Files(vec![]),
        };
        if let Frames::Files(files) = &mut videos.entry(name).or_insert(entry).frames {
            files.push(path);
        }
    }
    let mut videos: Vec<Entry> = videos.into_values().collect();
    for video in &mut videos {
        if let Frames::Files(files) = &mut video.frames {
            files.sort_by_cached_key(|f| natural(&f.to_string_lossy()));
        }
    }
    videos
}

/// A key that sorts `frame9` before `frame10`: runs of digits count by their value.
fn natural(name: &str) -> Vec<(String, u64)> {
    let mut parts = vec![(String::new(), 0)];
    let mut number: Option<u64> = None;
    for c in name.chars() {
        match (c.to_digit(10), number) {
            (Some(d), n) => number = Some(n.unwrap_or(0).saturating_mul(10).saturating_add(d as u64)),
            (None, n) => {
                if let Some(n) = n {
                    parts.last_mut().expect("never empty").1 = n;
                    parts.push((String::new(), 0));
                    number = None;
                }
                parts.last_mut().expect("never empty").0.push(c);
            }
        }
    }
    if let Some(n) = number {
        parts.last_mut().expect("never empty").1 = n;
    }
    parts
}

enum Refusal {
    Damaged(String),
    Mixed(String),
}

/// Looks at all headers of a folder of frames, and at all frames of a GIF.
fn check(root: &Path, entry: &Entry, resized: bool) -> Result<Found, Refusal> {
    match &entry.frames {
        Frames::Gif(file) => {
            let bytes = std::fs::read(root.join(file))
                .map_err(|e| Refusal::Damaged(format!("cannot be read: {e}")))?;
            let (mut frames, mut first) = (0, None);
            gif(&bytes, usize::MAX, &mut |shape, _| {
                frames += 1;
                first.get_or_insert(shape);
            })
            .map_err(Refusal::Damaged)?;
            Ok(Found {
                frames,
                shape: first.ok_or_else(|| Refusal::Damaged("has no frames".into()))?,
            })
        }
        Frames::Files(files) => {
            let mut shape: Option<[usize; 3]> = None;
            for file in files {
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                let header = image_file::header(&root.join(file))
                    .map_err(|e| Refusal::Damaged(format!("frame {name} {e}")))?;
                let [h, w, c] = header.shape;
                let [fh, fw, fc] = *shape.get_or_insert(header.shape);
                if !resized && [h, w] != [fh, fw] {
                    return Err(Refusal::Mixed(format!(
                        "its frames differ in size: the first is {fh}x{fw} (height x width), {name} is {h}x{w}"
                    )));
                }
                shape = Some([fh, fw, fc.max(c)]);
                if !header.complete {
                    image_file::read_image(root.join(file)).map_err(|e| Refusal::Damaged(e.to_string()))?;
                }
            }
            Ok(Found {
                frames: files.len(),
                shape: shape.ok_or_else(|| Refusal::Damaged("has no frames".into()))?,
            })
        }
    }
}

/// The first `wanted` frames of an animation, each whole: RGB, or RGBA where a pixel of it is not opaque.
fn gif(bytes: &[u8], wanted: usize, take: &mut dyn FnMut([usize; 3], Vec<u8>)) -> Result<(), String> {
    let header = image_file::decode(bytes)?;
    let pixels = header.height * header.width;
    let decoder = GifDecoder::new(Cursor::new(bytes)).map_err(|e| e.to_string())?;
    let mut frames = decoder.into_frames();
    for n in 0..wanted {
        if n.saturating_mul(pixels * 3) > MOST_NUMBERS {
            return Err(format!(
                "has over {n} frames of {}x{}, which cannot be right",
                header.height, header.width
            ));
        }
        let frame = match frames.next() {
            Some(Ok(frame)) => frame.into_buffer(),
            Some(Err(e)) => return Err(format!("ends early or is damaged after {n} frames ({e})")),
            None => break,
        };
        let (w, h) = (frame.width() as usize, frame.height() as usize);
        let rgba = frame.into_raw();
        match rgba.chunks_exact(4).all(|p| p[3] == 255) {
            true => take(
                [h, w, 3],
                rgba.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect(),
            ),
            false => take([h, w, 4], rgba),
        }
    }
    Ok(())
}

/// The shape that all frames will have.
fn common_shape(root: &Path, videos: &[(Entry, Found)], preparation: Preparation) -> Result<[usize; 3]> {
    let (first, Found { shape, .. }) = &videos[0];
    for (other, found) in videos {
        if preparation.size.is_none() && found.shape[..2] != shape[..2] {
            let text = |s: &[usize; 3]| format!("{}x{}", s[0], s[1]);
            let (a, b) = (first.name.display(), other.name.display());
            let problem = format!(
                "videos differ in size: {a} is {} (height x width), {b} is {}",
                text(shape),
                text(&found.shape)
            );
            return Err(Error::data(
                root,
                problem,
                "give one size to all, such as --size 64",
            ));
        }
    }
    let channels = videos
        .iter()
        .map(|(_, f)| preparation.channels_of(f.shape[2]))
        .max()
        .unwrap_or(3);
    let [h, w] = preparation.size.unwrap_or([shape[0], shape[1]]);
    Ok([h, w, channels])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_count() {
        let mut names = [
            "a/frame10.png",
            "a/frame9.png",
            "a/frame.png",
            "a/frame09b.png",
            "a/frame100.png",
        ];
        names.sort_by_cached_key(|n| natural(n));
        assert_eq!(
            names,
            [
                "a/frame9.png",
                "a/frame09b.png",
                "a/frame10.png",
                "a/frame100.png",
                "a/frame.png"
            ]
        );
    }
}

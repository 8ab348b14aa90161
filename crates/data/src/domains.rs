//! Painted faces in two domains: pairs of a face and its edges, its map of parts, itself in rain, before another background,
//! pasted, in a box, from the front or with one attribute changed, and the two sides of an attribute, of different people.
use super::composites::{matte, pasted, placed};
use super::portraits::{
    Attributes, Beard, Glasses, Headwear, People, Portraits, Rain, in_rain, layout, paint,
};
use super::resize::Preparation;
use super::{DataInfo, Dataset, Item, Kind, Values};
use crate::error::{Error, Result, nearest};
use crate::random::{Draw, Key};

/// What the two images of an item are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    /// the outlines of a face, and the face
    Edges,
    /// the map of a face's parts, and the face
    Layout,
    /// a face in rain, and without
    Rain,
    /// a face before another background with its trimap, and its own colours with alpha
    Matte,
    /// a face of which a part was pasted from another light, with the part, and the face with the same
    Pasted,
    /// a box, and a face of its size there, before one colour
    Placed,
    /// one of the people of `portraits:people` from aside, and from the front
    Frontal,
    /// one person without the attribute, and another one with it
    Sides(Attribute),
    /// the same person without and with the attribute: what a translation of `Sides` should give
    Twins(Attribute),
}

impl Task {
    /// Channels of a side.
    fn channels(self) -> usize {
        match self {
            Task::Matte | Task::Pasted => 4,
            _ => 3,
        }
    }
}

/// The attribute that says of a pair from where the first image was painted, an amount: 0 and 1 are the largest turns to either side,
/// 0.5 is the front. All others are of the second.
const TURNED: &str = "turned";

/// What the sides differ in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attribute {
    Smile,
    Glasses,
    Beard,
    Beanie,
}

const ATTRIBUTES: [(&str, Attribute); 4] = [
    ("smile", Attribute::Smile),
    ("glasses", Attribute::Glasses),
    ("beard", Attribute::Beard),
    ("beanie", Attribute::Beanie),
];

/// The trait that images of the second side of a source show and those of the first do not, where the source's name says so.
pub fn trait_of_sides(source: &str) -> Option<&'static str> {
    match task(source) {
        Ok(Some(Task::Sides(a) | Task::Twins(a))) => Some(match a {
            Attribute::Smile => "smiling",
            Attribute::Glasses => "glasses",
            Attribute::Beard => "beard",
            Attribute::Beanie => "headwear=1",
        }),
        _ => None,
    }
}

impl Attribute {
    /// Gives the face the attribute, or takes it; how much of it, and of which kind, is drawn.
    fn put(self, a: &mut Attributes, with: bool, rng: &mut Draw) {
        let mut one_of = |n: usize| rng.below(n);
        match (self, with) {
            (Attribute::Glasses, false) => a.glasses = Glasses::None,
            // Dark lenses would hide the eyes, and nobody could say what was behind them.
            (Attribute::Glasses, true) => {
                a.glasses = [Glasses::Round, Glasses::Square, Glasses::CatEye][one_of(3)]
            }
            (Attribute::Beard, false) => a.beard = Beard::None,
            (Attribute::Beard, true) => a.beard = [Beard::Goatee, Beard::Short, Beard::Long][one_of(3)],
            (Attribute::Beanie, false) => a.headwear = Headwear::None,
            (Attribute::Beanie, true) => a.headwear = Headwear::Beanie,
            (Attribute::Smile, false) => a.smile = rng.between(-0.5, 0.0) as f32,
            (Attribute::Smile, true) => a.smile = rng.between(0.6, 1.0) as f32,
        }
    }
}

/// See the module.
pub(super) struct Domains {
    info: DataInfo,
    task: Task,
    size: [usize; 2],
    faces: Portraits,
    /// of a task of known people: these
    people: Option<People>,
    /// of how much of an attribute each has
    key: Key,
    preparation: Preparation,
}

impl Domains {
    /// The set of that name, or None where it is no name of one.
    ///
    /// # Errors
    /// [`Error::Usage`] for an attribute that there is not; those of [`Portraits::new`].
    pub(super) fn open(
        name: &str,
        split: &str,
        preparation: Preparation,
        seed: u64,
        limit: usize,
    ) -> Result<Option<Domains>> {
        let Some(task) = task(name)? else {
            return Ok(None);
        };
        let size = preparation.size.unwrap_or([64, 64]);
        let apart = matches!(task, Task::Sides(_));
        let usual = if split == "test" {
            Portraits::TEST
        } else {
            Portraits::TRAIN
        };
        let count = if limit == 0 { usual } else { limit };
        // Of an item with two people, one is person 2 i, the other 2 i + 1.
        let people = if apart { count.saturating_mul(2) } else { count };
        let faces = match split {
            "test" => Portraits::test(size, seed, people)?,
            _ => Portraits::new(size, seed, people)?,
        };
        let preparation = Preparation {
            size: None,
            channels: match task.channels() {
                3 => preparation.channels_of(3),
                own if [0, own].contains(&preparation.channels) => own,
                own => {
                    return Err(Error::recipe(
                        "data.channels",
                        format!("{name} has {own} a side: colours, and what a mask says"),
                        format!("leave it at 0, or give {own}"),
                    ));
                }
            },
            ..preparation
        };
        let described = !matches!(task, Task::Sides(_) | Task::Twins(_));
        let people = match task {
            Task::Frontal => Some(People::new(size, seed, split, count)?),
            _ => None,
        };
        let mut attributes = match described {
            true => faces.info().attributes.clone(),
            false => vec![],
        };
        attributes.extend(people.iter().map(|_| TURNED.to_string()));
        let (labels, shares) = match &people {
            Some(people) => (people.info().labels.clone(), people.info().shares.clone()),
            None => Default::default(),
        };
        let info = DataInfo {
            source: name.into(),
            kind: if apart { Kind::Unpaired } else { Kind::Pair },
            shape: vec![size[0], size[1], 2 * preparation.channels],
            count,
            attributes,
            labels,
            shares,
            captions: Default::default(),
            columns: vec![],
            ..faces.info().clone()
        };
        Ok(Some(Domains {
            info,
            task,
            size,
            faces,
            people,
            key: Key::new(seed).stream("portraits/domains").stream(split),
            preparation,
        }))
    }

    /// The two images of an item, of the task's channels, the attributes of the face that they show, and who it is where that is known.
    fn images(&self, index: usize) -> ([Vec<u8>; 2], Vec<f32>, Option<u32>) {
        let [h, w] = self.size;
        let key = self.key.step(index as u64);
        let changed = |what: Attribute, person: usize, with: bool| {
            let mut a = self.faces.attributes(person);
            what.put(
                &mut a,
                with,
                &mut key.stream(if with { "with" } else { "without" }).rng(),
            );
            paint(&a, w, h)
        };
        let of_one = |draw: &dyn Fn(&Attributes) -> [Vec<u8>; 2]| {
            let a = self.faces.attributes(index);
            (draw(&a), a.to_vec(), None)
        };
        match self.task {
            Task::Edges => of_one(&|a| [edges(a, w, h), paint(a, w, h)]),
            Task::Layout => of_one(&|a| [layout(a, w, h), paint(a, w, h)]),
            Task::Rain => of_one(&|a| {
                let rain = Rain::draw(key.stream("rain"));
                [in_rain(a, &rain, w, h), paint(a, w, h)]
            }),
            Task::Matte => of_one(&|a| {
                let behind = Attributes::draw(key.stream("background"));
                matte(a, &behind, self.size, key.stream("trimap"))
            }),
            Task::Placed => of_one(&|a| placed(a, self.size, key.stream("placed"))),
            Task::Pasted => of_one(&|a| pasted(&paint(a, w, h), self.size, key.stream("pasted"))),
            Task::Frontal => {
                let (who, aside) = match &self.people {
                    Some(people) => people.seen(index),
                    None => (0, self.faces.attributes(index)),
                };
                let front = Attributes { yaw: 0.0, ..aside };
                let most = People::CAMERAS.0 * People::CAMERAS.1 as f32;
                let turned = (aside.yaw / most + 1.0) / 2.0;
                let stated = [front.to_vec(), vec![turned]].concat();
                ([paint(&aside, w, h), paint(&front, w, h)], stated, Some(who))
            }
            Task::Sides(what) => (
                [
                    changed(what, 2 * index, false),
                    changed(what, 2 * index + 1, true),
                ],
                vec![],
                None,
            ),
            Task::Twins(what) => {
                let twins = [changed(what, index, false), changed(what, index, true)];
                (twins, vec![], None)
            }
        }
    }
}

/// What a name says.
fn task(name: &str) -> Result<Option<Task>> {
    let Some(kind) = name.strip_prefix("portraits:") else {
        return Ok(None);
    };
    let (kind, given) = match kind.split_once('=') {
        Some((kind, given)) => (kind, Some(given)),
        None => (kind, None),
    };
    let attribute = || {
        let wanted = given.unwrap_or("smile");
        let found = ATTRIBUTES.iter().find(|(n, _)| *n == wanted);
        found.map(|(_, a)| *a).ok_or_else(|| {
            Error::usage(
                format!("portraits:{kind} has no attribute `{wanted}`"),
                nearest(wanted, ATTRIBUTES.iter().map(|(n, _)| *n)),
            )
        })
    };
    Ok(match (kind, given) {
        ("edges", None) => Some(Task::Edges),
        ("layout", None) => Some(Task::Layout),
        ("rain", None) => Some(Task::Rain),
        ("matte", None) => Some(Task::Matte),
        ("pasted", None) => Some(Task::Pasted),
        ("frontal", None) => Some(Task::Frontal),
        ("placed", None) => Some(Task::Placed),
        ("sides", _) => Some(Task::Sides(attribute()?)),
        ("twins", _) => Some(Task::Twins(attribute()?)),
        _ => None,
    })
}

impl Dataset for Domains {
    fn info(&self) -> &DataInfo {
        &self.info
    }

    fn get(&self, index: usize) -> Result<Item> {
        if index >= self.info.count {
            return Err(Error::data(
                &self.info.source,
                format!("there is no item {index}"),
                format!("the last is {}", self.info.count - 1),
            ));
        }
        let (images, attributes, label) = self.images(index);
        let [h, w] = self.size;
        let shape = [h, w, self.task.channels()];
        let [left, right] = images.map(|v| match self.preparation.apply(shape, &Values::Bytes(v)) {
            Values::Bytes(v) => v,
            Values::Floats(_) => vec![],
        });
        Ok(Item {
            values: Values::Bytes(beside(&left, &right, self.preparation.channels)),
            label,
            attributes,
            caption: None,
        })
    }

    fn label(&self, index: usize) -> Option<u32> {
        self.people.as_ref().and_then(|people| people.label(index))
    }
}

/// Two images as one of twice the channels: those of the left one first.
pub(super) fn beside<T: Copy>(left: &[T], right: &[T], channels: usize) -> Vec<T> {
    let pixels = left.chunks_exact(channels).zip(right.chunks_exact(channels));
    pixels.flat_map(|(a, b)| a.iter().chain(b).copied()).collect()
}

/// The outlines of a face, black on white: where the Sobel operator, at twice the size, finds the largest slope of the three
/// colours above a tenth of the range; lines are smooth where they cover a pixel in part.
fn edges(a: &Attributes, width: usize, height: usize) -> Vec<u8> {
    const SLOPE: f32 = 0.10;
    let (w, h) = (2 * width, 2 * height);
    let face = paint(a, w, h);
    if face.is_empty() {
        return face;
    }
    let at = |x: isize, y: isize, c: usize| {
        let (x, y) = (x.clamp(0, w as isize - 1), y.clamp(0, h as isize - 1));
        face[(y as usize * w + x as usize) * 3 + c] as f32 / 255.0
    };
    let is_edge = |x: usize, y: usize| {
        let (x, y) = (x as isize, y as isize);
        (0..3).any(|c| {
            let along = |dx: isize, dy: isize| {
                // The sum of three differences, the middle one twice; (dy, dx) goes along the edge.
                [(-1, 1.0), (0, 2.0), (1, 1.0)]
                    .iter()
                    .map(|&(s, weight)| {
                        weight
                            * (at(x + dx + s * dy, y + dy + s * dx, c)
                                - at(x - dx + s * dy, y - dy + s * dx, c))
                    })
                    .sum::<f32>()
                    / 4.0
            };
            along(1, 0).hypot(along(0, 1)) > SLOPE
        })
    };
    let mut out = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        for x in 0..width {
            let ink = [(0, 0), (1, 0), (0, 1), (1, 1)]
                .iter()
                .filter(|(dx, dy)| is_edge(2 * x + dx, 2 * y + dy))
                .count();
            out.extend([(255 - 255 * ink / 4) as u8; 3]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Source;
    use std::collections::BTreeSet;

    fn drawn(name: &str, size: usize) -> std::sync::Arc<dyn Dataset> {
        let source = Source {
            size: vec![size],
            limit: 12,
            ..Source::parse(name)
        };
        source.open().unwrap().dataset
    }

    fn sides(set: &dyn Dataset, i: usize) -> [Vec<u8>; 2] {
        let Values::Bytes(v) = set.get(i).unwrap().values else {
            panic!("bytes")
        };
        let c = set.info().shape[2] / 2;
        [0, c].map(|from| {
            v.chunks_exact(2 * c)
                .flat_map(|p| p[from..from + c].to_vec())
                .collect()
        })
    }

    /// The right side is the face of `portraits`, the left one made of it.
    #[test]
    fn pairs_are_of_one_face() {
        let faces = drawn("portraits", 48);
        for name in ["portraits:edges", "portraits:layout", "portraits:rain"] {
            let set = drawn(name, 48);
            assert_eq!((set.info().kind, set.info().count), (Kind::Pair, 12));
            for i in [0, 7] {
                let (item, face) = (set.get(i).unwrap(), faces.get(i).unwrap());
                assert_eq!(Values::Bytes(sides(&*set, i)[1].clone()), face.values, "{name}");
                assert_eq!(item.attributes, face.attributes);
            }
        }
    }

    /// A map has the colours of its parts and no other; each of the parts that every face has is there.
    #[test]
    fn a_map_has_no_shades() {
        let set = drawn("portraits:layout", 96);
        let mut seen = BTreeSet::new();
        for i in 0..12 {
            let colours: BTreeSet<[u8; 3]> = sides(&*set, i)[0].as_chunks::<3>().0.iter().copied().collect();
            assert!(colours.len() <= 9, "{}", colours.len());
            for part in [[40, 40, 48], [240, 190, 150], [220, 30, 60], [40, 170, 70]] {
                assert!(colours.contains(&part), "{part:?}");
            }
            seen.extend(colours);
        }
        assert!((7..=9).contains(&seen.len()), "{}", seen.len());
    }

    /// Rain brightens what is behind it, in part, and another shower falls on every face.
    #[test]
    fn it_rains_in_front_of_faces() {
        let set = drawn("portraits:rain", 64);
        let mut slants = BTreeSet::new();
        for i in 0..8 {
            let [wet, dry] = sides(&*set, i);
            let moved = wet.iter().zip(&dry).filter(|(a, b)| a.abs_diff(**b) > 4).count();
            let share = moved as f64 / wet.len() as f64;
            assert!((0.02..0.7).contains(&share), "{share}");
            assert!(
                wet.iter().zip(&dry).all(|(a, b)| *b > 230 || *a + 2 >= *b),
                "drops are light"
            );
            slants.insert(moved);
        }
        assert!(slants.len() > 4, "{slants:?}");
    }

    /// A mask is a channel of its own, which no other number of channels can hold.
    #[test]
    fn masks_are_a_fourth_channel() {
        for name in ["portraits:matte", "portraits:pasted"] {
            let set = drawn(name, 32);
            assert_eq!((set.info().kind, set.info().shape[2]), (Kind::Pair, 8));
            let mask = |side: &[u8]| -> Vec<u8> { side.iter().skip(3).step_by(4).copied().collect() };
            let [left, right] = sides(&*set, 3);
            let levels: BTreeSet<u8> = mask(&left).into_iter().collect();
            match name {
                "portraits:matte" => assert_eq!(levels.into_iter().collect::<Vec<_>>(), [0, 128, 255]),
                _ => assert_eq!(mask(&left), mask(&right)),
            }
            let grey = Source {
                channels: 1,
                ..Source::parse(name)
            };
            let e = grey.open().err().unwrap().to_string();
            assert!(e.contains("data.channels") && e.contains("leave it at 0"), "{e}");
        }
    }

    /// A box is the smallest around what differs from one colour, and boxes lie anywhere.
    #[test]
    fn boxes_hold_what_is_before_one_colour() {
        let set = drawn("portraits:placed", 32);
        let mut corners = BTreeSet::new();
        for i in 0..12 {
            let [place, picture] = sides(&*set, i);
            let inside = |i: usize| place[3 * i] == 255;
            assert!(place.iter().all(|v| [0, 255].contains(v)));
            let outside: BTreeSet<[u8; 3]> = (0..1024)
                .filter(|i| !inside(*i))
                .map(|i| [0, 1, 2].map(|c| picture[3 * i + c] / 16))
                .collect();
            assert!(outside.len() <= 2, "one colour: {outside:?}");
            let of = |line: &dyn Fn(usize) -> usize| -> BTreeSet<usize> {
                (0..1024).filter(|i| inside(*i)).map(line).collect()
            };
            let (rows, columns) = (of(&|i| i / 32), of(&|i| i % 32));
            let area = (0..1024).filter(|i| inside(*i)).count();
            assert_eq!(area, rows.len() * columns.len(), "a box");
            assert!((8..26).contains(&rows.len()) && (6..26).contains(&columns.len()));
            corners.insert((rows.first().copied(), columns.first().copied()));
        }
        assert!(corners.len() > 8);
    }

    /// The second image is from the front, of the same person in the same light; attributes are its own, and say how far the first is turned.
    #[test]
    fn the_front_is_of_the_same_person() {
        let set = drawn("portraits:frontal", 32);
        let yaw = Attributes::NAMES.iter().position(|n| *n == "yaw").unwrap();
        assert_eq!(set.info().attributes.last().map(String::as_str), Some(TURNED));
        let mut turned = BTreeSet::new();
        for i in 0..12 {
            let item = set.get(i).unwrap();
            assert_eq!(
                (item.attributes[yaw], item.label),
                (0.0, set.get(i).unwrap().label)
            );
            let front = Attributes::from_slice(&item.attributes);
            let of = *item.attributes.last().unwrap();
            let aside = Attributes {
                yaw: 90.0 * of - 45.0,
                ..front
            };
            let [left, right] = sides(&*set, i);
            assert_eq!((left, right), (paint(&aside, 32, 32), paint(&front, 32, 32)));
            assert!(set.info().shares[item.label.unwrap() as usize] > 0.0);
            turned.insert((6.0 * of).round() as u8);
        }
        assert!(turned.len() > 3 && turned.iter().all(|t| *t <= 6), "{turned:?}");
    }

    #[test]
    fn outlines_are_few_and_grey() {
        let set = drawn("portraits:edges", 64);
        for i in 0..4 {
            let outline = sides(&*set, i)[0].clone();
            assert!(
                outline
                    .as_chunks::<3>()
                    .0
                    .iter()
                    .all(|p| p[0] == p[1] && p[1] == p[2])
            );
            let dark = outline.iter().filter(|v| **v < 128).count() as f64 / outline.len() as f64;
            assert!((0.02..0.5).contains(&dark), "{dark}");
        }
    }

    /// Twins are one person, and differ where the attribute is; sides are two people.
    #[test]
    fn sides_differ_in_people_twins_in_the_attribute() {
        let differ = |name: &str| -> f64 {
            let set = drawn(name, 32);
            let part = |i| {
                let [a, b] = sides(&*set, i);
                a.iter().zip(&b).filter(|(a, b)| a.abs_diff(**b) > 8).count() as f64 / a.len() as f64
            };
            (0..12).map(part).sum::<f64>() / 12.0
        };
        for attribute in ["smile", "glasses", "beard", "beanie"] {
            let twins = differ(&format!("portraits:twins={attribute}"));
            assert!((0.001..0.35).contains(&twins), "{attribute}: {twins}");
            assert!(differ(&format!("portraits:sides={attribute}")) > 0.6);
        }
        assert_eq!(drawn("portraits:sides", 32).info().kind, Kind::Unpaired);
        // The seed says whom, a shorter set is the beginning of a longer one, and the test part has others.
        let of = |seed, split: &str, limit| Source {
            seed,
            split: split.into(),
            limit,
            size: vec![16],
            ..Source::parse("portraits:sides")
        };
        let first = |s: Source| s.open().unwrap().dataset.get(0).unwrap();
        assert_eq!(first(of(1, "train", 2)), first(of(1, "train", 5)));
        assert_ne!(first(of(1, "train", 2)), first(of(2, "train", 2)));
        assert_ne!(first(of(1, "train", 2)), first(of(1, "test", 2)));
        let e = Source::parse("portraits:sides=smiles")
            .open()
            .err()
            .unwrap()
            .to_string();
        assert!(e.contains("`smiles`") && e.contains("smile"), "{e}");
    }
}

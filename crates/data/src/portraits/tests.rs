use super::*;

const SIDE: usize = 64;

fn person(i: u64) -> Attributes {
    Attributes::draw(Key::new(5).stream("portraits").step(i))
}

/// Mean absolute difference of two pictures, in levels of 0 to 255.
fn difference(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(x, y)| x.abs_diff(*y) as f64).sum::<f64>() / a.len() as f64
}

/// Every field by name, with one number changed.
fn with(a: &Attributes, name: &str, value: f32) -> Attributes {
    let mut v = a.to_vec();
    v[Attributes::NAMES.iter().position(|n| *n == name).unwrap()] = value;
    Attributes::from_slice(&v)
}

#[test]
fn an_item_is_always_the_same_face_and_no_other() {
    let set = Portraits::new([48, 40], 3, 50).unwrap();
    let again = Portraits::new([48, 40], 3, 20).unwrap();
    let (other_seed, test) = (
        Portraits::new([48, 40], 4, 50).unwrap(),
        Portraits::test([48, 40], 3, 50).unwrap(),
    );
    let items: Vec<Item> = (0..20).map(|i| set.get(i).unwrap()).collect();
    for (i, item) in items.iter().enumerate() {
        assert_eq!(*item, again.get(i).unwrap());
        assert_ne!(item.attributes, other_seed.get(i).unwrap().attributes);
        assert_ne!(item.attributes, test.get(i).unwrap().attributes);
        assert!(items[i + 1..].iter().all(|o| o.values != item.values));
        let Values::Bytes(bytes) = &item.values else {
            panic!("floats")
        };
        assert_eq!(bytes.len(), set.info().shape.iter().product::<usize>());
        assert_eq!(item.attributes.len(), set.info().attributes.len());
        assert!((item.label.unwrap() as usize) < set.info().labels.len());
    }
    assert!(set.get(50).is_err());
}

#[test]
fn sizes_that_cannot_be_painted_are_refused() {
    for size in [[0, 64], [64, 0], [64, 100_000]] {
        assert!(Portraits::new(size, 0, 10).is_err());
    }
    assert!(Portraits::new([64, 64], 0, 0).is_err());
    assert!(
        paint(&Attributes::default(), 0, 5).is_empty()
            && paint(&Attributes::default(), usize::MAX, 5).is_empty()
    );
}

#[test]
fn numbers_and_attributes_are_the_same() {
    assert_eq!(Attributes::NAMES.len(), Attributes::RANGES.len());
    for i in 0..300 {
        let a = person(i);
        assert_eq!(Attributes::from_slice(&a.to_vec()), a);
        for ((x, (low, high)), name) in a.to_vec().iter().zip(Attributes::RANGES).zip(Attributes::NAMES) {
            assert!((low..=high).contains(&x), "{name} is {x}");
        }
    }
    let short = Attributes::from_slice(&[9.0, f32::NAN, f32::NEG_INFINITY]);
    assert_eq!(
        short,
        Attributes {
            presentation: 1.0,
            tilt: -12.0,
            ..Attributes::default()
        }
    );
}

#[test]
fn captions_and_labels_say_what_is_painted() {
    let mut seen = [0; 8];
    for i in 0..1000 {
        let a = person(i);
        let (text, label) = (a.caption(), Portraits::label(&a) as usize);
        seen[label] += 1;
        let name = Portraits::LABELS[label];
        let has = |word: &str| text.contains(word);
        assert_eq!(has("glasses"), a.glasses != Glasses::None, "{text}");
        assert_eq!(name.contains("glasses"), a.glasses != Glasses::None);
        assert_eq!(has("smiling"), name.contains("smiling"), "{text}");
        assert_eq!(has("woman-like"), name.contains("woman-like"), "{text}");
        assert_eq!(
            has("beard"),
            matches!(a.beard, Beard::Short | Beard::Long),
            "{text}"
        );
        assert_eq!(has("turned left"), a.yaw < -12.0, "{text}");
        assert_eq!(has("turned right"), a.yaw > 12.0, "{text}");
        assert_eq!(has("bald"), a.hair_style == HairStyle::Bald, "{text}");
        assert_eq!(
            has("long"),
            matches!(a.hair_style, HairStyle::Straight | HairStyle::Wavy) && a.hair_length >= 0.4
                || a.beard == Beard::Long
        );
        assert!(
            !has("  ") && !has(" a o") && !has(" a a") && !has(", and"),
            "{text}"
        );
    }
    assert!(seen.iter().all(|n| *n > 40), "{seen:?}");
}

#[test]
fn colours_of_hair_have_their_names() {
    let named = |hue, chroma, lightness| {
        Attributes {
            hair_hue: hue,
            hair_chroma: chroma,
            hair_lightness: lightness,
            ..Attributes::default()
        }
        .hair_colour_name()
    };
    assert_eq!(named(55.0, 0.12, 0.05), "black");
    assert_eq!(named(42.0, 0.8, 0.45), "red");
    assert_eq!(named(85.0, 0.55, 0.8), "blond");
    assert_eq!(named(57.0, 0.4, 0.35), "brown");
    assert_eq!(named(80.0, 0.03, 0.6), "grey");
    assert_eq!(named(80.0, 0.03, 0.95), "white");
    assert_eq!(named(260.0, 0.6, 0.5), "blue");
}

#[test]
fn every_attribute_shows() {
    // A person on whom each can be seen.
    let base = Attributes {
        hair_style: HairStyle::Ponytail,
        freckles: 0.3,
        earrings: Earrings::Hoops,
        glasses: Glasses::Round,
        headwear: Headwear::Headband,
        lipstick: 0.3,
        age_lines: 0.2,
        yaw: 10.0,
        background: Background::Glow,
        ..Attributes::default()
    };
    for (name, (low, high)) in Attributes::NAMES.iter().zip(Attributes::RANGES) {
        let values = if name.ends_with("_hue") {
            [20.0, 200.0]
        } else {
            [*low, *high]
        };
        let [one, two] = values.map(|v| paint(&with(&base, name, v), SIDE, SIDE));
        assert!(
            difference(&one, &two) > 0.02,
            "{name} changes the picture by {}",
            difference(&one, &two)
        );
    }
    for (name, (low, high)) in Attributes::NAMES.iter().zip(Attributes::RANGES).filter(|(n, _)| {
        [
            "hair_style",
            "beard",
            "glasses",
            "headwear",
            "earrings",
            "clothing",
            "background",
        ]
        .contains(n)
    }) {
        let all: Vec<Vec<u8>> = (*low as i32..=*high as i32)
            .map(|v| paint(&with(&base, name, v as f32), SIDE, SIDE))
            .collect();
        for (i, one) in all.iter().enumerate() {
            assert!(
                all[i + 1..].iter().all(|two| difference(one, two) > 0.05),
                "two choices of {name} look the same"
            );
        }
    }
}

#[test]
fn quantities_change_the_picture_smoothly() {
    for i in 0..5 {
        let a = person(i);
        for (name, (low, high)) in Attributes::NAMES.iter().zip(Attributes::RANGES) {
            if matches!(
                *name,
                "hair_style" | "beard" | "glasses" | "headwear" | "earrings" | "clothing" | "background"
            ) {
                continue;
            }
            let at = |t: f32| paint(&with(&a, name, low + (high - low) * t), SIDE, SIDE);
            let whole = difference(&at(0.0), &at(1.0))
                .max(difference(&at(0.0), &at(0.5)))
                .max(8.0);
            for k in 0..7 {
                let t = (k as f32 + 0.2 * i as f32) / 8.0;
                let step = difference(&at(t), &at(t + 0.004));
                assert!(
                    step < 0.06 * whole,
                    "person {i}: {name} jumps by {step} of {whole} at {t}"
                );
            }
        }
    }
}

#[test]
fn the_head_turns_smoothly_through_the_front() {
    for i in 0..20 {
        let a = person(i);
        let mut last = paint(&with(&a, "yaw", -45.0), SIDE, SIDE);
        let mut most: f64 = 0.0;
        for k in 1..=180 {
            let next = paint(&with(&a, "yaw", -45.0 + 0.5 * k as f32), SIDE, SIDE);
            most = most.max(difference(&last, &next));
            last = next;
        }
        assert!(most < 1.5, "half a degree changes person {i} by {most}");
    }
}

#[test]
fn left_and_right_are_mirror_images() {
    for i in 0..40 {
        let a = Attributes {
            tilt: 4.0,
            freckles: 0.0,
            hair_style: HairStyle::ALL[i as usize % 12],
            background: Background::ALL[i as usize % 4],
            ..person(i)
        };
        let b = Attributes {
            yaw: -a.yaw,
            tilt: -a.tilt,
            light: -a.light,
            gaze: -a.gaze,
            parting: -a.parting,
            ..a
        };
        let (one, two) = (paint(&a, SIDE, SIDE), paint(&b, SIDE, SIDE));
        let mirrored: Vec<u8> = two
            .chunks_exact(3 * SIDE)
            .flat_map(|row| row.chunks_exact(3).rev().flatten().copied())
            .collect();
        assert!(
            difference(&one, &mirrored) < 2.5,
            "person {i}: {} ({a:?})",
            difference(&one, &mirrored)
        );
        assert!(difference(&one, &two) > difference(&one, &mirrored));
    }
}

#[test]
fn odd_shapes_keep_the_person_whole_and_centred() {
    let a = person(2);
    let square = paint(&a, 32, 32);
    let wide = paint(&a, 64, 32);
    let middle: Vec<u8> = wide
        .chunks_exact(3 * 64)
        .flat_map(|row| row[3 * 16..3 * 48].to_vec())
        .collect();
    let plain = Attributes {
        background: Background::Plain,
        ..a
    };
    assert!(difference(&square, &middle) < 40.0);
    let (square, wide) = (paint(&plain, 32, 32), paint(&plain, 64, 32));
    let middle: Vec<u8> = wide
        .chunks_exact(3 * 64)
        .flat_map(|row| row[3 * 16..3 * 48].to_vec())
        .collect();
    assert!(difference(&square, &middle) < 0.5);
    let tall = paint(&plain, 32, 64);
    assert!(difference(&square[..3 * 32 * 24], &tall[3 * 32 * 16..3 * 32 * 40]) < 0.5);
}

/// Any float, as bits fall: denormals, infinities and NaN among them.
fn any_float(rng: &mut crate::random::Draw) -> f32 {
    const EDGES: [f32; 6] = [
        f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::MAX,
        f32::MIN_POSITIVE,
        -0.0,
    ];
    if rng.chance(0.2) {
        EDGES[rng.below(EDGES.len())]
    } else {
        f32::from_bits(rng.word() as u32)
    }
}

#[test]
fn anything_can_be_painted() {
    for case in 0..32 {
        let rng = &mut Key::new(case).stream("anything").rng();
        let (width, height) = (1 + rng.below(159), 1 + rng.below(159));
        let numbers: Vec<f32> = (0..rng.below(60)).map(|_| any_float(rng)).collect();
        let a = Attributes::from_slice(&numbers);
        assert_eq!(paint(&a, width, height).len(), width * height * 3);
        assert_eq!(Attributes::from_slice(&a.to_vec()), a, "{numbers:?}");
        a.caption();
    }
}

#[test]
fn fields_out_of_range_are_the_nearest() {
    for case in 0..32 {
        let field = any_float(&mut Key::new(case).stream("field").rng());
        let a = Attributes {
            yaw: field,
            smile: field,
            hair_hue: field,
            fringe: field,
            ..person(1)
        };
        assert_eq!(paint(&a, 20, 20), paint(&a.clamped(), 20, 20), "{field}");
    }
}

#[test]
fn from_one_pixel_to_many() {
    for side in [1, 2, 3, 7, 16, 28, 257, 512] {
        assert_eq!(paint(&person(side as u64), side, side).len(), side * side * 3);
    }
}

/// The words that the set is said to have are those of its captions.
#[test]
fn captions_are_made_of_the_words_that_are_told() {
    use crate::{Dataset, words_of};
    let faces = Portraits::new([8, 8], 3, 4_000).unwrap();
    let words = &faces.info().captions.words;
    assert!(words.is_sorted() && faces.info().captions.share == 1.0);
    let mut met = std::collections::BTreeSet::new();
    for i in 0..4_000 {
        met.extend(words_of(&faces.attributes(i).caption()));
    }
    let unknown: Vec<&String> = met.iter().filter(|w| words.binary_search(w).is_err()).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    let never: Vec<&String> = words.iter().filter(|w| !met.contains(*w)).collect();
    assert!(never.len() < 6, "{never:?}");
}

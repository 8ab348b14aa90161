//! The same people from several sides.
use crate::support::{bytes, fails, open};
use menagerie_data::portraits::{Attributes, People};
use menagerie_data::{Dataset, Source};
use std::collections::{BTreeMap, BTreeSet};

fn people(split: &str, limit: usize) -> std::sync::Arc<dyn Dataset> {
    open(&Source {
        size: vec![16],
        limit,
        split: split.into(),
        ..Source::parse("portraits:people")
    })
}

/// A person is the same from wherever they are seen; sides, light and what is behind are drawn anew.
#[test]
fn a_person_stays_the_same_from_every_side() {
    let set = people("train", 400);
    assert_eq!(set.info().attributes, Attributes::NAMES);
    let column = |name: &str| Attributes::NAMES.iter().position(|n| *n == name).unwrap();
    let views = ["yaw", "tilt", "light", "gaze"].map(column);
    let behind = |i: usize| Attributes::NAMES[i].starts_with("background");
    let mut sides = BTreeSet::new();
    let mut first: BTreeMap<u32, Vec<f32>> = BTreeMap::new();
    for i in 0..400 {
        let item = set.get(i).unwrap();
        sides.insert(item.attributes[views[0]] as i32);
        let known = first
            .entry(item.label.unwrap())
            .or_insert(item.attributes.clone());
        for (i, (a, b)) in item.attributes.iter().zip(&*known).enumerate() {
            assert!(
                a == b || views.contains(&i) || behind(i),
                "{}",
                Attributes::NAMES[i]
            );
        }
    }
    assert!(first.len() > 90);
    let skins: BTreeSet<u32> = first.values().map(|a| a[column("skin")].to_bits()).collect();
    assert_eq!(skins.len(), first.len(), "people differ");
    assert_eq!(
        sides.into_iter().collect::<Vec<_>>(),
        [-45, -30, -15, 0, 15, 30, 45]
    );
}

/// The test part has other people, whose classes follow; a shorter set is the beginning of a longer one.
#[test]
fn the_test_part_has_other_people() {
    let (train, test) = (people("train", 0), people("test", 0));
    assert_eq!(train.info().labels, test.info().labels);
    assert_eq!(train.info().labels.len(), People::TRAIN + People::TEST);
    let who = |set: &dyn Dataset| -> BTreeSet<u32> { (0..1000).map(|i| set.label(i).unwrap()).collect() };
    let (a, b) = (who(&*train), who(&*test));
    assert_eq!((a.len(), b.len()), (People::TRAIN, People::TEST));
    assert!(a.is_disjoint(&b));
    for set in [&train, &test] {
        let shares = &set.info().shares;
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        let label = set.get(7).unwrap().label.unwrap() as usize;
        assert!(shares[label] > 0.0 && shares.contains(&0.0));
    }
    assert_eq!(
        bytes(people("train", 3).get(2).unwrap()),
        bytes(train.get(2).unwrap())
    );
    let few = People::new([8, 8], 0, "train", 3).unwrap();
    assert!(few.get(3).is_err() && People::new([0, 8], 0, "train", 3).is_err());
    fails(
        &Source::parse("portraits:peoples"),
        &["portraits:peoples", "portraits:people"],
    );
}

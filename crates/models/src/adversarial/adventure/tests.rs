use super::*;
use menagerie_data::entailment::Truth;
use menagerie_data::{Dataset, Source};

fn data() -> std::sync::Arc<dyn Dataset> {
    Source {
        limit: 200,
        ..Source::parse("entailment")
    }
    .open()
    .unwrap()
    .dataset
}

fn fresh(set: &dyn Dataset) -> Adventure {
    let config = Config {
        model: Sizes {
            width: 8,
            average: 0.0,
        },
        ..Config::default()
    };
    config
        .build(set.info(), &Device::flex().autodiff(), Key::new(1))
        .unwrap()
}

/// What rules make of given examples, however many follow each other, is labelled as it is true; of neutral pairs too something is made.
#[test]
fn examples_by_rules_are_true() {
    let (set, truth) = (data(), Truth::default());
    let a = fresh(&*set);
    let batch = Batch::of(&*set, &(0..200).collect::<Vec<u32>>()).unwrap();
    let given = a.given(&batch).unwrap();
    let (mut made, mut neutral) = (0, 0);
    for (i, e) in given.iter().enumerate() {
        assert_eq!(truth.label(e.premise, e.hypothesis), e.label);
        for other in by_rules(*e, 3, 5, &mut Key::new(2).step(i as u64).rng()) {
            assert_eq!(
                truth.label(other.premise, other.hypothesis),
                other.label,
                "{e:?} {other:?}"
            );
            made += 1;
            neutral += usize::from(other.label == 1);
        }
    }
    assert!(made > 500 && neutral > 20, "{made} {neutral}");
}

/// The example by rules that is taken is the hardest of those that were tried.
#[test]
fn the_hardest_is_taken() {
    let set = data();
    let a = fresh(&*set);
    let batch = Batch::of(&*set, &[0, 1, 2, 3, 4, 5, 6, 7]).unwrap();
    let given = a.given(&batch).unwrap();
    let taken = a.of_rules(&given, Key::new(5));
    let plain = a.classifier.plain_device();
    let network = a.classifier.network().valid();
    let loss = |e: &Example| number(a.losses(&network, &[*e], &plain));
    let mut next = taken.iter();
    for (i, e) in given.iter().enumerate() {
        let tried = by_rules(*e, 2, 4, &mut Key::new(5).step(i as u64).rng());
        if !tried.is_empty() {
            let most = tried.iter().map(loss).fold(f64::MIN, f64::max);
            assert!((loss(next.next().unwrap()) - most).abs() < 1e-6);
        }
    }
    assert!(next.next().is_none());
}

/// Hypotheses are written behind the premises that are given, and what is harder than the mean is what is reinforced.
#[test]
fn hypotheses_follow_premises() {
    let set = data();
    let a = fresh(&*set);
    let batch = Batch::of(&*set, &[3, 1, 4]).unwrap();
    let given = a.given(&batch).unwrap();
    let own = a.of_writer(&given, Key::new(9));
    assert_eq!((own.pairs.len(), own.labels.len()), (3 * LENGTH, 3));
    for (p, e) in own.pairs.chunks_exact(LENGTH).zip(&given) {
        assert_eq!(p[..PREMISE], pair(e.premise, e.hypothesis)[..PREMISE]);
    }
    let advantages = harder(&[Some(3.0), None, Some(0.0)]);
    assert_eq!(advantages, [2.0, -1.0, -1.0]);
}

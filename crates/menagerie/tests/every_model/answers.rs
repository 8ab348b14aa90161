//! What a model can be asked, capability by capability: it holds what it promises, repeatably, and refuses what it is not
//! made for.
use crate::subject::Subject;
use menagerie::Key;
use menagerie::data::{Batch, Kind};
use menagerie::models::{Direction, Features, Predict, Purpose, SampleRequest, Translate, Wish};
use std::collections::BTreeSet;

/// Items of the data, and two of them in another order.
fn batch(subject: &Subject) -> Batch {
    subject.batch(&[4, 0, 7, 2, 9])
}

fn part(subject: &Subject) -> Batch {
    subject.batch(&[7, 4])
}

/// The batch with one number more in every item's last axis: a shape no model was built for.
fn misshapen(batch: &Batch) -> Batch {
    let mut b = batch.clone();
    let last = b.shape.len() - 1;
    let rows = b.values.chunks(b.shape[last]);
    b.values = rows.flat_map(|v| v.iter().copied().chain([0.0])).collect();
    b.shape[last] += 1;
    b
}

/// Figures of items 7 and 4 do not depend on the batch they are in, up to the rounding of sums in another order.
fn same_in_any_batch(all: &[f64], part: &[f64]) {
    for (a, b) in [(all[2], part[0]), (all[0], part[1])] {
        assert!(
            (a - b).abs() <= 1e-4 * (1.0 + a.abs()),
            "{a} in one batch, {b} in another"
        );
    }
}

pub(crate) fn finite(values: &[f32]) -> bool {
    values.iter().all(|v| v.is_finite())
}

const ANOTHER: &str = "another shape is refused";

pub(crate) fn samples(subject: &Subject) {
    let model = subject.model();
    let (sampler, info) = (model.as_sample().unwrap(), subject.info());
    let request = SampleRequest::new(7, Key::new(5));
    let sample = |request: &SampleRequest| sampler.sample(request).unwrap();
    let a = sample(&request);
    assert_eq!(a.shape, [&[7], &info.shape[..]].concat());
    assert_eq!(a.values.len(), a.shape.iter().product::<usize>());
    assert!(finite(&a.values));
    let pictures = matches!(info.kind, Kind::Image | Kind::Video | Kind::Pair | Kind::Unpaired);
    assert!(!pictures || a.values.iter().all(|v| v.abs() <= 1.0));
    assert_eq!(sample(&request), a);
    let few = sample(&SampleRequest::new(3, Key::new(5)));
    assert_eq!(
        few.values[..],
        a.values[..few.values.len()],
        "a shorter draw is a prefix"
    );
    assert_ne!(sample(&SampleRequest::new(7, Key::new(6))).values, a.values);
    let wrong = SampleRequest {
        label: Some(1_000_000),
        ..request
    };
    assert!(sampler.sample(&wrong).is_err(), "an unknown class is refused");
    let cold = sampler.sample(&SampleRequest {
        temperature: 0.2,
        ..request
    });
    assert!(
        cold.is_err() || cold.is_ok_and(|s| s != a),
        "a temperature is refused or heeded"
    );
    // Loading for use alone gives the same samples.
    let [.., saved] = subject.course();
    let mut other = subject.build(98);
    other.load(&|n| Ok(saved[n].clone()), Purpose::Use).unwrap();
    assert_eq!(other.as_sample().unwrap().sample(&request).unwrap(), a);
}

pub(crate) fn inferences(subject: &Subject) {
    let (model, batch, key) = (subject.model(), batch(subject), Key::new(8));
    let infer = model.as_infer().unwrap();
    let each = 3 * infer.parameters().len();
    let all = infer.infer(&batch, 3, key).unwrap();
    assert!(all.len() == 5 * each && finite(&all), "{all:?}");
    assert_eq!(infer.infer(&batch, 3, key).unwrap(), all, "repeatable");
    let wide = |v: &[f32]| v.iter().map(|v| f64::from(*v)).collect::<Vec<_>>();
    let part = infer.infer(&part(subject), 3, key).unwrap();
    for (a, b) in [(2, 0), (0, 1)] {
        let (a, b) = (wide(&all[a * each..][..each]), wide(&part[b * each..][..each]));
        assert!(
            a.iter()
                .zip(&b)
                .all(|(a, b)| (a - b).abs() <= 1e-4 * (1.0 + a.abs())),
            "{a:?} {b:?}"
        );
    }
    // The parameters of the rows themselves are not looked at.
    let mut blind = batch.clone();
    let width = blind.shape[1];
    for (i, v) in blind.values.iter_mut().enumerate() {
        if infer.parameters().contains(&(i % width)) {
            *v = 1e3;
        }
    }
    assert_eq!(
        infer.infer(&blind, 3, key).unwrap(),
        all,
        "what is sought is not looked at"
    );
    assert!(infer.infer(&misshapen(&batch), 3, key).is_err(), "{ANOTHER}");
}

pub(crate) fn latents(subject: &Subject) {
    let model = subject.model();
    let (space, info) = (model.as_latent_space().unwrap(), subject.info());
    let z = space.prior(5, Key::new(1));
    assert_eq!(z.dims(), [5, space.latent()]);
    let x = space.decode(z.clone() * 10.0).unwrap();
    assert_eq!(x.shape, [&[5], &info.shape[..]].concat());
    assert!(finite(&x.values));
    let short = space.decode(z.slice([0..5, 0..1]));
    assert!(
        short.is_err() || space.latent() == 1,
        "a latent of another size is refused"
    );
}

pub(crate) fn likelihoods(subject: &Subject) {
    let (model, batch, key) = (subject.model(), batch(subject), Key::new(8));
    let l = model.as_log_likelihood().unwrap();
    let all = l.log_likelihood(&batch, key).unwrap();
    assert!(all.len() == 5 && all.iter().all(|v| v.is_finite()), "{all:?}");
    assert_eq!(l.log_likelihood(&batch, key).unwrap(), all, "repeatable");
    same_in_any_batch(&all, &l.log_likelihood(&part(subject), key).unwrap());
    assert!(l.dimensions() > 0 && l.dimensions() <= batch.shape[1..].iter().product());
    assert!(l.log_likelihood(&misshapen(&batch), key).is_err(), "{ANOTHER}");
}

pub(crate) fn bounds(subject: &Subject) {
    let (model, batch, key) = (subject.model(), batch(subject), Key::new(8));
    let e = model.as_evidence_bound().unwrap();
    let all = e.evidence_bound(&batch, 1, key).unwrap();
    assert!(all.len() == 5 && all.iter().all(|v| v.is_finite()), "{all:?}");
    same_in_any_batch(&all, &e.evidence_bound(&part(subject), 1, key).unwrap());
    let mean = |k: usize, draws: u64| {
        let all = (0..draws).flat_map(|d| e.evidence_bound(&batch, k, key.step(d)).unwrap());
        all.sum::<f64>() / (5 * draws) as f64
    };
    let (one, many) = (mean(1, 16), mean(64, 1));
    assert!(
        many >= one - 1e-3 * one.abs(),
        "E log of a mean of 64 weights {many} is below that of one {one}"
    );
    assert!(e.dimensions() > 0);
    assert!(e.evidence_bound(&misshapen(&batch), 1, key).is_err(), "{ANOTHER}");
}

pub(crate) fn codes(subject: &Subject) {
    let (model, batch) = (subject.model(), batch(subject));
    let encoder = model.as_encode().unwrap();
    let z = encoder.encode(&batch).unwrap();
    assert_eq!(z.dims()[0], 5);
    assert!(finite(z.clone().into_data().as_slice::<f32>().unwrap()));
    if let Some(space) = model.as_latent_space() {
        assert_eq!(z.dims()[1], space.latent());
        assert_eq!(space.decode(z).unwrap().shape, batch.shape);
    }
    assert!(encoder.encode(&misshapen(&batch)).is_err(), "{ANOTHER}");
    let draw = |batch: &Batch| encoder.draw(batch, 3, Key::new(3)).unwrap();
    if let Some(drawn) = draw(&batch) {
        let [items, draws, latent] = drawn.dims();
        let width = encoder.encode(&batch).unwrap().dims()[1];
        assert_eq!([items, draws, latent], [5, 3, width]);
        let wide = |z| -> Vec<f64> { menagerie::nn::numbers(z).into_iter().map(f64::from).collect() };
        let (all, part) = (wide(drawn), wide(draw(&part(subject)).unwrap()));
        assert!(all.iter().all(|v| v.is_finite()));
        for k in 0..draws * latent {
            let of = |values: &[f64]| {
                values
                    .iter()
                    .skip(k)
                    .step_by(draws * latent)
                    .copied()
                    .collect::<Vec<_>>()
            };
            same_in_any_batch(&of(&all), &of(&part));
        }
        assert!(
            encoder.draw(&misshapen(&batch), 3, Key::new(3)).is_err(),
            "{ANOTHER}"
        );
    }
}

pub(crate) fn reconstructions(subject: &Subject) {
    let (model, batch, key) = (subject.model(), batch(subject), Key::new(3));
    let r = model.as_reconstruct().unwrap();
    let back = r.reconstruct(&batch, key).unwrap();
    for s in [Some(&back.output), back.shown.as_ref()].into_iter().flatten() {
        assert_eq!((&s.shape, s.values.len()), (&batch.shape, batch.values.len()));
        assert!(finite(&s.values));
    }
    let again = r.reconstruct(&batch, key).unwrap();
    assert_eq!(again.output, back.output, "repeatable");
    assert!(r.reconstruct(&misshapen(&batch), key).is_err(), "{ANOTHER}");
}

pub(crate) fn completions(subject: &Subject) {
    let (model, batch) = (subject.model(), batch(subject));
    let c = model.as_complete().unwrap();
    let fill = |known: &[bool], seed: u64| c.complete(&batch, known, Key::new(seed));
    // Points and sound have no width: every number or moment is a position.
    let axes = batch.shape.len();
    let positions: usize = batch.shape[1..axes.saturating_sub(1).max(2)].iter().product();

    let whole = fill(&vec![true; positions], 1).unwrap();
    assert_eq!(whole.shape, batch.shape);
    let known: Vec<bool> = (0..positions).map(|i| i % 3 != 1).collect();
    let filled = fill(&known, 1).unwrap();
    let n: usize = batch.shape[1..].iter().product();
    let channels = n / positions;
    for (i, (a, b)) in filled.values.iter().zip(&whole.values).enumerate() {
        assert!(
            !known[i % n / channels] || a == b,
            "number {i} was known to be {b}, came back as {a}"
        );
    }
    assert_eq!(fill(&known, 1).unwrap(), filled, "repeatable");
    let none = vec![false; positions];
    assert_ne!(fill(&none, 1).unwrap(), fill(&none, 2).unwrap());
    assert!(fill(&known[1..], 1).is_err(), "a mask of another size is refused");
    assert!(
        c.complete(&misshapen(&batch), &known, Key::new(1)).is_err(),
        "{ANOTHER}"
    );
}

/// The first `n` frames of videos where those are the condition; of other items, all of them.
fn beginning(p: &dyn Predict, batch: &Batch, n: usize) -> Batch {
    let mut b = batch.clone();
    if p.context() > 0 {
        let each: usize = b.shape[1..].iter().product();
        let kept = each / b.shape[1] * n;
        b.values = b.values.chunks(each).flat_map(|v| v[..kept].to_vec()).collect();
        b.shape[1] = n;
    }
    b
}

pub(crate) fn predictions(subject: &Subject) {
    let model = subject.model();
    let p = model.as_predict().unwrap();
    let frames = if p.context() > 0 { 2 } else { 0 };
    let given = |b: &Batch| beginning(p, b, p.context());
    let (batch, part) = (given(&batch(subject)), given(&part(subject)));
    let predict = |b: &Batch, seed: u64| p.predict(b, frames, Key::new(seed));
    let all = predict(&batch, 4).unwrap();
    assert_eq!(
        (all.shape[0], all.values.len()),
        (5, all.shape.iter().product::<usize>())
    );
    assert!(finite(&all.values));
    assert!(frames == 0 || all.shape[1] == frames, "as many frames as asked");
    assert_eq!(predict(&batch, 4).unwrap(), all, "repeatable");
    let again = predict(&batch, 5).unwrap() == all;
    assert_ne!(
        again,
        p.draws(),
        "another key, another answer, where one is drawn"
    );
    let few = predict(&part, 4).unwrap();
    let n = few.values.len() / 2;
    for (of_all, of_few) in [(2, 0), (0, 1)] {
        let (a, b) = (&all.values[of_all * n..][..n], &few.values[of_few * n..][..n]);
        assert!(
            a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-3),
            "the same in any batch"
        );
    }
    if let Some(shown) = p.condition(&batch).unwrap() {
        assert_eq!(shown.shape[0], 5);
    }
    assert!(predict(&misshapen(&batch), 4).is_err(), "{ANOTHER}");
    assert!(
        p.context() == 0 || predict(&beginning(p, &batch, 0), 4).is_err(),
        "no frames"
    );
}

pub(crate) fn translations(subject: &Subject) {
    let model = subject.model();
    let t = model.as_translate().unwrap();
    let (both, part) = (batch(subject), part(subject));
    if !t.domains().is_empty() {
        drop(model);
        return between_domains(subject);
    }
    assert!(!t.directions().is_empty() && t.channels() * 2 == both.shape[3]);
    for d in Direction::ALL {
        let images = both.side(d.from());
        if !t.directions().contains(&d) {
            let e = t
                .translate(&images, &Wish::side(d), Key::new(4))
                .unwrap_err()
                .to_string();
            assert!(e.contains(d.name()) && e.contains(d.back().name()), "{e}");
            continue;
        }
        let turn = |b: &Batch| t.translate(b, &Wish::side(d), Key::new(4)).unwrap();
        let all = turn(&images);
        assert_eq!((all.kind, &all.shape), (Kind::Image, &images.shape));
        assert!(all.values.iter().all(|v| v.abs() <= 1.0));
        assert_ne!(all.values, images.values, "something is done");
        assert_eq!(turn(&images), all, "repeatable");
        let few = turn(&part.side(d.from()));
        let n = few.values.len() / 2;
        for (of_all, of_few) in [(2, 0), (0, 1)] {
            let (a, b) = (&all.values[of_all * n..][..n], &few.values[of_few * n..][..n]);
            let off = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(off < 1e-3, "the same in any batch: {off}");
        }
        // A reference says what is otherwise drawn; where nothing is told by a style it is refused.
        let other = part.side(d.to());
        let reference = Batch {
            shape: [&[1], &other.shape[1..]].concat(),
            values: other.values[..n].to_vec(),
            indices: vec![0],
            ..other
        };
        let wish = Wish {
            reference: Some(&reference),
            ..Wish::side(d)
        };
        let alike = |key| t.translate(&images, &wish, Key::new(key));
        match t.takes_reference() {
            true => assert_eq!(alike(4).unwrap(), alike(5).unwrap(), "nothing is drawn"),
            false => assert!(alike(4).unwrap_err().to_string().contains("--reference")),
        }
        // Any size, or one alone: what comes back has the size of what was given, and is no crop of it.
        for [h, w] in [[13, 21], [9, 40]] {
            let n = 2 * h * w * t.channels();
            let odd = Batch {
                shape: vec![2, h, w, t.channels()],
                values: (0..n).map(|i| (i as f32 * 0.1).sin()).collect(),
                indices: vec![0, 1],
                ..images.clone()
            };
            if let Some([h, w]) = t.size() {
                let refused = t.translate(&odd, &Wish::side(d), Key::new(4)).unwrap_err();
                assert!(
                    refused.to_string().contains(&format!("--size {h}x{w}")),
                    "{refused}"
                );
                continue;
            }
            let turned = turn(&odd);
            assert_eq!(turned.shape, odd.shape);
            assert!(finite(&turned.values));
        }
        assert!(
            t.translate(&misshapen(&images), &Wish::side(d), Key::new(4))
                .is_err(),
            "{ANOTHER}"
        );
        // Loading for use alone gives the same.
        let [.., saved] = subject.course();
        let mut other = subject.build(98);
        other.load(&|n| Ok(saved[n].clone()), Purpose::Use).unwrap();
        let again = other
            .as_translate()
            .unwrap()
            .translate(&images, &Wish::side(d), Key::new(4));
        assert_eq!(again.unwrap(), all);
    }
}

pub(crate) fn illustrations(subject: &Subject) {
    let model = subject.model();
    let m = model.as_illustrate().unwrap();
    let items = batch(subject);
    let texts = items.captions.clone().unwrap();
    let made = m.illustrate(&texts, Key::new(4)).unwrap();
    assert_eq!(made.shape, items.shape);
    assert!(finite(&made.values) && made.values.iter().all(|v| v.abs() <= 1.0));
    assert_eq!(m.illustrate(&texts, Key::new(4)).unwrap(), made, "repeatable");
    assert_ne!(m.illustrate(&texts, Key::new(5)).unwrap().values, made.values);
    let n = made.values.len() / texts.len();
    let first = m.illustrate(&texts[..2], Key::new(4)).unwrap().values;
    let off = first
        .iter()
        .zip(&made.values[..2 * n])
        .map(|(a, b)| (a - b).abs());
    assert!(off.fold(0.0, f32::max) < 1e-4, "the same in any batch");
    let other = vec![texts[1].clone(); texts.len()];
    assert_ne!(
        m.illustrate(&other, Key::new(4)).unwrap().values,
        made.values,
        "the text is heard"
    );
    assert_eq!(m.fits(&items, &texts).unwrap().len(), texts.len());
    let close = m.closeness(&items, &texts).unwrap();
    assert!(close.len() == 25 && close.iter().all(|c| c.abs() <= 1.001));
    assert_eq!(m.unknown("a face with xylophones"), ["xylophones"]);
    let nothing = m.illustrate(&["xylophones zzz".into()], Key::new(1));
    assert!(nothing.unwrap_err().to_string().contains("xylophones zzz"));
    assert!(m.fits(&items, &texts[..2]).is_err() && m.fits(&misshapen(&items), &texts).is_err());
    let [.., saved] = subject.course();
    let mut again = subject.build(98);
    again.load(&|n| Ok(saved[n].clone()), Purpose::Use).unwrap();
    let again = again.as_illustrate().unwrap().illustrate(&texts, Key::new(4));
    assert_eq!(again.unwrap(), made);
}

/// A model of domains turns images into each of them, and refuses what it does not know.
fn between_domains(subject: &Subject) {
    let model = subject.model();
    let t = model.as_translate().unwrap();
    // Of pairs the images of one side.
    let (images, few) = (batch(subject).side(0), part(subject).side(0));
    assert_eq!(t.channels(), images.shape[3]);
    let turn = |t: &dyn Translate, b: &Batch, name: &str| {
        let to = [(name.to_string(), 1.0)];
        let wish = Wish {
            to: &to,
            ..Wish::default()
        };
        t.translate(b, &wish, Key::new(4))
    };
    let [.., saved] = subject.course();
    let mut other = subject.build(98);
    other.load(&|n| Ok(saved[n].clone()), Purpose::Use).unwrap();
    for name in t.domains() {
        let all = turn(t, &images, name).unwrap();
        assert_eq!((all.kind, &all.shape), (Kind::Image, &images.shape));
        assert!(all.values.iter().all(|v| v.abs() <= 1.0));
        assert_ne!(all.values, images.values, "something is done");
        assert_eq!(turn(t, &images, name).unwrap(), all, "repeatable");
        assert_eq!(turn(other.as_translate().unwrap(), &images, name).unwrap(), all);
        let n = all.values.len() / images.shape[0];
        let alone = turn(t, &few, name).unwrap();
        let first = all.values[2 * n..3 * n].iter().zip(&alone.values[..n]);
        let off = first.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(off < 1e-3, "the same in any batch: {off}");
        let odd = Batch {
            shape: vec![2, 13, 21, t.channels()],
            values: vec![0.1; 2 * 13 * 21 * t.channels()],
            indices: vec![0, 1],
            ..images.clone()
        };
        match t.size() {
            None => assert_eq!(turn(t, &odd, name).unwrap().shape, odd.shape),
            Some([h, w]) => {
                let refused = turn(t, &odd, name).unwrap_err().to_string();
                assert!(refused.contains(&format!("--size {h}x{w}")), "{refused}");
            }
        }

        assert!(turn(t, &misshapen(&images), name).is_err(), "{ANOTHER}");
    }
    assert!(turn(t, &images, "nothing of the kind").is_err());
    let nothing = t.translate(&images, &Wish::default(), Key::new(4));
    assert!(nothing.unwrap_err().to_string().contains(&t.domains()[0]));
}

pub(crate) fn classes(subject: &Subject) {
    let (model, batch) = (subject.model(), batch(subject));
    let c = model.as_classify().unwrap();
    let log = c.log_probabilities(&batch).unwrap();
    let classes = c.classes().len();
    assert_eq!(log.len(), 5 * classes);
    for row in log.chunks(classes) {
        let sum: f64 = row.iter().map(|v| (*v as f64).exp()).sum();
        assert!((sum - 1.0).abs() < 1e-4, "probabilities sum to {sum}");
    }
    assert!(c.log_probabilities(&misshapen(&batch)).is_err(), "{ANOTHER}");
}

pub(crate) fn attacks(subject: &Subject) {
    let (model, batch, key) = (subject.model(), batch(subject), Key::new(8));
    let a = model.as_attack().unwrap();
    assert!(!a.methods().is_empty() && a.epsilon() > 0.0);
    for &method in a.methods() {
        let made = a.attack(&batch, method, key).unwrap();
        assert_eq!(made.shape, batch.shape);
        let pairs = made.values.iter().zip(&batch.values);
        let far = pairs.map(|(a, b)| (a - b).abs() as f64 / 2.0).fold(0.0, f64::max);
        assert!(far > 0.0 && far <= a.epsilon() + 1e-7, "{method:?} {far}");
        assert!(made.values.iter().all(|v| v.abs() <= 1.0));
        assert_eq!(a.attack(&batch, method, key).unwrap(), made, "repeatable");
        assert!(a.attack(&misshapen(&batch), method, key).is_err(), "{ANOTHER}");
    }
}

pub(crate) fn defences(subject: &Subject) {
    let (model, batch) = (subject.model(), batch(subject));
    let d = model.as_defend().unwrap();
    let made = d.defend(&batch).unwrap();
    assert_eq!(made.shape, batch.shape);
    assert!(made.values.iter().all(|v| v.abs() <= 1.0));
    let (few, n) = (d.defend(&part(subject)).unwrap(), made.values.len() / 5);
    let off = few.values[..n].iter().zip(&made.values[2 * n..3 * n]);
    assert!(
        off.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) < 1e-4,
        "the same in any batch"
    );
    assert!(d.defend(&misshapen(&batch)).is_err(), "{ANOTHER}");
}

pub(crate) fn anomalies(subject: &Subject) {
    let (model, batch, key) = (subject.model(), batch(subject), Key::new(8));
    let a = model.as_anomaly().unwrap();
    let all = a.anomaly(&batch, key).unwrap();
    assert!(all.len() == 5 && all.iter().all(|v| v.is_finite()), "{all:?}");
    assert_eq!(a.anomaly(&batch, key).unwrap(), all, "repeatable");
    same_in_any_batch(&all, &a.anomaly(&part(subject), key).unwrap());
    assert!(a.anomaly(&misshapen(&batch), key).is_err(), "{ANOTHER}");
    // Loading for use alone gives the same.
    let [.., saved] = subject.course();
    let mut other = subject.build(98);
    other.load(&|n| Ok(saved[n].clone()), Purpose::Use).unwrap();
    assert_eq!(other.as_anomaly().unwrap().anomaly(&batch, key).unwrap(), all);
}

pub(crate) fn groups(subject: &Subject) {
    let (model, batch) = (subject.model(), batch(subject));
    let c = model.as_cluster().unwrap();
    let log = c.group_log_probabilities(&batch).unwrap();
    assert!(c.groups() > 1 && log.len() == 5 * c.groups());
    for row in log.chunks(c.groups()) {
        let sum: f64 = row.iter().map(|v| (*v as f64).exp()).sum();
        assert!((sum - 1.0).abs() < 1e-4, "probabilities sum to {sum}");
    }
    assert!(
        c.group_log_probabilities(&misshapen(&batch)).is_err(),
        "{ANOTHER}"
    );
}

pub(crate) fn features(subject: &Subject) {
    let (model, batch) = (subject.model(), batch(subject));
    let f = model.as_features().unwrap();
    let all = f.features(&batch).unwrap();
    assert!(all.len() == 5 * f.width() && finite(&all));
    assert!(f.features(&misshapen(&batch)).is_err(), "{ANOTHER}");
    layers_belong_to_items(f, &batch, &part(subject));
}

/// Every layer has a name of its own and as many numbers for each item, the same in any batch.
fn layers_belong_to_items(f: &dyn Features, batch: &Batch, part: &Batch) {
    let (all, few) = (f.layers(batch).unwrap(), f.layers(part).unwrap());
    let names: BTreeSet<&String> = all.iter().map(|l| &l.0).collect();
    assert!(!all.is_empty() && names.len() == all.len(), "{names:?}");
    assert_eq!(all.len(), few.len());
    for ((layer, all), (also, few)) in all.iter().zip(&few) {
        assert_eq!(layer, also);
        let n = all.len() / 5;
        assert!(n > 0 && all.len() == 5 * n && few.len() == 2 * n, "{layer}");
        // Items 7 and 4 are the batch's third and first.
        for (a, b) in [(2, 0), (0, 1)] {
            let pairs = all[a * n..][..n].iter().zip(&few[b * n..][..n]);
            let far = pairs.map(|(x, y)| (x - y).abs() / (1.0 + y.abs()));
            let far = far.fold(0.0, f32::max);
            assert!(far < 1e-3, "{layer}: {far}");
        }
    }
    assert!(f.layers(&misshapen(batch)).is_err(), "{ANOTHER}");
}

pub(crate) fn attributes(subject: &Subject) {
    let (model, batch) = (subject.model(), batch(subject));
    let r = model.as_read_attributes().unwrap();
    let all = r.attributes(&batch).unwrap();
    assert!(all.len() == 5 * r.names().len() && finite(&all));
    assert!(r.attributes(&misshapen(&batch)).is_err(), "{ANOTHER}");
}

pub(crate) fn maximized(subject: &Subject) {
    let (model, info) = (subject.model(), subject.info());
    let m = model.as_maximize().unwrap();
    assert!(!m.goals().is_empty());
    let [before, after] = m.maximize(0, 5, Key::new(3)).unwrap();
    for s in [&before, &after] {
        assert_eq!(s.shape, [&[5], &info.shape[..]].concat());
        assert!(finite(&s.values));
    }
    assert_eq!(
        m.maximize(0, 5, Key::new(3)).unwrap(),
        [before, after],
        "repeatable"
    );
    assert!(m.maximize(m.goals().len(), 5, Key::new(3)).is_err());
}

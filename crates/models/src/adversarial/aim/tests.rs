use super::*;
use menagerie_data::Source;

fn with(information: f64) -> (Aim, Both) {
    let set = Source {
        limit: 20,
        ..Source::parse("dialogue")
    }
    .open()
    .unwrap()
    .dataset;
    let mut config = Config::default();
    config.game.information = information;
    config.model.width = 4;
    let aim = config
        .build(set.info(), &Device::flex().autodiff(), Key::new(1))
        .unwrap();
    let given = aim.author.read(&Batch::of(&*set, &[0, 1, 2]).unwrap()).unwrap();
    (aim, given)
}

/// A reward is a cosine, worked out in f64 from the embeddings, and so many times the log-likelihood of the question by the network that reads
/// answers, of its own question each.
#[test]
fn rewards_are_cosines_and_information() {
    let ((without, given), (twice, _)) = (with(0.0), with(2.0));
    let pairs = &without.author.pairs;
    let [a, b] = [0, 1].map(|k| pairs.sides[k].length);
    let rows = [2, 0];
    let second = [&given.second[..b], &given.second[b..2 * b]].concat();
    let first = [&given.first[2 * a..], &given.first[..a]].concat();
    let (d, device) = (
        without.discriminator.network().valid(),
        without.discriminator.plain_device(),
    );
    let x = numbers(d.first.forward(&pairs.sides[0], &first, &device));
    let y = numbers(d.second.forward(&pairs.sides[1], &second, &device));
    let cosine = |i: usize| {
        let width = x.len() / 2;
        let dot = |p: &[f32], q: &[f32]| -> f64 {
            (0..width)
                .map(|k| f64::from(p[i * width + k]) * f64::from(q[i * width + k]))
                .sum()
        };
        dot(&x, &y) / ((dot(&x, &x) + 1e-6) * (dot(&y, &y) + 1e-6)).sqrt()
    };
    let said = without.rewards(&given, &rows, &second);
    let more = twice.rewards(&given, &rows, &second);
    let network = twice.backward.writer.network().valid();
    let both = Both {
        first: second,
        second: first,
    };
    let each = numbers(twice.backward.likelihoods(&network, &both, &device));
    for i in 0..2 {
        assert!((f64::from(said[i]) - cosine(i)).abs() < 1e-4, "{said:?}");
        let question: f32 = each[i * a..(i + 1) * a].iter().sum();
        assert!(
            (more[i] - said[i] - 2.0 * question).abs() < 1e-4,
            "{more:?} {said:?} {question}"
        );
    }
}

use super::*;
use menagerie_data::Source;

/// A reward is BLEU and the discriminator's opinion in the shares that are set: the given translation has all of the first, and each pair is judged
/// with its own first sentence.
#[test]
fn rewards_are_bleu_and_opinion() {
    let set = Source {
        limit: 20,
        ..Source::parse("translation")
    }
    .open()
    .unwrap()
    .dataset;
    let batch = Batch::of(&*set, &[0, 1, 2]).unwrap();
    let with = |share: f64| {
        let mut config = Config::default();
        config.game.share = share;
        config.model.width = 4;
        config
            .build(set.info(), &Device::flex().autodiff(), Key::new(1))
            .unwrap()
    };
    let (bleu, opinion, half) = (with(0.0), with(1.0), with(0.5));
    let given = bleu.author.read(&batch).unwrap();
    let length = bleu.author.pairs.sides[1].length;
    let second = [&given.second[..length], &given.second[length..2 * length]].concat();
    let rows = [0, 2];
    let right = bleu.rewards(&given, &rows, &second);
    assert!((right[0] - 1.0).abs() < 1e-6 && right[1] < 0.9, "{right:?}");
    let of_first = bleu.author.pairs.sides[0].length;
    let both = Both {
        first: [&given.first[..of_first], &given.first[2 * of_first..]].concat(),
        second: second.clone(),
    };
    let logits =
        opinion
            .discriminator
            .network()
            .forward(&opinion.author.pairs, &both, opinion.discriminator.device());
    let said = opinion.rewards(&given, &rows, &second);
    for ((s, l), (h, b)) in said
        .iter()
        .zip(numbers(logits))
        .zip(half.rewards(&given, &rows, &second).iter().zip(&right))
    {
        assert!((s - 1.0 / (1.0 + (-l).exp())).abs() < 1e-6);
        assert!((h - 0.5 * (s + b)).abs() < 1e-6);
    }
}

use super::*;
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use menagerie_data::random::Key;
use menagerie_data::{DataInfo, Source};
use menagerie_nn::{Init, OptimizerConfig, number, numbers};

/// Two words, `>` and the end; three places a sentence, of which the last is for the end.
fn small() -> DataInfo {
    let info = Source::parse("brackets").open().unwrap().dataset.info().clone();
    DataInfo {
        source: "small".into(),
        alphabet: "ab>\n".into(),
        shape: vec![3, 4],
        ..info
    }
}

fn author(info: &DataInfo) -> Author {
    let pairs = Pairs::new(info, "test").unwrap();
    let init = Init::new(Key::new(5), &Device::flex().autodiff());
    let optimizer = OptimizerConfig::adam(1e-3);
    Author::new(("test", "writer"), pairs, 5, (optimizer, 0.0), &init).unwrap()
}

/// Every second sentence of the small alphabet.
fn everything(pairs: &Pairs) -> Vec<Vec<u8>> {
    let (length, end) = (pairs.sides[1].length, pairs.end);
    let mut all = vec![vec![]];
    for _ in 0..length {
        let longer = |s: &Vec<u8>| -> Vec<Vec<u8>> {
            let next = if s.contains(&end) {
                end..end + 1
            } else {
                0..end + 1
            };
            next.map(|w| [&s[..], &[w]].concat()).collect()
        };
        all = all.iter().flat_map(longer).collect();
    }
    all
}

/// Of all sentences with their probabilities.
fn of_all(author: &Author, all: &[Vec<u8>], first: &[u8]) -> Tensor<1> {
    let both = Both {
        first: first.repeat(all.len()),
        second: all.concat(),
    };
    let each = author.likelihoods(author.writer.network(), &both, author.writer.device());
    each.sum_dim(1).exp().reshape([all.len()])
}

#[test]
fn probabilities_of_all_sentences_add_up_to_one() {
    let author = author(&small());
    let all = everything(&author.pairs);
    assert_eq!(all.len(), 1 + 3 + 9 + 27);
    let sum = |first: &[u8]| number(of_all(&author, &all, first).sum());
    let of = |first: &[u8]| numbers(of_all(&author, &all, first));
    assert!((sum(&[0, 1, 3]) - 1.0).abs() < 1e-5);
    assert_ne!(of(&[0, 1, 3]), of(&[1, 3, 3]), "the first sentence matters");
}

/// What is written where nothing is drawn is at every place the likeliest word by the whole-sentence probabilities, and what is drawn with one key
/// is the same in any company.
#[test]
fn words_are_written_as_they_are_likely() {
    let author = author(&small());
    let (pairs, device) = (&author.pairs, author.writer.plain_device());
    let network = author.writer.network().valid();
    let first = [0, 1, 3, 1, 3, 3];
    let begun: [(usize, &[u8]); 3] = [(0, &[]), (1, &[]), (1, &[1])];
    let written = network.written(pairs, &first, &begun, Choice::Likeliest, &device);
    assert_eq!(written[6], 1);
    let texts = [&first[..3], &first[3..], &first[3..]].concat();
    let [x, y] = [(0, &texts), (1, &written)].map(|(k, s)| pairs.sides[k].text(s, 0, &device));
    let said = network.log_probabilities(&pairs.sides[1], &network.read(&x), y.letters);
    let best = menagerie_data::likeliest(&numbers(said), 4);
    for (place, (b, w)) in best.iter().zip(&written).enumerate() {
        let ended = written[place / 3 * 3..place].contains(&3);
        assert!(
            ended || place == 6 || b == w,
            "place {place}: {best:?} {written:?}"
        );
    }
    let keys = [Key::new(1), Key::new(2), Key::new(3)];
    let drawn = network.written(pairs, &first, &begun, Choice::Drawn(&keys), &device);
    let one = network.written(pairs, &first, &begun[1..2], Choice::Drawn(&keys[1..2]), &device);
    assert_eq!(drawn[3..6], one);
}

/// The gradient by words' worth is, in the mean over many draws, that of the expected reward, which all sentences give exactly; with
/// continuations and without.
#[test]
fn words_worth_gives_the_gradient_of_the_expected_reward() {
    const DRAWS: usize = 6000;
    let author = author(&small());
    let all = everything(&author.pairs);
    let first = [0u8, 1, 3];
    let worth =
        |s: &[u8]| f32::from(s[0] == 1) + 2.0 * f32::from(s[1] == 0) - f32::from(s[0] == 2 && s[1] == 2);
    let bias = |loss: Tensor<1>| {
        let gradients = loss.backward();
        let network = author.writer.network();
        numbers(network.out.bias.as_ref().unwrap().val().grad(&gradients).unwrap())
    };
    let rewards: Vec<f32> = all.iter().map(|s| worth(s)).collect();
    let rewards = Tensor::<1>::from_floats(&rewards[..], author.writer.device());
    let exact = bias((of_all(&author, &all, &first) * rewards).sum() * -1.0);
    assert!(exact.iter().any(|g| g.abs() > 0.1), "{exact:?}");
    for rollouts in [0, 1] {
        let reward = |_: &[usize], second: &[u8]| second.chunks_exact(3).map(worth).collect();
        let course = author.course(&first.repeat(DRAWS), rollouts, Key::new(7), &reward);
        let drawn = bias(author.policy(&course));
        for (d, e) in drawn.iter().zip(&exact) {
            assert!((d - e).abs() < 0.06, "{rollouts}: {drawn:?} {exact:?}");
        }
    }
}

/// Where the first word decides the reward, those behind it are worth nothing, and it is worth what it is above its mean.
#[test]
fn a_word_is_worth_what_it_adds() {
    let author = author(&small());
    let first = [0u8, 1, 3];
    let reward = |_: &[usize], second: &[u8]| -> Vec<f32> {
        second.chunks_exact(3).map(|s| f32::from(s[0] == 1)).collect()
    };
    let course = author.course(&first.repeat(8), 3000, Key::new(9), &reward);
    let all = everything(&author.pairs);
    let p = numbers(of_all(&author, &all, &first));
    let mean: f32 = all
        .iter()
        .zip(&p)
        .filter(|(s, _)| s[0] == 1)
        .map(|(_, p)| p)
        .sum();
    for (own, worth) in course
        .both
        .second
        .chunks_exact(3)
        .zip(course.advantages.chunks_exact(3))
    {
        assert!(
            (worth[0] - (f32::from(own[0] == 1) - mean)).abs() < 0.05,
            "{worth:?} {mean}"
        );
        assert_eq!(worth[1..], [0.0; 2]);
    }
}

#[test]
fn what_are_no_pairs_is_refused() {
    let digits = Source::parse("digits").open().unwrap().dataset;
    let e = Pairs::new(digits.info(), "cs_gan").unwrap_err().to_string();
    assert!(
        e.contains("pairs of sentences") && e.contains("translation"),
        "{e}"
    );
    let info = small();
    let pairs = Pairs::new(&info, "cs_gan").unwrap();
    let batch = |symbols: &[u8]| menagerie_data::Batch {
        kind: info.kind,
        shape: vec![1, 3, 4],
        values: pairs.sides[1].one_hot(symbols),
        labels: None,
        attributes: vec![],
        captions: None,
        indices: vec![17],
    };
    let both = pairs.read(&batch(&[0, 2, 1]), "cs_gan").unwrap();
    assert_eq!(
        (both.first.clone(), both.second.clone()),
        (vec![0, 3, 3], vec![1, 3, 3])
    );
    assert_eq!(pairs.items(&both), pairs.sides[1].one_hot(&[0, 2, 1]));
    let e = pairs.read(&batch(&[0, 1, 3]), "cs_gan").unwrap_err().to_string();
    assert!(e.contains("item 17") && e.contains('>'), "{e}");
}

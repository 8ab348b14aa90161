//! Metrics of models that answer a sentence by another: beside the data's, by their words, and by the grammar where it is known.
use super::by_capability::mean_and_error;
use super::metric::{Judge, Metric, Tell, Verdict, forgotten, members};
use super::subject::each_item;
use crate::data::sentences::pairs_of;
use crate::data::{DataInfo, Kind};
use crate::error::{Error, Result};
use crate::metrics::sentences::{bleu, distinct};
use crate::models::Capability;

/// A sentence, as places in the alphabet.
type Sentence = Vec<u8>;

/// First sentences with what the data and the model answer.
#[derive(Default)]
struct Answers {
    first: Vec<Sentence>,
    right: Vec<Sentence>,
    own: Vec<Sentence>,
}

/// Whether items are pairs of sentences.
pub(super) fn are(info: &DataInfo) -> bool {
    info.kind == Kind::Sequence && info.symbol_between().is_some() && info.end_symbol().is_some()
}

/// Figures of `bleu`, `fitting` and `distinct`, of the model's likeliest answers to the first sentences of the data.
///
/// # Errors
/// [`Error::Usage`] of a model that answers nothing or has no likeliest answer, of data that are no pairs of sentences, and of `fitting` where
/// no grammar is known.
pub(super) fn work_out(judge: &Judge, metric: &Metric, tell: Tell) -> Result<Vec<Verdict>> {
    let all = answers(judge, metric, tell)?;
    let (name, definition) = (metric.name, judge.definition(metric.name)?);
    match name {
        "bleu" => {
            let pairs: Vec<(Sentence, Sentence)> = all.own.into_iter().zip(all.right).collect();
            let (value, error) = bleu(&pairs, judge.key.stream("bleu"));
            members(
                name,
                &definition,
                vec![("", (100.0 * value, Some(100.0 * error)))],
            )
        }
        "fitting" => fitting(judge, name, &all),
        "distinct" => members(
            name,
            &definition,
            vec![
                ("/1", (distinct(&all.own, 1), None)),
                ("/2", (distinct(&all.own, 2), None)),
                ("/1/data", (distinct(&all.right, 1), None)),
                ("/2/data", (distinct(&all.right, 2), None)),
            ],
        ),
        name => Err(forgotten(name)),
    }
}

/// What the grammar says of answers: whether they suit, and whether they are dull where some are.
fn fitting(judge: &Judge, name: &str, all: &Answers) -> Result<Vec<Verdict>> {
    let pairs = pairs_of(&judge.data(name)?.set.info().source).ok_or_else(|| {
        Error::usage(
            format!("`{name}`: no grammar of these data is known"),
            "compare with translation or dialogue, or ask for bleu and distinct",
        )
    })?;
    let of = |second: &[Sentence], says: &dyn Fn(&Sentence, &Sentence) -> bool| {
        let each = all.first.iter().zip(second);
        let each: Vec<f64> = each.map(|(f, s)| f64::from(u8::from(says(f, s)))).collect();
        mean_and_error(&each)
    };
    let suits = |first: &Sentence, second: &Sentence| pairs.suits(first, second);
    let dull = |_: &Sentence, second: &Sentence| pairs.is_dull(second) == Some(true);
    let mut told = vec![("", of(&all.own, &suits)), ("/data", of(&all.right, &suits))];
    if pairs.is_dull(&[]).is_some() {
        told.extend([
            ("/dull", of(&all.own, &dull)),
            ("/dull/data", of(&all.right, &dull)),
        ]);
    }
    members(name, &judge.definition(name)?, told)
}

fn answers(judge: &Judge, metric: &Metric, tell: Tell) -> Result<Answers> {
    let (model, name) = judge.subject.model(metric.name)?;
    let predict = model
        .as_predict()
        .ok_or_else(|| Capability::Predict.missing(name))?;
    let (data, own) = (judge.data(metric.name)?, judge.subject.info());
    let info = data.set.info();
    let no_pairs = || {
        let problem = format!(
            "`{}` judges answers to sentences, and {name} on {} gives none",
            metric.name, info.source
        );
        Error::usage(
            problem,
            "choose other metrics, or a model of pairs of sentences such as cs_gan",
        )
    };
    if !are(info) || info.alphabet != own.alphabet || info.shape != own.shape {
        return Err(no_pairs());
    }
    let (mut all, total) = (Answers::default(), judge.count.min(info.count));
    each_item(data.set, total, &mut |batch| {
        let likeliest = predict.likeliest(&batch)?.ok_or_else(no_pairs)?;
        let pairs = info.sentences(&batch.values).into_iter();
        for both in pairs.zip(info.sentences(&likeliest.values)) {
            if let (Some([first, right]), Some([_, own])) = both {
                all.first.push(first);
                all.right.push(right);
                all.own.push(own);
            }
        }
        tell(metric.name, all.first.len(), total);
        Ok(())
    })?;
    match all.first.is_empty() {
        true => Err(no_pairs()),
        false => Ok(all),
    }
}

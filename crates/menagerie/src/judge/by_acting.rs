//! How well a model acts: the sum of rewards of an episode, beside that of the expert and of chance.
use super::by_capability::mean_and_error;
use super::metric::{Judge, Metric, Tell, Verdict, members};
use crate::data::environments::{Episode, by_chance, episodes, shown_by_the_expert};
use crate::error::Result;
use crate::models::{Act, Capability};
use crate::random::Key;

/// Episodes at most.
const EPISODES: usize = 100;

/// An episode for each key, of a model that takes its likeliest action.
pub fn acted(model: &dyn Act, keys: &[Key]) -> Vec<Episode> {
    let environment = model.environment();
    let actions = environment.actions().len();
    episodes(environment, keys, |_, states| {
        let p = model.act(states);
        let best = |p: &[f32]| (0..actions).max_by(|a, b| p[*a].total_cmp(&p[*b])).unwrap_or(0);
        p.chunks_exact(actions).map(best).collect()
    })
}

/// `return`, `return/expert` and `return/chance`, all from the same starts.
///
/// # Errors
/// [`crate::Error::Usage`] of a model that does not act.
pub(super) fn work_out(judge: &Judge, metric: &Metric, tell: Tell) -> Result<Vec<Verdict>> {
    let (model, name) = judge.subject.model(metric.name)?;
    let model = model.as_act().ok_or_else(|| Capability::Act.missing(name))?;
    let environment = model.environment();
    let count = judge.count.min(EPISODES);
    let key = judge.key.stream("episodes");
    let keys: Vec<Key> = (0..count as u64).map(|i| key.step(i)).collect();
    tell(metric.name, 0, count);
    let mut definition = judge.definition(metric.name)?;
    definition.insert("environment".into(), environment.name().into());
    definition.insert("episodes".into(), count.into());
    let told = [
        ("", acted(model, &keys)),
        ("/expert", shown_by_the_expert(environment, &keys)),
        ("/chance", by_chance(environment, &keys)),
    ];
    tell(metric.name, count, count);
    let total = |(member, all): (&'static str, Vec<Episode>)| {
        let totals: Vec<f64> = all.iter().map(Episode::total).collect();
        (member, mean_and_error(&totals))
    };
    members(metric.name, &definition, told.into_iter().map(total).collect())
}

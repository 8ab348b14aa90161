//! Examples that rules make of others.
use menagerie_data::entailment::{Sentence, rewritten};
use menagerie_data::random::Draw;

/// Two sentences and the label of the pair.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Example {
    pub premise: Sentence,
    pub hypothesis: Sentence,
    /// place in the labels
    pub label: u32,
}

/// All examples that one rule makes of an example, of either sentence, and of whose label something is known.
fn neighbours(e: Example) -> Vec<Example> {
    let of_hypothesis = rewritten(e.hypothesis)
        .into_iter()
        .filter_map(|(hypothesis, relation)| {
            let label = relation.of_hypothesis(e.label)?;
            Some(Example {
                hypothesis,
                label,
                ..e
            })
        });
    let of_premise = rewritten(e.premise)
        .into_iter()
        .filter_map(|(premise, relation)| {
            let label = relation.of_premise(e.label)?;
            Some(Example { premise, label, ..e })
        });
    of_hypothesis.chain(of_premise).collect()
}

/// So many examples, each made by a number of rules from one to `hops`, one after the other; none where no rule says anything.
pub(super) fn by_rules(e: Example, hops: usize, tries: usize, rng: &mut Draw) -> Vec<Example> {
    let mut one = || {
        let hops = 1 + rng.below(hops);
        let mut at = None;
        for _ in 0..hops {
            let near = neighbours(at.unwrap_or(e));
            if !near.is_empty() {
                at = Some(near[rng.below(near.len())]);
            }
        }
        at
    };
    (0..tries).filter_map(|_| one()).collect()
}

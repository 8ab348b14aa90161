use super::space::rows;
use super::{Reader, Space, Trait};
use crate::error::{Error, Result};
use crate::models::Samples;
use crate::nn::numbers;
use crate::random::Key;
use burn::tensor::Tensor;

/// Arithmetic with what a reader sees in draws.
#[derive(Clone, Debug)]
pub struct ByTraits {
    /// the draws that show all traits of a term, `[any, width]`, a term each
    pub members: Vec<Tensor<2>>,
    /// what the result is to show: the first terms' traits, those that are taken away left out, those that are added put in
    pub wanted: Vec<Trait>,
    /// share of trials whose item shows all of that
    pub share: f64,
    /// the same of trials that add and take away the items themselves, number by number
    pub of_items: f64,
    /// trials
    pub trials: usize,
}

/// Draws averaged for a term of a trial (Radford et al. 2016, arXiv:1511.06434, section 6.3.2).
const AVERAGED: usize = 3;

/// Draws `draws` vectors, has their items read, and takes for each term those that show all of its traits. Then tries it: in each
/// trial three members of each term are averaged, the averages added and taken away, and the result is read, beside the same done
/// with the items in place of the vectors.
///
/// # Errors
/// Those of the decoder and the reader; [`Error::Usage`] where fewer than three draws show what a term asks for.
pub fn by_traits(
    space: Space,
    reader: Reader,
    terms: &[(f32, Vec<Trait>)],
    draws: usize,
    trials: usize,
    key: Key,
) -> Result<ByTraits> {
    let vectors = space.draw(draws, key);
    let items = space.decode(vectors.clone())?;
    let read = reader.read(&items)?;
    let (width, n) = (space.width(), items.values.len() / draws.max(1));
    let values = numbers(vectors.clone());
    let row = |i: usize| &values[i * width..(i + 1) * width];
    let item = |i: usize| &items.values[i * n..(i + 1) * n];
    let mut found: Vec<Vec<usize>> = Vec::new();
    for (_, traits) in terms {
        let shown: Vec<Vec<bool>> = traits.iter().map(|t| reader.shown(&read, t)).collect();
        let all = |i: &usize| shown.iter().all(|s| s[*i]);
        let of_term: Vec<usize> = (0..draws).filter(all).collect();
        if of_term.len() < AVERAGED {
            let names: Vec<&str> = traits.iter().map(|t| t.name.as_str()).collect();
            let problem = format!("{} of {draws} draws show `{}`", of_term.len(), names.join(" "));
            return Err(Error::usage(
                problem,
                "give more --draws, or ask for something commoner",
            ));
        }
        found.push(of_term);
    }
    let (mut sums, mut sums_of_items) = (Vec::new(), Vec::new());
    for trial in 0..trials {
        let (mut sum, mut of_items) = (vec![0f32; width], vec![0f32; n]);
        for (t, ((sign, _), of_term)) in terms.iter().zip(&found).enumerate() {
            let mut draw = key.stream("trials").step(trial as u64).step(t as u64).rng();
            for _ in 0..AVERAGED {
                let i = of_term[((draw.uniform() * of_term.len() as f64) as usize).min(of_term.len() - 1)];
                let by = sign / AVERAGED as f32;
                sum.iter_mut().zip(row(i)).for_each(|(s, v)| *s += by * v);
                of_items.iter_mut().zip(item(i)).for_each(|(s, v)| *s += by * v);
            }
        }
        sums.extend(sum);
        sums_of_items.extend(of_items.into_iter().map(|v| v.clamp(-1.0, 1.0)));
    }
    let wanted = wanted(terms);
    let share = |items: &Samples| -> Result<f64> {
        let read = reader.read(items)?;
        let shown: Vec<Vec<bool>> = wanted.iter().map(|t| reader.shown(&read, t)).collect();
        let right = (0..trials).filter(|i| shown.iter().all(|s| s[*i])).count();
        Ok(right as f64 / trials.max(1) as f64)
    };
    let results = space.decode(rows(sums, width, &vectors.device()))?;
    let in_items = Samples {
        kind: items.kind,
        shape: [&[trials], &items.shape[1..]].concat(),
        values: sums_of_items,
    };
    let (share, of_items) = (share(&results)?, share(&in_items)?);
    let members = found.into_iter().map(|of_term| {
        let all: Vec<f32> = of_term.iter().flat_map(|&i| row(i).to_vec()).collect();
        rows(all, width, &vectors.device())
    });
    Ok(ByTraits {
        members: members.collect(),
        wanted,
        share,
        of_items,
        trials,
    })
}

/// The traits of all terms added up: each as often as it is added less taken away, those above none.
fn wanted(terms: &[(f32, Vec<Trait>)]) -> Vec<Trait> {
    let mut counted: Vec<(Trait, f32)> = Vec::new();
    for (sign, traits) in terms {
        for of in traits {
            match counted.iter_mut().find(|(t, _)| t == of) {
                Some((_, n)) => *n += sign,
                None => counted.push((of.clone(), *sign)),
            }
        }
    }
    let above = |(of, n): (Trait, f32)| (n > 0.0).then_some(of);
    counted.into_iter().filter_map(above).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Batch, Kind};
    use crate::models::{LatentSpace, ReadAttributes};
    use burn::tensor::Device;

    /// Items are their latents of two numbers, each over a half tangent, so that what is far from zero is flattened.
    struct Plain;
    impl LatentSpace for Plain {
        fn latent(&self) -> usize {
            2
        }
        fn prior(&self, count: usize, key: Key) -> Tensor<2> {
            menagerie_kernels::noise::normal(key.words(), [count, 2], &Device::flex())
        }
        fn decode(&self, latents: Tensor<2>) -> Result<Samples> {
            Ok(Samples {
                kind: Kind::Points,
                shape: latents.dims().to_vec(),
                values: numbers(latents.tanh()),
            })
        }
    }

    struct Reader2(Vec<String>);
    impl ReadAttributes for Reader2 {
        fn attributes(&self, batch: &Batch) -> Result<Vec<f32>> {
            Ok(batch.values.clone())
        }
        fn names(&self) -> &[String] {
            &self.0
        }
    }

    #[test]
    fn traits_are_added_and_taken_away() {
        let names = Reader2(["tall", "wide"].map(String::from).to_vec());
        let reader = Reader::Attributes(&names);
        let (tall, wide) = (reader.named("tall").unwrap(), reader.named("wide").unwrap());
        let terms = [
            (1.0, vec![tall.clone(), wide.clone()]),
            (-1.0, vec![wide.clone()]),
            (1.0, vec![tall.clone()]),
        ];
        let space = Space::of(&Plain, None).unwrap();
        let found = by_traits(space, reader, &terms, 200, 40, Key::new(1)).unwrap();
        assert_eq!(found.wanted, [tall]);
        assert!(found.share > 0.9, "{}", found.share);
        for (members, traits) in found.members.iter().zip([vec![0, 1], vec![1], vec![0]]) {
            let rows = numbers(members.clone());
            assert!(rows.chunks(2).all(|r| traits.iter().all(|&t| r[t] >= 0.0)));
        }
        let e = by_traits(space, reader, &terms, 2, 4, Key::new(1))
            .unwrap_err()
            .to_string();
        assert!(e.contains("of 2 draws show"), "{e}");
    }
}

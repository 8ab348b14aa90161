use crate::nn::numbers;
use crate::random::{Draw, Key};
use burn::tensor::{Tensor, TensorData};

/// How much of each parent a child has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Crossing {
    /// the latent is cut into so many runs of neighbouring numbers, and each comes whole from one of the parents (uniform
    /// crossover, Syswerda 1989, of genes); as many as there are numbers where there are fewer
    Genes(usize),
    /// a mean with weights drawn evenly, as long as the same mean of the parents' lengths: a plain mean would draw children to
    /// the centre, where no draw of a Gaussian prior of many dimensions lies
    Blend,
}

/// Children of `parents` `[any, latent]`, one for each of `strangers` `[count, latent]`, which are draws from the prior.
///
/// A child z of the crossing mutates to sqrt(1 - m^2) z + m s, m being `mutation` in [0, 1] and s its stranger: at 0 it has
/// what its parents have, at 1 nothing of them, and a Gaussian prior stays what it is. Without parents the strangers
/// themselves are given back. Row i is a function of the key, i and the rows.
pub fn breed(
    parents: Tensor<2>,
    strangers: Tensor<2>,
    crossing: Crossing,
    mutation: f64,
    key: Key,
) -> Tensor<2> {
    let keeps = (1.0 - mutation * mutation).max(0.0).sqrt();
    born(parents, strangers, [keeps, mutation], key, |parents, rng| {
        crossed(parents, crossing, rng)
    })
}

/// Children of styles, one for each of so many layers: of parents `[any, layers * style]`, one for each of `strangers`
/// `[count, layers * style]`.
///
/// Each layer comes whole from one of the parents, as in style mixing (Karras et al. 2019, arXiv:1812.04948, section 3.1), and mutates
/// to (1 - m) w + m s: styles are no Gaussian draws, and what lies between two of them is one. Row i is a function of the key, i and the
/// rows.
pub fn breed_layers(
    parents: Tensor<2>,
    strangers: Tensor<2>,
    layers: usize,
    mutation: f64,
    key: Key,
) -> Tensor<2> {
    born(
        parents,
        strangers,
        [1.0 - mutation, mutation],
        key,
        |parents, rng| crossed(parents, Crossing::Genes(layers), rng),
    )
}

/// Means of rows, such as shares of classes or styles, for children: of parents `[any, numbers]`, one for each of `strangers`
/// `[count, numbers]`.
///
/// A child has a mean of its parents' rows, with weights drawn evenly; it mutates to (1 - m) c + m s, s being the stranger's row. So
/// shares that sum to one stay such. Row i is a function of the key, i and the rows.
pub fn mix(parents: Tensor<2>, strangers: Tensor<2>, mutation: f64, key: Key) -> Tensor<2> {
    born(
        parents,
        strangers,
        [1.0 - mutation, mutation],
        key,
        |parents, rng| {
            let weights = even_weights(parents.len(), rng);
            let mean = |n: usize| parents.iter().zip(&weights).map(|(p, w)| w * p[n] as f64).sum();
            (0..parents[0].len()).map(mean).collect()
        },
    )
}

/// A child of `cross` for each stranger, of which it keeps and takes so much; the strangers themselves where there are no parents.
fn born(
    parents: Tensor<2>,
    strangers: Tensor<2>,
    [keeps, takes]: [f64; 2],
    key: Key,
    cross: impl Fn(&[&[f32]], &mut Draw) -> Vec<f64>,
) -> Tensor<2> {
    let (device, [count, numbers_each]) = (strangers.device(), strangers.dims());
    let parents = numbers(parents);
    let parents: Vec<&[f32]> = parents.chunks_exact(numbers_each.max(1)).collect();
    if parents.is_empty() {
        return strangers;
    }
    let strangers = numbers(strangers);
    let mut out = Vec::with_capacity(count * numbers_each);
    for (i, stranger) in strangers.chunks_exact(numbers_each.max(1)).enumerate() {
        let child = cross(&parents, &mut key.step(i as u64).rng());
        let mutated = child.iter().zip(stranger);
        out.extend(mutated.map(|(c, s)| (keeps * c + takes * *s as f64) as f32));
    }
    Tensor::from_data(TensorData::new(out, [count, numbers_each]), &device)
}

/// Weights that sum to one, drawn evenly from all such.
fn even_weights(count: usize, rng: &mut Draw) -> Vec<f64> {
    let draws: Vec<f64> = (0..count).map(|_| -(1.0 - rng.uniform()).ln()).collect();
    let total = draws.iter().sum::<f64>().max(1e-300);
    draws.iter().map(|w| w / total).collect()
}

fn crossed(parents: &[&[f32]], crossing: Crossing, rng: &mut Draw) -> Vec<f64> {
    let latent = parents[0].len();
    match crossing {
        Crossing::Genes(genes) => {
            let genes = genes.clamp(1, latent.max(1));
            let of: Vec<usize> = (0..genes).map(|_| rng.below(parents.len())).collect();
            (0..latent)
                .map(|d| parents[of[d * genes / latent]][d] as f64)
                .collect()
        }
        Crossing::Blend => {
            let weights = even_weights(parents.len(), rng);
            let mean = |of: &dyn Fn(&[f32]) -> f64| -> f64 {
                parents.iter().zip(&weights).map(|(p, w)| w * of(p)).sum()
            };
            let length = |v: &mut dyn Iterator<Item = f64>| v.map(|v| v * v).sum::<f64>().sqrt();
            let child: Vec<f64> = (0..latent).map(|d| mean(&|p| p[d] as f64)).collect();
            let wanted = mean(&|p| length(&mut p.iter().map(|v| *v as f64)));
            let is = length(&mut child.iter().copied());
            // Parents that are opposite have no direction between them.
            let scale = if is > 1e-6 * wanted { wanted / is } else { 1.0 };
            child.iter().map(|v| v * scale).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn rows(values: &[f32], latent: usize) -> Tensor<2> {
        let data = TensorData::new(values.to_vec(), [values.len() / latent, latent]);
        Tensor::from_data(data, &Device::flex())
    }

    #[test]
    fn genes_come_whole_from_one_parent_each() {
        let parents = rows(&[[1.0f32; 6], [2.0; 6], [3.0; 6]].concat(), 6);
        let strangers = rows(&[9.0; 60 * 6], 6);
        let children = breed(parents, strangers, Crossing::Genes(3), 0.0, Key::new(1));
        let children = numbers(children);
        let mut seen = std::collections::BTreeSet::new();
        for child in children.chunks(6) {
            for gene in child.chunks(2) {
                assert!(
                    gene[0] == gene[1] && [1.0, 2.0, 3.0].contains(&gene[0]),
                    "{child:?}"
                );
            }
            seen.insert(child.iter().map(|v| *v as u8).collect::<Vec<_>>());
        }
        assert!(
            seen.len() > 15,
            "of 27 kinds of children {} were born",
            seen.len()
        );
    }

    #[test]
    fn layers_come_whole_from_one_parent_each_and_mutate_straight() {
        let parents = rows(&[[1.0f32; 6], [3.0; 6]].concat(), 6);
        let strangers = || rows(&[9.0; 40 * 6], 6);
        let of = |m| numbers(breed_layers(parents.clone(), strangers(), 3, m, Key::new(1)));
        let (pure, half) = (of(0.0), of(0.5));
        assert!([[1.0, 3.0, 1.0], [3.0, 3.0, 1.0]].iter().all(|of| {
            let child = of.iter().flat_map(|v| [*v, *v]).collect::<Vec<f32>>();
            pure.chunks(6).any(|c| c == child)
        }));
        for (a, b) in pure.iter().zip(&half) {
            assert!((a == &1.0 || a == &3.0) && (b - (a + 9.0) / 2.0).abs() < 1e-6);
        }
        assert_eq!(of(1.0), [9.0; 240]);
    }

    #[test]
    fn mutation_leads_from_the_parents_to_a_stranger() {
        let at = |mutation, crossing| {
            let parent = rows(&[0.6, -0.8], 2);
            numbers(breed(
                parent,
                rows(&[2.0, 1.0], 2),
                crossing,
                mutation,
                Key::new(1),
            ))
        };
        for crossing in [Crossing::Genes(2), Crossing::Blend] {
            assert_eq!(at(0.0, crossing), [0.6, -0.8]);
            assert_eq!(at(1.0, crossing), [2.0, 1.0]);
            let half = at(0.6, crossing);
            assert!((half[0] - (0.8 * 0.6 + 0.6 * 2.0)).abs() < 1e-6 && (half[1] + 0.04).abs() < 1e-6);
        }
        let none = breed(
            rows(&[], 2),
            rows(&[2.0, 1.0], 2),
            Crossing::Blend,
            0.3,
            Key::new(1),
        );
        assert_eq!(numbers(none), [2.0, 1.0]);
    }

    /// Children of a shirt and a shoe are somewhat of each; a child without mutation has no class that its parents have not.
    #[test]
    fn classes_are_mixed() {
        let parents = rows(&[1.0, 0.0, 0.0, 0.0, 1.0, 0.0], 3);
        let strangers = rows(&[0.0f32, 0.0, 1.0].repeat(50), 3);
        let of = |parents: Tensor<2>, m| numbers(mix(parents, strangers.clone(), m, Key::new(3)));
        let children = of(parents.clone(), 0.0);
        let firsts: Vec<f32> = children.chunks(3).map(|c| c[0]).collect();
        for c in children.chunks(3) {
            assert!((c[0] + c[1] - 1.0).abs() < 1e-6 && c[2] == 0.0, "{c:?}");
        }
        let mean = firsts.iter().sum::<f32>() / 50.0;
        assert!(
            (mean - 0.5).abs() < 0.1 && firsts.iter().any(|f| *f < 0.15) && firsts.iter().any(|f| *f > 0.85)
        );
        for c in of(parents, 0.25).chunks(3) {
            assert!(
                (c[0] + c[1] - 0.75).abs() < 1e-6 && (c[2] - 0.25).abs() < 1e-6,
                "{c:?}"
            );
        }
        assert_eq!(of(rows(&[0.5, 0.5, 0.0], 3), 0.0), [0.5, 0.5, 0.0].repeat(50));
        assert_eq!(of(rows(&[], 3), 0.0), [0.0, 0.0, 1.0].repeat(50));
    }

    /// Children of Gaussian parents have their spread, generation after generation.
    #[test]
    fn families_do_not_shrink() {
        for crossing in [Crossing::Blend, Crossing::Genes(8)] {
            let normal = |key: Key, n: usize| {
                let values = (0..n * 64).map(|i| key.step(i as u64).rng().normal() as f32);
                rows(&values.collect::<Vec<_>>(), 64)
            };
            let mut family = normal(Key::new(1), 3);
            for generation in 0..20u64 {
                let key = Key::new(2).step(generation);
                let next = breed(family, normal(key, 16), crossing, 0.3, key.stream("crossing"));
                family = next.narrow(0, 0, 3);
            }
            let v = numbers(family);
            let spread = v.iter().map(|v| (v * v) as f64).sum::<f64>() / v.len() as f64;
            assert!((0.6..1.6).contains(&spread), "{crossing:?}: {spread}");
        }
    }
}

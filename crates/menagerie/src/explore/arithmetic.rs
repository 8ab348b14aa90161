use crate::error::{Error, Result};
use crate::random::Key;
use burn::tensor::{Device, Tensor, TensorData};

/// A term of an expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Term {
    /// the mean of these items, or draws
    Numbers(Vec<usize>),
    /// the mean of a class
    Class(String),
}

/// Reads `A - B + C`: terms with their signs. A term is numbers separated by commas, or a class (`label:NAME`; plainly
/// `NAME` if it is no number). Signs stand alone, for names may hold a hyphen.
///
/// # Errors
/// [`Error::Usage`] for a sign without a term, or terms without a sign.
pub fn parse(text: &str) -> Result<Vec<(f32, Term)>> {
    let (mut terms, mut sign, mut words) = (Vec::new(), None, Vec::new());
    let wrong = |problem: &str| {
        Error::usage(
            format!("`{text}`: {problem}"),
            "write it as \"3,7 - 12 + 5,9\" or \"coat - pullover + dress\"",
        )
    };
    for word in text.split_whitespace().chain(["+"]) {
        let Some(next) = [("+", 1.0), ("-", -1.0)]
            .iter()
            .find(|s| s.0 == word)
            .map(|s| s.1)
        else {
            words.push(word);
            continue;
        };
        match (words.is_empty(), sign) {
            (true, None) if terms.is_empty() => {}
            (true, _) => return Err(wrong("a term is missing")),
            (false, _) => terms.push((sign.unwrap_or(1.0), term(&words.join(" ")))),
        }
        words.clear();
        sign = Some(next);
    }
    if terms.is_empty() {
        Err(wrong("a term is missing"))
    } else {
        Ok(terms)
    }
}

fn term(text: &str) -> Term {
    let numbers: Option<Vec<usize>> = text.split(',').map(|n| n.trim().parse().ok()).collect();
    match (text.strip_prefix("label:"), numbers) {
        (None, Some(numbers)) => Term::Numbers(numbers),
        (class, _) => Term::Class(class.unwrap_or(text).trim().to_string()),
    }
}

/// The mean of the rows of each term `[terms, latent]`, and their sum with its signs `[1, latent]` (Radford et al. 2015,
/// section 6.3.2). `terms` has one at least, each with rows `[any, latent]`.
pub fn arithmetic(terms: &[(f32, Tensor<2>)]) -> (Tensor<2>, Tensor<2>) {
    let means: Vec<Tensor<2>> = terms.iter().map(|(_, rows)| rows.clone().mean_dim(0)).collect();
    let sum = terms
        .iter()
        .zip(&means)
        .map(|((sign, _), mean)| mean.clone() * *sign)
        .reduce(|a, b| a + b);
    let means = Tensor::cat(means, 0);
    let sum = sum.unwrap_or_else(|| means.clone().narrow(0, 0, 1));
    (means, sum)
}

/// `count` latents around one (`centre` has `latent` numbers), with uniform noise of `radius` in every dimension
/// `[count, latent]`.
pub fn around(centre: &[f32], count: usize, radius: f32, key: Key, device: &Device) -> Tensor<2> {
    let row = |i: usize| {
        let mut draw = key.step(i as u64).rng();
        centre
            .iter()
            .map(move |c| c + radius * (2.0 * draw.uniform() as f32 - 1.0))
            .collect::<Vec<f32>>()
    };
    let values: Vec<f32> = (0..count).flat_map(row).collect();
    Tensor::from_data(TensorData::new(values, [count, centre.len()]), device)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions() {
        let class = |s: &str| Term::Class(s.into());
        assert_eq!(
            parse("3,7 - t-shirt + label:4").unwrap(),
            [
                (1.0, Term::Numbers(vec![3, 7])),
                (-1.0, class("t-shirt")),
                (1.0, class("4"))
            ]
        );
        assert_eq!(parse("- ankle boot").unwrap(), [(-1.0, class("ankle boot"))]);
        for bad in ["", "+", "1 - ", "1 + - 2"] {
            assert!(
                parse(bad).unwrap_err().to_string().contains("a term is missing"),
                "{bad}"
            );
        }
    }

    #[test]
    fn means_are_added_and_taken_away() {
        let rows = |v: &[[f32; 2]]| {
            let flat: Vec<f32> = v.iter().flatten().copied().collect();
            Tensor::<2>::from_data(TensorData::new(flat, [v.len(), 2]), &Device::flex())
        };
        let numbers = |t: Tensor<2>| t.into_data().as_slice::<f32>().unwrap().to_vec();
        let terms = [
            (1.0, rows(&[[1.0, 2.0], [3.0, 4.0]])),
            (-1.0, rows(&[[5.0, 0.0]])),
            (1.0, rows(&[[0.5, 0.5], [0.5, 1.5]])),
        ];
        let (means, sum) = arithmetic(&terms);
        assert_eq!(numbers(means), [2.0, 3.0, 5.0, 0.0, 0.5, 1.0]);
        assert_eq!(numbers(sum), [-2.5, 4.0]);
        let near = numbers(around(&[1.0, -1.0], 50, 0.25, Key::new(1), &Device::flex()));
        assert!(
            near.chunks(2)
                .all(|p| (p[0] - 1.0).abs() <= 0.25 && (p[1] + 1.0).abs() <= 0.25)
        );
        assert!(near.chunks(2).any(|p| p[0] > 1.15) && near.chunks(2).any(|p| p[0] < 0.85));
    }
}

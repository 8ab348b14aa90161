use crate::Dual;
use burn::tensor::Tensor;

/// One more channel, which says how much the items of a group differ (Karras et al. 2018, arXiv:1710.10196, section 3): the
/// standard deviation over the group of every number, their mean over all numbers, as a plane that all items of the group
/// share. A group is of 4 items, or of as many below as divide the batch.
///
/// `[batch, height, width, channel]` -> `[batch, height, width, channel + 1]`. An item's derivative depends on the others of its
/// group, and is carried along.
pub fn minibatch_deviation(x: Dual<4>) -> Dual<4> {
    let [batch, h, w, c] = x.value.dims();
    let size = (1..=4usize.min(batch))
        .rev()
        .find(|n| batch.is_multiple_of(*n))
        .unwrap_or(1);
    let groups = batch / size;
    // Item i is in group i mod groups, so that neighbours (of the same class, say) fall into different ones.
    let grouped = x.clone().linear(|t| t.reshape([size, groups, h * w * c]));
    let mean = |t: Tensor<3>| t.mean_dim(0);
    let centred = grouped.clone().linear(|t| t.clone() - mean(t));
    let square = centred.value.clone() * centred.value.clone();
    let deviation = (mean(square) + 1e-8).sqrt();
    // d sqrt(mean c^2) = mean(c dc) / sqrt(mean c^2)
    let tangent = centred
        .tangent
        .clone()
        .map(|t| mean(centred.value.clone() * t) / deviation.clone());
    let plane = centred.with(deviation, tangent).linear(|t: Tensor<3>| {
        let one = t.mean_dim(2).expand([size, groups, h * w]);
        one.reshape([batch, h, w, 1])
    });
    x.cat(plane, 3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbers;
    use burn::tensor::{Device, TensorData};

    fn items(values: &[f32], n: usize) -> Tensor<4> {
        let data = TensorData::new(values.to_vec(), [n, 1, 1, values.len() / n]);
        Tensor::from_data(data, &Device::flex())
    }

    #[test]
    fn the_plane_is_the_spread_of_a_group() {
        // Eight items of two numbers: groups of even and of odd items; the even ones are all alike.
        let values: Vec<f32> = (0..8)
            .flat_map(|i| {
                if i % 2 == 0 {
                    [5.0, 1.0]
                } else {
                    [i as f32, -(i as f32)]
                }
            })
            .collect();
        let y = numbers(minibatch_deviation(items(&values, 8).into()).value);
        let planes: Vec<f32> = y.chunks(3).map(|p| p[2]).collect();
        // 1, 3, 5, 7 have a deviation of sqrt 5.
        for (i, p) in planes.iter().enumerate() {
            let want = if i % 2 == 0 { 1e-4 } else { 5f32.sqrt() };
            assert!((p - want).abs() < 1e-4, "{i} {p}");
        }
        // Six items fall into groups of three.
        assert_eq!(
            minibatch_deviation(items(&[1.0; 12], 6).into()).value.dims(),
            [6, 1, 1, 3]
        );
    }

    #[test]
    fn the_derivative_along_a_direction() {
        let wave = |phase: f32| {
            (0..24)
                .map(|i| (1.1 * i as f32 + phase).sin())
                .collect::<Vec<_>>()
        };
        let (x, v) = (items(&wave(0.0), 8), items(&wave(1.0), 8));
        let at = |h: f64| numbers(minibatch_deviation((x.clone() + v.clone() * h).into()).value);
        let along = minibatch_deviation(Dual::along(x.clone(), v.clone(), true));
        for ((t, a), b) in numbers(along.tangent.unwrap())
            .iter()
            .zip(at(0.01))
            .zip(at(-0.01))
        {
            assert!((t - (a - b) / 0.02).abs() < 1e-3, "{t} {a} {b}");
        }
    }
}

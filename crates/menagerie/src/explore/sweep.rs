use burn::tensor::{Device, Tensor, TensorData};

/// `n` values from `range[0]` to `range[1]`, both included.
fn values(range: [f32; 2], n: usize) -> impl Iterator<Item = f32> + Clone {
    (0..n).map(move |i| range[0] + (range[1] - range[0]) * i as f32 / (n.max(2) - 1) as f32)
}

/// A row of `steps` latents for each of `dims`, which takes the values of `range` there and is `centre` elsewhere:
/// `[dims * steps, latent]`. Every dimension is below `centre.len()`.
pub fn sweep(centre: &[f32], dims: &[usize], range: [f32; 2], steps: usize, device: &Device) -> Tensor<2> {
    let mut out = Vec::with_capacity(dims.len() * steps * centre.len());
    for &d in dims {
        for v in values(range, steps) {
            let at = out.len();
            out.extend_from_slice(centre);
            out[at + d] = v;
        }
    }
    Tensor::from_data(TensorData::new(out, [dims.len() * steps, centre.len()]), device)
}

/// A square of `steps` x `steps` latents over two dimensions: the first grows to the right, the second upwards.
pub fn sweep_plane(
    centre: &[f32],
    dims: [usize; 2],
    range: [f32; 2],
    steps: usize,
    device: &Device,
) -> Tensor<2> {
    let mut out = Vec::with_capacity(steps * steps * centre.len());
    for up in values([range[1], range[0]], steps) {
        for right in values(range, steps) {
            let at = out.len();
            out.extend_from_slice(centre);
            (out[at + dims[0]], out[at + dims[1]]) = (right, up);
        }
    }
    Tensor::from_data(TensorData::new(out, [steps * steps, centre.len()]), device)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(t: Tensor<2>) -> Vec<f32> {
        t.into_data().as_slice::<f32>().unwrap().to_vec()
    }

    #[test]
    fn rows_and_planes() {
        let d = Device::flex();
        assert_eq!(
            numbers(sweep(&[9.0, 8.0, 7.0], &[2, 0], [-1.0, 1.0], 2, &d)),
            [9.0, 8.0, -1.0, 9.0, 8.0, 1.0, -1.0, 8.0, 7.0, 1.0, 8.0, 7.0]
        );
        assert_eq!(
            numbers(sweep_plane(&[0.0, 0.0], [0, 1], [0.0, 1.0], 2, &d)),
            [0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0]
        );
    }
}

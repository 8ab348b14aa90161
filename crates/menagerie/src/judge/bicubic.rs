//! Bicubic resizing with antialiasing in the manner of PIL, in single precision: the resize of clean-fid.
//!
//! Parmar, Zhang, Zhu (2022), On Aliased Resizing and Surprising Subtleties in GAN Evaluation, arXiv:2104.11222. Keys'
//! kernel with a = -1/2, widened by the ratio where an axis shrinks; rows first, then columns, each sum in double.
use burn::tensor::{Tensor, TensorData};

/// Keys' cubic with a = -1/2.
fn kernel(x: f64) -> f64 {
    const A: f64 = -0.5;
    let x = x.abs();
    match x {
        _ if x < 1.0 => ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0,
        _ if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * A,
        _ => 0.0,
    }
}

/// For every output position: the first input it needs, and a weight for each from there on.
fn taps(input: usize, output: usize) -> Vec<(usize, Vec<f64>)> {
    let ratio = input as f64 / output as f64;
    let width = ratio.max(1.0);
    let tap = |i: usize| {
        let centre = (i as f64 + 0.5) * ratio;
        let first = (centre - 2.0 * width + 0.5).max(0.0) as usize;
        let last = ((centre + 2.0 * width + 0.5) as usize).min(input);
        let weights: Vec<f64> = (first..last)
            .map(|j| kernel((j as f64 - centre + 0.5) / width))
            .collect();
        let sum: f64 = weights.iter().sum();
        (first, weights.into_iter().map(|w| w / sum).collect())
    };
    (0..output).map(tap).collect()
}

/// One image `[h, w, c]` to `[to[0], to[1], c]`.
fn image(from: &[f32], [h, w, c]: [usize; 3], to: [usize; 2], out: &mut Vec<f32>) {
    let (rows, columns) = (taps(h, to[0]), taps(w, to[1]));
    let mut narrow = vec![0.0f32; h * to[1] * c];
    for (line, row) in narrow.chunks_exact_mut(to[1] * c).zip(from.chunks_exact(w * c)) {
        for (pixel, (first, weights)) in line.chunks_exact_mut(c).zip(&columns) {
            for (k, v) in pixel.iter_mut().enumerate() {
                *v = weights
                    .iter()
                    .enumerate()
                    .map(|(j, t)| t * row[(first + j) * c + k] as f64)
                    .sum::<f64>() as f32;
            }
        }
    }
    let stride = to[1] * c;
    for (first, weights) in &rows {
        out.extend((0..stride).map(|i| {
            weights
                .iter()
                .enumerate()
                .map(|(j, t)| t * narrow[(first + j) * stride + i] as f64)
                .sum::<f64>() as f32
        }));
    }
}

/// Images `[n, h, w, c]` to `[n, to[0], to[1], c]`.
pub(super) fn resize(x: Tensor<4>, to: [usize; 2]) -> Tensor<4> {
    let ([n, h, w, c], device) = (x.dims(), x.device());
    let from = x.into_data().try_into_vec::<f32>().expect("images are f32");
    let mut out = Vec::with_capacity(n * to[0] * to[1] * c);
    from.chunks_exact(h * w * c)
        .for_each(|v| image(v, [h, w, c], to, &mut out));
    Tensor::from_data(TensorData::new(out, [n, to[0], to[1], c]), &device)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PIL 13.0.0: `Image.fromarray(x.astype('float32')).resize((width, height), Image.BICUBIC)` with
    /// x = numpy.arange(12).reshape(3, 4) ** 2 % 17; larger, smaller, both.
    #[test]
    fn agrees_with_pil() {
        let x: Vec<f32> = (0..12).map(|i: i32| (i * i % 17) as f32).collect();
        for (to, expected) in CASES {
            let mut out = Vec::new();
            image(&x, [3, 4, 1], *to, &mut out);
            assert_eq!(out.len(), expected.len());
            for (a, b) in out.iter().zip(*expected) {
                assert!((a - b).abs() < 1e-4, "{to:?}: {a} {b}");
            }
        }
    }

    const CASES: &[([usize; 2], &[f32])] = &[
        (
            [5, 6],
            &[
                -1.3180, -0.6337, 0.9608, 3.4731, 6.6947, 8.8364, 5.9117, 4.5930, 2.9200, 2.2301, 7.4350,
                12.2767, 16.5263, 12.5882, 6.6643, 1.8773, 8.5294, 15.8552, 14.9797, 13.3296, 11.2692,
                10.6629, 8.4148, 6.5966, 12.7338, 12.9045, 13.8988, 16.5405, 8.2131, 0.0345,
            ],
        ),
        ([2, 3], &[5.1355, 2.6154, 9.4089, 13.9771, 10.9658, 7.6083]),
        (
            [7, 2],
            &[
                -0.3665, 5.8827, 1.5287, 6.2725, 6.0507, 7.1984, 10.6900, 8.1611, 12.6638, 8.6123, 13.4539,
                8.8222, 13.9332, 8.9402,
            ],
        ),
    ];
}

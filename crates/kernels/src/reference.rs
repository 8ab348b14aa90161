//! Naive loops with f64 sums: the truth that every fast path is tested against.
use crate::conv::Shape;

/// Calls `f(x, y, w, i, o)` with the positions of the first channel of x, of y and of the tap, and
/// the number of channels in and out, for every group, pixel and tap that lies inside x.
fn each(s: &Shape, mut f: impl FnMut(usize, usize, usize, usize, usize)) {
    let (ic, oc) = (s.in_channels / s.groups, s.out_channels / s.groups);
    let ([h, w], [oh, ow], [kh, kw]) = (s.input, s.output, s.kernel);
    for b in 0..s.batch {
        for (oy, ox) in grid(oh, ow) {
            for (ky, kx) in grid(kh, kw) {
                let iy = (oy * s.stride[0] + ky * s.dilation[0]).wrapping_sub(s.padding[0]);
                let ix = (ox * s.stride[1] + kx * s.dilation[1]).wrapping_sub(s.padding[1]);
                if iy < h && ix < w {
                    for g in 0..s.groups {
                        let x = ((b * h + iy) * w + ix) * s.in_channels + g * ic;
                        let y = ((b * oh + oy) * ow + ox) * s.out_channels + g * oc;
                        f(x, y, (ky * kw + kx) * ic * s.out_channels + g * oc, ic, oc);
                    }
                }
            }
        }
    }
}

fn grid(h: usize, w: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..h).flat_map(move |y| (0..w).map(move |x| (y, x)))
}

/// The convolution of x with w.
pub fn forward(s: &Shape, x: &[f32], w: &[f32]) -> Vec<f64> {
    let mut y = vec![0f64; s.y_len()];
    each(s, |xi, yi, wi, ic, oc| {
        for i in 0..ic {
            for o in 0..oc {
                y[yi + o] += f64::from(x[xi + i]) * f64::from(w[wi + i * s.out_channels + o]);
            }
        }
    });
    y
}

/// The gradient of x, given that of y: also the transposed convolution.
pub fn input_gradient(s: &Shape, gy: &[f32], w: &[f32]) -> Vec<f64> {
    let mut gx = vec![0f64; s.x_len()];
    each(s, |xi, yi, wi, ic, oc| {
        for i in 0..ic {
            for o in 0..oc {
                gx[xi + i] += f64::from(gy[yi + o]) * f64::from(w[wi + i * s.out_channels + o]);
            }
        }
    });
    gx
}

/// The gradient of the weights, given x and the gradient of y.
pub fn weight_gradient(s: &Shape, x: &[f32], gy: &[f32]) -> Vec<f64> {
    let mut gw = vec![0f64; s.w_len()];
    each(s, |xi, yi, wi, ic, oc| {
        for i in 0..ic {
            for o in 0..oc {
                gw[wi + i * s.out_channels + o] += f64::from(x[xi + i]) * f64::from(gy[yi + o]);
            }
        }
    });
    gw
}

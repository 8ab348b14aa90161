//! Channels, centre crop and size of an image, in one pass over its rows.
use super::Values;

/// How an image is resampled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Filter {
    /// exact average over the box that a pixel covers where an axis shrinks; bilinear where it grows
    Area,
    /// the pixel at the centre
    Nearest,
    /// triangle, widened by the ratio where an axis shrinks
    Bilinear,
    /// Lanczos with three lobes, widened likewise
    Lanczos,
}

/// What becomes of transparency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Alpha {
    /// it stays, as a channel
    Keep,
    /// the image is laid over this grey, 0 to 255
    Over(f32),
}

/// Target of a preparation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Preparation {
    /// `[height, width]`; None as it is
    pub size: Option<[usize; 2]>,
    /// 1, 3 or 4; 0 as they are
    pub channels: usize,
    /// how it is resampled
    pub filter: Filter,
    /// cut to the target's aspect first
    pub crop: bool,
    /// what becomes of transparency
    pub alpha: Alpha,
}

/// For one output position: the first input it needs, and a weight for each from there on.
type Tap = (usize, Vec<f32>);

impl Preparation {
    /// Channels that an image of `channels` (1 grey, 2 grey and alpha, 3, 4) gets.
    pub(crate) fn channels_of(&self, channels: usize) -> usize {
        match (self.channels, channels, self.alpha) {
            (0, 2, Alpha::Keep) => 4,
            (0, 2, _) => 1,
            (0, 4, Alpha::Over(_)) => 3,
            (0, c, _) => c,
            (c, _, _) => c,
        }
    }

    /// The values of an image `[h, w, c]`, prepared. Values of 8 bits are rounded at the end, once.
    pub(crate) fn apply(&self, [h, w, c]: [usize; 3], values: &Values) -> Values {
        let out = self.channels_of(c);
        let [th, tw] = self.size.unwrap_or([h, w]);
        if [h, w, c] == [th, tw, out] {
            return values.clone();
        }
        match values {
            Values::Bytes(v) => {
                let result = self.resample([h, w, c], [th, tw, out], 255.0, |i, row: &mut [f32]| {
                    row.iter_mut().zip(&v[i..]).for_each(|(r, &b)| *r = b as f32)
                });
                Values::Bytes(
                    result
                        .into_iter()
                        .map(|x| (x + 0.5).clamp(0.0, 255.0) as u8)
                        .collect(),
                )
            }
            Values::Floats(v) => {
                let result = self.resample([h, w, c], [th, tw, out], 1.0, |i, row: &mut [f32]| {
                    row.copy_from_slice(&v[i..i + row.len()])
                });
                Values::Floats(result)
            }
        }
    }

    /// `load(i, row)` fills a row with the values from index `i` on; `white` is the largest value.
    fn resample(
        &self,
        [h, w, c]: [usize; 3],
        [th, tw, out]: [usize; 3],
        white: f32,
        load: impl Fn(usize, &mut [f32]),
    ) -> Vec<f32> {
        let [top, left, ch, cw] = if self.crop {
            centre([h, w], [th, tw])
        } else {
            [0, 0, h, w]
        };
        let (rows, columns) = (taps(ch, th, self.filter), taps(cw, tw, self.filter));
        // A colour counts as much as it is opaque, so that the colour hidden under alpha 0 does not bleed in.
        let premultiply = c == 4 && out == 4 && self.alpha == Alpha::Keep && self.channels != 0;
        let convert = Convert {
            from: c,
            to: out,
            white,
            over: if let Alpha::Over(g) = self.alpha {
                g / 255.0 * white
            } else {
                white
            },
        };
        let (mut raw, mut converted) = (vec![0.0; cw * c], vec![0.0; cw * out]);
        let mut narrow = vec![0.0; ch * tw * out];
        for (y, line) in narrow.chunks_exact_mut(tw * out).enumerate() {
            load(((top + y) * w + left) * c, &mut raw);
            convert.row(&raw, &mut converted);
            if premultiply {
                converted
                    .chunks_exact_mut(4)
                    .for_each(|p| (0..3).for_each(|k| p[k] *= p[3] / white));
            }
            for (pixel, (first, weights)) in line.chunks_exact_mut(out).zip(&columns) {
                accumulate(pixel, &converted[first * out..], out, weights);
            }
        }
        let mut result = vec![0.0; th * tw * out];
        for (line, (first, weights)) in result.chunks_exact_mut(tw * out).zip(&rows) {
            accumulate(line, &narrow[first * tw * out..], tw * out, weights);
        }
        if premultiply {
            for p in result.chunks_exact_mut(4).filter(|p| p[3] > 0.0) {
                (0..3).for_each(|k| p[k] = (p[k] * white / p[3]).min(white));
            }
        }
        result
    }
}

/// `sum += weights[k] * from[k * stride ..]`
fn accumulate(sum: &mut [f32], from: &[f32], stride: usize, weights: &[f32]) {
    for (&weight, from) in weights.iter().zip(from.chunks(stride)) {
        sum.iter_mut().zip(from).for_each(|(s, x)| *s += weight * x);
    }
}

/// The largest rectangle of the target's aspect in the middle of an image: top, left, height, width.
fn centre([h, w]: [usize; 2], [th, tw]: [usize; 2]) -> [usize; 4] {
    // Compare h / w with th / tw without rounding.
    let (ch, cw) = if h * tw > w * th {
        (((w * th + tw / 2) / tw).clamp(1, h), w)
    } else {
        (h, ((h * tw + th / 2) / th).clamp(1, w))
    };
    [(h - ch) / 2, (w - cw) / 2, ch, cw]
}

/// Weights that make `output` positions of `input` ones.
fn taps(input: usize, output: usize, filter: Filter) -> Vec<Tap> {
    let ratio = input as f64 / output as f64;
    match filter {
        _ if input == output => (0..output).map(|i| (i, vec![1.0])).collect(),
        Filter::Nearest => (0..output)
            .map(|i| ((2 * i + 1) * input / (2 * output), vec![1.0]))
            .collect(),
        Filter::Area if input > output => (0..output).map(|i| area(i, input, output)).collect(),
        Filter::Area | Filter::Bilinear => (0..output)
            .map(|i| spread(i, input, ratio, 1.0, |x| 1.0 - x.abs()))
            .collect(),
        Filter::Lanczos => (0..output)
            .map(|i| spread(i, input, ratio, 3.0, |x| sinc(x) * sinc(x / 3.0)))
            .collect(),
    }
}

fn sinc(x: f64) -> f64 {
    let x = x * std::f64::consts::PI;
    if x == 0.0 { 1.0 } else { x.sin() / x }
}

/// Shares of the inputs that output `i`'s box covers, in whole numbers of 1 / output.
fn area(i: usize, input: usize, output: usize) -> Tap {
    let (low, high) = (i * input, (i + 1) * input);
    let (first, last) = (low / output, high.div_ceil(output));
    let overlap = |j: usize| high.min((j + 1) * output) - low.max(j * output);
    (
        first,
        (first..last).map(|j| overlap(j) as f32 / input as f32).collect(),
    )
}

/// Samples of a kernel of half width `support` around output `i`'s centre, made to sum to one.
fn spread(i: usize, input: usize, ratio: f64, support: f64, kernel: impl Fn(f64) -> f64) -> Tap {
    let width = ratio.max(1.0);
    let centre = (i as f64 + 0.5) * ratio;
    let first = (centre - support * width).floor().max(0.0) as usize;
    let last = ((centre + support * width).ceil() as usize).min(input);
    let at = |j: usize| (j as f64 + 0.5 - centre) / width;
    let weights: Vec<f64> = (first..last)
        .map(|j| if at(j).abs() < support { kernel(at(j)) } else { 0.0 })
        .collect();
    let sum: f64 = weights.iter().sum();
    (first, weights.iter().map(|w| (w / sum) as f32).collect())
}

/// From one number of channels to another: 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA; any other stays as it is.
struct Convert {
    from: usize,
    to: usize,
    white: f32,
    over: f32,
}

impl Convert {
    fn row(&self, from: &[f32], to: &mut [f32]) {
        if self.from == self.to {
            return to.copy_from_slice(from);
        }
        for (p, q) in from.chunks_exact(self.from).zip(to.chunks_exact_mut(self.to)) {
            let mut rgb = if self.from < 3 {
                [p[0]; 3]
            } else {
                [p[0], p[1], p[2]]
            };
            let alpha = if self.from.is_multiple_of(2) {
                p[self.from - 1]
            } else {
                self.white
            };
            if self.to != 4 {
                let share = alpha / self.white;
                rgb = rgb.map(|v| v * share + self.over * (1.0 - share));
            }
            match self.to {
                // Luma of ITU-R BT.601; grey is exactly itself.
                1 if self.from < 3 => q[0] = rgb[0],
                1 => q[0] = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2],
                _ => {
                    q[..3].copy_from_slice(&rgb);
                    q[3..].fill(alpha);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Key;

    fn preparation(size: [usize; 2], channels: usize, filter: Filter) -> Preparation {
        Preparation {
            size: Some(size),
            channels,
            filter,
            crop: false,
            alpha: Alpha::Over(255.0),
        }
    }

    fn noise(n: usize) -> Vec<f32> {
        let mut r = Key::new(n as u64).rng();
        (0..n).map(|_| r.uniform() as f32).collect()
    }

    /// Area by definition: repeat every pixel `out` times, then average blocks of `in`.
    fn area_by_repetition(v: &[f32], [h, w, c]: [usize; 3], [th, tw]: [usize; 2]) -> Vec<f32> {
        let mut out = Vec::new();
        for y in 0..th {
            for x in 0..tw {
                for k in 0..c {
                    let mut sum = 0.0f64;
                    for yy in y * h..(y + 1) * h {
                        for xx in x * w..(x + 1) * w {
                            sum += v[((yy / th) * w + xx / tw) * c + k] as f64;
                        }
                    }
                    out.push((sum / (h * w) as f64) as f32);
                }
            }
        }
        out
    }

    #[test]
    fn area_is_the_exact_average_at_any_ratio() {
        for (h, w, c, th, tw) in [
            (7, 5, 1, 3, 2),
            (64, 64, 3, 28, 31),
            (9, 4, 5, 1, 4),
            (10, 10, 16, 7, 9),
            (101, 3, 2, 100, 1),
        ] {
            let v = noise(h * w * c);
            let p = Preparation {
                channels: c,
                ..preparation([th, tw], 0, Filter::Area)
            };
            let got = p.apply([h, w, c], &Values::Floats(v.clone()));
            let Values::Floats(got) = got else { panic!() };
            for (g, e) in got.iter().zip(area_by_repetition(&v, [h, w, c], [th, tw])) {
                assert!((g - e).abs() < 2e-6, "{h}x{w}: {g} {e}");
            }
        }
    }

    #[test]
    fn filters_keep_a_constant_and_a_ramp() {
        for filter in [Filter::Area, Filter::Nearest, Filter::Bilinear, Filter::Lanczos] {
            for (input, output) in [(5, 11), (11, 5), (8, 16), (16, 8), (1, 6), (6, 1)] {
                for (first, weights) in taps(input, output, filter) {
                    assert!(first + weights.len() <= input);
                    assert!(
                        (weights.iter().sum::<f32>() - 1.0).abs() < 1e-5,
                        "{filter:?} {input} {output}"
                    );
                }
                if filter != Filter::Nearest && input == 16 {
                    // Away from the borders a linear ramp stays one: output i lies at 2 i + 1/2.
                    let (first, weights) = &taps(input, output, filter)[4];
                    let at: f32 = weights
                        .iter()
                        .enumerate()
                        .map(|(k, w)| w * (first + k) as f32)
                        .sum();
                    assert!((at - 8.5).abs() < 1e-4, "{filter:?} {at}");
                }
            }
        }
    }

    #[test]
    fn crop_takes_the_middle() {
        assert_eq!(centre([100, 60], [32, 32]), [20, 0, 60, 60]);
        assert_eq!(centre([60, 100], [32, 64]), [5, 0, 50, 100]);
        assert_eq!(centre([218, 178], [64, 64]), [20, 0, 178, 178]);
        assert_eq!(centre([1, 1000], [1000, 1]), [0, 499, 1, 1]);
    }

    #[test]
    fn channels_convert_and_alpha_composites() {
        let p = |c| preparation([1, 1], c, Filter::Area);
        let of = |c, from: &[u8]| match p(c).apply([1, 1, from.len()], &Values::Bytes(from.to_vec())) {
            Values::Bytes(v) => v,
            _ => panic!(),
        };
        assert_eq!(of(3, &[7]), [7, 7, 7]);
        assert_eq!(of(4, &[7]), [7, 7, 7, 255]);
        assert_eq!(of(1, &[255, 0, 0]), [76]);
        assert_eq!(of(1, &[9, 9, 9]), [9]);
        assert_eq!(of(3, &[255, 0, 0, 0]), [255, 255, 255]);
        assert_eq!(of(3, &[200, 0, 100, 51]), [244, 204, 224]);
        assert_eq!(of(0, &[100, 0]), [255]);
        assert_eq!(of(4, &[1, 2, 3]), [1, 2, 3, 255]);
    }

    #[test]
    fn hidden_colour_does_not_bleed() {
        let p = Preparation {
            alpha: Alpha::Keep,
            ..preparation([1, 1], 4, Filter::Area)
        };
        let v = p.apply([1, 2, 4], &Values::Bytes(vec![200, 100, 0, 255, 0, 255, 255, 0]));
        assert_eq!(v, Values::Bytes(vec![200, 100, 0, 128]));
    }
}

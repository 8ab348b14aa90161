//! Layers on slices, a few rows at a time: for samplers that compute one position after the other.
//!
//! Every row is computed alike, whatever rows are computed with it: the same bits alone and among others.
use crate::rows::math::{madd, sigmoid, tanh};
use crate::rows::simd::simd;

/// Columns that are summed at a time.
const PANEL: usize = 32;

/// x W + b for single rows, with the weights packed once: panels of 32 columns, each read from beginning to end.
#[derive(Clone, Debug)]
pub struct RowLinear {
    inputs: usize,
    outputs: usize,
    /// `[panel, input, PANEL]`
    panels: Vec<f32>,
    /// `[panel, PANEL]`
    bias: Vec<f32>,
}

impl RowLinear {
    /// `weight` is `[inputs, outputs]`, `bias` `[outputs]`, or empty for none.
    ///
    /// # Panics
    /// When the weights are not whole rows of `outputs`, or the bias has another length.
    pub fn new(weight: &[f32], bias: &[f32], outputs: usize) -> RowLinear {
        assert!(outputs > 0 && weight.len().is_multiple_of(outputs), "{} weights are not rows of {outputs}", weight.len());
        assert!(bias.is_empty() || bias.len() == outputs, "a bias of {} for {outputs} outputs", bias.len());
        let (inputs, count) = (weight.len() / outputs, outputs.div_ceil(PANEL));
        let mut panels = vec![0.0; count * inputs * PANEL];
        for (i, row) in weight.chunks_exact(outputs).enumerate() {
            for (o, &w) in row.iter().enumerate() {
                panels[(o / PANEL * inputs + i) * PANEL + o % PANEL] = w;
            }
        }
        let mut padded = bias.to_vec();
        padded.resize(count * PANEL, 0.0);
        RowLinear { inputs, outputs, panels, bias: padded }
    }

    /// Numbers of a row that goes in.
    pub fn inputs(&self) -> usize {
        self.inputs
    }
    /// Numbers of a row that comes out.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// y = x W + b for every row of x `[rows, inputs]`; y is `[rows, outputs]`.
    ///
    /// # Panics
    /// When the slices are not as many whole rows.
    pub fn apply(&self, x: &[f32], y: &mut [f32]) {
        let rows = y.len() / self.outputs;
        assert!(y.len() == rows * self.outputs && x.len() == rows * self.inputs, "rows: {} in, {} out of {self:?}", x.len(), y.len());
        product(x, &self.panels, &self.bias, self.inputs, self.outputs, y);
    }
}

simd! {
fn product(x: &[f32], panels: &[f32], bias: &[f32], inputs: usize, outputs: usize, y: &mut [f32]) {
    let (rows, count) = (y.len() / outputs, bias.len() / PANEL);
    let mut r = 0;
    while r < rows {
        // Two rows share each panel on its way through; one row takes two panels at a time.
        if r + 2 <= rows {
            (0..count).for_each(|p| tile::<FMA, 2, 1>(x, panels, bias, [inputs, outputs], [r, p], y));
            r += 2;
        } else {
            (0..count / 2).for_each(|p| tile::<FMA, 1, 2>(x, panels, bias, [inputs, outputs], [r, 2 * p], y));
            if count % 2 == 1 {
                tile::<FMA, 1, 1>(x, panels, bias, [inputs, outputs], [r, count - 1], y);
            }
            r += 1;
        }
    }
}}

/// Vectors of a panel.
const PARTS: usize = PANEL / 8;

/// Rows `at[0]..` and panels `at[1]..` of the product.
#[inline(always)]
fn tile<const FMA: bool, const ROWS: usize, const PANELS: usize>(
    x: &[f32],
    panels: &[f32],
    bias: &[f32],
    [inputs, outputs]: [usize; 2],
    at: [usize; 2],
    y: &mut [f32],
) {
    let row: [&[f32]; ROWS] = std::array::from_fn(|i| &x[(at[0] + i) * inputs..(at[0] + i + 1) * inputs]);
    let panel: [&[[f32; PANEL]]; PANELS] = std::array::from_fn(|p| {
        let from = (at[1] + p) * inputs * PANEL;
        panels[from..from + inputs * PANEL].as_chunks::<PANEL>().0
    });
    let start = |p: usize| -> [[f32; 8]; PARTS] {
        let from = (at[1] + p) * PANEL;
        std::array::from_fn(|v| std::array::from_fn(|l| bias[from + 8 * v + l]))
    };
    let mut sums: [[[[f32; 8]; PARTS]; PANELS]; ROWS] = std::array::from_fn(|_| std::array::from_fn(start));
    for k in 0..inputs {
        for i in 0..ROWS {
            let x = row[i][k];
            for p in 0..PANELS {
                let w = &panel[p][k];
                for v in 0..PARTS {
                    for l in 0..8 {
                        sums[i][p][v][l] = madd::<FMA>(x, w[8 * v + l], sums[i][p][v][l]);
                    }
                }
            }
        }
    }
    for i in 0..ROWS {
        for p in 0..PANELS {
            let from = (at[1] + p) * PANEL;
            let n = PANEL.min(outputs - from);
            let out = &mut y[(at[0] + i) * outputs + from..][..n];
            out.iter_mut().zip(sums[i][p].as_flattened()).for_each(|(y, s)| *y = *s);
        }
    }
}

simd! {
/// z = tanh(f) sigmoid(g) for rows u = (f, g) of `2 width` numbers; z has rows of `width`.
pub fn gate(u: &[f32], z: &mut [f32], width: usize) {
    for (u, z) in u.chunks_exact(2 * width).zip(z.chunks_exact_mut(width)) {
        let (f, g) = u.split_at(width);
        for ((z, f), g) in z.iter_mut().zip(f).zip(g) {
            *z = tanh::<FMA>(*f) * sigmoid::<FMA>(*g);
        }
    }
}}

simd! {
/// A step of an LSTM (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000) for rows of gates (o, f, i, g), each of `width` numbers
/// before their activation: c = sigmoid(f) c + sigmoid(i) tanh(g), h = sigmoid(o) tanh(c).
pub fn lstm(gates: &[f32], c: &mut [f32], h: &mut [f32], width: usize) {
    for ((u, c), h) in gates.chunks_exact(4 * width).zip(c.chunks_exact_mut(width)).zip(h.chunks_exact_mut(width)) {
        let (o, rest) = u.split_at(width);
        let (f, rest) = rest.split_at(width);
        let (i, g) = rest.split_at(width);
        for k in 0..width {
            c[k] = sigmoid::<FMA>(f[k]) * c[k] + sigmoid::<FMA>(i[k]) * tanh::<FMA>(g[k]);
            h[k] = sigmoid::<FMA>(o[k]) * tanh::<FMA>(c[k]);
        }
    }
}}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(n: usize, seed: u32) -> Vec<f32> {
        let mut out = vec![0.0; n];
        crate::noise::fill_uniform([seed; 8], &mut out);
        out.iter_mut().for_each(|v| *v -= 0.5);
        out
    }

    #[test]
    fn rows_are_the_naive_sums_and_do_not_depend_on_their_neighbours() {
        for (inputs, outputs) in [(1, 1), (3, 33), (128, 128), (64, 64), (5, 100), (70, 256)] {
            let (w, b) = (numbers(inputs * outputs, 1), numbers(outputs, 2));
            let layer = RowLinear::new(&w, &b, outputs);
            let x = numbers(5 * inputs, 3);
            let mut y = vec![f32::NAN; 5 * outputs];
            layer.apply(&x, &mut y);
            for r in 0..5 {
                for o in 0..outputs {
                    let want: f64 = (0..inputs).map(|i| x[r * inputs + i] as f64 * w[i * outputs + o] as f64).sum::<f64>() + b[o] as f64;
                    assert!((y[r * outputs + o] as f64 - want).abs() < 1e-5, "{inputs} {outputs}: {r} {o}");
                }
                let mut alone = vec![0.0; outputs];
                layer.apply(&x[r * inputs..(r + 1) * inputs], &mut alone);
                assert_eq!(alone, y[r * outputs..(r + 1) * outputs], "row {r} alone");
            }
        }
        let mut y = [0.0; 2];
        RowLinear::new(&[1.0, 2.0], &[], 2).apply(&[3.0], &mut y);
        assert_eq!(y, [3.0, 6.0]);
    }

    #[test]
    fn gates_are_their_formulas() {
        let s = |v: f32| 1.0 / (1.0 + (-v as f64).exp());
        let t = |v: f32| (v as f64).tanh();
        let (u, mut z) = (numbers(2 * 3 * 37, 4), vec![0.0; 3 * 37]);
        gate(&u, &mut z, 37);
        let g: Vec<f32> = numbers(4 * 2 * 19, 5).iter().map(|v| 6.0 * v).collect();
        let (before, mut h) = (numbers(2 * 19, 6), vec![0.0; 2 * 19]);
        let mut c = before.clone();
        lstm(&g, &mut c, &mut h, 19);
        for k in 0..19 {
            for r in 0..2 {
                assert!((z[r * 37 + k] as f64 - t(u[r * 74 + k]) * s(u[r * 74 + 37 + k])).abs() < 1e-6);
                let at = |n: usize| g[r * 76 + n * 19 + k];
                let cell = s(at(1)) * before[r * 19 + k] as f64 + s(at(2)) * t(at(3));
                assert!((c[r * 19 + k] as f64 - cell).abs() < 2e-6);
                assert!((h[r * 19 + k] as f64 - s(at(0)) * cell.tanh()).abs() < 2e-6);
            }
        }
    }
}

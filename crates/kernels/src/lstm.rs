//! A convolutional LSTM along one axis: each step sees its neighbours in the step before. The recurrence of PixelRNN's rows
//! and diagonals.
use crate::dense::Packed;
use crate::pool::par_for;
use crate::rows::math::{sigmoid, tanh};
use crate::rows::{Parts, simd::simd};

/// Sizes of the recurrence: `items` sequences of `steps` lines of `line` positions with `hidden` numbers each; position s
/// takes those from s - `before` on, `taps` of them, of the line before, zeros beyond its ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub items: usize,
    pub steps: usize,
    pub line: usize,
    pub hidden: usize,
    pub taps: usize,
    pub before: usize,
}

impl Sizes {
    /// For tap k: the first position that it reaches, how many, and the first position of the line before that it reads.
    fn reach(&self, k: usize) -> [usize; 3] {
        let (first, from) = (self.before.saturating_sub(k), k.saturating_sub(self.before));
        [first, self.line.saturating_sub(first.max(from)), from]
    }
    fn positions(&self) -> usize {
        self.steps * self.line
    }
}

simd! {
/// A step of an LSTM for rows of gates (o, f, i, g) before their activation, each of `width` numbers:
/// c = sigmoid(f) c + sigmoid(i) tanh(g), h = sigmoid(o) tanh(c).
pub fn cell(gates: &[f32], c: &mut [f32], h: &mut [f32], width: usize) {
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

simd! {
/// As [`cell`], which also keeps the gates after their activation and c: rows (o, f, i, g, c) of `state`. `before` is the
/// state a line before.
fn keep(gates: &[f32], before: Option<&[f32]>, state: &mut [f32], h: &mut [f32], width: usize) {
    for (r, ((u, s), h)) in gates.chunks_exact(4 * width).zip(state.chunks_exact_mut(5 * width)).zip(h.chunks_exact_mut(width)).enumerate() {
        let (s, c) = s.split_at_mut(4 * width);
        for k in 0..3 * width {
            s[k] = sigmoid::<FMA>(u[k]);
        }
        for k in 3 * width..4 * width {
            s[k] = tanh::<FMA>(u[k]);
        }
        match before {
            Some(before) => c.copy_from_slice(&before[(r * 5 + 4) * width..(r * 5 + 5) * width]),
            None => c.fill(0.0),
        }
        let (o, rest) = s.split_at(width);
        let (f, rest) = rest.split_at(width);
        let (i, g) = rest.split_at(width);
        for k in 0..width {
            c[k] = f[k] * c[k] + i[k] * g[k];
            h[k] = o[k] * tanh::<FMA>(c[k]);
        }
    }
}}

simd! {
/// From gradients by h and c to those by the gates before their activation, and by the c before.
fn back(state: &[f32], before: Option<&[f32]>, by_h: &[f32], by_c: &mut [f32], by_gates: &mut [f32], width: usize) {
    let rows = state.chunks_exact(5 * width).zip(by_h.chunks_exact(width)).zip(by_c.chunks_exact_mut(width)).zip(by_gates.chunks_exact_mut(4 * width));
    for (r, (((s, dh), dc), du)) in rows.enumerate() {
        let (o, rest) = s.split_at(width);
        let (f, rest) = rest.split_at(width);
        let (i, rest) = rest.split_at(width);
        let (g, c) = rest.split_at(width);
        let (d_o, rest) = du.split_at_mut(width);
        let (d_f, rest) = rest.split_at_mut(width);
        let (d_i, d_g) = rest.split_at_mut(width);
        for k in 0..width {
            let t = tanh::<FMA>(c[k]);
            let d = dc[k] + dh[k] * o[k] * (1.0 - t * t);
            let old = before.map_or(0.0, |b| b[(r * 5 + 4) * width + k]);
            d_o[k] = dh[k] * t * o[k] * (1.0 - o[k]);
            d_f[k] = d * old * f[k] * (1.0 - f[k]);
            d_i[k] = d * g[k] * i[k] * (1.0 - i[k]);
            d_g[k] = d * i[k] * (1.0 - g[k] * g[k]);
            dc[k] = d * f[k];
        }
    }
}}

/// Columns whose sums stay in registers.
const COLUMNS: usize = 32;

simd! {
/// out += x^T y for rows of x `[rows, inputs]` and y `[rows, outputs]`; out is `[inputs, outputs]`.
fn outer(x: &[f32], y: &[f32], inputs: usize, outputs: usize, out: &mut [f32]) {
    for from in (0..outputs).step_by(COLUMNS) {
        let n = COLUMNS.min(outputs - from);
        for j in 0..inputs {
            let out = &mut out[j * outputs + from..][..n];
            let mut sums = [0f32; COLUMNS];
            sums[..n].copy_from_slice(out);
            for (x, y) in x.chunks_exact(inputs).zip(y.chunks_exact(outputs)) {
                let (v, y) = (x[j], &y[from..from + n]);
                if n == COLUMNS {
                    for l in 0..COLUMNS {
                        sums[l] = crate::rows::math::madd::<FMA>(v, y[l], sums[l]);
                    }
                } else {
                    sums.iter_mut().zip(y).for_each(|(s, y)| *s = crate::rows::math::madd::<FMA>(v, *y, *s));
                }
            }
            out.copy_from_slice(&sums[..n]);
        }
    }
}}

/// u `[items, steps, line, 4 hidden]`, w `[taps, hidden, 4 hidden]` -> h `[items, steps, line, hidden]`, and the state that the
/// way back needs, `[items, steps, line, 5 hidden]`.
pub(crate) fn forward(s: Sizes, u: &[f32], w: &[f32], h: &mut [f32], state: &mut [f32]) {
    let n = s.hidden;
    let taps: Vec<Packed> = w.chunks_exact((4 * n * n).max(1)).map(|w| Packed::new(w, 4 * n, n, 0..4 * n)).collect();
    let (item, row) = (s.positions(), s.line);
    let (h, state) = (Parts::new(h), Parts::new(state));
    par_for(s.items, &|b| {
        let u = &u[b * item * 4 * n..(b + 1) * item * 4 * n];
        // SAFETY: each item has its own part.
        let (h, state) = unsafe { (h.get(b * item * n..(b + 1) * item * n), state.get(b * item * 5 * n..(b + 1) * item * 5 * n)) };
        let mut gates = vec![0.0; row * 4 * n];
        for t in 0..s.steps {
            gates.copy_from_slice(&u[t * row * 4 * n..(t + 1) * row * 4 * n]);
            let (old, new) = h.split_at_mut(t * row * n);
            let (old_state, new_state) = state.split_at_mut(t * row * 5 * n);
            if t > 0 {
                let old = &old[(t - 1) * row * n..];
                for (k, w) in taps.iter().enumerate() {
                    let [to, count, from] = s.reach(k);
                    w.accumulate(count, (&old[(from * n).min(old.len())..], n), (&mut gates[(to * 4 * n).min(row * 4 * n)..], 4 * n));
                }
            }
            let before = (t > 0).then(|| &old_state[(t - 1) * row * 5 * n..]);
            keep(&gates, before, &mut new_state[..row * 5 * n], &mut new[..row * n], n);
        }
    });
}

/// Gradients of u and w, given that of h.
pub(crate) fn gradient(s: Sizes, g: &[f32], w: &[f32], h: &[f32], state: &[f32], by_u: &mut [f32]) -> Vec<f32> {
    let n = s.hidden;
    let transposed = |w: &[f32]| -> Packed {
        let t: Vec<f32> = (0..4 * n * n).map(|i| w[i % n * 4 * n + i / n]).collect();
        Packed::new(&t, n, 4 * n, 0..n)
    };
    let taps: Vec<Packed> = w.chunks_exact((4 * n * n).max(1)).map(transposed).collect();
    let (item, row) = (s.positions(), s.line);
    let mut partial = vec![0.0; s.items * w.len()];
    let (by_u, parts) = (Parts::new(by_u), Parts::new(&mut partial));
    par_for(s.items, &|b| {
        let at = |width: usize| b * item * width..(b + 1) * item * width;
        let (g, h, state) = (&g[at(n)], &h[at(n)], &state[at(5 * n)]);
        // SAFETY: each item has its own part.
        let (by_u, by_w) = unsafe { (by_u.get(at(4 * n)), parts.get(b * w.len()..(b + 1) * w.len())) };
        let (mut by_h, mut by_c) = (vec![0.0; row * n], vec![0.0; row * n]);
        for t in (0..s.steps).rev() {
            by_h.iter_mut().zip(&g[t * row * n..]).for_each(|(a, g)| *a += g);
            let du = &mut by_u[t * row * 4 * n..(t + 1) * row * 4 * n];
            let before = (t > 0).then(|| &state[(t - 1) * row * 5 * n..t * row * 5 * n]);
            back(&state[t * row * 5 * n..(t + 1) * row * 5 * n], before, &by_h, &mut by_c, du, n);
            by_h.fill(0.0);
            if t == 0 {
                break;
            }
            let old = &h[(t - 1) * row * n..t * row * n];
            for (k, tap) in taps.iter().enumerate() {
                let [to, count, from] = s.reach(k);
                if count > 0 {
                    let du = &du[to * 4 * n..(to + count) * 4 * n];
                    tap.accumulate(count, (du, 4 * n), (&mut by_h[from * n..], n));
                    outer(&old[from * n..(from + count) * n], du, n, 4 * n, &mut by_w[k * 4 * n * n..(k + 1) * 4 * n * n]);
                }
            }
        }
    });
    // In the items' order, so that the sums do not depend on threads.
    let mut by_w = vec![0f64; w.len()];
    for part in partial.chunks_exact(w.len().max(1)) {
        by_w.iter_mut().zip(part).for_each(|(a, p)| *a += *p as f64);
    }
    by_w.into_iter().map(|v| v as f32).collect()
}

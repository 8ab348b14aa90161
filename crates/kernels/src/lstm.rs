//! A convolutional LSTM: each line of an image sees its neighbours in the line before. The recurrence of PixelRNN's rows and
//! diagonals.
use crate::dense::Packed;
use crate::ops::Scan;
use crate::pool::par_for;
use crate::rows::math::{sigmoid, tanh};
use crate::rows::{Parts, simd::simd};
use std::ops::Range;

/// Sizes of the recurrence over `items` images of `height` x `width` pixels with `hidden` numbers each, line by line in the
/// order of `scan`; position p of a line takes those from p - `before` on, `taps` of them, of the line before, zeros beyond
/// its ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub items: usize,
    pub height: usize,
    pub width: usize,
    pub hidden: usize,
    pub taps: usize,
    pub before: usize,
    pub scan: Scan,
}

impl Sizes {
    fn pixels(&self) -> usize {
        self.height * self.width
    }

    /// Lines, and positions of each.
    fn lines(&self) -> [usize; 2] {
        match self.scan {
            Scan::Rows => [self.height, self.width],
            _ => [self.height + self.width - 1, self.height],
        }
    }

    /// Positions of line `t` that are pixels.
    fn present(&self, t: usize) -> Range<usize> {
        match self.scan {
            Scan::Rows => 0..self.width,
            _ => (t + 1).saturating_sub(self.width)..self.height.min(t + 1),
        }
    }

    /// The pixel at a position of line `t`.
    fn pixel(&self, t: usize, p: usize) -> usize {
        match self.scan {
            Scan::Rows => t * self.width + p,
            Scan::Diagonals => p * self.width + t - p,
            Scan::MirroredDiagonals => (p + 1) * self.width - 1 - (t - p),
        }
    }

    /// For tap k: the positions among `now` that it reaches, and the first position of the line before that it reads.
    fn reach(&self, k: usize, now: &Range<usize>) -> (Range<usize>, usize) {
        let first = now.start.max(self.before.saturating_sub(k));
        let end = now.end.min((self.lines()[1] + self.before).saturating_sub(k));
        (first..end.max(first), first + k - self.before)
    }

    /// Copies the pixels of line `t`, `n` numbers each, to their positions in `line`.
    fn gather(&self, t: usize, image: &[f32], n: usize, line: &mut [f32]) {
        for p in self.present(t) {
            line[p * n..][..n].copy_from_slice(&image[self.pixel(t, p) * n..][..n]);
        }
    }

    /// The way back.
    fn scatter(&self, t: usize, line: &[f32], n: usize, image: &mut [f32]) {
        for p in self.present(t) {
            image[self.pixel(t, p) * n..][..n].copy_from_slice(&line[p * n..][..n]);
        }
    }
}

/// A range of rows of `n` numbers.
fn rows(r: &Range<usize>, n: usize) -> Range<usize> {
    r.start * n..r.end * n
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

/// u `[items, height, width, 4 hidden]`, w `[taps, hidden, 4 hidden]` -> h `[items, height, width, hidden]`, and the state that
/// the way back needs, `[items, height, width, 5 hidden]`.
pub(crate) fn forward(s: Sizes, u: &[f32], w: &[f32], h: &mut [f32], state: &mut [f32]) {
    let n = s.hidden;
    let taps: Vec<Packed> = w
        .chunks_exact((4 * n * n).max(1))
        .map(|w| Packed::new(w, 4 * n, n, 0..4 * n))
        .collect();
    let (item, [steps, line]) = (s.pixels(), s.lines());
    let (h, state) = (Parts::new(h), Parts::new(state));
    par_for(s.items, &|b| {
        let at = |width: usize| b * item * width..(b + 1) * item * width;
        let u = &u[at(4 * n)];
        // SAFETY: each item has its own part.
        let (h, state) = unsafe { (h.get(at(n)), state.get(at(5 * n))) };
        let mut gates = vec![0.0; line * 4 * n];
        // This line and the one before. What of a line is no pixel stays zero where a diagonal's taps read it.
        let (mut new, mut old) = (
            [vec![0.0; line * n], vec![0.0; line * 5 * n]],
            [vec![0.0; line * n], vec![0.0; line * 5 * n]],
        );
        for t in 0..steps {
            let now = s.present(t);
            s.gather(t, u, 4 * n, &mut gates);
            for (k, w) in taps.iter().enumerate().filter(|_| t > 0) {
                let (to, from) = s.reach(k, &now);
                w.accumulate(
                    to.len(),
                    (&old[0][(from * n).min(line * n)..], n),
                    (&mut gates[to.start.min(line) * 4 * n..], 4 * n),
                );
            }
            let before = (t > 0).then(|| &old[1][now.start * 5 * n..]);
            let [new_h, new_state] = &mut new;
            keep(
                &gates[rows(&now, 4 * n)],
                before,
                &mut new_state[rows(&now, 5 * n)],
                &mut new_h[rows(&now, n)],
                n,
            );
            s.scatter(t, new_h, n, h);
            s.scatter(t, new_state, 5 * n, state);
            std::mem::swap(&mut new, &mut old);
        }
    });
}

/// Gradients of u and w, given that of h.
pub(crate) fn gradient(
    s: Sizes,
    g: &[f32],
    w: &[f32],
    h: &[f32],
    state: &[f32],
    by_u: &mut [f32],
) -> Vec<f32> {
    let n = s.hidden;
    let transposed = |w: &[f32]| -> Packed {
        let t: Vec<f32> = (0..4 * n * n).map(|i| w[i % n * 4 * n + i / n]).collect();
        Packed::new(&t, n, 4 * n, 0..n)
    };
    let taps: Vec<Packed> = w.chunks_exact((4 * n * n).max(1)).map(transposed).collect();
    let (item, [steps, line]) = (s.pixels(), s.lines());
    let mut partial = vec![0.0; s.items * w.len()];
    let (by_u, parts) = (Parts::new(by_u), Parts::new(&mut partial));
    par_for(s.items, &|b| {
        let at = |width: usize| b * item * width..(b + 1) * item * width;
        let (g, h, state) = (&g[at(n)], &h[at(n)], &state[at(5 * n)]);
        // SAFETY: each item has its own part.
        let (by_u, by_w) = unsafe { (by_u.get(at(4 * n)), parts.get(b * w.len()..(b + 1) * w.len())) };
        let lines = |width: usize| vec![0.0; line * width];
        let (mut by_h, mut by_c, mut du, mut given, mut old) =
            (lines(n), lines(n), lines(4 * n), lines(n), lines(n));
        let (mut kept, mut before) = (lines(5 * n), lines(5 * n));
        s.gather(steps - 1, state, 5 * n, &mut kept);
        for t in (0..steps).rev() {
            let now = s.present(t);
            s.gather(t, g, n, &mut given);
            by_h[rows(&now, n)]
                .iter_mut()
                .zip(&given[rows(&now, n)])
                .for_each(|(a, g)| *a += g);
            before.fill(0.0);
            if t > 0 {
                s.gather(t - 1, state, 5 * n, &mut before);
            }
            let last = (t > 0).then(|| &before[now.start * 5 * n..]);
            back(
                &kept[rows(&now, 5 * n)],
                last,
                &by_h[rows(&now, n)],
                &mut by_c[rows(&now, n)],
                &mut du[rows(&now, 4 * n)],
                n,
            );
            s.scatter(t, &du, 4 * n, by_u);
            if t == 0 {
                break;
            }
            by_h.fill(0.0);
            old.fill(0.0);
            s.gather(t - 1, h, n, &mut old);
            for (k, tap) in taps.iter().enumerate() {
                let (to, from) = s.reach(k, &now);
                if !to.is_empty() {
                    let du = &du[rows(&to, 4 * n)];
                    tap.accumulate(to.len(), (du, 4 * n), (&mut by_h[from * n..], n));
                    outer(
                        &old[rows(&(from..from + to.len()), n)],
                        du,
                        n,
                        4 * n,
                        &mut by_w[k * 4 * n * n..(k + 1) * 4 * n * n],
                    );
                }
            }
            std::mem::swap(&mut kept, &mut before);
        }
    });
    // In the items' order, so that the sums do not depend on threads.
    let mut by_w = vec![0f64; w.len()];
    for part in partial.chunks_exact(w.len().max(1)) {
        by_w.iter_mut().zip(part).for_each(|(a, p)| *a += *p as f64);
    }
    by_w.into_iter().map(|v| v as f32).collect()
}

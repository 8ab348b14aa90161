//! The neural autoregressive distribution estimator (Larochelle and Murray 2011, Uria et al. 2016): its D hidden layers
//! share one running sum, so that all D conditionals and their gradients take O(D H).
//!
//! With o the order, a_0 = c and a_(t+1) = a_t + x_o(t) W_o(t) + M_o(t), the logits of number o(t) are act(a_t) V_o(t). The
//! marks M, which say that a number is known, are there for models of every order.
use crate::pool::par_for;
use crate::rows::simd::simd;
use crate::rows::{Parts, math};

/// Hidden units of a strip: strips are independent of each other but for the sum of their logits.
const STRIP: usize = 64;
/// Items that go through a strip together.
const ITEMS: usize = 32;
/// Numbers between two sums that are kept for the way back.
const KEPT: usize = 32;

/// The hidden units' function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hidden {
    /// 1 / (1 + exp(-a))
    Sigmoid,
    /// max(a, 0)
    Relu,
}

/// Sizes, order and weights.
#[derive(Clone, Copy, Debug)]
pub struct Nade<'a> {
    /// numbers of an item (D)
    pub numbers: usize,
    /// hidden units (H)
    pub hidden: usize,
    /// logits a number (K)
    pub outputs: usize,
    /// the numbers in the order in which they are conditioned on
    pub order: &'a [u32],
    /// W, `[numbers, hidden]`
    pub input: &'a [f32],
    /// M, `[numbers, hidden]`
    pub marks: Option<&'a [f32]>,
    /// c, `[hidden]`
    pub bias: &'a [f32],
    /// V, `[numbers, outputs, hidden]`
    pub output: &'a [f32],
    /// act
    pub act: Hidden,
}

/// Gradients of the weights, in their shapes.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradients {
    /// of W
    pub input: Vec<f32>,
    /// of M; empty without marks
    pub marks: Vec<f32>,
    /// of c
    pub bias: Vec<f32>,
    /// of V
    pub output: Vec<f32>,
}

impl Nade<'_> {
    fn check(&self, x: &[f32]) -> usize {
        let (d, h) = (self.numbers, self.hidden);
        assert!(
            self.order.len() == d && self.order.iter().all(|&o| (o as usize) < d),
            "an order of {d} numbers"
        );
        assert!(
            self.input.len() == d * h && self.bias.len() == h && self.output.len() == d * h * self.outputs,
            "weights of {d} by {h}"
        );
        assert!(
            self.marks.is_none_or(|m| m.len() == d * h) && d > 0 && x.len().is_multiple_of(d),
            "marks, or numbers that fill no items"
        );
        x.len() / d
    }

    fn strips(&self) -> usize {
        self.hidden.div_ceil(STRIP)
    }

    /// Logits `[items, numbers, outputs]`, without biases of their own, of items x `[items, numbers]`.
    ///
    /// # Panics
    /// When sizes do not fit.
    pub fn logits(&self, x: &[f32]) -> Vec<f32> {
        let items = self.check(x);
        let size = items * self.numbers * self.outputs;
        let mut parts = vec![0.0; size * self.strips()];
        let shared = Parts::new(&mut parts);
        par_for(self.strips(), &|s| {
            // SAFETY: each strip has a part of its own.
            let part = unsafe { shared.get(s * size..(s + 1) * size) };
            forward(self, s * STRIP, x, part);
        });
        // In the strips' order, whoever computed them.
        let mut logits = parts[..size].to_vec();
        for part in parts.chunks_exact(size.max(1)).skip(1) {
            logits.iter_mut().zip(part).for_each(|(l, p)| *l += p);
        }
        logits
    }

    /// Gradients of the weights, given those of the logits.
    ///
    /// # Panics
    /// When sizes do not fit.
    pub fn gradients(&self, x: &[f32], g: &[f32]) -> Gradients {
        let items = self.check(x);
        assert!(
            g.len() == items * self.numbers * self.outputs,
            "gradients of {} logits",
            g.len()
        );
        let (d, h, k) = (self.numbers, self.hidden, self.outputs);
        // A strip's columns together; they are spread over the rows afterwards.
        let rows = d * (1 + usize::from(self.marks.is_some()) + k) + 1;
        let mut strips = vec![0.0; rows * self.strips() * STRIP];
        let shared = Parts::new(&mut strips);
        par_for(self.strips(), &|s| {
            // SAFETY: each strip has a part of its own.
            let part = unsafe { shared.get(s * rows * STRIP..(s + 1) * rows * STRIP) };
            backward(self, s * STRIP, x, g, part);
        });
        let columns = |from: usize, n: usize| {
            let mut out = vec![0.0; n * h];
            for (r, row) in out.chunks_exact_mut(h).enumerate() {
                for (s, cells) in row.chunks_mut(STRIP).enumerate() {
                    let at = (s * rows + from + r) * STRIP;
                    cells.copy_from_slice(&strips[at..at + cells.len()]);
                }
            }
            out
        };
        let marks = if self.marks.is_some() { d } else { 0 };
        Gradients {
            output: columns(0, d * k),
            input: columns(d * k, d),
            marks: columns(d * k + d, marks),
            bias: columns(d * k + d + marks, 1),
        }
    }

    /// Columns `at..` of a row of H numbers, filled up with zeros.
    #[inline(always)]
    fn columns(&self, row: &[f32], at: usize) -> [f32; STRIP] {
        let mut out = [0.0; STRIP];
        let n = STRIP.min(self.hidden - at);
        out[..n].copy_from_slice(&row[at..at + n]);
        out
    }

    #[inline(always)]
    fn row(&self, of: &[f32], r: usize, at: usize) -> [f32; STRIP] {
        self.columns(&of[r * self.hidden..(r + 1) * self.hidden], at)
    }
}

#[inline(always)]
fn act<const FMA: bool>(act: Hidden, a: &[f32; STRIP]) -> [f32; STRIP] {
    match act {
        Hidden::Relu => a.map(|v| v.max(0.0)),
        Hidden::Sigmoid => a.map(math::sigmoid::<FMA>),
    }
}

/// The derivative as a function of the output.
#[inline(always)]
fn slope(act: Hidden, h: f32) -> f32 {
    match act {
        Hidden::Relu => f32::from(h > 0.0),
        Hidden::Sigmoid => h * (1.0 - h),
    }
}

#[inline(always)]
fn dot<const FMA: bool>(a: &[f32; STRIP], b: &[f32; STRIP]) -> f32 {
    let mut sums = [0.0f32; 16];
    for (a, b) in a.as_chunks::<16>().0.iter().zip(b.as_chunks::<16>().0) {
        for i in 0..16 {
            sums[i] = math::madd::<FMA>(a[i], b[i], sums[i]);
        }
    }
    sums.iter().sum()
}

#[inline(always)]
fn axpy<const FMA: bool>(v: f32, x: &[f32; STRIP], y: &mut [f32; STRIP]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y = math::madd::<FMA>(v, *x, *y);
    }
}

simd! {
    /// A strip's part of the logits.
    fn forward(n: &Nade, at: usize, x: &[f32], out: &mut [f32]) {
        let (d, k) = (n.numbers, n.outputs);
        let bias = n.columns(n.bias, at);
        for (x, out) in x.chunks(ITEMS * d).zip(out.chunks_mut(ITEMS * d * k)) {
            let mut sums = vec![bias; x.len() / d];
            for &o in n.order {
                let o = o as usize;
                let (w, m) = (n.row(n.input, o, at), n.marks.map(|m| n.row(m, o, at)));
                for (b, a) in sums.iter_mut().enumerate() {
                    let h = act::<FMA>(n.act, a);
                    for j in 0..k {
                        out[(b * d + o) * k + j] = dot::<FMA>(&h, &n.row(n.output, o * k + j, at));
                    }
                    step::<FMA>(x[b * d + o], &w, m.as_ref(), a);
                }
            }
        }
    }
}

/// a += x W + M
#[inline(always)]
fn step<const FMA: bool>(x: f32, w: &[f32; STRIP], m: Option<&[f32; STRIP]>, a: &mut [f32; STRIP]) {
    // Most pixels are black.
    if x != 0.0 {
        axpy::<FMA>(x, w, a);
    }
    if let Some(m) = m {
        axpy::<FMA>(1.0, m, a);
    }
}

simd! {
    /// A strip's columns of all gradients, one row after the other: V, W, M if there are any, c.
    fn backward(n: &Nade, at: usize, x: &[f32], g: &[f32], out: &mut [f32]) {
        let (d, k) = (n.numbers, n.outputs);
        let out = out.as_chunks_mut::<STRIP>().0;
        let (of_v, rest) = out.split_at_mut(d * k);
        let (of_w, rest) = rest.split_at_mut(d);
        let (of_m, of_c) = rest.split_at_mut(if n.marks.is_some() { d } else { 0 });
        let bias = n.columns(n.bias, at);
        for (x, g) in x.chunks(ITEMS * d).zip(g.chunks(ITEMS * d * k)) {
            let items = x.len() / d;
            // Forward once, keeping a sum now and then; then back, block by block, each computed again from its first sum.
            let mut kept = vec![vec![bias; items]];
            let mut block = vec![[0.0f32; STRIP]; items * KEPT];
            for from in (0..d.saturating_sub(KEPT)).step_by(KEPT) {
                let mut sums = kept[from / KEPT].clone();
                for &o in &n.order[from..from + KEPT] {
                    let o = o as usize;
                    let (w, m) = (n.row(n.input, o, at), n.marks.map(|m| n.row(m, o, at)));
                    sums.iter_mut().enumerate().for_each(|(b, a)| step::<FMA>(x[b * d + o], &w, m.as_ref(), a));
                }
                kept.push(sums);
            }
            let mut da = vec![[0.0f32; STRIP]; items];
            for from in (0..d).step_by(KEPT).rev() {
                let order = &n.order[from..(from + KEPT).min(d)];
                let mut sums = kept[from / KEPT].clone();
                for (t, &o) in order.iter().enumerate() {
                    block[t * items..(t + 1) * items].copy_from_slice(&sums);
                    let o = o as usize;
                    let (w, m) = (n.row(n.input, o, at), n.marks.map(|m| n.row(m, o, at)));
                    sums.iter_mut().enumerate().for_each(|(b, a)| step::<FMA>(x[b * d + o], &w, m.as_ref(), a));
                }
                for (t, &o) in order.iter().enumerate().rev() {
                    let o = o as usize;
                    for (b, da) in da.iter_mut().enumerate() {
                        let v = x[b * d + o];
                        if v != 0.0 {
                            axpy::<FMA>(v, da, &mut of_w[o]);
                        }
                        if let Some(of_m) = of_m.get_mut(o) {
                            axpy::<FMA>(1.0, da, of_m);
                        }
                        let h = act::<FMA>(n.act, &block[t * items + b]);
                        let mut dh = [0.0f32; STRIP];
                        for j in 0..k {
                            let g = g[(b * d + o) * k + j];
                            axpy::<FMA>(g, &h, &mut of_v[o * k + j]);
                            axpy::<FMA>(g, &n.row(n.output, o * k + j, at), &mut dh);
                        }
                        for ((da, dh), h) in da.iter_mut().zip(dh).zip(h) {
                            *da += dh * slope(n.act, h);
                        }
                    }
                }
            }
            da.iter().for_each(|da| axpy::<FMA>(1.0, da, &mut of_c[0]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(n: usize, seed: usize) -> Vec<f32> {
        (0..n)
            .map(|i| ((i * 7919 + seed * 104_729) % 2003) as f32 / 2002.0 - 0.5)
            .collect()
    }

    /// The formulas, in f64: logits of every item.
    fn naive(n: &Nade, x: &[f32], w: [&[f64]; 4]) -> Vec<f64> {
        let [input, marks, bias, output] = w;
        let (d, h, k) = (n.numbers, n.hidden, n.outputs);
        let mut out = vec![0.0; x.len() * k];
        for (b, x) in x.chunks(d).enumerate() {
            for t in 0..d {
                let o = n.order[t] as usize;
                for u in 0..h {
                    let before = n.order[..t].iter().map(|&p| p as usize);
                    let a: f64 = bias[u]
                        + before
                            .map(|p| x[p] as f64 * input[p * h + u] + marks.get(p * h + u).unwrap_or(&0.0))
                            .sum::<f64>();
                    let a = if n.act == Hidden::Relu {
                        a.max(0.0)
                    } else {
                        1.0 / (1.0 + (-a).exp())
                    };
                    (0..k).for_each(|j| out[(b * d + o) * k + j] += a * output[(o * k + j) * h + u]);
                }
            }
        }
        out
    }

    /// Logits against the formulas, gradients against central differences, over more items, numbers and units than a
    /// block, a strip or a stretch has.
    #[test]
    fn logits_and_gradients() {
        for (items, d, h, k, act, marked) in [
            (35, 37, 70, 1, Hidden::Sigmoid, true),
            (2, 65, 64, 3, Hidden::Relu, false),
            (1, 1, 1, 1, Hidden::Sigmoid, false),
        ] {
            let order: Vec<u32> = (0..d as u32).rev().collect();
            let (w, m, c, v) = (
                numbers(d * h, 1),
                numbers(d * h, 2),
                numbers(h, 3),
                numbers(d * h * k, 4),
            );
            let marks = marked.then_some(&m[..]);
            let n = Nade {
                numbers: d,
                hidden: h,
                outputs: k,
                order: &order,
                input: &w,
                marks,
                bias: &c,
                output: &v,
                act,
            };
            let x: Vec<f32> = numbers(items * d, 5)
                .iter()
                .map(|v| if *v > 0.2 { v * 2.0 } else { 0.0 })
                .collect();
            let g = numbers(items * d * k, 6);
            let wide = |v: &[f32]| v.iter().map(|&x| x as f64).collect::<Vec<f64>>();
            let mut weights = [
                wide(&w),
                if marked { wide(&m) } else { vec![] },
                wide(&c),
                wide(&v),
            ];
            let run = |w: &[Vec<f64>; 4]| naive(&n, &x, [&w[0], &w[1], &w[2], &w[3]]);
            for (got, want) in n.logits(&x).iter().zip(run(&weights)) {
                assert!((*got as f64 - want).abs() < 2e-4, "{got} {want}");
            }
            let found = n.gradients(&x, &g);
            let loss = |w: &[Vec<f64>; 4]| run(w).iter().zip(&g).map(|(l, &g)| l * g as f64).sum::<f64>();
            for (which, found) in [found.input, found.marks, found.bias, found.output]
                .iter()
                .enumerate()
            {
                assert_eq!(found.len(), weights[which].len());
                for at in (0..found.len()).step_by((found.len() / 5).max(1)) {
                    let old = weights[which][at];
                    let mut side = |e: f64| {
                        weights[which][at] = old + e;
                        loss(&weights)
                    };
                    let slope = (side(1e-5) - side(-1e-5)) / 2e-5;
                    weights[which][at] = old;
                    assert!(
                        (found[at] as f64 - slope).abs() < 2e-3 * (1.0 + slope.abs()),
                        "{which} {at}: {} {slope}",
                        found[at]
                    );
                }
            }
        }
    }
}

//! Backward passes by hand.
//!
//! Operands are saved only where a tracked parent needs them: nothing is kept for frozen networks,
//! and buffers stay unique so that the kernels may work in place.
use super::optim::{AdamStep, RmsStep, SgdStep};
use super::{Activation, Form, HostFunction, Ops, Resample, RowLoss, Scan, Window, default};
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, NodeGuard, Ops as Step, OpsKind};
use burn::backend::{Autodiff, Backend, tensor::FloatTensor};
use std::fmt;
use std::sync::{Arc, Mutex};

type F<B> = FloatTensor<B>;
type Call<B, const N: usize> = Box<dyn FnOnce(F<B>, [bool; N]) -> [Option<F<B>>; N] + Send>;

/// What a recorded operation keeps: from the result's gradient, and which parents want theirs, to
/// the parents' gradients. Called at most once; the tape wants states that can be cloned.
struct Pull<B: Backend, const N: usize>(Arc<Mutex<Option<Call<B, N>>>>);

impl<B: Backend, const N: usize> Clone for Pull<B, N> {
    fn clone(&self) -> Self {
        Pull(self.0.clone())
    }
}
impl<B: Backend, const N: usize> fmt::Debug for Pull<B, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pull")
    }
}

#[derive(Debug)]
struct Recorded;
impl<B: Backend, const N: usize> Backward<B, N> for Recorded {
    type State = Pull<B, N>;
    fn backward(self, step: Step<Pull<B, N>, N>, grads: &mut Gradients, _: &mut Checkpointer) {
        let g = grads.consume::<B>(&step.node);
        let wanted = step.parents.each_ref().map(Option::is_some);
        let pull = step
            .state
            .0
            .lock()
            .expect("no other holder")
            .take()
            .expect("a step runs backward once");
        for (parent, d) in step.parents.into_iter().zip(pull(g, wanted)) {
            if let (Some(parent), Some(d)) = (parent, d) {
                grads.register::<B>(parent.id, d);
            }
        }
    }
}

/// Puts `y`, made from `parents`, on the tape; `pull` is dropped at once if no parent is tracked.
fn record<B: Backend, C: CheckpointStrategy, const N: usize>(
    parents: [NodeGuard; N],
    y: F<B>,
    pull: impl FnOnce(F<B>, [bool; N]) -> [Option<F<B>>; N] + Send + 'static,
) -> F<Autodiff<B, C>> {
    match Recorded.prepare::<C>(parents).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish(Pull(Arc::new(Mutex::new(Some(Box::new(pull))))), y),
        OpsKind::UnTracked(prep) => {
            drop(pull);
            prep.finish(y)
        }
    }
}

/// The three faces of a trilinear form.
#[derive(Clone, Copy)]
enum Face {
    Product,
    Input,
    Weight,
}

/// One face; (a, b) are (x, w), (y, w) or (x, y). Each operand is kept only if the other is tracked.
fn face<B: Ops, C: CheckpointStrategy>(
    a: F<Autodiff<B, C>>,
    b: F<Autodiff<B, C>>,
    form: Form,
    face: Face,
) -> F<Autodiff<B, C>> {
    let (track_a, track_b) = (a.is_tracked(), b.is_tracked());
    let form = form.learned(track_a || track_b);
    let ((a, node_a), (b, node_b)) = (a.into_parts(), b.into_parts());
    let kept = (track_b.then(|| a.clone()), track_a.then(|| b.clone()));
    let out = match face {
        Face::Product => B::product(a, b, form),
        Face::Input => B::product_input_gradient(a, b, form),
        Face::Weight => B::product_weight_gradient(a, b, form),
    };
    record::<B, C, 2>([node_a, node_b], out, move |g, _| {
        let (a, b) = kept;
        let (ga, gb) = (g.clone(), g);
        match face {
            Face::Product => [
                b.map(|w| B::product_input_gradient(ga, w, form)),
                a.map(|x| B::product_weight_gradient(x, gb, form)),
            ],
            Face::Input => [
                b.map(|w| B::product(ga, w, form)),
                a.map(|y| B::product_weight_gradient(gb, y, form)),
            ],
            Face::Weight => [
                b.map(|y| B::product_input_gradient(y, ga, form)),
                a.map(|x| B::product(x, gb, form)),
            ],
        }
    })
}

/// act(face + bias) for the product (or, `transposed`, its input gradient).
fn face_act<B: Ops, C: CheckpointStrategy>(
    a: F<Autodiff<B, C>>,
    w: F<Autodiff<B, C>>,
    bias: F<Autodiff<B, C>>,
    form: Form,
    act: Activation,
    transposed: bool,
) -> F<Autodiff<B, C>> {
    let (track_a, track_w) = (a.is_tracked(), w.is_tracked());
    let tracked = track_a || track_w || bias.is_tracked();
    let form = form.learned(tracked);
    let ((a, node_a), (w, node_w), (bias, node_bias)) = (a.into_parts(), w.into_parts(), bias.into_parts());
    let kept = (track_w.then(|| a.clone()), track_a.then(|| w.clone()));
    let y = if transposed {
        B::product_input_gradient_act(a, w, bias, form, act)
    } else {
        B::product_act(a, w, bias, form, act)
    };
    let saved = (tracked && act != Activation::Identity).then(|| y.clone());
    record::<B, C, 3>([node_a, node_w, node_bias], y, move |g, wanted| {
        let (a, w) = kept;
        let (g, by_bias) = match saved {
            Some(y) if wanted[2] => {
                let (g, by_bias) = B::bias_act_gradient(g, y, act);
                (g, Some(by_bias))
            }
            Some(y) => (B::activation_gradient(g, y, act), None),
            None => (g.clone(), wanted[2].then(|| B::bias_gradient(g))),
        };
        if transposed {
            let by_w = a.map(|y| B::product_weight_gradient(g.clone(), y, form));
            [w.map(|w| B::product(g, w, form)), by_w, by_bias]
        } else {
            let by_w = a.map(|x| B::product_weight_gradient(x, g.clone(), form));
            [w.map(|w| B::product_input_gradient(g, w, form)), by_w, by_bias]
        }
    })
}

/// A tensor that carries no gradient.
fn constant<B: Backend, C: CheckpointStrategy>(t: F<B>) -> F<Autodiff<B, C>> {
    F::<Autodiff<B, C>>::new(t)
}

/// An operation of one tensor whose backward pass needs only its gradient.
fn linear_map<B: Backend, C: CheckpointStrategy>(
    x: F<Autodiff<B, C>>,
    forward: impl FnOnce(F<B>) -> F<B>,
    backward: impl FnOnce(F<B>) -> F<B> + Send + 'static,
) -> F<Autodiff<B, C>> {
    let (x, node) = x.into_parts();
    record::<B, C, 1>([node], forward(x), move |g, _| [Some(backward(g))])
}

/// An operation of one tensor whose backward pass needs its input.
fn keeps_input<B: Backend, C: CheckpointStrategy>(
    x: F<Autodiff<B, C>>,
    forward: impl FnOnce(F<B>) -> F<B>,
    backward: impl FnOnce(F<B>, F<B>) -> F<B> + Send + 'static,
) -> F<Autodiff<B, C>> {
    let tracked = x.is_tracked();
    let (x, node) = x.into_parts();
    let saved = tracked.then(|| x.clone());
    record::<B, C, 1>([node], forward(x), move |g, _| [saved.map(|x| backward(g, x))])
}

impl<B: Ops, C: CheckpointStrategy> Ops for Autodiff<B, C> {
    fn product(x: F<Self>, w: F<Self>, form: Form) -> F<Self> {
        face::<B, C>(x, w, form, Face::Product)
    }
    fn product_input_gradient(y: F<Self>, w: F<Self>, form: Form) -> F<Self> {
        face::<B, C>(y, w, form, Face::Input)
    }
    fn product_weight_gradient(x: F<Self>, y: F<Self>, form: Form) -> F<Self> {
        face::<B, C>(x, y, form, Face::Weight)
    }
    fn product_act(x: F<Self>, w: F<Self>, bias: F<Self>, form: Form, act: Activation) -> F<Self> {
        face_act::<B, C>(x, w, bias, form, act, false)
    }
    fn product_input_gradient_act(
        y: F<Self>,
        w: F<Self>,
        bias: F<Self>,
        form: Form,
        act: Activation,
    ) -> F<Self> {
        face_act::<B, C>(y, w, bias, form, act, true)
    }

    fn batch_norm_act(
        x: F<Self>,
        gamma: F<Self>,
        beta: F<Self>,
        eps: f32,
        act: Activation,
    ) -> (F<Self>, F<Self>, F<Self>) {
        let tracked = x.is_tracked() || gamma.is_tracked() || beta.is_tracked();
        let ((x, nx), (gamma, ng), (beta, nb)) = (x.into_parts(), gamma.into_parts(), beta.into_parts());
        let saved = tracked.then(|| (x.clone(), gamma.clone(), beta.clone()));
        let (y, mean, var) = B::batch_norm_act(x, gamma, beta, eps, act);
        let (m, v) = (mean.clone(), var.clone());
        let y = record::<B, C, 3>([nx, ng, nb], y, move |g, _| match saved {
            Some((x, gamma, beta)) => {
                let (dx, by_gamma, by_beta) =
                    B::batch_norm_act_gradient(g, x, gamma, beta, mean, var, eps, act);
                [Some(dx), Some(by_gamma), Some(by_beta)]
            }
            None => [None, None, None],
        });
        (y, constant::<B, C>(m), constant::<B, C>(v))
    }

    fn scale_shift(x: F<Self>, scale: F<Self>, shift: F<Self>, act: Activation) -> F<Self> {
        let tracked = x.is_tracked() || scale.is_tracked() || shift.is_tracked();
        let ((x, nx), (scale, ns), (shift, nt)) = (x.into_parts(), scale.into_parts(), shift.into_parts());
        let saved = tracked.then(|| (x.clone(), scale.clone(), shift.clone()));
        let y = B::scale_shift(x, scale, shift, act);
        record::<B, C, 3>([nx, ns, nt], y, move |g, _| match saved {
            Some((x, scale, shift)) => {
                let (dx, by_scale, by_shift) = B::scale_shift_gradient(g, x, scale, shift, act);
                [Some(dx), Some(by_scale), Some(by_shift)]
            }
            None => [None, None, None],
        })
    }

    fn group_norm(
        x: F<Self>,
        gamma: F<Self>,
        beta: F<Self>,
        groups: usize,
        eps: f32,
        act: Activation,
    ) -> (F<Self>, F<Self>, F<Self>) {
        let tracked = x.is_tracked() || gamma.is_tracked() || beta.is_tracked();
        let ((x, nx), (gamma, ng), (beta, nb)) = (x.into_parts(), gamma.into_parts(), beta.into_parts());
        let saved = tracked.then(|| (x.clone(), gamma.clone(), beta.clone()));
        let (y, mean, var) = B::group_norm(x, gamma, beta, groups, eps, act);
        let (m, v) = (mean.clone(), var.clone());
        let y = record::<B, C, 3>([nx, ng, nb], y, move |g, _| match saved {
            Some((x, gamma, beta)) => {
                let (dx, by_gamma, by_beta) =
                    B::group_norm_gradient(g, x, gamma, beta, mean, var, groups, eps, act);
                [Some(dx), Some(by_gamma), Some(by_beta)]
            }
            None => [None, None, None],
        });
        (y, constant::<B, C>(m), constant::<B, C>(v))
    }

    fn activation(x: F<Self>, act: Activation) -> F<Self> {
        if act == Activation::Identity {
            return x;
        }
        let tracked = x.is_tracked();
        let (x, node) = x.into_parts();
        let input = (tracked && !act.slope_from_output()).then(|| x.clone());
        let y = B::activation(x, act);
        let saved = input.or_else(|| tracked.then(|| y.clone()));
        record::<B, C, 1>([node], y, move |g, _| {
            [saved.map(|s| B::activation_gradient(g, s, act))]
        })
    }

    /// Linear in g, whose derivative is the same again; what is saved counts as constant.
    fn activation_gradient(g: F<Self>, saved: F<Self>, act: Activation) -> F<Self> {
        let (g, node) = g.into_parts();
        let saved = saved.into_primitive();
        let kept = saved.clone();
        record::<B, C, 1>([node], B::activation_gradient(g, saved, act), move |h, _| {
            [Some(B::activation_gradient(h, kept, act))]
        })
    }

    fn gate(x: F<Self>, half: usize) -> F<Self> {
        keeps_input::<B, C>(x, |x| B::gate(x, half), move |g, x| B::gate_gradient(g, x, half))
    }

    fn bce_with_logits(x: F<Self>, t: F<Self>) -> F<Self> {
        let tracked = x.is_tracked() || t.is_tracked();
        let ((x, nx), (t, nt)) = (x.into_parts(), t.into_parts());
        let saved = tracked.then(|| (x.clone(), t.clone()));
        record::<B, C, 2>([nx, nt], B::bce_with_logits(x, t), move |g, wanted| match saved {
            Some((x, t)) => {
                let by_t =
                    wanted[1].then(|| default::bce_with_logits_target_gradient::<B>(g.clone(), x.clone()));
                [wanted[0].then(|| B::bce_with_logits_gradient(g, x, t)), by_t]
            }
            None => [None, None],
        })
    }
    fn softplus_mean(x: F<Self>, sign: f32) -> F<Self> {
        keeps_input::<B, C>(
            x,
            |x| B::softplus_mean(x, sign),
            move |g, x| B::softplus_mean_gradient(g, x, sign),
        )
    }
    fn row_loss(x: F<Self>, t: F<Self>, loss: RowLoss) -> F<Self> {
        let t = t.into_primitive();
        keeps_input::<B, C>(x, |x| B::row_loss(x, t.clone(), loss), {
            let t = t.clone();
            move |g, x| B::row_loss_gradient(g, x, t, loss)
        })
    }
    fn resample(x: F<Self>, r: Resample) -> F<Self> {
        linear_map::<B, C>(x, |x| B::resample(x, r), move |g| B::resample_gradient(g, r))
    }
    fn resample_gradient(g: F<Self>, r: Resample) -> F<Self> {
        linear_map::<B, C>(g, |g| B::resample_gradient(g, r), move |h| B::resample(h, r))
    }
    fn pixel_shuffle(x: F<Self>, r: usize) -> F<Self> {
        linear_map::<B, C>(x, |x| B::pixel_shuffle(x, r), move |g| B::pixel_unshuffle(g, r))
    }
    fn pixel_unshuffle(x: F<Self>, r: usize) -> F<Self> {
        linear_map::<B, C>(x, |x| B::pixel_unshuffle(x, r), move |g| B::pixel_shuffle(g, r))
    }
    fn max_pool(x: F<Self>, w: Window) -> F<Self> {
        keeps_input::<B, C>(
            x,
            |x| B::max_pool(x, w),
            move |g, x| B::max_pool_gradient(g, x, w),
        )
    }

    fn conv_lstm(u: F<Self>, w: F<Self>, before: usize, scan: Scan) -> (F<Self>, F<Self>) {
        let tracked = u.is_tracked() || w.is_tracked();
        let ((u, nu), (w, nw)) = (u.into_parts(), w.into_parts());
        let (h, state) = B::conv_lstm(u, w.clone(), before, scan);
        let saved = tracked.then(|| (w, h.clone(), state.clone()));
        let h = record::<B, C, 2>([nu, nw], h, move |g, _| match saved {
            Some((w, h, state)) => {
                let (by_u, by_w) = B::conv_lstm_gradient(g, w, h, state, before, scan);
                [Some(by_u), Some(by_w)]
            }
            None => [None, None],
        });
        (h, constant::<B, C>(state))
    }

    // Updates are not differentiable: their results start new tapes.
    fn adam(p: F<Self>, g: F<Self>, m: F<Self>, v: F<Self>, s: AdamStep) -> (F<Self>, F<Self>, F<Self>) {
        let (p, m, v) = B::adam(
            p.into_primitive(),
            g.into_primitive(),
            m.into_primitive(),
            v.into_primitive(),
            s,
        );
        (constant::<B, C>(p), constant::<B, C>(m), constant::<B, C>(v))
    }
    fn rms_prop(p: F<Self>, g: F<Self>, v: F<Self>, s: RmsStep) -> (F<Self>, F<Self>) {
        let (p, v) = B::rms_prop(p.into_primitive(), g.into_primitive(), v.into_primitive(), s);
        (constant::<B, C>(p), constant::<B, C>(v))
    }
    fn sgd(p: F<Self>, g: F<Self>, m: F<Self>, s: SgdStep) -> (F<Self>, F<Self>) {
        let (p, m) = B::sgd(p.into_primitive(), g.into_primitive(), m.into_primitive(), s);
        (constant::<B, C>(p), constant::<B, C>(m))
    }
    fn by_host(x: F<Self>, f: HostFunction) -> F<Self> {
        let (x, node) = x.into_parts();
        record::<B, C, 1>([node], B::by_host(x, f), move |g, _| [Some(B::by_host(g, f))])
    }

    fn average(average: F<Self>, p: F<Self>, weight: f32) -> F<Self> {
        constant::<B, C>(B::average(average.into_primitive(), p.into_primitive(), weight))
    }
}

//! Activations: forward, and backward from the output or the input.
use super::math::{exp, normal_cdf, normal_density, sigmoid, softplus, tanh};
use super::{Parts, blocks, simd::simd};
use crate::ops::Activation;

/// An activation as a type, so that loops over it are compiled for it.
pub(crate) trait Pointwise: Copy + Sync {
    /// f(x)
    fn apply<const FMA: bool>(self, x: f32) -> f32;
    /// f'(x)
    fn slope<const FMA: bool>(self, x: f32) -> f32;
    /// f'(x) given f(x), for those whose `slope_from_output` is true.
    fn slope_at<const FMA: bool>(self, y: f32) -> f32;
}

macro_rules! pointwise {
    ($($name:ident $(($field:ty))?: |$s:pat_param, $x:ident| $apply:expr, $slope:expr, |$y:ident| $at:expr;)*) => {$(
        #[derive(Clone, Copy)]
        pub(crate) struct $name $((pub $field))?;
        impl Pointwise for $name {
            #[inline(always)]
            fn apply<const FMA: bool>(self, $x: f32) -> f32 { let $s = self; $apply }
            #[inline(always)]
            fn slope<const FMA: bool>(self, $x: f32) -> f32 { let $s = self; $slope }
            #[inline(always)]
            fn slope_at<const FMA: bool>(self, $y: f32) -> f32 { let $s = self; $at }
        }
    )*};
}

pointwise! {
    Identity: |_, x| x, { let _ = x; 1.0 }, |y| { let _ = y; 1.0 };
    Leaky(f32): |Leaky(s), x| if x > 0.0 { x } else { s * x }, if x > 0.0 { 1.0 } else { s }, |y| if y > 0.0 { 1.0 } else { s };
    // Not Leaky(0), which makes NaN of negative infinity; NaN stays what it is.
    Relu: |_, x| if x <= 0.0 { 0.0 } else { x }, if x > 0.0 { 1.0 } else { 0.0 }, |y| if y > 0.0 { 1.0 } else { 0.0 };
    Tanh: |_, x| tanh::<FMA>(x), { let y = tanh::<FMA>(x); 1.0 - y * y }, |y| 1.0 - y * y;
    Sigmoid: |_, x| sigmoid::<FMA>(x), { let y = sigmoid::<FMA>(x); y * (1.0 - y) }, |y| y * (1.0 - y);
    Softplus: |_, x| softplus::<FMA>(x), sigmoid::<FMA>(x), |y| 1.0 - exp::<FMA>(-y);
    Silu: |_, x| x * sigmoid::<FMA>(x), { let s = sigmoid::<FMA>(x); s * (1.0 + x * (1.0 - s)) }, |y| { let _ = y; f32::NAN };
    Gelu: |_, x| x * normal_cdf::<FMA>(x), normal_cdf::<FMA>(x) + x * normal_density::<FMA>(x), |y| { let _ = y; f32::NAN };
}

/// Runs `$body` with `$a` bound to the activation's type.
macro_rules! with_pointwise {
    ($act:expr, $a:ident => $body:expr) => {
        match $act {
            $crate::ops::Activation::Identity => {
                let $a = $crate::rows::pointwise::Identity;
                $body
            }
            $crate::ops::Activation::Relu => {
                let $a = $crate::rows::pointwise::Relu;
                $body
            }
            $crate::ops::Activation::LeakyRelu(slope) => {
                let $a = $crate::rows::pointwise::Leaky(slope);
                $body
            }
            $crate::ops::Activation::Tanh => {
                let $a = $crate::rows::pointwise::Tanh;
                $body
            }
            $crate::ops::Activation::Sigmoid => {
                let $a = $crate::rows::pointwise::Sigmoid;
                $body
            }
            $crate::ops::Activation::Silu => {
                let $a = $crate::rows::pointwise::Silu;
                $body
            }
            $crate::ops::Activation::Gelu => {
                let $a = $crate::rows::pointwise::Gelu;
                $body
            }
            $crate::ops::Activation::Softplus => {
                let $a = $crate::rows::pointwise::Softplus;
                $body
            }
        }
    };
}
pub(crate) use with_pointwise;

/// x = f(x)
pub(crate) fn forward(x: &mut [f32], act: Activation) {
    let (n, x) = (x.len(), Parts::new(x));
    with_pointwise!(act, a => blocks(n, 1, &|_, r| {
        // SAFETY: blocks do not overlap, and lie in `x`.
        forward_part(a, unsafe { x.get(r) });
    }));
}

/// g = g f'; `saved` is the output if `slope_from_output`, else the input.
pub(crate) fn backward(g: &mut [f32], saved: &[f32], act: Activation) {
    assert_eq!(g.len(), saved.len());
    let (n, g) = (g.len(), Parts::new(g));
    let from_output = act.slope_from_output();
    with_pointwise!(act, a => blocks(n, 1, &|_, r| {
        // SAFETY: blocks do not overlap, and lie in `g`.
        let g = unsafe { g.get(r.clone()) };
        if from_output { backward_from_output(a, g, &saved[r]) } else { backward_from_input(a, g, &saved[r]) }
    }));
}

simd! {
fn forward_part[A: Pointwise](a: A, x: &mut [f32]) {
    for v in x {
        *v = a.apply::<FMA>(*v);
    }
}}

simd! {
/// g = g f' given the output
pub(super) fn backward_from_output[A: Pointwise](a: A, g: &mut [f32], y: &[f32]) {
    for (g, y) in g.iter_mut().zip(y) {
        *g *= a.slope_at::<FMA>(*y);
    }
}}

simd! {
fn backward_from_input[A: Pointwise](a: A, g: &mut [f32], x: &[f32]) {
    for (g, x) in g.iter_mut().zip(x) {
        *g *= a.slope::<FMA>(*x);
    }
}}

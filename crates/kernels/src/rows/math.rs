//! Elementary functions without branches, so that loops over them vectorize. Each states its largest
//! error, which the tests measure against f64. NaN gives NaN.

/// x a + b, fused where that is a machine instruction.
#[inline(always)]
pub(crate) fn madd<const FMA: bool>(x: f32, a: f32, b: f32) -> f32 {
    if FMA { x.mul_add(a, b) } else { x * a + b }
}

/// The polynomial with these coefficients, the constant last.
#[inline(always)]
fn horner<const FMA: bool, const N: usize>(x: f32, c: [f32; N]) -> f32 {
    let mut sum = c[0];
    for &c in &c[1..] {
        sum = madd::<FMA>(sum, x, c);
    }
    sum
}

/// 2^n for an integer n in [-126, 127].
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits(((n + 127) << 23) as u32)
}

/// e^x, relative error below 1.5e-7 for results in the normal range; infinity above 88.73, 0 below -104.
#[inline(always)]
pub(crate) fn exp<const FMA: bool>(x: f32) -> f32 {
    // Written so that NaN falls through.
    let x = if x > 89.0 { 89.0 } else { x };
    let x = if x < -104.0 { -104.0 } else { x };
    // Adding 1.5 2^23 rounds to an integer, and leaves it in the low bits.
    let rounded = madd::<FMA>(x, std::f32::consts::LOG2_E, 12_582_912.0);
    let n = rounded.to_bits().wrapping_sub(0x4b40_0000) as i32;
    let whole = rounded - 12_582_912.0;
    let r = madd::<FMA>(whole, 2.121_944_4e-4, madd::<FMA>(whole, -0.693_359_4, x));
    let series = horner::<FMA, 6>(
        r,
        [1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5],
    );
    let p = 1.0 + madd::<FMA>(r * r, series, r);
    // In two steps, as 2^n alone may leave the range of normal numbers.
    let half = n >> 1;
    p * power_of_two(half) * power_of_two(n - half)
}

/// ln(1 + u) for u in [0, 1], relative error below 2.5e-7.
#[inline(always)]
pub(crate) fn log1p_unit<const FMA: bool>(u: f32) -> f32 {
    // 2 artanh(u / (2 + u)) by its series; the argument is at most 1/3.
    let s = u / (2.0 + u);
    let q = s * s;
    let series = horner::<FMA, 7>(
        q,
        [
            2.0 / 15.0,
            2.0 / 13.0,
            2.0 / 11.0,
            2.0 / 9.0,
            2.0 / 7.0,
            2.0 / 5.0,
            2.0 / 3.0,
        ],
    );
    madd::<FMA>(s * q, series, 2.0 * s)
}

/// Hyperbolic tangent, relative error below 4e-7, never beyond 1: a rational function fitted to tanh(x) / x.
#[inline(always)]
pub(crate) fn tanh<const FMA: bool>(x: f32) -> f32 {
    let x = x.clamp(-9.02, 9.02);
    let s = x * x;
    let p = [
        -8.436_315e-14,
        5.257_894_5e-11,
        -2.018_423_1e-8,
        1.114_432_6e-5,
        3.103_008_5e-3,
        1.308_316_3e-1,
        1.0,
    ];
    let q = [2.544_761_2e-4, 2.449_140_9e-2, 4.641_649e-1, 1.0];
    (x * horner::<FMA, 7>(s, p) / horner::<FMA, 4>(s, q)).clamp(-1.0, 1.0)
}

/// 1 / (1 + e^-x), relative error below 3e-7 (above -88; 0 below).
#[inline(always)]
pub(crate) fn sigmoid<const FMA: bool>(x: f32) -> f32 {
    1.0 / (1.0 + exp::<FMA>(-x))
}

/// ln(1 + e^x), relative error below 4e-7 (above -87).
#[inline(always)]
pub(crate) fn softplus<const FMA: bool>(x: f32) -> f32 {
    // `max` would drop a NaN, but the other term keeps it.
    x.max(0.0) + log1p_unit::<FMA>(exp::<FMA>(-x.abs()))
}

/// Error function, relative error below 6e-7, never beyond 1: a rational function fitted to erf(x) / x.
#[inline(always)]
fn erf<const FMA: bool>(x: f32) -> f32 {
    let x = x.clamp(-3.95, 3.95);
    let s = x * x;
    let p = [
        2.025_927_9e-6,
        2.846_852_3e-4,
        3.808_051_3e-3,
        5.287_511e-2,
        1.915_477_4e-1,
        std::f32::consts::FRAC_2_SQRT_PI,
    ];
    let q = [
        3.783_187_3e-5,
        1.170_698_9e-3,
        1.505_487e-2,
        1.145_585_6e-1,
        5.030_874_6e-1,
        1.0,
    ];
    (x * horner::<FMA, 6>(s, p) / horner::<FMA, 6>(s, q)).clamp(-1.0, 1.0)
}

/// The standard normal distribution function, absolute error below 3e-7.
#[inline(always)]
pub(crate) fn normal_cdf<const FMA: bool>(x: f32) -> f32 {
    madd::<FMA>(erf::<FMA>(x * std::f32::consts::FRAC_1_SQRT_2), 0.5, 0.5)
}

/// The standard normal density, absolute error below 2e-7.
#[inline(always)]
pub(crate) fn normal_density<const FMA: bool>(x: f32) -> f32 {
    // 1 / sqrt(2 pi)
    0.398_942_3 * exp::<FMA>(-0.5 * x * x)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1 + erf by its series near zero and its continued fraction further out, in f64.
    fn cdf(x: f64) -> f64 {
        if x.abs() < 4.0 {
            let (mut term, mut sum) = (x, x);
            for k in 1..120 {
                term *= x * x / (2 * k + 1) as f64;
                sum += term;
            }
            return 0.5 + sum * (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt();
        }
        let fraction = (1..60).rev().fold(x.abs(), |f, k| x.abs() + k as f64 / f);
        let tail = (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt() / fraction;
        if x > 0.0 { 1.0 - tail } else { tail }
    }

    /// Largest error, relative where `relative`, over [from, to].
    fn worst(from: f64, to: f64, relative: bool, f: impl Fn(f32) -> f32, want: impl Fn(f64) -> f64) -> f64 {
        let n = 300_000;
        (0..=n)
            .map(|i| (from + (to - from) * i as f64 / n as f64) as f32)
            .map(|x| {
                let w = want(x as f64);
                (f(x) as f64 - w).abs() / if relative && w != 0.0 { w.abs() } else { 1.0 }
            })
            .fold(0.0, f64::max)
    }

    fn check<const FMA: bool>() {
        let small = |r: f64, limit: f64, what: &str| assert!(r < limit, "{what} (FMA {FMA}): {r:.3e}");
        small(worst(-87.0, 88.7, true, exp::<FMA>, f64::exp), 1.5e-7, "exp");
        small(worst(-1.0, 1.0, true, exp::<FMA>, f64::exp), 1.5e-7, "exp near 0");
        small(
            worst(0.0, 1.0, true, log1p_unit::<FMA>, f64::ln_1p),
            2.5e-7,
            "log1p",
        );
        small(
            worst(0.0, 1e-3, true, log1p_unit::<FMA>, f64::ln_1p),
            2.5e-7,
            "log1p near 0",
        );
        small(worst(-12.0, 12.0, true, tanh::<FMA>, f64::tanh), 4e-7, "tanh");
        small(
            worst(-0.1, 0.1, true, tanh::<FMA>, f64::tanh),
            4e-7,
            "tanh near 0",
        );
        small(
            worst(-87.0, 30.0, true, sigmoid::<FMA>, |x| 1.0 / (1.0 + (-x).exp())),
            3e-7,
            "sigmoid",
        );
        small(
            worst(-86.0, 90.0, true, softplus::<FMA>, |x| {
                x.max(0.0) + (-x.abs()).exp().ln_1p()
            }),
            4e-7,
            "softplus",
        );
        small(
            worst(-9.0, 9.0, false, normal_cdf::<FMA>, cdf),
            3e-7,
            "normal_cdf",
        );
        small(
            worst(-9.0, 9.0, false, normal_density::<FMA>, |x| {
                (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt()
            }),
            2e-7,
            "density",
        );
        small(
            worst(-5.0, 5.0, true, erf::<FMA>, |x| {
                2.0 * cdf(x * std::f64::consts::SQRT_2) - 1.0
            }),
            6e-7,
            "erf",
        );
    }

    #[test]
    fn errors_are_as_stated() {
        check::<false>();
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("fma") {
            #[target_feature(enable = "avx2,fma")]
            fn fused() {
                check::<true>()
            }
            // SAFETY: the machine has the features; FMA comes with AVX2 on every machine that has it.
            unsafe { fused() }
        }
    }

    #[test]
    fn ends_and_not_a_number() {
        assert_eq!(
            (exp::<false>(1e9), exp::<false>(-1e9), exp::<false>(0.0)),
            (f32::INFINITY, 0.0, 1.0)
        );
        assert_eq!(
            (
                tanh::<false>(1e9),
                tanh::<false>(f32::NEG_INFINITY),
                tanh::<false>(0.0)
            ),
            (1.0, -1.0, 0.0)
        );
        assert_eq!(
            (
                sigmoid::<false>(1e9),
                sigmoid::<false>(-1e9),
                sigmoid::<false>(0.0)
            ),
            (1.0, 0.0, 0.5)
        );
        assert_eq!((softplus::<false>(1e9), softplus::<false>(-1e9)), (1e9, 0.0));
        assert_eq!((normal_cdf::<false>(1e9), normal_cdf::<false>(-1e9)), (1.0, 0.0));
        for f in [
            exp::<false>,
            tanh::<false>,
            sigmoid::<false>,
            softplus::<false>,
            normal_cdf::<false>,
        ] {
            assert!(f(f32::NAN).is_nan());
        }
    }
}

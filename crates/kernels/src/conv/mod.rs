//! Channels-last f32 convolution for training: activations `[batch, h, w, channels]`, weights
//! `[kh, kw, in, out]`.
//!
//! The three passes are the three faces of one trilinear form. A transposed convolution is the same
//! passes with the roles swapped: its forward pass is [`input_gradient`], its input gradient is
//! [`forward`], and its weight gradient is [`weight_gradient`] with the output's gradient as x and
//! the input as gy.
//!
//! Each pass has a direct path (implicit GEMM: any kernel, stride, padding, dilation and channel
//! count) and, where it has fewer operations and pays, a Winograd path (square kernels with stride 1,
//! or with stride 2 through the four phases of the kernel; Lavin and Gray, "Fast Algorithms for
//! Convolutional Neural Networks", 2015, arXiv:1509.09308). Groups run one after another on copied
//! channels, depthwise convolutions on loops of their own. The environment variable
//! `MENAGERIE_CONV=direct` switches the Winograd path off.
//!
//! Results do not depend on the number of threads: work is cut only between sums, never inside one.
use std::sync::OnceLock;

pub mod direct;
mod groups;
mod micro;
mod plan;
mod shape;
pub(crate) mod unpacked;
pub mod winograd;

pub use shape::{InvalidShape, Shape};

/// What happens to a pass's sums before they are stored: y = leaky(v * scale + shift), for each
/// channel of the result; leaky(v) = v for v >= 0, else slope * v.
#[derive(Clone, Copy, Debug)]
pub struct Epilogue<'a> {
    /// A factor for each channel; none is 1.
    pub scale: Option<&'a [f32]>,
    /// A summand for each channel, such as the bias; none is 0.
    pub shift: Option<&'a [f32]>,
    /// 1 is no activation, 0 is ReLU, 0.2 is the usual leaky ReLU.
    pub slope: f32,
}

impl Default for Epilogue<'_> {
    fn default() -> Self {
        Epilogue {
            scale: None,
            shift: None,
            slope: 1.0,
        }
    }
}

impl<'a> Epilogue<'a> {
    /// Stores sums as they are.
    pub fn is_identity(&self) -> bool {
        self.scale.is_none() && self.shift.is_none() && self.slope == 1.0
    }

    /// The epilogue of `n` channels from `first` on.
    fn columns(&self, first: usize, n: usize) -> Epilogue<'a> {
        Epilogue {
            scale: self.scale.map(|v| &v[first..first + n]),
            shift: self.shift.map(|v| &v[first..first + n]),
            ..*self
        }
    }

    /// The result for a sum of channel `c`.
    #[inline(always)]
    fn apply(&self, v: f32, c: usize) -> f32 {
        if self.is_identity() {
            return v;
        }
        let v = micro::multiply_add(
            v,
            self.scale.map_or(1.0, |s| s[c]),
            self.shift.map_or(0.0, |s| s[c]),
        );
        if v < 0.0 { v * self.slope } else { v }
    }

    fn check(&self, channels: usize) {
        for v in [self.scale, self.shift].into_iter().flatten() {
            assert_eq!(
                v.len(),
                channels,
                "an epilogue has one value for each channel of the result"
            );
        }
    }
}

/// How a pass is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// Implicit GEMM.
    Direct,
    /// Winograd's with so many outputs a tile and axis, 2 to 4, or as many as its kernel allows.
    Winograd(usize),
}

/// The three passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pass {
    /// y from x and w.
    Forward,
    /// gx from gy and w.
    Input,
    /// gw from x and gy.
    Weight,
}

fn winograd_allowed() -> bool {
    static ALLOWED: OnceLock<bool> = OnceLock::new();
    *ALLOWED.get_or_init(|| std::env::var("MENAGERIE_CONV").as_deref() != Ok("direct"))
}

/// The path that [`forward`], [`input_gradient`] and [`weight_gradient`] take: of the first two the same for any batch.
pub fn path(s: &Shape, pass: Pass) -> Path {
    chosen(s, pass, false)
}

/// The same, or `by_batch` the fastest for this batch.
pub(crate) fn chosen(s: &Shape, pass: Pass, by_batch: bool) -> Path {
    if winograd_allowed() {
        plan::cheapest(s, pass, by_batch)
    } else {
        Path::Direct
    }
}

fn check(s: &Shape, x: usize, w: usize, y: usize) {
    if let Err(e) = s.check() {
        panic!("{e}");
    }
    assert!(
        x == s.x_len() && w == s.w_len() && y == s.y_len(),
        "x, w and y of {x}, {w} and {y} elements do not fit {s:?}, which asks for {}, {} and {}",
        s.x_len(),
        s.w_len(),
        s.y_len()
    );
}

/// y = epilogue(x convolved with w).
///
/// # Panics
/// When the shape is invalid or a slice's length is not what it says.
pub fn forward(s: &Shape, x: &[f32], w: &[f32], y: &mut [f32], e: Epilogue) {
    forward_by(path(s, Pass::Forward), s, x, w, y, e);
}

/// [`forward`] by a given path.
///
/// # Panics
/// As [`forward`], and when the path does not apply to the shape.
pub fn forward_by(path: Path, s: &Shape, x: &[f32], w: &[f32], y: &mut [f32], e: Epilogue) {
    check(s, x.len(), w.len(), y.len());
    e.check(s.out_channels);
    match path {
        _ if y.is_empty() => {}
        Path::Direct if s.groups > 1 => groups::forward(s, x, w, y, e),
        Path::Direct => direct::forward(s, x, w, y, e),
        Path::Winograd(tile) => winograd::forward(s, tile, x, w, y, e),
    }
}

/// gx = epilogue(the gradient of x, given gy, that of y): also the transposed convolution of gy.
///
/// # Panics
/// When the shape is invalid or a slice's length is not what it says.
pub fn input_gradient(s: &Shape, gy: &[f32], w: &[f32], gx: &mut [f32], e: Epilogue) {
    input_gradient_by(path(s, Pass::Input), s, gy, w, gx, e);
}

/// [`input_gradient`] by a given path.
///
/// # Panics
/// As [`input_gradient`], and when the path does not apply to the shape.
pub fn input_gradient_by(path: Path, s: &Shape, gy: &[f32], w: &[f32], gx: &mut [f32], e: Epilogue) {
    check(s, gx.len(), w.len(), gy.len());
    e.check(s.in_channels);
    match path {
        _ if gx.is_empty() => {}
        Path::Direct if s.groups > 1 => groups::input_gradient(s, gy, w, gx, e),
        Path::Direct => direct::input_gradient(s, gy, w, gx, e),
        Path::Winograd(tile) => winograd::input_gradient(s, tile, gy, w, gx, e),
    }
}

/// gw = the gradient of the weights, given x and gy, the gradient of y.
///
/// # Panics
/// When the shape is invalid or a slice's length is not what it says.
pub fn weight_gradient(s: &Shape, x: &[f32], gy: &[f32], gw: &mut [f32]) {
    weight_gradient_by(path(s, Pass::Weight), s, x, gy, gw);
}

/// [`weight_gradient`] by a given path.
///
/// # Panics
/// As [`weight_gradient`], and when the path does not apply to the shape.
pub fn weight_gradient_by(path: Path, s: &Shape, x: &[f32], gy: &[f32], gw: &mut [f32]) {
    check(s, x.len(), gw.len(), gy.len());
    match path {
        _ if x.is_empty() || gy.is_empty() => gw.fill(0.0),
        Path::Direct if s.groups > 1 => groups::weight_gradient(s, x, gy, gw),
        Path::Direct => direct::weight_gradient(s, x, gy, gw),
        Path::Winograd(tile) => winograd::weight_gradient(s, tile, x, gy, gw),
    }
}

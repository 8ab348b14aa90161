//! The sizes of one convolution.

/// All sizes of a two-dimensional convolution: of activations x `[batch, h, w, in_channels]`,
/// weights `[kh, kw, in_channels / groups, out_channels]` and results
/// `[batch, oh, ow, out_channels]`, every pair in the order vertical, horizontal:
///
/// y(b, oy, ox, o) = sum over ky, kx, i of
/// x(b, oy sy - py + ky dy, ox sx - px + kx dx, i) w(ky, kx, i, o), where x is zero outside.
///
/// The output's size is given, not derived: padding at the bottom and the right is whatever the
/// output's size asks for. One-dimensional convolutions have height 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Images.
    pub batch: usize,
    /// Height and width of x.
    pub input: [usize; 2],
    /// Height and width of y.
    pub output: [usize; 2],
    /// Channels of x.
    pub in_channels: usize,
    /// Channels of y.
    pub out_channels: usize,
    /// Height and width of the kernel, in taps.
    pub kernel: [usize; 2],
    /// Pixels of x from one pixel of y to the next.
    pub stride: [usize; 2],
    /// Zeros above and to the left of x.
    pub padding: [usize; 2],
    /// Pixels of x from one tap to the next.
    pub dilation: [usize; 2],
    /// Parts that channels fall into; outputs of a part see inputs of the same part only.
    pub groups: usize,
}

/// Why sizes make no convolution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidShape(pub(crate) String);
impl std::fmt::Display for InvalidShape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
impl std::error::Error for InvalidShape {}

impl Shape {
    /// The shape of a convolution with the same padding on both sides, dilation 1 and one group.
    ///
    /// # Errors
    /// As [`Shape::check`], and when the kernel is larger than the padded input.
    pub fn new(
        batch: usize,
        input: [usize; 2],
        [in_channels, out_channels]: [usize; 2],
        kernel: [usize; 2],
        stride: [usize; 2],
        padding: [usize; 2],
    ) -> Result<Shape, InvalidShape> {
        Shape {
            batch,
            input,
            output: [0; 2],
            in_channels,
            out_channels,
            kernel,
            stride,
            padding,
            dilation: [1; 2],
            groups: 1,
        }
        .sized(padding)
    }

    /// The same with the output's size derived, for `after` zeros below and to the right of x.
    ///
    /// # Errors
    /// As [`Shape::check`], and when the kernel is larger than the padded input.
    pub fn sized(mut self, after: [usize; 2]) -> Result<Shape, InvalidShape> {
        self.output = [1; 2];
        self.check()?;
        for axis in 0..2 {
            let padded = self.input[axis] + self.padding[axis] + after[axis];
            let reach = self.reach(axis);
            if padded < reach {
                return Err(InvalidShape(format!(
                    "a kernel that reaches over {reach} pixels on {padded} pixels, padding included"
                )));
            }
            self.output[axis] = (padded - reach) / self.stride[axis] + 1;
        }
        self.check()?;
        Ok(self)
    }

    /// Pixels that a kernel spans along an axis.
    pub fn reach(&self, axis: usize) -> usize {
        (self.kernel[axis] - 1) * self.dilation[axis] + 1
    }

    /// Checks that the sizes make a convolution whose tensors this machine can address.
    ///
    /// # Errors
    /// When kernel, stride, dilation, groups or a channel count is zero, groups do not divide the
    /// channels, or a size overflows.
    pub fn check(&self) -> Result<(), InvalidShape> {
        let positive = [self.kernel, self.stride, self.dilation]
            .iter()
            .flatten()
            .all(|&v| v > 0);
        if !positive || self.groups == 0 || self.in_channels == 0 || self.out_channels == 0 {
            return Err(InvalidShape(format!(
                "kernel, stride, dilation, groups and channels must be at least 1: {self:?}"
            )));
        }
        if !self.in_channels.is_multiple_of(self.groups) || !self.out_channels.is_multiple_of(self.groups) {
            return Err(InvalidShape(format!(
                "{} groups do not divide {} input and {} output channels",
                self.groups, self.in_channels, self.out_channels
            )));
        }
        // Positions are computed as signed numbers, with room for the padding.
        let limit = isize::MAX as usize / 64;
        let product = |v: &[usize]| {
            v.iter()
                .try_fold(1usize, |a, &b| a.checked_mul(b.max(1)).filter(|&p| p < limit))
        };
        let spans = (0..2).map(|a| {
            let reach = product(&[self.kernel[a], self.dilation[a]])?;
            let last = product(&[self.output[a], self.stride[a]])?;
            let width = [self.input[a], self.padding[a], reach, last]
                .iter()
                .try_fold(0usize, |a, &b| a.checked_add(b))?;
            (width < limit).then_some(width)
        });
        let spans: Option<Vec<usize>> = spans.collect();
        let fits = spans.is_some_and(|s| product(&[self.batch, s[0], s[1], self.in_channels]).is_some())
            && product(&[self.batch, self.output[0], self.output[1], self.out_channels]).is_some()
            && product(&[
                self.kernel[0],
                self.kernel[1],
                self.in_channels,
                self.out_channels,
            ])
            .is_some();
        if fits {
            Ok(())
        } else {
            Err(InvalidShape(format!(
                "sizes too large for this machine: {self:?}"
            )))
        }
    }

    /// Elements of x.
    pub fn x_len(&self) -> usize {
        self.batch * self.input[0] * self.input[1] * self.in_channels
    }

    /// Elements of y.
    pub fn y_len(&self) -> usize {
        self.batch * self.output[0] * self.output[1] * self.out_channels
    }

    /// Elements of the weights.
    pub fn w_len(&self) -> usize {
        self.kernel[0] * self.kernel[1] * (self.in_channels / self.groups) * self.out_channels
    }

    /// Nominal operations of one pass, two a multiply-add, padding counted as if it were pixels.
    pub fn flops(&self) -> f64 {
        2.0 * self.y_len() as f64
            * (self.kernel[0] * self.kernel[1] * (self.in_channels / self.groups)) as f64
    }

    /// No output reads outside x.
    pub(crate) fn stays_inside(&self) -> bool {
        (0..2).all(|a| {
            self.padding[a] == 0
                && (self.output[a].max(1) - 1) * self.stride[a] + self.reach(a) <= self.input[a]
        })
    }

    /// An equal convolution that is simpler: a kernel that covers the whole input once, and a
    /// kernel of one pixel with stride 1, are matrix products, over one row of pixels.
    pub(crate) fn simplify(self) -> Shape {
        if self.groups != 1 || !self.stays_inside() {
            return self;
        }
        let whole = self.output == [1, 1] && self.kernel == self.input && self.dilation == [1, 1];
        if whole {
            let in_channels = self.in_channels * self.kernel[0] * self.kernel[1];
            return Shape {
                in_channels,
                batch: 1,
                ..self.row(self.batch)
            };
        }
        if self.kernel == [1, 1] && self.stride == [1, 1] && self.input == self.output {
            return Shape {
                batch: 1,
                ..self.row(self.batch * self.input[0] * self.input[1])
            };
        }
        self
    }

    /// A product over `pixels` pixels in a row.
    fn row(self, pixels: usize) -> Shape {
        Shape {
            input: [1, pixels],
            output: [1, pixels],
            kernel: [1; 2],
            stride: [1; 2],
            dilation: [1; 2],
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_sizes() {
        let s = Shape::new(2, [9, 8], [3, 4], [4, 3], [2, 1], [1, 1]).unwrap();
        assert_eq!(s.output, [4, 8]);
        assert_eq!(
            (s.x_len(), s.y_len(), s.w_len()),
            (2 * 9 * 8 * 3, 2 * 4 * 8 * 4, 4 * 3 * 3 * 4)
        );
        let causal = Shape {
            dilation: [1, 4],
            padding: [0, 8],
            ..Shape::new(1, [1, 20], [2, 2], [1, 3], [1, 1], [0, 0]).unwrap()
        };
        assert_eq!(causal.sized([0, 0]).unwrap().output, [1, 20]);
    }

    #[test]
    fn impossible_sizes_are_errors() {
        assert!(Shape::new(1, [3, 3], [1, 1], [5, 5], [1, 1], [0, 0]).is_err());
        assert!(Shape::new(1, [3, 3], [1, 1], [1, 1], [0, 1], [0, 0]).is_err());
        assert!(Shape::new(usize::MAX / 2, [3, 3], [1, 1], [1, 1], [1, 1], [0, 0]).is_err());
        let s = Shape::new(1, [3, 3], [4, 6], [1, 1], [1, 1], [0, 0]).unwrap();
        assert!(Shape { groups: 3, ..s }.check().is_err());
        assert!(Shape { groups: 2, ..s }.check().is_ok());
    }
}

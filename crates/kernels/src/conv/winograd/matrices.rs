//! The transforms' matrices, from the interpolation points (Toom-Cook).

/// A matrix of at most 6 x 6; unused entries are zero.
pub(super) type Matrix = [[f32; 6]; 6];

/// Interpolation points; one more, at infinity, is implied. Chosen for small rounding errors.
const fn points(n: usize) -> [f64; 5] {
    match n {
        2 => [0.0, 1.0, 0.0, 0.0, 0.0],
        3 => [0.0, 1.0, -1.0, 0.0, 0.0],
        4 => [0.0, -1.0, 2.0, 0.5, 0.0],
        _ => [0.0, 1.5, -1.5, 2.0 / 3.0, -2.0 / 3.0],
    }
}

/// `rows` x `a`: powers of the points (the way back).
const fn output(rows: usize, a: usize) -> Matrix {
    let p = points(a - 1);
    let mut m = [[0.0; 6]; 6];
    let mut j = 0;
    while j < a - 1 {
        let (mut v, mut i) = (1.0, 0);
        while i < rows {
            m[i][j] = v as f32;
            v *= p[j];
            i += 1;
        }
        j += 1;
    }
    m[rows - 1][a - 1] = 1.0;
    m
}

/// `a` x `columns`: powers over the products of differences (the kernel's transform).
const fn kernel(a: usize, columns: usize) -> Matrix {
    let p = points(a - 1);
    let mut m = [[0.0; 6]; 6];
    let mut j = 0;
    while j < a - 1 {
        let (mut d, mut l) = (1.0, 0);
        while l < a - 1 {
            if l != j {
                d *= p[j] - p[l]
            }
            l += 1;
        }
        let (mut v, mut i) = (1.0 / d, 0);
        while i < columns {
            m[j][i] = v as f32;
            v *= p[j];
            i += 1;
        }
        j += 1;
    }
    m[a - 1][columns - 1] = 1.0;
    m
}

/// `a` x `a`: coefficients of the products of (x - point) (the input's transform).
const fn input(a: usize) -> Matrix {
    let p = points(a - 1);
    let mut m = [[0.0; 6]; 6];
    let mut j = 0;
    while j < a {
        let mut polynomial = [0f64; 7];
        polynomial[0] = 1.0;
        let mut l = 0;
        while l < a - 1 {
            if l != j {
                let mut i = 6;
                while i > 0 {
                    polynomial[i] = polynomial[i - 1] - p[l] * polynomial[i];
                    i -= 1;
                }
                polynomial[0] *= -p[l];
            }
            l += 1;
        }
        let mut i = 0;
        while i < a {
            m[j][i] = polynomial[i] as f32;
            i += 1;
        }
        j += 1;
    }
    m
}

/// A constant matrix as a type, so that each transform is compiled with its coefficients.
pub(super) trait Coefficients {
    const T: Matrix;
}

/// F(M, R): M outputs a tile and axis from an R-tap kernel, with A = M + R - 1 products.
macro_rules! coefficients {
    ($($(#[$doc:meta])* $name:ident = $matrix:expr;)*) => {$(
        $(#[$doc])*
        pub(super) struct $name<const M: usize, const R: usize, const A: usize>;
        impl<const M: usize, const R: usize, const A: usize> Coefficients for $name<M, R, A> { const T: Matrix = $matrix; }
    )*};
}
coefficients! {
    /// Transforms A x A inputs.
    Input = input(A);
    /// Transforms an R x R kernel.
    Kernel = kernel(A, R);
    /// Transforms A x A products back to M x M outputs.
    Output = output(M, A);
    /// For the weight gradient the tile of outputs takes the kernel's part: F(R, M), same points.
    OutputAsKernel = kernel(A, M);
    /// And the way back leads to R x R weights.
    Weights = output(R, A);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In one dimension: the way back of the product of the transforms is the correlation.
    fn correlates<const M: usize, const R: usize, const A: usize>() {
        let x: [f64; 6] = [0.3, -1.2, 0.7, 2.0, -0.4, 1.1];
        let w: [f64; 6] = [1.5, -0.3, 0.8, 0.2, 0.9, -0.7];
        let times = |m: &Matrix, v: &[f64; 6]| -> [f64; 6] {
            m.map(|row| row.iter().zip(v).map(|(&a, b)| f64::from(a) * b).sum())
        };
        let mut xs = x;
        xs[A..].fill(0.0);
        let mut ws = w;
        ws[R..].fill(0.0);
        let (u, v) = (
            times(&Kernel::<M, R, A>::T, &ws),
            times(&Input::<M, R, A>::T, &xs),
        );
        let y = times(&Output::<M, R, A>::T, &std::array::from_fn(|i| u[i] * v[i]));
        for i in 0..M {
            let want: f64 = (0..R).map(|r| x[i + r] * w[r]).sum();
            assert!(
                (y[i] - want).abs() < 1e-5,
                "F({M}, {R}) output {i}: {} for {want}",
                y[i]
            );
        }
    }

    #[test]
    fn one_dimension() {
        correlates::<2, 2, 3>();
        correlates::<3, 2, 4>();
        correlates::<4, 2, 5>();
        correlates::<2, 3, 4>();
        correlates::<4, 3, 6>();
        correlates::<2, 4, 5>();
        correlates::<3, 4, 6>();
        correlates::<2, 5, 6>();
    }
}

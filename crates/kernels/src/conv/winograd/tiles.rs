//! Windows on tensors, and their tiles.
use super::super::micro::Extent;
use crate::scratch::Ptr;

/// A strided window on a channels-last tensor: virtual pixel v is real pixel v * step + shift.
#[derive(Clone, Copy)]
pub(super) struct View {
    pub start: Ptr<f32>,
    /// Floats of the tensor.
    pub len: usize,
    pub size: [usize; 2],
    pub channels: usize,
    /// The first channel looked at.
    pub first: usize,
    pub step: [usize; 2],
    pub shift: [isize; 2],
}

impl View {
    /// A virtual pixel of an image, or none outside.
    pub(super) fn at(&self, image: usize, y: usize, x: usize) -> Option<*mut f32> {
        let [h, w] = self.size;
        let iy = (y * self.step[0]) as isize + self.shift[0];
        let ix = (x * self.step[1]) as isize + self.shift[1];
        if (iy as usize) < h && (ix as usize) < w {
            let pixel = self
                .start
                .get()
                .wrapping_add(((image * h + iy as usize) * w + ix as usize) * self.channels);
            debug_assert!(Extent::new(self.start.get(), self.len).holds(pixel, self.channels));
            Some(pixel.wrapping_add(self.first))
        } else {
            None
        }
    }

    /// The N x N pixels of a tile whose tiles are M apart; pixels outside are `zeros`.
    pub(super) fn tile(
        &self,
        [image, ty, tx]: [usize; 3],
        m: usize,
        n: usize,
        zeros: &[f32],
    ) -> [*const f32; 36] {
        debug_assert!(zeros.len() >= self.channels);
        let mut pixels = [zeros.as_ptr(); 36];
        for i in 0..n {
            for j in 0..n {
                if let Some(p) = self.at(image, ty * m + i, tx * m + j) {
                    pixels[i * n + j] = p
                }
            }
        }
        pixels
    }
}

/// The tiles of a grid of outputs, numbered over images, rows and columns.
#[derive(Clone, Copy)]
pub(super) struct Tiles {
    images: usize,
    rows: usize,
    columns: usize,
}

impl Tiles {
    /// Tiles of `m` x `m` outputs.
    pub(super) fn new([images, h, w]: [usize; 3], m: usize) -> Tiles {
        Tiles {
            images,
            rows: h.div_ceil(m),
            columns: w.div_ceil(m),
        }
    }
    pub(super) fn len(&self) -> usize {
        self.images * self.rows * self.columns
    }
    pub(super) fn at(&self, t: usize) -> [usize; 3] {
        [
            t / self.columns / self.rows,
            t / self.columns % self.rows,
            t % self.columns,
        ]
    }
}

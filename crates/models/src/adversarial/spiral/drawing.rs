//! How drawings come about, stroke after stroke.
use super::canvas::Easel;
use super::policy::{Action, PARTS, Policy};
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::interrupt;

/// What there is to draw, of so many drawings beside each other.
pub(super) struct Task<'a> {
    /// images in [-1, 1], of the first drawings, one after the other; the others are free
    pub targets: &'a [f32],
    /// noise of each drawing, one after the other
    pub noise: &'a [f32],
    /// numbers of [0, 1) that choices are drawn by, [`PARTS`] for each stroke of each drawing; the likeliest choices without them
    pub drawn: Option<&'a [f64]>,
    /// how many drawings
    pub count: usize,
}

/// Drawings, from the blank canvas on; rows are drawing after drawing, and stroke after stroke all of them again.
pub(super) struct Drawn {
    /// what was seen before each stroke
    pub seen: Vec<f32>,
    pub actions: Vec<Action>,
    /// ink of 0 to 1 of all canvases before each stroke, and after the last
    pub canvases: Vec<Vec<f32>>,
}

/// Where and how long is drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Session {
    pub easel: Easel,
    pub strokes: usize,
    pub noise: usize,
}

impl Session {
    /// Numbers that are seen before a stroke: canvas, target, whether there is one, row and column of the pen, which stroke it is, noise.
    pub(super) fn seen(&self) -> usize {
        2 * self.easel.pixels() + 1 + 2 * self.easel.grid + self.strokes + self.noise
    }

    /// The target of a drawing, where it has one.
    pub(super) fn target<'a>(&self, targets: &'a [f32], drawing: usize) -> Option<&'a [f32]> {
        targets.chunks_exact(self.easel.pixels()).nth(drawing)
    }

    fn look(
        &self,
        out: &mut Vec<f32>,
        ink: &[f32],
        target: Option<&[f32]>,
        [pen, stroke]: [usize; 2],
        noise: &[f32],
    ) {
        let one = |out: &mut Vec<f32>, at: usize, of: usize| {
            out.extend((0..of).map(|i| f32::from(u8::from(i == at))));
        };
        let grid = self.easel.grid;
        out.extend(ink.iter().map(|v| v * 2.0 - 1.0));
        match target {
            Some(target) => out.extend_from_slice(target),
            None => out.extend(std::iter::repeat_n(0.0, ink.len())),
        }
        out.push(f32::from(u8::from(target.is_some())));
        one(out, pen / grid, grid);
        one(out, pen % grid, grid);
        one(out, stroke, self.strokes);
        out.extend_from_slice(noise);
    }

    /// Every drawing begins on a blank canvas, with the pen in the upper left corner.
    pub(super) fn draw(&self, policy: &Policy, task: &Task, device: &Device) -> Drawn {
        let (n, count) = (self.easel.pixels(), task.count);
        let mut canvas = vec![0.0; count * n];
        let mut pens = vec![0; count];
        let mut all = Drawn {
            seen: Vec::with_capacity(self.strokes * count * self.seen()),
            actions: Vec::with_capacity(self.strokes * count),
            canvases: vec![canvas.clone()],
        };
        for stroke in 0..self.strokes {
            // Where nobody wants it any more, it stays as it is.
            if interrupt::given_up() {
                break;
            }
            let from = all.seen.len();
            for (i, ink) in canvas.chunks_exact(n).enumerate() {
                let target = self.target(task.targets, i);
                let noise = &task.noise[i * self.noise..(i + 1) * self.noise];
                self.look(&mut all.seen, ink, target, [pens[i], stroke], noise);
            }
            let seen = TensorData::new(all.seen[from..].to_vec(), [count, self.seen()]);
            let drawn: Option<Vec<f64>> = task.drawn.map(|u| {
                let rows = u.chunks_exact(self.strokes * PARTS);
                rows.flat_map(|u| &u[stroke * PARTS..(stroke + 1) * PARTS])
                    .copied()
                    .collect()
            });
            let actions = policy.act(Tensor::from_data(seen, device), drawn.as_deref());
            for ((ink, pen), action) in canvas.chunks_exact_mut(n).zip(&mut pens).zip(&actions) {
                self.easel.draw(ink, *pen, action);
                *pen = action.end();
            }
            all.actions.extend(actions);
            all.canvases.push(canvas.clone());
        }
        all
    }

    /// Canvases beside their targets as the critic sees them, `[rows, 2 pixels]`: nothing beside free ones.
    pub(super) fn beside(&self, canvases: &[f32], targets: &[f32], device: &Device) -> Tensor<2> {
        let n = self.easel.pixels();
        let mut rows = Vec::with_capacity(2 * canvases.len());
        for (i, image) in canvases.chunks_exact(n).enumerate() {
            rows.extend_from_slice(image);
            match self.target(targets, i) {
                Some(target) => rows.extend_from_slice(target),
                None => rows.extend(std::iter::repeat_n(0.0, n)),
            }
        }
        let count = canvases.len() / n;
        Tensor::from_data(TensorData::new(rows, [count, 2 * n]), device)
    }
}

/// Ink of 0 to 1 as images in [-1, 1].
pub(super) fn image(ink: &[f32]) -> Vec<f32> {
    ink.iter().map(|v| v * 2.0 - 1.0).collect()
}

/// The squared distance of each canvas to its target, in ink of 0 to 1, over pixels; images in [-1, 1].
pub(super) fn distances(images: &[f32], targets: &[f32], pixels: usize) -> Vec<f32> {
    let of = |(a, b): (&[f32], &[f32])| a.iter().zip(b).map(|(a, b)| (a - b) * (a - b) / 4.0).sum();
    images
        .chunks_exact(pixels)
        .zip(targets.chunks_exact(pixels))
        .map(of)
        .collect()
}

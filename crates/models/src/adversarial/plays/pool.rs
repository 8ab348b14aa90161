//! Earlier translations that a critic is shown among the newest ones, so that it does not forget what the generator has left
//! behind (Shrivastava et al. 2017, arXiv:1612.07828, section 2.3).
use crate::Part;
use burn::tensor::{Tensor, TensorData};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_nn::{Tensors, collective, numbers};

/// As many images as it has room for.
pub(super) struct Pool {
    name: &'static str,
    room: usize,
    shape: [usize; 3],
    images: Vec<Vec<f32>>,
}

/// The array in its file.
const IMAGES: &str = "images";

impl Pool {
    /// An empty one for images of `[height, width, channel]`; of no room where the newest alone are shown.
    pub(super) fn new(name: &'static str, room: usize, shape: [usize; 3]) -> Self {
        Pool {
            name,
            room,
            shape,
            images: vec![],
        }
    }

    /// What the critic is shown of the newest: while there is room each image as it is, which stays; then one in two as it is,
    /// and an earlier one, whose place it takes, instead of the others.
    pub(super) fn exchanged(&mut self, newest: &Tensor<4>, key: Key) -> Tensor<4> {
        let newest = newest.clone().detach();
        if self.room == 0 {
            return newest;
        }
        let dims = newest.dims();
        let n: usize = self.shape.iter().product();
        let (mut shown, key) = (
            collective::gather(numbers(newest.clone())),
            collective::common_key(key),
        );

        for (i, image) in shown.chunks_exact_mut(n).enumerate() {
            if self.images.len() < self.room {
                self.images.push(image.to_vec());
                continue;
            }
            let mut rng = key.step(i as u64).rng();
            if rng.chance(0.5) {
                let place = rng.below(self.room);
                self.images[place].swap_with_slice(image);
            }
        }
        let shown = collective::own_share(&shown);
        Tensor::from_data(TensorData::new(shown, dims), &newest.device())
    }

    /// Those that are in it.
    pub(super) fn kept(&self) -> &[Vec<f32>] {
        &self.images
    }

    /// Its file, where it has room.
    pub(super) fn save(&self) -> Option<(String, Part<'_>)> {
        (self.room > 0).then(|| {
            let images = || {
                let mut t = Tensors::default();
                t.notes.insert("count".into(), self.images.len().to_string());
                if !self.images.is_empty() {
                    let shape = [&[self.images.len()], &self.shape[..]].concat();
                    t.arrays.insert(IMAGES.into(), (shape, self.images.concat()));
                }
                t
            };
            (self.name.into(), Box::new(images) as Part<'_>)
        })
    }

    /// Takes up what `save` gave.
    ///
    /// # Errors
    /// Those of reading, and images of another size or number than it has room for.
    pub(super) fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>) -> Result<()> {
        if self.room == 0 {
            return Ok(());
        }
        let t = read(self.name)?;
        self.images = match t.arrays.get(IMAGES) {
            None => vec![],
            Some((shape, values)) if shape.get(1..) == Some(&self.shape) && shape[0] <= self.room => values
                .chunks_exact(self.shape.iter().product())
                .map(<[f32]>::to_vec)
                .collect(),
            Some((shape, _)) => {
                return Err(Error::data(
                    format!("tensor {IMAGES} of {}", self.name),
                    format!("has the shape {shape:?}, for {} of {:?}", self.room, self.shape),
                    "the checkpoint belongs to another recipe or is damaged",
                ));
            }
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn images(from: f32, n: usize) -> Tensor<4> {
        let values: Vec<f32> = (0..n).flat_map(|i| [from + i as f32; 2]).collect();
        Tensor::from_data(TensorData::new(values, [n, 1, 2, 1]), &Device::flex())
    }

    /// Nothing is lost and nothing doubled: what was put in is in the pool or was shown; half of what is shown of a full pool
    /// is from before.
    #[test]
    fn earlier_images_come_back_once() {
        let mut pool = Pool::new("pool", 5, [1, 2, 1]);
        let mut put = Vec::new();
        let mut shown = Vec::new();
        let mut late = (0, 0);
        for round in 0..60 {
            let newest = images(round as f32 * 10.0, 3);
            let before = numbers(newest.clone());
            let after = numbers(pool.exchanged(&newest, Key::new(1).step(round)));
            if round >= 2 {
                late.0 += before
                    .chunks(2)
                    .zip(after.chunks(2))
                    .filter(|(a, b)| a != b)
                    .count();
                late.1 += 3;
            }
            put.extend(before.chunks(2).map(<[f32]>::to_vec));
            shown.extend(after.chunks(2).map(<[f32]>::to_vec));
        }
        assert_eq!(pool.images.len(), 5);
        let share = late.0 as f64 / late.1 as f64;
        assert!((0.35..0.65).contains(&share), "{share}");
        // The five that were put in while there was room were shown at once, and come again when they leave.
        let count = |all: &[Vec<f32>], x: &Vec<f32>| all.iter().filter(|y| *y == x).count();
        for (i, x) in put.iter().enumerate() {
            let times = count(&shown, x) + count(&pool.images, x);
            assert_eq!(times, 1 + usize::from(i < 5), "{x:?}");
        }
    }

    #[test]
    fn a_pool_comes_back_from_its_file() {
        let mut pool = Pool::new("pool", 4, [1, 2, 1]);
        pool.exchanged(&images(0.0, 3), Key::new(1));
        let saved = pool.save().unwrap().1();
        let mut other = Pool::new("pool", 4, [1, 2, 1]);
        other.load(&|_| Ok(saved.clone())).unwrap();
        assert_eq!(other.images, pool.images);
        let mut small = Pool::new("pool", 2, [1, 2, 1]);
        assert!(small.load(&|_| Ok(saved.clone())).is_err());
        assert!(Pool::new("pool", 0, [1, 2, 1]).save().is_none());
    }
}

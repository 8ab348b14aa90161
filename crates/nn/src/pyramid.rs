//! Sizes and channels of networks that halve an image step by step, or double it.

/// Heights and widths from the image down to the grid where the shorter side has 4, 5, 6 or 7 pixels. Halving drops
/// the odd pixel; on the way up the sizes are met exactly, so every size has its grid.
pub fn sizes([mut h, mut w]: [usize; 2]) -> Vec<[usize; 2]> {
    let mut sizes = vec![[h, w]];
    while h.min(w) >= 8 {
        (h, w) = (h / 2, w / 2);
        sizes.push([h, w]);
    }
    sizes
}

/// Channels at the n-th halving (1 = half size): they double with every halving, up to eight times as many.
pub fn channels(width: usize, n: usize) -> usize {
    width << (n - 1).min(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grids_of_the_paper_and_of_any_size() {
        assert_eq!(sizes([64, 64]), [[64, 64], [32, 32], [16, 16], [8, 8], [4, 4]]);
        assert_eq!(sizes([28, 28]), [[28, 28], [14, 14], [7, 7]]);
        assert_eq!(sizes([50, 80]), [[50, 80], [25, 40], [12, 20], [6, 10]]);
        for s in 8..200 {
            assert!((4..8).contains(&sizes([s, s]).last().unwrap()[0]));
        }
    }

    #[test]
    fn widths_of_dcgan() {
        assert_eq!([1, 2, 3, 4, 5].map(|n| channels(64, n)), [64, 128, 256, 512, 512]);
    }
}

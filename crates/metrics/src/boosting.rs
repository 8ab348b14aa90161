//! Gradient boosting of regression trees with squared error: Friedman 2001, Greedy Function Approximation: A Gradient Boosting
//! Machine, algorithm 2. Which columns a number can be told from, and how well, whatever the form of the relation.
use super::features::Features;

/// Trees, one after the other on what is left.
pub const TREES: usize = 100;
/// Splits from a tree's root to a leaf.
pub const DEPTH: usize = 3;
/// The share of a tree's answer that is taken.
pub const RATE: f64 = 0.1;
/// Places at most where a column is split: between its values, or evenly among them where there are more.
pub const SPLITS: usize = 63;

/// Columns as the numbers of the intervals that their values lie in.
pub struct Binned {
    /// a column's places to split, in their order
    edges: Vec<Vec<f32>>,
    /// column after column
    bins: Vec<Vec<u8>>,
}

impl Binned {
    /// Finds the places to split by the rows themselves.
    pub fn new(rows: &Features) -> Binned {
        let edges = (0..rows.width())
            .map(|j| {
                let mut values: Vec<f32> = (0..rows.count()).map(|i| rows.row(i)[j]).collect();
                values.sort_unstable_by(f32::total_cmp);
                let all = values.len();
                let mut different = values.clone();
                different.dedup();
                if different.len() > SPLITS + 1 {
                    different = (0..=SPLITS).map(|k| values[k * (all - 1) / SPLITS]).collect();
                    different.dedup();
                }
                let between = |w: &[f32]| ((f64::from(w[0]) + f64::from(w[1])) / 2.0) as f32;
                different.windows(2).map(between).collect()
            })
            .collect();
        Binned { edges, bins: vec![] }.of(rows)
    }

    /// Other rows by the same places.
    pub fn of(&self, rows: &Features) -> Binned {
        let column = |(j, edges): (usize, &Vec<f32>)| {
            let bin = |i: usize| edges.partition_point(|e| *e < rows.row(i)[j]) as u8;
            (0..rows.count()).map(bin).collect()
        };
        Binned {
            bins: self.edges.iter().enumerate().map(column).collect(),
            edges: self.edges.clone(),
        }
    }
}

/// A whole binary tree: where it goes left (column, last bin of the left side), and the leaves' values. A node that is
/// not split sends everything left.
struct Tree {
    splits: [Option<(usize, u8)>; (1 << DEPTH) - 1],
    leaves: [f64; 1 << DEPTH],
}

/// What was learned of one number.
pub struct Boosted {
    mean: f64,
    trees: Vec<Tree>,
    /// the squared error that splits of each column took away
    pub gains: Vec<f64>,
}

/// Sum and number.
type Sums = (f64, f64);

/// The split of a node's rows that takes most squared error away, with what it takes.
fn best_split(histograms: &[Vec<Sums>], least: f64) -> Option<(f64, usize, u8)> {
    let mut best: Option<(f64, usize, u8)> = None;
    for (column, bins) in histograms.iter().enumerate() {
        let total = bins.iter().fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
        let mut left = (0.0, 0.0);
        for (bin, of_bin) in bins.iter().enumerate() {
            left = (left.0 + of_bin.0, left.1 + of_bin.1);
            let right = (total.0 - left.0, total.1 - left.1);
            if left.1 < 0.5 || right.1 < 0.5 {
                continue;
            }
            let apart = left.0 / left.1 - right.0 / right.1;
            let gain = apart * apart * left.1 * right.1 / total.1;
            if gain > best.map_or(least, |b| b.0) {
                best = Some((gain, column, bin as u8));
            }
        }
    }
    best
}

impl Boosted {
    /// Learns `targets`, a number a row.
    pub fn fit(rows: &Binned, targets: &[f64]) -> Boosted {
        let n = targets.len();
        let mean = targets.iter().sum::<f64>() / n as f64;
        let mut left: Vec<f64> = targets.iter().map(|t| t - mean).collect();
        // Less than rounding is no gain.
        let least = 1e-12 * left.iter().map(|r| r * r).sum::<f64>();
        let mut out = Boosted {
            mean,
            trees: Vec::with_capacity(TREES),
            gains: vec![0.0; rows.bins.len()],
        };
        for _ in 0..TREES {
            let (tree, leaf) = out.grow(rows, &left, least);
            for (rest, leaf) in left.iter_mut().zip(leaf) {
                *rest -= RATE * tree.leaves[leaf];
            }
            out.trees.push(tree);
        }
        out
    }

    /// A tree for what is left, level by level, and the leaf that each row comes to.
    fn grow(&mut self, rows: &Binned, left: &[f64], least: f64) -> (Tree, Vec<usize>) {
        let mut tree = Tree {
            splits: [None; (1 << DEPTH) - 1],
            leaves: [0.0; 1 << DEPTH],
        };
        let mut node = vec![0usize; left.len()];
        for level in 0..DEPTH {
            let mut histograms: Vec<Vec<Vec<Sums>>> =
                vec![rows.edges.iter().map(|e| vec![(0.0, 0.0); e.len() + 1]).collect(); 1 << level];
            for (column, bins) in rows.bins.iter().enumerate() {
                for ((&bin, &node), rest) in bins.iter().zip(&node).zip(left) {
                    let sums = &mut histograms[node][column][bin as usize];
                    *sums = (sums.0 + rest, sums.1 + 1.0);
                }
            }
            for (at, histograms) in histograms.iter().enumerate() {
                if let Some((gain, column, bin)) = best_split(histograms, least) {
                    self.gains[column] += gain;
                    tree.splits[(1 << level) - 1 + at] = Some((column, bin));
                }
            }
            for (row, node) in node.iter_mut().enumerate() {
                let goes_right = tree.splits[(1 << level) - 1 + *node]
                    .is_some_and(|(column, bin)| rows.bins[column][row] > bin);
                *node = 2 * *node + usize::from(goes_right);
            }
        }
        let mut sums = [(0.0, 0.0); 1 << DEPTH];
        for (&leaf, rest) in node.iter().zip(left) {
            sums[leaf] = (sums[leaf].0 + rest, sums[leaf].1 + 1.0);
        }
        tree.leaves = sums.map(|(sum, count): Sums| sum / count.max(1.0));
        (tree, node)
    }

    /// What it says of rows that were brought to its own bins.
    pub fn predict(&self, rows: &Binned) -> Vec<f64> {
        let count = rows.bins.first().map_or(0, Vec::len);
        let leaf = |tree: &Tree, row: usize| {
            let mut node = 0;
            for level in 0..DEPTH {
                let goes_right = tree.splits[(1 << level) - 1 + node]
                    .is_some_and(|(column, bin)| rows.bins[column][row] > bin);
                node = 2 * node + usize::from(goes_right);
            }
            tree.leaves[node]
        };
        let answer = |row: usize| self.mean + RATE * self.trees.iter().map(|t| leaf(t, row)).sum::<f64>();
        (0..count).map(answer).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use menagerie_data::random::Key;

    #[test]
    fn the_first_split_is_the_best_there_is() {
        // One column tells all: 3 at and below 1, else -1. The gain of that split is the whole squared error.
        let values: Vec<f32> = (0..40).flat_map(|i| [(i % 4) as f32, (i % 7) as f32]).collect();
        let rows = Binned::new(&Features::new(&values, 2, "rows").unwrap());
        let targets: Vec<f64> = (0..40).map(|i| if i % 4 <= 1 { 3.0 } else { -1.0 }).collect();
        let b = Boosted::fit(&rows, &targets);
        assert_eq!(b.trees[0].splits[0], Some((0, 1)));
        assert_eq!(b.gains[1], 0.0);
        // Geometric: 40 * 4 of the first tree, of which 0.9^2 is left each time.
        let want = 160.0 * (1.0 - 0.81f64.powi(TREES as i32)) / (1.0 - 0.81);
        assert!((b.gains[0] - want).abs() < 1e-9, "{} {want}", b.gains[0]);
        for (found, want) in b.predict(&rows).iter().zip(&targets) {
            assert!((found - want).abs() < 2.0 * 0.9f64.powi(TREES as i32) + 1e-12);
        }
    }

    #[test]
    fn a_product_is_learned_and_other_rows_are_told() {
        let mut draw = Key::new(2).rng();
        let mut rows = |n: usize| -> Vec<f32> { (0..3 * n).map(|_| draw.normal() as f32).collect() };
        let (train, test) = (rows(2000), rows(500));
        let target = |v: &[f32]| -> Vec<f64> {
            v.chunks(3)
                .map(|r| f64::from(r[0] * r[2]).clamp(-2.0, 2.0))
                .collect()
        };
        let all = Binned::new(&Features::new(&train, 3, "rows").unwrap());
        let b = Boosted::fit(&all, &target(&train));
        let other = all.of(&Features::new(&test, 3, "rows").unwrap());
        let (mut error, mut spread) = (0.0, 0.0);
        for (found, want) in b.predict(&other).iter().zip(target(&test)) {
            error += (found - want).powi(2);
            spread += want * want;
        }
        assert!(error < 0.3 * spread, "{error} of {spread}");
        assert!(b.gains[1] < 0.1 * b.gains[0].min(b.gains[2]), "{:?}", b.gains);
    }
}

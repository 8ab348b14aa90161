//! Distances between many feature vectors, tile by tile over matrix products, in memory that grows with the rows alone.
//!
//! Products are in single precision around the features' mean. Wherever their rounding could change an answer (who is the
//! k-th neighbour, on which side of a radius somebody lies), the distance is computed again in double precision: answers
//! are those of exact distances.
use super::features::Features;
use menagerie_data::error::{Error, Result};
use menagerie_kernels::matrix::{Matrix, Place, product};
use rayon::prelude::*;
use std::sync::Mutex;

/// Rows of either side whose distances are computed at once.
const TILE: usize = 512;
/// Candidates that are kept beyond the k-th, so that rounding seldom drives the true one out.
const SPARE: usize = 6;

/// Rows around a common centre, with their squared lengths.
pub(super) struct Rows<'a> {
    exact: Features<'a>,
    centred: Vec<f32>,
    lengths: Vec<f32>,
}

impl<'a> Rows<'a> {
    /// Two sets around the mean of the second.
    ///
    /// # Errors
    /// [`Error::Usage`] when they are not of one width.
    pub(crate) fn pair(a: Features<'a>, b: Features<'a>) -> Result<(Rows<'a>, Rows<'a>)> {
        a.fits(&b)?;
        let mut centre = vec![0f64; b.width()];
        (0..b.count()).for_each(|i| {
            centre
                .iter_mut()
                .zip(b.row(i))
                .for_each(|(c, &v)| *c += v as f64 / b.count() as f64)
        });
        let around = |x: Features<'a>| {
            let centred: Vec<f32> = (0..x.count())
                .flat_map(|i| x.row(i).iter().zip(&centre).map(|(&v, c)| (v as f64 - c) as f32))
                .collect();
            let lengths = centred
                .chunks_exact(x.width())
                .map(|r| r.iter().map(|&v| v as f64 * v as f64).sum::<f64>() as f32)
                .collect();
            Rows {
                exact: x,
                centred,
                lengths,
            }
        };
        Ok((around(a), around(b)))
    }

    pub(crate) fn count(&self) -> usize {
        self.exact.count()
    }

    fn tiles(&self) -> usize {
        self.count().div_ceil(TILE)
    }

    fn tile(&self, t: usize) -> (&[f32], &[f32], usize) {
        let (d, from) = (self.exact.width(), t * TILE);
        let to = (from + TILE).min(self.count());
        (&self.centred[from * d..to * d], &self.lengths[from..to], from)
    }

    /// The largest error of a squared distance of rows with these squared lengths: that of a product of d terms and of
    /// the three numbers' own rounding, with room.
    fn rounding(&self, a: f32, b: f32) -> f32 {
        f32::EPSILON * (16.0 + 2.0 * (self.exact.width() as f32).sqrt()) * (a + b)
    }
}

/// The squared distance of two rows in double precision.
fn exact(a: &Rows, i: usize, b: &Rows, j: usize) -> f64 {
    a.exact
        .row(i)
        .iter()
        .zip(b.exact.row(j))
        .map(|(x, y)| (*x as f64 - *y as f64).powi(2))
        .sum()
}

/// Squared distances of a tile of either side, row after row of the first.
fn distances(a: &Rows, s: usize, b: &Rows, t: usize, out: &mut Vec<f32>) {
    let ((x, x_lengths, _), (y, y_lengths, _)) = (a.tile(s), b.tile(t));
    let d = a.exact.width();
    let (n, m) = (x_lengths.len(), y_lengths.len());
    out.resize(n * m, 0.0);
    product(
        Matrix::new(x, n, d),
        Matrix::new(y, m, d).transposed(),
        out,
        m,
        Place::Set,
        false,
    );
    for (row, &l) in out.chunks_exact_mut(m).zip(x_lengths) {
        row.iter_mut()
            .zip(y_lengths)
            .for_each(|(v, k)| *v = (l + k) - 2.0 * *v);
    }
}

/// The nearest few of one row, as far as it is known.
#[derive(Clone, Default)]
struct Nearest {
    /// squared distance and index, ascending
    found: Vec<(f32, u32)>,
}

impl Nearest {
    fn take(&mut self, candidate: (f32, u32), most: usize) -> f32 {
        let order = |a: &(f32, u32)| (a.0.total_cmp(&candidate.0)).then(a.1.cmp(&candidate.1)).is_lt();
        let at = self.found.partition_point(order);
        self.found.insert(at, candidate);
        self.found.truncate(most);
        self.worst(most)
    }

    fn worst(&self, most: usize) -> f32 {
        if self.found.len() < most {
            f32::INFINITY
        } else {
            self.found[most - 1].0
        }
    }
}

/// The `k` rows of `b` nearest to each row of `a`, nearest first: index and squared distance. With `own`, both are the
/// same set, and no row is its own neighbour.
///
/// # Errors
/// [`Error::Usage`] when there are not so many.
pub(super) fn nearest(a: &Rows, b: &Rows, k: usize, own: bool) -> Result<Vec<Vec<(u32, f64)>>> {
    let others = b.count() - usize::from(own);
    if k == 0 || k > others {
        return Err(Error::usage(
            format!("no {k} nearest neighbours among {others} others"),
            "give more items, or ask for fewer neighbours",
        ));
    }
    let most = (k + SPARE).min(others);
    let lists: Vec<Mutex<Vec<Nearest>>> = (0..a.tiles())
        .map(|s| Mutex::new(vec![Nearest::default(); a.tile(s).1.len()]))
        .collect();
    // With one set on both sides a tile serves its rows and its columns. The lists do not depend on the order of tiles.
    let pairs: Vec<(usize, usize)> = (0..a.tiles())
        .flat_map(|s| (if own { s } else { 0 }..b.tiles()).map(move |t| (s, t)))
        .collect();
    pairs.par_iter().for_each_init(Vec::new, |tile, &(s, t)| {
        distances(a, s, b, t, tile);
        let m = b.tile(t).1.len();
        let (row_from, column_from) = ((s * TILE) as u32, (t * TILE) as u32);
        {
            let mut lists = lock(&lists[s]);
            for (i, row) in tile.chunks_exact(m).enumerate() {
                let list = &mut lists[i];
                let mut worst = list.worst(most);
                for (j, &v) in row.iter().enumerate() {
                    if v <= worst && !(own && s == t && i == j) {
                        worst = list.take((v, column_from + j as u32), most);
                    }
                }
            }
        }
        if own && s != t {
            let mut lists = lock(&lists[t]);
            let mut worst: Vec<f32> = lists.iter().map(|l| l.worst(most)).collect();
            for (i, row) in tile.chunks_exact(m).enumerate() {
                for (j, &v) in row.iter().enumerate() {
                    if v <= worst[j] {
                        worst[j] = lists[j].take((v, row_from + i as u32), most);
                    }
                }
            }
        }
    });
    let lists: Vec<Nearest> = lists
        .into_iter()
        .flat_map(|l| l.into_inner().unwrap_or_else(|e| e.into_inner()))
        .collect();
    let longest = b.lengths.iter().fold(0f32, |m, &v| m.max(v));
    Ok(lists
        .into_par_iter()
        .enumerate()
        .map(|(i, list)| settle(a, i, b, list, k, others, longest, own))
        .collect())
}

fn lock<T>(m: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    m.lock().unwrap_or_else(|e| e.into_inner())
}

/// The k nearest by exact distances, from candidates; from all, where rounding may have driven one of them out.
fn settle(
    a: &Rows,
    i: usize,
    b: &Rows,
    list: Nearest,
    k: usize,
    others: usize,
    longest: f32,
    own: bool,
) -> Vec<(u32, f64)> {
    let by_distance = |v: &mut Vec<(u32, f64)>| {
        v.sort_by(|x, y| x.1.total_cmp(&y.1).then(x.0.cmp(&y.0)));
        v.truncate(k);
    };
    let last = list.found.last().map_or(0.0, |l| l.0);
    let complete = list.found.len() == others;
    let mut found: Vec<(u32, f64)> = list
        .found
        .iter()
        .map(|&(_, j)| (j, exact(a, i, b, j as usize)))
        .collect();
    by_distance(&mut found);
    let kth = found.last().map_or(0.0, |f| f.1);
    if !complete && (last - b.rounding(a.lengths[i], longest)) as f64 <= kth {
        found = (0..b.count())
            .filter(|&j| !(own && i == j))
            .map(|j| (j as u32, exact(a, i, b, j)))
            .collect();
        by_distance(&mut found);
    }
    found
}

/// Squared distances of every row to its k-th nearest other row.
///
/// # Errors
/// As [`nearest`].
pub(super) fn radii(a: &Rows, k: usize) -> Result<Vec<f64>> {
    Ok(nearest(a, a, k, true)?.iter().map(|n| n[k - 1].1).collect())
}

/// What the balls around one set hold of another.
pub(super) struct Balls {
    /// for every point, balls that hold it, their surface included
    pub closed: Vec<u32>,
    /// for every point, balls that hold it, their surface not included
    pub open: Vec<u32>,
    /// for every ball, whether a point lies in it, its surface not included
    pub hit: Vec<bool>,
}

/// Which points lie in which balls, given squared radii.
pub(super) fn balls(centres: &Rows, radii: &[f64], points: &Rows) -> Balls {
    let n = centres.count();
    let longest = centres.lengths.iter().fold(0f32, |m, &v| m.max(v));
    let limits: Vec<f32> = radii.iter().map(|&r| r as f32).collect();
    let tiles: Vec<(Vec<[u32; 2]>, Vec<bool>)> = (0..points.tiles())
        .into_par_iter()
        .map_init(Vec::new, |tile, s| {
            let (_, lengths, from) = points.tile(s);
            let (mut counts, mut hit) = (vec![[0; 2]; lengths.len()], vec![false; n]);
            for t in 0..centres.tiles() {
                distances(points, s, centres, t, tile);
                let (_, columns, first) = centres.tile(t);
                for (i, row) in tile.chunks_exact(columns.len()).enumerate() {
                    let slack = centres.rounding(lengths[i], longest);
                    let limits = &limits[first..first + columns.len()];
                    for (j, (&v, &limit)) in row.iter().zip(limits).enumerate() {
                        // Most lie outside by far.
                        if v > limit + slack {
                            continue;
                        }
                        let (mut closed, mut open) = (true, true);
                        if v >= limit - slack {
                            let d = exact(points, from + i, centres, first + j);
                            (closed, open) = (d <= radii[first + j], d < radii[first + j]);
                        }
                        counts[i][0] += u32::from(closed);
                        counts[i][1] += u32::from(open);
                        hit[first + j] |= open;
                    }
                }
            }
            (counts, hit)
        })
        .collect();
    let mut out = Balls {
        closed: Vec::new(),
        open: Vec::new(),
        hit: vec![false; n],
    };
    for (counts, hit) in tiles {
        out.closed.extend(counts.iter().map(|c| c[0]));
        out.open.extend(counts.iter().map(|c| c[1]));
        out.hit.iter_mut().zip(hit).for_each(|(a, b)| *a |= b);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use menagerie_data::random::Key;

    /// Rows far from zero and close to each other, some of them twice: single precision alone would fail.
    fn rows(n: usize, d: usize, seed: u64) -> Vec<f32> {
        let mut draw = Key::new(seed).rng();
        let mut x: Vec<f32> = (0..n * d)
            .map(|i| 1000.0 * (i % d == 0) as u8 as f32 + (draw.normal() * 0.01) as f32)
            .collect();
        let (a, b) = x.split_at_mut(n / 2 * d);
        b[..5 * d].copy_from_slice(&a[..5 * d]);
        x
    }

    #[test]
    fn neighbours_are_those_of_exact_distances() {
        let (n, d, k) = (TILE + 40, 6, 3);
        let (x, y) = (rows(n, d, 1), rows(150, d, 2));
        let (fx, fy) = (
            Features::new(&x, d, "x").unwrap(),
            Features::new(&y, d, "y").unwrap(),
        );
        let (a, b) = Rows::pair(fx, fy).unwrap();
        for (from, to, own) in [(&a, &a, true), (&a, &b, false), (&b, &a, false)] {
            let found = nearest(from, to, k, own).unwrap();
            for i in 0..from.count() {
                let mut all: Vec<(u32, f64)> = (0..to.count())
                    .filter(|&j| !(own && i == j))
                    .map(|j| (j as u32, exact(from, i, to, j)))
                    .collect();
                all.sort_by(|x, y| x.1.total_cmp(&y.1).then(x.0.cmp(&y.0)));
                assert_eq!(found[i], all[..k], "{i}");
            }
        }
        let r = radii(&a, k).unwrap();
        let found = balls(&a, &r, &b);
        for j in 0..b.count() {
            let inside = (0..n).filter(|&i| exact(&b, j, &a, i) <= r[i]).count();
            assert_eq!(found.closed[j] as usize, inside);
        }
        for i in 0..n {
            assert_eq!(found.hit[i], (0..b.count()).any(|j| exact(&b, j, &a, i) < r[i]));
        }
        assert!(
            nearest(&b, &b, 150, true)
                .unwrap_err()
                .to_string()
                .contains("150 nearest neighbours among 149")
        );
    }

    #[test]
    fn rows_that_are_all_alike_have_neighbours_at_no_distance() {
        let x = vec![3.5f32; 40 * 4];
        let f = Features::new(&x, 4, "x").unwrap();
        let (a, b) = Rows::pair(f, f).unwrap();
        assert_eq!(radii(&a, 3).unwrap(), [0.0; 40]);
        assert_eq!(balls(&a, &[0.0; 40], &b).closed, [40; 40]);
    }
}

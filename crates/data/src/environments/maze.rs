//! A maze: from anywhere to the exit, a step at a time.
use super::Environment;
use crate::picture::Picture;
use crate::random::Draw;
use std::sync::OnceLock;

/// See the module.
pub(super) struct Maze;

/// `#` is wall, `x` the exit.
const PLAN: [&str; 9] = [
    "#########",
    "#...#...#",
    "#.#.#.#.#",
    "#.#.x.#.#",
    "#.#####.#",
    "#...#...#",
    "###.#.#.#",
    "#.....#.#",
    "#########",
];
const MOVES: [[isize; 2]; 4] = [[-1, 0], [1, 0], [0, -1], [0, 1]];

fn at([row, column]: [isize; 2]) -> u8 {
    let row = usize::try_from(row).ok().and_then(|r| PLAN.get(r));
    let column = usize::try_from(column).ok();
    row.zip(column)
        .and_then(|(r, c)| r.as_bytes().get(c).copied())
        .unwrap_or(b'#')
}

fn place(state: &[f64]) -> [isize; 2] {
    [state[0], state[1]].map(|v| v.round() as isize)
}

/// Steps to the exit from every free place.
fn far(to: [isize; 2]) -> Option<usize> {
    static FAR: OnceLock<Vec<([isize; 2], usize)>> = OnceLock::new();
    let all = FAR.get_or_init(|| {
        let exit = (0..81).map(|i| [i / 9, i % 9]).find(|p| at(*p) == b'x');
        let mut found: Vec<([isize; 2], usize)> = exit.into_iter().map(|p| (p, 0)).collect();
        let mut next = 0;
        while let Some(&([row, column], steps)) = found.get(next) {
            for [dr, dc] in MOVES {
                let p = [row + dr, column + dc];
                if at(p) != b'#' && !found.iter().any(|(q, _)| *q == p) {
                    found.push((p, steps + 1));
                }
            }
            next += 1;
        }
        found
    });
    all.iter().find(|(p, _)| *p == to).map(|(_, steps)| *steps)
}

impl Environment for Maze {
    fn name(&self) -> &'static str {
        "maze"
    }
    fn state(&self) -> &'static [&'static str] {
        &["row", "column"]
    }
    fn extent(&self) -> &'static [f64] {
        &[4.0, 4.0]
    }
    fn actions(&self) -> &'static [&'static str] {
        &["up", "down", "left", "right"]
    }
    fn longest(&self) -> usize {
        100
    }
    fn start(&self, rng: &mut Draw) -> Vec<f64> {
        let free: Vec<[isize; 2]> = (0..81)
            .map(|i| [i / 9, i % 9])
            .filter(|p| at(*p) == b'.')
            .collect();
        free[rng.below(free.len())].map(|v| v as f64).to_vec()
    }
    /// A wall stops; a reward of -1 for each step until the exit.
    fn step(&self, state: &[f64], action: usize) -> (Vec<f64>, f64, bool) {
        let [row, column] = place(state);
        let [dr, dc] = MOVES[action.min(3)];
        let p = [row + dr, column + dc];
        let p = if at(p) == b'#' { [row, column] } else { p };
        (p.map(|v| v as f64).to_vec(), -1.0, at(p) == b'x')
    }
    /// The first of the moves that come nearer.
    fn expert(&self, state: &[f64]) -> usize {
        let [row, column] = place(state);
        let steps = |i: &usize| far([row + MOVES[*i][0], column + MOVES[*i][1]]).unwrap_or(usize::MAX);
        (0..4).min_by_key(steps).unwrap_or(0)
    }
    fn draw(&self, state: &[f64]) -> Picture {
        let mut p = Picture::new(72, 72, 3);
        let mut cell = |[row, column]: [isize; 2], colour: [u8; 3]| {
            let y = 8.0 * row as f64 + 4.0;
            p.line(
                [8.0 * column as f64, y],
                [8.0 * column as f64 + 8.0, y],
                8.0,
                colour,
            );
        };
        for i in 0..81 {
            match at([i / 9, i % 9]) {
                b'#' => cell([i / 9, i % 9], [70, 80, 100]),
                b'x' => cell([i / 9, i % 9], [110, 190, 110]),
                _ => {}
            }
        }
        let here = place(state).map(|v| v.clamp(0, 8));
        cell(here, [220, 90, 40]);
        p
    }
}

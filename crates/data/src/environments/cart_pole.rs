//! A pole on a cart that must not fall (Barto, Sutton, Anderson 1983), with the numbers of the usual benchmark.
use super::Environment;
use crate::picture::Picture;
use crate::random::Draw;

/// See the module.
pub(super) struct CartPole;

const GRAVITY: f64 = 9.8;
const CART: f64 = 1.0;
const POLE: f64 = 0.1;
/// Half the pole's length.
const HALF: f64 = 0.5;
const FORCE: f64 = 10.0;
/// Seconds of a step.
const TAU: f64 = 0.02;
/// The episode is over beyond.
const MOST: [f64; 2] = [2.4, 12.0 * std::f64::consts::PI / 180.0];

impl Environment for CartPole {
    fn name(&self) -> &'static str {
        "cart_pole"
    }
    fn state(&self) -> &'static [&'static str] {
        &["position", "velocity", "angle", "angular velocity"]
    }
    fn extent(&self) -> &'static [f64] {
        &[2.4, 2.0, 0.2, 2.0]
    }
    fn actions(&self) -> &'static [&'static str] {
        &["left", "right"]
    }
    fn longest(&self) -> usize {
        500
    }
    fn start(&self, rng: &mut Draw) -> Vec<f64> {
        (0..4).map(|_| rng.between(-0.05, 0.05)).collect()
    }
    /// The equations of motion without friction, by Euler's method; a reward of 1 for each step.
    fn step(&self, state: &[f64], action: usize) -> (Vec<f64>, f64, bool) {
        let [x, v, angle, turn] = [state[0], state[1], state[2], state[3]];
        let force = if action == 1 { FORCE } else { -FORCE };
        let (sin, cos) = angle.sin_cos();
        let pushed = (force + POLE * HALF * turn * turn * sin) / (CART + POLE);
        let turns = (GRAVITY * sin - cos * pushed) / (HALF * (4.0 / 3.0 - POLE * cos * cos / (CART + POLE)));
        let moves = pushed - POLE * HALF * turns * cos / (CART + POLE);
        let next = vec![
            x + TAU * v,
            v + TAU * moves,
            angle + TAU * turn,
            turn + TAU * turns,
        ];
        let over = next[0].abs() > MOST[0] || next[2].abs() > MOST[1];
        (next, 1.0, over)
    }
    /// Towards where the pole falls, and a little so that the cart comes back to the middle.
    fn expert(&self, state: &[f64]) -> usize {
        let falls = 1.0 * state[2] + 0.3 * state[3] + 0.02 * state[0] + 0.06 * state[1];
        usize::from(falls > 0.0)
    }
    fn draw(&self, state: &[f64]) -> Picture {
        let mut p = Picture::new(120, 60, 3);
        let middle = [60.0 + 45.0 * (state[0] / MOST[0]).clamp(-1.2, 1.2), 45.0];
        let (sin, cos) = state[2].clamp(-1.5, 1.5).sin_cos();
        p.line([8.0, 48.0], [112.0, 48.0], 1.0, [170, 170, 170]);
        p.line(
            [middle[0] - 9.0, 45.0],
            [middle[0] + 9.0, 45.0],
            7.0,
            [60, 90, 160],
        );
        p.line(
            middle,
            [middle[0] + 34.0 * sin, 45.0 - 34.0 * cos],
            3.0,
            [200, 90, 40],
        );
        p
    }
}

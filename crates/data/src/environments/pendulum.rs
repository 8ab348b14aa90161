//! A pendulum that is to be swung up and held there, with the numbers of the usual benchmark and five torques to choose from.
use super::Environment;
use crate::picture::Picture;
use crate::random::Draw;
use std::f64::consts::{PI, TAU};

/// See the module.
pub(super) struct Pendulum;

const GRAVITY: f64 = 10.0;
/// Seconds of a step.
const STEP: f64 = 0.05;
const FASTEST: f64 = 8.0;
const TORQUES: [f64; 5] = [-2.0, -1.0, 0.0, 1.0, 2.0];

/// The angle from upright, in (-pi, pi], of its cosine and sine.
fn angle(state: &[f64]) -> f64 {
    state[1].atan2(state[0])
}

impl Environment for Pendulum {
    fn name(&self) -> &'static str {
        "pendulum"
    }
    fn state(&self) -> &'static [&'static str] {
        &["cosine", "sine", "angular velocity"]
    }
    fn extent(&self) -> &'static [f64] {
        &[1.0, 1.0, 8.0]
    }
    fn actions(&self) -> &'static [&'static str] {
        &["-2", "-1", "0", "1", "2"]
    }
    fn longest(&self) -> usize {
        200
    }
    fn start(&self, rng: &mut Draw) -> Vec<f64> {
        let (angle, speed) = (rng.between(-PI, PI), rng.between(-1.0, 1.0));
        vec![angle.cos(), angle.sin(), speed]
    }
    /// Of a rod of length 1 and mass 1; the reward is -(angle^2 + 0.1 speed^2 + 0.001 torque^2).
    fn step(&self, state: &[f64], action: usize) -> (Vec<f64>, f64, bool) {
        let (a, speed) = (angle(state), state[2]);
        let torque = TORQUES[action.min(TORQUES.len() - 1)];
        let reward = -(a * a + 0.1 * speed * speed + 0.001 * torque * torque);
        let speed = (speed + STEP * (1.5 * GRAVITY * a.sin() + 3.0 * torque)).clamp(-FASTEST, FASTEST);
        let a = a + STEP * speed;
        (vec![a.cos(), a.sin(), speed], reward, false)
    }
    /// Pumps energy until it is that of standing upright, then holds it there.
    fn expert(&self, state: &[f64]) -> usize {
        let (a, speed) = (angle(state), state[2]);
        // Of the rod, over its moment of inertia of 1/3.
        let energy = speed * speed / 2.0 + 1.5 * GRAVITY * (a.cos() - 1.0);
        let wanted = match a.abs() < 0.5 && speed.abs() < 3.0 {
            true => -(12.0 * a + 3.0 * speed),
            false if energy < 0.0 => 2.0 * speed.signum(),
            false => -speed.signum(),
        };
        let far = |i: &usize| (TORQUES[*i] - wanted).abs();
        (0..TORQUES.len())
            .min_by(|i, j| far(i).total_cmp(&far(j)))
            .unwrap_or(2)
    }
    fn draw(&self, state: &[f64]) -> Picture {
        let mut p = Picture::new(72, 72, 3);
        let a = angle(state).rem_euclid(TAU);
        let (sin, cos) = a.sin_cos();
        p.line(
            [36.0, 36.0],
            [36.0 + 28.0 * sin, 36.0 - 28.0 * cos],
            5.0,
            [200, 90, 40],
        );
        p.line([35.0, 36.0], [37.0, 36.0], 4.0, [40, 40, 40]);
        p
    }
}

//! What is behind the person.
use super::attributes::Background;
use super::canvas::{Canvas, linear, plain, radial};
use super::colour::Lab;
use super::geometry::Pen;
use super::paint::Person;

impl Person {
    /// Fills the whole picture.
    pub(super) fn background(&self, c: &mut Canvas) {
        let a = &self.a;
        let tone = |l: f32, turn: f32| {
            Lab::polar(
                (0.40 + 0.52 * a.background_lightness + l).min(0.98),
                0.01 + 0.11 * a.background_chroma,
                a.background_hue + turn,
            )
        };
        let [w, h] = c.half;
        let base = tone(0.0, 0.0);
        match a.background {
            Background::Plain => c.flood(plain(base, 1.0)),
            Background::Gradient => c.flood(linear(
                [0.0, -h],
                [0.0, h],
                &[(0.0, tone(0.07, 0.0), 1.0), (1.0, tone(-0.14, 25.0), 1.0)],
            )),
            Background::Glow => {
                let middle = [0.3 * self.sun[0], -0.2];
                c.flood(radial(
                    middle,
                    1.35,
                    &[(0.0, tone(0.14, 0.0), 1.0), (1.0, tone(-0.16, -15.0), 1.0)],
                ));
            }
            Background::Disc => {
                c.flood(plain(tone(0.08, 0.0), 1.0));
                let mut pen = Pen::new();
                pen.circle([0.0, -0.02], 0.86);
                c.fill(pen.open(), plain(tone(-0.08, 28.0), 1.0));
            }
            Background::Lights => {
                c.flood(linear(
                    [0.0, -h],
                    [0.0, h],
                    &[(0.0, tone(-0.12, 0.0), 1.0), (1.0, tone(-0.22, 20.0), 1.0)],
                ));
                // The same few places for all, spread by the golden ratio.
                for (k, alpha) in [0.30, 0.45].into_iter().enumerate() {
                    let mut pen = Pen::new();
                    for i in (k..14).step_by(2) {
                        let t = (i as f32 + 0.5) / 14.0;
                        let x = ((i as f32 * 0.618_034).fract() * 2.0 - 1.0) * w;
                        pen.circle([x, (t * 1.7 - 1.0) * h], 0.07 + 0.035 * (i % 4) as f32);
                    }
                    c.fill(pen.open(), plain(tone(0.16, 40.0 * k as f32 - 20.0), alpha));
                }
            }
            Background::Hills => {
                c.flood(linear(
                    [0.0, -h],
                    [0.0, 0.6],
                    &[(0.0, tone(0.0, 0.0), 1.0), (1.0, tone(0.12, 0.0), 1.0)],
                ));
                for (y, high, turn, dark) in [(0.12, 0.16, -50.0, -0.06), (0.38, 0.13, -75.0, -0.15)] {
                    let mut pen = Pen::new();
                    let n = 12;
                    let line: Vec<[f32; 2]> = (0..=n)
                        .map(|i| {
                            let x = (2.0 * i as f32 / n as f32 - 1.0) * (w + 0.05);
                            [x, y + high * (x as f64 * 2.6 + turn as f64 * 0.1).sin() as f32]
                        })
                        .collect();
                    pen.through(&line);
                    pen.to([w + 0.05, h + 0.05]);
                    pen.to([-w - 0.05, h + 0.05]);
                    c.fill(pen.closed(), plain(tone(dark, turn), 1.0));
                }
            }
        }
    }
}

//! Head, ears, neck and clothes.
use super::attributes::*;
use super::canvas::{Canvas, linear, plain, radial};
use super::colour::Lab;
use super::geometry::{Pen, Point, View, brush, curve, ring};
use super::paint::{EYES, Person};

impl Person {
    /// The bare head with its cheeks.
    pub(super) fn face(&self, c: &mut Canvas) {
        let v = &self.view;
        let mut pen = Pen::new();
        pen.through(&self.head.arc(v, 0.0, 0.0, true, 14));
        let mut under = self.head.arc(v, 0.0, 0.0, false, 18);
        under.reverse();
        pen.through(&under);
        c.fill(pen.closed(), self.round_skin(v.point(0.0, 0.05, 0.06), 0.62));
        self.cheeks(c);
    }

    fn cheeks(&self, c: &mut Canvas) {
        let rosy = Lab(self.skin.0 * 0.86, self.skin.1 + 0.10, self.skin.2 + 0.015);
        for side in [-1.0, 1.0] {
            let oval = self.onto(&oval([side * 0.235, 0.22], 0.15, 0.13, 10));
            let middle = self.on(side * 0.235, 0.22);
            let strength = 0.06 + (0.22 + 0.22 * self.skin.0) * self.a.blush;
            c.fill(
                ring(&oval),
                radial(middle, 0.13, &[(0.0, rosy, strength), (1.0, rosy, 0.0)]),
            );
        }
        if self.a.freckles > 0.0 {
            let mut pen = Pen::new();
            for (x, y) in [
                (0.09, 0.17),
                (0.15, 0.20),
                (0.21, 0.17),
                (0.27, 0.20),
                (0.18, 0.25),
                (0.25, 0.25),
                (0.12, 0.24),
            ] {
                pen.circle(self.on(x, y), 0.0135);
                pen.circle(self.on(-x - 0.01, y + 0.008), 0.0135);
            }
            c.fill(pen.open(), plain(self.dark, 0.75 * self.a.freckles));
        }
    }

    /// The ears: first what shows behind the head, then, after the hair, what lies before it.
    pub(super) fn ears(&self, c: &mut Canvas, before: bool) {
        let (v, s) = (&self.view, 1.0 + 0.22 * self.a.ear_size);
        for side in [-1.0, 1.0] {
            let strength = if before { v.near(side, 0.1) } else { 1.0 };
            if strength <= 0.0 || !before && v.near(side, 0.1) >= 1.0 {
                continue;
            }
            let wide = self.head.section(0.08).a;
            // x outward from where the ear is rooted, y down, z back with x.
            let p = |x: f32, y: f32| {
                v.point(
                    side * (wide - 0.025 + x * s),
                    EYES + 0.055 + y * s,
                    -0.02 - 0.5 * x * s,
                )
            };
            let shape = [
                p(0.0, -0.10),
                p(0.05, -0.145),
                p(0.105, -0.125),
                p(0.115, -0.06),
                p(0.09, 0.03),
                p(0.055, 0.105),
                p(0.01, 0.12),
                p(-0.01, 0.03),
            ];
            c.fill(ring(&shape), self.round_alpha(p(0.05, 0.0), strength));
            let fold = [p(0.03, -0.085), p(0.075, -0.085), p(0.075, -0.03), p(0.04, 0.035)];
            c.fill(brush(&fold, |_| 0.011), plain(self.dark, 0.55 * strength));
        }
    }

    fn round_alpha(&self, centre: Point, alpha: f32) -> super::canvas::Ink {
        let warm = self.skin.plus(-0.02, 0.012, 0.004);
        let facing =
            0.5 + 0.5 * (centre[0] * self.sun[0]).signum() * (2.2 * centre[0] * self.sun[0]).abs().min(1.0);
        plain(self.dark.mix(warm, 0.45 + 0.55 * facing), alpha)
    }

    /// The neck, in the head's shadow.
    pub(super) fn neck(&self, c: &mut Canvas) {
        let still = View::still();
        let half = 0.205 - 0.05 * self.a.presentation;
        let top = self.view.point(0.0, 0.20, -0.06)[0];
        let p = |x: f32, y: f32| still.flat(x, y);
        let mut pen = Pen::new();
        pen.through(&[
            [top - half, p(0.0, 0.15)[1]],
            p(-half, 0.5),
            p(-half - 0.01, 0.66),
            p(-half - 0.07, 0.80),
            p(-half, 1.04),
        ]);
        pen.through(&[
            p(half, 1.04),
            p(half + 0.07, 0.80),
            p(half + 0.01, 0.66),
            p(half, 0.5),
            [top + half, p(0.0, 0.15)[1]],
        ]);
        let x = self.sun[0];
        let tone = |side: f32| self.skin.mix(self.dark, 0.32 - 0.32 * side * x);
        c.fill(
            pen.closed(),
            linear(
                [-0.28, 0.0],
                [0.28, 0.0],
                &[(0.0, tone(-1.0), 1.0), (1.0, tone(1.0), 1.0)],
            ),
        );
        // The chin's shadow falls down and away from the light.
        let mut under = self.head.arc(&self.view, 0.25, 0.25, false, 10);
        for q in &mut under {
            *q = [(q[0] - 0.05 * x).clamp(-half - 0.005, half + 0.005), q[1] + 0.085];
        }
        let mut pen = Pen::new();
        pen.through(&under);
        c.fill(pen.closed(), plain(self.dark.times(0.93), 0.62));
    }

    fn cloth(&self) -> Lab {
        let a = &self.a;
        Lab::polar(
            0.26 + 0.66 * a.clothing_lightness,
            0.015 + 0.15 * a.clothing_chroma,
            a.clothing_hue,
        )
    }

    /// The hood that lies behind the neck.
    pub(super) fn hood(&self, c: &mut Canvas) {
        if self.a.clothing != Clothing::Hoodie {
            return;
        }
        let (cloth, x) = (self.cloth().times(0.84), self.sun[0]);
        let shape = [
            [-0.50, 0.74],
            [-0.43, 0.56],
            [-0.27, 0.45],
            [0.0, 0.42],
            [0.27, 0.45],
            [0.43, 0.56],
            [0.50, 0.74],
            [0.0, 1.0],
        ];
        c.fill(
            ring(&shape),
            linear(
                [0.5 * x, 0.5],
                [-0.5 * x, 0.9],
                &[
                    (0.0, cloth.plus(0.04, 0.0, 0.0), 1.0),
                    (1.0, cloth.times(0.8), 1.0),
                ],
            ),
        );
        let inner = [
            [-0.33, 0.74],
            [-0.29, 0.58],
            [0.0, 0.50],
            [0.29, 0.58],
            [0.33, 0.74],
            [0.0, 1.0],
        ];
        c.fill(ring(&inner), plain(cloth.times(0.62), 1.0));
    }

    /// Shoulders and clothes.
    pub(super) fn clothes(&self, c: &mut Canvas) {
        let a = &self.a;
        let cloth = self.cloth();
        let (dark, light) = (Lab(cloth.0 * 0.74, cloth.1, cloth.2), cloth.plus(0.07, 0.0, 0.0));
        let wide = 0.80 - 0.12 * a.presentation;
        let floor = c.half[1] + 0.1;
        let x = self.sun[0];
        let across = |colour: Lab| {
            let (lit, shade) = (colour.plus(0.06, 0.0, 0.0), colour.times(0.78));
            linear(
                [0.6 * x, 0.7],
                [-0.6 * x, 1.0],
                &[(0.0, lit, 1.0), (1.0, shade, 1.0)],
            )
        };
        // Neckline from left to right, then around the shoulders.
        let neckline: &[Point] = match a.clothing {
            Clothing::Crew => &[
                [-0.27, 0.66],
                [-0.17, 0.755],
                [0.0, 0.79],
                [0.17, 0.755],
                [0.27, 0.66],
            ],
            Clothing::Vneck => &[
                [-0.25, 0.645],
                [-0.14, 0.80],
                [0.0, 0.96],
                [0.14, 0.80],
                [0.25, 0.645],
            ],
            Clothing::Collar => &[
                [-0.22, 0.64],
                [-0.12, 0.75],
                [0.0, 0.87],
                [0.12, 0.75],
                [0.22, 0.64],
            ],
            Clothing::Turtleneck => &[[-0.22, 0.56], [-0.1, 0.59], [0.0, 0.6], [0.1, 0.59], [0.22, 0.56]],
            Clothing::Hoodie => &[
                [-0.32, 0.62],
                [-0.20, 0.76],
                [0.0, 0.86],
                [0.20, 0.76],
                [0.32, 0.62],
            ],
        };
        let mut pen = Pen::new();
        pen.through(neckline);
        pen.through(&[
            [0.30, 0.65],
            [0.50, 0.715],
            [wide - 0.08, 0.79],
            [wide, 0.90],
            [wide + 0.06, 1.05],
        ]);
        pen.to([wide + 0.06, floor]);
        pen.to([-wide - 0.06, floor]);
        pen.through(&[
            [-wide - 0.06, 1.05],
            [-wide, 0.90],
            [-wide + 0.08, 0.79],
            [-0.50, 0.715],
            [-0.30, 0.65],
        ]);
        c.fill(pen.closed(), across(cloth));
        self.collar(c, neckline, dark, light);
    }

    fn collar(&self, c: &mut Canvas, neckline: &[Point], dark: Lab, light: Lab) {
        match self.a.clothing {
            Clothing::Crew | Clothing::Vneck => c.line(curve(neckline), 0.045, plain(dark, 0.9)),
            Clothing::Collar => {
                for s in [-1.0, 1.0] {
                    let flap = [
                        [s * 0.215, 0.60],
                        [s * 0.02, 0.875],
                        [s * 0.20, 0.965],
                        [s * 0.345, 0.70],
                    ];
                    let mut pen = Pen::new();
                    flap.iter().for_each(|p| pen.to(*p));
                    c.fill(
                        pen.closed(),
                        plain(
                            if s * self.sun[0] > 0.0 {
                                light
                            } else {
                                light.mix(dark, 0.25)
                            },
                            1.0,
                        ),
                    );
                }
                c.line(curve(&[[0.0, 0.87], [0.0, 1.0]]), 0.02, plain(dark, 0.8));
            }
            Clothing::Turtleneck => {
                let fold = [
                    [-0.235, 0.56],
                    [-0.1, 0.60],
                    [0.1, 0.60],
                    [0.235, 0.56],
                    [0.27, 0.68],
                    [0.12, 0.745],
                    [-0.12, 0.745],
                    [-0.27, 0.68],
                ];
                c.fill(
                    ring(&fold),
                    linear(
                        [0.3 * self.sun[0], 0.6],
                        [-0.3 * self.sun[0], 0.75],
                        &[(0.0, light, 1.0), (1.0, dark, 1.0)],
                    ),
                );
            }
            Clothing::Hoodie => {
                c.line(curve(neckline), 0.085, plain(light, 1.0));
                for s in [-1.0, 1.0] {
                    c.line(
                        curve(&[[s * 0.12, 0.82], [s * 0.125, 0.97]]),
                        0.026,
                        plain(light.plus(0.17, 0.0, 0.0), 1.0),
                    );
                }
            }
        }
    }

    /// Lines of age: forehead, crow's feet, folds beside the mouth, shadows under the eyes.
    pub(super) fn age(&self, c: &mut Canvas) {
        let age = self.a.age_lines;
        if age <= 0.0 {
            return;
        }
        let thin = |t: f32| 0.0115 * (4.0 * t * (1.0 - t)).max(0.0).sqrt();
        let mut fine = Pen::new();
        for (y, w) in [(-0.30, 0.17), (-0.245, 0.20)] {
            let line = [
                [-w, y + 0.012],
                [-w / 2.0, y - 0.006],
                [0.0, y],
                [w / 2.0, y - 0.006],
                [w, y + 0.012],
            ];
            fine.brush(&self.onto(&line), thin);
        }
        for s in [-1.0, 1.0] {
            let fold = [
                [s * 0.095, 0.215],
                [s * 0.145, 0.26],
                [s * 0.185, 0.33],
                [s * 0.185, 0.385],
            ];
            fine.brush(&self.onto(&fold), thin);
            let bag = [
                [s * 0.11, EYES + 0.11],
                [s * 0.17, EYES + 0.135],
                [s * 0.25, EYES + 0.115],
            ];
            fine.brush(&self.onto(&bag), thin);
            for (y0, y1) in [(-0.03, -0.055), (0.015, 0.03)] {
                fine.brush(
                    &self.onto(&[[s * 0.335, EYES + y0], [s * 0.385, EYES + y1]]),
                    |_| 0.0055,
                );
            }
        }
        c.fill(fine.open(), plain(self.dark.times(0.9), 0.8 * age));
    }
}

/// Points of an ellipse.
pub(super) fn oval(centre: Point, a: f32, b: f32, n: usize) -> Vec<Point> {
    (0..n)
        .map(|i| {
            let (s, c) = (i as f64 / n as f64 * std::f64::consts::TAU).sin_cos();
            [centre[0] + a * c as f32, centre[1] + b * s as f32]
        })
        .collect()
}

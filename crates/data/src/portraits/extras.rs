//! Beard, glasses, earrings and headwear.
use super::attributes::*;
use super::canvas::{Canvas, plain};
use super::colour::Lab;
use super::geometry::{Pen, Point, Section, Solid, brush, curve, pole, ring};
use super::head::oval;
use super::paint::{EYES, Person, TALL};

impl Person {
    /// Beard and moustache.
    pub(super) fn beard(&self, c: &mut Canvas) {
        let colour = self.hair.mix(Lab(0.25, 0.02, 0.03), 0.18);
        let ink = || self.round(colour, self.view.point(0.0, 0.25, 0.2), 0.55);
        match self.a.beard {
            Beard::None => {}
            Beard::Stubble => self.chin_hair(c, 0.0, 0.0, || plain(colour.mix(self.dark, 0.35), 0.34)),
            Beard::Short => {
                self.chin_hair(c, 0.022, 0.06, ink);
                self.moustache(c, 1.0, colour);
            }
            Beard::Long => {
                self.chin_hair(c, 0.035, 0.27, ink);
                self.moustache(c, 1.15, colour);
                let mut pen = Pen::new();
                for t in [-0.7, -0.35, 0.0, 0.35, 0.7] {
                    let p = |x: f32, y: f32| self.view.point(x * t, y, 0.45);
                    pen.brush(&[p(0.20, 0.50), p(0.22, 0.60), p(0.15, 0.72)], |t| {
                        0.008 * (1.0 - 0.7 * t)
                    });
                }
                c.fill(pen.open(), plain(colour.times(0.72), 0.5));
            }
            Beard::Goatee => {
                let lift = |x: f32, y: f32| {
                    self.head
                        .front(&self.view, x, y, 0.02 + 0.10 * (y - 0.5).max(0.0))
                };
                let shape = [
                    (0.0, 0.27),
                    (0.11, 0.275),
                    (0.165, 0.345),
                    (0.17, 0.45),
                    (0.12, 0.56),
                    (0.0, 0.625),
                    (-0.12, 0.56),
                    (-0.17, 0.45),
                    (-0.165, 0.345),
                    (-0.11, 0.275),
                ];
                c.fill(ring(&shape.map(|(x, y)| lift(x, y))), ink());
                self.moustache(c, 0.95, colour);
            }
            Beard::Moustache => self.moustache(c, 1.25, colour),
        }
    }

    /// From ear to ear along the jaw, `thick` off the skin and `below` under the chin.
    fn chin_hair(&self, c: &mut Canvas, thick: f32, below: f32, ink: impl Fn() -> super::canvas::Ink) {
        let solid = Solid::new(0.0, TALL + below, |y| {
            let s = self.head.section(y * TALL / (TALL + below));
            let thick = thick * (1.0 - (y / (TALL + below)).powi(4)).max(0.0).sqrt();
            Section {
                a: s.a + thick * (y / 0.2).min(1.0),
                b: s.b + thick,
                c: s.c,
            }
        });
        let side = [
            (100.0, -0.02),
            (84.0, 0.0),
            (76.0, 0.04),
            (70.0, 0.15),
            (60.0, 0.25),
            (46.0, 0.295),
            (33.0, 0.275),
            (20.0, 0.25),
            (9.0, 0.25),
        ];
        let edge: Vec<(f32, f32)> = side
            .iter()
            .copied()
            .chain([(0.0, 0.262)])
            .chain(side.iter().rev().map(|&(lon, y)| (-lon, y)))
            .collect();
        c.fill(solid.region(&self.view, &edge, false), ink());
    }

    fn moustache(&self, c: &mut Canvas, size: f32, colour: Lab) {
        let lift = |x: f32, y: f32| {
            self.head.front(
                &self.view,
                x * size,
                0.30 + (y - 0.30) * size - 0.012 * self.a.smile.max(0.0),
                0.035,
            )
        };
        let down = 0.02 - 0.03 * self.a.smile;
        let mut pen = Pen::new();
        for s in [-1.0, 1.0] {
            let wing = [
                lift(0.0, 0.285),
                lift(s * 0.06, 0.268),
                lift(s * 0.125, 0.30 + 0.6 * down),
                lift(s * 0.175, 0.335 + down),
                lift(s * 0.11, 0.345 + 0.5 * down),
                lift(s * 0.045, 0.335),
                lift(0.0, 0.325),
            ];
            pen.ring(&wing);
        }
        c.fill(pen.open(), plain(colour.times(0.9), 1.0));
    }

    fn frame(&self) -> Option<(Lab, f32)> {
        let a = &self.a;
        let l = a.glasses_lightness;
        let colour = Lab::polar(0.22 + 0.55 * l, 0.03 + 0.12 * l, a.glasses_hue);
        match a.glasses {
            Glasses::None => None,
            Glasses::Round => Some((colour, 0.026)),
            Glasses::Square | Glasses::CatEye => Some((colour, 0.034)),
            Glasses::Sun => Some((colour.times(0.7), 0.03)),
        }
    }

    /// How far before the middle of the head the glasses sit.
    fn frame_depth(&self) -> f32 {
        self.head.section(EYES).b * 0.93 + 0.06
    }

    /// One rim, `scale` times its size.
    fn rim(&self, side: f32, scale: f32) -> Vec<Point> {
        let z = self.frame_depth();
        let x0 = 0.197 + 0.012 * self.a.eye_distance;
        let place = |x: f32, y: f32| {
            self.view.point(
                side * (x0 + x * scale),
                EYES + 0.012 + y * scale,
                z - 0.22 * (x + 0.1).max(0.0),
            )
        };
        let shape: &[(f32, f32)] = match self.a.glasses {
            Glasses::Square => &[
                (-0.155, -0.06),
                (-0.12, -0.112),
                (0.0, -0.12),
                (0.135, -0.112),
                (0.165, -0.07),
                (0.158, 0.06),
                (0.12, 0.108),
                (0.0, 0.115),
                (-0.11, 0.108),
                (-0.148, 0.05),
            ],
            Glasses::CatEye => &[
                (-0.15, -0.05),
                (-0.10, -0.10),
                (0.04, -0.115),
                (0.20, -0.155),
                (0.178, -0.02),
                (0.12, 0.085),
                (0.0, 0.118),
                (-0.11, 0.085),
            ],
            Glasses::Sun => &[
                (-0.155, -0.07),
                (-0.10, -0.118),
                (0.05, -0.118),
                (0.165, -0.10),
                (0.165, 0.0),
                (0.11, 0.115),
                (0.0, 0.14),
                (-0.11, 0.10),
                (-0.15, 0.02),
            ],
            _ => {
                return oval([0.0, 0.0], 0.150, 0.145, 12)
                    .iter()
                    .map(|p| place(p[0], p[1]))
                    .collect();
            }
        };
        shape.iter().map(|&(x, y)| place(x, y)).collect()
    }

    /// The arms of the glasses; those of the far side lie behind the head.
    pub(super) fn glasses_arms(&self, c: &mut Canvas, before: bool) {
        let Some((colour, width)) = self.frame() else {
            return;
        };
        let z = self.frame_depth();
        for side in [-1.0, 1.0] {
            let strength = if before { self.view.near(side, -0.12) } else { 1.0 };
            if strength > 0.0 {
                let wide = self.head.section(EYES - 0.03).a;
                let line = [
                    self.view.point(side * 0.352, EYES - 0.03, z - 0.06),
                    self.view.point(side * (wide + 0.012), EYES - 0.035, 0.12),
                    self.view.point(side * (wide + 0.015), EYES - 0.03, -0.04),
                ];
                c.line(curve(&line), width * 0.9, plain(colour.times(0.9), strength));
            }
        }
    }

    /// Rims, bridge and lenses.
    pub(super) fn glasses(&self, c: &mut Canvas) {
        let Some((colour, width)) = self.frame() else {
            return;
        };
        let sun = self.a.glasses == Glasses::Sun;
        let mut rims = Pen::new();
        for side in [-1.0, 1.0] {
            let rim = self.rim(side, 1.0);
            rims.ring(&rim);
            let glass = if sun {
                plain(Lab(0.20, 0.0, -0.01).mix(colour, 0.25), 0.93)
            } else {
                plain(Lab(0.97, -0.01, -0.02), 0.14)
            };
            c.fill(ring(&rim), glass);
            // A streak of reflected light.
            let z = self.frame_depth() + 0.002;
            let p = |x: f32, y: f32| {
                self.view
                    .point(side * 0.197 + x, EYES + y, z - 0.22 * (x * side + 0.1).max(0.0))
            };
            let d = 0.05 * self.sun[0];
            c.fill(
                brush(&[p(d - 0.035, 0.055), p(d + 0.035, -0.075)], |_| 0.020),
                plain(Lab(1.0, 0.0, 0.0), if sun { 0.30 } else { 0.28 }),
            );
        }
        let z = self.frame_depth();
        let p = |x: f32, y: f32| self.view.point(x, EYES + y, z + 0.02);
        rims.lift();
        rims.through(&[p(-0.055, -0.02), p(0.0, -0.042), p(0.055, -0.02)]);
        c.line(rims.open(), width, plain(colour, 1.0));
    }

    /// Jewels on the lobes of the ears.
    pub(super) fn earrings(&self, c: &mut Canvas) {
        if self.a.earrings == Earrings::None {
            return;
        }
        let gold = Lab::hex(0xe8b84a);
        for side in [-1.0, 1.0] {
            let strength = self.view.near(side, -0.30);
            if strength <= 0.0 {
                continue;
            }
            let wide = self.head.section(0.08).a;
            let lobe = |y: f32| self.view.point(side * (wide + 0.028), EYES + 0.17 + y, -0.05);
            let mut pen = Pen::new();
            if self.a.earrings == Earrings::Studs {
                pen.circle(lobe(0.0), 0.034);
                c.fill(pen.open(), plain(gold, strength));
                let mut pen = Pen::new();
                let p = lobe(0.0);
                pen.circle([p[0] + 0.012 * self.sun[0], p[1] - 0.01], 0.012);
                c.fill(pen.open(), plain(Lab(0.98, 0.0, 0.03), strength));
            } else {
                pen.circle(lobe(0.075), 0.072);
                c.line(pen.open(), 0.024, plain(gold, strength));
            }
        }
    }

    /// Cap, headband or flower.
    pub(super) fn headwear(&self, c: &mut Canvas) {
        let colour = Lab::polar(0.60, 0.15, self.a.headwear_hue);
        match self.a.headwear {
            Headwear::None => {}
            Headwear::Beanie => self.beanie(c, colour),
            Headwear::Headband => self.headband(c, colour),
            Headwear::Flower => self.flower(c, colour),
        }
    }

    /// A solid just outside head and pressed hair.
    fn cap(&self, top: f32, side: f32) -> Solid {
        Solid::new(-TALL - top, 0.1, |y| {
            let s = self
                .head
                .section(if y < 0.0 { y * TALL / (TALL + top) } else { y });
            let side = side * pole(y, TALL + top);
            Section {
                a: s.a + side,
                b: s.b + side,
                c: s.c,
            }
        })
    }

    fn beanie(&self, c: &mut Canvas, colour: Lab) {
        let v = &self.view;
        let cap = self.cap(0.17, 0.085);
        let brow = |d: f32| -> Vec<(f32, f32)> {
            [120.0, 90.0, 60.0, 30.0, 0.0, -30.0, -60.0, -90.0, -120.0]
                .map(|lon: f32| (lon, d - 0.225 + 0.00001 * lon * lon))
                .to_vec()
        };
        c.fill(
            cap.region(v, &brow(-0.08), true),
            self.round(colour, v.point(0.0, -0.45, 0.1), 0.55),
        );
        let mut pen = Pen::new();
        for lon in [-75.0, -50.0, -25.0, 0.0, 25.0, 50.0, 75.0] {
            pen.brush(
                &[-0.36, -0.5, -0.64].map(|y: f32| cap.around(v, lon * (1.0 + 0.3 * (y + 0.36)), y)),
                |_| 0.008,
            );
        }
        c.fill(pen.open(), plain(colour.times(0.78), 0.45));
        let cuff = self.cap(0.19, 0.105);
        let mut pen = Pen::new();
        let edge = |d: f32| {
            brow(d)
                .iter()
                .map(|&(lon, y)| cuff.around(v, lon, y))
                .collect::<Vec<_>>()
        };
        pen.through(&edge(0.03));
        let mut up = edge(-0.11);
        up.reverse();
        pen.through(&up);
        c.fill(
            pen.closed(),
            self.round(colour.plus(0.06, 0.0, 0.0), v.point(0.0, -0.25, 0.2), 0.55),
        );
    }

    fn headband(&self, c: &mut Canvas, colour: Lab) {
        let v = &self.view;
        let (top, side) = self.thickness();
        let cap = self.cap(top + 0.01, side + 0.012);
        let edge = |d: f32| -> Vec<Point> {
            [110.0, 80.0, 55.0, 28.0, 0.0, -28.0, -55.0, -80.0, -110.0]
                .iter()
                .map(|&lon: &f32| cap.around(v, lon, d - 0.44 + 0.000035 * lon * lon))
                .collect()
        };
        let mut pen = Pen::new();
        pen.through(&edge(0.05));
        let mut up = edge(-0.045);
        up.reverse();
        pen.through(&up);
        c.fill(pen.closed(), self.round(colour, v.point(0.0, -0.40, 0.2), 0.5));
    }

    fn flower(&self, c: &mut Canvas, colour: Lab) {
        // Above the ear on the side away from the parting: it slides over the crown as the parting does.
        let v = &self.view;
        let (top, side) = self.thickness();
        let cap = self.cap(top + 0.02, side + 0.02);
        let p = cap.around(v, -58.0 * self.a.parting.clamp(-0.6, 0.6) / 0.6, -0.33);
        let mut pen = Pen::new();
        for q in oval(p, 0.072, 0.072, 5) {
            pen.circle(q, 0.058);
        }
        c.fill(pen.open(), self.round(colour.plus(0.12, 0.0, 0.0), p, 0.17));
        let mut pen = Pen::new();
        pen.circle(p, 0.042);
        c.fill(pen.open(), plain(Lab::hex(0xffd45e), 1.0));
    }
}

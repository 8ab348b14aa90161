//! Hair: a shell around the head with an opening for the face, and what hangs from it.
use super::attributes::*;
use super::canvas::{Canvas, Ink, Part, linear, plain, radial};
use super::geometry::{Pen, Point, Section, Solid, brush, lerp, pole, ring, smoothstep};
use super::head::oval;
use super::paint::{Person, TALL};
use HairStyle::*;

/// A curve over the head: (longitude in degrees, height), from the picture's right to its left.
type Edge = Vec<(f32, f32)>;

impl Person {
    /// How far hair stands off the top and the sides of the head.
    pub(super) fn thickness(&self) -> (f32, f32) {
        let a = &self.a;
        let v = lerp(0.6, 1.4, a.hair_volume);
        let (top, side) = match a.hair_style {
            Bald => (0.0, 0.0),
            Buzz => (
                lerp(0.010, 0.025, a.hair_length),
                lerp(0.004, 0.012, a.hair_length),
            ),
            Crop => (lerp(0.075, 0.11, a.hair_length) * v, 0.035 * v),
            Quiff => (lerp(0.07, 0.10, a.hair_length) * v, 0.022 * v),
            Curly => (
                lerp(0.06, 0.10, a.hair_length) * v,
                lerp(0.03, 0.06, a.hair_length) * v,
            ),
            Afro => (
                lerp(0.11, 0.20, a.hair_length) * v,
                lerp(0.12, 0.22, a.hair_length) * v,
            ),
            Bob => (0.085 * v, 0.085 * v),
            Straight => (0.075 * v, 0.070 * v),
            Wavy => (0.095 * v, 0.095 * v),
            Ponytail | Bun | Braids => (0.045 * v, 0.026 * v),
        };
        // A cap presses the hair down.
        if a.headwear == Headwear::Beanie {
            (top.min(0.05), side.min(0.07))
        } else {
            (top, side)
        }
    }

    /// How far down the hair reaches.
    fn reach(&self) -> f32 {
        match self.a.hair_style {
            Bob => lerp(0.30, 0.56, self.a.hair_length),
            Straight | Wavy => lerp(0.62, 1.02, self.a.hair_length),
            Afro => 0.40,
            _ => 0.38,
        }
    }

    fn hangs(&self) -> bool {
        matches!(self.a.hair_style, Bob | Straight | Wavy)
    }

    /// The surface of the hair.
    fn shell(&self) -> Solid {
        let (top, side) = self.thickness();
        let (hangs, reach, afro) = (self.hangs(), self.reach(), self.a.hair_style == Afro);
        Solid::new(-TALL - top, reach, |y| {
            let up = if y < 0.0 {
                y * TALL / (TALL + top)
            } else {
                y.min(TALL)
            };
            let s = self.head.section(up);
            let side = side * pole(y, TALL + top);
            if hangs {
                // Below the ears it hangs straight down.
                let ear = self.head.section(0.0);
                let t = smoothstep(-0.15, 0.15, y);
                let flare =
                    1.0 + 0.05 * smoothstep(0.1, reach, y) - 0.10 * smoothstep(0.75 * reach, reach, y);
                let a = lerp(s.a + side, (ear.a + side) * flare, t);
                return Section {
                    a,
                    b: lerp(s.b + side, (ear.b + side) * flare, t),
                    c: lerp(s.c, 0.0, t),
                };
            }
            let thick =
                side * (1.0 - smoothstep(if afro { 0.10 } else { -0.02 }, if afro { 0.42 } else { 0.20 }, y));
            let s = if y > 0.0 && afro {
                self.head.section(0.0)
            } else {
                s
            };
            let round = if afro {
                (1.0 - (y / 0.40).max(0.0).powi(2)).max(0.0).sqrt()
            } else {
                1.0
            };
            Section {
                a: (s.a + thick) * round,
                b: (s.b + thick) * round,
                c: s.c - 0.02 * thick / side.max(0.01),
            }
        })
    }

    /// The edge of the hair around the face.
    fn opening(&self) -> Edge {
        let a = &self.a;
        let low = lerp(-0.43, -0.22, a.fringe);
        let part = 34.0 * a.parting;
        // Over the forehead: (longitude, height) between the temples.
        let front = |temple: f32, notch: f32, sweep: f32| -> Edge {
            let height = |lon: f32| {
                let d = (lon - part) / 19.0;
                let away = ((lon - part).abs() / 60.0).min(1.2);
                let open = low - notch * (-(d * d) as f64).exp() as f32 + sweep * away;
                lerp(open, temple, smoothstep(38.0, 62.0, lon.abs()))
            };
            [
                54.0, 44.0, 34.0, 24.0, 12.0, 0.0, -12.0, -24.0, -34.0, -44.0, -54.0,
            ]
            .iter()
            .map(|&lon| (lon, height(lon)))
            .collect()
        };
        let (side, middle): (Edge, Edge) = match a.hair_style {
            Buzz => (
                short(0.02, 66.0),
                [45.0, 30.0, 15.0, 0.0, -15.0, -30.0, -45.0]
                    .map(|l: f32| (l, -0.37 - 0.03 * a.fringe + 0.03 * (l / 45.0).abs()))
                    .to_vec(),
            ),
            Crop => (short(0.12, 64.0), front(-0.22, 0.07, 0.06)),
            Quiff => (
                short(0.08, 64.0),
                [50.0, 35.0, 18.0, 0.0, -18.0, -35.0, -50.0]
                    .map(|l: f32| (l, -0.40 + 0.07 * a.fringe + 0.06 * (l / 50.0).powi(2)))
                    .to_vec(),
            ),
            Curly => (short(0.10, 64.0), front(-0.22, 0.02, 0.02)),
            Afro => (
                vec![
                    (180.0, 0.16),
                    (128.0, 0.14),
                    (108.0, 0.08),
                    (92.0, 0.0),
                    (82.0, 0.04),
                    (74.0, 0.02),
                    (70.0, -0.08),
                    (62.0, -0.19),
                ],
                front(-0.24, 0.0, 0.02),
            ),
            Bob => (hanging(self.reach(), 0.14), front(-0.16, 0.02, 0.015)),
            Straight | Wavy => (hanging(self.reach(), 0.2), front(-0.13, 0.17, 0.07)),
            _ => (short(0.05, 68.0), front(-0.24, 0.06, 0.02)),
        };
        let mirrored = side.iter().rev().map(|&(lon, y)| (-lon, y));
        side.iter().copied().chain(middle).chain(mirrored).collect()
    }

    fn hair_ink(&self, factor: f32) -> Ink {
        self.round(self.hair.times(factor), self.view.point(0.0, -0.22, 0.0), 0.72)
    }

    /// What lies behind head and neck.
    pub(super) fn hair_behind(&self, c: &mut Canvas) {
        let style = self.a.hair_style;
        let v = &self.view;
        if style == Bun {
            let r = lerp(0.13, 0.19, self.a.hair_length);
            let high = if self.a.headwear == Headwear::Beanie {
                0.05
            } else {
                0.62
            };
            let middle = v.point(0.0, -high - 0.55 * r, -0.16);
            let mut pen = Pen::new();
            pen.circle(middle, r);
            c.fill(pen.open(), self.round(self.hair, middle, 1.1 * r));
            let swirl: Vec<Point> = (0..7)
                .map(|i| {
                    let (s, q) = (0.6 + i as f64 * 0.75).sin_cos();
                    let r = r * (0.85 - 0.1 * i as f32);
                    [middle[0] + r * q as f32, middle[1] + r * s as f32]
                })
                .collect();
            c.fill(
                brush(&swirl, |t| 0.014 * (1.0 - t)),
                plain(self.hair.times(0.72), 0.7),
            );
        }
        if style == Ponytail {
            self.ponytail(c);
        }
        if self.hangs() || style == Afro {
            let shell = self.shell();
            let mut pen = Pen::new();
            pen.through(&shell.arc(v, shell.bottom, shell.bottom, true, 20));
            let ink = plain(self.hair.times(if style == Afro { 0.76 } else { 0.62 }), 1.0);
            c.fill(pen.closed(), ink.clone());
            if style == Afro {
                let mut pen = Pen::new();
                let size = lerp(0.055, 0.08, self.a.hair_volume);
                shell
                    .arc(v, 0.0, 0.0, false, 12)
                    .iter()
                    .enumerate()
                    .for_each(|(i, p)| pen.circle(*p, size * [1.0, 0.8, 1.1][i % 3]));
                c.fill(pen.open(), ink);
            }
        }
    }

    fn ponytail(&self, c: &mut Canvas) {
        let (a, v) = (&self.a, &self.view);
        // To the side of the parting, further than it.
        let x = 1.2 * a.parting / (a.parting.abs() + 0.2);
        let end = lerp(0.35, 0.85, a.hair_length);
        let line = [
            v.point(0.05 * x, -0.50, -0.30),
            v.point(0.20 * x, -0.66, -0.42),
            v.point(0.42 * x, -0.52, -0.52),
            v.point(0.54 * x, -0.16, -0.56),
            v.point(0.57 * x, lerp(-0.1, end, 0.5), -0.54),
            v.point(0.50 * x, end, -0.50),
        ];
        let fat = lerp(0.10, 0.15, a.hair_volume);
        c.fill(
            brush(&line, |t| {
                fat * (0.55 + 1.1 * t * (1.0 - t) * 2.0) * (1.0 - t.powi(4)).max(0.05)
            }),
            self.hair_ink(0.86),
        );
        c.fill(
            brush(&line, |t| 0.016 * (1.0 - t)),
            plain(self.hair.times(0.68), 0.5),
        );
    }

    /// What hangs before the shoulders but behind the head.
    pub(super) fn tails(&self, c: &mut Canvas) {
        if self.a.hair_style != Braids {
            return;
        }
        let v = &self.view;
        let (start, end) = (0.20, lerp(0.62, 0.98, self.a.hair_length));
        let n = 7;
        for side in [-1.0, 1.0] {
            let at = |t: f32| v.point(side * lerp(0.40, 0.49, t), lerp(start, end, t), -0.02 + 0.1 * t);
            let line = [0.0, 0.25, 0.5, 0.75, 1.0].map(at);
            c.fill(brush(&line, |t| lerp(0.070, 0.050, t)), self.hair_ink(0.62));
            // Two rows of slanted lobes, the one over the other.
            for (lean, factor) in [(1.0, 0.88), (-1.0, 1.04)] {
                let mut pen = Pen::new();
                for i in 0..n {
                    let t = (i as f32 + if lean > 0.0 { 0.0 } else { 0.5 }) / n as f32;
                    let (p, r) = (at(t), lerp(0.078, 0.056, t));
                    let (long, short) = (0.95 * r, 0.60 * r);
                    let lobe: Vec<Point> = oval([0.0, 0.0], long, short, 8)
                        .iter()
                        .map(|q| {
                            [
                                p[0] + lean * (0.32 * r + 0.75 * q[0] + 0.66 * q[1]),
                                p[1] - 0.66 * q[0] + 0.75 * q[1],
                            ]
                        })
                        .collect();
                    pen.ring(&lobe);
                }
                c.fill(pen.open(), plain(self.hair.times(factor), 1.0));
            }
            let tie = at(1.06);
            let mut pen = Pen::new();
            pen.circle(tie, 0.042);
            let band = super::colour::Lab::polar(0.62, 0.17, self.a.headwear_hue);
            c.fill(pen.open(), plain(band, 1.0));
        }
    }

    /// The hair over the head, with ears and jewels in their places.
    pub(super) fn hair_in_front(&self, c: &mut Canvas) {
        let under = self.hangs() || self.a.hair_style == Afro;
        if under {
            self.beside_the_face(c);
        }
        if self.a.hair_style != Bald {
            let (shell, edge) = (self.shell(), self.opening());
            self.hair_shadow(c, &edge);
            self.hair_cap(c, &shell, &edge);
        }
        if !under {
            self.beside_the_face(c);
        }
        c.of(Part::Jewels, |c| self.earrings(c));
    }

    fn beside_the_face(&self, c: &mut Canvas) {
        c.of(Part::Skin, |c| self.ears(c, true));
        c.of(Part::Glasses, |c| self.glasses_arms(c, true));
    }

    /// The shadow that the hair casts on the forehead.
    fn hair_shadow(&self, c: &mut Canvas, edge: &Edge) {
        if matches!(self.a.hair_style, Buzz) {
            return;
        }
        let [x, _] = self.sun;
        let low: Edge = edge
            .iter()
            .filter(|p| p.0.abs() < 80.0 && p.1 < 0.02)
            .map(|&(lon, y)| (lon - 4.0 * x, y + 0.035))
            .collect();
        let inner: Vec<Point> = low
            .iter()
            .map(|&(lon, y)| self.head.around(&self.view, lon * 0.97, y))
            .collect();
        let mut pen = Pen::new();
        pen.through(&inner);
        if let (Some(first), Some(last)) = (low.first(), low.last()) {
            pen.through(&self.head.arc(&self.view, last.1, first.1, true, 12));
        }
        let [high, fade] = [self.view.flat(0.0, -0.30), self.view.flat(0.0, 0.05)];
        c.fill(
            pen.closed(),
            linear(high, fade, &[(0.0, self.dark, 0.5), (1.0, self.dark, 0.0)]),
        );
    }

    fn hair_cap(&self, c: &mut Canvas, shell: &Solid, edge: &Edge) {
        let v = &self.view;
        let style = self.a.hair_style;
        let ink = if style == Buzz {
            self.round(self.hair.mix(self.skin, 0.22), v.point(0.0, -0.1, 0.0), 0.66)
        } else {
            self.hair_ink(1.0)
        };
        match style {
            Curly | Afro => {
                c.fill(shell.region(v, edge, true), ink.clone());
                self.curls(c, shell, edge, ink);
            }
            Wavy => c.fill(self.wavy(shell, edge), ink),
            _ => c.fill(shell.region(v, edge, true), ink),
        }
        if style == Quiff {
            self.quiff(c, shell);
        }
        if !matches!(style, Buzz | Curly | Afro) {
            self.strands(c, shell, edge);
            self.gloss(c, shell);
        }
    }

    /// The region of the hair with waves on its outline and its inner edge.
    fn wavy(&self, shell: &Solid, edge: &Edge) -> Option<tiny_skia::Path> {
        let v = &self.view;
        let wave = |p: Point, y: f32, side: f32, amount: f32| {
            let s = (y as f64 * 15.0 + 1.0).sin() as f32;
            [p[0] + side * amount * s * smoothstep(-0.5, 0.0, y), p[1]]
        };
        let inner: Vec<Point> = edge
            .iter()
            .map(|&(lon, y)| {
                wave(
                    shell.around(v, lon, y),
                    y,
                    lon.signum() * (lon.abs() / 40.0).min(1.0),
                    0.018,
                )
            })
            .collect();
        let (first, last) = (edge.first()?, edge.last()?);
        let outer = |side: f32, from: f32, to: f32| -> Vec<Point> {
            (0..=20)
                .map(|i| lerp(from, to, i as f32 / 20.0))
                .map(|y| wave(shell.outline(v, side, y), y, side, 0.03))
                .collect()
        };
        let mut pen = Pen::new();
        pen.through(&inner);
        pen.through(&outer(-1.0, last.1, -0.3));
        pen.through(&shell.arc(v, -0.3, -0.3, true, 16));
        pen.through(&outer(1.0, -0.3, first.1));
        pen.closed()
    }

    /// Curls as overlapping balls along the outline and the edge around the face.
    fn curls(&self, c: &mut Canvas, shell: &Solid, edge: &Edge, ink: Ink) {
        let v = &self.view;
        let afro = self.a.hair_style == Afro;
        let size = lerp(0.060, 0.085, self.a.hair_volume) * if afro { 1.1 } else { 1.0 };
        let low = if afro { 0.08 } else { -0.08 };
        let mut pen = Pen::new();
        let ring = shell.arc(v, low, low, true, 18);
        for (i, p) in ring.iter().enumerate() {
            pen.circle(
                *p,
                size * [1.1, 0.9, 1.2, 1.0][i % 4] * if afro { 0.95 } else { 1.0 },
            );
        }
        for (i, &(lon, y)) in edge
            .iter()
            .enumerate()
            .filter(|(_, p)| p.0.abs() < 75.0 && p.1 < -0.04)
        {
            pen.circle(shell.around(v, lon, y - 0.03), size * [0.9, 0.7, 1.0][i % 3]);
        }
        c.fill(pen.open(), ink);
        // Arcs of light and shade between them, spread evenly by the golden ratio.
        let (light, dark) = (self.hair.plus(0.10, 0.0, 0.008), self.hair.times(0.68));
        for (k, colour, alpha) in [(0, dark, 0.55), (1, light, 0.55)] {
            let mut pen = Pen::new();
            for i in (k..22).step_by(2) {
                let t = (i as f32 + 0.5) / 22.0;
                let lon = 190.0 * ((i as f32 * 0.618_034).fract() - 0.5);
                let p = shell.around(v, lon, lerp(shell.top + 0.03, -0.36, t.powf(0.8)));
                let (r, from) = (0.55 * size, 2.6 + (i % 5) as f64 * 0.5 + 0.8 * k as f64);
                let arc = [0.0, 1.3, 2.6].map(|t: f64| {
                    let (s, q) = (from + t).sin_cos();
                    [p[0] + r * q as f32, p[1] + r * s as f32]
                });
                pen.brush(&arc, |_| 0.0095);
            }
            c.fill(pen.open(), plain(colour, alpha));
        }
    }

    /// The lock that is swept up in front.
    fn quiff(&self, c: &mut Canvas, shell: &Solid) {
        let v = &self.view;
        let a = &self.a;
        // It falls away from the parting.
        let x = -0.16 * a.parting;
        let rise = lerp(0.06, 0.13, a.hair_length) * lerp(0.7, 1.3, a.hair_volume);
        let (top, low) = (shell.top, 0.06 * a.fringe);
        let p = |x: f32, y: f32, z: f32| v.point(x, y, z);
        let lock = [
            p(0.33, -0.31, 0.28),
            p(0.17, -0.36 + low, 0.42),
            p(0.0, -0.37 + low, 0.45),
            p(-0.17, -0.36 + low, 0.42),
            p(-0.33, -0.31, 0.28),
            p(-0.42 + 0.5 * x, -0.46, 0.24),
            p(-0.32 + x, top + 0.04 - 0.5 * rise, 0.26),
            p(x, top - rise, 0.28),
            p(0.32 + x, top + 0.04 - 0.5 * rise, 0.26),
            p(0.42 + 0.5 * x, -0.46, 0.24),
        ];
        c.fill(
            ring(&lock),
            self.round(self.hair.times(1.04), p(0.0, -0.5, 0.36), 0.46),
        );
        let mut pen = Pen::new();
        for t in [-0.8, -0.4, 0.05, 0.45, 0.8] {
            let strand = [
                p(0.28 * t, -0.38 + low, 0.43),
                p(0.36 * t + 0.3 * x, -0.50, 0.42),
                p(0.34 * t + x, top - 0.2 * rise, 0.32),
            ];
            pen.brush(&strand, |t| 0.008 * (1.0 - 0.6 * t));
        }
        c.fill(pen.open(), plain(self.hair.times(0.70), 0.5));
    }

    /// Darker and lighter strands from the parting to the edge.
    fn strands(&self, c: &mut Canvas, shell: &Solid, edge: &Edge) {
        let v = &self.view;
        let part = 34.0 * self.a.parting;
        let wave = if self.a.hair_style == Wavy { 4.0 } else { 0.0 };
        let hangs = self.hangs();
        let mut ends: Edge = edge
            .iter()
            .copied()
            .filter(|p| p.0.abs() < if hangs { 58.0 } else { 125.0 } && (!hangs || p.1 < -0.1))
            .collect();
        if hangs {
            let low = shell.bottom;
            ends.extend([-118.0, -98.0, -84.0, -73.0, 73.0, 84.0, 98.0, 118.0].map(|lon| (lon, 0.92 * low)));
        }
        for (k, colour, alpha) in [
            (0, self.hair.times(0.72), 0.55),
            (1, self.hair.plus(0.08, 0.0, 0.01), 0.5),
        ] {
            let mut pen = Pen::new();
            for (i, &(lon, y)) in ends.iter().enumerate().filter(|(i, _)| i % 3 == k) {
                let line: Vec<Point> = [0.18, 0.55, 0.96]
                    .iter()
                    .map(|&t: &f32| {
                        let bend = 7.0
                            * (t as f64 * std::f64::consts::PI).sin() as f32
                            * ((lon - part) / 25.0).clamp(-1.0, 1.0);
                        let ripple = wave * (t as f64 * 11.0 + i as f64).sin() as f32 * t;
                        // What hangs goes around the face first, and then down.
                        let down = lon.abs() > 70.0 && hangs;
                        let t_lon = if down { (2.2 * t).min(1.0) } else { t };
                        let along = lerp(part + 0.5 * (lon - part), lon, t_lon)
                            + bend * if down { 0.2 } else { 1.0 }
                            + ripple;
                        shell.around(
                            v,
                            along,
                            lerp(shell.top, y, if down { t * t } else { t.powf(1.2) }),
                        )
                    })
                    .collect();
                pen.brush(&line, |t| 0.0085 - 0.005 * t);
            }
            c.fill(pen.open(), plain(colour, alpha));
        }
    }

    /// A soft highlight on the side of the light.
    fn gloss(&self, c: &mut Canvas, shell: &Solid) {
        let v = &self.view;
        let lon = 42.0 * self.sun[0] - 0.5 * self.a.yaw;
        let y = lerp(shell.top, -0.30, 0.42);
        let band: Vec<Point> = [-34.0, -17.0, 0.0, 17.0, 34.0]
            .iter()
            .map(|d: &f32| shell.around(v, lon + d, y + 0.00008 * d * d))
            .collect();
        let light = self.hair.plus(0.14, -0.004, 0.0);
        let middle = shell.around(v, lon, y);
        let soft = radial(middle, 0.30, &[(0.0, light, 0.75), (1.0, light, 0.0)]);
        c.fill(
            brush(&band, |t| 0.05 * (4.0 * t * (1.0 - t)).max(0.0).sqrt()),
            soft,
        );
    }
}

/// The edge at the side of short hair: nape, behind the ear, sideburn, temple.
fn short(sideburn: f32, temple: f32) -> Edge {
    vec![
        (180.0, 0.36),
        (128.0, 0.27),
        (108.0, 0.06),
        (94.0, -0.06),
        (86.0, sideburn - 0.02),
        (78.0, sideburn),
        (74.0, -0.06),
        (temple, -0.20),
    ]
}

/// The edge at the side of hair that hangs beside the face.
fn hanging(reach: f32, curl: f32) -> Edge {
    vec![
        (86.0, reach),
        (62.0, reach - 0.6 * curl * reach),
        (57.0, reach * 0.62),
        (62.0, 0.16),
        (64.0, 0.0),
        (62.0, -0.10),
    ]
}

//! Eyes, brows, nose and mouth.
use super::canvas::{Canvas, linear, plain};
use super::colour::Lab;
use super::geometry::{Pen, Point, brush, lerp, ring, smoothstep};
use super::head::oval;
use super::paint::{EYES, Person};

/// Half the width of an eye of usual size.
const LIDS: f32 = 0.112;

/// The opening between the lids of one eye.
struct Lids {
    /// middle, half width, heights above and below the middle, and how far the outer corner is raised
    x: f32,
    w: f32,
    up: f32,
    down: f32,
    slant: f32,
    side: f32,
}

impl Lids {
    fn bow(&self, u: f32) -> f32 {
        (1.0 - (u / self.w).powi(2)).max(0.0).powf(0.62)
    }
    fn lean(&self, u: f32) -> f32 {
        EYES - self.slant * u * self.side
    }
    /// Height of the upper lid's edge `u` to the right of the middle.
    fn top(&self, u: f32) -> f32 {
        self.lean(u) - self.up * self.bow(u - 0.04 * self.w * self.side)
    }
    /// The same, but never below the lower lid: shut eyes are shut.
    fn upper(&self, u: f32) -> f32 {
        self.top(u).min(self.bottom(u))
    }
    /// Height of the lower lid's edge.
    fn bottom(&self, u: f32) -> f32 {
        self.lean(u) + self.down * self.bow(u)
    }
}

impl Person {
    fn lids(&self, side: f32) -> Lids {
        let a = &self.a;
        let size = 1.0 + 0.17 * a.eye_size;
        let open = a.eyes_open;
        let squint = 1.0 - 0.38 * a.smile.max(0.0);
        Lids {
            x: side * (0.192 + 0.018 * a.eye_distance),
            w: LIDS * size,
            up: lerp(-0.035, 0.098, open) * size,
            down: lerp(0.04, 0.078 * squint, smoothstep(0.0, 0.6, open)) * size,
            slant: 0.05 + 0.10 * (a.presentation - 0.5),
            side,
        }
    }

    /// Both eyes: whites, irises, pupils, lights, lids and lashes, the two of each in one shape.
    pub(super) fn eyes(&self, c: &mut Canvas) {
        let sides = [-1.0, 1.0].map(|side| self.lids(side));
        let size = sides[0].w / LIDS;
        let each = |draw: &dyn Fn(&Lids, &mut Pen)| {
            let mut pen = Pen::new();
            sides.iter().for_each(|e| draw(e, &mut pen));
            pen.open()
        };
        let white = Lab(0.97, 0.0, 0.004).mix(self.skin, 0.06);
        let whites = each(&|e, pen| {
            let mut edge = self.upper_lid(e);
            edge.extend([0.78, 0.4, 0.0, -0.4, -0.78].map(|t| self.on(e.x + t * e.w, e.bottom(t * e.w))));
            pen.ring(&edge);
        });
        c.fill(whites, plain(white, 1.0));

        let tones = [0x3b2317, 0x7a5222, 0x4f8a4c, 0x3f86c8, 0x8296a6].map(Lab::hex);
        let colour = Lab::ramp(&tones, self.a.eye_colour);
        let (u0, y0, r) = (0.042 * self.a.gaze, EYES - 0.004, 0.073 * size);
        // A disc, cut by the lids.
        let disc = |e: &Lids, r: f32, n: usize| -> Vec<Point> {
            let cut = |p: &Point| self.on(e.x + p[0], p[1].min(e.bottom(p[0])).max(e.upper(p[0])));
            oval([u0, y0], r, r, n).iter().map(cut).collect()
        };
        let (above, below) = (
            self.view.flat(0.0, y0 - 0.8 * r),
            self.view.flat(0.0, y0 + 0.9 * r),
        );
        let glow = linear(
            above,
            below,
            &[
                (0.0, colour.times(0.74), 1.0),
                (1.0, colour.plus(0.13, 0.0, 0.02), 1.0),
            ],
        );
        c.fill(each(&|e, pen| pen.ring(&disc(e, r, 12))), glow);
        c.fill(
            each(&|e, pen| pen.ring(&disc(e, 0.52 * r, 8))),
            plain(Lab(0.14, 0.0, 0.0), 1.0),
        );

        let shine = smoothstep(0.15, 0.45, self.a.eyes_open);
        let [x, y] = self.sun;
        let spot = |e: &Lids, pen: &mut Pen, dx: f32, dy: f32, r: f32| {
            pen.ring(&self.onto(&oval(
                [e.x + u0 + dx * size, y0 + dy * size],
                r * size,
                r * size,
                6,
            )));
        };
        c.fill(
            each(&|e, pen| spot(e, pen, 0.032 * x, -0.024 + 0.012 * y, 0.023)),
            plain(Lab(1.0, 0.0, 0.0), 0.95 * shine),
        );
        c.fill(
            each(&|e, pen| spot(e, pen, -0.03 * x, 0.03, 0.012)),
            plain(Lab(1.0, 0.0, 0.0), 0.55 * shine),
        );

        let folds = each(&|e, pen| {
            let fold = [-0.8, -0.3, 0.3, 0.9]
                .map(|t| self.on(e.x + t * e.w, EYES - 0.095 * size - 0.038 * (1.0 - t * t)));
            let low = [-0.75, -0.3, 0.2, 0.7].map(|t| self.on(e.x + t * e.w, e.bottom(t * e.w)));
            pen.brush(&fold, |_| 0.006);
            pen.brush(&low, |_| 0.0065);
        });
        c.fill(folds, plain(self.dark.times(0.9), 0.48));
        let ink = Lab::hex(0x2a1a14).mix(self.hair.times(0.5), 0.25);
        c.fill(each(&|e, pen| self.lashes(e, pen)), plain(ink, 1.0));
    }

    fn upper_lid(&self, e: &Lids) -> Vec<Point> {
        [-1.0, -0.8, -0.45, 0.0, 0.45, 0.8, 1.0]
            .iter()
            .map(|t| self.on(e.x + t * e.w, e.upper(t * e.w)))
            .collect()
    }

    /// The upper lid's dark edge, heavier outside, and two lashes.
    fn lashes(&self, e: &Lids, pen: &mut Pen) {
        let a = &self.a;
        let outer = |t: f32| if e.side > 0.0 { t } else { 1.0 - t };
        let heavy = lerp(0.013, 0.021, a.presentation);
        pen.brush(&self.upper_lid(e), |t| {
            heavy * (0.45 + 0.75 * outer(t)) * (t * (1.0 - t) * 8.0).clamp(0.25, 1.0)
        });
        let lash = smoothstep(0.45, 0.85, a.presentation);
        for (t, dx, dy) in [(0.98, 0.055, -0.040), (0.78, 0.045, -0.052)] {
            let u = t * e.w * e.side;
            let y = e.upper(u);
            pen.brush(
                &[
                    self.on(e.x + u, y),
                    self.on(e.x + u + lash * dx * e.side, y + lash * dy),
                ],
                |_| 0.0085 * lash,
            );
        }
    }

    /// Both eyebrows.
    pub(super) fn brows(&self, c: &mut Canvas) {
        let a = &self.a;
        let colour = self.hair.mix(Lab(0.25, 0.02, 0.03), 0.42);
        let thick = lerp(0.013, 0.036, a.brow_thickness) * lerp(1.15, 0.9, a.presentation);
        let y = -0.125 - 0.03 * a.brow_height - 0.012 * a.smile.max(0.0);
        let mut pen = Pen::new();
        for side in [-1.0, 1.0] {
            let x = 0.192 + 0.018 * a.eye_distance;
            let (inner, arch) = (0.030 * a.brow_angle, lerp(0.018, 0.038, a.presentation));
            let line = [
                [x - 0.118, y + inner],
                [x - 0.05, y - arch * 0.8 + 0.4 * inner],
                [x + 0.03, y - arch - 0.012],
                [x + 0.085, y - arch * 0.6],
                [x + 0.13, y + 0.024 - 0.2 * inner],
            ];
            let line: Vec<Point> = line.iter().map(|p| self.on(side * p[0], p[1])).collect();
            pen.brush(&line, |t| thick * (1.0 - 0.85 * t * t) * (0.7 + t).min(1.0));
        }
        c.fill(pen.open(), plain(colour, 0.95));
    }

    /// The nose: shaded on the side away from the light, its profile outlined when turned.
    pub(super) fn nose(&self, c: &mut Canvas) {
        let s = 1.0 + 0.22 * self.a.nose_size;
        let lift = |x: f32, y: f32, z: f32| self.head.front(&self.view, x, y, z);
        let tip_y = EYES + 0.135;
        let (bridge, tip, base) = (
            lift(0.0, -0.02, 0.015),
            lift(0.0, tip_y, 0.12 * s),
            lift(0.0, tip_y + 0.045 * s, 0.035),
        );
        let wing = |side: f32| lift(side * 0.062 * s, tip_y + 0.022 * s, 0.02);
        // Each flank is as dark as it is turned from the light.
        for side in [-1.0, 1.0] {
            let away = (0.5 - 0.5 * side * self.sun[0] + 0.35 * side * self.view.sin).clamp(0.0, 1.0);
            let flank = [bridge, lift(side * 0.02, 0.09, 0.05 * s), wing(side), base, tip];
            c.fill(ring(&flank), plain(self.dark, 0.05 + 0.30 * away * away));
        }
        let mut pen = Pen::new();
        pen.ring(&[
            lift(0.0, tip_y - 0.05 * s, 0.10 * s),
            lift(0.034 * s, tip_y - 0.005, 0.085 * s),
            lift(0.0, tip_y + 0.02 * s, 0.10 * s),
            lift(-0.034 * s, tip_y - 0.005, 0.085 * s),
        ]);
        c.fill(pen.open(), plain(self.skin.plus(0.05, 0.0, 0.005), 0.75));
        let under = [
            wing(-1.0),
            lift(-0.03 * s, tip_y + 0.045 * s, 0.03),
            lift(0.0, tip_y + 0.052 * s, 0.05 * s),
            lift(0.03 * s, tip_y + 0.045 * s, 0.03),
            wing(1.0),
        ];
        c.fill(
            brush(&under, |t| 0.006 + 0.007 * (4.0 * t * (1.0 - t))),
            plain(self.dark.times(0.86), 0.85),
        );
        // The profile, on the side that is turned away.
        let turn = smoothstep(0.15, 0.65, self.view.sin.abs());
        if turn > 0.0 {
            let profile = [
                lift(0.0, 0.0, 0.02),
                lift(0.0, 0.09, 0.06 * s),
                tip,
                lift(0.0, tip_y + 0.035 * s, 0.10 * s),
                base,
            ];
            c.fill(
                brush(&profile, |t| 0.003 + 0.008 * t),
                plain(self.dark.times(0.9), 0.75 * turn),
            );
        }
    }

    /// Lips, and teeth and tongue when the mouth is open.
    pub(super) fn mouth(&self, c: &mut Canvas) {
        let a = &self.a;
        let smile = a.smile;
        let w = (0.125 + 0.022 * a.mouth_width) * (1.0 + 0.30 * smile.max(0.0) - 0.06 * (-smile).max(0.0));
        let open = smoothstep(0.3, 1.1, smile) * 0.15;
        let full = lerp(0.012, 0.038, a.lips);
        let middle = 0.355 - 0.012 * smile.max(0.0);
        let bend = if smile > 0.0 { 0.085 * smile } else { 0.060 * smile };
        // Height of the line between the lips, and of the lips' edges, at u in [-1, 1] across the mouth.
        let line = move |u: f32| middle + 0.3 * bend - bend * u * u;
        let bow = |u: f32| (1.0 - u * u).max(0.0);
        let low = move |u: f32| line(u) + open * bow(u).powf(0.8);
        let steps = |n: usize| (0..=n).map(move |i| 2.0 * i as f32 / n as f32 - 1.0);
        let row = |n: usize, y: &dyn Fn(f32) -> f32| -> Vec<Point> {
            steps(n).map(|u| self.on(u * w, y(u))).collect()
        };
        let between = |n: usize, above: &dyn Fn(f32) -> f32, below: &dyn Fn(f32) -> f32| {
            let mut pen = Pen::new();
            pen.through(&row(n, above));
            let mut back = row(n, below);
            back.reverse();
            pen.through(&back);
            pen.closed()
        };
        let bare = Lab(self.skin.0 * 0.82, self.skin.1 + 0.055, self.skin.2 * 0.9 + 0.008);
        let lips = bare.mix(Lab::polar(lerp(0.56, 0.44, a.skin), 0.19, 18.0), 0.9 * a.lipstick);
        let dip = |u: f32| 1.0 - 0.35 * (1.0 - (u / 0.22).powi(2)).max(0.0);
        let upper = |u: f32| line(u) - 1.15 * full * bow(u).powf(0.7) * dip(u);
        let lower = |u: f32| low(u) + 1.6 * full * bow(u).powf(0.75);
        let strength = lerp(0.75, 1.0, a.lipstick.max(a.presentation));
        c.fill(between(8, &upper, &lower), plain(lips, strength));
        if open > 0.0 {
            let [inner, teeth, tongue] = [0x5a1620, 0xfffaf2, 0xd9656b].map(Lab::hex);
            c.fill(between(8, &line, &low), plain(inner, 1.0));
            let tongue_top = |u: f32| low(u) - (0.42 * open * (1.0 - (u / 0.62).powi(2)).max(0.0)).max(0.0);
            c.fill(between(8, &tongue_top, &low), plain(tongue, 1.0));
            let bite = |u: f32| line(u) + (low(u) - line(u)) * 0.46;
            c.fill(between(8, &line, &bite), plain(teeth, 1.0));
        }
        let ends = 0.007 + 0.004 * (1.0 - a.lipstick);
        c.fill(
            brush(&row(8, &line), |t| ends * (0.5 + 2.0 * t * (1.0 - t))),
            plain(Lab::hex(0x5a1f1f).mix(self.dark.times(0.55), 0.5), 0.95),
        );
        // The corners of a smile, and the fold above the chin.
        let mut pen = Pen::new();
        let wide = 0.0085 * smile.max(0.0).sqrt();
        for x in [-w, w] {
            let corner = self.onto(&[
                [x * 0.97, line(1.0) + 0.012],
                [x * 1.04, line(1.0) - 0.008],
                [x * 1.09, line(1.0) - 0.026],
            ]);
            pen.brush(&corner, |t| wide * (1.0 - 0.6 * t));
        }
        pen.brush(&self.onto(&[[-0.05, 0.465], [0.0, 0.475], [0.05, 0.465]]), |_| {
            0.006
        });
        c.fill(pen.open(), plain(self.dark, 0.45));
    }
}

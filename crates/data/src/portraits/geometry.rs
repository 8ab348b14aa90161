//! Turning heads: horizontal elliptic sections stacked to a solid, seen after a turn about the vertical axis.
//!
//! Space has x to the picture's right, y down and z to the viewer; its origin is the middle of the head, and
//! the picture's shorter side is two units long. The view is a parallel projection.
use tiny_skia::{Path, PathBuilder};

/// A point of the picture, in units.
pub(super) type Point = [f32; 2];

/// 0 below `low`, 1 above `high`, smooth between.
pub(super) fn smoothstep(low: f32, high: f32, x: f32) -> f32 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// `t` of the way from `a` to `b`.
pub(super) fn lerp(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}

/// How far a layer stands off the sides at height `y` when it must close at height `-top`: 1 below the middle.
pub(super) fn pole(y: f32, top: f32) -> f32 {
    (1.0 - (y.min(0.0) / top).powi(2)).max(0.0).sqrt()
}

/// Where the head looks.
#[derive(Clone, Copy)]
pub(super) struct View {
    /// sine and cosine of the turn
    pub sin: f32,
    pub cos: f32,
    tilt: (f32, f32),
}

/// Height of the middle of the head in the picture.
const MIDDLE: f32 = -0.06;
/// Height, below the middle of the head, of the joint about which it tilts.
const JOINT: f32 = 0.5;

impl View {
    /// From turn and tilt in degrees.
    pub(super) fn new(yaw: f32, tilt: f32) -> View {
        let (sin, cos) = (yaw as f64).to_radians().sin_cos();
        let (ts, tc) = (tilt as f64).to_radians().sin_cos();
        View {
            sin: sin as f32,
            cos: cos as f32,
            tilt: (ts as f32, tc as f32),
        }
    }

    /// What belongs to the shoulders: it neither turns nor tilts.
    pub(super) fn still() -> View {
        View {
            sin: 0.0,
            cos: 1.0,
            tilt: (0.0, 1.0),
        }
    }

    /// A turned point in the picture.
    pub(super) fn flat(&self, x: f32, y: f32) -> Point {
        let (s, c) = self.tilt;
        let y = y - JOINT;
        [x * c - y * s, x * s + y * c + JOINT + MIDDLE]
    }

    /// A point of space in the picture.
    pub(super) fn point(&self, x: f32, y: f32, z: f32) -> Point {
        self.flat(x * self.cos + z * self.sin, y)
    }

    /// How much of what sits on one side of the head (`side` -1 or 1) lies on the viewer's side of it: 0
    /// hidden to 1 in front, passing smoothly through `at` (sine of the turn away from the viewer).
    pub(super) fn near(&self, side: f32, at: f32) -> f32 {
        smoothstep(at - 0.12, at + 0.12, -self.sin * side)
    }
}

/// A horizontal section: half its width, half its depth, and how far its middle lies forward.
#[derive(Clone, Copy)]
pub(super) struct Section {
    pub a: f32,
    pub b: f32,
    pub c: f32,
}

/// A solid of sections between two heights, sampled more closely near its ends.
pub(super) struct Solid {
    pub top: f32,
    pub bottom: f32,
    table: [Section; Solid::SAMPLES],
}

impl Solid {
    const SAMPLES: usize = 25;

    /// Samples the sections of `at(height)`.
    pub(super) fn new(top: f32, bottom: f32, at: impl Fn(f32) -> Section) -> Solid {
        let table = std::array::from_fn(|i| {
            let turn = i as f64 / (Self::SAMPLES - 1) as f64 * std::f64::consts::PI;
            at(lerp(top, bottom, (0.5 - 0.5 * turn.cos()) as f32))
        });
        Solid { top, bottom, table }
    }

    /// The section at a height, that of the end beyond it.
    pub(super) fn section(&self, y: f32) -> Section {
        let t = ((y - self.top) / (self.bottom - self.top)).clamp(0.0, 1.0);
        let at = (1.0 - 2.0 * t as f64).acos() / std::f64::consts::PI * (Self::SAMPLES - 1) as f64;
        let i = (at as usize).min(Self::SAMPLES - 2);
        let (p, q, t) = (self.table[i], self.table[i + 1], at as f32 - i as f32);
        Section {
            a: lerp(p.a, q.a, t),
            b: lerp(p.b, q.b, t),
            c: lerp(p.c, q.c, t),
        }
    }

    /// The outline's point at a height, on the picture's left (`side` -1) or right (1).
    pub(super) fn outline(&self, view: &View, side: f32, y: f32) -> Point {
        view.flat(self.edge(view, side, y), y)
    }

    fn edge(&self, view: &View, side: f32, y: f32) -> f32 {
        let s = self.section(y);
        let half = ((s.a * view.cos).powi(2) + (s.b * view.sin).powi(2)).sqrt();
        s.c * view.sin + side * half
    }

    /// The point of the surface at a longitude (degrees, 0 in front, 90 at the picture's right when not turned)
    /// and height; a point on the far side is taken to the outline.
    pub(super) fn around(&self, view: &View, longitude: f32, y: f32) -> Point {
        let s = self.section(y);
        let horizon = (s.a as f64 * view.cos as f64).atan2(s.b as f64 * view.sin as f64);
        let (sin, cos) = (longitude as f64)
            .to_radians()
            .clamp(horizon - std::f64::consts::PI, horizon)
            .sin_cos();
        view.point(s.a * sin as f32, y, s.c + s.b * cos as f32)
    }

    /// The point of the front surface over `(x, y)` of the face seen from the front, `lift` before it.
    pub(super) fn front(&self, view: &View, x: f32, y: f32, lift: f32) -> Point {
        let s = self.section(y);
        let across = if s.a > 1e-6 {
            (x / s.a).clamp(-1.0, 1.0)
        } else {
            0.0
        };
        view.point(x, y, s.c + s.b * (1.0 - across * across).sqrt() + lift)
    }

    /// The outline from height `from` on the left to height `to` on the right, over the top or under the
    /// bottom, as `n` points.
    pub(super) fn arc(&self, view: &View, from: f32, to: f32, over: bool, n: usize) -> Vec<Point> {
        let end = if over { self.top } else { self.bottom };
        // Evenly by the angle around the end, so that the round end is as smooth as the sides.
        let quarter = (n / 2).max(2);
        let side = |side: f32, start: f32| {
            (0..quarter).map(move |i| {
                let t = (i as f64 / quarter as f64 * std::f64::consts::FRAC_PI_2).sin() as f32;
                self.outline(view, side, lerp(start, end, t))
            })
        };
        let mut points: Vec<Point> = side(-1.0, from).collect();
        points.push(self.outline(view, 1.0, end));
        let right: Vec<Point> = side(1.0, to).collect();
        points.extend(right.into_iter().rev());
        points
    }

    /// The region of the surface between a curve over it, from right to left as (longitude, height), and the
    /// outline that joins the curve's ends over the top or under the bottom.
    pub(super) fn region(&self, view: &View, curve: &[(f32, f32)], over: bool) -> Option<Path> {
        let inner: Vec<Point> = curve.iter().map(|&(lon, y)| self.around(view, lon, y)).collect();
        let (first, last) = (curve.first()?, curve.last()?);
        let outer = self.arc(view, last.1, first.1, over, 18);
        let mut pen = Pen::new();
        pen.through(&inner);
        pen.through(&outer);
        pen.closed()
    }
}

/// A path through points.
pub(super) struct Pen {
    path: PathBuilder,
    empty: bool,
}

impl Pen {
    pub(super) fn new() -> Pen {
        Pen {
            path: PathBuilder::new(),
            empty: true,
        }
    }

    /// A straight line to a point (from nowhere: begins there).
    pub(super) fn to(&mut self, p: Point) {
        if self.empty {
            self.path.move_to(p[0], p[1]);
        } else {
            self.path.line_to(p[0], p[1]);
        }
        self.empty = false;
    }

    /// A line to the first point, then a smooth curve through all of them (Catmull and Rom 1974, as cubics).
    pub(super) fn through(&mut self, p: &[Point]) {
        let Some(&first) = p.first() else { return };
        self.to(first);
        for i in 1..p.len() {
            let (p0, p1, p2, p3) = (
                p[i.saturating_sub(2)],
                p[i - 1],
                p[i],
                p[(i + 1).min(p.len() - 1)],
            );
            self.cubic(p0, p1, p2, p3);
        }
    }

    fn cubic(&mut self, p0: Point, p1: Point, p2: Point, p3: Point) {
        let c = |k: usize| (p1[k] + (p2[k] - p0[k]) / 6.0, p2[k] - (p3[k] - p1[k]) / 6.0);
        let ((ax, bx), (ay, by)) = (c(0), c(1));
        self.path.cubic_to(ax, ay, bx, by, p2[0], p2[1]);
    }

    /// A smooth closed curve through the points, apart from what was drawn before.
    pub(super) fn ring(&mut self, p: &[Point]) {
        let n = p.len();
        if n < 3 {
            return;
        }
        self.path.move_to(p[0][0], p[0][1]);
        for i in 1..=n {
            self.cubic(p[(i + n - 2) % n], p[i - 1], p[i % n], p[(i + 1) % n]);
        }
        self.path.close();
        self.empty = true;
    }

    /// A circle, apart from what was drawn before.
    pub(super) fn circle(&mut self, p: Point, radius: f32) {
        self.path.push_circle(p[0], p[1], radius.max(1e-4));
        self.empty = true;
    }

    /// Ends the present curve; the next begins anew.
    pub(super) fn lift(&mut self) {
        self.empty = true;
    }

    pub(super) fn open(self) -> Option<Path> {
        self.path.finish()
    }

    pub(super) fn closed(mut self) -> Option<Path> {
        if !self.empty {
            self.path.close();
        }
        self.path.finish()
    }
}

/// A smooth closed curve through the points.
pub(super) fn ring(p: &[Point]) -> Option<Path> {
    let mut pen = Pen::new();
    pen.ring(p);
    pen.open()
}

/// A smooth curve through the points.
pub(super) fn curve(p: &[Point]) -> Option<Path> {
    let mut pen = Pen::new();
    pen.through(p);
    pen.open()
}

/// A stroke through the points whose half-width is `width(t)` at `t` in [0, 1] along it.
pub(super) fn brush(p: &[Point], width: impl Fn(f32) -> f32) -> Option<Path> {
    let mut pen = Pen::new();
    pen.brush(p, width);
    pen.closed()
}

impl Pen {
    /// A stroke through the points whose half-width is `width(t)` at `t` in [0, 1] along it.
    pub(super) fn brush(&mut self, p: &[Point], width: impl Fn(f32) -> f32) {
        let n = p.len();
        let side = |i: usize, sign: f32| {
            let (a, b) = (p[i.saturating_sub(1)], p[(i + 1).min(n - 1)]);
            let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
            let w = sign * width(i as f32 / (n - 1) as f32) / (dx * dx + dy * dy).sqrt().max(1e-6);
            [p[i][0] - dy * w, p[i][1] + dx * w]
        };
        let there: Vec<Point> = (0..n).map(|i| side(i, 1.0)).collect();
        let back: Vec<Point> = (0..n).rev().map(|i| side(i, -1.0)).collect();
        self.lift();
        self.through(&there);
        self.through(&back);
        self.path.close();
        self.lift();
    }
}

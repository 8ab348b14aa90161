//! From attributes to pixels: what is painted, and in which order.
use super::attributes::*;
use super::canvas::{Canvas, Ink, Part, radial};
use super::caption::hair_lab;
use super::colour::Lab;
use super::geometry::{Point, Section, Solid, View, lerp};
use super::rain::Rain;

/// Half the height of the head.
pub(super) const TALL: f32 = 0.56;
/// Height of the eyes below the middle of the head.
pub(super) const EYES: f32 = 0.06;

/// A person about to be painted: attributes in range, and what all parts need.
pub(super) struct Person {
    pub a: Attributes,
    pub view: View,
    pub head: Solid,
    pub skin: Lab,
    /// the skin in shadow, for lines and folds
    pub dark: Lab,
    pub hair: Lab,
    /// towards the light, in the picture
    pub sun: Point,
}

impl Person {
    fn new(a: Attributes) -> Person {
        let tones = [
            0xfcd9c2, 0xf5c7a4, 0xedb98c, 0xd59866, 0xb3733f, 0x8a5330, 0x5e3522,
        ]
        .map(Lab::hex);
        let skin = Lab::ramp(&tones, a.skin);
        let (s, c) = (a.light as f64).to_radians().sin_cos();
        Person {
            view: View::new(a.yaw, a.tilt),
            head: head(&a),
            skin,
            dark: Lab(
                skin.0 * 0.68,
                skin.1 * 0.9 + 0.042 * skin.0 - 0.004,
                skin.2 * 0.85 + 0.004,
            ),
            hair: hair_lab(&a),
            sun: [s as f32, -c as f32],
            a,
        }
    }

    /// A colour on something round: brighter towards the light, in shadow away from it.
    pub(super) fn round(&self, colour: Lab, centre: Point, radius: f32) -> Ink {
        let [x, y] = self.sun;
        let light = [centre[0] + 0.62 * radius * x, centre[1] + 0.62 * radius * y];
        radial(
            light,
            1.55 * radius,
            &[
                (0.0, colour.plus(0.05 + 0.03 * colour.0, 0.0, 0.006), 1.0),
                (1.0, colour.times(0.68), 1.0),
            ],
        )
    }

    /// The same for skin, whose shadows are warm.
    pub(super) fn round_skin(&self, centre: Point, radius: f32) -> Ink {
        let [x, y] = self.sun;
        let light = [centre[0] + 0.62 * radius * x, centre[1] + 0.62 * radius * y];
        let shade = Lab(
            self.skin.0 * 0.71,
            self.skin.1 + 0.034 * self.skin.0,
            self.skin.2 * 0.88 + 0.016 * self.skin.0,
        );
        let lit = self.skin.plus(0.06, 0.0, 0.006);
        radial(light, 1.50 * radius, &[(0.0, lit, 1.0), (1.0, shade, 1.0)])
    }

    /// A point on the front of the head, by its place on the face seen from the front.
    pub(super) fn on(&self, x: f32, y: f32) -> Point {
        self.head.front(&self.view, x, y, 0.0)
    }

    /// The same for several points.
    pub(super) fn onto(&self, points: &[Point]) -> Vec<Point> {
        points.iter().map(|p| self.on(p[0], p[1])).collect()
    }
}

/// The head without hair, ears and nose.
fn head(a: &Attributes) -> Solid {
    let wide = 0.425 * (1.0 + 0.09 * a.face_width);
    let deep = 0.47;
    let square = 2.35 + 0.45 * a.jaw - 0.25 * (a.presentation - 0.5);
    Solid::new(-TALL, TALL, |y| {
        let t = (y / TALL).clamp(-1.0, 1.0);
        if t <= 0.0 {
            let s = (1.0 - (-t).powf(2.3)).max(0.0).powf(1.0 / 2.2);
            return Section {
                a: wide * s,
                b: deep * s,
                c: 0.0,
            };
        }
        let s = (1.0 - t.powf(square)).max(0.0).powf(0.58);
        let forward = t * t * (3.0 - 2.0 * t);
        Section {
            a: wide * s,
            b: deep * lerp(s, s * 0.72, forward),
            c: 0.26 * forward,
        }
    })
}

/// Paints a person: `width * height` pixels of red, green and blue, in rows from the top left.
///
/// The person is fitted into the shorter side and centred; the background fills the rest. Attributes out of
/// range are taken as the nearest allowed ones. A picture without pixels, or of more than 2^29 bytes, is empty.
pub fn paint(attributes: &Attributes, width: usize, height: usize) -> Vec<u8> {
    drawn(attributes, [width, height], false, |person, c| {
        person.background(c);
        person.body(c);
        c.rgb()
    })
}

/// The same picture as a map of its parts, each in one colour without shades: background, skin, hair (with brows and beard),
/// eyes, mouth, glasses (frames; lenses where they are dark), headwear, jewels, clothing.
pub fn layout(attributes: &Attributes, width: usize, height: usize) -> Vec<u8> {
    drawn(attributes, [width, height], true, |person, c| {
        person.background(c);
        person.body(c);
        c.rgb()
    })
}

/// The person of the same picture without what is behind: red, green, blue and alpha of each pixel, the colours times alpha.
pub fn cutout(attributes: &Attributes, width: usize, height: usize) -> Vec<u8> {
    drawn(attributes, [width, height], false, |person, c| {
        person.body(c);
        c.premultiplied()
    })
}

/// What is behind the person of the same picture, and nobody in front of it.
pub fn backdrop(attributes: &Attributes, width: usize, height: usize) -> Vec<u8> {
    drawn(attributes, [width, height], false, |person, c| {
        person.background(c);
        c.rgb()
    })
}

/// The same picture with rain in front of it.
pub fn in_rain(attributes: &Attributes, rain: &Rain, width: usize, height: usize) -> Vec<u8> {
    drawn(attributes, [width, height], false, |person, c| {
        person.background(c);
        person.body(c);
        rain.fall(c);
        c.rgb()
    })
}

/// What is drawn of a person, as it is read off the canvas; empty where the picture cannot be held.
fn drawn(
    attributes: &Attributes,
    size: [usize; 2],
    map: bool,
    draw: impl FnOnce(&Person, &mut Canvas) -> Vec<u8>,
) -> Vec<u8> {
    let [width, height] = size.map(|n| u32::try_from(n).unwrap_or(0));
    if size[0].saturating_mul(size[1]) > 1 << 27 {
        return Vec::new();
    }
    match Canvas::new(width, height, map) {
        Some(mut canvas) => draw(&Person::new(attributes.clamped()), &mut canvas),
        None => Vec::new(),
    }
}

impl Person {
    /// All but what is behind, from the back to the front.
    fn body(&self, c: &mut Canvas) {
        c.of(Part::Hair, |c| self.hair_behind(c));
        c.of(Part::Clothing, |c| self.hood(c));
        c.of(Part::Skin, |c| self.neck(c));
        c.of(Part::Clothing, |c| self.clothes(c));
        c.of(Part::Hair, |c| self.tails(c));
        c.of(Part::Glasses, |c| self.glasses_arms(c, false));
        c.of(Part::Skin, |c| {
            self.ears(c, false);
            self.face(c);
            self.age(c);
        });
        c.of(Part::Eyes, |c| self.eyes(c));
        c.of(Part::Skin, |c| self.nose(c));
        c.of(Part::Hair, |c| self.beard(c));
        c.of(Part::Mouth, |c| self.mouth(c));
        c.of(Part::Hair, |c| {
            self.hair_in_front(c);
            self.brows(c);
        });
        c.of(Part::Headwear, |c| self.headwear(c));
        c.of(Part::Glasses, |c| self.glasses(c));
    }
}

//! Drawing attributes at random, with the correlations that make a person.
use super::attributes::*;
use crate::random::{Draw, Key};

/// A member, each with a weight.
fn pick<T: Copy>(rng: &mut Draw, from: &[(T, f64)]) -> T {
    let mut at = rng.uniform() * from.iter().map(|x| x.1).sum::<f64>();
    for &(member, weight) in from {
        if at < weight {
            return member;
        }
        at -= weight;
    }
    from[from.len() - 1].0
}

/// A normal number, kept within [-1, 1].
fn bell(rng: &mut Draw, spread: f64) -> f32 {
    (rng.normal() * spread).clamp(-1.0, 1.0) as f32
}

fn between(rng: &mut Draw, low: f64, high: f64) -> f32 {
    rng.between(low, high) as f32
}

/// Hue, chroma and lightness of the hair.
fn hair_colour(rng: &mut Draw, skin: f32, age: f32, bald: bool) -> [f32; 3] {
    if rng.chance(0.65 * ((age as f64 - 0.45) / 0.5).clamp(0.0, 1.0)) {
        return [80.0, 0.03, between(rng, 0.5, 0.97)]; // grey and white
    }
    if !bald && rng.chance(0.11) {
        // dyed: pink, purple, blue, turquoise, green
        let hue = pick(
            rng,
            &[
                (355.0, 3.0),
                (310.0, 2.0),
                (260.0, 2.0),
                (200.0, 2.0),
                (155.0, 1.0),
            ],
        ) as f32;
        return [
            (hue + between(rng, -10.0, 10.0)).clamp(0.0, 360.0),
            between(rng, 0.5, 0.75),
            between(rng, 0.4, 0.75),
        ];
    }
    let fair = (1.0 - 1.6 * skin as f64).max(0.06);
    let (hue, chroma, light) = pick(
        rng,
        &[
            ((55.0, 0.12, 0.08), 1.0),
            ((55.0, 0.30, 0.24), 1.0),
            ((58.0, 0.42, 0.38), 0.9 * fair),
            ((42.0, 0.72, 0.45), 0.8 * fair),
            ((83.0, 0.55, 0.78), 0.9 * fair),
        ],
    );
    [
        between(rng, hue - 7.0, hue + 7.0),
        between(rng, chroma * 0.85, chroma * 1.15),
        (light + rng.normal() * 0.035).clamp(0.0, 1.0) as f32,
    ]
}

/// The least lightness of a colour: `usual`, but `yellow` for hues that are muddy when dark.
fn murky(hue: f32, usual: f64, yellow: f64) -> f64 {
    if (55.0..125.0).contains(&hue) {
        yellow
    } else {
        usual
    }
}

fn hair_style(rng: &mut Draw, woman: bool, age: f32) -> HairStyle {
    use HairStyle::*;
    let bald = 0.4 + 1.2 * age as f64;
    if woman {
        pick(
            rng,
            &[
                (Crop, 0.4),
                (Quiff, 0.25),
                (Curly, 0.8),
                (Afro, 0.7),
                (Bob, 1.8),
                (Straight, 1.8),
                (Wavy, 1.8),
                (Ponytail, 1.1),
                (Bun, 1.1),
                (Braids, 0.9),
                (Buzz, 0.1),
            ],
        )
    } else {
        pick(
            rng,
            &[
                (Bald, bald),
                (Buzz, 1.1),
                (Crop, 2.4),
                (Quiff, 1.9),
                (Curly, 1.5),
                (Afro, 0.7),
                (Straight, 0.25),
                (Wavy, 0.4),
                (Bun, 0.3),
                (Bob, 0.1),
                (Ponytail, 0.15),
            ],
        )
    }
}

fn beard(rng: &mut Draw, woman: bool) -> Beard {
    if woman {
        return pick(
            rng,
            &[(Beard::None, 300.0), (Beard::Short, 1.0), (Beard::Moustache, 1.0)],
        );
    }
    pick(
        rng,
        &[
            (Beard::None, 4.2),
            (Beard::Stubble, 1.4),
            (Beard::Moustache, 0.9),
            (Beard::Goatee, 0.9),
            (Beard::Short, 1.6),
            (Beard::Long, 0.8),
        ],
    )
}

fn headwear(rng: &mut Draw, woman: bool, style: HairStyle) -> Headwear {
    use HairStyle::*;
    let wide = matches!(style, Afro | Bun | Quiff | Curly | Ponytail);
    let w = |x: f64, allowed: bool| if allowed { x } else { 0.0 };
    pick(
        rng,
        &[
            (Headwear::None, 9.0),
            (Headwear::Beanie, w(0.9, !wide)),
            (Headwear::Headband, w(0.7, woman && !matches!(style, Bald | Buzz))),
            (Headwear::Flower, w(0.5, woman && style != Bald)),
        ],
    )
}

fn glasses(rng: &mut Draw, woman: bool) -> Glasses {
    let cat = if woman { 0.8 } else { 0.02 };
    pick(
        rng,
        &[
            (Glasses::None, 5.0),
            (Glasses::Round, 1.0),
            (Glasses::Square, 1.2),
            (Glasses::CatEye, cat),
            (Glasses::Sun, 0.3),
        ],
    )
}

impl Attributes {
    /// The attributes of a person that `key` names. Half of the people are woman-like; hair, beard, brows,
    /// lips and jewels follow, with exceptions. Grey hair and age lines come together, as do skin and hair.
    pub fn draw(key: Key) -> Attributes {
        let rng = &mut key.rng();
        let woman = rng.chance(0.5);
        let toward = |x: f32| if woman { x } else { -x };
        let age = rng.uniform().powf(1.4) as f32;
        let skin = between(rng, 0.0, 1.0);
        let hair_style = hair_style(rng, woman, age);
        let [hair_hue, hair_chroma, hair_lightness] =
            hair_colour(rng, skin, age, hair_style == HairStyle::Bald);
        let aside = if rng.chance(0.5) { 1.0 } else { -1.0 };
        let red = (35.0..50.0).contains(&hair_hue) && hair_chroma > 0.6;
        let freckled = rng.chance(if red { 0.6 } else { 0.1 });
        let made_up = woman && rng.chance(0.6);
        let jewels = rng.chance(if woman { 0.45 } else { 0.06 });
        let (clothing_hue, background_hue) = (between(rng, 0.0, 360.0), between(rng, 0.0, 360.0));
        Attributes {
            presentation: if woman {
                between(rng, 0.65, 1.0)
            } else {
                between(rng, 0.0, 0.35)
            },
            yaw: (rng.normal() * 20.0).clamp(-45.0, 45.0) as f32,
            tilt: (rng.normal() * 4.0).clamp(-12.0, 12.0) as f32,
            light: between(rng, -90.0, 90.0),
            skin,
            blush: between(rng, 0.0, if woman { 0.9 } else { 0.5 }),
            freckles: if freckled { between(rng, 0.4, 1.0) } else { 0.0 },
            age_lines: ((age - 0.45) / 0.5).clamp(0.0, 1.0),
            face_width: bell(rng, 0.45),
            jaw: (bell(rng, 0.4) + toward(-0.35)).clamp(-1.0, 1.0),
            ear_size: bell(rng, 0.45),
            eye_size: (bell(rng, 0.4) + toward(0.2)).clamp(-1.0, 1.0),
            eye_distance: bell(rng, 0.4),
            eye_colour: if rng.uniform() < 0.25 + 0.9 * skin as f64 {
                between(rng, 0.0, 0.2)
            } else {
                between(rng, 0.2, 1.0)
            },
            eyes_open: if rng.chance(0.03) {
                between(rng, 0.0, 0.3)
            } else {
                between(rng, 0.75, 1.0)
            },
            gaze: bell(rng, 0.3),
            brow_thickness: (0.5 + toward(-0.2) + bell(rng, 0.18)).clamp(0.0, 1.0),
            brow_angle: bell(rng, 0.35),
            brow_height: bell(rng, 0.4),
            nose_size: bell(rng, 0.45),
            smile: if rng.chance(0.6) {
                between(rng, 0.2, 1.0)
            } else {
                between(rng, -0.65, 0.2)
            },
            mouth_width: bell(rng, 0.4),
            lips: (0.4 + toward(0.15) + bell(rng, 0.2)).clamp(0.0, 1.0),
            lipstick: if made_up { between(rng, 0.4, 1.0) } else { 0.0 },
            hair_style,
            hair_length: between(rng, 0.0, 1.0),
            hair_volume: (0.5 + bell(rng, 0.25)).clamp(0.0, 1.0),
            fringe: between(rng, 0.0, 1.0),
            parting: aside * between(rng, 0.15, 1.0),
            hair_hue,
            hair_chroma: hair_chroma.min(1.0),
            hair_lightness,
            beard: beard(rng, woman),
            glasses: glasses(rng, woman),
            glasses_hue: between(rng, 0.0, 360.0),
            glasses_lightness: rng.uniform().powi(2) as f32,
            headwear: headwear(rng, woman, hair_style),
            headwear_hue: between(rng, 0.0, 360.0),
            earrings: if jewels {
                pick(rng, &[(Earrings::Studs, 1.0), (Earrings::Hoops, 1.0)])
            } else {
                Earrings::None
            },
            clothing: pick(
                rng,
                &[
                    (Clothing::Crew, 1.6),
                    (Clothing::Vneck, 1.0),
                    (Clothing::Collar, 1.2),
                    (Clothing::Turtleneck, 0.8),
                    (Clothing::Hoodie, 1.0),
                ],
            ),
            clothing_hue,
            clothing_chroma: between(rng, 0.1, 0.9),
            clothing_lightness: between(rng, murky(clothing_hue, 0.1, 0.55), 0.95),
            background: pick(
                rng,
                &Background::ALL.iter().map(|&b| (b, 1.0)).collect::<Vec<_>>(),
            ),
            background_hue,
            background_chroma: between(rng, 0.15, 0.85),
            background_lightness: between(rng, murky(background_hue, 0.40, 0.72), 0.95),
        }
    }
}

//! The attribute vector of a portrait: named numbers with ranges, and choices.

/// A number of an attribute vector: a quantity, or the index of a choice.
trait Number: Copy {
    /// As a 32-bit number.
    fn number(self) -> f32;
    /// The nearest allowed value; `neutral` when `x` is not a number.
    fn allowed(x: f32, range: (f32, f32), neutral: Self) -> Self;
}

impl Number for f32 {
    fn number(self) -> f32 {
        self
    }
    fn allowed(x: f32, (low, high): (f32, f32), neutral: f32) -> f32 {
        if x.is_nan() { neutral } else { x.clamp(low, high) }
    }
}

/// An enumeration whose members are the whole numbers from 0, with a name each.
macro_rules! choice {
    ($(#[$doc:meta])* $type:ident { $($(#[$what:meta])* $member:ident = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $type { $($(#[$what])* $member,)* }

        impl $type {
            /// Every member, in the order of their numbers.
            pub const ALL: &'static [$type] = &[$($type::$member,)*];
            /// The member's name in words.
            pub fn name(self) -> &'static str {
                match self { $($type::$member => $name,)* }
            }
        }

        impl Number for $type {
            fn number(self) -> f32 {
                self as usize as f32
            }
            fn allowed(x: f32, (low, high): (f32, f32), neutral: $type) -> $type {
                if x.is_nan() { neutral } else { Self::ALL[x.clamp(low, high).round() as usize] }
            }
        }
    };
}

choice! {
    /// How the hair is worn.
    HairStyle {
        /// no hair on the scalp
        Bald = "bald",
        /// clipped to a few millimetres
        Buzz = "buzz-cut",
        /// short, with a parting
        Crop = "short",
        /// short at the sides, swept up in front
        Quiff = "swept-up",
        /// short curls
        Curly = "curly",
        /// a round cloud of curls
        Afro = "afro",
        /// to the chin, with a fringe
        Bob = "bobbed",
        /// to the shoulders or longer
        Straight = "long straight",
        /// to the shoulders or longer, in waves
        Wavy = "long wavy",
        /// tied at the back of the head, falling to the side of the parting
        Ponytail = "ponytail",
        /// tied up on the crown
        Bun = "bun",
        /// two braids
        Braids = "braids",
    }
}

choice! {
    /// Hair on the chin and the lip.
    Beard {
        /// clean-shaven
        None = "no beard",
        /// a shade of a few days
        Stubble = "stubble",
        /// on the upper lip only
        Moustache = "a moustache",
        /// around the mouth and on the chin
        Goatee = "a goatee",
        /// from ear to ear, short
        Short = "a short beard",
        /// from ear to ear, hanging below the chin
        Long = "a long beard",
    }
}

choice! {
    /// What is worn before the eyes.
    Glasses {
        /// nothing
        None = "no glasses",
        /// round rims
        Round = "round glasses",
        /// rectangular rims
        Square = "square glasses",
        /// rims that rise to the temples
        CatEye = "cat-eye glasses",
        /// dark lenses
        Sun = "sunglasses",
    }
}

choice! {
    /// What is worn on the head.
    Headwear {
        /// nothing
        None = "nothing on the head",
        /// a knitted cap with a folded edge
        Beanie = "a beanie",
        /// a band across the hair
        Headband = "a headband",
        /// a flower above one ear
        Flower = "a flower in the hair",
    }
}

choice! {
    /// What hangs from the ears.
    Earrings {
        /// nothing
        None = "no earrings",
        /// a small ball
        Studs = "ear studs",
        /// a ring
        Hoops = "hoop earrings",
    }
}

choice! {
    /// What is worn on the shoulders.
    Clothing {
        /// a round neckline
        Crew = "shirt",
        /// a neckline like a V
        Vneck = "V-neck",
        /// a shirt with a collar
        Collar = "collared shirt",
        /// a high, folded collar
        Turtleneck = "turtleneck",
        /// a hood lying on the shoulders
        Hoodie = "hoodie",
    }
}

choice! {
    /// What is behind the person.
    Background {
        /// one colour
        Plain = "plain",
        /// lighter above than below
        Gradient = "shaded",
        /// a glow behind the head
        Glow = "glowing",
        /// a disc behind the head
        Disc = "disc",
        /// blurred lights
        Lights = "bokeh",
        /// hills under a sky
        Hills = "hilly",
    }
}

/// Defines the struct together with the names, ranges and neutral values of its fields.
macro_rules! attributes {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $low:expr, $high:expr, $neutral:expr;)*) => {
        /// Everything that decides a portrait. Fields out of range are taken as the nearest allowed value.
        ///
        /// The picture varies continuously with every field of type `f32`, save where a hue passes from 360
        /// degrees to 0.
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub struct Attributes { $($(#[$doc])* pub $name: $type,)* }

        impl Attributes {
            /// Names of the numbers of [`Attributes::to_vec`], in its order.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name),)*];
            /// Smallest and largest allowed value of each number; choices are whole numbers.
            pub const RANGES: &'static [(f32, f32)] = &[$(($low as i32 as f32, $high as i32 as f32),)*];

            /// As numbers, in the order of [`Attributes::NAMES`]; a choice is its place in `ALL`.
            pub fn to_vec(&self) -> Vec<f32> {
                vec![$(Number::number(self.$name),)*]
            }

            /// From numbers in the order of [`Attributes::NAMES`]. Numbers out of range become the nearest
            /// allowed ones, choices are rounded; missing numbers and NaN are taken from the neutral face
            /// (`Attributes::default()`), numbers in excess are ignored.
            pub fn from_slice(numbers: &[f32]) -> Attributes {
                let neutral = Attributes::default();
                let mut rest = numbers.iter().copied().zip(Self::RANGES);
                Attributes {
                    $($name: rest.next().map_or(neutral.$name, |(x, range)| Number::allowed(x, *range, neutral.$name)),)*
                }
            }
        }

        /// A neutral face, seen from the front.
        impl Default for Attributes {
            fn default() -> Attributes {
                Attributes { $($name: $neutral,)* }
            }
        }
    };
}

attributes! {
    /// 0 man-like to 1 woman-like: jaw, neck, brows, lashes and the colour of the lips
    presentation: f32 = 0, 1, 0.5;
    /// head turn in degrees; positive turns to the picture's right
    yaw: f32 = -45, 45, 0.0;
    /// head tilt in degrees; positive leans to the picture's right
    tilt: f32 = -12, 12, 0.0;
    /// where the light comes from, in degrees: -90 left, 0 above, 90 right
    light: f32 = -90, 90, -40.0;
    /// skin tone, 0 fair to 1 deep
    skin: f32 = 0, 1, 0.3;
    /// redness of the cheeks
    blush: f32 = 0, 1, 0.4;
    /// how strong freckles are
    freckles: f32 = 0, 1, 0.0;
    /// lines on forehead and cheeks, shadows under the eyes
    age_lines: f32 = 0, 1, 0.0;
    /// -1 narrow to 1 wide
    face_width: f32 = -1, 1, 0.0;
    /// -1 pointed to 1 square
    jaw: f32 = -1, 1, 0.0;
    /// -1 small to 1 large
    ear_size: f32 = -1, 1, 0.0;
    /// -1 small to 1 large
    eye_size: f32 = -1, 1, 0.0;
    /// -1 close together to 1 far apart
    eye_distance: f32 = -1, 1, 0.0;
    /// 0 dark brown, 0.25 hazel, 0.5 green, 0.75 blue, 1 grey
    eye_colour: f32 = 0, 1, 0.1;
    /// 0 shut to 1 wide open
    eyes_open: f32 = 0, 1, 0.9;
    /// where the eyes look, -1 to the picture's left, 1 to its right, relative to the head
    gaze: f32 = -1, 1, 0.0;
    /// 0 thin to 1 bushy
    brow_thickness: f32 = 0, 1, 0.5;
    /// -1 worried (raised in the middle) to 1 stern
    brow_angle: f32 = -1, 1, 0.0;
    /// -1 low to 1 raised
    brow_height: f32 = -1, 1, 0.0;
    /// -1 small to 1 large
    nose_size: f32 = -1, 1, 0.0;
    /// -1 frown, 0 straight, 1 open smile with teeth; the mouth opens above 0.3
    smile: f32 = -1, 1, 0.2;
    /// -1 narrow to 1 wide
    mouth_width: f32 = -1, 1, 0.0;
    /// fullness of the lips
    lips: f32 = 0, 1, 0.4;
    /// colour on the lips
    lipstick: f32 = 0, 1, 0.0;
    /// how the hair is worn
    hair_style: HairStyle = 0, HairStyle::ALL.len() - 1, HairStyle::Crop;
    /// length within what the style allows
    hair_length: f32 = 0, 1, 0.5;
    /// how far the hair stands off the head
    hair_volume: f32 = 0, 1, 0.5;
    /// how far the hair in front falls over the forehead
    fringe: f32 = 0, 1, 0.4;
    /// place of the parting, -1 the picture's left, 1 its right
    parting: f32 = -1, 1, 0.5;
    /// hue of the hair in degrees of Oklch: 30 red, 60 brown, 90 blond, 150 green, 250 blue, 350 pink
    hair_hue: f32 = 0, 360, 60.0;
    /// 0 grey to 1 vivid
    hair_chroma: f32 = 0, 1, 0.35;
    /// 0 black to 1 white
    hair_lightness: f32 = 0, 1, 0.3;
    /// beard and moustache
    beard: Beard = 0, Beard::ALL.len() - 1, Beard::None;
    /// what is worn before the eyes
    glasses: Glasses = 0, Glasses::ALL.len() - 1, Glasses::None;
    /// hue of the frames in degrees of Oklch
    glasses_hue: f32 = 0, 360, 30.0;
    /// 0 black to 1 bright frames
    glasses_lightness: f32 = 0, 1, 0.1;
    /// what is worn on the head
    headwear: Headwear = 0, Headwear::ALL.len() - 1, Headwear::None;
    /// its hue in degrees of Oklch
    headwear_hue: f32 = 0, 360, 30.0;
    /// what hangs from the ears
    earrings: Earrings = 0, Earrings::ALL.len() - 1, Earrings::None;
    /// what is worn on the shoulders
    clothing: Clothing = 0, Clothing::ALL.len() - 1, Clothing::Crew;
    /// its hue in degrees of Oklch
    clothing_hue: f32 = 0, 360, 250.0;
    /// 0 grey to 1 vivid
    clothing_chroma: f32 = 0, 1, 0.5;
    /// 0 dark to 1 light
    clothing_lightness: f32 = 0, 1, 0.5;
    /// what is behind the person
    background: Background = 0, Background::ALL.len() - 1, Background::Gradient;
    /// its hue in degrees of Oklch
    background_hue: f32 = 0, 360, 220.0;
    /// 0 grey to 1 vivid
    background_chroma: f32 = 0, 1, 0.5;
    /// 0 dark to 1 light
    background_lightness: f32 = 0, 1, 0.7;
}

impl Attributes {
    /// The nearest allowed attributes.
    pub fn clamped(&self) -> Attributes {
        Attributes::from_slice(&self.to_vec())
    }
}

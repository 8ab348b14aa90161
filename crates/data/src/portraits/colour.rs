//! Colours in Oklab (Ottosson 2020), in which mixing and shading look even.
use tiny_skia::Color;

/// A colour: lightness in [0, 1], and two axes, green to red and blue to yellow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Lab(pub f32, pub f32, pub f32);

impl Lab {
    /// From lightness, chroma and hue in degrees.
    pub(super) fn polar(l: f32, chroma: f32, hue: f32) -> Lab {
        let (s, c) = (hue as f64).to_radians().sin_cos();
        Lab(l, chroma * c as f32, chroma * s as f32)
    }

    /// `t` of the way to `other`.
    pub(super) fn mix(self, other: Lab, t: f32) -> Lab {
        let f = |a: f32, b: f32| a + (b - a) * t;
        Lab(f(self.0, other.0), f(self.1, other.1), f(self.2, other.2))
    }

    /// The colour `t` of the way along evenly spaced ones.
    pub(super) fn ramp(colours: &[Lab], t: f32) -> Lab {
        let at = t.clamp(0.0, 1.0) * (colours.len() - 1) as f32;
        let i = (at as usize).min(colours.len().saturating_sub(2));
        colours[i].mix(colours[(i + 1).min(colours.len() - 1)], at - i as f32)
    }

    /// Lightness times `factor`, and somewhat less colour when darker.
    pub(super) fn times(self, factor: f32) -> Lab {
        let chroma = (0.4 + 0.6 * factor).min(1.0);
        Lab((self.0 * factor).min(1.0), self.1 * chroma, self.2 * chroma)
    }

    /// Moved by an amount on each axis.
    pub(super) fn plus(self, l: f32, a: f32, b: f32) -> Lab {
        Lab((self.0 + l).clamp(0.0, 1.0), self.1 + a, self.2 + b)
    }

    /// From 8-bit sRGB, as `0xRRGGBB`.
    pub(super) fn hex(rgb: u32) -> Lab {
        let f = |shift: u32| {
            let v = ((rgb >> shift) & 255) as f64 / 255.0;
            if v <= 0.04045 {
                v / 12.92
            } else {
                ((v + 0.055) / 1.055).powf(2.4)
            }
        };
        let (r, g, b) = (f(16), f(8), f(0));
        let l = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b).cbrt();
        let m = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b).cbrt();
        let s = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b).cbrt();
        Lab(
            (0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s) as f32,
            (1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s) as f32,
            (0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s) as f32,
        )
    }

    /// As a colour of the painter, `alpha` opaque; what sRGB cannot show is cut off.
    pub(super) fn ink(self, alpha: f32) -> Color {
        let (l, a, b) = (self.0 as f64, self.1 as f64, self.2 as f64);
        let cube = |x: f64| x * x * x;
        let (l, m, s) = (
            cube(l + 0.3963377774 * a + 0.2158037573 * b),
            cube(l - 0.1055613458 * a - 0.0638541728 * b),
            cube(l - 0.0894841775 * a - 1.2914855480 * b),
        );
        let gamma = |v: f64| {
            let v = v.clamp(0.0, 1.0);
            (if v <= 0.0031308 {
                12.92 * v
            } else {
                1.055 * v.powf(1.0 / 2.4) - 0.055
            })
            .clamp(0.0, 1.0) as f32
        };
        let rgb = [
            gamma(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
            gamma(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
            gamma(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s),
        ];
        Color::from_rgba(rgb[0], rgb[1], rgb[2], alpha.clamp(0.0, 1.0)).unwrap_or(Color::BLACK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn srgb_there_and_back() {
        for rgb in [
            0x000000, 0xffffff, 0xff0000, 0x00ff00, 0x0000ff, 0x7f3a19, 0xf2c9ab,
        ] {
            let c = Lab::hex(rgb).ink(1.0).to_color_u8();
            let back = (c.red() as u32) << 16 | (c.green() as u32) << 8 | c.blue() as u32;
            assert_eq!(back, rgb, "{rgb:06x} became {back:06x}");
        }
    }

    #[test]
    fn a_ramp_passes_its_colours() {
        let r = [Lab(0.0, 0.0, 0.0), Lab(1.0, 0.0, 0.0), Lab(0.0, 1.0, 0.0)];
        assert_eq!(Lab::ramp(&r, 0.5), r[1]);
        assert_eq!(Lab::ramp(&r, 1.0), r[2]);
        assert_eq!(Lab::ramp(&r, 0.25), Lab(0.5, 0.0, 0.0));
    }
}

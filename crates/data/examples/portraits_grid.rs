//! Paints a grid of portraits: people of a seed, then rows in which one attribute changes.
//!
//! `cargo run --release --example portraits_grid -- [FILE.png [SIDE [SEED]]]`
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use menagerie_data::portraits::{Attributes, Beard, HairStyle, Headwear, paint};
use menagerie_data::random::Key;

/// Faces in a row.
const ACROSS: usize = 10;

/// One person with the numbers of some attributes replaced.
fn with(person: &Attributes, changes: &[(&str, f32)]) -> Attributes {
    let mut numbers = person.to_vec();
    for (name, value) in changes {
        if let Some(i) = Attributes::NAMES.iter().position(|n| n == name) {
            numbers[i] = *value;
        }
    }
    Attributes::from_slice(&numbers)
}

/// A row in which `name` goes from one end of its range to the other.
fn sweep(person: Attributes, name: &str) -> Vec<Attributes> {
    let (low, high) = Attributes::NAMES
        .iter()
        .position(|n| *n == name)
        .map_or((0.0, 0.0), |i| Attributes::RANGES[i]);
    (0..ACROSS)
        .map(|i| {
            with(
                &person,
                &[(name, low + (high - low) * i as f32 / (ACROSS - 1) as f32)],
            )
        })
        .collect()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut given = std::env::args().skip(1);
    let file = given.next().unwrap_or("portraits.png".into());
    let side: usize = given.next().map_or(Ok(64), |s| s.parse())?;
    let seed: u64 = given.next().map_or(Ok(0), |s| s.parse())?;
    let person = |i: u64| Attributes::draw(Key::new(seed).stream("portraits").step(i));

    let mut rows: Vec<Vec<Attributes>> = (0..3)
        .map(|row| (0..ACROSS).map(|i| person((row * ACROSS + i) as u64)).collect())
        .collect();
    let front = |i: u64| Attributes {
        yaw: 0.0,
        tilt: 0.0,
        headwear: Headwear::None,
        ..person(i)
    };
    rows.push(sweep(front(30), "yaw"));
    rows.push(sweep(front(31), "smile"));
    rows.push(sweep(front(32), "light"));
    rows.push(sweep(front(33), "age_lines"));
    let styles = |i: usize| Attributes {
        hair_style: HairStyle::ALL[i + 2],
        beard: Beard::None,
        ..front(34)
    };
    rows.push((0..ACROSS).map(styles).collect());

    let cell = side + 2;
    let mut picture = image::RgbImage::from_pixel(
        (ACROSS * cell) as u32,
        (rows.len() * cell) as u32,
        image::Rgb([255; 3]),
    );
    for (y, row) in rows.iter().enumerate() {
        for (x, face) in row.iter().enumerate() {
            let face = image::RgbImage::from_raw(side as u32, side as u32, paint(face, side, side))
                .ok_or("the side is too large")?;
            image::imageops::replace(&mut picture, &face, (x * cell) as i64, (y * cell) as i64);
        }
    }
    let out = std::io::BufWriter::new(std::fs::File::create(&file)?);
    picture.write_with_encoder(PngEncoder::new_with_quality(
        out,
        CompressionType::Best,
        FilterType::Adaptive,
    ))?;
    println!("{file}: {}", person(0).caption());
    Ok(())
}

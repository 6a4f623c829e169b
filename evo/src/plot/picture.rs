//! What all pictures share: colours, the font, ticks, and writing them as SVG or PNG.

use std::path::Path;
use std::sync::OnceLock;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::{FontStyle, register_font};
use records::disk::write_atomic;
use serde_json::Value;

use super::error::PlotError;

/// Okabe and Ito's palette, which colour-blind readers can tell apart, without its yellow.
pub(crate) const PALETTE: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
];
pub(crate) const INK: RGBColor = RGBColor(34, 34, 34);
pub(crate) const SOFT_INK: RGBColor = RGBColor(96, 96, 96);
pub(crate) const GRID: RGBColor = RGBColor(228, 228, 228);
pub(crate) const FAINT: RGBColor = RGBColor(150, 150, 150);

/// Font size of labels, pixels before scaling.
pub(crate) const TEXT: i32 = 17;
/// Width of a picture, pixels before scaling.
pub(crate) const WIDTH: i32 = 1240;

/// Something to look at, of any resolution.
pub(crate) trait Picture {
    /// Width and height, pixels before scaling.
    fn size(&self) -> Result<(i32, i32), String>;

    /// Draws it, `scale` times as large.
    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>, scale: f64) -> Result<(), String>;

    /// Its panels with their values, for pages that show them at the pointer.
    fn charts(&self) -> Vec<Value> {
        Vec::new()
    }
}

/// Lengths in a picture that is drawn `scale` times as large.
#[derive(Clone, Copy)]
pub(crate) struct Scale(pub f64);

impl Scale {
    pub(crate) fn px(self, length: i32) -> i32 {
        (f64::from(length) * self.0).round() as i32
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(crate) fn failed<E: std::error::Error + Send + Sync>(error: DrawingAreaErrorKind<E>) -> String {
    error.to_string()
}

/// The picture as the text of an SVG file.
pub(crate) fn svg(picture: &impl Picture) -> Result<String, String> {
    load_font()?;
    let (width, height) = picture.size()?;
    let mut text = String::new();
    picture
        .draw(&SVGBackend::with_string(&mut text, (width as u32, height as u32)).into_drawing_area(), 1.0)?;
    Ok(text)
}

/// Draws into a file, `.svg` or `.png` by its name. It appears complete or not at all.
pub(crate) fn write(picture: &impl Picture, path: &Path) -> Result<(), PlotError> {
    let failed = |reason: String| PlotError::Draw { path: path.to_owned(), reason };
    let save = |bytes: &[u8]| {
        write_atomic(path, bytes).map_err(|source| PlotError::Write { path: path.to_owned(), source })
    };
    let extension = path.extension().and_then(|extension| extension.to_str());
    match extension.map(str::to_ascii_lowercase).as_deref() {
        Some("svg") => save(svg(picture).map_err(failed)?.as_bytes()),
        Some("png") => save(&png(picture).map_err(failed)?),
        _ => Err(PlotError::Extension { path: path.to_owned() }),
    }
}

/// Twice the pixels of the SVG, for print and dense screens. Drawn at twice that again and then
/// averaged, because the backend does not smooth where lines meet.
fn png(picture: &impl Picture) -> Result<Vec<u8>, String> {
    load_font()?;
    let (width, height) = picture.size()?;
    let (width, height) = (2 * width as u32, 2 * height as u32);
    let fine = (2 * width, 2 * height);
    let mut pixels = vec![0; fine.0 as usize * fine.1 as usize * 3];
    picture.draw(&BitMapBackend::with_buffer(&mut pixels, fine).into_drawing_area(), 4.0)?;
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    let written = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(&halve(&pixels, fine.0 as usize))?;
        writer.finish()
    });
    written.map_err(|error| error.to_string())?;
    Ok(bytes)
}

/// Bytes of a row that are looked at together: whole pairs of RGB pixels.
const STRETCH: usize = 240;

/// Averages blocks of 2 × 2 RGB pixels.
fn halve(pixels: &[u8], width: usize) -> Vec<u8> {
    let white = [u8::MAX; STRETCH];
    let mut half = Vec::with_capacity(pixels.len() / 4);
    for pair in pixels.chunks_exact(2 * width * 3) {
        let (upper, lower) = pair.split_at(width * 3);
        for (above, below) in upper.chunks(STRETCH).zip(lower.chunks(STRETCH)) {
            let white = &white[..above.len()];
            if above == white && below == white {
                // Most of a picture: a developer's build would take longer to average it than to train for a while.
                half.extend_from_slice(&white[..above.len() / 2]);
                continue;
            }
            for (above, below) in above.chunks_exact(6).zip(below.chunks_exact(6)) {
                for channel in 0..3 {
                    let sum = u16::from(above[channel])
                        + u16::from(above[channel + 3])
                        + u16::from(below[channel])
                        + u16::from(below[channel + 3]);
                    half.push(((sum + 2) / 4) as u8);
                }
            }
        }
    }
    half
}

pub(crate) fn font(size: i32) -> FontDesc<'static> {
    ("sans-serif", size).into_font()
}

/// Width of a text of size [`TEXT`], pixels before scaling.
pub(crate) fn text_width(text: &str) -> Result<i32, String> {
    let ((left, _), (right, _)) = font(TEXT).layout_box(text).map_err(|error| error.to_string())?;
    Ok(right - left)
}

/// The font comes with the program: a system need not have any.
fn load_font() -> Result<(), String> {
    static LOADED: OnceLock<bool> = OnceLock::new();
    let loaded = *LOADED.get_or_init(|| {
        let bytes = epaint_default_fonts::UBUNTU_LIGHT;
        register_font("sans-serif", FontStyle::Normal, bytes).is_ok()
    });
    if loaded { Ok(()) } else { Err("the built-in font is damaged".to_owned()) }
}

/// Colour of a line, and whether it is dashed: the second round of colours is.
pub(crate) fn look(index: usize) -> (RGBColor, bool) {
    (PALETTE[index % PALETTE.len()], index / PALETTE.len() % 2 == 1)
}

/// Label of a tick: `250`, `0.05`, `1.2e-5`, `20k`, `1.5M`.
pub(crate) fn tick(value: f64) -> String {
    let (scaled, unit) = match value.abs() {
        x if x >= 1e9 => (value / 1e9, "G"),
        x if x >= 1e6 => (value / 1e6, "M"),
        x if x >= 1e4 => (value / 1e3, "k"),
        x if x > 0.0 && x < 1e-3 => return format!("{:?}", rounded(value, 2)),
        x if x < 0.1 => (rounded(value, 3), ""),
        _ => (value, ""),
    };
    let text = if scaled.abs() < 0.1 { format!("{scaled:.5}") } else { format!("{scaled:.3}") };
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{}{unit}", if text == "-0" { "0" } else { text })
}

/// To `digits` significant digits.
pub(super) fn rounded(value: f64, digits: usize) -> f64 {
    format!("{value:.*e}", digits - 1).parse().unwrap_or(value)
}

/// Lowest and highest finite value with some room.
pub(crate) fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let finite = values.filter(|x| x.is_finite());
    let (low, high) =
        finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    if low > high {
        return (0.0, 1.0);
    }
    let room = if high > low { 0.06 * (high - low) } else { high.abs().max(1.0) * 0.1 };
    (low - room, high + room)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_are_averaged_in_blocks() {
        let row = |a: u8, b: u8| [[a; 3], [b; 3], [8; 3], [8; 3]].concat();
        let pixels = [row(0, 100), row(200, 100)].concat();
        assert_eq!(halve(&pixels, 4), [100, 100, 100, 8, 8, 8]);
        // White stretches, the last one short, and one with a dark pixel.
        let mut pixels = [255; 2 * 3 * 90];
        assert_eq!(halve(&pixels, 90), [255; 3 * 45]);
        pixels[3 * 90 + 4] = 55;
        let mut half = [255; 3 * 45];
        half[1] = 205;
        assert_eq!(halve(&pixels, 90), half);
    }

    #[test]
    fn ticks_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (250.0, "250"),
            (9500.0, "9500"),
            (-20_000.0, "-20k"),
            (1_500_000.0, "1.5M"),
            (0.05, "0.05"),
            (0.008_414_2, "0.00841"),
            (0.000_123_456, "0.00012"),
            (1.234e-5, "1.2e-5"),
            (2e9, "2G"),
        ] {
            assert_eq!(tick(value), text);
        }
    }

    #[test]
    fn ranges_have_room_and_ignore_what_is_not_finite() {
        assert_eq!(range([0.0, f64::NAN, 100.0, f64::NEG_INFINITY].into_iter()), (-6.0, 106.0));
        assert_eq!(range([50.0].into_iter()), (45.0, 55.0));
        assert_eq!(range([].into_iter()), (0.0, 1.0));
    }
}

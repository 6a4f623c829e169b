//! Lines and bands of groups of runs.

use super::panel::{Look, Series};
use super::picture::look;
use super::runs::Point;
use super::summary::{Abscissa, Spread, summarise};

/// Look of a group.
pub(super) fn line(index: usize) -> Look {
    let (color, dashed) = look(index);
    Look { color, dashed, width: 2, dot: 0, alpha: 1.0 }
}

/// Runs as line and band.
pub(super) fn band(runs: &[Vec<Point>], abscissa: &Abscissa, spread: Spread, look: Look) -> Series {
    let summary = summarise(runs, abscissa, spread);
    let band = if runs.len() > 1 {
        summary.iter().map(|&(x, _, low, high)| (x, low, high)).collect()
    } else {
        Vec::new()
    };
    Series { look, points: summary.iter().map(|&(x, y, _, _)| (x, y)).collect(), band }
}

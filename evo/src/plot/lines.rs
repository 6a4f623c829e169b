//! Lines and bands of groups of runs.

use super::panel::{Look, Series};
use super::picture::look;
use super::runs::Point;
use super::summary::{Abscissa, Level, Spread, summarise};

/// Look of a group.
pub(super) fn line(index: usize) -> Look {
    let (color, dashed) = look(index);
    Look { color, dashed, width: 2, dot: 0, alpha: 1.0 }
}

/// Runs as line and band; where some have ended, the line of the others is dashed, and a dot says where each ended.
pub(super) fn band(runs: &[Vec<Point>], abscissa: &Abscissa, spread: Spread, look: Look) -> Vec<Series> {
    let levels = summarise(runs, abscissa, spread);
    let point = |level: &Level| (level.x, level.value);
    let whole = levels.iter().filter(|level| level.whole).count();
    let (all, rest) = levels.split_at(whole);
    let around = |level: &Level| (level.x, level.low, level.high);
    let band = if runs.len() > 1 { all.iter().map(around).collect() } else { Vec::new() };
    let mut series = vec![Series { look, points: all.iter().map(point).collect(), band }];
    if let Some(end) = rest.last() {
        let dashed = Look { dashed: true, ..look };
        let points = all.last().into_iter().chain(rest).map(point).collect();
        series.push(Series { look: dashed, points, band: Vec::new() });
        let ends = runs.iter().filter_map(|run| run.last()).map(|last| (abscissa.of(last), last.value));
        let early = ends.filter(|&(x, _)| x < end.x).collect();
        series.push(Series { look: Look { width: 0, dot: 4, ..look }, points: early, band: Vec::new() });
    }
    series
}

/// Whether some runs end long before others.
pub(super) fn uneven(runs: &[Vec<Point>], abscissa: &Abscissa) -> bool {
    summarise(runs, abscissa, Spread::default()).iter().any(|level| !level.whole)
}

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
pub(super) fn band(
    (name, runs): (&str, &[Vec<Point>]),
    abscissa: &Abscissa,
    spread: Spread,
    look: Look,
) -> Vec<Series> {
    let levels = summarise(runs, abscissa, spread);
    let point = |level: &Level| (level.x, level.value);
    let whole = levels.iter().filter(|level| level.seeds == runs.len()).count();
    let (all, rest) = levels.split_at(whole);
    let several = runs.len() > 1;
    let part = |look: Look, levels: &[Level]| Series {
        seeds: if several { levels.iter().map(|level| level.seeds).collect() } else { Vec::new() },
        ..Series::new(name, look, levels.iter().map(point).collect())
    };
    let around = |level: &Level| (level.x, level.low, level.high);
    let around = if several { all.iter().map(around).collect() } else { Vec::new() };
    let mut series = vec![Series { band: around, ..part(look, all) }];
    if let Some(end) = rest.last() {
        series.push(part(Look { dashed: true, ..look }, &levels[whole.saturating_sub(1)..]));
        let ends = runs.iter().filter_map(|run| run.last()).map(|last| (abscissa.of(last), last.value));
        let early = ends.filter(|&(x, _)| x < end.x).collect();
        series.push(Series::new("", Look { width: 0, dot: 4, ..look }, early));
    }
    series
}

/// Whether some runs end long before others.
pub(super) fn uneven(runs: &[Vec<Point>], abscissa: &Abscissa) -> bool {
    summarise(runs, abscissa, Spread::default()).iter().any(|level| level.seeds < runs.len())
}

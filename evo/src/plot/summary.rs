//! Several runs as one line and a band.

use super::runs::Point;
use crate::statistics::{Bootstrap, CONFIDENCE, Center, RESAMPLES};

/// Most points of a summary: as many as a picture can show.
const POINTS_MAX: usize = 400;

/// What a band over seeds shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Band {
    /// Percentile bootstrap interval of the line.
    #[default]
    Interval,
    /// From the lowest to the highest seed.
    Range,
}

/// How several seeds are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    /// The line.
    pub center: Center,
    /// The band around it.
    pub band: Band,
}

impl Spread {
    /// What line and band are, for a caption.
    #[must_use]
    pub fn describe(self) -> String {
        let line = self.center.name();
        match self.band {
            Band::Interval => {
                format!("Line: {line} over seeds. Band: its {:.0} % bootstrap interval.", CONFIDENCE * 100.0)
            }
            Band::Range => format!("Line: {line} over seeds. Band: lowest to highest seed."),
        }
    }
}

/// Which of a point's abscissas a panel shows, in which unit.
pub(crate) struct Abscissa {
    pub name: String,
    wall: bool,
    unit: f64,
}

impl Abscissa {
    pub(crate) fn steps() -> Self {
        Self { name: "control steps".to_owned(), wall: false, unit: 1.0 }
    }

    /// Wall time in a unit that suits the longest run, in seconds.
    pub(crate) fn wall(longest: f64) -> Self {
        let (name, unit) = match longest {
            x if x < 180.0 => ("s", 1.0),
            x if x < 10_800.0 => ("min", 60.0),
            _ => ("h", 3600.0),
        };
        Self { name: format!("wall time ({name})"), wall: true, unit }
    }

    pub(crate) fn of(&self, point: &Point) -> f64 {
        if self.wall { point.wall / self.unit } else { point.steps / self.unit }
    }
}

/// Line and band where all runs have values: `(x, line, lowest, highest)` at every x of any run,
/// linear in between.
pub(crate) fn summarise(
    runs: &[Vec<Point>],
    abscissa: &Abscissa,
    spread: Spread,
) -> Vec<(f64, f64, f64, f64)> {
    let curves: Vec<Vec<(f64, f64)>> =
        runs.iter().map(|run| run.iter().map(|point| (abscissa.of(point), point.value)).collect()).collect();
    if let [curve] = &curves[..] {
        return curve.iter().map(|&(x, y)| (x, y, y, y)).collect();
    }
    let start = curves.iter().filter_map(|curve| curve.first()).map(|point| point.0);
    let end = curves.iter().filter_map(|curve| curve.last()).map(|point| point.0);
    let (start, end) = (start.fold(f64::NEG_INFINITY, f64::max), end.fold(f64::INFINITY, f64::min));
    let mut grid: Vec<f64> = curves.iter().flatten().map(|point| point.0).collect();
    grid.retain(|&x| start <= x && x <= end);
    grid.sort_by(f64::total_cmp);
    grid.dedup();
    let bootstrap = Bootstrap::new(&[curves.len()], RESAMPLES);
    let summary = |x: f64| {
        let values: Vec<f64> = curves.iter().map(|curve| interpolate(curve, x)).collect();
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let estimate = bootstrap.estimate(&[values], spread.center, CONFIDENCE);
        match spread.band {
            Band::Interval => (x, estimate.value, estimate.low, estimate.high),
            Band::Range => (x, estimate.value, low, high),
        }
    };
    thin(&grid).into_iter().map(summary).collect()
}

/// At most [`POINTS_MAX`] of them, evenly, the first and the last included.
fn thin(grid: &[f64]) -> Vec<f64> {
    let count = grid.len().min(POINTS_MAX);
    (0..count).map(|i| grid[i * (grid.len() - 1) / (count - 1).max(1)]).collect()
}

/// Value of a curve at an x between its first and last.
fn interpolate(curve: &[(f64, f64)], x: f64) -> f64 {
    let after = curve.partition_point(|point| point.0 < x);
    match (after.checked_sub(1).map(|before| curve[before]), curve.get(after)) {
        (_, Some(&(x1, y1))) if x1 == x => y1,
        (Some((x0, y0)), Some(&(x1, y1))) => y0 + (y1 - y0) * (x - x0) / (x1 - x0),
        (None, Some(&(_, y))) | (Some((_, y)), None) => y,
        (None, None) => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(x: f64, value: f64) -> Point {
        Point { steps: x, wall: x, value }
    }

    fn spread(center: Center, band: Band) -> Spread {
        Spread { center, band }
    }

    #[test]
    fn bands_are_taken_where_all_runs_have_values() {
        let runs = [vec![point(0.0, 0.0), point(2.0, 2.0)], vec![point(1.0, 5.0), point(3.0, 5.0)]];
        for band in [Band::Range, Band::Interval] {
            // Of two seeds the interval reaches both.
            let summary = summarise(&runs, &Abscissa::steps(), spread(Center::Mean, band));
            assert_eq!(summary, [(1.0, 3.0, 1.0, 5.0), (2.0, 3.5, 2.0, 5.0)]);
        }
    }

    #[test]
    fn an_outlier_moves_the_mean_and_its_range_but_not_the_interquartile_mean() {
        let mut runs: Vec<Vec<Point>> = (0..8).map(|i| vec![point(1.0, f64::from(i))]).collect();
        runs[7][0].value = 1000.0;
        let of = |center, band| summarise(&runs, &Abscissa::steps(), spread(center, band))[0];
        assert_eq!(of(Center::Mean, Band::Range), (1.0, 1021.0 / 8.0, 0.0, 1000.0));
        let (_, line, low, high) = of(Center::InterquartileMean, Band::Interval);
        assert_eq!(line, 3.5);
        assert!((0.0..3.5).contains(&low) && (3.5..500.0).contains(&high), "{low} {high}");
    }

    #[test]
    fn long_runs_are_thinned_to_what_can_be_seen() {
        let run: Vec<Point> = (0..5000).map(|i| point(f64::from(i), 1.0)).collect();
        let summary = summarise(&[run.clone(), run.clone()], &Abscissa::steps(), Spread::default());
        assert_eq!((summary.len(), summary[0].0, summary[399].0), (400, 0.0, 4999.0));
        assert!(summary.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!(summarise(&[run], &Abscissa::steps(), Spread::default()).len(), 5000);
        assert!(summarise(&[vec![], vec![]], &Abscissa::steps(), Spread::default()).is_empty());
    }
}

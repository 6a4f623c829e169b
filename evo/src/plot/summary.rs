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

/// What the horizontal axis of learning curves counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    /// Control steps of training.
    Steps,
    /// Wall time.
    Time,
    /// Threads times wall time.
    Processor,
    /// Generations.
    Generation,
}

/// Which of a point's abscissas a panel shows, in which unit.
pub(crate) struct Abscissa {
    pub name: String,
    axis: Axis,
    unit: f64,
}

impl Abscissa {
    pub(crate) fn steps() -> Self {
        Self { name: "control steps".to_owned(), axis: Axis::Steps, unit: 1.0 }
    }

    /// An axis for some points, times in a unit that suits the longest run.
    pub(crate) fn new<'a>(axis: Axis, points: impl Iterator<Item = &'a Point>) -> Self {
        let plain = Self { name: String::new(), axis, unit: 1.0 };
        let (unit_name, unit) = match points.map(|point| plain.of(point)).fold(0.0, f64::max) {
            x if x < 180.0 => ("s", 1.0),
            x if x < 10_800.0 => ("min", 60.0),
            _ => ("h", 3600.0),
        };
        match axis {
            Axis::Steps => Self::steps(),
            Axis::Generation => Self { name: "generation".to_owned(), ..plain },
            Axis::Time => Self { name: format!("wall time ({unit_name})"), axis, unit },
            Axis::Processor => {
                Self { name: format!("processor time, as threads × wall time ({unit_name})"), axis, unit }
            }
        }
    }

    pub(crate) fn of(&self, point: &Point) -> f64 {
        let value = match self.axis {
            Axis::Steps => point.steps,
            Axis::Time => point.wall,
            Axis::Processor => point.processor,
            Axis::Generation => point.generation,
        };
        value / self.unit
    }
}

/// Several runs at one x.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Level {
    pub x: f64,
    /// The line.
    pub value: f64,
    /// Lower end of the band.
    pub low: f64,
    /// Upper end of the band.
    pub high: f64,
    /// How many runs reach it.
    pub seeds: usize,
}

/// A run whose end is at this share of the longest one's has come as far: seeds differ a little in their steps.
const AS_FAR: f64 = 0.9;

/// Line and band from where all runs have values to where the last ones end, at every x of any run, linear in between.
/// Where some have ended, they are those of the others.
pub(crate) fn summarise(runs: &[Vec<Point>], abscissa: &Abscissa, spread: Spread) -> Vec<Level> {
    let curves: Vec<Vec<(f64, f64)>> =
        runs.iter().map(|run| run.iter().map(|point| (abscissa.of(point), point.value)).collect()).collect();
    if let [curve] = &curves[..] {
        let level = |&(x, value): &(f64, f64)| Level { x, value, low: value, high: value, seeds: 1 };
        return curve.iter().map(level).collect();
    }
    let start = curves.iter().filter_map(|curve| curve.first()).map(|point| point.0);
    let start = start.fold(f64::NEG_INFINITY, f64::max);
    let ends: Vec<f64> =
        curves.iter().map(|curve| curve.last().map_or(f64::NEG_INFINITY, |point| point.0)).collect();
    let longest = ends.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let until = ends.iter().copied().filter(|&end| end >= AS_FAR * longest).fold(longest, f64::min);
    let mut grid: Vec<f64> = curves.iter().flatten().map(|point| point.0).collect();
    grid.retain(|&x| start <= x && x <= until);
    grid.sort_by(f64::total_cmp);
    grid.dedup();
    let bootstraps: Vec<Bootstrap> =
        (1..=curves.len()).map(|count| Bootstrap::new(&[count], RESAMPLES)).collect();
    let summary = |x: f64| {
        let there = curves.iter().zip(&ends).filter(|&(_, &end)| x <= end);
        let values: Vec<f64> = there.map(|(curve, _)| interpolate(curve, x)).collect();
        let seeds = values.len();
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let estimate = bootstraps[seeds - 1].estimate(&[values], spread.center, CONFIDENCE);
        match spread.band {
            Band::Interval => {
                Level { x, value: estimate.value, low: estimate.low, high: estimate.high, seeds }
            }
            Band::Range => Level { x, value: estimate.value, low, high, seeds },
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
        Point { generation: x, steps: x, wall: x, processor: x, value }
    }

    fn spread(center: Center, band: Band) -> Spread {
        Spread { center, band }
    }

    #[test]
    fn lines_reach_as_far_as_the_longest_run_and_say_where_some_have_ended() {
        let runs = [vec![point(0.0, 0.0), point(2.0, 2.0)], vec![point(1.0, 5.0), point(3.0, 6.0)]];
        for band in [Band::Range, Band::Interval] {
            // Of two seeds the interval reaches both.
            let summary = summarise(&runs, &Abscissa::steps(), spread(Center::Mean, band));
            let level = |x, value, low, high, seeds| Level { x, value, low, high, seeds };
            let expected =
                [level(1.0, 3.0, 1.0, 5.0, 2), level(2.0, 3.75, 2.0, 5.5, 2), level(3.0, 6.0, 6.0, 6.0, 1)];
            assert_eq!(summary, expected);
        }
        // Ends that differ by a few steps are no end.
        let runs = [vec![point(0.0, 0.0), point(98.0, 2.0)], vec![point(0.0, 5.0), point(100.0, 6.0)]];
        let summary = summarise(&runs, &Abscissa::steps(), Spread::default());
        assert_eq!((summary.len(), summary[1].x), (2, 98.0));
        assert!(summary.iter().all(|level| level.seeds == 2));
    }

    #[test]
    fn times_come_in_a_unit_that_suits_them() {
        let mut end = point(700.0, 1.0);
        end.processor = 40_000.0;
        let name = |axis| Abscissa::new(axis, [&end].into_iter());
        assert_eq!(name(Axis::Generation).name, "generation");
        assert_eq!(
            (name(Axis::Time).name.as_str(), name(Axis::Time).of(&end)),
            ("wall time (min)", 700.0 / 60.0)
        );
        assert!(name(Axis::Processor).name.ends_with("(h)") && name(Axis::Steps).of(&end) == 700.0);
    }

    #[test]
    fn an_outlier_moves_the_mean_and_its_range_but_not_the_interquartile_mean() {
        let mut runs: Vec<Vec<Point>> = (0..8).map(|i| vec![point(1.0, f64::from(i))]).collect();
        runs[7][0].value = 1000.0;
        let of = |center, band| summarise(&runs, &Abscissa::steps(), spread(center, band))[0];
        let range = of(Center::Mean, Band::Range);
        assert_eq!((range.value, range.low, range.high), (1021.0 / 8.0, 0.0, 1000.0));
        let Level { value: line, low, high, .. } = of(Center::InterquartileMean, Band::Interval);
        assert_eq!(line, 3.5);
        assert!((0.0..3.5).contains(&low) && (3.5..500.0).contains(&high), "{low} {high}");
    }

    #[test]
    fn long_runs_are_thinned_to_what_can_be_seen() {
        let run: Vec<Point> = (0..5000).map(|i| point(f64::from(i), 1.0)).collect();
        let summary = summarise(&[run.clone(), run.clone()], &Abscissa::steps(), Spread::default());
        assert_eq!((summary.len(), summary[0].x, summary[399].x), (400, 0.0, 4999.0));
        assert!(summary.windows(2).all(|pair| pair[0].x < pair[1].x));
        assert_eq!(summarise(&[run], &Abscissa::steps(), Spread::default()).len(), 5000);
        assert!(summarise(&[vec![], vec![]], &Abscissa::steps(), Spread::default()).is_empty());
    }
}

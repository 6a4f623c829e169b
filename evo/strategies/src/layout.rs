//! How an archive divides the space of descriptors into cells.

use rand::RngExt as _;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::random::{Purpose, Stream};
use super::{StrategyError, check};

/// Most cells of an archive; more is a typing error, and its memory would end the process.
const MAX_CELLS: usize = 1 << 20;
/// Most centroids: finding them takes time that grows with the square of their number.
const MAX_CENTROIDS: usize = 1 << 14;
/// Cells of a grid whose numbers are not told, at the most.
const DEFAULT_CELLS: usize = 1024;
/// Points per centroid, and rounds, of k-means.
const POINTS: usize = 50;
const ROUNDS: usize = 30;

/// The cells of an archive, as written in a config.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Layout {
    /// A regular grid.
    Grid {
        /// Cells along each descriptor, each ≥ 1, at the most 1,048,576 in all; empty is the same number along all, at
        /// the most 1,024 in all.
        #[serde(default)]
        cells: Vec<usize>,
    },
    /// The cells of a centroidal Voronoi tessellation (Vassiliades, Chatzilygeroudis and Mouret 2018): about the same
    /// size everywhere, and as many as wanted for any number of descriptors. They depend on no seed.
    Cvt {
        /// Their number, 1 to 16,384.
        cells: usize,
    },
}

impl Default for Layout {
    fn default() -> Self {
        Self::Grid { cells: Vec::new() }
    }
}

impl Layout {
    /// Refuses no cells, too many, and another number of axes than there are descriptors (if that is known).
    pub(super) fn validate(&self, strategy: &'static str, axes: Option<usize>) -> Result<(), StrategyError> {
        let error = |value: String, expected| Err(check::error(strategy, "archive", &value, expected));
        match self {
            Self::Grid { cells } => {
                let count = cells.iter().try_fold(1_usize, |count, &cells| count.checked_mul(cells));
                if !count.is_some_and(|count| (1..=MAX_CELLS).contains(&count)) {
                    return error(
                        format!("Grid(cells: {cells:?})"),
                        "numbers ≥ 1 with a product up to 1048576",
                    );
                }
                if !cells.is_empty() && axes.is_some_and(|axes| axes != cells.len()) {
                    return error(format!("Grid(cells: {cells:?})"), "a number of cells for each descriptor");
                }
                Ok(())
            }
            Self::Cvt { cells } if (1..=MAX_CENTROIDS).contains(cells) => Ok(()),
            Self::Cvt { cells } => error(format!("Cvt(cells: {cells})"), "1 to 16384 cells"),
        }
    }

    /// The cells for a number of descriptors.
    pub(super) fn cells(&self, axes: usize) -> Cells {
        match self {
            Self::Grid { cells } if cells.is_empty() => {
                // The largest number whose power is not above: no root, which might round.
                let fits = |side: usize| (0..axes).try_fold(1, |count: usize, _| count.checked_mul(side));
                let side =
                    (2..=DEFAULT_CELLS).take_while(|&side| fits(side).is_some_and(|c| c <= DEFAULT_CELLS));
                Cells::Grid(vec![side.last().unwrap_or(1); axes])
            }
            Self::Grid { cells } => Cells::Grid(cells.clone()),
            Self::Cvt { cells } => Cells::Centroids { axes, points: centroids(*cells, axes) },
        }
    }

    /// Their number.
    pub(super) fn count(&self, axes: usize) -> usize {
        match self {
            Self::Cvt { cells } => *cells,
            Self::Grid { .. } => self.cells(axes).count(),
        }
    }
}

/// Cells of the unit cube of descriptors.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cells {
    /// So many along each axis; the last one varies fastest.
    Grid(Vec<usize>),
    /// The points that are nearest to one of these.
    Centroids { axes: usize, points: Vec<f64> },
}

impl Cells {
    pub fn count(&self) -> usize {
        match self {
            Self::Grid(sides) => sides.iter().product(),
            Self::Centroids { axes, points } => points.len() / axes,
        }
    }

    /// The cell of a point of the unit cube.
    pub fn index(&self, point: &[f64]) -> usize {
        match self {
            Self::Grid(sides) => sides
                .iter()
                .zip(point)
                .fold(0, |index, (&side, &x)| index * side + ((x * side as f64) as usize).min(side - 1)),
            Self::Centroids { axes, points } => nearest(points, *axes, point),
        }
    }
}

/// The point that is nearest, the first of equal ones.
fn nearest(points: &[f64], axes: usize, to: &[f64]) -> usize {
    let (mut best, mut least) = (0, f64::INFINITY);
    for (index, point) in points.chunks_exact(axes).enumerate() {
        let square: f64 = point.iter().zip(to).map(|(a, b)| (a - b) * (a - b)).sum();
        if square < least {
            (best, least) = (index, square);
        }
    }
    best
}

/// Centres of about equal parts of the unit cube: k-means (Lloyd 1982) over uniform points.
fn centroids(count: usize, axes: usize) -> Vec<f64> {
    let mut stream = Stream::new(0, Purpose::Emitter, 0, 0, 0);
    let points: Vec<f64> = (0..count * POINTS * axes).map(|_| stream.random()).collect();
    let mut centres = points[..count * axes].to_vec();
    let mut belongs = Vec::new();
    for _ in 0..ROUNDS {
        let found: Vec<usize> =
            points.par_chunks_exact(axes).map(|point| nearest(&centres, axes, point)).collect();
        if found == belongs {
            break;
        }
        belongs = found;
        let (mut sums, mut counts) = (vec![0.0; count * axes], vec![0.0; count]);
        for (point, &centre) in points.chunks_exact(axes).zip(&belongs) {
            counts[centre] += 1.0;
            sums[centre * axes..][..axes].iter_mut().zip(point).for_each(|(sum, x)| *sum += x);
        }
        for ((centre, sum), count) in centres.chunks_exact_mut(axes).zip(sums.chunks_exact(axes)).zip(counts)
        {
            // One without points stays where it is.
            if count > 0.0 {
                centre.iter_mut().zip(sum).for_each(|(x, sum)| *x = sum / count);
            }
        }
    }
    centres
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_that_is_not_told_has_about_a_thousand_cells() {
        let cells = |axes| Layout::default().cells(axes);
        assert_eq!(cells(1), Cells::Grid(vec![1024]));
        assert_eq!(cells(2), Cells::Grid(vec![32; 2]));
        assert_eq!(cells(3), Cells::Grid(vec![10; 3]));
        assert_eq!(cells(10), Cells::Grid(vec![2; 10]));
        assert_eq!(cells(11), Cells::Grid(vec![1; 11]));
    }

    #[test]
    fn edges_belong_to_the_cell_above_them_and_the_last_one_to_the_last_cell() {
        let cells = Cells::Grid(vec![2, 4]);
        for (point, cell) in
            [([0.0, 0.0], 0), ([0.0, 0.25], 1), ([0.49, 0.99], 3), ([0.5, 0.0], 4), ([1.0, 1.0], 7)]
        {
            assert_eq!(cells.index(&point), cell, "{point:?}");
        }
    }

    #[test]
    fn centroids_divide_the_square_into_parts_of_about_the_same_size() {
        let Cells::Centroids { axes: 2, points } = (Layout::Cvt { cells: 60 }).cells(2) else { panic!() };
        assert_eq!(points.len(), 120);
        let mut counts = vec![0; 60];
        for i in 0..200 {
            for j in 0..200 {
                let at = [(f64::from(i) + 0.5) / 200.0, (f64::from(j) + 0.5) / 200.0];
                counts[nearest(&points, 2, &at)] += 1;
            }
        }
        // 667 points each.
        let (least, most) = (counts.iter().min().copied(), counts.iter().max().copied());
        assert!(least > Some(300) && most < Some(1300), "{counts:?}");
    }
}

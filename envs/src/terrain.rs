//! Uneven ground: what it looks like, and how a plane becomes it.

use rand::{RngExt as _, SeedableRng as _, rngs::ChaCha8Rng};
use serde::{Deserialize, Serialize};
use sim::{GeomKind, Heightfield, Model};

/// Most levels of steps above and below 0.
const LEVELS: i32 = 10;

/// What the ground looks like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Terrain {
    /// Bumps: every grid point, 0.3 m apart, at a random height between 0 and `height`, above 0..=2 m.
    Rough {
        /// Highest bump, m.
        height: f64,
    },
    /// Stairs across the path; each step goes up or down at random.
    Steps {
        /// Height of a step, above 0..=2 m.
        height: f64,
        /// Length of a step, 0.6..=100 m.
        length: f64,
    },
    /// Waves along and across.
    Hills {
        /// From valley to top, above 0..=2 m.
        height: f64,
        /// From top to top, 0.6..=100 m.
        length: f64,
    },
}

/// Grid points of a rectangle around the origin.
pub(crate) struct Grid {
    /// Half the length (along x) and half the width, m.
    pub(crate) radii: [f64; 2],
    /// Points along x and along y.
    pub(crate) points: [usize; 2],
}

impl Grid {
    /// Coordinate of point `i` along an axis, m.
    pub(crate) fn place(&self, i: usize, axis: usize) -> f64 {
        self.radii[axis] * (2.0 * i as f64 / (self.points[axis] - 1) as f64 - 1.0)
    }
}

impl Terrain {
    /// What is wrong with the numbers: the value and what would be valid.
    pub(crate) fn check(&self) -> Result<(), (f64, &'static str)> {
        let (height, length) = match *self {
            Self::Rough { height } => (height, 1.0),
            Self::Steps { height, length } | Self::Hills { height, length } => (height, length),
        };
        // Written so that NaN is refused.
        if !(height > 0.0 && height <= 2.0) {
            return Err((height, "expected a height above 0, at most 2 m"));
        }
        if !(0.6..=100.0).contains(&length) {
            return Err((length, "expected a length of 0.6..=100 m"));
        }
        Ok(())
    }

    /// Heights of the grid's points, row by row, m. The numbers must have passed [`Terrain::check`].
    pub(crate) fn heights(&self, grid: &Grid, seed: u64) -> Vec<f64> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let columns = grid.points[0];
        let points = (0..grid.points[1]).flat_map(|row| (0..columns).map(move |column| (column, row)));
        match *self {
            Self::Rough { height } => points.map(|_| height * rng.random::<f64>()).collect(),
            Self::Steps { height, length } => {
                let count = (2.0 * grid.radii[0] / length) as usize + 1;
                let mut level = 0;
                let mut levels = Vec::with_capacity(count);
                for _ in 0..count {
                    level = (level + if rng.random() { 1 } else { -1 }).clamp(-LEVELS, LEVELS);
                    levels.push(height * f64::from(level));
                }
                let step = |column: usize| ((grid.place(column, 0) + grid.radii[0]) / length) as usize;
                points.map(|(column, _)| levels[step(column).min(count - 1)]).collect()
            }
            Self::Hills { height, length } => {
                let turn = std::f64::consts::TAU;
                let phases = [turn * rng.random::<f64>(), turn * rng.random::<f64>()];
                let wave = |i, axis: usize| libm::sin(turn * grid.place(i, axis) / length + phases[axis]);
                points.map(|(column, row)| 0.5 * height * (1.0 + wave(column, 0) * wave(row, 1))).collect()
            }
        }
    }
}

/// Turns a level plane of `model` into a field with these heights above it.
pub(crate) fn lay(model: &mut Model, plane: usize, grid: &Grid, heights: &[f64]) {
    let lowest = heights.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = heights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let (span, base) = (highest - lowest, 1.0);
    let data = heights.iter().map(|h| ((h - lowest) / span) as f32).collect();
    let geom = &mut model.geoms[plane];
    geom.kind = GeomKind::Heightfield;
    geom.heightfield = Some(model.heightfields.len());
    geom.size = [grid.radii[0], grid.radii[1], 0.25 * span + 0.5 * base];
    geom.pos = [0.0, 0.0, geom.pos[2] + lowest];
    let size = [grid.radii[0], grid.radii[1], span, base];
    let name = "terrain".to_owned();
    model.heightfields.push(Heightfield { name, nrow: grid.points[1], ncol: grid.points[0], size, data });
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRID: Grid = Grid { radii: [150.0, 12.0], points: [1001, 81] };

    #[test]
    fn grounds_have_the_shape_that_was_asked_for() {
        let rough = Terrain::Rough { height: 0.2 };
        let heights = rough.heights(&GRID, 1);
        let mean = heights.iter().sum::<f64>() / heights.len() as f64;
        assert!(heights.iter().all(|h| (0.0..=0.2).contains(h)) && (mean - 0.1).abs() < 0.002, "{mean}");
        assert!(heights == rough.heights(&GRID, 1) && heights != rough.heights(&GRID, 2));
        let steps = Terrain::Steps { height: 0.1, length: 3.0 }.heights(&GRID, 1);
        let row = &steps[..GRID.points[0]];
        assert!(steps.chunks_exact(GRID.points[0]).all(|other| other == row), "the same from side to side");
        let jumps: Vec<usize> = (1..row.len()).filter(|&i| row[i] != row[i - 1]).collect();
        assert!(jumps.iter().all(|&i| ((row[i] - row[i - 1]).abs() - 0.1).abs() < 1e-9));
        assert!(jumps.len() > 80 && jumps.len() <= 100, "{}", jumps.len());
        let hills = Terrain::Hills { height: 1.0, length: 6.0 }.heights(&GRID, 1);
        let period = 20;
        assert!((0..900).all(|i| (hills[i] - hills[i + period]).abs() < 1e-9));
        assert!(hills.iter().any(|&h| h > 0.98) && hills.iter().any(|&h| h < 0.02));
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        for terrain in [
            Terrain::Rough { height: 0.0 },
            Terrain::Rough { height: f64::INFINITY },
            Terrain::Steps { height: 0.1, length: f64::NAN },
            Terrain::Hills { height: 2.1, length: 1.0 },
        ] {
            assert!(terrain.check().is_err(), "{terrain:?}");
        }
        assert!(Terrain::Hills { height: 2.0, length: 0.6 }.check().is_ok());
    }
}

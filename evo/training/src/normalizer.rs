//! Running mean and standard deviation of observations.
//!
//! Sums are kept per episode, in the order of its steps, relative to the mean that was in force
//! (which keeps them well conditioned), and merged in the order of the episodes. The result does
//! not depend on which thread ran which episode, nor on how early an episode ended: every
//! observation counts once.

use serde::{Deserialize, Serialize};

/// Smallest standard deviation by which an observation is divided.
const MIN_STD: f64 = 1e-3;

/// Observations seen so far: count, mean and sum of squared deviations per observation.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics {
    /// Number of observations.
    pub count: f64,
    /// Means.
    pub mean: Vec<f64>,
    /// Sums of squared deviations from the mean.
    pub m2: Vec<f64>,
}

impl Statistics {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(size: usize) -> Self {
        Self { count: 0.0, mean: vec![0.0; size], m2: vec![0.0; size] }
    }

    /// Adds sums that were taken relative to `shift` (Chan, Golub, LeVeque 1979, pairwise form).
    pub fn merge(&mut self, sums: &Sums, shift: &[f32]) {
        if sums.count == 0.0 {
            return;
        }
        let total = self.count + sums.count;
        for (i, &shift) in shift.iter().enumerate() {
            let offset = sums.sum[i] / sums.count;
            let mean = f64::from(shift) + offset;
            let m2 = (sums.squares[i] - sums.sum[i] * offset).max(0.0);
            let delta = mean - self.mean[i];
            self.m2[i] += m2 + delta * delta * self.count * sums.count / total;
            self.mean[i] += delta * sums.count / total;
        }
        self.count = total;
    }

    /// The transformation for the coming episodes; the identity if nothing has been seen.
    #[must_use]
    pub fn normalizer(&self, clip: f32) -> Normalizer {
        if self.count == 0.0 {
            return Normalizer::identity(self.mean.len(), clip);
        }
        let std = |m2: &f64| (m2 / self.count).sqrt().max(MIN_STD);
        Normalizer {
            mean: self.mean.iter().map(|&x| x as f32).collect(),
            inverse_std: self.m2.iter().map(|m2| (1.0 / std(m2)) as f32).collect(),
            clip,
        }
    }
}

/// Sums over the observations of one episode, relative to a fixed shift.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sums {
    /// Number of observations.
    pub count: f64,
    /// Sums of the shifted observations.
    pub sum: Vec<f64>,
    /// Sums of their squares.
    pub squares: Vec<f64>,
}

impl Sums {
    /// Empty sums.
    #[must_use]
    pub fn new(size: usize) -> Self {
        Self { count: 0.0, sum: vec![0.0; size], squares: vec![0.0; size] }
    }
}

/// A frozen transformation `clamp((x − mean) / std, ±clip)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Normalizer {
    /// Subtracted from each observation; also the shift of [`Sums`].
    pub mean: Vec<f32>,
    /// Multiplied to each observation.
    pub inverse_std: Vec<f32>,
    /// Bound of the result.
    pub clip: f32,
}

impl Normalizer {
    /// Clips only.
    #[must_use]
    pub fn identity(size: usize, clip: f32) -> Self {
        Self { mean: vec![0.0; size], inverse_std: vec![1.0; size], clip }
    }

    /// Writes the transformed `raw` to `out`, and adds `raw` to `sums` if given.
    pub fn apply(&self, raw: &[f32], out: &mut [f32], sums: Option<&mut Sums>) {
        let clip = self.clip;
        let moments = self.mean.iter().zip(&self.inverse_std);
        for ((out, &raw), (&mean, &inverse_std)) in out.iter_mut().zip(raw).zip(moments) {
            *out = ((raw - mean) * inverse_std).clamp(-clip, clip);
        }
        if let Some(sums) = sums {
            sums.count += 1.0;
            let sums = sums.sum.iter_mut().zip(&mut sums.squares);
            for ((&raw, &mean), (sum, square)) in raw.iter().zip(&self.mean).zip(sums) {
                let d = f64::from(raw - mean);
                *sum += d;
                *square += d * d;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sums_of(normalizer: &Normalizer, rows: &[Vec<f32>]) -> Sums {
        let mut sums = Sums::new(2);
        let mut out = [0.0; 2];
        for row in rows {
            normalizer.apply(row, &mut out, Some(&mut sums));
        }
        sums
    }

    proptest! {
        /// Merging episodes of any lengths gives the two-pass mean and variance of all rows.
        #[test]
        fn merged_statistics_are_those_of_all_rows(
            rows in proptest::collection::vec(proptest::collection::vec(-50.0f32..50.0, 2), 2..60),
            cut in 0usize..60,
            shift in -20.0f32..20.0,
        ) {
            let cut = cut.min(rows.len());
            let normalizer = Normalizer { mean: vec![shift; 2], ..Normalizer::identity(2, 5.0) };
            let mut statistics = Statistics::new(2);
            for part in [&rows[..cut], &rows[cut..]] {
                statistics.merge(&sums_of(&normalizer, part), &normalizer.mean);
            }
            prop_assert_eq!(statistics.count, rows.len() as f64);
            for i in 0..2 {
                let column: Vec<f64> = rows.iter().map(|r| f64::from(r[i])).collect();
                let mean = column.iter().sum::<f64>() / column.len() as f64;
                let m2: f64 = column.iter().map(|x| (x - mean).powi(2)).sum();
                prop_assert!((statistics.mean[i] - mean).abs() < 1e-4, "mean {} {mean}", statistics.mean[i]);
                prop_assert!((statistics.m2[i] - m2).abs() < 1e-2 * (1.0 + m2), "m2 {} {m2}", statistics.m2[i]);
            }
        }
    }

    #[test]
    fn normalised_observations_are_clipped_and_scaled() {
        let normalizer = Normalizer { mean: vec![1.0, 0.0], inverse_std: vec![2.0, 1.0], clip: 5.0 };
        let mut out = [0.0; 2];
        normalizer.apply(&[2.0, -9.0], &mut out, None);
        assert_eq!(out, [2.0, -5.0]);
    }

    #[test]
    fn a_constant_observation_is_not_divided_by_zero() {
        let mut statistics = Statistics::new(1);
        statistics.merge(&Sums { count: 4.0, sum: vec![8.0], squares: vec![16.0] }, &[0.0]);
        assert_eq!(statistics.normalizer(5.0).inverse_std, [1e3]);
    }
}

//! From raw fitness to the weights of an update.

use serde::{Deserialize, Serialize};

/// The order of a generation's members, shared by all strategies.
///
/// Members whose fitness is NaN or infinite have *failed*: they stand after all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranked {
    order: Vec<usize>,
    valid: usize,
    /// How many of the first ones are parents, where the number changes from one generation to the next.
    parents: Option<usize>,
}

impl Ranked {
    /// Ranks raw fitness (higher is better; equal fitness by member index) and replaces the fitness of failed
    /// members by the worst finite one.
    ///
    /// Returns `None` when no member has a finite fitness.
    #[must_use]
    pub fn new(fitness: &mut [f64]) -> Option<Self> {
        let mut order: Vec<usize> = (0..fitness.len()).collect();
        let failed = |index: usize| !fitness[index].is_finite();
        order.sort_by(|&a, &b| match (failed(a), failed(b)) {
            (false, false) => fitness[b].total_cmp(&fitness[a]).then(a.cmp(&b)),
            (x, y) => x.cmp(&y).then(a.cmp(&b)),
        });
        let valid = order.iter().take_while(|&&index| !failed(index)).count();
        let worst = fitness[order[valid.checked_sub(1)?]];
        for &index in &order[valid..] {
            fitness[index] = worst;
        }
        Some(Self { order, valid, parents: None })
    }

    /// An order made by other means than fitness, of members that have not failed but for those after the first `valid`;
    /// with the number of parents, unless it is the strategy's own.
    pub(super) fn chosen(order: Vec<usize>, valid: usize, parents: Option<usize>) -> Self {
        Self { order, valid, parents }
    }

    /// Which members have failed.
    pub(super) fn failed(&self) -> Vec<bool> {
        let mut failed = vec![false; self.order.len()];
        self.order[self.valid..].iter().for_each(|&index| failed[index] = true);
        failed
    }

    /// Number of parents, if it is not the strategy's own.
    pub(super) fn parents(&self) -> Option<usize> {
        self.parents
    }

    /// Member indices, best first.
    #[must_use]
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// Number of members with finite fitness, at least 1: they are the first of [`Ranked::order`].
    #[must_use]
    pub fn valid(&self) -> usize {
        self.valid
    }

    /// Rank of each member divided by λ − 1, minus ½: the best has ½, the worst −½. Members of equal fitness
    /// share the average of their ranks; so do failed ones.
    #[must_use]
    pub fn centred(&self, fitness: &[f64]) -> Vec<f64> {
        let last = (self.order.len().max(2) - 1) as f64;
        // Positions start to end, counted from the best, have this mean.
        self.by_position(fitness, |start, end| 0.5 - (start + end - 1) as f64 / 2.0 / last)
    }

    /// The weights of natural evolution strategies (Wierstra et al. 2014): max(0, ln(λ/2 + 1) − ln rank), scaled
    /// to the sum 1, minus 1/λ; their sum is 0. Shared like [`Ranked::centred`].
    #[must_use]
    pub fn utilities(&self, fitness: &[f64]) -> Vec<f64> {
        let count = self.order.len() as f64;
        let edge = libm::log(count / 2.0 + 1.0);
        let ranks = 1..=self.order.len();
        let raw: Vec<f64> = ranks.map(|rank| (edge - libm::log(rank as f64)).max(0.0)).collect();
        let total: f64 = raw.iter().sum();
        self.by_position(fitness, |start, end| {
            raw[start..end].iter().sum::<f64>() / (end - start) as f64 / total - 1.0 / count
        })
    }

    /// The weight of each member from the positions (start to end, without the latter) that it shares with the
    /// members of equal fitness.
    fn by_position(&self, fitness: &[f64], weight: impl Fn(usize, usize) -> f64) -> Vec<f64> {
        let count = self.order.len();
        let mut out = vec![0.0; count];
        let mut start = 0;
        while start < count {
            let equal = |position: &usize| {
                let same = fitness[self.order[*position]] == fitness[self.order[start]];
                same && (*position < self.valid) == (start < self.valid)
            };
            let end = (start..count).take_while(equal).count() + start;
            let shared = weight(start, end);
            for &member in &self.order[start..end] {
                out[member] = shared;
            }
            start = end;
        }
        out
    }
}

/// What [`Shaping`] may be, for listings.
pub(super) const RANGE: &str = "CentredRanks, Utilities, Standardised or Raw";

/// How fitness becomes the weight of a member in the update.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shaping {
    /// Ranks scaled to \[−½, ½\]: only the order counts, and outliers and scale do not matter.
    #[default]
    CentredRanks,
    /// The weights of natural evolution strategies, [`Ranked::utilities`]: the better half counts most.
    Utilities,
    /// (fitness − mean) / standard deviation; all zero when every member has the same fitness.
    Standardised,
    /// Fitness as it is. The learning rate then depends on its scale.
    Raw,
}

impl Shaping {
    /// The weight of each member, from sanitised fitness (see [`Ranked::new`]).
    #[must_use]
    pub fn apply(self, fitness: &[f64], ranked: &Ranked) -> Vec<f64> {
        match self {
            Self::CentredRanks => ranked.centred(fitness),
            Self::Utilities => ranked.utilities(fitness),
            Self::Raw => fitness.to_vec(),
            Self::Standardised => {
                let count = fitness.len() as f64;
                let mean = fitness.iter().sum::<f64>() / count;
                let square = |f: &f64| (f - mean) * (f - mean);
                let deviation = (fitness.iter().map(square).sum::<f64>() / count).sqrt();
                let scale = if deviation > 0.0 { 1.0 / deviation } else { 0.0 };
                fitness.iter().map(|f| (f - mean) * scale).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn centred_ranks_average_ties_and_put_failures_last() {
        let mut fitness = [1.0, 3.0, f64::NAN, 1.0, f64::INFINITY, 2.0];
        let ranked = Ranked::new(&mut fitness).unwrap();
        assert_eq!(ranked.order(), [1, 5, 0, 3, 2, 4]);
        assert_eq!(ranked.valid(), 4);
        assert_eq!(fitness, [1.0, 3.0, 1.0, 1.0, 1.0, 2.0]);
        let expected = [0.0, 0.5, -0.4, 0.0, -0.4, 0.3];
        for (value, expected) in ranked.centred(&fitness).iter().zip(expected) {
            assert!((value - expected).abs() < 1e-15, "{value} {expected}");
        }
    }

    #[test]
    fn centred_ranks_of_equal_or_single_members_are_neutral() {
        let mut fitness = [7.0; 4];
        let ranked = Ranked::new(&mut fitness).unwrap();
        assert_eq!(ranked.centred(&fitness), [0.0; 4]);
        assert_eq!(Shaping::Standardised.apply(&fitness, &ranked), [0.0; 4]);
        let ranked = Ranked::new(&mut fitness[..1]).unwrap();
        assert_eq!(ranked.order(), [0]);
    }

    #[test]
    fn a_generation_without_finite_fitness_has_no_ranks() {
        assert_eq!(Ranked::new(&mut [f64::NAN, f64::NEG_INFINITY]), None);
        assert_eq!(Ranked::new(&mut []), None);
    }

    #[test]
    fn standardised_fitness_has_mean_zero_and_deviation_one() {
        let mut fitness = [1.0, 2.0, 4.0, f64::NAN];
        let ranked = Ranked::new(&mut fitness).unwrap();
        let shaped = Shaping::Standardised.apply(&fitness, &ranked);
        assert!(shaped.iter().sum::<f64>().abs() < 1e-14);
        assert!((shaped.iter().map(|v| v * v).sum::<f64>() - 4.0).abs() < 1e-13);
        assert_eq!(shaped[3], shaped[0], "a failed member counts as the worst one");
    }

    #[test]
    fn utilities_are_those_of_the_paper_and_sum_to_zero() {
        let mut fitness = [3.0, 1.0, 2.0, 0.0];
        let ranked = Ranked::new(&mut fitness).unwrap();
        // ln 3, ln 3/2 and 0 twice, divided by ln 9/2, minus 1/4.
        let (first, second) = (3.0_f64.ln() / 4.5_f64.ln(), 1.5_f64.ln() / 4.5_f64.ln());
        let expected = [first - 0.25, -0.25, second - 0.25, -0.25];
        for (value, expected) in ranked.utilities(&fitness).iter().zip(expected) {
            assert!((value - expected).abs() < 1e-15, "{value} {expected}");
        }
        let mut equal = [1.0, 1.0, 1.0, f64::NAN];
        let ranked = Ranked::new(&mut equal).unwrap();
        let shaped = Shaping::Utilities.apply(&equal, &ranked);
        assert!((shaped[0] - (1.0 / 3.0 - 0.25)).abs() < 1e-15 && shaped[0] == shaped[2]);
        assert_eq!(shaped[3], -0.25, "a failed member shares with nobody");
    }
}

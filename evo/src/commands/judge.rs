//! Scoring controllers on the same episodes, and what differs between their scores.

use std::sync::Arc;

use records::failure::{Blame as _, Failure};
use serde::Serialize;
use training::evaluate::{self, Evaluation};
use training::rollout::Rollout;
use training::setup::pool;

use super::common::{FRESH_SEED, Trained};
use crate::statistics::{Center, Estimate, estimate};

/// Which episodes.
pub(super) struct Episodes {
    pub(super) count: usize,
    pub(super) seed: u64,
    pool: Arc<rayon::ThreadPool>,
}

impl Episodes {
    /// `count` episodes on `threads` threads, whose start states are those of `seed`.
    pub(super) fn new(count: usize, seed: Option<u64>, threads: Option<usize>) -> Result<Self, Failure> {
        let pool = pool(threads.unwrap_or(0)).run()?;
        Ok(Self { count, seed: seed.unwrap_or(FRESH_SEED), pool })
    }

    /// Workers for a controller. Made for all of them before the first one runs: whatever does not fit was asked for.
    pub(super) fn rollout(&self, trained: &Trained) -> Result<Rollout, Failure> {
        let horizon = trained.setup.task.spec().horizon;
        trained.setup.rollout(horizon, Some(self.pool.clone())).usage()
    }

    /// The score of a controller.
    pub(super) fn score(&self, trained: &Trained, rollout: &Rollout) -> Result<Evaluation, Failure> {
        let setup = &trained.setup;
        let spec = setup.task.spec();
        let results = evaluate::run(rollout, &trained.policy, self.count, self.seed, spec.terms).run()?;
        let engine = setup.options.engine;
        Ok(Evaluation::new(spec.name, engine, spec.terms, &results, setup.controller.as_ref()))
    }
}

/// A mean over episodes with its bootstrap interval of 95 %.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Interval {
    pub(super) mean: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

impl Interval {
    fn of(values: &[f64]) -> Self {
        match estimate(values, Center::Mean) {
            Some(Estimate { value: mean, low, high }) => Self { mean, low, high },
            None => Self { mean: f64::NAN, low: f64::NAN, high: f64::NAN },
        }
    }

    /// Of the returns of an evaluation.
    pub(super) fn returns(evaluation: &Evaluation) -> Self {
        Self::of(&evaluation.returns)
    }

    /// Of what an evaluation has more than another, episode by episode: both begin in the same states.
    pub(super) fn difference(evaluation: &Evaluation, other: &Evaluation) -> Self {
        let pairs = evaluation.returns.iter().zip(&other.returns);
        Self::of(&pairs.map(|(own, others)| own - others).collect::<Vec<_>>())
    }

    /// As `812.4 [790.1, 830.0]`.
    pub(super) fn text(self) -> String {
        Estimate { value: self.mean, low: self.low, high: self.high }.to_string()
    }

    /// The same with a sign, for differences.
    pub(super) fn signed(self) -> String {
        let Self { mean, low, high } = self;
        format!("{mean:+.1} [{low:+.1}, {high:+.1}]")
    }
}

/// What a table of intervals says below.
pub(super) const EXPLAINED: &str = "In brackets: 95 % bootstrap intervals over the episodes; for differences, over pairs with the same start.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_tell_more_than_means() {
        // Episodes differ by far more than controllers; each pair by one or two.
        let starts = [10.0, 200.0, -40.0, 90.0, 700.0, 300.0];
        let evaluation = |gains: [f64; 6]| Evaluation {
            env: "ant".to_owned(),
            engine: "lanes",
            episodes: 6,
            return_mean: 0.0,
            return_std: 0.0,
            returns: starts.iter().zip(gains).map(|(start, gain)| start + gain).collect(),
            length_mean: 0.0,
            terminated: 0,
            blow_ups: 0,
            terms: std::collections::BTreeMap::new(),
            spike_rate: 0.0,
            synops_per_step: 0.0,
            energy_pj_per_step: 0.0,
        };
        let (first, second) = (evaluation([0.0; 6]), evaluation([1.0, 2.0, 1.0, 2.0, 1.0, 2.0]));
        let difference = Interval::difference(&second, &first);
        assert!(difference.mean == 1.5 && difference.low >= 1.0 && difference.high <= 2.0, "{difference:?}");
        assert!(difference.signed().starts_with("+1.5 [+1."), "{}", difference.signed());
        let returns = Interval::returns(&first);
        assert!(returns.low < 150.0 && returns.high > 300.0, "{returns:?}");
        assert_eq!(Interval::difference(&first, &first), Interval { mean: 0.0, low: 0.0, high: 0.0 });
    }
}

//! Scoring controllers on the same episodes, and what differs between their scores.

use std::sync::Arc;

use records::failure::{Blame as _, Failure};
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
        Ok(Evaluation::new(setup.task.as_ref(), engine, &results, setup.controller.as_ref()))
    }
}

/// The mean of values of episodes, of which there is at least one, with its bootstrap interval.
fn mean(values: &[f64]) -> Estimate {
    estimate(values, Center::Mean).unwrap_or(Estimate { value: f64::NAN, low: f64::NAN, high: f64::NAN })
}

/// Mean return of an evaluation.
pub(super) fn returns(evaluation: &Evaluation) -> Estimate {
    mean(&evaluation.returns)
}

/// What an evaluation has more than another, episode by episode: both begin in the same states.
pub(super) fn difference(evaluation: &Evaluation, other: &Evaluation) -> Estimate {
    let pairs = evaluation.returns.iter().zip(&other.returns);
    mean(&pairs.map(|(own, others)| own - others).collect::<Vec<_>>())
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
            successes: None,
            blow_ups: 0,
            terms: std::collections::BTreeMap::new(),
            spike_rate: 0.0,
            synops_per_step: 0.0,
            energy_pj_per_step: 0.0,
        };
        let (first, second) = (evaluation([0.0; 6]), evaluation([1.0, 2.0, 1.0, 2.0, 1.0, 2.0]));
        let gain = difference(&second, &first);
        assert!(gain.value == 1.5 && gain.low >= 1.0 && gain.high <= 2.0, "{gain:?}");
        assert!(gain.signed().starts_with("+1.5 [+1."), "{}", gain.signed());
        let plain = returns(&first);
        assert!(plain.low < 150.0 && plain.high > 300.0, "{plain:?}");
        let none = Estimate { value: 0.0, low: 0.0, high: 0.0 };
        assert_eq!(difference(&first, &first), none);
        assert_eq!(
            serde_json::to_value(none).ok(),
            Some(serde_json::json!({ "mean": 0.0, "low": 0.0, "high": 0.0 }))
        );
    }
}

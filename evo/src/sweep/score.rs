//! What trials are worth.

use std::collections::BTreeSet;

use serde::Serialize;

use super::journal::Records;
use super::plan::Plan;
use super::sampler;
use crate::statistics::{self, Center, Estimate};

/// What a trial is worth after a rung.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Score {
    /// Median over the seeds.
    pub value: f64,
    /// Interquartile range over the seeds (linear interpolation).
    pub spread: f64,
    /// Lowest.
    pub min: f64,
    /// Highest.
    pub max: f64,
    /// Interquartile mean over the seeds.
    pub iqm: f64,
    /// Lower end of its bootstrap interval, see [`statistics::estimate`].
    pub iqm_low: f64,
    /// Upper end.
    pub iqm_high: f64,
}

impl Score {
    /// Of at least one value, in any order.
    #[must_use]
    pub fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let Estimate { value: iqm, low, high } = statistics::estimate(&values, Center::InterquartileMean)?;
        let quantile = |q| statistics::quantile(&values, q);
        let spread = quantile(0.75) - quantile(0.25);
        Some(Self { value: quantile(0.5), spread, min, max, iqm, iqm_low: low, iqm_high: high })
    }

    /// In the order of [`SCORE_COLUMNS`].
    pub(super) fn numbers(&self) -> [f64; SCORE_COLUMNS.len()] {
        [self.value, self.spread, self.min, self.max, self.iqm, self.iqm_low, self.iqm_high]
    }
}

/// Columns of a score in `sweep.csv`.
pub(super) const SCORE_COLUMNS: [&str; 7] = ["value", "spread", "min", "max", "iqm", "iqm_low", "iqm_high"];

/// A trial's score after a rung; none unless all of its seeds have finished it.
#[must_use]
pub fn score(plan: &Plan, records: &Records, trial: usize, rung: usize) -> Option<Score> {
    let generations = generations(plan, records, trial, rung);
    let value = |&seed: &u64| records.done.get(&(trial, seed, generations)).map(|done| done.value);
    Score::of(plan.config.seeds.iter().map(value).collect::<Option<Vec<f64>>>()?)
}

/// Generations of a trial's rung.
#[must_use]
pub fn generations(plan: &Plan, records: &Records, trial: usize, rung: usize) -> u64 {
    plan.base(&records.points[&trial]).rungs[rung]
}

/// The best 1/factor of `alive` after a rung, at least one, the better first.
#[must_use]
pub(super) fn survivors(plan: &Plan, records: &Records, alive: &[usize], rung: usize) -> Vec<usize> {
    let factor = plan.config.halving.as_ref().map_or(1, |halving| halving.factor as usize);
    let value = |&trial: &usize| score(plan, records, trial, rung).map(|score| (trial, score.value));
    let mut scored: Vec<(usize, f64)> = alive.iter().filter_map(value).collect();
    scored.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    scored.truncate((alive.len() / factor.max(1)).max(1));
    scored.into_iter().map(|(trial, _)| trial).collect()
}

/// The trials that halving has left out so far: all runs of their rung have ended, and others were better.
#[must_use]
pub(super) fn left_out(plan: &Plan, records: &Records) -> BTreeSet<usize> {
    let mut out = BTreeSet::new();
    let mut start = 0;
    while start < plan.trials {
        let end = sampler::batch_end(&plan.config.sampler, plan.trials, start);
        let mut alive: Vec<usize> = (start..end).collect();
        let ended = |&trial: &usize, rung| {
            let generations = generations(plan, records, trial, rung);
            plan.config.seeds.iter().all(|&seed| {
                let key = (trial, seed, generations);
                records.done.contains_key(&key) || records.failed.contains_key(&key)
            })
        };
        if !alive.iter().all(|trial| records.points.contains_key(trial)) {
            break;
        }
        for rung in 0..plan.rungs() - 1 {
            if !alive.iter().all(|trial| ended(trial, rung)) {
                break;
            }
            let next = survivors(plan, records, &alive, rung);
            out.extend(alive.iter().filter(|trial| !next.contains(trial)));
            alive = next;
        }
        start = end;
    }
    out
}

/// Points of the trials before `end` with their values after the highest rung at which enough of them
/// have one (Falkner, Klein, Hutter 2018: two more than axes), else after the first. Trials that failed
/// have none; those that halving has stopped before that rung are left out.
#[must_use]
pub fn history(plan: &Plan, records: &Records, end: usize) -> Vec<(Vec<f64>, Option<f64>)> {
    let value = |trial, rung| score(plan, records, trial, rung).map(|score| score.value);
    let scored = |rung| (0..end).filter(|&trial| value(trial, rung).is_some()).count();
    let enough = plan.config.axes.len() + 2;
    let rung = (0..plan.rungs()).rev().find(|&rung| scored(rung) >= enough).unwrap_or(0);
    let kept = |&trial: &usize| rung == 0 || value(trial, rung).is_some() || value(trial, 0).is_none();
    (0..end).filter(kept).map(|trial| (records.points[&trial].clone(), value(trial, rung))).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use records::text::{self, value};

    use super::*;
    use crate::sweep::journal::Done;

    fn plan(text: &str) -> Plan {
        let config = text::from_value(&value::parse(text).unwrap().value).unwrap();
        let base = "(env: InvertedPendulum(), strategy: OpenEs(population: 8), run: (generations: 9))";
        Plan::stored(config, vec![text::parse("a.ron", base).unwrap()]).unwrap()
    }

    #[test]
    fn proposals_look_at_the_highest_rung_that_enough_trials_have_reached() {
        let plan = plan(
            "(config: \"a\", axes: [Range(path: \"strategy.sigma\", from: 0, to: 1)], halving: (first: 1), \
             sampler: Tpe(trials: 20))",
        );
        assert_eq!(plan.bases[0].rungs, [1, 3, 9]);
        let mut records = Records::default();
        for trial in 0..6 {
            records.points.insert(trial, vec![trial as f64 / 10.0]);
        }
        let mut note = |trial, generations, value| {
            let done = Done { trial, seed: 1, generations, value, env_steps: 1, wall_s: 1.0 };
            records.done.insert((trial, 1, generations), done);
            records.clone()
        };
        // Trial 0 failed; three of the others are enough for one axis.
        for trial in 1..6 {
            note(trial, 1, trial as f64);
        }
        let records = note(5, 3, 50.0);
        let values = |records: &Records| history(&plan, records, 6).iter().map(|h| h.1).collect::<Vec<_>>();
        assert_eq!(values(&records), [None, Some(1.0), Some(2.0), Some(3.0), Some(4.0), Some(5.0)]);
        note(4, 3, 40.0);
        let records = note(3, 3, 30.0);
        assert_eq!(values(&records), [None, Some(30.0), Some(40.0), Some(50.0)]);
        assert_eq!(history(&plan, &records, 6)[1].0, [0.3]);
    }

    #[test]
    fn halving_leaves_out_the_worse_ones_once_all_of_a_rung_have_ended() {
        let plan = plan(
            "(config: \"a\", axes: [List(path: \"strategy.sigma\", values: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6])], \
             halving: (first: 1), sampler: Grid)",
        );
        let mut records = Records::default();
        for trial in 0..6 {
            records.points.insert(trial, vec![trial as f64 / 6.0]);
        }
        let note = |records: &mut Records, trial, generations, value| {
            let done = Done { trial, seed: 1, generations, value, env_steps: 1, wall_s: 1.0 };
            records.done.insert((trial, 1, generations), done);
        };
        for trial in 0..5 {
            note(&mut records, trial, 1, trial as f64);
        }
        assert!(left_out(&plan, &records).is_empty(), "one has not ended");
        note(&mut records, 5, 1, -1.0);
        let left: Vec<usize> = left_out(&plan, &records).into_iter().collect();
        assert_eq!(left, [0, 1, 2, 5], "two of six go on");
        note(&mut records, 4, 3, 1.0);
        assert_eq!(left_out(&plan, &records).len(), 4, "one of these is still at work");
        note(&mut records, 3, 3, 2.0);
        assert_eq!(left_out(&plan, &records).into_iter().collect::<Vec<_>>(), [0, 1, 2, 4, 5]);
    }

    #[test]
    fn a_score_is_the_median_and_the_interquartile_range() {
        assert_eq!(Score::of(vec![]), None);
        let single =
            Score { value: 3.0, spread: 0.0, min: 3.0, max: 3.0, iqm: 3.0, iqm_low: 3.0, iqm_high: 3.0 };
        assert_eq!(Score::of(vec![3.0]), Some(single));
        // numpy.percentile([1, 2, 4, 8], [25, 50, 75]) = 1.75, 3, 5; the middle half is 2, 4.
        let score = Score::of(vec![8.0, 1.0, 4.0, 2.0]);
        let numbers = score.map(|s| [s.value, s.spread, s.min, s.max, s.iqm]);
        assert_eq!(numbers, Some([3.0, 3.25, 1.0, 8.0, 3.0]));
        let ends = score.map(|s| (s.iqm_low, s.iqm_high));
        assert!(ends.is_some_and(|(low, high)| low < 2.0 && high > 6.0), "{ends:?}");
    }
}

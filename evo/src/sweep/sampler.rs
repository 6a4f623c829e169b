//! Points on the axes. Every random choice depends on the sweep's seed, the trial and the axis only.

use rand::RngExt as _;
use strategies::random::{Purpose, Stream, shuffled};

use super::axis::Axis;
use super::config::Sampler;
use super::tpe;

/// What a random number of a sweep is for; the last word of its place.
#[derive(Clone, Copy)]
pub(super) enum Use {
    Uniform = 0,
    Stratum = 1,
    Candidate = 2,
}

pub(super) fn stream(seed: u64, trial: usize, axis: usize, usage: Use) -> Stream {
    Stream::new(seed, Purpose::Sweep, trial as u64, axis as u64, usage as u64)
}

/// Number of trials of a sweep; none if a grid's axis has no steps or there are too many to count.
#[must_use]
pub fn trials(sampler: &Sampler, axes: &[Axis]) -> Option<usize> {
    match sampler {
        Sampler::Grid => axes.iter().try_fold(1_usize, |count, axis| count.checked_mul(axis.steps()?)),
        Sampler::Random { trials } | Sampler::LatinHypercube { trials } | Sampler::Tpe { trials, .. } => {
            Some(*trials)
        }
    }
}

/// Trials that are known before `start + 1` has a result: the end of the batch that starts at `start`.
#[must_use]
pub fn batch_end(sampler: &Sampler, trials: usize, start: usize) -> usize {
    match sampler {
        Sampler::Tpe { startup, batch, .. } => {
            let size = if start == 0 { (*startup).max(1) } else { (*batch).max(1) };
            trials.min(start.saturating_add(size))
        }
        _ => trials,
    }
}

/// Of a Latin hypercube: the stratum of each trial, per axis. Empty for other samplers.
#[must_use]
pub fn strata(sampler: &Sampler, axes: &[Axis], seed: u64, trials: usize) -> Vec<Vec<usize>> {
    let is_cube = matches!(sampler, Sampler::LatinHypercube { .. });
    (0..axes.len())
        .filter(|_| is_cube)
        .map(|axis| shuffled(trials, &mut stream(seed, 0, axis, Use::Stratum)))
        .collect()
}

/// Point of trial `trial` of `trials`, a number in [0, 1] per axis. `strata` are those of [`strata`];
/// `history` holds the points of earlier batches with their values (none if the trial failed), at which only
/// TPE looks.
#[must_use]
pub fn point(
    sampler: &Sampler,
    axes: &[Axis],
    seed: u64,
    trial: usize,
    strata: &[Vec<usize>],
    history: &[(Vec<f64>, Option<f64>)],
) -> Vec<f64> {
    let uniform = |axis: usize| stream(seed, trial, axis, Use::Uniform).random::<f64>();
    match sampler {
        Sampler::Grid => {
            // The last axis changes fastest.
            let mut rest = trial;
            let mut point = vec![0.0; axes.len()];
            for (slot, axis) in point.iter_mut().zip(axes).rev() {
                let count = axis.steps().unwrap_or(1).max(1);
                *slot = axis.grid_point(rest % count, count);
                rest /= count;
            }
            point
        }
        Sampler::Random { .. } => (0..axes.len()).map(uniform).collect(),
        Sampler::LatinHypercube { trials } => (0..axes.len())
            .map(|axis| (strata[axis][trial] as f64 + uniform(axis)) / *trials as f64)
            .collect(),
        Sampler::Tpe { startup, .. } if trial < *startup || history.is_empty() => {
            (0..axes.len()).map(uniform).collect()
        }
        Sampler::Tpe { gamma, candidates, .. } => {
            let choices: Vec<Option<usize>> = axes.iter().map(Axis::choices).collect();
            tpe::propose(&choices, history, *gamma, *candidates, |axis| {
                stream(seed, trial, axis, Use::Candidate)
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axes() -> Vec<Axis> {
        let range = |path: &str| Axis::Range { path: path.to_owned(), from: 0.0, to: 1.0, steps: Some(3) };
        let list = Axis::List { path: "c".to_owned(), values: vec![1.into(), 2.into()] };
        vec![range("a"), range("b"), list]
    }

    #[test]
    fn a_grid_has_every_combination_once_and_both_ends() {
        let axes = axes();
        assert_eq!(trials(&Sampler::Grid, &axes), Some(18));
        let mut labels: Vec<Vec<String>> = (0..18)
            .map(|trial| {
                let point = point(&Sampler::Grid, &axes, 1, trial, &[], &[]);
                axes.iter().zip(&point).map(|(axis, &x)| axis.at(x, false).label).collect()
            })
            .collect();
        assert_eq!(labels[0], ["0.0", "0.0", "1"]);
        assert_eq!(labels[17], ["1.0", "1.0", "2"]);
        labels.sort();
        labels.dedup();
        assert_eq!(labels.len(), 18);
    }

    #[test]
    fn a_latin_hypercube_has_one_trial_in_every_stratum() {
        let axes = axes();
        let sampler = Sampler::LatinHypercube { trials: 7 };
        let cube = strata(&sampler, &axes, 5, 7);
        for axis in 0..3 {
            let mut strata: Vec<usize> =
                (0..7).map(|t| (point(&sampler, &axes, 5, t, &cube, &[])[axis] * 7.0) as usize).collect();
            assert!(axis > 0 || strata != [0, 1, 2, 3, 4, 5, 6], "shuffled");
            strata.sort_unstable();
            assert_eq!(strata, [0, 1, 2, 3, 4, 5, 6]);
        }
    }

    #[test]
    fn draws_depend_on_seed_trial_and_axis_only() {
        let axes = axes();
        let draw = |seed, trial| point(&Sampler::Random { trials: 9 }, &axes, seed, trial, &[], &[]);
        assert_eq!(draw(1, 4), draw(1, 4));
        assert!(draw(1, 4) != draw(1, 5) && draw(1, 4) != draw(2, 4));
        assert!(draw(1, 4)[0] != draw(1, 4)[1]);
    }

    #[test]
    fn tpe_finds_a_peak_that_uniform_draws_miss() {
        let axes = axes();
        let tpe = Sampler::Tpe { trials: 60, startup: 8, batch: 4, gamma: 0.25, candidates: 24 };
        let score = |p: &[f64]| -(p[0] - 0.7).powi(2) - (p[1] - 0.2).powi(2) + f64::from(p[2] >= 0.5);
        let search = |sampler: &Sampler, seed| {
            let mut history: Vec<(Vec<f64>, Option<f64>)> = Vec::new();
            while history.len() < 60 {
                let start = history.len();
                let batch: Vec<_> = (start..batch_end(sampler, 60, start))
                    .map(|trial| point(sampler, &axes, seed, trial, &[], &history))
                    .collect();
                history.extend(batch.into_iter().map(|p| {
                    let value = score(&p);
                    (p, Some(value))
                }));
            }
            let late = history[30..].iter().filter_map(|h| h.1).sum::<f64>() / 30.0;
            assert!(history.iter().all(|(p, _)| p.iter().all(|x| (0.0..=1.0).contains(x))));
            late
        };
        let mean = |sampler: &Sampler| (1..=8).map(|seed| search(sampler, seed)).sum::<f64>() / 8.0;
        let (guided, blind) = (mean(&tpe), mean(&Sampler::Random { trials: 60 }));
        assert!(guided > blind + 0.3, "guided {guided}, blind {blind}");
    }
}

//! Scoring one controller on fresh episodes, with the task's own rewards and horizon.

use std::collections::BTreeMap;

use envs::Task;
use serde::Serialize;
use sim::EngineKind;
use snn::{Activity, Controller};
use strategies::random::{Purpose, Stream};

use crate::normalizer::Normalizer;
use crate::rollout::{Episode, Episodes, Observer, Rollout, RolloutError};

/// A controller's parameters and the observation transformation that belongs to them.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Flat parameters in the controller's layout.
    pub parameters: Vec<f32>,
    /// Frozen observation transformation.
    pub normalizer: Normalizer,
}

/// Result of an evaluation; the JSON of `evo eval --json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// Task name.
    pub env: String,
    /// Name of the physics engine.
    pub engine: &'static str,
    /// Number of episodes.
    pub episodes: usize,
    /// Mean return.
    pub return_mean: f64,
    /// Standard deviation of the return over episodes.
    pub return_std: f64,
    /// Return of each episode.
    pub returns: Vec<f64>,
    /// Mean number of control steps.
    pub length_mean: f64,
    /// Number of episodes that the task ended before the time limit, such as by a fall.
    pub terminated: usize,
    /// Number of episodes that ended as the task's [aim](envs::Aim) asks for; none if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub successes: Option<usize>,
    /// Number of episodes that ended because the physics blew up.
    pub blow_ups: usize,
    /// Mean sum of each reward term.
    pub terms: BTreeMap<String, f64>,
    /// Spikes per neuron and tick; 0 without spikes.
    pub spike_rate: f64,
    /// Synaptic operations per control step.
    pub synops_per_step: f64,
    /// Estimated energy of the controller per control step, pJ; see [`Activity::energy_pj`].
    pub energy_pj_per_step: f64,
}

/// Runs `episodes` episodes of `policy`, with start states drawn from `seed`.
///
/// # Errors
/// See [`Rollout::run`].
pub fn run(
    rollout: &Rollout,
    policy: &Policy,
    episodes: usize,
    seed: u64,
    terms: &[&str],
) -> Result<Vec<Episode>, RolloutError> {
    with_episodes(policy, episodes, seed, terms, |jobs| rollout.run(jobs))
}

/// As [`run`], on the calling thread, showing every step to `observer`.
///
/// # Errors
/// See [`Rollout::run_observed`].
pub fn run_observed(
    rollout: &Rollout,
    policy: &Policy,
    episodes: usize,
    seed: u64,
    terms: &[&str],
    observer: &mut Observer<'_>,
) -> Result<Vec<Episode>, RolloutError> {
    with_episodes(policy, episodes, seed, terms, |jobs| rollout.run_observed(jobs, observer))
}

fn with_episodes<T>(
    policy: &Policy,
    count: usize,
    seed: u64,
    terms: &[&str],
    run: impl FnOnce(&Episodes<'_>) -> T,
) -> T {
    run(&Episodes {
        count,
        more: None,
        action_noise: None,
        parameters: &|_, out| out.copy_from_slice(&policy.parameters),
        start: &|index| Stream::new(seed, Purpose::Evaluate, 0, 0, index as u64),
        normalizer: &policy.normalizer,
        weights: &vec![1.0; terms.len()],
        observe: false,
        descriptors: None,
    })
}

impl Evaluation {
    /// Sums up episodes.
    #[must_use]
    pub fn new(
        task: &dyn Task,
        engine: EngineKind,
        episodes: &[Episode],
        controller: &dyn Controller,
    ) -> Self {
        let terms = task.spec().terms;
        let returns: Vec<f64> = episodes.iter().map(|e| e.total).collect();
        let (return_mean, return_std) = mean_std(&returns);
        let n = episodes.len().max(1) as f64;
        let term = |k: usize| episodes.iter().map(|e| e.terms[k]).sum::<f64>() / n;
        let mut activity = Activity::default();
        episodes.iter().for_each(|e| activity.merge(&e.activity));
        Self {
            env: task.spec().name.to_owned(),
            engine: engine.name(),
            episodes: episodes.len(),
            return_mean,
            return_std,
            returns,
            length_mean: episodes.iter().map(|e| e.length as f64).sum::<f64>() / n,
            terminated: episodes.iter().filter(|e| e.terminated).count(),
            successes: task.aim().map(|_| episodes.iter().filter(|e| e.success).count()),
            blow_ups: episodes.iter().filter(|e| e.blew_up).count(),
            terms: terms.iter().enumerate().map(|(k, name)| ((*name).to_owned(), term(k))).collect(),
            spike_rate: activity.spike_rate(),
            synops_per_step: activity.synops_per_step(),
            energy_pj_per_step: controller.energy_pj(&activity) / activity.steps.max(1) as f64,
        }
    }

    /// Whether its policy is better than one with the return `best`, the highest of evaluations without
    /// blow-ups. One in which the physics blew up is worse than any of those.
    #[must_use]
    pub fn is_better_than(&self, best: Option<f64>) -> bool {
        best.is_none_or(|best| self.is_sound() && self.return_mean > best)
    }

    /// Whether the physics held in all episodes.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.blow_ups == 0
    }
}

/// Mean and population standard deviation; (0, 0) of nothing.
#[must_use]
pub fn mean_std(values: &[f64]) -> (f64, f64) {
    let n = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
    (mean, variance.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_evaluation_sums_up_its_episodes() {
        let episode = |total: f64, length| Episode {
            total,
            length,
            terms: vec![total, 0.0, 0.0, 0.0],
            activity: Activity {
                steps: length as u64,
                neuron_ticks: 10,
                spikes: 1,
                synaptic_operations: 8,
                dense_operations: 0,
            },
            ..Episode::default()
        };
        let mut episodes = [episode(1.0, 2), episode(3.0, 6)];
        episodes[1].blew_up = true;
        episodes[0].terminated = true;
        let controller = snn::ControllerConfig::default().build(1, 1).expect("a valid config");
        episodes[1].success = true;
        let task =
            envs::EnvConfig::from_name("push_to_goal").expect("it is there").build().expect("a valid config");
        let evaluation = Evaluation::new(task.as_ref(), EngineKind::Lanes, &episodes, controller.as_ref());
        assert_eq!(evaluation.engine, "lanes");
        assert_eq!((evaluation.return_mean, evaluation.return_std, evaluation.length_mean), (2.0, 1.0, 4.0));
        // Better than nothing only, for the physics blew up.
        assert!(!evaluation.is_sound() && evaluation.is_better_than(None));
        assert!(!evaluation.is_better_than(Some(1.0)));
        let sound = Evaluation { blow_ups: 0, ..evaluation.clone() };
        assert_eq!([1.0, 2.0].map(|best| sound.is_better_than(Some(best))), [true, false]);
        assert_eq!((evaluation.returns, evaluation.blow_ups, evaluation.terminated), (vec![1.0, 3.0], 1, 1));
        assert_eq!(evaluation.terms["distance"], 2.0);
        assert_eq!(evaluation.successes, Some(1));
        assert_eq!((evaluation.spike_rate, evaluation.synops_per_step), (0.1, 2.0));
        // 16 additions at 0.9 pJ, 20 neuron updates at 4.6 pJ, over 8 steps.
        let energy = (16.0 * 0.9 + 20.0 * 4.6) / 8.0;
        assert!((evaluation.energy_pj_per_step - energy).abs() < 1e-9, "{}", evaluation.energy_pj_per_step);
    }
}

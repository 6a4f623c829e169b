//! How far noise in the parameters moves the actions.
//!
//! Widths of noise that work differ by orders of magnitude between networks when they are told per parameter, and
//! little when they are told in actions. So that is measured: the mean of the distribution acts for some steps, and a few
//! members see the same observations.

use envs::Envs;
use snn::BackendError;
use strategies::Search;
use strategies::random::Stream;

use crate::normalizer::{Normalizer, Statistics, Sums};
use crate::setup::Setup;

/// Members that are compared with the mean.
const MEMBERS: usize = 4;
/// Control steps of the mean.
const STEPS: usize = 32;

/// What is needed to measure.
pub(crate) struct ActionChange {
    envs: Envs,
}

/// What the mean saw: observations in the task's units, one row after another.
struct Seen {
    rows: Vec<Vec<f32>>,
    /// Draws what is random in the controller.
    seed: u64,
}

impl ActionChange {
    /// In the worlds of training.
    ///
    /// # Errors
    /// If the worlds cannot be made.
    pub(crate) fn new(setup: &Setup) -> Result<Self, envs::EnvError> {
        let task = std::sync::Arc::clone(&setup.task);
        Ok(Self { envs: Envs::with_changes(task, 1, setup.options, STEPS, &setup.changes)? })
    }

    /// Root mean square, over steps, members and actions, of the difference between the actions of members of the asked
    /// generation and those of the mean on the same observations. Actions go from −1 to 1. None if a controller fails.
    /// `stream` draws the start state; `normalizer` is asked for with what was seen.
    ///
    /// # Errors
    /// Never on the CPU, where this runs.
    pub(crate) fn measure(
        &mut self,
        setup: &Setup,
        search: &Search<f32>,
        (normalizer, statistics, clip): (&Normalizer, Option<&Statistics>, f32),
        stream: Stream,
    ) -> Result<Option<f64>, BackendError> {
        let mut mean = vec![0.0; search.dimension()];
        search.mean(&mut mean);
        let Some(seen) = self.act(setup, &mean, normalizer, stream)? else { return Ok(None) };
        // Before the first generation nothing is known of observations but what was just seen.
        let first = statistics.filter(|statistics| statistics.count == 0.0).map(|_| seen.normalizer(clip));
        compare(setup, search, &mean, &seen, first.as_ref().unwrap_or(normalizer))
    }

    /// Lets the mean act.
    fn act(
        &mut self,
        setup: &Setup,
        mean: &[f32],
        normalizer: &Normalizer,
        mut stream: Stream,
    ) -> Result<Option<Seen>, BackendError> {
        let spec = setup.task.spec();
        let mut evaluator = setup.controller.evaluator(1);
        let mut input = vec![0.0; spec.observations.len()];
        let (mut output, mut action) = (vec![0.0; spec.actions.len()], vec![0.0; spec.actions.len()]);
        evaluator.load(0, mean);
        self.envs.reset(0, &mut stream);
        let seed = rand::Rng::next_u64(&mut stream);
        evaluator.reset(0, seed);
        let mut rows = Vec::with_capacity(STEPS);
        for _ in 0..STEPS {
            rows.push(self.envs.observations().to_vec());
            normalizer.apply(self.envs.observations(), &mut input, None);
            evaluator.step(&[true], &input, &mut output)?;
            if evaluator.fault(0) {
                return Ok(None);
            }
            spec.scale_action(&output, &mut action);
            self.envs.step(&[true], &action);
            if self.envs.outcome(0).over() {
                break;
            }
        }
        Ok(Some(Seen { rows, seed }))
    }
}

impl Seen {
    /// The transformation by these observations alone.
    fn normalizer(&self, clip: f32) -> Normalizer {
        let size = self.rows[0].len();
        let (identity, mut sums) = (Normalizer::identity(size, clip), Sums::new(size));
        let mut out = vec![0.0; size];
        for row in &self.rows {
            identity.apply(row, &mut out, Some(&mut sums));
        }
        let mut statistics = Statistics::new(size);
        statistics.merge(&sums, &identity.mean);
        statistics.normalizer(clip)
    }
}

/// Runs the mean and some members side by side on what was seen.
fn compare(
    setup: &Setup,
    search: &Search<f32>,
    mean: &[f32],
    seen: &Seen,
    normalizer: &Normalizer,
) -> Result<Option<f64>, BackendError> {
    // Of pairs with opposite noise, one member each.
    let members: Vec<usize> = (0..search.population()).step_by(2).take(MEMBERS).collect();
    let slots = 1 + members.len();
    let (inputs, outputs) = (setup.controller.inputs(), setup.controller.outputs());
    let mut evaluator = setup.controller.evaluator(slots);
    let mut member = vec![0.0; mean.len()];
    evaluator.load(0, mean);
    for (slot, &index) in (1..).zip(&members) {
        search.member(index, &mut member);
        evaluator.load(slot, &member);
    }
    (0..slots).for_each(|slot| evaluator.reset(slot, seen.seed));
    let (active, mut actions) = (vec![true; slots], vec![0.0; slots * outputs]);
    let mut observations = vec![0.0; slots * inputs];
    let (mut sum, mut count) = (0.0, 0);
    for row in &seen.rows {
        let (first, others) = observations.split_at_mut(inputs);
        normalizer.apply(row, first, None);
        others.chunks_exact_mut(inputs).for_each(|other| other.copy_from_slice(first));
        evaluator.step(&active, &observations, &mut actions)?;
        if (0..slots).any(|slot| evaluator.fault(slot)) {
            return Ok(None);
        }
        let (own, others) = actions.split_at(outputs);
        for other in others.chunks_exact(outputs) {
            sum += own.iter().zip(other).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>();
            count += outputs;
        }
    }
    Ok((count > 0).then(|| (sum / count as f64).sqrt()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use strategies::random::Purpose;

    use super::*;
    use crate::config::Config;

    fn change(controller: &str, sigma: f64) -> f64 {
        let text = format!(
            "(env: Ant(), controller: {controller}, strategy: OpenEs(population: 64, sigma: {sigma}))"
        );
        let config: Config = records::text::parse("a.ron", &text).unwrap();
        let setup = Setup::new(&config).unwrap();
        let n = setup.controller.layout().len();
        let mut search: Search<f32> = config.strategy.build(&vec![0.0; n], 3).unwrap();
        search.ask();
        let statistics = Statistics::new(27);
        let normalizer = Normalizer::identity(27, 5.0);
        let mut probe = ActionChange::new(&setup).unwrap();
        let stream = Stream::new(1, Purpose::Reset, 0, 0, 0);
        let from = (&normalizer, Some(&statistics), 5.0);
        let once = probe.measure(&setup, &search, from, stream.clone()).unwrap().unwrap();
        assert_eq!(probe.measure(&setup, &search, from, stream).unwrap(), Some(once), "measured again");
        once
    }

    /// A linear network's output is the sum of its 27 normalised observations, each of variance 1, times noise / √27, and
    /// a bias that is noise, too.
    #[test]
    fn the_actions_of_a_linear_network_move_as_far_as_its_noise_says() {
        let linear = |sigma| change("Mlp(hidden: [], output_gain: 1.0)", sigma);
        let (small, large) = (linear(0.001), linear(0.01));
        assert!((large / small - 10.0).abs() < 0.1, "{small} {large}");
        assert!(linear(100.0) < 1.1, "actions are bounded");
        let gain = change("Mlp(hidden: [], output_gain: 5.0)", 0.001) / small;
        assert!(gain > 2.0 && gain < 5.0, "the bias has no gain: {gain}");
        assert!(small > 0.0005 && small < 0.002, "{small}");
    }
}

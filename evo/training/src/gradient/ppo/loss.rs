//! What actor and critic are trained for.

use snn::gradient::{Objective, Outputs, Score, Sensitivity};

use crate::gradient::rows::row;

/// The clipped objective of an actor with Gaussian noise, as a loss. Sums: the mean Kullback-Leibler
/// divergence (Schulman's estimate ρ − 1 − ln ρ), the share of clipped steps, and the loss's slope in
/// the logarithm of each action's deviation.
pub(in crate::gradient) struct Clipped<'a> {
    /// What was done, `[frames][sequences][actions]`.
    pub(in crate::gradient) actions: Vec<f32>,
    /// What the controller had said.
    pub(in crate::gradient) means: Vec<f32>,
    /// `[frames][sequences]`.
    pub(in crate::gradient) advantages: Vec<f64>,
    /// Logarithm of the deviation per action when that was done.
    pub(in crate::gradient) old_log: &'a [f64],
    /// And now.
    pub(in crate::gradient) log: &'a [f64],
    /// Width of the clipping.
    pub(in crate::gradient) clip: f64,
    /// Whether the network's values go through tanh.
    pub(in crate::gradient) squash: bool,
}

/// ln N(x; mean, exp(log)²) without its constant; `inverse` is exp(−log).
fn log_density(x: f64, mean: f64, log: f64, inverse: f64) -> f64 {
    let z = (x - mean) * inverse;
    -0.5 * z * z - log
}

impl Objective for Clipped<'_> {
    fn evaluate(&self, outputs: &Outputs, sensitivity: &mut Sensitivity) -> Score {
        let n = outputs.outputs;
        let share = 1.0 / (outputs.frames * outputs.batch) as f64;
        let (mut loss, mut sums) = (0.0, vec![0.0; 2 + n]);
        let inverses = |logs: &[f64]| -> Vec<f64> { logs.iter().map(|log| libm::exp(-log)).collect() };
        let (inverse, old_inverse) = (inverses(self.log), inverses(self.old_log));
        let mut places = vec![(0.0, 0.0); n];
        for frame in 0..outputs.frames {
            for (sample, column) in outputs.samples.clone().enumerate() {
                let at = frame * outputs.batch + column;
                let (actions, means) = (&self.actions[row(n, at)], &self.means[row(n, at)]);
                let values = outputs.value(frame, sample);
                let mut log_ratio = 0.0;
                for k in 0..n {
                    places[k] = action(values[k], self.squash);
                    let x = f64::from(actions[k]);
                    log_ratio += log_density(x, places[k].0, self.log[k], inverse[k]);
                    log_ratio -= log_density(x, f64::from(means[k]), self.old_log[k], old_inverse[k]);
                }
                let (ratio, advantage) = (libm::exp(log_ratio), self.advantages[at]);
                let bounded = ratio.clamp(1.0 - self.clip, 1.0 + self.clip);
                let (free, limited) = (ratio * advantage, bounded * advantage);
                loss -= share * free.min(limited);
                sums[0] += share * (ratio - 1.0 - log_ratio);
                if limited < free {
                    sums[1] += share;
                    continue;
                }
                let slopes = sensitivity.value(frame, sample);
                for k in 0..n {
                    let (mean, slope) = places[k];
                    let z = (f64::from(actions[k]) - mean) * inverse[k];
                    slopes[k] -= share * free * z * inverse[k] * slope;
                    sums[2 + k] -= share * free * (z * z - 1.0);
                }
            }
        }
        Score { loss, sums }
    }
}

/// The action that belongs to a value of the network, and its slope there.
pub(in crate::gradient) fn action(value: f64, squash: bool) -> (f64, f64) {
    if !squash {
        return (value, 1.0);
    }
    let y = f64::from(snn::tanh(value as f32));
    // That of tanh, which the rational function follows within 1e-4.
    (y, 1.0 - y * y)
}

/// Half the mean squared error of the critic.
pub(in crate::gradient) struct Squares {
    /// `[frames][sequences]`.
    pub(in crate::gradient) targets: Vec<f64>,
    /// What the critic had said, and how far from that a value may go for its gain to count: the error is the
    /// larger one of the value's and that of the value within the limit.
    pub(in crate::gradient) near: Option<(Vec<f64>, f64)>,
}

impl Objective for Squares {
    fn evaluate(&self, outputs: &Outputs, sensitivity: &mut Sensitivity) -> Score {
        let share = 1.0 / (outputs.frames * outputs.batch) as f64;
        let mut loss = 0.0;
        for frame in 0..outputs.frames {
            for (sample, column) in outputs.samples.clone().enumerate() {
                let at = frame * outputs.batch + column;
                let (value, target) = (outputs.value(frame, sample)[0], self.targets[at]);
                let error = value - target;
                if let Some((old, limit)) = &self.near {
                    let limited = old[at] + (value - old[at]).clamp(-limit, *limit) - target;
                    if limited.abs() > error.abs() {
                        loss += 0.5 * share * limited * limited;
                        continue;
                    }
                }
                loss += 0.5 * share * error * error;
                sensitivity.value(frame, sample)[0] += share * error;
            }
        }
        Score { loss, sums: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use snn::MlpConfig;
    use snn::gradient::{Batch, Differentiable as _, Perceptron};

    use super::*;

    /// The objective with the noise's logarithm `log`, at θ, for a linear actor of two actions.
    fn at(theta: &[f32], log: &[f64], clip: f64) -> snn::gradient::Gradient {
        let actor = Perceptron::new(&MlpConfig { hidden: vec![], ..MlpConfig::default() }, 1, 2).unwrap();
        let inputs = [0.5, -1.0, 1.5, 0.2];
        let batch = Batch { samples: 2, inputs: &inputs, ..Batch::default() };
        let objective = Clipped {
            actions: vec![0.3, -0.2, 0.1, 0.4, -0.5, 0.0, 0.2, 0.2],
            means: vec![0.2, -0.1, 0.0, 0.1, -0.1, 0.1, 0.0, 0.3],
            advantages: vec![1.0, -0.5, 0.7, -1.2],
            old_log: &[-1.0, -0.5],
            log,
            clip,
            squash: true,
        };
        actor.gradient(theta, &batch, &objective).unwrap()
    }

    #[test]
    fn slopes_are_those_of_differences() {
        let (theta, log) = ([0.3, -0.4, 0.1, 0.2], [-0.9, -0.6]);
        // So wide that nothing is clipped, then so narrow that much is.
        for clip in [100.0, 0.05] {
            let result = at(&theta, &log, clip);
            assert_eq!(result.sums[1] > 0.0, clip < 1.0, "{:?}", result.sums);
            for i in 0..4 {
                let moved = |by: f32| {
                    let mut theta = theta;
                    theta[i] += by;
                    at(&theta, &log, clip).loss
                };
                let expected = (moved(1e-3) - moved(-1e-3)) / 2e-3;
                let found = f64::from(result.gradient[i]);
                assert!((found - expected).abs() < 2e-3, "{clip}, {i}: {found}, not {expected}");
            }
            for k in 0..2 {
                let moved = |by: f64| {
                    let mut log = log;
                    log[k] += by;
                    at(&theta, &log, clip).loss
                };
                let expected = (moved(1e-6) - moved(-1e-6)) / 2e-6;
                let found = result.sums[2 + k];
                assert!((found - expected).abs() < 1e-6, "{clip}, noise {k}: {found}, not {expected}");
            }
        }
    }

    #[test]
    fn values_gain_nothing_beyond_their_limit() {
        // One weight and one bias: values 0.5 and −1 for θ = (1, 0).
        let critic = Perceptron::new(&MlpConfig { hidden: vec![], ..MlpConfig::default() }, 1, 1).unwrap();
        let batch = Batch { samples: 1, inputs: &[0.5, -1.0], ..Batch::default() };
        let scale = critic.layout().blocks()[0].scale;
        let of = |near| {
            let objective = Squares { targets: vec![2.0, 0.0], near };
            critic.gradient(&[1.0 / scale, 0.0], &batch, &objective).unwrap()
        };
        // Errors −1.5 and −1.
        let plain = of(None);
        assert!((plain.loss - 0.25 * (2.25 + 1.0)).abs() < 1e-6 && (plain.gradient[1] + 1.25).abs() < 1e-6);
        // The first has come further from 0.1 towards its target than allowed: its error counts as that of 0.3.
        // The second has gone away from it, which counts in full.
        let near = of(Some((vec![0.1, -0.5], 0.2)));
        assert!((near.loss - 0.25 * (1.7 * 1.7 + 1.0)).abs() < 1e-6, "{}", near.loss);
        assert!((near.gradient[1] + 0.5).abs() < 1e-6, "{:?}", near.gradient);
    }

    #[test]
    fn an_actor_that_has_not_changed_has_ratio_one() {
        // All means are 0 for θ = 0.
        let actor = Perceptron::new(&MlpConfig { hidden: vec![], ..MlpConfig::default() }, 1, 1).unwrap();
        let batch = Batch { samples: 1, inputs: &[1.0, 2.0], ..Batch::default() };
        let objective = Clipped {
            actions: vec![0.5, -0.3],
            means: vec![0.0, 0.0],
            advantages: vec![2.0, -1.0],
            old_log: &[-1.0],
            log: &[-1.0],
            clip: 0.2,
            squash: true,
        };
        let result = actor.gradient(&[0.0, 0.0], &batch, &objective).unwrap();
        assert!((result.loss + 0.5).abs() < 1e-12 && result.sums[0] == 0.0 && result.sums[1] == 0.0);
    }
}

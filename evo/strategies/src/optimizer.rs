//! Gradient ascent: what turns a strategy's gradient estimate into a step of its mean.

use numerics::{Adam, Momentum};
use serde::{Deserialize, Serialize};

use super::{State, StrategyError, check};

/// What [`OptimizerConfig`] may be, for listings.
pub(super) const RANGE: &str = "Adam(learning_rate, beta1, beta2, epsilon), Sgd(learning_rate, momentum) or ClipUp(learning_rate, max_speed, \
     momentum)";

/// A first-order optimizer and its settings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum OptimizerConfig {
    /// Adam (Kingma and Ba 2015): a step of about `learning_rate` per parameter, whatever the gradient's scale.
    Adam {
        /// Step size, parameter units per generation; > 0.
        #[serde(default = "adam_learning_rate")]
        learning_rate: f64,
        /// Decay of the mean of the gradient per generation; 0 ≤ beta1 < 1.
        #[serde(default = "adam_beta1")]
        beta1: f64,
        /// Decay of the mean of the squared gradient per generation; 0 ≤ beta2 < 1.
        #[serde(default = "adam_beta2")]
        beta2: f64,
        /// Added to the root of the squared gradient, gradient units; > 0.
        #[serde(default = "adam_epsilon")]
        epsilon: f64,
    },
    /// Gradient ascent with momentum (heavy ball).
    Sgd {
        /// Factor on the gradient; > 0.
        #[serde(default = "sgd_learning_rate")]
        learning_rate: f64,
        /// Fraction of the last step that is kept; 0 ≤ momentum < 1.
        #[serde(default = "sgd_momentum")]
        momentum: f64,
    },
    /// ClipUp (Toklu, Liskowski and Srivastava 2020, arXiv 2008.02387): a step of `learning_rate` in the direction
    /// of the gradient, with momentum and a speed limit; the gradient's scale does not matter.
    ClipUp {
        /// Length of the step before momentum, parameter units per generation; > 0.
        #[serde(default = "clip_up_learning_rate")]
        learning_rate: f64,
        /// Largest length of the step, parameter units per generation, > 0; `None` is twice the learning rate.
        #[serde(default)]
        max_speed: Option<f64>,
        /// Fraction of the last step that is kept; 0 ≤ momentum < 1.
        #[serde(default = "sgd_momentum")]
        momentum: f64,
    },
}

fn adam_learning_rate() -> f64 {
    0.02
}
fn adam_beta1() -> f64 {
    0.9
}
fn adam_beta2() -> f64 {
    0.999
}
fn adam_epsilon() -> f64 {
    1e-8
}
fn sgd_learning_rate() -> f64 {
    0.1
}
fn sgd_momentum() -> f64 {
    0.9
}
fn clip_up_learning_rate() -> f64 {
    0.15
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self::adam(adam_learning_rate())
    }
}

impl OptimizerConfig {
    /// Adam with the given learning rate and the usual other settings.
    #[must_use]
    pub fn adam(learning_rate: f64) -> Self {
        Self::Adam { learning_rate, beta1: adam_beta1(), beta2: adam_beta2(), epsilon: adam_epsilon() }
    }

    /// ClipUp with the given learning rate and the usual other settings.
    #[must_use]
    pub fn clip_up(learning_rate: f64) -> Self {
        Self::ClipUp { learning_rate, max_speed: None, momentum: sgd_momentum() }
    }

    /// The learning rate before any schedule.
    #[must_use]
    pub fn learning_rate(&self) -> f64 {
        match *self {
            Self::Adam { learning_rate, .. }
            | Self::Sgd { learning_rate, .. }
            | Self::ClipUp { learning_rate, .. } => learning_rate,
        }
    }

    /// Checks every field of the optimizer of `strategy`.
    ///
    /// # Errors
    /// Names the first field that is not finite or out of range.
    pub fn validate(&self, strategy: &'static str) -> Result<(), StrategyError> {
        let rate = self.learning_rate();
        check::positive(strategy, "optimizer.learning_rate", rate)?;
        match *self {
            Self::Adam { beta1, beta2, epsilon, .. } => {
                check::fraction(strategy, "optimizer.beta1", beta1)?;
                check::fraction(strategy, "optimizer.beta2", beta2)?;
                check::positive(strategy, "optimizer.epsilon", epsilon)
            }
            Self::Sgd { momentum, .. } => check::fraction(strategy, "optimizer.momentum", momentum),
            Self::ClipUp { max_speed, momentum, .. } => {
                check::positive(strategy, "optimizer.max_speed", max_speed.unwrap_or(2.0 * rate))?;
                check::fraction(strategy, "optimizer.momentum", momentum)
            }
        }
    }
}

/// An optimizer with its memory of past gradients.
#[derive(Clone, Debug)]
pub struct Optimizer {
    config: OptimizerConfig,
    steps: u64,
    /// Adam: mean of the gradient; others: velocity.
    first: Vec<f64>,
    /// Adam: mean of the squared gradient; others: empty.
    second: Vec<f64>,
    /// ClipUp: what the speed limit left of the last step. Not saved.
    part: f64,
}

impl Optimizer {
    /// At rest, for a number of parameters.
    #[must_use]
    pub fn new(config: OptimizerConfig, dimension: usize) -> Self {
        let second = match config {
            OptimizerConfig::Adam { .. } => vec![0.0; dimension],
            OptimizerConfig::Sgd { .. } | OptimizerConfig::ClipUp { .. } => Vec::new(),
        };
        Self { config, steps: 0, first: vec![0.0; dimension], second, part: 1.0 }
    }

    /// One step up the gradient, with decoupled weight decay: θ ← θ + rate · step − rate · decay · θ, where
    /// rate = learning rate × `factor`.
    pub fn step(&mut self, theta: &mut [f64], gradient: &[f32], factor: f64, weight_decay: f64) {
        self.steps += 1;
        let rate = self.config.learning_rate() * factor;
        let keep = 1.0 - rate * weight_decay;
        match self.config {
            OptimizerConfig::Adam { beta1, beta2, epsilon, .. } => {
                // Up the gradient.
                let rule = Adam { rate: -rate, beta1, beta2, epsilon, keep, steps: self.steps };
                let gradient = gradient.iter().map(|&g| f64::from(g));
                rule.step(theta, gradient, &mut self.first, &mut self.second);
            }
            OptimizerConfig::Sgd { momentum, .. } => {
                let rule = Momentum { rate: -rate, momentum, keep };
                rule.step(theta, gradient.iter().map(|&g| f64::from(g)), &mut self.first);
            }
            OptimizerConfig::ClipUp { learning_rate, max_speed, momentum } => {
                let length = norm(gradient.iter().map(|&g| f64::from(g)));
                // A flat fitness has no direction.
                let push = if length > 0.0 { rate / length } else { 0.0 };
                for (m, &g) in self.first.iter_mut().zip(gradient) {
                    *m = momentum * *m + push * f64::from(g);
                }
                let speed = norm(self.first.iter().copied());
                let limit = max_speed.unwrap_or(2.0 * learning_rate) * factor;
                let part = if speed > limit { limit / speed } else { 1.0 };
                self.part = part;
                for (x, m) in theta.iter_mut().zip(&mut self.first) {
                    *m *= part;
                    *x = keep * *x + *m;
                }
            }
        }
    }

    /// Σ ∂Δᵢ/∂gᵢ of the last step Δ, which was made of the gradient g with the same `factor`. None if it is not known:
    /// Adam's first steps have about the gradient's sign alone.
    pub(super) fn response(&self, gradient: &[f32], factor: f64) -> Option<f64> {
        let (rate, n) = (self.config.learning_rate() * factor, gradient.len() as f64);
        match self.config {
            OptimizerConfig::Sgd { .. } => Some(n * rate),
            OptimizerConfig::ClipUp { .. } => {
                // Neither the length of the gradient nor, at the limit, that of the step can change.
                let length = norm(gradient.iter().map(|&g| f64::from(g)));
                let free = if self.part < 1.0 { (n - 1.0) * (n - 1.0) / n } else { n - 1.0 };
                (length > 0.0).then(|| free * self.part * rate / length)
            }
            OptimizerConfig::Adam { beta1, beta2, epsilon, .. } => {
                if self.steps <= 10 {
                    return None;
                }
                let new = |beta: f64| (1.0 - beta) / (1.0 - libm::pow(beta, self.steps as f64));
                let (new1, new2) = (new(beta1), new(beta2));
                let (scale1, scale2) = (new1 / (1.0 - beta1), new2 / (1.0 - beta2));
                let one = |((m, v), g): ((&f64, &f64), &f32)| {
                    let (m, root) = (m * scale1, (v * scale2).sqrt());
                    let below = root + epsilon;
                    let of_root =
                        if root > 0.0 { m * f64::from(*g) * new2 / (root * below * below) } else { 0.0 };
                    new1 / below - of_root
                };
                Some(rate * self.first.iter().zip(&self.second).zip(gradient).map(one).sum::<f64>())
            }
        }
    }

    /// Adds its memory to a state.
    pub fn save(&self, state: &mut State) {
        state.set_integer("optimizer.steps", self.steps);
        state.set_f64("optimizer.first", &[self.first.len()], &self.first);
        state.set_f64("optimizer.second", &[self.second.len()], &self.second);
    }

    /// Takes over the memory of a saved state, or leaves everything as it is.
    ///
    /// # Errors
    /// When an entry is missing or does not fit.
    pub fn restore(&mut self, state: &State) -> Result<(), StrategyError> {
        let steps = state.integer("optimizer.steps")?;
        let first = state.f64("optimizer.first", &[self.first.len()])?.to_vec();
        let second = state.f64("optimizer.second", &[self.second.len()])?.to_vec();
        *self = Self { config: self.config, steps, first, second, part: 1.0 };
        Ok(())
    }
}

fn norm(values: impl Iterator<Item = f64>) -> f64 {
    values.map(|v| v * v).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_adam_step_is_the_learning_rate_in_the_gradient_direction() {
        let mut theta = [1.0, -2.0, 3.0];
        let mut adam = Optimizer::new(OptimizerConfig::adam(0.1), 3);
        adam.step(&mut theta, &[4.0, -0.5, 0.0], 1.0, 0.0);
        for (x, expected) in theta.iter().zip([1.1, -2.1, 3.0]) {
            assert!((x - expected).abs() < 1e-8, "{x}");
        }
    }

    #[test]
    fn second_adam_step_matches_the_paper() {
        // By hand with β₁ = 0.9, β₂ = 0.999 and gradients 1 then 3.
        let mut theta = [0.0];
        let mut adam = Optimizer::new(OptimizerConfig::adam(1.0), 1);
        adam.step(&mut theta, &[1.0], 1.0, 0.0);
        let before = theta[0];
        adam.step(&mut theta, &[3.0], 1.0, 0.0);
        let m: f64 = (0.9 * 0.1 + 0.1 * 3.0) / (1.0 - 0.81);
        let v: f64 = (0.999 * 0.001 + 0.001 * 9.0) / (1.0 - 0.999 * 0.999);
        assert!((theta[0] - before - m / (v.sqrt() + 1e-8)).abs() < 1e-12);
    }

    #[test]
    fn momentum_accumulates_and_decay_is_decoupled() {
        let config = OptimizerConfig::Sgd { learning_rate: 0.5, momentum: 0.5 };
        let mut sgd = Optimizer::new(config, 1);
        let mut theta = [0.0];
        sgd.step(&mut theta, &[2.0], 1.0, 0.0);
        assert_eq!(theta, [1.0]);
        sgd.step(&mut theta, &[2.0], 1.0, 0.0);
        assert_eq!(theta, [2.5], "velocity 3");
        // The decay does not enter the velocity, and follows the schedule's factor.
        let mut sgd = Optimizer::new(config, 1);
        let mut theta = [8.0];
        sgd.step(&mut theta, &[0.0], 0.5, 0.25);
        assert_eq!(theta, [8.0 * (1.0 - 0.5 * 0.5 * 0.25)]);
    }

    #[test]
    fn clip_up_steps_by_the_learning_rate_up_to_its_speed_limit() {
        let mut theta = [0.0, 0.0];
        let mut clip_up = Optimizer::new(OptimizerConfig::clip_up(1.0), 2);
        clip_up.step(&mut theta, &[0.003, -0.004], 1.0, 0.0);
        let near = |theta: [f64; 2], x: f64, y: f64| (theta[0] - x).abs().max((theta[1] - y).abs()) < 1e-6;
        assert!(near(theta, 0.6, -0.8), "{theta:?}");
        clip_up.step(&mut theta, &[3.0, -4.0], 1.0, 0.0);
        assert!(near(theta, 0.6 + 1.9 * 0.6, -0.8 - 1.9 * 0.8), "{theta:?}");
        // 0.9 · 1.9 + 1 would be 2.71: clipped to 2.
        clip_up.step(&mut theta, &[3.0, -4.0], 1.0, 0.0);
        assert!(near(theta, 4.9 * 0.6, -4.9 * 0.8), "{theta:?}");
        clip_up.step(&mut theta, &[0.0, 0.0], 1.0, 0.0);
        assert!(theta.iter().all(|x| x.is_finite()));
    }
}

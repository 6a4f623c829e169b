//! From gradients to steps: optimizers, schedules of the learning rate, clipping.

use numerics::{Adam, Momentum};
use serde::{Deserialize, Serialize};

use super::error::{GradientError, check};

/// A first-order optimizer and its settings. Steps go down the gradient.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum OptimizerConfig {
    /// Adam (Kingma and Ba 2015).
    Adam {
        /// Step size; > 0. Default 0.001.
        #[serde(default = "rate")]
        learning_rate: f64,
        /// Decay of the mean of the gradient per step, in [0, 1). Default 0.9.
        #[serde(default = "beta1")]
        beta1: f64,
        /// Decay of the mean of the squared gradient per step, in [0, 1). Default 0.999.
        #[serde(default = "beta2")]
        beta2: f64,
        /// Added to the root of the squared gradient; > 0. Default 1e-8.
        #[serde(default = "epsilon")]
        epsilon: f64,
    },
    /// Adam with decoupled weight decay (Loshchilov and Hutter 2019): θ also loses
    /// learning_rate · weight_decay · θ per step.
    AdamW {
        /// Step size; > 0. Default 0.001.
        #[serde(default = "rate")]
        learning_rate: f64,
        /// Decay of the mean of the gradient per step, in [0, 1). Default 0.9.
        #[serde(default = "beta1")]
        beta1: f64,
        /// Decay of the mean of the squared gradient per step, in [0, 1). Default 0.999.
        #[serde(default = "beta2")]
        beta2: f64,
        /// Added to the root of the squared gradient; > 0. Default 1e-8.
        #[serde(default = "epsilon")]
        epsilon: f64,
        /// Decay; ≥ 0. Default 0.01.
        #[serde(default = "weight_decay")]
        weight_decay: f64,
    },
    /// Gradient descent with momentum (heavy ball).
    Sgd {
        /// Factor on the gradient; > 0. Default 0.1.
        #[serde(default = "sgd_rate")]
        learning_rate: f64,
        /// Fraction of the last step that is kept, in [0, 1). Default 0.9.
        #[serde(default = "beta1")]
        momentum: f64,
    },
}

fn rate() -> f64 {
    1e-3
}
fn beta1() -> f64 {
    0.9
}
fn beta2() -> f64 {
    0.999
}
fn epsilon() -> f64 {
    1e-8
}
fn weight_decay() -> f64 {
    0.01
}
fn sgd_rate() -> f64 {
    0.1
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self::Adam { learning_rate: rate(), beta1: beta1(), beta2: beta2(), epsilon: epsilon() }
    }
}

impl OptimizerConfig {
    /// The learning rate before any schedule.
    #[must_use]
    pub fn learning_rate(&self) -> f64 {
        match *self {
            Self::Adam { learning_rate, .. }
            | Self::AdamW { learning_rate, .. }
            | Self::Sgd { learning_rate, .. } => learning_rate,
        }
    }

    /// Checks every field.
    ///
    /// # Errors
    /// [`GradientError::OutOfRange`] names the first that is wrong.
    pub fn validate(&self) -> Result<(), GradientError> {
        let positive = |field, value: f64| check(field, value, value > 0.0, "finite and above 0");
        let part =
            |field, value: f64| check(field, value, (0.0..1.0).contains(&value), "at least 0 and below 1");
        positive("optimizer.learning_rate", self.learning_rate())?;
        match *self {
            Self::Adam { beta1, beta2, epsilon, .. } | Self::AdamW { beta1, beta2, epsilon, .. } => {
                part("optimizer.beta1", beta1)?;
                part("optimizer.beta2", beta2)?;
                positive("optimizer.epsilon", epsilon)?;
            }
            Self::Sgd { momentum, .. } => part("optimizer.momentum", momentum)?,
        }
        match *self {
            Self::AdamW { weight_decay, .. } => {
                check("optimizer.weight_decay", weight_decay, weight_decay >= 0.0, "finite and at least 0")
            }
            Self::Adam { .. } | Self::Sgd { .. } => Ok(()),
        }
    }
}

/// A factor on the learning rate that changes over the steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScheduleConfig {
    /// Steps over which the factor rises linearly to 1: 1/n in the first. Default 0.
    pub warm_up: u64,
    /// What comes after. Default `Constant`.
    pub then: Decay,
}

/// How the learning rate changes after the warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Decay {
    /// Not at all.
    #[default]
    Constant,
    /// On a straight line to `to` times itself. It gets there after `steps` further steps, and stays there.
    Linear {
        /// Final factor, in [0, 1].
        to: f64,
        /// Steps; ≥ 1.
        steps: u64,
    },
    /// The same along half a cosine (Loshchilov and Hutter, SGDR, 2017).
    Cosine {
        /// Final factor, in [0, 1].
        to: f64,
        /// Steps; ≥ 1.
        steps: u64,
    },
}

impl ScheduleConfig {
    /// The factor at a step, counted from 0.
    #[must_use]
    pub fn factor(&self, step: u64) -> f64 {
        if step < self.warm_up {
            return (step + 1) as f64 / self.warm_up as f64;
        }
        let part = |length: u64| ((step - self.warm_up) as f64 / length as f64).min(1.0);
        match self.then {
            Decay::Constant => 1.0,
            Decay::Linear { to, steps } => 1.0 + (to - 1.0) * part(steps),
            Decay::Cosine { to, steps } => {
                to + (1.0 - to) * 0.5 * (1.0 + libm::cos(std::f64::consts::PI * part(steps)))
            }
        }
    }

    /// Checks every field.
    ///
    /// # Errors
    /// [`GradientError::OutOfRange`] names the first that is wrong.
    pub fn validate(&self) -> Result<(), GradientError> {
        match self.then {
            Decay::Constant => Ok(()),
            Decay::Linear { to, steps } | Decay::Cosine { to, steps } => {
                check("schedule.to", to, (0.0..=1.0).contains(&to), "0 to 1")?;
                check("schedule.steps", steps as f64, steps >= 1, "at least 1")
            }
        }
    }
}

/// A limit on the gradient.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Clip {
    /// On its Euclidean norm: a longer gradient is shortened to this length.
    Norm(f64),
    /// On the size of each entry.
    Value(f64),
}

impl Clip {
    /// Applies the limit.
    pub fn apply(&self, gradient: &mut [f64]) {
        match *self {
            Self::Norm(limit) => {
                let norm = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
                if norm > limit {
                    gradient.iter_mut().for_each(|g| *g *= limit / norm);
                }
            }
            Self::Value(limit) => gradient.iter_mut().for_each(|g| *g = g.clamp(-limit, limit)),
        }
    }

    /// Checks the limit.
    ///
    /// # Errors
    /// [`GradientError::OutOfRange`] unless it is finite and above 0.
    pub fn validate(&self) -> Result<(), GradientError> {
        let (Self::Norm(limit) | Self::Value(limit)) = *self;
        check("clip", limit, limit > 0.0, "finite and above 0")
    }
}

/// An optimizer with its memory of past gradients.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Optimizer {
    config: OptimizerConfig,
    /// Steps done.
    pub steps: u64,
    /// Adam: mean of the gradient; SGD: velocity. One value per parameter.
    pub first: Vec<f64>,
    /// Adam: mean of the squared gradient; SGD: empty.
    pub second: Vec<f64>,
}

impl Optimizer {
    /// For `dimension` parameters.
    #[must_use]
    pub fn new(config: OptimizerConfig, dimension: usize) -> Self {
        let second = match config {
            OptimizerConfig::Adam { .. } | OptimizerConfig::AdamW { .. } => vec![0.0; dimension],
            OptimizerConfig::Sgd { .. } => Vec::new(),
        };
        Self { config, steps: 0, first: vec![0.0; dimension], second }
    }

    /// One step down the gradient, with the learning rate times `factor`.
    ///
    /// # Panics
    /// If a length is not that given to [`new`](Self::new).
    pub fn step(&mut self, theta: &mut [f64], gradient: &[f64], factor: f64) {
        assert!(theta.len() == self.first.len() && gradient.len() == theta.len(), "lengths that fit");
        self.steps += 1;
        let rate = self.config.learning_rate() * factor;
        match self.config {
            OptimizerConfig::Adam { beta1, beta2, epsilon, .. }
            | OptimizerConfig::AdamW { beta1, beta2, epsilon, .. } => {
                let decay = match self.config {
                    OptimizerConfig::AdamW { weight_decay, .. } => weight_decay,
                    _ => 0.0,
                };
                let rule = Adam { rate, beta1, beta2, epsilon, keep: 1.0 - rate * decay, steps: self.steps };
                rule.step(theta, gradient.iter().copied(), &mut self.first, &mut self.second);
            }
            OptimizerConfig::Sgd { momentum, .. } => {
                let rule = Momentum { rate, momentum, keep: 1.0 };
                rule.step(theta, gradient.iter().copied(), &mut self.first);
            }
        }
    }
}

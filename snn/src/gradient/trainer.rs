//! Optimisation of θ, step by step.

use serde::{Deserialize, Serialize};

use super::batch::Batch;
use super::bptt::{Gradient, Objective};
use super::differentiable::Differentiable;
use super::error::{GradientError, check_length, not_finite};
use super::optimizer::{Clip, Optimizer, OptimizerConfig, ScheduleConfig};

/// How θ moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainerConfig {
    /// Optimizer. Default Adam.
    pub optimizer: OptimizerConfig,
    /// Course of the learning rate. Default constant.
    pub schedule: ScheduleConfig,
    /// Limit on the gradient. Default `None`.
    pub clip: Option<Clip>,
}

impl TrainerConfig {
    /// Checks every field.
    ///
    /// # Errors
    /// [`GradientError::OutOfRange`] names the first that is wrong.
    pub fn validate(&self) -> Result<(), GradientError> {
        self.optimizer.validate()?;
        self.schedule.validate()?;
        self.clip.map_or(Ok(()), |clip| clip.validate())
    }
}

/// θ on its way down, with the memory of the optimizer. What it holds can be saved and goes on where it
/// was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trainer {
    config: TrainerConfig,
    theta: Vec<f64>,
    optimizer: Optimizer,
    /// Factor on the learning rate.
    #[serde(skip, default = "one")]
    factor: f64,
    #[serde(skip)]
    before: Before,
}

fn one() -> f64 {
    1.0
}

/// Memory for what a step that fails has to bring back; no part of the state.
#[derive(Debug, Default)]
struct Before {
    theta: Vec<f64>,
    first: Vec<f64>,
    second: Vec<f64>,
}

impl Clone for Before {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Before {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Trainer {
    /// Begins at `theta`.
    ///
    /// # Errors
    /// [`GradientError::OutOfRange`] for a setting out of range.
    pub fn new(config: TrainerConfig, theta: &[f32]) -> Result<Self, GradientError> {
        config.validate()?;
        let optimizer = Optimizer::new(config.optimizer, theta.len());
        let theta = theta.iter().map(|&x| f64::from(x)).collect();
        Ok(Self { config, theta, optimizer, factor: 1.0, before: Before::default() })
    }

    /// The parameters now.
    #[must_use]
    pub fn theta(&self) -> Vec<f32> {
        self.theta.iter().map(|&x| x as f32).collect()
    }

    /// The same in full precision, with the memory of the optimizer.
    #[must_use]
    pub fn state(&self) -> (&[f64], &Optimizer) {
        (&self.theta, &self.optimizer)
    }

    /// Goes on from what [`state`](Self::state) gave.
    ///
    /// # Errors
    /// [`GradientError::Shape`] for another number of parameters. The trainer is then what it was.
    pub fn restore(
        &mut self,
        theta: &[f64],
        first: &[f64],
        second: &[f64],
        steps: u64,
    ) -> Result<(), GradientError> {
        let reason = || "the trainer has as many parameters".to_owned();
        check_length("`theta`", theta.len(), self.theta.len(), reason)?;
        check_length("`first`", first.len(), self.optimizer.first.len(), reason)?;
        check_length("`second`", second.len(), self.optimizer.second.len(), reason)?;
        self.theta.copy_from_slice(theta);
        self.optimizer.first.copy_from_slice(first);
        self.optimizer.second.copy_from_slice(second);
        self.optimizer.steps = steps;
        Ok(())
    }

    /// Steps done.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.optimizer.steps
    }

    /// The learning rate of the next step.
    #[must_use]
    pub fn learning_rate(&self) -> f64 {
        self.config.optimizer.learning_rate() * self.factor()
    }

    /// What the learning rate is multiplied with from now on, besides what the schedule says; 1 at first, and no
    /// part of what is saved.
    pub fn set_factor(&mut self, factor: f64) {
        self.factor = factor;
    }

    fn factor(&self) -> f64 {
        self.factor * self.config.schedule.factor(self.optimizer.steps)
    }

    /// One step on a batch; returns its gradient before clipping. After an error θ is what it was.
    ///
    /// # Errors
    /// Those of [`Differentiable::gradient`]; [`GradientError::NotFinite`] has the step.
    pub fn step(
        &mut self,
        network: &dyn Differentiable,
        batch: &Batch<'_>,
        objective: &dyn Objective,
    ) -> Result<Gradient, GradientError> {
        let gradient =
            network.gradient(&self.theta(), batch, objective).map_err(|error| self.located(error))?;
        self.apply(network, &gradient.gradient)?;
        Ok(gradient)
    }

    /// One step down a gradient that is known already.
    ///
    /// # Errors
    /// [`GradientError::Shape`] for another length; [`GradientError::NotFinite`], with the block of
    /// `network`'s layout, if it or what it would make of θ is not finite. θ is then what it was.
    pub fn apply(&mut self, network: &dyn Differentiable, gradient: &[f32]) -> Result<(), GradientError> {
        let reason = || "the trainer has as many parameters".into();
        check_length("`gradient`", gradient.len(), self.theta.len(), reason)?;
        if let Some(at) = gradient.iter().position(|g| !g.is_finite()) {
            return Err(self.located(not_finite(network.layout(), "gradient", at)));
        }
        let mut gradient: Vec<f64> = gradient.iter().map(|&g| f64::from(g)).collect();
        if let Some(clip) = self.config.clip {
            clip.apply(&mut gradient);
        }
        let factor = self.factor();
        let Self { theta, optimizer, before, .. } = self;
        before.theta.clone_from(theta);
        before.first.clone_from(&optimizer.first);
        before.second.clone_from(&optimizer.second);
        self.optimizer.step(&mut self.theta, &gradient, factor);
        if let Some(at) = self.theta.iter().position(|&x| !(x as f32).is_finite()) {
            std::mem::swap(&mut self.theta, &mut self.before.theta);
            std::mem::swap(&mut self.optimizer.first, &mut self.before.first);
            std::mem::swap(&mut self.optimizer.second, &mut self.before.second);
            self.optimizer.steps -= 1;
            return Err(self.located(not_finite(network.layout(), "parameter", at)));
        }
        Ok(())
    }

    /// The error with the step in which it occurred, the next one.
    #[must_use]
    pub fn located(&self, error: GradientError) -> GradientError {
        match error {
            GradientError::NotFinite { what, layer, tick, .. } => {
                GradientError::NotFinite { what, layer, tick, step: Some(self.optimizer.steps) }
            }
            other => other,
        }
    }
}

//! What training needs of a network, spiking or not.

use super::batch::Batch;
use super::bptt::{Bptt, BpttConfig, Gradient, Objective, Run};
use super::error::GradientError;
use super::perceptron::Perceptron;
use crate::config::ControllerConfig;
use crate::layout::Layout;

/// A network with gradients: a [`Bptt`] or a [`Perceptron`].
pub trait Differentiable: Send + Sync {
    /// Named parameter blocks of θ, those of the [controller](crate::Controller::layout).
    fn layout(&self) -> &Layout;

    /// Number of observations.
    fn inputs(&self) -> usize;

    /// Number of actions or classes.
    fn outputs(&self) -> usize;

    /// Ticks per frame.
    fn ticks(&self) -> usize;

    /// Neurons of the hidden layers that spike; none in a perceptron.
    fn neurons(&self) -> Vec<usize>;

    /// Whether the action is tanh of the [value](super::Outputs::value); else it is the value.
    fn squash(&self) -> bool;

    /// The gradient of `objective` at `theta`. The same bits for any number of threads.
    ///
    /// # Errors
    /// [`GradientError::Shape`] for lengths that do not fit; [`GradientError::NotFinite`] if a
    /// parameter, an input, a state, the loss or the gradient is not finite.
    fn gradient(
        &self,
        theta: &[f32],
        batch: &Batch<'_>,
        objective: &dyn Objective,
    ) -> Result<Gradient, GradientError>;

    /// Runs the network without gradients.
    ///
    /// # Errors
    /// As [`gradient`](Self::gradient).
    fn run(&self, theta: &[f32], batch: &Batch<'_>) -> Result<Run, GradientError>;
}

impl Differentiable for Bptt {
    fn layout(&self) -> &Layout {
        self.layout()
    }

    fn inputs(&self) -> usize {
        self.inputs()
    }

    fn outputs(&self) -> usize {
        self.outputs()
    }

    fn ticks(&self) -> usize {
        self.ticks()
    }

    fn neurons(&self) -> Vec<usize> {
        self.neurons()
    }

    fn squash(&self) -> bool {
        self.squash()
    }

    fn gradient(
        &self,
        theta: &[f32],
        batch: &Batch<'_>,
        objective: &dyn Objective,
    ) -> Result<Gradient, GradientError> {
        self.gradient(theta, batch, objective)
    }

    fn run(&self, theta: &[f32], batch: &Batch<'_>) -> Result<Run, GradientError> {
        self.run(theta, batch)
    }
}

/// The network of `config` for a task with `inputs` observations and `outputs` actions (or classes).
///
/// # Errors
/// [`GradientError`] if it cannot be built or has no gradient, or a setting is wrong.
pub fn differentiable(
    config: &ControllerConfig,
    inputs: usize,
    outputs: usize,
    bptt: &BpttConfig,
) -> Result<Box<dyn Differentiable>, GradientError> {
    Ok(match config {
        ControllerConfig::Snn(config) => Box::new(Bptt::new(config, inputs, outputs, bptt)?),
        ControllerConfig::Mlp(config) => Box::new(Perceptron::new(config, inputs, outputs)?),
    })
}

/// The error that parameter `at` of θ, or its gradient, is not finite.
pub(super) fn not_finite(layout: &Layout, what: &'static str, at: usize) -> GradientError {
    let block = layout.blocks().iter().find(|block| block.range().contains(&at));
    let layer = block.map_or_else(String::new, |block| block.name.clone());
    GradientError::NotFinite { what, layer, tick: None, step: None }
}

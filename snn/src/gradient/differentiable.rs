//! What training needs of a network, spiking or not.

use super::batch::Batch;
use super::bptt::{Bptt, Gradient, Objective, Run};
use super::error::GradientError;
use crate::layout::Layout;
use crate::state::NetworkState;

/// A network with gradients: a [`Bptt`], an [`EventProp`](super::EventProp) or a [`Perceptron`](super::Perceptron).
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

    /// Whether it remembers anything between control steps: else the states of a [`Batch`] are empty.
    fn remembers(&self) -> bool;

    /// Whether it runs in ticks. One in continuous time does not, and its spikes have times rather than a count with
    /// slopes.
    fn has_ticks(&self) -> bool {
        true
    }

    /// Checks that these are states of this network.
    ///
    /// # Errors
    /// [`GradientError::Shape`] for lengths that do not fit.
    fn check_states(&self, states: &[NetworkState]) -> Result<(), GradientError>;

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

    fn remembers(&self) -> bool {
        true
    }

    fn check_states(&self, states: &[NetworkState]) -> Result<(), GradientError> {
        self.check_states(states)
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

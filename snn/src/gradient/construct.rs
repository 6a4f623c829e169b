//! From a config to a network with gradients.

use super::bptt::{Bptt, BpttConfig};
use super::differentiable::Differentiable;
use super::error::GradientError;
use super::event_prop::EventProp;
use super::perceptron::Perceptron;
use crate::config::ControllerConfig;

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
        ControllerConfig::Events(config) => Box::new(EventProp::new(config, inputs, outputs)?),
        ControllerConfig::Mlp(config) => Box::new(Perceptron::new(config, inputs, outputs)?),
    })
}

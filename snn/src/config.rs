//! Controller configurations as they stand in a config file.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::controller::Controller;
use crate::error::SnnError;
use crate::mlp::Mlp;
use crate::network::Snn;
use crate::neuron::NeuronParameters;

/// Which controller maps observations to actions, and its shape.
///
/// In RON (with `unwrap_variant_newtypes`):
/// `Snn(hidden: [Recurrent(neurons: 64, model: "lif")], ticks: 4, precision: F32)` or
/// `Mlp(hidden: [64, 64], activation: Tanh)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ControllerConfig {
    /// Spiking network with leaky readout.
    Snn(SnnConfig),
    /// Multilayer perceptron without spikes; the baseline.
    Mlp(MlpConfig),
}

impl Default for ControllerConfig {
    fn default() -> Self {
        Self::Snn(SnnConfig::default())
    }
}

impl ControllerConfig {
    /// Builds the controller for a task with `inputs` observations and `outputs` actions.
    ///
    /// # Errors
    /// [`SnnError`] names the field that is out of range and the valid values.
    pub fn build(&self, inputs: usize, outputs: usize) -> Result<Arc<dyn Controller>, SnnError> {
        if inputs == 0 {
            return Err(SnnError::NoInputs);
        }
        if outputs == 0 {
            return Err(SnnError::NoOutputs);
        }
        Ok(match self {
            Self::Snn(config) => Arc::new(Snn::new(config, inputs, outputs)?),
            Self::Mlp(config) => Arc::new(Mlp::new(config, inputs, outputs)?),
        })
    }
}

/// Spiking network: hidden layers in order, then a leaky readout with tanh output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SnnConfig {
    /// Hidden layers from input to output, at least one. Default `[Recurrent()]`.
    pub hidden: Vec<HiddenLayer>,
    /// Ticks (updates of all neurons) per control step, 1 to 4096. Default 4.
    pub ticks: usize,
    /// Number format of weights and state. Default `F32`.
    pub precision: Precision,
    /// Weights from the observation (and of its bias) are `input_gain / √inputs · θ`, those from
    /// one hidden layer to the next `input_gain / √neurons · θ`. Finite, ≥ 0. Default 2.
    pub input_gain: f32,
    /// Weights within a recurrent layer are `recurrent_gain / √neurons · θ`. Finite, ≥ 0.
    /// Default 1.
    pub recurrent_gain: f32,
    /// Weights to the outputs are `output_gain / √neurons · θ`. Finite, ≥ 0. Default 8.
    pub output_gain: f32,
    /// Decay `a` per tick of the readout `r ← a·r + (1−a)·input`, in [0, 1]. Default 0.7.
    pub readout_decay: f32,
}

impl Default for SnnConfig {
    fn default() -> Self {
        Self {
            hidden: vec![HiddenLayer::Recurrent(LayerConfig::default())],
            ticks: 4,
            precision: Precision::F32,
            input_gain: 2.0,
            recurrent_gain: 1.0,
            output_gain: 8.0,
            readout_decay: 0.7,
        }
    }
}

/// Number format of weights and state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Precision {
    /// 32-bit floats.
    #[default]
    F32,
}

/// One hidden layer of a spiking network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum HiddenLayer {
    /// Feed-forward only.
    Dense(LayerConfig),
    /// With connections between all neurons of the layer (self-connections included) that take
    /// one tick.
    Recurrent(LayerConfig),
}

impl HiddenLayer {
    /// Settings of the layer, whichever its kind.
    pub fn config(&self) -> &LayerConfig {
        match self {
            Self::Dense(config) | Self::Recurrent(config) => config,
        }
    }

    /// Whether the layer's neurons are connected to each other.
    pub fn is_recurrent(&self) -> bool {
        matches!(self, Self::Recurrent(_))
    }
}

/// Size and neuron model of one hidden layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LayerConfig {
    /// Number of neurons, 1 to 4096. Default 64.
    pub neurons: usize,
    /// Name of the neuron model, one of [`neurons`](crate::neurons). Default `"lif"`.
    pub model: String,
    /// Parameters of the model, shared by the neurons of the layer. Default `()`.
    pub parameters: NeuronParameters,
}

impl Default for LayerConfig {
    fn default() -> Self {
        Self { neurons: 64, model: "lif".into(), parameters: NeuronParameters::default() }
    }
}

/// Multilayer perceptron with tanh output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MlpConfig {
    /// Units of each hidden layer from input to output, 1 to 4096 each; `[]` is the linear
    /// policy. Default `[64, 64]`.
    pub hidden: Vec<usize>,
    /// Activation of the hidden layers. Default `Tanh`.
    pub activation: Activation,
    /// Hidden weights are `hidden_gain / √sources · θ`. Finite, ≥ 0. Default 1.
    pub hidden_gain: f32,
    /// Weights to the outputs are `output_gain / √sources · θ`. Finite, ≥ 0. Default 1.
    pub output_gain: f32,
}

impl Default for MlpConfig {
    fn default() -> Self {
        Self { hidden: vec![64, 64], activation: Activation::Tanh, hidden_gain: 1.0, output_gain: 1.0 }
    }
}

/// Activation function of the hidden units of an [`MlpConfig`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Activation {
    /// The rational [`tanh`](crate::tanh), in [−1, 1].
    #[default]
    Tanh,
    /// `max(x, 0)`.
    Relu,
}

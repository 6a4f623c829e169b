//! Controller configurations as they stand in a config file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::decoder::DecoderConfig;
use crate::encoder::EncoderConfig;
use crate::events::EventsConfig;
use crate::plasticity::Plasticity;
use crate::scope::Scope;
use crate::switches::SwitchesConfig;

/// Which controller maps observations to actions, and its shape.
///
/// In RON (with `unwrap_variant_newtypes`):
/// `Snn(hidden: [Recurrent(neurons: 64, model: "lif")], ticks: 4, precision: F32)` or
/// `Mlp(hidden: [64, 64], activation: Tanh)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ControllerConfig {
    /// Spiking network.
    Snn(SnnConfig),
    /// Spiking network in continuous time.
    Events(EventsConfig),
    /// Multilayer perceptron without spikes; the baseline.
    Mlp(MlpConfig),
}

impl Default for ControllerConfig {
    fn default() -> Self {
        Self::Snn(SnnConfig::default())
    }
}

impl ControllerConfig {
    /// Replaces every `model` that names a file (it ends in `.neuron`) by the text of that file, so
    /// that the config stands alone. `read` gives the text of a file.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn inline_models<E>(&mut self, mut read: impl FnMut(&str) -> Result<String, E>) -> Result<(), E> {
        if let Self::Snn(config) = self {
            let hidden = config.hidden.iter_mut().map(|layer| &mut layer.config_mut().model);
            let readout = match &mut config.decoder {
                DecoderConfig::Membrane(membrane) => Some(&mut membrane.model),
                _ => None,
            };
            for model in hidden.chain(readout) {
                if model.ends_with(".neuron") && !model.contains('\n') {
                    *model = read(model)?;
                }
            }
        }
        Ok(())
    }
}

/// Spiking network: an encoder of the observation, hidden layers in order, and a decoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SnnConfig {
    /// How the observation enters the network. Default `Current()`.
    pub encoder: EncoderConfig,
    /// Hidden layers from input to output, at least one. Default `[Recurrent()]`.
    pub hidden: Vec<HiddenLayer>,
    /// How the spikes of the last hidden layer become actions. Default `Membrane()`.
    pub decoder: DecoderConfig,
    /// Further sources of the readout, besides the last hidden layer: `"hidden.0"` and so on, but not
    /// `"input"`. None with the decoder `Population()`, whose votes have no weights. Default `[]`.
    pub readout_skip: Vec<String>,
    /// Ticks (updates of all neurons) per control step, 1 to 4096. Default 4.
    pub ticks: usize,
    /// Number format of weights and state. Default `F32`.
    pub precision: Precision,
    /// Weights from the encoder (and its bias), and weights from one hidden layer to another, are
    /// `input_gain / √sources · θ`. Finite, ≥ 0. Default 2.
    pub input_gain: f32,
    /// Weights within a recurrent layer are `recurrent_gain / √neurons · θ`. Finite, ≥ 0.
    /// Default 1.
    pub recurrent_gain: f32,
    /// Weights to the outputs are `output_gain / √neurons · θ`. Finite, ≥ 0. Default 8.
    pub output_gain: f32,
    /// Rules by which weights change during an episode. Default `[]`.
    pub plasticity: Vec<Plasticity>,
    /// Seed of everything that is drawn once for the whole population: sparse connections and axonal delays.
    /// Default 0.
    pub wiring_seed: u64,
}

impl Default for SnnConfig {
    fn default() -> Self {
        Self {
            encoder: EncoderConfig::default(),
            hidden: vec![HiddenLayer::Recurrent(LayerConfig::default())],
            decoder: DecoderConfig::default(),
            readout_skip: Vec::new(),
            ticks: 4,
            precision: Precision::F32,
            input_gain: 2.0,
            recurrent_gain: 1.0,
            output_gain: 8.0,
            plasticity: Vec::new(),
            wiring_seed: 0,
        }
    }
}

/// Number format of weights and state. All except `F32Free` give the same spikes on every backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Precision {
    /// 32-bit floats on a grid: weights are multiples of 2⁻¹² (coarser for layers with more than 128
    /// sources), states of 2⁻¹⁶ within ±128, so that sums are exact in any order.
    #[default]
    F32,
    /// Ordinary 32-bit floats. A backend may fuse a product with a sum, so spikes may differ where a membrane
    /// potential is within rounding of the threshold.
    F32Free,
    /// 8-bit integer weights with one factor per block, 8-bit observations, sums in 32 bits;
    /// states as in `F32`.
    I8,
    /// Connections that exist (θ > 0.5) or do not. The sign is the sign of the presynaptic neuron, and a
    /// whole block has one weight. States as in `F32`.
    Binary,
}

/// One hidden layer of a spiking network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum HiddenLayer {
    /// Feed-forward only.
    Dense(LayerConfig),
    /// Also with connections between all neurons of the layer (including self-connections), which take one
    /// tick.
    Recurrent(LayerConfig),
}

impl HiddenLayer {
    /// Settings of the layer, whichever its kind.
    pub fn config(&self) -> &LayerConfig {
        match self {
            Self::Dense(config) | Self::Recurrent(config) => config,
        }
    }

    fn config_mut(&mut self) -> &mut LayerConfig {
        match self {
            Self::Dense(config) | Self::Recurrent(config) => config,
        }
    }

    /// Whether the layer's neurons are connected to each other.
    pub fn is_recurrent(&self) -> bool {
        matches!(self, Self::Recurrent(_))
    }
}

/// Size, neuron model and wiring of one hidden layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LayerConfig {
    /// Number of neurons, 1 to 4096. Default 64.
    pub neurons: usize,
    /// Name of a neuron model, one of [`neurons`](crate::neurons); or a model of your own: its text, or a
    /// file `….neuron` that contains it. Default `"lif"`.
    pub model: String,
    /// Instead of `model`: the leaky integrate-and-fire neuron of a library, `"snntorch"`, `"spyx"` or
    /// `"norse"`, with parameters `decay` and `threshold`. Default `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub like: Option<String>,
    /// How the neuron differs from `like`. Default `()`: not at all.
    #[serde(skip_serializing_if = "SwitchesConfig::is_default")]
    pub switches: SwitchesConfig,
    /// Values of the model's parameters that differ from the defaults; for evolved parameters, the value for
    /// θ = 0. Default `{}`.
    pub parameters: BTreeMap<String, f64>,
    /// Which parameters are evolved, and whether the layer shares one value or each neuron has its own.
    /// Default: what the model says, mostly `{}`.
    pub evolve: BTreeMap<String, Scope>,
    /// What a spike does to the state: one of the model's resets. Default: the model's first one.
    pub reset: Option<String>,
    /// Ticks after a spike in which the neuron holds its state and stays silent, 0 to 128.
    /// Default 0.
    pub refractory: usize,
    /// Further sources, besides the previous layer: `"input"`, `"hidden.0"` and so on. A connection from a
    /// later layer, or from the layer itself, is feedback and takes one tick. Default `[]`.
    pub skip: Vec<String>,
    /// Share of the possible connections into the layer that exist, in (0, 1]; they are drawn once
    /// for the whole population, and only they have parameters. Default 1.
    pub density: f64,
    /// Range of the axonal delay in ticks, from and to. Each neuron's delay is drawn once for the whole
    /// population. 0 to 255. Default `(0, 0)`.
    pub delay: (usize, usize),
    /// Dale's law: the share of neurons, in [0, 1], whose outgoing weights are all ≥ 0; the outgoing weights
    /// of the others are ≤ 0. `Binary` networks without a value use one half. Default `None`.
    pub excitatory: Option<f64>,
    /// Whether neurons come in push-pull pairs; their number must be even. Neuron 2k + 1 has the negated
    /// incoming and outgoing weights of neuron 2k, and the same bias. The output of a pair is then an odd
    /// function of its input, so a change of weights does not push all targets in one direction. There are
    /// half as many parameters per connection. Not in `Binary`, nor with `density`, `delay`, `excitatory` or
    /// `plasticity`. Default `false`.
    pub push_pull: bool,
    /// Whether the state of the neurons starts again in each control step, so that their answer to an
    /// observation does not depend on the one before. Default `false`.
    pub fresh: bool,
    /// A population code in place of evolved weights from the observation; the first layer alone, with the
    /// encoder `Current()`, in `F32` or `F32Free`. Default `Evolved`.
    pub code: Code,
}

/// What a hidden layer makes of the observation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Code {
    /// What its evolved weights make of it.
    #[default]
    Evolved,
    /// A population code of push-pull pairs.
    Pairs(PopulationCode),
}

/// Neurons that each watch one observation: what a population of them says is the observation.
///
/// A layer of `2 · copies · observations` neurons has `copies` pairs per observation x, of which one neuron is driven
/// by the current `bias + drive · x` and the other one by `bias − drive · x`. The biases of the copies are spread
/// evenly over `center ± spread`, so that their spikes come at different times. With the model `"if"` and
/// `reset: Some("subtract")` a neuron's rate is its current, from 0 to 1 spike per tick. With a center of ½, what the
/// pairs say is then a straight line for |x| ≤ (½ − spread) / drive, and flat from (½ + spread) / drive on. As the
/// encoder of PopSAN (Tang, Kumar, Yoo and Michmizos, CoRL 2020), with straight lines for its Gaussian fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PopulationCode {
    /// Current per unit of the (normalised) observation; above 0. Default 0.12.
    pub drive: f32,
    /// Current for an observation of 0, on average; finite. Default 0.5.
    pub center: f32,
    /// Largest distance of a copy's bias from the center; ≥ 0. Default 0.4.
    pub spread: f32,
    /// Whether the copies of an observation share their outgoing weights, where the layer has `push_pull`: one
    /// parameter per observation and target. Default `true`.
    pub shared: bool,
}

impl Default for PopulationCode {
    fn default() -> Self {
        Self { drive: 0.12, center: 0.5, spread: 0.4, shared: true }
    }
}

impl PopulationCode {
    /// `[inputs + 1][neurons]`; the last row is the bias.
    pub(crate) fn weights(&self, inputs: usize, neurons: usize) -> Vec<f32> {
        let copies = neurons / (2 * inputs);
        let mut weights = vec![0.0; (inputs + 1) * neurons];
        for neuron in 0..neurons {
            let (input, copy) = (neuron / (2 * copies), neuron / 2 % copies);
            let drive = if neuron % 2 == 0 { self.drive } else { -self.drive };
            weights[input * neurons + neuron] = drive;
            let place = if copies > 1 { 2.0 * copy as f32 / (copies - 1) as f32 - 1.0 } else { 0.0 };
            weights[inputs * neurons + neuron] = self.center + self.spread * place;
        }
        weights
    }
}

impl Default for LayerConfig {
    fn default() -> Self {
        Self {
            neurons: 64,
            model: "lif".into(),
            like: None,
            switches: SwitchesConfig::default(),
            parameters: BTreeMap::new(),
            evolve: BTreeMap::new(),
            reset: None,
            refractory: 0,
            skip: Vec::new(),
            density: 1.0,
            delay: (0, 0),
            excitatory: None,
            push_pull: false,
            fresh: false,
            code: Code::Evolved,
        }
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

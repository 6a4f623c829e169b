//! What can be wrong with a controller's configuration.

use thiserror::Error;

use crate::equations::EquationError;
use crate::events::EventsError;

/// Largest number of neurons in one layer.
pub const MAX_NEURONS: usize = 4096;
/// Largest number of ticks per control step.
pub const MAX_TICKS: usize = 4096;
/// Largest number of weights of one controller: 512 MiB as 32-bit floats.
pub const MAX_WEIGHTS: usize = 1 << 27;
/// Largest number of sources whose spikes are kept as lists of 16-bit numbers.
pub const MAX_SOURCES: usize = 1 << 16;

/// A configuration from which no controller can be built. Fields are named as in the config.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum SnnError {
    /// The task has no observations.
    #[error("a controller needs at least 1 input")]
    NoInputs,
    /// The task has no actions.
    #[error("a controller needs at least 1 output")]
    NoOutputs,
    /// A spiking network without hidden layers.
    #[error(
        "`hidden` of a spiking controller needs at least 1 layer; `Mlp(hidden: [])` is the linear policy"
    )]
    NoHiddenLayers,
    /// A layer with no or too many neurons.
    #[error("`{field}` is {neurons}; valid: 1 to {MAX_NEURONS}")]
    Neurons {
        /// Field with its place in the config, such as `hidden[0].neurons`.
        field: String,
        /// Number of neurons given.
        neurons: usize,
    },
    /// More weights than memory is meant for, counted before any of it is taken.
    #[error(
        "the controller would have {weights} weights, {own} of them into `{layer}`; valid: at most \
         {MAX_WEIGHTS} (512 MiB); use fewer or smaller layers in `hidden`, or fewer observations"
    )]
    TooLarge {
        /// Weights of all layers, whether a density leaves them out or not.
        weights: usize,
        /// The layer with most of them, such as `hidden[2]`.
        layer: String,
        /// Weights into that layer.
        own: usize,
    },
    /// More sources than a list of spikes can name.
    #[error(
        "the encoder makes {sources} sources of {inputs} observations; valid: at most {MAX_SOURCES} {why}"
    )]
    Sources {
        /// Sources that the encoder makes.
        sources: usize,
        /// Observations of the task.
        inputs: usize,
        /// For whom the limit holds, and what has none.
        why: &'static str,
    },
    /// No or too many ticks per control step.
    #[error("`ticks` is {ticks}; valid: 1 to {MAX_TICKS}")]
    Ticks {
        /// Number of ticks given.
        ticks: usize,
    },
    /// A number outside its range, or not finite.
    #[error("`{field}` is {value}; valid: {range}")]
    OutOfRange {
        /// Field with its place in the config.
        field: String,
        /// Value given.
        value: f32,
        /// The valid range in words.
        range: &'static str,
    },
    /// No neuron model of this name.
    #[error("`{field}`: unknown neuron model \"{model}\"; valid: {valid}")]
    UnknownModel {
        /// Field with its place in the config.
        field: String,
        /// Name given.
        model: String,
        /// Valid names, separated by commas.
        valid: String,
    },
    /// No library of this name, or something that does not go with one.
    #[error("`{field}` is {value}; valid: {valid}")]
    Like {
        /// Field with its place in the config.
        field: String,
        /// Value given.
        value: String,
        /// What would be valid.
        valid: String,
    },
    /// A neuron model with a mistake in its text.
    #[error("`{field}`: {error}")]
    Equation {
        /// Field with its place in the config.
        field: String,
        /// What is wrong, and where in the text.
        error: EquationError,
    },
    /// No such choice of reset.
    #[error("`{field}`: no reset \"{reset}\"; valid: {valid}")]
    UnknownReset {
        /// Field with its place in the config.
        field: String,
        /// Name given.
        reset: String,
        /// Valid names.
        valid: String,
    },
    /// A parameter that the model does not have.
    #[error("`{field}`: neuron model \"{model}\" has no parameter \"{parameter}\"; valid: {valid}")]
    UnknownParameter {
        /// Field with its place in the config.
        field: String,
        /// Name given.
        parameter: String,
        /// Name of the model.
        model: String,
        /// Valid names.
        valid: String,
    },
    /// A parameter of a neuron model outside its range.
    #[error("`{field}` is {value}; valid: {range}")]
    ParameterRange {
        /// Field with its place in the config.
        field: String,
        /// Value given.
        value: f64,
        /// The valid range.
        range: String,
    },
    /// A hidden layer of neurons that never spike.
    #[error("`{field}`: \"{model}\" never spikes, so it can only be the model of a Membrane decoder")]
    NeverSpikes {
        /// Field with its place in the config.
        field: String,
        /// Name of the model.
        model: String,
    },
    /// A readout of neurons that spike.
    #[error("`{field}`: \"{model}\" spikes; a readout needs a model that does not, such as \"li\"")]
    Spikes {
        /// Field with its place in the config.
        field: String,
        /// Name of the model.
        model: String,
    },
    /// A connection from something that is not there.
    #[error("`{field}`: \"{source_name}\" cannot be a source; valid: {valid}")]
    Source {
        /// Field with its place in the config.
        field: String,
        /// Name given.
        source_name: String,
        /// Valid names.
        valid: String,
    },
    /// A population code needs as many neurons for each observation, in pairs.
    #[error(
        "`hidden[0].neurons` is {neurons}; valid with `code`: a multiple of {each}, two for each observation"
    )]
    Code {
        /// Number of neurons given.
        neurons: usize,
        /// Neurons of one copy.
        each: usize,
    },
    /// A network in continuous time with a setting out of range.
    #[error(transparent)]
    Events(#[from] EventsError),
    /// Two settings that do not go together.
    #[error("`{first}` and `{second}` do not go together; valid: {valid}")]
    Combination {
        /// One setting.
        first: &'static str,
        /// The other.
        second: &'static str,
        /// What would be valid.
        valid: &'static str,
    },
}

impl SnnError {
    /// Refuses a task without observations or without actions.
    pub(crate) fn check_sizes(inputs: usize, outputs: usize) -> Result<(), Self> {
        match (inputs, outputs) {
            (0, _) => Err(Self::NoInputs),
            (_, 0) => Err(Self::NoOutputs),
            _ => Ok(()),
        }
    }
}

/// Refuses `value` of `field` unless `valid` holds and it is finite.
pub(crate) fn check(
    field: impl FnOnce() -> String,
    value: f32,
    valid: bool,
    range: &'static str,
) -> Result<(), SnnError> {
    if valid && value.is_finite() {
        Ok(())
    } else {
        Err(SnnError::OutOfRange { field: field(), value, range })
    }
}

/// Refuses more than [`MAX_WEIGHTS`] weights; `layers` names each layer with its `(sources, targets)`.
pub(crate) fn check_weights(
    layers: impl IntoIterator<Item = (String, (usize, usize))>,
) -> Result<(), SnnError> {
    let (mut weights, mut most) = (0_usize, (String::new(), 0));
    for (layer, (sources, targets)) in layers {
        let own = sources.saturating_mul(targets);
        weights = weights.saturating_add(own);
        if own > most.1 {
            most = (layer, own);
        }
    }
    let (layer, own) = most;
    if weights <= MAX_WEIGHTS { Ok(()) } else { Err(SnnError::TooLarge { weights, layer, own }) }
}

/// Refuses layers with no or more than [`MAX_NEURONS`] neurons.
pub(crate) fn check_neurons(field: impl FnOnce() -> String, neurons: usize) -> Result<(), SnnError> {
    if (1..=MAX_NEURONS).contains(&neurons) {
        Ok(())
    } else {
        Err(SnnError::Neurons { field: field(), neurons })
    }
}

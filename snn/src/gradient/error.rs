//! What can go wrong in training.

use thiserror::Error;

use crate::error::SnnError;
use crate::events::EventsError;
use crate::layout::Layout;

/// A training that cannot begin or go on.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum GradientError {
    /// The network cannot be built.
    #[error(transparent)]
    Network(#[from] SnnError),
    /// No surrogate of this name.
    #[error("`surrogate.function`: unknown surrogate \"{name}\"; valid: {valid}, or an expression of `u`")]
    UnknownSurrogate {
        /// Name given.
        name: String,
        /// Valid names, separated by commas.
        valid: String,
    },
    /// No library of this name.
    #[error("`preset`: unknown library \"{name}\"; valid: {valid}")]
    UnknownPreset {
        /// Name given.
        name: String,
        /// Valid names, separated by commas.
        valid: String,
    },
    /// A mistake in the expression of a surrogate.
    #[error("`surrogate.function`: column {column}: {message}")]
    SurrogateExpression {
        /// Column in characters, from 1.
        column: u32,
        /// What is wrong and what would be valid.
        message: String,
    },
    /// A parameter that the surrogate does not have, or a value that it cannot take.
    #[error("`surrogate.parameters.{name}`: {message}")]
    SurrogateParameter {
        /// Name of the parameter.
        name: String,
        /// What is wrong and what would be valid.
        message: String,
    },
    /// 0/1 connections have no slope.
    #[error("`precision`: Binary networks have no gradient; valid: F32, F32Free, I8")]
    Binary,
    /// Weights that a learning rule moves while the network runs.
    #[error(
        "`plasticity`: gradients do not go through weights that a rule changes in an episode; \
         valid: `plasticity: []`, or evolution"
    )]
    Plastic,
    /// Two things whose sizes do not fit.
    #[error("{what} has {found} {unit}, but {expected} are needed: {reason}")]
    Shape {
        /// What has the wrong size.
        what: String,
        /// Its size.
        found: usize,
        /// In which unit.
        unit: &'static str,
        /// The size that fits.
        expected: usize,
        /// Why that size.
        reason: String,
    },
    /// A loss on the spikes of a network that has none.
    #[error(
        "losses on spikes and `activity` need a spiking network; \
         valid for Mlp(…): CrossEntropyMembrane, SquareMembrane"
    )]
    NoSpikes,
    /// A loss on the number of spikes, in continuous time.
    #[error(
        "losses on spikes need ticks, which Events(…) does not have; valid: CrossEntropyMembrane, SquareMembrane, \
         with the readout that the loss is meant for"
    )]
    NoTicks,
    /// Training of a network in continuous time in a world.
    #[error(
        "`controller`: Events(…) learns by gradient only from samples, in Classify and Regress; valid in a world: \
         evolution, or Snn(…) and Mlp(…)"
    )]
    EventsInWorld,
    /// A network in continuous time that cannot go on.
    #[error("sample {sample} of the batch, frame {frame}: {error}")]
    Events {
        /// Index of the sample in the batch.
        sample: usize,
        /// Frame of the sample, from 0.
        frame: usize,
        /// Why.
        error: EventsError,
    },
    /// A class that is not there.
    #[error("label {label} of sample {sample} is out of range; valid: 0 to {last}")]
    Label {
        /// Index of the sample in the batch.
        sample: usize,
        /// Label given.
        label: usize,
        /// Largest valid label.
        last: usize,
    },
    /// A setting outside its range, or not finite.
    #[error("`{field}` is {value}; valid: {range}")]
    OutOfRange {
        /// Name of the setting.
        field: &'static str,
        /// Value given.
        value: f64,
        /// The valid range in words.
        range: &'static str,
    },
    /// Something became infinite or no number.
    #[error("{what} of {layer} is not finite{}", place(*.tick, *.step))]
    NotFinite {
        /// `state`, `loss`, `gradient`, `parameter` or `input`.
        what: &'static str,
        /// Layer or block of parameters, as in the layout; `outputs` for the loss.
        layer: String,
        /// Tick of the sequence, from 0, if it is about a tick.
        tick: Option<usize>,
        /// Optimisation step, from 0, if it is known.
        step: Option<u64>,
    },
}

fn place(tick: Option<usize>, step: Option<u64>) -> String {
    let tick = tick.map(|tick| format!(" in tick {tick}")).unwrap_or_default();
    let step = step.map(|step| format!(" (step {step})")).unwrap_or_default();
    tick + &step
}

/// Refuses `value` of `field` unless `valid` holds and it is finite.
pub(super) fn check(
    field: &'static str,
    value: f64,
    valid: bool,
    range: &'static str,
) -> Result<(), GradientError> {
    if valid && value.is_finite() { Ok(()) } else { Err(GradientError::OutOfRange { field, value, range }) }
}

/// Refuses a slice of another length.
pub(super) fn check_length(
    what: &str,
    found: usize,
    expected: usize,
    reason: impl FnOnce() -> String,
) -> Result<(), GradientError> {
    if found == expected {
        return Ok(());
    }
    Err(GradientError::Shape { what: what.into(), found, unit: "values", expected, reason: reason() })
}

/// The error that parameter `at` of θ, or its gradient, is not finite.
pub(super) fn not_finite(layout: &Layout, what: &'static str, at: usize) -> GradientError {
    let block = layout.blocks().iter().find(|block| block.range().contains(&at));
    let layer = block.map_or_else(String::new, |block| block.name.clone());
    GradientError::NotFinite { what, layer, tick: None, step: None }
}

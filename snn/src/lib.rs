//! Populations of spiking controllers: network descriptions, flat parameter vectors and CPU
//! evaluators that step many individuals, each with its own weights.
//!
//! A [`ControllerConfig`] builds a [`Controller`]: the immutable description of a network with the
//! [`Layout`] of its parameters. An [`Evaluator`] made from it holds the weights and the state of
//! a number of *slots* and maps observations to actions.
//!
//! # Equations of the spiking network
//!
//! Let `x` be the observation (`inputs` values), constant over the `ticks` ticks of a control
//! step, and `sˡ[t]` the spikes (0 or 1) of hidden layer `l` in tick `t`. Each tick visits the
//! layers in order:
//!
//! ```text
//! I⁰[t] = x·W⁰ + b⁰       + s⁰[t−1]·R⁰      first layer, R only if recurrent
//! Iˡ[t] = sˡ⁻¹[t]·Wˡ      + sˡ[t−1]·Rˡ      later layers
//! sˡ[t] = neuron(Iˡ[t], state of layer l)   see the models in `neurons()`
//! r[t]  = a·r[t−1] + (1−a)·sᴸ[t]·V          leaky readout, a = readout_decay
//! action = tanh(r[last tick] + c)           in [−1, 1]
//! ```
//!
//! `sˡ[−1]` is the last tick of the previous control step: state persists between control steps
//! until [`Evaluator::reset`]. A spike crosses all layers within its tick and a recurrent
//! connection takes one tick.
//!
//! The discrete leaky integrate-and-fire neuron with input scaled by `1 − decay` follows Bellec
//! et al., "Long short-term memory and learning-to-learn in networks of spiking neurons"
//! (NeurIPS 2018), and Neftci, Mostafa and Zenke, "Surrogate gradient learning in spiking neural
//! networks" (IEEE Signal Processing Magazine 36, 2019, doi:10.1109/MSP.2019.2931595).
//!
//! # Parameters
//!
//! A search strategy sees one flat vector θ with entries of order 1. Weights are `scale · θ`, one
//! scale per block (for example `input_gain / √inputs`), and matrices are source-major:
//! `W[pre][post]` is entry `pre · cols + post` of its block.
//!
//! # Numerics
//!
//! Every sum runs in ascending order of the source index, starting at zero, without fused
//! multiply-add; vectors run over targets. So results depend neither on the width of the vector
//! unit nor on the number of slots nor on threads. `tanh` is the rational function [`tanh`].
//! Non-finite parameters or observations are not hidden: they end in non-finite actions, or in
//! neurons that never spike, and never in a panic.
//!
//! # Counting work
//!
//! [`Activity::synaptic_operations`] counts, per control step, the dense products of the
//! observation with the first layer once (`inputs · neurons`; the current is constant over the
//! ticks), plus, for each spike, the number of its targets: the neurons of its own layer if
//! recurrent, and the neurons of the next layer or the outputs. Biases are not counted.
//!
//! # Example
//!
//! ```
//! use snn::{ControllerConfig, SnnConfig};
//!
//! let controller = ControllerConfig::Snn(SnnConfig::default()).build(27, 8)?;
//! assert_eq!(controller.describe(), "snn 27-64r(lif)-8, 4 ticks, f32, 6408 parameters");
//!
//! let mut evaluator = controller.evaluator(2);
//! for slot in 0..2 {
//!     evaluator.load(slot, &vec![0.1; controller.layout().len()]);
//!     evaluator.reset(slot);
//! }
//! let mut actions = [0.0; 2 * 8];
//! evaluator.step(&[true, true], &[1.0; 2 * 27], &mut actions);
//! assert_eq!(actions[..8], actions[8..]);
//! # Ok::<(), snn::SnnError>(())
//! ```

mod activity;
mod config;
mod controller;
mod cpu;
mod error;
mod lanes;
mod layout;
mod mlp;
mod network;
mod neuron;
pub mod nir;
mod probe;

pub use activity::Activity;
pub use config::{Activation, ControllerConfig, HiddenLayer, LayerConfig, MlpConfig, Precision, SnnConfig};
pub use controller::{Controller, Evaluator};
pub use error::{MAX_NEURONS, MAX_TICKS, SnnError};
pub use lanes::tanh;
pub use layout::{Block, Layout};
pub use neuron::{NeuronInfo, NeuronParameters, ParameterInfo, Reset, StateInfo, neurons};
pub use probe::{LayerProbe, Probe, StateProbe};

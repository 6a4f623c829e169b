//! Populations of spiking controllers: network descriptions, flat parameter vectors and CPU
//! evaluators that step many individuals, each with its own weights.
//!
//! A [`ControllerConfig`] builds a [`Controller`]: the immutable description of a network with the
//! [`Layout`] of its parameters. An [`Evaluator`] made from it holds the weights and the state of
//! a number of *slots* and maps observations to actions.
//!
//! # Equations of the spiking network
//!
//! An encoder turns the observation into currents that are constant over the `ticks` ticks of a
//! control step, or into spikes of its own. Each tick visits the hidden layers in order, then the
//! readout:
//!
//! ```text
//! I_in  = Σ over projections from the encoder and from other layers: s·W   (+ b, first layer)
//! I_rec = s[t−1]·R                            the layer's own spikes, if recurrent
//! s, state = neuron(I_in, I_rec, state)       see the models in `neurons()`
//! r = readout(Σ sᴸ·V)                         a neuron that does not spike
//! action = tanh(decode(r) + c)                in [−1, 1]
//! ```
//!
//! A spike crosses to later layers within its tick; to its own and to earlier layers it takes one
//! tick, and axonal delays add to that. State persists between control steps until
//! [`Evaluator::reset`].
//!
//! # Parameters
//!
//! A search strategy sees one flat vector θ with entries of order 1, tiled by the named blocks of a
//! [`Layout`]:
//!
//! | block | shape | what |
//! | --- | --- | --- |
//! | `hidden.N.input` | sources × neurons | from the encoder (with a last row for the bias) or the layer before |
//! | `hidden.N.skip.SOURCE` | sources × neurons | from a further source |
//! | `hidden.N.recurrent` | neurons × neurons | within the layer |
//! | `hidden.N.parameter.NAME` | 1 × 1 or neurons | an evolved neuron parameter |
//! | `readout.weight`, `readout.skip.SOURCE` | neurons × outputs | to the readout |
//! | `readout.bias` | 1 × outputs | of the actions |
//! | `readout.parameter.NAME` | 1 × 1 or outputs | an evolved parameter of the readout |
//! | `BLOCK.hebbian.a` … `d`, `BLOCK.stdp.potentiation`, `.depression` | 1 × 1 or targets | coefficients of a [learning rule](Plasticity) |
//!
//! Weights are `scale · θ`, one scale per block (for example `input_gain / √sources`), and matrices
//! are source-major: `W[pre][post]` is entry `pre · cols + post` of its block. A sparse block has
//! entries for existing connections only.
//!
//! # Numerics
//!
//! In all precisions but [`Precision::F32Free`], weights, currents and states lie on grids on which
//! sums of spikes are exact in any order, and every other operation is rounded by itself, in the same
//! order, on CPU and GPU: the same bits come out, whatever the vector width, the number of slots or
//! threads, and the device. `tanh` is the rational function [`tanh`]. What ends this: a device that
//! does not round `+ − ×` to nearest as IEEE 754 asks (WGSL does not promise it; all known ones do),
//! or that flushes intermediate results below 2⁻¹²⁶ to zero where a model makes such.
//!
//! `F32Free` gives the same bits for any number of slots and threads on one CPU; on a GPU a spike may
//! differ where a membrane potential is within rounding of the threshold.
//!
//! Parameters that are not finite, and states that become so, are a [fault](Evaluator::fault), never
//! a panic or a silent number.
//!
//! # Counting work
//!
//! [`Activity::synaptic_operations`] counts, per control step, the products of the encoder's currents
//! with weights once (they are constant over the ticks), plus, for each spike, the number of its
//! targets. Biases are not counted, and neither are an encoder's own spikes.
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
//!     evaluator.reset(slot, 0);
//! }
//! let mut actions = [0.0; 2 * 8];
//! evaluator.step(&[true, true], &[1.0; 2 * 27], &mut actions)?;
//! assert_eq!(actions[..8], actions[8..]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests compare with the system's functions"))]

mod activity;
mod compiled;
mod config;
mod construct;
mod controller;
mod cpu;
mod decoder;
mod encoder;
mod energy;
mod equations;
mod error;
pub mod events;
mod gpu;
pub mod gradient;
mod host;
mod lanes;
mod layout;
mod mlp;
mod network;
mod neuron;
pub mod nir;
pub mod onnx;
mod output;
mod padded;
mod plasticity;
mod precision;
mod probe;
mod real;
mod scope;
mod spiking;
mod state;
mod switches;
#[allow(clippy::needless_range_loop, reason = "arrays of registers are indexed alike")]
mod vector;
mod weights;
mod wiring;

pub use activity::Activity;
pub use config::{
    Activation, Code, ControllerConfig, HiddenLayer, LayerConfig, MlpConfig, PopulationCode, Precision,
    SnnConfig,
};
pub use controller::{Controller, Evaluator, Resumable};
pub use decoder::*;
pub use encoder::*;
pub use equations::EquationError;
pub use error::{MAX_NEURONS, MAX_SOURCES, MAX_TICKS, MAX_WEIGHTS, SnnError};
pub use gpu::{BackendError, Gpu, GpuKernel};
pub use lanes::tanh;
pub use layout::{Block, Layout, Pairs};
pub use neuron::{NeuronInfo, ParameterInfo, StateInfo, check_model, model_text, neurons};
pub use plasticity::{LearningRule, Plasticity};
pub use probe::{LayerProbe, Probe, StateProbe};
pub use scope::Scope;
pub use state::NetworkState;
pub use switches::{ResetAt, ResetBy, SpikeFrom, Switches, SwitchesConfig};

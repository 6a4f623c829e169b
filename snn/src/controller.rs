//! The two interfaces that the trainer uses: network description and batched evaluator.

use rand::Rng;
use rand_distr::{Distribution as _, StandardNormal};

use crate::activity::Activity;
use crate::config::Precision;
use crate::gpu::{BackendError, Gpu};
use crate::layout::Layout;
use crate::nir::{Exported, NirError};
use crate::onnx::error::OnnxError;
use crate::onnx::graph::{Graph, Value};
use crate::probe::Probe;
use crate::state::NetworkState;

/// Immutable description of a network. One is shared by all threads; each thread makes its own
/// [`Evaluator`].
pub trait Controller: Send + Sync {
    /// Number of observations.
    fn inputs(&self) -> usize;

    /// Number of actions.
    fn outputs(&self) -> usize;

    /// Named parameter blocks of the flat vector.
    fn layout(&self) -> &Layout;

    /// A start of the search, of length `layout().len()`: each parameter is drawn from
    /// N(m, s²) with [`initial_mean`](crate::Block::initial_mean) and
    /// [`initial_std`](crate::Block::initial_std) of its block. Output weights and biases
    /// start at zero, so an untrained controller answers 0 to everything.
    fn initial(&self, rng: &mut dyn Rng) -> Vec<f32> {
        let mut parameters = vec![0.0; self.layout().len()];
        for block in self.layout().blocks() {
            parameters[block.range()].fill(block.initial_mean);
            if block.initial_std > 0.0 {
                for parameter in &mut parameters[block.range()] {
                    let normal: f32 = StandardNormal.sample(rng);
                    *parameter += block.initial_std * normal;
                }
            }
        }
        parameters
    }

    /// An evaluator of `slots` individuals, with zero weights and in the reset state.
    fn evaluator(&self, slots: usize) -> Box<dyn Evaluator> {
        self.resumable(slots)
    }

    /// The same, whose individuals may be left and gone on with.
    fn resumable(&self, slots: usize) -> Box<dyn Resumable>;

    /// As [`evaluator`](Self::evaluator), on a graphics adapter; `None` if the controller has no
    /// kernel (only spiking networks have one).
    ///
    /// # Errors
    /// If the population or the network is too large for the adapter.
    fn gpu_evaluator(&self, _gpu: &Gpu, _slots: usize) -> Option<Result<Box<dyn Evaluator>, BackendError>> {
        None
    }

    /// Whether an evaluator on a graphics adapter gives the same bits as one on the CPU.
    fn same_on_gpu(&self) -> bool {
        false
    }

    /// The controller in the terms of NIR, `dt` seconds per tick.
    ///
    /// # Errors
    /// [`NirError::Export`] with what NIR cannot carry.
    fn nir(&self, parameters: &[f32], dt: f64) -> Result<Exported, NirError>;

    /// Adds a control step to an ONNX graph: from the observation `x`, `[batch, inputs]` and within ±`clip`, to actions
    /// in [−1, 1], `[batch, outputs]`. What persists becomes [`State`](crate::onnx::State)s of the graph, and spikes
    /// become outputs `hidden.N.spikes`, `[batch, ticks, neurons]`.
    ///
    /// # Errors
    /// What ONNX cannot carry.
    ///
    /// # Panics
    /// If the length of `parameters` does not fit.
    fn onnx(&self, parameters: &[f32], graph: &mut Graph, x: &Value, clip: f32) -> Result<Value, OnnxError>;

    /// Estimated energy in picojoules of `activity`; see [`Activity::energy_pj`].
    fn energy_pj(&self, activity: &Activity) -> f64 {
        activity.energy_pj(Precision::F32)
    }

    /// One line with shape, model and size, such as
    /// `snn 27-64r(lif)-8, 4 ticks, f32, 6408 parameters`; `r` marks recurrent layers.
    fn describe(&self) -> String;
}

/// `slots` independent individuals of one [`Controller`], each with its own weights and state.
/// What happens in one slot never depends on another.
///
/// The methods panic on slot numbers and slice lengths that do not fit: these are errors of the
/// caller, not of the user.
pub trait Evaluator: Send {
    /// Number of individuals.
    fn slots(&self) -> usize;

    /// Copies the parameters of one individual, in the layout of the controller, and scales them
    /// to weights. The state stays as it is: call [`reset`](Self::reset) to begin an episode.
    ///
    /// # Panics
    /// If `slot` or the length of `parameters` does not fit.
    fn load(&mut self, slot: usize, parameters: &[f32]);

    /// Begins an episode of one individual: sets state and counters to their start values. `seed`
    /// draws what is random in it, such as the spikes of a rate encoder.
    ///
    /// # Panics
    /// If `slot` does not exist.
    fn reset(&mut self, slot: usize, seed: u64);

    /// Starts one control step of the active individuals. On a GPU this returns before the step is
    /// done, so that the caller can do something else meanwhile.
    ///
    /// `active` and `rewards` have `slots` entries and `observations` is `[slots × inputs]`,
    /// slot-major. `rewards` are those of the step before, 0 in the first; only plasticity reads
    /// them. State and counters of inactive slots stay untouched.
    ///
    /// # Panics
    /// If a slice has another length.
    fn begin(&mut self, active: &[bool], observations: &[f32], rewards: &[f32]);

    /// Waits for the step begun last and writes the actions of the active individuals to `actions`,
    /// `[slots × outputs]`. Actions are in [−1, 1]; those of an individual with a
    /// [`fault`](Self::fault) mean nothing.
    ///
    /// # Errors
    /// If the device was lost, or its driver has ended the kernel early; never on the CPU.
    ///
    /// # Panics
    /// If `actions` has another length.
    fn finish(&mut self, active: &[bool], actions: &mut [f32]) -> Result<(), BackendError>;

    /// [`begin`](Self::begin) and [`finish`](Self::finish) without rewards.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    fn step(
        &mut self,
        active: &[bool],
        observations: &[f32],
        actions: &mut [f32],
    ) -> Result<(), BackendError> {
        self.begin(active, observations, &vec![0.0; active.len()]);
        self.finish(active, actions)
    }

    /// Whether one individual cannot go on: its parameters are not finite, or a state has become
    /// infinite or no number since its reset.
    ///
    /// # Panics
    /// If `slot` does not exist.
    fn fault(&self, slot: usize) -> bool;

    /// Records what happens in each tick of one individual from now on, for
    /// [`LayerProbe::traces`](crate::LayerProbe::traces); `None` stops it.
    ///
    /// # Errors
    /// If the device cannot; never on the CPU.
    fn watch(&mut self, slot: Option<usize>) -> Result<(), BackendError>;

    /// Work done by one individual since its reset.
    ///
    /// # Panics
    /// If `slot` does not exist.
    fn activity(&self, slot: usize) -> Activity;

    /// Writes the inner state of one individual to `probe`: the spikes of each tick of its last
    /// control step and the state variables after it. Buffers in `probe` are reused.
    ///
    /// # Errors
    /// If the device was lost; never on the CPU.
    ///
    /// # Panics
    /// If `slot` does not exist.
    fn probe(&self, slot: usize, probe: &mut Probe) -> Result<(), BackendError>;
}

/// An [`Evaluator`] that says what its individuals remember, and goes on from there.
pub trait Resumable: Evaluator {
    /// What one individual remembers between control steps. Weights that have changed in its episode are not part
    /// of it.
    ///
    /// # Panics
    /// If `slot` does not exist.
    fn state(&self, slot: usize) -> NetworkState;

    /// Goes on with an episode, of this slot or another one, from what [`state`](Self::state) gave; `seed` as in
    /// [`reset`](Evaluator::reset). Counters begin at 0.
    ///
    /// # Panics
    /// If `slot` does not exist or `state` is one of another network.
    fn resume(&mut self, slot: usize, state: &NetworkState, seed: u64);
}

/// Checks the lengths given to [`Evaluator::begin`].
pub(crate) fn check_step(slots: usize, inputs: usize, active: &[bool], observations: &[f32]) {
    assert_eq!(active.len(), slots, "`active` has one entry per slot");
    assert_eq!(observations.len(), slots * inputs, "`observations` is slots × inputs");
}

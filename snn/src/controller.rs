//! The two interfaces that the trainer uses: network description and batched evaluator.

use rand::Rng;
use rand_distr::{Distribution as _, StandardNormal};

use crate::activity::Activity;
use crate::layout::Layout;
use crate::probe::Probe;

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
    /// N(0, [`initial_std`](crate::Block::initial_std)²) of its block. Output weights and biases
    /// start at zero, so an untrained controller answers 0 to everything.
    fn initial(&self, rng: &mut dyn Rng) -> Vec<f32> {
        let mut parameters = vec![0.0; self.layout().len()];
        for block in self.layout().blocks() {
            if block.initial_std > 0.0 {
                for parameter in &mut parameters[block.range()] {
                    let normal: f32 = StandardNormal.sample(rng);
                    *parameter = block.initial_std * normal;
                }
            }
        }
        parameters
    }

    /// An evaluator of `slots` individuals, with zero weights and in the reset state.
    fn evaluator(&self, slots: usize) -> Box<dyn Evaluator>;

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

    /// Sets the state and the activity counters of one individual to their start values.
    ///
    /// # Panics
    /// If `slot` does not exist.
    fn reset(&mut self, slot: usize);

    /// One control step of the active individuals.
    ///
    /// `active` has `slots` entries, `observations` is `[slots × inputs]` and `actions`
    /// `[slots × outputs]`, both slot-major. Actions are in [−1, 1] (NaN if parameters or
    /// observations are not finite). Actions, state and counters of inactive slots stay
    /// untouched.
    ///
    /// # Panics
    /// If a slice has another length.
    fn step(&mut self, active: &[bool], observations: &[f32], actions: &mut [f32]);

    /// Work done by one individual since its reset.
    ///
    /// # Panics
    /// If `slot` does not exist.
    fn activity(&self, slot: usize) -> Activity;

    /// Writes the inner state of one individual to `probe`: the spikes of each tick of its last
    /// control step and the state variables after it. Buffers in `probe` are reused.
    ///
    /// # Panics
    /// If `slot` does not exist.
    fn probe(&self, slot: usize, probe: &mut Probe);
}

/// Checks the lengths given to [`Evaluator::step`].
pub(crate) fn check_step(
    slots: usize,
    (inputs, outputs): (usize, usize),
    active: &[bool],
    observations: &[f32],
    actions: &[f32],
) {
    assert_eq!(active.len(), slots, "`active` has one entry per slot");
    assert_eq!(observations.len(), slots * inputs, "`observations` is slots × inputs");
    assert_eq!(actions.len(), slots * outputs, "`actions` is slots × outputs");
}

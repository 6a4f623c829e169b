//! The contract of a task: one robot, one goal, written for a single world in plain numbers.
//!
//! A task is immutable and shared by all worlds of a batch. What it must remember between steps (a
//! previous position, a target) lives in `memory`, so that saving and restoring is nobody's work.
//! Time limits, batches, resets and changes of the environment are wrappers, never task code.

use std::sync::Arc;

use rand::Rng;
use sim::{EngineKind, Model, Sensor, StepOptions, WorldView};

use crate::{Channel, Descriptor, EnvError, Fidelity, Spec};

/// Whose list of observations a task gives, where they differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Observations {
    /// Gymnasium's, with forces where it has them.
    Gymnasium,
    /// Brax's.
    Brax,
    /// Positions and velocities of the joints alone.
    Joints,
}

/// Whose version of a detail is meant, where Gymnasium and Brax differ; see [`crate::variants`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Variant {
    /// As in Gymnasium 1.4, version 5 of the tasks.
    Gymnasium,
    /// As in Brax 0.14.
    Brax,
}

impl Observations {
    /// Refuses a list that a task does not have.
    pub(crate) fn one_of(
        self,
        env: &'static str,
        valid: &[Self],
        expected: &'static str,
    ) -> Result<(), EnvError> {
        if valid.contains(&self) {
            return Ok(());
        }
        Err(EnvError::Config { env, field: "observations", value: format!("{self:?}"), expected })
    }
}

/// Something that may be asked of the robot while an episode runs, such as a speed: an entry of the
/// task's memory that a [change](crate::Effect::Target) may set.
#[derive(Clone, Debug, PartialEq)]
pub struct Goal {
    /// Name, unit and range.
    pub channel: Channel,
    /// Index into the memory.
    pub memory: usize,
}

/// What makes an episode of a task a success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aim {
    /// What must hold, such as "the box is within 0.03 m of the target".
    pub what: &'static str,
    /// In each of how many control steps at the end of the episode, at least 1.
    pub steps: usize,
}

/// A task on one robot.
pub trait Task: Send + Sync {
    /// Names, ranges, units, horizon.
    fn spec(&self) -> &Spec;

    /// The robot and its surroundings.
    fn model(&self) -> &Arc<Model>;

    /// Sensors that [`Task::observe`] and [`Task::step`] read, in this order.
    fn sensors(&self) -> Vec<Sensor> {
        Vec::new()
    }

    /// Goals that may change. [`Task::observe`] and [`Task::step`] take them from the memory.
    fn goals(&self) -> Vec<Goal> {
        Vec::new()
    }

    /// What tells one way of behaving from another over an episode, for quality diversity: where the robot ends, how
    /// high it is, what touches the ground; see [`Descriptor::of_robot`].
    fn descriptors(&self) -> Vec<Descriptor> {
        Descriptor::of_robot(self.model(), self.spec())
    }

    /// Physics settings for an engine, whether or not it can do all that the model asks for. An
    /// iteration is one of the engine's own: for lanes, a Gauss-Seidel sweep over the constraints.
    fn physics(&self, engine: EngineKind, fidelity: Fidelity) -> StepOptions {
        self.spec().physics.options(engine, fidelity)
    }

    /// What makes an episode a success; none for a task whose return says all.
    fn aim(&self) -> Option<Aim> {
        None
    }

    /// Whether what the [aim](Task::aim) asks for holds after a step that [`Task::step`] has scored.
    fn at_aim(&self, _world: &WorldView<'_>, _memory: &[f32]) -> bool {
        false
    }

    /// Draws a start state. `qpos` holds the model's reference configuration on entry, `qvel` and
    /// `memory` hold zeros.
    fn reset(&self, rng: &mut dyn Rng, qpos: &mut [f32], qvel: &mut [f32], memory: &mut [f32]);

    /// Writes the observation, length `spec().observations.len()`.
    fn observe(&self, world: &WorldView<'_>, memory: &[f32], obs: &mut [f32]);

    /// Observes again what depends on the shape of the ground, where a [change](crate::Effect::Terrain)
    /// has put another one under the robot: `height(x, y)`, m, in the frame of `world`. A task that
    /// observes nothing of the kind does nothing.
    fn look(&self, _world: &WorldView<'_>, _height: &dyn Fn(f64, f64) -> f64, _obs: &mut [f32]) {}

    /// Turns an action (already clipped to its range) into the model's controls.
    fn control(&self, action: &[f32], ctrl: &mut [f32]) {
        ctrl.copy_from_slice(action);
    }

    /// Scores the step that has just been made: writes the reward terms in the order of
    /// `spec().terms` and returns whether the episode has terminated.
    fn step(&self, world: &WorldView<'_>, action: &[f32], memory: &mut [f32], terms: &mut [f32]) -> bool;
}

/// A world without sensors or changes, for tests of reward terms.
#[cfg(test)]
pub(crate) fn world<'a>(qpos: &'a [f32], qvel: &'a [f32]) -> WorldView<'a> {
    WorldView { qpos, qvel, sensors: &[], parameters: None }
}

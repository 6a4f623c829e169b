//! What an engine does for a batch of worlds, and the arrays that it does it on.

use crate::jacobian::{Jacobian, Parameter};
use crate::{Contact, Model, Parameters, Sensor, WorldView};

/// A world faster than this (m/s, rad/s) has blown up.
pub(crate) const MAX_RATE: f32 = 1e3;
/// A world farther out than this (m, rad) has blown up.
pub(crate) const MAX_POSITION: f32 = 1e5;

/// Mutable access to one world's arrays.
pub(crate) struct Row<'a> {
    pub qpos: &'a mut [f32],
    pub qvel: &'a mut [f32],
    pub sensors: &'a mut [f32],
    pub bad: &'a mut bool,
}

/// The arrays of all worlds, `[world][coordinate]`.
pub(crate) struct State {
    nq: usize,
    nv: usize,
    ns: usize,
    qpos: Vec<f32>,
    qvel: Vec<f32>,
    sensors: Vec<f32>,
    bad: Vec<bool>,
}

impl State {
    pub(crate) fn new(model: &Model, n: usize, sensors: &[Sensor]) -> Self {
        let (nq, nv, ns) = (model.nq(), model.nv(), sensors.iter().map(|s| s.len()).sum());
        Self {
            nq,
            nv,
            ns,
            qpos: vec![0.0; n * nq],
            qvel: vec![0.0; n * nv],
            sensors: vec![0.0; n * ns],
            bad: vec![false; n],
        }
    }

    pub(crate) fn row(&mut self, world: usize) -> Row<'_> {
        Row {
            qpos: &mut self.qpos[world * self.nq..(world + 1) * self.nq],
            qvel: &mut self.qvel[world * self.nv..(world + 1) * self.nv],
            sensors: &mut self.sensors[world * self.ns..(world + 1) * self.ns],
            bad: &mut self.bad[world],
        }
    }

    /// Number of worlds.
    pub(crate) fn len(&self) -> usize {
        self.bad.len()
    }

    pub(crate) fn view(&self, world: usize) -> WorldView<'_> {
        WorldView {
            qpos: &self.qpos[world * self.nq..(world + 1) * self.nq],
            qvel: &self.qvel[world * self.nv..(world + 1) * self.nv],
            sensors: &self.sensors[world * self.ns..(world + 1) * self.ns],
            parameters: None,
        }
    }

    /// Whether a world blew up in its last step.
    pub(crate) fn bad(&self, world: usize) -> bool {
        self.bad[world]
    }
}

/// A step that is to be differentiated.
pub(crate) struct Ask<'a> {
    pub active: &'a [bool],
    /// As for [`Engine::step`].
    pub controls: &'a [f32],
    /// Of each world, as they are.
    pub constants: &'a [Parameters],
    /// Which of them are inputs.
    pub parameters: &'a [Parameter],
}

/// What an engine does for a batch. Worlds are independent of each other, and their bits of the batch.
pub(crate) trait Engine: Send {
    /// Starts `world` anew from `row.qpos` and `row.qvel`; fills `row.sensors`, clears `row.bad`.
    fn reset(&mut self, world: usize, row: Row<'_>);
    /// Changes `world`'s parameters, which have been checked; its state stays.
    fn configure(&mut self, world: usize, parameters: &Parameters);
    /// One control step of every active world.
    fn step(&mut self, active: &[bool], controls: &[f32], state: &mut State);
    /// Derivatives of the step that [`Engine::step`] would do, of every active world, without doing it; false, and
    /// nothing is done, if the engine has none.
    fn jacobians(&mut self, _ask: &Ask<'_>, _out: &mut [Jacobian]) -> bool {
        false
    }
    /// Contacts of `world` that press; points where they are now, forces of the last physics step.
    fn contacts(&self, world: usize) -> Vec<Contact>;
    /// As [`Worlds::solver_residual`](crate::Worlds::solver_residual).
    fn solver_residual(&self, _world: usize) -> Option<f32> {
        None
    }
    /// The engine's own state of `world`, warm-start forces included.
    fn snapshot(&self, world: usize) -> EngineSnapshot;
    /// Puts back what [`Engine::snapshot`] took.
    fn restore(&mut self, world: usize, snapshot: &EngineSnapshot);
}

/// An engine's state of one world, opaque to everyone else.
pub(crate) struct EngineSnapshot(Box<dyn std::any::Any + Send + Sync>);

impl EngineSnapshot {
    pub(crate) fn new<T: Send + Sync + 'static>(state: T) -> Self {
        Self(Box::new(state))
    }

    pub(crate) fn get<T: 'static>(&self) -> &T {
        self.0.downcast_ref().expect("a snapshot returns to the kind of engine that took it")
    }
}

//! A batch of worlds of one model, in MuJoCo's layout, behind which an engine does the physics.
//!
//! The batch is the primitive: state lives in plain arrays, `[world][coordinate]`, so that callers
//! never see an engine's types. Worlds are independent: a world's trajectory does not depend on its
//! neighbours, on the batch's size or on the number of threads.

use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::rapier::RapierEngine;
use crate::{Model, SimError};

/// A world faster than this (m/s, rad/s) has blown up.
pub(crate) const MAX_RATE: f32 = 1e3;
/// A world farther out than this (m, rad) has blown up.
pub(crate) const MAX_POSITION: f32 = 1e5;

/// Which engine steps the worlds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum EngineKind {
    /// rapier3d multibodies, one rapier world per world: the general engine.
    #[default]
    Rapier,
    /// Our own engine: one world per lane of a SIMD register, MuJoCo's equations.
    Lanes,
}

impl EngineKind {
    /// Every engine.
    pub const ALL: [Self; 2] = [Self::Rapier, Self::Lanes];

    /// Name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rapier => "rapier",
            Self::Lanes => "lanes",
        }
    }

    /// Number of worlds that one thread steps at the lowest cost per world.
    #[must_use]
    pub fn batch(self) -> usize {
        match self {
            // One rapier world fits the caches; more would evict each other.
            Self::Rapier => 1,
            Self::Lanes => crate::lanes::WIDTH,
        }
    }
}

/// How the worlds are stepped.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepOptions {
    /// Engine.
    pub engine: EngineKind,
    /// Physics step in seconds.
    pub timestep: f64,
    /// Physics steps per control step.
    pub substeps: usize,
    /// Solver iterations per physics step.
    pub iterations: usize,
}

impl StepOptions {
    /// Duration of a control step in seconds.
    #[must_use]
    pub fn control_dt(&self) -> f64 {
        self.timestep * self.substeps as f64
    }

    fn validate(&self) -> Result<(), SimError> {
        let positive = "a finite number above 0";
        if !(self.timestep.is_finite() && self.timestep > 0.0) {
            return Err(SimError::Setting { setting: "timestep", value: self.timestep, expected: positive });
        }
        for (setting, value) in [("substeps", self.substeps), ("iterations", self.iterations)] {
            if value == 0 {
                return Err(SimError::Setting { setting, value: 0.0, expected: "at least 1" });
            }
        }
        Ok(())
    }
}

/// A quantity beside `qpos` and `qvel` that the worlds compute after every step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sensor {
    /// Position of a body's frame in the world, m; 3 values.
    Position(usize),
    /// Orientation of a body's frame in the world, `[w, x, y, z]`; 4 values.
    Orientation(usize),
    /// Velocity of a body's centre of mass in the world, m/s; 3 values.
    Velocity(usize),
    /// Angular velocity of a body in the world frame, rad/s; 3 values.
    AngularVelocity(usize),
    /// Sum of the contact forces on a body, world frame, N, mean over the last physics step; 3 values.
    ContactForce(usize),
    /// Sum of the moments of the contact forces on a body about the origin of its frame, world axes,
    /// N·m, mean over the last physics step; 3 values.
    ContactTorque(usize),
    /// Sum of the normal forces of all contacts of a body, N, mean over the last physics step; 1 value.
    Touch(usize),
}

impl Sensor {
    /// The body that it is about.
    #[must_use]
    pub fn body(self) -> usize {
        let (Self::Position(body)
        | Self::Orientation(body)
        | Self::Velocity(body)
        | Self::AngularVelocity(body)
        | Self::ContactForce(body)
        | Self::ContactTorque(body)
        | Self::Touch(body)) = self;
        body
    }

    /// Number of values.
    #[must_use]
    pub fn len(self) -> usize {
        match self {
            Self::Orientation(_) => 4,
            Self::Touch(_) => 1,
            _ => 3,
        }
    }

    /// Never: every sensor has values.
    #[must_use]
    pub fn is_empty(self) -> bool {
        false
    }
}

/// Physical changes of one world relative to its model. They hold until the next change, across resets.
///
/// In the lanes engine the softness of contacts and limits keeps following the unchanged model's
/// inertia, as in MuJoCo when fields of a compiled model are changed; in rapier they are springs of a
/// given frequency, which follow the changed mass.
#[derive(Debug, PartialEq)]
pub struct Parameters {
    /// Factor on mass and inertia, per body, finite and above 0; entry 0 (the world) is not used.
    pub mass: Vec<f32>,
    /// Factor on all friction coefficients, finite and at least 0.
    pub friction: f32,
    /// Factor on the gear, per actuator, finite; 0 is a broken motor.
    pub gear: Vec<f32>,
    /// Gravity, m/s².
    pub gravity: [f32; 3],
    /// Force from outside on each body's (unchanged) centre of mass, in the world's axes, finite, N,
    /// during every physics step; entry 0 (the world) is not used. Rapier leaves out the part across
    /// the plane of a robot that can only move in one, which the robot would not feel.
    pub force: Vec<[f32; 3]>,
    /// Torque from outside on each body, as `force`, N·m. Of a robot that can only move in a plane,
    /// rapier keeps the part that turns it within the plane.
    pub torque: Vec<[f32; 3]>,
}

impl Clone for Parameters {
    fn clone(&self) -> Self {
        let (mass, gear) = (self.mass.clone(), self.gear.clone());
        let (force, torque) = (self.force.clone(), self.torque.clone());
        Self { mass, gear, force, torque, ..*self }
    }

    /// Into the room that is there: parameters may change in every step.
    fn clone_from(&mut self, from: &Self) {
        let Self { mass, friction, gear, gravity, force, torque } = from;
        self.mass.clone_from(mass);
        self.gear.clone_from(gear);
        self.force.clone_from(force);
        self.torque.clone_from(torque);
        (self.friction, self.gravity) = (*friction, *gravity);
    }
}

impl Parameters {
    /// The model as it is.
    #[must_use]
    pub fn nominal(model: &Model) -> Self {
        Self {
            mass: vec![1.0; model.bodies.len()],
            friction: 1.0,
            gear: vec![1.0; model.nu()],
            gravity: model.option.gravity.map(|g| g as f32),
            force: vec![[0.0; 3]; model.bodies.len()],
            torque: vec![[0.0; 3]; model.bodies.len()],
        }
    }

    /// Bodies that are pushed or turned from outside, with force and torque.
    pub(crate) fn pushed(&self) -> impl Iterator<Item = (usize, [f32; 3], [f32; 3])> {
        let efforts = self.force.iter().zip(&self.torque).enumerate().skip(1);
        let efforts = efforts.map(|(body, (&force, &torque))| (body, force, torque));
        efforts.filter(|(_, force, torque)| force.iter().chain(torque).any(|&x| x != 0.0))
    }

    fn validate(&self, model: &Model) -> Result<(), SimError> {
        for (what, got, expected) in [
            ("parameters.mass", self.mass.len(), model.bodies.len()),
            ("parameters.gear", self.gear.len(), model.nu()),
            ("parameters.force", self.force.len(), model.bodies.len()),
            ("parameters.torque", self.torque.len(), model.bodies.len()),
        ] {
            if got != expected {
                return Err(SimError::Length { what, got, expected });
            }
        }
        let check = |setting: &'static str, value: f32, valid: bool, expected: &'static str| {
            if valid { Ok(()) } else { Err(SimError::Setting { setting, value: f64::from(value), expected }) }
        };
        for &mass in &self.mass {
            check("parameters.mass", mass, mass.is_finite() && mass > 0.0, "a finite factor above 0")?;
        }
        let friction = self.friction;
        let valid = friction.is_finite() && friction >= 0.0;
        check("parameters.friction", friction, valid, "a finite factor of at least 0")?;
        for &gear in &self.gear {
            check("parameters.gear", gear, gear.is_finite(), "a finite factor")?;
        }
        for &gravity in &self.gravity {
            check("parameters.gravity", gravity, gravity.is_finite(), "a finite acceleration")?;
        }
        for &force in self.force.iter().flatten() {
            check("parameters.force", force, force.is_finite(), "a finite force")?;
        }
        for &torque in self.torque.iter().flatten() {
            check("parameters.torque", torque, torque.is_finite(), "a finite torque")?;
        }
        Ok(())
    }
}

/// One world's state after its last reset or step.
#[derive(Clone, Copy, Debug)]
pub struct WorldView<'a> {
    /// Positions, length `nq`.
    pub qpos: &'a [f32],
    /// Velocities, length `nv`.
    pub qvel: &'a [f32],
    /// Values of the declared sensors, one after the other.
    pub sensors: &'a [f32],
}

/// A point where two bodies press against each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contact {
    /// The two bodies; 0 is the world.
    pub bodies: [usize; 2],
    /// Where, in the world, m.
    pub position: [f32; 3],
    /// Force on the second body, friction included, mean over the last physics step, N; the first body
    /// feels the opposite.
    pub force: [f32; 3],
}

/// Mutable access to one world's arrays, for engines.
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
            // A row for every world even of what has no entries, see `par_rows_mut`.
            qpos: vec![0.0; n * nq.max(1)],
            qvel: vec![0.0; n * nv.max(1)],
            sensors: vec![0.0; n * ns.max(1)],
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

    pub(crate) fn rows_mut(&mut self) -> impl Iterator<Item = Row<'_>> {
        let (nq, nv, ns) = (self.nq, self.nv, self.ns);
        // `max(1)`: a chunk size of zero panics, and a model may have no sensors or no joints.
        let qpos = self.qpos.chunks_mut(nq.max(1));
        let rates = qpos.zip(self.qvel.chunks_mut(nv.max(1)));
        let rest = self.sensors.chunks_mut(ns.max(1)).zip(&mut self.bad);
        rates.zip(rest).map(move |((qpos, qvel), (sensors, bad))| Row {
            qpos: &mut qpos[..nq],
            qvel: &mut qvel[..nv],
            sensors: &mut sensors[..ns],
            bad,
        })
    }

    /// The same for several threads.
    pub(crate) fn par_rows_mut(&mut self) -> impl IndexedParallelIterator<Item = Row<'_>> {
        let (nq, nv, ns) = (self.nq, self.nv, self.ns);
        let qpos = self.qpos.par_chunks_mut(nq.max(1));
        let rates = qpos.zip(self.qvel.par_chunks_mut(nv.max(1)));
        let rest = self.sensors.par_chunks_mut(ns.max(1)).zip(&mut self.bad);
        rates.zip(rest).map(move |((qpos, qvel), (sensors, bad))| Row {
            qpos: &mut qpos[..nq],
            qvel: &mut qvel[..nv],
            sensors: &mut sensors[..ns],
            bad,
        })
    }
}

/// What an engine does for a batch.
pub(crate) trait Engine: Send {
    /// Starts `world` anew from `row.qpos` and `row.qvel`; fills `row.sensors`, clears `row.bad`.
    fn reset(&mut self, world: usize, row: Row<'_>);
    /// Changes `world`'s parameters, which have been checked; its state stays.
    fn configure(&mut self, world: usize, parameters: &Parameters);
    /// One control step of every active world.
    fn step(&mut self, active: &[bool], controls: &[f32], state: &mut State);
    /// Contacts of `world` that press; see [`Worlds::contacts`].
    fn contacts(&self, world: usize) -> Vec<Contact>;
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

/// One world's complete state; continuing from it gives the same bits.
pub struct Snapshot {
    qpos: Vec<f32>,
    qvel: Vec<f32>,
    sensors: Vec<f32>,
    bad: bool,
    parameters: Parameters,
    engine: EngineSnapshot,
    kind: EngineKind,
}

/// `n` independent worlds of one model.
pub struct Worlds {
    model: Arc<Model>,
    options: StepOptions,
    parameters: Vec<Parameters>,
    state: State,
    engine: Box<dyn Engine>,
}

impl Worlds {
    /// Creates `n` worlds in the model's reference configuration, at rest.
    ///
    /// # Errors
    /// [`SimError::Setting`] if a step option is out of range, [`SimError::Unsupported`] if the
    /// engine lacks something that the model needs.
    pub fn new(
        model: &Arc<Model>,
        n: usize,
        options: StepOptions,
        sensors: &[Sensor],
    ) -> Result<Self, SimError> {
        options.validate()?;
        let state = State::new(model, n, sensors);
        let engine: Box<dyn Engine> = match options.engine {
            EngineKind::Rapier => Box::new(RapierEngine::new(model, n, options, sensors)?),
            EngineKind::Lanes => crate::lanes::engine(model, n, options, sensors)?,
        };
        let parameters = vec![Parameters::nominal(model); n];
        let mut worlds = Self { model: Arc::clone(model), options, parameters, state, engine };
        let qpos: Vec<f32> = model.qpos0.iter().map(|&x| x as f32).collect();
        let qvel = vec![0.0; model.nv()];
        for world in 0..n {
            worlds.reset(world, &qpos, &qvel);
        }
        Ok(worlds)
    }

    /// Number of worlds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.state.bad.len()
    }

    /// Whether there is no world.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The model of all worlds.
    #[must_use]
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// How the worlds are stepped.
    #[must_use]
    pub fn options(&self) -> &StepOptions {
        &self.options
    }

    /// Starts a world anew, without warm-start forces; quaternions are normalised.
    ///
    /// # Panics
    /// If `world` is out of range, `qpos` is not of length `nq` or `qvel` not of length `nv`.
    pub fn reset(&mut self, world: usize, qpos: &[f32], qvel: &[f32]) {
        let row = self.state.row(world);
        row.qpos.copy_from_slice(qpos);
        row.qvel.copy_from_slice(qvel);
        for joint in &self.model.joints {
            let at = match joint.kind {
                crate::JointKind::Free => joint.qpos_adr + 3,
                crate::JointKind::Ball => joint.qpos_adr,
                crate::JointKind::Slide | crate::JointKind::Hinge => continue,
            };
            let quat = &mut row.qpos[at..at + 4];
            let norm = quat.iter().map(|x| x * x).sum::<f32>().sqrt();
            if norm > 0.0 {
                quat.iter_mut().for_each(|x| *x /= norm);
            } else {
                quat.copy_from_slice(&[1.0, 0.0, 0.0, 0.0]);
            }
        }
        self.engine.reset(world, row);
    }

    /// How `world` differs from the model.
    #[must_use]
    pub fn parameters(&self, world: usize) -> &Parameters {
        &self.parameters[world]
    }

    /// Changes the physics of `world` from its next step on; its state stays.
    ///
    /// # Errors
    /// [`SimError::Length`] or [`SimError::Setting`] if `parameters` do not fit the model.
    ///
    /// # Panics
    /// If `world` is out of range.
    pub fn set_parameters(&mut self, world: usize, parameters: &Parameters) -> Result<(), SimError> {
        if self.parameters[world] != *parameters {
            parameters.validate(&self.model)?;
            self.parameters[world].clone_from(parameters);
            self.engine.configure(world, parameters);
        }
        Ok(())
    }

    /// One control step of every world whose entry in `active` is true. `controls` is
    /// `[world][actuator]`; each is clamped to its range, NaN counts as 0.
    ///
    /// # Panics
    /// If `active` is not of length [`Worlds::len`] or `controls` not of length `len × nu`.
    pub fn step(&mut self, active: &[bool], controls: &[f32]) {
        assert_eq!(active.len(), self.len(), "one entry in `active` per world");
        assert_eq!(controls.len(), self.len() * self.model.nu(), "one control per world and actuator");
        self.engine.step(active, controls, &mut self.state);
    }

    /// The state of a world after its last reset or step.
    #[must_use]
    pub fn view(&self, world: usize) -> WorldView<'_> {
        let s = &self.state;
        WorldView {
            qpos: &s.qpos[world * s.nq..(world + 1) * s.nq],
            qvel: &s.qvel[world * s.nv..(world + 1) * s.nv],
            sensors: &s.sensors[world * s.ns..(world + 1) * s.ns],
        }
    }

    /// Whether a world blew up in its last step: non-finite or absurdly fast or far. Its state is
    /// then of no use until the next reset.
    #[must_use]
    pub fn bad(&self, world: usize) -> bool {
        self.state.bad[world]
    }

    /// Where the bodies of a world press against each other, with the forces of its last physics step;
    /// none right after a reset. For looking on: it allocates.
    ///
    /// # Panics
    /// If `world` is out of range.
    #[must_use]
    pub fn contacts(&self, world: usize) -> Vec<Contact> {
        assert!(world < self.len(), "world {world} of {}", self.len());
        self.engine.contacts(world)
    }

    /// Saves a world.
    #[must_use]
    pub fn snapshot(&self, world: usize) -> Snapshot {
        let view = self.view(world);
        Snapshot {
            qpos: view.qpos.to_vec(),
            qvel: view.qvel.to_vec(),
            sensors: view.sensors.to_vec(),
            bad: self.bad(world),
            parameters: self.parameters[world].clone(),
            engine: self.engine.snapshot(world),
            kind: self.options.engine,
        }
    }

    /// Puts a saved world back, in any place of any batch of the same model and engine.
    ///
    /// # Panics
    /// If the snapshot is of another model or engine.
    pub fn restore(&mut self, world: usize, snapshot: &Snapshot) {
        assert_eq!(snapshot.kind, self.options.engine, "snapshot of another engine");
        let row = self.state.row(world);
        row.qpos.copy_from_slice(&snapshot.qpos);
        row.qvel.copy_from_slice(&snapshot.qvel);
        row.sensors.copy_from_slice(&snapshot.sensors);
        *row.bad = snapshot.bad;
        self.parameters[world].clone_from(&snapshot.parameters);
        self.engine.configure(world, &snapshot.parameters);
        self.engine.restore(world, &snapshot.engine);
    }
}

/// What an engine cannot do of what a model asks for, one entry each; empty if it can do it all.
#[must_use]
pub fn unsupported(model: &Model, engine: EngineKind) -> Vec<String> {
    match engine {
        EngineKind::Rapier => crate::rapier::missing(model),
        EngineKind::Lanes => crate::lanes::missing(model),
    }
}

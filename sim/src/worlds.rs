//! A batch of worlds of one model, in MuJoCo's layout, behind which an engine does the physics.
//!
//! The batch is the primitive: state lives in plain arrays, `[world][coordinate]`, so that callers
//! never see an engine's types. Worlds are independent: a world's trajectory does not depend on its
//! neighbours or on the batch's size. A batch is stepped on the caller's thread; callers that want
//! more threads have a batch on each.

use std::sync::Arc;

use crate::engine::{Ask, Engine, EngineSnapshot, State};
use crate::jacobian::{Jacobian, Parameter};
use crate::{
    Contact, EngineKind, JointKind, Model, Parameters, Sensor, SimError, StepOptions, WorldView, registry,
};

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
        let engine = registry::make(model, n, options, sensors)?;
        Ok(Self::around(engine, model, n, options, sensors))
    }

    /// Worlds that `engine` steps, in the model's reference configuration, at rest.
    fn around(
        engine: Box<dyn Engine>,
        model: &Arc<Model>,
        n: usize,
        options: StepOptions,
        sensors: &[Sensor],
    ) -> Self {
        let state = State::new(model, n, sensors);
        let parameters = vec![Parameters::nominal(model); n];
        let mut worlds = Self { model: Arc::clone(model), options, parameters, state, engine };
        let qpos: Vec<f32> = model.qpos0.iter().map(|&x| x as f32).collect();
        let qvel = vec![0.0; model.nv()];
        for world in 0..n {
            worlds.reset(world, &qpos, &qvel);
        }
        worlds
    }

    /// Number of worlds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.state.len()
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
                JointKind::Free => joint.qpos_adr + 3,
                JointKind::Ball => joint.qpos_adr,
                JointKind::Slide | JointKind::Hinge => continue,
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

    /// [`Worlds::step`] that also tells how its outcome changes with what went in: the derivatives of the coordinates,
    /// velocities and sensors after the control step by those before it, by the controls and by `parameters`. The step
    /// is the same, bit for bit. `jacobians` has an entry per world; those of active worlds are written.
    ///
    /// The derivatives are those of the computation as it runs, in single precision and by dual numbers, through all
    /// physics steps and all iterations of the solver. Contacts that touch, limits and friction that hold or slip are
    /// taken as they are in this step, and so are the forces that its first physics step starts from. A control at an
    /// end of its range has the derivative towards the inside, one beyond its range none. Of a world that is then
    /// [`bad`](Worlds::bad), they are of no use.
    ///
    /// # Errors
    /// [`SimError::Unsupported`] if the engine has no derivatives, [`SimError::Setting`] if the model lacks one of the
    /// `parameters`. Then no world has moved.
    ///
    /// # Panics
    /// As [`Worlds::step`], and if `jacobians` is not of length [`Worlds::len`].
    pub fn step_with_jacobian(
        &mut self,
        active: &[bool],
        controls: &[f32],
        parameters: &[Parameter],
        jacobians: &mut [Jacobian],
    ) -> Result<(), SimError> {
        assert_eq!(active.len(), self.len(), "one entry in `active` per world");
        assert_eq!(controls.len(), self.len() * self.model.nu(), "one control per world and actuator");
        assert_eq!(jacobians.len(), self.len(), "one Jacobian per world");
        parameters.iter().try_for_each(|parameter| parameter.validate(&self.model))?;
        let ask = Ask { active, controls, constants: &self.parameters, parameters };
        if !self.engine.jacobians(&ask, jacobians) {
            let (engine, model) = (self.options.engine.name(), self.model.name.clone());
            let missing = vec!["derivatives of a step (lanes has them)".into()];
            return Err(SimError::Unsupported { engine, model, missing });
        }
        self.step(active, controls);
        Ok(())
    }

    /// The state of a world after its last reset or step.
    #[must_use]
    pub fn view(&self, world: usize) -> WorldView<'_> {
        WorldView { parameters: Some(&self.parameters[world]), ..self.state.view(world) }
    }

    /// Whether a world blew up in its last step: non-finite or absurdly fast or far. Its state is
    /// then of no use until the next reset.
    #[must_use]
    pub fn bad(&self, world: usize) -> bool {
        self.state.bad(world)
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

    /// How far the solver is from the forces of contacts, joint limits and dry friction that it looks for, in the
    /// physics step that would come next with the controls of the last one: the largest change of such a force in one
    /// further iteration, over the largest such force; the largest of the three ratios. 0: nothing changes, or nothing
    /// presses. `None`: the engine does not tell. For looking on: it takes two physics steps of its own, and allocates.
    ///
    /// # Panics
    /// If `world` is out of range.
    #[must_use]
    pub fn solver_residual(&self, world: usize) -> Option<f32> {
        assert!(world < self.len(), "world {world} of {}", self.len());
        self.engine.solver_residual(world)
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::engine::Row;

    /// All that an engine must do: bodies drift as they were thrown. It holds the coordinates of each world.
    struct Drift {
        timestep: f32,
        worlds: Vec<(Vec<f32>, Vec<f32>)>,
    }

    impl Engine for Drift {
        fn reset(&mut self, world: usize, row: Row<'_>) {
            self.worlds[world] = (row.qpos.to_vec(), row.qvel.to_vec());
            *row.bad = false;
        }

        fn configure(&mut self, _world: usize, _parameters: &Parameters) {}

        fn step(&mut self, active: &[bool], _controls: &[f32], state: &mut State) {
            let worlds = self.worlds.iter_mut().enumerate();
            for (world, (qpos, qvel)) in worlds.filter(|(world, _)| active[*world]) {
                qpos.iter_mut().zip(qvel.iter()).for_each(|(q, v)| *q += self.timestep * v);
                state.row(world).qpos.copy_from_slice(qpos);
            }
        }

        fn contacts(&self, _world: usize) -> Vec<Contact> {
            Vec::new()
        }

        fn snapshot(&self, world: usize) -> EngineSnapshot {
            EngineSnapshot::new(self.worlds[world].clone())
        }

        fn restore(&mut self, world: usize, snapshot: &EngineSnapshot) {
            self.worlds[world].clone_from(snapshot.get());
        }
    }

    #[test]
    fn worlds_need_no_more_of_an_engine_than_its_six_functions() {
        let xml =
            r#"<mujoco><worldbody><body><joint type="slide"/><geom size="1"/></body></worldbody></mujoco>"#;
        let model = Arc::new(Model::from_mjcf(xml, "m.xml").unwrap());
        let options =
            StepOptions { engine: EngineKind::default(), timestep: 0.5, substeps: 1, iterations: 1 };
        let drift = Drift { timestep: 0.5, worlds: vec![Default::default(); 2] };
        let mut worlds = Worlds::around(Box::new(drift), &model, 2, options, &[]);
        worlds.reset(1, &[1.0], &[2.0]);
        worlds.step(&[true; 2], &[]);
        assert_eq!((worlds.view(0).qpos, worlds.view(1).qpos), (&[0.0][..], &[2.0][..]));
        let saved = worlds.snapshot(1);
        worlds.restore(0, &saved);
        worlds.step(&[true, false], &[]);
        assert_eq!((worlds.view(0).qpos, worlds.view(1).qpos), (&[3.0][..], &[2.0][..]));
        assert!(!worlds.bad(0) && worlds.contacts(0).is_empty());
    }
}

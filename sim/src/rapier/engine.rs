//! The engine: all worlds of a batch, one after the other.

use std::sync::Arc;

use rapier3d::dynamics::IntegrationParameters;

use super::contacts::{Rules, contacts, own_spring};
use super::template::Template;
use super::world::{Shared, Tuning, World};
use crate::engine::{Engine, EngineSnapshot, Row, State};
use crate::{Contact, Model, Parameters, Sensor, StepOptions};

/// Makes the engine.
pub(crate) fn make(
    model: &Arc<Model>,
    n: usize,
    options: StepOptions,
    sensors: &[Sensor],
) -> Box<dyn Engine> {
    Box::new(RapierEngine::new(model, n, options, sensors))
}

/// All worlds of a batch.
pub(super) struct RapierEngine {
    shared: Shared,
    worlds: Vec<World>,
}

impl RapierEngine {
    fn new(model: &Arc<Model>, n: usize, options: StepOptions, sensors: &[Sensor]) -> Self {
        let mut integration = IntegrationParameters {
            dt: options.timestep as f32,
            num_solver_iterations: options.iterations,
            max_ccd_substeps: 0,
            contact_clustering: false,
            contact_recycling: false,
            ..IntegrationParameters::default()
        };
        if let Some(spring) = own_spring(model, options.timestep) {
            integration.contact_softness = spring;
            // It would take away again what the springs give to the velocities.
            integration.num_internal_stabilization_iterations = 0;
        }
        let rules = Rules::new(model);
        let parameters = Parameters::nominal(model);
        let nominal = Template::new(model, &parameters.mass, &integration, &rules);
        let mut tuning = Tuning::default();
        tuning.set(model, &parameters, &nominal.blueprint);
        let worlds = (0..n).map(|_| World::new(nominal.blueprint.state.clone(), tuning.clone())).collect();
        let shared = Shared {
            model: Arc::clone(model),
            options,
            integration,
            nominal,
            rules,
            sensors: sensors.to_vec(),
        };
        Self { shared, worlds }
    }
}

impl Engine for RapierEngine {
    fn reset(&mut self, world: usize, mut row: Row<'_>) {
        self.worlds[world].reset(&self.shared, &mut row);
    }

    fn configure(&mut self, world: usize, parameters: &Parameters) {
        self.worlds[world].configure(&self.shared, parameters);
    }

    fn step(&mut self, active: &[bool], controls: &[f32], state: &mut State) {
        let (shared, nu) = (&self.shared, self.shared.model.nu());
        for (i, world) in self.worlds.iter_mut().enumerate() {
            if active[i] {
                world.step(shared, &controls[i * nu..(i + 1) * nu], &mut state.row(i));
            }
        }
    }

    fn snapshot(&self, world: usize) -> EngineSnapshot {
        EngineSnapshot::new(self.worlds[world].state.clone())
    }

    fn contacts(&self, world: usize) -> Vec<Contact> {
        let state = &self.worlds[world].state;
        contacts(&self.shared.model, &state.narrow_phase, &state.colliders, self.shared.integration.dt)
    }

    fn restore(&mut self, world: usize, snapshot: &EngineSnapshot) {
        self.worlds[world].state.clone_from(snapshot.get());
    }
}

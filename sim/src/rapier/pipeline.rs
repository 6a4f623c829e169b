//! What rapier steps a state with; it keeps nothing from one step to the next.

use rapier3d::dynamics::IntegrationParameters;
use rapier3d::math::Vector;
use rapier3d::pipeline::PhysicsPipeline;
use rapier3d::prelude::SoftBodySet;

use super::contacts::Rules;
use super::state::RapierState;

/// Room for a step.
pub(super) struct Pipeline {
    pipeline: PhysicsPipeline,
    soft_bodies: SoftBodySet,
}

impl Pipeline {
    pub fn new() -> Self {
        Self { pipeline: PhysicsPipeline::new(), soft_bodies: SoftBodySet::new() }
    }

    /// One physics step.
    pub fn advance(
        &mut self,
        s: &mut RapierState,
        parameters: &IntegrationParameters,
        gravity: Vector,
        rules: &Rules,
    ) {
        self.pipeline.step(
            gravity,
            parameters,
            &mut s.islands,
            &mut s.broad_phase,
            &mut s.narrow_phase,
            &mut s.bodies,
            &mut s.colliders,
            &mut s.impulse_joints,
            &mut s.multibody_joints,
            &mut self.soft_bodies,
            &mut s.ccd,
            rules,
            &(),
        );
    }

    /// Whether rapier has taken something out of the world in the last step.
    pub fn quarantined(&self) -> bool {
        !self.pipeline.quarantine().is_empty()
    }
}

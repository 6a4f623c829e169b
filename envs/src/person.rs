//! What the humanoid's tasks share: its lists of observations.

use std::sync::Arc;

use sim::{Model, WorldView};

use crate::whole_body::{Poses, WholeBody};
use crate::{Channel, Observations};

/// Entries of memory: a number of the task's own, then the last action.
pub(crate) const MEMORY: usize = 1 + MOTORS;
/// Formula of [`Person::impact`].
pub(crate) const IMPACT: &str = "−min(contact_cost_weight · Σ (contact moments and forces)², 10)";
/// Largest cost of contacts in a step.
const MAX_IMPACT: f64 = 10.0;
const MOTORS: usize = 17;
/// Positions but x and y, velocities.
const JOINTS: usize = 22 + 23;

pub(crate) struct Person {
    pub(crate) model: Arc<Model>,
    pub(crate) body: WholeBody,
    observations: Observations,
    /// Motors in the order of the joints that they drive: number, torque per unit.
    motors: Vec<(usize, f32)>,
}

impl Person {
    /// `contacts`: whether the reward needs contact forces.
    pub(crate) fn new(model: Model, observations: Observations, contacts: bool) -> Self {
        let motion = observations != Observations::Joints;
        let contacts = contacts || observations == Observations::Gymnasium;
        let mut motors: Vec<(usize, f32)> =
            (0..model.nu()).map(|m| (m, model.actuators[m].gear as f32)).collect();
        motors.sort_by_key(|&(motor, _)| model.actuators[motor].joint);
        let body = WholeBody::new(&model, motion, contacts);
        Self { model: Arc::new(model), body, observations, motors }
    }

    pub(crate) fn actions(&self) -> Vec<Channel> {
        Channel::controls(&self.model)
    }

    pub(crate) fn channels(&self) -> Vec<Channel> {
        let mut channels = Channel::positions(&self.model).split_off(2);
        channels.extend(Channel::velocities(&self.model));
        let torque = |&(motor, gear): &(usize, f32)| {
            let actuator = &self.model.actuators[motor];
            let name = format!("{} torque", self.model.joints[actuator.joint].name);
            let [low, high] = actuator.ctrlrange.map(|limit| limit as f32 * gear);
            Channel::bounded(name, "N·m", low, high)
        };
        let torques = self.motors.iter().map(torque);
        match self.observations {
            Observations::Gymnasium => {
                channels.extend(self.body.inertia_channels());
                channels.extend(self.body.velocity_channels());
                channels.extend(torques);
                channels.extend(self.body.contact_channels());
            }
            Observations::Brax => {
                channels.extend(self.body.link_channels());
                // The root has none, and Brax shows it.
                let root = |axis| Channel::bounded(format!("root motor force {axis}"), "", -1.0, 1.0);
                channels.extend((0..6).map(root));
                channels.extend(torques);
            }
            Observations::Joints => {}
        }
        channels
    }

    /// Writes the observation; `action` is the last one.
    pub(crate) fn observe(&self, world: &WorldView<'_>, action: &[f32], obs: &mut [f32]) {
        let (joints, rest) = obs.split_at_mut(JOINTS);
        joints[..22].copy_from_slice(&world.qpos[2..]);
        joints[22..].copy_from_slice(world.qvel);
        if rest.is_empty() {
            return;
        }
        let poses = self.body.poses(world);
        let bodies = self.model.bodies.len() - 1;
        let torques = if self.observations == Observations::Gymnasium {
            let (inertias, rest) = rest.split_at_mut(10 * bodies);
            let (velocities, rest) = rest.split_at_mut(6 * bodies);
            let (torques, contacts) = rest.split_at_mut(MOTORS);
            self.body.inertias(world, &poses, inertias);
            self.body.velocities(world, &poses, velocities);
            self.body.contact_forces(world, &poses, contacts);
            torques
        } else {
            let (links, forces) = rest.split_at_mut(rest.len() - 6 - MOTORS);
            self.body.links(world, &poses, links);
            let (root, torques) = forces.split_at_mut(6);
            root.fill(0.0);
            torques
        };
        for (torque, &(motor, gear)) in torques.iter_mut().zip(&self.motors) {
            *torque = gear * action[motor];
        }
    }

    /// x of the centre of mass in a configuration, m.
    pub(crate) fn centre_x(&self, qpos: &[f32]) -> f32 {
        self.body.centre_at(&self.model, qpos)[0] as f32
    }

    /// What contacts cost: −min(weight · Σ (contact forces and moments of all bodies)², 10).
    pub(crate) fn impact(&self, world: &WorldView<'_>, poses: &Poses, weight: f64) -> f32 {
        if weight == 0.0 {
            return 0.0;
        }
        -(weight * self.body.contact_squares(world, poses, f64::INFINITY)).min(MAX_IMPACT) as f32
    }
}

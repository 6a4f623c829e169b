//! What a world is cloned from when it is reset, and how a running world takes over another one.

use rapier3d::dynamics::{IntegrationParameters, RigidBodyHandle};
use rapier3d::math::{Pose, Vector};

use super::blueprint::Blueprint;
use super::build::build;
use super::contacts::Rules;
use super::pipeline::Pipeline;
use super::state::{JointMap, RapierState, root_multibody};
use crate::Model;

/// A model with changed masses, ready to be cloned into worlds.
///
/// rapier's contacts and limits are springs of a given frequency, so that their stiffness follows
/// the changed masses.
pub(super) struct Template {
    /// Factor on mass and inertia, per body.
    pub mass: Vec<f32>,
    pub blueprint: Blueprint,
}

impl Template {
    pub fn new(model: &Model, mass: &[f32], integration: &IntegrationParameters, rules: &Rules) -> Self {
        let mut blueprint = build(&scaled(model, mass), rules, f64::from(integration.dt));
        // A step of no duration registers bodies and colliders, so that no world does it again.
        let gravity = Vector::from(model.option.gravity.map(|g| g as f32));
        let standstill = IntegrationParameters { dt: 0.0, ..*integration };
        Pipeline::new().advance(&mut blueprint.state, &standstill, gravity, rules);
        Self { mass: mass.to_vec(), blueprint }
    }

    /// Gives `state`, a world of the template `old`, this template's physics; where it is, how it
    /// moves and its warm-start forces stay. rapier's next step brings the links in line.
    pub fn graft(&self, old: &Self, state: &mut RapierState) {
        let (new, old) = (&self.blueprint, &old.blueprint);
        // Only what differs is written: rapier does extra work for whatever was touched.
        let moved: Vec<_> = new
            .state
            .colliders
            .iter()
            .filter(|(handle, target)| {
                state.colliders[*handle].position_wrt_parent() != target.position_wrt_parent()
            })
            .collect();
        for (handle, target) in moved {
            if let Some(pose) = target.position_wrt_parent() {
                state.colliders[handle].set_position_wrt_parent(*pose);
            }
        }
        let heavier: Vec<_> = new
            .state
            .bodies
            .iter()
            .filter(|(handle, target)| {
                state.bodies[*handle].mass_properties().local_mprops != target.mass_properties().local_mprops
            })
            .collect();
        if heavier.is_empty() {
            return;
        }
        for (handle, target) in heavier {
            let body = &mut state.bodies[handle];
            // The colliders have no mass, so that all of a body's mass is this one.
            body.set_additional_mass_properties(target.mass_properties().local_mprops, false);
            body.recompute_mass_properties_from_colliders(&state.colliders);
        }
        for (from, to) in old.joints.iter().zip(&new.joints) {
            if let (JointMap::Free { com: from, .. }, JointMap::Free { body, com: to }) = (*from, *to) {
                shift_root(state, body, to - from);
            }
        }
        for &root in &new.roots {
            let index =
                state.multibody_joints.rigid_body_link(root).expect("a root has a multibody").multibody;
            let target = new.state.multibody_joints.get_multibody(index).expect("handles repeat");
            let multibody = state.multibody_joints.get_multibody_mut(index).expect("index was just read");
            // Joints hang on the frame of a free root, which sits in its centre of mass.
            for (link, target) in multibody.links_mut().zip(target.links()).skip(1) {
                link.joint.data.local_frame1 = target.joint.data.local_frame1;
            }
        }
    }
}

/// `model` with each body's mass and inertia times a factor.
fn scaled(model: &Model, mass: &[f32]) -> Model {
    let mut model = model.clone();
    for (body, &factor) in model.bodies.iter_mut().zip(mass) {
        body.mass *= f64::from(factor);
        body.inertia = body.inertia.map(|x| x * f64::from(factor));
    }
    model
}

/// Moves the frame of a free root by `shift`, given in that frame, on the body as it moves.
fn shift_root(state: &mut RapierState, body: RigidBodyHandle, shift: Vector) {
    let rigid = &mut state.bodies[body];
    let Pose { rotation, translation, .. } = *rigid.position();
    let shift = rotation * shift;
    rigid.set_position(Pose::from_parts(translation + shift, rotation), false);
    if let Some(multibody) = root_multibody(&mut state.multibody_joints, body) {
        let mut rates = multibody.generalized_velocity_mut();
        let change = Vector::new(rates[3], rates[4], rates[5]).cross(shift);
        for k in 0..3 {
            rates[k] += change[k];
        }
    } else {
        let change = rigid.angvel().cross(shift);
        rigid.set_linvel(rigid.linvel() + change, false);
    }
}

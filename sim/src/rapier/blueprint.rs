//! A model as a rapier world, and the tables that read and write it.

use rapier3d::dynamics::RigidBodyHandle;
use rapier3d::geometry::ColliderHandle;
use rapier3d::math::{Pose, Vector};

use super::drives::{ActuatorMap, Brace};
use super::limits::Limit;
use super::state::{JointMap, RapierState};
use crate::Model;
use crate::drag::Drag;

/// A body's place on the rapier body that carries it.
#[derive(Clone)]
pub(super) struct BodyMap {
    pub body: Option<RigidBodyHandle>,
    pub offset: Pose,
    pub colliders: Vec<ColliderHandle>,
    /// What the medium does to the body.
    pub drag: Option<Drag>,
    /// Principal axes in the body's frame, at its centre of mass.
    pub axes: Pose,
    /// Direction in which the body's robot cannot move, if it can only move in a plane.
    pub normal: Option<Vector>,
}

impl BodyMap {
    /// The part of a force that the body can follow: across its plane, the ballast would.
    pub fn felt(&self, force: Vector) -> Vector {
        self.normal.map_or(force, |normal| force - normal * normal.dot(force))
    }

    /// The part of a torque that the body can follow.
    pub fn turned(&self, torque: Vector) -> Vector {
        self.normal.map_or(torque, |normal| normal * normal.dot(torque))
    }
}

/// The template world and the tables that read and write it.
pub(super) struct Blueprint {
    pub state: RapierState,
    pub joints: Vec<JointMap>,
    pub actuators: Vec<ActuatorMap>,
    pub limits: Vec<Limit>,
    pub bodies: Vec<BodyMap>,
    /// Rapier bodies that actuators, limits or the medium push, for clearing last step's forces.
    pub pushed: Vec<RigidBodyHandle>,
    /// One body of every multibody.
    pub roots: Vec<RigidBodyHandle>,
    pub braces: Vec<Brace>,
}

impl Blueprint {
    /// Gives `state`, a world of this template, the model's friction times `factor`.
    pub fn rub(&self, model: &Model, factor: f32, state: &mut RapierState) {
        for &handle in self.bodies.iter().flat_map(|body| &body.colliders) {
            let geom = &model.geoms[state.colliders[handle].user_data as usize];
            let friction = (geom.friction[0] * f64::from(factor)) as f32;
            // Only what differs is written: rapier does extra work for whatever was touched.
            if state.colliders[handle].friction() != friction {
                state.colliders[handle].set_friction(friction);
            }
        }
    }
}

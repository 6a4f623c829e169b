//! What pushes joints and bodies: motors, servos, and what holds planar robots in their plane.

use nalgebra as na;
use rapier3d::dynamics::{MultibodyJointHandle, RigidBodyHandle};
use rapier3d::math::Vector;

use super::pose::vector;
use super::state::RapierState;
use crate::Actuator;

/// Where a force along a hinge or slide pushes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Drive {
    pub handle: MultibodyJointHandle,
    pub child: RigidBodyHandle,
    pub parent: RigidBodyHandle,
    /// Axis in the joint's parent-side frame, already signed.
    pub axis: Vector,
    pub hinge: bool,
}

impl Drive {
    /// Adds a force or torque along the joint to both bodies.
    pub fn apply(&self, state: &mut RapierState, effort: f32) {
        let (multibody, link) = state.multibody_joints.get(self.handle).expect("mapped joint");
        let data = &multibody.link(link).expect("mapped link").joint.data;
        let frame = *state.bodies[self.parent].position() * data.local_frame1;
        let along = frame.rotation * self.axis * effort;
        if self.hinge {
            state.bodies[self.child].add_torque(along, false);
            state.bodies[self.parent].add_torque(-along, false);
        } else {
            let point = *state.bodies[self.child].position() * data.local_frame2.translation;
            state.bodies[self.child].add_force_at_point(along, point, false);
            state.bodies[self.parent].add_force_at_point(-along, point, false);
        }
    }
}

/// One actuator.
#[derive(Clone, Copy, Debug)]
pub(super) struct ActuatorMap {
    pub drive: Drive,
    pub range: [f32; 2],
    /// The law of a servo and the joint that it looks at.
    pub servo: Option<(Servo, usize)>,
}

/// [`crate::Servo`] in single precision, on the joint's own coordinate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Servo {
    gain: f32,
    bias: [f32; 3],
    range: [f32; 2],
}

impl Servo {
    pub fn new(actuator: &Actuator) -> Option<Self> {
        let servo = actuator.joint_servo()?;
        Some(Self {
            gain: servo.gain as f32,
            bias: servo.bias.map(|x| x as f32),
            range: servo.forcerange.map(|x| x as f32),
        })
    }

    /// Force before the gear.
    pub fn force(&self, control: f32, coordinate: f32, rate: f32) -> f32 {
        let [constant, length, velocity] = self.bias;
        let force = self.gain * control + constant + length * coordinate + velocity * rate;
        force.clamp(self.range[0], self.range[1])
    }
}

/// A planar robot on its ballast, which gravity must not move.
#[derive(Clone, Copy, Debug)]
pub(super) struct Brace {
    pub ballast: RigidBodyHandle,
    pub normal: na::Vector3<f64>,
    /// Mass of the robot, kg.
    pub mass: f64,
}

impl Brace {
    /// The ballast and the force that holds it; none if gravity lies in the plane.
    pub fn hold(&self, gravity: [f64; 3]) -> Option<(RigidBodyHandle, Vector)> {
        let across = self.normal.dot(&na::Vector3::from(gravity));
        // What the normal's rounding leaves of gravity in the plane is no reason to push.
        (across.abs() > 1e-6).then(|| (self.ballast, vector(&(self.normal * (-across * self.mass)))))
    }
}

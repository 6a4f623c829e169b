//! A world's state in rapier, and where the model's joints are in it.

use rapier3d::dynamics::{
    CCDSolver, ImpulseJointSet, IslandManager, Multibody, MultibodyIndex, MultibodyJointHandle,
    MultibodyJointSet, RigidBodyHandle, RigidBodySet,
};
use rapier3d::geometry::{BroadPhaseBvh, ColliderSet, NarrowPhase};
use rapier3d::math::Vector;

/// Everything of rapier that is a world's state: cloned to reset, to save and to restore.
#[derive(Clone)]
pub(super) struct RapierState {
    pub bodies: RigidBodySet,
    pub colliders: ColliderSet,
    pub impulse_joints: ImpulseJointSet,
    pub multibody_joints: MultibodyJointSet,
    pub islands: IslandManager,
    pub broad_phase: BroadPhaseBvh,
    pub narrow_phase: NarrowPhase,
    pub ccd: CCDSolver,
    pub limits: Vec<Kept>,
}

impl RapierState {
    /// A world without bodies.
    pub fn empty() -> Self {
        Self {
            bodies: RigidBodySet::new(),
            colliders: ColliderSet::new(),
            impulse_joints: ImpulseJointSet::new(),
            multibody_joints: MultibodyJointSet::new(),
            islands: IslandManager::new(),
            broad_phase: BroadPhaseBvh::new(),
            narrow_phase: NarrowPhase::new(),
            ccd: CCDSolver::new(),
            limits: Vec::new(),
        }
    }

    /// Coordinate, rate, multibody, degree of freedom and sign of a hinge or slide.
    pub fn coordinate(&self, map: &JointMap) -> (f32, f32, MultibodyIndex, usize, f32) {
        let JointMap::Scalar { handle, axis, dof, sign, reference } = *map else {
            unreachable!("only hinges and slides have limits");
        };
        let joints = &self.multibody_joints;
        let (multibody, link, start) = link(joints, handle);
        let q = sign * multibody.link(link).expect("mapped link").joint().coords()[axis] + reference;
        let v = sign * multibody.generalized_velocity()[start + dof];
        let body = multibody.link(link).expect("mapped link").rigid_body_handle();
        let index = joints.rigid_body_link(body).expect("a link's body").multibody;
        (q, v, index, start + dof, sign)
    }

    /// Velocity of a rapier body's centre of mass, its angular velocity, and that centre, all in the
    /// world frame, from the generalized velocities (the bodies' own copies lag behind a reset).
    pub fn motion(&self, body: Option<RigidBodyHandle>) -> (Vector, Vector, Vector) {
        let Some(handle) = body else { return (Vector::ZERO, Vector::ZERO, Vector::ZERO) };
        let rigid = &self.bodies[handle];
        let origin = rigid.center_of_mass();
        let Some(link) = self.multibody_joints.rigid_body_link(handle) else {
            return (rigid.linvel(), rigid.angvel(), origin);
        };
        let multibody = self.multibody_joints.get_multibody(link.multibody).expect("index was just read");
        let rate = multibody.body_jacobian(link.id) * multibody.generalized_velocity();
        (Vector::new(rate[0], rate[1], rate[2]), Vector::new(rate[3], rate[4], rate[5]), origin)
    }
}

/// What a world keeps of a limit from one physics step to the next.
#[derive(Clone, Copy, Default)]
pub(super) struct Kept {
    /// Rate before the last step.
    pub rate: f32,
    /// Force in the last step.
    pub effort: f32,
}

/// Where one model joint lives in rapier.
#[derive(Clone, Copy, Debug)]
pub(super) enum JointMap {
    /// The root of a multibody; `com` is the offset from the body's frame to its centre of mass,
    /// where rapier's frame sits (rapier takes both for the same point on a free root).
    Free { body: RigidBodyHandle, com: Vector },
    /// A ball joint.
    Ball { handle: MultibodyJointHandle },
    /// A slide (`axis` 0..3) or hinge (`axis` 3..6); the model's coordinate is
    /// `sign · coordinate + reference`.
    Scalar { handle: MultibodyJointHandle, axis: usize, dof: usize, sign: f32, reference: f32 },
}

/// The multibody of a joint, the joint's link and its first degree of freedom.
pub(super) fn link(joints: &MultibodyJointSet, handle: MultibodyJointHandle) -> (&Multibody, usize, usize) {
    let (multibody, link) = joints.get(handle).expect("mapped joint");
    (multibody, link, multibody.link(link).expect("mapped link").assembly_id())
}

/// The same for writing.
pub(super) fn link_mut(
    joints: &mut MultibodyJointSet,
    handle: MultibodyJointHandle,
) -> (&mut Multibody, usize, usize) {
    let (multibody, link) = joints.get_mut(handle).expect("mapped joint");
    let start = multibody.link(link).expect("mapped link").assembly_id();
    (multibody, link, start)
}

/// The multibody of which `body` is the root.
pub(super) fn root_multibody(
    joints: &mut MultibodyJointSet,
    body: RigidBodyHandle,
) -> Option<&mut Multibody> {
    let index = joints.rigid_body_link(body)?.multibody;
    joints.get_multibody_mut(index)
}

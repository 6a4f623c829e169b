//! Turns a [`Model`] into a rapier world once; every world of a batch is a clone of it.
//!
//! What rapier's own MJCF loader gets wrong for these robots is settled here: joint-less bodies are
//! merged into their parent, slides and a hinge on one body become one joint, damping, armature and
//! friction loss are written per degree of freedom, collision pairs follow MuJoCo's
//! contype/conaffinity rule, friction combines by maximum, margins become contact skins, nothing
//! falls asleep.

use nalgebra as na;
use rapier3d::dynamics::{
    CCDSolver, GenericJoint, ImpulseJointSet, IslandManager, JointAxesMask, JointAxis, MassProperties,
    MultibodyJointHandle, MultibodyJointSet, RigidBodyBuilder, RigidBodyHandle, RigidBodySet,
    SpringCoefficients,
};
use rapier3d::geometry::{
    Array2, BroadPhaseBvh, ColliderBuilder, ColliderHandle, ColliderSet, Group, HeightFieldFlags,
    InteractionGroups, InteractionTestMode, NarrowPhase, SharedShape,
};
use rapier3d::math::{Pose, Rotation, Vector};
use rapier3d::prelude::CoefficientCombineRule;

use super::contacts::Rules;
use super::limits::{Kept, Limit};
use crate::drag::Drag;
use crate::{Actuator, Cone, Geom, GeomKind, Heightfield, Joint, JointKind, Model, SimError};

/// Stiffness of rapier's own joint limits, which are in use where steps are long. rapier's default is
/// a hard stop; this follows MuJoCo's default `solref` more closely in the free-flight comparisons.
const LIMIT_SOFTNESS: SpringCoefficients<f32> =
    SpringCoefficients { natural_frequency: 30.0, damping_ratio: 1.0 };

/// Mass of the slide across a planar robot's plane, kg: heavy enough not to move, light enough to be
/// no rounding noise.
const BALLAST: f32 = 100.0;

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
    fn new(actuator: &Actuator) -> Option<Self> {
        let servo = actuator.servo?;
        let [constant, length, velocity] = servo.bias;
        Some(Self {
            gain: servo.gain as f32,
            bias: [constant, length * actuator.gear, velocity * actuator.gear].map(|x| x as f32),
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
    normal: na::Vector3<f64>,
    /// Mass of the robot, kg.
    mass: f64,
}

impl Brace {
    /// The ballast and the force that holds it; none if gravity lies in the plane.
    pub fn hold(&self, gravity: [f64; 3]) -> Option<(RigidBodyHandle, Vector)> {
        let across = self.normal.dot(&na::Vector3::from(gravity));
        // What the normal's rounding leaves of gravity in the plane is no reason to push.
        (across.abs() > 1e-6).then(|| (self.ballast, vector(&(self.normal * (-across * self.mass)))))
    }
}

impl Drive {
    /// Adds a force or torque along the joint to both bodies.
    pub fn push(&self, state: &mut RapierState, effort: f32) {
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

type Iso = na::Isometry3<f64>;

pub(super) fn iso(pos: [f64; 3], quat: [f64; 4]) -> Iso {
    let rotation = na::UnitQuaternion::new_normalize(na::Quaternion::new(quat[0], quat[1], quat[2], quat[3]));
    Iso::from_parts(na::Translation3::new(pos[0], pos[1], pos[2]), rotation)
}

fn to_pose(iso: &Iso) -> Pose {
    let (t, q) = (iso.translation, iso.rotation.coords);
    Pose::from_parts(
        vector(&t.vector),
        Rotation::from_xyzw(q.x as f32, q.y as f32, q.z as f32, q.w as f32).normalize(),
    )
}

fn vector(v: &na::Vector3<f64>) -> Vector {
    Vector::new(v.x as f32, v.y as f32, v.z as f32)
}

/// What the engine cannot do of what the model asks for.
pub(super) fn missing(model: &Model) -> Vec<String> {
    let mut missing = Vec::new();
    if model.option.cone == Cone::Elliptic {
        missing.push("elliptic friction cones (option cone)".into());
    }
    for joint in &model.joints {
        if joint.kind == JointKind::Ball && (joint.limited || joint.stiffness != 0.0) {
            missing.push(format!("limits and springs on ball joint '{}'", joint.name));
        }
        if joint.kind == JointKind::Free && model.bodies[joint.body].parent != 0 {
            missing.push(format!("free joint '{}' below the world", joint.name));
        }
    }
    let rules = Rules::new(model);
    for (geom, touches) in model.geoms.iter().zip(&rules.asks) {
        if geom.kind == GeomKind::Ellipsoid && touches.is_some() {
            missing.push(format!("collisions of ellipsoid '{}'", geom.name));
        }
        if matches!(geom.kind, GeomKind::Plane | GeomKind::Heightfield) && geom.body != 0 {
            let what = if geom.kind == GeomKind::Plane { "plane" } else { "heightfield" };
            missing.push(format!("{what} '{}' on a moving body", geom.name));
        }
    }
    missing
}

/// Whether `body` is `root` or hangs on it.
fn below(model: &Model, mut body: usize, root: usize) -> bool {
    while body != 0 && body != root {
        body = model.bodies[body].parent;
    }
    body == root
}

/// A link under construction: a jointed body with the joint-less bodies below it.
struct Link {
    /// Model body whose frame the link uses.
    owner: usize,
    mass: f64,
    com: na::Vector3<f64>,
    /// About the link's centre of mass, in the owner's frame.
    inertia: na::Matrix3<f64>,
}

impl Blueprint {
    /// `timestep`: duration of a physics step, s.
    pub fn new(model: &Model, rules: &Rules, timestep: f64) -> Result<Self, SimError> {
        let missing = missing(model);
        if !missing.is_empty() {
            return Err(SimError::Unsupported { engine: "rapier", model: model.name.clone(), missing });
        }
        let mut builder = Builder::new(model, rules, timestep);
        for body in 1..model.bodies.len() {
            builder.add_body(body);
        }
        builder.add_geoms();
        Ok(builder.finish())
    }

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

struct Builder<'a> {
    model: &'a Model,
    rules: &'a Rules,
    timestep: f64,
    state: RapierState,
    /// Per model body: the owner of its link and its pose in the owner's frame.
    owner: Vec<(usize, Iso)>,
    /// Per owner: rapier body and the pose of rapier's frame in the owner's frame.
    carrier: Vec<Option<(RigidBodyHandle, Iso)>>,
    joints: Vec<Option<JointMap>>,
    actuators: Vec<Option<ActuatorMap>>,
    limits: Vec<Limit>,
    multibodies: Vec<MultibodyJointHandle>,
    ballasts: Vec<MultibodyJointHandle>,
    /// Bodies that hang on ballasts, and the normals of their planes.
    planes: Vec<(usize, Vector)>,
    braces: Vec<Brace>,
}

impl<'a> Builder<'a> {
    fn new(model: &'a Model, rules: &'a Rules, timestep: f64) -> Self {
        let mut owner: Vec<(usize, Iso)> = vec![(0, Iso::identity())];
        for (index, body) in model.bodies.iter().enumerate().skip(1) {
            let jointed = model.joints.iter().any(|j| j.body == index);
            owner.push(if jointed {
                (index, Iso::identity())
            } else {
                let (parent, pose) = owner[body.parent];
                (parent, pose * iso(body.pos, body.quat))
            });
        }
        Self {
            model,
            rules,
            timestep,
            state: RapierState {
                bodies: RigidBodySet::new(),
                colliders: ColliderSet::new(),
                impulse_joints: ImpulseJointSet::new(),
                multibody_joints: MultibodyJointSet::new(),
                islands: IslandManager::new(),
                broad_phase: BroadPhaseBvh::new(),
                narrow_phase: NarrowPhase::new(),
                ccd: CCDSolver::new(),
                limits: Vec::new(),
            },
            carrier: vec![None; model.bodies.len()],
            joints: vec![None; model.joints.len()],
            actuators: vec![None; model.actuators.len()],
            limits: Vec::new(),
            multibodies: Vec::new(),
            ballasts: Vec::new(),
            planes: Vec::new(),
            braces: Vec::new(),
            owner,
        }
    }

    /// Mass properties of `owner` and the joint-less bodies merged into it.
    fn link(&self, owner: usize) -> Link {
        let parts = || {
            self.model
                .bodies
                .iter()
                .zip(&self.owner)
                .filter(move |(_, o)| o.0 == owner)
                .map(|(b, o)| (b, o.1))
        };
        let mass: f64 = parts().map(|(b, _)| b.mass).sum();
        let com = if mass > 0.0 {
            parts()
                .map(|(b, pose)| (pose * na::Point3::from(b.com)).coords * b.mass)
                .sum::<na::Vector3<f64>>()
                / mass
        } else {
            na::Vector3::zeros()
        };
        let mut inertia = na::Matrix3::zeros();
        for (body, pose) in parts() {
            let principal = (pose * iso(body.com, body.inertia_quat)).rotation.to_rotation_matrix();
            let diagonal = na::Matrix3::from_diagonal(&na::Vector3::from(body.inertia));
            let shift = (pose * na::Point3::from(body.com)).coords - com;
            inertia += principal.matrix() * diagonal * principal.matrix().transpose()
                + (na::Matrix3::identity() * shift.norm_squared() - shift * shift.transpose()) * body.mass;
        }
        Link { owner, mass, com, inertia }
    }

    fn add_body(&mut self, body: usize) {
        let indices: Vec<usize> =
            (0..self.model.joints.len()).filter(|&j| self.model.joints[j].body == body).collect();
        if indices.is_empty() {
            return;
        }
        let link = self.link(body);
        if self.model.joints[indices[0]].kind == JointKind::Free {
            self.add_free(&link, indices[0]);
        } else {
            self.add_jointed(&link, &indices);
        }
    }

    /// A dynamic body at `world` (rapier's frame), massless if `link` is `None`.
    fn insert_body(&mut self, link: Option<(&Link, &Iso)>, world: &Iso) -> RigidBodyHandle {
        let mut builder = RigidBodyBuilder::dynamic().pose(to_pose(world)).can_sleep(false);
        if let Some((link, frame)) = link.filter(|(link, _)| link.mass > 0.0) {
            let com = frame.inverse() * na::Point3::from(link.com);
            let rotation = frame.rotation.inverse().to_rotation_matrix();
            let inertia = rotation.matrix() * link.inertia * rotation.matrix().transpose();
            let eigen = inertia.symmetric_eigen();
            let mut axes = eigen.eigenvectors;
            if axes.determinant() < 0.0 {
                axes.column_mut(2).neg_mut();
            }
            let axes = na::UnitQuaternion::from_matrix(&axes);
            builder = builder.additional_mass_properties(MassProperties::with_principal_inertia_frame(
                vector(&com.coords),
                link.mass as f32,
                vector(&eigen.eigenvalues.map(|x| x.max(0.0))),
                to_pose(&Iso::from_parts(na::Translation3::identity(), axes)).rotation,
            ));
        }
        self.state.bodies.insert(builder)
    }

    fn add_free(&mut self, link: &Link, joint: usize) {
        let frame = Iso::translation(link.com.x, link.com.y, link.com.z);
        let body = &self.model.bodies[link.owner];
        let handle = self.insert_body(Some((link, &frame)), &(iso(body.pos, body.quat) * frame));
        self.carrier[link.owner] = Some((handle, frame));
        self.joints[joint] = Some(JointMap::Free { body: handle, com: vector(&link.com) });
    }

    fn add_jointed(&mut self, link: &Link, indices: &[usize]) {
        let model = self.model;
        let body = &model.bodies[link.owner];
        let (parent_owner, parent_pose) = self.owner[body.parent];
        let (mut parent, parent_frame) = match self.carrier[parent_owner] {
            Some(carrier) => carrier,
            // Each tree without a free joint hangs on a fixed body of its own.
            None => {
                let fixed = self.state.bodies.insert(RigidBodyBuilder::fixed());
                (self.insert_ballast(fixed, link.owner).unwrap_or(fixed), Iso::identity())
            }
        };
        let parent_is_world = parent_owner == 0;
        // Pose of the body's frame in the current parent's rapier frame, before the next joint moves.
        let mut pose = parent_frame.inverse() * parent_pose * iso(body.pos, body.quat);
        let groups = group_joints(model, indices);
        let count = groups.len();
        for (number, group) in groups.into_iter().enumerate() {
            let last = number + 1 == count;
            let joint_frame = Iso::from_parts(na::Translation3::from(group.anchor), group.rotation);
            let mut data = GenericJoint::new(group.locked);
            data.set_local_frame1(to_pose(&(pose * joint_frame)));
            data.set_local_frame2(to_pose(&joint_frame));
            data.softness = LIMIT_SOFTNESS;
            data.set_contacts_enabled(parent_is_world && number == 0);
            for dof in &group.dofs {
                let joint = &model.joints[dof.joint];
                if joint.limited && joint.kind != JointKind::Ball && !self.limits_itself(joint) {
                    let reference = model.qpos0[joint.qpos_adr];
                    let ends = joint.range.map(|x| (dof.sign * (x - reference)) as f32);
                    data.set_limits(AXES[dof.axis], [ends[0].min(ends[1]), ends[0].max(ends[1])]);
                }
            }
            let child = self.insert_body(last.then_some((link, &Iso::identity())), &Iso::identity());
            let handle = self
                .state
                .multibody_joints
                .insert(parent, child, data, true)
                .expect("a tree never closes a loop");
            if number == 0 && parent_is_world {
                self.multibodies.push(handle);
            }
            for dof in &group.dofs {
                self.map_dof(dof, handle, child, parent);
            }
            parent = child;
            pose = Iso::identity();
        }
        self.carrier[link.owner] = Some((parent, Iso::identity()));
    }

    /// Whether a joint has limits that [`Limit`] is for.
    fn limits_itself(&self, joint: &Joint) -> bool {
        joint.limited && joint.kind != JointKind::Ball && Limit::possible(joint, self.timestep)
    }

    /// Hangs a planar robot on a slide across its plane that has inertia but no weight.
    ///
    /// rapier bounds the two friction impulses of a contact together. Across the plane a planar
    /// robot cannot move at all, so that impulse is rounding noise divided by zero, and it would
    /// use up the whole bound: the robot would slide as on ice.
    fn insert_ballast(&mut self, fixed: RigidBodyHandle, root: usize) -> Option<RigidBodyHandle> {
        let normal = self.plane_normal(root)?;
        let frame = Iso::from_parts(
            na::Translation3::identity(),
            na::UnitQuaternion::rotation_between(&na::Vector3::x(), &normal)?,
        );
        let mut data = GenericJoint::new(JointAxesMask::all() & !JointAxesMask::LIN_X);
        data.set_local_frame1(to_pose(&frame));
        data.set_local_frame2(to_pose(&frame));
        let ballast = self.insert_body(None, &Iso::identity());
        let handle = self
            .state
            .multibody_joints
            .insert(fixed, ballast, data, true)
            .expect("a tree never closes a loop");
        self.ballasts.push(handle);
        self.planes.push((root, vector(&normal)));
        let bodies = (0..self.model.bodies.len()).filter(|&b| below(self.model, b, root));
        let mass = bodies.map(|b| self.model.bodies[b].mass).sum();
        self.braces.push(Brace { ballast, normal, mass });
        Some(ballast)
    }

    /// The direction in which no part of the tree below `root` can move, if there is one.
    fn plane_normal(&self, root: usize) -> Option<na::Vector3<f64>> {
        let model = self.model;
        let mut poses = vec![Iso::identity()];
        for body in &model.bodies[1..] {
            poses.push(poses[body.parent] * iso(body.pos, body.quat));
        }
        let joints: Vec<&Joint> = model.joints.iter().filter(|j| below(model, j.body, root)).collect();
        let axis = |j: &Joint| poses[j.body].rotation * na::Vector3::from(j.axis).normalize();
        let normal = axis(joints.iter().find(|j| j.kind == JointKind::Hinge)?);
        let planar = joints.iter().all(|j| match j.kind {
            JointKind::Hinge => axis(j).dot(&normal).abs() > 1.0 - 1e-9,
            JointKind::Slide => axis(j).dot(&normal).abs() < 1e-9,
            JointKind::Ball | JointKind::Free => false,
        });
        let asks = model.geoms.iter().zip(&self.rules.asks);
        let touches = { asks }.any(|(g, asks)| asks.is_some() && below(model, g.body, root));
        (planar && touches).then_some(normal)
    }

    fn map_dof(
        &mut self,
        dof: &Dof,
        handle: MultibodyJointHandle,
        child: RigidBodyHandle,
        parent: RigidBodyHandle,
    ) {
        let joint = &self.model.joints[dof.joint];
        self.joints[dof.joint] = Some(if joint.kind == JointKind::Ball {
            JointMap::Ball { handle }
        } else {
            JointMap::Scalar {
                handle,
                axis: dof.axis,
                dof: dof.offset,
                sign: dof.sign as f32,
                reference: self.model.qpos0[joint.qpos_adr] as f32,
            }
        });
        let mut axis = Vector::ZERO;
        axis[dof.axis % 3] = dof.sign as f32;
        let drive = Drive { handle, child, parent, axis, hinge: joint.kind == JointKind::Hinge };
        if self.limits_itself(joint) {
            self.limits.push(Limit::new(self.model, dof.joint, drive, self.timestep));
        }
        let motors = self.model.actuators.iter().zip(&mut self.actuators);
        for (actuator, map) in motors.filter(|(a, _)| a.joint == dof.joint) {
            let range = actuator.ctrlrange.map(|x| x as f32);
            let servo = Servo::new(actuator).map(|servo| (servo, dof.joint));
            *map = Some(ActuatorMap { drive, range, servo });
        }
    }

    fn add_geoms(&mut self) {
        for (index, geom) in self.model.geoms.iter().enumerate() {
            let Some(asks) = self.rules.asks[index] else { continue };
            let (owner, pose) = self.owner[geom.body];
            let mut pose = pose * iso(geom.pos, geom.quat);
            if matches!(geom.kind, GeomKind::Cylinder | GeomKind::Heightfield) {
                // rapier's cylinders and the heights of its fields stand along y.
                pose *=
                    na::UnitQuaternion::from_axis_angle(&na::Vector3::x_axis(), std::f64::consts::FRAC_PI_2);
            }
            let collider = collider(self.model, geom).user_data(index as u128).active_hooks(asks);
            match self.carrier[owner] {
                Some((body, frame)) => {
                    let collider = collider.position(to_pose(&(frame.inverse() * pose)));
                    self.state.colliders.insert_with_parent(collider, body, &mut self.state.bodies);
                }
                None => {
                    self.state.colliders.insert(collider.position(to_pose(&pose)));
                }
            }
        }
    }

    fn finish(mut self) -> Blueprint {
        let model = self.model;
        let joints: Vec<JointMap> =
            self.joints.into_iter().map(|j| j.expect("every joint was placed")).collect();
        let state = &mut self.state;
        // A free body without children is a plain rigid body to rapier: no generalized coordinates.
        let free = joints.iter().filter_map(|j| match j {
            JointMap::Free { body, .. } => Some(*body),
            _ => None,
        });
        let roots: Vec<RigidBodyHandle> = free
            .chain(self.multibodies.iter().map(|h| RigidBodyHandle(h.0)))
            .filter(|&b| state.multibody_joints.rigid_body_link(b).is_some())
            .collect();
        for &root in &roots {
            let index = state.multibody_joints.rigid_body_link(root).expect("filtered").multibody;
            let multibody = state.multibody_joints.get_multibody_mut(index).expect("index was just read");
            // Collapses the six phantom degrees of freedom of a fixed root, which shifts all offsets.
            multibody.forward_kinematics(&state.bodies, true);
            multibody.damping_mut().fill(0.0);
            multibody.update_rigid_bodies(&mut state.bodies, true);
        }
        for (joint, map) in model.joints.iter().zip(&joints) {
            write_dynamics(state, joint, map);
        }
        for &ballast in &self.ballasts {
            let (multibody, id) = state.multibody_joints.get_mut(ballast).expect("just inserted");
            let start = multibody.link(id).expect("the joint's own link").assembly_id();
            multibody.armature_mut()[start] = BALLAST;
        }
        let nowhere = BodyMap {
            body: None,
            offset: Pose::IDENTITY,
            colliders: Vec::new(),
            drag: None,
            axes: Pose::IDENTITY,
            normal: None,
        };
        let mut bodies = vec![nowhere; model.bodies.len()];
        for (index, map) in bodies.iter_mut().enumerate() {
            let body = &model.bodies[index];
            map.drag = Drag::new(body, model.option.density, model.option.viscosity);
            map.axes = to_pose(&iso(body.com, body.inertia_quat));
            map.normal = self.planes.iter().find(|p| below(model, index, p.0)).map(|p| p.1);
            let (owner, pose) = self.owner[index];
            match self.carrier[owner] {
                Some((body, frame)) => {
                    map.body = Some(body);
                    map.offset = to_pose(&(frame.inverse() * pose));
                }
                None => map.offset = to_pose(&pose),
            }
        }
        for (handle, collider) in state.colliders.iter() {
            let geom = collider.user_data as usize;
            bodies[model.geoms[geom].body].colliders.push(handle);
        }
        let actuators: Vec<ActuatorMap> =
            self.actuators.into_iter().map(|a| a.expect("every actuator has a joint")).collect();
        let drives = actuators.iter().map(|a| a.drive).chain(self.limits.iter().map(|l| l.drive));
        let driven = drives.flat_map(|d| [d.child, d.parent]);
        let dragged = bodies.iter().filter(|b| b.drag.is_some()).filter_map(|b| b.body);
        let mut pushed: Vec<RigidBodyHandle> = driven.chain(dragged).collect();
        pushed.sort_by_key(|h| h.into_raw_parts());
        pushed.dedup();
        let (limits, braces) = (self.limits, self.braces);
        Blueprint { state: self.state, joints, actuators, limits, bodies, pushed, roots, braces }
    }
}

/// Damping, armature, friction loss and spring of one joint, per degree of freedom.
fn write_dynamics(state: &mut RapierState, joint: &Joint, map: &JointMap) {
    let (handle, offset, count) = match *map {
        JointMap::Free { .. } => return,
        JointMap::Ball { handle } => (handle, 0, 3),
        JointMap::Scalar { handle, dof, .. } => (handle, dof, 1),
    };
    let Some((multibody, id)) = state.multibody_joints.get_mut(handle) else { return };
    let start = multibody.link(id).expect("the joint's own link").assembly_id() + offset;
    for k in start..start + count {
        multibody.damping_mut()[k] = joint.damping as f32;
        multibody.armature_mut()[k] = joint.armature as f32;
        multibody.frictions_mut()[k] = joint.frictionloss as f32;
    }
    if let JointMap::Scalar { axis, sign, reference, .. } = *map
        && joint.stiffness != 0.0
    {
        let rest = sign * (joint.springref as f32 - reference);
        multibody.link_mut(id).expect("the joint's own link").joint.set_spring(
            axis,
            joint.stiffness as f32,
            rest,
        );
    }
}

fn collider(model: &Model, geom: &Geom) -> ColliderBuilder {
    let s = geom.size.map(|x| x as f32);
    let shape = match geom.kind {
        GeomKind::Plane => ColliderBuilder::new(SharedShape::halfspace(Vector::Z)),
        GeomKind::Sphere | GeomKind::Ellipsoid => ColliderBuilder::ball(s[0]),
        GeomKind::Capsule => ColliderBuilder::capsule_z(s[1], s[0]),
        GeomKind::Cylinder => ColliderBuilder::cylinder(s[1], s[0]),
        GeomKind::Box => ColliderBuilder::cuboid(s[0], s[1], s[2]),
        GeomKind::Heightfield => {
            let index = geom.heightfield.expect("a heightfield geom shows one");
            heightfield(&model.heightfields[index])
        }
    };
    let groups = InteractionGroups::new(
        Group::from_bits_truncate(geom.contype),
        Group::from_bits_truncate(geom.conaffinity),
        InteractionTestMode::Or,
    );
    shape
        .density(0.0)
        .friction(geom.friction[0] as f32)
        .friction_combine_rule(CoefficientCombineRule::Max)
        .restitution(0.0)
        .contact_skin(geom.margin as f32)
        .collision_groups(groups)
}

/// rapier's rows run along its z, which is −y of the model after the turn in `add_geoms`; its cells
/// are then divided as MuJoCo's.
fn heightfield(field: &Heightfield) -> ColliderBuilder {
    let height = |i: usize, j: usize| field.height(field.nrow - 1 - i, j) as f32;
    let heights = Array2::from_fn(field.nrow, field.ncol, height);
    let scale = Vector::new(2.0 * field.size[0] as f32, 1.0, 2.0 * field.size[1] as f32);
    // Without the flag, bodies trip over the edges between the triangles of a flat field.
    ColliderBuilder::heightfield_with_flags(heights, scale, HeightFieldFlags::FIX_INTERNAL_EDGES)
}

const AXES: [JointAxis; 6] =
    [JointAxis::LinX, JointAxis::LinY, JointAxis::LinZ, JointAxis::AngX, JointAxis::AngY, JointAxis::AngZ];

/// One model joint inside a rapier joint.
struct Dof {
    joint: usize,
    /// 0..3 linear, 3..6 angular.
    axis: usize,
    /// Position among the rapier joint's free degrees of freedom.
    offset: usize,
    sign: f64,
}

/// Model joints that one rapier joint represents.
struct JointGroup {
    anchor: na::Vector3<f64>,
    /// Joint axes in the body's frame.
    rotation: na::UnitQuaternion<f64>,
    locked: JointAxesMask,
    dofs: Vec<Dof>,
}

/// Packs a body's joints, in order, into as few rapier joints as possible: mutually orthogonal
/// slides and one hinge after them, with axes along one frame, are one joint (rapier panics on two
/// angular axes in one joint).
fn group_joints(model: &Model, indices: &[usize]) -> Vec<JointGroup> {
    let mut groups = Vec::new();
    let mut rest = indices;
    while !rest.is_empty() {
        let mut take = 1;
        while take < rest.len() && frame_of(model, &rest[..=take]).is_some() {
            take += 1;
        }
        let (now, later) = rest.split_at(take);
        groups.push(make_group(model, now));
        rest = later;
    }
    groups
}

/// An orthonormal frame whose axes carry all the joints' axes, if slides precede a single hinge.
fn frame_of(model: &Model, joints: &[usize]) -> Option<na::Matrix3<f64>> {
    let joints: Vec<&Joint> = joints.iter().map(|&j| &model.joints[j]).collect();
    if joints.len() > 1 && joints.iter().any(|j| matches!(j.kind, JointKind::Ball | JointKind::Free)) {
        return None;
    }
    if joints[..joints.len() - 1].iter().any(|j| j.kind == JointKind::Hinge) {
        return None;
    }
    let mut axes: Vec<na::Vector3<f64>> = Vec::new();
    for joint in &joints {
        let axis = na::Vector3::from(joint.axis).normalize();
        let parallel = axes.iter().any(|a| a.dot(&axis).abs() > 1.0 - 1e-9);
        let orthogonal = axes.iter().all(|a| a.dot(&axis).abs() < 1e-9);
        match (joint.kind, parallel, orthogonal) {
            (JointKind::Hinge, true, _) => (),
            (_, _, true) => axes.push(axis),
            _ => return None,
        }
    }
    let x = axes[0];
    let y = axes.get(1).copied().unwrap_or_else(|| {
        let helper = if x.x.abs() < 0.9 { na::Vector3::x() } else { na::Vector3::y() };
        x.cross(&helper).normalize()
    });
    Some(na::Matrix3::from_columns(&[x, y, x.cross(&y)]))
}

fn make_group(model: &Model, indices: &[usize]) -> JointGroup {
    let first = &model.joints[indices[0]];
    if first.kind == JointKind::Ball {
        return JointGroup {
            anchor: na::Vector3::from(first.pos),
            rotation: na::UnitQuaternion::identity(),
            locked: JointAxesMask::LIN_AXES,
            dofs: vec![Dof { joint: indices[0], axis: 3, offset: 0, sign: 1.0 }],
        };
    }
    let frame = frame_of(model, indices).expect("one joint always has a frame");
    let last = &model.joints[*indices.last().expect("a group is not empty")];
    let mut locked = JointAxesMask::all();
    let mut dofs = Vec::new();
    for &index in indices {
        let joint = &model.joints[index];
        let axis = na::Vector3::from(joint.axis).normalize();
        let column = (0..3).max_by(|&a, &b| {
            let along = |c: usize| frame.column(c).dot(&axis).abs();
            along(a).total_cmp(&along(b))
        });
        let column = column.expect("three columns");
        let axis_id = column + if joint.kind == JointKind::Hinge { 3 } else { 0 };
        locked.remove(JointAxesMask::from_bits_truncate(1 << axis_id));
        dofs.push(Dof {
            joint: index,
            axis: axis_id,
            offset: 0,
            sign: frame.column(column).dot(&axis).signum(),
        });
    }
    // rapier orders a joint's free degrees of freedom by axis, linear first.
    let order: Vec<usize> = dofs.iter().map(|d| d.axis).collect();
    for dof in &mut dofs {
        dof.offset = order.iter().filter(|&&a| a < dof.axis).count();
    }
    JointGroup {
        anchor: na::Vector3::from(last.pos),
        rotation: na::UnitQuaternion::from_rotation_matrix(&na::Rotation3::from_matrix_unchecked(frame)),
        locked,
        dofs,
    }
}

//! Turns a [`Model`] into a rapier world once; every world of a batch is a clone of it.
//!
//! What rapier's own MJCF loader gets wrong for these robots is settled here: joint-less bodies are
//! merged into their parent, slides and a hinge on one body become one joint, damping, armature and
//! friction loss are written per degree of freedom, collision pairs follow MuJoCo's
//! contype/conaffinity rule, friction combines by maximum, margins become contact skins, nothing
//! falls asleep.

use nalgebra as na;
use rapier3d::dynamics::{
    GenericJoint, JointAxesMask, MassProperties, MultibodyJointHandle, RigidBodyBuilder, RigidBodyHandle,
    SpringCoefficients,
};
use rapier3d::math::{Pose, Vector};

use super::blueprint::{Blueprint, BodyMap};
use super::colliders::collider;
use super::contacts::Rules;
use super::drives::{ActuatorMap, Brace, Drive, Servo};
use super::joints::{AXES, Dof, group_joints};
use super::limits::Limit;
use super::pose::{to_pose, vector};
use super::state::{JointMap, RapierState};
use crate::drag::Drag;
use crate::pose::{Iso, iso};
use crate::{GeomKind, Joint, JointKind, Model};

/// Stiffness of rapier's own joint limits, which are in use where steps are long. rapier's default is
/// a hard stop; this follows MuJoCo's default `solref` more closely in the free-flight comparisons.
const LIMIT_SOFTNESS: SpringCoefficients<f32> =
    SpringCoefficients { natural_frequency: 30.0, damping_ratio: 1.0 };

/// Mass of the slide across a planar robot's plane, kg: heavy enough not to move, light enough to be
/// no rounding noise.
const BALLAST: f32 = 100.0;

/// The template of `model`, of which nothing may be [missing](super::missing::missing). `timestep`: duration
/// of a physics step, s.
pub(super) fn build(model: &Model, rules: &Rules, timestep: f64) -> Blueprint {
    let mut builder = Builder::new(model, rules, timestep);
    for body in 1..model.bodies.len() {
        builder.add_body(body);
    }
    builder.add_geoms();
    builder.finish()
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
            state: RapierState::empty(),
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
        let bodies = (0..self.model.bodies.len()).filter(|&b| self.model.is_below(b, root));
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
        let joints: Vec<&Joint> = model.joints.iter().filter(|j| model.is_below(j.body, root)).collect();
        let axis = |j: &Joint| poses[j.body].rotation * na::Vector3::from(j.axis).normalize();
        let normal = axis(joints.iter().find(|j| j.kind == JointKind::Hinge)?);
        let planar = joints.iter().all(|j| match j.kind {
            JointKind::Hinge => axis(j).dot(&normal).abs() > 1.0 - 1e-9,
            JointKind::Slide => axis(j).dot(&normal).abs() < 1e-9,
            JointKind::Ball | JointKind::Free => false,
        });
        let asks = model.geoms.iter().zip(&self.rules.asks);
        let touches = { asks }.any(|(g, asks)| asks.is_some() && model.is_below(g.body, root));
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
            map.normal = self.planes.iter().find(|p| model.is_below(index, p.0)).map(|p| p.1);
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

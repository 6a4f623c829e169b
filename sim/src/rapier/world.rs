//! The rapier3d engine: one rapier world per world, multibodies in reduced coordinates.

mod build;
mod contacts;
mod limits;
mod template;

use std::sync::Arc;

use rapier3d::dynamics::{IntegrationParameters, MultibodyJointHandle, MultibodyJointSet, RigidBodyHandle};
use rapier3d::math::{Pose, Rotation, Vector};
use rapier3d::pipeline::PhysicsPipeline;
use rapier3d::prelude::SoftBodySet;
use rayon::prelude::*;

use self::build::{Blueprint, JointMap, RapierState};
use self::contacts::{Rules, contacts, own_spring, touch, wrench};
use self::limits::Room;
use self::template::Template;
use crate::worlds::{Engine, EngineSnapshot, MAX_POSITION, MAX_RATE, Row, State};
use crate::{Contact, Joint, JointKind, Model, Parameters, Sensor, SimError, StepOptions};

/// What the engine cannot do of what the model asks for, one entry each; empty if it can do it all.
pub(crate) fn missing(model: &Model) -> Vec<String> {
    build::missing(model)
}

/// Whether a limit of MuJoCo's is too stiff for physics steps of `timestep` seconds.
pub(crate) fn limit_is_stiff(joint: &Joint, timestep: f64) -> bool {
    !limits::Limit::possible(joint, timestep)
}

/// All worlds of a batch.
pub(crate) struct RapierEngine {
    shared: Shared,
    worlds: Vec<World>,
}

/// What all worlds of a batch have in common.
struct Shared {
    model: Arc<Model>,
    options: StepOptions,
    integration: IntegrationParameters,
    nominal: Template,
    rules: Rules,
    sensors: Vec<Sensor>,
}

struct World {
    state: RapierState,
    pipeline: PhysicsPipeline,
    soft_bodies: SoftBodySet,
    /// The world's own template if its masses are not the model's.
    own: Option<Box<Template>>,
    tuning: Tuning,
    /// Forces and torques from outside on bodies of the model.
    pushes: Vec<(usize, Vector, Vector)>,
    room: Room,
}

/// Parameters for which a world needs no template of its own.
#[derive(Clone, Default)]
struct Tuning {
    gravity: Vector,
    /// Factor on all friction coefficients.
    friction: f32,
    /// Per actuator: force or torque per unit of control.
    gear: Vec<f32>,
    /// Forces on ballasts that hold their robots against gravity across their planes, N.
    braces: Vec<(RigidBodyHandle, Vector)>,
}

impl Tuning {
    fn set(&mut self, model: &Model, parameters: &Parameters, blueprint: &Blueprint) {
        self.gravity = Vector::from(parameters.gravity);
        self.friction = parameters.friction;
        self.gear.clear();
        let gears = model.actuators.iter().zip(&parameters.gear);
        self.gear.extend(gears.map(|(actuator, &factor)| (actuator.gear * f64::from(factor)) as f32));
        self.braces.clear();
        let gravity = parameters.gravity.map(f64::from);
        self.braces.extend(blueprint.braces.iter().filter_map(|brace| brace.hold(gravity)));
    }
}

impl RapierEngine {
    pub(crate) fn new(
        model: &Arc<Model>,
        n: usize,
        options: StepOptions,
        sensors: &[Sensor],
    ) -> Result<Self, SimError> {
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
        let nominal = Template::new(model, &parameters.mass, &integration, &rules)?;
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
        Ok(Self { shared, worlds })
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
        let one = |(i, (world, mut row)): (usize, (&mut World, Row<'_>))| {
            if active[i] {
                world.step(shared, &controls[i * nu..(i + 1) * nu], &mut row);
            }
        };
        if self.worlds.len() == 1 {
            self.worlds.iter_mut().zip(state.rows_mut()).enumerate().for_each(one);
        } else {
            self.worlds.par_iter_mut().zip(state.par_rows_mut()).enumerate().for_each(one);
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

impl World {
    fn new(state: RapierState, tuning: Tuning) -> Self {
        Self {
            state,
            pipeline: PhysicsPipeline::new(),
            soft_bodies: SoftBodySet::new(),
            own: None,
            tuning,
            pushes: Vec::new(),
            room: Room::default(),
        }
    }

    fn configure(&mut self, shared: &Shared, parameters: &Parameters) {
        let old = template(&self.own, shared);
        for &(body, ..) in &self.pushes {
            if let Some(handle) = old.blueprint.bodies[body].body {
                self.state.bodies[handle].reset_forces(false);
                self.state.bodies[handle].reset_torques(false);
            }
        }
        self.pushes.clear();
        let pushed = parameters.pushed();
        self.pushes.extend(pushed.map(|(body, force, torque)| (body, force.into(), torque.into())));
        for &(ballast, _) in &self.tuning.braces {
            self.state.bodies[ballast].reset_forces(false);
        }
        let rubs = self.tuning.friction != parameters.friction;
        // Masses change centres of mass and with them most of what was built; all else is a number.
        if old.mass != parameters.mass {
            let own = (shared.nominal.mass != parameters.mass).then(|| {
                let (model, mass) = (&shared.model, &parameters.mass);
                let own = Template::new(model, mass, &shared.integration, &shared.rules);
                Box::new(own.expect("masses add nothing that the engine lacks"))
            });
            template(&own, shared).graft(old, &mut self.state);
            self.own = own;
        }
        let blueprint = &template(&self.own, shared).blueprint;
        self.tuning.set(&shared.model, parameters, blueprint);
        if rubs {
            blueprint.rub(&shared.model, self.tuning.friction, &mut self.state);
        }
    }

    fn advance(&mut self, parameters: &IntegrationParameters, gravity: Vector, rules: &Rules) {
        let s = &mut self.state;
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

    /// Sets the state to `row`'s coordinates, with no memory of the past.
    fn reset(&mut self, shared: &Shared, row: &mut Row<'_>) {
        // Always from the template: displacements from a used state would round differently.
        let blueprint = &template(&self.own, shared).blueprint;
        self.state.clone_from(&blueprint.state);
        if self.tuning.friction != 1.0 {
            blueprint.rub(&shared.model, self.tuning.friction, &mut self.state);
        }
        let s = &mut self.state;
        for (joint, map) in shared.model.joints.iter().zip(&blueprint.joints) {
            let (q, v) = (&row.qpos[joint.qpos_adr..], &row.qvel[joint.dof_adr..]);
            match *map {
                JointMap::Free { body, com } => {
                    let rotation = quat(&q[3..7]);
                    let com_world = rotation * com;
                    let position = Vector::new(q[0], q[1], q[2]) + com_world;
                    let angular = rotation * Vector::new(v[3], v[4], v[5]);
                    let linear = Vector::new(v[0], v[1], v[2]) + angular.cross(com_world);
                    let rigid = &mut s.bodies[body];
                    rigid.set_position(Pose::from_parts(position, rotation), false);
                    if let Some(multibody) = root_multibody(&mut s.multibody_joints, body) {
                        let mut rates = multibody.generalized_velocity_mut();
                        for k in 0..3 {
                            rates[k] = linear[k];
                            rates[3 + k] = angular[k];
                        }
                    } else {
                        rigid.set_linvel(linear, false);
                        rigid.set_angvel(angular, false);
                    }
                }
                JointMap::Ball { handle } => {
                    let rotation = quat(&q[..4]);
                    let turn = rotation.to_scaled_axis();
                    let rate = rotation * Vector::new(v[0], v[1], v[2]);
                    let (multibody, link, start) = link_mut(&mut s.multibody_joints, handle);
                    multibody
                        .link_mut(link)
                        .expect("mapped link")
                        .joint
                        .apply_displacement(&[turn.x, turn.y, turn.z]);
                    for k in 0..3 {
                        multibody.generalized_velocity_mut()[start + k] = rate[k];
                    }
                }
                JointMap::Scalar { handle, dof, sign, reference, .. } => {
                    let (multibody, link, start) = link_mut(&mut s.multibody_joints, handle);
                    let joint = &mut multibody.link_mut(link).expect("mapped link").joint;
                    let mut displacement = [0.0; 6];
                    displacement[dof] = sign * (q[0] - reference);
                    joint.apply_displacement(&displacement);
                    multibody.generalized_velocity_mut()[start + dof] = sign * v[0];
                }
            }
        }
        for &root in &blueprint.roots {
            let index = s.multibody_joints.rigid_body_link(root).expect("a root has a multibody").multibody;
            let multibody = s.multibody_joints.get_multibody_mut(index).expect("index was just read");
            multibody.forward_kinematics(&s.bodies, true);
            // Not `update_rigid_bodies`: it keeps from rapier that the bodies have moved, and their
            // colliders would touch in the first step what the template touched.
            for link in multibody.links() {
                s.bodies[link.rigid_body_handle()].set_position(*link.local_to_world(), false);
            }
        }
        s.rest_limits(&blueprint.limits, &blueprint.joints);
        self.sense(shared, row);
        *row.bad = false;
    }

    fn step(&mut self, shared: &Shared, controls: &[f32], row: &mut Row<'_>) {
        let mut quarantined = false;
        let gravity = self.tuning.gravity;
        for _ in 0..shared.options.substeps {
            self.push(shared, controls);
            if shared.model.option.density > 0.0 || shared.model.option.viscosity > 0.0 {
                self.drag(shared);
            }
            let blueprint = &template(&self.own, shared).blueprint;
            self.state.limit(&blueprint.limits, &blueprint.joints, shared.integration.dt, &mut self.room);
            self.advance(&shared.integration, gravity, &shared.rules);
            // rapier reports what it has taken out of the world for one physics step only.
            quarantined |= !self.pipeline.quarantine().is_empty();
        }
        self.read(shared, row);
        let sane = |limit: f32| move |x: &f32| x.abs() <= limit;
        *row.bad =
            quarantined || !row.qpos.iter().all(sane(MAX_POSITION)) || !row.qvel.iter().all(sane(MAX_RATE));
        if !*row.bad {
            self.sense(shared, row);
        }
    }

    /// Applies the motors' torques and forces, and those from outside, for the coming physics step.
    fn push(&mut self, shared: &Shared, controls: &[f32]) {
        let blueprint = &template(&self.own, shared).blueprint;
        let s = &mut self.state;
        for &body in &blueprint.pushed {
            let rigid = &mut s.bodies[body];
            rigid.reset_torques(false);
            rigid.reset_forces(false);
        }
        for &(body, ..) in &self.pushes {
            let Some(handle) = blueprint.bodies[body].body else { continue };
            s.bodies[handle].reset_torques(false);
            s.bodies[handle].reset_forces(false);
        }
        for &(body, force, torque) in &self.pushes {
            let place = &blueprint.bodies[body];
            let Some(handle) = place.body else { continue };
            let centre = Vector::from(shared.model.bodies[body].com.map(|x| x as f32));
            let at = *s.bodies[handle].position() * place.offset * centre;
            s.bodies[handle].add_force_at_point(place.felt(force), at, false);
            if torque != Vector::ZERO {
                s.bodies[handle].add_torque(place.turned(torque), false);
            }
        }
        for &(ballast, force) in &self.tuning.braces {
            let rigid = &mut s.bodies[ballast];
            rigid.reset_forces(false);
            rigid.add_force(force, false);
        }
        for ((motor, gear), &control) in blueprint.actuators.iter().zip(&self.tuning.gear).zip(controls) {
            let control = if control.is_nan() { 0.0 } else { control.clamp(motor.range[0], motor.range[1]) };
            let force = match motor.servo {
                None => control,
                Some((servo, joint)) => {
                    let (coordinate, rate, ..) = s.coordinate(&blueprint.joints[joint]);
                    servo.force(control, coordinate, rate)
                }
            };
            motor.drive.push(s, gear * force);
        }
    }

    /// Applies the drag of the medium, after [`World::push`]. It stays the unchanged model's, as in
    /// lanes.
    fn drag(&mut self, shared: &Shared) {
        let places = &template(&self.own, shared).blueprint.bodies;
        let nominal = &shared.nominal.blueprint.bodies;
        for (place, nominal) in places.iter().zip(nominal) {
            let (Some(handle), Some(drag)) = (place.body, nominal.drag) else { continue };
            let pose = *self.state.bodies[handle].position() * place.offset * nominal.axes;
            let (linear, angular, origin) = self.motion(place.body);
            let back = pose.rotation.inverse();
            let velocity = back * (linear + angular.cross(pose.translation - origin));
            let (force, torque) = drag.resist(velocity.to_array(), (back * angular).to_array());
            let rigid = &mut self.state.bodies[handle];
            rigid.add_force_at_point(pose.rotation * Vector::from(force), pose.translation, false);
            rigid.add_torque(pose.rotation * Vector::from(torque), false);
        }
    }

    fn read(&self, shared: &Shared, row: &mut Row<'_>) {
        let s = &self.state;
        let joints = &template(&self.own, shared).blueprint.joints;
        for (joint, map) in shared.model.joints.iter().zip(joints) {
            let q = &mut row.qpos[joint.qpos_adr..joint.qpos_adr + joint.kind.nq()];
            let v = &mut row.qvel[joint.dof_adr..joint.dof_adr + joint.kind.nv()];
            match *map {
                JointMap::Free { body, com } => {
                    let rigid = &s.bodies[body];
                    let (linear, angular) = match s.multibody_joints.rigid_body_link(body) {
                        Some(link) => {
                            let rates = s
                                .multibody_joints
                                .get_multibody(link.multibody)
                                .expect("index was just read")
                                .generalized_velocity();
                            (
                                Vector::new(rates[0], rates[1], rates[2]),
                                Vector::new(rates[3], rates[4], rates[5]),
                            )
                        }
                        None => (rigid.linvel(), rigid.angvel()),
                    };
                    let rotation = rigid.position().rotation;
                    let com_world = rotation * com;
                    let position = rigid.position().translation - com_world;
                    let linear = linear - angular.cross(com_world);
                    let angular = rotation.inverse() * angular;
                    q.copy_from_slice(&[
                        position.x, position.y, position.z, rotation.w, rotation.x, rotation.y, rotation.z,
                    ]);
                    v.copy_from_slice(&[linear.x, linear.y, linear.z, angular.x, angular.y, angular.z]);
                }
                JointMap::Ball { handle } => {
                    let (multibody, link, start) = link(&s.multibody_joints, handle);
                    let rotation = multibody.link(link).expect("mapped link").joint().joint_rot();
                    let rates = multibody.generalized_velocity();
                    let rate =
                        rotation.inverse() * Vector::new(rates[start], rates[start + 1], rates[start + 2]);
                    q.copy_from_slice(&[rotation.w, rotation.x, rotation.y, rotation.z]);
                    v.copy_from_slice(&[rate.x, rate.y, rate.z]);
                }
                JointMap::Scalar { handle, axis, dof, sign, reference } => {
                    let (multibody, link, start) = link(&s.multibody_joints, handle);
                    q[0] =
                        sign * multibody.link(link).expect("mapped link").joint().coords()[axis] + reference;
                    v[0] = sign * multibody.generalized_velocity()[start + dof];
                }
            }
        }
        debug_assert!(
            shared.model.joints.iter().all(|j| j.kind != JointKind::Free || j.qpos_adr + 7 <= row.qpos.len()),
            "layout"
        );
    }

    fn sense(&self, shared: &Shared, row: &mut Row<'_>) {
        let bodies = &template(&self.own, shared).blueprint.bodies;
        let mut at = 0;
        for &sensor in &shared.sensors {
            let out = &mut row.sensors[at..at + sensor.len()];
            at += sensor.len();
            let body = sensor.body();
            let place = &bodies[body];
            let pose = match place.body {
                Some(handle) => *self.state.bodies[handle].position() * place.offset,
                None => place.offset,
            };
            match sensor {
                Sensor::Position(_) => out.copy_from_slice(&pose.translation.to_array()),
                Sensor::Orientation(_) => {
                    let r = pose.rotation;
                    out.copy_from_slice(&[r.w, r.x, r.y, r.z]);
                }
                Sensor::Velocity(_) => {
                    let com = pose * Vector::from(shared.model.bodies[body].com.map(|x| x as f32));
                    let (linear, angular, origin) = self.motion(place.body);
                    out.copy_from_slice(&(linear + angular.cross(com - origin)).to_array());
                }
                Sensor::AngularVelocity(_) => out.copy_from_slice(&self.motion(place.body).1.to_array()),
                Sensor::ContactForce(_) | Sensor::ContactTorque(_) => {
                    let origin = pose.translation;
                    let s = &self.state;
                    let (force, moment) = wrench(
                        &s.narrow_phase,
                        &s.colliders,
                        &place.colliders,
                        origin,
                        shared.integration.dt,
                    );
                    let wanted = if matches!(sensor, Sensor::ContactForce(_)) { force } else { moment };
                    out.copy_from_slice(&wanted.to_array());
                }
                Sensor::Touch(_) => {
                    out[0] = touch(&self.state.narrow_phase, &place.colliders, shared.integration.dt);
                }
            }
        }
    }

    /// Velocity of a rapier body's centre of mass, its angular velocity, and that centre, all in the
    /// world frame, from the generalized velocities (the bodies' own copies lag behind a reset).
    fn motion(&self, body: Option<RigidBodyHandle>) -> (Vector, Vector, Vector) {
        let s = &self.state;
        let Some(handle) = body else { return (Vector::ZERO, Vector::ZERO, Vector::ZERO) };
        let rigid = &s.bodies[handle];
        let origin = rigid.center_of_mass();
        let Some(link) = s.multibody_joints.rigid_body_link(handle) else {
            return (rigid.linvel(), rigid.angvel(), origin);
        };
        let multibody = s.multibody_joints.get_multibody(link.multibody).expect("index was just read");
        let rate = multibody.body_jacobian(link.id) * multibody.generalized_velocity();
        (Vector::new(rate[0], rate[1], rate[2]), Vector::new(rate[3], rate[4], rate[5]), origin)
    }
}

/// What a world is reset to.
fn template<'a>(own: &'a Option<Box<Template>>, shared: &'a Shared) -> &'a Template {
    own.as_deref().unwrap_or(&shared.nominal)
}

fn quat(q: &[f32]) -> Rotation {
    Rotation::from_xyzw(q[1], q[2], q[3], q[0]).normalize()
}

/// The multibody of a joint, the joint's link and its first degree of freedom.
fn link(
    joints: &MultibodyJointSet,
    handle: MultibodyJointHandle,
) -> (&rapier3d::dynamics::Multibody, usize, usize) {
    let (multibody, link) = joints.get(handle).expect("mapped joint");
    (multibody, link, multibody.link(link).expect("mapped link").assembly_id())
}

fn link_mut(
    joints: &mut MultibodyJointSet,
    handle: MultibodyJointHandle,
) -> (&mut rapier3d::dynamics::Multibody, usize, usize) {
    let (multibody, link) = joints.get_mut(handle).expect("mapped joint");
    let start = multibody.link(link).expect("mapped link").assembly_id();
    (multibody, link, start)
}

fn root_multibody(
    joints: &mut MultibodyJointSet,
    body: RigidBodyHandle,
) -> Option<&mut rapier3d::dynamics::Multibody> {
    let index = joints.rigid_body_link(body)?.multibody;
    joints.get_multibody_mut(index)
}

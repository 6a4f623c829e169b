//! One world: reset, stepped, changed.

use std::sync::Arc;

use rapier3d::dynamics::{IntegrationParameters, RigidBodyHandle};
use rapier3d::math::{Pose, Vector};

use super::blueprint::Blueprint;
use super::contacts::Rules;
use super::limits::Room;
use super::pipeline::Pipeline;
use super::pose::quat;
use super::sensors::{read, sense};
use super::state::{JointMap, RapierState, link_mut, root_multibody};
use super::template::Template;
use crate::engine::{MAX_POSITION, MAX_RATE, Row};
use crate::{Model, Parameters, Sensor, StepOptions};

/// What all worlds of a batch have in common.
pub(super) struct Shared {
    pub model: Arc<Model>,
    pub options: StepOptions,
    pub integration: IntegrationParameters,
    pub nominal: Template,
    pub rules: Rules,
    pub sensors: Vec<Sensor>,
}

/// One world.
pub(super) struct World {
    pub state: RapierState,
    pipeline: Pipeline,
    /// The world's own template if its masses are not the model's.
    own: Option<Box<Template>>,
    tuning: Tuning,
    /// Forces and torques from outside on bodies of the model.
    pushes: Vec<(usize, Vector, Vector)>,
    room: Room,
}

/// Parameters for which a world needs no template of its own.
#[derive(Clone, Default)]
pub(super) struct Tuning {
    gravity: Vector,
    /// Factor on all friction coefficients.
    friction: f32,
    /// Per actuator: force or torque per unit of control.
    gear: Vec<f32>,
    /// Forces on ballasts that hold their robots against gravity across their planes, N.
    braces: Vec<(RigidBodyHandle, Vector)>,
}

impl Tuning {
    pub fn set(&mut self, model: &Model, parameters: &Parameters, blueprint: &Blueprint) {
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

impl World {
    pub fn new(state: RapierState, tuning: Tuning) -> Self {
        Self {
            state,
            pipeline: Pipeline::new(),
            own: None,
            tuning,
            pushes: Vec::new(),
            room: Room::default(),
        }
    }

    pub fn configure(&mut self, shared: &Shared, parameters: &Parameters) {
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
                Box::new(Template::new(model, mass, &shared.integration, &shared.rules))
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

    /// Sets the state to `row`'s coordinates, with no memory of the past.
    pub fn reset(&mut self, shared: &Shared, row: &mut Row<'_>) {
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

    pub fn step(&mut self, shared: &Shared, controls: &[f32], row: &mut Row<'_>) {
        let mut quarantined = false;
        let gravity = self.tuning.gravity;
        for _ in 0..shared.options.substeps {
            self.apply(shared, controls);
            if shared.model.option.density > 0.0 || shared.model.option.viscosity > 0.0 {
                self.drag(shared);
            }
            let blueprint = &template(&self.own, shared).blueprint;
            self.state.limit(&blueprint.limits, &blueprint.joints, shared.integration.dt, &mut self.room);
            self.pipeline.advance(&mut self.state, &shared.integration, gravity, &shared.rules);
            // rapier reports what it has taken out of the world for one physics step only.
            quarantined |= self.pipeline.quarantined();
        }
        read(&self.state, &shared.model, &template(&self.own, shared).blueprint.joints, row);
        let sane = |limit: f32| move |x: &f32| x.abs() <= limit;
        *row.bad =
            quarantined || !row.qpos.iter().all(sane(MAX_POSITION)) || !row.qvel.iter().all(sane(MAX_RATE));
        if !*row.bad {
            self.sense(shared, row);
        }
    }

    /// Applies the motors' torques and forces, and those from outside, for the coming physics step.
    fn apply(&mut self, shared: &Shared, controls: &[f32]) {
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
            motor.drive.apply(s, gear * force);
        }
    }

    /// Applies the drag of the medium, after [`World::apply`]. It stays the unchanged model's, as in
    /// lanes.
    fn drag(&mut self, shared: &Shared) {
        let places = &template(&self.own, shared).blueprint.bodies;
        let nominal = &shared.nominal.blueprint.bodies;
        for (place, nominal) in places.iter().zip(nominal) {
            let (Some(handle), Some(drag)) = (place.body, nominal.drag) else { continue };
            let pose = *self.state.bodies[handle].position() * place.offset * nominal.axes;
            let (linear, angular, origin) = self.state.motion(place.body);
            let back = pose.rotation.inverse();
            let velocity = back * (linear + angular.cross(pose.translation - origin));
            let (force, torque) = drag.resist(velocity.to_array(), (back * angular).to_array());
            let rigid = &mut self.state.bodies[handle];
            rigid.add_force_at_point(pose.rotation * Vector::from(force), pose.translation, false);
            rigid.add_torque(pose.rotation * Vector::from(torque), false);
        }
    }

    fn sense(&self, shared: &Shared, row: &mut Row<'_>) {
        let bodies = &template(&self.own, shared).blueprint.bodies;
        sense(&self.state, &shared.model, bodies, &shared.sensors, shared.integration.dt, row.sensors);
    }
}

/// What a world is reset to.
fn template<'a>(own: &'a Option<Box<Template>>, shared: &'a Shared) -> &'a Template {
    own.as_deref().unwrap_or(&shared.nominal)
}

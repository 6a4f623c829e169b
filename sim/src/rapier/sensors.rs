//! What a world shows: coordinates, velocities and sensor values.

use rapier3d::math::Vector;

use super::blueprint::BodyMap;
use super::contacts::{touch, wrench};
use super::state::{JointMap, RapierState, link};
use crate::engine::Row;
use crate::{JointKind, Model, Sensor};

/// Writes the coordinates and velocities of the model's joints.
pub(super) fn read(s: &RapierState, model: &Model, joints: &[JointMap], row: &mut Row<'_>) {
    for (joint, map) in model.joints.iter().zip(joints) {
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
                        (Vector::new(rates[0], rates[1], rates[2]), Vector::new(rates[3], rates[4], rates[5]))
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
                let rate = rotation.inverse() * Vector::new(rates[start], rates[start + 1], rates[start + 2]);
                q.copy_from_slice(&[rotation.w, rotation.x, rotation.y, rotation.z]);
                v.copy_from_slice(&[rate.x, rate.y, rate.z]);
            }
            JointMap::Scalar { handle, axis, dof, sign, reference } => {
                let (multibody, link, start) = link(&s.multibody_joints, handle);
                q[0] = sign * multibody.link(link).expect("mapped link").joint().coords()[axis] + reference;
                v[0] = sign * multibody.generalized_velocity()[start + dof];
            }
        }
    }
    debug_assert!(
        model.joints.iter().all(|j| j.kind != JointKind::Free || j.qpos_adr + 7 <= row.qpos.len()),
        "layout"
    );
}

/// Writes the values of `sensors` after a reset or a step of `dt` seconds.
pub(super) fn sense(
    s: &RapierState,
    model: &Model,
    bodies: &[BodyMap],
    sensors: &[Sensor],
    dt: f32,
    out: &mut [f32],
) {
    let mut at = 0;
    for &sensor in sensors {
        let out = &mut out[at..at + sensor.len()];
        at += sensor.len();
        let body = sensor.body();
        let place = &bodies[body];
        let pose = match place.body {
            Some(handle) => *s.bodies[handle].position() * place.offset,
            None => place.offset,
        };
        match sensor {
            Sensor::Position(_) => out.copy_from_slice(&pose.translation.to_array()),
            Sensor::Orientation(_) => {
                let r = pose.rotation;
                out.copy_from_slice(&[r.w, r.x, r.y, r.z]);
            }
            Sensor::Velocity(_) => {
                let com = pose * Vector::from(model.bodies[body].com.map(|x| x as f32));
                let (linear, angular, origin) = s.motion(place.body);
                out.copy_from_slice(&(linear + angular.cross(com - origin)).to_array());
            }
            Sensor::AngularVelocity(_) => out.copy_from_slice(&s.motion(place.body).1.to_array()),
            Sensor::ContactForce(_) | Sensor::ContactTorque(_) => {
                let origin = pose.translation;
                let (force, moment) = wrench(&s.narrow_phase, &s.colliders, &place.colliders, origin, dt);
                let wanted = if matches!(sensor, Sensor::ContactForce(_)) { force } else { moment };
                out.copy_from_slice(&wanted.to_array());
            }
            Sensor::Touch(_) => {
                out[0] = touch(&s.narrow_phase, &place.colliders, dt);
            }
        }
    }
}

//! Inverse inertia in the reference configuration: MuJoCo's `body_invweight0` and `dof_invweight0`,
//! which scale the softness of contacts, limits and dry friction.
//!
//! Dense and in double precision: it runs once per model, and checks the engine's own mass matrix.

use nalgebra as na;

use crate::inertia::quat_to_matrix;
use crate::pose::{Iso, iso};
use crate::{JointKind, Model};

pub(super) struct Weights {
    /// Per body: mean inverse translational inertia of its centre of mass, 1/kg; 0 if the body cannot move.
    pub translation: Vec<f64>,
    /// Per degree of freedom: its inverse inertia.
    pub dof: Vec<f64>,
    /// The mass matrix with armature.
    pub mass: na::DMatrix<f64>,
}

/// A degree of freedom's motion: rotation rate and velocity of the world's origin.
struct Screw {
    body: usize,
    angular: na::Vector3<f64>,
    linear: na::Vector3<f64>,
}

impl Weights {
    pub(super) fn new(model: &Model) -> Self {
        let (poses, screws) = screws(model);
        let nv = screws.len();
        let moves = |screw: &Screw, body: usize| model.is_below(body, screw.body);
        let jacobians: Vec<na::Matrix6xX<f64>> = (0..model.bodies.len())
            .map(|body| {
                let com = (poses[body] * na::Point3::from(model.bodies[body].com)).coords;
                let mut jacobian = na::Matrix6xX::zeros(nv);
                for (k, screw) in screws.iter().enumerate().filter(|(_, s)| moves(s, body)) {
                    jacobian
                        .fixed_view_mut::<3, 1>(0, k)
                        .copy_from(&(screw.linear + screw.angular.cross(&com)));
                    jacobian.fixed_view_mut::<3, 1>(3, k).copy_from(&screw.angular);
                }
                jacobian
            })
            .collect();
        let mut mass = na::DMatrix::zeros(nv, nv);
        for ((body, jacobian), pose) in model.bodies.iter().zip(&jacobians).zip(&poses) {
            let axes = pose.rotation.to_rotation_matrix() * quat_to_matrix(body.inertia_quat);
            let moments = na::Matrix3::from_diagonal(&na::Vector3::from(body.inertia));
            let mut inertia = na::Matrix6::zeros();
            inertia.fixed_view_mut::<3, 3>(0, 0).copy_from(&(na::Matrix3::identity() * body.mass));
            inertia.fixed_view_mut::<3, 3>(3, 3).copy_from(&(axes * moments * axes.transpose()));
            mass += jacobian.transpose() * inertia * jacobian;
        }
        for joint in &model.joints {
            for k in joint.dof_adr..joint.dof_adr + joint.kind.nv() {
                mass[(k, k)] += joint.armature;
            }
        }
        // A degree of freedom without inertia is refused before this.
        let inverse = mass.clone().try_inverse().unwrap_or_else(|| na::DMatrix::zeros(nv, nv));
        let mean = |d: [f64; 3]| d.iter().sum::<f64>() / 3.0;
        let translation = |j: &na::Matrix6xX<f64>| {
            let a = j * &inverse * j.transpose();
            mean([a[(0, 0)], a[(1, 1)], a[(2, 2)]])
        };
        let diagonal = |k: usize| inverse[(k, k)];
        let mut dof = Vec::with_capacity(nv);
        for joint in &model.joints {
            let k = joint.dof_adr;
            let three = |k: usize| [mean([diagonal(k), diagonal(k + 1), diagonal(k + 2)]); 3];
            match joint.kind {
                JointKind::Free => dof.extend([three(k), three(k + 3)].concat()),
                JointKind::Ball => dof.extend(three(k)),
                JointKind::Slide | JointKind::Hinge => dof.push(diagonal(k)),
            }
        }
        let mut weights = Self { translation: jacobians.iter().map(translation).collect(), dof, mass };
        // Where the centre of mass alone stands still, MuJoCo has 0 here. That would make contacts rigid, so that
        // rounding would decide how their normals and their friction share the load.
        for (body, weight) in weights.translation.iter_mut().enumerate() {
            let carrier = model.carrier(body);
            let free = 1.0 / model.bodies[carrier].mass;
            if carrier != 0 && *weight < 1e-9 * free {
                *weight = free;
            }
        }
        // MuJoCo leaves armature out where a lone body hangs from the world on slides alone
        // (`body_simple` is 2 there), and does not average over directions.
        for index in sliders(model) {
            let weight = 1.0 / model.bodies[index].mass;
            weights.translation[index] = weight;
            for joint in model.joints.iter().filter(|j| j.body == index) {
                weights.dof[joint.dof_adr] = weight;
            }
        }
        weights
    }

    /// The smallest inertia of a degree of freedom, and which it is.
    pub(super) fn lightest(model: &Model) -> Option<(usize, f64)> {
        let mass = Self::new(model).mass;
        (0..mass.nrows()).map(|k| (k, mass[(k, k)])).min_by(|a, b| a.1.total_cmp(&b.1))
    }
}

/// Bodies with mass that move on slides alone, hang from the world and carry no other body.
fn sliders(model: &Model) -> Vec<usize> {
    let bodies = 1..model.bodies.len();
    let slides = |body: usize| {
        let mut joints = model.joints.iter().filter(|j| j.body == body).peekable();
        joints.peek().is_some() && joints.all(|j| j.kind == JointKind::Slide)
    };
    let alone = |body: usize| {
        model.bodies[body].parent == 0 && bodies.clone().all(|child| model.bodies[child].parent != body)
    };
    bodies.clone().filter(|&b| model.bodies[b].mass > 0.0 && slides(b) && alone(b)).collect()
}

/// Poses of all bodies in the reference configuration, and what each degree of freedom moves.
fn screws(model: &Model) -> (Vec<Iso>, Vec<Screw>) {
    let mut poses = vec![Iso::identity()];
    let mut screws = Vec::new();
    for (index, body) in model.bodies.iter().enumerate().skip(1) {
        let mut pose = poses[body.parent] * iso(body.pos, body.quat);
        for joint in model.joints.iter().filter(|j| j.body == index) {
            let q = &model.qpos0[joint.qpos_adr..];
            if joint.kind == JointKind::Free {
                pose = iso([q[0], q[1], q[2]], [q[3], q[4], q[5], q[6]]);
            }
            let anchor = (pose * na::Point3::from(joint.pos)).coords;
            if joint.kind == JointKind::Ball {
                let turned = pose.rotation * iso([0.0; 3], [q[0], q[1], q[2], q[3]]).rotation;
                let shifted = anchor - turned * na::Vector3::from(joint.pos);
                pose = Iso::from_parts(shifted.into(), turned);
            }
            let axis = pose.rotation * na::Vector3::from(joint.axis);
            let mut turn = |angular: na::Vector3<f64>, at: na::Vector3<f64>| {
                screws.push(Screw { body: index, angular, linear: at.cross(&angular) });
            };
            match joint.kind {
                JointKind::Hinge => turn(axis, anchor),
                JointKind::Ball => {
                    na::Matrix3::identity().column_iter().for_each(|e| turn(pose.rotation * e, anchor));
                }
                JointKind::Slide => {
                    screws.push(Screw { body: index, angular: na::Vector3::zeros(), linear: axis });
                }
                JointKind::Free => {
                    for e in na::Matrix3::identity().column_iter() {
                        screws.push(Screw { body: index, angular: na::Vector3::zeros(), linear: e.into() });
                    }
                    for e in na::Matrix3::identity().column_iter() {
                        let angular: na::Vector3<f64> = pose.rotation * e;
                        let linear = pose.translation.vector.cross(&angular);
                        screws.push(Screw { body: index, angular, linear });
                    }
                }
            }
        }
        poses.push(pose);
    }
    (poses, screws)
}

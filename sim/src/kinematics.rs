//! Where the bodies are, from the joints' coordinates alone: for drawing recordings and for checks.
//! Engines have their own kinematics.

use nalgebra as na;

use crate::{Body, Joint, JointKind, Model};

impl Model {
    /// Pose of every body's frame in the world; see [`poses`].
    ///
    /// # Panics
    /// If `qpos` is not of length [`Model::nq`].
    #[must_use]
    pub fn poses(&self, qpos: &[f32]) -> Vec<[f32; 7]> {
        assert_eq!(qpos.len(), self.nq(), "one entry in qpos per position coordinate");
        poses(&self.bodies, &self.joints, &self.qpos0, qpos)
    }
}

/// Pose of every body's frame in the world, `[x, y, z, qw, qx, qy, qz]` in m, the world's own (the
/// identity) first: MuJoCo's `xpos` and `xquat`.
///
/// `qpos` is in MuJoCo's layout; quaternions in it are normalised.
///
/// # Panics
/// If `qpos` or `qpos0` has fewer entries than the joints need.
#[must_use]
pub fn poses(bodies: &[Body], joints: &[Joint], qpos0: &[f64], qpos: &[f32]) -> Vec<[f32; 7]> {
    let mut frames: Vec<na::Isometry3<f64>> = Vec::with_capacity(bodies.len());
    let mut joints = joints.iter().peekable();
    for (index, body) in bodies.iter().enumerate() {
        let local = na::Isometry3::from_parts(na::Translation3::from(body.pos), quat(body.quat));
        // The world is its own parent.
        let mut frame = if index == 0 { na::Isometry3::identity() } else { frames[body.parent] * local };
        while let Some(joint) = joints.next_if(|j| j.body == index) {
            let q = |k: usize| f64::from(qpos[joint.qpos_adr + k]);
            let anchor = na::Point3::from(joint.pos);
            let moved = q(0) - qpos0[joint.qpos_adr];
            match joint.kind {
                JointKind::Free => {
                    let at = na::Translation3::new(q(0), q(1), q(2));
                    frame = na::Isometry3::from_parts(at, quat([q(3), q(4), q(5), q(6)]));
                }
                JointKind::Ball => {
                    frame *= about(anchor, quat([q(0), q(1), q(2), q(3)]));
                }
                JointKind::Hinge => {
                    let (sin, cos) = libm::sincos(moved / 2.0);
                    let [x, y, z] = joint.axis.map(|a| a * sin);
                    frame *= about(anchor, quat([cos, x, y, z]));
                }
                JointKind::Slide => frame *= na::Translation3::from(na::Vector3::from(joint.axis) * moved),
            }
        }
        frames.push(frame);
    }
    frames
        .iter()
        .map(|f| {
            let (p, r) = (f.translation.vector, f.rotation);
            [p.x, p.y, p.z, r.w, r.i, r.j, r.k].map(|x| x as f32)
        })
        .collect()
}

fn quat([w, x, y, z]: [f64; 4]) -> na::UnitQuaternion<f64> {
    let quat = na::Quaternion::new(w, x, y, z);
    na::UnitQuaternion::try_new(quat, 1e-12).unwrap_or_else(na::UnitQuaternion::identity)
}

/// A turn about a point.
fn about(point: na::Point3<f64>, turn: na::UnitQuaternion<f64>) -> na::Isometry3<f64> {
    na::Isometry3::from_parts((point - turn * point).into(), turn)
}

//! Where the bodies are, from the joints' coordinates alone: for drawing recordings and for checks.
//! Engines have their own kinematics.

use nalgebra as na;

use crate::{Body, Joint, JointKind, Model};

/// Where bodies and joints are in the world, m and unit vectors.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Frames {
    /// Pose of every body's frame, `[x, y, z, qw, qx, qy, qz]`, the world's own (the identity) first:
    /// MuJoCo's `xpos` and `xquat`.
    pub poses: Vec<[f32; 7]>,
    /// Anchor of every joint: `xanchor`.
    pub anchors: Vec<[f32; 3]>,
    /// Axis of every joint: `xaxis`. Of a ball or free joint it says nothing.
    pub axes: Vec<[f32; 3]>,
}

impl Model {
    /// Where bodies and joints are; see [`frames`].
    ///
    /// # Panics
    /// If `qpos` is not of length [`Model::nq`].
    #[must_use]
    pub fn frames(&self, qpos: &[f32]) -> Frames {
        assert_eq!(qpos.len(), self.nq(), "one entry in qpos per position coordinate");
        frames(&self.bodies, &self.joints, &self.qpos0, qpos)
    }
}

/// Where bodies and joints are for `qpos` in MuJoCo's layout; quaternions in it are normalised.
/// `joints` stand in the order of their bodies, as in a [`Model`].
///
/// # Panics
/// If `qpos` or `qpos0` has fewer entries than the joints need.
#[must_use]
pub fn frames(bodies: &[Body], joints: &[Joint], qpos0: &[f64], qpos: &[f32]) -> Frames {
    let mut frames: Vec<na::Isometry3<f64>> = Vec::with_capacity(bodies.len());
    let (mut anchors, mut axes) = (Vec::with_capacity(joints.len()), Vec::with_capacity(joints.len()));
    let mut joints = joints.iter().peekable();
    for (index, body) in bodies.iter().enumerate() {
        let local = na::Isometry3::from_parts(na::Translation3::from(body.pos), quat(body.quat));
        // The world is its own parent.
        let mut frame = if index == 0 { na::Isometry3::identity() } else { frames[body.parent] * local };
        while let Some(joint) = joints.next_if(|j| j.body == index) {
            let q = |k: usize| f64::from(qpos[joint.qpos_adr + k]);
            if joint.kind == JointKind::Free {
                let at = na::Translation3::new(q(0), q(1), q(2));
                frame = na::Isometry3::from_parts(at, quat([q(3), q(4), q(5), q(6)]));
            }
            let anchor = na::Point3::from(joint.pos);
            // Before the joint moves: what follows on the same body does not turn its axis.
            anchors.push((frame * anchor).coords.map(|x| x as f32).into());
            axes.push((frame * na::Vector3::from(joint.axis)).map(|x| x as f32).into());
            let moved = q(0) - qpos0[joint.qpos_adr];
            match joint.kind {
                JointKind::Free => {}
                JointKind::Ball => frame *= about(anchor, quat([q(0), q(1), q(2), q(3)])),
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
    let pose = |f: &na::Isometry3<f64>| {
        let (p, r) = (f.translation.vector, f.rotation);
        [p.x, p.y, p.z, r.w, r.i, r.j, r.k].map(|x| x as f32)
    };
    Frames { poses: frames.iter().map(pose).collect(), anchors, axes }
}

fn quat([w, x, y, z]: [f64; 4]) -> na::UnitQuaternion<f64> {
    let quat = na::Quaternion::new(w, x, y, z);
    na::UnitQuaternion::try_new(quat, 1e-12).unwrap_or_else(na::UnitQuaternion::identity)
}

/// A turn about a point.
fn about(point: na::Point3<f64>, turn: na::UnitQuaternion<f64>) -> na::Isometry3<f64> {
    na::Isometry3::from_parts((point - turn * point).into(), turn)
}

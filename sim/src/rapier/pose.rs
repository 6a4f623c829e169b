//! Poses and vectors in rapier's single precision.

use nalgebra as na;
use rapier3d::math::{Pose, Rotation, Vector};

use crate::pose::Iso;

pub(super) fn to_pose(iso: &Iso) -> Pose {
    let (t, q) = (iso.translation, iso.rotation.coords);
    Pose::from_parts(
        vector(&t.vector),
        Rotation::from_xyzw(q.x as f32, q.y as f32, q.z as f32, q.w as f32).normalize(),
    )
}

pub(super) fn vector(v: &na::Vector3<f64>) -> Vector {
    Vector::new(v.x as f32, v.y as f32, v.z as f32)
}

/// From `[w, x, y, z]`.
pub(super) fn quat(q: &[f32]) -> Rotation {
    Rotation::from_xyzw(q[1], q[2], q[3], q[0]).normalize()
}

//! Vectors and matrices as the tables hold them.

use nalgebra as na;

pub(super) fn vec3(v: &na::Vector3<f64>) -> [f32; 3] {
    [v.x as f32, v.y as f32, v.z as f32]
}

/// By rows.
pub(super) fn mat3(m: &na::Matrix3<f64>) -> [f32; 9] {
    std::array::from_fn(|i| m[(i / 3, i % 3)] as f32)
}

//! Poses in double precision, as models are built from them.

use nalgebra as na;

/// A pose.
pub(crate) type Iso = na::Isometry3<f64>;

/// The pose of a position and a quaternion `[w, x, y, z]`, which is normalised.
pub(crate) fn iso(pos: [f64; 3], quat: [f64; 4]) -> Iso {
    let [w, x, y, z] = quat;
    let rotation = na::UnitQuaternion::from_quaternion(na::Quaternion::new(w, x, y, z));
    Iso::from_parts(na::Translation3::from(pos), rotation)
}

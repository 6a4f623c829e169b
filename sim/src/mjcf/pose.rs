//! Positions and orientations as MJCF writes them.

use nalgebra::{Matrix3, Vector3};

use super::attrs::Attrs;
use super::compiler::Compiler;
use super::source::Result;
use crate::inertia::{Quat, matrix_to_quat, normalize, quat_mul};

/// The ways to write an orientation, of which one element may use one.
pub(super) const ORIENTATIONS: [&str; 5] = ["quat", "axisangle", "euler", "xyaxes", "zaxis"];

/// `pos`, or the origin.
pub(super) fn position(attrs: &Attrs<'_>) -> Result<[f64; 3]> {
    Ok(attrs.numbers("pos")?.unwrap_or([0.0; 3]))
}

/// Unit quaternion of an element; the identity if it says nothing.
pub(super) fn orientation(attrs: &Attrs<'_>, compiler: &Compiler) -> Result<Quat> {
    let Some(attrs) = attrs.nearest(&ORIENTATIONS) else {
        return Ok([1.0, 0.0, 0.0, 0.0]);
    };
    let mut given = ORIENTATIONS.iter().filter(|n| attrs.find(n).is_some());
    if let (Some(first), Some(second)) = (given.next(), given.next()) {
        let message = format!("both {first} and {second} are given; an element has one orientation");
        return Err(attrs.error(second, message));
    }
    if let Some(q) = attrs.numbers("quat")? {
        return normalize(q).ok_or_else(|| attrs.error("quat", "quat must not be all zeros"));
    }
    if let Some([x, y, z, angle]) = attrs.numbers("axisangle")? {
        let Some(axis) = normalize([x, y, z]) else {
            return Err(attrs.error("axisangle", "the axis in axisangle must not be zero"));
        };
        return Ok(axis_angle(axis, compiler.radians(angle)));
    }
    if let Some(angles) = attrs.numbers::<3>("euler")? {
        let mut q = [1.0, 0.0, 0.0, 0.0];
        for ((axis, intrinsic), angle) in compiler.euler.into_iter().zip(angles) {
            let mut unit = [0.0; 3];
            unit[axis] = 1.0;
            let turn = axis_angle(unit, compiler.radians(angle));
            q = if intrinsic { quat_mul(q, turn) } else { quat_mul(turn, q) };
        }
        return Ok(q);
    }
    if let Some([x0, x1, x2, y0, y1, y2]) = attrs.numbers("xyaxes")? {
        let unit = |v: Vector3<f64>| normalize(v.into()).map(Vector3::from);
        let degenerate = || attrs.error("xyaxes", "the two axes in xyaxes must not be parallel or zero");
        let x = unit(Vector3::new(x0, x1, x2)).ok_or_else(degenerate)?;
        let y = unit(Vector3::new(y0, y1, y2)).ok_or_else(degenerate)?;
        let y = y - x * x.dot(&y);
        if y.norm() < 1e-10 {
            return Err(degenerate());
        }
        let y = unit(y).ok_or_else(degenerate)?;
        return Ok(matrix_to_quat(&Matrix3::from_columns(&[x, y, x.cross(&y)])));
    }
    match attrs.numbers::<3>("zaxis")? {
        Some(z) => z_to(z).ok_or_else(|| attrs.error("zaxis", "zaxis must not be zero")),
        None => Ok([1.0, 0.0, 0.0, 0.0]),
    }
}

/// Smallest rotation that takes the z axis to `direction`; `None` if that has no length.
pub(super) fn z_to(direction: [f64; 3]) -> Option<Quat> {
    let [x, y, z] = normalize(direction)?;
    // The axis z × direction; MuJoCo turns about x where it vanishes.
    let sine = (x * x + y * y).sqrt();
    let axis = normalize([-y, x, 0.0]).filter(|_| sine > 1e-14);
    Some(axis_angle(axis.unwrap_or([1.0, 0.0, 0.0]), libm::atan2(sine, z)))
}

fn axis_angle([x, y, z]: [f64; 3], angle: f64) -> Quat {
    let (sin, cos) = libm::sincos(angle / 2.0);
    [cos, x * sin, y * sin, z * sin]
}

//! Which joints of a body are one joint in rapier.

use nalgebra as na;
use rapier3d::dynamics::{JointAxesMask, JointAxis};

use crate::{Joint, JointKind, Model};

/// By number: linear, then angular.
pub(super) const AXES: [JointAxis; 6] =
    [JointAxis::LinX, JointAxis::LinY, JointAxis::LinZ, JointAxis::AngX, JointAxis::AngY, JointAxis::AngZ];

/// One model joint inside a rapier joint.
pub(super) struct Dof {
    pub joint: usize,
    /// 0..3 linear, 3..6 angular.
    pub axis: usize,
    /// Position among the rapier joint's free degrees of freedom.
    pub offset: usize,
    pub sign: f64,
}

/// Model joints that one rapier joint represents.
pub(super) struct JointGroup {
    pub anchor: na::Vector3<f64>,
    /// Joint axes in the body's frame.
    pub rotation: na::UnitQuaternion<f64>,
    pub locked: JointAxesMask,
    pub dofs: Vec<Dof>,
}

/// Packs a body's joints, in order, into as few rapier joints as possible: mutually orthogonal
/// slides and one hinge after them, with axes along one frame, are one joint (rapier panics on two
/// angular axes in one joint).
pub(super) fn group_joints(model: &Model, indices: &[usize]) -> Vec<JointGroup> {
    let mut groups = Vec::new();
    let mut rest = indices;
    while !rest.is_empty() {
        let mut take = 1;
        while take < rest.len() && frame_of(model, &rest[..=take]).is_some() {
            take += 1;
        }
        let (now, later) = rest.split_at(take);
        groups.push(make_group(model, now));
        rest = later;
    }
    groups
}

/// An orthonormal frame whose axes carry all the joints' axes, if slides precede a single hinge.
fn frame_of(model: &Model, joints: &[usize]) -> Option<na::Matrix3<f64>> {
    let joints: Vec<&Joint> = joints.iter().map(|&j| &model.joints[j]).collect();
    if joints.len() > 1 && joints.iter().any(|j| matches!(j.kind, JointKind::Ball | JointKind::Free)) {
        return None;
    }
    if joints[..joints.len() - 1].iter().any(|j| j.kind == JointKind::Hinge) {
        return None;
    }
    let mut axes: Vec<na::Vector3<f64>> = Vec::new();
    for joint in &joints {
        let axis = na::Vector3::from(joint.axis).normalize();
        let parallel = axes.iter().any(|a| a.dot(&axis).abs() > 1.0 - 1e-9);
        let orthogonal = axes.iter().all(|a| a.dot(&axis).abs() < 1e-9);
        match (joint.kind, parallel, orthogonal) {
            (JointKind::Hinge, true, _) => (),
            (_, _, true) => axes.push(axis),
            _ => return None,
        }
    }
    let x = axes[0];
    let y = axes.get(1).copied().unwrap_or_else(|| {
        let helper = if x.x.abs() < 0.9 { na::Vector3::x() } else { na::Vector3::y() };
        x.cross(&helper).normalize()
    });
    Some(na::Matrix3::from_columns(&[x, y, x.cross(&y)]))
}

fn make_group(model: &Model, indices: &[usize]) -> JointGroup {
    let first = &model.joints[indices[0]];
    if first.kind == JointKind::Ball {
        return JointGroup {
            anchor: na::Vector3::from(first.pos),
            rotation: na::UnitQuaternion::identity(),
            locked: JointAxesMask::LIN_AXES,
            dofs: vec![Dof { joint: indices[0], axis: 3, offset: 0, sign: 1.0 }],
        };
    }
    let frame = frame_of(model, indices).expect("one joint always has a frame");
    let last = &model.joints[*indices.last().expect("a group is not empty")];
    let mut locked = JointAxesMask::all();
    let mut dofs = Vec::new();
    for &index in indices {
        let joint = &model.joints[index];
        let axis = na::Vector3::from(joint.axis).normalize();
        let column = (0..3).max_by(|&a, &b| {
            let along = |c: usize| frame.column(c).dot(&axis).abs();
            along(a).total_cmp(&along(b))
        });
        let column = column.expect("three columns");
        let axis_id = column + if joint.kind == JointKind::Hinge { 3 } else { 0 };
        locked.remove(JointAxesMask::from_bits_truncate(1 << axis_id));
        dofs.push(Dof {
            joint: index,
            axis: axis_id,
            offset: 0,
            sign: frame.column(column).dot(&axis).signum(),
        });
    }
    // rapier orders a joint's free degrees of freedom by axis, linear first.
    let order: Vec<usize> = dofs.iter().map(|d| d.axis).collect();
    for dof in &mut dofs {
        dof.offset = order.iter().filter(|&&a| a < dof.axis).count();
    }
    JointGroup {
        anchor: na::Vector3::from(last.pos),
        rotation: na::UnitQuaternion::from_rotation_matrix(&na::Rotation3::from_matrix_unchecked(frame)),
        locked,
        dofs,
    }
}

//! How the sensors of a lane change.

use nalgebra as na;

use super::dual::Dual;
use super::lane::Lane;
use super::work::{Shared, Work};
use crate::Sensor;
use crate::inertia::matrix_to_quat;

/// A vector with its change.
#[derive(Clone, Copy)]
struct Moving {
    value: na::Vector3<f64>,
    change: na::Vector3<f64>,
}

impl Moving {
    fn cross(self, b: Self) -> Self {
        let change = self.change.cross(&b.value) + self.value.cross(&b.change);
        Self { value: self.value.cross(&b.value), change }
    }

    fn plus(self, b: Self) -> Self {
        Self { value: self.value + b.value, change: self.change + b.change }
    }
}

/// Changes of all sensors of a lane in direction `k`, from what a step leaves in its buffers.
pub(super) fn outcome<V: Lane>(
    shared: &Shared,
    work: &Work<Dual<V>>,
    sensors: &[Sensor],
    [lane, k]: [usize; 2],
    out: &mut [f32],
) {
    let (s, tables) = (&work.scratch, &shared.tables);
    let value = |v: &Dual<V>| f64::from(v.lanes()[lane]);
    let change = |v: &Dual<V>| f64::from(v.tangent[k].lanes()[lane]);
    let vector = |v: &[Dual<V>]| Moving {
        value: na::Vector3::from_fn(|i, _| value(&v[i])),
        change: na::Vector3::from_fn(|i, _| change(&v[i])),
    };
    let still = |value: na::Vector3<f64>| Moving { value, change: na::Vector3::zeros() };
    let mut at = 0;
    for &sensor in sensors {
        let out = &mut out[at..at + sensor.len()];
        at += sensor.len();
        let body = sensor.body();
        let (link, offset) = &tables.carriers[body];
        let none = still(na::Vector3::zeros());
        let (tree, pos, spin, shift) = link.map_or([none; 4].into(), |l| {
            let vel = &s.vel[l];
            (vector(&s.origin[tables.links[l].tree]), vector(&s.pos[l]), vector(&vel[..3]), vector(&vel[3..]))
        });
        let matrix =
            |of: &dyn Fn(&Dual<V>) -> f64, l: usize| na::Matrix3::from_fn(|i, j| of(&s.rot[l][3 * i + j]));
        let turn = link.map_or(na::Matrix3::identity(), |l| matrix(&value, l));
        let turning = link.map_or(na::Matrix3::zeros(), |l| matrix(&change, l));
        let turned = |v: na::Vector3<f64>| Moving { value: turn * v, change: turning * v };
        let origin = pos.plus(turned(offset.translation.vector));
        match sensor {
            Sensor::Position(_) => put(out, tree.plus(origin).change),
            Sensor::Orientation(_) => {
                let axes = offset.rotation.to_rotation_matrix();
                let [w, x, y, z] = matrix_to_quat(&(turn * axes.matrix()));
                // The matrix turns at the rate whose cross product is (change · transpose).
                let rate = turning * turn.transpose();
                let rate = na::Vector3::new(rate[(2, 1)], rate[(0, 2)], rate[(1, 0)]);
                let moved = na::Quaternion::from_imag(rate * 0.5) * na::Quaternion::new(w, x, y, z);
                for (out, moved) in out.iter_mut().zip([moved.w, moved.i, moved.j, moved.k]) {
                    *out = moved as f32;
                }
            }
            Sensor::Velocity(_) => {
                let com = (offset * na::Point3::from(shared.model.bodies[body].com)).coords;
                put(out, shift.plus(spin.cross(pos.plus(turned(com)))).change);
            }
            Sensor::AngularVelocity(_) => put(out, spin.change),
            Sensor::ContactForce(_) | Sensor::ContactTorque(_) | Sensor::Touch(_) => {
                let index = shared.touched.binary_search(&body).expect("collected from the sensors");
                let felt = &work.touch[index];
                let force = vector(&felt[..3]);
                match sensor {
                    Sensor::Touch(_) => out[0] = change(&felt[3]) as f32,
                    Sensor::ContactForce(_) => put(out, force.change),
                    _ => put(out, vector(&felt[4..]).change - origin.cross(force).change),
                }
            }
        }
    }
}

fn put(out: &mut [f32], v: na::Vector3<f64>) {
    for (out, &x) in out.iter_mut().zip(v.iter()) {
        *out = x as f32;
    }
}

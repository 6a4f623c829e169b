//! Sensor values of one lane, from what a step leaves in its buffers.

use nalgebra as na;

use super::lane::Lane;
use super::work::{Shared, Work};
use crate::Sensor;
use crate::inertia::matrix_to_quat;

/// Computes the sensors of a lane from poses and velocities in the scratch space, contact forces only if
/// there has been a step (`touch`).
#[inline(always)]
pub(super) fn sense<V: Lane>(shared: &Shared, work: &Work<V>, lane: usize, touch: bool, out: &mut [f32]) {
    let (s, tables) = (&work.scratch, &shared.tables);
    let mut at = 0;
    for &sensor in &shared.sensors {
        let out = &mut out[at..at + sensor.len()];
        at += sensor.len();
        let body = sensor.body();
        let (link, offset) = &tables.carriers[body];
        let vector = |v: [f32; 3]| na::Vector3::from(v);
        let (origin, rot, pos, spin, shift) = match *link {
            Some(l) => (
                lane3(&s.origin[tables.links[l].tree], lane),
                na::Matrix3::from_fn(|i, j| s.rot[l][3 * i + j].lanes()[lane]),
                lane3(&s.pos[l], lane),
                lane3(&s.vel[l][..3], lane),
                lane3(&s.vel[l][3..], lane),
            ),
            None => {
                let z = na::Vector3::zeros();
                (z, na::Matrix3::identity(), z, z, z)
            }
        };
        let offset = offset.cast::<f32>();
        match sensor {
            Sensor::Position(_) => {
                let p = origin + (pos + rot * offset.translation.vector);
                out.copy_from_slice(p.as_slice());
            }
            Sensor::Orientation(_) => {
                let m = rot * offset.rotation.to_rotation_matrix().matrix();
                let quat = matrix_to_quat(&m.cast::<f64>());
                out.copy_from_slice(&quat.map(|x| x as f32));
            }
            Sensor::Velocity(_) => {
                let com = vector(shared.model.bodies[body].com.map(|x| x as f32));
                let at = pos + rot * (offset * na::Point3::from(com)).coords;
                out.copy_from_slice((shift + spin.cross(&at)).as_slice());
            }
            Sensor::AngularVelocity(_) => out.copy_from_slice(spin.as_slice()),
            Sensor::ContactForce(_) | Sensor::ContactTorque(_) | Sensor::Touch(_) => {
                let index = shared.touched.binary_search(&body).expect("collected from the sensors");
                let felt = work.touch[index].map(|v| if touch { v.lanes()[lane] } else { 0.0 });
                let force = vector([felt[0], felt[1], felt[2]]);
                match sensor {
                    Sensor::Touch(_) => out[0] = felt[3],
                    Sensor::ContactForce(_) => out.copy_from_slice(force.as_slice()),
                    _ => {
                        let at = pos + rot * offset.translation.vector;
                        let moment = vector([felt[4], felt[5], felt[6]]) - at.cross(&force);
                        out.copy_from_slice(moment.as_slice());
                    }
                }
            }
        }
    }
}

/// The vector of a lane.
#[inline(always)]
fn lane3<V: Lane>(v: &[V], lane: usize) -> na::Vector3<f32> {
    na::Vector3::new(v[0].lanes()[lane], v[1].lanes()[lane], v[2].lanes()[lane])
}

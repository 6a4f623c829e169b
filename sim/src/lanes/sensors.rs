//! Sensor values of all lanes at once, from what a step leaves in its buffers.
//!
//! Plain multiplications and additions in nalgebra's order, so that the values are those of its formulas,
//! world by world.

use super::gauge::{Gauge, Kind};
use super::lane::{Lane, WIDTH};
use super::vector::{M3, V3, add, array, splat3, sub};
use super::work::{Shared, Work};

/// `r · x`, each product and sum rounded.
#[inline(always)]
fn turned<V: Lane>(r: &M3<V>, x: V3<V>) -> V3<V> {
    array!([V::zero(); 3]; i => r[3 * i] * x[0] + r[3 * i + 1] * x[1] + r[3 * i + 2] * x[2])
}

/// `a × b`, each product and difference rounded.
#[inline(always)]
fn crossed<V: Lane>(a: V3<V>, b: V3<V>) -> V3<V> {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// Computes the sensors of all lanes from poses and velocities in the scratch space, contact forces only if
/// there has been a step (`touch`).
#[inline(always)]
pub(super) fn sense<V: Lane>(shared: &Shared, work: &mut Work<V>, touch: bool) {
    let Work { scratch: s, touch: felt, sensed, .. } = work;
    let (z, one) = (V::zero(), V::splat(1.0));
    let identity = [one, z, z, z, one, z, z, z, one];
    let mut at = 0;
    for Gauge { link, kind } in &shared.gauges {
        let (origin, rot, pos, spin, shift) = match *link {
            Some((l, tree)) => {
                let v = &s.vel[l];
                (s.origin[tree], s.rot[l], s.pos[l], [v[0], v[1], v[2]], [v[3], v[4], v[5]])
            }
            None => ([z; 3], identity, [z; 3], [z; 3], [z; 3]),
        };
        let values = &mut sensed[at..at + kind.len()];
        at += kind.len();
        match kind {
            Kind::Position(offset) => {
                let place = add(pos, turned(&rot, splat3(*offset)));
                values.copy_from_slice(&add(origin, place));
            }
            Kind::Orientation(axes) => {
                let mut m = [z; 9];
                for j in 0..3 {
                    let column = turned(&rot, splat3([axes[j], axes[3 + j], axes[6 + j]]));
                    for i in 0..3 {
                        m[3 * i + j] = column[i];
                    }
                }
                values.copy_from_slice(&quaternions(&m));
            }
            Kind::Velocity(com) => {
                let arm = add(pos, turned(&rot, splat3(*com)));
                values.copy_from_slice(&add(shift, crossed(spin, arm)));
            }
            Kind::AngularVelocity => values.copy_from_slice(&spin),
            Kind::Force(index) => {
                let f = if touch { felt[*index] } else { [z; 7] };
                values.copy_from_slice(&f[..3]);
            }
            Kind::Torque(index, offset) => {
                let f = if touch { felt[*index] } else { [z; 7] };
                let arm = add(pos, turned(&rot, splat3(*offset)));
                let moment = sub([f[4], f[5], f[6]], crossed(arm, [f[0], f[1], f[2]]));
                values.copy_from_slice(&moment);
            }
            Kind::Touch(index) => values[0] = if touch { felt[*index][3] } else { z },
        }
    }
}

/// Of four numbers the one for the case that holds.
#[inline(always)]
fn pick(case: (bool, bool, bool), of: [f64; 4]) -> f64 {
    let rest = if case.2 { of[2] } else { of[3] };
    let rest = if case.1 { of[1] } else { rest };
    if case.0 { of[0] } else { rest }
}

/// [`matrix_to_quat`](crate::inertia::matrix_to_quat) of every lane, without branches.
#[inline(always)]
fn quaternions<V: Lane>(m: &M3<V>) -> [V; 4] {
    let mut out = [V::zero(); 4];
    let mut wide = [[0.0_f64; WIDTH]; 4];
    let lanes = [
        m[0].lanes(),
        m[1].lanes(),
        m[2].lanes(),
        m[3].lanes(),
        m[4].lanes(),
        m[5].lanes(),
        m[6].lanes(),
        m[7].lanes(),
        m[8].lanes(),
    ];
    for lane in 0..WIDTH {
        let mut entry = [0.0; 9];
        for (entry, lanes) in entry.iter_mut().zip(&lanes) {
            *entry = f64::from(lanes[lane]);
        }
        let [a, m01, m02, m10, b, m12, m20, m21, c] = entry;
        let (x, y, z) = (m21 - m12, m02 - m20, m10 - m01);
        let (xy, xz, yz) = (m01 + m10, m02 + m20, m12 + m21);
        let case = (a + b + c > 0.0, (a > b) & (a > c), b > c);
        let r0 = pick(case, [1.0 + a + b + c, x, y, z]);
        let r1 = pick(case, [x, 1.0 + a - b - c, xy, xz]);
        let r2 = pick(case, [y, xy, 1.0 - a + b - c, yz]);
        let r3 = pick(case, [z, xz, yz, 1.0 - a - b + c]);
        let largest = 0.0_f64.max(r0.abs()).max(r1.abs()).max(r2.abs()).max(r3.abs());
        let nan = r0.is_nan() | r1.is_nan() | r2.is_nan() | r3.is_nan();
        let sound = (largest < f64::INFINITY) & (largest > 1e-100) & !nan;
        let (s0, s1, s2, s3) = (r0 / largest, r1 / largest, r2 / largest, r3 / largest);
        let norm = (s0 * s0 + s1 * s1 + s2 * s2 + s3 * s3).sqrt();
        wide[0][lane] = if sound { s0 / norm } else { 1.0 };
        wide[1][lane] = if sound { s1 / norm } else { 0.0 };
        wide[2][lane] = if sound { s2 / norm } else { 0.0 };
        wide[3][lane] = if sound { s3 / norm } else { 0.0 };
    }
    for (out, wide) in out.iter_mut().zip(&wide) {
        for (out, &wide) in out.lanes_mut().iter_mut().zip(wide) {
            *out = wide as f32;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::sync::Arc;

    use nalgebra as na;

    use super::super::blocks::Rows;
    use super::super::dynamics::Scratch;
    use super::super::portable::Portable;
    use super::super::table::Tables;
    use super::*;
    use crate::inertia::matrix_to_quat;
    use crate::{EngineKind, Model, Sensor, StepOptions};

    /// A body fixed in the world, and two links with a turned and a shifted body.
    const MODEL: &str = r#"<mujoco><worldbody>
        <body pos="0.3 -0.2 0.1" euler="10 20 30"><geom size="0.1"/></body>
        <body pos="0 0 1"><freejoint/><geom size="0.1" pos="0.02 0 0.01"/>
          <body pos="0.1 0.2 -0.3" euler="40 -50 60"><geom type="capsule" size="0.05 0.1" pos="0 0.03 0"/>
          <body pos="0.2 0 0.1" euler="0 0 90"><joint axis="0 1 0" pos="0.1 0 0"/>
            <geom size="0.08" pos="0.05 0.02 0"/></body></body></body></worldbody></mujoco>"#;

    /// Numbers in −1..1 without a pattern.
    fn numbers(seed: u64) -> impl FnMut() -> f32 {
        let mut state = seed;
        move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        }
    }

    #[test]
    fn sensors_are_those_of_the_formulas_world_by_world() {
        let model = Arc::new(Model::from_mjcf(MODEL, "test.xml").unwrap());
        let options = StepOptions { engine: EngineKind::Lanes, timestep: 0.01, substeps: 1, iterations: 1 };
        let tables = Tables::new(&model, options);
        let touched: Vec<usize> = (1..model.bodies.len()).collect();
        let kinds = [
            Sensor::Position,
            Sensor::Orientation,
            Sensor::Velocity,
            Sensor::AngularVelocity,
            Sensor::ContactForce,
            Sensor::ContactTorque,
            Sensor::Touch,
        ];
        let sensors: Vec<Sensor> = touched.iter().flat_map(|&b| kinds.map(|kind| kind(b))).collect();
        let gauges = sensors.iter().map(|&s| Gauge::new(&model, &tables, &touched, s)).collect();
        let mut random = numbers(1);
        let mut fill = |v: &mut Portable| v.lanes_mut().iter_mut().for_each(|x| *x = random());
        let mut work = Work {
            scratch: Scratch::<Portable>::new(&tables),
            rows: Rows::new(&tables, true),
            touch: vec![[Portable::NONE; 7]; touched.len()],
            sensed: vec![Portable::NONE; sensors.iter().map(|s| s.len()).sum()],
            bad: Portable::NONE,
        };
        let s = &mut work.scratch;
        s.rot.as_flattened_mut().iter_mut().for_each(&mut fill);
        s.pos.as_flattened_mut().iter_mut().for_each(&mut fill);
        s.vel.as_flattened_mut().iter_mut().for_each(&mut fill);
        s.origin.as_flattened_mut().iter_mut().for_each(&mut fill);
        work.touch.as_flattened_mut().iter_mut().for_each(&mut fill);
        let shared = Shared { model: Arc::clone(&model), tables, gauges, touched };
        for touch in [true, false] {
            sense(&shared, &mut work, touch);
            for lane in 0..WIDTH {
                let expected = plain(&shared, &work, &sensors, lane, touch);
                let ours: Vec<f32> = work.sensed.iter().map(|v| v.lanes()[lane]).collect();
                assert_eq!(ours.len(), expected.len());
                for (i, (a, b)) in ours.iter().zip(&expected).enumerate() {
                    assert_eq!(a.to_bits(), b.to_bits(), "value {i} of lane {lane}: {a} {b}");
                }
            }
        }
    }

    /// The formulas, for one lane.
    fn plain(
        shared: &Shared,
        work: &Work<Portable>,
        sensors: &[Sensor],
        lane: usize,
        touch: bool,
    ) -> Vec<f32> {
        let (s, tables) = (&work.scratch, &shared.tables);
        let three = |v: &[Portable]| na::Vector3::from_fn(|i, _| v[i].lanes()[lane]);
        let mut out = Vec::new();
        for &sensor in sensors {
            let (link, offset) = &tables.carriers[sensor.body()];
            let (origin, rot, pos, spin, shift) = match *link {
                Some(l) => (
                    three(&s.origin[tables.links[l].tree]),
                    na::Matrix3::from_fn(|i, j| s.rot[l][3 * i + j].lanes()[lane]),
                    three(&s.pos[l]),
                    three(&s.vel[l][..3]),
                    three(&s.vel[l][3..]),
                ),
                None => {
                    let z = na::Vector3::zeros();
                    (z, na::Matrix3::identity(), z, z, z)
                }
            };
            let offset = offset.cast::<f32>();
            let felt = |i: usize| {
                let index = shared.touched.binary_search(&sensor.body()).unwrap();
                if touch { work.touch[index][i].lanes()[lane] } else { 0.0 }
            };
            let force = || na::Vector3::new(felt(0), felt(1), felt(2));
            match sensor {
                Sensor::Position(_) => {
                    out.extend_from_slice((origin + (pos + rot * offset.translation.vector)).as_slice());
                }
                Sensor::Orientation(_) => {
                    let m = rot * offset.rotation.to_rotation_matrix().matrix();
                    out.extend(matrix_to_quat(&m.cast::<f64>()).map(|x| x as f32));
                }
                Sensor::Velocity(body) => {
                    let com = na::Point3::from(shared.model.bodies[body].com.map(|x| x as f32));
                    let at = pos + rot * (offset * com).coords;
                    out.extend_from_slice((shift + spin.cross(&at)).as_slice());
                }
                Sensor::AngularVelocity(_) => out.extend_from_slice(spin.as_slice()),
                Sensor::ContactForce(_) => out.extend_from_slice(force().as_slice()),
                Sensor::ContactTorque(_) => {
                    let at = pos + rot * offset.translation.vector;
                    let moment = na::Vector3::new(felt(4), felt(5), felt(6)) - at.cross(&force());
                    out.extend_from_slice(moment.as_slice());
                }
                Sensor::Touch(_) => out.push(felt(3)),
            }
        }
        out
    }

    #[test]
    fn quaternions_are_those_of_one_matrix_at_a_time() {
        let mut random = numbers(2);
        let mut seen = [0; 4];
        for round in 0..200 {
            let mut m = [Portable::NONE; 9];
            for lane in 0..WIDTH {
                let turn = na::Quaternion::new(random(), random(), random(), random());
                let turn = na::UnitQuaternion::from_quaternion(turn).to_rotation_matrix();
                // What is no rotation has an answer, too.
                let odd = [f32::NAN, f32::INFINITY, 0.0, -1.0][round % 4];
                for (i, entry) in m.iter_mut().enumerate() {
                    let of_turn = turn[(i / 3, i % 3)];
                    entry.lanes_mut()[lane] = if round % 10 == 0 && lane % 3 == 0 { odd } else { of_turn };
                }
            }
            let ours = quaternions(&m);
            for lane in 0..WIDTH {
                let matrix = na::Matrix3::from_fn(|i, j| f64::from(m[3 * i + j].lanes()[lane]));
                let expected = matrix_to_quat(&matrix).map(|x| x as f32);
                let largest = (0..4).max_by(|&a, &b| expected[a].abs().total_cmp(&expected[b].abs()));
                seen[largest.unwrap()] += 1;
                for (i, (ours, expected)) in ours.iter().zip(expected).enumerate() {
                    assert_eq!(ours.lanes()[lane].to_bits(), expected.to_bits(), "{i} {matrix}");
                }
            }
        }
        assert!(seen.iter().all(|&n| n > 100), "each entry is the largest one at times: {seen:?}");
    }
}

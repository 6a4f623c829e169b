//! MuJoCo's joint limits in rapier.
//!
//! rapier's own are springs or hard stops. MuJoCo's give way to an impact and hold against a load: the
//! acceleration at a limit is (1 − d) · the one without it + d · (−b · rate − k · violation). Here
//! they are joint forces for a physics step, with the other forces taken from the step before.

use rapier3d::dynamics::MultibodyIndex;
use rapier3d::math::DVector;

use super::drives::Drive;
use super::state::{JointMap, Kept, RapierState};
use crate::softness::Softness;
use crate::{Joint, Model};

/// Gauss-Seidel sweeps over the limits that are reached.
const SWEEPS: usize = 8;

/// A limited hinge or slide.
pub(super) struct Limit {
    pub drive: Drive,
    /// Index into the model's joints.
    pub joint: usize,
    range: [f32; 2],
    margin: f32,
    softness: Softness,
}

/// Room for a step's limits, so that none is allocated.
#[derive(Default)]
pub(super) struct Room {
    rows: Vec<Row>,
    /// Per row: acceleration in the last step, without the limits' forces.
    free: Vec<f32>,
    /// Acceleration of a row per force of another.
    response: Vec<f32>,
    column: DVector,
}

/// A limit that is reached, or was in the last step.
struct Row {
    limit: usize,
    multibody: MultibodyIndex,
    /// Degree of freedom in the multibody, and the sign of the joint's coordinate there.
    dof: usize,
    sign: f32,
    /// 1 at the lower limit, −1 at the upper, 0 if it is not reached.
    side: f32,
    /// Acceleration that the limit asks for.
    reference: f32,
    impedance: f32,
    effort: f32,
}

impl Limit {
    pub(super) fn new(model: &Model, joint: usize, drive: Drive, timestep: f64) -> Self {
        let j = &model.joints[joint];
        let softness = Softness::new(j.solref_limit, j.solimp_limit, timestep);
        Self { drive, joint, range: j.range.map(|x| x as f32), margin: j.margin as f32, softness }
    }

    /// Whether a physics step of `timestep` seconds is short enough for a joint's limits: their
    /// damping, which follows the rate of the step before, may not do more than stop it.
    pub(super) fn possible(joint: &Joint, timestep: f64) -> bool {
        f64::from(Softness::new(joint.solref_limit, joint.solimp_limit, 0.0).b) * timestep <= 1.0
    }
}

impl RapierState {
    /// Forgets what was before a reset.
    pub(super) fn rest_limits(&mut self, limits: &[Limit], joints: &[JointMap]) {
        self.limits.clear();
        for limit in limits {
            let (_, rate, ..) = self.coordinate(&joints[limit.joint]);
            self.limits.push(Kept { rate, effort: 0.0 });
        }
    }

    /// Applies the limits' forces for the coming physics step of `dt` seconds, after motors and drag.
    pub(super) fn limit(&mut self, limits: &[Limit], joints: &[JointMap], dt: f32, room: &mut Room) {
        let Room { rows, free, response, column } = room;
        rows.clear();
        free.clear();
        for (index, limit) in limits.iter().enumerate() {
            let (q, v, multibody, dof, sign) = self.coordinate(&joints[limit.joint]);
            let kept = self.limits[index];
            self.limits[index] = Kept { rate: v, effort: 0.0 };
            let (low, high) = (q - limit.range[0], limit.range[1] - q);
            let (side, distance) = if low <= high { (1.0, low) } else { (-1.0, high) };
            let r = distance - limit.margin;
            let reached = r < 0.0;
            if !reached && kept.effort == 0.0 {
                continue;
            }
            let impedance = limit.softness.impedance(r);
            let reference = -limit.softness.b * side * v - limit.softness.k * impedance * r;
            let side = if reached { side } else { 0.0 };
            free.push((v - kept.rate) / dt);
            rows.push(Row {
                limit: index,
                multibody,
                dof,
                sign,
                side,
                reference,
                impedance,
                effort: kept.effort,
            });
        }
        if rows.is_empty() {
            return;
        }
        let n = rows.len();
        response.clear();
        response.resize(n * n, 0.0);
        for (j, row) in rows.iter().enumerate() {
            let multibody = self.multibody_joints.get_multibody_mut(row.multibody).expect("just read");
            if multibody.inv_augmented_mass().lu_internal().nrows() != multibody.ndofs() {
                // Before the first step there is no mass matrix; this makes one.
                let _ = multibody.dof_inverse_inertia(&self.bodies);
            }
            column.resize_vertically_mut(multibody.ndofs(), 0.0);
            column.fill(0.0);
            column[row.dof] = row.sign;
            multibody.inv_augmented_mass().solve_mut(column);
            for (i, other) in rows.iter().enumerate().filter(|(_, o)| o.multibody == row.multibody) {
                response[i * n + j] = other.sign * column[other.dof];
            }
        }
        for (i, free) in free.iter_mut().enumerate() {
            let forces = response[i * n..].iter().zip(rows.iter());
            *free -= forces.map(|(a, row)| a * row.effort).sum::<f32>();
        }
        for row in rows.iter_mut() {
            // What pulls is no start.
            row.effort = if row.side * row.effort > 0.0 { row.effort } else { 0.0 };
        }
        for _ in 0..SWEEPS {
            for i in 0..n {
                if rows[i].side == 0.0 {
                    continue;
                }
                let own = response[i * n + i];
                let forces = response[i * n..].iter().zip(rows.iter());
                let acceleration = free[i] + forces.map(|(a, row)| a * row.effort).sum::<f32>();
                let row = &mut rows[i];
                let soft = own * (1.0 - row.impedance) / row.impedance;
                let force = row.side * row.effort;
                let residual = row.side * acceleration + soft * force - row.reference;
                row.effort = row.side * (force - residual / (own + soft)).max(0.0);
            }
        }
        for row in rows.iter() {
            self.limits[row.limit].effort = row.effort;
            if row.effort != 0.0 {
                limits[row.limit].drive.apply(self, row.effort);
            }
        }
    }
}

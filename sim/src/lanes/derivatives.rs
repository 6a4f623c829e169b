//! Derivatives of a control step: worlds and directions in lanes of [`Dual`] numbers.
//!
//! A lane computes a world in [`DIRECTIONS`] directions, so that a world with its `n` inputs fills `n / DIRECTIONS`
//! lanes, and the next world goes on in the lane after them.

use std::ops::Range;

use nalgebra as na;

use super::dual::{DIRECTIONS, Dual};
use super::dynamics::Group;
use super::lane::{Lane, WIDTH};
use super::sensed::outcome;
use super::work::{Run, Shared, Work};
use crate::engine::Ask;
use crate::jacobian::{Jacobian, Parameter};
use crate::{JointKind, Model, Sensor};

/// A world with the inputs that its lane differentiates by.
#[derive(Clone)]
struct Slot {
    world: usize,
    inputs: Range<usize>,
}

/// Registers of one step with derivatives.
pub(super) struct Derivatives<V> {
    group: Group<Dual<V>>,
    work: Work<Dual<V>>,
    sensors: Vec<Sensor>,
    /// One per lane that is used.
    slots: Vec<Slot>,
    /// Changes of all outcomes in one direction.
    column: Vec<f32>,
}

/// What is to be differentiated, and the worlds as they are.
pub(super) struct Request<'a, V> {
    pub groups: &'a [Group<V>],
    pub ask: &'a Ask<'a>,
}

impl<V: Lane> Derivatives<V>
where
    Dual<V>: Run,
{
    pub(super) fn new(shared: &Shared, sensors: &[Sensor]) -> Self {
        let Shared { tables, touched, .. } = shared;
        let moments = sensors.iter().any(|s| matches!(s, Sensor::ContactTorque(_)));
        let work = Work::new(tables, moments, touched.len(), sensors.iter().map(|s| s.len()).sum());
        let (slots, sensors) = (Vec::with_capacity(WIDTH), sensors.to_vec());
        Self { group: Group::new(tables), work, sensors, slots, column: Vec::new() }
    }

    /// Writes the Jacobians of the step that the worlds are about to do.
    pub(super) fn write<W: Lane>(&mut self, shared: &Shared, request: &Request<'_, W>, out: &mut [Jacobian]) {
        let Ask { active, parameters, .. } = request.ask;
        let model = &shared.model;
        let outcomes = 2 * model.nv() + self.sensors.iter().map(|s| s.len()).sum::<usize>();
        let inputs = 2 * model.nv() + model.nu() + parameters.len();
        self.column.resize(outcomes, 0.0);
        for world in (0..active.len()).filter(|&world| active[world]) {
            out[world].resize(outcomes, inputs);
            for first in (0..inputs).step_by(DIRECTIONS) {
                self.slots.push(Slot { world, inputs: first..(first + DIRECTIONS).min(inputs) });
                if self.slots.len() == WIDTH {
                    self.flush(shared, request, out);
                }
            }
        }
        if !self.slots.is_empty() {
            self.flush(shared, request, out);
        }
    }

    /// Steps the slots that have been collected and hands out their columns.
    fn flush<W: Lane>(&mut self, shared: &Shared, request: &Request<'_, W>, out: &mut [Jacobian]) {
        let slots = std::mem::take(&mut self.slots);
        self.group.pushed.clear();
        self.group.pressed.fill(true);
        for lane in 0..WIDTH {
            // Lanes without a slot compute, too.
            let slot = slots.get(lane).unwrap_or(&slots[0]);
            self.load(shared, request, lane, slot);
        }
        self.group.pushed.sort_unstable();
        self.group.pushed.dedup();
        Dual::step(shared, &mut self.group, &mut self.work);
        for (lane, slot) in slots.iter().enumerate() {
            for (k, input) in slot.inputs.clone().enumerate() {
                self.read(shared, lane, k);
                for (row, &value) in self.column.iter().enumerate() {
                    out[slot.world].set(row, input, value);
                }
            }
        }
        self.slots = slots;
        self.slots.clear();
    }

    /// Puts a world into a lane with the derivatives of its inputs.
    fn load<W: Lane>(&mut self, shared: &Shared, request: &Request<'_, W>, lane: usize, slot: &Slot) {
        let (from, at) = (&request.groups[slot.world / WIDTH], slot.world % WIDTH);
        let to = &mut self.group;
        for (to, from) in to.state_mut().into_iter().zip(from.state()) {
            copy(to, from, lane, at);
        }
        copy(&mut to.gravity, &from.gravity, lane, at);
        copy(std::slice::from_mut(&mut to.friction), std::slice::from_ref(&from.friction), lane, at);
        copy(&mut to.gear, &from.gear, lane, at);
        copy(to.inertia.as_flattened_mut(), from.inertia.as_flattened(), lane, at);
        copy(to.push.as_flattened_mut(), from.push.as_flattened(), lane, at);
        to.pushed.extend(&from.pushed);
        let motors = &shared.tables.motors;
        let controls = &request.ask.controls[slot.world * motors.len()..][..motors.len()];
        for (k, (motor, &control)) in motors.iter().zip(controls).enumerate() {
            let control = if control.is_nan() { 0.0 } else { control };
            let gear = if motor.servo.is_some() { 1.0 } else { from.gear[k].lanes()[at] };
            to.effort[k].lanes_mut()[lane] = gear * control.clamp(motor.range[0], motor.range[1]);
            to.effort[k].tangent.iter_mut().for_each(|t| t.lanes_mut()[lane] = 0.0);
        }
        for (k, input) in slot.inputs.clone().enumerate() {
            self.seed(shared, request, slot.world, input, [lane, k]);
        }
    }

    /// Sets the derivatives of the state and the constants by one input to what it changes at once.
    fn seed<W>(
        &mut self,
        shared: &Shared,
        request: &Request<'_, W>,
        world: usize,
        input: usize,
        [lane, k]: [usize; 2],
    ) {
        let (model, tables, to) = (&shared.model, &shared.tables, &mut self.group);
        let nv = model.nv();
        let set = |to: &mut Dual<V>, x: f64| to.tangent[k].lanes_mut()[lane] = x as f32;
        if input < 2 * nv {
            let dof = input % nv;
            let joint = model.joints.iter().rfind(|j| j.dof_adr <= dof).expect("each belongs to a joint");
            let (free, part) = (joint.kind == JointKind::Free, dof - joint.dof_adr);
            // Where the coordinates of an orientation begin.
            let first = if free { 3 } else { 0 };
            if part < first || joint.kind.nv() == 1 {
                let at = if input < nv { &mut to.qpos[joint.qpos_adr + part] } else { &mut to.qvel[dof] };
                set(at, 1.0);
                return;
            }
            let quat = &mut to.qpos[joint.qpos_adr + first..][..4];
            let rate = &mut to.qvel[joint.dof_adr + first..][..3];
            let turn = orientation(quat, lane);
            let axis = na::Vector3::ith(part - first, 1.0);
            let rate_change = match (input < nv, free) {
                // The velocity of a free joint is in the world's axes here: it turns with the body.
                (true, true) => {
                    let rate = na::Vector3::from_fn(|i, _| f64::from(rate[i].lanes()[lane]));
                    (turn * axis).cross(&rate)
                }
                (true, false) => na::Vector3::zeros(),
                (false, true) => turn * axis,
                (false, false) => axis,
            };
            rate.iter_mut().zip(&rate_change).for_each(|(to, &x)| set(to, x));
            if input < nv {
                let change = turn.into_inner() * na::Quaternion::from_imag(axis * 0.5);
                let entries = [change.w, change.i, change.j, change.k];
                quat.iter_mut().zip(entries).for_each(|(to, x)| set(to, x));
            }
            return;
        }
        let motors = &tables.motors;
        let control = |motor: usize| request.ask.controls[world * motors.len() + motor];
        let motor = input - 2 * nv;
        if motor < motors.len() {
            let [low, high] = motors[motor].range;
            // At an end of its range, a control can still move inwards.
            if (low..=high).contains(&control(motor)) {
                let gear = f64::from(to.gear[motor].lanes()[lane]);
                set(&mut to.effort[motor], if motors[motor].servo.is_some() { 1.0 } else { gear });
            }
            return;
        }
        match request.ask.parameters[motor - motors.len()] {
            Parameter::Friction => set(&mut to.friction, 1.0),
            Parameter::Gravity(axis) => set(&mut to.gravity[axis], 1.0),
            Parameter::Gear(motor) => {
                let gear = motors[motor].gear;
                set(&mut to.gear[motor], f64::from(gear));
                if motors[motor].servo.is_none() {
                    let [low, high] = motors[motor].range;
                    let control = if control(motor).is_nan() { 0.0 } else { control(motor).clamp(low, high) };
                    set(&mut to.effort[motor], f64::from(gear) * f64::from(control));
                }
            }
            Parameter::Mass(body) => {
                let Some(link) = tables.carriers[body].0 else { return };
                let factors = &request.ask.constants[world].mass;
                let step = 1e-4 * f64::from(factors[body]);
                let moved = |step: f64| {
                    let own = |b: usize| f64::from(factors[b]) + if b == body { step } else { 0.0 };
                    tables.exact_inertia(link, own)
                };
                let (more, less) = (moved(step), moved(-step));
                for (to, (more, less)) in to.inertia[link].iter_mut().zip(more.into_iter().zip(less)) {
                    set(to, (more - less) / (2.0 * step));
                }
            }
        }
    }

    /// Changes of all outcomes of a lane in one direction, into `column`.
    fn read(&mut self, shared: &Shared, lane: usize, k: usize) {
        let model: &Model = &shared.model;
        let (from, nv) = (&self.group, model.nv());
        let change = |v: &Dual<V>| f64::from(v.tangent[k].lanes()[lane]);
        let value = |v: &Dual<V>| f64::from(v.lanes()[lane]);
        let (of_qpos, rest) = self.column.split_at_mut(nv);
        let (of_qvel, of_sensors) = rest.split_at_mut(nv);
        for joint in &model.joints {
            let free = joint.kind == JointKind::Free;
            let (q, v) = (&from.qpos[joint.qpos_adr..], &from.qvel[joint.dof_adr..]);
            let (to_q, to_v) = (&mut of_qpos[joint.dof_adr..], &mut of_qvel[joint.dof_adr..]);
            for i in 0..joint.kind.nv() {
                to_v[i] = change(&v[i]) as f32;
            }
            match joint.kind {
                JointKind::Hinge | JointKind::Slide => {
                    to_q[0] = change(&q[0]) as f32;
                    continue;
                }
                JointKind::Free => (0..3).for_each(|i| to_q[i] = change(&q[i]) as f32),
                JointKind::Ball => {}
            }
            let (q, at) = if free { (&q[3..7], 3) } else { (&q[..4], 0) };
            let turn = orientation(q, lane);
            let moved = na::Quaternion::new(change(&q[0]), change(&q[1]), change(&q[2]), change(&q[3]));
            let moved = (turn.conjugate().into_inner() * moved).imag() * 2.0;
            (0..3).for_each(|i| to_q[at + i] = moved[i] as f32);
            if free {
                // From the world's axes to the body's, which have turned.
                let of = |f: &dyn Fn(&Dual<V>) -> f64| na::Vector3::from_fn(|i, _| f(&v[3 + i]));
                let own = turn.inverse() * of(&value);
                let moved = turn.inverse() * of(&change) - moved.cross(&own);
                (0..3).for_each(|i| to_v[3 + i] = moved[i] as f32);
            }
        }
        outcome(shared, &self.work, &self.sensors, [lane, k], of_sensors);
    }
}

/// Copies values from lane `at` to `lane`, without derivatives.
fn copy<V: Lane, W: Lane>(to: &mut [Dual<V>], from: &[W], lane: usize, at: usize) {
    for (to, from) in to.iter_mut().zip(from) {
        to.lanes_mut()[lane] = from.lanes()[at];
        to.tangent.iter_mut().for_each(|t| t.lanes_mut()[lane] = 0.0);
    }
}

/// The rotation in the first four coordinates of a lane.
fn orientation<V: Lane>(q: &[Dual<V>], lane: usize) -> na::UnitQuaternion<f64> {
    let [w, x, y, z] = std::array::from_fn(|i| f64::from(q[i].lanes()[lane]));
    na::UnitQuaternion::new_normalize(na::Quaternion::new(w, x, y, z))
}

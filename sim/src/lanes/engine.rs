//! The engine: puts worlds into lanes, steps them a register at a time and takes them out again.

use std::sync::Arc;

use nalgebra as na;

use super::contacts::contacts;
use super::derivatives::{Derivatives, Request};
use super::dual::{Differentiable, Dual};
use super::dynamics::Group;
use super::gauge::Gauge;
use super::lane::{Lane, WIDTH};
use super::residual::residual;
use super::table::Tables;
use super::work::{Run, Shared, Work};
use crate::engine::{Ask, Engine, EngineSnapshot, Row, State};
use crate::jacobian::Jacobian;
use crate::{Contact, JointKind, Model, Parameters, Sensor, StepOptions};

/// All worlds of a batch, in registers of type `V`.
pub(super) struct LanesEngine<V: Differentiable> {
    shared: Shared,
    options: StepOptions,
    groups: Vec<Group<V>>,
    work: Work<V>,
    /// The state of a group before a step in which some of its worlds rest.
    kept: Group<V>,
    sensors: Vec<Sensor>,
    /// Made when first asked for.
    derivatives: Option<Box<Derivatives<V::Register>>>,
}

/// State of one world between steps.
struct LaneState(Vec<f32>);

impl<V: Run + Differentiable> LanesEngine<V>
where
    Dual<V::Register>: Run,
{
    pub(super) fn new(model: &Arc<Model>, n: usize, options: StepOptions, sensors: &[Sensor]) -> Self {
        let tables = Tables::new(model, options);
        let mut touched: Vec<usize> = sensors
            .iter()
            .filter_map(|s| match s {
                Sensor::ContactForce(body) | Sensor::ContactTorque(body) | Sensor::Touch(body) => Some(*body),
                _ => None,
            })
            .collect();
        touched.sort_unstable();
        touched.dedup();
        let moments = sensors.iter().any(|s| matches!(s, Sensor::ContactTorque(_)));
        let work = Work::new(&tables, moments, touched.len(), sensors.iter().map(|s| s.len()).sum());
        let kept = Group::new(&tables);
        let groups = vec![kept.clone(); n.div_ceil(WIDTH)];
        let gauges = sensors.iter().map(|&s| Gauge::new(model, &tables, &touched, s)).collect();
        let shared = Shared { model: Arc::clone(model), tables, gauges, touched };
        let sensors = sensors.to_vec();
        let mut engine = Self { shared, options, groups, work, kept, sensors, derivatives: None };
        let nominal = Parameters::nominal(model);
        let qpos0: Vec<f32> = model.qpos0.iter().map(|&q| q as f32).collect();
        for world in 0..engine.groups.len() * WIDTH {
            engine.configure(world, &nominal);
            // Lanes without a world compute too: nothing there may be infinite.
            engine.set(world, &qpos0, &vec![0.0; model.nv()]);
        }
        engine
    }

    /// Puts coordinates into a lane, without forces to start from.
    fn set(&mut self, world: usize, qpos: &[f32], qvel: &[f32]) {
        let (group, lane) = (&mut self.groups[world / WIDTH], world % WIDTH);
        let put = |to: &mut [V], from: &[f32]| {
            for (to, &from) in to.iter_mut().zip(from) {
                to.lanes_mut()[lane] = from;
            }
        };
        put(&mut group.qpos, qpos);
        put(&mut group.qvel, qvel);
        for joint in self.shared.model.joints.iter().filter(|j| j.kind == JointKind::Free) {
            let (q, v) = (&qpos[joint.qpos_adr + 3..], &qvel[joint.dof_adr + 3..]);
            let world = turn([q[0], q[1], q[2], q[3]], [v[0], v[1], v[2]]);
            put(&mut group.qvel[joint.dof_adr + 3..], &world);
        }
        for forces in [&mut group.contact, &mut group.limit, &mut group.loss] {
            forces.iter_mut().for_each(|f| f.lanes_mut()[lane] = 0.0);
        }
    }

    /// Writes the coordinates of a lane to `row`.
    fn read(&self, world: usize, row: &mut Row<'_>) {
        let (group, lane) = (&self.groups[world / WIDTH], world % WIDTH);
        get(row.qpos, &group.qpos, lane);
        get(row.qvel, &group.qvel, lane);
        for joint in self.shared.model.joints.iter().filter(|j| j.kind == JointKind::Free) {
            let (q, v) = (&row.qpos[joint.qpos_adr + 3..], &mut row.qvel[joint.dof_adr + 3..]);
            let body = turn([q[0], -q[1], -q[2], -q[3]], [v[0], v[1], v[2]]);
            v[..3].copy_from_slice(&body);
        }
    }
}

/// Copies out what a lane holds.
fn get<V: Lane>(to: &mut [f32], from: &[V], lane: usize) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = from.lanes()[lane];
    }
}

/// A vector turned by a unit quaternion.
fn turn([w, x, y, z]: [f32; 4], v: [f32; 3]) -> [f32; 3] {
    let (u, v) = (na::Vector3::new(x, y, z), na::Vector3::from(v));
    let t = 2.0 * u.cross(&v);
    (v + w * t + u.cross(&t)).into()
}

impl<V: Run + Differentiable> Engine for LanesEngine<V>
where
    Dual<V::Register>: Run,
{
    fn reset(&mut self, world: usize, row: Row<'_>) {
        self.set(world, row.qpos, row.qvel);
        if !self.shared.gauges.is_empty() {
            V::sense(&self.shared, &self.groups[world / WIDTH], &mut self.work);
            get(row.sensors, &self.work.sensed, world % WIDTH);
        }
        *row.bad = false;
    }

    fn configure(&mut self, world: usize, parameters: &Parameters) {
        let (group, lane) = (&mut self.groups[world / WIDTH], world % WIDTH);
        let tables = &self.shared.tables;
        for (to, from) in group.gravity.iter_mut().zip(parameters.gravity) {
            to.lanes_mut()[lane] = from;
        }
        group.friction.lanes_mut()[lane] = parameters.friction;
        for ((to, motor), factor) in group.gear.iter_mut().zip(&tables.motors).zip(&parameters.gear) {
            to.lanes_mut()[lane] = motor.gear * factor;
        }
        for (link, to) in group.inertia.iter_mut().enumerate() {
            for (to, from) in to.iter_mut().zip(tables.link_inertia(link, &parameters.mass)) {
                to.lanes_mut()[lane] = from;
            }
        }
        let efforts = parameters.torque.iter().zip(&parameters.force);
        for (to, (torque, force)) in group.push.iter_mut().zip(efforts) {
            for (to, &from) in to.iter_mut().zip(torque.iter().chain(force)) {
                to.lanes_mut()[lane] = from;
            }
        }
        group.pushed.clear();
        let pushed = |effort: &[V; 6]| effort.iter().flat_map(V::lanes).any(|&f| f != 0.0);
        group.pushed.extend((1..group.push.len()).filter(|&body| pushed(&group.push[body])));
    }

    fn step(&mut self, active: &[bool], controls: &[f32], state: &mut State) {
        let motors = self.shared.tables.motors.len();
        for index in 0..self.groups.len() {
            let worlds = index * WIDTH..((index + 1) * WIDTH).min(active.len());
            let stepped = active[worlds.clone()].iter().filter(|&&a| a).count();
            if stepped == 0 {
                continue;
            }
            let group = &mut self.groups[index];
            for (k, (motor, effort)) in self.shared.tables.motors.iter().zip(&mut group.effort).enumerate() {
                let mut lanes = if motor.servo.is_some() { [1.0; WIDTH] } else { *group.gear[k].lanes() };
                for (lane, world) in worlds.clone().enumerate() {
                    let control = controls[world * motors + k];
                    let control = if control.is_nan() { 0.0 } else { control };
                    lanes[lane] *= control.clamp(motor.range[0], motor.range[1]);
                }
                *effort.lanes_mut() = lanes;
            }
            if stepped < WIDTH {
                for (kept, now) in self.kept.state_mut().into_iter().zip(group.state()) {
                    kept.copy_from_slice(now);
                }
            }
            V::step(&self.shared, group, &mut self.work);
            if stepped < WIDTH {
                // Resting worlds and lanes without a world stay as they were.
                group.pressed.fill(true);
                for (new, old) in group.state_mut().into_iter().zip(self.kept.state()) {
                    for (new, old) in new.iter_mut().zip(old) {
                        for lane in 0..WIDTH {
                            if active.get(index * WIDTH + lane) != Some(&true) {
                                new.lanes_mut()[lane] = old.lanes()[lane];
                            }
                        }
                    }
                }
            }
            for (lane, world) in worlds.enumerate() {
                if active[world] {
                    let mut row = state.row(world);
                    self.read(world, &mut row);
                    *row.bad = self.work.bad.lanes()[lane] != 0.0;
                    if !*row.bad {
                        get(row.sensors, &self.work.sensed, lane);
                    }
                }
            }
        }
    }

    fn jacobians(&mut self, ask: &Ask<'_>, out: &mut [Jacobian]) -> bool {
        let derivatives =
            self.derivatives.get_or_insert_with(|| Box::new(Derivatives::new(&self.shared, &self.sensors)));
        derivatives.write(&self.shared, &Request { groups: &self.groups, ask }, out);
        true
    }

    fn snapshot(&self, world: usize) -> EngineSnapshot {
        let (group, lane) = (&self.groups[world / WIDTH], world % WIDTH);
        let values = group.state().into_iter().flat_map(|v| v.iter().map(|x| x.lanes()[lane]));
        EngineSnapshot::new(LaneState(values.collect()))
    }

    fn contacts(&self, world: usize) -> Vec<Contact> {
        contacts(&self.shared.tables, &self.groups[world / WIDTH], world % WIDTH)
    }

    fn solver_residual(&self, world: usize) -> Option<f32> {
        Some(residual(&self.shared.model, self.options, &self.groups[world / WIDTH], world % WIDTH))
    }

    fn restore(&mut self, world: usize, snapshot: &EngineSnapshot) {
        let LaneState(values) = snapshot.get();
        let (group, lane) = (&mut self.groups[world / WIDTH], world % WIDTH);
        group.pressed.fill(true);
        let places = group.state_mut().into_iter().flat_map(|v| v.iter_mut());
        for (to, &from) in places.zip(values) {
            to.lanes_mut()[lane] = from;
        }
    }
}

//! The lanes engine: one world per lane of a SIMD register.
//!
//! Follows MuJoCo's equations: reduced coordinates, soft constraints, semi-implicit Euler with joint
//! damping treated implicitly. What it cannot do is refused by name. All worlds of a register walk
//! through the same tables, without recursion or allocation, so the cost of a step does not depend
//! on what the worlds do but for contacts: those that touch in any lane are computed for all.
//!
//! A world's result depends on nothing but its own state: every operation rounds the same in every
//! lane and on every instruction set.

mod collide;
mod contacts;
mod dispatch;
mod dynamics;
mod field;
mod lane;
mod shape;
#[expect(
    clippy::needless_range_loop,
    reason = "small matrices are written with indices, as in the equations"
)]
mod solver;
mod table;
mod vector;
mod weights;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::sync::Arc;

use nalgebra as na;

use self::dispatch::Run;
use self::dynamics::{Group, Scratch};
pub(crate) use self::lane::WIDTH;
use self::solver::Rows;
use self::table::{MAX_DOFS, Tables, possible_power};
use crate::worlds::{Engine, EngineSnapshot, MAX_POSITION, MAX_RATE, Parameters, Row, State};
use crate::{Contact, JointKind, Model, Sensor, SimError, StepOptions};

/// What the engine cannot do of what the model asks for, one entry each; empty if it can do it all.
pub(crate) fn missing(model: &Model) -> Vec<String> {
    let mut missing = Vec::new();
    if model.nv() > MAX_DOFS {
        missing.push(format!("{} degrees of freedom (at most {MAX_DOFS})", model.nv()));
    }
    for joint in &model.joints {
        let (name, scalar) = (&joint.name, joint.kind.nv() == 1);
        if joint.kind == JointKind::Free && model.bodies[joint.body].parent != 0 {
            missing.push(format!("free joint '{name}' below the world"));
        }
        if !scalar && joint.limited {
            missing.push(format!("limits on joint '{name}', which is no hinge or slide"));
        }
        if !scalar && (joint.stiffness != 0.0 || joint.frictionloss != 0.0) {
            missing.push(format!("spring or dry friction on joint '{name}', which is no hinge or slide"));
        }
        if joint.limited && joint.range[1] - joint.range[0] < 2.0 * joint.margin {
            missing.push(format!("margin of joint '{name}' wider than half of its range"));
        }
        if joint.limited && !possible_power(joint.solimp_limit[4]) {
            let power = joint.solimp_limit[4];
            missing.push(format!("solimp power {power} of joint '{name}' (a multiple of 0.5, 1 to 8)"));
        }
    }
    missing.extend(shape::refused(model));
    if missing.is_empty()
        && let Some((dof, inertia)) = weights::Weights::lightest(model)
        && (inertia.is_nan() || inertia < 1e-12)
    {
        missing.push(format!("degree of freedom {dof}, which moves no mass"));
    }
    missing
}

/// What all worlds of a batch have in common.
struct Shared {
    model: Arc<Model>,
    tables: Tables,
    sensors: Vec<Sensor>,
    /// Bodies whose contact forces are wanted.
    touched: Vec<usize>,
}

/// Contact force on a body, sum of normal forces, moment about the tree's reference point.
type Felt<V> = [V; 7];

/// All worlds of a batch, in registers of type `V`.
struct LanesEngine<V> {
    shared: Shared,
    groups: Vec<Group<V>>,
    work: Work<V>,
    /// The state of a group before a step in which some of its worlds rest.
    kept: Group<V>,
}

/// Buffers of a step.
struct Work<V> {
    scratch: Scratch<V>,
    rows: Rows<V>,
    /// Per body of [`Shared::touched`].
    touch: Vec<Felt<V>>,
    /// 1 in the lanes that blew up.
    bad: V,
}

/// Makes the engine in the widest registers that this processor has.
pub(crate) fn engine(
    model: &Arc<Model>,
    n: usize,
    options: StepOptions,
    sensors: &[Sensor],
) -> Result<Box<dyn Engine>, SimError> {
    let missing = missing(model);
    if !missing.is_empty() {
        return Err(SimError::Unsupported { engine: "lanes", model: model.name.clone(), missing });
    }
    Ok(dispatch::engine(model, n, options, sensors, dispatch::widest()))
}

/// State of one world between steps.
struct LaneState(Vec<f32>);

impl<V: Run> LanesEngine<V> {
    fn new(model: &Arc<Model>, n: usize, options: StepOptions, sensors: &[Sensor]) -> Self {
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
        let work = Work {
            scratch: Scratch::new(&tables),
            rows: Rows::new(&tables, sensors.iter().any(|s| matches!(s, Sensor::ContactTorque(_)))),
            touch: vec![[V::zero(); 7]; touched.len()],
            bad: V::zero(),
        };
        let kept = Group::new(&tables);
        let groups = vec![kept.clone(); n.div_ceil(WIDTH)];
        let shared = Shared { model: Arc::clone(model), tables, sensors: sensors.to_vec(), touched };
        let mut engine = Self { shared, groups, work, kept };
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
        let get = |to: &mut [f32], from: &[V]| {
            for (to, from) in to.iter_mut().zip(from) {
                *to = from.lanes()[lane];
            }
        };
        get(row.qpos, &group.qpos);
        get(row.qvel, &group.qvel);
        for joint in self.shared.model.joints.iter().filter(|j| j.kind == JointKind::Free) {
            let (q, v) = (&row.qpos[joint.qpos_adr + 3..], &mut row.qvel[joint.dof_adr + 3..]);
            let body = turn([q[0], -q[1], -q[2], -q[3]], [v[0], v[1], v[2]]);
            v[..3].copy_from_slice(&body);
        }
    }

    /// Computes the sensors of a lane from poses and velocities in the scratch space.
    fn sense(&self, lane: usize, touch: bool, out: &mut [f32]) {
        let (s, tables) = (&self.work.scratch, &self.shared.tables);
        let get = |v: &[V]| -> [f32; 3] { std::array::from_fn(|i| v[i].lanes()[lane]) };
        let mut at = 0;
        for &sensor in &self.shared.sensors {
            let out = &mut out[at..at + sensor.len()];
            at += sensor.len();
            let body = sensor.body();
            let (link, offset) = &tables.carriers[body];
            let vector = |v: [f32; 3]| na::Vector3::from(v);
            let (origin, rot, pos, spin, shift) = match *link {
                Some(l) => (
                    vector(get(&s.origin[tables.links[l].tree])),
                    na::Matrix3::from_fn(|i, j| s.rot[l][3 * i + j].lanes()[lane]),
                    vector(get(&s.pos[l])),
                    vector(get(&s.vel[l][..3])),
                    vector(get(&s.vel[l][3..])),
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
                    let quat = crate::inertia::matrix_to_quat(&m.cast::<f64>());
                    out.copy_from_slice(&quat.map(|x| x as f32));
                }
                Sensor::Velocity(_) => {
                    let com = vector(self.shared.model.bodies[body].com.map(|x| x as f32));
                    let at = pos + rot * (offset * na::Point3::from(com)).coords;
                    out.copy_from_slice((shift + spin.cross(&at)).as_slice());
                }
                Sensor::AngularVelocity(_) => out.copy_from_slice(spin.as_slice()),
                Sensor::ContactForce(_) | Sensor::ContactTorque(_) | Sensor::Touch(_) => {
                    let index = self.shared.touched.binary_search(&body).expect("collected from the sensors");
                    let felt = self.work.touch[index].map(|v| if touch { v.lanes()[lane] } else { 0.0 });
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
}

/// A vector turned by a unit quaternion.
fn turn([w, x, y, z]: [f32; 4], v: [f32; 3]) -> [f32; 3] {
    let (u, v) = (na::Vector3::new(x, y, z), na::Vector3::from(v));
    let t = 2.0 * u.cross(&v);
    (v + w * t + u.cross(&t)).into()
}

impl<V: Run> Engine for LanesEngine<V> {
    fn reset(&mut self, world: usize, row: Row<'_>) {
        self.set(world, row.qpos, row.qvel);
        if !self.shared.sensors.is_empty() {
            let group = &self.groups[world / WIDTH];
            V::look(&self.shared.tables, group, &mut self.work.scratch);
            self.sense(world % WIDTH, false, row.sensors);
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
                    if !self.shared.sensors.is_empty() && !*row.bad {
                        self.sense(lane, true, row.sensors);
                    }
                }
            }
        }
    }

    fn snapshot(&self, world: usize) -> EngineSnapshot {
        let (group, lane) = (&self.groups[world / WIDTH], world % WIDTH);
        let values = group.state().into_iter().flat_map(|v| v.iter().map(|x| x.lanes()[lane]));
        EngineSnapshot::new(LaneState(values.collect()))
    }

    fn contacts(&self, world: usize) -> Vec<Contact> {
        contacts::contacts(&self.shared.tables, &self.groups[world / WIDTH], world % WIDTH)
    }

    fn restore(&mut self, world: usize, snapshot: &EngineSnapshot) {
        let LaneState(values) = snapshot.get();
        let (group, lane) = (&mut self.groups[world / WIDTH], world % WIDTH);
        let places = group.state_mut().into_iter().flat_map(|v| v.iter_mut());
        for (to, &from) in places.zip(values) {
            to.lanes_mut()[lane] = from;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::lane::{Lane as _, Portable};
    use super::*;

    const ANT: &str = include_str!("../../../envs/assets/ant.xml");
    /// A free body, a ball joint off the anchor, two hinges and a slide, with turned frames.
    const CREATURE: &str = r#"<mujoco><option timestep="0.005"/><worldbody>
        <geom type="plane" size="5 5 1"/>
        <body pos="0 0 0.4" euler="20 30 40"><freejoint/><geom type="capsule" size="0.1 0.2" mass="2"/>
          <body pos="0.2 0.1 0" euler="0 50 10"><joint type="ball" pos="-0.1 0 0" damping="0.1"/>
            <geom type="capsule" size="0.05 0.1" mass="0.5" pos="0.1 0 0"/>
            <body pos="0.2 0 0"><joint type="hinge" axis="0 1 0" armature="0.01"/>
              <joint type="hinge" axis="0 0 1"/><joint type="slide" axis="1 0 0" damping="1"/>
              <geom type="sphere" size="0.08" mass="0.3" pos="0.05 0.02 0"/>
              <body pos="0 0.1 0.1"><geom type="sphere" size="0.03" mass="0.1"/></body>
            </body></body></body></worldbody></mujoco>"#;

    fn model(xml: &str) -> Arc<Model> {
        Arc::new(Model::from_mjcf(xml, "test.xml").unwrap())
    }

    #[test]
    fn every_instruction_set_gives_the_same_bits() {
        for xml in [ANT, CREATURE] {
            let model = model(xml);
            let (n, nu) = (WIDTH + 3, model.nu());
            let options = StepOptions {
                engine: crate::EngineKind::Lanes,
                timestep: 0.005,
                substeps: 4,
                iterations: 10,
            };
            let sensors = [Sensor::Orientation(1), Sensor::Velocity(2), Sensor::ContactForce(1)];
            let runs: Vec<Vec<u32>> = dispatch::Width::available()
                .into_iter()
                .map(|width| {
                    let mut engine = dispatch::engine(&model, n, options, &sensors, width);
                    let mut state = State::new(&model, n, &sensors);
                    let mut bits = Vec::new();
                    for step in 0..100 {
                        let controls: Vec<f32> =
                            (0..n * nu).map(|i| ((step * 31 + i * 17) % 41) as f32 / 20.0 - 1.0).collect();
                        let active: Vec<bool> = (0..n).map(|i| (step + i) % 7 > 0).collect();
                        engine.step(&active, &controls, &mut state);
                        for row in state.rows_mut() {
                            let all = row.qpos.iter().chain(row.qvel.iter()).chain(row.sensors.iter());
                            bits.extend(all.map(|x| x.to_bits()));
                        }
                    }
                    bits
                })
                .collect();
            assert!(runs[0].iter().any(|&b| b != runs[0][0]), "something moves");
            for run in &runs[1..] {
                assert!(*run == runs[0], "{} of {} numbers differ", differing(run, &runs[0]), run.len());
            }
        }
    }

    fn differing(a: &[u32], b: &[u32]) -> usize {
        a.iter().zip(b).filter(|(a, b)| a != b).count()
    }

    #[test]
    fn the_mass_matrix_is_that_of_the_dense_double_precision_sum() {
        for xml in [ANT, CREATURE] {
            let mut model = (*model(xml)).clone();
            model.option.gravity = [0.0; 3];
            let dense = weights::Weights::new(&model).mass;
            let tables = Tables::new(
                &model,
                StepOptions { engine: crate::EngineKind::Lanes, timestep: 0.005, substeps: 1, iterations: 1 },
            );
            let mut group = Group::<Portable>::new(&tables);
            for (to, &q) in group.qpos.iter_mut().zip(&model.qpos0) {
                *to = Portable::splat(q as f32);
            }
            for link in 0..tables.links.len() {
                let factors = vec![1.0; model.bodies.len()];
                group.inertia[link] = tables.link_inertia(link, &factors).map(Portable::splat);
            }
            let mut scratch = Scratch::new(&tables);
            dynamics::kinematics(&tables, &group, &mut scratch);
            dynamics::inertia(&tables, &group, &mut scratch);
            dynamics::assemble(&tables, &group, &mut scratch);
            let scale = dense.amax();
            // MuJoCo's free joint turns about the body's axes, ours about the world's.
            let body_axes = |k: usize| {
                model
                    .joints
                    .iter()
                    .any(|j| j.kind == JointKind::Free && (j.dof_adr + 3..j.dof_adr + 6).contains(&k))
            };
            let mut compared = 0;
            for (k, dof) in tables.dofs.iter().enumerate().filter(|(k, _)| !body_axes(*k)) {
                for entry in dof.row..=dof.row + dof.depth {
                    let column = usize::from(tables.columns[entry]);
                    if body_axes(column) {
                        continue;
                    }
                    let ours = f64::from(scratch.matrix.entries[entry].lanes()[5]);
                    let theirs = dense[(k, column)];
                    assert!((ours - theirs).abs() < 1e-5 * scale, "{k} {column}: {ours} {theirs}");
                    compared += 1;
                }
            }
            assert!(compared > 20, "{compared} entries");
        }
    }

    #[test]
    fn what_it_cannot_do_is_refused_by_name() {
        for (body, complaint) in [
            ("<joint type='ball' range='0 30' limited='true'/><geom size='1'/>", "limits on joint"),
            ("<joint type='ball' stiffness='1'/><geom size='1'/>", "spring or dry friction on joint"),
            ("<joint range='0 1' limited='true' margin='1'/><geom size='1'/>", "margin of joint"),
            ("<joint/><geom type='ellipsoid' size='1 2 3'/>", "collisions of"),
            ("<joint/><geom size='1' solimp='0.9 0.95 0.001 0.5 1.7'/>", "solimp power 1.7"),
        ] {
            let xml = format!(
                "<mujoco><worldbody><geom type='plane' size='1 1 1'/><body>{body}</body></worldbody></mujoco>"
            );
            let missing = missing(&model(&xml.replace('\'', "\"")));
            assert!(missing.iter().any(|m| m.contains(complaint)), "{body}: {missing:?}");
        }
        assert!(missing(&model(ANT)).is_empty());
    }
}

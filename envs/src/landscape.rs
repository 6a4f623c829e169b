//! Uneven ground under a task that knows a level plane only.
//!
//! The plane becomes a field with level ground around it. The robot starts on a patch of it that each
//! episode draws; the task goes on to see it where it was, at its height above the ground below the
//! trunk. So rewards and health that look at heights mean what they did, and no task need know.

use std::sync::Arc;

use sim::{GeomKind, JointKind, Model, Sensor, WorldView};

use crate::anatomy::trunk;
use crate::error::change_error as error;
use crate::ground::Ground;
use crate::math::{Vec3, add, matrix, norm, turned};
use crate::terrain::{Grid, Terrain, lay};
use crate::{EnvError, Task};

/// The field: 240 m × 60 m, a grid point every 0.3 m.
const FIELD: Grid = Grid { radii: [120.0, 30.0], points: [801, 201] };
const CELL: f64 = 0.3;
/// Starts lie within these bounds of x and of y, m. Our robots go along +x.
pub(crate) const START: [[f64; 2]; 2] = [[-105.0, -65.0], [-15.0, 15.0]];
/// Width of the ramp from the field's border down to the ground around it, m.
const RAMP: f64 = 4.0;
/// How far the ground around lies below the field's lowest point, m: feet touch one of the two.
const DROP: f64 = 0.1;
/// How far the ramp ends below the ground around, m, so that there is no gap.
const OVERLAP: f64 = 0.05;

/// The ground in place of a task's plane.
pub(crate) struct Landscape {
    pub(crate) model: Arc<Model>,
    ground: Ground,
    /// Height of the plane that was there, m.
    level: f64,
    /// Entries of `qpos` that move the robot, each with the direction in the world.
    rails: Vec<(usize, Vec3)>,
    /// Where the trunk is with all rails at 0, m.
    origin: Vec3,
    /// No part of the robot is farther from its trunk's origin, m.
    reach: f64,
    /// Where the positions of bodies begin in the task's sensor values.
    places: Vec<usize>,
    /// The trunk's position comes after this many values of the task's own.
    own: usize,
    // What the task sees of the world last looked at, and how far that is from what is there.
    qpos: Vec<f32>,
    sensors: Vec<f32>,
    away: Vec3,
}

impl Landscape {
    /// Puts `terrain` under the robot of `task`.
    pub(crate) fn new(task: &dyn Task, terrain: &Terrain, seed: u64) -> Result<Self, EnvError> {
        terrain.check().map_err(|(value, expected)| error("terrain", format!("{value}: {expected}")))?;
        let model = task.model();
        let refuse = |what: &str| {
            let name = task.spec().name;
            error("terrain", format!("{name} has {what} (expected one robot that moves over a level plane)"))
        };
        let plane = plane(model).ok_or_else(|| refuse("no level plane that the robot can touch"))?;
        let root = trunk(model);
        if model.joints.iter().any(|joint| model.root(joint.body) != root) {
            return Err(refuse("something that moves beside the robot"));
        }
        let rails = rails(model, root).ok_or_else(|| refuse("a robot that cannot move up"))?;
        let free = model.joints.iter().any(|j| j.body == root && j.kind == JointKind::Free);
        let mut origin = [0.0; 3];
        if !free {
            origin = model.bodies[root].pos;
            for (index, axis) in &rails {
                origin = add(origin, axis.map(|a| -model.qpos0[*index] * a));
            }
        }
        let level = model.geoms[plane].pos[2];
        let mut changed = Model::clone(model);
        let heights = heights(terrain, seed);
        let mut around = changed.geoms[plane].clone();
        around.pos[2] += heights.iter().copied().fold(f64::INFINITY, f64::min) + OVERLAP;
        lay(&mut changed, plane, &FIELD, &heights);
        changed.geoms.push(around);
        let changed = Arc::new(changed);
        let mut own = 0;
        let mut places = Vec::new();
        for sensor in task.sensors() {
            if matches!(sensor, Sensor::Position(_)) {
                places.push(own);
            }
            own += sensor.len();
        }
        Ok(Self {
            ground: Ground::of(task.spec().name, &changed)?,
            level,
            rails,
            origin,
            reach: reach(model),
            places,
            own,
            qpos: vec![0.0; model.nq()],
            sensors: vec![0.0; own],
            away: [0.0; 3],
            model: changed,
        })
    }

    /// Sensors that the worlds must have: the task's, then the trunk's position.
    pub(crate) fn sensors(&self, task: &dyn Task) -> Vec<Sensor> {
        let mut sensors = task.sensors();
        sensors.push(Sensor::Position(trunk(&self.model)));
        sensors
    }

    /// Moves a start that was made for the plane by `by` (m) along x and y, as far as the robot can go
    /// there, and up until nothing of it is in the ground. Returns how far it was moved along x and y.
    pub(crate) fn start(&self, by: [f64; 2], qpos: &mut [f32]) -> [f64; 2] {
        let mut at = self.origin;
        let mut moved = [0.0; 2];
        for (index, axis) in &self.rails {
            let shift = axis[0] * by[0] + axis[1] * by[1];
            qpos[*index] = (f64::from(qpos[*index]) + shift) as f32;
            moved = [0, 1].map(|i| moved[i] + shift * axis[i]);
            at = add(at, axis.map(|a| f64::from(qpos[*index]) * a));
        }
        let up = self.highest(at[0], at[1]) - self.level;
        for (index, axis) in &self.rails {
            qpos[*index] = (f64::from(qpos[*index]) + up * axis[2]) as f32;
        }
        moved
    }

    /// Height of the highest ground that the robot can touch from a place, m.
    fn highest(&self, x: f64, y: f64) -> f64 {
        let points = |at: f64, axis: usize| {
            let cell = |place: f64| libm::floor((place + FIELD.radii[axis]) / CELL) as i64;
            let (first, last) = (cell(at - self.reach), cell(at + self.reach) + 1);
            (first..=last).map(move |i| i as f64 * CELL - FIELD.radii[axis])
        };
        let around = points(x, 0).flat_map(|x| points(y, 1).map(move |y| (x, y)));
        around.map(|(x, y)| self.ground.height(x, y)).fold(f64::NEG_INFINITY, f64::max)
    }

    /// Takes up what the task is to see of a world whose robot has been moved by `moved`.
    pub(crate) fn look(&mut self, world: &WorldView<'_>, moved: [f64; 2]) {
        let [x, y] = [0, 1].map(|i| f64::from(world.sensors[self.own + i]));
        let away = [moved[0], moved[1], self.ground.height(x, y) - self.level];
        let less = |value: f32, by: f64| (f64::from(value) - by) as f32;
        self.qpos.copy_from_slice(world.qpos);
        for (index, axis) in &self.rails {
            let along = axis.iter().zip(away).map(|(a, b)| a * b).sum();
            self.qpos[*index] = less(self.qpos[*index], along);
        }
        self.sensors.copy_from_slice(&world.sensors[..self.own]);
        for place in &self.places {
            for (value, by) in self.sensors[*place..].iter_mut().zip(away) {
                *value = less(*value, by);
            }
        }
        self.away = away;
    }

    /// What the task sees of `world`, the one last looked at.
    pub(crate) fn view<'a>(&'a self, world: WorldView<'a>) -> WorldView<'a> {
        WorldView { qpos: &self.qpos, sensors: &self.sensors, ..world }
    }

    /// Height of the ground in what the task sees, m.
    pub(crate) fn height(&self, x: f64, y: f64) -> f64 {
        let [dx, dy, rise] = self.away;
        self.ground.height(x + dx, y + dy) - rise
    }
}

/// Heights of the field with a ramp at its border.
fn heights(terrain: &Terrain, seed: u64) -> Vec<f64> {
    let mut heights = terrain.heights(&FIELD, seed);
    let lowest = heights.iter().copied().fold(f64::INFINITY, f64::min) - DROP - OVERLAP;
    for (point, height) in heights.iter_mut().enumerate() {
        let inside = |i: usize, axis: usize| FIELD.radii[axis] - libm::fabs(FIELD.place(i, axis));
        let [columns, _] = FIELD.points;
        let from_border = inside(point % columns, 0).min(inside(point / columns, 1));
        *height = lowest + (*height - lowest) * (from_border / RAMP).clamp(0.0, 1.0);
    }
    heights
}

/// The only level plane that a robot's shapes collide with.
fn plane(model: &Model) -> Option<usize> {
    let touches = |plane: &sim::Geom| {
        model.geoms.iter().any(|geom| {
            let asks = plane.contype & geom.conaffinity != 0 || geom.contype & plane.conaffinity != 0;
            geom.body != 0 && asks
        })
    };
    let ground = |geom: &sim::Geom| {
        geom.body == 0 && matches!(geom.kind, GeomKind::Plane | GeomKind::Heightfield) && touches(geom)
    };
    let mut grounds = (0..model.geoms.len()).filter(|&i| ground(&model.geoms[i]));
    let (first, second) = (grounds.next()?, grounds.next());
    let geom = &model.geoms[first];
    (second.is_none() && geom.kind == GeomKind::Plane && geom.quat[1..] == [0.0; 3]).then_some(first)
}

/// Entries of `qpos` that move a child of the world without turning it; none if they cannot move it
/// straight up.
fn rails(model: &Model, root: usize) -> Option<Vec<(usize, Vec3)>> {
    let mut rails = Vec::new();
    let frame = matrix(model.bodies[root].quat);
    for joint in model.joints.iter().filter(|j| j.body == root) {
        match joint.kind {
            JointKind::Free => {
                let axis = |i: usize| std::array::from_fn(|k| f64::from(u8::from(i == k)));
                rails.extend((0..3).map(|i| (joint.qpos_adr + i, axis(i))));
            }
            JointKind::Slide => rails.push((joint.qpos_adr, turned(&frame, joint.axis))),
            // Slides after it turn with it.
            JointKind::Hinge | JointKind::Ball => break,
        }
    }
    let up = [0, 1, 2].map(|i| rails.iter().map(|(_, axis)| axis[i] * axis[2]).sum::<f64>());
    let straight = up.iter().zip([0.0, 0.0, 1.0]).all(|(a, b)| libm::fabs(a - b) < 1e-6);
    straight.then_some(rails)
}

/// An upper bound of the distance of the robot's parts from its trunk's origin, m.
fn reach(model: &Model) -> f64 {
    let mut bodies = vec![0.0; model.bodies.len()];
    for (body, b) in model.bodies.iter().enumerate().skip(1) {
        bodies[body] = if b.parent == 0 { 0.0 } else { bodies[b.parent] + norm(&b.pos) };
    }
    let of = |geom: &sim::Geom| {
        let [a, b, c] = geom.size;
        let radius = match geom.kind {
            GeomKind::Sphere => a,
            GeomKind::Capsule => a + b,
            GeomKind::Cylinder => libm::sqrt(a * a + b * b),
            GeomKind::Box | GeomKind::Ellipsoid | GeomKind::Mesh => norm(&[a, b, c]),
            GeomKind::Plane | GeomKind::Heightfield => 0.0,
        };
        bodies[geom.body] + norm(&geom.pos) + radius
    };
    model.geoms.iter().filter(|g| g.body != 0).map(of).fold(0.0, f64::max)
}

//! What Gymnasium and Brax observe of whole bodies, from sensors: inertia, velocity and contact
//! forces of every body about the robot's centre of mass, in the world's axes.

use sim::{JointKind, Model, Sensor, WorldView};

use crate::Channel;
use crate::math::{Vec3, add, cross, matrix, norm, product, sub, turned, wide};

/// A robot of one tree with a free root, as its sensors show it.
pub(crate) struct WholeBody {
    parts: Vec<Part>,
    links: usize,
    mass: f64,
    motion: bool,
    contacts: bool,
}

/// A body.
struct Part {
    body: usize,
    name: String,
    mass: f64,
    com: Vec3,
    inertia: Vec3,
    /// Orientation of the principal axes.
    axes: [f64; 4],
    /// Number of the link that it belongs to: bodies without joints are welded to their parents.
    link: usize,
    /// Whether it is the link's first body.
    first: bool,
}

/// Most bodies that a robot has here, so that what is found out about them needs no allocation.
const MAX_BODIES: usize = 16;

/// Where a body is, in the world's axes.
#[derive(Clone, Copy, Default)]
struct Pose {
    origin: Vec3,
    com: Vec3,
}

/// Where a robot's bodies are, and its centre of mass: all that is observed is about these.
pub(crate) struct Poses {
    each: [Pose; MAX_BODIES],
    /// m.
    pub(crate) centre: Vec3,
}

#[inline]
fn narrow<const N: usize>(to: &mut [f32], from: [f64; N]) {
    for (to, &from) in to[..N].iter_mut().zip(&from) {
        *to = from as f32;
    }
}

#[inline]
fn scaled(s: f64, v: Vec3) -> Vec3 {
    [s * v[0], s * v[1], s * v[2]]
}

impl WholeBody {
    /// The sensors of all bodies: poses, and on demand velocities and contact forces.
    pub(crate) fn new(model: &Model, motion: bool, contacts: bool) -> Self {
        let mut parts: Vec<Part> = Vec::new();
        let mut links = 0;
        for (body, b) in model.bodies.iter().enumerate().skip(1) {
            let first = model.joints.iter().any(|j| j.body == body);
            let link = if first { links } else { parts[b.parent - 1].link };
            links += usize::from(first);
            let (com, inertia, axes) = (b.com, b.inertia, b.inertia_quat);
            parts.push(Part { body, name: b.name.clone(), mass: b.mass, com, inertia, axes, link, first });
        }
        assert!(parts.len() <= MAX_BODIES, "{} bodies", parts.len());
        Self { mass: parts.iter().map(|p| p.mass).sum(), parts, links, motion, contacts }
    }

    pub(crate) fn sensors(&self) -> Vec<Sensor> {
        let mut sensors = Vec::new();
        for part in &self.parts {
            sensors.extend([Sensor::Position(part.body), Sensor::Orientation(part.body)]);
            if self.motion {
                sensors.extend([Sensor::Velocity(part.body), Sensor::AngularVelocity(part.body)]);
            }
            if self.contacts {
                sensors.extend([Sensor::ContactForce(part.body), Sensor::ContactTorque(part.body)]);
            }
        }
        sensors
    }

    /// Every body with its values.
    fn parts<'a>(&'a self, world: &WorldView<'a>) -> impl Iterator<Item = (&'a Part, &'a [f32])> {
        let length = 7 + 6 * usize::from(self.motion) + 6 * usize::from(self.contacts);
        self.parts.iter().zip(world.sensors.chunks_exact(length))
    }

    /// Velocity of a body's centre of mass, its angular velocity.
    fn rates(values: &[f32]) -> (Vec3, Vec3) {
        (wide(&values[7..]), wide(&values[10..]))
    }

    /// Contact force on a body and its moment about the body's origin.
    fn contact(&self, values: &[f32]) -> (Vec3, Vec3) {
        let values = &values[7 + 6 * usize::from(self.motion)..];
        (wide(values), wide(&values[3..]))
    }

    /// Where everything is.
    pub(crate) fn poses(&self, world: &WorldView<'_>) -> Poses {
        let mut each = [Pose::default(); MAX_BODIES];
        let mut sum = [0.0; 3];
        for (pose, (part, values)) in each.iter_mut().zip(self.parts(world)) {
            pose.origin = wide(values);
            pose.com = add(pose.origin, turned(&matrix(wide(&values[3..])), part.com));
            sum = add(sum, scaled(part.mass, pose.com));
        }
        Poses { each, centre: [sum[0] / self.mass, sum[1] / self.mass, sum[2] / self.mass] }
    }

    /// Centre of mass in a configuration with a free root, hinges and no other joints, m.
    pub(crate) fn centre_at(&self, model: &Model, qpos: &[f32]) -> Vec3 {
        let mut poses = vec![([0.0; 3], [1.0, 0.0, 0.0, 0.0])];
        let mut sum = [0.0; 3];
        for (part, body) in self.parts.iter().zip(&model.bodies[1..]) {
            let (mut origin, mut quat) = poses[body.parent];
            origin = add(origin, turned(&matrix(quat), body.pos));
            quat = product(quat, body.quat);
            for joint in model.joints.iter().filter(|j| j.body == part.body) {
                let q = &qpos[joint.qpos_adr..];
                if joint.kind == JointKind::Free {
                    let root: [f64; 4] = wide(&q[3..]);
                    let length = norm(&root);
                    (origin, quat) = (wide(q), root.map(|x| x / length));
                } else {
                    let half = 0.5 * (f64::from(q[0]) - model.qpos0[joint.qpos_adr]);
                    let (sin, cos) = (libm::sin(half), libm::cos(half));
                    let [x, y, z] = joint.axis.map(|a| a * sin);
                    let anchor = add(origin, turned(&matrix(quat), joint.pos));
                    quat = product(quat, [cos, x, y, z]);
                    origin = sub(anchor, turned(&matrix(quat), joint.pos));
                }
            }
            poses.push((origin, quat));
            sum = add(sum, add(origin, turned(&matrix(quat), part.com)).map(|x| part.mass * x));
        }
        sum.map(|x| x / self.mass)
    }

    /// Inertia of a body about a point from which its centre of mass is `d` away: xx yy zz xy xz yz.
    #[inline]
    fn moments(part: &Part, values: &[f32], d: Vec3) -> [f64; 6] {
        let axes = matrix(product(wide(&values[3..]), part.axes));
        let square = d[0] * d[0] + d[1] * d[1] + d[2] * d[2];
        let i = part.inertia;
        let entry = |a: usize, b: usize| {
            let (x, y) = (axes[a], axes[b]);
            let own = x[0] * i[0] * y[0] + x[1] * i[1] * y[1] + x[2] * i[2] * y[2];
            own + part.mass * (if a == b { square } else { 0.0 } - d[a] * d[b])
        };
        [entry(0, 0), entry(1, 1), entry(2, 2), entry(0, 1), entry(0, 2), entry(1, 2)]
    }

    /// MuJoCo's `cinert`, 10 values per body: inertia about the centre (xx yy zz xy xz yz), mass
    /// times offset from it, mass.
    pub(crate) fn inertias(&self, world: &WorldView<'_>, poses: &Poses, out: &mut [f32]) {
        for (((part, values), pose), out) in self.parts(world).zip(&poses.each).zip(out.chunks_exact_mut(10))
        {
            let d = sub(pose.com, poses.centre);
            narrow(out, Self::moments(part, values, d));
            narrow(&mut out[6..], scaled(part.mass, d));
            out[9] = part.mass as f32;
        }
    }

    /// MuJoCo's `cvel`, 6 values per body: angular velocity, velocity of the point of the body that
    /// is at the centre.
    pub(crate) fn velocities(&self, world: &WorldView<'_>, poses: &Poses, out: &mut [f32]) {
        for (((_, values), pose), out) in self.parts(world).zip(&poses.each).zip(out.chunks_exact_mut(6)) {
            let (linear, angular) = Self::rates(values);
            narrow(out, angular);
            narrow(&mut out[3..], add(linear, cross(angular, sub(poses.centre, pose.com))));
        }
    }

    /// Moment of a body's contact forces about the centre, their sum.
    #[inline]
    fn pressed(&self, values: &[f32], pose: &Pose, centre: Vec3) -> (Vec3, Vec3) {
        let (force, torque) = self.contact(values);
        (add(torque, cross(sub(pose.origin, centre), force)), force)
    }

    /// MuJoCo's `cfrc_ext`, 6 values per body: moment of the contact forces about the centre, force.
    pub(crate) fn contact_forces(&self, world: &WorldView<'_>, poses: &Poses, out: &mut [f32]) {
        for (((_, values), pose), out) in self.parts(world).zip(&poses.each).zip(out.chunks_exact_mut(6)) {
            let (moment, force) = self.pressed(values, pose, poses.centre);
            narrow(out, moment);
            narrow(&mut out[3..], force);
        }
    }

    /// Σ of squares of [`WholeBody::contact_forces`], each first brought within ±`limit`.
    pub(crate) fn contact_squares(&self, world: &WorldView<'_>, poses: &Poses, limit: f64) -> f64 {
        let mut sum = 0.0;
        for ((_, values), pose) in self.parts(world).zip(&poses.each) {
            let (moment, force) = self.pressed(values, pose, poses.centre);
            let mut own = 0.0;
            for part in [moment, force] {
                for x in part {
                    // As it is observed, in single precision.
                    let x = f64::from(x as f32).clamp(-limit, limit);
                    own += x * x;
                }
            }
            sum += own;
        }
        sum
    }

    /// Brax's view of every link, welded bodies taken together: 10 values each (inertia about the
    /// centre by rows, mass), then 6 each (share of the velocity of the centre, angular velocity).
    pub(crate) fn links(&self, world: &WorldView<'_>, poses: &Poses, out: &mut [f32]) {
        out.fill(0.0);
        let (inertias, rates) = out.split_at_mut(10 * self.links);
        for ((part, values), pose) in self.parts(world).zip(&poses.each) {
            let link = part.link;
            let [xx, yy, zz, xy, xz, yz] = Self::moments(part, values, sub(pose.com, poses.centre));
            let inertia = &mut inertias[10 * link..10 * link + 10];
            for (to, from) in inertia.iter_mut().zip([xx, xy, xz, xy, yy, yz, xz, yz, zz, part.mass]) {
                *to += from as f32;
            }
            let (linear, angular) = Self::rates(values);
            let rates = &mut rates[6 * link..6 * link + 6];
            for (to, from) in rates.iter_mut().zip(linear) {
                *to += (part.mass / self.mass * from) as f32;
            }
            if part.first {
                narrow(&mut rates[3..], angular);
            }
        }
    }

    fn channels(names: &[&str], what: &[(&str, &'static str)]) -> Vec<Channel> {
        let of = |name: &&str| {
            let name = (*name).to_owned();
            what.iter().map(move |(what, unit)| Channel::unbounded(format!("{name} {what}"), unit))
        };
        names.iter().flat_map(of).collect()
    }

    fn names(&self) -> Vec<&str> {
        self.parts.iter().map(|p| p.name.as_str()).collect()
    }

    /// Names of [`WholeBody::inertias`].
    pub(crate) fn inertia_channels(&self) -> Vec<Channel> {
        Self::channels(
            &self.names(),
            &[
                ("inertia xx", "kg·m²"),
                ("inertia yy", "kg·m²"),
                ("inertia zz", "kg·m²"),
                ("inertia xy", "kg·m²"),
                ("inertia xz", "kg·m²"),
                ("inertia yz", "kg·m²"),
                ("mass moment x", "kg·m"),
                ("mass moment y", "kg·m"),
                ("mass moment z", "kg·m"),
                ("mass", "kg"),
            ],
        )
    }

    /// Names of [`WholeBody::velocities`].
    pub(crate) fn velocity_channels(&self) -> Vec<Channel> {
        Self::channels(
            &self.names(),
            &[
                ("spin x", "rad/s"),
                ("spin y", "rad/s"),
                ("spin z", "rad/s"),
                ("velocity at centre x", "m/s"),
                ("velocity at centre y", "m/s"),
                ("velocity at centre z", "m/s"),
            ],
        )
    }

    /// Names of [`WholeBody::contact_forces`].
    pub(crate) fn contact_channels(&self) -> Vec<Channel> {
        Self::channels(
            &self.names(),
            &[
                ("contact moment x", "N·m"),
                ("contact moment y", "N·m"),
                ("contact moment z", "N·m"),
                ("contact force x", "N"),
                ("contact force y", "N"),
                ("contact force z", "N"),
            ],
        )
    }

    /// Names of [`WholeBody::links`].
    pub(crate) fn link_channels(&self) -> Vec<Channel> {
        let links = self.parts.iter().filter(|p| p.first);
        let names: Vec<&str> = links.map(|p| p.name.as_str()).collect();
        let mut channels = Self::channels(
            &names,
            &[
                ("inertia xx", "kg·m²"),
                ("inertia xy", "kg·m²"),
                ("inertia xz", "kg·m²"),
                ("inertia yx", "kg·m²"),
                ("inertia yy", "kg·m²"),
                ("inertia yz", "kg·m²"),
                ("inertia zx", "kg·m²"),
                ("inertia zy", "kg·m²"),
                ("inertia zz", "kg·m²"),
                ("mass", "kg"),
            ],
        );
        channels.extend(Self::channels(
            &names,
            &[
                ("share of velocity x", "m/s"),
                ("share of velocity y", "m/s"),
                ("share of velocity z", "m/s"),
                ("spin x", "rad/s"),
                ("spin y", "rad/s"),
                ("spin z", "rad/s"),
            ],
        ));
        channels
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::sync::Arc;

    use sim::{EngineKind, StepOptions, Worlds};

    use super::*;

    /// A moving humanoid in mid-air, a fist on its thigh.
    fn humanoid(engine: EngineKind) -> (WholeBody, Worlds) {
        let text = include_str!("../assets/humanoid.xml");
        let model = Arc::new(Model::from_mjcf(text, "humanoid.xml").unwrap());
        let body = WholeBody::new(&model, true, true);
        let options = StepOptions { engine, timestep: 0.001, substeps: 15, iterations: 8 };
        let mut worlds = Worlds::new(&model, 1, options, &body.sensors()).unwrap();
        let mut qpos: Vec<f32> = model.qpos0.iter().map(|&q| q as f32).collect();
        qpos[2] = 30.0;
        qpos[3..7].copy_from_slice(&[0.8, 0.1, -0.5, 0.3]);
        for (i, q) in qpos[7..].iter_mut().enumerate() {
            *q = -0.04 * (i % 5) as f32;
        }
        let qvel: Vec<f32> = (0..23).map(|i| ((i * 7) % 5) as f32 * 0.3 - 0.5).collect();
        worlds.reset(0, &qpos, &qvel);
        (body, worlds)
    }

    fn close(a: f64, b: f64, tolerance: f64) {
        assert!((a - b).abs() <= tolerance, "{a} {b}");
    }

    #[test]
    fn the_centre_is_the_same_from_coordinates_and_from_sensors() {
        for engine in EngineKind::ALL {
            let (body, worlds) = humanoid(engine);
            let view = worlds.view(0);
            let (a, b) = (body.poses(&view).centre, body.centre_at(worlds.model(), view.qpos));
            (0..3).for_each(|i| close(a[i], b[i], 2e-5));
        }
    }

    #[test]
    fn inertia_and_velocity_give_the_momentum_about_the_centre() {
        for engine in EngineKind::ALL {
            let (body, mut worlds) = humanoid(engine);
            let momentum = |worlds: &Worlds| -> [f64; 6] {
                let view = worlds.view(0);
                let poses = body.poses(&view);
                let (mut inertias, mut rates) = ([f32::NAN; 130], [f32::NAN; 78]);
                body.inertias(&view, &poses, &mut inertias);
                body.velocities(&view, &poses, &mut rates);
                let mut sum = [0.0; 6];
                for (i, v) in inertias.chunks(10).zip(rates.chunks(6)) {
                    let (i, v): ([f64; 10], [f64; 6]) = (wide(i), wide(v));
                    let (spin, linear): (Vec3, Vec3) = ([v[0], v[1], v[2]], [v[3], v[4], v[5]]);
                    let moment: Vec3 = [i[6], i[7], i[8]];
                    let tensor = [[i[0], i[3], i[4]], [i[3], i[1], i[5]], [i[4], i[5], i[2]]];
                    let angular = add(turned(&tensor, spin), cross(moment, linear));
                    let along = add(linear.map(|x| i[9] * x), cross(spin, moment));
                    let both = [angular, along].concat();
                    (0..6).for_each(|k| sum[k] += both[k]);
                }
                sum
            };
            let before = momentum(&worlds);
            // The links' shares of the velocity add up to the centre's.
            let view = worlds.view(0);
            let mut links = [f32::NAN; 176];
            body.links(&view, &body.poses(&view), &mut links);
            let (inertia, rates) = links.split_at(110);
            for axis in 0..3 {
                let share: f64 = rates.chunks(6).map(|r| f64::from(r[axis])).sum();
                close(share, before[3 + axis] / body.mass, 1e-4);
            }
            let mass: f32 = inertia.chunks(10).map(|i| i[9]).sum();
            close(f64::from(mass), body.mass, 1e-4);
            // In free flight, angular momentum lasts and the linear one follows gravity.
            let nu = worlds.model().nu();
            (0..10).for_each(|_| worlds.step(&[true], &vec![0.1; nu]));
            let after = momentum(&worlds);
            for k in 0..6 {
                let gained = if k == 5 { -9.81 * 0.15 * body.mass } else { 0.0 };
                assert!(
                    (after[k] - before[k] - gained).abs() < 0.01 * body.mass,
                    "{engine:?} {k}: {after:?} {before:?}"
                );
            }
            assert!(before.iter().any(|x| x.abs() > 1.0), "{before:?}");
        }
    }

    #[test]
    fn contacts_hold_a_resting_body_up() {
        for engine in EngineKind::ALL {
            let (body, mut worlds) = humanoid(engine);
            let mut qpos: Vec<f32> = worlds.model().qpos0.iter().map(|&q| q as f32).collect();
            // On the back, arms up.
            qpos[2] = 0.2;
            qpos[3..7].copy_from_slice(&[0.707, 0.0, -0.707, 0.0]);
            worlds.reset(0, &qpos, &[0.0; 23]);
            (0..400).for_each(|_| worlds.step(&[true], &[0.0; 17]));
            let view = worlds.view(0);
            let mut forces = [f32::NAN; 78];
            let poses = body.poses(&view);
            body.contact_forces(&view, &poses, &mut forces);
            let sum = |k: usize| -> f64 { forces.chunks(6).map(|f| f64::from(f[k])).sum() };
            let weight = 9.81 * body.mass;
            // Force against the weight, without a moment about the centre of mass.
            close(sum(5), weight, 0.05 * weight);
            (0..5).for_each(|k| close(sum(k), 0.0, 0.05 * weight));
            let squares: f64 = forces.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
            close(body.contact_squares(&view, &poses, f64::INFINITY), squares, 1e-6 * squares);
            assert!(body.contact_squares(&view, &poses, 1.0) <= 78.0);
        }
    }
}

//! What a robot senses, put together from parts by a config.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sim::{JointKind, Model, Sensor, WorldView};

use crate::ground::Ground;
use crate::{Channel, EnvError};

/// Most points of a height scan.
const MAX_POINTS: usize = 1024;

/// A part of the observation. Parts are observed in the order of the list.
///
/// Bodies are given by name; an empty list means every body that has mass.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Sense {
    /// `qpos` without the trunk's horizontal place: m, rad and quaternion entries.
    Positions,
    /// `qvel`: m/s and rad/s.
    Velocities,
    /// Orientation of the trunk in the world, `w x y z`.
    Orientation,
    /// Velocity of each body's centre of mass (m/s), then its angular velocity (rad/s), world axes.
    BodyVelocities(Vec<String>),
    /// Sum of the contact forces on each body, world axes, N.
    ContactForces(Vec<String>),
    /// Sum of the normal forces of each body's contacts, N.
    Touch(Vec<String>),
    /// Height of the ground above the trunk's origin (mostly negative, m), at points of a grid that
    /// is level and turns with the trunk's heading.
    HeightScan {
        /// Points along the heading and across it, at least 1 each, 1024 in all.
        points: (usize, usize),
        /// Distance between neighbours, above 0, m.
        spacing: f64,
        /// How far the grid's centre lies ahead of the trunk, m.
        #[serde(default)]
        ahead: f64,
    },
}

/// Sensors of the trunk that come before all others: position, then orientation.
pub(crate) const TRUNK_VALUES: usize = 7;

/// The observation that a list of [`Sense`]s makes up.
pub(crate) struct Senses {
    parts: Vec<Part>,
    sensors: Vec<Sensor>,
    channels: Vec<Channel>,
}

enum Part {
    /// These entries of `qpos`.
    Positions(Vec<usize>),
    Velocities,
    /// These sensor values.
    Sensors(std::ops::Range<usize>),
    /// Points ahead and to the left, m, over this ground.
    Scan(Vec<[f64; 2]>, Ground),
}

impl Senses {
    /// Looks up the names in `list` for the robot with the given trunk; errors name `env`.
    pub(crate) fn new(
        env: &'static str,
        model: &Arc<Model>,
        trunk: usize,
        list: &[Sense],
    ) -> Result<Self, EnvError> {
        let mut senses = Self {
            parts: Vec::new(),
            sensors: vec![Sensor::Position(trunk), Sensor::Orientation(trunk)],
            channels: Vec::new(),
        };
        let mut values = TRUNK_VALUES;
        for sense in list {
            let part = match sense {
                Sense::Positions => {
                    let kept = kept_positions(model, trunk);
                    let all = Channel::positions(model);
                    senses.channels.extend(kept.iter().map(|&i| all[i].clone()));
                    Part::Positions(kept)
                }
                Sense::Velocities => {
                    senses.channels.extend(Channel::velocities(model));
                    Part::Velocities
                }
                Sense::Orientation => {
                    let axes = ["w", "x", "y", "z"];
                    let name = label(model, trunk);
                    let channel = |a| Channel::bounded(format!("{name} orientation {a}"), "", -1.0, 1.0);
                    senses.channels.extend(axes.map(channel));
                    Part::Sensors(3..TRUNK_VALUES)
                }
                Sense::BodyVelocities(names) => {
                    let start = values;
                    for body in bodies(env, model, names)? {
                        values += senses.add(model, Sensor::Velocity(body), "velocity", "m/s");
                        let sensor = Sensor::AngularVelocity(body);
                        values += senses.add(model, sensor, "angular velocity", "rad/s");
                    }
                    Part::Sensors(start..values)
                }
                Sense::ContactForces(names) => {
                    let start = values;
                    for body in bodies(env, model, names)? {
                        values += senses.add(model, Sensor::ContactForce(body), "contact force", "N");
                    }
                    Part::Sensors(start..values)
                }
                Sense::Touch(names) => {
                    let start = values;
                    for body in bodies(env, model, names)? {
                        values += senses.add(model, Sensor::Touch(body), "touch", "N");
                    }
                    Part::Sensors(start..values)
                }
                Sense::HeightScan { points, spacing, ahead } => {
                    let points = grid(env, *points, *spacing, *ahead)?;
                    for [x, y] in &points {
                        senses.channels.push(Channel::unbounded(format!("ground at {x:.2} {y:.2}"), "m"));
                    }
                    Part::Scan(points, Ground::of(env, model)?)
                }
            };
            senses.parts.push(part);
        }
        unique(&mut senses.channels);
        Ok(senses)
    }

    /// Adds a sensor with its channels; returns the number of its values.
    fn add(&mut self, model: &Model, sensor: Sensor, what: &str, unit: &'static str) -> usize {
        let name = label(model, sensor.body());
        if sensor.len() == 1 {
            self.channels.push(Channel::unbounded(format!("{name} {what}"), unit));
        } else {
            let axis = |axis| Channel::unbounded(format!("{name} {what} {axis}"), unit);
            self.channels.extend(["x", "y", "z"].map(axis));
        }
        self.sensors.push(sensor);
        sensor.len()
    }

    /// Sensors that the worlds must have; the trunk's position and orientation come first.
    pub(crate) fn sensors(&self) -> &[Sensor] {
        &self.sensors
    }

    /// One channel per observed value.
    pub(crate) fn channels(&self) -> &[Channel] {
        &self.channels
    }

    /// Writes the observation, as long as [`Senses::channels`].
    pub(crate) fn observe(&self, world: &WorldView<'_>, obs: &mut [f32]) {
        let mut at = 0;
        let mut put = |values: &mut dyn Iterator<Item = f32>| {
            for value in values {
                obs[at] = value;
                at += 1;
            }
        };
        for part in &self.parts {
            match part {
                Part::Positions(kept) => put(&mut kept.iter().map(|&i| world.qpos[i])),
                Part::Velocities => put(&mut world.qvel.iter().copied()),
                Part::Sensors(range) => put(&mut world.sensors[range.clone()].iter().copied()),
                Part::Scan(points, ground) => {
                    put(&mut scan(world, points, &|x, y| ground.height(x, y)));
                }
            }
        }
    }

    /// Writes those entries of the observation that see the ground, over another one.
    pub(crate) fn look(&self, world: &WorldView<'_>, height: &dyn Fn(f64, f64) -> f64, obs: &mut [f32]) {
        let mut at = 0;
        for part in &self.parts {
            at += match part {
                Part::Positions(kept) => kept.len(),
                Part::Velocities => world.qvel.len(),
                Part::Sensors(range) => range.len(),
                Part::Scan(points, _) => {
                    let seen = scan(world, points, height);
                    obs[at..].iter_mut().zip(seen).for_each(|(to, seen)| *to = seen);
                    points.len()
                }
            };
        }
    }
}

/// Height of the ground above the trunk's origin at points ahead of it and to its left.
fn scan<'a>(
    world: &WorldView<'_>,
    points: &'a [[f64; 2]],
    height: &'a dyn Fn(f64, f64) -> f64,
) -> impl Iterator<Item = f32> + use<'a> {
    let [x, y, z] = [0, 1, 2].map(|i| f64::from(world.sensors[i]));
    let [c, s] = heading(&world.sensors[3..TRUNK_VALUES]);
    points.iter().map(move |[ahead, left]| {
        let (px, py) = (x + c * ahead - s * left, y + s * ahead + c * left);
        (height(px, py) - z) as f32
    })
}

/// Cosine and sine of the angle from +x to the horizontal direction of the body's x axis; +x if
/// that axis is vertical.
fn heading(quat: &[f32]) -> [f64; 2] {
    let [w, x, y, z] = [0, 1, 2, 3].map(|i| f64::from(quat[i]));
    let (ahead, left) = (w * w + x * x - y * y - z * z, 2.0 * (x * y + w * z));
    let length = libm::sqrt(ahead * ahead + left * left);
    if length > 1e-9 { [ahead / length, left / length] } else { [1.0, 0.0] }
}

/// Entries of `qpos` but those that say where the trunk is in the horizontal plane.
fn kept_positions(model: &Model, trunk: usize) -> Vec<usize> {
    let mut kept = Vec::new();
    for joint in &model.joints {
        let left_out = match joint.kind {
            JointKind::Free if joint.body == trunk => 2,
            JointKind::Slide if joint.body == trunk && joint.axis[2].abs() < 0.5 => 1,
            _ => 0,
        };
        kept.extend(joint.qpos_adr + left_out..joint.qpos_adr + joint.kind.nq());
    }
    kept
}

/// A body's name, or its number if it has none.
pub(crate) fn label(model: &Model, body: usize) -> String {
    let name = &model.bodies[body].name;
    if name.is_empty() { format!("body {body}") } else { name.clone() }
}

/// The bodies of these names; all that have mass if there are none.
fn bodies(env: &'static str, model: &Model, names: &[String]) -> Result<Vec<usize>, EnvError> {
    let heavy = || (1..model.bodies.len()).filter(|&b| model.bodies[b].mass > 0.0);
    if names.is_empty() {
        return Ok(heavy().collect());
    }
    names.iter().map(|name| body(env, model, name)).collect()
}

/// The body called `name`.
pub(crate) fn body(env: &'static str, model: &Model, name: &str) -> Result<usize, EnvError> {
    model.body(name).filter(|&b| b > 0).ok_or_else(|| {
        let valid: Vec<&str> = model.bodies[1..].iter().map(|b| b.name.as_str()).collect();
        EnvError::Unknown { env, what: "body", name: name.to_owned(), valid: valid.join(", ") }
    })
}

fn grid(
    env: &'static str,
    (rows, columns): (usize, usize),
    spacing: f64,
    ahead: f64,
) -> Result<Vec<[f64; 2]>, EnvError> {
    let valid = rows > 0 && columns > 0 && rows.saturating_mul(columns) <= MAX_POINTS;
    if !(valid && spacing > 0.0 && spacing.is_finite() && ahead.is_finite()) {
        let value = format!("HeightScan(points: ({rows}, {columns}), spacing: {spacing}, ahead: {ahead})");
        let expected = "expected 1 to 1024 points, a spacing above 0 and finite numbers";
        return Err(EnvError::Config { env, field: "observations", value, expected });
    }
    let place = |i: usize, n: usize| spacing * (i as f64 - 0.5 * (n as f64 - 1.0));
    let point = |i: usize| [ahead + place(i / columns, rows), place(i % columns, columns)];
    Ok((0..rows * columns).map(point).collect())
}

/// Tells channels of the same name apart by a number.
pub(crate) fn unique(channels: &mut [Channel]) {
    for i in 1..channels.len() {
        let name = channels[i].name.clone();
        let mut number = 2;
        while channels[..i].iter().any(|c| c.name == channels[i].name) {
            channels[i].name = format!("{name} ({number})");
            number += 1;
        }
    }
}

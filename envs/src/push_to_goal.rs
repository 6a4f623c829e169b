//! Push to goal: a hand pushes an object to a goal on a table; object, places and goal are random.
//!
//! | observation | entries | unit |
//! | --- | --- | --- |
//! | hand x, y | 0–1 | m |
//! | hand velocity x, y | 2–3 | m/s |
//! | object − hand, x, y | 4–5 | m |
//! | cosine and sine of the object's angle | 6–7 | |
//! | object velocity x, y | 8–9 | m/s |
//! | object angular velocity | 10 | rad/s |
//! | goal − object, x, y | 11–12 | m |
//! | 1 for the kind of object that it is, else 0: disc, box, rod | 13–15 | |
//!
//! | reward term | value, a = action |
//! | --- | --- |
//! | `distance` | −`distance_weight` · |object − goal| |
//! | `near` | −`near_weight` · |hand − place behind the object|, 0 once the object is at the goal |
//! | `success` | `success_reward` while |object − goal| < 0.05 m |
//! | `control` | −`ctrl_cost_weight` · Σ a² |
//!
//! The place behind the object is 0.09 m from its middle, away from the goal: about where the hand touches it
//! and pushes it straight there. An object slides as if on a table with a friction coefficient of about 0.4.
//!
//! Episodes never terminate. Two actions in −1..=1, 3 N each, 20 per second.
//!
//! Start: everything at rest. The object, drawn from `objects`, lies within ±0.25 m at any angle, the
//! goal within ±0.35 m and at least 0.15 m from the object, the hand within ±0.45 m and at least
//! 0.15 m from the object. The other kinds of objects lie beside the table, out of the hand's reach.
//!
//! Reference: the idea of `FetchPush` (Plappert et al. 2018, arXiv:1802.09464) on a robot as simple as
//! possible.

use std::sync::Arc;

use rand::{Rng, RngExt as _};
use serde::{Deserialize, Serialize};
use sim::{EngineKind, Model, WorldView};

use crate::error::finite;
use crate::math::{distance, minus};
use crate::pay::{self, control};
use crate::{Aim, Channel, EnvError, PhysicsSettings, Spec, Task};

const NAME: &str = "push_to_goal";
/// First coordinates of the objects (x, y, angle each) and of the goal, in `qpos` and `qvel`.
const OBJECTS: usize = 2;
const GOAL: usize = OBJECTS + 3 * KINDS.len();
const KINDS: [Object; 3] = [Object::Disc, Object::Box, Object::Rod];
/// Least distance of goal and hand from the object at the start, m.
const APART: f64 = 0.15;
/// Distance at which the object is at its goal, m.
const REACHED: f64 = 0.05;
/// From the middle of the object to the place to push it from, m: disc and hand touch there.
const BEHIND: f64 = 0.09;
/// Where objects lie that an episode does not use, and how far apart, m: out of reach, in sight.
const AWAY: [f32; 2] = [0.8, 0.2];

/// A kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Object {
    /// Radius 0.06 m.
    Disc,
    /// 0.12 m × 0.09 m.
    Box,
    /// 0.19 m long, 0.07 m thick, with round ends.
    Rod,
}

/// Settings of the task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Cost per metre between object and goal.
    pub distance_weight: f64,
    /// Cost per metre between the hand and the place behind the object.
    pub near_weight: f64,
    /// Reward per step with the object at the goal.
    pub success_reward: f64,
    /// Cost per squared unit of action.
    pub ctrl_cost_weight: f64,
    /// Kinds of objects to draw from, at least one; one that is named twice is drawn twice as often.
    pub objects: Vec<Object>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            distance_weight: 1.0,
            near_weight: 0.5,
            success_reward: 1.0,
            ctrl_cost_weight: 0.01,
            objects: KINDS.to_vec(),
        }
    }
}

/// The task. Its memory is the number of the object in use.
pub struct PushToGoal {
    config: Config,
    spec: Spec,
    model: Arc<Model>,
}

impl PushToGoal {
    /// Checks `config` and reads the robot.
    ///
    /// # Errors
    /// [`EnvError::Config`] names a field that is out of range.
    pub fn new(config: Config) -> Result<Self, EnvError> {
        finite(NAME, "distance_weight", config.distance_weight)?;
        finite(NAME, "near_weight", config.near_weight)?;
        finite(NAME, "success_reward", config.success_reward)?;
        finite(NAME, "ctrl_cost_weight", config.ctrl_cost_weight)?;
        if config.objects.is_empty() {
            let expected = "expected at least one of Disc, Box, Rod";
            return Err(EnvError::Config { env: NAME, field: "objects", value: "[]".to_owned(), expected });
        }
        let model = Model::from_mjcf(include_str!("../assets/push_to_goal.xml"), "push_to_goal.xml")?;
        let pair = |name: &str, unit| ["x", "y"].map(|a| Channel::unbounded(format!("{name} {a}"), unit));
        let within = |name: &str, low| Channel::bounded(name, "", low, 1.0);
        let mut observations = Vec::new();
        observations.extend(pair("hand", "m"));
        observations.extend(pair("hand velocity", "m/s"));
        observations.extend(pair("object - hand", "m"));
        observations.extend(["object cosine", "object sine"].map(|name| within(name, -1.0)));
        observations.extend(pair("object velocity", "m/s"));
        observations.push(Channel::unbounded("object angular velocity", "rad/s"));
        observations.extend(pair("goal - object", "m"));
        observations.extend(["disc", "box", "rod"].map(|kind| within(kind, 0.0)));
        let spec = Spec {
            name: NAME,
            summary: "A hand pushes a disc, a box or a rod to a goal on a table.",
            differences: &[],
            start: "All at rest; object, drawn from objects, within ±0.25 m at any angle; goal within ±0.35 m and hand within ±0.45 m, both at least 0.15 m from the object.",
            termination: None,
            observations,
            actions: Channel::controls(&model),
            terms: &["distance", "near", "success", "control"],
            formulas: &[
                "−distance_weight · |object − goal|",
                "−near_weight · |hand − (object + 0.09 m · (object − goal) / |object − goal|)| if |object − goal| ≥ 0.05 m, else 0",
                "success_reward if |object − goal| < 0.05 m, else 0",
                pay::CONTROL,
            ],
            control_dt: 0.05,
            physics: PhysicsSettings::new(0.01, 5).iterations(EngineKind::Lanes, 8, 16),
            horizon: 100,
            memory: 1,
        };
        Ok(Self { config, spec, model: Arc::new(model) })
    }
}

/// The place of x, y and angle of the object in use.
fn object(memory: &[f32]) -> std::ops::Range<usize> {
    let start = OBJECTS + 3 * memory[0] as usize;
    start..start + 3
}

impl Task for PushToGoal {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    fn model(&self) -> &Arc<Model> {
        &self.model
    }

    fn reset(&self, rng: &mut dyn Rng, qpos: &mut [f32], _qvel: &mut [f32], memory: &mut [f32]) {
        let mut within = |radius: f64| [(); 2].map(|()| (radius * (2.0 * rng.random::<f64>() - 1.0)) as f32);
        let place = within(0.25);
        let mut apart = |radius| {
            loop {
                let other = within(radius);
                if distance(&other, &place) > APART {
                    return other;
                }
            }
        };
        let (goal, hand) = (apart(0.35), apart(0.45));
        let angle = std::f64::consts::TAU * rng.random::<f64>();
        let kind = self.config.objects[rng.random_range(0..self.config.objects.len())];
        memory[0] = KINDS.iter().position(|&k| k == kind).expect("all kinds are listed") as f32;
        for (number, other) in qpos[OBJECTS..GOAL].chunks_exact_mut(3).enumerate() {
            other[0] = AWAY[0] + AWAY[1] * number as f32;
        }
        qpos[..2].copy_from_slice(&hand);
        qpos[object(memory)].copy_from_slice(&[place[0], place[1], angle as f32]);
        qpos[GOAL..].copy_from_slice(&goal);
    }

    fn observe(&self, world: &WorldView<'_>, memory: &[f32], obs: &mut [f32]) {
        let (place, speed) = (&world.qpos[object(memory)], &world.qvel[object(memory)]);
        obs[..2].copy_from_slice(&world.qpos[..2]);
        obs[2..4].copy_from_slice(&world.qvel[..2]);
        obs[4..6].copy_from_slice(&minus::<2>(place, world.qpos));
        obs[6] = libm::cos(f64::from(place[2])) as f32;
        obs[7] = libm::sin(f64::from(place[2])) as f32;
        obs[8..11].copy_from_slice(speed);
        obs[11..13].copy_from_slice(&minus::<2>(&world.qpos[GOAL..], place));
        for (number, entry) in obs[13..].iter_mut().enumerate() {
            *entry = f32::from(number == memory[0] as usize);
        }
    }

    fn aim(&self) -> Option<Aim> {
        Some(Aim { what: "the object is within 0.05 m of the goal", steps: 20 })
    }

    fn at_aim(&self, world: &WorldView<'_>, memory: &[f32]) -> bool {
        distance(&world.qpos[object(memory)][..2], &world.qpos[GOAL..]) < REACHED
    }

    fn step(&self, world: &WorldView<'_>, action: &[f32], memory: &mut [f32], terms: &mut [f32]) -> bool {
        let place = &world.qpos[object(memory)][..2];
        let off = distance(place, &world.qpos[GOAL..]);
        let reached = off < REACHED;
        // How far from the goal the place behind the object is, in units of how far the object is.
        let further = (1.0 + BEHIND / off.max(REACHED)) as f32;
        let goal = &world.qpos[GOAL..];
        let behind = [0, 1].map(|i| goal[i] + further * (place[i] - goal[i]));
        let near = if reached { 0.0 } else { distance(&behind, &world.qpos[..2]) };
        terms[0] = (-self.config.distance_weight * off) as f32;
        terms[1] = (-self.config.near_weight * near) as f32;
        terms[2] = f32::from(reached) * self.config.success_reward as f32;
        terms[3] = control(self.config.ctrl_cost_weight, action);
        false
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use rand::{SeedableRng as _, rngs::ChaCha8Rng};
    use sim::Worlds;

    use super::*;
    use crate::Fidelity;
    use crate::task::world;

    fn task(objects: &[Object]) -> PushToGoal {
        PushToGoal::new(Config { objects: objects.to_vec(), ..Config::default() }).unwrap()
    }

    #[test]
    fn costs_are_distances_and_effort() {
        let (task, mut qpos, mut terms) = (task(&KINDS), [0.0; 13], [f32::NAN; 4]);
        // The rod, 0.03 off the goal: the place of the hand does not matter.
        (qpos[8], qpos[9], qpos[11], qpos[12]) = (0.3, 0.4, 0.3, 0.37);
        assert!(!task.step(&world(&qpos, &[0.0; 13]), &[1.0, 0.5], &mut [2.0], &mut terms));
        assert!((terms[0] + 0.03).abs() < 1e-6, "{terms:?}");
        assert_eq!(terms[1..], [0.0, 1.0, -0.0125]);
        // Now 0.1 off, along y: the hand should be 0.09 further on.
        (qpos[12], qpos[0], qpos[1]) = (0.3, 0.27, 0.45);
        task.step(&world(&qpos, &[0.0; 13]), &[0.0; 2], &mut [2.0], &mut terms);
        assert!((terms[0] + 0.1).abs() < 1e-6 && (terms[1] + 0.5 * 0.05).abs() < 1e-6, "{terms:?}");
        assert_eq!(terms[2], 0.0);
    }

    #[test]
    fn one_object_is_in_play_and_all_kinds_occur() {
        let task = task(&KINDS);
        let mut seen = [0; 3];
        for seed in 0..300 {
            let (mut qpos, mut qvel, mut memory) = ([0.0; 13], [0.0; 13], [0.0]);
            task.reset(&mut ChaCha8Rng::seed_from_u64(seed), &mut qpos, &mut qvel, &mut memory);
            let mut obs = [f32::NAN; 16];
            task.observe(&world(&qpos, &qvel), &memory, &mut obs);
            let kind = memory[0] as usize;
            seen[kind] += 1;
            for other in 0..3 {
                assert_eq!(obs[13 + other], f32::from(other == kind));
                assert_eq!(qpos[OBJECTS + 3 * other] >= AWAY[0], other != kind);
            }
            assert!(obs[4].hypot(obs[5]) > 0.15 && obs[11].hypot(obs[12]) > 0.15, "{obs:?}");
        }
        assert!(seen.iter().all(|&n| n > 70), "{seen:?}");
    }

    #[test]
    fn the_hand_pushes_every_object_and_friction_stops_it() {
        for (number, kind) in KINDS.into_iter().enumerate() {
            let task = task(&[kind]);
            for engine in EngineKind::ALL {
                let options = task.physics(engine, Fidelity::Default);
                let mut worlds = Worlds::new(task.model(), 1, options, &[]).unwrap();
                let mut qpos = [0.0; 13];
                (qpos[2], qpos[5], qpos[8], qpos[0]) = (3.0, 4.0, 5.0, -0.2);
                qpos[OBJECTS + 3 * number] = 0.0;
                worlds.reset(0, &qpos, &[0.0; 13]);
                let mut run = |steps: usize, push: f32| {
                    (0..steps).for_each(|_| worlds.step(&[true], &[push, 0.0]));
                    let view = worlds.view(0);
                    (view.qpos[OBJECTS + 3 * number], view.qvel[OBJECTS + 3 * number])
                };
                let (x, _) = run(15, 1.0);
                assert!(x > 0.05, "{kind:?} {engine:?}: {x} m");
                let (_, speed) = run(40, -1.0);
                assert!(speed.abs() < 1e-3, "{kind:?} {engine:?}: {speed} m/s");
                let view = worlds.view(0);
                assert!((0..3).all(|i| i == number || view.qpos[OBJECTS + 3 * i] == 3.0 + i as f32));
            }
        }
    }
}

//! Ant on rough ground: the ant walks along +x over bumps, steps or hills.
//!
//! | observation | entries | unit |
//! | --- | --- | --- |
//! | as the [ant](crate::ant), with the torso's height above the ground below it | 0–26 | |
//! | with `scan`: height of the ground relative to the torso, 5 × 3 points | 27–41 | m |
//!
//! The reward is the ant's, and so is health, by the height above the ground below the torso. The
//! ground is a field of 300 m × 24 m, made once from `terrain` and `seed`. Every episode starts on
//! another patch of it, and terminates where the field ends.
//!
//! The points of the scan lie 0.5 m apart and turn with the torso's heading: from 0.5 m behind its
//! centre to 1.5 m ahead, and 0.5 m to either side.
//!
//! Reference: the ant. Kinds of ground as in Heess et al. 2017 (arXiv:1707.02286) and Rudin et al. 2022
//! (arXiv:2109.11978).

use std::sync::Arc;

use rand::{Rng, RngExt as _};
use serde::{Deserialize, Serialize};
use sim::{Model, Sensor, WorldView};

use crate::ant::{Ant, CONTROL_DT};
use crate::ground::Ground;
use crate::pay::speed;
use crate::senses::Senses;
use crate::terrain::{Grid, lay};
use crate::{EnvError, Sense, Spec, Task, Terrain};

const NAME: &str = "ant_terrain";
/// The field: 300 m × 24 m, a grid point every 0.3 m.
const FIELD: Grid = Grid { radii: [150.0, 12.0], points: [1001, 81] };
/// Starts lie within these bounds of x, and this far from the middle line, m.
const START: ([f64; 2], f64) = ([-145.0, -105.0], 8.0);
/// Nearest that the torso may come to an edge of the field, m.
const EDGE: f64 = 1.0;
/// Reach of the legs, m.
const REACH: f64 = 1.2;

/// Settings of the task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Robot, weights of the reward, health.
    pub ant: crate::ant::Config,
    /// What the ground looks like.
    pub terrain: Terrain,
    /// Seed of the ground.
    pub seed: u64,
    /// Whether the ground around the robot is observed.
    pub scan: bool,
}

impl Default for Config {
    fn default() -> Self {
        let terrain = Terrain::Rough { height: 0.15 };
        Self { ant: crate::ant::Config::default(), terrain, seed: 1, scan: true }
    }
}

/// The task. Its memory is the torso's x before the step.
pub struct AntTerrain {
    spec: Spec,
    ant: Ant,
    model: Arc<Model>,
    ground: Ground,
    senses: Senses,
    /// Number of sensor values that are the ant's own; those of the scan follow.
    own: usize,
}

impl AntTerrain {
    /// Checks `config`, reads the robot and makes the ground.
    ///
    /// # Errors
    /// [`EnvError::Config`] names a field that is out of range.
    pub fn new(config: Config) -> Result<Self, EnvError> {
        let ant = Ant::new(config.ant)?;
        config.terrain.check().map_err(|(value, expected)| {
            let value = value.to_string();
            EnvError::Config { env: NAME, field: "terrain", value, expected }
        })?;
        let mut model = Model::clone(ant.model());
        let floor = model.geoms.iter().position(|g| g.name == "floor").expect("our own model has it");
        lay(&mut model, floor, &FIELD, &config.terrain.heights(&FIELD, config.seed));
        let model = Arc::new(model);
        let ground = Ground::of(NAME, &model)?;
        let scan = Sense::HeightScan { points: (5, 3), spacing: 0.5, ahead: 0.5 };
        let torso = model.body("torso").expect("our own model has it");
        let list = if config.scan { vec![scan] } else { Vec::new() };
        let senses = Senses::new(NAME, &model, torso, &list)?;
        let mut spec = ant.spec().clone();
        spec.observations.extend_from_slice(senses.channels());
        let spec = Spec {
            name: NAME,
            summary: "A four-legged robot walks along +x over rough ground.",
            differences: &["As the ant, on a field of 300 m × 24 m; heights are those above the ground."],
            start: "As the ant, anywhere on the field's first 40 m, raised above the highest ground within 1.2 m.",
            termination: Some(
                "The torso's height above the ground leaves ant.healthy_z_range, or the torso comes within 1 m of the field's edge.",
            ),
            ..spec
        };
        let own = ant.sensors().iter().map(|s| s.len()).sum();
        Ok(Self { spec, ant, model, ground, senses, own })
    }

    /// What the ant senses, and what the scan does.
    fn views<'a>(&self, world: &WorldView<'a>) -> [WorldView<'a>; 2] {
        let (own, scan) = world.sensors.split_at(self.own);
        [own, scan].map(|sensors| WorldView { sensors, ..*world })
    }

    fn below(&self, qpos: &[f32]) -> f64 {
        self.ground.height(f64::from(qpos[0]), f64::from(qpos[1]))
    }
}

impl Task for AntTerrain {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    fn model(&self) -> &Arc<Model> {
        &self.model
    }

    fn sensors(&self) -> Vec<Sensor> {
        [self.ant.sensors(), self.senses.sensors().to_vec()].concat()
    }

    fn reset(&self, rng: &mut dyn Rng, qpos: &mut [f32], qvel: &mut [f32], memory: &mut [f32]) {
        self.ant.start(rng, qpos, qvel);
        let ([first, last], aside) = START;
        let x = first + (last - first) * rng.random::<f64>();
        let y = aside * (2.0 * rng.random::<f64>() - 1.0);
        (qpos[0], qpos[1]) = (x as f32, y as f32);
        let offsets = || (-4..=4).map(|i| 0.25 * REACH * f64::from(i));
        let around = offsets().flat_map(|dx| offsets().map(move |dy| (x + dx, y + dy)));
        let highest = around.map(|(x, y)| self.ground.height(x, y)).fold(f64::NEG_INFINITY, f64::max);
        qpos[2] += highest as f32;
        memory[0] = qpos[0];
    }

    fn observe(&self, world: &WorldView<'_>, memory: &[f32], obs: &mut [f32]) {
        let [own, around] = self.views(world);
        let (robot, scan) = obs.split_at_mut(self.ant.spec().observations.len());
        self.ant.observe(&own, memory, robot);
        robot[0] = (f64::from(world.qpos[2]) - self.below(world.qpos)) as f32;
        self.senses.observe(&around, scan);
    }

    fn step(&self, world: &WorldView<'_>, action: &[f32], memory: &mut [f32], terms: &mut [f32]) -> bool {
        let speed = speed(world.qpos[0], &mut memory[0], CONTROL_DT);
        let height = f64::from(world.qpos[2]) - self.below(world.qpos);
        let outside = |axis: usize| f64::from(world.qpos[axis].abs()) > FIELD.radii[axis] - EDGE;
        let [own, _] = self.views(world);
        self.ant.score(&own, speed, height, action, terms) || outside(0) || outside(1)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use rand::{SeedableRng as _, rngs::ChaCha8Rng};
    use sim::EngineKind;

    use super::*;
    use crate::{Envs, Fidelity};

    fn build(terrain: Terrain) -> AntTerrain {
        AntTerrain::new(Config { terrain, ..Config::default() }).unwrap()
    }

    #[test]
    fn impossible_grounds_are_refused() {
        for terrain in [Terrain::Rough { height: 0.0 }, Terrain::Steps { height: 0.1, length: f64::NAN }] {
            let error = AntTerrain::new(Config { terrain, ..Config::default() }).err().unwrap().to_string();
            assert!(error.starts_with("env ant_terrain: terrain = "), "{error}");
        }
    }

    #[test]
    fn the_robot_stands_on_the_ground_that_it_sees() {
        // A robot at rest has its feet on the ground: its torso is at a height like that on flat ground.
        for terrain in [Terrain::Rough { height: 0.1 }, Terrain::Hills { height: 0.5, length: 20.0 }] {
            let task: Arc<dyn Task> = Arc::new(build(terrain.clone()));
            for engine in EngineKind::ALL {
                let options = task.physics(engine, Fidelity::Default);
                let mut envs = Envs::new(task.clone(), 4, options, 1000).unwrap();
                for i in 0..4 {
                    envs.reset(i, &mut ChaCha8Rng::seed_from_u64(i as u64));
                }
                (0..60).for_each(|_| envs.step(&[true; 4], &[0.0; 32]));
                for (i, obs) in envs.observations().chunks_exact(42).enumerate() {
                    assert!(!envs.outcome(i).over(), "{terrain:?} {engine:?}");
                    assert!((0.3..0.75).contains(&obs[0]), "{terrain:?} {engine:?}: {}", obs[0]);
                    // Points of the scan surround the torso and lie about as far below it.
                    assert!(
                        obs[27..].iter().all(|h| (h + obs[0]).abs() < 0.3),
                        "{terrain:?} {engine:?} {obs:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn episodes_start_in_many_places_and_end_at_the_edge() {
        let task = build(Terrain::Rough { height: 0.15 });
        let mut xs = Vec::new();
        for seed in 0..100 {
            let (mut qpos, mut qvel, mut memory) = ([0.0; 15], [0.0; 14], [0.0]);
            qpos[3] = 1.0;
            task.reset(&mut ChaCha8Rng::seed_from_u64(seed), &mut qpos, &mut qvel, &mut memory);
            assert!((-145.0..=-105.0).contains(&qpos[0]) && qpos[1].abs() <= 8.0 && memory[0] == qpos[0]);
            xs.push(qpos[0]);
        }
        let (low, high) = xs.iter().fold((0.0_f32, -200.0_f32), |(l, h), &x| (l.min(x), h.max(x)));
        assert!(high - low > 35.0);
        for (x, y, over) in [(148.0, 0.0, false), (149.5, 0.0, true), (0.0, 10.5, false), (0.0, -11.5, true)]
        {
            let mut qpos = [0.0; 15];
            (qpos[0], qpos[1]) = (x, y);
            qpos[2] = (0.5 + task.ground.height(f64::from(x), f64::from(y))) as f32;
            let view = crate::task::world(&qpos, &[0.0; 14]);
            assert_eq!(task.step(&view, &[0.0; 8], &mut [x], &mut [0.0; 3]), over, "{x} {y}");
        }
    }
}

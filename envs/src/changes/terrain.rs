//! Uneven ground under a robot that knows a plane only.

use rand::Rng;
use serde::{Deserialize, Serialize};

use super::acting::{Acting, Moment, Start};
use super::rule::{Plan, Rule, Site};
use super::value::Value;
use super::when::When;
use crate::error::change_error;
use crate::landscape::{Landscape, START};
use crate::{EnvError, Terrain};

/// Uneven ground instead of the plane that the robot walks on. It is a field of 240 m × 60 m with level
/// ground around it, and is made once; each episode starts on another patch of it. Heights in rewards and
/// observations are then measured from the ground below the trunk. It holds always or never.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "struct variant")]
pub struct UnevenGround {
    /// The shape of the ground.
    pub ground: Terrain,
    /// Seed of the ground.
    #[serde(default = "first_seed")]
    pub seed: u64,
}

pub(crate) fn first_seed() -> u64 {
    1
}

impl Rule for UnevenGround {
    fn name(&self) -> &'static str {
        "terrain"
    }

    fn check(&self, when: When) -> Result<(), EnvError> {
        if when != When::Always {
            let problem = format!("when = {when:?}: expected Always, since ground lasts");
            return Err(change_error(self.name(), problem));
        }
        let refuse = |(value, expected)| change_error(self.name(), format!("ground = {value}: {expected}"));
        self.ground.check().map_err(refuse)
    }

    fn plan(&self, site: &mut Site<'_>) -> Result<Plan, EnvError> {
        if site.landscape.is_some() {
            return Err(change_error(self.name(), "two of them: expected at most one".to_owned()));
        }
        site.landscape = Some(Landscape::new(site.task, &self.ground, self.seed)?);
        let acting = Elsewhere { patch: [0.0; 2], moved: [0.0; 2] };
        Ok(Plan::new(acting, &[("terrain x", "m"), ("terrain y", "m")]))
    }
}

#[derive(Clone)]
struct Elsewhere {
    /// Where the episode is to start, x and y, m.
    patch: [f64; 2],
    /// How far along x and y the robot has been moved there, m.
    moved: [f64; 2],
}

impl Acting for Elsewhere {
    fn draw(&mut self, _start: usize, rng: &mut dyn Rng) {
        self.patch = START.map(|[low, high]| Value::Uniform(low, high).draw(rng));
    }

    fn start(&mut self, start: &mut Start<'_>) {
        if let Some(landscape) = start.landscape {
            self.moved = landscape.start(self.patch, start.qpos);
            *start.moved = self.moved;
        }
    }

    fn set(&mut self, _moment: Moment, _rng: &mut dyn Rng, _memory: &mut [f32], values: &mut [f32]) {
        values[..2].copy_from_slice(&self.moved.map(|moved| moved as f32));
    }
}

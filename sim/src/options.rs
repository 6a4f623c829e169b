//! Which engine steps the worlds, and how finely.

use serde::{Deserialize, Serialize};

use crate::SimError;

/// Which engine steps the worlds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum EngineKind {
    /// rapier3d multibodies, one rapier world per world: the general engine.
    #[default]
    Rapier,
    /// Our own engine: one world per lane of a SIMD register, MuJoCo's equations.
    Lanes,
}

/// How the worlds are stepped.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepOptions {
    /// Engine.
    pub engine: EngineKind,
    /// Physics step in seconds.
    pub timestep: f64,
    /// Physics steps per control step.
    pub substeps: usize,
    /// Solver iterations per physics step.
    pub iterations: usize,
}

impl StepOptions {
    /// Duration of a control step in seconds.
    #[must_use]
    pub fn control_dt(&self) -> f64 {
        self.timestep * self.substeps as f64
    }

    /// Refuses what is no number of steps or seconds.
    pub(crate) fn validate(&self) -> Result<(), SimError> {
        let positive = "a finite number above 0";
        if !(self.timestep.is_finite() && self.timestep > 0.0) {
            return Err(SimError::Setting { setting: "timestep", value: self.timestep, expected: positive });
        }
        for (setting, value) in [("substeps", self.substeps), ("iterations", self.iterations)] {
            if value == 0 {
                return Err(SimError::Setting { setting, value: 0.0, expected: "at least 1" });
            }
        }
        Ok(())
    }
}

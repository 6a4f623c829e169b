//! A heavier or lighter robot.

use serde::{Deserialize, Serialize};

use super::acting::Physical;
use super::rule::{Plan, Rule, Site};
use super::value::{MAX_FACTOR, Value};
use super::when::When;
use crate::EnvError;

/// Factor on the mass and inertia of all bodies, 0.001..=1000.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mass(pub Value);

impl Rule for Mass {
    fn name(&self) -> &'static str {
        "mass"
    }

    fn check(&self, _when: When) -> Result<(), EnvError> {
        self.0.within(self.name(), "factor", 1.0 / MAX_FACTOR, MAX_FACTOR)
    }

    fn plan(&self, _site: &mut Site<'_>) -> Result<Plan, EnvError> {
        let acting = Physical::factor(self.0, |p, factor| p.mass.iter_mut().for_each(|m| *m *= factor));
        // A payload adds a share of the unchanged robot's mass, whatever factor that has.
        Ok(Plan::new(acting.first(), &[("mass factor", "")]))
    }
}

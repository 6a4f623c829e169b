//! Ground that rises, by turned gravity.

use serde::{Deserialize, Serialize};

use super::acting::Physical;
use super::rule::{Plan, Rule, Site};
use super::value::Value;
use super::when::When;
use crate::EnvError;

/// Angle by which gravity is turned, as on a slope that rises along +x, −π/2..=π/2 rad.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Slope(pub Value);

impl Rule for Slope {
    fn name(&self) -> &'static str {
        "slope"
    }

    fn check(&self, _when: When) -> Result<(), EnvError> {
        let steepest = 0.5 * std::f64::consts::PI;
        self.0.within(self.name(), "angle", -steepest, steepest)
    }

    fn plan(&self, _site: &mut Site<'_>) -> Result<Plan, EnvError> {
        let acting = Physical::amount(self.0, 1.0, |p, angle| {
            let (sin, cos) = (libm::sinf(angle), libm::cosf(angle));
            let [x, y, z] = p.gravity;
            p.gravity = [cos * x + sin * z, y, cos * z - sin * x];
        });
        Ok(Plan::new(acting, &[("slope", "rad")]))
    }
}

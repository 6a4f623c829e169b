//! More or less friction.

use serde::{Deserialize, Serialize};

use super::acting::Physical;
use super::rule::{Plan, Rule, Site};
use super::value::{MAX_FACTOR, Value};
use super::when::When;
use crate::EnvError;

/// Factor on all friction coefficients, 0..=1000.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Friction(pub Value);

impl Rule for Friction {
    fn name(&self) -> &'static str {
        "friction"
    }

    fn check(&self, _when: When) -> Result<(), EnvError> {
        self.0.within(self.name(), "factor", 0.0, MAX_FACTOR)
    }

    fn plan(&self, _site: &mut Site<'_>) -> Result<Plan, EnvError> {
        let acting = Physical::factor(self.0, |p, factor| p.friction *= factor);
        Ok(Plan::new(acting, &[("friction factor", "")]))
    }
}

//! More or less gravity, or gravity that pulls up.

use serde::{Deserialize, Serialize};

use super::acting::Physical;
use super::rule::{Plan, Rule, Site};
use super::value::{MAX_FACTOR, Value};
use super::when::When;
use crate::EnvError;

/// Factor on gravity, −1000..=1000.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Gravity(pub Value);

impl Rule for Gravity {
    fn name(&self) -> &'static str {
        "gravity"
    }

    fn check(&self, _when: When) -> Result<(), EnvError> {
        self.0.within(self.name(), "factor", -MAX_FACTOR, MAX_FACTOR)
    }

    fn plan(&self, _site: &mut Site<'_>) -> Result<Plan, EnvError> {
        let acting = Physical::factor(self.0, |p, factor| p.gravity = p.gravity.map(|g| g * factor));
        Ok(Plan::new(acting, &[("gravity factor", "")]))
    }
}

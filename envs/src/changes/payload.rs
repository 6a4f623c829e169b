//! Something to carry.

use serde::{Deserialize, Serialize};
use sim::Model;

use super::acting::Physical;
use super::rule::{Plan, Rule, Site};
use super::value::{MAX_FACTOR, Value};
use super::when::When;
use crate::EnvError;
use crate::anatomy::trunk;
use crate::error::change_error;

/// Mass added to one body, as a fraction of the robot's mass, 0..=1000; the body's inertia grows by the same
/// factor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "struct variant")]
pub struct Payload {
    /// The added mass.
    pub mass: Value,
    /// The body's name; without it, the [trunk](crate::Envs::with_changes).
    #[serde(default)]
    pub body: Option<String>,
}

impl Rule for Payload {
    fn name(&self) -> &'static str {
        "payload"
    }

    fn check(&self, _when: When) -> Result<(), EnvError> {
        self.mass.within(self.name(), "mass", 0.0, MAX_FACTOR)
    }

    fn plan(&self, site: &mut Site<'_>) -> Result<Plan, EnvError> {
        let body = carrier(site.model, self.body.as_deref())
            .map_err(|problem| change_error(self.name(), problem))?;
        let own = site.model.bodies[body].mass as f32;
        let acting = Physical::amount(self.mass, site.mass, move |p, mass| p.mass[body] += mass / own);
        Ok(Plan::new(acting, &[("payload", "kg")]))
    }
}

/// The body that is to carry, or what is wrong.
fn carrier(model: &Model, name: Option<&str>) -> Result<usize, String> {
    let body = name.map_or_else(|| Some(trunk(model)), |name| model.body(name));
    let heavy = |body: &usize| *body > 0 && model.bodies[*body].mass > 0.0;
    body.filter(heavy).ok_or_else(|| {
        let valid: Vec<&str> =
            (0..model.bodies.len()).filter(heavy).map(|b| model.bodies[b].name.as_str()).collect();
        let what = name.map_or_else(|| "the trunk has no mass".to_owned(), |n| format!("unknown body '{n}'"));
        format!("{what} (valid: {})", valid.join(", "))
    })
}

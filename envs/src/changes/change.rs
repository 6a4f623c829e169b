//! One change of an environment: an effect and when it holds.

use serde::{Deserialize, Serialize};

use super::effect::Effect;
use super::when::When;
use crate::EnvError;
use crate::error::change_error;

/// One change of the environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// What changes.
    pub effect: Effect,
    /// In which control steps the change holds.
    #[serde(default)]
    pub when: When,
}

impl Change {
    /// A change that holds for the whole episode.
    #[must_use]
    pub fn always(effect: impl Into<Effect>) -> Self {
        Self { effect: effect.into(), when: When::Always }
    }

    /// Refuses numbers out of range; names are looked up where the robot is known.
    pub(crate) fn validate(&self) -> Result<(), EnvError> {
        let rule = self.effect.rule();
        self.when.check().map_err(|problem| change_error(rule.name(), format!("when = {problem}")))?;
        rule.check(self.when)
    }
}

//! What a config says about training by gradient.

use std::collections::BTreeMap;

use envs::{Change, EnvConfig};
use serde::{Deserialize, Serialize};
use snn::ControllerConfig;
use strategies::{OpenEsConfig, StrategyConfig};

use crate::config::{Config, PhysicsConfig, RunConfig};
use crate::field::{InvalidField, missing};
use crate::gradient::task::Task;
use crate::gradient::task_config::RefineConfig;
use crate::restarts::{self, Restarts};
use crate::rollout_config::RolloutConfig;
use crate::stages::Stage;

/// A training run by gradient. The fields are those of [`Config`] and mean the same, so that a config of
/// evolution can be the `base` of one; a generation is an epoch, a round or an iteration of `task`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FinetuneConfig {
    /// What to train for. It may be missing only in a base.
    #[serde(default)]
    pub task: Option<Task>,
    /// Task of the robot; needed by all but `Classify` and `Regress`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<EnvConfig>,
    /// What is different from the task, as in [`Config::changes`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// Further lists of changes, as in [`Config::change_lists`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub change_lists: BTreeMap<String, Vec<Change>>,
    /// Engine and accuracy of the physics.
    #[serde(default)]
    pub physics: PhysicsConfig,
    /// The network that is trained.
    #[serde(default)]
    pub controller: ControllerConfig,
    /// How the result would be evolved on; training by gradient does not use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<StrategyConfig>,
    /// As in [`Config::restarts`]; training by gradient does not use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restarts: Option<Restarts>,
    /// As in [`Config::refine`]; training by gradient does not use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refine: Option<RefineConfig>,
    /// Time limit, observation normalisation and weights of reward terms.
    #[serde(default)]
    pub rollout: RolloutConfig,
    /// Length, seed, evaluations and checkpoints.
    #[serde(default)]
    pub run: RunConfig,
    /// As in [`Config::stages`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<Stage>,
}

impl FinetuneConfig {
    /// What to train for.
    ///
    /// # Errors
    /// If there is none.
    pub fn task(&self) -> Result<&Task, InvalidField> {
        needed(self.task.as_ref())
    }

    /// Refuses `restarts` of nothing, and beside a strategy that has its own.
    ///
    /// # Errors
    /// The field.
    pub fn check_restarts(&self) -> Result<(), InvalidField> {
        // Stages may bring a strategy, and are checked one by one; where nothing trains, that is said first.
        if self.strategy.is_none() && (self.task.is_none() || !self.stages.is_empty()) {
            return Ok(());
        }
        restarts::check(self.restarts.as_ref(), self.strategy.as_ref())
    }

    /// The same as a config of evolution, which every other command understands.
    ///
    /// # Errors
    /// If `env` is missing, or a `strategy` for a stage that evolves or for `restarts`.
    pub fn with_env(&self) -> Result<Config, InvalidField> {
        let Self {
            task,
            env,
            changes,
            change_lists,
            physics,
            controller,
            strategy,
            restarts,
            refine,
            rollout,
            run,
            stages,
        } = self.clone();
        self.check_restarts()?;
        let env = env.ok_or_else(|| missing("env", format!("one of {}", envs::names().join(", "))))?;
        let evolves = |stage: &Stage| {
            let task = stage.fields.get("task").map_or(task.is_some(), |task| !task.is_null());
            !task && !stage.fields.contains_key("strategy")
        };
        if strategy.is_none() && stages.iter().any(evolves) {
            let expected = format!(
                "one of {} for the stages without `task`",
                strategies::strategies().iter().map(|info| info.name).collect::<Vec<_>>().join(", ")
            );
            return Err(missing("strategy", expected));
        }
        let strategy = strategy.unwrap_or_else(|| StrategyConfig::OpenEs(OpenEsConfig::default()));
        Ok(Config {
            env,
            changes,
            change_lists,
            physics,
            controller,
            strategy,
            restarts,
            refine,
            rollout,
            run,
            task,
            stages,
        })
    }
}

/// What to train for, or that there is nothing.
pub(super) fn needed(task: Option<&Task>) -> Result<&Task, InvalidField> {
    task.ok_or_else(|| missing("task", "Classify(…), Regress(…), Imitate(…) or Ppo(…)".to_owned()))
}

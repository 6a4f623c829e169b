//! What a config says about training by gradient: the field `task`.

use std::collections::BTreeMap;

use envs::{Change, EnvConfig};
use serde::{Deserialize, Serialize};
use snn::gradient::{
    BpttConfig, Clip, GradientError, OptimizerConfig, ScheduleConfig, SurrogateConfig, TrainerConfig,
};
use snn::{ControllerConfig, Switches};
use strategies::{OpenEsConfig, StrategyConfig};

use super::task_config::{ImitateConfig, PpoConfig, RefineConfig, SupervisedConfig};
use crate::config::{Config, InvalidField, PhysicsConfig, RolloutConfig, RunConfig};

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
    /// As in [`Config::refine`]; training by gradient does not use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refine: Option<RefineConfig>,
    /// Time limit, observation normalisation and weights of reward terms.
    #[serde(default)]
    pub rollout: RolloutConfig,
    /// Length, seed, evaluations and checkpoints.
    #[serde(default)]
    pub run: RunConfig,
}

impl FinetuneConfig {
    /// What to train for.
    ///
    /// # Errors
    /// If there is none.
    pub fn task(&self) -> Result<&Task, InvalidField> {
        let valid = "Classify(…), Regress(…), Imitate(…) or Ppo(…); `evo --config` evolves without one";
        self.task.as_ref().ok_or_else(|| InvalidField {
            field: "task".to_owned(),
            value: "None".to_owned(),
            expected: valid.to_owned(),
        })
    }

    /// The same as a config of evolution, which every other command understands.
    ///
    /// # Errors
    /// If `env` is missing.
    pub fn with_env(&self) -> Result<Config, InvalidField> {
        let Self { task, env, changes, change_lists, physics, controller, strategy, refine, rollout, run } =
            self.clone();
        let env = env.ok_or_else(|| InvalidField {
            field: "env".to_owned(),
            value: "None".to_owned(),
            expected: format!("one of {}", envs::names().join(", ")),
        })?;
        let strategy = strategy.unwrap_or_else(|| StrategyConfig::OpenEs(OpenEsConfig::default()));
        Ok(Config { env, changes, change_lists, physics, controller, strategy, refine, rollout, run, task })
    }
}

/// What to train for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Task {
    /// Classes of a data set.
    Classify(SupervisedConfig),
    /// Values of a data set.
    Regress(SupervisedConfig),
    /// The actions of a teacher in a world.
    Imitate(ImitateConfig),
    /// Return in a world, by proximal policy optimisation.
    Ppo(PpoConfig),
}

impl Task {
    /// Name in configs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Classify(_) => "Classify",
            Self::Regress(_) => "Regress",
            Self::Imitate(_) => "Imitate",
            Self::Ppo(_) => "Ppo",
        }
    }

    /// The fields of supervised training, and whether it is with labels.
    #[must_use]
    pub const fn supervised(&self) -> Option<(&SupervisedConfig, bool)> {
        match self {
            Self::Classify(task) => Some((task, true)),
            Self::Regress(task) => Some((task, false)),
            Self::Imitate(_) | Self::Ppo(_) => None,
        }
    }

    /// How gradients are made and used.
    #[must_use]
    pub const fn gradient(&self) -> &GradientConfig {
        match self {
            Self::Classify(task) | Self::Regress(task) => &task.gradient,
            Self::Imitate(task) => &task.gradient,
            Self::Ppo(task) => &task.gradient,
        }
    }
}

/// How gradients are made, and steps of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GradientConfig {
    /// Library whose surrogate and treatment of the reset are the defaults of the next two fields:
    /// `"snntorch"`, `"spyx"` or `"norse"`. Default `None`: fast sigmoid, detached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    /// Slope of a spike: a name of `evo list surrogates`, or an expression of `u`. Default `None`: that of
    /// `preset`.
    pub surrogate: Option<SurrogateConfig>,
    /// Whether the choice between reset and no reset is taken for a constant, in layers whose `like` does
    /// not say it. Default `None`: as in `preset`.
    pub detach_reset: Option<bool>,
    /// Ticks through which a gradient flows. Default `None`: those of the whole sequence.
    pub window: Option<usize>,
    /// Optimizer. Default Adam.
    pub optimizer: OptimizerConfig,
    /// Course of the learning rate over the steps. Default constant.
    pub schedule: ScheduleConfig,
    /// Limit on the gradient. Default `Some(Norm(1))`.
    pub clip: Option<Clip>,
}

impl Default for GradientConfig {
    fn default() -> Self {
        let TrainerConfig { optimizer, schedule, .. } = TrainerConfig::default();
        let clip = Some(Clip::Norm(1.0));
        Self { preset: None, surrogate: None, detach_reset: None, window: None, optimizer, schedule, clip }
    }
}

impl GradientConfig {
    /// How gradients are computed.
    #[must_use]
    pub fn bptt(&self) -> BpttConfig {
        let default = BpttConfig::default();
        let preset = self.preset.as_deref();
        let surrogate = preset.and_then(SurrogateConfig::of_library).unwrap_or(default.surrogate);
        let detached = preset.and_then(Switches::named).map(|switches| switches.detached);
        BpttConfig {
            surrogate: self.surrogate.clone().unwrap_or(surrogate),
            detach_reset: self.detach_reset.or(detached).unwrap_or(default.detach_reset),
            window: self.window,
        }
    }

    /// How θ moves.
    #[must_use]
    pub fn trainer(&self) -> TrainerConfig {
        let Self { optimizer, schedule, clip, .. } = *self;
        TrainerConfig { optimizer, schedule, clip }
    }

    /// Checks every field.
    ///
    /// # Errors
    /// [`GradientError`] names what is wrong.
    pub fn validate(&self) -> Result<(), GradientError> {
        if let Some(name) = &self.preset
            && Switches::named(name).is_none()
        {
            let names = Switches::NAMES.map(|name| format!("\"{name}\"")).join(", ");
            return Err(GradientError::UnknownPreset { name: name.clone(), valid: names });
        }
        self.bptt().surrogate.validate()?;
        self.trainer().validate()
    }
}

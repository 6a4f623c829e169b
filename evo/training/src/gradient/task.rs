//! What to train for by gradient: the field `task`.

use serde::{Deserialize, Serialize};

use crate::gradient::gradient_config::GradientConfig;
use crate::gradient::task_config::{ImitateConfig, PpoConfig, SupervisedConfig};

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

    /// Whether it imitates what the stage before has ended with.
    #[must_use]
    pub const fn imitates_stage_before(&self) -> bool {
        matches!(self, Self::Imitate(task) if task.teacher.is_empty())
    }

    /// How gradients are computed and used.
    #[must_use]
    pub const fn gradient(&self) -> &GradientConfig {
        match self {
            Self::Classify(task) | Self::Regress(task) => &task.gradient,
            Self::Imitate(task) => &task.gradient,
            Self::Ppo(task) => &task.gradient,
        }
    }
}

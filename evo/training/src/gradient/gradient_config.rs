//! How gradients are computed and used.

use serde::{Deserialize, Serialize};
use snn::Switches;
use snn::gradient::{
    BpttConfig, Clip, GradientError, OptimizerConfig, ScheduleConfig, SurrogateConfig, TrainerConfig,
};

/// How gradients are computed, and how steps are made from them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GradientConfig {
    /// Library whose surrogate and treatment of the reset are the defaults of the next two fields:
    /// `"snntorch"`, `"spyx"` or `"norse"`. Default `None`: fast sigmoid, detached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    /// Slope of a spike: a name from `evo list surrogates`, or an expression of `u`. Default `None`: that of
    /// `preset`.
    pub surrogate: Option<SurrogateConfig>,
    /// Whether the choice between reset and no reset is treated as a constant, in layers whose `like` does
    /// not say so. Default `None`: as in `preset`.
    pub detach_reset: Option<bool>,
    /// Number of ticks through which a gradient flows. Default `None`: the whole sequence.
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

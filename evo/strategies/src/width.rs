//! How wide the noise is: told per parameter (`sigma`), as the length of the whole vector (`radius`), which means the
//! same for networks of any size, or in the actions of a controller (`action_sigma`), which whoever trains it measures.
//!
//! With n parameters, a member is about radius = σ √n away from the mean.

use serde::{Deserialize, Serialize};

use super::{FieldInfo, OptimizerConfig, StrategyError, check};

/// The settings that strategies with a width share.
pub(super) const RADIUS: FieldInfo =
    FieldInfo::new("radius", "parameter units", "None", "> 0, instead of sigma");
pub(super) const ACTION_SIGMA: FieldInfo =
    FieldInfo::new("action_sigma", "actions from -1 to 1", "None", "> 0, instead of sigma");
pub(super) const STEP_UNIT: FieldInfo = FieldInfo::new("step_unit", "", "Parameters", "Parameters or Radius");

/// How the width of the noise is told: in one way at the most.
pub(super) struct Width {
    pub strategy: &'static str,
    pub sigma: Option<f64>,
    pub radius: Option<f64>,
    pub action_sigma: Option<f64>,
}

impl Width {
    /// Refuses widths that are not above 0, and more than one.
    pub fn validate(&self) -> Result<(), StrategyError> {
        let told = [("sigma", self.sigma), ("radius", self.radius), ("action_sigma", self.action_sigma)];
        let mut told = told.into_iter().filter_map(|(field, value)| Some((field, value?)));
        told.clone().try_for_each(|(field, value)| check::positive(self.strategy, field, value))?;
        match (told.next(), told.next()) {
            (Some(("sigma", _)), Some((field, value))) => {
                let expected = "None while `sigma` is set (`sigma: None` removes it)";
                Err(check::error(self.strategy, field, &value, expected))
            }
            (_, Some((field, value))) => {
                let expected = "None while `radius` is set (`radius: None` removes it)";
                Err(check::error(self.strategy, field, &value, expected))
            }
            _ => Ok(()),
        }
    }

    /// The standard deviation of each of `n` parameters; `usual` if none is told.
    pub fn sigma(&self, usual: f64, n: usize) -> Result<f64, StrategyError> {
        if let Some(value) = self.action_sigma {
            let expected = "None here: only the training of a controller can measure it";
            return Err(check::error(self.strategy, "action_sigma", &value, expected));
        }
        Ok(match (self.sigma, self.radius) {
            (None, Some(radius)) => radius / (n as f64).sqrt(),
            (sigma, _) => sigma.unwrap_or(usual),
        })
    }
}

/// Unit of the lengths in `optimizer`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum StepUnit {
    /// Parameter units.
    #[default]
    Parameters,
    /// The radius of the noise, σ √n: `learning_rate` and `max_speed` of `ClipUp` are fractions of it. With
    /// `Adam`, all parameters together move by about the fraction `learning_rate` of it. With `Sgd`, they
    /// move by the fraction `learning_rate` times the gradient, in units in which the gradient does not
    /// depend on σ.
    Radius,
}

impl StepUnit {
    /// The factor on the lengths in `optimizer`, for `n` parameters with noise of deviation `sigma`. A gradient times
    /// `per` does not depend on `sigma`.
    pub(super) fn scale(self, optimizer: OptimizerConfig, sigma: f64, n: usize, per: f64) -> f64 {
        let radius = sigma * (n as f64).sqrt();
        match (self, optimizer) {
            (Self::Parameters, _) => 1.0,
            // A step per parameter.
            (Self::Radius, OptimizerConfig::Adam { .. }) => sigma,
            (Self::Radius, OptimizerConfig::ClipUp { .. }) => radius,
            (Self::Radius, OptimizerConfig::Sgd { .. }) => radius * per,
        }
    }
}

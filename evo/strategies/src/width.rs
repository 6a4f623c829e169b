//! How wide the noise is: told per parameter (`sigma`), or as the length of the whole vector (`radius`), which means
//! the same for networks of any size.
//!
//! With n parameters, a member is about radius = σ √n away from the mean.

use serde::{Deserialize, Serialize};

use super::{FieldInfo, OptimizerConfig, StrategyError, check};

/// The settings that strategies with a width share.
pub(super) const RADIUS: FieldInfo =
    FieldInfo::new("radius", "parameter units", "None", "> 0, instead of sigma");
pub(super) const STEP_UNIT: FieldInfo = FieldInfo::new("step_unit", "", "Parameters", "Parameters or Radius");

/// The standard deviation of each of `n` parameters; `usual` if none is told.
pub(super) fn sigma(sigma: Option<f64>, radius: Option<f64>, usual: f64, n: usize) -> f64 {
    match (sigma, radius) {
        (None, Some(radius)) => radius / (n as f64).sqrt(),
        (sigma, _) => sigma.unwrap_or(usual),
    }
}

/// Refuses widths that are not above 0, and both at once.
pub(super) fn validate(
    strategy: &'static str,
    sigma: Option<f64>,
    radius: Option<f64>,
) -> Result<(), StrategyError> {
    check::positive(strategy, "sigma", sigma.unwrap_or(1.0))?;
    check::positive(strategy, "radius", radius.unwrap_or(1.0))?;
    match radius {
        Some(radius) if sigma.is_some() => {
            let expected = "None while `sigma` is told, too (`sigma: None` takes it away)";
            Err(check::error(strategy, "radius", &radius, expected))
        }
        _ => Ok(()),
    }
}

/// What the lengths in `optimizer` are told in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum StepUnit {
    /// Parameter units.
    #[default]
    Parameters,
    /// The radius of the noise, σ √n: `learning_rate` and `max_speed` of `ClipUp` are parts of it; with `Adam` all
    /// parameters together move by about the part `learning_rate` of it; with `Sgd` by the part `learning_rate` times
    /// the gradient in units in which it does not depend on σ.
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

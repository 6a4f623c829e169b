//! SNES, separable natural evolution strategy: "High dimensions and heavy tails for natural evolution strategies"
//! (Schaul, Glasmachers and Schmidhuber, GECCO 2011); Wierstra et al., "Natural Evolution Strategies", JMLR 2014.
//!
//! Members are μ + σ ⊙ s with s standard normal. With the utilities u of the ranks,
//!
//! μ ← μ + η_μ σ ⊙ Σ uₖ sₖ,  σ ← σ ⊙ exp(½ η_σ Σ uₖ (sₖ² − 1)).
//!
//! Noise is made again wherever it is needed, so memory is O(n) for any population.
//!
//! Difference from the papers: ties share their average utility.

use serde::{Deserialize, Serialize};

use super::cma_rates::{self, default_population};
use super::diagonal::{Diagonal, OnDemand, Update};
use super::settings::MAX_POPULATION;
use super::width::Width;
use super::{
    FieldInfo, Ranked, Schedule, Settings, Strategy, StrategyError, StrategyInfo, check, schedule, width,
};

/// Settings of SNES.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SnesConfig {
    /// Members per generation, ≥ 2; `None` is 4 + ⌊3 ln n⌋.
    pub population: Option<usize>,
    /// Largest number of members per generation, if generations grow by pairs (`rollout.min_steps`): an even
    /// number ≥ `population`, which you must then set. With `None`, all generations have `population`
    /// members.
    pub max_population: Option<usize>,
    /// Initial standard deviation of every parameter, parameter units, > 0; `None` is 0.5, unless `radius` is
    /// set. Choose about a third of the distance to search.
    pub sigma: Option<f64>,
    /// Initial length of the noise, σ √n for n parameters, instead of `sigma`; > 0. It means the same for
    /// networks of any size.
    pub radius: Option<f64>,
    /// How far the noise moves the actions at the start, instead of `sigma`: root mean square on the first observations;
    /// > 0, actions go from −1 to 1. Only for controllers in training.
    pub action_sigma: Option<f64>,
    /// η_μ, > 0.
    pub mean_rate: f64,
    /// Factor on η_μ over the run.
    pub schedule: Schedule,
    /// η_σ, ≥ 0; `None` is (3 + ln n)/(5 √n).
    pub sigma_rate: Option<f64>,
}

impl Default for SnesConfig {
    fn default() -> Self {
        Self {
            population: None,
            max_population: None,
            sigma: None,
            radius: None,
            action_sigma: None,
            mean_rate: 1.0,
            schedule: Schedule::Constant,
            sigma_rate: None,
        }
    }
}

pub(super) const INFO: StrategyInfo = StrategyInfo {
    name: "snes",
    config: "Snes",
    summary: "natural gradient of mean and of a step size per parameter; O(n) memory",
    reference: "Schaul, Glasmachers and Schmidhuber 2011; Wierstra et al. 2014",
    fields: &[
        cma_rates::POPULATION,
        MAX_POPULATION,
        FieldInfo::new("sigma", "parameter units", "None", "> 0; None is 0.5"),
        width::RADIUS,
        width::ACTION_SIGMA,
        FieldInfo::new("mean_rate", "1", "1.0", "> 0"),
        schedule::RATE,
        FieldInfo::new("sigma_rate", "1", "None", "≥ 0; None is (3 + ln n)/(5 sqrt n)"),
    ],
};

impl SnesConfig {
    fn width(&self) -> Width {
        let Self { sigma, radius, action_sigma, .. } = *self;
        Width { strategy: INFO.name, sigma, radius, action_sigma }
    }
}

impl Settings for SnesConfig {
    fn info(&self) -> &'static StrategyInfo {
        &INFO
    }

    fn validate(&self) -> Result<(), StrategyError> {
        check::at_least_two(INFO.name, self.population)?;
        match (self.population, self.max_population) {
            (None, Some(most)) => {
                let expected = "None, unless `population` is set";
                return Err(check::error(INFO.name, "max_population", &most, expected));
            }
            (population, most) => check::max_population(INFO.name, population.unwrap_or(2), most)?,
        }
        self.width().validate()?;
        check::positive(INFO.name, "mean_rate", self.mean_rate)?;
        self.schedule.validate(INFO.name, "schedule")?;
        check::at_least_zero(INFO.name, "sigma_rate", self.sigma_rate.unwrap_or(0.0))
    }

    fn action_sigma(&self) -> Option<f64> {
        self.action_sigma
    }

    fn max_population(&self) -> Option<usize> {
        self.max_population
    }

    fn build(&self, x0: &[f64], seed: u64) -> Result<Box<dyn Strategy>, StrategyError> {
        let n = x0.len() as f64;
        let population = self.population.unwrap_or_else(|| default_population(x0.len()));
        let sigma_rate = self.sigma_rate.unwrap_or((3.0 + libm::log(n)) / (5.0 * n.sqrt()));
        let update = Snes { mean_rate: self.mean_rate, schedule: self.schedule, sigma_rate };
        let sigma = self.width().sigma(0.5, x0.len())?;
        Ok(OnDemand::boxed((population, self.max_population), false, (x0, sigma), seed, update))
    }
}

struct Snes {
    mean_rate: f64,
    schedule: Schedule,
    sigma_rate: f64,
}

impl Update for Snes {
    const ADAPTS: bool = true;

    fn tell(&mut self, samples: &mut Diagonal, fitness: &[f64], ranked: &Ranked) {
        let weights: Vec<[f32; 2]> = ranked.utilities(fitness).iter().map(|&u| [u as f32; 2]).collect();
        let total: f64 = weights.iter().map(|w| f64::from(w[0])).sum();
        let (sums, squares) = samples.noise.weighted_moments(&weights, samples.mean.len());
        let old = samples.old();
        let mean_rate = self.mean_rate * self.schedule.factor(samples.noise.generation());
        let coordinates = samples.mean.iter_mut().zip(&mut samples.deviation);
        for ((mean, sigma), (sum, square)) in coordinates.zip(sums.iter().zip(squares)) {
            *mean += mean_rate * *sigma * f64::from(*sum);
            let growth = 0.5 * self.sigma_rate * (f64::from(square) - total);
            *sigma = (*sigma * libm::exp(growth)).clamp(1e-100, 1e100);
        }
        if old.is_some() {
            let response = mean_rate * sums.len() as f64;
            samples.left(old.as_ref(), &sums, weights.iter().map(|weight| weight[0]), Some(response));
        }
    }
}

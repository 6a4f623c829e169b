//! PGPE, policy gradients with parameter-based exploration (Sehnke et al., Neural Networks 2010), with ClipUp
//! (Toklu, Liskowski and Srivastava 2020, arXiv 2008.02387).
//!
//! Members come in pairs μ ± ε with ε of standard deviation σ, one per parameter. With the shaped fitness F⁺ and F⁻ of
//! K pairs and the mean F̄ of all members,
//!
//! ∇μ = 1/K · Σ ½(F⁺ − F⁻) ε,  ∇σ = 1/K · Σ (½(F⁺ + F⁻) − F̄)(ε² − σ²)/σ.
//!
//! The optimizer takes a step along ∇μ; σ takes one of `sigma_rate` · ∇σ, but changes by the part `sigma_change` at
//! the most. Noise is made again wherever it is needed, so memory is O(n) for any population.

use serde::{Deserialize, Serialize};

use super::diagonal::{Diagonal, OnDemand, Update};
use super::optimizer::{self, Optimizer};
use super::settings::MAX_POPULATION;
use super::width::Width;
use super::{
    FieldInfo, OptimizerConfig, Ranked, Schedule, Settings, Shaping, State, StepUnit, Strategy,
    StrategyError, StrategyInfo, check, schedule, shaping, width,
};

/// Settings of PGPE.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PgpeConfig {
    /// Members per generation, an even number ≥ 2.
    pub population: usize,
    /// Largest number of members per generation, if generations grow by pairs (`rollout.min_steps`): an even
    /// number ≥ `population`. With `None`, all generations have `population` members.
    pub max_population: Option<usize>,
    /// Initial standard deviation of every parameter, parameter units, > 0; `None` is 0.05, unless `radius`
    /// is set.
    pub sigma: Option<f64>,
    /// Initial length of the noise, σ √n for n parameters, instead of `sigma`; > 0. It means the same for
    /// networks of any size.
    pub radius: Option<f64>,
    /// How far the noise moves the actions at the start, instead of `sigma`: root mean square on the first observations;
    /// > 0, actions go from −1 to 1. Only for controllers in training.
    pub action_sigma: Option<f64>,
    /// Optimizer that makes a step of the mean from its gradient.
    pub optimizer: OptimizerConfig,
    /// Unit of `learning_rate` and `max_speed`. The radius is the initial one.
    pub step_unit: StepUnit,
    /// Factor on the learning rate over the run.
    pub schedule: Schedule,
    /// Factor on the gradient of the standard deviations; ≥ 0. At 0 they do not change.
    pub sigma_rate: f64,
    /// Largest change of a standard deviation per generation, as a fraction of it; 0 ≤ change < 1.
    pub sigma_change: f64,
    /// How fitness becomes the weights of members.
    pub shaping: Shaping,
}

impl Default for PgpeConfig {
    fn default() -> Self {
        Self {
            population: 128,
            max_population: None,
            sigma: None,
            radius: None,
            action_sigma: None,
            optimizer: OptimizerConfig::clip_up(0.15),
            step_unit: StepUnit::Parameters,
            schedule: Schedule::Constant,
            sigma_rate: 0.1,
            sigma_change: 0.2,
            shaping: Shaping::CentredRanks,
        }
    }
}

pub(super) const INFO: StrategyInfo = StrategyInfo {
    name: "pgpe",
    config: "Pgpe",
    summary: "gradients of mean and of a step size per parameter from antithetic noise, with ClipUp; O(n) memory",
    reference: "Sehnke et al. 2010; Toklu, Liskowski and Srivastava 2020, arXiv 2008.02387",
    fields: &[
        FieldInfo::new("population", "members", "128", "≥ 2, even"),
        MAX_POPULATION,
        FieldInfo::new("sigma", "parameter units", "None", "> 0; None is 0.05"),
        width::RADIUS,
        width::ACTION_SIGMA,
        FieldInfo::new(
            "optimizer",
            "",
            "ClipUp(learning_rate: 0.15, max_speed: None, momentum: 0.9)",
            optimizer::RANGE,
        ),
        width::STEP_UNIT,
        schedule::RATE,
        FieldInfo::new("sigma_rate", "1", "0.1", "≥ 0"),
        FieldInfo::new("sigma_change", "1", "0.2", "in [0, 1)"),
        FieldInfo::new("shaping", "", "CentredRanks", shaping::RANGE),
    ],
};

impl PgpeConfig {
    fn width(&self) -> Width {
        let Self { sigma, radius, action_sigma, .. } = *self;
        Width { strategy: INFO.name, sigma, radius, action_sigma }
    }
}

impl Settings for PgpeConfig {
    fn info(&self) -> &'static StrategyInfo {
        &INFO
    }

    fn validate(&self) -> Result<(), StrategyError> {
        let name = INFO.name;
        check::pairs(name, self.population)?;
        check::max_population(name, self.population, self.max_population)?;
        self.width().validate()?;
        self.optimizer.validate(name)?;
        self.schedule.validate(name, "schedule")?;
        check::at_least_zero(name, "sigma_rate", self.sigma_rate)?;
        check::fraction(name, "sigma_change", self.sigma_change)
    }

    fn action_sigma(&self) -> Option<f64> {
        self.action_sigma
    }

    fn max_population(&self) -> Option<usize> {
        self.max_population
    }

    fn build(&self, x0: &[f64], seed: u64) -> Result<Box<dyn Strategy>, StrategyError> {
        let optimizer = Optimizer::new(self.optimizer, x0.len());
        let sigma = self.width().sigma(0.05, x0.len())?;
        let unit = self.step_unit.scale(self.optimizer, sigma, x0.len(), 1.0 / sigma);
        let update = Pgpe { config: self.clone(), unit, optimizer };
        Ok(OnDemand::boxed((self.population, self.max_population), true, (x0, sigma), seed, update))
    }
}

struct Pgpe {
    config: PgpeConfig,
    /// Factor on the lengths in `optimizer`.
    unit: f64,
    optimizer: Optimizer,
}

impl Update for Pgpe {
    const ADAPTS: bool = true;

    fn tell(&mut self, samples: &mut Diagonal, fitness: &[f64], ranked: &Ranked) {
        let shaped = self.config.shaping.apply(fitness, ranked);
        let average = shaped.iter().sum::<f64>() / shaped.len() as f64;
        let pairs = shaped.len() as f64 / 2.0;
        let weight = |pair: &[f64]| {
            let (difference, sum) = (0.5 * (pair[0] - pair[1]), 0.5 * (pair[0] + pair[1]));
            [(difference / pairs) as f32, ((sum - average) / pairs) as f32]
        };
        let weights: Vec<[f32; 2]> = shaped.chunks(2).map(weight).collect();
        let total: f64 = weights.iter().map(|w| f64::from(w[1])).sum();
        let (mut gradient, squares) = samples.noise.weighted_moments(&weights, samples.mean.len());
        let old = samples.old();
        let h = old.as_ref().map(|_| gradient.clone());
        let (rate, change) = (self.config.sigma_rate, self.config.sigma_change);
        for ((g, sigma), square) in gradient.iter_mut().zip(&mut samples.deviation).zip(squares) {
            // The noise was standard normal.
            *g *= *sigma as f32;
            let step = (rate * (f64::from(square) - total)).clamp(-change, change);
            *sigma = (*sigma * (1.0 + step)).clamp(1e-100, 1e100);
        }
        let factor = self.unit * self.config.schedule.factor(samples.noise.generation());
        self.optimizer.step(&mut samples.mean, &gradient, factor, 0.0);
        if let Some(h) = h {
            // The gradient is σ h, and the step Δμ/σ.
            let response = self.optimizer.response(&gradient, factor);
            samples.left(old.as_ref(), &h, weights.iter().map(|weight| weight[0]), response);
        }
    }

    fn save(&self, state: &mut State) {
        self.optimizer.save(state);
    }

    fn restore(&mut self, state: &State) -> Result<(), StrategyError> {
        self.optimizer.restore(state)
    }
}

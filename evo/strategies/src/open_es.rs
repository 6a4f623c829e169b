//! OpenES: "Evolution Strategies as a Scalable Alternative to Reinforcement Learning" (Salimans, Ho, Chen,
//! Sidor and Sutskever 2017, arXiv 1703.03864).
//!
//! Members are mean ± σ·ε. The gradient of the expected fitness, g = 1/(λσ) · Σ Fᵢ εᵢ with shaped fitness F,
//! goes to a first-order optimizer. Noise is made again wherever it is needed instead of being stored, so
//! memory is that of a few vectors of the dimension, for any population.
//!
//! Differences from the paper's code: ties share their average rank, and weight decay is decoupled from the
//! optimizer.

use serde::{Deserialize, Serialize};

use super::diagonal::{Diagonal, OnDemand, Update};
use super::optimizer::{self, Optimizer};
use super::settings::MAX_POPULATION;
use super::width::Width;
use super::{
    FieldInfo, OptimizerConfig, Ranked, Schedule, Settings, Shaping, State, StepUnit, Strategy,
    StrategyError, StrategyInfo, check, schedule, shaping, width,
};

/// Settings of OpenES.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OpenEsConfig {
    /// Members per generation; ≥ 1, and even with `antithetic`.
    pub population: usize,
    /// Largest number of members per generation, if generations grow by pairs (`rollout.min_steps`): an even
    /// number ≥ `population`. With `None`, all generations have `population` members.
    pub max_population: Option<usize>,
    /// Standard deviation of the noise, parameter units, > 0; `None` is 0.05, unless `radius` is set.
    pub sigma: Option<f64>,
    /// Length of the noise, σ √n for n parameters, instead of `sigma`; > 0. It means the same for networks of any
    /// size.
    pub radius: Option<f64>,
    /// How far the noise moves the actions at the start, instead of `sigma`: root mean square on the first observations;
    /// > 0, actions go from −1 to 1. Only for controllers in training.
    pub action_sigma: Option<f64>,
    /// Factor on the standard deviation of the noise over the run; it stays above 0.
    pub sigma_schedule: Schedule,
    /// Optimizer that makes a step from the gradient.
    pub optimizer: OptimizerConfig,
    /// Unit of `learning_rate` and `max_speed`.
    pub step_unit: StepUnit,
    /// Factor on the learning rate over the run.
    pub schedule: Schedule,
    /// The mean loses the fraction learning rate × `weight_decay` per generation; ≥ 0.
    pub weight_decay: f64,
    /// Members 2k and 2k + 1 are mean + σ·εₖ and mean − σ·εₖ.
    pub antithetic: bool,
    /// How fitness becomes the weights of members.
    pub shaping: Shaping,
}

impl Default for OpenEsConfig {
    fn default() -> Self {
        Self {
            population: 128,
            max_population: None,
            sigma: None,
            radius: None,
            action_sigma: None,
            sigma_schedule: Schedule::Constant,
            optimizer: OptimizerConfig::default(),
            step_unit: StepUnit::Parameters,
            schedule: Schedule::Constant,
            weight_decay: 0.0,
            antithetic: true,
            shaping: Shaping::CentredRanks,
        }
    }
}

pub(super) const INFO: StrategyInfo = StrategyInfo {
    name: "open_es",
    config: "OpenEs",
    summary: "gradient of the expected fitness from antithetic noise, with Adam; O(n) memory",
    reference: "Salimans et al. 2017, arXiv 1703.03864",
    fields: &[
        FieldInfo::new("population", "members", "128", "≥ 1; even with antithetic"),
        MAX_POPULATION,
        FieldInfo::new("sigma", "parameter units", "None", "> 0; None is 0.05"),
        width::RADIUS,
        width::ACTION_SIGMA,
        schedule::SIGMA,
        FieldInfo::new(
            "optimizer",
            "",
            "Adam(learning_rate: 0.02, beta1: 0.9, beta2: 0.999, epsilon: 1e-8)",
            optimizer::RANGE,
        ),
        width::STEP_UNIT,
        schedule::RATE,
        FieldInfo::new("weight_decay", "1", "0.0", "≥ 0"),
        FieldInfo::new("antithetic", "", "true", "true or false"),
        FieldInfo::new("shaping", "", "CentredRanks", shaping::RANGE),
    ],
};

impl OpenEsConfig {
    fn width(&self) -> Width {
        let Self { sigma, radius, action_sigma, .. } = *self;
        Width { strategy: INFO.name, sigma, radius, action_sigma }
    }
}

impl Settings for OpenEsConfig {
    fn info(&self) -> &'static StrategyInfo {
        &INFO
    }

    fn validate(&self) -> Result<(), StrategyError> {
        let name = INFO.name;
        check::population(name, self.population)?;
        if self.antithetic && !self.population.is_multiple_of(2) {
            let expected = "an even number, or `antithetic: false`";
            return Err(check::error(name, "population", &self.population, expected));
        }
        check::max_population(name, self.population, self.max_population)?;
        self.width().validate()?;
        self.sigma_schedule.validate_sigma(name)?;
        self.optimizer.validate(name)?;
        self.schedule.validate(name, "schedule")?;
        check::at_least_zero(name, "weight_decay", self.weight_decay)
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
        let update = OpenEs { config: self.clone(), sigma, optimizer };
        let population = (self.population, self.max_population);
        Ok(OnDemand::boxed(population, self.antithetic, (x0, sigma), seed, update))
    }
}

struct OpenEs {
    config: OpenEsConfig,
    /// That of the first generation.
    sigma: f64,
    optimizer: Optimizer,
}

impl Update for OpenEs {
    const ADAPTS: bool = false;

    fn sigma(&self, generation: u64) -> Option<f64> {
        Some(self.sigma * self.config.sigma_schedule.factor(generation))
    }

    fn tell(&mut self, samples: &mut Diagonal, fitness: &[f64], ranked: &Ranked) {
        let (config, sigma, n) = (&self.config, samples.deviation[0], samples.mean.len());
        let shaped = config.shaping.apply(fitness, ranked);
        let scale = 1.0 / (fitness.len() as f64 * sigma);
        let weights: Vec<f32> = match config.antithetic {
            true => shaped.chunks(2).map(|pair| (scale * (pair[0] - pair[1])) as f32).collect(),
            false => shaped.iter().map(|weight| (scale * weight) as f32).collect(),
        };
        let gradient = samples.noise.weighted_sum(&weights, n);
        let unit = config.step_unit.scale(config.optimizer, sigma, n, sigma);
        let factor = unit * config.schedule.factor(samples.noise.generation());
        let old = samples.old();
        self.optimizer.step(&mut samples.mean, &gradient, factor, config.weight_decay);
        if old.is_some() {
            let response = self.optimizer.response(&gradient, factor).map(|response| response / sigma);
            samples.left(old.as_ref(), &gradient, weights.into_iter(), response);
        }
    }

    fn save(&self, state: &mut State) {
        self.optimizer.save(state);
    }

    fn restore(&mut self, state: &State) -> Result<(), StrategyError> {
        self.optimizer.restore(state)
    }
}

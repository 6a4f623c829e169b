//! ARS, augmented random search: "Simple random search provides a competitive approach to reinforcement learning"
//! (Mania, Guy and Recht 2018, arXiv 1803.07055).
//!
//! Members come in pairs θ ± ν δ with standard normal directions δ. Of N directions, the b whose better member is
//! best count; with σ_R the standard deviation of their 2b fitness values,
//!
//! g = 1/(b σ_R) · Σ (F⁺ − F⁻) δ,  θ ← θ + α g.
//!
//! Fitness enters as it is, without ranks. What the paper calls V2, the normalisation of observations, is the
//! `normalize` of a rollout. Noise is made again wherever it is needed, so memory is O(n) for any population.

use serde::{Deserialize, Serialize};

use super::diagonal::{Diagonal, OnDemand, Update};
use super::optimizer::{self, Optimizer};
use super::settings::MAX_POPULATION;
use super::width::Width;
use super::{
    FieldInfo, OptimizerConfig, Ranked, Schedule, Settings, State, StepUnit, Strategy, StrategyError,
    StrategyInfo, check, schedule, width,
};

/// Settings of ARS. The defaults are about the paper's for ant, with half of the directions instead of a third.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ArsConfig {
    /// Members per generation, twice the number N of directions: an even number ≥ 2.
    pub population: usize,
    /// Largest number of members per generation, if generations grow by pairs (`rollout.min_steps`): an even
    /// number ≥ `population`. With `None`, all generations have `population` members.
    pub max_population: Option<usize>,
    /// ν, parameter units, > 0; `None` is 0.025, unless `radius` is set.
    pub sigma: Option<f64>,
    /// Length of the noise, σ √n for n parameters, instead of `sigma`; > 0. It means the same for networks of any
    /// size.
    pub radius: Option<f64>,
    /// How far the noise moves the actions at the start, instead of `sigma`: root mean square on the first observations;
    /// > 0, actions go from −1 to 1. Only for controllers in training.
    pub action_sigma: Option<f64>,
    /// Factor on the standard deviation of the noise over the run; it stays above 0.
    pub sigma_schedule: Schedule,
    /// Optimizer that makes a step from g; the paper uses gradient ascent without momentum, with learning
    /// rate α.
    pub optimizer: OptimizerConfig,
    /// Unit of `learning_rate` and `max_speed`.
    pub step_unit: StepUnit,
    /// Factor on the learning rate over the run.
    pub schedule: Schedule,
    /// b/N, in (0, 1]; b is rounded, and at least 1.
    pub elite_ratio: f64,
}

impl Default for ArsConfig {
    fn default() -> Self {
        Self {
            population: 120,
            max_population: None,
            sigma: None,
            radius: None,
            action_sigma: None,
            sigma_schedule: Schedule::Constant,
            optimizer: OptimizerConfig::Sgd { learning_rate: 0.015, momentum: 0.0 },
            step_unit: StepUnit::Parameters,
            schedule: Schedule::Constant,
            elite_ratio: 0.5,
        }
    }
}

pub(super) const INFO: StrategyInfo = StrategyInfo {
    name: "ars",
    config: "Ars",
    summary: "finite differences along the best random directions, scaled by the spread of fitness; O(n) memory",
    reference: "Mania, Guy and Recht 2018, arXiv 1803.07055",
    fields: &[
        FieldInfo::new("population", "members", "120", "≥ 2, even"),
        MAX_POPULATION,
        FieldInfo::new("sigma", "parameter units", "None", "> 0; None is 0.025"),
        width::RADIUS,
        width::ACTION_SIGMA,
        schedule::SIGMA,
        FieldInfo::new("optimizer", "", "Sgd(learning_rate: 0.015, momentum: 0.0)", optimizer::RANGE),
        width::STEP_UNIT,
        schedule::RATE,
        FieldInfo::new("elite_ratio", "1", "0.5", "in (0, 1]"),
    ],
};

impl ArsConfig {
    fn width(&self) -> Width {
        let Self { sigma, radius, action_sigma, .. } = *self;
        Width { strategy: INFO.name, sigma, radius, action_sigma }
    }
}

impl Settings for ArsConfig {
    fn info(&self) -> &'static StrategyInfo {
        &INFO
    }

    fn validate(&self) -> Result<(), StrategyError> {
        let name = INFO.name;
        check::pairs(name, self.population)?;
        check::max_population(name, self.population, self.max_population)?;
        self.width().validate()?;
        self.sigma_schedule.validate_sigma(name)?;
        self.optimizer.validate(name)?;
        self.schedule.validate(name, "schedule")?;
        if self.elite_ratio > 0.0 && self.elite_ratio <= 1.0 {
            return Ok(());
        }
        Err(check::error(name, "elite_ratio", &self.elite_ratio, "a number in (0, 1]"))
    }

    fn action_sigma(&self) -> Option<f64> {
        self.action_sigma
    }

    fn max_population(&self) -> Option<usize> {
        self.max_population
    }

    fn build(&self, x0: &[f64], seed: u64) -> Result<Box<dyn Strategy>, StrategyError> {
        let optimizer = Optimizer::new(self.optimizer, x0.len());
        let sigma = self.width().sigma(0.025, x0.len())?;
        let update = Ars { config: self.clone(), sigma, optimizer };
        Ok(OnDemand::boxed((self.population, self.max_population), true, (x0, sigma), seed, update))
    }
}

struct Ars {
    config: ArsConfig,
    /// That of the first generation.
    sigma: f64,
    optimizer: Optimizer,
}

impl Update for Ars {
    const ADAPTS: bool = false;

    fn sigma(&self, generation: u64) -> Option<f64> {
        Some(self.sigma * self.config.sigma_schedule.factor(generation))
    }

    fn tell(&mut self, samples: &mut Diagonal, fitness: &[f64], _ranked: &Ranked) {
        let (config, sigma, n) = (&self.config, samples.deviation[0], samples.mean.len());
        let weights = weights(fitness, config.elite_ratio);
        let gradient = samples.noise.weighted_sum(&weights, n);
        let unit = config.step_unit.scale(config.optimizer, sigma, n, 1.0);
        let factor = unit * config.schedule.factor(samples.noise.generation());
        let old = samples.old();
        self.optimizer.step(&mut samples.mean, &gradient, factor, 0.0);
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

/// (F⁺ − F⁻)/(b σ_R) of the best `part` of the directions, 0 of the others.
fn weights(fitness: &[f64], part: f64) -> Vec<f32> {
    let directions = fitness.len() / 2;
    let best = |d: usize| fitness[2 * d].max(fitness[2 * d + 1]);
    let mut order: Vec<usize> = (0..directions).collect();
    order.sort_by(|&a, &b| best(b).total_cmp(&best(a)).then(a.cmp(&b)));
    order.truncate(((part * directions as f64).round() as usize).max(1));

    let rewards: Vec<f64> = order.iter().flat_map(|&d| [fitness[2 * d], fitness[2 * d + 1]]).collect();
    let count = rewards.len() as f64;
    let mean = rewards.iter().sum::<f64>() / count;
    let spread = (rewards.iter().map(|r| (r - mean) * (r - mean)).sum::<f64>() / count).sqrt();
    let mut weights = vec![0.0; directions];
    if spread > 0.0 {
        for &d in &order {
            weights[d] = ((fitness[2 * d] - fitness[2 * d + 1]) / (order.len() as f64 * spread)) as f32;
        }
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directions_with_the_best_member_count() {
        // Best members 4, 9 and 6; of the last two, the deviation of {0, 9, 6, 5} around 5 is √(42/4).
        let fitness = [4.0, 3.0, 0.0, 9.0, 6.0, 5.0];
        let deviation = (42.0_f64 / 4.0).sqrt();
        let expected = [0.0, -9.0 / (2.0 * deviation), 1.0 / (2.0 * deviation)];
        for (weight, expected) in weights(&fitness, 0.6).iter().zip(expected) {
            assert!((f64::from(*weight) - expected).abs() < 1e-6, "{weight} {expected}");
        }
        assert_eq!(weights(&fitness, 0.01).iter().filter(|&&w| w != 0.0).count(), 1);
        assert!(weights(&fitness, 1.0).iter().all(|&w| w != 0.0));
        assert_eq!(weights(&[2.0; 6], 1.0), [0.0; 3], "a flat fitness");
    }
}

//! GA, a genetic algorithm with real numbers: truncation selection and Gaussian mutation as in "Deep Neuroevolution:
//! Genetic Algorithms are a Competitive Alternative for Training Deep Neural Networks for Reinforcement Learning" (Such
//! et al. 2017, arXiv 1712.06567), with uniform crossover.
//!
//! Of λ members the best are parents. A child takes each coordinate from its second parent with the crossover
//! probability, else from the first, and adds σ·ε with ε standard normal. With elitism, member 0 is the best parent as it
//! is; it is evaluated again, so a lucky evaluation does not stay for ever.

use rand::RngExt as _;
use serde::{Deserialize, Serialize};

use super::breed::{self, Bred, Breed, Kept, Told};
use super::noise::Noise;
use super::{FieldInfo, Memory, Schedule, Settings, Strategy, StrategyError, StrategyInfo, check, schedule};

/// Settings of the genetic algorithm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GaConfig {
    /// Members per generation, ≥ 2.
    pub population: usize,
    /// Standard deviation of a mutation, and of the first generation around the start, parameter units; > 0.
    pub sigma: f64,
    /// Factor on the standard deviation of mutations over the run; it stays above 0.
    pub sigma_schedule: Schedule,
    /// Part of the members that are parents; > 0, at the most 1.
    pub elite_ratio: f64,
    /// Probability that a coordinate comes from the second parent; 0 to 1. With 0, a child has one parent.
    pub crossover: f64,
    /// Whether the best parent goes on unchanged.
    pub elitism: bool,
}

impl Default for GaConfig {
    fn default() -> Self {
        Self {
            population: 128,
            sigma: 0.1,
            sigma_schedule: Schedule::Constant,
            elite_ratio: 0.2,
            crossover: 0.0,
            elitism: true,
        }
    }
}

pub(super) const INFO: StrategyInfo = StrategyInfo {
    name: "ga",
    config: "Ga",
    summary: "the best members are parents, children are mutated; O(λn) memory",
    reference: "Such et al. 2017, arXiv 1712.06567",
    fields: &[
        FieldInfo::new("population", "members", "128", "≥ 2"),
        FieldInfo::new("sigma", "parameter units", "0.1", "> 0"),
        schedule::SIGMA,
        FieldInfo::new("elite_ratio", "1", "0.2", "> 0, ≤ 1"),
        FieldInfo::new("crossover", "1", "0.0", "0 to 1"),
        FieldInfo::new("elitism", "", "true", "true or false"),
    ],
};

impl GaConfig {
    fn parents(&self) -> usize {
        ((self.elite_ratio * self.population as f64) as usize).max(1)
    }
}

impl Settings for GaConfig {
    fn info(&self) -> &'static StrategyInfo {
        &INFO
    }

    fn validate(&self) -> Result<(), StrategyError> {
        check::at_least_two(INFO.name, Some(self.population))?;
        check::positive(INFO.name, "sigma", self.sigma)?;
        self.sigma_schedule.validate_sigma(INFO.name)?;
        if !(self.elite_ratio > 0.0 && self.elite_ratio <= 1.0) {
            let expected = "a number > 0, at the most 1";
            return Err(check::error(INFO.name, "elite_ratio", &self.elite_ratio, expected));
        }
        check::probability(INFO.name, "crossover", self.crossover)
    }

    fn memory(&self, parameters: usize) -> Result<Memory, StrategyError> {
        Ok(breed::memory(parameters, self.population + self.parents()))
    }

    fn build(&self, x0: &[f64], seed: u64) -> Result<Box<dyn Strategy>, StrategyError> {
        Ok(Bred::boxed((self.population, self.parents()), (x0, self.sigma), seed, Ga(self.clone())))
    }
}

/// What is kept are the parents, best first.
struct Ga(GaConfig);

impl Breed for Ga {
    fn child(&self, kept: &Kept, noise: &Noise, member: usize, out: &mut [f64]) {
        if self.0.elitism && member == 0 {
            out.copy_from_slice(kept.row(0));
            return;
        }
        let mut stream = noise.stream(member);
        let mut parent = || kept.row(stream.random_range(0..kept.count()));
        let (first, second) = (parent(), parent());
        let sigma = self.sigma(kept, noise.generation());
        noise.normals_f64(member, out);
        for ((x, first), second) in out.iter_mut().zip(first).zip(second) {
            let crosses = self.0.crossover > 0.0 && stream.random::<f64>() < self.0.crossover;
            *x = if crosses { *second } else { *first } + sigma * *x;
        }
    }

    fn select(&mut self, kept: &mut Kept, told: &Told<'_>) {
        // Where too many failed, the others are parents more than once.
        let parents = told.ranked.order()[..told.ranked.valid()].iter().cycle();
        for (index, &parent) in (0..kept.count()).zip(parents) {
            kept.replace(index, told.member(parent), told.fitness[parent]);
        }
    }

    fn sigma(&self, _kept: &Kept, generation: u64) -> f64 {
        self.0.sigma * self.0.sigma_schedule.factor(generation)
    }
}

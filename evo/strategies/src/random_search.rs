//! Random search: members are drawn around the start, and the best one is kept. What a strategy must be better than.
//!
//! Members are x₀ + σ·ε with ε standard normal, in every generation.

use serde::{Deserialize, Serialize};

use super::breed::{Bred, Breed, Kept, Told};
use super::noise::Noise;
use super::{FieldInfo, Settings, State, Strategy, StrategyError, StrategyInfo, check};

/// Settings of random search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RandomSearchConfig {
    /// Members per generation, ≥ 1. It matters to nothing but how often results are written.
    pub population: usize,
    /// Standard deviation of every parameter around the start, parameter units; > 0.
    pub sigma: f64,
}

impl Default for RandomSearchConfig {
    fn default() -> Self {
        Self { population: 64, sigma: 0.5 }
    }
}

pub(super) const INFO: StrategyInfo = StrategyInfo {
    name: "random_search",
    config: "RandomSearch",
    summary: "the best of normal draws around the start: what to compare with; O(n) memory",
    reference: "Rastrigin 1963; Bergstra and Bengio, JMLR 2012",
    fields: &[
        FieldInfo::new("population", "members", "64", "≥ 1"),
        FieldInfo::new("sigma", "parameter units", "0.5", "> 0"),
    ],
};

impl Settings for RandomSearchConfig {
    fn info(&self) -> &'static StrategyInfo {
        &INFO
    }

    fn validate(&self) -> Result<(), StrategyError> {
        check::population(INFO.name, self.population)?;
        check::positive(INFO.name, "sigma", self.sigma)
    }

    fn build(&self, x0: &[f64], seed: u64) -> Result<Box<dyn Strategy>, StrategyError> {
        let breed = RandomSearch { sigma: self.sigma, start: x0.to_vec() };
        Ok(Bred::boxed((self.population, 1), (x0, self.sigma), seed, breed))
    }
}

struct RandomSearch {
    sigma: f64,
    start: Vec<f64>,
}

impl Breed for RandomSearch {
    fn child(&self, _kept: &Kept, noise: &Noise, member: usize, out: &mut [f64]) {
        noise.normals_f64(member, out);
        out.iter_mut().zip(&self.start).for_each(|(x, start)| *x = start + self.sigma * *x);
    }

    fn select(&mut self, kept: &mut Kept, told: &Told<'_>) {
        let leader = told.ranked.order()[0];
        if told.is_first || told.fitness[leader] > kept.fitness[0] {
            kept.replace(0, told.member(leader), told.fitness[leader]);
        }
    }

    fn sigma(&self, _kept: &Kept, _generation: u64) -> f64 {
        self.sigma
    }

    fn shift(&mut self, by: &[f64]) {
        self.start.iter_mut().zip(by).for_each(|(x, by)| *x += by);
    }

    fn save(&self, state: &mut State) {
        state.set_f64("start", &[self.start.len()], &self.start);
    }

    fn restore(&mut self, state: &State) -> Result<(), StrategyError> {
        self.start = state.f64("start", &[self.start.len()])?.to_vec();
        Ok(())
    }
}

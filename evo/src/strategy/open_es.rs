//! OpenES: "Evolution Strategies as a Scalable Alternative to Reinforcement Learning" (Salimans, Ho, Chen,
//! Sidor and Sutskever 2017, arXiv 1703.03864).
//!
//! Members are mean ± σ·ε. The gradient of the expected fitness, g = 1/(λσ) · Σ Fᵢ εᵢ with shaped fitness F,
//! goes to a first-order optimizer. Noise is made again wherever it is needed instead of being stored, so
//! memory is that of a few vectors of the dimension, for any population.
//!
//! Differences from the paper's code: ties share their average rank, and weight decay is decoupled from the
//! optimizer.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::optimizer::Optimizer;
use super::{
    FieldInfo, OptimizerConfig, Ranked, Schedule, Shaping, State, Strategy, StrategyError, StrategyInfo,
    check,
};
use crate::random::{self, NORMAL_BLOCK, Purpose};

/// Settings of OpenES.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OpenEsConfig {
    /// Members per generation; ≥ 1, and even with `antithetic`.
    pub population: usize,
    /// Standard deviation of the noise, parameter units; > 0.
    pub sigma: f64,
    /// What makes a step from the gradient.
    pub optimizer: OptimizerConfig,
    /// Factor on the learning rate over the run.
    pub schedule: Schedule,
    /// Part of the mean lost per generation is learning rate × this; ≥ 0.
    pub weight_decay: f64,
    /// Members 2k and 2k + 1 are mean + σ·εₖ and mean − σ·εₖ.
    pub antithetic: bool,
    /// From fitness to weights.
    pub shaping: Shaping,
}

impl Default for OpenEsConfig {
    fn default() -> Self {
        Self {
            population: 128,
            sigma: 0.05,
            optimizer: OptimizerConfig::default(),
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
        FieldInfo::new("sigma", "parameter units", "0.05", "> 0"),
        FieldInfo::new(
            "optimizer",
            "",
            "Adam(learning_rate: 0.02, beta1: 0.9, beta2: 0.999, epsilon: 1e-8)",
            "Adam(learning_rate, beta1, beta2, epsilon) or Sgd(learning_rate, momentum)",
        ),
        FieldInfo::new(
            "schedule",
            "",
            "Constant",
            "Constant, Linear(to, generations) or Exponential(to, generations)",
        ),
        FieldInfo::new("weight_decay", "1", "0.0", "≥ 0"),
        FieldInfo::new("antithetic", "", "true", "true or false"),
        FieldInfo::new("shaping", "", "CentredRanks", "CentredRanks, Standardised or Raw"),
    ],
};

impl OpenEsConfig {
    pub(super) fn validate(&self) -> Result<(), StrategyError> {
        let name = INFO.name;
        check::population(name, self.population)?;
        if self.antithetic && !self.population.is_multiple_of(2) {
            let expected = "an even number, or `antithetic: false`";
            return Err(check::error(name, "population", &self.population, expected));
        }
        check::positive(name, "sigma", self.sigma)?;
        self.optimizer.validate(name)?;
        self.schedule.validate(name, "schedule")?;
        check::at_least_zero(name, "weight_decay", self.weight_decay)
    }

    /// Rows of noise per generation.
    fn directions(&self) -> usize {
        if self.antithetic { self.population / 2 } else { self.population }
    }
}

pub(super) struct OpenEs {
    config: OpenEsConfig,
    seed: u64,
    generation: u64,
    mean: Vec<f64>,
    /// The mean as the members see it.
    mean_f32: Vec<f32>,
    optimizer: Optimizer,
}

impl OpenEs {
    pub fn new(config: &OpenEsConfig, x0: &[f64], seed: u64) -> Self {
        Self {
            config: config.clone(),
            seed,
            generation: 0,
            mean: x0.to_vec(),
            mean_f32: x0.iter().map(|&x| x as f32).collect(),
            optimizer: Optimizer::new(config.optimizer, x0.len()),
        }
    }

    fn noise(&self, direction: usize, out: &mut [f32]) {
        random::fill_normals(self.seed, Purpose::Noise, self.generation, direction as u64, out);
    }

    /// 1/(λσ) Σ F ε. Each coordinate is summed over the members in order, whatever the number of threads.
    fn gradient(&self, shaped: &[f64]) -> Vec<f32> {
        let scale = 1.0 / (self.config.population as f64 * self.config.sigma);
        let weight = |d: usize| match self.config.antithetic {
            true => shaped[2 * d] - shaped[2 * d + 1],
            false => shaped[d],
        };
        let weights: Vec<f32> = (0..self.config.directions()).map(|d| (scale * weight(d)) as f32).collect();
        const BLOCKS: usize = 8;
        let mut gradient = vec![0.0; self.mean.len()];
        gradient.par_chunks_mut(BLOCKS * NORMAL_BLOCK).enumerate().for_each(|(chunk, out)| {
            let (seed, generation) = (self.seed, self.generation);
            let first = chunk * BLOCKS;
            random::weighted_sum_of_normals(seed, Purpose::Noise, generation, &weights, first, out);
        });
        gradient
    }
}

impl Strategy for OpenEs {
    fn population(&self) -> usize {
        self.config.population
    }

    fn dimension(&self) -> usize {
        self.mean.len()
    }

    fn ask(&mut self, generation: u64) {
        self.generation = generation;
    }

    fn member(&self, index: usize, out: &mut [f32]) {
        let sigma = self.config.sigma as f32;
        let (direction, sigma) = match self.config.antithetic {
            true => (index / 2, if index.is_multiple_of(2) { sigma } else { -sigma }),
            false => (index, sigma),
        };
        self.noise(direction, out);
        for (x, mean) in out.iter_mut().zip(&self.mean_f32) {
            *x = mean + sigma * *x;
        }
    }

    fn members(&self, first: usize, out: &mut [f32]) {
        let n = self.mean.len();
        let sigma = self.config.sigma as f32;
        let aligned = self.config.antithetic && first.is_multiple_of(2);
        for (index, rows) in (first..).step_by(2).zip(out.chunks_mut(2 * n)) {
            let (plus, minus) = rows.split_at_mut(n);
            if aligned && !minus.is_empty() {
                // Noise is the expensive part, and a pair shares it.
                self.noise(index / 2, plus);
                for ((plus, minus), mean) in plus.iter_mut().zip(minus).zip(&self.mean_f32) {
                    let step = sigma * *plus;
                    *plus = mean + step;
                    *minus = mean - step;
                }
            } else {
                for (index, row) in (index..).zip(rows.chunks_mut(n)) {
                    self.member(index, row);
                }
            }
        }
    }

    fn tell(&mut self, fitness: &[f64], ranked: &Ranked) {
        let gradient = self.gradient(&self.config.shaping.apply(fitness, ranked));
        let factor = self.config.schedule.factor(self.generation);
        self.optimizer.step(&mut self.mean, &gradient, factor, self.config.weight_decay);
        for (single, &mean) in self.mean_f32.iter_mut().zip(&self.mean) {
            *single = mean as f32;
        }
    }

    fn mean(&self, out: &mut [f32]) {
        out.copy_from_slice(&self.mean_f32);
    }

    fn sigma(&self) -> f64 {
        self.config.sigma
    }

    fn state(&self) -> State {
        let mut state = State::default();
        state.set_integer("seed", self.seed);
        state.set_integer("population", self.config.population as u64);
        state.set_f64("mean", &[self.mean.len()], &self.mean);
        self.optimizer.save(&mut state);
        state
    }

    fn restore(&mut self, state: &State) -> Result<(), StrategyError> {
        let seed = state.integer("seed")?;
        state.expect("population", self.config.population as u64)?;
        let mean = state.f64("mean", &[self.mean.len()])?.to_vec();
        self.optimizer = self.optimizer.loaded(state)?;
        self.mean_f32 = mean.iter().map(|&x| x as f32).collect();
        (self.seed, self.mean) = (seed, mean);
        Ok(())
    }
}

//! xNES, exponential natural evolution strategy: "Exponential natural evolution strategies" (Glasmachers, Schaul,
//! Yi, Wierstra and Schmidhuber, GECCO 2010); Wierstra et al., "Natural Evolution Strategies", JMLR 2014.
//!
//! Members are μ + σ B s with s standard normal and det B = 1. With the utilities u of the ranks,
//!
//! G_δ = Σ uₖ sₖ,  G_M = Σ uₖ (sₖ sₖᵀ − I),  G_σ = tr(G_M)/n,  G_B = G_M − G_σ I,
//!
//! μ ← μ + η_μ σ B G_δ,  σ ← σ exp(½ η_σ G_σ),  B ← B exp(½ η_B G_B) (of the matrix, not of its elements).
//!
//! Kept is U = Bᵀ, so that samples are rows s·U and the update is U ← exp(½ η_B G_B) U. About 20 products of n × n
//! matrices per generation.
//!
//! Difference from the papers: ties share their average utility.

use serde::{Deserialize, Serialize};

use super::cma_rates::{self, default_population};
use super::noise::Noise;
use super::{
    FieldInfo, Memory, Ranked, Schedule, Settings, State, Strategy, StrategyError, StrategyInfo, check,
    linalg, schedule,
};

/// Settings of xNES.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct XnesConfig {
    /// Members per generation, ≥ 2; `None` is 4 + ⌊3 ln n⌋.
    pub population: Option<usize>,
    /// Initial standard deviation of every parameter, parameter units; > 0. Choose about a third of the
    /// distance to search.
    pub sigma: f64,
    /// η_μ, > 0.
    pub mean_rate: f64,
    /// Factor on η_μ over the run.
    pub schedule: Schedule,
    /// η_σ and η_B, ≥ 0; `None` is (9 + 3 ln n)/(5 n √n).
    pub shape_rate: Option<f64>,
    /// Largest number of parameters accepted; ≥ 1. Memory is about 40 n² bytes.
    pub max_dimension: usize,
}

impl Default for XnesConfig {
    fn default() -> Self {
        Self {
            population: None,
            sigma: 0.5,
            mean_rate: 1.0,
            schedule: Schedule::Constant,
            shape_rate: None,
            max_dimension: 500,
        }
    }
}

pub(super) const INFO: StrategyInfo = StrategyInfo {
    name: "xnes",
    config: "Xnes",
    summary: "natural gradient of mean, step size and full shape matrix; up to a few hundred parameters",
    reference: "Glasmachers et al. 2010; Wierstra et al. 2014",
    fields: &[
        cma_rates::POPULATION,
        cma_rates::SIGMA,
        FieldInfo::new("mean_rate", "1", "1.0", "> 0"),
        schedule::RATE,
        FieldInfo::new("shape_rate", "1", "None", "≥ 0; None is (9 + 3 ln n)/(5 n sqrt n)"),
        FieldInfo::new("max_dimension", "parameters", "500", "≥ 1"),
    ],
};

impl Settings for XnesConfig {
    fn info(&self) -> &'static StrategyInfo {
        &INFO
    }

    fn validate(&self) -> Result<(), StrategyError> {
        check::at_least_two(INFO.name, self.population)?;
        check::positive(INFO.name, "sigma", self.sigma)?;
        check::positive(INFO.name, "mean_rate", self.mean_rate)?;
        self.schedule.validate(INFO.name, "schedule")?;
        check::at_least_zero(INFO.name, "shape_rate", self.shape_rate.unwrap_or(0.0))?;
        check::at_least_one(INFO.name, "max_dimension", self.max_dimension as u64)
    }

    fn memory(&self, parameters: usize) -> Result<Memory, StrategyError> {
        check::dimension(INFO.name, parameters, self.max_dimension, 40)?;
        // The exponential of the gradient needs four more; s and y of a member, the next y, and its row of an update.
        let population = self.population.unwrap_or_else(|| default_population(parameters));
        Ok(Memory::square(parameters, 6, population, 4))
    }

    fn build(&self, x0: &[f64], seed: u64) -> Result<Box<dyn Strategy>, StrategyError> {
        let n = x0.len();
        check::dimension(INFO.name, n, self.max_dimension, 40)?;
        let size = n as f64;
        Ok(Box::new(Xnes {
            n,
            population: self.population.unwrap_or_else(|| default_population(n)),
            mean_rate: self.mean_rate,
            schedule: self.schedule,
            shape_rate: self.shape_rate.unwrap_or((9.0 + 3.0 * libm::log(size)) / (5.0 * size * size.sqrt())),
            noise: Noise::new(seed),
            mean: x0.to_vec(),
            sigma: self.sigma,
            shape: linalg::identity(n),
            s: Vec::new(),
            y: Vec::new(),
        }))
    }
}

struct Xnes {
    n: usize,
    population: usize,
    mean_rate: f64,
    schedule: Schedule,
    shape_rate: f64,
    noise: Noise,
    mean: Vec<f64>,
    sigma: f64,
    /// U, n × n.
    shape: Vec<f64>,
    /// Samples of the asked generation, population × n: s and y = s·U.
    s: Vec<f64>,
    y: Vec<f64>,
}

impl Strategy for Xnes {
    fn population(&self) -> usize {
        self.population
    }

    fn dimension(&self) -> usize {
        self.n
    }

    fn ask(&mut self, generation: u64) {
        self.noise.ask(generation);
        self.s.resize(self.population * self.n, 0.0);
        self.noise.normal_rows(self.n, &mut self.s);
        self.y = linalg::product(&self.s, &self.shape, self.n);
    }

    fn members(&self, first: usize, out: &mut [f64]) {
        linalg::write_members(&self.mean, self.sigma, &self.y[first * self.n..], out);
    }

    fn tell(&mut self, fitness: &[f64], ranked: &Ranked) {
        let n = self.n;
        let utilities = ranked.utilities(fitness);
        // In the order of ranks, so that the order of members cannot matter.
        let chosen: Vec<(usize, f64)> = ranked.order().iter().map(|&k| (k, utilities[k])).collect();
        let step = linalg::recombine(&self.y, n, &chosen);
        let mean_rate = self.mean_rate * self.schedule.factor(self.noise.generation());
        for (mean, y) in self.mean.iter_mut().zip(step) {
            *mean += mean_rate * self.sigma * y;
        }

        let rows: Vec<f64> = chosen.iter().flat_map(|&(k, _)| &self.s[k * n..(k + 1) * n]).copied().collect();
        let weights: Vec<f64> = chosen.iter().map(|&(_, u)| u).collect();
        let mut gradient = vec![0.0; n * n];
        linalg::update_upper(&mut gradient, n, 0.0, &weights, &rows);
        let total: f64 = weights.iter().sum();
        let trace: f64 = gradient.iter().step_by(n + 1).map(|g| g - total).sum();
        let g_sigma = trace / n as f64;
        for row in 0..n {
            gradient[row * (n + 1)] -= total + g_sigma;
            for column in row + 1..n {
                gradient[column * n + row] = gradient[row * n + column];
            }
        }
        gradient.iter_mut().for_each(|g| *g *= 0.5 * self.shape_rate);
        self.sigma = (self.sigma * libm::exp(0.5 * self.shape_rate * g_sigma)).clamp(1e-100, 1e100);
        self.shape = linalg::exp_times(&gradient, &self.shape, n);
    }

    fn mean(&self) -> &[f64] {
        &self.mean
    }

    fn shift(&mut self, by: &[f64]) {
        self.mean.iter_mut().zip(by).for_each(|(mean, by)| *mean += by);
    }

    fn sigma(&self) -> f64 {
        self.sigma
    }

    fn state(&self) -> State {
        let mut state = State::default();
        state.set_integer("population", self.population as u64);
        self.noise.save(&mut state);
        state.set_real("sigma", self.sigma);
        state.set_f64("mean", &[self.n], &self.mean);
        state.set_f64("shape", &[self.n, self.n], &self.shape);
        state
    }

    fn restore(&mut self, state: &State) -> Result<(), StrategyError> {
        state.expect("population", self.population as u64)?;
        let (noise, sigma) = (self.noise.loaded(state)?, state.real("sigma")?);
        let mean = state.f64("mean", &[self.n])?.to_vec();
        self.shape = state.f64("shape", &[self.n, self.n])?.to_vec();
        (self.noise, self.sigma, self.mean) = (noise, sigma, mean);
        Ok(())
    }
}

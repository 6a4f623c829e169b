//! OpenES with noise of low rank: EGGROLL, "Evolution Strategies at the Hyperscale" (Sarkar et al. 2025, arXiv
//! 2511.16652).
//!
//! Members 2k and 2k + 1 are mean ± σ·εₖ. Where parameters are a matrix of a × b, its part of ε is
//!
//! E = A Bᵀ/√r,  A of a × r and B of b × r standard normals.
//!
//! Each element of E has mean 0 and variance 1, and different ones are uncorrelated. The gradient Σ F E of many
//! members has full rank. A member takes r (a + b) draws instead of ab, so that making it is cheap, and so is the
//! gradient, which is a product of matrices. What follows is as in OpenES: shaped fitness, a first-order optimizer.
//!
//! This is a strategy of its own, and no option of OpenES, since neither its members nor its gradient can be made
//! coordinate by coordinate, as those of all strategies with independent noise are.
//!
//! Parameters after the matrices have independent noise, as the paper's program has it for biases.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::noise::Noise;
use super::optimizer::{self, Optimizer};
use super::width::{self, Width};
use super::{
    FieldInfo, OptimizerConfig, Ranked, Schedule, Settings, Shaping, State, StepUnit, Strategy,
    StrategyError, StrategyInfo, check, rows, schedule, shaping,
};

/// Settings of OpenES with noise of low rank.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LowRankEsConfig {
    /// Members per generation; ≥ 2 and even.
    pub population: usize,
    /// r, the rank of the noise of a matrix; ≥ 1. A matrix whose shorter side is not longer has independent noise.
    pub rank: usize,
    /// The matrices that the parameters are, from the first one on, as (rows, columns), each row after row. Empty is
    /// the controller's in training; else one matrix as close to a square as fits, whose rows are √n rounded down.
    pub matrices: Vec<(usize, usize)>,
    /// Standard deviation of the noise, parameter units, > 0; `None` is 0.05, unless `radius` is set.
    pub sigma: Option<f64>,
    /// Length of the noise, σ √n for n parameters, instead of `sigma`; > 0.
    pub radius: Option<f64>,
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
    /// How fitness becomes the weights of members.
    pub shaping: Shaping,
}

impl Default for LowRankEsConfig {
    fn default() -> Self {
        Self {
            population: 128,
            rank: 1,
            matrices: Vec::new(),
            sigma: None,
            radius: None,
            sigma_schedule: Schedule::Constant,
            optimizer: OptimizerConfig::default(),
            step_unit: StepUnit::Parameters,
            schedule: Schedule::Constant,
            weight_decay: 0.0,
            shaping: Shaping::CentredRanks,
        }
    }
}

pub(super) const INFO: StrategyInfo = StrategyInfo {
    name: "low_rank_es",
    config: "LowRankEs",
    summary: "OpenES whose noise is a product of two thin matrices (EGGROLL); cheap members of large networks; O(n) memory",
    reference: "Sarkar et al. 2025, arXiv 2511.16652",
    fields: &[
        FieldInfo::new("population", "members", "128", "≥ 2 and even"),
        FieldInfo::new("rank", "1", "1", "≥ 1"),
        FieldInfo::new("matrices", "(rows, columns)", "[]", "up to n parameters; empty is the controller's"),
        FieldInfo::new("sigma", "parameter units", "None", "> 0; None is 0.05"),
        width::RADIUS,
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
        FieldInfo::new("shaping", "", "CentredRanks", shaping::RANGE),
    ],
};

impl LowRankEsConfig {
    fn width(&self) -> Width {
        Width { strategy: INFO.name, sigma: self.sigma, radius: self.radius, action_sigma: None }
    }

    fn parts(&self, n: usize) -> Result<Vec<Part>, StrategyError> {
        let side = n.isqrt();
        let square = [(side, n / side)];
        let matrices = if self.matrices.is_empty() { &square[..] } else { &self.matrices };
        let (mut parts, mut first, mut draw) = (Vec::new(), 0, 0);
        for &(rows, columns) in matrices {
            let size = rows.saturating_mul(columns);
            if size > n - first {
                let expected = "no more elements than there are parameters";
                return Err(check::error(INFO.name, "matrices", &format!("({rows}, {columns})"), expected));
            }
            let rank = if rows.min(columns) > self.rank { Some(self.rank) } else { None };
            parts.push(Part { first, rows, columns, rank, draw });
            (first, draw) = (first + size, draw + rank.map_or(size, |rank| rank * (rows + columns)));
        }
        if first < n {
            parts.push(Part { first, rows: 1, columns: n - first, rank: None, draw });
        }
        Ok(parts)
    }
}

impl Settings for LowRankEsConfig {
    fn info(&self) -> &'static StrategyInfo {
        &INFO
    }

    fn validate(&self) -> Result<(), StrategyError> {
        let name = INFO.name;
        check::pairs(name, self.population)?;
        check::at_least_one(name, "rank", self.rank as u64)?;
        if let Some((rows, columns)) = self.matrices.iter().find(|(rows, columns)| rows * columns == 0) {
            let expected = "matrices with a row and a column, or more";
            return Err(check::error(name, "matrices", &format!("({rows}, {columns})"), expected));
        }
        self.width().validate()?;
        self.sigma_schedule.validate_sigma(name)?;
        self.optimizer.validate(name)?;
        self.schedule.validate(name, "schedule")?;
        check::at_least_zero(name, "weight_decay", self.weight_decay)
    }

    fn build(&self, x0: &[f64], seed: u64) -> Result<Box<dyn Strategy>, StrategyError> {
        let (n, parts) = (x0.len(), self.parts(x0.len())?);
        let sigma = self.width().sigma(0.05, n)?;
        let mut search = LowRankEs {
            draws: parts.last().map_or(0, |part| part.draw + part.draws()),
            parts,
            config: self.clone(),
            first_sigma: sigma,
            sigma,
            optimizer: Optimizer::new(self.optimizer, n),
            noise: Noise::new(seed),
            mean: x0.to_vec(),
            singles: Vec::new(),
        };
        search.ask(0);
        Ok(Box::new(search))
    }
}

/// Consecutive parameters whose noise is made together.
#[derive(Clone, Copy)]
struct Part {
    /// Of the parameters.
    first: usize,
    rows: usize,
    columns: usize,
    /// None where noise is independent.
    rank: Option<usize>,
    /// Of the draws of a pair.
    draw: usize,
}

impl Part {
    fn size(self) -> usize {
        self.rows * self.columns
    }

    fn draws(self) -> usize {
        self.rank.map_or(self.size(), |rank| rank * (self.rows + self.columns))
    }

    /// Adds weight × the row of √r ε that the draws of a pair make.
    fn add_row(self, draws: &[f32], row: usize, weight: f32, out: &mut [f32]) {
        let own = &draws[self.draw..];
        let Some(rank) = self.rank else {
            return add_scaled(out, weight, &own[row * self.columns..][..self.columns]);
        };
        let (a, b) = own.split_at(rank * self.rows);
        for (a, b) in a.chunks(self.rows).zip(b.chunks(self.columns)).take(rank) {
            add_scaled(out, weight * a[row], b);
        }
    }

    /// 1/√r.
    fn scale(self) -> f32 {
        self.rank.map_or(1.0, |rank| 1.0 / (rank as f32).sqrt())
    }
}

numerics::wide! {
    fn add_scaled(out: &mut [f32], factor: f32, row: &[f32]) {
        for (value, other) in out.iter_mut().zip(row) {
            *value += factor * other;
        }
    }
}

struct LowRankEs {
    config: LowRankEsConfig,
    parts: Vec<Part>,
    /// Of a pair.
    draws: usize,
    first_sigma: f64,
    sigma: f64,
    optimizer: Optimizer,
    noise: Noise,
    mean: Vec<f64>,
    /// The mean as members of single precision see it.
    singles: Vec<f32>,
}

impl LowRankEs {
    fn drawn(&self, pair: usize) -> Vec<f32> {
        let mut draws = vec![0.0; self.draws];
        self.noise.normals(pair, &mut draws);
        draws
    }

    /// ε of a pair.
    fn epsilon(&self, pair: usize) -> Vec<f32> {
        let (draws, mut epsilon) = (self.drawn(pair), vec![0.0; self.mean.len()]);
        for part in &self.parts {
            let own = &mut epsilon[part.first..][..part.size()];
            for (row, out) in own.chunks_mut(part.columns).enumerate() {
                part.add_row(&draws, row, part.scale(), out);
            }
        }
        epsilon
    }

    /// Writes members, pair after pair.
    fn write<R>(&self, first: usize, out: &mut [R], make: impl Fn(usize, f32, bool) -> R) {
        let mut held: Option<(usize, Vec<f32>)> = None;
        for (index, row) in (first..).zip(out.chunks_mut(self.mean.len())) {
            let pair = index / 2;
            let epsilon = match held.take() {
                Some((of, epsilon)) if of == pair => epsilon,
                _ => self.epsilon(pair),
            };
            let places = row.iter_mut().zip(&epsilon).enumerate();
            places.for_each(|(j, (x, &epsilon))| *x = make(j, epsilon, index % 2 == 0));
            held = Some((pair, epsilon));
        }
    }

    /// Σ weight · ε, each element summed in the order of the pairs.
    fn weighted_sum(&self, weights: &[f32]) -> Vec<f32> {
        let draws = rows::of_rows(weights.len(), self.draws, |pair| self.drawn(pair));
        let mut sum = vec![0.0; self.mean.len()];
        for part in &self.parts {
            let own = sum[part.first..][..part.size()].par_chunks_mut(part.columns).enumerate();
            own.for_each(|(row, out)| {
                for (draws, weight) in draws.iter().zip(weights) {
                    part.add_row(draws, row, weight * part.scale(), out);
                }
            });
        }
        sum
    }
}

impl Strategy for LowRankEs {
    fn population(&self) -> usize {
        self.config.population
    }

    fn dimension(&self) -> usize {
        self.mean.len()
    }

    fn ask(&mut self, generation: u64) {
        self.noise.ask(generation);
        self.sigma = self.first_sigma * self.config.sigma_schedule.factor(generation);
        self.singles = self.mean.iter().map(|&x| x as f32).collect();
    }

    fn members(&self, first: usize, out: &mut [f64]) {
        self.write(first, out, |j, epsilon, plus| {
            let by = self.sigma * f64::from(epsilon);
            if plus { self.mean[j] + by } else { self.mean[j] - by }
        });
    }

    fn members_f32(&self, first: usize, out: &mut [f32]) {
        let sigma = self.sigma as f32;
        self.write(first, out, |j, epsilon, plus| {
            let by = sigma * epsilon;
            if plus { self.singles[j] + by } else { self.singles[j] - by }
        });
    }

    fn tell(&mut self, fitness: &[f64], ranked: &Ranked) {
        let (n, sigma, generation) = (self.mean.len(), self.sigma, self.noise.generation());
        let shaped = self.config.shaping.apply(fitness, ranked);
        let scale = 1.0 / (fitness.len() as f64 * sigma);
        let weights: Vec<f32> = shaped.chunks(2).map(|pair| (scale * (pair[0] - pair[1])) as f32).collect();
        let gradient = self.weighted_sum(&weights);
        let config = &self.config;
        let unit = config.step_unit.scale(config.optimizer, sigma, n, sigma);
        let factor = unit * config.schedule.factor(generation);
        self.optimizer.step(&mut self.mean, &gradient, factor, config.weight_decay);
        self.sigma = self.first_sigma * config.sigma_schedule.factor(generation + 1);
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

    fn marginals(&self) -> Option<Vec<f64>> {
        Some(vec![self.sigma; self.mean.len()])
    }

    fn state(&self) -> State {
        let mut state = State::default();
        state.set_integer("population", self.config.population as u64);
        self.noise.save(&mut state);
        state.set_f64("mean", &[self.mean.len()], &self.mean);
        self.optimizer.save(&mut state);
        state
    }

    fn restore(&mut self, state: &State) -> Result<(), StrategyError> {
        state.expect("population", self.config.population as u64)?;
        let noise = self.noise.loaded(state)?;
        let mean = state.f64("mean", &[self.mean.len()])?.to_vec();
        self.optimizer.restore(state)?;
        (self.noise, self.mean) = (noise, mean);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn members(config: &LowRankEsConfig, n: usize) -> Vec<Vec<f64>> {
        let mut strategy = config.build(&vec![0.0; n], 1).unwrap();
        strategy.ask(0);
        let mut out = vec![0.0; n * config.population];
        strategy.members(0, &mut out);
        out.chunks(n).map(<[f64]>::to_vec).collect()
    }

    #[test]
    fn noise_has_the_rank_and_the_variance_that_it_should() {
        let config = LowRankEsConfig {
            population: 2000,
            rank: 2,
            matrices: vec![(6, 4), (2, 3)],
            sigma: Some(0.5),
            ..LowRankEsConfig::default()
        };
        let members = members(&config, 35);
        for pair in members.chunks(2) {
            assert!(pair[0].iter().zip(&pair[1]).all(|(a, b)| *a == -b && *a != 0.0));
            let matrix = nalgebra::DMatrix::from_row_slice(6, 4, &pair[0][..24]);
            let values = matrix.singular_values();
            assert!(values[1] > 1e-4 && values[2] < 1e-6 * values[0], "{values}");
        }
        let count = members.len() as f64;
        let product = |i: usize, j: usize| members.iter().map(|x| x[i] * x[j]).sum::<f64>() / count;
        for i in 0..35 {
            assert!((product(i, i) / 0.25 - 1.0).abs() < 0.35, "{i}: {}", product(i, i));
            assert!((0..i).all(|j| product(i, j).abs() < 0.06));
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let config =
            |matrices: Vec<(usize, usize)>| LowRankEsConfig { matrices, ..LowRankEsConfig::default() };
        assert!(config(vec![(3, 0)]).validate().is_err());
        assert!(config(vec![(3, 3), (2, 2)]).build(&[0.0; 12], 1).is_err());
        assert!(config(vec![(3, 3), (2, 2)]).build(&[0.0; 13], 1).is_ok());
        // One parameter is a matrix of one row.
        assert!(config(Vec::new()).build(&[0.0], 1).is_ok());
    }
}

//! Separable CMA-ES, with a diagonal covariance matrix: "A simple modification in CMA-ES achieving linear time and
//! space complexity" (Ros and Hansen, PPSN 2008), with the learning rates of pycma 4 (`CMA_diagonal`).
//!
//! As CMA-ES, with C a vector of variances: members are mean + σ √C ⊙ z, and
//!
//! C ← (1 − c₁ − c_μ Σw) C + c₁ p_c² + c_μ C ⊙ Σ w° z².
//!
//! With so few numbers to learn, the rates grow by about n/3 over those of a full matrix. Noise is made again wherever
//! it is needed, so memory is O(n) for any population.
//!
//! Differences: as in CMA-ES here, negative weights are on by default and failed members never get a positive one.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::cma_paths::Paths;
use super::cma_rates::{self, Rates, default_population};
use super::diagonal::{Diagonal, OnDemand, Update};
use super::strategy::Precision;
use super::{FieldInfo, Ranked, Settings, State, StopReason, Strategy, StrategyError, StrategyInfo, check};

/// Settings of separable CMA-ES. Everything else follows from dimension and population.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SepCmaEsConfig {
    /// Members per generation, ≥ 2; `None` is 4 + ⌊3 ln n⌋.
    pub population: Option<usize>,
    /// Initial standard deviation of every parameter, parameter units; > 0. Choose about a third of the
    /// distance to search.
    pub sigma: f64,
    /// Whether bad members shrink the variances in their direction.
    pub active: bool,
}

impl Default for SepCmaEsConfig {
    fn default() -> Self {
        Self { population: None, sigma: 0.5, active: true }
    }
}

pub(super) const INFO: StrategyInfo = StrategyInfo {
    name: "sep_cma_es",
    config: "SepCmaEs",
    summary: "CMA-ES with a diagonal covariance matrix; O(n) memory",
    reference: "Ros and Hansen 2008; rates of pycma 4",
    fields: &[cma_rates::POPULATION, cma_rates::SIGMA, FieldInfo::new("active", "", "true", "true or false")],
};

impl Settings for SepCmaEsConfig {
    fn info(&self) -> &'static StrategyInfo {
        &INFO
    }

    fn validate(&self) -> Result<(), StrategyError> {
        check::at_least_two(INFO.name, self.population)?;
        check::positive(INFO.name, "sigma", self.sigma)
    }

    fn build(&self, x0: &[f64], seed: u64) -> Result<Box<dyn Strategy>, StrategyError> {
        let n = x0.len();
        let population = self.population.unwrap_or_else(|| default_population(n));
        let rates = Rates::separable(n, population, self.active);
        let update = SepCmaEs { paths: Paths::new(rates, n, self.sigma), variances: vec![1.0; n] };
        Ok(OnDemand::boxed(population, false, (x0, self.sigma), seed, update))
    }
}

struct SepCmaEs {
    paths: Paths,
    /// C.
    variances: Vec<f64>,
}

impl Update for SepCmaEs {
    const ADAPTS: bool = true;

    fn tell(&mut self, samples: &mut Diagonal, fitness: &[f64], ranked: &Ranked) {
        let n = self.variances.len();
        let noise = samples.noise;
        self.paths.generation = noise.generation();
        let chosen = self.paths.choose(ranked);
        let (parents, others) = chosen.members.split_at(chosen.parents);
        let mut weights = vec![[0.0_f32; 2]; fitness.len()];
        for &(member, weight) in parents {
            weights[member] = [weight as f32; 2];
        }
        // A negative weight counts by direction only, or a long z would make a variance negative.
        let scaled = |&(member, weight): &(usize, f64)| {
            let mut z = vec![0.0; n];
            noise.normals(member, &mut z);
            let length: f64 = z.iter().map(|&z| f64::from(z) * f64::from(z)).sum();
            (member, weight * n as f64 / (length + 1e-8))
        };
        for (member, weight) in others.par_iter().map(scaled).collect::<Vec<_>>() {
            weights[member][1] = weight as f32;
        }
        let (sums, squares) = noise.weighted_moments(&weights, n);

        let mean_z: Vec<f64> = sums.into_iter().map(f64::from).collect();
        let mean_y: Vec<f64> = mean_z.iter().zip(&self.variances).map(|(z, c)| z * c.sqrt()).collect();
        for (mean, y) in samples.mean.iter_mut().zip(&mean_y) {
            *mean += self.paths.sigma * y;
        }
        let keep = self.paths.advance(fitness, ranked, &chosen, &mean_z, &mean_y);
        let r = &self.paths.rates;
        for ((c, path), square) in self.variances.iter_mut().zip(&self.paths.path_c).zip(squares) {
            *c = ((keep + r.c_mu * f64::from(square)) * *c + r.c_1 * path * path).max(1e-200);
        }
        let scale = self.paths.absorb(self.variances.iter().sum::<f64>() / n as f64);
        self.variances.iter_mut().for_each(|c| *c /= scale);
        for (deviation, c) in samples.deviation.iter_mut().zip(&self.variances) {
            *deviation = self.paths.sigma * c.sqrt();
        }
    }

    fn stop_reason(&self, samples: &Diagonal, precision: Precision) -> Option<StopReason> {
        let longest = self.variances.iter().copied().fold(0.0, f64::max).sqrt();
        let shortest = self.variances.iter().copied().fold(f64::INFINITY, f64::min).sqrt();
        self.paths.stop_reason(&samples.mean, |i| samples.deviation[i], (longest, shortest), precision)
    }

    fn save(&self, state: &mut State) {
        state.set_f64("variances", &[self.variances.len()], &self.variances);
        self.paths.save(state);
    }

    fn restore(&mut self, state: &State) -> Result<(), StrategyError> {
        let variances = state.f64("variances", &[self.variances.len()])?.to_vec();
        self.paths.restore(state)?;
        self.variances = variances;
        Ok(())
    }
}

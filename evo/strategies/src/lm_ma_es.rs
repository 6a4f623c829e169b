//! LM-MA-ES, limited-memory matrix adaptation: "Limited-Memory Matrix Adaptation for Large Scale Black-box Optimization"
//! (Loshchilov, Glasmachers and Beyer 2017, arXiv 1705.06693).
//!
//! Members are y + σ·d. Instead of a matrix there are m = 4 + ⌊3 ln n⌋ vectors mᵢ, evolution paths that look back 4ⁱ times
//! as far as the first one. With z standard normal,
//!
//! d ← z, then for i = 1 … m: d ← (1 − c_d,i) d + c_d,i mᵢ (mᵢ·d)
//!
//! y ← y + σ Σ w d,  p ← (1 − c_σ) p + √(μ_w c_σ (2 − c_σ)) Σ w z,
//! mᵢ ← (1 − c_c,i) mᵢ + √(μ_w c_c,i (2 − c_c,i)) Σ w z,  σ ← σ exp(½ c_σ (‖p‖²/n − 1))
//!
//! with c_σ = 2λ/n, c_d,i = 1/(1.5ⁱ⁻¹ n) and c_c,i = λ/(4ⁱ⁻¹ n). Memory is O(n ln n).
//!
//! Differences from the paper: rates above ½ are ½, since the paper's formulas are for n ≫ λ; failed members never get a
//! weight.

use serde::{Deserialize, Serialize};

use super::cma_paths::{norm_squared, unchanged};
use super::cma_rates::{self, default_population};
use super::noise::Noise;
use super::strategy::Precision;
use super::{
    FieldInfo, Memory, Ranked, Settings, State, StopReason, Strategy, StrategyError, StrategyInfo, check,
    rows,
};

/// Settings of LM-MA-ES.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LmMaEsConfig {
    /// Members per generation, ≥ 2; `None` is 4 + ⌊3 ln n⌋.
    pub population: Option<usize>,
    /// Initial standard deviation of every parameter, parameter units; > 0. Choose about a third of the
    /// distance to search.
    pub sigma: f64,
    /// Number of direction vectors, 1 to 1000; `None` is 4 + ⌊3 ln n⌋.
    pub vectors: Option<usize>,
}

impl Default for LmMaEsConfig {
    fn default() -> Self {
        Self { population: None, sigma: 0.5, vectors: None }
    }
}

pub(super) const INFO: StrategyInfo = StrategyInfo {
    name: "lm_ma_es",
    config: "LmMaEs",
    summary: "adapts step size and a few directions; O(n log n) memory, for thousands of correlated parameters",
    reference: "Loshchilov, Glasmachers and Beyer 2017, arXiv 1705.06693",
    fields: &[
        cma_rates::POPULATION,
        cma_rates::SIGMA,
        FieldInfo::new("vectors", "vectors", "None", "1 to 1000; None is 4 + floor(3 ln n)"),
    ],
};

impl Settings for LmMaEsConfig {
    fn info(&self) -> &'static StrategyInfo {
        &INFO
    }

    fn validate(&self) -> Result<(), StrategyError> {
        check::at_least_two(INFO.name, self.population)?;
        check::positive(INFO.name, "sigma", self.sigma)?;
        match self.vectors {
            Some(vectors) if !(1..=1000).contains(&vectors) => {
                Err(check::error(INFO.name, "vectors", &vectors, "None, or an integer from 1 to 1000"))
            }
            _ => Ok(()),
        }
    }

    fn memory(&self, parameters: usize) -> Result<Memory, StrategyError> {
        let vectors = self.vectors.unwrap_or_else(|| default_population(parameters)) as u64;
        let n = parameters as u64;
        let distribution = n.saturating_mul(24 * vectors + 120);
        Ok(Memory { distribution, ..Memory::linear(parameters) })
    }

    fn build(&self, x0: &[f64], seed: u64) -> Result<Box<dyn Strategy>, StrategyError> {
        let n = x0.len();
        let population = self.population.unwrap_or_else(|| default_population(n));
        let vectors = self.vectors.unwrap_or_else(|| default_population(n));
        Ok(Box::new(LmMaEs {
            rates: Rates::new(n, population, vectors),
            population,
            noise: Noise::new(seed),
            first_sigma: self.sigma,
            sigma: self.sigma,
            mean: x0.to_vec(),
            path: vec![0.0; n],
            directions: vec![0.0; vectors * n],
        }))
    }
}

/// Named as in the paper.
struct Rates {
    /// Of the better half, best first; their sum is 1.
    weights: Vec<f64>,
    mu_w: f64,
    c_sigma: f64,
    c_d: Vec<f64>,
    c_c: Vec<f64>,
}

impl Rates {
    fn new(dimension: usize, population: usize, vectors: usize) -> Self {
        let (n, mu) = (dimension as f64, population / 2);
        let raw = (1..=mu).map(|i| libm::log(mu as f64 + 0.5) - libm::log(i as f64));
        let sum: f64 = raw.clone().sum();
        let weights: Vec<f64> = raw.map(|w| w / sum).collect();
        let power = |base: f64, i: usize| libm::pow(base, i as f64);
        let lambda = population as f64;
        Self {
            mu_w: 1.0 / norm_squared(&weights),
            weights,
            c_sigma: (2.0 * lambda / n).min(0.5),
            c_d: (0..vectors).map(|i| (1.0 / (power(1.5, i) * n)).min(0.5)).collect(),
            c_c: (0..vectors).map(|i| (lambda / (power(4.0, i) * n)).min(0.5)).collect(),
        }
    }
}

struct LmMaEs {
    rates: Rates,
    population: usize,
    noise: Noise,
    first_sigma: f64,
    sigma: f64,
    mean: Vec<f64>,
    /// p_σ.
    path: Vec<f64>,
    /// mᵢ, one after another.
    directions: Vec<f64>,
}

impl LmMaEs {
    /// d from z, in place.
    fn transform(&self, d: &mut [f64]) {
        // In the i-th generation, as many vectors have been written.
        let written = usize::try_from(self.noise.generation()).unwrap_or(usize::MAX);
        for (m, c) in self.directions.chunks(d.len()).zip(&self.rates.c_d).take(written) {
            let along = c * m.iter().zip(&*d).map(|(m, d)| m * d).sum::<f64>();
            d.iter_mut().zip(m).for_each(|(d, m)| *d = (1.0 - c) * *d + along * m);
        }
    }

    /// Standard deviation of a coordinate without what the directions add.
    fn narrowest(&self) -> f64 {
        self.sigma * self.rates.c_d.iter().map(|c| 1.0 - c).product::<f64>()
    }
}

impl Strategy for LmMaEs {
    fn population(&self) -> usize {
        self.population
    }

    fn dimension(&self) -> usize {
        self.mean.len()
    }

    fn ask(&mut self, generation: u64) {
        self.noise.ask(generation);
    }

    fn members(&self, first: usize, out: &mut [f64]) {
        for (member, row) in (first..).zip(out.chunks_mut(self.mean.len())) {
            self.noise.normals_f64(member, row);
            self.transform(row);
            row.iter_mut().zip(&self.mean).for_each(|(x, mean)| *x = mean + self.sigma * *x);
        }
    }

    fn tell(&mut self, _fitness: &[f64], ranked: &Ranked) {
        let n = self.mean.len();
        let order = ranked.order()[..ranked.valid()].iter().copied();
        let parents: Vec<(usize, f64)> = order.zip(self.rates.weights.iter().copied()).collect();
        let rows = rows::of_rows(parents.len(), n, |parent| {
            let mut z = vec![0.0; n];
            self.noise.normals_f64(parents[parent].0, &mut z);
            let mut d = z.clone();
            self.transform(&mut d);
            [z, d]
        });
        let mut mean_z = vec![0.0; n];
        for ([z, d], (_, weight)) in rows.iter().zip(&parents) {
            mean_z.iter_mut().zip(z).for_each(|(sum, z)| *sum += weight * z);
            self.mean.iter_mut().zip(d).for_each(|(mean, d)| *mean += self.sigma * weight * d);
        }
        let Self { rates, .. } = self;
        let follow = |path: &mut [f64], c: f64| {
            let gain = (rates.mu_w * c * (2.0 - c)).sqrt();
            path.iter_mut().zip(&mean_z).for_each(|(path, z)| *path = (1.0 - c) * *path + gain * z);
        };
        follow(&mut self.path, rates.c_sigma);
        self.directions.chunks_mut(n).zip(&rates.c_c).for_each(|(m, &c)| follow(m, c));
        let exponent = rates.c_sigma / 2.0 * (norm_squared(&self.path) / n as f64 - 1.0);
        self.sigma = (self.sigma * libm::exp(exponent.min(1.0))).clamp(1e-100, 1e100);
    }

    fn mean(&self) -> &[f64] {
        &self.mean
    }

    fn shift(&mut self, by: &[f64]) {
        self.mean.iter_mut().zip(by).for_each(|(mean, by)| *mean += by);
    }

    /// The mean becomes a weighted mean of members.
    fn can_diverge(&self) -> bool {
        false
    }

    fn sigma(&self) -> f64 {
        self.sigma
    }

    fn stop_reason(&self, precision: Precision) -> Option<StopReason> {
        if self.sigma < 1e-12 * self.first_sigma {
            return Some(StopReason::TolX);
        }
        if self.narrowest() > 1e4 * self.first_sigma {
            return Some(StopReason::TolXUp);
        }
        let step = 0.2 * self.sigma;
        let stuck = self.mean.iter().any(|&mean| unchanged(mean, step, precision));
        stuck.then_some(StopReason::NoEffectCoord)
    }

    fn state(&self) -> State {
        let n = self.mean.len();
        let mut state = State::default();
        state.set_integer("population", self.population as u64);
        self.noise.save(&mut state);
        state.set_real("sigma", self.sigma);
        state.set_f64("mean", &[n], &self.mean);
        state.set_f64("path", &[n], &self.path);
        state.set_f64("directions", &[self.rates.c_d.len(), n], &self.directions);
        state
    }

    fn restore(&mut self, state: &State) -> Result<(), StrategyError> {
        let n = self.mean.len();
        state.expect("population", self.population as u64)?;
        let (noise, sigma) = (self.noise.loaded(state)?, state.real("sigma")?);
        let vector = |name: &str| state.f64(name, &[n]).map(<[f64]>::to_vec);
        let (mean, path) = (vector("mean")?, vector("path")?);
        self.directions = state.f64("directions", &[self.rates.c_d.len(), n])?.to_vec();
        (self.noise, self.sigma, self.mean, self.path) = (noise, sigma, mean, path);
        Ok(())
    }
}

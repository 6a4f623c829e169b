//! CMA-ES with active covariance update: "The CMA Evolution Strategy: A Tutorial" (Hansen, arXiv 1604.00772, 2023).
//!
//! Samples are mean + σ·y with y = z·U, where C = UᵀU is the Cholesky factorisation instead of the tutorial's
//! eigendecomposition; the step-size path lives in the space of z (Suttorp, Hansen and Igel 2009; Krause,
//! Arbonès and Igel 2016). The distribution is the same, ‖C^(−½)y‖ = ‖z‖ comes for free, and a factorisation
//! is some thirty times cheaper than an eigendecomposition at n = 1000. As in the tutorial, the factor is
//! renewed only when C has changed enough.
//!
//! Further differences: failed members never get a positive weight; a matrix that lost its positive
//! definiteness to rounding gets the smallest sufficient multiple of the identity added; the condition number
//! is bounded below by the factor's diagonal.

use serde::{Deserialize, Serialize};

use super::cma_rates::{Rates, default_population};
use super::{
    FieldInfo, Ranked, Settings, State, StopReason, Strategy, StrategyError, StrategyInfo, check, linalg,
};
use crate::random::{self, Purpose};

/// Settings of CMA-ES. Everything else follows from dimension and population.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CmaEsConfig {
    /// Members per generation, ≥ 2; `None` is 4 + ⌊3 ln n⌋.
    pub population: Option<usize>,
    /// First standard deviation of every parameter, parameter units; > 0. About a third of the distance to search.
    pub sigma: f64,
    /// Whether bad members shrink the covariance in their direction.
    pub active: bool,
    /// Most parameters accepted; ≥ 1. Memory is 16 n² bytes.
    pub max_dimension: usize,
}

impl Default for CmaEsConfig {
    fn default() -> Self {
        Self { population: None, sigma: 0.5, active: true, max_dimension: 4000 }
    }
}

pub(super) const INFO: StrategyInfo = StrategyInfo {
    name: "cma_es",
    config: "CmaEs",
    summary: "adapts step size and full covariance matrix; O(n²) memory, up to some thousand parameters",
    reference: "Hansen, The CMA Evolution Strategy: A Tutorial, arXiv 1604.00772",
    fields: &[
        FieldInfo::new("population", "members", "None", "≥ 2; None is 4 + floor(3 ln n)"),
        FieldInfo::new("sigma", "parameter units", "0.5", "> 0"),
        FieldInfo::new("active", "", "true", "true or false"),
        FieldInfo::new("max_dimension", "parameters", "4000", "≥ 1"),
    ],
};

impl Settings for CmaEsConfig {
    fn info(&self) -> &'static StrategyInfo {
        &INFO
    }

    fn validate(&self) -> Result<(), StrategyError> {
        if let Some(population @ 0..2) = self.population {
            return Err(check::error(INFO.name, "population", &population, "an integer ≥ 2"));
        }
        check::positive(INFO.name, "sigma", self.sigma)?;
        check::at_least_one(INFO.name, "max_dimension", self.max_dimension as u64)
    }

    fn build(&self, x0: &[f64], seed: u64) -> Result<Box<dyn Strategy>, StrategyError> {
        Ok(Box::new(CmaEs::new(self, x0, seed)?))
    }
}

struct CmaEs {
    n: usize,
    population: usize,
    rates: Rates,
    seed: u64,
    first_sigma: f64,
    /// Generations told.
    generation: u64,
    mean: Vec<f64>,
    sigma: f64,
    /// p_σ in the space of z.
    path_sigma: Vec<f64>,
    /// p_c.
    path_c: Vec<f64>,
    /// C, upper triangle.
    covariance: Vec<f64>,
    /// U with C = UᵀU as of `factored_at`.
    factor: Vec<f64>,
    factored_at: u64,
    /// Best fitness of the last generations, a ring indexed by generation.
    recent_best: Vec<f64>,
    /// Best minus worst fitness of the last generation.
    spread: f64,
    /// Samples of the asked generation, population × n: z and y = z·U.
    z: Vec<f64>,
    y: Vec<f64>,
}

impl CmaEs {
    fn new(config: &CmaEsConfig, x0: &[f64], seed: u64) -> Result<Self, StrategyError> {
        let n = x0.len();
        if n > config.max_dimension {
            return Err(StrategyError::TooManyParameters {
                strategy: INFO.name,
                dimension: n,
                limit: config.max_dimension,
                megabytes: (n as u64 * n as u64 * 16).div_ceil(1_000_000),
            });
        }
        let population = config.population.unwrap_or_else(|| default_population(n));
        let rates = Rates::new(n, population, config.active);
        let identity = identity(n);
        Ok(Self {
            n,
            population,
            seed,
            first_sigma: config.sigma,
            generation: 0,
            mean: x0.to_vec(),
            sigma: config.sigma,
            path_sigma: vec![0.0; n],
            path_c: vec![0.0; n],
            covariance: identity.clone(),
            factor: identity,
            factored_at: 0,
            recent_best: vec![0.0; rates.history],
            spread: 0.0,
            z: Vec::new(),
            y: Vec::new(),
            rates,
        })
    }

    /// Weighted sum of the rows of `samples` in rank order.
    fn recombine(&self, samples: &[f64], chosen: &[(usize, f64)]) -> Vec<f64> {
        let mut out = vec![0.0; self.n];
        for &(member, weight) in chosen {
            for (sum, value) in out.iter_mut().zip(&samples[member * self.n..]) {
                *sum += weight * value;
            }
        }
        out
    }

    /// C ← keep·C + c₁ p_c p_cᵀ + c_μ Σ w° y yᵀ. Rows go in rank order, so that the order of members cannot matter.
    fn update_covariance(&mut self, keep: f64, chosen: &[(usize, f64)]) {
        let n = self.n;
        let mut vectors = Vec::with_capacity((chosen.len() + 1) * n);
        let mut weights = Vec::with_capacity(chosen.len() + 1);
        for &(member, weight) in chosen {
            let row = member * n..(member + 1) * n;
            // A negative weight counts by direction only, or a long y would make C indefinite.
            let length = || n as f64 / (norm_squared(&self.z[row.clone()]) + 1e-8);
            weights.push(self.rates.c_mu * if weight < 0.0 { weight * length() } else { weight });
            vectors.extend_from_slice(&self.y[row]);
        }
        weights.push(self.rates.c_1);
        vectors.extend_from_slice(&self.path_c);
        linalg::update_upper(&mut self.covariance, n, keep, &weights, &vectors);
    }

    /// Renews the factor; adds to the diagonal of a matrix that rounding made indefinite.
    fn factorise(&mut self) {
        let diagonal = self.covariance.iter().step_by(self.n + 1);
        let mut mean = diagonal.sum::<f64>() / self.n as f64;
        if !(1e-6..1e6).contains(&mean) && mean > 0.0 && mean.is_finite() {
            // σ and C drift apart on plateaus; the same distribution with C near 1 cannot underflow.
            let root = mean.sqrt();
            self.sigma *= root;
            self.covariance.iter_mut().for_each(|value| *value /= mean);
            self.path_c.iter_mut().for_each(|value| *value /= root);
            mean = 1.0;
        }
        let mut added = 1e-14 * mean;
        loop {
            if let Some(factor) = linalg::cholesky(&self.covariance, self.n) {
                self.factor = factor;
                break;
            }
            if !(added > 0.0 && added < mean) {
                // Nothing to save: start the shape afresh.
                self.covariance = identity(self.n);
                self.path_c.fill(0.0);
                continue;
            }
            for i in 0..self.n {
                self.covariance[i * self.n + i] += added;
            }
            added *= 10.0;
        }
        self.factored_at = self.generation;
    }

    /// Standard deviation of a coordinate.
    fn deviation(&self, coordinate: usize) -> f64 {
        self.sigma * self.covariance[coordinate * (self.n + 1)].sqrt()
    }
}

fn identity(n: usize) -> Vec<f64> {
    let mut out = vec![0.0; n * n];
    for i in 0..n {
        out[i * n + i] = 1.0;
    }
    out
}

fn norm_squared(x: &[f64]) -> f64 {
    x.iter().map(|v| v * v).sum()
}

impl Strategy for CmaEs {
    fn population(&self) -> usize {
        self.population
    }

    fn dimension(&self) -> usize {
        self.n
    }

    fn ask(&mut self, generation: u64) {
        self.generation = generation;
        self.z.resize(self.population * self.n, 0.0);
        self.y.resize(self.population * self.n, 0.0);
        for (member, row) in self.z.chunks_mut(self.n).enumerate() {
            random::fill_normals_f64(self.seed, Purpose::Noise, generation, member as u64, row);
        }
        linalg::times_upper(&self.z, &self.factor, self.n, &mut self.y);
    }

    fn members(&self, first: usize, out: &mut [f32]) {
        let rows = self.y[first * self.n..].chunks(self.n);
        for (row, y) in out.chunks_mut(self.n).zip(rows) {
            for ((x, mean), y) in row.iter_mut().zip(&self.mean).zip(y) {
                *x = (mean + self.sigma * y) as f32;
            }
        }
    }

    fn tell(&mut self, fitness: &[f64], ranked: &Ranked) {
        let order = ranked.order();
        let ranks = order.iter().copied().zip(self.rates.weights.iter().copied()).enumerate();
        let chosen: Vec<(usize, f64)> = ranks
            .filter(|&(rank, (_, weight))| weight < 0.0 || (weight > 0.0 && rank < ranked.valid()))
            .map(|(_, pair)| pair)
            .collect();
        let parents = &chosen[..chosen.partition_point(|&(_, weight)| weight > 0.0)];
        let (mean_y, mean_z) = (self.recombine(&self.y, parents), self.recombine(&self.z, parents));
        let r = &self.rates;

        for (mean, y) in self.mean.iter_mut().zip(&mean_y) {
            *mean += self.sigma * y;
        }
        let gain = (r.c_sigma * (2.0 - r.c_sigma) * r.mu_eff).sqrt();
        for (path, z) in self.path_sigma.iter_mut().zip(&mean_z) {
            *path = (1.0 - r.c_sigma) * *path + gain * z;
        }
        let length = norm_squared(&self.path_sigma).sqrt();
        let told = self.generation as f64 + 1.0;
        let settled = (1.0 - libm::pow(1.0 - r.c_sigma, 2.0 * told)).sqrt();
        let moving = length / settled < (1.4 + 2.0 / (self.n as f64 + 1.0)) * r.chi;
        let h = if moving { 1.0 } else { 0.0 };
        let gain = h * (r.c_c * (2.0 - r.c_c) * r.mu_eff).sqrt();
        for (path, y) in self.path_c.iter_mut().zip(&mean_y) {
            *path = (1.0 - r.c_c) * *path + gain * y;
        }

        let mut exponent = (r.c_sigma / r.d_sigma * (length / r.chi - 1.0)).min(1.0);
        let worse = order[(0.7 * order.len() as f64).ceil() as usize - 1];
        if fitness[order[0]] == fitness[worse] {
            // A plateau: look further away.
            exponent += 0.2 + r.c_sigma / r.d_sigma;
        }
        // Far beyond what f32 members can hold, and far from overflow of anything below.
        self.sigma = (self.sigma * libm::exp(exponent)).clamp(1e-100, 1e100);

        let total: f64 = chosen.iter().map(|(_, weight)| weight).sum();
        let keep = 1.0 + r.c_1 * (1.0 - h) * r.c_c * (2.0 - r.c_c) - r.c_1 - r.c_mu * total;
        self.update_covariance(keep, &chosen);

        let slot = (self.generation % self.recent_best.len() as u64) as usize;
        self.recent_best[slot] = fitness[order[0]];
        self.spread = fitness[order[0]] - fitness[order[order.len() - 1]];
        self.generation += 1;
        if (self.generation - self.factored_at) as f64 > self.rates.gap {
            self.factorise();
        }
    }

    fn mean(&self, out: &mut [f32]) {
        for (x, &mean) in out.iter_mut().zip(&self.mean) {
            *x = mean as f32;
        }
    }

    fn sigma(&self) -> f64 {
        self.sigma
    }

    fn stop_reason(&self) -> Option<StopReason> {
        let coordinates = 0..self.n;
        let small = 1e-12 * self.first_sigma;
        let tiny = |i: usize| self.deviation(i) < small && (self.sigma * self.path_c[i]).abs() < small;
        if coordinates.clone().all(tiny) {
            return Some(StopReason::TolX);
        }
        if coordinates.clone().any(|i| self.deviation(i) > 1e4 * self.first_sigma) {
            return Some(StopReason::TolXUp);
        }
        let highest = self.recent_best.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let lowest = self.recent_best.iter().copied().fold(f64::INFINITY, f64::min);
        let seen = self.generation >= self.recent_best.len() as u64;
        if seen && highest - lowest < 1e-12 && self.spread < 1e-12 {
            return Some(StopReason::TolFun);
        }
        let diagonal = |i: usize| self.factor[i * (self.n + 1)];
        let largest = coordinates.clone().map(diagonal).fold(0.0, f64::max);
        let smallest = coordinates.clone().map(diagonal).fold(f64::INFINITY, f64::min);
        if largest > 1e7 * smallest {
            return Some(StopReason::Condition);
        }
        // Members are f32, so that is where a step has to show.
        let unchanged = |i: usize, step: f64| (self.mean[i] + step) as f32 == self.mean[i] as f32;
        if coordinates.clone().any(|i| unchanged(i, 0.2 * self.deviation(i))) {
            return Some(StopReason::NoEffectCoord);
        }
        let axis = (self.generation % self.n as u64) as usize * self.n;
        if coordinates.clone().all(|i| unchanged(i, 0.1 * self.sigma * self.factor[axis + i])) {
            return Some(StopReason::NoEffectAxis);
        }
        None
    }

    fn state(&self) -> State {
        let n = self.n;
        let mut state = State::default();
        state.set_integer("seed", self.seed);
        state.set_integer("population", self.population as u64);
        state.set_integer("factored_at", self.factored_at);
        state.set_real("sigma", self.sigma);
        state.set_real("spread", self.spread);
        state.set_f64("mean", &[n], &self.mean);
        state.set_f64("path_sigma", &[n], &self.path_sigma);
        state.set_f64("path_c", &[n], &self.path_c);
        state.set_f64("covariance", &[n, n], &self.covariance);
        state.set_f64("factor", &[n, n], &self.factor);
        state.set_f64("recent_best", &[self.recent_best.len()], &self.recent_best);
        state
    }

    fn restore(&mut self, state: &State) -> Result<(), StrategyError> {
        let n = self.n;
        state.expect("population", self.population as u64)?;
        let integers = (state.integer("seed")?, state.integer("generation")?);
        let factored_at = state.integer("factored_at")?;
        let reals = (state.real("sigma")?, state.real("spread")?);
        let vector = |name: &str| state.f64(name, &[n]).map(<[f64]>::to_vec);
        let matrix = |name: &str| state.f64(name, &[n, n]).map(<[f64]>::to_vec);
        let vectors = (vector("mean")?, vector("path_sigma")?, vector("path_c")?);
        let matrices = (matrix("covariance")?, matrix("factor")?);
        let recent = state.f64("recent_best", &[self.recent_best.len()])?.to_vec();
        // Nothing is taken over before everything was found.
        (self.seed, self.generation) = integers;
        self.factored_at = factored_at;
        (self.sigma, self.spread) = reals;
        (self.mean, self.path_sigma, self.path_c) = vectors;
        (self.covariance, self.factor) = matrices;
        self.recent_best = recent;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_order_of_members_does_not_matter() {
        let build = || CmaEs::new(&CmaEsConfig::default(), &[1.0; 6], 3).unwrap();
        let (mut straight, mut shuffled) = (build(), build());
        for generation in 0..20 {
            straight.ask(generation);
            shuffled.ask(generation);
            let lambda = straight.population;
            let mut fitness: Vec<f64> =
                straight.z.chunks(6).zip(0..).map(|(z, i)| z[0] - z[3] * f64::from(i)).collect();
            let ranked = Ranked::new(&mut fitness).unwrap();
            straight.tell(&fitness, &ranked);
            // Member k of one is member 5k + 2 of the other (λ = 9 has no factor 5).
            let (z, y) = (shuffled.z.clone(), shuffled.y.clone());
            let mut moved = vec![0.0; lambda];
            for k in 0..lambda {
                let to = (5 * k + 2) % lambda;
                shuffled.z[to * 6..][..6].copy_from_slice(&z[k * 6..][..6]);
                shuffled.y[to * 6..][..6].copy_from_slice(&y[k * 6..][..6]);
                moved[to] = fitness[k];
            }
            let ranked = Ranked::new(&mut moved).unwrap();
            shuffled.tell(&moved, &ranked);
            assert_eq!(straight.state(), shuffled.state());
        }
    }

    #[test]
    fn an_indefinite_matrix_is_repaired_and_a_broken_one_replaced() {
        let mut es = CmaEs::new(&CmaEsConfig::default(), &[0.0; 2], 1).unwrap();
        // Eigenvalues 2 and about −1e-10.
        es.covariance = vec![1.0, 1.0 + 1e-10, 0.0, 1.0];
        es.factorise();
        assert!(es.factor.iter().all(|v| v.is_finite()));
        assert!((es.covariance[0] - 1.0).abs() < 1e-8, "hardly changed");
        assert_eq!(es.covariance[1], 1.0 + 1e-10);
        es.covariance = vec![f64::NAN, 0.0, 0.0, 1.0];
        es.factorise();
        assert_eq!(es.covariance, identity(2));
    }

    #[test]
    fn a_plateau_widens_the_search() {
        let mut es = CmaEs::new(&CmaEsConfig::default(), &[0.0; 5], 1).unwrap();
        for generation in 0..30 {
            es.ask(generation);
            let mut fitness = vec![1.0; es.population];
            let ranked = Ranked::new(&mut fitness).unwrap();
            es.tell(&fitness, &ranked);
        }
        assert!(es.sigma > 10.0, "{}", es.sigma);
    }
}

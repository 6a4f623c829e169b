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

use super::cma_paths::{Chosen, Paths, norm_squared, unchanged};
use super::cma_rates::{self, Rates, default_population};
use super::lra::{Distribution, LearningRates};
use super::noise::Noise;
use super::strategy::Precision;
use super::{
    FieldInfo, Memory, Ranked, Settings, State, StopReason, Strategy, StrategyError, StrategyInfo, check,
    linalg,
};

/// Settings of CMA-ES. Everything else follows from dimension and population.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CmaEsConfig {
    /// Members per generation, ≥ 2; `None` is 4 + ⌊3 ln n⌋.
    pub population: Option<usize>,
    /// Initial standard deviation of every parameter, parameter units; > 0. Choose about a third of the
    /// distance to search.
    pub sigma: f64,
    /// Whether bad members shrink the covariance in their direction.
    pub active: bool,
    /// Generations at the start in which the covariance matrix stays diagonal and is learned at the rates of separable
    /// CMA-ES: the scales of many parameters are found in a fraction of the evaluations. Choose some
    /// 100 n/√population (pycma's proposal) if parameters have different scales, 0 if they are correlated above all.
    pub diagonal: u64,
    /// Whether the steps of mean and covariance follow their ratio of signal to noise (Nomura, Akimoto and Ono 2023):
    /// for noisy or rugged fitness, without more members. On a smooth function it takes more evaluations, and a
    /// generation takes O(n³).
    pub adapt_rates: bool,
    /// Largest number of parameters accepted; ≥ 1. Memory is 16 n² bytes, and three times that while a
    /// checkpoint is written.
    pub max_dimension: usize,
}

impl Default for CmaEsConfig {
    fn default() -> Self {
        Self {
            population: None,
            sigma: 0.5,
            active: true,
            diagonal: 0,
            adapt_rates: false,
            max_dimension: 4000,
        }
    }
}

pub(super) const INFO: StrategyInfo = StrategyInfo {
    name: "cma_es",
    config: "CmaEs",
    summary: "adapts step size and full covariance matrix; O(n²) memory, up to a few thousand parameters",
    reference: "Hansen, The CMA Evolution Strategy: A Tutorial, arXiv 1604.00772",
    fields: &[
        cma_rates::POPULATION,
        cma_rates::SIGMA,
        FieldInfo::new("active", "", "true", "true or false"),
        FieldInfo::new("diagonal", "generations", "0", "≥ 0"),
        FieldInfo::new("adapt_rates", "", "false", "true or false"),
        FieldInfo::new("max_dimension", "parameters", "4000", "≥ 1"),
    ],
};

impl Settings for CmaEsConfig {
    fn info(&self) -> &'static StrategyInfo {
        &INFO
    }

    fn validate(&self) -> Result<(), StrategyError> {
        check::at_least_two(INFO.name, self.population)?;
        check::positive(INFO.name, "sigma", self.sigma)?;
        check::at_least_one(INFO.name, "max_dimension", self.max_dimension as u64)
    }

    fn memory(&self, parameters: usize) -> Result<Memory, StrategyError> {
        check::dimension(INFO.name, parameters, self.max_dimension, 16)?;
        // C and U, and two copies of them for a checkpoint; z and y of a member, and its row of an update. Rates have an
        // average, its copies, and work on four more matrices.
        let matrices = if self.adapt_rates { 13 } else { 6 };
        let population = self.population.unwrap_or_else(|| default_population(parameters));
        Ok(Memory::square(parameters, matrices, population, 3))
    }

    fn build(&self, x0: &[f64], seed: u64) -> Result<Box<dyn Strategy>, StrategyError> {
        Ok(Box::new(CmaEs::new(self, x0, seed)?))
    }
}

struct CmaEs {
    n: usize,
    population: usize,
    active: bool,
    /// Generations in which C stays diagonal.
    diagonal: u64,
    /// Only with `adapt_rates`.
    learning: Option<LearningRates>,
    noise: Noise,
    paths: Paths,
    mean: Vec<f64>,
    /// C, upper triangle.
    covariance: Vec<f64>,
    /// U with C = UᵀU as of `factored_at`.
    factor: Vec<f64>,
    factored_at: u64,
    /// Samples of the asked generation, population × n: z and y = z·U.
    z: Vec<f64>,
    y: Vec<f64>,
}

impl CmaEs {
    fn new(config: &CmaEsConfig, x0: &[f64], seed: u64) -> Result<Self, StrategyError> {
        let n = x0.len();
        check::dimension(INFO.name, n, config.max_dimension, 16)?;
        let population = config.population.unwrap_or_else(|| default_population(n));
        Ok(Self {
            n,
            population,
            active: config.active,
            diagonal: config.diagonal,
            learning: config.adapt_rates.then(|| LearningRates::new(n)),
            noise: Noise::new(seed),
            paths: Paths::new(Rates::full(n, population, config.active), n, config.sigma),
            mean: x0.to_vec(),
            covariance: linalg::identity(n),
            factor: linalg::identity(n),
            factored_at: 0,
            z: Vec::new(),
            y: Vec::new(),
        })
    }

    /// Whether C stays diagonal in the asked generation.
    fn is_diagonal(&self) -> bool {
        self.paths.generation < self.diagonal
    }

    /// C ← keep·C + c₁ p_c p_cᵀ + c_μ Σ w° y yᵀ, or its diagonal. Rows go in rank order, so that the order of members
    /// cannot matter.
    fn update_covariance(&mut self, keep: f64, chosen: &Chosen, diagonal: bool) {
        let n = self.n;
        let rates = &self.paths.rates;
        let mut vectors = Vec::with_capacity((chosen.members.len() + 1) * n);
        let mut weights = Vec::with_capacity(chosen.members.len() + 1);
        for &(member, weight) in &chosen.members {
            let row = member * n..(member + 1) * n;
            // A negative weight counts by direction only, or a long y would make C indefinite.
            let length = || n as f64 / (norm_squared(&self.z[row.clone()]) + 1e-8);
            weights.push(rates.c_mu * if weight < 0.0 { weight * length() } else { weight });
            vectors.extend_from_slice(&self.y[row]);
        }
        weights.push(rates.c_1);
        vectors.extend_from_slice(&self.paths.path_c);
        if !diagonal {
            return linalg::update_upper(&mut self.covariance, n, keep, &weights, &vectors);
        }
        for (i, c) in self.covariance.iter_mut().step_by(n + 1).enumerate() {
            let squares = vectors.iter().skip(i).step_by(n).map(|y| y * y);
            // Rounding must not make it 0.
            *c = (keep * *c + weights.iter().zip(squares).map(|(w, square)| w * square).sum::<f64>())
                .max(1e-200);
        }
    }

    /// Renews the factor; adds to the diagonal of a matrix that rounding made indefinite.
    fn factorise(&mut self, diagonal: bool) {
        let variances = self.covariance.iter().step_by(self.n + 1);
        let mut mean = variances.sum::<f64>() / self.n as f64;
        let scale = self.paths.absorb(mean);
        if scale != 1.0 {
            self.covariance.iter_mut().for_each(|value| *value /= scale);
            mean = 1.0;
        }
        self.factored_at = self.paths.generation;
        if diagonal {
            let pairs = self.factor.iter_mut().zip(&self.covariance).step_by(self.n + 1);
            return pairs.for_each(|(u, c)| *u = c.sqrt());
        }
        let mut added = 1e-14 * mean;
        loop {
            if let Some(factor) = linalg::cholesky(&self.covariance, self.n) {
                self.factor = factor;
                break;
            }
            if !(added > 0.0 && added < mean) {
                // Nothing to save: start the shape afresh.
                self.covariance = linalg::identity(self.n);
                self.paths.path_c.fill(0.0);
                continue;
            }
            for i in 0..self.n {
                self.covariance[i * self.n + i] += added;
            }
            added *= 10.0;
        }
    }

    /// The distribution, where rates are to be adapted.
    fn distribution(&self) -> Distribution {
        let Self { mean, covariance, .. } = self;
        Distribution { mean: mean.clone(), sigma: self.paths.sigma, covariance: covariance.clone() }
    }

    /// Standard deviation of a coordinate.
    fn deviation(&self, coordinate: usize) -> f64 {
        self.paths.sigma * self.covariance[coordinate * (self.n + 1)].sqrt()
    }
}

impl Strategy for CmaEs {
    fn population(&self) -> usize {
        self.population
    }

    fn dimension(&self) -> usize {
        self.n
    }

    fn ask(&mut self, generation: u64) {
        self.noise.ask(generation);
        self.paths.generation = generation;
        let diagonal = self.is_diagonal();
        if diagonal != self.paths.rates.is_diagonal() {
            let rates = if diagonal { Rates::separable } else { Rates::full };
            self.paths.rates = rates(self.n, self.population, self.active);
        }
        self.z.resize(self.population * self.n, 0.0);
        self.y.resize(self.population * self.n, 0.0);
        self.noise.normal_rows(self.n, &mut self.z);
        if !diagonal {
            return linalg::times_upper(&self.z, &self.factor, self.n, &mut self.y);
        }
        for (y, z) in self.y.chunks_mut(self.n).zip(self.z.chunks(self.n)) {
            let factors = self.factor.iter().step_by(self.n + 1);
            y.iter_mut().zip(z).zip(factors).for_each(|((y, z), u)| *y = z * u);
        }
    }

    fn members(&self, first: usize, out: &mut [f64]) {
        linalg::write_members(&self.mean, self.paths.sigma, &self.y[first * self.n..], out);
    }

    fn tell(&mut self, fitness: &[f64], ranked: &Ranked) {
        let diagonal = self.is_diagonal();
        let old = self.learning.as_ref().map(|_| self.distribution());
        let chosen = self.paths.choose(ranked);
        let parents = &chosen.members[..chosen.parents];
        let mean_y = linalg::recombine(&self.y, self.n, parents);
        let mean_z = linalg::recombine(&self.z, self.n, parents);
        for (mean, y) in self.mean.iter_mut().zip(&mean_y) {
            *mean += self.paths.sigma * y;
        }
        let keep = self.paths.advance(fitness, ranked, &chosen, &mean_z, &mean_y);
        self.update_covariance(keep, &chosen, diagonal);
        if let Some((learning, old)) = self.learning.as_mut().zip(old) {
            let Self { mean, covariance, .. } = self;
            let (mean, covariance) = (std::mem::take(mean), std::mem::take(covariance));
            let proposed = Distribution { mean, sigma: self.paths.sigma, covariance };
            let made = learning.between(&old, &self.factor, &proposed);
            (self.mean, self.paths.sigma, self.covariance) = (made.mean, made.sigma, made.covariance);
        }
        let waited = (self.paths.generation - self.factored_at) as f64;
        if diagonal || self.learning.is_some() || waited > self.paths.rates.gap {
            self.factorise(diagonal);
        }
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
        self.paths.sigma
    }

    fn marginals(&self) -> Option<Vec<f64>> {
        Some((0..self.n).map(|i| self.deviation(i)).collect())
    }

    fn stop_reason(&self, precision: Precision) -> Option<StopReason> {
        let diagonal = |i: usize| self.factor[i * (self.n + 1)];
        let largest = (0..self.n).map(diagonal).fold(0.0, f64::max);
        let smallest = (0..self.n).map(diagonal).fold(f64::INFINITY, f64::min);
        let deviation = |i: usize| self.deviation(i);
        if let Some(reason) = self.paths.stop_reason(&self.mean, deviation, (largest, smallest), precision) {
            return Some(reason);
        }
        let axis = (self.paths.generation % self.n as u64) as usize * self.n;
        let step = |i: usize| 0.1 * self.paths.sigma * self.factor[axis + i];
        (0..self.n).all(|i| unchanged(self.mean[i], step(i), precision)).then_some(StopReason::NoEffectAxis)
    }

    fn state(&self) -> State {
        let n = self.n;
        let mut state = State::default();
        state.set_integer("population", self.population as u64);
        state.set_integer("factored_at", self.factored_at);
        self.noise.save(&mut state);
        self.paths.save(&mut state);
        state.set_f64("mean", &[n], &self.mean);
        state.set_f64("covariance", &[n, n], &self.covariance);
        state.set_f64("factor", &[n, n], &self.factor);
        if let Some(learning) = &self.learning {
            learning.save(&mut state);
        }
        state
    }

    fn restore(&mut self, state: &State) -> Result<(), StrategyError> {
        let n = self.n;
        state.expect("population", self.population as u64)?;
        let (noise, factored_at) = (self.noise.loaded(state)?, state.integer("factored_at")?);
        let mean = state.f64("mean", &[n])?.to_vec();
        let matrix = |name: &str| state.f64(name, &[n, n]).map(<[f64]>::to_vec);
        let matrices = (matrix("covariance")?, matrix("factor")?);
        let learning = self.learning.as_ref().map(|learning| learning.saved(state)).transpose()?;
        // Nothing is taken over before everything was found.
        self.paths.restore(state)?;
        self.learning = learning;
        (self.noise, self.factored_at, self.mean) = (noise, factored_at, mean);
        (self.covariance, self.factor) = matrices;
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
        es.factorise(false);
        assert!(es.factor.iter().all(|v| v.is_finite()));
        assert!((es.covariance[0] - 1.0).abs() < 1e-8, "hardly changed");
        assert_eq!(es.covariance[1], 1.0 + 1e-10);
        es.covariance = vec![f64::NAN, 0.0, 0.0, 1.0];
        es.factorise(false);
        assert_eq!(es.covariance, linalg::identity(2));
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
        assert!(es.paths.sigma > 10.0, "{}", es.paths.sigma);
    }
}

//! What full and separable CMA-ES share: the choice of members, evolution paths, step size and stops.

use super::cma_rates::Rates;
use super::strategy::Precision;
use super::{Ranked, State, StopReason, StrategyError};

/// Step size and evolution paths, named as in the tutorial.
pub(super) struct Paths {
    pub rates: Rates,
    /// Generations told.
    pub generation: u64,
    pub sigma: f64,
    first_sigma: f64,
    /// p_σ in the space of z.
    path_sigma: Vec<f64>,
    pub path_c: Vec<f64>,
    /// Best fitness of the last generations, a ring indexed by generation.
    recent_best: Vec<f64>,
    /// Best minus worst fitness of the last generation.
    spread: f64,
    /// Logarithm of the factors that went from C to σ so far.
    absorbed: f64,
}

/// Members with a weight other than 0, best first.
pub(super) struct Chosen {
    pub members: Vec<(usize, f64)>,
    /// How many have a positive weight; they are the first ones, and their weights sum to 1 unless members failed.
    pub parents: usize,
}

impl Paths {
    pub fn new(rates: Rates, dimension: usize, sigma: f64) -> Self {
        Self {
            generation: 0,
            sigma,
            first_sigma: sigma,
            path_sigma: vec![0.0; dimension],
            path_c: vec![0.0; dimension],
            recent_best: vec![0.0; rates.history],
            spread: 0.0,
            absorbed: 0.0,
            rates,
        }
    }

    /// Failed members never get a positive weight.
    pub fn choose(&mut self, ranked: &Ranked) -> Chosen {
        if let Some(parents) = ranked.parents() {
            self.rates = self.rates.with_parents(parents);
        }
        let ranks = ranked.order().iter().copied().zip(self.rates.weights.iter().copied()).enumerate();
        let members: Vec<(usize, f64)> = ranks
            .filter(|&(rank, (_, weight))| weight < 0.0 || (weight > 0.0 && rank < ranked.valid()))
            .map(|(_, pair)| pair)
            .collect();
        Chosen { parents: members.partition_point(|&(_, weight)| weight > 0.0), members }
    }

    /// Moves the paths by the weighted means of the parents' z and y, and changes the step size. Returns the part
    /// of the covariance that is kept.
    pub fn advance(
        &mut self,
        fitness: &[f64],
        ranked: &Ranked,
        chosen: &Chosen,
        mean_z: &[f64],
        mean_y: &[f64],
    ) -> f64 {
        let (r, order) = (&self.rates, ranked.order());
        let gain = (r.c_sigma * (2.0 - r.c_sigma) * r.mu_eff).sqrt();
        for (path, z) in self.path_sigma.iter_mut().zip(mean_z) {
            *path = (1.0 - r.c_sigma) * *path + gain * z;
        }
        let length = norm_squared(&self.path_sigma).sqrt();
        let told = self.generation as f64 + 1.0;
        let settled = (1.0 - libm::pow(1.0 - r.c_sigma, 2.0 * told)).sqrt();
        let moving = length / settled < (1.4 + 2.0 / (mean_z.len() as f64 + 1.0)) * r.chi;
        let h = if moving { 1.0 } else { 0.0 };
        let gain = h * (r.c_c * (2.0 - r.c_c) * r.mu_eff).sqrt();
        for (path, y) in self.path_c.iter_mut().zip(mean_y) {
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

        let slot = (self.generation % self.recent_best.len() as u64) as usize;
        self.recent_best[slot] = fitness[order[0]];
        self.spread = fitness[order[0]] - fitness[order[order.len() - 1]];
        self.generation += 1;
        let total: f64 = chosen.members.iter().map(|(_, weight)| weight).sum();
        1.0 + r.c_1 * (1.0 - h) * r.c_c * (2.0 - r.c_c) - r.c_1 - r.c_mu * total
    }

    /// σ and C drift apart on plateaus; the same distribution with C near 1 cannot underflow. Returns what to divide
    /// a covariance of this mean variance by: itself if it is far from 1, else 1.
    pub fn absorb(&mut self, variance: f64) -> f64 {
        if (1e-6..1e6).contains(&variance) || !(variance > 0.0 && variance.is_finite()) {
            return 1.0;
        }
        let root = variance.sqrt();
        self.sigma *= root;
        self.absorbed += libm::log(root);
        self.path_c.iter_mut().for_each(|value| *value /= root);
        variance
    }

    /// From the mean, the standard deviation of each coordinate, and those of the longest and the shortest axis
    /// without σ.
    pub fn stop_reason(
        &self,
        mean: &[f64],
        deviation: impl Fn(usize) -> f64,
        (longest, shortest): (f64, f64),
        precision: Precision,
    ) -> Option<StopReason> {
        let coordinates = 0..mean.len();
        let small = 1e-12 * self.first_sigma;
        let tiny = |i: usize| deviation(i) < small && (self.sigma * self.path_c[i]).abs() < small;
        if coordinates.clone().all(tiny) {
            return Some(StopReason::TolX);
        }
        if coordinates.clone().any(|i| deviation(i) > 1e4 * self.first_sigma) {
            return Some(StopReason::TolXUp);
        }
        let highest = self.recent_best.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let lowest = self.recent_best.iter().copied().fold(f64::INFINITY, f64::min);
        let seen = self.generation >= self.recent_best.len() as u64;
        if seen && highest - lowest < 1e-12 && self.spread < 1e-12 {
            return Some(StopReason::TolFun);
        }
        // σ by itself, as if nothing had gone from C to it.
        let grown = libm::log(self.sigma / (self.first_sigma * longest)) - 2.0 * self.absorbed;
        if grown > 20.0 * std::f64::consts::LN_10 {
            return Some(StopReason::TolUpSigma);
        }
        if longest > 1e7 * shortest {
            return Some(StopReason::Condition);
        }
        let stuck = |i: usize| unchanged(mean[i], 0.2 * deviation(i), precision);
        coordinates.clone().any(stuck).then_some(StopReason::NoEffectCoord)
    }

    pub fn save(&self, state: &mut State) {
        let n = self.path_c.len();
        state.set_real("sigma", self.sigma);
        state.set_real("spread", self.spread);
        if self.absorbed != 0.0 {
            state.set_real("absorbed", self.absorbed);
        }
        state.set_f64("path_sigma", &[n], &self.path_sigma);
        state.set_f64("path_c", &[n], &self.path_c);
        state.set_f64("recent_best", &[self.recent_best.len()], &self.recent_best);
    }

    /// Takes over a saved state, or leaves everything as it is.
    pub fn restore(&mut self, state: &State) -> Result<(), StrategyError> {
        let n = self.path_c.len();
        let (generation, sigma) = (state.integer("generation")?, state.real("sigma")?);
        let spread = state.real("spread")?;
        let absorbed = state.reals.get("absorbed").copied().unwrap_or(0.0);
        let vector = |name: &str, length| state.f64(name, &[length]).map(<[f64]>::to_vec);
        let paths = (vector("path_sigma", n)?, vector("path_c", n)?);
        self.recent_best = vector("recent_best", self.recent_best.len())?;
        (self.path_sigma, self.path_c) = paths;
        (self.generation, self.sigma, self.spread) = (generation, sigma, spread);
        self.absorbed = absorbed;
        Ok(())
    }
}

/// Whether a step does not show in members of a precision.
pub(super) fn unchanged(mean: f64, step: f64, precision: Precision) -> bool {
    precision.round(mean + step) == precision.round(mean)
}

pub(super) fn norm_squared(x: &[f64]) -> f64 {
    x.iter().map(|v| v * v).sum()
}

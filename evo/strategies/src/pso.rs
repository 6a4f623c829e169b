//! PSO, particle swarm optimisation: "Particle Swarm Optimization" (Kennedy and Eberhart 1995), with the inertia of Shi
//! and Eberhart (1998) and the coefficients of Clerc and Kennedy, "The Particle Swarm – Explosion, Stability, and
//! Convergence in a Multidimensional Complex Space", IEEE Transactions on Evolutionary Computation 6, 2002.
//!
//! Each of λ particles x has a velocity v and the best place p that it has seen; g is the best of these:
//!
//! v ← w v + c₁ r₁ (p − x) + c₂ r₂ (g − x),  x ← x + v
//!
//! with r₁ and r₂ uniform in \[0, 1). Velocities start at 0.

use rand::RngExt as _;
use serde::{Deserialize, Serialize};

use super::breed::{self, Bred, Breed, Kept, Told};
use super::noise::Noise;
use super::{FieldInfo, Memory, Settings, State, Strategy, StrategyError, StrategyInfo, check};

/// Settings of PSO.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PsoConfig {
    /// Particles, ≥ 2.
    pub population: usize,
    /// Standard deviation of the first places around the start, parameter units; > 0.
    pub sigma: f64,
    /// w, the part of its velocity that a particle keeps; from 0, below 1.
    pub inertia: f64,
    /// c₁, pull to the particle's own best place; ≥ 0.
    pub cognitive: f64,
    /// c₂, pull to the best place of all; ≥ 0.
    pub social: f64,
    /// Whether all coordinates of a particle share r₁ and r₂. The search then does not depend on the axes, but each
    /// particle stays in the space that its places so far span.
    pub shared_draws: bool,
}

impl Default for PsoConfig {
    fn default() -> Self {
        let pull = 1.496_18;
        Self {
            population: 64,
            sigma: 0.5,
            inertia: 0.729_84,
            cognitive: pull,
            social: pull,
            shared_draws: false,
        }
    }
}

pub(super) const INFO: StrategyInfo = StrategyInfo {
    name: "pso",
    config: "Pso",
    summary: "particles fly towards the best places that they and all have seen; O(λn) memory",
    reference: "Kennedy and Eberhart 1995; Clerc and Kennedy 2002",
    fields: &[
        FieldInfo::new("population", "members", "64", "≥ 2"),
        FieldInfo::new("sigma", "parameter units", "0.5", "> 0"),
        FieldInfo::new("inertia", "1", "0.72984", "≥ 0, < 1"),
        FieldInfo::new("cognitive", "1", "1.49618", "≥ 0"),
        FieldInfo::new("social", "1", "1.49618", "≥ 0"),
        FieldInfo::new("shared_draws", "", "false", "true or false"),
    ],
};

impl Settings for PsoConfig {
    fn info(&self) -> &'static StrategyInfo {
        &INFO
    }

    fn validate(&self) -> Result<(), StrategyError> {
        check::at_least_two(INFO.name, Some(self.population))?;
        check::positive(INFO.name, "sigma", self.sigma)?;
        check::fraction(INFO.name, "inertia", self.inertia)?;
        check::at_least_zero(INFO.name, "cognitive", self.cognitive)?;
        check::at_least_zero(INFO.name, "social", self.social)
    }

    fn memory(&self, parameters: usize) -> Result<Memory, StrategyError> {
        Ok(breed::memory(parameters, 4 * self.population))
    }

    fn build(&self, x0: &[f64], seed: u64) -> Result<Box<dyn Strategy>, StrategyError> {
        let (population, zeros) = (self.population, vec![0.0; self.population * x0.len()]);
        let breed = Pso { config: self.clone(), places: zeros.clone(), velocities: zeros, n: x0.len() };
        Ok(Bred::boxed((population, population), (x0, self.sigma), seed, breed))
    }
}

/// Of all particles, one after another. What is kept are their best places.
struct Pso {
    config: PsoConfig,
    n: usize,
    places: Vec<f64>,
    velocities: Vec<f64>,
}

impl Breed for Pso {
    fn child(&self, kept: &Kept, noise: &Noise, member: usize, out: &mut [f64]) {
        let Self { config, n, .. } = self;
        let (own, best) = (kept.row(member), kept.row(kept.best()));
        let mut stream = noise.stream(member);
        let mut draw = || [stream.random::<f64>(), stream.random::<f64>()];
        let shared = config.shared_draws.then(&mut draw);
        for (j, out) in out.iter_mut().enumerate() {
            let (x, v) = (self.places[member * n + j], self.velocities[member * n + j]);
            let [r1, r2] = shared.unwrap_or_else(&mut draw);
            let pull = config.cognitive * r1 * (own[j] - x) + config.social * r2 * (best[j] - x);
            *out = x + (config.inertia * v + pull);
        }
    }

    fn select(&mut self, kept: &mut Kept, told: &Told<'_>) {
        let particles = self.places.chunks_mut(self.n).zip(self.velocities.chunks_mut(self.n)).enumerate();
        for ((index, (place, velocity)), (member, fitness)) in particles.zip(told.each()) {
            if told.is_first || fitness >= kept.fitness[index] {
                kept.replace(index, member, fitness);
            }
            let own = kept.row(index);
            for (j, ((x, v), &new)) in place.iter_mut().zip(velocity).zip(member).enumerate() {
                // Coefficients that let a velocity grow lead out of the numbers.
                let lost = !new.is_finite() && !told.is_first;
                *v = if lost || told.is_first { 0.0 } else { new - *x };
                *x = if lost { own[j] } else { new };
            }
        }
    }

    fn shift(&mut self, by: &[f64]) {
        for place in self.places.chunks_mut(self.n) {
            place.iter_mut().zip(by).for_each(|(x, by)| *x += by);
        }
    }

    fn save(&self, state: &mut State) {
        let shape = [self.config.population, self.n];
        state.set_f64("places", &shape, &self.places);
        state.set_f64("velocities", &shape, &self.velocities);
    }

    fn restore(&mut self, state: &State) -> Result<(), StrategyError> {
        let shape = [self.config.population, self.n];
        let places = state.f64("places", &shape)?.to_vec();
        self.velocities = state.f64("velocities", &shape)?.to_vec();
        self.places = places;
        Ok(())
    }
}

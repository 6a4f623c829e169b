//! DE, differential evolution: "Differential Evolution – A Simple and Efficient Heuristic for Global Optimization over
//! Continuous Spaces" (Storn and Price, Journal of Global Optimization 11, 1997).
//!
//! Each of λ members x meets a trial u, which takes its place if it is at least as good:
//!
//! v = a + F (b − c),  uⱼ = vⱼ if rⱼ < CR or j = j₀, else xⱼ
//!
//! with b, c members other than x and a, rⱼ uniform and j₀ one coordinate for each trial. a is the best member
//! (best/1/bin) or any other than x (rand/1/bin).

use rand::RngExt as _;
use serde::{Deserialize, Serialize};

use super::breed::{self, Bred, Breed, Kept, Told};
use super::noise::Noise;
use super::{FieldInfo, Memory, Settings, Strategy, StrategyError, StrategyInfo, check};

/// Which member a trial of DE starts from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeBase {
    /// The best one: faster, and sooner stuck in a local optimum.
    #[default]
    Best,
    /// Any other than the one to be replaced.
    Random,
}

/// Settings of DE.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeConfig {
    /// Members per generation, ≥ 4. The paper recommends 5 to 10 for each parameter.
    pub population: usize,
    /// Standard deviation of the first generation around the start, parameter units; > 0.
    pub sigma: f64,
    /// Which member a trial starts from.
    pub base: DeBase,
    /// F, the part of the difference of two members that is added; > 0, at the most 2.
    pub weight: f64,
    /// CR, the probability that a trial takes a changed coordinate; 0 to 1.
    pub crossover: f64,
}

impl Default for DeConfig {
    fn default() -> Self {
        Self { population: 64, sigma: 0.5, base: DeBase::Best, weight: 0.8, crossover: 0.9 }
    }
}

pub(super) const INFO: StrategyInfo = StrategyInfo {
    name: "de",
    config: "De",
    summary: "differences of members are added to the best or to others, and trials replace what they beat; \
              O(λn) memory",
    reference: "Storn and Price 1997",
    fields: &[
        FieldInfo::new("population", "members", "64", "≥ 4"),
        FieldInfo::new("sigma", "parameter units", "0.5", "> 0"),
        FieldInfo::new("base", "", "Best", "Best or Random"),
        FieldInfo::new("weight", "1", "0.8", "> 0, ≤ 2"),
        FieldInfo::new("crossover", "1", "0.9", "0 to 1"),
    ],
};

impl Settings for DeConfig {
    fn info(&self) -> &'static StrategyInfo {
        &INFO
    }

    fn validate(&self) -> Result<(), StrategyError> {
        check::population(INFO.name, self.population)?;
        if self.population < 4 {
            return Err(check::error(INFO.name, "population", &self.population, "an integer ≥ 4"));
        }
        check::positive(INFO.name, "sigma", self.sigma)?;
        if !(self.weight > 0.0 && self.weight <= 2.0) {
            return Err(check::error(INFO.name, "weight", &self.weight, "a number > 0, at the most 2"));
        }
        check::probability(INFO.name, "crossover", self.crossover)
    }

    fn memory(&self, parameters: usize) -> Result<Memory, StrategyError> {
        Ok(breed::memory(parameters, 2 * self.population))
    }

    fn build(&self, x0: &[f64], seed: u64) -> Result<Box<dyn Strategy>, StrategyError> {
        Ok(Bred::boxed((self.population, self.population), (x0, self.sigma), seed, De(self.clone())))
    }
}

struct De(DeConfig);

impl Breed for De {
    fn child(&self, kept: &Kept, noise: &Noise, member: usize, out: &mut [f64]) {
        let mut stream = noise.stream(member);
        let mut other_than = |taken: &[usize]| {
            // Any of those not taken, by its place among them.
            let mut taken = taken.to_vec();
            taken.sort_unstable();
            taken.dedup();
            let place = stream.random_range(0..kept.count() - taken.len());
            taken.iter().fold(place, |index, &other| index + usize::from(index >= other))
        };
        let a = match self.0.base {
            DeBase::Best => kept.best(),
            DeBase::Random => other_than(&[member]),
        };
        let b = other_than(&[member, a]);
        let c = other_than(&[member, a, b]);
        let always = stream.random_range(0..out.len());
        let (x, a, b, c) = (kept.row(member), kept.row(a), kept.row(b), kept.row(c));
        for (j, u) in out.iter_mut().enumerate() {
            let changed = stream.random::<f64>() < self.0.crossover || j == always;
            *u = if changed { a[j] + self.0.weight * (b[j] - c[j]) } else { x[j] };
        }
    }

    fn select(&mut self, kept: &mut Kept, told: &Told<'_>) {
        for (index, (member, fitness)) in told.each().enumerate() {
            if told.is_first || fitness >= kept.fitness[index] {
                kept.replace(index, member, fitness);
            }
        }
    }
}

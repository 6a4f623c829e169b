//! EC, evolving connectivity: "Evolving Connectivity for Recurrent Spiking Neural Networks" (Wang, Sun, Cheng and Song
//! 2023, arXiv 2305.17650), for binary parameters.
//!
//! The search distribution is a probability p per parameter; a member draws each parameter as 1 with probability
//! p, else 0. A binary controller connects where a parameter is above ½, so the mean p is the most likely
//! network. With the rank-shaped fitness F of λ members x, the paper estimates the natural gradient of the
//! expected fitness as
//!
//! g = 1/λ · Σ Fₖ (xₖ − p)
//!
//! (the gradient is Σ F (x − p)/(p(1 − p))/λ, and p(1 − p) is the inverse Fisher information). The optimizer's step
//! along g is followed by clipping to \[`min`, 1 − `min`\]. Members are drawn again wherever they are needed: O(n)
//! memory.
//!
//! `trust_region` can bound the step further.
//!
//! Differences from the paper's code: ties share their average rank, and the population that scores the most
//! likely network is not part of the strategy.

use serde::{Deserialize, Serialize};

use super::noise::Noise;
use super::optimizer::{self, Optimizer};
use super::random::bernoulli_limit;
use super::settings::MAX_POPULATION;
use super::trust_region::TrustRegion;
use super::{
    FieldInfo, OptimizerConfig, Ranked, Schedule, Settings, Shaping, State, Strategy, StrategyError,
    StrategyInfo, check, schedule, shaping,
};

/// Settings of EC.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EcConfig {
    /// Members per generation; ≥ 1.
    pub population: usize,
    /// Largest number of members per generation, if generations grow by pairs (`rollout.min_steps`): an even
    /// number ≥ `population`. With `None`, all generations have `population` members.
    pub max_population: Option<usize>,
    /// Probability of every parameter at the start of a run, in \[`min`, 1 − `min`\]. Ignored by a warm start,
    /// which takes the probabilities of another run.
    pub start: f64,
    /// Smallest probability of a 1 and of a 0, in (0, ½), because a value that is never drawn can never be
    /// learned.
    pub min: f64,
    /// Optimizer that makes a step from the gradient.
    pub optimizer: OptimizerConfig,
    /// Factor on the learning rate over the run.
    pub schedule: Schedule,
    /// p loses the fraction learning rate × `weight_decay` per generation, ≥ 0; makes networks sparse.
    pub weight_decay: f64,
    /// How fitness becomes the weights of members.
    pub shaping: Shaping,
    /// Bound on the change of the distribution per generation; `None` is no bound.
    pub trust_region: Option<TrustRegion>,
}

impl Default for EcConfig {
    fn default() -> Self {
        Self {
            population: 128,
            max_population: None,
            start: 0.5,
            min: 0.001,
            optimizer: OptimizerConfig::adam(0.15),
            schedule: Schedule::Constant,
            weight_decay: 0.0,
            shaping: Shaping::CentredRanks,
            trust_region: None,
        }
    }
}

pub(super) const INFO: StrategyInfo = StrategyInfo {
    name: "ec",
    config: "Ec",
    summary: "searches the probabilities of binary parameters (connections); O(n) memory",
    reference: "Wang et al. 2023, arXiv 2305.17650; trust region after Li et al. 2026, arXiv 2601.21572",
    fields: &[
        FieldInfo::new("population", "members", "128", "≥ 1"),
        MAX_POPULATION,
        FieldInfo::new("start", "probability", "0.5", "in [min, 1 - min]"),
        FieldInfo::new("min", "probability", "0.001", "in (0, 0.5)"),
        FieldInfo::new(
            "optimizer",
            "",
            "Adam(learning_rate: 0.15, beta1: 0.9, beta2: 0.999, epsilon: 1e-8)",
            optimizer::RANGE,
        ),
        schedule::RATE,
        FieldInfo::new("weight_decay", "1", "0.0", "≥ 0"),
        FieldInfo::new("shaping", "", "CentredRanks", shaping::RANGE),
        FieldInfo::new("trust_region", "", "None", "None or Satr(kl_per_energy), nats, 0.5 by default, > 0"),
    ],
};

impl Settings for EcConfig {
    fn info(&self) -> &'static StrategyInfo {
        &INFO
    }

    fn validate(&self) -> Result<(), StrategyError> {
        let name = INFO.name;
        check::population(name, self.population)?;
        check::max_population(name, self.population, self.max_population)?;
        if !(self.min > 0.0 && self.min < 0.5) {
            return Err(check::error(name, "min", &self.min, "a number in (0, 0.5)"));
        }
        if !(self.min..=1.0 - self.min).contains(&self.start) {
            return Err(check::error(name, "start", &self.start, "a number in [min, 1 - min]"));
        }
        self.optimizer.validate(name)?;
        self.schedule.validate(name, "schedule")?;
        check::at_least_zero(name, "weight_decay", self.weight_decay)?;
        match self.trust_region {
            Some(region) => region.validate(name),
            None => Ok(()),
        }
    }

    fn max_population(&self) -> Option<usize> {
        self.max_population
    }

    fn start(&self, initial: Vec<f64>) -> Vec<f64> {
        vec![self.start; initial.len()]
    }

    fn build(&self, x0: &[f64], seed: u64) -> Result<Box<dyn Strategy>, StrategyError> {
        if let Some(index) = x0.iter().position(|x| !(0.0..=1.0).contains(x)) {
            let (strategy, value, expected) = (INFO.name, x0[index], "probability");
            return Err(StrategyError::Start { strategy, index, value, expected });
        }
        Ok(Box::new(Ec {
            config: self.clone(),
            noise: Noise::new(seed),
            p: x0.iter().map(|p| p.clamp(self.min, 1.0 - self.min)).collect(),
            limits: Vec::new(),
            optimizer: Optimizer::new(self.optimizer, x0.len()),
        }))
    }
}

struct Ec {
    config: EcConfig,
    noise: Noise,
    p: Vec<f64>,
    /// p of the asked generation as the draws compare with it.
    limits: Vec<u32>,
    optimizer: Optimizer,
}

impl Ec {
    /// g.
    fn gradient(&self, shaped: &[f64]) -> Vec<f32> {
        let weights: Vec<f32> = shaped.iter().map(|f| (f / shaped.len() as f64) as f32).collect();
        let total: f64 = weights.iter().map(|&w| f64::from(w)).sum();
        let mut gradient = self.noise.weighted_bernoulli(&weights, &self.limits);
        for (g, p) in gradient.iter_mut().zip(&self.p) {
            *g = (f64::from(*g) - total * p) as f32;
        }
        gradient
    }
}

impl Strategy for Ec {
    fn population(&self) -> usize {
        self.config.population
    }

    fn max_population(&self) -> usize {
        self.config.max_population.unwrap_or(self.config.population)
    }

    fn dimension(&self) -> usize {
        self.p.len()
    }

    fn ask(&mut self, generation: u64) {
        self.noise.ask(generation);
        self.limits.clear();
        self.limits.extend(self.p.iter().map(|&p| bernoulli_limit(p)));
    }

    fn members(&self, first: usize, out: &mut [f64]) {
        let mut draws = vec![0.0; self.p.len()];
        for (index, row) in (first..).zip(out.chunks_mut(self.p.len())) {
            self.noise.bernoulli(index, &self.limits, &mut draws);
            row.iter_mut().zip(&draws).for_each(|(x, &draw)| *x = f64::from(draw));
        }
    }

    fn members_f32(&self, first: usize, out: &mut [f32]) {
        for (index, row) in (first..).zip(out.chunks_mut(self.p.len())) {
            self.noise.bernoulli(index, &self.limits, row);
        }
    }

    fn tell(&mut self, fitness: &[f64], ranked: &Ranked) {
        let shaped = self.config.shaping.apply(fitness, ranked);
        let gradient = self.gradient(&shaped);
        let mut next = self.p.clone();
        let factor = self.config.schedule.factor(self.noise.generation());
        self.optimizer.step(&mut next, &gradient, factor, self.config.weight_decay);
        for p in &mut next {
            *p = p.clamp(self.config.min, 1.0 - self.config.min);
        }
        if let Some(region) = self.config.trust_region {
            region.shorten(&self.p, &mut next, &gradient, &shaped);
        }
        self.p = next;
    }

    fn mean(&self) -> &[f64] {
        &self.p
    }

    fn shift(&mut self, by: &[f64]) {
        let (low, high) = (self.config.min, 1.0 - self.config.min);
        self.p.iter_mut().zip(by).for_each(|(p, by)| *p = (*p + by).clamp(low, high));
    }

    /// Standard deviation of a draw, root mean square.
    fn sigma(&self) -> f64 {
        (self.p.iter().map(|p| p * (1.0 - p)).sum::<f64>() / self.p.len() as f64).sqrt()
    }

    fn state(&self) -> State {
        let mut state = State::default();
        self.noise.save(&mut state);
        state.set_integer("population", self.config.population as u64);
        state.set_f64("p", &[self.p.len()], &self.p);
        self.optimizer.save(&mut state);
        state
    }

    fn restore(&mut self, state: &State) -> Result<(), StrategyError> {
        state.expect("population", self.config.population as u64)?;
        let noise = self.noise.loaded(state)?;
        let p = state.f64("p", &[self.p.len()])?.to_vec();
        self.optimizer.restore(state)?;
        (self.noise, self.p) = (noise, p);
        Ok(())
    }
}

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
//! The optional trust region is that of "Signal-Adaptive Trust Regions" (Li et al. 2026, arXiv 2601.21572), whose
//! abstract says: the relative change is constrained by bounding the KL divergence normalised by an estimated
//! signal energy. Its formulas were not at hand; what is done here is a reconstruction:
//!
//! KL(new ‖ old) ≤ `kl_per_energy` · max(0, Σ g²/(p(1 − p)) − n · mean(F²)/λ),
//!
//! with the Bernoulli KL divergence summed over the n parameters. The energy is the squared Fisher length of g
//! minus what is expected of it when fitness does not depend on the parameters. A longer step keeps its direction
//! and is shortened to the bound; a generation that shows no signal moves nothing.
//!
//! Differences from the paper's code: ties share their average rank, and the population that scores the most
//! likely network is not part of the strategy.

use serde::{Deserialize, Serialize};

use super::noise::Noise;
use super::optimizer::{self, Optimizer};
use super::{
    FieldInfo, OptimizerConfig, Ranked, Settings, Shaping, State, Strategy, StrategyError, StrategyInfo,
    check, shaping,
};
use crate::random::bernoulli_limit;

/// Settings of EC.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EcConfig {
    /// Members per generation; ≥ 1.
    pub population: usize,
    /// Probability of every parameter at the start of a run, in \[`min`, 1 − `min`\]. Ignored by a warm start,
    /// which takes the probabilities of another run.
    pub start: f64,
    /// Smallest probability of a 1 and of a 0, in (0, ½): what is never drawn can never be learned.
    pub min: f64,
    /// What makes a step from the gradient.
    pub optimizer: OptimizerConfig,
    /// Part of p lost per generation is learning rate × this, ≥ 0; makes networks sparse.
    pub weight_decay: f64,
    /// From fitness to weights.
    pub shaping: Shaping,
    /// Bound on the change of the distribution per generation; `None` is no bound.
    pub trust_region: Option<TrustRegion>,
}

/// A bound on the change of the distribution per generation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum TrustRegion {
    /// In proportion to the signal of the generation (SATR; a reconstruction, see the strategy's source).
    Satr {
        /// KL divergence allowed per unit of signal energy, nats; > 0.
        #[serde(default = "kl_per_energy")]
        kl_per_energy: f64,
    },
}

fn kl_per_energy() -> f64 {
    0.5
}

impl Default for EcConfig {
    fn default() -> Self {
        Self {
            population: 128,
            start: 0.5,
            min: 0.001,
            optimizer: OptimizerConfig::adam(0.15),
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
        FieldInfo::new("start", "probability", "0.5", "in [min, 1 - min]"),
        FieldInfo::new("min", "probability", "0.001", "in (0, 0.5)"),
        FieldInfo::new(
            "optimizer",
            "",
            "Adam(learning_rate: 0.15, beta1: 0.9, beta2: 0.999, epsilon: 1e-8)",
            optimizer::RANGE,
        ),
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
        if !(self.min > 0.0 && self.min < 0.5) {
            return Err(check::error(name, "min", &self.min, "a number in (0, 0.5)"));
        }
        if !(self.min..=1.0 - self.min).contains(&self.start) {
            return Err(check::error(name, "start", &self.start, "a number in [min, 1 - min]"));
        }
        self.optimizer.validate(name)?;
        check::at_least_zero(name, "weight_decay", self.weight_decay)?;
        match self.trust_region {
            Some(TrustRegion::Satr { kl_per_energy }) => {
                check::positive(name, "trust_region.kl_per_energy", kl_per_energy)
            }
            None => Ok(()),
        }
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
    /// The signal in g: its squared length by the Fisher information, without the part that noise alone has.
    fn energy(&self, gradient: &[f32], shaped: &[f64]) -> f64 {
        let square = |(g, p): (&f32, &f64)| f64::from(g * g) / (p * (1.0 - p));
        let length: f64 = gradient.iter().zip(&self.p).map(square).sum();
        let members = shaped.len() as f64;
        let noise = shaped.iter().map(|f| f * f).sum::<f64>() / (members * members);
        (length - self.p.len() as f64 * noise).max(0.0)
    }

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

    fn dimension(&self) -> usize {
        self.p.len()
    }

    fn ask(&mut self, generation: u64) {
        self.noise.ask(generation);
        self.limits.clear();
        self.limits.extend(self.p.iter().map(|&p| bernoulli_limit(p)));
    }

    fn members(&self, first: usize, out: &mut [f32]) {
        for (index, row) in (first..).zip(out.chunks_mut(self.p.len())) {
            self.noise.bernoulli(index, &self.limits, row);
        }
    }

    fn tell(&mut self, fitness: &[f64], ranked: &Ranked) {
        let shaped = self.config.shaping.apply(fitness, ranked);
        let gradient = self.gradient(&shaped);
        let mut next = self.p.clone();
        self.optimizer.step(&mut next, &gradient, 1.0, self.config.weight_decay);
        for p in &mut next {
            *p = p.clamp(self.config.min, 1.0 - self.config.min);
        }
        if let Some(TrustRegion::Satr { kl_per_energy }) = self.config.trust_region {
            shorten(&self.p, &mut next, kl_per_energy * self.energy(&gradient, &shaped));
        }
        self.p = next;
    }

    fn mean(&self, out: &mut [f32]) {
        for (x, &p) in out.iter_mut().zip(&self.p) {
            *x = p as f32;
        }
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

/// KL(`old` + part · (`new` − `old`) ‖ `old`) of independent draws, nats.
fn divergence(old: &[f64], new: &[f64], part: f64) -> f64 {
    let term = |(&p, &q): (&f64, &f64)| {
        let step = part * (q - p);
        (p + step) * libm::log1p(step / p) + (1.0 - p - step) * libm::log1p(-step / (1.0 - p))
    };
    old.iter().zip(new).map(term).sum()
}

/// Moves `new` toward `old` until its divergence from there is at most `bound`, and at least 0.9 of it.
fn shorten(old: &[f64], new: &mut [f64], bound: f64) {
    let root = bound.sqrt();
    let (mut low, mut at_low) = (0.0, 0.0);
    let (mut high, mut at_high) = (1.0, divergence(old, new, 1.0).max(0.0).sqrt());
    if at_high <= root {
        return;
    }
    // The root of the divergence is nearly proportional to the step, so the secant is soon there.
    for _ in 0..50 {
        if at_low >= 0.95 * root {
            break;
        }
        let part = low + (high - low) * ((0.98 * root - at_low) / (at_high - at_low)).clamp(0.01, 0.99);
        let at = divergence(old, new, part).max(0.0).sqrt();
        if at <= root {
            (low, at_low) = (part, at);
        } else {
            (high, at_high) = (part, at);
        }
    }
    for (q, p) in new.iter_mut().zip(old) {
        *q = p + low * (*q - p);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divergence_is_that_of_bernoulli_draws() {
        let expected = 0.8 * (0.8_f64 / 0.5).ln() + 0.2 * (0.2_f64 / 0.5).ln();
        assert!((divergence(&[0.5, 0.3], &[0.8, 0.3], 1.0) - expected).abs() < 1e-15);
        assert!((divergence(&[0.5], &[1.1], 0.5) - expected).abs() < 1e-15);
        assert_eq!(divergence(&[0.2, 0.9], &[0.3, 0.7], 0.0), 0.0);
    }

    #[test]
    fn a_long_step_is_shortened_to_the_bound_and_a_short_one_left_alone() {
        let old = [0.5, 0.001, 0.999, 0.3];
        let far = [0.9, 0.5, 0.001, 0.31];
        for bound in [1e-9, 1e-3, 0.1, 2.0] {
            let mut new = far;
            shorten(&old, &mut new, bound);
            let moved = divergence(&old, &new, 1.0);
            assert!(moved <= bound * (1.0 + 1e-9) && moved >= 0.9 * bound, "{moved} of {bound}");
            // The direction stays.
            let part = (new[0] - old[0]) / (far[0] - old[0]);
            for i in 1..4 {
                assert!((new[i] - old[i] - part * (far[i] - old[i])).abs() < 1e-15);
            }
        }
        let mut new = far;
        shorten(&old, &mut new, divergence(&old, &far, 1.0));
        assert_eq!(new, far);
        shorten(&old, &mut new, 0.0);
        assert_eq!(new, old);
    }
}

//! How far steps of the mean go, and how far along the gradient, in units of the noise.
//!
//! Everything is measured where the noise is standard normal: coordinates are divided by their deviations σᵢ, so the
//! radius of the noise is √n. There the step of a generation is s = Δμ/σ, and its length |s|/√n.
//!
//! How much of s points along the gradient g cannot be seen from the data it was made of, since these hold the same
//! noise. So it is judged by the next generation, whose pairs are split into two halves with the estimates a and b of g:
//! a·b is an estimate of |g|² without bias, and s·(a + b)/2 is one of s·g. With means E over about the last 20
//! generations,
//!
//! along = E\[s·(a + b)/2\] / √(E\[a·b\] n).
//!
//! The estimates are g = 1/m Σ ½(F⁺ − F⁻) ε over m pairs (1/m Σ F ε without pairs), with centred ranks F.

use super::{Halves, Ranked, State, Strategy, StrategyError};

/// Generations over which the gradient is averaged.
const MEMORY: u64 = 20;

/// Steps of the mean, as parts of the radius of the noise (σ √n, where all coordinates have the deviation σ).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Steps {
    /// Length of the last step.
    pub length: f64,
    /// How far a step goes along the gradient, on average over the last generations; none as long as the gradient
    /// cannot be told from noise (an estimate of its square below two standard errors), and for strategies whose
    /// coordinates are not independent normals.
    pub along: Option<f64>,
}

/// What is known of steps and gradients so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Measure {
    /// Step of the generation before.
    last: Vec<f64>,
    length: f64,
    count: u64,
    /// Means of s·g, of |g|², and the variance of the latter without a gradient.
    product: f64,
    signal: f64,
    variance: f64,
}

/// The distribution before an update.
pub(super) struct Before {
    mean: Vec<f64>,
    deviations: Vec<f64>,
}

impl Measure {
    /// Judges the step before by the generation that is about to be told.
    pub fn judge(&mut self, strategy: &dyn Strategy, fitness: &[f64], ranked: &Ranked) -> Before {
        if let Some(Halves { estimates: [a, b], variances }) = strategy.halves(&ranked.centred(fitness)) {
            let dot = |a: &[f32], b: &[f32]| -> f64 {
                a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
            };
            let along =
                |half: &[f32]| -> f64 { self.last.iter().zip(half).map(|(s, &g)| s * f64::from(g)).sum() };
            let product = 0.5 * (along(&a) + along(&b));
            // Of the first generation there is no step yet.
            let first = self.last.is_empty();
            self.count = (self.count + 1).min(MEMORY);
            let part = 1.0 / self.count as f64;
            let step_part = if self.count > 1 && !first { 1.0 / (self.count - 1) as f64 } else { 0.0 };
            self.product += step_part * (product - self.product);
            self.signal += part * (dot(&a, &b) - self.signal);
            let variance = a.len() as f64 * variances[0] * variances[1];
            self.variance = (1.0 - part) * (1.0 - part) * self.variance + part * part * variance;
        }
        let sigma = strategy.sigma();
        let deviations =
            strategy.deviations().map_or_else(|| vec![sigma; strategy.dimension()], <[f64]>::to_vec);
        Before { mean: strategy.mean().to_vec(), deviations }
    }

    /// Takes note of the step that was made.
    pub fn step(&mut self, strategy: &dyn Strategy, before: &Before) {
        let coordinates = strategy.mean().iter().zip(&before.mean).zip(&before.deviations);
        self.last.clear();
        self.last.extend(coordinates.map(|((after, before), deviation)| (after - before) / deviation));
        let square: f64 = self.last.iter().map(|s| s * s).sum();
        self.length = (square / self.last.len() as f64).sqrt();
    }

    /// None before the first step.
    pub fn steps(&self) -> Option<Steps> {
        if self.last.is_empty() {
            return None;
        }
        let clear = self.count > 1 && self.signal > 2.0 * self.variance.sqrt();
        let n = self.last.len() as f64;
        Some(Steps { length: self.length, along: clear.then(|| self.product / (self.signal * n).sqrt()) })
    }

    pub fn save(&self, state: &mut State) {
        state.set_f64("steps.last", &[self.last.len()], &self.last);
        state.set_integer("steps.count", self.count);
        let reals = [("length", self.length), ("product", self.product), ("signal", self.signal)];
        for (name, value) in reals.into_iter().chain([("variance", self.variance)]) {
            state.set_real(&format!("steps.{name}"), value);
        }
    }

    /// That of a saved state of a search over `n` parameters.
    pub fn saved(state: &State, n: usize) -> Result<Self, StrategyError> {
        let count = state.integer("steps.count")?;
        let last = state.f64("steps.last", &[0]).or_else(|_| state.f64("steps.last", &[n]))?.to_vec();
        let real = |name: &str| state.real(&format!("steps.{name}"));
        let (length, product) = (real("length")?, real("product")?);
        Ok(Self { last, length, count, product, signal: real("signal")?, variance: real("variance")? })
    }
}

//! How far steps of the mean go, and how far along the gradient, in units of the noise.
//!
//! Everything is measured where the noise is standard normal: coordinates are divided by their deviations σᵢ, so the
//! radius of the noise is √n. There the step of a generation is s = Δμ/σ, and its length |s|/√n.
//!
//! The gradient g is known from the generation's data alone, as h = Σ wₖ εₖ with the weights w of the draws ε. A step
//! made of h holds the noise of h, too, so s·h and |h|² say too much. What is too much is known: with V = Σ wₖ², which is
//! the variance of each coordinate of h, |h|² − nV is without bias (all products wⱼwₖ εⱼ·εₖ of *different* draws: each
//! pair is judged by the others), and by Stein's lemma so is s·h − V Σ ∂sᵢ/∂hᵢ. With means E over about the last 20
//! generations,
//!
//! along = E\[s·h − V Σ ∂sᵢ/∂hᵢ\] / √(E\[|h|² − nV\] n).

use super::{Evidence, State, Strategy, StrategyError};

/// Generations over which the gradient is averaged.
const MEMORY: u64 = 20;

/// Steps of the mean, as parts of the radius of the noise (σ √n, where all coordinates have the deviation σ).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Steps {
    /// Length of the last step.
    pub length: f64,
    /// How far a step goes along the gradient, on average over the last generations; none as long as the gradient
    /// cannot be told from noise (an estimate of its square below two standard errors), and for strategies that give no
    /// [`Evidence`].
    pub along: Option<f64>,
}

/// What is known of steps and gradients so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Measure {
    /// Of the last step.
    length: Option<f64>,
    count: u64,
    evidence: Evidence,
}

/// The distribution before an update.
pub(super) struct Before {
    mean: Vec<f64>,
    deviations: Vec<f64>,
}

impl Before {
    pub fn of(strategy: &dyn Strategy) -> Self {
        let deviations = match strategy.deviations() {
            Some(deviations) => deviations.to_vec(),
            None => vec![strategy.sigma(); strategy.dimension()],
        };
        Self { mean: strategy.mean().to_vec(), deviations }
    }
}

impl Measure {
    /// Takes note of the step that was made.
    pub fn take(&mut self, strategy: &dyn Strategy, before: &Before) {
        let coordinates = strategy.mean().iter().zip(&before.mean).zip(&before.deviations);
        let square: f64 = coordinates.map(|((after, before), d)| ((after - before) / d).powi(2)).sum();
        self.length = Some((square / before.mean.len() as f64).sqrt());
        let Some(evidence) = strategy.evidence() else { return };
        self.count = (self.count + 1).min(MEMORY);
        let part = 1.0 / self.count as f64;
        let mean = &mut self.evidence;
        mean.product += part * (evidence.product - mean.product);
        mean.signal += part * (evidence.signal - mean.signal);
        mean.variance = (1.0 - part) * (1.0 - part) * mean.variance + part * part * evidence.variance;
    }

    /// None before the first step.
    pub fn steps(&self, n: usize) -> Option<Steps> {
        let Evidence { signal, product, variance } = self.evidence;
        let clear = signal > 2.0 * variance.sqrt();
        Some(Steps { length: self.length?, along: clear.then(|| product / (signal * n as f64).sqrt()) })
    }

    pub fn save(&self, state: &mut State) {
        state.set_integer("steps.count", self.count);
        let Evidence { signal, product, variance } = self.evidence;
        for (name, value) in [("signal", signal), ("product", product), ("variance", variance)] {
            state.set_real(&format!("steps.{name}"), value);
        }
        if let Some(length) = self.length {
            state.set_real("steps.length", length);
        }
    }

    /// That of a saved state.
    pub fn saved(state: &State) -> Result<Self, StrategyError> {
        let real = |name: &str| state.real(&format!("steps.{name}"));
        let (signal, product, variance) = (real("signal")?, real("product")?, real("variance")?);
        let length = state.reals.get("steps.length").copied();
        let evidence = Evidence { signal, product, variance };
        Ok(Self { length, count: state.integer("steps.count")?, evidence })
    }
}

//! Learning-rate adaptation of CMA-ES: "CMA-ES with Learning Rate Adaptation: Can CMA-ES with Default Population Size
//! Solve Multimodal and Noisy Problems?" (Nomura, Akimoto and Ono, GECCO 2023, arXiv 2304.03473).
//!
//! An update of CMA-ES proposes Δm and ΔΣ, with Σ = σ²C. Only the parts η_m Δm and η_Σ ΔΣ are made. Each η follows the
//! ratio of signal to noise of the proposals, in the coordinates in which Σ is the identity: with moving averages E of
//! a proposal and V of its square,
//!
//! SNR = (|E|² − β/(2 − β) V) / (V − |E|²),  η ← min(1, η exp(min(γη, β) clip(SNR/(αη) − 1, −1, 1))).
//!
//! The constants are the paper's: α = 1.4, β_m = 0.1, β_Σ = 0.03, γ = 0.1. σ grows by the factor by which η_m
//! shrinks, and C is kept at determinant 1.
//!
//! Difference: the coordinates are those of the Cholesky factor, which CMA-ES here has anyway, instead of those of the
//! symmetric root.

use super::{State, StrategyError, linalg};

const ALPHA: f64 = 1.4;
const BETA_MEAN: f64 = 0.1;
const BETA_SHAPE: f64 = 0.03;
const GAMMA: f64 = 0.1;

/// A rate and the averages behind it.
struct Rate {
    /// β.
    beta: f64,
    /// η, at the most 1.
    eta: f64,
    /// E.
    mean: Vec<f64>,
    /// V.
    square: f64,
}

impl Rate {
    fn new(beta: f64, size: usize) -> Self {
        Self { beta, eta: 1.0, mean: vec![0.0; size], square: 0.0 }
    }

    /// Takes note of a proposal and adapts the rate.
    fn take(&mut self, proposal: &[f64]) {
        let Self { beta, eta, mean, square } = self;
        let mut length = 0.0;
        for (mean, x) in mean.iter_mut().zip(proposal) {
            *mean += *beta * (x - *mean);
            length += x * x;
        }
        *square += *beta * (length - *square);
        let signal: f64 = mean.iter().map(|x| x * x).sum();
        let ratio = (signal - *beta / (2.0 - *beta) * *square) / (*square - signal);
        // No proposal at all says nothing.
        if ratio.is_finite() {
            let relative = (ratio / (ALPHA * *eta) - 1.0).clamp(-1.0, 1.0);
            *eta = (*eta * libm::exp((GAMMA * *eta).min(*beta) * relative)).min(1.0);
        }
    }

    fn save(&self, name: &str, state: &mut State) {
        state.set_real(&format!("{name}.eta"), self.eta);
        state.set_real(&format!("{name}.square"), self.square);
        state.set_f64(&format!("{name}.mean"), &[self.mean.len()], &self.mean);
    }

    fn saved(&self, name: &str, state: &State) -> Result<Self, StrategyError> {
        let mean = state.f64(&format!("{name}.mean"), &[self.mean.len()])?.to_vec();
        let real = |what: &str| state.real(&format!("{name}.{what}"));
        Ok(Self { beta: self.beta, eta: real("eta")?, mean, square: real("square")? })
    }
}

/// A distribution of CMA-ES.
#[derive(Clone)]
pub(super) struct Distribution {
    pub mean: Vec<f64>,
    pub sigma: f64,
    /// C, upper triangle.
    pub covariance: Vec<f64>,
}

/// The rates of the mean and of Σ.
pub(super) struct LearningRates {
    mean: Rate,
    shape: Rate,
}

impl LearningRates {
    pub fn new(n: usize) -> Self {
        Self { mean: Rate::new(BETA_MEAN, n), shape: Rate::new(BETA_SHAPE, n * n) }
    }

    /// What becomes of `old`, whose covariance has this factor, where CMA-ES proposes `new`.
    pub fn between(&mut self, old: &Distribution, factor: &[f64], new: &Distribution) -> Distribution {
        let n = old.mean.len();
        let (before, now) = (old.sigma * old.sigma, new.sigma * new.sigma);
        let upper = |i: usize, j: usize| i.min(j) * n + i.max(j);
        let change = |at: usize| now * new.covariance[at] - before * old.covariance[at];

        let moved: Vec<f64> = new.mean.iter().zip(&old.mean).map(|(new, old)| new - old).collect();
        let mut local: Vec<f64> = moved.iter().map(|x| x / old.sigma).collect();
        linalg::solve_upper(&mut local, factor, n);
        let rate = self.mean.eta;
        self.mean.take(&local);

        let mut local: Vec<f64> =
            (0..n * n).map(|index| change(upper(index / n, index % n)) / before).collect();
        linalg::solve_upper(&mut local, factor, n);
        // Symmetric only after the second side.
        let mut other: Vec<f64> = (0..n * n).map(|index| local[(index % n) * n + index / n]).collect();
        linalg::solve_upper(&mut other, factor, n);
        other.iter_mut().for_each(|x| *x /= std::f64::consts::SQRT_2);
        self.shape.take(&other);

        let mean = old.mean.iter().zip(&moved).map(|(mean, by)| mean + self.mean.eta * by).collect();
        let mut covariance = vec![0.0; n * n];
        for (at, value) in covariance.iter_mut().enumerate().filter(|(at, _)| at % n >= at / n) {
            *value = before * old.covariance[at] + self.shape.eta * change(at);
        }
        // Relative to the proposal, so that nothing overflows on the way to the determinant.
        covariance.iter_mut().for_each(|x| *x /= now);
        let mut sigma = new.sigma;
        if let Some(root) = linalg::cholesky(&covariance, n) {
            let logarithm = root.iter().step_by(n + 1).map(|x| libm::log(*x)).sum::<f64>() / n as f64;
            let scale = libm::exp(logarithm);
            sigma *= scale;
            covariance.iter_mut().for_each(|x| *x /= scale * scale);
        }
        let sigma = (sigma * rate / self.mean.eta).clamp(1e-100, 1e100);
        Distribution { mean, sigma, covariance }
    }

    pub fn save(&self, state: &mut State) {
        self.mean.save("rate.mean", state);
        self.shape.save("rate.shape", state);
    }

    /// Those of a saved state.
    pub fn saved(&self, state: &State) -> Result<Self, StrategyError> {
        let (mean, shape) = (self.mean.saved("rate.mean", state)?, self.shape.saved("rate.shape", state)?);
        Ok(Self { mean, shape })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_proposal_is_made_in_full_and_a_wavering_one_in_part() {
        let (mut steady, mut wavering) = (Rate::new(0.1, 3), Rate::new(0.1, 3));
        for step in 0..200 {
            let sign = if step % 2 == 0 { 1.0 } else { -1.0 };
            steady.take(&[1.0, 0.1 * sign, 0.0]);
            wavering.take(&[0.01, sign, 0.0]);
        }
        assert_eq!(steady.eta, 1.0);
        assert!(wavering.eta < 0.3, "{}", wavering.eta);
        // Nothing proposed, nothing learned.
        let eta = wavering.eta;
        let mut idle = Rate::new(0.1, 3);
        idle.take(&[0.0; 3]);
        assert!(idle.eta == 1.0 && wavering.eta == eta);
    }
}

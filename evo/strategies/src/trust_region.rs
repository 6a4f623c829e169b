//! Trust region of a search over probabilities, after "Signal-Adaptive Trust Regions for Gradient-Free Optimization of
//! Recurrent Spiking Neural Networks" (SATR; Li et al. 2026, arXiv 2601.21572).
//!
//! The paper's abstract says: the relative change is constrained by bounding the KL divergence normalised by an
//! estimated signal energy. Its formulas were not at hand; what is done here is a reconstruction. With the gradient g
//! of λ members of shaped fitness F, in n parameters of probability p,
//!
//! KL(new ‖ old) ≤ `kl_per_energy` · max(0, Σ g²/(p(1 − p)) − n · mean(F²)/λ).
//!
//! The divergence is that of the Bernoulli draws, summed over the parameters. The energy is the squared Fisher length
//! of g minus what is expected of it when fitness does not depend on the parameters. A longer step keeps its
//! direction and is shortened to the bound; a generation that shows no signal moves nothing.

use serde::{Deserialize, Serialize};

use super::{StrategyError, check};

/// A bound on the change of the distribution per generation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum TrustRegion {
    /// Proportional to the signal of the generation (SATR; a reconstruction from the paper's abstract).
    Satr {
        /// KL divergence allowed per unit of signal energy, nats; > 0.
        #[serde(default = "kl_per_energy")]
        kl_per_energy: f64,
    },
}

fn kl_per_energy() -> f64 {
    0.5
}

impl TrustRegion {
    pub(super) fn validate(&self, strategy: &'static str) -> Result<(), StrategyError> {
        let Self::Satr { kl_per_energy } = *self;
        check::positive(strategy, "trust_region.kl_per_energy", kl_per_energy)
    }

    /// Moves the probabilities `new` toward `old` until the step is within the bound.
    pub(super) fn shorten(&self, old: &[f64], new: &mut [f64], gradient: &[f32], shaped: &[f64]) {
        let Self::Satr { kl_per_energy } = *self;
        let square = |(g, p): (&f32, &f64)| f64::from(g * g) / (p * (1.0 - p));
        let length: f64 = gradient.iter().zip(old).map(square).sum();
        let members = shaped.len() as f64;
        let noise = shaped.iter().map(|f| f * f).sum::<f64>() / (members * members);
        shorten(old, new, kl_per_energy * (length - old.len() as f64 * noise).max(0.0));
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

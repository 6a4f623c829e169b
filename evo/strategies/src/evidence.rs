//! What a generation says about the gradient.

/// What a generation says about the gradient and the step made of it, where the noise is standard normal; see the
/// formulas of `measure.rs`, whose names are used here.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Evidence {
    /// |g|², estimated without bias: |h|² − nV.
    pub signal: f64,
    /// s·g, estimated without bias: s·h − V Σ ∂sᵢ/∂hᵢ.
    pub product: f64,
    /// Variance of `signal` if fitness did not depend on the parameters: 2nV².
    pub variance: f64,
}

impl Evidence {
    /// From h, the weights of its draws, the step s, and `response` = Σ ∂sᵢ/∂hᵢ.
    pub(super) fn new(
        h: &[f32],
        weights: impl Iterator<Item = f32>,
        s: impl Iterator<Item = f64>,
        response: f64,
    ) -> Self {
        let n = h.len() as f64;
        let v: f64 = weights.map(|weight| f64::from(weight) * f64::from(weight)).sum();
        let square: f64 = h.iter().map(|&h| f64::from(h) * f64::from(h)).sum();
        let along: f64 = h.iter().zip(s).map(|(&h, s)| f64::from(h) * s).sum();
        Self { signal: square - n * v, product: along - v * response, variance: 2.0 * n * v * v }
    }
}

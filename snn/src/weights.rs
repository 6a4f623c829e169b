//! Grids of weights and currents. What is here holds for every backend.

/// Largest magnitude of a weight on the `F32` grid.
pub(crate) const LARGEST: f32 = 32.0;

/// Scale and grid of the weights of one projection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Unit {
    /// Weight per θ; in `Binary` the weight of a connection.
    pub(crate) scale: f32,
    /// Distance of neighbouring weights; 0: none.
    pub(crate) step: f32,
}

impl Unit {
    /// The nearest weight of `F32`. Steps are powers of two, so their inverses are exact.
    #[inline(always)]
    pub(crate) fn on_grid(&self, weight: f32) -> f32 {
        ((weight * (1.0 / self.step)).round_ties_even() * self.step).clamp(-LARGEST, LARGEST)
    }

    /// Puts weights that learning has changed on the grid of weights, with the sign of Dale's law
    /// unless that is 0.
    #[inline(always)]
    pub(crate) fn settle(&self, weights: &mut [f32], sign: i8) {
        if self.step > 0.0 {
            weights.iter_mut().for_each(|weight| *weight = self.on_grid(*weight));
        }
        if sign > 0 {
            weights.iter_mut().for_each(|weight| *weight = weight.max(0.0));
        } else if sign < 0 {
            weights.iter_mut().for_each(|weight| *weight = weight.min(0.0));
        }
    }
}

/// 2 to the power `exponent`, exactly.
pub(crate) const fn exp2(exponent: i32) -> f32 {
    f32::from_bits(((127 + exponent) as u32) << 23)
}

/// Drops what is below 2⁻³⁰. What fades away reaches 0 and never the numbers below 2⁻¹²⁶, which are slow
/// on a CPU and which a GPU may take for 0.
#[inline(always)]
pub(crate) fn faded(x: f32) -> f32 {
    (x * exp2(30)).trunc() * exp2(-30)
}

/// Rounds to the grid of currents, 2⁻¹².
#[inline(always)]
pub(crate) fn snap_current(current: f32) -> f32 {
    (current * 4096.0).round_ties_even() * (1.0 / 4096.0)
}

/// Scale of weights whose sum over `sources` terms of order 1 is to be of order `gain`.
pub(crate) fn gain(gain: f32, sources: usize) -> f32 {
    gain / (sources as f32).sqrt()
}

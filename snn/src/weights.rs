//! From θ to weights, in each precision. What is here holds for every backend.

use crate::config::Precision;

/// Largest magnitude of a weight on the `F32` grid.
pub(crate) const LARGEST: f32 = 32.0;
/// Steps of θ per unit in `I8`.
pub(crate) const I8_STEPS: f32 = 32.0;

/// Scale and grid of the weights of one projection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Unit {
    precision: Precision,
    /// Weight per θ; in `Binary` the weight of a connection.
    pub(crate) scale: f32,
    /// Distance of neighbouring weights; 0: none.
    pub(crate) step: f32,
}

impl Unit {
    /// `fan_in` is the number of spiking sources of the target, over all its projections.
    pub(crate) fn new(precision: Precision, scale: f32, fan_in: usize) -> Self {
        match precision {
            // A sum of `fan_in` weights up to 32 has 24 bits, so it is exact.
            Precision::F32 => {
                let step = exp2(-19) * fan_in.next_power_of_two() as f32;
                Self { precision, scale, step: step.max(exp2(-12)) }
            }
            Precision::F32Free => Self { precision, scale, step: 0.0 },
            Precision::I8 => {
                let exponent = libm::roundf(libm::log2f(scale)).clamp(-64.0, 64.0);
                let scale = if scale > 0.0 { exp2(exponent as i32) } else { 0.0 };
                Self { precision, scale, step: scale / I8_STEPS }
            }
            Precision::Binary => Self { precision, scale, step: scale },
        }
    }

    /// The weight for `theta`, with the sign of Dale's law unless that is 0.
    pub(crate) fn weight(&self, theta: f32, sign: i8) -> f32 {
        let signed = |weight: f32| if sign == 0 { weight } else { weight.abs() * f32::from(sign) };
        match self.precision {
            Precision::F32Free => signed(self.scale * theta),
            Precision::F32 => signed(self.on_grid(self.scale * theta)),
            Precision::I8 => signed((theta * I8_STEPS).round_ties_even().clamp(-127.0, 127.0)) * self.step,
            Precision::Binary => signed(if theta > 0.5 { self.scale } else { 0.0 }),
        }
    }

    /// The nearest weight of `F32`. Steps are powers of two, so their inverses are exact.
    #[inline(always)]
    fn on_grid(&self, weight: f32) -> f32 {
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

    /// A weight of an `I8` projection in steps; also of fixed weights, which lie on the grid of 2⁻¹⁶.
    pub(crate) fn steps(&self, weight: f32) -> i8 {
        if self.step > 0.0 { (weight / self.step) as i8 } else { 0 }
    }
}

/// An observation in steps of `I8`; no number is 0.
pub(crate) fn steps_of(x: f32) -> i8 {
    (x * I8_STEPS).round_ties_even().clamp(-127.0, 127.0) as i8
}

/// 2 to the power `exponent`, exactly.
const fn exp2(exponent: i32) -> f32 {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_lie_on_their_grid() {
        for fan_in in [1, 64, 128, 129, 256, 4096] {
            let unit = Unit::new(Precision::F32, 0.37, fan_in);
            for theta in [-3.0, -0.3, 0.0, 1e-3, 0.77, 40.0, 1e9] {
                let weight = unit.weight(theta, 0);
                assert_eq!((weight / unit.step).fract(), 0.0);
                assert!(weight.abs() <= LARGEST);
                // All sources at once, in steps: below 2^24.
                assert!(LARGEST / unit.step * fan_in as f32 <= 16_777_216.0);
                if theta.abs() < 10.0 {
                    assert!((weight - 0.37 * theta).abs() <= unit.step / 2.0 + 1e-6);
                }
            }
        }
        let unit = Unit::new(Precision::I8, 0.37, 64);
        assert_eq!((unit.scale, unit.step), (0.5, 0.5 / 32.0));
        assert_eq!((unit.weight(1.0, 0), unit.steps(unit.weight(1.0, 0))), (0.5, 32));
        assert_eq!(unit.steps(unit.weight(-100.0, 0)), -127);
        assert_eq!(Unit::new(Precision::I8, 0.0, 64).steps(0.0), 0);
    }

    #[test]
    fn signs_follow_dales_law() {
        for precision in [Precision::F32, Precision::F32Free, Precision::I8, Precision::Binary] {
            let unit = Unit::new(precision, 0.5, 10);
            for theta in [-2.0, 1.5] {
                assert!(unit.weight(theta, 1) >= 0.0 && unit.weight(theta, -1) <= 0.0);
            }
        }
        let unit = Unit::new(Precision::Binary, 0.5, 10);
        assert_eq!([unit.weight(0.51, -1), unit.weight(0.5, 1), unit.weight(1.0, 0)], [-0.5, 0.0, 0.5]);
    }
}

//! `F32`: 32-bit floats on a grid on which sums of spikes are exact in any order.

use numerics::wide;

use super::floats::Floats;
use super::format::{Format, signed};
use crate::weights::{Unit, exp2, snap_current};

#[derive(Debug)]
pub(super) struct Float;

impl Format for Float {
    fn name(&self) -> &'static str {
        "f32"
    }

    fn setting(&self) -> &'static str {
        "precision: F32"
    }

    fn unit(&self, scale: f32, fan_in: usize) -> Unit {
        // A sum of `fan_in` weights up to 32 has 24 bits, so it is exact.
        let step = exp2(-19) * fan_in.next_power_of_two() as f32;
        Unit { scale, step: step.max(exp2(-12)) }
    }

    fn weight(&self, unit: &Unit, theta: f32, sign: i8) -> f32 {
        signed(unit.on_grid(unit.scale * theta), sign)
    }

    fn energy(&self) -> (f64, f64) {
        (3.7 + 0.9, 0.9)
    }

    fn learns(&self) -> bool {
        true
    }

    fn round_currents(&self, sums: &mut [f32]) {
        snap(sums);
    }
}

wide! {
    fn snap(sums: &mut [f32]) {
        for sum in sums {
            *sum = snap_current(*sum);
        }
    }
}

impl Floats for Float {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::LARGEST;

    #[test]
    fn weights_lie_on_their_grid() {
        for fan_in in [1, 64, 128, 129, 256, 4096] {
            let unit = Float.unit(0.37, fan_in);
            for theta in [-3.0, -0.3, 0.0, 1e-3, 0.77, 40.0, 1e9] {
                let weight = Float.weight(&unit, theta, 0);
                assert_eq!((weight / unit.step).fract(), 0.0);
                assert!(weight.abs() <= LARGEST);
                // All sources at once, in steps: below 2^24.
                assert!(LARGEST / unit.step * fan_in as f32 <= 16_777_216.0);
                if theta.abs() < 10.0 {
                    assert!((weight - 0.37 * theta).abs() <= unit.step / 2.0 + 1e-6);
                }
            }
        }
    }
}

//! `F32Free`: 32-bit floats as they come.

use super::floats::Floats;
use super::format::{Format, signed};
use crate::weights::Unit;

#[derive(Debug)]
pub(super) struct Free;

impl Format for Free {
    fn name(&self) -> &'static str {
        "f32 free"
    }

    fn setting(&self) -> &'static str {
        "precision: F32Free"
    }

    fn grid(&self) -> bool {
        false
    }

    fn unit(&self, scale: f32, _fan_in: usize) -> Unit {
        Unit { scale, step: 0.0 }
    }

    fn weight(&self, unit: &Unit, theta: f32, sign: i8) -> f32 {
        signed(unit.scale * theta, sign)
    }

    fn energy(&self) -> (f64, f64) {
        (3.7 + 0.9, 0.9)
    }

    fn learns(&self) -> bool {
        true
    }
}

impl Floats for Free {}

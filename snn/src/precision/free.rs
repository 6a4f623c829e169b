//! `F32Free`: 32-bit floats as they come.

use std::fmt::Result;
use std::sync::Arc;

use super::floats::{self, Floats};
use super::format::{Format, signed};
use super::storage::{Site, Storage};
use crate::controller::Evaluator;
use crate::cpu::CpuEvaluator;
use crate::network::{Network, Projection};
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

impl Storage for Free {
    fn evaluator(&self, network: &Arc<Network>, slots: usize) -> Box<dyn Evaluator> {
        Box::new(CpuEvaluator::<Floats>::new(Arc::clone(network), slots))
    }

    fn words(&self, projection: &Projection, _: bool) -> usize {
        floats::words(projection)
    }

    fn pack(&self, projection: &Projection, _: bool, place: (usize, usize), weight: f32, to: &mut [u32]) {
        floats::pack(projection, place, weight, to);
    }

    fn currents(&self, text: &mut String, site: &Site<'_>) -> Result {
        floats::currents_wgsl(text, site, false)
    }

    fn spikes(&self, text: &mut String, site: &Site<'_>) -> Result {
        floats::spikes_wgsl(text, site)
    }
}

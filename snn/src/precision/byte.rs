//! `I8`: 8-bit weights with one power of two per block; a spike adds a row of small integers.
//!
//! No sum can overflow, for the reasons given below; the wrapping operations only spare the checks,
//! which keep the compiler from using vector registers.

use std::fmt::{Result, Write as _};
use std::sync::Arc;

use super::format::{Format, signed};
use super::storage::{Site, Storage};
use crate::controller::Resumable;
use crate::cpu::{CpuEvaluator, Spikes, Synapses};
use crate::equations::wgsl::float;
use crate::lanes::{Lanes, WIDTH, part, part_mut};
use crate::network::{Network, Projection};
use crate::weights::{Unit, exp2};

/// Steps of θ, and of an observation, per unit.
const STEPS: f32 = 32.0;
/// Most steps that 8 bits hold on both sides of 0.
const LARGEST: f32 = 127.0;

#[derive(Debug)]
pub(super) struct Byte;

impl Format for Byte {
    fn name(&self) -> &'static str {
        "i8"
    }

    fn setting(&self) -> &'static str {
        "precision: I8"
    }

    fn unit(&self, scale: f32, _fan_in: usize) -> Unit {
        let exponent = libm::roundf(libm::log2f(scale)).clamp(-64.0, 64.0);
        let scale = if scale > 0.0 { exp2(exponent as i32) } else { 0.0 };
        Unit { scale, step: scale / STEPS }
    }

    fn weight(&self, unit: &Unit, theta: f32, sign: i8) -> f32 {
        signed(rounded(theta), sign) * unit.step
    }

    fn energy(&self) -> (f64, f64) {
        (0.2 + 0.1, 0.1)
    }

    fn learns(&self) -> bool {
        false
    }

    fn rounds(&self) -> Option<(f32, f32)> {
        Some((1.0 / STEPS, LARGEST / STEPS))
    }

    fn source(&self, x: f32) -> f32 {
        f32::from(steps_of(x)) / STEPS
    }
}

/// In steps, within the range of 8 bits.
#[inline(always)]
fn rounded(x: f32) -> f32 {
    (x * STEPS).round_ties_even().clamp(-LARGEST, LARGEST)
}

/// An observation in steps; no number is 0.
#[inline(always)]
fn steps_of(x: f32) -> i8 {
    rounded(x) as i8
}

/// A weight in steps; also of fixed weights, which lie on the grid of 2⁻¹⁶.
fn steps(unit: &Unit, weight: f32) -> i8 {
    if unit.step > 0.0 { (weight / unit.step) as i8 } else { 0 }
}

impl Storage for Byte {
    fn evaluator(&self, network: &Arc<Network>, slots: usize) -> Box<dyn Resumable> {
        Box::new(CpuEvaluator::<Bytes>::new(Arc::clone(network), slots))
    }

    /// `[rows][cols]` bytes, four to a word.
    fn words(&self, projection: &Projection, _: bool) -> usize {
        (projection.rows + usize::from(projection.bias)) * projection.cols.div_ceil(4)
    }

    fn pack(
        &self,
        projection: &Projection,
        _: bool,
        (pre, post): (usize, usize),
        weight: f32,
        to: &mut [u32],
    ) {
        let byte = steps(&projection.unit, weight) as u8;
        to[pre * projection.cols.div_ceil(4) + post / 4] |= u32::from(byte) << (post % 4 * 8);
    }

    fn input(&self, x: f32) -> u32 {
        i32::from(steps_of(x)) as u32
    }

    fn currents(&self, text: &mut String, site: &Site<'_>) -> Result {
        let (projection, base) = (site.projection, site.base);
        let (rows, stride) = (projection.rows, projection.cols.div_ceil(4));
        writeln!(
            text,
            "var total = 0;\n\
             for (var i = 0u; i < {rows}u; i++) {{\n\
             total += bitcast<i32>(inputs[i0 + i]) * \
             byte_at(weights[w0 + {base}u + i * {stride}u + j / 4u], j);\n}}"
        )?;
        if projection.bias {
            let (bias, one) = (base + rows * stride, STEPS as i32);
            writeln!(text, "total += {one} * byte_at(weights[w0 + {bias}u + j / 4u], j);")?;
        }
        writeln!(text, "let sum = f32(total) * {};", float(projection.unit.step / STEPS))
    }

    fn spikes(&self, text: &mut String, site: &Site<'_>) -> Result {
        let (projection, base, out) = (site.projection, site.base, site.out);
        let (stride, unit) = (projection.cols.div_ceil(4), float(projection.unit.step));
        writeln!(text, "{{ var total = 0;")?;
        let weight = format!("byte_at(weights[w0 + {base}u + i * {stride}u + j / 4u], j)");
        site.each_spike(text, &format!("total += {weight};"))?;
        // Units of projections may lie far apart, and then the order of the sum matters.
        writeln!(text, "{out} = ex({out} + ex(f32(total) * {unit})); }}")
    }
}

struct Bytes {
    /// Per slot: rows of each projection, padded with zeros to whole lanes.
    weights: Vec<i8>,
    /// First entry of each projection, and one past the last.
    starts: Vec<usize>,
    /// The observation in steps.
    x: Vec<i16>,
}

impl Synapses for Bytes {
    fn new(network: &Network, slots: usize) -> Self {
        let mut starts = vec![0];
        for projection in &network.projections {
            let rows = projection.rows + usize::from(projection.bias);
            starts.push(starts[starts.len() - 1] + rows * projection.cols.next_multiple_of(WIDTH));
        }
        let size = starts[starts.len() - 1];
        Self { weights: vec![0; slots * size], starts, x: Vec::new() }
    }

    fn load(&mut self, network: &Network, slot: usize, parameters: &[f32]) {
        let size = self.starts[self.starts.len() - 1];
        let weights = part_mut(&mut self.weights, size, slot);
        for (index, projection) in network.projections.iter().enumerate() {
            let stride = projection.cols.next_multiple_of(WIDTH);
            let weights = &mut weights[self.starts[index]..self.starts[index + 1]];
            network.visit_weights(projection, parameters, |pre, post, weight| {
                weights[pre * stride + post] = steps(&projection.unit, weight);
            });
        }
    }

    #[inline(always)]
    fn currents(&mut self, projection: &Projection, slot: usize, index: usize, x: &[f32], out: &mut [Lanes]) {
        // A bias is a source of 1. In a loop of its own, which is compiled for the wider instructions.
        self.x.resize(x.len() + usize::from(projection.bias), 0);
        self.x[x.len()..].fill(STEPS as i16);
        for (steps, &x) in self.x.iter_mut().zip(x) {
            *steps = i16::from(steps_of(x));
        }
        let weights = part(&self.weights, self.starts[self.starts.len() - 1], slot);
        let rows = &weights[self.starts[index]..self.starts[index + 1]];
        let unit = projection.unit.step / STEPS;
        currents(&self.x, rows, unit, out);
    }

    #[inline(always)]
    fn add(&self, projection: &Projection, slot: usize, index: usize, spikes: Spikes<'_>, out: &mut [Lanes]) {
        let weights = part(&self.weights, self.starts[self.starts.len() - 1], slot);
        let rows = &weights[self.starts[index]..self.starts[index + 1]];
        let unit = projection.unit.step;
        add(spikes.indices, rows, unit, out);
    }
}

/// The products of the observation `x`, in steps, with `rows` of weights.
#[inline(always)]
fn currents(x: &[i16], rows: &[i8], unit: f32, out: &mut [Lanes]) {
    let stride = out.len() * WIDTH;
    for (column, out) in (0..stride).step_by(WIDTH).zip(out) {
        let mut sum = [0_i32; WIDTH];
        let mut pairs = x.chunks_exact(2);
        let mut row = column;
        for pair in &mut pairs {
            // Two products of 8-bit numbers fit into 16 bits.
            let (a, b) = (block::<WIDTH>(rows, row), block::<WIDTH>(rows, row + stride));
            for lane in 0..WIDTH {
                let product = i16::from(a[lane]).wrapping_mul(pair[0]);
                let other = i16::from(b[lane]).wrapping_mul(pair[1]);
                sum[lane] = sum[lane].wrapping_add(i32::from(product.wrapping_add(other)));
            }
            row += 2 * stride;
        }
        if let [x] = pairs.remainder() {
            let a = block::<WIDTH>(rows, row);
            for lane in 0..WIDTH {
                sum[lane] = sum[lane].wrapping_add(i32::from(i16::from(a[lane]).wrapping_mul(*x)));
            }
        }
        for (out, sum) in out.0.iter_mut().zip(sum) {
            *out = sum as f32 * unit;
        }
    }
}

/// Adds the rows of `spikes`.
#[inline(always)]
fn add(spikes: &[u16], rows: &[i8], unit: f32, out: &mut [Lanes]) {
    let stride = out.len() * WIDTH;
    let mut column = 0;
    let mut fours = out.chunks_exact_mut(4);
    for four in &mut fours {
        add_rows::<{ 4 * WIDTH }>(spikes, rows, stride, column, unit, four);
        column += 4 * WIDTH;
    }
    for one in fours.into_remainder().chunks_mut(1) {
        add_rows::<WIDTH>(spikes, rows, stride, column, unit, one);
        column += WIDTH;
    }
}

/// `N` weights from `start` on.
#[inline(always)]
fn block<const N: usize>(rows: &[i8], start: usize) -> &[i8; N] {
    rows[start..].first_chunk().expect("rows are padded to whole lanes")
}

/// Adds `N` neighbouring entries, from `column` on, of the rows of `spikes`.
#[inline(always)]
fn add_rows<const N: usize>(
    spikes: &[u16],
    rows: &[i8],
    stride: usize,
    column: usize,
    unit: f32,
    out: &mut [Lanes],
) {
    let mut sums = [0_i32; N];
    // 258 rows of 8-bit numbers fit into 16 bits.
    for spikes in spikes.chunks(256) {
        let mut short = [0_i16; N];
        for &source in spikes {
            let row = block::<N>(rows, usize::from(source) * stride + column);
            for lane in 0..N {
                short[lane] = short[lane].wrapping_add(i16::from(row[lane]));
            }
        }
        for lane in 0..N {
            sums[lane] = sums[lane].wrapping_add(i32::from(short[lane]));
        }
    }
    for (out, sums) in out.iter_mut().zip(sums.chunks_exact(WIDTH)) {
        for (out, sum) in out.0.iter_mut().zip(sums) {
            *out += *sum as f32 * unit;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_steps_of_a_power_of_two() {
        let unit = Byte.unit(0.37, 64);
        assert_eq!((unit.scale, unit.step), (0.5, 0.5 / 32.0));
        let weight = Byte.weight(&unit, 1.0, 0);
        assert_eq!((weight, steps(&unit, weight)), (0.5, 32));
        assert_eq!(steps(&unit, Byte.weight(&unit, -100.0, 0)), -127);
        assert_eq!(steps(&Byte.unit(0.0, 64), 0.0), 0);
    }
}

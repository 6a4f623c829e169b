//! `I8`: 8-bit weights with one factor per block; a spike adds a row of small integers.

use std::fmt::{Result, Write as _};
use std::ops::Range;
use std::sync::Arc;

use super::format::{Format, signed};
use super::integers;
use super::storage::{Resident, Site, Storage};
use crate::controller::Resumable;
use crate::cpu::{CpuEvaluator, Place, Plan, Row, Synapses};
use crate::equations::wgsl::float;
use crate::lanes::{Lanes, WIDTH, part, part_mut};
use crate::network::{Network, Projection};
use crate::vector::{SHORT, Vector};
use crate::weights::{Unit, exp2};

/// Steps of θ, and of an observation, per unit.
const STEPS: f32 = 32.0;
/// Most steps that 8 bits hold on both sides of 0.
const LARGEST: f32 = 127.0;
/// Digits of a 32-bit float behind the six that a scale keeps.
const DROPPED: u32 = 18;

#[derive(Debug)]
pub(super) struct Byte;

impl Format for Byte {
    fn name(&self) -> &'static str {
        "i8"
    }

    fn setting(&self) -> &'static str {
        "precision: I8"
    }

    /// The scale has six binary digits. With them, ordinary sums of 8-bit weights and observations are exact in 32-bit
    /// floats, which training and exports add up.
    fn unit(&self, scale: f32, _fan_in: usize) -> Unit {
        let scale = if scale > 0.0 { scale.clamp(exp2(-64), exp2(64)) } else { 0.0 };
        let bits = (scale.to_bits() + (1 << (DROPPED - 1))) >> DROPPED << DROPPED;
        let scale = f32::from_bits(bits);
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
        writeln!(text, "let sum = ex(f32(total) * {});", float(projection.unit.step / STEPS))
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

    fn column(&self, projection: &Projection) -> usize {
        projection.rows.div_ceil(4)
    }

    fn reads_bytes(&self) -> bool {
        true
    }

    fn take(&self, text: &mut String, Resident { site, name, .. }: &Resident<'_>) -> Result {
        let stride = site.projection.cols.div_ceil(4);
        for i in 0..site.projection.rows {
            let word = format!("weights[w0 + {}u + j / 4u]", site.base + i * stride);
            writeln!(text, "{name}_{} |= extractBits({word}, 8u * (j % 4u), 8u) << {}u;", i / 4, i % 4 * 8)?;
        }
        Ok(())
    }

    fn all(&self, text: &mut String, Resident { site, name, bytes }: &Resident<'_>) -> Result {
        let Some(bytes) = bytes else { return self.spikes(text, site) };
        let (out, unit) = (site.out, float(site.projection.unit.step));
        writeln!(text, "{{ var total = 0;")?;
        for w in 0..self.column(site.projection) {
            writeln!(text, "{{ let w = {w}u; total += dot4I8Packed({name}_{w}, {bytes}); }}")?;
        }
        writeln!(text, "{out} = ex({out} + ex(f32(total) * {unit})); }}")
    }
}

struct Bytes {
    /// Per slot, as the plan lays them out. Weights of currents stand in pairs of rows, target by target.
    weights: Vec<i8>,
    places: Vec<Place>,
    /// Entries of one slot.
    size: usize,
    /// The observation in steps, two in a word.
    x: Vec<i32>,
}

impl Synapses for Bytes {
    const PAD: usize = integers::PAD;

    fn new(_: &Network, plan: &Plan, slots: usize) -> Self {
        let size = plan.columns * WIDTH;
        Self { weights: vec![0; slots * size], places: plan.places.clone(), size, x: Vec::new() }
    }

    fn load(&mut self, network: &Network, plan: &Plan, slot: usize, parameters: &[f32]) {
        let weights = part_mut(&mut self.weights, self.size, slot);
        for (projection, &Place { start, stride }) in network.projections.iter().zip(&plan.places) {
            let (start, stride) = (start * WIDTH, stride * WIDTH);
            let dense = network.is_dense(projection);
            network.visit_weights(projection, parameters, |pre, post, weight| {
                let place =
                    if dense { pre / 2 * 2 * stride + 2 * post + pre % 2 } else { pre * stride + post };
                weights[start + place] = steps(&projection.unit, weight);
            });
        }
    }

    #[inline(always)]
    fn currents<V: Vector>(
        &mut self,
        projection: &Projection,
        slot: usize,
        index: usize,
        x: &[f32],
        out: &mut [Lanes],
    ) {
        pairs::<V>(x, projection.bias, &mut self.x);
        let Place { start, stride } = self.places[index];
        let rows = &part(&self.weights, self.size, slot)[start * WIDTH..];
        let unit = projection.unit.step / STEPS;
        let mut columns = (0..out.len()).step_by(4).zip(out.chunks_mut(4));
        for (at, out) in &mut columns {
            let rows = &rows[at * SHORT..];
            match out.len() {
                1 => currents::<V, 1>(&self.x, rows, stride, unit, out),
                2 => currents::<V, 2>(&self.x, rows, stride, unit, out),
                3 => currents::<V, 3>(&self.x, rows, stride, unit, out),
                _ => currents::<V, 4>(&self.x, rows, stride, unit, out),
            }
        }
    }

    #[inline(always)]
    fn add(&self, projection: &Projection, slot: usize, index: usize, spikes: &[u16], out: &mut [Lanes]) {
        let weights = part(&self.weights, self.size, slot);
        integers::add(spikes, weights, self.places[index], projection.unit.step, out);
    }

    #[inline(always)]
    fn sum<V: Vector>(
        &self,
        slot: usize,
        row: &Row,
        columns: Range<usize>,
        spikes: &[u64],
        start: &[Lanes],
        sums: &mut [Lanes],
    ) {
        integers::sum::<V>(part(&self.weights, self.size, slot), row, &columns, spikes, start, sums);
    }
}

/// Replaces `out` by the observation in steps, two 16-bit numbers in a word, the first one low. A bias is a source of 1.
#[inline(always)]
fn pairs<V: Vector>(x: &[f32], bias: bool, out: &mut Vec<i32>) {
    // A float of this size has whole numbers in its lower half.
    let whole = V::splat(12_582_912.0);
    let length = x.len() + usize::from(bias);
    out.clear();
    out.resize(length.div_ceil(WIDTH) * WIDTH / 2, 0);
    for (chunk, pairs) in out.chunks_exact_mut(WIDTH / 2).enumerate() {
        let rest = &x[chunk * WIDTH..];
        let mut lanes = Lanes::ZERO;
        match rest.first_chunk() {
            Some(all) => lanes.0 = *all,
            None => lanes.0[..rest.len()].copy_from_slice(rest),
        }
        let steps = V::load(&lanes) * V::splat(STEPS);
        let steps = V::select(steps.eq(steps), steps, V::splat(0.0));
        let steps = steps.max(V::splat(-LARGEST)).min(V::splat(LARGEST));
        (steps + whole).store(&mut lanes);
        for (k, pair) in pairs.iter_mut().enumerate() {
            let (low, high) = (lanes.0[2 * k].to_bits(), lanes.0[2 * k + 1].to_bits());
            *pair = (low & 0xffff | high << 16).cast_signed();
        }
    }
    if bias {
        out[x.len() / 2] |= (STEPS as i32) << (x.len() % 2 * 16);
    }
    out.truncate(length.div_ceil(2));
}

/// The products of the observation `x`, in steps, with `N` of `stride` columns of weights.
#[inline(always)]
fn currents<V: Vector, const N: usize>(x: &[i32], rows: &[i8], stride: usize, unit: f32, out: &mut [Lanes]) {
    let mut sums = [V::int_zero(); N];
    let mut at = 0;
    for &pair in x {
        for k in 0..N {
            let weights = rows[at + k * SHORT..].first_chunk().expect("rows are padded");
            sums[k] = V::int_dot(sums[k], weights, pair);
        }
        at += 2 * stride * WIDTH;
    }
    for k in 0..N {
        (V::int_float(sums[k]) * V::splat(unit)).store(&mut out[k]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vector::Portable;

    #[test]
    fn observations_are_paired_in_steps() {
        let all =
            [0.5, -0.5, 0.015, 0.0157, 0.047, -9.0, 3.97, f32::NAN, f32::INFINITY, -0.0, f32::MIN, 1e-30];
        for length in 0..40 {
            let x: Vec<f32> = all.iter().cycle().take(length).copied().collect();
            for bias in [false, true] {
                let mut steps: Vec<i8> = x.iter().map(|&x| steps_of(x)).collect();
                steps.extend(bias.then_some(32));
                let pair = |pair: &[i8]| {
                    i32::from(pair[0]) & 0xffff | i32::from(pair.get(1).copied().unwrap_or(0)) << 16
                };
                let mut found = vec![7];
                pairs::<Portable>(&x, bias, &mut found);
                assert_eq!(found, steps.chunks(2).map(pair).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn weights_are_steps_of_nearly_the_scale() {
        let unit = Byte.unit(0.37, 64);
        assert_eq!((unit.scale, unit.step), (47.0 / 128.0, 47.0 / 4096.0));
        let weight = Byte.weight(&unit, 1.0, 0);
        assert_eq!((weight, steps(&unit, weight)), (unit.scale, 32));
        assert_eq!(steps(&unit, Byte.weight(&unit, -100.0, 0)), -127);
        assert_eq!(steps(&Byte.unit(0.0, 64), 0.0), 0);
        // That of fixed weights stays.
        assert_eq!(Byte.unit(1.0 / 2048.0, 64).step, exp2(-16));
        for scale in (1..2000).map(|i| i as f32 * 0.0037) {
            let unit = Byte.unit(scale, 64);
            assert!((unit.scale / scale - 1.0).abs() <= 1.0 / 64.0, "{scale}: {unit:?}");
            for theta in -127..128 {
                let weight = Byte.weight(&unit, theta as f32 / STEPS, 0);
                assert_eq!(i32::from(steps(&unit, weight)), theta, "{scale}");
            }
        }
    }
}

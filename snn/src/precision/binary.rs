//! `Binary`: 0/1 connections. The input of a neuron is a count of spikes AND connections.

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
use crate::network::{Network, Projection, Source};
use crate::vector::{Vector, snap_current};
use crate::weights::Unit;

#[derive(Debug)]
pub(super) struct Binary;

impl Format for Binary {
    fn name(&self) -> &'static str {
        "binary"
    }

    fn setting(&self) -> &'static str {
        "precision: Binary"
    }

    fn unit(&self, scale: f32, _fan_in: usize) -> Unit {
        Unit { scale, step: scale }
    }

    fn weight(&self, unit: &Unit, theta: f32, sign: i8) -> f32 {
        signed(if theta > 0.5 { unit.scale } else { 0.0 }, sign)
    }

    /// A connection lets a current pass (one float addition), or counts a spike.
    fn energy(&self) -> (f64, f64) {
        (0.9, 0.03)
    }

    fn is_binary(&self) -> bool {
        true
    }

    fn learns(&self) -> bool {
        false
    }
}

impl Storage for Binary {
    fn evaluator(&self, network: &Arc<Network>, slots: usize) -> Box<dyn Resumable> {
        Box::new(CpuEvaluator::<Bits>::new(Arc::clone(network), slots))
    }

    /// From currents `[rows][cols]` bits, rows padded to words; from spikes `[words of sources][cols]`.
    fn words(&self, projection: &Projection, dense: bool) -> usize {
        let (rows, cols) = (projection.rows, projection.cols);
        if dense { rows * cols.div_ceil(32) } else { rows.div_ceil(32) * cols }
    }

    fn pack(
        &self,
        projection: &Projection,
        dense: bool,
        (pre, post): (usize, usize),
        weight: f32,
        to: &mut [u32],
    ) {
        let cols = projection.cols;
        if weight == 0.0 {
        } else if dense {
            to[pre * cols.div_ceil(32) + post / 32] |= 1 << (post % 32);
        } else {
            to[pre / 32 * cols + post] |= 1 << (pre % 32);
        }
    }

    fn currents(&self, text: &mut String, site: &Site<'_>) -> Result {
        let (projection, base) = (site.projection, site.base);
        let (rows, stride) = (projection.rows, projection.cols.div_ceil(32));
        writeln!(
            text,
            "var sum = 0.0;\n\
             for (var i = 0u; i < {rows}u; i++) {{\n\
             let bit = extractBits(weights[w0 + {base}u + i * {stride}u + j / 32u], j % 32u, 1u);\n\
             sum = ex(sum + select(0.0, bitcast<f32>(inputs[i0 + i]), bit == 1u));\n}}\n\
             sum = snap_current(ex(sum * {}));",
            float(projection.unit.scale)
        )
    }

    fn spikes(&self, text: &mut String, site: &Site<'_>) -> Result {
        let cols = site.projection.cols;
        count(text, site, |w| format!("weights[w0 + {}u + j]", site.base + w * cols))
    }

    fn column(&self, projection: &Projection) -> usize {
        projection.rows.div_ceil(32)
    }

    fn take(&self, text: &mut String, Resident { site, name, .. }: &Resident<'_>) -> Result {
        for w in 0..self.column(site.projection) {
            let at = site.base + w * site.projection.cols;
            writeln!(text, "{name}_{w} = weights[w0 + {at}u + j];")?;
        }
        Ok(())
    }

    fn all(&self, text: &mut String, Resident { site, name, .. }: &Resident<'_>) -> Result {
        count(text, site, |w| format!("{name}_{w}"))
    }
}

/// Writes the count of spikes that pass the connections in words `w`, and adds it to [`Site::out`].
fn count(text: &mut String, site: &Site<'_>, connections: impl Fn(usize) -> String) -> Result {
    let projection = site.projection;
    writeln!(text, "{{ var count = 0;")?;
    let mut excitatory = vec![0_u32; projection.rows.div_ceil(32)];
    for row in 0..projection.rows {
        if projection.signs.get(row).is_none_or(|&sign| sign > 0) {
            excitatory[row / 32] |= 1 << (row % 32);
        }
    }
    for (w, mask) in excitatory.iter().enumerate() {
        writeln!(
            text,
            "{{ let w = {w}u; let hit = {} & {}; \
             count += i32(countOneBits(hit & {mask}u)) - i32(countOneBits(hit & {}u)); }}",
            site.word,
            connections(w),
            !mask
        )?;
    }
    // Scales lie on no grid, so the sum over projections depends on its order: that of the CPU.
    let (out, scale) = (site.out, float(projection.unit.scale));
    writeln!(text, "{out} = ex({out} + ex(f32(count) * {scale})); }}")
}

struct Bits {
    /// Per slot, as the plan lays them out: 1 or −1 where there is a connection.
    weights: Vec<i8>,
    places: Vec<Place>,
    /// Entries of one slot.
    size: usize,
    /// Per slot: rows of bits of each projection from currents.
    words: Vec<u64>,
    /// First word of each projection, and one past the last.
    starts: Vec<usize>,
}

impl Synapses for Bits {
    const PAD: usize = integers::PAD;

    fn new(network: &Network, plan: &Plan, slots: usize) -> Self {
        let mut starts = vec![0];
        for projection in &network.projections {
            let dense = network.is_dense(projection);
            let words = if dense { projection.rows * projection.cols.div_ceil(64) } else { 0 };
            starts.push(starts[starts.len() - 1] + words);
        }
        let size = plan.columns * WIDTH;
        let words = vec![0; slots * starts[starts.len() - 1]];
        Self { weights: vec![0; slots * size], places: plan.places.clone(), size, words, starts }
    }

    fn load(&mut self, network: &Network, plan: &Plan, slot: usize, parameters: &[f32]) {
        let words = part_mut(&mut self.words, self.starts[self.starts.len() - 1], slot);
        words.fill(0);
        let weights = part_mut(&mut self.weights, self.size, slot);
        for (index, (projection, &Place { start, stride })) in
            network.projections.iter().zip(&plan.places).enumerate()
        {
            let (dense, row) = (network.is_dense(projection), projection.cols.div_ceil(64));
            let words = &mut words[self.starts[index]..self.starts[index + 1]];
            network.visit_weights(projection, parameters, |pre, post, weight| {
                if !dense {
                    let sign = i8::from(weight > 0.0) - i8::from(weight < 0.0);
                    weights[(start + pre * stride) * WIDTH + post] = sign;
                } else if weight != 0.0 {
                    words[pre * row + post / 64] |= 1 << (post % 64);
                }
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
        let words = part(&self.words, self.starts[self.starts.len() - 1], slot);
        let words = &words[self.starts[index]..self.starts[index + 1]];
        let row = projection.cols.div_ceil(64);
        for (index, out) in out.chunks_mut(64 / WIDTH).enumerate() {
            currents::<V>(x, &words[index..], row, projection.unit.scale, out);
        }
    }

    #[inline(always)]
    fn add(&self, projection: &Projection, slot: usize, index: usize, spikes: &[u16], out: &mut [Lanes]) {
        let weights = part(&self.weights, self.size, slot);
        integers::add(spikes, weights, self.places[index], projection.unit.scale, out);
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

    fn fan_out(&self, network: &Network, slot: usize, source: usize, out: &mut [u32]) {
        let weights = part(&self.weights, self.size, slot);
        out.fill(0);
        for (projection, place) in network.projections.iter().zip(&self.places) {
            if projection.source != Source::Population(source) {
                continue;
            }
            for (neuron, count) in out.iter_mut().enumerate() {
                let row = &weights[(place.start + neuron * place.stride) * WIDTH..][..projection.cols];
                *count += row.iter().map(|weight| u32::from(weight.unsigned_abs())).sum::<u32>();
            }
        }
    }
}

/// The currents `x` through rows of `stride` words of bits, for up to 64 targets.
#[inline(always)]
fn currents<V: Vector>(x: &[f32], rows: &[u64], stride: usize, scale: f32, out: &mut [Lanes]) {
    let mut sums = [V::splat(0.0); 64 / WIDTH];
    for (&x, row) in x.iter().zip(rows.chunks(stride)) {
        let x = V::splat(x);
        for k in 0..64 / WIDTH {
            // Where there is no connection, 0 would change nothing: no sum is −0.
            sums[k] = sums[k].add_where(V::mask((row[0] >> (k * WIDTH)) as u32), x);
        }
    }
    for k in 0..out.len() {
        snap_current(sums[k] * V::splat(scale)).store(&mut out[k]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_exist_above_one_half() {
        let unit = Binary.unit(0.5, 10);
        let weight = |theta, sign| Binary.weight(&unit, theta, sign);
        assert_eq!([weight(0.51, -1), weight(0.5, 1), weight(1.0, 0)], [-0.5, 0.0, 0.5]);
    }
}

//! `Binary`: 0/1 connections. The input of a neuron is a count of spikes AND connections.
//!
//! Between populations the connections of one word of sources to all targets lie side by side, so
//! that a word of spikes meets eight targets per instruction. From currents they are rows of bits.

use std::fmt::{Result, Write as _};
use std::sync::Arc;

use numerics::wide;

use super::format::{Format, signed};
use super::storage::{Site, Storage};
use crate::controller::Resumable;
use crate::cpu::{CpuEvaluator, Spikes, Synapses};
use crate::equations::wgsl::float;
use crate::lanes::{Lanes, WIDTH, part, part_mut};
use crate::network::{Network, Projection, Source};
use crate::weights::{Unit, snap_current};

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
        let projection = site.projection;
        writeln!(text, "{{ var count = 0;")?;
        let mut excitatory = vec![0_u32; projection.rows.div_ceil(32)];
        for row in 0..projection.rows {
            if projection.signs.get(row).is_none_or(|&sign| sign > 0) {
                excitatory[row / 32] |= 1 << (row % 32);
            }
        }
        for (w, mask) in excitatory.iter().enumerate() {
            let word = site.word.replace("[w]", &format!("[{w}u]")).replace("+ w]", &format!("+ {w}u]"));
            writeln!(
                text,
                "{{ let hit = {word} & weights[w0 + {}u + j]; \
                 count += i32(countOneBits(hit & {mask}u)) - i32(countOneBits(hit & {}u)); }}",
                site.base + w * projection.cols,
                !mask
            )?;
        }
        // Scales lie on no grid, so the sum over projections depends on its order: that of the CPU.
        let (out, scale) = (site.out, float(projection.unit.scale));
        writeln!(text, "{out} = ex({out} + ex(f32(count) * {scale})); }}")
    }
}

struct Bits {
    /// Per slot: words of each projection.
    words: Vec<u64>,
    /// First word of each projection, and one past the last.
    starts: Vec<usize>,
    /// Whether the sources of a projection are currents.
    dense: Vec<bool>,
    /// Excitatory sources of each projection, as masks.
    excitatory: Vec<Vec<u64>>,
}

impl Synapses for Bits {
    fn new(network: &Network, slots: usize) -> Self {
        let currents = !network.encoder.encoder().spiking();
        let (mut starts, mut dense, mut excitatory) = (vec![0], Vec::new(), Vec::new());
        for projection in &network.projections {
            let (rows, cols) = (projection.rows, projection.cols.div_ceil(WIDTH) * WIDTH);
            let is_dense = currents && projection.source == Source::Input;
            let size = if is_dense { rows * cols.div_ceil(64) } else { rows.div_ceil(64) * cols };
            starts.push(starts[starts.len() - 1] + size);
            dense.push(is_dense);
            let mut mask = vec![0_u64; rows.div_ceil(64)];
            for row in (0..rows).filter(|&row| projection.signs.get(row).is_none_or(|&sign| sign > 0)) {
                mask[row / 64] |= 1 << (row % 64);
            }
            excitatory.push(mask);
        }
        let size = starts[starts.len() - 1];
        Self { words: vec![0; slots * size], starts, dense, excitatory }
    }

    fn load(&mut self, network: &Network, slot: usize, parameters: &[f32]) {
        let size = self.starts[self.starts.len() - 1];
        let words = part_mut(&mut self.words, size, slot);
        words.fill(0);
        for (index, projection) in network.projections.iter().enumerate() {
            let cols = projection.cols.div_ceil(WIDTH) * WIDTH;
            let words = &mut words[self.starts[index]..self.starts[index + 1]];
            network.visit_weights(projection, parameters, |pre, post, weight| {
                if weight == 0.0 {
                    return;
                }
                if self.dense[index] {
                    words[pre * cols.div_ceil(64) + post / 64] |= 1 << (post % 64);
                } else {
                    words[pre / 64 * cols + post] |= 1 << (pre % 64);
                }
            });
        }
    }

    #[inline(always)]
    fn currents(&mut self, projection: &Projection, slot: usize, index: usize, x: &[f32], out: &mut [Lanes]) {
        let words = part(&self.words, self.starts[self.starts.len() - 1], slot);
        let words = &words[self.starts[index]..self.starts[index + 1]];
        currents(x, words, projection.unit.scale, out);
    }

    #[inline(always)]
    fn add(&self, projection: &Projection, slot: usize, index: usize, spikes: Spikes<'_>, out: &mut [Lanes]) {
        let words = part(&self.words, self.starts[self.starts.len() - 1], slot);
        let words = &words[self.starts[index]..self.starts[index + 1]];
        count(spikes.words, &self.excitatory[index], words, projection.unit.scale, out);
    }

    fn fan_out(&self, network: &Network, slot: usize, source: usize, out: &mut [u32]) {
        let words = part(&self.words, self.starts[self.starts.len() - 1], slot);
        out.fill(0);
        for (index, projection) in network.projections.iter().enumerate() {
            if projection.source != Source::Population(source) {
                continue;
            }
            let cols = projection.cols.div_ceil(WIDTH) * WIDTH;
            let words = &words[self.starts[index]..self.starts[index + 1]];
            for (neuron, count) in out.iter_mut().enumerate() {
                let targets = &words[neuron / 64 * cols..][..cols];
                *count += targets.iter().map(|word| (word >> (neuron % 64) & 1) as u32).sum::<u32>();
            }
        }
    }
}

/// The currents `x` through rows of bits.
#[inline(always)]
fn currents(x: &[f32], words: &[u64], scale: f32, out: &mut [Lanes]) {
    let row_words = (out.len() * WIDTH).div_ceil(64);
    for (column, out) in out.iter_mut().enumerate() {
        let mut sum = Lanes::ZERO;
        for (&x, row) in x.iter().zip(words.chunks_exact(row_words)) {
            let bits = (row[column * WIDTH / 64] >> (column * WIDTH % 64)) as u32;
            for (lane, sum) in sum.0.iter_mut().enumerate() {
                *sum += if bits >> lane & 1 == 1 { x } else { 0.0 };
            }
        }
        for (out, sum) in out.0.iter_mut().zip(sum.0) {
            *out = snap_current(sum * scale);
        }
    }
}

wide! {
    /// Adds `scale` for each connection of a spike; its sign is that of the source.
    counting fn count(spikes: &[u64], excitatory: &[u64], words: &[u64], scale: f32, out: &mut [Lanes]) {
        let cols = out.len() * WIDTH;
        for (column, out) in out.iter_mut().enumerate() {
            let mut counts = [0_u64; WIDTH];
            for (word, &bits) in spikes.iter().enumerate() {
                let plus = bits & excitatory[word];
                let minus = bits & !excitatory[word];
                let targets = &words[word * cols + column * WIDTH..][..WIDTH];
                // Wrapping spares the checks, which keep the compiler from using vector registers.
                if plus != 0 {
                    for (count, target) in counts.iter_mut().zip(targets) {
                        *count = count.wrapping_add(u64::from((plus & target).count_ones()));
                    }
                }
                if minus != 0 {
                    for (count, target) in counts.iter_mut().zip(targets) {
                        *count = count.wrapping_sub(u64::from((minus & target).count_ones()));
                    }
                }
            }
            for (out, count) in out.0.iter_mut().zip(counts) {
                *out += count.cast_signed() as i32 as f32 * scale;
            }
        }
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

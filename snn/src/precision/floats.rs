//! 32-bit weights, on a grid or not: a spike adds a row.

use std::fmt::{Result, Write as _};
use std::sync::Arc;

use super::format::Format;
use super::storage::{Site, Storage};
use crate::controller::Resumable;
use crate::cpu::{Activities, CpuEvaluator, Learner, Spikes, Synapses};
use crate::lanes::{Lanes, WIDTH, dense, part, part_mut};
use crate::network::{Network, Projection};
use crate::weights::snap_current;

/// A precision whose weights are kept as 32-bit floats; currents are on their grid if states are.
pub(super) trait Floats: Format {}

impl<F: Floats> Storage for F {
    fn evaluator(&self, network: &Arc<Network>, slots: usize) -> Box<dyn Resumable> {
        Box::new(CpuEvaluator::<Rows>::new(Arc::clone(network), slots))
    }

    /// `[rows][cols]` floats.
    fn words(&self, projection: &Projection, _: bool) -> usize {
        (projection.rows + usize::from(projection.bias)) * projection.cols
    }

    fn pack(
        &self,
        projection: &Projection,
        _: bool,
        (pre, post): (usize, usize),
        weight: f32,
        to: &mut [u32],
    ) {
        to[pre * projection.cols + post] = weight.to_bits();
    }

    fn currents(&self, text: &mut String, site: &Site<'_>) -> Result {
        let (projection, weight) = (site.projection, &site.weight);
        let (rows, cols) = (projection.rows, projection.cols);
        writeln!(
            text,
            "var sum = 0.0;\n\
             for (var i = 0u; i < {rows}u; i++) {{\n\
             sum = ex(sum + ex(bitcast<f32>(inputs[i0 + i]) * {weight}));\n}}"
        )?;
        if projection.bias {
            let bias = site.base + rows * cols;
            writeln!(text, "sum = ex(sum + bitcast<f32>(weights[w0 + {bias}u + j]));")?;
        }
        if self.grid() {
            writeln!(text, "sum = snap_current(sum);")?;
        }
        Ok(())
    }

    fn spikes(&self, text: &mut String, site: &Site<'_>) -> Result {
        site.each_spike(text, &format!("{} += {};", site.out, site.weight))
    }
}

struct Rows {
    slots: usize,
    /// Empty until [`claim`](Synapses::claim). Per slot: rows of each projection, padded with zeros to whole lanes.
    weights: Vec<Lanes>,
    /// First lane of each projection, and one past the last.
    starts: Vec<usize>,
    snap: bool,
    /// Per rule of the network; empty until then, too.
    learners: Vec<Learner>,
}

impl Synapses for Rows {
    fn new(network: &Network, slots: usize) -> Self {
        let mut starts = vec![0];
        for projection in &network.projections {
            let rows = projection.rows + usize::from(projection.bias);
            starts.push(starts[starts.len() - 1] + rows * projection.cols.div_ceil(WIDTH));
        }
        let snap = network.format.grid();
        Self { slots, weights: Vec::new(), starts, snap, learners: Vec::new() }
    }

    fn claim(&mut self, network: &Network) {
        let lanes = self.starts[self.starts.len() - 1];
        self.weights = vec![Lanes::ZERO; self.slots * lanes];
        let learner = |rule| Learner::new(network, rule, self.slots);
        self.learners = network.plastic.iter().map(learner).collect();
    }

    fn load(&mut self, network: &Network, slot: usize, parameters: &[f32]) {
        let lanes = self.starts[self.starts.len() - 1];
        let weights = part_mut(&mut self.weights, lanes, slot);
        for (index, projection) in network.projections.iter().enumerate() {
            let stride = projection.cols.div_ceil(WIDTH);
            let weights = &mut weights[self.starts[index]..self.starts[index + 1]];
            network.visit_weights(projection, parameters, |pre, post, weight| {
                weights[pre * stride + post / WIDTH].0[post % WIDTH] = weight;
            });
        }
        for (rule, learner) in network.plastic.iter().zip(&mut self.learners) {
            let weights = &weights[self.starts[rule.projection]..];
            learner.load(network, rule, slot, parameters, weights);
        }
    }

    fn reset(&mut self, network: &Network, slot: usize) {
        let weights = part_mut(&mut self.weights, self.starts[self.starts.len() - 1], slot);
        for (rule, learner) in network.plastic.iter().zip(&mut self.learners) {
            learner.reset(slot, &mut weights[self.starts[rule.projection]..]);
        }
    }

    fn learn(&mut self, network: &Network, slot: usize, modulators: &[f32]) -> bool {
        let mut fault = false;
        let weights = part_mut(&mut self.weights, self.starts[self.starts.len() - 1], slot);
        for (rule, learner) in network.plastic.iter().zip(&mut self.learners) {
            let modulator = rule.reward.map_or(0.0, |reward| modulators[reward.index]);
            let weights = &mut weights[self.starts[rule.projection]..];
            fault |= learner.learn(network, rule, slot, modulator, weights);
        }
        fault
    }

    fn observe(&mut self, network: &Network, slot: usize, index: usize, seen: Activities<'_>) {
        self.learners[index].observe(&network.plastic[index], slot, seen);
    }

    #[inline(always)]
    fn currents(&mut self, _: &Projection, slot: usize, index: usize, x: &[f32], out: &mut [Lanes]) {
        currents(x, self.rows(slot, index), self.snap, out);
    }

    #[inline(always)]
    fn add(&self, _: &Projection, slot: usize, index: usize, spikes: Spikes<'_>, out: &mut [Lanes]) {
        add_rows(spikes.indices, self.rows(slot, index), out);
    }
}

impl Rows {
    #[inline(always)]
    fn rows(&self, slot: usize, index: usize) -> &[Lanes] {
        let weights = part(&self.weights, self.starts[self.starts.len() - 1], slot);
        &weights[self.starts[index]..self.starts[index + 1]]
    }
}

/// The dense product, on the grid of currents if `snap`.
#[inline(always)]
fn currents(x: &[f32], rows: &[Lanes], snap: bool, out: &mut [Lanes]) {
    dense(x, rows, out);
    if snap {
        for current in out.iter_mut().flat_map(|lanes| &mut lanes.0) {
            *current = snap_current(*current);
        }
    }
}

/// Adds the rows of `spikes`.
#[inline(always)]
fn add_rows(spikes: &[u16], rows: &[Lanes], out: &mut [Lanes]) {
    let stride = out.len();
    // Four lanes at a time hide the latency of the additions.
    let mut columns = out.chunks_exact_mut(4);
    let mut column = 0;
    for four in &mut columns {
        let mut sums = [four[0], four[1], four[2], four[3]];
        for &source in spikes {
            let row = &rows[usize::from(source) * stride + column..][..4];
            for (sum, weights) in sums.iter_mut().zip(row) {
                sum.add(weights);
            }
        }
        four.copy_from_slice(&sums);
        column += 4;
    }
    for out in columns.into_remainder() {
        let mut sum = *out;
        for &source in spikes {
            sum.add(&rows[usize::from(source) * stride + column]);
        }
        *out = sum;
        column += 1;
    }
}

//! 32-bit weights, on a grid or not: a spike adds a row.

use std::fmt::{Result, Write as _};
use std::ops::Range;
use std::sync::Arc;

use super::format::Format;
use super::storage::{Resident, Site, Storage};
use crate::controller::Resumable;
use crate::cpu::{Activities, CpuEvaluator, Learner, Place, Plan, Row, Synapses};
use crate::lanes::{Lanes, WIDTH, part, part_mut};
use crate::network::{Network, Projection};
use crate::vector::{Vector, block, in_blocks, snap_current};

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

    fn column(&self, projection: &Projection) -> usize {
        projection.rows
    }

    fn take(&self, text: &mut String, Resident { site, name, .. }: &Resident<'_>) -> Result {
        for i in 0..site.projection.rows {
            let at = site.base + i * site.projection.cols;
            writeln!(text, "{name}_{i} = weights[w0 + {at}u + j];")?;
        }
        Ok(())
    }

    fn all(&self, text: &mut String, Resident { site, name, .. }: &Resident<'_>) -> Result {
        let (word, out) = (&site.word, site.out);
        for i in 0..site.projection.rows {
            if i % 32 == 0 {
                let end = if i > 0 { "}\n" } else { "" };
                writeln!(text, "{end}{{ let w = {}u; let bits = {word};", i / 32)?;
            }
            let spiked = format!("(bits & {}u) != 0u", 1_u32 << (i % 32));
            writeln!(text, "{out} = select({out}, {out} + bitcast<f32>({name}_{i}), {spiked});")?;
        }
        writeln!(text, "}}")
    }
}

struct Rows {
    slots: usize,
    /// Empty until [`claim`](Synapses::claim). Per slot, as the plan lays them out.
    weights: Vec<Lanes>,
    places: Vec<Place>,
    /// Lanes of one slot.
    size: usize,
    snap: bool,
    /// Per slot: no population's spikes sum up to more.
    largest: Vec<f32>,
    /// Whether some population's sums are added in another order than that of the projections.
    several: bool,
    /// Per rule of the network; empty until then, too.
    learners: Vec<Learner>,
}

impl Synapses for Rows {
    const PAD: usize = 1;

    fn new(network: &Network, plan: &Plan, slots: usize) -> Self {
        Self {
            slots,
            weights: Vec::new(),
            places: plan.places.clone(),
            size: plan.columns,
            snap: network.format.grid(),
            largest: vec![0.0; slots],
            several: plan.several,
            learners: Vec::new(),
        }
    }

    fn claim(&mut self, network: &Network) {
        self.weights = vec![Lanes::ZERO; self.slots * self.size];
        let learner = |rule| Learner::new(network, rule, self.slots);
        self.learners = network.plastic.iter().map(learner).collect();
    }

    fn load(&mut self, network: &Network, plan: &Plan, slot: usize, parameters: &[f32]) {
        let weights = part_mut(&mut self.weights, self.size, slot);
        let mut sums = vec![0.0_f32; network.populations.len()];
        for (projection, &Place { start, stride }) in network.projections.iter().zip(&plan.places) {
            let mut largest = 0.0_f32;
            network.visit_weights(projection, parameters, |pre, post, weight| {
                weights[start + pre * stride + post / WIDTH].0[post % WIDTH] = weight;
                largest = largest.max(weight.abs());
            });
            sums[projection.target] += largest * projection.rows as f32;
        }
        self.largest[slot] = sums.into_iter().fold(0.0, f32::max);
        for (rule, learner) in network.plastic.iter().zip(&mut self.learners) {
            let weights = &weights[self.places[rule.projection].start..];
            learner.load(network, rule, slot, parameters, weights);
        }
    }

    fn reset(&mut self, network: &Network, slot: usize) {
        let weights = part_mut(&mut self.weights, self.size, slot);
        for (rule, learner) in network.plastic.iter().zip(&mut self.learners) {
            learner.reset(slot, &mut weights[self.places[rule.projection].start..]);
        }
    }

    fn learn(&mut self, network: &Network, slot: usize, modulators: &[f32]) -> bool {
        let mut fault = false;
        let weights = part_mut(&mut self.weights, self.size, slot);
        for (rule, learner) in network.plastic.iter().zip(&mut self.learners) {
            let modulator = rule.reward.map_or(0.0, |reward| modulators[reward.index]);
            let weights = &mut weights[self.places[rule.projection].start..];
            fault |= learner.learn(network, rule, slot, modulator, weights);
        }
        fault
    }

    fn observe(&mut self, network: &Network, slot: usize, index: usize, seen: Activities<'_>) {
        self.learners[index].observe(&network.plastic[index], slot, seen);
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
        let rows = &part(&self.weights, self.size, slot)[self.places[index].start..];
        let columns = out.len();
        let mut at = 0;
        while at < columns {
            let count = block(columns - at, 4.min(V::REGISTERS));
            let out = &mut out[at..at + count];
            match count {
                1 => currents::<V, 1>(projection, x, &rows[at..], columns, self.snap, out),
                2 => currents::<V, 2>(projection, x, &rows[at..], columns, self.snap, out),
                3 => currents::<V, 3>(projection, x, &rows[at..], columns, self.snap, out),
                _ => currents::<V, 4>(projection, x, &rows[at..], columns, self.snap, out),
            }
            at += count;
        }
    }

    #[inline(always)]
    fn add(&self, _: &Projection, slot: usize, index: usize, spikes: &[u16], out: &mut [Lanes]) {
        let Place { start, stride } = self.places[index];
        add_rows(spikes, &part(&self.weights, self.size, slot)[start..], stride, out);
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
        let rows = &part(&self.weights, self.size, slot)[row.place.start..];
        let stride = row.place.stride;
        let mut at = columns.start;
        while at < columns.end {
            let count = block(columns.end - at, V::REGISTERS);
            let (rows, start, sums) = (&rows[at..], &start[at..at + count], &mut sums[at..at + count]);
            in_blocks!(count, V, sum_rows(rows, stride, spikes, start, sums));
            at += count;
        }
    }

    /// Currents, weights and so all sums are multiples of 2⁻¹², which 24 bits hold below 2¹².
    #[inline(always)]
    fn any_order(&self, slot: usize, largest: f32) -> bool {
        !self.several || self.snap && largest + self.largest[slot] < 4096.0
    }
}

/// The dense product, ascending in `x` and with the bias last, for `N` of `stride` columns.
#[inline(always)]
fn currents<V: Vector, const N: usize>(
    projection: &Projection,
    x: &[f32],
    rows: &[Lanes],
    stride: usize,
    snap: bool,
    out: &mut [Lanes],
) {
    let mut sums = [V::splat(0.0); N];
    // The last row may end early.
    let mut rows = rows.chunks(stride);
    for (&x, row) in x.iter().zip(&mut rows) {
        if let Some(row) = row.first_chunk::<N>() {
            let x = V::splat(x);
            for k in 0..N {
                sums[k] = sums[k] + x * V::load(&row[k]);
            }
        }
    }
    if projection.bias
        && let Some(row) = rows.next().and_then(<[Lanes]>::first_chunk::<N>)
    {
        for k in 0..N {
            sums[k] = sums[k] + V::load(&row[k]);
        }
    }
    for k in 0..N {
        if snap {
            sums[k] = snap_current(sums[k]);
        }
        sums[k].store(&mut out[k]);
    }
}

/// The sum of the rows of `spikes`, ascending, for `N` of `stride` columns.
#[inline(always)]
fn sum_rows<V: Vector, const N: usize>(
    rows: &[Lanes],
    stride: usize,
    spikes: &[u64],
    start: &[Lanes],
    out: &mut [Lanes],
) {
    let mut sums = [V::splat(0.0); N];
    for k in 0..N {
        sums[k] = V::load(&start[k]);
    }
    let mut first = 0;
    for &word in spikes {
        let mut bits = word;
        while bits != 0 {
            let at = (first + bits.trailing_zeros() as usize) * stride;
            bits &= bits - 1;
            let row = &rows[at..at + N];
            for k in 0..N {
                sums[k] = sums[k] + V::load(&row[k]);
            }
        }
        first += 64;
    }
    for k in 0..N {
        sums[k].store(&mut out[k]);
    }
}

/// Adds the rows of `spikes`.
#[inline(always)]
fn add_rows(spikes: &[u16], rows: &[Lanes], stride: usize, out: &mut [Lanes]) {
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

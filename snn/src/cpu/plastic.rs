//! Weights that change during an episode, on the CPU; the equations are in [`crate::plasticity`].

use numerics::wide;

use super::synapses::{Activities, Source};
use crate::lanes::{Lanes, WIDTH, part, part_mut};
use crate::network::Network;
use crate::plasticity::Plastic;
use crate::weights::faded;

/// One plastic projection of all slots.
pub(crate) struct Learner {
    rows: usize,
    stride: usize,
    /// Per slot, `[rows][lanes]`: the weights at birth.
    innate: Vec<Lanes>,
    /// Per slot, `[rows][lanes]`: what has been learned.
    change: Vec<Lanes>,
    /// Per slot, `[rows][lanes]`; empty if rewards do not matter.
    eligibility: Vec<Lanes>,
    /// Per slot: coefficients, `[coefficient][lanes]`.
    coefficients: Vec<Lanes>,
    /// Per slot: traces of the sources, and of the targets.
    sources: Vec<f32>,
    targets: Vec<Lanes>,
    /// `[rows][lanes]`: 1 where a connection exists; empty: everywhere.
    mask: Vec<Lanes>,
    /// Buffers: what one row adds, and its share per source trace.
    terms: [Vec<Lanes>; 2],
    present: Vec<f32>,
}

impl Learner {
    pub(crate) fn new(network: &Network, plastic: &Plastic, slots: usize) -> Self {
        let projection = &network.projections[plastic.projection];
        let (rows, stride) = (projection.rows, projection.cols.div_ceil(WIDTH));
        let matrix = || vec![Lanes::ZERO; slots * rows * stride];
        let mut mask = Vec::new();
        if !plastic.mask.is_empty() {
            mask = vec![Lanes::ZERO; rows * stride];
            for place in (0..rows * projection.cols).filter(|&place| plastic.exists(place)) {
                let (pre, post) = (place / projection.cols, place % projection.cols);
                mask[pre * stride + post / WIDTH].0[post % WIDTH] = 1.0;
            }
        }
        Self {
            rows,
            stride,
            innate: matrix(),
            change: matrix(),
            eligibility: if plastic.reward.is_some() { matrix() } else { Vec::new() },
            coefficients: vec![Lanes::ZERO; slots * plastic.blocks.len() * stride],
            sources: vec![0.0; slots * rows],
            targets: vec![Lanes::ZERO; slots * stride],
            mask,
            terms: [vec![Lanes::ZERO; stride], vec![Lanes::ZERO; stride]],
            present: vec![0.0; rows],
        }
    }

    /// Takes over an individual whose weights at birth are `weights` (and perhaps a bias).
    pub(crate) fn load(
        &mut self,
        network: &Network,
        plastic: &Plastic,
        slot: usize,
        theta: &[f32],
        weights: &[Lanes],
    ) {
        let size = self.rows * self.stride;
        part_mut(&mut self.innate, size, slot).copy_from_slice(&weights[..size]);
        let coefficients = plastic.blocks.len() * self.stride;
        plastic.lanes(&network.layout, theta, part_mut(&mut self.coefficients, coefficients, slot));
    }

    /// Begins an episode.
    pub(crate) fn reset(&mut self, slot: usize, weights: &mut [Lanes]) {
        let size = self.rows * self.stride;
        weights[..size].copy_from_slice(part(&self.innate, size, slot));
        part_mut(&mut self.change, size, slot).fill(Lanes::ZERO);
        if !self.eligibility.is_empty() {
            part_mut(&mut self.eligibility, size, slot).fill(Lanes::ZERO);
        }
        part_mut(&mut self.sources, self.rows, slot).fill(0.0);
        part_mut(&mut self.targets, self.stride, slot).fill(Lanes::ZERO);
    }

    /// Changes the weights, once per control step. Returns whether a change was infinite or no number; it
    /// is set to 0 then.
    pub(crate) fn learn(
        &mut self,
        network: &Network,
        plastic: &Plastic,
        slot: usize,
        modulator: f32,
        weights: &mut [Lanes],
    ) -> bool {
        learn(self, network, plastic, slot, modulator, weights)
    }

    /// Takes note of what sources and targets did in a tick.
    pub(crate) fn observe(&mut self, plastic: &Plastic, slot: usize, seen: Activities<'_>) {
        observe(self, plastic, slot, seen);
    }
}

/// A change of a weight within its bound; 0 with the lowest bit of `fault` set if `x` is infinite or no
/// number. `max` and `min` would turn that into a bound.
#[inline(always)]
fn changed(x: f32, bound: f32, fault: &mut u32) -> f32 {
    let bad = !x.is_finite();
    *fault |= u32::from(bad);
    // Not `clamp`, whose check of the bounds keeps the loop from vector registers.
    faded(if bad { 0.0 } else { x }).max(-bound).min(bound)
}

wide! {
    fn learn(
        learner: &mut Learner,
        network: &Network,
        plastic: &Plastic,
        slot: usize,
        modulator: f32,
        weights: &mut [Lanes],
    ) -> bool {
        let stride = learner.stride;
        let size = learner.rows * stride;
        let projection = &network.projections[plastic.projection];
        let change = part_mut(&mut learner.change, size, slot);
        let sources = part(&learner.sources, learner.rows, slot);
        let Plastic { keep, bound, .. } = *plastic;
        let mut faults = [0; WIDTH];
        if let Some(reward) = plastic.reward {
            let eligibility = part_mut(&mut learner.eligibility, size, slot);
            for (change, eligible) in change.iter_mut().zip(eligibility) {
                for ((h, e), fault) in change.0.iter_mut().zip(&mut eligible.0).zip(&mut faults) {
                    *h = changed(keep * *h + modulator * *e, bound, fault);
                    *e = faded(*e * reward.eligibility);
                }
            }
        } else {
            let coefficients = part(&learner.coefficients, 4 * stride, slot);
            let targets = part(&learner.targets, stride, slot);
            let [per_source, always] = &mut learner.terms;
            for (column, y) in targets.iter().enumerate() {
                let [a, b, c, d] = std::array::from_fn(|k| &coefficients[k * stride + column].0);
                for lane in 0..WIDTH {
                    per_source[column].0[lane] = a[lane] * y.0[lane] + b[lane];
                    always[column].0[lane] = c[lane] * y.0[lane] + d[lane];
                }
            }
            for (row, &x) in change.chunks_exact_mut(stride).zip(sources) {
                for ((change, u), v) in row.iter_mut().zip(&*per_source).zip(&*always) {
                    for (((h, u), v), fault) in change.0.iter_mut().zip(u.0).zip(v.0).zip(&mut faults) {
                        *h = changed(keep * *h + (x * u + v), bound, fault);
                    }
                }
            }
        }
        let innate = part(&learner.innate, size, slot);
        for (pre, row) in weights[..size].chunks_exact_mut(stride).enumerate() {
            let places = pre * stride..(pre + 1) * stride;
            let sign = projection.signs.get(pre).copied().unwrap_or(0);
            let pieces = row.iter_mut().zip(&innate[places.clone()]).zip(&change[places]);
            for ((weights, innate), change) in pieces {
                for ((weight, w0), h) in weights.0.iter_mut().zip(innate.0).zip(change.0) {
                    *weight = w0 + h;
                }
                projection.unit.settle(&mut weights.0, sign);
            }
        }
        for (weights, mask) in weights.iter_mut().zip(&learner.mask) {
            for (weight, &exists) in weights.0.iter_mut().zip(&mask.0) {
                *weight = if exists == 0.0 { 0.0 } else { *weight };
            }
        }
        faults.iter().fold(0, |any, fault| any | fault) != 0
    }
}

wide! {
    fn observe(learner: &mut Learner, plastic: &Plastic, slot: usize, seen: Activities<'_>) {
        let (stride, size) = (learner.stride, learner.rows * learner.stride);
        let Plastic { trace, share, .. } = *plastic;
        let sources = part_mut(&mut learner.sources, learner.rows, slot);
        let present: &[f32] = match seen.source {
            Source::Currents(currents) => currents,
            Source::Spikes(indices) => {
                learner.present.fill(0.0);
                for &index in indices {
                    learner.present[usize::from(index)] = 1.0;
                }
                &learner.present
            }
        };
        for (x, s) in sources.iter_mut().zip(present) {
            *x = faded(trace * *x + share * s);
        }
        let targets = part_mut(&mut learner.targets, stride, slot);
        if !learner.eligibility.is_empty() {
            let [potentiation, depression] = &mut learner.terms;
            let coefficients = part(&learner.coefficients, 2 * stride, slot);
            let mut quiet = true;
            for column in 0..stride {
                let [plus, minus] = [&coefficients[column].0, &coefficients[stride + column].0];
                for lane in 0..WIDTH {
                    potentiation[column].0[lane] = plus[lane] * seen.targets[column].0[lane];
                    depression[column].0[lane] = minus[lane] * targets[column].0[lane];
                    quiet &= seen.targets[column].0[lane] == 0.0;
                }
            }
            let eligibility = part_mut(&mut learner.eligibility, size, slot);
            for ((row, &x), &s) in eligibility.chunks_exact_mut(stride).zip(&*sources).zip(present) {
                // Then nothing but zeros would be added.
                if quiet && s == 0.0 {
                    continue;
                }
                for ((eligible, plus), minus) in row.iter_mut().zip(&*potentiation).zip(&*depression) {
                    for ((e, plus), minus) in eligible.0.iter_mut().zip(plus.0).zip(minus.0) {
                        *e += x * plus - s * minus;
                    }
                }
            }
        }
        for (trace_of, s) in targets.iter_mut().zip(seen.targets) {
            for (y, s) in trace_of.0.iter_mut().zip(s.0) {
                *y = faded(trace * *y + share * s);
            }
        }
    }
}

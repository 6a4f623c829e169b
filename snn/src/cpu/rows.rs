//! A control step by rows: each spike adds one contiguous row of weights, into all that it reaches.
//!
//! A neuron's sums are there when its tick begins: those of spikes of the last tick since then, those of
//! populations before it since a moment ago.

use std::ops::Range;

use super::individuals::{Individuals, Rows, SumFn};
use super::plan::Row;
use super::synapses::Synapses;
use super::tick::{self, Layer, Neurons};
use crate::lanes::{Lanes, WIDTH, part, part_mut, values};
use crate::vector::{Ints, Vector};

/// One control step of one individual. Does nothing but returns false if it must be done by projections, because the
/// order of a sum could matter.
#[inline(always)]
pub(super) fn step<V: Vector, S: Synapses>(individuals: &mut Individuals<S>, slot: usize) -> bool {
    let network = &*individuals.network;
    let (plan, synapses) = (&individuals.plan, &mut individuals.synapses);
    let (episode, signal) = (&mut individuals.host.episodes[slot], &individuals.host.signal);
    let scratch = &mut individuals.scratch;
    let by = &mut scratch.rows;
    for dense in &plan.dense {
        let projection = &network.projections[dense.projection];
        let columns = projection.cols.div_ceil(WIDTH);
        let out = &mut by.constants[dense.constant..dense.constant + columns];
        synapses.currents::<V>(projection, slot, dense.projection, &signal.currents, out);
    }
    if plan.several {
        let (mut largest, mut bad) = (V::splat(0.0), V::none());
        for constant in &by.constants {
            let current = V::load(constant);
            bad = V::or(bad, current.bad());
            largest = largest.max(current.abs());
        }
        let mut lanes = Lanes::ZERO;
        largest.store(&mut lanes);
        if V::bits(bad) != 0 || !synapses.any_order(slot, lanes.0.into_iter().fold(0.0, f32::max)) {
            return false;
        }
    }
    let synapses = &*synapses;

    let states = part_mut(&mut individuals.states, network.state_lanes, slot);
    let constants = part(&individuals.constants, network.constant_lanes, slot);
    let spikes = part_mut(&mut individuals.spikes, network.spike_words, slot);
    let fan_out = &individuals.fan_out[slot * individuals.fan_out_size..];
    let add = individuals.sum;
    for (index, population) in network.populations.iter().enumerate() {
        if population.clear {
            let initial = part(&individuals.initial, network.state_lanes, slot);
            let lanes = population.states();
            states[lanes.clone()].copy_from_slice(&initial[lanes]);
        }
        if population.spiking() {
            // Without delays there is one row from the last control step.
            let rows = &mut spikes[population.rows(0..1 + network.ticks)];
            for word in 0..population.words {
                rows[word] = rows[network.ticks * population.words + word];
            }
            let row = &plan.sources[index];
            if row.split > 0 {
                sum(add, synapses, slot, (row, 0..row.split), &rows[..population.words], by);
            }
        }
    }

    let input_words = network.width.div_ceil(64);
    let (mut faults, grid) = (false, network.format.grid());
    let (mut fired, mut operations) = (0, 0);
    for t in 0..network.ticks {
        if let Some(row) = &plan.encoder {
            let words = &signal.spikes[t * input_words..(t + 1) * input_words];
            sum(add, synapses, slot, (row, 0..row.width), words, by);
        }
        let mut offset = 0;
        for (index, population) in network.populations.iter().enumerate() {
            let (inputs, stride) = (&plan.inputs[index], population.stride);
            let constant = inputs.constant.map(|at| &by.constants[at..at + stride]);
            let forward = match (constant, &inputs.forward[..]) {
                (Some(constant), []) => constant,
                (None, &[sums]) => &by.sums[sums..sums + stride],
                (_, terms) => {
                    let out = &mut scratch.forward[..stride];
                    gather::<V>(terms, &by.sums, out);
                    out
                }
            };
            let recurrent = match &inputs.recurrent[..] {
                [] => &by.zeros[..stride],
                &[sums] => &by.sums[sums..sums + stride],
                terms => {
                    let out = &mut scratch.recurrent[..stride];
                    gather::<V>(terms, &by.sums, out);
                    out
                }
            };
            let words = &mut spikes[population.rows(1 + t..2 + t)];
            let mut neurons = Neurons {
                shape: population.shape(),
                constants: &constants[population.constant..],
                forward,
                recurrent,
                states: &mut states[population.state..],
                spikes: words,
            };
            if let Some(compiled) = individuals.ticks[index] {
                #[expect(unsafe_code, reason = "calls a copy compiled for detected CPU features")]
                // SAFETY: the evaluator chose it for a set that the machine has.
                let fault = unsafe { compiled(&mut neurons) };
                faults |= fault;
            } else {
                neurons.states = &mut neurons.states[..population.states().len()];
                let scratch = &mut scratch.tick[index];
                let (faults, traces) = (&mut faults, None);
                tick::tick(None, &mut Layer { population, grid, neurons, faults, scratch, traces });
            }
            let words = &spikes[population.rows(1 + t..2 + t)];
            if !population.spiking() {
                continue;
            }
            let row = &plan.sources[index];
            let count = ones(words);
            fired += count;
            operations += match row.fan_out {
                Some(fan_out) => count * u64::from(fan_out),
                None => targets::<V>(words, &fan_out[offset..offset + stride]),
            };
            offset += stride;
            let last = if t + 1 == network.ticks { row.split } else { 0 };
            if last < row.width {
                sum(add, synapses, slot, (row, last..row.width), words, by);
            }
        }
    }
    episode.activity.spikes += fired;
    episode.activity.synaptic_operations += operations;
    episode.fault |= faults;
    let readout = network.readout();
    let first = &states[readout.state..readout.state + readout.stride];
    individuals.host.finish(slot, values(first, readout.neurons));
    true
}

/// Replaces `out` by the sums from the columns `terms` on, one after the other.
#[inline(always)]
fn gather<V: Vector>(terms: &[usize], sums: &[Lanes], out: &mut [Lanes]) {
    for (k, out) in out.iter_mut().enumerate() {
        let mut total = V::splat(0.0);
        for term in terms {
            total = total + V::load(&sums[term + k]);
        }
        total.store(out);
    }
}

/// Some columns of the sum of the rows of the neurons in `spikes`.
#[inline(always)]
fn sum<S: Synapses>(
    add: SumFn<S>,
    synapses: &S,
    slot: usize,
    (row, columns): (&Row, Range<usize>),
    spikes: &[u64],
    by: &mut Rows,
) {
    let range = row.sums..row.sums + row.place.stride;
    let (start, sums) = (&by.constants[range.clone()], &mut by.sums[range]);
    #[expect(unsafe_code, reason = "calls a copy compiled for detected CPU features")]
    // SAFETY: the evaluator chose it for a set that the machine has.
    unsafe {
        add(synapses, slot, row, columns, spikes, start, sums);
    }
}

#[inline(always)]
fn ones(words: &[u64]) -> u64 {
    let mut count = 0;
    for word in words {
        count += u64::from(word.count_ones());
    }
    count
}

/// Connections out of the neurons in `words`.
#[inline(always)]
fn targets<V: Vector>(words: &[u64], fan_out: &[Ints]) -> u64 {
    let mut sum = V::int_zero();
    for (column, fan_out) in fan_out.iter().enumerate() {
        let bits = words[column * WIDTH / 64] >> (column * WIDTH % 64);
        sum = V::int_add_where(sum, V::mask(bits as u32 & 0xffff), V::int_load(fan_out));
    }
    let mut lanes = Ints::default();
    V::int_store(sum, &mut lanes);
    let mut total = 0;
    for count in lanes.0 {
        total += u64::from(count.cast_unsigned());
    }
    total
}

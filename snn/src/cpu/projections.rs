//! A control step by projections: the loop for every network, with delays, plasticity and probes.

use super::individuals::{Arriving, Individuals};
use super::synapses::{self, Activities, Synapses};
use super::tick;
use crate::lanes::{Lanes, WIDTH, part, part_mut, values};
use crate::network::{Population, Source};
use crate::vector::Vector;

/// One control step of one individual.
#[inline(always)]
pub(super) fn step<V: Vector, S: Synapses>(individuals: &mut Individuals<S>, slot: usize) {
    let network = &*individuals.network;
    let states = part_mut(&mut individuals.states, network.state_lanes, slot);
    let constants = part(&individuals.constants, network.constant_lanes, slot);
    let spikes = part_mut(&mut individuals.spikes, network.spike_words, slot);
    let fan_out = &individuals.fan_out[slot * individuals.fan_out_size..];
    let watched = individuals.watched == Some(slot);
    let scratch = &mut individuals.scratch;
    let by = &mut scratch.projections;

    let learned_badly = !network.plastic.is_empty()
        && individuals.synapses.learn(network, slot, &individuals.host.modulators);
    let (episode, signal) = (&mut individuals.host.episodes[slot], &individuals.host.signal);
    let activity = &mut episode.activity;
    for (index, population) in network.populations.iter().enumerate() {
        if population.clear {
            let initial = part(&individuals.initial, network.state_lanes, slot);
            let lanes = population.states();
            states[lanes.clone()].copy_from_slice(&initial[lanes]);
        }
        if population.spiking() {
            let rows = &mut spikes[population.rows(0..network.history + network.ticks)];
            rows.copy_within(network.ticks * population.words.., 0);
            arrive(population, spikes, network.history - 1, &mut by.arriving[index]);
        }
        if watched {
            by.traces[index].iter_mut().for_each(Vec::clear);
        }
    }
    for (index, projection) in network.projections.iter().enumerate() {
        if network.is_dense(projection) {
            let out = &mut by.constant[projection.target];
            out.resize(network.populations[projection.target].stride, Lanes::ZERO);
            individuals.synapses.currents::<V>(projection, slot, index, &signal.currents, out);
        }
    }

    let input_words = network.width.div_ceil(64);
    let mut faults = false;
    for tick in 0..network.ticks {
        let input = match signal.spikes.get(tick * input_words..(tick + 1) * input_words) {
            Some(words) => {
                indices(words, &mut by.input);
                words
            }
            None => &[],
        };
        let mut offset = 0;
        for (index, population) in network.populations.iter().enumerate() {
            let forward = &mut scratch.forward[..population.stride];
            let recurrent = &mut scratch.recurrent[..population.stride];
            match &by.constant[index][..] {
                [] => forward.fill(Lanes::ZERO),
                constant => forward.copy_from_slice(constant),
            }
            recurrent.fill(Lanes::ZERO);
            for (at, projection) in network.incoming(index) {
                let arriving = match projection.source {
                    Source::Input if input.is_empty() => continue,
                    Source::Input => &by.input,
                    Source::Population(source) => &by.arriving[source].indices,
                };
                if arriving.is_empty() {
                    continue;
                }
                let apart = projection.recurrent && population.neuron.kernel().recurrent;
                let out = if apart { &mut *recurrent } else { &mut *forward };
                individuals.synapses.add(projection, slot, at, arriving, out);
            }
            let row = network.history + tick;
            let words = &mut spikes[population.rows(row..row + 1)];
            tick::tick(
                individuals.ticks[index],
                &mut tick::Layer {
                    population,
                    grid: network.format.grid(),
                    neurons: tick::Neurons {
                        shape: population.shape(),
                        constants: &constants[population.constant..],
                        forward,
                        recurrent,
                        states: &mut states[population.states()],
                        spikes: words,
                    },
                    faults: &mut faults,
                    scratch: &mut scratch.tick[index],
                    traces: watched.then_some(&mut by.traces[index]),
                },
            );
            let mut plastic = network.incoming(index).filter_map(|(_, p)| Some((p.plastic?, p))).peekable();
            let targets = &mut by.activities[..population.stride];
            if plastic.peek().is_some() {
                activities(population, words, &states[population.states()], targets);
            }
            for (rule, projection) in plastic {
                let source = match projection.source {
                    Source::Input if input.is_empty() => synapses::Source::Currents(&signal.currents),
                    Source::Input => synapses::Source::Spikes(&by.input),
                    Source::Population(source) => synapses::Source::Spikes(&by.arriving[source].indices),
                };
                individuals.synapses.observe(network, slot, rule, Activities { source, targets });
            }
            if !population.spiking() {
                continue;
            }
            let arriving = &mut by.arriving[index];
            if population.delays.is_empty() {
                indices(words, &mut arriving.indices);
                arriving.words.clear();
                arriving.words.extend_from_slice(words);
                activity.count(&arriving.indices, &fan_out[offset..]);
            } else {
                indices(words, &mut arriving.indices);
                activity.count(&arriving.indices, &fan_out[offset..]);
                arrive(population, spikes, row, arriving);
            }
            offset += population.stride;
        }
    }
    episode.fault |= faults || learned_badly;
    let readout = network.readout();
    let first = &states[readout.state..readout.state + readout.stride];
    individuals.host.finish(slot, values(first, readout.neurons));
}

/// What the neurons of `population` did in a tick: spikes as 0 or 1, or the first of their `states`.
#[inline(always)]
fn activities(population: &Population, spikes: &[u64], states: &[Lanes], out: &mut [Lanes]) {
    for (column, lanes) in out.iter_mut().enumerate() {
        for (lane, activity) in lanes.0.iter_mut().enumerate() {
            let neuron = column * WIDTH + lane;
            *activity = match neuron < population.neurons {
                false => 0.0,
                true if population.spiking() => (spikes[neuron / 64] >> (neuron % 64) & 1) as f32,
                true => states[column].0[lane].clamp(-1.0, 1.0),
            };
        }
    }
}

/// Spikes of `population` that arrive after those of row `row` have been emitted.
#[inline(always)]
fn arrive(population: &Population, spikes: &[u64], row: usize, arriving: &mut Arriving) {
    arriving.words.clear();
    if population.delays.is_empty() {
        arriving.words.extend_from_slice(&spikes[population.rows(row..row + 1)]);
    } else {
        arriving.words.resize(population.words, 0);
        for (delay, select) in &population.delays {
            let emitted = &spikes[population.rows(row - delay..row - delay + 1)];
            for ((word, emitted), select) in arriving.words.iter_mut().zip(emitted).zip(select) {
                *word |= emitted & select;
            }
        }
    }
    indices(&arriving.words, &mut arriving.indices);
}

/// Replaces `indices` by the ascending indices of the bits set in `words`.
#[inline(always)]
fn indices(words: &[u64], indices: &mut Vec<u16>) {
    indices.clear();
    for (word, &bits) in words.iter().enumerate() {
        let mut bits = bits;
        while bits != 0 {
            // Layers have at most 4096 neurons.
            indices.push((word * 64) as u16 + bits.trailing_zeros() as u16);
            bits &= bits - 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_are_ascending() {
        let mut found = vec![7];
        indices(&[1 << 63 | 5, 0, 2], &mut found);
        assert_eq!(found, [0, 2, 63, 129]);
    }
}

//! Event-driven evaluator of spiking networks on the CPU.
//!
//! Only the connections of neurons that spiked are read. All ticks of one individual run before the
//! next individual, so its weights come from memory once per control step.

mod plastic;
mod synapses;
mod tick;

use std::sync::Arc;

use numerics::wide;

use crate::activity::Activity;
use crate::controller::{Evaluator, Resumable, check_step};
use crate::gpu::BackendError;
use crate::host::Host;
use crate::lanes::{Lanes, WIDTH, part, part_mut, values};
use crate::network::{Network, Population, Source, Weights};
use crate::output::copy_active;
use crate::probe::Probe;
use crate::state::NetworkState;

pub(crate) use plastic::Learner;
pub(crate) use synapses::{Activities, Spikes, Synapses};

/// All slots, with weights as `S` keeps them.
pub(crate) struct CpuEvaluator<S> {
    network: Arc<Network>,
    synapses: S,
    /// Whether `synapses` has its memory.
    claimed: bool,
    /// Per slot: constants of the neuron models.
    constants: Vec<Lanes>,
    /// Per slot: state variables at the start of an episode, and now.
    initial: Vec<Lanes>,
    states: Vec<Lanes>,
    /// Per slot and population: bit-packed spikes of earlier ticks and of those of the last control
    /// step.
    spikes: Vec<u64>,
    /// Per slot: connections out of each neuron, if individuals differ.
    fan_out: Vec<u32>,
    host: Host,
    watched: Option<usize>,
    scratch: Scratch,
}

/// Buffers that carry nothing from one control step to the next.
struct Scratch {
    /// Spiking sources of the encoder in the tick at hand.
    input: Vec<u16>,
    /// Per population: current that is constant over the ticks, if it has any.
    constant: Vec<Vec<Lanes>>,
    forward: Vec<Lanes>,
    recurrent: Vec<Lanes>,
    /// Per population: spikes that arrive at its targets now.
    arriving: Vec<Arriving>,
    /// For plasticity: what the targets did.
    activities: Vec<Lanes>,
    /// Per population.
    tick: Vec<tick::Scratch>,
    /// Per population: per trace, values of all ticks.
    traces: Vec<Vec<Vec<f32>>>,
}

#[derive(Default)]
struct Arriving {
    indices: Vec<u16>,
    words: Vec<u64>,
}

impl<S: Synapses> CpuEvaluator<S> {
    pub(crate) fn new(network: Arc<Network>, slots: usize) -> Self {
        let lanes = |per_slot: usize| vec![Lanes::ZERO; slots * per_slot];
        let populations = &network.populations;
        let widest = populations.iter().map(|p| p.stride).max().unwrap_or(0);
        let fan_out = if network.format.is_binary() { network.neurons() } else { 0 };
        let mut evaluator = Self {
            synapses: S::new(&network, slots),
            claimed: false,
            constants: lanes(network.constant_lanes),
            initial: lanes(network.state_lanes),
            states: lanes(network.state_lanes),
            spikes: vec![0; slots * network.spike_words],
            fan_out: vec![0; slots * fan_out],
            host: Host::new(&network, slots),
            watched: None,
            scratch: Scratch {
                input: Vec::new(),
                constant: vec![Vec::new(); populations.len()],
                forward: vec![Lanes::ZERO; widest],
                recurrent: vec![Lanes::ZERO; widest],
                arriving: populations.iter().map(|_| Arriving::default()).collect(),
                activities: vec![Lanes::ZERO; widest],
                tick: populations.iter().map(|_| tick::Scratch::default()).collect(),
                traces: vec![Vec::new(); populations.len()],
            },
            network,
        };
        let zero = vec![0.0; evaluator.network.layout.len()];
        for slot in 0..slots {
            evaluator.load_neurons(slot, &zero);
        }
        evaluator.states.copy_from_slice(&evaluator.initial);
        evaluator
    }

    /// Takes the memory of the weights, unless it has.
    #[inline]
    fn claim(&mut self) {
        if !self.claimed {
            self.claimed = true;
            let network = Arc::clone(&self.network);
            self.synapses.claim(&network);
            // Weights that are not evolved are there before any are loaded.
            if network.projections.iter().any(|projection| matches!(projection.weights, Weights::Fixed(_))) {
                let zero = vec![0.0; network.layout.len()];
                for slot in 0..self.slots() {
                    self.synapses.load(&network, slot, &zero);
                }
            }
        }
    }

    /// Constants and start states of the neuron models of one individual.
    fn load_neurons(&mut self, slot: usize, parameters: &[f32]) {
        let network = &*self.network;
        let constants = part_mut(&mut self.constants, network.constant_lanes, slot);
        let initial = part_mut(&mut self.initial, network.state_lanes, slot);
        network.neuron_values(parameters, |population, neuron, values| {
            let (stride, lane) = (population.constant_stride(), neuron % WIDTH);
            for (index, &value) in values.constants.iter().enumerate() {
                let at = population.constant + index * stride;
                if population.individual {
                    // The last neuron's serve the padding as well.
                    constants[at + neuron / WIDTH].0[lane..].fill(value);
                } else {
                    constants[at] = Lanes::splat(value);
                }
            }
            for (index, &value) in values.initial.iter().enumerate() {
                let at = population.state + index * population.stride;
                if population.individual {
                    initial[at + neuron / WIDTH].0[lane..].fill(value);
                } else {
                    initial[at..at + population.stride].fill(Lanes::splat(value));
                }
            }
        });
    }
}

wide! {
    /// One control step of one individual.
    fn step[S: Synapses][S](
        evaluator: &mut CpuEvaluator<S>,
        slot: usize,
        observation: &[f32],
        reward: f32,
    ) {
        let network = &*evaluator.network;
        let states = part_mut(&mut evaluator.states, network.state_lanes, slot);
        let constants = part(&evaluator.constants, network.constant_lanes, slot);
        let spikes = part_mut(&mut evaluator.spikes, network.spike_words, slot);
        let fan_out = part(&evaluator.fan_out, evaluator.fan_out.len() / evaluator.host.episodes.len(), slot);
        let watched = evaluator.watched == Some(slot);
        let scratch = &mut evaluator.scratch;

        evaluator.host.begin(slot, observation, reward);
        let learned_badly = !network.plastic.is_empty()
            && evaluator.synapses.learn(network, slot, &evaluator.host.modulators);
        let (episode, signal) = (&mut evaluator.host.episodes[slot], &evaluator.host.signal);
        let activity = &mut episode.activity;
        for (index, population) in network.populations.iter().enumerate() {
            if population.clear {
                let initial = part(&evaluator.initial, network.state_lanes, slot);
                let lanes = population.states();
                states[lanes.clone()].copy_from_slice(&initial[lanes]);
            }
            if population.spiking() {
                let rows = &mut spikes[population.rows(0..network.history + network.ticks)];
                rows.copy_within(network.ticks * population.words.., 0);
                arrive(population, spikes, network.history - 1, &mut scratch.arriving[index]);
            }
            if watched {
                scratch.traces[index].iter_mut().for_each(Vec::clear);
            }
        }
        if !network.encoder.encoder().spiking() {
            for (index, projection) in network.projections.iter().enumerate() {
                if projection.source == Source::Input {
                    let out = &mut scratch.constant[projection.target];
                    out.resize(network.populations[projection.target].stride, Lanes::ZERO);
                    evaluator.synapses.currents(projection, slot, index, &signal.currents, out);
                }
            }
        }

        let input_words = network.width.div_ceil(64);
        let mut faults = 0;
        for tick in 0..network.ticks {
            let input = match signal.spikes.get(tick * input_words..(tick + 1) * input_words) {
                Some(words) => {
                    indices(words, &mut scratch.input);
                    words
                }
                None => &[],
            };
            let mut offset = 0;
            for (index, population) in network.populations.iter().enumerate() {
                let forward = &mut scratch.forward[..population.stride];
                let recurrent = &mut scratch.recurrent[..population.stride];
                match &scratch.constant[index][..] {
                    [] => forward.fill(Lanes::ZERO),
                    constant => forward.copy_from_slice(constant),
                }
                recurrent.fill(Lanes::ZERO);
                for (at, projection) in network.incoming(index) {
                    let arriving = match projection.source {
                        Source::Input if input.is_empty() => continue,
                        Source::Input => Spikes { indices: &scratch.input, words: input },
                        Source::Population(source) => {
                            let Arriving { indices, words } = &scratch.arriving[source];
                            Spikes { indices, words }
                        }
                    };
                    if arriving.indices.is_empty() {
                        continue;
                    }
                    let apart = projection.recurrent && population.neuron.kernel().recurrent;
                    let out = if apart { &mut *recurrent } else { &mut *forward };
                    evaluator.synapses.add(projection, slot, at, arriving, out);
                }
                let row = network.history + tick;
                let words = &mut spikes[population.rows(row..row + 1)];
                tick::tick(&mut tick::Layer {
                    population,
                    grid: network.format.grid(),
                    constants: &constants[population.constant..],
                    forward,
                    recurrent,
                    states: &mut states[population.states()],
                    spikes: words,
                    faults: &mut faults,
                    scratch: &mut scratch.tick[index],
                    traces: watched.then_some(&mut scratch.traces[index]),
                });
                let mut plastic =
                    network.incoming(index).filter_map(|(_, p)| Some((p.plastic?, p))).peekable();
                let targets = &mut scratch.activities[..population.stride];
                if plastic.peek().is_some() {
                    activities(population, words, &states[population.states()], targets);
                }
                for (rule, projection) in plastic {
                    let source = match projection.source {
                        Source::Input if input.is_empty() => synapses::Source::Currents(&signal.currents),
                        Source::Input => synapses::Source::Spikes(&scratch.input),
                        Source::Population(source) => {
                            synapses::Source::Spikes(&scratch.arriving[source].indices)
                        }
                    };
                    evaluator.synapses.observe(network, slot, rule, Activities { source, targets });
                }
                if !population.spiking() {
                    continue;
                }
                let arriving = &mut scratch.arriving[index];
                if population.delays.is_empty() {
                    indices(words, &mut arriving.indices);
                    arriving.words.clear();
                    arriving.words.extend_from_slice(words);
                    activity.count(&arriving.indices, population, fan_out, offset);
                } else {
                    indices(words, &mut arriving.indices);
                    activity.count(&arriving.indices, population, fan_out, offset);
                    arrive(population, spikes, row, arriving);
                }
                offset += population.neurons;
            }
        }
        episode.fault |= faults != 0 || learned_badly;
        let readout = network.readout();
        let first = &states[readout.state..readout.state + readout.stride];
        evaluator.host.finish(slot, values(first, readout.neurons));
    }
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

impl<S: Synapses> Evaluator for CpuEvaluator<S> {
    fn slots(&self) -> usize {
        self.host.episodes.len()
    }

    fn load(&mut self, slot: usize, parameters: &[f32]) {
        self.claim();
        let network = Arc::clone(&self.network);
        self.host.load(slot, parameters);
        self.synapses.load(&network, slot, parameters);
        self.load_neurons(slot, parameters);
        let fan_out = self.fan_out.len() / self.slots();
        let mut fan_out = part_mut(&mut self.fan_out, fan_out, slot);
        if !fan_out.is_empty() {
            for (index, population) in network.hidden().iter().enumerate() {
                let (own, rest) = fan_out.split_at_mut(population.neurons);
                self.synapses.fan_out(&network, slot, index, own);
                fan_out = rest;
            }
        }
    }

    fn reset(&mut self, slot: usize, seed: u64) {
        self.claim();
        let network = &*self.network;
        let lanes = slot * network.state_lanes..(slot + 1) * network.state_lanes;
        self.states[lanes.clone()].copy_from_slice(&self.initial[lanes]);
        part_mut(&mut self.spikes, network.spike_words, slot).fill(0);
        self.host.reset(slot, seed);
        self.synapses.reset(network, slot);
    }

    fn begin(&mut self, active: &[bool], observations: &[f32], rewards: &[f32]) {
        self.claim();
        let inputs = self.network.inputs;
        check_step(self.slots(), inputs, active, observations);
        for (slot, observation) in observations.chunks_exact(inputs).enumerate() {
            if active[slot] {
                step(self, slot, observation, rewards[slot]);
            }
        }
    }

    fn finish(&mut self, active: &[bool], actions: &mut [f32]) -> Result<(), BackendError> {
        copy_active(active, &self.host.actions, actions);
        Ok(())
    }

    fn activity(&self, slot: usize) -> Activity {
        self.host.episodes[slot].activity
    }

    fn fault(&self, slot: usize) -> bool {
        self.host.episodes[slot].fault
    }

    fn watch(&mut self, slot: Option<usize>) -> Result<(), BackendError> {
        self.watched = slot;
        Ok(())
    }

    fn probe(&self, slot: usize, probe: &mut Probe) -> Result<(), BackendError> {
        let network = &*self.network;
        let states = part(&self.states, network.state_lanes, slot);
        let spikes = part(&self.spikes, network.spike_words, slot);
        let watched = self.watched == Some(slot);
        for (index, population) in network.populations.iter().enumerate() {
            let rows = population.rows(network.history..network.history + network.ticks);
            let traces = if watched { &self.scratch.traces[index][..] } else { &[] };
            let lanes = states[population.states()].chunks_exact(population.stride);
            let states = lanes.map(|lanes| values(lanes, population.neurons));
            probe.fill_population(network, index, &spikes[rows], states, traces);
        }
        Ok(())
    }
}

impl<S: Synapses> Resumable for CpuEvaluator<S> {
    fn state(&self, slot: usize) -> NetworkState {
        let network = &*self.network;
        let lanes = part(&self.states, network.state_lanes, slot);
        let mut state = self.host.state(slot);
        for population in &network.populations {
            for variable in lanes[population.states()].chunks_exact(population.stride) {
                state.states.extend(values(variable, population.neurons));
            }
        }
        let spikes = part(&self.spikes, network.spike_words, slot);
        for population in network.hidden() {
            // The next step moves them to the front.
            let rows = population.rows(network.ticks..network.ticks + network.history);
            state.spikes.extend_from_slice(&spikes[rows]);
        }
        state
    }

    fn resume(&mut self, slot: usize, state: &NetworkState, seed: u64) {
        self.reset(slot, seed);
        let network = &*self.network;
        self.host.resume(slot, state);
        let lanes = part_mut(&mut self.states, network.state_lanes, slot);
        let mut stored = &state.states[..];
        for population in &network.populations {
            for variable in lanes[population.states()].chunks_exact_mut(population.stride) {
                let (own, rest) = stored.split_at(population.neurons);
                stored = rest;
                for (lanes, values) in variable.iter_mut().zip(own.chunks(WIDTH)) {
                    lanes.0[..values.len()].copy_from_slice(values);
                }
            }
        }
        let spikes = part_mut(&mut self.spikes, network.spike_words, slot);
        let mut stored = &state.spikes[..];
        for population in network.hidden() {
            let rows = population.rows(network.ticks..network.ticks + network.history);
            let (own, rest) = stored.split_at(rows.len());
            stored = rest;
            spikes[rows].copy_from_slice(own);
        }
        assert!(stored.is_empty(), "a state of this network");
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

//! Event-driven evaluator of spiking networks in f32.
//!
//! Only the weight rows of neurons that spiked are read. All ticks of one individual run before
//! the next individual, so its weights come from memory once per control step.

use std::sync::Arc;

use crate::activity::Activity;
use crate::controller::{Evaluator, check_step};
use crate::lanes::{Lanes, WIDTH, dense, gather, tanh, values};
use crate::network::{Layer, Network};
use crate::neuron::{Neuron, with_model};
use crate::probe::Probe;

pub(crate) struct CpuEvaluator {
    network: Arc<Network>,
    /// Per slot: padded blocks of weights.
    weights: Vec<Lanes>,
    /// Per slot: state variables of the hidden layers.
    states: Vec<Lanes>,
    /// Per slot: readout.
    readouts: Vec<Lanes>,
    /// Per slot and layer: bit-packed spikes of each tick of the last control step. The last
    /// tick's are the recurrent input of the next control step.
    spikes: Vec<u64>,
    activity: Vec<Activity>,
    scratch: Scratch,
}

/// Buffers that carry nothing from one control step to the next.
struct Scratch {
    /// Per layer: input current that is constant over the ticks; zero but for the first layer.
    currents: Vec<Vec<Lanes>>,
    /// Per layer: ascending indices of the neurons that spiked last.
    spiking: Vec<Vec<u16>>,
}

impl CpuEvaluator {
    pub(crate) fn new(network: Arc<Network>, slots: usize) -> Self {
        let lanes = |per_slot: usize| vec![Lanes::ZERO; slots * per_slot];
        let layers = &network.layers;
        let mut evaluator = Self {
            weights: lanes(network.blocks.lanes()),
            states: lanes(network.state_lanes),
            readouts: lanes(network.readout.stride),
            spikes: vec![0; slots * network.spike_words],
            activity: vec![Activity::default(); slots],
            scratch: Scratch {
                currents: layers.iter().map(|l| vec![Lanes::ZERO; l.stride]).collect(),
                spiking: layers.iter().map(|l| Vec::with_capacity(l.neurons)).collect(),
            },
            network,
        };
        for slot in 0..slots {
            evaluator.reset(slot);
        }
        evaluator
    }

    /// One control step of one individual; `action` has one entry per output.
    fn step_slot(&mut self, slot: usize, observation: &[f32], action: &mut [f32]) {
        let network = &*self.network;
        let weights = part(&self.weights, network.blocks.lanes(), slot);
        let states = part_mut(&mut self.states, network.state_lanes, slot);
        let readout = part_mut(&mut self.readouts, network.readout.stride, slot);
        let spikes = part_mut(&mut self.spikes, network.spike_words, slot);
        let activity = &mut self.activity[slot];
        let Scratch { currents, spiking } = &mut self.scratch;

        let first = &network.layers[0];
        dense(observation, &weights[network.blocks.range(first.input)], &mut currents[0]);
        activity.synaptic_operations += (network.inputs * first.neurons) as u64;
        activity.steps += 1;
        for (layer, spiking) in network.layers.iter().zip(spiking.iter_mut()) {
            activity.neuron_ticks += (layer.neurons * network.ticks) as u64;
            let last = layer.spikes + (network.ticks - 1) * layer.words;
            indices(&spikes[last..last + layer.words], spiking);
        }

        let output_weights = &weights[network.blocks.range(network.readout.weight)];
        for tick in 0..network.ticks {
            for (index, layer) in network.layers.iter().enumerate() {
                let (before, own) = spiking.split_at_mut(index);
                let from_layer = before.last().map_or(&[][..], Vec::as_slice);
                let input = Input {
                    constant: &currents[index],
                    from_layer: Rows {
                        spikes: from_layer,
                        weights: &weights[network.blocks.range(layer.input)],
                    },
                    recurrent: layer.recurrent.map_or(Rows::NONE, |block| Rows {
                        spikes: &own[0],
                        weights: &weights[network.blocks.range(block)],
                    }),
                };
                let at = layer.spikes + tick * layer.words;
                let words = &mut spikes[at..at + layer.words];
                let states = &mut states[layer.state..];
                with_model!(&layer.model, |neuron| tick_layer(neuron, layer, &input, states, words));
                indices(words, &mut own[0]);
                let count = own[0].len() as u64;
                activity.spikes += count;
                activity.synaptic_operations += count * layer.fan_out as u64;
            }
            let last = spiking.last().map_or(&[][..], Vec::as_slice);
            tick_readout(network.readout.decay, last, output_weights, readout);
        }

        let bias = &weights[network.blocks.range(network.readout.bias)];
        for ((action, readout), bias) in action.chunks_mut(WIDTH).zip(readout.iter()).zip(bias) {
            let mut lanes = Lanes::ZERO;
            for ((out, r), b) in lanes.0.iter_mut().zip(readout.0).zip(bias.0) {
                *out = tanh(r + b);
            }
            action.copy_from_slice(&lanes.0[..action.len()]);
        }
    }
}

/// Part `index` of equal parts of `size`.
fn part<T>(all: &[T], size: usize, index: usize) -> &[T] {
    &all[index * size..(index + 1) * size]
}

fn part_mut<T>(all: &mut [T], size: usize, index: usize) -> &mut [T] {
    &mut all[index * size..(index + 1) * size]
}

/// Replaces `indices` by the ascending indices of the bits set in `words`.
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

/// Spiking sources and the block whose rows they add.
struct Rows<'a> {
    spikes: &'a [u16],
    weights: &'a [Lanes],
}

impl Rows<'_> {
    const NONE: Self = Self { spikes: &[], weights: &[] };
}

/// Everything that feeds a layer in one tick, in the order of summation.
struct Input<'a> {
    constant: &'a [Lanes],
    from_layer: Rows<'a>,
    recurrent: Rows<'a>,
}

/// One tick of a layer: sums the input, updates `states`, and writes the spikes to `words`.
fn tick_layer<N: Neuron<STATES>, const STATES: usize>(
    neuron: &N,
    layer: &Layer,
    input: &Input<'_>,
    states: &mut [Lanes],
    words: &mut [u64],
) {
    words.fill(0);
    for column in 0..layer.stride {
        let bits = tick_lanes(neuron, layer.stride, column, input, states);
        words[column * WIDTH / 64] |= bits << (column * WIDTH % 64);
    }
    // Padding is no neuron, whatever the model makes of zero current.
    let used = layer.neurons % 64;
    if used > 0 {
        words[layer.words - 1] &= (1 << used) - 1;
    }
}

/// One tick of the 16 neurons of lane `column`; returns their spikes, lowest bit first.
#[inline(always)]
fn tick_lanes<N: Neuron<STATES>, const STATES: usize>(
    neuron: &N,
    stride: usize,
    column: usize,
    input: &Input<'_>,
    states: &mut [Lanes],
) -> u64 {
    let mut current = input.constant[column];
    for rows in [&input.from_layer, &input.recurrent] {
        gather(&mut current, rows.spikes, rows.weights, stride, column);
    }
    let mut lanes: [Lanes; STATES] = std::array::from_fn(|state| states[state * stride + column]);
    // As wide as the state, which keeps the loop in vector registers.
    let mut spiked = [0_u32; WIDTH];
    #[expect(
        clippy::needless_range_loop,
        reason = "an iterator over several arrays at once is not vectorised"
    )]
    for lane in 0..WIDTH {
        let mut state: [f32; STATES] = std::array::from_fn(|state| lanes[state].0[lane]);
        spiked[lane] = u32::from(neuron.tick(current.0[lane], &mut state));
        for (lanes, value) in lanes.iter_mut().zip(state) {
            lanes.0[lane] = value;
        }
    }
    for (state, lanes) in lanes.into_iter().enumerate() {
        states[state * stride + column] = lanes;
    }
    let mut bits = 0;
    for (lane, spiked) in spiked.into_iter().enumerate() {
        bits |= spiked << lane;
    }
    u64::from(bits)
}

/// `r ← a·r + (1−a)·Σ W` over the rows of the spiking neurons.
fn tick_readout(decay: f32, spikes: &[u16], weights: &[Lanes], readout: &mut [Lanes]) {
    let stride = readout.len();
    for (column, readout) in readout.iter_mut().enumerate() {
        let mut sum = Lanes::ZERO;
        gather(&mut sum, spikes, weights, stride, column);
        for (r, sum) in readout.0.iter_mut().zip(sum.0) {
            *r = decay * *r + (1.0 - decay) * sum;
        }
    }
}

impl Evaluator for CpuEvaluator {
    fn slots(&self) -> usize {
        self.activity.len()
    }

    fn load(&mut self, slot: usize, parameters: &[f32]) {
        let blocks = &self.network.blocks;
        blocks.load(part_mut(&mut self.weights, blocks.lanes(), slot), parameters);
    }

    fn reset(&mut self, slot: usize) {
        let network = &*self.network;
        let states = part_mut(&mut self.states, network.state_lanes, slot);
        for layer in &network.layers {
            let lanes = states[layer.state..].chunks_exact_mut(layer.stride);
            for (lanes, state) in lanes.zip(layer.model.info().states) {
                lanes.fill(Lanes::splat(state.initial));
            }
        }
        part_mut(&mut self.readouts, network.readout.stride, slot).fill(Lanes::ZERO);
        part_mut(&mut self.spikes, network.spike_words, slot).fill(0);
        self.activity[slot] = Activity::default();
    }

    fn step(&mut self, active: &[bool], observations: &[f32], actions: &mut [f32]) {
        let (inputs, outputs) = (self.network.inputs, self.network.outputs);
        check_step(self.slots(), (inputs, outputs), active, observations, actions);
        let observations = observations.chunks_exact(inputs);
        let actions = actions.chunks_exact_mut(outputs);
        for (slot, (observation, action)) in observations.zip(actions).enumerate() {
            if active[slot] {
                self.step_slot(slot, observation, action);
            }
        }
    }

    fn activity(&self, slot: usize) -> Activity {
        self.activity[slot]
    }

    fn probe(&self, slot: usize, probe: &mut Probe) {
        let network = &*self.network;
        let states = part(&self.states, network.state_lanes, slot);
        let spikes = part(&self.spikes, network.spike_words, slot);
        let count = network.layers.len() + 1;
        for (index, layer) in network.layers.iter().enumerate() {
            let spikes = &spikes[layer.spikes..][..network.ticks * layer.words];
            let filled = probe.entry(count, index).fill(
                &format!("hidden.{index}"),
                layer.neurons,
                (network.ticks, spikes),
                layer.model.info().states.iter().map(|state| state.name),
            );
            let lanes = states[layer.state..].chunks_exact(layer.stride);
            for (state, lanes) in filled.iter_mut().zip(lanes) {
                state.values.extend(values(lanes, layer.neurons));
            }
        }
        let readout = part(&self.readouts, network.readout.stride, slot);
        let (name, none) = ("readout", (0, &[][..]));
        let states = probe.entry(count, count - 1).fill(name, network.outputs, none, ["r"].into_iter());
        states[0].values.extend(values(readout, network.outputs));
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

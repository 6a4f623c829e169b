//! Some samples through the network: where they begin, where they end, and what comes out.
//!
//! [`SAMPLES`] sequences at a time run through all ticks. With a window, no gradient crosses its ends,
//! so the tape is that of the ticks between two of them: the samples run through all ticks once for the
//! loss, and then piece by piece again.

use std::ops::Range;

use super::batch::{Batch, Outputs};
use super::loaded::{Loaded, stride};
use super::product::SAMPLES;
use super::tape::{Setting, Tape, Workspace, arrive, size, zeros};
use crate::network::{Network, Population, Projection, Source};
use crate::real::Real;
use crate::state::NetworkState;

/// All that one pass needs.
#[derive(Clone)]
pub(super) struct Pass<'a, T> {
    pub(super) network: &'a Network,
    pub(super) setting: &'a Setting,
    pub(super) loaded: &'a Loaded<T>,
    pub(super) batch: &'a Batch<'a>,
    /// The first frame of the batch that it runs through, and how many.
    pub(super) first: usize,
    pub(super) frames: usize,
    pub(super) samples: Range<usize>,
    /// Where each of the samples begins; empty: in the reset state.
    pub(super) start: &'a [NetworkState],
}

impl<T: Real> Pass<'_, T> {
    pub(super) fn ticks(&self) -> usize {
        self.frames * self.network.ticks
    }

    pub(super) fn currents(&self) -> bool {
        !self.network.encoder.encoder().spiking()
    }

    /// Makes room on the tape and puts every sample where it begins.
    pub(super) fn begin(&self, work: &mut Workspace<T>) {
        let (network, ticks) = (self.network, self.ticks());
        work.tapes.resize_with(network.populations.len(), Tape::default);
        for (index, (population, tape)) in network.populations.iter().zip(&mut work.tapes).enumerate() {
            let (kernel, stride) = (population.neuron.kernel(), stride(population));
            let n = SAMPLES * stride;
            size(&mut tape.forward, ticks * n);
            size(&mut tape.recurrent, if kernel.recurrent { ticks * n } else { 0 });
            size(&mut tape.states, ticks * kernel.states.len() * n);
            size(&mut tape.state, kernel.states.len() * n);
            size(&mut tape.fired, if population.spiking() { n } else { 0 });
            size(&mut tape.soft, if self.setting.smooth.is_some() { ticks * n } else { 0 });
            tape.scratch.get_or_insert_with(|| self.setting.programs[index].scratch(&self.setting.surrogate));
            let from_encoder = |p: &Projection| p.source == Source::Input;
            let direct = self.currents() && network.incoming(index).any(|(_, p)| from_encoder(p));
            size(&mut tape.constant, if direct { n } else { 0 });
            tape.spikes.clear();
            tape.spikes.resize((network.history + ticks) * SAMPLES * population.words, 0);
            for sample in 0..SAMPLES {
                self.reset(population, tape, sample, index);
            }
        }
        work.encoders.clear();
        work.encoders.resize(SAMPLES, vec![0.0; network.encoder.encoder().memory(network.inputs)]);
        work.steps = [0; SAMPLES];
        zeros(&mut work.memory, (self.frames + 1) * SAMPLES * network.outputs);
        size(&mut work.readout, self.frames * SAMPLES * network.readout().neurons);
        work.since.clear();
        work.since.resize(self.frames * SAMPLES, -(network.history as isize));
        work.any_reset = false;
        work.input.clear();
        for (sample, state) in self.start.iter().enumerate() {
            self.restore(work, sample, state);
        }
        for (population, tape) in network.hidden().iter().zip(&mut work.tapes) {
            tape.arriving.clear();
            for sample in 0..SAMPLES {
                arrive(population, tape, network.history, -1, sample, isize::MIN, self.setting.smooth);
            }
        }
    }

    fn restore(&self, work: &mut Workspace<T>, sample: usize, state: &NetworkState) {
        let (mut states, mut spikes) = (&state.states[..], &state.spikes[..]);
        for (population, tape) in self.network.populations.iter().zip(&mut work.tapes) {
            let stride = stride(population);
            for variable in 0..population.neuron.kernel().states.len() {
                let (own, rest) = states.split_at(population.neurons);
                states = rest;
                let at = (variable * SAMPLES + sample) * stride;
                for (to, &from) in tape.state[at..].iter_mut().zip(own) {
                    *to = T::of(f64::from(from));
                }
            }
            if population.spiking() {
                for row in 0..self.network.history {
                    let (own, rest) = spikes.split_at(population.words);
                    spikes = rest;
                    let at = (row * SAMPLES + sample) * population.words;
                    tape.spikes[at..at + population.words].copy_from_slice(own);
                }
            }
        }
        work.encoders[sample].copy_from_slice(&state.encoder);
        let outputs = self.network.outputs;
        for (to, &from) in work.memory[sample * outputs..].iter_mut().zip(&state.decoder) {
            *to = T::of(f64::from(from));
        }
        work.steps[sample] = state.steps;
    }

    /// What `sample` remembers after the last frame.
    pub(super) fn state(&self, work: &Workspace<T>, sample: usize) -> NetworkState {
        let network = self.network;
        let mut state = NetworkState {
            encoder: work.encoders[sample].clone(),
            steps: work.steps[sample],
            ..NetworkState::default()
        };
        let last = (self.frames * SAMPLES + sample) * network.outputs;
        let memory = &work.memory[last..last + network.outputs];
        state.decoder.extend(memory.iter().map(|value| value.to_f64() as f32));
        let since = work.since[(self.frames - 1) * SAMPLES + sample];
        for (population, tape) in network.populations.iter().zip(&work.tapes) {
            let stride = stride(population);
            for variable in 0..population.neuron.kernel().states.len() {
                let own = &tape.state[(variable * SAMPLES + sample) * stride..][..population.neurons];
                state.states.extend(own.iter().map(|value| value.to_f64() as f32));
            }
            if population.spiking() {
                for row in self.ticks()..self.ticks() + network.history {
                    let at = (row * SAMPLES + sample) * population.words;
                    let words = &tape.spikes[at..at + population.words];
                    // Spikes from before a reset are gone.
                    let kept = row as isize - network.history as isize >= since;
                    state.spikes.extend(words.iter().map(|&word| if kept { word } else { 0 }));
                }
            }
        }
        state
    }

    /// Sets the states of one sample to their start values.
    pub(super) fn reset(&self, population: &Population, tape: &mut Tape<T>, sample: usize, index: usize) {
        let stride = stride(population);
        let initial = self.loaded.populations[index].initial.chunks_exact(stride);
        for (variable, initial) in initial.enumerate() {
            tape.state[(variable * SAMPLES + sample) * stride..][..stride].copy_from_slice(initial);
        }
    }

    /// What the objective sees.
    pub(super) fn outputs(&self, work: &Workspace<T>, spikes: bool) -> Outputs {
        let network = self.network;
        let (neurons, actions) = (network.readout().neurons, network.outputs);
        let mut outputs = Outputs {
            samples: self.samples.clone(),
            batch: self.batch.samples,
            frames: self.frames,
            ticks: self.ticks(),
            outputs: actions,
            neurons: network.hidden().iter().map(|layer| layer.neurons).collect(),
            values: Vec::with_capacity(self.frames * SAMPLES * actions),
            counts: Vec::new(),
            spikes: Vec::new(),
        };
        let mut out = vec![T::ZERO; actions];
        let mut memory = vec![T::ZERO; actions];
        for at in 0..self.frames * SAMPLES {
            memory.copy_from_slice(&work.memory[at * actions..(at + 1) * actions]);
            let readout = &work.readout[at * neurons..(at + 1) * neurons];
            network.decoder.decode(network.ticks, readout, &mut memory, &mut out);
            let squash = network.decoder.squash();
            let biases = &self.loaded.biases;
            let value = |(&out, &bias): (&T, &T)| if squash { out + bias } else { out }.to_f64();
            outputs.values.extend(out.iter().zip(biases).map(value));
        }
        for (population, tape) in network.hidden().iter().zip(&work.tapes) {
            let mut counts = vec![0.0; SAMPLES * population.neurons];
            self.visit_spikes(population, tape, |_, place, value| counts[place] += value);
            outputs.counts.push(counts);
        }
        if spikes && let Some((population, tape)) = network.hidden().iter().zip(&work.tapes).next_back() {
            let row = SAMPLES * population.neurons;
            outputs.spikes.resize(self.ticks() * row, 0.0);
            self.visit_spikes(population, tape, |tick, place, value| {
                outputs.spikes[tick * row + place] = value;
            });
        }
        outputs
    }

    /// Calls `each` with tick, place in `[SAMPLES][neurons]` and value of every spike.
    fn visit_spikes(&self, population: &Population, tape: &Tape<T>, mut each: impl FnMut(usize, usize, f64)) {
        let (neurons, stride, words) = (population.neurons, stride(population), population.words);
        for tick in 0..self.ticks() {
            for sample in 0..self.samples.len() {
                if self.setting.smooth.is_some() {
                    let soft = &tape.soft[(tick * SAMPLES + sample) * stride..][..neurons];
                    for (neuron, &value) in soft.iter().enumerate() {
                        each(tick, sample * neurons + neuron, value.to_f64());
                    }
                    continue;
                }
                let row = ((self.network.history + tick) * SAMPLES + sample) * words;
                for (word, &bits) in tape.spikes[row..row + words].iter().enumerate() {
                    let mut bits = bits;
                    while bits != 0 {
                        let neuron = word * 64 + bits.trailing_zeros() as usize;
                        each(tick, sample * neurons + neuron, 1.0);
                        bits &= bits - 1;
                    }
                }
            }
        }
    }
}

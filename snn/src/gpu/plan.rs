//! Where things lie in the buffers of the kernel, in 32-bit words within one individual.

use crate::encoder::Signal;
use crate::network::{Network, Population, Projection, Source};

/// Offsets of everything that the kernel reads or writes.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Per projection.
    pub(crate) weights: Vec<usize>,
    /// Per population: constants, then start states if the state starts anew each control step.
    pub(crate) constants: Vec<usize>,
    pub(crate) initial: Vec<usize>,
    /// Per hidden population: connections out of each neuron, where they differ.
    pub(crate) fan_out: Vec<usize>,
    /// Per learning rule.
    pub(crate) plastic: Vec<PlasticPlan>,
    pub(crate) weight_words: usize,
    /// Per population: states, constant currents, rows of spikes.
    pub(crate) states: Vec<usize>,
    pub(crate) currents: Vec<Option<usize>>,
    pub(crate) spikes: Vec<usize>,
    /// Per population: words per row of spikes.
    pub(crate) words: Vec<usize>,
    pub(crate) state_words: usize,
    /// Among the inputs: what rewards let through.
    pub(crate) modulators: usize,
    pub(crate) input_words: usize,
    /// Readout values, then spikes, synaptic operations, and a fault flag.
    pub(crate) output_words: usize,
}

/// Where one plastic projection keeps what it learns from.
#[derive(Clone, Debug)]
pub(crate) struct PlasticPlan {
    /// Among the weights: coefficients, and a bit for each connection that exists.
    pub(crate) coefficients: usize,
    pub(crate) mask: usize,
    /// Among the states: traces, changes of the weights, eligibility.
    pub(crate) sources: usize,
    pub(crate) targets: usize,
    pub(crate) change: usize,
    pub(crate) eligibility: usize,
}

/// Words after the readout values.
pub(crate) const COUNTERS: usize = 3;

impl Plan {
    pub(crate) fn new(network: &Network) -> Self {
        let mut next = 0;
        let mut take = |words: usize| {
            next += words;
            next - words
        };
        let storage = network.precision.storage();
        let size = |projection: &Projection| storage.words(projection, network.is_dense(projection));
        let weights = network.projections.iter().map(|projection| take(size(projection))).collect();
        let populations = &network.populations;
        let each = |population: &Population| {
            if population.individual { population.neurons } else { 1 }
        };
        let constants = populations.iter().map(|p| take(p.neuron.kernel().constants * each(p))).collect();
        let initial = populations
            .iter()
            .map(|p| take(if p.clear { p.neuron.kernel().states.len() * each(p) } else { 0 }))
            .collect();
        let counted = |p: &Population| if network.same_fan_out(p).is_some() { 0 } else { p.neurons };
        let fan_out = network.hidden().iter().map(|p| take(counted(p))).collect();
        let mut plastic: Vec<PlasticPlan> = network
            .plastic
            .iter()
            .map(|rule| PlasticPlan {
                coefficients: take(rule.blocks.len() * rule.columns()),
                mask: take(rule.mask.len()),
                sources: 0,
                targets: 0,
                change: 0,
                eligibility: 0,
            })
            .collect();
        let weight_words = next;
        next = 0;
        let mut take = |words: usize| {
            next += words;
            next - words
        };
        let states = populations.iter().map(|p| take(p.neuron.kernel().states.len() * p.neurons)).collect();
        let currents = (0..populations.len())
            .map(|index| {
                let dense = network.incoming(index).any(|(_, p)| network.is_dense(p));
                dense.then(|| take(populations[index].neurons))
            })
            .collect();
        let words: Vec<usize> =
            populations.iter().map(|p| if p.spiking() { p.neurons.div_ceil(32) } else { 0 }).collect();
        let rows = network.history + network.ticks;
        let spikes = words.iter().map(|words| take(rows * words)).collect();
        for (plan, rule) in plastic.iter_mut().zip(&network.plastic) {
            let projection = &network.projections[rule.projection];
            let (rows, cols) = (projection.rows, projection.cols);
            plan.sources = take(rows);
            plan.targets = take(cols);
            plan.change = take(rows * cols);
            plan.eligibility = take(if rule.reward.is_some() { rows * cols } else { 0 });
        }
        let modulators = if network.encoder.encoder().spiking() {
            network.ticks * network.width.div_ceil(32)
        } else {
            network.width
        };
        Self {
            weights,
            constants,
            initial,
            fan_out,
            plastic,
            weight_words,
            states,
            currents,
            spikes,
            words,
            state_words: next,
            modulators,
            input_words: modulators + network.rewarded(),
            output_words: network.readout().neurons + COUNTERS,
        }
    }

    /// Writes the weights, constants and connection counts of one individual.
    pub(crate) fn pack_weights(&self, network: &Network, parameters: &[f32], out: &mut Vec<u32>) {
        out.clear();
        out.resize(self.weight_words, 0);
        let storage = network.precision.storage();
        for (index, projection) in network.projections.iter().enumerate() {
            let dense = network.is_dense(projection);
            let fan_out = match projection.source {
                Source::Population(source) if network.format.is_binary() => Some(self.fan_out[source]),
                _ => None,
            };
            network.visit_weights(projection, parameters, |pre, post, weight| {
                storage.pack(projection, dense, (pre, post), weight, &mut out[self.weights[index]..]);
                if let Some(fan_out) = fan_out
                    && weight != 0.0
                {
                    out[fan_out + pre] += 1;
                }
            });
        }
        for (&at, population) in self.fan_out.iter().zip(network.hidden()) {
            if !network.format.is_binary() && network.same_fan_out(population).is_none() {
                out[at..at + population.neurons].copy_from_slice(&population.fan_out);
            }
        }
        for (plan, rule) in self.plastic.iter().zip(&network.plastic) {
            let cols = rule.columns();
            rule.visit(&network.layout, parameters, |index, post, value| {
                out[plan.coefficients + index * cols + post] = value.to_bits();
            });
            out[plan.mask..plan.mask + rule.mask.len()].copy_from_slice(&rule.mask);
        }
        network.neuron_values(parameters, |population, neuron, values| {
            let index = network.index_of(population);
            let each = if population.individual { population.neurons } else { 1 };
            for (k, value) in values.constants.iter().enumerate() {
                out[self.constants[index] + k * each + neuron] = value.to_bits();
            }
            if population.clear {
                for (k, value) in values.initial.iter().enumerate() {
                    out[self.initial[index] + k * each + neuron] = value.to_bits();
                }
            }
        });
    }

    /// Writes what rewards let through.
    pub(crate) fn pack_modulators(&self, modulators: &[f32], out: &mut [u32]) {
        for (word, modulator) in out[self.modulators..].iter_mut().zip(modulators) {
            *word = modulator.to_bits();
        }
    }

    /// Writes the state of one individual at the start of an episode.
    pub(crate) fn pack_states(&self, network: &Network, parameters: &[f32], out: &mut Vec<u32>) {
        out.clear();
        out.resize(self.state_words, 0);
        network.neuron_values(parameters, |population, neuron, values| {
            let neurons = if population.individual { neuron..neuron + 1 } else { 0..population.neurons };
            for (k, value) in values.initial.iter().enumerate() {
                let at = self.states[network.index_of(population)] + k * population.neurons;
                out[at + neurons.start..at + neurons.end].fill(value.to_bits());
            }
        });
    }

    /// Writes what an encoder has made of an observation.
    pub(crate) fn pack_input(&self, network: &Network, signal: &Signal, out: &mut [u32]) {
        if network.encoder.encoder().spiking() {
            let (wide, narrow) = (network.width.div_ceil(64), network.width.div_ceil(32));
            for (row, out) in signal.spikes.chunks_exact(wide).zip(out.chunks_exact_mut(narrow)) {
                for (index, word) in out.iter_mut().enumerate() {
                    *word = (row[index / 2] >> (index % 2 * 32)) as u32;
                }
            }
            return;
        }
        for (word, x) in out.iter_mut().zip(&signal.currents) {
            *word = network.precision.storage().input(*x);
        }
    }
}

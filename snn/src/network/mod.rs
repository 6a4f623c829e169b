//! The spiking network: its topology, and where things lie in an evaluator.

mod build;
mod check;
mod rules;

use std::ops::Range;

use crate::config::Precision;
use crate::decoder::DecoderConfig;
use crate::encoder::{EncoderConfig, Moment, Signal};
use crate::layout::Layout;
use crate::neuron::{Growth, Neuron, Values};
use crate::plasticity::Plastic;
use crate::precision::format::Format;
use crate::weights::Unit;

/// Everything an evaluator needs to know about the topology. Positions are within one individual.
pub(crate) struct Network {
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    pub(crate) ticks: usize,
    pub(crate) precision: Precision,
    /// What it means for numbers.
    pub(crate) format: &'static dyn Format,
    pub(crate) encoder: EncoderConfig,
    /// Sources that the encoder makes.
    pub(crate) width: usize,
    pub(crate) decoder: DecoderConfig,
    /// Hidden layers in order, then the readout.
    pub(crate) populations: Vec<Population>,
    /// In the order of summation; those into one population follow each other.
    pub(crate) projections: Vec<Projection>,
    pub(crate) layout: Layout,
    /// Learning rules, each on one projection.
    pub(crate) plastic: Vec<Plastic>,
    /// Block of the biases of the actions.
    pub(crate) bias: Option<usize>,
    /// Rows of spikes kept from earlier control steps: the last tick, and as many as the longest delay.
    pub(crate) history: usize,
    wiring_seed: u64,
    /// State variables of all populations, in lanes.
    pub(crate) state_lanes: usize,
    /// Constants of all populations, in lanes.
    pub(crate) constant_lanes: usize,
    /// Spikes of all populations, in words.
    pub(crate) spike_words: usize,
}

/// A hidden layer, or the readout.
pub(crate) struct Population {
    pub(crate) name: String,
    pub(crate) neurons: usize,
    pub(crate) neuron: Neuron,
    /// Where the model's parameters come from, in its order.
    pub(crate) parameters: Vec<Parameter>,
    /// Whether each neuron has constants of its own.
    pub(crate) individual: bool,
    /// Lanes per row of weights and per state variable.
    pub(crate) stride: usize,
    /// First lane of the state variables, which follow each other.
    pub(crate) state: usize,
    /// First lane of the model's constants: one lane each, or `stride` if `individual`.
    pub(crate) constant: usize,
    /// First word of the spikes: `history + ticks` rows of `words`; the readout has none.
    pub(crate) spikes: usize,
    pub(crate) words: usize,
    /// Distinct axonal delays and which neurons have them, as bit masks; empty: no delay at all.
    pub(crate) delays: Vec<(usize, Vec<u64>)>,
    /// Projections into the population.
    pub(crate) incoming: Range<usize>,
    /// Existing connections out of each neuron; all of them in `Binary`.
    pub(crate) fan_out: Vec<u32>,
    /// Whether the state starts anew with each control step.
    pub(crate) clear: bool,
    pub(crate) recurrent: bool,
}

impl Population {
    pub(crate) fn spiking(&self) -> bool {
        self.words > 0
    }

    /// Lanes of its state variables.
    pub(crate) fn states(&self) -> Range<usize> {
        self.state..self.state + self.neuron.kernel().states.len() * self.stride
    }

    /// Words of some rows of its spikes.
    pub(crate) fn rows(&self, rows: Range<usize>) -> Range<usize> {
        self.spikes + rows.start * self.words..self.spikes + rows.end * self.words
    }

    /// How its numbers lie in lanes.
    pub(crate) fn shape(&self) -> Shape {
        Shape { neurons: self.neurons, stride: self.stride, individual: self.individual }
    }

    /// Lanes from one constant to the next.
    pub(crate) fn constant_stride(&self) -> usize {
        if self.individual { self.stride } else { 1 }
    }
}

/// How numbers of a population lie in lanes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) neurons: usize,
    /// Lanes per state variable.
    pub(crate) stride: usize,
    /// Whether each neuron has constants of its own.
    pub(crate) individual: bool,
}

/// Where a neuron parameter comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Parameter {
    Fixed(f64),
    /// Block of θ, value at θ = 0, and how it grows with θ.
    Evolved {
        block: usize,
        start: f64,
        growth: Growth,
    },
}

impl Parameter {
    /// The value of one neuron.
    pub(crate) fn value(&self, layout: &Layout, theta: impl Fn(usize) -> f64, neuron: usize) -> f64 {
        match *self {
            Self::Fixed(value) => value,
            Self::Evolved { block, start, growth } => {
                let block = &layout.blocks()[block];
                growth.value(start, theta(block.offset + neuron % block.cols))
            }
        }
    }
}

/// Where a projection begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The encoder.
    Input,
    /// A population; its spikes of this tick if it comes before the target, else of the last one.
    Population(usize),
}

/// Connections from one population to another.
pub(crate) struct Projection {
    pub(crate) source: Source,
    pub(crate) target: usize,
    /// Whether the input counts as `I_rec`.
    pub(crate) recurrent: bool,
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    pub(crate) weights: Weights,
    /// Whether a last row, beyond the sources, is a bias.
    pub(crate) bias: bool,
    /// Sign of each source's weights by Dale's law; empty: free.
    pub(crate) signs: Vec<i8>,
    /// Grid or common factor of the weights.
    pub(crate) unit: Unit,
    /// Which of the network's learning rules changes it.
    pub(crate) plastic: Option<usize>,
}

/// Where a projection's weights come from.
pub(crate) enum Weights {
    /// Block of θ.
    Evolved(usize),
    /// `[rows][cols]`, the same for everyone.
    Fixed(Vec<f32>),
}

impl Network {
    /// Whether the sources of a projection are currents.
    pub(crate) fn is_dense(&self, projection: &Projection) -> bool {
        projection.source == Source::Input && !self.encoder.encoder().spiking()
    }

    /// Connections out of each neuron of a hidden population, where that is the same for all neurons and individuals.
    pub(crate) fn same_fan_out(&self, population: &Population) -> Option<u32> {
        let counts = &population.fan_out;
        let same = !self.format.is_binary() && counts.iter().all(|count| *count == counts[0]);
        same.then(|| counts[0])
    }

    /// Operations of the dense product with an encoder's currents, once per control step.
    pub(crate) fn dense_operations(&self) -> u64 {
        let dense = |projection: &&Projection| self.is_dense(projection);
        let count = |projection: &Projection| match &projection.weights {
            Weights::Fixed(weights) => {
                weights[..projection.rows * projection.cols].iter().filter(|weight| **weight != 0.0).count()
            }
            Weights::Evolved(block) if self.layout.blocks()[*block].mask.is_some() => {
                self.layout.blocks()[*block].len() - if projection.bias { projection.cols } else { 0 }
            }
            Weights::Evolved(_) => projection.rows * projection.cols,
        };
        self.projections.iter().filter(dense).map(count).sum::<usize>() as u64
    }

    /// Calls `each` with population, neuron, and the constants and start states of that neuron; once
    /// per population (for neuron 0) if its neurons are alike.
    pub(crate) fn neuron_values(&self, theta: &[f32], mut each: impl FnMut(&Population, usize, &Values)) {
        let (mut parameters, mut values) = (Vec::new(), Values::default());
        for population in &self.populations {
            let count = if population.individual { population.neurons } else { 1 };
            for neuron in 0..count {
                parameters.clear();
                let theta = |index: usize| f64::from(theta[index]);
                let value = |parameter: &Parameter| parameter.value(&self.layout, theta, neuron);
                parameters.extend(population.parameters.iter().map(value));
                population.neuron.values(&parameters, &mut values);
                each(population, neuron, &values);
            }
        }
    }

    /// Which one `population` is.
    pub(crate) fn index_of(&self, population: &Population) -> usize {
        self.populations.iter().position(|p| std::ptr::eq(p, population)).expect("it is one of these")
    }

    /// Encodes one observation.
    pub(crate) fn encode(&self, moment: Moment, x: &[f32], memory: &mut [f32], signal: &mut Signal) {
        let encoder = self.encoder.encoder();
        signal.currents.clear();
        signal.spikes.clear();
        if encoder.spiking() {
            signal.spikes.resize(self.ticks * self.width.div_ceil(64), 0);
        }
        encoder.encode(moment, x, memory, signal);
    }

    /// Projections into a population, with their indices, in the order of summation.
    pub(crate) fn incoming(&self, population: usize) -> impl Iterator<Item = (usize, &Projection)> {
        let range = self.populations[population].incoming.clone();
        range.clone().zip(&self.projections[range])
    }

    /// Rules that look at rewards.
    pub(crate) fn rewarded(&self) -> usize {
        self.plastic.iter().filter(|plastic| plastic.reward.is_some()).count()
    }

    /// Neurons of all hidden layers.
    pub(crate) fn neurons(&self) -> usize {
        self.hidden().iter().map(|population| population.neurons).sum()
    }

    pub(crate) fn hidden(&self) -> &[Population] {
        &self.populations[..self.populations.len() - 1]
    }

    pub(crate) fn readout(&self) -> &Population {
        &self.populations[self.populations.len() - 1]
    }

    /// Calls `each` with source, target and weight of every connection of a projection; the source
    /// after the last is the bias.
    pub(crate) fn visit_weights(
        &self,
        projection: &Projection,
        parameters: &[f32],
        mut each: impl FnMut(usize, usize, f32),
    ) {
        match &projection.weights {
            Weights::Evolved(block) => {
                self.layout.blocks()[*block].visit(parameters, |pre, post, theta| {
                    let sign = projection.signs.get(pre).copied().unwrap_or(0);
                    each(pre, post, self.format.weight(&projection.unit, theta, sign));
                });
            }
            Weights::Fixed(fixed) => {
                for (place, &weight) in fixed.iter().enumerate() {
                    each(place / projection.cols, place % projection.cols, weight);
                }
            }
        }
    }
}

//! The inner state of one individual, for recordings and plots.

use crate::network::{Network, Population};

/// What [`Evaluator::probe`](crate::Evaluator::probe) reads: one entry per layer from input to
/// output, the last being the readout. Reuse one value for many probes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Probe {
    /// Layers, named as in the parameter layout: `hidden.0`, `hidden.1`, …, `readout`.
    pub layers: Vec<LayerProbe>,
}

/// Spikes and state variables of one layer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LayerProbe {
    /// Name of the layer.
    pub name: String,
    /// Number of neurons (of outputs for the readout).
    pub neurons: usize,
    /// Ticks per control step; 0 for layers that do not spike.
    pub ticks: usize,
    /// Spikes of the last control step, bit-packed: `ticks` rows of `⌈neurons / 64⌉` words,
    /// neuron `n` is bit `n % 64` of word `n / 64`. All zero after a reset.
    pub spikes: Vec<u64>,
    /// In continuous time: each spike of the last control step in order, its time in seconds from the beginning of the
    /// step and its neuron. Empty in ticks.
    pub times: Vec<(f64, u32)>,
    /// In continuous time: seconds that pass in the network per control step. 0 in ticks.
    pub step: f64,
    /// State variables after the last control step. Readout and MLP layers have one: the value
    /// before the output's tanh without bias (`r`), or the activation (`y`).
    pub states: Vec<StateProbe>,
    /// Of a watched individual: what happened in each tick of the last control step; `ticks` rows of
    /// `neurons` values each. First the input `current`; of spiking layers then `membrane` and
    /// `threshold`, the two sides of the spike condition; then the state variables after the tick.
    pub traces: Vec<StateProbe>,
}

/// One state variable of all neurons of a layer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StateProbe {
    /// Name as in [`NeuronInfo::states`](crate::NeuronInfo::states), such as `v`.
    pub name: String,
    /// Values, one per neuron, in the model's unit.
    pub values: Vec<f32>,
}

impl Probe {
    /// The layer called `name`.
    pub fn layer(&self, name: &str) -> Option<&LayerProbe> {
        self.layers.iter().find(|layer| layer.name == name)
    }

    /// Makes room for `count` layers and hands out layer `index` to fill.
    pub(crate) fn entry(&mut self, count: usize, index: usize) -> &mut LayerProbe {
        self.layers.resize_with(count, LayerProbe::default);
        &mut self.layers[index]
    }
}

impl LayerProbe {
    /// Whether `neuron` spiked in `tick` of the last control step.
    ///
    /// # Panics
    /// If `neuron` or `tick` does not exist.
    pub fn spiked(&self, tick: usize, neuron: usize) -> bool {
        assert!(
            tick < self.ticks && neuron < self.neurons,
            "tick {tick}, neuron {neuron} of {} × {}",
            self.ticks,
            self.neurons
        );
        self.spikes[tick * self.neurons.div_ceil(64) + neuron / 64] >> (neuron % 64) & 1 == 1
    }

    /// Values of the state variable called `name`.
    pub fn state(&self, name: &str) -> Option<&[f32]> {
        let state = self.states.iter().find(|state| state.name == name)?;
        Some(&state.values)
    }

    /// Overwrites everything but states and traces.
    pub(crate) fn fill(&mut self, name: &str, neurons: usize, (ticks, spikes): (usize, &[u64])) {
        self.name.clear();
        self.name.push_str(name);
        (self.neurons, self.ticks) = (neurons, ticks);
        self.spikes.clear();
        self.spikes.extend_from_slice(spikes);
        self.times.clear();
        self.step = 0.0;
    }
}

/// Overwrites `probes` by named values.
pub(crate) fn fill<'a, V: IntoIterator<Item = f32>>(
    probes: &mut Vec<StateProbe>,
    named: impl Iterator<Item = (&'a str, V)>,
) {
    let mut count = 0;
    for (name, values) in named {
        if probes.len() == count {
            probes.push(StateProbe::default());
        }
        let probe = &mut probes[count];
        probe.name.clear();
        probe.name.push_str(name);
        probe.values.clear();
        probe.values.extend(values);
        count += 1;
    }
    probes.truncate(count);
}

/// Names of the traces of a population.
fn traces(population: &Population) -> impl Iterator<Item = &str> {
    let condition = if population.spiking() { &["membrane", "threshold"][..] } else { &[] };
    let states = population.neuron.kernel().states.iter().map(String::as_str);
    ["current"].into_iter().chain(condition.iter().copied()).chain(states)
}

impl Probe {
    /// Fills in one population of a spiking network; `recorded` holds its traces, or nothing.
    pub(crate) fn fill_population<V: IntoIterator<Item = f32>>(
        &mut self,
        network: &Network,
        index: usize,
        spikes: &[u64],
        states: impl Iterator<Item = V>,
        recorded: &[Vec<f32>],
    ) {
        let population = &network.populations[index];
        let layer = self.entry(network.populations.len(), index);
        let ticks = if population.spiking() { network.ticks } else { 0 };
        layer.fill(&population.name, population.neurons, (ticks, spikes));
        let names = population.neuron.kernel().states.iter().map(String::as_str);
        fill(&mut layer.states, names.zip(states));
        let recorded = recorded.iter().map(|values| values.iter().copied());
        fill(&mut layer.traces, traces(population).zip(recorded));
    }
}

//! From a config to a network with named parameters, an encoder and a readout.

use std::sync::Arc;

use super::config::{EventEncoder, EventReadout, EventsConfig, FirstSpikeReadout};
use super::network::{Network, Population, Projection, Source};
use super::record::Record;
use super::simulator::{InputSpike, Interval, Peaks, Simulator};
use crate::error::{SnnError, check_neurons, check_weights};
use crate::layout::{Layout, Pairs};
use crate::weights::gain;
use crate::wiring::uniform;

/// Stream of the draws of axonal delays.
const STREAM: u64 = 0x6576_656e_7473;

/// A network in continuous time with the layout of its parameters.
pub(crate) struct Plan {
    pub(crate) config: EventsConfig,
    pub(crate) network: Arc<Network>,
    pub(crate) layout: Layout,
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    /// Neurons of each hidden layer.
    pub(crate) hidden: Vec<usize>,
    /// Place of the outputs' bias in θ.
    pub(crate) bias: usize,
}

/// What enters the network in a control step.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    spikes: Vec<InputSpike>,
    pub(crate) currents: Vec<f64>,
}

impl Entry {
    /// Input spikes, none where the observation is currents.
    pub(super) fn spikes(&self) -> &[InputSpike] {
        &self.spikes
    }
}

impl Plan {
    pub(crate) fn new(config: &EventsConfig, inputs: usize, outputs: usize) -> Result<Self, SnnError> {
        config.validate()?;
        if config.hidden.is_empty() {
            return Err(SnnError::NoHiddenLayers);
        }
        let (mut sizes, mut sources, mut counted) = (Vec::new(), inputs + 1, Vec::new());
        for (index, layer) in config.hidden.iter().enumerate() {
            let neurons = layer.config().neurons;
            check_neurons(|| format!("hidden[{index}].neurons"), neurons)?;
            let own = if layer.is_recurrent() { neurons } else { 0 };
            counted.push((format!("hidden[{index}]"), (sources + own, neurons)));
            sizes.push(neurons);
            sources = neurons;
        }
        counted.push(("the outputs".into(), (sources, outputs)));
        check_weights(counted)?;
        let mut layout = Layout::default();
        let currents = matches!(config.encoder, EventEncoder::Current {});
        let (mut populations, mut projections) = (Vec::new(), Vec::new());
        for (index, layer) in config.hidden.iter().enumerate() {
            let own = layer.config();
            let (source, rows) = match index.checked_sub(1) {
                None => (Source::Inputs, inputs + 1),
                Some(before) => (Source::Population(before), sizes[before]),
            };
            let connected = if index == 0 { inputs } else { rows };
            if !(index == 0 && currents) {
                projections.push(Projection { source, target: index, offset: layout.len() });
            }
            let scale = gain(config.input_gain, connected);
            layout.push(format!("hidden.{index}.input"), (rows, own.neurons), scale, 1.0);
            layout.refine(config.input_mean, None, Pairs::default());
            if layer.is_recurrent() {
                let offset = layout.len();
                projections.push(Projection { source: Source::Population(index), target: index, offset });
                let (name, scale) =
                    (format!("hidden.{index}.recurrent"), gain(config.recurrent_gain, own.neurons));
                layout.push(name, (own.neurons, own.neurons), scale, 1.0);
            }
            let (from, to) = own.delay;
            let delay = |neuron: usize| {
                from + (to - from) * uniform(config.wiring_seed, STREAM ^ index as u64, neuron as u64)
            };
            populations.push(Population {
                neurons: own.neurons,
                lif: own.lif(),
                spiking: true,
                delays: if to > 0.0 { (0..own.neurons).map(delay).collect() } else { Vec::new() },
            });
        }
        let last = sizes.len() - 1;
        projections.push(Projection {
            source: Source::Population(last),
            target: last + 1,
            offset: layout.len(),
        });
        let scale = gain(config.output_gain, sizes[last]);
        layout.push("readout.weight".into(), (sizes[last], outputs), scale, config.output_deviation);
        layout.refine(config.output_mean, None, Pairs::default());
        let bias = layout.len();
        layout.push("readout.bias".into(), (1, outputs), 1.0, 0.0);
        populations.push(Population {
            neurons: outputs,
            lif: config.readout.lif(),
            spiking: config.readout.spikes(),
            delays: Vec::new(),
        });
        let channels = if currents { 0 } else { inputs + 1 };
        Ok(Self {
            network: Arc::new(Network::new(channels, populations, projections)?),
            config: config.clone(),
            layout,
            inputs,
            outputs,
            hidden: sizes,
            bias,
        })
    }

    /// An individual at rest.
    pub(crate) fn simulator(&self) -> Simulator {
        let peaks =
            if matches!(self.config.readout, EventReadout::Peak(_)) { Peaks::Found } else { Peaks::Ignored };
        Simulator::new(&self.network, peaks, self.config.max_events)
    }

    /// Weights, and at [`bias`](Self::bias) the biases, in the places of θ.
    pub(crate) fn weights(&self, theta: &[f32], out: &mut Vec<f64>) {
        out.clear();
        for block in self.layout.blocks() {
            let scale = f64::from(block.scale);
            out.extend(theta[block.range()].iter().map(|&x| scale * f64::from(x)));
        }
    }

    /// Whether the observation is currents.
    pub(crate) fn enters_as_currents(&self) -> bool {
        matches!(self.config.encoder, EventEncoder::Current {})
    }

    /// What an observation becomes.
    pub(crate) fn encode(&self, weights: &[f64], observation: &[f32], entry: &mut Entry) {
        entry.spikes.clear();
        entry.currents.clear();
        match self.config.encoder {
            EventEncoder::Current {} => {
                let first = self.hidden[0];
                entry.currents.resize(self.network.neurons(), 0.0);
                let one = [1.0_f32];
                for (x, row) in observation.iter().chain(&one).zip(weights.chunks_exact(first)) {
                    let x = f64::from(*x);
                    for (current, weight) in entry.currents.iter_mut().zip(row) {
                        *current += x * weight;
                    }
                }
            }
            EventEncoder::Latency { window, low, high } => {
                let spike = |(input, &x): (usize, &f32)| {
                    let part = (high - f64::from(x).clamp(low, high)) / (high - low);
                    InputSpike { time: window * part, input, amplitude: 1.0 }
                };
                entry.spikes.extend(observation.iter().enumerate().map(spike));
                entry.spikes.push(InputSpike { time: 0.0, input: self.inputs, amplitude: 1.0 });
            }
            EventEncoder::Spikes {} => {
                let spikes = observation.iter().enumerate().filter(|(_, x)| **x != 0.0);
                let spike = |(input, &x)| InputSpike { time: 0.0, input, amplitude: f64::from(x) };
                entry.spikes.extend(spikes.map(spike));
                entry.spikes.push(InputSpike { time: 0.0, input: self.inputs, amplitude: 1.0 });
            }
        }
    }

    /// The interval of an encoded observation.
    pub(crate) fn interval<'a>(&self, entry: &'a Entry) -> Interval<'a> {
        Interval { duration: self.config.step, spikes: &entry.spikes, currents: &entry.currents }
    }

    /// Per output: its first spike in an interval of a record.
    pub(crate) fn first_spikes(&self, record: &Record, interval: usize) -> Vec<Option<usize>> {
        let mut first = vec![None; self.outputs];
        let last = self.hidden.len();
        for (number, spike) in record.spikes().iter().enumerate() {
            if spike.interval == interval && spike.population == last && first[spike.neuron].is_none() {
                first[spike.neuron] = Some(number);
            }
        }
        first
    }

    /// The values of an interval before tanh, with the biases among `weights`.
    pub(crate) fn values(&self, weights: &[f64], record: &Record, interval: usize, out: &mut [f64]) {
        let step = self.config.step;
        match &self.config.readout {
            EventReadout::FirstSpike(FirstSpikeReadout { unit, .. }) => {
                for (value, first) in out.iter_mut().zip(self.first_spikes(record, interval)) {
                    *value = first.map_or(0.0, |number| (step - record.spikes()[number].time) / unit);
                }
            }
            readout => {
                for (value, measured) in out.iter_mut().zip(record.measured(interval)) {
                    *value = match readout {
                        EventReadout::Peak(_) => measured.peak,
                        EventReadout::Integral(_) => measured.integral / step,
                        _ => measured.last,
                    };
                }
            }
        }
        for (value, bias) in out.iter_mut().zip(&weights[self.bias..]) {
            *value += bias;
        }
    }

    /// Name of a layer in layout and probes.
    pub(crate) fn name(&self, population: usize) -> String {
        if population < self.hidden.len() { format!("hidden.{population}") } else { "readout".into() }
    }
}

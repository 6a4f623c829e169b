//! The spiking network: topology, parameter layout, and where things lie in an evaluator.

use std::sync::Arc;

use crate::config::{Precision, SnnConfig};
use crate::controller::{Controller, Evaluator};
use crate::cpu::CpuEvaluator;
use crate::error::{MAX_TICKS, SnnError, check, check_neurons};
use crate::lanes::WIDTH;
use crate::layout::{Layout, Padded};
use crate::neuron::Model;

/// A spiking network; the equations are in the crate documentation.
pub(crate) struct Snn {
    network: Arc<Network>,
    precision: Precision,
}

/// Everything an evaluator needs to know about the topology. Positions are within one individual.
pub(crate) struct Network {
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    pub(crate) ticks: usize,
    pub(crate) layers: Vec<Layer>,
    pub(crate) readout: Readout,
    pub(crate) blocks: Padded,
    /// State variables of all hidden layers, in lanes.
    pub(crate) state_lanes: usize,
    /// Spikes of all hidden layers over the ticks of a control step, in words.
    pub(crate) spike_words: usize,
}

pub(crate) struct Layer {
    pub(crate) neurons: usize,
    pub(crate) model: Model,
    /// Block of weights from the observation or the previous layer.
    pub(crate) input: usize,
    /// Block of weights within the layer.
    pub(crate) recurrent: Option<usize>,
    /// Lanes per row of weights and per state variable.
    pub(crate) stride: usize,
    /// First lane of the state variables, which follow each other.
    pub(crate) state: usize,
    /// First word of the spikes: `ticks` rows of `words`.
    pub(crate) spikes: usize,
    pub(crate) words: usize,
    /// Synaptic operations per spike.
    pub(crate) fan_out: usize,
}

pub(crate) struct Readout {
    /// Block of weights from the last hidden layer.
    pub(crate) weight: usize,
    pub(crate) bias: usize,
    pub(crate) stride: usize,
    pub(crate) decay: f32,
}

impl Snn {
    pub(crate) fn new(config: &SnnConfig, inputs: usize, outputs: usize) -> Result<Self, SnnError> {
        if config.hidden.is_empty() {
            return Err(SnnError::NoHiddenLayers);
        }
        if !(1..=MAX_TICKS).contains(&config.ticks) {
            return Err(SnnError::Ticks { ticks: config.ticks });
        }
        for (name, gain) in [
            ("input_gain", config.input_gain),
            ("recurrent_gain", config.recurrent_gain),
            ("output_gain", config.output_gain),
        ] {
            check(|| name.into(), gain, gain >= 0.0, "finite and at least 0")?;
        }
        let decay = config.readout_decay;
        check(|| "readout_decay".into(), decay, (0.0..=1.0).contains(&decay), "0 to 1")?;

        let mut layout = Layout::default();
        let mut layers: Vec<Layer> = Vec::new();
        let (mut state_lanes, mut spike_words) = (0, 0);
        for (index, hidden) in config.hidden.iter().enumerate() {
            let (layer, field) = (hidden.config(), format!("hidden[{index}]"));
            let neurons = layer.neurons;
            check_neurons(|| format!("{field}.neurons"), neurons)?;
            let model = Model::new(&layer.model, &layer.parameters, &field)?;
            // The observation has one more source, the bias.
            let (sources, rows) = match layers.last() {
                None => (inputs, inputs + 1),
                Some(previous) => (previous.neurons, previous.neurons),
            };
            let scale = gain(config.input_gain, sources);
            let input = layout.push(format!("hidden.{index}.input"), (rows, neurons), scale, 1.0);
            let recurrent = hidden.is_recurrent().then(|| {
                let scale = gain(config.recurrent_gain, neurons);
                let name = format!("hidden.{index}.recurrent");
                layout.push(name, (neurons, neurons), scale, 1.0)
            });
            let targets = match config.hidden.get(index + 1) {
                Some(next) => next.config().neurons,
                None => outputs,
            };
            let (stride, words) = (neurons.div_ceil(WIDTH), neurons.div_ceil(64));
            layers.push(Layer {
                neurons,
                model,
                input,
                recurrent,
                stride,
                state: state_lanes,
                spikes: spike_words,
                words,
                fan_out: targets + if hidden.is_recurrent() { neurons } else { 0 },
            });
            state_lanes += model.info().states.len() * stride;
            spike_words += config.ticks * words;
        }
        let sources = config.hidden[config.hidden.len() - 1].config().neurons;
        let scale = gain(config.output_gain, sources);
        let readout = Readout {
            weight: layout.push("readout.weight".into(), (sources, outputs), scale, 0.0),
            bias: layout.push("readout.bias".into(), (1, outputs), 1.0, 0.0),
            stride: outputs.div_ceil(WIDTH),
            decay,
        };
        Ok(Self {
            precision: config.precision,
            network: Arc::new(Network {
                inputs,
                outputs,
                ticks: config.ticks,
                layers,
                readout,
                blocks: Padded::new(layout),
                state_lanes,
                spike_words,
            }),
        })
    }
}

/// Scale of weights whose sum over `sources` terms of order 1 is to be of order `gain`.
pub(crate) fn gain(gain: f32, sources: usize) -> f32 {
    gain / (sources as f32).sqrt()
}

impl Controller for Snn {
    fn inputs(&self) -> usize {
        self.network.inputs
    }

    fn outputs(&self) -> usize {
        self.network.outputs
    }

    fn layout(&self) -> &Layout {
        self.network.blocks.layout()
    }

    fn evaluator(&self, slots: usize) -> Box<dyn Evaluator> {
        match self.precision {
            Precision::F32 => Box::new(CpuEvaluator::new(Arc::clone(&self.network), slots)),
        }
    }

    fn describe(&self) -> String {
        let network = &self.network;
        let hidden: String = network
            .layers
            .iter()
            .map(|layer| {
                let recurrent = if layer.recurrent.is_some() { "r" } else { "" };
                format!("{}{recurrent}({})-", layer.neurons, layer.model.info().name)
            })
            .collect();
        let precision = match self.precision {
            Precision::F32 => "f32",
        };
        let plural = if network.ticks == 1 { "" } else { "s" };
        format!(
            "snn {}-{hidden}{}, {} tick{plural}, {precision}, {} parameters",
            network.inputs,
            network.outputs,
            network.ticks,
            self.layout().len()
        )
    }
}

//! The spiking network: topology, parameter layout, and where things lie in an evaluator.

use std::ops::Range;
use std::sync::Arc;

use crate::activity::Activity;
use crate::config::{LayerConfig, Precision, Scope, SnnConfig};
use crate::controller::{Controller, Evaluator};
use crate::cpu;
use crate::decoder::DecoderConfig;
use crate::encoder::{EncoderConfig, Moment, Signal};
use crate::equations::MAX_REFRACTORY;
use crate::error::{MAX_TICKS, SnnError, check, check_neurons};
use crate::gpu::{BackendError, Gpu, GpuEvaluator};
use crate::lanes::WIDTH;
use crate::layout::Layout;
use crate::neuron::{Growth, Neuron, Values};
use crate::nir::{self, NirError};
use crate::plasticity::Plastic;
use crate::weights::Unit;
use crate::wiring;

/// Longest axonal delay in ticks.
const MAX_DELAY: usize = 255;

/// A spiking network; the equations are in the crate documentation.
pub(crate) struct Snn {
    network: Arc<Network>,
}

/// Everything an evaluator needs to know about the topology. Positions are within one individual.
pub(crate) struct Network {
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    pub(crate) ticks: usize,
    pub(crate) precision: Precision,
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

    /// Lanes from one constant to the next.
    pub(crate) fn constant_stride(&self) -> usize {
        if self.individual { self.stride } else { 1 }
    }
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

/// A projection before its block is laid out.
struct Wanted {
    source: Source,
    name: String,
    recurrent: bool,
    gain: f32,
    initial_std: f32,
}

impl Snn {
    pub(crate) fn new(config: &SnnConfig, inputs: usize, outputs: usize) -> Result<Self, SnnError> {
        Network::new(config, inputs, outputs).map(|network| Self { network: Arc::new(network) })
    }
}

impl Network {
    pub(crate) fn new(config: &SnnConfig, inputs: usize, outputs: usize) -> Result<Self, SnnError> {
        check_config(config)?;
        let width = config.encoder.encoder().width(inputs);
        let mut network = Self {
            inputs,
            outputs,
            ticks: config.ticks,
            precision: config.precision,
            encoder: config.encoder.clone(),
            width,
            decoder: config.decoder.clone(),
            populations: Vec::new(),
            projections: Vec::new(),
            layout: Layout::default(),
            plastic: Vec::new(),
            bias: None,
            history: 1,
            wiring_seed: config.wiring_seed,
            state_lanes: 0,
            constant_lanes: 0,
            spike_words: 0,
        };
        let sizes: Vec<usize> = config.hidden.iter().map(|layer| layer.config().neurons).collect();
        let longest = config.hidden.iter().map(|layer| layer.config().delay.1).max();
        network.history = longest.unwrap_or(0) + 1;
        for (index, hidden) in config.hidden.iter().enumerate() {
            let (layer, field) = (hidden.config(), format!("hidden[{index}]"));
            let name = format!("hidden.{index}");
            let neuron = Neuron::of_layer(layer, &field)?;
            if !neuron.spikes() {
                return Err(SnnError::NeverSpikes {
                    field: format!("{field}.model"),
                    model: neuron.name().into(),
                });
            }
            let before = index.checked_sub(1).map_or(Source::Input, Source::Population);
            let mut wanted = vec![Wanted {
                source: before,
                name: format!("{name}.input"),
                recurrent: false,
                gain: config.input_gain,
                initial_std: 1.0,
            }];
            for skip in &layer.skip {
                let source = parse_source(skip, sizes.len(), true, || format!("{field}.skip"))?;
                let own = source == Source::Population(index) && hidden.is_recurrent();
                if own || wanted.iter().any(|w| w.source == source) {
                    return Err(SnnError::Source {
                        field: format!("{field}.skip"),
                        source_name: skip.clone(),
                        valid: "a source that the layer does not have already".into(),
                    });
                }
                wanted.push(Wanted {
                    source,
                    name: format!("{name}.skip.{skip}"),
                    recurrent: source == Source::Population(index),
                    gain: config.input_gain,
                    initial_std: 1.0,
                });
            }
            if hidden.is_recurrent() {
                wanted.push(Wanted {
                    source: Source::Population(index),
                    name: format!("{name}.recurrent"),
                    recurrent: true,
                    gain: config.recurrent_gain,
                    initial_std: 1.0,
                });
            }
            network.project(config, &wanted, layer.neurons, layer.density, None);
            network.populate(name, layer, neuron, &field, (true, false))?;
        }
        network.add_readout(config, sizes.len(), outputs)?;
        network.add_plasticity(&config.plasticity)?;
        network.count_connections();
        Ok(network)
    }

    /// The readout population and the biases of the actions.
    fn add_readout(&mut self, config: &SnnConfig, hidden: usize, outputs: usize) -> Result<(), SnnError> {
        let readout = config.decoder.decoder().readout();
        let neuron = Neuron::new(readout.model, None, 0, "decoder")?;
        if neuron.spikes() {
            return Err(SnnError::Spikes { field: "decoder.model".into(), model: neuron.name().into() });
        }
        let last = Source::Population(hidden - 1);
        let to_outputs = |source, name: &str| Wanted {
            source,
            name: name.into(),
            recurrent: false,
            gain: config.output_gain,
            initial_std: 0.0,
        };
        let mut wanted = vec![to_outputs(last, "readout.weight")];
        for skip in &config.readout_skip {
            let field = || "readout_skip".into();
            let source = parse_source(skip, hidden, false, field)?;
            if wanted.iter().any(|w| w.source == source) {
                return Err(SnnError::Source {
                    field: field(),
                    source_name: skip.clone(),
                    valid: "a layer that the readout does not see already".into(),
                });
            }
            wanted.push(to_outputs(source, &format!("readout.skip.{skip}")));
        }
        let layer = LayerConfig {
            neurons: outputs * readout.width,
            parameters: readout.parameters.clone(),
            evolve: readout.evolve.clone(),
            ..LayerConfig::default()
        };
        let neurons = config.hidden[hidden - 1].config().neurons;
        let fixed = readout.fixed.map(|weights| weights(neurons, outputs));
        let biased = fixed.is_none() && self.precision != Precision::Binary;
        self.project(config, &wanted, layer.neurons, 1.0, fixed);
        if biased {
            self.bias = Some(self.layout.push("readout.bias".into(), (1, outputs), 1.0, 0.0));
        }
        self.populate("readout".into(), &layer, neuron, "decoder", (false, readout.clear))
    }

    /// Appends the projections into the next population, and their blocks.
    fn project(
        &mut self,
        config: &SnnConfig,
        wanted: &[Wanted],
        cols: usize,
        density: f64,
        mut fixed: Option<Vec<f32>>,
    ) {
        let target = self.populations.len();
        let rows = |source| match source {
            Source::Input => self.width,
            Source::Population(index) => config.hidden[index].config().neurons,
        };
        let spikes = |source| source != Source::Input || config.encoder.encoder().spiking();
        let fan_in: usize = wanted.iter().map(|w| w.source).filter(|&s| spikes(s)).map(rows).sum();
        let mut projections = Vec::new();
        for want in wanted {
            let sources = rows(want.source);
            let bias = want.source == Source::Input && target == 0 && self.precision != Precision::Binary;
            let shape = (sources + usize::from(bias), cols);
            let scale = match self.precision {
                // Half of the connections are expected to exist.
                Precision::Binary => gain(want.gain, sources) * std::f32::consts::SQRT_2,
                _ => gain(want.gain, sources),
            };
            // In `I8`, fixed weights are multiples of 2⁻¹⁶, a step of this scale.
            let scale = if fixed.is_some() { 1.0 / 2048.0 } else { scale };
            let unit = Unit::new(self.precision, scale, fan_in);
            let weights = match fixed.take() {
                Some(weights) => Weights::Fixed(weights),
                None => {
                    let binary = self.precision == Precision::Binary;
                    let (mean, std) = if binary { (0.5, 0.5) } else { (0.0, want.initial_std) };
                    let block = self.layout.push(want.name.clone(), shape, unit.scale, std);
                    let stream = block as u64;
                    let mask = (density < 1.0).then(|| {
                        // Biases are no connections: they always exist.
                        let mut mask = wiring::mask(self.wiring_seed, stream, (sources, cols), density);
                        mask.extend((sources * cols) as u32..(shape.0 * cols) as u32);
                        mask
                    });
                    self.layout.refine(mean, mask);
                    Weights::Evolved(block)
                }
            };
            let signs = match want.source {
                Source::Input => Vec::new(),
                Source::Population(index) => signs(config.hidden[index].config(), self.precision),
            };
            projections.push(Projection {
                source: want.source,
                target,
                recurrent: want.recurrent,
                rows: sources,
                cols,
                weights,
                bias,
                signs,
                unit,
                plastic: None,
            });
        }
        self.projections.extend(projections);
    }

    /// Appends the population whose projections have been appended.
    fn populate(
        &mut self,
        name: String,
        layer: &LayerConfig,
        neuron: Neuron,
        field: &str,
        (spiking, clear): (bool, bool),
    ) -> Result<(), SnnError> {
        let neurons = layer.neurons;
        let target = self.populations.len();
        let mut parameters = Vec::new();
        for (parameter, start, scope) in neuron.resolve(&layer.parameters, &layer.evolve, field)? {
            let cols = match scope {
                Scope::Fixed => {
                    parameters.push(Parameter::Fixed(start));
                    continue;
                }
                Scope::Layer => 1,
                Scope::Neuron => neurons,
            };
            let block = self.layout.push(format!("{name}.parameter.{}", parameter.name), (1, cols), 1.0, 0.0);
            parameters.push(Parameter::Evolved { block, start, growth: Growth::new(parameter) });
        }
        let starts: Vec<f64> = parameters
            .iter()
            .map(|parameter| match *parameter {
                Parameter::Fixed(value) | Parameter::Evolved { start: value, .. } => value,
            })
            .collect();
        neuron.check(&starts, field)?;
        let individual = parameters.iter().any(|parameter| match parameter {
            Parameter::Fixed(_) => false,
            Parameter::Evolved { block, .. } => self.layout.blocks()[*block].cols > 1,
        });
        let (stride, words) = (neurons.div_ceil(WIDTH), if spiking { neurons.div_ceil(64) } else { 0 });
        let begin = self.projections.iter().position(|p| p.target == target);
        let population = Population {
            neurons,
            parameters,
            individual,
            stride,
            state: self.state_lanes,
            constant: self.constant_lanes,
            spikes: self.spike_words,
            words,
            delays: if spiking { delays(layer, target, self.wiring_seed) } else { Vec::new() },
            incoming: begin.unwrap_or(self.projections.len())..self.projections.len(),
            fan_out: vec![0; neurons],
            clear,
            recurrent: self.projections.iter().any(|p| p.source == Source::Population(target)),
            name,
            neuron,
        };
        self.state_lanes += population.neuron.kernel().states.len() * stride;
        self.constant_lanes += population.neuron.kernel().constants * population.constant_stride();
        self.spike_words += (self.history + self.ticks) * words;
        self.populations.push(population);
        Ok(())
    }

    /// Fills in the connections out of each neuron.
    fn count_connections(&mut self) {
        for projection in &self.projections {
            let Source::Population(source) = projection.source else { continue };
            let fan_out = &mut self.populations[source].fan_out;
            let mask = match projection.weights {
                Weights::Evolved(block) => self.layout.blocks()[block].mask.as_deref(),
                Weights::Fixed(_) => None,
            };
            match mask {
                None => fan_out.iter_mut().for_each(|count| *count += projection.cols as u32),
                Some(mask) => {
                    for &place in mask {
                        fan_out[place as usize / projection.cols] += 1;
                    }
                }
            }
        }
    }

    /// Operations of the dense product with an encoder's currents, once per control step.
    pub(crate) fn dense_operations(&self) -> u64 {
        if self.encoder.encoder().spiking() {
            return 0;
        }
        let dense = |projection: &&Projection| projection.source == Source::Input;
        let count = |projection: &Projection| match projection.weights {
            Weights::Evolved(block) if self.layout.blocks()[block].mask.is_some() => {
                self.layout.blocks()[block].len() - if projection.bias { projection.cols } else { 0 }
            }
            _ => projection.rows * projection.cols,
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
                    each(pre, post, projection.unit.weight(theta, sign));
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

fn check_config(config: &SnnConfig) -> Result<(), SnnError> {
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
    config.encoder.encoder().check()?;
    config.decoder.decoder().check()?;
    if config.precision == Precision::Binary && config.decoder.decoder().readout().fixed.is_some() {
        return Err(SnnError::Combination {
            first: "precision: Binary",
            second: "decoder: Population()",
            valid: "the decoders Membrane, Rate and Count",
        });
    }
    for (index, hidden) in config.hidden.iter().enumerate() {
        let layer = hidden.config();
        let field = |name: &str| format!("hidden[{index}].{name}");
        check_neurons(|| field("neurons"), layer.neurons)?;
        let density = layer.density;
        let valid = density > 0.0 && density <= 1.0;
        check(|| field("density"), density as f32, valid, "above 0 and at most 1")?;
        let (from, to) = layer.delay;
        let valid = from <= to && to <= MAX_DELAY;
        check(|| field("delay"), to as f32, valid, "two numbers in order, 0 to 255")?;
        let period = layer.refractory;
        check(|| field("refractory"), period as f32, period <= MAX_REFRACTORY, "0 to 128")?;
        if let Some(share) = layer.excitatory {
            check(|| field("excitatory"), share as f32, (0.0..=1.0).contains(&share), "0 to 1")?;
        }
    }
    Ok(())
}

/// The source called `text`.
fn parse_source(
    text: &str,
    hidden: usize,
    input: bool,
    field: impl FnOnce() -> String,
) -> Result<Source, SnnError> {
    if input && text == "input" {
        return Ok(Source::Input);
    }
    let index = text.strip_prefix("hidden.").and_then(|index| index.parse::<usize>().ok());
    index.filter(|&index| index < hidden).map(Source::Population).ok_or_else(|| {
        let layers = (0..hidden).map(|index| format!("\"hidden.{index}\""));
        let valid: Vec<String> = input.then(|| "\"input\"".into()).into_iter().chain(layers).collect();
        SnnError::Source { field: field(), source_name: text.into(), valid: valid.join(", ") }
    })
}

/// Dale's law: excitatory neurons first.
fn signs(layer: &LayerConfig, precision: Precision) -> Vec<i8> {
    let share = match (layer.excitatory, precision) {
        (None, Precision::Binary) => 0.5,
        (None, _) => return Vec::new(),
        (Some(share), _) => share,
    };
    let excitatory = (share * layer.neurons as f64).round_ties_even() as usize;
    (0..layer.neurons).map(|neuron| if neuron < excitatory { 1 } else { -1 }).collect()
}

/// Distinct delays with their neurons.
fn delays(layer: &LayerConfig, population: usize, seed: u64) -> Vec<(usize, Vec<u64>)> {
    if layer.delay == (0, 0) {
        return Vec::new();
    }
    // A stream apart from those of the masks, which are numbered by block.
    let stream = (1 << 32) + population as u64;
    let drawn = wiring::delays(seed, stream, layer.neurons, layer.delay);
    let mut distinct = drawn.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let select = |delay| {
        let mut words = vec![0_u64; layer.neurons.div_ceil(64)];
        for neuron in (0..layer.neurons).filter(|&neuron| drawn[neuron] == delay) {
            words[neuron / 64] |= 1 << (neuron % 64);
        }
        (delay, words)
    };
    distinct.into_iter().map(select).collect()
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
        &self.network.layout
    }

    fn evaluator(&self, slots: usize) -> Box<dyn Evaluator> {
        cpu::evaluator(&self.network, slots)
    }

    fn gpu_evaluator(&self, gpu: &Gpu, slots: usize) -> Option<Result<Box<dyn Evaluator>, BackendError>> {
        let evaluator = GpuEvaluator::new(gpu, &self.network, slots);
        Some(evaluator.map(|evaluator| Box::new(evaluator) as Box<dyn Evaluator>))
    }

    fn same_on_gpu(&self) -> bool {
        self.network.precision.grid()
    }

    fn nir(&self, parameters: &[f32], dt: f64) -> Option<Result<nir::export::Network, NirError>> {
        Some(nir::controller::network(&self.network, parameters, dt))
    }

    fn energy_pj(&self, activity: &Activity) -> f64 {
        activity.energy_pj(self.network.precision)
    }

    fn describe(&self) -> String {
        let network = &self.network;
        let hidden: String = network
            .hidden()
            .iter()
            .map(|layer| {
                let recurrent = if layer.recurrent { "r" } else { "" };
                format!("{}{recurrent}({})-", layer.neurons, layer.neuron.name())
            })
            .collect();
        let plural = if network.ticks == 1 { "" } else { "s" };
        let plastic = if network.plastic.is_empty() { "" } else { ", plastic" };
        format!(
            "snn {}-{hidden}{}, {} tick{plural}, {}{plastic}, {} parameters",
            network.inputs,
            network.outputs,
            network.ticks,
            network.precision.name(),
            self.layout().len()
        )
    }
}

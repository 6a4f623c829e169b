//! From a config to a network: populations, projections, and the blocks of θ.

use super::check::{check_config, check_size, parse_source};
use super::{Network, Parameter, Population, Projection, Source, Weights};
use crate::config::{Code, LayerConfig, SnnConfig};
use crate::error::SnnError;
use crate::lanes::WIDTH;
use crate::layout::{Layout, Pairs};
use crate::neuron::{Growth, Neuron};
use crate::precision::format::Format;
use crate::scope::Scope;
use crate::weights::gain;
use crate::wiring;

/// A projection before its block is laid out.
struct Wanted {
    source: Source,
    name: String,
    recurrent: bool,
    gain: f32,
    initial_std: f32,
}

impl Network {
    pub(crate) fn new(config: &SnnConfig, inputs: usize, outputs: usize) -> Result<Self, SnnError> {
        check_config(config)?;
        let width = config.encoder.encoder().width(inputs);
        check_size(config, (inputs, width, outputs))?;
        let mut network = Self {
            inputs,
            outputs,
            ticks: config.ticks,
            precision: config.precision,
            format: config.precision.storage(),
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
            let code = match &layer.code {
                Code::Pairs(_) if layer.neurons % (2 * inputs) != 0 => {
                    return Err(SnnError::Code { neurons: layer.neurons, each: 2 * inputs });
                }
                Code::Pairs(code) => Some(code.weights(inputs, layer.neurons)),
                Code::Evolved => None,
            };
            network.project(config, &wanted, layer.neurons, layer.density, code);
            network.populate(name, layer, neuron, &field, (true, layer.fresh))?;
        }
        network.add_readout(config, sizes.len(), outputs)?;
        network.add_plasticity(&config.plasticity)?;
        network.count_connections();
        Ok(network)
    }

    /// The readout population and the biases of the actions.
    fn add_readout(&mut self, config: &SnnConfig, hidden: usize, outputs: usize) -> Result<(), SnnError> {
        let readout = config.decoder.readout();
        let neuron = Neuron::new(readout.model, None, 0, "decoder")?;
        if neuron.spikes() {
            return Err(SnnError::Spikes { field: "decoder.model".into(), model: neuron.name().into() });
        }
        let neuron = if readout.sums { neuron.summing() } else { neuron };
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
        let biased = fixed.is_none() && !self.format.is_binary();
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
        let paired = |index: usize| config.hidden.get(index).is_some_and(|layer| layer.config().push_pull);
        let sharing = |index: usize| match (paired(index), &config.hidden[index].config().code) {
            (false, _) => 1,
            (true, Code::Pairs(code)) if code.shared => config.hidden[index].config().neurons / self.inputs,
            (true, _) => 2,
        };
        let mut projections = Vec::new();
        for want in wanted {
            let sources = rows(want.source);
            let bias = want.source == Source::Input && target == 0 && !self.format.is_binary();
            let shape = (sources + usize::from(bias), cols);
            let scale = match self.format.is_binary() {
                // Half of the connections are expected to exist.
                true => gain(want.gain, sources) * std::f32::consts::SQRT_2,
                false => gain(want.gain, sources),
            };
            // In `I8`, fixed weights are multiples of 2⁻¹⁶, a step of this scale.
            let scale = if fixed.is_some() { 1.0 / 2048.0 } else { scale };
            let unit = self.format.unit(scale, fan_in);
            let weights = match fixed.take() {
                // Those of a code are any numbers; votes lie on the grid.
                Some(mut weights) => {
                    if bias && unit.step > 0.0 {
                        weights.iter_mut().for_each(|weight| *weight = unit.on_grid(*weight));
                    }
                    Weights::Fixed(weights)
                }
                None => {
                    let (mean, std) =
                        if self.format.is_binary() { (0.5, 0.5) } else { (0.0, want.initial_std) };
                    let block = self.layout.push(want.name.clone(), shape, unit.scale, std);
                    let stream = block as u64;
                    let mask = (density < 1.0).then(|| {
                        // Biases are no connections: they always exist.
                        let mut mask = wiring::mask(self.wiring_seed, stream, (sources, cols), density);
                        mask.extend((sources * cols) as u32..(shape.0 * cols) as u32);
                        mask
                    });
                    let sources = match want.source {
                        Source::Input => 1,
                        Source::Population(index) => sharing(index),
                    };
                    self.layout.refine(mean, mask, Pairs { sources, targets: paired(target), bias });
                    Weights::Evolved(block)
                }
            };
            let signs = match want.source {
                Source::Input => Vec::new(),
                Source::Population(index) => signs(config.hidden[index].config(), self.format),
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
}

/// Dale's law: excitatory neurons first.
fn signs(layer: &LayerConfig, format: &dyn Format) -> Vec<i8> {
    let share = match layer.excitatory {
        None if format.is_binary() => 0.5,
        None => return Vec::new(),
        Some(share) => share,
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

//! A spiking network between an observation and its actions in ±1.

use super::error::OnnxError;
use super::functions::tanh;
use super::graph::{Graph, Value};
use super::neurons::{self, Tick};
use super::synapses::{Synapses, exact};
use crate::encoder::Encoded;
use crate::network::{Network, Population, Projection, Source};

/// A population while the graph is built.
struct Layer<'a> {
    population: &'a Population,
    synapses: Vec<(&'a Projection, Synapses)>,
    exact: bool,
    constants: Vec<Value>,
    states: Vec<Value>,
    /// Spikes of each tick, `[batch, neurons]`, the oldest first.
    past: Vec<Value>,
    /// Spikes of the past that are needed: the longest delay and one more.
    depth: usize,
    /// Whether the past reaches beyond the control step.
    late: bool,
    /// The spikes that arrive elsewhere.
    arriving: Option<Value>,
    /// The sum of the encoder's currents.
    constant: Option<Value>,
}

/// Adds a control step to the graph: from the normalised observation `x`, within ±`clip`, to actions.
pub(crate) fn add(
    graph: &mut Graph,
    network: &Network,
    parameters: &[f32],
    x: &Value,
    clip: f32,
) -> Result<Value, OnnxError> {
    if !network.plastic.is_empty() {
        return Err(OnnxError::new(
            "plasticity",
            "its weights change within an episode; only networks without `plasticity` can be written",
        ));
    }
    let encoded = network.encoder.encoder().graph(graph, x, network.inputs, network.ticks)?;
    let mut layers = Vec::new();
    for index in 0..network.populations.len() {
        layers.push(Layer::new(graph, network, index, parameters, clip)?);
    }
    start(graph, network, parameters, &mut layers);
    if let Encoded::Currents(currents) = &encoded {
        for layer in &mut layers {
            let input = layer.synapses.iter().find(|(projection, _)| network.is_dense(projection));
            layer.constant = input.map(|(_, synapses)| synapses.currents(graph, currents));
        }
    }
    for tick in 0..network.ticks {
        let input = match &encoded {
            Encoded::Spikes(ticks) => Some(&ticks[tick]),
            Encoded::Currents(_) => None,
        };
        for index in 0..layers.len() {
            step(graph, network, &mut layers, index, input);
        }
    }
    finish(graph, network, parameters, &layers)
}

impl<'a> Layer<'a> {
    fn new(
        graph: &mut Graph,
        network: &'a Network,
        index: usize,
        parameters: &[f32],
        clip: f32,
    ) -> Result<Self, OnnxError> {
        let population = &network.populations[index];
        if let Some(state) = population
            .neuron
            .kernel()
            .states
            .iter()
            .find(|state| ["spikes", "past_spikes"].contains(&&state[..]))
        {
            let what = format!("the state '{state}' of {}", population.name);
            return Err(OnnxError::new(what, "the spikes have this name; give the state another one"));
        }
        let mut synapses = Vec::new();
        for (_, projection) in network.incoming(index) {
            synapses.push((projection, Synapses::new(graph, network, projection, parameters)?));
        }
        let pairs: Vec<_> = synapses.iter().map(|(projection, synapses)| (*projection, synapses)).collect();
        let longest = population.delays.iter().map(|(delay, _)| *delay).max().unwrap_or(0);
        let back = |p: &Projection| p.source == Source::Population(index) && p.target <= index;
        Ok(Self {
            population,
            exact: exact(network, &pairs, clip.max(1.0)),
            synapses,
            constants: Vec::new(),
            states: Vec::new(),
            past: Vec::new(),
            depth: longest + 1,
            late: longest > 0 || network.projections.iter().any(back),
            arriving: None,
            constant: None,
        })
    }

    /// Takes the spikes that arrive after those of the last tick have been emitted.
    fn arrive(&mut self, graph: &mut Graph) {
        let mut arriving: Option<Value> = None;
        for (delay, select) in &self.population.delays {
            let Some(emitted) = self.past.len().checked_sub(1 + delay).map(|at| &self.past[at]) else {
                continue;
            };
            let chosen: Vec<bool> =
                (0..self.population.neurons).map(|n| select[n / 64] >> (n % 64) & 1 == 1).collect();
            let chosen = graph.truths(&chosen);
            let others = arriving.unwrap_or_else(|| graph.number(0.0));
            arriving = Some(graph.op("Where", &[&chosen, emitted, &others]));
        }
        self.arriving = arriving.or_else(|| self.past.last().cloned());
    }
}

/// Declares what persists, and gives each neuron its constants and start values.
fn start(graph: &mut Graph, network: &Network, parameters: &[f32], layers: &mut [Layer<'_>]) {
    // Per population: constants and start values of its neurons, or of all of them at once.
    let mut values = vec![(Vec::new(), Vec::new()); layers.len()];
    network.neuron_values(parameters, |population, _, found| {
        let (constants, initial) = &mut values[network.index_of(population)];
        constants.push(found.constants.clone());
        initial.push(found.initial.clone());
    });
    for (layer, (constants, initial)) in layers.iter_mut().zip(values) {
        let population = layer.population;
        let kernel = population.neuron.kernel();
        let column = |rows: &[Vec<f32>], at: usize| rows.iter().map(|row| row[at]).collect::<Vec<f32>>();
        layer.constants = (0..kernel.constants).map(|c| graph.numbers(&column(&constants, c))).collect();
        for (at, state) in kernel.states.iter().enumerate() {
            let mut start = column(&initial, at);
            if start.iter().all(|x| x.to_bits() == start[0].to_bits()) {
                start.truncate(1);
            }
            layer.states.push(match population.clear {
                true => graph.numbers(&start),
                false => graph.state(&format!("{}.{state}", population.name), &[population.neurons], start),
            });
        }
        if layer.late {
            let shape = [layer.depth, population.neurons];
            let past = graph.state(&format!("{}.past_spikes", population.name), &shape, vec![0.0]);
            layer.past = (0..layer.depth).map(|row| graph.take(&past, row as i64)).collect();
            layer.arrive(graph);
        }
    }
}

/// One tick of a population.
fn step(graph: &mut Graph, network: &Network, layers: &mut [Layer<'_>], index: usize, input: Option<&Value>) {
    let layer = &layers[index];
    let kernel = layer.population.neuron.kernel();
    let (mut forward, mut recurrent) = (layer.constant.clone(), None);
    for (projection, synapses) in &layer.synapses {
        let arriving = match projection.source {
            Source::Input => input,
            Source::Population(source) => layers[source].arriving.as_ref(),
        };
        let Some(arriving) = arriving else { continue };
        let sum = if projection.recurrent && kernel.recurrent { &mut recurrent } else { &mut forward };
        *sum = Some(synapses.add(graph, sum.as_ref(), arriving, layer.exact));
    }
    let forward = forward.expect("every population has an input");
    let tick = Tick {
        constants: &layer.constants,
        forward: &forward,
        recurrent: recurrent.as_ref(),
        states: &layer.states,
        grid: network.format.grid(),
    };
    let (states, spikes) = neurons::tick(graph, kernel, &tick);
    let layer = &mut layers[index];
    layer.states = states;
    if let Some(spikes) = spikes {
        layer.past.push(spikes);
        layer.arrive(graph);
    }
}

/// Gives the states their next values; returns the actions.
fn finish(
    graph: &mut Graph,
    network: &Network,
    parameters: &[f32],
    layers: &[Layer<'_>],
) -> Result<Value, OnnxError> {
    for layer in layers {
        let population = layer.population;
        for (state, value) in population.neuron.kernel().states.iter().zip(&layer.states) {
            if !population.clear {
                graph.next(&format!("{}.{state}", population.name), value);
            }
        }
        let rows = |graph: &mut Graph, rows: &[Value]| {
            let rows: Vec<Value> = rows.iter().map(|row| graph.unsqueeze(row, 1)).collect();
            graph.concat(&rows.iter().collect::<Vec<_>>(), 1)
        };
        if layer.late {
            let past = rows(graph, &layer.past[layer.past.len() - layer.depth..]);
            graph.next(&format!("{}.past_spikes", population.name), &past);
        }
        if population.spiking() {
            let spikes = rows(graph, &layer.past[layer.past.len() - network.ticks..]);
            let shape = [network.ticks, population.neurons];
            graph.output(&format!("{}.spikes", population.name), &shape, &spikes);
        }
    }
    let readout = layers.last().expect("there is a readout");
    let value = network.decoder.graph(graph, network.ticks, &readout.states[0], network.outputs);
    if !network.decoder.squash() {
        return Ok(value);
    }
    let Some(block) = network.bias else { return Ok(tanh(graph, &value)) };
    let block = &network.layout.blocks()[block];
    let bias: Vec<f32> = parameters[block.range()].iter().map(|theta| block.scale * theta).collect();
    let bias = graph.numbers(&bias);
    let value = graph.op("Add", &[&value, &bias]);
    Ok(tanh(graph, &value))
}

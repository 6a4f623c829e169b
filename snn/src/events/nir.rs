//! Networks in continuous time as graphs of NIR, and back.
//!
//! CubaLIF of NIR has our equations, `tau_syn·dI/dt = −I + w_in·x` and `tau_mem·dV/dt = v_leak − V + r·I`. Who runs a
//! graph gives x for each tick of `dt` seconds, and a spike is an x of 1 for one tick; so with `w_in = tau_syn/dt` it adds
//! its weight to the current. Time constants and delays are in seconds, and numbers have 64 bits.
//!
//! NIR has one input per neuron, which passes the synapse. Where currents reach the membrane directly (the encoder
//! `Current()`), the population is a LIF that gets them, and its synaptic current is a LI of its own.

use super::error::EventsError;
use super::lif::Lif;
use super::network::{Network, Population, Projection, Source};
use crate::nir::{Array, Data, Graph, NirError, NodeKind, Unit, units};

/// Most time constants of the membrane for which a reset can stand for a neuron that spikes once.
const LONGEST: f64 = 60.0;
/// How far below everything else, in units of the way from reset to threshold, such a reset still is at the end.
const BELOW: f64 = 1e4;
/// `w_in·dt/tau_syn` this close to 1 was 1 before it was stored.
const UNIT: f64 = 1e-9;

/// What a graph has around the neurons and synapses of a network.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around<'a> {
    /// Name of each population.
    pub(super) names: &'a [String],
    /// Weights of the currents into the first population, `[input][neuron]`, and of the bias in a last row.
    pub(super) currents: Option<&'a [f64]>,
    /// Added to the output; empty: nothing.
    pub(super) bias: &'a [f64],
    /// How long the network runs from rest, in seconds; infinite if that is not known.
    pub(super) longest: f64,
}

fn refuse<T>(what: impl Into<String>, why: &str) -> Result<T, NirError> {
    Err(NirError::Export { what: what.into(), why: why.to_owned() })
}

/// The graph of a network that gets spikes, for ticks of `dt` seconds. `names` has one for each population; the output is
/// the last one. [`from_graph`] is the way back.
///
/// # Errors
/// [`NirError::Export`] for a refractory time, which no node has.
///
/// # Panics
/// If `weights` or `names` are too few.
pub fn to_graph(network: &Network, weights: &[f64], names: &[String], dt: f64) -> Result<Graph, NirError> {
    graph(network, weights, &Around { names, currents: None, bias: &[], longest: f64::INFINITY }, dt)
}

pub(super) fn graph(
    network: &Network,
    weights: &[f64],
    around: &Around<'_>,
    dt: f64,
) -> Result<Graph, NirError> {
    let (mut graph, names) = (Graph::default(), around.names);
    let populations = network.populations();
    let Some(last) = populations.len().checked_sub(1) else {
        return refuse("a network", "it has no neurons");
    };
    let inputs = match around.currents {
        Some(rows) => rows.len() / populations[0].neurons - 1,
        None => network.inputs(),
    };
    graph.add("input", NodeKind::Input { shape: vec![inputs] });
    for (index, population) in populations.iter().enumerate() {
        let (name, n) = (&names[index], population.neurons);
        let current = index == 0 && around.currents.is_some();
        graph.add(name, neurons(name, population, around.longest, current, dt)?);
        if let (true, Some(rows)) = (current, around.currents) {
            let (rows, bias) = rows.split_at(inputs * n);
            let node = format!("input_to_{name}");
            graph.add(
                &node,
                NodeKind::Affine { weight: transposed(rows, inputs, n), bias: bias.to_vec().into() },
            );
            graph.connect("input", &node);
            graph.connect(&node, name);
        }
        if !population.delays.is_empty() {
            let node = format!("{name}_delay");
            graph.add(&node, NodeKind::Delay { delay: population.delays.clone().into() });
        }
    }
    // In the order in which signals go, so that who walks the edges finds feedback last.
    for (index, population) in populations.iter().enumerate() {
        let own = network.projections().iter().filter(|projection| projection.target == index);
        for projection in own {
            let (source, rows) = match projection.source {
                Source::Inputs => ("input".to_owned(), network.inputs()),
                Source::Population(source) => {
                    let delayed = !populations[source].delays.is_empty();
                    let name = &names[source];
                    (
                        if delayed { format!("{name}_delay") } else { name.clone() },
                        populations[source].neurons,
                    )
                }
            };
            let (target, n) = (&names[index], population.neurons);
            let from =
                if let Source::Population(source) = projection.source { &names[source] } else { "input" };
            let node = format!("{from}_to_{target}");
            let block = &weights[projection.offset..][..rows * n];
            graph.add(&node, NodeKind::Linear { weight: transposed(block, rows, n) });
            if source != from {
                connect_once(&mut graph, from, &source);
            }
            graph.connect(&source, &node);
            if index == 0 && around.currents.is_some() {
                let synapse = format!("{target}_current");
                let tau = vec![population.lif.tau_syn; n];
                let r: Vec<f64> = tau.iter().map(|tau| tau / dt).collect();
                let v_leak = vec![0.0; n].into();
                graph.add(&synapse, NodeKind::Li { tau: tau.into(), r: r.into(), v_leak });
                graph.connect(&node, &synapse);
                connect_once(&mut graph, &synapse, target);
            } else {
                graph.connect(&node, target);
            }
        }
    }
    let n = populations[last].neurons;
    let mut from = names[last].clone();
    if !around.bias.is_empty() {
        let mut identity = vec![0.0; n * n];
        identity.iter_mut().step_by(n + 1).for_each(|x| *x = 1.0);
        let node = format!("{from}_bias");
        let weight = matrix(n, n, identity);
        graph.add(&node, NodeKind::Affine { weight, bias: around.bias.to_vec().into() });
        graph.connect(&from, &node);
        from = node;
    }
    graph.add("output", NodeKind::Output { shape: vec![n] });
    graph.connect(&from, "output");
    graph.metadata.insert("dt".to_owned(), dt.into());
    graph.metadata.insert("reset".to_owned(), "to_v_reset".into());
    graph.metadata.insert("producer".to_owned(), "spindle".into());
    Ok(graph)
}

fn connect_once(graph: &mut Graph, from: &str, to: &str) {
    if !graph.edges.iter().any(|(a, b)| a == from && b == to) {
        graph.connect(from, to);
    }
}

fn matrix(rows: usize, columns: usize, values: Vec<f64>) -> Array {
    Array::new(&[rows, columns], Data::F64(values)).expect("as many values as the shape says")
}

/// `[pre][post]` as NIR has it, `[post][pre]`.
fn transposed(block: &[f64], rows: usize, columns: usize) -> Array {
    let at = |k: usize| block[(k % rows) * columns + k / rows];
    matrix(columns, rows, (0..rows * columns).map(at).collect())
}

/// The node of a population; `current` if its input is a current into the membrane.
fn neurons(
    name: &str,
    population: &Population,
    longest: f64,
    current: bool,
    dt: f64,
) -> Result<NodeKind, NirError> {
    let Population { neurons, lif, spiking, .. } = population;
    let each = |value: f64| Array::from(vec![value; *neurons]);
    let Lif { tau_mem, tau_syn, threshold, leak, .. } = *lif;
    if !spiking {
        return Ok(NodeKind::CubaLi {
            tau_syn: each(tau_syn),
            tau_mem: each(tau_mem),
            r: each(1.0),
            v_leak: each(leak),
            w_in: each(tau_syn / dt),
        });
    }
    let reset = reset(name, lif, longest)?;
    Ok(if current {
        NodeKind::Lif {
            tau: each(tau_mem),
            r: each(1.0),
            v_leak: each(leak),
            v_threshold: each(threshold),
            v_reset: each(reset),
        }
    } else {
        NodeKind::CubaLif {
            tau_syn: each(tau_syn),
            tau_mem: each(tau_mem),
            r: each(1.0),
            v_leak: each(leak),
            v_threshold: each(threshold),
            v_reset: each(reset),
            w_in: each(tau_syn / dt),
        }
    })
}

/// `v_reset`: that of the neuron, or one so low that the neuron does not spike again where it is held till the end.
fn reset(name: &str, lif: &Lif, longest: f64) -> Result<f64, NirError> {
    let Lif { tau_mem, threshold, reset, refractory, .. } = *lif;
    if refractory == 0.0 {
        return Ok(reset);
    }
    if refractory >= longest && longest / tau_mem <= LONGEST {
        return Ok(reset - BELOW * (threshold - reset) * libm::exp(longest / tau_mem));
    }
    refuse(
        format!("the refractory time of {name}, {refractory} s"),
        "no node has one; give 0, or for samples that start at rest at least their length",
    )
}

/// A network that was read from a graph.
#[derive(Clone, Debug)]
pub struct FromGraph {
    /// Neurons and projections. Populations come in the order in which a signal reaches them.
    pub network: Network,
    /// Its weights, with `w_in` and `r` in them.
    pub weights: Vec<f64>,
    /// Names of the populations.
    pub names: Vec<String>,
}

/// The network in continuous time that a graph of CubaLIF, CubaLI, Linear and Delay describes; its input is spikes.
/// `dt` are the seconds per tick for which the graph was made; default: `dt` of its metadata.
///
/// # Errors
/// [`NirError`] names the node that has no place in such a network, and what would be valid.
pub fn from_graph(graph: &Graph, dt: Option<f64>) -> Result<FromGraph, NirError> {
    let dt = dt.or(graph.dt()).filter(|dt| *dt > 0.0 && dt.is_finite());
    let dt = dt.ok_or(NirError::NoTimeStep { guess: crate::nir::guess_dt(graph) })?;
    let units = units(graph)?;
    let (mut populations, mut names, mut gains) = (Vec::new(), Vec::new(), Vec::new());
    let mut place = vec![None; units.len()];
    for (at, unit) in units.iter().enumerate() {
        if let Some((population, gain)) = population(unit, dt)? {
            place[at] = Some(populations.len());
            populations.push(population);
            gains.push(gain);
            names.push(unit.name.replace('.', "_"));
        }
    }
    let mut inputs = units.iter().filter(|unit| matches!(unit.kind, NodeKind::Input { .. }));
    let width = match (inputs.next(), inputs.next()) {
        (Some(input), None) => input.width,
        _ => return Err(NirError::Graph { problem: "expected one Input node".to_owned() }),
    };
    let (mut projections, mut weights) = (Vec::new(), Vec::new());
    for (at, unit) in units.iter().enumerate() {
        let Some(target) = place[at] else { continue };
        for &source in &unit.sources {
            let weight = connection(&units[source])?;
            let [from] = units[source].sources[..] else {
                return Err(units[source].node("gets several signals; expected one"));
            };
            let (from, delays) = match units[from].kind {
                NodeKind::Delay { delay } => match units[from].sources[..] {
                    [before] => (before, numbers(&units[from], "delay", delay)?),
                    _ => return Err(units[from].node("gets several signals; expected one")),
                },
                _ => (from, Vec::new()),
            };
            let source = match (place[from], units[from].kind) {
                (Some(population), _) => Source::Population(population),
                (None, NodeKind::Input { .. }) if delays.is_empty() => Source::Inputs,
                _ => {
                    let why = "does not give spikes of neurons or of the input; expected CubaLIF or Input";
                    return Err(units[from].node(why));
                }
            };
            if let (Source::Population(population), false) = (source, delays.is_empty()) {
                populations[population].delays = delays;
            }
            let (rows, n) = (units[from].width, populations[target].neurons);
            let offset = weights.len();
            let entry = |k: usize| weight[(k % n) * rows + k / n] * gains[target][k % n];
            weights.extend((0..rows * n).map(entry));
            projections.push(Projection { source, target, offset });
        }
    }
    let network = Network::new(width, populations, projections).map_err(|error| wrong(&error))?;
    Ok(FromGraph { network, weights, names })
}

fn wrong(error: &EventsError) -> NirError {
    NirError::Graph { problem: error.to_string() }
}

/// The population of a node, and how much current a spike of weight 1 brings to each neuron; none for other nodes.
fn population(unit: &Unit<'_>, dt: f64) -> Result<Option<(Population, Vec<f64>)>, NirError> {
    let field = |name: &str, array: &Array| {
        let values = numbers(unit, name, array)?;
        match values.iter().find(|value| **value != values[0]) {
            None => Ok(values[0]),
            Some(other) => {
                Err(unit.field(name, &format!("holds {} and {other}; expected one value", values[0])))
            }
        }
    };
    let (lif, spiking, w_in, r) = match unit.kind {
        NodeKind::CubaLif { tau_syn, tau_mem, r, v_leak, v_threshold, v_reset, w_in } => {
            let lif = Lif {
                tau_mem: field("tau_mem", tau_mem)?,
                tau_syn: field("tau_syn", tau_syn)?,
                threshold: field("v_threshold", v_threshold)?,
                reset: field("v_reset", v_reset)?,
                leak: field("v_leak", v_leak)?,
                refractory: 0.0,
            };
            (lif, true, w_in, r)
        }
        NodeKind::CubaLi { tau_syn, tau_mem, r, v_leak, w_in } => {
            let (tau_mem, tau_syn) = (field("tau_mem", tau_mem)?, field("tau_syn", tau_syn)?);
            let leak = field("v_leak", v_leak)?;
            let lif = Lif { tau_mem, tau_syn, leak, ..Lif::default() };
            (lif, false, w_in, r)
        }
        NodeKind::Input { .. }
        | NodeKind::Output { .. }
        | NodeKind::Linear { .. }
        | NodeKind::Affine { .. }
        | NodeKind::Delay { .. } => return Ok(None),
        _ => {
            let why = "has no place in a network of spikes in continuous time; \
                       valid: Input, Output, Linear, Affine, Delay, CubaLIF, CubaLI";
            return Err(unit.node(why));
        }
    };
    let (w_in, r) = (numbers(unit, "w_in", w_in)?, numbers(unit, "r", r)?);
    let gain = |(w_in, r): (f64, f64)| {
        let gain = w_in * r * dt / lif.tau_syn;
        if (gain - 1.0).abs() < UNIT { 1.0 } else { gain }
    };
    let gains: Vec<f64> = w_in.into_iter().zip(r).map(gain).collect();
    let population = Population { neurons: gains.len(), lif, spiking, delays: Vec::new() };
    Ok(Some((population, gains)))
}

/// Weights `[post][pre]` of a node between neurons.
fn connection(unit: &Unit<'_>) -> Result<Vec<f64>, NirError> {
    match unit.kind {
        NodeKind::Linear { weight } => numbers(unit, "weight", weight),
        NodeKind::Affine { weight, bias } => {
            if numbers(unit, "bias", bias)?.iter().any(|&bias| bias != 0.0) {
                return Err(unit.field("bias", "is not 0, and neurons get spikes only; expected zeros"));
            }
            numbers(unit, "weight", weight)
        }
        _ => Err(unit.node("leads to neurons; expected Linear or Affine before them")),
    }
}

/// Finite numbers.
fn numbers(unit: &Unit<'_>, name: &str, array: &Array) -> Result<Vec<f64>, NirError> {
    let values = array.to_f64().filter(|values| !values.is_empty());
    let values = values.ok_or_else(|| unit.field(name, "holds no numbers"))?;
    match values.iter().find(|value| !value.is_finite()) {
        Some(value) => Err(unit.field(name, &format!("holds {value}, expected finite numbers"))),
        None => Ok(values),
    }
}

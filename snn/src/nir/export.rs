//! From a discrete network, as this crate runs it, to a graph.
//!
//! [`Network`] knows nothing of configs and parameter vectors: populations of neurons with decays per
//! tick, and weights between them. The graph is such that forward Euler with the time step `dt` is the
//! discrete network: `tau = dt/(1 − decay)`, with `r = 1` where input is scaled by `1 − decay` and
//! `r = tau/dt` where it counts fully.

use super::cell::{Constants, leaky};
use super::check::At;
use super::error::{NirError, list};
use super::graph::{Array, Graph, Metadata, NodeKind};
use super::plan::Plan;
use super::reset::ResetMode;

/// Neuron models of this crate that have a node in NIR.
pub const CARRIED: [&str; 6] = ["if", "lif", "plif", "cuba_lif", "li", "threshold"];

/// A network in discrete time.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// Values of the input, which is a current or spikes.
    pub inputs: usize,
    /// Seconds per tick, above 0.
    pub dt: f64,
    /// What a spike does to the membrane potential, in all populations.
    pub reset: ResetMode,
    /// Populations in the order in which a tick visits them; the output is the last one's.
    pub populations: Vec<Population>,
    /// What arrives at a population is summed in this order.
    pub projections: Vec<Projection>,
    /// Added to the output, one value per neuron of the last population; empty: nothing.
    pub output_bias: Vec<f32>,
    /// Notes beside `dt`, `reset` and `producer`.
    pub metadata: Metadata,
}

/// Neurons of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Population {
    /// Name, unique; `.` and `/` become `_`, since other libraries cannot have them in names.
    pub name: String,
    /// Number of neurons.
    pub neurons: usize,
    /// Their model.
    pub neuron: Neuron,
    /// Axonal delay of each neuron in ticks; empty: none.
    pub delays: Vec<usize>,
}

/// What a neuron does in one tick with its input `I`. Parameters have one value for all neurons of the
/// population or one for each.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Neuron {
    /// `v ← v + I`; never spikes, gives `v`.
    Integrator,
    /// `v ← v + I`, spikes.
    If(Spike),
    /// `v ← decay·v + gain·I`; never spikes, gives `v`.
    Li(Filter),
    /// `v ← decay·v + gain·I + (1 − decay)·v_leak`, spikes.
    Lif {
        /// Decay and gain of the membrane.
        membrane: Filter,
        /// Resting potential.
        v_leak: Vec<f32>,
        /// Threshold and reset.
        spike: Spike,
    },
    /// `i ← decay·i + gain·I`, then `v ← decay·v + gain·i`, spikes.
    CubaLif {
        /// Decay and gain of the synaptic current.
        synapse: Filter,
        /// Decay and gain of the membrane.
        membrane: Filter,
        /// Threshold and reset.
        spike: Spike,
    },
    /// Spikes where `I` is above the threshold.
    Threshold(Vec<f32>),
}

/// `x ← decay·x + gain·input`.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    /// Share kept per tick, in [0, 1].
    pub decay: Vec<f32>,
    /// Share of the input.
    pub gain: Gain,
}

/// How input is scaled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gain {
    /// By `1 − decay`.
    Complement,
    /// Not at all; for decays below 1.
    One,
}

/// Threshold and reset of a spiking neuron: a spike if `v > threshold`.
#[derive(Clone, Debug, PartialEq)]
pub struct Spike {
    /// Potential above which the neuron spikes.
    pub threshold: Vec<f32>,
    /// Potential after a spike; does not count with [`ResetMode::Subtract`].
    pub v_reset: Vec<f32>,
}

/// Where a projection begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The input of the network.
    Input,
    /// A population by index. From an earlier one than the target comes what it gave in this tick, from
    /// others, and the target itself, what it gave in the previous one.
    Population(usize),
}

/// Connections from one population to another, or within one.
#[derive(Clone, Debug, PartialEq)]
pub struct Projection {
    /// Where they begin.
    pub source: Source,
    /// Index of the population where they end.
    pub target: usize,
    /// Weights `[target neuron][source]`.
    pub weight: Vec<f32>,
    /// Bias of each target neuron; empty: none.
    pub bias: Vec<f32>,
}

/// The graph of a network. Populations are nodes; one that projects to itself is a nested graph of
/// `input`, `lif`, `w_rec` and `output`, the form that importers know. Projections are nodes
/// `SOURCE_to_TARGET`.
///
/// # Errors
/// [`NirError::Export`] with what does not fit or cannot be expressed.
pub fn export(network: &Network) -> Result<Graph, NirError> {
    check(network)?;
    let mut late = vec![false; network.projections.len()];
    // A cycle delays by a tick by itself; feedback that closes none needs a node for it.
    for _ in 0..2 {
        let graph = build(network, &late)?;
        let plan = Plan::new(&graph)?;
        let step = |name: &str| plan.order.iter().position(|&unit| plan.units[unit].name == name);
        let mut wrong = Vec::new();
        for (index, projection) in network.projections.iter().enumerate() {
            let name = network.projection_name(projection);
            // Projections within a population are closed cycles by themselves.
            if network.nested(projection) {
                continue;
            }
            let closes = step(&name) > step(&network.entry(projection.target));
            if closes != (network.feedback(projection) && !late[index]) {
                wrong.push(index);
            }
        }
        match wrong.iter().find(|&&index| late[index] || !network.feedback(&network.projections[index])) {
            _ if wrong.is_empty() => return Ok(graph),
            Some(&index) => return Err(network.unordered(index)),
            None => wrong.into_iter().for_each(|index| late[index] = true),
        }
    }
    Err(network.unordered(late.iter().position(|&late| late).unwrap_or(0)))
}

/// The refusal of a neuron model that NIR has no node for.
#[must_use]
pub fn refusal(population: &str, model: &str) -> NirError {
    let reason = match model {
        "alif" => "its threshold adapts, and no node of NIR does; 'lif' is the nearest",
        "izhikevich" | "adex" => "no node of NIR has a second equation for recovery; 'lif' is the nearest",
        "ec_lif" => {
            "its recurrent input passes a synapse and its other input does not; 'cuba_lif' is the nearest"
        }
        _ => "no node of NIR has its equations",
    };
    NirError::Export {
        what: format!("population '{population}' of model '{model}'"),
        why: format!("{reason}; models that can be carried: {}", list(CARRIED)),
    }
}

fn refuse<T>(what: impl Into<String>, why: impl Into<String>) -> Result<T, NirError> {
    Err(NirError::Export { what: what.into(), why: why.into() })
}

/// A name that other libraries can have, too.
fn clean(name: &str) -> String {
    name.replace(['.', '/', ' '], "_")
}

impl Network {
    fn source_name(&self, source: Source) -> String {
        match source {
            Source::Input => "input".to_owned(),
            Source::Population(index) => clean(&self.populations[index].name),
        }
    }

    fn source_size(&self, source: Source) -> usize {
        match source {
            Source::Input => self.inputs,
            Source::Population(index) => self.populations[index].neurons,
        }
    }

    /// Node that holds the weights.
    fn projection_name(&self, projection: &Projection) -> String {
        let target = self.source_name(Source::Population(projection.target));
        format!("{}_to_{target}", self.source_name(projection.source))
    }

    /// Whether the projection delivers the previous tick.
    fn feedback(&self, projection: &Projection) -> bool {
        matches!(projection.source, Source::Population(index) if index >= projection.target)
    }

    /// Whether the projection becomes part of a nested graph.
    fn nested(&self, projection: &Projection) -> bool {
        projection.source == Source::Population(projection.target)
            && self.populations[projection.target].delays.is_empty()
    }

    /// Node where a signal enters a population.
    fn entry(&self, population: usize) -> String {
        let name = clean(&self.populations[population].name);
        let nested = self.projections.iter().any(|p| p.target == population && self.nested(p));
        if nested { format!("{name}.input") } else { name }
    }

    /// Node where the signal of a source leaves.
    fn exit(&self, source: Source) -> String {
        let name = self.source_name(source);
        match source {
            Source::Population(index) if !self.populations[index].delays.is_empty() => format!("{name}_axon"),
            _ => name,
        }
    }

    fn unordered(&self, index: usize) -> NirError {
        let name = self.projection_name(&self.projections[index]);
        NirError::Export {
            what: format!("the projection '{name}'"),
            why:
                "in its cycle another edge would deliver the previous tick; a cycle must be entered from the \
                  input at its first population"
                    .to_owned(),
        }
    }
}

/// Checks lengths and names.
fn check(network: &Network) -> Result<(), NirError> {
    if !(network.dt.is_finite() && network.dt > 0.0) {
        return refuse("the time step", format!("it is {}, expected seconds above 0", network.dt));
    }
    let Some(last) = network.populations.last() else {
        return refuse("the network", "it has no population");
    };
    let mut names: Vec<String> = network.populations.iter().map(|p| clean(&p.name)).collect();
    names.extend(["input".to_owned(), "output".to_owned()]);
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return refuse(format!("the population '{}'", pair[0]), "its name is taken");
    }
    for population in &network.populations {
        if ![0, population.neurons].contains(&population.delays.len()) {
            let (found, n) = (population.delays.len(), population.neurons);
            return refuse(
                format!("population '{}'", population.name),
                format!("{found} delays for {n} neurons"),
            );
        }
    }
    if ![0, last.neurons].contains(&network.output_bias.len()) {
        let why = format!("it has {} values for {} neurons", network.output_bias.len(), last.neurons);
        return refuse("the bias of the output", why);
    }
    let count = network.populations.len();
    let mut ends = Vec::new();
    for projection in &network.projections {
        let known = projection.target < count
            && !matches!(projection.source, Source::Population(index) if index >= count);
        if !known {
            return refuse("a projection", format!("it leads to or from a population over {count}"));
        }
        let name = network.projection_name(projection);
        let (rows, columns) =
            (network.populations[projection.target].neurons, network.source_size(projection.source));
        if projection.weight.len() != rows * columns || ![0, rows].contains(&projection.bias.len()) {
            let found = (projection.weight.len(), projection.bias.len());
            let why = format!("{} weights and {} biases for {rows} × {columns}", found.0, found.1);
            return refuse(format!("the projection '{name}'"), why);
        }
        if ends.contains(&name) {
            return refuse(format!("the projection '{name}'"), "there are two between the same populations");
        }
        ends.push(name);
    }
    Ok(())
}

/// Builds the graph; `late` marks projections that get a node for a delay of one tick.
fn build(network: &Network, late: &[bool]) -> Result<Graph, NirError> {
    let mut graph = Graph { metadata: network.metadata.clone(), ..Graph::default() };
    graph.metadata.insert("dt".to_owned(), network.dt.into());
    graph.metadata.insert("reset".to_owned(), network.reset.name().into());
    let producer = concat!("spindle ", env!("CARGO_PKG_VERSION"));
    graph.metadata.insert("producer".to_owned(), producer.into());
    graph.add("input", NodeKind::Input { shape: vec![network.inputs] });
    let delay = |ticks: &[usize]| {
        let seconds: Vec<f32> = ticks.iter().map(|&n| (n as f64 * network.dt) as f32).collect();
        NodeKind::Delay { delay: seconds.into() }
    };
    for (index, population) in network.populations.iter().enumerate() {
        let name = clean(&population.name);
        let neuron = neuron(network, population)?;
        let incoming = network.projections.iter().zip(late).filter(|(p, _)| p.target == index);
        let (within, others): (Vec<_>, Vec<_>) = incoming.partition(|(p, _)| network.nested(p));
        match within.first() {
            Some((projection, _)) => {
                graph.add(&name, NodeKind::Graph(recurrent(population.neurons, neuron, projection)));
            }
            None => graph.add(&name, neuron),
        }
        if !population.delays.is_empty() {
            let axon = format!("{name}_axon");
            graph.add(&axon, delay(&population.delays));
            graph.connect(&name, &axon);
        }
        for (projection, &late) in others {
            let weights = network.projection_name(projection);
            let mut from = network.exit(projection.source);
            if late {
                let node = format!("{weights}_late");
                graph.add(&node, delay(&vec![1; network.source_size(projection.source)]));
                graph.connect(&from, &node);
                from = node;
            }
            graph.add(&weights, connection(population.neurons, projection));
            graph.connect(&from, &weights);
            graph.connect(&weights, &name);
        }
    }
    let last = network.populations.len() - 1;
    let n = network.populations[last].neurons;
    let mut from = network.exit(Source::Population(last));
    if !network.output_bias.is_empty() {
        let mut identity = vec![0.0; n * n];
        identity.iter_mut().step_by(n + 1).for_each(|x| *x = 1.0);
        let bias = format!("{}_bias", clean(&network.populations[last].name));
        let kind =
            NodeKind::Affine { weight: Array::matrix(n, identity), bias: network.output_bias.clone().into() };
        graph.add(&bias, kind);
        graph.connect(&from, &bias);
        from = bias;
    }
    graph.add("output", NodeKind::Output { shape: vec![n] });
    graph.connect(&from, "output");
    Ok(graph)
}

fn connection(rows: usize, projection: &Projection) -> NodeKind {
    let weight = Array::matrix(rows, projection.weight.clone());
    if projection.bias.is_empty() {
        NodeKind::Linear { weight }
    } else {
        NodeKind::Affine { weight, bias: projection.bias.clone().into() }
    }
}

fn recurrent(n: usize, neuron: NodeKind, projection: &Projection) -> Graph {
    let mut graph = Graph::default();
    graph.add("input", NodeKind::Input { shape: vec![n] });
    graph.add("lif", neuron);
    graph.add("w_rec", connection(n, projection));
    graph.add("output", NodeKind::Output { shape: vec![n] });
    for (from, to) in [("input", "lif"), ("lif", "w_rec"), ("w_rec", "lif"), ("lif", "output")] {
        graph.connect(from, to);
    }
    graph
}

/// The node of a population's neurons.
fn neuron(network: &Network, population: &Population) -> Result<NodeKind, NirError> {
    let n = population.neurons;
    let place = || format!("population '{}'", population.name);
    let each = |field: &str, values: &[f32]| match values {
        &[value] => Ok(vec![value; n]),
        values if values.len() == n => Ok(values.to_vec()),
        values => refuse(place(), format!("its {field} has {} values for {n} neurons", values.len())),
    };
    let filter = |filter: &Filter| stored(network.dt, &each("decay", &filter.decay)?, filter.gain, &place());
    let reset = |spike: &Spike| match network.reset {
        ResetMode::ToVReset => each("v_reset", &spike.v_reset),
        ResetMode::Subtract => Ok(vec![0.0; n]),
    };
    let spikes = |spike: &Spike| Ok((each("threshold", &spike.threshold)?, reset(spike)?));
    Ok(match &population.neuron {
        Neuron::Integrator => NodeKind::I { r: vec![1.0_f32; n].into() },
        Neuron::If(spike) => {
            let (threshold, v_reset) = spikes(spike)?;
            NodeKind::If {
                r: vec![1.0_f32; n].into(),
                v_threshold: threshold.into(),
                v_reset: v_reset.into(),
            }
        }
        Neuron::Li(membrane) => {
            let Stored { tau, r, wide } = filter(membrane)?;
            NodeKind::Li { tau: number(&tau, wide), r: number(&r, wide), v_leak: number(&vec![0.0; n], wide) }
        }
        Neuron::Lif { membrane, v_leak, spike } => {
            let Stored { tau, r, wide } = filter(membrane)?;
            let (threshold, v_reset) = spikes(spike)?;
            NodeKind::Lif {
                tau: number(&tau, wide),
                r: number(&r, wide),
                v_leak: number(&widen(&each("v_leak", v_leak)?), wide),
                v_threshold: number(&widen(&threshold), wide),
                v_reset: number(&widen(&v_reset), wide),
            }
        }
        Neuron::CubaLif { synapse, membrane, spike } => {
            let (synapse, membrane) = (filter(synapse)?, filter(membrane)?);
            let wide = synapse.wide || membrane.wide;
            let (threshold, v_reset) = spikes(spike)?;
            NodeKind::CubaLif {
                tau_syn: number(&synapse.tau, wide),
                tau_mem: number(&membrane.tau, wide),
                r: number(&membrane.r, wide),
                v_leak: number(&vec![0.0; n], wide),
                v_threshold: number(&widen(&threshold), wide),
                v_reset: number(&widen(&v_reset), wide),
                w_in: number(&synapse.r, wide),
            }
        }
        Neuron::Threshold(threshold) => {
            NodeKind::Threshold { threshold: each("threshold", threshold)?.into() }
        }
    })
}

/// Time constants and resistances of a filter.
struct Stored {
    tau: Vec<f64>,
    r: Vec<f64>,
    /// Whether 32-bit floats would change the decay or gain.
    wide: bool,
}

fn stored(dt: f64, decay: &[f32], gain: Gain, place: &str) -> Result<Stored, NirError> {
    let valid = |d: &f32| (0.0..=1.0).contains(d) && (gain == Gain::Complement || *d < 1.0);
    if let Some(decay) = decay.iter().find(|d| !valid(d)) {
        let why = "expected 0 to 1; with input that counts fully below 1, and 1 is an integrator";
        return refuse(place, format!("its decay is {decay}, {why}"));
    }
    let tau: Vec<f64> = decay.iter().map(|&d| dt / (1.0 - f64::from(d))).collect();
    let r: Vec<f64> = match gain {
        Gain::Complement => vec![1.0; decay.len()],
        Gain::One => tau.iter().map(|tau| tau / dt).collect(),
    };
    let wanted = |d: f32| if gain == Gain::One { 1.0 } else { 1.0 - d };
    let exact = decay.iter().zip(tau.iter().zip(&r)).all(|(&d, (&tau, &r))| {
        let narrow = |x: f64| f64::from(x as f32);
        // No error: such a share of a tick is in [0, 1].
        let at = At { node: place, kind: "filter" };
        leaky(at, "tau", narrow(tau), narrow(r), dt)
            .is_ok_and(|found| found == Constants { decay: d, gain: wanted(d) })
    });
    Ok(Stored { tau, r, wide: !exact })
}

fn widen(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&x| f64::from(x)).collect()
}

fn number(values: &[f64], wide: bool) -> Array {
    if wide { values.to_vec().into() } else { values.iter().map(|&x| x as f32).collect::<Vec<f32>>().into() }
}

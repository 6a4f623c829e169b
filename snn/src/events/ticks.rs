//! A trained network in continuous time as a graph of NIR that runs in ticks, and what ticks change.

use super::config::{EventEncoder, EventReadout, EventsConfig, FirstSpikeReadout};
use super::error::EventsError;
use super::nir::{Around, graph};
use super::plan::{Entry, Plan};
use crate::error::SnnError;
use crate::nir::{Executor, Graph, Metadata, NirError, Options, Value};

/// Ticks per control step: the fewest and the most that are tried.
const TRIED: (usize, usize) = (16, 1 << 14);
/// How far apart two spikes may be that count as the same, in time constants of the membrane.
const APART: f64 = 0.02;

/// A trained network in continuous time that is to run in ticks elsewhere.
///
/// The graph is that of CubaLIF neurons with time constants in seconds ([`to_graph`](super::to_graph)). Who runs it takes
/// steps of forward Euler, as [`Executor`] does, so spikes come in whole ticks, and some come too late or not at all.
/// [`kept`](Self::kept) measures how many.
pub struct InTicks {
    plan: Plan,
    weights: Vec<f64>,
    longest: f64,
}

/// What is left of the spikes of a network in continuous time when it runs in ticks. A spike is the same in both if the
/// neuron spikes within a fiftieth of its membrane's time constant in the other; each belongs to one at most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kept {
    /// Ticks per control step.
    pub ticks: usize,
    /// Seconds per tick.
    pub dt: f64,
    /// Spikes in continuous time.
    pub spikes: u64,
    /// Spikes that are not the same: of each neuron, as many as the network in which it spikes more often has of them.
    pub differing: u64,
    /// Mean distance of the same spikes from the middle of their tick, in seconds.
    pub shift: f64,
    /// Control steps that were compared.
    pub steps: u64,
    /// Those in which another output is the largest.
    pub answers: u64,
    /// Root of the mean square by which the tanh of the outputs differs.
    pub actions: f64,
}

impl Kept {
    /// Differing spikes per spike in continuous time.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.differing as f64 / self.spikes.max(1) as f64
    }
}

/// Why a network cannot run in ticks.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TicksError {
    /// It has something that NIR cannot carry.
    #[error(transparent)]
    Nir(#[from] NirError),
    /// It cannot go on in continuous time.
    #[error(transparent)]
    Events(#[from] EventsError),
    /// No time step keeps as many spikes as wanted.
    #[error("{}", differs(.kept, *.limit))]
    Differs {
        /// With the most ticks.
        kept: Kept,
        /// Differing spikes per spike that were allowed.
        limit: f64,
    },
}

fn differs(kept: &Kept, limit: f64) -> String {
    let Kept { ticks, dt, spikes, .. } = kept;
    let (rate, limit) = (100.0 * kept.rate(), 100.0 * limit);
    format!(
        "with {ticks} ticks per control step (dt = {dt:e} s), {rate:.3} % of {spikes} spikes still differ, more than \
         {limit:.3} %; allow more, or give the time step"
    )
}

impl InTicks {
    /// The network of `config` with these parameters; `frames` are the control steps for which it runs from rest, if that
    /// is known.
    ///
    /// # Errors
    /// [`SnnError`] if it cannot be built.
    ///
    /// # Panics
    /// If the number of parameters does not fit.
    pub fn new(
        config: &EventsConfig,
        (inputs, outputs): (usize, usize),
        parameters: &[f32],
        frames: Option<usize>,
    ) -> Result<Self, SnnError> {
        let (plan, mut weights) = (Plan::new(config, inputs, outputs)?, Vec::new());
        plan.weights(parameters, &mut weights);
        let longest = frames.map_or(f64::INFINITY, |frames| frames as f64 * config.step);
        Ok(Self { plan, weights, longest })
    }

    /// The graph for so many ticks per control step. Its metadata say how an observation enters and how the output becomes
    /// an action.
    ///
    /// # Errors
    /// [`NirError::Export`] for what NIR cannot carry.
    pub fn graph(&self, ticks: usize) -> Result<Graph, NirError> {
        in_ticks(&self.plan, &self.weights, self.longest, self.plan.config.step / ticks as f64)
    }

    /// The fewest ticks, of the powers of two from 16 to 16384, for which at most `limit` of the spikes differ, and what
    /// that keeps. Each of `samples` starts at rest and has whole rows of observations, one per control step.
    ///
    /// # Errors
    /// [`TicksError::Differs`] if no number of ticks is enough.
    pub fn fewest(&self, samples: &[Vec<f32>], limit: f64) -> Result<Kept, TicksError> {
        let mut ticks = TRIED.0;
        loop {
            let kept = self.kept(samples, ticks)?;
            if kept.rate() <= limit {
                return Ok(kept);
            }
            if ticks >= TRIED.1 {
                return Err(TicksError::Differs { kept, limit });
            }
            ticks *= 2;
        }
    }

    /// What so many ticks per control step keep of the spikes.
    ///
    /// # Errors
    /// [`TicksError`] for what NIR cannot carry, and for a network whose activity runs away.
    pub fn kept(&self, samples: &[Vec<f32>], ticks: usize) -> Result<Kept, TicksError> {
        let (plan, graph) = (&self.plan, self.graph(ticks)?);
        let mut executor = Executor::new(&graph, &Options::default())?;
        let (mut simulator, mut entry) = (plan.simulator(), Entry::default());
        let dt = plan.config.step / ticks as f64;
        let mut kept =
            Kept { ticks, dt, spikes: 0, differing: 0, shift: 0.0, steps: 0, answers: 0, actions: 0.0 };
        let (mut expected, mut found) = (vec![0.0; plan.outputs], vec![0.0; plan.outputs]);
        let names: Vec<String> = (0..plan.network.populations().len()).map(|p| name(plan, p)).collect();
        // Per spiking population and neuron: when it spikes in a control step.
        let spiking: Vec<usize> =
            (0..names.len()).filter(|&p| plan.network.populations()[p].spiking).collect();
        let mut own: Vec<Vec<f64>> = vec![Vec::new(); plan.network.neurons()];
        let mut other = own.clone();
        let mut same = 0_u64;
        for sample in samples {
            simulator.reset();
            executor.reset();
            own.iter_mut().chain(&mut other).for_each(Vec::clear);
            for (frame, observation) in sample.chunks_exact(plan.inputs).enumerate() {
                let before = frame as f64 * plan.config.step;
                plan.encode(&self.weights, observation, &mut entry);
                simulator.forget();
                simulator.run(&self.weights, &plan.interval(&entry))?;
                plan.values(&self.weights, simulator.record(), 0, &mut expected);
                for spike in simulator.record().spikes() {
                    own[plan.network.range(spike.population).start + spike.neuron].push(before + spike.time);
                }
                let mut values = Values::new(plan, executor.output(0));
                for tick in 0..ticks {
                    let row = self.row(observation, &entry, tick, ticks);
                    executor.tick(&[row.as_slice()]);
                    let middle = (tick as f64 + 0.5) * dt;
                    for &population in &spiking {
                        let spikes = executor.value(&names[population]).unwrap_or_default();
                        for (neuron, _) in spikes.iter().enumerate().filter(|(_, z)| **z > 0.0) {
                            other[plan.network.range(population).start + neuron].push(before + middle);
                        }
                    }
                    values.add(executor.output(0), middle);
                }
                values.finish(&self.weights, &mut found);
                kept.steps += 1;
                kept.answers += u64::from(largest(&expected) != largest(&found));
                let squares =
                    expected.iter().zip(&found).map(|(a, b)| (libm::tanh(*a) - libm::tanh(*b)).powi(2));
                kept.actions += squares.sum::<f64>();
            }
            for &population in &spiking {
                let apart = APART * plan.network.populations()[population].lif.tau_mem;
                for neuron in plan.network.range(population) {
                    let (own, other) = (&own[neuron], &other[neuron]);
                    let (pairs, shift) = matched(own, other, apart);
                    kept.spikes += own.len() as u64;
                    kept.differing += own.len().max(other.len()) as u64 - pairs;
                    same += pairs;
                    kept.shift += shift;
                }
            }
        }
        kept.shift /= same.max(1) as f64;
        kept.actions = (kept.actions / (kept.steps.max(1) * plan.outputs as u64) as f64).sqrt();
        Ok(kept)
    }

    /// What enters the graph in a tick.
    fn row(&self, observation: &[f32], entry: &Entry, tick: usize, ticks: usize) -> Vec<f32> {
        if self.plan.enters_as_currents() {
            return observation.to_vec();
        }
        let mut row = vec![0.0; self.plan.network.inputs()];
        for spike in entry.spikes() {
            let at = (spike.time / self.plan.config.step * ticks as f64) as usize;
            if at.min(ticks - 1) == tick {
                row[spike.input] += spike.amplitude as f32;
            }
        }
        row
    }
}

/// Pairs of times at most `apart` from each other, both lists in ascending order, and the sum of their distances.
fn matched(own: &[f64], other: &[f64], apart: f64) -> (u64, f64) {
    let (mut pairs, mut shift, mut rest) = (0, 0.0, other);
    for time in own {
        while let [first, later @ ..] = rest
            && *first < time - apart
        {
            rest = later;
        }
        if let [first, later @ ..] = rest
            && *first <= time + apart
        {
            (pairs, shift, rest) = (pairs + 1, shift + (first - time).abs(), later);
        }
    }
    (pairs, shift)
}

/// Which value is the largest; the first of equal ones.
fn largest(values: &[f64]) -> usize {
    (1..values.len()).fold(0, |best, at| if values[at] > values[best] { at } else { best })
}

/// The outputs of a graph over a control step, on their way to values.
struct Values<'a> {
    plan: &'a Plan,
    values: Vec<f64>,
    ticks: usize,
}

impl<'a> Values<'a> {
    fn new(plan: &'a Plan, before: &[f32]) -> Self {
        let start = match plan.config.readout {
            EventReadout::Peak(_) => before.iter().map(|&x| f64::from(x)).collect(),
            _ => vec![0.0; plan.outputs],
        };
        Self { plan, values: start, ticks: 0 }
    }

    fn add(&mut self, output: &[f32], time: f64) {
        self.ticks += 1;
        for (value, &x) in self.values.iter_mut().zip(output) {
            let x = f64::from(x);
            match &self.plan.config.readout {
                EventReadout::Last(_) => *value = x,
                EventReadout::Peak(_) => *value = value.max(x),
                EventReadout::Integral(_) => *value += x,
                EventReadout::FirstSpike(FirstSpikeReadout { unit, .. }) => {
                    if x > 0.0 && *value == 0.0 {
                        *value = (self.plan.config.step - time) / unit;
                    }
                }
            }
        }
    }

    fn finish(self, weights: &[f64], out: &mut [f64]) {
        let Self { plan, values, ticks } = self;
        for (place, (out, value)) in out.iter_mut().zip(values).enumerate() {
            *out = match plan.config.readout {
                EventReadout::Integral(_) => value / ticks as f64,
                // The graph has no bias where its output is spikes.
                EventReadout::FirstSpike(_) => value + weights[plan.bias + place],
                _ => value,
            };
        }
    }
}

/// Name of a population in a graph.
fn name(plan: &Plan, population: usize) -> String {
    plan.name(population).replace('.', "_")
}

/// The graph of a controller.
pub(super) fn in_ticks(plan: &Plan, weights: &[f64], longest: f64, dt: f64) -> Result<Graph, NirError> {
    let names: Vec<String> = (0..plan.network.populations().len()).map(|p| name(plan, p)).collect();
    let rows = (plan.inputs + 1) * plan.hidden[0];
    let bias = &weights[plan.bias..][..plan.outputs];
    let around = Around {
        names: &names,
        currents: plan.enters_as_currents().then(|| &weights[..rows]),
        bias: if plan.config.readout.spikes() { &[] } else { bias },
        longest,
    };
    let mut graph = graph(&plan.network, weights, &around, dt)?;
    notes(plan, bias, dt, &mut graph.metadata);
    Ok(graph)
}

/// How an observation enters, and how the output becomes an action.
fn notes(plan: &Plan, bias: &[f64], dt: f64, metadata: &mut Metadata) {
    let mut note = |key: &str, value: Value| metadata.insert(key.to_owned(), value);
    let EventsConfig { step, encoder, readout, .. } = &plan.config;
    note("step", (*step).into());
    note("ticks", ((step / dt).round() as i64).into());
    note("decoder", "tanh".into());
    match *encoder {
        EventEncoder::Current {} => note("encoder", "current".into()),
        EventEncoder::Spikes {} => note("encoder", "spikes".into()),
        EventEncoder::Latency { window, low, high } => {
            note("encoder_window", window.into());
            note("encoder_range", vec![low, high].into());
            note("encoder", "latency".into())
        }
    };
    match readout {
        EventReadout::Last(_) => note("readout", "last".into()),
        EventReadout::Peak(_) => note("readout", "peak".into()),
        EventReadout::Integral(_) => note("readout", "integral".into()),
        EventReadout::FirstSpike(FirstSpikeReadout { unit, .. }) => {
            note("readout_unit", (*unit).into());
            note("readout_bias", bias.to_vec().into());
            note("readout", "first_spike".into())
        }
    };
}

//! Networks in continuous time as controllers.
//!
//! A control step is an interval of the network's own time. The state goes on from one to the next, spikes that are still
//! on their way included.

use std::sync::Arc;

use super::config::EventsConfig;
use super::plan::{Entry, Plan};
use super::simulator::Simulator;
use super::ticks::in_ticks;
use crate::activity::Activity;
use crate::controller::{Controller, Evaluator, Resumable, check_step};
use crate::error::SnnError;
use crate::gpu::BackendError;
use crate::host::Episode;
use crate::lanes::tanh;
use crate::layout::Layout;
use crate::nir::{Exported, NirError};
use crate::onnx::error::OnnxError;
use crate::onnx::graph::{Graph, Value};
use crate::output::copy_active;
use crate::probe::{Probe, fill};
use crate::state::NetworkState;

/// A controller in continuous time.
pub(crate) struct Events {
    plan: Arc<Plan>,
}

impl Events {
    pub(crate) fn new(config: &EventsConfig, inputs: usize, outputs: usize) -> Result<Self, SnnError> {
        Ok(Self { plan: Arc::new(Plan::new(config, inputs, outputs)?) })
    }
}

impl Controller for Events {
    fn inputs(&self) -> usize {
        self.plan.inputs
    }

    fn outputs(&self) -> usize {
        self.plan.outputs
    }

    fn layout(&self) -> &Layout {
        &self.plan.layout
    }

    fn resumable(&self, slots: usize) -> Box<dyn Resumable> {
        let simulator = self.plan.simulator();
        let size = self.plan.layout.len();
        Box::new(EventsEvaluator {
            slots: (0..slots)
                .map(|_| Slot {
                    simulator: simulator.clone(),
                    weights: vec![0.0; size],
                    episode: Episode::default(),
                })
                .collect(),
            actions: vec![0.0; slots * self.plan.outputs],
            entry: Entry::default(),
            values: vec![0.0; self.plan.outputs],
            watched: None,
            plan: Arc::clone(&self.plan),
        })
    }

    fn nir(&self, parameters: &[f32], dt: f64) -> Result<Exported, NirError> {
        let mut weights = Vec::new();
        self.plan.weights(parameters, &mut weights);
        in_ticks(&self.plan, &weights, f64::INFINITY, dt).map(Exported::Events)
    }

    fn onnx(&self, _: &[f32], _: &mut Graph, _: &Value, _: f32) -> Result<Value, OnnxError> {
        let why =
            "the number of its events differs from step to step; `Snn` and `Mlp` networks can be exported";
        Err(OnnxError::new("a controller `Events`", why))
    }

    /// In picojoules, 32-bit arithmetic at 45 nm as in [`Activity::energy_pj`]: a product with a current is a
    /// multiplication and an addition; an arrival at a neuron is an addition and an update of its state, and so is a
    /// spike without the addition. An update is three multiplications and three additions; exponentials and the prediction
    /// of the next spike are not counted, as chips take them from tables or from physics.
    fn energy_pj(&self, activity: &Activity) -> f64 {
        let (product, sum) = (3.7, 0.9);
        let update = 3.0 * (product + sum);
        let arrivals = (activity.synaptic_operations - activity.dense_operations) as f64;
        activity.dense_operations as f64 * (product + sum)
            + arrivals * (sum + update)
            + activity.spikes as f64 * update
    }

    fn describe(&self) -> String {
        let Plan { config, inputs, outputs, hidden, layout, .. } = &*self.plan;
        let layers: Vec<String> = hidden
            .iter()
            .zip(&config.hidden)
            .map(|(neurons, layer)| format!("{neurons}{}", if layer.is_recurrent() { "r" } else { "" }))
            .collect();
        let (layers, step, parameters) = (layers.join("-"), config.step, layout.len());
        format!("events {inputs}-{layers}-{outputs}, {step} s, {parameters} parameters")
    }
}

struct Slot {
    simulator: Simulator,
    weights: Vec<f64>,
    episode: Episode,
}

struct EventsEvaluator {
    plan: Arc<Plan>,
    slots: Vec<Slot>,
    actions: Vec<f32>,
    entry: Entry,
    values: Vec<f64>,
    watched: Option<usize>,
}

impl EventsEvaluator {
    fn step_slot(&mut self, slot: usize, observation: &[f32]) {
        let (plan, values) = (&*self.plan, &mut self.values);
        let Slot { simulator, weights, episode } = &mut self.slots[slot];
        if episode.fault {
            return;
        }
        plan.encode(weights, observation, &mut self.entry);
        simulator.forget();
        // An activity that runs away is the individual's own fault, like a state that is not finite.
        if simulator.run(weights, &plan.interval(&self.entry)).is_err() {
            episode.fault = true;
            return;
        }
        let activity = &mut episode.activity;
        activity.steps += 1;
        activity.neuron_ticks += plan.hidden.iter().sum::<usize>() as u64;
        let record = simulator.record();
        activity.spikes += record.spikes().iter().filter(|s| s.population < plan.hidden.len()).count() as u64;
        activity.synaptic_operations += record.synaptic_operations();
        if plan.enters_as_currents() {
            activity.dense((plan.inputs * plan.hidden[0]) as u64);
        }
        plan.values(weights, record, 0, values);
        let actions = &mut self.actions[slot * plan.outputs..];
        for (action, value) in actions.iter_mut().zip(values) {
            *action = tanh(*value as f32);
        }
    }
}

impl Evaluator for EventsEvaluator {
    fn slots(&self) -> usize {
        self.slots.len()
    }

    fn load(&mut self, slot: usize, parameters: &[f32]) {
        assert_eq!(parameters.len(), self.plan.layout.len(), "as many parameters as the layout has");
        let Slot { weights, episode, .. } = &mut self.slots[slot];
        self.plan.weights(parameters, weights);
        episode.load(parameters);
    }

    fn reset(&mut self, slot: usize, seed: u64) {
        let Slot { simulator, episode, .. } = &mut self.slots[slot];
        simulator.reset();
        episode.reset(seed);
    }

    fn begin(&mut self, active: &[bool], observations: &[f32], _rewards: &[f32]) {
        let inputs = self.plan.inputs;
        check_step(self.slots.len(), inputs, active, observations);
        for (slot, observation) in observations.chunks_exact(inputs).enumerate() {
            if active[slot] {
                self.step_slot(slot, observation);
            }
        }
    }

    fn finish(&mut self, active: &[bool], actions: &mut [f32]) -> Result<(), BackendError> {
        copy_active(active, &self.actions, actions);
        Ok(())
    }

    fn fault(&self, slot: usize) -> bool {
        self.slots[slot].episode.fault
    }

    fn watch(&mut self, slot: Option<usize>) -> Result<(), BackendError> {
        self.watched = slot;
        Ok(())
    }

    fn activity(&self, slot: usize) -> Activity {
        self.slots[slot].episode.activity
    }

    /// One tick per control step: whether a neuron spiked in it, with the times of all spikes. The states after it are `v` and `i`, the number of
    /// spikes in it, `spike_count`, and the time of the last one in seconds from its beginning, `last_spike`; −1: none.
    /// Traces have one row, the end of the step.
    fn probe(&self, slot: usize, probe: &mut Probe) -> Result<(), BackendError> {
        let (plan, simulator) = (&*self.plan, &self.slots[slot].simulator);
        let populations = plan.network.populations();
        for (index, population) in populations.iter().enumerate() {
            let (mut counts, mut last) =
                (vec![0.0_f32; population.neurons], vec![-1.0_f32; population.neurons]);
            let mut bits = vec![0_u64; population.neurons.div_ceil(64)];
            let own = || simulator.record().spikes().iter().filter(|spike| spike.population == index);
            for spike in own() {
                bits[spike.neuron / 64] |= 1 << (spike.neuron % 64);
                counts[spike.neuron] += 1.0;
                last[spike.neuron] = spike.time as f32;
            }
            let layer = probe.entry(populations.len(), index);
            let ticks = usize::from(population.spiking);
            layer.fill(&plan.name(index), population.neurons, (ticks, &bits[..ticks * bits.len()]));
            layer.step = plan.config.step;
            layer.times.extend(own().map(|spike| (spike.time, spike.neuron as u32)));
            let neurons = plan.network.range(index);
            let (v, i): (Vec<f32>, Vec<f32>) =
                neurons.map(|neuron| simulator.state(neuron)).map(|(v, i)| (v as f32, i as f32)).unzip();
            let mut states = vec![("v", v.clone()), ("i", i.clone())];
            let mut traces = vec![("current", i)];
            if population.spiking {
                states.extend([("spike_count", counts), ("last_spike", last)]);
                traces.extend([
                    ("membrane", v),
                    ("threshold", vec![population.lif.threshold as f32; population.neurons]),
                ]);
            }
            traces.extend(states.iter().cloned());
            traces.truncate(if self.watched == Some(slot) { traces.len() } else { 0 });
            fill(&mut layer.states, states.into_iter());
            fill(&mut layer.traces, traces.into_iter());
        }
        Ok(())
    }
}

/// The state is words rather than numbers of 32 bits, so that an episode goes on to the last bit.
impl Resumable for EventsEvaluator {
    fn state(&self, slot: usize) -> NetworkState {
        let Slot { simulator, episode, .. } = &self.slots[slot];
        NetworkState { spikes: simulator.words(), steps: episode.activity.steps, ..NetworkState::default() }
    }

    fn resume(&mut self, slot: usize, state: &NetworkState, seed: u64) {
        self.reset(slot, seed);
        let Slot { simulator, episode, .. } = &mut self.slots[slot];
        simulator.restore(&state.spikes);
        episode.activity.steps = state.steps;
    }
}

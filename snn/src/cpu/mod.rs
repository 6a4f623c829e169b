//! Event-driven evaluator of spiking networks on the CPU.
//!
//! Only the connections of neurons that spiked are read. All ticks of one individual run before the
//! next individual, so its weights come from memory once per control step.
//!
//! There are two loops with the same results: [`projections`] for every network, and [`rows`], which is faster, for
//! those without delays and plasticity while nobody watches.

mod individuals;
mod plan;
mod plastic;
mod projections;
mod rows;
mod synapses;
#[allow(clippy::needless_range_loop, reason = "arrays of registers are indexed alike")]
mod tick;

use std::ops::Range;
use std::sync::Arc;

use crate::activity::Activity;
use crate::controller::{Evaluator, Resumable, check_step};
use crate::gpu::BackendError;
use crate::host::Host;
use crate::lanes::{Lanes, WIDTH, part, part_mut, values};
use crate::network::{Network, Weights};
use crate::output::copy_active;
use crate::probe::Probe;
use crate::state::NetworkState;
use crate::vector::{Ints, Set, Vector, compiled_for};

use individuals::{Individuals, Scratch};
pub(crate) use plan::{Place, Plan, Row};
pub(crate) use plastic::Learner;
pub(crate) use synapses::{Activities, Synapses};

/// All slots, with weights as `S` keeps them.
pub(crate) struct CpuEvaluator<S: Synapses> {
    individuals: Individuals<S>,
    /// Whether the weights have their memory.
    claimed: bool,
    step: StepFn<S>,
}

/// One control step of one slot with this observation and reward.
type StepFn<S> = unsafe fn(&mut Individuals<S>, usize, &[f32], f32);

#[inline(always)]
fn step<V: Vector, S: Synapses>(
    individuals: &mut Individuals<S>,
    slot: usize,
    observation: &[f32],
    reward: f32,
) {
    individuals.host.begin(slot, observation, reward);
    let by_rows = individuals.plan.rows && individuals.watched != Some(slot);
    if !(by_rows && rows::step::<V, S>(individuals, slot)) {
        projections::step::<V, S>(individuals, slot);
    }
}

#[inline(always)]
fn sum<V: Vector, S: Synapses>(
    synapses: &S,
    slot: usize,
    row: &Row,
    columns: Range<usize>,
    spikes: &[u64],
    start: &[Lanes],
    sums: &mut [Lanes],
) {
    synapses.sum::<V>(slot, row, columns, spikes, start, sums);
}

/// Counts in whole lanes, with 0 in the padding.
fn padded(counts: &[u32]) -> impl Iterator<Item = Ints> {
    counts.chunks(WIDTH).map(|counts| {
        let mut ints = Ints::default();
        for (int, count) in ints.0.iter_mut().zip(counts) {
            *int = count.cast_signed();
        }
        ints
    })
}

impl<S: Synapses> CpuEvaluator<S> {
    pub(crate) fn new(network: Arc<Network>, slots: usize) -> Self {
        let lanes = |per_slot: usize| vec![Lanes::ZERO; slots * per_slot];
        let (plan, set) = (Plan::new(&network, S::PAD), Set::widest());
        let grid = network.format.grid();
        let mut fan_out: Vec<Ints> = network.hidden().iter().flat_map(|p| padded(&p.fan_out)).collect();
        let fan_out_size = if network.format.is_binary() { fan_out.len() } else { 0 };
        if fan_out_size > 0 {
            fan_out = vec![Ints::default(); slots * fan_out_size];
        }
        let compiled = network.populations.iter().map(|population| tick::compiled(population, grid, set));
        let individuals = Individuals {
            synapses: S::new(&network, &plan, slots),
            ticks: compiled.collect(),
            sum: compiled_for!(
                set,
                sum[S](
                    synapses: &S, slot: usize, row: &Row, columns: Range<usize>, spikes: &[u64],
                    start: &[Lanes], sums: &mut [Lanes],
                ),
                [S: Synapses]
            ),
            constants: lanes(network.constant_lanes),
            initial: lanes(network.state_lanes),
            states: lanes(network.state_lanes),
            spikes: vec![0; slots * network.spike_words],
            fan_out,
            fan_out_size,
            host: Host::new(&network, slots),
            watched: None,
            scratch: Scratch::new(&network, &plan),
            plan,
            network,
        };
        let step = compiled_for!(
            set,
            step[S](individuals: &mut Individuals<S>, slot: usize, observation: &[f32], reward: f32),
            [S: Synapses]
        );
        let mut evaluator = Self { individuals, claimed: false, step };
        let zero = vec![0.0; evaluator.individuals.network.layout.len()];
        for slot in 0..slots {
            evaluator.load_neurons(slot, &zero);
        }
        evaluator.individuals.states.copy_from_slice(&evaluator.individuals.initial);
        evaluator
    }

    /// Takes the memory of the weights, unless it has.
    #[inline]
    fn claim(&mut self) {
        if !self.claimed {
            self.claimed = true;
            let network = Arc::clone(&self.individuals.network);
            self.individuals.synapses.claim(&network);
            // Weights that are not evolved are there before any are loaded.
            if network.projections.iter().any(|projection| matches!(projection.weights, Weights::Fixed(_))) {
                let zero = vec![0.0; network.layout.len()];
                for slot in 0..self.slots() {
                    self.individuals.synapses.load(&network, &self.individuals.plan, slot, &zero);
                }
            }
        }
    }

    /// Constants and start states of the neuron models of one individual.
    fn load_neurons(&mut self, slot: usize, parameters: &[f32]) {
        let network = &*self.individuals.network;
        let constants = part_mut(&mut self.individuals.constants, network.constant_lanes, slot);
        let initial = part_mut(&mut self.individuals.initial, network.state_lanes, slot);
        network.neuron_values(parameters, |population, neuron, values| {
            let (stride, lane) = (population.constant_stride(), neuron % WIDTH);
            for (index, &value) in values.constants.iter().enumerate() {
                let at = population.constant + index * stride;
                if population.individual {
                    // The last neuron's serve the padding as well.
                    constants[at + neuron / WIDTH].0[lane..].fill(value);
                } else {
                    constants[at] = Lanes::splat(value);
                }
            }
            for (index, &value) in values.initial.iter().enumerate() {
                let at = population.state + index * population.stride;
                if population.individual {
                    initial[at + neuron / WIDTH].0[lane..].fill(value);
                } else {
                    initial[at..at + population.stride].fill(Lanes::splat(value));
                }
            }
        });
    }
}

impl<S: Synapses> Evaluator for CpuEvaluator<S> {
    fn slots(&self) -> usize {
        self.individuals.slots()
    }

    fn load(&mut self, slot: usize, parameters: &[f32]) {
        self.claim();
        let network = Arc::clone(&self.individuals.network);
        self.individuals.host.load(slot, parameters);
        self.individuals.synapses.load(&network, &self.individuals.plan, slot, parameters);
        self.load_neurons(slot, parameters);
        if self.individuals.fan_out_size > 0 {
            let mut all = Vec::new();
            for (index, population) in network.hidden().iter().enumerate() {
                let mut own = vec![0; population.neurons];
                self.individuals.synapses.fan_out(&network, slot, index, &mut own);
                all.extend(padded(&own));
            }
            part_mut(&mut self.individuals.fan_out, all.len(), slot).copy_from_slice(&all);
        }
    }

    fn reset(&mut self, slot: usize, seed: u64) {
        self.claim();
        let network = &*self.individuals.network;
        let lanes = slot * network.state_lanes..(slot + 1) * network.state_lanes;
        self.individuals.states[lanes.clone()].copy_from_slice(&self.individuals.initial[lanes]);
        part_mut(&mut self.individuals.spikes, network.spike_words, slot).fill(0);
        self.individuals.host.reset(slot, seed);
        self.individuals.synapses.reset(network, slot);
    }

    fn begin(&mut self, active: &[bool], observations: &[f32], rewards: &[f32]) {
        self.claim();
        let inputs = self.individuals.network.inputs;
        check_step(self.slots(), inputs, active, observations);
        for (slot, observation) in observations.chunks_exact(inputs).enumerate() {
            if active[slot] {
                #[expect(unsafe_code, reason = "calls a copy compiled for detected CPU features")]
                // SAFETY: `new` chose it for a set that the machine has.
                unsafe {
                    (self.step)(&mut self.individuals, slot, observation, rewards[slot]);
                }
            }
        }
    }

    fn finish(&mut self, active: &[bool], actions: &mut [f32]) -> Result<(), BackendError> {
        copy_active(active, &self.individuals.host.actions, actions);
        Ok(())
    }

    fn activity(&self, slot: usize) -> Activity {
        self.individuals.host.episodes[slot].activity
    }

    fn fault(&self, slot: usize) -> bool {
        self.individuals.host.episodes[slot].fault
    }

    fn watch(&mut self, slot: Option<usize>) -> Result<(), BackendError> {
        self.individuals.watched = slot;
        Ok(())
    }

    fn probe(&self, slot: usize, probe: &mut Probe) -> Result<(), BackendError> {
        let network = &*self.individuals.network;
        let states = part(&self.individuals.states, network.state_lanes, slot);
        let spikes = part(&self.individuals.spikes, network.spike_words, slot);
        let watched = self.individuals.watched == Some(slot);
        for (index, population) in network.populations.iter().enumerate() {
            let rows = population.rows(network.history..network.history + network.ticks);
            let traces = if watched { &self.individuals.scratch.projections.traces[index][..] } else { &[] };
            let lanes = states[population.states()].chunks_exact(population.stride);
            let states = lanes.map(|lanes| values(lanes, population.neurons));
            probe.fill_population(network, index, &spikes[rows], states, traces);
        }
        Ok(())
    }
}

impl<S: Synapses> Resumable for CpuEvaluator<S> {
    fn state(&self, slot: usize) -> NetworkState {
        let network = &*self.individuals.network;
        let lanes = part(&self.individuals.states, network.state_lanes, slot);
        let mut state = self.individuals.host.state(slot);
        for population in &network.populations {
            for variable in lanes[population.states()].chunks_exact(population.stride) {
                state.states.extend(values(variable, population.neurons));
            }
        }
        let spikes = part(&self.individuals.spikes, network.spike_words, slot);
        for population in network.hidden() {
            // The next step moves them to the front.
            let rows = population.rows(network.ticks..network.ticks + network.history);
            state.spikes.extend_from_slice(&spikes[rows]);
        }
        state
    }

    fn resume(&mut self, slot: usize, state: &NetworkState, seed: u64) {
        self.reset(slot, seed);
        let network = &*self.individuals.network;
        self.individuals.host.resume(slot, state);
        let lanes = part_mut(&mut self.individuals.states, network.state_lanes, slot);
        let mut stored = &state.states[..];
        for population in &network.populations {
            for variable in lanes[population.states()].chunks_exact_mut(population.stride) {
                let (own, rest) = stored.split_at(population.neurons);
                stored = rest;
                for (lanes, values) in variable.iter_mut().zip(own.chunks(WIDTH)) {
                    lanes.0[..values.len()].copy_from_slice(values);
                }
            }
        }
        let spikes = part_mut(&mut self.individuals.spikes, network.spike_words, slot);
        let mut stored = &state.spikes[..];
        for population in network.hidden() {
            let rows = population.rows(network.ticks..network.ticks + network.history);
            let (own, rest) = stored.split_at(rows.len());
            stored = rest;
            spikes[rows].copy_from_slice(own);
        }
        assert!(stored.is_empty(), "a state of this network");
    }
}

//! What an evaluator keeps on the host, whatever its backend: encoding before the network, decoding
//! after it, and the progress of each slot.

use std::sync::Arc;

use crate::activity::Activity;
use crate::encoder::{Moment, Signal};
use crate::lanes::{part, part_mut};
use crate::network::Network;
use crate::output::Outputs;
use crate::plasticity::Rewards;
use crate::state::NetworkState;

/// One slot's progress.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Episode {
    seed: u64,
    pub(crate) activity: Activity,
    /// Whether the parameters are not finite.
    pub(crate) unusable: bool,
    /// Whether the individual cannot go on.
    pub(crate) fault: bool,
}

impl Episode {
    /// Takes over an individual.
    pub(crate) fn load(&mut self, parameters: &[f32]) {
        self.unusable = !parameters.iter().all(|p| p.is_finite());
    }

    /// Begins an episode.
    pub(crate) fn reset(&mut self, seed: u64) {
        *self = Self { seed, unusable: self.unusable, fault: self.unusable, ..Self::default() };
    }
}

/// The host's part of the evaluator of a spiking network.
pub(crate) struct Host {
    network: Arc<Network>,
    /// Of a control step: products with currents, and neurons times ticks.
    dense: u64,
    neuron_ticks: u64,
    pub(crate) episodes: Vec<Episode>,
    /// What follows the readout.
    outputs: Outputs,
    /// Per slot: what the encoder remembers.
    memory: Vec<f32>,
    memory_size: usize,
    rewards: Rewards,
    /// `[slots × outputs]`.
    pub(crate) actions: Vec<f32>,
    /// What [`begin`](Self::begin) made of the last observation and reward.
    pub(crate) signal: Signal,
    pub(crate) modulators: Vec<f32>,
}

impl Host {
    pub(crate) fn new(network: &Arc<Network>, slots: usize) -> Self {
        let memory_size = network.encoder.encoder().memory(network.inputs);
        Self {
            network: Arc::clone(network),
            dense: network.dense_operations(),
            neuron_ticks: (network.neurons() * network.ticks) as u64,
            episodes: vec![Episode::default(); slots],
            outputs: Outputs::new(network, slots),
            memory: vec![0.0; slots * memory_size],
            memory_size,
            rewards: Rewards::new(network.rewarded(), slots),
            actions: vec![0.0; slots * network.outputs],
            signal: Signal::default(),
            modulators: Vec::new(),
        }
    }

    /// Takes over an individual.
    pub(crate) fn load(&mut self, slot: usize, parameters: &[f32]) {
        assert_eq!(parameters.len(), self.network.layout.len(), "as many parameters as the layout has");
        self.outputs.load(&self.network, slot, parameters);
        self.episodes[slot].load(parameters);
    }

    /// Begins an episode.
    pub(crate) fn reset(&mut self, slot: usize, seed: u64) {
        part_mut(&mut self.memory, self.memory_size, slot).fill(0.0);
        self.outputs.reset(&self.network, slot);
        self.rewards.reset(slot);
        self.episodes[slot].reset(seed);
    }

    /// What the host remembers of one individual.
    pub(crate) fn state(&self, slot: usize) -> NetworkState {
        NetworkState {
            encoder: part(&self.memory, self.memory_size, slot).to_vec(),
            decoder: self.outputs.memory(&self.network, slot).to_vec(),
            steps: self.episodes[slot].activity.steps,
            ..NetworkState::default()
        }
    }

    /// Goes on from such a state, after a reset.
    pub(crate) fn resume(&mut self, slot: usize, state: &NetworkState) {
        part_mut(&mut self.memory, self.memory_size, slot).copy_from_slice(&state.encoder);
        self.outputs.resume(&self.network, slot, &state.decoder);
        self.episodes[slot].activity.steps = state.steps;
    }

    /// Begins a control step: sets `signal` and `modulators`, and counts what is the same for everyone.
    pub(crate) fn begin(&mut self, slot: usize, observation: &[f32], reward: f32) {
        let network = &*self.network;
        let Episode { seed, activity, .. } = &mut self.episodes[slot];
        let moment = Moment { seed: *seed, step: activity.steps, ticks: network.ticks };
        activity.steps += 1;
        activity.dense(self.dense);
        activity.neuron_ticks += self.neuron_ticks;
        let memory = part_mut(&mut self.memory, self.memory_size, slot);
        network.encode(moment, observation, memory, &mut self.signal);
        self.modulators.clear();
        self.modulators.extend(self.rewards.modulators(&network.plastic, slot, moment.step == 0, reward));
    }

    /// Turns the values of the readout into actions.
    pub(crate) fn finish(&mut self, slot: usize, readout: impl Iterator<Item = f32>) {
        let actions = part_mut(&mut self.actions, self.network.outputs, slot);
        self.outputs.finish(&self.network, slot, readout, actions);
    }
}

//! What follows the network once per control step, on the host: decoding, bias and tanh.

use crate::lanes::{part, part_mut, tanh};
use crate::network::Network;

/// Per slot: biases of the actions and the decoder's memory.
pub(crate) struct Outputs {
    biases: Vec<f32>,
    memory: Vec<f32>,
    values: Vec<f32>,
}

impl Outputs {
    pub(crate) fn new(network: &Network, slots: usize) -> Self {
        let zeros = vec![0.0; slots * network.outputs];
        Self { biases: zeros.clone(), memory: zeros, values: Vec::new() }
    }

    /// Takes the biases of one individual from its θ.
    pub(crate) fn load(&mut self, network: &Network, slot: usize, parameters: &[f32]) {
        if let Some(block) = network.bias {
            let block = &network.layout.blocks()[block];
            let biases = parameters[block.range()].iter().map(|theta| block.scale * theta);
            for (bias, value) in self.biases[slot * network.outputs..].iter_mut().zip(biases) {
                *bias = value;
            }
        }
    }

    /// Begins an episode.
    pub(crate) fn reset(&mut self, network: &Network, slot: usize) {
        self.memory[slot * network.outputs..(slot + 1) * network.outputs].fill(0.0);
    }

    /// The decoder's memory of one individual.
    pub(crate) fn memory(&self, network: &Network, slot: usize) -> &[f32] {
        part(&self.memory, network.outputs, slot)
    }

    /// Sets it.
    pub(crate) fn resume(&mut self, network: &Network, slot: usize, memory: &[f32]) {
        part_mut(&mut self.memory, network.outputs, slot).copy_from_slice(memory);
    }

    /// From the values of the readout to actions.
    pub(crate) fn finish(
        &mut self,
        network: &Network,
        slot: usize,
        readout: impl Iterator<Item = f32>,
        actions: &mut [f32],
    ) {
        self.values.clear();
        self.values.extend(readout);
        let range = slot * network.outputs..(slot + 1) * network.outputs;
        network.decoder.decode(network.ticks, &self.values, &mut self.memory[range.clone()], actions);
        if network.decoder.squash() {
            for (action, bias) in actions.iter_mut().zip(&self.biases[range]) {
                *action = tanh(*action + bias);
            }
        }
    }
}

/// Copies the rows of active slots.
pub(crate) fn copy_active(active: &[bool], from: &[f32], to: &mut [f32]) {
    assert_eq!(from.len(), to.len(), "`actions` is slots × outputs");
    let size = from.len() / active.len().max(1);
    for ((to, from), &active) in to.chunks_exact_mut(size).zip(from.chunks_exact(size)).zip(active) {
        if active {
            to.copy_from_slice(from);
        }
    }
}

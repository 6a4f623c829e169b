//! Counters of spikes and synaptic operations.

use serde::{Deserialize, Serialize};

use crate::lanes::WIDTH;
use crate::vector::Ints;

/// Work done by one individual (or several merged ones) since its reset. All are plain counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// Control steps.
    pub steps: u64,
    /// Spiking neurons × ticks; 0 for networks without spikes.
    pub neuron_ticks: u64,
    /// Spikes of all hidden layers.
    pub spikes: u64,
    /// Synaptic operations; what counts is defined in the crate documentation.
    pub synaptic_operations: u64,
    /// Those among them that are products with currents rather than additions.
    pub dense_operations: u64,
}

impl Activity {
    /// Spikes per neuron and tick, in [0, 1]; 0 before the first step.
    pub fn spike_rate(&self) -> f64 {
        ratio(self.spikes, self.neuron_ticks)
    }

    /// Mean synaptic operations per control step; 0 before the first step.
    pub fn synops_per_step(&self) -> f64 {
        ratio(self.synaptic_operations, self.steps)
    }

    /// Adds the counts of `other`. Integer sums, so the order of merging does not matter.
    pub fn merge(&mut self, other: &Self) {
        self.steps += other.steps;
        self.neuron_ticks += other.neuron_ticks;
        self.spikes += other.spikes;
        self.synaptic_operations += other.synaptic_operations;
        self.dense_operations += other.dense_operations;
    }

    /// Counts one control step's products with currents.
    pub(crate) fn dense(&mut self, operations: u64) {
        self.synaptic_operations += operations;
        self.dense_operations += operations;
    }

    /// Counts the spikes of the neurons `indices` of a population with these connections out of each.
    #[inline(always)]
    pub(crate) fn count(&mut self, indices: &[u16], fan_out: &[Ints]) {
        self.spikes += indices.len() as u64;
        for &neuron in indices {
            let count = fan_out[usize::from(neuron) / WIDTH].0[usize::from(neuron) % WIDTH];
            self.synaptic_operations += u64::from(count.cast_unsigned());
        }
    }
}

fn ratio(count: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { count as f64 / of as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_of_merged_counts() {
        let mut sum = Activity::default();
        assert_eq!((sum.spike_rate(), sum.synops_per_step()), (0.0, 0.0));
        for spikes in [1, 5] {
            let synaptic_operations = 10 * spikes;
            let one =
                Activity { steps: 2, neuron_ticks: 8, spikes, synaptic_operations, dense_operations: 5 };
            sum.merge(&one);
        }
        assert_eq!((sum.spike_rate(), sum.synops_per_step()), (0.375, 15.0));
    }
}

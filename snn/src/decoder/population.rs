//! Population vector: neurons vote with the value that they prefer.

use serde::{Deserialize, Serialize};

use super::{Decoder, Readout, sum};
use crate::error::SnnError;

/// Neuron `n` of the last layer votes for action `n % actions`; the preferred values of an action's
/// neurons are evenly spaced in [−1, 1]. The action is the mean of the votes of this control step
/// (Georgopoulos, Schwartz and Kettner, "Neuronal population coding of movement direction", Science
/// 233, 1986), or the last action if no neuron of its group spiked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PopulationVector {}

impl Decoder for PopulationVector {
    fn check(&self) -> Result<(), SnnError> {
        Ok(())
    }

    fn readout(&self) -> Readout<'_> {
        Readout { fixed: Some(votes), width: 2, ..sum() }
    }

    fn finish(&self, _: usize, values: &mut [f32], memory: &mut [f32]) {
        let actions = memory.len();
        for (action, last) in memory.iter_mut().enumerate() {
            let count = values[actions + action];
            if count > 0.0 {
                *last = (values[action] / count).clamp(-1.0, 1.0);
            }
            values[action] = *last;
        }
    }

    fn squash(&self) -> bool {
        false
    }
}

/// Weights `[neurons][2 · actions]`: preferred values, then a count of one per spike; both in 2⁻¹⁰, so
/// that 128 · 1024 votes fit into the range of states.
fn votes(neurons: usize, actions: usize) -> Vec<f32> {
    const VOTE: f32 = 1.0 / 1024.0;
    let mut weights = vec![0.0; neurons * 2 * actions];
    for (neuron, row) in weights.chunks_exact_mut(2 * actions).enumerate() {
        let (action, place) = (neuron % actions, neuron / actions);
        // Neurons of this action's group.
        let group = (neurons - action).div_ceil(actions);
        let preferred = if group < 2 { 0.0 } else { 2.0 * place as f32 / (group - 1) as f32 - 1.0 };
        // On the grid of weights.
        row[action] = (preferred * 64.0).round_ties_even() / 64.0 * VOTE;
        row[actions + action] = VOTE;
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_neuron_is_its_preferred_value_and_silence_keeps_the_last() {
        let weights = votes(6, 2);
        let decoder = PopulationVector {};
        let mut memory = [0.0; 2];
        for (neuron, expected) in [(0, -1.0), (2, 0.0), (4, 1.0)] {
            let mut values = weights[neuron * 4..][..4].to_vec();
            decoder.finish(3, &mut values, &mut memory);
            assert_eq!((values[0], values[1]), (expected, 0.0));
        }
        let mut values = [0.0; 4];
        decoder.finish(3, &mut values, &mut memory);
        assert_eq!(values[0], 1.0);
    }
}

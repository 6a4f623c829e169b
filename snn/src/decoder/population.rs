//! Population vector: neurons vote with the value that they prefer.

use serde::{Deserialize, Serialize};

use super::decode::{Decoder, Readout, sum};
use crate::error::SnnError;
use crate::onnx::graph::{Graph, Value};
use crate::real::Real;

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

    fn decode<T: Real>(&self, _: usize, readout: &[T], memory: &mut [T], out: &mut [T]) {
        let (votes, counts) = readout.split_at(out.len());
        for (((out, &votes), &count), last) in out.iter_mut().zip(votes).zip(counts).zip(memory) {
            if count > T::ZERO {
                *last = limit(votes / count);
            }
            *out = *last;
        }
    }

    fn pull<T: Real>(&self, _: usize, readout: &[T], out: &[T], memory: &mut [T], adjoints: &mut [T]) {
        let actions = out.len();
        for action in 0..actions {
            let (votes, count) = (readout[action], readout[actions + action]);
            if count > T::ZERO {
                let (value, adjoint) = (votes / count, out[action] + memory[action]);
                memory[action] = T::ZERO;
                if value.abs() <= T::ONE {
                    adjoints[action] += adjoint / count;
                    adjoints[actions + action] += -adjoint * value / count;
                }
            } else {
                memory[action] += out[action];
            }
        }
    }

    fn squash(&self) -> bool {
        false
    }

    fn graph(&self, graph: &mut Graph, _: usize, readout: &Value, outputs: usize) -> Value {
        let last = graph.state("decoder.last", &[outputs], vec![0.0]);
        let (votes, counts) = (graph.slice(readout, 0, outputs), graph.slice(readout, outputs, 2 * outputs));
        let zero = graph.number(0.0);
        let some = graph.op("Less", &[&zero, &counts]);
        let mean = graph.op("Div", &[&votes, &counts]);
        let mean = graph.clip(&mean, -1.0, 1.0);
        let value = graph.op("Where", &[&some, &mean, &last]);
        graph.next("decoder.last", &value);
        value
    }
}

/// Within [−1, 1].
fn limit<T: Real>(x: T) -> T {
    let x = if x > T::ONE { T::ONE } else { x };
    if x < -T::ONE { -T::ONE } else { x }
}

/// Weights `[neurons][2 · actions]`: preferred values, then a count of one per spike; both in 2⁻¹⁰, so
/// that sums of up to 256 · 1024 votes are exact.
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
        let (mut memory, mut out) = ([0.0_f32; 2], [0.0; 2]);
        for (neuron, expected) in [(0, -1.0), (2, 0.0), (4, 1.0)] {
            decoder.decode(3, &weights[neuron * 4..][..4], &mut memory, &mut out);
            assert_eq!(out, [expected, 0.0]);
        }
        decoder.decode(3, &[0.0; 4], &mut memory, &mut out);
        assert_eq!(out[0], 1.0);
    }
}

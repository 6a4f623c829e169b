//! What follows the readout once per control step, and its derivatives; forwards the same as the
//! decoders' `finish`.

use super::real::Real;
use crate::decoder::DecoderConfig;

/// From the values of the readout to one value per action, before bias and tanh. `memory` has one
/// value per action.
pub(super) fn decode<T: Real>(
    decoder: &DecoderConfig,
    ticks: usize,
    readout: &[T],
    memory: &mut [T],
    out: &mut [T],
) {
    let count = T::of(ticks as f64);
    match decoder {
        DecoderConfig::Membrane(_) => out.copy_from_slice(&readout[..out.len()]),
        DecoderConfig::Count(_) => {
            for (out, &sum) in out.iter_mut().zip(readout) {
                *out = sum / count;
            }
        }
        DecoderConfig::Rate(rate) => {
            let decay = T::of(f64::from(rate.decay));
            for ((out, &sum), rate) in out.iter_mut().zip(readout).zip(memory) {
                *rate = decay * *rate + (T::ONE - decay) * (sum / count);
                *out = *rate;
            }
        }
        DecoderConfig::Population(_) => {
            let (votes, counts) = readout.split_at(out.len());
            for (((out, &votes), &count), last) in out.iter_mut().zip(votes).zip(counts).zip(memory) {
                if count > T::ZERO {
                    *last = limit(votes / count);
                }
                *out = *last;
            }
        }
    }
}

/// Adds to the adjoints of `readout` what those of the values that [`decode`] made of it (`out`) ask
/// for. `memory` holds the adjoints of the memory after the step, replaced by those before it.
pub(super) fn pull<T: Real>(
    decoder: &DecoderConfig,
    ticks: usize,
    readout: &[T],
    out: &[T],
    memory: &mut [T],
    adjoints: &mut [T],
) {
    let count = T::of(ticks as f64);
    match decoder {
        DecoderConfig::Membrane(_) => {
            for (adjoint, &out) in adjoints.iter_mut().zip(out) {
                *adjoint += out;
            }
        }
        DecoderConfig::Count(_) => {
            for (adjoint, &out) in adjoints.iter_mut().zip(out) {
                *adjoint += out / count;
            }
        }
        DecoderConfig::Rate(rate) => {
            let decay = T::of(f64::from(rate.decay));
            for ((adjoint, &out), memory) in adjoints.iter_mut().zip(out).zip(memory) {
                let rate = out + *memory;
                *adjoint += (T::ONE - decay) / count * rate;
                *memory = decay * rate;
            }
        }
        DecoderConfig::Population(_) => {
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
    }
}

fn limit<T: Real>(x: T) -> T {
    let x = if x > T::ONE { T::ONE } else { x };
    if x < -T::ONE { -T::ONE } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decoder::{Count, FilteredRate, Membrane, PopulationVector};

    #[test]
    fn decoders_and_their_derivatives_agree_with_finish_and_differences() {
        let (readout, memory, weights) = ([0.3, -0.5, 0.8, 0.25], [0.1, 0.2], [0.7, -1.3]);
        for decoder in [
            DecoderConfig::Membrane(Membrane::default()),
            DecoderConfig::Count(Count {}),
            DecoderConfig::Rate(FilteredRate { decay: 0.25 }),
            DecoderConfig::Population(PopulationVector {}),
        ] {
            let mut values = readout.map(|x| x as f32);
            let mut after = memory.map(|x| x as f32);
            decoder.decoder().finish(3, &mut values, &mut after);
            let (mut own, mut out) = (memory.map(|x| x as f32), [0.0; 2]);
            decode(&decoder, 3, &readout.map(|x| x as f32), &mut own, &mut out);
            assert_eq!((&out[..], own), (&values[..2], after), "{decoder:?}");

            // The loss: outputs by `weights`, memory by 0.5 and -0.25.
            let loss = |readout: &[f64; 4], memory: [f64; 2]| {
                let (mut memory, mut out) = (memory, [0.0; 2]);
                decode(&decoder, 3, readout, &mut memory, &mut out);
                out[0] * weights[0] + out[1] * weights[1] + 0.5 * memory[0] - 0.25 * memory[1]
            };
            let (mut adjoints, mut before) = ([0.0; 4], [0.5, -0.25]);
            pull(&decoder, 3, &readout, &weights, &mut before, &mut adjoints);
            for i in 0..6 {
                let moved = |by: f64| {
                    let (mut readout, mut memory) = (readout, memory);
                    match i {
                        0..4 => readout[i] += by,
                        _ => memory[i - 4] += by,
                    }
                    loss(&readout, memory)
                };
                // Decoders without memory leave that given alone.
                let uses = matches!(decoder, DecoderConfig::Rate(_) | DecoderConfig::Population(_));
                if i >= 4 && !uses {
                    continue;
                }
                let expected = (moved(1e-6) - moved(-1e-6)) / 2e-6;
                let found = if i < 4 { adjoints[i] } else { before[i - 4] };
                assert!((found - expected).abs() < 1e-8, "{decoder:?}, {i}: {found}, not {expected}");
            }
        }
    }
}

#![expect(clippy::unwrap_used, reason = "tests")]

mod differences;
mod event_prop;
mod passes;
mod perceptron;
mod reference;
mod training;

use super::{Batch, Bptt, Objective, Outputs, Score, Sensitivity};

/// Pseudorandom numbers in [−1, 1], the same in every run.
fn noise(seed: u64, count: usize) -> Vec<f64> {
    (0..count as u64).map(|place| 2.0 * crate::wiring::uniform(seed, 77, place) - 1.0).collect()
}

/// θ for `bptt`, of order 1.
fn theta(bptt: &Bptt, seed: u64) -> Vec<f32> {
    noise(seed, bptt.layout().len()).into_iter().map(|x| 1.5 * x as f32).collect()
}

fn inputs(bptt: &Bptt, frames: usize, samples: usize, seed: u64) -> Vec<f32> {
    noise(seed, frames * samples * bptt.inputs()).into_iter().map(|x| 2.0 * x as f32).collect()
}

fn batch(samples: usize, inputs: &[f32]) -> Batch<'_> {
    Batch { samples, inputs, ..Batch::default() }
}

/// Weights of each value, count and spike; the values also by their squares.
struct Weighted {
    seed: u64,
    spikes: bool,
    squares: bool,
}

impl Weighted {
    fn weight(&self, kind: u64, place: usize) -> f64 {
        2.0 * crate::wiring::uniform(self.seed, kind, place as u64) - 1.0
    }
}

impl Objective for Weighted {
    fn spikes(&self) -> bool {
        self.spikes
    }

    fn evaluate(&self, outputs: &Outputs, sensitivity: &mut Sensitivity) -> Score {
        let mut loss = 0.0;
        for (sample, at) in outputs.samples.clone().enumerate() {
            for frame in 0..outputs.frames {
                let values = outputs.value(frame, sample).iter().enumerate();
                for (i, (value, to)) in
                    values.zip(sensitivity.value(frame, sample)).map(|((i, v), to)| (i, (v, to)))
                {
                    let weight = self.weight(0, (frame * outputs.batch + at) * 16 + i);
                    let square = if self.squares { 0.5 } else { 0.0 };
                    loss += weight * value + 0.5 * square * value * value;
                    *to += weight + square * value;
                }
            }
            if self.spikes {
                for layer in 0..outputs.neurons.len() {
                    let counts = outputs.counts(layer, sample).iter().enumerate();
                    for ((i, count), to) in counts.zip(sensitivity.counts(layer, sample)) {
                        let weight = self.weight(1 + layer as u64, at * 64 + i);
                        loss += weight * count;
                        *to += weight;
                    }
                }
                for tick in 0..outputs.ticks {
                    let spikes = outputs.spikes(tick, sample).iter().enumerate();
                    for ((i, spike), to) in spikes.zip(sensitivity.spikes(tick, sample)) {
                        let weight = self.weight(9, (tick * outputs.batch + at) * 64 + i);
                        loss += weight * spike * spike;
                        *to += 2.0 * weight * spike;
                    }
                }
            }
        }
        Score { loss, sums: vec![outputs.samples.len() as f64] }
    }
}

//! Spike times against a fine-step integration, gradients against finite differences, properties, bad input.

#![expect(clippy::unwrap_used, reason = "tests")]

mod bridge;
mod gradients;
mod integration;
mod properties;
mod reference;

use std::sync::Arc;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt as _, SeedableRng as _};

use super::*;

/// A network with its weights and what enters it.
struct Case {
    network: Arc<Network>,
    weights: Vec<f64>,
    intervals: Vec<(f64, Vec<InputSpike>, Vec<f64>)>,
}

impl Case {
    /// Inputs, a recurrent layer with delays and a refractory time, a second layer, and a readout without spikes that
    /// sees both. `ratio` is τ_mem / τ_syn.
    fn random(seed: u64, ratio: f64, refractory: f64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let tau_syn = 0.005;
        let lif =
            Lif { tau_mem: ratio * tau_syn, tau_syn, refractory, leak: 0.1, reset: -0.2, ..Lif::default() };
        let delays = (0..6).map(|_| rng.random_range(0.0..0.004)).collect();
        let populations = vec![
            Population { neurons: 6, lif, spiking: true, delays },
            Population { neurons: 4, lif, spiking: true, delays: Vec::new() },
            Population { neurons: 3, lif: Lif { tau_mem: 0.011, ..lif }, spiking: false, delays: Vec::new() },
        ];
        let shapes = [
            (Source::Inputs, 0, 4, 6),
            (Source::Population(0), 0, 6, 6),
            (Source::Population(0), 1, 6, 4),
            (Source::Population(0), 2, 6, 3),
            (Source::Population(1), 2, 4, 3),
        ];
        let (mut projections, mut weights) = (Vec::new(), Vec::new());
        for (source, target, rows, cols) in shapes {
            projections.push(Projection { source, target, offset: weights.len() });
            let (mean, spread) = match (source, target) {
                (Source::Inputs, _) => (2.5, 2.0),
                (_, 0) => (-0.2, 0.6),
                _ => (0.6, 1.5),
            };
            let scale = 1.0 + 0.3 * ratio;
            weights.extend(
                (0..rows * cols).map(|_| scale * (mean + spread * (2.0 * rng.random::<f64>() - 1.0))),
            );
        }
        let intervals = [0.02, 0.013].map(|duration: f64| {
            let spikes = (0..10).map(|k| InputSpike {
                time: rng.random_range(0.0..duration),
                input: k % 4,
                amplitude: if k < 6 { 1.0 } else { rng.random_range(0.5..1.5) },
            });
            let spikes = spikes.collect();
            (duration, spikes, (0..13).map(|_| rng.random_range(-0.2..0.3)).collect())
        });
        Self {
            network: Arc::new(Network::new(4, populations, projections).unwrap()),
            weights,
            intervals: intervals.into(),
        }
    }

    fn run(&self, weights: &[f64]) -> Simulator {
        let mut simulator = Simulator::new(&self.network, Peaks::Found, 100_000);
        for (duration, spikes, currents) in &self.intervals {
            let interval = Interval { duration: *duration, spikes, currents };
            simulator.run(weights, &interval).unwrap();
        }
        simulator
    }
}

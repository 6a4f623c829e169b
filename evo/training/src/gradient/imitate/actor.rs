//! The student at work.

use snn::NetworkState;
use snn::gradient::Batch;

use crate::gradient::error::FinetuneError;
use crate::gradient::world::World;

/// The network in training, one individual of it per world.
pub(super) struct Actor {
    /// What each individual remembers; empty before the first step.
    states: Vec<NetworkState>,
    /// Seeds of what an encoder draws.
    pub(super) seeds: Vec<u64>,
    /// Which of them begin an episode with the next step.
    fresh: Vec<bool>,
    spikes: f64,
    neuron_ticks: f64,
}

impl Actor {
    pub(super) fn new(count: usize) -> Self {
        Self {
            states: Vec::new(),
            seeds: vec![0; count],
            fresh: vec![true; count],
            spikes: 0.0,
            neuron_ticks: 0.0,
        }
    }

    /// One control step of all individuals with the parameters `theta`: from inputs to actions in
    /// [−1, 1], a row each.
    pub(super) fn step(
        &mut self,
        world: &World,
        theta: &[f32],
        inputs: &[f32],
        actions: &mut [f32],
    ) -> Result<(), FinetuneError> {
        let Self { states, seeds, fresh, .. } = self;
        let batch = Batch { samples: seeds.len(), inputs, seeds, start: states, resets: fresh };
        let run = world.pool.install(|| world.network.run(theta, &batch));
        let run = run.map_err(|error| world.trainer.located(error))?;
        for counts in &run.counts {
            self.spikes += counts.iter().map(|&count| f64::from(count)).sum::<f64>();
            self.neuron_ticks += (counts.len() * world.network.ticks()) as f64;
        }
        world.actions(&run.values, actions);
        self.states = run.end;
        self.fresh.fill(false);
        Ok(())
    }

    /// Spikes, and neurons × ticks, since it was made: whole numbers, whose sums over ranks are exact.
    pub(super) fn counts(&self) -> (f64, f64) {
        (self.spikes, self.neuron_ticks)
    }
}

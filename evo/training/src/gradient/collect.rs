//! Worlds that are stepped side by side by a network in training.

use std::sync::Arc;

use envs::{Envs, Step, Task};
use rayon::prelude::*;
use snn::gradient::{Batch, NetworkState};
use strategies::random::Stream;

use crate::gradient::error::FinetuneError;
use crate::gradient::world::World;
use crate::rollout::Episode;

/// Some worlds, stepped on all threads. What happens in one depends on nothing but its own resets and
/// actions.
pub(super) struct Worlds {
    task: Arc<dyn Task>,
    groups: Vec<Group>,
    /// Worlds per group.
    size: usize,
    /// Episode in each world.
    episodes: Vec<Episode>,
    weights: Vec<f64>,
}

struct Group {
    envs: Envs,
    active: Vec<bool>,
    actions: Vec<f32>,
}

impl Worlds {
    pub(super) fn new(world: &World, count: usize) -> Result<Self, FinetuneError> {
        let (setup, horizon) = (&world.setup, world.horizon());
        let size = setup.options.engine.batch();
        let actions = setup.task.spec().actions.len();
        let group = |first: usize| -> Result<Group, FinetuneError> {
            let n = size.min(count - first);
            let task = Arc::clone(&setup.task);
            let envs = Envs::with_changes(task, n, setup.options, horizon, &setup.changes)?;
            Ok(Group { envs, active: vec![false; n], actions: vec![0.0; n * actions] })
        };
        Ok(Self {
            task: Arc::clone(&setup.task),
            groups: (0..count).step_by(size).map(group).collect::<Result<_, _>>()?,
            size,
            episodes: vec![Episode::default(); count],
            weights: world.weights.clone(),
        })
    }

    /// Number of worlds.
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn len(&self) -> usize {
        self.episodes.len()
    }

    fn of(&self, world: usize) -> (&Envs, usize) {
        (&self.groups[world / self.size].envs, world % self.size)
    }

    /// Begins an episode.
    pub(super) fn reset(&mut self, world: usize, stream: &mut Stream) {
        self.groups[world / self.size].envs.reset(world % self.size, stream);
        let terms = vec![0.0; self.weights.len()];
        self.episodes[world] = Episode { terms, ..Episode::default() };
    }

    /// Observation after the last reset or step.
    pub(super) fn observation(&self, world: usize) -> &[f32] {
        let (envs, slot) = self.of(world);
        let size = self.task.spec().observations.len();
        &envs.observations()[slot * size..(slot + 1) * size]
    }

    /// How the last step ended.
    pub(super) fn outcome(&self, world: usize) -> Step {
        let (envs, slot) = self.of(world);
        envs.outcome(slot)
    }

    /// Reward of the last step with the weights of training.
    pub(super) fn reward(&self, world: usize) -> f64 {
        let (envs, slot) = self.of(world);
        envs.terms(slot).iter().zip(&self.weights).map(|(&term, weight)| weight * f64::from(term)).sum()
    }

    /// Whether the last step ended because the physics blew up.
    pub(super) fn blew_up(&self, world: usize) -> bool {
        let (envs, slot) = self.of(world);
        envs.blew_up(slot)
    }

    /// What the episode has come to so far.
    pub(super) fn episode(&self, world: usize) -> Episode {
        let (envs, slot) = self.of(world);
        let mut episode = self.episodes[world].clone();
        episode.terminated = envs.outcome(slot).terminated;
        episode.blew_up = envs.blew_up(slot);
        episode
    }

    /// One control step of some worlds; `actions` has a row in [−1, 1] for each world.
    pub(super) fn step(&mut self, pool: &rayon::ThreadPool, active: &[bool], actions: &[f32]) {
        let (spec, size) = (self.task.spec(), self.size);
        let width = spec.actions.len();
        let step = |(index, group): (usize, &mut Group)| {
            let worlds = index * size..index * size + group.active.len();
            group.active.copy_from_slice(&active[worlds.clone()]);
            let rows = actions[worlds.start * width..worlds.end * width].chunks_exact(width);
            for (unit, action) in rows.zip(group.actions.chunks_exact_mut(width)) {
                spec.scale_action(unit, action);
            }
            group.envs.step(&group.active, &group.actions);
        };
        pool.install(|| self.groups.par_iter_mut().enumerate().for_each(step));
        for (world, &active) in active.iter().enumerate() {
            if active {
                let (envs, slot) = (&self.groups[world / size].envs, world % size);
                let episode = &mut self.episodes[world];
                episode.total += envs.outcome(slot).reward;
                episode.length += 1;
                let terms = envs.terms(slot).iter().zip(&self.weights);
                for ((&term, weight), sum) in terms.zip(&mut episode.terms) {
                    *sum += f64::from(term);
                    episode.fitness += weight * f64::from(term);
                }
            }
        }
    }
}

/// The network in training, one individual of it per world.
pub(super) struct Actor {
    /// What each individual remembers; empty before the first step.
    pub(super) states: Vec<NetworkState>,
    /// Seeds of what an encoder draws.
    pub(super) seeds: Vec<u64>,
    /// Which of them begin an episode with the next step.
    pub(super) fresh: Vec<bool>,
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

    /// Spikes per neuron and tick since it was last asked; none without spikes.
    pub(super) fn spike_rate(&mut self) -> Option<f64> {
        let rate = (self.neuron_ticks > 0.0).then(|| self.spikes / self.neuron_ticks);
        (self.spikes, self.neuron_ticks) = (0.0, 0.0);
        rate
    }
}

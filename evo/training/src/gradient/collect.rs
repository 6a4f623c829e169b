//! Worlds that are stepped side by side by a network in training.

use std::sync::Arc;

use envs::{Envs, Step, Task};
use rayon::prelude::*;
use strategies::random::Stream;

use crate::gradient::error::FinetuneError;
use crate::gradient::rows::row;
use crate::gradient::world::World;
use crate::rollout::Episode;

/// Some worlds, in groups that an engine steps together. What happens in one depends on nothing but its own
/// resets and actions.
pub(super) struct Worlds {
    pub(super) groups: Vec<Group>,
    /// Worlds per group.
    pub(super) size: usize,
}

/// Worlds that are stepped together; numbers of worlds count from its first.
pub(super) struct Group {
    task: Arc<dyn Task>,
    envs: Envs,
    active: Vec<bool>,
    actions: Vec<f32>,
    /// Episode in each world.
    episodes: Vec<Episode>,
    weights: Vec<f64>,
}

impl Group {
    fn new(world: &World, count: usize) -> Result<Self, FinetuneError> {
        let setup = &world.setup;
        let task = Arc::clone(&setup.task);
        let actions = task.spec().actions.len();
        Ok(Self {
            envs: Envs::with_changes(
                Arc::clone(&task),
                count,
                setup.options,
                world.horizon(),
                &setup.changes,
            )?,
            task,
            active: vec![false; count],
            actions: vec![0.0; count * actions],
            episodes: vec![Episode::default(); count],
            weights: world.weights.clone(),
        })
    }

    /// Number of worlds.
    pub(super) fn len(&self) -> usize {
        self.episodes.len()
    }

    /// Begins an episode.
    pub(super) fn reset(&mut self, world: usize, stream: &mut Stream) {
        self.envs.reset(world, stream);
        let terms = vec![0.0; self.weights.len()];
        self.episodes[world] = Episode { terms, ..Episode::default() };
    }

    /// Observation after the last reset or step.
    pub(super) fn observation(&self, world: usize) -> &[f32] {
        &self.envs.observations()[row(self.task.spec().observations.len(), world)]
    }

    /// How the last step ended.
    pub(super) fn outcome(&self, world: usize) -> Step {
        self.envs.outcome(world)
    }

    /// Reward of the last step with the weights of training.
    pub(super) fn reward(&self, world: usize) -> f64 {
        let terms = self.envs.terms(world).iter().zip(&self.weights);
        terms.map(|(&term, weight)| weight * f64::from(term)).sum()
    }

    /// Whether the last step ended because the physics blew up.
    pub(super) fn blew_up(&self, world: usize) -> bool {
        self.envs.blew_up(world)
    }

    /// What the episode has come to so far.
    pub(super) fn episode(&self, world: usize) -> Episode {
        let mut episode = self.episodes[world].clone();
        episode.terminated = self.envs.outcome(world).terminated;
        episode.blew_up = self.envs.blew_up(world);
        episode
    }

    /// One control step of some worlds; `actions` has a row in [−1, 1] for each world.
    pub(super) fn step(&mut self, active: &[bool], actions: &[f32]) {
        let spec = self.task.spec();
        let width = spec.actions.len();
        self.active.copy_from_slice(active);
        for (unit, action) in actions.chunks_exact(width).zip(self.actions.chunks_exact_mut(width)) {
            spec.scale_action(unit, action);
        }
        self.envs.step(&self.active, &self.actions);
        for (world, episode) in self.episodes.iter_mut().enumerate().filter(|(world, _)| active[*world]) {
            episode.total += self.envs.outcome(world).reward;
            episode.length += 1;
            let terms = self.envs.terms(world).iter().zip(&self.weights);
            for ((&term, weight), sum) in terms.zip(&mut episode.terms) {
                *sum += f64::from(term);
                episode.fitness += weight * f64::from(term);
            }
        }
    }
}

impl Worlds {
    pub(super) fn new(world: &World, count: usize) -> Result<Self, FinetuneError> {
        let size = world.setup.options.engine.batch();
        let group = |first: usize| Group::new(world, size.min(count - first));
        let groups = (0..count).step_by(size).map(group).collect::<Result<_, _>>()?;
        Ok(Self { groups, size })
    }

    /// Number of worlds.
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn len(&self) -> usize {
        self.groups.iter().map(Group::len).sum()
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn of(&self, world: usize) -> (&Group, usize) {
        (&self.groups[world / self.size], world % self.size)
    }

    /// Begins an episode.
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn reset(&mut self, world: usize, stream: &mut Stream) {
        self.groups[world / self.size].reset(world % self.size, stream);
    }

    /// Observation after the last reset or step.
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn observation(&self, world: usize) -> &[f32] {
        let (group, world) = self.of(world);
        group.observation(world)
    }

    /// How the last step ended.
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn outcome(&self, world: usize) -> Step {
        let (group, world) = self.of(world);
        group.outcome(world)
    }

    /// What the episode has come to so far.
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn episode(&self, world: usize) -> Episode {
        let (group, world) = self.of(world);
        group.episode(world)
    }

    /// One control step of some worlds on all threads; `actions` has a row in [−1, 1] for each world.
    pub(super) fn step(&mut self, pool: &rayon::ThreadPool, active: &[bool], actions: &[f32]) {
        let (size, width) = (self.size, actions.len() / active.len().max(1));
        let step = |(index, group): (usize, &mut Group)| {
            let worlds = index * size..index * size + group.len();
            group.step(&active[worlds.clone()], &actions[worlds.start * width..worlds.end * width]);
        };
        pool.install(|| self.groups.par_iter_mut().enumerate().for_each(step));
    }
}

//! Worlds of a task under random actions: how fast physics is, with all that a task adds to it.

use std::sync::Arc;

use envs::{Envs, Task};
use rand::Rng as _;
use strategies::random::{Purpose, Stream};

/// A batch of worlds whose episodes begin anew when they end. Actions are uniform within their ranges.
pub struct RandomActions {
    task: Arc<dyn Task>,
    envs: Envs,
    stream: Stream,
    active: Vec<bool>,
    unit: Vec<f32>,
    actions: Vec<f32>,
    episodes: u64,
}

impl RandomActions {
    /// Starts an episode in every world of `envs`, which are of `task`; `number` tells batches apart.
    #[must_use]
    pub fn new(task: Arc<dyn Task>, mut envs: Envs, number: u64) -> Self {
        let (batch, size) = (envs.len(), task.spec().actions.len());
        let mut stream = Stream::new(1, Purpose::Bench, 0, number, 0);
        (0..batch).for_each(|i| envs.reset(i, &mut stream));
        let (active, unit, actions) = (vec![true; batch], vec![0.0; size], vec![0.0; batch * size]);
        Self { task, envs, stream, active, unit, actions, episodes: batch as u64 }
    }

    /// Takes control steps in every world.
    pub fn step(&mut self, steps: usize) {
        let spec = self.task.spec();
        for _ in 0..steps {
            for action in self.actions.chunks_exact_mut(self.unit.len()) {
                self.unit.iter_mut().for_each(|u| *u = unit(&mut self.stream));
                spec.scale_action(&self.unit, action);
            }
            self.envs.step(&self.active, &self.actions);
            for i in 0..self.active.len() {
                if self.envs.outcome(i).over() {
                    self.envs.reset(i, &mut self.stream);
                    self.episodes += 1;
                }
            }
        }
    }

    /// [Solver residuals](sim::Worlds::solver_residual) of all worlds; none if the engine does not tell.
    #[must_use]
    pub fn solver_residuals(&self) -> Vec<f32> {
        (0..self.envs.len()).filter_map(|i| self.envs.solver_residual(i)).collect()
    }

    /// Episodes begun so far.
    #[must_use]
    pub fn episodes(&self) -> u64 {
        self.episodes
    }

    /// Episodes so far that ended because the physics blew up.
    #[must_use]
    pub fn blow_ups(&self) -> u64 {
        self.envs.blow_ups()
    }
}

/// Uniform in [−1, 1].
pub fn unit(stream: &mut Stream) -> f32 {
    (stream.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0
}

//! Steps with derivatives.

use std::time::Instant;

use super::{Envs, row};
use crate::error::EnvError;
use crate::formulas::{At, View};
use crate::slopes::Slopes;

impl Envs {
    /// Refuses a task without derivatives, and changes of the environment, which have none.
    ///
    /// # Errors
    /// [`EnvError::Gradient`] says what has none. An engine without derivatives is refused by
    /// [`step_with_slopes`](Envs::step_with_slopes).
    pub fn check_gradient(&self) -> Result<(), EnvError> {
        let env = self.task.spec().name;
        if self.task.gradient().is_none() {
            let problem = format!(
                "its observation and reward have no derivatives with these settings; with their defaults, {} have them",
                crate::registry::with_gradient().join(", ")
            );
            return Err(EnvError::Gradient { env, problem });
        }
        if self.changing.is_some() {
            let problem = "changes of the environment have no derivatives".to_owned();
            return Err(EnvError::Gradient { env, problem });
        }
        Ok(())
    }

    /// As [`Envs::step`], to the same bits, and writes how the outcome of every step that is made changes with what
    /// went in. What is held as it is: see [`sim::Worlds::step_with_jacobian`] and [`Gradient`](crate::Gradient).
    ///
    /// # Errors
    /// [`EnvError::Gradient`] as [`Envs::check_gradient`]; [`EnvError::Sim`] if the engine has no derivatives. Then
    /// nothing has moved.
    ///
    /// # Panics
    /// As [`Envs::step`], and if `slopes` is not of length [`Envs::len`].
    pub fn step_with_slopes(
        &mut self,
        active: &[bool],
        actions: &[f32],
        slopes: &mut [Slopes],
    ) -> Result<(), EnvError> {
        self.check_gradient()?;
        assert_eq!(slopes.len(), self.len(), "derivatives per environment");
        self.prepare(active, actions);
        // Their room is used again.
        let mut jacobians: Vec<_> = slopes.iter_mut().map(|s| std::mem::take(&mut s.physics)).collect();
        let began = Instant::now();
        let stepped = self.worlds.step_with_jacobian(&self.active, &self.controls, &[], &mut jacobians);
        self.physics_time += began.elapsed();
        slopes.iter_mut().zip(jacobians).for_each(|(to, jacobian)| to.physics = jacobian);
        stepped?;
        for (i, slopes) in slopes.iter_mut().enumerate() {
            if self.active[i] {
                self.judge(i, actions, slopes);
            }
        }
        Ok(())
    }

    /// Scores environment `i` after a step of its world, with derivatives.
    fn judge(&mut self, i: usize, actions: &[f32], slopes: &mut Slopes) {
        let given = row(actions, self.sizes.action, i);
        let limits = self.low.iter().zip(&self.high);
        slopes.free.clear();
        slopes.free.extend(given.iter().zip(limits).map(|(x, (low, high))| (low..=high).contains(&x)));
        let memory = row(&self.memory, self.sizes.memory, i).to_vec();
        self.score(i);
        let world = self.worlds.view(i);
        slopes.sizes = [2 * world.qvel.len(), world.sensors.len(), memory.len(), self.sizes.terms];
        slopes.lost = self.blew_up[i] || slopes.physics.values().iter().any(|x| !x.is_finite());
        let Some(gradient) = self.task.gradient().filter(|_| !slopes.lost) else { return };
        let at = At { model: self.worlds.model(), world: View::from(&world), memory: &memory };
        gradient.of_reward(&at, self.action(i), self.sizes.terms, &mut slopes.reward);
        let after = row(&self.memory, self.sizes.memory, i);
        let at = At { memory: after, ..at };
        gradient.of_observation(&at, self.sizes.observation, &mut slopes.observation);
        slopes.lost = !(slopes.reward.is_finite() && slopes.observation.is_finite());
    }
}

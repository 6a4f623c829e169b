//! What somebody who looks on may see and do: contacts, goals, other physics, another position.
//!
//! Training calls only [`Envs::contacts`], for descriptors; without these, an environment is the same to the last bit.

use sim::{Contact, Parameters, SimError};

use super::{Envs, Step, row, row_mut};

impl Envs {
    /// Where the bodies of environment `i` press against each other; see [`sim::Worlds::contacts`].
    #[must_use]
    pub fn contacts(&self, i: usize) -> Vec<Contact> {
        self.worlds.contacts(i)
    }

    /// What is asked of environment `i` at present, in the order of the task's
    /// [goals](crate::Task::goals).
    #[must_use]
    pub fn goal_values(&self, i: usize) -> Vec<f32> {
        let memory = row(&self.memory, self.sizes.memory, i);
        self.task.goals().iter().map(|goal| memory[goal.memory]).collect()
    }

    /// How the coming step's physics of environment `i` differs from the model, by its changes.
    #[must_use]
    pub fn changed_parameters(&mut self, i: usize) -> Parameters {
        match &mut self.changing {
            Some(changing) => changing.parameters(i).clone(),
            None => Parameters::nominal(self.worlds.model()),
        }
    }

    /// How the physics of environment `i` differs from the model.
    #[must_use]
    pub fn parameters(&self, i: usize) -> &Parameters {
        self.worlds.parameters(i)
    }

    /// Sets the physics of environment `i` from its next step on, until its changes ask for something
    /// else.
    ///
    /// # Errors
    /// [`SimError::Length`] or [`SimError::Setting`] if `parameters` do not fit the model.
    pub fn set_parameters(&mut self, i: usize, parameters: &Parameters) -> Result<(), SimError> {
        self.worlds.set_parameters(i, parameters)
    }

    /// Puts environment `i` at a position, at rest, as if its episode had just begun there; what its
    /// changes have drawn stays.
    ///
    /// # Panics
    /// If `qpos` is not of length `nq`.
    pub fn place(&mut self, i: usize, qpos: &[f32]) {
        if let Some(changing) = &mut self.changing {
            let memory = row_mut(&mut self.memory, self.sizes.memory, i);
            changing.advance(i, 0, true, &mut self.worlds, memory);
        }
        self.qvel.fill(0.0);
        self.worlds.reset(i, qpos, &self.qvel);
        self.begin(i);
    }

    /// Goes on with an episode that the task or the time limit has ended; not after a blow-up.
    pub fn go_on(&mut self, i: usize) {
        if !self.blew_up[i] {
            self.resting[i] = false;
            self.outcomes[i] = Step { terminated: false, truncated: false, ..self.outcomes[i] };
        }
    }
}

//! How an environment's step changes with what went in, physics and task together.

use sim::Jacobian;

use crate::formulas::Derivatives;

/// The derivatives of one step of an environment, for going backwards in time; made by
/// [`Envs::step_with_slopes`](crate::Envs::step_with_slopes).
///
/// A state has [`states`](Slopes::states) numbers here: `nv` for a change of `qpos`, `nv` for `qvel`, and one per entry
/// of the task's memory.
#[derive(Clone, Debug, Default)]
pub struct Slopes {
    pub(crate) physics: Jacobian,
    pub(crate) observation: Derivatives,
    pub(crate) reward: Derivatives,
    /// Per action, 1 within its range and 0 beyond, where it has no influence.
    pub(crate) free: Vec<bool>,
    /// `2 nv`, values of the sensors, entries of the memory, reward terms.
    pub(crate) sizes: [usize; 4],
    /// Whether the step came to something that has no derivatives.
    pub(crate) lost: bool,
}

impl Slopes {
    /// Length of a state.
    #[must_use]
    pub fn states(&self) -> usize {
        self.sizes[0] + self.sizes[2]
    }

    /// Whether the physics blew up in this step, or its derivatives are not finite. Nothing flows back through it.
    #[must_use]
    pub fn lost(&self) -> bool {
        self.lost
    }

    /// One step backwards. `observation` and `terms` are the derivatives of some number with respect to what the step
    /// gave, that is the observation after it and its reward terms, as far as that number depends on them directly.
    /// `state` has those with respect to the state after the step, and gets those with respect to the state before
    /// it. What the action has to do with it is added to `action`, in the task's units.
    ///
    /// # Panics
    /// If the lengths do not fit the task, or there has been no step.
    pub fn pull(&self, observation: &[f64], terms: &[f64], state: &mut [f64], action: &mut [f64]) {
        let [motion, sensors, memory, count] = self.sizes;
        assert_eq!(terms.len(), count, "one number per reward term");
        assert_eq!(state.len(), motion + memory, "one number per coordinate, velocity and entry of memory");
        assert_eq!(action.len(), self.free.len(), "one number per action");
        if self.lost {
            state.fill(0.0);
            return;
        }
        // State after the step, sensors, memory after it.
        let mut after = vec![0.0; motion + sensors + memory];
        after[..motion].copy_from_slice(&state[..motion]);
        after[motion + sensors..].copy_from_slice(&state[motion..]);
        self.observation.pull(observation.iter().copied(), &mut after);
        let (world, of_memory) = after.split_at_mut(motion + sensors);
        // State after the step, sensors, memory before it, action.
        let mut judged = vec![0.0; motion + sensors + memory + action.len()];
        self.reward.pull(terms.iter().chain(&*of_memory).copied(), &mut judged);
        let (of_world, rest) = judged.split_at(motion + sensors);
        let (of_memory, of_action) = rest.split_at(memory);
        world.iter_mut().zip(of_world).for_each(|(to, from)| *to += from);
        let mut before = vec![0.0; motion + action.len()];
        for (row, &adjoint) in world.iter().enumerate().filter(|(_, adjoint)| **adjoint != 0.0) {
            let row = self.physics.row(row);
            before.iter_mut().zip(row).for_each(|(to, &x)| *to += adjoint * f64::from(x));
        }
        let (of_state, of_control) = before.split_at(motion);
        state[..motion].copy_from_slice(of_state);
        state[motion..].copy_from_slice(of_memory);
        let free = self.free.iter().zip(of_control.iter().zip(of_action));
        for (to, (&free, (a, b))) in action.iter_mut().zip(free) {
            if free {
                *to += a + b;
            }
        }
    }
}

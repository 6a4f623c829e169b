//! What a config of training by gradient in a world must be, found without its worlds.

use crate::config::Config;
use crate::field::InvalidField;
use crate::gradient::error::FinetuneError;
use crate::gradient::imitate::Imitation;
use crate::gradient::imitate::teacher::Teachers;
use crate::gradient::ppo::critic::Critic;
use crate::gradient::task::Task;
use crate::gradient::world::World;
use crate::setup::{Setup, pool};

/// Checks what [`WorldLearner`](super::WorldLearner) needs of a config that has a `task`: its fields, networks with
/// gradients, a teacher that is there and fits; `teachers` keeps those for further configs. One without a `task` is
/// always right.
///
/// # Errors
/// The first thing that is wrong.
pub fn check(config: &Config, setup: &Setup, teachers: &mut Teachers) -> Result<(), FinetuneError> {
    let Some(task) = &config.task else { return Ok(()) };
    of_a_world(task)?;
    let world = World::new(config, task.gradient(), setup.clone(), pool(1)?)?;
    match task {
        // Whom a stage imitates is seen when it begins.
        task if task.imitates_stage_before() => Ok(()),
        Task::Imitate(task) => Imitation::new(task, &world, teachers).map(drop),
        Task::Ppo(task) => Critic::new(task, &world).map(drop),
        Task::Classify(_) | Task::Regress(_) => Ok(()),
    }
}

/// Checks the fields of a task, which must be one in a world.
pub(super) fn of_a_world(task: &Task) -> Result<(), InvalidField> {
    match task {
        Task::Classify(_) | Task::Regress(_) => {
            let (field, value) = ("task".to_owned(), task.name().to_owned());
            Err(InvalidField { field, value, expected: "Imitate or Ppo".to_owned() })
        }
        Task::Imitate(task) => task.validate(),
        Task::Ppo(task) => task.validate("task"),
    }
}

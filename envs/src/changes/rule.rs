//! What an effect must say of itself.

use std::sync::Arc;

use sim::Model;

use super::acting::Acting;
use super::when::When;
use crate::anatomy::trunk;
use crate::landscape::Landscape;
use crate::{Channel, EnvError, Goal, Task};

/// Weight of a kilogram that forces are told in, m/s²: pushes mean the same without gravity.
const EARTH: f64 = 9.81;

/// An effect as a config gives it: its settings, made into something that acts.
pub(crate) trait Rule {
    /// Name in messages and recordings, e.g. `friction`.
    fn name(&self) -> &'static str;

    /// Refuses numbers out of range, and times at which it cannot hold.
    fn check(&self, when: When) -> Result<(), EnvError>;

    /// Looks up names on the robot, and says what is recorded. The numbers have passed the check.
    fn plan(&self, site: &mut Site<'_>) -> Result<Plan, EnvError>;
}

/// What an effect does, and the channels of what it records.
pub(crate) struct Plan {
    /// One per value that [`Acting::set`] writes.
    pub(crate) columns: Vec<Channel>,
    /// As it is before an episode has drawn anything.
    pub(crate) acting: Box<dyn Acting>,
}

impl Plan {
    /// Something that acts, without bounds on the values that it records; `columns` are names and units.
    pub(crate) fn new(acting: impl Acting + 'static, columns: &[(&str, &'static str)]) -> Self {
        let columns = columns.iter().map(|&(name, unit)| Channel::unbounded(name, unit)).collect();
        Self { columns, acting: Box::new(acting) }
    }
}

/// Where changes act.
pub(crate) struct Site<'a> {
    /// The task.
    pub(crate) task: &'a dyn Task,
    /// Its robot and surroundings.
    pub(crate) model: &'a Arc<Model>,
    /// What may be asked of the robot.
    pub(crate) goals: &'a [Goal],
    /// Body that pushes act on.
    pub(crate) trunk: usize,
    /// Mass of the robot, kg.
    pub(crate) mass: f64,
    /// Weight of the robot on Earth, N.
    pub(crate) weight: f64,
    /// Seconds between two actions.
    pub(crate) control_dt: f64,
    /// Other ground than the task's, if an effect has put it there.
    pub(crate) landscape: Option<Landscape>,
}

impl<'a> Site<'a> {
    /// The world of a task with these goals.
    pub(crate) fn new(task: &'a dyn Task, goals: &'a [Goal]) -> Self {
        let model = task.model();
        let mass = model.total_mass();
        Self {
            task,
            model,
            goals,
            trunk: trunk(model),
            mass,
            weight: mass * EARTH,
            control_dt: task.spec().control_dt,
            landscape: None,
        }
    }
}

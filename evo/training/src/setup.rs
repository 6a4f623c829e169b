//! What a config describes, built.

use std::error::Error;
use std::sync::Arc;

use envs::{Change, Descriptors, EnvError, Task};
use records::checkpoint::CheckpointError;
use sim::{Model, StepOptions};
use snn::{BackendError, Controller, SnnError};
use strategies::StrategyError;

use crate::backend::Backend;
use crate::config::Config;
use crate::field::InvalidField;
use crate::memory::NotEnough;
use crate::objectives::{ObjectiveError, Objectives};
use crate::rollout::{Parts, Rollout, RolloutError};
use crate::wiring;

/// Why a trainer cannot be made or go on.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// A config value is out of range.
    #[error(transparent)]
    Config(#[from] InvalidField),
    /// The task or its physics cannot be set up.
    #[error(transparent)]
    Env(#[from] EnvError),
    /// The controller cannot be built.
    #[error(transparent)]
    Controller(#[from] SnnError),
    /// The strategy refuses its settings, or no member had a finite fitness.
    #[error(transparent)]
    Strategy(#[from] StrategyError),
    /// Every member of a generation had an episode that counts for nothing.
    #[error(
        "generation {generation}: no member has a finite fitness; of {episodes} episodes the physics blew up in \
         {blow_ups}, and the controller failed in {failures}"
    )]
    NoFitness {
        /// Which generation, counted from 0.
        generation: u64,
        /// Episodes of the generation.
        episodes: usize,
        /// Those in which the physics blew up.
        blow_ups: usize,
        /// Those in which the controller failed.
        failures: usize,
    },
    /// It takes more memory than there is.
    #[error(transparent)]
    Memory(#[from] NotEnough),
    /// A checkpoint does not fit.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A checkpoint is of another config.
    #[error("{path} has another {what}: it has {found}, the config says {expected}")]
    Mismatch {
        /// The checkpoint.
        path: String,
        /// What differs.
        what: &'static str,
        /// In the checkpoint.
        found: String,
        /// In the config.
        expected: String,
    },
    /// A front does not have so many members.
    #[error(
        "{path} has no member {cell}: its front and what is behind it have {count}, counted from 0; front.csv lists them"
    )]
    NoMember {
        /// The checkpoint.
        path: String,
        /// The member.
        cell: usize,
        /// Members that it has.
        count: usize,
    },
    /// A checkpoint of a strategy without an archive was asked for a cell.
    #[error("{path} has no archive: its strategy keeps none")]
    NoArchive {
        /// The checkpoint.
        path: String,
    },
    /// The task cannot be judged by these objectives.
    #[error(transparent)]
    Objective(#[from] ObjectiveError),
    /// A cell of an archive has no elite.
    #[error(
        "{path} has nothing in cell {cell} of its archive; {count} cells are filled, and {nearest} is the nearest number"
    )]
    EmptyCell {
        /// The checkpoint.
        path: String,
        /// The cell.
        cell: usize,
        /// Cells with an elite.
        count: usize,
        /// The one of these whose number is nearest.
        nearest: usize,
    },
    /// Episodes cannot be run.
    #[error(transparent)]
    Rollout(#[from] RolloutError),
    /// The graphics adapter was lost.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The refinement of a generation cannot begin or go on.
    #[error("refine: {0}")]
    Refine(Box<dyn Error + Send + Sync>),
    /// Threads could not be started.
    #[error("cannot start threads: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

/// What a config describes, built: task, physics, controller.
#[derive(Clone)]
pub struct Setup {
    /// The task.
    pub task: Arc<dyn Task>,
    /// What is different from the task.
    pub changes: Vec<Change>,
    /// Physics settings in training.
    pub options: StepOptions,
    /// Physics settings of the second evaluation, if there is one.
    pub validation: Option<StepOptions>,
    /// The network.
    pub controller: Arc<dyn Controller>,
    /// What spans the archive, if training is to fill one; or what objectives are made of.
    pub descriptors: Option<Descriptors>,
    /// What members are judged by, if that is several objectives.
    pub objectives: Option<Objectives>,
    /// Whether training is to evolve the controller's wiring.
    pub evolves_wiring: bool,
}

impl Setup {
    /// Checks the config and builds its parts.
    ///
    /// # Errors
    /// Whatever is out of range or cannot be built.
    pub fn new(config: &Config) -> Result<Self, TrainError> {
        config.validate()?;
        let task = config.env.build()?;
        config.rollout.validate_weights(task.spec().terms)?;
        let options = config.physics.training(task.as_ref());
        let validation = config.physics.validation(task.as_ref());
        let (inputs, outputs) = (task.spec().observations.len(), task.spec().actions.len());
        let controller = config.controller.build(inputs, outputs)?;
        let evolves_wiring = config.strategy.blocks().is_some() && config.task.is_none();
        if evolves_wiring {
            wiring::check(config)?;
            wiring::strategy(&config.strategy, controller.layout().blocks())?.validate()?;
        }
        let changes = config.changes.clone();
        for list in config.change_lists.values() {
            envs::changed_model(task.as_ref(), list)?;
        }
        let strategy = config.search();
        let archive = strategy.archive().filter(|_| config.task.is_none());
        let objectives = strategy.objectives().filter(|_| config.task.is_none());
        let (objectives, descriptors) = match (archive, objectives) {
            (Some(shape), _) => (None, Some(Descriptors::new(task.as_ref(), shape.descriptors)?)),
            (None, Some(told)) => {
                let (objectives, descriptors) = Objectives::new(task.as_ref(), told.names)?;
                (Some(objectives), descriptors)
            }
            (None, None) => (None, None),
        };
        Ok(Self { task, changes, options, validation, controller, descriptors, objectives, evolves_wiring })
    }

    /// Whether the search has a distribution whose steps can be measured.
    pub(crate) fn measures_steps(&self) -> bool {
        self.descriptors.is_none() && self.objectives.is_none() && !self.evolves_wiring
    }

    /// The robot and its surroundings: the task's, unless a change has put another ground there.
    ///
    /// # Errors
    /// If a change does not fit the task.
    pub fn model(&self) -> Result<Arc<Model>, EnvError> {
        envs::changed_model(self.task.as_ref(), &self.changes)
    }

    /// Workers for episodes of `horizon` control steps on `threads` threads.
    ///
    /// # Errors
    /// If the worlds cannot be made or the threads not be started.
    pub fn rollout(
        &self,
        horizon: usize,
        pool: Option<Arc<rayon::ThreadPool>>,
    ) -> Result<Rollout, TrainError> {
        Ok(self.rollout_on(self.options, horizon, &Backend::Cpu, 1, pool)?)
    }

    pub(crate) fn rollout_on(
        &self,
        options: StepOptions,
        horizon: usize,
        backend: &Backend,
        episodes: usize,
        pool: Option<Arc<rayon::ThreadPool>>,
    ) -> Result<Rollout, RolloutError> {
        let Self { task, controller, changes, .. } = self;
        Rollout::new(&Parts { task, changes, controller, options, horizon, backend, episodes }, pool)
    }
}

/// A pool of `threads` threads; 0 means one per core.
///
/// # Errors
/// If the threads cannot be started.
pub fn pool(threads: usize) -> Result<Arc<rayon::ThreadPool>, TrainError> {
    Ok(Arc::new(rayon::ThreadPoolBuilder::new().num_threads(threads).build()?))
}

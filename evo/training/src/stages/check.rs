//! Whether all stages of a config can be trained, found before the first begins.

use crate::config::Config;
use crate::field::require;
use crate::gradient::{self, FinetuneError, Teachers};
use crate::memory;
use crate::needs;
use crate::setup::{Setup, TrainError};
use crate::stages::error::StagedError;
use crate::stages::resolve::resolve;

/// The number of a stage.
pub(super) fn index_of(config: &Config, name: &str) -> Result<usize, StagedError> {
    let names = || config.stages.iter().map(|stage| stage.name.clone());
    let unknown = || StagedError::Unknown { name: name.to_owned(), valid: names().collect() };
    names().position(|other| other == name).ok_or_else(unknown)
}

/// The config of a stage by name, or of the last one.
///
/// # Errors
/// If there is no such stage, or something is wrong with one.
pub fn stage_config(config: &Config, name: Option<&str>) -> Result<Config, StagedError> {
    let mut plan = resolve(config)?;
    let index = match name {
        Some(name) => index_of(config, name)?,
        None => plan.len() - 1,
    };
    Ok(plan.swap_remove(index))
}

/// Builds what all stages of a config are made of, but for worlds, the state of a search, and what a stage begins with;
/// `teachers` keeps those that are read for further configs.
///
/// # Errors
/// The first thing that is out of range or does not fit together, or too large for the memory.
pub fn check(config: &Config, teachers: &mut Teachers) -> Result<(), StagedError> {
    checked(config, 0, teachers).map(drop)
}

/// The configs of all stages, of which those from `first` on are checked.
pub(super) fn checked(
    config: &Config,
    first: usize,
    teachers: &mut Teachers,
) -> Result<Vec<Config>, StagedError> {
    let plan = resolve(config)?;
    config.run.validate().map_err(FinetuneError::from)?;
    let total = config.run.total;
    let expected = "None: a run without stages has run.generations";
    require(!config.stages.is_empty() || total.is_none(), "run.total", format!("{total:?}"), expected)
        .map_err(FinetuneError::from)?;
    for (index, stage) in plan.iter().enumerate().skip(first) {
        let mut check = || -> Result<(), FinetuneError> {
            let setup = Setup::new(stage)?;
            stage.search().validate().map_err(TrainError::from)?;
            let parts = match &stage.task {
                Some(task) => needs::of_gradient(task, stage, &setup, 1),
                None => needs::of_search(stage, &setup).map_err(TrainError::from)?,
            };
            memory::check(parts).map_err(TrainError::from)?;
            if let Some(before) = index.checked_sub(1) {
                follows(&setup, stage, &plan[before])?;
            }
            gradient::check(stage, &setup, teachers)
        };
        check().map_err(|source| within(config, index, source))?;
    }
    Ok(plan)
}

/// Refuses a stage that cannot see the world as the one before it does.
fn follows(setup: &Setup, stage: &Config, before: &Config) -> Result<(), FinetuneError> {
    let sizes = |setup: &Setup| (setup.controller.inputs(), setup.controller.outputs());
    let (own, others) = (sizes(setup), sizes(&Setup::new(before)?));
    let words = |(observations, actions)| format!("{observations} observations, {actions} actions");
    let as_before = |words: String| format!("{words}, as in the stage before");
    require(own == others, "env", words(own), as_before(words(others)))?;
    let seen =
        |config: &Config| format!("normalize: {}, clip: {}", config.rollout.normalize, config.rollout.clip);
    let fits = stage.controller != before.controller || seen(stage) == seen(before);
    Ok(require(fits, "rollout", seen(stage), as_before(seen(before)))?)
}

/// An error of a stage, with its name if there are stages.
pub(super) fn within(config: &Config, index: usize, source: FinetuneError) -> StagedError {
    match config.stages.get(index) {
        Some(stage) => StagedError::In { name: stage.name.clone(), source: Box::new(source) },
        None => source.into(),
    }
}

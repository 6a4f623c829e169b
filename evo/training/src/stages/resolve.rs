//! The config of every stage.

use records::text::{TypeError, from_value, patch};
use serde::Serialize;
use serde_json::Value;

use super::stage::{STAGES, Stage};
use crate::config::Config;
use crate::gradient::{FinetuneConfig, Task};

/// What is wrong with a stage.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stage '{name}': {message}")]
pub struct StageError {
    /// Its number, from 0.
    pub index: usize,
    /// Its name.
    pub name: String,
    /// Field of the stage that it is about, e.g. `strategy.OpenEs.sigma`.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

impl StageError {
    /// Where it stands in the config.
    #[must_use]
    pub fn place(&self) -> String {
        let joint = if self.path.is_empty() { "" } else { "." };
        format!("{STAGES}[{}]{joint}{}", self.index, self.path)
    }
}

/// Fields of a config that a stage may have.
const FIELDS: [&str; 9] =
    ["env", "changes", "physics", "controller", "strategy", "restarts", "refine", "rollout", "task"];

/// Fields of `run` that a stage may have; the others are the whole run's.
pub(super) const RUN_FIELDS: [&str; 6] =
    ["generations", "eval_every", "eval_episodes", "checkpoint_every", "target", "patience"];

/// The config of every stage, in order: `config` with what differs. One without stages is its own only stage.
///
/// `run.seed` of a later stage is made of the run's and its number, so that no two stages draw the same random
/// numbers; evaluations of all stages begin in the same states.
///
/// # Errors
/// The first thing that is wrong: a field that is not a stage's, a value that does not fit, another controller than
/// that of the stage before without `Imitate`.
pub fn resolve(config: &Config) -> Result<Vec<Config>, StageError> {
    if config.stages.is_empty() {
        return Ok(vec![config.clone()]);
    }
    let base = Config { stages: Vec::new(), ..config.clone() };
    let mut all: Vec<Config> = Vec::new();
    for index in 0..config.stages.len() {
        let wrong = |path: &str, message: String| wrong(&config.stages, index, path, message);
        let mut resolved = one(&base, &config.stages, index)?;
        resolved.run.total = None;
        resolved.run.eval_seed = Some(config.run.eval_seed());
        resolved.run.seed = seed_of(config.run.seed, index);
        if resolved.env.name() != base.env.name() {
            let message = format!(
                "env = {}: every stage has the config's task, {}",
                resolved.env.name(),
                base.env.name()
            );
            return Err(wrong("env", message));
        }
        if let Some(Task::Classify(_) | Task::Regress(_)) = &resolved.task {
            let name = resolved.task.as_ref().map_or("", Task::name);
            return Err(wrong(
                "task",
                format!("task = {name}: a stage needs a world; valid: Imitate(…), Ppo(…), None"),
            ));
        }
        let another = all.last().is_some_and(|before| before.controller != resolved.controller);
        if another && !matches!(resolved.task, Some(Task::Imitate(_))) {
            let before = &config.stages[index - 1].name;
            let message = format!(
                "its controller differs from that of stage '{before}', so it cannot begin with its parameters; \
                 with task: Imitate(…) it can imitate that stage instead"
            );
            return Err(wrong("controller", message));
        }
        if index == 0 && resolved.task.as_ref().is_some_and(Task::imitates_stage_before) {
            return Err(wrong(
                "task",
                "task.teacher is missing: there is no stage before this one".to_owned(),
            ));
        }
        all.push(resolved);
    }
    Ok(all)
}

/// The name of stage `index` in an error.
fn wrong(stages: &[Stage], index: usize, path: &str, message: String) -> StageError {
    StageError { index, name: stages[index].name.clone(), path: path.to_owned(), message }
}

/// The config of one stage, by itself.
fn one(base: &Config, stages: &[Stage], index: usize) -> Result<Config, StageError> {
    let stage = &stages[index];
    let wrong = |path: &str, message: String| Err(wrong(stages, index, path, message));
    if let Some(first) = stages[..index].iter().position(|other| other.name == stage.name) {
        return wrong("name", format!("stages {} and {} have the same name", first + 1, index + 1));
    }
    for (field, value) in &stage.fields {
        if field == "run" {
            let names = value.as_object().into_iter().flatten().map(|(name, _)| name);
            if let Some(name) = names.into_iter().find(|name| !RUN_FIELDS.contains(&&***name)) {
                let message =
                    format!("run.{name} is not a field of a stage (valid: {})", RUN_FIELDS.join(", "));
                return wrong(&format!("run.{name}"), message);
            }
        } else if !FIELDS.contains(&&**field) {
            let message = format!("unknown field '{field}' (valid: name, {}, run)", FIELDS.join(", "));
            return wrong(field, message);
        }
    }
    let merged = laid_over(base, stage);
    let typed: Result<FinetuneConfig, TypeError> = from_value(&merged);
    let config = match typed {
        Ok(config) => config,
        Err(error) => return wrong(&error.path.clone(), error.describe()),
    };
    if config.task.is_none() && config.strategy.is_none() {
        return wrong("", "missing field 'strategy', or a task".to_owned());
    }
    if let Err(error) = config.check_restarts() {
        let own = ["restarts", "strategy"].into_iter().find(|field| stage.fields.contains_key(*field));
        return wrong(own.unwrap_or_default(), error.to_string());
    }
    config.with_env().map_or_else(|error| wrong("", error.to_string()), Ok)
}

/// Generations of a run of this config, unless it ends early: those of all its stages, or as many as it wants in all.
#[must_use]
pub fn generations(config: &Config) -> u64 {
    let all = || resolve(config).unwrap_or_default().iter().map(|stage| stage.run.generations).sum();
    config.run.total.unwrap_or_else(all)
}

/// Lets `inline` put files that a config names into it, and into all of its stages.
///
/// # Errors
/// Those of `inline`; inside, what is wrong with a stage.
pub fn inline<E>(
    config: &mut Config,
    inline: impl Fn(&mut Config) -> Result<(), E>,
) -> Result<Result<(), StageError>, E> {
    inline(config)?;
    let plan = match resolve(config) {
        Ok(plan) => plan,
        Err(error) => return Ok(Err(error)),
    };
    for (stage, mut resolved) in config.stages.iter_mut().zip(plan) {
        let before = resolved.clone();
        inline(&mut resolved)?;
        if resolved == before {
            continue;
        }
        let whole = serde_json::to_value(&resolved).unwrap_or(Value::Null);
        for (name, value) in &mut stage.fields {
            if name != "run" {
                *value = whole.get(name).cloned().unwrap_or(Value::Null);
            }
        }
    }
    Ok(Ok(()))
}

/// The config with what differs in a stage, as data.
pub(super) fn laid_over(base: &impl Serialize, stage: &Stage) -> Value {
    let mut whole = serde_json::to_value(base).unwrap_or(Value::Null);
    if let Some(fields) = whole.as_object_mut() {
        fields.remove(STAGES);
    }
    patch::merge(&mut whole, Value::Object(stage.fields.clone()));
    whole
}

/// Seed of stage `index`: the run's in the first, then others (the finaliser of SplitMix64; Steele, Lea and Flood,
/// Fast splittable pseudorandom number generators, OOPSLA 2014).
fn seed_of(seed: u64, index: usize) -> u64 {
    if index == 0 {
        return seed;
    }
    let mut x = seed.wrapping_add((index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

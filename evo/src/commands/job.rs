//! What a config asks for, and what kind of run a folder holds.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use records::checkpoint::Checkpoint;
use records::failure::{Blame, Failure};
use records::folder::RunFolder;
use records::text;
use training::config::Config;
use training::gradient::{FinetuneConfig, Task};
use training::named_files;
use training::stages::{self, resolve};

use crate::cli::ConfigArgs;

/// What a config asks for.
pub(super) enum Job {
    /// Training in a world, by evolution or by gradient, in stages or not.
    World(Box<Config>),
    /// Training on a data set.
    Labels(Box<FinetuneConfig>),
}

/// Reads a config and applies `--set`. Names of files are looked for beside it.
pub(super) fn read(args: &ConfigArgs) -> Result<(PathBuf, Job), Failure> {
    let path = text::find(args.file.name()).usage()?;
    let loose = match text::read::<FinetuneConfig>(&path) {
        // What is wrong is said of the kind of config that it means to be.
        Err(error) if mentions(&path, &["task", "stages"]) => return Err(error).usage(),
        other => other.ok(),
    };
    if let Some(config) = &loose {
        config.check_restarts().map_err(|error| placed(&path, &error.field, &error.to_string())).usage()?;
    }
    let is_loose = |config: &FinetuneConfig| config.task.is_some() || !config.stages.is_empty();
    let loose = match loose.map(|config| (is_loose(&config), stages::apply(config, &args.sets))) {
        Some((true, Err(error))) => return Err(error).usage(),
        Some((_, changed)) => changed.ok().filter(is_loose),
        None => None,
    };
    let Some(mut loose) = loose else {
        let config: Config = text::read(&path).usage()?;
        let mut config = stages::apply(config, &args.sets).usage()?;
        named_files::inline(&mut config, &path).usage()?;
        return Ok((path, Job::World(Box::new(config))));
    };
    loose.check_restarts().usage()?;
    if let (Some(Task::Classify(task) | Task::Regress(task)), []) = (&mut loose.task, &loose.stages[..]) {
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        loose.controller.inline_models(|name| named_files::model(&folder, name)).usage()?;
        // In full, so that the run can go on from any folder.
        task.data.find_files(|name| {
            let found = Some(named_files::beside(&folder, name)).filter(|path| path.is_file());
            found
                .and_then(|path| path.canonicalize().ok())
                .map_or_else(|| name.to_owned(), |path| path.display().to_string())
        });
        return Ok((path, Job::Labels(Box::new(loose))));
    }
    let mut config = loose.with_env().with_context(|| path.display().to_string()).usage()?;
    let inlined = stages::inline(&mut config, |config| named_files::inline(config, &path)).usage()?;
    inlined.map_err(|error| place(&path, &error)).usage()?;
    Ok((path, Job::World(Box::new(config))))
}

/// Whether a file says something about one of these fields.
fn mentions(path: &Path, fields: &[&str]) -> bool {
    let document = text::Document::read(path).and_then(|document| document.typed::<serde_json::Value>());
    document.is_ok_and(|value| fields.iter().any(|field| !value[field].is_null()))
}

/// What is wrong with a stage, with its place in the file.
fn place(path: &Path, error: &stages::StageError) -> anyhow::Error {
    placed(path, &error.place(), &error.to_string())
}

/// What is wrong with a field, with its place in the file.
fn placed(path: &Path, field: &str, message: &str) -> anyhow::Error {
    match text::Document::read(path) {
        Ok(document) => document.invalid(field, message).into(),
        Err(other) => other.into(),
    }
}

/// A config of training in a world.
pub(super) fn read_world(args: &ConfigArgs) -> Result<(PathBuf, Config), Failure> {
    match read(args)? {
        (path, Job::World(config)) => Ok((path, *config)),
        (path, Job::Labels(config)) => {
            let name = config.task.as_ref().map_or("", Task::name);
            let error = anyhow::anyhow!(
                "{}: task = {name}(…) needs a data set, not a world; valid: a config without `task`, or with \
                 Imitate(…) or Ppo(…)",
                path.display()
            );
            Err(error).usage()
        }
    }
}

/// A config of training in a world, of its last stage or that called `stage`.
pub(super) fn read_stage(args: &ConfigArgs, stage: Option<&str>) -> Result<(PathBuf, Config), Failure> {
    let (path, config) = read_world(args)?;
    let config = stages::stage_config(&config, stage).usage()?;
    Ok((path, config))
}

/// The config of a run, as its folder has it.
pub(super) fn of_run(folder: &RunFolder) -> Result<Job, Failure> {
    match text::read::<FinetuneConfig>(&folder.config()) {
        Ok(config) if config.task.as_ref().is_some_and(|task| task.supervised().is_some()) => {
            Ok(Job::Labels(Box::new(config)))
        }
        _ => {
            let config: Config = text::read(&folder.config()).usage()?;
            resolve(&config).map_err(|error| place(&folder.config(), &error)).usage()?;
            Ok(Job::World(Box::new(config)))
        }
    }
}

/// Whether a run folder or checkpoint is of training on a data set.
pub(super) fn is_classifier(path: &Path) -> bool {
    if path.is_dir() {
        return RunFolder::open(path).is_ok_and(|folder| matches!(of_run(&folder), Ok(Job::Labels(_))));
    }
    path.is_file() && Checkpoint::load(path).is_ok_and(|checkpoint| checkpoint.is_classifier())
}

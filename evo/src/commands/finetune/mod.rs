//! `evo finetune`, and what other verbs do with its runs.

mod kind;
mod labels;
mod worlds;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use records::checkpoint::Checkpoint;
use records::failure::{Blame, Failure};
use records::folder::RunFolder;
use records::text::{self, patch};
use records::words::to_stderr;
use training::config::Config;
use training::gradient::labels::{COLUMNS, Classifier};
use training::gradient::{FinetuneConfig, Task, WorldLearner};
use training::learner::Learner as _;
use training::named_files;

use super::kept::{Left, Start, check_same_config, left_of, new_folder};
use super::learning;
use crate::cli::{ConfigArgs, FinetuneArgs, ResumeArgs};
use crate::commands::common::{load_checkpoint, read_config};
use crate::interrupt;
use crate::out;
use crate::progress::Verbosity;

pub(super) use kind::{is_classifier, is_run};
pub(super) use labels::{eval, plot};

/// Either kind of run.
enum Learner {
    Classifier(Box<Classifier>),
    World(Box<WorldLearner>),
}

impl Learner {
    fn new(config: &FinetuneConfig, threads: usize) -> Result<Self, Failure> {
        Ok(match config.task().usage()?.supervised() {
            Some(_) => Self::Classifier(Box::new(Classifier::new(config, threads).usage()?)),
            None => Self::World(Box::new(WorldLearner::new(config, threads).usage()?)),
        })
    }

    fn generation(&self) -> u64 {
        match self {
            Self::Classifier(learner) => learner.generation(),
            Self::World(learner) => learner.generation(),
        }
    }

    fn threads(&self) -> usize {
        match self {
            Self::Classifier(learner) => learner.threads(),
            Self::World(learner) => learner.threads(),
        }
    }

    /// The header of its `metrics.csv`.
    fn header(&self) -> String {
        match self {
            Self::Classifier(_) => COLUMNS.join(",") + "\n",
            Self::World(learner) => learning::header(learner.as_ref()),
        }
    }

    fn checkpoint(&self) -> Checkpoint {
        match self {
            Self::Classifier(learner) => learner.checkpoint(),
            Self::World(learner) => learner.checkpoint(),
        }
    }

    fn warm_start(&mut self, checkpoint: &Checkpoint) -> Result<(), Failure> {
        match self {
            Self::Classifier(learner) => learner.warm_start(checkpoint).usage(),
            Self::World(learner) => learner.warm_start(checkpoint).usage(),
        }
    }

    fn restore(&mut self, checkpoint: &Checkpoint) -> Result<(), Failure> {
        match self {
            Self::Classifier(learner) => learner.restore(checkpoint).usage(),
            Self::World(learner) => learner.restore(checkpoint).usage(),
        }
    }

    /// The config as it stands in the run folder.
    fn text(&self) -> Result<String, Failure> {
        match self {
            Self::Classifier(learner) => text::to_text(learner.config()).usage(),
            Self::World(learner) => text::to_text(learner.config()).usage(),
        }
    }
}

/// Reads a config and applies `--set`; names of files are looked for beside it.
fn read(args: &ConfigArgs) -> Result<(PathBuf, FinetuneConfig), Failure> {
    let path = text::find(&args.config).usage()?;
    let config: FinetuneConfig = text::read(&path).usage()?;
    let mut config = patch::apply(config, &args.sets).usage()?;
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    config.controller.inline_models(|name| named_files::model(&folder, name)).usage()?;
    if let Some(Task::Ppo(task)) = &mut config.task {
        task.critic.inline_models(|name| named_files::model(&folder, name)).usage()?;
    }
    if let Some(env) = &mut config.env {
        env.inline_robot(|name| named_files::robot(&folder, name)).usage()?;
    }
    if let Some(Task::Classify(task) | Task::Regress(task)) = &mut config.task {
        // In full, so that the run can go on from any folder.
        task.data.find_files(|name| {
            let found = Some(named_files::beside(&folder, name)).filter(|path| path.is_file());
            found
                .and_then(|path| path.canonicalize().ok())
                .map_or_else(|| name.to_owned(), |path| path.display().to_string())
        });
    }
    Ok((path, config))
}

/// Reads a config for a sweep: one of evolution, or one with a `task` in a world, whose `strategy` may be missing.
pub(super) fn read_for_sweep(args: &ConfigArgs) -> Result<(PathBuf, Config), Failure> {
    let path = text::find(&args.config).usage()?;
    let plain = text::read::<FinetuneConfig>(&path).ok();
    // What is wrong with it is said by whoever reads it in the end.
    let task = plain.and_then(|config| patch::apply(config, &args.sets).ok()).and_then(|config| config.task);
    match task {
        None => read_config(args),
        Some(Task::Classify(_) | Task::Regress(_)) => {
            let valid = "a sweep compares returns in a world; valid: a config without `task`, or with Imitate(…) or Ppo(…)";
            Err(anyhow!("{}: task = {}(…): {valid}", path.display(), task.map_or("", |task| task.name())))
                .usage()
        }
        Some(Task::Imitate(_) | Task::Ppo(_)) => {
            let (path, config) = read(args)?;
            let config = config.with_env().with_context(|| path.display().to_string()).usage()?;
            Ok((path, config))
        }
    }
}

/// Starts a run.
pub(super) fn finetune(args: &FinetuneArgs) -> Result<(), Failure> {
    if args.worker {
        interrupt::stop_with_stdin();
    }
    let (path, mut config) = read(&args.run.config)?;
    if let Some(seed) = args.run.seed {
        config.run.seed = seed;
    }
    if let Some(generations) = args.run.generations {
        config.run.generations = generations;
    }
    config.run.validate().usage()?;
    // Building it is the check: whatever is wrong is said before a folder exists.
    let place = |failure: Failure| match failure {
        Failure::Usage(error) => Failure::Usage(error.context(path.display().to_string())),
        other => other,
    };
    let mut learner = Learner::new(&config, args.run.threads.unwrap_or(0)).map_err(place)?;
    if let Some(init) = &args.init {
        learner.warm_start(&load_checkpoint(init)?)?;
    }
    let text = learner.text()?;
    if args.dry_run {
        out::line(text.trim_end());
        return Ok(());
    }
    let (out, name) = (args.run.out.as_deref(), args.run.name.as_deref());
    let start = (learner.header(), learner.checkpoint());
    let (folder, _lock) = new_folder((out, name), &path, (config.run.seed, learner.threads()), &text, start)?;
    go_on(learner, &Start { folder: &folder, rows: None, config: None }, args.output.verbosity())
}

/// Goes on with a run.
pub(super) fn resume(args: &ResumeArgs) -> Result<(), Failure> {
    if args.worker {
        interrupt::stop_with_stdin();
    }
    let folder = RunFolder::open(&args.run).usage()?;
    let mut config: FinetuneConfig = text::read(&folder.config()).usage()?;
    let _lock = folder.lock().usage()?.told();
    if let Some(generations) = args.generations {
        config.run.generations = generations;
    }
    config.run.validate().usage()?;
    let mut learner = Learner::new(&config, args.threads.unwrap_or(0))?;
    let Left { checkpoint, rows, edited } = left_of(&folder)?;
    match &learner {
        Learner::Classifier(learner) => {
            check_same_config(&checkpoint, learner.config(), |config| &mut config.run, &folder)?;
        }
        Learner::World(learner) => {
            check_same_config(&checkpoint, learner.config(), |config| &mut config.run, &folder)?;
        }
    }
    learner.restore(&checkpoint)?;
    let done = learner.generation();
    if done >= config.run.generations && folder.is_finished() {
        if edited {
            folder.write(&folder.config(), learner.text()?.as_bytes()).run()?;
        }
        to_stderr(&format!(
            "{} has all of its {done} generations; --generations N goes on",
            args.run.display()
        ));
        return Ok(());
    }
    let config = (args.generations.is_some() || edited).then(|| learner.text()).transpose()?;
    go_on(learner, &Start { folder: &folder, rows, config }, args.output.verbosity())
}

fn go_on(learner: Learner, start: &Start<'_>, verbosity: Verbosity) -> Result<(), Failure> {
    match learner {
        Learner::Classifier(learner) => labels::train(*learner, start, verbosity),
        Learner::World(learner) => {
            let introduction = worlds::introduction(&learner, start.folder.path());
            learning::train(*learner, &introduction, start, verbosity)
        }
    }
}

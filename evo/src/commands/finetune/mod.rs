//! `evo finetune`, and what other verbs do with its runs.

mod labels;
mod worlds;

use std::path::{Path, PathBuf};

use anyhow::anyhow;

use super::{load_checkpoint, print_line, read_model, read_robot};
use crate::checkpoint::Checkpoint;
use crate::cli::{FinetuneArgs, ResumeArgs};
use crate::config::Config;
use crate::failure::{Blame, Failure};
use crate::finetune::classify::Classifier;
use crate::finetune::world_learner::WorldLearner;
use crate::finetune::{FinetuneConfig, Task};
use crate::metrics::Metrics;
use crate::progress::{Verbosity, to_stderr};
use crate::run_folder::{Provenance, RunFolder};
use crate::{interrupt, patch, ron_io};

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
            Self::Classifier(learner) => ron_io::to_text(learner.config()).usage(),
            Self::World(learner) => ron_io::to_text(learner.config()).usage(),
        }
    }
}

/// Reads a config and applies `--set`; names of files are looked for beside it.
fn read(args: &FinetuneArgs) -> Result<(PathBuf, FinetuneConfig), Failure> {
    let path = ron_io::find(&args.config.config).usage()?;
    let config: FinetuneConfig = ron_io::read(&path).usage()?;
    let mut config = patch::apply(config, &args.config.sets).usage()?;
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    config.controller.inline_models(|name| read_model(&folder, name)).usage()?;
    if let Some(env) = &mut config.env {
        env.inline_robot(|name| read_robot(&folder, name)).usage()?;
    }
    if let Some(Task::Classify(task) | Task::Regress(task)) = &mut config.task {
        // In full, so that the run can go on from any folder.
        task.data.find_files(|name| {
            let places = [folder.join(name), PathBuf::from(name)];
            let found = places.iter().find(|path| path.is_file()).and_then(|path| path.canonicalize().ok());
            found.map_or_else(|| name.to_owned(), |path| path.display().to_string())
        });
    }
    Ok((path, config))
}

/// Starts a run.
pub(super) fn finetune(args: &FinetuneArgs) -> Result<(), Failure> {
    let (path, mut config) = read(args)?;
    if let Some(seed) = args.seed {
        config.run.seed = seed;
    }
    if let Some(generations) = args.generations {
        config.run.generations = generations;
    }
    config.run.validate().usage()?;
    // Building it is the check: whatever is wrong is said before a folder exists.
    let place = |failure: Failure| match failure {
        Failure::Usage(error) => Failure::Usage(error.context(path.display().to_string())),
        other => other,
    };
    let mut learner = Learner::new(&config, args.threads.unwrap_or(0)).map_err(place)?;
    if let Some(init) = &args.init {
        learner.warm_start(&load_checkpoint(init)?)?;
    }
    let text = learner.text()?;
    if args.dry_run {
        print_line(text.trim_end());
        return Ok(());
    }
    let stem = path.file_stem().map_or_else(|| "run".into(), |s| s.to_string_lossy().into_owned());
    let plain = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let name = args.name.clone().unwrap_or_else(|| stem.chars().map(plain).collect());
    let folder = RunFolder::create(args.out.as_deref(), &name, config.run.seed, &text).usage()?;
    let _lock = folder.lock().usage()?;
    let provenance = Provenance::collect(config.run.seed, learner.threads(), &text);
    folder.write_json(&folder.provenance(), &provenance).run()?;
    // There is always a good one: an error in the first step leaves the start.
    learner.checkpoint().save(&folder.last()).run()?;
    go_on(learner, &folder, 0.0, args.output.verbosity())
}

/// Whether a folder holds a run of training by gradient.
pub(super) fn is_run(path: &Path) -> bool {
    RunFolder::open(path)
        .ok()
        .and_then(|folder| ron_io::read::<FinetuneConfig>(&folder.config()).ok())
        .is_some_and(|config| config.task.is_some())
}

/// Whether a run folder or checkpoint is of supervised training.
pub(super) fn is_classifier(path: &Path) -> bool {
    if path.is_dir() {
        let config = RunFolder::open(path).ok().map(|folder| folder.config());
        let config = config.and_then(|config| ron_io::read::<FinetuneConfig>(&config).ok());
        return config.and_then(|config| config.task).is_some_and(|task| task.supervised().is_some());
    }
    path.is_file() && Checkpoint::load(path).is_ok_and(|checkpoint| is_of_labels(&checkpoint))
}

/// Whether a checkpoint is of supervised training.
pub(super) fn is_of_labels(checkpoint: &Checkpoint) -> bool {
    checkpoint.meta::<String>("task").is_ok_and(|task| ["Classify", "Regress"].contains(&&*task))
}

/// Goes on with a run.
pub(super) fn resume(args: &ResumeArgs) -> Result<(), Failure> {
    let folder = RunFolder::open(&args.run).usage()?;
    let mut config: FinetuneConfig = ron_io::read(&folder.config()).usage()?;
    let _lock = folder.lock().usage()?;
    if let Some(generations) = args.generations {
        config.run.generations = generations;
    }
    config.run.validate().usage()?;
    let mut learner = Learner::new(&config, args.threads.unwrap_or(0))?;
    let checkpoint = Checkpoint::load(&folder.last()).usage()?;
    check_same_config(&checkpoint, &learner, &folder)?;
    learner.restore(&checkpoint)?;
    let done = learner.generation();
    if done >= config.run.generations && folder.is_finished() {
        to_stderr(&format!(
            "{} has all of its {done} generations; --generations N goes on",
            args.run.display()
        ));
        return Ok(());
    }
    folder.reopen().run()?;
    if args.generations.is_some() {
        folder.write(&folder.config(), learner.text()?.as_bytes()).run()?;
    }
    let wall_s = Metrics::read(&folder.metrics()).ok().and_then(|table| {
        let generations = table.column("generation")?;
        let at = generations.iter().rposition(|&generation| generation.is_some_and(|g| g <= done as f64))?;
        table.column("wall_s")?[at]
    });
    go_on(learner, &folder, wall_s.unwrap_or(0.0), args.output.verbosity())
}

/// A checkpoint belongs to a config if they differ in nothing but the number of generations.
fn check_same_config(checkpoint: &Checkpoint, learner: &Learner, folder: &RunFolder) -> Result<(), Failure> {
    let (ours, theirs) = match learner {
        Learner::Classifier(learner) => {
            let mut of_checkpoint: FinetuneConfig = checkpoint.meta("config").usage()?;
            of_checkpoint.run.generations = learner.config().run.generations;
            (ron_io::to_text(learner.config()).usage()?, ron_io::to_text(&of_checkpoint).usage()?)
        }
        Learner::World(learner) => {
            let mut of_checkpoint: Config = checkpoint.meta("config").usage()?;
            of_checkpoint.run.generations = learner.config().run.generations;
            (ron_io::to_text(learner.config()).usage()?, ron_io::to_text(&of_checkpoint).usage()?)
        }
    };
    let Some((own, its)) = ours.lines().zip(theirs.lines()).find(|(a, b)| a != b) else { return Ok(()) };
    let error = anyhow!(
        "{} is of another config than {}: it has `{}`, the config `{}`",
        checkpoint.path().display(),
        folder.config().display(),
        its.trim(),
        own.trim(),
    );
    Err(error).usage()
}

fn go_on(learner: Learner, folder: &RunFolder, wall_s: f64, verbosity: Verbosity) -> Result<(), Failure> {
    interrupt::install(interrupt::FINISHING).run()?;
    match learner {
        Learner::Classifier(learner) => labels::train(*learner, folder, wall_s, verbosity),
        Learner::World(learner) => worlds::train(*learner, folder, wall_s, verbosity),
    }
}

/// The error of a training that cannot go on, with what is left of it.
fn stopped(error: impl Into<anyhow::Error>, folder: &RunFolder) -> Failure {
    let last = folder.last();
    let generation: u64 = Checkpoint::load(&last).and_then(|c| c.meta("generation")).unwrap_or(0);
    let kept = format!("training stopped; {} has the state after generation {generation}", last.display());
    Failure::Run(error.into().context(kept))
}

fn save(
    checkpoint: &Checkpoint,
    folder: &RunFolder,
    (due, improved, last): (bool, bool, bool),
    (keep, generation): (usize, u64),
) -> Result<(), Failure> {
    if improved {
        checkpoint.save(&folder.best()).run()?;
    }
    if due {
        checkpoint.save(&folder.numbered(generation)).run()?;
    }
    if due || last {
        checkpoint.save(&folder.last()).run()?;
    }
    folder.prune(keep, generation).run()
}

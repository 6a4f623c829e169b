//! `evo train` and `evo resume`.

use std::path::Path;

use anyhow::anyhow;
use records::RowsMark;
use records::checkpoint::Checkpoint;
use records::failure::{Blame, Failure};
use records::folder::RunFolder;
use records::text;
use records::words::{is_mute, to_stderr};
use training::backend::BackendChoice;
use training::config::Config;
use training::gradient::FinetuneConfig;
use training::gradient::labels::{COLUMNS, Classifier};
use training::ranks::Team;
use training::stages::{Staged, stage_of, to_text, whole_config};

use super::job::{self, Job};
use super::kept::{Left, Start, check_same_config, left_of, new_folder};
use super::{labels, learning, together};
use crate::cli::{ResumeArgs, TrainArgs};
use crate::commands::common::{load_checkpoint, load_stage, warn_of_robot};
use crate::interrupt;
use crate::out;

/// What is wanted of a config.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Only what is wrong with it.
    Check,
    /// Its resolved text.
    Config,
    /// A run.
    Run,
}

impl Wanted {
    pub(super) fn of(args: &TrainArgs) -> Self {
        if args.dry_run { Self::Config } else { Self::Run }
    }
}

/// Starts a run, if one is wanted; its folder then.
pub(super) fn train(args: &TrainArgs, wanted: Wanted, team: &Team) -> Result<Option<RunFolder>, Failure> {
    if args.worker {
        interrupt::stop_with_stdin();
    }
    let prepared = job::read(&args.run.config).and_then(|(path, job)| match job {
        Job::World(config) => {
            Ok((path.clone(), Prepared::World(Box::new(in_a_world(args, &path, *config)?))))
        }
        Job::Labels(config) => {
            together::alone(team, "training with labels (task: Classify(…) or Regress(…))")?;
            Ok((path, Prepared::Labels(config)))
        }
    });
    match together::agreed(team, prepared)? {
        (path, Prepared::World(new)) => begin(args, &path, *new, wanted, team),
        (path, Prepared::Labels(config)) => with_labels(args, &path, *config, wanted),
    }
}

/// A training that can begin.
enum Prepared {
    World(Box<New>),
    Labels(Box<FinetuneConfig>),
}

/// One in a world.
struct New {
    learner: Staged,
    /// Name and last checkpoint of the stage before the first, if there is one.
    earlier: Option<(String, Vec<u8>)>,
    seed: u64,
    /// The resolved config.
    text: String,
}

fn in_a_world(args: &TrainArgs, path: &Path, mut config: Config) -> Result<New, Failure> {
    let run = &args.run;
    if let Some(seed) = run.seed {
        config.run.seed = seed;
    }
    if let Some(generations) = run.generations {
        set_generations(&mut config, generations);
    }
    let text = to_text(&config).usage()?;
    let how = (run.threads.unwrap_or(0), args.backend.into());
    // Building it is the check: whatever is wrong is said before a folder exists.
    let named = |failure: Failure| match failure {
        Failure::Usage(error) if config.task.is_some() => {
            Failure::Usage(error.context(path.display().to_string()))
        }
        other => other,
    };
    let (learner, earlier) = if let Some(name) = &args.from_stage {
        let Some(init) = &args.init else {
            let error = anyhow!(
                "--from-stage {name}: --init RUN|FILE is missing; the stage begins with its parameters"
            );
            return Err(error).usage();
        };
        let before = config.stages.iter().take_while(|stage| stage.name != *name).last();
        let last = load_checkpoint(init)?;
        let checkpoint = match before {
            // A run of the same stages has the right one of its checkpoints.
            Some(before) if init.is_dir() && stage_of(&last).usage()?.is_some() => {
                load_stage(init, &before.name)?
            }
            _ => last,
        };
        let learner = Staged::from_stage(&config, name, &checkpoint, how).usage().map_err(named)?;
        (learner, before.map(|before| (before.name.clone(), checkpoint.to_bytes())))
    } else {
        let mut learner = Staged::new(&config, how.0, how.1).usage().map_err(named)?;
        if let Some(init) = &args.init {
            learner.warm_start(&load_checkpoint(init)?).usage()?;
        }
        (learner, None)
    };
    Ok(New { learner, earlier, seed: config.run.seed, text })
}

/// Trains, if that is wanted.
fn begin(
    args: &TrainArgs,
    path: &Path,
    new: New,
    wanted: Wanted,
    team: &Team,
) -> Result<Option<RunFolder>, Failure> {
    let New { mut learner, earlier, seed, text } = new;
    if wanted != Wanted::Run {
        if wanted == Wanted::Config && team.leads() {
            warn_of_robot(learner.setup().task.model());
            out::line(text.trim_end());
        }
        return Ok(None);
    }
    let team = &together::shared(team, &mut learner, &text)?;
    if !team.leads() {
        together::agreed(team, Ok(()))?;
        return together::follow(learner, team).map(|()| None);
    }
    let (out, name) = (args.run.out.as_deref(), args.run.name.as_deref());
    let start = (learning::header(&learner), learner.checkpoint(), earlier);
    let made = new_folder((out, name), path, (seed, learner.threads()), &text, start);
    let (folder, _lock) = together::agreed(team, made)?;
    let start = Start { folder: &folder, rows: None, config: None };
    learning::train(learner, &start, args.output.verbosity(), team)?;
    Ok(Some(folder))
}

fn with_labels(
    args: &TrainArgs,
    path: &Path,
    mut config: FinetuneConfig,
    wanted: Wanted,
) -> Result<Option<RunFolder>, Failure> {
    let run = &args.run;
    if args.from_stage.is_some() {
        return Err(anyhow!("--from-stage: {} has no stages", path.display())).usage();
    }
    if let Some(seed) = run.seed {
        config.run.seed = seed;
    }
    if let Some(generations) = run.generations {
        config.run.generations = generations;
    }
    config.run.validate().usage()?;
    let named = |failure: Failure| match failure {
        Failure::Usage(error) => Failure::Usage(error.context(path.display().to_string())),
        other => other,
    };
    let mut learner = Classifier::new(&config, run.threads.unwrap_or(0)).usage().map_err(named)?;
    match &args.init {
        Some(init) if init.extension().is_some_and(|end| end == "npz") => {
            learner.start_from_weights(init).usage()?;
        }
        Some(init) => learner.warm_start(&load_checkpoint(init)?).usage()?,
        None => {}
    }
    let text = text::to_text(learner.config()).usage()?;
    if wanted != Wanted::Run {
        if wanted == Wanted::Config {
            out::line(text.trim_end());
        }
        return Ok(None);
    }
    let (out, name) = (run.out.as_deref(), run.name.as_deref());
    let start = (COLUMNS.join(",") + "\n", learner.checkpoint(), None);
    let (folder, _lock) = new_folder((out, name), path, (config.run.seed, learner.threads()), &text, start)?;
    labels::train(learner, &Start { folder: &folder, rows: None, config: None }, args.output.verbosity())?;
    Ok(Some(folder))
}

/// Goes on with a run.
pub(super) fn resume(args: &ResumeArgs, team: &Team) -> Result<(), Failure> {
    if args.worker {
        interrupt::stop_with_stdin();
    }
    let opened = RunFolder::open(&args.run).usage().and_then(|folder| {
        let job = job::of_run(&folder)?;
        // Before any rank reads on.
        let lock = if team.leads() { Some(folder.lock().usage()?.told()) } else { None };
        Ok((folder, job, lock))
    });
    let (folder, job, _lock) = together::agreed(team, opened)?;
    match job {
        Job::World(config) => {
            let prepared = together::agreed(team, resume_in_a_world(args, &folder, *config))?;
            prepared.map_or(Ok(()), |goes_on| go_on(args, &folder, goes_on, team))
        }
        Job::Labels(config) => {
            together::alone(team, "training with labels (task: Classify(…) or Regress(…))")?;
            resume_with_labels(args, &folder, *config)
        }
    }
}

/// A run that can go on.
struct GoesOn {
    learner: Staged,
    rows: Option<RowsMark>,
    /// The text of its config, and whether that is to be written anew.
    text: String,
    changed: bool,
}

fn go_on(args: &ResumeArgs, folder: &RunFolder, goes_on: GoesOn, team: &Team) -> Result<(), Failure> {
    let GoesOn { mut learner, rows, text, changed } = goes_on;
    let team = &together::shared(team, &mut learner, &text)?;
    if !team.leads() {
        return together::follow(learner, team);
    }
    let config = changed.then_some(text);
    learning::train(learner, &Start { folder, rows, config }, args.output.verbosity(), team)
}

/// A run as its folder has it, or none if nothing is left to do.
fn resume_in_a_world(
    args: &ResumeArgs,
    folder: &RunFolder,
    mut config: Config,
) -> Result<Option<GoesOn>, Failure> {
    let Left { checkpoint, rows, edited } = left_of(folder)?;
    if let Some(generations) = args.generations {
        set_generations(&mut config, generations);
    }
    let how: (usize, BackendChoice) = (args.threads.unwrap_or(0), args.backend.into());
    let ended = |stage: &str| Checkpoint::load(&folder.stage(stage)).map(Checkpoint::told);
    // Before anything of the run is read with a config that is not its own.
    let its = match whole_config(&checkpoint).usage()? {
        Some(whole) => whole,
        None => checkpoint.meta("config").usage()?,
    };
    check_same_config(&checkpoint, (&config, its), |config| &mut config.run, folder)?;
    let learner = Staged::resume(&config, how, &checkpoint, ended).usage()?;
    let text = to_text(&config).usage()?;
    let done = learner.generation();
    if learner.is_over() && folder.is_finished() {
        if edited && !is_mute() {
            folder.write(&folder.config(), text.as_bytes()).run()?;
        }
        to_stderr(&match learner.stop_reason() {
            Some(reason) => {
                format!("{}: the search has ended after {done} generations ({reason})", args.run.display())
            }
            None => {
                format!(
                    "{} has finished all of its {done} generations; to continue, use --generations N",
                    args.run.display()
                )
            }
        });
        return Ok(None);
    }
    Ok(Some(GoesOn { learner, rows, text, changed: args.generations.is_some() || edited }))
}

fn resume_with_labels(
    args: &ResumeArgs,
    folder: &RunFolder,
    mut config: FinetuneConfig,
) -> Result<(), Failure> {
    if let Some(generations) = args.generations {
        config.run.generations = generations;
    }
    config.run.validate().usage()?;
    let mut learner = Classifier::new(&config, args.threads.unwrap_or(0)).usage()?;
    let Left { checkpoint, rows, edited } = left_of(folder)?;
    let its = checkpoint.meta("config").usage()?;
    check_same_config(&checkpoint, (learner.config(), its), |config| &mut config.run, folder)?;
    learner.restore(&checkpoint).usage()?;
    let text = |learner: &Classifier| text::to_text(learner.config()).usage();
    let done = learner.generation();
    if done >= config.run.generations && folder.is_finished() {
        if edited {
            folder.write(&folder.config(), text(&learner)?.as_bytes()).run()?;
        }
        to_stderr(&format!(
            "{} has finished all of its {done} generations; to continue, use --generations N",
            args.run.display()
        ));
        return Ok(());
    }
    let config = (args.generations.is_some() || edited).then(|| text(&learner)).transpose()?;
    labels::train(learner, &Start { folder, rows, config }, args.output.verbosity())
}

/// `--generations N`: with stages, of all of them together.
fn set_generations(config: &mut Config, generations: u64) {
    if config.stages.is_empty() {
        config.run.generations = generations;
    } else {
        config.run.total = Some(generations);
    }
}

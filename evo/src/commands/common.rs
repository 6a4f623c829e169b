//! What several verbs do.

use std::path::Path;
use std::sync::Arc;

use records::checkpoint::Checkpoint;
use records::failure::{Blame, Failure};
use records::folder::RunFolder;
use records::text::patch;
use records::words::to_stderr;
use training::config::Config;
use training::engine_choice::EngineChoice;
use training::evaluate::Policy;
use training::named_files;
use training::policy::{Which, load_policy};
use training::setup::Setup;
use training::stages::stage_file;

use super::job::read_world;
use crate::cli::{ConfigArgs, TaskArgs};

/// The task that is asked for by name, with its default settings, or by a config.
pub(super) fn task(args: &TaskArgs) -> Result<Arc<dyn envs::Task>, Failure> {
    let env = match (&args.env, &args.config) {
        (_, Some(config)) => read_world(&ConfigArgs::new(config.clone(), Vec::new()))?.1.env,
        (name, None) => {
            let name = name.as_deref().unwrap_or_default();
            envs::EnvConfig::from_name(name)
                .ok_or_else(|| anyhow::anyhow!("unknown env '{name}' (valid: {})", envs::names().join(", ")))
                .usage()?
        }
    };
    env.build().usage()
}

/// Says on stderr what is ignored of a robot's file, a line each.
pub(super) fn warn_of_robot(model: &sim::Model) {
    model.warnings.iter().for_each(|warning| to_stderr(&format!("warning: {warning}")));
}

/// Says on stderr if the physics blew up, in how many of which episodes.
pub(super) fn warn_of_blow_ups(count: usize, of: &str) {
    if count > 0 {
        to_stderr(&format!("warning: the physics blew up in {count} of {of}; these count as terminated"));
    }
}

/// A checkpoint file, or the last checkpoint of a run folder. Says if it could not be checked.
pub(super) fn load_checkpoint(source: &Path) -> Result<Checkpoint, Failure> {
    let file = if source.is_dir() { RunFolder::open(source).usage()?.last() } else { source.to_owned() };
    Ok(Checkpoint::load(&file).usage()?.told())
}

/// The last checkpoint of a run in the stage called `name`.
pub(super) fn load_stage(run: &Path, name: &str) -> Result<Checkpoint, Failure> {
    let folder = RunFolder::open(run).usage()?;
    load_checkpoint(&stage_file(&folder, name).usage()?)
}

/// A trained controller with what it needs to run.
pub struct Trained {
    /// The config of its run, with what was to be changed of it.
    pub config: Config,
    /// Task, physics and network.
    pub setup: Setup,
    /// Parameters and observation normalisation.
    pub policy: Policy,
}

/// Loads a run folder (its last checkpoint, or the last of a stage) or a checkpoint file, to run it in the engine that it
/// was trained in or in another one, with `sets` of its config changed.
///
/// # Errors
/// A file that cannot be read or is no run of a world, and whatever does not fit it.
pub fn load(
    (source, stage): (&Path, Option<&str>),
    which: Which,
    engine: Option<EngineChoice>,
    sets: &[String],
) -> Result<Trained, Failure> {
    let checkpoint = match stage {
        Some(stage) => load_stage(source, stage)?,
        None => load_checkpoint(source)?,
    };
    if checkpoint.is_classifier() {
        let source = source.display();
        let error =
            anyhow::anyhow!("{source} was trained with labels, without a world; valid: eval, plot, resume");
        return Err(error).usage();
    }
    let mut config: Config = checkpoint.meta("config").usage()?;
    if !sets.is_empty() {
        config = changed(config, sets)?;
    }
    if let Some(engine) = engine {
        config = config.on_engine(engine).usage()?;
    }
    let setup = Setup::new(&config).usage()?;
    let policy = load_policy(&checkpoint, &setup, which, &config).usage()?;
    Ok(Trained { config, setup, policy })
}

/// Fields of a config that say how a trained controller runs.
const RUNNING: [&str; 5] = ["env", "changes", "change_lists", "physics", "controller"];

/// A config with changes of fields that matter to a trained controller. Files that they name are looked for from here on.
fn changed(config: Config, sets: &[String]) -> Result<Config, Failure> {
    for set in sets {
        let field = set.split(['=', '.', '[']).next().unwrap_or_default().trim();
        let is_field =
            ["strategy", "restarts", "refine", "rollout", "run", "task", "stages"].contains(&field);
        if is_field {
            let valid = RUNNING.join(", ");
            let error = anyhow::anyhow!("--set {set}: `{field}` is about training; valid: fields of {valid}");
            return Err(error).usage();
        }
    }
    let mut config = patch::apply(config, sets).usage()?;
    named_files::inline(&mut config, Path::new("")).usage()?;
    Ok(config)
}

/// Seed of evaluations and recordings unless one is given: other episodes than training's own.
pub(super) const FRESH_SEED: u64 = 1_000_000;

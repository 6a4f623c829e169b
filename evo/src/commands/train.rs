//! `evo train` and `evo resume`.

use std::path::Path;

use records::failure::{Blame, Failure};
use records::folder::RunFolder;
use records::text;
use records::words::{count, to_stderr};
use sim::StepOptions;
use training::config::Config;
use training::learner::Learner as _;
use training::setup::TrainError;
use training::trainer::Trainer;

use super::kept::{Left, Start, check_same_config, left_of, new_folder};
use super::learning;
use crate::cli::{ResumeArgs, TrainArgs};
use crate::commands::common::{load_checkpoint, read_config, warn_of_robot};
use crate::interrupt;
use crate::out;

/// Starts a run.
pub(super) fn train(args: &TrainArgs) -> Result<(), Failure> {
    if args.worker {
        interrupt::stop_with_stdin();
    }
    let (path, mut config) = read_config(&args.run.config)?;
    if let Some(seed) = args.run.seed {
        config.run.seed = seed;
    }
    if let Some(generations) = args.run.generations {
        config.run.generations = generations;
    }
    let text = text::to_text(&config).usage()?;
    // Building it is the check: whatever is wrong is said before a folder exists.
    let mut trainer = Trainer::new(&config, args.run.threads.unwrap_or(0), args.backend.into()).usage()?;
    if let Some(init) = &args.init {
        trainer.warm_start(&load_checkpoint(init)?).usage()?;
    }
    if args.dry_run {
        warn_of_robot(trainer.setup().task.model());
        out::line(text.trim_end());
        return Ok(());
    }
    let (out, name) = (args.run.out.as_deref(), args.run.name.as_deref());
    let start = (learning::header(&trainer), trainer.checkpoint());
    let (folder, _lock) = new_folder((out, name), &path, (config.run.seed, trainer.threads()), &text, start)?;
    let introduction = introduction(&mut trainer, folder.path()).run()?;
    learning::train(
        trainer,
        &introduction,
        &Start { folder: &folder, rows: None, config: None },
        args.output.verbosity(),
    )
}

/// Goes on with a run.
pub(super) fn resume(args: &ResumeArgs) -> Result<(), Failure> {
    if args.worker {
        interrupt::stop_with_stdin();
    }
    let folder = RunFolder::open(&args.run).usage()?;
    let mut config: Config = text::read(&folder.config()).usage()?;
    let lock = folder.lock().usage()?;
    lock.warning().iter().for_each(|warning| to_stderr(warning));
    let Left { checkpoint, rows, edited } = left_of(&folder)?;
    if let Some(generations) = args.generations {
        config.run.generations = generations;
    }
    let mut trainer = Trainer::new(&config, args.threads.unwrap_or(0), args.backend.into()).usage()?;
    check_same_config(&checkpoint, &config, |config| &mut config.run, &folder)?;
    trainer.restore(&checkpoint).usage()?;
    let done = trainer.generation();
    if trainer.is_over() && folder.is_finished() {
        if edited {
            folder.write(&folder.config(), text::to_text(&config).usage()?.as_bytes()).run()?;
        }
        to_stderr(&match trainer.stop_reason() {
            Some(reason) => {
                format!("{}: the search has ended after {done} generations ({reason:?})", args.run.display())
            }
            None => {
                format!("{} has all of its {done} generations; --generations N goes on", args.run.display())
            }
        });
        return Ok(());
    }
    let config =
        (args.generations.is_some() || edited).then(|| text::to_text(&config)).transpose().usage()?;
    let introduction = introduction(&mut trainer, folder.path()).run()?;
    learning::train(trainer, &introduction, &Start { folder: &folder, rows, config }, args.output.verbosity())
}

/// What a run is about to do.
fn introduction(trainer: &mut Trainer, folder: &Path) -> Result<Vec<(&'static str, String)>, TrainError> {
    let noise = trainer.noise_in_actions()?;
    let (setup, config) = (trainer.setup(), trainer.config());
    let spec = setup.task.spec();
    let settings = |o: StepOptions| {
        format!(
            "{} at {} s × {}, {} solver iterations",
            o.engine.name(),
            o.timestep,
            o.substeps,
            o.iterations
        )
    };
    let mut physics = settings(setup.options);
    if let (_, Some(reason)) = config.physics.engine.resolve(setup.task.model()) {
        physics.push_str(&format!(" (Auto: {reason})"));
    }
    let validation = setup.validation.map(|options| ("validation", settings(options)));
    let (backend, reason) = trainer.backend();
    let mut rows = vec![
        ("run", folder.display().to_string()),
        (
            "env",
            format!(
                "{}: {} observations, {} actions, {} s per step",
                spec.name,
                spec.observations.len(),
                spec.actions.len(),
                spec.control_dt
            ),
        ),
        ("physics", physics),
        ("policy", setup.controller.describe()),
        ("backend", format!("{} ({reason})", backend.name())),
        (
            "strategy",
            format!(
                "{}, {} members, sigma {} (radius {:.3}{})",
                config.strategy.name(),
                trainer.search().population(),
                trainer.search().sigma(),
                trainer.search().sigma() * (trainer.search().dimension() as f64).sqrt(),
                noise.map_or_else(String::new, |noise| format!(", moves actions by {noise:.3}"))
            ),
        ),
        (
            "rollout",
            format!(
                "{} × {} episodes of up to {} steps a generation{}",
                trainer.search().population(),
                config.rollout.episodes,
                count(config.rollout.horizon.unwrap_or(spec.horizon) as f64),
                config.rollout.min_steps.map_or_else(String::new, |steps| format!(
                    ", members added up to {} until they hold {}",
                    trainer.search().max_population(),
                    count(steps as f64)
                ))
            ),
        ),
    ];
    rows.extend(trainer.refinement());
    rows.push(("threads", trainer.threads().to_string()));
    rows.push(("seed", config.run.seed.to_string()));
    // Right below the physics in training.
    rows.splice(3..3, validation);
    Ok(rows)
}

//! `evo train` and `evo resume`.

use std::path::Path;

use records::checkpoint::Checkpoint;
use records::failure::{Blame, Failure};
use records::folder::RunFolder;
use records::metrics::MetricsRow;
use records::text;
use records::words::{count, to_stderr};
use sim::StepOptions;
use strategies::StopReason;
use training::config::Config;
use training::evaluate::Evaluation;
use training::setup::Setup;
use training::trainer::Trainer;

use super::learning::{self, Learner, check_same_config, new_folder};
use crate::cli::{ResumeArgs, TrainArgs};
use crate::commands::common::{load_checkpoint, print_line, read_config, warn_of_robot};
use crate::interrupt;

/// Starts a run.
pub(super) fn train(args: &TrainArgs) -> Result<(), Failure> {
    if args.worker {
        interrupt::stop_with_stdin();
    }
    let (path, mut config) = read_config(&args.config)?;
    if let Some(seed) = args.seed {
        config.run.seed = seed;
    }
    if let Some(generations) = args.generations {
        config.run.generations = generations;
    }
    let text = text::to_text(&config).usage()?;
    // Building it is the check: whatever is wrong is said before a folder exists.
    let mut trainer = Trainer::new(&config, args.threads.unwrap_or(0), args.backend.into()).usage()?;
    if let Some(init) = &args.init {
        trainer.warm_start(&load_checkpoint(init)?).usage()?;
    }
    if args.dry_run {
        warn_of_robot(trainer.setup().task.model());
        print_line(text.trim_end());
        return Ok(());
    }
    let (out, name) = (args.out.as_deref(), args.name.as_deref());
    let (folder, _lock) = new_folder((out, name), &path, (config.run.seed, trainer.threads()), &text)?;
    if args.init.is_some() {
        // The config does not know where the run starts from; a resumed run must.
        trainer.checkpoint().save(&folder.last()).run()?;
    }
    learning::train(trainer, &folder, args.output.verbosity())
}

/// Goes on with a run.
pub(super) fn resume(args: &ResumeArgs) -> Result<(), Failure> {
    if args.worker {
        interrupt::stop_with_stdin();
    }
    let folder = RunFolder::open(&args.run).usage()?;
    let mut config: Config = text::read(&folder.config()).usage()?;
    let _lock = folder.lock().usage()?;
    let checkpoint = folder.last().exists().then(|| Checkpoint::load(&folder.last())).transpose().usage()?;
    if let Some(generations) = args.generations {
        config.run.generations = generations;
    }
    let mut trainer = Trainer::new(&config, args.threads.unwrap_or(0), args.backend.into()).usage()?;
    if let Some(checkpoint) = &checkpoint {
        check_same_config(checkpoint, &config, |config| &mut config.run, &folder)?;
        trainer.restore(checkpoint).usage()?;
    }
    let done = trainer.generation();
    if trainer.over() && folder.is_finished() {
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
    folder.reopen().run()?;
    if args.generations.is_some() {
        let text = text::to_text(&config).usage()?;
        folder.write(&folder.config(), text.as_bytes()).run()?;
    }
    learning::train(trainer, &folder, args.output.verbosity())
}

impl Learner for Trainer {
    fn config(&self) -> &Config {
        self.config()
    }

    fn setup(&self) -> &Setup {
        self.setup()
    }

    fn columns(&self) -> Vec<&'static str> {
        self.columns()
    }

    fn introduction(&self, folder: &Path) -> Vec<(&'static str, String)> {
        introduction(self, folder)
    }

    fn generation(&self) -> u64 {
        self.generation()
    }

    fn env_steps(&self) -> u64 {
        self.env_steps()
    }

    fn evaluations(&self) -> u64 {
        self.search().evaluations()
    }

    fn blow_ups(&self) -> u64 {
        self.blow_ups()
    }

    fn failures(&self) -> u64 {
        self.failures()
    }

    fn best_eval(&self) -> Option<f64> {
        self.best_eval()
    }

    /// A fresh search has not ended, however it looks.
    fn stop_reason(&self) -> Option<StopReason> {
        self.search().stop_reason().filter(|_| self.generation() > 0)
    }

    /// Only what is told is changed, but a refinement follows it.
    fn fragile(&self) -> bool {
        self.config().refine.is_some()
    }

    fn advance(&mut self) -> Result<MetricsRow, anyhow::Error> {
        Ok(self.advance()?)
    }

    fn evaluate(&mut self, row: &mut MetricsRow) -> Result<(Evaluation, bool), anyhow::Error> {
        let before = self.best_eval();
        let result = self.evaluate()?;
        row.eval_return_mean = Some(result.return_mean);
        row.eval_return_std = Some(result.return_std);
        let validation = self.validate()?;
        row.validation_return_mean = validation.as_ref().map(|result| result.return_mean);
        row.validation_return_std = validation.as_ref().map(|result| result.return_std);
        let improved = before.is_none_or(|best| result.return_mean > best);
        Ok((result, improved))
    }

    fn checkpoint(&self) -> Checkpoint {
        self.checkpoint()
    }
}

fn introduction(trainer: &Trainer, folder: &Path) -> Vec<(&'static str, String)> {
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
                "{}, {} members, sigma {}",
                config.strategy.name(),
                trainer.search().population(),
                trainer.search().sigma()
            ),
        ),
        (
            "rollout",
            format!(
                "{} × {} episodes of up to {} steps a generation",
                trainer.search().population(),
                config.rollout.episodes,
                count(config.rollout.horizon.unwrap_or(spec.horizon) as f64)
            ),
        ),
    ];
    rows.extend(trainer.refinement());
    rows.push(("threads", trainer.threads().to_string()));
    rows.push(("seed", config.run.seed.to_string()));
    // Right below the physics in training.
    rows.splice(3..3, validation);
    rows
}

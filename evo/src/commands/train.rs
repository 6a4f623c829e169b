//! `evo train` and `evo resume`.

use std::path::Path;

use serde::Serialize;
use sim::StepOptions;

use crate::checkpoint::Checkpoint;
use crate::cli::{ResumeArgs, TrainArgs};
use crate::commands::{load_checkpoint, print_line, read_config, warn_of_robot};
use crate::config::{Config, LogFormat};
use crate::failure::{Blame, Failure};
use crate::metrics::{Metrics, MetricsRow, MetricsWriter};
use crate::plot::Figure;
use crate::progress::{Ending, Progress, Verbosity, count, to_stderr};
use crate::run_folder::{Provenance, RunFolder};
use crate::strategy::StopReason;
use crate::trainer::Trainer;
use crate::{interrupt, ron_io};

/// `summary.json`.
#[derive(Serialize)]
struct Summary {
    env: String,
    strategy: String,
    seed: u64,
    generations: u64,
    env_steps: u64,
    evaluations: u64,
    wall_s: f64,
    eval_return_mean: Option<f64>,
    eval_return_std: Option<f64>,
    eval_return_best: Option<f64>,
    engine: &'static str,
    validation_engine: Option<&'static str>,
    validation_return_mean: Option<f64>,
    validation_return_std: Option<f64>,
    blow_ups: u64,
    stopped: Option<StopReason>,
}

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
    let text = ron_io::to_text(&config).usage()?;
    // Building it is the check: whatever is wrong is said before a folder exists.
    let mut trainer = Trainer::new(&config, args.threads.unwrap_or(0), args.backend).usage()?;
    if let Some(init) = &args.init {
        trainer.warm_start(&load_checkpoint(init)?).usage()?;
    }
    if args.dry_run {
        warn_of_robot(trainer.setup().task.model());
        print_line(text.trim_end());
        return Ok(());
    }
    let stem = path.file_stem().map_or_else(|| "run".into(), |s| s.to_string_lossy().into_owned());
    let plain = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let name = args.name.clone().unwrap_or_else(|| stem.chars().map(plain).collect());
    let folder = RunFolder::create(args.out.as_deref(), &name, config.run.seed, &text).usage()?;
    let _lock = folder.lock().usage()?;
    let provenance = Provenance::collect(config.run.seed, trainer.threads(), &text);
    folder.write_json(&folder.provenance(), &provenance).run()?;
    let terms = trainer.setup().task.spec().terms;
    let validated = trainer.setup().validation.is_some();
    let metrics = MetricsWriter::create(&folder.metrics(), terms, validated).run()?;
    let metrics = with_events(metrics, &config, &folder)?;
    if args.init.is_some() {
        // The config does not know where the run starts from; a resumed run must.
        trainer.checkpoint().save(&folder.last()).run()?;
    }
    go_on(trainer, &folder, metrics, &Earlier::default(), args.output.verbosity())
}

/// Goes on with a run.
pub(super) fn resume(args: &ResumeArgs) -> Result<(), Failure> {
    if args.worker {
        interrupt::stop_with_stdin();
    }
    let folder = RunFolder::open(&args.run).usage()?;
    let mut config: Config = ron_io::read(&folder.config()).usage()?;
    let _lock = folder.lock().usage()?;
    let checkpoint = folder.last().exists().then(|| Checkpoint::load(&folder.last())).transpose().usage()?;
    if let Some(generations) = args.generations {
        config.run.generations = generations;
    }
    let mut trainer = Trainer::new(&config, args.threads.unwrap_or(0), args.backend).usage()?;
    if let Some(checkpoint) = &checkpoint {
        check_same_config(checkpoint, &config, &folder)?;
        trainer.restore(checkpoint).usage()?;
    }
    let done = trainer.generation();
    if over(&trainer) && folder.is_finished() {
        to_stderr(&match stop_reason(&trainer) {
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
        let text = ron_io::to_text(&config).usage()?;
        folder.write(&folder.config(), text.as_bytes()).run()?;
    }
    let terms = trainer.setup().task.spec().terms;
    let validated = trainer.setup().validation.is_some();
    let metrics = MetricsWriter::resume(&folder.metrics(), terms, validated, trainer.generation()).run()?;
    let metrics = with_events(metrics, &config, &folder)?;
    let table = Metrics::read(&folder.metrics()).run()?;
    let last = |name: &str| table.column(name).and_then(|column| column.last().copied().flatten());
    let evaluation = last("eval_return_mean").zip(last("eval_return_std"));
    let earlier = Earlier {
        wall_s: last("wall_s").unwrap_or(0.0),
        evaluation: evaluation.map(|(mean, std)| (mean, std, config.run.eval_episodes)),
        validation: last("validation_return_mean").zip(last("validation_return_std")),
    };
    go_on(trainer, &folder, metrics, &earlier, args.output.verbosity())
}

/// An event file beside the metrics, if the config asks for one.
fn with_events(
    metrics: MetricsWriter,
    config: &Config,
    folder: &RunFolder,
) -> Result<MetricsWriter, Failure> {
    if config.run.log.contains(&LogFormat::TensorBoard) {
        metrics.with_events(&folder.events()).run()
    } else {
        Ok(metrics)
    }
}

/// What a resumed run brings along from its metrics.
#[derive(Default)]
struct Earlier {
    wall_s: f64,
    /// Mean, standard deviation and number of episodes.
    evaluation: Option<(f64, f64, usize)>,
    /// Mean and standard deviation in the engine that validates.
    validation: Option<(f64, f64)>,
}

/// Why the search itself has ended. A fresh one has not, however it looks.
fn stop_reason(trainer: &Trainer) -> Option<StopReason> {
    trainer.search().stop_reason().filter(|_| trainer.generation() > 0)
}

fn over(trainer: &Trainer) -> bool {
    trainer.generation() >= trainer.config().run.generations || stop_reason(trainer).is_some()
}

/// A checkpoint belongs to a config if they differ in nothing but the number of generations and the log.
fn check_same_config(checkpoint: &Checkpoint, config: &Config, folder: &RunFolder) -> Result<(), Failure> {
    let mut of_checkpoint: Config = checkpoint.meta("config").usage()?;
    of_checkpoint.run.generations = config.run.generations;
    of_checkpoint.run.log.clone_from(&config.run.log);
    if of_checkpoint == *config {
        return Ok(());
    }
    let (ours, theirs) = (ron_io::to_text(config).usage()?, ron_io::to_text(&of_checkpoint).usage()?);
    let differs = ours.lines().zip(theirs.lines()).find(|(a, b)| a != b).unwrap_or_default();
    Err(anyhow::anyhow!(
        "{} is of another config than {}: it has `{}`, the config `{}`",
        checkpoint.path().display(),
        folder.config().display(),
        differs.1.trim(),
        differs.0.trim(),
    ))
    .usage()
}

/// Trains to the end or to the first Ctrl-C. A row is in its file before the next generation starts;
/// a killed run goes on from its last checkpoint and computes what came after it again.
fn go_on(
    mut trainer: Trainer,
    folder: &RunFolder,
    mut metrics: MetricsWriter,
    earlier: &Earlier,
    verbosity: Verbosity,
) -> Result<(), Failure> {
    interrupt::install(interrupt::FINISHING).run()?;
    let run = trainer.config().run.clone();
    let terms = trainer.setup().task.spec().terms;
    let mut progress = Progress::new(verbosity, Some(&folder.log()), run.generations, terms).run()?;
    let engine = trainer.setup().options.engine.name();
    let validation_engine = trainer.setup().validation.map(|options| options.engine.name());
    if let Some(validation) = validation_engine {
        progress = progress.with_engines(engine, validation);
    }
    progress.start(&introduction(&trainer, folder.path()));
    for warning in &trainer.setup().task.model().warnings {
        progress.warn(warning);
    }
    // The shipped robots' differences are measured (results/benchmarks/fidelity.md); a user's are not.
    if matches!(trainer.config().env, envs::EnvConfig::Mjcf(_)) {
        let setup = trainer.setup();
        for note in sim::approximated(setup.task.model(), setup.options.engine) {
            progress.warn(&note);
        }
    }
    let began = std::time::Instant::now();
    let (mut evaluation, mut validation) = (earlier.evaluation, earlier.validation);
    let mut blow_ups = trainer.blow_ups();
    let mut failures = trainer.failures();
    let mut interrupted = false;
    let mut wall_s = earlier.wall_s;
    while !over(&trainer) {
        let mut row: MetricsRow = match trainer.advance() {
            Ok(row) => row,
            Err(error) => {
                // What was told before is whole.
                metrics.sync().run()?;
                trainer.checkpoint().save(&folder.last()).run()?;
                return Err(error).run();
            }
        };
        let generation = trainer.generation();
        let last = over(&trainer);
        let mut improved = false;
        if last || (run.eval_every > 0 && generation.is_multiple_of(run.eval_every)) {
            let before = trainer.best_eval();
            let result = trainer.evaluate().run()?;
            improved = before.is_none_or(|best| result.return_mean > best);
            if result.blow_ups > 0 {
                progress.warn(&format!(
                    "the physics blew up in {} of {} episodes of the evaluation; they count as terminated",
                    result.blow_ups, result.episodes
                ));
            }
            row.eval_return_mean = Some(result.return_mean);
            row.eval_return_std = Some(result.return_std);
            evaluation = Some((result.return_mean, result.return_std, result.episodes));
            validation = trainer.validate().run()?.map(|result| (result.return_mean, result.return_std));
            row.validation_return_mean = validation.map(|v| v.0);
            row.validation_return_std = validation.map(|v| v.1);
        }
        wall_s = earlier.wall_s + began.elapsed().as_secs_f64();
        row.wall_s = wall_s;
        metrics.push(&row).run()?;
        progress.generation(&row);
        if trainer.blow_ups() > blow_ups {
            progress.warn(&format!(
                "the physics blew up in {} episodes of generation {generation}; they count as terminated",
                trainer.blow_ups() - blow_ups
            ));
            blow_ups = trainer.blow_ups();
        }
        interrupted = interrupt::requested() && !last;
        if trainer.failures() > failures {
            progress.warn(&format!(
                "controllers failed in {} episodes of generation {generation} (parameters or states that \
                 are not finite); they rank last",
                trainer.failures() - failures
            ));
            failures = trainer.failures();
        }
        let due = run.checkpoint_every > 0 && generation.is_multiple_of(run.checkpoint_every);
        if due || last || interrupted || improved {
            metrics.sync().run()?;
            save(&trainer, folder, due, improved, due || last || interrupted)?;
        }
        if interrupted {
            break;
        }
    }
    // A plot is never worth losing a finished run.
    let drawn = Figure::read(&[folder.path().to_owned()], None)
        .and_then(|figure| ["svg", "png"].iter().try_for_each(|end| figure.write(&folder.curve(end))));
    if let Err(error) = drawn {
        progress.warn(&format!("no learning curve: {error}"));
    }
    if !interrupted {
        let summary = Summary {
            env: trainer.setup().task.spec().name.to_owned(),
            strategy: trainer.config().strategy.name().to_owned(),
            seed: run.seed,
            generations: trainer.generation(),
            env_steps: trainer.env_steps(),
            evaluations: trainer.search().evaluations(),
            wall_s,
            eval_return_mean: evaluation.map(|e| e.0),
            eval_return_std: evaluation.map(|e| e.1),
            eval_return_best: trainer.best_eval(),
            engine,
            validation_engine,
            validation_return_mean: validation.map(|v| v.0),
            validation_return_std: validation.map(|v| v.1),
            blow_ups: trainer.blow_ups(),
            stopped: stop_reason(&trainer),
        };
        folder.write_json(&folder.summary(), &summary).run()?;
    }
    progress.finish(&Ending {
        run: folder.path().to_owned(),
        generations: trainer.generation(),
        env_steps: trainer.env_steps(),
        wall_s,
        evaluation,
        validation,
        best: trainer.best_eval(),
        interrupted,
    });
    Ok(())
}

fn save(trainer: &Trainer, folder: &RunFolder, due: bool, improved: bool, last: bool) -> Result<(), Failure> {
    let checkpoint = trainer.checkpoint();
    if improved {
        checkpoint.save(&folder.best()).run()?;
    }
    if due {
        checkpoint.save(&folder.numbered(trainer.generation())).run()?;
    }
    if last {
        checkpoint.save(&folder.last()).run()?;
    }
    folder.prune(trainer.config().run.keep, trainer.generation()).run()
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
        ("threads", trainer.threads().to_string()),
        ("seed", config.run.seed.to_string()),
    ];
    // Right below the physics in training.
    rows.splice(3..3, validation);
    rows
}

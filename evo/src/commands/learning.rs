//! The loop of training in a world, by evolution or by gradient, and what every kind of training does
//! with its run folder.

use std::fs::File;
use std::path::Path;
use std::time::Instant;

use records::checkpoint::Checkpoint;
use records::failure::{Blame, Failure};
use records::folder::RunFolder;
use records::metrics::{Metrics, MetricsRow, MetricsWriter};
use records::provenance::Provenance;
use records::text;
use serde::Serialize;
use strategies::StopReason;
use training::config::{LogFormat, RunConfig};
use training::gradient::Task;
use training::learner::Learner;

use crate::interrupt;
use crate::plot::Figure;
use crate::progress::{Ending, Progress, Verbosity};

/// `summary.json`.
#[derive(Serialize)]
struct Summary<'a> {
    env: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strategy: Option<&'static str>,
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

/// What a resumed run brings along from its metrics.
struct Earlier {
    wall_s: f64,
    /// Mean, standard deviation and number of episodes.
    evaluation: Option<(f64, f64, usize)>,
    /// Mean and standard deviation in the engine that validates.
    validation: Option<(f64, f64)>,
}

impl Earlier {
    fn read(folder: &RunFolder, run: &RunConfig) -> Result<Self, Failure> {
        let table = Metrics::read(&folder.metrics()).run()?;
        let last = |name: &str| table.column(name).and_then(|column| column.last().copied().flatten());
        let evaluation = last("eval_return_mean").zip(last("eval_return_std"));
        Ok(Self {
            wall_s: last("wall_s").unwrap_or(0.0),
            evaluation: evaluation.map(|(mean, std)| (mean, std, run.eval_episodes)),
            validation: last("validation_return_mean").zip(last("validation_return_std")),
        })
    }
}

/// Trains to the end or until something asks to stop; `introduction` says what it is about to do, a label and a text per
/// line. A row is in its file before the next generation starts;
/// a killed run goes on from its last checkpoint and computes what came after it again.
pub(super) fn train(
    mut learner: impl Learner,
    introduction: &[(&'static str, String)],
    folder: &RunFolder,
    verbosity: Verbosity,
) -> Result<(), Failure> {
    interrupt::install(interrupt::FINISHING).run()?;
    let run = learner.config().run.clone();
    let columns = learner.columns();
    let engine = learner.setup().options.engine.name();
    let validation_engine = learner.setup().validation.map(|options| options.engine.name());
    let validated = validation_engine.is_some();
    let mut metrics =
        MetricsWriter::resume(&folder.metrics(), &columns, validated, learner.generation()).run()?;
    if run.log.contains(&LogFormat::TensorBoard) {
        metrics = metrics.with_events(&folder.events()).run()?;
    }
    let earlier = Earlier::read(folder, &run)?;
    let mut progress = Progress::new(verbosity, Some(&folder.log()), run.generations, &columns).run()?;
    if let Some(validation) = validation_engine {
        progress = progress.with_engines(engine, validation);
    }
    progress.start(introduction);
    for warning in &learner.setup().task.model().warnings {
        progress.warn(warning);
    }
    // The shipped robots' differences are measured (results/benchmarks/fidelity.md); a user's are not.
    if matches!(learner.config().env, envs::EnvConfig::Mjcf(_)) {
        let setup = learner.setup();
        for note in sim::approximated(setup.task.model(), setup.options.engine) {
            progress.warn(&note);
        }
    }
    let began = Instant::now();
    let Earlier { mut wall_s, mut evaluation, mut validation } = earlier;
    let earlier_s = wall_s;
    let (mut blow_ups, mut failures) = (learner.blow_ups(), learner.failures());
    let mut interrupted = false;
    while !learner.is_over() && !interrupted {
        let before = learner.is_fragile().then(|| learner.checkpoint());
        let mut row = match learner.advance() {
            Ok(row) => row,
            Err(error) => {
                metrics.sync().run()?;
                return Err(stopped(error, &before.unwrap_or_else(|| learner.checkpoint()), folder));
            }
        };
        let generation = learner.generation();
        let last = learner.is_over();
        let mut improved = false;
        if last || (run.eval_every > 0 && generation.is_multiple_of(run.eval_every)) {
            let (result, better) =
                learner.evaluate(&mut row).map_err(|error| stopped(error, &learner.checkpoint(), folder))?;
            improved = better;
            if result.blow_ups > 0 {
                progress.warn(&format!(
                    "the physics blew up in {} of {} episodes of the evaluation; they count as terminated",
                    result.blow_ups, result.episodes
                ));
            }
            evaluation = Some((result.return_mean, result.return_std, result.episodes));
            validation = row.validation_return_mean.zip(row.validation_return_std);
        }
        wall_s = earlier_s + began.elapsed().as_secs_f64();
        row.wall_s = wall_s;
        metrics.push(&row).run()?;
        // Equal episodes are no population without differences, of which progress would warn.
        let gradient = learner.config().task.is_some();
        progress.generation(&MetricsRow {
            fitness_std: if gradient { f64::NAN } else { row.fitness_std },
            ..row
        });
        if learner.blow_ups() > blow_ups {
            progress.warn(&format!(
                "the physics blew up in {} episodes of generation {generation}; {}",
                learner.blow_ups() - blow_ups,
                consequence(learner.config().task.as_ref())
            ));
            blow_ups = learner.blow_ups();
        }
        interrupted = !last && interrupt::stops_here();
        if learner.failures() > failures {
            progress.warn(&format!(
                "controllers failed in {} episodes of generation {generation} (parameters or states that \
                 are not finite); they rank last",
                learner.failures() - failures
            ));
            failures = learner.failures();
        }
        let due = run.checkpoint_every > 0 && generation.is_multiple_of(run.checkpoint_every);
        if due || last || interrupted || improved {
            metrics.sync().run()?;
            save(
                &learner.checkpoint(),
                folder,
                (due, improved, last || interrupted),
                (run.keep, generation),
            )?;
        }
    }
    // A plot is never worth losing a finished run.
    let drawn = Figure::read(&[folder.path().to_owned()], None)
        .and_then(|figure| ["svg", "png"].iter().try_for_each(|end| figure.write(&folder.curve(end))));
    if let Err(error) = drawn {
        progress.warn(&format!("no learning curve: {error}"));
    }
    if !interrupted {
        let task = learner.config().task.as_ref();
        let summary = Summary {
            env: learner.setup().task.spec().name,
            task: task.map(Task::name),
            strategy: task.is_none().then(|| learner.config().strategy.name()),
            seed: run.seed,
            generations: learner.generation(),
            env_steps: learner.env_steps(),
            evaluations: learner.evaluations(),
            wall_s,
            eval_return_mean: evaluation.map(|e| e.0),
            eval_return_std: evaluation.map(|e| e.1),
            eval_return_best: learner.best_eval(),
            engine,
            validation_engine,
            validation_return_mean: validation.map(|v| v.0),
            validation_return_std: validation.map(|v| v.1),
            blow_ups: learner.blow_ups(),
            stopped: learner.stop_reason(),
        };
        folder.write_json(&folder.summary(), &summary).run()?;
    }
    progress.finish(&Ending {
        run: folder.path().to_owned(),
        generations: learner.generation(),
        env_steps: learner.env_steps(),
        wall_s,
        evaluation,
        validation,
        best: learner.best_eval(),
        interrupted,
    });
    Ok(())
}

/// What becomes of an episode in which the physics blew up.
fn consequence(task: Option<&Task>) -> &'static str {
    match task {
        None => "members with such an episode rank last",
        Some(Task::Ppo(_)) => "what was to follow is estimated from the last finite observation",
        Some(_) => "they end there",
    }
}

/// Makes and locks the folder of a new run of the config in `path`, whose resolved text is `text`.
pub(super) fn new_folder(
    (out, name): (Option<&Path>, Option<&str>),
    path: &Path,
    (seed, threads): (u64, usize),
    text: &str,
) -> Result<(RunFolder, File), Failure> {
    let stem = path.file_stem().map_or_else(|| "run".into(), |s| s.to_string_lossy().into_owned());
    let plain = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let name = name.map_or_else(|| stem.chars().map(plain).collect(), str::to_owned);
    let folder = RunFolder::create(out, &name, seed, text).usage()?;
    let lock = folder.lock().usage()?;
    folder.write_json(&folder.provenance(), &Provenance::collect(seed, threads, text)).run()?;
    Ok((folder, lock))
}

/// The error of a training that cannot go on. What is left of it, its state after the last generation
/// that it completed, becomes the last checkpoint.
pub(super) fn stopped(error: impl Into<anyhow::Error>, good: &Checkpoint, folder: &RunFolder) -> Failure {
    let last = folder.last();
    let generation: u64 = good.meta("generation").unwrap_or(0);
    let context = match good.save(&last) {
        Ok(()) => format!("training stopped; {} has the state after generation {generation}", last.display()),
        Err(other) => format!("training stopped, and its state is lost ({other})"),
    };
    Failure::Run(error.into().context(context))
}

/// Writes the checkpoints that a generation is to leave: numbered, best, last.
pub(super) fn save(
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

/// A checkpoint belongs to a config if they differ in nothing but the number of generations and the log.
/// `run` gives the part of a config that has them.
pub(super) fn check_same_config<C: Clone + Serialize + serde::de::DeserializeOwned>(
    checkpoint: &Checkpoint,
    ours: &C,
    run: impl Fn(&mut C) -> &mut RunConfig,
    folder: &RunFolder,
) -> Result<(), Failure> {
    let plain = |mut config: C| {
        let run = run(&mut config);
        run.generations = 0;
        run.log.clear();
        text::to_text(&config)
    };
    let (ours, theirs) = (plain(ours.clone()).usage()?, plain(checkpoint.meta("config").usage()?).usage()?);
    let lines = || ours.lines().chain(std::iter::repeat("")).zip(theirs.lines().chain(std::iter::repeat("")));
    let longest = ours.lines().count().max(theirs.lines().count());
    let Some((own, its)) = lines().take(longest).find(|(a, b)| a != b) else { return Ok(()) };
    Err(anyhow::anyhow!(
        "{} is of another config than {}: it has `{}`, the config `{}`",
        checkpoint.path().display(),
        folder.config().display(),
        its.trim(),
        own.trim(),
    ))
    .usage()
}

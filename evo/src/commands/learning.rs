//! The loop of training in a world, by evolution or by gradient, and what every kind of training does
//! with its run folder.

use std::path::Path;
use std::time::Instant;

use records::RowsMark;
use records::checkpoint::Checkpoint;
use records::columns;
use records::failure::{Blame, Failure};
use records::folder::{First, RunFolder, RunFolderError, to_json};
use records::lock::Lock;
use records::metrics::{Metrics, MetricsRow, MetricsWriter};
use records::provenance::Provenance;
use records::text;
use records::words::to_stderr;
use serde::Serialize;
use serde_json::json;
use strategies::StopReason;
use training::config::{LogFormat, RunConfig};
use training::gradient::Task;
use training::learner::Learner;
use training::policy::not_finite;

use crate::commands::common::load_checkpoint;
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

/// Where training begins.
pub(super) struct Start<'a> {
    /// The run's folder.
    pub(super) folder: &'a RunFolder,
    /// What the checkpoint that it goes on from says of the rows before it.
    pub(super) rows: Option<RowsMark>,
    /// The text of a config that has changed since.
    pub(super) config: Option<String>,
}

impl Start<'_> {
    /// Marks the run as unfinished. Only once it is sure that it can go on.
    pub(super) fn begin(&self) -> Result<(), Failure> {
        self.folder.reopen().run()?;
        match &self.config {
            Some(text) => self.folder.write(&self.folder.config(), text.as_bytes()).run(),
            None => Ok(()),
        }
    }
}

/// Trains to the end or until something asks to stop; `introduction` says what it is about to do, a label and a text per
/// line. A row is in its file before the next generation starts;
/// a killed run goes on from its last checkpoint and computes what came after it again.
pub(super) fn train(
    mut learner: impl Learner,
    introduction: &[(&'static str, String)],
    start: &Start<'_>,
    verbosity: Verbosity,
) -> Result<(), Failure> {
    interrupt::install(interrupt::FINISHING).run()?;
    let folder = start.folder;
    let run = learner.config().run.clone();
    let columns = learner.columns();
    let engine = learner.setup().options.engine.name();
    let validation_engine = learner.setup().validation.map(|options| options.engine.name());
    let validated = validation_engine.is_some();
    let done = (learner.generation(), start.rows.as_ref());
    let (mut metrics, gap) = MetricsWriter::resume(&folder.metrics(), &columns, validated, done).usage()?;
    start.begin()?;
    if run.log.contains(&LogFormat::TensorBoard) {
        metrics = metrics.with_events(&folder.events()).run()?;
    }
    let earlier = Earlier::read(folder, &run)?;
    let mut progress = Progress::new(verbosity, Some(&folder.log()), run.generations, &columns).run()?;
    if let Some(validation) = validation_engine {
        progress = progress.with_engines(engine, validation);
    }
    progress.start(introduction);
    if let Some(gap) = gap {
        progress.alarm(&gap);
        let (rows, generation) = (metrics.sync().run()?, learner.generation());
        save(learner.checkpoint(), folder, &rows, (false, false, true), (run.keep, generation))?;
    }
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
                let rows = metrics.sync().run()?;
                return Err(stopped(error, before.unwrap_or_else(|| learner.checkpoint()), &rows, folder));
            }
        };
        let generation = learner.generation();
        let last = learner.is_over();
        let mut improved = false;
        if last || (run.eval_every > 0 && generation.is_multiple_of(run.eval_every)) {
            let (result, better) = match learner.evaluate(&mut row) {
                Ok(result) => result,
                Err(error) => {
                    // The generation is complete; only its evaluation is missing.
                    metrics.push(&row).run()?;
                    return Err(stopped(error, learner.checkpoint(), &metrics.sync().run()?, folder));
                }
            };
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
            save(
                learner.checkpoint(),
                folder,
                &metrics.sync().run()?,
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

/// The header of `metrics.csv` of a training in a world.
pub(super) fn header(learner: &impl Learner) -> String {
    columns::header(&learner.columns(), learner.setup().validation.is_some())
}

/// Makes and locks the folder of a new run of the config in `path`, whose resolved text is `text`. `metrics` is the
/// header of its table, `start` its first checkpoint: the config does not know where a run starts from, and a resumed
/// run must.
pub(super) fn new_folder(
    (out, name): (Option<&Path>, Option<&str>),
    path: &Path,
    (seed, threads): (u64, usize),
    text: &str,
    (metrics, start): (String, Checkpoint),
) -> Result<(RunFolder, Lock), Failure> {
    let stem = path.file_stem().map_or_else(|| "run".into(), |s| s.to_string_lossy().into_owned());
    let plain = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let name = name.map_or_else(|| stem.chars().map(plain).collect(), str::to_owned);
    let provenance = to_json(&Provenance::collect(seed, threads, text)).run()?;
    let first = First { config: text, provenance, metrics, checkpoint: start.to_bytes() };
    let (folder, lock) = RunFolder::create(out, &name, seed, &first).usage()?;
    lock.warning().iter().for_each(|warning| to_stderr(warning));
    Ok((folder, lock))
}

/// What is left of a run.
pub(super) struct Left {
    /// Its last checkpoint.
    pub(super) checkpoint: Checkpoint,
    /// What that says of the rows before it.
    pub(super) rows: Option<RowsMark>,
    /// Whether somebody has changed its config.
    pub(super) edited: bool,
}

/// Reads what is left of a run. Says what could not be checked.
pub(super) fn left_of(folder: &RunFolder) -> Result<Left, Failure> {
    let checkpoint = load_checkpoint(folder.path())?;
    let rows = if checkpoint.meta.contains_key(ROWS) { Some(checkpoint.meta(ROWS).usage()?) } else { None };
    let edited = match folder.read(&folder.config()) {
        // It is compared with that of the checkpoint, and may be changed where that does not matter.
        Err(RunFolderError::Damaged { path }) => {
            to_stderr(&format!(
                "warning: {} is not as it was written; the number of generations and the log are taken as they stand",
                path.display()
            ));
            true
        }
        other => other.map(|_| false).usage()?,
    };
    Ok(Left { checkpoint, rows, edited })
}

/// The error of a training that cannot go on. What is left of it, its state after the last generation
/// that it completed, becomes the last checkpoint.
pub(super) fn stopped(
    error: impl Into<anyhow::Error>,
    mut good: Checkpoint,
    rows: &RowsMark,
    folder: &RunFolder,
) -> Failure {
    let last = folder.last();
    let generation: u64 = good.meta("generation").unwrap_or(0);
    if not_finite(&good).is_some() {
        return Failure::Run(error.into().context("training stopped, with the checkpoints that are there"));
    }
    note(&mut good, rows);
    let context = match good.save(&last) {
        Ok(()) => format!("training stopped; {} has the state after generation {generation}", last.display()),
        Err(other) => format!("training stopped, and its state is lost ({other})"),
    };
    Failure::Run(error.into().context(context))
}

/// Field of a checkpoint's metadata with what it says of the rows before it.
const ROWS: &str = "metrics";

fn note(checkpoint: &mut Checkpoint, rows: &RowsMark) {
    checkpoint.meta.insert(ROWS.to_owned(), json!(rows));
}

/// Writes the checkpoints that a generation is to leave: numbered, best, last. `rows` are those before it. One
/// that is not finite never takes the place of one that is.
pub(super) fn save(
    mut checkpoint: Checkpoint,
    folder: &RunFolder,
    rows: &RowsMark,
    (due, improved, last): (bool, bool, bool),
    (keep, generation): (usize, u64),
) -> Result<(), Failure> {
    if let Some(name) = not_finite(&checkpoint) {
        let error = anyhow::anyhow!(
            "training stopped after generation {generation}, with the checkpoints that are there: its '{name}' holds \
             numbers that are not finite"
        );
        return Err(error).run();
    }
    note(&mut checkpoint, rows);
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::fs;

    use super::*;

    #[test]
    fn what_is_not_finite_never_takes_the_place_of_what_is() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("config.ron"), "()").unwrap();
        let folder = RunFolder::open(root.path()).unwrap();
        fs::create_dir(folder.checkpoints()).unwrap();
        let state = |mean: f64, generation: u64| {
            let mut checkpoint = Checkpoint::new();
            checkpoint.tensors.insert("mean".to_owned(), vec![1.0, mean].into());
            checkpoint.meta.insert("generation".to_owned(), generation.into());
            checkpoint
        };
        save(&state(2.0, 7), &folder, (true, true, true), (0, 7)).unwrap();
        let files = || [folder.best(), folder.last(), folder.numbered(7)].map(|file| fs::read(file).unwrap());
        let good = files();
        for bad in [f64::NAN, f64::INFINITY] {
            let error = save(&state(bad, 8), &folder, (true, true, true), (0, 8)).unwrap_err();
            let expected =
                "training stopped after generation 8, with the checkpoints that are there: its 'mean' holds";
            assert!(error.code() == 1 && error.message().contains(expected), "{}", error.message());
            let error = stopped(anyhow::anyhow!("reason"), &state(bad, 8), &folder);
            let expected = "error: training stopped, with the checkpoints that are there: reason";
            assert_eq!((error.code(), error.message().as_str()), (1, expected));
            assert!(files() == good && !folder.numbered(8).exists());
        }
        let error = stopped(anyhow::anyhow!("reason"), &state(3.0, 8), &folder);
        assert!(error.message().ends_with("has the state after generation 8: reason"), "{}", error.message());
        assert_ne!(fs::read(folder.last()).unwrap(), good[1]);
    }
}

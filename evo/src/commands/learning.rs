//! The loop of training in a world, by evolution or by gradient.

use std::time::Instant;

use records::columns;
use records::failure::{Blame, Failure};
use records::folder::RunFolder;
use records::metrics::{Metrics, MetricsRow, MetricsWriter};
use serde::Serialize;
use training::config::{LogFormat, RunConfig};
use training::gradient::Task;
use training::members::Members;
use training::ranks::{RanksError, Team};
use training::stages::Staged;

use super::introduction::introduction;
use super::kept::{Due, Start, mark_gap, save, stopped};
use super::plot::write_members;
use super::{survival, together};
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
    eval_blow_ups: usize,
    engine: &'static str,
    validation_engine: Option<&'static str>,
    validation_return_mean: Option<f64>,
    validation_return_std: Option<f64>,
    blow_ups: u64,
    stopped: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<&'a str>,
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

/// Trains to the end, stage by stage, or until something asks to stop. A row is in its file before the next generation
/// starts; a killed run goes on from its last checkpoint and computes what came after it again.
pub(super) fn train(
    mut learner: Staged,
    start: &Start<'_>,
    verbosity: Verbosity,
    team: &Team,
) -> Result<(), Failure> {
    interrupt::install(interrupt::FINISHING).run()?;
    let folder = start.folder;
    let run = learner.config().run.clone();
    let keep = run.keep;
    let columns = learner.columns();
    let validated = learner.validates();
    let done = (learner.generation(), start.rows.as_ref());
    let (mut metrics, gap) = MetricsWriter::resume(&folder.metrics(), &columns, validated, done).usage()?;
    start.begin()?;
    if run.log.contains(&LogFormat::TensorBoard) {
        metrics = metrics.with_events(&folder.events()).run()?;
    }
    let earlier = Earlier::read(folder, &run)?;
    let mut progress =
        Progress::new(verbosity, Some(&folder.log()), learner.generations(), &columns).run()?;
    begin(&mut learner, folder, &mut progress)?;
    if let Some(gap) = gap {
        let (rows, kept) = (metrics.sync().run()?, (run.keep, learner.generation()));
        mark_gap(&gap, &mut progress, learner.checkpoint(), folder, &rows, kept)?;
    }
    for warning in &learner.setup().task.model().warnings {
        progress.warn(warning);
    }
    let began = Instant::now();
    let Earlier { mut wall_s, mut evaluation, mut validation } = earlier;
    let earlier_s = wall_s;
    let (mut blow_ups, mut failures) = (learner.blow_ups(), learner.failures());
    let (mut interrupted, mut eval_blow_ups) = (false, 0);
    let mut terms: Vec<(&str, f64)> = Vec::new();
    while !learner.is_over() && !interrupted {
        match learner.next_stage() {
            Ok(false) => {}
            Ok(true) => {
                begin(&mut learner, folder, &mut progress)?;
                failures = 0;
            }
            Err(error) => return Err(stopped(error, learner.checkpoint(), &metrics.sync().run()?, folder)),
        }
        let run = learner.stage_config().run.clone();
        let before = learner.is_fragile().then(|| learner.checkpoint());
        let mut row = match learner.advance() {
            Ok(row) => row,
            Err(error) => {
                let rows = metrics.sync().run()?;
                return Err(stopped(error, before.unwrap_or_else(|| learner.checkpoint()), &rows, folder));
            }
        };
        let generation = learner.generation();
        let mut improved = false;
        if learner.is_stage_over() || (run.eval_every > 0 && generation.is_multiple_of(run.eval_every)) {
            let (result, better) = match learner.evaluate(&mut row) {
                Ok(result) => result,
                // Without the others, there is nothing to evaluate with: the generation is done again.
                Err(error) if team.broken().is_some() => return Err(kept(error)),
                Err(error) => {
                    // The generation is complete; only its evaluation is missing.
                    metrics.push(&row).run()?;
                    return Err(stopped(error, learner.checkpoint(), &metrics.sync().run()?, folder));
                }
            };
            improved = better;
            eval_blow_ups = result.blow_ups;
            if result.blow_ups > 0 {
                progress.warn(&format!(
                    "the physics blew up in {} of {} episodes of the evaluation; these count as terminated",
                    result.blow_ups, result.episodes
                ));
            }
            evaluation = Some((result.return_mean, result.return_std, result.episodes));
            validation = row.validation_return_mean.zip(row.validation_return_std);
        }
        // The reward terms come first; what the method measures has other names.
        terms = columns.iter().zip(&row.terms).map(|(name, value)| (*name, *value)).collect();
        wall_s = earlier_s + began.elapsed().as_secs_f64();
        row.wall_s = wall_s;
        metrics.push(&row).run()?;
        // Equal episodes are no population without differences, of which progress would warn.
        let gradient = learner.stage_config().task.is_some();
        progress.generation(&MetricsRow {
            fitness_std: if gradient { f64::NAN } else { row.fitness_std },
            ..row
        });
        for note in learner.notes() {
            progress.line(&format!("note: {note}"));
        }
        if learner.blow_ups() > blow_ups {
            progress.warn(&format!(
                "the physics blew up in {} episodes of generation {generation}; {}",
                learner.blow_ups() - blow_ups,
                consequence(learner.stage_config().task.as_ref())
            ));
            blow_ups = learner.blow_ups();
        }
        // An evaluation may end a stage.
        let last = learner.is_over();
        let ended = learner.stage().filter(|_| learner.has_stage_ended()).map(|(name, ..)| name.to_owned());
        if let (Some(name), Some(reason)) = (&ended, learner.stop_reason()) {
            progress
                .line(&format!("stage {name} has ended after generation {generation}: {}", words(&reason)));
        }
        interrupted = match together::stops(team, &learner, last) {
            Ok(stops) => stops,
            // What a rank has that has come to another state is not known.
            Err(error @ RanksError::Differs { .. }) => return Err(kept(error)),
            Err(error) => return Err(stopped(error, learner.checkpoint(), &metrics.sync().run()?, folder)),
        };
        if learner.failures() > failures {
            progress.warn(&format!(
                "controllers failed in {} episodes of generation {generation} (parameters or states that \
                 are not finite); they rank last",
                learner.failures() - failures
            ));
            failures = learner.failures();
        }
        let due = Due {
            numbered: run.checkpoint_every > 0 && generation.is_multiple_of(run.checkpoint_every),
            best: improved,
            stage: ended.as_deref(),
            last: last || interrupted,
        };
        if due.numbered || due.best || due.stage.is_some() || due.last {
            save(learner.checkpoint(), folder, &metrics.sync().run()?, due, (keep, generation))?;
        }
    }
    // A plot is never worth losing a finished run.
    let drawn = Figure::read(&[folder.path().to_owned()], None)
        .and_then(|figure| ["svg", "png"].iter().try_for_each(|end| figure.write(&folder.curve(end))));
    if let Err(error) = drawn {
        progress.warn(&format!("no learning curve: {error}"));
    }
    let setup = learner.setup();
    if setup.objectives.is_some() || setup.descriptors.is_some() {
        let drawn = Members::of(&learner.checkpoint()).map_err(|error| error.to_string());
        let drawn = drawn.and_then(|members| match members {
            Some(members) => {
                write_members(&members, None, folder).map(drop).map_err(|error| error.to_string())
            }
            None => Ok(()),
        });
        if let Err(error) = drawn {
            progress.warn(&format!("no picture of the archive or the front: {error}"));
        }
    }
    if !interrupted {
        let config = learner.stage_config();
        let task = config.task.as_ref();
        let setup = learner.setup();
        let summary = Summary {
            env: setup.task.spec().name,
            task: task.map(Task::name),
            strategy: task.is_none().then(|| config.search().name()),
            seed: run.seed,
            generations: learner.generation(),
            env_steps: learner.env_steps(),
            evaluations: learner.evaluations(),
            wall_s,
            eval_return_mean: evaluation.map(|e| e.0),
            eval_return_std: evaluation.map(|e| e.1),
            eval_return_best: learner.best_eval(),
            eval_blow_ups,
            engine: setup.options.engine.name(),
            validation_engine: setup.validation.map(|options| options.engine.name()),
            validation_return_mean: validation.map(|v| v.0),
            validation_return_std: validation.map(|v| v.1),
            blow_ups: learner.blow_ups(),
            stopped: learner.stop_reason(),
            stage: learner.stage().map(|(name, ..)| name),
        };
        folder.write_json(&folder.summary(), &summary).run()?;
    }
    let of_task = learner.setup().task.spec().terms;
    terms.retain(|(name, _)| of_task.contains(name));
    if let Some(note) = survival::note(&terms) {
        progress.line(&note);
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

/// The error of a training that cannot go on and has nothing to save.
fn kept(error: impl Into<anyhow::Error>) -> Failure {
    Failure::Run(error.into().context("training stopped; the checkpoints on disk are kept"))
}

/// What becomes of an episode in which the physics blew up.
fn consequence(task: Option<&Task>) -> &'static str {
    match task {
        None => "members with such an episode rank last",
        Some(Task::Ppo(_)) => {
            "the return that would have followed is estimated from the last finite observation"
        }
        Some(_) => "they end there",
    }
}

/// Says what begins.
fn begin(learner: &mut Staged, folder: &RunFolder, progress: &mut Progress) -> Result<(), Failure> {
    let rows = introduction(learner, folder.path()).run()?;
    let setup = learner.setup();
    let engine = setup.options.engine;
    progress.at(
        learner.stage().map(|(name, ..)| name.to_owned()),
        setup.validation.map(|options| [engine.name(), options.engine.name()]),
    );
    progress.start(&rows);
    // The shipped robots' differences are measured (results/benchmarks/fidelity.md); a user's are not.
    if matches!(learner.config().env, envs::EnvConfig::Mjcf(_)) {
        for note in sim::approximated(setup.task.model(), engine) {
            progress.warn(&note);
        }
    }
    Ok(())
}

/// Why a stage has ended.
fn words(reason: &str) -> &str {
    match reason {
        "Target" => "run.target is reached",
        "Patience" => "run.patience: this many evaluations were no better",
        reason => reason,
    }
}

/// The header of `metrics.csv` of a training in a world.
pub(super) fn header(learner: &Staged) -> String {
    columns::header(&learner.columns(), learner.validates())
}

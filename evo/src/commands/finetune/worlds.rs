//! The loop of training in a world.

use std::path::Path;
use std::time::Instant;

use serde_json::json;

use super::{save, stopped};
use crate::failure::{Blame, Failure};
use crate::finetune::Task;
use crate::finetune::world_learner::WorldLearner;
use crate::interrupt;
use crate::metrics::{MetricsRow, MetricsWriter};
use crate::plot::Figure;
use crate::progress::{Ending, Progress, Verbosity};
use crate::run_folder::RunFolder;

/// Trains in a world to the end or to the first Ctrl-C.
pub(super) fn train(
    mut learner: WorldLearner,
    folder: &RunFolder,
    earlier_s: f64,
    verbosity: Verbosity,
) -> Result<(), Failure> {
    let run = learner.config().run.clone();
    let columns = learner.columns();
    let validated = learner.setup().validation.is_some();
    let mut metrics =
        MetricsWriter::resume(&folder.metrics(), &columns, validated, learner.generation()).run()?;
    let mut progress = Progress::new(verbosity, Some(&folder.log()), run.generations, &columns).run()?;
    let engine = learner.setup().options.engine.name();
    if let Some(options) = learner.setup().validation {
        progress = progress.with_engines(engine, options.engine.name());
    }
    progress.start(&introduction(&learner, folder.path()));
    learner.setup().task.model().warnings.iter().for_each(|warning| progress.warn(warning));
    let (began, mut wall_s) = (Instant::now(), earlier_s);
    let (mut evaluation, mut validation, mut interrupted) = (None, None, false);
    let mut blow_ups = learner.blow_ups();
    while learner.generation() < run.generations && !interrupted {
        let mut row = learner.advance().map_err(|error| stopped(error, folder))?;
        let generation = learner.generation();
        let last = generation >= run.generations;
        interrupted = interrupt::requested() && !last;
        let mut improved = false;
        if last || (run.eval_every > 0 && generation.is_multiple_of(run.eval_every)) {
            let (result, better) = learner.evaluate(&mut row).run()?;
            improved = better;
            evaluation = Some((result.return_mean, result.return_std, result.episodes));
            validation = row.validation_return_mean.zip(row.validation_return_std);
        }
        wall_s = earlier_s + began.elapsed().as_secs_f64();
        row.wall_s = wall_s;
        metrics.push(&row).run()?;
        // Equal episodes are no population without differences, of which progress would warn.
        progress.generation(&MetricsRow { fitness_std: f64::NAN, ..row.clone() });
        if learner.blow_ups() > blow_ups {
            let n = learner.blow_ups() - blow_ups;
            progress.warn(&format!("the physics blew up in {n} episodes; they count as terminated"));
            blow_ups = learner.blow_ups();
        }
        let due = run.checkpoint_every > 0 && generation.is_multiple_of(run.checkpoint_every);
        if due || last || interrupted || improved {
            metrics.sync().run()?;
            let kind = (due, improved, last || interrupted);
            save(&learner.checkpoint(), folder, kind, (run.keep, generation))?;
        }
    }
    let drawn = Figure::read(&[folder.path().to_owned()], None)
        .and_then(|figure| ["svg", "png"].iter().try_for_each(|end| figure.write(&folder.curve(end))));
    if let Err(error) = drawn {
        progress.warn(&format!("no learning curve: {error}"));
    }
    let best = learner.best_eval();
    if !interrupted {
        let summary = json!({
            "env": learner.setup().task.spec().name,
            "task": learner.config().task.as_ref().map(Task::name),
            "seed": run.seed,
            "generations": learner.generation(),
            "env_steps": learner.env_steps(),
            "evaluations": learner.episodes(),
            "wall_s": wall_s,
            "eval_return_mean": evaluation.map(|e| e.0),
            "eval_return_std": evaluation.map(|e| e.1),
            "eval_return_best": best,
            "engine": engine,
            "validation_return_mean": validation.map(|v: (f64, f64)| v.0),
            "validation_return_std": validation.map(|v: (f64, f64)| v.1),
            "blow_ups": learner.blow_ups(),
        });
        folder.write_json(&folder.summary(), &summary).run()?;
    }
    progress.finish(&Ending {
        run: folder.path().to_owned(),
        generations: learner.generation(),
        env_steps: learner.env_steps(),
        wall_s,
        evaluation,
        validation,
        best,
        interrupted,
    });
    Ok(())
}

fn introduction(learner: &WorldLearner, folder: &Path) -> Vec<(&'static str, String)> {
    let (setup, config) = (learner.setup(), learner.config());
    let spec = setup.task.spec();
    let (inputs, outputs) = (spec.observations.len(), spec.actions.len());
    let mut rows = vec![
        ("run", folder.display().to_string()),
        ("env", format!("{}: {inputs} observations, {outputs} actions", spec.name)),
        ("physics", setup.options.engine.name().to_owned()),
        ("policy", setup.controller.describe()),
    ];
    rows.extend(learner.describe());
    rows.push(("threads", learner.threads().to_string()));
    rows.push(("seed", config.run.seed.to_string()));
    rows
}

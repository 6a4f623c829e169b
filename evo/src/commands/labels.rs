//! The loop of training with labels, and `evo eval` and `evo plot` of such runs.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::anyhow;
use records::failure::{Blame, Failure};
use records::folder::RunFolder;
use records::metrics::Metrics;
use records::table::Table;
use records::text;
use records::words::{count, duration};
use serde::Serialize;
use serde_json::json;
use training::config::LogFormat;
use training::gradient::labels::{self, Assessment, Classifier, Confusion};
use training::gradient::{FinetuneConfig, Task};

use super::job::is_classifier;
use super::kept::{Due, Start, mark_gap, save, stopped};
use crate::cli::{EvalArgs, PlotArgs};
use crate::commands::common::load_checkpoint;
use crate::interrupt;
use crate::out;
use crate::plot::PlotError;
use crate::plot::labels::{Curves, write_confusion};
use crate::progress::{Progress, Verbosity};

/// Trains on a data set to the end or until something asks to stop.
pub(super) fn train(mut learner: Classifier, start: &Start<'_>, verbosity: Verbosity) -> Result<(), Failure> {
    interrupt::install(interrupt::FINISHING).run()?;
    let run = learner.config().run.clone();
    let folder = start.folder;
    let done = (learner.generation(), start.rows.as_ref());
    let (mut metrics, gap) = Table::resume(&folder.metrics(), &labels::COLUMNS, done).usage()?;
    start.begin()?;
    if run.log.contains(&LogFormat::TensorBoard) {
        metrics = metrics.with_events(&folder.events()).run()?;
    }
    let table = Metrics::read(&folder.metrics()).run()?;
    let earlier_s = table.column("wall_s").and_then(|column| column.last().copied().flatten()).unwrap_or(0.0);
    let mut progress = Progress::new(verbosity, Some(&folder.log()), run.generations, &[]).run()?;
    let data = learner.data();
    let parts = [&data.train, &data.validation, &data.test].map(|part| part.len().to_string());
    let (frames, features) = (data.train.frames, data.train.features);
    progress.start(&[
        ("run", folder.path().display().to_string()),
        (
            "data",
            format!(
                "{} samples to train with, {} to validate, {} to test; {frames} frames × {features} features, \
                 {} classes",
                parts[0],
                parts[1],
                parts[2],
                data.classes.len()
            ),
        ),
        ("network", learner.describe()),
        ("threads", learner.threads().to_string()),
        ("seed", run.seed.to_string()),
    ]);
    if let Some(gap) = gap {
        let (rows, kept) = (metrics.sync().run()?, (run.keep, learner.generation()));
        mark_gap(&gap, &mut progress, learner.checkpoint(), folder, &rows, kept)?;
    }
    let each = learner.data().train.len() as u64;
    let (began, mut wall_s, mut interrupted) = (Instant::now(), earlier_s, false);
    let mut last_epoch = None;
    while learner.generation() < run.generations && !interrupted {
        let started = Instant::now();
        let before = learner.checkpoint();
        let epoch = match learner.advance() {
            Ok(epoch) => epoch,
            Err(error) => return Err(stopped(error, before, &metrics.sync().run()?, folder)),
        };
        let seconds = started.elapsed().as_secs_f64();
        let generation = learner.generation();
        let last = generation >= run.generations;
        interrupted = !last && interrupt::stops_here();
        let (mut improved, mut validation) = (false, None);
        if last || (run.eval_every > 0 && generation.is_multiple_of(run.eval_every)) {
            validation = match learner.validate() {
                Ok(validation) => validation,
                Err(error) => return Err(stopped(error, before, &metrics.sync().run()?, folder)),
            };
            let of = validation.as_ref().map(|v| (v.accuracy(), v.loss));
            let (accuracy, loss) = of.unwrap_or((epoch.accuracy, epoch.loss));
            improved = learner.note(accuracy.unwrap_or(0.0), loss);
        }
        wall_s = earlier_s + began.elapsed().as_secs_f64();
        let accuracy = validation.as_ref().and_then(Assessment::accuracy);
        metrics
            .push(
                generation,
                &[
                    Some((generation * each) as f64),
                    Some(learner.steps() as f64),
                    Some(wall_s),
                    Some(epoch.learning_rate),
                    Some(epoch.loss),
                    epoch.accuracy,
                    validation.as_ref().map(|v| v.loss),
                    accuracy,
                    Some(epoch.gradient_norm),
                    epoch.spike_rate,
                    Some(each as f64 / seconds),
                ],
            )
            .run()?;
        let mut line = format!("epoch {generation}/{}  loss {:.4}", run.generations, epoch.loss);
        if let Some(accuracy) = epoch.accuracy {
            line.push_str(&format!(", accuracy {:.1} %", 100.0 * accuracy));
        }
        match (accuracy, &validation) {
            (Some(accuracy), _) => line.push_str(&format!("  validation {:.1} %", 100.0 * accuracy)),
            (None, Some(validation)) => line.push_str(&format!("  validation {:.4}", validation.loss)),
            (None, None) => {}
        }
        line.push_str(&format!("  {} samples/s", count(each as f64 / seconds)));
        progress.line(&line);
        last_epoch = Some(epoch);
        let due = Due {
            numbered: run.checkpoint_every > 0 && generation.is_multiple_of(run.checkpoint_every),
            best: improved,
            stage: None,
            last: last || interrupted,
        };
        if due.numbered || due.best || due.last {
            save(learner.checkpoint(), folder, &metrics.sync().run()?, due, (run.keep, generation))?;
        }
    }
    let (part, test) = match learner.test() {
        Ok(test) => test,
        Err(error) => return Err(stopped(error, learner.checkpoint(), &metrics.sync().run()?, folder)),
    };
    let drawn = draw(folder, &title(learner.config()), test.confusion.as_ref());
    if let Err(error) = drawn {
        progress.warn(&format!("no pictures: {error}"));
    }
    if let Some(confusion) = &test.confusion {
        folder.write(&folder.path().join("confusion.csv"), confusion.csv().as_bytes()).run()?;
    }
    let best = learner.best();
    let labels = test.confusion.is_some();
    if !interrupted {
        let summary = json!({
            "task": learner.config().task.as_ref().map(Task::name),
            "data": data_name(learner.config()),
            "controller": learner.kind(),
            "seed": run.seed,
            "generations": learner.generation(),
            "samples": learner.generation() * each,
            "steps": learner.steps(),
            "wall_s": wall_s,
            "train_loss": last_epoch.map(|epoch| epoch.loss),
            "train_accuracy": last_epoch.and_then(|epoch| epoch.accuracy),
            "best_generation": best.map(|best| best.0),
            "best_accuracy": best.filter(|_| labels).map(|best| best.1),
            "best_loss": best.map(|best| best.2),
            "tested_on": part,
            "test_loss": test.loss,
            "test_accuracy": test.accuracy(),
            "spike_rate": last_epoch.and_then(|epoch| epoch.spike_rate),
        });
        folder.write_json(&folder.summary(), &summary).run()?;
    }
    let what = if interrupted { "interrupted after" } else { "finished" };
    progress.line(&format!("{what} {} epochs in {}", learner.generation(), duration(wall_s)));
    match (best, test.accuracy()) {
        (Some((epoch, best, _)), Some(accuracy)) => progress.line(&format!(
            "best after epoch {epoch} ({:.1} %): {:.1} % of the {part} samples are right",
            100.0 * best,
            100.0 * accuracy
        )),
        (Some((epoch, _, loss)), None) => progress.line(&format!(
            "best after epoch {epoch} (loss {loss:.4}): loss {:.4} on the {part} samples",
            test.loss
        )),
        (None, _) => {}
    }
    let path = folder.path().display();
    progress.line(&format!("evaluate    cargo run -p evo -- eval {path}"));
    progress.line(&format!("resume      cargo run -p evo -- resume {path} --generations N"));
    Ok(())
}

/// `curve` and `confusion`, as SVG and PNG.
fn draw(folder: &RunFolder, title: &str, confusion: Option<&Confusion>) -> Result<(), PlotError> {
    let curves = Curves::read(std::slice::from_ref(folder), title)?;
    for end in ["svg", "png"] {
        curves.write(&folder.curve(end))?;
        if let Some(confusion) = confusion {
            write_confusion(confusion, &folder.path().join(format!("confusion.{end}")))?;
        }
    }
    Ok(())
}

/// The curves of several runs into files.
pub(super) fn draw_several(folders: &[RunFolder], files: &[PathBuf]) -> Result<(), PlotError> {
    let config = folders.first().and_then(|folder| text::read::<FinetuneConfig>(&folder.config()).ok());
    let title = config.map_or_else(String::new, |config| title(&config));
    let curves = Curves::read(folders, &title)?;
    files.iter().try_for_each(|file| curves.write(file))
}

fn data_name(config: &FinetuneConfig) -> &'static str {
    config.task.as_ref().and_then(Task::supervised).map_or("", |(task, _)| task.data.name())
}

fn title(config: &FinetuneConfig) -> String {
    let labels = config.task.as_ref().and_then(Task::supervised).is_none_or(|(_, labels)| labels);
    format!("{}: training with {}", data_name(config), if labels { "labels" } else { "values" })
}

/// `evo eval` of a classifier: `accuracy`, `loss`, `confusion` on the test samples.
pub(super) fn eval(args: &EvalArgs) -> Result<(), Failure> {
    let unfit = [
        ("--episodes", args.episodes.is_some()),
        ("--seed", args.seed.is_some()),
        ("--engine", args.engine.is_some()),
        ("--change", !args.changes.is_empty()),
        ("--set", !args.sets.is_empty()),
        ("--cell", args.which.cell.is_some()),
    ];
    if let Some((option, _)) = unfit.iter().find(|(_, given)| *given) {
        let error =
            anyhow!("{option} is for runs in a world, but {} was trained with labels", args.source.display());
        return Err(error).usage();
    }
    let checkpoint = load_checkpoint(&args.source)?;
    let config: FinetuneConfig = checkpoint.meta("config").usage()?;
    let mut learner = Classifier::new(&config, args.threads.unwrap_or(0)).usage()?;
    learner.restore(&checkpoint).usage()?;
    if !args.which.best {
        learner.forget_best();
    }
    let (part, result) = learner.test().run()?;
    #[derive(Serialize)]
    struct Report<'a> {
        data: &'a str,
        part: &'a str,
        samples: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        accuracy: Option<f64>,
        loss: f64,
        #[serde(skip_serializing_if = "<[String]>::is_empty")]
        classes: &'a [String],
        #[serde(skip_serializing_if = "Option::is_none")]
        confusion: Option<Vec<&'a [u64]>>,
    }
    let confusion = result.confusion.as_ref();
    let report = Report {
        data: data_name(&config),
        part,
        samples: learner.part(part).len(),
        accuracy: result.accuracy(),
        loss: result.loss,
        classes: &learner.data().classes,
        confusion: confusion.map(|c| c.counts.chunks(c.classes.len()).collect()),
    };
    if args.json {
        return out::json(&report);
    }
    let Report { data, samples, loss, .. } = report;
    match confusion {
        Some(confusion) => {
            let accuracy = 100.0 * confusion.accuracy();
            out::line(&format!("{data}: {accuracy:.2} % of {samples} {part} samples, loss {loss:.4}"));
            out::line(confusion.csv().trim_end());
        }
        None => out::line(&format!("{data}: loss {loss:.4} on {samples} {part} samples")),
    }
    Ok(())
}

/// `evo plot` of classifiers.
pub(super) fn plot(args: &PlotArgs) -> Result<(), Failure> {
    if let Some(other) = args.runs.iter().find(|run| !is_classifier(run)) {
        let error = anyhow!("{} was not trained with labels: plot it by itself", other.display());
        return Err(error).usage();
    }
    if !args.label.is_empty() {
        return Err(anyhow!("--label is for runs in a world: those with labels are named by their folders"))
            .usage();
    }
    let folders: Vec<RunFolder> =
        args.runs.iter().map(|run| RunFolder::open(run)).collect::<Result<_, _>>().usage()?;
    let config: FinetuneConfig = text::read(&folders[0].config()).usage()?;
    let title = args.title.clone().unwrap_or_else(|| title(&config));
    let curves = Curves::read(&folders, &title).usage()?;
    let files = match (&args.out, &folders[..]) {
        (Some(file), _) => vec![file.clone()],
        (None, [folder]) => vec![folder.curve("svg"), folder.curve("png")],
        (None, _) => vec!["curves.svg".into(), "curves.png".into()],
    };
    for file in files {
        curves.write(&file).written()?;
        out::line(&file.display().to_string());
    }
    Ok(())
}

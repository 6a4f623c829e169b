//! `evo list runs` and `evo list configs`: what lies in `results/runs` and `configs`.

use std::path::Path;

use records::failure::Failure;
use records::folder::RUNS;
use records::metrics::Metrics;
use records::text::{self, CONFIG_FOLDER};
use serde::Serialize;
use serde_json::json;
use training::config::Config;
use training::gradient::{FinetuneConfig, Task};

use super::job::{self, Job};
use super::score::Score;
use crate::cli::ConfigArgs;
use crate::out;
use crate::runs::{self, Found};

/// What a config trains, and by what.
#[derive(Clone, Debug, Default, Serialize)]
struct Training {
    /// Task, or data set.
    task: String,
    /// Strategy, or task of training by gradient; of several stages all.
    method: String,
}

impl Training {
    fn of(job: &Job) -> Self {
        match job {
            Job::World(config) => Self { task: config.env.name().to_owned(), method: methods(config) },
            Job::Labels(config) => Self {
                task: data(config).to_owned(),
                method: config.task.as_ref().map_or("", Task::name).to_owned(),
            },
        }
    }
}

fn data(config: &FinetuneConfig) -> &'static str {
    config.task.as_ref().and_then(Task::supervised).map_or("", |(task, _)| task.data.name())
}

fn methods(config: &Config) -> String {
    let own = |config: &Config| match &config.task {
        Some(task) => task.name().to_owned(),
        None if config.refine.is_some() => format!("{} with gradients", config.search().name()),
        None => config.search().name().to_owned(),
    };
    if config.stages.is_empty() {
        return own(config);
    }
    let of = |name: &str| {
        training::stages::stage_config(config, Some(name)).map_or_else(|_| "?".to_owned(), |c| own(&c))
    };
    config.stages.iter().map(|stage| of(&stage.name)).collect::<Vec<_>>().join(", ")
}

#[derive(Serialize)]
struct RunEntry {
    name: String,
    folder: String,
    #[serde(flatten)]
    training: Training,
    score: Score,
    generations: usize,
    finished: bool,
    started: Option<String>,
    /// Why it cannot be read in full.
    #[serde(skip_serializing_if = "Option::is_none")]
    damaged: Option<String>,
}

impl RunEntry {
    fn read(run: Found) -> Self {
        let (name, started) = (run.name, run.started);
        let mut damaged = None;
        let training = job::of_run(&run.folder).map(|job| Training::of(&job)).unwrap_or_else(|failure| {
            damaged = Some(failure.message());
            Training::default()
        });
        let (mut score, mut generations) = (Score::default(), 0);
        match Metrics::read(&run.folder.metrics()) {
            Ok(metrics) => (score, generations) = (Score::of(&metrics), metrics.rows.len()),
            Err(error) => damaged = damaged.or(Some(error.to_string())),
        }
        let (finished, folder) = (run.folder.is_finished(), run.folder.path().display().to_string());
        Self { name, folder, training, score, generations, finished, started, damaged }
    }

    fn status(&self) -> &'static str {
        match (&self.damaged, self.finished) {
            (Some(_), _) => "damaged",
            (None, true) => "finished",
            (None, false) => "unfinished",
        }
    }
}

/// The runs by their start, the latest first.
pub(super) fn list_runs(as_json: bool) -> Result<(), Failure> {
    let entries: Vec<RunEntry> = runs::all(Path::new(RUNS)).into_iter().map(RunEntry::read).collect();
    if as_json {
        return out::json(&json!({ "runs": entries }));
    }
    if entries.is_empty() {
        out::line(&format!("there are no runs in {RUNS}"));
        return Ok(());
    }
    let mut rows = vec![
        ["run", "task", "by", "#score", "#best", "#generations", "status", "started"].map(str::to_owned),
    ];
    rows.extend(entries.iter().map(|entry| {
        [
            entry.name.clone(),
            entry.training.task.clone(),
            entry.training.method.clone(),
            entry.score.last_text(),
            entry.score.text(entry.score.best),
            entry.generations.to_string(),
            entry.status().to_owned(),
            minutes(entry.started.as_deref()),
        ]
    }));
    out::table(&rows);
    Ok(())
}

/// A time as `provenance.json` has it, without seconds and zone.
fn minutes(started: Option<&str>) -> String {
    started.map_or("–", |started| started.get(..16).unwrap_or(started)).to_owned()
}

#[derive(Serialize)]
struct ConfigEntry {
    name: String,
    file: String,
    #[serde(flatten)]
    training: Training,
    /// Runs in `results/runs` that are called like it.
    runs: usize,
    /// The best score of these.
    best: Score,
    /// When the last of them was started.
    last_run: Option<String>,
    /// Why it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// The configs by name, with what runs of theirs have reached.
pub(super) fn list_configs(as_json: bool) -> Result<(), Failure> {
    let runs: Vec<RunEntry> = runs::all(Path::new(RUNS)).into_iter().map(RunEntry::read).collect();
    let entry = |name: String| {
        let file = Path::new(CONFIG_FOLDER).join(&name);
        let read = job::read(&ConfigArgs::new(file.clone(), Vec::new()));
        let (training, error) = match read {
            Ok((_, job)) => (Training::of(&job), None),
            Err(failure) => (Training::default(), Some(failure.message())),
        };
        let begin = format!("{}__s", name.strip_suffix(".ron").unwrap_or(&name));
        let own: Vec<&RunEntry> = runs.iter().filter(|run| run.name.starts_with(&begin)).collect();
        let value = |score: &Score| score.best.map(|best| if score.measure == "loss" { -best } else { best });
        let best = own.iter().map(|run| &run.score).filter(|score| score.best.is_some());
        let best = best.max_by(|a, b| value(a).unwrap_or(f64::NAN).total_cmp(&value(b).unwrap_or(f64::NAN)));
        let best = Score { last: None, std: None, ..best.cloned().unwrap_or_default() };
        let last_run = own.first().and_then(|run| run.started.clone());
        let file = file.display().to_string();
        ConfigEntry { name, file, training, runs: own.len(), best, last_run, error }
    };
    let entries: Vec<ConfigEntry> =
        text::configs_in(Path::new(CONFIG_FOLDER)).into_iter().map(entry).collect();
    if as_json {
        return out::json(&json!({ "configs": entries }));
    }
    if entries.is_empty() {
        out::line(&format!("there are no configs in {CONFIG_FOLDER}"));
        return Ok(());
    }
    let mut rows = vec![["config", "task", "by", "#runs", "#best score", "last run"].map(str::to_owned)];
    rows.extend(entries.iter().map(|entry| {
        let Training { task, method } = entry.training.clone();
        let task = if entry.error.is_some() { "cannot be read".to_owned() } else { task };
        let best = entry.best.text(entry.best.best);
        [entry.name.clone(), task, method, entry.runs.to_string(), best, minutes(entry.last_run.as_deref())]
    }));
    out::table(&rows);
    Ok(())
}

//! Run folders as curves.

use std::path::{Path, PathBuf};

use envs::Spec;
use records::columns::STAGE_COLUMN;
use records::folder::{RunFolder, RunFolderError, read_file};
use records::input;
use records::metrics::Metrics;
use records::text::{self, value};
use records::words::to_stderr;
use serde_json::Value;
use training::config::Config;

use super::error::PlotError;

/// The engine that validates, by its field in the config.
pub(super) const VALIDATE: &str = "physics.validate";

/// One value of a curve, at each of its abscissas.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    pub generation: f64,
    pub steps: f64,
    /// Time, s.
    pub wall: f64,
    /// Threads times time, s; NaN if the run does not say how many threads it had.
    pub processor: f64,
    pub value: f64,
}

/// One run.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub folder: RunFolder,
    /// Text of its config.
    pub config: String,
    /// Threads that it was started with; NaN if it does not say.
    threads: f64,
    /// Config by path, variants under the path of their field.
    pub fields: Vec<(String, String)>,
    pub metrics: Metrics,
}

impl Run {
    /// Reads a run folder.
    pub(crate) fn read(path: &Path) -> Result<Self, PlotError> {
        let folder = RunFolder::open(path)?;
        let file = folder.config();
        let unreadable = |reason: String| PlotError::Config { path: file.clone(), reason };
        let config = match read_file(&file) {
            Err(error @ RunFolderError::Damaged { .. }) => {
                to_stderr(&format!("warning: {error}, or was edited"));
                input::text(&file, input::TEXT).map_err(|error| unreadable(error.to_string()))?
            }
            read => {
                String::from_utf8(read?.unwrap_or_default()).map_err(|error| unreadable(error.to_string()))?
            }
        };
        let parsed = value::parse(&config).map_err(|error| unreadable(error.to_string()))?;
        let mut fields = Vec::new();
        flatten("", &parsed.value, &mut fields);
        let metrics = Metrics::read(&folder.metrics())?;
        let origin = read_file(&folder.provenance()).ok().flatten().unwrap_or_default();
        let threads =
            serde_json::from_slice::<Value>(&origin).ok().and_then(|origin| origin["threads"].as_f64());
        let run = Self { folder, config, threads: threads.unwrap_or(f64::NAN), fields, metrics };
        if run.evaluation().is_empty() && run.training().is_empty() {
            return Err(PlotError::Empty { path: run.folder.metrics() });
        }
        Ok(run)
    }

    /// Value of a config field.
    pub(crate) fn field(&self, path: &str) -> Option<&str> {
        self.fields.iter().find(|(key, _)| key == path).map(|(_, value)| value.as_str())
    }

    /// The same unless it is `None`.
    fn set(&self, path: &str) -> Option<&str> {
        self.field(path).filter(|value| *value != "None")
    }

    /// The task of training by gradient; none in evolution.
    pub(crate) fn task(&self) -> Option<&str> {
        self.set("task")
    }

    /// The task as its config has it; none if this version cannot read that.
    pub(super) fn task_spec(&self) -> Option<Spec> {
        let config: Config = text::parse("config.ron", &self.config).ok()?;
        Some(config.env.build().ok()?.spec().clone())
    }

    /// What trains: a strategy, with gradients or without, or a task of training by gradient.
    pub(super) fn method(&self) -> String {
        let strategy = self.set("strategy").unwrap_or_default();
        match self.task() {
            Some(task) => task.to_owned(),
            None if self.set("refine.iterations").is_some() => format!("{strategy} with gradients"),
            None => strategy.to_owned(),
        }
    }

    /// Returns of the distribution's mean.
    pub(crate) fn evaluation(&self) -> Vec<Point> {
        self.curve("eval_return_mean")
    }

    /// The same in the engine that validates.
    pub(crate) fn validation(&self) -> Vec<Point> {
        self.curve("validation_return_mean")
    }

    /// Name of that engine; empty if there is none.
    pub(crate) fn validator(&self) -> String {
        self.field(VALIDATE).unwrap_or_default().to_lowercase()
    }

    /// Mean fitness of the population.
    pub(crate) fn training(&self) -> Vec<Point> {
        self.curve("fitness_mean")
    }

    /// The last generation in the metrics; 0 without any.
    pub(crate) fn generation(&self) -> u64 {
        let generations = self.metrics.column("generation").unwrap_or_default();
        generations.into_iter().flatten().next_back().unwrap_or_default() as u64
    }

    /// Most control steps of a training episode and of an evaluation's, if the config says that they are not the same;
    /// 0 for what is not known.
    pub(super) fn horizons(&self) -> Option<[usize; 2]> {
        let training: usize = self.set("rollout.horizon")?.parse().ok()?;
        let evaluation = self.task_spec().map_or(0, |spec| spec.horizon);
        (training != evaluation).then_some([training, evaluation])
    }

    /// Where each stage begins, with its name; none without stages.
    pub(crate) fn stages(&self) -> Vec<(String, Point)> {
        let column = |name| self.metrics.column(name).unwrap_or_default();
        let stages = column(STAGE_COLUMN);
        let [generations, steps, walls] = ["generation", "env_steps", "wall_s"].map(column);
        let first = |stage: usize| stages.iter().position(|value| *value == Some(stage as f64));
        let before = |values: &[Option<f64>], row: usize| {
            row.checked_sub(1).map_or(Some(0.0), |row| values.get(row).copied().flatten())
        };
        let names = self.metrics.stages.iter().enumerate();
        let point = |row| {
            let at = [&generations, &steps, &walls].map(|values| before(values, row));
            Some(self.point([at[0]?, at[1]?, at[2]?], 0.0))
        };
        names.filter_map(|(stage, name)| Some((name.clone(), point(first(stage)?)?))).collect()
    }

    fn point(&self, [generation, steps, wall]: [f64; 3], value: f64) -> Point {
        Point { generation, steps, wall, processor: wall * self.threads, value }
    }

    /// The finite values of a column.
    pub(crate) fn curve(&self, name: &str) -> Vec<Point> {
        let column = |name| self.metrics.column(name).unwrap_or_default();
        let values = column(name);
        let [generations, steps, walls] = ["generation", "env_steps", "wall_s"].map(column);
        let points = values.iter().enumerate().filter_map(|(row, value)| {
            let at = [&generations, &steps, &walls].map(|values| values.get(row).copied().flatten());
            Some(self.point([at[0]?, at[1]?, at[2]?], (*value)?))
        });
        points.filter(|p| [p.generation, p.steps, p.wall, p.value].iter().all(|x| x.is_finite())).collect()
    }
}

/// The task's name if all runs have the same.
pub(crate) fn common_task(runs: &[Run]) -> Option<&str> {
    let mut tasks: Vec<&str> = runs.iter().filter_map(|run| run.field("env")).collect();
    tasks.dedup();
    if let [task] = tasks[..] { Some(task) } else { None }
}

/// A config as path and value pairs; a variant stands under its field's own path.
fn flatten(path: &str, value: &Value, fields: &mut Vec<(String, String)>) {
    let join = |key: &str| {
        if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
    };
    match value {
        Value::Object(map) => {
            if let Some((tag, inner)) = value::variant(value) {
                fields.push((path.to_owned(), tag.to_owned()));
                flatten(path, inner, fields);
            } else {
                for (key, inner) in map {
                    flatten(&join(key), inner, fields);
                }
            }
        }
        Value::Array(list) if list.iter().any(Value::is_object) => {
            fields.push((path.to_owned(), format!("{} entries", list.len())));
            for (index, inner) in list.iter().enumerate() {
                flatten(&join(&index.to_string()), inner, fields);
            }
        }
        Value::Array(list) => {
            let items: Vec<String> = list.iter().map(Value::to_string).collect();
            fields.push((path.to_owned(), format!("({})", items.join(", "))));
        }
        Value::String(text) => fields.push((path.to_owned(), text.clone())),
        Value::Null => fields.push((path.to_owned(), "None".to_owned())),
        other => fields.push((path.to_owned(), other.to_string())),
    }
}

/// Reads run folders.
pub(crate) fn read_all(paths: &[PathBuf]) -> Result<Vec<Run>, PlotError> {
    paths.iter().map(|path| Run::read(path)).collect()
}

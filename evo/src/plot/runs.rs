//! Run folders as curves, grouped by what their configs have in common.

use std::path::{Path, PathBuf};

use records::columns::STAGE_COLUMN;
use records::folder::{RunFolder, RunFolderError, read_file};
use records::input;
use records::metrics::Metrics;
use records::text::value;
use records::words::to_stderr;
use serde_json::Value;

use super::error::PlotError;

/// Config fields that do not change what is learned, and so do not keep runs apart.
const IGNORED: [&str; 5] = ["run.seed", "run.keep", "run.checkpoint_every", "run.log", VALIDATE];

/// The engine that validates, by its field in the config.
const VALIDATE: &str = "physics.validate";

/// Most differences that a name holds.
const MAX_DIFFERENCES: usize = 3;

/// One value of a curve, at both of its abscissas.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    pub steps: f64,
    pub wall: f64,
    pub value: f64,
}

/// One run.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub folder: RunFolder,
    /// Text of its config.
    pub config: String,
    /// Config by path, variants under the path of their field.
    pub fields: Vec<(String, String)>,
    pub metrics: Metrics,
}

/// Runs that differ only in ignored fields, such as the seed.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub label: String,
    pub runs: Vec<Run>,
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
        let run = Self { folder, config, fields, metrics };
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

    /// What trains: a strategy, with gradients or without, or a task of training by gradient.
    fn method(&self) -> String {
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

    /// Where each stage begins, with its name; none without stages.
    pub(crate) fn stages(&self) -> Vec<(String, Point)> {
        let column = |name| self.metrics.column(name).unwrap_or_default();
        let [stages, steps, walls] = [STAGE_COLUMN, "env_steps", "wall_s"].map(column);
        let first = |stage: usize| stages.iter().position(|value| *value == Some(stage as f64));
        let before = |values: &[Option<f64>], row: usize| {
            row.checked_sub(1).map_or(Some(0.0), |row| values.get(row).copied().flatten())
        };
        let names = self.metrics.stages.iter().enumerate();
        let point = |row| Some(Point { steps: before(&steps, row)?, wall: before(&walls, row)?, value: 0.0 });
        names.filter_map(|(stage, name)| Some((name.clone(), point(first(stage)?)?))).collect()
    }

    /// The finite values of a column.
    pub(crate) fn curve(&self, name: &str) -> Vec<Point> {
        let column = |name| self.metrics.column(name).unwrap_or_default();
        let [values, steps, walls] = [name, "env_steps", "wall_s"].map(column);
        let rows = values.iter().zip(&steps).zip(&walls);
        let points = rows.filter_map(|((value, steps), wall)| {
            Some(Point { steps: (*steps)?, wall: (*wall)?, value: (*value)? })
        });
        points.filter(|p| [p.steps, p.wall, p.value].iter().all(|x| x.is_finite())).collect()
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

/// Puts runs that differ only in ignored fields together and names the groups by what differs.
pub(crate) fn group(runs: Vec<Run>) -> Vec<Group> {
    let mut groups: Vec<Vec<Run>> = Vec::new();
    let kept = |run: &Run| -> Vec<(String, String)> {
        run.fields.iter().filter(|(path, _)| !IGNORED.contains(&path.as_str())).cloned().collect()
    };
    for run in runs {
        match groups.iter_mut().find(|members| kept(&members[0]) == kept(&run)) {
            Some(members) => members.push(run),
            None => groups.push(vec![run]),
        }
    }
    let labels = labels(&groups.iter().map(|members| &members[0]).collect::<Vec<_>>());
    groups.into_iter().zip(labels).map(|(runs, label)| Group { label, runs }).collect()
}

/// Names runs by what differs between them; a single one by what trains and its controller.
fn labels(runs: &[&Run]) -> Vec<String> {
    if let [run] = runs {
        let parts = [Some(run.method()), run.field("controller").map(str::to_owned)];
        return vec![parts.into_iter().flatten().collect::<Vec<_>>().join(", ")];
    }
    let paths = differing(runs);
    // Evolution and gradients beside each other have little in common: their settings tell less than which is which.
    let gradients = paths.iter().any(|path| path == "task" || path.starts_with("refine."));
    let methods_differ = gradients && runs.iter().any(|run| run.method() != runs[0].method());
    let label = |run: &Run| {
        if methods_differ {
            return run.method();
        }
        let named = paths.iter().filter_map(|path| Some((path, run.field(path)?)));
        let named: Vec<String> = named
            .take(MAX_DIFFERENCES)
            .map(|(path, value)| match path.as_str() {
                "env" | "strategy" | "controller" => value.to_owned(),
                _ => format!("{path} = {value}"),
            })
            .collect();
        named.join(", ")
    };
    let mut labels: Vec<String> = runs.iter().map(|run| label(run)).collect();
    // Where strategies or methods differ, their fields were left out: add what tells equal strategies apart.
    for first in 0..runs.len() {
        let alike: Vec<usize> = (first..runs.len()).filter(|&i| labels[i] == labels[first]).collect();
        if alike.len() > 1 && alike.len() < runs.len() {
            let inner = self::labels(&alike.iter().map(|&i| runs[i]).collect::<Vec<_>>());
            for (&index, inner) in alike.iter().zip(&inner) {
                labels[index] = format!("{}, {inner}", labels[index]);
            }
        }
    }
    labels
}

/// Paths whose values are not the same in all runs, but none inside a variant that differs itself.
pub(crate) fn differing(runs: &[&Run]) -> Vec<String> {
    let mut paths: Vec<String> = Vec::new();
    for (path, _) in runs.iter().flat_map(|run| &run.fields) {
        let mut values = runs.iter().map(|run| run.field(path));
        let first = values.next().flatten();
        let differs = values.any(|value| value != first);
        let inside = paths.iter().any(|other| {
            path.strip_prefix(other.as_str()).is_some_and(|rest| rest.starts_with('.') || rest.is_empty())
        });
        if differs && !inside && !IGNORED.contains(&path.as_str()) {
            paths.push(path.clone());
        }
    }
    paths
}

/// Reads run folders.
pub(crate) fn read_all(paths: &[PathBuf]) -> Result<Vec<Run>, PlotError> {
    paths.iter().map(|path| Run::read(path)).collect()
}

//! The result of a sweep: a row per trial, the best first.

use std::io;

use serde::Serialize;

use super::axis::Axis;
use super::journal::{Done, Records};
use super::names::trial_name;
use super::plan::Plan;
use super::score::{SCORE_COLUMNS, Score, generations, left_out, score};
use crate::out::aligned;

/// How far a trial has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// All generations on all seeds.
    Done,
    /// Halving has left it out.
    Stopped,
    /// A run of it failed.
    Failed,
    /// Some of its runs are still to come, or to go on.
    Unfinished,
}

impl Status {
    /// Name in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Unfinished => "unfinished",
        }
    }

    /// What it means, for people; none if the name says it.
    #[must_use]
    pub fn meaning(self) -> Option<&'static str> {
        match self {
            Self::Done | Self::Failed => None,
            Self::Stopped => Some("halving has dropped it, after the generations in the table"),
            Self::Unfinished => Some("some of its runs have not started or not ended"),
        }
    }
}

/// A row.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Name of the trial.
    pub trial: String,
    /// Its task, if the sweep has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// How far it has come.
    pub status: Status,
    /// Generations after which it was scored last; 0 if never.
    pub generations: u64,
    /// Its last score.
    #[serde(flatten)]
    pub score: Option<Score>,
    /// Control steps of training over all its seeds.
    pub env_steps: u64,
    /// Value on each axis.
    pub values: Vec<String>,
    /// File of the config that it changes, in the sweep's folder.
    pub base: String,
    /// Changes of that config, as `--set` takes them.
    pub set: Vec<String>,
    /// Why runs of it failed.
    pub failures: Vec<String>,
    /// Whether it is trained by gradient.
    #[serde(skip)]
    pub by_gradient: bool,
}

impl Row {
    /// The command that makes such a run, before its options.
    #[must_use]
    pub fn command(&self) -> &'static str {
        if self.by_gradient { "evo finetune" } else { "evo" }
    }

    /// The cells before the score.
    fn start(&self) -> Vec<String> {
        let task = self.task.iter().cloned();
        let rest = [self.status.name().to_owned(), self.generations.to_string()];
        [self.trial.clone()].into_iter().chain(task).chain(rest).collect()
    }
}

/// All trials, task by task, those with more generations first, then those with higher values.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Table {
    /// Names of the axes.
    pub axes: Vec<String>,
    /// A row per trial that has been chosen.
    pub rows: Vec<Row>,
}

impl Table {
    /// The table so far.
    #[must_use]
    pub fn new(plan: &Plan, records: &Records) -> Self {
        let last = plan.rungs() - 1;
        let tasks = plan.tasks();
        let left_out = left_out(plan, records);
        let mut rows: Vec<(usize, Row)> = records
            .points
            .iter()
            .map(|(&number, point)| {
                let trial = plan.trial(number, point);
                let scored =
                    (0..=last).rev().find_map(|rung| Some((rung, score(plan, records, number, rung)?)));
                let failures: Vec<String> = records
                    .failed
                    .iter()
                    .filter(|(key, _)| key.0 == number)
                    .map(|((_, seed, generations), reason)| {
                        format!("seed {seed}, generation {generations}: {reason}")
                    })
                    .collect();
                let status = match scored {
                    Some((rung, _)) if rung == last => Status::Done,
                    _ if !failures.is_empty() => Status::Failed,
                    Some(_) if left_out.contains(&number) => Status::Stopped,
                    _ => Status::Unfinished,
                };
                let steps = |&seed: &u64| records.last(number, seed).map_or(0, |done| done.env_steps);
                let task = plan.bases[trial.base].task;
                let row = Row {
                    by_gradient: plan.is_by_gradient(&trial),
                    trial: trial_name(number),
                    task: (tasks.len() > 1).then(|| tasks[task].clone()),
                    status,
                    generations: scored.map_or(0, |(rung, _)| generations(plan, records, number, rung)),
                    score: scored.map(|(_, score)| score),
                    env_steps: plan.config.seeds.iter().map(steps).sum(),
                    values: trial.labels,
                    base: plan.base_file(trial.base),
                    set: trial.sets,
                    failures,
                };
                (task, row)
            })
            .collect();
        let value = |row: &Row| row.score.map_or(f64::NEG_INFINITY, |score| score.value);
        // Stable: the lower number first among equals.
        let whole = |row: &Row| row.status == Status::Done;
        rows.sort_by(|(task_a, a), (task_b, b)| {
            // Configs of one task may differ in length; whole trials are comparable all the same.
            let further = whole(b).cmp(&whole(a)).then_with(|| {
                if whole(a) { std::cmp::Ordering::Equal } else { b.generations.cmp(&a.generations) }
            });
            task_a.cmp(task_b).then(further).then(value(b).total_cmp(&value(a)))
        });
        let rows = rows.into_iter().map(|(_, row)| row).collect();
        let axes = plan.config.axes.iter().map(|axis| axis.name().to_owned()).collect();
        Self { axes, rows }
    }

    /// The best trial; none before one has a score, or if there are several tasks.
    #[must_use]
    pub fn best(&self) -> Option<&Row> {
        self.rows.first().filter(|row| row.score.is_some() && row.task.is_none())
    }

    /// The best trial of every task that has one.
    #[must_use]
    pub fn best_of_tasks(&self) -> Vec<&Row> {
        let mut best: Vec<&Row> = Vec::new();
        for row in self.rows.iter().filter(|row| row.score.is_some()) {
            if best.iter().all(|other| other.task != row.task) {
                best.push(row);
            }
        }
        best
    }

    /// Control steps of all trials.
    #[must_use]
    pub fn env_steps(&self) -> u64 {
        self.rows.iter().map(|row| row.env_steps).sum()
    }

    /// Whether seeds of a trial differ, so that its value is a median.
    #[must_use]
    pub fn has_seeds(&self) -> bool {
        self.rows.iter().any(|row| row.score.is_some_and(|score| score.min < score.max))
    }

    fn has_tasks(&self) -> bool {
        self.rows.iter().any(|row| row.task.is_some())
    }

    /// As `sweep.csv`: it holds no times, so that the same sweep gives the same file.
    ///
    /// # Errors
    /// None in practice: the text is made in memory.
    pub fn csv(&self) -> io::Result<Vec<u8>> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let task = self.has_tasks().then_some("task");
        let fixed = ["trial"].into_iter().chain(task).chain(["status", "generations"]);
        let fixed = fixed.chain(SCORE_COLUMNS).chain(["env_steps"]);
        writer.write_record(fixed.chain(self.axes.iter().map(String::as_str)))?;
        for row in &self.rows {
            let score = row.score.map(|score| score.numbers().map(|x| format!("{x:?}")));
            let mut cells = row.start();
            cells.extend(score.unwrap_or_default());
            cells.push(row.env_steps.to_string());
            cells.extend(row.values.iter().cloned());
            writer.write_record(&cells)?;
        }
        writer.into_inner().map_err(|error| io::Error::other(error.to_string()))
    }

    /// For statistics, as `trials.csv`: a row per finished run, that is trial, seed and rung, in that order.
    ///
    /// # Errors
    /// None in practice: the text is made in memory.
    pub fn runs_csv(plan: &Plan, records: &Records) -> io::Result<Vec<u8>> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let fixed = ["trial", "seed", "generations", "value", "env_steps", "wall_s", "folder"];
        writer.write_record(fixed.into_iter().chain(plan.config.axes.iter().map(Axis::name)))?;
        for Done { trial, seed, generations, value, env_steps, wall_s } in records.done.values() {
            let name = trial_name(*trial);
            let folder = format!("trials/{name}/s{seed}");
            let mut cells = vec![
                name,
                seed.to_string(),
                generations.to_string(),
                format!("{value:?}"),
                env_steps.to_string(),
                format!("{wall_s:.3}"),
                folder,
            ];
            cells.extend(plan.trial(*trial, &records.points[trial]).labels);
            writer.write_record(&cells)?;
        }
        writer.into_inner().map_err(|error| io::Error::other(error.to_string()))
    }

    /// For people: the first `rows` rows, aligned. With several seeds, the range is from the lowest to the highest.
    #[must_use]
    pub fn text(&self, rows: usize) -> String {
        let task = self.has_tasks().then_some("task");
        let seeds = self.has_seeds().then_some("#range over seeds");
        let header =
            ["trial"].into_iter().chain(task).chain(["status", "#generations", "#value"]).chain(seeds);
        let mut lines: Vec<Vec<String>> =
            vec![header.map(str::to_owned).chain(self.axes.iter().cloned()).collect()];
        for row in self.rows.iter().take(rows) {
            let [value, range] = row.score.map_or_else(Default::default, |s| {
                [format!("{:.1}", s.value), format!("{:.1} to {:.1}", s.min, s.max)]
            });
            let mut cells = row.start();
            cells.push(value);
            cells.extend(seeds.map(|_| range));
            cells.extend(row.values.iter().cloned());
            lines.push(cells);
        }
        aligned(&lines).join("\n")
    }
}

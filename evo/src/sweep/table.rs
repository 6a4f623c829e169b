//! The result of a sweep: a row per trial, the best first.

use std::io;

use serde::Serialize;

use super::axis::Axis;
use super::journal::{Done, Records};
use super::{Plan, trial_name};
use crate::statistics::{self, Center, Estimate};

/// What a trial is worth after a rung.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Score {
    /// Median over the seeds.
    pub value: f64,
    /// Interquartile range over the seeds (linear interpolation).
    pub spread: f64,
    /// Lowest.
    pub min: f64,
    /// Highest.
    pub max: f64,
    /// Interquartile mean over the seeds.
    pub iqm: f64,
    /// Lower end of its bootstrap interval, see [`statistics::estimate`].
    pub iqm_low: f64,
    /// Upper end.
    pub iqm_high: f64,
}

impl Score {
    /// Of at least one value, in any order.
    #[must_use]
    pub fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let Estimate { value: iqm, low, high } = statistics::estimate(&values, Center::InterquartileMean)?;
        let quantile = |q| statistics::quantile(&values, q);
        let spread = quantile(0.75) - quantile(0.25);
        Some(Self { value: quantile(0.5), spread, min, max, iqm, iqm_low: low, iqm_high: high })
    }

    /// In the order of [`SCORE_COLUMNS`].
    fn numbers(&self) -> [f64; SCORE_COLUMNS.len()] {
        [self.value, self.spread, self.min, self.max, self.iqm, self.iqm_low, self.iqm_high]
    }
}

/// Columns of a score in `sweep.csv`.
const SCORE_COLUMNS: [&str; 7] = ["value", "spread", "min", "max", "iqm", "iqm_low", "iqm_high"];

/// A trial's score after a rung; none unless all of its seeds have finished it.
#[must_use]
pub fn score(plan: &Plan, records: &Records, trial: usize, rung: usize) -> Option<Score> {
    let generations = generations(plan, records, trial, rung);
    let value = |&seed: &u64| records.done.get(&(trial, seed, generations)).map(|done| done.value);
    Score::of(plan.config.seeds.iter().map(value).collect::<Option<Vec<f64>>>()?)
}

/// Generations of a trial's rung.
#[must_use]
pub fn generations(plan: &Plan, records: &Records, trial: usize, rung: usize) -> u64 {
    plan.base(&records.points[&trial]).rungs[rung]
}

/// How far a trial has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// All generations on all seeds.
    Done,
    /// Halving has stopped it, or has not come to it yet.
    Stopped,
    /// A run of it failed.
    Failed,
    /// Not all of its runs are finished.
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
}

impl Row {
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
                    Some(_) => Status::Stopped,
                    None => Status::Unfinished,
                };
                let steps = |&seed: &u64| records.last(number, seed).map_or(0, |done| done.env_steps);
                let task = plan.bases[trial.base].task;
                let row = Row {
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

    /// For people: the first `rows` rows, aligned.
    #[must_use]
    pub fn text(&self, rows: usize) -> String {
        let task = self.has_tasks().then_some("task");
        let header = ["trial"].into_iter().chain(task).chain(["status", "generations", "value", "spread"]);
        let mut lines: Vec<Vec<String>> =
            vec![header.map(str::to_owned).chain(self.axes.iter().cloned()).collect()];
        for row in self.rows.iter().take(rows) {
            let score = row.score.map(|s| [s.value, s.spread].map(|x| format!("{x:.1}")));
            let mut cells = row.start();
            cells.extend(score.unwrap_or_default());
            cells.extend(row.values.iter().cloned());
            lines.push(cells);
        }
        let width =
            |column: usize| lines.iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..lines[0].len()).map(width).collect();
        let line = |cells: &Vec<String>| {
            let cells: Vec<String> =
                cells.iter().zip(&widths).map(|(cell, &w)| format!("{cell:<w$}")).collect();
            cells.join("  ").trim_end().to_owned()
        };
        lines.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_is_the_median_and_the_interquartile_range() {
        assert_eq!(Score::of(vec![]), None);
        let single =
            Score { value: 3.0, spread: 0.0, min: 3.0, max: 3.0, iqm: 3.0, iqm_low: 3.0, iqm_high: 3.0 };
        assert_eq!(Score::of(vec![3.0]), Some(single));
        // numpy.percentile([1, 2, 4, 8], [25, 50, 75]) = 1.75, 3, 5; the middle half is 2, 4.
        let score = Score::of(vec![8.0, 1.0, 4.0, 2.0]);
        let numbers = score.map(|s| [s.value, s.spread, s.min, s.max, s.iqm]);
        assert_eq!(numbers, Some([3.0, 3.25, 1.0, 8.0, 3.0]));
        let ends = score.map(|s| (s.iqm_low, s.iqm_high));
        assert!(ends.is_some_and(|(low, high)| low < 2.0 && high > 6.0), "{ends:?}");
    }
}

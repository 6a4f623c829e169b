//! Sweeps: many trials of a config, each a process, in a folder that the same command goes on with.
//!
//! The order of work is fixed by the sweep file: batches of trials (one, unless proposals depend on
//! results), in each the rungs of successive halving (one, without it), in each a run per trial and
//! seed. Only runs within a rung are side by side, so that the result does not depend on their number.

pub mod axis;
mod board;
pub mod config;
pub mod effect;
pub mod journal;
mod plan;
pub mod sampler;
mod stored;
pub mod table;
mod tpe;
mod worker;

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use board::Board;
use journal::{Done, Failed, Journal, JournalError, Key};
pub use plan::{Plan, Trial};
pub use stored::Stored;
use table::Table;
use worker::{Context, Job, Outcome, Running};

use crate::run_folder::write_atomic;
use crate::{interrupt, ron_io};

/// Crashes of a run after which it is given up until the next time; its own errors count at once.
const CRASHES: u32 = 2;

/// What has been done.
const JOURNAL: &str = "journal.jsonl";

/// Pause between looks at the workers.
const POLL: Duration = Duration::from_millis(15);

/// Why a sweep cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The folder cannot be used.
    #[error("cannot use sweep folder {path}: {source}")]
    Folder {
        /// The folder or a file in it.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process works in the folder.
    #[error("another sweep works in {path}; wait for it, or choose another --out")]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The base config cannot be written.
    #[error(transparent)]
    Config(#[from] ron_io::ConfigError),
    /// A worker process cannot be started or watched.
    #[error("cannot run trial {trial}: {source}")]
    Worker {
        /// Its name.
        trial: String,
        /// Why.
        source: io::Error,
    },
    /// Values of a trial do not fit the config.
    #[error("trial {trial}: {message}")]
    Trial {
        /// Its name.
        trial: String,
        /// What is wrong.
        message: String,
    },
}

/// How to run a sweep.
#[derive(Clone, Copy, Debug)]
pub struct Workers {
    /// Processes side by side, at least 1.
    pub count: usize,
    /// Threads of each, at least 1.
    pub threads: usize,
    /// `--backend` of each.
    pub backend: &'static str,
    /// Whether to show how far it is.
    pub quiet: bool,
}

/// Name of a trial and of its folder.
#[must_use]
pub fn trial_name(trial: usize) -> String {
    format!("t{trial:04}")
}

/// A sweep in its folder, locked.
pub struct Sweep {
    plan: Plan,
    folder: PathBuf,
    journal: Journal,
    _lock: File,
}

impl Sweep {
    /// Opens or makes the sweep's folder.
    ///
    /// # Errors
    /// If another sweep is at work in it, its journal is of another sweep, or it cannot be written.
    pub fn open(plan: Plan, folder: &Path) -> Result<Self, SweepError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| SweepError::Folder { path, source }
        };
        fs::create_dir_all(folder.join("trials")).map_err(failed(folder))?;
        let lock_path = folder.join("lock");
        let lock = File::options().create(true).append(true).open(&lock_path).map_err(failed(&lock_path))?;
        match lock.try_lock() {
            Err(fs::TryLockError::WouldBlock) => return Err(SweepError::Busy { path: folder.to_owned() }),
            // A file system without locks cannot keep anyone out.
            Ok(()) | Err(fs::TryLockError::Error(_)) => {}
        }
        let json = |value: Result<serde_json::Value, serde_json::Error>| {
            value.map_err(|error| SweepError::Folder { path: folder.to_owned(), source: error.into() })
        };
        let (sweep, base) =
            (json(serde_json::to_value(&plan.config))?, json(serde_json::to_value(&plan.base))?);
        let journal = Journal::open(&folder.join(JOURNAL), &sweep, &base)?;
        let files = [("base.ron", ron_io::to_text(&plan.base)?), ("sweep.ron", plan.portable(&sweep))];
        for (name, text) in files {
            let path = folder.join(name);
            write_atomic(&path, text.as_bytes()).map_err(failed(&path))?;
        }
        Ok(Self { plan, folder: folder.to_owned(), journal, _lock: lock })
    }

    /// Runs what is missing or failed. False if Ctrl-C came first.
    ///
    /// # Errors
    /// If the journal cannot be written or no process be started; failed trials are no error.
    pub fn run(&mut self, workers: Workers) -> Result<bool, SweepError> {
        let mut board = Board::new(workers.quiet);
        let total = self.plan.trials;
        let mut start = 0;
        while start < total {
            let end = sampler::batch_end(&self.plan.config.sampler, total, start);
            let history = self.history(start);
            for trial in start..end {
                if !self.journal.records.points.contains_key(&trial) {
                    self.journal.trial(trial, &self.plan.point(trial, &history))?;
                }
            }
            let mut alive: Vec<usize> = (start..end).collect();
            for (rung, generations) in self.plan.rungs.clone().into_iter().enumerate() {
                if rung > 0 {
                    alive = self.survivors(&alive, rung - 1);
                }
                if !self.stage(&alive, generations, workers, &mut board)? {
                    board.finish();
                    return Ok(false);
                }
            }
            start = end;
        }
        board.finish();
        Ok(true)
    }

    /// Points and values of the trials before `end`.
    fn history(&self, end: usize) -> Vec<(Vec<f64>, Option<f64>)> {
        let last = self.plan.rungs.len() - 1;
        let value =
            |trial| table::score(&self.plan, &self.journal.records, trial, last).map(|score| score.value);
        (0..end).map(|trial| (self.journal.records.points[&trial].clone(), value(trial))).collect()
    }

    /// The best 1/factor of `alive` after a rung, at least one, the better first.
    fn survivors(&self, alive: &[usize], rung: usize) -> Vec<usize> {
        let factor = self.plan.config.halving.as_ref().map_or(1, |halving| halving.factor as usize);
        let mut scored: Vec<(usize, f64)> = alive
            .iter()
            .filter_map(|&trial| {
                let score = table::score(&self.plan, &self.journal.records, trial, rung)?;
                Some((trial, score.value))
            })
            .collect();
        scored.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        scored.truncate((alive.len() / factor.max(1)).max(1));
        scored.into_iter().map(|(trial, _)| trial).collect()
    }

    /// Runs trials up to `generations` on every seed. False if Ctrl-C came first.
    fn stage(
        &mut self,
        trials: &[usize],
        generations: u64,
        workers: Workers,
        board: &mut Board,
    ) -> Result<bool, SweepError> {
        let mut queue = VecDeque::new();
        for &trial in trials {
            for &seed in &self.plan.config.seeds {
                let key: Key = (trial, seed, generations);
                if !self.journal.records.done.contains_key(&key) {
                    let folder = self.folder.join("trials").join(trial_name(trial)).join(format!("s{seed}"));
                    let sets = self.plan.trial(trial, &self.journal.records.points[&trial]).sets;
                    queue.push_back(Job { key, sets, folder, crashes: 0 });
                }
            }
        }
        let runs = trials.len() * self.plan.config.seeds.len();
        board.stage(&self.plan, &self.journal, generations, runs - queue.len(), runs);
        let context = Context {
            base: self.folder.join("base.ron"),
            threads: workers.threads,
            backend: workers.backend,
            init: self.plan.config.init.clone(),
            objective: self.plan.config.objective,
        };
        let worker_error = |key: Key| move |source| SweepError::Worker { trial: trial_name(key.0), source };
        let mut running: Vec<Running> = Vec::new();
        let mut stopping = false;
        loop {
            if interrupt::requested() && !stopping {
                stopping = true;
                running.iter_mut().for_each(Running::stop);
            }
            while !stopping && running.len() < workers.count {
                let Some(at) = queue.iter().position(|job| !worker::is_busy(&job.folder)) else {
                    if let Some(job) = queue.front() {
                        board.waiting(&job.folder);
                    }
                    break;
                };
                let Some(job) = queue.remove(at) else { break };
                let key = job.key;
                running.push(Running::start(job, &context).map_err(worker_error(key))?);
            }
            if running.is_empty() && (stopping || queue.is_empty()) {
                return Ok(!stopping);
            }
            let mut index = 0;
            while index < running.len() {
                let key = running[index].job.key;
                let Some(outcome) = running[index].poll(context.objective).map_err(worker_error(key))? else {
                    index += 1;
                    continue;
                };
                let mut job = running.swap_remove(index).job;
                let (trial, seed, generations) = key;
                match outcome {
                    Outcome::Done(value, env_steps, wall_s) => {
                        let done = Done { trial, seed, generations, value, env_steps, wall_s };
                        self.journal.finished(done)?;
                        board.done(&self.plan, &self.journal, key, value);
                    }
                    // Its Ctrl-C was meant for all of us, or it goes on from its checkpoint next time.
                    _ if stopping || interrupt::requested() => {}
                    Outcome::Crashed(_) if job.crashes + 1 < CRASHES => {
                        job.crashes += 1;
                        queue.push_back(job);
                    }
                    Outcome::Crashed(reason) | Outcome::Failed(reason) => {
                        board.failed(key, &reason);
                        self.journal.failure(Failed { trial, seed, generations, reason })?;
                    }
                    Outcome::Stopped => {
                        let reason = "it was stopped before its end".to_owned();
                        board.failed(key, &reason);
                        self.journal.failure(Failed { trial, seed, generations, reason })?;
                    }
                }
            }
            std::thread::sleep(POLL);
        }
    }

    /// The table of all trials so far, written as `sweep.csv`; its runs as `trials.csv`.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn table(&self) -> Result<Table, SweepError> {
        let table = Table::new(&self.plan, &self.journal.records);
        let runs = Table::runs_csv(&self.plan, &self.journal.records);
        for (name, text) in [("sweep.csv", table.csv()), ("trials.csv", runs)] {
            let path = self.folder.join(name);
            text.and_then(|text| write_atomic(&path, &text))
                .map_err(|source| SweepError::Folder { path, source })?;
        }
        Ok(table)
    }
}

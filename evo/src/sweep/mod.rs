//! Sweeps: many trials of a config, each a process, in a folder that the same command goes on with.
//!
//! The order of work is fixed by the sweep file: batches of trials (one, unless proposals depend on
//! results), in each the rungs of successive halving (one, without it), in each a run per trial and
//! seed. Only runs within a rung are side by side, so that the result does not depend on their number.

pub mod axis;
mod board;
mod check;
pub mod config;
pub mod effect;
mod error;
pub mod journal;
mod memory;
mod names;
mod plan;
mod pool;
pub mod sampler;
pub mod score;
mod stored;
pub mod table;
mod tpe;
mod trial_check;
mod worker;
mod workers;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::Duration;

use records::disk::{self, write_atomic};
use records::lock::Lock;
use training::config::Config;
use training::stages::to_text;

use board::Board;
pub use check::sources as check_sources;
pub use error::SweepError;
use journal::{Build, Header, Journal, Key};
pub use names::{INIT, trial_name};
use names::{JOURNAL, own_folders};
pub use plan::{Base, Plan, Trial};
use pool::{Event, Pool};
use score::{generations, history, survivors};
pub use stored::Stored;
use table::Table;
pub use trial_check::check_trials;
use worker::{Context, Job};
pub use workers::Workers;

/// Files that a sweep would overwrite, or that a run has.
const OTHERS: [&str; 10] = [
    "config.ron",
    "metrics.csv",
    "summary.json",
    "report.html",
    "sweep.csv",
    "trials.csv",
    "base.ron",
    "sweep.ron",
    "provenance.json",
    INIT,
];

/// Pause between looks at the workers.
const POLL: Duration = Duration::from_millis(15);

/// A sweep in its folder, locked.
pub struct Sweep {
    plan: Plan,
    folder: PathBuf,
    journal: Journal,
    _lock: Lock,
}

impl Sweep {
    /// Opens or makes the sweep's folder, for a session of `build`; `init` is the checkpoint from which
    /// trials start, if the sweep file names one.
    ///
    /// # Errors
    /// If another sweep is at work in it, its journal or checkpoint is of another sweep, it holds something
    /// else, or it cannot be written.
    pub fn open(plan: Plan, folder: &Path, build: Build, init: Option<&[u8]>) -> Result<Self, SweepError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| SweepError::Folder { path, source }
        };
        if !folder.join(JOURNAL).exists()
            && let Some(file) = OTHERS.into_iter().find(|file| folder.join(file).exists())
        {
            return Err(SweepError::Occupied { path: folder.to_owned(), file });
        }
        disk::create_folder(&folder.join("trials")).map_err(failed(folder))?;
        let lock = Lock::take(folder).map_err(failed(folder))?;
        let lock = lock.ok_or_else(|| SweepError::Busy { path: folder.to_owned() })?.told();
        if folder.join(JOURNAL).exists() {
            for place in own_folders(folder) {
                disk::remove_leftovers(&place).map_err(failed(&place))?;
            }
        }
        let bases: Vec<Config> = plan.bases.iter().map(|base| base.config.clone()).collect();
        let header = Header { sweep: plan.config.clone(), bases };
        let journal = Journal::open(&folder.join(JOURNAL), &header, build)?;
        if let Some(init) = init {
            let path = folder.join(INIT);
            match disk::read_if_there(&path).map_err(failed(&path))? {
                Some(earlier) if earlier == init => {}
                Some(_) => return Err(SweepError::Init { path }),
                None => write_atomic(&path, init).map_err(failed(&path))?,
            }
        }
        let sweep = serde_json::to_value(&plan.config).map_err(|e| failed(folder)(e.into()))?;
        let mut files = vec![("sweep.ron".to_owned(), plan.portable(&sweep))];
        for (index, base) in plan.bases.iter().enumerate() {
            files.push((plan.base_file(index), to_text(&base.config)?));
        }
        for (name, text) in files {
            let path = folder.join(name);
            disk::create_folder(path.parent().unwrap_or(folder))
                .and_then(|()| write_atomic(&path, text.as_bytes()))
                .map_err(failed(&path))?;
        }
        Ok(Self { plan, folder: folder.to_owned(), journal, _lock: lock })
    }

    /// The program that last did something in the folder.
    #[must_use]
    pub fn last_session(&self) -> Option<&Build> {
        self.journal.records.sessions.last()
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
            let history = history(&self.plan, &self.journal.records, start);
            for trial in start..end {
                if !self.journal.records.points.contains_key(&trial) {
                    self.journal.trial(trial, &self.plan.point(trial, &history))?;
                }
            }
            let mut alive: Vec<usize> = (start..end).collect();
            for rung in 0..self.plan.rungs() {
                if rung > 0 {
                    alive = survivors(&self.plan, &self.journal.records, &alive, rung - 1);
                }
                if !self.stage(&alive, rung, workers, &mut board)? {
                    board.finish();
                    return Ok(false);
                }
            }
            start = end;
        }
        board.finish();
        Ok(true)
    }

    /// Runs trials up to a rung on every seed. False if Ctrl-C came first.
    fn stage(
        &mut self,
        trials: &[usize],
        rung: usize,
        workers: Workers,
        board: &mut Board,
    ) -> Result<bool, SweepError> {
        let mut queue = VecDeque::new();
        for &trial in trials {
            let generations = generations(&self.plan, &self.journal.records, trial, rung);
            let planned = self.plan.trial(trial, &self.journal.records.points[&trial]);
            let base = self.folder.join(self.plan.base_file(planned.base));
            let by_gradient = self.plan.is_by_gradient(&planned);
            for &seed in &self.plan.config.seeds {
                let key: Key = (trial, seed, generations);
                if !self.journal.records.done.contains_key(&key) {
                    let folder = self.folder.join("trials").join(trial_name(trial)).join(format!("s{seed}"));
                    queue.push_back(Job::new(key, (&base, &planned.sets), by_gradient, folder));
                }
            }
        }
        let runs = trials.len() * self.plan.config.seeds.len();
        board.stage(&self.plan, &self.journal, rung, runs - queue.len(), runs);
        let context = Context {
            backend: workers.backend,
            init: self.plan.config.init.as_ref().map(|_| self.folder.join(INIT)),
            objective: self.plan.config.objective,
        };
        let mut pool = Pool::new(queue, context, workers);
        loop {
            for event in pool.step(board)? {
                match event {
                    Event::Done(done) => {
                        let (key, value) = ((done.trial, done.seed, done.generations), done.value);
                        self.journal.finished(done)?;
                        board.done(&self.plan, &self.journal, key, value);
                    }
                    Event::Failed(failed) => {
                        let key = (failed.trial, failed.seed, failed.generations);
                        board.failed(&self.plan, key, &failed.reason);
                        self.journal.failure(failed)?;
                    }
                }
            }
            if pool.is_over() {
                return Ok(!pool.is_stopping());
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

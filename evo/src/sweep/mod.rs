//! Sweeps: many trials of a config, each a process, in a folder that the same command goes on with.
//!
//! The order of work is fixed by the sweep file: batches of trials (one, unless proposals depend on
//! results), in each the rungs of successive halving (one, without it), in each a run per trial and
//! seed. Only runs within a rung are side by side, so that the result does not depend on their number.
//!
//! Several processes may share a sweep, each with a journal of its own ([`Share`]). All of them go through the same order;
//! which one makes a run, whoever comes first decides, and nothing else.

pub mod axis;
mod board;
mod check;
mod claims;
pub mod config;
pub mod effect;
mod error;
pub mod journal;
mod journals;
mod memory;
mod names;
mod plan;
mod pool;
pub mod sampler;
pub mod score;
mod share;
mod shared;
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
pub use share::{Share, ShareError};
use shared::Shared;
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

/// Pause between looks at the journals of other workers, which may lie behind a network.
const LOOK: Duration = Duration::from_millis(250);

/// A sweep in its folder, locked.
pub struct Sweep {
    plan: Plan,
    folder: PathBuf,
    journal: Journal,
    /// What it takes to share it with others.
    shared: Option<Shared>,
    _lock: Lock,
}

/// How the work of this process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The sweep is finished.
    All,
    /// Nothing is left for this worker; others are at work, or have died.
    Own,
    /// Something has asked to stop.
    Interrupted,
}

impl Sweep {
    /// Opens or makes the sweep's folder, for a session of `build`; `init` is the checkpoint from which
    /// trials start, if the sweep file names one. With `share`, for one worker of several.
    ///
    /// # Errors
    /// If another process is at work in it that does not share it, its journal or checkpoint is of another sweep, it
    /// holds something else, or it cannot be written.
    pub fn open(
        plan: Plan,
        folder: &Path,
        build: Build,
        init: Option<&[u8]>,
        share: Option<Share>,
    ) -> Result<Self, SweepError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| SweepError::Folder { path, source }
        };
        let is_new = || !folder.join(JOURNAL).exists();
        if is_new()
            && let Some(file) = OTHERS.into_iter().find(|file| folder.join(file).exists())
            // Another worker may have begun it since.
            && is_new()
        {
            return Err(SweepError::Occupied { path: folder.to_owned(), file });
        }
        disk::create_folder(&folder.join("trials")).map_err(failed(folder))?;
        let lock = if share.is_some() { Lock::share(folder) } else { Lock::take(folder) };
        let lock = lock.map_err(failed(folder))?;
        let lock = lock.ok_or_else(|| SweepError::Busy { path: folder.to_owned() })?.told();
        let bases: Vec<Config> = plan.bases.iter().map(|base| base.config.clone()).collect();
        let header = Header { sweep: plan.config.clone(), bases };
        let (journal, shared) = match share {
            Some(share) => {
                let (journal, shared) = Shared::open(folder, share, &header, build)?;
                (journal, Some(shared))
            }
            None => {
                if folder.join(JOURNAL).exists() {
                    for place in own_folders(folder) {
                        disk::remove_leftovers(&place).map_err(failed(&place))?;
                    }
                }
                let mut journal = Journal::open(&folder.join(JOURNAL), &header, build)?;
                for number in journals::workers(folder)? {
                    journal.merge(&journals::of_worker(folder, number))?;
                }
                (journal, None)
            }
        };
        let sweep = Self { plan, folder: folder.to_owned(), journal, shared, _lock: lock };
        if let Some(init) = init {
            let path = folder.join(INIT);
            if disk::read_if_there(&path).map_err(failed(&path))?.is_none() {
                sweep.write(&path, init).map_err(failed(&path))?;
            }
            if disk::read(&path).map_err(failed(&path))? != init {
                return Err(SweepError::Init { path });
            }
        }
        let file = serde_json::to_value(&sweep.plan.config).map_err(|e| failed(folder)(e.into()))?;
        let mut files = vec![("sweep.ron".to_owned(), sweep.plan.portable(&file))];
        for (index, base) in sweep.plan.bases.iter().enumerate() {
            files.push((sweep.plan.base_file(index), to_text(&base.config)?));
        }
        for (name, text) in files {
            let path = folder.join(name);
            disk::create_folder(path.parent().unwrap_or(folder))
                .and_then(|()| sweep.write(&path, text.as_bytes()))
                .map_err(failed(&path))?;
        }
        Ok(sweep)
    }

    /// Writes a file of the sweep; of several workers, one.
    fn write(&self, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
        match &self.shared {
            Some(shared) => shared.write_once(path, bytes),
            None => write_atomic(path, bytes),
        }
    }

    /// Writes a file of the first session.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_first(&self, name: &str, bytes: &[u8]) -> Result<(), SweepError> {
        let path = self.folder.join(name);
        if path.exists() {
            return Ok(());
        }
        self.write(&path, bytes).map_err(|source| SweepError::Folder { path, source })
    }

    /// The program that last did something in the folder.
    #[must_use]
    pub fn last_session(&self) -> Option<&Build> {
        self.journal.records.sessions.last()
    }

    /// Runs what is missing or failed; as one of several workers, what is missing, since what has failed for one has failed
    /// for all.
    ///
    /// # Errors
    /// If the journal cannot be written or no process be started; failed trials are no error.
    pub fn run(&mut self, workers: Workers) -> Result<End, SweepError> {
        let mut board = Board::new(workers.quiet);
        let end = self.batches(workers, &mut board);
        board.finish();
        end
    }

    fn batches(&mut self, workers: Workers, board: &mut Board) -> Result<End, SweepError> {
        let total = self.plan.trials;
        let mut start = 0;
        while start < total {
            let end = sampler::batch_end(&self.plan.config.sampler, total, start);
            let history = history(&self.plan, &self.journal.records, start);
            for trial in start..end {
                if !self.journal.records.points.contains_key(&trial) {
                    let point = self.plan.point(trial, &history);
                    match &self.shared {
                        // Who runs it notes it.
                        Some(_) => drop(self.journal.records.points.insert(trial, point)),
                        None => self.journal.trial(trial, &point)?,
                    }
                }
            }
            let mut alive: Vec<usize> = (start..end).collect();
            for rung in 0..self.plan.rungs() {
                if rung > 0 {
                    alive = survivors(&self.plan, &self.journal.records, &alive, rung - 1);
                }
                let is_last = end == total && rung + 1 == self.plan.rungs();
                match self.stage(&alive, (rung, is_last), workers, board)? {
                    End::All => {}
                    other => return Ok(other),
                }
            }
            start = end;
        }
        Ok(End::All)
    }

    /// Runs trials up to a rung on every seed. After the last one, nobody waits for other workers.
    fn stage(
        &mut self,
        trials: &[usize],
        (rung, is_last): (usize, bool),
        workers: Workers,
        board: &mut Board,
    ) -> Result<End, SweepError> {
        self.look_at_others()?;
        let (mut keys, mut queue) = (Vec::new(), VecDeque::new());
        for &trial in trials {
            let generations = generations(&self.plan, &self.journal.records, trial, rung);
            let planned = self.plan.trial(trial, &self.journal.records.points[&trial]);
            let base = self.folder.join(self.plan.base_file(planned.base));
            let by_gradient = self.plan.is_by_gradient(&planned);
            for &seed in &self.plan.config.seeds {
                let key: Key = (trial, seed, generations);
                keys.push(key);
                if !self.has_ended(key) {
                    let folder = self.folder.join("trials").join(trial_name(trial)).join(format!("s{seed}"));
                    queue.push_back(Job::new(key, (&base, &planned.sets), by_gradient, folder));
                }
            }
        }
        board.stage(&self.plan, &self.journal, rung, keys.len() - queue.len(), keys.len());
        let claims = self.shared.as_ref().map(|shared| shared.claims(&mut queue));
        let context = Context {
            backend: workers.backend,
            init: self.plan.config.init.as_ref().map(|_| self.folder.join(INIT)),
            objective: self.plan.config.objective,
        };
        let mut pool = Pool::new(queue, context, workers, claims);
        loop {
            for event in pool.step(board)? {
                match event {
                    Event::Done(done) => {
                        let (key, value) = ((done.trial, done.seed, done.generations), done.value);
                        self.note_trial(key.0)?;
                        self.journal.finished(done)?;
                        board.done(&self.plan, &self.journal, key, value);
                    }
                    Event::Failed(failed) => {
                        let key = (failed.trial, failed.seed, failed.generations);
                        board.failed(&self.plan, key, &failed.reason);
                        self.note_trial(key.0)?;
                        self.journal.failure(failed)?;
                    }
                }
            }
            if !pool.is_over() {
                std::thread::sleep(POLL);
                continue;
            }
            if pool.is_stopping() {
                return Ok(End::Interrupted);
            }
            self.look_at_others()?;
            match keys.iter().find(|&&key| self.shared.is_some() && !self.has_ended(key)) {
                None => return Ok(End::All),
                Some(_) if is_last => return Ok(End::Own),
                Some(&(trial, seed, _)) => {
                    board.others(&format!("{} seed {seed}", trial_name(trial)));
                    std::thread::sleep(LOOK);
                }
            }
        }
    }

    /// Whether nobody runs this any more, for now.
    fn has_ended(&self, key: Key) -> bool {
        let records = &self.journal.records;
        records.done.contains_key(&key) || self.shared.is_some() && records.failed.contains_key(&key)
    }

    /// Reads what the other workers have done.
    fn look_at_others(&mut self) -> Result<(), SweepError> {
        self.shared.as_ref().map_or(Ok(()), |shared| Ok(shared.merge(&mut self.journal)?))
    }

    /// Notes where a trial lies of which this worker has made a run.
    fn note_trial(&mut self, trial: usize) -> Result<(), SweepError> {
        let Some(shared) = &mut self.shared else { return Ok(()) };
        if shared.noted.insert(trial) {
            let point = self.journal.records.points[&trial].clone();
            self.journal.trial(trial, &point)?;
        }
        Ok(())
    }

    /// Whether this process is the one that writes the tables: of several workers, one does that once all is done.
    ///
    /// # Errors
    /// If that cannot be found out.
    pub fn concludes(&self, end: End) -> Result<bool, SweepError> {
        match &self.shared {
            None => Ok(true),
            Some(_) if end != End::All => Ok(false),
            Some(shared) => {
                shared.concludes().map_err(|source| SweepError::Folder { path: self.folder.clone(), source })
            }
        }
    }

    /// The table of all trials so far.
    #[must_use]
    pub fn table(&self) -> Table {
        Table::new(&self.plan, &self.journal.records)
    }

    /// Writes the table of all trials so far as `sweep.csv`, and its runs as `trials.csv`.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn write_tables(&self) -> Result<(), SweepError> {
        let runs = Table::runs_csv(&self.plan, &self.journal.records);
        for (name, text) in [("sweep.csv", self.table().csv()), ("trials.csv", runs)] {
            let path = self.folder.join(name);
            text.and_then(|text| write_atomic(&path, &text))
                .map_err(|source| SweepError::Folder { path, source })?;
        }
        Ok(())
    }
}

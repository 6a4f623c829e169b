//! A sweep's folder that several workers share.

use std::collections::{BTreeSet, VecDeque};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use records::disk;

use super::claims::Claims;
use super::error::SweepError;
use super::journal::{Build, Header, Journal, JournalError};
use super::journals;
use super::names::{JOURNAL, WORKERS};
use super::share::Share;
use super::worker::Job;

/// How often a journal is read that looks damaged, and the pause before it is read again: over a network, a line that is
/// being written may be seen in part.
const TRIES: (u32, Duration) = (20, Duration::from_millis(100));

/// One worker of several.
pub(super) struct Shared {
    share: Share,
    folder: PathBuf,
    claims: Claims,
    /// Trials that are in its journal.
    pub noted: BTreeSet<usize>,
    /// Keep a second process from being the same worker, where the file system has locks.
    _locks: Vec<File>,
}

impl Shared {
    /// Opens the journal of a worker, in a folder that this or another one begins.
    ///
    /// # Errors
    /// If the worker is at work already, or a journal is of another sweep, damaged, or cannot be read or written.
    pub(super) fn open(
        sweep: &Path,
        share: Share,
        header: &Header,
        build: Build,
    ) -> Result<(Journal, Self), SweepError> {
        let folder = sweep.join(WORKERS);
        let failed = |source| SweepError::Folder { path: folder.clone(), source };
        disk::create_folder(&folder).map_err(failed)?;
        let mut locks = Vec::new();
        let earlier = journals::workers(sweep)?.into_iter().filter(|&other| share.owns(other));
        let own = BTreeSet::from_iter(earlier.chain([share.number()]));
        for number in own {
            let path = folder.join(format!("{number}.lock"));
            let open = File::options().read(true).create(true).append(true).open(&path).map_err(failed)?;
            match disk::lock(&path, open) {
                Ok(Some(lock)) => locks.push(lock),
                Ok(None) => return Err(SweepError::BusyWorker { path: sweep.to_owned(), number }),
                // That there are none was told when the folder was taken.
                Err(_) => {}
            }
        }
        let claims = Claims::new(sweep, share);
        let first = header.line().map_err(|error| failed(error.into()))?;
        let shared = Self { share, folder: sweep.to_owned(), claims, noted: BTreeSet::new(), _locks: locks };
        shared.write_once(&sweep.join(JOURNAL), first.as_bytes()).map_err(failed)?;
        // Before there is one of this worker that would be about another sweep.
        Journal::check(&sweep.join(JOURNAL), header)?;
        let mut journal = Journal::open(&journals::of_worker(sweep, share.number()), header, build)?;
        journal.merge(&sweep.join(JOURNAL))?;
        shared.merge(&mut journal)?;
        Ok((journal, shared))
    }

    /// Writes a file that all workers would write, unless it is there.
    pub(super) fn write_once(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        if path.exists() { Ok(()) } else { self.claims.create(path, bytes).map(drop) }
    }

    /// Adds to the journal what those of the others say.
    pub(super) fn merge(&self, journal: &mut Journal) -> Result<(), JournalError> {
        for number in journals::workers(&self.folder)? {
            if number == self.share.number() {
                continue;
            }
            let path = journals::of_worker(&self.folder, number);
            let (most, pause) = TRIES;
            let mut tries = 1;
            while let Err(error) = journal.merge(&path) {
                if tries == most || !matches!(error, JournalError::Line { .. }) {
                    return Err(error);
                }
                tries += 1;
                std::thread::sleep(pause);
            }
        }
        Ok(())
    }

    /// By what this worker claims the jobs of a queue, which is turned so that it begins elsewhere than the others.
    pub(super) fn claims(&self, queue: &mut VecDeque<Job>) -> Claims {
        queue.rotate_left(self.share.begin(queue.len()));
        self.claims.clone()
    }

    /// Whether this worker ends the sweep.
    pub(super) fn concludes(&self) -> io::Result<bool> {
        self.claims.take_end()
    }
}

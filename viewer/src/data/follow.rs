//! Keeps up with a run folder that another process may be writing, finishing or deleting.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use records::checkpoint::Checkpoint;
use records::folder::RunFolder;
use records::metrics::Metrics;

/// How a run is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    /// It may still go on.
    Running,
    /// It has reached its end.
    Finished,
    /// Its folder is gone; what was read is kept.
    Gone,
}

/// Which of a run's checkpoints to watch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wanted {
    /// The newest one, again and again.
    #[default]
    Latest,
    /// The one with the best evaluation.
    Best,
    /// The one after a generation.
    Generation(u64),
}

/// A file's identity: if it changes, the file is read again.
type Stamp = (SystemTime, u64);

/// A run folder under observation.
#[derive(Clone)]
pub struct Follow {
    /// Which checkpoint to watch.
    pub wanted: Wanted,
    /// The metrics as far as they could be read.
    pub metrics: Option<Arc<Metrics>>,
    /// How the run is doing.
    pub state: RunState,
    /// Generations with a checkpoint of their own, in order.
    pub generations: Vec<u64>,
    /// Why the last look failed, if it did.
    pub trouble: Option<String>,
    folder: RunFolder,
    metrics_stamp: Option<Stamp>,
    checkpoint_stamp: Option<(Wanted, Stamp)>,
}

impl Follow {
    /// Starts to follow a run.
    #[must_use]
    pub fn new(folder: RunFolder) -> Self {
        Self {
            wanted: Wanted::default(),
            metrics: None,
            state: RunState::Running,
            generations: Vec::new(),
            trouble: None,
            folder,
            metrics_stamp: None,
            checkpoint_stamp: None,
        }
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Looks at the folder; returns the wanted checkpoint if it is new or has changed.
    ///
    /// Nothing that another process does to the folder is an error: what cannot be read now is
    /// left as it was, said in [`Follow::trouble`], and tried again the next time.
    pub fn poll(&mut self) -> Option<Checkpoint> {
        self.trouble = None;
        if !self.folder.path().is_dir() {
            self.state = RunState::Gone;
            return None;
        }
        self.state = if self.folder.is_finished() { RunState::Finished } else { RunState::Running };
        self.generations = self.folder.generations().unwrap_or_default();
        let metrics = stamp(&self.folder.metrics());
        if metrics.is_some() && metrics != self.metrics_stamp {
            match Metrics::read(&self.folder.metrics()) {
                Ok(read) => {
                    self.metrics = Some(Arc::new(read));
                    self.metrics_stamp = metrics;
                }
                Err(error) => self.trouble = Some(error.to_string()),
            }
        }
        let file = match self.wanted {
            Wanted::Latest => self.folder.last(),
            Wanted::Best => self.folder.best(),
            Wanted::Generation(generation) => self.folder.numbered(generation),
        };
        let found = stamp(&file).map(|stamp| (self.wanted, stamp));
        if found.is_none() || found == self.checkpoint_stamp {
            return None;
        }
        match Checkpoint::load(&file) {
            Ok(checkpoint) => {
                self.checkpoint_stamp = found;
                Some(checkpoint)
            }
            Err(error) => {
                self.trouble = Some(error.to_string());
                None
            }
        }
    }

    /// Other runs in the folder that this one is in, by name.
    #[must_use]
    pub fn siblings(&self) -> Vec<RunFolder> {
        let own = self.path().canonicalize().unwrap_or_else(|_| self.path().to_owned());
        let entries =
            own.parent().and_then(|parent| fs::read_dir(parent).ok()).into_iter().flatten().flatten();
        let mut paths: Vec<_> = entries.map(|entry| entry.path()).filter(|path| *path != own).collect();
        paths.sort();
        paths.iter().filter_map(|path| RunFolder::open(path).ok()).collect()
    }

    /// The last generation in the metrics.
    #[must_use]
    pub fn generation(&self) -> Option<u64> {
        let metrics = self.metrics.as_ref()?;
        let last = metrics.column("generation")?.into_iter().flatten().last()?;
        Some(last as u64)
    }
}

fn stamp(file: &Path) -> Option<Stamp> {
    let data = fs::metadata(file).ok()?;
    Some((data.modified().ok()?, data.len()))
}

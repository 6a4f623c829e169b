//! Why a sweep cannot start or go on.

use std::io;
use std::path::PathBuf;

use records::text;

use super::journal::JournalError;

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
    /// Another process is the same worker.
    #[error(
        "worker {number} is at work in {path} already; wait for it, or choose another number for this one"
    )]
    BusyWorker {
        /// The folder.
        path: PathBuf,
        /// Number of the worker.
        number: usize,
    },
    /// The folder holds something else.
    #[error("{path} has a {file} that is not from a sweep and would be overwritten; choose another --out")]
    Occupied {
        /// The folder.
        path: PathBuf,
        /// File in it.
        file: &'static str,
    },
    /// Trials of the sweep started from another checkpoint.
    #[error(
        "init is not the checkpoint {path}, from which trials of this sweep have started; choose another --out"
    )]
    Init {
        /// The copy that is there.
        path: PathBuf,
    },
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The base config cannot be written.
    #[error(transparent)]
    Config(#[from] text::ConfigError),
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

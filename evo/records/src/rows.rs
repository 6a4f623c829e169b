//! A CSV file that grows, whatever its columns.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::atomic::write_atomic;
use crate::events::EventsWriter;
use crate::input;

/// What is wrong with a metrics file.
#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    /// The file cannot be read or written.
    #[error("cannot {action} {path}: {source}")]
    File {
        /// `read` or `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The header is not the one of this run.
    #[error("{path}: the columns are not those of this run (expected {expected})")]
    Columns {
        /// The file.
        path: PathBuf,
        /// The expected header.
        expected: String,
    },
    /// A line is malformed.
    #[error("{path}: line {line}: {message}")]
    Line {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
        /// What is wrong.
        message: String,
    },
}

/// A CSV file that grows by a row per generation, and the run's event file if it has one.
#[derive(Debug)]
pub(crate) struct Rows {
    file: File,
    events: Option<(EventsWriter, PathBuf)>,
    path: PathBuf,
}

impl Rows {
    /// Starts a file with this header line.
    pub(crate) fn create(path: &Path, header: &str) -> Result<Self, MetricsError> {
        let failed = |source| MetricsError::File { action: "write", path: path.to_owned(), source };
        let mut file = File::options().write(true).create_new(true).open(path).map_err(failed)?;
        file.write_all(header.as_bytes()).map_err(failed)?;
        Ok(Self { file, events: None, path: path.to_owned() })
    }

    /// Continues a file after `generation`, the number in the first cell: later rows, and a last row cut off
    /// by a crash, go. A missing file is started anew.
    pub(crate) fn resume(path: &Path, header: &str, generation: u64) -> Result<Self, MetricsError> {
        let failed = |action| move |source| MetricsError::File { action, path: path.to_owned(), source };
        let text = match input::text(path, input::TABLE) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Self::create(path, header),
            Err(error) => return Err(failed("read")(error)),
        };
        let Some(rows) = text.strip_prefix(header) else {
            let expected = header.trim_end().to_owned();
            return Err(MetricsError::Columns { path: path.to_owned(), expected });
        };
        let mut kept = header.to_owned();
        for (index, row) in rows.split_inclusive('\n').enumerate() {
            if !row.ends_with('\n') {
                break;
            }
            let cell = row.split(',').next().unwrap_or_default();
            let row_generation: u64 = cell.parse().map_err(|_| MetricsError::Line {
                path: path.to_owned(),
                line: index as u64 + 2,
                message: format!("'{cell}' is not a generation"),
            })?;
            if row_generation <= generation {
                kept.push_str(row);
            }
        }
        write_atomic(path, kept.as_bytes()).map_err(failed("write"))?;
        let file = File::options().append(true).open(path).map_err(failed("write"))?;
        Ok(Self { file, events: None, path: path.to_owned() })
    }

    fn failed(path: &Path) -> impl FnOnce(io::Error) -> MetricsError {
        let path = path.to_owned();
        move |source| MetricsError::File { action: "write", path, source }
    }

    /// Makes sure that the rows survive a power cut.
    pub(crate) fn sync(&self) -> Result<(), MetricsError> {
        self.file.sync_data().map_err(Self::failed(&self.path))
    }

    /// Appends a line with its end; it is in the files when this returns.
    pub(crate) fn push(&mut self, line: &str) -> Result<(), MetricsError> {
        // One write per row: a reader never sees half of one.
        self.file.write_all(line.as_bytes()).map_err(Self::failed(&self.path))?;
        if let Some((events, path)) = &mut self.events {
            events.push(line).map_err(Self::failed(path))?;
        }
        Ok(())
    }

    /// Writes the same to the event file at `path` too, beginning with the rows that are there.
    pub(crate) fn with_events(mut self, path: &Path) -> Result<Self, MetricsError> {
        let text = input::text(&self.path, input::TABLE).map_err(|source| MetricsError::File {
            action: "read",
            path: self.path.clone(),
            source,
        })?;
        let mut lines = text.split_inclusive('\n');
        let header = lines.next().unwrap_or_default();
        let events = EventsWriter::open(path, header, &lines.collect::<Vec<_>>());
        self.events = Some((events.map_err(Self::failed(path))?, path.to_owned()));
        Ok(self)
    }
}

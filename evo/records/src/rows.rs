//! A CSV file that grows, whatever its columns.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::columns::is_time;
use crate::disk::{self, Appender};
use crate::events::EventsWriter;
use crate::hashes::{self, HASHES, Hashes, Mark, Verdict};

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
    /// The rows are not those that were written.
    #[error("{path} is damaged: {message}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
}

/// What helps against a damaged table.
const DELETE: &str = "Restore it, or delete it to continue without the rows so far";

/// What a checkpoint says of the rows before it. Times differ from run to run, so they are left out: equal runs have
/// equal checkpoints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowsMark {
    /// First generation that has a row; above 1 if a run went on without its file.
    pub first: u64,
    /// Rows.
    pub rows: u64,
    /// BLAKE3 of the header and the rows without the columns that hold times.
    pub blake3: String,
}

/// Rows so far, as hashes.
#[derive(Clone, Debug)]
struct Sums {
    /// Whether each column holds times.
    times: Vec<bool>,
    untimed: blake3::Hasher,
    whole: blake3::Hasher,
    length: u64,
    first: Option<u64>,
    rows: u64,
}

impl Sums {
    fn new(header: &str) -> Self {
        let times = header.trim_end().split(',').map(is_time).collect();
        let (untimed, whole) = (blake3::Hasher::new(), blake3::Hasher::new());
        let mut sums = Self { times, untimed, whole, length: 0, first: None, rows: 0 };
        sums.add(header);
        sums
    }

    /// Adds a line with its end.
    fn add(&mut self, line: &str) {
        for (cell, _) in line.trim_end().split(',').zip(&self.times).filter(|(_, time)| !**time) {
            self.untimed.update(cell.as_bytes()).update(b",");
        }
        self.untimed.update(b"\n");
        self.whole.update(line.as_bytes());
        self.length += line.len() as u64;
    }

    fn add_row(&mut self, line: &str, generation: u64) {
        self.add(line);
        self.first.get_or_insert(generation);
        self.rows += 1;
    }

    fn mark(&self) -> RowsMark {
        RowsMark {
            first: self.first.unwrap_or(1),
            rows: self.rows,
            blake3: self.untimed.finalize().to_hex().to_string(),
        }
    }

    fn mark_of_file(&self) -> Mark {
        Mark { length: self.length, blake3: self.whole.finalize().to_hex().to_string() }
    }
}

/// A CSV file that grows by a row per generation, and the run's event file if it has one.
#[derive(Debug)]
pub(crate) struct Rows {
    file: Appender,
    sums: Sums,
    events: Option<(EventsWriter, PathBuf)>,
    path: PathBuf,
}

/// The generation in the first cell of the line with this number.
fn generation_of(path: &Path, row: &str, line: u64) -> Result<u64, MetricsError> {
    let cell = row.split(',').next().unwrap_or_default();
    cell.parse().map_err(|_| MetricsError::Line {
        path: path.to_owned(),
        line,
        message: format!("'{cell}' is not a generation"),
    })
}

/// The whole rows up to a generation, which must follow each other.
fn until(path: &Path, header: &str, rows: &str, generation: u64) -> Result<Sums, MetricsError> {
    let mut sums = Sums::new(header);
    for (index, row) in rows.split_inclusive('\n').enumerate() {
        let line = index as u64 + 2;
        if !row.ends_with('\n') {
            break;
        }
        let found = generation_of(path, row, line)?;
        let next = sums.first.map_or(found, |first| first + sums.rows);
        if found != next {
            let message = format!("line {line}: generation {found}, expected {next}");
            return Err(MetricsError::Damaged { path: path.to_owned(), message });
        }
        if found > generation {
            break;
        }
        sums.add_row(row, found);
    }
    Ok(sums)
}

/// Whether the text of a metrics file has the rows that a checkpoint after `generation` speaks of.
pub(crate) fn has_rows(
    path: &Path,
    text: &str,
    generation: u64,
    mark: &RowsMark,
) -> Result<bool, MetricsError> {
    let header = text.find('\n').map_or(text.len(), |end| end + 1);
    Ok(until(path, &text[..header], &text[header..], generation)?.mark() == *mark)
}

impl Rows {
    /// Continues a file after `generation`, the number in the first cell: later rows, and a last row cut off
    /// by a crash, go. `mark` is what the checkpoint says of the rows up to there; without it they must be without a
    /// gap. A missing file is started anew, if there may be no rows or the caller says that it was lost.
    pub(crate) fn resume(
        path: &Path,
        header: &str,
        generation: u64,
        mark: Option<&RowsMark>,
    ) -> Result<(Self, Option<String>), MetricsError> {
        let failed = |action| move |source| MetricsError::File { action, path: path.to_owned(), source };
        let damaged = |message: String| MetricsError::Damaged { path: path.to_owned(), message };
        let found = disk::read_if_there(path).map_err(failed("read"))?;
        let missing = found.is_none();
        let lost = missing && generation > 0;
        let bytes = found.unwrap_or_else(|| header.as_bytes().to_owned());
        let hashes = Hashes::read(path.parent().unwrap_or(Path::new(""))).map_err(failed("check"))?;
        let verdict = if missing { Verdict::Whole } else { hashes.verdict_of_growing(path, &bytes) };
        let text = String::from_utf8(bytes).map_err(|_| damaged(format!("it is not UTF-8. {DELETE}")))?;
        let Some(rows) = text.strip_prefix(header) else {
            let expected = header.trim_end().to_owned();
            return Err(MetricsError::Columns { path: path.to_owned(), expected });
        };
        let sums = until(path, header, rows, generation)?;
        let kept = &text[..usize::try_from(sums.length).unwrap_or(text.len())];
        let mut warning = None;
        // A kill may have come between the header of a new file and the checkpoint that knows of it.
        if lost || generation > 0 && rows.is_empty() {
            warning = Some(format!(
                "{} has no rows: the run continues without those up to generation {generation}, and counts its time from here",
                path.display()
            ));
        } else {
            let first = sums.first.unwrap_or(1);
            let expected = first..=generation;
            let whole = match mark {
                Some(mark) => *mark == sums.mark(),
                None => sums.rows == expected.clone().count() as u64,
            };
            if !whole {
                let message =
                    format!("its rows up to generation {generation} do not match the checkpoint. {DELETE}");
                return Err(damaged(message));
            }
            match verdict {
                Verdict::Damaged if mark.is_some() => {
                    return Err(damaged(format!(
                        "its rows are those that the checkpoint was written after, but their times do not have the hash \
                         in {HASHES}, or that one is damaged. Delete {HASHES} to take the table as it is"
                    )));
                }
                Verdict::Damaged => {
                    return Err(damaged(format!("it does not match its hash in {HASHES}. {DELETE}")));
                }
                Verdict::Unknown if mark.is_some() => {
                    warning = Some(format!("{} has no hash in {HASHES}", path.display()));
                }
                Verdict::Unknown | Verdict::Whole => {}
            }
            if first > 1 {
                warning = Some(format!("{} begins at generation {first}", path.display()));
            }
        }
        // Both the file as it is and the shorter one that it becomes begin with these rows.
        hashes::announce(path, sums.mark_of_file(), None).map_err(failed("write"))?;
        if missing || kept != text {
            disk::write_atomic(path, kept.as_bytes()).map_err(failed("write"))?;
        }
        let file = Appender::open(path).map_err(failed("write"))?;
        Ok((Self { file, sums, events: None, path: path.to_owned() }, warning))
    }

    fn failed(path: &Path) -> impl FnOnce(io::Error) -> MetricsError {
        let path = path.to_owned();
        move |source| MetricsError::File { action: "write", path, source }
    }

    /// Makes sure that the rows survive a power cut, and notes what they are; returns what a checkpoint after them says
    /// of them.
    pub(crate) fn sync(&self) -> Result<RowsMark, MetricsError> {
        self.file.sync().map_err(Self::failed(&self.path))?;
        hashes::announce(&self.path, self.sums.mark_of_file(), None).map_err(Self::failed(&self.path))?;
        Ok(self.sums.mark())
    }

    /// Appends a line with its end; it is in the files when this returns.
    pub(crate) fn push(&mut self, line: &str) -> Result<(), MetricsError> {
        let generation = generation_of(&self.path, line, self.sums.rows + 2)?;
        // One write per row: a reader never sees half of one.
        self.file.append(line.as_bytes()).map_err(Self::failed(&self.path))?;
        self.sums.add_row(line, generation);
        if let Some((events, path)) = &mut self.events {
            events.push(line).map_err(Self::failed(path))?;
        }
        Ok(())
    }

    /// Writes the same to the event file at `path` too, beginning with the rows that are there.
    pub(crate) fn with_events(mut self, path: &Path) -> Result<Self, MetricsError> {
        let bytes = disk::read(&self.path).map_err(|source| MetricsError::File {
            action: "read",
            path: self.path.clone(),
            source,
        })?;
        let text = String::from_utf8_lossy(&bytes);
        let mut lines = text.split_inclusive('\n');
        let header = lines.next().unwrap_or_default();
        let events = EventsWriter::open(path, header, &lines.collect::<Vec<_>>());
        self.events = Some((events.map_err(Self::failed(path))?, path.to_owned()));
        Ok(self)
    }
}

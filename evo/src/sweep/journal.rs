//! What has been done, on disk: JSON lines, appended and synced one by one.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Version of the lines.
const FORMAT: u32 = 1;

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It cannot be read or written.
    #[error("cannot {action} {path}: {source}")]
    File {
        /// `read` or `write`.
        action: &'static str,
        /// The journal.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A whole line is damaged.
    #[error("{path}:{line}: {message}")]
    Line {
        /// The journal.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// It is of another sweep.
    #[error("{path} is the journal of another sweep: {difference}; undo the change, or choose another --out")]
    Changed {
        /// The journal.
        path: PathBuf,
        /// First difference.
        difference: String,
    },
}

/// A line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Sweep { format: u32, sweep: Value, base: Value },
    Trial(TrialLine),
    Done(Done),
    Failed(Failed),
}

/// A trial's place on the axes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialLine {
    /// Number, from 0.
    pub trial: usize,
    /// Point in [0, 1] per axis.
    pub point: Vec<f64>,
}

/// A finished run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// Trial, from 0.
    pub trial: usize,
    /// Its `run.seed`.
    pub seed: u64,
    /// Generations after which it was scored.
    pub generations: u64,
    /// What it is worth.
    pub value: f64,
    /// Control steps of training since its first generation.
    pub env_steps: u64,
    /// Seconds of training since its first generation.
    pub wall_s: f64,
}

/// A run that failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failed {
    /// Trial, from 0.
    pub trial: usize,
    /// Its `run.seed`.
    pub seed: u64,
    /// Generations that it was to reach.
    pub generations: u64,
    /// Why.
    pub reason: String,
}

/// Trial, seed and generations of a run.
pub type Key = (usize, u64, u64);

/// What a journal says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Records {
    /// Points of trials, by number.
    pub points: BTreeMap<usize, Vec<f64>>,
    /// Finished runs.
    pub done: BTreeMap<Key, Done>,
    /// Reasons of runs that failed last time.
    pub failed: BTreeMap<Key, String>,
}

impl Records {
    fn note(&mut self, line: Line) {
        match line {
            Line::Sweep { .. } => {}
            Line::Trial(TrialLine { trial, point }) => {
                self.points.insert(trial, point);
            }
            Line::Done(done) => {
                let key = (done.trial, done.seed, done.generations);
                self.failed.remove(&key);
                self.done.insert(key, done);
            }
            Line::Failed(Failed { trial, seed, generations, reason }) => {
                self.failed.insert((trial, seed, generations), reason);
            }
        }
    }
}

/// An open journal.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    /// What it says.
    pub records: Records,
}

/// The whole lines of a journal: the sweep file and base config as data (none if it is empty), what it
/// says, and the length of those lines in bytes.
type Contents = (Option<(Value, Value)>, Records, usize);

/// Reads a journal and leaves it alone; another process may be writing it.
///
/// # Errors
/// If it is damaged or cannot be read.
fn read(path: &Path) -> Result<Contents, JournalError> {
    let failed = |source| JournalError::File { action: "read", path: path.to_owned(), source };
    let bytes = std::fs::read(path).map_err(failed)?;
    let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    let text = String::from_utf8_lossy(&bytes[..whole]);
    let damaged = |line: usize, message: String| JournalError::Line { path: path.to_owned(), line, message };
    let (mut sweep_and_base, mut records) = (None, Records::default());
    for (index, text) in text.lines().enumerate() {
        let line = serde_json::from_str(text).map_err(|error| damaged(index + 1, error.to_string()))?;
        match line {
            Line::Sweep { format, sweep, base } if index == 0 => {
                if format != FORMAT {
                    return Err(damaged(1, format!("format {format}, this program reads {FORMAT}")));
                }
                sweep_and_base = Some((sweep, base));
            }
            line if index == 0 || matches!(line, Line::Sweep { .. }) => {
                return Err(damaged(index + 1, "not a journal of a sweep".to_owned()));
            }
            line => records.note(line),
        }
    }
    Ok((sweep_and_base, records, whole))
}

impl Journal {
    /// What the journal at `path` is about and says: the sweep file and its base config as data, and the
    /// records. Another process may be writing it.
    ///
    /// # Errors
    /// If it is no journal, damaged, or cannot be read.
    pub fn stored(path: &Path) -> Result<(Value, Value, Records), JournalError> {
        let (header, records, _) = read(path)?;
        let message = "the journal is empty".to_owned();
        let (sweep, base) =
            header.ok_or_else(|| JournalError::Line { path: path.to_owned(), line: 1, message })?;
        Ok((sweep, base, records))
    }

    /// Opens a journal, or starts one. `sweep` and `base` are the sweep file and its base config; a
    /// last line that a crash has cut off is dropped.
    ///
    /// # Errors
    /// If it is of another sweep, damaged, or cannot be read or written.
    pub fn open(path: &Path, sweep: &Value, base: &Value) -> Result<Self, JournalError> {
        let failed = |action| move |source| JournalError::File { action, path: path.to_owned(), source };
        let options = || File::options().create(true).read(true).append(true).open(path);
        let file = options().map_err(failed("write"))?;
        let (header, records, whole) = read(path)?;
        let length = file.metadata().map_err(failed("read"))?.len();
        if (whole as u64) < length {
            file.set_len(whole as u64).map_err(failed("write"))?;
        }
        if let Some((old_sweep, old_base)) = header {
            let changed = difference("the sweep file", &old_sweep, sweep)
                .or_else(|| difference("the base config", &old_base, base));
            if let Some(difference) = changed {
                return Err(JournalError::Changed { path: path.to_owned(), difference });
            }
        }
        let mut journal = Self { path: path.to_owned(), file, records };
        if whole == 0 {
            journal.append(Line::Sweep { format: FORMAT, sweep: sweep.clone(), base: base.clone() })?;
        }
        Ok(journal)
    }

    fn append(&mut self, line: Line) -> Result<(), JournalError> {
        let write = || -> io::Result<()> {
            let mut text = serde_json::to_string(&line)?;
            text.push('\n');
            (&self.file).write_all(text.as_bytes())?;
            self.file.sync_data()
        };
        write().map_err(|source| JournalError::File { action: "write", path: self.path.clone(), source })?;
        self.records.note(line);
        Ok(())
    }

    /// Notes where a trial lies.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn trial(&mut self, trial: usize, point: &[f64]) -> Result<(), JournalError> {
        self.append(Line::Trial(TrialLine { trial, point: point.to_vec() }))
    }

    /// Notes a finished run.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn finished(&mut self, done: Done) -> Result<(), JournalError> {
        self.append(Line::Done(done))
    }

    /// Notes a run that failed.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn failure(&mut self, failed: Failed) -> Result<(), JournalError> {
        self.append(Line::Failed(failed))
    }
}

/// The first difference between two values in words; none if they are equal.
fn difference(what: &str, old: &Value, new: &Value) -> Option<String> {
    fn walk(path: &str, old: &Value, new: &Value) -> Option<String> {
        if old == new {
            return None;
        }
        let child = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        match (old, new) {
            (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
                a.iter().find_map(|(key, old)| walk(&child(key), old, &b[key]))
            }
            (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
                (0..a.len()).find_map(|i| walk(&child(&i.to_string()), &a[i], &b[i]))
            }
            _ => Some(format!("{path} was {old} and is {new}")),
        }
    }
    walk("", old, new).map(|difference| format!("in {what}, {difference}"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    #[test]
    fn a_journal_survives_a_torn_line_and_refuses_another_sweep() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        let (sweep, base) = (json!({"axes": [{"a": 1}]}), json!({"run": 1}));
        let done = Done { trial: 0, seed: 3, generations: 5, value: 1.0 / 3.0, env_steps: 9, wall_s: 0.5 };
        {
            let mut journal = Journal::open(&path, &sweep, &base).unwrap();
            journal.trial(0, &[0.25]).unwrap();
            let reason = "killed".to_owned();
            journal.failure(Failed { trial: 0, seed: 3, generations: 5, reason }).unwrap();
            assert_eq!(journal.records.failed.len(), 1);
            journal.finished(done.clone()).unwrap();
            assert!(journal.records.failed.is_empty(), "it was tried again and went well");
        }
        File::options().append(true).open(&path).unwrap().write_all(b"{\"done\":{\"tri").unwrap();
        for _ in 0..2 {
            let journal = Journal::open(&path, &sweep, &base).unwrap();
            assert_eq!(journal.records.points[&0], [0.25]);
            assert_eq!(journal.records.done[&(0, 3, 5)], done);
            assert_eq!(Journal::stored(&path).unwrap(), (sweep.clone(), base.clone(), journal.records));
        }
        let error = Journal::open(&path, &json!({"axes": [{"a": 2}]}), &base).unwrap_err().to_string();
        assert!(error.contains("in the sweep file, axes.0.a was 1 and is 2"), "{error}");
        File::options().append(true).open(&path).unwrap().write_all(b"{}\n").unwrap();
        let error = Journal::open(&path, &sweep, &base).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{}:5: ", path.display())), "{error}");
    }
}

//! What has been done, on disk: JSON lines, appended and synced one by one.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use records::disk::{self, Appender};
use records::hashes::Mark;
use records::provenance::Provenance;
use records::text;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use training::config::Config;

use super::config::SweepConfig;

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
    Session(Build),
    Trial(TrialLine),
    Done(Done),
    Failed(Failed),
}

/// What a journal is about.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// The sweep file.
    pub sweep: SweepConfig,
    /// Its base configs.
    pub bases: Vec<Config>,
}

impl Header {
    /// The sweep file and the base configs as data.
    fn as_data(&self) -> serde_json::Result<(Value, Value)> {
        Ok((serde_json::to_value(&self.sweep)?, self.base()?))
    }

    /// The first line of a journal about it.
    pub(super) fn line(&self) -> serde_json::Result<String> {
        let (sweep, base) = self.as_data()?;
        Ok(hashed(&serde_json::to_string(&Line::Sweep { format: FORMAT, sweep, base })?))
    }

    /// The base configs as data: one by itself, several as a list.
    fn base(&self) -> serde_json::Result<Value> {
        match &self.bases[..] {
            [base] => serde_json::to_value(base),
            bases => serde_json::to_value(bases),
        }
    }

    /// From data that an older program may have written: fields that it did not know have their defaults.
    fn read(sweep: &Value, base: Value) -> Result<Self, String> {
        let bases = match base {
            Value::Array(bases) => bases,
            base => vec![base],
        };
        let sweep = text::from_value(sweep).map_err(|error| error.describe())?;
        let bases: Result<_, _> = bases.iter().map(text::from_value).collect();
        Ok(Self { sweep, bases: bases.map_err(|error| error.describe())? })
    }
}

/// The program that ran a session of a sweep.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// Version of this crate.
    pub version: String,
    /// Git commit of the source; none outside of a repository.
    pub commit: Option<String>,
    /// Whether the source has changes that are not in the commit.
    pub dirty: Option<bool>,
    /// Compiler.
    pub rustc: String,
    /// Instruction sets that the compiler could use.
    pub target_features: String,
}

impl Build {
    /// Of a process.
    #[must_use]
    pub fn of(provenance: &Provenance) -> Self {
        let Provenance { version, commit, dirty, rustc, target_features, .. } = provenance.clone();
        Self { version, commit, dirty, rustc, target_features }
    }

    /// In a few words.
    #[must_use]
    pub fn describe(&self) -> String {
        let commit = self.commit.as_deref().map_or("no commit", |commit| commit.get(..12).unwrap_or(commit));
        let changed = if self.dirty == Some(true) { " with changes" } else { "" };
        format!("version {}, {commit}{changed}, {}", self.version, self.rustc)
    }
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
    /// Programs of the sessions that did something; none in journals of before they were noted.
    pub sessions: Vec<Build>,
}

impl Records {
    /// The last score of a run, that after most generations.
    #[must_use]
    pub fn last(&self, trial: usize, seed: u64) -> Option<&Done> {
        self.done.range((trial, seed, 0)..=(trial, seed, u64::MAX)).next_back().map(|(_, done)| done)
    }

    /// Those of some trials.
    #[must_use]
    pub fn of_trials(&self, keep: impl Fn(usize) -> bool) -> Self {
        let mut records = self.clone();
        records.points.retain(|&trial, _| keep(trial));
        records.done.retain(|key, _| keep(key.0));
        records.failed.retain(|key, _| keep(key.0));
        records
    }

    fn note(&mut self, line: Line) {
        match line {
            Line::Sweep { .. } => {}
            Line::Session(build) => self.sessions.push(build),
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

    /// Adds what another journal of the same sweep says.
    pub(super) fn merge(&mut self, other: Self) {
        let Self { points, done, failed, sessions } = other;
        for (trial, point) in points {
            self.points.entry(trial).or_insert(point);
        }
        for (key, run) in done {
            self.done.entry(key).or_insert(run);
        }
        self.failed.extend(failed);
        // What one worker could not do, somebody may have done later.
        let Self { done, failed, .. } = self;
        failed.retain(|key, _| !done.contains_key(key));
        let new: Vec<Build> = sessions.into_iter().filter(|build| !self.sessions.contains(build)).collect();
        self.sessions.extend(new);
    }
}

/// An open journal.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: Appender,
    /// What it says, and what those say that were merged into it.
    pub records: Records,
    /// The session, until there is something to note.
    session: Option<Build>,
    /// The sweep file and the base configs as data.
    header: (Value, Value),
}

/// The whole lines of a journal: what it is about (none if it is empty), what it says, and the length of
/// those lines in bytes.
pub(super) type Contents = (Option<Header>, Records, usize);

/// What stands between a line's contents and its hash, and after it.
const HASH: (&str, &str) = (",\"blake3\":\"", "\"}");

/// A line's JSON object with the hash of its text as the last field, and a line's end.
fn hashed(json: &str) -> String {
    let hash = Mark::of(json.as_bytes()).blake3;
    let open = json.strip_suffix('}').unwrap_or(json);
    format!("{open}{}{hash}{}\n", HASH.0, HASH.1)
}

/// A line without its hash; none if that is another one. Lines of earlier versions have none.
fn checked(line: &str) -> Option<Cow<'_, str>> {
    let split = line.strip_suffix(HASH.1).and_then(|line| line.rsplit_once(HASH.0));
    let Some((open, hash)) = split else { return Some(line.into()) };
    let json = format!("{open}}}");
    (Mark::of(json.as_bytes()).blake3 == hash).then(|| json.into())
}

/// Reads a journal and leaves it alone; another process may be writing it.
///
/// # Errors
/// If it is damaged or cannot be read.
pub(super) fn read(path: &Path) -> Result<Contents, JournalError> {
    let failed = |source| JournalError::File { action: "read", path: path.to_owned(), source };
    let bytes = disk::read(path).map_err(failed)?;
    let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    let text = String::from_utf8_lossy(&bytes[..whole]);
    let damaged = |line: usize, message: String| JournalError::Line { path: path.to_owned(), line, message };
    let (mut header, mut records) = (None, Records::default());
    for (index, text) in text.lines().enumerate() {
        let text = checked(text).ok_or_else(|| damaged(index + 1, "it does not have its hash".to_owned()))?;
        let line = serde_json::from_str(&text).map_err(|error| damaged(index + 1, error.to_string()))?;
        match line {
            Line::Sweep { format, sweep, base } if index == 0 => {
                if format != FORMAT {
                    return Err(damaged(1, format!("format {format}, this program reads {FORMAT}")));
                }
                header = Some(Header::read(&sweep, base).map_err(|message| damaged(1, message))?);
            }
            line if index == 0 || matches!(line, Line::Sweep { .. }) => {
                return Err(damaged(index + 1, "not a journal of a sweep".to_owned()));
            }
            line => records.note(line),
        }
    }
    Ok((header, records, whole))
}

impl Journal {
    /// What the journal at `path` is about and says. Another process may be writing it.
    ///
    /// # Errors
    /// If it is no journal, damaged, or cannot be read.
    pub fn stored(path: &Path) -> Result<(Header, Records), JournalError> {
        let (header, records, _) = read(path)?;
        let message = "the journal is empty".to_owned();
        let header = header.ok_or_else(|| JournalError::Line { path: path.to_owned(), line: 1, message })?;
        Ok((header, records))
    }

    /// Opens a journal, or starts one, for a session of `build`; a last line that a crash has cut off is
    /// dropped.
    ///
    /// # Errors
    /// If it is of another sweep, damaged, or cannot be read or written.
    pub fn open(path: &Path, header: &Header, build: Build) -> Result<Self, JournalError> {
        let failed = |action| move |source| JournalError::File { action, path: path.to_owned(), source };
        let file = Appender::open(path).map_err(failed("write"))?;
        let (old, records, whole) = read(path)?;
        let length = std::fs::metadata(path).map_err(failed("read"))?.len();
        if (whole as u64) < length {
            file.truncate(whole as u64).map_err(failed("write"))?;
        }
        let json = |data: serde_json::Result<_>| data.map_err(|e| failed("write")(e.into()));
        let header = json(header.as_data())?;
        if let Some(old) = old {
            check_same(path, &old, &header)?;
        }
        let mut journal = Self { path: path.to_owned(), file, records, session: None, header };
        if whole == 0 {
            let (sweep, base) = journal.header.clone();
            journal.append(Line::Sweep { format: FORMAT, sweep, base })?;
        }
        journal.session = Some(build);
        Ok(journal)
    }

    /// Whether the journal at `path`, if it says so, is about this sweep.
    ///
    /// # Errors
    /// If it is of another sweep, damaged, or cannot be read.
    pub(super) fn check(path: &Path, header: &Header) -> Result<(), JournalError> {
        let failed = |error: serde_json::Error| JournalError::File {
            action: "read",
            path: path.to_owned(),
            source: error.into(),
        };
        let data = header.as_data().map_err(failed)?;
        read(path)?.0.map_or(Ok(()), |its| check_same(path, &its, &data))
    }

    /// Adds what another journal of the same sweep says, whose process may be at work.
    ///
    /// # Errors
    /// If it is of another sweep, damaged, or cannot be read.
    pub(super) fn merge(&mut self, other: &Path) -> Result<(), JournalError> {
        let (header, records, _) = read(other)?;
        // One that has only been made says nothing.
        let Some(header) = header else { return Ok(()) };
        check_same(other, &header, &self.header)?;
        self.records.merge(records);
        Ok(())
    }

    fn append(&mut self, line: Line) -> Result<(), JournalError> {
        if let Some(build) = self.session.take() {
            self.append(Line::Session(build))?;
        }
        let mut write = || -> io::Result<()> {
            self.file.append(hashed(&serde_json::to_string(&line)?).as_bytes())?;
            self.file.sync()
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

/// Whether a journal is about this sweep.
fn check_same(path: &Path, its: &Header, (sweep, base): &(Value, Value)) -> Result<(), JournalError> {
    let failed = |error: serde_json::Error| JournalError::File {
        action: "read",
        path: path.to_owned(),
        source: error.into(),
    };
    let (its_sweep, its_base) = its.as_data().map_err(failed)?;
    let changed = difference("the sweep file", &its_sweep, sweep)
        .or_else(|| difference("the base config", &its_base, base));
    changed.map_or(Ok(()), |difference| Err(JournalError::Changed { path: path.to_owned(), difference }))
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

    use records::text::value;

    use std::fs::File;
    use std::io::Write as _;

    use super::*;

    fn header(sigma: f64) -> Header {
        let sweep = format!(
            "(config: \"a.ron\", axes: [List(path: \"strategy.sigma\", values: [{sigma}])], seeds: [3])"
        );
        let base = "(env: InvertedPendulum(), strategy: OpenEs(population: 8))";
        Header {
            sweep: text::from_value(&value::parse(&sweep).unwrap().value).unwrap(),
            bases: vec![text::parse("a.ron", base).unwrap()],
        }
    }

    fn build(commit: &str) -> Build {
        Build { commit: Some(commit.to_owned()), ..Build::default() }
    }

    #[test]
    fn a_journal_survives_a_torn_line_and_refuses_another_sweep() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        let done = Done { trial: 0, seed: 3, generations: 5, value: 1.0 / 3.0, env_steps: 9, wall_s: 0.5 };
        let later = Done { generations: 9, ..done.clone() };
        {
            let mut journal = Journal::open(&path, &header(0.1), build("one")).unwrap();
            journal.trial(0, &[0.25]).unwrap();
            let reason = "killed".to_owned();
            journal.failure(Failed { trial: 0, seed: 3, generations: 5, reason }).unwrap();
            assert_eq!(journal.records.failed.len(), 1);
            journal.finished(done.clone()).unwrap();
            journal.finished(later.clone()).unwrap();
            assert!(journal.records.failed.is_empty(), "it was tried again and went well");
        }
        File::options().append(true).open(&path).unwrap().write_all(b"{\"done\":{\"tri").unwrap();
        for _ in 0..2 {
            let journal = Journal::open(&path, &header(0.1), build("two")).unwrap();
            assert_eq!(journal.records.points[&0], [0.25]);
            assert_eq!(journal.records.done[&(0, 3, 5)], done);
            assert_eq!(journal.records.last(0, 3), Some(&later));
            assert_eq!(journal.records.last(0, 2), None);
            assert_eq!(journal.records.sessions, [build("one")], "a session that does nothing is not noted");
            assert_eq!(Journal::stored(&path).unwrap(), (header(0.1), journal.records));
        }
        let error = Journal::open(&path, &header(0.2), build("two")).unwrap_err().to_string();
        assert!(error.contains("in the sweep file, axes.0.List.values.0 was 0.1 and is 0.2"), "{error}");
        let mut journal = Journal::open(&path, &header(0.1), build("two")).unwrap();
        journal.trial(1, &[0.5]).unwrap();
        let records = Journal::stored(&path).unwrap().1;
        assert_eq!(records.sessions, [build("one"), build("two")]);
        let text = std::fs::read_to_string(&path).unwrap();
        File::options().append(true).open(&path).unwrap().write_all(b"{}\n").unwrap();
        let error = Journal::open(&path, &header(0.1), build("two")).unwrap_err().to_string();
        let line = text.lines().count() + 1;
        assert!(error.starts_with(&format!("{}:{line}: ", path.display())), "{error}");
    }

    #[test]
    fn a_flipped_bit_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        let mut journal = Journal::open(&path, &header(0.1), build("one")).unwrap();
        journal.trial(0, &[0.25]).unwrap();
        drop(journal);
        let whole = std::fs::read(&path).unwrap();
        let start = whole.iter().rposition(|&byte| byte == b'{').unwrap();
        // But for the last line's end: without it the line is one that a crash has cut off.
        for bit in 8 * start..8 * (whole.len() - 1) {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, bytes).unwrap();
            let error = Journal::stored(&path).unwrap_err();
            assert!(matches!(error, JournalError::Line { .. }), "{bit}: {error}");
        }
    }

    /// A program that knows more fields goes on with an older one's sweeps.
    #[test]
    fn fields_that_an_older_journal_lacks_have_their_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        drop(Journal::open(&path, &header(0.1), build("one")).unwrap());
        let text = std::fs::read_to_string(&path).unwrap();
        let mut line: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert!(line.as_object_mut().unwrap().remove("blake3").is_some());
        let sweep = line["sweep"]["sweep"].as_object_mut().unwrap();
        assert!(sweep.remove("objective").is_some() && sweep.remove("init").is_some());
        let base = line["sweep"]["base"].as_object_mut().unwrap();
        assert!(base.remove("changes").is_some());
        assert!(base["run"].as_object_mut().unwrap().remove("keep").is_some());
        std::fs::write(&path, format!("{line}\n")).unwrap();
        drop(Journal::open(&path, &header(0.1), build("one")).unwrap());
        // What differs is told all the same.
        line["sweep"]["base"]["run"]["eval_every"] = 7.into();
        std::fs::write(&path, format!("{line}\n")).unwrap();
        let error = Journal::open(&path, &header(0.1), build("one")).unwrap_err().to_string();
        assert!(error.contains("in the base config, run.eval_every was 7 and is 10"), "{error}");
        line["sweep"]["base"]["run"]["eval_ever"] = 7.into();
        std::fs::write(&path, format!("{line}\n")).unwrap();
        let error = Journal::open(&path, &header(0.1), build("one")).unwrap_err().to_string();
        assert!(error.contains("journal.jsonl:1: unknown field 'eval_ever'"), "{error}");
    }
}

//! The folder of a run.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::disk;
use crate::hashes::{self, HASHES, Hashes, Mark, Verdict};
use crate::lock::{LOCK, Lock};

/// Folder of runs that were not given one.
pub const RUNS: &str = "results/runs";

/// Name of a run's event file. TensorBoard knows one by `tfevents`; a run needs only this one.
pub const EVENTS: &str = "events.out.tfevents.0";

/// Folder in which a new run is put together.
const STAGE: &str = "new.tmp";

/// What a run has from its first moment on, so that it can go on whenever it is ended.
#[derive(Clone, Debug)]
pub struct First<'a> {
    /// The resolved config's text.
    pub config: &'a str,
    /// Where the run comes from, as JSON.
    pub provenance: String,
    /// Header line of `metrics.csv`.
    pub metrics: String,
    /// The checkpoint of generation 0.
    pub checkpoint: Vec<u8>,
    /// Name and last checkpoint of the stage that it follows.
    pub ended: Option<(String, Vec<u8>)>,
}

/// What is wrong with a run folder.
#[derive(Debug, thiserror::Error)]
pub enum RunFolderError {
    /// The folder holds a run already.
    #[error("{path} already contains a run; choose another --out (runs are never overwritten)")]
    Occupied {
        /// The folder.
        path: PathBuf,
    },
    /// The folder cannot be made or written to.
    #[error("cannot write to run folder {path}: {source}")]
    Write {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file does not hold what was written to it.
    #[error("{path} is damaged: it does not match its hash in {HASHES}")]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The folder holds no run.
    #[error("{path} is not a run folder: {reason}")]
    NotARun {
        /// The folder.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Another process holds the run.
    #[error("{path} is being trained by another process")]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// The name cannot be part of a folder's name.
    #[error("run name '{name}': use letters, digits, '-', '_' and '.' (--name)")]
    Name {
        /// The name.
        name: String,
    },
}

/// Folder of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Makes and locks a folder with all that a run begins with: `out`, or else a new one under [`RUNS`] with name,
    /// seed and time. Doing this first shows a full or read-only disk before any work starts.
    ///
    /// # Errors
    /// A name that is no file name, a folder that contains a run, or one that cannot be written.
    pub fn create(
        out: Option<&Path>,
        name: &str,
        seed: u64,
        first: &First<'_>,
    ) -> Result<(Self, Lock), RunFolderError> {
        match out {
            Some(path) => Self::claim(path, first),
            None => {
                let stamp = jiff::ZonedDateTime::now().strftime("%Y%m%d-%H%M%S").to_string();
                Self::create_in(Path::new(RUNS), name, seed, &stamp, first)
            }
        }
    }

    /// A new folder `NAME__sSEED__STAMP` under `root`, with `-2`, `-3`, … if that exists.
    ///
    /// # Errors
    /// As [`RunFolder::create`].
    pub fn create_in(
        root: &Path,
        name: &str,
        seed: u64,
        stamp: &str,
        first: &First<'_>,
    ) -> Result<(Self, Lock), RunFolderError> {
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
            return Err(RunFolderError::Name { name: name.to_owned() });
        }
        let mut count = 1u32;
        loop {
            let suffix = if count == 1 { String::new() } else { format!("-{count}") };
            let path = root.join(format!("{name}__s{seed}__{stamp}{suffix}"));
            match Self::claim(&path, first) {
                Err(RunFolderError::Occupied { .. }) if count < 1000 => count += 1,
                result => return result,
            }
        }
    }

    /// Takes a folder that contains no run yet. The run is put together in a folder inside and moved from there, its
    /// config last: with that it is one.
    fn claim(path: &Path, first: &First<'_>) -> Result<(Self, Lock), RunFolderError> {
        let folder = Self { path: path.to_owned() };
        let failed = |source| RunFolderError::Write { path: path.to_owned(), source };
        let occupied = || RunFolderError::Occupied { path: path.to_owned() };
        let was_there = path.exists();
        disk::create_folder(path).map_err(failed)?;
        // Of two processes only one gets the folder.
        let lock = Lock::take(path).map_err(failed)?.ok_or_else(occupied)?;
        let stage = path.join(STAGE);
        if folder.config().exists() {
            return Err(occupied());
        }
        if stage.exists() {
            // A process that was killed has moved what is not in the stage any more.
            folder.abandon().map_err(failed)?;
        }
        let traces = [folder.metrics(), folder.events(), folder.checkpoints(), folder.summary()];
        if traces.iter().any(|trace| trace.exists()) {
            return Err(occupied());
        }
        if let Err(error) = folder.put_together(&stage, first) {
            // Half a run is none: leave the folder free.
            let _ = folder.abandon();
            let _ = disk::remove(&path.join(LOCK));
            if !was_there {
                let _ = fs::remove_dir(path);
            }
            return Err(failed(error));
        }
        Ok((folder, lock))
    }

    /// What a run begins with, in the order in which it is moved to its place.
    fn beginning(&self) -> [PathBuf; 5] {
        [self.checkpoints(), self.provenance(), self.metrics(), self.path.join(HASHES), self.config()]
    }

    fn put_together(&self, stage: &Path, first: &First<'_>) -> io::Result<()> {
        let staged = Self { path: stage.to_owned() };
        disk::create_folder(&staged.checkpoints())?;
        let mut hashes = Hashes::default();
        for (file, bytes) in [
            (staged.config(), first.config.as_bytes()),
            (staged.provenance(), first.provenance.as_bytes()),
            (staged.metrics(), first.metrics.as_bytes()),
        ] {
            disk::write(&file, bytes)?;
            hashes.set(&file, bytes);
        }
        disk::write(&stage.join(HASHES), &hashes.to_bytes())?;
        disk::write(&staged.last(), &first.checkpoint)?;
        if let Some((name, checkpoint)) = &first.ended {
            disk::write(&staged.stage(name), checkpoint)?;
        }
        disk::sync_folder(&staged.checkpoints());
        for (from, to) in staged.beginning().iter().zip(self.beginning()) {
            if to == self.config() {
                disk::sync_folder(&self.path);
            }
            disk::rename(from, &to)?;
        }
        disk::sync_folder(&self.path);
        let _ = disk::remove(stage);
        Ok(())
    }

    /// Deletes what a folder has of a run that was not put together to its end.
    fn abandon(&self) -> io::Result<()> {
        self.beginning().iter().try_for_each(|path| disk::remove(path))?;
        disk::remove(&self.path.join(STAGE))
    }

    /// The folder of an existing run.
    ///
    /// # Errors
    /// If there is no such folder or it has no `config.ron`.
    pub fn open(path: &Path) -> Result<Self, RunFolderError> {
        let not = |reason: &str| RunFolderError::NotARun { path: path.to_owned(), reason: reason.to_owned() };
        let folder = Self { path: path.to_owned() };
        if !path.exists() {
            return Err(not("it does not exist"));
        }
        if !path.is_dir() {
            return Err(not("it is a file"));
        }
        if !folder.config().is_file() {
            return Err(not("it has no config.ron"));
        }
        Ok(folder)
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Resolved config, which can be run again as it is.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.path.join("config.ron")
    }

    /// Where the run comes from, see [`Provenance`](crate::provenance::Provenance).
    #[must_use]
    pub fn provenance(&self) -> PathBuf {
        self.path.join("provenance.json")
    }

    /// A row per generation.
    #[must_use]
    pub fn metrics(&self) -> PathBuf {
        self.path.join("metrics.csv")
    }

    /// The same for TensorBoard, if `run.log` asks for it.
    #[must_use]
    pub fn events(&self) -> PathBuf {
        self.path.join(EVENTS)
    }

    /// What was printed.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.path.join("log.txt")
    }

    /// Final numbers; there only if the run is finished.
    #[must_use]
    pub fn summary(&self) -> PathBuf {
        self.path.join("summary.json")
    }

    /// Plot of the run, `extension` being `svg` or `png`.
    #[must_use]
    pub fn curve(&self, extension: &str) -> PathBuf {
        self.path.join(format!("curve.{extension}"))
    }

    /// Folder of the checkpoints.
    #[must_use]
    pub fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    /// Checkpoint after a generation.
    #[must_use]
    pub fn numbered(&self, generation: u64) -> PathBuf {
        self.checkpoints().join(format!("gen_{generation:06}.safetensors"))
    }

    /// Checkpoint with the best evaluation so far.
    #[must_use]
    pub fn best(&self) -> PathBuf {
        self.checkpoints().join("best.safetensors")
    }

    /// Last checkpoint of a stage that has ended.
    #[must_use]
    pub fn stage(&self, name: &str) -> PathBuf {
        self.checkpoints().join(format!("stage_{name}.safetensors"))
    }

    /// Latest checkpoint.
    #[must_use]
    pub fn last(&self) -> PathBuf {
        self.checkpoints().join("last.safetensors")
    }

    /// Whether the run has reached its end.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.summary().is_file()
    }

    /// Writes one of the folder's files atomically, and notes its hash.
    ///
    /// # Errors
    /// If it cannot be written; names the file.
    pub fn write(&self, file: &Path, bytes: &[u8]) -> Result<(), RunFolderError> {
        let write = || {
            let old = disk::read_if_there(file)?;
            hashes::announce(file, Mark::of(bytes), old.as_deref())?;
            disk::write_atomic(file, bytes)
        };
        write().map_err(|source| RunFolderError::Write { path: file.to_owned(), source })
    }

    /// Writes one of the folder's JSON files atomically, indented, and notes its hash.
    ///
    /// # Errors
    /// If it cannot be written; names the file.
    pub fn write_json<T: Serialize>(&self, file: &Path, value: &T) -> Result<(), RunFolderError> {
        let text = to_json(value)
            .map_err(|error| RunFolderError::Write { path: file.to_owned(), source: error.into() })?;
        self.write(file, text.as_bytes())
    }

    /// Keeps other processes from training the run for as long as the result lives, and deletes
    /// what a killed process has left half-written.
    ///
    /// # Errors
    /// [`RunFolderError::Busy`] if another process holds it, or if the folder cannot be written to.
    pub fn lock(&self) -> Result<Lock, RunFolderError> {
        let failed = |source| RunFolderError::Write { path: self.path.clone(), source };
        let lock = Lock::take(&self.path).map_err(failed)?;
        let lock = lock.ok_or_else(|| RunFolderError::Busy { path: self.path.clone() })?;
        for folder in [self.path.clone(), self.checkpoints()] {
            disk::remove_leftovers(&folder).map_err(failed)?;
        }
        Ok(lock)
    }

    /// Marks the run as unfinished, before it goes on.
    ///
    /// # Errors
    /// If the summary cannot be deleted.
    pub fn reopen(&self) -> Result<(), RunFolderError> {
        let path = self.summary();
        disk::remove(&path).map_err(|source| RunFolderError::Write { path, source })
    }

    /// Generations of the numbered checkpoints that there are, in order.
    ///
    /// # Errors
    /// If the folder cannot be listed.
    pub fn generations(&self) -> Result<Vec<u64>, RunFolderError> {
        let folder = self.checkpoints();
        let failed = |source| RunFolderError::Read { path: folder.clone(), source };
        let mut numbered = Vec::new();
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            let digits =
                name.to_str().and_then(|name| name.strip_prefix("gen_")?.strip_suffix(".safetensors"));
            numbered.extend(digits.and_then(|digits| digits.parse::<u64>().ok()));
        }
        numbered.sort_unstable();
        Ok(numbered)
    }

    /// Deletes numbered checkpoints but the `keep` latest (0 keeps all), and those after `latest`,
    /// which a resumed run will write anew.
    ///
    /// # Errors
    /// If the folder cannot be listed or a file not deleted.
    pub fn prune(&self, keep: usize, latest: u64) -> Result<(), RunFolderError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| RunFolderError::Write { path, source }
        };
        let numbered = self.generations()?;
        let past = numbered.iter().filter(|&&generation| generation <= latest).count();
        let first_kept = if keep == 0 { 0 } else { past.saturating_sub(keep) };
        for (index, &generation) in numbered.iter().enumerate() {
            if index < first_kept || index >= past {
                let file = self.numbered(generation);
                disk::remove(&file).map_err(failed(&file))?;
            }
        }
        Ok(())
    }
}

/// Reads a file of a run folder; none if there is none.
///
/// # Errors
/// If it cannot be read, or does not have the hash that the folder has of it.
pub fn read_file(file: &Path) -> Result<Option<Vec<u8>>, RunFolderError> {
    match hashes::read_judged(file, Hashes::verdict) {
        Ok((_, Verdict::Damaged)) => Err(RunFolderError::Damaged { path: file.to_owned() }),
        Ok((bytes, _)) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(RunFolderError::Read { path: file.to_owned(), source }),
    }
}

/// A value as indented JSON with a line's end.
///
/// # Errors
/// If it is no JSON, such as a map whose keys are no strings.
pub fn to_json<T: Serialize>(value: &T) -> serde_json::Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn first() -> First<'static> {
        First {
            config: "(x: 1)\n",
            provenance: "{}\n".to_owned(),
            metrics: "generation\n".to_owned(),
            checkpoint: b"checkpoint".to_vec(),
            ended: None,
        }
    }

    fn files(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_new_folder_has_name_seed_and_time_and_a_collision_a_number() {
        let root = tempfile::tempdir().unwrap();
        let make = || RunFolder::create_in(root.path(), "ant", 3, "20260102-030405", &first()).unwrap().0;
        let (first, second, third) = (make(), make(), make());
        assert_eq!(first.path(), root.path().join("ant__s3__20260102-030405"));
        assert_eq!(second.path(), root.path().join("ant__s3__20260102-030405-2"));
        assert_eq!(third.path(), root.path().join("ant__s3__20260102-030405-3"));
        assert_eq!(
            files(first.path()),
            ["checkpoints", "config.ron", "hashes.json", "lock", "metrics.csv", "provenance.json"]
        );
        assert_eq!(files(&first.checkpoints()), ["last.safetensors"]);
        assert_eq!(fs::read_to_string(first.config()).unwrap(), "(x: 1)\n");
        assert_eq!(RunFolder::open(first.path()).unwrap(), first);
        assert!(!first.is_finished());
        first.write_json(&first.summary(), &[1]).unwrap();
        assert!(first.is_finished());
    }

    #[test]
    fn a_given_folder_is_taken_unless_it_contains_a_run() {
        let root = tempfile::tempdir().unwrap();
        let out = root.path().join("a/b");
        RunFolder::create(Some(&out), "ant", 1, &first()).unwrap();
        let error = RunFolder::create(Some(&out), "ant", 1, &first()).unwrap_err().to_string();
        assert_eq!(
            error,
            format!(
                "{} already contains a run; choose another --out (runs are never overwritten)",
                out.display()
            )
        );
        for trace in ["config.ron", "metrics.csv", "summary.json"] {
            let out = root.path().join(trace).join("run");
            fs::create_dir_all(&out).unwrap();
            fs::write(out.join(trace), "").unwrap();
            let error = RunFolder::create(Some(&out), "ant", 1, &first()).unwrap_err();
            assert!(matches!(error, RunFolderError::Occupied { .. }), "{trace}: {error}");
        }
        let notes = root.path().join("notes");
        fs::create_dir(&notes).unwrap();
        fs::write(notes.join("notes.txt"), "").unwrap();
        RunFolder::create(Some(&notes), "ant", 1, &first()).unwrap();
    }

    #[test]
    fn a_folder_whose_making_was_killed_is_free() {
        let root = tempfile::tempdir().unwrap();
        let out = root.path().join("run");
        let (whole, lock) = RunFolder::create(Some(&out), "ant", 1, &first()).unwrap();
        drop(lock);
        // As if the config had not been moved yet.
        let stage = out.join(STAGE);
        fs::create_dir(&stage).unwrap();
        fs::rename(whole.config(), stage.join("config.ron")).unwrap();
        fs::write(whole.last(), "other").unwrap();
        assert!(matches!(RunFolder::open(&out), Err(RunFolderError::NotARun { .. })));
        let (again, _lock) = RunFolder::create(Some(&out), "ant", 1, &first()).unwrap();
        assert_eq!(fs::read(again.last()).unwrap(), b"checkpoint");
        assert!(!stage.exists());
        // A run whose config somebody has deleted is not taken for one of these.
        fs::remove_file(again.config()).unwrap();
        drop(_lock);
        let error = RunFolder::create(Some(&out), "ant", 1, &first()).unwrap_err();
        assert!(matches!(error, RunFolderError::Occupied { .. }), "{error}");
    }

    #[test]
    fn a_flipped_bit_is_noticed() {
        let root = tempfile::tempdir().unwrap();
        let (run, _lock) = RunFolder::create_in(root.path(), "a", 1, "t", &first()).unwrap();
        run.write_json(&run.summary(), &[1]).unwrap();
        run.write_json(&run.summary(), &[2]).unwrap();
        assert_eq!(read_file(&run.summary()).unwrap().unwrap(), b"[\n  2\n]\n");
        assert_eq!(read_file(&run.curve("svg")).unwrap(), None);
        for file in [run.summary(), run.config(), run.provenance()] {
            let mut bytes = fs::read(&file).unwrap();
            bytes[1] ^= 4;
            fs::write(&file, bytes).unwrap();
            let error = read_file(&file).unwrap_err().to_string();
            assert_eq!(
                error,
                format!("{} is damaged: it does not match its hash in hashes.json", file.display())
            );
        }
    }

    #[test]
    fn places_that_cannot_be_written_are_named() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        fs::write(&file, "").unwrap();
        let out = file.join("run");
        let error = RunFolder::create(Some(&out), "ant", 1, &first()).unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot write to run folder {}: ", out.display())), "{error}");
        for name in ["", "a/b", "..", "a b"] {
            let error = RunFolder::create_in(root.path(), name, 1, "t", &first()).unwrap_err().to_string();
            assert_eq!(error, format!("run name '{name}': use letters, digits, '-', '_' and '.' (--name)"));
        }
    }

    #[test]
    fn a_folder_without_a_run_says_why() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().display();
        let message = |path: &Path| RunFolder::open(path).unwrap_err().to_string();
        assert_eq!(message(root.path()), format!("{path} is not a run folder: it has no config.ron"));
        let none = root.path().join("none");
        assert_eq!(message(&none), format!("{path}/none is not a run folder: it does not exist"));
        fs::write(&none, "").unwrap();
        assert_eq!(message(&none), format!("{path}/none is not a run folder: it is a file"));
    }

    #[test]
    fn old_and_future_numbered_checkpoints_go() {
        let root = tempfile::tempdir().unwrap();
        let run = RunFolder::create_in(root.path(), "a", 1, "t", &first()).unwrap().0;
        let fill = || {
            for generation in [5, 10, 15, 20, 1_000_000] {
                fs::write(run.numbered(generation), "").unwrap();
            }
            fs::write(run.best(), "").unwrap();
            fs::write(run.last(), "").unwrap();
        };
        fill();
        run.prune(0, u64::MAX).unwrap();
        assert_eq!(files(&run.checkpoints()).len(), 7);
        run.prune(2, 15).unwrap();
        assert_eq!(
            files(&run.checkpoints()),
            ["best.safetensors", "gen_000010.safetensors", "gen_000015.safetensors", "last.safetensors"]
        );
        fill();
        run.prune(1, u64::MAX).unwrap();
        assert!(run.numbered(1_000_000).exists() && !run.numbered(20).exists());
    }
}

//! The runs in a folder, and which one a word on the command line means.

use std::cmp::Reverse;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use records::folder::{RUNS, RunFolder};
use records::{provenance, words};

/// Word for the run that was started last.
pub const LATEST: &str = "latest";

/// How many runs a message names.
const SHOWN: usize = 10;

/// Why a word means no run.
#[derive(Debug, thiserror::Error)]
pub enum NoRun {
    /// No run's name begins so.
    #[error("{word} is not a run folder: it does not exist, and no run in {folder} begins with it{}", there(.meant, .names))]
    None {
        /// The word.
        word: String,
        /// Where runs were looked for.
        folder: String,
        /// The run that was probably meant.
        meant: Option<String>,
        /// Runs that there are, the latest first.
        names: Vec<String>,
    },
    /// Several names begin so.
    #[error("{word} is the beginning of several runs in {folder}; valid: one of them, or more of its name\n{}", listed(.names))]
    Several {
        /// The word.
        word: String,
        /// Where runs were looked for.
        folder: String,
        /// The runs, the latest first.
        names: Vec<String>,
    },
    /// `latest` where there is none.
    #[error("{word}: there are no runs in {folder}")]
    Empty {
        /// The word.
        word: String,
        /// Where runs were looked for.
        folder: String,
    },
}

fn there(meant: &Option<String>, names: &[String]) -> String {
    match (meant, names) {
        (Some(meant), _) => format!(" (did you mean {meant}?)"),
        (None, []) => " (there are none)".to_owned(),
        (None, names) => format!("; the latest there:\n{}", listed(names)),
    }
}

fn listed(names: &[String]) -> String {
    let mut lines: Vec<String> = names.iter().take(SHOWN).map(|name| format!("  {name}")).collect();
    if names.len() > SHOWN {
        lines.push(format!("  … and {} more", names.len() - SHOWN));
    }
    lines.join("\n")
}

/// A run in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Name of its folder.
    pub name: String,
    /// Its folder.
    pub folder: RunFolder,
    /// Local time at which it was started, as `provenance.json` has it.
    pub started: Option<String>,
}

/// The runs in a folder by their start, the latest first. Those whose start is not known come last.
#[must_use]
pub fn all(folder: &Path) -> Vec<Found> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut runs: Vec<_> = entries
        .filter_map(|entry| {
            let folder = RunFolder::open(&entry.path()).ok()?;
            let (seconds, started) = provenance::started(&folder.provenance()).unzip();
            let name = entry.file_name().to_string_lossy().into_owned();
            // Within a second, the order in which they were made.
            let written = fs::metadata(folder.provenance()).and_then(|data| data.modified());
            let key = (seconds, written.unwrap_or(SystemTime::UNIX_EPOCH), name.clone());
            Some((key, Found { name, folder, started }))
        })
        .collect();
    runs.sort_by(|a, b| Reverse(&a.0).cmp(&Reverse(&b.0)));
    runs.into_iter().map(|(_, run)| run).collect()
}

/// Path of the run that a word means: a path that exists, [`LATEST`], or the beginning of one run's name. Runs are looked
/// for in [`RUNS`], or in the folder that the word names. What looks like the path of a file is left as it is.
///
/// # Errors
/// If no run is meant, or several.
pub fn find(word: &Path) -> Result<PathBuf, NoRun> {
    find_in(Path::new(RUNS), word)
}

/// [`find`], with another folder than [`RUNS`].
fn find_in(root: &Path, word: &Path) -> Result<PathBuf, NoRun> {
    if word.exists() {
        return Ok(word.to_owned());
    }
    let parent = word.parent().filter(|parent| !parent.as_os_str().is_empty());
    let Some(begin) = word.file_name().and_then(|name| name.to_str()) else { return Ok(word.to_owned()) };
    if parent.is_some_and(|parent| !parent.is_dir()) || begin.ends_with(".safetensors") {
        return Ok(word.to_owned());
    }
    let folder = parent.unwrap_or(root);
    let runs = all(folder);
    let shown = || (word.display().to_string(), folder.display().to_string());
    if begin == LATEST {
        let (word, folder) = shown();
        return match runs.first() {
            Some(run) => Ok(run.folder.path().to_owned()),
            None => Err(NoRun::Empty { word, folder }),
        };
    }
    let matching: Vec<&Found> = runs.iter().filter(|run| run.name.starts_with(begin)).collect();
    let names = |runs: &[&Found]| runs.iter().map(|run| run.name.clone()).collect();
    let (word, folder) = shown();
    match &matching[..] {
        [run] => Ok(run.folder.path().to_owned()),
        [] => {
            let meant = words::meant(begin, runs.iter().map(|run| run.name.as_str()).chain([LATEST]));
            let meant = meant.filter(|meant| *meant != LATEST || !runs.is_empty()).map(str::to_owned);
            Err(NoRun::None { word, folder, meant, names: names(&runs.iter().collect::<Vec<_>>()) })
        }
        several => Err(NoRun::Several { word, folder, names: names(several) }),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn run(root: &Path, name: &str, started: &str) {
        let folder = root.join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("config.ron"), "()").unwrap();
        if !started.is_empty() {
            fs::write(folder.join("provenance.json"), format!("{{\"started\": \"{started}\"}}")).unwrap();
        }
    }

    #[test]
    fn a_word_means_a_path_the_latest_run_or_the_one_that_begins_so() {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path();
        // By the time at one place, not by the clocks of two or the names.
        run(root, "walk__s1", "2026-11-30 09:00:00 +02:00");
        run(root, "ant__s1", "2026-11-30 08:30:00 +00:00");
        run(root, "ant__s2", "2026-11-29 10:00:00 +00:00");
        run(root, "old", "");
        fs::create_dir(root.join("ant__none")).unwrap();
        let names: Vec<String> = all(root).into_iter().map(|run| run.name).collect();
        assert_eq!(names, ["ant__s1", "walk__s1", "ant__s2", "old"]);
        let find = |word: &str| find_in(root, Path::new(word));
        assert_eq!(find("latest").unwrap(), root.join("ant__s1"));
        assert_eq!(find("walk").unwrap(), root.join("walk__s1"));
        assert_eq!(find("ant__s2").unwrap(), root.join("ant__s2"));
        // In a folder of its own; a path that exists is that path.
        let other = tempfile::tempdir().unwrap();
        let inside = |word: &str| find_in(other.path(), &root.join(word));
        assert_eq!(inside("latest").unwrap(), root.join("ant__s1"));
        assert_eq!(inside("ant__none").unwrap(), root.join("ant__none"));
        assert_eq!(inside("none/run").unwrap(), root.join("none/run"));
        assert_eq!(find("a.safetensors").unwrap(), Path::new("a.safetensors"));
    }

    #[test]
    fn what_means_no_run_or_several_is_answered_with_those_that_there_are() {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path();
        let find = |word: &str| find_in(root, Path::new(word)).unwrap_err().to_string();
        let shown = root.display();
        assert_eq!(find("latest"), format!("latest: there are no runs in {shown}"));
        assert!(find("ant").ends_with("begins with it (there are none)"));
        for seed in 1..=12 {
            run(root, &format!("ant__s{seed:02}"), &format!("2026-11-30 09:00:{seed:02} +00:00"));
        }
        let several = find("ant");
        assert!(several.starts_with(&format!("ant is the beginning of several runs in {shown}; valid: ")));
        assert!(several.contains("\n  ant__s12\n  ant__s11\n") && several.ends_with("\n  … and 2 more"));
        assert!(find("atn__s03").ends_with("(did you mean ant__s03?)"));
        assert!(
            find("robot").contains("no run in") && find("robot").contains("the latest there:\n  ant__s12\n")
        );
        assert!(find("lastest").ends_with("(did you mean latest?)"));
    }
}

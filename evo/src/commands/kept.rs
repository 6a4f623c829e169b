//! What every kind of training does with its run folder.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use records::RowsMark;
use records::checkpoint::Checkpoint;
use records::disk::write_atomic;
use records::failure::{Blame, Failure};
use records::folder::{First, RunFolder, RunFolderError, read_file, to_json};
use records::lock::Lock;
use records::provenance::Provenance;
use records::text;
use records::words::to_stderr;
use serde::Serialize;
use serde_json::json;
use training::config::RunConfig;
use training::gradient::without_demonstrations;
use training::policy::not_finite;

use crate::commands::common::load_checkpoint;
use crate::progress::Progress;

/// Where training begins.
pub(super) struct Start<'a> {
    /// The run's folder.
    pub(super) folder: &'a RunFolder,
    /// What the checkpoint that it goes on from says of the rows before it.
    pub(super) rows: Option<RowsMark>,
    /// The text of a config that has changed since.
    pub(super) config: Option<String>,
}

impl Start<'_> {
    /// Marks the run as unfinished. Only once it is sure that it can go on.
    pub(super) fn begin(&self) -> Result<(), Failure> {
        self.folder.reopen().run()?;
        match &self.config {
            Some(text) => self.folder.write(&self.folder.config(), text.as_bytes()).run(),
            None => Ok(()),
        }
    }
}

/// Makes and locks the folder of a new run of the config in `path`, whose resolved text is `text`. `metrics` is the
/// header of its table, `start` its first checkpoint: the config does not know where a run starts from, and a resumed
/// run must. `ended` is the name of the stage before it and that one's last checkpoint.
pub(super) fn new_folder(
    (out, name): (Option<&Path>, Option<&str>),
    path: &Path,
    (seed, threads): (u64, usize),
    text: &str,
    (metrics, start, ended): (String, Checkpoint, Option<(String, Vec<u8>)>),
) -> Result<(RunFolder, Lock), Failure> {
    let stem = path.file_stem().map_or_else(|| "run".into(), |s| s.to_string_lossy().into_owned());
    let plain = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let name = name.map_or_else(|| stem.chars().map(plain).collect(), str::to_owned);
    let provenance = to_json(&Provenance::collect(seed, threads, text)).run()?;
    let first = First { config: text, provenance, metrics, checkpoint: start.to_bytes(), ended };
    let (folder, lock) = RunFolder::create(out, &name, seed, &first).usage()?;
    Ok((folder, lock.told()))
}

/// What is left of a run.
pub(super) struct Left {
    /// Its last checkpoint.
    pub(super) checkpoint: Checkpoint,
    /// What that says of the rows before it.
    pub(super) rows: Option<RowsMark>,
    /// Whether somebody has changed its config.
    pub(super) edited: bool,
}

/// Reads what is left of a run. Says what could not be checked.
pub(super) fn left_of(folder: &RunFolder) -> Result<Left, Failure> {
    let checkpoint = load_checkpoint(folder.path())?;
    let rows = if checkpoint.meta.contains_key(ROWS) { Some(checkpoint.meta(ROWS).usage()?) } else { None };
    let edited = match read_file(&folder.config()) {
        // It is compared with that of the checkpoint, and may be changed where that does not matter.
        Err(RunFolderError::Damaged { path }) => {
            to_stderr(&format!(
                "warning: {} has been changed since it was written; its number of generations and its log setting are used",
                path.display()
            ));
            true
        }
        other => other.map(|_| false).usage()?,
    };
    Ok(Left { checkpoint, rows, edited })
}

/// The error of a training that cannot go on. What is left of it, its state after the last generation
/// that it completed, becomes the last checkpoint.
pub(super) fn stopped(
    error: impl Into<anyhow::Error>,
    mut good: Checkpoint,
    rows: &RowsMark,
    folder: &RunFolder,
) -> Failure {
    let last = folder.last();
    let generation: u64 = good.meta("generation").unwrap_or(0);
    if not_finite(&good).is_some() {
        return Failure::Run(error.into().context("training stopped; the checkpoints on disk are kept"));
    }
    note(&mut good, rows);
    let context = match good.save(&last) {
        Ok(()) => format!("training stopped; {} has the state after generation {generation}", last.display()),
        Err(other) => format!("training stopped, and its state was lost ({other})"),
    };
    Failure::Run(error.into().context(context))
}

/// Field of a checkpoint's metadata with what it says of the rows before it.
const ROWS: &str = "metrics";

fn note(checkpoint: &mut Checkpoint, rows: &RowsMark) {
    checkpoint.meta.insert(ROWS.to_owned(), json!(rows));
}

/// Says that rows are lost before those that the run has, and writes a checkpoint that knows it.
pub(super) fn mark_gap(
    gap: &str,
    progress: &mut Progress,
    checkpoint: Checkpoint,
    folder: &RunFolder,
    rows: &RowsMark,
    kept: (usize, u64),
) -> Result<(), Failure> {
    progress.alarm(gap);
    save(checkpoint, folder, rows, Due { last: true, ..Due::default() }, kept)
}

/// Which checkpoints a generation leaves.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Due<'a> {
    /// A numbered one.
    pub(super) numbered: bool,
    /// The best.
    pub(super) best: bool,
    /// That of a stage which has ended, by its name.
    pub(super) stage: Option<&'a str>,
    /// The last, which the others bring along.
    pub(super) last: bool,
}

/// Writes the checkpoints that a generation is to leave; `rows` are those before it. One that is not finite never takes
/// the place of one that is.
pub(super) fn save(
    mut checkpoint: Checkpoint,
    folder: &RunFolder,
    rows: &RowsMark,
    due: Due<'_>,
    (keep, generation): (usize, u64),
) -> Result<(), Failure> {
    let used = [due.best.then(|| folder.best()), due.stage.map(|stage| folder.stage(stage))];
    let numbered = due.numbered.then(|| folder.numbered(generation));
    if used.iter().chain([&numbered]).all(Option::is_none) && !due.last {
        return Ok(());
    }
    if let Some(name) = not_finite(&checkpoint) {
        let error = anyhow::anyhow!(
            "training stopped after generation {generation}, the checkpoints on disk are kept: its '{name}' holds \
             numbers that are not finite"
        );
        return Err(error).run();
    }
    note(&mut checkpoint, rows);
    let bytes = checkpoint.to_bytes();
    let write = |file: PathBuf, bytes: &[u8]| {
        write_atomic(&file, bytes).with_context(|| format!("cannot write {}", file.display())).run()
    };
    let used: Vec<_> = used.into_iter().flatten().collect();
    if !used.is_empty() {
        // Nobody goes on from these.
        let policy = without_demonstrations(&checkpoint).map(|policy| policy.to_bytes());
        used.into_iter().try_for_each(|file| write(file, policy.as_ref().unwrap_or(&bytes)))?;
    }
    // The others are never of a generation that the run has yet to reach again.
    numbered.into_iter().chain([folder.last()]).try_for_each(|file| write(file, &bytes))?;
    folder.prune(keep, generation).run()
}

/// A checkpoint, whose config is `theirs`, belongs to another if they differ in nothing but the number of generations and
/// the log. `run` gives the part of a config that has them.
pub(super) fn check_same_config<C: Clone + Serialize>(
    checkpoint: &Checkpoint,
    (ours, theirs): (&C, C),
    run: impl Fn(&mut C) -> &mut RunConfig,
    folder: &RunFolder,
) -> Result<(), Failure> {
    let plain = |mut config: C| {
        let run = run(&mut config);
        run.generations = 0;
        run.log.clear();
        run.total = None;
        text::to_text(&config)
    };
    let (ours, theirs) = (plain(ours.clone()).usage()?, plain(theirs).usage()?);
    let lines = || ours.lines().chain(std::iter::repeat("")).zip(theirs.lines().chain(std::iter::repeat("")));
    let longest = ours.lines().count().max(theirs.lines().count());
    let Some((own, its)) = lines().take(longest).find(|(a, b)| a != b) else { return Ok(()) };
    Err(anyhow::anyhow!(
        "{} was made with another config than {}: it has `{}`, the config has `{}`",
        checkpoint.path().display(),
        folder.config().display(),
        its.trim(),
        own.trim(),
    ))
    .usage()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::fs;

    use super::*;

    #[test]
    fn what_is_not_finite_never_takes_the_place_of_what_is() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("config.ron"), "()").unwrap();
        let folder = RunFolder::open(root.path()).unwrap();
        fs::create_dir(folder.checkpoints()).unwrap();
        let state = |mean: f64, generation: u64| {
            let mut checkpoint = Checkpoint::new();
            checkpoint.tensors.insert("mean".to_owned(), vec![1.0, mean].into());
            checkpoint.meta.insert("generation".to_owned(), generation.into());
            checkpoint
        };
        let rows = || RowsMark { first: 1, rows: 0, blake3: String::new() };
        let all = Due { numbered: true, best: true, stage: Some("walk"), last: true };
        save(state(2.0, 7), &folder, &rows(), all, (0, 7)).unwrap();
        let files = || {
            [folder.best(), folder.last(), folder.numbered(7), folder.stage("walk")]
                .map(|file| fs::read(file).unwrap())
        };
        let good = files();
        for bad in [f64::NAN, f64::INFINITY] {
            let error = save(state(bad, 8), &folder, &rows(), all, (0, 8)).unwrap_err();
            let expected =
                "training stopped after generation 8, the checkpoints on disk are kept: its 'mean' holds";
            assert!(error.code() == 1 && error.message().contains(expected), "{}", error.message());
            let error = stopped(anyhow::anyhow!("reason"), state(bad, 8), &rows(), &folder);
            let expected = "error: training stopped; the checkpoints on disk are kept: reason";
            assert_eq!((error.code(), error.message().as_str()), (1, expected));
            assert!(files() == good && !folder.numbered(8).exists());
        }
        let error = stopped(anyhow::anyhow!("reason"), state(3.0, 8), &rows(), &folder);
        assert!(error.message().ends_with("has the state after generation 8: reason"), "{}", error.message());
        assert_ne!(fs::read(folder.last()).unwrap(), good[1]);
    }
}

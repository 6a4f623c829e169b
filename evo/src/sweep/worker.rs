//! One run of a trial as a child process of this program.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use serde::Deserialize;

use super::config::Objective;
use super::journal::Key;
use crate::run_folder::{RunFolder, RunFolderError};

/// A run to make: a trial with a seed, up to a number of generations.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub key: Key,
    /// Changes of the base config.
    pub sets: Vec<String>,
    /// Run folder; a later rung goes on in it.
    pub folder: PathBuf,
    /// How often it has crashed in this session.
    pub crashes: u32,
}

/// What every job has in common.
pub(super) struct Context {
    pub base: PathBuf,
    pub threads: usize,
    pub backend: &'static str,
    pub init: Option<PathBuf>,
    pub objective: Objective,
}

/// A job at work. The pipe to its stdin tells it that this process is still there.
pub(super) struct Running {
    pub job: Job,
    child: Child,
    log: PathBuf,
}

/// How a job ended.
pub(super) enum Outcome {
    /// Value, control steps and seconds.
    Done(f64, u64, f64),
    /// The process crashed or was killed; worth another try.
    Crashed(String),
    /// The run itself failed.
    Failed(String),
    /// It was asked to stop, and goes on another time.
    Stopped,
}

#[derive(Deserialize)]
struct Summary {
    generations: u64,
    env_steps: u64,
    wall_s: f64,
    eval_return_mean: Option<f64>,
    eval_return_best: Option<f64>,
    stopped: Option<serde_json::Value>,
}

/// Whether an earlier process still works in the folder: it is finishing its generation.
pub(super) fn is_busy(folder: &Path) -> bool {
    folder.is_dir()
        && RunFolder::open(folder).is_ok_and(|f| matches!(f.lock(), Err(RunFolderError::Busy { .. })))
}

impl Running {
    /// Starts a job: goes on from the folder's last checkpoint, or from the beginning.
    pub(super) fn start(job: Job, context: &Context) -> io::Result<Self> {
        let (_, seed, generations) = job.key;
        let resumes = job.folder.join("config.ron").is_file()
            && job.folder.join("checkpoints/last.safetensors").is_file();
        let mut command = Command::new(std::env::current_exe()?);
        if resumes {
            command.arg("resume").arg(&job.folder);
        } else {
            // Without a checkpoint there is nothing to go on from.
            if job.folder.exists() {
                fs::remove_dir_all(&job.folder)?;
            }
            command.arg("train").arg("--config").arg(&context.base).arg("--out").arg(&job.folder);
            command.args(["--seed", &seed.to_string()]);
            command.args(job.sets.iter().flat_map(|set| ["--set", set]));
            if let Some(init) = &context.init {
                command.arg("--init").arg(init);
            }
        }
        command.args(["--generations", &generations.to_string(), "--threads", &context.threads.to_string()]);
        command.args(["--backend", context.backend, "--quiet", "--worker"]);
        let log = job.folder.with_extension("stderr");
        if let Some(parent) = log.parent() {
            fs::create_dir_all(parent)?;
        }
        let child =
            command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(File::create(&log)?).spawn()?;
        Ok(Self { job, child, log })
    }

    /// Asks it to write a checkpoint and stop.
    pub(super) fn stop(&mut self) {
        drop(self.child.stdin.take());
    }

    /// How it ended; none while it works.
    pub(super) fn poll(&mut self, objective: Objective) -> io::Result<Option<Outcome>> {
        let Some(status) = self.child.try_wait()? else { return Ok(None) };
        Ok(Some(if status.success() {
            self.result(objective)
        } else if matches!(status.code(), Some(1 | 2)) {
            Outcome::Failed(self.last_words())
        } else {
            Outcome::Crashed(format!("{}{}", how(status), self.last_words()))
        }))
    }

    fn result(&self, objective: Objective) -> Outcome {
        let Ok(text) = fs::read(self.job.folder.join("summary.json")) else { return Outcome::Stopped };
        let summary: Summary = match serde_json::from_slice(&text) {
            Ok(summary) => summary,
            Err(error) => return Outcome::Failed(format!("its summary.json is damaged: {error}")),
        };
        if summary.generations < self.job.key.2 && summary.stopped.is_none() {
            return Outcome::Stopped;
        }
        let value = match objective {
            Objective::Last => summary.eval_return_mean,
            Objective::Best => summary.eval_return_best,
        };
        match value.filter(|value| value.is_finite()) {
            Some(value) => Outcome::Done(value, summary.env_steps, summary.wall_s),
            None => Outcome::Failed("its evaluation has no finite return".to_owned()),
        }
    }

    /// The error that it printed, on one line.
    fn last_words(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let from = text.rfind("error: ").map(|at| at + 7).or_else(|| text.find("thread '"));
        let words: Vec<&str> = text[from.unwrap_or(0)..].split_whitespace().collect();
        words.join(" ").chars().take(400).collect()
    }
}

fn how(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        let memory = if signal == 9 { ", perhaps for want of memory" } else { "" };
        return format!("killed by signal {signal}{memory} ");
    }
    format!("crashed ({status}) ")
}

//! One run of a trial as a child process of this program.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};

use records::disk::{self, FAULT, FAULT_IN};
use records::folder::{RunFolder, RunFolderError, read_file};
use records::input;
use serde::Deserialize;

use super::config::Objective;
use super::journal::Key;
use super::memory;
use crate::again;

/// A run to make: a trial with a seed, up to a number of generations.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub key: Key,
    /// File of the config that it changes.
    base: PathBuf,
    /// Changes of that config.
    sets: Vec<String>,
    /// Whether it is trained by gradient.
    by_gradient: bool,
    /// Run folder; a later rung goes on in it.
    pub folder: PathBuf,
    /// How often it has crashed in this session.
    pub crashes: u32,
    /// Whether nothing else may run beside it, because it took more memory than there was.
    pub alone: bool,
    /// Whether it begins anew, because it could not go on.
    pub fresh: bool,
}

impl Job {
    pub(super) fn new(
        key: Key,
        (base, sets): (&Path, &[String]),
        by_gradient: bool,
        folder: PathBuf,
    ) -> Self {
        let (base, sets) = (base.to_owned(), sets.to_vec());
        Self { key, base, sets, by_gradient, folder, crashes: 0, alone: false, fresh: false }
    }
}

/// What every job has in common.
pub(super) struct Context {
    pub backend: &'static str,
    pub init: Option<PathBuf>,
    pub objective: Objective,
}

/// A job at work. The pipe to its stdin tells it that this process is still there.
pub(super) struct Running {
    pub job: Job,
    /// Whether it went on with an earlier run.
    pub resumed: bool,
    child: Child,
    log: PathBuf,
}

/// How a job ended.
pub(super) enum Outcome {
    /// Value, control steps and seconds.
    Done(f64, u64, f64),
    /// The process crashed or was killed; worth another try. Perhaps it wanted memory.
    Crashed { reason: String, for_memory: bool },
    /// The run itself failed.
    Failed(String),
    /// The run could not begin, or not go on from what is there.
    Refused(String),
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
    #[serde(default)]
    eval_blow_ups: u64,
    stopped: Option<serde_json::Value>,
}

/// The log of a run, empty and locked; none while an earlier process is still at work on the run. The
/// process that gets the log as its stderr holds the lock until it ends, whatever becomes of this one.
pub(super) fn claim(folder: &Path) -> io::Result<Option<File>> {
    let path = log_of(folder);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    // Windows locks only what can be read, too.
    let log = File::options().read(true).create(true).append(true).open(path)?;
    match log.try_lock() {
        Err(TryLockError::WouldBlock) => return Ok(None),
        // A file system without locks cannot keep anyone out.
        Ok(()) | Err(TryLockError::Error(_)) => {}
    }
    // Somebody may have resumed the run by hand.
    let locked = |folder: RunFolder| matches!(folder.lock(), Err(RunFolderError::Busy { .. }));
    if folder.is_dir() && RunFolder::open(folder).is_ok_and(locked) {
        return Ok(None);
    }
    log.set_len(0)?;
    Ok(Some(log))
}

fn log_of(folder: &Path) -> PathBuf {
    folder.with_extension("stderr")
}

impl Running {
    /// Starts a job with its log: goes on from the folder's last checkpoint, or from the beginning.
    pub(super) fn start(job: Job, log: File, context: &Context, threads: usize) -> io::Result<Self> {
        let (_, seed, generations) = job.key;
        let resumed = !job.fresh
            && job.folder.join("config.ron").is_file()
            && job.folder.join("checkpoints/last.safetensors").is_file();
        let mut command = again::command()?;
        // A rank may start it, and is not it.
        ranks::hide(&mut command);
        if resumed {
            command.arg("resume").arg(&job.folder);
        } else {
            // Without a checkpoint there is nothing to go on from.
            if job.folder.exists() {
                fs::remove_dir_all(&job.folder)?;
            }
            let verb = if job.by_gradient { "finetune" } else { "train" };
            command.arg(verb).arg("--config").arg(&job.base).arg("--out").arg(&job.folder);
            command.args(["--seed", &seed.to_string()]);
            command.args(job.sets.iter().flat_map(|set| ["--set", set]));
            if let Some(init) = &context.init {
                command.arg("--init").arg(init);
            }
        }
        command.args(["--generations", &generations.to_string(), "--threads", &threads.to_string()]);
        // Gradients are computed on the CPU.
        if resumed || !job.by_gradient {
            command.args(["--backend", context.backend]);
        }
        command.args(["--quiet", "--worker"]);
        // A fault is planned for one process.
        let is_planned = job.crashes == 0 && !job.fresh && disk::is_fault_in(job.key.0);
        command.env_remove(if is_planned { FAULT_IN } else { FAULT });
        let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log).spawn()?;
        let log = log_of(&job.folder);
        Ok(Self { job, resumed, child, log })
    }

    /// What it takes of memory, where the system tells.
    pub(super) fn memory(&self) -> Option<memory::Use> {
        memory::of_process(self.child.id())
    }

    /// Asks it to write a checkpoint and stop.
    pub(super) fn stop(&mut self) {
        drop(self.child.stdin.take());
    }

    /// How it ended; none while it works.
    pub(super) fn poll(&mut self, objective: Objective) -> io::Result<Option<Outcome>> {
        let Some(status) = self.child.try_wait()? else { return Ok(None) };
        if status.success() {
            return Ok(Some(self.result(objective)));
        }
        let words = self.last_words();
        let wants_memory = WANTS_MEMORY.iter().any(|text| words.contains(text));
        match status.code() {
            Some(1) if !wants_memory => return Ok(Some(Outcome::Failed(words))),
            Some(2) if !wants_memory => return Ok(Some(Outcome::Refused(words))),
            _ => {}
        }
        let (how, killed) = how(status);
        let hint = match (wants_memory, killed) {
            (true, _) => " for lack of memory",
            (false, true) => ", perhaps for lack of memory",
            (false, false) => "",
        };
        let words = if words.is_empty() { words } else { format!(": {words}") };
        let for_memory = wants_memory || killed;
        Ok(Some(Outcome::Crashed { reason: format!("{how}{hint}{words}"), for_memory }))
    }

    fn result(&self, objective: Objective) -> Outcome {
        let text = match read_file(&self.job.folder.join("summary.json")) {
            Ok(Some(text)) => text,
            Ok(None) => return Outcome::Stopped,
            Err(error) => return Outcome::Failed(error.to_string()),
        };
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
            // An episode that ends because the physics blew up may look good.
            _ if objective == Objective::Last && summary.eval_blow_ups > 0 => {
                let count = summary.eval_blow_ups;
                Outcome::Failed(format!("the physics blew up in {count} episodes of its last evaluation"))
            }
            Some(value) => Outcome::Done(value, summary.env_steps, summary.wall_s),
            None => Outcome::Failed("its evaluation has no finite return".to_owned()),
        }
    }

    /// The error that it printed, on one line.
    fn last_words(&self) -> String {
        let text = input::bytes(&self.log, input::TABLE).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let panic = || text.find("thread '").or_else(|| text.find(WANTS_MEMORY[0]));
        let from = text.rfind("error: ").map(|at| at + 7).or_else(panic);
        let words: Vec<&str> = text[from.unwrap_or(0)..].split_whitespace().collect();
        words.join(" ").chars().take(400).collect()
    }
}

/// What a process says that gets no memory: Rust's own words, and the system's.
const WANTS_MEMORY: [&str; 2] = ["memory allocation of", "Cannot allocate memory"];

/// How a process ended, and whether it was killed as the system does for lack of memory.
fn how(status: ExitStatus) -> (String, bool) {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return (format!("killed by signal {signal}"), signal == 9);
    }
    (format!("crashed ({status})"), false)
}

//! Sweeps that several workers share: the results of one process, whoever makes which run, and whoever dies.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tests::{evo, refuse, succeed, text};

use crate::sweep::{Target, kill, sweep, table, write};

/// Generous: a worker that hangs is an error and not a test that never ends.
const LIMIT: Duration = Duration::from_secs(120);

const SMALL: &str = r#"(
    config: "inverted_pendulum.ron",
    set: ["run.generations=4", "run.eval_every=0", "run.eval_episodes=2", "strategy.population=4",
          "rollout.horizon=20", "run.checkpoint_every=1"],
    axes: [LogRange(path: "strategy.sigma", from: 0.03, to: 0.3)],
    SAMPLER
)"#;

fn small(folder: &Path, sampler: &str) -> PathBuf {
    write(folder, "small.ron", &SMALL.replace("SAMPLER", sampler))
}

/// A worker in a process group of its own, for which the file system has no locks.
fn worker(file: &Path, out: &Path, which: &str) -> Child {
    let mut command = evo(&[&sweep(file, out)[..], &["--worker", which, "--workers", "1", "-q"]].concat());
    command.env("SPINDLE_FAULT", "no-lock:1").process_group(0);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("evo starts")
}

fn journal(out: &Path, number: usize) -> String {
    fs::read_to_string(out.join(format!("workers/{number}.jsonl"))).unwrap_or_default()
}

fn done(out: &Path, number: usize) -> usize {
    journal(out, number).matches("{\"done\"").count()
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < LIMIT, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn ends_well(mut worker: Child) {
    wait_until("a worker ends", || worker.try_wait().expect("status").is_some());
    assert!(worker.wait().expect("status").success());
}

/// The last checkpoint of every run, by its folder.
fn checkpoints(out: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for trial in fs::read_dir(out.join("trials")).expect("trials").flatten() {
        for run in fs::read_dir(trial.path()).expect("runs").flatten() {
            let last = run.path().join("checkpoints/last.safetensors");
            if let Ok(bytes) = fs::read(&last) {
                found.push((last.strip_prefix(out).expect("a file in it").to_owned(), bytes));
            }
        }
    }
    found.sort();
    found
}

/// `trials.csv` without its column of time.
fn runs(out: &Path) -> Vec<Vec<String>> {
    let text = fs::read_to_string(out.join("trials.csv")).expect("trials.csv");
    let mut rows: Vec<Vec<String>> =
        text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect();
    let time = rows[0].iter().position(|name| name == "wall_s").expect("a column of time");
    let folder = rows[0].iter().position(|name| name == "run");
    for row in &mut rows {
        row[time].clear();
        if let Some(folder) = folder {
            row[folder].clear();
        }
    }
    rows
}

fn same(out: &Path, whole: &Path) {
    assert_eq!(table(out), table(whole));
    assert_eq!(runs(out), runs(whole));
    assert!(checkpoints(out) == checkpoints(whole), "the runs differ");
    let _ = succeed(&["check", text(out)]);
    assert!(out.join("report.html").exists());
}

/// Two workers side by side, of which the first is killed once it has something.
fn one_dies(file: &Path, out: &Path) -> Child {
    let (mut first, second) = (worker(file, out, "1/2"), worker(file, out, "2/2"));
    wait_until("the first worker has a run", || done(out, 1) > 0);
    kill(&mut first, Target::Group);
    second
}

#[test]
fn two_workers_have_the_results_of_one_though_one_is_killed() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let file = small(folder.path(), "sampler: Random(trials: 4), seeds: [1, 2]");
    let (whole, out) = (folder.path().join("whole"), folder.path().join("out"));
    let _ = succeed(&[&sweep(&file, &whole)[..], &["-q"]].concat());
    let second = one_dies(&file, &out);
    // It ends what is left but for what the first had begun, and waits for nobody.
    ends_well(second);
    let begun = 8 - done(&out, 1) - done(&out, 2);
    assert!(begun <= 1, "{begun} runs were left");
    assert_eq!(out.join("sweep.csv").exists(), begun == 0);
    ends_well(worker(&file, &out, "1/2"));
    same(&out, &whole);
    assert_eq!(done(&out, 1) + done(&out, 2), 8, "nothing is done twice");
    assert!(done(&out, 2) > 0, "both have worked");
    // Nothing is left for one process by itself.
    let _ = succeed(&[&sweep(&file, &out)[..], &["-q"]].concat());
    let own = fs::read_to_string(out.join("journal.jsonl")).expect("journal");
    assert_eq!(own.lines().count(), 1, "{own}");
    same(&out, &whole);
}

#[test]
fn workers_wait_for_rungs_and_proposals_and_fewer_of_them_go_on() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let sampler = "sampler: Tpe(trials: 6, startup: 4, batch: 2), halving: (first: 2, factor: 2)";
    let file = small(folder.path(), sampler);
    let (whole, out) = (folder.path().join("whole"), folder.path().join("out"));
    let _ = succeed(&[&sweep(&file, &whole)[..], &["-q"]].concat());
    let mut second = one_dies(&file, &out);
    wait_until("the second worker has a run", || done(&out, 2) > 0);
    kill(&mut second, Target::Group);
    // What both had begun is the only one's.
    ends_well(worker(&file, &out, "1/1"));
    same(&out, &whole);
}

#[test]
fn workers_that_cannot_be_are_refused() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let file = small(folder.path(), "sampler: Random(trials: 1000)");
    let out = folder.path().join("out");
    let words = sweep(&file, &out);
    for (which, expected) in
        [("3/2", "must be a worker"), ("0/1", "must be a worker"), ("two", "must be a worker")]
    {
        let message = refuse(&[&words[..], &["--worker", which]].concat(), 2);
        assert!(message.contains(expected), "{message}");
    }
    let message = refuse(&[&words[..], &["--slurm-array", "--dry-run"]].concat(), 2);
    assert!(message.contains("SLURM_ARRAY_TASK_ID is not set"), "{message}");
    let array = [("ID", "4"), ("COUNT", "2"), ("MIN", "2"), ("STEP", "2")];
    let mut task = evo(&[&words[..], &["--slurm-array", "--dry-run"]].concat());
    task.envs(array.map(|(name, value)| (format!("SLURM_ARRAY_TASK_{name}"), value)));
    assert!(task.output().expect("evo starts").status.success());
    assert!(!out.exists(), "nothing was started");

    let mut first = evo(&[&words[..], &["--worker", "1/2", "-q"]].concat());
    let mut first = first.process_group(0).stderr(Stdio::null()).spawn().expect("evo starts");
    wait_until("the worker begins", || !journal(&out, 1).is_empty());
    let again = [&words[..], &["--worker", "1/2"]].concat();
    let message = refuse(&again, 2);
    assert!(message.contains("worker 1 is at work in"), "{message}");
    let message = refuse(&words, 2);
    assert!(message.contains("another sweep works in"), "{message}");
    let other = write(folder.path(), "other.ron", &SMALL.replace("SAMPLER", "sampler: Random(trials: 999)"));
    let message = refuse(&[&sweep(&other, &out)[..], &["--worker", "2/2"]].concat(), 2);
    assert!(message.contains("in the sweep file, sampler.Random.trials was 1000 and is 999"), "{message}");
    // Others can look at what there is so far.
    wait_until("a run is done", || done(&out, 1) > 0);
    let _ = succeed(&["report", text(&out)]);
    kill(&mut first, Target::Group);
}

/// What a worker prints for other programs.
#[test]
fn a_worker_says_how_far_the_sweep_is() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let file = small(folder.path(), "sampler: Random(trials: 2)");
    let out = folder.path().join("out");
    let words = [&sweep(&file, &out)[..], &["--worker", "2/2", "--json", "-q"]].concat();
    let report: Value = serde_json::from_str(&succeed(&words)).expect("one JSON object");
    assert_eq!(report["finished"], true, "it has taken all");
    assert_eq!(report["rows"].as_array().map(Vec::len), Some(2));
}

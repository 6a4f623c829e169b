//! What is on disk after a fault, a kill or a flipped bit: nothing is lost, stuck or silently wrong.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use records::examine::{self, Condition};
use tests::{data, evo, refuse, run, succeed, text, untimed_metrics};

/// How an operation on a file can go wrong, see `records::disk`.
const KINDS: [&str; 5] = ["fail", "full", "torn", "end", "torn-end"];

/// Operations of the longest command here, and some.
const MOST: u64 = 400;

/// A small run of three generations that starts from a checkpoint, keeps two of its own and logs for TensorBoard.
const EVOLVE: [&str; 20] = [
    "train",
    "--config",
    "inverted_pendulum.ron",
    "--set",
    "strategy.population=4",
    "--set",
    "rollout.horizon=20",
    "--set",
    "run=(eval_every: 1, eval_episodes: 1, checkpoint_every: 1, keep: 2, log: [Csv, TensorBoard])",
    "--set",
    "controller.hidden=[Dense(neurons: 4)]",
    "--generations",
    "3",
    "--threads",
    "1",
    "--backend",
    "cpu",
    "--seed",
    "5",
    "-q",
];

/// As small, by gradient with labels.
const LABELS: [&str; 14] = [
    "finetune",
    "--config",
    "yin_yang.ron",
    "--set",
    "task.data=YinYang(train: 40, validation: 10, test: 10)",
    "--set",
    "controller.hidden=[Dense(neurons: 4)]",
    "--set",
    "run=(eval_every: 1, checkpoint_every: 1, keep: 2)",
    "--generations",
    "3",
    "--threads",
    "1",
    "-q",
];

/// As small, by gradient in a world.
const PPO: [&str; 16] = [
    "finetune",
    "--config",
    "inverted_pendulum_ppo.ron",
    "--set",
    "run=(eval_every: 1, eval_episodes: 1, checkpoint_every: 1, keep: 2)",
    "--set",
    "task.worlds=2",
    "--set",
    "task.steps=16",
    "--set",
    "task.minibatches=1",
    "--generations",
    "3",
    "--threads",
    "1",
    "-q",
];

/// Of a config with stages: three generations end the first and begin the second.
const STAGES: [&str; 7] = ["--generations", "3", "--threads", "1", "--backend", "cpu", "-q"];

/// A command that starts a run, and what the run must be in the end.
struct Case {
    name: &'static str,
    start: Vec<String>,
    metrics: Vec<Vec<String>>,
    last: Vec<u8>,
}

fn last(run: &Path) -> PathBuf {
    run.join("checkpoints/last.safetensors")
}

impl Case {
    /// Runs the command without a fault, in a folder that stays until the tests end.
    fn new(name: &'static str, start: &[&str]) -> Self {
        let out = scratch().join(name);
        let _ = succeed(&[start, &["--out", text(&out)]].concat());
        let start = start.iter().map(|&word| word.to_owned()).collect();
        let bytes = fs::read(last(&out)).expect("a checkpoint");
        Self { name, start, metrics: untimed_metrics(&out), last: bytes }
    }

    fn arguments<'a>(&'a self, out: &'a Path) -> Vec<&'a str> {
        self.start.iter().map(String::as_str).chain(["--out", text(out)]).collect()
    }

    /// Whatever has happened to `out`, the run can be started or go on there, and ends as without it.
    fn must_go_on(&self, out: &Path, what: &str) {
        let what = format!("{}, {what}", self.name);
        if out.join("config.ron").exists() {
            whole(out, &what);
            let output = run(&["resume", text(out), "-q", "--threads", "1"]);
            assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
        } else {
            let output = run(&self.arguments(out));
            assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
        }
        whole(out, &what);
        let left = examine::run(out).expect("a run");
        assert!(left.iter().all(|file| file.condition == Condition::Whole), "{what}: {left:?}");
        assert_eq!(untimed_metrics(out), self.metrics, "{what}");
        assert!(fs::read(last(out)).expect("a checkpoint") == self.last, "{what}: the checkpoint differs");
        assert!(out.join("summary.json").exists(), "{what}: it is not finished");
    }
}

/// No file is damaged.
fn whole(run: &Path, what: &str) {
    let damaged: Vec<_> = examine::run(run)
        .expect("a run folder")
        .into_iter()
        .filter(|file| matches!(file.condition, Condition::Damaged(_)))
        .collect();
    assert!(damaged.is_empty(), "{what}: {damaged:?}");
}

/// Folder of the cases.
fn scratch() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("reliability")
}

/// The cases, each run once without a fault.
fn cases() -> &'static [Case; 4] {
    static CASES: OnceLock<[Case; 4]> = OnceLock::new();
    CASES.get_or_init(|| {
        let _ = fs::remove_dir_all(scratch());
        let init = scratch().join("init");
        let other = EVOLVE.map(|word| if word == "5" { "6" } else { word });
        let _ = succeed(&[&other[..], &["--out", text(&init)]].concat());
        [
            Case::new("evolve", &[&EVOLVE[..], &["--init", text(&init)]].concat()),
            Case::new("labels", &LABELS),
            Case::new("ppo", &PPO),
            Case::new("stages", &[&["train", "--config", text(&data("stages.ron"))], &STAGES[..]].concat()),
        ]
    })
}

/// Runs the program with a fault; none if it has fewer operations.
fn with_fault(arguments: &[&str], fault: &str) -> Option<Output> {
    let output = evo(arguments).env("SPINDLE_FAULT", fault).output().expect("evo starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!stderr.contains("panicked"), "{fault}: {stderr}");
    if !stderr.contains("fault ") {
        return None;
    }
    match output.status.code() {
        // What can do without is told or tried again; then the result must be all there.
        Some(0) | None => {}
        Some(code) => {
            assert!(matches!(code, 1 | 2) && stderr.contains("error: "), "{fault}: {code}: {stderr}");
        }
    }
    Some(output)
}

/// Faults at the operations that `choose` picks of each kind, in a start and in a resumption; how many there were.
fn faults(case: &Case, kinds: &[&str], choose: impl Fn(u64) -> bool) -> usize {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let mut count = 0;
    for kind in kinds {
        for number in (1..MOST).filter(|&number| choose(number)) {
            let out = folder.path().join(format!("{kind}_{number}"));
            let fault = format!("{kind}:{number}");
            let Some(output) = with_fault(&case.arguments(&out), &fault) else { break };
            if output.status.success() {
                assert_eq!(untimed_metrics(&out), case.metrics, "{fault}");
            }
            case.must_go_on(&out, &format!("started with {fault}"));
            fs::remove_dir_all(&out).expect("it can be removed");
            count += 1;
        }
        // A run that has its first generation, and then goes on.
        let half = folder.path().join("half");
        let one = case.start.iter().map(|word| if word == "3" { "1" } else { word });
        let _ = succeed(&one.chain(["--out", text(&half)]).collect::<Vec<_>>());
        for number in (1..MOST).filter(|&number| choose(number)) {
            let out = folder.path().join(format!("half_{kind}_{number}"));
            copy(&half, &out);
            let fault = format!("{kind}:{number}");
            let go_on = ["resume", text(&out), "--generations", "3", "-q", "--threads", "1"];
            if with_fault(&go_on, &fault).is_none() {
                break;
            }
            whole(&out, &fault);
            // The length may not have been written yet.
            let output = run(&go_on);
            assert!(output.status.success(), "{fault}: {}", String::from_utf8_lossy(&output.stderr));
            case.must_go_on(&out, &format!("resumed with {fault}"));
            fs::remove_dir_all(&out).expect("it can be removed");
            count += 1;
        }
        fs::remove_dir_all(&half).expect("it can be removed");
    }
    count
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).expect("a copy");
        }
    }
}

/// Every operation is as likely to fail; which do is another choice in each kind.
#[test]
fn a_run_goes_on_after_any_fault() {
    for (index, kind) in KINDS.into_iter().enumerate() {
        let step = |number: u64| number % 41 == 5 + 7 * index as u64;
        let count = faults(&cases()[0], &[kind], step);
        assert!(count >= 3, "{kind}: {count} faults");
        let step = |number: u64| number % 83 == 17 + 13 * index as u64;
        let count = faults(&cases()[3], &[kind], step);
        assert!(count >= 1, "{kind}: {count} faults in stages");
    }
}

#[test]
#[ignore = "slow: ./tests/run --full"]
fn every_operation_may_fail_in_every_way() {
    let told = |name: &str, count: usize| records::words::to_stderr(&format!("{name}: {count} faults"));
    let [evolve, labels, ppo, stages] = cases();
    let count = faults(evolve, &KINDS, |_| true);
    told(evolve.name, count);
    assert!(count > 1000, "{count} faults");
    // The rest goes through the same files: every seventh operation, each kind with another start.
    for case in [labels, ppo, stages] {
        let count = faults(case, &KINDS, |number| number % 7 == 3);
        told(case.name, count);
        assert!(count > 50, "{}: {count} faults", case.name);
    }
    let count = trial_faults(&["fail", "full", "torn"], |_| true);
    told("trial", count);
    assert!(count > 100, "trial: {count} faults");
    let count = trial_faults(&["end", "torn-end"], |number| number < 70);
    told("trial that ends", count);
    let count = sweep_faults(&KINDS, |number| number % 3 == 1);
    told("sweep", count);
    assert!(count > 50, "sweep: {count} faults");
}

/// A sweep of two small trials, and the table that it must have in the end.
struct Sweep {
    folder: tempfile::TempDir,
    file: PathBuf,
    table: String,
}

fn table(out: &Path) -> String {
    fs::read_to_string(out.join("sweep.csv")).expect("a table")
}

impl Sweep {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let file = folder.path().join("two.ron");
        let text = r#"(
            config: "inverted_pendulum.ron",
            set: ["run.generations=1", "run.eval_episodes=1", "strategy.population=4", "rollout.horizon=20"],
            axes: [List(path: "strategy.sigma", values: [0.1, 0.2])],
        )"#;
        fs::write(&file, text).expect("a sweep file");
        let mut sweep = Self { folder, file, table: String::new() };
        let whole = sweep.folder.path().join("whole");
        let _ = succeed(&sweep.words(&whole));
        sweep.table = table(&whole);
        sweep
    }

    fn words<'a>(&'a self, out: &'a Path) -> [&'a str; 10] {
        let (file, out) = (text(&self.file), text(out));
        ["sweep", "--config", file, "--out", out, "--backend", "cpu", "--threads", "1", "-q"]
    }

    /// Whatever has happened to `out`, the same command goes on there and ends with the same table.
    fn must_go_on(&self, out: &Path, what: &str) {
        let _ = succeed(&self.words(out));
        assert_eq!(table(out), self.table, "{what}");
        let _ = succeed(&["check", text(out)]);
        fs::remove_dir_all(out).expect("it can be removed");
    }
}

/// As [`faults`], of a sweep.
fn sweep_faults(kinds: &[&str], choose: impl Fn(u64) -> bool) -> usize {
    let sweep = Sweep::new();
    let mut count = 0;
    for kind in kinds {
        for number in (1..MOST).filter(|&number| choose(number)) {
            let (out, fault) = (sweep.folder.path().join("out"), format!("{kind}:{number}"));
            if with_fault(&sweep.words(&out), &fault).is_none() {
                fs::remove_dir_all(&out).expect("it can be removed");
                break;
            }
            sweep.must_go_on(&out, &fault);
            count += 1;
        }
    }
    count
}

/// As of a run: named while it is there, deleted by whoever goes on.
#[test]
fn what_a_killed_sweep_has_left_half_written_goes() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let (file, out) = (folder.path().join("one.ron"), folder.path().join("out"));
    let sweep = r#"(
        set: ["run.generations=1", "run.eval_episodes=1", "strategy.population=4", "rollout.horizon=20"],
        axes: [Config(values: ["inverted_pendulum.ron"])],
    )"#;
    fs::write(&file, sweep).expect("a sweep file");
    let words = ["sweep", "--config", text(&file), "--out", text(&out), "--backend", "cpu", "-q"];
    let _ = succeed(&words);
    assert!(!succeed(&["check", text(&out)]).contains("left over"));
    let left = ["sweep.csv.123.tmp", "bases/inverted_pendulum.ron.4.tmp"].map(|name| out.join(name));
    left.iter().for_each(|file| fs::write(file, "half").expect("it can be written"));
    let told = succeed(&["check", text(&out)]);
    assert!(left.iter().all(|file| told.contains(&format!("left over       {}", file.display()))), "{told}");
    let _ = succeed(&words);
    assert!(left.iter().all(|file| !file.exists()));
    assert!(!succeed(&["check", text(&out)]).contains("left over"));
}

#[test]
fn a_sweep_goes_on_after_any_fault() {
    for (index, kind) in KINDS.into_iter().enumerate() {
        let count = sweep_faults(&[kind], |number| number % 29 == 3 + 5 * index as u64);
        assert!(count >= 1, "{kind}: {count} faults");
    }
}

/// Faults in the process of one trial: the sweep ends with the same table, or says that the trial has failed and why,
/// and then goes on. How many there were.
fn trial_faults(kinds: &[&str], choose: impl Fn(u64) -> bool) -> usize {
    let sweep = Sweep::new();
    let mut count = 0;
    for kind in kinds {
        for number in (1..MOST).filter(|&number| choose(number)) {
            let (out, fault) = (sweep.folder.path().join("out"), format!("{kind}:{number}"));
            let planned = [("SPINDLE_FAULT", fault.as_str()), ("SPINDLE_FAULT_IN", "1")];
            let output = evo(&sweep.words(&out)).envs(planned).output().expect("evo starts");
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{fault}: {stderr}");
            let log = fs::read_to_string(out.join("trials/t0001/s1.stderr")).expect("a log");
            assert!(!log.contains("panicked"), "{fault}: {log}");
            let struck = log.contains("fault ");
            if table(&out).contains("t0001,failed,") {
                let told = stderr.lines().find_map(|line| line.split_once("t0001 seed 1 failed: "));
                assert!(
                    struck && told.is_some_and(|(_, reason)| reason.len() > 10),
                    "{fault}: {log} {stderr}"
                );
            } else {
                assert_eq!(table(&out), sweep.table, "{fault}");
            }
            sweep.must_go_on(&out, &fault);
            // Of a process that ends, the next one overwrites the log.
            if !struck && !kind.ends_with("end") {
                break;
            }
            count += 1;
        }
    }
    count
}

#[test]
fn a_trial_goes_on_after_any_fault_or_says_that_it_failed() {
    for (index, kind) in ["fail", "torn", "end"].into_iter().enumerate() {
        let count = trial_faults(&[kind], |number| number < 60 && number % 23 == 4 + 7 * index as u64);
        assert!(count >= 2, "{kind}: {count} faults");
    }
}

/// Kills at random instants; the seed of a failure is in its message.
fn kills(case: &Case, seeds: std::ops::Range<u64>) {
    let folder = tempfile::tempdir().expect("a scratch folder");
    for seed in seeds {
        let mut random = SmallRng::seed_from_u64(seed);
        let out = folder.path().join(seed.to_string());
        let mut what = format!("seed {seed}");
        let mut go = |arguments: &[&str], random: &mut SmallRng| {
            let mut child = evo(arguments).stderr(Stdio::null()).spawn().expect("evo starts");
            // As often early as late.
            let pause = Duration::from_secs_f64(0.003 * 150_f64.powf(random.random::<f64>()));
            what.push_str(&format!(", killed after {} ms", pause.as_millis()));
            std::thread::sleep(pause);
            child.kill().expect("SIGKILL");
            child.wait().expect("status");
        };
        go(&case.arguments(&out), &mut random);
        if out.join("config.ron").exists() {
            go(&["resume", text(&out), "-q", "--threads", "1"], &mut random);
        }
        case.must_go_on(&out, &what);
        fs::remove_dir_all(&out).expect("it can be removed");
    }
}

#[test]
fn a_run_goes_on_after_any_kill() {
    kills(&cases()[0], 0..12);
    kills(&cases()[1], 12..16);
    kills(&cases()[2], 16..18);
    kills(&cases()[3], 18..22);
}

#[test]
#[ignore = "slow: ./tests/run --full"]
fn a_run_goes_on_after_a_thousand_kills() {
    kills(&cases()[0], 100..800);
    kills(&cases()[1], 800..950);
    kills(&cases()[2], 950..1020);
    kills(&cases()[3], 1020..1100);
}

/// The `--init` of a run is part of it from the moment on that it is one.
#[test]
fn a_run_that_was_just_made_starts_where_init_says() {
    let case = &cases()[0];
    let folder = tempfile::tempdir().expect("a scratch folder");
    for attempt in 0..3 {
        let out = folder.path().join(attempt.to_string());
        let mut child = evo(&case.arguments(&out)).spawn().expect("evo starts");
        while !out.join("config.ron").exists() && child.try_wait().expect("status").is_none() {
            std::thread::yield_now();
        }
        child.kill().expect("SIGKILL");
        child.wait().expect("status");
        case.must_go_on(&out, "killed as soon as there was a config");
    }
}

#[test]
fn flipped_bits_are_found_and_never_used() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let out = folder.path().join("run");
    let case = &cases()[0];
    let _ = succeed(&case.arguments(&out));
    let mut random = SmallRng::seed_from_u64(7);
    let files = [
        "checkpoints/last.safetensors",
        "metrics.csv",
        "config.ron",
        "provenance.json",
        "summary.json",
        "hashes.json",
    ];
    for (name, flips) in files.into_iter().zip([40, 40, 10, 10, 10, 20]) {
        let file = out.join(name);
        let good = fs::read(&file).expect("a file");
        for flip in 0..flips {
            let bit = random.random_range(0..8 * good.len());
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            fs::write(&file, bytes).expect("it can be written");
            let damaged = examine::run(&out).expect("a run").into_iter().any(|found| {
                matches!(found.condition, Condition::Damaged(_)) || found.condition == Condition::Unchecked
            });
            assert!(damaged, "{name}: bit {bit}");
            // Whoever would go on with them refuses.
            if flip < 4 && ["checkpoints/last.safetensors", "metrics.csv"].contains(&name) {
                let stderr = refuse(&["resume", text(&out), "--generations", "4", "-q"], 2);
                assert!(
                    stderr.contains(file.file_name().and_then(|n| n.to_str()).expect("a name")),
                    "{stderr}"
                );
            }
        }
        fs::write(&file, good).expect("it can be written");
    }
    let _ = succeed(&["check", text(&out)]);
    fs::write(out.join("provenance.json"), "{}").expect("it can be written");
    let stderr = refuse(&["check", text(&out)], 1);
    assert!(stderr.contains("damaged files: 1 of 8"), "{stderr}");
}

#[test]
fn a_table_that_is_gone_is_told_of_and_marked() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let out = folder.path().join("run");
    let _ = succeed(&cases()[0].arguments(&out));
    let table = out.join("metrics.csv");
    // Damaged in the middle.
    let rows = fs::read_to_string(&table).expect("metrics");
    fs::write(&table, rows.split_inclusive('\n').take(2).collect::<String>()).expect("metrics");
    let stderr = refuse(&["resume", text(&out), "--generations", "5", "-q"], 2);
    assert!(
        stderr.contains("metrics.csv is damaged") && stderr.contains("delete it to continue"),
        "{stderr}"
    );
    fs::remove_file(&table).expect("metrics");
    let output = run(&["resume", text(&out), "--generations", "5", "-q"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && stderr.contains("continues without those up to generation 3"),
        "{stderr}"
    );
    assert_eq!(untimed_metrics(&out)[1][0], "4");
    whole(&out, "after the loss");
    let output = run(&["resume", text(&out), "--generations", "6", "-q"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && stderr.contains("begins at generation 4"), "{stderr}");
}

#[test]
fn runs_of_earlier_versions_are_read_with_a_warning() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let out = folder.path().join("run");
    copy(&data("run_9529ebc"), &out);
    let warns = |arguments: &[&str]| {
        let output = run(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}");
        assert!(stderr.contains("last.safetensors is from an earlier version and has no hash"), "{stderr}");
    };
    warns(&["eval", text(&out), "--episodes", "1"]);
    let file = data("closed_loop/humanoid_linear.safetensors");
    let output = run(&["eval", text(&file), "--episodes", "2", "--json"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.contains("humanoid_linear.safetensors is from an earlier version and has no hash"),
        "{stderr}"
    );
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert!(report["return_mean"].as_f64().expect("a number") > 7200.0, "{report}");
    assert!(succeed(&["check", text(&out)]).contains("0 of 6 files are as they were written"));
    let before = fs::read_to_string(out.join("metrics.csv")).expect("metrics");
    warns(&["resume", text(&out), "--generations", "6", "-q"]);
    let after = fs::read_to_string(out.join("metrics.csv")).expect("metrics");
    assert!(after.starts_with(&before) && after.lines().count() == before.lines().count() + 2);
    // What it has written has hashes.
    let conditions = examine::run(&out).expect("a run");
    let of =
        |name: &str| conditions.iter().find(|file| file.path.ends_with(name)).map(|file| &file.condition);
    assert_eq!(of("checkpoints/last.safetensors"), Some(&Condition::Whole));
    assert_eq!(of("metrics.csv"), Some(&Condition::Whole));
}

/// Without locks, a second process is not kept out: that is told.
#[test]
fn a_file_system_without_locks_is_told_of() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let out = folder.path().join("run");
    let output = with_fault(&cases()[0].arguments(&out), "no-lock:1").expect("a fault");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && stderr.contains("warning: the folder cannot be locked"), "{stderr}");
    assert_eq!(untimed_metrics(&out), cases()[0].metrics);
}

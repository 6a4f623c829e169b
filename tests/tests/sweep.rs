//! Sweeps: the same table however often they are killed, less work by halving, and clear refusals.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tests::{evo, refuse, succeed, text};

/// 24 trials of a few small generations. The optimizer is chosen first, then its rate is set.
const SMALL: &str = r#"(
    config: "inverted_pendulum.ron",
    set: ["run.generations=6", "run.eval_every=0", "run.eval_episodes=4", "strategy.population=8",
          "rollout.horizon=50", "run.checkpoint_every=1"],
    axes: [
        List(path: "strategy.optimizer", values: [Adam(), Sgd()]),
        LogRange(path: "strategy.sigma", from: 0.03, to: 0.3, steps: 4),
        Range(path: "strategy.optimizer.learning_rate", from: 0.01, to: 0.1, steps: 3),
    ],
    SAMPLER
)"#;

fn write(folder: &Path, name: &str, content: &str) -> PathBuf {
    let file = folder.join(name);
    fs::write(&file, content).expect("scratch file");
    file
}

fn small(folder: &Path, sampler: &str) -> PathBuf {
    write(folder, "small.ron", &SMALL.replace("SAMPLER", sampler))
}

fn sweep<'a>(file: &'a Path, out: &'a Path) -> Vec<&'a str> {
    vec!["sweep", "--config", text(file), "--out", text(out), "--backend", "cpu", "--threads", "1"]
}

fn table(out: &Path) -> String {
    fs::read_to_string(out.join("sweep.csv")).expect("sweep.csv")
}

fn journal(out: &Path) -> Vec<Value> {
    let text = fs::read_to_string(out.join("journal.jsonl")).expect("journal");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn count(out: &Path, kind: &str) -> usize {
    journal(out).iter().filter(|line| !line[kind].is_null()).count()
}

fn start(arguments: &[&str]) -> Child {
    evo(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("evo starts")
}

/// Kills the sweep ten times, at times spread over its work, then lets it finish.
fn killed_ten_times(sampler: &str, trials: usize, runs: usize) {
    let folder = tempfile::tempdir().expect("scratch folder");
    let file = small(folder.path(), sampler);
    let (whole, torn) = (folder.path().join("whole"), folder.path().join("torn"));
    let _ = succeed(&[&sweep(&file, &whole)[..], &["--workers", "2", "-q"]].concat());
    assert_eq!(count(&whole, "done"), runs);
    assert_eq!(table(&whole).lines().count(), trials + 1);

    let (mut killed, mut before) = (0, 0);
    for round in 0..10_u64 {
        let workers = ["1", "2", "3"][(round % 3) as usize];
        let mut child = start(&[&sweep(&file, &torn)[..], &["--workers", workers, "-q"]].concat());
        // Once it has done something more, at a moment that differs from round to round.
        let began = Instant::now();
        let more = |before: usize| {
            fs::read_to_string(torn.join("journal.jsonl")).map_or(0, |text| text.matches("{\"done\"").count())
                > before
        };
        while !more(before) && began.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_millis(round * 37 % 150));
        child.kill().expect("SIGKILL");
        killed += usize::from(!child.wait().expect("status").success());
        before = count_whole_lines(&torn);
    }
    assert!(killed >= 5, "most kills hit a sweep at work, here {killed}");
    let _ = succeed(&[&sweep(&file, &torn)[..], &["--workers", "2", "-q"]].concat());
    assert_eq!(table(&torn), table(&whole));
    assert_eq!(count(&torn, "done"), runs, "nothing is done twice");
    // Nothing is left to do.
    let again = std::time::SystemTime::now();
    let _ = succeed(&[&sweep(&file, &torn)[..], &["-q"]].concat());
    assert_eq!(count(&torn, "done"), runs);
    let touched = fs::metadata(torn.join("journal.jsonl")).and_then(|m| m.modified()).expect("time");
    assert!(touched < again);
}

fn count_whole_lines(out: &Path) -> usize {
    fs::read_to_string(out.join("journal.jsonl")).map_or(0, |text| text.matches("{\"done\"").count())
}

#[test]
fn a_grid_killed_ten_times_ends_with_the_same_table() {
    killed_ten_times("sampler: Grid, seeds: [1]", 24, 24);
}

#[test]
fn proposals_and_rungs_do_not_depend_on_kills_or_workers() {
    killed_ten_times("sampler: Tpe(trials: 14, startup: 6, batch: 4), seeds: [1, 2]", 14, 28);
    // 9 trials at 2 generations, 3 of them at 6.
    killed_ten_times(
        "sampler: Random(trials: 9), halving: (first: 2, factor: 3), seeds: [1, 2]",
        9,
        2 * (9 + 3),
    );
}

#[test]
fn halving_finds_the_best_trial_of_the_grid_with_a_third_of_its_steps() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let shipped = fs::read_to_string(tests::root().join("configs/sweeps/inverted_pendulum.ron"))
        .expect("the shipped example");
    let halving = "    halving: (first: 6, factor: 3),\n";
    assert!(shipped.contains(halving), "{shipped}");
    let full = write(folder.path(), "full.ron", &shipped.replace(halving, ""));
    let result = |config: &str, out: &str| -> Value {
        let out = folder.path().join(out);
        let stdout = succeed(&["sweep", "--config", config, "--out", text(&out), "--json", "-q"]);
        serde_json::from_str(&stdout).expect("one JSON object")
    };
    let halved = result("sweeps/inverted_pendulum.ron", "halved");
    let grid = result(text(&full), "grid");
    let steps = |report: &Value| report["env_steps"].as_u64().expect("a count");
    assert!(3 * steps(&halved) <= steps(&grid), "{} against {}", steps(&halved), steps(&grid));
    assert_eq!(halved["best"]["trial"], grid["best"]["trial"], "{halved}\n{grid}");
    // A rung goes on bit for bit: the winner is worth what it is worth without halving.
    assert_eq!(halved["best"]["value"], grid["best"]["value"]);
    assert_eq!(halved["finished"], true);
    assert_eq!(halved["rows"].as_array().map(Vec::len), Some(12));
    let stopped = |report: &Value| {
        report["rows"].as_array().expect("rows").iter().filter(|row| row["status"] == "stopped").count()
    };
    assert_eq!((stopped(&halved), stopped(&grid)), (11, 0));
}

#[test]
fn mistakes_in_a_sweep_file_are_shown_at_their_place() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let refused = |axes: &str, more: &str| {
        let content = format!(
            "(\n    config: \"inverted_pendulum.ron\",\n    axes: [\n        {axes}\n    ],\n{more}\n)"
        );
        let file = write(folder.path(), "bad.ron", &content);
        let message = refuse(&["sweep", "--config", text(&file), "--out", text(&folder.path().join("x"))], 2);
        assert!(!folder.path().join("x").exists(), "nothing was started");
        let prefix = format!("error: {}:", file.display());
        message.strip_prefix(&prefix).unwrap_or_else(|| panic!("{message}")).to_owned()
    };
    let good = r#"List(path: "strategy.sigma", values: [0.1])"#;
    for (axes, more, expected) in [
        (
            r#"List(path: "strategy.sgima", values: [0.1]),"#,
            "",
            "4:20: axis strategy.sgima: no field 'sgima' (have: ",
        ),
        (r#"List(path: "strategy.sigma", values: []),"#, "", "4:46: axis strategy.sigma has no values"),
        (
            r#"List(path: "strategy.sigma", values: [0.1, "wide"]),"#,
            "",
            "4:52: axis strategy.sigma: at strategy",
        ),
        (
            r#"Range(path: "strategy.sigma", from: 0.1, to: 0.2),"#,
            "",
            "4:21: axis strategy.sigma: a grid needs",
        ),
        (
            r#"LogRange(path: "strategy.sigma", from: 0, to: 0.2, steps: 2),"#,
            "",
            "4:48: axis strategy.sigma: a logarithmic range starts above 0",
        ),
        (
            r#"Range(path: "strategy.sigma", from: 1, to: 1, steps: 2),"#,
            "",
            "4:52: axis strategy.sigma is empty",
        ),
        (r#"List(path: "run.seed", values: [1]),"#, "", "4:41: run.seed cannot be an axis"),
        (r#"List(path: "run.eval_episodes", values: [0]),"#, "", "4:50: run.eval_episodes = 0: must be 1 to"),
        ("", "", "3:11: a sweep needs at least one axis"),
        (good, "    seeds: [],", "6:12: a sweep needs at least one seed"),
        (good, "    smapler: Grid,", "6:5: unknown field 'smapler' (valid: config, set, axes, sampler"),
        (
            good,
            "    halving: (first: 60),",
            "6:22: first = 60: must be at least 1 and below run.generations = 60",
        ),
        (good, "    sampler: Random(trials: 0),", "6:14: a sweep has 1 to"),
    ] {
        let message = refused(axes, more);
        assert!(message.starts_with(expected), "{axes} {more}\n{message}");
    }
}

#[test]
fn a_changed_file_and_a_second_sweep_are_refused_and_nothing_is_lost() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let file = small(folder.path(), "sampler: Random(trials: 3)");
    let out = folder.path().join("out");
    let _ = succeed(&[&sweep(&file, &out)[..], &["-q"]].concat());
    let before = (table(&out), fs::read(out.join("journal.jsonl")).expect("journal"));
    let changed = small(folder.path(), "sampler: Random(trials: 4)");
    let message = refuse(&sweep(&changed, &out), 2);
    assert!(message.contains("in the sweep file, sampler.Random.trials was 3 and is 4"), "{message}");
    let base = fs::read_to_string(&file).expect("file").replace("rollout.horizon=50", "rollout.horizon=51");
    fs::write(&file, base.replace("trials: 4", "trials: 3")).expect("scratch file");
    assert!(refuse(&sweep(&file, &out), 2).contains("rollout.horizon=50"));
    assert_eq!(before, (table(&out), fs::read(out.join("journal.jsonl")).expect("journal")));

    // Two at a time.
    let long = small(folder.path(), "sampler: Random(trials: 1000)");
    let out = folder.path().join("long");
    let mut child = start(&sweep(&long, &out));
    while !out.join("journal.jsonl").exists() {
        assert!(child.try_wait().expect("status").is_none(), "it ended early");
        std::thread::sleep(Duration::from_millis(10));
    }
    let message = refuse(&sweep(&long, &out), 2);
    assert!(message.contains("another sweep works in"), "{message}");
    child.kill().expect("kill");
    let _ = child.wait();
}

#[test]
fn failed_trials_are_kept_named_and_tried_again() {
    let folder = tempfile::tempdir().expect("scratch folder");
    // A population of 0 fails when the strategy is built, in the worker.
    let content = r#"(
        config: "inverted_pendulum.ron",
        set: ["run.generations=2", "run.eval_every=0", "run.eval_episodes=2", "rollout.horizon=20"],
        axes: [List(path: "strategy.population", values: [8, 0])],
    )"#;
    let file = write(folder.path(), "half_bad.ron", content);
    let out = folder.path().join("out");
    let output = tests::run(&sweep(&file, &out));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert!(stderr.contains("t0001 seed 1 failed: ") && stderr.contains("population"), "{stderr}");
    let rows: Vec<String> = table(&out).lines().map(str::to_owned).collect();
    assert!(rows[1].starts_with("t0000,done,2,") && rows[2] == "t0001,failed,0,,,,,,,,0,0", "{rows:?}");
    assert_eq!((count(&out, "done"), count(&out, "failed")), (1, 1));
    let _ = tests::run(&sweep(&file, &out));
    assert_eq!((count(&out, "done"), count(&out, "failed")), (1, 2), "only what failed is tried again");
}

#[cfg(target_os = "linux")]
#[test]
fn a_crashing_worker_is_tried_again_and_ctrl_c_loses_nothing() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let file = small(folder.path(), "sampler: Random(trials: 12), seeds: [1]");
    let (whole, torn) = (folder.path().join("whole"), folder.path().join("torn"));
    let _ = succeed(&[&sweep(&file, &whole)[..], &["-q"]].concat());
    let mut child = start(&[&sweep(&file, &torn)[..], &["--workers", "1"]].concat());
    // One of its workers is killed, as the kernel does for want of memory.
    let children = format!("/proc/{0}/task/{0}/children", child.id());
    let began = Instant::now();
    loop {
        let list = fs::read_to_string(&children).unwrap_or_default();
        if let Some(worker) = list.split_whitespace().next() {
            let _ = std::process::Command::new("kill").args(["-KILL", worker]).status();
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "no worker");
        std::thread::sleep(Duration::from_millis(2));
    }
    // Then Ctrl-C.
    while count_whole_lines(&torn) < 2 {
        assert!(child.try_wait().expect("status").is_none(), "it ended early");
        std::thread::sleep(Duration::from_millis(5));
    }
    let _ = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(child.wait().expect("status").success(), "Ctrl-C is no failure");
    assert!(table(&torn).contains("unfinished"), "{}", table(&torn));
    let _ = succeed(&[&sweep(&file, &torn)[..], &["-q"]].concat());
    assert_eq!(table(&torn), table(&whole));
    assert_eq!(count(&torn, "failed"), 0);
}

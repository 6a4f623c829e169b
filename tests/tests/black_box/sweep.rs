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

pub(crate) fn write(folder: &Path, name: &str, content: &str) -> PathBuf {
    let file = folder.join(name);
    fs::write(&file, content).expect("scratch file");
    file
}

fn small(folder: &Path, sampler: &str) -> PathBuf {
    write(folder, "small.ron", &SMALL.replace("SAMPLER", sampler))
}

pub(crate) fn sweep<'a>(file: &'a Path, out: &'a Path) -> Vec<&'a str> {
    vec!["sweep", "--config", text(file), "--out", text(out), "--backend", "cpu", "--threads", "1"]
}

pub(crate) fn table(out: &Path) -> String {
    fs::read_to_string(out.join("sweep.csv")).expect("sweep.csv")
}

fn journal(out: &Path) -> Vec<Value> {
    let text = fs::read_to_string(out.join("journal.jsonl")).expect("journal");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn count(out: &Path, kind: &str) -> usize {
    journal(out).iter().filter(|line| !line[kind].is_null()).count()
}

/// Starts `evo` in a process group of its own.
pub(crate) fn start(arguments: &[&str]) -> Child {
    let mut command = evo(arguments);
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("evo starts")
}

/// What a kill hits.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    /// The sweep with all of its workers, as a power cut does.
    Group,
    /// The sweep alone; its workers find out by themselves.
    Parent,
}

pub(crate) fn kill(child: &mut Child, target: Target) {
    match target {
        Target::Parent => child.kill().expect("SIGKILL"),
        Target::Group => {
            let group = format!("-{}", child.id());
            let killed = std::process::Command::new("kill").args(["-KILL", "--", &group]).status();
            assert!(killed.expect("kill").success());
        }
    }
    let _ = child.wait().expect("status");
}

/// Seconds between 0 and `most`, the same in every test run (SplitMix64).
fn draws(mut state: u64, most: f64) -> impl FnMut() -> Duration {
    move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        Duration::from_secs_f64(most * ((z ^ (z >> 31)) >> 11) as f64 / 9_007_199_254_740_992.0)
    }
}

/// Kills the sweep `kills` times at random moments, then lets it finish. A sweep that finishes before its kill
/// does not count: it must have the table too, and a new one takes its place.
fn killed(kills: usize, sampler: &str, trials: usize, runs: usize, target: Target) {
    let folder = tempfile::tempdir().expect("scratch folder");
    let file = small(folder.path(), sampler);
    let whole = folder.path().join("whole");
    let began = Instant::now();
    let _ = succeed(&[&sweep(&file, &whole)[..], &["--workers", "2", "-q"]].concat());
    assert_eq!(count(&whole, "done"), runs);
    assert_eq!(table(&whole).lines().count(), trials + 1);

    let mut delay = draws(trials as u64, began.elapsed().as_secs_f64() / 4.0);
    let torn = |number: usize| folder.path().join(format!("torn{number}"));
    let (mut killed, mut finished) = (0, 0);
    while killed < kills {
        let out = torn(finished);
        let workers = ["1", "2", "3"][killed % 3];
        let mut child = start(&[&sweep(&file, &out)[..], &["--workers", workers, "-q"]].concat());
        // The first before there is a line in the journal, later ones anywhere.
        let until = Instant::now() + if killed == 0 { Duration::from_millis(3) } else { delay() };
        while Instant::now() < until && child.try_wait().expect("status").is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        if child.try_wait().expect("status").is_some() {
            assert_eq!(table(&out), table(&whole));
            finished += 1;
            assert!(finished < 10, "kills come too late");
        } else {
            kill(&mut child, target);
            killed += 1;
        }
    }
    let out = torn(finished);
    let _ = succeed(&[&sweep(&file, &out)[..], &["--workers", "2", "-q"]].concat());
    assert_eq!(table(&out), table(&whole));
    assert_eq!((count(&out, "done"), count(&out, "failed")), (runs, 0), "nothing is done twice or fails");
    // Nothing is left to do.
    let journal = fs::read(out.join("journal.jsonl")).expect("journal");
    let _ = succeed(&[&sweep(&file, &out)[..], &["-q"]].concat());
    assert_eq!(fs::read(out.join("journal.jsonl")).expect("journal"), journal);
}

fn count_whole_lines(out: &Path) -> usize {
    fs::read_to_string(out.join("journal.jsonl")).map_or(0, |text| text.matches("{\"done\"").count())
}

#[cfg(unix)]
#[test]
fn a_killed_grid_ends_with_the_same_table() {
    killed(3, "sampler: Grid, seeds: [1]", 24, 24, Target::Group);
}

#[cfg(unix)]
#[test]
#[ignore = "slow: ./tests/run --full"]
fn a_grid_killed_ten_times_ends_with_the_same_table() {
    killed(10, "sampler: Grid, seeds: [1]", 24, 24, Target::Group);
}

/// Kills two kinds of proposals `kills` times each.
fn killed_proposals(kills: usize) {
    killed(kills, "sampler: Tpe(trials: 9, startup: 5, batch: 4), seeds: [1, 2]", 9, 18, Target::Parent);
    // A batch of 6 and one of 3 trials at 2 generations, 2 and 1 of them at 6.
    killed(
        kills,
        "sampler: Tpe(trials: 9, startup: 6, batch: 3), halving: (first: 2, factor: 3), seeds: [1]",
        9,
        9 + 3,
        Target::Parent,
    );
}

#[test]
fn proposals_and_rungs_do_not_depend_on_kills_or_workers() {
    killed_proposals(3);
}

#[test]
#[ignore = "slow: ./tests/run --full"]
fn proposals_and_rungs_do_not_depend_on_many_kills() {
    killed_proposals(10);
}

/// What a sweep file and the same without halving report, as `--json` prints it.
fn halved_and_whole(folder: &Path, sweep: &str) -> [Value; 2] {
    let halving = "    halving: (first: 6, factor: 3),\n";
    assert!(sweep.contains(halving), "{sweep}");
    [("halved", sweep.to_owned()), ("grid", sweep.replace(halving, ""))].map(|(name, sweep)| {
        let (file, out) = (write(folder, &format!("{name}.ron"), &sweep), folder.join(name));
        let stdout = succeed(&["sweep", "--config", text(&file), "--out", text(&out), "--json", "-q"]);
        serde_json::from_str(&stdout).expect("one JSON object")
    })
}

/// Halving needs at most a third of the grid's steps, and goes on bit for bit: its winner is worth what it is
/// worth without halving. Returns the winner.
fn a_third_of_the_steps(halved: &Value, grid: &Value, trials: usize) -> Value {
    let steps = |report: &Value| report["env_steps"].as_u64().expect("a count");
    assert!(3 * steps(halved) <= steps(grid), "{} against {}", steps(halved), steps(grid));
    assert_eq!(halved["finished"], true);
    let rows = |report: &Value| report["rows"].as_array().expect("rows").clone();
    assert_eq!([halved, grid].map(|report| rows(report).len()), [trials, trials]);
    let stopped = |report: &Value| rows(report).iter().filter(|row| row["status"] == "stopped").count();
    assert_eq!((stopped(halved), stopped(grid)), (trials - 1, 0));
    let winner = &halved["best"];
    let same = rows(grid).into_iter().find(|row| row["trial"] == winner["trial"]).expect("the same trial");
    assert_eq!(winner["value"], same["value"], "{halved}\n{grid}");
    winner["trial"].clone()
}

#[test]
fn halving_needs_a_third_of_the_grids_steps() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let sweep = r#"(
    config: "inverted_pendulum.ron",
    set: [
        "physics.engine=Rapier", "run.generations=27", "run.eval_every=0", "rollout.episodes=1",
        "rollout.action_noise=0", "rollout.horizon=100", "strategy.population=32",
    ],
    axes: [
        List(path: "strategy.sigma", values: [0.05, 0.2, 0.4]),
        List(path: "strategy.optimizer.learning_rate", values: [0.01, 0.2]),
    ],
    halving: (first: 6, factor: 3),
)"#;
    let [halved, grid] = halved_and_whole(folder.path(), sweep);
    let _ = a_third_of_the_steps(&halved, &grid, 6);
}

/// The shipped example.
#[test]
#[ignore = "slow: ./tests/run --full"]
fn halving_finds_the_best_trial_of_the_grid_with_a_third_of_its_steps() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let shipped = fs::read_to_string(tests::root().join("configs/sweeps/inverted_pendulum.ron"));
    let [halved, grid] = halved_and_whole(folder.path(), &shipped.expect("the shipped example"));
    assert_eq!(a_third_of_the_steps(&halved, &grid, 12), grid["best"]["trial"], "{halved}\n{grid}");
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
        let message = message.strip_prefix("error: ").unwrap_or_else(|| panic!("{message}"));
        message.strip_prefix(&format!("{}:", file.display())).unwrap_or(message).to_owned()
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
        (r#"Choice(name: "size", options: {}),"#, "", "4:39: axis size has no options"),
        (r#"Config(values: []),"#, "", "2:13: give either 'config' or the axis Config, not both"),
        (
            r#"List(path: "strategy.sigma", values: [0.1]), List(path: "strategy.sigma", values: [0.2]),"#,
            "",
            "4:54: two axes are called 'strategy.sigma'",
        ),
        (
            r#"List(path: "strategy.population", values: [8, 0]),"#,
            "",
            "4:55: strategy open_es: `population` is 0, expected",
        ),
        (r#"List(path: "controller.hidden.0.model", values: ["lif", "fil"]),"#, "", "4:65: "),
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
        (good, "    seeds: [1, 2, 1],", "6:19: seed 1 is given twice"),
        (good, "    init: \"none.safetensors\",", "cannot read"),
        (
            good,
            "    sampler: Tpe(trials: 9, batch: 2), halving: (first: 2),",
            "6:36: halving treats each batch of Tpe separately",
        ),
        (good, "    smapler: Grid,", "6:5: unknown field 'smapler' (valid: config, set, axes, sampler"),
        (
            good,
            "    halving: (first: 150),",
            "6:22: first = 150: must be at least 1 and below run.generations = 150",
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
    // The same file, but the config that it names has changed.
    let file = small(folder.path(), "sampler: Random(trials: 3)");
    let shipped = fs::read_to_string(tests::root().join("configs/inverted_pendulum.ron")).expect("config");
    let own = write(
        folder.path(),
        "inverted_pendulum.ron",
        &shipped.replace("hidden: [", "ticks: 3, hidden: [").replace("ticks: 4, ", ""),
    );
    let message = refuse(&sweep(&file, &out), 2);
    assert!(message.contains("in the base config, controller.Snn.ticks was 4 and is 3"), "{message}");
    fs::remove_file(own).expect("config");
    assert_eq!(before, (table(&out), fs::read(out.join("journal.jsonl")).expect("journal")));
    // A folder of something else.
    let run = folder.path().join("run");
    for name in ["config.ron", "report.html"] {
        fs::create_dir_all(&run).expect("folder");
        let theirs = write(&run, name, "theirs");
        let message = refuse(&sweep(&file, &run), 2);
        assert!(message.contains(&format!("has a {name} that is not from a sweep")), "{message}");
        assert_eq!(fs::read_to_string(&theirs).expect("file"), "theirs");
        assert_eq!(fs::read_dir(&run).expect("folder").count(), 1, "nothing was started");
        fs::remove_file(theirs).expect("file");
    }

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
    // Parameters so large that no member has a finite fitness.
    let content = r#"(
        config: "inverted_pendulum.ron",
        set: ["run.generations=2", "run.eval_every=0", "run.eval_episodes=2", "rollout.horizon=20",
              "strategy.population=8"],
        axes: [List(path: "strategy.sigma", values: [0.1, 1e300])],
    )"#;
    let file = write(folder.path(), "half_bad.ron", content);
    let out = folder.path().join("out");
    let output = tests::run(&sweep(&file, &out));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert!(stderr.contains("t0001 seed 1 failed: ") && stderr.contains("finite"), "{stderr}");
    let rows: Vec<String> = table(&out).lines().map(str::to_owned).collect();
    assert!(rows[1].starts_with("t0000,done,2,") && rows[2] == "t0001,failed,0,,,,,,,,0,1e+300", "{rows:?}");
    assert_eq!((count(&out, "done"), count(&out, "failed")), (1, 1));
    let _ = tests::run(&sweep(&file, &out));
    assert_eq!((count(&out, "done"), count(&out, "failed")), (1, 2), "only what failed is tried again");
}

/// Two generations, one trial per axis value.
const TWO: &str = r#"(
    config: "inverted_pendulum.ron",
    set: ["run.generations=GENERATIONS", "run.eval_every=0", "run.eval_episodes=2", "rollout.horizon=20",
          "strategy.population=8"],
    axes: [List(path: "strategy.sigma", values: [0.1, 0.2])],
    MORE
)"#;

fn two(folder: &Path, generations: &str, more: &str) -> PathBuf {
    write(folder, "two.ron", &TWO.replace("GENERATIONS", generations).replace("MORE", more))
}

#[test]
fn a_run_that_cannot_go_on_begins_anew_and_another_build_is_told() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let file = two(folder.path(), "4", "halving: (first: 2, factor: 2)");
    let (whole, torn) = (folder.path().join("whole"), folder.path().join("torn"));
    let _ = succeed(&[&sweep(&file, &whole)[..], &["-q"]].concat());
    // The last rung is forgotten, its checkpoint damaged, and the program another one.
    fs::create_dir_all(&torn).expect("folder");
    let copied = std::process::Command::new("cp").arg("-a").arg(whole.join(".")).arg(&torn).status();
    assert!(copied.expect("cp").success());
    let text = fs::read_to_string(torn.join("journal.jsonl")).expect("journal");
    let kept: String = text
        .lines()
        .filter(|line| !(line.starts_with("{\"done\"") && line.contains("\"generations\":4")))
        .map(|l| format!("{l}\n"))
        .collect();
    assert!(kept.lines().count() < text.lines().count() && kept.contains("\"session\""), "{text}");
    let session = kept.lines().find(|line| line.contains("\"session\"")).expect("session");
    let mut value: Value = serde_json::from_str(session).expect("JSON");
    value["session"]["commit"] = "0123456789abcdef".into();
    assert!(value.as_object_mut().expect("an object").remove("blake3").is_some());
    fs::write(torn.join("journal.jsonl"), kept.replace(session, &value.to_string())).expect("journal");
    let best = table(&whole).lines().nth(1).expect("row").split(',').next().expect("cell").to_owned();
    let checkpoint = torn.join("trials").join(best).join("s1/checkpoints/last.safetensors");
    fs::write(checkpoint, "damaged").expect("checkpoint");
    let output = tests::run(&[&sweep(&file, &torn)[..], &["-q"]].concat());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert!(
        stderr.contains("last run by another program (version ") && stderr.contains("0123456789ab"),
        "{stderr}"
    );
    assert_eq!(table(&torn), table(&whole));
    assert_eq!((count(&torn, "failed"), count(&torn, "session")), (0, 2));
}

#[test]
fn every_trial_starts_from_the_checkpoint_of_the_sweep() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let run = folder.path().join("run");
    let train = ["--config", "inverted_pendulum.ron", "--generations", "1", "--set", "run.eval_episodes=1"];
    let _ = succeed(&[&train[..], &["--out", text(&run), "-q"]].concat());
    // Beside the sweep file, whatever the current folder is.
    let file = two(folder.path(), "2", "init: \"run\"");
    let (out, again) = (folder.path().join("out"), folder.path().join("again"));
    let _ = succeed(&[&sweep(&file, &out)[..], &["-q"]].concat());
    let plain = folder.path().join("plain");
    let _ = succeed(&[&sweep(&two(folder.path(), "2", ""), &plain)[..], &["-q"]].concat());
    assert_ne!(table(&out), table(&plain), "it makes a difference");
    // The folder is complete without the run.
    let file = two(folder.path(), "2", "init: \"run\"");
    fs::rename(&run, folder.path().join("moved")).expect("run");
    let _ = succeed(&[&sweep(&file, &out)[..], &["-q"]].concat());
    let own = out.join("sweep.ron");
    let _ = succeed(&[&sweep(&own, &again)[..], &["-q"]].concat());
    assert_eq!(table(&again), table(&out));
    // Another checkpoint, or one of another controller, is refused.
    let other = [&train[..], &["--out", text(&run), "-q", "--seed", "2"]].concat();
    let _ = succeed(&other);
    let message = refuse(&sweep(&file, &out), 2);
    assert!(message.contains("init is not the checkpoint "), "{message}");
    fs::remove_dir_all(&run).expect("run");
    let _ = succeed(&[&other[..], &["--set", "controller.ticks=2"]].concat());
    let message = refuse(&sweep(&file, &folder.path().join("new")), 2);
    assert!(message.contains("trial t0000: ") && message.contains("controller"), "{message}");
    assert!(!folder.path().join("new").exists(), "nothing was started");
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

/// A worker that crashes again is given up, named, and tried once more by the next session.
#[cfg(target_os = "linux")]
#[test]
fn a_worker_that_wants_more_memory_than_there_is_runs_alone_and_is_named() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let content = r#"(
        config: "inverted_pendulum.ron",
        set: ["run.generations=1", "run.eval_every=0", "run.eval_episodes=1", "rollout.horizon=2",
              "strategy.population=2", "controller=Mlp(hidden: [4])"],
        axes: [List(path: "controller.hidden", values: [[4], [4096, 4096, 4096, 4096]])],
    )"#;
    let file = write(folder.path(), "large.ron", content);
    let out = folder.path().join("out");
    // A small network fits; 50 million parameters do not.
    let limited = || {
        let arguments = [&sweep(&file, &out)[..], &["--workers", "2"]].concat();
        let program = evo(&[]).get_program().to_owned();
        let mut command = std::process::Command::new("bash");
        command.args(["-c", "ulimit -v 1000000; exec \"$0\" \"$@\""]).arg(program).args(arguments);
        command.current_dir(tests::root()).output().expect("bash")
    };
    let output = limited();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert!(stderr.contains("t0001 seed 1 failed: killed by signal 6 for lack of memory"), "{stderr}");
    assert!(stderr.contains("with no other run beside it"), "{stderr}");
    assert_eq!((count(&out, "done"), count(&out, "failed")), (1, 1));
    let failed = journal(&out).into_iter().find(|line| !line["failed"].is_null()).expect("failed");
    let reason = failed["failed"]["reason"].as_str().expect("text");
    assert!(reason.contains("memory allocation of"), "{reason}");
}

/// A sweep over tasks ends in one table, in which only trials of the same task are ranked.
#[test]
fn a_sweep_over_configs_gives_a_table_of_results() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let content = r#"(
        set: ["run.generations=2", "run.eval_every=1", "run.eval_episodes=2", "rollout.horizon=20",
              "rollout.episodes=1", "strategy.population=8"],
        axes: [Config(values: [
            "inverted_pendulum.ron",
            (config: "inverted_double_pendulum.ron", set: ["run.generations=3"]),
            (config: "inverted_pendulum.ron", name: "linear", set: ["controller=Mlp(hidden: [])"]),
            (config: "inverted_double_pendulum.ron", name: "double_linear", set: ["controller=Mlp(hidden: [])"]),
            (config: "inverted_pendulum.ron", name: "ars", set: ["strategy=Ars(population: 8)"]),
            (config: "pusher.ron", set: ["strategy=Ars(population: 8)"]),
        ])],
        seeds: [1, 2],
    )"#;
    let file = write(folder.path(), "tasks.ron", content);
    let out = folder.path().join("out");
    let stdout = succeed(&[&sweep(&file, &out)[..], &["-q", "--json"]].concat());
    let report: Value = serde_json::from_str(&stdout).expect("one JSON object");
    assert_eq!(report["best"], Value::Null, "tasks are not compared");
    let rows: Vec<String> = table(&out).lines().map(str::to_owned).collect();
    assert!(rows[0].starts_with("trial,task,status,generations,value,") && rows[0].ends_with(",config"));
    let tasks: Vec<&str> = rows[1..].iter().map(|row| row.split(',').nth(1).expect("cell")).collect();
    let (single, double) = ("inverted_pendulum", "inverted_double_pendulum");
    assert_eq!(tasks, [single, single, single, double, double, "pusher"]);
    let of = |name: &str| rows.iter().find(|row| row.ends_with(&format!(",{name}"))).expect("row").clone();
    assert!(of("inverted_double_pendulum").contains(",done,3,") && of("linear").contains(",done,2,"));

    let (markdown, curves) = (folder.path().join("table.md"), folder.path().join("table"));
    let printed = succeed(&["report", text(&out), "--markdown", text(&markdown), "--title", "All"]);
    assert_eq!(printed.lines().count(), 4);
    let page = fs::read_to_string(&markdown).expect("table.md");
    for expected in [
        "# All\n",
        "| inverted_pendulum | OpenEs, population 8 | snn 4-16r(lif)-1, 4 ticks, f32,",
        "| inverted_double_pendulum | OpenEs, population 8 | mlp 9-1, linear, 10 parameters | double_linear | 2 | ",
        "| return in another engine |",
        " (rapier) |",
        "Methods over tasks: inverted_pendulum, inverted_double_pendulum.",
        "Not run on all of these tasks and left out: Ars with Snn.",
        "| OpenEs | linear | ",
        "(table/inverted_double_pendulum.svg)",
        "- commit: ",
    ] {
        assert!(page.contains(expected), "no '{expected}' in\n{page}");
    }
    // The mean of the final evaluations over seeds.
    let last = |trial: usize, seed: usize| -> f64 {
        let path = out.join(format!("trials/t000{trial}/s{seed}/summary.json"));
        let summary: Value = serde_json::from_slice(&fs::read(path).expect("summary")).expect("JSON");
        summary["eval_return_mean"].as_f64().expect("number")
    };
    let mean = (last(2, 1) + last(2, 2)) / 2.0;
    let line = page.lines().find(|line| line.contains("| linear | 2 |")).expect("row");
    assert!(line.contains(&format!("| {mean:.1} ± ")), "{mean} {line}");
    // Spiking controllers are trials 0 and 1, one on each task, linear ones 2 and 3.
    let share = |trial: usize, seed: usize| {
        let of_task = [(trial % 2, 1), (trial % 2, 2), (trial % 2 + 2, 1), (trial % 2 + 2, 2)];
        let values = of_task.map(|(trial, seed)| last(trial, seed));
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        (last(trial, seed) - low) / (high - low)
    };
    for (method, first) in [("Snn", 0), ("linear", 2)] {
        let mut shares = [(first, 1), (first, 2), (first + 1, 1), (first + 1, 2)].map(|(t, s)| share(t, s));
        shares.sort_by(f64::total_cmp);
        let row = format!("| OpenEs | {method} | {:.3} [", (shares[1] + shares[2]) / 2.0);
        assert!(page.contains(&row), "no '{row}' in\n{page}");
    }
    let svg = fs::read_to_string(curves.join("inverted_pendulum.svg")).expect("curves");
    assert!(svg.contains("linear: OpenEs, linear (2 seeds)"));
    let html = fs::read_to_string(out.join("report.html")).expect("report");
    assert!(html.contains("Methods over tasks") && html.contains("double_linear"));

    // The folder does the same again without the configs' own files, and knows them.
    let again = folder.path().join("again");
    let _ = succeed(&[&sweep(&out.join("sweep.ron"), &again)[..], &["-q"]].concat());
    let values = |out: &Path| table(out).replace("double_linear", "");
    assert_eq!(values(&again), values(&out));
    let changed = write(folder.path(), "tasks.ron", &content.replace("generations=3", "generations=4"));
    let message = refuse(&sweep(&changed, &out), 2);
    assert!(message.contains("axes.0.Config.values.1.set.0 was \"run.generations=3\""), "{message}");

    for (values, more, expected) in [
        (
            r#""inverted_pendulum.ron", "inverted_pendulum.ron""#,
            "",
            "two configs are called 'inverted_pendulum'",
        ),
        (r#"(config: "swimmer.ron", name: "a/b")"#, "", "name 'a/b': use letters"),
        (r#""nonsense.ron""#, "", "no config 'nonsense.ron'"),
        (
            r#""swimmer.ron", "hopper.ron""#,
            "halving: (first: 2)",
            "neither halving nor Tpe can be combined with Config",
        ),
        (r#"(config: "swimmer.ron", set: ["strategy.population=0"])"#, "", "trial t0000: "),
    ] {
        let bad = format!("(axes: [Config(values: [{values}])],\n{more})");
        let bad = write(folder.path(), "bad.ron", &bad);
        let message = refuse(&sweep(&bad, &folder.path().join("bad")), 2);
        assert!(message.contains(expected), "{expected}\n{message}");
    }
}

//! Runs over several ranks: the bits of one process, and nothing torn or hanging when ranks die.
//!
//! The program with MPI is `evo-mpi` beside `evo`, as `tests/run` builds it; where there is none or no `mpirun`, nothing
//! here is tested, which `SPINDLE_ALL_TESTS=1` makes a failure and `SPINDLE_NO_MPI=1` allows.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use records::checkpoint::Checkpoint;
use tests::{data, generations, program, root, succeed, text, untimed_metrics as metrics};

/// Generous: a job that hangs is an error and not a test that never ends.
const LIMIT: Duration = Duration::from_secs(120);

/// The program with MPI, if these tests can run.
pub(crate) fn with_mpi() -> Option<PathBuf> {
    let program = program("evo").with_file_name("evo-mpi");
    let launcher = Command::new("mpirun").arg("--version").stdout(Stdio::null()).status();
    if program.exists() && launcher.is_ok_and(|status| status.success()) {
        return Some(program);
    }
    let needed =
        std::env::var_os("SPINDLE_ALL_TESTS").is_some() && std::env::var_os("SPINDLE_NO_MPI").is_none();
    assert!(!needed, "{} or mpirun is missing; tests/run makes both", program.display());
    None
}

/// Open MPI on one machine with fewer cores than ranks, as any user. When it ends a job, the ranks have some seconds.
fn mpirun() -> Command {
    let mut command = Command::new("mpirun");
    command.current_dir(root()).envs([
        ("OMPI_ALLOW_RUN_AS_ROOT", "1"),
        ("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"),
        ("OMPI_MCA_rmaps_base_oversubscribe", "1"),
        ("OMPI_MCA_hwloc_base_binding_policy", "none"),
        ("OMPI_MCA_btl_vader_single_copy_mechanism", "none"),
        ("OMPI_MCA_odls_base_sigkill_timeout", "3"),
    ]);
    command
}

/// A job of `ranks` ranks of `program`.
fn job(program: &Path, ranks: usize, arguments: &[&str]) -> Command {
    let mut command = mpirun();
    command.args(["-n", &ranks.to_string()]).arg(program).args(arguments);
    command
}

/// What became of a job: exit code and messages.
fn ended(mut child: Child) -> (Option<i32>, String) {
    let mut pipe = child.stderr.take().expect("a pipe");
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut pipe, &mut bytes).expect("messages");
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let began = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("status") {
            break status;
        }
        if began.elapsed() > LIMIT {
            child.kill().expect("it can be killed");
            panic!("the job hangs");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let stderr = reader.join().expect("the reader ends");
    assert!(!stderr.contains("panicked"), "{stderr}");
    (status.code().or_else(|| code_before_crash(&stderr)), stderr)
}

/// What `mpirun` was about to return when it crashed as it ended itself, which Open MPI 4.1.4 does now and then after a
/// rank has failed (compare https://github.com/open-mpi/ompi/issues/6222). It has named the rank and its code by then.
fn code_before_crash(stderr: &str) -> Option<i32> {
    let (named, crash) = stderr.split_once("*** Process received signal ***")?;
    if !crash.contains("PMIx_server_finalize") {
        return None;
    }
    named.rsplit_once("Exit code:")?.1.lines().next()?.trim().parse().ok()
}

fn run(mut command: Command) -> (Option<i32>, String) {
    ended(command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("mpirun starts"))
}

/// Last checkpoint and metrics.
pub(crate) fn result(run: &Path) -> (Vec<u8>, Vec<Vec<String>>) {
    (fs::read(run.join("checkpoints/last.safetensors")).expect("a checkpoint"), metrics(run))
}

/// Runs that are over in a moment, with uneven episodes.
pub(crate) const SMALL: [&str; 12] = [
    "--config",
    "ant.ron",
    "--set",
    "rollout.horizon=20",
    "--set",
    "env.healthy_z_range=(0.5,1.0)",
    "--set",
    "run.eval_every=2",
    "--set",
    "run.eval_episodes=3",
    "--set",
    "run.checkpoint_every=1",
];

/// Numbers of ranks and of threads of each.
const FEW: [(usize, &str); 2] = [(2, "2"), (4, "1")];
const ALL: [(usize, &str); 5] = [(1, "2"), (2, "1"), (2, "2"), (4, "1"), (4, "2")];

/// A run has the same bits for all `teams`.
fn same(program: &Path, teams: &[(usize, &str)], arguments: &[&str]) {
    let scratch = tempfile::tempdir().expect("scratch folder");
    let alone = scratch.path().join("alone");
    let _ = succeed(&[arguments, &["-q", "--threads", "1", "--out", text(&alone)]].concat());
    let alone = result(&alone);
    for &(ranks, threads) in teams {
        let out = scratch.path().join(format!("{ranks}_{threads}"));
        let more = ["-q", "--threads", threads, "--out", text(&out)];
        let (code, stderr) = run(job(program, ranks, &[arguments, &more].concat()));
        assert_eq!(code, Some(0), "{ranks} × {threads} {arguments:?}: {stderr}");
        assert!(result(&out) == alone, "{ranks} ranks × {threads} threads: {arguments:?}");
    }
}

/// Every `step`th strategy.
fn of_strategies(program: &Path, teams: &[(usize, &str)], step: usize) {
    // This task has no descriptors for an archive, and no task has constraints.
    let possible =
        |strategy: &&strategies::StrategyInfo| !strategy.has("descriptors") && !strategy.has("constraints");
    for info in strategies::strategies().iter().filter(possible).step_by(step) {
        let population = if info.has("population") { "population: 6" } else { "" };
        let strategy = format!("strategy={}({population})", info.config);
        // A perceptron has no wiring to evolve.
        let small =
            if info.has("blocks") { "Snn(hidden: [Recurrent(neurons: 3)])" } else { "Mlp(hidden: [3])" };
        let controller = format!("controller={small}");
        let sets = ["--set", &strategy, "--set", &controller, "--generations", "3"];
        // Members of a front would change with running statistics.
        let fixed = ["--set", "rollout.normalize=false"];
        let fixed = if info.has("objectives") { &fixed[..] } else { &[] };
        same(program, teams, &[&SMALL[..], &sets, fixed].concat());
    }
}

fn of_methods(program: &Path, teams: &[(usize, &str)]) {
    let small = ["--set", "run.eval_episodes=3", "--set", "run.eval_every=1", "--generations", "2"];
    let ppo = ["--config", "inverted_pendulum_ppo.ron", "--set", "task.steps=64", "--set", "task.worlds=5"];
    same(program, teams, &[&ppo[..], &small].concat());
    // An imitation, PPO and evolution, one after another.
    let stages = data("stages.ron");
    same(program, teams, &["--config", text(&stages)]);
    let growing = ["rollout.min_steps=300", "strategy=OpenEs(population: 6, max_population: 48)"];
    let growing = growing.iter().flat_map(|set| ["--set", set]).chain(["--generations", "3"]);
    same(program, teams, &SMALL.into_iter().chain(growing).collect::<Vec<_>>());
    let lanes = ["physics.engine=Lanes", "physics.validate=Rapier", "strategy=OpenEs(population: 20)"];
    let lanes = lanes.iter().flat_map(|set| ["--set", set]).chain(["--generations", "2"]);
    same(program, teams, &SMALL.into_iter().chain(lanes).collect::<Vec<_>>());
}

#[test]
fn some_teams_have_the_bits_of_one_process_with_every_third_strategy() {
    if let Some(program) = with_mpi() {
        of_strategies(&program, &FEW[..1], 3);
    }
}

#[test]
fn some_teams_have_the_bits_of_one_process_by_gradient_and_in_stages() {
    if let Some(program) = with_mpi() {
        of_methods(&program, &FEW);
    }
}

#[test]
#[ignore = "slow: ./tests/run --full"]
fn all_teams_have_the_bits_of_one_process() {
    if let Some(program) = with_mpi() {
        of_strategies(&program, &ALL, 1);
        of_methods(&program, &ALL);
    }
}

/// Processes of a job by their ranks.
fn ranks_of(launcher: u32) -> Vec<u32> {
    let mut ranks = Vec::new();
    for entry in fs::read_dir("/proc").expect("processes").flatten() {
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let read = |file: &str| fs::read_to_string(entry.path().join(file)).unwrap_or_default();
        let parent =
            read("stat").rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok());
        if parent != Some(launcher) {
            continue;
        }
        let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
        let name = b"OMPI_COMM_WORLD_RANK=";
        let rank = environment.split(|&byte| byte == 0).find_map(|entry| entry.strip_prefix(name));
        let rank = rank.and_then(|rank| std::str::from_utf8(rank).ok()?.parse::<usize>().ok());
        ranks.extend(rank.map(|rank| (rank, process)));
    }
    ranks.sort_unstable();
    ranks.into_iter().map(|(_, process)| process).collect()
}

/// A job that would go on for ever, once it has some generations; its processes.
fn endless(program: &Path, out: &Path, arguments: &[&str]) -> (Child, Vec<u32>) {
    let more = ["--generations", "1000000", "--threads", "1", "-q", "--out", text(out)];
    let mut command = job(program, 3, &[arguments, &more].concat());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("mpirun starts");
    let began = Instant::now();
    while generations(out) < 2 {
        assert!(child.try_wait().expect("status").is_none(), "it ended early");
        assert!(began.elapsed() < LIMIT, "no generation");
        std::thread::sleep(Duration::from_millis(2));
    }
    let ranks = ranks_of(child.id());
    assert_eq!(ranks.len(), 3, "{ranks:?}");
    (child, ranks)
}

pub(crate) fn send(signal: &str, process: u32) {
    let sent = Command::new("kill").args([signal, &process.to_string()]).status();
    assert!(sent.expect("kill").success());
}

/// Goes on for two generations, with as many ranks as there are after `mpirun -n`, and compares with a run without a break.
fn goes_on(program: &Path, out: &Path, arguments: &[&str], ranks: usize) {
    let last = out.join("checkpoints/last.safetensors");
    let generation: u64 =
        Checkpoint::load(&last).expect("a checkpoint").meta("generation").expect("its generation");
    let more = (generation + 2).to_string();
    let (code, stderr) = run(job(program, ranks, &["resume", text(out), "--generations", &more, "-q"]));
    assert_eq!(code, Some(0), "{stderr}");
    let whole = out.with_file_name("whole");
    let _ = succeed(&[arguments, &["--generations", &more, "-q", "--out", text(&whole)]].concat());
    assert!(result(out) == result(&whole), "a run that was resumed after generation {generation} differs");
    fs::remove_dir_all(out).and_then(|()| fs::remove_dir_all(&whole)).expect("runs can be removed");
}

/// Kills one of three ranks after a while, `times` times, the first of each method in turn.
fn killed(program: &Path, times: u64) {
    let scratch = tempfile::tempdir().expect("scratch folder");
    let out = scratch.path().join("run");
    let small = ["--set", "strategy=CmaEs(population: 12)", "--set", "controller=Mlp(hidden: [3])"];
    let evolution = [&SMALL[..], &small].concat();
    let ppo = [
        "--config",
        "inverted_pendulum_ppo.ron",
        "--set",
        "task.steps=32",
        "--set",
        "run.checkpoint_every=1",
    ];
    // Two generations in three have no evaluation.
    let ppo = [&ppo[..], &["--set", "run.eval_every=3", "--set", "run.eval_episodes=3"]].concat();
    let mut random = std::hash::RandomState::new();
    for time in 0..times {
        let arguments = if time % 3 == 2 { &ppo } else { &evolution };
        let (child, ranks) = endless(program, &out, arguments);
        let drawn = std::hash::BuildHasher::hash_one(&random, time);
        random = std::hash::RandomState::new();
        let (victim, delay) = (time as usize % ranks.len(), Duration::from_micros(drawn % 300_000));
        std::thread::sleep(delay);
        send("-KILL", ranks[victim]);
        let (code, stderr) = ended(child);
        let story = format!("rank {victim} killed after {delay:?}: {stderr}");
        assert!(code.is_some_and(|code| code != 0), "{story}");
        let missed = format!("rank {victim} has ended");
        let with_place = format!("rank {victim} (");
        assert!(stderr.contains(&missed) || stderr.contains(&with_place), "{story}");
        assert!(stderr.contains("without a word"), "{story}");
        assert!(!out.join("summary.json").exists(), "it is not finished");
        // No rank is left behind, but for what init has yet to take note of.
        let gone = |process: &u32| {
            let status = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
            status
                .rsplit(')')
                .next()
                .is_none_or(|rest| rest.trim().is_empty() || rest.trim().starts_with('Z'))
        };
        assert!(ranks.iter().all(gone), "{story}");
        goes_on(program, &out, arguments, 1 + time as usize % 4);
    }
}

#[test]
fn a_rank_that_is_killed_ends_the_run_and_nothing_is_lost() {
    if let Some(program) = with_mpi() {
        killed(&program, 3);
    }
}

#[test]
#[ignore = "slow: ./tests/run --full"]
fn ranks_killed_at_thirty_moments_lose_nothing() {
    if let Some(program) = with_mpi() {
        killed(&program, 30);
    }
}

/// A signal to any one of them.
#[test]
fn a_signal_to_one_rank_stops_all_with_a_checkpoint() {
    let Some(program) = with_mpi() else { return };
    let scratch = tempfile::tempdir().expect("scratch folder");
    let out = scratch.path().join("run");
    let rare = [&SMALL[..10], &["--set", "run.checkpoint_every=0"]].concat();
    let (child, ranks) = endless(&program, &out, &rare);
    send("-TERM", ranks[1]);
    let (code, stderr) = ended(child);
    assert_eq!(code, Some(143), "{stderr}");
    assert!(!stderr.contains("error:"), "{stderr}");
    let last = Checkpoint::load(&out.join("checkpoints/last.safetensors")).expect("a checkpoint");
    assert_eq!(last.meta::<usize>("generation").expect("its generation"), generations(&out));
    goes_on(&program, &out, &rare, 2);
}

#[test]
fn what_differs_between_ranks_is_refused_and_named() {
    let Some(program) = with_mpi() else { return };
    let scratch = tempfile::tempdir().expect("scratch folder");
    let out = scratch.path().join("run");
    let other = scratch.path().join("evo-other");
    fs::copy(&program, &other).expect("a copy");
    let mut file = fs::File::options().append(true).open(&other).expect("the copy");
    std::io::Write::write_all(&mut file, b"another build").expect("a longer file");
    drop(file);
    let arguments = [&SMALL[..], &["--generations", "1", "-q", "--out", text(&out)]].concat();
    let seed = ["--seed", "7"];
    for (second, more, what) in [(&program, &seed[..], "config"), (&other, &[], "build of this program")] {
        let mut command = mpirun();
        command.args(["-n", "1"]).arg(&program).args(&arguments).args([":", "-n", "2"]);
        command.arg(second).args(&arguments).args(more);
        let (code, stderr) = run(command);
        assert_eq!(code, Some(2), "{stderr}");
        let message = format!("error: rank 1 has another {what} than rank 0");
        assert_eq!(stderr.matches(&message).count(), 1, "{stderr}");
        assert!(!out.exists(), "nothing was begun");
    }
}

#[test]
fn what_does_not_run_over_ranks_is_refused_once() {
    let Some(program) = with_mpi() else { return };
    let scratch = tempfile::tempdir().expect("scratch folder");
    let out = scratch.path().join("run");
    let plain = tests::program("evo");
    let train = [&SMALL[..], &["--generations", "1", "--out", text(&out)]].concat();
    let labels = ["--config", "yin_yang.ron", "--out", text(&out)];
    let wrong = [&train[..], &["--set", "strategy.population=1"]].concat();
    for (program, arguments, message) in [
        (&plain, &train, "was built without MPI"),
        (
            &program,
            &labels.to_vec(),
            "training with labels (task: Classify(…) or Regress(…)) does not run over several",
        ),
        (&program, &wrong, "`population` is 1"),
    ] {
        let (code, stderr) = run(job(program, 2, arguments));
        assert_eq!(code, Some(2), "{arguments:?}: {stderr}");
        assert_eq!(stderr.matches("error: ").count(), 1, "{arguments:?}: {stderr}");
        assert!(stderr.contains(message), "{arguments:?}: {stderr}");
        assert!(!out.exists());
    }
    // A folder that only rank 0 looks into.
    fs::create_dir(&out).and_then(|()| fs::write(out.join("config.ron"), "()")).expect("a folder");
    let (code, stderr) = run(job(&program, 2, &train));
    assert_eq!((code, stderr.matches("error: ").count()), (Some(2), 1), "{stderr}");
}

/// Seeds that several ranks share: one each, or several ranks for each.
#[test]
fn seeds_over_ranks_have_the_bits_of_one_after_another() {
    let Some(program) = with_mpi() else { return };
    let scratch = tempfile::tempdir().expect("scratch folder");
    let of = |name: &str| scratch.path().join(name);
    let small = ["--set", "strategy=OpenEs(population: 4)", "--generations", "2", "--threads", "1"];
    fn train<'a>(small: &[&'a str], seeds: &'a str, out: &'a Path) -> Vec<&'a str> {
        [&SMALL[..], small, &["--seeds", seeds, "--out", text(out), "-q"]].concat()
    }
    let alone = of("alone");
    let _ = succeed(&train(&small, "1..3", &alone));
    for (ranks, seeds) in [(2, "1..3"), (4, "2,3")] {
        let out = of(&format!("over{ranks}"));
        let (code, stderr) = run(job(&program, ranks, &train(&small, seeds, &out)));
        assert_eq!(code, Some(0), "{stderr}");
        for seed in if ranks == 2 { vec![1, 2, 3] } else { vec![2, 3] } {
            let folder = format!("s{seed}");
            assert!(result(&out.join(&folder)) == result(&alone.join(&folder)), "{ranks} ranks, seed {seed}");
        }
        assert!(out.join("curve.svg").exists());
        let (code, stderr) = run(job(&program, ranks, &train(&small, seeds, &out)));
        assert_eq!(code, Some(2), "{stderr}");
        assert_eq!(stderr.matches("error: ").count(), 1, "{stderr}");
        assert!(stderr.contains("already contains a run"), "{stderr}");
    }
}

/// Ranks are workers of a sweep, also of a program without MPI.
#[test]
fn a_sweep_over_ranks_has_the_table_of_one_process() {
    if with_mpi().is_none() {
        return;
    }
    let scratch = tempfile::tempdir().expect("scratch folder");
    let file = scratch.path().join("small.ron");
    let content = r#"(
        config: "inverted_pendulum.ron",
        set: ["run.generations=2", "run.eval_every=0", "run.eval_episodes=2", "strategy.population=4",
              "rollout.horizon=20"],
        axes: [LogRange(path: "strategy.sigma", from: 0.03, to: 0.3)],
        sampler: Tpe(trials: 6, startup: 4, batch: 2),
    )"#;
    fs::write(&file, content).expect("a sweep file");
    let of = |out| vec!["sweep", "--config", text(&file), "--out", out, "--threads", "1", "-q"];
    let (alone, out) = (scratch.path().join("alone"), scratch.path().join("out"));
    let _ = succeed(&of(text(&alone)));
    let mut command = job(&program("evo"), 3, &[&of(text(&out))[..], &["--workers", "1"]].concat());
    let output = command.output().expect("mpirun starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let table = |out: &Path| fs::read_to_string(out.join("sweep.csv")).expect("a table");
    assert_eq!(table(&out), table(&alone));
    let printed = String::from_utf8_lossy(&output.stdout);
    assert_eq!(printed.matches("t0005").count(), 1, "one rank prints the table: {printed}");
    // What is wrong is said by one, too.
    let (code, stderr) = run(job(&program("evo"), 3, &["sweep", "--config", "none.ron"]));
    assert_eq!((code, stderr.matches("error: ").count()), (Some(2), 1), "{stderr}");
}

/// Within a job of another program, such as one of mpi4py, each process may use commands that several do not share.
#[test]
fn commands_that_ranks_do_not_share_just_run() {
    if with_mpi().is_none() {
        return;
    }
    let scratch = tempfile::tempdir().expect("scratch folder");
    let out = scratch.path().join("run");
    let _ = succeed(&[&SMALL[..], &["--generations", "1", "-q", "--out", text(&out)]].concat());
    let eval = ["eval", text(&out), "--episodes", "2", "--json"];
    let mut command = job(&program("evo"), 2, &eval);
    let output = command.output().expect("mpirun starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert_eq!(printed.matches("\"return_mean\"").count(), 2, "{printed}");
    // A mistake is said by the process that made it.
    let (code, stderr) = run(job(&program("evo"), 2, &["eval", text(&out), "--epsodes", "2"]));
    assert_eq!((code, stderr.contains("--epsodes")), (Some(2), true), "{stderr}");
}

/// The script of the page about clusters.
#[test]
fn a_run_goes_on_by_itself_when_a_rank_has_died() {
    let Some(program) = with_mpi() else { return };
    let scratch = tempfile::tempdir().expect("scratch folder");
    let out = scratch.path().join("run");
    let small = ["--set", "strategy=CmaEs(population: 12)", "--set", "controller=Mlp(hidden: [3])"];
    let arguments = [&SMALL[..], &small, &["--generations", "60", "--threads", "1"]].concat();
    let again = |times: &str, out: &Path, arguments: &[&str]| {
        // As `mpirun` makes it.
        let launcher = mpirun();
        let mut command = Command::new(root().join("docs/how-to/cluster/again.sh"));
        command.args([times, text(out), "mpirun", "-n", "3"]).arg(&program).arg("--");
        command.args(arguments).current_dir(root());
        command.envs(launcher.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command
    };
    let mut child = again("2", &out, &arguments).spawn().expect("bash starts");
    let began = Instant::now();
    let script = child.id();
    while generations(&out) < 2 {
        assert!(child.try_wait().expect("status").is_none() && began.elapsed() < LIMIT, "no generation");
        std::thread::sleep(Duration::from_millis(2));
    }
    let children = fs::read_to_string(format!("/proc/{script}/task/{script}/children"));
    let launcher: u32 = children.expect("children").trim().parse().expect("one child: mpirun");
    let ranks = ranks_of(launcher);
    assert_eq!(ranks.len(), 3, "{ranks:?}");
    send("-KILL", ranks[1]);
    let (code, stderr) = ended(child);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.contains("goes on from the last checkpoint, try 1 of 2"), "{stderr}");
    let whole = scratch.path().join("whole");
    let _ = succeed(&[&arguments[..], &["-q", "--out", text(&whole)]].concat());
    assert!(result(&out) == result(&whole), "a run that went on differs");
    // What cannot be is not tried again, and what fails again and again only so often.
    let wrong = [&SMALL[..], &["--set", "strategy.population=1"]].concat();
    let (code, stderr) = run(again("2", &scratch.path().join("wrong"), &wrong));
    // A launcher that crashes as it ends is one more failure to the script.
    let tried_again = stderr.contains("again.sh") && !stderr.contains("PMIx_server_finalize");
    assert!(code == Some(2) && !tried_again, "{code:?} {stderr}");
    let mut command = Command::new(root().join("docs/how-to/cluster/again.sh"));
    let (code, stderr) = run({
        command.args(["2", text(&scratch.path().join("none")), "false", "--"]);
        command
    });
    assert_eq!((code, stderr.matches("goes on").count()), (Some(1), 2), "{stderr}");
}

//! Signals that ask a program to end, and limits of the system: nothing is lost, and the exit code tells.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use records::checkpoint::Checkpoint;
use tests::{evo, generations, succeed, text, untimed_metrics as metrics};

/// Generous: a program that hangs is an error and not a test that never ends.
const LIMIT: Duration = Duration::from_secs(120);

fn send(signal: &str, child: &Child) {
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status();
    assert!(sent.expect("kill").success());
}

/// Waits until something holds while a program is at work.
fn wait_for(child: &mut Child, what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(child.try_wait().expect("status").is_none(), "it ended before {what}");
        assert!(began.elapsed() < LIMIT, "no {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn exit_code(mut child: Child) -> Option<i32> {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("status") {
            return status.code();
        }
        if began.elapsed() > LIMIT {
            child.kill().expect("it can be killed");
            panic!("it did not stop");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn start(arguments: &[&str]) -> Child {
    let mut command = evo(arguments);
    if cfg!(target_os = "linux") {
        // Whoever runs the tests may ignore signals, as `nohup` does, and programs keep that.
        let program = std::mem::replace(&mut command, Command::new("env"));
        command.arg("--default-signal=HUP,INT,TERM").arg(program.get_program()).args(program.get_args());
        command.current_dir(tests::root());
    }
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("evo starts")
}

fn last(run: &Path) -> Vec<u8> {
    fs::read(run.join("checkpoints/last.safetensors")).expect("a checkpoint")
}

/// Sends a signal to a training once it has a generation. It must exit with `code`, leave a checkpoint where no other
/// was due, and be resumed to the bits of a run without a break.
fn stopped(arguments: &[&str], signal: &str, code: i32) {
    let folder = tempfile::tempdir().expect("scratch folder");
    let [stopped, whole] = ["stopped", "whole"].map(|name| folder.path().join(name));
    let rare = ["--set", "run.checkpoint_every=0", "--set", "run.eval_every=0", "-q", "--out"];
    let of = |out| [arguments, &rare, &[text(out)]].concat();
    let mut child = start(&[&of(&stopped)[..], &["--generations", "1000000"]].concat());
    wait_for(&mut child, "generation", || generations(&stopped) > 0);
    send(signal, &child);
    assert_eq!(exit_code(child), Some(code), "{signal}");
    let done = generations(&stopped);
    assert!(!stopped.join("summary.json").exists(), "it is not finished");
    assert!(stopped.join("checkpoints/last.safetensors").exists(), "{signal} leaves a checkpoint");
    let more = (done + 2).to_string();
    let _ = succeed(&["resume", text(&stopped), "--generations", &more, "-q"]);
    let _ = succeed(&[&of(&whole)[..], &["--generations", &more]].concat());
    assert!(last(&stopped) == last(&whole), "{signal}: checkpoints differ");
    assert_eq!(metrics(&stopped), metrics(&whole), "{signal}");
}

const EVOLUTION: [&str; 2] = ["--config", "inverted_pendulum.ron"];

#[test]
fn a_training_stops_with_a_checkpoint_and_says_by_what() {
    stopped(&EVOLUTION, "-TERM", 143);
    stopped(&EVOLUTION, "-HUP", 129);
    stopped(&EVOLUTION, "-INT", 0);
}

#[test]
fn fine_tuning_stops_with_a_checkpoint_and_says_by_what() {
    let ppo = ["finetune", "--config", "inverted_pendulum_ppo.ron", "--set", "task.steps=32"];
    stopped(&ppo, "-TERM", 143);
}

/// Of runs with labels, times are in other columns.
#[test]
fn training_with_labels_stops_with_a_checkpoint() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let [stopped, whole] = ["stopped", "whole"].map(|name| folder.path().join(name));
    let data = "task.data=YinYang(train: 600, validation: 100, test: 100)";
    let config =
        ["finetune", "--config", "yin_yang.ron", "--set", data, "--set", "run.checkpoint_every=0", "-q"];
    let of = |out| [&config[..], &["--out", text(out)]].concat();
    let mut child = start(&[&of(&stopped)[..], &["--generations", "100000"]].concat());
    wait_for(&mut child, "epoch", || generations(&stopped) > 0);
    send("-HUP", &child);
    assert_eq!(exit_code(child), Some(129));
    let more = (generations(&stopped) + 1).to_string();
    let _ = succeed(&["resume", text(&stopped), "--generations", &more, "-q"]);
    let _ = succeed(&[&of(&whole)[..], &["--generations", &more]].concat());
    assert!(last(&stopped) == last(&whole), "checkpoints differ");
}

#[test]
fn a_sweep_stops_and_the_same_command_goes_on() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let file = folder.path().join("sweep.ron");
    let content = r#"(
        config: "inverted_pendulum.ron",
        set: ["run.generations=8", "run.eval_every=0", "run.eval_episodes=4", "strategy.population=8",
              "rollout.horizon=50", "run.checkpoint_every=1"],
        axes: [List(path: "strategy.sigma", values: [0.03, 0.05, 0.1, 0.15, 0.2, 0.3])],
    )"#;
    fs::write(&file, content).expect("a file");
    let [stopped, whole] = ["stopped", "whole"].map(|name| folder.path().join(name));
    let of = |out| vec!["sweep", "--config", text(&file), "--workers", "1", "-q", "--out", text(out)];
    let _ = succeed(&of(&whole));
    let done = |out: &Path| {
        let journal = fs::read_to_string(out.join("journal.jsonl")).unwrap_or_default();
        journal.matches("{\"done\"").count()
    };
    let mut child = start(&of(&stopped));
    wait_for(&mut child, "trial", || done(&stopped) > 0);
    send("-TERM", &child);
    assert_eq!(exit_code(child), Some(143));
    assert!(done(&stopped) < 6, "something is left to do");
    let _ = succeed(&of(&stopped));
    let table = |out: &Path| fs::read_to_string(out.join("sweep.csv")).expect("a table");
    assert_eq!(table(&stopped), table(&whole));
}

/// A terminal that closes sends SIGHUP twice, and batch systems repeat SIGTERM: neither cuts off the checkpoint.
/// A second Ctrl-C does.
#[test]
fn only_a_further_ctrl_c_ends_a_training_at_once() {
    let folder = tempfile::tempdir().expect("scratch folder");
    // Generations that take a while.
    let long =
        ["--set", "strategy.population=4096", "--set", "run.checkpoint_every=0", "-q", "--threads", "1"];
    for (first, second, code) in [("-HUP", "-HUP", 129), ("-TERM", "-TERM", 143), ("-TERM", "-INT", 130)] {
        let out = folder.path().join(format!("run{first}{second}"));
        let more = ["--generations", "1000", "--out", text(&out)];
        let mut child = start(&[&EVOLUTION[..], &long, &more].concat());
        wait_for(&mut child, "generation", || generations(&out) > 0);
        send(first, &child);
        std::thread::sleep(Duration::from_millis(30));
        send(second, &child);
        assert_eq!(exit_code(child), Some(code), "{first} {second}");
        let last = Checkpoint::load(&out.join("checkpoints/last.safetensors")).expect("a checkpoint");
        let generation: u64 = last.meta("generation").expect("its generation");
        assert_eq!(generation > 0, code != 130, "{first} {second}: that of generation {generation}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_nohup_has_started_does_not_stop_when_the_terminal_closes() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let out = folder.path().join("run");
    let program = evo(&[]).get_program().to_owned();
    let mut child = Command::new("nohup")
        .arg(program)
        .args(EVOLUTION)
        .args(["--generations", "1000000", "-q", "--out", text(&out)])
        .current_dir(tests::root())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("nohup starts");
    wait_for(&mut child, "generation", || generations(&out) > 0);
    send("-HUP", &child);
    let before = generations(&out);
    wait_for(&mut child, "further generations", || generations(&out) > before + 3);
    send("-TERM", &child);
    assert_eq!(exit_code(child), Some(143));
}

/// `ulimit -f` sends SIGXFSZ, which ends a program that does not expect it.
#[cfg(target_os = "linux")]
#[test]
fn a_limit_on_the_size_of_files_is_told_and_loses_nothing() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let [limited, whole] = ["limited", "whole"].map(|name| folder.path().join(name));
    let of = |out| {
        let more = ["--generations", "140", "-q", "--out", text(out)];
        let sets = ["run.checkpoint_every=20", "run.eval_every=0", "rollout.horizon=50"];
        let sets = sets.iter().flat_map(|set| ["--set", set]);
        EVOLUTION.into_iter().chain(sets).chain(more).collect::<Vec<_>>()
    };
    let program = evo(&[]).get_program().to_owned();
    // In units of 1024 bytes: first no checkpoint fits, so that there is no run, then no further row of the metrics.
    for (kib, file, code) in [(8, text(&limited), 2), (17, "metrics.csv", 1)] {
        let _ = fs::remove_dir_all(&limited);
        let mut command = Command::new("bash");
        command.args(["-c", &format!("ulimit -f {kib}; exec \"$0\" \"$@\"")]).arg(&program);
        command.args(of(&limited));
        let output = command.current_dir(tests::root()).output().expect("bash");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{file}: {:?} {stderr}", output.status);
        assert_eq!(limited.exists(), code == 1, "{file}");
        assert!(stderr.contains(file) && stderr.contains("File too large"), "{stderr}");
    }
    let _ = succeed(&["resume", text(&limited), "-q"]);
    let _ = succeed(&of(&whole));
    assert!(last(&limited) == last(&whole), "checkpoints differ");
    assert_eq!(metrics(&limited), metrics(&whole));
}

//! What is printed arrives, or the command fails; and nothing that is printed is obeyed by a terminal.
#![cfg(unix)]

use std::fs::{self, File};
use std::io::pipe;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use records::npy::{self, Matrix};
use tests::{data, evo, succeed, text};

/// Runs and files for all commands to work on.
struct Scratch {
    folder: tempfile::TempDir,
}

impl Scratch {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("scratch folder");
        let scratch = Self { folder };
        let few = ["--generations", "1", "-q", "--set", "run.eval_episodes=1"];
        let (run, labels) = (scratch.path("run"), scratch.path("labels"));
        let run = ["--config", "inverted_pendulum.ron", "--out", text(&run)];
        let _ = succeed(&[&run[..], &few].concat());
        let labels = ["finetune", "--config", "yin_yang.ron", "--out", text(&labels)];
        let small = [
            "--set",
            "task.data=YinYang(train: 60, validation: 20, test: 20)",
            "--set",
            "controller.hidden=[Dense(neurons: 4, parameters: {\"decay\": 0.5})]",
            "--generations",
            "1",
            "-q",
        ];
        let _ = succeed(&[&labels[..], &small].concat());
        let sweep = "(config: \"inverted_pendulum.ron\", set: [\"run.generations=1\", \"run.eval_episodes=1\", \
                     \"strategy.population=2\"], axes: [List(path: \"strategy.sigma\", values: [0.1])])";
        fs::write(scratch.path("sweep.ron"), sweep).expect("sweep");
        for (name, columns) in [("start.npy", 2), ("control.npy", 1), ("input.npy", 4)] {
            let zeros = Matrix::new(2, columns, vec![0.0; 2 * columns]).expect("two rows");
            npy::write(&scratch.path(name), &zeros).expect("an array");
        }
        scratch
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Every command that prints a result, each way that it has.
    fn commands(&self) -> Vec<Vec<String>> {
        let lines = [
            "--help",
            "--version",
            "help eval",
            "sweep --help",
            "--config ant.ron --dry-run",
            "finetune --config yin_yang.ron --dry-run",
            "sweep --config SCRATCH/sweep.ron --dry-run",
            "sweep --config SCRATCH/sweep.ron --out SCRATCH/sweep -q",
            "sweep --config SCRATCH/sweep.ron --out SCRATCH/sweep -q --json",
            "eval SCRATCH/run --episodes 1",
            "eval SCRATCH/run --episodes 1 --json",
            "eval SCRATCH/labels",
            "eval SCRATCH/labels --json",
            "check SCRATCH/run SCRATCH/labels",
            "check SCRATCH/run --json",
            "plot SCRATCH/run",
            "plot SCRATCH/labels",
            "plot SCRATCH/sweep --kind curves",
            "report SCRATCH/run --no-robot",
            "report SCRATCH/labels",
            "report SCRATCH/run --markdown SCRATCH/report.md",
            "record SCRATCH/run --episodes 1",
            "list envs",
            "list envs --json",
            "list strategies",
            "list strategies --json",
            "list neurons",
            "list neurons --json",
            "list surrogates",
            "list surrogates --json",
            "list changes",
            "list changes --json",
            "nir info NIR",
            "nir info NIR --json",
            "nir run NIR --input SCRATCH/input.npy --output SCRATCH/output.npy",
            "nir export SCRATCH/run --out SCRATCH/a.nir",
            "bench physics --env inverted_pendulum --seconds 0.01",
            "bench physics --env inverted_pendulum --seconds 0.01 --json",
            "bench controller --config inverted_pendulum.ron --population 2 --backend cpu --seconds 0.01",
            "bench controller --config inverted_pendulum.ron --population 2 --backend cpu --seconds 0.01 --json",
            "bench strategy --strategy cma_es --function sphere --dim 2",
            "bench strategy --strategy cma_es --function sphere --dim 2 --json",
            "bench rollout --config inverted_pendulum.ron --backend cpu --seconds 0.01",
            "bench rollout --config inverted_pendulum.ron --backend cpu --seconds 0.01 --json",
        ];
        self.lines(&lines, "")
    }

    /// Every command that writes a file under a name that it is given: here `OUT`.
    fn writers(&self, out: &str) -> Vec<Vec<String>> {
        let lines = [
            "trace --env inverted_pendulum --start SCRATCH/start.npy --control SCRATCH/control.npy --out OUT.npy",
            "trace --env inverted_pendulum --start SCRATCH/start.npy --control SCRATCH/control.npy \
             --out SCRATCH/a.npy --qvel-out OUT.npy",
            "record SCRATCH/run --episodes 1 --out OUT.rollout.safetensors",
            "nir run NIR --input SCRATCH/input.npy --output OUT.npy",
            "nir export SCRATCH/run --out OUT.nir",
            "plot SCRATCH/run --out OUT.svg",
            "plot SCRATCH/run --out OUT.png",
            "plot SCRATCH/labels --out OUT.svg",
            "report SCRATCH/run --no-robot --out OUT.html",
        ];
        self.lines(&lines, out)
    }

    fn lines(&self, lines: &[&str], out: &str) -> Vec<Vec<String>> {
        let nir = data("nir/06_affine_if.nir");
        let fill = |word: &str| match word.strip_prefix("OUT") {
            Some(ending) => format!("{out}{ending}"),
            None if word == "NIR" => text(&nir).to_owned(),
            None => word.replace("SCRATCH", text(self.folder.path())),
        };
        lines.iter().map(|line| line.split(' ').map(fill).collect()).collect()
    }
}

fn run(arguments: &[String], stdout: impl Into<Stdio>) -> Output {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    evo(&arguments)
        .stdout(stdout)
        .stderr(Stdio::piped())
        .spawn()
        .expect("evo starts")
        .wait_with_output()
        .expect("output")
}

#[cfg(target_os = "linux")]
#[test]
fn a_result_that_cannot_be_written_is_a_failure() {
    let scratch = Scratch::new();
    for arguments in scratch.commands() {
        let full = File::options().write(true).open("/dev/full").expect("a full device");
        let output = run(&arguments, full);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        let expected =
            "error: cannot write the result to standard output: No space left on device (os error 28)\n";
        assert!(said.ends_with(expected), "{arguments:?}: {said}");
        assert_eq!(said.matches("error").count(), 2, "once: {arguments:?}: {said}");
    }
}

#[test]
fn a_full_disk_is_a_failure_and_a_device_is_no_place_for_a_file() {
    let scratch = Scratch::new();
    let whole = scratch.path("whole");
    for arguments in scratch.writers(text(&whole)) {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let out = Path::new(arguments[arguments.len() - 1]);
        let output = evo(&arguments).env("SPINDLE_FAULT", "full:0").output().expect("evo starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.contains("error: cannot ") && !out.exists(), "{arguments:?}: {said}");
        // A link, so that what fails takes away no device.
        std::os::unix::fs::symlink("/dev/full", out).expect("a link");
        let output = evo(&arguments).output().expect("evo starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(matches!(output.status.code(), Some(1 | 2)), "{arguments:?}: {said}");
        let expected = format!("{}: it is a device, not a regular file\n", out.display());
        assert!(said.ends_with(&expected) && out.is_symlink(), "{arguments:?}: {said}");
        fs::remove_file(out).expect("a link");
        let _ = succeed(&arguments);
        assert!(out.metadata().expect("a file").len() > 0, "{arguments:?}");
        fs::remove_file(out).expect("a file");
    }
}

#[test]
fn a_reader_that_has_gone_is_no_failure() {
    let scratch = Scratch::new();
    for arguments in scratch.commands() {
        let (reader, writer) = pipe().expect("a pipe");
        drop(reader);
        let output = run(&arguments, writer);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {said}");
        assert!(!said.contains("error") && !said.contains("pipe"), "{arguments:?}: {said}");
    }
}

/// Sets the window's title, if a terminal obeys it.
const TITLE: &str = "\u{1b}]0;owned\u{7}";
const SHOWN: &str = "\\u001b]0;owned\\u0007";

fn shown(arguments: &[&str]) -> String {
    let output = tests::run(arguments);
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).expect("UTF-8")).concat();
    let raw = said.chars().find(|&c| c.is_control() && !matches!(c, '\n' | '\t'));
    assert_eq!(raw, None, "{arguments:?}: {said:?}");
    assert!(said.contains(SHOWN), "{arguments:?}: {said}");
    said
}

#[test]
fn what_terminals_obey_is_spelled_out() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let write = |name: &str, content: &str| {
        let path = folder.path().join(name);
        fs::write(&path, content).expect("written");
        path
    };
    let run = folder.path().join(format!("run{TITLE}"));
    let config = "(env: InvertedPendulum(), strategy: OpenEs(population: 2), \
                  run: (generations: 1, eval_episodes: 1), rollout: (horizon: 5), controller: Snn(hidden: \
                  [Dense(neurons: 2)]))";
    let good = write(&format!("good{TITLE}.ron"), config);
    // Names of files, typed and found.
    shown(&["--config", TITLE]);
    shown(&["eval", TITLE]);
    shown(&["nir", "info", TITLE]);
    shown(&["--config", text(&good), "--out", text(&run)]);
    let log = fs::read_to_string(run.join("log.txt")).expect("log");
    assert!(log.contains(SHOWN) && !log.contains('\u{1b}'), "{log}");
    shown(&["record", text(&run), "--episodes", "1"]);
    shown(&["plot", text(&run)]);
    shown(&["resume", text(&run)]);
    // Options and their values.
    shown(&["--config", "ant.ron", &format!("--{TITLE}")]);
    shown(&["--config", "ant.ron", "--threads", TITLE]);
    shown(&["--config", "ant.ron", "--set", &format!("env.{TITLE}=1")]);
    // Values and texts of files.
    let said = shown(&["--config", text(&write("a.ron", &config.replace("run:", &format!("{TITLE}:"))))]);
    assert!(said.contains("a.ron:1:"), "{said}");
    let missing = config.replace("neurons: 2", &format!("neurons: 2, model: \"{TITLE}.neuron\""));
    shown(&["--config", text(&write("b.ron", &missing))]);
    let change =
        format!("changes: [(effect: Gravity(Fixed(0)), when: Always)], physics: (engine: \"{TITLE}\"), run:");
    shown(&["--config", text(&write("c.ron", &config.replace("run:", &change)))]);
    let robot = write("robot.xml", &format!("<mujoco><worldbody/><a{TITLE}/></mujoco>"));
    let own = config.replace("InvertedPendulum()", &format!("Mjcf(file: {:?})", text(&robot)));
    let output = tests::run(&["--config", text(&write("d.ron", &own)), "--dry-run"]);
    assert!(!String::from_utf8_lossy(&output.stderr).contains('\u{1b}'), "{output:?}");
    // JSON keeps its meaning.
    let c1 = Path::new("a\u{9b}2J.nir");
    let nir = folder.path().join(c1);
    fs::copy(data("nir/12_conv2d_if_sumpool.nir"), &nir).expect("copied");
    let json = succeed(&["nir", "info", text(&nir), "--json"]);
    assert!(!json.contains('\u{9b}'), "{json}");
    let info: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(info["file"], text(&nir));
}

#[test]
fn nothing_is_said_of_a_display_while_graphics_adapters_are_looked_for() {
    let bench =
        ["bench", "controller", "--config", "inverted_pendulum.ron", "--backend", "gpu", "--population", "4"];
    let output = evo(&[&bench[..], &["--seconds", "0.05"]].concat()).env_remove("XDG_RUNTIME_DIR").output();
    let output = output.expect("evo starts");
    // With an adapter or without.
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains("XDG_RUNTIME_DIR"), "{said}");
}

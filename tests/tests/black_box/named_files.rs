//! Files that a user names: what never ends is not read, and names need not be text.
#![cfg(unix)]

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use tests::{data, evo, refuse_within, succeed, text};

/// Far longer than a refusal takes.
const LIMIT: Duration = Duration::from_secs(60);

const CONFIG: &str = "(env: InvertedPendulum(), strategy: OpenEs(population: 2), rollout: (horizon: 5), \
     run: (generations: 1, eval_episodes: 1), controller: Snn(hidden: [Dense(neurons: 2, model: \"lif\")]))";

fn small_run(folder: &Path) {
    let config = folder.with_extension("ron");
    fs::write(&config, CONFIG).expect("config");
    let _ = succeed(&["--config", text(&config), "--out", text(folder), "-q"]);
}

#[test]
fn pipes_devices_and_huge_files_are_refused_at_once() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let path = |name: &str| folder.path().join(name);
    let pipe = path("pipe.npy");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    let huge = path("huge.npy");
    File::create(&huge).expect("file").set_len(1 << 40).expect("a sparse file");
    let run = path("run");
    small_run(&run);
    let own = |name: &str, text: &str| {
        fs::write(path(name), text).expect("written");
        path(name)
    };
    let task = "task: Classify(data: DATA), controller: Snn(hidden: [Dense(neurons: 2, parameters: {\"decay\": 0.5})])";
    for (file, why) in [
        (pipe.as_path(), "it is a named pipe, not a regular file"),
        (Path::new("/dev/zero"), "it is a device, not a regular file"),
        (&huge, "it is too large: 1099511627776 bytes or more"),
    ] {
        let name = text(file);
        let refuse = |arguments: &[&str], part: &str| {
            let message = refuse_within(arguments, 2, LIMIT);
            assert!(message.contains(name) && message.contains(part), "{arguments:?}: {message}");
        };
        // Configs, bases and sweeps must be files to be found at all.
        let found = if file == huge { why } else { "no config" };
        refuse(&["--config", name], found);
        refuse(&["finetune", "--config", name], found);
        refuse(&["sweep", "--config", name], found);
        refuse(&["--config", text(&own("base.ron", &format!("(base: {name:?})")))], found);
        // Neuron models end in .neuron.
        let model = path(&format!("{}.neuron", file.file_name().expect("a name").to_string_lossy()));
        std::os::unix::fs::symlink(file, &model).expect("a link");
        let config = CONFIG.replace("\"lif\"", &format!("{:?}", text(&model)));
        let message = refuse_within(&["--config", text(&own("model.ron", &config)), "--dry-run"], 2, LIMIT);
        assert!(message.contains("cannot read neuron model") && message.contains(why), "{message}");
        // Checkpoints and recordings.
        refuse(&["--config", text(&path("run.ron")), "--init", name, "--dry-run"], why);
        for verb in ["eval", "record"] {
            refuse(&[verb, name], why);
        }
        refuse(&["nir", "export", name, "--out", text(&path("out.nir"))], why);
        // Arrays and data sets.
        let out = text(&path("out.npy")).to_owned();
        refuse(&["trace", "--env", "ant", "--start", name, "--control", name, "--out", &out], why);
        let nir = data("nir/12_conv2d_if_sumpool.nir");
        refuse(&["nir", "run", text(&nir), "--input", name, "--output", &out], why);
        let archive = path(&format!("{}.npz", file.file_name().expect("a name").to_string_lossy()));
        if file == huge {
            File::create(&archive).expect("file").set_len(1 << 40).expect("a sparse file");
        } else {
            std::os::unix::fs::symlink(file, &archive).expect("a link");
        }
        for data in [
            format!("Arrays(x: {name:?}, y: {name:?}, classes: Some(2))"),
            format!("Arrays(x: \"{0}:x\", y: \"{0}:y\", classes: Some(2))", text(&archive)),
            format!("Heidelberg(train: {name:?}, test: Some({name:?}), classes: 2)"),
        ] {
            let config = own("task.ron", &format!("({})", task.replace("DATA", &data)));
            let message = refuse_within(&["finetune", "--config", text(&config), "--dry-run"], 2, LIMIT);
            assert!(message.contains(why), "{data}: {message}");
        }
    }
    // What should be in a run folder.
    for file in ["config.ron", "metrics.csv", "checkpoints/last.safetensors"] {
        let damaged = path("damaged");
        let copy = Command::new("cp").arg("-r").arg(&run).arg(&damaged).status().expect("cp");
        assert!(copy.success());
        fs::remove_file(damaged.join(file)).expect("removed");
        assert!(Command::new("mkfifo").arg(damaged.join(file)).status().expect("mkfifo").success());
        let name = text(&damaged);
        for arguments in [
            &["eval", name][..],
            &["resume", name, "--generations", "2"],
            &["plot", name],
            &["report", name, "--no-robot"],
        ] {
            let output = within(arguments);
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(
                matches!(output.status.code(), Some(0..=2)) && !said.contains("panicked"),
                "{arguments:?}: {said}"
            );
        }
        fs::remove_dir_all(&damaged).expect("removed");
    }
}

/// The outcome of a command, which is ended after [`LIMIT`].
fn within<S: AsRef<OsStr>>(arguments: &[S]) -> Output {
    let program = evo(&[]);
    let mut command = Command::new("timeout");
    command.arg("-s").arg("KILL").arg(LIMIT.as_secs().to_string()).arg(program.get_program());
    command.args(arguments).current_dir(tests::root()).output().expect("timeout starts")
}

/// Runs a command line whose word `@NAME` is `NAME` in a folder whose own name is no UTF-8.
fn strange(folder: &Path, line: &str) -> Output {
    let word = |word: &str| match word.strip_prefix('@') {
        Some(name) => folder.join(name).into_os_string(),
        None => OsString::from(word),
    };
    let words: Vec<OsString> = line.split(' ').map(word).collect();
    let output = within(&words);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0..=2)) && !said.contains("panicked"), "{line}: {said}");
    output
}

#[test]
fn names_that_are_no_text_are_names_like_any_other() {
    let scratch = tempfile::tempdir().expect("scratch folder");
    let folder: PathBuf = scratch.path().join(OsStr::from_bytes(b"a \xff\xfe"));
    fs::create_dir(&folder).expect("a folder");
    let file = |name: &str, content: &str| fs::write(folder.join(name), content).expect("written");
    file("base.ron", CONFIG);
    file("a.ron", "(base: \"base.ron\", run: (generations: 1))");
    file("sweep.ron", "(config: \"a.ron\", axes: [List(path: \"strategy.sigma\", values: [0.1])])");
    fs::copy(data("nir/12_conv2d_if_sumpool.nir"), folder.join("a.nir")).expect("copied");
    for line in [
        "--config @a.ron --out @run -q",
        "--config @a.ron --out @again --init @run/checkpoints/last.safetensors -q",
        "resume @run --generations 2 -q",
        "eval @run --episodes 1",
        "eval @run/checkpoints/last.safetensors --episodes 1 --json",
        "record @run --episodes 1 --out @a.rollout.safetensors",
        "plot @run",
        "plot @run @again --out @two.svg",
        "report @run --no-robot",
        "report @run --markdown @report.md",
        "nir info @a.nir",
        "nir info @a.nir --json",
        "nir export @run --out @b.nir",
        "bench physics --config @a.ron --seconds 0.01",
        "bench controller --config @a.ron --population 2 --seconds 0.01 --backend cpu",
        "bench rollout --config @a.ron --seconds 0.01 --backend cpu",
        "sweep --config @sweep.ron --dry-run",
        "sweep --config @sweep.ron --out @sweep --workers 1 -q",
        "sweep --config @sweep.ron --out @sweep --workers 1 -q",
        "plot @sweep",
        "report @sweep --no-robot",
    ] {
        let output = strange(&folder, line);
        assert_eq!(output.status.code(), Some(0), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }
    for line in [
        "--config @none.ron",
        "eval @none",
        "finetune --config @none.ron",
        "trace --env ant --start @a.npy --control @b.npy --out @c.npy",
        "nir run @a.nir --input @a.npy --output @c.npy",
        "sweep --config @none.ron",
        "report @none",
    ] {
        let output = strange(&folder, line);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && said.contains("a \u{fffd}\u{fffd}/"), "{line}: {said}");
    }
    // An option whose value must be text.
    let output = within(&[
        OsStr::new("--config"),
        OsStr::new("ant.ron"),
        OsStr::new("--set"),
        OsStr::from_bytes(b"\xff"),
    ]);
    assert_eq!(output.status.code(), Some(2));
    // The command is kept as a shell would read it.
    let origin = fs::read(folder.join("run/provenance.json")).expect("provenance");
    let origin: serde_json::Value = serde_json::from_slice(&origin).expect("JSON");
    let command = origin["command"].as_str().expect("text");
    assert!(command.contains(r"a \377\376/a.ron'"), "{command}");
}

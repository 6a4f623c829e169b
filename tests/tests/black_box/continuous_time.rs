//! Controllers in continuous time through the program: learned, evolved, gone on with, and what is refused.

use std::fs;
use std::path::Path;

use records::checkpoint::Checkpoint;
use serde_json::Value;
use tests::{refuse, succeed, text};

const EVENTS: &str =
    "controller=Events(hidden: [Recurrent(neurons: 8, delay: (0, 0.03), refractory: 0.002)])";

fn scratch() -> tempfile::TempDir {
    tempfile::tempdir().expect("a scratch folder")
}

fn mean(folder: &Path) -> String {
    let bytes = fs::read(folder.join("checkpoints/last.safetensors")).expect("a checkpoint");
    format!("{:?}", Checkpoint::from_bytes(folder, &bytes).expect("a checkpoint").tensor("mean"))
}

#[test]
fn yin_yang_is_learned_from_spike_times_to_the_same_bits() {
    let scratch = scratch();
    let [one, two] = ["one", "two"].map(|name| scratch.path().join(name));
    let small = "task.data=YinYang(train: 1000, validation: 100, test: 200)";
    let run = |folder: &Path, generations: &str, threads: &str| {
        let all = ["--config", "yin_yang_events.ron", "--set", small, "-q", "--out", text(folder)];
        let _ = succeed(&[&all[..], &["--generations", generations, "--threads", threads]].concat());
    };
    run(&one, "6", "1");
    run(&two, "3", "2");
    let _ = succeed(&["resume", text(&two), "--generations", "6", "-q", "--threads", "2"]);
    assert_eq!(mean(&one), mean(&two));
    let report: Value = serde_json::from_str(&succeed(&["eval", text(&one), "--json"])).expect("JSON");
    assert!(report["accuracy"].as_f64().expect("a number") > 0.75, "{report}");
}

#[test]
fn an_evolved_controller_goes_on_to_the_same_bits_and_is_recorded() {
    let scratch = scratch();
    let [one, two] = ["one", "two"].map(|name| scratch.path().join(name));
    let run = |folder: &Path, generations: &str, threads: &str| {
        let all =
            ["--config", "inverted_pendulum.ron", "--set", EVENTS, "--set", "run.eval_episodes=1", "-q"];
        let rest = ["--out", text(folder), "--generations", generations, "--threads", threads];
        let _ = succeed(&[&all[..], &rest].concat());
    };
    run(&one, "4", "1");
    run(&two, "2", "2");
    let _ = succeed(&["resume", text(&two), "--generations", "4", "-q", "--threads", "2"]);
    assert_eq!(mean(&one), mean(&two));
    let file = scratch.path().join("one.rollout.safetensors");
    let _ = succeed(&["record", text(&one), "--out", text(&file)]);
    let recording = fs::read(&file).expect("a recording");
    let names = String::from_utf8_lossy(&recording);
    assert!(names.contains("last_spike"), "the times of spikes are recorded");
}

#[test]
fn what_needs_ticks_is_refused_by_name() {
    let scratch = scratch();
    let folder = scratch.path().join("run");
    let out = ["--out", text(&folder), "-q"];
    let refused = |arguments: &[&str], words: &str| {
        let stderr = refuse(&[arguments, &out[..]].concat(), 2);
        assert!(stderr.contains(words), "{arguments:?}: {stderr}");
    };
    let ppo = ["--config", "inverted_pendulum_ppo.ron", "--set", EVENTS];
    refused(&ppo, "Events(…) learns by gradient only from samples");
    let count = ["--config", "yin_yang_events.ron", "--set", "task.loss=CrossEntropyCount()"];
    refused(&count, "losses on spikes need ticks");
    let times = ["--config", "inverted_pendulum.ron", "--set"];
    let layer = "controller=Events(hidden: [Dense(tau_syn: 0)])";
    refused(&[&times[..], &[layer]].concat(), "`hidden[0].tau_syn` is 0; valid: 1e-9 to 1e6 s");
    let field = "controller=Events(ticks: 4)";
    refused(&[&times[..], &[field]].concat(), "unknown field 'ticks'");
    let all = ["--config", "inverted_pendulum.ron", "--set", EVENTS, "--generations", "1"];
    let _ = succeed(&[&all[..], &out].concat());
    let onnx = refuse(&["export", text(&folder), "--onnx", text(&scratch.path().join("a.onnx"))], 2);
    assert!(onnx.contains("ONNX cannot carry a controller `Events`"), "{onnx}");
    let nir = refuse(&["nir", "export", text(&folder), "--out", text(&scratch.path().join("a.nir"))], 2);
    assert!(nir.contains("NIR cannot carry a controller `Events`"), "{nir}");
}

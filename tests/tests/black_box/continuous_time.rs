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
    assert!(nir.contains("NIR cannot carry the refractory time of hidden_0, 0.002 s"), "{nir}");
}

/// `nir info --json` of an export, and what the export said of the spikes that differ, in percent.
fn exported(run: &Path, more: &[&str]) -> (Value, f64) {
    let file = run.join("a.nir");
    let result = tests::run(&[&["nir", "export", text(run), "--out", text(&file)], more].concat());
    let stderr = String::from_utf8_lossy(&result.stderr);
    assert!(result.status.success(), "{stderr}");
    let said = stderr.lines().find(|line| line.contains(" spikes differ (")).expect("the measurement");
    let percent = said.split_once('(').and_then(|(_, rest)| rest.split_once(" %")).expect("a share").0;
    let info = succeed(&["nir", "info", text(&file), "--json"]);
    (serde_json::from_str(&info).expect("JSON"), percent.parse().expect("a number"))
}

#[test]
fn a_trained_network_becomes_cuba_lif_neurons_in_ticks_that_keep_its_spikes() {
    let scratch = scratch();
    let (labels, world) = (scratch.path().join("labels"), scratch.path().join("world"));
    let small = "task.data=YinYang(train: 500, validation: 20, test: 20)";
    let _ = succeed(&[
        "--config",
        "yin_yang_events.ron",
        "--set",
        small,
        "-q",
        "--generations",
        "1",
        "--out",
        text(&labels),
    ]);
    let (info, percent) = exported(&labels, &["--differences", "0.05"]);
    let node = |info: &Value, name: &str| {
        let nodes = info["nodes"].as_array().expect("a list").clone();
        nodes.into_iter().find(|node| node["name"] == name).expect("the node")
    };
    let hidden = node(&info, "hidden_0");
    assert_eq!((hidden["type"].as_str(), info["runs"].as_bool()), (Some("CubaLIF"), Some(true)));
    assert_eq!(hidden["parameters"]["tau_mem"]["max"].as_f64(), Some(0.01));
    assert_eq!(node(&info, "readout")["type"].as_str(), Some("CubaLI"));
    assert!(percent <= 5.0, "{percent}");
    let (dt, ticks) = (info["dt"].as_f64().expect("a number"), info["metadata"]["ticks"].as_f64());
    assert!((dt * ticks.expect("a number") - 0.03).abs() < 1e-12, "{dt}");
    let (rough, more) = exported(&labels, &["--dt", "0.00375"]);
    assert!(rough["metadata"]["ticks"].as_f64() == Some(8.0) && more > percent, "{more}");
    let stderr = refuse(&["nir", "export", text(&labels), "--out", "a.nir", "--dt", "0.004"], 2);
    assert!(stderr.contains("--dt 0.004: a control step of the network has 0.03 s"), "{stderr}");

    let sets = ["run.eval_episodes=1", "strategy.population=4", "rollout.horizon=20"];
    let sets: Vec<&str> = sets.iter().flat_map(|set| ["--set", set]).collect();
    let basics = ["--config", "swimmer_events.ron", "--generations", "2", "-q", "--out", text(&world)];
    let _ = succeed(&[&basics[..], &sets].concat());
    let (info, percent) = exported(&world, &[]);
    assert_eq!(node(&info, "hidden_0")["type"].as_str(), Some("LIF"), "its input is currents");
    assert!(percent <= 1.0 && info["runs"] == true, "{info}");
    let ticking = scratch.path().join("ticking");
    let basics = ["--config", "swimmer.ron", "--generations", "1", "-q", "--out", text(&ticking)];
    let _ = succeed(&[&basics[..], &sets].concat());
    let stderr = refuse(&["nir", "export", text(&ticking), "--out", "a.nir", "--dt", "0.001"], 2);
    assert!(stderr.contains("--dt is for networks in continuous time"), "{stderr}");
}

#[test]
fn recordings_have_the_exact_time_of_every_spike() {
    let scratch = scratch();
    let (run, file) = (scratch.path().join("run"), scratch.path().join("a.rollout.safetensors"));
    let all = ["--config", "inverted_pendulum.ron", "--set", EVENTS, "--set", "run.eval_episodes=1", "-q"];
    let rest = ["--set", "strategy.population=4", "--out", text(&run), "--generations", "2"];
    let _ = succeed(&[&all[..], &rest].concat());
    let _ = succeed(&["record", text(&run), "--out", text(&file)]);
    let recording = Checkpoint::load(&file).expect("a recording");
    let tensor = |name: &str| recording.tensor(&format!("0.hidden.0.{name}")).expect("a tensor");
    let count = tensor("spike_times").shape()[0];
    let times = recording.f64("0.hidden.0.spike_times", &[count]).expect("times");
    let neurons = recording.f32("0.hidden.0.spike_neurons", &[count]).expect("neurons");
    let steps = tensor("spike_count").shape()[0];
    let offsets = recording.f64("0.hidden.0.spike_offsets", &[steps + 1]).expect("offsets");
    let counts = recording.f32("0.hidden.0.spike_count", &[steps, 8]).expect("counts");
    let last = recording.f32("0.hidden.0.last_spike", &[steps, 8]).expect("times");
    assert!(count > steps && offsets[steps] as usize == count, "{count} spikes in {steps} steps");
    for step in 0..steps {
        let range = offsets[step] as usize..offsets[step + 1] as usize;
        let (times, neurons) = (&times[range.clone()], &neurons[range]);
        assert!(times.is_sorted() && times.iter().all(|time| (0.0..0.02).contains(time)), "{times:?}");
        for neuron in 0..8 {
            let own =
                times.iter().zip(neurons).filter(|(_, n)| **n as usize == neuron).map(|(time, _)| *time);
            let own: Vec<f64> = own.collect();
            assert_eq!(own.len() as f32, counts[step * 8 + neuron]);
            assert_eq!(own.last().map_or(-1.0, |time| *time as f32), last[step * 8 + neuron]);
        }
    }
    // No two spikes of a neuron within its refractory time, and times that no 32-bit float has.
    assert!(times.iter().any(|&time| f64::from(time as f32) != time));
}

#[test]
fn parameters_of_jaxsnn_are_read_in() {
    let scratch = scratch();
    let file = tests::root().join("tests/data/events/jaxsnn_parameters.npz");
    let layer = |changed: &str| {
        format!(
            "controller.hidden=[Dense(neurons: 20, reset: -1000, tau_mem: 0.01, tau_syn: 0.005{changed})]"
        )
    };
    let small = "task.data=YinYang(train: 64, validation: 8, test: 8)";
    let all = |layer: &str, folder: &str| {
        let folder = scratch.path().join(folder);
        let parts =
            ["--config", "yin_yang_events.ron", "--init", text(&file), "--set", small, "--set", layer, "-q"];
        let more = ["--set", "controller.readout=FirstSpike()", "--generations", "1", "--out", text(&folder)];
        parts.iter().chain(&more).map(|part| (*part).to_owned()).collect::<Vec<String>>()
    };
    let good = all(&layer(""), "good");
    let good: Vec<&str> = good.iter().map(String::as_str).collect();
    let _ = succeed(&good);
    for (changed, message) in [
        (layer(", threshold: 0.9"), "v_th is 1, but threshold of hidden[0] is 0.9 in the config"),
        (
            "controller.hidden=[Dense(neurons: 21, reset: -1000)]".to_owned(),
            "it has first [5, 20], second [20, 3]; the network needs, in this order, hidden.0.input [5, 21]",
        ),
    ] {
        let bad = all(&changed, "bad");
        let bad: Vec<&str> = bad.iter().map(String::as_str).collect();
        let stderr = refuse(&bad, 2);
        assert!(stderr.contains(message), "{stderr}");
    }
}

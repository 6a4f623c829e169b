//! The lanes engine through the program: evolved in one engine, judged in another.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tests::{refuse, succeed, text, untimed_metrics as metrics};

fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&succeed(arguments)).expect("stdout is one JSON object")
}

/// A few short generations of a shipped config.
fn train(config: &str, out: &Path, threads: &str, generations: &str, sets: &[&str]) {
    let basics =
        ["--config", config, "--out", text(out), "--threads", threads, "--generations", generations, "-q"];
    let small = [
        "strategy.population=8",
        "rollout.horizon=40",
        "run.eval_every=2",
        "run.eval_episodes=2",
        "run.checkpoint_every=2",
    ];
    let sets: Vec<&str> = small.iter().chain(sets).flat_map(|set| ["--set", set]).collect();
    let _ = succeed(&[&basics[..], &sets[..]].concat());
}

fn summary(run: &Path) -> Value {
    let text = fs::read_to_string(run.join("summary.json")).expect("summary");
    serde_json::from_str(&text).expect("summary is JSON")
}

fn checkpoint(run: &Path) -> Vec<u8> {
    fs::read(run.join("checkpoints/last.safetensors")).expect("checkpoint")
}

#[test]
fn every_task_runs_in_both_engines() {
    let list = json(&["list", "envs", "--json"]);
    for entry in list["envs"].as_array().expect("a list") {
        let name = entry["name"].as_str().expect("a name");
        assert_eq!(entry["engines"], serde_json::json!(["rapier", "lanes"]), "{name}");
        let bench =
            json(&["bench", "physics", "--env", name, "--engine", "lanes", "--seconds", "0.1", "--json"]);
        assert_eq!(bench["engine"], "lanes");
        assert!(bench["control_steps_per_s"].as_f64().is_some_and(|x| x > 0.0), "{bench}");
    }
}

#[test]
fn shipped_lanes_configs_evolve_in_lanes_and_are_judged_in_rapier() {
    let folder = tempfile::tempdir().expect("scratch folder");
    for config in ["ant_lanes.ron", "pusher.ron"] {
        let run = folder.path().join(config);
        train(config, &run, "2", "2", &[]);
        let summary = summary(&run);
        assert_eq!((&summary["engine"], &summary["validation_engine"]), (&"lanes".into(), &"rapier".into()));
        assert_ne!(summary["eval_return_mean"], summary["validation_return_mean"]);
        let log = fs::read_to_string(run.join("log.txt")).expect("log");
        let line = log.lines().find(|line| line.starts_with("generation 2/2")).expect("an evaluation");
        assert!(line.contains(" (lanes), ") && line.contains(" (rapier)  "), "{line}");
        // `eval` in either engine, on the run's own episodes, gives the same numbers.
        for (engine, key) in [
            (None, "eval_return_mean"),
            (Some("lanes"), "eval_return_mean"),
            (Some("rapier"), "validation_return_mean"),
        ] {
            let on: Vec<&str> = engine.iter().flat_map(|engine| ["--engine", engine]).collect();
            let eval = json(&[&["eval", text(&run), "--seed", "1", "--json"], &on[..]].concat());
            assert_eq!(eval["engine"], engine.unwrap_or("lanes"));
            assert_eq!(eval["return_mean"], summary[key], "{config} {engine:?}");
        }
        let out = run.join("episode.rollout.safetensors");
        let _ = succeed(&["record", text(&run), "--episodes", "2", "--out", text(&out)]);
        let recorded = records::checkpoint::Checkpoint::load(&out).expect("recording");
        assert_eq!(recorded.meta["engine"], "lanes");
        let eval = json(&["eval", text(&run), "--episodes", "2", "--json"]);
        for episode in 0..2 {
            assert_eq!(recorded.meta["episodes"][episode]["return"], eval["returns"][episode]);
        }
    }
}

#[test]
fn threads_and_interruptions_do_not_change_a_bit_in_lanes() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let path = |name: &str| folder.path().join(name);
    let (one, two, resumed) = (path("one"), path("two"), path("resumed"));
    train("ant_lanes.ron", &one, "1", "4", &[]);
    train("ant_lanes.ron", &two, "2", "4", &[]);
    train("ant_lanes.ron", &resumed, "2", "2", &[]);
    let _ = succeed(&["resume", text(&resumed), "--generations", "4", "--threads", "1", "-q"]);
    for other in [&two, &resumed] {
        assert_eq!(metrics(&one), metrics(other));
        // The config of the resumed run says 4 generations, too.
        assert!(checkpoint(&one) == checkpoint(other), "checkpoints of {} differ", other.display());
    }
}

#[test]
fn auto_takes_lanes_where_it_can() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let run = folder.path().join("run");
    train("inverted_pendulum.ron", &run, "2", "2", &["physics.engine=Auto"]);
    assert_eq!(summary(&run)["engine"], "lanes");
    let log = fs::read_to_string(run.join("log.txt")).expect("log");
    assert!(log.contains("(Auto: lanes supports everything in the model)"), "{log}");
    let config = fs::read_to_string(run.join("config.ron")).expect("config");
    assert!(config.contains("engine: Auto"), "{config}");
    // A run keeps the engine that it began in.
    fs::write(run.join("config.ron"), config.replace("engine: Auto", "engine: Rapier")).expect("config");
    let message = refuse(&["resume", text(&run), "--generations", "3"], 2);
    assert!(message.contains("another config"), "{message}");
}

#[test]
fn overrides_hold_only_in_the_engine_they_were_made_for() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let run = folder.path().join("run");
    train("ant_lanes.ron", &run, "2", "1", &["physics.iterations=2"]);
    for (engine, settings) in [("lanes", (0.01, 5, 2)), ("rapier", (0.025, 2, 2))] {
        let out = run.join("episode.rollout.safetensors");
        let _ = succeed(&["record", text(&run), "--engine", engine, "--out", text(&out)]);
        let recorded = records::checkpoint::Checkpoint::load(&out).expect("recording").meta;
        assert_eq!(recorded["engine"], engine);
        let number = |key: &str| recorded[key].as_f64().expect("a number");
        let (timestep, substeps, iterations) = settings;
        assert_eq!(number("timestep"), timestep);
        assert_eq!((number("substeps"), number("iterations")), (f64::from(substeps), f64::from(iterations)));
    }
}

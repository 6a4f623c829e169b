//! `restarts` as a field of a config: the same as the strategy `Restarts` around the config's own.

use std::fs;
use std::path::{Path, PathBuf};

use records::checkpoint::Checkpoint;
use tests::{full_column, refuse, succeed, text, untimed_metrics as metrics};

const SETTINGS: &str = "patience: 1, spread: 0.5, restarts: 3";
const FIELD: &str =
    "strategy: CmaEs(population: 6),\n    restarts: Ipop(patience: 1, spread: 0.5, restarts: 3)";

/// A short config with these fields.
fn write(folder: &Path, name: &str, fields: &str) -> PathBuf {
    let path = folder.join(name).with_extension("ron");
    let rest = "rollout: (horizon: 20),\n    run: (generations: 8, eval_every: 1, eval_episodes: 2, checkpoint_every: 4)";
    let content = format!(
        "(\n    env: InvertedPendulum(),\n    controller: Mlp(hidden: []),\n    {fields},\n    {rest},\n)\n"
    );
    fs::write(&path, content).expect("a config");
    path
}

fn train(config: &Path, more: &[&str]) -> PathBuf {
    let out = config.with_extension(format!("run{}", more.concat().len()));
    let _ = succeed(&[&[text(config), "--out", text(&out), "-q"], more].concat());
    out
}

/// The numbers of a run, and its last parameters.
fn result(run: &Path) -> (Vec<Vec<String>>, Vec<u32>) {
    let last = Checkpoint::load(&run.join("checkpoints/last.safetensors")).expect("checkpoint").told();
    let count = last.tensors["mean"].shape()[0];
    let mean = last.f32("mean", &[count]).expect("parameters");
    (metrics(run), mean.iter().map(|x| x.to_bits()).collect())
}

#[test]
fn the_field_has_the_bits_of_the_wrapper_for_any_number_of_threads_and_after_resume() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let wrapper = format!("strategy: Restarts(of: CmaEs(population: 6), scheme: Ipop, {SETTINGS})");
    let wrapper = write(folder.path(), "wrapper", &wrapper);
    let field = write(folder.path(), "field", FIELD);
    let expected = train(&wrapper, &["--threads", "1"]);
    let evaluations = full_column(&expected, "evaluations");
    assert!(*evaluations.last().expect("rows") > 8.0 * 6.0, "nothing was started again: {evaluations:?}");
    let expected = result(&expected);
    assert_eq!(result(&train(&field, &["--threads", "2"])), expected);
    let parts = train(&field, &["--generations", "3"]);
    let _ = succeed(&["resume", text(&parts), "--generations", "8", "-q"]);
    assert_eq!(result(&parts), expected);
    let plain = write(folder.path(), "plain", "strategy: CmaEs(population: 6)");
    let set = format!("restarts=Ipop({SETTINGS})");
    assert_eq!(result(&train(&plain, &["--set", &set])), expected);
    let other = train(&field, &["--set", "restarts.factor=3.0"]);
    assert_ne!(result(&other), expected);
    assert_ne!(result(&train(&field, &["--set", "restarts=None"])), expected);
}

#[test]
fn a_stage_may_restart_too() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let stages = |last: &str| {
        format!(
            "strategy: CmaEs(population: 6),\n    stages: [(name: \"a\", run: (generations: 2)), \
             (name: \"b\", {last}, run: (generations: 5))]"
        )
    };
    let field = write(folder.path(), "field", &stages("restarts: Same(patience: 1)"));
    let wrapper = stages("strategy: Restarts(of: CmaEs(population: 6), scheme: Same, patience: 1)");
    let wrapper = write(folder.path(), "wrapper", &wrapper);
    let (field, expected) = (train(&field, &[]), train(&wrapper, &[]));
    assert_eq!(metrics(&field).len(), 8);
    assert_eq!(result(&field), result(&expected));

    let twice = write(folder.path(), "twice", &(stages("strategy: Restarts()") + ",\n    restarts: Ipop"));
    let error = refuse(&[text(&twice)], 2);
    assert!(
        error.contains(":5:") && error.contains("stage 'b': restarts = Ipop: must be left out"),
        "{error}"
    );
}

#[test]
fn a_sweep_varies_the_field() {
    let folder = tempfile::tempdir().expect("scratch folder");
    write(folder.path(), "field", FIELD);
    let sweep = folder.path().join("sweep.ron");
    let out = folder.path().join("sweep");
    let axes = |axis: &str| {
        format!("(config: \"field.ron\", axes: [{axis}], seeds: [1], set: [\"run.generations=2\"])")
    };
    let list = "List(path: \"restarts\", values: [None, Same(patience: 2), Bipop()])";
    fs::write(&sweep, axes(list)).expect("a sweep");
    let _ = succeed(&["sweep", "--config", text(&sweep), "--out", text(&out), "-q"]);
    let table = fs::read_to_string(out.join("sweep.csv")).expect("table");
    assert!(table.contains("Bipop") && table.lines().count() == 4, "{table}");

    let task = FIELD.to_owned() + ",\n    task: Ppo(worlds: 2, steps: 16, minibatches: 1)";
    write(folder.path(), "field", &task);
    let error = refuse(&["sweep", "--config", text(&sweep), "--out", text(&out.with_extension("2"))], 2);
    assert!(error.contains("task = Ppo(…) does not use restarts"), "{error}");
}

#[test]
fn restarts_twice_or_of_nothing_are_refused_with_their_place() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let refused = |fields: &str, more: &[&str]| {
        let config = write(folder.path(), "bad", fields);
        let out = folder.path().join("run");
        let error = refuse(&[&[text(&config), "--out", text(&out)], more].concat(), 2);
        assert!(!out.exists(), "{error}");
        error
    };
    let error = refused("strategy: Restarts(),\n    restarts: Bipop(spread: 1.0)", &[]);
    assert!(
        error.contains("bad.ron:5:15: restarts = Bipop: must be left out: `strategy` has Restarts(of: …)"),
        "{error}"
    );
    let error = refused("strategy: Restarts()", &["--set", "restarts=Same"]);
    assert!(error.contains("restarts = Same: must be left out: `strategy` has Restarts(of: …)"), "{error}");
    let error = refused("task: Ppo(),\n    restarts: Ipop", &[]);
    assert!(error.contains("bad.ron:5:15: restarts = Ipop: must be left out without `strategy`"), "{error}");
    let error = refused("strategy: CmaEs(),\n    restarts: Ipop(factr: 2.0)", &[]);
    assert!(error.contains("bad.ron:5:20: unknown field 'factr'"), "{error}");
    let error = refused("strategy: CmaEs(),\n    restarts: Ipop(factor: 0.5)", &[]);
    assert!(error.contains("`factor` is 0.5, expected a finite number ≥ 1"), "{error}");
    let run = train(&write(folder.path(), "good", "strategy: CmaEs()"), &["--generations", "1"]);
    let error = refuse(&["eval", text(&run), "--set", "restarts=Ipop"], 2);
    assert!(error.contains("`restarts` is about training"), "{error}");
}

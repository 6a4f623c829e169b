//! Learning end to end, in the bounded form that every CI run affords. The published results come
//! from the shipped configs in full: see `results/benchmarks`.

use serde_json::Value;
use tests::{succeed, text};

#[test]
fn the_inverted_pendulum_is_solved() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let run = folder.path().join("run");
    let _ = succeed(&["--config", "inverted_pendulum.ron", "--out", text(&run), "-q"]);
    let json = succeed(&["eval", text(&run), "--episodes", "16", "--json"]);
    let result: Value = serde_json::from_str(&json).expect("one JSON object");
    let mean = result["return_mean"].as_f64().expect("a number");
    assert!(mean >= 950.0, "solved is 950, got {mean}");
}

#[test]
fn half_a_minute_makes_the_half_cheetah_run() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let run = folder.path().join("run");
    let _ = succeed(&[
        "--config",
        "half_cheetah.ron",
        "--out",
        text(&run),
        "-q",
        "--generations",
        "30",
        "--set",
        "rollout.horizon=100",
        "--set",
        "strategy.population=32",
        "--set",
        "run.eval_every=0",
    ]);
    let table = std::fs::read_to_string(run.join("metrics.csv")).expect("metrics");
    let column =
        table.lines().next().expect("header").split(',').position(|c| c == "fitness_mean").expect("column");
    let fitness: Vec<f64> = table
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth(column).expect("cell").parse().expect("number"))
        .collect();
    let mean = |rows: &[f64]| rows.iter().sum::<f64>() / rows.len() as f64;
    let (early, late) = (mean(&fitness[..5]), mean(&fitness[25..]));
    assert!(late > early + 10.0, "fitness went from {early:.1} to {late:.1}");
}

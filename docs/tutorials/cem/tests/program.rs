//! The program of the tutorial: configs name its strategy like any other.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::process::{Command, Output};

const CONFIG: &str = "docs/tutorials/cem/cem.ron";

fn run(arguments: &[&str]) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    Command::new(env!("CARGO_BIN_EXE_cem")).args(arguments).current_dir(root).output().unwrap()
}

fn succeed(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn refuse(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn mean_fitness(folder: &Path) -> Vec<f64> {
    let text = std::fs::read_to_string(folder.join("metrics.csv")).unwrap();
    let mut lines = text.lines();
    let column = lines.next().unwrap().split(',').position(|name| name == "fitness_mean").unwrap();
    lines.map(|line| line.split(',').nth(column).unwrap().parse().unwrap()).collect()
}

#[test]
fn it_trains_is_saved_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, broken) = (folder.path().join("whole"), folder.path().join("broken"));
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let train = |out: &Path, generations: &str| {
        let arguments = ["--config", CONFIG, "--generations", generations, "--out", &text(out), "--quiet"];
        succeed(&arguments);
    };
    train(&whole, "12");
    let means = mean_fitness(&whole);
    assert_eq!(means.len(), 12);
    assert!(means[11] > means[0] + 20.0, "{means:?}");
    let written = std::fs::read_to_string(whole.join("config.ron")).unwrap();
    assert!(written.contains("Cem(") && written.contains("elite_ratio: 0.25"), "{written}");
    // A run that goes on has the bits of one that was never stopped.
    train(&broken, "5");
    succeed(&["resume", &text(&broken), "--generations", "12", "--quiet"]);
    assert_eq!(mean_fitness(&broken), means);
    succeed(&["eval", &text(&whole), "--episodes", "2"]);
}

#[test]
fn set_reaches_its_fields_and_the_listing_names_it() {
    let resolved = succeed(&["--config", CONFIG, "--set", "strategy.noise=0.5", "--dry-run"]);
    assert!(resolved.contains("noise: 0.5") && resolved.contains("population: 64"), "{resolved}");
    let built_in = "inverted_pendulum.ron";
    for set in ["strategy=Cem", "strategy=Cem()", "strategy=Cem(population: 100)"] {
        let resolved = succeed(&["--config", built_in, "--set", set, "--dry-run"]);
        assert!(resolved.contains("Cem(") && resolved.contains("population: 100"), "{set}: {resolved}");
    }
    let listed: serde_json::Value =
        serde_json::from_str(&succeed(&["list", "strategies", "--json"])).unwrap();
    let names: Vec<&str> =
        listed["strategies"].as_array().unwrap().iter().map(|info| info["name"].as_str().unwrap()).collect();
    assert_eq!(names.last(), Some(&"cem"));
    let report = succeed(&[
        "bench",
        "strategy",
        "--strategy",
        "cem",
        "--function",
        "sphere",
        "--dim",
        "5",
        "--target",
        "0.01",
        "--json",
    ]);
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["reached"], true, "{report}");
}

/// The same mistake in a strategy of the user's and in a built-in one, which gets the same words at the same place.
/// As messages list them.
const FIELDS_OF_ARS: &str = "population, max_population, sigma, radius, action_sigma, sigma_schedule, optimizer, step_unit, \
                             schedule, elite_ratio";

#[test]
fn mistakes_are_answered_as_in_a_built_in_strategy() {
    let folder = tempfile::tempdir().unwrap();
    let message = |strategy: &str| {
        let path = folder.path().join("a.ron");
        let text = format!("(\n    env: InvertedPendulum(),\n    strategy: {strategy},\n)\n");
        std::fs::write(&path, text).unwrap();
        let message = refuse(&["--config", path.to_str().unwrap(), "--dry-run"]);
        message.replace(path.to_str().unwrap(), "a.ron")
    };
    for fields in ["populaton: 8", "population: \"many\"", "sigma: Wide", "population: 8, population: 8"] {
        let (own, built_in) = (message(&format!("Cem({fields})")), message(&format!("Ars({fields})")));
        let expected = built_in
            .replace("ArsConfig", "CemConfig")
            .replace("Ars", "Cem")
            .replace(FIELDS_OF_ARS, "population, sigma, elite_ratio, noise");
        assert!(own.contains("a.ron:3:"), "{own}");
        assert_eq!(own, expected);
    }
    let range = message("Cem(elite_ratio: 0)");
    assert!(range.contains("strategy cem: `elite_ratio` is 0"), "{range}");
    let unknown = message("Cme()");
    assert!(
        unknown.contains("unknown strategy 'Cme' (valid: OpenEs, ") && unknown.contains(", Cem)"),
        "{unknown}"
    );
    let set = refuse(&["--config", CONFIG, "--set", "strategy.elite=0.5", "--dry-run"]);
    assert!(set.contains("no field 'elite' (have: population, sigma, elite_ratio, noise)"), "{set}");
}

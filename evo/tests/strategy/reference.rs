//! Strategies against reference runs of other packages (`tests/data/es`).

use evo::bench_strategy::{self, BenchArgs};
use evo::functions::Function;

use super::middle;

/// Median evaluations to 1e-8 over the 15 seeds of the protocol; failures count as infinite.
fn median(function: Function, n: usize, reference: &serde_json::Value) -> f64 {
    let run = |seed| {
        let report = bench_strategy::run(&BenchArgs {
            strategy: "cma_es".to_owned(),
            function: function.name().to_owned(),
            dim: n,
            population: Some(reference["popsize"].as_u64().unwrap() as usize),
            x0: reference["x0"].as_f64(),
            sigma: reference["sigma0"].as_f64(),
            seed,
            target: 1e-8,
            budget: reference["budget"].as_u64(),
        })
        .unwrap();
        if report.reached { report.evaluations as f64 } else { f64::INFINITY }
    };
    middle((1..=15).map(run).collect())
}

fn reference(name: &str) -> serde_json::Value {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/es/");
    serde_json::from_str(&std::fs::read_to_string(format!("{folder}{name}")).unwrap()).unwrap()
}

#[test]
fn cma_es_needs_as_many_evaluations_as_pycma() {
    let data = reference("cma.json");
    let mut compared = 0;
    for n in [5, 20] {
        for (name, entry) in data["results"]["pycma"][n.to_string()].as_object().unwrap() {
            // Where pycma mostly fails there is no median.
            if let Some(expected) = entry["median_evals_all"].as_f64() {
                let ratio = median(Function::from_name(name).unwrap(), n, entry) / expected;
                assert!((0.9..=1.1).contains(&ratio), "{name} {n}: {ratio:.3}");
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 12);
}

#[test]
fn cma_es_does_not_care_about_rotation() {
    let data = reference("cma.json");
    let entry = &data["results"]["pycma"]["5"]["ellipsoid"];
    let ratio = median(Function::RotatedEllipsoid, 5, entry) / median(Function::Ellipsoid, 5, entry);
    assert!((0.9..1.1).contains(&ratio), "{ratio}");
}

#[test]
fn open_es_learns_like_the_reference_implementation() {
    let data = reference("evosax.json");
    let mut compared = 0;
    for entry in data["results"].as_array().unwrap() {
        if entry["alg"] != "Open_ES" || entry["dim"] != 20 {
            continue;
        }
        for index in 0..2 {
            let generations = entry["gens"][index].as_u64().unwrap();
            let population = entry["pop"].as_u64().unwrap();
            let run = |seed| {
                let report = bench_strategy::run(&BenchArgs {
                    strategy: "open_es".to_owned(),
                    function: entry["func"].as_str().unwrap().to_owned(),
                    dim: 20,
                    population: Some(population as usize),
                    x0: entry["x0"].as_f64(),
                    sigma: Some(0.1),
                    seed,
                    target: 0.0,
                    budget: Some(generations * population),
                });
                report.unwrap().mean_value
            };
            let ratio = middle((1..=15).map(run).collect()) / entry["fmean_median"][index].as_f64().unwrap();
            // The medians of 15 seeds vary; the sphere's late value is noise around the minimum.
            assert!((0.6..1.6).contains(&ratio), "{}: {ratio}", entry["func"]);
            compared += 1;
        }
    }
    assert_eq!(compared, 6);
}

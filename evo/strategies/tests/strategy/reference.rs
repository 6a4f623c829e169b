//! Strategies against reference runs of other packages (`tests/data/es`).

use strategies::bench::{self, BenchArgs};

use super::{middle, reference};

/// Median evaluations to 1e-8 over the 15 seeds of the protocol; failures count as infinite.
fn median(strategy: &str, function: &str, n: usize, reference: &serde_json::Value) -> f64 {
    median_of(15, strategy, function, n, reference)
}

fn median_of(seeds: u64, strategy: &str, function: &str, n: usize, reference: &serde_json::Value) -> f64 {
    let run = |seed| {
        let report = bench::run(&BenchArgs {
            strategy: strategy.to_owned(),
            function: function.to_owned(),
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
    middle((1..=seeds).map(run).collect())
}

/// Compares the median evaluations with those of a package; returns the number of comparisons.
fn compare_evaluations(strategy: &str, package: &str) -> usize {
    let data = reference("cma.json");
    let mut compared = 0;
    for n in [5, 20] {
        for (name, entry) in data["results"][package][n.to_string()].as_object().unwrap() {
            // Where the package mostly fails there is no median.
            if let Some(expected) = entry["median_evals_all"].as_f64() {
                let ratio = median(strategy, name, n, entry) / expected;
                // As many within a tenth, or somewhat fewer.
                assert!((0.8..=1.1).contains(&ratio), "{name} {n}: {ratio:.3}");
                compared += 1;
            }
        }
    }
    compared
}

#[test]
fn cma_es_needs_as_many_evaluations_as_pycma() {
    assert_eq!(compare_evaluations("cma_es", "pycma"), 12);
}

#[test]
fn separable_cma_es_needs_as_many_evaluations_as_pycma() {
    assert_eq!(compare_evaluations("sep_cma_es", "pycma_sep"), 8);
}

#[test]
fn full_matrices_do_not_care_about_rotation() {
    let data = reference("cma.json");
    let entry = &data["results"]["pycma"]["5"]["ellipsoid"];
    for strategy in ["cma_es", "xnes"] {
        let median = |function| median(strategy, function, 5, entry);
        let ratio = median("rotated_ellipsoid") / median("ellipsoid");
        assert!((0.9..1.1).contains(&ratio), "{strategy}: {ratio}");
        assert!(median("rosenbrock").is_finite(), "{strategy}");
    }
    // Those with a step size per coordinate follow its axes only.
    for strategy in ["sep_cma_es", "snes"] {
        // Each uses its whole budget: a few seeds will do.
        let median = median_of(3, strategy, "rotated_ellipsoid", 5, entry);
        assert_eq!(median, f64::INFINITY, "{strategy}");
    }
}

/// Compares the median value at the mean after some generations with that of evosax, whose value may differ by the
/// factor `within`; medians of 15 seeds vary. Returns the number of comparisons.
fn compare_values(strategy: &str, algorithm: &str, sigma: f64, within: f64) -> usize {
    let data = reference("evosax.json");
    let mut compared = 0;
    for entry in data["results"].as_array().unwrap() {
        if entry["alg"] != algorithm || entry["dim"] != 20 {
            continue;
        }
        for index in 0..2 {
            let generations = entry["gens"][index].as_u64().unwrap();
            let population = entry["pop"].as_u64().unwrap();
            let run = |seed| {
                let report = bench::run(&BenchArgs {
                    strategy: strategy.to_owned(),
                    function: entry["func"].as_str().unwrap().to_owned(),
                    dim: 20,
                    population: Some(population as usize),
                    x0: entry["x0"].as_f64(),
                    sigma: Some(sigma),
                    seed,
                    target: 0.0,
                    budget: Some(generations * population),
                });
                report.unwrap().mean_value
            };
            let expected = entry["fmean_median"][index].as_f64().unwrap();
            let ratio = middle((1..=15).map(run).collect()) / expected;
            assert!(ratio < within && ratio > 1.0 / within, "{} {generations}: {ratio}", entry["func"]);
            compared += 1;
        }
    }
    compared
}

#[test]
fn open_es_learns_like_evosax() {
    assert_eq!(compare_values("open_es", "Open_ES", 0.1, 1.6), 6);
}

#[test]
fn snes_learns_like_evosax() {
    assert_eq!(compare_values("snes", "SNES", 0.5, 2.0), 6);
}

#[test]
fn pgpe_learns_like_evosax() {
    assert_eq!(compare_values("pgpe", "PGPE", 0.5, 1.6), 6);
}

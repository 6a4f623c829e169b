//! Steps of the mean as parts of the radius of the noise, and their part along the gradient.

use strategies::{Search, StrategyConfig};

use super::suite::all;
use super::{population, step};

fn start(json: &str, n: usize) -> Search {
    let config: StrategyConfig = serde_json::from_str(json).unwrap();
    let mut search: Search = config.build(&vec![0.4; n], 5).unwrap();
    search.measure(true);
    search
}

/// ARS with all its directions: with σ_R it moves by about 2α along the gradient, whatever n is, and by 2α √(1 + n/b)
/// altogether, as the fitness is linear here.
#[test]
fn the_part_along_the_gradient_of_a_linear_fitness_is_found() {
    for (n, pairs, rate) in [(30, 60, 0.1), (600, 60, 0.1), (600, 60, 0.4)] {
        let text = format!(
            r#"{{"Ars": {{"population": {}, "sigma": 0.05, "elite_ratio": 1.0,
            "optimizer": {{"Sgd": {{"learning_rate": {rate}, "momentum": 0.0}}}}}}}}"#,
            2 * pairs
        );
        let mut search = start(&text, n);
        assert_eq!(search.steps(), None);
        let gradient = |i: usize| if i.is_multiple_of(3) { 1.0 } else { -0.5 };
        let norm = (0..n).map(|i| gradient(i) * gradient(i)).sum::<f64>().sqrt();
        let (mut moved, mut lengths, mut before) = (0.0, 0.0, super::mean(&search));
        for _ in 0..40 {
            step(&mut search, |x| x.iter().enumerate().map(|(i, x)| gradient(i) * x).sum());
            let after = super::mean(&search);
            let by = |i: usize| after[i] - before[i];
            moved += (0..n).map(|i| by(i) * gradient(i) / norm).sum::<f64>() / 40.0;
            lengths += search.steps().unwrap().length / 40.0;
            before = after;
        }
        let radius = 0.05 * (n as f64).sqrt();
        let (true_part, found) = (moved / radius, search.steps().unwrap().along.unwrap());
        assert!((found / true_part - 1.0).abs() < 0.15, "n = {n}: found {found}, moved {true_part}");
        assert!((true_part * radius / (2.0 * rate) - 1.0).abs() < 0.1, "{true_part}");
        let whole = 2.0 * rate * (1.0 + n as f64 / pairs as f64).sqrt() / radius;
        assert!((lengths / whole - 1.0).abs() < 0.1, "n = {n}: length {lengths}, {whole}");
    }
}

/// Steps that are no multiple of the last gradient: with momentum, of limited length, or scaled by coordinate.
#[test]
fn the_part_along_the_gradient_is_found_whatever_makes_the_step() {
    let n = 200;
    let gradient = |i: usize| if i.is_multiple_of(3) { 1.0 } else { -0.5 };
    let norm = (0..n).map(|i| gradient(i) * gradient(i)).sum::<f64>().sqrt();
    for strategy in [
        r#"{"OpenEs": {"population": 100, "sigma": 0.1, "optimizer": {"Adam": {"learning_rate": 0.01}}}}"#,
        r#"{"OpenEs": {"population": 100, "sigma": 0.1, "antithetic": false,
            "optimizer": {"Sgd": {"learning_rate": 0.01, "momentum": 0.9}}}}"#,
        r#"{"OpenEs": {"population": 100, "sigma": 0.1, "optimizer": {"ClipUp": {"learning_rate": 0.1}}}}"#,
        r#"{"Ars": {"population": 100, "sigma": 0.1, "elite_ratio": 0.5,
            "optimizer": {"ClipUp": {"learning_rate": 0.05, "max_speed": 1.0}}}}"#,
        r#"{"Pgpe": {"population": 100, "sigma": 0.1, "sigma_rate": 0.0}}"#,
        r#"{"Pgpe": {"population": 100, "sigma": 0.1, "optimizer": {"Sgd": {"learning_rate": 0.1}}}}"#,
        r#"{"Snes": {"population": 100, "sigma": 0.1, "sigma_rate": 0.0}}"#,
    ] {
        let mut search = start(strategy, n);
        let (mut moved, mut found, mut before) = (0.0, 0.0, super::mean(&search));
        for generation in 0..100 {
            let sigma = search.sigma();
            step(&mut search, |x| x.iter().enumerate().map(|(i, x)| gradient(i) * x).sum());
            let after = super::mean(&search);
            if generation >= 60 {
                let by = |i: usize| (after[i] - before[i]) / (sigma * (n as f64).sqrt());
                moved += (0..n).map(|i| by(i) * gradient(i) / norm).sum::<f64>() / 40.0;
                found += search.steps().unwrap().along.unwrap() / 40.0;
            }
            before = after;
        }
        assert!((found / moved - 1.0).abs() < 0.15, "{strategy}: found {found}, moved {moved}");
    }
}

#[test]
fn without_a_gradient_none_is_found() {
    let mut found = 0;
    for seed in 0..20 {
        let config = StrategyConfig::from_name("open_es").unwrap();
        let mut search: Search = config.build(&vec![0.4; 200], seed).unwrap();
        search.measure(true);
        let mut draws = strategies::random::Stream::new(seed, strategies::random::Purpose::Bench, 0, 0, 0);
        for _ in 0..30 {
            step(&mut search, |_| f64::from(rand::Rng::next_u32(&mut draws)));
        }
        found += usize::from(search.steps().unwrap().along.is_some());
    }
    assert!(found <= 2, "{found} of 20 beyond two standard errors");
}

#[test]
fn measuring_changes_no_step_and_goes_on_from_a_state() {
    for config in all() {
        let begin = || -> Search { config.build(&config.start(vec![0.5; 6]), 5).unwrap() };
        let f = |x: &[f64]| x.iter().map(|x| (7.0 * x).sin()).sum::<f64>();
        let (mut plain, mut measured) = (begin(), begin());
        measured.measure(true);
        for _ in 0..12 {
            step(&mut plain, f);
            step(&mut measured, f);
        }
        assert_eq!(super::mean(&plain), super::mean(&measured), "{config:?}");
        let mut resumed = begin();
        resumed.measure(true);
        assert!(resumed.restore(&plain.state()).is_err(), "a state without measurements");
        resumed.restore(&measured.state()).unwrap();
        assert_eq!(resumed.state(), measured.state());
        for _ in 0..12 {
            step(&mut resumed, f);
            step(&mut measured, f);
            assert_eq!(resumed.steps(), measured.steps(), "{config:?}");
            assert!(measured.steps().unwrap().length.is_finite());
        }
        let known = ["open_es", "ars", "pgpe", "snes"].contains(&config.name());
        assert!(known || measured.steps().unwrap().along.is_none(), "{config:?}");
        // A state with measurements is one of a search without them, too.
        plain.restore(&measured.state()).unwrap();
        assert_eq!(population(&mut plain), population(&mut measured));
    }
}

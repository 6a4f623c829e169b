//! Restarts with growing populations.

#![expect(clippy::print_stdout, reason = "what is measured is shown with --nocapture")]

use strategies::functions::Function;
use strategies::{CmaEsConfig, RestartScheme, RestartsConfig, Search, StopReason, StrategyConfig};

use super::{mean, middle, minus, population, step};

fn cma_es(sigma: f64) -> Box<StrategyConfig> {
    Box::new(StrategyConfig::CmaEs(CmaEsConfig { sigma, ..CmaEsConfig::default() }))
}

/// Populations of the runs of a search, with the generations of each, until it says that it is done.
fn runs(config: &RestartsConfig, f: impl Fn(&[f64]) -> f64 + Clone) -> Vec<(usize, usize)> {
    let config = StrategyConfig::Restarts(config.clone());
    let mut search: Search = config.build(&[2.0; 3], 7).unwrap();
    let mut runs = vec![(search.population(), 0)];
    let mut run = 0;
    while search.stop_reason().is_none() {
        runs.last_mut().unwrap().1 += 1;
        step(&mut search, f.clone());
        let count = search.state().integers["restarts.count"];
        if count > run {
            run = count;
            runs.push((search.population(), 0));
        }
        assert!(search.generation() < 100_000);
    }
    runs
}

#[test]
fn the_first_run_is_the_strategy_alone() {
    let f = minus(Function::Rosenbrock, 4);
    let config = RestartsConfig { of: cma_es(0.5), ..RestartsConfig::default() };
    let mut search: Search = StrategyConfig::Restarts(config).build(&[0.0; 4], 5).unwrap();
    let mut alone: Search = cma_es(0.5).build(&[0.0; 4], 5).unwrap();
    for _ in 0..60 {
        assert_eq!(population(&mut search), population(&mut alone));
        step(&mut search, &f);
        step(&mut alone, &f);
    }
    assert_eq!(search.state().integers["restarts.count"], 0);
}

#[test]
fn populations_grow_as_the_scheme_says() {
    let f = minus(Function::Sphere, 3);
    let config = |scheme| RestartsConfig { scheme, restarts: 4, ..RestartsConfig::default() };
    let populations =
        |scheme| -> Vec<usize> { runs(&config(scheme), f.clone()).iter().map(|run| run.0).collect() };
    assert_eq!(populations(RestartScheme::Same), [7; 5]);
    assert_eq!(populations(RestartScheme::Ipop), [7, 14, 28, 56, 112]);
    let bipop = runs(&config(RestartScheme::Bipop), f.clone());
    let large = |&&(population, _): &&(usize, usize)| [14, 28, 56, 112].contains(&population);
    let (mut small, mut big) = (0, 0);
    for (index, (population, generations)) in bipop.iter().enumerate() {
        assert!(*population >= 7);
        // Small runs come while they have had less than large ones.
        let grows = *population == 7 << bipop[..=index].iter().filter(large).count();
        assert!(index == 0 || grows == (small >= big) || *population == 7, "{bipop:?}");
        *(if index > 0 && grows { &mut big } else { &mut small }) += population * generations;
    }
    assert_eq!(bipop.iter().filter(large).count(), 4, "{bipop:?}");
    assert!(bipop.len() > 5, "{bipop:?}");
}

#[test]
fn a_search_that_is_restored_restarts_alike() {
    let f = minus(Function::Rastrigin, 3);
    for of in ["cma_es", "snes", "de", "lm_ma_es", "cr_fm_nes", "open_es"] {
        let of = Box::new(StrategyConfig::from_name(of).unwrap());
        let config = RestartsConfig { of, spread: 2.0, patience: Some(25), ..RestartsConfig::default() };
        let config = StrategyConfig::Restarts(config);
        let begin = |x, seed| -> Search { config.build(&[x; 3], seed).unwrap() };
        let mut search = begin(2.0, 1);
        let mut resumed = begin(0.0, 2);
        for generation in 0..600 {
            if generation % 37 == 0 {
                resumed.restore(&search.state()).unwrap();
            }
            assert_eq!(population(&mut search), population(&mut resumed));
            step(&mut search, &f);
            step(&mut resumed, &f);
        }
        assert_eq!(search.state(), resumed.state());
        assert!(search.state().integers["restarts.count"] > 1, "{config:?}");
    }
}

#[test]
fn runs_start_where_they_may() {
    let f = minus(Function::Sphere, 3);
    let starts = |spread: f64| -> Vec<Vec<f64>> {
        let config = RestartsConfig { spread, ..RestartsConfig::default() };
        let mut search: Search = StrategyConfig::Restarts(config).build(&[2.0; 3], 7).unwrap();
        let mut starts = Vec::new();
        for _ in 0..2000 {
            let (count, before) = (search.state().integers["restarts.count"], search.generation());
            step(&mut search, &f);
            if search.state().integers["restarts.count"] > count {
                assert_eq!(search.generation(), before + 1);
                starts.push(mean(&search));
            }
        }
        starts
    };
    assert!(starts(0.0).iter().all(|start| start == &[2.0; 3]));
    let drawn = starts(0.5);
    assert!(drawn.len() > 3 && drawn.windows(2).all(|pair| pair[0] != pair[1]));
    assert!(drawn.concat().iter().all(|x| (1.5..2.5).contains(x)));
}

#[test]
fn a_search_without_restarts_says_why_it_ended() {
    let reason = |restarts, patience, f: fn(&[f64]) -> f64| {
        let config = RestartsConfig { restarts, patience, ..RestartsConfig::default() };
        let mut search: Search = StrategyConfig::Restarts(config).build(&[2.0; 3], 7).unwrap();
        while search.stop_reason().is_none() {
            step(&mut search, f);
            assert!(search.generation() < 20_000);
        }
        search.stop_reason().unwrap()
    };
    assert_eq!(reason(0, None, |x| -x.iter().map(|x| x * x).sum::<f64>()), StopReason::TolFun);
    assert_eq!(reason(0, None, |_| 1.0), StopReason::TolFun);
    assert_eq!(reason(0, None, |x| if x[0] > 1e9 { 1.0 } else { 0.0 }), StopReason::TolFun);
    assert_eq!(reason(0, None, |x| x[0]), StopReason::TolXUp);
    assert_eq!(reason(0, Some(1), |x| (x[0] * 1e9).sin()), StopReason::NoImprovement);
}

/// BIPOP against pycma's on rugged functions, with the protocol in `restarts.json`.
#[test]
fn bipop_succeeds_as_often_as_pycma() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/es/restarts.json");
    let data: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let (n, budget) = (data["n"].as_u64().unwrap() as usize, data["budget"].as_u64().unwrap());
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for (name, expected) in data["bipop"].as_object().unwrap() {
        let f = minus(Function::from_name(name).unwrap(), n);
        let run = |seed| {
            let config =
                RestartsConfig { of: cma_es(2.0), spread: 4.0, restarts: 99, ..RestartsConfig::default() };
            let mut search: Search = StrategyConfig::Restarts(config).build(&vec![2.0; n], seed).unwrap();
            let mut evaluations = 0;
            loop {
                let mut fitness = Vec::new();
                for x in population(&mut search) {
                    evaluations += 1;
                    fitness.push(f(&x));
                    if fitness[fitness.len() - 1] > -1e-8 {
                        return evaluations as f64;
                    }
                    if evaluations == budget {
                        return f64::INFINITY;
                    }
                }
                search.tell(&fitness).unwrap();
            }
        };
        let evaluations: Vec<f64> = (1..=15).map(run).collect();
        let successes = evaluations.iter().filter(|evaluations| evaluations.is_finite()).count() as u64;
        println!(
            "{name}: {successes} of 15, median {}; pycma {} of 15, median {}",
            middle(evaluations),
            expected["successes"],
            expected["median_evaluations"]
        );
        ours.push((name.clone(), successes));
        theirs.push((name.clone(), expected["successes"].as_u64().unwrap()));
    }
    assert!(ours.iter().zip(&theirs).all(|(ours, theirs)| ours.1 >= theirs.1), "{ours:?} {theirs:?}");
}

//! Box bounds around strategies.

use strategies::functions::Function;
use strategies::{BoundedConfig, Real, RestartsConfig, Search, StrategyConfig, StrategyError};

use super::{mean, minus, population, step};

fn bounded(of: &str, lower: Vec<Option<f64>>, upper: Vec<Option<f64>>) -> StrategyConfig {
    let of = Box::new(StrategyConfig::from_name(of).unwrap());
    StrategyConfig::Bounded(BoundedConfig { of, lower, upper })
}

#[test]
fn no_member_and_no_mean_is_out_of_bounds() {
    fn check<R: Real + Into<f64>>(name: &str) {
        let (lower, upper) = (vec![Some(0.1), None, Some(-3.0)], vec![Some(0.3), Some(7.1), None]);
        let config = bounded(name, lower, upper);
        let mut search: Search<R> = config.build(&[0.2, 7.0, 1.0], 3).unwrap();
        for generation in 0..60 {
            // Out of the bounds of each coordinate.
            let side = if generation % 40 < 20 { 1.0 } else { -1.0 };
            let members = population(&mut search);
            for x in &members {
                let sound = (0.1..=0.3).contains(&x[0]) && x[1] <= 7.1 && x[2] >= -3.0;
                assert!(sound && x.iter().all(|x| x.is_finite()), "{name}: {x:?}");
            }
            let fitness: Vec<f64> =
                members.iter().map(|x| side * (x[0] + x[1].min(1e6) - x[2].min(1e6))).collect();
            search.tell(&fitness).unwrap();
        }
    }
    for name in
        ["cma_es", "sep_cma_es", "snes", "xnes", "open_es", "pgpe", "de", "pso", "ga", "lm_ma_es", "restarts"]
    {
        check::<f64>(name);
        check::<f32>(name);
    }
}

#[test]
fn an_optimum_at_a_bound_is_found() {
    // The minimum of the sphere with x₀ ≥ 1 and x₁ ≤ −2.
    for name in ["cma_es", "sep_cma_es", "xnes", "cr_fm_nes", "de", "pso"] {
        let config = bounded(name, vec![Some(1.0), None, None, None], vec![None, Some(-2.0), None, None]);
        let mut search: Search = config.build(&[3.0, -3.0, 2.0, 2.0], 2).unwrap();
        let f = minus(Function::Sphere, 4);
        for _ in 0..400 {
            step(&mut search, &f);
        }
        assert!((search.best().unwrap().0 + 5.0).abs() < 1e-6, "{name}: {:?}", search.best());
    }
}

#[test]
fn far_from_bounds_nothing_changes() {
    let f = minus(Function::Rosenbrock, 3);
    for name in ["cma_es", "snes", "pso"] {
        let config = bounded(name, vec![Some(-1e3)], vec![Some(1e3)]);
        let mut inside: Search = config.build(&[0.0; 3], 4).unwrap();
        let mut free: Search = StrategyConfig::from_name(name).unwrap().build(&[0.0; 3], 4).unwrap();
        for _ in 0..50 {
            step(&mut inside, &f);
            step(&mut free, &f);
        }
        assert_eq!(mean(&inside), mean(&free), "{name}");
        assert_eq!(inside.best(), free.best());
    }
}

#[test]
fn wrong_bounds_and_starts_are_refused() {
    let config = bounded("cma_es", vec![Some(0.0), Some(1.0)], vec![]);
    let error = config.build::<f64>(&[2.0; 3], 1).err().unwrap().to_string();
    let expected =
        "strategy bounded: `lower` is a list of 2 for 3 parameters, expected one bound for all parameters";
    assert!(error.starts_with(expected), "{error}");
    let error = config.build::<f64>(&[2.0, 0.5], 1).err().unwrap();
    let upper = f64::INFINITY;
    assert_eq!(error, StrategyError::OutOfBounds { index: 1, value: 0.5, lower: 1.0, upper });
    assert_eq!(error.to_string(), "the start point is out of bounds: parameter 1 is 0.5, expected 1 to inf");
    // A controller's start is moved to the nearest place.
    assert_eq!(config.start(vec![2.0, 0.5]), [2.0, 1.0]);
}

#[test]
fn a_strategy_with_an_archive_is_not_wrapped() {
    let of = || Box::new(StrategyConfig::from_name("map_elites").unwrap());
    let restarts = RestartsConfig { of: of(), ..RestartsConfig::default() };
    let bounded = BoundedConfig { of: of(), ..BoundedConfig::default() };
    for config in [StrategyConfig::Restarts(restarts), StrategyConfig::Bounded(bounded)] {
        let error = config.validate().unwrap_err().to_string();
        assert!(
            error.contains("`of` is MapElites, expected a strategy that is told of fitness alone"),
            "{error}"
        );
    }
}

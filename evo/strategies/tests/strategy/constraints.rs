//! Constraints by an augmented Lagrangian.

use strategies::{BoundedConfig, ConstrainedConfig, Search, SepCmaEsConfig, StrategyConfig, StrategyError};

use super::{mean, population};

fn all() -> Vec<StrategyConfig> {
    let sep = SepCmaEsConfig { population: Some(20), ..SepCmaEsConfig::default() };
    let bounded = BoundedConfig {
        of: Box::new(StrategyConfig::SepCmaEs(sep)),
        lower: vec![Some(-10.0)],
        ..BoundedConfig::default()
    };
    let bounded = ConstrainedConfig { of: Box::new(StrategyConfig::Bounded(bounded)), constraints: 2 };
    let plain = ConstrainedConfig { constraints: 2, ..ConstrainedConfig::default() };
    vec![StrategyConfig::Constrained(plain), StrategyConfig::Constrained(bounded)]
}

/// The best sphere where x₀ ≥ 1 and x₀ + x₁ ≤ 5, the second of which does not matter.
fn values(x: &[f64]) -> (f64, [f64; 2]) {
    (-x.iter().map(|x| x * x).sum::<f64>(), [1.0 - x[0], x[0] + x[1] - 5.0])
}

fn step(search: &mut Search) {
    let told: Vec<(f64, [f64; 2])> = population(search).iter().map(|x| values(x)).collect();
    let fitness: Vec<f64> = told.iter().map(|told| told.0).collect();
    let constraints: Vec<f64> = told.iter().flat_map(|told| told.1).collect();
    search.tell_with(&fitness, &constraints).unwrap();
}

#[test]
fn the_best_place_that_is_allowed_is_found() {
    for config in all() {
        let mut search: Search = config.build(&[3.0; 4], 1).unwrap();
        for _ in 0..600 {
            step(&mut search);
        }
        let mean = mean(&search);
        assert!((mean[0] - 1.0).abs() < 1e-4 && mean[1..].iter().all(|x| x.abs() < 1e-3), "{mean:?}");
    }
}

#[test]
fn a_restored_search_goes_on_bit_for_bit() {
    for config in all() {
        let mut search: Search = config.build(&[3.0; 4], 1).unwrap();
        let mut resumed: Search = config.build(&[2.0; 4], 2).unwrap();
        for generation in 0..60 {
            if generation % 13 == 0 {
                resumed.restore(&search.state()).unwrap();
                assert_eq!(resumed.state(), search.state());
            }
            step(&mut search);
            step(&mut resumed);
        }
        assert_eq!(search.state(), resumed.state());
        let mut broken = search.state();
        broken.tensors.remove("constraints.mu");
        let error = resumed.restore(&broken).unwrap_err().to_string();
        assert!(error.contains("`constraints.mu` is missing"), "{error}");
        assert_eq!(search.state(), resumed.state(), "and nothing has changed");
    }
}

#[test]
fn failed_members_say_nothing_and_values_must_be_told() {
    let mut search: Search = all()[0].build(&[3.0; 4], 1).unwrap();
    for _ in 0..30 {
        let members = population(&mut search);
        let told: Vec<(f64, [f64; 2])> = members.iter().map(|x| values(x)).collect();
        let fails = |index: usize| index == 1;
        let fitness: Vec<f64> =
            (0..told.len()).map(|i| if fails(i) { f64::NAN } else { told[i].0 }).collect();
        let constraints: Vec<f64> = told.iter().flat_map(|told| told.1).collect();
        assert!(matches!(search.tell(&fitness), Err(StrategyError::Descriptors { each: 2, .. })));
        search.tell_with(&fitness, &constraints).unwrap();
    }
    assert_eq!(search.state().check_finite(), Ok(()));
    assert!(mean(&search).iter().all(|x| x.is_finite()));
}

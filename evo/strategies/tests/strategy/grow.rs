//! Generations that grow: `max_population`.

use strategies::{Search, StrategyConfig, StrategyError};

use super::suite::all;

/// The strategy with other sizes of its generations, if it has such settings.
fn sized(config: &StrategyConfig, population: usize, most: Option<usize>) -> Option<StrategyConfig> {
    let mut json = serde_json::to_value(config).unwrap();
    let fields = json[config.info().config].as_object_mut().unwrap();
    fields.insert("population".to_owned(), population.into());
    *fields.get_mut("max_population")? = most.into();
    Some(serde_json::from_value(json).unwrap())
}

fn start(config: &StrategyConfig) -> Search<f32> {
    config.build(&config.start(vec![0.3; 37]), 5).unwrap()
}

/// Asks, and tells a fitness of the first `count` members.
fn advance(search: &mut Search<f32>, count: usize) -> Vec<f32> {
    search.ask();
    let mut members = vec![0.0; count * 37];
    search.members(0, &mut members);
    let value = |x: &f32| libm::sin(7.0 * f64::from(*x)) - f64::from(*x) * f64::from(*x);
    let fitness: Vec<f64> = members.chunks(37).map(|x| x.iter().map(value).sum()).collect();
    search.tell(&fitness).unwrap();
    members
}

#[test]
fn a_generation_that_has_grown_is_one_of_that_size() {
    let mut names = std::collections::BTreeSet::new();
    for config in all() {
        let Some(growing) = sized(&config, 10, Some(40)) else { continue };
        names.insert(config.name());
        let mut search = start(&growing);
        assert_eq!((search.population(), search.max_population()), (10, 40));
        for count in [10, 26, 40] {
            let mut fixed = start(&sized(&config, count, None).unwrap());
            let mut before = search.state();
            before.set_integer("population", count as u64);
            fixed.restore(&before).unwrap();
            assert_eq!(advance(&mut search, count), advance(&mut fixed, count), "{config:?}");
            let mut after = search.state();
            after.set_integer("population", count as u64);
            assert_eq!(after, fixed.state(), "{config:?} told of {count} members");
        }
        assert_eq!(search.evaluations(), 76);
    }
    assert!(names.into_iter().eq(["ars", "ec", "open_es", "pgpe", "snes"]));
}

#[test]
fn a_number_of_members_that_no_generation_has_is_refused() {
    let growing = sized(&StrategyConfig::from_name("ars").unwrap(), 10, Some(40)).unwrap();
    let mut search = start(&growing);
    search.ask();
    let before = search.state();
    for found in [0, 8, 11, 42] {
        let error = search.tell(&vec![1.0; found]).unwrap_err();
        assert_eq!(error, StrategyError::FitnessCount { least: 10, most: 40, found });
        assert_eq!(search.state(), before);
    }
    search.tell(&[1.0; 12]).unwrap();
}

#[test]
fn a_largest_population_out_of_range_is_refused() {
    for name in ["open_es", "pgpe", "snes", "ars", "ec"] {
        let config = StrategyConfig::from_name(name).unwrap();
        for most in [8, 11, 2_000_000] {
            let error = sized(&config, 10, Some(most)).unwrap().validate().unwrap_err().to_string();
            let expected = format!("strategy {name}: `max_population` is {most}, expected None, or an even");
            assert!(error.starts_with(&expected), "{error}");
        }
    }
    let ec = sized(&StrategyConfig::from_name("ec").unwrap(), 7, Some(10)).unwrap();
    let error = ec.validate().unwrap_err().to_string();
    assert!(error.contains("`population` is 7, expected an even number with `max_population`"), "{error}");
    let snes: StrategyConfig = serde_json::from_str(r#"{"Snes": {"max_population": 10}}"#).unwrap();
    let error = snes.validate().unwrap_err().to_string();
    assert!(error.contains("`max_population` is 10, expected None, unless `population` is set"), "{error}");
}

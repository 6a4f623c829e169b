//! Strategies with an archive, which must be told descriptors.

use strategies::functions::Function;
use strategies::{
    Archive, CmaEsConfig, CmaMaeConfig, CmaMeConfig, Data, Layout, MapElitesConfig, Real, Search,
    StrategyConfig, StrategyError, Tensor, projection,
};

use super::{mean, minus, population};

/// Each of them, with grids and centroids, for members of `n` parameters and descriptors by [`projection`].
fn all(n: usize) -> Vec<StrategyConfig> {
    let grid = Layout::Grid { cells: vec![10, 12] };
    let map_elites = MapElitesConfig {
        population: 40,
        iso_sigma: 1.0,
        archive: grid.clone(),
        ..MapElitesConfig::default()
    };
    let wide = MapElitesConfig {
        archive: Layout::Cvt { cells: 50 },
        iso_sigma: 1.0,
        line_sigma: 0.0,
        ..map_elites.clone()
    };
    let cma_me = CmaMeConfig {
        population: 40,
        emitters: Some(3),
        archive: grid,
        qd_offset: -1e6,
        ..CmaMeConfig::default()
    };
    let separable = CmaMeConfig { separable: true, archive: Layout::Cvt { cells: 50 }, ..cma_me.clone() };
    let cma_mae = CmaMaeConfig {
        population: 40,
        emitters: Some(3),
        archive: cma_me.archive.clone(),
        ..CmaMaeConfig::default()
    };
    let told =
        CmaMaeConfig { threshold_min: Some(-1e3), threshold_rate: 0.5, separable: true, ..cma_mae.clone() };
    [
        StrategyConfig::MapElites(map_elites),
        StrategyConfig::MapElites(wide),
        StrategyConfig::CmaMe(cma_me),
        StrategyConfig::CmaMe(separable),
        StrategyConfig::CmaMae(cma_mae),
        StrategyConfig::CmaMae(told),
    ]
    .map(|config| config.with_ranges(&projection::ranges(n)))
    .to_vec()
}

fn begin<R: Real>(config: &StrategyConfig, x: f64, n: usize, seed: u64) -> Search<R> {
    config.build(&vec![x; n], seed).unwrap()
}

fn described(members: &[Vec<f64>]) -> Vec<f64> {
    members.iter().flat_map(|x| projection::descriptors(x)).collect()
}

/// One generation with fitness = f(x).
fn step<R: Real + Into<f64>>(search: &mut Search<R>, mut f: impl FnMut(&[f64]) -> f64) {
    let members = population(search);
    let fitness: Vec<f64> = members.iter().map(|x| f(x)).collect();
    search.tell_with(&fitness, &described(&members)).unwrap();
}

fn archive<R: Real>(search: &Search<R>) -> &Archive {
    search.archive().unwrap()
}

#[test]
fn archives_fill_and_become_better() {
    let f = minus(Function::Sphere, 6);
    for config in all(6) {
        let mut search: Search = begin(&config, 1.0, 6, 1);
        assert!(archive(&search).is_empty());
        assert_eq!(mean(&search), [1.0; 6], "the start, as long as there is no elite");
        step(&mut search, &f);
        let (covered, score) = (archive(&search).coverage(), archive(&search).qd_score());
        let first = archive(&search).best().unwrap().1.fitness;
        for _ in 0..60 {
            step(&mut search, &f);
        }
        let archive = archive(&search);
        assert!(archive.coverage() > 2.0 * covered, "{config:?}: {covered} to {}", archive.coverage());
        assert!(archive.coverage() > 0.12, "{config:?}: {}", archive.coverage());
        let positive = matches!(&config, StrategyConfig::CmaMe(_));
        assert!(!positive || archive.qd_score() > score, "with an offset below all fitness");
        let (_, best) = archive.best().unwrap();
        assert!(best.fitness > 0.8 * first, "{config:?}: {first} to {}", best.fitness);
        assert_eq!(mean(&search), best.parameters, "the mean is the best elite");
        assert_eq!(
            search.best().map(|(fitness, member)| (fitness, member.to_vec())),
            Some((best.fitness, best.parameters.clone()))
        );
        for (cell, elite) in archive.elites() {
            // What was told of a member belongs together.
            assert_eq!(elite.fitness, f(&elite.parameters));
            assert_eq!(elite.descriptors, projection::descriptors(&elite.parameters));
            assert_eq!(archive.cell(&elite.descriptors), cell);
        }
    }
}

#[test]
fn elites_of_single_precision_are_what_was_evaluated() {
    let f = minus(Function::Sphere, 5);
    for config in all(5) {
        let mut search: Search<f32> = begin(&config, 0.7, 5, 3);
        for _ in 0..9 {
            step(&mut search, &f);
        }
        for (_, elite) in archive(&search).elites() {
            let rounded: Vec<f64> = elite.parameters.iter().map(|&x| f64::from(x as f32)).collect();
            assert_eq!(elite.fitness, f(&rounded), "{config:?}");
        }
    }
}

#[test]
fn members_are_the_same_one_by_one_in_batches_and_when_asked_again() {
    for config in all(7) {
        let mut search: Search = begin(&config, 0.5, 7, 3);
        for _ in 0..5 {
            step(&mut search, |x| x[0]);
        }
        let whole = population(&mut search);
        assert_eq!(whole, population(&mut search), "asked again");
        let mut one = vec![0.0; 7];
        for (index, expected) in whole.iter().enumerate().rev() {
            search.member(index, &mut one);
            assert_eq!(&one, expected);
        }
        // Across the border between two emitters.
        let mut some = vec![0.0; 5 * 7];
        search.members(11, &mut some);
        assert_eq!(some, whole[11..16].concat());
        step(&mut search, |x| x[0]);
        assert_ne!(whole, population(&mut search), "a new generation has new members");
    }
}

#[test]
fn a_restored_search_goes_on_bit_for_bit() {
    fn check<R: Real + Into<f64> + PartialEq + std::fmt::Debug>(
        config: &StrategyConfig,
        mut search: Search<R>,
        mut resumed: Search<R>,
    ) {
        let f = minus(Function::Rosenbrock, 5);
        for round in 0..4 {
            let saved = search.state();
            resumed.restore(&saved).unwrap();
            assert_eq!(resumed.state(), saved);
            for _ in 0..[1, 15, 40, 1][round] {
                assert_eq!(population(&mut search), population(&mut resumed), "{config:?}");
                step(&mut search, &f);
                step(&mut resumed, &f);
            }
            assert_eq!(search.state(), resumed.state(), "{config:?}");
            assert_eq!(search.archive(), resumed.archive());
            assert_eq!(search.best(), resumed.best());
        }
        // Saved in the middle of a generation: that generation is asked again.
        search.ask();
        let members = population(&mut search);
        resumed.restore(&search.state()).unwrap();
        assert_eq!(population(&mut resumed), members);
    }
    for config in all(5) {
        // Another seed and start: the state brings its own.
        check::<f64>(&config, begin(&config, 0.0, 5, 10), begin(&config, 9.0, 5, 999));
        check::<f32>(&config, begin(&config, 0.0, 5, 10), begin(&config, 9.0, 5, 999));
    }
}

#[test]
fn a_state_that_does_not_fit_is_refused_and_changes_nothing() {
    for config in all(5) {
        let mut other: Search = begin(&config, 1.0, 5, 11);
        step(&mut other, |x| x[0]);
        let good = other.state();
        let mut search: Search = begin(&config, 0.5, 5, 12);
        let fresh = search.state();
        let mut refused = |broken: &strategies::State| {
            let error = search.restore(broken).unwrap_err().to_string();
            assert_eq!(search.state(), fresh, "{error}");
            error
        };
        for name in good.tensors.keys().filter(|name| !name.starts_with("best")) {
            let mut broken = good.clone();
            broken.tensors.remove(name);
            assert_eq!(refused(&broken), format!("saved search state: `{name}` is missing"));
            let mut broken = good.clone();
            let Some(Tensor { data: Data::F64(values), .. }) = broken.tensors.get_mut(name) else {
                panic!("{name} is f32")
            };
            *values.last_mut().unwrap() = f64::NAN;
            assert!(refused(&broken).contains(&format!("`{name}` is not finite: element ")));
        }
        for name in good.integers.keys() {
            let mut broken = good.clone();
            broken.integers.remove(name);
            assert_eq!(refused(&broken), format!("saved search state: `{name}` is missing"));
        }
        let mut broken = good.clone();
        broken.integers.insert("archive.elites".to_owned(), u64::MAX);
        assert!(refused(&broken).contains("has shape"));
        // An archive with other cells.
        let mut narrow: Search = begin(&config.with_ranges(&[(0.0, 1.0); 2]), 0.5, 5, 12);
        let error = narrow.restore(&good).unwrap_err().to_string();
        assert!(error.contains("`archive.cells` has cell") && error.contains("another shape"), "{error}");
    }
}

#[test]
fn the_number_of_threads_does_not_matter() {
    for config in all(300) {
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let mut search: Search = begin(&config, 1.0, 300, 13);
                for _ in 0..3 {
                    step(&mut search, |x| -x.iter().map(|x| x * x).sum::<f64>());
                }
                search.state()
            })
        };
        assert_eq!(run(1), run(2), "{config:?}");
    }
}

#[test]
fn failed_members_are_no_elites_and_a_descriptor_that_is_not_finite_is_a_failure() {
    for config in all(4) {
        let run = |by_fitness: bool| {
            let mut search: Search = begin(&config, 0.0, 4, 14);
            for _ in 0..20 {
                let members = population(&mut search);
                let mut fitness: Vec<f64> = members.iter().map(|x| x[0] - x[1].abs()).collect();
                let mut descriptors = described(&members);
                for winner in [0, 7, 39] {
                    match by_fitness {
                        true => fitness[winner] = f64::NAN,
                        false => (fitness[winner], descriptors[2 * winner + 1]) = (1e9, f64::INFINITY),
                    }
                }
                search.tell_with(&fitness, &descriptors).unwrap();
            }
            search
        };
        let failed = run(true);
        assert_eq!(failed.state(), run(false).state(), "{config:?}");
        assert!(archive(&failed).elites().all(|(_, elite)| elite.fitness < 1e9));
        let mut search: Search = begin(&config, 0.0, 4, 15);
        search.ask();
        let error = search.tell_with(&[1.0; 40], &[f64::NAN; 80]).unwrap_err();
        assert_eq!(error, StrategyError::NoFiniteFitness { generation: 0 });
        assert_eq!(search.state(), begin::<f64>(&config, 0.0, 4, 15).state());
    }
}

#[test]
fn a_flat_fitness_is_explored_without_leaving_the_finite_numbers() {
    for config in all(4) {
        let mut search: Search = begin(&config, 0.0, 4, 14);
        for _ in 0..200 {
            step(&mut search, |_| 3.0);
        }
        assert!(archive(&search).coverage() > 0.3, "{config:?}: {}", archive(&search).coverage());
        assert!(population(&mut search).concat().iter().all(|x| x.is_finite()));
        assert!(search.sigma() < 100.0, "{config:?}: {}", search.sigma());
    }
}

#[test]
fn the_wrong_number_of_descriptors_is_refused() {
    for config in all(4) {
        let mut search: Search = begin(&config, 0.0, 4, 1);
        assert_eq!(search.descriptors(), 2);
        search.ask();
        for found in [0, 40, 81] {
            let error = search.tell_with(&[0.0; 40], &vec![0.0; found]).unwrap_err().to_string();
            let needs = format!("strategy {} needs 2 descriptors for each of 40 members", config.name());
            assert_eq!(error, format!("{needs}: got {found} values"));
        }
        search.tell_with(&[0.0; 40], &[0.0; 80]).unwrap();
    }
    let mut search: Search = Search::new(&CmaEsConfig::default(), &[0.0; 3], 1).unwrap();
    search.ask();
    let count = search.population();
    let error = search.tell_with(&vec![0.0; count], &vec![0.0; 2 * count]).unwrap_err();
    assert_eq!(error.to_string(), "strategy cma_es takes no descriptors");
    assert!(search.archive().is_none());
}

#[test]
fn bad_settings_are_errors_that_name_the_field() {
    let cases = [
        (r#"{"MapElites": {"population": 0}}"#, "`population` is 0"),
        (r#"{"MapElites": {"sigma": 0}}"#, "`sigma` is 0"),
        (r#"{"MapElites": {"iso_sigma": -1}}"#, "`iso_sigma` is -1"),
        (r#"{"MapElites": {"line_sigma": -1}}"#, "`line_sigma` is -1"),
        (
            r#"{"MapElites": {"ranges": [[1, 1]]}}"#,
            "`ranges` is (1.0, 1.0), expected finite numbers (low, high)",
        ),
        (
            r#"{"MapElites": {"descriptors": ["a"], "ranges": [[0, 1], [0, 1]]}}"#,
            "a range for each of `descriptors`",
        ),
        (r#"{"MapElites": {"archive": {"Grid": {"cells": [4, 0]}}}}"#, "`archive` is Grid(cells: [4, 0])"),
        (r#"{"MapElites": {"archive": {"Grid": {"cells": [2000, 2000]}}}}"#, "a product up to 1048576"),
        (
            r#"{"MapElites": {"ranges": [[0, 1]], "archive": {"Grid": {"cells": [4, 4]}}}}"#,
            "a number of cells for each descriptor",
        ),
        (
            r#"{"MapElites": {"archive": {"Cvt": {"cells": 0}}}}"#,
            "`archive` is Cvt(cells: 0), expected 1 to 16384",
        ),
        (r#"{"CmaMe": {"population": 1}}"#, "`population` is 1"),
        (
            r#"{"CmaMe": {"population": 10, "emitters": 6}}"#,
            "`emitters` is 6, expected None, or an integer ≥ 1",
        ),
        (r#"{"CmaMe": {"sigma": -1}}"#, "`sigma` is -1"),
        (r#"{"CmaMae": {"threshold_rate": 1.5}}"#, "`threshold_rate` is 1.5, expected a number from 0 to 1"),
        (r#"{"CmaMae": {"max_dimension": 0}}"#, "`max_dimension` is 0"),
    ];
    for (text, message) in cases {
        let config: StrategyConfig = serde_json::from_str(text).unwrap();
        let error = config.build::<f64>(&[0.0; 3], 1).err().unwrap();
        assert_eq!(config.validate(), Err(error.clone()));
        let error = error.to_string();
        assert!(error.contains(message) && error.contains(config.name()), "{error}");
    }
    // Only a task knows ranges that a config does not tell.
    for name in ["map_elites", "cma_me", "cma_mae"] {
        let config = StrategyConfig::from_name(name).unwrap();
        assert_eq!(config.validate(), Ok(()));
        let error = config.build::<f64>(&[0.0; 3], 1).err().unwrap().to_string();
        assert!(
            error.contains("`ranges` is [], expected the range (low, high) of each descriptor"),
            "{error}"
        );
    }
    let config = CmaMeConfig { max_dimension: 10, ranges: vec![(0.0, 1.0)], ..CmaMeConfig::default() };
    let error = StrategyConfig::CmaMe(config.clone()).build::<f64>(&[0.0; 11], 1).err().unwrap();
    assert!(matches!(error, StrategyError::TooManyParameters { dimension: 11, .. }), "{error}");
    let separable = CmaMeConfig { separable: true, ..config };
    assert!(StrategyConfig::CmaMe(separable).build::<f64>(&[0.0; 11], 1).is_ok());
}

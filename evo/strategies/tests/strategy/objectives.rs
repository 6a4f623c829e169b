//! Strategies with several objectives.

#![expect(clippy::print_stdout, reason = "what is measured is shown with --nocapture")]

use strategies::functions::rotation;
use strategies::{Front, MoCmaEsConfig, Nsga2Config, Real, Search, StrategyConfig, StrategyError};

use super::{mean, middle, population, reference};

fn all() -> Vec<StrategyConfig> {
    let nsga2 = Nsga2Config { population: 40, ..Nsga2Config::default() };
    let bounds = Nsga2Config { bounds: Some((-4.0, 5.0)), reference: vec![-50.0, -50.0], ..nsga2.clone() };
    let objectives = ["return", "energy", "speed"].map(str::to_owned).to_vec();
    let mo_cma_es = MoCmaEsConfig { population: 20, ..MoCmaEsConfig::default() };
    vec![
        StrategyConfig::Nsga2(nsga2),
        StrategyConfig::Nsga2(bounds),
        StrategyConfig::MoCmaEs(mo_cma_es.clone()),
        StrategyConfig::MoCmaEs(MoCmaEsConfig { objectives, ..mo_cma_es }),
    ]
}

/// Distances from two places, and how far along the second coordinate.
fn values(x: &[f64], count: usize) -> Vec<f64> {
    let square = |to: f64| -x.iter().map(|x| (x - to) * (x - to)).sum::<f64>();
    [square(0.0), square(2.0), -x[1].abs()][..count].to_vec()
}

fn step<R: Real + Into<f64>>(search: &mut Search<R>, mut of: impl FnMut(&[f64]) -> Vec<f64>) {
    let told: Vec<Vec<f64>> = population(search).iter().map(|x| of(x)).collect();
    let fitness: Vec<f64> = told.iter().map(|values| values[0]).collect();
    search.tell_with(&fitness, &told.concat()).unwrap();
}

fn front<R: Real>(search: &Search<R>) -> Front {
    search.front().unwrap()
}

#[test]
fn fronts_spread_between_the_best_places() {
    for config in all() {
        let mut search: Search = config.build(&[1.0; 4], 1).unwrap();
        let count = search.descriptors();
        assert!(front(&search).points.is_empty() && front(&search).hypervolume() == 0.0);
        step(&mut search, |x| values(x, count));
        let first = front(&search).hypervolume();
        for _ in 0..150 {
            step(&mut search, |x| values(x, count));
        }
        let front = front(&search);
        assert!(front.hypervolume() > first, "{config:?}: {first} to {}", front.hypervolume());
        assert!(front.points.len() >= 15, "{}", front.points.len());
        for point in &front.points {
            assert_eq!(point.values, values(&point.parameters, count), "what belongs together");
            let better =
                |other: &[f64]| other.iter().zip(&point.values).all(|(a, b)| a >= b) && other != point.values;
            assert!(!front.points.iter().any(|other| better(&other.values)), "{point:?}");
        }
        let (best, worst) = (&front.points[0], &front.points[front.points.len() - 1]);
        assert!(best.values[0] > -1.0 && worst.values[0] < -9.0, "{best:?} {worst:?}");
        assert_eq!(mean(&search), best.parameters, "the mean is the best one of the first objective");
    }
}

#[test]
fn a_restored_search_goes_on_bit_for_bit() {
    fn check<R: Real + Into<f64> + PartialEq + std::fmt::Debug>(
        mut search: Search<R>,
        mut resumed: Search<R>,
    ) {
        let count = search.descriptors();
        for generation in 0..30 {
            if generation % 7 == 0 {
                resumed.restore(&search.state()).unwrap();
                assert_eq!(resumed.state(), search.state());
                assert_eq!(front(&search), front(&resumed));
            }
            assert_eq!(population(&mut search), population(&mut resumed));
            step(&mut search, |x| values(x, count));
            step(&mut resumed, |x| values(x, count));
        }
        assert_eq!(search.state(), resumed.state());
        let fresh = resumed.state();
        for name in fresh.tensors.keys().filter(|name| !name.starts_with("best")) {
            let mut broken = fresh.clone();
            broken.tensors.remove(name);
            let error = resumed.restore(&broken).unwrap_err().to_string();
            assert_eq!(error, format!("saved search state: `{name}` is missing"));
            assert_eq!(resumed.state(), fresh, "{name}");
        }
    }
    for config in all() {
        let build = |x, seed| config.build::<f64>(&[x; 5], seed).unwrap();
        check(build(1.0, 1), build(0.0, 2));
        let build = |x, seed| config.build::<f32>(&[x; 5], seed).unwrap();
        check(build(1.0, 1), build(0.0, 2));
    }
}

#[test]
fn the_number_of_threads_does_not_matter_and_members_can_be_asked_for_one_by_one() {
    for config in all() {
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let mut search: Search = config.build(&[1.0; 130], 1).unwrap();
                let count = search.descriptors();
                (0..3).for_each(|_| step(&mut search, |x| values(x, count)));
                search
            })
        };
        let mut search = run(1);
        assert_eq!(search.state(), run(2).state(), "{config:?}");
        let whole = population(&mut search);
        assert_eq!(whole, population(&mut search));
        let mut one = vec![0.0; 130];
        for (index, expected) in whole.iter().enumerate().rev() {
            search.member(index, &mut one);
            assert_eq!(&one, expected);
        }
    }
}

#[test]
fn failed_members_are_never_on_the_front() {
    for config in all() {
        let mut search: Search = config.build(&[1.0; 4], 3).unwrap();
        let count = search.descriptors();
        assert!(matches!(
            {
                search.ask();
                search.tell(&vec![0.0; search.population()])
            },
            Err(StrategyError::Descriptors { .. })
        ));
        for _ in 0..20 {
            let failed = |x: &[f64]| x[0] > 1.2;
            step(&mut search, |x| if failed(x) { vec![f64::NAN; count] } else { values(x, count) });
            assert!(front(&search).points.iter().all(|point| !failed(&point.parameters)));
        }
        assert_eq!(search.state().check_finite(), Ok(()));
        assert!(!front(&search).points.is_empty());
        // A plateau is one, too.
        (0..20).for_each(|_| step(&mut search, |_| vec![1.0; count]));
        assert!(mean(&search).iter().all(|x| x.is_finite()));
    }
}

#[test]
fn a_shift_moves_what_is_kept() {
    for config in all() {
        let mut search: Search = config.build(&[1.0; 4], 3).unwrap();
        let count = search.descriptors();
        (0..5).for_each(|_| step(&mut search, |x| values(x, count)));
        let (old, before) = (mean(&search), front(&search));
        search.shift(&[0.5, -1.0, 0.0, 0.25]).unwrap();
        let moved: Vec<f64> = old.iter().zip([0.5, -1.0, 0.0, 0.25]).map(|(x, by)| x + by).collect();
        assert_eq!(mean(&search), moved);
        assert_eq!(front(&search).hypervolume(), before.hypervolume());
    }
}

/// The functions ZDT1 to 3 (Zitzler, Deb and Thiele 2000), to be minimised.
fn zdt(name: &str, x: &[f64]) -> [f64; 2] {
    let g = 1.0 + 9.0 * x[1..].iter().sum::<f64>() / (x.len() - 1) as f64;
    let ratio = x[0] / g;
    let h = match name {
        "zdt1" => 1.0 - ratio.sqrt(),
        "zdt2" => 1.0 - ratio * ratio,
        _ => 1.0 - ratio.sqrt() - ratio * (10.0 * std::f64::consts::PI * x[0]).sin(),
    };
    [x[0], g * h]
}

/// Hypervolumes over five seeds after some generations, beside those of a package over 15: medians must be above its lowest
/// one.
fn compare(file: &str, run: impl Fn(&str, u64, &[u64]) -> Vec<f64>) {
    let data = reference(file);
    let generations: Vec<u64> =
        data["generations"].as_array().unwrap().iter().map(|g| g.as_u64().unwrap()).collect();
    for (name, row) in data["results"].as_object().unwrap() {
        let runs: Vec<Vec<f64>> = (1..=5).map(|seed| run(name, seed, &generations)).collect();
        for place in 0..generations.len() {
            let of = |runs: &[Vec<f64>]| runs.iter().map(|run| run[place]).collect::<Vec<f64>>();
            let lowest = of(&runs).into_iter().fold(f64::INFINITY, f64::min);
            let (ours, theirs) = (middle(of(&runs)), row["median"][place].as_f64().unwrap());
            let least = row["lowest"][place].as_f64().unwrap();
            println!(
                "{name} {}: {ours:.4} from {lowest:.4}; {theirs:.4} from {least:.4}",
                generations[place]
            );
            assert!(ours > 0.999 * least, "{name} {place}: {ours} {least}");
        }
    }
}

#[test]
fn nsga2_covers_as_much_as_that_of_pymoo() {
    compare("nsga2.json", |name, seed, generations| {
        let config = Nsga2Config {
            objectives: vec!["a".to_owned(), "b".to_owned()],
            reference: vec![-1.1, -7.0],
            bounds: Some((0.0, 1.0)),
            ..Nsga2Config::default()
        };
        let mut search: Search = StrategyConfig::Nsga2(config).build(&[0.5; 30], seed).unwrap();
        volumes(&mut search, generations, |x| zdt(name, x).map(|f| -f).to_vec())
    });
}

#[test]
fn mo_cma_es_covers_as_much_as_that_of_deap() {
    let data = reference("mo_cma_es.json");
    let n = data["n"].as_u64().unwrap() as usize;
    let turn = rotation(n);
    compare("mo_cma_es.json", |name, seed, generations| {
        let config = MoCmaEsConfig {
            objectives: vec!["a".to_owned(), "b".to_owned()],
            reference: vec![-5.0, -5.0],
            population: data["population"].as_u64().unwrap() as usize,
            sigma: data["sigma"].as_f64().unwrap(),
            ..MoCmaEsConfig::default()
        };
        let weight = |i: usize| match (name, i) {
            ("cigtab1", 0) => 1.0,
            ("cigtab1", i) if i + 1 < n => 1e3,
            ("cigtab1", _) => 1e6,
            _ => 1e3_f64.powf(2.0 * i as f64 / (n - 1) as f64),
        };
        let valley = |x: &[f64], to: f64| {
            let turned = turn.chunks(n).map(|row| row.iter().zip(x).map(|(r, x)| r * x).sum::<f64>());
            -turned.enumerate().map(|(i, y)| weight(i) * (y - to) * (y - to)).sum::<f64>() / (1e6 * n as f64)
        };
        let mut search: Search = StrategyConfig::MoCmaEs(config).build(&vec![0.0; n], seed).unwrap();
        volumes(&mut search, generations, |x| vec![valley(x, 0.0), valley(x, 2.0)])
    });
}

fn volumes(search: &mut Search, generations: &[u64], of: impl Fn(&[f64]) -> Vec<f64>) -> Vec<f64> {
    let mut found = Vec::new();
    while search.generation() < generations[generations.len() - 1] {
        step(search, &of);
        if generations.contains(&search.generation()) {
            found.push(front(search).hypervolume());
        }
    }
    found
}

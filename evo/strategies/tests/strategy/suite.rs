//! One suite over every strategy.

use strategies::bench::{self, BenchArgs};
use strategies::functions::{Function, Problem};
use strategies::{
    ArsConfig, BoundedConfig, CmaEsConfig, CrFmNesConfig, Data, DeBase, DeConfig, DiscreteConfig, EcConfig,
    GaConfig, LmMaEsConfig, LowRankEsConfig, OpenEsConfig, OptimizerConfig, PgpeConfig, PsoConfig,
    RandomSearchConfig, Real, ReevaluatedConfig, Registered, RestartScheme, RestartsConfig, Schedule, Search,
    SepCmaEsConfig, Shaping, SnesConfig, StrategyConfig, StrategyError, Tensor, TrustRegion, XnesConfig,
    strategies,
};

use super::cem::CemConfig;
use super::{mean, minus, population, step};

/// Every strategy, with settings for problems of a few parameters.
pub fn all() -> Vec<StrategyConfig> {
    super::registry::register_cem();
    let open_es = OpenEsConfig {
        population: 40,
        sigma: Some(0.1),
        optimizer: OptimizerConfig::adam(0.05),
        ..OpenEsConfig::default()
    };
    let sgd = OpenEsConfig {
        optimizer: OptimizerConfig::Sgd { learning_rate: 0.02, momentum: 0.5 },
        schedule: Schedule::Exponential { to: 0.1, generations: 300 },
        weight_decay: 1e-3,
        antithetic: false,
        shaping: Shaping::Standardised,
        ..open_es.clone()
    };
    let cma_es = CmaEsConfig { sigma: 0.3, ..CmaEsConfig::default() };
    let passive = CmaEsConfig { active: false, population: Some(20), ..cma_es.clone() };
    let sep = SepCmaEsConfig { sigma: 0.3, ..SepCmaEsConfig::default() };
    let passive_sep = SepCmaEsConfig { active: false, population: Some(20), ..sep.clone() };
    let pgpe = PgpeConfig {
        population: 40,
        sigma: Some(0.1),
        optimizer: OptimizerConfig::clip_up(0.03),
        ..PgpeConfig::default()
    };
    let raw_pgpe = PgpeConfig {
        optimizer: OptimizerConfig::adam(0.05),
        shaping: Shaping::Standardised,
        sigma_rate: 0.05,
        ..pgpe.clone()
    };
    let snes = SnesConfig { sigma: Some(0.3), ..SnesConfig::default() };
    let slow_snes =
        SnesConfig { population: Some(30), mean_rate: 0.7, sigma_rate: Some(0.1), ..snes.clone() };
    let xnes = XnesConfig { sigma: 0.3, ..XnesConfig::default() };
    let slow_xnes =
        XnesConfig { population: Some(30), mean_rate: 0.7, shape_rate: Some(0.1), ..xnes.clone() };
    let ars = ArsConfig {
        population: 40,
        sigma: Some(0.1),
        optimizer: OptimizerConfig::Sgd { learning_rate: 0.05, momentum: 0.0 },
        ..ArsConfig::default()
    };
    let adam_ars = ArsConfig { optimizer: OptimizerConfig::adam(0.05), elite_ratio: 1.0, ..ars.clone() };
    let ec = EcConfig { population: 40, ..EcConfig::default() };
    let satr = EcConfig {
        optimizer: OptimizerConfig::Sgd { learning_rate: 2.0, momentum: 0.5 },
        weight_decay: 1e-3,
        trust_region: Some(TrustRegion::Satr { kl_per_energy: 2.0 }),
        ..ec.clone()
    };
    let cem = CemConfig { population: 40, elite_ratio: 0.25, ..CemConfig::default() };
    let mut all = vec![
        StrategyConfig::OpenEs(open_es),
        StrategyConfig::OpenEs(sgd),
        StrategyConfig::CmaEs(cma_es.clone()),
        StrategyConfig::CmaEs(passive),
        StrategyConfig::SepCmaEs(sep),
        StrategyConfig::SepCmaEs(passive_sep),
        StrategyConfig::Pgpe(pgpe),
        StrategyConfig::Pgpe(raw_pgpe),
        StrategyConfig::Snes(snes.clone()),
        StrategyConfig::Snes(slow_snes),
        StrategyConfig::Xnes(xnes),
        StrategyConfig::Xnes(slow_xnes),
        StrategyConfig::Ars(ars),
        StrategyConfig::Ars(adam_ars),
        StrategyConfig::Ec(ec),
        StrategyConfig::Ec(satr),
    ];
    all.extend(without_gradients());
    let pso = StrategyConfig::Pso(PsoConfig { population: 40, ..PsoConfig::default() });
    all.extend(variants(&cma_es));
    let (cma_es, snes) = (Box::new(StrategyConfig::CmaEs(cma_es)), Box::new(StrategyConfig::Snes(snes)));
    let bipop = RestartsConfig { of: cma_es.clone(), spread: 1.0, ..RestartsConfig::default() };
    let (scheme, patience) = (RestartScheme::Ipop, Some(40));
    let ipop = RestartsConfig { of: snes, scheme, patience, factor: 1.5, ..RestartsConfig::default() };
    let boxed = BoundedConfig { of: cma_es, lower: vec![Some(-20.0)], upper: vec![Some(25.0)] };
    let half = BoundedConfig { of: Box::new(pso), lower: vec![Some(-30.0)], upper: Vec::new() };
    all.extend([
        StrategyConfig::Restarts(bipop),
        StrategyConfig::Restarts(ipop),
        StrategyConfig::Bounded(boxed),
        StrategyConfig::Bounded(half),
        StrategyConfig::Registered(Registered::new(cem)),
    ]);
    all
}

/// Options of CMA-ES, low-rank noise, and wrappers that change what is evaluated.
fn variants(cma_es: &CmaEsConfig) -> Vec<StrategyConfig> {
    let full = || Box::new(StrategyConfig::CmaEs(cma_es.clone()));
    let sep = Box::new(StrategyConfig::SepCmaEs(SepCmaEsConfig { sigma: 0.3, ..SepCmaEsConfig::default() }));
    let low_rank = LowRankEsConfig {
        population: 40,
        sigma: Some(0.1),
        optimizer: OptimizerConfig::adam(0.05),
        ..LowRankEsConfig::default()
    };
    let two = LowRankEsConfig {
        rank: 2,
        matrices: vec![(1, 3)],
        shaping: Shaping::Standardised,
        weight_decay: 1e-3,
        ..low_rank.clone()
    };
    let fine = DiscreteConfig { of: full(), steps: vec![Some(0.001)], ..DiscreteConfig::default() };
    let coarse = DiscreteConfig {
        of: sep.clone(),
        steps: vec![Some(0.005)],
        lower: vec![Some(-30.0)],
        upper: vec![Some(35.0)],
        margin: Some(0.02),
    };
    vec![
        StrategyConfig::CmaEs(CmaEsConfig { diagonal: 20, ..cma_es.clone() }),
        StrategyConfig::CmaEs(CmaEsConfig { adapt_rates: true, population: Some(12), ..cma_es.clone() }),
        StrategyConfig::LowRankEs(low_rank),
        StrategyConfig::LowRankEs(two),
        StrategyConfig::Discrete(fine),
        StrategyConfig::Discrete(coarse),
        StrategyConfig::Reevaluated(ReevaluatedConfig { of: full(), most: 4 }),
        StrategyConfig::Reevaluated(ReevaluatedConfig { of: sep, most: 1 }),
    ]
}

/// Those that keep members or a few directions.
fn without_gradients() -> Vec<StrategyConfig> {
    let lm_ma_es = LmMaEsConfig { sigma: 0.3, ..LmMaEsConfig::default() };
    let few = LmMaEsConfig { population: Some(20), vectors: Some(3), ..lm_ma_es.clone() };
    let cr_fm_nes = CrFmNesConfig { sigma: 0.3, ..CrFmNesConfig::default() };
    let many = CrFmNesConfig { population: Some(30), ..cr_fm_nes.clone() };
    let ga = GaConfig { population: 40, ..GaConfig::default() };
    let schedule = Schedule::Exponential { to: 0.1, generations: 300 };
    let crossing = GaConfig { crossover: 0.3, elitism: false, sigma_schedule: schedule, ..ga.clone() };
    let de = DeConfig { population: 40, ..DeConfig::default() };
    let random = DeConfig { base: DeBase::Random, weight: 0.5, ..de.clone() };
    let pso = PsoConfig { population: 40, ..PsoConfig::default() };
    let shared = PsoConfig { shared_draws: true, ..pso.clone() };
    let random_search = RandomSearchConfig { population: 40, sigma: 0.3 };
    let wide = RandomSearchConfig { population: 20, sigma: 1.0 };
    vec![
        StrategyConfig::LmMaEs(lm_ma_es),
        StrategyConfig::LmMaEs(few),
        StrategyConfig::CrFmNes(cr_fm_nes),
        StrategyConfig::CrFmNes(many),
        StrategyConfig::Ga(ga),
        StrategyConfig::Ga(crossing),
        StrategyConfig::De(de),
        StrategyConfig::De(random),
        StrategyConfig::Pso(pso),
        StrategyConfig::Pso(shared),
        StrategyConfig::RandomSearch(random_search),
        StrategyConfig::RandomSearch(wide),
    ]
}

/// Fitness that a search has reached: that of its mean, but where the mean starts anew.
fn reached(config: &StrategyConfig, search: &Search, f: impl Fn(&[f64]) -> f64) -> f64 {
    match config {
        StrategyConfig::Restarts(_) => search.best().unwrap().0,
        _ => f(&mean(search)),
    }
}

/// Whether it has n × n matrices.
fn is_full(config: &StrategyConfig) -> bool {
    match config {
        StrategyConfig::CmaEs(_) | StrategyConfig::Xnes(_) => true,
        StrategyConfig::Restarts(config) => is_full(&config.of),
        StrategyConfig::Bounded(config) => is_full(&config.of),
        StrategyConfig::Discrete(config) => is_full(&config.of),
        StrategyConfig::Reevaluated(config) => is_full(&config.of),
        _ => false,
    }
}

/// A search from a constant point, or from where the strategy starts by itself.
fn begin(config: &StrategyConfig, x: f64, n: usize, seed: u64) -> Search {
    config.build(&config.start(vec![x; n]), seed).unwrap()
}

/// Likewise, for a controller.
fn begin_f32(config: &StrategyConfig, x: f64, n: usize, seed: u64) -> Search<f32> {
    config.build(&config.start(vec![x; n]), seed).unwrap()
}

/// Whether only the order of fitness values counts.
fn ranks(config: &StrategyConfig) -> bool {
    match config {
        StrategyConfig::OpenEs(c) => c.shaping == Shaping::CentredRanks,
        StrategyConfig::Pgpe(c) => c.shaping == Shaping::CentredRanks,
        StrategyConfig::LowRankEs(c) => c.shaping == Shaping::CentredRanks,
        // Means are taken of fitness itself.
        StrategyConfig::Ars(_) | StrategyConfig::Reevaluated(_) => false,
        _ => true,
    }
}

#[test]
fn every_strategy_improves_on_smooth_functions() {
    let cases = [(Function::Sphere, 0.02), (Function::Ellipsoid, 0.1), (Function::Rosenbrock, 0.95)];
    for config in all() {
        for (function, part) in cases {
            let f = minus(function, 6);
            let mut search = begin(&config, function.start(), 6, 1);
            let start = f(&mean(&search));
            for _ in 0..300 {
                step(&mut search, &f);
            }
            let end = reached(&config, &search, &f);
            // What the others must be better than; the start of the valley is a good place already.
            let part = match (config.name(), function) {
                ("random_search", Function::Rosenbrock) => continue,
                ("random_search", _) => 1.0,
                _ => part,
            };
            assert!(end > part * start, "{config:?} on {}: {start} to {end}", function.name());
            let (best, member) = search.best().unwrap();
            assert_eq!(best, f(member), "the best member has the best fitness");
            assert_eq!(search.generation(), 300);
            let fixed = config.name() != "restarts";
            assert!(!fixed || search.evaluations() == 300 * search.population() as u64);
        }
    }
}

#[test]
fn fitness_is_maximised() {
    for config in all() {
        let mut search = begin(&config, 0.0, 3, 2);
        let start = mean(&search);
        for _ in 0..20 {
            step(&mut search, |x| x[0] - x[1]);
        }
        let mean = mean(&search);
        let found = match config {
            // It goes far along one direction, which need not be the steepest.
            StrategyConfig::LmMaEs(_) => mean[0] - mean[1] > start[0] - start[1] + 0.2,
            _ => mean[0] > start[0] + 0.1 && mean[1] < start[1] - 0.1,
        };
        assert!(found, "{config:?}: {mean:?}");
    }
}

#[test]
fn members_are_the_same_one_by_one_in_batches_and_when_asked_again() {
    fn check<R: Real + Into<f64>>(mut search: Search<R>) {
        step(&mut search, |x| x[0]);
        let whole = population(&mut search);
        assert_eq!(whole, population(&mut search), "asked again");
        let mut one = vec![R::default(); 7];
        for (index, expected) in whole.iter().enumerate().rev() {
            search.member(index, &mut one);
            assert!(one.iter().zip(expected).all(|(&a, &b)| a.into() == b));
        }
        // From an odd member on, and with an odd number of rows.
        let mut some = vec![R::default(); 5 * 7];
        search.members(1, &mut some);
        let flat: Vec<f64> = whole[1..6].concat();
        assert!(some.iter().zip(&flat).all(|(&a, &b)| a.into() == b));
        step(&mut search, |x| x[0]);
        assert_ne!(whole, population(&mut search), "a new generation has new members");
    }
    for config in all() {
        check(begin(&config, 0.5, 7, 3));
        check(begin_f32(&config, 0.5, 7, 3));
    }
}

#[test]
fn members_of_single_precision_are_those_of_double_precision_rounded() {
    for config in all() {
        let (mut double, mut single) = (begin(&config, 0.5, 300, 3), begin_f32(&config, 0.5, 300, 3));
        let mut rounded = 0;
        for (exact, x) in population(&mut double).concat().iter().zip(population(&mut single).concat()) {
            // Where f32 is calculated with, not just rounded to, another rounding or two.
            assert!((exact - x).abs() <= 2e-7 * (exact.abs() + 1.0), "{config:?}: {exact} {x}");
            rounded += usize::from(*exact != x);
        }
        // Draws of zeros and ones have nothing to round.
        assert_eq!(rounded > 0, config.name() != "ec", "{config:?}");
    }
}

#[test]
fn a_function_is_minimised_to_where_f32_could_not_tell_apart() {
    // Ill-conditioned, with its minimum at 1.
    let f = minus(Function::Rosenbrock, 4);
    for name in ["cma_es", "xnes"] {
        let mut search = begin(&StrategyConfig::from_name(name).unwrap(), 0.0, 4, 5);
        let mut told = 0;
        while search.best().is_none_or(|(best, _)| best < -1e-26) {
            step(&mut search, &f);
            told += 1;
            assert!(told < 5000, "{name}: {:?}", search.best());
        }
        let (_, member) = search.best().unwrap();
        assert!(member.iter().all(|x| (x - 1.0).abs() < 1e-11), "{name}: {member:?}");
        assert!(member.iter().any(|&x| f64::from(x as f32) != x), "{name}: {member:?}");
    }
}

#[test]
fn open_es_members_come_in_antithetic_pairs() {
    let config = OpenEsConfig { population: 10, sigma: Some(0.25), ..OpenEsConfig::default() };
    let mut search: Search = StrategyConfig::OpenEs(config).build(&[0.0; 100], 4).unwrap();
    let members = population(&mut search);
    for pair in members.chunks(2) {
        assert!(pair[0].iter().zip(&pair[1]).all(|(a, b)| *a == -b && *a != 0.0));
    }
    let variance = members.concat().iter().map(|x| x * x).sum::<f64>() / 1000.0;
    assert!((variance / 0.0625 - 1.0).abs() < 0.2, "{variance}");
}

#[test]
fn a_translated_problem_is_searched_the_same_way() {
    for config in all() {
        let config = match config {
            // Weight decay pulls toward the origin, by intention.
            StrategyConfig::OpenEs(c) => StrategyConfig::OpenEs(OpenEsConfig { weight_decay: 0.0, ..c }),
            StrategyConfig::LowRankEs(c) => {
                StrategyConfig::LowRankEs(LowRankEsConfig { weight_decay: 0.0, ..c })
            }
            // Its members are zeros and ones.
            StrategyConfig::Ec(_) => continue,
            other => other,
        };
        let shift = 3.0;
        let mut here = begin(&config, 1.0, 5, 6);
        let mut there = begin(&config, 1.0 + shift, 5, 6);
        let f = minus(Function::Ellipsoid, 5);
        for _ in 0..40 {
            step(&mut here, &f);
            step(&mut there, |x| f(&x.iter().map(|x| x - shift).collect::<Vec<_>>()));
        }
        for (a, b) in mean(&here).iter().zip(mean(&there)) {
            assert!((a + shift - b).abs() < 1e-4, "{config:?}: {a} {b}");
        }
    }
}

#[test]
fn a_shift_moves_the_mean_and_nothing_else() {
    for config in all() {
        let f = minus(Function::Ellipsoid, 5);
        let mut search = begin(&config, 1.0, 5, 6);
        for _ in 0..10 {
            step(&mut search, &f);
        }
        let (before, old) = (search.state(), mean(&search));
        let by = [0.25, -0.5, 0.0, 2.0, -0.125];
        let members = population(&mut search);
        search.shift(&by).unwrap();
        let moved = |x: f64, by: f64| match config {
            StrategyConfig::Ec(_) => (x + by).clamp(0.001, 0.999),
            _ => x + by,
        };
        for ((new, old), by) in mean(&search).iter().zip(old).zip(by) {
            assert!((new - moved(old, by)).abs() < 1e-6, "{config:?}: {new} from {old} by {by}");
        }
        let mut after = search.state();
        for name in ["mean", "p", "kept", "places", "start"] {
            if let Some(tensor) = before.tensors.get(name) {
                after.tensors.insert(name.to_owned(), tensor.clone());
            }
        }
        assert_eq!(after, before, "{config:?}");
        // Members of before are stale; new ones have moved as far.
        assert_eq!(search.tell(&vec![0.0; search.population()]), Err(StrategyError::TellBeforeAsk));
        let bounded = match &config {
            StrategyConfig::Ec(_) => true,
            StrategyConfig::Bounded(config) => !config.upper.is_empty(),
            _ => false,
        };
        for (new, old) in population(&mut search).concat().chunks(5).zip(members.concat().chunks(5)) {
            let moved = (0..5).all(|i| (new[i] - old[i] - by[i]).abs() < 1e-5);
            assert!(bounded || moved, "{config:?}: {new:?} from {old:?}");
        }
        let diverged = search.shift(&[f64::INFINITY; 5]);
        assert_eq!(diverged, if bounded { Ok(()) } else { Err(StrategyError::Diverged { generation: 10 }) });
    }
}

#[test]
fn only_the_order_of_fitness_counts_where_ranks_are_used() {
    for config in all() {
        if !ranks(&config) {
            continue;
        }
        let mut plain = begin(&config, 1.0, 4, 7);
        let mut stretched = begin(&config, 1.0, 4, 7);
        let f = minus(Function::Rosenbrock, 4);
        for _ in 0..30 {
            step(&mut plain, &f);
            step(&mut stretched, |x| f(x).cbrt() * 1e6 + 17.0);
        }
        assert_eq!(mean(&plain), mean(&stretched), "{config:?}");
    }
}

#[test]
fn nothing_breaks_long_after_convergence() {
    for config in all() {
        for function in [Function::Sphere, Function::Ellipsoid] {
            let mut search = begin(&config, 2.0, 4, 8);
            let f = minus(function, 4);
            let start = f(&mean(&search));
            for _ in 0..2500 {
                step(&mut search, &f);
            }
            let value = reached(&config, &search, &f);
            // Constant noise keeps the others at a distance.
            let converges = ["cma_es", "sep_cma_es", "snes", "xnes"].contains(&config.name());
            let part = match config.name() {
                "random_search" => 1.0,
                _ if converges => 1e-25,
                _ => 1e-3,
            };
            assert!(value > part * start, "{config:?}: {value}");
            // A run of restarts may be at its beginning.
            let most = if config.name() == "restarts" { 100.0 } else { 1.0 };
            assert!(search.sigma() > 0.0 && search.sigma() <= most, "{config:?}: {}", search.sigma());
            assert!(population(&mut search).concat().iter().all(|x| x.is_finite()));
            let state = search.state();
            assert!(state.reals.values().all(|value| value.is_finite()));
        }
    }
}

#[test]
fn a_flat_fitness_moves_nothing_to_nan() {
    for config in all() {
        let mut search = begin(&config, 1.0, 3, 9);
        for _ in 0..50 {
            step(&mut search, |_| 3.0);
        }
        assert!(mean(&search).iter().all(|x| x.is_finite()), "{config:?}");
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
        for _ in 0..17 {
            step(&mut search, &f);
        }
        let saved = search.state();
        resumed.restore(&saved).unwrap();
        assert_eq!(resumed.state(), saved);
        for _ in 0..40 {
            assert_eq!(population(&mut search), population(&mut resumed));
            step(&mut search, &f);
            step(&mut resumed, &f);
        }
        assert_eq!(search.state(), resumed.state(), "{config:?}");
        assert_eq!(search.best(), resumed.best());
        assert_eq!(search.stop_reason(), resumed.stop_reason());
        // Saved in the middle of a generation: that generation is asked again.
        search.ask();
        let members = population(&mut search);
        resumed.restore(&search.state()).unwrap();
        assert_eq!(population(&mut resumed), members);
    }
    for config in all() {
        // Another seed and start: the state brings its own.
        check(&config, begin(&config, 0.0, 5, 10), begin(&config, 9.0, 5, 999));
        check(&config, begin_f32(&config, 0.0, 5, 10), begin_f32(&config, 9.0, 5, 999));
    }
}

#[test]
fn a_state_that_does_not_fit_is_refused_and_changes_nothing() {
    for config in all() {
        let mut other = begin(&config, 1.0, 5, 11);
        step(&mut other, |x| x[0]);
        let good = other.state();
        let mut search = begin(&config, 0.0, 4, 12);
        let before = search.state();
        let error = search.restore(&good).unwrap_err().to_string();
        assert!(error.contains("shape [5], expected [4]"), "{error}");
        let mut search = begin(&config, 0.0, 5, 12);
        let fresh = search.state();
        for name in good.tensors.keys().filter(|name| !name.starts_with("best")) {
            let mut broken = good.clone();
            broken.tensors.remove(name);
            let error = search.restore(&broken).unwrap_err().to_string();
            assert_eq!(error, format!("saved search state: `{name}` is missing"));
            assert_eq!(search.state(), fresh, "{name}");
        }
        let mut foreign = good.clone();
        foreign.strategy = "another".to_owned();
        let error = search.restore(&foreign).unwrap_err().to_string();
        assert!(error.contains("\"another\"") && error.contains(config.name()), "{error}");
        let mut wrong = good.clone();
        wrong.integers.insert("population".to_owned(), 1000);
        assert!(search.restore(&wrong).unwrap_err().to_string().contains("is 1000"));
        assert_eq!(search.state(), fresh);
        assert_eq!(before.strategy, config.name());
    }
}

#[test]
fn a_state_that_is_not_finite_is_refused_and_changes_nothing() {
    for config in all() {
        let mut other = begin(&config, 0.5, 5, 11);
        step(&mut other, |x| x[0]);
        let good = other.state();
        assert_eq!(good.check_finite(), Ok(()));
        let mut search = begin(&config, 0.5, 5, 12);
        let fresh = search.state();
        for name in good.tensors.keys() {
            for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                let mut broken = good.clone();
                let Some(Tensor { data: Data::F64(values), .. }) = broken.tensors.get_mut(name) else {
                    panic!("{name} is f32")
                };
                let Some(last) = values.last_mut() else { continue };
                *last = bad;
                let error = search.restore(&broken).unwrap_err().to_string();
                let start = format!("saved search state: `{name}` is not finite: element ");
                assert!(error.starts_with(&start), "{error}");
                assert_eq!(search.state(), fresh, "{name}");
            }
        }
        for name in good.reals.keys() {
            let mut broken = good.clone();
            broken.reals.insert(name.clone(), f64::NAN);
            let error = search.restore(&broken).unwrap_err().to_string();
            assert_eq!(error, format!("saved search state: `{name}` is NaN"));
        }
        assert_eq!(search.state(), fresh);
    }
}

/// The further out the better, until members leave the numbers of single precision: then these fail.
#[test]
fn what_cannot_diverge_stays_where_members_are_finite() {
    let mut tried = 0;
    for config in all() {
        let mut search = begin_f32(&config, 1.0, 5, 3);
        // Wrapped ones begin anew, or have bounds.
        if search.can_diverge() || ["restarts", "bounded"].contains(&config.name()) {
            continue;
        }
        tried += 1;
        let error = (0..5000).find_map(|_| {
            let fitness: Vec<f64> = population(&mut search).iter().map(|x| x.iter().sum()).collect();
            search.tell(&fitness).err()
        });
        let failed = matches!(error, None | Some(StrategyError::NoFiniteFitness { .. }));
        assert!(failed, "{config:?}: {error:?}");
        let mut mean = vec![0.0; 5];
        search.mean(&mut mean);
        assert!(mean.iter().any(|x| x.abs() > 1e36), "{config:?} has come as far as {mean:?}");
        assert_eq!(search.state().check_finite(), Ok(()));
    }
    assert!(tried >= 1, "that with the largest state");
}

#[test]
fn a_search_that_diverges_goes_on_from_the_state_before() {
    let optimizer = OptimizerConfig::Sgd { learning_rate: 1e12, momentum: 0.99 };
    let config = OpenEsConfig { optimizer, weight_decay: 1e-3, ..OpenEsConfig::default() };
    let mut search = begin_f32(&StrategyConfig::OpenEs(config), 1.0, 5, 1);
    let tell = |search: &mut Search<f32>| {
        let fitness: Vec<f64> = population(search).iter().map(|x| x[0]).collect();
        search.tell(&fitness)
    };
    let before = loop {
        let before = search.state();
        if let Err(error) = tell(&mut search) {
            assert!(matches!(error, StrategyError::Diverged { .. }), "{error}");
            break before;
        }
    };
    search.restore(&before).unwrap();
    assert_eq!(search.state(), before);
    let mut mean = vec![0.0; 5];
    search.mean(&mut mean);
    assert!(search.generation() > 1 && mean.iter().all(|x| x.is_finite()), "{mean:?}");
    assert!(tell(&mut search).is_err(), "the same step again");
}

#[test]
fn the_number_of_threads_does_not_matter() {
    for config in all() {
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                // Large enough that members and gradient are made in parallel.
                let n = if is_full(&config) { 300 } else { 5000 };
                let mut search = begin(&config, 1.0, n, 13);
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
fn failed_members_rank_last_and_never_win() {
    for config in all() {
        // The three members that climb highest get this instead of their fitness.
        let run = |replacement: f64| {
            let mut search = begin(&config, 0.0, 4, 14);
            for _ in 0..20 {
                let members = population(&mut search);
                let mut fitness: Vec<f64> = members.iter().map(|x| x[0] - x[1].abs()).collect();
                let mut order: Vec<usize> = (0..fitness.len()).collect();
                order.sort_by(|&a, &b| members[b][0].total_cmp(&members[a][0]));
                for &winner in &order[..3] {
                    fitness[winner] = replacement;
                }
                let best = fitness.iter().copied().filter(|f| f.is_finite()).fold(f64::MIN, f64::max);
                search.tell(&fitness).unwrap();
                assert!(search.best().unwrap().0 >= best);
            }
            assert!(search.best().unwrap().0.is_finite());
            search
        };
        let failed = run(f64::NAN);
        assert_eq!(failed.state(), run(f64::INFINITY).state(), "{config:?}");
        assert_eq!(failed.state(), run(f64::NEG_INFINITY).state(), "{config:?}");
        assert!(failed.best().unwrap().0 < run(1e9).best().unwrap().0);
        if ranks(&config) {
            assert_eq!(mean(&failed), mean(&run(-1e9)), "as the worst ranks: {config:?}");
        }
    }
}

#[test]
fn a_generation_of_failures_is_an_error_and_can_be_told_again() {
    for config in all() {
        let mut search = begin(&config, 0.0, 4, 15);
        step(&mut search, |x| x[0]);
        let before = search.state();
        search.ask();
        let count = search.population();
        let error = search.tell(&vec![f64::NAN; count]).unwrap_err();
        assert_eq!(error, StrategyError::NoFiniteFitness { generation: 1 });
        assert_eq!(search.state(), before);
        let error = search.tell(&[1.0]).unwrap_err();
        assert_eq!(error, StrategyError::FitnessLength { expected: count, found: 1 });
        search.tell(&vec![1.0; count]).unwrap();
        assert_eq!(search.tell(&vec![1.0; count]), Err(StrategyError::TellBeforeAsk));
    }
}

fn read(text: &str) -> Result<StrategyConfig, String> {
    let extensions =
        ron::extensions::Extensions::UNWRAP_VARIANT_NEWTYPES | ron::extensions::Extensions::IMPLICIT_SOME;
    ron::Options::default()
        .with_default_extension(extensions)
        .from_str(text)
        .map_err(|error| error.to_string())
}

#[test]
fn bad_settings_are_errors_that_name_the_field() {
    let cases = [
        ("OpenEs(population: 0)", "`population` is 0"),
        ("OpenEs(population: 7)", "`population` is 7"),
        ("OpenEs(sigma: 0)", "`sigma` is 0"),
        ("OpenEs(sigma: NaN)", "`sigma` is NaN"),
        ("OpenEs(sigma: inf)", "`sigma` is inf"),
        ("OpenEs(weight_decay: -1)", "`weight_decay` is -1"),
        ("OpenEs(schedule: Linear(to: -0.5, generations: 3))", "`schedule` is -0.5"),
        (
            "OpenEs(schedule: Exponential(to: 0.5, generations: 0))",
            "`schedule` is 0, expected an integer ≥ 1",
        ),
        ("OpenEs(optimizer: Adam(learning_rate: NaN))", "`optimizer.learning_rate` is NaN"),
        ("OpenEs(optimizer: Adam(beta1: 1))", "`optimizer.beta1` is 1"),
        ("OpenEs(optimizer: Adam(beta2: -0.1))", "`optimizer.beta2` is -0.1"),
        ("OpenEs(optimizer: Adam(epsilon: 0))", "`optimizer.epsilon` is 0"),
        ("OpenEs(optimizer: Sgd(momentum: 2))", "`optimizer.momentum` is 2"),
        ("OpenEs(optimizer: ClipUp(max_speed: 0))", "`optimizer.max_speed` is 0"),
        ("OpenEs(sigma: 0.1, radius: 2)", "`radius` is 2, expected None while `sigma` is set"),
        ("Snes(radius: 2, action_sigma: 0.1)", "`action_sigma` is 0.1, expected None while `radius` is set"),
        ("Ars(sigma: 0.1, action_sigma: 0.2)", "`action_sigma` is 0.2, expected None while `sigma` is set"),
        ("Pgpe(radius: 0)", "`radius` is 0, expected a finite number > 0"),
        ("OpenEs(sigma_schedule: Linear(to: 0, generations: 9))", "`sigma_schedule` is 0, expected a finite"),
        ("Ars(sigma_schedule: Exponential(to: -1, generations: 9))", "`sigma_schedule` is -1"),
        ("Ars(schedule: Linear(to: NaN, generations: 9))", "`schedule` is NaN"),
        ("Ec(schedule: Linear(to: 1, generations: 0))", "`schedule` is 0, expected an integer ≥ 1"),
        (
            "Snes(schedule: Exponential(to: 0, generations: 9))",
            "`schedule` is 0, expected a finite number > 0",
        ),
        ("CmaEs(population: 1)", "`population` is 1"),
        ("CmaEs(sigma: -1)", "`sigma` is -1"),
        ("CmaEs(max_dimension: 0)", "`max_dimension` is 0"),
        ("SepCmaEs(population: 0)", "`population` is 0, expected an integer ≥ 2"),
        ("SepCmaEs(population: 2000000)", "`population` is 2000000, expected an integer from 1 to 1048576"),
        ("SepCmaEs(sigma: 0)", "`sigma` is 0"),
        ("Pgpe(population: 7)", "`population` is 7, expected an even number"),
        ("Pgpe(sigma_change: 1)", "`sigma_change` is 1, expected a number in [0, 1)"),
        ("Pgpe(sigma_rate: -0.1)", "`sigma_rate` is -0.1"),
        ("Pgpe(optimizer: ClipUp(momentum: 1))", "`optimizer.momentum` is 1"),
        ("Snes(population: 1)", "`population` is 1"),
        ("Snes(mean_rate: 0)", "`mean_rate` is 0"),
        ("Snes(sigma_rate: NaN)", "`sigma_rate` is NaN"),
        ("Xnes(shape_rate: -1)", "`shape_rate` is -1"),
        ("Xnes(sigma: inf)", "`sigma` is inf"),
        ("Ars(elite_ratio: 0)", "`elite_ratio` is 0, expected a number in (0, 1]"),
        ("Ars(population: 0)", "`population` is 0"),
        ("Ec(population: 0)", "`population` is 0"),
        ("Ec(min: 0)", "`min` is 0, expected a number in (0, 0.5)"),
        ("Ec(start: 1)", "`start` is 1"),
        ("Ec(start: NaN)", "`start` is NaN"),
        ("Ec(trust_region: Satr(kl_per_energy: -1))", "`trust_region.kl_per_energy` is -1"),
        ("LmMaEs(vectors: 0)", "`vectors` is 0, expected None, or an integer from 1 to 1000"),
        ("LmMaEs(population: 1)", "`population` is 1"),
        ("CrFmNes(population: 7)", "`population` is 7, expected an even number"),
        ("CrFmNes(population: 0)", "`population` is 0"),
        ("Ga(population: 1)", "`population` is 1"),
        ("Ga(elite_ratio: 0)", "`elite_ratio` is 0, expected a number > 0, at the most 1"),
        ("Ga(crossover: 1.5)", "`crossover` is 1.5, expected a number from 0 to 1"),
        ("Ga(sigma_schedule: Linear(to: 0, generations: 9))", "`sigma_schedule` is 0"),
        ("De(population: 3)", "`population` is 3, expected an integer ≥ 4"),
        ("De(weight: NaN)", "`weight` is NaN"),
        ("De(crossover: -0.1)", "`crossover` is -0.1"),
        ("Pso(inertia: 1)", "`inertia` is 1, expected a number in [0, 1)"),
        ("Pso(social: -1)", "`social` is -1"),
        ("RandomSearch(sigma: 0)", "`sigma` is 0"),
        ("Restarts(of: Restarts())", "`of` is Restarts, expected any other strategy"),
        ("Restarts(of: Bounded(of: Restarts()))", "`of` is Restarts, expected any other strategy"),
        ("Restarts(factor: 0.5)", "`factor` is 0.5, expected a finite number ≥ 1"),
        ("Restarts(spread: -1)", "`spread` is -1"),
        ("Restarts(patience: 0)", "`patience` is 0, expected an integer ≥ 1"),
        ("Bounded(of: Ec())", "`of` is Ec, expected a strategy whose members are not zeros and ones"),
        ("Bounded(lower: [1], upper: [1])", "`upper` is 1, expected bounds above the lower ones"),
        ("Bounded(lower: [inf])", "`lower` is inf, expected finite numbers"),
        ("LowRankEs(population: 7)", "`population` is 7, expected an even number"),
        ("LowRankEs(rank: 0)", "`rank` is 0, expected an integer ≥ 1"),
        ("LowRankEs(matrices: [(2, 0)])", "`matrices` is (2, 0)"),
        ("Discrete(of: Ga())", "`of` is Ga, expected a strategy that knows the standard deviation"),
        ("Discrete(steps: [0])", "`steps` is 0, expected numbers > 0, or None"),
        ("Discrete(steps: [None], lower: [1])", "`lower` is 1, expected None for a parameter without a step"),
        ("Discrete(lower: [1], upper: [1.5])", "`upper` is 1.5, expected a step above the lowest value"),
        ("Discrete(upper: [inf])", "`upper` is inf, expected finite numbers"),
        ("Discrete(margin: 0.5)", "`margin` is 0.5"),
        ("Reevaluated(most: 0)", "`most` is 0, expected an integer from 1 to 1000"),
        (
            "Reevaluated(of: Constrained())",
            "`of` is Constrained, expected a strategy that is told of fitness",
        ),
        ("Constrained(constraints: 0)", "`constraints` is 0"),
        ("Constrained(of: Nsga2())", "`of` is Nsga2, expected a strategy that is told of fitness alone"),
        ("Restarts(of: MoCmaEs())", "`of` is MoCmaEs, expected a strategy that is told of fitness alone"),
        ("Nsga2(population: 2)", "`population` is 2, expected an even number ≥ 4"),
        ("Nsga2(objectives: [\"return\"])", "expected 2 to 8 names"),
        ("Nsga2(objectives: [\"a\", \"a\"])", "`objectives` is a, expected names that differ"),
        ("Nsga2(bounds: (1, 1))", "`bounds` is (1, 1)"),
        ("Nsga2(mutation: 2)", "`mutation` is 2"),
        ("MoCmaEs(reference: [1])", "`reference` is [1.0], expected a finite value for each"),
        ("MoCmaEs(max_dimension: 0)", "`max_dimension` is 0"),
    ];
    for (text, message) in cases {
        let config = read(text).unwrap();
        let error = config.build::<f64>(&[0.0; 3], 1).err().unwrap();
        assert_eq!(config.validate(), Err(error.clone()));
        let error = error.to_string();
        assert!(error.contains(message) && error.contains(config.name()), "{error}");
    }
    for config in all() {
        assert_eq!(config.build::<f64>(&[], 1).err(), Some(StrategyError::NoParameters));
        let error = config.build::<f64>(&[0.0, f64::NAN], 1).err().unwrap().to_string();
        assert!(error.contains("not finite in f64: parameter 1 is NaN"), "{error}");
        let error = config.build::<f32>(&[0.0, 1e39], 1).err().unwrap().to_string();
        assert!(error.contains("parameter 1 is 1000"), "{error}");
    }
}

#[test]
fn a_covariance_matrix_that_is_too_large_is_refused_with_a_way_out() {
    let config = StrategyConfig::CmaEs(CmaEsConfig::default());
    let error = config.build::<f64>(&vec![0.0; 6400], 1).err().unwrap().to_string();
    for part in ["6400 parameters", "656 MB", "limit is 4000", "`OpenEs`", "`max_dimension`"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    let config = CmaEsConfig { max_dimension: 10, ..CmaEsConfig::default() };
    assert!(StrategyConfig::CmaEs(config.clone()).build::<f64>(&[0.0; 10], 1).is_ok());
    assert!(StrategyConfig::CmaEs(config).build::<f64>(&[0.0; 11], 1).is_err());
}

#[test]
fn configs_are_read_from_ron_with_defaults_and_without_unknown_fields() {
    let expected = OpenEsConfig {
        population: 64,
        sigma: Some(0.1),
        optimizer: OptimizerConfig::adam(0.02),
        ..OpenEsConfig::default()
    };
    let text = "OpenEs(population: 64, sigma: 0.1, optimizer: Adam(learning_rate: 0.02))";
    assert_eq!(read(text), Ok(StrategyConfig::OpenEs(expected)));
    assert_eq!(read("CmaEs()"), Ok(StrategyConfig::CmaEs(CmaEsConfig::default())));
    let some = CmaEsConfig { population: Some(9), ..CmaEsConfig::default() };
    assert_eq!(read("CmaEs(population: 9)"), Ok(StrategyConfig::CmaEs(some)));
    assert!(read("OpenEs(popsize: 64)").unwrap_err().contains("population"));
    assert!(read("OpenEs(optimizer: Adam(lr: 1.0))").unwrap_err().contains("learning_rate"));
    for config in all() {
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<StrategyConfig>(&text).unwrap(), config);
    }
}

#[test]
fn the_listing_shows_every_field_with_its_default() {
    super::registry::register_cem();
    let guide = include_str!("../../../../docs/strategies.md");
    for info in strategies() {
        let own = info.name == "cem";
        assert!(own || guide.contains(&format!("| `{}` |", info.config)), "{} in the guide", info.name);
        let config = StrategyConfig::from_name(info.name).unwrap();
        assert_eq!(config.name(), info.name);
        let json = serde_json::to_value(&config).unwrap();
        let fields = json[info.config].as_object().unwrap();
        let mut listed: Vec<&str> = info.fields.iter().map(|field| field.name).collect();
        listed.sort_unstable();
        assert!(listed.iter().eq(fields.keys()), "{listed:?} {fields:?}");
        // The defaults as listed, read as a config, are the defaults.
        let fields: Vec<String> =
            info.fields.iter().map(|field| format!("{}: {}", field.name, field.default)).collect();
        let text = format!("{}({})", info.config, fields.join(", "));
        assert_eq!(read(&text).unwrap(), config);
    }
    let error = StrategyConfig::from_name("cmaes").unwrap_err().to_string();
    assert_eq!(
        error,
        "unknown strategy \"cmaes\"; known: open_es, cma_es, sep_cma_es, pgpe, snes, xnes, ars, ec, lm_ma_es, \
         cr_fm_nes, low_rank_es, ga, de, pso, random_search, restarts, bounded, discrete, reevaluated, constrained, \
         map_elites, cma_me, cma_mae, nsga2, mo_cma_es, neat, cem"
    );
}

#[test]
fn cma_es_says_when_going_on_is_useless() {
    fn stop<R: Real + Into<f64>>(function: Function, sigma: f64, f: fn(f64) -> f64) -> String {
        let problem = Problem::new(function, 4).unwrap();
        let settings = CmaEsConfig { sigma, ..CmaEsConfig::default() };
        let mut search: Search<R> = Search::new(&settings, &[2.0; 4], 16).unwrap();
        assert_eq!(search.stop_reason(), None);
        for _ in 0..5000 {
            step(&mut search, |x| f(problem.value(x)));
            if let Some(reason) = search.stop_reason() {
                return format!("{reason:?}");
            }
        }
        "none".to_owned()
    }
    assert_eq!(stop::<f32>(Function::Sphere, 0.5, |value| -value), "TolFun");
    assert_eq!(stop::<f64>(Function::Sphere, 0.5, |value| -value), "TolFun");
    assert_eq!(stop::<f32>(Function::Sphere, 0.5, |value| -1e30 * value), "TolX");
    assert_eq!(stop::<f64>(Function::Sphere, 1e-3, |value| value), "TolXUp");
    // The minimum is at 1, where f32 members cannot come closer than 6e-8.
    let steep = |value: f64| -1e30 * value;
    assert!(stop::<f32>(Function::Rosenbrock, 0.5, steep).starts_with("NoEffect"));
    assert_eq!(stop::<f64>(Function::Rosenbrock, 0.5, steep), "TolX");
}

#[test]
fn the_benchmark_counts_evaluations_one_by_one() {
    let args = |strategy: &str, target, budget| BenchArgs {
        strategy: strategy.to_owned(),
        function: "sphere".to_owned(),
        dim: 5,
        population: Some(10),
        x0: None,
        sigma: None,
        seed: 1,
        target,
        budget: Some(budget),
    };
    for strategy in strategies().iter().map(|info| info.name).filter(|name| !["ec", "neat"].contains(name)) {
        if ["constrained", "nsga2", "mo_cma_es"].contains(&strategy) {
            let error = bench::run(&args(strategy, 0.0, 95)).unwrap_err().to_string();
            assert!(
                error.contains("expected a strategy that is told of fitness, and of descriptors"),
                "{error}"
            );
            continue;
        }
        let whole = bench::run(&args(strategy, 0.0, 95)).unwrap();
        // Two of ten are evaluated again.
        let generations = if strategy == "reevaluated" { 8 } else { 10 };
        assert_eq!((whole.evaluations, whole.generations, whole.reached), (95, generations, false));
        assert!(whole.best > 0.0 && whole.ms_per_generation > 0.0);
        let easy = bench::run(&args(strategy, whole.best * 1.000_001, 95)).unwrap();
        assert!(easy.reached && easy.evaluations <= 95);
        assert_eq!(easy.best, whole.best);
    }
    let first = bench::run(&args("cma_es", 1e9, 95)).unwrap();
    assert_eq!((first.evaluations, first.generations), (1, 1));
    assert_eq!(first.ms_per_generation, 0.0);
    assert!(bench::run(&args("no_such", 0.0, 95)).is_err());
}

//! EC on binary functions, and against the equations of its paper.

use strategies::functions::Function;
use strategies::random::{Purpose, fill_normals_f64};
use strategies::{EcConfig, OptimizerConfig, Search, StrategyConfig, StrategyError, TrustRegion};

use super::{mean, middle, minus, population, step};

const SATR: Option<TrustRegion> = Some(TrustRegion::Satr { kl_per_energy: 0.5 });

fn build(config: EcConfig, n: usize, seed: u64) -> Search {
    let config = StrategyConfig::Ec(config);
    // Where a controller would start does not matter.
    config.build(&config.start(vec![-7.0; n]), seed).unwrap()
}

/// Median over seeds of the function at the mean, that is at the most likely network.
fn at_the_end(config: &EcConfig, n: usize, generations: u64, f: impl Fn(&[f64], u64) -> f64) -> f64 {
    let run = |seed| {
        let mut search = build(config.clone(), n, seed);
        let mut evaluations = 1000 * seed;
        for _ in 0..generations {
            step(&mut search, |x| {
                evaluations += 1;
                f(x, evaluations)
            });
        }
        f(&mean(&search), 0)
    };
    middle((1..=5).map(run).collect())
}

/// `one_max` with normal noise, except in evaluation 0.
fn noisy_one_max(n: usize, deviation: f64) -> impl Fn(&[f64], u64) -> f64 {
    let f = minus(Function::OneMax, n);
    move |x, evaluation| {
        let mut noise = [0.0];
        fill_normals_f64(1, Purpose::Bench, evaluation, 0, &mut noise);
        f(x) + if evaluation == 0 { 0.0 } else { deviation * noise[0] }
    }
}

#[test]
fn ones_are_found_with_and_without_a_trust_region() {
    for trust_region in [None, SATR] {
        let small = EcConfig { population: 32, trust_region, ..EcConfig::default() };
        let one_max = minus(Function::OneMax, 200);
        assert_eq!(at_the_end(&small, 200, 150, |x, _| one_max(x)), 0.0, "{trust_region:?}");
        let leading_ones = minus(Function::LeadingOnes, 30);
        let large = EcConfig { population: 128, ..small };
        assert_eq!(at_the_end(&large, 30, 300, |x, _| leading_ones(x)), 0.0, "{trust_region:?}");
    }
}

#[test]
fn a_trust_region_keeps_a_small_population_from_following_noise() {
    // The noise has three times the standard deviation of the fitness of the first generation.
    let f = noisy_one_max(200, 20.0);
    let bound = EcConfig { population: 64, trust_region: SATR, ..EcConfig::default() };
    let free = EcConfig { trust_region: None, ..bound.clone() };
    let (with, without) = (at_the_end(&bound, 200, 300, &f), at_the_end(&free, 200, 300, &f));
    assert!(with >= -5.0 && without < 3.0 * with - 1.0, "zeros left: {with} with, {without} without");
}

#[test]
fn a_sum_whose_single_steps_deceive_is_solved_as_long_as_the_average_does_not() {
    // Blocks of three: from all zeros, every single one makes it worse, but over all blocks ones are better.
    let block = |block: &[f64]| match block.iter().filter(|&&x| x > 0.5).count() {
        3 => 3.0,
        ones => 1.0 - 0.5 * ones as f64,
    };
    let f = |x: &[f64], _| x.chunks(3).map(block).sum::<f64>();
    let slow = EcConfig { optimizer: OptimizerConfig::adam(0.03), ..EcConfig::default() };
    assert_eq!(at_the_end(&slow, 60, 200, f), 60.0);
    // Traps of five deceive on average too, and EC, which sees one parameter at a time, ends at all zeros.
    let traps = minus(Function::Traps, 50);
    assert_eq!(at_the_end(&slow, 50, 200, |x, _| traps(x)), -10.0);
}

#[test]
fn members_are_zeros_and_ones_with_the_probabilities_of_the_mean() {
    let mut search = build(EcConfig { population: 2000, start: 0.3, min: 0.25, ..EcConfig::default() }, 3, 1);
    for _ in 0..2 {
        let p = mean(&search);
        let members = population(&mut search);
        assert!(members.iter().flatten().all(|&x| x == 0.0 || x == 1.0));
        for (i, p) in p.iter().enumerate() {
            let share = members.iter().map(|x| x[i]).sum::<f64>() / 2000.0;
            assert!((share - p).abs() < 5.0 * (p * (1.0 - p) / 2000.0).sqrt(), "{share} {p}");
        }
        let spread = p.iter().map(|p| p * (1.0 - p)).sum::<f64>() / 3.0;
        assert!((search.sigma() - spread.sqrt()).abs() < 1e-7);
        for _ in 0..20 {
            step(&mut search, |x| x[0] - x[1]);
        }
    }
    assert_eq!(mean(&search)[..2], [0.75, 0.25], "the bounds");
}

#[test]
fn the_step_is_that_of_the_paper_and_a_trust_region_bounds_its_divergence() {
    let (n, lambda, rate) = (40, 30, 3.0);
    for limit in [None, Some(0.7), Some(1e-3)] {
        let config = EcConfig {
            population: lambda,
            start: 0.4,
            optimizer: OptimizerConfig::Sgd { learning_rate: rate, momentum: 0.0 },
            trust_region: limit.map(|kl_per_energy| TrustRegion::Satr { kl_per_energy }),
            ..EcConfig::default()
        };
        let mut search = build(config, n, 3);
        let mut bounded = 0;
        for _ in 0..8 {
            let p = mean(&search);
            let members = population(&mut search);
            let fitness: Vec<f64> =
                members.iter().map(|x| x.iter().zip(1..).map(|(x, i)| x / f64::from(i)).sum()).collect();
            search.tell(&fitness).unwrap();
            let shaped: Vec<f64> = fitness
                .iter()
                .map(|own| {
                    let below = fitness.iter().filter(|other| *other < own).count() as f64;
                    let equal = fitness.iter().filter(|other| *other == own).count() as f64;
                    (below + 0.5 * (equal - 1.0)) / (lambda - 1) as f64 - 0.5
                })
                .collect();
            let gradient = |i: usize| {
                let terms = members.iter().zip(&shaped).map(|(x, f)| f * (x[i] - p[i]));
                terms.sum::<f64>() / lambda as f64
            };
            let full: Vec<f64> = (0..n).map(|i| (p[i] + rate * gradient(i)).clamp(0.001, 0.999)).collect();
            let now = mean(&search);
            let moved = |i: usize| (now[i] - p[i]) / (full[i] - p[i]);
            let noise = n as f64 * shaped.iter().map(|f| f * f).sum::<f64>() / (lambda * lambda) as f64;
            let energy = (0..n).map(|i| gradient(i).powi(2) / (p[i] * (1.0 - p[i]))).sum::<f64>() - noise;
            let kl = |q: f64, p: f64| q * (q / p).ln() + (1.0 - q) * ((1.0 - q) / (1.0 - p)).ln();
            let divergence = |to: &[f64]| to.iter().zip(&p).map(|(&q, &p)| kl(q, p)).sum::<f64>();
            let bound = limit.map_or(f64::INFINITY, |limit| limit * energy.max(0.0));
            if divergence(&full) <= bound {
                assert!((0..n).all(|i| (now[i] - full[i]).abs() < 1e-6));
            } else {
                bounded += 1;
                let (reached, part) = (divergence(&now), moved(0));
                assert!(reached <= 1.001 * bound + 1e-9 && reached >= 0.89 * bound, "{reached} of {bound}");
                assert!((0..n).all(|i| (now[i] - p[i] - part * (full[i] - p[i])).abs() < 1e-5));
            }
        }
        assert_eq!(bounded > 0, limit.is_some(), "{limit:?} bounds {bounded} steps of 8");
    }
}

#[test]
fn a_warm_start_takes_probabilities_and_nothing_else() {
    let config = StrategyConfig::Ec(EcConfig::default());
    let search = config.build::<f64>(&[0.0, 0.25, 1.0], 1).unwrap();
    assert_eq!(mean(&search), [0.001, 0.25, 0.999]);
    let error = config.build::<f64>(&[0.5, -0.1], 1).err().unwrap();
    assert!(matches!(error, StrategyError::Start { index: 1, .. }), "{error:?}");
    assert!(error.to_string().contains("parameter 1 is -0.1"), "{error}");
}

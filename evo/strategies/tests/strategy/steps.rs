//! One update at a time against the equations of the papers, computed here from members and fitness.

use nalgebra::DMatrix;
use strategies::{
    ArsConfig, Data, OpenEsConfig, OptimizerConfig, PgpeConfig, Schedule, Search, SnesConfig, StrategyConfig,
    XnesConfig,
};

use super::{mean, population};

/// Asks, tells a fitness with several optima, and returns the members with it.
fn advance(search: &mut Search) -> (Vec<Vec<f64>>, Vec<f64>) {
    let members = population(search);
    let fitness: Vec<f64> = members.iter().map(|x| x.iter().map(|v| (7.0 * v).sin()).sum()).collect();
    search.tell(&fitness).unwrap();
    (members, fitness)
}

fn saved(search: &Search, name: &str) -> Vec<f64> {
    match &search.state().tensors[name].data {
        Data::F64(values) => values.clone(),
        Data::F32(_) => panic!("{name} is f32"),
    }
}

fn close(ours: &[f64], expected: &[f64], within: f64) {
    assert_eq!(ours.len(), expected.len());
    for (ours, expected) in ours.iter().zip(expected) {
        assert!((ours - expected).abs() < within, "{ours} {expected}");
    }
}

/// From −½ to ½.
fn centred(fitness: &[f64]) -> Vec<f64> {
    let below = |own: &f64| fitness.iter().filter(|other| *other < own).count() as f64;
    fitness.iter().map(|own| below(own) / (fitness.len() - 1) as f64 - 0.5).collect()
}

/// Those of natural evolution strategies.
fn utilities(fitness: &[f64]) -> Vec<f64> {
    let count = fitness.len() as f64;
    let raw = |rank: f64| ((count / 2.0 + 1.0).ln() - rank.ln()).max(0.0);
    let total: f64 = (1..=fitness.len()).map(|rank| raw(rank as f64)).sum();
    let rank = |own: &f64| 1.0 + fitness.iter().filter(|other| *other > own).count() as f64;
    fitness.iter().map(|own| raw(rank(own)) / total - 1.0 / count).collect()
}

/// Plain gradient ascent.
fn ascent(learning_rate: f64) -> OptimizerConfig {
    OptimizerConfig::Sgd { learning_rate, momentum: 0.0 }
}

/// What matters is which member got which fitness, not the order: the update is the one computed here from
/// (member, fitness) pairs taken in reverse.
#[test]
fn open_es_takes_the_step_of_the_paper_for_any_order_of_members() {
    for antithetic in [true, false] {
        let (n, lambda, sigma, rate, decay) = (9, 24, 0.2, 0.03, 0.1);
        let config = OpenEsConfig {
            population: lambda,
            sigma: Some(sigma),
            optimizer: ascent(rate),
            schedule: Schedule::Linear { to: 0.0, generations: 10 },
            weight_decay: decay,
            antithetic,
            ..OpenEsConfig::default()
        };
        let mut search = StrategyConfig::OpenEs(config).build(&vec![0.7; n], 5).unwrap();
        let mut expected = vec![0.7; n];
        for generation in 0..5 {
            let (members, fitness) = advance(&mut search);
            let ranks = centred(&fitness);
            let rate = rate * (1.0 - f64::from(generation) / 10.0);
            let center = expected.clone();
            for ((x, c), i) in expected.iter_mut().zip(&center).zip(0..) {
                let mut gradient = 0.0;
                for (member, rank) in members.iter().zip(&ranks).rev() {
                    gradient += rank * (member[i] - c) / sigma;
                }
                gradient /= lambda as f64 * sigma;
                *x += rate * gradient - rate * decay * c;
            }
            close(&mean(&search), &expected, 2e-6);
        }
    }
}

#[test]
fn pgpe_moves_mean_and_deviations_by_their_gradients() {
    let (n, lambda, rate) = (7, 20, 0.4);
    let config =
        PgpeConfig { population: lambda, sigma: Some(0.3), optimizer: ascent(rate), ..PgpeConfig::default() };
    let mut search = StrategyConfig::Pgpe(config).build(&vec![0.4; n], 6).unwrap();
    for _ in 0..5 {
        let (mut mu, mut sigma) = (saved(&search, "mean"), saved(&search, "deviation"));
        let (members, fitness) = advance(&mut search);
        let ranks = centred(&fitness);
        for i in 0..n {
            let (mut of_mean, mut of_sigma) = (0.0, 0.0);
            for (pair, rank) in members.chunks(2).zip(ranks.chunks(2)) {
                let noise = 0.5 * (pair[0][i] - pair[1][i]);
                of_mean += 0.5 * (rank[0] - rank[1]) * noise;
                // The mean of centred ranks is 0.
                of_sigma += 0.5 * (rank[0] + rank[1]) * (noise * noise - sigma[i] * sigma[i]) / sigma[i];
            }
            let pairs = 0.5 * lambda as f64;
            mu[i] += rate * of_mean / pairs;
            sigma[i] = (sigma[i] + 0.1 * of_sigma / pairs).clamp(0.8 * sigma[i], 1.2 * sigma[i]);
        }
        close(&saved(&search, "mean"), &mu, 1e-5);
        close(&saved(&search, "deviation"), &sigma, 1e-5);
    }
}

#[test]
fn snes_takes_the_natural_gradient() {
    let n = 6;
    let config =
        SnesConfig { population: Some(14), sigma: Some(0.3), mean_rate: 0.8, ..SnesConfig::default() };
    let mut search = StrategyConfig::Snes(config).build(&vec![0.4; n], 7).unwrap();
    let rate = (3.0 + (n as f64).ln()) / (5.0 * (n as f64).sqrt());
    for _ in 0..5 {
        let (mut mu, mut sigma) = (saved(&search, "mean"), saved(&search, "deviation"));
        let (members, fitness) = advance(&mut search);
        let u = utilities(&fitness);
        for i in 0..n {
            let s: Vec<f64> = members.iter().map(|x| (x[i] - mu[i]) / sigma[i]).collect();
            let sum = |f: &dyn Fn(f64) -> f64| u.iter().zip(&s).map(|(u, &s)| u * f(s)).sum::<f64>();
            mu[i] += 0.8 * sigma[i] * sum(&|s| s);
            sigma[i] *= (0.5 * rate * sum(&|s| s * s - 1.0)).exp();
        }
        close(&saved(&search, "mean"), &mu, 1e-5);
        close(&saved(&search, "deviation"), &sigma, 1e-5);
    }
}

#[test]
fn xnes_takes_the_natural_gradient_through_the_matrix_exponential() {
    let n = 5;
    let config = XnesConfig { population: Some(12), sigma: 0.3, ..XnesConfig::default() };
    let mut search = StrategyConfig::Xnes(config).build(&vec![0.4; n], 8).unwrap();
    let rate = (9.0 + 3.0 * (n as f64).ln()) / (5.0 * (n as f64).powf(1.5));
    for _ in 0..20 {
        let (mu, sigma) = (DMatrix::from_vec(n, 1, saved(&search, "mean")), search.sigma());
        // Row by row, so this is B = Uᵀ.
        let b = DMatrix::from_vec(n, n, saved(&search, "shape"));
        let (members, fitness) = advance(&mut search);
        let identity = DMatrix::identity(n, n);
        let (mut of_mean, mut of_shape) = (DMatrix::zeros(n, 1), DMatrix::zeros(n, n));
        for (x, u) in members.iter().zip(utilities(&fitness)) {
            let y = (DMatrix::from_vec(n, 1, x.clone()) - &mu) / sigma;
            let s = b.clone().lu().solve(&y).unwrap();
            of_mean += u * &s;
            of_shape += u * (&s * s.transpose() - &identity);
        }
        let of_sigma = of_shape.trace() / n as f64;
        let mu = mu + sigma * &b * of_mean;
        let b = b * ((of_shape - of_sigma * identity) * (0.5 * rate)).exp();
        close(&saved(&search, "mean"), mu.as_slice(), 1e-5);
        close(&saved(&search, "shape"), b.as_slice(), 1e-4);
        close(&[search.sigma()], &[sigma * (0.5 * rate * of_sigma).exp()], 1e-5);
        assert!((b.determinant() - 1.0).abs() < 1e-3, "{}", b.determinant());
    }
    let shape = saved(&search, "shape");
    assert!((0..n).any(|i| shape[i * n + (i + 1) % n].abs() > 0.05), "off the diagonal: {shape:?}");
}

#[test]
fn ars_steps_along_its_best_directions() {
    let (n, lambda) = (8, 16);
    let config = ArsConfig {
        population: lambda,
        sigma: Some(0.2),
        optimizer: ascent(0.05),
        elite_ratio: 0.25,
        ..ArsConfig::default()
    };
    let mut search = StrategyConfig::Ars(config).build(&vec![0.4; n], 9).unwrap();
    for _ in 0..5 {
        let mut theta = mean(&search);
        let start = theta.clone();
        let (members, fitness) = advance(&mut search);
        let mut pairs: Vec<usize> = (0..lambda / 2).collect();
        let best = |d: &usize| fitness[2 * d].max(fitness[2 * d + 1]);
        pairs.sort_by(|a, b| best(b).total_cmp(&best(a)));
        let rewards: Vec<f64> =
            pairs[..2].iter().flat_map(|d| [fitness[2 * d], fitness[2 * d + 1]]).collect();
        let average = rewards.iter().sum::<f64>() / 4.0;
        let spread = (rewards.iter().map(|r| (r - average).powi(2)).sum::<f64>() / 4.0).sqrt();
        for d in &pairs[..2] {
            for i in 0..n {
                let direction = (members[2 * d][i] - start[i]) / 0.2;
                theta[i] += 0.05 / (2.0 * spread) * (fitness[2 * d] - fitness[2 * d + 1]) * direction;
            }
        }
        close(&mean(&search), &theta, 1e-5);
    }
}

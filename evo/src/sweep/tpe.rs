//! Tree-structured Parzen estimator: Bergstra, Bardenet, Bengio, Kégl, "Algorithms for hyper-parameter
//! optimization", NeurIPS 2011. Each axis by itself: of some draws from the density of good trials,
//! the one that is the least likely among the others.

use rand::RngExt as _;
use strategies::random::{Stream, normal_pair};

/// A point in [0, 1] per axis. `choices` holds the number of values of axes with separate values.
/// Trials without a value failed, and count as the worst.
pub(super) fn propose(
    choices: &[Option<usize>],
    history: &[(Vec<f64>, Option<f64>)],
    gamma: f64,
    candidates: usize,
    stream: impl Fn(usize) -> Stream,
) -> Vec<f64> {
    let mut order: Vec<usize> = (0..history.len()).collect();
    let value = |index: usize| history[index].1.unwrap_or(f64::NEG_INFINITY);
    order.sort_by(|&a, &b| value(b).total_cmp(&value(a)).then(a.cmp(&b)));
    let good = ((gamma * history.len() as f64).ceil() as usize).clamp(1, history.len());
    let (good, bad) = order.split_at(good);
    let column = |part: &[usize], axis: usize| part.iter().map(|&i| history[i].0[axis]).collect::<Vec<_>>();
    choices
        .iter()
        .enumerate()
        .map(|(axis, &choices)| {
            let mut random = stream(axis);
            let (good, bad) = (column(good, axis), column(bad, axis));
            match choices {
                Some(count) => choose(&good, &bad, count.max(1), candidates, &mut random),
                None => draw(&good, &bad, candidates, &mut random),
            }
        })
        .collect()
}

/// Separate values: counts with one more for each.
fn choose(good: &[f64], bad: &[f64], count: usize, candidates: usize, random: &mut Stream) -> f64 {
    let weights = |points: &[f64]| {
        let mut weights = vec![1.0; count];
        for &point in points {
            weights[((point * count as f64) as usize).min(count - 1)] += 1.0;
        }
        let total: f64 = weights.iter().sum();
        weights.into_iter().map(|weight| weight / total).collect::<Vec<f64>>()
    };
    let (good, bad) = (weights(good), weights(bad));
    let mut best = (f64::NEG_INFINITY, 0);
    for _ in 0..candidates.max(1) {
        let mut left = random.random::<f64>();
        let pick = good.iter().position(|weight| {
            left -= weight;
            left < 0.0
        });
        let pick = pick.unwrap_or(count - 1);
        let ratio = good[pick] / bad[pick];
        if ratio > best.0 {
            best = (ratio, pick);
        }
    }
    (best.1 as f64 + 0.5) / count as f64
}

fn draw(good: &[f64], bad: &[f64], candidates: usize, random: &mut Stream) -> f64 {
    let (good, bad) = (Density::new(good), Density::new(bad));
    let mut best = (f64::NEG_INFINITY, 0.5);
    for _ in 0..candidates.max(1) {
        let x = good.sample(random);
        let ratio = good.at(x) / bad.at(x);
        if ratio > best.0 {
            best = (ratio, x);
        }
    }
    best.1
}

/// Normals at the points, cut off at 0 and 1, and a wide one in the middle as the prior, all of the
/// same weight. A normal is as wide as the larger distance to its neighbours.
struct Density {
    /// Centre, width, and share of the normal that lies in [0, 1].
    normals: Vec<(f64, f64, f64)>,
}

impl Density {
    fn new(points: &[f64]) -> Self {
        let mut centres: Vec<f64> = points.to_vec();
        centres.sort_by(f64::total_cmp);
        let narrowest = 1.0 / (centres.len() as f64 + 2.0).min(100.0);
        let mut normals: Vec<(f64, f64)> = (0..centres.len())
            .map(|i| {
                let left = if i == 0 { centres[i] } else { centres[i] - centres[i - 1] };
                let right = centres.get(i + 1).map_or(1.0 - centres[i], |next| next - centres[i]);
                (centres[i], left.max(right).clamp(narrowest, 1.0))
            })
            .collect();
        normals.push((0.5, 1.0));
        let below = |x: f64| 0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2);
        let cut = |(m, s): (f64, f64)| (m, s, below((1.0 - m) / s) - below(-m / s));
        Self { normals: normals.into_iter().map(cut).collect() }
    }

    fn at(&self, x: f64) -> f64 {
        let normal = |&(m, s, inside): &(f64, f64, f64)| {
            let z = (x - m) / s;
            libm::exp(-0.5 * z * z) / (s * inside)
        };
        self.normals.iter().map(normal).sum::<f64>() / self.normals.len() as f64
    }

    fn sample(&self, random: &mut Stream) -> f64 {
        let (m, s, _) = self.normals[random.random_range(0..self.normals.len())];
        // The centre lies inside, so a draw does so at least about once in three.
        for _ in 0..64 {
            let (u, v) = (1.0 - random.random::<f64>(), random.random::<f64>());
            let x = m + s * normal_pair(u, std::f64::consts::TAU * v)[0];
            if (0.0..=1.0).contains(&x) {
                return x;
            }
        }
        m
    }
}

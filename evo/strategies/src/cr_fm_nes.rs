//! CR-FM-NES, cost-reduced fast-moving natural evolution strategy: "Fast Moving Natural Evolution Strategy for
//! High-Dimensional Problems" (Nomura and Ono 2022, arXiv 2201.11422).
//!
//! Members are m + σ·D y with y = z + (√(1 + ‖v‖²) − 1) (z·v̄) v̄ and z standard normal, in pairs ±z: the covariance is
//! σ² D (I + v vᵀ) D with a vector v and a diagonal D, of which the determinant is 1. Where the path of the step size is
//! long, members far out count more and σ changes faster; v and D follow the natural gradient, projected on this model.
//! Memory is O(n).
//!
//! The constants are those of the authors' program, crfmnes 1.0. Differences: c₁, which is negative for n < 5, is at least
//! 0; an update that leaves a D that is not above 0 is dropped; a failed member counts as the last rank, and the number
//! of members in the rates is always λ.

use serde::{Deserialize, Serialize};

use super::cma_paths::{norm_squared, unchanged};
use super::cma_rates::{self, default_population};
use super::noise::Noise;
use super::random::{Purpose, fill_normals_f64};
use super::strategy::Precision;
use super::{
    FieldInfo, Ranked, Settings, State, StopReason, Strategy, StrategyError, StrategyInfo, check, rows,
};

/// Settings of CR-FM-NES. Everything else follows from dimension and population.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CrFmNesConfig {
    /// Members per generation, an even number ≥ 2; `None` is 4 + ⌊3 ln n⌋, or one more.
    pub population: Option<usize>,
    /// Initial standard deviation of every parameter, parameter units; > 0. Choose about a third of the
    /// distance to search.
    pub sigma: f64,
}

impl Default for CrFmNesConfig {
    fn default() -> Self {
        Self { population: None, sigma: 0.5 }
    }
}

pub(super) const INFO: StrategyInfo = StrategyInfo {
    name: "cr_fm_nes",
    config: "CrFmNes",
    summary: "adapts step size, a step size per parameter and one direction; O(n) memory",
    reference: "Nomura and Ono 2022, arXiv 2201.11422",
    fields: &[
        FieldInfo::new("population", "members", "None", "≥ 2, even; None is 4 + floor(3 ln n), or one more"),
        cma_rates::SIGMA,
    ],
};

impl Settings for CrFmNesConfig {
    fn info(&self) -> &'static StrategyInfo {
        &INFO
    }

    fn validate(&self) -> Result<(), StrategyError> {
        check::at_least_two(INFO.name, self.population)?;
        check::pairs(INFO.name, self.population.unwrap_or(2))?;
        check::positive(INFO.name, "sigma", self.sigma)
    }

    fn build(&self, x0: &[f64], seed: u64) -> Result<Box<dyn Strategy>, StrategyError> {
        let n = x0.len();
        let population = self.population.unwrap_or_else(|| default_population(n).next_multiple_of(2));
        let mut v = vec![0.0; n];
        fill_normals_f64(seed, Purpose::Init, 0, 0, &mut v);
        v.iter_mut().for_each(|v| *v /= (n as f64).sqrt());
        Ok(Box::new(CrFmNes {
            rates: Rates::new(n, population),
            population,
            noise: Noise::new(seed),
            first_sigma: self.sigma,
            sigma: self.sigma,
            mean: x0.to_vec(),
            path_sigma: vec![0.0; n],
            path_c: vec![0.0; n],
            v,
            d: vec![1.0; n],
        }))
    }
}

/// Named as in the authors' program.
struct Rates {
    w_rank_hat: Vec<f64>,
    w_rank: Vec<f64>,
    mu_eff: f64,
    c_sigma: f64,
    c_c: f64,
    c_1: f64,
    chi: f64,
    alpha_dist: f64,
    eta_stag_sigma: f64,
    eta_conv_sigma: f64,
    eta_b: f64,
}

impl Rates {
    fn new(dimension: usize, population: usize) -> Self {
        let (n, lambda) = (dimension as f64, population as f64);
        let w_rank_hat: Vec<f64> = (1..=population)
            .map(|i| (libm::log(lambda / 2.0 + 1.0) - libm::log(i as f64)).max(0.0))
            .collect();
        let sum: f64 = w_rank_hat.iter().sum();
        let mu_eff = sum * sum / norm_squared(&w_rank_hat);
        let c_1 = 2.0 / ((n + 1.3) * (n + 1.3) + mu_eff);
        Self {
            w_rank: w_rank_hat.iter().map(|w| w / sum - 1.0 / lambda).collect(),
            w_rank_hat,
            mu_eff,
            c_sigma: (mu_eff + 2.0) / (n + mu_eff + 5.0),
            c_c: (4.0 + mu_eff / n) / (n + 4.0 + 2.0 * mu_eff / n),
            c_1: (c_1 * (n - 5.0) / 6.0).max(0.0),
            chi: n.sqrt() * (1.0 - 1.0 / (4.0 * n) + 1.0 / (21.0 * n * n)),
            alpha_dist: h_inverse(n) * (lambda / n).sqrt().min(1.0),
            eta_stag_sigma: libm::tanh((0.024 * lambda + 0.7 * n + 20.0) / (n + 12.0)),
            eta_conv_sigma: 2.0 * libm::tanh((0.025 * lambda + 0.75 * n + 10.0) / (n + 4.0)),
            eta_b: libm::tanh(((0.02 * lambda).min(3.0 * libm::log(n)) + 5.0) / (0.23 * n + 25.0)),
        }
    }
}

/// The a with (1 + a²) exp(a²/2) / 0.24 = 10 + n.
fn h_inverse(n: f64) -> f64 {
    let (mut low, mut high) = (0.0, 20.0);
    for _ in 0..100 {
        let a = 0.5 * (low + high);
        let above = (1.0 + a * a) * libm::exp(a * a / 2.0) / 0.24 > 10.0 + n;
        if above { high = a } else { low = a }
    }
    low
}

struct CrFmNes {
    rates: Rates,
    population: usize,
    noise: Noise,
    first_sigma: f64,
    sigma: f64,
    mean: Vec<f64>,
    path_sigma: Vec<f64>,
    path_c: Vec<f64>,
    v: Vec<f64>,
    d: Vec<f64>,
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

impl CrFmNes {
    fn z(&self, member: usize, out: &mut [f64]) {
        self.noise.normals_f64(member / 2, out);
        if !member.is_multiple_of(2) {
            out.iter_mut().for_each(|z| *z = -*z);
        }
    }

    /// y from z, in place.
    fn transform(&self, y: &mut [f64]) {
        let square = norm_squared(&self.v);
        let factor = ((1.0 + square).sqrt() - 1.0) * dot(y, &self.v) / square;
        y.iter_mut().zip(&self.v).for_each(|(y, v)| *y += factor * v);
    }

    /// Standard deviation of a coordinate.
    fn deviation(&self, coordinate: usize) -> f64 {
        let v = self.v[coordinate];
        self.sigma * self.d[coordinate] * (1.0 + v * v).sqrt()
    }

    /// Moves v and D along the natural gradients of the samples y (rows), each with its weight.
    fn reshape(&mut self, samples: &[(Vec<f64>, f64)]) {
        let n = self.v.len();
        let square = norm_squared(&self.v);
        let (length, fourth, gamma) = (square.sqrt(), square * square, 1.0 + square);
        let unit: Vec<f64> = self.v.iter().map(|v| v / length).collect();
        let squares: Vec<f64> = unit.iter().map(|v| v * v).collect();
        let largest = squares.iter().copied().fold(0.0, f64::max);
        let alpha = ((fourth + (2.0 * gamma - gamma.sqrt()) / largest).sqrt() / (2.0 + square)).min(1.0);
        let b = -(1.0 - alpha * alpha) * fourth / gamma + 2.0 * alpha * alpha;
        let inverse: Vec<f64> = squares.iter().map(|s| 1.0 / (2.0 - (b + 2.0 * alpha * alpha) * s)).collect();
        let inverse_squares: Vec<f64> = inverse.iter().zip(&squares).map(|(h, s)| h * s).collect();
        let scale = b / (1.0 + b * dot(&squares, &inverse_squares));
        let gradients = |y: &[f64]| {
            let along = dot(y, &unit);
            let mut t: Vec<f64> =
                y.iter().zip(&unit).map(|(y, v)| y * along - 0.5 * v * (along * along + gamma)).collect();
            let t_along = dot(&t, &unit);
            let mut s: Vec<f64> = (0..n)
                .map(|j| {
                    let first = y[j] * y[j] - square / gamma * (y[j] * unit[j] * along) - 1.0;
                    let second = (2.0 + square) * (t[j] * unit[j]) - square * squares[j] * t_along;
                    first - alpha / gamma * second
                })
                .collect();
            let s_along = dot(&s, &inverse_squares);
            for (s, (h, hs)) in s.iter_mut().zip(inverse.iter().zip(&inverse_squares)) {
                *s = *s * h - scale * hs * s_along;
            }
            let s_squares = dot(&s, &squares);
            for (t, (s, v)) in t.iter_mut().zip(s.iter().zip(&unit)) {
                *t -= alpha * ((2.0 + square) * (s * v) - v * s_squares);
            }
            [t, s]
        };
        let rows = rows::of_rows(samples.len(), n, |row| gradients(&samples[row].0));
        let (mut v, mut growth) = (self.v.clone(), vec![0.0; n]);
        for ([t, s], (_, weight)) in rows.iter().zip(samples) {
            v.iter_mut().zip(t).for_each(|(v, t)| *v += weight * t / length);
            growth.iter_mut().zip(s).for_each(|(growth, s)| *growth += weight * s);
        }
        let mut d: Vec<f64> = self.d.iter().zip(&growth).map(|(d, growth)| d + growth * d).collect();
        let total = norm_squared(&v);
        if !(d.iter().all(|&d| d > 0.0) && total > 0.0 && total.is_finite()) {
            return;
        }
        let logs: f64 = d.iter().map(|&d| libm::log(d)).sum();
        let root = libm::exp(logs / n as f64 + libm::log(1.0 + total) / (2.0 * n as f64));
        d.iter_mut().for_each(|d| *d /= root);
        if root > 0.0 && d.iter().all(|&d| d > 0.0 && d.is_finite()) {
            (self.v, self.d) = (v, d);
        }
    }
}

impl Strategy for CrFmNes {
    fn population(&self) -> usize {
        self.population
    }

    fn dimension(&self) -> usize {
        self.mean.len()
    }

    fn ask(&mut self, generation: u64) {
        self.noise.ask(generation);
    }

    fn members(&self, first: usize, out: &mut [f64]) {
        for (member, row) in (first..).zip(out.chunks_mut(self.mean.len())) {
            self.z(member, row);
            self.transform(row);
            for (x, (mean, d)) in row.iter_mut().zip(self.mean.iter().zip(&self.d)) {
                *x = mean + self.sigma * *x * d;
            }
        }
    }

    fn tell(&mut self, _fitness: &[f64], ranked: &Ranked) {
        let n = self.mean.len();
        let order = ranked.order();
        let rows = rows::of_rows(order.len(), n, |rank| {
            let mut z = vec![0.0; n];
            self.z(order[rank], &mut z);
            z
        });
        let r = &self.rates;
        let gain = (r.c_sigma * (2.0 - r.c_sigma) * r.mu_eff).sqrt();
        self.path_sigma.iter_mut().for_each(|path| *path *= 1.0 - r.c_sigma);
        for (z, weight) in rows.iter().zip(&r.w_rank) {
            self.path_sigma.iter_mut().zip(z).for_each(|(path, z)| *path += gain * weight * z);
        }
        let length = norm_squared(&self.path_sigma).sqrt();
        let moving = length >= r.chi;
        let mut weights = r.w_rank.clone();
        if moving {
            // Of the largest exponent only differences count, and none overflows.
            let far: Vec<f64> = rows.iter().map(|z| r.alpha_dist * norm_squared(z).sqrt()).collect();
            let most = far.iter().copied().fold(0.0, f64::max);
            let raw = r.w_rank_hat.iter().zip(&far).map(|(w, far)| w * libm::exp(far - most));
            let raw: Vec<f64> = raw.collect();
            let sum: f64 = raw.iter().sum();
            if sum > 0.0 {
                weights = raw.iter().map(|w| w / sum - 1.0 / self.population as f64).collect();
            }
        }
        let eta_sigma = match length {
            _ if moving => 1.0,
            length if length >= 0.1 * r.chi => r.eta_stag_sigma,
            _ => r.eta_conv_sigma,
        };
        let (eta_b, c_1, c_c, mu_eff) = (r.eta_b, r.c_1, r.c_c, r.mu_eff);
        let growth: f64 = rows.iter().zip(&weights).map(|(z, w)| w * (norm_squared(z) - n as f64)).sum();

        let mut step = vec![0.0; n];
        let mut samples: Vec<(Vec<f64>, f64)> = rows.into_iter().zip(weights).collect();
        for (y, weight) in &mut samples {
            self.transform(y);
            step.iter_mut().zip(&*y).for_each(|(step, y)| *step += *weight * y);
            *weight *= eta_b;
        }
        let gain = (c_c * (2.0 - c_c) * mu_eff).sqrt();
        for (((path, mean), d), step) in self.path_c.iter_mut().zip(&mut self.mean).zip(&self.d).zip(&step) {
            *path = (1.0 - c_c) * *path + gain * step * d;
            *mean += self.sigma * step * d;
        }
        let path = self.path_c.iter().zip(&self.d).map(|(path, d)| path / d).collect();
        samples.push((path, c_1));
        self.reshape(&samples);
        let exponent = (eta_sigma / 2.0 * growth / n as f64).min(1.0);
        self.sigma = (self.sigma * libm::exp(exponent)).clamp(1e-100, 1e100);
    }

    fn mean(&self) -> &[f64] {
        &self.mean
    }

    fn shift(&mut self, by: &[f64]) {
        self.mean.iter_mut().zip(by).for_each(|(mean, by)| *mean += by);
    }

    fn sigma(&self) -> f64 {
        self.sigma
    }

    fn stop_reason(&self, precision: Precision) -> Option<StopReason> {
        let coordinates = 0..self.mean.len();
        if coordinates.clone().all(|i| self.deviation(i) < 1e-12 * self.first_sigma) {
            return Some(StopReason::TolX);
        }
        if coordinates.clone().any(|i| self.deviation(i) > 1e4 * self.first_sigma) {
            return Some(StopReason::TolXUp);
        }
        let stuck = |i: usize| unchanged(self.mean[i], 0.2 * self.deviation(i), precision);
        coordinates.clone().any(stuck).then_some(StopReason::NoEffectCoord)
    }

    fn state(&self) -> State {
        let n = self.mean.len();
        let mut state = State::default();
        state.set_integer("population", self.population as u64);
        self.noise.save(&mut state);
        state.set_real("sigma", self.sigma);
        state.set_f64("mean", &[n], &self.mean);
        state.set_f64("path_sigma", &[n], &self.path_sigma);
        state.set_f64("path_c", &[n], &self.path_c);
        state.set_f64("v", &[n], &self.v);
        state.set_f64("d", &[n], &self.d);
        state
    }

    fn restore(&mut self, state: &State) -> Result<(), StrategyError> {
        let n = self.mean.len();
        state.expect("population", self.population as u64)?;
        let (noise, sigma) = (self.noise.loaded(state)?, state.real("sigma")?);
        let vector = |name: &str| state.f64(name, &[n]).map(<[f64]>::to_vec);
        let (mean, path_sigma, path_c) = (vector("mean")?, vector("path_sigma")?, vector("path_c")?);
        (self.v, self.d) = (vector("v")?, vector("d")?);
        (self.noise, self.sigma, self.mean) = (noise, sigma, mean);
        (self.path_sigma, self.path_c) = (path_sigma, path_c);
        Ok(())
    }
}

//! MO-CMA-ES: "Covariance Matrix Adaptation for Multi-objective Optimization" (Igel, Hansen and Roth, Evolutionary
//! Computation 15, 2007), with the notion of success of "Improved Step Size Adaptation for the MO-CMA-ES" (Voss,
//! Hansen and Igel, GECCO 2010).
//!
//! Each of λ parents x has a step size σ and a factor A of its own covariance matrix, and makes one child x + σ A z.
//! The best λ of parents and children are the next parents: by the number of their front, and in the last front that
//! fits in part, what adds least to the hypervolume is left out, again and again. A child is a success if it is
//! chosen. With p the rate of success of a parent, p ← (1 − c_p) p + c_p success, and σ ← σ exp((p − p*)/(d (1 −
//! p*))), for parents and for chosen children. A chosen child also has a path, q ← (1 − c_c) q + √(c_c (2 − c_c)) A
//! z, and
//!
//! C ← (1 − c) C + c q qᵀ,
//!
//! by an update of A and of its inverse (Suttorp, Hansen and Igel 2009). While successes are frequent (p ≥ 0.44), q
//! only fades, and C keeps c c_c (2 − c_c) more of itself. Constants are those of the paper for one child: p* =
//! 1/5.5, c_p = p*/(2 + p*), d = 1 + n/2, c_c = 2/(n + 2), c = 2/(n² + 6).

use serde::{Deserialize, Serialize};

use super::front::{Front, Kept};
use super::noise::Noise;
use super::{
    FieldInfo, Memory, Objectives, Ranked, Settings, State, Strategy, StrategyError, StrategyInfo, check,
    linalg, objective_fields, pareto, rows,
};

/// Settings of MO-CMA-ES.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MoCmaEsConfig {
    /// Names of the objectives, each maximised.
    pub objectives: Vec<String>,
    /// Where the hypervolume of the metrics begins: the lowest value of each objective that counts; empty is the
    /// worst of the first generation.
    pub reference: Vec<f64>,
    /// Members per generation, and members kept; ≥ 2.
    pub population: usize,
    /// Standard deviation of the first generation around the start, and first step size of each member, parameter
    /// units; > 0.
    pub sigma: f64,
    /// Largest number of parameters accepted; ≥ 1. Memory is 16 n² bytes for each member, and three times that while a
    /// checkpoint is written.
    pub max_dimension: usize,
}

impl Default for MoCmaEsConfig {
    fn default() -> Self {
        Self {
            objectives: vec!["return".to_owned(), "energy".to_owned()],
            reference: Vec::new(),
            population: 100,
            sigma: 0.5,
            max_dimension: 400,
        }
    }
}

pub(super) const INFO: StrategyInfo = StrategyInfo {
    name: "mo_cma_es",
    config: "MoCmaEs",
    summary: "several objectives, each member with a covariance matrix of its own; O(λn²) memory, up to some hundreds of \
              parameters",
    reference: "Igel, Hansen and Roth 2007; Voss, Hansen and Igel 2010",
    fields: &[
        objective_fields::OBJECTIVES,
        objective_fields::REFERENCE,
        FieldInfo::new("population", "members", "100", "≥ 2"),
        FieldInfo::new("sigma", "parameter units", "0.5", "> 0"),
        FieldInfo::new("max_dimension", "parameters", "400", "≥ 1"),
    ],
};

impl Settings for MoCmaEsConfig {
    fn info(&self) -> &'static StrategyInfo {
        &INFO
    }

    fn validate(&self) -> Result<(), StrategyError> {
        let name = INFO.name;
        Objectives { names: &self.objectives, reference: &self.reference }.validate(name)?;
        check::at_least_two(name, Some(self.population))?;
        check::positive(name, "sigma", self.sigma)?;
        check::at_least_one(name, "max_dimension", self.max_dimension as u64)
    }

    fn objectives(&self) -> Option<Objectives<'_>> {
        Some(Objectives { names: &self.objectives, reference: &self.reference })
    }

    fn memory(&self, parameters: usize) -> Result<Memory, StrategyError> {
        check::dimension(INFO.name, parameters, self.max_dimension, 16 * self.population as u64)?;
        // A and its inverse, those of the next generation, and two copies for a checkpoint.
        Ok(Memory::square(parameters, 8 * self.population as u64, self.population, 6))
    }

    fn build(&self, x0: &[f64], seed: u64) -> Result<Box<dyn Strategy>, StrategyError> {
        let n = x0.len();
        check::dimension(INFO.name, n, self.max_dimension, 16 * self.population as u64)?;
        let objectives = Objectives { names: &self.objectives, reference: &self.reference };
        Ok(Box::new(MoCmaEs {
            config: self.clone(),
            noise: Noise::new(seed),
            kept: Kept::new(x0, objectives),
            own: Vec::new(),
        }))
    }
}

/// p*.
const TARGET: f64 = 1.0 / 5.5;
/// c_p.
const FADE: f64 = TARGET / (2.0 + TARGET);
/// Rate of success from which on the path only fades.
const FREQUENT: f64 = 0.44;

/// What a parent has beside its place.
#[derive(Clone)]
struct Own {
    sigma: f64,
    /// p.
    success: f64,
    /// q.
    path: Vec<f64>,
    /// A, n × n.
    factor: Vec<f64>,
    inverse: Vec<f64>,
}

impl Own {
    fn new(n: usize, sigma: f64) -> Self {
        let (factor, inverse) = (linalg::identity(n), linalg::identity(n));
        Self { sigma, success: TARGET, path: vec![0.0; n], factor, inverse }
    }

    fn take(&mut self, success: bool) {
        let n = self.path.len() as f64;
        self.success += FADE * (f64::from(u8::from(success)) - self.success);
        let change = (self.success - TARGET) / ((1.0 + 0.5 * n) * (1.0 - TARGET));
        // Far from what members can hold.
        self.sigma = (self.sigma * libm::exp(change)).clamp(1e-100, 1e100);
    }

    /// That of a chosen child, which is `step` away from its parent in units of the parent's σ.
    fn child(&self, step: &[f64]) -> Self {
        let n = self.path.len() as f64;
        let (c_c, c) = (2.0 / (n + 2.0), 2.0 / (n * n + 6.0));
        let mut child = self.clone();
        child.take(true);
        child.path.iter_mut().for_each(|q| *q *= 1.0 - c_c);
        let mut keep = 1.0 - c;
        if child.success < FREQUENT {
            let gain = (c_c * (2.0 - c_c)).sqrt();
            child.path.iter_mut().zip(step).for_each(|(q, y)| *q += gain * y);
        } else {
            keep += c * c_c * (2.0 - c_c);
        }
        child.turn(keep, c);
        child
    }

    /// A Aᵀ ← keep A Aᵀ + c q qᵀ.
    fn turn(&mut self, keep: f64, c: f64) {
        let n = self.path.len();
        let w: Vec<f64> = self.inverse.chunks(n).map(|row| dot(row, &self.path)).collect();
        let square = dot(&w, &w);
        // Below, the rest is rounding.
        if square < 1e-30 {
            return;
        }
        let a = keep.sqrt();
        let b = a / square * ((1.0 + c / keep * square).sqrt() - 1.0);
        let back = linalg::product(&w, &self.inverse, n);
        let shrink = b / (a * a + a * b * square);
        for ((row, inverse), (q, w_row)) in
            self.factor.chunks_mut(n).zip(self.inverse.chunks_mut(n)).zip(self.path.iter().zip(&w))
        {
            row.iter_mut().zip(&w).for_each(|(x, w)| *x = a * *x + b * q * w);
            inverse.iter_mut().zip(&back).for_each(|(x, back)| *x = *x / a - shrink * w_row * back);
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

struct MoCmaEs {
    config: MoCmaEsConfig,
    noise: Noise,
    kept: Kept,
    /// Of each one that is kept.
    own: Vec<Own>,
}

impl MoCmaEs {
    /// A z of a member, and the place that it starts from with its step size.
    fn write(&self, member: usize, out: &mut [f64]) {
        self.noise.normals_f64(member, out);
        let (from, sigma) = match self.own.get(member) {
            Some(own) => {
                let z = out.to_vec();
                out.iter_mut().zip(own.factor.chunks(z.len())).for_each(|(y, row)| *y = dot(row, &z));
                (self.kept.row(member), own.sigma)
            }
            None => (&self.kept.mean[..], self.config.sigma),
        };
        out.iter_mut().zip(from).for_each(|(y, x)| *y = x + sigma * *y);
    }

    /// Those of all points that go on.
    fn chosen(&self, points: &[f64]) -> Vec<usize> {
        let (d, most) = (self.kept.d, self.config.population);
        let number = pareto::fronts(points, d);
        let mut chosen = Vec::new();
        for front in 0.. {
            let mut members: Vec<usize> = (0..number.len()).filter(|&i| number[i] == front).collect();
            if chosen.len() + members.len() > most {
                // The worst of all, and a little more, so that the ends of the front count, too. Failed ones are no measure.
                let lowest = |k: usize| {
                    let values = points.chunks(d).map(|point| point[k]).filter(|&x| x > f64::MIN);
                    values.fold(f64::INFINITY, f64::min) - 1.0
                };
                let reference: Vec<f64> = (0..d).map(lowest).collect();
                while chosen.len() + members.len() > most {
                    members.remove(pareto::least(points, &reference, &members));
                }
            }
            chosen.extend(members);
            if chosen.len() == most || chosen.len() == number.len() {
                return chosen;
            }
        }
        chosen
    }
}

impl Strategy for MoCmaEs {
    fn population(&self) -> usize {
        self.config.population
    }

    fn dimension(&self) -> usize {
        self.kept.mean.len()
    }

    fn ask(&mut self, generation: u64) {
        self.noise.ask(generation);
    }

    fn members(&self, first: usize, out: &mut [f64]) {
        for (member, row) in (first..).zip(out.chunks_mut(self.kept.mean.len())) {
            self.write(member, row);
        }
    }

    /// Fitness alone is one objective.
    fn tell(&mut self, fitness: &[f64], ranked: &Ranked) {
        self.tell_with(fitness, ranked, &self.kept.alone(fitness));
    }

    fn descriptors(&self) -> usize {
        self.kept.d
    }

    fn tell_with(&mut self, fitness: &[f64], ranked: &Ranked, values: &[f64]) {
        let (n, d, count) = (self.kept.mean.len(), self.kept.d, fitness.len());
        let row = |member| {
            let mut row = vec![0.0; n];
            self.write(member, &mut row);
            row
        };
        let children = rows::of_rows(count, n * n, row).concat();
        let told = self.kept.told(ranked, values);
        if self.own.is_empty() {
            self.own = vec![Own::new(n, self.config.sigma); count];
            self.kept.replace(children, told);
        } else {
            // Children first, as their parents' next in line.
            let points = [&told[..], &self.kept.values].concat();
            let chosen = self.chosen(&points);
            let own = rows::of_rows(chosen.len(), n * n, |place| {
                let member = chosen[place];
                if member >= count {
                    let mut own = self.own[member - count].clone();
                    own.take(chosen.contains(&(member - count)));
                    return own;
                }
                let own = &self.own[member];
                let places = children[member * n..][..n].iter().zip(self.kept.row(member));
                own.child(&places.map(|(child, parent)| (child - parent) / own.sigma).collect::<Vec<f64>>())
            });
            let all = [&children[..], &self.kept.rows].concat();
            let rows = chosen.iter().flat_map(|&i| all[i * n..][..n].to_vec()).collect();
            let values = chosen.iter().flat_map(|&i| points[i * d..][..d].to_vec()).collect();
            self.kept.replace(rows, values);
            self.own = own;
        }
    }

    fn front(&self) -> Option<Front> {
        Some(self.kept.front())
    }

    fn mean(&self) -> &[f64] {
        &self.kept.mean
    }

    fn shift(&mut self, by: &[f64]) {
        self.kept.shift(by);
    }

    fn can_diverge(&self) -> bool {
        false
    }

    /// Geometric mean of the members'.
    fn sigma(&self) -> f64 {
        if self.own.is_empty() {
            return self.config.sigma;
        }
        libm::exp(self.own.iter().map(|own| libm::log(own.sigma)).sum::<f64>() / self.own.len() as f64)
    }

    fn state(&self) -> State {
        let (n, count) = (self.kept.mean.len(), self.own.len());
        let mut state = State::default();
        state.set_integer("population", self.config.population as u64);
        self.noise.save(&mut state);
        self.kept.save(&mut state);
        let column = |of: fn(&Own) -> f64| self.own.iter().map(of).collect::<Vec<f64>>();
        state.set_f64("sigmas", &[count], &column(|own| own.sigma));
        state.set_f64("success", &[count], &column(|own| own.success));
        let all =
            |of: fn(&Own) -> &[f64]| self.own.iter().flat_map(|own| of(own).to_vec()).collect::<Vec<f64>>();
        state.set_f64("paths", &[count, n], &all(|own| &own.path));
        state.set_f64("factors", &[count, n, n], &all(|own| &own.factor));
        state.set_f64("inverses", &[count, n, n], &all(|own| &own.inverse));
        state
    }

    fn restore(&mut self, state: &State) -> Result<(), StrategyError> {
        let n = self.kept.mean.len();
        state.expect("population", self.config.population as u64)?;
        let noise = self.noise.loaded(state)?;
        let kept = self.kept.saved(state)?;
        let count = kept.count();
        let (sigmas, success) = (state.f64("sigmas", &[count])?, state.f64("success", &[count])?);
        let paths = state.f64("paths", &[count, n])?;
        let square = |name: &str| state.f64(name, &[count, n, n]);
        let (factors, inverses) = (square("factors")?, square("inverses")?);
        let own = |i: usize| Own {
            sigma: sigmas[i],
            success: success[i],
            path: paths[i * n..][..n].to_vec(),
            factor: factors[i * n * n..][..n * n].to_vec(),
            inverse: inverses[i * n * n..][..n * n].to_vec(),
        };
        self.own = (0..count).map(own).collect();
        (self.noise, self.kept) = (noise, kept);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inverse_stays_one() {
        let mut own = Own::new(3, 1.0);
        for step in 0..40 {
            let sign = if step % 2 == 0 { 1.0 } else { -1.0 };
            own = own.child(&[sign, 2.0, 0.1 * f64::from(step)]);
            own.take(false);
        }
        let product = linalg::product(&own.factor, &own.inverse, 3);
        let identity = linalg::identity(3);
        assert!(product.iter().zip(&identity).all(|(a, b)| (a - b).abs() < 1e-10), "{product:?}");
        assert!(own.factor[4] > 1.0, "longer along what succeeded: {:?}", own.factor);
    }
}

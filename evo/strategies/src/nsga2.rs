//! NSGA-II: "A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II" (Deb, Pratap, Agarwal and Meyarivan, IEEE
//! Transactions on Evolutionary Computation 6, 2002).
//!
//! The best λ of parents and children together are the next parents: by the number of their front (0 is dominated by
//! nobody), and in the last front that fits in part by crowding distance, so that the front stays wide. Parents of
//! two children each win a tournament of two by the same order. Children are made by simulated binary crossover and
//! polynomial mutation (Deb and Agrawal 1995; Deb and Goyal 1996), which keep bounds where there are any.

use rand::{Rng, RngExt as _};
use serde::{Deserialize, Serialize};

use super::front::{Front, Kept};
use super::noise::Noise;
use super::{
    FieldInfo, Memory, Objectives, Ranked, Settings, State, Strategy, StrategyError, StrategyInfo, check,
    objective_fields, pareto, rows,
};

/// Settings of NSGA-II.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Nsga2Config {
    /// Names of the objectives, each maximised.
    pub objectives: Vec<String>,
    /// Where the hypervolume begins: the lowest value of each objective that counts; empty is the worst of the first
    /// generation.
    pub reference: Vec<f64>,
    /// Members per generation, and members kept; ≥ 4 and even.
    pub population: usize,
    /// Standard deviation of the first generation around the start, and largest change of a coordinate by a mutation,
    /// where there are no bounds; parameter units, > 0.
    pub sigma: f64,
    /// Bounds of all parameters, or `None`. The first generation is uniform between them.
    pub bounds: Option<(f64, f64)>,
    /// Probability that two parents are crossed; 0 to 1.
    pub crossover: f64,
    /// Distribution index of crossover: the larger, the nearer children are to their parents; ≥ 0.
    pub crossover_index: f64,
    /// Probability that a coordinate mutates; `None` is 1/n.
    pub mutation: Option<f64>,
    /// Distribution index of mutation: the larger, the smaller mutations are; ≥ 0.
    pub mutation_index: f64,
}

impl Default for Nsga2Config {
    fn default() -> Self {
        Self {
            objectives: vec!["return".to_owned(), "energy".to_owned()],
            reference: Vec::new(),
            population: 100,
            sigma: 0.5,
            bounds: None,
            crossover: 0.9,
            crossover_index: 15.0,
            mutation: None,
            mutation_index: 20.0,
        }
    }
}

pub(super) const INFO: StrategyInfo = StrategyInfo {
    name: "nsga2",
    config: "Nsga2",
    summary: "several objectives: a front of members that no other is better than in all; O(λn) memory",
    reference: "Deb et al. 2002",
    fields: &[
        objective_fields::OBJECTIVES,
        objective_fields::REFERENCE,
        FieldInfo::new("population", "members", "100", "≥ 4 and even"),
        FieldInfo::new("sigma", "parameter units", "0.5", "> 0"),
        FieldInfo::new("bounds", "parameter units", "None", "(lower, upper), or None"),
        FieldInfo::new("crossover", "1", "0.9", "0 to 1"),
        FieldInfo::new("crossover_index", "1", "15.0", "≥ 0"),
        FieldInfo::new("mutation", "1", "None", "0 to 1; None is 1/n"),
        FieldInfo::new("mutation_index", "1", "20.0", "≥ 0"),
    ],
};

impl Settings for Nsga2Config {
    fn info(&self) -> &'static StrategyInfo {
        &INFO
    }

    fn validate(&self) -> Result<(), StrategyError> {
        let name = INFO.name;
        Objectives { names: &self.objectives, reference: &self.reference }.validate(name)?;
        check::pairs(name, self.population)?;
        if self.population < 4 {
            return Err(check::error(name, "population", &self.population, "an even number ≥ 4"));
        }
        check::positive(name, "sigma", self.sigma)?;
        if let Some((lower, upper)) = self.bounds
            && !(lower < upper && (upper - lower).is_finite())
        {
            let value = format!("({lower}, {upper})");
            return Err(check::error(
                name,
                "bounds",
                &value,
                "finite numbers (lower, upper), lower below upper",
            ));
        }
        check::probability(name, "crossover", self.crossover)?;
        check::at_least_zero(name, "crossover_index", self.crossover_index)?;
        check::probability(name, "mutation", self.mutation.unwrap_or(0.0))?;
        check::at_least_zero(name, "mutation_index", self.mutation_index)
    }

    fn objectives(&self) -> Option<Objectives<'_>> {
        Some(Objectives { names: &self.objectives, reference: &self.reference })
    }

    /// Between the bounds.
    fn start(&self, initial: Vec<f64>) -> Vec<f64> {
        let clamped = |x: f64| self.bounds.map_or(x, |(lower, upper)| x.clamp(lower, upper));
        initial.into_iter().map(clamped).collect()
    }

    fn memory(&self, parameters: usize) -> Result<Memory, StrategyError> {
        Ok(super::breed::memory(parameters, 2 * self.population))
    }

    fn build(&self, x0: &[f64], seed: u64) -> Result<Box<dyn Strategy>, StrategyError> {
        let objectives = Objectives { names: &self.objectives, reference: &self.reference };
        let kept = Kept::new(x0, objectives);
        let (config, noise) = (self.clone(), Noise::new(seed));
        Ok(Box::new(Nsga2 { config, noise, kept, order: Vec::new() }))
    }
}

struct Nsga2 {
    config: Nsga2Config,
    noise: Noise,
    kept: Kept,
    /// Front and crowding distance of those kept.
    order: Vec<(usize, f64)>,
}

/// Front and crowding distance of each point.
fn ordered(points: &[f64], d: usize) -> Vec<(usize, f64)> {
    let number = pareto::fronts(points, d);
    let mut order: Vec<(usize, f64)> = number.iter().map(|&front| (front, 0.0)).collect();
    for front in 0..number.iter().max().map_or(0, |last| last + 1) {
        let members: Vec<usize> = (0..number.len()).filter(|&i| number[i] == front).collect();
        for (&member, distance) in members.iter().zip(pareto::crowding(points, d, &members)) {
            order[member].1 = distance;
        }
    }
    order
}

impl Nsga2 {
    /// The better one of two that are drawn.
    fn parent(&self, stream: &mut impl Rng) -> usize {
        let mut draw = || stream.random_range(0..self.kept.count());
        let (a, b) = (draw(), draw());
        let ((front_a, crowd_a), (front_b, crowd_b)) = (self.order[a], self.order[b]);
        let other = front_b < front_a || (front_b == front_a && crowd_b > crowd_a);
        if other { b } else { a }
    }

    /// Both children of a pair, before mutation.
    fn crossed(&self, pair: usize) -> [Vec<f64>; 2] {
        let mut stream = self.noise.stream(self.config.population + pair);
        let (first, second) = (self.parent(&mut stream), self.parent(&mut stream));
        let mut children = [self.kept.row(first).to_vec(), self.kept.row(second).to_vec()];
        if stream.random::<f64>() >= self.config.crossover {
            return children;
        }
        let [one, other] = &mut children;
        for (x, y) in one.iter_mut().zip(other) {
            let mut draw = || stream.random::<f64>();
            let (crosses, u, swaps) = (draw(), draw(), draw());
            if crosses >= 0.5 || (*x - *y).abs() <= 1e-14 {
                continue;
            }
            let (low, high) = (x.min(*y), x.max(*y));
            let (center, width) = (0.5 * (low + high), high - low);
            let (below, above) =
                self.config.bounds.map_or((f64::INFINITY, f64::INFINITY), |(l, u)| (low - l, u - high));
            let spread = |room: f64| 0.5 * width * self.spread(u, 1.0 + 2.0 * room / width);
            let [a, b] = [center - spread(below), center + spread(above)];
            (*x, *y) = if swaps < 0.5 { (b, a) } else { (a, b) };
        }
        children
    }

    /// β of simulated binary crossover, for a uniform number and the largest β that the bounds allow.
    fn spread(&self, u: f64, most: f64) -> f64 {
        let power = self.config.crossover_index + 1.0;
        let alpha = 2.0 - libm::pow(most, -power);
        let base = if u * alpha <= 1.0 { u * alpha } else { 1.0 / (2.0 - u * alpha) };
        libm::pow(base, 1.0 / power)
    }

    /// A coordinate after polynomial mutation.
    fn mutated(&self, x: f64, u: f64) -> f64 {
        let power = self.config.mutation_index + 1.0;
        let sigma = self.config.sigma;
        let (below, above, range) = match self.config.bounds {
            Some((lower, upper)) => (x - lower, upper - x, upper - lower),
            None => (sigma, sigma, sigma),
        };
        let change = |room: f64, u: f64| {
            let far = libm::pow(1.0 - room / range, power);
            range * (1.0 - libm::pow(u + (1.0 - u) * far, 1.0 / power))
        };
        if u < 0.5 { x - change(below, 2.0 * u) } else { x + change(above, 2.0 * (1.0 - u)) }
    }

    fn write(&self, member: usize, out: &mut [f64]) {
        let mut stream = self.noise.stream(member);
        if self.order.is_empty() {
            match self.config.bounds {
                Some((lower, upper)) => {
                    out.iter_mut().for_each(|x| *x = lower + (upper - lower) * stream.random::<f64>());
                }
                None => {
                    self.noise.normals_f64(member, out);
                    out.iter_mut()
                        .zip(&self.kept.mean)
                        .for_each(|(x, mean)| *x = mean + self.config.sigma * *x);
                }
            }
            return;
        }
        out.copy_from_slice(&self.crossed(member / 2)[member % 2]);
        let rate = self.config.mutation.unwrap_or(1.0 / out.len() as f64);
        for x in out {
            let mut draw = || stream.random::<f64>();
            let (mutates, u) = (draw(), draw());
            if mutates < rate {
                *x = self.mutated(*x, u);
            }
            if let Some((lower, upper)) = self.config.bounds {
                *x = x.clamp(lower, upper);
            }
        }
    }
}

impl Strategy for Nsga2 {
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
        let (n, d, most) = (self.kept.mean.len(), self.kept.d, self.config.population);
        let row = |member| {
            let mut row = vec![0.0; n];
            self.write(member, &mut row);
            row
        };
        let children = rows::of_rows(fitness.len(), n, row);
        let told = self.kept.told(ranked, values);
        self.kept.rows.extend(children.concat());
        self.kept.values.extend(told);
        let order = ordered(&self.kept.values, d);
        let mut best: Vec<usize> = (0..order.len()).collect();
        let by = |i: &usize, j: &usize| {
            let ((front, crowd), (other, than)) = (order[*i], order[*j]);
            front.cmp(&other).then(than.total_cmp(&crowd)).then(i.cmp(j))
        };
        best.sort_by(by);
        best.truncate(most);
        let rows = best.iter().flat_map(|&i| self.kept.row(i).to_vec()).collect();
        let values = best.iter().flat_map(|&i| self.kept.values[i * d..][..d].to_vec()).collect();
        self.kept.replace(rows, values);
        self.order = ordered(&self.kept.values, d);
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

    /// Of the first generation.
    fn sigma(&self) -> f64 {
        self.config.bounds.map_or(self.config.sigma, |(lower, upper)| (upper - lower) / 12.0_f64.sqrt())
    }

    fn state(&self) -> State {
        let mut state = State::default();
        state.set_integer("population", self.config.population as u64);
        self.noise.save(&mut state);
        self.kept.save(&mut state);
        state
    }

    fn restore(&mut self, state: &State) -> Result<(), StrategyError> {
        state.expect("population", self.config.population as u64)?;
        let noise = self.noise.loaded(state)?;
        self.kept = self.kept.saved(state)?;
        self.noise = noise;
        self.order = ordered(&self.kept.values, self.kept.d);
        Ok(())
    }
}

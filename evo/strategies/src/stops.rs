//! When a run is given up: what pycma 4.5 stops at, from the fitness of its generations and its mean alone, so for any
//! strategy. Names and constants are those of its options, n is the dimension and λ the population.

use super::strategy::StopReason;
use super::{Ranked, State, StrategyError};

/// How many entries the long histories have at the most.
const LONGEST: usize = 20_000;

/// What a run has seen.
pub(super) struct Stops {
    n: usize,
    population: usize,
    /// Most generations.
    limit: u64,
    /// Generations without a better member after which a run ends, if there is such a number.
    patience: Option<u64>,
    seen: Seen,
}

struct Seen {
    generations: u64,
    /// Best fitness of the last 10 + 30n/λ generations, oldest first.
    recent: Vec<f64>,
    /// Best minus worst fitness of the last generation.
    range: f64,
    /// Best and median fitness of each fifth generation, oldest first.
    bests: Vec<f64>,
    medians: Vec<f64>,
    best: f64,
    best_at: u64,
    /// Generations in a row in which three quarters of the members were equally good.
    flat: u64,
    /// Where the mean was when it last moved, and the generation.
    place: Vec<f64>,
    moved_at: u64,
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { 0.5 * sorted[middle - 1] + 0.5 * sorted[middle] }
}

fn range(values: &[f64]) -> f64 {
    let (low, high) = (f64::INFINITY, f64::NEG_INFINITY);
    let (low, high) = values.iter().fold((low, high), |(low, high), &x| (x.min(low), x.max(high)));
    high - low
}

impl Stops {
    /// `maxiter`: 100 + 150 (n + 3)²/√λ generations, unless `limit` is lower.
    pub fn new(mean: &[f64], population: usize, limit: Option<u64>, patience: Option<u64>) -> Self {
        let n = mean.len() as f64;
        let usual = 100 + (150.0 * (n + 3.0) * (n + 3.0) / (population as f64).sqrt()) as u64;
        let seen = Seen {
            generations: 0,
            recent: Vec::new(),
            range: 0.0,
            bests: Vec::new(),
            medians: Vec::new(),
            best: f64::MIN,
            best_at: 0,
            flat: 0,
            place: mean.to_vec(),
            moved_at: 0,
        };
        let limit = limit.map_or(usual, |limit| limit.min(usual));
        Self { n: mean.len(), population, limit, patience, seen }
    }

    /// Generations of the run.
    pub fn generations(&self) -> u64 {
        self.seen.generations
    }

    /// Takes a generation that was told, and the mean after it.
    pub fn take(&mut self, fitness: &[f64], ranked: &Ranked, mean: &[f64]) {
        let (order, seen) = (ranked.order(), &mut self.seen);
        let (best, worst) = (fitness[order[0]], fitness[order[order.len() - 1]]);
        seen.generations += 1;
        if best > seen.best {
            (seen.best, seen.best_at) = (best, seen.generations);
        }
        seen.range = (best - worst).min(f64::MAX);
        seen.recent.push(best);
        if seen.recent.len() as f64 > 10.0 + 30.0 * self.n as f64 / self.population as f64 {
            seen.recent.remove(0);
        }
        if seen.generations.is_multiple_of(5) {
            seen.bests.push(best);
            seen.medians.push(median(fitness));
            if seen.bests.len() > LONGEST {
                seen.bests.remove(0);
                seen.medians.remove(0);
            }
        }
        let flat = best == fitness[order[3 * order.len() / 4]];
        seen.flat = if flat { seen.flat + 1 } else { 0 };
        // tolxstagnation: 1e-9, 20, 0.1.
        let waited = (seen.generations - seen.moved_at) as f64;
        let tolerance = 1e-9 * (waited / (20.0 + 0.1 * seen.generations as f64)).max(1.0).sqrt();
        let square = |(a, b): (&f64, &f64)| (a - b) * (a - b);
        if seen.place.iter().zip(mean).map(square).sum::<f64>().sqrt() > tolerance {
            seen.place.copy_from_slice(mean);
            seen.moved_at = seen.generations;
        }
    }

    /// Why the run is to end.
    pub fn reason(&self) -> Option<StopReason> {
        let seen = &self.seen;
        let recent = range(&seen.recent);
        if seen.generations == 0 {
            None
        } else if seen.range < 1e-11 && recent < 1e-11 {
            Some(StopReason::TolFun)
        } else if seen.recent.len() > 9 && recent < 1e-12 {
            Some(StopReason::TolFunHist)
        } else if seen.flat > 3 {
            Some(StopReason::FlatFitness)
        } else if self.stagnates() {
            Some(StopReason::Stagnation)
        } else if (seen.generations - seen.moved_at) as f64 > 20.0 + 0.1 * seen.generations as f64 {
            Some(StopReason::MeanStagnation)
        } else if seen.generations >= self.limit {
            Some(StopReason::Generations)
        } else if self.patience.is_some_and(|patience| seen.generations - seen.best_at >= patience) {
            Some(StopReason::NoImprovement)
        } else {
            None
        }
    }

    /// tolstagnation: neither the best nor the median members are better than before, in the median over the later
    /// half of at least 100 + 100 n^1.5/λ generations.
    fn stagnates(&self) -> bool {
        let (seen, n, lambda) = (&self.seen, self.n as f64, self.population as f64);
        let tolerance = (100.0 + 100.0 * n * n.sqrt() / lambda).floor();
        let length = (tolerance / 10.0).max(seen.bests.len() as f64 / 10.0) as usize;
        let late = |values: &[f64]| median(&values[values.len() - length..]);
        let early = |values: &[f64]| median(&values[values.len() - 2 * length..values.len() - length]);
        let worse = |values: &[f64]| late(values) <= early(values);
        seen.generations as f64 > n * (5.0 + 100.0 / lambda)
            && (seen.generations - seen.best_at) as f64 > tolerance / 2.0
            && seen.bests.len() > 100
            && 2 * length < seen.bests.len()
            && worse(&seen.medians)
            && worse(&seen.bests)
    }

    pub fn save(&self, state: &mut State) {
        let seen = &self.seen;
        let (recent, long) = (seen.recent.len(), seen.bests.len());
        state.set_integer("run.limit", self.limit);
        state.set_integer("run.generations", seen.generations);
        state.set_integer("run.recent", recent as u64);
        state.set_integer("run.records", long as u64);
        state.set_integer("run.best_at", seen.best_at);
        state.set_integer("run.flat", seen.flat);
        state.set_integer("run.moved_at", seen.moved_at);
        state.set_real("run.best", seen.best);
        state.set_real("run.range", seen.range);
        state.set_f64("run.recent", &[recent], &seen.recent);
        state.set_f64("run.bests", &[long], &seen.bests);
        state.set_f64("run.medians", &[long], &seen.medians);
        state.set_f64("run.place", &[self.n], &seen.place);
    }

    /// Those of a saved state, of a run in `n` parameters with so many members.
    pub fn saved(
        state: &State,
        n: usize,
        population: usize,
        patience: Option<u64>,
    ) -> Result<Self, StrategyError> {
        let count = |name: &str| state.integer(name).map(|count| count as usize);
        let vector = |name: &str, length| state.f64(name, &[length]).map(<[f64]>::to_vec);
        let (recent, long) = (count("run.recent")?, count("run.records")?);
        let seen = Seen {
            place: vector("run.place", n)?,
            generations: state.integer("run.generations")?,
            recent: vector("run.recent", recent)?,
            range: state.real("run.range")?,
            bests: vector("run.bests", long)?,
            medians: vector("run.medians", long)?,
            best: state.real("run.best")?,
            best_at: state.integer("run.best_at")?,
            flat: state.integer("run.flat")?,
            moved_at: state.integer("run.moved_at")?,
        };
        Ok(Self { n, population, limit: state.integer("run.limit")?, patience, seen })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    /// Generations until a run of 2 parameters and 10 members ends, and why; with the fitness of member `i` in a
    /// generation and the mean after it.
    fn end(
        limit: Option<u64>,
        fitness: impl Fn(u64, f64) -> f64,
        mean: impl Fn(u64) -> f64,
    ) -> (u64, StopReason) {
        let mut stops = Stops::new(&[0.0; 2], 10, limit, None);
        for generation in 1..5000 {
            let mut told: Vec<f64> = (0..10).map(|i| fitness(generation, f64::from(i))).collect();
            let ranked = Ranked::new(&mut told).unwrap();
            stops.take(&told, &ranked, &[mean(generation); 2]);
            if let Some(reason) = stops.reason() {
                return (stops.generations(), reason);
            }
        }
        panic!("no end");
    }

    #[test]
    fn runs_end_as_those_of_pycma() {
        let moving = |generation: u64| generation as f64;
        // Differences of 1e-13 between generations, of 1 among members.
        assert_eq!(end(None, |_, i| -i, moving), (10, StopReason::TolFunHist));
        assert_eq!(end(None, |_, i| -1e-13 * i, moving), (1, StopReason::TolFun));
        let flat = |generation: u64, i: f64| generation as f64 - if i < 8.0 { 0.0 } else { 1.0 };
        assert_eq!(end(None, flat, moving), (4, StopReason::FlatFitness));
        // 20 + a tenth of all generations without a move: 23 after the first one.
        let better = |generation: u64, i: f64| generation as f64 - i;
        assert_eq!(end(None, better, |_| 1.0), (24, StopReason::MeanStagnation));
        // 100 + 150 · 25/√10.
        assert_eq!(end(None, better, moving), (1285, StopReason::Generations));
        assert_eq!(end(Some(40), better, moving), (40, StopReason::Generations));
        // Worse and worse after the first one: with more than 100 records, one each five generations.
        let worse = |generation: u64, i: f64| -i - generation as f64;
        assert_eq!(end(None, worse, moving), (505, StopReason::Stagnation));
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        assert_eq!([median(&[f64::MAX; 4]), median(&[f64::MIN; 4])], [f64::MAX, f64::MIN]);
        let fitness = [f64::MAX, 0.0, f64::MIN];
        let mut stops = Stops::new(&[0.0], fitness.len(), None, None);
        for _ in 0..5 {
            let ranked = Ranked::new(&mut fitness.clone()).unwrap();
            stops.take(&fitness, &ranked, &[0.0]);
        }
        let mut state = State::default();
        stops.save(&mut state);
        assert_eq!(state.check_finite(), Ok(()));
    }
}

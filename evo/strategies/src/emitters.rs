//! Emitters of quality diversity: CMA-ES that climb toward what improves an archive, and begin anew from one of its elites
//! when they no longer do.
//!
//! A generation is divided among the emitters. All its members are compared with the archive as it was before; then each
//! emitter ranks its own and updates its distribution, with passive weights.

use rand::{Rng as _, RngExt as _};

use super::archive::{Added, Told};
use super::random::{Purpose, Stream};
use super::strategy::Precision;
use super::{
    Archive, CmaEsConfig, Memory, Ranked, SepCmaEsConfig, Settings, State, Status, Strategy, StrategyError,
    check,
};

/// Members of an emitter, if the number of emitters is not told: as in the papers.
const USUAL: usize = 36;
/// An emitter whose members' values differ by less begins anew.
const FLAT: f64 = 1e-12;

/// What CMA-ME and CMA-MAE differ in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// New cells first, then improvements. Parents are all members that were accepted; without any, the emitter begins
    /// anew.
    Improvement,
    /// By the improvement alone. Parents are the better half.
    Annealing {
        /// Whether empty cells get the lowest fitness of the first generation as their threshold.
        waits: bool,
    },
}

/// The settings that both share.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shared {
    pub strategy: &'static str,
    pub rule: Rule,
    pub population: usize,
    pub emitters: Option<usize>,
    pub sigma: f64,
    pub separable: bool,
    pub max_dimension: usize,
}

impl Shared {
    pub fn validate(&self) -> Result<(), StrategyError> {
        check::at_least_two(self.strategy, Some(self.population))?;
        if let Some(emitters) = self.emitters.filter(|emitters| !(1..=self.population / 2).contains(emitters))
        {
            let expected = "None, or an integer ≥ 1 that leaves each emitter two members";
            return Err(check::error(self.strategy, "emitters", &emitters, expected));
        }
        check::positive(self.strategy, "sigma", self.sigma)?;
        check::at_least_one(self.strategy, "max_dimension", self.max_dimension as u64)
    }

    fn count(&self) -> usize {
        self.emitters.unwrap_or_else(|| ((self.population + USUAL / 2) / USUAL).max(1))
    }

    /// Members of an emitter: the first ones have one more where the population cannot be divided.
    fn members(&self, emitter: usize) -> usize {
        self.population / self.count() + usize::from(emitter < self.population % self.count())
    }

    pub fn memory(&self, parameters: usize, archive: u64) -> Result<Memory, StrategyError> {
        let emitters = self.count() as u64;
        let memory = if self.separable {
            Memory::linear(parameters)
        } else {
            check::dimension(self.strategy, parameters, self.max_dimension, 16 * emitters)?;
            Memory::square(parameters, 6, self.population, 3)
        };
        let distribution = memory.distribution.saturating_mul(emitters).saturating_add(archive);
        Ok(Memory { distribution, ..memory })
    }

    /// The distribution of an emitter that begins at `x0`.
    fn distribution(
        &self,
        emitter: usize,
        x0: &[f64],
        seed: u64,
    ) -> Result<Box<dyn Strategy>, StrategyError> {
        let (population, sigma) = (Some(self.members(emitter)), self.sigma);
        if self.separable {
            return SepCmaEsConfig { population, sigma, active: false }.build(x0, seed);
        }
        check::dimension(self.strategy, x0.len(), self.max_dimension, 16 * self.count() as u64)?;
        let max_dimension = self.max_dimension;
        CmaEsConfig { population, sigma, active: false, max_dimension, ..CmaEsConfig::default() }
            .build(x0, seed)
    }

    /// The strategy at its start.
    pub fn build(&self, x0: &[f64], seed: u64, archive: Archive) -> Result<Box<dyn Strategy>, StrategyError> {
        let emitters = (0..self.count()).map(|index| {
            let distribution = self.distribution(index, x0, begun(seed, index, 0))?;
            Ok(Emitter { distribution, generation: 0, restarts: 0 })
        });
        Ok(Box::new(Emitters {
            emitters: emitters.collect::<Result<_, StrategyError>>()?,
            shared: *self,
            archive,
            waits: self.rule == Rule::Annealing { waits: true },
            seed,
            start: x0.to_vec(),
            best: x0.to_vec(),
        }))
    }
}

/// The seed of an emitter's distribution, another one for each of its starts.
fn begun(seed: u64, emitter: usize, restarts: u64) -> u64 {
    Stream::new(seed, Purpose::Emitter, restarts, emitter as u64, 0).next_u64()
}

struct Emitter {
    distribution: Box<dyn Strategy>,
    /// Generations since it began.
    generation: u64,
    restarts: u64,
}

struct Emitters {
    shared: Shared,
    emitters: Vec<Emitter>,
    archive: Archive,
    /// Whether the threshold of empty cells is that of the worst member of the first generation, which is to come.
    waits: bool,
    seed: u64,
    start: Vec<f64>,
    /// The best elite; the start as long as there is none.
    best: Vec<f64>,
}

impl Emitters {
    fn write(&self, member: usize, out: &mut [f64]) {
        let mut own = member;
        for (index, emitter) in self.emitters.iter().enumerate() {
            let members = self.shared.members(index);
            if own < members {
                emitter.distribution.members(own, out);
                return;
            }
            own -= members;
        }
    }

    /// Ranks an emitter's members. None if it is to begin anew without an update.
    fn rank(&self, added: &[Option<Added>]) -> Option<(Ranked, bool)> {
        let key = |index: usize| {
            let added = added[index]?;
            let status = if self.shared.rule == Rule::Improvement { added.status } else { Status::Rejected };
            Some((status, added.improvement))
        };
        let mut order: Vec<usize> = (0..added.len()).collect();
        // Failed ones, which have none, are last.
        order.sort_by(|&a, &b| {
            match (key(a), key(b)) {
                (Some(a), Some(b)) => b.0.cmp(&a.0).then(b.1.total_cmp(&a.1)),
                (a, b) => b.is_some().cmp(&a.is_some()),
            }
            .then(a.cmp(&b))
        });
        let valid = added.iter().flatten().count();
        let (first, last) = (key(*order.first()?)?, key(order[valid - 1])?);
        let flat = first.0 == last.0 && first.1 - last.1 < FLAT;
        let parents = match self.shared.rule {
            Rule::Improvement => {
                let accepted = added.iter().flatten().filter(|added| added.status > Status::Rejected).count();
                if accepted == 0 {
                    return None;
                }
                Some(accepted)
            }
            Rule::Annealing { .. } => None,
        };
        Some((Ranked::chosen(order, valid, parents), flat))
    }

    fn update(&mut self, added: &[Option<Added>]) -> Vec<usize> {
        let (mut first, mut over) = (0, Vec::new());
        for index in 0..self.emitters.len() {
            let members = self.shared.members(index);
            let ranked = self.rank(&added[first..first + members]);
            first += members;
            let Some((ranked, flat)) = ranked else {
                over.push(index);
                continue;
            };
            // Only the order counts.
            let mut fitness = vec![0.0; members];
            for (rank, &member) in ranked.order().iter().enumerate() {
                fitness[member] = -(rank as f64);
            }
            let emitter = &mut self.emitters[index];
            emitter.distribution.tell(&fitness, &ranked);
            emitter.generation += 1;
            if flat || emitter.distribution.stop_reason(Precision::Double).is_some() {
                over.push(index);
            }
        }
        over
    }

    /// From an elite, drawn uniformly.
    fn restart(&mut self, index: usize) {
        let restarts = self.emitters[index].restarts + 1;
        let mut stream = Stream::new(self.seed, Purpose::Emitter, restarts, index as u64, 1);
        let chosen = match self.archive.len() {
            0 => None,
            count => self.archive.elites().nth(stream.random_range(0..count)),
        };
        let x0 = chosen.map_or(&self.start[..], |(_, elite)| &elite.parameters);
        let seed = begun(self.seed, index, restarts);
        // It was built with these settings before.
        if let Ok(distribution) = self.shared.distribution(index, x0, seed) {
            self.emitters[index] = Emitter { distribution, generation: 0, restarts };
        }
    }
}

impl Strategy for Emitters {
    fn population(&self) -> usize {
        self.shared.population
    }

    fn dimension(&self) -> usize {
        self.start.len()
    }

    fn ask(&mut self, _generation: u64) {
        self.emitters.iter_mut().for_each(|emitter| emitter.distribution.ask(emitter.generation));
    }

    fn members(&self, first: usize, out: &mut [f64]) {
        let n = self.dimension();
        (first..).zip(out.chunks_mut(n)).for_each(|(member, row)| self.write(member, row));
    }

    /// Nothing is learned from members whose descriptors are not known.
    fn tell(&mut self, _fitness: &[f64], _ranked: &Ranked) {}

    fn descriptors(&self) -> usize {
        self.archive.ranges().len()
    }

    fn tell_with(&mut self, fitness: &[f64], ranked: &Ranked, descriptors: &[f64]) {
        if std::mem::take(&mut self.waits) {
            self.archive.start_at(fitness[ranked.order()[ranked.valid() - 1]]);
        }
        let told = Told { fitness, descriptors, ranked };
        let judged = self.archive.judge(told, |member, row| self.write(member, row));
        let added = self.archive.take(told, judged);
        self.update(&added).into_iter().for_each(|index| self.restart(index));
        self.best = self.archive.best_or(&self.start);
    }

    fn archive(&self) -> Option<&Archive> {
        Some(&self.archive)
    }

    fn mean(&self) -> &[f64] {
        &self.best
    }

    /// Moves the emitters. Elites are what they are.
    fn shift(&mut self, by: &[f64]) {
        self.emitters.iter_mut().for_each(|emitter| emitter.distribution.shift(by));
        self.start.iter_mut().zip(by).for_each(|(start, by)| *start += by);
        self.best = self.archive.best_or(&self.start);
    }

    fn can_diverge(&self) -> bool {
        false
    }

    /// The mean of the emitters'.
    fn sigma(&self) -> f64 {
        let sum: f64 = self.emitters.iter().map(|emitter| emitter.distribution.sigma()).sum();
        sum / self.emitters.len() as f64
    }

    fn state(&self) -> State {
        let mut state = State::default();
        state.set_integer("population", self.shared.population as u64);
        state.set_integer("emitters", self.emitters.len() as u64);
        state.set_integer("seed", self.seed);
        state.set_integer("waits", u64::from(self.waits));
        state.set_f64("start", &[self.start.len()], &self.start);
        self.archive.save(&mut state);
        for (index, emitter) in self.emitters.iter().enumerate() {
            let mut own = emitter.distribution.state();
            own.set_integer("generation", emitter.generation);
            own.set_integer("restarts", emitter.restarts);
            let name = |name: String| format!("emitter_{index}.{name}");
            state.tensors.extend(own.tensors.into_iter().map(|(key, value)| (name(key), value)));
            state.integers.extend(own.integers.into_iter().map(|(key, value)| (name(key), value)));
            state.reals.extend(own.reals.into_iter().map(|(key, value)| (name(key), value)));
        }
        state
    }

    fn restore(&mut self, state: &State) -> Result<(), StrategyError> {
        state.expect("population", self.shared.population as u64)?;
        state.expect("emitters", self.emitters.len() as u64)?;
        let (seed, waits) = (state.integer("seed")?, state.integer("waits")? != 0);
        let start = state.f64("start", &[self.start.len()])?.to_vec();
        let archive = self.archive.restored(state)?;
        // Nothing is taken over before everything was found.
        let mut emitters = Vec::new();
        for index in 0..self.emitters.len() {
            let prefix = format!("emitter_{index}.");
            let named = |error| match error {
                StrategyError::State { name, problem } => {
                    StrategyError::State { name: format!("{prefix}{name}"), problem }
                }
                error => error,
            };
            let own = part(state, &prefix);
            let mut distribution = self.shared.distribution(index, &start, 0)?;
            distribution.restore(&own).map_err(named)?;
            let (generation, restarts) =
                (own.integer("generation").map_err(named)?, own.integer("restarts").map_err(named)?);
            emitters.push(Emitter { distribution, generation, restarts });
        }
        (self.archive, self.emitters, self.start) = (archive, emitters, start);
        (self.seed, self.waits) = (seed, waits);
        self.best = self.archive.best_or(&self.start);
        Ok(())
    }
}

/// The entries whose names begin so, without that.
fn part(state: &State, prefix: &str) -> State {
    let short = |name: &String| name.strip_prefix(prefix).map(str::to_owned);
    State {
        strategy: String::new(),
        tensors: state
            .tensors
            .iter()
            .filter_map(|(name, value)| Some((short(name)?, value.clone())))
            .collect(),
        integers: state.integers.iter().filter_map(|(name, value)| Some((short(name)?, *value))).collect(),
        reals: state.reals.iter().filter_map(|(name, value)| Some((short(name)?, *value))).collect(),
    }
}

//! Strategies that keep members from one generation to the next and make the next ones of them.

use super::noise::Noise;
use super::{Memory, Ranked, State, Strategy, StrategyError, rows};

/// Fitness of a member that failed, or that there has not been yet: below all others, and finite, so that it can be
/// saved.
const FAILED: f64 = f64::MIN;

/// Members that are kept, with their fitness.
pub(super) struct Kept {
    n: usize,
    /// One after another.
    pub rows: Vec<f64>,
    pub fitness: Vec<f64>,
}

impl Kept {
    pub fn row(&self, index: usize) -> &[f64] {
        &self.rows[index * self.n..][..self.n]
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.fitness.len()
    }

    /// The best; of equal ones, the first.
    pub fn best(&self) -> usize {
        let better = |best: usize, index: usize| match self.fitness[index] > self.fitness[best] {
            true => index,
            false => best,
        };
        (0..self.count()).fold(0, better)
    }

    pub fn replace(&mut self, index: usize, row: &[f64], fitness: f64) {
        self.rows[index * self.n..][..self.n].copy_from_slice(row);
        self.fitness[index] = fitness;
    }

    /// Root mean square of the standard deviations of the coordinates.
    pub fn spread(&self) -> f64 {
        let (n, count) = (self.n, self.count() as f64);
        let mut mean = vec![0.0; n];
        for row in self.rows.chunks(n) {
            mean.iter_mut().zip(row).for_each(|(mean, x)| *mean += x / count);
        }
        let square = |(x, mean): (&f64, &f64)| (x - mean) * (x - mean);
        let total: f64 = self.rows.chunks(n).flat_map(|row| row.iter().zip(&mean).map(square)).sum();
        (total / (n as f64 * count)).sqrt()
    }
}

/// A generation that was told.
pub(super) struct Told<'a> {
    /// Members, one after another.
    pub members: &'a [f64],
    /// Of each member; those that failed have the lowest number there is.
    pub fitness: &'a [f64],
    pub ranked: &'a Ranked,
    /// Whether it is the first one.
    pub is_first: bool,
}

impl Told<'_> {
    /// The members with their fitness.
    pub fn each(&self) -> impl Iterator<Item = (&[f64], f64)> {
        let n = self.members.len() / self.fitness.len();
        self.members.chunks(n).zip(self.fitness.iter().copied())
    }

    pub fn member(&self, index: usize) -> &[f64] {
        let n = self.members.len() / self.fitness.len();
        &self.members[index * n..][..n]
    }
}

/// What such a strategy adds: how members are made of those kept, and which ones are kept.
pub(super) trait Breed: Send + Sync {
    /// Writes a member of a generation after the first one.
    fn child(&self, kept: &Kept, noise: &Noise, member: usize, out: &mut [f64]);

    /// Takes over what is kept from a generation.
    fn select(&mut self, kept: &mut Kept, told: &Told<'_>);

    /// Overall step size of the next generation.
    fn sigma(&self, kept: &Kept, _generation: u64) -> f64 {
        kept.spread()
    }

    /// Moves what it remembers of places.
    fn shift(&mut self, _by: &[f64]) {}

    /// Adds its memory to the state.
    fn save(&self, _state: &mut State) {}

    /// Takes its memory over, or leaves everything as it is.
    fn restore(&mut self, _state: &State) -> Result<(), StrategyError> {
        Ok(())
    }
}

/// A strategy made of what it keeps and how it breeds. The first generation is normal around the start.
pub(super) struct Bred<B> {
    population: usize,
    noise: Noise,
    /// Standard deviation of the first generation.
    sigma: f64,
    /// The start, then the best member that is kept.
    mean: Vec<f64>,
    kept: Kept,
    told: u64,
    breed: B,
}

impl<B: Breed + 'static> Bred<B> {
    /// `kept` members of `population` are kept, at least 1.
    pub fn boxed(
        (population, kept): (usize, usize),
        (x0, sigma): (&[f64], f64),
        seed: u64,
        breed: B,
    ) -> Box<dyn Strategy> {
        let n = x0.len();
        Box::new(Self {
            population,
            noise: Noise::new(seed),
            sigma,
            mean: x0.to_vec(),
            kept: Kept { n, rows: vec![0.0; kept * n], fitness: vec![FAILED; kept] },
            told: 0,
            breed,
        })
    }
}

/// What a search of `n` parameters takes that holds as many vectors.
pub(super) fn memory(n: usize, vectors: usize) -> Memory {
    // Two copies for a checkpoint.
    Memory { population: vectors, member: (n as u64).saturating_mul(24), ..Memory::linear(n) }
}

impl<B: Breed> Bred<B> {
    fn write(&self, member: usize, out: &mut [f64]) {
        if self.told > 0 {
            return self.breed.child(&self.kept, &self.noise, member, out);
        }
        self.noise.normals_f64(member, out);
        out.iter_mut().zip(&self.mean).for_each(|(x, mean)| *x = mean + self.sigma * *x);
    }
}

impl<B: Breed> Strategy for Bred<B> {
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
            self.write(member, row);
        }
    }

    fn tell(&mut self, fitness: &[f64], ranked: &Ranked) {
        let n = self.mean.len();
        let row = |member| {
            let mut row = vec![0.0; n];
            self.write(member, &mut row);
            row
        };
        let members = rows::of_rows(fitness.len(), n, row).concat();
        let mut fitness = fitness.to_vec();
        ranked.order()[ranked.valid()..].iter().for_each(|&member| fitness[member] = FAILED);
        let (members, fitness, is_first) = (&members, &fitness, self.told == 0);
        self.breed.select(&mut self.kept, &Told { members, fitness, ranked, is_first });
        self.mean.copy_from_slice(self.kept.row(self.kept.best()));
        self.told += 1;
    }

    /// The start, then the best member that is kept.
    fn mean(&self) -> &[f64] {
        &self.mean
    }

    fn shift(&mut self, by: &[f64]) {
        let rows = self.kept.rows.chunks_mut(by.len());
        for row in rows.filter(|_| self.told > 0).chain([&mut self.mean[..]]) {
            row.iter_mut().zip(by).for_each(|(x, by)| *x += by);
        }
        self.breed.shift(by);
    }

    /// Above 0, even where all that is kept is at one place.
    fn sigma(&self) -> f64 {
        let sigma = if self.told > 0 { self.breed.sigma(&self.kept, self.told) } else { self.sigma };
        sigma.max(f64::MIN_POSITIVE)
    }

    fn state(&self) -> State {
        let (n, kept) = (self.mean.len(), self.kept.count());
        let mut state = State::default();
        state.set_integer("population", self.population as u64);
        state.set_integer("told", self.told);
        self.noise.save(&mut state);
        state.set_f64("mean", &[n], &self.mean);
        state.set_f64("kept", &[kept, n], &self.kept.rows);
        state.set_f64("kept.fitness", &[kept], &self.kept.fitness);
        self.breed.save(&mut state);
        state
    }

    fn restore(&mut self, state: &State) -> Result<(), StrategyError> {
        let (n, kept) = (self.mean.len(), self.kept.count());
        state.expect("population", self.population as u64)?;
        let (noise, told) = (self.noise.loaded(state)?, state.integer("told")?);
        let mean = state.f64("mean", &[n])?.to_vec();
        let rows = state.f64("kept", &[kept, n])?.to_vec();
        let fitness = state.f64("kept.fitness", &[kept])?.to_vec();
        self.breed.restore(state)?;
        (self.noise, self.told, self.mean) = (noise, told, mean);
        (self.kept.rows, self.kept.fitness) = (rows, fitness);
        Ok(())
    }
}

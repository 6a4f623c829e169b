//! Strategies that sample a normal distribution with independent coordinates, and make their members on demand.

use super::noise::Noise;
use super::{Ranked, State, StopReason, Strategy, StrategyError};

/// Member k is mean + deviation · εₖ, coordinate by coordinate.
pub(super) struct Diagonal {
    pub noise: Noise,
    pub mean: Vec<f64>,
    /// Standard deviation of each coordinate.
    pub deviation: Vec<f64>,
    /// Mean and deviation as the members of the asked generation see them.
    singles: Vec<[f32; 2]>,
}

impl Diagonal {
    fn ask(&mut self, generation: u64) {
        self.noise.ask(generation);
        let coordinates = self.mean.iter().zip(&self.deviation);
        self.singles.clear();
        self.singles.extend(coordinates.map(|(&mean, &deviation)| [mean as f32, deviation as f32]));
    }

    /// Writes consecutive members, each with noise of its own.
    fn members(&self, first: usize, out: &mut [f32]) {
        for (index, row) in (first..).zip(out.chunks_mut(self.mean.len())) {
            self.noise.normals(index, row);
            for (x, [mean, deviation]) in row.iter_mut().zip(&self.singles) {
                *x = mean + deviation * *x;
            }
        }
    }

    /// Writes consecutive members of which 2k and 2k + 1 are mean ± deviation · εₖ.
    fn antithetic_members(&self, first: usize, out: &mut [f32]) {
        let n = self.mean.len();
        let (mut index, mut rest) = (first, out);
        while !rest.is_empty() {
            let pair = index.is_multiple_of(2) && rest.len() >= 2 * n;
            let (rows, others) = std::mem::take(&mut rest).split_at_mut(if pair { 2 * n } else { n });
            let (row, twin) = rows.split_at_mut(n);
            self.noise.normals(index / 2, row);
            if pair {
                // Noise is the expensive part, and a pair shares it.
                for ((plus, minus), [mean, deviation]) in row.iter_mut().zip(twin).zip(&self.singles) {
                    let step = deviation * *plus;
                    *plus = mean + step;
                    *minus = mean - step;
                }
                index += 2;
            } else {
                let sign = if index.is_multiple_of(2) { 1.0 } else { -1.0 };
                for (x, [mean, deviation]) in row.iter_mut().zip(&self.singles) {
                    *x = mean + sign * (deviation * *x);
                }
                index += 1;
            }
            rest = others;
        }
    }
}

/// What such a strategy adds: the update of the distribution, and its memory.
pub(super) trait Update: Send + Sync {
    /// Whether the deviation changes. If not, it is the same for all coordinates and no part of the saved state.
    const ADAPTS: bool;

    /// Updates the distribution, as [`Strategy::tell`].
    fn tell(&mut self, samples: &mut Diagonal, fitness: &[f64], ranked: &Ranked);

    /// As [`Strategy::stop_reason`].
    fn stop_reason(&self, _samples: &Diagonal) -> Option<StopReason> {
        None
    }

    /// Adds the memory of the update to the state.
    fn save(&self, _state: &mut State) {}

    /// Takes the memory over, or leaves everything as it is.
    fn restore(&mut self, _state: &State) -> Result<(), StrategyError> {
        Ok(())
    }
}

/// A strategy made of a distribution and an update.
pub(super) struct OnDemand<U> {
    population: usize,
    /// Whether members come in pairs with the same noise and opposite signs.
    antithetic: bool,
    samples: Diagonal,
    update: U,
}

impl<U: Update + 'static> OnDemand<U> {
    /// Starts at the mean `x0` with the deviation `sigma` in every coordinate.
    pub fn boxed(
        population: usize,
        antithetic: bool,
        (x0, sigma): (&[f64], f64),
        seed: u64,
        update: U,
    ) -> Box<dyn Strategy> {
        let samples = Diagonal {
            noise: Noise::new(seed),
            mean: x0.to_vec(),
            deviation: vec![sigma; x0.len()],
            singles: Vec::new(),
        };
        Box::new(Self { population, antithetic, samples, update })
    }
}

impl<U: Update> Strategy for OnDemand<U> {
    fn population(&self) -> usize {
        self.population
    }

    fn dimension(&self) -> usize {
        self.samples.mean.len()
    }

    fn ask(&mut self, generation: u64) {
        self.samples.ask(generation);
    }

    fn members(&self, first: usize, out: &mut [f32]) {
        match self.antithetic {
            true => self.samples.antithetic_members(first, out),
            false => self.samples.members(first, out),
        }
    }

    fn tell(&mut self, fitness: &[f64], ranked: &Ranked) {
        self.update.tell(&mut self.samples, fitness, ranked);
    }

    fn mean(&self, out: &mut [f32]) {
        for (x, &mean) in out.iter_mut().zip(&self.samples.mean) {
            *x = mean as f32;
        }
    }

    fn shift(&mut self, by: &[f64]) {
        self.samples.mean.iter_mut().zip(by).for_each(|(mean, by)| *mean += by);
    }

    /// Root mean square of the standard deviations.
    fn sigma(&self) -> f64 {
        let deviation = &self.samples.deviation;
        match U::ADAPTS {
            true => (deviation.iter().map(|d| d * d).sum::<f64>() / deviation.len() as f64).sqrt(),
            false => deviation[0],
        }
    }

    fn stop_reason(&self) -> Option<StopReason> {
        self.update.stop_reason(&self.samples)
    }

    fn state(&self) -> State {
        let n = self.dimension();
        let mut state = State::default();
        state.set_integer("population", self.population as u64);
        self.samples.noise.save(&mut state);
        state.set_f64("mean", &[n], &self.samples.mean);
        if U::ADAPTS {
            state.set_f64("deviation", &[n], &self.samples.deviation);
        }
        self.update.save(&mut state);
        state
    }

    fn restore(&mut self, state: &State) -> Result<(), StrategyError> {
        let n = self.dimension();
        state.expect("population", self.population as u64)?;
        let noise = self.samples.noise.loaded(state)?;
        let mean = state.f64("mean", &[n])?;
        let deviation = if U::ADAPTS { state.f64("deviation", &[n])? } else { &self.samples.deviation[..] };
        let deviation = deviation.to_vec();
        self.update.restore(state)?;
        self.samples.noise = noise;
        self.samples.mean = mean.to_vec();
        self.samples.deviation = deviation;
        Ok(())
    }
}

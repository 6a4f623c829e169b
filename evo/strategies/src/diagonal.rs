//! Strategies that sample a normal distribution with independent coordinates, and make their members on demand.

use std::ops::{Add, Mul, Sub};

use super::noise::Noise;
use super::strategy::Precision;
use super::{Evidence, Ranked, State, StopReason, Strategy, StrategyError};

/// Member k is mean + deviation · εₖ, coordinate by coordinate.
pub struct Diagonal {
    /// The draws of the asked generation.
    pub noise: Noise,
    /// Mean of each coordinate.
    pub mean: Vec<f64>,
    /// Standard deviation of each coordinate.
    pub deviation: Vec<f64>,
    /// Mean and deviation as members of single precision see them.
    singles: Vec<[f32; 2]>,
    /// Whether updates are to leave evidence.
    measures: bool,
    evidence: Option<Evidence>,
}

impl Diagonal {
    fn ask(&mut self, generation: u64) {
        self.noise.ask(generation);
        let coordinates = self.mean.iter().zip(&self.deviation);
        self.singles.clear();
        self.singles.extend(coordinates.map(|(&mean, &deviation)| [mean as f32, deviation as f32]));
    }
}

/// Mean and deviations before an update.
pub(super) struct Old {
    mean: Vec<f64>,
    deviation: Vec<f64>,
}

impl Diagonal {
    /// What [`left`](Self::left) needs from before the update; none if nobody will ask.
    pub(super) fn old(&self) -> Option<Old> {
        self.measures.then(|| Old { mean: self.mean.clone(), deviation: self.deviation.clone() })
    }

    /// Leaves evidence of an update that was made of h = Σ weight · normals. `response` is Σ ∂sᵢ/∂hᵢ of the step s = Δμ/σ,
    /// if it is known.
    pub(super) fn left(
        &mut self,
        old: Option<&Old>,
        h: &[f32],
        weights: impl Iterator<Item = f32>,
        response: Option<f64>,
    ) {
        self.evidence = old.zip(response).map(|(old, response)| {
            let coordinates = self.mean.iter().zip(&old.mean).zip(&old.deviation);
            let s = coordinates.map(|((new, old), deviation)| (new - old) / deviation);
            Evidence::new(h, weights, s, response)
        });
    }
}

/// Writes consecutive members. Coordinates are \[mean, deviation\], of pairs with opposite noise if `antithetic`.
fn write<R: Number>(
    (first, antithetic): (usize, bool),
    coordinates: &(impl ExactSizeIterator<Item = [R; 2]> + Clone),
    normals: impl Fn(usize, &mut [R]),
    out: &mut [R],
) {
    match antithetic {
        true => write_pairs(first, coordinates, normals, out),
        false => write_each(first, coordinates, normals, out),
    }
}

/// Each with noise of its own.
fn write_each<R: Number>(
    first: usize,
    coordinates: &(impl ExactSizeIterator<Item = [R; 2]> + Clone),
    normals: impl Fn(usize, &mut [R]),
    out: &mut [R],
) {
    for (index, row) in (first..).zip(out.chunks_mut(coordinates.len())) {
        normals(index, row);
        for (x, [mean, deviation]) in row.iter_mut().zip(coordinates.clone()) {
            *x = mean + deviation * *x;
        }
    }
}

/// Members 2k and 2k + 1 are mean ± deviation · εₖ.
fn write_pairs<R: Number>(
    first: usize,
    coordinates: &(impl ExactSizeIterator<Item = [R; 2]> + Clone),
    normals: impl Fn(usize, &mut [R]),
    out: &mut [R],
) {
    let n = coordinates.len();
    let (mut index, mut rest) = (first, out);
    while !rest.is_empty() {
        let pair = index.is_multiple_of(2) && rest.len() >= 2 * n;
        let (rows, others) = std::mem::take(&mut rest).split_at_mut(if pair { 2 * n } else { n });
        let (row, twin) = rows.split_at_mut(n);
        normals(index / 2, row);
        if pair {
            // Noise is the expensive part, and a pair shares it.
            for ((plus, minus), [mean, deviation]) in row.iter_mut().zip(twin).zip(coordinates.clone()) {
                let step = deviation * *plus;
                *plus = mean + step;
                *minus = mean - step;
            }
            index += 2;
        } else {
            let plus = index.is_multiple_of(2);
            for (x, [mean, deviation]) in row.iter_mut().zip(coordinates.clone()) {
                let step = deviation * *x;
                *x = if plus { mean + step } else { mean - step };
            }
            index += 1;
        }
        rest = others;
    }
}

/// What members are computed with.
trait Number: Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> {}

impl<R: Copy + Add<Output = R> + Sub<Output = R> + Mul<Output = R>> Number for R {}

/// What such a strategy adds: the update of the distribution, and its memory.
pub trait Update: Send + Sync {
    /// Whether the deviation changes. If not, it is the same for all coordinates and no part of the saved state.
    const ADAPTS: bool;

    /// The deviation of all coordinates in a generation, where it follows a schedule instead of adapting.
    fn sigma(&self, _generation: u64) -> Option<f64> {
        None
    }

    /// Updates the distribution, as [`Strategy::tell`].
    fn tell(&mut self, samples: &mut Diagonal, fitness: &[f64], ranked: &Ranked);

    /// As [`Strategy::stop_reason`].
    fn stop_reason(&self, _samples: &Diagonal, _precision: Precision) -> Option<StopReason> {
        None
    }

    /// Adds the memory of the update to the state.
    fn save(&self, _state: &mut State) {}

    /// Takes the memory over, or leaves everything as it is.
    ///
    /// # Errors
    /// When an entry is missing or does not fit.
    fn restore(&mut self, _state: &State) -> Result<(), StrategyError> {
        Ok(())
    }
}

/// Members of a generation: a number, or from a number to a larger one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Population {
    /// As [`Strategy::population`].
    pub least: usize,
    /// As [`Strategy::max_population`].
    pub most: usize,
}

impl From<usize> for Population {
    fn from(members: usize) -> Self {
        Self { least: members, most: members }
    }
}

impl From<(usize, Option<usize>)> for Population {
    fn from((least, most): (usize, Option<usize>)) -> Self {
        Self { least, most: most.unwrap_or(least) }
    }
}

/// A strategy made of a distribution and an update.
pub struct OnDemand<U> {
    population: Population,
    /// Whether members come in pairs with the same noise and opposite signs.
    antithetic: bool,
    samples: Diagonal,
    update: U,
}

impl<U: Update + 'static> OnDemand<U> {
    /// Starts at the mean `x0` with the deviation `sigma` in every coordinate.
    pub fn boxed(
        population: impl Into<Population>,
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
            measures: false,
            evidence: None,
        };
        Box::new(Self { population: population.into(), antithetic, samples, update })
    }
}

impl<U: Update> Strategy for OnDemand<U> {
    fn population(&self) -> usize {
        self.population.least
    }

    fn max_population(&self) -> usize {
        self.population.most
    }

    fn dimension(&self) -> usize {
        self.samples.mean.len()
    }

    fn ask(&mut self, generation: u64) {
        if let Some(sigma) = self.update.sigma(generation) {
            self.samples.deviation.fill(sigma);
        }
        self.samples.ask(generation);
    }

    fn members(&self, first: usize, out: &mut [f64]) {
        let samples = &self.samples;
        let coordinates =
            samples.mean.iter().zip(&samples.deviation).map(|(&mean, &deviation)| [mean, deviation]);
        let normals = |member, row: &mut [f64]| samples.noise.normals_f64(member, row);
        write((first, self.antithetic), &coordinates, normals, out);
    }

    fn members_f32(&self, first: usize, out: &mut [f32]) {
        let samples = &self.samples;
        let normals = |member, row: &mut [f32]| samples.noise.normals(member, row);
        write((first, self.antithetic), &samples.singles.iter().copied(), normals, out);
    }

    fn tell(&mut self, fitness: &[f64], ranked: &Ranked) {
        self.update.tell(&mut self.samples, fitness, ranked);
    }

    fn mean(&self) -> &[f64] {
        &self.samples.mean
    }

    fn shift(&mut self, by: &[f64]) {
        self.samples.mean.iter_mut().zip(by).for_each(|(mean, by)| *mean += by);
    }

    fn deviations(&self) -> Option<&[f64]> {
        Some(&self.samples.deviation)
    }

    fn measure(&mut self, whether: bool) {
        self.samples.measures = whether;
    }

    fn evidence(&self) -> Option<Evidence> {
        self.samples.evidence
    }

    /// Root mean square of the standard deviations.
    fn sigma(&self) -> f64 {
        let deviation = &self.samples.deviation;
        match U::ADAPTS {
            true => (deviation.iter().map(|d| d * d).sum::<f64>() / deviation.len() as f64).sqrt(),
            false => deviation[0],
        }
    }

    fn stop_reason(&self, precision: Precision) -> Option<StopReason> {
        self.update.stop_reason(&self.samples, precision)
    }

    fn state(&self) -> State {
        let n = self.dimension();
        let mut state = State::default();
        state.set_integer("population", self.population.least as u64);
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
        state.expect("population", self.population.least as u64)?;
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

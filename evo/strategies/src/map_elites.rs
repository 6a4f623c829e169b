//! MAP-Elites: "Illuminating search spaces by mapping elites" (Mouret and Clune 2015, arXiv 1504.04909), with the iso+line
//! variation of "Discovering the Elite Hypervolume by Leveraging Interspecies Correlation" (Vassiliades and Mouret, GECCO
//! 2018).
//!
//! A member is made of two elites of the archive, xᵢ and xⱼ, drawn uniformly:
//!
//! x = xᵢ + σ₁ N(0, I) + σ₂ (xⱼ − xᵢ) N(0, 1).
//!
//! The first generation is normal around the start.

use rand::RngExt as _;
use serde::{Deserialize, Serialize};

use super::archive::Told;
use super::noise::Noise;
use super::random::{Purpose, Stream, normal_pair};
use super::{
    Archive, ArchiveShape, FieldInfo, Layout, Memory, Ranked, Settings, State, Strategy, StrategyError,
    StrategyInfo, check,
};

/// Settings of MAP-Elites.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MapElitesConfig {
    /// Members per generation, ≥ 1.
    pub population: usize,
    /// Standard deviation of the first generation around the start, parameter units; > 0.
    pub sigma: f64,
    /// σ₁, standard deviation of a variation in every parameter, parameter units; ≥ 0.
    pub iso_sigma: f64,
    /// σ₂, standard deviation of a variation along the line to another elite, parts of their distance; ≥ 0.
    pub line_sigma: f64,
    /// Names of the descriptors of the task that span the archive.
    pub descriptors: Vec<String>,
    /// Lowest and highest value of each descriptor; empty is what the task says of them.
    pub ranges: Vec<(f64, f64)>,
    /// The cells of the archive.
    pub archive: Layout,
    /// What is subtracted from each fitness in the QD score; it should be below any fitness.
    pub qd_offset: f64,
}

impl Default for MapElitesConfig {
    fn default() -> Self {
        Self {
            population: 128,
            sigma: 0.5,
            iso_sigma: 0.01,
            line_sigma: 0.2,
            descriptors: Vec::new(),
            ranges: Vec::new(),
            archive: Layout::default(),
            qd_offset: 0.0,
        }
    }
}

/// The settings that all strategies with an archive share.
pub(super) const DESCRIPTORS: FieldInfo = FieldInfo::new("descriptors", "", "[]", "names of the task");
pub(super) const RANGES: FieldInfo =
    FieldInfo::new("ranges", "", "[]", "(low, high) of each descriptor; [] is the task's");
pub(super) const ARCHIVE: FieldInfo =
    FieldInfo::new("archive", "", "Grid(cells: [])", "Grid(cells: […]) or Cvt(cells: …)");
pub(super) const QD_OFFSET: FieldInfo = FieldInfo::new("qd_offset", "fitness", "0.0", "finite");

pub(super) const INFO: StrategyInfo = StrategyInfo {
    name: "map_elites",
    config: "MapElites",
    summary: "an archive of elites, varied along lines between them; needs descriptors",
    reference: "Mouret and Clune 2015, arXiv 1504.04909; Vassiliades and Mouret 2018",
    fields: &[
        FieldInfo::new("population", "members", "128", "≥ 1"),
        FieldInfo::new("sigma", "parameter units", "0.5", "> 0"),
        FieldInfo::new("iso_sigma", "parameter units", "0.01", "≥ 0"),
        FieldInfo::new("line_sigma", "1", "0.2", "≥ 0"),
        DESCRIPTORS,
        RANGES,
        ARCHIVE,
        QD_OFFSET,
    ],
};

impl MapElitesConfig {
    fn shape(&self) -> ArchiveShape<'_> {
        ArchiveShape {
            strategy: INFO.name,
            descriptors: &self.descriptors,
            ranges: &self.ranges,
            layout: &self.archive,
            offset: self.qd_offset,
        }
    }
}

impl Settings for MapElitesConfig {
    fn info(&self) -> &'static StrategyInfo {
        &INFO
    }

    fn validate(&self) -> Result<(), StrategyError> {
        check::population(INFO.name, self.population)?;
        check::positive(INFO.name, "sigma", self.sigma)?;
        check::at_least_zero(INFO.name, "iso_sigma", self.iso_sigma)?;
        check::at_least_zero(INFO.name, "line_sigma", self.line_sigma)?;
        self.shape().validate()
    }

    fn archive(&self) -> Option<ArchiveShape<'_>> {
        Some(self.shape())
    }

    fn memory(&self, parameters: usize) -> Result<Memory, StrategyError> {
        let linear = Memory::linear(parameters);
        let distribution = linear.distribution.saturating_add(self.shape().memory(parameters));
        Ok(Memory { distribution, ..linear })
    }

    fn build(&self, x0: &[f64], seed: u64) -> Result<Box<dyn Strategy>, StrategyError> {
        Ok(Box::new(MapElites {
            population: self.population,
            sigmas: [self.sigma, self.iso_sigma, self.line_sigma],
            archive: self.shape().build(x0.len(), None)?,
            seed,
            noise: Noise::new(seed),
            occupied: Vec::new(),
            start: x0.to_vec(),
            best: x0.to_vec(),
        }))
    }
}

struct MapElites {
    population: usize,
    /// Of the first generation, σ₁ and σ₂.
    sigmas: [f64; 3],
    archive: Archive,
    seed: u64,
    noise: Noise,
    /// Cells with an elite, as of the last `ask`.
    occupied: Vec<usize>,
    start: Vec<f64>,
    /// The best elite; the start as long as there is none.
    best: Vec<f64>,
}

impl MapElites {
    fn write(&self, member: usize, out: &mut [f64]) {
        let [first, iso, line] = self.sigmas;
        let generation = self.noise.generation();
        self.noise.normals_f64(member, out);
        if self.occupied.is_empty() {
            out.iter_mut().zip(&self.start).for_each(|(x, start)| *x = start + first * *x);
            return;
        }
        let mut stream = Stream::new(self.seed, Purpose::Emitter, generation, member as u64, 0);
        let mut elite = || {
            let cell = self.occupied[stream.random_range(0..self.occupied.len())];
            self.archive.elite(cell).map_or(&self.start[..], |elite| &elite.parameters)
        };
        let (one, other) = (elite(), elite());
        let angle = std::f64::consts::TAU * stream.random::<f64>();
        let along = line * normal_pair(1.0 - stream.random::<f64>(), angle)[0];
        for ((x, one), other) in out.iter_mut().zip(one).zip(other) {
            *x = one + iso * *x + along * (other - one);
        }
    }
}

impl Strategy for MapElites {
    fn population(&self) -> usize {
        self.population
    }

    fn dimension(&self) -> usize {
        self.start.len()
    }

    fn ask(&mut self, generation: u64) {
        self.noise.ask(generation);
        self.occupied = self.archive.elites().map(|(cell, _)| cell).collect();
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
        let told = Told { fitness, descriptors, ranked };
        let judged = self.archive.judge(told, |member, row| self.write(member, row));
        let _ = self.archive.take(told, judged);
        self.best = self.archive.best_or(&self.start);
    }

    fn archive(&self) -> Option<&Archive> {
        Some(&self.archive)
    }

    fn mean(&self) -> &[f64] {
        &self.best
    }

    /// Elites are what they are; only the start moves, as long as there is no elite.
    fn shift(&mut self, by: &[f64]) {
        self.start.iter_mut().zip(by).for_each(|(start, by)| *start += by);
        self.best = self.archive.best_or(&self.start);
    }

    fn can_diverge(&self) -> bool {
        false
    }

    fn sigma(&self) -> f64 {
        self.sigmas[usize::from(!self.archive.is_empty())]
    }

    fn state(&self) -> State {
        let mut state = State::default();
        state.set_integer("population", self.population as u64);
        self.noise.save(&mut state);
        state.set_f64("start", &[self.start.len()], &self.start);
        self.archive.save(&mut state);
        state
    }

    fn restore(&mut self, state: &State) -> Result<(), StrategyError> {
        state.expect("population", self.population as u64)?;
        let (noise, seed) = (self.noise.loaded(state)?, state.integer("seed")?);
        let start = state.f64("start", &[self.start.len()])?.to_vec();
        self.archive = self.archive.restored(state)?;
        (self.noise, self.seed, self.start) = (noise, seed, start);
        self.best = self.archive.best_or(&self.start);
        Ok(())
    }
}

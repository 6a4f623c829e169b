//! The random numbers of a generation: made again wherever they are needed instead of being stored, so memory
//! is that of a few vectors of the dimension for any population.

use rayon::prelude::*;

use super::random::{self, BLOCK, Purpose, Stream};
use super::{State, StrategyError};

/// Numbers that one thread makes at a time.
const CHUNK: usize = 8 * BLOCK;

/// Draws of all members of one generation.
#[derive(Clone, Copy)]
pub struct Noise {
    seed: u64,
    generation: u64,
}

impl Noise {
    /// Draws of the first generation.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed, generation: 0 }
    }

    /// The generation, counted from 0.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Goes to the draws of a generation.
    pub fn ask(&mut self, generation: u64) {
        self.generation = generation;
    }

    /// The standard normals of a member.
    pub fn normals(&self, member: usize, out: &mut [f32]) {
        random::fill_normals(self.seed, Purpose::Noise, self.generation, member as u64, out);
    }

    /// The same numbers in double precision.
    pub fn normals_f64(&self, member: usize, out: &mut [f64]) {
        let (seed, generation, member) = (self.seed, self.generation, member as u64);
        let mut normals = [0.0; CHUNK];
        for (chunk, out) in out.chunks_mut(CHUNK).enumerate() {
            let (first, normals) = (chunk * CHUNK / BLOCK, &mut normals[..out.len()]);
            random::fill_normals_from(seed, Purpose::Noise, generation, member, first, normals);
            out.iter_mut().zip(normals).for_each(|(x, normal)| *x = f64::from(*normal));
        }
    }

    /// Random bits of a member, apart from its normals.
    #[must_use]
    pub fn stream(&self, member: usize) -> Stream {
        Stream::new(self.seed, Purpose::Noise, self.generation, member as u64, 1)
    }

    /// Other standard normals, of double precision: a row of `n` for each member.
    pub fn normal_rows(&self, n: usize, out: &mut [f64]) {
        for (member, row) in out.chunks_mut(n).enumerate() {
            random::fill_normals_f64(self.seed, Purpose::Noise, self.generation, member as u64, row);
        }
    }

    /// Σ weight · normals, over the members. Each coordinate is summed in their order, for any number of threads.
    #[must_use]
    pub fn weighted_sum(&self, weights: &[f32], n: usize) -> Vec<f32> {
        let mut sum = vec![0.0; n];
        sum.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, out)| {
            let first = chunk * CHUNK / BLOCK;
            random::weighted_sum_of_normals(self.seed, Purpose::Noise, self.generation, weights, first, out);
        });
        sum
    }

    /// Σ weight\[0\] · normals and Σ weight\[1\] · normals², likewise.
    #[must_use]
    pub fn weighted_moments(&self, weights: &[[f32; 2]], n: usize) -> (Vec<f32>, Vec<f32>) {
        let (mut sums, mut squares) = (vec![0.0; n], vec![0.0; n]);
        let chunks = sums.par_chunks_mut(CHUNK).zip(squares.par_chunks_mut(CHUNK));
        chunks.enumerate().for_each(|(chunk, (sums, squares))| {
            let (seed, generation, first) = (self.seed, self.generation, chunk * CHUNK / BLOCK);
            let purpose = Purpose::Noise;
            random::weighted_moments_of_normals(seed, purpose, generation, weights, first, sums, squares);
        });
        (sums, squares)
    }

    /// The draws of a member: 1 with the probability behind each limit ([`random::bernoulli_limit`]), else 0.
    pub fn bernoulli(&self, member: usize, limits: &[u32], out: &mut [f32]) {
        random::fill_bernoulli(self.seed, Purpose::Noise, self.generation, member as u64, limits, out);
    }

    /// Σ weight · draws, like [`Noise::weighted_sum`].
    #[must_use]
    pub fn weighted_bernoulli(&self, weights: &[f32], limits: &[u32]) -> Vec<f32> {
        let mut sum = vec![0.0; limits.len()];
        let chunks = sum.par_chunks_mut(CHUNK).zip(limits.par_chunks(CHUNK));
        chunks.enumerate().for_each(|(chunk, (out, limits))| {
            let (seed, generation, first) = (self.seed, self.generation, chunk * CHUNK / BLOCK);
            let purpose = Purpose::Noise;
            random::weighted_sum_of_bernoulli(seed, purpose, generation, weights, first, limits, out);
        });
        sum
    }

    /// Adds the seed to a state.
    pub fn save(&self, state: &mut State) {
        state.set_integer("seed", self.seed);
    }

    /// These draws with the seed of a saved state.
    ///
    /// # Errors
    /// If there is none.
    pub fn loaded(&self, state: &State) -> Result<Self, StrategyError> {
        Ok(Self { seed: state.integer("seed")?, ..*self })
    }
}

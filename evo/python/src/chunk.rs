//! Environments that one thread steps together, under Gymnasium's rules of autoreset.

use envs::Envs;
use rand::Rng as _;
use training::random::{Purpose, Stream};

/// When an environment begins its next episode.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Autoreset {
    /// In the step after that which ended the last one.
    Next,
    /// In the same step.
    Same,
    /// When `reset` is called.
    Never,
}

/// Environments that one thread steps together.
pub struct Chunk {
    /// The environments.
    pub envs: Envs,
    /// Where each is in its random numbers.
    pub places: Vec<Place>,
    active: Vec<bool>,
}

/// One environment's place in its random numbers: episode k of seed s is episode k of `evo eval --seed s`.
#[derive(Clone, Copy, Default)]
pub struct Place {
    /// Its seed.
    pub seed: u64,
    /// Number of its next episode.
    pub episode: u64,
    /// What a controller's own random numbers begin with in this episode.
    pub policy_seed: u64,
    /// Has been reset at least once.
    pub begun: bool,
}

impl Chunk {
    /// Environments that have not been reset yet.
    pub fn new(envs: Envs) -> Self {
        let count = envs.len();
        Self { envs, places: vec![Place::default(); count], active: vec![false; count] }
    }

    /// Begins the next episode of environment `i`.
    pub fn begin(&mut self, i: usize) {
        let place = &mut self.places[i];
        let mut stream = Stream::new(place.seed, Purpose::Evaluate, 0, 0, place.episode);
        self.envs.reset(i, &mut stream);
        place.policy_seed = stream.next_u64();
        place.episode += 1;
        place.begun = true;
    }

    /// One control step of all, or the beginning of an episode where one is over.
    pub fn step(&mut self, actions: &[f32], out: &mut Rows<'_>, autoreset: Autoreset) {
        for i in 0..self.envs.len() {
            self.active[i] = !self.envs.is_resting(i);
        }
        self.envs.step(&self.active, actions);
        for i in 0..self.envs.len() {
            let (mut outcome, mut stepped) = (self.envs.outcome(i), self.active[i]);
            out.blew_up[i] = self.active[i] && self.envs.blew_up(i);
            if self.active[i] {
                out.terms.row(i).copy_from_slice(self.envs.terms(i));
                if outcome.over() && autoreset == Autoreset::Same {
                    if let Some(last) = &mut out.last {
                        let size = out.size;
                        let observation = &self.envs.observations()[i * size..(i + 1) * size];
                        last.row(i).copy_from_slice(observation);
                    }
                    self.begin(i);
                }
            } else {
                self.begin(i);
                (outcome, stepped) = (envs::Step::default(), false);
                out.terms.row(i).fill(0.0);
            }
            out.rewards[i] = outcome.reward;
            out.terminated[i] = outcome.terminated;
            out.truncated[i] = outcome.truncated;
            out.success[i] = outcome.success;
            out.stepped[i] = stepped;
        }
        out.observations.copy_from_slice(self.envs.observations());
    }
}

/// Rows of a matrix.
pub struct Matrix<'a> {
    /// All of them.
    pub values: &'a mut [f32],
    /// Length of a row.
    pub length: usize,
}

impl Matrix<'_> {
    fn row(&mut self, i: usize) -> &mut [f32] {
        &mut self.values[i * self.length..(i + 1) * self.length]
    }
}

/// Where one chunk writes what came of a step.
pub struct Rows<'a> {
    /// Observations per environment.
    pub size: usize,
    /// `[environments × observations]`.
    pub observations: &'a mut [f32],
    /// One per environment, as all that follow.
    pub rewards: &'a mut [f64],
    /// The task ended the episode.
    pub terminated: &'a mut [bool],
    /// The time limit did.
    pub truncated: &'a mut [bool],
    /// A step was taken, no episode begun instead.
    pub stepped: &'a mut [bool],
    /// The physics left the finite numbers.
    pub blew_up: &'a mut [bool],
    /// Whether the task's aim has been met up to this step.
    pub success: &'a mut [bool],
    /// Reward terms.
    pub terms: Matrix<'a>,
    /// The observation with which an episode ended.
    pub last: Option<Matrix<'a>>,
}

//! What a sweep file says.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::axis::{Axis, Source};

/// A sweep: a config, axes over its fields, and how to choose points on them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepConfig {
    /// Config of every trial; looked for beside the sweep file, then under `configs/`. Leave it out if the first
    /// axis is [`Axis::Config`].
    #[serde(default)]
    pub config: Option<String>,
    /// Changes of that config in every trial, as `--set` takes them.
    #[serde(default)]
    pub set: Vec<String>,
    /// What differs between trials, at least one.
    pub axes: Vec<Axis>,
    /// How points on the axes are chosen.
    #[serde(default)]
    pub sampler: Sampler,
    /// Stops poor trials early.
    #[serde(default)]
    pub halving: Option<Halving>,
    /// Seeds of each trial (`run.seed`), at least one; its value is the median over them.
    #[serde(default = "one_seed")]
    pub seeds: Vec<u64>,
    /// Which return is the value of a run.
    #[serde(default)]
    pub objective: Objective,
    /// Seed of the sampler's own choices.
    #[serde(default = "one")]
    pub seed: u64,
    /// Checkpoint or run folder from whose parameters every trial starts.
    #[serde(default)]
    pub init: Option<PathBuf>,
}

fn one() -> u64 {
    1
}

fn one_seed() -> Vec<u64> {
    vec![1]
}

/// How points on the axes are chosen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Sampler {
    /// Every combination; ranges need `steps`.
    #[default]
    Grid,
    /// Independent uniform draws.
    Random {
        /// Number of trials, at least 1.
        trials: usize,
    },
    /// One draw in each of `trials` strata of every axis (McKay, Beckman, Conover 1979).
    LatinHypercube {
        /// Number of trials, at least 1.
        trials: usize,
    },
    /// Tree-structured Parzen estimator (Bergstra et al. 2011), in batches: proposals depend only on the
    /// results of earlier batches, not on which worker was faster.
    Tpe {
        /// Number of trials, at least 1.
        trials: usize,
        /// Number of trials drawn uniformly before the first proposal, at least 2.
        #[serde(default = "startup")]
        startup: usize,
        /// Number of trials proposed from the same results, at least 1.
        #[serde(default = "batch")]
        batch: usize,
        /// Fraction of the results that counts as good, above 0 and below 1.
        #[serde(default = "gamma")]
        gamma: f64,
        /// Number of candidates per axis, of which the most promising is taken, at least 1.
        #[serde(default = "candidates")]
        candidates: usize,
    },
}

fn startup() -> usize {
    8
}

fn batch() -> usize {
    4
}

fn gamma() -> f64 {
    0.25
}

fn candidates() -> usize {
    24
}

/// Successive halving (Jamieson, Talwalkar 2016; the synchronous form of ASHA, Li et al. 2020): all trials
/// run for `first` generations, the best 1/`factor` of them continue to `factor` times as many, and so on up
/// to `run.generations`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Halving {
    /// Generations of the first rung, at least 1 and below `run.generations`.
    pub first: u64,
    /// Factor between rungs, at least 2.
    #[serde(default = "factor")]
    pub factor: u64,
}

fn factor() -> u64 {
    3
}

/// Which return is the value of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Objective {
    /// The mean return of the last evaluation.
    #[default]
    Last,
    /// The mean return of the best evaluation.
    Best,
}

impl Objective {
    /// What a trial is worth, in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Last => "return of the last evaluation",
            Self::Best => "return of the best evaluation",
        }
    }
}

impl SweepConfig {
    /// The configs that trials change: those of the first axis, or the only one.
    #[must_use]
    pub fn sources(&self) -> Vec<Source> {
        match (&self.axes.first(), &self.config) {
            (Some(Axis::Config { values }), _) => values.clone(),
            (_, config) => {
                let config = config.clone().unwrap_or_default();
                vec![Source { config, name: "base".to_owned(), set: Vec::new() }]
            }
        }
    }

    /// Generations of each rung; the last is `generations`, the config's own.
    #[must_use]
    pub fn rungs(&self, generations: u64) -> Vec<u64> {
        let mut rungs = Vec::new();
        if let Some(halving) = &self.halving {
            let mut rung = halving.first;
            while rung < generations {
                rungs.push(rung);
                rung = rung.saturating_mul(halving.factor.max(2));
            }
        }
        rungs.push(generations);
        rungs
    }
}

//! CMA-MAE: "Covariance Matrix Adaptation MAP-Annealing" (Fontaine and Nikolaidis, GECCO 2023, arXiv 2205.10752).
//!
//! As CMA-ME, but each cell has a threshold that follows the fitness of what it accepts ([`super::archive`]), and emitters
//! rank by the fitness above it. With the rate 1 they run away from what they have found, as those of CMA-ME; with 0 they
//! only climb. Parents are the better half, and an emitter begins anew only when its distribution has collapsed.
//!
//! Difference from the paper: an emitter begins anew at one of the best members of the cells, not of the last accepted.

use serde::{Deserialize, Serialize};

use super::archive::Annealing;
use super::cma_me::{EMITTERS, MAX_DIMENSION, POPULATION, SEPARABLE};
use super::emitters::{Rule, Shared};
use super::map_elites::{ARCHIVE, DESCRIPTORS, QD_OFFSET, RANGES};
use super::{
    ArchiveShape, FieldInfo, Layout, Memory, Settings, Strategy, StrategyError, StrategyInfo, check,
    cma_rates,
};

/// Settings of CMA-MAE.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CmaMaeConfig {
    /// Members per generation, of all emitters; ≥ 2.
    pub population: usize,
    /// Number of emitters, each with at least two members; `None` is one for every 36 members.
    pub emitters: Option<usize>,
    /// Standard deviation of every parameter where an emitter begins, parameter units; > 0.
    pub sigma: f64,
    /// Whether covariance matrices are diagonal: for thousands of parameters.
    pub separable: bool,
    /// Largest number of parameters accepted with full matrices; ≥ 1.
    pub max_dimension: usize,
    /// α, how fast thresholds follow what is accepted; 0 to 1.
    pub threshold_rate: f64,
    /// Threshold of an empty cell, which should be below any fitness; `None` is the lowest fitness of the first
    /// generation.
    pub threshold_min: Option<f64>,
    /// Names of the descriptors of the task that span the archive.
    pub descriptors: Vec<String>,
    /// Lowest and highest value of each descriptor; empty is what the task says of them.
    pub ranges: Vec<(f64, f64)>,
    /// The cells of the archive.
    pub archive: Layout,
    /// What is subtracted from each fitness in the QD score; it should be below any fitness.
    pub qd_offset: f64,
}

impl Default for CmaMaeConfig {
    fn default() -> Self {
        Self {
            population: 540,
            emitters: None,
            sigma: 0.5,
            separable: false,
            max_dimension: 1000,
            threshold_rate: 0.01,
            threshold_min: None,
            descriptors: Vec::new(),
            ranges: Vec::new(),
            archive: Layout::default(),
            qd_offset: 0.0,
        }
    }
}

pub(super) const INFO: StrategyInfo = StrategyInfo {
    name: "cma_mae",
    config: "CmaMae",
    summary: "as CMA-ME, with thresholds that follow the fitness slowly; needs descriptors",
    reference: "Fontaine and Nikolaidis 2023, arXiv 2205.10752",
    fields: &[
        POPULATION,
        EMITTERS,
        cma_rates::SIGMA,
        SEPARABLE,
        MAX_DIMENSION,
        FieldInfo::new("threshold_rate", "1", "0.01", "0 to 1"),
        FieldInfo::new("threshold_min", "fitness", "None", "finite; None is the first generation's lowest"),
        DESCRIPTORS,
        RANGES,
        ARCHIVE,
        QD_OFFSET,
    ],
};

impl CmaMaeConfig {
    fn shape(&self) -> ArchiveShape<'_> {
        ArchiveShape {
            strategy: INFO.name,
            descriptors: &self.descriptors,
            ranges: &self.ranges,
            layout: &self.archive,
            offset: self.qd_offset,
        }
    }

    fn shared(&self) -> Shared {
        Shared {
            strategy: INFO.name,
            rule: Rule::Annealing { waits: self.threshold_min.is_none() },
            population: self.population,
            emitters: self.emitters,
            sigma: self.sigma,
            separable: self.separable,
            max_dimension: self.max_dimension,
        }
    }
}

impl Settings for CmaMaeConfig {
    fn info(&self) -> &'static StrategyInfo {
        &INFO
    }

    fn validate(&self) -> Result<(), StrategyError> {
        self.shared().validate()?;
        if !(0.0..=1.0).contains(&self.threshold_rate) {
            let expected = "a number from 0 to 1";
            return Err(check::error(INFO.name, "threshold_rate", &self.threshold_rate, expected));
        }
        if let Some(least) = self.threshold_min.filter(|least| !least.is_finite()) {
            return Err(check::error(INFO.name, "threshold_min", &least, "None, or a finite number"));
        }
        self.shape().validate()
    }

    fn archive(&self) -> Option<ArchiveShape<'_>> {
        Some(self.shape())
    }

    fn memory(&self, parameters: usize) -> Result<Memory, StrategyError> {
        self.shared().memory(parameters, self.shape().memory(parameters))
    }

    fn build(&self, x0: &[f64], seed: u64) -> Result<Box<dyn Strategy>, StrategyError> {
        let annealing = Annealing { rate: self.threshold_rate, start: self.threshold_min.unwrap_or(0.0) };
        self.shared().build(x0, seed, self.shape().build(x0.len(), Some(annealing))?)
    }
}

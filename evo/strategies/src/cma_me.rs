//! CMA-ME with improvement emitters: "Covariance Matrix Adaptation for the Rapid Illumination of Behavior Space" (Fontaine,
//! Togelius, Nikolaidis and Hoover, GECCO 2020, arXiv 1912.02400).
//!
//! Each emitter is a CMA-ES ([`super::cma_es`]). It ranks members that found a new cell first, by fitness; then those that
//! improved a cell, by how much; then the others. Its parents are those of the first two kinds; if there are none, it
//! begins anew at a random elite, as it does when its distribution has collapsed.

use serde::{Deserialize, Serialize};

use super::emitters::{Rule, Shared};
use super::map_elites::{ARCHIVE, DESCRIPTORS, QD_OFFSET, RANGES};
use super::{
    ArchiveShape, FieldInfo, Layout, Memory, Settings, Strategy, StrategyError, StrategyInfo, cma_rates,
};

/// Settings of CMA-ME.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CmaMeConfig {
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
    /// Names of the descriptors of the task that span the archive.
    pub descriptors: Vec<String>,
    /// Lowest and highest value of each descriptor; empty is what the task says of them.
    pub ranges: Vec<(f64, f64)>,
    /// The cells of the archive.
    pub archive: Layout,
    /// What is subtracted from each fitness in the QD score; it should be below any fitness.
    pub qd_offset: f64,
}

impl Default for CmaMeConfig {
    fn default() -> Self {
        Self {
            population: 540,
            emitters: None,
            sigma: 0.5,
            separable: false,
            max_dimension: 1000,
            descriptors: Vec::new(),
            ranges: Vec::new(),
            archive: Layout::default(),
            qd_offset: 0.0,
        }
    }
}

/// The settings that it shares with CMA-MAE.
pub(super) const POPULATION: FieldInfo = FieldInfo::new("population", "members", "540", "≥ 2");
pub(super) const EMITTERS: FieldInfo =
    FieldInfo::new("emitters", "", "None", "≥ 1, ≤ population / 2; None is one for every 36 members");
pub(super) const SEPARABLE: FieldInfo = FieldInfo::new("separable", "", "false", "true or false");
pub(super) const MAX_DIMENSION: FieldInfo = FieldInfo::new("max_dimension", "parameters", "1000", "≥ 1");

pub(super) const INFO: StrategyInfo = StrategyInfo {
    name: "cma_me",
    config: "CmaMe",
    summary: "an archive, improved by CMA-ES that begin at its elites; needs descriptors",
    reference: "Fontaine et al. 2020, arXiv 1912.02400",
    fields: &[
        POPULATION,
        EMITTERS,
        cma_rates::SIGMA,
        SEPARABLE,
        MAX_DIMENSION,
        DESCRIPTORS,
        RANGES,
        ARCHIVE,
        QD_OFFSET,
    ],
};

impl CmaMeConfig {
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
            rule: Rule::Improvement,
            population: self.population,
            emitters: self.emitters,
            sigma: self.sigma,
            separable: self.separable,
            max_dimension: self.max_dimension,
        }
    }
}

impl Settings for CmaMeConfig {
    fn info(&self) -> &'static StrategyInfo {
        &INFO
    }

    fn validate(&self) -> Result<(), StrategyError> {
        self.shared().validate()?;
        self.shape().validate()
    }

    fn archive(&self) -> Option<ArchiveShape<'_>> {
        Some(self.shape())
    }

    fn memory(&self, parameters: usize) -> Result<Memory, StrategyError> {
        self.shared().memory(parameters, self.shape().memory(parameters))
    }

    fn build(&self, x0: &[f64], seed: u64) -> Result<Box<dyn Strategy>, StrategyError> {
        self.shared().build(x0, seed, self.shape().build(x0.len(), None)?)
    }
}

//! Evolution strategies behind one ask/tell interface; fitness is maximised.
//!
//! A config builds a [`Search`], which does what all strategies share: counters, best so far, ranks, failed
//! members. One strategy is one file with a config that implements `Settings` and a state that implements
//! [`Strategy`]. To add one, write the file, name it among the modules below and give it a line in the registry
//! (`config.rs`); the shared tests then run over it.
//!
//! State is `f64`, members are `f32`. Randomness comes from [`random`] and depends on the seed, the
//! generation and the member only, so a search gives the same bits for any number of threads.

mod ars;
pub mod bench;
mod check;
mod cma_es;
mod cma_paths;
mod cma_rates;
mod config;
mod diagonal;
mod ec;
mod error;
pub mod functions;
mod linalg;
mod noise;
mod open_es;
mod optimizer;
mod pgpe;
pub mod random;
mod real;
mod search;
mod sep_cma_es;
mod settings;
mod shaping;
mod snes;
mod state;
mod strategy;
mod trust_region;
mod xnes;

/// The strategy of `docs/tutorials/own-strategy.md`.
#[cfg(test)]
#[path = "../../../docs/tutorials/cem/cem.rs"]
mod cem;

pub use ars::ArsConfig;
pub use cma_es::CmaEsConfig;
pub use config::{StrategyConfig, strategies};
pub use ec::EcConfig;
pub use error::StrategyError;
pub use open_es::OpenEsConfig;
pub use optimizer::{OptimizerConfig, Schedule};
pub use pgpe::PgpeConfig;
pub use real::Real;
pub use search::Search;
pub use sep_cma_es::SepCmaEsConfig;
pub use settings::{FieldInfo, Settings, StrategyInfo};
pub use shaping::{Ranked, Shaping};
pub use snes::SnesConfig;
pub use state::{Data, State, Tensor};
pub use strategy::{Precision, StopReason, Strategy};
pub use trust_region::TrustRegion;
pub use xnes::XnesConfig;

//! Evolution strategies behind one ask/tell interface; fitness is maximised.
//!
//! ```
//! use strategies::{CmaEsConfig, Search};
//! let mut search: Search = Search::new(&CmaEsConfig::default(), &[2.0; 3], 1)?;
//! let (mut members, sphere) = (Vec::new(), |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>());
//! while search.best().is_none_or(|(fitness, _)| fitness < -1e-20) {
//!     search.ask();
//!     search.population_matrix(&mut members);
//!     search.tell(&members.chunks(3).map(|x| -sphere(x)).collect::<Vec<f64>>())?;
//! }
//! # Ok::<(), strategies::StrategyError>(())
//! ```
//!
//! A [`Search`] does what all strategies share: counters, best so far, ranks, failed members. It starts from the
//! settings of a strategy, or from a [`StrategyConfig`], which names one. One strategy is one file with a config that
//! implements [`Settings`] and a state that implements [`Strategy`], or only an [`Update`] where members are normal
//! with independent coordinates. A strategy of this crate is named among the modules below and has a line in the
//! registry (`config.rs`); that of another one is made known by [`register`]. The shared tests run over both.
//!
//! State is `f64`, members are `f64`, or `f32` for controllers. Randomness comes from [`random`] and depends on the
//! seed, the generation and the member only, so a search gives the same bits for any number of threads.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests compare with the system's functions"))]

mod archive;
mod ars;
pub mod bench;
mod bounded;
mod breed;
pub mod check;
mod cma_es;
mod cma_mae;
mod cma_me;
mod cma_paths;
mod cma_rates;
mod config;
mod constrained;
mod cr_fm_nes;
mod de;
mod diagonal;
mod discrete;
mod ec;
mod emitters;
mod error;
mod evidence;
mod front;
pub mod functions;
mod ga;
mod genome;
mod genome_state;
mod growth;
mod layout;
mod linalg;
mod lm_ma_es;
mod low_rank_es;
mod lra;
mod map_elites;
mod measure;
mod mo_cma_es;
mod multiplier;
mod neat;
mod noise;
mod normal;
mod nsga2;
mod objective_fields;
mod objectives;
mod open_es;
mod optimizer;
mod pareto;
mod pgpe;
pub mod projection;
mod pso;
pub mod random;
mod random_search;
mod real;
mod reevaluated;
mod registered;
mod restarts;
mod rows;
mod schedule;
mod search;
mod sep_cma_es;
mod settings;
mod shaping;
mod snes;
mod species;
mod state;
mod stops;
mod strategy;
mod topology;
mod trust_region;
mod width;
mod wiring;
mod wrapper;
mod xnes;

pub use archive::{Added, Archive, ArchiveShape, Elite, Status};
pub use ars::ArsConfig;
pub use bounded::BoundedConfig;
pub use cma_es::CmaEsConfig;
pub use cma_mae::CmaMaeConfig;
pub use cma_me::CmaMeConfig;
pub use config::{StrategyConfig, register, strategies};
pub use constrained::ConstrainedConfig;
pub use cr_fm_nes::CrFmNesConfig;
pub use de::{DeBase, DeConfig};
pub use diagonal::{Diagonal, OnDemand, Population, Update};
pub use discrete::DiscreteConfig;
pub use ec::EcConfig;
pub use error::StrategyError;
pub use evidence::Evidence;
pub use front::{Front, Point};
pub use ga::GaConfig;
pub use layout::Layout;
pub use lm_ma_es::LmMaEsConfig;
pub use low_rank_es::LowRankEsConfig;
pub use map_elites::MapElitesConfig;
pub use measure::Steps;
pub use mo_cma_es::MoCmaEsConfig;
pub use neat::NeatConfig;
pub use noise::Noise;
pub use nsga2::Nsga2Config;
pub use objectives::Objectives;
pub use open_es::OpenEsConfig;
pub use optimizer::{Optimizer, OptimizerConfig};
pub use pgpe::PgpeConfig;
pub use pso::PsoConfig;
pub use random_search::RandomSearchConfig;
pub use real::Real;
pub use reevaluated::ReevaluatedConfig;
pub use registered::{OwnSettings, Registered};
pub use restarts::{RestartScheme, RestartsConfig};
pub use schedule::Schedule;
pub use search::Search;
pub use sep_cma_es::SepCmaEsConfig;
pub use settings::{FieldInfo, Memory, Settings, StrategyInfo};
pub use shaping::{Ranked, Shaping};
pub use snes::SnesConfig;
pub use state::{Data, State, Tensor};
pub use strategy::{Precision, StopReason, Strategy};
pub use topology::Topology;
pub use trust_region::TrustRegion;
pub use width::StepUnit;
pub use wiring::WeightBlock;
pub use xnes::XnesConfig;

//! Evolution of controllers: strategies, rollouts, training runs and their files.
//!
//! In a browser there is everything but the command line and plots.

pub mod backend;
pub mod changes;
#[cfg(not(target_arch = "wasm32"))]
pub mod cli;
#[cfg(not(target_arch = "wasm32"))]
pub mod commands;
pub mod config;
pub mod evaluate;
pub mod finetune;
#[cfg(not(target_arch = "wasm32"))]
pub mod interrupt;
pub mod named_files;
pub mod nir_export;
pub mod normalizer;
#[cfg(not(target_arch = "wasm32"))]
pub mod plot;
#[cfg(not(target_arch = "wasm32"))]
pub mod progress;
#[cfg(not(target_arch = "wasm32"))]
pub mod report;
pub mod rollout;
pub mod statistics;
#[cfg(not(target_arch = "wasm32"))]
pub mod sweep;
pub mod trainer;

/// Counter-based random streams, for whoever plays episodes.
pub use strategies::random;

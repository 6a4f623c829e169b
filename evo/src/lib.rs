//! Evolution of controllers: strategies, rollouts, training runs and their files.
//!
//! In a browser there is everything but the command line and plots.

pub mod backend;
pub mod changes;
pub mod checkpoint;
#[cfg(not(target_arch = "wasm32"))]
pub mod cli;
#[cfg(not(target_arch = "wasm32"))]
pub mod commands;
pub mod config;
pub mod evaluate;
pub mod events;
pub mod failure;
pub mod finetune;
#[cfg(not(target_arch = "wasm32"))]
pub mod interrupt;
pub mod metrics;
pub mod named_files;
pub mod nir_export;
pub mod normalizer;
pub mod npy;
pub mod patch;
#[cfg(not(target_arch = "wasm32"))]
pub mod plot;
#[cfg(not(target_arch = "wasm32"))]
pub mod progress;
#[cfg(not(target_arch = "wasm32"))]
pub mod report;
pub mod rollout;
pub mod ron_io;
mod ron_report;
mod ron_value;
pub mod run_folder;
pub mod statistics;
#[cfg(not(target_arch = "wasm32"))]
pub mod sweep;
pub mod trainer;

/// Counter-based random streams, for whoever plays episodes.
pub use strategies::random;

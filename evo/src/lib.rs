//! Evolution of controllers: strategies, rollouts, training runs and their files.

pub mod backend;
pub mod bench_strategy;
pub mod changes;
pub mod checkpoint;
pub mod cli;
pub mod commands;
pub mod config;
pub mod evaluate;
pub mod failure;
pub mod functions;
pub mod interrupt;
pub mod metrics;
pub mod nir_export;
pub mod normalizer;
pub mod npy;
pub mod patch;
pub mod plot;
pub mod progress;
pub mod random;
pub mod rollout;
pub mod ron_io;
mod ron_value;
pub mod run_folder;
pub mod strategy;
pub mod sweep;
pub mod trainer;
mod wide;

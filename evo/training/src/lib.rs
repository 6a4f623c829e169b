//! Training of controllers, by evolution and by gradient: configs, episodes, runs in memory, evaluations.
//!
//! A [`Config`](config::Config) is built into a [`Setup`](setup::Setup); a [`Trainer`](trainer::Trainer) or a
//! [`gradient`] learner goes on from generation to generation and gives a row of metrics for each, or a checkpoint.
//! Who calls it decides what is printed, written and when to stop. In a browser there is everything but training
//! by gradient alone.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests compare with the system's functions"))]

mod action_change;
mod archive;
pub mod backend;
pub mod change_names;
pub mod changes;
pub mod config;
pub mod engine_choice;
pub mod evaluate;
pub mod field;
mod front;
pub mod golden;
pub mod gradient;
pub mod learner;
pub mod members;
pub mod memory;
pub mod named_files;
pub mod needs;
pub mod nir_export;
pub mod normalizer;
pub mod objectives;
pub mod onnx_export;
pub mod policy;
pub mod random_actions;
pub mod ranks;
pub mod restarts;
pub mod rollout;
pub mod rollout_config;
mod saved;
pub mod setup;
pub mod stages;
mod step_sizes;
mod stored_search;
pub mod trainer;
mod wiring;

/// Counter-based random streams, for whoever plays episodes.
pub use strategies::random;

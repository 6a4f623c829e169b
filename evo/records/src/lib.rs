//! What a run leaves on disk, and how it is written: run folder, checkpoints, metrics, configs as text.
//!
//! Nothing here knows what is trained, or how.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests compare with the system's functions"))]

pub mod checkpoint;
pub mod columns;
pub mod disk;
pub mod events;
pub mod examine;
pub mod failure;
pub mod folder;
pub mod hashes;
pub mod input;
pub mod lock;
pub mod memory;
pub mod metrics;
pub mod npy;
pub mod provenance;
mod rows;
pub mod surroundings;
pub mod table;
pub mod text;
pub mod words;

pub use rows::{MetricsError, RowsMark};

//! Black-box tests: through the program `evo`, against MuJoCo's reference data, of the pages and of the house itself.
//!
//! One binary for all, since each would be linked with the physics, the GPU and the plots anew. One file: its name as a
//! filter, `cargo test -p tests determinism`. What is marked `#[ignore = "slow: …"]` runs with `./tests/run --full`.

#![allow(clippy::disallowed_methods, reason = "tests compare with the system's functions")]

mod archive;
mod bad_input;
mod browser;
mod cli;
mod continuous_time;
mod determinism;
mod docs;
mod engines;
mod events;
mod fidelity;
mod film;
mod finetune;
mod front;
mod fuzz;
mod house;
mod lanes_fidelity;
mod lanes_invariants;
mod lanes_stability;
mod learning;
mod leave;
mod members;
mod named_files;
mod nir;
mod not_finite;
mod output;
#[cfg(target_os = "linux")]
mod ranks;
mod rapier_fidelity;
mod reference;
mod reliability;
mod replay;
mod report;
mod restarts;
mod robots;
mod short_ways;
#[cfg(unix)]
mod signals;
#[cfg(target_os = "linux")]
mod slurm;
mod stability;
mod stages;
mod sweep;
mod sweep_gradient;
#[cfg(unix)]
mod sweep_workers;

//! The program: command line, sweeps, plots and reports over the crates `strategies`, `records` and `training`.
//!
//! `main` is [`cli::parse`] and [`commands::run`].

pub mod cli;
pub mod commands;
pub mod interrupt;
pub mod plot;
pub mod progress;
pub mod report;
pub mod statistics;
pub mod sweep;

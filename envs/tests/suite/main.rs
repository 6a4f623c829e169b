//! Tasks, batches and changes through the crate's public interface.

#![allow(clippy::disallowed_methods, reason = "tests compare with the system's functions")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod batch;
mod changes;
mod checker;
mod common;
mod config;
mod golden;
mod own_robot;
mod spec;

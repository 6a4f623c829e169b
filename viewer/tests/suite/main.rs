//! Tests of the viewer from outside: its documents, panels and pictures, the program and its window.
//!
//! One binary for all, since each would be linked with the window and the GPU anew. One file: its name as a filter,
//! `cargo test -p viewer panels`. What is marked `#[ignore = "slow: …"]` runs with `./tests/run --full`.

#![allow(clippy::disallowed_methods, reason = "tests compare with the system's functions")]

mod bad_input;
mod common;
mod follow;
mod map;
mod panels;
mod pictures;
mod scene;
mod walk;
mod window;

//! `spindle._native`: what the Python package `spindle` calls. Arrays come in and go out as NumPy's; who uses it from
//! Python sees the classes of `python/spindle`, which check shapes and say what is wrong in the user's words.
//!
//! No call holds the interpreter while it computes, and no panic gets to Python: see `call`.
//!
//! Its tests run in Python. There is nothing in it for Rust's, since a program of theirs would lack the interpreter.

#![cfg(not(test))]
#![allow(clippy::needless_pass_by_value, reason = "arguments from Python come by value")]

mod batch;
mod call;
mod chunk;
mod members;
mod network;
#[cfg(feature = "render")]
mod picture;
mod policy;
mod population;
mod probe;
mod program;
mod search;
mod tensors;
mod threads;

/// The module.
#[pyo3::pymodule]
mod _native {
    #[pymodule_export]
    use crate::batch::{Batch, env_names};
    #[pymodule_export]
    use crate::members::members;
    #[cfg(feature = "render")]
    #[pymodule_export]
    use crate::picture::Painter;
    #[pymodule_export]
    use crate::policy::Policy;
    #[pymodule_export]
    use crate::population::{Controller, Population};
    #[pymodule_export]
    use crate::program::{command, find_run};
    #[pymodule_export]
    use crate::search::{Search, all_strategies};
    #[pymodule_export]
    use crate::tensors::tensors;
}

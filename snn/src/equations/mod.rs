//! Neuron models from equations.
//!
//! A model is a few lines of text (see `docs/neurons.md` for the language). [`Model::parse`] reads
//! and checks it; [`Model::kernel`] makes one tick of it as straight-line code; that code runs
//! through [`interpret()`], as Rust generated at build time ([`module`]), or as WGSL
//! ([`Kernel::wgsl`]), with the same bits everywhere.
//!
//! # Exactness
//!
//! * A kernel holds operations that IEEE 754 and WGSL round correctly, comparisons and bit tricks,
//!   nothing else; division, roots and exponentials are made of those.
//! * On the *grid*, each state variable is rounded to a multiple of 2^-16 in [−128, 128] after each
//!   tick ([`snap`]), so no subnormal numbers build up, and −0 becomes 0. Sums over ticks, which
//!   decoders read, have a larger range ([`Kernel::limit`]).
//! * A state variable that becomes infinite or not a number is set to 0 and reported as a *fault*.
//!
//! This folder uses the standard library only: the build script compiles it too.

pub mod bits;
#[cfg(test)]
mod built_in;
mod compile;
mod error;
mod formula;
mod functions;
mod grid;
mod interpret;
mod kernel;
mod lexer;
mod model;
mod pullback;
#[allow(dead_code, reason = "the build script uses it")]
mod rust;
mod syntax;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod traces;
pub mod wgsl;

pub use error::EquationError;
#[allow(unused_imports, reason = "the build script does not use all")]
pub use grid::{EXPONENT, GRID_SCALE, STATE_LIMIT, SUM_LIMIT, settle_within, snap};
pub use interpret::{Constants, Scratch, interpret};
#[allow(unused_imports, reason = "the build script does not use all")]
pub use kernel::{Kernel, Op, Spike};
pub use model::{MAX_REFRACTORY, Model, Parameter, Scope, State};
#[allow(unused_imports, reason = "the build script uses it")]
pub use rust::module;

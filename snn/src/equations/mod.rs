//! Neuron models from equations.
//!
//! A model is a few lines of text (see `docs/neurons.md` for the language). [`Model::parse`] reads
//! and checks it; [`Model::kernel`] makes one tick of it as straight-line code; that code runs
//! through [`interpret()`], as Rust generated at build time ([`Tick`]), or as WGSL
//! ([`Kernel::wgsl`]), with the same bits everywhere.
//!
//! # Exactness
//!
//! * A kernel holds operations that IEEE 754 and WGSL round correctly, comparisons and bit tricks,
//!   nothing else; division, roots and exponentials are made of those.
//! * On the *grid*, each state variable is rounded to a multiple of 2^-16 in [−128, 128] after each
//!   tick ([`snap`]), so no subnormal numbers build up, and −0 becomes 0.
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
pub use interpret::{Constants, Scratch, interpret};
#[allow(unused_imports, reason = "the build script does not use all")]
pub use kernel::{Kernel, Op, Spike};
pub use model::{MAX_REFRACTORY, Model, Parameter, Scope, State};
#[allow(unused_imports, reason = "the build script uses it")]
pub use rust::module;

/// One tick of one neuron, compiled in: `S` state variables, `C` constants.
///
/// Written without branches, so that a loop over an array of neurons becomes vector code.
pub trait Tick<const S: usize, const C: usize> {
    /// Takes the constants ([`Kernel::constants`]), the input currents and the state; returns the
    /// state after the tick and whether the neuron spiked. `GRID` snaps the state. Sets the lowest
    /// bit of `fault` if a state became infinite or not a number.
    fn tick<const GRID: bool>(
        constants: &[f32; C],
        forward: f32,
        recurrent: f32,
        states: [f32; S],
        fault: &mut u32,
    ) -> ([f32; S], bool);
}

/// Largest magnitude of a state variable on the grid.
const GRID_LIMIT: f32 = 128.0;
/// Grid points per unit.
const GRID_SCALE: f32 = 65_536.0;
/// Bits of the exponent: all ones in infinities and NaN, all zeros in 0 and subnormal numbers.
const EXPONENT: u32 = 0x7f80_0000;

/// The nearest multiple of 2^-16 in [−128, 128], half to even; +0 for −0. `x` is finite.
#[inline(always)]
pub fn snap(x: f32) -> f32 {
    let x = if x > GRID_LIMIT { GRID_LIMIT } else { x };
    let x = if x < -GRID_LIMIT { -GRID_LIMIT } else { x };
    (x * GRID_SCALE).round_ties_even() * (1.0 / GRID_SCALE) + 0.0
}

/// A state variable after the tick: 0 with the lowest bit of `fault` set if `x` is infinite or not
/// a number; snapped to the grid if `GRID`, else only freed of subnormal numbers.
#[inline(always)]
pub fn settle<const GRID: bool>(x: f32, fault: &mut u32) -> f32 {
    let exponent = x.to_bits() & EXPONENT;
    let bad = exponent == EXPONENT;
    *fault |= u32::from(bad);
    if GRID {
        snap(if bad { 0.0 } else { x })
    } else if bad | (exponent == 0) {
        0.0
    } else {
        x
    }
}

//! Sixteen numbers at a time: the vector type that controllers compute with, and the instruction sets it
//! comes in.
//!
//! To compute with it: write an `#[inline(always)]` function that is generic over [`Vector`], and enter it by
//! a function per set, as [`compiled_for!`] makes them.

mod dispatch;
mod lane;
mod portable;
#[cfg(test)]
mod tests;

#[cfg(vector_avx2)]
mod avx2;
#[cfg(vector_avx512)]
mod avx512;
#[cfg(any(vector_avx2, vector_avx512))]
mod x86;

pub(crate) use dispatch::{Set, block, compiled_for, in_blocks};
pub(crate) use lane::{Ints, SHORT, Vector, settle, snap_current};
pub(crate) use portable::Portable;

#[cfg(vector_avx2)]
pub(crate) use avx2::Avx2;
#[cfg(vector_avx512)]
pub(crate) use avx512::Avx512;

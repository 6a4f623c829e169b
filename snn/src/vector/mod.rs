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

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(crate) use dispatch::{Set, block, compiled_for, in_blocks};
pub(crate) use lane::{Ints, SHORT, Vector, settle, snap_current};
pub(crate) use portable::Portable;

#[cfg(target_arch = "x86_64")]
pub(crate) use self::{avx2::Avx2, avx512::Avx512};

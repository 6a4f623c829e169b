//! What a vector type can do.
//!
//! Every operation rounds exactly as IEEE 754 says and none is fused, so all implementations give the same
//! bits in every lane.

use std::ops::{Add, Mul, Neg, Sub};

use crate::equations::{EXPONENT, GRID_SCALE, STATE_LIMIT};
use crate::lanes::{Lanes, WIDTH};

/// 8-bit weights that are added at a time.
pub(crate) const SHORT: usize = 2 * WIDTH;

/// As many integers as [`Lanes`] has numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C, align(64))]
pub(crate) struct Ints(pub(crate) [i32; WIDTH]);

/// [`WIDTH`] single-precision numbers. All methods must be `#[inline(always)]`: they are compiled into
/// functions of several instruction sets.
#[allow(dead_code, reason = "not every operation occurs in a built-in model")]
pub(crate) trait Vector:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Neg<Output = Self>
{
    /// One truth per lane.
    type Mask: Copy;
    /// [`WIDTH`] integers of 32 bits.
    type Int: Copy;
    /// [`SHORT`] integers of 16 bits.
    type Short: Copy;
    /// Lanes that fit into registers beside each other, with some to spare.
    const REGISTERS: usize;

    fn read(from: &[f32; WIDTH]) -> Self;
    fn write(self, to: &mut [f32; WIDTH]);
    #[inline(always)]
    fn load(from: &Lanes) -> Self {
        Self::read(&from.0)
    }
    #[inline(always)]
    fn store(self, to: &mut Lanes) {
        self.write(&mut to.0);
    }
    fn splat(x: f32) -> Self;

    fn abs(self) -> Self;
    fn floor(self) -> Self;
    /// To the nearest whole number, ties to even.
    fn round(self) -> Self;
    /// The smaller one of two that are no NaN.
    fn min(self, b: Self) -> Self;
    /// The larger one.
    fn max(self, b: Self) -> Self;

    /// `self < b`; false for NaN.
    fn lt(self, b: Self) -> Self::Mask;
    /// `self ≤ b`; false for NaN.
    fn le(self, b: Self) -> Self::Mask;
    /// `self = b`; false for NaN.
    fn eq(self, b: Self) -> Self::Mask;
    /// Whether it is infinite or no number.
    fn bad(self) -> Self::Mask;
    /// Whether it is 0 or subnormal.
    fn tiny(self) -> Self::Mask;

    fn none() -> Self::Mask;
    fn and(a: Self::Mask, b: Self::Mask) -> Self::Mask;
    fn or(a: Self::Mask, b: Self::Mask) -> Self::Mask;
    fn not(a: Self::Mask) -> Self::Mask;
    fn select(mask: Self::Mask, yes: Self, no: Self) -> Self;
    /// The mask as bits, that of lane 0 lowest.
    fn bits(mask: Self::Mask) -> u32;
    /// The mask with these [`bits`](Self::bits).
    fn mask(bits: u32) -> Self::Mask;

    /// Adds `b` where `mask` holds.
    fn add_where(self, mask: Self::Mask, b: Self) -> Self;

    /// As [`select`](Self::select), of truths.
    #[inline(always)]
    fn choose(mask: Self::Mask, yes: Self::Mask, no: Self::Mask) -> Self::Mask {
        Self::or(Self::and(mask, yes), Self::and(Self::not(mask), no))
    }

    /// As [`bits::power_of_two`](crate::equations::bits::power_of_two).
    fn power_of_two(self) -> Self;
    /// As [`bits::exponent`](crate::equations::bits::exponent).
    fn exponent(self) -> Self;
    /// As [`bits::mantissa`](crate::equations::bits::mantissa).
    fn mantissa(self) -> Self;
    /// As [`bits::reciprocal_seed`](crate::equations::bits::reciprocal_seed).
    fn reciprocal_seed(self) -> Self;
    /// As [`bits::root_seed`](crate::equations::bits::root_seed).
    fn root_seed(self) -> Self;

    fn int_zero() -> Self::Int;
    fn int_load(from: &Ints) -> Self::Int;
    fn int_store(x: Self::Int, to: &mut Ints);
    fn int_add(a: Self::Int, b: Self::Int) -> Self::Int;
    /// Adds `b` where `mask` holds.
    fn int_add_where(sum: Self::Int, mask: Self::Mask, b: Self::Int) -> Self::Int;
    fn int_float(x: Self::Int) -> Self;
    /// Adds `a[2i]·x[0] + a[2i + 1]·x[1]`, with `x` in the halves of `pair`, low half first.
    fn int_dot(sum: Self::Int, a: &[i8; SHORT], pair: i32) -> Self::Int;

    fn short_zero() -> Self::Short;
    /// Adds, and wraps around.
    fn short_add(sum: Self::Short, a: &[i8; SHORT]) -> Self::Short;
    /// The same numbers in 32 bits.
    fn short_ints(x: Self::Short) -> [Self::Int; 2];
}

/// A state variable after the tick, as [`settle_within`](crate::equations::settle_within) has it for the limit of states.
#[inline(always)]
pub(crate) fn settle<V: Vector, const GRID: bool>(x: V, fault: &mut V::Mask) -> V {
    let bad = x.bad();
    *fault = V::or(*fault, bad);
    let zero = V::splat(0.0);
    if GRID {
        let x = V::select(bad, zero, x).min(V::splat(STATE_LIMIT)).max(V::splat(-STATE_LIMIT));
        (x * V::splat(GRID_SCALE)).round() * V::splat(1.0 / GRID_SCALE) + zero
    } else {
        V::select(V::or(bad, x.tiny()), zero, x)
    }
}

/// As [`weights::snap_current`](crate::weights::snap_current).
#[inline(always)]
pub(crate) fn snap_current<V: Vector>(current: V) -> V {
    (current * V::splat(4096.0)).round() * V::splat(1.0 / 4096.0)
}

const _: () = assert!(EXPONENT == 0x7f80_0000, "`bad` and `tiny` look at these bits");

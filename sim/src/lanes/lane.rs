//! One number per world: the vector type that the engine computes with.
//!
//! Every operation rounds exactly as IEEE 754 says, the fused multiplication and addition included,
//! so all implementations give the same bits in every lane.

use std::fmt::Debug;
use std::ops::{Add, AddAssign, Mul, Neg, Sub, SubAssign};

/// Worlds that are stepped together.
pub(crate) const WIDTH: usize = 16;

/// [`WIDTH`] single-precision numbers. All methods must be `#[inline(always)]`: they are compiled
/// into functions of several instruction sets.
pub(super) trait Lane:
    Copy
    + Debug
    + Send
    + Sync
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + 'static
{
    /// One truth value per lane.
    type Mask: Copy;

    fn splat(x: f32) -> Self;
    fn lanes(&self) -> &[f32; WIDTH];
    fn lanes_mut(&mut self) -> &mut [f32; WIDTH];
    /// `self · b + c`, rounded once.
    fn mul_add(self, b: Self, c: Self) -> Self;
    /// `c − self · b`, rounded once.
    fn neg_mul_add(self, b: Self, c: Self) -> Self;
    fn recip(self) -> Self;
    fn sqrt(self) -> Self;
    fn abs(self) -> Self;
    /// To the nearest whole number, ties to even.
    fn round(self) -> Self;
    /// The larger one, `b` if either is NaN.
    fn max(self, b: Self) -> Self;
    /// The smaller one, `b` if either is NaN.
    fn min(self, b: Self) -> Self;
    /// `self < b`; false for NaN.
    fn lt(self, b: Self) -> Self::Mask;
    fn select(mask: Self::Mask, yes: Self, no: Self) -> Self;
    fn any(mask: Self::Mask) -> bool;

    const NONE: Self;

    #[inline(always)]
    fn zero() -> Self {
        Self::NONE
    }
}

/// Operators through methods of the same meaning.
macro_rules! operators {
    ($type:ty, $add:expr, $sub:expr, $mul:expr, $neg:expr) => {
        impl Add for $type {
            type Output = Self;
            #[inline(always)]
            fn add(self, b: Self) -> Self {
                $add(self, b)
            }
        }
        impl Sub for $type {
            type Output = Self;
            #[inline(always)]
            fn sub(self, b: Self) -> Self {
                $sub(self, b)
            }
        }
        impl Mul for $type {
            type Output = Self;
            #[inline(always)]
            fn mul(self, b: Self) -> Self {
                $mul(self, b)
            }
        }
        impl Neg for $type {
            type Output = Self;
            #[inline(always)]
            fn neg(self) -> Self {
                $neg(self)
            }
        }
        impl AddAssign for $type {
            #[inline(always)]
            fn add_assign(&mut self, b: Self) {
                *self = *self + b;
            }
        }
        impl SubAssign for $type {
            #[inline(always)]
            fn sub_assign(&mut self, b: Self) {
                *self = *self - b;
            }
        }
    };
}
pub(super) use operators;

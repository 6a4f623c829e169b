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
    /// The same number, computed lane by lane as a function of a point `at` that changes by `slope`: what a number
    /// with derivatives must know of it.
    #[inline(always)]
    fn following(self, _at: &[Self; 3], _slope: &[Self; 3]) -> Self {
        self
    }

    const NONE: Self;

    #[inline(always)]
    fn zero() -> Self {
        Self::NONE
    }
}

/// Operators through methods of the same meaning; a generic type has its parameters in braces before it.
macro_rules! operators {
    ($({$($parameters:tt)*})? $type:ty, $add:expr, $sub:expr, $mul:expr, $neg:expr) => {
        impl$(<$($parameters)*>)? Add for $type {
            type Output = Self;
            #[inline(always)]
            fn add(self, b: Self) -> Self {
                $add(self, b)
            }
        }
        impl$(<$($parameters)*>)? Sub for $type {
            type Output = Self;
            #[inline(always)]
            fn sub(self, b: Self) -> Self {
                $sub(self, b)
            }
        }
        impl$(<$($parameters)*>)? Mul for $type {
            type Output = Self;
            #[inline(always)]
            fn mul(self, b: Self) -> Self {
                $mul(self, b)
            }
        }
        impl$(<$($parameters)*>)? Neg for $type {
            type Output = Self;
            #[inline(always)]
            fn neg(self) -> Self {
                $neg(self)
            }
        }
        impl$(<$($parameters)*>)? AddAssign for $type {
            #[inline(always)]
            fn add_assign(&mut self, b: Self) {
                *self = *self + b;
            }
        }
        impl$(<$($parameters)*>)? SubAssign for $type {
            #[inline(always)]
            fn sub_assign(&mut self, b: Self) {
                *self = *self - b;
            }
        }
    };
}
pub(super) use operators;

//! [`Lane`] in two registers of AVX2.
//!
//! A value of this type is made and used only inside the functions of [`dispatch`](super::dispatch), which check that
//! the processor has the instructions.

#![expect(unsafe_code, reason = "vendor intrinsics, called where the processor has them")]

use std::arch::x86_64::*;
use std::ops::{Add, AddAssign, Mul, Neg, Sub, SubAssign};

use super::lane::{Lane, WIDTH, operators};
use super::x86::{v, views};

/// Two 256-bit registers.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct Avx2(__m256, __m256);

/// The same intrinsic on both halves.
macro_rules! both {
    ($f:ident, $($a:expr),+) => {
        Self(v!($f($($a.0),+)), v!($f($($a.1),+)))
    };
}

operators!(
    Avx2,
    |a: Self, b: Self| both!(_mm256_add_ps, a, b),
    |a: Self, b: Self| both!(_mm256_sub_ps, a, b),
    |a: Self, b: Self| both!(_mm256_mul_ps, a, b),
    |a: Self| {
        let sign = Self::splat(-0.0);
        both!(_mm256_xor_ps, a, sign)
    }
);

impl Lane for Avx2 {
    type Mask = (__m256, __m256);

    // SAFETY: every bit pattern is valid.
    const NONE: Self = unsafe { std::mem::transmute::<[f32; WIDTH], Self>([0.0; WIDTH]) };

    views!();

    #[inline(always)]
    fn splat(x: f32) -> Self {
        let half = v!(_mm256_set1_ps(x));
        Self(half, half)
    }
    #[inline(always)]
    fn mul_add(self, b: Self, c: Self) -> Self {
        both!(_mm256_fmadd_ps, self, b, c)
    }
    #[inline(always)]
    fn neg_mul_add(self, b: Self, c: Self) -> Self {
        both!(_mm256_fnmadd_ps, self, b, c)
    }
    #[inline(always)]
    fn recip(self) -> Self {
        let one = Self::splat(1.0);
        both!(_mm256_div_ps, one, self)
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        both!(_mm256_sqrt_ps, self)
    }
    #[inline(always)]
    fn abs(self) -> Self {
        let sign = Self::splat(-0.0);
        both!(_mm256_andnot_ps, sign, self)
    }
    #[inline(always)]
    fn round(self) -> Self {
        const NEAREST: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
        Self(v!(_mm256_round_ps::<NEAREST>(self.0)), v!(_mm256_round_ps::<NEAREST>(self.1)))
    }
    #[inline(always)]
    fn max(self, b: Self) -> Self {
        both!(_mm256_max_ps, self, b)
    }
    #[inline(always)]
    fn min(self, b: Self) -> Self {
        both!(_mm256_min_ps, self, b)
    }
    #[inline(always)]
    fn lt(self, b: Self) -> Self::Mask {
        (v!(_mm256_cmp_ps::<_CMP_LT_OQ>(self.0, b.0)), v!(_mm256_cmp_ps::<_CMP_LT_OQ>(self.1, b.1)))
    }
    #[inline(always)]
    fn select(mask: Self::Mask, yes: Self, no: Self) -> Self {
        both!(_mm256_blendv_ps, no, yes, mask)
    }
    #[inline(always)]
    fn any(mask: Self::Mask) -> bool {
        v!(_mm256_movemask_ps(_mm256_or_ps(mask.0, mask.1))) != 0
    }
}

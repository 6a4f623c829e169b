//! [`Lane`] in one register of AVX-512.
//!
//! A value of this type is made and used only inside the functions of [`dispatch`](super::dispatch), which check that
//! the processor has the instructions.

#![expect(unsafe_code, reason = "vendor intrinsics, called where the processor has them")]

use std::arch::x86_64::*;
use std::ops::{Add, AddAssign, Mul, Neg, Sub, SubAssign};

use super::lane::{Lane, WIDTH, operators};
use super::x86::{v, views};

/// One 512-bit register.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct Avx512(__m512);

operators!(
    Avx512,
    |a: Self, b: Self| Self(v!(_mm512_add_ps(a.0, b.0))),
    |a: Self, b: Self| Self(v!(_mm512_sub_ps(a.0, b.0))),
    |a: Self, b: Self| Self(v!(_mm512_mul_ps(a.0, b.0))),
    |a: Self| Self(v!(_mm512_castsi512_ps(_mm512_xor_si512(
        _mm512_castps_si512(a.0),
        _mm512_set1_epi32(i32::MIN)
    ))))
);

impl Lane for Avx512 {
    type Mask = __mmask16;

    // SAFETY: every bit pattern is valid.
    const NONE: Self = Self(unsafe { std::mem::transmute::<[f32; WIDTH], __m512>([0.0; WIDTH]) });

    views!();

    #[inline(always)]
    fn splat(x: f32) -> Self {
        Self(v!(_mm512_set1_ps(x)))
    }
    #[inline(always)]
    fn mul_add(self, b: Self, c: Self) -> Self {
        Self(v!(_mm512_fmadd_ps(self.0, b.0, c.0)))
    }
    #[inline(always)]
    fn neg_mul_add(self, b: Self, c: Self) -> Self {
        Self(v!(_mm512_fnmadd_ps(self.0, b.0, c.0)))
    }
    #[inline(always)]
    fn recip(self) -> Self {
        Self(v!(_mm512_div_ps(_mm512_set1_ps(1.0), self.0)))
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        Self(v!(_mm512_sqrt_ps(self.0)))
    }
    #[inline(always)]
    fn abs(self) -> Self {
        Self(v!(_mm512_abs_ps(self.0)))
    }
    #[inline(always)]
    fn round(self) -> Self {
        Self(v!(_mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(self.0)))
    }
    #[inline(always)]
    fn max(self, b: Self) -> Self {
        Self(v!(_mm512_max_ps(self.0, b.0)))
    }
    #[inline(always)]
    fn min(self, b: Self) -> Self {
        Self(v!(_mm512_min_ps(self.0, b.0)))
    }
    #[inline(always)]
    fn lt(self, b: Self) -> Self::Mask {
        v!(_mm512_cmp_ps_mask::<_CMP_LT_OQ>(self.0, b.0))
    }
    #[inline(always)]
    fn select(mask: Self::Mask, yes: Self, no: Self) -> Self {
        Self(v!(_mm512_mask_blend_ps(mask, no.0, yes.0)))
    }
    #[inline(always)]
    fn any(mask: Self::Mask) -> bool {
        mask != 0
    }
}

//! [`Vector`] in one register of AVX-512.
//!
//! A value of this type is made and used only inside functions of [`compiled_for!`](super::compiled_for), which are
//! called where the processor has the instructions. Pointers come from references to as many bytes as are read or
//! written.

#![expect(unsafe_code, reason = "vendor intrinsics, called where the processor has them")]

use std::arch::x86_64::*;
use std::ops::{Add, Mul, Neg, Sub};

use super::lane::{Ints, SHORT, Vector};
use super::x86::{operators, v};
use crate::lanes::WIDTH;

/// One 512-bit register.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx512(__m512);

impl Avx512 {
    #[inline(always)]
    fn int(self) -> __m512i {
        v!(_mm512_castps_si512(self.0))
    }

    #[inline(always)]
    fn of(x: __m512i) -> Self {
        Self(v!(_mm512_castsi512_ps(x)))
    }
}

operators!(
    Avx512,
    |a: Self, b: Self| Self(v!(_mm512_add_ps(a.0, b.0))),
    |a: Self, b: Self| Self(v!(_mm512_sub_ps(a.0, b.0))),
    |a: Self, b: Self| Self(v!(_mm512_mul_ps(a.0, b.0))),
    |a: Self| Self::of(v!(_mm512_xor_si512(a.int(), _mm512_set1_epi32(i32::MIN))))
);

#[allow(dead_code, reason = "not every operation occurs in a built-in model")]
#[inline(always)]
fn splat(x: u32) -> __m512i {
    v!(_mm512_set1_epi32(x.cast_signed()))
}

/// As in [`bits`](crate::equations::bits).
#[allow(dead_code, reason = "not every operation occurs in a built-in model")]
#[inline(always)]
fn shifted(x: Avx512) -> __m512i {
    v!(_mm512_add_epi32(x.int(), splat(0x3f80_0000 - 0x3f35_04f3)))
}

impl Vector for Avx512 {
    type Mask = __mmask16;
    type Int = __m512i;
    type Short = __m512i;
    const REGISTERS: usize = 16;

    #[inline(always)]
    fn read(from: &[f32; WIDTH]) -> Self {
        Self(v!(_mm512_loadu_ps(from.as_ptr())))
    }
    #[inline(always)]
    fn write(self, to: &mut [f32; WIDTH]) {
        v!(_mm512_storeu_ps(to.as_mut_ptr(), self.0));
    }
    #[inline(always)]
    fn splat(x: f32) -> Self {
        Self(v!(_mm512_set1_ps(x)))
    }
    #[inline(always)]
    fn abs(self) -> Self {
        Self(v!(_mm512_abs_ps(self.0)))
    }
    #[inline(always)]
    fn floor(self) -> Self {
        Self(v!(_mm512_roundscale_ps::<{ _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC }>(self.0)))
    }
    #[inline(always)]
    fn round(self) -> Self {
        Self(v!(_mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(self.0)))
    }
    #[inline(always)]
    fn min(self, b: Self) -> Self {
        Self(v!(_mm512_min_ps(self.0, b.0)))
    }
    #[inline(always)]
    fn max(self, b: Self) -> Self {
        Self(v!(_mm512_max_ps(self.0, b.0)))
    }
    #[inline(always)]
    fn lt(self, b: Self) -> __mmask16 {
        v!(_mm512_cmp_ps_mask::<_CMP_LT_OQ>(self.0, b.0))
    }
    #[inline(always)]
    fn le(self, b: Self) -> __mmask16 {
        v!(_mm512_cmp_ps_mask::<_CMP_LE_OQ>(self.0, b.0))
    }
    #[inline(always)]
    fn eq(self, b: Self) -> __mmask16 {
        v!(_mm512_cmp_ps_mask::<_CMP_EQ_OQ>(self.0, b.0))
    }
    #[inline(always)]
    fn bad(self) -> __mmask16 {
        // Quiet and signalling NaN, and both infinities.
        v!(_mm512_fpclass_ps_mask::<0x99>(self.0))
    }
    #[inline(always)]
    fn tiny(self) -> __mmask16 {
        // Both zeros, and subnormal numbers.
        v!(_mm512_fpclass_ps_mask::<0x26>(self.0))
    }
    #[inline(always)]
    fn none() -> __mmask16 {
        0
    }
    #[inline(always)]
    fn and(a: __mmask16, b: __mmask16) -> __mmask16 {
        a & b
    }
    #[inline(always)]
    fn or(a: __mmask16, b: __mmask16) -> __mmask16 {
        a | b
    }
    #[inline(always)]
    fn not(a: __mmask16) -> __mmask16 {
        !a
    }
    #[inline(always)]
    fn select(mask: __mmask16, yes: Self, no: Self) -> Self {
        Self(v!(_mm512_mask_blend_ps(mask, no.0, yes.0)))
    }
    #[inline(always)]
    fn bits(mask: __mmask16) -> u32 {
        u32::from(mask)
    }
    #[inline(always)]
    fn mask(bits: u32) -> __mmask16 {
        bits as __mmask16
    }
    #[inline(always)]
    fn add_where(self, mask: __mmask16, b: Self) -> Self {
        Self(v!(_mm512_mask_add_ps(self.0, mask, self.0, b.0)))
    }
    #[inline(always)]
    fn power_of_two(self) -> Self {
        let sum = self + Self::splat(12_583_039.0);
        Self::of(v!(_mm512_slli_epi32::<23>(sum.int())))
    }
    #[inline(always)]
    fn exponent(self) -> Self {
        let exponent = v!(_mm512_srli_epi32::<23>(shifted(self)));
        Self(v!(_mm512_cvtepi32_ps(_mm512_sub_epi32(exponent, splat(127)))))
    }
    #[inline(always)]
    fn mantissa(self) -> Self {
        let low = v!(_mm512_and_si512(shifted(self), splat(0x007f_ffff)));
        Self::of(v!(_mm512_add_epi32(low, splat(0x3f35_04f3))))
    }
    #[inline(always)]
    fn reciprocal_seed(self) -> Self {
        Self::of(v!(_mm512_sub_epi32(splat(0x7ef3_11c7), self.int())))
    }
    #[inline(always)]
    fn root_seed(self) -> Self {
        let half = v!(_mm512_srli_epi32::<1>(self.int()));
        Self::of(v!(_mm512_sub_epi32(splat(0x5f37_5a86), half)))
    }
    #[inline(always)]
    fn int_zero() -> __m512i {
        v!(_mm512_setzero_si512())
    }
    #[inline(always)]
    fn int_load(from: &Ints) -> __m512i {
        v!(_mm512_load_si512(from.0.as_ptr().cast()))
    }
    #[inline(always)]
    fn int_store(x: __m512i, to: &mut Ints) {
        v!(_mm512_store_si512(to.0.as_mut_ptr().cast(), x));
    }
    #[inline(always)]
    fn int_add(a: __m512i, b: __m512i) -> __m512i {
        v!(_mm512_add_epi32(a, b))
    }
    #[inline(always)]
    fn int_add_where(sum: __m512i, mask: __mmask16, b: __m512i) -> __m512i {
        v!(_mm512_mask_add_epi32(sum, mask, sum, b))
    }
    #[inline(always)]
    fn int_float(x: __m512i) -> Self {
        Self(v!(_mm512_cvtepi32_ps(x)))
    }
    #[inline(always)]
    fn int_dot(sum: __m512i, a: &[i8; SHORT], pair: i32) -> __m512i {
        let a = v!(_mm512_cvtepi8_epi16(_mm256_loadu_si256(a.as_ptr().cast())));
        v!(_mm512_add_epi32(sum, _mm512_madd_epi16(a, _mm512_set1_epi32(pair))))
    }
    #[inline(always)]
    fn short_zero() -> __m512i {
        v!(_mm512_setzero_si512())
    }
    #[inline(always)]
    fn short_add(sum: __m512i, a: &[i8; SHORT]) -> __m512i {
        v!(_mm512_add_epi16(sum, _mm512_cvtepi8_epi16(_mm256_loadu_si256(a.as_ptr().cast()))))
    }
    #[inline(always)]
    fn short_ints(x: __m512i) -> [__m512i; 2] {
        [
            v!(_mm512_cvtepi16_epi32(_mm512_castsi512_si256(x))),
            v!(_mm512_cvtepi16_epi32(_mm512_extracti64x4_epi64::<1>(x))),
        ]
    }
}

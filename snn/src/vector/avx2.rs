//! [`Vector`] in two registers of AVX2.
//!
//! A value of this type is made and used only inside functions of [`compiled_for!`](super::compiled_for), which are
//! called where the processor has the instructions. Pointers come from references to as many bytes as are read or
//! written.

#![expect(unsafe_code, reason = "vendor intrinsics, called where the processor has them")]

use std::arch::x86_64::*;
use std::ops::{Add, Mul, Neg, Sub};

use super::lane::{Ints, SHORT, Vector};
use super::x86::{operators, v};
use crate::equations::EXPONENT;
use crate::lanes::WIDTH;

/// Two 256-bit registers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx2(__m256, __m256);

/// Two of integers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Halves(__m256i, __m256i);

/// The same intrinsic on both halves.
macro_rules! both {
    ($type:ident, $f:ident, $($a:expr),+) => {
        $type(v!($f($($a.0),+)), v!($f($($a.1),+)))
    };
    ($type:ident, $f:ident[$c:expr], $($a:expr),+) => {
        $type(v!($f::<{ $c }>($($a.0),+)), v!($f::<{ $c }>($($a.1),+)))
    };
}

impl Avx2 {
    #[inline(always)]
    fn int(self) -> Halves {
        both!(Halves, _mm256_castps_si256, self)
    }

    #[inline(always)]
    fn of(x: Halves) -> Self {
        both!(Self, _mm256_castsi256_ps, x)
    }
}

operators!(
    Avx2,
    |a: Self, b: Self| both!(Self, _mm256_add_ps, a, b),
    |a: Self, b: Self| both!(Self, _mm256_sub_ps, a, b),
    |a: Self, b: Self| both!(Self, _mm256_mul_ps, a, b),
    |a: Self| {
        let sign = Self::splat(-0.0);
        both!(Self, _mm256_xor_ps, a, sign)
    }
);

#[inline(always)]
fn splat(x: u32) -> Halves {
    let half = v!(_mm256_set1_epi32(x.cast_signed()));
    Halves(half, half)
}

/// As in [`bits`](crate::equations::bits).
#[allow(dead_code, reason = "not every operation occurs in a built-in model")]
#[inline(always)]
fn shifted(x: Avx2) -> Halves {
    let (x, by) = (x.int(), splat(0x3f80_0000 - 0x3f35_04f3));
    both!(Halves, _mm256_add_epi32, x, by)
}

/// Half `index` of the bytes.
#[inline(always)]
fn bytes(a: &[i8; SHORT], index: usize) -> __m256i {
    // SAFETY: 16 of the 32 bytes, from the first or the seventeenth on.
    v!(_mm256_cvtepi8_epi16(_mm_loadu_si128(a.as_ptr().add(index * WIDTH).cast())))
}

impl Vector for Avx2 {
    type Mask = Self;
    type Int = Halves;
    type Short = Halves;
    const REGISTERS: usize = 6;

    #[inline(always)]
    fn read(from: &[f32; WIDTH]) -> Self {
        let at = from.as_ptr();
        // SAFETY: the second half of 16 numbers.
        Self(v!(_mm256_loadu_ps(at)), v!(_mm256_loadu_ps(at.add(WIDTH / 2))))
    }
    #[inline(always)]
    fn write(self, to: &mut [f32; WIDTH]) {
        let at = to.as_mut_ptr();
        v!(_mm256_storeu_ps(at, self.0));
        // SAFETY: the second half of 16 numbers.
        v!(_mm256_storeu_ps(at.add(WIDTH / 2), self.1));
    }
    #[inline(always)]
    fn splat(x: f32) -> Self {
        let half = v!(_mm256_set1_ps(x));
        Self(half, half)
    }
    #[inline(always)]
    fn abs(self) -> Self {
        let sign = Self::splat(-0.0);
        both!(Self, _mm256_andnot_ps, sign, self)
    }
    #[inline(always)]
    fn floor(self) -> Self {
        both!(Self, _mm256_floor_ps, self)
    }
    #[inline(always)]
    fn round(self) -> Self {
        both!(Self, _mm256_round_ps[_MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC], self)
    }
    #[inline(always)]
    fn min(self, b: Self) -> Self {
        both!(Self, _mm256_min_ps, self, b)
    }
    #[inline(always)]
    fn max(self, b: Self) -> Self {
        both!(Self, _mm256_max_ps, self, b)
    }
    #[inline(always)]
    fn lt(self, b: Self) -> Self {
        both!(Self, _mm256_cmp_ps[_CMP_LT_OQ], self, b)
    }
    #[inline(always)]
    fn le(self, b: Self) -> Self {
        both!(Self, _mm256_cmp_ps[_CMP_LE_OQ], self, b)
    }
    #[inline(always)]
    fn eq(self, b: Self) -> Self {
        both!(Self, _mm256_cmp_ps[_CMP_EQ_OQ], self, b)
    }
    #[inline(always)]
    fn bad(self) -> Self {
        let (x, ones) = (self.int(), splat(EXPONENT));
        let exponent = both!(Halves, _mm256_and_si256, x, ones);
        Self::of(both!(Halves, _mm256_cmpeq_epi32, exponent, ones))
    }
    #[inline(always)]
    fn tiny(self) -> Self {
        let (x, ones, zero) = (self.int(), splat(EXPONENT), splat(0));
        let exponent = both!(Halves, _mm256_and_si256, x, ones);
        Self::of(both!(Halves, _mm256_cmpeq_epi32, exponent, zero))
    }
    #[inline(always)]
    fn none() -> Self {
        Self::splat(0.0)
    }
    #[inline(always)]
    fn and(a: Self, b: Self) -> Self {
        both!(Self, _mm256_and_ps, a, b)
    }
    #[inline(always)]
    fn or(a: Self, b: Self) -> Self {
        both!(Self, _mm256_or_ps, a, b)
    }
    #[inline(always)]
    fn not(a: Self) -> Self {
        let ones = Self::of(splat(!0));
        both!(Self, _mm256_xor_ps, a, ones)
    }
    #[inline(always)]
    fn select(mask: Self, yes: Self, no: Self) -> Self {
        both!(Self, _mm256_blendv_ps, no, yes, mask)
    }
    #[inline(always)]
    fn bits(mask: Self) -> u32 {
        let (low, high) = (v!(_mm256_movemask_ps(mask.0)), v!(_mm256_movemask_ps(mask.1)));
        (low | high << (WIDTH / 2)).cast_unsigned()
    }
    #[inline(always)]
    fn mask(bits: u32) -> Self {
        let (low, high) = (splat(bits), splat(bits >> (WIDTH / 2)));
        let place = v!(_mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128));
        let (low, high) = (v!(_mm256_and_si256(low.0, place)), v!(_mm256_and_si256(high.0, place)));
        Self::of(Halves(v!(_mm256_cmpeq_epi32(low, place)), v!(_mm256_cmpeq_epi32(high, place))))
    }
    #[inline(always)]
    fn add_where(self, mask: Self, b: Self) -> Self {
        Self::select(mask, self + b, self)
    }
    #[inline(always)]
    fn power_of_two(self) -> Self {
        let sum = (self + Self::splat(12_583_039.0)).int();
        Self::of(both!(Halves, _mm256_slli_epi32[23], sum))
    }
    #[inline(always)]
    fn exponent(self) -> Self {
        let (x, bias) = (shifted(self), splat(127));
        let exponent = both!(Halves, _mm256_srli_epi32[23], x);
        Self::int_float(both!(Halves, _mm256_sub_epi32, exponent, bias))
    }
    #[inline(always)]
    fn mantissa(self) -> Self {
        let (x, low, one) = (shifted(self), splat(0x007f_ffff), splat(0x3f35_04f3));
        let low = both!(Halves, _mm256_and_si256, x, low);
        Self::of(both!(Halves, _mm256_add_epi32, low, one))
    }
    #[inline(always)]
    fn reciprocal_seed(self) -> Self {
        let (seed, x) = (splat(0x7ef3_11c7), self.int());
        Self::of(both!(Halves, _mm256_sub_epi32, seed, x))
    }
    #[inline(always)]
    fn root_seed(self) -> Self {
        let (seed, x) = (splat(0x5f37_5a86), self.int());
        let half = both!(Halves, _mm256_srli_epi32[1], x);
        Self::of(both!(Halves, _mm256_sub_epi32, seed, half))
    }
    #[inline(always)]
    fn int_zero() -> Halves {
        splat(0)
    }
    #[inline(always)]
    fn int_load(from: &Ints) -> Halves {
        let at = from.0.as_ptr();
        // SAFETY: the second half of 16 integers.
        Halves(v!(_mm256_load_si256(at.cast())), v!(_mm256_load_si256(at.add(WIDTH / 2).cast())))
    }
    #[inline(always)]
    fn int_store(x: Halves, to: &mut Ints) {
        let at = to.0.as_mut_ptr();
        v!(_mm256_store_si256(at.cast(), x.0));
        // SAFETY: the second half of 16 integers.
        v!(_mm256_store_si256(at.add(WIDTH / 2).cast(), x.1));
    }
    #[inline(always)]
    fn int_add(a: Halves, b: Halves) -> Halves {
        both!(Halves, _mm256_add_epi32, a, b)
    }
    #[inline(always)]
    fn int_add_where(sum: Halves, mask: Self, b: Halves) -> Halves {
        let mask = mask.int();
        let b = both!(Halves, _mm256_and_si256, mask, b);
        both!(Halves, _mm256_add_epi32, sum, b)
    }
    #[inline(always)]
    fn int_float(x: Halves) -> Self {
        both!(Self, _mm256_cvtepi32_ps, x)
    }
    #[inline(always)]
    fn int_dot(sum: Halves, a: &[i8; SHORT], pair: i32) -> Halves {
        let x = splat(pair.cast_unsigned());
        let a = Halves(bytes(a, 0), bytes(a, 1));
        let products = both!(Halves, _mm256_madd_epi16, a, x);
        both!(Halves, _mm256_add_epi32, sum, products)
    }
    #[inline(always)]
    fn short_zero() -> Halves {
        splat(0)
    }
    #[inline(always)]
    fn short_add(sum: Halves, a: &[i8; SHORT]) -> Halves {
        let a = Halves(bytes(a, 0), bytes(a, 1));
        both!(Halves, _mm256_add_epi16, sum, a)
    }
    #[inline(always)]
    fn short_ints(x: Halves) -> [Halves; 2] {
        let mut out = [x, x];
        for (out, half) in out.iter_mut().zip([x.0, x.1]) {
            *out = Halves(
                v!(_mm256_cvtepi16_epi32(_mm256_castsi256_si128(half))),
                v!(_mm256_cvtepi16_epi32(_mm256_extracti128_si256::<1>(half))),
            );
        }
        out
    }
}

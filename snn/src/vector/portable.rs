//! [`Vector`] in plain arrays, for every machine.

use std::ops::{Add, Mul, Neg, Sub};

use super::lane::{Ints, SHORT, Vector};
use crate::equations::{EXPONENT, bits};
use crate::lanes::WIDTH;

/// Plain arrays.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Portable([f32; WIDTH]);

/// Applies an expression to each lane. Not a closure, which would not take over the instructions of the
/// function it stands in.
macro_rules! each {
    ($type:expr, $zero:expr, |$i:ident| $value:expr) => {{
        let mut out = [$zero; WIDTH];
        for $i in 0..WIDTH {
            out[$i] = $value;
        }
        $type(out)
    }};
}

/// A mask is all ones or all zeros per lane, which selects by bits.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Truths([u32; WIDTH]);

macro_rules! operator {
    ($trait:ident, $method:ident, $operator:tt) => {
        impl $trait for Portable {
            type Output = Self;
            #[inline(always)]
            fn $method(self, b: Self) -> Self {
                each!(Self, 0.0, |i| self.0[i] $operator b.0[i])
            }
        }
    };
}

operator!(Add, add, +);
operator!(Sub, sub, -);
operator!(Mul, mul, *);

impl Neg for Portable {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        each!(Self, 0.0, |i| -self.0[i])
    }
}

/// All ones where the condition holds.
#[inline(always)]
fn truth(condition: bool) -> u32 {
    u32::from(condition).wrapping_neg()
}

impl Vector for Portable {
    type Mask = Truths;
    type Int = Ints;
    type Short = [i16; SHORT];
    const REGISTERS: usize = 2;

    #[inline(always)]
    fn read(from: &[f32; WIDTH]) -> Self {
        Self(*from)
    }
    #[inline(always)]
    fn write(self, to: &mut [f32; WIDTH]) {
        *to = self.0;
    }
    #[inline(always)]
    fn splat(x: f32) -> Self {
        Self([x; WIDTH])
    }
    #[inline(always)]
    fn abs(self) -> Self {
        each!(Self, 0.0, |i| self.0[i].abs())
    }
    #[inline(always)]
    fn floor(self) -> Self {
        each!(Self, 0.0, |i| self.0[i].floor())
    }
    #[inline(always)]
    fn round(self) -> Self {
        each!(Self, 0.0, |i| self.0[i].round_ties_even())
    }
    #[inline(always)]
    fn min(self, b: Self) -> Self {
        each!(Self, 0.0, |i| if self.0[i] < b.0[i] { self.0[i] } else { b.0[i] })
    }
    #[inline(always)]
    fn max(self, b: Self) -> Self {
        each!(Self, 0.0, |i| if self.0[i] > b.0[i] { self.0[i] } else { b.0[i] })
    }
    #[inline(always)]
    fn lt(self, b: Self) -> Truths {
        each!(Truths, 0, |i| truth(self.0[i] < b.0[i]))
    }
    #[inline(always)]
    fn le(self, b: Self) -> Truths {
        each!(Truths, 0, |i| truth(self.0[i] <= b.0[i]))
    }
    #[inline(always)]
    fn eq(self, b: Self) -> Truths {
        each!(Truths, 0, |i| truth(self.0[i] == b.0[i]))
    }
    #[inline(always)]
    fn bad(self) -> Truths {
        each!(Truths, 0, |i| truth(self.0[i].to_bits() & EXPONENT == EXPONENT))
    }
    #[inline(always)]
    fn tiny(self) -> Truths {
        each!(Truths, 0, |i| truth(self.0[i].to_bits() & EXPONENT == 0))
    }
    #[inline(always)]
    fn none() -> Truths {
        Truths([0; WIDTH])
    }
    #[inline(always)]
    fn and(a: Truths, b: Truths) -> Truths {
        each!(Truths, 0, |i| a.0[i] & b.0[i])
    }
    #[inline(always)]
    fn or(a: Truths, b: Truths) -> Truths {
        each!(Truths, 0, |i| a.0[i] | b.0[i])
    }
    #[inline(always)]
    fn not(a: Truths) -> Truths {
        each!(Truths, 0, |i| !a.0[i])
    }
    #[inline(always)]
    fn select(mask: Truths, yes: Self, no: Self) -> Self {
        each!(Self, 0.0, |i| f32::from_bits(mask.0[i] & yes.0[i].to_bits() | !mask.0[i] & no.0[i].to_bits()))
    }
    #[inline(always)]
    fn bits(mask: Truths) -> u32 {
        let mut bits = mask.0;
        for (lane, bit) in bits.iter_mut().enumerate() {
            *bit &= 1 << lane;
        }
        // Halves, which stay in vector registers.
        let mut half = WIDTH / 2;
        while half > 0 {
            for lane in 0..half {
                bits[lane] |= bits[lane + half];
            }
            half /= 2;
        }
        bits[0]
    }
    #[inline(always)]
    fn mask(bits: u32) -> Truths {
        each!(Truths, 0, |i| (bits >> i & 1).wrapping_neg())
    }
    #[inline(always)]
    fn add_where(self, mask: Truths, b: Self) -> Self {
        Self::select(mask, self + b, self)
    }
    #[inline(always)]
    fn power_of_two(self) -> Self {
        each!(Self, 0.0, |i| bits::power_of_two(self.0[i]))
    }
    #[inline(always)]
    fn exponent(self) -> Self {
        each!(Self, 0.0, |i| bits::exponent(self.0[i]))
    }
    #[inline(always)]
    fn mantissa(self) -> Self {
        each!(Self, 0.0, |i| bits::mantissa(self.0[i]))
    }
    #[inline(always)]
    fn reciprocal_seed(self) -> Self {
        each!(Self, 0.0, |i| bits::reciprocal_seed(self.0[i]))
    }
    #[inline(always)]
    fn root_seed(self) -> Self {
        each!(Self, 0.0, |i| bits::root_seed(self.0[i]))
    }
    #[inline(always)]
    fn int_zero() -> Ints {
        Ints([0; WIDTH])
    }
    #[inline(always)]
    fn int_load(from: &Ints) -> Ints {
        *from
    }
    #[inline(always)]
    fn int_store(x: Ints, to: &mut Ints) {
        *to = x;
    }
    #[inline(always)]
    fn int_add(a: Ints, b: Ints) -> Ints {
        each!(Ints, 0, |i| a.0[i].wrapping_add(b.0[i]))
    }
    #[inline(always)]
    fn int_add_where(sum: Ints, mask: Truths, b: Ints) -> Ints {
        each!(Ints, 0, |i| sum.0[i].wrapping_add(b.0[i] & mask.0[i].cast_signed()))
    }
    #[inline(always)]
    fn int_float(x: Ints) -> Self {
        each!(Self, 0.0, |i| x.0[i] as f32)
    }
    #[inline(always)]
    fn int_dot(sum: Ints, a: &[i8; SHORT], pair: i32) -> Ints {
        let (low, high) = (pair as i16, (pair >> 16) as i16);
        // Products of 8-bit numbers, and sums of two, fit into 16 bits. Wrapping only spares the checks.
        each!(Ints, 0, |i| {
            let product = i16::from(a[2 * i]).wrapping_mul(low);
            let other = i16::from(a[2 * i + 1]).wrapping_mul(high);
            sum.0[i].wrapping_add(i32::from(product.wrapping_add(other)))
        })
    }
    #[inline(always)]
    fn short_zero() -> [i16; SHORT] {
        [0; SHORT]
    }
    #[inline(always)]
    fn short_add(sum: [i16; SHORT], a: &[i8; SHORT]) -> [i16; SHORT] {
        let mut out = sum;
        for i in 0..SHORT {
            out[i] = out[i].wrapping_add(i16::from(a[i]));
        }
        out
    }
    #[inline(always)]
    fn short_ints(x: [i16; SHORT]) -> [Ints; 2] {
        [each!(Ints, 0, |i| i32::from(x[i])), each!(Ints, 0, |i| i32::from(x[WIDTH + i]))]
    }
}

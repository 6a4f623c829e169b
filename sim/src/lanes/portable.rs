//! [`Lane`] in plain arrays, for every machine.

use std::ops::{Add, AddAssign, Mul, Neg, Sub, SubAssign};

use super::lane::{Lane, WIDTH, operators};

/// `a · b + c`, rounded once, without the instruction for it.
///
/// The product of two `f32` is exact in `f64`. The sum is made odd where it was rounded, which keeps
/// the final rounding from being a second one (Boldo and Melquiond 2008, "Emulation of FMA and
/// correctly rounded sums: proved algorithms using rounding to odd").
#[inline(always)]
fn emulated_fma(a: f32, b: f32, c: f32) -> f32 {
    let (product, c) = (f64::from(a) * f64::from(b), f64::from(c));
    let sum = product + c;
    // Knuth's two-sum: what the sum lost.
    let virtual_c = sum - product;
    let lost = (product - (sum - virtual_c)) + (c - virtual_c);
    let even = sum.to_bits() & 1 == 0;
    let step = if (lost > 0.0) == (sum > 0.0) { 1 } else { -1 };
    let odd = f64::from_bits(sum.to_bits().wrapping_add_signed(step));
    (if even && lost != 0.0 && sum.is_finite() { odd } else { sum }) as f32
}

/// Whether there is an instruction for it.
const FUSED: bool = cfg!(any(target_feature = "fma", target_arch = "aarch64"));

#[inline(always)]
fn fma(a: f32, b: f32, c: f32) -> f32 {
    if FUSED { a.mul_add(b, c) } else { emulated_fma(a, b, c) }
}

/// Plain arrays, for every machine. With `CALLS`, every operation is a call, which is slower to run and many times
/// faster to compile: for code with so many of them that it would take minutes.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct Arrays<const CALLS: bool>([f32; WIDTH]);

/// Operations in place.
pub(super) type Portable = Arrays<false>;

#[inline(never)]
fn call<A, R>(of: A, f: impl Fn(A) -> R) -> R {
    f(of)
}

/// `f` of `of`, in place or by a call.
#[inline(always)]
fn either<const CALLS: bool, A, R>(of: A, f: impl Fn(A) -> R) -> R {
    if CALLS { call(of, f) } else { f(of) }
}

#[inline(always)]
fn mapped(mut a: [f32; WIDTH], f: impl Fn(f32) -> f32) -> [f32; WIDTH] {
    for i in 0..WIDTH {
        a[i] = f(a[i]);
    }
    a
}

#[inline(always)]
fn zipped(mut a: [f32; WIDTH], b: [f32; WIDTH], f: impl Fn(f32, f32) -> f32) -> [f32; WIDTH] {
    for i in 0..WIDTH {
        a[i] = f(a[i], b[i]);
    }
    a
}

impl<const CALLS: bool> Arrays<CALLS> {
    #[inline(always)]
    fn map(self, f: impl Fn(f32) -> f32) -> Self {
        Self(if CALLS { call(self.0, |a| mapped(a, &f)) } else { mapped(self.0, f) })
    }

    #[inline(always)]
    fn zip(self, b: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        Self(if CALLS { call((self.0, b.0), |(a, b)| zipped(a, b, &f)) } else { zipped(self.0, b.0, f) })
    }
}

operators!(
    {const CALLS: bool} Arrays<CALLS>,
    |a: Self, b| a.zip(b, |a, b| a + b),
    |a: Self, b| a.zip(b, |a, b| a - b),
    |a: Self, b| a.zip(b, |a, b| a * b),
    |a: Self| a.map(|a| -a)
);

impl<const CALLS: bool> Lane for Arrays<CALLS> {
    type Mask = [bool; WIDTH];

    const NONE: Self = Self([0.0; WIDTH]);

    #[inline(always)]
    fn splat(x: f32) -> Self {
        Self([x; WIDTH])
    }
    #[inline(always)]
    fn lanes(&self) -> &[f32; WIDTH] {
        &self.0
    }
    #[inline(always)]
    fn lanes_mut(&mut self) -> &mut [f32; WIDTH] {
        &mut self.0
    }
    #[inline(always)]
    fn mul_add(self, b: Self, c: Self) -> Self {
        let fused = |(mut a, b, c): (Self, Self, Self)| {
            for i in 0..WIDTH {
                a.0[i] = fma(a.0[i], b.0[i], c.0[i]);
            }
            a
        };
        // The emulation in each place would be most of what there is to compile, and hardly faster.
        if FUSED { either::<CALLS, _, _>((self, b, c), fused) } else { call((self, b, c), fused) }
    }
    #[inline(always)]
    fn neg_mul_add(self, b: Self, c: Self) -> Self {
        (-self).mul_add(b, c)
    }
    #[inline(always)]
    fn recip(self) -> Self {
        self.map(|x| 1.0 / x)
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        self.map(f32::sqrt)
    }
    #[inline(always)]
    fn abs(self) -> Self {
        self.map(f32::abs)
    }
    #[inline(always)]
    fn round(self) -> Self {
        self.map(f32::round_ties_even)
    }
    #[inline(always)]
    fn max(self, b: Self) -> Self {
        self.zip(b, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn min(self, b: Self) -> Self {
        self.zip(b, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    fn lt(self, b: Self) -> Self::Mask {
        either::<CALLS, _, _>((self, b), |(a, b)| {
            let mut out = [false; WIDTH];
            for i in 0..WIDTH {
                out[i] = a.0[i] < b.0[i];
            }
            out
        })
    }
    #[inline(always)]
    fn select(mask: Self::Mask, yes: Self, no: Self) -> Self {
        either::<CALLS, _, _>((mask, yes, no), |(mask, yes, no)| {
            let mut out = no;
            for i in 0..WIDTH {
                out.0[i] = if mask[i] { yes.0[i] } else { no.0[i] };
            }
            out
        })
    }
    #[inline(always)]
    fn any(mask: Self::Mask) -> bool {
        either::<CALLS, _, _>(mask, |mask| mask.iter().fold(false, |any, &m| any | m))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        #[test]
        fn the_emulated_fused_operation_rounds_once(
            a in any::<f32>(), b in any::<f32>(), c in any::<f32>(), near in -3i32..4,
        ) {
            // Sums that nearly cancel are the hard ones.
            for c in [c, -(a * b), f32::from_bits((-(a * b)).to_bits().wrapping_add_signed(near))] {
                let (ours, theirs) = (emulated_fma(a, b, c), a.mul_add(b, c));
                prop_assert!(
                    ours.to_bits() == theirs.to_bits() || ours.is_nan() && theirs.is_nan(),
                    "{a:e} * {b:e} + {c:e}: {ours:e} {theirs:e}"
                );
            }
        }
    }
}

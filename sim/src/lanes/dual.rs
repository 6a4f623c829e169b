//! Numbers with derivatives: what a step computes, it computes with their first-order changes.
//!
//! Forward-mode differentiation (Griewank and Walther 2008, "Evaluating Derivatives", chapter 3). The values are those
//! of the register type below, bit for bit. Whatever is decided (masks, selections, clamps, the larger of two) is
//! decided by the values alone, and the derivatives follow the branch that was taken.

use std::ops::{Add, AddAssign, Mul, Neg, Sub, SubAssign};

use super::lane::{Lane, WIDTH, operators};

/// Directions of differentiation that are carried along. The value is computed once for all of them, and four
/// registers per number leave room for three operands in the 32 of AVX-512.
pub(super) const DIRECTIONS: usize = 3;

/// An array by index. Written out: the compiler takes a loop in every operation of a step for minutes of its time.
macro_rules! each {
    ($k:ident => $value:expr) => {
        [
            {
                let $k = 0;
                $value
            },
            {
                let $k = 1;
                $value
            },
            {
                let $k = 2;
                $value
            },
        ]
    };
}

/// A number per lane with its derivatives in [`DIRECTIONS`] directions, which may be others in each lane.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dual<V> {
    pub value: V,
    pub tangent: [V; DIRECTIONS],
}

/// A register type whose steps have derivatives.
pub(super) trait Differentiable: Lane {
    /// What [`Dual`] numbers are made of.
    type Register: Lane;
}

impl<V: Lane> Dual<V> {
    /// The tangents times one factor.
    #[inline(always)]
    fn scaled(&self, factor: V) -> [V; DIRECTIONS] {
        each!(k => self.tangent[k] * factor)
    }

    /// The tangents of `yes` where the mask is set, else those of `no`.
    #[inline(always)]
    fn chosen(mask: V::Mask, yes: &Self, no: &Self) -> [V; DIRECTIONS] {
        each!(k => V::select(mask, yes.tangent[k], no.tangent[k]))
    }
}

#[inline(always)]
fn sum<V: Lane>(a: Dual<V>, b: Dual<V>) -> Dual<V> {
    let tangent = each!(k => a.tangent[k] + b.tangent[k]);
    Dual { value: a.value + b.value, tangent }
}

#[inline(always)]
fn difference<V: Lane>(a: Dual<V>, b: Dual<V>) -> Dual<V> {
    let tangent = each!(k => a.tangent[k] - b.tangent[k]);
    Dual { value: a.value - b.value, tangent }
}

#[inline(always)]
fn product<V: Lane>(a: Dual<V>, b: Dual<V>) -> Dual<V> {
    let tangent = each!(k => {
        a.value.mul_add(b.tangent[k], a.tangent[k] * b.value)
    });
    Dual { value: a.value * b.value, tangent }
}

#[inline(always)]
fn negative<V: Lane>(a: Dual<V>) -> Dual<V> {
    Dual { value: -a.value, tangent: each!(k => -a.tangent[k]) }
}

operators!({V: Lane} Dual<V>, sum, difference, product, negative);

impl<V: Lane> Lane for Dual<V> {
    type Mask = V::Mask;

    const NONE: Self = Self { value: V::NONE, tangent: [V::NONE; DIRECTIONS] };

    #[inline(always)]
    fn splat(x: f32) -> Self {
        Self { value: V::splat(x), tangent: [V::NONE; DIRECTIONS] }
    }
    #[inline(always)]
    fn lanes(&self) -> &[f32; WIDTH] {
        self.value.lanes()
    }
    #[inline(always)]
    fn lanes_mut(&mut self) -> &mut [f32; WIDTH] {
        self.value.lanes_mut()
    }
    #[inline(always)]
    fn mul_add(self, b: Self, c: Self) -> Self {
        let tangent = each!(k => {
            self.tangent[k].mul_add(b.value, self.value.mul_add(b.tangent[k], c.tangent[k]))
        });
        Self { value: self.value.mul_add(b.value, c.value), tangent }
    }
    #[inline(always)]
    fn neg_mul_add(self, b: Self, c: Self) -> Self {
        let tangent = each!(k => {
            self.tangent[k].neg_mul_add(b.value, self.value.neg_mul_add(b.tangent[k], c.tangent[k]))
        });
        Self { value: self.value.neg_mul_add(b.value, c.value), tangent }
    }
    #[inline(always)]
    fn recip(self) -> Self {
        let value = self.value.recip();
        // One factor after the other: the square may be too large.
        let tangent = each!(k => -(self.tangent[k] * value) * value);
        Self { value, tangent }
    }
    /// Without a change where the root is 0, which has no derivative there.
    #[inline(always)]
    fn sqrt(self) -> Self {
        let value = self.value.sqrt();
        let slope = V::select(V::NONE.lt(value), (value + value).recip(), V::NONE);
        Self { value, tangent: self.scaled(slope) }
    }
    #[inline(always)]
    fn abs(self) -> Self {
        let below = self.value.lt(V::NONE);
        let tangent = Self::chosen(below, &-self, &self);
        Self { value: self.value.abs(), tangent }
    }
    #[inline(always)]
    fn round(self) -> Self {
        Self { value: self.value.round(), tangent: [V::NONE; DIRECTIONS] }
    }
    #[inline(always)]
    fn max(self, b: Self) -> Self {
        let tangent = Self::chosen(b.value.lt(self.value), &self, &b);
        Self { value: self.value.max(b.value), tangent }
    }
    #[inline(always)]
    fn min(self, b: Self) -> Self {
        let tangent = Self::chosen(self.value.lt(b.value), &self, &b);
        Self { value: self.value.min(b.value), tangent }
    }
    #[inline(always)]
    fn lt(self, b: Self) -> Self::Mask {
        self.value.lt(b.value)
    }
    #[inline(always)]
    fn select(mask: Self::Mask, yes: Self, no: Self) -> Self {
        Self { value: V::select(mask, yes.value, no.value), tangent: Self::chosen(mask, &yes, &no) }
    }
    #[inline(always)]
    fn any(mask: Self::Mask) -> bool {
        V::any(mask)
    }
    #[inline(always)]
    fn following(self, at: &[Self; 3], slope: &[Self; 3]) -> Self {
        let tangent = each!(k => {
            let mut sum = slope[0].value * at[0].tangent[k];
            for i in 1..3 {
                sum = slope[i].value.mul_add(at[i].tangent[k], sum);
            }
            sum
        });
        Self { value: self.value, tangent }
    }
}

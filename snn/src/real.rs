//! Numbers in which gradients are computed: f32 for training, f64 to check it.

use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

use crate::equations::{Kernel, bits, settle_within};
use crate::precision::format::Format;
use crate::weights::Unit;

/// What a tick and a matrix product need of a number.
pub(crate) trait Real:
    Copy
    + Default
    + Debug
    + PartialOrd
    + Send
    + Sync
    + 'static
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
{
    const ZERO: Self;
    const ONE: Self;

    fn of(value: f64) -> Self;
    fn to_f64(self) -> f64;
    fn is_finite(self) -> bool;
    fn abs(self) -> Self;
    fn floor(self) -> Self;
    fn power_of_two(self) -> Self;
    fn exponent(self) -> Self;
    fn mantissa(self) -> Self;
    fn reciprocal_seed(self) -> Self;
    fn root_seed(self) -> Self;

    /// A state variable after the tick, as [`settle_within`] has it.
    fn settle<const GRID: bool>(self, limit: f32, fault: &mut u32) -> Self;
    /// As [`Format::weight`].
    fn weight(format: &dyn Format, unit: &Unit, theta: Self, sign: i8) -> Self;
    /// As [`Format::source`].
    fn source(format: &dyn Format, x: f32) -> Self;
    /// As [`Format::round_currents`].
    fn round_currents(format: &dyn Format, sums: &mut [Self]);
    fn constants(kernel: &Kernel, parameters: &[f64]) -> Vec<Self>;
    fn initial(kernel: &Kernel, parameters: &[f64]) -> Vec<Self>;
}

impl Real for f32 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;

    #[inline(always)]
    fn of(value: f64) -> Self {
        value as Self
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
    #[inline(always)]
    fn is_finite(self) -> bool {
        self.is_finite()
    }
    #[inline(always)]
    fn abs(self) -> Self {
        self.abs()
    }
    #[inline(always)]
    fn floor(self) -> Self {
        self.floor()
    }
    #[inline(always)]
    fn power_of_two(self) -> Self {
        bits::power_of_two(self)
    }
    #[inline(always)]
    fn exponent(self) -> Self {
        bits::exponent(self)
    }
    #[inline(always)]
    fn mantissa(self) -> Self {
        bits::mantissa(self)
    }
    #[inline(always)]
    fn reciprocal_seed(self) -> Self {
        bits::reciprocal_seed(self)
    }
    #[inline(always)]
    fn root_seed(self) -> Self {
        bits::root_seed(self)
    }
    #[inline(always)]
    fn settle<const GRID: bool>(self, limit: f32, fault: &mut u32) -> Self {
        settle_within::<GRID>(self, limit, fault)
    }
    fn weight(format: &dyn Format, unit: &Unit, theta: Self, sign: i8) -> Self {
        format.weight(unit, theta, sign)
    }
    fn source(format: &dyn Format, x: f32) -> Self {
        format.source(x)
    }
    fn round_currents(format: &dyn Format, sums: &mut [Self]) {
        format.round_currents(sums);
    }
    fn constants(kernel: &Kernel, parameters: &[f64]) -> Vec<Self> {
        kernel.constants(parameters)
    }
    fn initial(kernel: &Kernel, parameters: &[f64]) -> Vec<Self> {
        kernel.initial(parameters)
    }
}

/// Without the grids: what the networks would be with numbers of any length.
impl Real for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;

    fn of(value: f64) -> Self {
        value
    }
    fn to_f64(self) -> f64 {
        self
    }
    fn is_finite(self) -> bool {
        self.is_finite()
    }
    fn abs(self) -> Self {
        self.abs()
    }
    fn floor(self) -> Self {
        self.floor()
    }
    fn power_of_two(self) -> Self {
        libm::exp2(self)
    }
    fn exponent(self) -> Self {
        f64::from(bits::exponent(self as f32))
    }
    fn mantissa(self) -> Self {
        self / libm::exp2(self.exponent())
    }
    fn reciprocal_seed(self) -> Self {
        f64::from(bits::reciprocal_seed(self as f32))
    }
    fn root_seed(self) -> Self {
        f64::from(bits::root_seed(self as f32))
    }
    fn settle<const GRID: bool>(self, _: f32, fault: &mut u32) -> Self {
        *fault |= u32::from(!self.is_finite());
        if self.is_finite() { self } else { 0.0 }
    }
    fn weight(_: &dyn Format, unit: &Unit, theta: Self, sign: i8) -> Self {
        let weight = f64::from(unit.scale) * theta;
        if sign == 0 { weight } else { weight.abs() * f64::from(sign) }
    }
    fn source(_: &dyn Format, x: f32) -> Self {
        f64::from(x)
    }
    fn round_currents(_: &dyn Format, _: &mut [Self]) {}
    fn constants(kernel: &Kernel, parameters: &[f64]) -> Vec<Self> {
        kernel.exact_constants(parameters)
    }
    fn initial(kernel: &Kernel, parameters: &[f64]) -> Vec<Self> {
        kernel.exact_initial(parameters)
    }
}

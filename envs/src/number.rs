//! Numbers that a task's formulas are written over: plain ones, or ones that know their derivatives.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// A number of double precision, in which formulas are computed.
pub trait Number:
    Copy
    + From<f64>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// The number itself, for decisions.
    fn value(self) -> f64;

    /// Sine of an angle, rad.
    #[must_use]
    fn sin(self) -> Self;

    /// Cosine of an angle, rad.
    #[must_use]
    fn cos(self) -> Self;

    /// Square root; its derivative at 0 counts as 0.
    #[must_use]
    fn sqrt(self) -> Self;
}

/// A number of single precision, as states, observations, actions and reward terms are.
pub trait Single: Copy {
    /// In which formulas are computed.
    type Wide: Number;

    /// A constant.
    fn constant(x: f32) -> Self;

    /// The number itself, for decisions.
    fn value(self) -> f32;

    /// The same in double precision.
    fn wide(self) -> Self::Wide;

    /// Rounded to single precision.
    fn narrow(x: Self::Wide) -> Self;

    /// Brought within ±`limit`. Beyond it, it does not change; NaN stays NaN.
    #[must_use]
    fn within(self, limit: f32) -> Self;
}

impl Number for f64 {
    #[inline]
    fn value(self) -> f64 {
        self
    }

    #[inline]
    fn sin(self) -> Self {
        libm::sin(self)
    }

    #[inline]
    fn cos(self) -> Self {
        libm::cos(self)
    }

    #[inline]
    fn sqrt(self) -> Self {
        libm::sqrt(self)
    }
}

impl Single for f32 {
    type Wide = f64;

    #[inline]
    fn constant(x: f32) -> Self {
        x
    }

    #[inline]
    fn value(self) -> f32 {
        self
    }

    #[inline]
    fn wide(self) -> f64 {
        f64::from(self)
    }

    #[inline]
    fn narrow(x: f64) -> Self {
        x as Self
    }

    #[inline]
    fn within(self, limit: f32) -> Self {
        self.clamp(-limit, limit)
    }
}

//! Dual numbers: a number with its derivatives in some directions.

use std::ops::{Add, Div, Mul, Neg, Sub};

use crate::number::{Number, Single};

/// Directions of a [`Dual`].
pub(crate) const DIRECTIONS: usize = 8;

/// A number, and how it changes in each direction. As a [`Single`], its value is one of single precision.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dual {
    pub(crate) value: f64,
    pub(crate) slopes: [f64; DIRECTIONS],
}

impl Dual {
    /// `value`, which changes `by` times as fast as this one.
    #[inline]
    fn chain(self, value: f64, by: f64) -> Self {
        Self { value, slopes: self.slopes.map(|slope| by * slope) }
    }
}

impl From<f64> for Dual {
    #[inline]
    fn from(value: f64) -> Self {
        Self { value, slopes: [0.0; DIRECTIONS] }
    }
}

impl Add for Dual {
    type Output = Self;

    #[inline]
    fn add(self, other: Self) -> Self {
        let slopes = std::array::from_fn(|k| self.slopes[k] + other.slopes[k]);
        Self { value: self.value + other.value, slopes }
    }
}

impl Sub for Dual {
    type Output = Self;

    #[inline]
    fn sub(self, other: Self) -> Self {
        let slopes = std::array::from_fn(|k| self.slopes[k] - other.slopes[k]);
        Self { value: self.value - other.value, slopes }
    }
}

impl Mul for Dual {
    type Output = Self;

    #[inline]
    fn mul(self, other: Self) -> Self {
        let slope = |k: usize| self.slopes[k] * other.value + self.value * other.slopes[k];
        Self { value: self.value * other.value, slopes: std::array::from_fn(slope) }
    }
}

impl Div for Dual {
    type Output = Self;

    #[inline]
    fn div(self, other: Self) -> Self {
        let value = self.value / other.value;
        let slope = |k: usize| (self.slopes[k] - value * other.slopes[k]) / other.value;
        Self { value, slopes: std::array::from_fn(slope) }
    }
}

impl Neg for Dual {
    type Output = Self;

    #[inline]
    fn neg(self) -> Self {
        self.chain(-self.value, -1.0)
    }
}

impl Number for Dual {
    #[inline]
    fn value(self) -> f64 {
        self.value
    }

    fn sin(self) -> Self {
        self.chain(libm::sin(self.value), libm::cos(self.value))
    }

    fn cos(self) -> Self {
        self.chain(libm::cos(self.value), -libm::sin(self.value))
    }

    fn sqrt(self) -> Self {
        let root = libm::sqrt(self.value);
        self.chain(root, if root > 0.0 { 0.5 / root } else { 0.0 })
    }
}

impl Single for Dual {
    type Wide = Self;

    #[inline]
    fn constant(x: f32) -> Self {
        f64::from(x).into()
    }

    #[inline]
    fn value(self) -> f32 {
        self.value as f32
    }

    #[inline]
    fn wide(self) -> Self {
        self
    }

    #[inline]
    fn narrow(x: Self) -> Self {
        Self { value: f64::from(x.value as f32), ..x }
    }

    #[inline]
    fn within(self, limit: f32) -> Self {
        let limited = f64::from(Single::value(self).clamp(-limit, limit));
        if limited == self.value { self } else { limited.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A function of two numbers that uses every operation.
    fn formula<T: Number>(x: T, y: T) -> T {
        (x * y - x.sin() / (y + T::from(3.0))).sqrt() + -(x.cos() * y)
    }

    #[test]
    fn slopes_are_those_of_differences() {
        let (x, y) = (0.7, 1.9);
        let along = |value: f64, k: usize| {
            let mut dual = Dual::from(value);
            dual.slopes[k] = 1.0;
            dual
        };
        let found = formula(along(x, 0), along(y, 1));
        assert_eq!(found.value.to_bits(), formula(x, y).to_bits());
        let h = 1e-6;
        let expected = [
            (formula(x + h, y) - formula(x - h, y)) / (2.0 * h),
            (formula(x, y + h) - formula(x, y - h)) / (2.0 * h),
        ];
        assert!((found.slopes[0] - expected[0]).abs() < 1e-8, "{found:?} {expected:?}");
        assert!((found.slopes[1] - expected[1]).abs() < 1e-8, "{found:?} {expected:?}");
        assert_eq!(found.slopes[2..], [0.0; DIRECTIONS - 2]);
    }

    #[test]
    fn beyond_a_limit_nothing_changes() {
        let at = |x: f32| Dual { value: f64::from(x), slopes: [1.0; DIRECTIONS] }.within(10.0);
        assert_eq!((at(3.0).value, at(3.0).slopes[0]), (3.0, 1.0));
        assert_eq!((at(10.0).value, at(10.0).slopes[0]), (10.0, 1.0));
        assert_eq!((at(-11.0).value, at(-11.0).slopes[0]), (-10.0, 0.0));
        assert!(at(f32::NAN).value.is_nan());
        // The derivative of a square root at 0 would be infinite.
        assert_eq!(Dual { value: 0.0, slopes: [1.0; DIRECTIONS] }.sqrt().slopes[0], 0.0);
    }
}

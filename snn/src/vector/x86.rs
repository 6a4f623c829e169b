//! What the register types of x86-64 share.

/// Calls an intrinsic.
macro_rules! v {
    ($call:expr) => {
        // SAFETY: see the module's first lines.
        unsafe { $call }
    };
}

/// Operators by functions of two values, and of one.
macro_rules! operators {
    ($type:ty, $add:expr, $sub:expr, $mul:expr, $neg:expr) => {
        impl Add for $type {
            type Output = Self;
            #[inline(always)]
            fn add(self, b: Self) -> Self {
                $add(self, b)
            }
        }
        impl Sub for $type {
            type Output = Self;
            #[inline(always)]
            fn sub(self, b: Self) -> Self {
                $sub(self, b)
            }
        }
        impl Mul for $type {
            type Output = Self;
            #[inline(always)]
            fn mul(self, b: Self) -> Self {
                $mul(self, b)
            }
        }
        impl Neg for $type {
            type Output = Self;
            #[inline(always)]
            fn neg(self) -> Self {
                $neg(self)
            }
        }
    };
}

pub(super) use {operators, v};

//! What the register types of x86-64 share.

/// Calls an intrinsic.
macro_rules! v {
    ($call:expr) => {
        // SAFETY: see the module's first lines.
        unsafe { $call }
    };
}

/// Views a register type as an array.
macro_rules! views {
    () => {
        #[inline(always)]
        fn lanes(&self) -> &[f32; WIDTH] {
            // SAFETY: the type is 64 bytes of `f32`, aligned more strictly than the array.
            unsafe { &*std::ptr::from_ref(self).cast() }
        }
        #[inline(always)]
        fn lanes_mut(&mut self) -> &mut [f32; WIDTH] {
            // SAFETY: as above, and every bit pattern is a valid `f32`.
            unsafe { &mut *std::ptr::from_mut(self).cast() }
        }
    };
}

pub(super) use {v, views};

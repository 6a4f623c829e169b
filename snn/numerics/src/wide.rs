//! Functions compiled once per vector width, the widest of which is picked at run time.
//!
//! The body is ordinary Rust that the compiler vectorises. Rust never fuses a multiplication with an
//! addition by itself, and the bodies keep the order of every sum fixed, so all widths give the same bits.

/// Defines a function and its AVX2 and AVX-512 copies on x86-64; other machines get the plain body.
///
/// Helpers called from the body must be `#[inline(always)]`, or they are compiled for the narrow width.
#[macro_export]
macro_rules! wide {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $body:block) => {
        $(#[$meta])*
        $vis fn $name($($arg: $ty),*) {
            #[inline(always)]
            fn plain($($arg: $ty),*) $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw")]
                fn wide512($($arg: $ty),*) {
                    plain($($arg),*);
                }
                #[target_feature(enable = "avx2")]
                fn wide256($($arg: $ty),*) {
                    plain($($arg),*);
                }
                if is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512bw")
                {
                    #[expect(unsafe_code, reason = "calls a copy compiled for a detected CPU feature")]
                    // SAFETY: the features that the copy is compiled for were detected just above.
                    return unsafe { wide512($($arg),*) };
                }
                if is_x86_feature_detected!("avx2") {
                    #[expect(unsafe_code, reason = "calls a copy compiled for a detected CPU feature")]
                    // SAFETY: the feature that the copy is compiled for was detected just above.
                    return unsafe { wide256($($arg),*) };
                }
            }
            plain($($arg),*);
        }
    };
}

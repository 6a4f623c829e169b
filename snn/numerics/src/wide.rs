//! Functions compiled once per instruction set, the widest of which is picked at run time.
//!
//! The body is ordinary Rust that the compiler vectorises. Rust never fuses a multiplication with an
//! addition by itself, and the bodies keep the order of every sum fixed, so all sets give the same bits.

use std::sync::atomic::{AtomicU8, Ordering};

/// Instruction sets that [`wide!`](crate::wide) compiles a function for, the narrowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Instructions {
    /// Those that the whole program is compiled for.
    Plain = 1,
    /// Of x86-64: AVX2, with the bit operations that came with it.
    Avx2 = 2,
    /// Of x86-64: AVX-512 F, VL, DQ and BW.
    Avx512 = 3,
    /// The same with VPOPCNTDQ, which counts the bits of whole vectors.
    Avx512Count = 4,
}

/// The widest set in use; 0: not known yet.
static WIDEST: AtomicU8 = AtomicU8::new(0);

impl Instructions {
    /// All of them, the narrowest first.
    pub const ALL: [Self; 4] = [Self::Plain, Self::Avx2, Self::Avx512, Self::Avx512Count];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
            Self::Avx512Count => "avx512-vpopcntdq",
        }
    }

    /// Whether this machine has the set, which is detected once.
    #[inline(always)]
    #[must_use]
    pub fn available(self) -> bool {
        let widest = WIDEST.load(Ordering::Relaxed);
        // One comparison where the answer is yes, since calls come often.
        widest >= self as u8 || widest == 0 && Self::Avx512Count.limit() >= self
    }

    /// From now on the whole program uses this set, or the widest that the machine has if that is
    /// narrower; returns which. For tests and measurements: results do not depend on it.
    #[cold]
    pub fn limit(self) -> Self {
        let set = self.min(Self::detect());
        WIDEST.store(set as u8, Ordering::Relaxed);
        set
    }

    #[cfg(target_arch = "x86_64")]
    fn detect() -> Self {
        let avx2 = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("popcnt");
        let avx512 = avx2
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512bw");
        match (avx2, avx512) {
            (_, true) if is_x86_feature_detected!("avx512vpopcntdq") => Self::Avx512Count,
            (_, true) => Self::Avx512,
            (true, false) => Self::Avx2,
            (false, false) => Self::Plain,
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn detect() -> Self {
        Self::Plain
    }
}

/// Defines a function and its AVX2 and AVX-512 copies on x86-64; other machines get the plain body.
///
/// Generics stand in brackets, with their bounds and then by name: `fn f[T: Real][T](x: T) -> T { … }`.
/// `counting fn` may count the bits of vectors; a processor that cannot do that with AVX-512 takes AVX2.
///
/// Helpers called from the body must be `#[inline(always)]`, or they are compiled for the narrow width.
#[macro_export]
macro_rules! wide {
    (
        @ {$($head:tt)*} $widest:ident $features:literal $name:ident $([$($generics:tt)*][$($names:tt)*])?
        ($($arg:ident: $ty:ty),* $(,)?) $(-> $out:ty)? $body:block
    ) => {
        $($head)* fn $name $(<$($generics)*>)? ($($arg: $ty),*) $(-> $out)? {
            #[inline(always)]
            fn plain $(<$($generics)*>)? ($($arg: $ty),*) $(-> $out)? $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = $features)]
                fn wide512 $(<$($generics)*>)? ($($arg: $ty),*) $(-> $out)? {
                    plain $(::<$($names)*>)? ($($arg),*)
                }
                #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
                fn wide256 $(<$($generics)*>)? ($($arg: $ty),*) $(-> $out)? {
                    plain $(::<$($names)*>)? ($($arg),*)
                }
                if $crate::Instructions::$widest.available() {
                    #[expect(unsafe_code, reason = "calls a copy compiled for detected CPU features")]
                    // SAFETY: the machine has the features of an available set.
                    return unsafe { wide512 $(::<$($names)*>)? ($($arg),*) };
                }
                if $crate::Instructions::Avx2.available() {
                    #[expect(unsafe_code, reason = "calls a copy compiled for detected CPU features")]
                    // SAFETY: the machine has the features of an available set.
                    return unsafe { wide256 $(::<$($names)*>)? ($($arg),*) };
                }
            }
            plain $(::<$($names)*>)? ($($arg),*)
        }
    };
    ($(#[$meta:meta])* $vis:vis counting fn $($rest:tt)*) => {
        $crate::wide!(
            @ {$(#[$meta])* $vis} Avx512Count
            "avx512f,avx512vl,avx512dq,avx512bw,avx512vpopcntdq,bmi1,bmi2,lzcnt,popcnt" $($rest)*
        );
    };
    ($(#[$meta:meta])* $vis:vis fn $($rest:tt)*) => {
        $crate::wide!(
            @ {$(#[$meta])* $vis} Avx512
            "avx512f,avx512vl,avx512dq,avx512bw,bmi1,bmi2,lzcnt,popcnt" $($rest)*
        );
    };
}

#[cfg(test)]
mod tests {
    use super::Instructions;

    crate::wide! {
        fn weighted[T: Copy + Into<f32>][T](values: &[T], weight: f32, out: &mut [f32]) {
            for (out, &value) in out.iter_mut().zip(values) {
                *out += weight * value.into();
            }
        }
    }

    crate::wide! {
        counting fn ones(words: &[u64]) -> u32 {
            let mut count = 0;
            for word in words {
                count += word.count_ones();
            }
            count
        }
    }

    #[test]
    fn every_copy_computes_the_same() {
        let values: Vec<i8> = (0..67).map(|i| (i * 37 % 256) as u8 as i8).collect();
        let words: Vec<u64> = (0..67).map(|i: u64| i.wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect();
        let expected: u32 = words.iter().map(|word| word.count_ones()).sum();
        for set in Instructions::ALL {
            let used = set.limit();
            assert!(used <= set && used.available(), "{used:?}");
            let mut out = vec![0.25; values.len()];
            weighted(&values, 0.1, &mut out);
            for (out, &value) in out.iter().zip(&values) {
                assert_eq!(out.to_bits(), (0.25 + 0.1 * f32::from(value)).to_bits(), "{used:?}");
            }
            assert_eq!(ones(&words), expected, "{used:?}");
        }
    }
}

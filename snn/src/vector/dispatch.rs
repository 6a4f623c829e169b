//! Which instruction set is used.

#[cfg(any(vector_avx2, vector_avx512))]
use numerics::Instructions;

/// An instruction set that functions over [`Vector`](super::Vector) are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Set {
    /// What the compiler makes of arrays, with the instructions that the program was built for.
    Portable,
    /// AVX2, with the bit operations that came with it.
    #[cfg(vector_avx2)]
    Avx2,
    /// AVX-512 F, VL, DQ and BW.
    #[cfg(vector_avx512)]
    Avx512,
}

impl Set {
    /// The widest that there is here. Arrays, and slower, where a developer's build runs on a machine that lacks the
    /// instructions of its own.
    pub(crate) fn widest() -> Self {
        #[cfg(vector_avx512)]
        if Instructions::Avx512.available() {
            return Self::Avx512;
        }
        #[cfg(vector_avx2)]
        if Instructions::Avx2.available() {
            return Self::Avx2;
        }
        Self::Portable
    }

    /// Those that this machine has.
    #[cfg(test)]
    pub(crate) fn available() -> Vec<Self> {
        vec![
            #[cfg(vector_avx512)]
            (Instructions::Avx512.available(), Self::Avx512),
            #[cfg(vector_avx2)]
            (Instructions::Avx2.available(), Self::Avx2),
            (true, Self::Portable),
        ]
        .into_iter()
        .filter_map(|(there, set)| there.then_some(set))
        .collect()
    }
}

/// A pointer to the copy of a function for `$set`: of `fn body<V: Vector>(…)` with further generics behind `V`.
///
/// `compiled_for!(set, body[A, B](x: &mut X) -> Y, [A: Bound, B])` is an `unsafe fn(&mut X) -> Y`, whose caller
/// vouches that the machine has the set.
macro_rules! compiled_for {
    ($set:expr, $body:ident[$($names:tt)*]($($arg:ident: $ty:ty),* $(,)?) $(-> $out:ty)?, [$($generics:tt)*]) => {{
        #[inline(never)]
        fn portable<$($generics)*>($($arg: $ty),*) $(-> $out)? {
            $body::<$crate::vector::Portable, $($names)*>($($arg),*)
        }
        #[cfg(vector_avx2)]
        #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
        fn avx2<$($generics)*>($($arg: $ty),*) $(-> $out)? {
            $body::<$crate::vector::Avx2, $($names)*>($($arg),*)
        }
        #[cfg(vector_avx512)]
        #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,bmi1,bmi2,lzcnt,popcnt")]
        fn avx512<$($generics)*>($($arg: $ty),*) $(-> $out)? {
            $body::<$crate::vector::Avx512, $($names)*>($($arg),*)
        }
        let pointer: unsafe fn($($ty),*) $(-> $out)? = match $set {
            $crate::vector::Set::Portable => portable::<$($names)*>,
            #[cfg(vector_avx2)]
            $crate::vector::Set::Avx2 => avx2::<$($names)*>,
            #[cfg(vector_avx512)]
            $crate::vector::Set::Avx512 => avx512::<$($names)*>,
        };
        pointer
    }};
}
pub(crate) use compiled_for;

/// Length of the next of equal blocks of at most `most`, for `left` of something.
#[inline(always)]
pub(crate) fn block(left: usize, most: usize) -> usize {
    // Without a division where there is one block.
    if left <= most { left } else { left.div_ceil(left.div_ceil(most)) }
}

/// Calls a function that is generic over the number of registers, at most
/// [`Vector::REGISTERS`](super::Vector::REGISTERS).
macro_rules! in_blocks {
    (@ $count:expr, $vector:ident, $function:ident $args:tt, $($n:literal)*) => {
        match $count {
            $($n if $n <= $vector::REGISTERS => $function::<$vector, $n> $args,)*
            _ => unreachable!("blocks fit into registers"),
        }
    };
    ($count:expr, $vector:ident, $function:ident $args:tt) => {
        $crate::vector::in_blocks!(@ $count, $vector, $function $args, 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16)
    };
}
pub(crate) use in_blocks;

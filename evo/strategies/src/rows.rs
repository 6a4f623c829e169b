//! Rows that threads make.

use rayon::prelude::*;

/// Values below which one thread is faster than several.
pub(super) const PARALLEL_VALUES: usize = 1 << 16;

/// What is made of each of `count` rows of `n` values, by several threads where that is worth it.
pub(super) fn of_rows<T: Send>(count: usize, n: usize, make: impl Fn(usize) -> T + Send + Sync) -> Vec<T> {
    match count.saturating_mul(n) < PARALLEL_VALUES {
        true => (0..count).map(make).collect(),
        false => (0..count).into_par_iter().map(make).collect(),
    }
}

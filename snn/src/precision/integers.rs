//! Rows of 8-bit integers, and their sums.
//!
//! No sum can overflow, for the reasons given below; the wrapping operations only spare the checks,
//! which keep the compiler from using vector registers.

use std::ops::Range;

use crate::cpu::{Place, Row, Term};
use crate::lanes::{Lanes, WIDTH};
use crate::vector::{Ints, SHORT, Vector, block, in_blocks};

/// Columns that rows are padded to multiples of: integers are added [`SHORT`] at a time.
pub(super) const PAD: usize = SHORT / WIDTH;
/// 258 rows of 8-bit numbers fit into 16 bits.
const WORDS: usize = 256 / 64;

/// Some columns of the sum of the rows of `spikes`.
#[inline(always)]
pub(super) fn sum<V: Vector>(
    weights: &[i8],
    row: &Row,
    columns: &Range<usize>,
    spikes: &[u64],
    sums: &mut [Ints],
) {
    let Place { start, stride } = row.place;
    let rows = &weights[start * WIDTH..];
    let last = columns.end.next_multiple_of(PAD);
    let mut at = columns.start / PAD * PAD;
    while at < last {
        let count = block((last - at) / PAD, V::REGISTERS);
        let (rows, sums) = (&rows[at * WIDTH..], &mut sums[at..at + count * PAD]);
        for (index, words) in spikes.chunks(WORDS).enumerate() {
            let rows = &rows[index * WORDS * 64 * stride * WIDTH..];
            in_blocks!(count, V, rows_of(rows, stride, words, index > 0, sums));
        }
        at += count * PAD;
    }
}

/// `N` weights from `start` on.
#[inline(always)]
fn bytes<const N: usize>(rows: &[i8], start: usize) -> &[i8; N] {
    rows[start..].first_chunk().expect("rows are padded")
}

/// The sum of the rows of at most [`WORDS`] words, for the first `N` times [`SHORT`] targets; added to what is there if
/// `more`.
#[inline(always)]
fn rows_of<V: Vector, const N: usize>(
    rows: &[i8],
    stride: usize,
    spikes: &[u64],
    more: bool,
    out: &mut [Ints],
) {
    let mut sums = [V::short_zero(); N];
    let mut first = 0;
    for &word in spikes {
        let mut bits = word;
        while bits != 0 {
            let at = (first + bits.trailing_zeros() as usize) * stride * WIDTH;
            bits &= bits - 1;
            let row = &rows[at..at + N * SHORT];
            for k in 0..N {
                sums[k] = V::short_add(sums[k], bytes(row, k * SHORT));
            }
        }
        first += 64;
    }
    for k in 0..N {
        let [mut low, mut high] = V::short_ints(sums[k]);
        if more {
            low = V::int_add(low, V::int_load(&out[2 * k]));
            high = V::int_add(high, V::int_load(&out[2 * k + 1]));
        }
        V::int_store(low, &mut out[2 * k]);
        V::int_store(high, &mut out[2 * k + 1]);
    }
}

/// Replaces `out` by `constant`, or zeros, and the sums of `terms`, each with its `unit`.
#[inline(always)]
pub(super) fn gather<V: Vector>(
    constant: Option<&[Lanes]>,
    terms: &[Term],
    sums: &[Ints],
    out: &mut [Lanes],
) {
    for (k, out) in out.iter_mut().enumerate() {
        let mut total = V::splat(0.0);
        if let Some(constant) = constant {
            total = V::load(&constant[k]);
        }
        for term in terms {
            let sum = V::int_float(V::int_load(&sums[term.sums + k]));
            total = total + sum * V::splat(term.unit);
        }
        total.store(out);
    }
}

/// Adds the rows of `spikes` to currents, times `unit`.
#[inline(always)]
pub(super) fn add(spikes: &[u16], weights: &[i8], place: Place, unit: f32, out: &mut [Lanes]) {
    let (rows, stride) = (&weights[place.start * WIDTH..], place.stride * WIDTH);
    let mut column = 0;
    let mut fours = out.chunks_exact_mut(4);
    for four in &mut fours {
        add_rows::<{ 4 * WIDTH }>(spikes, rows, stride, column, unit, four);
        column += 4 * WIDTH;
    }
    for one in fours.into_remainder().chunks_mut(1) {
        add_rows::<WIDTH>(spikes, rows, stride, column, unit, one);
        column += WIDTH;
    }
}

/// Adds `N` neighbouring entries, from `column` on, of the rows of `spikes`.
#[inline(always)]
fn add_rows<const N: usize>(
    spikes: &[u16],
    rows: &[i8],
    stride: usize,
    column: usize,
    unit: f32,
    out: &mut [Lanes],
) {
    let mut sums = [0_i32; N];
    for spikes in spikes.chunks(WORDS * 64) {
        let mut short = [0_i16; N];
        for &source in spikes {
            let row = bytes::<N>(rows, usize::from(source) * stride + column);
            for lane in 0..N {
                short[lane] = short[lane].wrapping_add(i16::from(row[lane]));
            }
        }
        for lane in 0..N {
            sums[lane] = sums[lane].wrapping_add(i32::from(short[lane]));
        }
    }
    for (out, sums) in out.iter_mut().zip(sums.chunks_exact(WIDTH)) {
        for (out, sum) in out.0.iter_mut().zip(sums) {
            *out += *sum as f32 * unit;
        }
    }
}

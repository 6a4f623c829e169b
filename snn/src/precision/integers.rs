//! Rows of 8-bit integers, and their sums.
//!
//! No sum can overflow, for the reasons given below; the wrapping operations only spare the checks,
//! which keep the compiler from using vector registers.

use std::ops::Range;

use crate::cpu::{Place, Row};
use crate::lanes::{Lanes, WIDTH};
use crate::vector::{SHORT, Vector, block, in_blocks};

/// Columns that rows are padded to multiples of: integers are added [`SHORT`] at a time.
pub(super) const PAD: usize = SHORT / WIDTH;
/// 258 rows of 8-bit numbers fit into 16 bits.
const WORDS: usize = 256 / 64;

/// Replaces some columns of `sums` by `start` and the sum of the rows of `spikes`, each column times its unit.
#[inline(always)]
pub(super) fn sum<V: Vector>(
    weights: &[i8],
    row: &Row,
    columns: &Range<usize>,
    spikes: &[u64],
    start: &[Lanes],
    sums: &mut [Lanes],
) {
    let Place { start: first, stride } = row.place;
    let rows = &weights[first * WIDTH..];
    let last = columns.end.next_multiple_of(PAD);
    let mut at = columns.start / PAD * PAD;
    while at < last {
        let count = block((last - at) / PAD, V::REGISTERS);
        let range = at..at + count * PAD;
        let (units, start, sums) = (&row.units[range.clone()], &start[range.clone()], &mut sums[range]);
        in_blocks!(count, V, rows_of(&rows[at * WIDTH..], stride, spikes, units, start, sums));
        at += count * PAD;
    }
}

/// `N` weights from `start` on.
#[inline(always)]
fn bytes<const N: usize>(rows: &[i8], start: usize) -> &[i8; N] {
    rows[start..].first_chunk().expect("rows are padded")
}

/// The sum of the rows of at most [`WORDS`] words, for the first `N` times [`SHORT`] targets.
#[inline(always)]
fn shorts<V: Vector, const N: usize>(rows: &[i8], stride: usize, spikes: &[u64]) -> [V::Short; N] {
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
    sums
}

/// `start` and the sum of the rows of `spikes`, times `units`, for the first `N` times [`SHORT`] targets.
#[inline(always)]
fn rows_of<V: Vector, const N: usize>(
    rows: &[i8],
    stride: usize,
    spikes: &[u64],
    units: &[f32],
    start: &[Lanes],
    out: &mut [Lanes],
) {
    let mut totals = [[V::int_zero(); 2]; N];
    let (few, more) = spikes.split_at(spikes.len().min(WORDS));
    let sums = shorts::<V, N>(rows, stride, few);
    for k in 0..N {
        totals[k] = V::short_ints(sums[k]);
    }
    for (index, words) in more.chunks(WORDS).enumerate() {
        let sums = shorts::<V, N>(&rows[(index + 1) * WORDS * 64 * stride * WIDTH..], stride, words);
        for k in 0..N {
            let [low, high] = V::short_ints(sums[k]);
            totals[k] = [V::int_add(totals[k][0], low), V::int_add(totals[k][1], high)];
        }
    }
    let (units, start, out) = (&units[..2 * N], &start[..2 * N], &mut out[..2 * N]);
    for k in 0..N {
        for half in 0..2 {
            let column = 2 * k + half;
            let current = V::int_float(totals[k][half]) * V::splat(units[column]);
            (V::load(&start[column]) + current).store(&mut out[column]);
        }
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

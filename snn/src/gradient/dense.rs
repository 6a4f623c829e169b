//! Products of dense matrices, whose rows lie side by side.
//!
//! Blocks of results stay in registers while a sum runs in ascending order of its terms, one rounding per
//! operation: the bits depend neither on the blocks nor on the instruction set.

use numerics::{Instructions, wide};

use crate::lanes::WIDTH;

/// Rows of results that are computed together.
const ROWS: usize = 4;
/// The same where vectors are twice as wide and there are twice as many.
const MORE: usize = 8;

/// Columns that a row of `count` values is padded to.
pub(super) fn padded(count: usize) -> usize {
    count.next_multiple_of(WIDTH)
}

wide! {
    /// `out[r][c] += Σₖ a[r][k]·b[k][c]` over `depth` terms. Rows of `a` lie `stride` apart; those of `b` and
    /// `out` have `columns` values, a multiple of [`WIDTH`].
    pub(super) fn multiply(
        a: &[f32],
        stride: usize,
        depth: usize,
        b: &[f32],
        columns: usize,
        out: &mut [f32],
    ) {
        if Instructions::Avx512.available() {
            strips::<MORE>(a, stride, depth, b, columns, out);
        } else {
            strips::<ROWS>(a, stride, depth, b, columns, out);
        }
    }
}

/// A product, `N` rows at a time.
#[inline(always)]
fn strips<const N: usize>(
    a: &[f32],
    stride: usize,
    depth: usize,
    b: &[f32],
    columns: usize,
    out: &mut [f32],
) {
    let rows = out.len() / columns;
    let whole = rows - rows % N;
    for row in (0..whole).step_by(N) {
        strip::<N>(&a[row * stride..], stride, depth, b, columns, &mut out[row * columns..]);
    }
    for row in whole..rows {
        strip::<1>(&a[row * stride..], stride, depth, b, columns, &mut out[row * columns..]);
    }
}

/// The first `N` rows of a product.
#[inline(always)]
fn strip<const N: usize>(a: &[f32], stride: usize, depth: usize, b: &[f32], columns: usize, out: &mut [f32]) {
    let mut rows: [&[f32]; N] = [&[]; N];
    for (row, values) in rows.iter_mut().enumerate() {
        *values = &a[row * stride..][..depth];
    }
    for column in (0..columns).step_by(WIDTH) {
        let mut sums = [[0.0; WIDTH]; N];
        for (row, sums) in sums.iter_mut().enumerate() {
            *sums = *lane(&out[row * columns + column..]);
        }
        for (k, b) in b[..depth * columns].chunks_exact(columns).enumerate() {
            let b = lane(&b[column..]);
            for row in 0..N {
                let x = rows[row][k];
                for i in 0..WIDTH {
                    sums[row][i] += x * b[i];
                }
            }
        }
        for (row, sums) in sums.iter().enumerate() {
            out[row * columns + column..][..WIDTH].copy_from_slice(sums);
        }
    }
}

wide! {
    /// `out[k][c] += Σᵣ a[r][k]·b[r][c]` over all rows of `b`, which has `columns` in each. Rows of `a` lie
    /// `stride` apart; `out` has a row of `columns` values for each of the first columns of `a`.
    pub(super) fn add_outer(a: &[f32], stride: usize, b: &[f32], columns: usize, out: &mut [f32]) {
        let rows = out.len() / columns;
        let whole = rows - rows % ROWS;
        for row in (0..whole).step_by(ROWS) {
            outer::<ROWS>(&a[row..], stride, b, columns, &mut out[row * columns..]);
        }
        for row in whole..rows {
            outer::<1>(&a[row..], stride, b, columns, &mut out[row * columns..]);
        }
    }
}

#[inline(always)]
fn outer<const N: usize>(a: &[f32], stride: usize, b: &[f32], columns: usize, out: &mut [f32]) {
    for column in (0..columns).step_by(WIDTH) {
        let mut sums = [[0.0; WIDTH]; N];
        for (row, sums) in sums.iter_mut().enumerate() {
            *sums = *lane(&out[row * columns + column..]);
        }
        for (index, b) in b.chunks_exact(columns).enumerate() {
            let a: &[f32; N] = a[index * stride..].first_chunk().expect("a value for each row of results");
            let b = lane(&b[column..]);
            for row in 0..N {
                for i in 0..WIDTH {
                    sums[row][i] += a[row] * b[i];
                }
            }
        }
        for (row, sums) in sums.iter().enumerate() {
            out[row * columns + column..][..WIDTH].copy_from_slice(sums);
        }
    }
}

#[inline(always)]
fn lane(values: &[f32]) -> &[f32; WIDTH] {
    values.first_chunk().expect("rows are padded to whole lanes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_those_of_the_textbook() {
        let number = |i: usize| ((i * 37 + 11) % 23) as f32 - 11.0;
        let matrix = |count: usize| -> Vec<f32> { (0..count).map(number).collect() };
        for (rows, depth, columns) in [(1, 1, 16), (4, 5, 16), (21, 7, 48), (8, 3, 32)] {
            let stride = depth + 2;
            let (a, b) = (matrix(rows * stride), matrix(depth * columns));
            let mut out = vec![0.5; rows * columns];
            multiply(&a, stride, depth, &b, columns, &mut out);
            for (i, &found) in out.iter().enumerate() {
                let (row, column) = (i / columns, i % columns);
                let sum: f32 = (0..depth).map(|k| a[row * stride + k] * b[k * columns + column]).sum();
                assert_eq!(found, 0.5 + sum, "{rows}, {depth}, {columns}");
            }
            let mut sums = vec![0.25; depth * columns];
            add_outer(&a, stride, &out, columns, &mut sums);
            for (i, &found) in sums.iter().enumerate() {
                let (k, column) = (i / columns, i % columns);
                let sum: f32 = (0..rows).map(|row| a[row * stride + k] * out[row * columns + column]).sum();
                assert_eq!(found, 0.25 + sum, "{rows}, {depth}, {columns}");
            }
        }
    }
}

//! Products of dense matrices, whose rows lie side by side.
//!
//! Blocks of results stay in registers while a sum runs in ascending order of its terms, one rounding per
//! operation: the bits depend neither on the blocks nor on the instruction set.

use crate::lanes::WIDTH;
use crate::vector::{Set, Vector, compiled_for};

/// Columns that a row of `count` values is padded to.
pub(super) fn padded(count: usize) -> usize {
    count.next_multiple_of(WIDTH)
}

/// `out[r][c] += Σₖ a[r][k]·b[k][c]` over `depth` terms. Rows of `a` lie `stride` apart; those of `b` and
/// `out` have `columns` values, a multiple of [`WIDTH`].
pub(super) fn multiply(a: &[f32], stride: usize, depth: usize, b: &[f32], columns: usize, out: &mut [f32]) {
    add_product((a, stride, 1), (&b[..depth * columns], columns), out);
}

/// `out[k][c] += Σᵣ a[r][k]·b[r][c]` over all rows of `b`, which has `columns` in each. Rows of `a` lie
/// `stride` apart; `out` has a row of `columns` values for each of the first columns of `a`.
pub(super) fn add_outer(a: &[f32], stride: usize, b: &[f32], columns: usize, out: &mut [f32]) {
    add_product((a, 1, stride), (b, columns), out);
}

/// Values, and how far rows of results and terms of a sum are apart in them.
type Factors<'a> = (&'a [f32], usize, usize);
/// Rows side by side, and their length.
type Rows<'a> = (&'a [f32], usize);

fn add_product(a: Factors<'_>, b: Rows<'_>, out: &mut [f32]) {
    let run = compiled_for!(Set::widest(), product[](a: Factors<'_>, b: Rows<'_>, out: &mut [f32]), []);
    #[expect(unsafe_code, reason = "calls a copy compiled for detected CPU features")]
    // SAFETY: the machine has the widest set.
    unsafe {
        run(a, b, out);
    }
}

/// In blocks that leave room for the factors: the more sums, the less they wait for each other.
#[inline(always)]
fn product<V: Vector>(a: Factors<'_>, b: Rows<'_>, out: &mut [f32]) {
    let mut column = 0;
    while V::REGISTERS >= 16 && column + 4 * WIDTH <= b.1 {
        strips::<V, 4, 4>(a, b, column, out);
        column += 4 * WIDTH;
    }
    while column < b.1 {
        if V::REGISTERS >= 16 {
            strips::<V, 8, 1>(a, b, column, out);
        } else {
            strips::<V, 4, 1>(a, b, column, out);
        }
        column += WIDTH;
    }
}

/// `C` vectors of columns, `R` rows at a time.
#[inline(always)]
fn strips<V: Vector, const R: usize, const C: usize>(
    (a, next_row, next_term): Factors<'_>,
    b: Rows<'_>,
    column: usize,
    out: &mut [f32],
) {
    let rows = out.len() / b.1;
    let whole = rows - rows % R;
    for row in (0..whole).step_by(R) {
        block::<V, R, C>((&a[row * next_row..], next_row, next_term), b, column, &mut out[row * b.1..]);
    }
    for row in whole..rows {
        block::<V, 1, C>((&a[row * next_row..], next_row, next_term), b, column, &mut out[row * b.1..]);
    }
}

/// The first `R` rows.
#[inline(always)]
fn block<V: Vector, const R: usize, const C: usize>(
    (a, next_row, next_term): Factors<'_>,
    (b, columns): Rows<'_>,
    column: usize,
    out: &mut [f32],
) {
    let mut sums = [[V::splat(0.0); C]; R];
    for (row, sums) in sums.iter_mut().enumerate() {
        for (c, sum) in sums.iter_mut().enumerate() {
            *sum = V::read(lane(&out[row * columns + column + c * WIDTH..]));
        }
    }
    for (k, b) in b.chunks_exact(columns).enumerate() {
        let b = &b[column..][..C * WIDTH];
        let mut terms = [V::splat(0.0); C];
        for (c, term) in terms.iter_mut().enumerate() {
            *term = V::read(lane(&b[c * WIDTH..]));
        }
        for (row, sums) in sums.iter_mut().enumerate() {
            let x = V::splat(a[row * next_row + k * next_term]);
            for (sum, &term) in sums.iter_mut().zip(&terms) {
                *sum = *sum + x * term;
            }
        }
    }
    for (row, sums) in sums.iter().enumerate() {
        for (c, sum) in sums.iter().enumerate() {
            let to = &mut out[row * columns + column + c * WIDTH..];
            sum.write(to.first_chunk_mut().expect("rows are padded to whole lanes"));
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
        for (rows, depth, columns) in [(1, 1, 16), (4, 5, 16), (21, 7, 48), (8, 3, 32), (13, 9, 80)] {
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

//! Dense linear algebra of CMA-ES and xNES, in double precision and on one thread.
//!
//! The usual libraries pick fused multiply-add kernels by CPU, so their results depend on the machine. Here every
//! element is summed in one fixed order with separate multiplications and additions; registers and vector
//! width only decide how many elements are computed side by side.
//!
//! Symmetric matrices are n × n, row-major, of which only the upper triangle is used. The factor of C is the
//! upper triangular U with C = UᵀU.

use numerics::wide;

/// Columns of a packed panel.
const WIDTH: usize = 8;
/// Rows of a register tile.
const HEIGHT: usize = 6;
/// Rows factorised at a time.
const BLOCK: usize = 48;

/// One tile: `c[r][0..WIDTH] += Σ_p a[r·depth + p] · panel[p]` for `R` rows, of which `columns` are stored.
#[inline(always)]
fn tile<const R: usize>(
    a: &[f64],
    depth: usize,
    panel: &[[f64; WIDTH]],
    c: &mut [f64],
    stride: usize,
    columns: usize,
) {
    let rows: [&[f64]; R] = std::array::from_fn(|r| &a[r * depth..][..panel.len()]);
    let mut sums = [[0.0; WIDTH]; R];
    for (p, b) in panel.iter().enumerate() {
        for r in 0..R {
            let factor = rows[r][p];
            for j in 0..WIDTH {
                sums[r][j] += factor * b[j];
            }
        }
    }
    for (r, sum) in sums.iter().enumerate() {
        let out = &mut c[r * stride..][..columns];
        for (value, add) in out.iter_mut().zip(sum) {
            *value += add;
        }
    }
}

wide! {
    /// `c += a · panel` for `rows` rows of `a` (row length `depth`); uses the first `panel.len()` columns of `a`.
    fn panel_product(
        a: &[f64],
        depth: usize,
        rows: usize,
        panel: &[[f64; WIDTH]],
        c: &mut [f64],
        stride: usize,
        columns: usize,
    ) {
        let mut r = 0;
        while r + HEIGHT <= rows {
            tile::<HEIGHT>(&a[r * depth..], depth, panel, &mut c[r * stride..], stride, columns);
            r += HEIGHT;
        }
        while r < rows {
            tile::<1>(&a[r * depth..], depth, panel, &mut c[r * stride..], stride, columns);
            r += 1;
        }
    }
}

/// Copies `columns` ≤ WIDTH columns of `b` from `first` on, rows `0..rows`, into a dense panel padded with zeros.
fn pack(b: &[f64], stride: usize, first: usize, rows: usize, columns: usize) -> Vec<[f64; WIDTH]> {
    (0..rows)
        .map(|row| {
            let mut out = [0.0; WIDTH];
            out[..columns].copy_from_slice(&b[row * stride + first..][..columns]);
            out
        })
        .collect()
}

/// `y = z · U` for `rows` rows of length n: turns standard normals into samples with covariance UᵀU.
pub(super) fn times_upper(z: &[f64], upper: &[f64], n: usize, y: &mut [f64]) {
    y.fill(0.0);
    for first in (0..n).step_by(WIDTH) {
        let columns = WIDTH.min(n - first);
        // Below the diagonal there are only zeros.
        let panel = pack(upper, n, first, first + columns, columns);
        panel_product(z, n, z.len() / n, &panel, &mut y[first..], n, columns);
    }
}

/// `a · b` for rows of length n and an n × n matrix.
pub(super) fn product(a: &[f64], b: &[f64], n: usize) -> Vec<f64> {
    let mut out = vec![0.0; a.len()];
    for first in (0..n).step_by(WIDTH) {
        let columns = WIDTH.min(n - first);
        let panel = pack(b, n, first, n, columns);
        panel_product(a, n, a.len() / n, &panel, &mut out[first..], n, columns);
    }
    out
}

/// `exp(m) · u` of n × n matrices, by Taylor series in enough steps that each converges fast.
pub(super) fn exp_times(m: &[f64], u: &[f64], n: usize) -> Vec<f64> {
    let row_sum = |row: &[f64]| row.iter().map(|v| v.abs()).sum::<f64>();
    let norm = m.chunks(n).map(row_sum).fold(0.0, f64::max);
    let steps = norm.ceil().clamp(1.0, 64.0);
    let part: Vec<f64> = m.iter().map(|v| v / steps).collect();
    let largest = |x: &[f64]| x.iter().fold(0.0_f64, |largest, v| largest.max(v.abs()));
    let mut out = u.to_vec();
    for _ in 0..steps as usize {
        let mut term = out.clone();
        for k in 1..=30 {
            term = product(&part, &term, n);
            for (sum, value) in out.iter_mut().zip(&mut term) {
                *value /= f64::from(k);
                *sum += *value;
            }
            if largest(&term) <= 1e-17 * largest(&out) {
                break;
            }
        }
    }
    out
}

pub(super) fn identity(n: usize) -> Vec<f64> {
    let mut out = vec![0.0; n * n];
    for i in 0..n {
        out[i * n + i] = 1.0;
    }
    out
}

/// Weighted sum of rows of length n, in the order given.
pub(super) fn recombine(rows: &[f64], n: usize, chosen: &[(usize, f64)]) -> Vec<f64> {
    let mut out = vec![0.0; n];
    for &(row, weight) in chosen {
        for (sum, value) in out.iter_mut().zip(&rows[row * n..]) {
            *sum += weight * value;
        }
    }
    out
}

/// Writes mean + σ·y for as many rows of `y` as `out` has.
pub(super) fn write_members(mean: &[f64], sigma: f64, y: &[f64], out: &mut [f64]) {
    for (row, y) in out.chunks_mut(mean.len()).zip(y.chunks(mean.len())) {
        for ((x, mean), y) in row.iter_mut().zip(mean).zip(y) {
            *x = mean + sigma * y;
        }
    }
}

/// Upper triangle of `c += aᵀ · b`, where `at` is aᵀ (size × depth) and `b` is depth × size with row length
/// `b_stride`. Also writes some elements just below the diagonal.
fn add_upper(
    at: &[f64],
    depth: usize,
    b: &[f64],
    b_stride: usize,
    c: &mut [f64],
    stride: usize,
    size: usize,
) {
    for first in (0..size).step_by(WIDTH) {
        let columns = WIDTH.min(size - first);
        let panel = pack(b, b_stride, first, depth, columns);
        panel_product(at, depth, first + columns, &panel, &mut c[first..], stride, columns);
    }
}

/// Transposes `rows` rows of length `columns` and stride `stride`, times a factor per row.
fn transposed(
    b: &[f64],
    stride: usize,
    columns: usize,
    factors: impl ExactSizeIterator<Item = f64>,
) -> Vec<f64> {
    let rows = factors.len();
    let mut out = vec![0.0; rows * columns];
    for (row, factor) in factors.enumerate() {
        for (column, value) in b[row * stride..][..columns].iter().enumerate() {
            out[column * rows + row] = factor * value;
        }
    }
    out
}

/// Upper triangle of `c ← keep · c + Σ_k weights[k] · v_k v_kᵀ`, with the vectors as rows of `v` (length n).
pub(super) fn update_upper(c: &mut [f64], n: usize, keep: f64, weights: &[f64], v: &[f64]) {
    for row in 0..n {
        for value in &mut c[row * n + row..(row + 1) * n] {
            *value *= keep;
        }
    }
    let at = transposed(v, n, n, weights.iter().copied());
    add_upper(&at, weights.len(), v, n, c, n, n);
}

/// The upper factor U of a symmetric matrix C = UᵀU, or `None` when C is not positive definite to rounding.
pub(super) fn cholesky(c: &[f64], n: usize) -> Option<Vec<f64>> {
    let mut u = c.to_vec();
    for start in (0..n).step_by(BLOCK) {
        let end = n.min(start + BLOCK);
        // Rows start..end, by rows, so that the inner loops run along memory.
        for row in start..end {
            let (above, rest) = u.split_at_mut(row * n);
            let current = &mut rest[row..n];
            for p in start..row {
                let source = &above[p * n + row..(p + 1) * n];
                subtract(current, source[0], source);
            }
            let pivot = current[0];
            if !(pivot > 0.0 && pivot.is_finite()) {
                return None;
            }
            let root = pivot.sqrt();
            for value in current.iter_mut() {
                *value /= root;
            }
        }
        if end < n {
            let (done, rest) = u.split_at_mut(end * n);
            let solved = &done[start * n + end..];
            let depth = end - start;
            let negative = transposed(solved, n, n - end, (0..depth).map(|_| -1.0));
            add_upper(&negative, depth, solved, n, &mut rest[end..], n, n - end);
        }
    }
    for row in 0..n {
        u[row * n..row * n + row].fill(0.0);
    }
    Some(u)
}

/// `rows ← rows · U⁻¹`, for rows of length n: turns samples with covariance UᵀU into standard normals.
pub(super) fn solve_upper(rows: &mut [f64], upper: &[f64], n: usize) {
    for row in rows.chunks_mut(n) {
        for i in 0..n {
            let factors = &upper[i * n + i..(i + 1) * n];
            row[i] /= factors[0];
            let value = row[i];
            subtract(&mut row[i + 1..], value, &factors[1..]);
        }
    }
}

wide! {
    fn subtract(out: &mut [f64], factor: f64, row: &[f64]) {
        for (value, other) in out.iter_mut().zip(row) {
            *value -= factor * other;
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::random::{Purpose, fill_normals_f64};
    use nalgebra::DMatrix;

    fn normals(member: u64, count: usize) -> Vec<f64> {
        let mut x = vec![0.0; count];
        fill_normals_f64(1, Purpose::Bench, 0, member, &mut x);
        x
    }

    fn close(ours: &[f64], n: usize, expected: &DMatrix<f64>) {
        let scale = expected.amax();
        for row in 0..n {
            for column in row..n {
                let difference = ours[row * n + column] - expected[(row, column)];
                assert!(difference.abs() < 1e-12 * scale, "({row}, {column}): {difference:e}");
            }
        }
    }

    #[test]
    fn products_match_nalgebra_for_all_sizes_of_the_edges() {
        for (n, rows) in [(1, 1), (2, 3), (7, 6), (8, 12), (9, 13), (50, 20), (101, 64)] {
            let z = normals(0, rows * n);
            let weights: Vec<f64> = normals(1, rows);
            let start = normals(2, n * n);
            let mut upper = start.clone();
            for row in 0..n {
                upper[row * n..row * n + row].fill(0.0);
            }
            let matrix = DMatrix::from_row_slice(rows, n, &z);
            let mut y = vec![f64::NAN; rows * n];
            times_upper(&z, &upper, n, &mut y);
            let product = &matrix * DMatrix::from_row_slice(n, n, &upper);
            assert!((DMatrix::from_row_slice(rows, n, &y) - product).amax() < 1e-12 * n as f64);

            let mut c = start.clone();
            update_upper(&mut c, n, 0.5, &weights, &z);
            let diagonal = DMatrix::from_diagonal(&nalgebra::DVector::from_column_slice(&weights));
            let sum = matrix.transpose() * diagonal * &matrix;
            close(&c, n, &(DMatrix::from_row_slice(n, n, &start) * 0.5 + sum));
        }
    }

    #[test]
    fn products_and_exponentials_match_nalgebra() {
        for (n, scale) in [(1, 0.3), (5, 0.01), (20, 0.1), (33, 1.5)] {
            let m: Vec<f64> = normals(3, n * n).iter().map(|v| scale * v).collect();
            let u = normals(4, n * n);
            let (m_, u_) = (DMatrix::from_row_slice(n, n, &m), DMatrix::from_row_slice(n, n, &u));
            let expected = &m_ * &u_;
            assert!((DMatrix::from_row_slice(n, n, &product(&m, &u, n)) - expected).amax() < 1e-11);
            let symmetric = (&m_ + m_.transpose()) * 0.5;
            let expected = symmetric.exp() * &u_;
            let ours = exp_times(symmetric.transpose().as_slice(), &u, n);
            let difference = (DMatrix::from_row_slice(n, n, &ours) - &expected).amax();
            assert!(difference < 1e-11 * expected.amax(), "{n}: {difference:e}");
        }
    }

    #[test]
    fn the_factor_gives_the_matrix_back() {
        for n in [1, 2, 5, 47, 48, 49, 100, 150] {
            let v = normals(n as u64, 2 * n * n);
            let mut c = vec![0.0; n * n];
            update_upper(&mut c, n, 0.0, &vec![1.0; 2 * n], &v);
            let u = cholesky(&c, n).unwrap();
            let factor = DMatrix::from_row_slice(n, n, &u);
            assert_eq!(factor.lower_triangle().amax(), factor.diagonal().amax());
            let z = normals(9, 3 * n);
            let mut back = vec![0.0; 3 * n];
            times_upper(&z, &u, n, &mut back);
            solve_upper(&mut back, &u, n);
            assert!(z.iter().zip(&back).all(|(z, back)| (z - back).abs() < 1e-7), "{n}");
            close(&c, n, &(factor.transpose() * factor));
        }
    }

    #[test]
    fn matrices_that_are_not_positive_definite_are_refused() {
        assert_eq!(cholesky(&[1.0, 2.0, 0.0, 1.0], 2), None);
        assert_eq!(cholesky(&[f64::NAN], 1), None);
        assert_eq!(cholesky(&[0.0], 1), None);
        assert_eq!(cholesky(&[f64::INFINITY], 1), None);
        assert_eq!(cholesky(&[4.0, 2.0, 0.0, 5.0], 2), Some(vec![2.0, 1.0, 0.0, 2.0]));
    }
}

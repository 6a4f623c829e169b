//! Fixed-width vectors and the dense product.
//!
//! Sums are vectorised over targets, never over sources, so the compiler may use any vector width
//! without changing a result. Plain arrays: the compiler turns them into vector registers.

/// Values per [`Lanes`]: one 64-byte cache line.
pub(crate) const WIDTH: usize = 16;

/// A piece of a padded row. Aligned, so that a row never touches one cache line more than needed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C, align(64))]
pub(crate) struct Lanes(pub(crate) [f32; WIDTH]);

impl Lanes {
    pub(crate) const ZERO: Self = Self([0.0; WIDTH]);

    pub(crate) const fn splat(value: f32) -> Self {
        Self([value; WIDTH])
    }

    #[inline(always)]
    pub(crate) fn add(&mut self, other: &Self) {
        for (sum, value) in self.0.iter_mut().zip(other.0) {
            *sum += value;
        }
    }
}

/// Part `index` of equal parts of `size`.
#[inline(always)]
pub(crate) fn part<T>(all: &[T], size: usize, index: usize) -> &[T] {
    &all[index * size..(index + 1) * size]
}

#[inline(always)]
pub(crate) fn part_mut<T>(all: &mut [T], size: usize, index: usize) -> &mut [T] {
    &mut all[index * size..(index + 1) * size]
}

/// The values of padded `lanes`, one per neuron, without the padding.
pub(crate) fn values(lanes: &[Lanes], count: usize) -> impl Iterator<Item = f32> {
    lanes.iter().flat_map(|lanes| lanes.0).take(count)
}

/// `out[j] = Σᵢ x[i]·W[i][j]`, ascending in `i` and starting at 0. If `weights` has one row more
/// than `x`, that row is added last, as bias.
#[inline(always)]
pub(crate) fn dense(x: &[f32], weights: &[Lanes], out: &mut [Lanes]) {
    let stride = out.len();
    for (column, out) in out.iter_mut().enumerate() {
        // The sum stays in registers while it walks down the rows.
        let mut sum = Lanes::ZERO;
        let mut rows = weights.chunks_exact(stride);
        for (&x, row) in x.iter().zip(&mut rows) {
            for (sum, weight) in sum.0.iter_mut().zip(row[column].0) {
                *sum += x * weight;
            }
        }
        if let Some(bias) = rows.next() {
            sum.add(&bias[column]);
        }
        *out = sum;
    }
}

/// Hyperbolic tangent as a rational function: the seventh convergent of Lambert's continued
/// fraction, clamped where it reaches 1.
///
/// Odd, monotone, in [−1, 1], exact at 0; differs from tanh by less than 1e-4, most at
/// |x| = 4.97. Only `+ − × ÷`, which round the same way everywhere, so it has the same bits on
/// every machine, and loops over it vectorise. NaN stays NaN.
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    let x = x.clamp(-4.97, 4.97);
    let q = x * x;
    let numerator = x * (135_135.0 + q * (17_325.0 + q * (378.0 + q)));
    let denominator = 135_135.0 + q * (62_370.0 + q * (3_150.0 + q * 28.0));
    (numerator / denominator).clamp(-1.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tanh_is_close_odd_monotone_and_bounded() {
        let mut worst = 0.0_f64;
        let mut last = -1.0;
        for i in -100_000..=100_000 {
            let x = i as f32 * 1e-4;
            let y = tanh(x);
            worst = worst.max((f64::from(y) - libm::tanh(f64::from(x))).abs());
            assert_eq!(y, -tanh(-x));
            assert!(y.abs() <= 1.0);
            // Neighbours may differ by rounding only.
            assert!(y >= last - 1e-6, "not monotone at {x}");
            last = y;
        }
        assert!(worst < 1e-4, "largest error {worst}");
        assert_eq!(tanh(0.0), 0.0);
        assert_eq!(tanh(f32::INFINITY), tanh(5.0));
        assert!(tanh(f32::NAN).is_nan());
    }

    #[test]
    fn dense_takes_an_extra_row_as_bias() {
        // 2 sources → 17 targets in 2 lanes per row; the third row is the bias.
        let weights: Vec<Lanes> = (0..6).map(|i| Lanes::splat(i as f32)).collect();
        let mut out = [Lanes::ZERO; 2];
        dense(&[10.0, 100.0], &weights, &mut out);
        assert_eq!(out, [Lanes::splat(204.0), Lanes::splat(315.0)]);
        dense(&[10.0, 100.0], &weights[..4], &mut out);
        assert_eq!(out, [Lanes::splat(200.0), Lanes::splat(310.0)]);
    }
}

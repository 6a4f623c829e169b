//! The standard normal distribution, with the same bits on every machine.

/// Probability of a value above `x`.
pub(super) fn above(x: f64) -> f64 {
    0.5 * libm::erfc(x * std::f64::consts::FRAC_1_SQRT_2)
}

/// The `x` whose [`above`] is `p`, for 0 < `p` ≤ ½.
pub(super) fn exceeded(p: f64) -> f64 {
    let goal = libm::log(p);
    let root = (2.0 * std::f64::consts::PI).sqrt();
    let mut x = 0.0;
    // Newton's method on the logarithm, which is concave: it goes beyond the solution once, and comes back from there.
    for _ in 0..40 {
        let q = above(x);
        let density = libm::exp(-0.5 * x * x) / root;
        let step = (libm::log(q) - goal) * q / density;
        x += step;
        if step.abs() <= 1e-15 * x.abs() {
            break;
        }
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_tables() {
        // SciPy 1.17, norm.isf.
        let cases = [
            (0.5, 0.0),
            (0.25, 0.674_489_750_196_081_7),
            (0.05, 1.644_853_626_951_472_9),
            (1e-3, 3.090_232_306_167_814),
            (1e-10, 6.361_340_902_404_055),
        ];
        for (p, expected) in cases {
            assert!((exceeded(p) - expected).abs() < 1e-13 * (1.0 + expected), "{p}: {}", exceeded(p));
            assert!((above(exceeded(p)) / p - 1.0).abs() < 1e-12);
        }
    }
}

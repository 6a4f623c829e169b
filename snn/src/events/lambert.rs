//! Lambert's W: the solutions of w·e^w = z.

/// Which real solution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Branch {
    /// w ≥ −1, for z ≥ −1/e.
    Upper,
    /// w ≤ −1, for −1/e ≤ z < 0.
    Lower,
}

/// W of `z`, by Halley's iteration (Corless et al., On the Lambert W function, 1996, section 4); `None` if there is no
/// real solution.
pub(super) fn lambert(branch: Branch, z: f64) -> Option<f64> {
    let inside = std::f64::consts::E * z + 1.0;
    let real = z.is_finite() && inside >= 0.0 && (branch == Branch::Upper || z < 0.0);
    if !real {
        return None;
    }
    if z == 0.0 {
        return Some(0.0);
    }
    let p = match branch {
        Branch::Upper => (2.0 * inside).sqrt(),
        Branch::Lower => -(2.0 * inside).sqrt(),
    };
    let mut w = if z < -0.25 {
        // The series at the branch point.
        -1.0 + p * (1.0 + p * (-1.0 / 3.0 + p * (11.0 / 72.0)))
    } else {
        match branch {
            Branch::Upper if z < 3.0 => libm::log1p(z),
            Branch::Upper => {
                let first = libm::log(z);
                first - libm::log(first)
            }
            Branch::Lower => {
                let first = libm::log(-z);
                let second = libm::log(-first);
                first - second + second / first
            }
        }
    };
    for _ in 0..32 {
        let e = libm::exp(w);
        let error = w * e - z;
        if error == 0.0 || w == -1.0 {
            break;
        }
        let step = error / (e * (w + 1.0) - (w + 2.0) * error / (2.0 * w + 2.0));
        if !step.is_finite() {
            break;
        }
        w -= step;
        if step.abs() <= 2.0 * f64::EPSILON * w.abs() {
            break;
        }
    }
    Some(w)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn both_branches_invert_w_e_to_the_w() {
        for k in 1..4000 {
            let w = -40.0 + 0.0125 * f64::from(k);
            let branch = if w < -1.0 { Branch::Lower } else { Branch::Upper };
            let found = lambert(branch, w * w.exp()).unwrap();
            // At the branch point, half the digits are in z.
            let digits = if (w + 1.0).abs() < 1e-3 { 1e-7 } else { 1e-12 };
            assert!((found - w).abs() <= digits * w.abs().max(1e-3), "{w}: {found}");
        }
        assert_eq!(lambert(Branch::Upper, 0.0), Some(0.0));
        assert_eq!(lambert(Branch::Upper, -0.5), None);
        assert_eq!(lambert(Branch::Lower, 0.5), None);
    }
}

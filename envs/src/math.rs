//! Numerics that tasks share. Noise is computed with libm, so that every platform draws the same
//! start states.

use rand::{Rng, RngExt as _};

/// Σ x².
pub(crate) fn sum_of_squares(values: &[f32]) -> f64 {
    values.iter().map(|&x| f64::from(x) * f64::from(x)).sum()
}

/// a − b, of as many entries as are asked for.
pub(crate) fn minus<const N: usize>(a: &[f32], b: &[f32]) -> [f32; N] {
    std::array::from_fn(|i| a[i] - b[i])
}

/// |a − b|.
pub(crate) fn distance(a: &[f32], b: &[f32]) -> f64 {
    let differences = a.iter().zip(b).map(|(&a, &b)| f64::from(a) - f64::from(b));
    libm::sqrt(differences.map(|x| x * x).sum())
}

pub(crate) type Vec3 = [f64; 3];

/// a + b.
#[inline]
pub(crate) fn add(a: Vec3, b: Vec3) -> Vec3 {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

/// a − b.
#[inline]
pub(crate) fn sub(a: Vec3, b: Vec3) -> Vec3 {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

/// a × b.
#[inline]
pub(crate) fn cross(a: Vec3, b: Vec3) -> Vec3 {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// √Σ x².
pub(crate) fn norm(values: &[f64]) -> f64 {
    libm::sqrt(values.iter().map(|x| x * x).sum())
}

/// The first values, as f64.
#[inline]
pub(crate) fn wide<const N: usize>(values: &[f32]) -> [f64; N] {
    let mut out = [0.0; N];
    for (to, &from) in out.iter_mut().zip(&values[..N]) {
        *to = f64::from(from);
    }
    out
}

/// The rotation of the first quaternion (`w x y z`), then in its frame that of the second.
#[inline]
pub(crate) fn product([aw, ax, ay, az]: [f64; 4], [bw, bx, by, bz]: [f64; 4]) -> [f64; 4] {
    [
        aw * bw - ax * bx - ay * by - az * bz,
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
    ]
}

/// Rotation matrix of a unit quaternion, by rows.
#[inline]
pub(crate) fn matrix([w, x, y, z]: [f64; 4]) -> [Vec3; 3] {
    [
        [1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - w * z), 2.0 * (x * z + w * y)],
        [2.0 * (x * y + w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - w * x)],
        [2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y)],
    ]
}

/// `v` turned by a rotation matrix.
#[inline]
pub(crate) fn turned(m: &[Vec3; 3], v: Vec3) -> Vec3 {
    let row = |m: &Vec3| m[0] * v[0] + m[1] * v[1] + m[2] * v[2];
    [row(&m[0]), row(&m[1]), row(&m[2])]
}

/// Copies `from` to `to`, each value brought within ±`limit`.
pub(crate) fn clip_to(limit: f32, from: &[f32], to: &mut [f32]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = from.clamp(-limit, limit);
    }
}

/// Adds to every entry a sample of U(−`scale`, `scale`).
pub(crate) fn add_uniform(rng: &mut dyn Rng, scale: f64, values: &mut [f32]) {
    for value in values {
        *value += (scale * (2.0 * rng.random::<f64>() - 1.0)) as f32;
    }
}

/// Adds to every entry a sample of `scale` · N(0, 1) (Box–Muller, cosine branch).
pub(crate) fn add_normal(rng: &mut dyn Rng, scale: f64, values: &mut [f32]) {
    for value in values {
        // 1 − U[0, 1) keeps the logarithm finite.
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - rng.random::<f64>()));
        let angle = std::f64::consts::TAU * rng.random::<f64>();
        *value += (scale * radius * libm::cos(angle)) as f32;
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::ChaCha8Rng};

    use super::*;

    const N: usize = 200_000;

    fn moments(values: &[f32]) -> (f64, f64, f64) {
        let moment = |k: i32| values.iter().map(|&v| f64::from(v).powi(k)).sum::<f64>() / N as f64;
        (moment(1), moment(2), moment(4))
    }

    #[test]
    fn uniform_noise_has_its_range_and_moments() {
        let mut values = vec![0.0; N];
        add_uniform(&mut ChaCha8Rng::seed_from_u64(1), 0.1, &mut values);
        assert!(values.iter().all(|v| v.abs() <= 0.1));
        let (mean, square, _) = moments(&values);
        // Standard errors: 0.0577/√N = 1.3e-4 and 0.00298/√N = 6.7e-6.
        assert!(mean.abs() < 6e-4, "{mean}");
        assert!((square - 0.01 / 3.0).abs() < 3e-5, "{square}");
    }

    #[test]
    fn normal_noise_has_its_moments() {
        let mut values = vec![0.0; N];
        add_normal(&mut ChaCha8Rng::seed_from_u64(2), 1.0, &mut values);
        let (mean, square, fourth) = moments(&values);
        // Standard errors: 1/√N = 2.2e-3, √2/√N = 3.2e-3, √96/√N = 0.022.
        assert!(mean.abs() < 0.01, "{mean}");
        assert!((square - 1.0).abs() < 0.015, "{square}");
        assert!((fourth - 3.0).abs() < 0.1, "{fourth}");
    }

    #[test]
    fn noise_is_added_to_what_is_there() {
        let mut values = [5.0; 3];
        add_uniform(&mut ChaCha8Rng::seed_from_u64(3), 0.0, &mut values);
        add_normal(&mut ChaCha8Rng::seed_from_u64(3), 0.0, &mut values);
        assert_eq!(values, [5.0; 3]);
    }
}

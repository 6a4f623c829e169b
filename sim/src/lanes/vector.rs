//! Small vector algebra over [`Lane`]s: 3-vectors, spatial 6-vectors (angular part first), rotations
//! as nine entries by rows.

use super::lane::Lane;

/// An array by index, as `std::array::from_fn`. A loop instead: of a function that is compiled for other instructions,
/// closures are compiled for those of the program, unless they happen to be inlined.
macro_rules! array {
    ($zeros:expr; $i:ident => $value:expr $(,)?) => {{
        let mut out = $zeros;
        for $i in 0..out.len() {
            out[$i] = $value;
        }
        out
    }};
}
pub(super) use array;

pub(super) type V3<V> = [V; 3];
pub(super) type V6<V> = [V; 6];
pub(super) type M3<V> = [V; 9];

#[inline(always)]
pub(super) fn splat3<V: Lane>(a: [f32; 3]) -> V3<V> {
    [V::splat(a[0]), V::splat(a[1]), V::splat(a[2])]
}

#[inline(always)]
pub(super) fn dot<V: Lane>(a: V3<V>, b: V3<V>) -> V {
    a[0].mul_add(b[0], a[1].mul_add(b[1], a[2] * b[2]))
}

#[inline(always)]
pub(super) fn cross<V: Lane>(a: V3<V>, b: V3<V>) -> V3<V> {
    [
        a[1].mul_add(b[2], -(a[2] * b[1])),
        a[2].mul_add(b[0], -(a[0] * b[2])),
        a[0].mul_add(b[1], -(a[1] * b[0])),
    ]
}

#[inline(always)]
pub(super) fn add<V: Lane>(a: V3<V>, b: V3<V>) -> V3<V> {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

#[inline(always)]
pub(super) fn sub<V: Lane>(a: V3<V>, b: V3<V>) -> V3<V> {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

#[inline(always)]
pub(super) fn scale<V: Lane>(s: V, a: V3<V>) -> V3<V> {
    [s * a[0], s * a[1], s * a[2]]
}

/// `s · a + b`.
#[inline(always)]
pub(super) fn axpy<V: Lane>(s: V, a: V3<V>, b: V3<V>) -> V3<V> {
    [s.mul_add(a[0], b[0]), s.mul_add(a[1], b[1]), s.mul_add(a[2], b[2])]
}

#[inline(always)]
pub(super) fn row<V: Lane>(r: &M3<V>, i: usize) -> V3<V> {
    [r[3 * i], r[3 * i + 1], r[3 * i + 2]]
}

#[inline(always)]
pub(super) fn rotate<V: Lane>(r: &M3<V>, x: V3<V>) -> V3<V> {
    [dot(row(r, 0), x), dot(row(r, 1), x), dot(row(r, 2), x)]
}

/// By the transpose.
#[inline(always)]
pub(super) fn rotate_back<V: Lane>(r: &M3<V>, x: V3<V>) -> V3<V> {
    let column = |i: usize| [r[i], r[3 + i], r[6 + i]];
    [dot(column(0), x), dot(column(1), x), dot(column(2), x)]
}

/// `a · b` with a constant right factor.
#[inline(always)]
pub(super) fn rotate_frame<V: Lane>(a: &M3<V>, b: &[f32; 9]) -> M3<V> {
    let mut out = *a;
    for i in 0..3 {
        for c in 0..3 {
            let column = splat3([b[c], b[3 + c], b[6 + c]]);
            out[3 * i + c] = dot(row(a, i), column);
        }
    }
    out
}

#[inline(always)]
pub(super) fn angular<V: Lane>(a: &V6<V>) -> V3<V> {
    [a[0], a[1], a[2]]
}

#[inline(always)]
pub(super) fn linear<V: Lane>(a: &V6<V>) -> V3<V> {
    [a[3], a[4], a[5]]
}

#[inline(always)]
pub(super) fn join<V: Lane>(angular: V3<V>, linear: V3<V>) -> V6<V> {
    [angular[0], angular[1], angular[2], linear[0], linear[1], linear[2]]
}

#[inline(always)]
pub(super) fn dot6<V: Lane>(a: &V6<V>, b: &V6<V>) -> V {
    dot(angular(a), angular(b)) + dot(linear(a), linear(b))
}

/// Rotation of the unit quaternion `[w, x, y, z]`.
#[inline(always)]
pub(super) fn quat_to_rotation<V: Lane>([w, x, y, z]: [V; 4]) -> M3<V> {
    let (one, two) = (V::splat(1.0), V::splat(2.0));
    let (x2, y2, z2) = (x * two, y * two, z * two);
    [
        one - y.mul_add(y2, z * z2),
        x.mul_add(y2, -(w * z2)),
        x.mul_add(z2, w * y2),
        x.mul_add(y2, w * z2),
        one - x.mul_add(x2, z * z2),
        y.mul_add(z2, -(w * x2)),
        x.mul_add(z2, -(w * y2)),
        y.mul_add(z2, w * x2),
        one - x.mul_add(x2, y * y2),
    ]
}

/// Product of quaternions.
#[inline(always)]
pub(super) fn quat_mul<V: Lane>(a: [V; 4], b: [V; 4]) -> [V; 4] {
    let (av, bv) = ([a[1], a[2], a[3]], [b[1], b[2], b[3]]);
    let c = cross(av, bv);
    let w = a[0].mul_add(b[0], -dot(av, bv));
    let v = axpy(a[0], bv, axpy(b[0], av, c));
    [w, v[0], v[1], v[2]]
}

/// Quaternion of the rotation vector `2 e`, series to the sixth order; sound up to |e| = 2.
#[inline(always)]
pub(super) fn quat_exp<V: Lane>(e: V3<V>) -> [V; 4] {
    let c = V::splat;
    let t = dot(e, e).min(c(4.0));
    let sine = t.mul_add(c(-1.0 / 5040.0), c(1.0 / 120.0)).mul_add(t, c(-1.0 / 6.0)).mul_add(t, c(1.0));
    let cosine = t.mul_add(c(-1.0 / 720.0), c(1.0 / 24.0)).mul_add(t, c(-0.5)).mul_add(t, c(1.0));
    [cosine, e[0] * sine, e[1] * sine, e[2] * sine]
}

#[inline(always)]
pub(super) fn quat_normalize<V: Lane>(q: [V; 4]) -> [V; 4] {
    let square = q[0].mul_add(q[0], q[1].mul_add(q[1], q[2].mul_add(q[2], q[3] * q[3])));
    let s = square.sqrt().recip();
    [q[0] * s, q[1] * s, q[2] * s, q[3] * s]
}

/// Sine and cosine for |x| up to about 1e4, error below 2e-7: reduction by multiples of π in two
/// parts, then minimax polynomials.
#[inline(always)]
pub(super) fn sin_cos<V: Lane>(x: V) -> (V, V) {
    let c = V::splat;
    let k = (x * c(std::f32::consts::FRAC_1_PI)).round();
    let r = k.neg_mul_add(c(3.140_625), x);
    let r = k.neg_mul_add(c(9.676_536e-4), r);
    // 1 where k is odd.
    let odd = (k * c(0.5)).round().mul_add(c(-2.0), k).abs();
    let sign = odd.mul_add(c(-2.0), c(1.0));
    let z = r * r;
    let sine = z
        .mul_add(c(-2.388_985_9e-8), c(2.752_556_2e-6))
        .mul_add(z, c(-1.984_087_4e-4))
        .mul_add(z, c(8.333_331e-3))
        .mul_add(z, c(-1.666_666_7e-1))
        .mul_add(z * r, r);
    let cosine = z
        .mul_add(c(-2.605_161_5e-7), c(2.476_049_5e-5))
        .mul_add(z, c(-1.388_837_8e-3))
        .mul_add(z, c(4.166_663_8e-2))
        .mul_add(z, c(-0.5))
        .mul_add(z, c(1.0));
    (sine * sign, cosine * sign)
}

#[cfg(test)]
mod tests {
    use super::super::portable::Portable;
    use super::*;

    #[test]
    fn sine_and_cosine_are_exact_to_single_precision() {
        let mut worst = 0.0_f64;
        for i in -200_000..=200_000 {
            let x = i as f32 * 1e-3;
            let (sine, cosine) = sin_cos(Portable::splat(x));
            worst = worst.max((f64::from(sine.lanes()[0]) - libm::sin(f64::from(x))).abs());
            worst = worst.max((f64::from(cosine.lanes()[3]) - libm::cos(f64::from(x))).abs());
        }
        assert!(worst < 2e-7, "{worst:e}");
    }
}

//! Mass properties of bodies from their geoms, as MuJoCo computes them, and the little quaternion
//! algebra that this takes. Quaternions are `[w, x, y, z]`.

use core::f64::consts::PI;

use nalgebra::{Matrix3, SymmetricEigen, Vector3};

use crate::model::{Geom, GeomKind};

/// Unit quaternion `[w, x, y, z]`.
pub(crate) type Quat = [f64; 4];

/// Masses and moments below this count as none (MuJoCo's `mjMINVAL`).
pub(crate) const MIN_MASS: f64 = 1e-15;

/// Mass, centre and principal inertia of one body in its own frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MassProperties {
    /// kg.
    pub mass: f64,
    /// Centre of mass, m.
    pub com: [f64; 3],
    /// Principal moments about the centre of mass, kg·m².
    pub moments: [f64; 3],
    /// Orientation of the principal axes.
    pub quat: Quat,
}

impl MassProperties {
    pub(crate) const NONE: Self =
        Self { mass: 0.0, com: [0.0; 3], moments: [0.0; 3], quat: [1.0, 0.0, 0.0, 0.0] };

    /// Sum of parts given in one frame. A single part keeps its own axes and their order; several
    /// give axes sorted by falling moment. `None` if the sum is not finite.
    pub(crate) fn sum(parts: &[Self]) -> Option<Self> {
        let heavy: Vec<&Self> = parts.iter().filter(|p| p.mass > MIN_MASS).collect();
        match heavy[..] {
            [] => return Some(Self::NONE),
            [only] => return only.is_finite().then_some(*only),
            _ => {}
        }
        let mass: f64 = heavy.iter().map(|p| p.mass).sum();
        let moment: Vector3<f64> = heavy.iter().map(|p| Vector3::from(p.com) * p.mass).sum();
        let com = moment / mass;
        let mut tensor = Matrix3::zeros();
        for part in heavy {
            let rotation = quat_to_matrix(part.quat);
            let principal = Matrix3::from_diagonal(&Vector3::from(part.moments));
            let offset = Vector3::from(part.com) - com;
            // Parallel axis theorem.
            let shift = Matrix3::identity() * offset.norm_squared() - offset * offset.transpose();
            tensor += rotation * principal * rotation.transpose() + shift * part.mass;
        }
        let (moments, quat) = principal_axes(&tensor)?;
        let sum = Self { mass, com: com.into(), moments, quat };
        sum.is_finite().then_some(sum)
    }

    /// Whether no entry is infinite or NaN.
    pub(crate) fn is_finite(&self) -> bool {
        let numbers = self.com.iter().chain(&self.moments).chain(&self.quat);
        self.mass.is_finite() && numbers.copied().all(f64::is_finite)
    }
}

/// Volume in m³; 0 for the ground and meshes.
pub(crate) fn volume(kind: GeomKind, [a, b, c]: [f64; 3]) -> f64 {
    match kind {
        // A mesh knows its own.
        GeomKind::Plane | GeomKind::Heightfield | GeomKind::Mesh => 0.0,
        GeomKind::Sphere => 4.0 / 3.0 * PI * a * a * a,
        GeomKind::Capsule => PI * a * a * (2.0 * b + 4.0 / 3.0 * a),
        GeomKind::Cylinder => PI * a * a * 2.0 * b,
        GeomKind::Box => 8.0 * a * b * c,
        GeomKind::Ellipsoid => 4.0 / 3.0 * PI * a * b * c,
    }
}

/// A homogeneous geom of the given mass, in its body's frame; without moments for the ground and meshes.
pub(crate) fn of_geom(geom: &Geom, mass: f64) -> MassProperties {
    let [a, b, c] = geom.size;
    // Moments of a solid with squared extents x, y, z and shape factor k.
    let solid = |k: f64, x: f64, y: f64, z: f64| [k * (y + z), k * (x + z), k * (x + y)];
    let unit = match geom.kind {
        GeomKind::Plane | GeomKind::Heightfield | GeomKind::Mesh => [0.0; 3],
        GeomKind::Sphere => solid(0.2, a * a, a * a, a * a),
        GeomKind::Box => solid(1.0 / 3.0, a * a, b * b, c * c),
        GeomKind::Ellipsoid => solid(0.2, a * a, b * b, c * c),
        GeomKind::Cylinder => cylinder(a, 2.0 * b),
        GeomKind::Capsule => {
            let height = 2.0 * b;
            // The two half-spheres' share of the mass.
            let caps = 4.0 * a / (4.0 * a + 3.0 * height);
            let [side, _, along] = cylinder(a, height);
            let ball = 0.4 * a * a;
            let across = (1.0 - caps) * side + caps * (ball + height * (3.0 * a + 2.0 * height) / 8.0);
            [across, across, (1.0 - caps) * along + caps * ball]
        }
    };
    MassProperties { mass, com: geom.pos, moments: unit.map(|moment| moment * mass), quat: geom.quat }
}

/// Moments per mass of a cylinder along z.
fn cylinder(radius: f64, height: f64) -> [f64; 3] {
    let across = (3.0 * radius * radius + height * height) / 12.0;
    [across, across, radius * radius / 2.0]
}

/// Eigenvalues of a symmetric matrix in falling order and the rotation to its eigenvectors.
/// `None` if an entry is not finite.
pub(crate) fn principal_axes(tensor: &Matrix3<f64>) -> Option<([f64; 3], Quat)> {
    if !tensor.iter().all(|x| x.is_finite()) {
        return None;
    }
    let eigen = SymmetricEigen::try_new(*tensor, f64::EPSILON, 1000)?;
    let mut order = [0, 1, 2];
    order.sort_by(|&i, &j| eigen.eigenvalues[j].total_cmp(&eigen.eigenvalues[i]));
    let x: Vector3<f64> = eigen.eigenvectors.column(order[0]).into();
    let y: Vector3<f64> = eigen.eigenvectors.column(order[1]).into();
    // The cross product makes the frame right-handed whatever the solver's signs.
    let axes = Matrix3::from_columns(&[x, y, x.cross(&y)]);
    Some((order.map(|i| eigen.eigenvalues[i]), matrix_to_quat(&axes)))
}

/// A vector or quaternion at length 1; `None` if it has no length or no finite one.
pub(crate) fn normalize<const N: usize>(v: [f64; N]) -> Option<[f64; N]> {
    // Scaling first keeps the squares from over- and underflowing.
    let largest = v.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
    if !(largest.is_finite() && largest > 1e-100) || v.iter().any(|x| x.is_nan()) {
        return None;
    }
    let scaled = v.map(|x| x / largest);
    let norm = scaled.iter().map(|x| x * x).sum::<f64>().sqrt();
    Some(scaled.map(|x| x / norm))
}

/// Product: first `b`, then `a`.
pub(crate) fn quat_mul(a: Quat, b: Quat) -> Quat {
    [
        a[0] * b[0] - a[1] * b[1] - a[2] * b[2] - a[3] * b[3],
        a[0] * b[1] + a[1] * b[0] + a[2] * b[3] - a[3] * b[2],
        a[0] * b[2] - a[1] * b[3] + a[2] * b[0] + a[3] * b[1],
        a[0] * b[3] + a[1] * b[2] - a[2] * b[1] + a[3] * b[0],
    ]
}

/// Rotation matrix of a unit quaternion.
pub(crate) fn quat_to_matrix([w, x, y, z]: Quat) -> Matrix3<f64> {
    Matrix3::new(
        w * w + x * x - y * y - z * z,
        2.0 * (x * y - w * z),
        2.0 * (x * z + w * y),
        2.0 * (x * y + w * z),
        w * w - x * x + y * y - z * z,
        2.0 * (y * z - w * x),
        2.0 * (x * z - w * y),
        2.0 * (y * z + w * x),
        w * w - x * x - y * y + z * z,
    )
}

/// Unit quaternion of a rotation matrix.
pub(crate) fn matrix_to_quat(m: &Matrix3<f64>) -> Quat {
    let [a, b, c] = [m[(0, 0)], m[(1, 1)], m[(2, 2)]];
    // Each row is the quaternion times four times one of its entries, which must not be small.
    let rows = [
        [1.0 + a + b + c, m[(2, 1)] - m[(1, 2)], m[(0, 2)] - m[(2, 0)], m[(1, 0)] - m[(0, 1)]],
        [m[(2, 1)] - m[(1, 2)], 1.0 + a - b - c, m[(0, 1)] + m[(1, 0)], m[(0, 2)] + m[(2, 0)]],
        [m[(0, 2)] - m[(2, 0)], m[(0, 1)] + m[(1, 0)], 1.0 - a + b - c, m[(1, 2)] + m[(2, 1)]],
        [m[(1, 0)] - m[(0, 1)], m[(0, 2)] + m[(2, 0)], m[(1, 2)] + m[(2, 1)], 1.0 - a - b + c],
    ];
    // MuJoCo's choice, which fixes the quaternion's sign.
    let row = if a + b + c > 0.0 {
        rows[0]
    } else if a > b && a > c {
        rows[1]
    } else if b > c {
        rows[2]
    } else {
        rows[3]
    };
    normalize(row).unwrap_or([1.0, 0.0, 0.0, 0.0])
}

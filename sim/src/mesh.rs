//! Meshes: triangles, their mass properties as MuJoCo computes them, and their convex hulls.

use nalgebra::{Matrix3, Vector3};
use rapier3d::geometry::SharedShape;
use rapier3d::math::Vector;
use rapier3d::parry::transformation::try_convex_hull;

use crate::Mesh;
use crate::inertia::{Quat, principal_axes, quat_to_matrix};

/// Volumes below this count as none (MuJoCo's `mjMINVAL`).
const MIN_VOLUME: f64 = 1e-15;

/// Corners of a mesh whose hull is made; it is made by a recursion.
const MAX_HULL: usize = 50_000;

/// A hull with less volume than this, for a diameter of 1, is flat but for rounding.
const FLAT: f64 = 1e-6;

/// How the mass inside triangles is found (MuJoCo's `inertia`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MassRule {
    /// Every triangle spans a positive volume with the centre: too much where a mesh is not convex.
    Legacy,
    /// Triangles that look towards the centre count as negative.
    Exact,
    /// That of the convex hull.
    Convex,
    /// It lies in the triangles themselves: areas stand for volumes.
    Shell,
}

type Triangle = [Vector3<f64>; 3];

/// Corners, and triangles of them.
type Surface = (Vec<Vector3<f64>>, Vec<[u32; 3]>);

impl Mesh {
    /// A mesh from corners in the frame of its file, all finite, and triangles of them.
    ///
    /// # Errors
    /// A sentence about what is wrong with the triangles.
    pub(crate) fn new(
        name: &str,
        corners: &[Vector3<f64>],
        faces: Vec<[u32; 3]>,
        rule: MassRule,
    ) -> Result<Self, String> {
        let triangles = |faces: &[[u32; 3]], corners: &[Vector3<f64>]| -> Vec<Triangle> {
            faces.iter().map(|face| face.map(|i| corners[i as usize])).collect()
        };
        let solid = if rule == MassRule::Convex {
            let (corners, faces) = hull(corners)?;
            triangles(&faces, &corners)
        } else {
            triangles(&faces, corners)
        };
        let (volume, com, tensor) = moments(&solid, rule);
        if volume < -MIN_VOLUME {
            return Err("its triangles look inward: its volume is negative".to_owned());
        }
        let axes = (volume > MIN_VOLUME).then(|| principal_axes(&(tensor / volume))).flatten();
        let (pos, moments, quat, volume) = match axes {
            Some((moments, quat)) => (com, moments, quat, volume),
            // A sheet: in the middle of its box, along its axes.
            None => (middle(corners), [0.0; 3], [1.0, 0.0, 0.0, 0.0], 0.0),
        };
        let vertices: Vec<[f32; 3]> = own_frame(corners, pos, quat);
        if vertices.iter().flatten().any(|x| !x.is_finite()) {
            return Err("its corners lie too far away".to_owned());
        }
        Ok(Self { name: name.to_owned(), vertices, faces, pos: pos.into(), quat, volume, moments })
    }

    /// Half-lengths of the box about the origin of its frame, along its axes, that holds it, m.
    pub(crate) fn half_lengths(&self) -> [f64; 3] {
        [0, 1, 2].map(|i| self.vertices.iter().map(|v| f64::from(v[i].abs())).fold(0.0, f64::max))
    }

    /// Its convex hull for collisions, or why it has none.
    pub(crate) fn hull_shape(&self) -> Result<SharedShape, String> {
        let corners: Vec<_> = self.vertices.iter().map(|&v| Vector3::from(v).cast::<f64>()).collect();
        let (corners, faces) = hull(&corners)?;
        let shape = SharedShape::convex_mesh(corners.iter().map(point).collect(), &faces);
        shape.ok_or_else(|| "its convex hull is not a solid".to_owned())
    }
}

fn point(p: &Vector3<f64>) -> Vector {
    Vector::new(p.x as f32, p.y as f32, p.z as f32)
}

/// Corners and triangles of the convex hull, which look outward.
pub(crate) fn hull(corners: &[Vector3<f64>]) -> Result<Surface, String> {
    let flat = || "it has no convex hull: its corners lie in one plane, or nearly".to_owned();
    if corners.len() > MAX_HULL {
        return Err(format!("it has {} corners, at most {MAX_HULL} may touch", corners.len()));
    }
    let points: Vec<Vector> = corners.iter().map(point).collect();
    let (points, faces) = try_convex_hull(&points).map_err(|_| flat())?;
    let corners: Vec<_> = points.iter().map(|p| Vector3::new(p.x, p.y, p.z).cast::<f64>()).collect();
    let triangles: Vec<Triangle> = faces.iter().map(|f| f.map(|i| corners[i as usize])).collect();
    let size = corners.iter().map(|p| (p - corners[0]).norm()).fold(0.0, f64::max);
    let volume = moments(&triangles, MassRule::Exact).0;
    if volume.is_nan() || volume <= FLAT * size * size * size {
        return Err(flat());
    }
    Ok((corners, faces))
}

fn middle(corners: &[Vector3<f64>]) -> Vector3<f64> {
    let first = corners.first().copied().unwrap_or_default();
    let (low, high) = corners.iter().fold((first, first), |(low, high), p| (low.inf(p), high.sup(p)));
    (low + high) / 2.0
}

fn own_frame(corners: &[Vector3<f64>], pos: Vector3<f64>, quat: Quat) -> Vec<[f32; 3]> {
    let turn = quat_to_matrix(quat).transpose();
    corners.iter().map(|p| <[f64; 3]>::from(turn * (p - pos)).map(|x| x as f32)).collect()
}

/// Volume or area, centre of mass, and inertia about it at density 1.
fn moments(triangles: &[Triangle], rule: MassRule) -> (f64, Vector3<f64>, Matrix3<f64>) {
    // Twice the area along the normal.
    let normal = |[a, b, c]: &Triangle| (b - a).cross(&(c - a));
    let centre = |[a, b, c]: &Triangle| (a + b + c) / 3.0;
    let shell = rule == MassRule::Shell;
    let share = |t: &Triangle, from: Vector3<f64>| {
        let volume = (centre(t) - from).dot(&normal(t)) / 6.0;
        match rule {
            MassRule::Legacy => volume.abs(),
            MassRule::Exact | MassRule::Convex => volume,
            MassRule::Shell => normal(t).norm() / 2.0,
        }
    };
    let area: f64 = triangles.iter().map(|t| normal(t).norm()).sum();
    let sum: Vector3<f64> = triangles.iter().map(|t| centre(t) * normal(t).norm()).sum();
    let inside = if area > 0.0 { sum / area } else { Vector3::zeros() };
    let volume: f64 = triangles.iter().map(|t| share(t, inside)).sum();
    let middle = |t: &Triangle| if shell { centre(t) } else { centre(t) * 0.75 + inside * 0.25 };
    let first: Vector3<f64> = triangles.iter().map(|t| middle(t) * share(t, inside)).sum();
    let com = if volume.abs() > MIN_VOLUME { first / volume } else { inside };
    // Second moments of tetrahedra from the centre of mass, or of triangles, and the volume that they have there.
    let (mut second, mut volume) = (Matrix3::zeros(), 0.0);
    for t in triangles {
        let share = share(t, com);
        let [a, b, c] = t.map(|p| p - com);
        let sum = a + b + c;
        let squares = a * a.transpose() + b * b.transpose() + c * c.transpose() + sum * sum.transpose();
        second += squares * (share / if shell { 12.0 } else { 20.0 });
        volume += share;
    }
    (volume, com, Matrix3::identity() * second.trace() - second)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Corners and triangles of a box between two corners, outward.
    fn cuboid(low: [f64; 3], high: [f64; 3]) -> (Vec<Vector3<f64>>, Vec<[u32; 3]>) {
        let corner =
            |i: usize| Vector3::from_fn(|axis, _| if i >> axis & 1 == 1 { high[axis] } else { low[axis] });
        let faces = vec![
            [0, 2, 1],
            [1, 2, 3],
            [4, 5, 6],
            [5, 7, 6],
            [0, 1, 4],
            [1, 5, 4],
            [2, 6, 3],
            [3, 6, 7],
            [0, 4, 2],
            [2, 4, 6],
            [1, 3, 5],
            [3, 7, 5],
        ];
        ((0..8).map(corner).collect(), faces)
    }

    #[test]
    fn a_box_of_triangles_is_a_box() {
        let (corners, faces) = cuboid([1.0, 0.0, -1.0], [3.0, 1.0, 2.0]);
        for rule in [MassRule::Legacy, MassRule::Exact, MassRule::Convex] {
            let mesh = Mesh::new("box", &corners, faces.clone(), rule).expect("a mesh");
            assert!((mesh.volume - 6.0).abs() < 1e-6, "{rule:?}: {}", mesh.volume);
            for (got, expected) in mesh.pos.iter().zip([2.0, 0.5, 0.5]) {
                assert!((got - expected).abs() < 1e-6, "{rule:?}: {:?}", mesh.pos);
            }
            // (b² + c²) / 12, from the largest on.
            for (got, expected) in mesh.moments.iter().zip([13.0, 10.0, 5.0]) {
                assert!((got - expected / 12.0).abs() < 1e-6, "{rule:?}: {:?}", mesh.moments);
            }
            let mut half = mesh.half_lengths();
            half.sort_by(f64::total_cmp);
            assert!(half.iter().zip([0.5, 1.0, 1.5]).all(|(a, b)| (a - b).abs() < 1e-6), "{half:?}");
        }
    }

    #[test]
    fn what_looks_inward_or_is_flat_is_told_apart() {
        let (corners, mut faces) = cuboid([0.0; 3], [1.0; 3]);
        faces.iter_mut().for_each(|face| face.swap(0, 1));
        let error = Mesh::new("m", &corners, faces.clone(), MassRule::Exact).expect_err("inside out");
        assert!(error.contains("look inward"), "{error}");
        assert!(
            (Mesh::new("m", &corners, faces, MassRule::Legacy).expect("a mesh").volume - 1.0).abs() < 1e-9
        );
        let (sheet, _) = cuboid([0.0, 0.0, 2.0], [1.0, 1.0, 2.0]);
        let mesh = Mesh::new("m", &sheet, vec![[0, 1, 2], [1, 3, 2]], MassRule::Legacy).expect("a sheet");
        assert_eq!((mesh.volume, mesh.pos), (0.0, [0.5, 0.5, 2.0]));
        assert!(mesh.hull_shape().is_err());
        assert!(hull(&sheet).is_err());
    }
}

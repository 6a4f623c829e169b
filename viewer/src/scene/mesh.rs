//! Meshes of unit shapes. Triangles run counter-clockwise seen from outside.

use core::f32::consts::{FRAC_PI_2, TAU};
use std::ops::Range;

use super::gpu::Vertex;

/// Corners around a round shape.
const AROUND: usize = 40;
/// Rings from pole to equator of a half-sphere.
const RINGS: usize = 10;

/// A shape of which instances are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Sphere of radius 1, whose halves can be pulled apart along z: also capsule and ellipsoid.
    Ball,
    /// Radius 1, z from −1 to 1.
    Cylinder,
    /// From −1 to 1 along all axes.
    Cube,
    /// Radius 1 at z = 0, tip at z = 1.
    Cone,
}

impl Shape {
    /// All of them, in the order of their meshes.
    pub const ALL: [Self; 4] = [Self::Ball, Self::Cylinder, Self::Cube, Self::Cone];
}

/// Vertices and triangles of several shapes.
#[derive(Default)]
pub(super) struct Meshes {
    pub vertices: Vec<Vertex>,
    pub indices: Vec<u32>,
    /// Per shape: its indices.
    pub ranges: Vec<Range<u32>>,
}

impl Meshes {
    /// Those of [`Shape::ALL`].
    pub fn shapes() -> Self {
        let mut meshes = Self::default();
        for shape in Shape::ALL {
            let start = meshes.indices.len() as u32;
            match shape {
                Shape::Ball => meshes.ball(),
                Shape::Cylinder => {
                    meshes.band(&[([1.0, -1.0], [1.0, 0.0]), ([1.0, 1.0], [1.0, 0.0])]);
                    meshes.disc(1.0, 1.0);
                    meshes.disc(-1.0, -1.0);
                }
                Shape::Cube => meshes.cube(),
                Shape::Cone => {
                    let slope = core::f32::consts::FRAC_1_SQRT_2;
                    meshes.band(&[([1.0, 0.0], [slope, slope]), ([0.0, 1.0], [slope, slope])]);
                    meshes.disc(0.0, -1.0);
                }
            }
            meshes.ranges.push(start..meshes.indices.len() as u32);
        }
        meshes
    }

    fn ball(&mut self) {
        let ring = |k: usize, side: f32| {
            let (sin, cos) = (FRAC_PI_2 * k as f32 / RINGS as f32).sin_cos();
            (([cos, side * sin], [cos, side * sin]), side)
        };
        let lower = (0..=RINGS).rev().map(|k| ring(k, -1.0));
        let upper = (0..=RINGS).map(|k| ring(k, 1.0));
        let (profile, sides): (Vec<_>, Vec<_>) = lower.chain(upper).unzip();
        let start = self.vertices.len();
        self.band(&profile);
        for (vertex, side) in
            self.vertices[start..].iter_mut().zip(sides.iter().flat_map(|&s| [s; AROUND + 1]))
        {
            vertex[6] = side;
        }
    }

    /// A surface around z through points and normals given as [radius, z], from bottom to top.
    fn band(&mut self, profile: &[([f32; 2], [f32; 2])]) {
        let start = self.vertices.len() as u32;
        for &([r, z], [nr, nz]) in profile {
            for k in 0..=AROUND {
                let (sin, cos) = (TAU * (k % AROUND) as f32 / AROUND as f32).sin_cos();
                self.vertices.push([r * cos, r * sin, z, nr * cos, nr * sin, nz, 0.0]);
            }
        }
        let row = AROUND as u32 + 1;
        for ring in 0..profile.len() as u32 - 1 {
            for k in 0..AROUND as u32 {
                let a = start + ring * row + k;
                self.indices.extend([a, a + 1, a + row, a + row, a + 1, a + row + 1]);
            }
        }
    }

    /// A disc of radius 1 that looks up or down.
    fn disc(&mut self, z: f32, up: f32) {
        let start = self.vertices.len() as u32;
        self.vertices.push([0.0, 0.0, z, 0.0, 0.0, up, 0.0]);
        for k in 0..AROUND {
            let (sin, cos) = (TAU * k as f32 / AROUND as f32).sin_cos();
            self.vertices.push([cos, up * sin, z, 0.0, 0.0, up, 0.0]);
        }
        for k in 0..AROUND as u32 {
            self.indices.extend([start, start + 1 + k, start + 1 + (k + 1) % AROUND as u32]);
        }
    }

    fn cube(&mut self) {
        for axis in 0..3 {
            for side in [-1.0, 1.0] {
                let start = self.vertices.len() as u32;
                for (u, v) in [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)] {
                    let mut vertex = [0.0; 7];
                    vertex[axis] = side;
                    // The two other axes in an order that keeps the face outward.
                    vertex[(axis + 1) % 3] = u * side;
                    vertex[(axis + 2) % 3] = v;
                    vertex[3 + axis] = side;
                    self.vertices.push(vertex);
                }
                self.indices.extend([0, 1, 2, 0, 2, 3].map(|k| start + k));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::Vector3;

    fn position(v: &Vertex) -> Vector3<f32> {
        Vector3::new(v[0], v[1], v[2])
    }

    #[test]
    fn shapes_are_closed_and_face_outward() {
        let meshes = Meshes::shapes();
        let volumes = [4.18879, TAU, 8.0, TAU / 6.0];
        for ((shape, range), volume) in Shape::ALL.into_iter().zip(&meshes.ranges).zip(volumes) {
            let mut sum = 0.0;
            for t in meshes.indices[range.start as usize..range.end as usize].chunks_exact(3) {
                let [a, b, c] = [0, 1, 2].map(|k| meshes.vertices[t[k] as usize]);
                let (pa, pb, pc) = (position(&a), position(&b), position(&c));
                // The divergence theorem: signed tetrahedra over outward triangles sum to the volume.
                sum += pa.dot(&pb.cross(&pc)) / 6.0;
                let normal = (pb - pa).cross(&(pc - pa));
                if normal.norm() > 1e-4 {
                    for v in [a, b, c] {
                        let given = Vector3::new(v[3], v[4], v[5]);
                        assert!(given.dot(&normal.normalize()) > 0.7, "{shape:?}: {v:?} against {normal:?}");
                    }
                }
            }
            assert!((sum / volume - 1.0).abs() < 0.02, "{shape:?}: volume {sum}, expected {volume}");
        }
    }
}

//! Meshes of robots.

use nalgebra::Vector3;
use sim::Mesh;

use super::gpu::Vertex;

/// Cosine of the angle between triangles, 40°, up to which the edge between them looks round.
const ROUND: f32 = 0.766;

/// Vertices and triangles of a mesh, in its geom's frame.
pub(super) fn mesh(mesh: &Mesh) -> (Vec<Vertex>, Vec<u32>) {
    let corner = |i: u32| Vector3::from(mesh.vertices[i as usize]);
    // Twice the area long.
    let normals: Vec<Vector3<f32>> =
        mesh.faces.iter().map(|&[a, b, c]| (corner(b) - corner(a)).cross(&(corner(c) - corner(a)))).collect();
    let mut around: Vec<Vec<u32>> = vec![Vec::new(); mesh.vertices.len()];
    for (face, corners) in mesh.faces.iter().enumerate() {
        corners.iter().for_each(|&i| around[i as usize].push(face as u32));
    }
    let unit = |v: Vector3<f32>| v.try_normalize(0.0).unwrap_or_else(Vector3::z);
    let mut vertices = Vec::with_capacity(3 * mesh.faces.len());
    for (corners, own) in mesh.faces.iter().zip(&normals) {
        let facing = unit(*own);
        for &i in corners {
            let near = around[i as usize].iter().map(|&face| normals[face as usize]);
            let sum: Vector3<f32> = near.filter(|n| unit(*n).dot(&facing) >= ROUND).sum();
            let (p, n) = (corner(i), unit(sum));
            vertices.push([p.x, p.y, p.z, n.x, n.y, n.z, 0.0]);
        }
    }
    let indices = (0..vertices.len() as u32).collect();
    (vertices, indices)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flat_edges_look_round_and_sharp_ones_do_not() {
        // A ridge over the x axis, whose sides fall away to either side.
        let ridge = |slope: f32| Mesh {
            name: "ridge".into(),
            vertices: vec![[0.0; 3], [1.0, 0.0, 0.0], [0.0, 1.0, -slope], [0.0, -1.0, -slope]],
            faces: vec![[0, 1, 2], [0, 3, 1]],
            pos: [0.0; 3],
            quat: [1.0, 0.0, 0.0, 0.0],
            volume: 0.0,
            moments: [0.0; 3],
        };
        let up = |slope: f32| mesh(&ridge(slope)).0[0][5];
        assert!((up(0.3) - 1.0).abs() < 1e-6, "17° to either side: {}", up(0.3));
        assert!(up(1.0) < 0.8, "45° to either side: {}", up(1.0));
    }
}

//! Meshes of heightfields.

use sim::Heightfield;

use super::gpu::Vertex;

/// Grid points per side that are drawn: finer ones are skipped.
const SIDE: usize = 1024;

/// Vertices and triangles of a heightfield with walls down to its base, in its geom's frame.
pub(super) fn mesh(field: &Heightfield) -> (Vec<Vertex>, Vec<u32>) {
    let (rows, columns) = (picked(field.nrow), picked(field.ncol));
    let [rx, ry, _, base] = field.size.map(|s| s as f32);
    let along = |k: usize, n: usize, radius: f32| radius * (2.0 * k as f32 / (n - 1) as f32 - 1.0);
    let point = |i: usize, j: usize| {
        let (row, column) = (rows[i], columns[j]);
        [along(column, field.ncol, rx), along(row, field.nrow, ry), field.height(row, column) as f32]
    };
    let mut vertices = Vec::with_capacity(rows.len() * columns.len());
    for i in 0..rows.len() {
        for j in 0..columns.len() {
            let [x, y, z] = point(i, j);
            let [west, east] = [point(i, j.saturating_sub(1)), point(i, (j + 1).min(columns.len() - 1))];
            let [south, north] = [point(i.saturating_sub(1), j), point((i + 1).min(rows.len() - 1), j)];
            let slope_x = (east[2] - west[2]) / (east[0] - west[0]);
            let slope_y = (north[2] - south[2]) / (north[1] - south[1]);
            let length = (slope_x * slope_x + slope_y * slope_y + 1.0).sqrt();
            vertices.push([x, y, z, -slope_x / length, -slope_y / length, 1.0 / length, 0.0]);
        }
    }
    let at = |i: usize, j: usize| (i * columns.len() + j) as u32;
    let mut indices = Vec::new();
    for i in 0..rows.len() - 1 {
        for j in 0..columns.len() - 1 {
            // The shared edge is that of MuJoCo and the engines.
            let (a, b, c, d) = (at(i, j), at(i, j + 1), at(i + 1, j + 1), at(i + 1, j));
            indices.extend([a, b, c, a, c, d]);
        }
    }
    let (last_row, last_column) = (rows.len() - 1, columns.len() - 1);
    let south: Vec<_> = (0..=last_column).map(|j| (0, j)).collect();
    let east: Vec<_> = (0..=last_row).map(|i| (i, last_column)).collect();
    let north: Vec<_> = (0..=last_column).rev().map(|j| (last_row, j)).collect();
    let west: Vec<_> = (0..=last_row).rev().map(|i| (i, 0)).collect();
    for (edge, [nx, ny]) in
        [(south, [0.0, -1.0]), (east, [1.0, 0.0]), (north, [0.0, 1.0]), (west, [-1.0, 0.0])]
    {
        let start = vertices.len() as u32;
        for &(i, j) in &edge {
            let [x, y, z] = point(i, j);
            vertices.push([x, y, -base, nx, ny, 0.0, 0.0]);
            vertices.push([x, y, z, nx, ny, 0.0, 0.0]);
        }
        for k in 0..edge.len() as u32 - 1 {
            let a = start + 2 * k;
            indices.extend([a, a + 2, a + 3, a, a + 3, a + 1]);
        }
    }
    (vertices, indices)
}

/// At most [`SIDE`] of `n` grid points, first and last among them.
fn picked(n: usize) -> Vec<usize> {
    let stride = (n - 1).div_ceil(SIDE - 1);
    let mut points: Vec<usize> = (0..n - 1).step_by(stride).collect();
    points.push(n - 1);
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heights_are_those_of_the_field_and_the_solid_is_closed() {
        let data = vec![0.0, 0.5, 1.0, 0.25, 0.5, 0.75];
        let field = Heightfield { name: "hills".into(), nrow: 2, ncol: 3, size: [2.0, 1.0, 0.8, 0.3], data };
        let (vertices, indices) = mesh(&field);
        assert_eq!(vertices[2][..3], [2.0, -1.0, 0.8]);
        assert_eq!(vertices[3][..3], [-2.0, 1.0, 0.25 * 0.8]);
        // Signed tetrahedra over outward triangles; the base at z = −0.3 is missing and adds its own.
        let mut volume = 8.0 * 0.3 / 3.0;
        for t in indices.chunks_exact(3) {
            let [a, b, c] = [0, 1, 2].map(|k| {
                let v = vertices[t[k] as usize];
                nalgebra::Vector3::new(v[0], v[1], v[2])
            });
            volume += a.dot(&b.cross(&c)) / 6.0;
        }
        // Two cells of 2 m × 2 m, two triangles each, of the mean height of their corners.
        let third = |a: f32, b: f32, c: f32| 2.0 * 0.8 * (a + b + c) / 3.0;
        let hills =
            third(0.0, 0.5, 0.5) + third(0.0, 0.5, 0.25) + third(0.5, 1.0, 0.75) + third(0.5, 0.75, 0.5);
        assert!((volume - (hills + 8.0 * 0.3)).abs() < 1e-4, "{volume}");
    }

    #[test]
    fn large_fields_are_thinned_to_their_edges() {
        for n in [2, 3, SIDE, SIDE + 1, 4096] {
            let points = picked(n);
            assert!(points.len() <= SIDE + 1, "{n}: {}", points.len());
            assert_eq!((points[0], points[points.len() - 1]), (0, n - 1));
            assert!(points.is_sorted());
        }
    }
}

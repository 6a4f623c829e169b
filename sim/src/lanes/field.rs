//! Heightfields: the grid as the engine keeps it, and the distance of a point to its surface.
//!
//! Above the surface, the distance is that to its nearest point, over all cells within reach, so
//! edges, ridges and walls act as they do on a sphere in MuJoCo. Below it, the distance is that to
//! the plane of the triangle above the point. MuJoCo collides the whole geom with a prism under each
//! triangle; here each sphere, capsule end and box corner is one point with one contact, so in a
//! notch only the nearer wall pushes at a time, what lies between a capsule's ends or a box's corners
//! touches nothing, and the sides and the bottom of the field are no surfaces: a point beyond its
//! rectangle or below its base touches nothing.
//!
//! But for the first look at what is near, all of this is scalar: worlds stand on different triangles. The
//! file's plain arithmetic rounds the same everywhere.

use super::lane::{Lane, WIDTH};
use super::pose::{mat3, vec3};
use super::vector::V3;
use crate::Heightfield;
use crate::pose::Iso;

type P3 = [f32; 3];

/// A heightfield fixed in the world.
#[derive(Debug)]
pub(super) struct Field {
    /// Origin in the world, m.
    pub pos: P3,
    /// From the field's frame to the world, by rows.
    pub axes: [f32; 9],
    /// Highest point, m.
    pub top: f32,
    nrow: usize,
    ncol: usize,
    /// Radii along x and y, m.
    radius: [f32; 2],
    /// Lengths of a cell, m.
    step: [f32; 2],
    /// Cells per metre.
    per_metre: [f32; 2],
    /// Depth of the base, m.
    base: f32,
    /// m, row by row.
    heights: Vec<f32>,
    /// Per cell: the highest point that a point above this cell can reach.
    lids: Vec<f32>,
    /// Per cell: upward unit normals of its two triangles.
    normals: Vec<[P3; 2]>,
    /// 1 / length of a cell's diagonal, 1/m.
    per_diagonal: f32,
}

fn sub(a: P3, b: P3) -> P3 {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

fn dot(a: P3, b: P3) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// `a + s · b`.
fn along(a: P3, s: f32, b: P3) -> P3 {
    [a[0] + s * b[0], a[1] + s * b[1], a[2] + s * b[2]]
}

/// One triangle of a cell: the corner with the right angle (seen from above), its height, and the
/// rise along the legs.
struct Triangle {
    corner: P3,
    /// Signed lengths of the legs along x and y, m.
    legs: [f32; 2],
    rise: [f32; 2],
}

impl Triangle {
    /// Upward unit normal.
    fn normal(&self) -> P3 {
        let (x, y) = (self.rise[0] / self.legs[0], self.rise[1] / self.legs[1]);
        let inverse = 1.0 / (x * x + y * y + 1.0).sqrt();
        [-x * inverse, -y * inverse, inverse]
    }

    /// Vector from the triangle's nearest point to `p`, and its length; none if it is clearly more than `least`.
    /// `n` is the normal, `per_diagonal` 1 / length of the third side seen from above.
    fn to(&self, p: P3, n: P3, per_diagonal: f32, least: f32) -> Option<(P3, f32)> {
        let ap = sub(p, self.corner);
        let height = dot(ap, n);
        // The distance is no less than that to the plane, and that to the triangle as seen from above: how far
        // `p` is beyond one of its three sides. Rounding cannot make up for the slack.
        let legs = [self.legs[0].abs(), self.legs[1].abs()];
        let a = if self.legs[0] < 0.0 { -ap[0] } else { ap[0] };
        let b = if self.legs[1] < 0.0 { -ap[1] } else { ap[1] };
        let beyond = (a * legs[1] + b * legs[0] - legs[0] * legs[1]) * per_diagonal;
        let far = least + 1e-4 * (a.abs() + b.abs() + ap[2].abs() + legs[0] + legs[1]);
        if height.abs() > far || beyond > far || a < -far || b < -far {
            return None;
        }
        let ab = [self.legs[0], 0.0, self.rise[0]];
        let ac = [0.0, self.legs[1], self.rise[1]];
        // Where the plane's nearest point lies, as seen from above, in legs from the corner.
        let foot = along(ap, -height, n);
        let (u, v) = (foot[0] / self.legs[0], foot[1] / self.legs[1]);
        if u >= 0.0 && v >= 0.0 && u + v <= 1.0 {
            return Some(([height * n[0], height * n[1], height * n[2]], height.abs()));
        }
        let mut best = ([0.0; 3], f32::INFINITY);
        let hypotenuse = sub(ac, ab);
        for (start, edge) in [([0.0; 3], ab), ([0.0; 3], ac), (ab, hypotenuse)] {
            let from = sub(ap, start);
            let t = (dot(from, edge) / dot(edge, edge)).clamp(0.0, 1.0);
            let d = along(from, -t, edge);
            let square = dot(d, d);
            if square < best.1 {
                best = (d, square);
            }
        }
        Some((best.0, best.1.sqrt()))
    }
}

impl Field {
    /// `pose` is the geom's in the world, `reach` the largest distance that will be asked for, m.
    pub(super) fn new(field: &Heightfield, pose: &Iso, reach: f64) -> Self {
        let Heightfield { nrow, ncol, size, .. } = *field;
        let cells = [ncol - 1, nrow - 1];
        let length = |i: usize| 2.0 * size[i] / cells[i] as f64;
        let heights: Vec<f32> = (0..nrow * ncol).map(|i| field.height(i / ncol, i % ncol) as f32).collect();
        let reached: [usize; 2] =
            std::array::from_fn(|i| ((reach / length(i)).ceil().max(0.0) as usize).min(cells[i]));
        // The highest of each row's and then of each column's window.
        let mut wide = Vec::with_capacity(nrow * cells[0]);
        for row in heights.chunks(ncol) {
            for c in 0..cells[0] {
                let window = &row[c.saturating_sub(reached[0])..(c + 2 + reached[0]).min(ncol)];
                wide.push(window.iter().copied().fold(f32::NEG_INFINITY, f32::max));
            }
        }
        let mut lids = Vec::with_capacity(cells[0] * cells[1]);
        for r in 0..cells[1] {
            for c in 0..cells[0] {
                let rows = r.saturating_sub(reached[1])..(r + 2 + reached[1]).min(nrow);
                lids.push(rows.map(|r| wide[r * cells[0] + c]).fold(f32::NEG_INFINITY, f32::max));
            }
        }
        let step: [f32; 2] = std::array::from_fn(|i| length(i) as f32);
        let mut made = Self {
            pos: vec3(&pose.translation.vector),
            axes: mat3(pose.rotation.to_rotation_matrix().matrix()),
            top: heights.iter().copied().fold(f32::NEG_INFINITY, f32::max),
            nrow,
            ncol,
            radius: [size[0] as f32, size[1] as f32],
            step,
            per_metre: std::array::from_fn(|i| (1.0 / length(i)) as f32),
            base: size[3] as f32,
            heights,
            lids,
            normals: Vec::new(),
            per_diagonal: 1.0 / (step[0] * step[0] + step[1] * step[1]).sqrt(),
        };
        let places = (0..cells[1]).flat_map(|row| (0..cells[0]).map(move |column| (row, column)));
        made.normals = places.map(|(row, column)| made.triangles(row, column).map(|t| t.normal())).collect();
        made
    }

    /// The cell along x or y; beyond the field the last one.
    fn index(&self, axis: usize, x: f32) -> usize {
        let last = [self.ncol, self.nrow][axis] - 2;
        // A cast takes what is negative or NaN to 0.
        (((x + self.radius[axis]) * self.per_metre[axis]) as usize).min(last)
    }

    /// Row and column of the cell under `p`; none beyond the field.
    fn cell(&self, p: P3) -> Option<[usize; 2]> {
        let inside = p[0].abs() <= self.radius[0] && p[1].abs() <= self.radius[1];
        inside.then(|| [self.index(1, p[1]), self.index(0, p[0])])
    }

    /// The two triangles of a cell: the one towards −x and +y first.
    #[inline(always)]
    fn triangles(&self, row: usize, column: usize) -> [Triangle; 2] {
        let at = |r: usize, c: usize| self.heights[r * self.ncol + c];
        let (low, high) = (at(row, column), at(row + 1, column + 1));
        let (left, right) = (at(row + 1, column), at(row, column + 1));
        let place = |axis: usize, i: usize| i as f32 * self.step[axis] - self.radius[axis];
        let [dx, dy] = self.step;
        [
            Triangle {
                corner: [place(0, column), place(1, row + 1), left],
                legs: [dx, -dy],
                rise: [high - left, low - left],
            },
            Triangle {
                corner: [place(0, column + 1), place(1, row), right],
                legs: [-dx, dy],
                rise: [low - right, high - right],
            },
        ]
    }

    /// In which lanes the surface may lie within `reach` of `p`, in the field's frame.
    #[inline(always)]
    pub(super) fn may_reach<V: Lane>(&self, p: &V3<V>, reach: f32) -> [bool; WIDTH] {
        let cell_x = (p[0] + V::splat(self.radius[0])) * V::splat(self.per_metre[0]);
        let cell_y = (p[1] + V::splat(self.radius[1])) * V::splat(self.per_metre[1]);
        let lowest = p[2] - V::splat(reach);
        let (columns, rows) = (self.ncol - 1, self.nrow - 1);
        let mut out = [false; WIDTH];
        for (lane, out) in out.iter_mut().enumerate() {
            let inside =
                (p[0].lanes()[lane].abs() <= self.radius[0]) & (p[1].lanes()[lane].abs() <= self.radius[1]);
            // As in `index`.
            let column = (cell_x.lanes()[lane] as usize).min(columns - 1);
            let row = (cell_y.lanes()[lane] as usize).min(rows - 1);
            *out = inside & (lowest.lanes()[lane] < self.lids[row * columns + column]);
        }
        out
    }

    /// Signed distance of `p` to the surface and the direction in which it grows, in the field's
    /// frame, if it is less than `reach`.
    pub(super) fn distance(&self, p: P3, reach: f32) -> Option<(f32, P3)> {
        let [row, column] = self.cell(p)?;
        if p[2] < -self.base {
            return None;
        }
        let [first, second] = self.triangles(row, column);
        let in_first = (p[0] - first.corner[0]) * self.step[1] < (p[1] - second.corner[1]) * self.step[0];
        let [of_first, of_second] = self.normals[row * (self.ncol - 1) + column];
        let (under, normal) = if in_first { (first, of_first) } else { (second, of_second) };
        let height = dot(sub(p, under.corner), normal);
        if height <= 0.0 {
            return Some((height, normal));
        }
        // To the surface straight below: nothing farther away is the nearest.
        let above = height / normal[2];
        let mut best: Option<P3> = None;
        let mut least = reach;
        for row in self.index(1, p[1] - reach)..=self.index(1, p[1] + reach) {
            for column in self.index(0, p[0] - reach)..=self.index(0, p[0] + reach) {
                let at = row * self.ncol + column;
                let [a, b] = [self.heights[at], self.heights[at + 1]];
                let [c, d] = [self.heights[at + self.ncol], self.heights[at + self.ncol + 1]];
                if p[2] - a.max(b).max(c.max(d)) >= least {
                    continue;
                }
                let normals = &self.normals[row * (self.ncol - 1) + column];
                for (triangle, &normal) in self.triangles(row, column).iter().zip(normals) {
                    if let Some((from, length)) = triangle.to(p, normal, self.per_diagonal, least.min(above))
                        && length < least
                    {
                        (best, least) = (Some(from), length);
                    }
                }
            }
        }
        let from = best?;
        // On the surface itself there is no direction to it.
        let direction = if least > 1e-6 { from.map(|x| x / least) } else { normal };
        Some((least, direction))
    }
}

#[cfg(test)]
mod tests {
    use super::super::portable::Portable;
    use super::*;

    /// 3 × 4 points over 4 m × 6 m, heights in quarters of 2 m.
    fn bumps() -> Heightfield {
        let data = [0.0, 0.5, 0.25, 1.0, 0.75, 0.0, 0.5, 0.0, 0.25, 0.25, 1.0, 0.5].to_vec();
        Heightfield { name: "bumps".into(), nrow: 3, ncol: 4, size: [3.0, 2.0, 2.0, 1.0], data }
    }

    fn field(reach: f64) -> Field {
        Field::new(&bumps(), &Iso::identity(), reach)
    }

    fn may_reach(field: &Field, p: P3, reach: f32) -> bool {
        field.may_reach(&p.map(Portable::splat), reach)[3]
    }

    #[test]
    fn what_is_left_out_changes_no_bit() {
        let (field, mut state) = (field(0.6), 1_u64);
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        };
        let (mut near, mut left_out) = (0, 0);
        for _ in 0..20_000 {
            let p = [3.2 * random(), 2.2 * random(), 1.5 + 1.5 * random()];
            let reach = 0.3 + 0.3 * random();
            let Some([row, column]) = field.cell(p) else { continue };
            let Some((distance, direction)) = field.distance(p, reach) else { continue };
            assert!(may_reach(&field, p, reach), "{p:?}");
            if distance <= 0.0 {
                continue;
            }
            near += 1;
            // Every triangle of every cell, in the order of the search, with normals of its own.
            let mut best: (P3, f32) = ([0.0; 3], reach);
            for triangle in (0..2).flat_map(|r| (0..3).flat_map(move |c| [(r, c, 0), (r, c, 1)])) {
                let (r, c, which) = triangle;
                let triangle = &field.triangles(r, c)[which];
                let n = triangle.normal();
                assert_eq!(field.normals[r * 3 + c][which], n);
                let (from, length) = triangle.to(p, n, field.per_diagonal, f32::INFINITY).expect("no bound");
                left_out += usize::from(triangle.to(p, n, field.per_diagonal, reach).is_none());
                if length < best.1 {
                    best = (from, length);
                }
            }
            assert_eq!(distance.to_bits(), best.1.to_bits(), "{p:?} over {row} {column}");
            if distance > 1e-6 {
                assert_eq!(direction.map(f32::to_bits), best.0.map(|x| (x / best.1).to_bits()), "{p:?}");
            }
        }
        assert!(near > 2000 && left_out > 2 * near, "{near} {left_out}");
    }

    /// The nearest of many points of the surface, by brute force.
    fn brute(p: P3) -> f32 {
        let (bumps, mut least) = (bumps(), f32::INFINITY);
        for (row, column) in (0..2).flat_map(|r| (0..3).map(move |c| (r, c))) {
            let vertex =
                |r: usize, c: usize| [2.0 * c as f32 - 3.0, 2.0 * r as f32 - 2.0, bumps.height(r, c) as f32];
            let (low, high) = (vertex(row, column), vertex(row + 1, column + 1));
            for third in [vertex(row + 1, column), vertex(row, column + 1)] {
                let (u, v) = (sub(high, low), sub(third, low));
                for i in 0..=200_u16 {
                    for j in 0..=200 - i {
                        let at = along(along(low, f32::from(i) / 200.0, u), f32::from(j) / 200.0, v);
                        let d = sub(p, at);
                        least = least.min(dot(d, d).sqrt());
                    }
                }
            }
        }
        least
    }

    #[test]
    fn the_distance_above_is_that_to_the_nearest_point() {
        let field = field(1.5);
        let mut seen = 0;
        for (x, y, z) in [
            (-2.5, -1.5, 1.2),
            (-0.2, 0.1, 0.4),
            (-1.0, 0.0, 0.3),
            (1.1, 0.3, 1.5),
            (2.9, -1.9, 2.3),
            (0.9, 1.9, 2.5),
            (1.9, 1.0, 1.6),
            (-1.9, 0.5, 2.0),
        ] {
            let p = [x, y, z];
            let Some((distance, n)) = field.distance(p, 1.5) else { continue };
            if distance <= 0.0 {
                continue;
            }
            seen += 1;
            // The samples lie 1.4 cm apart.
            let nearest = brute(p);
            assert!((distance - nearest).abs() < 2e-3, "{p:?}: {distance}, by brute force {nearest}");
            assert!((dot(n, n) - 1.0).abs() < 1e-5, "{p:?}: {n:?}");
            // One step along the direction leads to the surface.
            let rest = field.distance(along(p, -0.999 * distance, n), 1.5).map_or(1.0, |d| d.0);
            assert!(rest.abs() < 5e-3, "{p:?} {n:?}: {rest} m left");
            assert!(may_reach(&field, p, 1.5));
        }
        assert!(seen >= 6, "only {seen} points lie above");
    }

    #[test]
    fn points_below_take_the_plane_of_their_triangle() {
        let field = field(0.5);
        // The cell at x −3..−1, y −2..0: the edge from (−3, −2, 0) to (−1, 0, 0) divides it.
        for (p, slopes) in [([-2.8, -0.2, 0.1], [-0.75, 0.75]), ([-1.2, -1.8, 0.1], [0.5, -0.5])] {
            let (distance, n) = field.distance(p, 0.5).expect("below the surface");
            let length = (slopes[0] * slopes[0] + slopes[1] * slopes[1] + 1.0_f32).sqrt();
            let plane = slopes[0] * (p[0] + 3.0) + slopes[1] * (p[1] + 2.0);
            assert!((distance - (p[2] - plane) / length).abs() < 1e-5, "{p:?}: {distance}");
            assert!((n[0] + slopes[0] / length).abs() < 1e-5 && (n[1] + slopes[1] / length).abs() < 1e-5);
        }
    }

    #[test]
    fn there_is_no_contact_beyond_the_field_or_below_its_base() {
        let field = field(0.5);
        assert!(field.distance([3.001, 0.0, 0.0], 0.5).is_none());
        assert!(field.distance([0.0, -2.001, 0.0], 0.5).is_none());
        assert!(field.distance([0.0, 0.0, -1.001], 0.5).is_none());
        assert!(field.distance([f32::NAN, 0.0, 0.0], 0.5).is_none());
        assert!(field.distance([0.0, 0.0, 5.0], 0.5).is_none() && !may_reach(&field, [0.0, 0.0, 5.0], 0.5));
        assert!(field.distance([3.0, 2.0, 1.1], 0.5).is_some(), "the last corner belongs to it");
    }
}

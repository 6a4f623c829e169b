//! Which body lies under the pointer.

use nalgebra as na;
use sim::{GeomKind, Mesh};

use super::shapes::{isometry, placed};
use super::{Ray, Scene, Shapes, Snapshot, Tint};

/// What a ray meets first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// Index of the body; 0 is what is fixed in the world.
    pub body: usize,
    /// Where on its surface, in world coordinates, m.
    pub point: [f32; 3],
    /// The same in the body's frame, m: a mouse force acts there.
    pub local: [f32; 3],
    /// How far along the ray, m.
    pub distance: f32,
}

/// The body that a ray meets first. The ground (planes and heightfields) does not count.
#[must_use]
pub fn pick(shapes: &Shapes, snapshot: &Snapshot, ray: Ray) -> Option<Hit> {
    let parts = shapes.geoms().iter().filter(|g| !Shapes::is_ground(g));
    let hits = parts.filter_map(|geom| {
        let body = isometry(*snapshot.poses.get(geom.body)?);
        let frame = body * placed(geom);
        let origin = frame.inverse_transform_point(&ray.origin.into());
        let direction = frame.inverse_transform_vector(&ray.direction.into());
        let distance = meet(geom.kind, geom.size.map(|x| x as f32), origin.coords, direction)?;
        let distance = match geom.mesh.and_then(|index| shapes.meshes().get(index)) {
            Some(mesh) => triangles(mesh, origin.coords, direction)?,
            None => distance,
        };
        let point = ray.at(distance);
        let local = body.inverse_transform_point(&point.into()).into();
        Some(Hit { body: geom.body, point, local, distance })
    });
    hits.min_by(|a, b| a.distance.total_cmp(&b.distance))
}

impl Scene<'_> {
    /// The actor that is not a ghost, and its body, under a point of the picture; see
    /// [`Camera::ray`](super::Camera::ray). The actor's offset is not in the hit's point.
    #[must_use]
    pub fn pick(&self, pixel: [f32; 2], size: [f32; 2]) -> Option<(usize, Hit)> {
        let ray = self.camera.ray(pixel, size);
        let solid = self.actors.iter().enumerate().filter(|(_, a)| !matches!(a.tint, Tint::Ghost(_)));
        let hits = solid.filter_map(|(index, actor)| {
            let origin = std::array::from_fn(|i| ray.origin[i] - actor.offset[i]);
            Some((index, pick(actor.shapes, actor.snapshot, Ray { origin, ..ray })?))
        });
        hits.min_by(|a, b| a.1.distance.total_cmp(&b.1.distance))
    }
}

type V3 = na::Vector3<f32>;

/// Distance at which a ray enters a mesh (Möller and Trumbore 1997).
fn triangles(mesh: &Mesh, origin: V3, direction: V3) -> Option<f32> {
    let corner = |i: u32| V3::from(mesh.vertices[i as usize]);
    let hit = |face: &[u32; 3]| {
        let a = corner(face[0]);
        let (u, v) = (corner(face[1]) - a, corner(face[2]) - a);
        let across = direction.cross(&v);
        // Above 0 where the ray comes from outside.
        let facing = u.dot(&across);
        let from = origin - a;
        let along = from.cross(&u);
        let (x, y) = (from.dot(&across) / facing, direction.dot(&along) / facing);
        let t = v.dot(&along) / facing;
        (facing > 0.0 && x >= 0.0 && y >= 0.0 && x + y <= 1.0 && t >= 0.0).then_some(t)
    };
    nearest(mesh.faces.iter().map(hit))
}

/// Distance at which a ray enters a shape, of a mesh its box, in the shape's frame; `None` if it misses, or starts inside.
fn meet(kind: GeomKind, [a, b, c]: [f32; 3], origin: V3, direction: V3) -> Option<f32> {
    match kind {
        GeomKind::Plane | GeomKind::Heightfield => None,
        GeomKind::Sphere => ball(origin, direction, a),
        GeomKind::Ellipsoid => {
            let size = V3::new(a, b, c);
            ball(origin.component_div(&size), direction.component_div(&size), 1.0)
        }
        GeomKind::Capsule => {
            let side = tube(origin, direction, a).filter(|t| (origin.z + t * direction.z).abs() <= b);
            let ends = [b, -b].map(|z| ball(origin - V3::new(0.0, 0.0, z), direction, a));
            nearest(ends.into_iter().chain([side]))
        }
        GeomKind::Cylinder => {
            let side = tube(origin, direction, a).filter(|t| (origin.z + t * direction.z).abs() <= b);
            let ends = [b, -b].map(|z| {
                let t = (z - origin.z) / direction.z;
                let at = origin + t * direction;
                (t >= 0.0 && at.x.hypot(at.y) <= a).then_some(t)
            });
            nearest(ends.into_iter().chain([side]))
        }
        GeomKind::Box | GeomKind::Mesh => {
            let (mut enter, mut leave) = (0.0_f32, f32::INFINITY);
            for (i, half) in [a, b, c].into_iter().enumerate() {
                if direction[i] == 0.0 {
                    if origin[i].abs() > half {
                        return None;
                    }
                    continue;
                }
                let [t, u] = [-half, half].map(|side| (side - origin[i]) / direction[i]);
                enter = enter.max(t.min(u));
                leave = leave.min(t.max(u));
            }
            (enter <= leave && enter > 0.0).then_some(enter)
        }
    }
}

fn nearest(hits: impl Iterator<Item = Option<f32>>) -> Option<f32> {
    hits.flatten().min_by(f32::total_cmp)
}

/// Where a ray enters a ball about the origin.
fn ball(origin: V3, direction: V3, radius: f32) -> Option<f32> {
    root(direction.dot(&direction), origin.dot(&direction), origin.dot(&origin) - radius * radius)
}

/// Where a ray enters an endless cylinder about z.
fn tube(origin: V3, direction: V3, radius: f32) -> Option<f32> {
    let (o, d) = (origin.xy(), direction.xy());
    root(d.dot(&d), o.dot(&d), o.dot(&o) - radius * radius)
}

/// The smaller solution t ≥ 0 of a t² + 2 b t + c = 0.
fn root(a: f32, b: f32, c: f32) -> Option<f32> {
    let square = b * b - a * c;
    if square < 0.0 || a <= 0.0 {
        return None;
    }
    let t = (-b - square.sqrt()) / a;
    (t >= 0.0).then_some(t)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::scene::{Actor, Camera, Draw};

    fn shapes(geom: &str) -> (Shapes, Snapshot) {
        let xml = format!(
            "<mujoco><worldbody><geom type='plane' size='1 1 1'/><body pos='0 0 1'>{geom}</body></worldbody></mujoco>"
        );
        let model = sim::Model::from_mjcf(&xml.replace('\'', "\""), "test.xml").unwrap();
        let shapes = Shapes::from_model(&model);
        let snapshot = shapes.snapshot(&shapes.qpos0()).unwrap();
        (shapes, snapshot)
    }

    /// A ray along +x through (y, z) meets `geom`, in a body at height 1, at x.
    fn along_x(geom: &str, y: f32, z: f32) -> Option<f32> {
        let (shapes, snapshot) = shapes(geom);
        let hit = pick(&shapes, &snapshot, Ray { origin: [-10.0, y, z], direction: [1.0, 0.0, 0.0] })?;
        assert_eq!(hit.body, 1);
        assert_eq!([hit.point[1], hit.point[2]], [y, z]);
        assert!((hit.local[2] - (z - 1.0)).abs() < 1e-5);
        Some(hit.point[0])
    }

    #[test]
    fn rays_meet_shapes_where_geometry_says() {
        for (geom, y, z, expected) in [
            ("<geom type='sphere' size='0.5'/>", 0.3, 1.0, Some(-0.4)),
            ("<geom type='sphere' size='0.5'/>", 0.6, 1.0, None),
            ("<geom type='capsule' size='0.5 1'/>", 0.0, 1.9, Some(-0.5)),
            ("<geom type='capsule' size='0.5 1'/>", 0.0, 2.3, Some(-0.4)),
            ("<geom type='capsule' size='0.5 1'/>", 0.0, 2.51, None),
            ("<geom type='capsule' size='0.5 1' euler='0 90 0'/>", 0.0, 1.0, Some(-1.5)),
            ("<geom type='cylinder' size='0.5 1'/>", 0.3, 1.9, Some(-0.4)),
            ("<geom type='cylinder' size='0.5 1'/>", 0.0, 2.01, None),
            ("<geom type='cylinder' size='0.5 1' euler='0 90 0'/>", 0.4, 1.0, Some(-1.0)),
            ("<geom type='box' size='0.2 0.3 0.4'/>", 0.29, 1.39, Some(-0.2)),
            ("<geom type='box' size='0.2 0.3 0.4'/>", 0.31, 1.0, None),
            ("<geom type='box' size='0.2 0.3 0.4' pos='1 0 0' euler='0 0 90'/>", 0.0, 1.0, Some(0.7)),
            ("<geom type='ellipsoid' size='0.2 0.5 0.4'/>", 0.3, 1.0, Some(-0.16)),
            ("<geom type='ellipsoid' size='0.2 0.5 0.4'/>", 0.0, 1.41, None),
        ] {
            let got = along_x(geom, y, z);
            match (got, expected) {
                (None, None) => {}
                (Some(a), Some(b)) if (a - b).abs() < 1e-4 => {}
                _ => panic!("{geom} at {y} {z}: {got:?}, expected {expected:?}"),
            }
        }
    }

    #[test]
    fn the_ground_and_what_lies_behind_are_not_met() {
        let (shapes, snapshot) = shapes("<geom type='sphere' size='0.5'/>");
        let down = Ray { origin: [3.0, 0.0, 5.0], direction: [0.0, 0.0, -1.0] };
        assert_eq!(pick(&shapes, &snapshot, down), None);
        let away = Ray { origin: [-10.0, 0.0, 1.0], direction: [-1.0, 0.0, 0.0] };
        assert_eq!(pick(&shapes, &snapshot, away), None);
    }

    #[test]
    fn the_nearer_of_two_actors_is_met_and_ghosts_are_not() {
        let (shapes, snapshot) = shapes("<geom type='sphere' size='0.5'/>");
        let camera = Camera {
            target: [0.0, 0.0, 1.0],
            distance: 10.0,
            azimuth: 0.0,
            elevation: 0.0,
            ..Camera::default()
        };
        let near = Actor { offset: [-2.0, 0.0, 0.0], ..Actor::new(&shapes, &snapshot) };
        let actors = vec![Actor::new(&shapes, &snapshot), near];
        let mut scene = Scene { actors, camera: &camera, draw: &Draw::default() };
        let (actor, hit) = scene.pick([400.0, 300.0], [800.0, 600.0]).unwrap();
        assert_eq!(actor, 1);
        assert!((hit.distance - 7.5).abs() < 1e-4 && (hit.point[0] + 0.5).abs() < 1e-4, "{hit:?}");
        scene.actors[1].tint = Tint::Ghost(0.5);
        assert_eq!(scene.pick([400.0, 300.0], [800.0, 600.0]).unwrap().0, 0);
        assert_eq!(scene.pick([10.0, 10.0], [800.0, 600.0]), None);
    }
}

//! From actors to copies of unit shapes.

use nalgebra as na;
use sim::{Geom, GeomKind};

use super::gpu::{Material, instance};
use super::lists::{Instances, Layer, Part};
use super::markers;
use super::mesh::Shape;
use super::palette::{LIMBS, Palette, Rgba, TRUNK, linear};
use super::shapes::{isometry, placed};
use super::{Actor, Scene, Shapes, Tint};

/// A grey that MJCF gives to geoms without a colour.
const UNSET: Rgba = [0.5, 0.5, 0.5, 1.0];

impl Instances {
    /// Those of a scene in a picture `height` pixels high.
    pub fn of(scene: &Scene<'_>, height: f32) -> Self {
        let mut all = Self::default();
        for actor in &scene.actors {
            all.actor(actor, scene);
            markers::add(&mut all, actor, scene, height);
        }
        all.grounds(scene);
        all
    }

    fn actor(&mut self, actor: &Actor<'_>, scene: &Scene<'_>) {
        let outline = linear(Palette::of(scene.draw.dark).outline);
        let shift = na::Translation3::from(actor.offset);
        let ghost = actor.tint.is_ghost();
        let limbs = actor.shapes.limbs();
        for geom in actor.shapes.geoms() {
            let Some(&pose) = actor.snapshot.poses.get(geom.body) else { continue };
            let mesh = geom.mesh.map(|index| (Part::Mesh(actor.shapes.id(), index), [1.0; 3], 0.0));
            let part = mesh
                .or_else(|| unit(geom).map(|(shape, scale, stretch)| (Part::Unit(shape), scale, stretch)));
            let Some((part, mut scale, stretch)) = part else { continue };
            // What is fixed in the world is there already.
            if ghost && geom.body == 0 {
                continue;
            }
            let frame = shift * isometry(pose) * placed(geom);
            // Bodies often end in the same half-sphere, and legs of planar robots lie in one another:
            // surfaces in the same place would flicker.
            let (limb, depth) = limbs[geom.body];
            let layer = depth % 2 + 2 * (limb.unwrap_or(0) % 2);
            scale = scale.map(|s| (1.0 - 0.007 * layer as f32) * s);
            let mut colour = linear(colour(geom, limbs[geom.body], actor.tint));
            if colour[3] <= 0.0 {
                continue;
            }
            let highlighted = actor.highlighted == Some(geom.body) && geom.body > 0;
            if highlighted {
                colour =
                    std::array::from_fn(
                        |i| if i < 3 { 0.8 * colour[i] + 0.2 * outline[i] } else { colour[i] },
                    );
            }
            let layer = if colour[3] < 1.0 { Layer::Ghost } else { Layer::Solid };
            let copy = instance(&frame, scale, stretch, Material::Body, colour);
            self.add(layer, part, copy);
            if highlighted {
                self.add(Layer::Outline, part, copy);
            }
        }
    }

    fn grounds(&mut self, scene: &Scene<'_>) {
        let mut planes: Vec<na::Isometry3<f32>> = Vec::new();
        for actor in scene.actors.iter().filter(|a| !a.tint.is_ghost()) {
            let shift = na::Translation3::from(actor.offset);
            for geom in actor.shapes.geoms().iter().filter(|g| Shapes::is_ground(g)) {
                let Some(&pose) = actor.snapshot.poses.get(geom.body) else { continue };
                let frame = shift * isometry(pose) * placed(geom);
                match geom.heightfield {
                    Some(field) => {
                        let copy = instance(&frame, [1.0; 3], 0.0, Material::Terrain, [1.0; 4]);
                        self.terrain.push((actor.shapes.id(), field, copy));
                    }
                    None => planes.push(frame),
                }
            }
        }
        if planes.is_empty() && self.terrain.is_empty() {
            let height = |a: &Actor<'_>| a.shapes.floor() + a.offset[2];
            let floor = scene.actors.iter().map(height).reduce(f32::min).unwrap_or(0.0);
            planes.push(na::Translation3::new(0.0, 0.0, floor).into());
        }
        let mut seen: Vec<(na::Vector3<f32>, f32)> = Vec::new();
        for plane in planes {
            let normal = plane.rotation * na::Vector3::z();
            let height = normal.dot(&plane.translation.vector);
            // Actors side by side share one plane.
            if seen.iter().any(|(n, h)| (n - normal).norm() < 1e-4 && (h - height).abs() < 1e-4) {
                continue;
            }
            seen.push((normal, height));
            let eye = plane.inverse_transform_point(&scene.camera.eye().into());
            let middle = plane * na::Point3::new(eye.x, eye.y, 0.0);
            let frame = na::Isometry3::from_parts(middle.into(), plane.rotation);
            let side = 1.5 * super::globals::fade(scene.camera, eye.z)[1];
            self.ground.push(instance(&frame, [side; 3], 0.0, Material::Terrain, [eye.x, eye.y, 0.0, 1.0]));
        }
    }
}

/// The unit shape of a geom, its scale and stretch; none of ground and meshes.
fn unit(geom: &Geom) -> Option<(Shape, [f32; 3], f32)> {
    let [a, b, c] = geom.size.map(|x| x as f32);
    Some(match geom.kind {
        GeomKind::Plane | GeomKind::Heightfield | GeomKind::Mesh => return None,
        GeomKind::Sphere => (Shape::Ball, [a; 3], 0.0),
        GeomKind::Ellipsoid => (Shape::Ball, [a, b, c], 0.0),
        GeomKind::Capsule => (Shape::Ball, [a; 3], b),
        GeomKind::Cylinder => (Shape::Cylinder, [a, a, b], 0.0),
        GeomKind::Box => (Shape::Cube, [a, b, c], 0.0),
    })
}

fn colour(geom: &Geom, (limb, depth): (Option<usize>, usize), tint: Tint) -> Rgba {
    let own = match (geom.rgba, limb) {
        (UNSET, Some(limb)) => {
            let [r, g, b, a] = LIMBS[limb % LIMBS.len()];
            let shade = if depth.is_multiple_of(2) { 0.86 } else { 1.0 };
            [shade * r, shade * g, shade * b, a]
        }
        (UNSET, None) if geom.body > 0 => TRUNK,
        (rgba, _) => rgba,
    };
    let [r, g, b, a] = own;
    match tint {
        Tint::Own => own,
        Tint::Ghost(opacity) => [r, g, b, a * opacity.clamp(0.0, 0.999)],
        // What is fixed in the world belongs to no robot.
        Tint::Colour(_) if geom.body == 0 => own,
        Tint::Colour([r, g, b, opacity]) => [r, g, b, a * opacity],
    }
}

//! Where the light comes from and what its shadow map covers.

use nalgebra as na;

use super::{Bounds, Scene, Tint};

/// Side of the shadow map in pixels. Its pixels are what softens the edges of shadows, so more would
/// not be prettier.
pub(super) const SHADOW_MAP: u32 = 640;

/// Unit vector toward the light: above, from the left of the default camera.
pub(super) fn direction() -> na::Vector3<f32> {
    na::Vector3::new(-0.22, -0.60, 1.15).normalize()
}

/// World to the shadow map's clip space.
pub(super) fn matrix(scene: &Scene<'_>) -> na::Matrix4<f32> {
    let Bounds { centre, radius } = lit(scene);
    let z = direction();
    let x = na::Vector3::z().cross(&z).normalize();
    let y = z.cross(&x);
    let centre = na::Vector3::from(centre);
    // Steps of whole pixels keep the edges of shadows from crawling as the robot walks.
    let pixel = 2.0 * radius / SHADOW_MAP as f32;
    let snap = |v: f32| (v / pixel).round() * pixel;
    let (cx, cy, cz) = (snap(x.dot(&centre)), snap(y.dot(&centre)), z.dot(&centre));
    // Depth 0 lies nearer to the light than the ball, 1 beyond it.
    let depth = 0.25 / radius;
    #[rustfmt::skip]
    let matrix = na::Matrix4::new(
        x.x / radius, x.y / radius, x.z / radius, -cx / radius,
        y.x / radius, y.y / radius, y.z / radius, -cy / radius,
        -z.x * depth, -z.y * depth, -z.z * depth, 0.5 + cz * depth,
        0.0, 0.0, 0.0, 1.0,
    );
    matrix
}

/// A ball around all that casts a shadow, no larger than what the camera sees well.
fn lit(scene: &Scene<'_>) -> Bounds {
    let solid = scene.actors.iter().filter(|a| !matches!(a.tint, Tint::Ghost(_)));
    let balls: Vec<(na::Vector3<f32>, f32)> = solid
        .map(|actor| {
            let Bounds { centre, radius } = actor.shapes.bounds(&actor.snapshot.poses);
            (na::Vector3::from(centre) + na::Vector3::from(actor.offset), radius)
        })
        .collect();
    let middle = balls.iter().map(|b| b.0).sum::<na::Vector3<f32>>() / balls.len().max(1) as f32;
    let radius = balls.iter().map(|(centre, radius)| (centre - middle).norm() + radius).fold(0.0, f32::max);
    let most = 3.0 * scene.camera.distance;
    // Steps in size, too.
    let radius = ((radius.log2() * 4.0).ceil() / 4.0).exp2();
    if radius > 0.0 && radius < most {
        return Bounds { centre: middle.into(), radius };
    }
    Bounds { centre: scene.camera.target, radius: most }
}

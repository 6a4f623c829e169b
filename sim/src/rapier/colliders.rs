//! Shapes that touch.

use rapier3d::geometry::{
    Array2, ColliderBuilder, Group, HeightFieldFlags, InteractionGroups, InteractionTestMode, SharedShape,
};
use rapier3d::math::Vector;
use rapier3d::prelude::CoefficientCombineRule;

use crate::{Geom, GeomKind, Heightfield, Model};

/// The collider of a geom, without its pose.
pub(super) fn collider(model: &Model, geom: &Geom) -> ColliderBuilder {
    let s = geom.size.map(|x| x as f32);
    let shape = match geom.kind {
        GeomKind::Plane => ColliderBuilder::new(SharedShape::halfspace(Vector::Z)),
        GeomKind::Sphere | GeomKind::Ellipsoid => ColliderBuilder::ball(s[0]),
        GeomKind::Capsule => ColliderBuilder::capsule_z(s[1], s[0]),
        GeomKind::Cylinder => ColliderBuilder::cylinder(s[1], s[0]),
        GeomKind::Box => ColliderBuilder::cuboid(s[0], s[1], s[2]),
        GeomKind::Mesh => {
            let mesh = &model.meshes[geom.mesh.expect("a mesh geom shows one")];
            let shape = mesh.hull_shape().expect("the reader has checked that there is a hull");
            ColliderBuilder::new(shape)
        }
        GeomKind::Heightfield => {
            let index = geom.heightfield.expect("a heightfield geom shows one");
            heightfield(&model.heightfields[index])
        }
    };
    let groups = InteractionGroups::new(
        Group::from_bits_truncate(geom.contype),
        Group::from_bits_truncate(geom.conaffinity),
        InteractionTestMode::Or,
    );
    shape
        .density(0.0)
        .friction(geom.friction[0] as f32)
        .friction_combine_rule(CoefficientCombineRule::Max)
        .restitution(0.0)
        .contact_skin(geom.margin as f32)
        .collision_groups(groups)
}

/// rapier's rows run along its z, which is −y of the model after the turn in the builder's `add_geoms`; its cells
/// are then divided as MuJoCo's.
fn heightfield(field: &Heightfield) -> ColliderBuilder {
    let height = |i: usize, j: usize| field.height(field.nrow - 1 - i, j) as f32;
    let heights = Array2::from_fn(field.nrow, field.ncol, height);
    let scale = Vector::new(2.0 * field.size[0] as f32, 1.0, 2.0 * field.size[1] as f32);
    // Without the flag, bodies trip over the edges between the triangles of a flat field.
    ColliderBuilder::heightfield_with_flags(heights, scale, HeightFieldFlags::FIX_INTERNAL_EDGES)
}

//! Copies of unit shapes, by how they are drawn.

use super::gpu::Instance;
use super::mesh::Shape;

/// When and how instances are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layer {
    /// Opaque, with shadow.
    Solid,
    /// Opaque, without shadow.
    Plain,
    /// Seen through.
    Ghost,
    /// Opaque, and faintly visible through what hides it.
    Mark,
    /// Of which only an outline is drawn.
    Outline,
}

impl Layer {
    pub const ALL: [Self; 5] = [Self::Solid, Self::Plain, Self::Ghost, Self::Mark, Self::Outline];
}

/// All instances of a scene, by layer and shape.
#[derive(Default)]
pub(super) struct Instances {
    lists: [[Vec<Instance>; Shape::ALL.len()]; Layer::ALL.len()],
    /// Planes, see `vs_ground` in `scene.wgsl`.
    pub ground: Vec<Instance>,
    /// Heightfields: identity of the shapes, index of the field, where.
    pub terrain: Vec<(u64, usize, Instance)>,
}

impl Instances {
    /// Adds a shape.
    pub fn push(&mut self, layer: Layer, shape: Shape, instance: Instance) {
        self.lists[layer as usize][shape as usize].push(instance);
    }

    /// The instances of a layer and shape.
    pub fn list(&self, layer: Layer, shape: Shape) -> &[Instance] {
        &self.lists[layer as usize][shape as usize]
    }
}

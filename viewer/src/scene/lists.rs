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

/// What an instance is a copy of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    /// A unit shape.
    Unit(Shape),
    /// A mesh: identity of the shapes, index of the mesh.
    Mesh(u64, usize),
}

/// All instances of a scene, by layer and shape.
#[derive(Default)]
pub(super) struct Instances {
    lists: [[Vec<Instance>; Shape::ALL.len()]; Layer::ALL.len()],
    /// Planes, see `vs_ground` in `scene.wgsl`.
    pub ground: Vec<Instance>,
    /// Heightfields: identity of the shapes, index of the field, where.
    pub terrain: Vec<(u64, usize, Instance)>,
    /// Meshes: how they are drawn, identity of the shapes, index of the mesh, where.
    pub meshes: Vec<(Layer, (u64, usize), Instance)>,
}

impl Instances {
    /// Adds a shape.
    pub fn push(&mut self, layer: Layer, shape: Shape, instance: Instance) {
        self.lists[layer as usize][shape as usize].push(instance);
    }

    /// Adds a shape or a mesh.
    pub fn add(&mut self, layer: Layer, part: Part, instance: Instance) {
        match part {
            Part::Unit(shape) => self.push(layer, shape, instance),
            Part::Mesh(id, mesh) => self.meshes.push((layer, (id, mesh), instance)),
        }
    }

    /// The instances of a layer and shape.
    pub fn list(&self, layer: Layer, shape: Shape) -> &[Instance] {
        &self.lists[layer as usize][shape as usize]
    }
}

//! What the passes of a picture draw, in which order.

use std::collections::BTreeMap;
use std::ops::Range;

use bytemuck::cast_slice;
use wgpu::util::DeviceExt as _;

use super::gpu::Instance;
use super::lists::{Instances, Layer};
use super::mesh::Shape;
use super::pipelines::Pipelines;

/// A mesh on the device.
pub(super) struct Mesh {
    vertices: wgpu::Buffer,
    indices: wgpu::Buffer,
    count: u32,
}

impl Mesh {
    pub fn new(device: &wgpu::Device, vertices: &[u8], indices: &[u32]) -> Self {
        let buffer = |usage, contents| {
            device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
                label: Some("mesh"),
                contents,
                usage,
            })
        };
        Self {
            vertices: buffer(wgpu::BufferUsages::VERTEX, vertices),
            indices: buffer(wgpu::BufferUsages::INDEX, cast_slice(indices)),
            count: indices.len() as u32,
        }
    }
}

/// Instances in their buffer.
pub(super) struct Placed<'a> {
    pub buffer: Option<&'a wgpu::Buffer>,
    /// Start and number, per layer and shape.
    lists: [[(usize, usize); Shape::ALL.len()]; Layer::ALL.len()],
    ground: (usize, usize),
    terrain: usize,
    meshes: usize,
}

/// All instances one after the other, and where each list went.
pub(super) fn place(instances: &Instances) -> (Vec<Instance>, Placed<'static>) {
    let mut all: Vec<Instance> = Vec::new();
    let mut add = |list: &[Instance]| {
        let start = all.len();
        all.extend_from_slice(list);
        (start, list.len())
    };
    let lists = Layer::ALL.map(|layer| Shape::ALL.map(|shape| add(instances.list(layer, shape))));
    let ground = add(&instances.ground);
    let terrain: Vec<Instance> = instances.terrain.iter().map(|t| t.2).collect();
    let (terrain, _) = add(&terrain);
    let meshes: Vec<Instance> = instances.meshes.iter().map(|m| m.2).collect();
    let (meshes, _) = add(&meshes);
    (all, Placed { buffer: None, lists, ground, terrain, meshes })
}

/// What the passes draw.
pub(super) struct Drawing<'a> {
    pub pipelines: &'a Pipelines,
    pub mesh: &'a Mesh,
    pub shapes: &'a [Range<u32>],
    pub terrain: &'a BTreeMap<(u64, usize), Mesh>,
    pub meshes: &'a BTreeMap<(u64, usize), Mesh>,
    pub instances: &'a Instances,
    pub placed: &'a Placed<'a>,
}

impl Drawing<'_> {
    pub fn shadows(&self, pass: &mut wgpu::RenderPass<'_>) {
        pass.set_pipeline(&self.pipelines.shadow);
        self.layer(pass, Layer::Solid);
        self.terrain(pass);
    }

    pub fn scene(&self, pass: &mut wgpu::RenderPass<'_>) {
        let p = self.pipelines;
        pass.set_pipeline(&p.solid);
        self.layer(pass, Layer::Solid);
        self.layer(pass, Layer::Plain);
        self.terrain(pass);
        pass.set_pipeline(&p.ground);
        self.bind(pass, self.mesh, self.placed.ground, self.shapes[Shape::Cube as usize].clone());
        pass.set_pipeline(&p.sky);
        pass.draw(0..3, 0..1);
        pass.set_pipeline(&p.outline);
        self.layer(pass, Layer::Outline);
        pass.set_pipeline(&p.ghost_depth);
        self.layer(pass, Layer::Ghost);
        pass.set_pipeline(&p.ghost);
        self.layer(pass, Layer::Ghost);
        pass.set_pipeline(&p.hidden);
        self.layer(pass, Layer::Mark);
        pass.set_pipeline(&p.solid);
        self.layer(pass, Layer::Mark);
    }

    fn layer(&self, pass: &mut wgpu::RenderPass<'_>, layer: Layer) {
        for (&list, range) in self.placed.lists[layer as usize].iter().zip(self.shapes) {
            self.bind(pass, self.mesh, list, range.clone());
        }
        for (k, (_, key, _)) in self.instances.meshes.iter().enumerate().filter(|(_, m)| m.0 == layer) {
            if let Some(mesh) = self.meshes.get(key) {
                self.bind(pass, mesh, (self.placed.meshes + k, 1), 0..mesh.count);
            }
        }
    }

    fn terrain(&self, pass: &mut wgpu::RenderPass<'_>) {
        for (k, &(id, field, _)) in self.instances.terrain.iter().enumerate() {
            if let Some(mesh) = self.terrain.get(&(id, field)) {
                self.bind(pass, mesh, (self.placed.terrain + k, 1), 0..mesh.count);
            }
        }
    }

    /// Draws instances `start..start + count` of part of a mesh.
    fn bind(
        &self,
        pass: &mut wgpu::RenderPass<'_>,
        mesh: &Mesh,
        (start, count): (usize, usize),
        indices: Range<u32>,
    ) {
        let Some(buffer) = self.placed.buffer.filter(|_| count > 0) else { return };
        // An offset into the buffer: WebGL2 knows no first instance.
        let offset = (start * size_of::<Instance>()) as u64;
        pass.set_vertex_buffer(0, mesh.vertices.slice(..));
        pass.set_vertex_buffer(1, buffer.slice(offset..));
        pass.set_index_buffer(mesh.indices.slice(..), wgpu::IndexFormat::Uint32);
        pass.draw_indexed(indices, 0, 0..count as u32);
    }
}

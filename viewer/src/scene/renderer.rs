//! Draws a scene.

use std::collections::BTreeMap;

use bytemuck::cast_slice;
use wgpu::util::DeviceExt as _;

use super::gpu::{Globals, Growing, Instance, attachment};
use super::instances::{Instances, Layer};
use super::light::{self, SHADOW_MAP};
use super::mesh::{Meshes, Shape};
use super::palette::{Palette, linear};
use super::pipelines::{DEPTH, Pipelines};
use super::{Camera, Scene, terrain};

/// Draws scenes into textures of one format. Sizes may change from picture to picture.
///
/// If the format is not an sRGB one, the shaders encode colours themselves: the bytes are sRGB in
/// both cases.
pub struct Renderer {
    format: wgpu::TextureFormat,
    samples: u32,
    pipelines: Pipelines,
    meshes: Mesh,
    shapes: Vec<std::ops::Range<u32>>,
    terrain: BTreeMap<(u64, usize), Mesh>,
    instances: Growing,
    globals: wgpu::Buffer,
    globals_group: wgpu::BindGroup,
    shadow_map: wgpu::TextureView,
    shadow_group: wgpu::BindGroup,
    attachments: Option<Attachments>,
}

struct Mesh {
    vertices: wgpu::Buffer,
    indices: wgpu::Buffer,
    count: u32,
}

impl Mesh {
    fn new(device: &wgpu::Device, vertices: &[u8], indices: &[u32]) -> Self {
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

/// Textures that a picture takes beside its target.
struct Attachments {
    size: [u32; 2],
    depth: wgpu::TextureView,
    /// Where several samples per pixel are gathered.
    colour: Option<wgpu::TextureView>,
}

/// Instances in their buffer.
struct Placed<'a> {
    buffer: Option<&'a wgpu::Buffer>,
    /// Start and number, per layer and shape.
    lists: [[(usize, usize); Shape::ALL.len()]; Layer::ALL.len()],
    ground: (usize, usize),
    terrain: usize,
}

impl Renderer {
    /// Samples per pixel that every adapter supports beside 1.
    pub const SAMPLES: u32 = 4;

    /// Samples per pixel for a window: 1 where the adapter is software, which takes twice as long for
    /// [`Renderer::SAMPLES`].
    #[must_use]
    pub fn window_samples(device: &wgpu::Device) -> u32 {
        if device.adapter_info().device_type == wgpu::DeviceType::Cpu { 1 } else { Self::SAMPLES }
    }

    /// A renderer for targets of `format`, with 1 or [`Renderer::SAMPLES`] samples per pixel. The
    /// samples live in a texture of its own: targets have one sample.
    #[must_use]
    pub fn new(
        device: &wgpu::Device,
        _queue: &wgpu::Queue,
        format: wgpu::TextureFormat,
        samples: u32,
    ) -> Self {
        let pipelines = Pipelines::new(device, format, samples);
        let shapes = Meshes::shapes();
        let globals = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("globals"),
            size: size_of::<Globals>() as u64,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let shadow_map =
            attachment(device, "shadow map", [SHADOW_MAP; 2], 1, DEPTH, wgpu::TextureUsages::TEXTURE_BINDING);
        let sampler = device.create_sampler(&wgpu::SamplerDescriptor {
            label: Some("shadow map"),
            mag_filter: wgpu::FilterMode::Linear,
            min_filter: wgpu::FilterMode::Linear,
            compare: Some(wgpu::CompareFunction::LessEqual),
            ..wgpu::SamplerDescriptor::default()
        });
        let group = |layout, entries: &[wgpu::BindGroupEntry<'_>]| {
            device.create_bind_group(&wgpu::BindGroupDescriptor { label: Some("scene"), layout, entries })
        };
        let globals_entry = wgpu::BindGroupEntry { binding: 0, resource: globals.as_entire_binding() };
        let globals_group = group(&pipelines.globals, &[globals_entry]);
        let shadow_group = group(
            &pipelines.shadows,
            &[
                wgpu::BindGroupEntry {
                    binding: 0,
                    resource: wgpu::BindingResource::TextureView(&shadow_map),
                },
                wgpu::BindGroupEntry { binding: 1, resource: wgpu::BindingResource::Sampler(&sampler) },
            ],
        );
        Self {
            format,
            samples,
            meshes: Mesh::new(device, cast_slice(&shapes.vertices), &shapes.indices),
            shapes: shapes.ranges,
            terrain: BTreeMap::new(),
            instances: Growing::new(),
            pipelines,
            globals,
            globals_group,
            shadow_map,
            shadow_group,
            attachments: None,
        }
    }

    /// Draws `scene` over all of `view`, which is `size` pixels wide and high; draws nothing if a
    /// side is 0. Submits its own commands.
    pub fn render(
        &mut self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        scene: &Scene<'_>,
        view: &wgpu::TextureView,
        size: [u32; 2],
    ) {
        if size.contains(&0) {
            return;
        }
        let instances = Instances::of(scene, size[1] as f32);
        self.load_terrain(device, scene, &instances);
        self.fit(device, size);
        let globals = globals(scene, size, self.format.is_srgb());
        queue.write_buffer(&self.globals, 0, cast_slice(&globals));
        let (bytes, mut placed) = place(&instances);
        placed.buffer = self.instances.write(device, queue, cast_slice(&bytes));
        let label = wgpu::CommandEncoderDescriptor { label: Some("scene") };
        let mut encoder = device.create_command_encoder(&label);
        let draw = Drawing {
            pipelines: &self.pipelines,
            mesh: &self.meshes,
            shapes: &self.shapes,
            terrain: &self.terrain,
            instances: &instances,
            placed: &placed,
        };
        if scene.draw.shadows {
            let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
                label: Some("shadow"),
                depth_stencil_attachment: Some(depth(&self.shadow_map, 1.0, wgpu::StoreOp::Store)),
                ..wgpu::RenderPassDescriptor::default()
            });
            pass.set_bind_group(0, &self.globals_group, &[]);
            draw.shadows(&mut pass);
        }
        if let Some(attachments) = &self.attachments {
            let colour = wgpu::RenderPassColorAttachment {
                view: attachments.colour.as_ref().unwrap_or(view),
                depth_slice: None,
                resolve_target: attachments.colour.is_some().then_some(view),
                ops: wgpu::Operations {
                    load: wgpu::LoadOp::Clear(wgpu::Color::BLACK),
                    // With several samples only what they are resolved to is of use.
                    store: if self.samples > 1 { wgpu::StoreOp::Discard } else { wgpu::StoreOp::Store },
                },
            };
            let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
                label: Some("scene"),
                color_attachments: &[Some(colour)],
                depth_stencil_attachment: Some(depth(&attachments.depth, 0.0, wgpu::StoreOp::Discard)),
                ..wgpu::RenderPassDescriptor::default()
            });
            pass.set_bind_group(0, &self.globals_group, &[]);
            pass.set_bind_group(1, &self.shadow_group, &[]);
            draw.scene(&mut pass);
        }
        queue.submit([encoder.finish()]);
    }

    /// Makes meshes of terrain that is new, and forgets what is gone.
    fn load_terrain(&mut self, device: &wgpu::Device, scene: &Scene<'_>, instances: &Instances) {
        self.terrain.retain(|&(id, field), _| instances.terrain.iter().any(|t| (t.0, t.1) == (id, field)));
        for &(id, field, _) in &instances.terrain {
            let known = scene.actors.iter().find(|a| a.shapes.id() == id);
            let Some(heights) = known.and_then(|a| a.shapes.heightfields().get(field)) else { continue };
            self.terrain.entry((id, field)).or_insert_with(|| {
                let (vertices, indices) = terrain::mesh(heights);
                Mesh::new(device, cast_slice(&vertices), &indices)
            });
        }
    }

    fn fit(&mut self, device: &wgpu::Device, size: [u32; 2]) {
        if self.attachments.as_ref().is_some_and(|a| a.size == size) {
            return;
        }
        let make = |label, format| {
            attachment(device, label, size, self.samples, format, wgpu::TextureUsages::empty())
        };
        let colour = (self.samples > 1).then(|| make("samples", self.format));
        self.attachments = Some(Attachments { size, depth: make("depth", DEPTH), colour });
    }
}

fn depth(
    view: &wgpu::TextureView,
    clear: f32,
    store: wgpu::StoreOp,
) -> wgpu::RenderPassDepthStencilAttachment<'_> {
    wgpu::RenderPassDepthStencilAttachment {
        view,
        depth_ops: Some(wgpu::Operations { load: wgpu::LoadOp::Clear(clear), store }),
        stencil_ops: None,
    }
}

/// All instances one after the other, and where each list went.
fn place(instances: &Instances) -> (Vec<Instance>, Placed<'static>) {
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
    (all, Placed { buffer: None, lists, ground, terrain })
}

/// Distances from the eye, m, at which the ground begins to fade and has faded; `height` is the eye's
/// above it.
pub(super) fn fade(camera: &Camera, height: f32) -> [f32; 2] {
    let scale = camera.distance.max(height.abs());
    [5.0 * scale, 32.0 * scale]
}

fn globals(scene: &Scene<'_>, [width, height]: [u32; 2], srgb: bool) -> Globals {
    let (camera, palette) = (scene.camera, Palette::of(scene.draw.dark));
    let aspect = width as f32 / height as f32;
    let slope = (camera.fov_y / 2.0).tan();
    let [right, up, forward] = camera.axes();
    let row = |[x, y, z]: [f32; 3], w: f32| [x, y, z, w];
    let scaled = |v: [f32; 3], by: f32| row(v.map(|x| x * by), 0.0);
    let colour = |rgba, w: f32| {
        let [r, g, b, _] = linear(rgba);
        [r, g, b, w]
    };
    let shadow = match (scene.draw.shadows, scene.draw.dark) {
        (false, _) => 0.0,
        (true, false) => 0.56,
        (true, true) => 0.7,
    };
    // About one cell of the middle size per robot.
    let level = (0.55 * camera.distance).log10();
    let [near, far] = fade(camera, camera.eye()[2]);
    let scale = (height as f32 / 800.0).clamp(0.5, 2.0);
    let matrices = [camera.matrix(aspect), light::matrix(scene)];
    let mut rows: Globals = [[0.0; 4]; super::gpu::GLOBALS];
    for (row, column) in rows.iter_mut().zip(matrices.iter().flat_map(|m| m.column_iter())) {
        *row = [column[0], column[1], column[2], column[3]];
    }
    rows[8..].copy_from_slice(&[
        row(camera.eye(), 1.0),
        scaled(right, slope * aspect),
        scaled(up, slope),
        row(forward, 0.0),
        row(light::direction().into(), shadow),
        colour(palette.zenith, 1.0),
        colour(palette.horizon, 1.0),
        colour(palette.ground, if scene.draw.grid { 0.8 } else { 0.0 }),
        colour(palette.line, 1.0),
        colour(palette.outline, 3.0 * scale),
        [10_f32.powf(level.floor()), level - level.floor(), near, far],
        [
            if srgb { 0.0 } else { 1.0 },
            SHADOW_MAP as f32,
            2.0 * slope / height as f32,
            if scene.draw.dark { 0.8 } else { 1.0 },
        ],
    ]);
    rows
}

/// What the passes draw.
struct Drawing<'a> {
    pipelines: &'a Pipelines,
    mesh: &'a Mesh,
    shapes: &'a [std::ops::Range<u32>],
    terrain: &'a BTreeMap<(u64, usize), Mesh>,
    instances: &'a Instances,
    placed: &'a Placed<'a>,
}

impl Drawing<'_> {
    fn shadows(&self, pass: &mut wgpu::RenderPass<'_>) {
        pass.set_pipeline(&self.pipelines.shadow);
        self.layer(pass, Layer::Solid);
        self.terrain(pass);
    }

    fn scene(&self, pass: &mut wgpu::RenderPass<'_>) {
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
        indices: std::ops::Range<u32>,
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

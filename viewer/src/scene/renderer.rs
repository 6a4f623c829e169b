//! Draws a scene.

use std::collections::BTreeMap;

use bytemuck::cast_slice;

use super::globals::globals;
use super::gpu::{Globals, Growing, attachment};
use super::light::SHADOW_MAP;
use super::lists::Instances;
use super::mesh::Meshes;
use super::passes::{Drawing, Mesh, place};
use super::pipelines::{DEPTH, Pipelines};
use super::{Scene, solid, terrain};

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
    /// Meshes of robots.
    solids: BTreeMap<(u64, usize), Mesh>,
    instances: Growing,
    globals: wgpu::Buffer,
    globals_group: wgpu::BindGroup,
    shadow_map: wgpu::TextureView,
    shadow_group: wgpu::BindGroup,
    attachments: Option<Attachments>,
}

/// Textures that a picture takes beside its target.
struct Attachments {
    size: [u32; 2],
    depth: wgpu::TextureView,
    /// Where several samples per pixel are gathered.
    colour: Option<wgpu::TextureView>,
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
    pub fn new(device: &wgpu::Device, format: wgpu::TextureFormat, samples: u32) -> Self {
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
            solids: BTreeMap::new(),
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
        self.load_meshes(device, scene, &instances);
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
            meshes: &self.solids,
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

    /// The same for meshes of robots.
    fn load_meshes(&mut self, device: &wgpu::Device, scene: &Scene<'_>, instances: &Instances) {
        self.solids.retain(|key, _| instances.meshes.iter().any(|m| m.1 == *key));
        for &(_, (id, index), _) in &instances.meshes {
            let known = scene.actors.iter().find(|a| a.shapes.id() == id);
            let Some(mesh) = known.and_then(|a| a.shapes.meshes().get(index)) else { continue };
            self.solids.entry((id, index)).or_insert_with(|| {
                let (vertices, indices) = solid::mesh(mesh);
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

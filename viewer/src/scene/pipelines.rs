//! The pipelines: which shader draws what, against which depth.

use wgpu::{BlendState, CompareFunction, Face};

use super::gpu::{GLOBALS, INSTANCE_LAYOUT, VERTEX_LAYOUT};

/// Format of depth buffers and of the shadow map.
pub(super) const DEPTH: wgpu::TextureFormat = wgpu::TextureFormat::Depth32Float;

/// All pipelines, and the layouts of what they are given.
pub(super) struct Pipelines {
    /// Solid shapes into the shadow map.
    pub shadow: wgpu::RenderPipeline,
    /// Opaque shapes.
    pub solid: wgpu::RenderPipeline,
    /// Planes.
    pub ground: wgpu::RenderPipeline,
    /// What is left of the picture.
    pub sky: wgpu::RenderPipeline,
    /// The depth of ghosts, so that each pixel shows the nearest of their surfaces only.
    pub ghost_depth: wgpu::RenderPipeline,
    /// Ghosts.
    pub ghost: wgpu::RenderPipeline,
    /// Outlines of what has been drawn.
    pub outline: wgpu::RenderPipeline,
    /// What hides behind something, faintly.
    pub hidden: wgpu::RenderPipeline,
    /// Group 0.
    pub globals: wgpu::BindGroupLayout,
    /// Group 1.
    pub shadows: wgpu::BindGroupLayout,
}

/// What one pipeline has of its own.
struct Recipe {
    label: &'static str,
    vertex: &'static str,
    fragment: &'static str,
    instanced: bool,
    cull: Option<Face>,
    compare: CompareFunction,
    write_depth: bool,
    blend: Option<BlendState>,
    write_colour: bool,
}

impl Recipe {
    fn opaque(label: &'static str, vertex: &'static str, fragment: &'static str) -> Self {
        Self {
            label,
            vertex,
            fragment,
            instanced: true,
            cull: Some(Face::Back),
            compare: CompareFunction::Greater,
            write_depth: true,
            blend: None,
            write_colour: true,
        }
    }
}

impl Pipelines {
    pub fn new(device: &wgpu::Device, format: wgpu::TextureFormat, samples: u32) -> Self {
        let module = device.create_shader_module(wgpu::include_wgsl!("scene.wgsl"));
        let globals = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("globals"),
            entries: &[wgpu::BindGroupLayoutEntry {
                binding: 0,
                visibility: wgpu::ShaderStages::VERTEX_FRAGMENT,
                ty: wgpu::BindingType::Buffer {
                    ty: wgpu::BufferBindingType::Uniform,
                    has_dynamic_offset: false,
                    min_binding_size: core::num::NonZeroU64::new(16 * GLOBALS as u64),
                },
                count: None,
            }],
        });
        let entry = |binding, ty| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::FRAGMENT,
            ty,
            count: None,
        };
        let shadows = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("shadows"),
            entries: &[
                entry(
                    0,
                    wgpu::BindingType::Texture {
                        sample_type: wgpu::TextureSampleType::Depth,
                        view_dimension: wgpu::TextureViewDimension::D2,
                        multisampled: false,
                    },
                ),
                entry(1, wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Comparison)),
            ],
        });
        let layout = |groups: &[Option<&wgpu::BindGroupLayout>]| {
            device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                label: Some("scene"),
                bind_group_layouts: groups,
                immediate_size: 0,
            })
        };
        let full = layout(&[Some(&globals), Some(&shadows)]);
        let make = |recipe: Recipe| make(device, &module, &full, &recipe, format, samples);
        let blend = Some(BlendState::ALPHA_BLENDING);
        let solid = Recipe::opaque("solid", "vs_solid", "fs_solid");
        let ground = Recipe::opaque("ground", "vs_ground", "fs_ground");
        let sky = Recipe {
            instanced: false,
            cull: None,
            compare: CompareFunction::GreaterEqual,
            write_depth: false,
            ..Recipe::opaque("sky", "vs_sky", "fs_sky")
        };
        let ghost_depth =
            Recipe { write_colour: false, ..Recipe::opaque("ghost depth", "vs_solid", "fs_hidden") };
        let ghost = Recipe {
            compare: CompareFunction::GreaterEqual,
            write_depth: false,
            blend,
            ..Recipe::opaque("ghost", "vs_solid", "fs_solid")
        };
        let outline =
            Recipe { cull: Some(Face::Front), ..Recipe::opaque("outline", "vs_outline", "fs_outline") };
        let hidden = Recipe {
            compare: CompareFunction::Less,
            write_depth: false,
            blend,
            ..Recipe::opaque("hidden", "vs_solid", "fs_hidden")
        };
        Self {
            shadow: shadow(device, &module, &layout(&[Some(&globals)])),
            solid: make(solid),
            ground: make(ground),
            sky: make(sky),
            ghost_depth: make(ghost_depth),
            ghost: make(ghost),
            outline: make(outline),
            hidden: make(hidden),
            globals,
            shadows,
        }
    }
}

fn make(
    device: &wgpu::Device,
    module: &wgpu::ShaderModule,
    layout: &wgpu::PipelineLayout,
    recipe: &Recipe,
    format: wgpu::TextureFormat,
    samples: u32,
) -> wgpu::RenderPipeline {
    let buffers = [Some(VERTEX_LAYOUT), Some(INSTANCE_LAYOUT)];
    let write_mask = if recipe.write_colour { wgpu::ColorWrites::ALL } else { wgpu::ColorWrites::empty() };
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some(recipe.label),
        layout: Some(layout),
        vertex: wgpu::VertexState {
            module,
            entry_point: Some(recipe.vertex),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            buffers: if recipe.instanced { &buffers } else { &[] },
        },
        primitive: wgpu::PrimitiveState { cull_mode: recipe.cull, ..wgpu::PrimitiveState::default() },
        depth_stencil: Some(wgpu::DepthStencilState {
            format: DEPTH,
            depth_write_enabled: Some(recipe.write_depth),
            depth_compare: Some(recipe.compare),
            stencil: wgpu::StencilState::default(),
            bias: wgpu::DepthBiasState::default(),
        }),
        multisample: wgpu::MultisampleState { count: samples, ..wgpu::MultisampleState::default() },
        fragment: Some(wgpu::FragmentState {
            module,
            entry_point: Some(recipe.fragment),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            targets: &[Some(wgpu::ColorTargetState { format, blend: recipe.blend, write_mask })],
        }),
        multiview_mask: None,
        cache: None,
    })
}

fn shadow(
    device: &wgpu::Device,
    module: &wgpu::ShaderModule,
    layout: &wgpu::PipelineLayout,
) -> wgpu::RenderPipeline {
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some("shadow"),
        layout: Some(layout),
        vertex: wgpu::VertexState {
            module,
            entry_point: Some("vs_shadow"),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            buffers: &[Some(VERTEX_LAYOUT), Some(INSTANCE_LAYOUT)],
        },
        primitive: wgpu::PrimitiveState { cull_mode: Some(Face::Back), ..wgpu::PrimitiveState::default() },
        depth_stencil: Some(wgpu::DepthStencilState {
            format: DEPTH,
            depth_write_enabled: Some(true),
            depth_compare: Some(CompareFunction::Less),
            stencil: wgpu::StencilState::default(),
            bias: wgpu::DepthBiasState { constant: 2, slope_scale: 2.0, clamp: 0.0 },
        }),
        multisample: wgpu::MultisampleState::default(),
        fragment: None,
        multiview_mask: None,
        cache: None,
    })
}

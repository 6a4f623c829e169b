//! Draws a scene.

use super::{Palette, Scene};

/// Draws scenes into textures of one format. Sizes may change from picture to picture.
///
/// If the format is not an sRGB one, the shaders encode colours themselves; so do not give the view
/// of a plain texture in its sRGB guise.
pub struct Renderer {}

impl Renderer {
    /// Samples per pixel that every adapter supports beside 1.
    pub const SAMPLES: u32 = 4;

    /// A renderer for targets of `format`, with 1 or [`Renderer::SAMPLES`] samples per pixel. The
    /// samples live in a texture of its own: targets have one sample.
    #[must_use]
    pub fn new(_: &wgpu::Device, _: &wgpu::Queue, _format: wgpu::TextureFormat, _samples: u32) -> Self {
        Self {}
    }

    /// Draws `scene` over all of `view`, which is `size` pixels wide and high; draws nothing if a
    /// side is 0. Submits its own commands.
    pub fn render(
        &mut self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        scene: &Scene<'_>,
        view: &wgpu::TextureView,
        _size: [u32; 2],
    ) {
        let [r, g, b, a] = Palette::of(scene.draw.dark).horizon.map(f64::from);
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let color_attachments = &[Some(wgpu::RenderPassColorAttachment {
            view,
            depth_slice: None,
            resolve_target: None,
            ops: wgpu::Operations {
                load: wgpu::LoadOp::Clear(wgpu::Color { r, g, b, a }),
                store: wgpu::StoreOp::Store,
            },
        })];
        encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            color_attachments,
            ..wgpu::RenderPassDescriptor::default()
        });
        queue.submit([encoder.finish()]);
    }
}

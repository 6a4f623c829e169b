//! The window drawn into a picture, without a display.

use egui::{Context, Pos2, RawInput, Rect, Vec2};
use egui_wgpu::{
    RenderState, RendererOptions, ScreenDescriptor, WgpuConfiguration, WgpuSetup, WgpuSetupCreateNew,
};

/// Why nothing can be drawn.
#[derive(Debug, thiserror::Error)]
pub enum OffscreenError {
    /// No graphics adapter, not even one in software.
    #[error("no graphics adapter for drawing: {0} (on Linux, Mesa's lavapipe draws in software)")]
    NoAdapter(#[from] egui_wgpu::WgpuError),
    /// The adapter was lost.
    #[error("the graphics adapter was lost: {0}")]
    Lost(String),
}

/// A picture: rows of red, green, blue, alpha, 8 bits each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Width and height in pixels.
    pub size: [u32; 2],
    /// Bytes, `4 × width × height`.
    pub rgba: Vec<u8>,
}

/// A graphics adapter without a window.
///
/// # Errors
/// [`OffscreenError::NoAdapter`].
pub fn render_state() -> Result<RenderState, OffscreenError> {
    let mut setup = WgpuSetupCreateNew::without_display_handle();
    setup.instance_descriptor.backends.remove(wgpu::Backends::BROWSER_WEBGPU);
    let setup = WgpuSetup::CreateNew(setup);
    let instance = pollster::block_on(setup.new_instance());
    let config = WgpuConfiguration { wgpu_setup: setup, ..WgpuConfiguration::default() };
    let options = RendererOptions::PREDICTABLE;
    Ok(pollster::block_on(RenderState::create(&config, &instance, None, options))?)
}

/// A window of a size that exists in memory only.
pub struct Offscreen {
    gpu: RenderState,
    context: Context,
    size: [u32; 2],
    scale: f32,
    frame: u64,
    target: wgpu::Texture,
    buffer: wgpu::Buffer,
}

/// Bytes of a row in a buffer: rows are padded to this.
const ALIGN: u32 = wgpu::COPY_BYTES_PER_ROW_ALIGNMENT;

impl Offscreen {
    /// A window of `size` pixels, with `scale` pixels per point.
    #[must_use]
    pub fn new(gpu: RenderState, size: [u32; 2], scale: f32) -> Self {
        let [width, height] = size;
        let target = gpu.device.create_texture(&wgpu::TextureDescriptor {
            label: Some("window"),
            size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: gpu.target_format,
            usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
            view_formats: &[],
        });
        let buffer = gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("picture"),
            size: u64::from((width * 4).next_multiple_of(ALIGN)) * u64::from(height),
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        });
        Self { gpu, context: Context::default(), size, scale, frame: 0, target, buffer }
    }

    /// The window's context.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Runs one frame of `seconds` and throws the picture away; layouts need a few of them.
    pub fn run(&mut self, seconds: f64, mut ui: impl FnMut(&mut egui::Ui)) {
        let output = self.output(seconds, &mut ui);
        self.textures(&output.textures_delta);
    }

    /// Runs one frame of `seconds` and draws it.
    ///
    /// # Errors
    /// If the adapter was lost.
    pub fn picture(
        &mut self,
        seconds: f64,
        mut ui: impl FnMut(&mut egui::Ui),
    ) -> Result<Picture, OffscreenError> {
        let output = self.output(seconds, &mut ui);
        self.textures(&output.textures_delta);
        let screen = ScreenDescriptor { size_in_pixels: self.size, pixels_per_point: self.scale };
        let jobs = self.context.tessellate(output.shapes, self.scale);
        let device = &self.gpu.device;
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mut renderer = self.gpu.renderer.write();
        let before = renderer.update_buffers(device, &self.gpu.queue, &mut encoder, &jobs, &screen);
        let view = self.target.create_view(&wgpu::TextureViewDescriptor::default());
        {
            let attachment = wgpu::RenderPassColorAttachment {
                view: &view,
                resolve_target: None,
                ops: wgpu::Operations {
                    load: wgpu::LoadOp::Clear(wgpu::Color::BLACK),
                    store: wgpu::StoreOp::Store,
                },
                depth_slice: None,
            };
            let pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
                label: Some("window"),
                color_attachments: &[Some(attachment)],
                ..Default::default()
            });
            renderer.render(&mut pass.forget_lifetime(), &jobs, &screen);
        }
        drop(renderer);
        let [width, height] = self.size;
        let row = (width * 4).next_multiple_of(ALIGN);
        encoder.copy_texture_to_buffer(
            self.target.as_image_copy(),
            wgpu::TexelCopyBufferInfo {
                buffer: &self.buffer,
                layout: wgpu::TexelCopyBufferLayout {
                    offset: 0,
                    bytes_per_row: Some(row),
                    rows_per_image: None,
                },
            },
            wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
        );
        self.gpu.queue.submit(before.into_iter().chain([encoder.finish()]));
        self.read(row)
    }

    fn read(&self, row: u32) -> Result<Picture, OffscreenError> {
        let lost = |error: &dyn std::fmt::Display| OffscreenError::Lost(error.to_string());
        let slice = self.buffer.slice(..);
        let (sender, receiver) = std::sync::mpsc::channel();
        slice.map_async(wgpu::MapMode::Read, move |result| {
            // The receiver is gone only if this function has failed already.
            let _ = sender.send(result);
        });
        self.gpu.device.poll(wgpu::PollType::wait_indefinitely()).map_err(|error| lost(&error))?;
        match receiver.recv() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(lost(&error)),
            Err(error) => return Err(lost(&error)),
        }
        let [width, height] = self.size;
        let mut rgba = Vec::with_capacity((width * height * 4) as usize);
        {
            let mapped = slice.get_mapped_range().map_err(|error| lost(&error))?;
            let bytes: &[u8] = &mapped;
            for line in bytes.chunks_exact(row as usize) {
                rgba.extend_from_slice(&line[..(width * 4) as usize]);
            }
        }
        self.buffer.unmap();
        if self.gpu.target_format == wgpu::TextureFormat::Bgra8Unorm {
            rgba.as_chunks_mut::<4>().0.iter_mut().for_each(|pixel| pixel.swap(0, 2));
        }
        // Nothing lies behind the window.
        rgba.as_chunks_mut::<4>().0.iter_mut().for_each(|pixel| pixel[3] = 255);
        Ok(Picture { size: self.size, rgba })
    }

    fn output(&mut self, seconds: f64, ui: &mut dyn FnMut(&mut egui::Ui)) -> egui::FullOutput {
        let [width, height] = self.size.map(|pixels| pixels as f32 / self.scale);
        let mut input = RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, Vec2::new(width, height))),
            time: Some(self.frame as f64 * seconds),
            predicted_dt: seconds as f32,
            max_texture_side: Some(self.gpu.device.limits().max_texture_dimension_2d as usize),
            ..RawInput::default()
        };
        if let Some(viewport) = input.viewports.get_mut(&egui::ViewportId::ROOT) {
            viewport.native_pixels_per_point = Some(self.scale);
        }
        self.frame += 1;
        self.context.run_ui(input, |root| ui(root))
    }

    fn textures(&self, delta: &egui::TexturesDelta) {
        let mut renderer = self.gpu.renderer.write();
        let mut set: Vec<_> = delta.set.iter().collect();
        set.sort_by_key(|(id, _)| **id);
        for (&id, images) in set {
            for image in images {
                renderer.update_texture(&self.gpu.device, &self.gpu.queue, id, image);
            }
        }
        let mut free: Vec<_> = delta.free.iter().copied().collect();
        free.sort();
        free.iter().for_each(|id| renderer.free_texture(id));
    }
}

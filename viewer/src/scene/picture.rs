//! Pictures without a window.

use egui_wgpu::{RenderState, RendererOptions, WgpuConfiguration, WgpuError, WgpuSetup, WgpuSetupCreateNew};

use super::{Renderer, Scene};

/// Why nothing can be drawn.
#[derive(Debug, thiserror::Error)]
pub enum SceneError {
    /// No graphics adapter, not even one in software.
    #[error(
        "no graphics adapter for drawing: {0} (on Linux, Mesa's lavapipe draws in software: mesa-vulkan-drivers)"
    )]
    NoAdapter(String),
    /// The adapter does not give what drawing takes.
    #[error("the graphics adapter cannot be used: {0}")]
    Unusable(String),
    /// A picture of no or too many pixels.
    #[error("a picture of {} × {} pixels cannot be drawn: each side must be 1..={largest}", .size[0], .size[1])]
    Size {
        /// Width and height asked for.
        size: [u32; 2],
        /// Largest side that the adapter allows.
        largest: u32,
    },
    /// The adapter was lost.
    #[error("the graphics adapter was lost: {0}")]
    Lost(String),
}

/// A picture: rows of red, green, blue, alpha, 8 bits each, sRGB, opaque.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Width and height in pixels.
    pub size: [u32; 2],
    /// Bytes, `4 × width × height`.
    pub rgba: Vec<u8>,
}

/// A graphics adapter without a window: a GPU if there is one, else one in software. The environment
/// variables of wgpu (`WGPU_BACKEND`, `WGPU_POWER_PREF`) choose another.
///
/// # Errors
/// [`SceneError::NoAdapter`] and [`SceneError::Unusable`].
pub fn headless() -> Result<RenderState, SceneError> {
    let mut setup = WgpuSetupCreateNew::without_display_handle();
    setup.instance_descriptor.backends.remove(wgpu::Backends::BROWSER_WEBGPU);
    // No more than browsers have, so that what is drawn here can be drawn there.
    setup.device_descriptor = std::sync::Arc::new(|adapter| wgpu::DeviceDescriptor {
        label: Some("pictures"),
        required_limits: wgpu::Limits::downlevel_webgl2_defaults().using_resolution(adapter.limits()),
        ..Default::default()
    });
    let setup = WgpuSetup::CreateNew(setup);
    let instance = pollster::block_on(setup.new_instance());
    let config = WgpuConfiguration { wgpu_setup: setup, ..WgpuConfiguration::default() };
    let made = RenderState::create(&config, &instance, None, RendererOptions::PREDICTABLE);
    pollster::block_on(made).map_err(|error| match error {
        WgpuError::RequestDeviceError(error) => SceneError::Unusable(error.to_string()),
        error => SceneError::NoAdapter(error.to_string()),
    })
}

/// A texture to draw into and read back, picture after picture.
pub struct Target {
    size: [u32; 2],
    texture: wgpu::Texture,
    view: wgpu::TextureView,
    buffer: wgpu::Buffer,
}

/// Bytes of a row in a buffer are a multiple of this.
const ALIGN: u32 = wgpu::COPY_BYTES_PER_ROW_ALIGNMENT;

impl Target {
    /// Format of its texture.
    pub const FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;

    /// A target of `size` pixels.
    ///
    /// # Errors
    /// [`SceneError::Size`].
    pub fn new(device: &wgpu::Device, size: [u32; 2]) -> Result<Self, SceneError> {
        let largest = device.limits().max_texture_dimension_2d;
        if size.iter().any(|side| !(1..=largest).contains(side)) {
            return Err(SceneError::Size { size, largest });
        }
        let [width, height] = size;
        let texture = device.create_texture(&wgpu::TextureDescriptor {
            label: Some("picture"),
            size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: Self::FORMAT,
            usage: wgpu::TextureUsages::RENDER_ATTACHMENT
                | wgpu::TextureUsages::COPY_SRC
                | wgpu::TextureUsages::TEXTURE_BINDING,
            view_formats: &[],
        });
        let buffer = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("picture"),
            size: u64::from((width * 4).next_multiple_of(ALIGN)) * u64::from(height),
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        });
        let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
        Ok(Self { size, texture, view, buffer })
    }

    /// Width and height in pixels.
    #[must_use]
    pub fn size(&self) -> [u32; 2] {
        self.size
    }

    /// What to draw into.
    #[must_use]
    pub fn view(&self) -> &wgpu::TextureView {
        &self.view
    }

    /// Reads what has been drawn; waits for it, so not for browsers.
    ///
    /// # Errors
    /// [`SceneError::Lost`].
    pub fn read(&self, device: &wgpu::Device, queue: &wgpu::Queue) -> Result<Picture, SceneError> {
        let [width, height] = self.size;
        let row = (width * 4).next_multiple_of(ALIGN);
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.copy_texture_to_buffer(
            self.texture.as_image_copy(),
            wgpu::TexelCopyBufferInfo {
                buffer: &self.buffer,
                layout: wgpu::TexelCopyBufferLayout {
                    offset: 0,
                    bytes_per_row: Some(row),
                    rows_per_image: None,
                },
            },
            self.texture.size(),
        );
        queue.submit([encoder.finish()]);
        let lost = |error: &dyn std::fmt::Display| SceneError::Lost(error.to_string());
        let slice = self.buffer.slice(..);
        let (sender, receiver) = std::sync::mpsc::channel();
        slice.map_async(wgpu::MapMode::Read, move |result| {
            // The receiver is gone only if this function has failed already.
            let _ = sender.send(result);
        });
        device.poll(wgpu::PollType::wait_indefinitely()).map_err(|error| lost(&error))?;
        match receiver.recv() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(lost(&error)),
            Err(error) => return Err(lost(&error)),
        }
        let mut rgba = Vec::with_capacity(4 * width as usize * height as usize);
        {
            let mapped = slice.get_mapped_range().map_err(|error| lost(&error))?;
            let bytes: &[u8] = &mapped;
            bytes
                .chunks_exact(row as usize)
                .for_each(|line| rgba.extend_from_slice(&line[..4 * width as usize]));
        }
        self.buffer.unmap();
        // Nothing lies behind a picture.
        rgba.as_chunks_mut::<4>().0.iter_mut().for_each(|pixel| pixel[3] = 255);
        Ok(Picture { size: self.size, rgba })
    }
}

/// Device, renderer and target in one: draws pictures one after the other, without a window.
pub struct Studio {
    gpu: RenderState,
    renderer: Renderer,
    target: Option<Target>,
}

impl Studio {
    /// Opens a device; see [`headless`].
    ///
    /// # Errors
    /// As [`headless`].
    pub fn new() -> Result<Self, SceneError> {
        let gpu = headless()?;
        let renderer = Renderer::new(&gpu.device, Target::FORMAT, Renderer::SAMPLES);
        Ok(Self { gpu, renderer, target: None })
    }

    /// Draws a picture of `size` pixels. The target is kept, so pictures of one size are cheapest.
    ///
    /// # Errors
    /// [`SceneError::Size`] and [`SceneError::Lost`].
    pub fn picture(&mut self, scene: &Scene<'_>, size: [u32; 2]) -> Result<Picture, SceneError> {
        let target = match self.target.take().filter(|t| t.size() == size) {
            Some(target) => target,
            None => Target::new(&self.gpu.device, size)?,
        };
        self.renderer.render(&self.gpu.device, &self.gpu.queue, scene, target.view(), size);
        let picture = target.read(&self.gpu.device, &self.gpu.queue);
        self.target = Some(target);
        picture
    }
}

/// A single picture; for several, a [`Studio`] is quicker.
///
/// # Errors
/// As [`Studio::new`] and [`Studio::picture`].
pub fn picture(scene: &Scene<'_>, size: [u32; 2]) -> Result<Picture, SceneError> {
    Studio::new()?.picture(scene, size)
}

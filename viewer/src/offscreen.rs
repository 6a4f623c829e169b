//! The window drawn into a picture, without a display.

use egui::{Context, Pos2, RawInput, Rect, Vec2};
use egui_wgpu::{RenderState, ScreenDescriptor};

use crate::scene::{Picture, SceneError, Target};

/// A window of a size that exists in memory only.
pub struct Offscreen {
    gpu: RenderState,
    context: Context,
    size: [u32; 2],
    scale: f32,
    time: f64,
    target: Target,
}

impl Offscreen {
    /// A window of `size` pixels, with `scale` pixels per point, drawn by what [`crate::scene::headless`]
    /// has found.
    ///
    /// # Errors
    /// [`SceneError::Size`].
    pub fn new(gpu: RenderState, size: [u32; 2], scale: f32) -> Result<Self, SceneError> {
        let target = Target::new(&gpu.device, size)?;
        Ok(Self { gpu, context: Context::default(), size, scale, time: 0.0, target })
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
    ) -> Result<Picture, SceneError> {
        let output = self.output(seconds, &mut ui);
        self.textures(&output.textures_delta);
        let screen = ScreenDescriptor { size_in_pixels: self.size, pixels_per_point: self.scale };
        let jobs = self.context.tessellate(output.shapes, self.scale);
        let device = &self.gpu.device;
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mut renderer = self.gpu.renderer.write();
        let before = renderer.update_buffers(device, &self.gpu.queue, &mut encoder, &jobs, &screen);
        {
            let attachment = wgpu::RenderPassColorAttachment {
                view: self.target.view(),
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
        self.gpu.queue.submit(before.into_iter().chain([encoder.finish()]));
        self.target.read(&self.gpu.device, &self.gpu.queue)
    }

    fn output(&mut self, seconds: f64, ui: &mut dyn FnMut(&mut egui::Ui)) -> egui::FullOutput {
        self.time += seconds;
        let [width, height] = self.size.map(|pixels| pixels as f32 / self.scale);
        let mut input = RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, Vec2::new(width, height))),
            time: Some(self.time),
            predicted_dt: seconds as f32,
            max_texture_side: Some(self.gpu.device.limits().max_texture_dimension_2d as usize),
            ..RawInput::default()
        };
        if let Some(viewport) = input.viewports.get_mut(&egui::ViewportId::ROOT) {
            viewport.native_pixels_per_point = Some(self.scale);
        }
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

//! The 3D scene in a texture that a panel shows.

use egui_wgpu::RenderState;

use crate::data::document::Document;

/// Scene, camera and texture.
pub struct Stage {
    gpu: Option<RenderState>,
}

impl Stage {
    /// A stage; without `gpu` it stays dark.
    #[must_use]
    pub fn new(gpu: Option<RenderState>) -> Self {
        Self { gpu }
    }

    /// Sets up the robot of what has been opened.
    pub fn prepare(&mut self, _document: &Document) {}

    /// Whether something on it still moves.
    #[must_use]
    pub fn busy(&self) -> bool {
        false
    }

    /// Puts the camera where it was.
    pub fn home(&mut self) {}

    /// Goes to the next camera.
    pub fn next_camera(&mut self) {}
}

//! Pictures of a model's worlds, one after the other, without a window: what a script sees.

use std::sync::Arc;

use sim::Model;

use crate::scene::{Actor, Draw, Picture, Scene, SceneError, Studio};
use crate::stage::{Stage, views};

/// Time between pictures that is long enough for the camera to be where the robot is, s.
const AT_ONCE: f64 = 1.0;

/// Draws worlds of one model from one direction, as films do. The camera follows a robot that travels; one that stays in
/// its place is seen as it was in the first picture. A picture depends on nothing else.
pub struct Portrait {
    stage: Stage,
    studio: Studio,
    size: [u32; 2],
}

impl Portrait {
    /// Pictures of `size` pixels. `view` is a place among [`Portrait::views`].
    ///
    /// # Errors
    /// As [`Studio::new`].
    pub fn new(model: &Arc<Model>, view: usize, size: [u32; 2]) -> Result<Self, SceneError> {
        let mut stage = Stage::new(None, None);
        stage.prepare(model);
        stage.look(view);
        Ok(Self { stage, studio: Studio::new()?, size })
    }

    /// Names of the directions of view (`corner`, `side`, …), then of the cameras in the robot's file.
    #[must_use]
    pub fn views(model: &Model) -> Vec<String> {
        views(&model.cameras)
    }

    /// Draws a world with these coordinates, `[nq]`.
    ///
    /// # Errors
    /// As [`Studio::picture`].
    pub fn picture(&mut self, qpos: &[f32]) -> Result<Picture, SceneError> {
        let snapshot = self.stage.shapes().and_then(|shapes| shapes.snapshot(qpos)).unwrap_or_default();
        let [width, height] = self.size.map(|side| side as f32);
        self.stage.aim_film(&snapshot, 0.0, AT_ONCE, width / height.max(1.0));
        let draw = Draw::default();
        let actors = self.stage.shapes().map(|shapes| Actor::new(shapes, &snapshot)).into_iter().collect();
        let scene = Scene { actors, camera: &self.stage.camera, draw: &draw };
        self.studio.picture(&scene, self.size)
    }
}

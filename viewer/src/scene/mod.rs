//! The 3D scene: robots, ground, shadows and marks, drawn by wgpu into a texture.
//!
//! One renderer serves the window, pictures, videos, the browser and the tests; it knows nothing of
//! windows or panels and keeps to what WebGL2 can do. Coordinates are MuJoCo's: metres, z up,
//! quaternions `[w, x, y, z]`. Colours given from outside are sRGB with straight alpha, 0..=1.
//!
//! [`Shapes`] says what a robot looks like and [`Snapshot`] where it is; an [`Actor`] is both, a
//! [`Scene`] is actors seen by a [`Camera`], and a [`Renderer`] draws it. [`Studio`] draws without a
//! window.

mod camera;
mod globals;
mod gpu;
mod instances;
mod light;
mod lists;
mod markers;
mod mesh;
mod palette;
mod passes;
mod picking;
#[cfg(not(target_arch = "wasm32"))]
mod picture;
mod pipelines;
mod renderer;
mod shapes;
mod snapshot;
mod solid;
mod terrain;
mod through;

pub use camera::{Camera, Ray, View};
pub use palette::Palette;
pub use picking::{Hit, pick};
#[cfg(not(target_arch = "wasm32"))]
pub use picture::{Picture, SceneError, Studio, Target, headless, picture};
pub use renderer::Renderer;
pub use shapes::{Bounds, Shapes};
pub use snapshot::{Arrow, ContactMark, Snapshot};
pub use through::through;

/// How an actor is coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Tint {
    /// In the colours of its shapes.
    #[default]
    Own,
    /// The same, seen through: opacity 0..=1.
    Ghost(f32),
    /// All that moves in one colour; seen through if its alpha is below 1.
    Colour([f32; 4]),
}

impl Tint {
    /// Whether the robot behind it can be seen: then only what moves is drawn, without marks.
    #[must_use]
    pub fn is_ghost(self) -> bool {
        match self {
            Self::Own => false,
            Self::Ghost(_) => true,
            Self::Colour([_, _, _, opacity]) => opacity < 1.0,
        }
    }
}

/// A vector of a body's frame in the world's axes; the body is at `pose`.
#[must_use]
pub fn rotated(pose: [f32; 7], vector: [f32; 3]) -> [f32; 3] {
    (shapes::isometry(pose).rotation * nalgebra::Vector3::from(vector)).into()
}

/// A robot on the scene.
#[derive(Clone, Copy, Debug)]
pub struct Actor<'a> {
    /// What it looks like.
    pub shapes: &'a Shapes,
    /// Where it is. Bodies without a pose are not drawn.
    pub snapshot: &'a Snapshot,
    /// Added to all its positions, m: several actors side by side. Its ground moves along.
    pub offset: [f32; 3],
    /// Its colours.
    pub tint: Tint,
    /// Points that it has passed, m, oldest first.
    pub trail: &'a [[f32; 3]],
    /// A body to outline.
    pub highlighted: Option<usize>,
}

impl<'a> Actor<'a> {
    /// An actor in its own colours, in its own place, without trail.
    #[must_use]
    pub fn new(shapes: &'a Shapes, snapshot: &'a Snapshot) -> Self {
        Self { shapes, snapshot, offset: [0.0; 3], tint: Tint::Own, trail: &[], highlighted: None }
    }
}

/// What is drawn beside the robots, and how.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Draw {
    /// Lines on the ground.
    pub grid: bool,
    /// Shadows.
    pub shadows: bool,
    /// Contact points.
    pub contacts: bool,
    /// Contact forces.
    pub forces: bool,
    /// Joint axes.
    pub joints: bool,
    /// Centre of mass.
    pub com: bool,
    /// Targets.
    pub targets: bool,
    /// Trails.
    pub trail: bool,
    /// Arrows of pushes.
    pub arrows: bool,
    /// Dark instead of light theme.
    pub dark: bool,
    /// Length of force arrows: 1 draws the robot's weight as long as its
    /// [radius](Bounds::radius).
    pub force_scale: f32,
}

impl Default for Draw {
    fn default() -> Self {
        Self {
            grid: true,
            shadows: true,
            contacts: false,
            forces: false,
            joints: false,
            com: false,
            targets: true,
            trail: true,
            arrows: true,
            dark: false,
            force_scale: 1.0,
        }
    }
}

/// Actors as a camera sees them. An empty scene shows bare ground.
#[derive(Clone, Debug)]
pub struct Scene<'a> {
    /// Robots. Ghosts among them are drawn behind all others.
    pub actors: Vec<Actor<'a>>,
    /// From where.
    pub camera: &'a Camera,
    /// What else is drawn.
    pub draw: &'a Draw,
}

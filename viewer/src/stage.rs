//! The 3D scene in a texture that a panel shows, and the camera in front of it.

use std::sync::Arc;

use egui::TextureId;
use egui_wgpu::RenderState;

use crate::data::document::Document;
use crate::data::recording::Recording;
use crate::scene::{Camera, Renderer, Scene, Shapes, Snapshot, View, through};

/// How long the trail is, s.
const TRAIL: f64 = 5.0;
/// After this time the camera has made half of the way to the robot, s.
const HALF_LIFE: f32 = 0.2;
/// The same in films, where the robot fills the picture and would leave it.
const QUICK: f32 = 0.05;
/// Share of a film's height or width that the robot fills as it stands.
const FILLED: f32 = 0.72;
/// Share of its distance that the camera may lack.
const NEAR: f32 = 1e-3;
/// Seconds of the robot's time in one frame beyond which the cursor has jumped.
const JUMP: f64 = 0.9;
/// Format of the texture: egui's.
const FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;

/// Scene, camera and texture.
pub struct Stage {
    /// From where.
    pub camera: Camera,
    /// The body that the pointer pushes: its number and where it was taken hold of, in its frame, m.
    pub held: Option<(usize, [f32; 3])>,
    /// The camera has not come to where it should be, though time may stand still.
    pub settling: bool,
    /// The body that the camera follows; the centre of mass if none.
    pub tracked: Option<usize>,
    gpu: Option<RenderState>,
    renderer: Option<Renderer>,
    shown: Option<Shown>,
    shapes: Option<Shapes>,
    view: usize,
    /// The robot, whose file may name cameras.
    model: Option<Arc<sim::Model>>,
    /// The camera of the model that is looked through.
    through: Option<usize>,
    last_time: f64,
    /// How far above what is followed the camera aims, m.
    lift: f32,
    /// The camera has not seen the robot yet.
    fresh: bool,
}

/// Names of the directions of view, then of `cameras`.
#[must_use]
pub fn views(cameras: &[sim::Camera]) -> Vec<String> {
    let cameras = named(cameras).map(|(_, camera)| camera.name.as_str());
    View::ALL.map(View::name).into_iter().chain(cameras).map(str::to_owned).collect()
}

/// Those that can be looked through, with their places in `cameras`.
fn named(cameras: &[sim::Camera]) -> impl Iterator<Item = (usize, &sim::Camera)> {
    cameras.iter().enumerate().filter(|(_, camera)| !camera.name.is_empty())
}

/// A texture that egui knows.
struct Shown {
    texture: wgpu::Texture,
    id: TextureId,
    size: [u32; 2],
}

impl Stage {
    /// A stage; without `gpu` it stays dark. `samples` per pixel, 1 or [`Renderer::SAMPLES`]; if absent, as
    /// suits a window on this adapter.
    #[must_use]
    pub fn new(gpu: Option<RenderState>, samples: Option<u32>) -> Self {
        let renderer = gpu.as_ref().map(|gpu| {
            let samples = samples.unwrap_or_else(|| Renderer::window_samples(&gpu.device));
            Renderer::new(&gpu.device, FORMAT, samples)
        });
        Self {
            camera: Camera::default(),
            held: None,
            settling: false,
            tracked: None,
            gpu,
            renderer,
            shown: None,
            shapes: None,
            view: 0,
            model: None,
            through: None,
            last_time: 0.0,
            lift: 0.0,
            fresh: true,
        }
    }

    /// Whether there is something to draw with.
    #[must_use]
    pub fn lit(&self) -> bool {
        self.gpu.is_some()
    }

    /// Sets up the robot of what has been opened.
    pub fn prepare(&mut self, document: &Document) {
        self.shapes = Some(Shapes::from_model(&document.model));
        self.camera = Camera::default();
        self.model = Some(Arc::clone(&document.model));
        self.through = None;
        self.view = 0;
        self.held = None;
        self.tracked = None;
        self.lift = 0.0;
        self.fresh = true;
    }

    /// What the robot looks like.
    #[must_use]
    pub fn shapes(&self) -> Option<&Shapes> {
        self.shapes.as_ref()
    }

    /// Puts the camera where it was.
    pub fn home(&mut self) {
        self.through = None;
        self.camera = Camera::default();
        self.fresh = true;
    }

    /// Turns the camera about the robot, rad; its eye stays above the ground.
    pub fn orbit(&mut self, left: f32, up: f32) {
        self.through = None;
        self.camera.orbit(left, up);
        let above = (self.camera.target[2].max(0.0) - 0.03 * self.camera.distance) / self.camera.distance;
        self.camera.elevation = self.camera.elevation.min(above.clamp(-1.0, 1.0).asin());
    }

    /// Moves the picture by fractions of its height.
    pub fn pan(&mut self, right: f32, down: f32) {
        self.through = None;
        self.camera.pan(right, down);
    }

    /// Comes nearer by a factor above 1, or goes away by one below 1.
    pub fn zoom(&mut self, factor: f32) {
        if factor != 1.0 {
            self.through = None;
            self.camera.zoom(factor);
        }
    }

    /// Names of the directions of view, then of the cameras in the robot's file.
    #[must_use]
    pub fn views(&self) -> Vec<String> {
        self.model.as_ref().map_or_else(|| views(&[]), |model| views(&model.cameras))
    }

    /// Goes to the next direction of view or camera.
    pub fn next_camera(&mut self) {
        self.look((self.view + 1) % self.views().len());
    }

    /// Looks from a direction or through a camera, by its place among [`Stage::views`].
    pub fn look(&mut self, view: usize) {
        self.view = view;
        if let Some(view) = View::ALL.get(view) {
            if self.through.take().is_some() {
                self.home();
            }
            self.camera.look(*view);
        } else {
            let cameras = self.model.as_ref().map_or(&[][..], |model| &model.cameras);
            self.through = named(cameras).nth(view - View::ALL.len()).map(|(index, _)| index);
        }
    }

    /// Aims at the robot at first, and follows it if wanted.
    pub fn aim(&mut self, snapshot: &Snapshot, time: f64, seconds: f64, follow: bool) {
        self.aim_within(snapshot, time, (seconds, HALF_LIFE), follow);
    }

    fn aim_within(&mut self, snapshot: &Snapshot, time: f64, (seconds, half_life): (f64, f32), follow: bool) {
        let Some(shapes) = &self.shapes else { return };
        if self.fresh {
            self.camera.frame(shapes.moving_bounds(&snapshot.poses));
            self.fresh = false;
        }
        self.settling = false;
        if let (Some(index), Some(model)) = (self.through, &self.model) {
            self.camera = through(model, &model.cameras[index], &snapshot.poses);
            return;
        }
        let jumped = (time - self.last_time).abs() > JUMP || time < self.last_time;
        self.last_time = time;
        let body = self.tracked.and_then(|body| snapshot.poses.get(body));
        let point = body.map(|&[x, y, z, ..]| [x, y, z]).or(snapshot.com);
        let point = point.map(|[x, y, z]| [x, y, z + self.lift]);
        if let Some(point) = point.filter(|_| follow) {
            self.camera.follow(point, seconds as f32, if jumped { 0.0 } else { half_life });
            let left = (0..3).map(|i| (self.camera.target[i] - point[i]).abs()).fold(0.0, f32::max);
            self.settling = seconds > 0.0 && left > NEAR * self.camera.distance;
        }
    }

    /// The same for a film whose width is `aspect` times its height: nearer to the robot, and closer on its heels. What
    /// stays in its place is not followed.
    pub fn aim_film(&mut self, snapshot: &Snapshot, time: f64, seconds: f64, aspect: f32) {
        let (follow, fresh) = (self.travels(), self.fresh);
        let Some(shapes) = self.shapes.as_ref().filter(|_| fresh) else {
            return self.aim_within(snapshot, time, (seconds, QUICK), follow);
        };
        // Robots that walk in several films, or have fallen in one of them, are seen from the same distance.
        let upright = shapes.snapshot(&shapes.qpos0()).filter(|_| follow);
        let pose = upright.as_ref().unwrap_or(snapshot);
        let middle = shapes.bounds(&pose.poses).centre;
        let corners = shapes.corners(&pose.poses);
        if let (true, Some([.., height])) = (follow, pose.com) {
            self.lift = middle[2] - height;
        }
        self.aim_within(snapshot, time, (seconds, 0.0), follow);
        if self.through.is_none() {
            let seen = Camera { target: middle, ..self.camera };
            self.camera.distance = seen.fitting(&corners, aspect, FILLED).unwrap_or(self.camera.distance);
        }
    }

    /// Whether the robot can go anywhere.
    #[must_use]
    pub fn travels(&self) -> bool {
        self.shapes.as_ref().is_some_and(Shapes::travels)
    }

    /// Where the robot of a recording is at a time.
    #[must_use]
    pub fn snapshot(&self, recording: &Recording, quaternions: &[usize], time: f64) -> Option<Snapshot> {
        self.shapes.as_ref()?.snapshot(&recording.qpos_at(time, quaternions))
    }

    /// Where its centre of mass was during the last seconds, oldest first.
    #[must_use]
    pub fn trail(&self, recording: &Recording, quaternions: &[usize], time: f64) -> Vec<[f32; 3]> {
        let dt = recording.header.control_dt;
        let time = time.min(recording.duration());
        let first = ((time - TRAIL).max(0.0) / dt).ceil() as usize;
        let times = (first..).map(|step| step as f64 * dt).take_while(|&at| at < time).chain([time]);
        times.filter_map(|at| self.snapshot(recording, quaternions, at)?.com).collect()
    }

    /// Draws with this stage's renderer, as `scene` makes a scene of shapes and camera. Returns the
    /// texture and what `scene` said; no texture without an adapter.
    pub fn draw<R>(
        &mut self,
        size: [u32; 2],
        scene: impl FnOnce(&Shapes, &Camera, &mut dyn FnMut(&Scene<'_>)) -> R,
    ) -> Option<(Option<TextureId>, R)> {
        let shapes = self.shapes.as_ref()?;
        let mut id = None;
        if let Some(gpu) = &self.gpu
            && self.shown.as_ref().is_none_or(|shown| shown.size != size)
        {
            self.shown = Some(texture(gpu, size, self.shown.take()));
        }
        let mut render = |scene: &Scene<'_>| {
            if let (Some(gpu), Some(renderer), Some(shown)) = (&self.gpu, &mut self.renderer, &self.shown) {
                let view = shown.texture.create_view(&wgpu::TextureViewDescriptor::default());
                renderer.render(&gpu.device, &gpu.queue, scene, &view, size);
                id = Some(shown.id);
            }
        };
        let result = scene(shapes, &self.camera, &mut render);
        Some((id, result))
    }
}

/// A texture of a size, under the same name as the one before.
fn texture(gpu: &RenderState, size: [u32; 2], before: Option<Shown>) -> Shown {
    let [width, height] = size;
    let texture = gpu.device.create_texture(&wgpu::TextureDescriptor {
        label: Some("scene"),
        size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: FORMAT,
        usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::TEXTURE_BINDING,
        view_formats: &[],
    });
    let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
    let mut renderer = gpu.renderer.write();
    let filter = wgpu::FilterMode::Linear;
    let id = match before {
        Some(before) => {
            renderer.update_egui_texture_from_wgpu_texture(&gpu.device, &view, filter, before.id);
            before.id
        }
        None => renderer.register_native_texture(&gpu.device, &view, filter),
    };
    Shown { texture, id, size }
}

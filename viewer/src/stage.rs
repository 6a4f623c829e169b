//! The 3D scene in a texture that a panel shows, and the camera in front of it.

use std::sync::Arc;

use egui::TextureId;
use egui_wgpu::RenderState;

use crate::cards::Still;
use crate::data::recording::Recording;
use crate::scene::{Actor, Camera, Draw, Renderer, Scene, Shapes, Snapshot, View, through};
use crate::trail::Trail;

/// After this time the camera has made half of the way to the robot, s: what runs at 5 m/s is 0.4 m ahead of it.
const HALF_LIFE: f32 = 0.05;
/// The same for the distance from several robots, which their limbs must not shake, s.
const EASY: f32 = 0.4;
/// Share of a film's height or width that the robot fills as it stands.
const FILLED: f32 = 0.72;
/// The same of a window for robots that stay where they are, and for several side by side.
const STILL: f32 = 0.8;
/// The same of a picture on the start page.
const SMALL: f32 = 0.85;
/// Share of its distance that the camera may lack.
const NEAR: f32 = 1e-3;
/// Length of a frame beyond which the camera follows at once, s.
const SLOW: f64 = 0.1;
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
    trail: Trail,
    /// Where the scene was drawn last, points.
    pub rect: egui::Rect,
    /// The adapter is software, and somebody waits for the picture.
    hurried: bool,
    /// Several robots stand side by side: the distance before, and the factor by which the wheel has come nearer since.
    beside: Option<(f32, f32)>,
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
        let software = |gpu: &RenderState| gpu.adapter.get_info().device_type == wgpu::DeviceType::Cpu;
        let hurried = samples.is_none() && gpu.as_ref().is_some_and(software);
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
            trail: Trail::default(),
            rect: egui::Rect::NOTHING,
            hurried,
            beside: None,
        }
    }

    /// Whether to draw quickly rather than well: as wanted, or else on an adapter in software.
    #[must_use]
    pub fn fast(&self, wanted: Option<bool>) -> bool {
        wanted.unwrap_or(self.hurried)
    }

    /// Whether there is something to draw with.
    #[must_use]
    pub fn lit(&self) -> bool {
        self.gpu.is_some()
    }

    /// Sets up a robot.
    pub fn prepare(&mut self, model: &Arc<sim::Model>) {
        self.shapes = Some(Shapes::from_model(model));
        self.camera = Camera::default();
        self.model = Some(Arc::clone(model));
        self.through = None;
        self.view = 0;
        self.held = None;
        self.tracked = None;
        self.lift = 0.0;
        self.fresh = true;
        self.trail.clear();
        self.beside = None;
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
        self.beside = None;
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
            if let Some((_, nearer)) = &mut self.beside {
                *nearer *= factor;
            }
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

    /// Whether the camera has not seen the robot yet.
    #[must_use]
    pub fn fresh(&self) -> bool {
        self.fresh
    }

    /// Aims at the robot at first, and follows it if wanted, in a window whose width is `aspect` times its height. A robot
    /// that stays in its place is not followed, but a body of it that is tracked; it is seen as it is and as it started.
    pub fn aim(
        &mut self,
        (snapshot, start): (&Snapshot, Option<&Snapshot>),
        (time, seconds): (f64, f64),
        aspect: f32,
        follow: bool,
    ) {
        if let Some((distance, _)) = self.beside.take() {
            self.camera.distance = distance;
        }
        let stays = !self.travels();
        let frames = self.fresh && stays;
        self.aim_within(snapshot, time, (seconds, HALF_LIFE), follow && (!stays || self.tracked.is_some()));
        if let Some(shapes) = self.shapes.as_ref().filter(|_| frames && self.through.is_none()) {
            let both = [Some(snapshot), start].into_iter().flatten();
            let corners: Vec<_> = both.flat_map(|snapshot| shapes.corners(&snapshot.poses)).collect();
            self.camera.target = middle(&corners).unwrap_or(self.camera.target);
            let distance = self.camera.fitting(&corners, aspect, STILL);
            self.camera.distance = distance.unwrap_or(self.camera.distance);
        }
    }

    /// The same for several robots side by side, with where each is moved to, m: all are kept in the picture, if any are
    /// followed.
    pub fn aim_all(
        &mut self,
        robots: &[(&Snapshot, [f32; 3])],
        (time, seconds): (f64, f64),
        aspect: f32,
        follow: bool,
    ) {
        let Some(&(first, _)) = robots.first() else { return };
        if self.fresh || self.through.is_some() || !follow {
            return self.aim((first, None), (time, seconds), aspect, follow);
        }
        let Some(shapes) = &self.shapes else { return };
        let moved = |&(snapshot, offset): &(&Snapshot, [f32; 3])| {
            let corners = shapes.corners(&snapshot.poses).into_iter();
            corners.map(move |corner| std::array::from_fn(|i| corner[i] + offset[i])).collect::<Vec<_>>()
        };
        let corners: Vec<[f32; 3]> = robots.iter().flat_map(moved).collect();
        let middle = middle(&corners).unwrap_or(self.camera.target);
        let jumped = self.beside.is_none() || (time - self.last_time).abs() > JUMP || time < self.last_time;
        self.last_time = time;
        let half_life = if jumped || seconds > SLOW { 0.0 } else { HALF_LIFE };
        self.camera.follow(middle, seconds as f32, half_life);
        let (before, nearer) = self.beside.unwrap_or((self.camera.distance, 1.0));
        self.beside = Some((before, nearer));
        let wanted = self.camera.fitting(&corners, aspect, STILL).unwrap_or(self.camera.distance) / nearer;
        let left = if jumped { 0.0 } else { (-seconds as f32 / EASY).exp2() };
        self.camera.distance = wanted + left * (self.camera.distance - wanted);
        self.settling = seconds > 0.0 && (self.camera.distance - wanted).abs() > NEAR * wanted;
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
        let passed = (time - self.last_time).abs();
        let jumped = passed > JUMP || time < self.last_time;
        self.last_time = time;
        let body = self.tracked.and_then(|body| snapshot.poses.get(body));
        let point = body.map(|&[x, y, z, ..]| [x, y, z]).or(snapshot.com);
        let point = point.map(|[x, y, z]| [x, y, z + self.lift]);
        if let Some(point) = point.filter(|_| follow) {
            // With few pictures per second there is nothing to smooth, and a quick robot would run away.
            let at_once = jumped || seconds.max(passed) > SLOW;
            self.camera.follow(point, seconds as f32, if at_once { 0.0 } else { half_life });
            let left = (0..3).map(|i| (self.camera.target[i] - point[i]).abs()).fold(0.0, f32::max);
            self.settling = seconds > 0.0 && left > NEAR * self.camera.distance;
        }
    }

    /// The same for a film whose width is `aspect` times its height: nearer to the robot, and closer on its heels. What
    /// stays in its place is not followed.
    pub fn aim_film(&mut self, snapshot: &Snapshot, time: f64, seconds: f64, aspect: f32) {
        let (follow, fresh) = (self.travels(), self.fresh);
        let Some(shapes) = self.shapes.as_ref().filter(|_| fresh) else {
            return self.aim_within(snapshot, time, (seconds, HALF_LIFE), follow);
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

    /// Where its centre of mass was during the last seconds, oldest first; it is at `now`.
    #[must_use]
    pub fn trail(&mut self, recording: &Recording, time: f64, now: &Snapshot) -> Vec<[f32; 3]> {
        let Some(shapes) = &self.shapes else { return Vec::new() };
        self.trail.until(time, now.com, recording, shapes)
    }

    /// Draws a robot alone into a texture of its own; none without an adapter.
    pub fn picture(&mut self, still: &Still, dark: bool, size: [u32; 2]) -> Option<TextureId> {
        let (gpu, renderer) = (self.gpu.as_ref()?, self.renderer.as_mut()?);
        let mut camera = Camera::default();
        camera.frame(still.shapes.moving_bounds(&still.snapshot.poses));
        let corners = still.shapes.corners(&still.snapshot.poses);
        let distance = camera.fitting(&corners, size[0] as f32 / size[1] as f32, SMALL);
        camera.distance = distance.unwrap_or(camera.distance);
        let draw = Draw { dark, ..Draw::default() };
        let actors = vec![Actor::new(&still.shapes, &still.snapshot)];
        let Shown { texture, id, .. } = texture(gpu, size, None);
        let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
        let scene = Scene { actors, camera: &camera, draw: &draw };
        renderer.render(&gpu.device, &gpu.queue, &scene, &view, size);
        Some(id)
    }

    /// Gives a picture up.
    pub fn drop_picture(&self, id: TextureId) {
        if let Some(gpu) = &self.gpu {
            gpu.renderer.write().free_texture(&id);
        }
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

/// The middle of the box around points; none without any.
fn middle(points: &[[f32; 3]]) -> Option<[f32; 3]> {
    let low = points.iter().copied().reduce(|a, b| std::array::from_fn(|i| a[i].min(b[i])))?;
    let high = points.iter().copied().reduce(|a, b| std::array::from_fn(|i| a[i].max(b[i])))?;
    Some(std::array::from_fn(|i| (low[i] + high[i]) / 2.0))
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::data::document::Document;

    const SIZE: [f32; 2] = [800.0, 450.0];

    /// A shipped config's robot on a dark stage, and where it starts.
    fn stage(config: &str) -> (Stage, Snapshot) {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs").join(config);
        let document = Document::open(&path).unwrap();
        let mut stage = Stage::new(None, None);
        stage.prepare(&document.model);
        let snapshot = stage.snapshot(document.recording(), &document.quaternions, 0.0).unwrap();
        (stage, snapshot)
    }

    /// How far a robot, moved by `offset`, reaches from the middle of the picture, as a share of its half sides.
    fn reach(stage: &Stage, snapshot: &Snapshot, offset: [f32; 3]) -> f32 {
        let corners = stage.shapes.as_ref().unwrap().corners(&snapshot.poses).into_iter();
        let seen = corners.map(|corner| {
            let corner = std::array::from_fn(|i| corner[i] + offset[i]);
            let at = stage.camera.project(corner, SIZE).unwrap();
            (0..2).map(|i| (2.0 * at[i] / SIZE[i] - 1.0).abs()).fold(0.0, f32::max)
        });
        seen.fold(0.0, f32::max)
    }

    #[test]
    fn small_tasks_fill_the_picture_and_are_not_followed() {
        for config in ["reacher.ron", "grasp.ron", "push_to_goal.ron", "inverted_pendulum.ron"] {
            let (mut stage, snapshot) = stage(config);
            let aspect = SIZE[0] / SIZE[1];
            stage.aim((&snapshot, Some(&snapshot)), (0.0, 0.0), aspect, true);
            let filled = reach(&stage, &snapshot, [0.0; 3]);
            assert!((STILL - 0.01..=STILL + 0.01).contains(&filled), "{config}: {filled}");
            let before = stage.camera;
            let mut moved = snapshot.clone();
            moved.com = Some([1.0, 1.0, 1.0]);
            stage.aim((&moved, None), (0.1, 0.1), aspect, true);
            assert_eq!(stage.camera, before, "{config}");
        }
    }

    #[test]
    fn robots_side_by_side_are_all_in_the_picture() {
        let (mut stage, snapshot) = stage("ant.ron");
        let aspect = SIZE[0] / SIZE[1];
        stage.aim((&snapshot, None), (0.0, 0.0), aspect, true);
        let alone = stage.camera;
        let offsets = [[0.0; 3], [0.0, 3.0, 0.0], [2.0, -3.0, 0.0]];
        let robots = offsets.map(|offset| (&snapshot, offset));
        stage.aim_all(&robots, (0.0, 0.0), aspect, true);
        let farthest = offsets.map(|offset| reach(&stage, &snapshot, offset)).into_iter().fold(0.0, f32::max);
        assert!((farthest - STILL).abs() < 0.01, "{farthest}");
        // Whoever comes nearer by hand stays there.
        let before = stage.camera.distance;
        stage.zoom(2.0);
        stage.aim_all(&robots, (0.05, 10.0), aspect, true);
        assert!((stage.camera.distance - before / 2.0).abs() < 0.01 * before);
        stage.aim((&snapshot, None), (0.05, 10.0), aspect, true);
        assert!((stage.camera.distance - alone.distance).abs() < 1e-4, "as before");
    }
}

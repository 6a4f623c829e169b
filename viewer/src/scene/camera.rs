//! A camera that turns about a point.

use nalgebra as na;

use super::Bounds;

/// A camera that looks at a target from a distance. Angles are MuJoCo's: at azimuth 0 it looks along
/// +x, at 90° along +y; it looks down at negative elevation.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Camera {
    /// What it looks at, m.
    pub target: [f32; 3],
    /// From the eye to the target, m, above 0.
    pub distance: f32,
    /// Direction of view about z, rad.
    pub azimuth: f32,
    /// Direction of view above the horizon, rad, within ±[`Camera::MAX_ELEVATION`].
    pub elevation: f32,
    /// Angle of view from bottom to top, rad, 0 to π without the ends.
    pub fov_y: f32,
}

impl Default for Camera {
    fn default() -> Self {
        let degrees = core::f32::consts::PI / 180.0;
        Self {
            target: [0.0, 0.0, 0.4],
            distance: 4.5,
            azimuth: 125.0 * degrees,
            elevation: -18.0 * degrees,
            fov_y: 40.0 * degrees,
        }
    }
}

/// A half-line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ray {
    /// Where it starts, m.
    pub origin: [f32; 3],
    /// Unit vector.
    pub direction: [f32; 3],
}

impl Ray {
    /// The point at a distance along the ray.
    #[must_use]
    pub fn at(&self, distance: f32) -> [f32; 3] {
        std::array::from_fn(|i| self.origin[i] + distance * self.direction[i])
    }
}

/// A named direction of view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum View {
    /// From ahead and above, at an angle.
    Corner,
    /// The robot that faces +x, from its right side.
    Side,
    /// Along −x, into its face.
    Front,
    /// Along +x, from behind.
    Back,
    /// From above.
    Top,
}

impl View {
    /// All of them, in the order in which keys cycle through them.
    pub const ALL: [Self; 5] = [Self::Corner, Self::Side, Self::Front, Self::Back, Self::Top];

    /// Name for menus and the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Corner => "corner",
            Self::Side => "side",
            Self::Front => "front",
            Self::Back => "back",
            Self::Top => "top",
        }
    }
}

impl Camera {
    /// Nearest that the view comes to the vertical, rad.
    pub const MAX_ELEVATION: f32 = 1.55;
    /// Range of distances, m.
    pub const DISTANCES: [f32; 2] = [0.01, 2000.0];

    /// Nearest thing that is drawn, m.
    pub(super) fn near(&self) -> f32 {
        0.02 * self.distance
    }

    /// Unit vectors to the right, up in the picture, and along the view.
    #[must_use]
    pub fn axes(&self) -> [[f32; 3]; 3] {
        let ((sa, ca), (se, ce)) = (self.azimuth.sin_cos(), self.elevation.sin_cos());
        [[sa, -ca, 0.0], [-se * ca, -se * sa, ce], [ce * ca, ce * sa, se]]
    }

    /// Where the camera is, m.
    #[must_use]
    pub fn eye(&self) -> [f32; 3] {
        let [_, _, forward] = self.axes();
        std::array::from_fn(|i| self.target[i] - self.distance * forward[i])
    }

    /// Turns about the target, rad; positive `up` raises the eye.
    pub fn orbit(&mut self, left: f32, up: f32) {
        use core::f32::consts::{PI, TAU};
        self.azimuth = (self.azimuth + left + PI).rem_euclid(TAU) - PI;
        self.elevation = (self.elevation - up).clamp(-Self::MAX_ELEVATION, Self::MAX_ELEVATION);
    }

    /// Moves the target in the plane of the picture by fractions of the picture's height: what lies
    /// at the target's depth moves along with a pointer that moves by (`right`, `down`).
    pub fn pan(&mut self, right: f32, down: f32) {
        let height = 2.0 * self.distance * (self.fov_y / 2.0).tan();
        let [x, y, _] = self.axes();
        for i in 0..3 {
            self.target[i] += height * (down * y[i] - right * x[i]);
        }
    }

    /// Moves nearer by a factor above 1, or away by one below 1.
    pub fn zoom(&mut self, factor: f32) {
        let [nearest, farthest] = Self::DISTANCES;
        self.distance = (self.distance / factor).clamp(nearest, farthest);
    }

    /// Moves the target toward `point`: after `half_life` seconds half of the way is left.
    pub fn follow(&mut self, point: [f32; 3], seconds: f32, half_life: f32) {
        let left = if half_life > 0.0 { (-seconds / half_life).exp2() } else { 0.0 };
        for (target, point) in self.target.iter_mut().zip(point) {
            *target = point + left * (*target - point);
        }
    }

    /// Looks from a named direction; target and distance stay.
    pub fn look(&mut self, view: View) {
        let (azimuth, elevation) = match view {
            View::Corner => (125.0, -18.0),
            View::Side => (90.0, -8.0),
            View::Front => (180.0, -8.0),
            View::Back => (0.0, -12.0),
            View::Top => (90.0, -Self::MAX_ELEVATION.to_degrees()),
        };
        (self.azimuth, self.elevation) = (f32::to_radians(azimuth), f32::to_radians(elevation));
    }

    /// Aims at something, at a distance at which it fills most of a picture whose width is at least
    /// its height.
    pub fn frame(&mut self, bounds: Bounds) {
        let [nearest, farthest] = Self::DISTANCES;
        self.target = bounds.centre;
        self.distance = (1.15 * bounds.radius / (self.fov_y / 2.0).sin()).clamp(nearest, farthest);
    }

    /// Distance from its target at which `points`, m, fill `share` of a picture, whose width is `aspect` times its height,
    /// as far as its narrower side allows; none without points.
    #[must_use]
    pub fn fitting(&self, points: &[[f32; 3]], aspect: f32, share: f32) -> Option<f32> {
        let [x, y, forward] = self.axes().map(na::Vector3::from);
        let slope = share * (self.fov_y / 2.0).tan();
        let distance = points.iter().map(|&point| {
            let from = na::Vector3::from(point) - na::Vector3::from(self.target);
            (x.dot(&from).abs() / (slope * aspect)).max(y.dot(&from).abs() / slope) - forward.dot(&from)
        });
        let [nearest, farthest] = Self::DISTANCES;
        distance.reduce(f32::max).map(|distance| distance.clamp(nearest, farthest))
    }

    /// World to clip space, with depth 1 at the near plane and 0 at infinity.
    pub(super) fn matrix(&self, aspect: f32) -> na::Matrix4<f32> {
        let f = 1.0 / (self.fov_y / 2.0).tan();
        let [x, y, forward] = self.axes().map(na::Vector3::from);
        let eye = na::Vector3::from(self.eye());
        #[rustfmt::skip]
        let view = na::Matrix4::new(
            x.x, x.y, x.z, -x.dot(&eye),
            y.x, y.y, y.z, -y.dot(&eye),
            -forward.x, -forward.y, -forward.z, forward.dot(&eye),
            0.0, 0.0, 0.0, 1.0,
        );
        #[rustfmt::skip]
        let projection = na::Matrix4::new(
            f / aspect, 0.0, 0.0, 0.0,
            0.0, f, 0.0, 0.0,
            0.0, 0.0, 0.0, self.near(),
            0.0, 0.0, -1.0, 0.0,
        );
        projection * view
    }

    /// The ray through a point of a picture, from the upper left corner, in the unit of `size`.
    #[must_use]
    pub fn ray(&self, pixel: [f32; 2], size: [f32; 2]) -> Ray {
        let slope = (self.fov_y / 2.0).tan();
        let right = (2.0 * pixel[0] / size[0] - 1.0) * slope * size[0] / size[1];
        let up = (1.0 - 2.0 * pixel[1] / size[1]) * slope;
        let [x, y, forward] = self.axes().map(na::Vector3::from);
        Ray { origin: self.eye(), direction: (forward + x * right + y * up).normalize().into() }
    }

    /// Where a point appears in a picture; `None` behind the eye. The inverse of [`Camera::ray`].
    #[must_use]
    pub fn project(&self, point: [f32; 3], size: [f32; 2]) -> Option<[f32; 2]> {
        let clip = self.matrix(size[0] / size[1]) * na::Point3::from(point).to_homogeneous();
        (clip.w > self.near())
            .then(|| [(0.5 + 0.5 * clip.x / clip.w) * size[0], (0.5 - 0.5 * clip.y / clip.w) * size[1]])
    }

    /// Size of a pixel at a point, m, in a picture `height` pixels high; at least that at the near
    /// plane.
    pub(super) fn pixel(&self, point: [f32; 3], height: f32) -> f32 {
        let [_, _, forward] = self.axes();
        let eye = self.eye();
        let depth: f32 = (0..3).map(|i| (point[i] - eye[i]) * forward[i]).sum();
        depth.max(self.near()) * 2.0 * (self.fov_y / 2.0).tan() / height
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: [f32; 2] = [1280.0, 800.0];

    fn cameras() -> Vec<Camera> {
        let mut cameras = Vec::new();
        for azimuth in [-3.0, -0.4, 0.0, 1.2, 2.9] {
            for elevation in [-1.5, -0.3, 0.0, 0.7] {
                for distance in [0.1, 4.0, 300.0] {
                    let target = [1.0, -2.0, 0.5];
                    cameras.push(Camera { target, distance, azimuth, elevation, fov_y: 0.7 });
                }
            }
        }
        cameras
    }

    #[test]
    fn a_point_on_a_ray_appears_where_the_ray_started() {
        for camera in cameras() {
            for pixel in [[3.0, 5.0], [640.0, 400.0], [1279.0, 31.0], [200.5, 700.25]] {
                let ray = camera.ray(pixel, SIZE);
                let seen = camera.project(ray.at(1.7 * camera.distance), SIZE).expect("ahead of the eye");
                for (a, b) in seen.into_iter().zip(pixel) {
                    assert!((a - b).abs() < 0.05, "{camera:?}: {seen:?} for {pixel:?}");
                }
                assert_eq!(camera.project(ray.at(-camera.distance), SIZE), None, "behind the eye");
            }
        }
    }

    #[test]
    fn the_target_is_in_the_middle_and_up_is_up() {
        for camera in cameras() {
            let [x, y] = camera.project(camera.target, SIZE).expect("ahead of the eye");
            assert!((x - 640.0).abs() < 0.1 && (y - 400.0).abs() < 0.1, "{camera:?}: {x} {y}");
            let mut above = camera.target;
            above[2] += 0.1 * camera.distance;
            let [x, y] = camera.project(above, SIZE).expect("ahead of the eye");
            assert!((x - 640.0).abs() < 0.1 && y < 400.0, "{camera:?}: {x} {y}");
        }
    }

    #[test]
    fn azimuths_are_those_of_mujoco() {
        // mjv_updateCamera: azimuth 90 looks along +y, elevation −90 straight down.
        let camera = Camera { azimuth: 90_f32.to_radians(), elevation: 0.0, ..Camera::default() };
        let [right, up, forward] = camera.axes();
        for (got, expected) in [(right, [1.0, 0.0, 0.0]), (up, [0.0, 0.0, 1.0]), (forward, [0.0, 1.0, 0.0])] {
            assert!((0..3).all(|i| (got[i] - expected[i]).abs() < 1e-6), "{got:?} {expected:?}");
        }
        let down = Camera { elevation: -1.5, ..camera };
        assert!(down.eye()[2] > down.target[2]);
    }

    #[test]
    fn what_is_dragged_follows_the_pointer() {
        for mut camera in cameras() {
            let grabbed = camera.target;
            camera.pan(0.1, 0.05);
            let [x, y] = camera.project(grabbed, SIZE).expect("ahead of the eye");
            assert!((x - 720.0).abs() < 0.5 && (y - 440.0).abs() < 0.5, "{camera:?}: {x} {y}");
        }
    }

    #[test]
    fn orbiting_and_zooming_stay_in_range() {
        let mut camera = Camera::default();
        for _ in 0..1000 {
            camera.orbit(0.3, 0.2);
            camera.zoom(1.3);
        }
        assert!(camera.azimuth.abs() <= core::f32::consts::PI);
        assert_eq!(camera.elevation, -Camera::MAX_ELEVATION);
        assert_eq!(camera.distance, Camera::DISTANCES[0]);
    }

    #[test]
    fn following_halves_the_way_in_each_half_life() {
        let mut camera = Camera { target: [8.0, 0.0, 0.0], ..Camera::default() };
        for _ in 0..10 {
            camera.follow([0.0; 3], 0.05, 0.25);
        }
        assert!((camera.target[0] - 2.0).abs() < 1e-4, "{:?}", camera.target);
        camera.follow([1.0, 2.0, 3.0], 0.01, 0.0);
        assert_eq!(camera.target, [1.0, 2.0, 3.0]);
    }

    #[test]
    fn fitted_points_reach_as_far_as_they_shall_and_no_further() {
        let points = [[1.0, 2.0, 0.0], [-1.0, 0.5, 1.5], [0.3, -1.0, 0.2], [0.0, 0.0, 0.9]];
        for (aspect, share) in [(1.6, 0.7), (0.5, 0.9), (1.0, 0.4)] {
            let size = [800.0 * aspect, 800.0];
            for view in View::ALL {
                let mut camera = Camera { target: [0.1, 0.2, 0.4], ..Camera::default() };
                camera.look(view);
                camera.distance = camera.fitting(&points, aspect, share).expect("there are points");
                let reach = points.map(|point| {
                    let seen = camera.project(point, size).expect("ahead of the eye");
                    (0..2).map(|i| (2.0 * seen[i] / size[i] - 1.0).abs()).fold(0.0, f32::max)
                });
                let reach = reach.into_iter().fold(0.0, f32::max);
                assert!((reach - share).abs() < 1e-3, "{view:?}: {reach} of {share}");
            }
        }
    }

    #[test]
    fn a_framed_ball_is_within_the_picture_and_fills_half_of_it() {
        let mut camera = Camera::default();
        camera.frame(Bounds { centre: [1.0, 2.0, 3.0], radius: 0.8 });
        let [_, up, _] = camera.axes();
        let top = std::array::from_fn(|i| camera.target[i] + 0.8 * up[i]);
        let [_, y] = camera.project(top, SIZE).expect("ahead of the eye");
        assert!((40.0..200.0).contains(&y), "{y}");
    }
}

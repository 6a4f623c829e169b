//! Views through the cameras that a robot's file names.

use nalgebra as na;
use sim::{CameraMode, Model};

use super::Camera;
use super::shapes::{centre_of_mass, isometry};

/// Least distance at which something is looked at, m.
const NEAREST: f32 = 0.2;

/// Centre of mass of a body and all below it; the body's place if they weigh nothing.
fn centre(model: &Model, root: usize, poses: &[[f32; 7]]) -> na::Point3<f32> {
    let mut within = vec![false; model.bodies.len()];
    for (index, body) in model.bodies.iter().enumerate() {
        within[index] = index == root || (index > 0 && within[body.parent]);
    }
    let all = model.bodies.iter().zip(poses);
    let part = all.zip(within).filter_map(|(body, within)| within.then_some(body));
    centre_of_mass(part).unwrap_or_else(|| isometry(poses[root]).translation.vector.into())
}

/// What a camera of `model` sees while its bodies are at `poses`, as `mj_camlight` places it. A roll
/// about the direction of view is not shown.
#[must_use]
pub fn through(model: &Model, camera: &sim::Camera, poses: &[[f32; 7]]) -> Camera {
    let pose = [&camera.pos[..], &camera.quat[..]].concat();
    let local = isometry(std::array::from_fn(|i| pose[i] as f32));
    let ahead = -na::Vector3::z();
    let now = isometry(poses[camera.body]) * local;
    let place = |poses: &[[f32; 7]], body: usize| na::Point3::from(isometry(poses[body]).translation.vector);
    let eye = na::Point3::from(now.translation.vector);
    // Keeps the direction, and the distance from a point that moves, of the model's own pose.
    let following = |point: &dyn Fn(&[[f32; 7]]) -> na::Point3<f32>| {
        let start: Vec<f32> = model.qpos0.iter().map(|q| *q as f32).collect();
        let start = model.frames(&start).poses;
        let first = isometry(start[camera.body]) * local;
        (point(poses) + (first.translation.vector - point(&start).coords), first * ahead)
    };
    let (eye, forward) = match camera.mode {
        CameraMode::Fixed => (eye, now * ahead),
        CameraMode::Track => following(&|poses| place(poses, camera.body)),
        CameraMode::TrackCom => following(&|poses| centre(model, camera.body, poses)),
        CameraMode::TargetBody => (eye, place(poses, camera.target) - eye),
        CameraMode::TargetBodyCom => (eye, centre(model, camera.target, poses) - eye),
    };
    let robot = centre(model, 0, poses) - eye;
    let forward = forward.try_normalize(1e-6).unwrap_or(ahead);
    let distance = robot.dot(&forward).max(NEAREST);
    Camera {
        target: (eye + forward * distance).into(),
        distance,
        azimuth: forward.y.atan2(forward.x),
        elevation: forward.z.clamp(-1.0, 1.0).asin().clamp(-Camera::MAX_ELEVATION, Camera::MAX_ELEVATION),
        fov_y: (camera.fovy as f32).to_radians(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// Places and directions that MuJoCo 4.0 computes (`cam_xpos`, `cam_xmat`).
    #[test]
    fn cameras_stand_and_look_where_mujoco_has_them() {
        let model = Model::from_mjcf(
            r#"<mujoco><worldbody>
                <camera name="far" pos="0 -3 1" xyaxes="1 0 0 0 0.6 0.8"/>
                <body name="trunk" pos="0 0 1"><freejoint/><geom size="0.1" mass="2"/>
                <camera name="fixed" pos="-1 0 0.5" xyaxes="0 -1 0 0 0 1"/>
                <camera name="track" mode="track" pos="0 -3 0.3" xyaxes="1 0 0 0 0 1"/>
                <camera name="trackcom" mode="trackcom" pos="0 -3 0.3" xyaxes="1 0 0 0 0 1"/>
                <body name="leg" pos="0 0.2 0"><joint axis="0 1 0"/><geom size="0.05" pos="0 0 -0.3" mass="1"/>
                <camera name="target" mode="targetbody" target="trunk" pos="1 0 0.2"/>
                <camera name="targetcom" mode="targetbodycom" target="trunk" pos="1 0 0.2" fovy="60"/>
                </body></body></worldbody></mujoco>"#,
            "cameras.xml",
        )
        .unwrap();
        let qpos = [0.5, -0.2, 1.3, 0.901_398_25, 0.100_155_36, -0.200_310_72, 0.370_574_84, 0.7];
        let poses = model.frames(&qpos).poses;
        let expected = [
            ("far", [0.0, -3.0, 1.0], [0.0, 0.8, -0.6]),
            ("fixed", [-0.288_544, -0.992_457, 1.314_495], [0.6451, 0.627_947, 0.435_35]),
            ("track", [0.5, -3.2, 1.6], [0.0, 1.0, 0.0]),
            ("trackcom", [0.433_171, -3.234_936, 1.605_282], [0.0, 1.0, 0.0]),
            ("target", [1.075_812, 0.663_875, 1.253_514], [-0.554_075, -0.831_264, 0.044_731]),
            ("targetcom", [1.075_812, 0.663_875, 1.253_514], [-0.610_579, -0.790_628, -0.045_826]),
        ];
        assert_eq!(model.cameras.len(), expected.len());
        for (camera, (name, eye, forward)) in model.cameras.iter().zip(expected) {
            assert_eq!(camera.name, name);
            let seen = through(&model, camera, &poses);
            let near = |got: [f32; 3], wanted: [f32; 3]| (0..3).all(|i| (got[i] - wanted[i]).abs() < 1e-5);
            assert!(near(seen.eye(), eye), "{name}: {:?}, {eye:?}", seen.eye());
            assert!(near(seen.axes()[2], forward), "{name}: {:?}, {forward:?}", seen.axes()[2]);
            let fovy: f32 = if name == "targetcom" { 60.0 } else { 45.0 };
            assert_eq!(seen.fov_y, fovy.to_radians());
        }
    }
}

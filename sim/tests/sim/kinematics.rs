//! Where bodies and joints are, against MuJoCo; see `tests/data/physics/SOURCE.md`.

#![allow(clippy::unwrap_used, reason = "tests")]

use serde::Deserialize;
use sim::{JointKind, Model};

#[derive(Deserialize)]
struct Entry {
    name: String,
    mjcf: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    qpos: Vec<f32>,
    xpos: Vec<[f32; 3]>,
    xquat: Vec<[f32; 4]>,
    xanchor: Vec<[f32; 3]>,
    xaxis: Vec<[f32; 3]>,
}

fn close<const N: usize>(what: &str, got: [f32; N], expected: [f32; N]) {
    assert!(
        got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 2e-6),
        "{what}: {got:?}, MuJoCo {expected:?}"
    );
}

#[test]
fn bodies_and_joints_are_where_mujoco_puts_them() {
    let text = include_str!("../../../tests/data/physics/kinematics.json");
    let entries: Vec<Entry> = serde_json::from_str(text).unwrap();
    assert_eq!(entries.len(), 4);
    for entry in entries {
        let model = Model::from_mjcf(&entry.mjcf, &entry.name).unwrap();
        for case in &entry.cases {
            let frames = model.frames(&case.qpos);
            assert_eq!((frames.poses.len(), case.xpos.len()), (model.bodies.len(), model.bodies.len()));
            for (body, pose) in frames.poses.iter().enumerate() {
                let what = format!("{} body {body}", entry.name);
                let [x, y, z, quat @ ..] = *pose;
                close(&what, [x, y, z], case.xpos[body]);
                // A quaternion and its negative are the same turn.
                let dot: f32 = quat.iter().zip(case.xquat[body]).map(|(a, b)| a * b).sum();
                close(&what, quat.map(|q| q * dot.signum()), case.xquat[body]);
            }
            assert_eq!((frames.anchors.len(), frames.axes.len()), (model.joints.len(), model.joints.len()));
            for (index, joint) in model.joints.iter().enumerate() {
                let what = format!("{} joint {index}", entry.name);
                close(&what, frames.anchors[index], case.xanchor[index]);
                if matches!(joint.kind, JointKind::Hinge | JointKind::Slide) {
                    close(&what, frames.axes[index], case.xaxis[index]);
                }
            }
        }
    }
}

#[test]
#[should_panic(expected = "one entry in qpos per position coordinate")]
fn too_few_coordinates_are_refused() {
    let xml = r#"<mujoco><worldbody><body><joint/><geom size="1"/></body></worldbody></mujoco>"#;
    let _ = Model::from_mjcf(xml, "m.xml").unwrap().frames(&[]);
}

//! Pictures of the scene, compared with those in `goldens/`. They take a Vulkan driver; without a GPU
//! Mesa's lavapipe will do (Debian: mesa-vulkan-drivers).
//!
//! `UPDATE_GOLDENS=1` writes the goldens anew: look at them before you commit. `SCENE_PICTURES=folder`
//! also writes every picture there, larger.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock};

use sim::Model;
use viewer::scene::*;

use super::common::touching;

/// Size of the goldens.
const SIZE: [u32; 2] = [320, 200];
/// Drivers round differently, and anti-aliasing turns that into whole pixels along edges: this share
/// of the bytes may be off by more than [`NEAR`].
const SHARE: f64 = 0.01;
/// Difference of two bytes that counts as none.
const NEAR: u8 = 12;

/// One device for all tests, used by one at a time.
fn studio() -> MutexGuard<'static, Studio> {
    static STUDIO: OnceLock<Mutex<Studio>> = OnceLock::new();
    let open = || match Studio::new() {
        Ok(studio) => Mutex::new(studio),
        Err(error) => panic!("these tests need a graphics adapter: {error}"),
    };
    STUDIO.get_or_init(open).lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens")
}

fn write(path: &Path, picture: &Picture) {
    viewer::video::write_png(path, picture).unwrap();
}

fn read(path: &Path) -> Picture {
    let file = std::io::BufReader::new(std::fs::File::open(path).unwrap_or_else(|error| {
        panic!("{}: {error}; UPDATE_GOLDENS=1 makes it", path.display());
    }));
    let mut reader = png::Decoder::new(file).read_info().unwrap();
    let mut rgba = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut rgba).unwrap();
    Picture { size: [info.width, info.height], rgba }
}

/// Share of bytes that differ.
fn difference(a: &Picture, b: &Picture) -> f64 {
    assert_eq!(a.size, b.size);
    let off = a.rgba.iter().zip(&b.rgba).filter(|(a, b)| a.abs_diff(**b) > NEAR).count();
    off as f64 / a.rgba.len() as f64
}

/// Compares a scene with its golden.
fn check(name: &str, scene: &Scene<'_>) {
    let picture = studio().picture(scene, SIZE).unwrap();
    if let Some(folder) = std::env::var_os("SCENE_PICTURES") {
        let large = studio().picture(scene, [1280, 800]).unwrap();
        write(&Path::new(&folder).join(format!("{name}.png")), &large);
    }
    let path = goldens().join(format!("{name}.png"));
    if std::env::var_os("UPDATE_GOLDENS").is_some_and(|v| v == "1") {
        write(&path, &picture);
        return;
    }
    let share = difference(&picture, &read(&path));
    if share > SHARE {
        let got = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.png"));
        write(&got, &picture);
        panic!(
            "{name}: {:.1} % of the bytes differ from {}, allowed are {:.1} %; the new picture is {}",
            100.0 * share,
            path.display(),
            100.0 * SHARE,
            got.display()
        );
    }
}

/// A robot of the reference set part of the way through a trajectory.
fn reference(name: &str, case: usize, row: usize) -> (Shapes, Snapshot) {
    let shapes = Shapes::from_model(&tests::reference::load(name).model);
    let qpos = qpos(name, case, row);
    let snapshot = shapes.snapshot(&qpos).unwrap();
    (shapes, snapshot)
}

/// The state of that part of the trajectory.
fn qpos(name: &str, case: usize, row: usize) -> Vec<f32> {
    let reference = tests::reference::load(name);
    reference.cases[case].rk4.qpos[row].iter().map(|&q| q as f32).collect()
}

fn asset(name: &str) -> Shapes {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../envs/assets/{name}.xml"));
    Shapes::from_model(&Model::from_mjcf_file(path).unwrap())
}

fn framed(shapes: &Shapes, snapshot: &Snapshot, view: View) -> Camera {
    let mut camera = Camera::default();
    camera.look(view);
    camera.frame(shapes.bounds(&snapshot.poses));
    camera
}

#[test]
fn robots_of_the_reference_set() {
    for (name, case, row, view) in [
        ("humanoid", 0, 3, View::Corner),
        ("half_cheetah", 1, 10, View::Side),
        ("hopper", 1, 10, View::Corner),
        ("walker2d", 1, 10, View::Corner),
        ("inverted_double_pendulum", 1, 5, View::Corner),
        ("reacher", 1, 10, View::Corner),
        ("pusher", 1, 10, View::Corner),
        ("swimmer", 1, 20, View::Corner),
    ] {
        let (shapes, snapshot) = reference(name, case, row);
        let camera = framed(&shapes, &snapshot, view);
        let scene =
            Scene { actors: vec![Actor::new(&shapes, &snapshot)], camera: &camera, draw: &Draw::default() };
        check(name, &scene);
    }
}

/// The ant a while after its start.
fn ant() -> (Shapes, Snapshot) {
    let shapes = asset("ant");
    let (_, snapshot) = reference("ant", 1, 30);
    (shapes, snapshot)
}

#[test]
fn an_ant_in_both_themes() {
    let (shapes, snapshot) = ant();
    let camera = framed(&shapes, &snapshot, View::Corner);
    for (name, dark) in [("ant_light", false), ("ant_dark", true)] {
        let draw = Draw { dark, ..Draw::default() };
        check(name, &Scene { actors: vec![Actor::new(&shapes, &snapshot)], camera: &camera, draw: &draw });
    }
}

/// The ant with contacts, a push and a target, and a trail behind it.
fn marked_ant() -> (Shapes, Snapshot, Vec<[f32; 3]>) {
    let (shapes, mut snapshot) = ant();
    for (_, position) in touching(&shapes, &qpos("ant", 1, 30)) {
        snapshot.contacts.push(ContactMark { position, force: [1.0, 0.5, 2.5] });
    }
    assert!(!snapshot.contacts.is_empty(), "a foot is on the ground");
    let [x, y, z, ..] = snapshot.poses[1];
    snapshot.arrows.push(Arrow { from: [x, y, z], vector: [0.9, 0.0, 0.3], colour: [0.2, 0.4, 0.9, 1.0] });
    snapshot.targets.push([x + 0.8, y - 0.8, 0.4]);
    let trail: Vec<[f32; 3]> = (0..200)
        .map(|k| {
            let t = (199 - k) as f32 / 100.0;
            [x - t, y + 0.3 * (3.0 * t).sin(), z]
        })
        .collect();
    (shapes, snapshot, trail)
}

#[test]
fn marks_trail_and_the_selected_body() {
    let (shapes, snapshot, trail) = marked_ant();
    let camera = framed(&shapes, &snapshot, View::Corner);
    for (name, dark) in [("marks_light", false), ("marks_dark", true)] {
        let draw = Draw { dark, contacts: true, forces: true, joints: true, com: true, ..Draw::default() };
        let actor = Actor { trail: &trail, highlighted: Some(4), ..Actor::new(&shapes, &snapshot) };
        check(name, &Scene { actors: vec![actor], camera: &camera, draw: &draw });
    }
}

#[test]
fn ghosts_and_members_side_by_side() {
    let (shapes, first) = ant();
    let (_, second) = reference("ant", 1, 20);
    let (_, third) = reference("ant", 2, 15);
    let camera = Camera { distance: 7.0, ..framed(&shapes, &first, View::Corner) };
    let aside = Actor {
        offset: [0.0, 2.5, 0.0],
        tint: Tint::Colour([0.3, 0.5, 0.85, 1.0]),
        ..Actor::new(&shapes, &third)
    };
    let ghost = Actor { offset: [0.4, 0.2, 0.0], tint: Tint::Ghost(0.35), ..Actor::new(&shapes, &second) };
    let actors = vec![Actor::new(&shapes, &first), ghost, aside];
    check("members", &Scene { actors, camera: &camera, draw: &Draw::default() });
}

const TERRAIN: &str = r#"<mujoco>
  <asset><hfield name="hills" nrow="41" ncol="61" size="3 2 0.6 0.2"/></asset>
  <worldbody>
    <geom type="hfield" hfield="hills"/>
    <body pos="-0.6 0 0.75"><freejoint/><geom type="box" size="0.15 0.1 0.1"/></body>
    <body pos="0.3 -0.5 0.75"><freejoint/><geom type="ellipsoid" size="0.2 0.12 0.1"/></body>
    <body pos="0.8 0.4 0.8"><freejoint/><geom type="cylinder" size="0.1 0.15"/></body>
    <body pos="0 0.8 0.7"><freejoint/><geom type="sphere" size="0.12"/></body>
    <body pos="-0.9 -0.9 0.7"><freejoint/><geom type="capsule" size="0.07 0.15"/></body>
  </worldbody></mujoco>"#;

/// Hills with a body of each kind on them.
fn hills() -> Shapes {
    let mut model = Model::from_mjcf(TERRAIN, "terrain.xml").unwrap();
    let field = &mut model.heightfields[0];
    field.data = (0..field.nrow * field.ncol)
        .map(|k| {
            let (x, y) = ((k % 61) as f32 / 60.0, (k / 61) as f32 / 40.0);
            0.35 + 0.3 * (11.0 * x).sin() * (7.0 * y).cos() + 0.2 * (23.0 * x + 5.0 * y).sin() * x
        })
        .collect();
    Shapes::from_model(&model)
}

/// A box over a plane, as a shape or as a mesh with a shape that touches behind it.
fn block(mesh: bool) -> Shapes {
    let corners =
        (0..8).map(|i| [0, 1, 2].map(|axis| if i >> axis & 1 == 1 { "0.5" } else { "-0.3" }).join(" "));
    let corners = corners.collect::<Vec<_>>().join("  ");
    let geom = if mesh {
        r#"<geom type="mesh" mesh="block" contype="0" conaffinity="0"/><geom size="0.6" group="3"/>"#
    } else {
        r#"<geom type="box" size="0.4 0.2 0.3" pos="0.1 0.05 -0.075"/>"#
    };
    let xml = format!(
        r#"<mujoco><asset><mesh name="block" vertex="{corners}" scale="1 0.5 -0.75"/></asset><worldbody>
        <geom type="plane" size="1 1 1"/><body pos="0 0 0.6" euler="20 10 0"><freejoint/>{geom}</body>
        </worldbody></mujoco>"#
    );
    Shapes::from_model(&Model::from_mjcf(&xml, "block.xml").unwrap())
}

#[test]
fn a_mesh_of_a_box_looks_like_the_box() {
    let [shape, mesh] = [block(false), block(true)];
    let snapshot = shape.snapshot(&shape.qpos0()).unwrap();
    let camera = framed(&shape, &snapshot, View::Corner);
    for (tint, highlighted) in [(Tint::Own, None), (Tint::Own, Some(1)), (Tint::Ghost(0.5), None)] {
        let pictures = [&shape, &mesh].map(|shapes| {
            let actor = Actor { tint, highlighted, ..Actor::new(shapes, &snapshot) };
            let scene = Scene { actors: vec![actor], camera: &camera, draw: &Draw::default() };
            let hit = scene.pick([400.0, 250.0], [800.0, 500.0]).map(|(_, hit)| hit);
            (studio().picture(&scene, SIZE).unwrap(), hit)
        });
        let share = difference(&pictures[0].0, &pictures[1].0);
        assert!(share < 0.003, "{tint:?}, {highlighted:?}: {share} of the bytes differ");
        if let (Some(box_hit), Some(mesh_hit)) = (pictures[0].1, pictures[1].1) {
            assert!((box_hit.distance - mesh_hit.distance).abs() < 1e-4, "{box_hit:?} {mesh_hit:?}");
        } else {
            assert_eq!(tint, Tint::Ghost(0.5), "the box is in the middle");
        }
        let empty = Snapshot { poses: vec![snapshot.poses[0]], ..Snapshot::default() };
        let bare =
            Scene { actors: vec![Actor::new(&shape, &empty)], camera: &camera, draw: &Draw::default() };
        let seen = difference(&pictures[1].0, &studio().picture(&bare, SIZE).unwrap());
        assert!(seen > 0.005, "{tint:?}: the mesh changes {seen} of the picture");
    }
}

#[test]
fn hills_are_seen_in_both_themes() {
    let shapes = hills();
    let snapshot = shapes.snapshot(&shapes.qpos0()).unwrap();
    let camera = Camera { elevation: -0.9, ..framed(&shapes, &snapshot, View::Corner) };
    for dark in [false, true] {
        // Nothing but the ground's own light and shade.
        let draw = Draw { dark, grid: false, shadows: false, ..Draw::default() };
        let empty = Snapshot { poses: vec![snapshot.poses[0]], ..Snapshot::default() };
        let actors = vec![Actor::new(&shapes, &empty)];
        let picture = studio().picture(&Scene { actors, camera: &camera, draw: &draw }, SIZE).unwrap();
        let middle = picture.rgba.chunks_exact(4 * SIZE[0] as usize).skip(80).take(60);
        let mut greens: Vec<u8> =
            middle.flat_map(|row| row[480..800].chunks_exact(4).map(|p| p[1])).collect();
        greens.sort_unstable();
        let (low, high) = (greens[greens.len() / 10], greens[greens.len() * 9 / 10]);
        // 18 in light colours.
        assert!(high - low >= 15, "dark {dark}: {low} to {high}");
    }
}

#[test]
fn terrain_and_all_shapes() {
    let shapes = hills();
    let snapshot = shapes.snapshot(&shapes.qpos0()).unwrap();
    let mut camera = framed(&shapes, &snapshot, View::Corner);
    camera.elevation = -0.5;
    let draw = Draw::default();
    check("terrain", &Scene { actors: vec![Actor::new(&shapes, &snapshot)], camera: &camera, draw: &draw });
}

#[test]
fn every_switch_changes_the_picture() {
    let (shapes, snapshot, trail) = marked_ant();
    let camera = framed(&shapes, &snapshot, View::Corner);
    let all = Draw { contacts: true, forces: true, joints: true, com: true, ..Draw::default() };
    let picture = |draw: Draw| {
        let actors = vec![Actor { trail: &trail, ..Actor::new(&shapes, &snapshot) }];
        studio().picture(&Scene { actors, camera: &camera, draw: &draw }, SIZE).unwrap()
    };
    let whole = picture(all);
    assert_eq!(whole, picture(all), "the same scene gives the same picture");
    for (name, draw) in [
        ("grid", Draw { grid: false, ..all }),
        ("shadows", Draw { shadows: false, ..all }),
        ("contacts", Draw { contacts: false, ..all }),
        ("forces", Draw { forces: false, ..all }),
        ("joints", Draw { joints: false, ..all }),
        ("com", Draw { com: false, ..all }),
        ("targets", Draw { targets: false, ..all }),
        ("trail", Draw { trail: false, ..all }),
        ("arrows", Draw { arrows: false, ..all }),
        ("dark", Draw { dark: true, ..all }),
        ("force_scale", Draw { force_scale: 2.0, ..all }),
    ] {
        assert_ne!(picture(draw), whole, "{name}");
    }
}

#[test]
fn arrows_of_large_forces_stay_short() {
    let (shapes, mut snapshot, _) = marked_ant();
    let camera = framed(&shapes, &snapshot, View::Corner);
    let draw = Draw { forces: true, ..Draw::default() };
    let mut picture = |newton: f32| {
        snapshot.contacts.iter_mut().for_each(|contact| contact.force = [0.0, 0.0, newton]);
        let scene = Scene { actors: vec![Actor::new(&shapes, &snapshot)], camera: &camera, draw: &draw };
        studio().picture(&scene, SIZE).unwrap()
    };
    let (weak, strong) = (picture(2.0), picture(50.0));
    assert_ne!(weak, strong);
    assert_eq!(strong, picture(5000.0), "they do not cross the robot");
}

#[test]
fn odd_scenes_are_drawn_and_odd_sizes_refused() {
    let (shapes, snapshot) = ant();
    let (camera, draw) = (Camera::default(), Draw::default());
    // A blown-up state, a snapshot without bodies, no actor at all.
    let broken = Snapshot {
        poses: vec![[f32::NAN; 7]; shapes.bodies().len()],
        contacts: vec![ContactMark { position: [f32::NAN; 3], force: [f32::INFINITY; 3] }],
        ..Snapshot::default()
    };
    let empty = Snapshot::default();
    for actors in [vec![Actor::new(&shapes, &broken)], vec![Actor::new(&shapes, &empty)], vec![]] {
        let draw = Draw { contacts: true, forces: true, ..draw };
        let scene = Scene { actors, camera: &camera, draw: &draw };
        let picture = studio().picture(&scene, [33, 17]).unwrap();
        assert_eq!(picture.rgba.len(), 33 * 17 * 4);
        assert!(picture.rgba.iter().skip(3).step_by(4).all(|&alpha| alpha == 255), "opaque");
    }
    let scene = Scene { actors: vec![Actor::new(&shapes, &snapshot)], camera: &camera, draw: &draw };
    for size in [[0, 10], [10, 0], [1_000_000, 10]] {
        let message = studio().picture(&scene, size).unwrap_err().to_string();
        let start =
            format!("a picture of {} × {} pixels cannot be drawn: each side must be 1..=", size[0], size[1]);
        assert!(message.starts_with(&start), "{message}");
    }
}

#[test]
fn the_tolerance_notices_a_lost_shadow_and_a_moved_robot() {
    let (shapes, snapshot) = ant();
    let camera = framed(&shapes, &snapshot, View::Corner);
    let picture = |offset: [f32; 3], draw: Draw| {
        let actors = vec![Actor { offset, ..Actor::new(&shapes, &snapshot) }];
        studio().picture(&Scene { actors, camera: &camera, draw: &draw }, SIZE).unwrap()
    };
    let whole = picture([0.0; 3], Draw::default());
    let unlit = picture([0.0; 3], Draw { shadows: false, ..Draw::default() });
    let moved = picture([0.0, 0.1, 0.0], Draw::default());
    for (what, other) in [("shadow", unlit), ("place", moved)] {
        let share = difference(&whole, &other);
        assert!(share > SHARE, "{what}: {share}");
    }
}

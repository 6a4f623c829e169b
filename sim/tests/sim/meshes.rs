//! Meshes: files, masses, collisions, and files that are none.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::sync::Arc;

use nalgebra::{Matrix3, Quaternion, UnitQuaternion, Vector3};
use sim::{EngineKind, GeomKind, Model, StepOptions, Worlds, read_mjcf, unsupported};

/// A prism over an L, which is not convex: 4 m³.
const PRISM: ([[f32; 2]; 6], [[u32; 3]; 4]) = (
    [[0.0, 0.0], [3.0, 0.0], [3.0, 1.0], [1.0, 1.0], [1.0, 2.0], [0.0, 2.0]],
    [[0, 1, 2], [0, 2, 3], [0, 3, 5], [3, 4, 5]],
);

/// Its corners and triangles.
fn prism() -> (Vec<[f32; 3]>, Vec<[u32; 3]>) {
    let (outline, tiles) = PRISM;
    let corners = [0.0, 1.0].into_iter().flat_map(|z| outline.map(|[x, y]| [x, y, z])).collect();
    let lids = tiles.into_iter().flat_map(|[a, b, c]| [[a, c, b], [a + 6, b + 6, c + 6]]);
    let walls = (0..6).flat_map(|i| {
        let j = (i + 1) % 6;
        [[i, j, j + 6], [i, j + 6, i + 6]]
    });
    (corners, lids.chain(walls).collect())
}

fn triangles() -> Vec<[[f32; 3]; 3]> {
    let (corners, faces) = prism();
    faces.into_iter().map(|face| face.map(|i| corners[i as usize])).collect()
}

fn stl(start: &[u8]) -> Vec<u8> {
    let mut header = start.to_vec();
    header.resize(80, 0);
    let count = u32::try_from(triangles().len()).unwrap();
    let face = |t: [[f32; 3]; 3]| {
        let numbers = [[0.0; 3]].into_iter().chain(t).flatten().flat_map(f32::to_le_bytes);
        numbers.chain([0, 0]).collect::<Vec<u8>>()
    };
    [header, count.to_le_bytes().to_vec(), triangles().into_iter().flat_map(face).collect()].concat()
}

fn stl_text() -> Vec<u8> {
    let vertex = |[x, y, z]: [f32; 3]| format!("vertex {x} {y} {z}\n");
    let face = |t: [[f32; 3]; 3]| {
        format!("facet normal 0 0 0\nouter loop\n{}endloop\nendfacet\n", t.map(vertex).concat())
    };
    format!("solid prism\n{}endsolid prism\n", triangles().into_iter().map(face).collect::<String>())
        .into_bytes()
}

/// With its walls as squares.
fn obj() -> Vec<u8> {
    let (corners, faces) = prism();
    let vertices = corners.iter().map(|[x, y, z]| format!("v {x} {y} {z}\n"));
    let lids = faces[..8].iter().map(|[a, b, c]| format!("f {} {} {}\n", a + 1, b + 1, c + 1));
    let walls = (0..6).map(|i| format!("f {} {} {} {}\n", i + 1, (i + 1) % 6 + 1, (i + 1) % 6 + 7, i + 7));
    format!("mtllib none.mtl\no prism\n{}", vertices.chain(lids).chain(walls).collect::<String>())
        .into_bytes()
}

/// A robot file `robot.xml` that shows a mesh file, with `mesh` and `geom` as further attributes.
fn robot(folder: &Path, name: &str, bytes: &[u8], mesh: &str, geom: &str) -> std::path::PathBuf {
    std::fs::create_dir_all(folder.join("parts")).unwrap();
    std::fs::write(folder.join("parts").join(name), bytes).unwrap();
    let path = folder.join("robot.xml");
    let text = format!(
        r#"<mujoco><compiler meshdir="parts"/>
<asset><mesh file="{name}" {mesh}/></asset>
<worldbody><geom name="floor" type="plane" size="1 1 1"/>
<body pos="0 0 3"><freejoint/><geom name="hull" type="mesh" mesh="prism" {geom}/></body></worldbody></mujoco>"#
    );
    std::fs::write(&path, text).unwrap();
    path
}

/// The inertia of a body about its centre of mass, along its own axes.
fn tensor(moments: [f64; 3], [w, x, y, z]: [f64; 4]) -> Matrix3<f64> {
    let turn = UnitQuaternion::from_quaternion(Quaternion::new(w, x, y, z)).to_rotation_matrix();
    turn.matrix() * Matrix3::from_diagonal(&Vector3::from(moments)) * turn.matrix().transpose()
}

/// Attributes of the mesh and the geom, then what MuJoCo 4.0.0 says of the body: mass, centre, moments, axes.
type Case = (&'static str, &'static str, f64, [f64; 3], [f64; 3], [f64; 4]);

#[test]
fn masses_and_poses_are_those_of_mujoco() {
    let cases: [Case; 6] = [
        (
            "",
            "",
            4161.340544083906,
            [1.24201082, 0.77519666, 0.5],
            [4234.05341737, 3697.26898675, 1219.5851517],
            [0.11761504, 0.69725655, -0.11761504, 0.69725655],
        ),
        (
            r#"inertia="exact""#,
            "",
            4000.0,
            [1.25, 0.75, 0.5],
            [4166.66666667, 3666.66666667, 1166.66666667],
            [0.11326595, 0.69797623, -0.11326595, 0.69797623],
        ),
        (
            r#"inertia="convex""#,
            "",
            5000.0,
            [1.33333333, 0.86666667, 0.5],
            [4855.55555556, 4030.64337432, 1658.24551457],
            [0.0953839, 0.70064393, -0.0953839, 0.70064393],
        ),
        (
            r#"inertia="exact" scale="1 -1 1""#,
            r#"density="1""#,
            4.0,
            [1.25, -0.75, 0.5],
            [4.16666667, 3.66666667, 1.16666667],
            [0.11326595, -0.69797623, -0.11326595, -0.69797623],
        ),
        // The tetrahedron below, hollow; then moved, turned and stretched.
        (
            r#"inertia="shell""#,
            "",
            9000.0,
            [0.22222222, 0.55555556, 0.88888889],
            [7330.92954128, 5709.33846222, 2293.06532984],
            [0.96973856, 0.16670538, -0.06782232, 0.16497445],
        ),
        (
            r#"refpos="1 0 0" refquat="1 1 0 0" scale="2 1 1""#,
            r#"pos="1 2 3" quat="1 0 1 0""#,
            2000.0,
            [0.5, 2.75, 4.5],
            [1155.94348007, 875.0, 519.05651993],
            [0.14770731, 0.38452477, 0.69150745, -0.59341444],
        ),
    ];
    let tetrahedron = (
        vec![[0.0; 3], [1.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 3.0]],
        vec![[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]],
    );
    for (mesh, geom, mass, com, moments, quat) in cases {
        let (corners, faces) = if ["refpos", "shell"].iter().any(|word| mesh.contains(word)) {
            tetrahedron.clone()
        } else {
            prism()
        };
        let list = |numbers: Vec<String>| numbers.join(" ");
        let vertex = list(corners.iter().flatten().map(f32::to_string).collect());
        let face = list(faces.iter().flatten().map(u32::to_string).collect());
        let model = Model::from_mjcf(
            &format!(
                r#"<mujoco><asset><mesh name="m" vertex="{vertex}" face="{face}" {mesh}/></asset><worldbody>
                <body><freejoint/><geom type="mesh" mesh="m" {geom}/></body></worldbody></mujoco>"#
            ),
            "m.xml",
        )
        .unwrap();
        let body = &model.bodies[1];
        assert!((body.mass / mass - 1.0).abs() < 1e-6, "{mesh}: {} kg", body.mass);
        assert!((Vector3::from(body.com) - Vector3::from(com)).norm() < 1e-6, "{mesh}: {:?}", body.com);
        let difference = tensor(body.inertia, body.inertia_quat) - tensor(moments, quat);
        assert!(difference.norm() < 1e-6 * moments[0], "{mesh}: {:?} {:?}", body.inertia, body.inertia_quat);
        assert_eq!((model.geoms[0].kind, model.geoms[0].mesh), (GeomKind::Mesh, Some(0)));
    }
}

#[test]
fn files_become_part_of_the_text() {
    let folder = tempfile::tempdir().unwrap();
    let mut models = Vec::new();
    for (name, bytes) in [
        ("prism.stl", stl(b"made by hand")),
        ("prism.stl", stl(b"solid, says a binary file")),
        ("prism.STL", stl_text()),
        ("prism.obj", obj()),
    ] {
        let path = robot(folder.path(), name, &bytes, r#"scale="0.1 0.1 0.1""#, "");
        let text = read_mjcf(&path).unwrap();
        assert!(
            text.contains("vertex=") && !text.contains("parts/prism") && !text.contains("file="),
            "{text}"
        );
        let model = Model::from_mjcf(&text, &path.display().to_string()).unwrap();
        std::fs::remove_dir_all(folder.path().join("parts")).unwrap();
        assert_eq!(model, Model::from_mjcf(&text, &path.display().to_string()).unwrap(), "without the file");
        let mesh = &model.meshes[0];
        assert_eq!((mesh.vertices.len(), mesh.faces.len()), (12, 20), "{name}");
        models.push((model.bodies[1].mass, model.bodies[1].inertia));
    }
    for (mass, inertia) in &models {
        // Squares are cut along the other diagonal, which says nothing here.
        assert!((mass - models[0].0).abs() < 1e-6, "{models:?}");
        assert!((inertia[0] - models[0].1[0]).abs() < 1e-6, "{models:?}");
    }
}

#[test]
fn errors_behind_a_mesh_keep_their_places() {
    let folder = tempfile::tempdir().unwrap();
    let path = robot(folder.path(), "prism.stl", &stl(b""), r#"scale="1 1 x""#, "");
    let error = Model::from_mjcf_file(&path).unwrap_err().to_string();
    assert!(error.contains("robot.xml:2:38: 'x' in scale"), "{error}");
    robot(folder.path(), "prism.stl", &stl(b""), "", "");
    let text = std::fs::read_to_string(&path).unwrap().replace("</asset>", "<hfield/></asset>");
    std::fs::write(&path, &text).unwrap();
    let error = Model::from_mjcf_file(&path).unwrap_err().to_string();
    let column = text.lines().nth(1).unwrap().find("<hfield").unwrap() + 1;
    assert!(error.contains(&format!("robot.xml:2:{column}: <hfield> needs")), "{error}");
}

#[test]
fn a_mesh_touches_with_its_hull_in_rapier_and_lanes_says_that_it_cannot() {
    let folder = tempfile::tempdir().unwrap();
    let path = robot(folder.path(), "prism.stl", &stl(b""), r#"scale="0.1 0.1 0.1""#, "");
    let model = Arc::new(Model::from_mjcf_file(&path).unwrap());
    assert!(unsupported(&model, EngineKind::Rapier).is_empty());
    assert_eq!(unsupported(&model, EngineKind::Lanes), ["collisions of plane 'floor' with mesh 'hull'"]);
    let options = StepOptions { engine: EngineKind::Rapier, timestep: 0.002, substeps: 10, iterations: 4 };
    let mut worlds = Worlds::new(&model, 1, options, &[]).unwrap();
    for _ in 0..150 {
        worlds.step(&[true], &[]);
    }
    let height = worlds.view(0).qpos[2];
    // It lies on its lower lid, at which its file has z = 0.
    assert!(height.abs() < 2e-3, "it lies at {height}");

    let drawn = robot(folder.path(), "prism.stl", &stl(b""), "", r#"contype="0" conaffinity="0" mass="0.5""#);
    let model = Model::from_mjcf_file(&drawn).unwrap();
    assert!(unsupported(&model, EngineKind::Lanes).is_empty());
    assert_eq!((model.geoms[1].kind, model.bodies[1].mass, model.warnings.len()), (GeomKind::Mesh, 0.5, 0));
}

#[test]
fn shapes_behind_meshes_are_not_shown() {
    let geoms = |group: u32| {
        format!(
            r#"<mujoco><asset><mesh name="m" vertex="0 0 0 1 0 0 0 1 0 0 0 1"/></asset><worldbody>
            <geom type="plane" size="1 1 1" group="4"/><geom type="mesh" mesh="m" group="{group}"/>
            <geom size="1" group="3"/></worldbody></mujoco>"#
        )
    };
    for (group, shown) in [
        (2, vec![GeomKind::Plane, GeomKind::Mesh]),
        (3, vec![GeomKind::Plane, GeomKind::Mesh, GeomKind::Sphere]),
    ] {
        let model = Model::from_mjcf(&geoms(group), "m.xml").unwrap();
        assert_eq!(model.meshes[0].faces.len(), 4, "a mesh without triangles is the hull of its corners");
        assert_eq!(model.shown_geoms().map(|g| g.kind).collect::<Vec<_>>(), shown);
    }
}

#[test]
fn what_is_no_mesh_is_one_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let cut = stl(b"")[..500].to_vec();
    let mut huge = stl(b"");
    huge[80..84].copy_from_slice(&u32::MAX.to_le_bytes());
    let mut nan = stl(b"");
    nan[84 + 12..84 + 16].copy_from_slice(&f32::NAN.to_le_bytes());
    let mut far = stl(b"");
    far[84 + 12..84 + 16].copy_from_slice(&f32::MAX.to_le_bytes());
    let flat = b"v 0 0 0\nv 1 0 0\nv 0 1 0\nv 1 1 0\nf 1 2 3\nf 2 4 3\n".to_vec();
    let touchless = r#"contype="0" conaffinity="0""#;
    for (name, bytes, mesh, geom, expected) in [
        (
            "prism.stl",
            cut,
            "",
            "",
            "2:20: cannot read the mesh prism.stl: its header says 20 triangles, which make 1084 bytes; it has 500",
        ),
        ("prism.stl", huge, "", "", "its header says 4294967295 triangles"),
        ("prism.stl", Vec::new(), "", "", "it has 0 bytes, fewer than the header of an STL file"),
        (
            "prism.stl",
            b"solid prism\nfacet normal 0 0 0\nouter loop\nvertex 0 0".to_vec(),
            "",
            "",
            "it is not a valid STL file",
        ),
        ("prism.stl", nan, "", "", "is not a finite number"),
        ("prism.stl", far, "", "", "mesh 'prism'"),
        ("prism.obj", b"v 0 0 0\nv nan 0 0\nv 0 1 0\nf 1 2 3".to_vec(), "", "", "is not a finite number"),
        ("prism.obj", b"v 0 0 0\nf 1 2 3".to_vec(), "", "", "it is not a valid OBJ file"),
        ("prism.obj", Vec::new(), "", "", "it holds no triangles"),
        ("prism.dae", stl(b""), "", "", "'.dae' is not supported, valid: .stl, .obj"),
        ("prism.obj", flat.clone(), "", "mass=\"1\"", "has no convex hull"),
        ("prism.obj", flat.clone(), "", touchless, "has no volume, so its mass is not known"),
        ("prism.stl", stl(b""), "inertia=\"hollow\"", "", "valid: legacy, exact, convex, shell"),
        ("prism.stl", stl(b""), "refquat=\"0 0 0 0\"", "", "refquat must not be all zeros"),
        ("prism.stl", stl(b""), "vertex=\"0 0 0\"", "", "file and vertex exclude each other"),
        ("prism.stl", stl(b""), "name=\"other\"", "", "unknown mesh 'prism'; there is: other"),
        ("prism.stl", stl(b""), "", "fitscale=\"1\"", "attribute 'fitscale' of <geom> is not supported"),
    ] {
        let path = robot(folder.path(), name, &bytes, mesh, geom);
        let error = Model::from_mjcf_file(&path).expect_err(expected).to_string();
        assert!(error.contains("robot.xml:") && error.contains(expected), "{error}\nexpected {expected}");
    }
    let path = robot(folder.path(), "prism.obj", &flat, "", "mass=\"0\" contype=\"0\" conaffinity=\"0\"");
    let text = std::fs::read_to_string(&path).unwrap().replace("<freejoint/>", "");
    std::fs::write(&path, &text).unwrap();
    assert_eq!(Model::from_mjcf_file(&path).unwrap().meshes[0].volume, 0.0, "a sheet may be drawn");
    for (from, to, expected) in [
        ("prism.obj", "gone.obj", "parts/gone.obj: "),
        ("prism.obj", "../../prism.obj", "is outside the folder"),
        ("prism.obj", "/etc/prism.obj", "is outside the folder"),
        ("meshdir=\"parts\"", "meshdir=\"..\"", "is outside the folder"),
    ] {
        std::fs::write(&path, text.replace(from, to)).unwrap();
        let error = Model::from_mjcf_file(&path).unwrap_err().to_string();
        assert!(error.contains("robot.xml:2:") && error.contains(expected), "{error}");
    }
}

#[test]
fn broken_files_never_break_the_reader() {
    let folder = tempfile::tempdir().unwrap();
    let mut state = 1_u64;
    let mut draw = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut read = 0;
    for round in 0..1500 {
        let (name, mut bytes) = match round % 3 {
            0 => ("prism.stl", stl(b"")),
            1 => ("prism.stl", stl_text()),
            _ => ("prism.obj", obj()),
        };
        for _ in 0..=draw(6) {
            let at = draw(bytes.len());
            match draw(5) {
                0 => bytes[at] = draw(256) as u8,
                1 => bytes[at] ^= 1 << draw(8),
                2 => bytes.truncate(at.max(1)),
                3 => drop(bytes.remove(at)),
                _ => {
                    let piece = bytes[at..bytes.len().min(at + draw(40))].to_vec();
                    bytes.splice(at..at, piece);
                }
            }
            if bytes.is_empty() {
                bytes.push(b'v');
            }
        }
        let rule = ["legacy", "exact", "convex"][draw(3)];
        let path = robot(folder.path(), name, &bytes, &format!("inertia=\"{rule}\""), "");
        match Model::from_mjcf_file(&path) {
            Ok(model) => {
                read += 1;
                assert!(model.bodies[1].mass.is_finite());
                let options =
                    StepOptions { engine: EngineKind::Rapier, timestep: 0.002, substeps: 1, iterations: 4 };
                Worlds::new(&Arc::new(model), 1, options, &[]).unwrap().step(&[true], &[]);
            }
            Err(error) => assert!(error.to_string().contains("robot.xml"), "{error}"),
        }
    }
    assert!(read > 100, "{read} of them were meshes still");
}

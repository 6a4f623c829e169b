//! Heightfields: what must hold whatever the engine, and how MJCF describes them.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write;
use std::sync::Arc;

use sim::{EngineKind, GeomKind, Model, Sensor, StepOptions, Worlds, unsupported};

const G: f64 = 9.81;

/// A ball of radius 0.1 m and 1 kg without friction.
const BALL: &str = r#"<body name="ball"><freejoint/>
  <geom type="sphere" size="0.1" mass="1" condim="1" friction="0 0 0"/></body>"#;

/// A field of `n` × `n` points over 2 `radius` × 2 `radius` metres with the given height (m) at x, y:
/// the asset, and a geom with the attributes `geom`.
fn terrain(n: usize, radius: f64, height: impl Fn(f64, f64) -> f64, geom: &str) -> (String, String) {
    let place = |i: usize| radius * (2.0 * i as f64 / (n as f64 - 1.0) - 1.0);
    // The first row of the text is the far one.
    let rows = (0..n).rev().map(|r| (0..n).map(|c| height(place(c), place(r))).collect::<Vec<f64>>());
    let heights: Vec<f64> = rows.flatten().collect();
    let lowest = heights.iter().copied().fold(f64::INFINITY, f64::min);
    let span = heights.iter().copied().fold(f64::NEG_INFINITY, f64::max) - lowest;
    let mut text = String::new();
    heights.iter().for_each(|h| write!(text, "{h} ").unwrap());
    let span = if span > 0.0 { span } else { 1.0 };
    let asset = format!(
        r#"<asset><hfield name="ground" nrow="{n}" ncol="{n}" size="{radius} {radius} {span} 1"
        elevation="{text}"/></asset>"#
    );
    let pose = if geom.is_empty() { format!("pos='0 0 {lowest}'") } else { geom.to_owned() };
    (asset, format!(r#"<geom type="hfield" hfield="ground" condim="1" friction="0 0 0" {pose}/>"#))
}

fn world((asset, ground): &(String, String), bodies: &str) -> Arc<Model> {
    let xml = format!("<mujoco>{asset}<worldbody>{ground}{bodies}</worldbody></mujoco>");
    Arc::new(Model::from_mjcf(&xml, "terrain.xml").unwrap())
}

/// A plane without friction.
fn plane(geom: &str) -> (String, String) {
    (String::new(), format!(r#"<geom type="plane" size="9 9 1" condim="1" friction="0 0 0" {geom}/>"#))
}

/// Steps of 2 ms, ten per control step.
fn worlds(engine: EngineKind, model: &Arc<Model>, n: usize, sensors: &[Sensor]) -> Worlds {
    let options = StepOptions { engine, timestep: 0.002, substeps: 10, iterations: 10 };
    Worlds::new(model, n, options, sensors).unwrap()
}

/// Puts the only free body of `world` at `pos` with the linear velocity `speed`.
fn put(worlds: &mut Worlds, world: usize, pos: [f64; 3], speed: [f32; 3]) {
    let mut qpos: Vec<f32> = worlds.model().qpos0.iter().map(|&x| x as f32).collect();
    (0..3).for_each(|i| qpos[i] = pos[i] as f32);
    let mut qvel = vec![0.0; worlds.model().nv()];
    qvel[..3].copy_from_slice(&speed);
    worlds.reset(world, &qpos, &qvel);
}

/// Steps all worlds for `seconds`.
fn run(worlds: &mut Worlds, seconds: f64) {
    let n = worlds.len();
    let steps = (seconds / worlds.options().control_dt()).round() as usize;
    (0..steps).for_each(|_| worlds.step(&vec![true; n], &[]));
    assert!((0..n).all(|world| !worlds.bad(world)));
}

/// How far a body at rest may roll sideways in two seconds, m: on the edges between triangles rapier
/// has two sets of contact points, which come and go and push a little.
const RAPIER_CREEP: f64 = 0.05;

/// How far the force on a body at rest may be from its weight, N.
fn force_error(engine: EngineKind) -> f64 {
    match engine {
        // As its contact points come and go, rapier's sensor does not balance even in the mean.
        EngineKind::Rapier => 0.3 * G,
        _ => 0.01 * G,
    }
}

/// Mean of a sensor's value over a second of steps: at rest, forces balance in the mean.
fn mean(worlds: &mut Worlds, index: usize) -> f64 {
    let sum = |worlds: &mut Worlds| {
        run(worlds, 0.02);
        f64::from(worlds.view(0).sensors[index])
    };
    (0..50).map(|_| sum(worlds)).sum::<f64>() / 50.0
}

fn position(worlds: &Worlds, world: usize) -> [f64; 3] {
    let qpos = worlds.view(world).qpos;
    [0, 1, 2].map(|i| f64::from(qpos[i]))
}

#[track_caller]
fn close(what: &str, got: f64, expected: f64, tolerance: f64) {
    assert!((got - expected).abs() <= tolerance, "{what}: {got}, expected {expected}");
}

#[test]
fn bodies_rest_on_a_flat_field_as_on_a_plane() {
    let shapes = [
        ("sphere", r#"type="sphere" size="0.1""#, 0.1),
        ("capsule", r#"type="capsule" size="0.1 0.3" euler="0 90 0""#, 0.1),
        ("box", r#"type="box" size="0.3 0.2 0.1""#, 0.1),
    ];
    for (engine, (name, shape, height)) in EngineKind::ALL.into_iter().flat_map(|e| shapes.map(|s| (e, s))) {
        let body = format!(r#"<body name="b" pos="0.2 0.3 1.2"><freejoint/><geom {shape} mass="1"/></body>"#);
        let rest = |ground: (String, String)| {
            let ground = (ground.0, ground.1.replace("friction=\"0 0 0\"", "").replace("condim=\"1\"", ""));
            let model = world(&ground, &body);
            let mut worlds = worlds(engine, &model, 1, &[Sensor::Touch(1)]);
            put(&mut worlds, 0, [0.2, 0.3, 1.0 + height + 0.05], [0.0; 3]);
            run(&mut worlds, 2.0);
            let force = mean(&mut worlds, 0);
            (position(&worlds, 0), force, worlds.view(0).qpos[3..].to_vec())
        };
        let (on_plane, _, _) = rest(plane("pos='0 0 1'"));
        let (on_field, force, quat) = rest(terrain(9, 2.0, |_, _| 1.0, ""));
        let what = format!("{} {name}", engine.name());
        let sideways = if engine == EngineKind::Rapier { RAPIER_CREEP } else { 1e-4 };
        for (i, tolerance) in [sideways, sideways, 1e-3].into_iter().enumerate() {
            close(&what, on_field[i], on_plane[i], tolerance);
        }
        close(&what, on_field[2], 1.0 + height, 5e-3);
        close(&format!("{what}: force"), force, G, force_error(engine));
        // Rolling is no tilt.
        if engine != EngineKind::Rapier || name == "box" {
            close(&format!("{what}: upright"), f64::from(quat[0]).abs(), 1.0, 1e-4);
        }
    }
}

#[test]
fn a_capsule_rests_on_both_ends() {
    // One end on a step 0.2 m high, the other before it: 0.6 m between the ends.
    let step = terrain(41, 2.0, |x, _| if x > 0.0 { 0.2 } else { 0.0 }, "");
    let rough = (step.0, step.1.replace("friction=\"0 0 0\"", "").replace("condim=\"1\"", ""));
    let body = r#"<body name="b"><freejoint/><geom type="capsule" size="0.05" fromto="-0.3 0 0 0.3 0 0"
        mass="1"/></body>"#;
    let model = world(&rough, body);
    for engine in EngineKind::ALL {
        let mut worlds = worlds(engine, &model, 1, &[Sensor::Orientation(1), Sensor::ContactForce(1)]);
        put(&mut worlds, 0, [-0.1, 0.5, 0.3], [0.0; 3]);
        run(&mut worlds, 3.0);
        close(engine.name(), mean(&mut worlds, 6), G, force_error(engine));
        let s = worlds.view(0).sensors;
        let [w, x, y, z] = [s[0], s[1], s[2], s[3]].map(f64::from);
        let axis = [w * w + x * x - y * y - z * z, 2.0 * (x * z - w * y)];
        let [px, _, pz] = position(&worlds, 0);
        let ends = [-0.3, 0.3].map(|half| (px + half * axis[0], pz + half * axis[1]));
        assert!(ends[0].0 < 0.0 && axis[1] > 0.1, "{}: leans on the step: {ends:?}", engine.name());
        close(engine.name(), ends[0].1, 0.05, 5e-3);
    }
}

#[test]
fn a_ramp_without_friction_accelerates_by_its_slope() {
    let angle = 15.0_f64.to_radians();
    let slope = angle.tan();
    // Up along x, up along y, and a flat field that is turned and moved.
    let ramps = [
        (terrain(9, 8.0, |x, _| slope * x, ""), [-1.0, 0.0]),
        (terrain(9, 8.0, |_, y| slope * y, ""), [0.0, -1.0]),
        (terrain(9, 8.0, |_, _| 0.0, "pos='0.3 0 0.080384' euler='0 -15 0'"), [-1.0, 0.0]),
    ];
    for (engine, (ramp, down)) in EngineKind::ALL.into_iter().flat_map(|e| ramps.iter().map(move |r| (e, r)))
    {
        let model = world(ramp, BALL);
        let mut worlds = worlds(engine, &model, 1, &[]);
        // Where the contact carries from the start.
        put(&mut worlds, 0, [0.0, 0.0, 0.0999 / angle.cos()], [0.0; 3]);
        run(&mut worlds, 1.0);
        let along = 0.5 * G * angle.sin();
        let p = position(&worlds, 0);
        for i in 0..2 {
            close(&format!("{} {ramp:?}", engine.name()), p[i], down[i] * along * angle.cos(), 0.02 * along);
        }
        close(&format!("{} {ramp:?}", engine.name()), p[2] - 0.1 / angle.cos(), -along * angle.sin(), 0.02);
    }
}

#[test]
fn a_ball_ends_at_the_bottom_of_a_valley() {
    let valley = terrain(21, 2.0, |x, y| 0.3 * ((x - 0.6).powi(2) + (y + 0.4).powi(2)), "");
    let body = r#"<body name="ball"><joint type="slide" axis="1 0 0" damping="1"/>
        <joint type="slide" axis="0 1 0" damping="1"/><joint type="slide" axis="0 0 1" damping="1"/>
        <geom type="sphere" size="0.1" mass="1" condim="1" friction="0 0 0"/></body>"#;
    let model = world(&valley, body);
    for engine in EngineKind::ALL {
        let mut worlds = worlds(engine, &model, 2, &[]);
        put(&mut worlds, 0, [-1.0, 1.0, 2.0], [0.0; 3]);
        put(&mut worlds, 1, [1.5, -1.7, 1.5], [0.0; 3]);
        run(&mut worlds, 15.0);
        for world in 0..2 {
            // The grid has a point at the bottom; the ball rests on the slopes around it.
            for (got, expected) in position(&worlds, world).into_iter().zip([0.6, -0.4, 0.1]) {
                close(engine.name(), got, expected, 0.03);
            }
        }
    }
}

#[test]
fn steps_carry_at_their_height_and_their_risers_stop() {
    // Treads of 1 m, 0.2 m high each; a riser is one cell of 0.05 m wide.
    let stairs = terrain(121, 3.0, |x, _| 0.2 * (x - 1e-6).floor(), "");
    let model = world(&stairs, BALL);
    for engine in EngineKind::ALL {
        let mut worlds = worlds(engine, &model, 6, &[]);
        for world in 0..6 {
            let tread = world as f64 - 3.0;
            put(&mut worlds, world, [tread + 0.5, 0.33, 0.2 * tread + 0.15], [0.0; 3]);
        }
        run(&mut worlds, 2.0);
        for world in 0..6 {
            let tread = world as f64 - 3.0;
            let [x, _, z] = position(&worlds, world);
            close(&format!("{}: x of tread {tread}", engine.name()), x, tread + 0.5, 0.01);
            close(&format!("{}: z of tread {tread}", engine.name()), z, 0.2 * tread + 0.1, 5e-3);
        }
        // A ball that rolls against a riser twice its radius high goes no further.
        put(&mut worlds, 0, [0.5, 0.33, 0.1], [1.0, 0.0, 0.0]);
        let mut furthest = f64::NEG_INFINITY;
        for _ in 0..50 {
            run(&mut worlds, 0.02);
            let [x, _, z] = position(&worlds, 0);
            furthest = furthest.max(x);
            assert!(z < 0.19 && z > 0.05, "{}: at height {z}", engine.name());
        }
        assert!(furthest > 0.85 && furthest < 0.96, "{}: up to x = {furthest}", engine.name());
    }
}

#[test]
fn beyond_the_field_everything_falls() {
    let model = world(&terrain(5, 2.0, |x, y| 0.1 * x + 0.1 * y, ""), BALL);
    for engine in EngineKind::ALL {
        let mut worlds = worlds(engine, &model, 3, &[]);
        put(&mut worlds, 0, [2.2, 0.0, 0.5], [0.0; 3]);
        put(&mut worlds, 1, [0.0, -2.2, 0.5], [0.0; 3]);
        put(&mut worlds, 2, [0.0, 0.0, 0.5], [0.0; 3]);
        run(&mut worlds, 0.5);
        let fallen = 0.5 - 0.5 * G * 0.25;
        for world in 0..2 {
            close(engine.name(), position(&worlds, world)[2], fallen, 0.02);
        }
        assert!(position(&worlds, 2)[2] > fallen + 0.3, "{}: the field carries", engine.name());
    }
}

/// Waves without any symmetry.
fn waves(x: f64, y: f64) -> f64 {
    0.15 * libm::sin(2.1 * x + 0.4) * libm::cos(1.7 * y) + 0.08 * libm::sin(3.3 * y + x)
}

const CATERPILLAR: &str = r#"<body name="b" pos="0 0 1"><freejoint/>
  <geom type="capsule" size="0.08" fromto="-0.2 0 0 0.2 0 0" mass="1"/>
  <geom type="box" size="0.1 0.15 0.05" pos="0 0 0.05" mass="1"/>
  <body pos="0.2 0 0"><joint axis="0 1 0" range="-60 60"/>
    <geom type="capsule" size="0.06" fromto="0 0 0 0.3 0 0" mass="0.5"/></body></body>"#;

#[test]
fn neighbours_elsewhere_on_the_field_change_nothing() {
    let (asset, ground) = terrain(31, 3.0, waves, "");
    let ground = (asset, ground.replace("friction=\"0 0 0\"", "").replace("condim=\"1\"", ""));
    let model = world(&ground, CATERPILLAR);
    let (mut alone, mut many) =
        (worlds(EngineKind::Lanes, &model, 1, &[]), worlds(EngineKind::Lanes, &model, 16, &[]));
    for world in 0..16 {
        let (i, j) = (world % 4, world / 4);
        let at = [1.3 * i as f64 - 2.0, 1.3 * j as f64 - 2.0, 0.4 + 0.1 * i as f64];
        put(&mut many, world, at, [0.5, 0.3, 0.0]);
        if world == 6 {
            put(&mut alone, 0, at, [0.5, 0.3, 0.0]);
        }
    }
    let bits = |worlds: &Worlds, world: usize| -> Vec<u32> {
        let view = worlds.view(world);
        view.qpos.iter().chain(view.qvel).map(|x| x.to_bits()).collect()
    };
    for step in 0..60 {
        run(&mut alone, 0.02);
        run(&mut many, 0.02);
        assert_eq!(bits(&alone, 0), bits(&many, 6), "step {step}");
    }
    let [x, y, z] = position(&alone, 0);
    assert!(z > waves(x, y) && z < waves(x, y) + 0.5, "lies on the ground: {x} {y} {z}");
}

#[test]
fn a_ball_rolls_over_waves_as_in_mujoco() {
    // Positions every 0.2 s, computed with MuJoCo 4.0 at the same step.
    let starts = [([-2.0, -1.5, 0.3], [1.0, 0.5, 0.0]), ([0.1, 1.1, 0.5], [-0.5, 0.2, 0.0])];
    let paths = [
        [
            [-1.8, -1.4, 0.102],
            [-1.768, -1.406, 0.078],
            [-1.821, -1.468, 0.046],
            [-1.946, -1.592, -0.025],
            [-2.15, -1.771, -0.094],
            [-2.399, -1.943, -0.087],
            [-2.63, -2.039, -0.027],
            [-2.808, -2.045, 0.019],
        ],
        [
            [0.0, 1.14, 0.302],
            [-0.046, 1.217, 0.025],
            [0.006, 1.364, -0.013],
            [0.112, 1.545, -0.04],
            [0.272, 1.709, -0.042],
            [0.459, 1.818, -0.028],
            [0.641, 1.86, -0.006],
            [0.789, 1.841, 0.015],
        ],
    ];
    let (asset, ground) = terrain(31, 3.0, waves, "");
    let ground = (asset, ground.replace("friction=\"0 0 0\"", "").replace("condim=\"1\"", ""));
    let ball = r#"<body><freejoint/><geom type="sphere" size="0.1" mass="1"/></body>"#;
    let mut worlds = worlds(EngineKind::Lanes, &world(&ground, ball), 2, &[]);
    for (world, (pos, speed)) in starts.into_iter().enumerate() {
        put(&mut worlds, world, pos, speed);
    }
    for step in 0..8 {
        run(&mut worlds, 0.2);
        for (world, path) in paths.iter().enumerate() {
            for (got, expected) in position(&worlds, world).into_iter().zip(path[step]) {
                // The balls land in notches, where MuJoCo has several contacts at a time.
                close(&format!("ball {world}, step {step}"), got, expected, 0.08);
            }
        }
    }
}

#[test]
fn mjcf_fields_are_those_of_mujoco() {
    let xml = r#"<mujoco>
<asset><hfield name="h" nrow="2" ncol="3" size="1 2 3 4" elevation="1 2 3 4 5 7"/>
<hfield name="flat" nrow="2" ncol="2" size="1 1 1 1"/></asset>
<worldbody><geom type="hfield" hfield="h" mass="3"/>
<body pos="0 0 1"><geom type="hfield" hfield="flat"/></body></worldbody></mujoco>"#;
    let model = Model::from_mjcf(xml, "m.xml").unwrap();
    let field = &model.heightfields[0];
    assert_eq!((field.name.as_str(), field.nrow, field.ncol, field.size), ("h", 2, 3, [1.0, 2.0, 3.0, 4.0]));
    // MuJoCo 4.0's hfield_data and geom_size.
    for (got, expected) in field.data.iter().zip([0.5, 0.6666667, 1.0, 0.0, 0.16666667, 0.33333334]) {
        close("data", f64::from(*got), expected, 1e-6);
    }
    close("height", field.height(0, 2), 3.0, 1e-12);
    assert_eq!(model.heightfields[1].data, [0.0; 4]);
    let geom = &model.geoms[0];
    assert_eq!((geom.kind, geom.heightfield, geom.size), (GeomKind::Heightfield, Some(0), [1.0, 2.0, 2.75]));
    assert_eq!(model.geoms[1].heightfield, Some(1));
}

#[test]
fn mjcf_errors_name_place_and_remedy() {
    let asset = |attributes: &str| {
        format!(
            "<mujoco><asset>\n<hfield {attributes}/></asset><worldbody><geom size=\"1\"/></worldbody></mujoco>"
        )
    };
    let geom = |geom: &str| {
        format!(
            "<mujoco><asset><hfield name='h' nrow='2' ncol='2' size='1 1 1 1'/></asset>\n<worldbody>{geom}</worldbody></mujoco>"
        )
    };
    let grid = "name='h' nrow='2' ncol='2' size='1 1 1 1'";
    for (xml, expected) in [
        (asset("nrow='2' ncol='2' size='1 1 1 1'"), "2:1: <hfield> needs a name"),
        (asset("name='h' ncol='2' size='1 1 1 1'"), "2:1: <hfield name=\"h\"> needs nrow, ncol and size"),
        (
            asset("name='h' nrow='1' ncol='2' size='1 1 1 1'"),
            "2:24: nrow is '1', expected a whole number from 2 to",
        ),
        (
            asset("name='h' nrow='2' ncol='99999999' size='1 1 1 1'"),
            "2:33: ncol is '99999999', expected a whole number from 2 to",
        ),
        (asset("name='h' nrow='2' ncol='2' size='1 1 1 0'"), "2:42: size must be four positive numbers"),
        (asset("name='h' nrow='2' ncol='2' size='1 1 1'"), "2:42: size has 3 of 4 numbers"),
        (asset(&format!("{grid} elevation='1 2 3'")), "2:62: elevation has 3 of 4 numbers"),
        (asset(&format!("{grid} elevation='1 2 3 x'")), "2:62: 'x' in elevation is not a number"),
        (
            asset(&format!("{grid} elevation='-1e308 1e308 0 0'")),
            "2:62: the heights in elevation lie too far",
        ),
        (
            asset("name='h' size='1 1 1 1' file='h.png'"),
            "2:33: attribute 'file' of <hfield> is not supported: write nrow, ncol and the heights",
        ),
        (asset(&format!("{grid}/><hfield {grid}")), "2:66: there is already a hfield called 'h'"),
        (geom("<geom type='hfield' hfield='x'/>"), "2:40: unknown hfield 'x'; valid: h"),
        (geom("<geom name='g' type='hfield'/>"), "2:12: <geom name=\"g\"> needs hfield"),
        (geom("<geom size='1' hfield='h'/>"), "2:35: hfield is valid only for a geom of type"),
        (geom("<geom type='hfield' hfield='h' fromto='0 0 0 1 1 1'/>"), "2:51: fromto is valid only for"),
        (
            geom("<body><freejoint/><geom size='1'/><geom type='hfield' hfield='h'/></body>"),
            "2:46: a heightfield is valid only in the world or in a body that no joint moves",
        ),
    ] {
        let error = Model::from_mjcf(&xml, "m.xml").expect_err(&xml).to_string();
        assert!(error.starts_with(&format!("m.xml:{expected}")), "{error}\nfor {xml}");
    }
}

#[test]
fn what_the_engines_cannot_do_with_a_field_is_refused_by_name() {
    let ground = terrain(5, 2.0, |x, _| x, "name='hill'");
    let mut moving = (*world(&ground, BALL)).clone();
    moving.geoms[0].body = 1;
    let other = r#"<body><freejoint/><geom size="1"/></body>"#;
    let mut carried = (*world(&ground, &format!("{BALL}{other}"))).clone();
    carried.geoms[0].body = 1;
    let missing = unsupported(&carried, EngineKind::Lanes);
    assert!(missing.iter().any(|m| m.contains("collisions of heightfield 'hill'")), "{missing:?}");
    assert_eq!(unsupported(&moving, EngineKind::Rapier), ["heightfield 'hill' on a moving body"]);
    let barrel = r#"<body><freejoint/><geom name="barrel" type="cylinder" size="0.1 0.2"/></body>"#;
    let missing = unsupported(&world(&ground, barrel), EngineKind::Lanes);
    assert_eq!(missing, ["collisions of heightfield 'hill' with cylinder 'barrel'"]);
    for engine in EngineKind::ALL {
        assert_eq!(unsupported(&world(&ground, BALL), engine), [""; 0]);
    }
}

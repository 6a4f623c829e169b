//! The MJCF reader against MuJoCo: the shipped robots equal MuJoCo's compiled tables, errors name
//! place and remedy, and no input panics.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::PathBuf;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::Value;
use sim::{
    Actuator, Body, CameraMode, EngineKind, Geom, GeomKind, Joint, JointKind, Model, PhysicsOption, SimError,
    StepOptions, Worlds,
};

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every shipped robot.
const ASSETS: [&str; 13] = [
    "ant",
    "grasp",
    "half_cheetah",
    "hopper",
    "humanoid",
    "humanoid_standup",
    "inverted_double_pendulum",
    "inverted_pendulum",
    "push_to_goal",
    "pusher",
    "reacher",
    "swimmer",
    "walker2d",
];

fn asset(name: &str) -> Model {
    Model::from_mjcf_file(repository().join(format!("envs/assets/{name}.xml"))).unwrap()
}

fn asset_text(name: &str) -> String {
    std::fs::read_to_string(repository().join(format!("envs/assets/{name}.xml"))).unwrap()
}

/// The `model` table that MuJoCo compiled.
fn table(name: &str) -> Value {
    let path = repository().join(format!("tests/data/physics/{name}.json"));
    let mut value: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    value["model"].take()
}

fn rows<T: serde::de::DeserializeOwned>(table: &Value, key: &str) -> Vec<T> {
    serde_json::from_value(table[key].clone()).unwrap()
}

/// Equal to 1e-6 relative, or to `digits` printed decimals.
#[track_caller]
fn close<const N: usize>(what: &str, got: [f64; N], expected: [f64; N], digits: i32) {
    for (g, e) in got.into_iter().zip(expected) {
        let tolerance = (1e-6 * e.abs()).max(0.51 * 10_f64.powi(-digits));
        assert!((g - e).abs() <= tolerance, "{what}: got {got:?}, expected {expected:?}");
    }
}

/// Rotation matrix of a quaternion, by Rodrigues' columns (independent of the reader's own).
fn matrix([w, x, y, z]: [f64; 4]) -> [[f64; 3]; 3] {
    [
        [1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - w * z), 2.0 * (x * z + w * y)],
        [2.0 * (x * y + w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - w * x)],
        [2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y)],
    ]
}

/// Inertia tensor in the body's frame, which equivalent principal axes share.
fn tensor(moments: [f64; 3], quat: [f64; 4]) -> [f64; 9] {
    let r = matrix(quat);
    core::array::from_fn(|n| (0..3).map(|k| r[n / 3][k] * moments[k] * r[n % 3][k]).sum())
}

#[track_caller]
fn same_turn(what: &str, got: [f64; 4], expected: [f64; 4]) {
    let dot: f64 = got.iter().zip(expected).map(|(a, b)| a * b).sum();
    close(what, got.map(|x| x * dot.signum()), expected, 6);
}

fn equals_table(name: &str) {
    let (model, table) = (asset(name), table(name));
    assert_eq!(model.name, name);
    assert_eq!(model.warnings, [""; 0]);
    let option: PhysicsOption = serde_json::from_value(table.clone()).unwrap();
    assert_eq!(model.option, option);
    assert_eq!(model.qpos0, rows::<f64>(&table, "qpos0"));
    for (key, size) in [("nq", model.nq()), ("nv", model.nv()), ("nu", model.nu())] {
        assert_eq!(table[key], size, "{key}");
    }
    let total = table["total_mass"].as_f64().unwrap();
    assert!((model.total_mass() - total).abs() < 1e-12 * total);

    let bodies: Vec<Body> = rows(&table, "bodies");
    assert_eq!(model.bodies.len(), bodies.len());
    for (got, expected) in model.bodies.iter().zip(&bodies) {
        let what = &got.name;
        if expected.name.is_empty() {
            assert!(!got.name.is_empty(), "our assets name every body");
        } else {
            assert_eq!(got.name, expected.name);
        }
        assert_eq!(got.parent, expected.parent, "{what}");
        close(what, got.pos, expected.pos, 6);
        same_turn(what, got.quat, expected.quat);
        close(what, [got.mass], [expected.mass], 8);
        close(what, got.com, expected.com, 6);
        close(what, got.inertia, expected.inertia, 9);
        let (a, b) = (tensor(got.inertia, got.inertia_quat), tensor(expected.inertia, expected.inertia_quat));
        // The table rounds quaternions to six decimals.
        for (x, y) in a.into_iter().zip(b) {
            let tolerance = 4e-6 * expected.inertia[0] + 1e-9;
            assert!((x - y).abs() <= tolerance, "{what}: {a:?} {b:?}");
        }
    }

    let joints: Vec<Joint> = rows(&table, "joints");
    assert_eq!(model.joints.len(), joints.len());
    let (mut nq, mut nv) = (0, 0);
    for (got, expected) in model.joints.iter().zip(joints) {
        close(&got.name, got.axis, expected.axis, 6);
        close(&got.name, got.range, expected.range, 6);
        let exact = Joint { axis: got.axis, range: got.range, qpos_adr: nq, dof_adr: nv, ..expected };
        assert_eq!(*got, exact);
        nq += got.kind.nq();
        nv += got.kind.nv();
    }

    let geoms: Vec<Geom> = rows(&table, "geoms");
    assert_eq!(model.geoms.len(), geoms.len());
    for (got, mut expected) in model.geoms.iter().zip(geoms) {
        if expected.kind == GeomKind::Cylinder {
            // MuJoCo keeps a third size that means nothing.
            expected.size[2] = 0.0;
        }
        close(&got.name, got.size, expected.size, 6);
        close(&got.name, got.pos, expected.pos, 6);
        same_turn(&got.name, got.quat, expected.quat);
        let exact = Geom { size: got.size, pos: got.pos, quat: got.quat, rgba: got.rgba, ..expected };
        assert_eq!(*got, exact);
    }

    let actuators = table["actuators"].as_array().unwrap();
    assert_eq!(model.actuators.len(), actuators.len());
    for (got, expected) in model.actuators.iter().zip(actuators) {
        assert_eq!(model.joints[got.joint].name, expected["joint"]);
        assert_eq!(got.gear, expected["gear"]);
        let range: [f64; 2] = serde_json::from_value(expected["ctrlrange"].clone()).unwrap();
        assert_eq!(got.ctrlrange, range);
    }
}

#[test]
fn every_robot_equals_mujoco() {
    for name in [
        "ant",
        "half_cheetah",
        "hopper",
        "humanoid",
        "humanoid_standup",
        "inverted_double_pendulum",
        "inverted_pendulum",
        "pusher",
        "reacher",
        "swimmer",
        "walker2d",
    ] {
        equals_table(name);
    }
}

fn world(contents: &str) -> String {
    format!("<mujoco>\n<worldbody>\n{contents}\n</worldbody>\n</mujoco>")
}

#[track_caller]
fn read(xml: &str) -> Model {
    Model::from_mjcf(xml, "m.xml").unwrap_or_else(|error| panic!("{error}\n{xml}"))
}

/// Numbers in this test are what MuJoCo 4.0 compiles from the same text.
#[test]
fn several_geoms_add_up_as_in_mujoco() {
    let model = read(&world(
        r#"<body><joint/><geom type="box" size="1 2 3"/>
           <geom type="box" size="1 2 3" pos="1 2 3" euler="10 20 30"/></body>"#,
    ));
    let body = &model.bodies[1];
    assert!((body.mass - 96000.0).abs() < 1e-6);
    close("com", body.com, [0.5, 1.0, 1.5], 12);
    close("moments", body.inertia, [728953.15394841, 624834.16747178, 214212.67857982], 5);
    let quat = [0.97422691, -0.17685521, 0.12159231, 0.06942238];
    let expected = tensor(body.inertia, quat);
    for (x, y) in tensor(body.inertia, body.inertia_quat).into_iter().zip(expected) {
        assert!((x - y).abs() < 0.05, "{x} {y}");
    }
}

/// Numbers in this test are what MuJoCo 4.0 compiles from the same text.
#[test]
fn solids_weigh_what_they_do_in_mujoco() {
    for (geom, mass, moments) in [
        (r#"type="box" size="1 2 3""#, 48000.0, [208000.0, 160000.0, 80000.0]),
        (
            r#"type="ellipsoid" size="1 2 3""#,
            25132.74122872,
            [65345.12719467, 50265.48245744, 25132.74122872],
        ),
        (r#"type="cylinder" size="1 2""#, 12566.37061436, [19896.75347274, 19896.75347274, 6283.18530718]),
        (r#"size="1""#, 4188.79020479, [1675.51608191; 3]),
    ] {
        let model = read(&world(&format!("<body><joint/><geom {geom}/></body>")));
        close(geom, [model.bodies[1].mass], [mass], 7);
        close(geom, model.bodies[1].inertia, moments, 7);
    }
}

/// Numbers in this test are what MuJoCo 4.0 compiles from the same text.
#[test]
fn orientations_are_those_of_mujoco() {
    for (compiler, attribute, quat) in [
        (r#"eulerseq="zyx""#, r#"euler="10 20 30""#, [0.95154852, 0.23929834, 0.18930786, 0.03813458]),
        (r#"eulerseq="XyZ""#, r#"euler="10 20 30""#, [0.94371436, 0.03813458, 0.18930786, 0.26853582]),
        (r#"angle="radian""#, r#"euler="1 0 0""#, [0.87758256, 0.47942554, 0.0, 0.0]),
        ("", r#"axisangle="1 2 3 40""#, [0.93969262, 0.09140873, 0.18281746, 0.27422618]),
        ("", r#"xyaxes="1 2 3 0 1 0.5""#, [0.79375588, -0.05985165, -0.52744658, 0.29693348]),
        ("", r#"zaxis="1 2 3""#, [0.94915323, -0.2815786, 0.1407893, 0.0]),
        ("", r#"zaxis="0 0 -1""#, [0.0, 1.0, 0.0, 0.0]),
        ("", r#"quat="3 0 0 4""#, [0.6, 0.0, 0.0, 0.8]),
    ] {
        let model = read(&format!(
            "<mujoco><compiler {compiler}/><worldbody><body {attribute}/></worldbody></mujoco>"
        ));
        close(attribute, model.bodies[1].quat, quat, 8);
    }
}

#[test]
fn defaults_inherit_attribute_by_attribute() {
    let model = read(
        r#"<mujoco>
          <worldbody>
            <body childclass="b"><joint name="j"/><geom size="1"/>
              <geom class="main" size="1"/><geom size="1" solref="0.5"/>
              <body><geom class="a" size="1"/></body></body>
          </worldbody>
          <actuator><motor joint="j" class="a"/><motor joint="j"/></actuator>
          <default>
            <default class="a"><geom conaffinity="7"/><motor ctrlrange="-2 3"/>
              <default class="b"><geom condim="4"/><joint damping="5"/></default></default>
            <geom contype="2" solref="0.1 0.8"/><joint armature="3"/><motor gear="9 8"/>
          </default>
        </mujoco>"#,
    );
    let seen: Vec<_> = model.geoms.iter().map(|g| (g.contype, g.conaffinity, g.condim)).collect();
    assert_eq!(seen, [(2, 7, 4), (2, 1, 3), (2, 7, 4), (2, 7, 3)]);
    assert_eq!(model.geoms[2].solref, [0.5, 0.8]);
    assert_eq!((model.joints[0].damping, model.joints[0].armature), (5.0, 3.0));
    let infinite = [f64::NEG_INFINITY, f64::INFINITY];
    let motor = |ctrlrange| Actuator { name: String::new(), joint: 0, gear: 9.0, ctrlrange, servo: None };
    assert_eq!(model.actuators, [motor([-2.0, 3.0]), motor(infinite)]);
}

#[test]
fn reference_positions_enter_qpos0() {
    let model = read(&world(
        r#"<body pos="1 2 3" zaxis="1 0 0"><freejoint/><geom size="1"/>
             <body><joint type="ball" range="0 90"/><geom size="1"/>
               <body><joint type="slide" ref="1.25" springref="2"/>
                 <joint ref="90" springref="180" range="0 180"/><geom size="1"/></body></body></body>"#,
    ));
    let (h, half_pi) = (0.5_f64.sqrt(), core::f64::consts::FRAC_PI_2);
    let expected = [1.0, 2.0, 3.0, h, 0.0, h, 0.0, 1.0, 0.0, 0.0, 0.0, 1.25, half_pi];
    assert_eq!(model.qpos0.len(), model.nq());
    for (got, expected) in model.qpos0.iter().zip(expected) {
        assert!((got - expected).abs() < 1e-15, "{:?}", model.qpos0);
    }
    let [free, ball, slide, hinge] = &model.joints[..] else { panic!() };
    assert_eq!((free.kind, free.damping, free.limited), (JointKind::Free, 0.0, false));
    close("ball", ball.range, [0.0, half_pi], 15);
    close("springref", [slide.springref, hinge.springref], [2.0, 2.0 * half_pi], 15);
    close("hinge", hinge.range, [0.0, 2.0 * half_pi], 15);
    let addresses: Vec<_> = model.joints.iter().map(|j| (j.qpos_adr, j.dof_adr)).collect();
    assert_eq!(addresses, [(0, 0), (7, 6), (11, 9), (12, 10)]);
}

#[test]
fn inertial_overrides_geoms_and_mass_is_scaled() {
    let xml = |compiler: &str| {
        format!(
            r#"<mujoco><compiler {compiler}/><worldbody><body>
            <inertial pos="1 0 0" mass="2" fullinertia="3 2 2 .1 .2 .3"/><joint/><geom size="1"/>
            </body></worldbody></mujoco>"#
        )
    };
    // What MuJoCo 4.0 compiles from the same text.
    let body = read(&xml("")).bodies[1].clone();
    close("com and mass", [body.com[0], body.mass], [1.0, 2.0], 15);
    close("moments", body.inertia, [3.06267232, 2.24139414, 1.69593354], 8);
    same_turn("axes", body.inertia_quat, [0.92032836, 0.36620813, -0.07659111, 0.11411008]);

    let scaled = read(&xml(r#"settotalmass="6""#)).bodies[1].clone();
    close("scaled", [scaled.mass, scaled.inertia[0]], [6.0, 3.0 * body.inertia[0]], 12);
    let geoms = read(&xml(r#"inertiafromgeom="true""#)).bodies[1].clone();
    close("from geoms", [geoms.mass, geoms.com[0]], [4188.79020479, 0.0], 8);

    // Geoms without mass leave the <inertial> alone, as in MuJoCo.
    let light = xml(r#"inertiafromgeom="true""#).replace("size=\"1\"", "size=\"1\" mass=\"0\"");
    close("light geoms", [read(&light).bodies[1].mass], [2.0], 15);
}

#[test]
fn what_is_not_used_is_warned_about_once_and_drawing_in_silence() {
    let model = read(
        r#"<mujoco>
  <option><flag gravity="disable" energy="enable"/></option>
  <visual><anything here="goes"/></visual>
  <asset><texture name="t"/><material name="m" texture="t"/></asset>
  <worldbody>
    <light/><camera/><site size="1"/>
    <geom size="1" material="m" solmix="2"/>
    <geom size="1" solmix="3"/>
  </worldbody>
  <tendon/>
  <sensor><gyro site="s"/></sensor>
  <custom/>
  <size memory="1M"/>
</mujoco>"#,
    );
    assert_eq!(
        model.warnings,
        [
            "m.xml:2:17: attribute 'gravity' of <flag> is not used",
            "m.xml:7:33: attribute 'solmix' of <geom> is not used",
            "m.xml:11:3: <sensor> is not used",
            "m.xml:12:3: <custom> is not used",
            "m.xml:13:3: <size> is not used",
        ]
    );
}

#[test]
fn errors_name_place_and_remedy() {
    let body = |inner: &str| world(&format!("<body name=\"b\"><geom size=\"1\"/>\n{inner}</body>"));
    let motor = |attributes: &str| {
        format!(
            "<mujoco><worldbody><body><joint name=\"j\"/><geom size=\"1\"/></body></worldbody>\n\
             <actuator>\n<motor {attributes}/></actuator></mujoco>"
        )
    };
    let servo =
        |kind: &str, more: &str| motor(&format!("joint='j' {more}")).replace("<motor", &format!("<{kind}"));
    for (xml, expected) in [
        // XML itself.
        ("<mujoco>\n <worldbody>".into(), "2:13: the file ends too early: an end tag, quote"),
        ("<mujoco>\n<a></b></mujoco>".into(), "2:4: not valid XML: expected 'a' tag, not 'b'"),
        ("<mujoco a=\"1\" a=\"2\"/>".into(), "1:15: not valid XML: attribute 'a' is already"),
        (String::new(), "1:1: the file holds no element"),
        ("<robot/>".into(), "1:1: the file starts with <robot>, expected <mujoco>"),
        // Names that do not exist, and what we lack.
        (world("<gem size='1'/>"), "3:1: unknown element <gem> in <worldbody>; valid: body, geom"),
        (world("<geom siz='1'/>"), "3:7: unknown attribute 'siz' of <geom>; valid: name, class, type"),
        (world("<geom type='cube'/>"), "3:13: type is 'cube', valid: sphere, capsule"),
        (world("<geom class='c'/>"), "3:14: unknown default class 'c'; valid: main"),
        (world("<include file='a.xml'/>"), "3:1: a text has no folder to <include> from: read it as a file"),
        (world("<camera fovy='180'/>"), "3:15: fovy is 180, expected degrees between 0 and 180"),
        (world("<camera mode='orbit'/>"), "3:15: mode is 'orbit', valid: fixed, track, trackcom"),
        (
            world("<camera mode='targetbody' target='t'/><body name='b'/>"),
            "3:35: unknown target body 't'; valid: world, b",
        ),
        ("<mujoco><keyframe><key qpos='1'/></keyframe></mujoco>".into(), "1:30: qpos has 1 of 0 numbers"),
        (
            "<mujoco><worldbody><body><freejoint/><geom size='1'/></body></worldbody>\n\
             <keyframe><key qpos='0 0 1 0 0 0 0'/></keyframe></mujoco>"
                .into(),
            "2:22: the quaternion in qpos, numbers 4 to 7, is all zeros",
        ),
        (
            "<mujoco><keyframe><key name='k'/>\n<key name='k'/></keyframe></mujoco>".into(),
            "2:12: there is already a key called 'k'",
        ),
        (
            "<mujoco><keyframe><key act='1'/></keyframe></mujoco>".into(),
            "1:24: attribute 'act' of <key> is not supported",
        ),
        (world("<geom type='mesh' mesh='m'/>"), "3:25: unknown mesh 'm'; there is: none"),
        (
            "<mujoco><asset><mesh file='m.stl'/></asset><worldbody>\n<geom type='mesh' mesh='m'/></worldbody></mujoco>"
                .into(),
            "2:25: the file of this mesh is out of reach of a text",
        ),
        (world("<geom type='box' mesh='m'/>"), "3:24: a shape that is fitted to a mesh is not supported"),
        (world("<replicate count='1000000000'/>"), "3:1: <replicate> is not supported: write its copies"),
        (
            "<mujoco><asset><hfield name='h' nrow='1000000000' ncol='2' size='1 1 1 1'/></asset></mujoco>"
                .into(),
            "1:39: nrow is '1000000000', expected a whole number from 2 to 4096",
        ),
        ("<mujoco><tendon><fixed/></tendon></mujoco>".into(), "1:9: <tendon> is not supported"),
        (
            "<mujoco>\n<contact><exclude body1='a' body2='b'/></contact></mujoco>".into(),
            "2:26: unknown body 'a'; valid: world",
        ),
        (
            "<mujoco>\n<contact><exclude body1='a'/></contact></mujoco>".into(),
            "2:26: unknown body 'a'; valid: world",
        ),
        ("<mujoco>\n<contact><exclude/></contact></mujoco>".into(), "2:10: <exclude> needs body1 and body2"),
        (
            "<mujoco><compiler coordinate='global'/></mujoco>".into(),
            "1:19: coordinate=\"global\" of <compiler> is not supported; the only valid value is \"local\"",
        ),
        (
            "<mujoco><default>\n<geom name='g'/></default></mujoco>".into(),
            "2:7: unknown attribute 'name' of <geom> in <default>",
        ),
        // Numbers.
        (world("<geom size='nan'/>"), "3:13: 'nan' in size is not a finite number"),
        (world("<geom size='1e999'/>"), "3:13: '1e999' in size is not a finite number"),
        (world("<geom size='1,2'/>"), "3:13: '1,2' in size is not a number; numbers are separated"),
        (world("<geom size='1' pos='1 2'/>"), "3:21: pos has 2 of 3 numbers"),
        (world("<geom size='1' pos='1 2 3 4'/>"), "3:21: pos has more than 3 number(s)"),
        (world("<geom size='0'/>"), "3:13: <geom>: size must be a positive radius"),
        (
            world("<geom name='g' type='box' size='1 2'/>"),
            "3:33: <geom name=\"g\">: size must be three positive",
        ),
        (world("<geom size='1' condim='2'/>"), "3:24: condim is 2, valid: 1, 3, 4, 6"),
        (world("<geom size='1' friction='-1'/>"), "3:26: friction must not be negative"),
        (world("<geom size='1' solref='0.02 -1'/>"), "3:24: solref is 0.02 -1: both must be positive"),
        (
            world("<geom type='capsule' size='1' fromto='0 0 0 0 0 0'/>"),
            "3:39: the two points of fromto coincide",
        ),
        (world("<body quat='0 0 0 0'/>"), "3:13: quat must not be all zeros"),
        (world("<body quat='1 0 0 0' euler='0 0 0'/>"), "3:29: both quat and euler are given"),
        ("<mujoco><option timestep='0'/></mujoco>".into(), "1:27: timestep is 0, must be positive"),
        // Bodies and joints.
        (world("<joint/>"), "3:1: <joint> is not supported: the world cannot move"),
        (world("<body name='b'><joint/></body>"), "3:1: <body name=\"b\"> moves but has mass 0"),
        (world("<body><joint/><geom size='1' mass='0'/></body>"), "3:1: <body> moves but has mass 0"),
        (
            world("<body><joint/><inertial pos='0 0 0' mass='1' diaginertia='1 1 3'/></body>"),
            "3:1: moments of inertia 1 1 3 are impossible",
        ),
        (world("<body><geom size='1e200'/></body>"), "3:1: the mass or inertia of this body is not finite"),
        (world("<body name='b'/>\n<body name='b'/>"), "4:13: there is already a body called 'b'"),
        (world("<body name='world'/>"), "3:13: there is already a body called 'world'"),
        (body("<joint name='j'/>\n<joint name='j'/>"), "5:14: there is already a joint called 'j'"),
        (body("<freejoint/>\n<freejoint/>"), "5:1: a free joint must be the only joint"),
        (
            body("<body><freejoint/><geom size='1'/></body>"),
            "4:7: a free joint is valid only for a body directly",
        ),
        (body("<joint limited='true'/>"), "4:17: <joint> is limited but has no range"),
        (body("<joint range='2 1'/>"), "4:15: range is 2 1, the first must be the smaller"),
        (body("<joint axis='0 0 0'/>"), "4:14: axis must not be zero"),
        (body("<joint damping='-1'/>"), "4:17: damping is -1, must not be negative"),
        (body("<joint/><geom type='plane' size='1 1 1'/>"), "4:9: a plane is valid only in the world"),
        // Motors.
        (motor("joint='k'"), "3:15: unknown joint 'k'; valid: j"),
        (motor(""), "3:1: <motor> needs joint"),
        (motor("joint='j' ctrllimited='true'"), "3:31: <motor> is limited but has no ctrlrange"),
        (motor("joint='j' forcerange='1 -1'"), "3:30: forcerange is 1 -1, the first must be the smaller"),
        (motor("joint='j' kp='1'"), "3:18: unknown attribute 'kp' of <motor>; valid: name, class"),
        (servo("position", "dampratio='1'"), "3:21: dampratio=\"1\" of <position> is not supported"),
        (servo("position", "kp='-1'"), "3:25: kp is -1, must not be negative"),
        (servo("position", "inheritrange='1'"), "3:35: inheritrange needs a range of joint 'j'"),
        (servo("general", "dyntype='filter'"), "3:20: dyntype=\"filter\" of <general> is not supported"),
        (servo("muscle", ""), "3:1: <muscle> is not supported: valid actuators are motor, position"),
    ] {
        let error = Model::from_mjcf(&xml, "m.xml").expect_err(&xml).to_string();
        assert!(error.starts_with(&format!("m.xml:{expected}")), "{error}\nfor {xml}");
    }
}

#[test]
fn size_limits_hold() {
    let deep = format!("{}{}", "<body>".repeat(300), "</body>".repeat(300));
    let error = Model::from_mjcf(&world(&deep), "m.xml").unwrap_err().to_string();
    assert!(error.ends_with("elements are nested deeper than 200"), "{error}");

    let error = Model::from_mjcf(&world(&"<body/>\n".repeat(10_001)), "m.xml").unwrap_err();
    assert_eq!(error.to_string(), "m.xml:10003:1: there are more than 10000 bodies");
    assert_eq!(read(&world(&"<body/>".repeat(10_000))).bodies.len(), 10_001);
}

#[test]
fn a_missing_file_is_named() {
    let error = Model::from_mjcf_file("no/such.xml").unwrap_err();
    assert!(matches!(error, SimError::Read { .. }));
    assert!(error.to_string().starts_with("cannot read no/such.xml: "), "{error}");
}

#[test]
fn what_an_engine_does_otherwise_is_told() {
    let told = |xml: &str, engine| sim::approximated(&read(&xml.replace('\'', "\"")), engine).join("\n");
    let touching = "<worldbody><geom type='plane' size='1 1 1'/><body><freejoint/><geom size='1' {}/></body></worldbody>";
    let of = |option: &str, geom: &str| format!("<mujoco>{option}{}</mujoco>", touching.replace("{}", geom));
    for (xml, rapier, lanes) in [
        (of("", ""), "", ""),
        (of("<option integrator='RK4'/>", ""), "integrator other than Euler", "integrator other than Euler"),
        (of("<option impratio='2'/>", ""), "impratio", "impratio"),
        (of("", "condim='4'"), "condim 4 or 6", ""),
        (of("", "condim='4' contype='0' conaffinity='0'"), "", ""),
        (of("", "solref='0.01 1'"), "solref or solimp", ""),
        (of("", "type='capsule' fromto='0 0 0 1 0 0'"), "", ""),
        (
            of("", "type='capsule' fromto='0 0 0 1 0 0'").replace("plane", "box"),
            "",
            "contacts of a capsule with a box: one",
        ),
    ] {
        for (engine, expected) in [(EngineKind::Rapier, rapier), (EngineKind::Lanes, lanes)] {
            let told = told(&xml, engine);
            assert!(told.contains(expected) && told.is_empty() == expected.is_empty(), "{xml}: {told}");
        }
    }
}

/// Laws as MuJoCo 4.0 compiles them: gain, then bias, by class and own attributes.
#[test]
fn servos_are_compiled_as_in_mujoco() {
    let model = read(
        r#"<mujoco><default><general gainprm="3" biastype="affine" biasprm="0.1 -2 -0.05"/>
          <default class="s"><position kv="0.5"/></default><default class="v"><velocity kv="7"/></default></default>
          <worldbody><body><joint name="a" range="-60 60"/><geom size="0.1"/></body></worldbody>
          <actuator><position joint="a"/><position joint="a" kp="9"/><position class="s" joint="a"/>
            <velocity joint="a"/><motor joint="a"/><general joint="a" class="s"/><motor joint="a" class="v"/>
            <general joint="a" class="v" biastype="none"/><general joint="a" gainprm="4 5" biasprm="1"/>
            <motor joint="a" gear="2" forcerange="-1 2"/><position joint="a" inheritrange="0.5"/></actuator></mujoco>"#,
    );
    let infinite = [f64::NEG_INFINITY, f64::INFINITY];
    let laws: Vec<_> =
        model.actuators.iter().map(|a| a.servo.map(|s| (s.gain, s.bias, s.forcerange))).collect();
    assert_eq!(
        laws,
        [
            Some((3.0, [0.0, -3.0, -0.05], infinite)),
            Some((9.0, [0.0, -9.0, -0.05], infinite)),
            Some((3.0, [0.0, -3.0, -0.5], infinite)),
            Some((3.0, [0.0, 0.0, -3.0], infinite)),
            None,
            Some((3.0, [0.0, -3.0, -0.5], infinite)),
            None,
            Some((7.0, [0.0; 3], infinite)),
            Some((4.0, [1.0, -2.0, -0.05], infinite)),
            Some((1.0, [0.0; 3], [-1.0, 2.0])),
            Some((3.0, [0.0, -3.0, -0.05], infinite)),
        ]
    );
    close(
        "inheritrange",
        model.actuators[10].ctrlrange,
        [-std::f64::consts::FRAC_PI_6, std::f64::consts::FRAC_PI_6],
        9,
    );
}

#[test]
fn meshes_whose_files_are_out_of_reach_are_left_out_with_a_warning() {
    let model = read(
        r#"<mujoco><asset><mesh file="nowhere.stl"/></asset>
<default><default class="visual"><geom type="mesh" contype="0" conaffinity="0" mass="0"/></default></default>
<worldbody><geom class="visual" mesh="nowhere"/><body><joint/><geom size="0.1"/>
<geom class="visual" mesh="nowhere"/></body></worldbody></mujoco>"#,
    );
    assert_eq!(model.geoms.len(), 1);
    assert_eq!(
        model.warnings,
        ["m.xml:3:39: meshes whose files are out of reach of this text are left out of the picture"]
    );
}

#[test]
fn excluded_bodies_do_not_touch() {
    let robots = |exclude: &str| {
        let model = read(&format!(
            r#"<mujoco><option gravity="0 0 0"/><worldbody>
            <body name="a"><joint type="slide"/><geom size="0.1"/></body>
            <body name="b" pos="0 0 0.15"><joint type="slide"/><geom size="0.1"/></body></worldbody>{exclude}</mujoco>"#
        ));
        EngineKind::ALL.map(|engine| {
            let options = StepOptions { engine, timestep: 0.002, substeps: 10, iterations: 10 };
            let mut worlds = Worlds::new(&Arc::new(model.clone()), 1, options, &[]).unwrap();
            worlds.step(&[true], &[]);
            worlds.view(0).qpos[1]
        })
    };
    assert!(robots("").iter().all(|&apart| apart > 0.001), "{:?}", robots(""));
    assert_eq!(robots(r#"<contact><exclude body1="b" body2="a"/></contact>"#), [0.0; 2]);
}

const MAIN: &str = r#"<mujoco model="m">
  <include file="parts/defaults.xml"/>
  <worldbody>
    <camera name="far" pos="0 -3 1" xyaxes="1 0 0 0 0.6 0.8" fovy="60"/>
    <body name="trunk" pos="0 0 1"><freejoint/>
      <geom size="0.1"/>
      <camera name="track" mode="trackcom" pos="0 -3 0.3" xyaxes="1 0 0 0 0 1"/>
      <include file="parts/leg.xml"/></body>
  </worldbody>
  <include file="parts/motors.xml"/>
</mujoco>
"#;
const DEFAULTS: &str = r#"<mujocoinclude>
  <default><geom density="500"/><camera fovy="30"/></default>
</mujocoinclude>
"#;
const LEG: &str = r#"<?xml version="1.0"?>
<mujocoinclude>
  <!-- hangs from the trunk, </mujocoinclude> -->
  <body name="leg" pos="0 0.2 0">
    <joint name="hip" axis="0 1 0"/>
    <geom type="capsule" size="0.02" fromto="0 0 0 0 0 -0.3"/>
    <camera name="look" mode="targetbody" target="trunk" pos="1 0 0"/>
  </body>
</mujocoinclude>
"#;
const MOTORS: &str = r#"<mujocoinclude>
  <actuator><motor joint="hip" ctrlrange="-1 1"/></actuator>
  <keyframe><key name="home" qpos="0 0 0.6 2 0 0 0 0.25" ctrl="0.5"/><key qvel="1 0 0 0 0 0 2"/></keyframe>
</mujocoinclude>
"#;

/// A folder of files, and the model that one of them is.
fn from_files(files: &[(&str, &str)]) -> (tempfile::TempDir, Result<Model, SimError>) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("parts")).unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let model = Model::from_mjcf_file(folder.path().join(files[0].0));
    (folder, model)
}

/// Tables that MuJoCo 4.0 compiles from the same four files.
#[test]
fn included_files_keyframes_and_cameras_are_those_of_mujoco() {
    let files = [
        ("main.xml", MAIN),
        ("parts/defaults.xml", DEFAULTS),
        ("parts/leg.xml", LEG),
        ("parts/motors.xml", MOTORS),
    ];
    let (folder, model) = from_files(&files);
    let model = model.unwrap();
    assert_eq!(model.name, "m");
    assert!(model.warnings.is_empty(), "{:?}", model.warnings);
    for (body, mass) in model.bodies.iter().zip([0.0, 2.094_395_1, 0.205_250_72]) {
        assert!((body.mass - mass).abs() < 1e-7, "{body:?}");
    }
    let [home, moving] = &model.keyframes[..] else { panic!("{:?}", model.keyframes) };
    assert_eq!((home.name.as_str(), moving.name.as_str()), ("home", ""));
    assert_eq!(home.qpos, [0.0, 0.0, 0.6, 1.0, 0.0, 0.0, 0.0, 0.25]);
    assert_eq!((&home.qvel[..], &home.ctrl[..]), (&[0.0; 7][..], &[0.5][..]));
    assert_eq!(moving.qpos, model.qpos0);
    assert_eq!((&moving.qvel[..], &moving.ctrl[..]), (&[1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0][..], &[0.0][..]));
    let cameras: Vec<_> =
        model.cameras.iter().map(|c| (c.name.as_str(), c.body, c.mode, c.target, c.fovy, c.pos)).collect();
    assert_eq!(
        cameras,
        [
            ("far", 0, CameraMode::Fixed, 0, 60.0, [0.0, -3.0, 1.0]),
            ("track", 1, CameraMode::TrackCom, 0, 30.0, [0.0, -3.0, 0.3]),
            ("look", 2, CameraMode::TargetBody, 1, 30.0, [1.0, 0.0, 0.0]),
        ]
    );
    let half = 0.5_f64.sqrt();
    close("far", model.cameras[0].quat, [0.894_427_19, 0.447_213_6, 0.0, 0.0], 7);
    close("track", model.cameras[1].quat, [half, half, 0.0, 0.0], 7);
    // The merged text says the same by itself.
    let text = sim::read_mjcf(folder.path().join("main.xml")).unwrap();
    drop(folder);
    assert_eq!(Model::from_mjcf(&text, "elsewhere.xml").unwrap(), model);
}

#[test]
fn errors_in_included_files_name_their_own_place() {
    let with = |changed: &str, text: &str| {
        let mut files = [
            ("main.xml", MAIN),
            ("parts/defaults.xml", DEFAULTS),
            ("parts/leg.xml", LEG),
            ("parts/motors.xml", MOTORS),
        ];
        files.iter_mut().filter(|(name, _)| *name == changed).for_each(|(_, t)| *t = text);
        let (folder, model) = from_files(&files);
        model.unwrap_err().to_string().replace(&folder.path().display().to_string(), "ROOT")
    };
    let says = |changed: &str, (old, new): (&str, &str), expected: &str| {
        let all = [("main.xml", MAIN), ("parts/leg.xml", LEG), ("parts/motors.xml", MOTORS)];
        let text = all.iter().find(|(name, _)| *name == changed).unwrap().1;
        assert!(text.contains(old));
        let got = with(changed, &text.replacen(old, new, 1));
        assert!(got.starts_with(expected), "{got}\n{expected}");
    };
    says("parts/leg.xml", ("size=\"0.02\"", "size=\"-1\""), "ROOT/parts/leg.xml:6:32: <geom>: size must be");
    says(
        "parts/leg.xml",
        ("<body name=\"leg\"", "<bod name=\"leg\""),
        "ROOT/parts/leg.xml:8:3: not valid XML",
    );
    says("parts/motors.xml", ("<actuator>", "<motors>"), "ROOT/parts/motors.xml:2:");
    // Behind an included piece, on its line and on a later one.
    says("main.xml", ("</body>", "<gem/></body>"), "ROOT/main.xml:8:38: unknown element <gem> in <body>");
    says(
        "main.xml",
        ("</worldbody>\n", "</worldbody>\n<x/>"),
        "ROOT/main.xml:10:1: unknown element <x> in <mujoco>",
    );
    says(
        "main.xml",
        ("parts/leg.xml", "leg.xml"),
        "ROOT/main.xml:8:7: cannot read ROOT/leg.xml: No such file",
    );
    says("main.xml", (" file=\"parts/leg.xml\"", ""), "ROOT/main.xml:8:7: <include> needs file");
    says(
        "main.xml",
        ("parts/motors.xml", "parts/../parts/leg.xml"),
        "ROOT/main.xml:10:3: ROOT/parts/../parts/leg.xml is included a second time",
    );
    // Names start from the main file's folder; a file that includes itself ends.
    says(
        "parts/leg.xml",
        ("</body>", "<include file=\"main.xml\"/></body>"),
        "ROOT/parts/leg.xml:8:3: ROOT/main.xml is included a second time",
    );
}

/// Whatever is accepted is a consistent, finite model; whatever is not has a place.
fn check_invariants(text: &str) -> Result<(), TestCaseError> {
    let model = match Model::from_mjcf(text, "m.xml") {
        Ok(model) => model,
        Err(SimError::Mjcf { line, column, message, .. }) => {
            let lines = u32::try_from(text.split('\n').count()).unwrap();
            prop_assert!((1..=lines).contains(&line) && column >= 1, "{line}:{column} {message}");
            return Ok(());
        }
        Err(other) => return Err(TestCaseError::fail(other.to_string())),
    };
    prop_assert_eq!(model.qpos0.len(), model.nq());
    prop_assert!(model.qpos0.iter().all(|q| q.is_finite()));
    for (i, body) in model.bodies.iter().enumerate() {
        prop_assert!(i == 0 || body.parent < i);
        let numbers = body.inertia.iter().chain(&body.com).chain(&body.pos).chain(&body.quat);
        prop_assert!(body.mass >= 0.0 && body.mass.is_finite());
        prop_assert!(numbers.copied().all(f64::is_finite));
    }
    for joint in &model.joints {
        prop_assert!(model.bodies[joint.body].mass > 0.0);
        prop_assert!(!joint.limited || joint.range[0] < joint.range[1]);
        let length: f64 = joint.axis.iter().map(|x| x * x).sum();
        prop_assert!((length - 1.0).abs() < 1e-12);
    }
    for geom in &model.geoms {
        prop_assert!(geom.body < model.bodies.len());
        prop_assert!(geom.kind == GeomKind::Plane || geom.size[0] > 0.0);
        prop_assert!(geom.size.iter().chain(&geom.pos).copied().all(f64::is_finite));
    }
    prop_assert!(model.actuators.iter().all(|a| a.joint < model.joints.len()));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_bytes_never_panic(
        name in prop::sample::select(ASSETS.to_vec()),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..8),
    ) {
        let mut bytes = asset_text(name).into_bytes();
        for (at, byte, what) in edits {
            let at = at.index(bytes.len());
            match what {
                0 => bytes[at] = byte,
                1 => { bytes.remove(at); }
                _ => bytes.insert(at, byte),
            }
        }
        check_invariants(&String::from_utf8_lossy(&bytes))?;
    }

    #[test]
    fn extreme_values_never_panic(
        name in prop::sample::select(ASSETS.to_vec()),
        edits in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(vec![
            "0", "-0", "-1", "1e-300", "1e300", "-1e300", "1e150", "1e-150", "1e-8", "nan", "inf", "1e999",
            "4294967296", "", " ", "1 2 3 4 5 6 7", "0 0 0", "true", "auto", "main", "free", "ball", "plane",
            "box", "ellipsoid", "ant", "\u{e9}\u{2603}", "&lt;", "xyZ",
        ])), 1..4),
    ) {
        let text = asset_text(name);
        // Every second piece between quotes is an attribute's value.
        let mut pieces: Vec<&str> = text.split('"').collect();
        for (at, value) in edits {
            let at = 2 * at.index(pieces.len() / 2) + 1;
            pieces[at] = value;
        }
        check_invariants(&pieces.join("\""))?;
    }
}

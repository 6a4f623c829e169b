//! `evo trace` against MuJoCo's trajectories: joint angles over the first second.

use std::path::Path;

use npyz::WriterBuilder as _;
use tests::fidelity::rows;
use tests::reference::{load, rms};
use tests::{succeed, text};

fn write(path: &Path, rows: &[Vec<f64>]) {
    let file = std::fs::File::create(path).expect("scratch file");
    let mut writer = npyz::WriteOptions::new()
        .default_dtype()
        .shape(&[rows.len() as u64, rows[0].len() as u64])
        .writer(file)
        .begin_nd()
        .expect("npy header");
    writer.extend(rows.iter().flatten().copied()).expect("npy values");
    writer.finish().expect("npy end");
}

fn read(path: &Path) -> Vec<Vec<f64>> {
    let file = npyz::NpyFile::new(std::fs::File::open(path).expect("output")).expect("npy");
    let columns = file.shape()[1] as usize;
    let values: Vec<f64> = file.into_vec().expect("f64 values");
    values.chunks(columns).map(<[f64]>::to_vec).collect()
}

/// Joint RMS error in rad over the first second of a case, against MuJoCo's RK4 at the task's own step.
fn joint_rms(env: &str, case: &str, physics: &str) -> f64 {
    let robot = load(env);
    let case = robot.cases.iter().find(|c| c.name == case).expect("every robot has it");
    let folder = tempfile::tempdir().expect("scratch folder");
    let path = |name: &str| folder.path().join(name);
    write(&path("start.npy"), &case.euler.qpos[..1]);
    let wide = |row: &Vec<f32>| row.iter().map(|&x| f64::from(x)).collect();
    write(&path("control.npy"), &case.control.iter().map(wide).collect::<Vec<Vec<f64>>>());
    let _ = succeed(&[
        "trace",
        "--env",
        env,
        "--start",
        text(&path("start.npy")),
        "--control",
        text(&path("control.npy")),
        "--out",
        text(&path("out.npy")),
        "--qvel-out",
        text(&path("qvel.npy")),
        "--physics",
        physics,
    ]);
    let ours = read(&path("out.npy"));
    assert_eq!(ours.len(), case.rk4.qpos.len(), "a row per control step and the start");
    assert_eq!(read(&path("qvel.npy")).len(), case.rk4.qpos.len());
    rms(&ours, &case.rk4.qpos, rows(&robot, &case.rk4, 1.0), &robot.joints())
}

/// The same robot from a file, under the generic task, moves as the task's own does.
#[test]
fn a_robot_from_a_file_is_traced_as_well() {
    let folder = tempfile::tempdir().expect("scratch folder");
    let path = |name: &str| folder.path().join(name);
    std::fs::copy(tests::root().join("envs/assets/ant.xml"), path("own.xml")).expect("robot");
    let config = "(env: Mjcf(file: \"own.xml\", control_dt: 0.05), strategy: OpenEs(population: 2))";
    std::fs::write(path("own.ron"), config).expect("config");
    let mut start = vec![0.0; 15];
    (start[2], start[3]) = (0.75, 1.0);
    write(&path("start.npy"), &[start]);
    write(&path("control.npy"), &vec![vec![0.3; 8]; 20]);
    let (own, ant) = (path("own.npy"), path("ant.npy"));
    let robot = path("own.ron");
    for (which, out) in [(["--config", text(&robot)], &own), (["--env", "ant"], &ant)] {
        let (start, control) = (path("start.npy"), path("control.npy"));
        let files = ["--start", text(&start), "--control", text(&control), "--out", text(out)];
        let _ = succeed(&[&["trace"], &which[..], &files, &["--engine", "lanes"]].concat());
    }
    assert_eq!(read(&own).len(), 21);
    assert_eq!(read(&own), read(&ant));
    let both =
        ["trace", "--env", "ant", "--config", text(&robot), "--start", "a", "--control", "b", "--out", "c"];
    assert!(tests::refuse(&both, 2).contains("--config"));
}

/// Bounds are the measured errors with a fifth on top, so that a change for the worse shows. MuJoCo's
/// own Euler integrator at the same step is 0.029 (sine 0.1) and 0.018 (sine 0.3) off for the ant.
#[test]
fn ant_follows_mujoco() {
    for (case, physics, bound) in [
        ("sine_01", "default", 0.029),
        ("sine_03", "default", 0.022),
        ("sine_01", "reference", 0.029),
        ("sine_03", "reference", 0.022),
        ("air_sine_03", "reference", 0.020),
        ("drop", "default", 0.019),
    ] {
        let rms = joint_rms("ant", case, physics);
        assert!(rms < bound, "ant {case} {physics}: {rms:.4} rad, expected below {bound}");
    }
}

/// In the air the cheetah agrees to milliradians. On the ground rapier's contacts are harder than its
/// very soft ones in MuJoCo (solimp starts at 0), so the legs bend differently.
#[test]
fn half_cheetah_follows_mujoco() {
    for (case, physics, bound) in [
        ("air_sine_03", "reference", 0.003),
        ("air_sine_03", "default", 0.006),
        ("sine_01", "reference", 0.1),
        ("sine_03", "reference", 0.1),
        ("drop", "reference", 0.09),
    ] {
        let rms = joint_rms("half_cheetah", case, physics);
        assert!(rms < bound, "half_cheetah {case} {physics}: {rms:.4} rad, expected below {bound}");
    }
}

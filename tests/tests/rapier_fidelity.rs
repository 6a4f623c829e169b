//! Rapier in free flight, with the tasks' settings, against MuJoCo: within twice the distance of
//! MuJoCo's own Euler from the truth. Contacts are another matter; see `results/benchmarks/fidelity.md`.

use std::sync::Arc;

use sim::{EngineKind, StepOptions};
use tests::fidelity::{Errors, FLOOR, play, settings};
use tests::reference::{NAMES, Trajectory, load};

const FACTOR: f64 = 2.0;

fn compare(name: &str, ours: f64, euler: f64, failures: &mut Vec<String>) {
    if ours > (FACTOR * euler).max(FLOOR) {
        failures.push(format!("{name}: {ours:.4} rad over 0.5 s, MuJoCo's Euler {euler:.4}"));
    }
}

#[test]
fn free_flight_is_as_in_mujoco() {
    let mut failures = Vec::new();
    for name in NAMES.iter().filter(|name| !name.starts_with("humanoid")) {
        let robot = load(name);
        let case = robot.cases.iter().find(|case| case.name == "air_sine_03").expect("every robot has it");
        let run = play(&robot, case, EngineKind::Rapier).expect("rapier takes every robot");
        let ours = Errors::between(&robot, &run, &case.rk4_fine).half;
        let euler = Errors::between(&robot, &case.euler, &case.rk4_fine).half;
        compare(name, ours, euler, &mut failures);
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// The humanoids strike themselves in the air. Without that, lanes stands in for MuJoCo, from whose
/// Euler it does not differ (`lanes_fidelity.rs`).
#[test]
fn humanoids_that_cannot_strike_themselves_fly_as_in_mujoco() {
    let mut failures = Vec::new();
    for name in ["humanoid", "humanoid_standup"] {
        let mut robot = load(name);
        for geom in &mut Arc::make_mut(&mut robot.model).geoms {
            (geom.contype, geom.conaffinity) = (0, 0);
        }
        let case = robot.cases.iter().find(|case| case.name == "air_sine_03").expect("every robot has it");
        let lanes = |finer: usize| -> Trajectory {
            let own = robot.own_step(EngineKind::Lanes, 20);
            let timestep = own.timestep / finer as f64;
            let options = StepOptions { timestep, substeps: own.substeps * finer, ..own };
            robot.play(case, options).expect("lanes takes every robot")
        };
        let (euler, truth) = (lanes(1), lanes(20));
        let run = robot.play(case, settings(&robot, EngineKind::Rapier)).expect("rapier takes every robot");
        let error = |run: &Trajectory| Errors::between(&robot, run, &truth).half;
        compare(name, error(&run), error(&euler), &mut failures);
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

//! Rapier, with the tasks' settings, against MuJoCo. In free flight it is within twice the distance of
//! MuJoCo's own Euler from the truth; every case is bounded at what the fidelity report
//! (`results/benchmarks/fidelity.md`) measured and a quarter more, so that a change for the worse shows.

use sim::EngineKind;
use tests::fidelity::{Errors, RAPIER_FACTOR, play, times_euler};
use tests::reference::{NAMES, load};

/// Joint errors over half a second, rad, in the order of the cases: drop, sine 0.1, sine 0.3, and that
/// in the air.
const BOUNDS: [(&str, [f64; 4]); 11] = [
    ("ant", [0.0111, 0.0116, 0.0199, 0.0191]),
    ("half_cheetah", [0.0277, 0.0397, 0.0396, 0.0068]),
    ("hopper", [0.0077, 0.0072, 0.0094, 0.0039]),
    ("humanoid", [0.0093, 0.0112, 0.0299, 0.0037]),
    ("humanoid_standup", [0.0187, 0.0264, 0.0547, 0.0096]),
    ("inverted_double_pendulum", [0.0005, 0.0165, 0.0218, 0.0218]),
    ("inverted_pendulum", [0.0005, 0.0056, 0.0145, 0.0145]),
    ("pusher", [0.0005, 0.0019, 0.0056, 0.0056]),
    ("reacher", [0.0005, 0.0088, 0.0323, 0.0323]),
    ("swimmer", [0.0005, 0.0097, 0.0200, 0.0200]),
    ("walker2d", [0.0117, 0.0252, 0.0335, 0.0135]),
];

#[test]
fn every_case_is_as_near_to_mujoco_as_it_was() {
    let mut failures = Vec::new();
    for (name, bounds) in BOUNDS {
        let robot = load(name);
        for (case, bound) in robot.cases.iter().zip(bounds) {
            let run = play(&robot, case, EngineKind::Rapier).expect("rapier takes every robot");
            let ours = Errors::between(&robot, &run, &case.rk4_fine).half;
            if ours > bound {
                failures.push(format!("{name} {}: {ours:.4} rad over 0.5 s, at most {bound}", case.name));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn free_flight_is_as_in_mujoco() {
    assert_eq!(BOUNDS.map(|entry| entry.0), NAMES, "every robot has bounds");
    let mut failures = Vec::new();
    for name in NAMES {
        let robot = load(name);
        let case = robot.cases.iter().find(|case| case.name == "air_sine_03").expect("every robot has it");
        let run = play(&robot, case, EngineKind::Rapier).expect("rapier takes every robot");
        let ours = Errors::between(&robot, &run, &case.rk4_fine).half;
        let euler = Errors::between(&robot, &case.euler, &case.rk4_fine).half;
        if times_euler(ours, euler) > RAPIER_FACTOR {
            failures.push(format!("{name}: {ours:.4} rad over 0.5 s, MuJoCo's Euler {euler:.4}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

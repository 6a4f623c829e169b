//! The lanes engine against MuJoCo's trajectories, by the criteria of the fidelity report
//! (`results/benchmarks/fidelity.md`).

#![allow(clippy::unwrap_used, reason = "tests")]

use sim::EngineKind;
use tests::fidelity::{Errors, TO_EULER, as_good, play, sensitivities};
use tests::reference::load;

/// Cases in which half a second is enough for single precision and MuJoCo's solver tolerance to part:
/// robot, case, bound in rad on the distance from MuJoCo's Euler. An entry must be justified by the
/// growth of a disturbance in MuJoCo itself, which the test checks.
const CHAOTIC: [(&str, &str, f64); 0] = [];

fn follows_mujoco(name: &str) {
    let robot = load(name);
    let sensitivity = &sensitivities()[name];
    let mut failures = Vec::new();
    for case in &robot.cases {
        let run = play(&robot, case, EngineKind::Lanes).unwrap();
        let ours = Errors::between(&robot, &run, &case.rk4_fine);
        let euler = Errors::between(&robot, &case.euler, &case.rk4_fine);
        for (span, ours, euler) in [("0.5 s", ours.half, euler.half), ("1 s", ours.one, euler.one)] {
            if !as_good(ours, euler) {
                failures.push(format!("{}: {ours:.5} rad over {span}, MuJoCo's Euler {euler:.5}", case.name));
            }
        }
        let listed = CHAOTIC.iter().find(|entry| (entry.0, entry.1) == (name, case.name));
        if let Some(entry) = listed {
            let growth = sensitivity[case.name];
            assert!(growth.chaotic(), "{entry:?} is listed, but {growth:?}");
        }
        let bound = listed.map_or(TO_EULER, |entry| entry.2);
        let apart = Errors::between(&robot, &run, &case.euler).half;
        if apart > bound {
            failures.push(format!("{}: {apart:.5} rad from MuJoCo's Euler, at most {bound}", case.name));
        }
    }
    assert!(failures.is_empty(), "{name}:\n{}", failures.join("\n"));
}

macro_rules! robots {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            follows_mujoco(stringify!($name));
        })*
    };
}

robots! {
    ant half_cheetah hopper humanoid humanoid_standup inverted_double_pendulum inverted_pendulum
    pusher reacher swimmer walker2d
}

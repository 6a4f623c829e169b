//! The lanes engine under random controls for a long time: nothing blows up, and nothing moves much
//! faster than in MuJoCo. rapier: `stability.rs`.

#![allow(clippy::unwrap_used, reason = "tests")]

use sim::EngineKind;
use tests::fidelity::settings;
use tests::play::{Controls, mujoco, stability};
use tests::reference::load;

/// A register's.
const FEW: usize = 16;
const MANY: usize = 256;
const STEPS: usize = 1000;

/// Above MuJoCo's extremes, which are those of fewer worlds.
const ROOM: f64 = 1.5;

fn stays_within_mujocos_envelope(name: &str, worlds: usize) {
    let robot = load(name);
    let references = mujoco();
    for controls in Controls::ALL {
        let theirs = &references[name][controls.name()];
        let options = settings(&robot, EngineKind::Lanes);
        let ours = stability(&robot, options, controls, worlds, STEPS).unwrap();
        let what = format!("{name}, {}", controls.name());
        assert_eq!(ours.not_finite, [0; 0], "{what}: worlds that are not finite and not flagged");
        // MuJoCo itself blows up in some worlds of one robot.
        let share = theirs.bad as f64 / theirs.worlds as f64;
        let (bad, most) = (ours.bad.len(), (ROOM * share * worlds as f64).ceil());
        assert!(bad as f64 <= most, "{what}: {bad} of {worlds} worlds blew up, in MuJoCo a share of {share}");
        for (rate, ours, theirs) in [
            ("joint rate", ours.envelope.joint_rate, theirs.envelope.joint_rate),
            ("root speed", ours.envelope.root_speed, theirs.envelope.root_speed),
            ("root spin", ours.envelope.root_spin, theirs.envelope.root_spin),
        ] {
            assert!(ours <= ROOM * theirs, "{what}: {rate} up to {ours}, in MuJoCo {theirs}");
        }
        if let (Some(ours), Some(theirs)) = (ours.envelope.height, theirs.envelope.height) {
            let span = theirs[1] - theirs[0];
            let room = (ROOM - 1.0) * span;
            assert!(
                ours[0] >= theirs[0] - 0.5 * room && ours[1] <= theirs[1] + room,
                "{what}: height {ours:?}, in MuJoCo {theirs:?}"
            );
        }
    }
}

macro_rules! robots {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            stays_within_mujocos_envelope(stringify!($name), FEW);
        })*

        /// The same with many.
        mod many {
            $(#[test]
            #[ignore = "slow: ./tests/run --full"]
            fn $name() {
                super::stays_within_mujocos_envelope(stringify!($name), super::MANY);
            })*
        }
    };
}

robots! {
    ant half_cheetah hopper humanoid humanoid_standup inverted_double_pendulum inverted_pendulum
    pusher reacher swimmer walker2d
}

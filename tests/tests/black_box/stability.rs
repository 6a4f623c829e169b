//! Every task on rapier under random controls over their full range: nothing blows up, with resets
//! and without. This is a short form; the program `stability` plays 1000 control steps with 256
//! seeds (`results/benchmarks/stability_rapier.md`).

use sim::EngineKind;
use tests::stability::{with_resets, without_resets};

const WORLDS: usize = 4;
const STEPS: usize = 200;

fn stays_whole(name: &str) {
    for (how, play) in [("with", with_resets as fn(_, _, _, _) -> _), ("without", without_resets)] {
        let outcome = play(name, EngineKind::Rapier, WORLDS, STEPS);
        assert_eq!((outcome.blow_ups, outcome.not_finite), (0, 0), "{name}, {how} resets: {outcome:?}");
        assert_eq!(outcome.steps, WORLDS * STEPS, "{name}, {how} resets");
    }
}

macro_rules! tasks {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            stays_whole(stringify!($name));
        })*

        #[test]
        fn every_task_is_played() {
            assert_eq!(envs::names(), [$(stringify!($name)),*]);
        }
    };
}

tasks! {
    ant ant_direction ant_terrain grasp half_cheetah hopper humanoid humanoid_standup
    inverted_double_pendulum inverted_pendulum push_to_goal pusher reacher swimmer walker2d
}

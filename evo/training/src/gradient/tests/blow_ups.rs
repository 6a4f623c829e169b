//! Physics that blows up in PPO.

use super::config;
use crate::gradient::ppo::Ppo;
use crate::gradient::rows::row;
use crate::gradient::task::Task;
use crate::gradient::world::World;
use crate::setup::{Setup, pool};

/// Motors so strong that the arm blows up within a few steps, where the task itself never ends an episode.
const STRONG: &str = r#"(
    env: Reacher(),
    changes: [(effect: Motors(strength: Fixed(300.0), which: All))],
    controller: Mlp(hidden: [6]),
    task: Ppo(worlds: 4, steps: 64, sequence: 8, minibatches: 2, critic: Mlp(hidden: [5])),
    rollout: (horizon: 50, normalize: false),
)"#;

#[test]
fn a_blow_up_is_no_free_end_but_goes_on_from_the_last_finite_observation() {
    let config = config(STRONG, &[]);
    let Some(Task::Ppo(task)) = &config.task else { panic!("{config:?}") };
    let full = config.with_env().unwrap();
    let mut world = World::new(&full, &task.gradient, Setup::new(&full).unwrap(), pool(1).unwrap()).unwrap();
    let mut ppo = Ppo::new(task, &world).unwrap();
    let (memory, round) = ppo.collect(&mut world).unwrap();
    assert!(round.blow_ups() > 0, "there is something to test");
    let inputs = world.network.inputs();
    // Episodes are in the order of time.
    let all = (0..task.steps).flat_map(|step| (0..task.worlds).map(move |world| (step, world)));
    let ends: Vec<_> = all.filter(|(step, world)| memory.over[world * task.steps + step]).collect();
    assert_eq!(ends.len(), round.episodes.len());
    for (&(step, world), episode) in ends.iter().zip(&round.episodes) {
        let cut = memory.cut.iter().find(|cut| (cut.step, cut.world) == (step, world));
        let next = &cut.expect("what would follow is estimated").next;
        assert_eq!(
            episode.blew_up,
            *next == memory.inputs[row(inputs, world * task.steps + step)],
            "{episode:?}"
        );
    }
}

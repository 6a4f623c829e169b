//! Imitation and PPO in the smallest world.

use records::checkpoint::{Checkpoint, Tensor, TensorData};
use records::metrics::MetricsRow;

use super::config;
use crate::gradient::imitate::teacher::Teachers;
use crate::gradient::ppo::network_states;
use crate::gradient::world_learner::WorldLearner;
use crate::learner::Learner as _;
use crate::ranks::threads::together;

const SETTINGS: &str = r#"
    env: InvertedPendulum(),
    controller: Snn(hidden: [Recurrent(neurons: 12)], output_gain: 4, encoder: Rate()),
    rollout: (horizon: 60),
    run: (eval_episodes: 4),
"#;

const PPO: &str =
    "Ppo(worlds: 5, steps: 24, sequence: 8, minibatches: 3, epochs: 2, critic: Mlp(hidden: [8]))";

fn learner(task: &str, sets: &[&str], threads: usize) -> WorldLearner {
    let config = config(&format!("({SETTINGS} task: {task})"), sets).with_env().unwrap();
    WorldLearner::new(&config, threads, &mut Teachers::default()).unwrap()
}

fn refused(task: &str, sets: &[&str]) -> String {
    match config(&format!("({SETTINGS} task: {task})"), sets).with_env() {
        Ok(config) => {
            WorldLearner::new(&config, 1, &mut Teachers::default()).map(drop).unwrap_err().to_string()
        }
        Err(error) => error.to_string(),
    }
}

/// What of a row does not depend on the clock.
fn timeless(row: MetricsRow) -> String {
    format!("{:?}", MetricsRow { wall_s: 0.0, env_steps_per_s: 0.0, ..row })
}

/// Runs `more` generations of `learner` and of one restored from it, which must agree.
fn same_after_restore(mut learner: WorldLearner, mut again: WorldLearner, more: usize) {
    let mut row = learner.advance().unwrap();
    learner.evaluate(&mut row).unwrap();
    let bytes = learner.checkpoint().to_bytes();
    let file = Checkpoint::from_bytes(std::path::Path::new("c"), &bytes).unwrap();
    again.restore(&file).unwrap();
    assert_eq!(again.checkpoint().to_bytes(), bytes);
    for _ in 0..more {
        assert_eq!(timeless(learner.advance().unwrap()), timeless(again.advance().unwrap()));
    }
    assert_eq!(learner.checkpoint().to_bytes(), again.checkpoint().to_bytes());
}

/// A checkpoint of a random controller that does something, as a teacher.
fn teacher() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("teacher.safetensors");
    let learner = learner(PPO, &["controller.encoder=Current()"], 1);
    let mut checkpoint = learner.checkpoint();
    let mut theta = vec![0.0; learner.setup().controller.layout().len()];
    strategies::random::fill_normals(1, strategies::random::Purpose::Bench, 0, 0, &mut theta);
    checkpoint.tensors.insert("mean".to_owned(), theta.into());
    checkpoint.save(&path).unwrap();
    let text = path.display().to_string();
    (folder, text)
}

#[test]
fn ppo_gives_the_same_bits_on_any_number_of_threads_and_after_a_break() {
    for sets in [
        &[][..],
        &["physics.engine=Lanes"],
        &["controller=Mlp(hidden: [6])"],
        &["task.critic=Snn(hidden: [Recurrent(neurons: 7)])", "rollout.horizon=9"],
        &["controller=Mlp(hidden: [6])", "task.critic=Snn(hidden: [Dense(neurons: 7)], encoder: Rate())"],
    ] {
        let [mut one, mut two, mut four] = [1, 2, 4].map(|threads| learner(PPO, sets, threads));
        for _ in 0..3 {
            let row = timeless(one.advance().unwrap());
            assert_eq!([two.advance().unwrap(), four.advance().unwrap()].map(timeless), [row.clone(), row]);
        }
        let bytes = one.checkpoint().to_bytes();
        assert!(two.checkpoint().to_bytes() == bytes && four.checkpoint().to_bytes() == bytes, "{sets:?}");
        same_after_restore(one, learner(PPO, sets, 1), 3);
    }
}

/// Rows and last checkpoint of some generations.
fn trained(mut learner: WorldLearner) -> (Vec<String>, Vec<u8>) {
    let rows = (0..3).map(|_| {
        let mut row = learner.advance().unwrap();
        learner.evaluate(&mut row).unwrap();
        timeless(row)
    });
    (rows.collect(), learner.checkpoint().to_bytes())
}

#[test]
fn ranks_give_the_same_bits_as_one_alone() {
    let (_folder, path) = teacher();
    let imitate = format!("Imitate(teacher: {path:?}, episodes: 5, sequence: 16, epochs: 2)");
    for (task, sets) in [
        (PPO, &["task.critic=Snn(hidden: [Recurrent(neurons: 7)])", "rollout.horizon=9"][..]),
        (PPO, &["controller=Mlp(hidden: [6])", "task.worlds=40", "physics.engine=Lanes"]),
        (&imitate, &["rollout.horizon=30"]),
        (&imitate, &["physics.engine=Lanes", "task.episodes=20", "physics.validate=Rapier"]),
    ] {
        let alone = trained(learner(task, sets, 1));
        for size in [2, 3] {
            let ranks = together(size, |team| {
                let threads = 1 + team.rank() % 2;
                let mut learner = learner(task, sets, threads);
                learner.share(&team.by_threads(threads).unwrap());
                trained(learner)
            });
            assert!(ranks.iter().all(|rank| *rank == alone), "{size} ranks: {task} {sets:?}");
        }
    }
}

#[test]
fn a_rank_that_fails_stops_all_and_leaves_the_checkpoint_of_before() {
    let sets = ["task.gradient.optimizer=AdamW(learning_rate: 1, weight_decay: 100)"];
    let outcome = |mut learner: WorldLearner| loop {
        let before = learner.checkpoint().to_bytes();
        if let Err(error) = learner.advance() {
            return (error.to_string(), learner.checkpoint().to_bytes() == before);
        }
    };
    let alone = outcome(learner(PPO, &sets, 1));
    let ranks = together(2, |team| {
        let mut learner = learner(PPO, &sets, 1);
        learner.share(&team);
        outcome(learner)
    });
    assert!(alone.1 && ranks.iter().all(|rank| *rank == alone), "{alone:?} {ranks:?}");
}

#[test]
fn what_acts_is_what_learns_bit_by_bit() {
    for sets in [
        &["controller.encoder=Current()"][..],
        &["physics.engine=Lanes"],
        &["controller.decoder=Rate()", "rollout.horizon=9"],
        &["controller=Mlp(hidden: [6])"],
        &["controller=Mlp(hidden: [70, 20])", "physics.engine=Lanes"],
    ] {
        let mut learner = learner(PPO, &[sets, &["task.epochs=1", "task.minibatches=1"]].concat(), 2);
        for _ in 0..3 {
            let (row, columns) = (learner.advance().unwrap(), learner.columns());
            let column = |name| row.terms[columns.iter().position(|column| *column == name).unwrap()];
            // All ratios are 1, so that none is clipped, and the divergence is none at all.
            assert_eq!((column("kl_divergence"), column("clipped_share")), (0.0, 0.0), "{sets:?}");
            // That of advantages with mean 0.
            assert!(column("policy_loss").abs() < 1e-9, "{sets:?}: {}", column("policy_loss"));
        }
    }
}

#[test]
fn an_iteration_that_fails_leaves_the_checkpoint_of_before() {
    for sets in [
        &["task.critic_rate=1e37"][..],
        &["task.critic_rate=1e37", "rollout.horizon=7", "task.critic=Snn(hidden: [Recurrent(neurons: 7)])"],
        &["task.gradient.optimizer=AdamW(learning_rate: 1, weight_decay: 100)"],
    ] {
        let mut learner = learner(PPO, sets, 2);
        assert!(!learner.is_fragile());
        let mut before = learner.checkpoint().to_bytes();
        let failed = (0..30).any(|_| {
            let failed = learner.advance().is_err();
            let after = learner.checkpoint().to_bytes();
            assert_eq!(after == before, failed, "{sets:?}");
            before = after;
            failed
        });
        assert!(failed, "{sets:?}");
    }
}

#[test]
fn rates_follow_their_schedule_and_rewards_their_scale() {
    let after = |sets: &[&str], generations: usize| {
        let mut learner = learner(PPO, sets, 1);
        (0..generations).for_each(|_| drop(learner.advance().unwrap()));
        let checkpoint = learner.checkpoint();
        ["trainer.theta", "critic.theta", "noise.log"]
            .map(|name| format!("{:?}", checkpoint.tensor(name).unwrap()))
    };
    let falling = ["task.schedule=(then: Linear(to: 0, steps: 1))"];
    assert_eq!(after(&falling, 1), after(&[], 1));
    let (one, two) = (after(&falling, 1), after(&falling, 2));
    assert_eq!(one, two, "nothing moves once the rates are 0");
    assert_ne!(after(&[], 2), two);
    let [actor, critic, _] = after(&["task.reward_scale=0.01"], 1);
    let [_, plain, _] = after(&[], 1);
    assert!(critic != plain && !actor.is_empty());
    let [_, near, _] = after(&["task.value_clip=0.001"], 1);
    assert_ne!(near, plain);
}

/// With a network and a critic that remember.
const SPIKING: &[&str] = &["task.critic=Snn(hidden: [Recurrent(neurons: 7)])"];

#[test]
fn the_metadata_of_ppo_do_not_grow_with_its_worlds() {
    let size = |worlds: &str| {
        let mut learner = learner(PPO, &[SPIKING, &[worlds]].concat(), 1);
        learner.advance().unwrap();
        serde_json::to_string(&learner.checkpoint().meta).unwrap().len()
    };
    let (few, many) = (size("task.worlds=3"), size("task.worlds=43"));
    // A network's states take some hundred bytes; a count of its episodes stays.
    assert!(many < few + 40 * 4, "{few} bytes, then {many}");
}

#[test]
fn a_checkpoint_with_states_in_its_metadata_goes_on_to_the_same_bits() {
    let mut whole = learner(PPO, SPIKING, 1);
    whole.advance().unwrap();
    let mut old = whole.checkpoint();
    for name in ["world.states", "world.critic_states"] {
        let states = network_states::take(&old, name).unwrap();
        assert_eq!(states.len(), 5);
        old.tensors.retain(|tensor, _| !tensor.starts_with(&format!("{name}.")));
        old.meta.insert(name.to_owned(), serde_json::to_value(states).unwrap());
    }
    let mut again = learner(PPO, SPIKING, 1);
    again.restore(&old).unwrap();
    assert_eq!(again.checkpoint().to_bytes(), whole.checkpoint().to_bytes());
    assert_eq!(timeless(whole.advance().unwrap()), timeless(again.advance().unwrap()));
    assert_eq!(whole.checkpoint().to_bytes(), again.checkpoint().to_bytes());
}

#[test]
fn ppo_counts_its_steps_and_says_what_it_measures() {
    let mut learner = learner(PPO, &[], 1);
    let row = learner.advance().unwrap();
    assert_eq!((row.env_steps, learner.env_steps()), (5 * 24, 5 * 24));
    assert_eq!(learner.columns().len(), row.terms.len());
    assert_eq!(learner.columns()[..2], ["alive", "policy_loss"]);
    assert!(row.spike_rate.is_some_and(|rate| rate > 0.0));
    assert!((row.sigma - 0.3).abs() < 1e-6, "{}", row.sigma);
}

#[test]
fn a_critic_may_come_first() {
    let mut learner = learner(PPO, &["task.critic_first=1"], 1);
    let mean = |learner: &WorldLearner| {
        let checkpoint = learner.checkpoint();
        format!("{:?}", checkpoint.tensor("mean").unwrap())
    };
    let start = mean(&learner);
    learner.advance().unwrap();
    assert_eq!(mean(&learner), start);
    learner.advance().unwrap();
    assert_ne!(mean(&learner), start);
}

#[test]
fn errors_say_whether_actor_or_critic_has_failed() {
    let failed = |sets: &[&str]| {
        let mut learner = learner(PPO, sets, 1);
        let error = (0..30).find_map(|_| learner.advance().err()).unwrap().to_string();
        assert!(error.contains("is not finite") && error.contains("step "), "{error}");
        error
    };
    let error = failed(&["task.critic_rate=1e37"]);
    assert!(error.contains("critic.hidden.0"), "{error}");
    let error = failed(&["task.gradient.optimizer=AdamW(learning_rate: 1, weight_decay: 100)"]);
    assert!(!error.contains("critic"), "{error}");
}

#[test]
fn imitation_comes_closer_to_its_teacher() {
    let (_folder, teacher) = teacher();
    let task = format!("Imitate(teacher: {teacher:?}, episodes: 3, batch: 2, sequence: 8, epochs: 8)");
    let sets = ["controller.encoder=Current()", "task.gradient.optimizer.learning_rate=0.01"];
    let [mut one, mut three] = [1, 3].map(|threads| learner(&task, &sets, threads));
    let loss = |learner: &mut WorldLearner| {
        let row = learner.advance().unwrap();
        (row.terms[1], timeless(row))
    };
    let first = loss(&mut one);
    assert_eq!(first, loss(&mut three));
    let mut last = first.0;
    for _ in 0..4 {
        let next = loss(&mut one);
        assert_eq!(next, loss(&mut three));
        last = next.0;
    }
    assert!(last < 0.5 * first.0, "{last} after {}", first.0);
    same_after_restore(one, learner(&task, &sets, 1), 2);
}

#[test]
fn a_student_like_its_teacher_has_nothing_to_learn() {
    let (_folder, teacher) = teacher();
    // Without normalisation and chance, both see and do the same.
    let task = format!("Imitate(teacher: {teacher:?}, episodes: 2, epochs: 1, mix: 0)");
    let plain = ["rollout.normalize=false", "controller.encoder=Current()"];
    let path = std::path::Path::new(&teacher);
    let mut file = Checkpoint::load(path).unwrap();
    let config = &mut file.meta["config"];
    config["rollout"]["normalize"] = false.into();
    file.save(path).unwrap();
    let mut student = learner(&task, &plain, 1);
    student.warm_start(&Checkpoint::load(path).unwrap()).unwrap();
    let row = student.advance().unwrap();
    assert!(row.terms[1] < 1e-9, "{}", row.terms[1]);
}

#[test]
fn memory_forgets_whole_rounds() {
    let (_folder, teacher) = teacher();
    let task = format!("Imitate(teacher: {teacher:?}, episodes: 2, epochs: 1, memory: 150)");
    let mut learner = learner(&task, &["rollout.horizon=20"], 1);
    let remembered: Vec<f64> = (0..8).map(|_| learner.advance().unwrap().terms[2]).collect();
    assert!(remembered.iter().all(|&steps| steps > 0.0 && steps <= 150.0), "{remembered:?}");
    assert!(remembered.windows(2).any(|pair| pair[1] > pair[0]), "{remembered:?}");
}

#[test]
fn mistakes_are_named() {
    for (task, sets, text) in [
        (PPO, &["env=None"][..], "env = None: must be one of ant"),
        (PPO, &["task.steps=20"], "task.steps = 20: must be a multiple of task.sequence = 8"),
        (PPO, &["task.steps=18446744073709551608"], "must be at most 100000000 / task.worlds = 20000000"),
        (PPO, &["task.minibatches=16"], "must be 1 to the 15 sequences"),
        (PPO, &["task.discount=1.5"], "task.discount = 1.5: must be 0 to 1"),
        (PPO, &["task.noise=0"], "task.noise = 0"),
        (PPO, &["task.reward_scale=0"], "task.reward_scale = 0: must be above 0 and finite, or None"),
        (PPO, &["task.value_clip=-1"], "task.value_clip = -1: must be above 0 and finite, or None"),
        (PPO, &["task.schedule.then=Linear(to: 2, steps: 5)"], "task.schedule.then.to = 2: must be 0 to 1"),
        (
            PPO,
            &["task.schedule.then=Cosine(to: 0, steps: 0)"],
            "task.schedule.then.steps = 0: must be at least 1",
        ),
        (PPO, &["task.critic.hidden=[0]"], "critic: `hidden[0]` is 0"),
        (
            PPO,
            &["task.critic=Snn(precision: Binary)"],
            "critic: `precision`: Binary networks have no gradient",
        ),
        (PPO, &["controller.precision=Binary"], "no gradient"),
        (
            "Imitate(teacher: \"/none\")",
            &[],
            "task.teacher = \"/none\": must be a run folder, a checkpoint or a recording that exists (--set task.teacher=RUN)",
        ),
        ("Imitate(teacher: \"/none\", mix: 2)", &[], "task.mix = 2: must be 0 to 1"),
        ("Imitate(teacher: \"/none\", batch: 0)", &[], "task.batch = 0"),
        ("Classify(data: YinYang())", &[], "task = Classify: must be Imitate or Ppo"),
    ] {
        let error = refused(task, sets);
        assert!(error.contains(text), "{task} {sets:?}: {error}");
    }
    let (_folder, teacher) = teacher();
    let error = refused(&format!("Imitate(teacher: {teacher:?})"), &["env=Hopper()"]);
    assert!(error.contains("its task is inverted_pendulum, that of the config is hopper"), "{error}");
    let mut file = Checkpoint::load(teacher.as_ref()).unwrap();
    file.meta.insert("kind".to_owned(), "rollout".into());
    file.meta.insert("episodes".to_owned(), vec![0].into());
    file.tensors.insert("0.observation".to_owned(), Tensor::new(&[], TensorData::F32(vec![0.0])));
    file.save(teacher.as_ref()).unwrap();
    let error = refused(&format!("Imitate(teacher: {teacher:?})"), &[]);
    assert!(
        error.contains("tensor '0.observation' is F32 of shape [], expected F32 of shape [0, 4]"),
        "{error}"
    );
}

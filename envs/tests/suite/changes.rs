//! Changing environments: what a change does to the physics and to what is seen, on both engines.

use std::path::Path;
use std::sync::Arc;

use envs::Value::{Fixed, Uniform};
use envs::changes::{
    delay::Delay, friction::Friction, gravity::Gravity, mass::Mass, motors::MotorStrength, noise::Noise,
    payload::Payload, pushes::Pushes, slope::Slope, target::Target, terrain::UnevenGround, wind::Wind,
};
use envs::{
    Change, Channel, Effect, EnvConfig, EnvError, Envs, Fidelity, Goal, Motors, Sense, Spec, Task, Terrain,
    When, changed_model, check_briefly, check_changed, defaults, own_robot, presets,
};
use rand::{Rng, RngExt as _, SeedableRng as _, rngs::ChaCha8Rng};
use rayon::prelude::*;
use ron::extensions::Extensions;
use sim::{EngineKind, Model, StepOptions, WorldView};

use crate::common::everything;

fn task(name: &str) -> Arc<dyn Task> {
    EnvConfig::from_name(name).unwrap().build().unwrap()
}

fn envs(task: &Arc<dyn Task>, engine: EngineKind, n: usize, changes: &[Change]) -> Envs {
    let options = task.physics(engine, Fidelity::Default);
    let mut envs = Envs::with_changes(task.clone(), n, options, 1000, changes).unwrap();
    (0..n).for_each(|i| envs.reset(i, &mut ChaCha8Rng::seed_from_u64(i as u64)));
    envs
}

fn always(effect: impl Into<Effect>) -> Vec<Change> {
    vec![Change::always(effect)]
}

fn motors(strength: f64, which: Motors) -> Effect {
    MotorStrength { strength: Fixed(strength), which }.into()
}

/// The same random actions for every environment of a batch, step by step.
fn actions(task: &dyn Task, step: usize) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(1000 + step as u64);
    task.spec().actions.iter().map(|c| rng.random_range(c.low..=c.high)).collect()
}

/// Plays `steps` steps of environment 0 and returns its coordinates and rewards after each, as bits.
fn play(envs: &mut Envs, steps: usize, edit: impl Fn(&mut [f32])) -> Vec<Vec<u32>> {
    let task = Arc::clone(envs.task());
    let one = |step| {
        let mut action = actions(task.as_ref(), step);
        edit(&mut action);
        let n = envs.len();
        envs.step(&vec![true; n], &action.repeat(n));
        let view = envs.view(0);
        view.qpos.iter().chain(view.qvel).chain(envs.terms(0)).map(|x| x.to_bits()).collect()
    };
    (0..steps).map(one).collect()
}

#[test]
fn a_broken_leg_does_not_hear_its_motors() {
    let task = task("ant");
    // Motors 2 and 3 drive hip_1 and ankle_1.
    let leg = |action: &mut [f32]| (action[2], action[3]) = (0.9, -0.9);
    for engine in EngineKind::ALL {
        for which in [
            Motors::Numbered(vec![2, 3, 2]),
            Motors::Named(vec!["ankle_1".into(), "hip_1".into()]),
            Motors::Limb(0),
        ] {
            let changes = always(motors(0.0, which));
            let run = |edit: &dyn Fn(&mut [f32])| {
                let mut envs = envs(&task, engine, 1, &changes);
                let mut course = play(&mut envs, 20, edit);
                // The control cost is that of the action.
                course.iter_mut().for_each(|row| row.truncate(row.len() - 1));
                course
            };
            assert_eq!(run(&|_| ()), run(&leg));
            assert_ne!(run(&|_| ()), run(&|action| action[4] = 0.9));
        }
    }
}

#[test]
fn on_low_friction_a_robot_slides() {
    let task = task("ant");
    let wind = Wind { force: Fixed(0.3), direction: Some(0.0) };
    for engine in EngineKind::ALL {
        let slid = |factor: f64| {
            let changes = [always(wind.clone()), always(Friction(Fixed(factor)))].concat();
            let mut envs = envs(&task, engine, 1, &changes);
            let start = envs.view(0).qpos[0];
            (0..40).for_each(|_| envs.step(&[true], &[0.0; 8]));
            f64::from(envs.view(0).qpos[0] - start)
        };
        let (rough, smooth) = (slid(1.0), slid(0.1));
        // The wind is 0.3 of the weight: friction 1 holds, 0.1 leaves 2 m/s² for two seconds.
        assert!(rough.abs() < 0.8 && smooth > 2.0, "{engine:?}: {rough} {smooth}");
        // Two factors multiply; these products are exact.
        let twice = [always(Friction(Fixed(0.5))), always(Friction(Fixed(0.5)))].concat();
        let once = always(Friction(Fixed(0.25)));
        let course = |changes: &[Change]| play(&mut envs(&task, engine, 1, changes), 20, |_| ());
        assert_eq!(course(&twice), course(&once));
    }
}

#[test]
fn a_slope_pulls_down_and_gravity_may_turn_round() {
    let ant = task("ant");
    for engine in EngineKind::ALL {
        let changes = [always(Slope(Fixed(0.1))), always(Friction(Fixed(0.0)))].concat();
        let mut envs = envs(&ant, engine, 1, &changes);
        let before = envs.view(0).qvel[0];
        (0..20).for_each(|_| envs.step(&[true], &[0.0; 8]));
        let gained = f64::from(envs.view(0).qvel[0] - before);
        let expected = -9.81 * f64::sin(0.1);
        assert!((gained - expected).abs() < 0.35, "{engine:?}: {gained}, expected {expected}");
        // A pendulum hangs upwards.
        let pendulum = task("inverted_pendulum");
        let mut envs = self::envs(&pendulum, engine, 1, &always(Gravity(Fixed(-1.0))));
        (0..1000).for_each(|_| envs.step(&[true], &[0.0]));
        assert_eq!((envs.steps(0), envs.outcome(0).terminated), (1000, false));
    }
}

#[test]
fn payload_and_strength_enter_the_equation_of_motion() {
    let task = task("inverted_pendulum");
    let model = task.model();
    let [cart, pole] = ["cart", "pole"].map(|name| &model.bodies[model.body(name).unwrap()]);
    // Upright at rest: x'' = F / (M + m − (m l)² / (I + m l²)).
    let (l, m) = (pole.com[2].abs(), pole.mass);
    let moment = pole.inertia.into_iter().fold(0.0, f64::max);
    let inertia = |payload: f64| cart.mass + payload + m - (m * l).powi(2) / (moment + m * l * l);
    for engine in EngineKind::ALL {
        let speed = |changes: &[Change]| {
            let mut envs = envs(&task, engine, 1, changes);
            let before = f64::from(envs.view(0).qvel[0]);
            envs.step(&[true], &[3.0]);
            f64::from(envs.view(0).qvel[0]) - before
        };
        let nominal = speed(&[]);
        let half = speed(&always(motors(0.5, Motors::All)));
        assert!((half / nominal - 0.5).abs() < 0.01, "{engine:?}: {half} {nominal}");
        let mut envs = envs(&task, engine, 1, &always(Payload { mass: Fixed(2.0), body: None }));
        let kilograms = 2.0 * model.total_mass();
        assert!((f64::from(envs.change_values(0)[0]) - kilograms).abs() < 1e-4);
        let before = f64::from(envs.view(0).qvel[0]);
        envs.step(&[true], &[3.0]);
        let loaded = f64::from(envs.view(0).qvel[0]) - before;
        let expected = inertia(0.0) / inertia(kilograms);
        assert!((loaded / nominal - expected).abs() < 0.02, "{engine:?}: {} {expected}", loaded / nominal);
    }
}

#[test]
fn factors_do_not_depend_on_their_order() {
    let task = task("ant");
    let payload = Change::always(Payload { mass: Fixed(0.5), body: None });
    let mass = Change::always(Mass(Fixed(2.0)));
    let turned = Change::always(Slope(Fixed(0.1)));
    let gravity = Change::always(Gravity(Fixed(0.5)));
    for engine in EngineKind::ALL {
        let course = |changes: &[&Change]| {
            let changes: Vec<Change> = changes.iter().map(|c| (*c).clone()).collect();
            play(&mut envs(&task, engine, 1, &changes), 20, |_| ())
        };
        let first = course(&[&payload, &mass, &turned, &gravity]);
        assert_eq!(course(&[&gravity, &mass, &turned, &payload]), first, "{engine:?}");
        assert_ne!(course(&[&mass, &turned, &gravity]), first, "{engine:?}");
    }
}

/// What a change has set in each of `steps` steps of one episode.
fn course_of(task: &Arc<dyn Task>, change: &Change, seed: u64, steps: usize) -> Vec<f32> {
    let options = task.physics(EngineKind::Lanes, Fidelity::Default);
    let mut envs = Envs::with_changes(task.clone(), 1, options, 1000, std::slice::from_ref(change)).unwrap();
    envs.reset(0, &mut ChaCha8Rng::seed_from_u64(seed));
    let action = vec![0.0; task.spec().actions.len()];
    let mut values = Vec::new();
    for _ in 0..steps {
        envs.step(&[true], &action);
        values.push(envs.change_values(0)[0]);
    }
    values
}

#[test]
fn a_change_may_end_and_come_back() {
    let task = task("half_cheetah");
    let friction = |when| Change { effect: Friction(Fixed(0.5)).into(), when };
    let on = |values: &[f32]| -> Vec<usize> {
        assert!(values.iter().all(|&v| v == 0.5 || v == 1.0), "{values:?}");
        (0..values.len()).filter(|&step| values[step] == 0.5).collect()
    };
    let between = friction(When::Between(Fixed(3), Fixed(6)));
    assert_eq!(on(&course_of(&task, &between, 1, 12)), [3, 4, 5]);
    let every = friction(When::Every { period: Fixed(5), on: Fixed(2), first: Fixed(1) });
    assert_eq!(on(&course_of(&task, &every, 1, 15)), [1, 2, 6, 7, 11, 12]);
    let lasting = friction(When::Every { period: Fixed(3), on: Fixed(3), first: Fixed(4) });
    assert_eq!(on(&course_of(&task, &lasting, 1, 9)), [4, 5, 6, 7, 8]);
    // Drawn by the episode's seed alone.
    let drawn = friction(When::Between(Uniform(0, 5), Uniform(6, 12)));
    let courses: Vec<Vec<f32>> = (0..20).map(|seed| course_of(&task, &drawn, seed, 15)).collect();
    for (seed, course) in courses.iter().enumerate() {
        assert_eq!(&course_of(&task, &drawn, seed as u64, 15), course);
        let on = on(course);
        assert!(on[0] <= 5 && on.windows(2).all(|w| w[1] == w[0] + 1) && (5..12).contains(&on[on.len() - 1]));
    }
    assert!(courses.iter().any(|course| *course != courses[0]));
}

#[test]
fn what_comes_back_is_drawn_anew() {
    let task = task("ant_direction");
    let turn = Effect::from(Target { goal: "direction".into(), value: Uniform(-1.0, 1.0) });
    let when = When::Every { period: Fixed(4), on: Fixed(2), first: Fixed(2) };
    let values = course_of(&task, &Change { effect: turn.clone(), when }, 1, 200);
    // In between, the goal is the one that the task has drawn.
    let own = values[0];
    let mut goals = Vec::new();
    for (step, value) in values.iter().enumerate() {
        match step % 4 {
            2 => goals.push(*value),
            3 => assert_eq!(*value, goals[goals.len() - 1]),
            _ => assert_eq!(*value, own),
        }
    }
    assert!(goals.len() > 20 && goals.iter().all(|g| (-1.0..=1.0).contains(g)), "{goals:?}");
    let different = goals.windows(2).filter(|w| w[0] != w[1]).count();
    assert_eq!(different, goals.len() - 1, "{goals:?}");
    // Two changes of one goal: the later one in the list wins where both hold, and neither sticks.
    let between = |value, start, end| Change {
        effect: Target { goal: "direction".into(), value: Fixed(value) }.into(),
        when: When::Between(Fixed(start), Fixed(end)),
    };
    let mut envs = envs(&task, EngineKind::Lanes, 1, &[between(0.5, 2, 6), between(0.25, 4, 8)]);
    let own = envs.change_values(0)[0];
    let seen: Vec<f32> = (0..10)
        .map(|_| {
            envs.step(&[true], &[0.0; 8]);
            envs.change_values(0)[1]
        })
        .collect();
    assert_eq!(seen, [own, own, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, own, own]);
}

#[test]
fn pushes_come_and_go_as_told() {
    let task = task("ant");
    let pushes = Pushes { force: Fixed(0.5), seconds: 0.2, pause: Uniform(1.0, 3.0) };
    let changes = [Change { effect: pushes.into(), when: When::From(Fixed(50)) }];
    let force = 0.5 * 9.81 * task.model().total_mass();
    for engine in EngineKind::ALL {
        let mut envs = envs(&task, engine, 1, &changes);
        assert_eq!(
            envs.change_channels().iter().map(|c| (c.name.as_str(), c.unit)).collect::<Vec<_>>(),
            [("pushes x", "N"), ("pushes y", "N")]
        );
        let (mut runs, mut directions) = (Vec::new(), Vec::new());
        let mut plain = self::envs(&task, engine, 1, &[]);
        for step in 0..600 {
            envs.step(&[true], &[0.0; 8]);
            plain.step(&[true], &[0.0; 8]);
            if envs.is_resting(0) {
                break;
            }
            let [x, y] = [envs.change_values(0)[0], envs.change_values(0)[1]].map(f64::from);
            let pushed = x.hypot(y) > 0.0;
            assert!(!pushed || (x.hypot(y) - force).abs() < 1e-4 * force, "{x} {y}");
            match runs.last_mut() {
                Some((on, length)) if *on == pushed => *length += 1,
                _ => runs.push((pushed, 1)),
            }
            if pushed {
                directions.push(y.atan2(x));
            } else if runs.len() == 1 {
                assert_eq!(envs.view(0).qpos, plain.view(0).qpos, "not before step {step}");
            }
        }
        assert!(runs.len() > 6 && !runs[0].0, "{runs:?}");
        // 1 to 3 s are 20 to 60 steps, 0.2 s are 4; the first pause starts after step 50.
        assert!((70..=110).contains(&runs[0].1), "{runs:?}");
        for &(pushed, length) in &runs[1..runs.len() - 1] {
            assert!(if pushed { length == 4 } else { (20..=60).contains(&length) }, "{runs:?}");
        }
        directions.dedup();
        assert!(directions.len() >= runs.len() / 2 - 1, "{directions:?}");
        assert_ne!(envs.view(0).qpos, plain.view(0).qpos);
    }
}

#[test]
fn noise_and_delay_touch_what_is_seen_and_nothing_else() {
    for name in ["ant", "half_cheetah"] {
        let task = task(name);
        let size = task.spec().observations.len();
        for engine in EngineKind::ALL {
            let mut plain = envs(&task, engine, 1, &[]);
            let mut noisy = envs(&task, engine, 1, &always(Noise(Fixed(0.05))));
            let late = [always(Delay(Fixed(1))), always(Delay(Fixed(2)))].concat();
            let mut late = envs(&task, engine, 1, &late);
            let mut seen = vec![plain.observations().to_vec()];
            let (mut sum, mut square, mut count) = (0.0, 0.0, 0);
            for step in 0..60 {
                let action = actions(task.as_ref(), step);
                for envs in [&mut plain, &mut noisy, &mut late] {
                    envs.step(&[true], &action);
                }
                for envs in [&noisy, &late] {
                    assert_eq!(envs.view(0).qpos, plain.view(0).qpos);
                    assert_eq!(envs.outcome(0), plain.outcome(0));
                }
                seen.push(plain.observations().to_vec());
                assert_eq!(late.observations(), seen[(step + 1_usize).saturating_sub(3)], "3 steps late");
                for (i, channel) in task.spec().observations.iter().enumerate() {
                    let (got, truth) = (noisy.observations()[i], plain.observations()[i]);
                    assert!(got >= channel.low && got <= channel.high, "{}: {got}", channel.name);
                    if channel.high == f32::INFINITY {
                        let error = f64::from(got - truth);
                        (sum, square, count) = (sum + error, square + error * error, count + 1);
                    }
                }
                if plain.is_resting(0) {
                    break;
                }
            }
            assert!(count > 15 * size, "{count}");
            let n = f64::from(count as u32);
            assert!((sum / n).abs() < 5.0 * 0.05 / n.sqrt(), "mean {}", sum / n);
            assert!(
                ((square / n).sqrt() / 0.05 - 1.0).abs() < 4.0 / (2.0 * n).sqrt(),
                "{}",
                (square / n).sqrt()
            );
        }
    }
}

#[test]
fn a_change_in_mid_episode_leaves_the_past_alone() {
    let task = task("half_cheetah");
    for engine in EngineKind::ALL {
        let at = |when| vec![Change { effect: motors(0.0, Motors::Named(vec!["bthigh".into()])), when }];
        let unchanged = play(&mut envs(&task, engine, 1, &[]), 30, |_| ());
        let mut late = envs(&task, engine, 1, &at(When::From(Fixed(10))));
        assert_eq!(late.change_values(0), [1.0]);
        let first = play(&mut late, 10, |_| ());
        assert_eq!((&first[..], late.change_values(0)), (&unchanged[..10], &[1.0][..]));
        late.step(&[true], &actions(task.as_ref(), 10));
        assert_eq!(late.change_values(0), [0.0]);
        assert_ne!(late.view(0).qvel[3].to_bits(), unchanged[10][9 + 3]);
        // Drawn per episode, within the range, and not always the same.
        let mut drawn = envs(&task, engine, 40, &at(When::From(Uniform(3, 6))));
        let mut began = vec![None; 40];
        for step in 0..8 {
            drawn.step(&[true; 40], &[0.0; 240]);
            for (i, began) in began.iter_mut().enumerate() {
                if drawn.change_values(i) == [0.0] {
                    began.get_or_insert(step);
                }
            }
        }
        for step in 3..=6 {
            assert!(began.contains(&Some(step)), "{began:?}");
        }
        assert!(began.iter().all(|b| b.is_some_and(|b| (3..=6).contains(&b))), "{began:?}");
    }
}

#[test]
fn episodes_draw_from_their_own_stream_and_changes_from_theirs() {
    let task = task("ant");
    let friction = Change::always(Friction(Uniform(0.2, 0.8)));
    let limb = Change::always(motors(0.0, Motors::AnyLimb));
    let options = task.physics(EngineKind::Lanes, Fidelity::Default);
    let drawn = |changes: &[Change], seed: u64| {
        let mut envs = Envs::with_changes(task.clone(), 3, options, 1000, changes).unwrap();
        envs.reset(2, &mut ChaCha8Rng::seed_from_u64(seed));
        envs.change_values(2).to_vec()
    };
    let all: Vec<Vec<f32>> = (0..200).map(|s| drawn(&[friction.clone(), limb.clone()], s)).collect();
    for (seed, values) in all.iter().enumerate() {
        assert!((0.2..=0.8).contains(&values[0]) && values[1] == 0.0, "{values:?}");
        // Another change more does not alter what the first one draws.
        assert_eq!(drawn(std::slice::from_ref(&friction), seed as u64), values[..1]);
    }
    let mean = all.iter().map(|v| v[0]).sum::<f32>() / 200.0;
    assert!((mean - 0.5).abs() < 0.05, "{mean}");
    for leg in 0..4 {
        assert!(all.iter().filter(|v| v[2] == leg as f32).count() > 25, "leg {leg}");
    }
    // Nothing is drawn if nothing changes.
    let (mut a, mut b) = (ChaCha8Rng::seed_from_u64(7), ChaCha8Rng::seed_from_u64(7));
    let mut plain = Envs::new(task.clone(), 1, options, 10).unwrap();
    plain.reset(0, &mut a);
    let model = task.model();
    let mut qpos: Vec<f32> = model.qpos0.iter().map(|&q| q as f32).collect();
    task.reset(&mut b, &mut qpos, &mut vec![0.0; model.nv()], &mut vec![0.0; task.spec().memory]);
    assert_eq!(a.random::<u64>(), b.random::<u64>());
    assert!(plain.change_channels().is_empty() && plain.change_values(0).is_empty());
}

#[test]
fn every_task_passes_the_checker_under_everything_at_once() {
    for config in defaults() {
        let task = config.build().unwrap();
        for engine in EngineKind::ALL {
            let options = task.physics(engine, Fidelity::Default);
            check_changed(&task, options, &everything()).unwrap();
        }
    }
}

/// The ant from its file under the generic task, with a scan of the ground.
fn ant_from_file() -> EnvConfig {
    let text = include_str!("../../assets/ant.xml").to_owned();
    EnvConfig::Mjcf(own_robot::Config {
        file: "ant.xml".to_owned(),
        text: Some(text),
        task: own_robot::Goals::default(),
        observations: vec![
            Sense::Positions,
            Sense::HeightScan { points: (3, 3), spacing: 0.5, ahead: 0.5 },
            Sense::Touch(vec![]),
        ],
        observe_goal: true,
        trunk: None,
        keyframe: None,
        control_dt: 0.05,
        horizon: 100,
        reset_noise_scale: 0.02,
    })
}

/// Every effect alone, between them in every way in time, then the ready-made lists.
fn alone() -> Vec<(String, Vec<Change>)> {
    let between = When::Between(Uniform(2, 5), Uniform(8, 12));
    let every = When::Every { period: Uniform(6, 9), on: Uniform(1, 6), first: Uniform(0, 3) };
    let target = |low, high| Effect::from(Target { goal: "direction".into(), value: Uniform(low, high) });
    let ground = |ground| Effect::from(UnevenGround { ground, seed: 3 });
    let mut lists: Vec<(String, Vec<Change>)> = Vec::new();
    for change in everything() {
        for when in [When::Always, between, every] {
            // The first of each effect always, the others in turn.
            if when == When::Always || lists.len().is_multiple_of(2) == (when == between) {
                let changes = vec![Change { when, ..change.clone() }];
                lists.push((format!("{changes:?}"), changes));
            }
        }
    }
    for effect in [
        Payload { mass: Fixed(0.3), body: None }.into(),
        motors(0.5, Motors::Limb(0)),
        motors(-0.5, Motors::Numbered(vec![0])),
        Wind { force: Fixed(0.1), direction: Some(2.0) }.into(),
        target(-1.0, 1.0),
        ground(Terrain::Rough { height: 0.1 }),
        ground(Terrain::Steps { height: 0.1, length: 1.0 }),
        ground(Terrain::Hills { height: 0.5, length: 6.0 }),
    ] {
        lists.push((format!("{effect:?}"), always(effect)));
    }
    for when in [between, every] {
        lists.push((format!("target {when:?}"), vec![Change { effect: target(-3.0, 3.0), when }]));
    }
    let preset = |&(name, _): &(&str, &str)| (name.to_owned(), Change::preset(name).unwrap());
    lists.extend(presets().iter().map(preset));
    lists
}

#[test]
fn every_effect_is_tried_recorded_and_documented() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("../docs/reference/config.md")).unwrap();
    let task = Guided::boxed();
    for name in Effect::NAMES {
        // As in a config, so in Rust: `Friction(Friction(…))`.
        let is_meant = |change: &Change| format!("{:?}", change.effect).split('(').next() == Some(name);
        let tried = alone().into_iter().flat_map(|(_, changes)| changes).find(is_meant);
        let mut change = tried.unwrap_or_else(|| panic!("no example of {name} is tried alone"));
        if let Effect::Target(target) = &mut change.effect {
            (target.goal, target.value) = ("speed".to_owned(), Uniform(1.0, 2.0));
        }
        let own = change.effect.name();
        assert!(root.join(format!("src/changes/{own}.rs")).is_file(), "{name} is a file of its own");
        assert!(page.contains(&format!("| `{name}(")), "{name} is in the reference: write it anew");
        // Drawn from the episode's seed and nothing else, and recorded under its name.
        let drawn = |seed: u64| {
            let options = task.physics(EngineKind::Lanes, Fidelity::Default);
            let mut envs =
                Envs::with_changes(task.clone(), 2, options, 10, std::slice::from_ref(&change)).unwrap();
            envs.reset(1, &mut ChaCha8Rng::seed_from_u64(seed));
            let channels = envs.change_channels();
            assert!(!channels.is_empty() && channels.iter().all(|c| c.name.starts_with(own)), "{channels:?}");
            let courses = (0..5).map(|_| {
                envs.step(&[false, true], &[0.0; 12]);
                envs.change_values(1).iter().chain(&envs.observations()[18..]).map(|x| x.to_bits()).collect()
            });
            courses.collect::<Vec<Vec<u32>>>()
        };
        assert_eq!(drawn(7), drawn(7), "{name}");
    }
}

/// Ready-made lists hold what is tried on both engines anyway.
fn engines(name: &str) -> &'static [EngineKind] {
    if presets().iter().any(|preset| preset.0 == name) { &[EngineKind::Lanes] } else { &EngineKind::ALL }
}

#[test]
fn every_task_passes_the_checker_under_every_change_alone() {
    let tasks: Vec<Arc<dyn Task>> =
        defaults().into_iter().chain([ant_from_file()]).map(|config| config.build().unwrap()).collect();
    let lists = alone();
    let walkers = [
        "ant",
        "ant_direction",
        "half_cheetah",
        "hopper",
        "humanoid",
        "humanoid_standup",
        "mjcf",
        "walker2d",
    ];
    let work: Vec<_> = tasks.iter().flat_map(|task| lists.iter().map(move |list| (task, list))).collect();
    work.into_par_iter().for_each(|(task, (name, changes))| {
        let env = task.spec().name;
        let fits = |effect: &Effect| match effect {
            Effect::Terrain(_) => walkers.contains(&env),
            Effect::Target(_) => ["ant_direction", "mjcf"].contains(&env),
            _ => true,
        };
        for &engine in engines(name) {
            let options = task.physics(engine, Fidelity::Default);
            let result = check_briefly(task, options, changes);
            if changes.iter().all(|change| fits(&change.effect)) {
                result.unwrap_or_else(|e| panic!("{} under {name}: {e}", engine.name()));
            } else {
                assert!(matches!(result, Err(EnvError::Change { .. })), "{env} under {name}: {result:?}");
            }
        }
    });
}

/// The half-cheetah with a goal that it observes.
struct Guided {
    inner: Arc<dyn Task>,
    spec: Spec,
}

impl Guided {
    fn boxed() -> Arc<dyn Task> {
        let inner = task("half_cheetah");
        let mut spec = inner.spec().clone();
        spec.observations.push(Channel::bounded("speed", "m/s", 0.0, 5.0));
        spec.memory += 2;
        Arc::new(Self { inner, spec })
    }
}

impl Task for Guided {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    fn model(&self) -> &Arc<Model> {
        self.inner.model()
    }

    fn goals(&self) -> Vec<Goal> {
        let goal = |name: &str, memory| Goal { channel: Channel::bounded(name, "m/s", 0.0, 5.0), memory };
        vec![goal("speed", 1), goal("speed limit", 2)]
    }

    fn physics(&self, engine: EngineKind, fidelity: Fidelity) -> StepOptions {
        self.inner.physics(engine, fidelity)
    }

    fn reset(&self, rng: &mut dyn Rng, qpos: &mut [f32], qvel: &mut [f32], memory: &mut [f32]) {
        self.inner.reset(rng, qpos, qvel, &mut memory[..1]);
        memory[1] = 1.5;
    }

    fn observe(&self, world: &WorldView<'_>, memory: &[f32], obs: &mut [f32]) {
        let (rest, goal) = obs.split_at_mut(17);
        self.inner.observe(world, &memory[..1], rest);
        goal[0] = memory[1];
    }

    fn step(&self, world: &WorldView<'_>, action: &[f32], memory: &mut [f32], terms: &mut [f32]) -> bool {
        self.inner.step(world, action, &mut memory[..1], terms)
    }
}

#[test]
fn a_target_reaches_the_task_at_its_step() {
    let task = Guided::boxed();
    let target = |goal: &str, value| Effect::from(Target { goal: goal.into(), value });
    let changes = [Change { effect: target("speed", Fixed(3.0)), when: When::From(Fixed(4)) }];
    for engine in EngineKind::ALL {
        check_changed(&task, task.physics(engine, Fidelity::Default), &changes).unwrap();
        let mut envs = envs(&task, engine, 1, &changes);
        assert_eq!(
            (envs.change_channels()[0].name.as_str(), envs.change_channels()[0].unit),
            ("target speed", "m/s")
        );
        for step in 0..8 {
            // What is observed is asked for in the coming step; what is recorded was, in the last.
            assert_eq!(envs.observations()[17], if step < 4 { 1.5 } else { 3.0 });
            envs.step(&[true], &[0.0; 6]);
            assert_eq!(envs.change_values(0), [if step < 4 { 1.5 } else { 3.0 }]);
        }
    }
    let options = task.physics(EngineKind::Rapier, Fidelity::Default);
    let refuse = |task: &Arc<dyn Task>, effect: Effect| {
        Envs::with_changes(task.clone(), 1, options, 10, &always(effect)).err().unwrap().to_string()
    };
    assert_eq!(
        refuse(&task, target("direction", Fixed(1.0))),
        "change target: unknown goal 'direction' (valid: speed, speed limit)"
    );
    assert_eq!(
        refuse(&task, target("speed", Uniform(1.0, 7.0))),
        "change target: value = Uniform(1.0, 7.0): expected low ≤ high, both in 0.0..=5.0"
    );
    assert_eq!(
        refuse(&self::task("half_cheetah"), target("speed", Fixed(1.0))),
        "change target: unknown goal 'speed' (this task has no goals)"
    );
    // Columns of the same name are told apart by a number, others are not.
    let goals = ["speed limit", "speed", "speed"].map(|goal| Change::always(target(goal, Fixed(1.0))));
    let envs = Envs::with_changes(task, 1, options, 10, &goals).unwrap();
    let names: Vec<&str> = envs.change_channels().iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["target speed limit", "target speed", "target speed 2"]);
}

#[test]
fn on_uneven_ground_a_task_sees_heights_above_it() {
    let ground = UnevenGround { ground: Terrain::Hills { height: 0.6, length: 12.0 }, seed: 2 };
    let changes = always(ground);
    let ant = task("ant");
    for engine in EngineKind::ALL {
        let mut envs = envs(&ant, engine, 4, &changes);
        let names: Vec<&str> = envs.change_channels().iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["terrain x", "terrain y"]);
        let starts: Vec<Vec<f32>> = (0..4).map(|i| envs.change_values(i).to_vec()).collect();
        assert!(starts.windows(2).all(|w| w[0] != w[1]), "each on its own patch: {starts:?}");
        (0..60).for_each(|_| envs.step(&[true; 4], &[0.0; 32]));
        let mut grounds = Vec::new();
        for (i, obs) in envs.observations().chunks_exact(27).enumerate() {
            assert!(!envs.outcome(i).over() && (0.3..0.75).contains(&obs[0]), "{engine:?}: {}", obs[0]);
            let qpos = envs.view(i).qpos;
            let [x, y] = [0, 1].map(|k| qpos[k] - starts[i][k]);
            assert!(x.abs() < 1.0 && y.abs() < 1.0, "{engine:?}: it stands where it was put, {x} {y}");
            grounds.push(qpos[2] - obs[0]);
        }
        let (low, high) = grounds.iter().fold((1.0_f32, 0.0_f32), |(l, h), &z| (l.min(z), h.max(z)));
        assert!(low >= -0.01 && high <= 0.61 && high - low > 0.05, "{engine:?}: {grounds:?}");
    }
    // A field of hardly any height is the plane: the same robot does the same, as long as it is not driven:
    // engines find contacts with a field by its triangles, and forces differ by some per cent.
    for name in ["ant", "hopper", "half_cheetah", "humanoid"] {
        let task = task(name);
        let flat = always(UnevenGround { ground: Terrain::Rough { height: 1e-6 }, seed: 1 });
        for engine in EngineKind::ALL {
            let (mut plain, mut flat) = (envs(&task, engine, 1, &[]), envs(&task, engine, 1, &flat));
            for step in 0..3 {
                let action = vec![0.0; task.spec().actions.len()];
                plain.step(&[true], &action);
                flat.step(&[true], &action);
                // Height, then some angles; velocities depend on how a contact is found.
                for (i, (a, b)) in plain.observations()[..5].iter().zip(flat.observations()).enumerate() {
                    assert!((a - b).abs() < 0.03, "{name} {engine:?} {step}: observation {i}, {a} {b}");
                }
                let (a, b) = (plain.outcome(0).reward, flat.outcome(0).reward);
                assert!((a - b).abs() < 0.2 * a.abs().max(1.0), "{name} {engine:?} {step}: reward {a} {b}");
            }
        }
    }
}

#[test]
fn a_scan_sees_the_ground_that_a_change_has_put_there() {
    let task = ant_from_file().build().unwrap();
    let changes = always(UnevenGround { ground: Terrain::Steps { height: 0.2, length: 1.0 }, seed: 2 });
    let scan = |envs: &Envs| -> Vec<f32> {
        let place = task.spec().observations.iter().position(|c| c.name.starts_with("ground")).unwrap();
        let z = envs.observations()[0];
        envs.observations()[place..place + 9].iter().map(|h| h + z).collect()
    };
    for engine in EngineKind::ALL {
        let flat = scan(&envs(&task, engine, 1, &[]));
        assert!(flat.iter().all(|h| h.abs() < 1e-6), "{flat:?}");
        let mut uneven = envs(&task, engine, 1, &changes);
        let mut seen = Vec::new();
        for seed in 0..10 {
            uneven.reset(0, &mut ChaCha8Rng::seed_from_u64(seed));
            // Relative to the ground below, which lies in the first of three rows ahead.
            let heights = scan(&uneven);
            assert!(heights[1].abs() < 0.21, "{heights:?}");
            seen.extend(heights);
        }
        let level = |h: f32| ((h / 0.2) - (h / 0.2).round()).abs() < 1e-3;
        let steps = seen.iter().filter(|h| level(**h)).count();
        assert!(steps > 20 && seen.iter().any(|h| h.abs() > 0.19), "{engine:?}: {seen:?}");
    }
}

const EXPECTED: &str = "(expected one robot that moves over a level plane)";

fn refuse_ground(task: &dyn Task) -> String {
    let rough = UnevenGround { ground: Terrain::Rough { height: 0.1 }, seed: 1 };
    changed_model(task, &always(rough)).unwrap_err().to_string()
}

#[test]
fn what_does_not_fit_is_refused_with_what_would() {
    let ant = task("ant");
    let options = ant.physics(EngineKind::Rapier, Fidelity::Default);
    let refuse = |effect: Effect, when: When, message: &str| {
        let error =
            Envs::with_changes(ant.clone(), 1, options, 10, &[Change { effect, when }]).err().unwrap();
        assert_eq!(error.to_string(), message);
    };
    let joints = "hip_4, ankle_4, hip_1, ankle_1, hip_2, ankle_2, hip_3, ankle_3";
    let named = |name: &str| motors(0.0, Motors::Named(vec![name.into()]));
    for (effect, message) in [
        (named("knee"), format!("change motors: unknown motor or joint 'knee' (valid: {joints})")),
        (motors(0.0, Motors::Numbered(vec![8])), "change motors: unknown motor 8 (valid: 0 to 7)".into()),
        (
            motors(0.0, Motors::Limb(4)),
            "change motors: unknown limb 4 (valid: 0: hip_1 ankle_1, 1: hip_2 ankle_2, 2: hip_3 ankle_3, 3: hip_4 ankle_4)"
                .into(),
        ),
        (motors(0.0, Motors::Numbered(vec![])), "change motors: Numbered([]) is not a motor".into()),
        (
            Friction(Uniform(1.5, 0.5)).into(),
            "change friction: factor = Uniform(1.5, 0.5): expected low ≤ high, both in 0.0..=1000.0".into(),
        ),
        (
            Mass(Fixed(-1.0)).into(),
            "change mass: factor = Fixed(-1.0): expected 0.001..=1000.0".into(),
        ),
        (
            Payload { mass: Fixed(-0.5), body: None }.into(),
            "change payload: mass = Fixed(-0.5): expected 0.0..=1000.0".into(),
        ),
        (
            Noise(Fixed(f64::NAN)).into(),
            "change noise: deviation = Fixed(NaN): expected 0.0..=1000.0".into(),
        ),
        (
            Delay(Fixed(5000)).into(),
            "change delay: steps = Fixed(5000): expected 0..=1000".into(),
        ),
        (
            Pushes { force: Fixed(1.0), seconds: -1.0, pause: Fixed(1.0) }.into(),
            "change pushes: seconds = Fixed(-1.0): expected 0.0..=1000000.0".into(),
        ),
    ] {
        refuse(effect, When::Always, &message);
    }
    refuse(
        Friction(Fixed(1.0)).into(),
        When::From(Uniform(9, 3)),
        "change friction: when = From(Uniform(9, 3): expected low ≤ high, both in 0..=1000000)",
    );
    for (when, message) in [
        (
            When::Between(Fixed(5), Uniform(5, 9)),
            "Between(Fixed(5), Uniform(5, 9)): expected an end that is always after the start",
        ),
        (
            When::Every { period: Fixed(0), on: Fixed(1), first: Fixed(0) },
            "period(Fixed(0): expected 1..=1000000)",
        ),
        (
            When::Every { period: Uniform(3, 9), on: Fixed(4), first: Fixed(0) },
            "Every { period: Uniform(3, 9), on: Fixed(4), first: Fixed(0) }: expected on to be at most a period",
        ),
    ] {
        refuse(Friction(Fixed(1.0)).into(), when, &format!("change friction: when = {message}"));
    }
    let rough = |height| Effect::from(UnevenGround { ground: Terrain::Rough { height }, seed: 1 });
    refuse(
        rough(0.1),
        When::From(Fixed(5)),
        "change terrain: when = From(Fixed(5)): expected Always, since ground lasts",
    );
    refuse(
        rough(-0.1),
        When::Always,
        "change terrain: ground = -0.1: expected a height above 0, at most 2 m",
    );
    let twice = [always(rough(0.1)), always(rough(0.2))].concat();
    let error = Envs::with_changes(ant.clone(), 1, options, 10, &twice).err().unwrap().to_string();
    assert_eq!(error, "change terrain: two of them: expected at most one");
    for (name, what) in [
        ("ant_terrain", "no level plane that the robot can touch"),
        ("inverted_pendulum", "no level plane that the robot can touch"),
        ("swimmer", "no level plane that the robot can touch"),
        ("grasp", "something that moves beside the robot"),
    ] {
        assert_eq!(
            refuse_ground(task(name).as_ref()),
            format!("change terrain: {name} has {what} {EXPECTED}")
        );
    }
    // On rails along the ground.
    let cart = r#"<mujoco><worldbody><geom type="plane" size="9 9 1"/><body name="cart" pos="0 0 0.2">
        <joint name="x" type="slide" axis="1 0 0"/><geom size="0.1"/></body></worldbody>
        <actuator><motor joint="x" ctrlrange="-1 1"/></actuator></mujoco>"#;
    let EnvConfig::Mjcf(mut config) = ant_from_file() else { unreachable!("it is one") };
    (config.text, config.observations) = (Some(cart.to_owned()), vec![Sense::Positions]);
    let cart = EnvConfig::Mjcf(config).build();
    let cart = refuse_ground(cart.map_err(|e| e.to_string()).unwrap().as_ref());
    assert_eq!(cart, format!("change terrain: mjcf has a robot that cannot move up {EXPECTED}"));
    let error = Envs::with_changes(
        ant.clone(),
        1,
        options,
        10,
        &always(Payload { mass: Fixed(0.1), body: Some("backpack".into()) }),
    );
    let error = error.err().unwrap().to_string();
    assert!(error.starts_with("change payload: unknown body 'backpack' (valid: torso, "), "{error}");
    let error = Change::preset("earthquake").unwrap_err().to_string();
    assert!(error.starts_with("unknown change 'earthquake' (valid: broken_leg, breaking_leg, "), "{error}");
    let many = vec![Change::always(Mass(Fixed(1000.0))); 13];
    let error = Envs::with_changes(ant.clone(), 1, options, 10, &many).err().unwrap().to_string();
    assert_eq!(error, "change mass: 13 changes: expected at most 12");
    // As extreme as it gets: refused or not, never a panic.
    let mut envs = Envs::with_changes(ant.clone(), 1, options, 10, &many[..12]).unwrap();
    envs.reset(0, &mut ChaCha8Rng::seed_from_u64(1));
    envs.step(&[true], &[1.0; 8]);
}

#[test]
fn lists_are_written_as_documented_and_come_back() {
    let options = ron::Options::default().with_default_extension(Extensions::UNWRAP_VARIANT_NEWTYPES);
    let text = r#"[
        (effect: Friction(Uniform(0.3, 1.5))),
        (effect: Motors(strength: Fixed(0.0), which: Limb(0)), when: From(Uniform(100, 300))),
        (effect: Motors(strength: Fixed(0.0), which: Named(["ankle_1"])), when: From(Fixed(200))),
        (effect: Payload(mass: Fixed(0.5))),
        (effect: Pushes(force: Fixed(0.5))),
        (effect: Wind(force: Fixed(0.1), direction: Some(1.5))),
        (effect: Delay(Fixed(2))),
        (effect: Target(goal: "speed", value: Uniform(1.0, 2.0)), when: Always),
        (effect: Terrain(ground: Rough(height: 0.1))),
        (effect: Terrain(ground: Steps(height: 0.1, length: 2.0), seed: 7)),
        (effect: Mass(Fixed(2.0)), when: Between(Fixed(10), Uniform(20, 30))),
        (effect: Mass(Fixed(2.0)), when: Every(period: Fixed(10), on: Uniform(1, 5))),
    ]"#;
    let read: Vec<Change> = options.from_str(text).unwrap();
    assert_eq!(read[0], Change::always(Friction(Uniform(0.3, 1.5))));
    assert_eq!(read[2].when, When::From(Fixed(200)));
    let pushes = Pushes { force: Fixed(0.5), seconds: 0.2, pause: Uniform(1.0, 3.0) };
    assert_eq!(read[4].effect, pushes.into());
    let rough = UnevenGround { ground: Terrain::Rough { height: 0.1 }, seed: 1 };
    assert_eq!(read[8].effect, rough.into());
    assert_eq!(read[11].when, When::Every { period: Fixed(10), on: Uniform(1, 5), first: Fixed(0) });
    let mut all = read;
    all.extend(presets().iter().flat_map(|(name, _)| Change::preset(name).unwrap()));
    let error = options.from_str::<Change>("(effect: Wind(force: Fixed(1.0), angle: 3.0))");
    assert!(error.unwrap_err().to_string().contains("angle"));
    for options in [options, ron::Options::default()] {
        let text = options.to_string(&all).unwrap();
        assert_eq!(options.from_str::<Vec<Change>>(&text).unwrap(), all, "{text}");
        let error = options.from_str::<Change>("(effect: Frition(Fixed(1.0)))").unwrap_err().to_string();
        assert!(error.contains("Frition") && error.contains("Friction"), "{error}");
        let error = options.from_str::<Change>("(effect: Noise(Fixed(1.0)), wen: Always)");
        assert!(error.unwrap_err().to_string().contains("wen"));
    }
}

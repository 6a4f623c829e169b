//! Steps with derivatives.

use std::sync::Arc;

use envs::changes::wind::Wind;
use envs::{Change, EnvConfig, EnvError, Envs, Fidelity, Slopes, Task, Value, When, defaults};
use rand::{RngExt as _, SeedableRng as _, rngs::ChaCha8Rng};
use sim::{EngineKind, StepOptions};

fn task(name: &str) -> Arc<dyn Task> {
    EnvConfig::from_name(name).unwrap().build().unwrap()
}

fn lanes(task: &Arc<dyn Task>) -> StepOptions {
    task.physics(EngineKind::Lanes, Fidelity::Default)
}

#[test]
fn tasks_say_whether_they_have_derivatives() {
    let with: Vec<&str> = defaults()
        .iter()
        .filter(|config| config.build().unwrap().gradient().is_some())
        .map(EnvConfig::name)
        .collect();
    let expected = [
        "ant",
        "ant_direction",
        "half_cheetah",
        "hopper",
        "inverted_pendulum",
        "reacher",
        "swimmer",
        "walker2d",
    ];
    assert_eq!(with, expected);
}

#[test]
fn what_has_no_derivatives_is_refused_by_name() {
    let refused = |task: Arc<dyn Task>, engine: EngineKind, changes: &[Change]| {
        let options = task.physics(engine, Fidelity::Default);
        let mut envs = Envs::with_changes(task.clone(), 1, options, 10, changes).unwrap();
        envs.reset(0, &mut ChaCha8Rng::seed_from_u64(1));
        let before = envs.observations().to_vec();
        let actions = vec![0.0; task.spec().actions.len()];
        let error = envs.step_with_slopes(&[true], &actions, &mut [Slopes::default()]).unwrap_err();
        assert_eq!((envs.observations(), envs.steps(0)), (&before[..], 0));
        error.to_string()
    };
    let error = refused(task("humanoid"), EngineKind::Lanes, &[]);
    assert!(error.contains("env humanoid cannot be trained through its physics"), "{error}");
    assert!(error.contains("ant, ant_direction, half_cheetah, hopper,"), "{error}");
    let wind = Wind { force: Value::Fixed(0.1), direction: None };
    let wind = Change { effect: wind.into(), when: When::default() };
    let error = refused(task("hopper"), EngineKind::Lanes, &[wind]);
    assert!(error.contains("changes of the environment have no derivatives"), "{error}");
    let error = refused(task("hopper"), EngineKind::Rapier, &[]);
    assert!(error.contains("rapier"), "{error}");
}

#[test]
fn a_step_with_derivatives_is_the_same_step() -> Result<(), EnvError> {
    for name in ["ant", "reacher"] {
        let task = task(name);
        let (n, width) = (3, task.spec().actions.len());
        let mut both = [0, 1].map(|_| Envs::new(task.clone(), n, lanes(&task), 7).unwrap());
        for envs in &mut both {
            (0..n).for_each(|i| envs.reset(i, &mut ChaCha8Rng::seed_from_u64(i as u64)));
        }
        let [plain, with] = &mut both;
        let mut slopes = vec![Slopes::default(); n];
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        for _ in 0..9 {
            let actions: Vec<f32> = (0..n * width).map(|_| rng.random_range(-1.2..1.2)).collect();
            plain.step(&[true, false, true], &actions);
            with.step_with_slopes(&[true, false, true], &actions, &mut slopes)?;
            assert_eq!(plain.observations(), with.observations());
            for i in 0..n {
                assert_eq!((plain.terms(i), plain.outcome(i)), (with.terms(i), with.outcome(i)));
            }
        }
        // The one that never stepped has none.
        assert_eq!(slopes.iter().map(Slopes::states).filter(|&states| states > 0).count(), 2);
    }
    Ok(())
}

/// Sum of all reward terms of some steps, as a function of all actions, and its derivatives by them; then the same from
/// differences.
fn returns(name: &str, seed: u64, steps: usize, size: f32) -> (Vec<f64>, Vec<f64>) {
    let task = task(name);
    let (width, seen) = (task.spec().actions.len(), task.spec().observations.len());
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    // A pole falls at once if it is pushed hard.
    let limit = if name == "inverted_pendulum" { 0.01 } else { 0.5 };
    let actions: Vec<f32> = (0..steps * width).map(|_| rng.random_range(-limit..limit)).collect();
    // Every number of the last observation counts as well.
    let weights: Vec<f64> = (0..seen).map(|_| rng.random_range(-1.0..1.0)).collect();
    let start = |envs: &mut Envs| {
        envs.reset(0, &mut ChaCha8Rng::seed_from_u64(seed));
        // Away from the start, where feet only just touch.
        (0..5).for_each(|_| envs.step(&[true], &vec![0.2 * limit; width]));
    };
    let mut envs = Envs::new(task.clone(), 1, lanes(&task), 1000).unwrap();
    let value = |envs: &mut Envs, actions: &[f32]| {
        start(envs);
        let mut sum = 0.0;
        for action in actions.chunks_exact(width) {
            envs.step(&[true], action);
            sum += envs.terms(0).iter().map(|&x| f64::from(x)).sum::<f64>();
        }
        sum + envs.observations().iter().zip(&weights).map(|(&x, w)| w * f64::from(x)).sum::<f64>()
    };
    start(&mut envs);
    let mut tape = vec![Slopes::default(); steps];
    for (action, slopes) in actions.chunks_exact(width).zip(&mut tape) {
        envs.step_with_slopes(&[true], action, std::slice::from_mut(slopes)).unwrap();
        assert!(!envs.outcome(0).over() && !slopes.lost());
    }
    let mut state = vec![0.0; tape[0].states()];
    let mut found = vec![0.0; steps * width];
    let (terms, nothing) = (vec![1.0; task.spec().terms.len()], vec![0.0; seen]);
    for (step, slopes) in tape.iter().enumerate().rev() {
        let observation = if step + 1 == steps { &weights } else { &nothing };
        slopes.pull(observation, &terms, &mut state, &mut found[step * width..(step + 1) * width]);
    }
    let expected = (0..actions.len()).map(|k| {
        let [more, less] = [size, -size].map(|by| {
            let mut moved = actions.clone();
            moved[k] += by;
            value(&mut envs, &moved)
        });
        (more - less) / f64::from(2.0 * size)
    });
    let expected = expected.collect();
    (found, expected)
}

#[test]
fn derivatives_of_a_return_are_those_of_differences() {
    // Without contacts, single precision limits the differences: 1e-6 to 8e-5 of the gradient. With them, a contact may
    // begin between two of them, so that some of five seeds are far off; the one in the middle is not.
    for (name, size, limit) in [
        ("inverted_pendulum", 0.02, 1e-4),
        ("swimmer", 0.02, 1e-3),
        ("reacher", 0.02, 1e-4),
        ("hopper", 0.005, 0.1),
        ("half_cheetah", 0.005, 0.1),
    ] {
        let mut errors: Vec<f64> = (0..5)
            .map(|seed| {
                let (found, expected) = returns(name, seed, 6, size);
                let difference: f64 = found.iter().zip(&expected).map(|(a, b)| (a - b).powi(2)).sum();
                (difference / expected.iter().map(|b| b * b).sum::<f64>()).sqrt()
            })
            .collect();
        errors.sort_by(f64::total_cmp);
        println!("{name}: {errors:?}");
        assert!(errors[2] < limit, "{name}: {errors:?}");
    }
}

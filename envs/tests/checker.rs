//! Every registered task, held to its contract.

#![allow(clippy::unwrap_used, reason = "tests")]

use envs::{EnvError, Envs, Fidelity, check, defaults};
use rand::{RngExt as _, SeedableRng as _, rngs::ChaCha8Rng};
use sim::EngineKind;

#[test]
fn every_task_passes_the_checker() -> Result<(), EnvError> {
    for config in defaults() {
        let task = config.build()?;
        check(&task, task.physics(EngineKind::Rapier, Fidelity::Default))?;
    }
    Ok(())
}

#[test]
fn every_task_passes_the_checker_with_reference_physics() -> Result<(), EnvError> {
    for config in defaults() {
        let task = config.build()?;
        check(&task, task.physics(EngineKind::Rapier, Fidelity::Reference))?;
    }
    Ok(())
}

#[test]
fn every_task_passes_the_checker_in_lanes() -> Result<(), EnvError> {
    for config in defaults() {
        let task = config.build()?;
        for fidelity in [Fidelity::Default, Fidelity::Reference] {
            check(&task, task.physics(EngineKind::Lanes, fidelity))?;
        }
    }
    Ok(())
}

#[test]
fn no_task_blows_up_under_random_actions() -> Result<(), EnvError> {
    // Rapier takes a hundred times as long.
    for (engine, n, steps) in [(EngineKind::Rapier, 64, 300), (EngineKind::Lanes, 256, 1000)] {
        for config in defaults() {
            let task = config.build()?;
            let options = task.physics(engine, Fidelity::Default);
            let mut envs = Envs::new(task.clone(), n, options, 1000)?;
            let mut rngs: Vec<_> = (0..n).map(|i| ChaCha8Rng::seed_from_u64(1000 + i as u64)).collect();
            for _ in 0..steps {
                let mut actions = Vec::new();
                for (i, rng) in rngs.iter_mut().enumerate() {
                    if envs.is_resting(i) {
                        envs.reset(i, rng);
                    }
                    actions.extend(task.spec().actions.iter().map(|c| rng.random_range(c.low..=c.high)));
                }
                envs.step(&vec![true; n], &actions);
            }
            assert_eq!(envs.blow_ups(), 0, "{} in {}", config.name(), engine.name());
        }
    }
    Ok(())
}

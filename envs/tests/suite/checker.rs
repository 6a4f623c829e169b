//! Every registered task, held to its contract.

use std::sync::Arc;

use envs::{
    EnvConfig, EnvError, Envs, Fidelity, Observations, Task, Terrain, Variant, ant, ant_direction,
    ant_terrain, check, check_briefly, defaults, variants,
};
use rand::{RngExt as _, SeedableRng as _, rngs::ChaCha8Rng};
use sim::{EngineKind, StepOptions};

#[test]
fn every_task_passes_the_checker() -> Result<(), EnvError> {
    for config in defaults() {
        let task = config.build()?;
        check(&task, task.physics(EngineKind::Rapier, Fidelity::Default))?;
    }
    Ok(())
}

#[test]
#[ignore = "slow: ./tests/run --full"]
fn every_task_passes_the_checker_with_reference_physics() -> Result<(), EnvError> {
    for config in defaults() {
        let task = config.build()?;
        check(&task, task.physics(EngineKind::Rapier, Fidelity::Reference))?;
    }
    Ok(())
}

#[test]
fn every_task_passes_a_brief_check_with_reference_physics() -> Result<(), EnvError> {
    for config in defaults() {
        let task = config.build()?;
        check_briefly(&task, task.physics(EngineKind::Rapier, Fidelity::Reference), &[])?;
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

/// Settings that change what is observed or remembered, alone and on top of each other.
#[test]
fn variants_of_tasks_pass_the_checker() -> Result<(), EnvError> {
    let felt = ant::Config {
        observations: Observations::Gymnasium,
        contact_cost_weight: 5e-4,
        ..ant::Config::default()
    };
    let steps = Terrain::Steps { height: 0.05, length: 1.0 };
    let hills = Terrain::Hills { height: 0.5, length: 10.0 };
    let terrain = |terrain, ant: &ant::Config, scan| {
        EnvConfig::AntTerrain(ant_terrain::Config { ant: ant.clone(), terrain, seed: 2, scan })
    };
    let direction = |ant: &ant::Config, observe_goal| {
        let (ant, speeds) = (ant.clone(), Some((0.5, 2.0)));
        EnvConfig::AntDirection(ant_direction::Config { ant, speeds, observe_goal, directions: (-1.0, 1.0) })
    };
    for (config, observations) in [
        (EnvConfig::Ant(felt.clone()), 105),
        (terrain(steps, &felt, true), 120),
        (terrain(hills, &ant::Config::default(), false), 27),
        (direction(&felt, true), 108),
        (direction(&ant::Config::default(), false), 27),
    ] {
        let task = config.build()?;
        assert_eq!(task.spec().observations.len(), observations, "{config:?}");
        for engine in EngineKind::ALL {
            check(&task, task.physics(engine, Fidelity::Default))?;
        }
    }
    Ok(())
}

#[test]
#[ignore = "slow: ./tests/run --full"]
fn variants_of_peers_pass_the_checker() -> Result<(), EnvError> {
    variants_of_peers(check)
}

#[test]
fn variants_of_peers_pass_a_brief_check() -> Result<(), EnvError> {
    variants_of_peers(|task, options| check_briefly(task, options, &[]))
}

/// Gymnasium's and Brax's own versions.
fn variants_of_peers(
    check: impl Fn(&Arc<dyn Task>, StepOptions) -> Result<(), EnvError>,
) -> Result<(), EnvError> {
    let mut sizes = Vec::new();
    for (variant, config) in variants() {
        let task = config.build()?;
        if variant == Variant::Brax {
            sizes.push((config.name(), task.spec().observations.len(), task.spec().horizon));
        }
        if EnvConfig::from_name(config.name()).is_some_and(|default| default == config) {
            continue;
        }
        for engine in EngineKind::ALL {
            for fidelity in [Fidelity::Default, Fidelity::Reference] {
                check(&task, task.physics(engine, fidelity))?;
            }
        }
    }
    let expected = [
        ("ant", 27, 1000),
        ("half_cheetah", 17, 1000),
        ("hopper", 11, 1000),
        ("humanoid", 244, 1000),
        ("humanoid_standup", 244, 1000),
        ("inverted_double_pendulum", 8, 1000),
        ("inverted_pendulum", 4, 1000),
        ("pusher", 23, 1000),
        ("reacher", 11, 1000),
        ("swimmer", 8, 1000),
        ("walker2d", 17, 1000),
    ];
    assert_eq!(sizes, expected);
    Ok(())
}

/// The last step before an end pays the bonus in Brax and not in Gymnasium, and nothing else differs.
#[test]
fn the_step_that_ends_an_episode_is_paid_as_the_variant_says() -> Result<(), EnvError> {
    for (variant, config) in variants() {
        let name = config.name();
        if !["ant", "hopper", "walker2d", "humanoid", "inverted_pendulum"].contains(&name) {
            continue;
        }
        let task = config.build()?;
        let term = task.spec().terms.iter().position(|t| ["survive", "alive"].contains(t)).unwrap();
        let mut envs = Envs::new(task.clone(), 1, task.physics(EngineKind::Lanes, Fidelity::Default), 1000)?;
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        envs.reset(0, &mut rng);
        let mut paid = Vec::new();
        while !envs.is_resting(0) {
            let action: Vec<f32> =
                task.spec().actions.iter().map(|c| rng.random_range(c.low..=c.high)).collect();
            envs.step(&[true], &action);
            paid.push(envs.terms(0)[term]);
        }
        let (last, before) = paid.split_last().unwrap();
        let full = before[0];
        assert!(full > 0.0 && before.iter().all(|&p| p == full), "{name}: {before:?}");
        let terminated = envs.outcome(0).terminated;
        let expected = if variant == Variant::Brax || !terminated { full } else { 0.0 };
        assert_eq!(*last, expected, "{variant:?} {name}");
        assert!(terminated || name == "ant", "{name} falls");
    }
    Ok(())
}

/// The checker does the same in a few worlds.
#[test]
#[ignore = "slow: ./tests/run --full"]
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

//! The batch with tasks that misbehave: nothing that is not finite may get out.

use std::sync::Arc;

use envs::{EnvConfig, EnvError, Envs, Fidelity, Spec, Step, Task, check};
use rand::{Rng, SeedableRng as _, rngs::ChaCha8Rng};
use sim::{EngineKind, Model, StepOptions, WorldView};

/// What goes wrong in the third step of an episode, or at its start.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    Term,
    Observation,
    ForgottenTerm,
    StartObservation,
    HiddenState,
    Memory,
}

/// The inverted pendulum with a fault. Its memory counts the steps of the episode.
struct Faulty {
    inner: Arc<dyn Task>,
    spec: Spec,
    fault: Fault,
    hidden: std::sync::atomic::AtomicU32,
}

impl Faulty {
    fn boxed(fault: Fault) -> Arc<dyn Task> {
        let inner = EnvConfig::from_name("inverted_pendulum").unwrap().build().unwrap();
        let mut spec = inner.spec().clone();
        (spec.memory, spec.terms, spec.formulas) = (1, &["alive", "extra"], &["1", "0"]);
        Arc::new(Self { inner, spec, fault, hidden: 0.into() })
    }
}

impl Task for Faulty {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    fn model(&self) -> &Arc<Model> {
        self.inner.model()
    }

    fn physics(&self, engine: EngineKind, fidelity: Fidelity) -> StepOptions {
        self.inner.physics(engine, fidelity)
    }

    fn reset(&self, rng: &mut dyn Rng, qpos: &mut [f32], qvel: &mut [f32], memory: &mut [f32]) {
        assert_eq!((&*qpos, &*qvel, &*memory), (&[0.0; 2][..], &[0.0; 2][..], &[0.0][..]));
        self.inner.reset(rng, qpos, qvel, &mut []);
    }

    fn observe(&self, world: &WorldView<'_>, memory: &[f32], obs: &mut [f32]) {
        self.inner.observe(world, &[], obs);
        match self.fault {
            Fault::Observation if memory[0] == 3.0 => obs[1] = f32::NAN,
            Fault::StartObservation => obs[0] = f32::INFINITY,
            Fault::HiddenState => {
                obs[0] = self.hidden.fetch_add(1, std::sync::atomic::Ordering::Relaxed) as f32;
            }
            Fault::Memory => obs[0] = memory[0],
            _ => {}
        }
    }

    fn step(&self, world: &WorldView<'_>, action: &[f32], memory: &mut [f32], terms: &mut [f32]) -> bool {
        memory[0] += 1.0;
        terms[1] = 0.0;
        match self.fault {
            Fault::Term if memory[0] == 3.0 => terms[1] = f32::NEG_INFINITY,
            Fault::ForgottenTerm if memory[0] == 3.0 => return false,
            _ => {}
        }
        self.inner.step(world, action, &mut [], &mut terms[..1])
    }
}

fn envs(task: &Arc<dyn Task>, n: usize, horizon: usize) -> Envs {
    Envs::new(task.clone(), n, task.physics(EngineKind::Rapier, Fidelity::Default), horizon).unwrap()
}

fn reset(envs: &mut Envs, i: usize, seed: u64) {
    envs.reset(i, &mut ChaCha8Rng::seed_from_u64(seed));
}

#[test]
fn an_episode_succeeds_when_its_aim_has_held_for_long_enough() {
    let task = EnvConfig::from_name("push_to_goal").unwrap().build().unwrap();
    let aim = task.aim().unwrap();
    let mut envs = envs(&task, 2, 100);
    (0..2).for_each(|i| reset(&mut envs, i, 1));
    // The object on the goal, the hand away from both; the other stays as it is.
    let mut qpos = envs.view(0).qpos.to_vec();
    let goal = qpos.len() - 2;
    let kind = envs.observations()[13..16].iter().position(|&x| x == 1.0).unwrap();
    qpos.copy_within(goal.., 2 + 3 * kind);
    (qpos[0], qpos[1]) = (0.45, 0.45);
    envs.place(0, &qpos);
    let mut saved = None;
    for step in 1..=100 {
        envs.step(&[true; 2], &[0.0; 4]);
        assert_eq!(envs.outcome(0).success, step >= aim.steps, "step {step}");
        assert!(!envs.outcome(1).success);
        if step == aim.steps - 1 {
            saved = Some(envs.save(0));
        }
    }
    // The count is part of the state, and begins anew with an episode.
    reset(&mut envs, 0, 1);
    envs.load(1, &saved.unwrap());
    envs.step(&[true; 2], &[0.0; 4]);
    assert_eq!([0, 1].map(|i| envs.outcome(i).success), [false, true]);
}

#[test]
fn a_step_that_is_not_finite_terminates_without_reward() {
    for fault in [Fault::Term, Fault::Observation, Fault::ForgottenTerm] {
        let task = Faulty::boxed(fault);
        let mut envs = envs(&task, 1, 100);
        reset(&mut envs, 0, 1);
        for _ in 0..2 {
            envs.step(&[true], &[0.0]);
            assert_eq!(
                envs.outcome(0),
                Step { reward: 1.0, terminated: false, truncated: false, success: false }
            );
        }
        envs.step(&[true], &[0.0]);
        assert_eq!(envs.outcome(0), Step { reward: 0.0, terminated: true, truncated: false, success: false });
        assert_eq!(envs.terms(0), [0.0; 2]);
        assert!(envs.observations().iter().all(|x| x.is_finite()));
        assert!(envs.blow_ups() == 1 && envs.blew_up(0));
        // At rest until its reset, then as good as new.
        envs.step(&[true], &[0.0]);
        assert_eq!((envs.steps(0), envs.blow_ups()), (3, 1));
        reset(&mut envs, 0, 1);
        assert_eq!((envs.outcome(0), envs.blew_up(0)), (Step::default(), false));
        envs.step(&[true], &[0.0]);
        assert_eq!(envs.outcome(0).reward, 1.0);
    }
}

#[test]
fn only_the_environment_that_blew_up_says_so() {
    let task = Faulty::boxed(Fault::Term);
    let mut envs = envs(&task, 3, 100);
    (0..3).for_each(|i| reset(&mut envs, i, i as u64));
    // Environment 1 is the only one to reach the third step.
    for active in [[true; 3], [true; 3], [false, true, false]] {
        envs.step(&active, &[0.0; 3]);
    }
    assert_eq!([0, 1, 2].map(|i| envs.blew_up(i)), [false, true, false]);
    let state = envs.save(1);
    envs.load(2, &state);
    reset(&mut envs, 1, 1);
    assert_eq!([0, 1, 2].map(|i| envs.blew_up(i)), [false, false, true]);
}

#[test]
fn a_start_that_is_not_finite_is_over() {
    let mut envs = envs(&Faulty::boxed(Fault::StartObservation), 1, 100);
    reset(&mut envs, 0, 1);
    assert!(envs.outcome(0).terminated && envs.is_resting(0) && envs.blew_up(0));
    assert_eq!((envs.observations(), envs.blow_ups()), (&[0.0; 4][..], 1));
}

#[test]
fn the_checker_finds_what_breaks_the_contract() {
    let physics = |task: &Arc<dyn Task>| task.physics(EngineKind::Rapier, Fidelity::Default);
    for fault in [Fault::None, Fault::Memory] {
        let task = Faulty::boxed(fault);
        check(&task, physics(&task)).unwrap();
    }
    for (fault, name) in [
        (Fault::HiddenState, "determinism"),
        (Fault::Term, "random actions"),
        (Fault::Observation, "random actions"),
        (Fault::ForgottenTerm, "random actions"),
    ] {
        let task = Faulty::boxed(fault);
        let error = check(&task, physics(&task)).unwrap_err();
        assert!(matches!(&error, EnvError::Check { check, .. } if *check == name), "{name}: {error}");
    }
}

#[test]
fn settings_that_do_not_fit_the_task_are_refused() {
    let task = Faulty::boxed(Fault::None);
    let physics = task.physics(EngineKind::Rapier, Fidelity::Default);
    let message = |options, horizon| Envs::new(task.clone(), 1, options, horizon).err().unwrap().to_string();
    assert_eq!(message(physics, 0), "env inverted_pendulum: horizon = 0: expected at least 1 control step");
    assert_eq!(
        message(StepOptions { substeps: 3, ..physics }, 1000),
        "env inverted_pendulum: timestep × substeps = 0.06: expected 0.04 s, the control step of the task"
    );
}

#[test]
fn environments_at_rest_and_inactive_ones_keep_everything() {
    let task = Faulty::boxed(Fault::None);
    let mut envs = envs(&task, 3, 2);
    reset(&mut envs, 0, 1);
    reset(&mut envs, 1, 2);
    let start = envs.observations().to_vec();
    // 2 has never been reset, 1 is inactive.
    envs.step(&[true, false, true], &[1.0, 1.0, 1.0]);
    assert_ne!(envs.observations()[..4], start[..4]);
    assert_eq!(envs.observations()[4..], start[4..]);
    assert_eq!([envs.steps(0), envs.steps(1), envs.steps(2)], [1, 0, 0]);
    envs.step(&[true, true, false], &[0.0; 3]);
    assert_eq!(envs.outcome(0), Step { reward: 1.0, terminated: false, truncated: true, success: false });
    let end = envs.observations()[..4].to_vec();
    envs.step(&[true; 3], &[1.0; 3]);
    assert_eq!((envs.steps(0), envs.steps(1), envs.steps(2)), (2, 2, 0));
    assert_eq!(envs.observations()[..4], end[..]);
}

#[test]
fn actions_that_are_not_numbers_count_as_zero() {
    let task = Faulty::boxed(Fault::None);
    let mut envs = envs(&task, 2, 100);
    reset(&mut envs, 0, 1);
    reset(&mut envs, 1, 1);
    for _ in 0..5 {
        envs.step(&[true, true], &[f32::NAN, 0.0]);
    }
    assert_eq!((envs.action(0), envs.blow_ups()), (&[0.0][..], 0));
    assert_eq!(envs.observations()[..4], envs.observations()[4..]);
}

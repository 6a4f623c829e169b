//! 200 steps of every task: the same bits for any place, batch, number of threads and interruption,
//! and, in lanes, on any machine.
//!
//! After a wanted change of a task or of lanes run `UPDATE_GOLDEN=1 cargo test -p envs --test golden`.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;
use std::sync::Arc;

use envs::{Envs, Fidelity, Task, defaults};
use rand::{RngExt as _, SeedableRng as _, rngs::ChaCha8Rng};
use sim::EngineKind;

const STEPS: usize = 200;
const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden.txt");

/// 64-bit FNV-1a.
fn hash(hash: u64, value: u32) -> u64 {
    let bytes = value.to_le_bytes().into_iter();
    bytes.fold(hash, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Hash of observations, rewards and ends of environment `slot` of `n`, whose neighbours do something
/// else. It is saved and put back after `restore` steps.
fn course(task: &Arc<dyn Task>, engine: EngineKind, n: usize, slot: usize, restore: usize) -> u64 {
    let options = task.physics(engine, Fidelity::Default);
    let mut envs = Envs::new(task.clone(), n, options, 1000).unwrap();
    let mut rngs: Vec<_> =
        (0..n).map(|i| ChaCha8Rng::seed_from_u64(if i == slot { 1 } else { 90 + i as u64 })).collect();
    let size = task.spec().observations.len();
    let mut sum = 0xcbf2_9ce4_8422_2325;
    for step in 0..STEPS {
        let mut actions = Vec::new();
        for (i, rng) in rngs.iter_mut().enumerate() {
            if envs.is_resting(i) {
                envs.reset(i, rng);
            }
            actions.extend(task.spec().actions.iter().map(|c| rng.random_range(c.low..=c.high)));
        }
        if step == restore {
            let saved = envs.save(slot);
            envs.step(&vec![true; n], &vec![0.0; actions.len()]);
            envs.load(slot, &saved);
        }
        envs.step(&vec![true; n], &actions);
        let seen = envs.observations()[slot * size..(slot + 1) * size].iter().chain(envs.terms(slot));
        sum = seen.fold(sum, |sum, x| hash(sum, x.to_bits()));
        sum = hash(sum, u32::from(envs.outcome(slot).terminated));
    }
    sum
}

fn on_threads(threads: usize, work: impl FnOnce() -> u64 + Send) -> u64 {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
}

#[test]
fn every_course_is_the_same_everywhere() {
    let mut lines = String::new();
    for config in defaults() {
        let task = config.build().unwrap();
        for engine in EngineKind::ALL {
            let name = format!("{} {}", config.name(), engine.name());
            let first = course(&task, engine, 1, 0, STEPS);
            assert_eq!(on_threads(1, || course(&task, engine, 3, 1, STEPS)), first, "{name} among others");
            assert_eq!(on_threads(2, || course(&task, engine, 3, 2, 7)), first, "{name} interrupted");
            if engine == EngineKind::Lanes {
                writeln!(lines, "{} {first:016x}", config.name()).unwrap();
            }
        }
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(PATH, &lines).unwrap();
    }
    // Each line is a task and the hash of its course in lanes.
    assert_eq!(lines, std::fs::read_to_string(PATH).unwrap());
}
